//! `ringwork stat --prometheus`: the numbers of a pool in Prometheus' text format.
//!
//! Names are `ringwork_…`, times in seconds, sizes in bytes; what only grows ends in `_total`. Label
//! values that come from the segment (names of handlers and programs) are escaped.

use super::view::{ClassView, LimitView, PoolView, WorkerView};
use ringwork_ring::format::layout::{HandlerCounter, HandlerLoss};
use ringwork_ring::records::{Histogram, bucket_floor};
use ringwork_ring::segment::handler_totals::{CountedTasks, HandlerTotals};
use ringwork_supervisor::looks::Look;
use std::fmt::Write as _;

/// The first and the last upper bound of a histogram, as powers of two of nanoseconds: 1 µs to 69 s.
const BOUNDS: std::ops::RangeInclusive<u32> = 10..=36;

pub(super) type Labels<'a> = Vec<(&'a str, String)>;

/// What a family of samples is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What one sample says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sample {
    Number(f64),
    Times(Times),
}

/// A histogram: how many are at most each bound, in seconds; those above all are only in `count`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Times {
    pub(super) below: Vec<(f64, u64)>,
    pub(super) count: u64,
    pub(super) sum_s: f64,
}

/// Samples of one name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Family {
    /// With `_total`, where it is a counter.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    /// Beside the label `pool`, which each has.
    pub(super) rows: Vec<(Labels<'static>, Sample)>,
}

/// All numbers of a pool, before they are written in a format.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Page {
    pub(super) pool: String,
    pub(super) families: Vec<Family>,
}

impl Page {
    /// A family with one row for each set of labels; nothing when there is none.
    fn rows(
        &mut self,
        name: &str,
        kind: Kind,
        help: &'static str,
        rows: Vec<(Labels<'static>, f64)>,
    ) {
        let rows = rows.into_iter();
        let rows = rows.map(|(labels, value)| (labels, Sample::Number(value)));
        self.family(name, kind, help, rows.collect());
    }

    fn family(
        &mut self,
        name: &str,
        kind: Kind,
        help: &'static str,
        rows: Vec<(Labels<'static>, Sample)>,
    ) {
        if rows.is_empty() {
            return;
        }
        self.families.push(Family {
            name: name.to_owned(),
            kind,
            help,
            rows,
        });
    }

    fn one(&mut self, name: &str, kind: Kind, help: &'static str, value: f64) {
        self.rows(name, kind, help, vec![(Vec::new(), value)]);
    }

    /// In Prometheus' text format.
    pub(super) fn text(&self) -> String {
        let mut text = Text {
            text: String::new(),
            pool: &self.pool,
        };
        for family in &self.families {
            text.family(family);
        }
        text.text
    }
}

fn times(times: &Histogram, sum_s: f64) -> Times {
    let count = times.count();
    let mut below: u64 = 0;
    let mut bucket = 0;
    let bounds = BOUNDS.map(|power| {
        let bound_ns = 1_u64 << power;
        while bucket < times.0.len() && bucket_floor(bucket) < bound_ns {
            below = times.0[bucket].saturating_add(below);
            bucket += 1;
        }
        (bound_ns as f64 / 1e9, below.min(count))
    });
    Times {
        below: bounds.collect(),
        count,
        sum_s,
    }
}

/// The text format as it grows.
struct Text<'p> {
    text: String,
    pool: &'p str,
}

impl Text<'_> {
    fn family(&mut self, family: &Family) {
        let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
        let name = &family.name;
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a String can't fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, sample) in &family.rows {
            match sample {
                Sample::Number(value) => self.sample(name, labels, *value),
                Sample::Times(times) => self.histogram(name, labels, times),
            }
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, String)], value: f64) {
        let _ = write!(self.text, "{name}{{pool=\"{}\"", escaped(self.pool));
        for (label, value) in labels {
            let _ = write!(self.text, ",{label}=\"{}\"", escaped(value));
        }
        let _ = writeln!(self.text, "}} {value}");
    }

    fn histogram(&mut self, name: &str, labels: &[(&'static str, String)], times: &Times) {
        let bounds = times.below.iter();
        let bounds = bounds.map(|(bound, below)| (bound.to_string(), *below));
        for (bound, below) in bounds.chain([("+Inf".to_owned(), times.count)]) {
            let mut all = labels.to_vec();
            all.push(("le", bound));
            self.sample(&format!("{name}_bucket"), &all, below as f64);
        }
        self.sample(&format!("{name}_sum"), labels, times.sum_s);
        self.sample(&format!("{name}_count"), labels, times.count as f64);
    }
}

/// A row for each item that has the value.
fn each<T>(
    items: &[T],
    labels: impl Fn(&T) -> Labels<'static>,
    value: impl Fn(&T) -> Option<f64>,
) -> Vec<(Labels<'static>, f64)> {
    items
        .iter()
        .filter_map(|item| Some((labels(item), value(item)?)))
        .collect()
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

const COUNTER: Kind = Kind::Counter;
const GAUGE: Kind = Kind::Gauge;

/// All numbers of a pool.
pub(super) fn page(view: &PoolView, look: &Look) -> Page {
    let mut page = Page {
        pool: view.name.clone(),
        families: Vec::new(),
    };
    pool(&mut page, view);
    processes(&mut page, view);
    clients(&mut page, view);
    handlers(&mut page, &with_idle(&look.totals, view));
    page
}

fn pool(page: &mut Page, view: &PoolView) {
    let state = vec![("state", view.state.to_owned())];
    let help = "The state of the pool, 1 for the one that it is in.";
    page.rows("ringwork_state", GAUGE, help, vec![(state, 1.0)]);
    let ready = f64::from(u8::from(view.ready));
    let help = "Whether the pool takes tasks and replaces workers that die.";
    page.one("ringwork_ready", GAUGE, help, ready);
    let help = "Time since the pool was made.";
    page.one("ringwork_uptime_seconds", GAUGE, help, view.uptime_s);
    let help = "Size of the segment.";
    page.one(
        "ringwork_segment_bytes",
        GAUGE,
        help,
        view.segment_bytes as f64,
    );
    let depth = view.queues.iter();
    let depth = depth.map(|queue| {
        let labels = vec![
            ("priority", queue.priority.to_string()),
            ("lanes", queue.lanes.to_owned()),
        ];
        (labels, queue.depth as f64)
    });
    let help = "Hints in the ring of a priority, 0 is the most urgent, for a kind of lanes.";
    page.rows("ringwork_queue_depth", GAUGE, help, depth.collect());
    for (name, help) in POOL_COUNTERS {
        if let Some(count) = view.counters.get(name) {
            page.one(
                &format!("ringwork_{name}_total"),
                COUNTER,
                help,
                *count as f64,
            );
        }
    }
    let blocks = |of: fn(&ClassView) -> f64| {
        let label = |class: &ClassView| vec![("block_bytes", class.block_bytes.to_string())];
        each(&view.arena, label, |class| Some(of(class)))
    };
    let help = "Payload blocks of a size.";
    let rows = blocks(|class| f64::from(class.blocks));
    page.rows("ringwork_arena_blocks", GAUGE, help, rows);
    let help = "Payload blocks of a size that are taken.";
    let rows = blocks(|class| f64::from(class.taken));
    page.rows("ringwork_arena_blocks_taken", GAUGE, help, rows);
    let limits = |of: fn(&LimitView) -> f64| {
        let label = |limit: &LimitView| vec![("handler", limit.handler.clone())];
        each(&view.limits, label, |limit| Some(of(limit)))
    };
    let help = "Most tasks of a handler that run at a time; 0: any number.";
    let rows = limits(|limit| f64::from(limit.max));
    page.rows("ringwork_limit_max", GAUGE, help, rows);
    let help = "1 while `ringwork pause` keeps the tasks of a handler waiting.";
    let rows = limits(|limit| f64::from(u8::from(limit.paused)));
    page.rows("ringwork_limit_paused", GAUGE, help, rows);
    let help = "Tasks of a handler with a limit that run.";
    let rows = limits(|limit| f64::from(limit.running));
    page.rows("ringwork_limit_running", GAUGE, help, rows);
    let help = "Tasks of a handler with a limit that wait for others of it to end.";
    let rows = limits(|limit| limit.waiting as f64);
    page.rows("ringwork_limit_waiting", GAUGE, help, rows);
}

const POOL_COUNTERS: [(&str, &str); 9] = [
    ("workers_started", "Workers started."),
    (
        "workers_crashed",
        "Workers that died without being asked to.",
    ),
    (
        "tasks_requeued",
        "Tasks given back to the queue since their worker had died.",
    ),
    ("tasks_crashed", "Tasks ended since their worker had died."),
    (
        "clients_reaped",
        "Clients cleared that had died, or had left while tasks of theirs ran.",
    ),
    ("blocks_recovered", "Payload blocks freed for the dead."),
    ("hints_restored", "Hints that the supervisor put back."),
    ("tasks_dropped", "Tasks of dead clients that were dropped."),
    (
        "tasks_quarantined",
        "Tasks of more than one attempt, each of which lost its worker.",
    ),
];

fn processes(page: &mut Page, view: &PoolView) {
    let ready = view.workers.iter().filter(|worker| worker.ready);
    let help = "Workers that live and have lanes.";
    page.one("ringwork_workers", GAUGE, help, ready.count() as f64);
    let workers = |of: fn(&WorkerView) -> Option<f64>| {
        let labels = |worker: &WorkerView| {
            vec![
                ("worker", worker.index.to_string()),
                ("pid", worker.pid.to_string()),
                ("program", worker.program.clone()),
                ("version", worker.version.clone()),
            ]
        };
        each(&view.workers, labels, of)
    };
    let help = "Resident memory of a worker.";
    let rows = workers(|worker| worker.rss_bytes.map(|bytes| bytes as f64));
    page.rows("ringwork_worker_resident_memory_bytes", GAUGE, help, rows);
    let help = "Processor time that a worker has used, of user and system.";
    let rows = workers(|worker| worker.cpu_s);
    page.rows("ringwork_worker_cpu_seconds_total", COUNTER, help, rows);
    let lanes = || view.workers.iter().flat_map(|worker| &worker.lanes);
    page.one(
        "ringwork_lanes",
        GAUGE,
        "Lanes of all workers.",
        lanes().count() as f64,
    );
    let busy = lanes().filter(|lane| lane.running.is_some()).count();
    page.one(
        "ringwork_lanes_busy",
        GAUGE,
        "Lanes that run a task.",
        busy as f64,
    );
}

fn clients(page: &mut Page, view: &PoolView) {
    let help = "Clients that are attached.";
    page.one("ringwork_clients", GAUGE, help, view.clients.len() as f64);
    let in_use: u32 = view.clients.iter().map(|client| client.slots_in_use).sum();
    let help = "Slots of all clients that hold tasks: those submitted less those ended.";
    page.one("ringwork_slots_in_use", GAUGE, help, f64::from(in_use));
    let total = |name: &str| view.client_totals.get(name).copied().unwrap_or_default() as f64;
    let help = "Tasks that clients have submitted.";
    page.one(
        "ringwork_client_submitted_total",
        COUNTER,
        help,
        total("submitted"),
    );
    let outcomes = ["completed", "failed", "timed_out", "cancelled"];
    let rows = outcomes.map(|outcome| (vec![("outcome", outcome.to_owned())], total(outcome)));
    let help = "Tasks that have ended, as their clients saw it.";
    page.rows("ringwork_client_tasks_total", COUNTER, help, rows.into());
    let rejected = view.client_totals.iter().filter_map(|(name, count)| {
        let reason = name.strip_prefix("rejected_")?;
        Some((vec![("reason", reason.to_owned())], *count as f64))
    });
    let help = "Tasks that were rejected at the submit.";
    page.rows(
        "ringwork_client_rejected_total",
        COUNTER,
        help,
        rejected.collect(),
    );
}

/// What stands for the handler of tasks that have none of their own.
fn label(tasks: &CountedTasks) -> &str {
    match tasks {
        CountedTasks::Of(name) => name,
        CountedTasks::Unlisted => "(unknown)",
        CountedTasks::Rest => "(others)",
    }
}

fn outcomes(of: &HandlerTotals) -> [(&'static str, u64); 6] {
    let kinds = [
        ("panicked", of.count(HandlerCounter::Panicked)),
        ("expired", of.expired()),
        ("cancelled", of.cancelled()),
    ];
    let other = kinds
        .iter()
        .fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    let [panicked, expired, cancelled] = kinds;
    [
        ("completed", of.count(HandlerCounter::Completed)),
        ("failed", of.failed().saturating_sub(other)),
        panicked,
        expired,
        cancelled,
        ("crashed", of.loss(HandlerLoss::Crashed)),
    ]
}

/// The totals, with zeros for the handlers of which there was no task: a rate needs the zero before
/// the first one.
fn with_idle(totals: &[HandlerTotals], view: &PoolView) -> Vec<HandlerTotals> {
    let known = view.handlers.iter();
    let idle = known.map(|handler| CountedTasks::Of(handler.info.name.clone()));
    let idle = idle.filter(|tasks| totals.iter().all(|of| of.tasks != *tasks));
    let idle = idle.map(HandlerTotals::new);
    totals.iter().cloned().chain(idle).collect()
}

/// A row for each handler and kind of its tasks.
fn by_kind<I>(
    totals: &[HandlerTotals],
    name: &'static str,
    kinds: impl Fn(&HandlerTotals) -> I,
) -> Vec<(Labels<'static>, f64)>
where
    I: IntoIterator<Item = (&'static str, u64)>,
{
    let mut rows = Vec::new();
    for of in totals {
        for (kind, count) in kinds(of) {
            let handler = ("handler", label(&of.tasks).to_owned());
            rows.push((vec![handler, (name, kind.to_owned())], count as f64));
        }
    }
    rows
}

fn handlers(page: &mut Page, totals: &[HandlerTotals]) {
    let ended = by_kind(totals, "outcome", outcomes);
    let help = "Tasks that have ended, in a lane, in the queue, or since their worker had died.";
    page.rows("ringwork_handler_tasks_total", COUNTER, help, ended);
    let each = |of: &dyn Fn(&HandlerTotals) -> f64| {
        let row = |totals| {
            let totals: &HandlerTotals = totals;
            (
                vec![("handler", label(&totals.tasks).to_owned())],
                of(totals),
            )
        };
        totals.iter().map(row).collect::<Vec<_>>()
    };
    let rejected = by_kind(totals, "reason", |of| of.rejected().collect::<Vec<_>>());
    let help = "Tasks that were rejected at the submit, or since no worker could run them.";
    page.rows("ringwork_handler_rejected_total", COUNTER, help, rejected);
    let help = "Attempts that died with their worker and were followed by another.";
    let rows = each(&|of| of.loss(HandlerLoss::Retried) as f64);
    page.rows("ringwork_handler_retries_total", COUNTER, help, rows);
    let seconds = |of: &HandlerTotals, counter| of.count(counter) as f64 / 1e9;
    let histograms = |of: &dyn Fn(&HandlerTotals) -> Times| {
        let row = |totals: &HandlerTotals| {
            let labels = vec![("handler", label(&totals.tasks).to_owned())];
            (labels, Sample::Times(of(totals)))
        };
        totals.iter().map(row).collect::<Vec<_>>()
    };
    let rows = histograms(&|of| times(&of.queue, seconds(of, HandlerCounter::WaitedNs)));
    page.family(
        "ringwork_handler_queue_seconds",
        Kind::Histogram,
        "Time from submit to claim, of sampled tasks.",
        rows,
    );
    let rows = histograms(&|of| times(&of.run, seconds(of, HandlerCounter::SampledNs)));
    page.family(
        "ringwork_handler_run_seconds",
        Kind::Histogram,
        "Time from claim to end, of sampled tasks; a chunk is one.",
        rows,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_the_segment_is_escaped() {
        let mut page = Page {
            pool: "a\"b".into(),
            families: Vec::new(),
        };
        let labels = vec![("handler", "x\\y\n\"z\"".to_owned())];
        page.rows("n_total", COUNTER, "one\ntwo \\", vec![(labels, 3.0)]);
        let expected = "# HELP n_total one\\ntwo \\\\\n# TYPE n_total counter\n\
             n_total{pool=\"a\\\"b\",handler=\"x\\\\y\\n\\\"z\\\"\"} 3\n";
        assert_eq!(page.text(), expected);
    }

    #[test]
    fn buckets_only_grow_and_end_with_all() {
        let mut histogram = Histogram::default();
        for ns in [5, 900, 1024, 1_000_000, u64::MAX] {
            histogram.0[ringwork_ring::records::bucket_of(ns)] += 1;
        }
        let mut page = Page {
            pool: "p".into(),
            families: Vec::new(),
        };
        let labels = vec![("handler", "h".to_owned())];
        let row = (labels, Sample::Times(times(&histogram, 1.5)));
        page.family("t", Kind::Histogram, "h", vec![row]);
        let text = page.text();
        let values: Vec<f64> = (text.lines())
            .filter(|line| line.starts_with("t_bucket"))
            .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!((values[0], values[1]), (2.0, 3.0), "{text}");
        assert!(values.is_sorted());
        assert_eq!(values.last(), Some(&5.0));
        assert!(text.contains("le=\"+Inf\"} 5\nt_sum{pool=\"p\",handler=\"h\"} 1.5\nt_count"));
    }
}
