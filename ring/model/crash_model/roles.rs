//! The bodies of the processes: clients, workers, supervisors.

use super::check::{History, Ledger};
use super::scenario::{Act, LARGE, SMALL, Scenario, Task};
use crate::client::{Outcome, TaskOptions, Ticket};
use crate::error::RingError;
use crate::format::cause::Cause;
use crate::format::states::{LaneKind, PoolState};
use crate::lane::claimed::claim::Shard;
use crate::lane::claimed::{Claimed, Failure};
use crate::lane::entry::WorkerEntry;
use crate::lane::search::Lane;
use crate::model::processes::register;
use crate::model::sim::{Event, Kind, Sim};
use crate::queue::wait;
use crate::reaper::{self, DeadOwners, LostWakeCheck, Sweeper};
use crate::{Codec, Status};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

static STAY: AtomicBool = AtomicBool::new(false);

fn answer(request: &[u8]) -> Vec<u8> {
    request.iter().map(|byte| byte ^ 0x55).collect()
}

fn end(ledger: &Ledger, id: u64, outcome: Outcome) {
    let mut ledger = ledger.borrow_mut();
    let history = ledger.get_mut(&id).expect("submitted");
    assert!(history.outcome.is_none(), "a future ended twice");
    history.outcome = Some(outcome);
}

pub(super) fn client(sim: &Sim, index: u64, scenario: &Scenario, ledger: &Ledger) {
    let client = register(sim);
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
        // Of several at once only every second one is watched, so that lanes write hints, too.
        let watched = !scenario.at_once || number % 2 == 0;
        match client.submit_as("model", task.request, &options, watched) {
            Ok(ticket) => tickets.push((id, task, ticket)),
            Err(
                RingError::QueueFull
                | RingError::SlotsTaken { .. }
                | RingError::ArenaExhausted { .. },
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

fn settle(ledger: &Ledger, tickets: &mut Vec<(u64, &Task, Ticket<'_>)>) {
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

pub(super) fn worker(sim: &Sim, index: u32, scenario: &Scenario, ledger: &Ledger) {
    let segment = Arc::new(sim.pool.segment());
    let entry = loop {
        match WorkerEntry::register(Arc::clone(&segment), Some(index)) {
            Ok(entry) => break entry,
            // A second reaper may still hold the lock; a supervisor would start it again.
            Err(RingError::TableFull { .. }) if sim.disturbed() => crate::os::sync::retry(),
            Err(error) => panic!("{error}"),
        }
    };
    let count = scenario.tiny.lanes / scenario.tiny.workers;
    let lanes = match scenario.tiny.io {
        true => entry.lane(LaneKind::Io, scenario.strategy),
        false => entry.lanes(count, scenario.strategy),
    };
    let mut lanes = lanes.expect("its lanes are free");
    let mut first = lanes.remove(0);
    if scenario.detaches {
        let shard = Shard::new(lanes.remove(0));
        serve_by_claims(&mut first, &shard, ledger);
        drop((first, shard));
        return entry.leave();
    }
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
        crate::os::sync::retry();
    }
    entry.leave();
}

fn serve(lane: &mut Lane, ledger: &Ledger) {
    while let Some(task) = lane.next(&STAY) {
        run(task, ledger);
    }
}

/// Claims all that waits, up to two tasks, and ends them, the last one first.
fn serve_by_claims(lane: &mut Lane, shard: &Arc<Shard>, ledger: &Ledger) {
    let next = |lane: &mut Lane| lane.next(&STAY).map(|task| task.detach(shard));
    while let Some(claim) = next(lane) {
        let mut open = vec![claim];
        open.extend(lane.try_next().map(|task| task.detach(shard)));
        while let Some(mut claim) = open.pop() {
            claim.step(|task| {
                note_run(task, ledger);
                let request = task.request().expect("a sound request").to_vec();
                task.complete_request(&answer(&request), Codec::Bytes);
            });
        }
    }
}

fn run(task: Claimed<'_>, ledger: &Ledger) {
    if task.cancelled() {
        return task.fail(&Failure {
            status: Status::Cancelled,
            not_run: true,
            code: "model",
            location: "",
            message: "",
        });
    }
    note_run(&task, ledger);
    let request = task.request().expect("a sound request").to_vec();
    task.complete(&answer(&request), Codec::Bytes);
}

fn note_run(task: &Claimed<'_>, ledger: &Ledger) {
    let request = task.request().expect("a sound request");
    assert!(request == SMALL || request == LARGE, "a request half seen");
    // A step of its own: no other may meet the ledger while it is borrowed.
    let id = task.task_id();
    {
        let mut ledger = ledger.borrow_mut();
        let history = ledger.get_mut(&id).expect("a task that somebody submitted");
        history.runs += 1;
        assert!(
            history.runs <= history.attempts.into(),
            "run more often than allowed"
        );
        assert!(task.attempt().0 >= history.runs, "an attempt was run twice");
    }
}

pub(super) fn supervisor(sim: &Sim, scenario: &Scenario) {
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
        for worker in 0..scenario.tiny.workers {
            let free = segment.worker(worker).word_acquire().is_free();
            // No step between this look and the start: two supervisors may be here.
            if free && sim.worker_is_dead(worker) {
                sim.restart_worker(worker);
            }
        }
        match event {
            Event::Death => {}
            Event::Tick => {
                lost_wakes.look(&segment);
                if scenario.sweeps {
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
