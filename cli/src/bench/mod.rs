//! `ringwork bench`: measures a live pool from the shell.
//!
//! Three phases, each from a client of its own process: one task in flight, a window of them, and
//! an open loop at a fixed rate. `measure.rs` has the phases, `picture.rs` the histogram.

mod measure;
mod picture;

use super::exit::{FAILED, Failure, REJECTED};
use super::payload::{self, Data};
use super::submit;
use super::units::{Size, Span, nanoseconds};
use clap::Args;
use hdrhistogram::Histogram;
use measure::{Bench, Tail, Throughput};
use ringwork_ring::client::Client;
use ringwork_ring::format::counted;
use ringwork_ring::segment::tables;
use ringwork_ring::{Codec, PoolDir, WaitStrategy};
use ringwork_supervisor::config::text::choice;

use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const AFTER_HELP: &str = "\
Phases: round trips with one task in flight; throughput with a window of tasks in flight; the tail in an \
open loop at a fixed rate, where time counts from when a task should have been sent. It says when the \
pool could not hold the rate. Results of `echo` are compared with their requests. Other clients of the pool are \
measured along; the pool's own --wait decides how its lanes wait.

Examples:
  ringwork bench images
  ringwork bench images --wait park --duration 10s --rate 20000
  ringwork bench images --handler digest --size 4KiB --json

Each phase ends after its time, however slow the handler is: what still waits is withdrawn, what runs is \
asked to stop. At most so many tasks are in flight as the pool's lanes end within 100 ms, two a lane at least: \
other clients do not find a backlog. Ctrl-C ends it early and prints what was measured until then.

Exit codes: 0 measured; 1 a task failed, or none ended in time; 2 wrong options or request; 3 no such pool, or it is closed; \
6 the request is too large, or the pool is full.";

/// How long it waits for a client entry.
const ENTRY_PATIENCE: Duration = Duration::from_secs(10);

/// Measure a pool: round trips, throughput, and the tail at a fixed rate.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct BenchArgs {
    /// Name of the pool.
    #[arg(default_value = "default")]
    name: String,

    /// Name of the handler, see `ringwork handlers NAME`.
    #[arg(long, value_name = "NAME", default_value = "echo")]
    handler: String,

    /// Size of the request in bytes, such as 64 or 4KiB.
    #[arg(long, value_name = "SIZE", default_value = "64", conflicts_with_all = ["data", "params"])]
    size: Size,

    /// The request, or its body, for handlers that don't take any bytes.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    data: Option<String>,

    /// Parameters, a JSON object; the data is the body then.
    #[arg(long, value_name = "JSON")]
    params: Option<String>,

    /// How long each phase takes.
    #[arg(long, value_name = "TIME", default_value = "3s")]
    duration: Span,

    /// Tasks a second of the open loop [default: half of the throughput measured before].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    rate: Option<u64>,

    /// Most tasks in flight; at most the slots of a client, and fewer where the handler is slow.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    window: u32,

    /// How this client waits for results; adaptive: it spins for 50 µs, then sleeps.
    #[arg(long, value_parser = choice::<WaitStrategy>(), value_name = "HOW", default_value = "adaptive")]
    wait: WaitStrategy,

    /// Print one JSON object instead.
    #[arg(long)]
    json: bool,

    /// Draw the histogram in ASCII [default: only where the locale is not UTF-8].
    #[arg(long)]
    ascii: bool,
}

/// Everything that was measured; what was not is `null`.
#[derive(Debug, Serialize)]
struct Report {
    pool: String,
    handler: String,
    request_bytes: usize,
    wait: &'static str,
    round_trips: Option<Latencies>,
    throughput: Option<Throughput>,
    tail: Option<TailReport>,
    interrupted: bool,
}

/// Percentiles in nanoseconds.
#[derive(Debug, Serialize)]
struct Latencies {
    tasks: u64,
    min_ns: u64,
    p50_ns: u64,
    p90_ns: u64,
    p99_ns: u64,
    p999_ns: u64,
    p9999_ns: u64,
    max_ns: u64,
}

#[derive(Debug, Serialize)]
struct TailReport {
    rate_per_s: f64,
    achieved_per_s: f64,
    held: bool,
    unsent: u64,
    #[serde(flatten)]
    latencies: Latencies,
}

impl Latencies {
    fn of(times: &Histogram<u64>) -> Self {
        let at = |quantile| times.value_at_quantile(quantile);
        Self {
            tasks: times.len(),
            min_ns: times.min(),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            p9999_ns: at(0.9999),
            max_ns: times.max(),
        }
    }

    fn table(&self) -> String {
        let rows = [
            ("min", self.min_ns),
            ("50 %", self.p50_ns),
            ("90 %", self.p90_ns),
            ("99 %", self.p99_ns),
            ("99.9 %", self.p999_ns),
            ("99.99 %", self.p9999_ns),
            ("max", self.max_ns),
        ];
        let (names, values): (Vec<String>, Vec<String>) = rows
            .iter()
            .map(|(name, value)| {
                (
                    format!("{name:>10}"),
                    format!("{:>10}", nanoseconds(*value)),
                )
            })
            .unzip();
        format!(" {}\n {}\n", names.concat(), values.concat())
    }
}

/// Runs the subcommand.
pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let dir = PoolDir::new(&args.name)?;
    let client = submit::connect(&dir, Some(ENTRY_PATIENCE))?;
    let (codec, request) = request(args, &client)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // A second one ends it at once.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let spins = match args.wait {
        WaitStrategy::Spin => Duration::MAX,
        // With one processor the lane can't run while this thread spins.
        WaitStrategy::Adaptive if ringwork_ring::os::cpus::usable() > 1 => {
            Duration::from_micros(50)
        }
        WaitStrategy::Adaptive | WaitStrategy::Park => Duration::ZERO,
    };
    let mut report = Report {
        pool: args.name.clone(),
        handler: args.handler.clone(),
        request_bytes: request.len(),
        wait: args.wait.name(),
        round_trips: None,
        throughput: None,
        tail: None,
        interrupted: false,
    };
    let mut bench = Bench::new(&client, &args.handler, codec, request, spins, &stop);
    let draw = picture::Style::choose(args.ascii);
    phases(args, &mut bench, &mut report, draw)?;
    report.interrupted = bench.stopped();
    if args.json {
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else if report.interrupted {
        say(args, "interrupted: this is what was measured until then\n")?;
    }
    Ok(())
}

fn say(args: &BenchArgs, text: &str) -> Result<(), Failure> {
    if !args.json {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

fn phases(
    args: &BenchArgs,
    bench: &mut Bench<'_>,
    report: &mut Report,
    style: picture::Style,
) -> Result<(), Failure> {
    let heading = format!(
        "pool {}, handler {}, {} a request, {} a phase, waits by {}\n",
        args.name,
        args.handler,
        Size(report.request_bytes as u64),
        args.duration,
        args.wait.name()
    );
    say(args, &heading)?;
    bench.warm_up(args.duration.0 / 5)?;
    let times = bench.round_trips(args.duration.0)?;
    if times.is_empty() {
        return nothing_ended(args, bench);
    }
    let latencies = Latencies::of(&times);
    let mut text = format!("\nround trips, one in flight: {}\n", latencies.tasks);
    text += &latencies.table();
    text += &picture::histogram(&times, style);
    say(args, &text)?;
    bench.bound(args.window, Duration::from_nanos(latencies.p50_ns));
    report.round_trips = Some(latencies);
    let Some(throughput) = bench.throughput(args.duration.0)? else {
        return nothing_ended(args, bench);
    };
    say(
        args,
        &format!(
            "\nthroughput, {} in flight: {} tasks/s, {:.1} MB/s of requests\n",
            throughput.window,
            grouped(throughput.ops_per_s),
            throughput.ops_per_s * report.request_bytes as f64 / 1e6
        ),
    )?;
    let rate = args
        .rate
        .map_or(throughput.ops_per_s / 2.0, |rate| rate as f64);
    report.throughput = Some(throughput);
    if let Some(tail) = bench.tail(args.duration.0, rate)? {
        let tail_report = tail_report(&tail);
        say(args, &tail_text(&tail_report, &tail, style))?;
        report.tail = Some(tail_report);
    }
    Ok(())
}

/// A phase in which no task has ended.
fn nothing_ended(args: &BenchArgs, bench: &Bench<'_>) -> Result<(), Failure> {
    if bench.stopped() {
        return Ok(()); // what there is was printed, and is told to be all
    }
    Err(Failure::new(
        FAILED,
        format!(
            "no task of {} ended within a phase of {}: choose a longer --duration, or see in \
             `ringwork stat {}` what keeps the lanes busy",
            args.handler, args.duration, args.name
        ),
    ))
}

fn tail_report(tail: &Tail) -> TailReport {
    TailReport {
        rate_per_s: tail.rate,
        achieved_per_s: tail.achieved,
        held: tail.held(),
        unsent: tail.unsent,
        latencies: Latencies::of(&tail.times),
    }
}

fn tail_text(report: &TailReport, tail: &Tail, style: picture::Style) -> String {
    let mut text = format!(
        "\ntail, open loop at {} tasks/s, from the intended send: {}\n",
        grouped(report.rate_per_s),
        report.latencies.tasks
    );
    if !report.held {
        let _ = writeln!(
            text,
            "  THE RATE COULD NOT BE HELD: {} tasks/s were achieved,\n  \
             {} not sent at all; the latencies are those of a backlog:\n  \
             choose a lower --rate",
            grouped(report.achieved_per_s),
            counted(report.unsent, "task") + if report.unsent == 1 { " was" } else { " were" }
        );
    }
    text += &report.latencies.table();
    text += &picture::histogram(&tail.times, style);
    text
}

/// Thousands apart; small rates with a digit behind the point.
fn grouped(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The request's codec and bytes; an unknown handler is found out here.
fn request(args: &BenchArgs, client: &Client) -> Result<(Codec, Vec<u8>), Failure> {
    let handlers = tables::handlers(client.segment());
    let Some(handler) = handlers.iter().find(|handler| handler.name == args.handler) else {
        return Err(Failure::usage(format!(
            "the pool {} has no handler {:?}: `ringwork handlers {}` lists what it has",
            args.name, args.handler, args.name
        )));
    };
    let codec = handler.request_codec;
    let bytes = match (&args.data, &args.params) {
        (None, None) if codec == Codec::Bytes => {
            let largest = client.segment().geometry().largest_payload() as u64;
            if args.size.0 > largest {
                return Err(Failure::new(
                    REJECTED,
                    format!(
                        "a request of {} is larger than the largest block of the pool, {}",
                        args.size,
                        Size(largest)
                    ),
                ));
            }
            vec![0; args.size.0 as usize]
        }
        (data, params) => {
            let data = data.clone().map_or(Data::None, Data::Text);
            payload::encode(codec, data, params.as_deref()).map_err(Failure::usage)?
        }
    };
    Ok((codec, bytes))
}
