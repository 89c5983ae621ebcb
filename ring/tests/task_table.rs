//! The lock-free table of a client: what becomes of tasks that are taken, put aside, abandoned,
//! given up or damaged, and of all of them when the pool ends.

mod common;

use common::Pool;
use ringwork_ring::client::{GiveUp, InPlace, Outcome, TaskKey, TaskOptions, TaskTable};
use ringwork_ring::format::layout::SLOT_PUBLISHED;
use ringwork_ring::format::states::PoolState;
use ringwork_ring::queue::arena;
use ringwork_ring::testing::RawWords;
use ringwork_ring::{ArenaClass, Codec, Lane, PoolConfig, RingError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A pool, its one client, and what wakes the owners: whether they wait, and how many were woken.
struct Side {
    pool: Pool,
    waits: Arc<AtomicBool>,
    woken: Arc<AtomicUsize>,
    table: Arc<TaskTable>,
}

fn side_of(slots: u32) -> Side {
    let config = PoolConfig::default().clients(1);
    let pool = Pool::of(config.arena(vec![ArenaClass::new(1024, 8)]), slots);
    let (waits, woken) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let table = TaskTable::connect(&pool.dir, None, |_| {
        let (waits, woken) = (Arc::clone(&waits), Arc::clone(&woken));
        move |_| {
            woken.fetch_add(1, Ordering::Relaxed);
            waits.load(Ordering::Relaxed)
        }
    });
    let table = Arc::new(table.unwrap());
    Side {
        pool,
        waits,
        woken,
        table,
    }
}

impl Side {
    fn submit(&self, request: &[u8]) -> TaskKey {
        let options = TaskOptions::default().priority(0);
        self.table.submit("h", request, &options).unwrap().key
    }

    /// As [`Self::submit`], as soon as a slot is free.
    fn submit_with_patience(&self, request: &[u8]) -> TaskKey {
        let options = TaskOptions::default().priority(0);
        loop {
            match self.table.submit("h", request, &options) {
                Ok(submitted) => return submitted.key,
                Err(RingError::SlotsTaken { .. }) => self.table.collect(),
                Err(error) => panic!("{error}"),
            }
            std::thread::yield_now();
        }
    }

    /// A lane runs the next task.
    fn run(&self, lane: &mut Lane, result: &[u8]) {
        lane.try_next().unwrap().complete(result, Codec::Bytes);
    }

    fn blocks(&self) -> u32 {
        arena::taken(&self.pool.segment).iter().sum()
    }
}

fn bytes(outcome: Outcome) -> Vec<u8> {
    match outcome {
        Outcome::Completed { bytes, .. } => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_result_is_taken_once_with_and_without_its_hint() {
    let side = side_of(16);
    let (entry, mut lane) = side.pool.worker();
    let key = side.submit(b"a");
    assert!(side.table.is_pending(key) && side.table.take(key).is_none());
    side.run(&mut lane, b"one");
    assert_eq!(bytes(side.table.take(key).unwrap().outcome), b"one");
    assert!(side.table.take(key).is_none() && side.table.in_use() == 0);
    let next = side.submit(b"b");
    // The hint of the first is stale, and its key names nothing.
    side.table.collect();
    side.table.abandon(key);
    assert!(side.table.give_up(key, GiveUp::Cancelled).is_none());
    side.run(&mut lane, b"two");
    side.table.collect();
    assert_eq!(side.woken.load(Ordering::Relaxed), 1);
    assert_eq!(bytes(side.table.take(next).unwrap().outcome), b"two");
    drop(lane);
    entry.leave();
}

#[test]
fn a_result_in_a_block_is_put_aside_when_no_owner_waits() {
    let side = side_of(16);
    let (entry, mut lane) = side.pool.worker();
    for (waits, left) in [(false, 0), (true, 2)] {
        side.waits.store(waits, Ordering::Relaxed);
        let key = side.submit(&[1; 500]);
        side.run(&mut lane, &[2; 600]);
        side.table.collect();
        assert_eq!(side.blocks(), left, "waits: {waits}");
        assert_eq!(bytes(side.table.take(key).unwrap().outcome), [2; 600]);
        assert_eq!((side.blocks(), side.table.in_use()), (0, 0));
    }
    // Dropped when it was put aside.
    side.waits.store(false, Ordering::Relaxed);
    let key = side.submit(&[1; 500]);
    side.run(&mut lane, &[2; 600]);
    side.table.collect();
    side.table.abandon(key);
    assert_eq!(side.table.in_use(), 0);
    drop(lane);
    entry.leave();
}

#[test]
fn what_is_abandoned_or_given_up_comes_home_when_it_ends() {
    let side = side_of(16);
    let (entry, mut lane) = side.pool.worker();
    let queued = side.submit(&[1; 500]);
    let outcome = side.table.give_up(queued, GiveUp::Cancelled);
    let may_have_run = false;
    assert_eq!(outcome, Some(Outcome::Cancelled { may_have_run }));
    assert_eq!((side.blocks(), side.table.in_use()), (0, 0));
    assert!(lane.try_next().is_none());

    let abandoned = side.submit(&[1; 500]);
    side.table.abandon(abandoned);
    side.run(&mut lane, &[2; 600]);
    side.table.collect();
    assert_eq!((side.blocks(), side.table.in_use()), (0, 0));

    let running = side.submit(b"x");
    let claimed = lane.try_next().unwrap();
    let outcome = side.table.give_up(running, GiveUp::TimedOut);
    let may_have_run = true;
    assert_eq!(outcome, Some(Outcome::TimedOut { may_have_run }));
    assert_eq!(side.table.in_use(), 1);
    claimed.complete(b"late", Codec::Bytes);
    side.table.collect();
    assert_eq!(side.table.in_use(), 0);
    drop(lane);
    entry.leave();
}

#[test]
fn what_ends_without_a_hint_is_found_and_a_damaged_slot_ends_its_task() {
    let side = side_of(16);
    let (entry, mut lane) = side.pool.worker();
    let key = side.submit(b"x");
    side.run(&mut lane, b"unheard");
    while side.pool.segment.completion_ring(0).dequeue().is_some() {}
    side.table.look_at_pool();
    assert_eq!(side.woken.load(Ordering::Relaxed), 1);
    assert_eq!(bytes(side.table.take(key).unwrap().outcome), b"unheard");

    let key = side.submit(b"x");
    let segment = &side.pool.segment;
    let published = segment.raw64(segment.geometry().slot_at(key.slot() as u32) + SLOT_PUBLISHED);
    published.fetch_xor(1 << 40, Ordering::Relaxed);
    side.table.look_at_pool();
    match side.table.take(key).unwrap().outcome {
        Outcome::Failed { code, .. } => assert_eq!(code, "segment.corrupt"),
        other => panic!("{other:?}"),
    }
    // The slot is not used again.
    let keys: Vec<_> = (0..15).map(|_| side.submit(b"x")).collect();
    assert!(keys.iter().all(|other| other.slot() != key.slot()));
    let full = side
        .table
        .submit("h", b"x", &TaskOptions::default().priority(0));
    assert!(matches!(full, Err(RingError::SlotsTaken { .. })));
    drop(lane);
    entry.leave();
}

#[test]
fn all_that_is_pending_ends_by_one_look_when_the_pool_does() {
    const TASKS: usize = 65_536;
    let side = side_of(TASKS as u32);
    let keys: Vec<_> = (0..TASKS).map(|_| side.submit(b"x")).collect();
    side.pool.segment.set_reason("closed by its owner");
    side.pool.segment.set_pool_state(PoolState::Closed);
    side.table.look_at_pool();
    assert_eq!(side.woken.load(Ordering::Relaxed), TASKS);
    for key in keys {
        match side.table.close(key).unwrap().outcome {
            Outcome::Closed { reason } => assert!(reason.contains("closed by its owner")),
            other => panic!("{other:?}"),
        }
        assert!(side.table.close(key).is_none());
    }
    assert!(
        side.table
            .submit("h", b"x", &TaskOptions::default())
            .is_err()
    );
}

#[test]
fn keys_that_come_late_do_nothing_while_threads_use_the_slots() {
    let side = side_of(4);
    let (entry, mut lane) = side.pool.worker();
    side.waits.store(true, Ordering::Relaxed);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if let Some(claimed) = lane.try_next() {
                    let request = claimed.request().unwrap().to_vec();
                    claimed.complete(&request, Codec::Bytes);
                } else {
                    std::thread::yield_now();
                }
            }
        });
        let users: Vec<_> = (0..3_u8)
            .map(|user| {
                let side = &side;
                scope.spawn(move || {
                    let mut before = None;
                    for n in 0..1000_u32 {
                        let request = [user, n as u8, (n >> 8) as u8];
                        let key = side.submit_with_patience(&request);
                        if let Some(before) = before.replace(key) {
                            side.table.abandon(before);
                            assert!(side.table.take(before).is_none());
                        }
                        match n % 3 {
                            0 => side.table.abandon(key),
                            1 => drop(side.table.give_up(key, GiveUp::Cancelled)),
                            _ => {
                                let ended = loop {
                                    if let Some(ended) = side.table.take(key) {
                                        break ended;
                                    }
                                    side.table.collect();
                                    std::thread::yield_now();
                                };
                                assert_eq!(bytes(ended.outcome), request);
                            }
                        }
                    }
                })
            })
            .collect();
        users.into_iter().for_each(|user| user.join().unwrap());
        while side.table.in_use() > 0 {
            side.table.collect();
        }
        over.store(true, Ordering::Relaxed);
    });
    drop(lane);
    entry.leave();
}

#[test]
fn a_request_is_written_and_a_result_read_in_place() {
    let side = side_of(16);
    let (entry, mut lane) = side.pool.worker();
    let claim = |len| {
        let options = TaskOptions::default().priority(0);
        side.table.claim("h", len, options).unwrap()
    };
    let mut claimed = claim(500);
    claimed.request().fill(7);
    let key = claimed.submit(400, Codec::Utf8).unwrap().key;
    let task = lane.try_next().unwrap();
    assert_eq!(
        (task.request().unwrap(), task.request_codec()),
        (&[7; 400][..], Codec::Utf8)
    );
    task.complete(&[9; 600], Codec::Cbor);
    side.table.collect();
    assert_eq!(side.blocks(), 2, "it is not put aside");
    let Some(InPlace::Leased(lease)) = side.table.take_in_place(key) else {
        panic!("a result");
    };
    assert_eq!((lease.bytes(), lease.codec()), (&[9; 600][..], Codec::Cbor));
    assert!(side.table.take(key).is_none() && !side.table.is_pending(key));
    side.table.abandon(key);
    assert!(side.table.give_up(key, GiveUp::Cancelled).is_none());
    assert_eq!((side.blocks(), side.table.in_use()), (2, 1));
    drop(lease);
    assert_eq!((side.blocks(), side.table.in_use()), (0, 0));

    drop(claim(500));
    assert_eq!((side.blocks(), side.table.in_use()), (0, 0));
    let mut inline = claim(8);
    inline.request().fill(1);
    let key = inline.submit(8, Codec::Bytes).unwrap().key;
    drop(lane.try_next().unwrap()); // the worker lets go of it: it fails
    match side.table.take_in_place(key) {
        Some(InPlace::Ended(ended)) => {
            assert!(matches!(ended.outcome, Outcome::Failed { .. }));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((side.blocks(), side.table.in_use()), (0, 0));
    drop(lane);
    entry.leave();
}

#[test]
fn the_tasks_of_a_batch_are_hinted_at_its_end() {
    let side = side_of(16);
    let (entry, mut lane) = side.pool.worker();
    let options = TaskOptions::default().priority(0);
    let mut batch = side.table.batch();
    let keys = [0, 1].map(|_| batch.add("h", b"x", &options).unwrap());
    assert!(lane.try_next().is_none(), "no hint yet");
    let submitted = batch.finish();
    let submitted: Vec<_> = submitted.into_iter().map(|one| one.unwrap().key).collect();
    assert_eq!(submitted, keys);
    for key in keys {
        side.run(&mut lane, b"y");
        assert_eq!(bytes(side.table.take(key).unwrap().outcome), b"y");
    }
    // Dropped by a caller that panics.
    let mut batch = side.table.batch();
    let key = batch.add("h", b"x", &options).unwrap();
    drop(batch);
    side.run(&mut lane, b"z");
    assert_eq!(bytes(side.table.take(key).unwrap().outcome), b"z");
    assert_eq!(side.table.in_use(), 0);
    drop(lane);
    entry.leave();
}

#[test]
fn a_reserved_slot_is_no_other_tasks() {
    let side = side_of(2);
    let (entry, mut lane) = side.pool.worker();
    let options = TaskOptions::default().priority(0);
    let (first, second) = (
        side.table.reserve(0).unwrap(),
        side.table.reserve(0).unwrap(),
    );
    assert!(side.table.reserve(0).is_none());
    let refused = side.table.submit("h", b"", &options);
    assert!(matches!(refused, Err(RingError::SlotsTaken { .. })));
    let key = first.submit("h", b"1", &options).unwrap().key;
    drop(second);
    let third = side.submit(b"2");
    for key in [key, third] {
        side.run(&mut lane, b"done");
        assert_eq!(bytes(side.table.take(key).unwrap().outcome), b"done");
    }
    assert_eq!(side.table.in_use(), 0);
    drop(lane);
    entry.leave();
}

#[test]
fn options_that_no_task_can_have_are_refused_with_their_range() {
    let side = side_of(4);
    let of = |options: TaskOptions| {
        side.table
            .submit("h", b"", &options)
            .unwrap_err()
            .to_string()
    };
    for attempts in [0, 4, 9] {
        let told = of(TaskOptions::default().attempts(attempts));
        let range = format!("attempts {attempts} is out of range: a task of this pool has 1 to 3");
        assert_eq!(told, range);
    }
    let told = of(TaskOptions::default().priority(3));
    assert!(
        told.contains("priority 3") && told.contains("0 to 2"),
        "{told}"
    );
    let last = TaskOptions::default().priority(2).attempts(3);
    let claimed = side.table.claim("h", 8, last.clone().attempts(0));
    assert!(matches!(
        claimed.unwrap_err(),
        RingError::OutOfRange { value: 0, .. }
    ));
    side.table.submit("h", b"", &last).unwrap();
    assert_eq!(
        side.table.in_use(),
        1,
        "what was refused has given its slot back"
    );
}
