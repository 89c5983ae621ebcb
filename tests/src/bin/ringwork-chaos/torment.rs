//! What happens to whom, and when: random moments at fixed rates, repeatable by the seed.

use fastrand::Rng;
use std::time::{Duration, Instant};

/// What is done to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Torment {
    /// SIGKILL of a worker.
    KillWorker,
    /// SIGSTOP of a worker, SIGCONT a little later.
    StopWorker,
    /// SIGTERM of a worker: it ends its tasks and leaves, another takes its place.
    RecycleWorker,
    /// SIGKILL of a client, which is started again.
    KillClient,
    /// SIGSTOP of a client, SIGCONT a little later.
    StopClient,
    /// A client closes its connection and opens another.
    RecycleClient,
    /// SIGKILL of the supervisor, which is started again under the same name.
    KillSupervisor,
    /// SIGSTOP of the supervisor, SIGCONT a little later.
    StopSupervisor,
    /// Clients settle everything and disconnect, nothing may be taken then; SIGTERM of the
    /// supervisor, and another.
    RecycleSupervisor,
}

/// All of them.
pub const ALL: [Torment; 9] = [
    Torment::KillWorker,
    Torment::StopWorker,
    Torment::RecycleWorker,
    Torment::KillClient,
    Torment::StopClient,
    Torment::RecycleClient,
    Torment::KillSupervisor,
    Torment::StopSupervisor,
    Torment::RecycleSupervisor,
];

/// The next moment of each torment.
#[derive(Debug)]
pub struct Schedule {
    random: Rng,
    rate: f64,
    next: [Instant; ALL.len()],
}

impl Schedule {
    /// A schedule from `start` on, with `rate` kills of workers a second.
    pub fn new(seed: u64, rate: f64, start: Instant) -> Self {
        let mut schedule = Self {
            random: Rng::with_seed(seed),
            rate,
            next: [start; ALL.len()],
        };
        for (index, torment) in ALL.into_iter().enumerate() {
            // In a short run, too, everything happens.
            let first = match torment {
                Torment::KillSupervisor => schedule.between(3.0, 5.0),
                Torment::RecycleSupervisor => schedule.between(7.0, 10.0),
                other => schedule.pause(other),
            };
            schedule.next[index] += first;
        }
        schedule
    }

    fn between(&mut self, least: f64, most: f64) -> Duration {
        Duration::from_secs_f64(least + self.random.f64() * (most - least))
    }

    /// Moments that know nothing of each other.
    fn exponential(&mut self, mean: f64) -> Duration {
        Duration::from_secs_f64(-mean * (1.0 - self.random.f64()).ln())
    }

    fn pause(&mut self, torment: Torment) -> Duration {
        match torment {
            Torment::KillWorker => self.exponential(1.0 / self.rate),
            Torment::StopWorker | Torment::RecycleWorker => self.exponential(0.7),
            Torment::KillClient => self.between(2.0, 6.0),
            Torment::StopClient => self.between(1.0, 5.0),
            Torment::RecycleClient => self.between(3.0, 8.0),
            Torment::KillSupervisor => self.between(8.0, 25.0),
            Torment::StopSupervisor => self.between(3.0, 9.0),
            Torment::RecycleSupervisor => self.between(15.0, 35.0),
        }
    }

    /// What is due now; it is asked for again and again until nothing is. With `only_others`,
    /// kills of workers wait, and come all the closer afterwards.
    pub fn due(&mut self, now: Instant, only_others: bool) -> Option<Torment> {
        let candidates = (0..ALL.len()).filter(|index| {
            self.next[*index] <= now && !(only_others && ALL[*index] == Torment::KillWorker)
        });
        let index = candidates.min_by_key(|index| self.next[*index])?;
        let torment = ALL[index];
        // From its own moment on, so that a driver that was late keeps the rate.
        let from = if torment == Torment::KillWorker {
            self.next[index]
        } else {
            now
        };
        self.next[index] = from + self.pause(torment);
        Some(torment)
    }

    /// When to ask again.
    pub fn next(&self) -> Option<Instant> {
        self.next.iter().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_minute(seed: u64) -> Vec<Torment> {
        let start = Instant::now();
        let mut schedule = Schedule::new(seed, 12.0, start);
        let mut seen = Vec::new();
        for tick in 0..6000 {
            let now = start + Duration::from_millis(10 * tick);
            seen.extend(std::iter::from_fn(|| schedule.due(now, false)));
        }
        seen
    }

    #[test]
    fn a_seed_repeats_and_everything_happens() {
        let seen = a_minute(1);
        assert_eq!(seen, a_minute(1));
        assert_ne!(seen, a_minute(2));
        assert!(ALL.iter().all(|torment| seen.contains(torment)));
        let kills = seen
            .iter()
            .filter(|torment| **torment == Torment::KillWorker)
            .count();
        assert!((600..850).contains(&kills), "{kills}");
    }
}
