//! Claims by themselves: many in a lane's name, ended by other threads, counted once; what becomes
//! of them when they are dropped, and when their worker dies.

mod common;

use common::Pool;
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_ring::format::layout::LaneCounter;
use ringwork_ring::lane::permits;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::reaper::audit::Auditor;
use ringwork_ring::testing::{permits_of_the_living, reap_worker};
use ringwork_ring::{
    ArenaClass, Cause, Claim, Codec, Lane, PoolConfig, RingError, Segment, Shard, Status,
    WaitStrategy, WorkerEntry,
};
use std::sync::Arc;

const SLOTS: u32 = 64;

fn pool() -> Pool {
    let config = PoolConfig::default().clients(2).limits(1);
    Pool::of(config.arena(vec![ArenaClass::new(4096, 8)]), SLOTS)
}

/// A worker with a lane, and a shard of its own.
fn worker(pool: &Pool) -> (WorkerEntry, Lane, Arc<Shard>) {
    let attached = Arc::new(Segment::attach(&pool.dir).unwrap());
    let entry = WorkerEntry::register(attached, None).unwrap();
    let mut lanes = entry.lanes(2, WaitStrategy::Adaptive).unwrap();
    let shard = Shard::new(lanes.pop().unwrap());
    (entry, lanes.pop().unwrap(), shard)
}

fn submit<'c>(client: &'c Client, handler: &str, count: u32, attempts: u8) -> Vec<Ticket<'c>> {
    let options = TaskOptions::default().attempts(attempts);
    (0..count)
        .map(|n| client.submit(handler, &n.to_le_bytes(), &options).unwrap())
        .collect()
}

fn claim(lane: &mut Lane, shard: &Arc<Shard>) -> Claim {
    lane.try_next().expect("a task waits").detach(shard)
}

fn count(pool: &Pool, counter: LaneCounter) -> u64 {
    let lanes = pool.segment.lanes();
    lanes.map(|lane| lane.counter(counter).get()).sum()
}

fn bytes(outcome: Outcome) -> Vec<u8> {
    match outcome {
        Outcome::Completed { bytes, .. } => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_claim_is_small_and_moves_to_other_threads() {
    fn moves<T: Send>() {}
    moves::<Claim>();
    assert!(size_of::<Claim>() <= 112, "{}", size_of::<Claim>());
}

#[test]
fn many_claims_of_one_lane_end_on_other_threads() {
    let pool = pool();
    let client = pool.client();
    let (entry, mut lane, shard) = worker(&pool);
    let tickets = submit(&client, "x", 8, 1);
    let claims: Vec<_> = (0..8).map(|_| claim(&mut lane, &shard)).collect();
    // The lane is free for others meanwhile.
    let other = submit(&client, "y", 1, 1).pop().unwrap();
    lane.try_next().unwrap().complete(b"other", Codec::Bytes);
    assert_eq!(bytes(other.wait(None).unwrap()), b"other");
    assert_eq!(count(&pool, LaneCounter::Opened), 8);
    assert_eq!(pool.segment.lane(lane.index()).open_claims(), 8);
    std::thread::scope(|scope| {
        for mut claim in claims.into_iter().rev() {
            scope.spawn(move || {
                let request = claim.request().unwrap().to_vec();
                let room = claim.try_reserve(1000).unwrap();
                room[..4].copy_from_slice(&request);
                claim.finish(4, Codec::Bytes);
            });
        }
    });
    for (n, ticket) in tickets.iter().enumerate() {
        assert_eq!(bytes(ticket.wait(None).unwrap()), (n as u32).to_le_bytes());
    }
    assert_eq!(count(&pool, LaneCounter::Started), 9);
    assert_eq!(count(&pool, LaneCounter::Completed), 9);
    assert_eq!(pool.segment.lane(lane.index()).open_claims(), 0);
    drop((lane, shard));
    entry.leave();
    assert!(pool.segment.worker(0).word_acquire().is_free());
}

#[test]
fn a_claim_that_is_dropped_or_whose_step_panics_fails_once() {
    let pool = pool();
    let client = pool.client();
    let (_entry, mut lane, shard) = worker(&pool);
    let tickets = submit(&client, "x", 3, 1);
    drop(claim(&mut lane, &shard));
    let mut panicking = claim(&mut lane, &shard);
    let step = std::panic::AssertUnwindSafe(|| panicking.step(|_| panic!("in hand")));
    assert!(std::panic::catch_unwind(step).is_err());
    assert!(panicking.step(|_| ()).is_none(), "it has ended");
    assert!(panicking.request().is_err());
    drop(panicking);
    // And the shard goes on.
    claim(&mut lane, &shard).complete(b"sound", Codec::Bytes);
    for ticket in &tickets[..2] {
        match ticket.wait(None).unwrap() {
            Outcome::Failed { code, status, .. } => {
                assert_eq!((code.as_str(), status), ("worker.dropped", Status::Failed));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bytes(tickets[2].wait(None).unwrap()), b"sound");
    assert_eq!(count(&pool, LaneCounter::Failed), 2);
    assert_eq!(count(&pool, LaneCounter::Closed), 3);
}

#[test]
fn a_worker_does_not_leave_while_a_claim_is_out() {
    let pool = pool();
    let client = pool.client();
    let (entry, mut lane, shard) = worker(&pool);
    let ticket = submit(&client, "x", 1, 1).pop().unwrap();
    let claim = claim(&mut lane, &shard);
    drop((lane, shard));
    entry.leave();
    assert!(!pool.segment.worker(0).word_acquire().is_free());
    // The lock is held by the claim: it is no death.
    assert_eq!(reap_worker(&pool.segment, 0, Cause::signal(9)).requeued, 0);
    claim.complete(b"late", Codec::Bytes);
    assert_eq!(bytes(ticket.wait(None).unwrap()), b"late");
    reap_worker(&pool.segment, 0, Cause::signal(9));
    assert!(pool.segment.worker(0).word_acquire().is_free());
}

#[test]
fn many_claims_keep_the_limit_and_each_frees_its_own_permit() {
    let pool = pool();
    permits::set(&pool.segment, &[("limited", 2)]);
    let client = pool.client();
    let (_entry, mut lane, shard) = worker(&pool);
    let tickets = submit(&client, "limited", 4, 1);
    let usage = || permits::usage(&pool.segment)[0].running;
    let first = claim(&mut lane, &shard);
    let second = claim(&mut lane, &shard);
    assert!(lane.try_next().is_none(), "two run");
    assert_eq!(usage(), 2);
    second.complete(b"", Codec::Bytes);
    assert_eq!(usage(), 1);
    let third = claim(&mut lane, &shard);
    assert!(lane.try_next().is_none());
    assert_eq!(usage(), 2);
    drop(third);
    first.complete(b"", Codec::Bytes);
    assert_eq!(usage(), 0);
    claim(&mut lane, &shard).complete(b"", Codec::Bytes);
    for ticket in tickets {
        ticket.wait(None).unwrap();
    }
    assert!(permits_of_the_living(&pool.segment));
}

#[test]
fn without_a_limit_a_lane_may_have_more_claims_than_there_are_lanes() {
    let config = PoolConfig::default().clients(2).limits(1).max_lanes(4);
    let pool = Pool::of(config.arena(vec![ArenaClass::new(4096, 8)]), SLOTS);
    permits::set(&pool.segment, &[("limited", 0)]);
    let client = pool.client();
    let (_entry, mut lane, shard) = worker(&pool);
    let tickets = submit(&client, "limited", 16, 1);
    let claims: Vec<_> = (0..16).map(|_| claim(&mut lane, &shard)).collect();
    drop(claims);
    for ticket in tickets {
        ticket.wait(None).unwrap();
    }
    assert_eq!(permits::usage(&pool.segment)[0].running, 0);
}

#[test]
fn a_claim_does_not_wait_for_a_block() {
    let pool = pool();
    let client = pool.client();
    let (_entry, mut lane, shard) = worker(&pool);
    let tickets = submit(&client, "x", 10, 1);
    let mut claims: Vec<_> = (0..9).map(|_| claim(&mut lane, &shard)).collect();
    let mut last = claims.pop().unwrap();
    for claim in &mut claims {
        claim.try_reserve(4000).unwrap();
    }
    let refused = last.try_reserve(4000).map(drop);
    assert!(matches!(refused, Err(RingError::ArenaExhausted { .. })));
    let mut borrowed = lane.try_next().unwrap();
    let refused = borrowed.try_reserve(4000).map(drop);
    assert!(matches!(refused, Err(RingError::ArenaExhausted { .. })));
    borrowed.complete(b"small", Codec::Bytes);
    // What another frees is there at the next try.
    for claim in claims {
        claim.complete(b"", Codec::Bytes);
    }
    last.try_reserve(4000).unwrap();
    last.finish(4000, Codec::Bytes);
    for ticket in tickets {
        ticket.wait(None).unwrap();
    }
}

#[test]
fn the_audit_counts_the_claims_of_a_lane() {
    let pool = pool();
    let client = pool.client();
    let (_entry, mut lane, shard) = worker(&pool);
    let mut auditor = Auditor::new(&pool.segment, now_ns());
    let mut look = || auditor.look(&pool.segment, now_ns());
    let tickets = submit(&client, "x", 12, 1);
    let mut claims: Vec<_> = (0..4).map(|_| claim(&mut lane, &shard)).collect();
    for _ in 0..3 {
        look().unwrap();
        // The lane goes on, and so do its claims.
        claims.push(claim(&mut lane, &shard));
        claims.push(claim(&mut lane, &shard));
        claims.swap_remove(0).complete(b"", Codec::Bytes);
    }
    look().unwrap();
    // A claim in its name that it has not made: one more than it has open.
    let forged = submit(&client, "x", 1, 1).pop().unwrap();
    let made_up =
        ringwork_ring::testing::Steps::take(pool.segment.slot(forged.slot()), lane.index() as u16);
    assert!(made_up.is_some());
    look().unwrap();
    // Two tasks that it runs itself: each claim that was seen before is over by then, or open.
    for _ in 0..2 {
        lane.try_next().unwrap().complete(b"", Codec::Bytes);
    }
    let found = look();
    let what = found.expect_err("a claim too many");
    assert!(what.contains("gone on to others"), "{what}");
    drop(claims);
    drop(tickets);
}
