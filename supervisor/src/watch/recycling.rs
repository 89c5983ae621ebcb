//! The slow look at each worker: which one is old, large, or near its number of tasks, and how many
//! workers there should be.
//!
//! Decides only; the crew acts, always between tasks. Not part of the fast tick:
//! it comes with the probe of the locks, and memory is read once a second.

use crate::config::text::Size;
use crate::crew::Crew;
use crate::crew::seat::{Member, Seat};
use crate::pool::Pool;
use ringwork_ring::Segment;
use ringwork_ring::format::bytes::Bytes;
use ringwork_ring::format::counted;
use ringwork_ring::format::states::LaneKind;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How often memory is read.
const MEMORY_INTERVAL: Duration = Duration::from_secs(1);
/// A successor is started this long before a worker is expected to have run its number of tasks.
const AHEAD: Duration = Duration::from_millis(500);

/// What was seen of a worker at the look before.
#[derive(Debug, Clone, Copy)]
struct Seen {
    tasks: u64,
    /// Since when it has had no task.
    idle_since: Instant,
}

/// Looks at workers.
#[derive(Debug)]
pub(crate) struct Recycling {
    // By process id: entries are used again.
    seen: HashMap<u32, Seen>,
    memory_read: Instant,
}

/// The bounds between which the number of workers may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) least: usize,
    pub(crate) max: usize,
    pub(crate) shrink_after: Duration,
}

impl Recycling {
    pub(crate) fn new() -> Self {
        Self {
            seen: HashMap::new(),
            memory_read: Instant::now(),
        }
    }

    /// One look.
    pub(crate) fn look(&mut self, segment: &Segment, crew: &mut Crew, bounds: Bounds) {
        let elastic = bounds.max > bounds.least;
        if !elastic && crew.settings.recycle == Default::default() {
            return;
        }
        let now = Instant::now();
        self.count(segment, crew, now);
        let read_memory = now.duration_since(self.memory_read) >= MEMORY_INTERVAL;
        if read_memory {
            self.memory_read = now;
        }
        for number in 0..crew.seats.len() {
            let seat = &crew.seats[number];
            let due = seat.current.as_ref().filter(|_| seat.to_replace.is_none());
            let why = due.and_then(|member| self.why_replace(crew, member, read_memory));
            if let Some(why) = why {
                crew.mark_for_replacement(number, &why);
            }
        }
        if elastic {
            self.shrink(segment, crew, bounds);
        }
    }

    /// Brings what was seen up to date.
    fn count(&mut self, segment: &Segment, crew: &Crew, now: Instant) {
        let mut seen = HashMap::new();
        for member in crew.members().filter(|member| member.is_ready()) {
            let id = member.process.id();
            let tasks = member.tasks(segment);
            let idle_since = match self.seen.get(&id) {
                Some(before) if before.tasks == tasks && !member.is_busy(segment) => {
                    before.idle_since
                }
                _ => now,
            };
            seen.insert(id, Seen { tasks, idle_since });
        }
        self.seen = seen;
    }

    /// Why a worker is to be replaced, if it is.
    fn why_replace(&self, crew: &Crew, member: &Member, read_memory: bool) -> Option<String> {
        let ready = member.process.ready?;
        let policy = &crew.settings.recycle;
        if member.max_age.is_some_and(|max| ready.elapsed() >= max) {
            let max = policy.max_age.0?.0;
            return Some(format!("it is older than --max-age ({max:.0?})"));
        }
        if read_memory
            && let Some(Size(max)) = policy.max_rss.0
            && let Some(rss) = resident(member.process.id())
            && rss >= max
        {
            return Some(format!(
                "its memory of {} is above --max-rss ({})",
                Bytes(rss),
                Bytes(max)
            ));
        }
        let quota = member.quota?;
        let tasks = self.seen.get(&member.process.id())?.tasks;
        let per_second = tasks as f64 / ready.elapsed().as_secs_f64().max(1e-3);
        let soon = per_second * AHEAD.as_secs_f64();
        // Its own count ends it; here its successor is only started in time.
        (quota.saturating_sub(tasks) as f64 <= soon).then(|| {
            format!(
                "it has run {}, and {quota} is its number by --max-tasks",
                counted(tasks, "task")
            )
        })
    }

    /// Lets the worker go that has been idle for longest, if it was for long enough.
    fn shrink(&self, segment: &Segment, crew: &mut Crew, bounds: Bounds) {
        let elastic = |seat: &Seat| seat.open && seat.kind == LaneKind::Cpu;
        let open = crew.seats.iter().filter(|seat| elastic(seat)).count();
        if open <= bounds.least {
            return;
        }
        let idle = crew.seats.iter().enumerate().filter_map(|(number, seat)| {
            let member = seat.current.as_ref().filter(|member| member.is_ready())?;
            let seen = self.seen.get(&member.process.id())?;
            (elastic(seat) && seat.to_replace.is_none()).then_some((seen.idle_since, number))
        });
        if let Some((since, number)) = idle.min()
            && since.elapsed() >= bounds.shrink_after
        {
            let why = format!("it had no task for {:.1?}", since.elapsed());
            crew.shrink(number, segment, &why);
        }
    }
}

/// Resident memory of a child that is not reaped yet, in bytes.
fn resident(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// When another worker is needed: the oldest queued task has waited for too long.
///
/// No clock stands in a ring. But where the head has not reached by now what was
/// the tail then, something that was queued then still waits: so one mark a ring
/// tells a lower bound of the age of the oldest, for the price of two loads.
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    marks: Vec<(u64, Instant)>,
}

impl Pressure {
    /// Looks at the rings; whether the oldest task has waited for `limit`.
    pub(crate) fn look(&mut self, pool: &Pool, limit: Duration) -> bool {
        let segment = pool.segment();
        let now = Instant::now();
        let priorities = segment.geometry().priorities;
        self.marks.resize(priorities as usize, (0, now));
        let mut pressed = false;
        for (priority, mark) in (0..priorities).zip(&mut self.marks) {
            let ring = segment.injector(priority);
            let head = ring.head();
            let empty = ring.is_empty();
            if empty || head >= mark.0 {
                // The tail may be behind what a producer has put in: one waits at least.
                *mark = (head + ring.depth().max(u64::from(!empty)), now);
            }
            pressed |= !empty && now.duration_since(mark.1) >= limit;
        }
        pressed
    }

    /// Begins to count anew, after a worker was started.
    pub(crate) fn clear(&mut self) {
        self.marks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_ring::{PoolConfig, PoolDir};

    #[test]
    fn own_memory_is_read() {
        let rss = resident(std::process::id()).unwrap();
        assert!((1 << 20..1 << 40).contains(&rss), "{rss}");
        assert_eq!(resident(u32::MAX), None);
    }

    #[test]
    fn pressure_is_a_task_that_waits_and_not_a_queue_that_moves() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let pool =
            Pool::create(ringwork_ring::Backing::File, &dir, &PoolConfig::default()).unwrap();
        let ring = pool.segment().injector(1);
        let mut pressure = Pressure::default();
        let long = Duration::from_secs(3600);
        assert!(!pressure.look(&pool, Duration::ZERO), "nothing waits");
        for task in 0..10 {
            ring.enqueue(task).unwrap();
            ring.enqueue(task).unwrap();
            assert!(!pressure.look(&pool, long));
            // What was marked is taken: it did not wait for long.
            while ring.dequeue().is_some() {}
            ring.enqueue(task).unwrap();
            pressure.look(&pool, long);
            ring.dequeue();
        }
        ring.enqueue(1).unwrap();
        pressure.look(&pool, long);
        std::thread::sleep(Duration::from_millis(2));
        assert!(!pressure.look(&pool, long));
        assert!(pressure.look(&pool, Duration::from_millis(1)));
        pressure.clear();
        assert!(!pressure.look(&pool, Duration::from_millis(1)));
    }
}
