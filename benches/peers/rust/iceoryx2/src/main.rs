//! The case `iceoryx2_reqres`: request and response between two Rust processes through iceoryx2.
//!
//! Owns the client, which is the case's own process and speaks the runner's language (`ready`,
//! `round SECONDS`, `result …`, see benches/src/case.rs), and the server, this program again with
//! the argument `server`. Called by `ringwork-bench`. Both sides are closed between two rounds,
//! and both end at the end of their input, so that nothing is left when the runner is killed.
//!
//! iceoryx2 as its documentation shows request and response: a request is loaned from shared
//! memory, written and sent; the server loans the response. Waiting is left to the user there; as
//! in its own benchmark both sides poll without a pause.

#![forbid(unsafe_code)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "nanoseconds of a run fit a double"
)]

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use iceoryx2::port::client::Client;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::request_response::PortFactory;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path as StdPath;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

type Payload = [u8; 64];
type Service = PortFactory<ipc::Service, Payload, (), Payload, ()>;
type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: ringwork-peer-iceoryx2 [server] DIRECTORY PREFIX, by `make bench`";
/// As the Java cases: warming up at the start, and at the start of each round.
const FIRST_WARM_UP: Duration = Duration::from_secs(1);
const WARM_UP: Duration = Duration::from_millis(300);
/// A server that does not answer for so long is broken.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer round trips are counted as this one.
const LONGEST_NS: u64 = 60_000_000_000;

fn main() -> Result<()> {
    set_log_level(LogLevel::Error);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [what, dir, prefix] if what == "server" => serve(&config(dir, prefix)?),
        [dir, prefix] => {
            let done = drive(dir, prefix);
            if let Err(error) = &done {
                println!("failed {}", error.to_string().replace('\n', " "));
            }
            done
        }
        _ => Err(USAGE.into()),
    }
}

/// Files below `dir`, shared memory under names that begin with `prefix`: the runner removes both.
fn config(dir: &str, prefix: &str) -> Result<Config> {
    let mut config = Config::default();
    config.global.set_root_path(&Path::new(dir.as_bytes())?);
    config.global.prefix = FileName::new(prefix.as_bytes())?;
    Ok(config)
}

fn service(node: &Node<ipc::Service>) -> Result<Service> {
    Ok(node
        .service_builder(&"ringwork/echo".try_into()?)
        .request_response::<Payload, Payload>()
        .max_clients(1)
        .max_servers(1)
        .max_response_buffer_size(1)
        .open_or_create()?)
}

// ---- the client

/// The server's process.
struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(dir: &str, prefix: &str) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["server", dir, prefix])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let output = BufReader::new(output.ok_or("no stdout")?);
        Ok(Self {
            child,
            input,
            output,
        })
    }

    /// Gives an order (`open` or `close`); the server has carried it out when this returns.
    fn order(&mut self, order: &str) -> Result<()> {
        let input = self.input.as_mut().ok_or("the server has ended")?;
        writeln!(input, "{order}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        match line.trim() {
            "ok" => Ok(()),
            "" => Err("the server ended".into()),
            other => Err(format!("the server says: {other}").into()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.input = None; // the end of its input ends it
        let _ = self.child.wait();
    }
}

/// Warms up, then answers the runner.
fn drive(dir: &str, prefix: &str) -> Result<()> {
    std::fs::create_dir_all(StdPath::new(dir))?;
    let config = config(dir, prefix)?;
    let mut server = Server::start(dir, prefix)?;
    round(&config, &mut server, FIRST_WARM_UP)?;
    println!("ready");
    let mut rounds = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line?;
        let seconds: f64 = match line.split_once(' ') {
            Some(("round", seconds)) => seconds.parse()?,
            _ => return Err(format!("not understood: {line}").into()),
        };
        let times = round(&config, &mut server, Duration::from_secs_f64(seconds))?;
        rounds.push(times);
        log(&rounds)?; // before the result: the runner may read it as soon as that is there
        let times = &rounds[rounds.len() - 1];
        println!(
            "result p50_ns={} p999_ns={} p99_ns={}",
            times.value_at_quantile(0.5),
            times.value_at_quantile(0.999),
            times.value_at_quantile(0.99)
        );
    }
    Ok(())
}

/// Writes the HDR histogram log that the runner has asked for, an interval for each round.
fn log(rounds: &[Histogram<u64>]) -> Result<()> {
    let Some(path) = std::env::var_os("BENCH_HDR") else {
        return Ok(());
    };
    if let Some(dir) = StdPath::new(&path).parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("nanoseconds; one interval a round")
        .with_max_value_divisor(1.0)
        .begin_log_with(&mut bytes, &mut serializer)?;
    let now = SystemTime::UNIX_EPOCH.elapsed()?;
    for times in rounds {
        log.write_histogram(times, now, Duration::ZERO, None)
            .map_err(|error| format!("{error:?}"))?;
    }
    drop(log);
    Ok(std::fs::write(path, bytes)?)
}

/// Opens both sides, measures, closes both.
fn round(config: &Config, server: &mut Server, time: Duration) -> Result<Histogram<u64>> {
    server.order("open")?;
    let times = {
        let node = NodeBuilder::new().config(config).create::<ipc::Service>()?;
        let service = service(&node)?;
        let client = service.client_builder().create()?;
        measure(&client, WARM_UP)?;
        measure(&client, time)?
    };
    server.order("close")?;
    Ok(times)
}

/// One request in flight, each one timed and each answer compared with its request.
fn measure(
    client: &Client<ipc::Service, Payload, (), Payload, ()>,
    time: Duration,
) -> Result<Histogram<u64>> {
    let mut times = Histogram::new_with_bounds(1, LONGEST_NS, 3)?;
    let mut request = [0_u8; 64];
    let mut n = 0_u64;
    let end = Instant::now() + time;
    loop {
        n += 1;
        let at = 8 * (n & 7) as usize;
        request[at..at + 8].copy_from_slice(&n.to_le_bytes());
        let start = Instant::now();
        let pending = client.loan_uninit()?.write_payload(request).send()?;
        let mut tries = 0_u32;
        let response = loop {
            if let Some(response) = pending.receive()? {
                break response;
            }
            tries = tries.wrapping_add(1);
            if tries.is_multiple_of(1 << 20) && start.elapsed() > PATIENCE {
                return Err(format!("no answer to request {n}").into());
            }
        };
        let now = Instant::now();
        if *response.payload() != request {
            return Err(format!("request {n} was not returned").into());
        }
        times.saturating_record((now - start).as_nanos() as u64);
        if now >= end {
            return Ok(times);
        }
    }
}

// ---- the server

/// Carries out `open` and `close`; the end of the input ends it.
fn serve(config: &Config) -> Result<()> {
    let open = AtomicBool::new(false);
    let mut lines = std::io::stdin().lines();
    while let Some(line) = lines.next() {
        if line? != "open" {
            return Err("not open".into());
        }
        open.store(true, Ordering::SeqCst);
        std::thread::scope(|scope| -> Result<()> {
            let (opened, is_open) = std::sync::mpsc::channel();
            let open = &open;
            let answering = scope.spawn(move || {
                let opened = || _ = opened.send(());
                answer(config, open, opened).map_err(|error| error.to_string())
            });
            if is_open.recv().is_ok() {
                println!("ok");
                let _ = lines.next(); // "close", or the end
            }
            open.store(false, Ordering::SeqCst);
            answering.join().map_err(|_| "the server panicked")??;
            Ok(())
        })?;
        println!("ok");
    }
    Ok(())
}

/// Answers until `open` is taken back.
fn answer(config: &Config, open: &AtomicBool, opened: impl FnOnce()) -> Result<()> {
    let node = NodeBuilder::new().config(config).create::<ipc::Service>()?;
    let service = service(&node)?;
    let server = service.server_builder().create()?;
    opened();
    while open.load(Ordering::Relaxed) {
        if let Some(request) = server.receive()? {
            let response = request.loan_uninit()?;
            response.write_payload(*request.payload()).send()?;
        }
    }
    Ok(())
}
