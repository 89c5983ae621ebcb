//! `ringwork stat`: what a pool does now and has done.

use super::by_handler::{self, Look, Quantiles};
use super::exit::{FAILED, Failure, NO_POOL};
use super::prometheus;
use super::shown;
use super::table::Table;
use super::units::{Size, Span, nanoseconds, seconds as duration};
use super::view::{self, PoolView};
use clap::Args;
use ringwork_ring::{PoolDir, RingError, Segment};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

const AFTER_HELP: &str = "\
Latencies are of sampled tasks (the first 1024 of each client, then every 16th of a Java client and every 8th of a Rust one), since the pool was \
made, or since the page before; each is an upper bound, at most 25 % too high. BUSY is an estimate from them: BUSY % is the \
share of the time of all lanes. The page for people looks for 0.2 s at what is done now; in JSON only --watch has it.

Exit codes: 0 the pool is starting, serving or draining; 3 there is none, or its supervisor is gone. With \
--ready: 0 it is ready; 1 it is not, or its supervisor is dead; 3 there is none of this name.";

/// The time that a single page looks at to tell what is done now.
const WINDOW: Duration = Duration::from_millis(200);

/// Show a pool: clients, workers, queues, counters, latencies, errors.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Stat {
    /// Name of the pool.
    #[arg(default_value = "default")]
    name: String,

    /// Print JSON: one object, or with --watch one a line.
    #[arg(long)]
    json: bool,

    /// Print the numbers in Prometheus' text format, as a textfile collector or an HTTP server of yours
    /// passes them on.
    #[arg(long, conflicts_with_all = ["json", "ready", "watch"])]
    prometheus: bool,

    /// Print nothing; exit with 1 when the pool is not ready or dead, with the reason on standard
    /// error.
    #[arg(long)]
    ready: bool,

    /// Print again and again, every TIME [default: every second].
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "1s")]
    watch: Option<Span>,
}

/// Runs the subcommand.
pub(super) fn run(stat: &Stat) -> Result<(), Failure> {
    let dir = PoolDir::new(&stat.name)?;
    let segment = Segment::attach(&dir).map_err(|error| match error {
        // Something of it is there: it starts, or is dead.
        RingError::NotFound { .. } | RingError::NotReady { .. } | RingError::Closed { .. }
            if stat.ready && dir.is_pool() =>
        {
            Failure::new(FAILED, error)
        }
        error => error.into(),
    })?;
    if stat.ready {
        return readiness(&view::pool(&segment)?);
    }
    let mut before: Option<(u64, Instant)> = None;
    let mut look_before = (stat.watch.is_none() && !stat.json && !stat.prometheus).then(|| {
        // A page for a person says what is done now.
        let look = Look::now(&segment);
        std::thread::sleep(WINDOW);
        look
    });
    loop {
        let look = Look::now(&segment);
        let view = view::pool_since(&segment, &look, look_before.as_ref())?;
        let ended = ended(&view);
        let rate = before
            .map(|(tasks, then)| (tasks_of(&view) - tasks) as f64 / then.elapsed().as_secs_f64());
        before = Some((tasks_of(&view), Instant::now()));
        if stat.prometheus {
            let page = prometheus::page(&view, &look).text();
            io::stdout().lock().write_all(page.as_bytes())?;
        } else {
            print(stat, &view, rate)?;
        }
        look_before = Some(look);
        let over = view::is_over(view.state);
        match stat.watch {
            _ if over => {
                return Err(Failure::new(
                    NO_POOL,
                    format!("the pool {} is over: {ended}", view.name),
                ));
            }
            None => return Ok(()),
            Some(interval) => std::thread::sleep(interval.0.max(Duration::from_millis(50))),
        }
    }
}

/// For readiness probes.
fn readiness(view: &PoolView) -> Result<(), Failure> {
    if view.ready {
        return Ok(());
    }
    // It may serve, in a crash storm or beside a stopped supervisor, and not be ready.
    let state = match view.state {
        "serving" => "not ready",
        state => state,
    };
    let why = if view.reason.is_empty() { "" } else { ": " };
    let text = format!("the pool {} is {state}{why}{}", view.name, view.reason);
    Err(Failure::new(FAILED, text))
}

fn ended(view: &PoolView) -> &str {
    if view.reason.is_empty() {
        "no reason was given"
    } else {
        &view.reason
    }
}

fn tasks_of(view: &PoolView) -> u64 {
    view.workers
        .iter()
        .flat_map(|worker| &worker.lanes)
        .map(|lane| lane.started)
        .sum()
}

fn print(stat: &Stat, view: &PoolView, rate: Option<f64>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if stat.json {
        let text = if stat.watch.is_some() {
            serde_json::to_string(view)
        } else {
            serde_json::to_string_pretty(view)
        };
        writeln!(out, "{}", text?)?;
    } else {
        if stat.watch.is_some() && out.is_terminal() {
            write!(out, "\x1b[H\x1b[2J")?;
        }
        write!(out, "{}", text(view, rate))?;
    }
    out.flush()?;
    Ok(())
}

/// The page for people.
fn text(view: &PoolView, rate: Option<f64>) -> String {
    let mut page = format!(
        "pool {}: {}, supervisor {}, up {}, segment {}\n",
        view.name,
        view.state,
        view.supervisor_pid,
        duration(view.uptime_s),
        Size(view.segment_bytes)
    );
    if !view.reason.is_empty() {
        let ready = if view.ready { "" } else { "not ready: " };
        page.push_str(&format!("{ready}{}\n", view.reason));
    }
    // Writing to a String can't fail.
    let _ = match rate {
        Some(rate) => writeln!(page, "{rate:.0} tasks/s"),
        None => Ok(()),
    };
    section(&mut page, "clients", &clients(view));
    section(&mut page, "lanes", &lanes(view));
    section(&mut page, "queues", &queues(view));
    if !view.limits.is_empty() {
        section(&mut page, "limits", &limits(view));
    }
    section(&mut page, "latency (sampled)", &latencies(view));
    section(&mut page, "arena", &arena(view));
    let counters: Vec<String> = view
        .counters
        .iter()
        .map(|(name, count)| format!("{} {count}", name.replace('_', " ")))
        .collect();
    let _ = writeln!(page, "\ncounters\n  {}", counters.join(", "));
    let clients: Vec<String> = view
        .client_totals
        .iter()
        .map(|(name, count)| format!("{} {count}", name.replace('_', " ")))
        .collect();
    let _ = writeln!(page, "\ntasks of all clients\n  {}", clients.join(", "));
    let handlers: Vec<&str> = view
        .handlers
        .iter()
        .filter(|handler| handler.info.request.is_some())
        .map(|handler| handler.info.name.as_str())
        .collect();
    let _ = writeln!(page, "\nhandlers\n  {}", handlers.join(", "));
    if let Some((seconds, table)) = by_handler::now(view.tasks_by_handler()) {
        section(
            &mut page,
            &format!("tasks of the last {seconds:.1} s"),
            &table,
        );
    }
    let in_all = by_handler::in_all(view.tasks_by_handler());
    section(&mut page, "tasks in all", &in_all);
    section(&mut page, "errors", &errors(view));
    page
}

fn section(page: &mut String, title: &str, table: &Table) {
    let _ = if table.is_empty() {
        writeln!(page, "\n{title}\n  none")
    } else {
        write!(page, "\n{title}\n{table}")
    };
}

fn clients(view: &PoolView) -> Table {
    let mut table = Table::new(&[
        "ENTRY",
        "KIND",
        "PID",
        "NAME",
        "STATE",
        "FOR",
        "SLOTS",
        "QUEUED",
        "RUNNING",
        "SUBMITTED",
        "DONE",
        "FAILED",
        "REJECTED",
        "TIMED OUT",
        "CANCELLED",
    ]);
    for client in &view.clients {
        table.row([
            client.index.to_string(),
            client.kind.to_owned(),
            client.pid.to_string(),
            client.name.clone(),
            client.state.to_owned(),
            duration(client.attached_s),
            format!("{}/{}", client.slots_in_use, client.slots),
            client.queued.to_string(),
            client.running.to_string(),
            client.submitted.to_string(),
            client.completed.to_string(),
            client.failed.to_string(),
            client.rejected.to_string(),
            client.timed_out.to_string(),
            client.cancelled.to_string(),
        ]);
    }
    table
}

fn lanes(view: &PoolView) -> Table {
    let mut table = Table::new(&[
        "WORKER",
        "PID",
        "UP",
        "CPU",
        "MEMORY",
        "LANE",
        "NOW",
        "STARTED",
        "DONE",
        "FAILED",
        "PANICKED",
        "EXPIRED",
        "CANCELLED",
        "STOLEN",
        "PARKED",
    ]);
    let none = || "-".to_owned();
    for worker in &view.workers {
        for lane in &worker.lanes {
            let now = match (&lane.running, lane.progress) {
                (Some(handler), Some(at)) => format!("{handler} {}/{}", at.done, at.total),
                (Some(handler), None) => match lane.task.as_ref().and_then(|task| task.runs_s) {
                    Some(runs_s) => format!("{handler} for {}", duration(runs_s)),
                    None => handler.clone(),
                },
                (None, _) if lane.idle => "idle".to_owned(),
                (None, _) => "searching".to_owned(),
            };
            table.row([
                worker.index.to_string(),
                worker.pid.to_string(),
                duration(worker.uptime_s),
                worker.cpu_s.map_or_else(none, duration),
                worker
                    .rss_bytes
                    .map_or_else(none, |bytes| Size(bytes).to_string()),
                lane.index.to_string(),
                if worker.stopped {
                    "stopped".to_owned()
                } else if worker.state == shown::ACTIVE {
                    now
                } else {
                    worker.state.to_owned()
                },
                lane.started.to_string(),
                lane.completed.to_string(),
                lane.failed.to_string(),
                lane.panicked.to_string(),
                lane.expired.to_string(),
                lane.cancelled.to_string(),
                lane.stolen.to_string(),
                lane.parked.to_string(),
            ]);
        }
    }
    table
}

fn queues(view: &PoolView) -> Table {
    let mut table = Table::new(&["PRIORITY", "DEPTH", "CAPACITY"]);
    for queue in &view.queues {
        table.row([
            queue.priority.to_string(),
            queue.depth.to_string(),
            queue.capacity.to_string(),
        ]);
    }
    table
}

fn limits(view: &PoolView) -> Table {
    let mut table = Table::new(&["HANDLER", "MOST", "RUNNING", "WAITING"]);
    for limit in &view.limits {
        table.row([
            limit.handler.clone(),
            limit.max.to_string(),
            limit.running.to_string(),
            limit.waiting.to_string(),
        ]);
    }
    table
}

fn latencies(view: &PoolView) -> Table {
    let mut table = Table::new(&["OF", "SAMPLES", "P50", "P99", "P99.9"]);
    let show = |ns: Option<u64>| ns.map_or_else(|| "-".to_owned(), nanoseconds);
    for (
        name,
        Quantiles {
            samples,
            p50_ns,
            p99_ns,
            p999_ns,
            ..
        },
    ) in [
        ("queueing", &view.latency.queue),
        ("running", &view.latency.run),
    ] {
        table.row([
            name.to_owned(),
            samples.to_string(),
            show(*p50_ns),
            show(*p99_ns),
            show(*p999_ns),
        ]);
    }
    table
}

fn arena(view: &PoolView) -> Table {
    let mut table = Table::new(&["BLOCK", "TAKEN", "OF", "FOR RESULTS"]);
    for class in &view.arena {
        table.row([
            Size(class.block_bytes as u64).to_string(),
            class.taken.to_string(),
            class.blocks.to_string(),
            class.for_results.to_string(),
        ]);
    }
    table
}

fn errors(view: &PoolView) -> Table {
    let mut table = Table::new(&["TIMES", "LAST", "WHAT"]);
    for error in &view.errors {
        table.row([
            error.count.to_string(),
            format!("{} ago", duration(error.last_s_ago)),
            error.text.clone(),
        ]);
    }
    table
}
