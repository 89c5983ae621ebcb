//! What a pool has done by handler: in all, and since the look before.

use super::table::Table;
use super::units::nanoseconds;
use ringwork_ring::Segment;
use ringwork_ring::format::layout::{HandlerCounter, HandlerLoss};
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::records::Histogram;
use ringwork_ring::segment::handler_totals::{CountedTasks, HandlerTotals, handler_totals};
use serde::Serialize;

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
    /// Since the look before; none at the first.
    pub(super) now: Option<NowView>,
}

/// The time between two looks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct NowView {
    /// How long it was.
    pub(super) seconds: f64,
    /// How much of the time of all lanes the handler ran, in percent: an estimate from the sampled
    /// tasks that ended in this time.
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
    pub(super) expired: u64,
    pub(super) cancelled: u64,
    /// Ended since their worker had died.
    pub(super) crashed: u64,
    /// Started again since their worker had died.
    pub(super) retried: u64,
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
            failed: of.count(HandlerCounter::Failed),
            panicked: of.count(HandlerCounter::Panicked),
            expired: of.count(HandlerCounter::Expired),
            cancelled: of.count(HandlerCounter::Cancelled),
            crashed: of.loss(HandlerLoss::Crashed),
            retried: of.loss(HandlerLoss::Retried),
            busy_s: (of.busy_ns() / 1000) as f64 / 1e6,
            queue: quantiles_of(&of.queue),
            run: quantiles_of(&of.run),
        }
    }
}

/// What was read at one time.
#[derive(Debug)]
pub(super) struct Look {
    at_ns: u64,
    totals: Vec<HandlerTotals>,
}

impl Look {
    pub(super) fn now(segment: &Segment) -> Self {
        let totals = handler_totals(segment);
        Self {
            at_ns: now_ns(),
            totals,
        }
    }

    /// All totals that were read.
    pub(super) fn totals(&self) -> &[HandlerTotals] {
        &self.totals
    }

    fn of(&self, tasks: &CountedTasks) -> Option<&HandlerTotals> {
        self.totals.iter().find(|totals| totals.tasks == *tasks)
    }

    /// What has become of these tasks, in a pool of so many lanes.
    fn tasks(&self, tasks: &CountedTasks, before: Option<&Self>, lanes: usize) -> TasksView {
        let none = HandlerTotals::new(tasks.clone());
        let in_all = self.of(tasks).unwrap_or(&none);
        let now = before.map(|before| {
            let mut since = in_all.clone();
            since.subtract(before.of(tasks).unwrap_or(&none));
            let ns = self.at_ns.saturating_sub(before.at_ns).max(1);
            let possible = ns as f64 * lanes.max(1) as f64;
            let percent = 100.0 * since.busy_ns() as f64 / possible;
            NowView {
                seconds: (ns / 1000) as f64 / 1e6,
                busy_percent: (percent * 10.0).round() / 10.0,
                counts: CountsView::new(&since),
            }
        });
        TasksView {
            in_all: CountsView::new(in_all),
            now,
        }
    }

    /// The handlers that are `listed`, and others of which there were tasks.
    pub(super) fn handlers(
        &self,
        listed: Vec<HandlerView>,
        before: Option<&Self>,
        lanes: usize,
    ) -> Vec<HandlerStat> {
        let mut infos = listed;
        for totals in &self.totals {
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
            tasks: self.tasks(&CountedTasks::Of(info.name.clone()), before, lanes),
            info,
        };
        infos.into_iter().map(stat).collect()
    }

    /// The tasks that are counted for no handler of the table, and those for which no record was
    /// left; each if there are any.
    pub(super) fn others(&self, before: Option<&Self>, lanes: usize) -> [Option<TasksView>; 2] {
        [CountedTasks::Unlisted, CountedTasks::Rest]
            .map(|tasks| self.of(&tasks).map(|_| self.tasks(&tasks, before, lanes)))
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
        "BUSY S",
        "P50",
        "P99",
        "MAX",
    ]);
    for (name, TasksView { in_all, .. }) in rows {
        if in_all.started == 0 && in_all.crashed == 0 {
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
        if counts.started == 0 && counts.completed == 0 && counts.failed == 0 {
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
