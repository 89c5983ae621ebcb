//! What the supervisor does with its workers, in numbers: when it restarts them,
//! and when it stops doing so. Part of [`super::ServeConfig`]; plain data with
//! its defaults, checked by [`super::ServeConfig::validate`].

use std::time::Duration;

/// Pauses before a dead worker is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// The shortest pause (default 10 ms); none at all after a worker that has served a while.
    pub backoff_min: Duration,
    /// The longest pause (default 5 s): the bound doubles with each death of the same seat, up to this.
    pub backoff_max: Duration,
    /// From how many deaths on nobody is replaced any more (default 20 within 30 s); none: never.
    pub storm: Option<StormLimit>,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            backoff_min: Duration::from_millis(10),
            backoff_max: Duration::from_secs(5),
            storm: Some(StormLimit {
                deaths: 20,
                window: Duration::from_secs(30),
            }),
        }
    }
}

impl RestartPolicy {
    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<String> {
        if self.backoff_min > self.backoff_max {
            Some(format!(
                "restart-backoff-min is {:?}, but restart-backoff-max is {:?}: the longest pause \
                 can't be the shorter one",
                self.backoff_min, self.backoff_max
            ))
        } else if self
            .storm
            .is_some_and(|storm| storm.deaths == 0 || storm.window.is_zero())
        {
            Some(
                "crash-storm needs at least 1 death and some time, such as 20/30s; off: never"
                    .to_owned(),
            )
        } else {
            None
        }
    }
}

/// So many deaths in so much time are a crash storm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StormLimit {
    /// Deaths of workers, of all together, that nobody asked for.
    pub deaths: u32,
    /// The time in which they are counted.
    pub window: Duration,
}
