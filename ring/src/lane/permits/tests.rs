use super::*;
use crate::WorkerEntry;
use crate::client::{Outcome, TaskOptions};
use crate::format::cause::Cause;
use crate::format::states::Codec;
use crate::lane::search::Lane;
use crate::queue::wait::WaitStrategy;
use crate::testing::SmallPool;
use std::sync::atomic::{AtomicBool, AtomicU32};

/// A pool in which two tasks of "limited" run at a time.
fn small_pool() -> SmallPool {
    SmallPool::new(&[("limited", 2)])
}

fn worker(pool: &SmallPool, index: u32, lanes: u32) -> (WorkerEntry, Vec<Lane>) {
    pool.worker(Some(index), lanes, WaitStrategy::Park)
}

fn options() -> TaskOptions {
    TaskOptions::default()
}

#[test]
fn no_more_than_the_limit_run_and_others_go_past() {
    let pool = small_pool();
    let client = pool.client();
    let tickets: Vec<_> = (0..5)
        .map(|_| client.submit("limited", b"", &options()).unwrap())
        .collect();
    let other = client.submit("other", b"", &options()).unwrap();
    let (_entry, mut lanes) = worker(&pool, 0, 4);
    let mut found: Vec<_> = lanes.iter_mut().map(|lane| lane.look()).collect();
    let running = found.iter().flatten().count();
    assert_eq!(running, 3, "two, and the other one");
    let usage_now = usage(&pool.segment)[0];
    assert_eq!((usage_now.max, usage_now.running), (2, 2));
    assert_eq!(usage_now.waiting, 3);
    assert!(lanes[3].look().is_none());
    assert!(!runnable(&pool.segment, LaneKind::Cpu));
    // One ends: the next in line runs, on whichever lane looks first.
    let (slot, word) = found[0].take().unwrap();
    crate::lane::claimed::Claimed::new(&mut lanes[0].core, slot, word)
        .complete(b"done", Codec::Bytes);
    assert!(runnable(&pool.segment, LaneKind::Cpu));
    let (slot, word) = lanes[3].look().unwrap();
    assert_eq!(slot, tickets[2].slot(), "first come, first served");
    assert!(lanes[0].look().is_none());
    crate::lane::claimed::Claimed::new(&mut lanes[3].core, slot, word)
        .complete(b"done", Codec::Bytes);
    let outcome = tickets[0].wait(None).unwrap();
    assert!(matches!(outcome, Outcome::Completed { .. }), "{outcome:?}");
    drop(other);
}

#[test]
fn what_a_dead_lane_held_is_given_back() {
    let pool = small_pool();
    let client = pool.client();
    let _tickets: Vec<_> = (0..3)
        .map(|_| client.submit("limited", b"", &options()).unwrap())
        .collect();
    let (entry, mut lanes) = worker(&pool, 0, 3);
    assert!(lanes[0].look().is_some() && lanes[1].look().is_some());
    assert!(lanes[2].look().is_none(), "the third waits");
    // Dropped with tasks: the lock is free, the entry is not.
    drop((lanes, entry));
    assert_eq!(usage(&pool.segment)[0].running, 2);
    let reaped = crate::testing::reap_worker(&pool.segment, 0, Cause::signal(9));
    assert_eq!(reaped.crashed.len(), 2);
    assert_eq!(usage(&pool.segment)[0].running, 0, "no permit leaks");
    assert!(of_the_living(&pool.segment));
    let (_entry, mut lanes) = worker(&pool, 1, 1);
    assert!(lanes[0].look().is_some(), "the third is not lost");
}

#[test]
fn a_second_hint_of_a_task_that_waits_is_dropped() {
    let pool = small_pool();
    let client = pool.client();
    let tickets: Vec<_> = (0..3)
        .map(|_| client.submit("limited", b"", &options()).unwrap())
        .collect();
    let (_entry, mut lanes) = worker(&pool, 0, 3);
    let _two: Vec<_> = lanes[..2].iter_mut().map(|lane| lane.look()).collect();
    for _ in 0..10 {
        restore_hint(&pool.segment, tickets[2].slot());
        assert!(lanes[2].look().is_none());
    }
    assert_eq!(usage(&pool.segment)[0].waiting, 1);
    assert!(!may_restore(&pool.segment, tickets[2].slot()), "no permit");
}

#[test]
fn a_hint_over_the_limit_that_another_lane_holds_keeps_nobody_awake() {
    let pool = small_pool();
    let client = pool.client();
    let tickets: Vec<_> = (0..2)
        .map(|_| client.submit("limited", b"", &options()).unwrap())
        .collect();
    let (_entry, mut lanes) = worker(&pool, 0, 4);
    let _two: Vec<_> = lanes[..2].iter_mut().map(|lane| lane.look()).collect();
    let third = client.submit("limited", b"", &options()).unwrap();
    // As if lane 2 had taken it in a batch, and ran something long.
    while pool.segment.injector(1).dequeue().is_some() {}
    lanes[2].core.entry().hold_release(3, third.slot());
    assert!(lanes[3].look().is_none(), "a look that steals");
    assert!(is_deferred(&pool.segment, third.slot()));
    assert_eq!(usage(&pool.segment)[0].waiting, 1);
    drop(tickets);
}

#[test]
fn a_limit_that_is_raised_or_lifted_lets_those_run_that_wait() {
    let pool = small_pool();
    let client = pool.client();
    let _tickets: Vec<_> = (0..5)
        .map(|_| client.submit("limited", b"", &options()).unwrap())
        .collect();
    let (_entry, mut lanes) = worker(&pool, 0, 5);
    let count = |lanes: &mut [Lane]| {
        let claims = lanes.iter_mut().filter(|lane| lane.core.permit.is_none());
        claims.filter_map(|lane| lane.look()).count()
    };
    assert_eq!(count(&mut lanes), 2);
    set(&pool.segment, &[("limited", 3)]);
    assert_eq!(count(&mut lanes), 1);
    set(&pool.segment, &[("limited", 0)]);
    assert_eq!(count(&mut lanes), 2);
}

#[test]
fn under_threads_the_limit_holds_and_every_task_ends() {
    const TASKS: usize = 400;
    let pool = small_pool();
    let client = pool.client();
    let (entry, lanes) = worker(&pool, 0, 4);
    let (leave, running) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for mut lane in lanes {
            let (leave, running) = (&leave, &running);
            scope.spawn(move || {
                while let Some(claimed) = lane.next(leave) {
                    if claimed.handler() == id_of("limited") {
                        assert!(running.fetch_add(1, Ordering::SeqCst) < 2);
                        std::thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    }
                    claimed.complete(b"", Codec::Bytes);
                }
            });
        }
        for round in 0..TASKS / 8 {
            let tickets: Vec<_> = (0..8)
                .map(|n| {
                    if (n + round) % 3 == 0 {
                        "other"
                    } else {
                        "limited"
                    }
                })
                .map(|handler| client.submit(handler, b"", &options()).unwrap())
                .collect();
            for ticket in &tickets {
                let outcome = ticket.wait(Some(std::time::Duration::from_secs(60)));
                assert!(
                    matches!(outcome, Ok(Outcome::Completed { .. })),
                    "{outcome:?}"
                );
            }
        }
        leave.store(true, Ordering::Relaxed);
        crate::queue::wait::wake_all_lanes(&pool.segment);
    });
    assert_eq!(usage(&pool.segment)[0].running, 0);
    entry.leave();
}

#[test]
fn a_paused_handler_s_tasks_wait_and_run_when_it_is_resumed() {
    let pool = small_pool();
    let client = pool.client();
    let (_entry, mut lanes) = worker(&pool, 0, 2);
    let _first = client.submit("limited", b"", &options()).unwrap();
    assert!(lanes[0].look().is_some(), "one runs already");
    set(&pool.segment, &[("limited", PAUSED)]);
    let _tickets: Vec<_> = (0..3)
        .map(|_| client.submit("limited", b"", &options()).unwrap())
        .collect();
    let _other = client.submit("other", b"", &options()).unwrap();
    assert!(lanes[1].look().is_some(), "others go past");
    assert!(lanes[1].look().is_none() && !runnable(&pool.segment, LaneKind::Cpu));
    let paused = usage(&pool.segment)[0];
    assert_eq!((paused.max, paused.running, paused.waiting), (PAUSED, 1, 3));
    // Nothing tells how long they wait, so no deadline is out of reach.
    assert_eq!(limit_of(&pool.segment, id_of("limited")), None);
    assert_eq!(audit(&pool.segment), Ok(()));
    set(&pool.segment, &[("limited", 2)]);
    assert!(lanes[1].look().is_some());
}

#[test]
fn an_entry_that_is_taken_later_is_heeded_by_the_lanes_that_come_then() {
    let pool = SmallPool::of(&crate::PoolConfig {
        clients: 2,
        slots: 16,
        limits: 2,
        segment_size: Some(8 << 20),
        ..crate::PoolConfig::default()
    });
    set(&pool.segment, &[]);
    let client = pool.client();
    let (_entry, mut before) = worker(&pool, 0, 1);
    assert!(
        before[0].core.limits.is_empty(),
        "a spare entry costs a lane nothing"
    );
    assert_eq!(usage(&pool.segment), []);
    set(&pool.segment, &[("slow", PAUSED)]);
    let (_entry, mut after) = worker(&pool, 1, 1);
    let tickets = [0; 2].map(|_| client.submit("slow", b"", &options()).unwrap());
    assert!(after[0].look().is_none());
    assert_eq!(usage(&pool.segment)[0].waiting, 2);
    assert_eq!(audit(&pool.segment), Ok(()));
    set(&pool.segment, &[("slow", 0)]);
    let (slot, _) = after[0].look().unwrap();
    assert_eq!(slot, tickets[0].slot());
    assert!(
        before[0].look().is_none(),
        "what waits there is for lanes that know it"
    );
}
