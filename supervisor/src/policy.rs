//! What the supervisor does with its workers, in numbers: when it restarts them,
//! and when it stops doing so. Part of [`super::ServeConfig`]; plain data with
//! its defaults, checked by [`super::ServeConfig::validate`].

use std::collections::BTreeMap;
use std::time::Duration;

/// Pauses before a dead worker is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// The shortest pause (default 10 ms); none at all after a worker that has served a while.
    pub backoff_min: Duration,
    /// The longest pause (default 5 s): the bound doubles with each death of the same seat, up to
    /// this.
    pub backoff_max: Duration,
    /// From how many deaths on no worker is replaced any more (default 20 within 30 s); none:
    /// never.
    pub storm: Option<StormLimit>,
    /// How long a storm lasts before one worker is tried again (default 60 s); zero: until a
    /// reload.
    pub storm_pause: Duration,
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
            storm_pause: Duration::from_secs(60),
        }
    }
}

impl RestartPolicy {
    /// What is wrong with it.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.backoff_min > self.backoff_max {
            wrong.push(format!(
                "restart-backoff-min is {:?}, but restart-backoff-max is {:?}: the longest pause \
                 can't be the shorter one",
                self.backoff_min, self.backoff_max
            ));
        }
        if self
            .storm
            .is_some_and(|storm| storm.deaths == 0 || storm.window.is_zero())
        {
            wrong.push(
                "crash-storm needs at least 1 death and some time, such as 20/30s; off: never"
                    .to_owned(),
            );
        }
        wrong
    }
}

/// How many deaths in how much time are a crash storm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StormLimit {
    /// Unasked deaths of workers, of all together.
    pub deaths: u32,
    /// The time in which they are counted.
    pub window: Duration,
}

/// When a worker that is well is replaced all the same, between two tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecyclePolicy {
    /// After this many tasks (default: never).
    pub tasks: Option<TaskQuota>,
    /// After this much time, less up to a tenth by chance (default: never).
    pub age: Option<Duration>,
    /// When it has this many bytes of memory resident, shared ones included (default: never).
    pub rss: Option<u64>,
}

/// A number of tasks that differs from worker to worker, lest all are replaced at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskQuota {
    /// The number.
    pub tasks: u64,
    /// What is added or taken away at most, by chance.
    pub jitter: u64,
}

impl TaskQuota {
    /// The number for one worker.
    pub(super) fn draw(self) -> u64 {
        fastrand::u64(self.tasks - self.jitter..=self.tasks.saturating_add(self.jitter))
    }
}

impl RecyclePolicy {
    /// What is wrong with it.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(quota) = self.tasks
            && quota.jitter >= quota.tasks
        {
            wrong.push(format!(
                "max-tasks is {}±{}: its jitter must be smaller than the number, which must be at \
                 least 1; off: never",
                quota.tasks, quota.jitter
            ));
        }
        if self.rss.is_some_and(|rss| rss < 1 << 20) {
            wrong.push(
                "max-rss is below 1 MiB: no worker is as small as that; off: never".to_owned(),
            );
        }
        wrong
    }
}

/// When the number of workers changes between its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElasticPolicy {
    /// Another worker is started when a task has been queued for this long (default 100 ms).
    pub grow_after: Duration,
    /// A worker without a task for this long leaves (default 30 s).
    pub shrink_after: Duration,
}

impl Default for ElasticPolicy {
    fn default() -> Self {
        Self {
            grow_after: Duration::from_millis(100),
            shrink_after: Duration::from_secs(30),
        }
    }
}

/// What one handler may take (default of all: no limit).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HandlerLimit {
    /// Most tasks of it that run at a time, in all workers together.
    pub concurrency: Option<u32>,
    /// Time after which a task of it is told to give up.
    pub soft: Option<Duration>,
    /// Time after which the worker that runs it is stopped.
    pub hard: Option<Duration>,
}

/// The limits of handlers by name.
pub type HandlerLimits = BTreeMap<String, HandlerLimit>;

impl HandlerLimit {
    /// What is wrong with it.
    pub(super) fn problem(&self, handler: &str) -> Option<String> {
        let zero = |limit: Option<Duration>| limit.is_some_and(|limit| limit.is_zero());
        if *self == Self::default() {
            Some(format!(
                "the limit of {handler} limits nothing: give it a concurrency, soft or hard"
            ))
        } else if self.concurrency == Some(0) || zero(self.soft) || zero(self.hard) {
            Some(format!(
                "a limit of {handler} is 0: nothing could run; leave it out for no limit"
            ))
        } else if let (Some(soft), Some(hard)) = (self.soft, self.hard)
            && soft > hard
        {
            Some(format!(
                "the soft limit of {handler} is {soft:?}, but its hard limit is {hard:?}: the soft \
                 one comes first"
            ))
        } else {
            None
        }
    }
}
