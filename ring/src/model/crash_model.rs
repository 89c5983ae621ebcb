//! The crash model: after any prefix of any process's steps, the reaper and the others restore
//! every invariant of ARCHITECTURE section 2.
//!
//! Clients submit, wait, cancel and abandon; workers serve; a supervisor reaps, ticks, starts
//! successors of dead workers and closes the pool in the end. What is checked:
//! - every future of a living client ends exactly once, with the right answer, or with an end
//!   that its history allows; a task runs at most as often as its attempts, and never when its
//!   client was told that it did not run;
//! - undisturbed, nobody sleeps while there is work for it; disturbed, the supervisor's ticks and a
//!   client's time-outs (never a lane's) bring all to its end;
//! - afterwards all slots, blocks, entries, lanes and locks are free, no bit of a lane is set, every ring
//!   takes and gives as many hints as it has cells.

use super::explore::{Event, Hazards, Kind, Limits, Mode, Sim, explore};
use super::pool::{Pool, Tiny};
use crate::arena;
use crate::client::{Client, Outcome, TaskOptions};
use crate::entry::{WorkerEntry, entry_state};
use crate::error::RingError;
use crate::hint_ring::{Full, HintRing};
use crate::lane::Lane;
use crate::layout::*;
use crate::reap::{self, Mourner, Rouser, Sweeper};
use crate::state;
use crate::sync::Ordering;
use crate::task::{Claimed, Failure};
use crate::wait::{self, WaitStrategy};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

static STAY: AtomicBool = AtomicBool::new(false);

const SMALL: &[u8] = b"small";
const LARGE: &[u8] = &[7; 100];

/// What a client does with a task, once it is submitted.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Waits for it.
    Wait,
    /// Cancels it.
    Cancel,
    /// Drops its ticket.
    Abandon,
}

#[derive(Debug, Clone, Copy)]
struct Task {
    act: Act,
    request: &'static [u8],
    attempts: u8,
}

const fn wait(request: &'static [u8], attempts: u8) -> Task {
    Task {
        act: Act::Wait,
        request,
        attempts,
    }
}

/// A scenario: what each client does, and who may die.
#[derive(Debug, Clone)]
struct Scenario {
    tiny: Tiny,
    clients: Vec<Vec<Task>>,
    /// All tasks of a client are submitted before the first is waited for.
    at_once: bool,
    /// Whether the supervisor sweeps: without it the reaper alone must restore every hint.
    sweeps: bool,
    supervisors: u32,
    strategy: WaitStrategy,
    victims: Victims,
}

/// What may happen to each kind of process.
#[derive(Debug, Clone, Copy, Default)]
struct Victims {
    client: Hazards,
    worker: Hazards,
    supervisor: Hazards,
}

const SAFE: Hazards = Hazards {
    dies: false,
    stops: false,
};
const DIES: Hazards = Hazards {
    dies: true,
    stops: false,
};
const STOPS: Hazards = Hazards {
    dies: false,
    stops: true,
};
const BOTH: Hazards = Hazards {
    dies: true,
    stops: true,
};

const fn victims(client: Hazards, worker: Hazards, supervisor: Hazards) -> Victims {
    Victims {
        client,
        worker,
        supervisor,
    }
}

impl Scenario {
    /// One client with one task, one worker of one lane, one supervisor.
    fn small(victims: Victims) -> Self {
        Self {
            tiny: Tiny::default(),
            clients: vec![vec![wait(LARGE, 2)]],
            supervisors: 1,
            at_once: false,
            sweeps: false,
            strategy: WaitStrategy::Park,
            victims,
        }
    }

    /// A client that cancels, abandons and waits.
    fn fickle(victims: Victims) -> Self {
        let task = |act, request| Task {
            act,
            request,
            attempts: 1,
        };
        Self {
            clients: vec![vec![
                task(Act::Cancel, LARGE),
                task(Act::Wait, LARGE),
                task(Act::Abandon, SMALL),
            ]],
            tiny: Tiny {
                slots: 2,
                ..Tiny::default()
            },
            ..Self::small(victims)
        }
    }

    /// Two tasks at once, and fewer cells than they could use.
    fn crowded(victims: Victims) -> Self {
        Self {
            tiny: Tiny {
                slots: 2,
                injector: 2,
                completion: 1,
                blocks: 3,
                ..Tiny::default()
            },
            clients: vec![vec![wait(LARGE, 1), wait(LARGE, 2)]],
            at_once: true,
            ..Self::small(victims)
        }
    }

    /// Two clients one after the other in one entry: the second needs what the first leaves.
    fn successor(victims: Victims) -> Self {
        Self {
            clients: vec![vec![wait(LARGE, 1)], vec![wait(LARGE, 1)]],
            ..Self::small(victims)
        }
    }

    /// Two lanes in one worker, two tasks at once.
    fn lanes(victims: Victims) -> Self {
        Self {
            tiny: Tiny {
                slots: 2,
                lanes: 2,
                blocks: 3,
                ..Tiny::default()
            },
            clients: vec![vec![wait(SMALL, 2), wait(SMALL, 2)]],
            at_once: true,
            ..Self::small(victims)
        }
    }

    /// Several of everything.
    fn large(victims: Victims) -> Self {
        let task = |act, request, attempts| Task {
            act,
            request,
            attempts,
        };
        let tasks = vec![
            task(Act::Wait, LARGE, 3),
            task(Act::Cancel, SMALL, 1),
            task(Act::Wait, SMALL, 1),
            task(Act::Abandon, LARGE, 2),
            task(Act::Wait, LARGE, 2),
        ];
        Self {
            tiny: Tiny {
                clients: 2,
                slots: 3,
                workers: 2,
                lanes: 4,
                injector: 4,
                completion: 2,
                blocks: 4,
            },
            clients: vec![tasks.clone(), tasks.clone(), tasks],
            supervisors: 2,
            at_once: true,
            sweeps: true,
            strategy: WaitStrategy::Adaptive,
            victims,
        }
    }
}

/// What happened to a task.
#[derive(Debug, Default)]
struct History {
    attempts: u8,
    runs: u32,
    outcome: Option<Outcome>,
    submitted: bool,
}

type Ledger = Rc<RefCell<BTreeMap<u64, History>>>;

fn answer(request: &[u8]) -> Vec<u8> {
    request.iter().map(|byte| byte ^ 0x55).collect()
}

fn end(ledger: &Ledger, id: u64, outcome: Outcome) {
    let mut ledger = ledger.borrow_mut();
    let history = ledger.get_mut(&id).expect("submitted");
    assert!(history.outcome.is_none(), "a future ended twice");
    history.outcome = Some(outcome);
}

fn client(sim: &Sim, index: u64, scenario: &Scenario, ledger: &Ledger) {
    let client = loop {
        match Client::register(sim.pool.segment()) {
            Ok(client) => break client,
            // Another has the entry, or had it and is not reaped yet.
            Err(RingError::TableFull { .. }) => crate::sync::retry(),
            Err(error) => panic!("{error}"),
        }
    };
    let tasks = &scenario.clients[index as usize];
    let mut tickets = Vec::new();
    for (number, task) in tasks.iter().enumerate() {
        let id = 100 * (index + 1) + number as u64;
        let options = TaskOptions {
            attempts: task.attempts,
            task_id: id,
            ..TaskOptions::default()
        };
        ledger.borrow_mut().insert(
            id,
            History {
                attempts: task.attempts,
                ..History::default()
            },
        );
        match client.submit("model", task.request, &options) {
            Ok(ticket) => tickets.push((id, task, ticket)),
            Err(
                RingError::QueueFull | RingError::SlotsTaken(_) | RingError::ArenaExhausted { .. },
            ) => {
                continue;
            }
            Err(error) => panic!("{error}"),
        }
        ledger
            .borrow_mut()
            .get_mut(&id)
            .expect("just put")
            .submitted = true;
        if !scenario.at_once {
            settle(ledger, &mut tickets);
        }
    }
    settle(ledger, &mut tickets);
    drop(tickets);
    drop(client);
}

fn settle(ledger: &Ledger, tickets: &mut Vec<(u64, &Task, crate::client::Ticket<'_>)>) {
    for (id, task, ticket) in tickets.drain(..) {
        match task.act {
            Act::Wait => {
                let outcome = ticket.wait(None).expect("no limit was given");
                if let Outcome::Completed { bytes, .. } = &outcome {
                    assert_eq!(*bytes, answer(task.request), "the answer of another task");
                }
                end(ledger, id, outcome);
            }
            Act::Cancel => end(ledger, id, ticket.cancel()),
            Act::Abandon => drop(ticket),
        }
    }
}

fn worker(sim: &Sim, index: u32, scenario: &Scenario, ledger: &Ledger) {
    let segment = Arc::new(sim.pool.segment());
    let entry = loop {
        match WorkerEntry::register(Arc::clone(&segment), Some(index)) {
            Ok(entry) => break entry,
            // A second reaper may still hold the lock; a supervisor would start it again.
            Err(RingError::TableFull { .. }) if sim.disturbed() => crate::sync::retry(),
            Err(error) => panic!("{error}"),
        }
    };
    let count = scenario.tiny.lanes / scenario.tiny.workers;
    let mut lanes = entry
        .lanes(count, scenario.strategy)
        .expect("its lanes are free");
    let mut first = lanes.remove(0);
    let left = Rc::new(RefCell::new(0));
    for (number, lane) in lanes.into_iter().enumerate() {
        let (lane, ledger, left) = (
            RefCell::new(Some(lane)),
            Rc::clone(ledger),
            Rc::clone(&left),
        );
        *left.borrow_mut() += 1;
        sim.spawn(
            &format!("worker {index}.{}", number + 1),
            Kind::Worker(index),
            scenario.victims.worker,
            Rc::new(move |_| {
                let mut lane = lane.borrow_mut().take().expect("runs once");
                serve(&mut lane, &ledger);
                drop(lane);
                *left.borrow_mut() -= 1;
            }),
        );
    }
    serve(&mut first, ledger);
    drop(first);
    while *left.borrow() > 0 {
        crate::sync::retry();
    }
    entry.leave();
}

fn serve(lane: &mut Lane, ledger: &Ledger) {
    while let Some(task) = lane.next(&STAY) {
        run(task, ledger);
    }
}

fn run(task: Claimed<'_>, ledger: &Ledger) {
    if task.cancelled() {
        return task.fail(&Failure {
            status: STATUS_CANCELLED,
            not_run: true,
            code: "model",
            location: "",
            message: "",
        });
    }
    let request = task.request().expect("a sound request").to_vec();
    assert!(request == SMALL || request == LARGE, "a request half seen");
    {
        let mut ledger = ledger.borrow_mut();
        let history = ledger
            .get_mut(&task.task_id())
            .expect("a task that somebody submitted");
        history.runs += 1;
        assert!(
            history.runs <= history.attempts.into(),
            "run more often than allowed"
        );
        assert!(task.attempt().0 >= history.runs, "an attempt was run twice");
    }
    task.complete(&answer(&request), CODEC_BYTES as u8);
}

fn supervisor(sim: &Sim, scenario: &Scenario) {
    let segment = sim.pool.segment();
    let mourner = Mourner::new(&segment).expect("no files here");
    let (mut rouser, mut sweeper) = (Rouser::default(), Sweeper::default());
    loop {
        let event = sim.wait_event();
        for worker in mourner.dead_workers(&segment) {
            reap::reap_worker(&segment, worker, CAUSE_UNKNOWN as u16);
        }
        for client in mourner.dead_clients(&segment) {
            reap::reap_client(&segment, client);
        }
        for worker in 0..scenario.tiny.workers {
            let word = segment.u64_at(segment.worker_at(worker) + WORKER_WORD);
            let free = entry_state(word.load(Ordering::Acquire)) == ENTRY_FREE;
            // No step between this look and the start: two supervisors may be here.
            if free && sim.worker_is_dead(worker) {
                sim.restart_worker(worker);
            }
        }
        match event {
            Event::Death => {}
            Event::Tick => {
                rouser.look(&segment);
                if scenario.sweeps {
                    sweeper.sweep(&segment, crate::clock::now_ns());
                }
            }
            Event::Close => {
                segment.set_pool_state(POOL_CLOSED);
                wait::wake_all_lanes(&segment);
            }
            Event::Exit => return,
        }
    }
}

fn check_ring(ring: HintRing<'_>, cells: u32) {
    while ring.dequeue().is_some() {}
    for hint in 0..cells {
        assert_eq!(ring.enqueue(hint), Ok(()), "a ring is wedged");
    }
    assert_eq!(
        ring.enqueue(cells),
        Err(Full),
        "a ring takes more than it has cells"
    );
    for hint in 0..cells {
        assert_eq!(ring.dequeue(), Some(hint), "a ring lost a hint");
    }
    assert_eq!(ring.dequeue(), None);
}

/// Everything is free, and can be used again.
fn check(pool: &Pool, tiny: Tiny, ledger: &Ledger) {
    let segment = pool.segment();
    for slot in 0..segment.geometry().total_slots() {
        assert_eq!(
            segment.word(slot).kind(),
            state::Kind::Free,
            "slot {slot} leaked"
        );
    }
    assert_eq!(arena::taken(&segment), [0], "a block leaked");
    let entry = |at: usize| entry_state(segment.u64_at(at).load(Ordering::Relaxed));
    for index in 0..tiny.clients {
        assert_eq!(
            entry(segment.client_at(index) + CLIENT_WORD),
            ENTRY_FREE,
            "client {index}"
        );
        check_ring(segment.completion_ring(index), tiny.completion);
    }
    for index in 0..tiny.workers {
        assert_eq!(
            entry(segment.worker_at(index) + WORKER_WORD),
            ENTRY_FREE,
            "worker {index}"
        );
    }
    for index in 0..tiny.lanes {
        assert_eq!(
            entry(segment.lane_at(index) + LANE_WORD),
            ENTRY_FREE,
            "lane {index}"
        );
    }
    for mask in [H_IDLE, H_SEARCHING] {
        assert_eq!(
            segment.u64_at(mask).load(Ordering::Relaxed),
            0,
            "a lane's bit is left"
        );
    }
    check_ring(segment.injector(0), tiny.injector);
    for (id, history) in &*ledger.borrow() {
        check_history(*id, history);
    }
}

fn check_history(id: u64, history: &History) {
    let attempts = u32::from(history.attempts);
    match &history.outcome {
        None => {}
        Some(Outcome::Completed { .. }) => assert!(history.runs >= 1, "task {id}: {history:?}"),
        Some(
            Outcome::Cancelled {
                may_have_run: false,
            }
            | Outcome::TimedOut {
                may_have_run: false,
            },
        ) => {
            assert_eq!(
                history.runs, 0,
                "task {id} was said not to have run: {history:?}"
            );
        }
        Some(Outcome::Crashed { attempts: made, .. }) => {
            assert_eq!(*made, attempts, "task {id}: {history:?}");
        }
        Some(Outcome::Cancelled { .. } | Outcome::TimedOut { .. }) => {}
        Some(Outcome::Failed {
            status: STATUS_ARENA_EXHAUSTED,
            ..
        }) => {
            assert!(history.runs >= 1, "task {id}: {history:?}");
        }
        Some(Outcome::Failed { .. } | Outcome::Closed { .. }) => {
            panic!("task {id} ended without a cause: {history:?}")
        }
    }
    if !history.submitted && history.outcome.is_none() {
        // Rejected, or its client died before it knew. A rejected one did not run, but a dead
        // client's may have.
    }
}

/// Explores a scenario.
fn crash(name: &str, scenario: &Scenario, limits: Limits, mode: Mode) {
    let pool = scenario.tiny.pool();
    let ledger = Ledger::default();
    let (for_setup, for_check) = (Rc::clone(&ledger), Rc::clone(&ledger));
    let scenario = Rc::new(scenario.clone());
    let tiny = scenario.tiny;
    explore(
        name,
        &pool,
        limits,
        mode,
        move |sim| {
            for_setup.borrow_mut().clear();
            for index in 0..scenario.clients.len() {
                let (scenario, ledger) = (Rc::clone(&scenario), Rc::clone(&for_setup));
                let hazards = scenario.victims.client;
                let body = move |sim: &Sim| client(sim, index as u64, &scenario, &ledger);
                sim.spawn(
                    &format!("client {index}"),
                    Kind::Client,
                    hazards,
                    Rc::new(body),
                );
            }
            for index in 0..scenario.tiny.workers {
                let (scenario, ledger) = (Rc::clone(&scenario), Rc::clone(&for_setup));
                let (kind, hazards) = (Kind::Worker(index), scenario.victims.worker);
                let body = move |sim: &Sim| worker(sim, index, &scenario, &ledger);
                sim.spawn(&format!("worker {index}"), kind, hazards, Rc::new(body));
            }
            for index in 0..scenario.supervisors {
                let (kind, hazards) = (Kind::Supervisor, scenario.victims.supervisor);
                // One that stops and one that goes on show all that two of the kind would.
                let hazards = if index == 0 || hazards.dies {
                    hazards
                } else {
                    SAFE
                };
                let scenario = Rc::clone(&scenario);
                let body = move |sim: &Sim| supervisor(sim, &scenario);
                sim.spawn(&format!("reaper {index}"), kind, hazards, Rc::new(body));
            }
        },
        move |sim| check(&sim.pool, tiny, &for_check),
    );
}

const fn limits(preemptions: u32, crashes: u32, pauses: u32) -> Limits {
    Limits {
        preemptions,
        switches: 2,
        crashes,
        pauses,
        same_twice: false,
    }
}

/// Explores every execution within the limits.
fn exhaust(name: &str, scenario: &Scenario, limits: Limits) {
    crash(name, scenario, limits, Mode::Exhaustive);
}

#[test]
fn fast_undisturbed() {
    let scenario = Scenario::small(victims(SAFE, SAFE, SAFE));
    exhaust("crash: undisturbed", &scenario, limits(2, 0, 0));
}

#[test]
fn fast_a_client_dies_at_each_step() {
    let scenario = Scenario::small(victims(DIES, SAFE, SAFE));
    exhaust("crash: client", &scenario, limits(1, 1, 0));
}

#[test]
fn fast_a_worker_dies_at_each_step() {
    let scenario = Scenario::small(victims(SAFE, DIES, SAFE));
    let limits = limits(1, 1, 0).switches(0);
    exhaust("crash: worker", &scenario, limits);
}

#[test]
#[ignore = "long"]
fn long_a_worker_dies_at_each_step() {
    let scenario = Scenario::small(victims(SAFE, DIES, SAFE));
    exhaust("crash: worker", &scenario, limits(1, 1, 0));
}

#[test]
fn fast_a_worker_and_its_reaper_die_at_each_step() {
    let scenario = Scenario::small(victims(SAFE, DIES, DIES));
    let limits = limits(0, 2, 0).switches(0);
    exhaust("crash: worker and reaper", &scenario, limits);
}

#[test]
#[ignore = "long"]
fn long_a_worker_and_its_reapers_die_at_each_step() {
    let scenario = Scenario::small(victims(SAFE, DIES, DIES));
    let limits = Limits {
        same_twice: true,
        ..limits(0, 2, 0)
    };
    exhaust("crash: any two of worker and reaper", &scenario, limits);
}

#[test]
fn fast_any_is_stopped_for_long() {
    let scenario = Scenario::small(victims(STOPS, STOPS, STOPS));
    let limits = limits(1, 0, 1).switches(0);
    exhaust("crash: a pause", &scenario, limits);
}

#[test]
#[ignore = "long"]
fn long_any_is_stopped_and_any_dies() {
    let scenario = Scenario::small(victims(BOTH, BOTH, BOTH));
    exhaust("crash: a pause and a death", &scenario, limits(0, 1, 1));
}

#[test]
fn fast_a_reaper_is_stopped_and_another_passes() {
    paused_reaper(0);
}

#[test]
#[ignore = "long"]
fn long_a_reaper_is_stopped_and_another_passes() {
    paused_reaper(1);
}

fn paused_reaper(switches: u32) {
    let scenario = Scenario {
        supervisors: 2,
        ..Scenario::small(victims(SAFE, DIES, STOPS))
    };
    let limits = limits(0, 1, 1).switches(switches);
    exhaust("crash: worker, paused reaper", &scenario, limits);
}

#[test]
fn fast_a_dead_client_leaves_room_for_the_next() {
    next_client(0);
}

#[test]
#[ignore = "long"]
fn long_a_dead_client_leaves_room_for_the_next() {
    next_client(1);
}

fn next_client(switches: u32) {
    let scenario = Scenario {
        supervisors: 2,
        ..Scenario::successor(victims(DIES, SAFE, STOPS))
    };
    let limits = limits(0, 1, 1).switches(switches);
    exhaust(
        "crash: client, paused reaper, next client",
        &scenario,
        limits,
    );
}

#[test]
fn fast_a_fickle_client() {
    let scenario = Scenario::fickle(victims(DIES, DIES, SAFE));
    exhaust("crash: cancel, abandon, wait", &scenario, limits(0, 1, 0));
}

#[test]
fn fast_a_fickle_client_interleaved() {
    let scenario = Scenario::fickle(victims(SAFE, SAFE, SAFE));
    exhaust(
        "crash: cancel, abandon, wait, undisturbed",
        &scenario,
        limits(2, 0, 0).switches(0),
    );
}

#[test]
#[ignore = "long"]
fn long_a_fickle_client() {
    let scenario = Scenario::fickle(victims(DIES, DIES, SAFE));
    exhaust("crash: cancel, abandon, wait", &scenario, limits(1, 1, 0));
}

#[test]
fn fast_two_tasks_in_few_cells() {
    let scenario = Scenario::crowded(victims(DIES, DIES, SAFE));
    exhaust("crash: two tasks, few cells", &scenario, limits(0, 1, 0));
}

#[test]
fn fast_two_tasks_in_few_cells_interleaved() {
    let scenario = Scenario::crowded(victims(SAFE, SAFE, SAFE));
    exhaust(
        "crash: two tasks, few cells, undisturbed",
        &scenario,
        limits(1, 0, 0),
    );
}

#[test]
#[ignore = "long"]
fn long_two_tasks_in_few_cells_interleaved() {
    let scenario = Scenario::crowded(victims(SAFE, SAFE, SAFE));
    exhaust(
        "crash: two tasks, few cells, undisturbed",
        &scenario,
        limits(2, 0, 0),
    );
}

#[test]
fn fast_a_worker_of_two_lanes_dies() {
    let scenario = Scenario::lanes(victims(SAFE, DIES, SAFE));
    exhaust("crash: worker of two lanes", &scenario, limits(0, 1, 0));
}

#[test]
#[ignore = "long"]
fn long_a_worker_of_two_lanes_dies() {
    let scenario = Scenario::lanes(victims(SAFE, DIES, SAFE));
    let limits = limits(1, 1, 0).switches(0);
    exhaust("crash: worker of two lanes", &scenario, limits);
}

#[test]
fn fast_a_large_pool_at_random() {
    large(2_000, 1);
}

#[test]
#[ignore = "long"]
fn long_a_large_pool_at_random() {
    large(200_000, 1_000_000);
}

fn large(runs: u64, seed: u64) {
    let scenario = Scenario::large(victims(BOTH, BOTH, BOTH));
    let limits = Limits {
        same_twice: true,
        ..limits(30, 3, 2).switches(1000)
    };
    let mode = Mode::Random {
        runs,
        seed,
        rarity: 40,
    };
    crash("crash: large", &scenario, limits, mode);
}
