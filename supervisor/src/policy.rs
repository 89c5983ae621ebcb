//! What the supervisor does with its workers, in numbers: when it restarts and replaces them, and
//! what single handlers may take. Groups of options of [`crate::ServeConfig`], which checks them in
//! [`crate::ServeConfig::validate`].

use crate::config::text::{OrOff, Size, Span, read_as_text, written_as_text};
use clap::Args;
use ringwork_worker::{
    IO_DRAIN_VARIABLE, IO_STALL_VARIABLE, IO_TASKS_VARIABLE, IO_THREADS_VARIABLE,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Pauses before a dead worker is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct RestartPolicy {
    /// Shortest pause before a dead worker is replaced; none after one that had served for a
    /// second or more [default: 10ms, or the longest pause if that is less].
    #[arg(long, value_name = "TIME")]
    pub restart_backoff_min: Option<Span>,

    /// Longest such pause: each death of a worker that was not healthy for 10 s doubles the bound
    /// below which it is drawn by lot.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub restart_backoff_max: Span,

    /// From this many deaths in this time on no worker is replaced any more, the pool is not
    /// ready, and tasks are refused once no worker is left; `off`: never.
    #[arg(long, value_name = "DEATHS/TIME", default_value = "20/30s")]
    pub crash_storm: OrOff<StormLimit>,

    /// Time after which a crash storm ends: one worker of each kind is tried, and the others when it
    /// is well; 0: only a reload (SIGHUP) ends it.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub crash_storm_pause: Span,

    /// Requests that are kept of tasks that have lost their worker at each of several attempts, for
    /// `ringwork quarantine`; the newest ones; 0: none.
    #[arg(long, value_name = "N", default_value = "16")]
    pub quarantine_keep: u32,
}

/// The shortest pause where none is chosen.
const BACKOFF_MIN: Duration = Duration::from_millis(10);

impl RestartPolicy {
    /// The shortest pause: as chosen, else 10 ms, but no more than the longest.
    pub(crate) fn shortest_pause(&self) -> Duration {
        let unasked = BACKOFF_MIN.min(self.restart_backoff_max.0);
        self.restart_backoff_min.map_or(unasked, |span| span.0)
    }

    /// The longest pause.
    pub(crate) fn longest_pause(&self) -> Duration {
        self.restart_backoff_max.0
    }

    /// What is wrong with it.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let (min, max) = (self.shortest_pause(), self.longest_pause());
        if min > max {
            wrong.push(format!(
                "restart-backoff-min is {min:?}, but restart-backoff-max is {max:?}: the longest pause \
                 can't be the shorter one"
            ));
        }
        if self
            .crash_storm
            .0
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

impl FromStr for StormLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no crash storm: write DEATHS/TIME, such as 20/30s");
        let (deaths, window) = text.split_once('/').ok_or_else(bad)?;
        Ok(Self {
            deaths: deaths.trim().parse().map_err(|_| bad())?,
            window: window.parse::<Span>()?.0,
        })
    }
}

impl fmt::Display for StormLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.deaths, Span(self.window))
    }
}

/// When a worker that is well is replaced all the same, between two tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct RecyclePolicy {
    /// Replace a worker after this many tasks, plus or minus a number drawn by lot: 1000±100
    /// (or 1000+-100).
    #[arg(long, value_name = "N[±JITTER]", default_value = "off")]
    pub max_tasks: OrOff<TaskQuota>,

    /// Replace a worker at this age, less up to a tenth by lot.
    #[arg(long, value_name = "TIME", default_value = "off")]
    pub max_age: OrOff<Span>,

    /// Replace a worker whose resident memory, the segment's pages that it touched included, has
    /// this size.
    #[arg(long, value_name = "SIZE", default_value = "off")]
    pub max_rss: OrOff<Size>,
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
    pub(crate) fn draw(self) -> u64 {
        fastrand::u64(self.tasks - self.jitter..=self.tasks.saturating_add(self.jitter))
    }
}

impl FromStr for TaskQuota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            part.trim().parse().map_err(|_| {
                format!("{text:?} is no number of tasks: write N or N±JITTER, such as 1000±100")
            })
        };
        let (tasks, jitter) = text
            .split_once('±')
            .or_else(|| text.split_once("+-"))
            .unwrap_or((text, "0"));
        Ok(Self {
            tasks: number(tasks)?,
            jitter: number(jitter)?,
        })
    }
}

impl fmt::Display for TaskQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.jitter {
            0 => write!(f, "{}", self.tasks),
            jitter => write!(f, "{}±{jitter}", self.tasks),
        }
    }
}

impl RecyclePolicy {
    /// What is wrong with it.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(quota) = self.max_tasks.0
            && quota.jitter >= quota.tasks
        {
            wrong.push(format!(
                "max-tasks is {}±{}: its jitter must be smaller than the number, which must be at \
                 least 1; off: never",
                quota.tasks, quota.jitter
            ));
        }
        if self.max_rss.0.is_some_and(|rss| rss.0 < 1 << 20) {
            wrong.push(
                "max-rss is below 1 MiB: no worker is as small as that; off: never".to_owned(),
            );
        }
        wrong
    }
}

/// When the number of workers changes, and between which bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct ElasticPolicy {
    /// Fewest workers: those beyond leave when idle [default: as many as --workers].
    #[arg(long, value_name = "N")]
    pub min_workers: Option<u32>,

    /// Most workers: more than --workers are started while tasks wait [default: as many as
    /// --workers].
    #[arg(long, value_name = "N")]
    pub max_workers: Option<u32>,

    /// Start another worker when the oldest queued task has waited for this long.
    #[arg(long, value_name = "TIME", default_value = "100ms")]
    pub scale_up_after: Span,

    /// Let a worker go that had no task for this long.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub idle_shrink_after: Span,
}

/// Async handlers: tasks that wait without a lane. A worker without such handlers ignores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct IoPolicy {
    /// Workers that run async handlers only, beside the others: the same program with one lane, so
    /// that no async task waits for a long computation, or dies with one; 0: every worker runs both.
    #[arg(long, value_name = "N", default_value = "0")]
    pub io_workers: u32,

    /// Threads for async handlers of each worker that has such handlers, each with an entry of the
    /// lane table [default: what the worker says, or 1].
    #[arg(long, value_name = "N")]
    pub io_threads: Option<u32>,

    /// Most async tasks that a worker has in flight; a lane that has one more waits with it.
    #[arg(long, value_name = "N", default_value = "65536")]
    pub io_tasks: u32,

    /// A poll of an async handler that takes longer is warned of, and new tasks avoid its thread.
    #[arg(long, value_name = "TIME", default_value = "100ms")]
    pub io_stall: Span,

    /// Time that async tasks get to end when their worker leaves, or the pool is asked to stop (then no
    /// longer than --drain-timeout). In its last second those are told that ask whether they are
    /// cancelled; the rest fail as worker.draining at its end.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub io_drain: Span,
}

impl IoPolicy {
    /// Entries of the lane table that the I/O workers take.
    pub(crate) fn worker_entries(&self) -> u32 {
        let each = self.entries().max(1).saturating_add(1);
        self.io_workers.saturating_mul(each)
    }

    /// Entries of the lane table that each worker takes beside its lanes, as far as that is known.
    pub(crate) fn entries(&self) -> u32 {
        self.io_threads.unwrap_or(0)
    }

    /// What is wrong with it.
    pub(crate) fn problems(&self) -> Vec<String> {
        let zero = [
            ("io-threads", self.io_threads == Some(0)),
            ("io-tasks", self.io_tasks == 0),
            ("io-stall", self.io_stall.0.is_zero()),
        ];
        let wrong = zero.into_iter().filter(|(_, is_zero)| *is_zero);
        wrong
            .map(|(name, _)| format!("{name} is 0: async handlers need more"))
            .collect()
    }

    /// What a worker is told of it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let ms = |span: Span| span.0.as_millis().max(1).to_string();
        let threads = self
            .io_threads
            .map(|threads| (IO_THREADS_VARIABLE, threads.to_string()));
        let others = [
            (IO_TASKS_VARIABLE, self.io_tasks.to_string()),
            (IO_STALL_VARIABLE, ms(self.io_stall)),
            (IO_DRAIN_VARIABLE, self.io_drain.0.as_millis().to_string()),
        ];
        threads.into_iter().chain(others).collect()
    }
}

/// What single handlers may take, and how a worker over a limit is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct LimitPolicy {
    /// Limit a handler: NAME:concurrency=2,soft=5s,hard=10s, each part optional; given once for
    /// each handler. In the file also as a table [handlers."NAME"] with max-concurrency,
    /// soft-limit, hard-limit [default: no limit].
    #[arg(long, value_name = "LIMIT")]
    pub limit: Vec<Limit>,

    /// The tables of the file, until they are joined to the others.
    #[arg(skip)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    handlers: BTreeMap<String, HandlerTable>,

    /// Warn of each task that has run for so long, once, while it still runs; off: never.
    #[arg(long, value_name = "TIME", default_value = "off")]
    pub slow_task: OrOff<Span>,

    /// Time between SIGTERM and SIGKILL for a worker whose task is over its hard limit, or its
    /// deadline and --overrun-grace.
    #[arg(long, value_name = "TIME", default_value = "2s")]
    pub kill_grace: Span,
}

impl LimitPolicy {
    /// Joins the tables of a file to its other limits.
    pub(crate) fn join_tables(&mut self) {
        let tables = std::mem::take(&mut self.handlers).into_iter();
        let limits = tables.map(|(handler, table)| Limit {
            handler,
            limit: table.limit(),
        });
        self.limit.extend(limits);
    }

    /// Adds the limits of a file for those handlers that have none here.
    pub(crate) fn add_others(&mut self, file: &[Limit]) {
        let is_other = |limit: &&Limit| self.limit.iter().all(|own| own.handler != limit.handler);
        let others: Vec<Limit> = file.iter().filter(is_other).cloned().collect();
        self.limit.splice(0..0, others);
    }

    /// The limits by handler.
    pub(crate) fn by_handler(&self) -> HandlerLimits {
        let limits = self.limit.iter();
        limits
            .map(|limit| (limit.handler.clone(), limit.limit))
            .collect()
    }

    /// What is wrong with them.
    pub(crate) fn problems(&self) -> Vec<String> {
        let names: Vec<&str> = self.limit.iter().map(|limit| &*limit.handler).collect();
        let mut twice: Vec<&str> = (names.iter().enumerate())
            .filter(|(index, name)| names[..*index].contains(name))
            .map(|(_, name)| *name)
            .collect();
        twice.sort_unstable();
        twice.dedup();
        let mut wrong: Vec<String> = (self.limit.iter())
            .filter_map(|limit| limit.limit.problem(&limit.handler))
            .collect();
        if !twice.is_empty() {
            wrong.push(format!(
                "more than one limit is given for {}: write the parts of a limit together, such as \
                 NAME:soft=5s,hard=10s",
                twice.join(", ")
            ));
        }
        wrong
    }
}

/// One `--limit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Name of the handler.
    pub handler: String,
    /// What it may take.
    pub limit: HandlerLimit,
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is no limit: write HANDLER:concurrency=N,soft=TIME,hard=TIME with one part or more"
            )
        };
        let (handler, parts) = text.rsplit_once(':').ok_or_else(bad)?;
        let mut limit = HandlerLimit::default();
        for part in parts.split(',') {
            let (key, value) = part.split_once('=').ok_or_else(bad)?;
            let time = || value.parse::<Span>().map(|span| span.0);
            let former = match key.trim() {
                "concurrency" => {
                    let most = value.trim().parse().map_err(|_| bad())?;
                    limit.concurrency.replace(most).is_some()
                }
                "soft" => limit.soft.replace(time()?).is_some(),
                "hard" => limit.hard.replace(time()?).is_some(),
                _ => return Err(bad()),
            };
            if former {
                return Err(format!("{text:?} has {} twice", key.trim()));
            }
        }
        let handler = handler.trim().to_owned();
        if handler.is_empty() {
            return Err(bad());
        }
        Ok(Self { handler, limit })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HandlerLimit {
            concurrency,
            soft,
            hard,
        } = self.limit;
        let time = |key, limit: Option<_>| limit.map(|limit| format!("{key}={}", Span(limit)));
        let parts = [
            concurrency.map(|most| format!("concurrency={most}")),
            time("soft", soft),
            time("hard", hard),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        write!(f, "{}:{}", self.handler, parts.join(","))
    }
}

read_as_text!(StormLimit, TaskQuota, Limit);
written_as_text!(StormLimit, TaskQuota, Limit);

/// `[handlers."NAME"]` in the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct HandlerTable {
    #[serde(alias = "max_concurrency", alias = "concurrency")]
    max_concurrency: Option<u32>,
    #[serde(alias = "soft_limit", alias = "soft")]
    soft_limit: Option<Span>,
    #[serde(alias = "hard_limit", alias = "hard")]
    hard_limit: Option<Span>,
}

impl HandlerTable {
    fn limit(self) -> HandlerLimit {
        HandlerLimit {
            concurrency: self.max_concurrency,
            soft: self.soft_limit.map(|span| span.0),
            hard: self.hard_limit.map(|span| span.0),
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

/// Handlers without a limit of concurrency that can be paused in the life of a pool.
pub(crate) const PAUSABLE: u32 = 2;

impl HandlerLimit {
    /// What is wrong with it.
    pub(crate) fn problem(&self, handler: &str) -> Option<String> {
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
