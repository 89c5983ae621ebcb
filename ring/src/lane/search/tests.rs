use super::*;
use crate::client::TaskOptions;
use crate::format::layout::id_of;
use crate::format::states::Codec;
use crate::segment::tables::{HandlerInfo, register_handler};
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

#[test]
fn a_slot_that_a_reaper_left_half_retired_serves_its_next_client() {
    let pool = SmallPool::new(&[]);
    let (_entry, mut lane) = lane(&pool, WaitStrategy::Park);
    for _ in 0..2 {
        let client = pool.client();
        let ticket = (client.submit("echo", b"", &TaskOptions::default())).unwrap();
        assert_eq!(run_now(&mut lane), Some(id_of("echo")));
        let slot = ticket.slot();
        drop(ticket.wait(None));
        drop(ticket);
        drop(client);
        // The reaper died between its two steps, while another one freed the entry.
        pool.segment.slot(slot).retire_half();
        assert!(pool.segment.word(slot).is_at_rest());
    }
}

/// A pool with I/O lanes, whose handlers "fetch" and "calls" are async; "calls" has one permit.
fn pool_of_both() -> SmallPool {
    let config = crate::PoolConfig {
        clients: 2,
        slots: 16,
        limits: 1,
        segment_size: Some(8 << 20),
        ..crate::PoolConfig::default()
    };
    let pool = SmallPool::of(&config.io_lanes(true));
    crate::lane::permits::set(&pool.segment, &[("calls", 1)]);
    for name in ["fetch", "calls"] {
        list(&pool, name, LaneKind::Io);
    }
    pool
}

fn list(pool: &SmallPool, name: &str, kind: LaneKind) {
    let info = HandlerInfo {
        name: name.to_owned(),
        request_codec: Codec::Bytes,
        result_codec: Codec::Bytes,
        kind,
    };
    assert!(register_handler(&pool.segment, &info));
}

/// A lane of each kind, each of a worker of its own.
fn both_lanes(pool: &SmallPool) -> (Vec<WorkerEntry>, Lane, Lane) {
    let (cpu, mut lanes) = pool.worker(Some(0), 1, WaitStrategy::Park);
    let attached = Arc::new(Segment::attach(&pool.dir).unwrap());
    let io = WorkerEntry::register(attached, Some(1)).unwrap();
    let mut io_lanes = io.lane(LaneKind::Io, WaitStrategy::Park).unwrap();
    let (lane, io_lane) = (lanes.remove(0), io_lanes.remove(0));
    (vec![cpu, io], lane, io_lane)
}

fn run_now(lane: &mut Lane) -> Option<u64> {
    let task = lane.try_next()?;
    let handler = task.handler();
    task.complete(b"", Codec::Bytes);
    Some(handler)
}

#[test]
fn a_lane_runs_what_is_for_its_kind_and_leaves_the_rest() {
    let pool = pool_of_both();
    let client = pool.client();
    let (_entries, mut cpu, mut io) = both_lanes(&pool);
    let submit = |handler| (client.submit(handler, b"", &TaskOptions::default())).unwrap();
    let tickets = [submit("hash"), submit("fetch"), submit("fetch")];
    assert_eq!(pool.segment.queue(LaneKind::Io, 1).depth(), 2);
    assert_eq!(run_now(&mut cpu), Some(id_of("hash")));
    assert_eq!(run_now(&mut cpu), None, "the others are not for it");
    // A stale hint: the slot has a task for I/O lanes now.
    pool.segment.injector(1).enqueue(tickets[1].slot()).unwrap();
    assert_eq!(run_now(&mut cpu), None);
    // What another lane holds in its hands is no prey either.
    io.core.entry().hold_release(0, tickets[1].slot());
    assert_eq!(run_now(&mut cpu), None);
    io.core.entry().unhold_release(0);
    for _ in 0..2 {
        assert_eq!(run_now(&mut io), Some(id_of("fetch")));
    }
    assert_eq!(run_now(&mut io), None);
    let again = submit("hash");
    assert_eq!(run_now(&mut io), None);
    assert_eq!(run_now(&mut cpu), Some(id_of("hash")));
    drop((tickets, again));
}

#[test]
fn the_slot_that_a_lane_watches_may_have_a_task_for_others() {
    let pool = pool_of_both();
    let client = pool.client();
    let (_entries, mut cpu, mut io) = both_lanes(&pool);
    let submit = |handler| (client.submit(handler, b"", &TaskOptions::default())).unwrap();
    let first = submit("hash");
    run(&mut cpu);
    cpu.called_again = true;
    let slot = first.slot();
    drop(first.wait(None));
    let second = submit("fetch");
    assert_eq!(second.slot(), slot, "the slot that was free last");
    cpu.budget = Budget::of(WaitStrategy::Spin, 1);
    assert!(look_first(&mut cpu, 100).is_none());
    assert_eq!(run_now(&mut cpu), None);
    assert_eq!(run_now(&mut io), Some(id_of("fetch")));
}

#[test]
fn a_reload_that_changes_a_handlers_kind_leaves_what_is_queued_where_it_is() {
    let pool = pool_of_both();
    let client = pool.client();
    let (_entries, mut cpu, mut io) = both_lanes(&pool);
    let submit = |handler| (client.submit(handler, b"", &TaskOptions::default())).unwrap();
    let before = submit("fetch");
    list(&pool, "fetch", LaneKind::Cpu);
    let after = submit("fetch");
    // Written again, as by the sweep, it goes back to its own ring.
    assert!(restore_hint(&pool.segment, before.slot()));
    assert_eq!(run_now(&mut cpu), Some(id_of("fetch")));
    assert_eq!(run_now(&mut cpu), None);
    assert_eq!(run_now(&mut io), Some(id_of("fetch")));
    assert_eq!(run_now(&mut io), None, "the second hint is stale");
    drop((before, after));
}

#[test]
fn a_handler_with_a_limit_waits_for_lanes_of_its_kind_wherever_it_was_queued() {
    let pool = pool_of_both();
    let client = pool.client();
    let (_entries, mut cpu, mut io) = both_lanes(&pool);
    let submit = |handler| (client.submit(handler, b"", &TaskOptions::default())).unwrap();
    // By a client that does not know the handler: no worker had listed it when it asked.
    list(&pool, "calls", LaneKind::Cpu);
    let unknowing = submit("calls");
    list(&pool, "calls", LaneKind::Io);
    let knowing = submit("calls");
    let running = io.try_next().expect("a task");
    assert_eq!(running.handler(), id_of("calls"));
    assert_eq!(run_now(&mut cpu), None, "no permit is free");
    let limit = pool.segment.deferred_ring(0);
    assert_eq!(limit.depth(), 1);
    running.complete(b"", Codec::Bytes);
    assert_eq!(run_now(&mut cpu), None, "it is for the other kind now");
    assert_eq!(run_now(&mut io), Some(id_of("calls")));
    assert_eq!(limit.depth(), 0);
    drop((unknowing, knowing));
}

#[test]
fn the_looks_of_the_supervisor_wake_the_kind_that_is_waited_for() {
    use crate::reaper::{LostWakeCheck, has_backlog, wake_for_work};
    let pool = pool_of_both();
    let client = pool.client();
    let (_entries, cpu, io) = both_lanes(&pool);
    let asleep = |lane: &Lane, on| {
        let mask = LaneMask::idle(lane.core.kind);
        set_bit(&pool.segment, mask, lane.index(), on);
    };
    let is_asleep = |lane: &Lane| {
        let mask = LaneMask::idle(lane.core.kind);
        pool.segment.header().has_bit_acquire(mask, lane.index())
    };
    asleep(&cpu, true);
    asleep(&io, true);
    assert!(!has_backlog(&pool.segment) && !wake_for_work(&pool.segment));
    let ticket = client
        .submit("fetch", b"", &TaskOptions::default())
        .unwrap();
    assert!(
        is_asleep(&cpu) && !is_asleep(&io),
        "the submit wakes its own kind"
    );
    for wake in [wake_for_work, |segment: &Segment| {
        LostWakeCheck::default().look(segment)
    }] {
        asleep(&io, true);
        assert!(has_backlog(&pool.segment) && wake(&pool.segment));
        assert!(is_asleep(&cpu) && !is_asleep(&io));
    }
    drop(ticket);
}
