//! The supervisor's looks at very many slots take in a part of them each, and all of them in turn.

mod common;

use common::Pool;
use ringwork_ring::client::TaskOptions;
use ringwork_ring::format::layout::{KIND_DONE, SLOT_ENDED};
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::reaper::Sweeper;
use ringwork_ring::reaper::audit::Auditor;
use ringwork_ring::segment::slices::Slices;
use ringwork_ring::testing::RawWords;
use ringwork_ring::{ArenaClass, PoolConfig};

const SLOTS: u32 = 65_536;

/// How many of them the supervisor looks at each time.
fn a_look() -> u32 {
    Slices::default().a_look(SLOTS)
}

fn pool() -> Pool {
    let config = PoolConfig::default().clients(1);
    Pool::of(config.arena(vec![ArenaClass::new(1024, 4)]), SLOTS)
}

#[test]
fn lost_hints_of_very_many_tasks_are_restored_slice_by_slice() {
    let pool = pool();
    let client = pool.client();
    let options = TaskOptions::default().priority(0);
    let _tickets: Vec<_> = (0..SLOTS)
        .map(|_| client.submit("x", b"", &options).unwrap())
        .collect();
    // No lane has them.
    while pool.segment.injector(0).dequeue().is_some() {}
    let (entry, lane) = pool.worker();
    let mut sweeper = Sweeper::default();
    let looks = SLOTS / a_look();
    for look in 1..=2 * looks {
        sweeper.sweep(&pool.segment, now_ns());
        // What stands at the second look as it did at the first one.
        let again = u64::from(look.saturating_sub(looks) * a_look());
        assert_eq!(pool.segment.injector(0).depth(), again, "look {look}");
    }
    drop(lane);
    entry.leave();
}

#[test]
fn a_wrong_word_in_any_of_very_many_slots_is_found_in_its_turn() {
    let pool = pool();
    let looks = SLOTS / a_look();
    for wrong in [0, SLOTS / 2, SLOTS - 1] {
        let mut auditor = Auditor::new(&pool.segment, now_ns());
        let ended = pool
            .segment
            .raw64(pool.segment.geometry().slot_at(wrong) + SLOT_ENDED);
        ended.store(1 << 5 | KIND_DONE, std::sync::atomic::Ordering::Relaxed);
        let turn = wrong / a_look() + 1;
        for look in 1..=looks {
            let found = auditor.look(&pool.segment, now_ns());
            assert_eq!(found.is_err(), look == turn, "slot {wrong}, look {look}");
        }
        ended.store(0, std::sync::atomic::Ordering::Relaxed);
    }
}
