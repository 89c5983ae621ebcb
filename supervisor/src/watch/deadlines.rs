//! The time limits of handlers: told to give up at the soft one, stopped at the hard one.
//!
//! The supervisor looks at the lanes and notes since when each runs its task: a
//! lane needs no clock for it. A task is seen a little late, so a limit never
//! comes early. Nothing is looked at when no handler has a time limit.

use crate::crew::Crew;
use crate::policy::{HandlerLimit, HandlerLimits};
use crate::watch::task_of_line::{pid_of, task_of};
use ringwork_ring::CauseDetail;
use ringwork_ring::Segment;
use ringwork_ring::format::layout::id_of;
use ringwork_ring::format::states::Codec;
use ringwork_ring::format::words::Word;
use ringwork_ring::lane::permits;
use ringwork_ring::segment::tables::log_error;
use ringwork_worker::log_of_task;
use std::collections::HashMap;
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
pub(crate) struct TimeLimits {
    by_id: HashMap<u64, (String, HandlerLimit)>,
    running: HashMap<u32, Running>,
    interval: Duration,
    looked: Instant,
}

impl TimeLimits {
    pub(crate) fn new(limits: &HandlerLimits) -> Self {
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
    pub(crate) fn look(&mut self, segment: &Segment, crew: &mut Crew) {
        if self.by_id.is_empty() || self.looked.elapsed() < self.interval {
            return;
        }
        self.looked = Instant::now();
        for lane in 0..segment.geometry().max_lanes {
            let Some((slot, word)) = segment.running(lane) else {
                self.running.remove(&lane);
                continue;
            };
            let Some((name, limit)) = self.by_id.get(&segment.slot(slot).handler()) else {
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

/// How far a chunk is; other tasks report their progress as they like.
fn requests_ended(segment: &Segment, slot: u32) -> Option<u32> {
    let slot = segment.slot(slot);
    (slot.published().codec() == Ok(Codec::Chunk)).then(|| slot.progress().0)
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
    let worker = segment.lane(lane).word_acquire().worker();
    let (slot, word) = (running.slot, running.word);
    let task = || task_of(segment, (worker, lane), (slot, word), name);
    let pid = pid_of(segment, worker);
    if let Some(soft) = limit.soft
        && ran >= soft
        && !running.told
    {
        running.told = true;
        log_of_task!(
            warn,
            "task.soft_limit",
            task(),
            pid,
            "{name} has run for {ran:.1?}, its soft limit is {soft:?}: it is told to give up"
        );
        permits::give_up(segment, lane, running.slot, running.word, running.ended);
    }
    if let Some(hard) = limit.hard
        && ran >= hard
        && !running.stopped
    {
        running.stopped = true;
        let why = format!("{name} ran beyond its hard limit of {hard:?}");
        log_error(segment, &why);
        if crew.stop(worker, &why, CauseDetail::TimeLimit) {
            log_of_task!(
                error,
                "task.hard_limit",
                task(),
                pid,
                "stopping worker {worker}: {why}"
            );
        } else if !crew.owns(worker) {
            log_of_task!(
                error,
                "task.hard_limit_elsewhere",
                task(),
                pid,
                "{why} in worker {worker}, which is not this supervisor's: stop it by hand"
            );
        }
    }
}
