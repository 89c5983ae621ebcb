//! Whether dead workers are replaced: crash storms, and programs that do not start.
//!
//! The crew tells it each death and each readiness; it says when to stop starting
//! workers, why, and when to try again. Owns no process and no shared word.

use crate::crew::backoff::{HEALTHY, StormDetector};
use crate::error::ended;
use crate::policy::RestartPolicy;
use ringwork_ring::format::counted;
use ringwork_ring::format::states;
use std::time::{Instant, SystemTime};

/// How many deaths before readiness in a row make a halt.
const BOOT_DEATHS: u32 = 5;

/// Why no worker is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Halt {
    /// The health that the pool has meanwhile.
    pub(crate) kind: states::Health,
    /// For people; it changes when a worker is on trial, and when that dies.
    pub(crate) why: String,
    /// What has happened.
    what: String,
    /// How the last worker has died.
    last: String,
    /// When one worker of each kind is tried; never before a reload without.
    retry: Option<Instant>,
    /// Since when the worker that is tried is ready.
    trial: Option<Instant>,
}

/// The state of it.
#[derive(Debug, Default)]
pub(crate) struct Health {
    halt: Option<Halt>,
    storm: StormDetector,
    /// Deaths before readiness in a row.
    pub(crate) boot_deaths: u32,
    /// One has hung before readiness, so that the others would be no wiser.
    pub(crate) hopeless: bool,
    /// Whether any worker but an I/O worker has ever been ready.
    pub(crate) proven: bool,
    embedded: bool,
}

impl Health {
    /// Of a pool without workers yet.
    pub(crate) fn of(embedded: bool) -> Self {
        Self {
            embedded,
            ..Self::default()
        }
    }

    /// Why no worker is started, if so.
    pub(crate) fn halt(&self) -> Option<&Halt> {
        self.halt.as_ref()
    }

    /// Whether a worker may be started, given how many of its kind start already: in a storm one of
    /// each kind is tried.
    pub(crate) fn may_start(&self, now: Instant, starting: usize) -> bool {
        match &self.halt {
            None => true,
            Some(halt) => {
                halt.trial.is_none()
                    && halt.retry.is_some_and(|retry| retry <= now)
                    && starting == 0
            }
        }
    }

    /// When a halted crew is looked at again.
    pub(crate) fn look_at(&self) -> Option<Instant> {
        let halt = self.halt.as_ref()?;
        match halt.trial {
            Some(trial) => Some(trial + HEALTHY),
            // Once it is over, a worker starts, and that is looked at anyway.
            None => halt.retry.filter(|retry| *retry > Instant::now()),
        }
    }

    /// A worker is ready; `proven`: one that runs tasks to their end.
    pub(crate) fn ready(&mut self, proven: bool) {
        self.boot_deaths = 0;
        self.hopeless = false;
        self.proven |= proven;
        let now = Instant::now();
        if let Some(halt) = &mut self.halt
            && halt.retry.is_some_and(|retry| retry <= now)
        {
            halt.trial.get_or_insert_with(|| {
                halt.why = format!(
                    "{}; the last one {}; a worker is on trial since {}: when it has lived for \
                     {HEALTHY:?} the others are started",
                    halt.what,
                    halt.last,
                    clock(SystemTime::now())
                );
                now
            });
        }
    }

    /// Whether the worker that was tried has lived long enough: then all is well again.
    pub(crate) fn recover(&mut self) -> bool {
        let well = |trial: Instant| trial.elapsed() >= HEALTHY;
        let over = matches!(&self.halt, Some(halt) if halt.trial.is_some_and(well));
        if over {
            self.forget();
        }
        over
    }

    /// Begins anew, as after a reload.
    pub(crate) fn forget(&mut self) {
        self.halt = None;
        self.storm.calm();
        self.boot_deaths = 0;
        self.hopeless = false;
    }

    /// A worker has died unasked; `true` when that makes a storm.
    pub(crate) fn died(&mut self, policy: &RestartPolicy, how: &str) -> bool {
        let now = Instant::now();
        let until = self.until();
        if self.halt.is_some() {
            // In a storm only the one that is tried counts: the next try is another pause away.
            if let Some(halt) = &mut self.halt
                && halt.kind == states::Health::Storm
                && halt.retry.is_some_and(|retry| retry <= now)
            {
                halt.trial = None;
                halt.retry = pause_from(now, policy);
                halt.last = how.to_owned();
                halt.why = storm_text(&halt.what, policy, until, how);
            }
            return false;
        }
        let Some(deaths) = self.storm.note(now, policy.crash_storm.0) else {
            return false;
        };
        let window = policy
            .crash_storm
            .0
            .map(|storm| storm.window)
            .unwrap_or_default();
        let what = format!(
            "crash storm: {} died within {window:?}",
            counted(deaths, "worker")
        );
        self.halt = Some(Halt {
            kind: states::Health::Storm,
            why: storm_text(&what, policy, until, how),
            what,
            last: how.to_owned(),
            retry: pause_from(now, policy),
            trial: None,
        });
        true
    }

    /// A worker has died before it was ready; `true` when these are too many in a row.
    pub(crate) fn died_at_boot(&mut self) -> bool {
        self.boot_deaths += 1;
        self.hopeless || self.boot_deaths >= BOOT_DEATHS
    }

    /// Stops starting workers until a reload, since they do not get ready.
    pub(crate) fn give_up(&mut self, how: &str) {
        let what = format!("workers do not get ready: {}", ended(self.boot_deaths));
        self.halt = Some(Halt {
            kind: states::Health::Boot,
            why: format!(
                "{what}, so none is started {}; the last one {how}",
                self.until()
            ),
            what,
            last: how.to_owned(),
            retry: None,
            trial: None,
        });
    }

    /// What a person can do against a halt: an embedded pool can't be reloaded.
    fn until(&self) -> &'static str {
        match self.embedded {
            true => "until its owner closes the pool and launches another",
            false => "until a reload (SIGHUP)",
        }
    }

    /// The health for the segment.
    pub(crate) fn state(&self) -> states::Health {
        self.halt
            .as_ref()
            .map_or(states::Health::Full, |halt| halt.kind)
    }
}

fn storm_text(what: &str, policy: &RestartPolicy, until: &str, how: &str) -> String {
    let then = match policy.crash_storm_pause.0.is_zero() {
        true => until.to_owned(),
        false => format!("for {:?}, or {until}", policy.crash_storm_pause.0),
    };
    format!("{what}, so none is started {then}; the last one {how}")
}

/// The time of day.
fn clock(now: SystemTime) -> String {
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.unwrap_or_default().as_secs() % 86_400;
    let (hour, minute) = (seconds / 3600, seconds % 3600 / 60);
    format!("{hour:02}:{minute:02}:{:02} UTC", seconds % 60)
}

fn pause_from(now: Instant, policy: &RestartPolicy) -> Option<Instant> {
    (!policy.crash_storm_pause.0.is_zero()).then(|| now + policy.crash_storm_pause.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::text::{OrOff, Span};
    use crate::policy::StormLimit;
    use std::time::Duration;

    fn policy(pause: Duration) -> RestartPolicy {
        RestartPolicy {
            crash_storm: OrOff(Some(StormLimit {
                deaths: 3,
                window: Duration::from_secs(3600),
            })),
            crash_storm_pause: Span(pause),
            ..RestartPolicy::default()
        }
    }

    fn stormy(policy: &RestartPolicy) -> Health {
        let mut health = Health::default();
        assert!(health.may_start(Instant::now(), 7));
        assert!(!health.died(policy, "died") && !health.died(policy, "died"));
        assert!(health.died(policy, "was killed by SIGSEGV"));
        health
    }

    #[test]
    fn a_storm_says_why_and_ends_with_a_worker_that_lives() {
        let policy = policy(Duration::from_secs(600));
        let mut health = stormy(&policy);
        let why = &health.halt().unwrap().why;
        assert!(
            why.contains("3 workers died") && why.contains("SIGSEGV"),
            "{why}"
        );
        assert_eq!(health.state(), states::Health::Storm);
        let later = Instant::now() + Duration::from_secs(601);
        assert!(!health.may_start(Instant::now(), 0));
        assert!(health.may_start(later, 0), "one is tried");
        assert!(!health.may_start(later, 1), "and no more");
        assert!(!health.recover());
        health.forget();
        assert_eq!(
            (health.state(), health.halt()),
            (states::Health::Full, None)
        );
    }

    #[test]
    fn a_trial_that_dies_costs_another_pause_and_one_that_gets_ready_is_waited_for() {
        let policy = policy(Duration::from_nanos(1));
        let mut health = stormy(&policy);
        std::thread::sleep(Duration::from_millis(1));
        let first = health.halt().unwrap().retry;
        health.died(&policy, "died");
        assert!(health.halt().unwrap().retry > first);
        health.ready(true);
        assert!(health.halt().unwrap().trial.is_some());
        let why = health.halt().unwrap().why.clone();
        assert!(
            why.contains("the last one died; a worker is on trial since "),
            "{why}"
        );
        assert!(!why.contains("none is started"), "{why}");
        assert!(!health.may_start(Instant::now(), 0));
        assert!(health.look_at() > Some(Instant::now()));
        health.died(&policy, "exited with code 7");
        let why = &health.halt().unwrap().why;
        assert!(why.contains("none is started"), "the next pause: {why}");
        assert!(why.contains("the last one exited with code 7"), "{why}");
        assert_eq!(clock(SystemTime::UNIX_EPOCH), "00:00:00 UTC");
    }

    #[test]
    fn without_a_pause_only_a_reload_ends_it() {
        let health = stormy(&policy(Duration::ZERO));
        assert_eq!(health.look_at(), None);
        assert!(!health.may_start(Instant::now() + Duration::from_secs(1 << 20), 0));
    }

    #[test]
    fn programs_that_do_not_start_are_given_up() {
        let mut health = Health::default();
        assert!((1..BOOT_DEATHS).all(|_| !health.died_at_boot()));
        assert!(health.died_at_boot());
        health.give_up("exited with code 3");
        assert_eq!(health.state(), states::Health::Boot);
        assert_eq!(health.look_at(), None);
        assert!(health.halt().unwrap().why.contains("5 in a row"));
        health.forget();
        assert!(!health.died_at_boot(), "it begins anew");
    }

    #[test]
    fn one_program_that_hangs_is_enough_and_is_counted_as_one() {
        let mut health = Health {
            hopeless: true,
            ..Health::default()
        };
        assert!(health.died_at_boot());
        health.give_up("was killed by the supervisor");
        let why = &health.halt().unwrap().why;
        assert!(why.contains("ready: one ended before that"), "{why}");
        health.forget();
        assert!(!health.died_at_boot(), "it begins anew");
    }
}
