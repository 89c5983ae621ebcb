//! Lanes, clients and the reaper together, in one process: a worker "dies" by
//! dropping its entry, which releases its lock as the kernel would.

mod common;

use common::Pool;
use ringwork_ring::client::{Client, Outcome, TaskOptions};
use ringwork_ring::format::layout::*;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::queue::arena;
use ringwork_ring::reaper::{DeadOwners, LostWakeCheck, Sweeper, reap_client};
use ringwork_ring::testing::{RawWords, reap_worker};
use ringwork_ring::{ArenaClass, Failure, Lane, RingError, Segment};
use ringwork_ring::{Cause, Codec, Status};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn pool() -> Pool {
    Pool::new(2, vec![ArenaClass::new(256, 8), ArenaClass::new(4096, 4)])
}

impl Pool {
    /// Waits until a lane has found nothing and goes to sleep: one that only has set its idle bit
    /// looks once more, and takes a task that comes then without a wake.
    fn until_asleep(&self, lane: u32) {
        let parked = self.segment.lane(lane).counter(LaneCounter::Parked);
        while parked.get_acquire() == 0 {
            std::thread::yield_now();
        }
    }

    fn assert_nothing_held(&self) {
        assert_eq!(arena::taken(&self.segment), [0, 0]);
        for slot in 0..self.segment.geometry().total_slots() {
            assert!(self.segment.word(slot).is_at_rest(), "slot {slot}");
        }
    }
}

fn echo_until(lane: &mut Lane, leave: &AtomicBool) {
    while let Some(mut claimed) = lane.next(leave) {
        let len = claimed.request().unwrap().len();
        match claimed.request_and_reserve(len) {
            Ok((request, room)) => {
                room.copy_from_slice(request);
                claimed.finish(len, Codec::Bytes);
            }
            Err(error) => claimed.fail_to_answer(&error),
        }
    }
}

/// Runs `client_side` against one echoing lane.
fn with_echo(pool: &Pool, client_side: impl FnOnce(&Client)) {
    let (entry, mut lane) = pool.worker();
    let leave = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stop = StopOnDrop(&leave, &pool.segment);
        scope.spawn(|| echo_until(&mut lane, &leave));
        client_side(&pool.client());
        drop(stop);
    });
    drop(lane);
    entry.leave();
    pool.assert_nothing_held();
}

struct StopOnDrop<'a>(&'a AtomicBool, &'a Segment);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        ringwork_ring::queue::wait::wake_all_lanes(self.1);
    }
}

fn completed(outcome: Outcome) -> Vec<u8> {
    match outcome {
        Outcome::Completed { bytes, .. } => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn payloads_of_all_sizes_come_back() {
    with_echo(&pool(), |client| {
        for size in [0, 1, 63, 64, 65, 255, 256, 257, 4095, 4096] {
            let request: Vec<u8> = (0..size).map(|i| i as u8).collect();
            let outcome = client
                .call("echo", &request, &TaskOptions::default())
                .unwrap();
            assert_eq!(completed(outcome), request, "{size} bytes");
        }
        let error = client
            .call("echo", &[0; 4097], &TaskOptions::default())
            .unwrap_err();
        assert!(matches!(
            error,
            RingError::TooLarge {
                size: 4097,
                largest: 4096,
                ..
            }
        ));
    });
}

#[test]
fn many_threads_share_a_client() {
    with_echo(&pool(), |client| {
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                scope.spawn(move || {
                    for i in 0..2_000_u64 {
                        let request = [thread.to_le_bytes(), i.to_le_bytes()].concat();
                        let outcome = client
                            .call("echo", &request, &TaskOptions::default())
                            .unwrap();
                        assert_eq!(completed(outcome), request);
                    }
                });
            }
        });
    });
}

#[test]
fn all_slots_taken_is_an_error_and_loses_nothing() {
    let pool = pool();
    let client = pool.client();
    let mut tickets: Vec<_> = (0..15)
        .map(|_| client.submit("x", b"", &TaskOptions::default()).unwrap())
        .collect();
    // The last sixteenth is kept for the most urgent.
    for priority in [1, 2] {
        let options = TaskOptions::default().priority(priority);
        let full = client.submit("x", b"", &options).unwrap_err();
        assert!(matches!(full, RingError::SlotsTaken { slots: 16, kept: 1 }));
        assert!(full.to_string().contains("kept for priority 0"), "{full}");
    }
    let urgent = TaskOptions::default().priority(0);
    tickets.push(client.submit("x", b"", &urgent).unwrap());
    let full = client.submit("x", b"", &urgent);
    assert!(matches!(
        full,
        Err(RingError::SlotsTaken { slots: 16, kept: 0 })
    ));
    for ticket in tickets {
        assert_eq!(
            ticket.cancel(),
            Outcome::Cancelled {
                may_have_run: false
            }
        );
    }
    assert_eq!(
        client.call("x", b"", &soon()).unwrap(),
        Outcome::TimedOut {
            may_have_run: false
        }
    );
    client.collect(); // on a busy machine the deadline of the call passes before it looks
    pool.assert_nothing_held();
}

#[test]
fn tasks_that_nobody_waits_for_do_not_use_up_the_slots() {
    with_echo(&pool(), |client| {
        // Their tickets are dropped at once; only submits follow.
        for round in 0..100_u32 {
            let request = round.to_le_bytes().repeat(50);
            loop {
                match client.submit("echo", &request, &TaskOptions::default()) {
                    Ok(ticket) => break drop(ticket),
                    Err(RingError::SlotsTaken { .. } | RingError::ArenaExhausted { .. }) => {
                        std::thread::yield_now();
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
        let last = client.call("echo", b"last", &TaskOptions::default());
        assert_eq!(completed(last.unwrap()), b"last");
    });
}

/// The count follows the slot: a task that was given up while it runs counts until its lane is
/// done with it, and its result until the ticket has taken it.
#[test]
fn tasks_in_flight_have_a_limit_of_their_own() {
    let pool = pool();
    let client = pool.client();
    let two = TaskOptions::default().max_in_flight(2);
    let refused = || {
        let error = client.submit("x", b"", &two).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, RingError::TooManyInFlight { max: 2, .. }));
        assert!(
            text.contains("x are") && text.contains("max_in_flight"),
            "{text}"
        );
    };
    let (_worker, mut lane) = pool.worker();
    let runs = client.submit("x", b"", &two).unwrap();
    let task = lane.try_next().unwrap();
    let queued = client.submit("x", b"", &two).unwrap();
    refused();
    assert_eq!(runs.cancel(), Outcome::Cancelled { may_have_run: true });
    refused();
    drop(queued.cancel());
    let queued = client.submit("x", b"", &two).unwrap();
    refused();
    // Others are not held up by it.
    drop(client.submit("y", b"", &two).unwrap().cancel());
    drop(
        client
            .submit("x", b"", &TaskOptions::default())
            .unwrap()
            .cancel(),
    );
    task.complete(b"", Codec::Bytes);
    let ran = client.submit("x", b"", &two).unwrap();
    refused();
    while let Some(task) = lane.try_next() {
        task.complete(b"", Codec::Bytes);
    }
    client.collect();
    refused(); // both results wait for their tickets
    completed(queued.wait(None).unwrap());
    let broken = client.submit("x", &[0; 8 << 20], &two).unwrap_err();
    assert!(matches!(broken, RingError::TooLarge { .. }), "{broken}");
    let last = client.submit("x", b"", &two).unwrap();
    refused();
    drop(last.cancel());
    drop(ran);
    let both = [
        client.submit("x", b"", &two).unwrap(),
        client.submit("x", b"", &two).unwrap(),
    ];
    refused();
    drop(both);
    drop(lane);
}

fn soon() -> TaskOptions {
    TaskOptions::default().timeout(Duration::from_millis(1))
}

#[test]
fn requests_that_exhaust_the_arena_are_refused() {
    let pool = pool();
    let client = pool.client();
    let big = [7; 4000];
    let tickets: Vec<_> = (0..3)
        .map(|_| client.submit("x", &big, &TaskOptions::default()).unwrap())
        .collect();
    assert!(matches!(
        client.submit("x", &big, &TaskOptions::default()),
        Err(RingError::ArenaExhausted { .. })
    ));
    drop(tickets); // abandoned: a worker still runs them
    let (entry, mut lane) = pool.worker();
    let leave = AtomicBool::new(false);
    for _ in 0..3 {
        lane.next(&leave).unwrap().complete(b"", Codec::Bytes);
    }
    drop(lane);
    entry.leave();
    assert_eq!(
        client.call("x", b"", &soon()).unwrap(),
        Outcome::TimedOut {
            may_have_run: false
        }
    );
    client.collect(); // on a busy machine the deadline of the call passes before it looks
    pool.assert_nothing_held();
}

#[test]
fn a_dead_worker_costs_a_retry_or_a_crashed_task() {
    let pool = pool();
    let client = pool.client();
    let retried = client
        .submit("x", &[1; 200], &TaskOptions::default().attempts(2))
        .unwrap();
    let lost = client
        .submit("x", b"once", &TaskOptions::default())
        .unwrap();
    let leave = AtomicBool::new(false);
    let mut dying = Vec::new();
    for _ in 0..2 {
        let (entry, mut lane) = pool.worker();
        let mut claimed = lane.next(&leave).unwrap();
        claimed.reserve(1000).unwrap(); // a result half written
        std::mem::forget(claimed);
        dying.push((entry.index(), entry, lane));
    }
    assert!(
        DeadOwners::new(&pool.segment)
            .unwrap()
            .dead_workers(&pool.segment)
            .is_empty()
    );
    let indices: Vec<u32> = dying.iter().map(|(index, ..)| *index).collect();
    drop(dying);
    assert_eq!(
        DeadOwners::new(&pool.segment)
            .unwrap()
            .dead_workers(&pool.segment),
        indices
    );
    let cause = Cause::signal(9);
    let reaped: Vec<_> = indices
        .iter()
        .map(|index| reap_worker(&pool.segment, *index, cause))
        .collect();
    assert_eq!(reaped.iter().map(|r| r.requeued).sum::<u64>(), 1);
    assert_eq!(
        reaped.iter().map(|r| r.blocks).sum::<u64>(),
        2,
        "both results half written"
    );
    assert_eq!(
        lost.wait(None).unwrap(),
        Outcome::Crashed { cause, attempts: 1 }
    );
    let (entry, mut lane) = pool.worker();
    let claimed = lane.next(&leave).unwrap();
    assert_eq!(claimed.attempt(), (2, 2));
    assert_eq!(
        claimed.request().unwrap(),
        [1; 200],
        "the request survived the first attempt"
    );
    claimed.complete(b"second", Codec::Bytes);
    assert_eq!(completed(retried.wait(None).unwrap()), b"second");
    drop(lane);
    entry.leave();
    pool.assert_nothing_held();
}

#[test]
fn a_reaper_that_wakes_late_harms_nobody() {
    let pool = pool();
    let client = pool.client();
    let leave = AtomicBool::new(false);
    let (entry, lane) = pool.worker();
    let index = entry.index();
    drop((entry, lane));
    reap_worker(&pool.segment, index, Cause::Exited { code: 0 });
    // The same entry and lane live again and run a task; a second reap of the dead one finds
    // nothing to take.
    let (next, mut lane) = pool.worker();
    assert_eq!(next.index(), index);
    let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
    let claimed = lane.next(&leave).unwrap();
    assert!(
        DeadOwners::new(&pool.segment)
            .unwrap()
            .dead_workers(&pool.segment)
            .is_empty()
    );
    claimed.complete(b"fine", Codec::Bytes);
    assert_eq!(completed(ticket.wait(None).unwrap()), b"fine");
    drop(lane);
    next.leave();
}

#[test]
fn hints_that_died_with_a_lane_are_restored() {
    let pool = pool();
    let client = pool.client();
    let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
    // A lane took the hint, noted it in held[], and died before the claim.
    let (entry, lane) = pool.worker();
    let slot = pool.segment.injector(1).dequeue().unwrap();
    pool.segment
        .raw32(pool.segment.geometry().lane_at(lane.index()) + LANE_HELD)
        .store(slot + 1, Ordering::Release);
    let index = entry.index();
    drop((entry, lane));
    reap_worker(&pool.segment, index, Cause::Exited { code: 0 });
    with_echo_once(&pool);
    completed(ticket.wait(None).unwrap());
}

fn with_echo_once(pool: &Pool) {
    let (entry, mut lane) = pool.worker();
    lane.next(&AtomicBool::new(false))
        .unwrap()
        .complete(b"", Codec::Bytes);
    drop(lane);
    entry.leave();
}

#[test]
fn held_hints_are_stolen_from_a_busy_lane() {
    let pool = pool();
    let client = pool.client();
    let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
    let (busy, busy_lane) = pool.worker();
    let slot = pool.segment.injector(1).dequeue().unwrap();
    let held = pool
        .segment
        .raw32(pool.segment.geometry().lane_at(busy_lane.index()) + LANE_HELD);
    held.store(slot + 1, Ordering::Release);
    with_echo_once(&pool);
    completed(ticket.wait(None).unwrap());
    held.store(0, Ordering::Release);
    drop(busy_lane);
    busy.leave();
}

#[test]
fn a_lost_hint_is_found_by_the_sweep() {
    let pool = pool();
    let client = pool.client();
    let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
    pool.segment.injector(1).dequeue().unwrap(); // no lane has it now
    let (entry, mut lane) = pool.worker();
    let leave = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| lane.next(&leave).unwrap().complete(b"found", Codec::Bytes));
        let mut sweeper = Sweeper::default();
        loop {
            sweeper.sweep(&pool.segment, now_ns());
            match ticket.wait(Some(Duration::from_millis(1))) {
                Ok(outcome) => break assert_eq!(completed(outcome), b"found"),
                Err(RingError::Timeout(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    drop(lane);
    entry.leave();
}

#[test]
fn a_lost_hint_is_found_though_no_lane_is_ever_idle() {
    let pool = pool();
    let client = pool.client();
    let submit = || client.submit("x", b"", &TaskOptions::default()).unwrap();
    let _tickets = [submit(), submit()];
    let ring = pool.segment.injector(1);
    let mut sweeper = Sweeper::default();
    for _ in 0..3 {
        sweeper.sweep(&pool.segment, now_ns());
        assert_eq!(ring.depth(), 2, "hints that wait are not lost");
    }
    let taken = [ring.dequeue().unwrap(), ring.dequeue().unwrap()];
    for _ in 0..3 {
        sweeper.sweep(&pool.segment, now_ns());
        assert_eq!(ring.depth(), 2, "hints that nobody takes are not repeated");
    }
    assert_eq!([ring.dequeue().unwrap(), ring.dequeue().unwrap()], taken);
}

#[test]
fn a_swallowed_wake_is_made_good_by_the_tick() {
    let pool = pool();
    let client = pool.client();
    let (entry, mut lane) = pool.worker();
    let index = lane.index();
    let leave = AtomicBool::new(false);
    // Another lane "searches" for ever, as if stopped: submits wake no lane.
    pool.segment
        .raw64(H_SEARCHING)
        .store(1 << 63, Ordering::SeqCst);
    std::thread::scope(|scope| {
        scope.spawn(|| lane.next(&leave).unwrap().complete(b"", Codec::Bytes));
        pool.until_asleep(index);
        let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
        let mut lost_wakes = LostWakeCheck::default();
        while !lost_wakes.look(&pool.segment) {
            std::thread::yield_now();
        }
        completed(ticket.wait(None).unwrap());
    });
    drop(lane);
    entry.leave();
}

#[test]
fn a_bit_cleared_by_a_waker_that_died_is_made_good() {
    let pool = pool();
    let client = pool.client();
    let (entry, mut lane) = pool.worker();
    let index = lane.index();
    let leave = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| lane.next(&leave).unwrap().complete(b"", Codec::Bytes));
        pool.until_asleep(index);
        // A client took the bit away and died before its wake: no other process sees a sleeper.
        pool.segment.raw64(H_IDLE).store(0, Ordering::SeqCst);
        let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
        let mut lost_wakes = LostWakeCheck::default();
        assert!(
            !lost_wakes.look(&pool.segment),
            "the first look only takes note"
        );
        assert!(lost_wakes.look(&pool.segment));
        completed(ticket.wait(None).unwrap());
    });
    drop(lane);
    entry.leave();
}

#[test]
fn a_lane_leaves_though_work_waits_and_gives_its_hints_back() {
    let pool = pool();
    let client = pool.client();
    let tickets: Vec<_> = (0..3)
        .map(|_| client.submit("x", b"", &TaskOptions::default()).unwrap())
        .collect();
    let (entry, mut lane) = pool.worker();
    let leave = AtomicBool::new(false);
    lane.next(&leave).unwrap().complete(b"", Codec::Bytes);
    leave.store(true, Ordering::Relaxed);
    assert!(lane.next(&leave).is_none());
    drop(lane);
    entry.leave();
    assert_eq!(pool.segment.injector(1).depth(), 2);
    for _ in 0..2 {
        with_echo_once(&pool);
    }
    for ticket in tickets {
        completed(ticket.wait(None).unwrap());
    }
}

#[test]
fn an_answer_beyond_its_room_is_a_failed_task() {
    let pool = pool();
    let client = pool.client();
    let (entry, mut lane) = pool.worker();
    let leave = AtomicBool::new(false);
    let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
    lane.next(&leave).unwrap().finish(1, Codec::Bytes);
    assert!(
        matches!(ticket.wait(None).unwrap(), Outcome::Failed { code, .. } if code == "result.beyond_room")
    );
    let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
    lane.next(&leave).unwrap().complete(b"alive", Codec::Bytes);
    completed(ticket.wait(None).unwrap());
    drop(lane);
    entry.leave();
}

#[test]
fn not_run_is_never_said_of_a_second_attempt() {
    let pool = pool();
    let client = pool.client();
    let leave = AtomicBool::new(false);
    let ticket = client
        .submit("x", b"", &TaskOptions::default().attempts(2))
        .unwrap();
    let (entry, mut lane) = pool.worker();
    let index = entry.index();
    std::mem::forget(lane.next(&leave).unwrap());
    drop((entry, lane));
    assert_eq!(
        reap_worker(&pool.segment, index, Cause::Exited { code: 0 }).requeued,
        1
    );
    let (entry, mut lane) = pool.worker();
    let expired = Failure {
        status: Status::Expired,
        not_run: true,
        code: "c",
        location: "",
        message: "",
    };
    lane.next(&leave).unwrap().fail(&expired);
    assert_eq!(
        ticket.wait(None).unwrap(),
        Outcome::TimedOut { may_have_run: true }
    );
    drop(lane);
    entry.leave();
}

#[test]
fn a_dead_client_leaves_nothing() {
    let pool = pool();
    let leave = AtomicBool::new(false);
    let client = pool.client();
    let (entry, mut lane) = pool.worker();
    for _ in 0..3 {
        std::mem::forget(
            client
                .submit("x", &[1; 100], &TaskOptions::default())
                .unwrap(),
        );
    }
    lane.next(&leave).unwrap().complete(&[2; 100], Codec::Bytes); // DONE, never read
    let running = lane.next(&leave).unwrap();
    drop(client);
    assert_eq!(
        DeadOwners::new(&pool.segment)
            .unwrap()
            .dead_clients(&pool.segment),
        [0]
    );
    assert!(
        !reap_client(&pool.segment, 0),
        "one of its tasks still runs"
    );
    assert!(running.cancelled());
    running.complete(&[3; 100], Codec::Bytes);
    assert!(reap_client(&pool.segment, 0));
    drop(lane);
    entry.leave();
    pool.assert_nothing_held();
    drop(pool.client());
}

#[test]
fn cancel_reaches_a_running_task() {
    let pool = pool();
    let client = pool.client();
    let (entry, mut lane) = pool.worker();
    let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
    let claimed = lane.next(&AtomicBool::new(false)).unwrap();
    assert!(!claimed.cancelled());
    assert_eq!(ticket.cancel(), Outcome::Cancelled { may_have_run: true });
    assert!(claimed.cancelled());
    drop(claimed); // ends as failed: the slot comes back all the same
    drop(lane);
    entry.leave();
    assert_eq!(
        client.call("x", b"", &soon()).unwrap(),
        Outcome::TimedOut {
            may_have_run: false
        }
    );
    client.collect(); // on a busy machine the deadline of the call passes before it looks
    pool.assert_nothing_held();
}

#[test]
fn each_task_is_counted_as_submitted_once_and_under_one_end() {
    let pool = pool();
    let client = pool.client();
    let (entry, mut lane) = pool.worker();
    let leave = AtomicBool::new(false);
    let submit = |options: &TaskOptions| client.submit("x", b"", options).unwrap();
    let default = TaskOptions::default();
    // Cancelled while queued; cancelled while running, and its handler answers all the same.
    let _ = submit(&default).cancel();
    let running = submit(&default);
    let claimed = lane.next(&leave).unwrap();
    let _ = running.cancel();
    claimed.complete(b"late", Codec::Bytes);
    // Completed with a ticket, and without one; refused by a lane since its time was up.
    let kept = submit(&default);
    lane.next(&leave).unwrap().complete(b"", Codec::Bytes);
    completed(kept.wait(None).unwrap());
    drop(submit(&default));
    lane.next(&leave).unwrap().complete(b"", Codec::Bytes);
    let expired = submit(&default);
    lane.next(&leave).unwrap().fail(&Failure {
        status: Status::Expired,
        not_run: true,
        code: "deadline.passed",
        location: "",
        message: "",
    });
    let _ = expired.wait(None).unwrap();
    client.collect();
    let count = |counter| pool.segment.client(0).counter(counter).get();
    let counts = [
        ClientCounter::Submitted,
        ClientCounter::Completed,
        ClientCounter::Cancelled,
        ClientCounter::TimedOut,
        ClientCounter::Failed,
    ];
    assert_eq!(counts.map(count), [5, 2, 2, 1, 0]);
    drop(lane);
    entry.leave();
    pool.assert_nothing_held();
}

#[test]
fn failures_carry_code_place_and_message() {
    let pool = pool();
    let client = pool.client();
    let (entry, mut lane) = pool.worker();
    let leave = AtomicBool::new(false);
    for message in ["short", &"long ".repeat(100)] {
        let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
        lane.next(&leave).unwrap().fail(&Failure {
            status: Status::Failed,
            not_run: true,
            code: "a.b",
            location: "f.rs:1",
            message,
        });
        let expected = Outcome::Failed {
            status: Status::Failed,
            may_have_run: false,
            code: "a.b".into(),
            location: "f.rs:1".into(),
            message: message.into(),
        };
        assert_eq!(ticket.wait(None).unwrap(), expected);
    }
    drop(lane);
    entry.leave();
    pool.assert_nothing_held();
}

#[test]
fn a_corrupt_segment_gives_errors_and_no_crash() {
    let pool = pool();
    let client = pool.client();
    let (entry, mut lane) = pool.worker();
    let leave = AtomicBool::new(false);
    for place in [u64::MAX, 2 << 56 | 99 << 32, u64::from(u32::MAX)] {
        let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
        let at = pool.segment.geometry().slot_at(ticket.slot()) + SLOT_REQUEST_PLACE;
        let before = pool.segment.raw64(at).swap(place, Ordering::Relaxed);
        let claimed = lane.next(&leave).unwrap();
        assert!(matches!(claimed.request(), Err(RingError::Corrupt(_))));
        pool.segment.raw64(at).store(before, Ordering::Relaxed);
        claimed.complete(b"", Codec::Bytes);
        completed(ticket.wait(None).unwrap());
    }
    pool.segment.injector(0).enqueue(u32::MAX).unwrap();
    let ticket = client.submit("x", b"", &TaskOptions::default()).unwrap();
    lane.next(&leave)
        .unwrap()
        .complete(b"past it", Codec::Bytes);
    completed(ticket.wait(None).unwrap());
    drop(lane);
    entry.leave();
}

#[test]
fn low_priority_is_not_starved() {
    let pool = pool();
    let client = pool.client();
    let (entry, mut lane) = pool.worker();
    let leave = AtomicBool::new(false);
    let with = |priority| TaskOptions::default().priority(priority);
    let low = client.submit("x", b"low", &with(2)).unwrap();
    let mut served_at = None;
    for round in 0..200 {
        let high = client.submit("x", b"high", &with(0)).unwrap();
        let next = client.submit("x", b"high", &with(0)).unwrap();
        for _ in 0..2 {
            let claimed = lane.next(&leave).unwrap();
            if claimed.request().unwrap() == b"low" {
                served_at = Some(round);
            }
            claimed.complete(b"", Codec::Bytes);
        }
        drop((high, next));
        if served_at.is_some() {
            break;
        }
        // Collect what has ended, so that slots come back.
        let _ = client.call("x", b"", &soon());
    }
    assert!(
        served_at.is_some(),
        "a stream of urgent tasks starved the other"
    );
    completed(low.wait(None).unwrap());
    drop(lane);
    entry.leave();
}
