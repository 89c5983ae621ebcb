//! The crash model: after any prefix of any process's steps, the reaper and the others restore
//! every invariant of ARCHITECTURE section 2.
//!
//! Clients submit, wait, cancel and abandon; workers serve; a supervisor reaps, ticks, starts
//! successors of dead workers and closes the pool in the end. What is checked:
//! - every future of a living client ends exactly once, with the right answer, or with an end
//!   that its history allows; a task runs at most as often as its attempts, and never when its
//!   client was told that it did not run;
//! - undisturbed, no process sleeps while there is work for it; disturbed, the supervisor's ticks
//!   and a client's time-outs (never a lane's) bring all to its end;
//! - afterwards all slots, blocks, entries, lanes and locks are free, no bit of a lane is set,
//!   every ring takes and gives as many hints as it has cells.

mod check;
mod roles;
mod scenario;

use super::explore::{Limits, Mode, explore};
use super::sim::{Kind, Sim};
use check::{Ledger, check};
use roles::{client, supervisor, worker};
use scenario::{BOTH, DIES, SAFE, STOPS, Scenario, victims};
use std::rc::Rc;

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
fn fast_an_io_worker_dies_at_each_step() {
    let scenario = Scenario::io(victims(SAFE, DIES, SAFE));
    let limits = limits(1, 1, 0).switches(0);
    exhaust("crash: I/O worker", &scenario, limits);
}

#[test]
fn fast_an_io_worker_and_its_client_and_reaper_die_at_each_step() {
    let scenario = Scenario::io(victims(DIES, DIES, DIES));
    let limits = limits(0, 2, 0).switches(0);
    exhaust("crash: any two beside an I/O worker", &scenario, limits);
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
    // The second hint of a task that a dead lane held may fill a ring of 2 cells, so that none is
    // left for the task that its other lane ran: that one is the sweep's.
    let scenario = Scenario {
        sweeps: true,
        ..Scenario::lanes(victims(SAFE, DIES, SAFE))
    };
    let limits = limits(1, 1, 0).switches(0);
    exhaust("crash: worker of two lanes", &scenario, limits);
}

#[test]
fn fast_a_worker_of_several_claims_dies() {
    let scenario = Scenario::claims(victims(SAFE, DIES, SAFE));
    exhaust(
        "crash: worker of several claims",
        &scenario,
        limits(0, 1, 0),
    );
}

#[test]
#[ignore = "long"]
fn long_a_worker_of_several_claims_dies() {
    let scenario = Scenario::claims(victims(SAFE, DIES, SAFE));
    let limits = limits(1, 1, 0).switches(0);
    exhaust("crash: worker of several claims", &scenario, limits);
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
