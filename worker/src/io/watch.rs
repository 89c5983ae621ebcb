//! The thread that looks at the tasks in flight: which were cancelled, which poll takes too long.

use super::context::WhyCancelled;
use super::host::Shards;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// The shortest pause between two looks at what was cancelled, and how much longer it is for each
/// task in flight: a look takes some ten nanoseconds a task, and may take a thousandth of a core.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_PER_TASK: Duration = Duration::from_micros(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// After so long without a task the watch sleeps until the next one.
const REST_AFTER: Duration = Duration::from_secs(1);

/// The watch's thread, as others wake it.
#[derive(Default)]
pub(super) struct Watch {
    thread: OnceLock<Thread>,
    asleep: AtomicBool,
    over: AtomicBool,
}

impl Watch {
    /// After a task was taken up.
    pub(super) fn wake(&self) {
        // pairs with the swap in `run`: the watch sees the task, or this sees that it sleeps.
        if self.asleep.load(Ordering::SeqCst) {
            self.unpark();
        }
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.unpark();
    }

    fn unpark(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// A poll that goes on.
struct LongPoll {
    turn: u64,
    since: Instant,
    told: bool,
}

/// The watch's thread.
pub(super) fn run(shards: &Shards) {
    let watch = &shards.watch;
    let _ = watch.thread.set(std::thread::current());
    let mut polls: Vec<Option<LongPoll>> = shards.all.iter().map(|_| None).collect();
    let (mut active, mut cancelled) = (Instant::now(), Instant::now());
    while !watch.over.load(Ordering::SeqCst) {
        let tasks = shards.in_flight();
        if tasks > 0 {
            active = Instant::now();
        } else if active.elapsed() >= REST_AFTER {
            watch.asleep.store(true, Ordering::SeqCst);
            if shards.in_flight() == 0 && !watch.over.load(Ordering::SeqCst) {
                std::thread::park();
            }
            watch.asleep.store(false, Ordering::SeqCst);
            active = Instant::now();
            continue;
        }
        let pause = (PAUSE_PER_TASK * tasks.min(100_000) as u32).clamp(PAUSE, LONGEST_PAUSE);
        if cancelled.elapsed() >= pause {
            cancelled = Instant::now();
            for task in shards.all.iter().flat_map(super::shard::IoShard::cancelled) {
                task.cancel(WhyCancelled::Caller);
            }
        }
        for (shard, seen) in shards.all.iter().zip(&mut polls) {
            look_at_poll(shard, seen, shards.options.stall);
        }
        std::thread::park_timeout(
            pause
                .min(shards.options.stall / 2)
                .max(Duration::from_millis(1)),
        );
    }
}

/// Warns of a poll that takes too long, once, and has new tasks avoid its shard.
fn look_at_poll(shard: &super::shard::IoShard, seen: &mut Option<LongPoll>, stall: Duration) {
    let Some((turn, task, handler)) = shard.polls.now() else {
        if seen.take().is_some() {
            shard.stalled.store(false, Ordering::Relaxed);
        }
        return;
    };
    match seen {
        Some(poll) if poll.turn == turn => {
            let took = poll.since.elapsed();
            if took >= stall && !poll.told {
                poll.told = true;
                shard.stalled.store(true, Ordering::Relaxed);
                tracing::warn!(
                    handler,
                    task,
                    "a poll of {handler} has taken {took:.1?} and goes on: the other tasks of its thread wait; \
                     give what blocks to AsyncContext::blocking"
                );
            }
        }
        _ => {
            shard.stalled.store(false, Ordering::Relaxed);
            *seen = Some(LongPoll {
                turn,
                since: Instant::now(),
                told: false,
            });
        }
    }
}
