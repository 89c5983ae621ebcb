//! The thread that looks at the tasks in flight: which were cancelled, which poll takes too long, and what
//! becomes of them when the worker leaves.
//!
//! It sleeps on the wake word of the first shard's entry, which clients and the reaper ring when they
//! ask a task of this worker to give up. Without a bell it looks now and then.

use super::leaving::Leaving;
use super::mark::{PollMark, Polled};
use super::shard::{IoShard, Shared};
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
    // By lane of the pool, what it polls itself.
    first_polls: Vec<PollMark>,
    asleep: AtomicBool,
    over: AtomicBool,
}

/// A lane is in a poll until this is dropped.
pub(super) struct FirstPoll<'w>(Option<&'w PollMark>);

impl Drop for FirstPoll<'_> {
    fn drop(&mut self) {
        if let Some(mark) = self.0 {
            mark.end();
        }
    }
}

impl Watch {
    pub(super) fn new(bell: Arc<Shard>, lanes: u32) -> Self {
        Self {
            bell,
            first_polls: (0..lanes).map(|_| PollMark::default()).collect(),
            asleep: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// After a task was taken up, or is about to be begun.
    pub(super) fn wake(&self) {
        // pairs with the swap in `run`: the watch sees the task, or this sees that it sleeps.
        if self.asleep.load(Ordering::SeqCst) {
            self.bell.ring();
        }
    }

    /// A lane begins a task itself.
    pub(super) fn first_poll(&self, lane: u32, task: &Shared) -> FirstPoll<'_> {
        let mark = self.first_polls.get(lane as usize);
        if let Some(mark) = mark {
            mark.begin(task.task_id, task.handler, task.attempt);
        }
        self.wake();
        FirstPoll(mark)
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
        let mut first: Vec<Option<LongPoll>> = self.first_polls.iter().map(|_| None).collect();
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
                let (mark, index) = (&shard.polls, shard.books.index());
                let (shard, place) = (Some(&**shard), (bell.worker(), index));
                Polls { mark, shard, place }.look(seen, common.options.stall);
            }
            for ((lane, mark), seen) in (0..).zip(&self.first_polls).zip(&mut first) {
                let (shard, place) = (None, (bell.worker(), lane));
                Polls { mark, shard, place }.look(seen, common.options.stall);
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

/// Where a poll takes too long.
struct Polls<'p> {
    mark: &'p PollMark,
    /// Whose tasks it holds up; `None`: a lane's first poll, which holds up what is to be begun.
    shard: Option<&'p IoShard>,
    /// The worker, and the lane or the shard.
    place: (u32, u32),
}

impl Polls<'_> {
    /// Warns of a poll that takes too long, once, and has new tasks avoid its shard.
    fn look(&self, seen: &mut Option<LongPoll>, stall: Duration) {
        let Some((turn, polled)) = self.mark.now() else {
            if seen.take().is_some() {
                self.set_stalled(false);
            }
            return;
        };
        match seen {
            Some(poll) if poll.turn == turn => {
                let took = poll.since.elapsed();
                if took >= stall && !poll.told {
                    poll.told = true;
                    self.set_stalled(true);
                    self.tell(&polled, took);
                }
            }
            _ => {
                self.set_stalled(false);
                *seen = Some(LongPoll {
                    turn,
                    since: Instant::now(),
                    told: false,
                });
            }
        }
    }

    fn set_stalled(&self, stalled: bool) {
        if let Some(shard) = self.shard {
            shard.stalled.store(stalled, Ordering::Relaxed);
        }
    }

    fn tell(&self, polled: &Polled, took: Duration) {
        let (handler, (worker, lane)) = (polled.handler, self.place);
        // A part that was spawned may outlive its task by a poll.
        let found = self.shard.and_then(|shard| shard.find(polled.task_id));
        let task = found.map(|task| task.of_task()).unwrap_or_else(|| OfTask {
            worker,
            lane,
            handler: Cow::Borrowed(handler),
            id: polled.task_id,
            attempt: polled.attempt.into(),
            traceparent: None,
        });
        let waits = match self.shard {
            Some(_) => "the other tasks of its thread wait",
            None => "its lane begins no other task",
        };
        log_of_task!(
            warn,
            "io.stalled",
            task,
            "a poll of {handler} has taken {took:.1?} and goes on: {waits}; give what blocks to \
             AsyncContext::blocking"
        );
    }
}
