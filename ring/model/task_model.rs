//! A task's life under loom: submit, claim, complete, cancel, expire, reap; with the sleep and the
//! wake of lane and poller wherever a side has nothing to do. A lost wake is a deadlock, which loom
//! reports; a request or result that is not seen whole is a race or a wrong value.

use super::loom_engine::{Execution, START_NS, check};
use super::pool::{Pool, Tiny};
use crate::client::{Client, Outcome, TaskOptions};
use crate::format::cause::Cause;
use crate::format::layout::*;
use crate::format::states::{LaneKind, PoolState};
use crate::lane::claimed::{Claimed, Failure};
use crate::lane::entry::WorkerEntry;
use crate::lane::search::Lane;
use crate::queue::arena;
use crate::queue::wait::{self, WaitStrategy};
use crate::reaper;
use crate::segment::Segment;
use crate::{Codec, Status};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Never set: the models' lanes leave by the pool's state or after their tasks.
static STAY: AtomicBool = AtomicBool::new(false);

/// A request that travels inline, and one that needs a block.
const SMALL: &[u8] = b"small";
const LARGE: &[u8] = &[7; 100];

fn answer(request: &[u8]) -> Vec<u8> {
    request.iter().map(|byte| byte ^ 0x55).collect()
}

fn done(request: &[u8]) -> Outcome {
    Outcome::Completed {
        codec: Codec::Bytes,
        bytes: answer(request),
    }
}

/// The lanes of a new worker process.
fn worker(pool: &Pool, lanes: u32, strategy: WaitStrategy) -> (WorkerEntry, Vec<Lane>) {
    let entry = WorkerEntry::register(Arc::new(pool.segment()), None).expect("a worker entry");
    let lanes = entry.lanes(lanes, strategy).expect("lanes");
    (entry, lanes)
}

/// Ends one task as a worker does.
fn run(task: Claimed<'_>, ran: &Cell<usize>) {
    let not_run = |status| Failure {
        status,
        not_run: true,
        code: "model",
        location: "",
        message: "",
    };
    if task.expired() {
        return task.fail(&not_run(Status::Expired));
    }
    if task.cancelled() {
        return task.fail(&not_run(Status::Cancelled));
    }
    assert_eq!(task.handler(), id_of("model"));
    let request = task.request().expect("a sound request").to_vec();
    assert!(request == SMALL || request == LARGE, "a request half seen");
    ran.set(ran.get() + 1);
    task.complete(&answer(&request), Codec::Bytes);
}

/// Runs tasks until the pool closes.
fn serve(lane: &mut Lane, ran: &Cell<usize>) {
    while let Some(task) = lane.next(&STAY) {
        run(task, ran);
    }
}

/// Starts a worker whose lanes serve until the pool closes; counts the handlers that ran.
fn start_worker(e: &mut Execution, lanes: u32, strategy: WaitStrategy) -> Rc<Cell<usize>> {
    let ran = Rc::new(Cell::new(0));
    let (entry, lanes) = worker(&e.pool, lanes, strategy);
    e.keep(entry);
    for mut lane in lanes {
        let ran = Rc::clone(&ran);
        e.spawn(move || serve(&mut lane, &ran));
    }
    ran
}

/// Closes the pool as the supervisor does, and waits for the lanes.
fn close(e: &mut Execution) {
    let segment = e.pool.segment();
    segment.set_pool_state(PoolState::Closed);
    wait::wake_all_lanes(&segment);
    e.join();
}

/// After all threads: no slot and no block is held.
fn assert_at_rest(segment: &Segment) {
    for slot in 0..segment.geometry().total_slots() {
        assert!(segment.word(slot).is_at_rest(), "slot {slot}");
    }
    assert!(arena::taken(segment).iter().all(|taken| *taken == 0));
}

/// Clears the entry of a client that is gone beside its running task, as the tick does, until
/// nothing of it is left; then the pool serves another client in it, and closes.
fn assert_entry_is_cleared(e: &mut Execution) {
    let segment = e.pool.segment();
    while !reaper::reap_client(&segment, 0) {
        crate::os::sync::retry();
    }
    let client = Client::register(e.pool.segment()).expect("its entry is free");
    let outcome = client.call("model", LARGE, &TaskOptions::default());
    assert_eq!(outcome.unwrap(), done(LARGE));
    close(e);
    drop(client);
    assert_at_rest(&segment);
}

fn twice() -> TaskOptions {
    TaskOptions {
        attempts: 2,
        ..TaskOptions::default()
    }
}

/// A client calls, one after the other; a worker of so many lanes serves.
fn calls(e: &mut Execution, lanes: u32, strategy: WaitStrategy, requests: &[&[u8]]) {
    let ran = start_worker(e, lanes, strategy);
    let client = Client::register(e.pool.segment()).unwrap();
    for request in requests {
        let outcome = client.call("model", request, &TaskOptions::default());
        assert_eq!(outcome.unwrap(), done(request));
    }
    close(e);
    assert_eq!(ran.get(), requests.len());
    drop(client);
    assert_at_rest(&e.pool.segment());
}

#[test]
fn fast_a_call_sleeps_and_wakes_on_both_sides() {
    let pool = Tiny::default().pool();
    check(
        "task: one call, parking lane",
        &pool,
        Some(3),
        |_| (),
        |e| {
            calls(e, 1, WaitStrategy::Park, &[SMALL]);
        },
    );
}

#[test]
fn fast_a_searching_lane_spares_the_wake_and_misses_nothing() {
    let pool = Tiny::default().pool();
    check(
        "task: one call, searching lane",
        &pool,
        Some(2),
        |_| (),
        |e| {
            calls(e, 1, WaitStrategy::Adaptive, &[SMALL]);
        },
    );
}

#[test]
fn fast_request_and_result_are_seen_whole_by_value() {
    let pool = Tiny::default()
        .pool()
        .by_value(SLOT_HANDLER, 8)
        .by_value(SLOT_REQUEST_PLACE, 8)
        .by_value(SLOT_RESULT_PLACE, 8);
    check(
        "task: one call, fields by value",
        &pool,
        Some(2),
        |_| (),
        |e| {
            calls(e, 1, WaitStrategy::Park, &[SMALL]);
        },
    );
}

#[test]
fn fast_blocks_carry_what_is_not_inline() {
    let pool = Tiny::default().pool();
    check(
        "task: one call with blocks",
        &pool,
        Some(2),
        |_| (),
        |e| {
            calls(e, 1, WaitStrategy::Park, &[LARGE]);
        },
    );
}

#[test]
fn fast_calls_reuse_slot_and_cells() {
    let pool = Tiny {
        injector: 1,
        completion: 1,
        ..Tiny::default()
    }
    .pool();
    check(
        "task: two calls, rings of 1 cell",
        &pool,
        Some(2),
        |_| (),
        |e| {
            calls(e, 1, WaitStrategy::Park, &[SMALL, LARGE]);
        },
    );
}

#[test]
fn fast_two_lanes_claim_a_task_once() {
    // One claims, or steals the hint that the other has taken; neither waits.
    check(
        "task: 2 lanes, one task",
        &two_lanes(),
        Some(3),
        |_| (),
        |e| {
            let (entry, lanes) = worker(&e.pool, 2, WaitStrategy::Park);
            e.keep(entry);
            let client = Client::register(e.pool.segment()).unwrap();
            let ticket = client
                .submit("model", SMALL, &TaskOptions::default())
                .unwrap();
            let claims = Rc::new(Cell::new(0));
            for mut lane in lanes {
                let claims = Rc::clone(&claims);
                e.spawn(move || {
                    if let Some((slot, word)) = lane.look() {
                        run(Claimed::new(&mut lane.core, slot, word), &claims);
                    }
                });
            }
            e.join();
            assert_eq!(claims.get(), 1, "claimed by none, or by both");
            assert_eq!(ticket.wait(None).unwrap(), done(SMALL));
        },
    );
}

#[test]
#[ignore = "long"]
fn long_two_lanes_claim_a_task_once() {
    let pool = two_lanes();
    check(
        "task: one call, 2 lanes",
        &pool,
        Some(1),
        |_| (),
        |e| {
            calls(e, 2, WaitStrategy::Adaptive, &[SMALL]);
        },
    );
}

fn two_lanes() -> Pool {
    Tiny {
        slots: 2,
        lanes: 2,
        ..Tiny::default()
    }
    .pool()
}

#[test]
fn fast_two_tasks_at_once_over_one_completion_cell() {
    let pool = Tiny {
        slots: 2,
        completion: 1,
        ..Tiny::default()
    }
    .pool();
    check(
        "task: two at once, completion ring of 1 cell",
        &pool,
        Some(2),
        |_| (),
        |e| {
            let ran = start_worker(e, 1, WaitStrategy::Park);
            let client = Client::register(e.pool.segment()).unwrap();
            let tickets =
                [SMALL, LARGE].map(|r| client.submit("model", r, &TaskOptions::default()).unwrap());
            // The second first: the first one's hint must make way.
            assert_eq!(tickets[1].wait(None).unwrap(), done(LARGE));
            assert_eq!(tickets[0].wait(None).unwrap(), done(SMALL));
            close(e);
            assert_eq!(ran.get(), 2);
            drop(tickets);
            assert_at_rest(&e.pool.segment());
        },
    );
}

#[test]
fn fast_cancel_meets_a_lane() {
    cancel("task: cancel", 3, false);
}

#[test]
fn fast_cancel_of_a_watched_task_meets_a_lane() {
    cancel("task: cancel of a watched task", 2, true);
}

fn cancel(name: &'static str, preemptions: usize, watched: bool) {
    let pool = Tiny::default().pool();
    check(
        name,
        &pool,
        Some(preemptions),
        |_| (),
        move |e| {
            let ran = start_worker(e, 1, WaitStrategy::Park);
            let client = Client::register(e.pool.segment()).unwrap();
            let ticket = client
                .submit_as("model", LARGE, &TaskOptions::default(), watched)
                .unwrap();
            let outcome = ticket.cancel();
            close(e);
            match outcome {
                Outcome::Cancelled {
                    may_have_run: false,
                } => assert_eq!(ran.get(), 0),
                Outcome::Cancelled { may_have_run: true } => {}
                other => {
                    assert_eq!(other, done(LARGE));
                    assert_eq!(ran.get(), 1);
                }
            }
            client.collect();
            drop(client);
            assert_at_rest(&e.pool.segment());
        },
    );
}

/// A task goes on without its lane; a thread sleeps on the bell of its worker. A cancel whose bell it
/// neither sees nor hears leaves it asleep.
#[test]
fn fast_a_cancel_rings_for_a_task_without_its_lane() {
    check(
        "task: the bell of a cancel",
        &two_lanes(),
        Some(3),
        |_| (),
        |e| {
            let client = Client::register(e.pool.segment()).unwrap();
            let ticket = client
                .submit("model", SMALL, &TaskOptions::default())
                .unwrap();
            let entry = WorkerEntry::register(Arc::new(e.pool.segment()), None).expect("an entry");
            let (mut lanes, shards) = entry
                .lanes_and_shards((LaneKind::Cpu, 1), 1, WaitStrategy::Park)
                .expect("a lane and a shard");
            e.keep(entry);
            let shard = Arc::clone(&shards[0]);
            let claim = lanes[0].next(&STAY).expect("the task").detach(&shard);
            e.spawn(move || {
                loop {
                    let seen = shard.bell();
                    if shard.is_cancelled(claim.slot(), claim.generation()) {
                        return drop(claim);
                    }
                    shard.wait_for_bell(seen, Duration::from_secs(1));
                }
            });
            let outcome = ticket.cancel();
            assert_eq!(outcome, Outcome::Cancelled { may_have_run: true });
            e.join();
            client.collect();
            drop((client, lanes, shards));
            assert_at_rest(&e.pool.segment());
        },
    );
}

/// Lanes of both kinds sleep. A wake that goes to the CPU lane leaves the task, and all that wait for
/// it, asleep; and a CPU lane that looks into the other's hands must leave what it finds there.
#[test]
fn fast_a_task_for_io_lanes_wakes_one_and_no_other_lane_runs_it() {
    kinds_of_lanes(1);
}

#[test]
#[ignore = "long"]
fn long_a_task_for_io_lanes_wakes_one_and_no_other_lane_runs_it() {
    kinds_of_lanes(2);
}

fn kinds_of_lanes(preemptions: usize) {
    let pool = Tiny {
        workers: 2,
        lanes: 2,
        io: true,
        ..Tiny::default()
    }
    .pool();
    check(
        "task: kinds of lanes",
        &pool,
        Some(preemptions),
        |_| (),
        |e| {
            let cpu = start_worker(e, 1, WaitStrategy::Park);
            let io = Rc::new(Cell::new(0));
            let entry = WorkerEntry::register(Arc::new(e.pool.segment()), None).expect("an entry");
            let lanes = entry.lane(LaneKind::Io, WaitStrategy::Park);
            e.keep(entry);
            for mut lane in lanes.expect("a lane") {
                let io = Rc::clone(&io);
                e.spawn(move || serve(&mut lane, &io));
            }
            let client = Client::register(e.pool.segment()).unwrap();
            let ticket = client
                .submit("model", SMALL, &TaskOptions::default())
                .unwrap();
            assert_eq!(ticket.wait(None).unwrap(), done(SMALL));
            close(e);
            assert_eq!((cpu.get(), io.get()), (0, 1));
            drop(ticket);
            drop(client);
            assert_at_rest(&e.pool.segment());
        },
    );
}

#[test]
fn fast_a_deadline_passes_in_the_queue_or_in_the_handler() {
    let pool = Tiny::default().pool();
    check(
        "task: expiry",
        &pool,
        Some(3),
        |_| (),
        |e| {
            let ran = start_worker(e, 1, WaitStrategy::Park);
            let client = Client::register(e.pool.segment()).unwrap();
            let options = TaskOptions {
                timeout: Some(Duration::from_millis(1)),
                ..TaskOptions::default()
            };
            let ticket = client.submit("model", SMALL, &options).unwrap();
            e.set_now(START_NS + 1_000_000);
            let outcome = ticket.wait(None).unwrap();
            close(e);
            match outcome {
                Outcome::TimedOut {
                    may_have_run: false,
                } => assert_eq!(ran.get(), 0),
                Outcome::TimedOut { may_have_run: true } => {}
                other => assert_eq!(other, done(SMALL)),
            }
            drop(ticket);
            client.collect();
            drop(client);
            assert_at_rest(&e.pool.segment());
        },
    );
}

/// A worker that claimed the task of `client` and died.
fn dead_worker(e: &mut Execution) {
    let (entry, mut lanes) = worker(&e.pool, 1, WaitStrategy::Park);
    let index = entry.index();
    let task = lanes[0].next(&STAY).expect("the task that was submitted");
    std::mem::forget(task);
    std::mem::forget(lanes);
    std::mem::forget(entry);
    e.kill_worker(index);
}

#[test]
fn fast_a_reaper_gives_a_task_its_second_attempt() {
    second_attempt(1);
}

#[test]
#[ignore = "long"]
fn long_a_reaper_gives_a_task_its_second_attempt() {
    second_attempt(2);
}

fn second_attempt(preemptions: usize) {
    let pool = Tiny {
        workers: 2,
        lanes: 2,
        ..Tiny::default()
    }
    .pool();
    check(
        "reap: a second attempt",
        &pool,
        Some(preemptions),
        |_| (),
        |e| {
            let client = Client::register(e.pool.segment()).unwrap();
            let ticket = client.submit("model", LARGE, &twice()).unwrap();
            dead_worker(e);
            let ran = start_worker(e, 1, WaitStrategy::Park);
            let segment = e.pool.segment();
            e.spawn(move || {
                let reaped = crate::testing::reap_worker(&segment, 0, Cause::Unknown);
                assert_eq!((reaped.requeued, reaped.crashed.len()), (1, 0));
            });
            assert_eq!(ticket.wait(None).unwrap(), done(LARGE));
            close(e);
            assert_eq!(ran.get(), 1);
            drop(ticket);
            drop(client);
            assert_at_rest(&e.pool.segment());
        },
    );
}

#[test]
fn fast_two_reapers_and_a_client_that_gives_up() {
    let pool = Tiny::default().pool();
    check(
        "reap: two reapers, cancel",
        &pool,
        Some(2),
        |_| (),
        |e| {
            let client = Client::register(e.pool.segment()).unwrap();
            let ticket = client
                .submit("model", LARGE, &TaskOptions::default())
                .unwrap();
            dead_worker(e);
            let crashes = Rc::new(Cell::new(0));
            for _ in 0..2 {
                let (segment, crashes) = (e.pool.segment(), Rc::clone(&crashes));
                e.spawn(move || {
                    let reaped = crate::testing::reap_worker(&segment, 0, Cause::signal(9));
                    crashes.set(crashes.get() + reaped.crashed.len());
                });
            }
            let outcome = ticket.cancel();
            e.join();
            assert_eq!(crashes.get(), 1);
            assert!(matches!(
                outcome,
                Outcome::Crashed {
                    cause: Cause::Killed { signal: 9, .. },
                    attempts: 1
                } | Outcome::Cancelled { may_have_run: true }
            ));
            client.collect();
            drop(client);
            assert_at_rest(&e.pool.segment());
            // Entry and lane are there for the next.
            drop(worker(&e.pool, 1, WaitStrategy::Park));
        },
    );
}

#[test]
fn fast_a_client_leaves_while_a_lane_runs_its_task() {
    let pool = Tiny::default().pool();
    check(
        "leave: a client with a task that runs",
        &pool,
        Some(1),
        |_| (),
        |e| {
            start_worker(e, 1, WaitStrategy::Park);
            let client = Client::register(e.pool.segment()).unwrap();
            let ticket = client
                .submit("model", LARGE, &TaskOptions::default())
                .unwrap();
            drop(ticket);
            drop(client);
            let left = e.pool.segment().client(0).word_acquire();
            assert!(!left.is_active(), "it has closed: {left:?}");
            assert_entry_is_cleared(e);
        },
    );
}

#[test]
fn fast_a_dead_client_is_cleared_while_a_lane_runs_its_task() {
    let pool = Tiny::default().pool();
    check(
        "reap: a dead client",
        &pool,
        Some(1),
        |_| (),
        |e| {
            start_worker(e, 1, WaitStrategy::Park);
            let client = Client::register(e.pool.segment()).unwrap();
            let ticket = client
                .submit("model", LARGE, &TaskOptions::default())
                .unwrap();
            std::mem::forget(ticket);
            std::mem::forget(client);
            e.kill_client(0);
            assert_entry_is_cleared(e);
        },
    );
}
