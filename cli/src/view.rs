//! A segment read out for people and programs: what `stat --json` prints.
//!
//! Reads words that others write at the same time; numbers of one moment may be
//! a little apart. Nothing in the segment is changed.

use super::by_handler::{HandlerStat, HandlerView, Looks, Quantiles, TasksView, quantiles_of};
use super::process;
use super::shown;
use ringwork_ring::format::layout::{ClientCounter, LaneCounter, PoolCounter};
use ringwork_ring::format::names::UnknownWord;
use ringwork_ring::format::states::{ClientKind, EntryState, Health, LaneKind, PoolState};
use ringwork_ring::format::words::Kind;
use ringwork_ring::lane::permits::{self, PAUSED};
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::queue::arena;
use ringwork_ring::records::{Histogram, LaneMask};
use ringwork_ring::segment::running::{RunningTask, running_task};
use ringwork_ring::segment::{liveness, tables};
use ringwork_ring::{Result, Segment};
use ringwork_supervisor::control::DRAINED;
use ringwork_supervisor::heartbeat;
use ringwork_supervisor::looks::{History, Look, Past};
use ringwork_supervisor::pool::{handler_name, running_progress};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything about a pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct PoolView {
    pub(super) name: String,
    /// `starting`, `serving`, `draining`, `closed`, `failed`; `dead` when its supervisor is.
    pub(super) state: &'static str,
    /// Whether it takes tasks and replaces workers that die.
    pub(super) ready: bool,
    /// Why it closed, failed, or is not ready, or what is wrong with it; empty when it is ready and
    /// nothing is.
    pub(super) reason: String,
    pub(super) supervisor_pid: u32,
    pub(super) supervisor_alive: bool,
    /// Seconds since the supervisor has looked last, which it does each second at least.
    pub(super) supervisor_looked_s_ago: Option<f64>,
    pub(super) segment: PathBuf,
    pub(super) segment_bytes: u64,
    /// As asked for; the log of `serve` says what the kernel refused.
    pub(super) huge_pages: bool,
    pub(super) prefault: bool,
    pub(super) uptime_s: f64,
    pub(super) clients: Vec<ClientView>,
    pub(super) workers: Vec<WorkerView>,
    pub(super) queues: Vec<QueueView>,
    /// Handlers with a limit of concurrency.
    pub(super) limits: Vec<LimitView>,
    /// Pool counters by name.
    pub(super) counters: BTreeMap<&'static str, u64>,
    /// What all clients have counted since the pool was made, those included that have left.
    pub(super) client_totals: BTreeMap<&'static str, u64>,
    pub(super) arena: Vec<ClassView>,
    pub(super) latency: LatencyView,
    /// Those that are listed, and others of which there were tasks.
    pub(super) handlers: Vec<HandlerStat>,
    /// Tasks that name no handler of the pool, if there were any.
    pub(super) unlisted: Option<TasksView>,
    /// Tasks that are counted together, if there were any: the segment has no more room for counts by
    /// handler.
    pub(super) rest: Option<TasksView>,
    pub(super) errors: Vec<ErrorView>,
}

impl PoolView {
    /// The handlers with their tasks, then the tasks of none.
    pub(super) fn tasks_by_handler(&self) -> impl Iterator<Item = (&str, &TasksView)> {
        let named = self.handlers.iter();
        let named = named.map(|handler| (handler.info.name.as_str(), &handler.tasks));
        let others = [("(unknown)", &self.unlisted), ("(others)", &self.rest)];
        let others = others.into_iter();
        named.chain(others.filter_map(|(name, tasks)| Some((name, tasks.as_ref()?))))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct ClientView {
    pub(super) index: u32,
    pub(super) pid: u32,
    /// What it calls itself: of a Rust client its program, of a Java one what its configuration says.
    pub(super) name: String,
    /// `java`, `rust` or `other`.
    pub(super) kind: &'static str,
    /// `active`, or `reaping` while a dead client's tasks end; `dead` when it is and no supervisor
    /// sees to them.
    pub(super) state: &'static str,
    pub(super) attached_s: f64,
    pub(super) slots: u32,
    pub(super) slots_in_use: u32,
    pub(super) queued: u32,
    pub(super) running: u32,
    pub(super) submitted: u64,
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) rejected: u64,
    pub(super) timed_out: u64,
    pub(super) cancelled: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct WorkerView {
    pub(super) index: u32,
    pub(super) pid: u32,
    /// `active`, or `reaping` while what it held is given back; `dead` when its process is.
    pub(super) state: &'static str,
    /// Whether it lives and has lanes.
    pub(super) ready: bool,
    /// Whether the process is stopped (SIGSTOP).
    pub(super) stopped: bool,
    /// File name of its program, and the version of Ringwork in it.
    pub(super) program: String,
    pub(super) version: String,
    pub(super) uptime_s: f64,
    /// Resident memory; none when its process is not to be seen from here.
    pub(super) rss_bytes: Option<u64>,
    /// Time of all processors that it has used, of user and system.
    pub(super) cpu_s: Option<f64>,
    pub(super) lanes: Vec<LaneView>,
}

impl WorkerView {
    /// What one of its lanes does now.
    pub(super) fn now(&self, lane: &LaneView) -> String {
        match (&lane.running, lane.progress) {
            _ if self.stopped => "stopped".to_owned(),
            _ if self.state != shown::ACTIVE => self.state.to_owned(),
            (Some(handler), Some(at)) => format!("{handler} {}/{}", at.done, at.total),
            (Some(handler), None) => handler.clone(),
            (None, _) if lane.idle => "idle".to_owned(),
            (None, _) => "searching".to_owned(),
        }
    }
}

/// A task that runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct TaskView {
    pub(super) handler: String,
    /// Entry and process of the client whose task it is.
    pub(super) client: u32,
    pub(super) client_pid: u32,
    /// The number that its client gave it.
    pub(super) task_id: u64,
    /// Counted from 1.
    pub(super) attempt: u32,
    /// How long it has run; none when the supervisor has not seen it yet.
    pub(super) runs_s: Option<f64>,
    /// Whether that is from its claim on; else it may be up to a tick of the supervisor more.
    pub(super) from_claim: bool,
}

/// Steps of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct ProgressView {
    pub(super) done: u32,
    pub(super) total: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct LaneView {
    pub(super) index: u32,
    /// Which tasks it looks for: `cpu` or `io`.
    pub(super) kind: &'static str,
    /// Whether it is an I/O thread: it looks for no tasks, and polls async ones that lanes have begun.
    pub(super) io_thread: bool,
    /// The handler that runs now.
    pub(super) running: Option<String>,
    /// Its task.
    pub(super) task: Option<TaskView>,
    /// What its task has reported with `TaskContext::progress`.
    pub(super) progress: Option<ProgressView>,
    /// Whether it sleeps; of an I/O thread, whether it polls none of its tasks.
    pub(super) idle: bool,
    pub(super) started: u64,
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) panicked: u64,
    pub(super) expired: u64,
    pub(super) cancelled: u64,
    pub(super) stolen: u64,
    pub(super) parked: u64,
}

impl LaneView {
    /// Its index, and what it is if it is not like most.
    pub(super) fn named(&self) -> String {
        match self.io_thread || self.kind == LaneKind::Io.name() {
            true => format!("{} io", self.index),
            false => self.index.to_string(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct QueueView {
    /// The kind of lanes that take what is in it.
    pub(super) lanes: &'static str,
    /// 0 is the most urgent.
    pub(super) priority: u32,
    pub(super) depth: u64,
    pub(super) capacity: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct LimitView {
    pub(super) handler: String,
    /// Most tasks that run at a time; 0: any number, or none while it is paused.
    pub(super) max: u32,
    /// Whether `ringwork pause` keeps its tasks waiting.
    pub(super) paused: bool,
    pub(super) running: u32,
    pub(super) waiting: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct ClassView {
    pub(super) block_bytes: usize,
    pub(super) blocks: u32,
    pub(super) for_results: u32,
    pub(super) taken: u32,
}

/// Of sampled tasks, over all lanes since the pool was made; upper bounds, at most 25 % too high.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct LatencyView {
    /// From submit to claim.
    pub(super) queue: Quantiles,
    /// From claim to result.
    pub(super) run: Quantiles,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct ErrorView {
    pub(super) text: String,
    pub(super) count: u64,
    pub(super) first_s_ago: f64,
    pub(super) last_s_ago: f64,
}

/// Reads everything.
pub(super) fn pool(segment: &Segment) -> Result<PoolView> {
    let past = History::of(segment);
    pool_since(segment, &Look::now(segment), None, &past, Slots::Each)
}

/// How the slots of a client are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slots {
    /// Each is looked at. A million of them take some 20 ms.
    Each,
    /// Those in use are its tasks submitted less those ended. How many of them wait and run is not told.
    Counted,
}

/// Reads everything, with what has become of tasks since the look `before`, and since those of the
/// `past`.
pub(super) fn pool_since(
    segment: &Segment,
    look: &Look,
    before: Option<&Look>,
    past: &Past,
    slots: Slots,
) -> Result<PoolView> {
    let now = now_ns();
    let lanes = segment
        .lanes()
        .filter(|lane| lane.word().is_active())
        .count();
    let looks = Looks {
        now: look,
        before,
        past,
        lanes,
    };
    let [unlisted, rest] = looks.others();
    let condition = condition(segment)?;
    let g = segment.geometry();
    let capacity = g.injector_capacity;
    Ok(PoolView {
        name: segment.dir().name().to_owned(),
        state: condition.state,
        ready: condition.ready,
        reason: condition.reason,
        supervisor_pid: segment.header().supervisor_pid(),
        supervisor_alive: condition.supervisor_alive,
        supervisor_looked_s_ago: heartbeat::age(segment).map(|age| age.as_millis() as f64 / 1e3),
        segment: segment.path().to_path_buf(),
        segment_bytes: g.segment_size,
        huge_pages: segment.header().huge_pages(),
        prefault: segment.header().prefault(),
        uptime_s: seconds(now, segment.header().created_ns()),
        clients: (0..g.max_clients)
            .filter_map(|index| client(segment, index, now, slots))
            .collect(),
        workers: (0..g.max_workers)
            .filter(|index| !is_stand_in(segment, *index))
            .filter_map(|index| worker(segment, index, now))
            .collect(),
        queues: (g.lane_kinds().iter())
            .flat_map(|kind| (0..g.priorities).map(move |priority| (*kind, priority)))
            .map(|(kind, priority)| QueueView {
                lanes: kind.name(),
                priority,
                depth: segment.queue(kind, priority).depth(),
                capacity,
            })
            .collect(),
        limits: limits(segment),
        counters: PoolCounter::ALL
            .iter()
            .map(|counter| (counter.name(), segment.header().counter(*counter).get()))
            .collect(),
        client_totals: client_totals(segment),
        arena: classes(segment),
        latency: LatencyView {
            queue: quantiles(look.totals.iter().map(|totals| &totals.queue)),
            run: quantiles(look.totals.iter().map(|totals| &totals.run)),
        },
        handlers: looks.handlers(handlers(segment)),
        unlisted,
        rest,
        errors: errors(segment, now),
    })
}

fn limits(segment: &Segment) -> Vec<LimitView> {
    permits::usage(segment)
        .into_iter()
        .map(|usage| LimitView {
            handler: handler_name(segment, usage.handler),
            max: Some(usage.max)
                .filter(|max| *max != PAUSED)
                .unwrap_or_default(),
            paused: usage.max == PAUSED,
            running: usage.running,
            waiting: usage.waiting,
        })
        .collect()
}

fn errors(segment: &Segment, now: u64) -> Vec<ErrorView> {
    tables::errors(segment)
        .into_iter()
        .map(|error| ErrorView {
            text: error.text,
            count: error.count,
            first_s_ago: seconds(now, error.first_ns),
            last_s_ago: seconds(now, error.last_ns),
        })
        .collect()
}

/// What `stat` and `list` say of a pool as a whole.
pub(super) struct Condition {
    pub(super) state: &'static str,
    pub(super) ready: bool,
    pub(super) reason: String,
    pub(super) supervisor_alive: bool,
    /// Each process of the pool that does not run, and what to do; `reason` has it, too.
    pub(super) stopped: Vec<String>,
}

/// Reads it.
///
/// # Errors
/// When the supervisor's lock can't be looked at.
pub(super) fn condition(segment: &Segment) -> Result<Condition> {
    let supervisor_alive = segment.supervisor_lives()?;
    let pool = segment.pool_state().ok();
    let mut condition = Condition {
        state: state_name(pool, supervisor_alive),
        ready: supervisor_alive && pool == Some(PoolState::Serving) && !in_storm(segment),
        reason: segment.reason(),
        supervisor_alive,
        stopped: Vec::new(),
    };
    if supervisor_alive && matches!(pool, Some(PoolState::Serving | PoolState::Draining)) {
        let pid = segment.header().supervisor_pid();
        if let Some(problem) = heartbeat::supervisor_problem(segment, pid) {
            condition.ready = false; // it replaces no worker that dies
            condition.stopped.push(problem);
        }
        let workers =
            (0..segment.geometry().max_workers).filter(|worker| is_stopped(segment, *worker));
        let problems: Vec<String> = workers
            .map(|worker| {
                let pid = segment.worker(worker).pid();
                format!(
                    "worker {worker} (process {pid}) is stopped: `kill -CONT {pid}` lets it go on"
                )
            })
            .collect();
        if !problems.is_empty() && !any_runs(segment) {
            condition.ready = false; // no lane takes a task
        }
        condition.stopped.extend(problems);
        let paused = permits::usage(segment)
            .into_iter()
            .filter(|usage| usage.max == PAUSED);
        let paused = paused.map(|usage| {
            let (name, pool) = (handler_name(segment, usage.handler), segment.dir().name());
            format!("{name} is paused: `ringwork resume {pool} {name}` lets its tasks run")
        });
        let told = std::iter::once(condition.reason).filter(|reason| !reason.is_empty());
        let all: Vec<String> = told
            .chain(condition.stopped.iter().cloned())
            .chain(paused)
            .collect();
        condition.reason = all.join("; ");
    }
    let now = match condition.state {
        shown::DEAD => DEAD,
        shown::STARTING => "starting: no worker is ready yet",
        shown::DRAINING if is_drained(segment) => return Ok(condition),
        shown::DRAINING => "draining: it takes no new task, and ends once the others are over",
        _ => return Ok(condition),
    };
    condition.reason = match condition.reason.is_empty() {
        true => now.to_owned(),
        false => format!("{now}; {}", condition.reason),
    };
    Ok(condition)
}

/// Whether a pool that takes no new tasks was drained, and not stopped.
pub(super) fn is_drained(segment: &Segment) -> bool {
    segment.reason().starts_with(DRAINED)
}

/// What is said of a pool whose supervisor has died.
pub(super) const DEAD: &str = "its supervisor is dead: `ringwork clean` removes what it left, or \
     `ringwork serve` takes its place under the same name";

/// Whether a pool in this state is none any more.
pub(super) fn is_over(state: &str) -> bool {
    matches!(state, shown::DEAD | shown::CLOSED | shown::FAILED)
}

/// Whether a worker with lanes is there whose process is not stopped.
fn any_runs(segment: &Segment) -> bool {
    (0..segment.geometry().max_workers)
        .filter(|worker| !is_stand_in(segment, *worker))
        .any(|worker| {
            let record = segment.worker(worker);
            record.word_acquire().is_active()
                && record.lanes() > 0
                && !is_stopped(segment, worker)
                && worker_lives(segment, worker)
        })
}

/// Whether the process of an active worker entry lives, by its lock.
pub(super) fn worker_lives(segment: &Segment, worker: u32) -> bool {
    lives(&segment.dir().worker_lock(segment.epoch(), worker))
}

/// Whether a process holds this lock; also when that can't be told.
fn lives(lock: &Path) -> bool {
    if lock.symlink_metadata().is_err() {
        return false; // removed with the pool
    }
    liveness::open_to_probe(lock)
        .and_then(|file| liveness::is_held(&file))
        .unwrap_or(true)
}

/// The name of an active entry's state, unless the process that has it is dead.
fn state_of(name: &'static str, lock: &Path) -> &'static str {
    match name {
        shown::ACTIVE if !lives(lock) => shown::DEAD,
        name => name,
    }
}

fn in_storm(segment: &Segment) -> bool {
    segment.health() == Ok(Health::Storm)
}

/// Whether an entry is that of the supervisor itself, which in a crash storm refuses tasks as a
/// worker would: it runs none, so no person should count on it.
pub(super) fn is_stand_in(segment: &Segment, worker: u32) -> bool {
    // A guest in another PID namespace may have the same number, but hardly in a storm.
    in_storm(segment) && segment.worker(worker).pid() == segment.header().supervisor_pid()
}

/// Whether the process of a worker entry is stopped.
fn is_stopped(segment: &Segment, worker: u32) -> bool {
    let record = segment.worker(worker);
    record.word_acquire().is_active()
        && heartbeat::is_stopped(
            record.pid(),
            &segment.dir().worker_lock(segment.epoch(), worker),
        )
}

/// The pool's state in one word.
#[must_use]
fn state_name(state: Option<PoolState>, supervisor_alive: bool) -> &'static str {
    match state {
        Some(state) if supervisor_alive || state.is_over() => state.name(),
        _ if !supervisor_alive => shown::DEAD,
        _ => shown::UNKNOWN,
    }
}

/// The handlers that the pool's workers have registered.
#[must_use]
pub(super) fn handlers(segment: &Segment) -> Vec<HandlerView> {
    let view = |info: tables::HandlerInfo| HandlerView {
        request: Some(info.request_codec.name()),
        result: Some(info.result_codec.name()),
        lanes: info.kind.name(),
        name: info.name,
    };
    tables::handlers(segment).into_iter().map(view).collect()
}

pub(super) fn seconds(now: u64, then: u64) -> f64 {
    // To the millisecond: more digits would only be noise in the JSON.
    (now.saturating_sub(then) / 1_000_000) as f64 / 1e3
}

fn entry_name(state: std::result::Result<EntryState, UnknownWord>) -> Option<&'static str> {
    match state {
        Ok(EntryState::Free) => None,
        Ok(state) => Some(state.name()),
        Err(_) => Some(shown::UNKNOWN),
    }
}

fn client_totals(segment: &Segment) -> BTreeMap<&'static str, u64> {
    let entries = || (0..segment.geometry().max_clients).map(|client| segment.client(client));
    let sum = |counter: ClientCounter| {
        let counts = entries().map(|entry| entry.counter(counter).get());
        counts.fold(0, u64::saturating_add)
    };
    let all = ClientCounter::ALL.iter();
    all.map(|counter| (counter.name(), sum(*counter))).collect()
}

fn client(segment: &Segment, index: u32, now: u64, looked: Slots) -> Option<ClientView> {
    let record = segment.client(index);
    let state = entry_name(record.word_acquire().state())?;
    let state = state_of(state, &segment.dir().client_lock(segment.epoch(), index));
    let counter = |counter: ClientCounter| record.since_attach(counter);
    let mut view = ClientView {
        index,
        pid: record.pid(),
        name: record.name(),
        kind: record.kind().map_or("other", ClientKind::name),
        state,
        attached_s: seconds(now, record.attached_ns()),
        slots: segment.geometry().slots_per_client,
        slots_in_use: 0,
        queued: 0,
        running: 0,
        submitted: counter(ClientCounter::Submitted),
        completed: counter(ClientCounter::Completed),
        failed: counter(ClientCounter::Failed),
        rejected: counter(ClientCounter::Rejected),
        timed_out: counter(ClientCounter::TimedOut),
        cancelled: counter(ClientCounter::Cancelled),
    };
    match looked {
        Slots::Each => look_at_slots(segment, &mut view),
        Slots::Counted => {
            let ended = view.completed + view.failed + view.timed_out + view.cancelled;
            let in_flight = view.submitted.saturating_sub(ended);
            view.slots_in_use =
                u32::try_from(in_flight).map_or(view.slots, |count| count.min(view.slots));
        }
    }
    Some(view)
}

fn look_at_slots(segment: &Segment, view: &mut ClientView) {
    let first = view.index * view.slots;
    for slot in first..first + view.slots {
        let word = segment.word(slot);
        view.slots_in_use += u32::from(!word.is_at_rest());
        view.queued += u32::from(word.kind() == Kind::Queued);
        view.running += u32::from(word.kind() == Kind::Claimed);
    }
}

fn worker(segment: &Segment, index: u32, now: u64) -> Option<WorkerView> {
    let record = segment.worker(index);
    let state = entry_name(record.word_acquire().state())?;
    let state = state_of(state, &segment.dir().worker_lock(segment.epoch(), index));
    let mut lanes: Vec<LaneView> = (0..segment.geometry().max_lanes)
        .filter_map(|lane| self::lane(segment, lane, index, now))
        .collect();
    mark_io_threads(segment, &mut lanes);
    Some(WorkerView {
        index,
        pid: record.pid(),
        state,
        ready: record.lanes() > 0 && state == shown::ACTIVE,
        stopped: is_stopped(segment, index),
        program: record.program(),
        version: record.version(),
        rss_bytes: process::resident_bytes(record.pid()),
        cpu_s: process::cpu_seconds(record.pid()),
        uptime_s: seconds(now, record.started_ns()),
        lanes,
    })
}

/// Tells the I/O threads of a worker from its lanes: lanes know whose bell to ring.
fn mark_io_threads(segment: &Segment, lanes: &mut [LaneView]) {
    let has_bell = |lane: &LaneView| segment.lane(lane.index).bell().is_some();
    if !lanes.iter().any(has_bell) {
        return;
    }
    for lane in lanes.iter_mut().filter(|lane| !has_bell(lane)) {
        lane.io_thread = true;
        lane.idle = lane.running.is_none();
    }
}

/// The task that a lane runs.
pub(super) fn running(segment: &Segment, lane: u32, now: u64) -> Option<TaskView> {
    running_task(segment, lane).map(|found| task(segment, &found, now))
}

/// For people and programs.
pub(super) fn task(segment: &Segment, task: &RunningTask, now: u64) -> TaskView {
    TaskView {
        handler: handler_name(segment, task.handler),
        client: task.client,
        client_pid: segment.client(task.client).pid(),
        task_id: task.task_id,
        attempt: task.attempt,
        runs_s: task.since_ns.map(|since| seconds(now, since)),
        from_claim: task.since_claim,
    }
}

fn lane(segment: &Segment, index: u32, worker: u32, now: u64) -> Option<LaneView> {
    let record = segment.lane(index);
    let word = record.word_acquire();
    if word.is_free() || word.worker() != worker {
        return None;
    }
    let counter = |counter: LaneCounter| record.counter(counter).get();
    let task = running(segment, index, now);
    let kind = record.kind();
    Some(LaneView {
        index,
        kind: kind.map_or(shown::UNKNOWN, LaneKind::name),
        io_thread: false, // that is seen beside the others of its worker
        running: task.as_ref().map(|task| task.handler.clone()),
        task,
        progress: running_progress(segment, index)
            .map(|(done, total)| ProgressView { done, total }),
        idle: kind.is_ok_and(|kind| {
            let mask = LaneMask::idle(kind);
            segment.header().has_bit_acquire(mask, index)
        }),
        started: counter(LaneCounter::Started),
        completed: counter(LaneCounter::Completed),
        failed: counter(LaneCounter::Failed),
        panicked: counter(LaneCounter::Panicked),
        expired: counter(LaneCounter::Expired),
        cancelled: counter(LaneCounter::Cancelled),
        stolen: counter(LaneCounter::Stolen),
        parked: counter(LaneCounter::Parked),
    })
}

fn classes(segment: &Segment) -> Vec<ClassView> {
    let view = |(place, taken): (&ringwork_ring::format::config::ClassPlace, u32)| ClassView {
        block_bytes: place.class.size,
        blocks: place.class.count,
        for_results: place.class.reserved,
        taken,
    };
    segment
        .geometry()
        .classes
        .iter()
        .zip(arena::taken(segment))
        .map(view)
        .collect()
}

/// Over all handlers, those of workers that are gone included.
fn quantiles<'t>(of: impl Iterator<Item = &'t Histogram>) -> Quantiles {
    let mut all = Histogram::default();
    for histogram in of {
        all.add(histogram);
    }
    quantiles_of(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::served;
    use ringwork_ring::{PoolConfig, PoolDir};

    #[test]
    fn a_fresh_segment_is_read_and_its_json_has_the_documented_keys() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let (segment, locks) = Segment::create(&dir, &PoolConfig::default()).unwrap();
        tables::log_error(&segment, "a worker was killed");
        let view = pool(&segment).unwrap();
        assert_eq!(
            (view.state, view.supervisor_alive, view.queues.len()),
            ("starting", true, 3)
        );
        let json = serde_json::to_value(&view).unwrap();
        for key in [
            "name",
            "state",
            "ready",
            "reason",
            "supervisor_pid",
            "supervisor_alive",
            "supervisor_looked_s_ago",
            "segment",
            "segment_bytes",
            "uptime_s",
            "clients",
            "workers",
            "queues",
            "limits",
            "counters",
            "arena",
            "latency",
            "handlers",
            "errors",
        ] {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert_eq!(json["errors"][0]["text"], "a worker was killed");
        assert_eq!(json["latency"]["run"]["p99_ns"], serde_json::Value::Null);
        assert_eq!(json["counters"]["workers_crashed"], 0);
        drop(locks);
        let dead = pool(&segment).unwrap();
        assert_eq!((dead.state, dead.reason.as_str()), ("dead", DEAD));
    }

    #[test]
    fn a_worker_lives_as_long_as_its_lock_is_held() {
        let served = served();
        let (segment, dir) = (&served.segment, &served.dir);
        let seen = || {
            let worker = pool(segment).unwrap().workers.remove(0);
            (worker.state, worker.ready)
        };
        assert_eq!(seen(), ("active", true));
        assert!(any_runs(segment));
        // As a process that is killed leaves it: the entry as it was, and no lock.
        std::fs::remove_file(dir.worker_lock(segment.epoch(), 0)).unwrap();
        drop(liveness::open_lock_file(&dir.worker_lock(segment.epoch(), 0), true).unwrap());
        assert_eq!(seen(), ("dead", false));
        assert!(!any_runs(segment) && !worker_lives(segment, 0));
    }

    #[test]
    fn what_a_task_reports_is_seen_while_it_runs() {
        use ringwork_ring::Codec;
        use ringwork_ring::client::{Client, TaskOptions};
        let mut served = served();
        let (segment, lane) = (&served.segment, &mut served.lane);
        let client = Client::connect(&served.dir).unwrap();
        let ticket = client.submit("echo", b"", &TaskOptions::default()).unwrap();
        let seen = || pool(segment).unwrap().workers[0].lanes[0].progress;
        assert_eq!(seen(), None);
        let claimed = lane.try_next().unwrap();
        assert_eq!(seen(), None);
        let counted = || {
            let look = Look::now(segment);
            let view = pool_since(segment, &look, None, &Past::default(), Slots::Counted).unwrap();
            view.clients[0].slots_in_use
        };
        assert_eq!(
            (counted(), pool(segment).unwrap().clients[0].slots_in_use),
            (1, 1)
        );
        claimed.progress(3, 7);
        assert_eq!(seen(), Some(ProgressView { done: 3, total: 7 }));
        claimed.complete(b"", Codec::Bytes);
        assert_eq!(seen(), None);
        ticket.wait(None).unwrap();
        assert_eq!(
            (counted(), pool(segment).unwrap().clients[0].slots_in_use),
            (0, 0)
        );
    }
}
