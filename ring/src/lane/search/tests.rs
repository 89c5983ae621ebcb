use super::*;
use crate::client::TaskOptions;
use crate::format::states::Codec;
use crate::testing::{SmallPool, Steps};
use crate::{WaitStrategy, WorkerEntry};

static STAY: AtomicBool = AtomicBool::new(false);

/// The lane of a worker of its own.
fn lane(pool: &SmallPool, strategy: WaitStrategy) -> (WorkerEntry, Lane) {
    let (entry, mut lanes) = pool.worker(Some(0), 1, strategy);
    (entry, lanes.pop().unwrap())
}

/// What a lane finds in its last slot whose tasks have been as long as this: the time that this
/// test's tasks took says how busy the machine is.
fn look_first(lane: &mut Lane, run_ns: u64) -> Option<(u32, Word)> {
    lane.core.run_ns = run_ns;
    lane.claim_expected()
}

/// Runs the next task; its slot.
fn run(lane: &mut Lane) -> u32 {
    let (slot, word) = lane.find(&STAY).expect("a task");
    lane.begin(slot, word).complete(b"", Codec::Bytes);
    slot
}

/// A task of the client that has one after the other, before its hint is in the ring.
fn call_again(pool: &SmallPool, slot: u32) {
    let slot = pool.segment.slot(slot);
    slot.publish(slot.published().generation() + 1);
}

#[test]
fn a_lane_looks_at_its_last_slot_first_if_tasks_come_from_there() {
    let pool = SmallPool::new(&[]);
    let client = pool.client();
    let (_entry, mut lane) = lane(&pool, WaitStrategy::Spin);
    let submit = || client.submit("echo", b"", &TaskOptions::default()).unwrap();
    let tickets = [submit(), submit()];
    run(&mut lane);
    let last = run(&mut lane);
    call_again(&pool, last);
    assert!(
        look_first(&mut lane, 100).is_none(),
        "its tasks come from the rings: it does not wait for that slot"
    );
    assert_eq!(run(&mut lane), last, "found by the look behind the rings");
    for _ in 0..IN_A_ROW {
        call_again(&pool, last);
        let (slot, word) = look_first(&mut lane, 100).expect("found at once");
        assert_eq!(slot, last);
        lane.begin(slot, word).complete(b"", Codec::Bytes);
    }
    call_again(&pool, last);
    assert!(
        look_first(&mut lane, 100).is_none(),
        "now the rings have a turn"
    );
    assert_eq!(run(&mut lane), last);
    assert!(look_first(&mut lane, 100).is_none(), "none has come");
    call_again(&pool, last);
    assert!(look_first(&mut lane, 100).is_none(), "so it waits no more");
    drop(tickets);
}

#[test]
fn a_lane_that_parks_or_has_long_tasks_does_not_look_there_first() {
    let pool = SmallPool::new(&[]);
    let client = pool.client();
    for (strategy, run_ns) in [(WaitStrategy::Park, 100), (WaitStrategy::Spin, SHORT_NS)] {
        let ticket = client.submit("echo", b"", &TaskOptions::default()).unwrap();
        let (entry, mut lane) = lane(&pool, strategy);
        let slot = run(&mut lane);
        lane.called_again = true;
        call_again(&pool, slot);
        assert!(look_first(&mut lane, run_ns).is_none(), "{strategy:?}");
        assert_eq!(run(&mut lane), slot);
        drop((lane, ticket));
        entry.leave();
    }
}

#[test]
fn a_watched_task_is_announced_only_where_its_client_asks() {
    let pool = SmallPool::new(&[]);
    let client = pool.client();
    let (_entry, mut lane) = lane(&pool, WaitStrategy::Spin);
    let hints = || pool.segment.completion_ring(0).depth();
    let submit = || {
        let options = TaskOptions::default();
        client.submit_as("echo", b"", &options, true).unwrap()
    };
    let tickets: Vec<_> = (0..4).map(|_| submit()).collect();
    let slot = |at: usize| pool.segment.slot(tickets[at].slot());
    let generation = |at: usize| slot(at).published().generation();
    // Before its end, and behind it, before the lane has looked.
    slot(1).request_hint(generation(1));
    for hinted in [0, 0, 1, 1] {
        run(&mut lane);
        assert_eq!(hints(), hinted);
    }
    slot(3).request_hint(generation(3));
    assert!(lane.try_next().is_none());
    assert_eq!(hints(), 2);
    // A word of the slot's task before asks for nothing.
    let options = TaskOptions::default();
    let next = client.submit_as("echo", b"", &options, true).unwrap();
    pool.segment.slot(next.slot()).request_hint(0);
    run(&mut lane);
    assert!(lane.try_next().is_none());
    assert_eq!(hints(), 2);
}

#[test]
fn a_lane_that_leaves_announces_what_was_asked_for() {
    let pool = SmallPool::new(&[]);
    let client = pool.client();
    let (_entry, mut lane) = lane(&pool, WaitStrategy::Spin);
    let options = TaskOptions::default();
    let ticket = client.submit_as("echo", b"", &options, true).unwrap();
    run(&mut lane);
    let slot = pool.segment.slot(ticket.slot());
    slot.request_hint(slot.published().generation());
    assert_eq!(pool.segment.completion_ring(0).depth(), 0);
    drop(lane);
    assert_eq!(pool.segment.completion_ring(0).depth(), 1);
}
