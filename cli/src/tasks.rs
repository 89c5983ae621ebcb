//! The tasks that run and wait: `ringwork tasks`, and `/tasks` over HTTP.

use super::exit::Failure;
use super::place::{self, Place};
use super::table::Table;
use super::units::seconds as duration;
use super::view::{self, TaskView};
use clap::Args;
use ringwork_ring::Segment;
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::lane::permits::{self, PAUSED, Usage};
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::queue::keys;
use ringwork_ring::segment::running::{RunningTask, awaiting_tasks, submitted_ns};
use ringwork_supervisor::pool::handler_name;
use serde::Serialize;
use std::collections::HashSet;
use std::io::{self, Write};

const AFTER_HELP: &str = "\
Of the tasks that wait the first 64 of each priority are told, in the order in which lanes take them; then up to 64 \
that no lane may take yet: since their handler is paused, has as many running as it may, or another task of their key \
comes first. FOR is how long a task has run, or waited where that is known (of one task in eight). LEFT is the time to \
its deadline: 0 when it has passed.

Exit codes: 0 done; 3 there is no such pool, or it is over.";

/// Most waiting tasks that are shown of a priority.
const MAX_WAITING: usize = 64;
/// Most waiting tasks that are shown of those that no lane may take yet.
const MAX_HELD: usize = 64;
/// Tasks of async handlers that are listed.
const MAX_AWAITING: usize = 64;

/// Show the tasks of a pool: what runs, since when, whose, and what waits.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Tasks {
    #[command(flatten)]
    place: Place,

    /// Print JSON: one object.
    #[arg(long)]
    json: bool,
}

/// What a pool has to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct TaskList {
    running: Vec<RunningView>,
    /// Tasks of async handlers that wait, the first [`MAX_AWAITING`]; `lane` has claimed them.
    awaiting: Vec<RunningView>,
    /// The first of each queue, the most urgent first; then those that no lane may take yet.
    waiting: Vec<WaitingView>,
    /// How many tasks wait, those that are not listed included.
    waiting_in_all: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct RunningView {
    lane: u32,
    worker: u32,
    #[serde(flatten)]
    task: TaskView,
    /// None: it has no deadline.
    deadline_in_s: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct WaitingView {
    handler: String,
    waits_for: WaitsFor,
    /// None: it was not timed.
    waits_s: Option<f64>,
    /// 0 is the most urgent.
    priority: u32,
    client: u32,
    client_pid: u32,
    task_id: u64,
    /// The one that comes, counted from 1.
    attempt: u32,
    deadline_in_s: Option<f64>,
}

/// What a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum WaitsFor {
    /// A lane that is free.
    Lane,
    /// Its handler is paused.
    Resume,
    /// As many tasks of its handler run as may.
    Permit,
    /// A task of its key.
    Key,
}

impl WaitsFor {
    fn name(self) -> &'static str {
        match self {
            Self::Lane => "lane",
            Self::Resume => "resume",
            Self::Permit => "permit",
            Self::Key => "key",
        }
    }
}

impl TaskList {
    /// Reads it.
    pub(super) fn of(segment: &Segment) -> Self {
        let (waiting, waiting_in_all) = waiting(segment);
        Self {
            running: running(segment),
            awaiting: awaiting(segment),
            waiting,
            waiting_in_all,
        }
    }
}

fn running(segment: &Segment) -> Vec<RunningView> {
    let now = now_ns();
    let view = |lane: u32| {
        let (slot, word) = segment.running(lane)?;
        let deadline = segment.slot(slot).deadline_ns();
        let view = RunningView {
            lane,
            worker: segment.lane(lane).word_acquire().worker(),
            task: view::running(segment, lane, now)?,
            deadline_in_s: deadline.map(|at| view::seconds(at, now)),
        };
        // What was read is of one task only if that still runs.
        (segment.running(lane) == Some((slot, word))).then_some(view)
    };
    (0..segment.geometry().max_lanes).filter_map(view).collect()
}

fn awaiting(segment: &Segment) -> Vec<RunningView> {
    let now = now_ns();
    let view = |(slot, lane, task): (u32, u32, RunningTask)| RunningView {
        lane,
        worker: segment.lane(lane).word_acquire().worker(),
        deadline_in_s: (segment.slot(slot).deadline_ns()).map(|at| view::seconds(at, now)),
        task: view::task(segment, &task, now),
    };
    let tasks = awaiting_tasks(segment, MAX_AWAITING).into_iter();
    // A lane that there is not is a peer's invention.
    let lanes = segment.geometry().max_lanes;
    tasks
        .filter(|(_, lane, _)| *lane < lanes)
        .map(view)
        .collect()
}

/// The tasks that wait, and how many there are. First those that the rings name, in their order: a hint
/// may be stale or doubled, so only slots are told that still wait, and each once.
fn waiting(segment: &Segment) -> (Vec<WaitingView>, usize) {
    let geometry = segment.geometry();
    let limits = permits::usage(segment);
    let queued: HashSet<u32> = (0..geometry.max_clients)
        .filter(|client| !segment.client(*client).word_acquire().is_free())
        .flat_map(|client| geometry.slots_of(client))
        .filter(|slot| segment.slot(*slot).queued().is_some())
        .collect();
    let mut told = HashSet::new();
    let mut tasks = Vec::new();
    let rings = |kind: LaneKind| (0..geometry.priorities).map(move |priority| (kind, priority));
    let kinds = geometry.lane_kinds();
    for (kind, priority) in kinds.iter().flat_map(|kind| rings(*kind)) {
        let mut hints = [0; MAX_WAITING];
        let count = segment.queue(kind, priority).peek(&mut hints).count;
        for slot in hints[..count].iter().filter(|slot| queued.contains(slot)) {
            if told.insert(*slot) {
                tasks.extend(waiting_task(segment, *slot, &limits));
            }
        }
    }
    let held = |slot: &&u32| !told.contains(slot);
    let mut held: Vec<WaitingView> = (queued.iter().filter(held))
        .filter_map(|slot| waiting_task(segment, *slot, &limits))
        .filter(|task| task.waits_for != WaitsFor::Lane)
        .collect();
    let age = |task: &WaitingView| task.waits_s.unwrap_or_default();
    held.sort_by(|a, b| (a.priority.cmp(&b.priority)).then(age(b).total_cmp(&age(a))));
    held.truncate(MAX_HELD);
    tasks.extend(held);
    (tasks, queued.len())
}

/// The task of a slot, if it still waits.
fn waiting_task(segment: &Segment, slot: u32, limits: &[Usage]) -> Option<WaitingView> {
    let now = now_ns();
    let fields = segment.slot(slot);
    let word = fields.queued()?;
    let published = fields.published();
    let handler = fields.handler();
    let limit = limits.iter().find(|limit| limit.handler == handler);
    let waits_for = match limit {
        Some(limit) if limit.max == PAUSED => WaitsFor::Resume,
        Some(limit) if limit.max > 0 && limit.running >= limit.max => WaitsFor::Permit,
        _ if keys::waits_for_its_key(segment, slot) => WaitsFor::Key,
        _ => WaitsFor::Lane,
    };
    let client = slot / segment.geometry().slots_per_client;
    let task = WaitingView {
        handler: handler_name(segment, handler),
        waits_for,
        waits_s: submitted_ns(segment, slot).map(|at| view::seconds(now, at)),
        priority: published.priority(),
        client,
        client_pid: segment.client(client).pid(),
        task_id: fields.task_id(slot, word),
        attempt: word.attempt() + 1,
        deadline_in_s: fields.deadline_ns().map(|at| view::seconds(at, now)),
    };
    // What was read is that task's only if it still waits.
    (fields.queued() == Some(word)).then_some(task)
}

/// Runs the subcommand.
pub(super) fn run(tasks: &Tasks) -> Result<(), Failure> {
    let page = page(tasks)?;
    let mut out = io::stdout().lock();
    out.write_all(page.as_bytes())?;
    out.flush()?;
    Ok(())
}

fn page(tasks: &Tasks) -> Result<String, Failure> {
    #[cfg(feature = "ops")]
    if let Some(pool) = tasks.place.remote()? {
        let accept = if tasks.json {
            "application/json"
        } else {
            "text/plain"
        };
        return pool.get("/tasks", accept);
    }
    let segment = place::live(&tasks.place.name)?;
    let list = TaskList::of(&segment);
    match tasks.json {
        true => Ok(serde_json::to_string_pretty(&list)? + "\n"),
        false => Ok(text(&list)),
    }
}

/// For people.
pub(super) fn text(list: &TaskList) -> String {
    let time = |seconds: Option<f64>| seconds.map_or_else(|| "-".to_owned(), duration);
    let at_lanes = |views: &[RunningView]| {
        let mut table = Table::new(&["HANDLER", "FOR", "LEFT", "CLIENT", "TRY", "LANE", "ID"]);
        for view in views {
            let task = &view.task;
            table.row([
                task.handler.clone(),
                time(task.runs_s),
                time(view.deadline_in_s),
                task.client_pid.to_string(),
                task.attempt.to_string(),
                view.lane.to_string(),
                task.task_id.to_string(),
            ]);
        }
        table
    };
    let (running, awaiting) = (at_lanes(&list.running), at_lanes(&list.awaiting));
    let mut waiting = Table::new(&[
        "HANDLER",
        "WAITS FOR",
        "FOR",
        "PRIORITY",
        "LEFT",
        "CLIENT",
        "TRY",
        "ID",
    ]);
    for task in &list.waiting {
        waiting.row([
            task.handler.clone(),
            task.waits_for.name().to_owned(),
            time(task.waits_s),
            task.priority.to_string(),
            time(task.deadline_in_s),
            task.client_pid.to_string(),
            task.attempt.to_string(),
            task.task_id.to_string(),
        ]);
    }
    let section = |title: &str, table: &Table| match table.is_empty() {
        true => format!("{title}\n  none\n"),
        false => format!("{title}\n{table}"),
    };
    // Most pools have no async handlers.
    let awaiting = match awaiting.is_empty() {
        true => String::new(),
        false => format!("\n{}", section("awaiting", &awaiting)),
    };
    let more = match list.waiting_in_all.saturating_sub(list.waiting.len()) {
        0 => String::new(),
        more => format!("  … and {more} more\n"),
    };
    section("running", &running) + &awaiting + "\n" + &section("waiting", &waiting) + &more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::served;
    use ringwork_ring::Codec;
    use ringwork_ring::client::{Client, TaskOptions};
    use std::time::Duration;

    #[test]
    fn each_task_is_told_with_its_client_its_attempt_and_its_time() {
        let mut served = served();
        let (segment, lane) = (&served.segment, &mut served.lane);
        let client = Client::connect(&served.dir).unwrap();
        assert_eq!(
            text(&TaskList::of(segment)),
            "running\n  none\n\nwaiting\n  none\n"
        );
        let first = client.submit("echo", b"", &TaskOptions::default()).unwrap();
        let timed = TaskOptions::default()
            .timeout(Duration::from_secs(3600))
            .priority(2)
            .task_id(7);
        let second = client.submit("digest", b"", &timed).unwrap();
        let claimed = lane.try_next().unwrap();
        let list = TaskList::of(segment);
        assert_eq!((list.running.len(), list.waiting.len()), (1, 1));
        let (runs, waits) = (&list.running[0], &list.waiting[0]);
        assert_eq!((runs.lane, runs.task.attempt), (0, 1));
        assert_eq!(runs.task.client_pid, std::process::id());
        assert_eq!(runs.deadline_in_s, None);
        assert_eq!((waits.priority, waits.task_id, waits.attempt), (2, 7, 1));
        assert!(
            waits
                .deadline_in_s
                .is_some_and(|left| left > 0.0 && left <= 3600.0)
        );
        let json = serde_json::to_value(&list).unwrap();
        assert_eq!(json["running"][0]["client_pid"], std::process::id());
        let page = text(&list);
        let rows: Vec<&str> = page.lines().collect();
        assert_eq!((rows[0], rows[4]), ("running", "waiting"), "{page}");
        claimed.complete(b"", Codec::Bytes);
        first.wait(None).unwrap();
        drop(second);
    }

    #[test]
    fn each_waiting_task_is_told_once_and_so_are_those_that_no_lane_may_take() {
        let served = served();
        let (segment, client) = (&served.segment, Client::connect(&served.dir).unwrap());
        let submit = || client.submit("echo", b"", &TaskOptions::default()).unwrap();
        let slot = submit().slot();
        // A hint more, as the reaper may write one.
        for _ in 0..2 {
            segment.queue(LaneKind::Cpu, 1).enqueue(slot).unwrap();
        }
        let list = TaskList::of(segment);
        assert_eq!((list.waiting.len(), list.waiting_in_all), (1, 1));
        assert_eq!(list.waiting[0].waits_for, WaitsFor::Lane);
        assert!(list.waiting[0].waits_s.is_some());
        // More than are told of a queue.
        let _others: Vec<_> = (0..80).map(|_| submit()).collect();
        let list = TaskList::of(segment);
        assert_eq!(list.waiting_in_all, 81);
        let more = list.waiting_in_all - list.waiting.len();
        assert!(
            text(&list).ends_with(&format!("… and {more} more\n")),
            "{}",
            text(&list)
        );
    }
}
