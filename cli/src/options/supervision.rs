//! The options that tell how workers are kept: restarts, recycling, numbers, limits.

use super::super::units::{OrOff, Size, Span};
use super::limits::{HandlerTable, Limit};
use super::set;
use clap::Args;
use ringwork_supervisor::ServeConfig;
use ringwork_supervisor::policy::{StormLimit, TaskQuota};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The options as given; see [`super::ServeOptions`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct SupervisionOptions {
    /// Shortest pause before a dead worker is replaced; none after one that had served for a
    /// second or more [default: 10ms].
    #[arg(long, value_name = "TIME", help_heading = "Supervision")]
    restart_backoff_min: Option<Span>,

    /// Longest such pause: each death of a worker that was not healthy for 10 s doubles the bound
    /// below which it is drawn by lot [default: 5s].
    #[arg(long, value_name = "TIME", help_heading = "Supervision")]
    restart_backoff_max: Option<Span>,

    /// From this many deaths in this time on no worker is replaced any more, the pool is not
    /// ready, and tasks are refused once no worker is left; `off`: never [default: 20/30s].
    #[arg(long, value_name = "DEATHS/TIME", help_heading = "Supervision")]
    crash_storm: Option<OrOff<Storm>>,

    /// Time after which a crash storm ends: one worker is tried, and the others when it is well;
    /// 0: only a reload (SIGHUP) ends it [default: 60s].
    #[arg(long, value_name = "TIME", help_heading = "Supervision")]
    crash_storm_pause: Option<Span>,

    /// Replace a worker after this many tasks, plus or minus a number drawn by lot: 1000±100
    /// (or 1000+-100) [default: off].
    #[arg(long, value_name = "N[±JITTER]", help_heading = "Supervision")]
    max_tasks: Option<OrOff<Quota>>,

    /// Replace a worker at this age, less up to a tenth by lot [default: off].
    #[arg(long, value_name = "TIME", help_heading = "Supervision")]
    max_age: Option<OrOff<Span>>,

    /// Replace a worker whose resident memory, the segment's pages that it touched included, has
    /// this size [default: off].
    #[arg(long, value_name = "SIZE", help_heading = "Supervision")]
    max_rss: Option<OrOff<Size>>,

    /// Fewest workers: those beyond leave when idle [default: as many as --workers].
    #[arg(long, value_name = "N", help_heading = "Supervision")]
    min_workers: Option<u32>,

    /// Most workers: more than --workers are started while tasks wait [default: as many as
    /// --workers].
    #[arg(long, value_name = "N", help_heading = "Supervision")]
    max_workers: Option<u32>,

    /// Start another worker when the oldest queued task has waited for this long [default: 100ms].
    #[arg(long, value_name = "TIME", help_heading = "Supervision")]
    scale_up_after: Option<Span>,

    /// Let a worker go that had no task for this long [default: 30s].
    #[arg(long, value_name = "TIME", help_heading = "Supervision")]
    idle_shrink_after: Option<Span>,

    /// Limit a handler: NAME:concurrency=2,soft=5s,hard=10s, each part optional; given once for
    /// each handler. In the file also as a table [handlers."NAME"] with max-concurrency,
    /// soft-limit, hard-limit [default: no limit].
    #[arg(long, value_name = "LIMIT", help_heading = "Supervision")]
    limit: Option<Vec<Limit>>,

    #[arg(skip)]
    handlers: Option<BTreeMap<String, HandlerTable>>,

    /// Time between SIGTERM and SIGKILL for a worker whose task is over its hard limit, or its
    /// deadline and --overrun-grace [default: 2s].
    #[arg(long, value_name = "TIME", help_heading = "Supervision")]
    kill_grace: Option<Span>,
}

impl SupervisionOptions {
    /// These options, and for those not given the other's.
    pub(super) fn or(self, other: Self) -> Self {
        macro_rules! each {
            ($($field:ident),* $(,)?) => { Self { $($field: self.$field.or(other.$field)),* } };
        }
        // A limit that is given here replaces the other's of the same handler.
        let own = self.limit.clone().unwrap_or_default();
        let is_other = |handler: &String| own.iter().all(|limit| limit.handler != *handler);
        let mut all = other.limit.clone().unwrap_or_default();
        all.retain(|limit| is_other(&limit.handler));
        let mut tables = other.handlers.clone();
        if let Some(tables) = &mut tables {
            tables.retain(|handler, _| is_other(handler));
        }
        all.extend(own);
        let limit = (!all.is_empty()).then_some(all);
        let handlers = self.handlers.clone().or(tables);
        let merged = each!(
            restart_backoff_min,
            restart_backoff_max,
            crash_storm,
            crash_storm_pause,
            max_tasks,
            max_age,
            max_rss,
            min_workers,
            max_workers,
            scale_up_after,
            idle_shrink_after,
            limit,
            handlers,
            kill_grace,
        );
        Self {
            limit,
            handlers,
            ..merged
        }
    }

    /// Puts what was given into the configuration; the error names each handler that has two
    /// limits.
    pub(super) fn apply(self, config: &mut ServeConfig) -> Result<(), String> {
        let span = |span: Option<Span>| span.map(|span| span.0);
        let restart = &mut config.restart;
        set(&mut restart.backoff_max, span(self.restart_backoff_max));
        match self.restart_backoff_min {
            Some(span) => restart.backoff_min = span.0,
            // Where only the longest pause is given and it is the shorter one, it is both.
            None => restart.backoff_min = restart.backoff_min.min(restart.backoff_max),
        }
        let storm = self.crash_storm.map(|storm| storm.0.map(|storm| storm.0));
        set(&mut restart.storm, storm);
        set(&mut restart.storm_pause, span(self.crash_storm_pause));
        let recycle = &mut config.recycle;
        set(
            &mut recycle.tasks,
            self.max_tasks.map(|quota| quota.0.map(|quota| quota.0)),
        );
        set(
            &mut recycle.age,
            self.max_age.map(|age| age.0.map(|age| age.0)),
        );
        set(
            &mut recycle.rss,
            self.max_rss.map(|rss| rss.0.map(|rss| rss.0)),
        );
        config.min_workers = self.min_workers;
        config.max_workers = self.max_workers;
        set(&mut config.elastic.grow_after, span(self.scale_up_after));
        set(
            &mut config.elastic.shrink_after,
            span(self.idle_shrink_after),
        );
        set(&mut config.kill_grace, span(self.kill_grace));
        for (handler, table) in self.handlers.unwrap_or_default() {
            config.limits.insert(handler, table.limit());
        }
        let mut twice = BTreeSet::new();
        for limit in self.limit.unwrap_or_default() {
            if config
                .limits
                .insert(limit.handler.clone(), limit.limit)
                .is_some()
            {
                twice.insert(limit.handler);
            }
        }
        if twice.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = twice.into_iter().collect();
        Err(format!(
            "more than one limit is given for {}: write the parts of a limit together, such as \
             NAME:soft=5s,hard=10s",
            names.join(", ")
        ))
    }
}

/// `20/30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Storm(pub(crate) StormLimit);

impl FromStr for Storm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no crash storm: write DEATHS/TIME, such as 20/30s");
        let (deaths, window) = text.split_once('/').ok_or_else(bad)?;
        Ok(Self(StormLimit {
            deaths: deaths.trim().parse().map_err(|_| bad())?,
            window: window.parse::<Span>()?.0,
        }))
    }
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.deaths, Span(self.0.window))
    }
}

/// `1000`, `1000±100` or `1000+-100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota(pub(crate) TaskQuota);

impl FromStr for Quota {
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
        Ok(Self(TaskQuota {
            tasks: number(tasks)?,
            jitter: number(jitter)?,
        }))
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.jitter {
            0 => write!(f, "{}", self.0.tasks),
            jitter => write!(f, "{}±{jitter}", self.0.tasks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ServeOptions;
    use super::super::tests::flags;
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_storm_is_read_from_the_line_and_from_the_file() {
        let config = flags(&["--crash-storm", "off", "--restart-backoff-max", "1ms"])
            .resolve()
            .unwrap();
        assert_eq!(config.restart.storm, None);
        let one = Duration::from_millis(1);
        assert_eq!(
            (config.restart.backoff_min, config.restart.backoff_max),
            (one, one)
        );
        config.validate().unwrap();
        let file = ServeOptions::parse("crash-storm = '5/2m'\nrestart-backoff-min = '1s'").unwrap();
        let config = file.resolve().unwrap();
        assert_eq!(Storm(config.restart.storm.unwrap()).to_string(), "5/120s");
        assert_eq!(config.restart.backoff_min, Duration::from_secs(1));
        for bad in ["5", "x/1s", "5/soon", ""] {
            assert!(bad.parse::<OrOff<Storm>>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_the_name_of_the_option() {
        for (bad, name) in [
            (&["--crash-storm", "0/1s"][..], "crash-storm"),
            (&["--restart-backoff-min", "6s"], "restart-backoff-min"),
            (&["--max-tasks", "0"], "max-tasks"),
            (&["--max-tasks", "10±10"], "max-tasks"),
            (&["--max-rss", "1k"], "max-rss"),
            (&["--workers", "3", "--max-workers", "2"], "--max-workers"),
            (&["--workers", "3", "--min-workers", "4"], "min-workers"),
            (&["--min-workers", "0"], "min-workers"),
        ] {
            let error = flags(bad).resolve().unwrap().validate().unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn numbers_of_tasks_and_other_limits_of_a_worker() {
        let file = "max-tasks = 50\nmax-age = '1h'\nmax-rss = '200MiB'\nscale-up-after = '1s'";
        let config = ServeOptions::parse(file).unwrap().resolve().unwrap();
        let quota = |tasks, jitter| Some(TaskQuota { tasks, jitter });
        assert_eq!(config.recycle.tasks, quota(50, 0));
        assert_eq!(config.recycle.age, Some(Duration::from_secs(3600)));
        assert_eq!(config.recycle.rss, Some(200 << 20));
        assert_eq!(config.elastic.grow_after, Duration::from_secs(1));
        for text in ["1000±100", "1000+-100"] {
            let config = flags(&["--max-tasks", text, "--max-age", "off"])
                .or(ServeOptions::parse(file).unwrap())
                .resolve()
                .unwrap();
            assert_eq!(config.recycle.tasks, quota(1000, 100));
            assert_eq!(config.recycle.age, None, "the flag wins");
        }
        let line = [
            "--workers",
            "2",
            "--min-workers",
            "1",
            "--max-workers",
            "40",
        ];
        let config = flags(&line).resolve().unwrap();
        assert_eq!((config.least_workers(), config.most_workers()), (1, 40));
        assert_eq!(config.pool.max_workers, 41, "and one more for a successor");
        config.validate().unwrap();
    }
}
