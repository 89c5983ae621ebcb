//! What happens to which process, and when: random moments at fixed rates, repeatable by the seed.

use fastrand::Rng;
use std::time::{Duration, Instant};

/// What is done to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
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
pub const ALL: [Fault; 9] = [
    Fault::KillWorker,
    Fault::StopWorker,
    Fault::RecycleWorker,
    Fault::KillClient,
    Fault::StopClient,
    Fault::RecycleClient,
    Fault::KillSupervisor,
    Fault::StopSupervisor,
    Fault::RecycleSupervisor,
];

/// The next moment of each fault.
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
        for (index, fault) in ALL.into_iter().enumerate() {
            // In a short run, too, everything happens.
            let first = match fault {
                Fault::KillSupervisor => schedule.between(3.0, 5.0),
                Fault::RecycleSupervisor => schedule.between(7.0, 10.0),
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

    fn pause(&mut self, fault: Fault) -> Duration {
        match fault {
            Fault::KillWorker => self.exponential(1.0 / self.rate),
            Fault::StopWorker | Fault::RecycleWorker => self.exponential(0.7),
            Fault::KillClient => self.between(2.0, 6.0),
            Fault::StopClient => self.between(1.0, 5.0),
            Fault::RecycleClient => self.between(3.0, 8.0),
            Fault::KillSupervisor => self.between(8.0, 25.0),
            Fault::StopSupervisor => self.between(3.0, 9.0),
            Fault::RecycleSupervisor => self.between(15.0, 35.0),
        }
    }

    /// What is due now; it is asked for again and again until nothing is. With `only_others`,
    /// kills of workers wait, and come all the closer afterwards.
    pub fn due(&mut self, now: Instant, only_others: bool) -> Option<Fault> {
        let candidates = (0..ALL.len()).filter(|index| {
            self.next[*index] <= now && !(only_others && ALL[*index] == Fault::KillWorker)
        });
        let index = candidates.min_by_key(|index| self.next[*index])?;
        let fault = ALL[index];
        // From its own moment on, so that a driver that was late keeps the rate.
        let from = if fault == Fault::KillWorker {
            self.next[index]
        } else {
            now
        };
        self.next[index] = from + self.pause(fault);
        Some(fault)
    }

    /// When to ask again.
    pub fn next(&self) -> Option<Instant> {
        self.next.iter().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_minute(seed: u64) -> Vec<Fault> {
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
        assert!(ALL.iter().all(|fault| seen.contains(fault)));
        let kills = seen
            .iter()
            .filter(|fault| **fault == Fault::KillWorker)
            .count();
        assert!((600..850).contains(&kills), "{kills}");
    }
}
