//! What lanes run now, and since when.
//!
//! A lane takes no clock for a task that is not stamped. For those the supervisor notes at its tick
//! when it first saw the lane run the task: the task has run for as long at least.

use crate::format::layout::PUBLISHED_STAMPED;
use crate::format::words::{Kind, Word};
use crate::os::sync::Ordering;
use crate::segment::Segment;
use std::collections::HashSet;

/// The task that a lane runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningTask {
    /// Handler id.
    pub handler: u64,
    /// Index of the client whose task it is.
    pub client: u32,
    /// The task id that the client gave it, or its own.
    pub task_id: u64,
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// Since when it runs, in CLOCK_MONOTONIC nanoseconds; `None`: the supervisor has not seen it yet.
    pub since_ns: Option<u64>,
    /// Whether it was claimed at that time; otherwise it was seen then, and runs for longer.
    pub since_claim: bool,
}

/// How a task went that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedTask {
    /// When it was submitted, in CLOCK_MONOTONIC nanoseconds.
    pub submitted_ns: u64,
    /// When a lane claimed it for the last time.
    pub claimed_ns: u64,
    /// That lane.
    pub lane: u32,
}

/// How the last task of a slot went; for its client, until it submits another. `None` where it was
/// not timed, or no lane has claimed it.
#[must_use]
pub fn ended_task(segment: &Segment, slot: u32) -> Option<EndedTask> {
    let fields = segment.slot(slot);
    let claim = Word(fields.claim_word().load(Ordering::Acquire));
    let (submitted_ns, claimed_ns) = (fields.submitted_ns(), fields.claimed_ns());
    let stamped = fields.published().has(PUBLISHED_STAMPED) && claimed_ns >= submitted_ns;
    (stamped && claim.kind() == Kind::Claimed).then(|| EndedTask {
        submitted_ns,
        claimed_ns,
        lane: claim.owner().into(),
    })
}

/// When the task of a slot was submitted, in CLOCK_MONOTONIC nanoseconds; `None` where it was not timed.
#[must_use]
pub fn submitted_ns(segment: &Segment, slot: u32) -> Option<u64> {
    let fields = segment.slot(slot);
    (fields.published().has(PUBLISHED_STAMPED)).then(|| fields.submitted_ns())
}

/// The task that a lane runs now.
#[must_use]
pub fn running_task(segment: &Segment, lane: u32) -> Option<RunningTask> {
    let (slot, word) = segment.running(lane)?;
    claimed_task(segment, slot, word, || {
        segment.lane(lane).seen_running_acquire(slot, word)
    })
}

/// The tasks of async handlers that wait, at most so many, each with the lane that has claimed it: in
/// the order of their slots, all of which are looked at.
#[must_use]
pub fn awaiting_tasks(segment: &Segment, most: usize) -> Vec<(u32, u32, RunningTask)> {
    let lanes = 0..segment.geometry().max_lanes;
    let at_work: HashSet<u32> = lanes
        .filter_map(|lane| segment.running(lane))
        .map(|(slot, _)| slot)
        .collect();
    let task = |slot: u32| {
        let word = segment.word(slot);
        let awaits = word.kind() == Kind::Claimed && !at_work.contains(&slot);
        let task = awaits.then(|| claimed_task(segment, slot, word, || None))??;
        Some((slot, u32::from(word.owner()), task))
    };
    (0..segment.geometry().total_slots())
        .filter_map(task)
        .take(most)
        .collect()
}

/// The task that was seen in a slot, if it still is claimed; `seen`: since when it is known to run, of
/// one that is not timed.
fn claimed_task(
    segment: &Segment,
    slot: u32,
    word: Word,
    seen: impl FnOnce() -> Option<u64>,
) -> Option<RunningTask> {
    let fields = segment.slot(slot);
    // The lane writes the time of the claim a moment after the claim.
    let stamped = fields.published().has(PUBLISHED_STAMPED);
    let claimed = fields.claimed_ns();
    let since_claim = stamped && claimed >= fields.submitted_ns();
    let since_ns = match since_claim {
        true => Some(claimed),
        false => seen(),
    };
    let task = RunningTask {
        handler: fields.handler(),
        client: slot / segment.geometry().slots_per_client,
        task_id: fields.task_id(slot, word),
        attempt: word.attempt() + 1,
        since_ns,
        since_claim,
    };
    // What was read is that task's only if it still runs.
    (segment.word(slot) == word).then_some(task)
}

/// Notes what each lane runs; for the supervisor, at its tick.
pub fn note_running_tasks(segment: &Segment, now_ns: u64) {
    for lane in 0..segment.geometry().max_lanes {
        if let Some((slot, word)) = segment.running(lane) {
            segment.lane(lane).note_running(slot, word, now_ns);
        }
    }
}
