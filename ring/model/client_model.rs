//! The table of a Rust client under loom: the free list, the phases of a slot, and which thread
//! takes completions in. The words of these are private to the process; the model adopts them.
//!
//! A slot in two hands is a race on its bytes, an end that is read twice or never is a wrong count,
//! and an owner or a poller that is not woken is a deadlock.

use super::loom_engine::{Execution, check};
use super::pool::Tiny;
use super::shim::{AtomicU32, Ordering};
use crate::Codec;
use crate::client::{FreeList, GiveUp, Outcome, TaskKey, TaskOptions, TaskTable};
use crate::format::layout::ClientCounter;
use crate::format::states::PoolState;
use crate::lane::entry::WorkerEntry;
use crate::lane::search::Lane;
use crate::os::sync;
use crate::queue::arena;
use crate::queue::wait::{self, WaitStrategy, futex_wait, futex_wake};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

static STAY: AtomicBool = AtomicBool::new(false);

/// No time of a model: it does not wait for one.
const EVER: Duration = Duration::from_secs(3600);

/// An answer that is inline, and one that has a block.
const SMALL: &[u8] = b"small";
const LARGE: &[u8] = &[7; 100];

#[test]
fn fast_a_free_slot_is_in_one_hand() {
    let pool = Tiny {
        slots: 2,
        ..Tiny::default()
    };
    check(
        "client: free list, 2 slots, 2 threads",
        &pool.pool(),
        Some(3),
        |_| (),
        |e| {
            let list = Rc::new(FreeList::new(2));
            e.adopt(list.words());
            for twice in [false, true] {
                let (list, segment) = (Rc::clone(&list), e.pool.segment());
                // Two threads that have one slot race on its bytes.
                let own = move |slot: u32| {
                    let at = segment.slot(slot).inline_request();
                    sync::writes(segment.bytes_at(at, 8), 8);
                };
                e.spawn(move || {
                    let first = list.pop(0);
                    let second = twice.then(|| list.pop(0)).flatten();
                    first.iter().for_each(|slot| own(*slot));
                    first.iter().for_each(|slot| list.push(*slot));
                    second.iter().for_each(|slot| own(*slot));
                    second.iter().for_each(|slot| list.push(*slot));
                });
            }
            e.join();
            assert_eq!(list.in_use(), 0);
            let mut all = [list.pop(0), list.pop(0)];
            all.sort_unstable();
            assert_eq!(all, [Some(0), Some(1)]);
            assert_eq!((list.pop(0), list.in_use()), (None, 2));
        },
    );
}

/// Where the owner of a task waits, as a waker does for a future: a thread that ends the task takes
/// the wish to be woken, and wakes.
#[derive(Debug, Default)]
struct Owner {
    waits: AtomicU32,
    woken: AtomicU32,
}

impl Owner {
    /// Wakes the owner, if it waits.
    fn wake(&self) -> bool {
        let waits = self.waits.swap(0, Ordering::AcqRel) == 1;
        if waits {
            self.woken.fetch_add(1, Ordering::Release);
            futex_wake(&self.woken, 1);
        }
        waits
    }
}

/// That a thread has done its part. It is waited for asleep: of two threads that spin, loom lets one
/// go round for the other alone, for ever, while a third could run.
#[derive(Debug, Default)]
struct Gone(AtomicU32);

impl Gone {
    fn tell(&self) {
        self.0.store(1, Ordering::Release);
        futex_wake(&self.0, 1);
    }

    fn wait(&self) {
        while self.0.load(Ordering::Acquire) == 0 {
            futex_wait(&self.0, 0, EVER);
        }
    }
}

/// A client, and its one owner.
struct Side {
    table: TaskTable,
    owner: Arc<Owner>,
}

impl Side {
    fn new(e: &Execution) -> Rc<Self> {
        let owner = Arc::<Owner>::default();
        let wakes = Arc::clone(&owner);
        let on_end = move |_| move |_| wakes.wake();
        let table = TaskTable::register(e.pool.segment(), on_end).expect("a client entry");
        // Behind the `Rc`: the words stay where they are.
        let side = Rc::new(Self { table, owner });
        e.adopt(side.table.model_words());
        e.adopt([side.owner.waits.place(), side.owner.woken.place()]);
        side
    }

    fn submit(&self, request: &[u8]) -> TaskKey {
        let options = TaskOptions::default().priority(0);
        let submitted = self.table.submit("model", request, &options);
        submitted.expect("a slot").key
    }

    /// Waits for a task as a future does: a look, the wish to be woken, another look.
    fn wait(&self, key: TaskKey) -> Outcome {
        loop {
            let seen = self.owner.woken.load(Ordering::Acquire);
            if let Some(ended) = self.table.take(key) {
                return ended.outcome;
            }
            self.owner.waits.swap(1, Ordering::AcqRel);
            if let Some(ended) = self.table.take(key) {
                return ended.outcome;
            }
            futex_wait(&self.owner.woken, seen, EVER);
        }
    }

    /// The poller, until the pool closes.
    fn poll(&self) {
        loop {
            let seen = self.table.wakes();
            self.table.collect();
            if self.table.segment().is_over() {
                return;
            }
            self.table.park(seen, EVER);
        }
    }

    fn ends(&self) -> [u64; 4] {
        use ClientCounter::{Cancelled, Completed, Failed, TimedOut};
        let record = self.table.segment().client(0);
        [Completed, Cancelled, TimedOut, Failed].map(|counter| record.counter(counter).get())
    }
}

/// The lane of a worker.
fn lane(e: &mut Execution) -> Lane {
    let entry = WorkerEntry::register(Arc::new(e.pool.segment()), None).expect("a worker entry");
    let lanes = entry.lanes(1, WaitStrategy::Park);
    e.keep(entry);
    lanes.expect("a lane").remove(0)
}

/// A lane that runs so many tasks, each with the request as its answer.
fn serve(e: &mut Execution, tasks: usize) {
    let mut lane = lane(e);
    e.spawn(move || {
        for _ in 0..tasks {
            let Some(task) = lane.next(&STAY) else { return };
            let answer = task.request().expect("a sound request").to_vec();
            task.complete(&answer, Codec::Bytes);
        }
    });
}

/// Closes the pool, so that its lanes leave.
fn close(e: &mut Execution) {
    let segment = e.pool.segment();
    segment.set_pool_state(PoolState::Closed);
    wait::wake_all_lanes(&segment);
    wait::wake_word(segment.client(0).wake());
    e.join();
}

fn assert_at_rest(e: &Execution, side: &Side) {
    // What ended last may have its hint in the ring still.
    side.table.collect();
    assert_eq!(side.table.in_use(), 0);
    let segment = e.pool.segment();
    for slot in 0..segment.geometry().total_slots() {
        assert!(segment.word(slot).is_at_rest(), "slot {slot}");
    }
    assert!(arena::taken(&segment).iter().all(|taken| *taken == 0));
}

fn done(bytes: &[u8]) -> Outcome {
    Outcome::Completed {
        codec: Codec::Bytes,
        bytes: bytes.to_vec(),
    }
}

/// An owner waits for a task; a poller takes in what ends.
fn owner_and_poller(e: &mut Execution) {
    serve(e, 1);
    let side = Side::new(e);
    let polls = Rc::clone(&side);
    e.spawn(move || polls.poll());
    let key = side.submit(SMALL);
    assert_eq!(side.wait(key), done(SMALL));
    assert!(side.table.take(key).is_none(), "taken once");
    close(e);
    assert_eq!(side.ends(), [1, 0, 0, 0]);
    assert_at_rest(e, &side);
}

#[test]
fn fast_the_owner_of_a_task_is_woken_by_the_poller() {
    woken_by_the_poller(1);
}

#[test]
#[ignore = "long"]
fn long_the_owner_of_a_task_is_woken_by_the_poller() {
    woken_by_the_poller(2);
}

fn woken_by_the_poller(preemptions: usize) {
    check(
        "client: owner, poller, lane",
        &Tiny::default().pool(),
        Some(preemptions),
        |_| (),
        owner_and_poller,
    );
}

#[test]
fn fast_a_result_that_is_put_aside_is_found_by_its_owner() {
    check(
        "client: owner, collector, a result in a block",
        &Tiny::default().pool(),
        Some(3),
        |_| (),
        |e| {
            let mut lane = lane(e);
            let side = Side::new(e);
            let key = side.submit(LARGE);
            lane.try_next()
                .expect("a task")
                .complete(LARGE, Codec::Bytes);
            let collects = Rc::clone(&side);
            e.spawn(move || collects.table.collect());
            assert_eq!(side.wait(key), done(LARGE));
            e.join();
            assert_eq!(side.ends(), [1, 0, 0, 0]);
            assert_at_rest(e, &side);
        },
    );
}

/// Both threads take in what a lane that is done has ended; what the owner does with its task.
fn against_a_collector(e: &mut Execution, request: &'static [u8], own: fn(&Side, TaskKey)) {
    serve(e, 1);
    let side = Side::new(e);
    let key = side.submit(request);
    let collects = Rc::clone(&side);
    e.spawn(move || collects.table.collect());
    own(&side, key);
    while side.table.in_use() > 0 {
        side.table.collect();
        sync::retry();
    }
    close(e);
    assert_eq!(side.ends().iter().sum::<u64>(), 1, "counted once");
    assert_at_rest(e, &side);
}

#[test]
fn fast_a_task_that_is_given_up_ends_once() {
    check(
        "client: cancel, collector, lane",
        &Tiny::default().pool(),
        Some(2),
        |_| (),
        |e| {
            against_a_collector(e, SMALL, |side, key| {
                match side.table.give_up(key, GiveUp::Cancelled) {
                    Some(outcome) => assert!(matches!(outcome, Outcome::Cancelled { .. })),
                    None => assert_eq!(side.wait(key), done(SMALL)),
                }
                assert!(side.table.take(key).is_none());
            });
        },
    );
}

#[test]
fn fast_a_task_that_is_abandoned_comes_home() {
    check(
        "client: abandon, collector, lane, a result in a block",
        &Tiny::default().pool(),
        Some(2),
        |_| (),
        |e| against_a_collector(e, LARGE, |side, key| side.table.abandon(key)),
    );
}

#[test]
#[ignore = "long"]
fn long_a_poller_is_woken_for_what_a_helper_leaves() {
    let pool = Tiny {
        slots: 2,
        ..Tiny::default()
    };
    check(
        "client: helper, owner, poller, lane",
        &pool.pool(),
        Some(1),
        |_| (),
        |e| {
            serve(e, 2);
            let side = Side::new(e);
            let polls = Rc::clone(&side);
            e.spawn(move || polls.poll());
            // A thread that calls and spins for its own task.
            let calls = Rc::clone(&side);
            let gone = Arc::<Gone>::default();
            e.adopt([gone.0.place()]);
            let goes = Arc::clone(&gone);
            e.spawn(move || {
                let helper = calls.table.help();
                let key = calls.submit(SMALL);
                while calls.table.take(key).is_none() {
                    if helper.is_some() {
                        calls.table.collect();
                    }
                    sync::retry();
                }
                drop(helper);
                goes.tell();
            });
            let key = side.submit(SMALL);
            assert_eq!(side.wait(key), done(SMALL));
            gone.wait();
            close(e);
            assert_at_rest(e, &side);
        },
    );
}

/// The role of the helper by itself: a submitter beside it, and completions that a lane announces.
#[test]
fn fast_a_helper_that_leaves_arms_for_the_tasks_of_others() {
    helper_leaves(1);
}

#[test]
#[ignore = "long"]
fn long_a_helper_that_leaves_arms_for_the_tasks_of_others() {
    helper_leaves(2);
}

fn helper_leaves(preemptions: usize) {
    check(
        "client: helper that leaves, poller, lane",
        &Tiny::default().pool(),
        Some(preemptions),
        |_| (),
        |e| {
            serve(e, 1);
            let side = Side::new(e);
            let polls = Rc::clone(&side);
            e.spawn(move || polls.poll());
            let helps = Rc::clone(&side);
            let helped = Rc::new(Cell::new(false));
            let told = Rc::clone(&helped);
            e.spawn(move || told.set(helps.table.help().is_some()));
            let key = side.submit(SMALL);
            assert_eq!(side.wait(key), done(SMALL));
            close(e);
            assert!(helped.get(), "the role was free");
            assert_at_rest(e, &side);
        },
    );
}

/// The poller is awake, having armed and cleared `waiting` again, when it finds that a helper has
/// the role; what it is to be woken for ends when the helper has left.
#[test]
fn fast_a_poller_that_steps_aside_is_woken_when_the_helper_has_left() {
    check(
        "client: helper, poller awake, lane",
        &Tiny::default().pool(),
        Some(1),
        |_| (),
        |e| {
            serve(e, 2);
            let side = Side::new(e);
            let polls = Rc::clone(&side);
            e.spawn(move || polls.poll());
            let helps = Rc::clone(&side);
            e.spawn(move || {
                let helper = helps.table.help();
                sync::retry(); // others go on meanwhile
                drop(helper);
            });
            for _ in 0..2 {
                let key = side.submit(SMALL);
                assert_eq!(side.wait(key), done(SMALL));
            }
            close(e);
            assert_at_rest(e, &side);
        },
    );
}
