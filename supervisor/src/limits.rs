//! The time limits of handlers: told to give up at the soft one, stopped at the hard one.
//!
//! The supervisor looks at the lanes and notes since when each runs its task: a
//! lane needs no clock for it. A task is seen a little late, so a limit never
//! comes early. Nothing is looked at when no handler has a time limit.

use super::cause::Detail;
use super::crew::Crew;
use super::policy::{HandlerLimit, HandlerLimits};
use ringwork_ring::Segment;
use ringwork_ring::format::layout::*;
use ringwork_ring::format::words::{Kind, Word};
use ringwork_ring::lane::entry::lane_worker;
use ringwork_ring::lane::permits;
use ringwork_ring::records::counters::log_error;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often the lanes are looked at, unless a limit is very short.
const INTERVAL: Duration = Duration::from_millis(100);
const SHORTEST: Duration = Duration::from_millis(10);

/// A task as it was first seen on its lane.
#[derive(Debug, Clone, Copy)]
struct Running {
    slot: u32,
    word: Word,
    // Of a chunk, how many of its requests have ended: each has the whole time.
    ended: Option<u32>,
    since: Instant,
    told: bool,
    stopped: bool,
}

/// The limits and what runs.
#[derive(Debug)]
pub(super) struct TimeLimits {
    by_id: HashMap<u64, (String, HandlerLimit)>,
    running: HashMap<u32, Running>,
    interval: Duration,
    looked: Instant,
}

impl TimeLimits {
    pub(super) fn new(limits: &HandlerLimits) -> Self {
        let timed = limits
            .iter()
            .filter(|(_, limit)| limit.soft.is_some() || limit.hard.is_some());
        let by_id: HashMap<_, _> = timed
            .map(|(name, limit)| (id_of(name), (name.clone(), *limit)))
            .collect();
        let shortest = by_id
            .values()
            .flat_map(|(_, limit)| [limit.soft, limit.hard])
            .flatten()
            .min();
        Self {
            interval: shortest.map_or(INTERVAL, |limit| (limit / 4).clamp(SHORTEST, INTERVAL)),
            by_id,
            running: HashMap::new(),
            looked: Instant::now(),
        }
    }

    /// One look, when it is time.
    pub(super) fn look(&mut self, segment: &Segment, crew: &mut Crew) {
        if self.by_id.is_empty() || self.looked.elapsed() < self.interval {
            return;
        }
        self.looked = Instant::now();
        for lane in 0..segment.geometry().max_lanes {
            let Some((slot, word)) = current(segment, lane) else {
                self.running.remove(&lane);
                continue;
            };
            let handler = segment
                .u64_at(segment.slot_at(slot) + SLOT_HANDLER)
                .load(Ordering::Relaxed);
            let Some((name, limit)) = self.by_id.get(&handler) else {
                self.running.remove(&lane);
                continue;
            };
            let ended = requests_ended(segment, slot);
            let fresh = Running {
                slot,
                word,
                ended,
                since: self.looked,
                told: false,
                stopped: false,
            };
            let running = self.running.entry(lane).or_insert(fresh);
            if (running.slot, running.word, running.ended) != (slot, word, ended) {
                *running = fresh;
            }
            enforce(segment, crew, lane, running, name, *limit);
        }
    }
}

/// The task that a lane runs, and its word.
fn current(segment: &Segment, lane: u32) -> Option<(u32, Word)> {
    let at = segment.lane_at(lane) + LANE_CURRENT;
    let slot = segment.u32_at(at).load(Ordering::Relaxed).checked_sub(1)?;
    if slot >= segment.geometry().total_slots() {
        return None;
    }
    let word = segment.word(slot);
    (word.kind() == Kind::Claimed && u32::from(word.owner()) == lane).then_some((slot, word))
}

/// How far a chunk is; other tasks report their progress as they like.
fn requests_ended(segment: &Segment, slot: u32) -> Option<u32> {
    let at = segment.slot_at(slot);
    let codec = segment
        .u8_at(at + SLOT_REQUEST_CODEC)
        .load(Ordering::Relaxed);
    if u32::from(codec) != CODEC_CHUNK {
        return None;
    }
    let progress = segment.u64_at(at + SLOT_PROGRESS).load(Ordering::Relaxed);
    Some((progress >> 32) as u32)
}

fn enforce(
    segment: &Segment,
    crew: &mut Crew,
    lane: u32,
    running: &mut Running,
    name: &str,
    limit: HandlerLimit,
) {
    let ran = running.since.elapsed();
    if let Some(soft) = limit.soft
        && ran >= soft
        && !running.told
    {
        running.told = true;
        tracing::warn!(
            lane,
            handler = name,
            "{name} has run for {ran:.1?}, its soft limit is {soft:?}: it is told to give up"
        );
        permits::give_up(segment, lane, running.slot, running.word, running.ended);
    }
    if let Some(hard) = limit.hard
        && ran >= hard
        && !running.stopped
    {
        running.stopped = true;
        let word = segment.u64_at(segment.lane_at(lane) + LANE_WORD);
        let worker = lane_worker(word.load(Ordering::Acquire));
        let why = format!("{name} ran beyond its hard limit of {hard:?}");
        log_error(segment, &why);
        if crew.stop(worker, &why, Detail::TimeLimit) {
            tracing::error!(
                worker,
                lane,
                handler = name,
                "stopping worker {worker}: {why}"
            );
        } else if !crew.owns(worker) {
            tracing::error!(
                worker,
                lane,
                handler = name,
                "{why} in worker {worker}, which is not this supervisor's: stop it by hand"
            );
        }
    }
}
