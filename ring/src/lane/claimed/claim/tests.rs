use super::*;
use crate::client::{Outcome, TaskOptions};
use crate::format::cause::Cause;
use crate::format::layout::LaneCounter;
use crate::lane::entry::WorkerEntry;
use crate::lane::permits;
use crate::queue::wait::WaitStrategy;
use crate::testing::{SmallPool, reap_worker};

fn worker(pool: &SmallPool) -> (WorkerEntry, Lane, Arc<Shard>) {
    let (entry, mut lanes) = pool.worker(None, 2, WaitStrategy::Park);
    let shard = Shard::new(lanes.pop().unwrap());
    (entry, lanes.pop().unwrap(), shard)
}

#[test]
fn the_claims_of_a_dead_worker_go_to_others_and_its_permits_are_free() {
    let pool = SmallPool::new(&[("limited", 3)]);
    let client = pool.client();
    let options = TaskOptions::default().attempts(2);
    let submit = || client.submit("limited", b"", &options).unwrap();
    let tickets: Vec<_> = (0..3).map(|_| submit()).collect();
    let (entry, mut lane, shard) = worker(&pool);
    for _ in &tickets {
        let mut claim = lane.try_next().unwrap().detach(&shard);
        // Its process dies: nothing more is stored, and the lock is let go.
        claim.stage = Stage::Closed;
    }
    let index = entry.index();
    drop((entry, lane, shard));
    assert_eq!(permits::usage(&pool.segment)[0].running, 3);
    assert_eq!(
        reap_worker(&pool.segment, index, Cause::signal(9)).requeued,
        3
    );
    assert_eq!(permits::usage(&pool.segment)[0].running, 0);
    let (_entry, mut lane, shard) = worker(&pool);
    // The new life begins with no claims, whatever the life before has left.
    let count = |counter| -> u64 {
        let lanes = pool.segment.lanes();
        lanes.map(|lane| lane.counter(counter).get()).sum()
    };
    assert_eq!(count(LaneCounter::Opened), 3);
    assert_eq!(count(LaneCounter::Closed), 3);
    for ticket in tickets {
        let claim = lane.try_next().unwrap().detach(&shard);
        assert_eq!(claim.slot(), ticket.slot());
        claim.complete(b"again", Codec::Bytes);
        let outcome = ticket.wait(None).unwrap();
        assert!(matches!(outcome, Outcome::Completed { .. }), "{outcome:?}");
    }
}
