//! `ringwork stat`: what a pool does now and has done.

use super::by_handler::{self, Quantiles};
use super::exit::{FAILED, Failure, NO_POOL};
use super::place::Place;
use super::prometheus;
#[cfg(feature = "ops")]
use super::remote::RemotePool;
use super::shown;
use super::table::Table;
use super::units::{Size, Span, nanoseconds, seconds as duration};
use super::view::{self, PoolView, Slots};
use clap::Args;
use ratatui::crossterm::terminal::size;
use ringwork_ring::{PoolDir, RingError, Segment};
use ringwork_supervisor::looks::{History, Look};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

const AFTER_HELP: &str = "\
A pool that answers HTTP is looked at from elsewhere by its address, http://HOST:PORT or unix:PATH, instead of its name.

Latencies are of sampled tasks (the first 1024 of each client, then every 16th of a Java client and every 8th of a Rust one), since the pool was \
made, or since the page before; each is an upper bound, at most 25 % too high. BUSY is an estimate from them: BUSY % is the \
share of the time of all lanes. The page for people looks for 0.2 s at what is done now; in JSON only --watch has it.

Exit codes: 0 the pool is starting, serving or draining; 3 there is none, or its supervisor is gone. With \
--ready: 0 it is ready; 1 it is not, or its supervisor is dead; 3 there is none of this name.";

/// The time that a single page looks at to tell what is done now.
const WINDOW: Duration = Duration::from_millis(200);

/// No terminal is taken for a narrower one.
const MIN_WIDTH: u16 = 80;

/// Columns that are left out where the terminal is too narrow, the first one first.
const SPARE: [&str; 21] = [
    "PARKED",
    "STOLEN",
    "ATTEMPT",
    "CLIENT",
    "CANCELLED",
    "EXPIRED",
    "PANICKED",
    "TIMED OUT",
    "RETRIED",
    "CRASHED",
    "REJECTED",
    "FAILED",
    "UP",
    "KIND",
    "CPU",
    "MEMORY",
    "MAX",
    "STARTED",
    "ENTRY",
    "FOR",
    "STATE",
];

/// The same of the table of all tasks: what `times by handler` has, too, goes before how tasks end.
const SPARE_OF_ALL: [&str; 9] = [
    "P50",
    "P99",
    "MAX",
    "BUSY S",
    "RETRIED",
    "PANICKED",
    "EXPIRED",
    "CANCELLED",
    "STARTED",
];

/// Show a pool: clients, workers, queues, counters, latencies, errors.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Stat {
    #[command(flatten)]
    place: Place,

    /// Print JSON: one object, or with --watch one a line.
    #[arg(long)]
    json: bool,

    /// Print the numbers in Prometheus' text format, as a textfile collector or an HTTP server of yours
    /// passes them on.
    #[arg(long, conflicts_with_all = ["json", "ready", "watch"])]
    prometheus: bool,

    /// Print all columns of the tables, however wide the terminal is.
    #[arg(long)]
    wide: bool,

    /// Print nothing; exit with 1 when the pool is not ready or dead, with the reason on standard
    /// error.
    #[arg(long)]
    ready: bool,

    /// Print again and again, every TIME [default: every second].
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "1s")]
    watch: Option<Span>,
}

/// The shortest time between two pages.
const LEAST_WATCH: Duration = Duration::from_millis(100);

/// Runs the subcommand.
pub(super) fn run(stat: &Stat) -> Result<(), Failure> {
    if stat.watch.is_some_and(|every| every.0 < LEAST_WATCH) {
        return Err(Failure::usage("--watch: the shortest time is 100ms"));
    }
    #[cfg(feature = "ops")]
    if let Some(pool) = stat.place.remote()? {
        return remote(stat, &pool);
    }
    let dir = PoolDir::new(&stat.place.name)?;
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
    let slots = match stat.prometheus {
        true => Slots::Counted,
        false => Slots::Each,
    };
    let mut before: Option<(u64, Instant)> = None;
    let mut history = History::default();
    let mut look_before = (stat.watch.is_none() && !stat.json && !stat.prometheus).then(|| {
        // A page for a person says what is done now.
        let look = Look::now(&segment);
        std::thread::sleep(WINDOW);
        look
    });
    loop {
        let look = Look::now(&segment);
        let view = view::pool_since(
            &segment,
            &look,
            look_before.as_ref(),
            history.past(&segment),
            slots,
        )?;
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

/// A pool that is looked at over HTTP.
#[cfg(feature = "ops")]
fn remote(stat: &Stat, pool: &RemotePool) -> Result<(), Failure> {
    if stat.ready {
        return pool.get("/readyz", "*/*").map(drop);
    }
    loop {
        let page = match (stat.prometheus, stat.json) {
            (true, _) => pool.get("/metrics", "text/plain")?,
            (_, true) => pool.get("/stat", "application/json")?,
            _ => pool.get("/stat", "text/plain")?,
        };
        let mut out = io::stdout().lock();
        if stat.watch.is_some() && !stat.json && out.is_terminal() {
            write!(out, "\x1b[H\x1b[2J")?;
        }
        out.write_all(page.as_bytes())?;
        out.flush()?;
        drop(out);
        match stat.watch {
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
        let width = match stat.wide || !out.is_terminal() {
            true => None,
            false => size()
                .ok()
                .map(|(columns, _)| usize::from(columns.max(MIN_WIDTH))),
        };
        write!(out, "{}", text(view, rate, width))?;
    }
    out.flush()?;
    Ok(())
}

/// When, where, and by what the page was made, and how old the supervisor's last sign of life is.
fn heading(view: &PoolView) -> String {
    let mut time = String::new();
    // Writing to a String can't fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    let time = time.get(..19).unwrap_or_default().replace('T', " ");
    let looked = match view.supervisor_looked_s_ago {
        Some(seconds) => format!("{} ago", duration(seconds)),
        None => "not yet".to_owned(),
    };
    format!(
        "{time} UTC, {}, ringwork {}, heartbeat {looked}\n",
        rustix::system::uname().nodename().to_string_lossy(),
        env!("CARGO_PKG_VERSION")
    )
}

/// The page for people; `width`: of the terminal that it is to fit.
pub(super) fn text(view: &PoolView, rate: Option<f64>, width: Option<usize>) -> String {
    let mut page = heading(view);
    let mut left_out = Vec::new();
    let mut fit = |page: &mut String, title: &str, mut table: Table, spare: &[&'static str]| {
        if let Some(width) = width.filter(|_| !table.is_empty()) {
            let names = table.fit(width, spare);
            if !names.is_empty() {
                left_out.push(format!("{title}: {}", names.join(" ")));
            }
        }
        section(page, title, &table);
    };
    let mut fitted = |page: &mut String, title: &str, table: Table| fit(page, title, table, &SPARE);
    let _ = writeln!(
        page,
        "pool {}: {}, supervisor {}, up {}, segment {}",
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
    fitted(&mut page, "clients", clients(view));
    fitted(&mut page, "workers", workers(view));
    fitted(&mut page, "lanes", lanes(view));
    fitted(&mut page, "queues", queues(view));
    if !view.limits.is_empty() {
        fitted(&mut page, "limits", limits(view));
    }
    fitted(&mut page, "latency (sampled)", latencies(view));
    fitted(&mut page, "arena", arena(view));
    let counts = |counts: &BTreeMap<&str, u64>| -> Vec<String> {
        let counts = counts.iter();
        counts
            .map(|(name, count)| format!("{} {count}", name.replace('_', " ")))
            .collect()
    };
    list(&mut page, "counters", &counts(&view.counters), width);
    let totals = counts(&view.client_totals);
    list(&mut page, "tasks of all clients", &totals, width);
    let handlers: Vec<String> = view
        .handlers
        .iter()
        .filter(|handler| handler.info.request.is_some())
        .map(|handler| handler.info.name.clone())
        .collect();
    list(&mut page, "handlers", &handlers, width);
    if let Some((seconds, table)) = by_handler::now(view.tasks_by_handler()) {
        fitted(
            &mut page,
            &format!("tasks of the last {seconds:.1} s"),
            table,
        );
    }
    let in_all = by_handler::in_all(view.tasks_by_handler());
    fit(&mut page, "tasks in all", in_all, &SPARE_OF_ALL);
    let times = by_handler::times(view.tasks_by_handler());
    fit(&mut page, "times by handler (sampled)", times, &SPARE);
    section(&mut page, "errors", &errors(view));
    if !left_out.is_empty() {
        page.push_str("\nleft out to fit (--wide has all)\n");
        for line in left_out {
            page.push_str(&format!("  {line}\n"));
        }
    }
    page
}

/// Names under a title, in lines of at most `width` characters.
fn list(page: &mut String, title: &str, names: &[String], width: Option<usize>) {
    page.push_str(&format!("\n{title}\n  "));
    let mut at = 2;
    for (index, name) in names.iter().enumerate() {
        let last = index + 1 == names.len();
        let length = name.chars().count() + usize::from(!last);
        if index > 0 {
            let fits = width.is_none_or(|width| at + 1 + length <= width);
            page.push_str(if fits { " " } else { "\n  " });
            at = if fits { at + 1 } else { 2 };
        }
        page.push_str(name);
        page.push_str(if last { "" } else { "," });
        at += length;
    }
    page.push('\n');
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

fn workers(view: &PoolView) -> Table {
    let mut table = Table::new(&[
        "WORKER",
        "PID",
        "PROGRAM",
        "VERSION",
        "LANES",
        "I/O THREADS",
    ]);
    for worker in &view.workers {
        let io = worker.lanes.iter().filter(|lane| lane.io_thread).count();
        table.row([
            worker.index.to_string(),
            worker.pid.to_string(),
            worker.program.clone(),
            worker.version.clone(),
            (worker.lanes.len() - io).to_string(),
            io.to_string(),
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
        "CLIENT",
        "ATTEMPT",
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
            let task = lane.task.as_ref().filter(|_| lane.progress.is_none());
            let now = match task.and_then(|task| task.runs_s) {
                Some(runs_s) if worker.state == shown::ACTIVE && !worker.stopped => {
                    format!("{} for {}", worker.now(lane), duration(runs_s))
                }
                _ => worker.now(lane),
            };
            table.row([
                worker.index.to_string(),
                worker.pid.to_string(),
                duration(worker.uptime_s),
                worker.cpu_s.map_or_else(none, duration),
                worker
                    .rss_bytes
                    .map_or_else(none, |bytes| Size(bytes).to_string()),
                lane.named(),
                now,
                (lane.task.as_ref()).map_or_else(none, |task| task.client.to_string()),
                (lane.task.as_ref()).map_or_else(none, |task| task.attempt.to_string()),
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
    let mut table = Table::new(&["LANES", "PRIORITY", "DEPTH", "CAPACITY"]);
    for queue in &view.queues {
        table.row([
            queue.lanes.to_owned(),
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
            match (limit.paused, limit.max) {
                (true, _) => "paused".to_owned(),
                (false, 0) => "any".to_owned(),
                (false, max) => max.to_string(),
            },
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
    let mut table = Table::new(&["TIMES", "FIRST", "LAST", "WHAT"]);
    for error in &view.errors {
        table.row([
            error.count.to_string(),
            format!("{} ago", duration(error.first_s_ago)),
            format!("{} ago", duration(error.last_s_ago)),
            error.text.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_ring::PoolConfig;
    use ringwork_ring::client::Client;
    use ringwork_ring::format::states::PoolState;

    #[test]
    fn a_page_fits_its_terminal_and_begins_with_when_and_where_it_was_made() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let (segment, _locks) = Segment::create(&dir, &PoolConfig::default()).unwrap();
        segment.set_pool_state(PoolState::Serving);
        let _client = Client::connect(&dir).unwrap();
        let view = view::pool(&segment).unwrap();
        let page = text(&view, None, Some(80));
        let too_wide: Vec<&str> = (page.lines().skip(2))
            .filter(|line| line.chars().count() > 80)
            .collect();
        assert!(too_wide.is_empty(), "{too_wide:?}");
        let first = page.lines().next().unwrap();
        for part in [" UTC, ", ", ringwork ", ", heartbeat "] {
            assert!(first.contains(part), "{first}");
        }
        assert!(
            page.contains("\nleft out to fit (--wide has all)\n  "),
            "{page}"
        );
        let wide = text(&view, None, None);
        assert!(!wide.contains("left out to fit"), "{wide}");
        let clients = |page: &str| {
            let mut lines = page.lines();
            lines
                .find(|line| line.contains("SUBMITTED"))
                .map(str::to_owned)
        };
        assert!(clients(&wide).is_some_and(|line| line.contains("TIMED OUT")));
        assert!(clients(&page).is_some_and(|line| !line.contains("TIMED OUT")));
    }
}
