//! The kill matrix: each failpoint x each kind of process that comes to it x {SIGKILL, SIGSTOP}.
//!
//! Real processes: a supervisor with two workers, a Rust client (this process) and a JVM client
//! that both keep tasks in flight, and the victim. After each case all futures of the others have
//! completed and right, those of a victim that woke completed once, the counters balance, no slot,
//! block or entry is held, and the pool serves 1,000 more tasks. Started by `make test` and
//! `make matrix`; docs/internals/failpoints.md says more.
//!
//! - `RINGWORK_MATRIX=all|sample` (default `all`)
//! - `RINGWORK_MATRIX_SEED=N` which sample, and at which time a point hits (default 1)
//! - `RINGWORK_MATRIX_ONLY=TEXT` only the cases whose name contains it
//! - `RINGWORK_MATRIX_JOBS=N` cases at a time (default 12: most of them wait for a stopped process)

#![forbid(unsafe_code)]

mod cases;
mod jvm;
mod play;
mod scene;
mod stage;

use cases::{Blow, Case};
use jvm::{Jvm, JvmPark};
use play::{LEAKED, LOST, Play, Report, Setup};
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty());
    text.map_or(default, |text| text.parse().expect(variable))
}

fn main() -> ExitCode {
    let base = tempfile::Builder::new()
        .prefix("ringwork-matrix-")
        .tempdir_in("/dev/shm");
    let base = base.expect("a directory in /dev/shm");
    let jvms = base.path().join("jvm.log");
    let start = Instant::now();
    let companion = match Jvm::start(&jvms) {
        Ok(jvm) => jvm,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let setup = Setup {
        base: base.path().to_owned(),
        companion,
        park: JvmPark::new(jvms),
    };
    let cases = chosen(&setup);
    let jobs = number("RINGWORK_MATRIX_JOBS", 12) as usize;
    println!("running {} cases, {jobs} at a time", cases.len());
    let (next, ended) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = play(case, &setup, &cases);
                    ended.lock().expect("no panic").push(done);
                }
            });
        }
    });
    let ended = ended.into_inner().expect("no panic");
    let log = std::fs::read_to_string(base.path().join("jvm.log")).unwrap_or_default();
    if !log.is_empty() && ended.iter().any(|(_, result)| result.is_err()) {
        println!("--- what the JVMs said\n{log}---");
    }
    close(&ended, start.elapsed())
}

fn chosen(setup: &Setup) -> Vec<Case> {
    let seed = number("RINGWORK_MATRIX_SEED", 1);
    setup.companion.tell("points").expect("the JVM");
    let points = setup.companion.answer("points ").expect("the JVM's points");
    let points: Vec<String> = points.split(' ').map(str::to_owned).collect();
    let mut cases = cases::all(&points, seed);
    if std::env::var("RINGWORK_MATRIX").is_ok_and(|which| which == "sample") {
        cases = cases::sample(&cases, seed);
    }
    if let Ok(only) = std::env::var("RINGWORK_MATRIX_ONLY") {
        cases.retain(|case| case.to_string().contains(&only));
    }
    cases
}

type Ended<'c> = (&'c Case, Result<Report, String>);

fn play<'c>(case: &'c Case, setup: &Setup, cases: &'c [Case]) -> Ended<'c> {
    let start = Instant::now();
    let number = cases.iter().position(|one| one == case).unwrap_or_default();
    let played = std::panic::catch_unwind(AssertUnwindSafe(|| Play::run(case, setup, number)));
    let result = played.unwrap_or_else(|_| Err("the test itself panicked".to_owned()));
    let took = start.elapsed().as_secs_f64();
    match &result {
        Ok(report) => println!(
            "test {case} ... ok ({} tasks around it, {} while it was stopped, {} retried, {} crashed, {took:.1} s)",
            report.tasks, report.meanwhile, report.retried, report.crashed
        ),
        Err(error) => println!("test {case} ... FAILED\n  after {took:.1} s: {error}"),
    }
    (case, result)
}

/// The closing table, with a last line as cargo's own.
fn close(ended: &[Ended<'_>], took: Duration) -> ExitCode {
    let of = |blow| ended.iter().filter(|(case, _)| case.blow == blow).count();
    let sum = |get: fn(&Report) -> u64| -> u64 {
        ended
            .iter()
            .filter_map(|(_, result)| result.as_ref().ok())
            .map(get)
            .sum()
    };
    let failed = ended.iter().filter(|(_, result)| result.is_err()).count();
    println!("\ncases {}", ended.len());
    println!("killed {}", of(Blow::Kill));
    println!("stopped {}", of(Blow::Stop));
    println!("tasks in flight around them {}", sum(|report| report.tasks));
    println!(
        "served while somebody was stopped {}",
        sum(|report| report.meanwhile)
    );
    println!("retried {}", sum(|report| report.retried));
    println!("ended as crashed {}", sum(|report| report.crashed));
    let longest = ended
        .iter()
        .filter_map(|(_, result)| result.as_ref().ok())
        .map(|report| report.failed_after)
        .max()
        .unwrap_or_default();
    println!("longest from a supervisor's death until all futures had failed {longest:.0?}");
    let flaws = |start| {
        let errors = ended.iter().filter_map(|(_, result)| result.as_ref().err());
        errors.filter(|error| error.starts_with(start)).count()
    };
    println!("lost {}\nleaked {}", flaws(LOST), flaws(LEAKED));
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s",
        ended.len() - failed,
        took.as_secs_f64()
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
