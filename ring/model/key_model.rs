//! Tasks with keys, with processes that die at each step, and under loom.
//!
//! Every future ends, tasks of one key and client start in the order of their submits, a retried one
//! before those behind it, no two tasks of a key run at a time, and nothing is left of permits.
//! Without deaths no wait may need the sweep, and none is there: what a lane forgets to look at is a
//! client that waits for ever.

use super::explore::{Limits, Mode, explore};
use super::loom_engine::{self, Execution};
use super::pool::{Pool, Tiny};
use super::processes::register;
use super::sim::{Event, Hazards, Kind, Sim};
use crate::client::{Client, OnFailure, Outcome, TaskOptions, Ticket};
use crate::format::cause::Cause;
use crate::format::states::{LaneKind, PoolState};
use crate::lane::claimed::{Claimed, Failure};
use crate::lane::entry::WorkerEntry;
use crate::lane::search::Lane;
use crate::queue::hints::restore_hint;
use crate::queue::wait::{self, WaitStrategy};
use crate::reaper::{self, DeadOwners, LostWakeCheck, Sweeper};
use crate::segment::Segment;
use crate::{Codec, RingError, Status};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

static STAY: AtomicBool = AtomicBool::new(false);

/// What a client does with a task once all of its are submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Wait,
    Cancel,
    Abandon,
}

#[derive(Debug, Clone, Copy)]
struct Task {
    key: u8,
    attempts: u8,
    act: Act,
    /// Its handler fails, and those behind it are not to run.
    fails: bool,
    /// It is submitted when the first one has ended, whose slot it uses again.
    late: bool,
}

const fn task(key: u8) -> Task {
    Task {
        key,
        attempts: 2,
        act: Act::Wait,
        fails: false,
        late: false,
    }
}

#[derive(Debug, Clone)]
struct Scenario {
    clients: Vec<Vec<Task>>,
    workers: u32,
    lanes: u32,
    client: Hazards,
    worker: Hazards,
    /// A process that writes the hint of each slot once more.
    doubles: bool,
}

const SAFE: Hazards = Hazards {
    dies: false,
    stops: false,
};
const DIES: Hazards = Hazards {
    dies: true,
    stops: false,
};

impl Scenario {
    fn of(clients: &[&[Task]]) -> Self {
        Self {
            clients: clients.iter().map(|tasks| tasks.to_vec()).collect(),
            workers: 1,
            lanes: 2,
            client: SAFE,
            worker: SAFE,
            doubles: false,
        }
    }

    fn tiny(&self) -> Tiny {
        let early = |tasks: &Vec<Task>| tasks.iter().filter(|task| !task.late).count();
        let slots = self.clients.iter().map(early).max().unwrap_or(1) as u32;
        Tiny {
            clients: self.clients.len() as u32,
            slots,
            workers: self.workers,
            lanes: self.lanes,
            injector: (2 * slots * self.clients.len() as u32).next_power_of_two(),
            completion: (2 * slots).next_power_of_two(),
            keys: true,
            ..Tiny::default()
        }
    }
}

/// What has happened in one execution.
#[derive(Debug, Default)]
struct Book {
    /// By client and key: the last task that was started.
    started: BTreeMap<(u64, u8), u64>,
    /// By key: the process that runs a task of it.
    running: BTreeMap<u8, usize>,
    runs: BTreeMap<u64, u32>,
    outcomes: BTreeMap<u64, Outcome>,
}

type Shared = Rc<RefCell<Book>>;

/// A task that runs; no other of its key may until this is dropped.
struct Running<'b> {
    book: &'b Shared,
    key: u8,
    process: usize,
}

impl<'b> Running<'b> {
    fn begin(book: &'b Shared, process: usize, died: impl Fn(usize) -> bool, id: u64) -> Self {
        let (client, key, number) = (id / 100, (id / 10 % 10) as u8, id % 10);
        let mut now = book.borrow_mut();
        if let Some(other) = now.running.insert(key, process) {
            assert!(died(other), "two tasks of key {key} run at a time");
        }
        let last = now.started.entry((client, key)).or_default();
        assert!(*last <= number, "task {id} starts behind task {last}");
        *last = number;
        *now.runs.entry(id).or_default() += 1;
        drop(now);
        Self { book, key, process }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Ok(mut book) = self.book.try_borrow_mut()
            && book.running.get(&self.key) == Some(&self.process)
        {
            book.running.remove(&self.key);
        }
    }
}

fn options(id: u64, task: &Task) -> TaskOptions {
    let fails = if task.fails {
        OnFailure::FailKey
    } else {
        OnFailure::Continue
    };
    TaskOptions::default()
        .key([task.key])
        .attempts(task.attempts)
        .task_id(id)
        .on_failure(fails)
}

fn run(task: Claimed<'_>, book: &Shared, process: usize, died: impl Fn(usize) -> bool) {
    let failure = |status| Failure {
        status,
        not_run: status == Status::Cancelled,
        code: "model",
        location: "",
        message: "",
    };
    if task.cancelled() {
        return task.fail(&failure(Status::Cancelled));
    }
    let running = Running::begin(book, process, died, task.task_id());
    // Others may do something while it runs.
    let fails = task.request().expect("a sound request") == [1];
    task.progress(1, 2);
    let _ = task.cancelled();
    drop(running);
    if fails {
        task.fail(&failure(Status::Failed));
    } else {
        task.complete(b"done", Codec::Bytes);
    }
}

fn client(sim: &Sim, index: u64, tasks: &[Task], book: &Shared) {
    let client = register(sim);
    let mut tickets: Vec<(u64, Act, Ticket<'_>)> = Vec::new();
    submit(sim, &client, (index, tasks, false), &mut tickets);
    // What is cancelled first, while others are queued.
    tickets.sort_by_key(|(_, act, _)| *act == Act::Wait);
    let mut late = tasks.iter().any(|task| task.late);
    while !tickets.is_empty() {
        let (id, act, ticket) = tickets.remove(0);
        let outcome = match act {
            Act::Wait => ticket.wait(None).expect("no limit was given"),
            Act::Cancel => ticket.cancel(),
            Act::Abandon => continue,
        };
        let before = book.borrow_mut().outcomes.insert(id, outcome);
        assert!(before.is_none(), "a future ended twice");
        if std::mem::take(&mut late) {
            submit(sim, &client, (index, tasks, true), &mut tickets);
        }
    }
}

/// Submits those tasks of a client that are late, or those that are not.
fn submit<'c>(
    sim: &Sim,
    client: &'c Client,
    (index, tasks, late): (u64, &[Task], bool),
    tickets: &mut Vec<(u64, Act, Ticket<'c>)>,
) {
    for (number, task) in (1..).zip(tasks).filter(|(_, task)| task.late == late) {
        let id = 100 * (index + 1) + 10 * u64::from(task.key) + number;
        let request = [u8::from(task.fails)];
        match client.submit("model", &request, &options(id, task)) {
            Ok(ticket) => tickets.push((id, task.act, ticket)),
            // Of hints that are doubled while no worker lives.
            Err(RingError::QueueFull) if sim.disturbed() => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn worker(sim: &Sim, index: u32, scenario: &Scenario, book: &Shared) {
    let segment = Arc::new(sim.pool.segment());
    let entry = loop {
        match WorkerEntry::register(Arc::clone(&segment), Some(index)) {
            Ok(entry) => break entry,
            Err(RingError::TableFull { .. }) if sim.disturbed() => crate::os::sync::retry(),
            Err(error) => panic!("{error}"),
        }
    };
    let mut lanes = entry
        .lanes(scenario.lanes / scenario.workers, WaitStrategy::Park)
        .expect("its lanes are free");
    let mut first = lanes.remove(0);
    let left = Rc::new(Cell::new(0));
    for (number, lane) in lanes.into_iter().enumerate() {
        let (lane, book, left) = (RefCell::new(Some(lane)), Rc::clone(book), Rc::clone(&left));
        left.set(left.get() + 1);
        let body = move |sim: &Sim| {
            let mut lane = lane.borrow_mut().take().expect("runs once");
            serve(sim, &mut lane, &book);
            drop(lane);
            left.set(left.get() - 1);
        };
        let name = format!("worker {index}.{}", number + 1);
        sim.spawn(&name, Kind::Worker(index), scenario.worker, Rc::new(body));
    }
    serve(sim, &mut first, book);
    drop(first);
    while left.get() > 0 {
        crate::os::sync::retry();
    }
    entry.leave();
}

fn serve(sim: &Sim, lane: &mut Lane, book: &Shared) {
    let own = sim.process();
    while let Some(task) = lane.next(&STAY) {
        run(task, book, own, |other| sim.has_died(other));
    }
}

fn supervisor(sim: &Sim, workers: u32, sweeps: bool) {
    let segment = sim.pool.segment();
    let dead_owners = DeadOwners::new(&segment).expect("no files here");
    let (mut lost_wakes, mut sweeper) = (LostWakeCheck::default(), Sweeper::default());
    loop {
        let event = sim.wait_event();
        for worker in dead_owners.dead_workers(&segment) {
            crate::testing::reap_worker(&segment, worker, Cause::Unknown);
        }
        for client in dead_owners.dead_clients(&segment) {
            reaper::reap_client(&segment, client);
        }
        for worker in 0..workers {
            let free = segment.worker(worker).word_acquire().is_free();
            if free && sim.worker_is_dead(worker) {
                sim.restart_worker(worker);
            }
        }
        match event {
            Event::Death => {}
            Event::Tick => {
                lost_wakes.look(&segment);
                if sweeps {
                    sweeper.sweep(&segment, crate::os::clock::now_ns());
                }
            }
            Event::Close => {
                segment.set_pool_state(PoolState::Closed);
                wait::wake_all_lanes(&segment);
            }
            Event::Exit => return,
        }
    }
}

fn at_rest(segment: &Segment) {
    for slot in 0..segment.geometry().total_slots() {
        assert!(segment.word(slot).is_at_rest(), "slot {slot} leaked");
    }
    let keys = segment.keys().expect("tasks have keys");
    for index in 0..keys.bucket_count() {
        assert!(
            keys.bucket(index).permits().all(|word| word.0 == 0),
            "a permit leaked"
        );
        assert_eq!(keys.problem_of_bucket(index), None);
    }
}

fn check(segment: &Segment, scenario: &Scenario, book: &Book) {
    at_rest(segment);
    for client in 0..scenario.tiny().clients {
        assert!(segment.client(client).word_acquire().is_free(), "{client}");
    }
    for (id, outcome) in &book.outcomes {
        let runs = book.runs.get(id).copied().unwrap_or(0);
        match outcome {
            Outcome::Completed { .. } => assert!(runs > 0, "{id}"),
            Outcome::Failed { status, .. } if *status == Status::KeyPoisoned => {
                assert_eq!(runs, 0, "{id} was not to run");
            }
            Outcome::Cancelled { may_have_run } => assert!(*may_have_run || runs == 0, "{id}"),
            Outcome::Failed { .. } => assert!(runs > 0, "{id}"),
            Outcome::Crashed { .. } => {}
            other => panic!("{id}: {other:?}"),
        }
    }
    for (client, tasks) in scenario.clients.iter().enumerate() {
        let mut poisoned = false;
        for (number, task) in (1..).zip(tasks) {
            let id = 100 * (client as u64 + 1) + 10 * u64::from(task.key) + number;
            if poisoned && !task.late {
                assert_eq!(book.runs.get(&id), None, "{id} ran behind one that failed");
            }
            poisoned |= task.fails;
        }
    }
}

fn explored(name: &str, scenario: &Scenario, limits: Limits, mode: Mode) {
    let book = Shared::default();
    let (own, checked) = (scenario.clone(), scenario.clone());
    let (started, ended) = (Rc::clone(&book), book);
    explore(
        name,
        &scenario.tiny().pool(),
        limits,
        mode,
        move |sim| {
            *started.borrow_mut() = Book::default();
            for (index, tasks) in (0..).zip(&own.clients) {
                let (tasks, book) = (tasks.clone(), Rc::clone(&started));
                let body = move |sim: &Sim| client(sim, index, &tasks, &book);
                let name = format!("client {index}");
                sim.spawn(&name, Kind::Client, own.client, Rc::new(body));
            }
            if own.doubles {
                let body = |sim: &Sim| {
                    let segment = sim.pool.segment();
                    for slot in 0..segment.geometry().total_slots() {
                        restore_hint(&segment, slot);
                        wait::wake_after_publish(&segment, LaneKind::Cpu);
                    }
                };
                sim.spawn("doubler", Kind::Client, SAFE, Rc::new(body));
            }
            for index in 0..own.workers {
                let (scenario, book) = (own.clone(), Rc::clone(&started));
                let body = move |sim: &Sim| worker(sim, index, &scenario, &book);
                let name = format!("worker {index}");
                sim.spawn(&name, Kind::Worker(index), own.worker, Rc::new(body));
            }
            // Doubled hints may fill the ring, so that there is no room for the one that counts.
            let (workers, sweeps) = (own.workers, own.doubles && own.worker.dies);
            let body = move |sim: &Sim| supervisor(sim, workers, sweeps);
            sim.spawn("supervisor", Kind::Supervisor, SAFE, Rc::new(body));
        },
        move |sim| check(&sim.pool.segment(), &checked, &ended.borrow()),
    );
}

const fn limits(preemptions: u32, switches: u32, crashes: u32) -> Limits {
    Limits {
        preemptions,
        switches,
        crashes,
        pauses: 0,
        same_twice: false,
    }
}

fn exhaust(name: &str, scenario: &Scenario, limits: Limits) {
    explored(name, scenario, limits, Mode::Exhaustive);
}

fn at_random(name: &str, scenario: &Scenario, limits: Limits, runs: u64, rarity: u64) {
    let seed = 1;
    let mode = Mode::Random { runs, seed, rarity };
    explored(name, scenario, limits, mode);
}

/// Three tasks of one key of two clients.
fn three() -> Scenario {
    Scenario::of(&[&[task(1), task(1)], &[task(1)]])
}

#[test]
fn fast_tasks_of_one_client_are_in_order() {
    let scenario = Scenario::of(&[&[task(1), task(1)]]);
    exhaust("key: 2 tasks of 1 client", &scenario, limits(1, 1, 0));
}

#[test]
fn fast_tasks_of_two_clients_never_run_at_a_time() {
    let scenario = Scenario::of(&[&[task(1)], &[task(1)]]);
    exhaust("key: 2 clients of 1 task", &scenario, limits(1, 1, 0));
    at_random(
        "key: 2 clients of 1 task",
        &scenario,
        limits(40, 1000, 0),
        4_000,
        12,
    );
}

#[test]
fn fast_hints_that_are_doubled_do_no_harm() {
    let scenario = Scenario {
        doubles: true,
        ..three()
    };
    at_random(
        "key: 3 tasks, doubled hints",
        &scenario,
        limits(60, 1000, 0),
        4_000,
        12,
    );
}

#[test]
fn fast_a_worker_dies() {
    let scenario = Scenario {
        worker: DIES,
        ..Scenario::of(&[&[task(1)], &[task(1)]])
    };
    exhaust("key: 2 clients of 1 task", &scenario, limits(0, 1, 1));
    let scenario = Scenario {
        workers: 2,
        worker: DIES,
        doubles: true,
        ..three()
    };
    let limits = Limits {
        same_twice: true,
        ..limits(40, 1000, 2)
    };
    at_random(
        "key: 3 tasks, workers die, doubled hints",
        &scenario,
        limits,
        3_000,
        20,
    );
    let scenario = Scenario {
        doubles: false,
        ..scenario
    };
    at_random("key: 3 tasks, workers die", &scenario, limits, 3_000, 20);
}

#[test]
fn fast_a_client_dies() {
    let scenario = Scenario {
        client: DIES,
        worker: DIES,
        ..three()
    };
    let limits = Limits {
        same_twice: true,
        ..limits(40, 1000, 2)
    };
    at_random("key: 3 tasks, clients die", &scenario, limits, 3_000, 20);
}

#[test]
fn fast_a_task_in_mid_chain_is_left_out() {
    let cancelled = Task {
        act: Act::Cancel,
        ..task(1)
    };
    let dropped = Task {
        act: Act::Abandon,
        ..task(1)
    };
    let scenario = Scenario::of(&[&[task(1), cancelled, task(1)], &[dropped]]);
    at_random(
        "key: cancel in mid-chain",
        &scenario,
        limits(60, 1000, 0),
        4_000,
        12,
    );
    let scenario = Scenario {
        workers: 2,
        worker: DIES,
        ..scenario
    };
    at_random(
        "key: cancel in mid-chain, workers die",
        &scenario,
        limits(60, 1000, 1),
        3_000,
        20,
    );
}

#[test]
fn fast_what_is_behind_a_failure_does_not_run() {
    let fails = Task {
        fails: true,
        attempts: 1,
        ..task(1)
    };
    let scenario = Scenario::of(&[&[fails, task(1), task(1)]]);
    at_random("key: a failure", &scenario, limits(60, 1000, 0), 4_000, 12);
    let late = Task {
        late: true,
        ..task(2)
    };
    let scenario = Scenario::of(&[&[fails, task(1), late]]);
    let name = "key: a failure whose slot is used again";
    at_random(name, &scenario, limits(60, 1000, 0), 8_000, 12);
}

#[test]
#[ignore = "long"]
fn long_three_tasks_and_deaths() {
    exhaust("key: 3 tasks", &three(), limits(2, 2, 0));
    let scenario = Scenario {
        workers: 2,
        worker: DIES,
        client: DIES,
        doubles: true,
        ..three()
    };
    exhaust("key: 3 tasks, a death", &scenario, limits(1, 1, 1));
    let limits = Limits {
        same_twice: true,
        ..limits(60, 1000, 2)
    };
    at_random("key: 3 tasks, two deaths", &scenario, limits, 2_000_000, 20);
}

/// Lanes that serve under loom; the keys that run.
fn start(e: &mut Execution, lanes: u32) -> Shared {
    let book = Shared::default();
    let entry = WorkerEntry::register(Arc::new(e.pool.segment()), None).expect("a worker entry");
    let lanes = entry.lanes(lanes, WaitStrategy::Park).expect("lanes");
    e.keep(entry);
    for (index, mut lane) in lanes.into_iter().enumerate() {
        let book = Rc::clone(&book);
        e.spawn(move || {
            while let Some(task) = lane.next(&STAY) {
                run(task, &book, index, |_| false);
            }
        });
    }
    book
}

fn close(e: &mut Execution) {
    let segment = e.pool.segment();
    segment.set_pool_state(PoolState::Closed);
    wait::wake_all_lanes(&segment);
    e.join();
}

fn loom_pool(scenario: &Scenario) -> Pool {
    scenario.tiny().pool()
}

/// Each client, a thread of its own, submits its tasks and waits for them.
fn loom(name: &'static str, scenario: &Scenario, bound: Option<usize>) {
    let own = scenario.clone();
    loom_engine::check(
        name,
        &loom_pool(scenario),
        bound,
        |_| (),
        move |e| {
            let book = start(e, own.lanes);
            let left = Rc::new(Cell::new(own.clients.len()));
            for (index, tasks) in (1..).zip(own.clients.iter().skip(1)) {
                let (segment, tasks, left) = (e.pool.segment(), tasks.clone(), Rc::clone(&left));
                e.spawn(move || {
                    submit_and_wait(segment, index, &tasks);
                    left.set(left.get() - 1);
                });
            }
            submit_and_wait(e.pool.segment(), 0, &own.clients[0]);
            left.set(left.get() - 1);
            while left.get() > 0 {
                crate::os::sync::retry();
            }
            close(e);
            let all: usize = own.clients.iter().map(Vec::len).sum();
            assert_eq!(book.borrow().runs.len(), all, "each has run");
            at_rest(&e.pool.segment());
        },
    );
}

fn submit_and_wait(segment: Segment, index: u64, tasks: &[Task]) {
    let client = Client::register(segment).expect("an entry");
    let mut tickets = Vec::new();
    for (number, task) in (1..).zip(tasks) {
        let id = 100 * (index + 1) + 10 * u64::from(task.key) + number;
        tickets.push(
            client
                .submit("model", &[0], &options(id, task))
                .expect("room"),
        );
    }
    for ticket in tickets {
        let outcome = ticket.wait(None).expect("no limit");
        assert!(matches!(outcome, Outcome::Completed { .. }), "{outcome:?}");
    }
}

#[test]
fn fast_loom_a_chain_and_one_lane() {
    let scenario = Scenario {
        lanes: 1,
        ..Scenario::of(&[&[task(1), task(1)]])
    };
    loom("key: a chain of 2, 1 lane", &scenario, Some(1));
}

#[test]
#[ignore = "long"]
fn long_loom_two_clients_and_two_lanes() {
    let scenario = Scenario::of(&[&[task(1)], &[task(1)]]);
    loom("key: 2 clients, 2 lanes", &scenario, Some(1));
}
