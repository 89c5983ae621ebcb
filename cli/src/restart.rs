//! `ringwork restart`: a worker finishes its tasks and leaves, and another takes its place.

use super::exit::{Failure, NO_POOL, TIMED_OUT};
use super::stop::{LOOK, Limit, Other, embedded};
use super::view;
use clap::Args;
use ringwork_ring::format::states::Leave;
use ringwork_ring::{PoolDir, Segment};
use std::time::Instant;

const AFTER_HELP: &str = "\
No task fails of it. `ringwork reload` does the same with all workers, one by one.

Exit codes: 0 it was asked to leave, or with --wait: another has taken its place; 1 it can't be asked; 2 the pool has no \
such worker; 3 there is no such pool, or it is over; 4 no other has taken its place in time.";

/// Have a worker finish its tasks and leave; the supervisor puts another in its place.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Restart {
    /// Name of the pool.
    name: String,

    /// Number of the worker, as `ringwork stat` shows it.
    #[arg(long, value_name = "I")]
    worker: u32,

    /// Wait until another has taken its place, at most for TIME [default: for ever].
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "never")]
    wait: Option<Limit>,
}

/// The workers that take tasks: their numbers and processes.
fn ready(segment: &Segment) -> Vec<(u32, u32)> {
    let workers = 0..segment.geometry().max_workers;
    workers
        .filter(|worker| {
            let record = segment.worker(*worker);
            record.word_acquire().is_active()
                && record.lanes() > 0
                && !view::is_stand_in(segment, *worker)
                && view::worker_lives(segment, *worker)
        })
        .map(|worker| (worker, segment.worker(worker).pid()))
        .collect()
}

/// Runs the subcommand.
pub(super) fn run(restart: &Restart) -> Result<(), Failure> {
    let start = Instant::now();
    let segment = Segment::attach(&PoolDir::new(&restart.name)?)?;
    embedded(&segment)?;
    let before = ready(&segment);
    let Some(leaves) = before.iter().find(|(worker, _)| *worker == restart.worker) else {
        let numbers: Vec<String> = before
            .iter()
            .map(|(worker, _)| worker.to_string())
            .collect();
        return Err(Failure::usage(format!(
            "the pool {} has no worker {}: it has {}",
            restart.name,
            restart.worker,
            numbers.join(", ")
        )));
    };
    let what = format!("worker {}", leaves.0);
    let lives = || Ok(view::worker_lives(&segment, leaves.0));
    let process = Other::open(&what, leaves.1, &segment, lives)?;
    // So the supervisor knows why it has left.
    segment.worker(leaves.0).set_leave(Leave::Asked);
    process.terminate()?;
    let Some(Limit(limit)) = restart.wait else {
        return Ok(());
    };
    loop {
        if !segment.supervisor_lives()? {
            return Err(Failure::new(NO_POOL, view::DEAD));
        }
        let now = ready(&segment);
        if !now.contains(leaves) && now.len() >= before.len() {
            return Ok(());
        }
        if limit.is_some_and(|limit| start.elapsed() >= limit) {
            let text = match now.contains(leaves) {
                true => format!(
                    "{what} has not left yet: it finishes its tasks, which `ringwork tasks {}` shows",
                    restart.name
                ),
                false => format!(
                    "{what} has left, and no other is ready yet: `ringwork doctor {}` tells more",
                    restart.name
                ),
            };
            return Err(Failure::new(TIMED_OUT, text));
        }
        std::thread::sleep(LOOK);
    }
}
