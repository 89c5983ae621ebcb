//! What a pool has done by handler: in all, and since the look before.

use super::table::Table;
use super::units::{nanoseconds, seconds as duration};
use ringwork_ring::format::layout::{HandlerCounter, HandlerLoss, id_of};
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::records::Histogram;
use ringwork_ring::segment::handler_totals::{CountedTasks, HandlerTotals};
use ringwork_supervisor::looks::{Look, Past};
use serde::Serialize;
use std::collections::BTreeMap;

/// Name and codecs of a handler.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct HandlerView {
    pub(super) name: String,
    pub(super) request: Option<&'static str>,
    pub(super) result: Option<&'static str>,
    /// The kind of lanes that its tasks are for, where the pool has I/O workers.
    pub(super) lanes: &'static str,
}

/// Times of sampled tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Quantiles {
    pub(super) samples: u64,
    pub(super) p50_ns: Option<u64>,
    pub(super) p99_ns: Option<u64>,
    pub(super) p999_ns: Option<u64>,
    pub(super) max_ns: Option<u64>,
}

/// Of a histogram.
pub(super) fn quantiles_of(all: &Histogram) -> Quantiles {
    Quantiles {
        samples: all.count(),
        p50_ns: all.quantile(0.5),
        p99_ns: all.quantile(0.99),
        p999_ns: all.quantile(0.999),
        max_ns: all.quantile(1.0),
    }
}

/// A handler, and what has become of its tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct HandlerStat {
    /// Name and codecs; of one that a reload has removed, no codecs.
    #[serde(flatten)]
    pub(super) info: HandlerView,
    #[serde(flatten)]
    pub(super) tasks: TasksView,
}

/// What has become of some tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct TasksView {
    /// Since the pool was made.
    pub(super) in_all: CountsView,
    /// Of the last 10 to 15 seconds, or of all time if the pool is younger; none before the first task,
    /// and where the supervisor has told nothing of before.
    pub(super) last_10_s: Option<NowView>,
    /// The same of the last 60 to 65 seconds.
    pub(super) last_minute: Option<NowView>,
    /// Since the look before; none at the first.
    pub(super) now: Option<NowView>,
}

/// The time between two looks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct NowView {
    /// How long it was.
    pub(super) seconds: f64,
    /// How much of the time of all lanes the handler ran, in percent, the tasks that run still
    /// included: an estimate from the sampled tasks that ended in this time.
    pub(super) busy_percent: f64,
    #[serde(flatten)]
    pub(super) counts: CountsView,
}

/// Counts and times of tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct CountsView {
    /// Attempts that are over: ended, or lost with their worker.
    pub(super) started: u64,
    pub(super) completed: u64,
    /// Failures of all kinds, the next three included.
    pub(super) failed: u64,
    pub(super) panicked: u64,
    /// In the queue or at the claim.
    pub(super) expired: u64,
    /// In the queue or while they ran.
    pub(super) cancelled: u64,
    /// Ended since their worker had died.
    pub(super) crashed: u64,
    /// Started again since their worker had died.
    pub(super) retried: u64,
    /// Not taken.
    pub(super) rejected: u64,
    /// The same by reason, those of which there were any.
    pub(super) rejected_by: BTreeMap<&'static str, u64>,
    /// Seconds that the handler ran on all lanes: an estimate from the sampled tasks.
    pub(super) busy_s: f64,
    /// From submit to claim, of sampled tasks.
    pub(super) queue: Quantiles,
    /// From claim to result, of sampled tasks.
    pub(super) run: Quantiles,
}

impl CountsView {
    fn new(of: &HandlerTotals) -> Self {
        Self {
            started: of.started(),
            completed: of.count(HandlerCounter::Completed),
            failed: of.failed(),
            panicked: of.count(HandlerCounter::Panicked),
            expired: of.expired(),
            cancelled: of.cancelled(),
            crashed: of.loss(HandlerLoss::Crashed),
            retried: of.loss(HandlerLoss::Retried),
            rejected: of
                .rejected()
                .fold(0, |sum, (_, count)| sum.saturating_add(count)),
            rejected_by: of.rejected().filter(|(_, count)| *count > 0).collect(),
            busy_s: (of.busy_ns() / 1000) as f64 / 1e6,
            queue: quantiles_of(&of.queue),
            run: quantiles_of(&of.run),
        }
    }
}

impl CountsView {
    /// Whether there was any task.
    fn any(&self) -> bool {
        self.started > 0 || self.failed > 0 || self.rejected > 0
    }
}

/// A look at a pool, and those before it that it is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looks<'l> {
    pub(super) now: &'l Look,
    /// Of the same reader.
    pub(super) before: Option<&'l Look>,
    /// Of the supervisor.
    pub(super) past: &'l Past,
    /// How many lanes the pool has.
    pub(super) lanes: usize,
}

fn of<'l>(look: &'l Look, tasks: &CountedTasks) -> Option<&'l HandlerTotals> {
    look.totals.iter().find(|totals| totals.tasks == *tasks)
}

impl Looks<'_> {
    /// What has become of these tasks.
    fn tasks(&self, tasks: &CountedTasks) -> TasksView {
        let none = HandlerTotals::new(tasks.clone());
        let in_all = of(self.now, tasks).unwrap_or(&none);
        let since = |before: &Look| {
            let mut since = in_all.clone();
            since.subtract(of(before, tasks).unwrap_or(&none));
            let ns = self.now.at_ns.saturating_sub(before.at_ns).max(1);
            let possible = ns as f64 * self.lanes.max(1) as f64;
            let handler = match tasks {
                CountedTasks::Of(name) => id_of(name),
                _ => 0, // no handler's
            };
            let busy = self.now.busy_ns_since(before, handler, &since);
            // An estimate: sampled tasks stand for others.
            let percent = (100.0 * busy as f64 / possible).min(100.0);
            NowView {
                seconds: (ns / 1000) as f64 / 1e6,
                busy_percent: (percent * 10.0).round() / 10.0,
                counts: CountsView::new(&since),
            }
        };
        // A handler that has had no task yet has no times; most have none.
        let any = of(self.now, tasks).is_some();
        let past = |look: &Option<Look>| look.as_ref().filter(|_| any).map(since);
        TasksView {
            in_all: CountsView::new(in_all),
            last_10_s: past(&self.past.ten_seconds),
            last_minute: past(&self.past.minute),
            now: self.before.map(since),
        }
    }

    /// The handlers that are `listed`, and others of which there were tasks.
    pub(super) fn handlers(&self, listed: Vec<HandlerView>) -> Vec<HandlerStat> {
        let mut infos = listed;
        for totals in self.now.totals.iter() {
            if let CountedTasks::Of(name) = &totals.tasks
                && !infos.iter().any(|info| info.name == *name)
            {
                infos.push(HandlerView {
                    name: name.clone(),
                    request: None,
                    result: None,
                    lanes: LaneKind::Cpu.name(),
                });
            }
        }
        infos.sort_by(|a, b| a.name.cmp(&b.name));
        let stat = |info: HandlerView| HandlerStat {
            tasks: self.tasks(&CountedTasks::Of(info.name.clone())),
            info,
        };
        infos.into_iter().map(stat).collect()
    }

    /// The tasks that are counted for no handler of the table, and those for which no record was
    /// left; each if there are any.
    pub(super) fn others(&self) -> [Option<TasksView>; 2] {
        [CountedTasks::Unlisted, CountedTasks::Rest]
            .map(|tasks| of(self.now, &tasks).map(|_| self.tasks(&tasks)))
    }
}

fn cells(of: &Quantiles) -> [String; 3] {
    [of.p50_ns, of.p99_ns, of.max_ns].map(|ns| ns.map_or_else(|| "-".to_owned(), nanoseconds))
}

/// The table of all time: handlers of which there were tasks.
pub(super) fn in_all<'v>(rows: impl Iterator<Item = (&'v str, &'v TasksView)>) -> Table {
    let mut table = Table::new(&[
        "HANDLER",
        "STARTED",
        "DONE",
        "FAILED",
        "PANICKED",
        "EXPIRED",
        "CANCELLED",
        "CRASHED",
        "RETRIED",
        "REJECTED",
        "BUSY S",
        "P50",
        "P99",
        "MAX",
    ]);
    for (name, TasksView { in_all, .. }) in rows {
        if !in_all.any() {
            continue;
        }
        let [p50, p99, max] = cells(&in_all.run);
        table.row([
            name.to_owned(),
            in_all.started.to_string(),
            in_all.completed.to_string(),
            in_all.failed.to_string(),
            in_all.panicked.to_string(),
            in_all.expired.to_string(),
            in_all.cancelled.to_string(),
            in_all.crashed.to_string(),
            in_all.retried.to_string(),
            in_all.rejected.to_string(),
            format!("{:.1}", in_all.busy_s),
            p50,
            p99,
            max,
        ]);
    }
    table
}

/// The table of the time since the look before: handlers that did anything in it. With the time in
/// seconds.
pub(super) fn now<'v>(
    rows: impl Iterator<Item = (&'v str, &'v TasksView)>,
) -> Option<(f64, Table)> {
    let mut table = Table::new(&[
        "HANDLER", "TASKS/S", "FAILED", "BUSY %", "WAIT P50", "P99", "MAX", "RUN P50", "P99", "MAX",
    ]);
    let mut seconds = None;
    for (name, tasks) in rows {
        let Some(now) = &tasks.now else { continue };
        seconds = Some(now.seconds);
        let counts = &now.counts;
        if !counts.any() {
            continue;
        }
        let ([w50, w99, wmax], [r50, r99, rmax]) = (cells(&counts.queue), cells(&counts.run));
        table.row([
            name.to_owned(),
            format!("{:.0}", counts.started as f64 / now.seconds),
            counts.failed.to_string(),
            format!("{:.1}", now.busy_percent),
            w50,
            w99,
            wmax,
            r50,
            r99,
            rmax,
        ]);
    }
    seconds.map(|seconds| (seconds, table))
}

/// The table of times: of each handler of which there were tasks those of the last ten seconds, of the
/// last minute and of all time.
pub(super) fn times<'v>(rows: impl Iterator<Item = (&'v str, &'v TasksView)>) -> Table {
    let mut table = Table::new(&[
        "HANDLER", "LAST", "ENDED", "FAILED", "WAIT P50", "P99", "MAX", "RUN P50", "P99", "MAX",
    ]);
    for (name, tasks) in rows {
        if tasks.in_all.completed == 0 && tasks.in_all.failed == 0 {
            continue;
        }
        let windows = [&tasks.last_10_s, &tasks.last_minute];
        let windows = windows.into_iter().flatten();
        let windows = windows.map(|window| (duration(window.seconds), &window.counts));
        for (last, counts) in windows.chain([("all".to_owned(), &tasks.in_all)]) {
            let ([w50, w99, wmax], [r50, r99, rmax]) = (cells(&counts.queue), cells(&counts.run));
            table.row([
                name.to_owned(),
                last,
                (counts.completed.saturating_add(counts.failed)).to_string(),
                counts.failed.to_string(),
                w50,
                w99,
                wmax,
                r50,
                r99,
                rmax,
            ]);
        }
    }
    table
}
