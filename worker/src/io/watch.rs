//! The thread that looks at the tasks in flight: which were cancelled, which poll takes too long, and what
//! becomes of them when the worker leaves.
//!
//! It sleeps on the wake word of the first shard's entry, which clients and the reaper ring when they
//! ask a task of this worker to give up. Without a bell it looks now and then.

use super::leaving::Leaving;
use super::mark::Polled;
use super::shard::IoShard;
use crate::log::OfTask;
use crate::log_of_task;
use ringwork_ring::Shard;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The pause between two looks at what was cancelled while the bell is not rung, and how much longer it is for each
/// task in flight: a look takes some ten nanoseconds a task, and may take a thousandth of a core.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_PER_TASK: Duration = Duration::from_micros(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const SHORTEST: Duration = Duration::from_millis(1);
/// After so long without a task the watch sleeps until the next one.
const REST_AFTER: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(3600);

/// The watch's thread, as others wake it.
pub(super) struct Watch {
    // Of the first shard, whose wake word is the bell.
    bell: Arc<Shard>,
    asleep: AtomicBool,
    over: AtomicBool,
}

impl Watch {
    pub(super) fn new(bell: Arc<Shard>) -> Self {
        Self {
            bell,
            asleep: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// After a task was taken up.
    pub(super) fn wake(&self) {
        // pairs with the swap in `run`: the watch sees the task, or this sees that it sleeps.
        if self.asleep.load(Ordering::SeqCst) {
            self.bell.ring();
        }
    }

    /// Has it look now.
    pub(super) fn ring(&self) {
        self.bell.ring();
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.bell.ring();
    }

    /// The watch's thread.
    pub(super) fn run(&self, shards: &[Arc<IoShard>]) {
        let (bell, common) = (&self.bell, &shards[0].common);
        let mut polls: Vec<Option<LongPoll>> = shards.iter().map(|_| None).collect();
        let mut active = Instant::now();
        let mut cancels = Cancels::new(bell.bell());
        let mut leaving = Leaving::default();
        while !self.over.load(Ordering::SeqCst) {
            let rung = bell.bell();
            let tasks = common.in_flight();
            if tasks > 0 {
                active = Instant::now();
            } else if active.elapsed() >= REST_AFTER {
                self.asleep.store(true, Ordering::SeqCst);
                if common.in_flight() == 0 && !self.over.load(Ordering::SeqCst) {
                    bell.wait_for_bell(rung, LONGEST_REST);
                }
                self.asleep.store(false, Ordering::SeqCst);
                active = Instant::now();
                continue;
            }
            let pause = (PAUSE_PER_TASK * tasks.min(100_000) as u32).clamp(PAUSE, LONGEST_PAUSE);
            let pause = leaving.look(shards).map_or(pause, |due| due.min(pause));
            let rest = cancels.look(shards, rung, pause);
            for (shard, seen) in shards.iter().zip(&mut polls) {
                look_at_poll(shard, seen, common.options.stall);
            }
            match rest {
                Some(rest) => std::thread::sleep(rest),
                None => bell.wait_for_bell(rung, pause.min(common.options.stall / 2).max(SHORTEST)),
            }
        }
    }
}

/// A poll that goes on.
struct LongPoll {
    turn: u64,
    since: Instant,
    told: bool,
}

/// The looks at what was cancelled.
struct Cancels {
    // The bell at the last look.
    rung: u32,
    looked: Instant,
    took: Duration,
}

impl Cancels {
    fn new(rung: u32) -> Self {
        Self {
            rung,
            looked: Instant::now(),
            took: Duration::ZERO,
        }
    }

    /// One look, if the bell was rung or the `pause` is over. Bells that follow each other don't keep
    /// a core busy: between two looks there are four times as long as the former took. Returns how
    /// long that still is, if the bell was rung.
    fn look(&mut self, shards: &[Arc<IoShard>], rung: u32, pause: Duration) -> Option<Duration> {
        let since = self.looked.elapsed();
        if rung == self.rung && since < pause {
            return None;
        }
        let rest = (4 * self.took).saturating_sub(since);
        if !rest.is_zero() {
            return Some(rest);
        }
        let start = Instant::now();
        for task in shards.iter().flat_map(|shard| shard.cancelled()) {
            task.cancel_as_asked();
        }
        *self = Self {
            rung,
            looked: Instant::now(),
            took: start.elapsed(),
        };
        None
    }
}

fn tell_stall(shard: &IoShard, polled: &Polled, took: Duration) {
    let handler = polled.handler;
    // A part that was spawned may outlive its task by a poll.
    let found = shard.find(polled.task_id).map(|task| task.of_task());
    let task = found.unwrap_or_else(|| OfTask {
        worker: shard.books.worker(),
        lane: shard.books.index(),
        handler: Cow::Borrowed(handler),
        id: polled.task_id,
        attempt: polled.attempt.into(),
        traceparent: None,
    });
    log_of_task!(
        warn,
        "io.stalled",
        task,
        "a poll of {handler} has taken {took:.1?} and goes on: the other tasks of its thread wait; \
         give what blocks to AsyncContext::blocking"
    );
}

/// Warns of a poll that takes too long, once, and has new tasks avoid its shard.
fn look_at_poll(shard: &IoShard, seen: &mut Option<LongPoll>, stall: Duration) {
    let Some((turn, polled)) = shard.polls.now() else {
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
                tell_stall(shard, &polled, took);
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
