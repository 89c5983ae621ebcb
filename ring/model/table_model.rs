//! The arena's owner words and the entries of clients and workers under loom.

use super::loom_engine::check;
use super::pool::{BLOCK, Pool, Tiny};
use crate::client::Client;
use crate::format::layout::*;
use crate::format::words::Owner;
use crate::lane::entry::WorkerEntry;
use crate::os::sync::{self, Ordering};
use crate::queue::arena::{self, ArenaView, Role};
use crate::queue::wait::WaitStrategy;
use crate::reaper;
use crate::segment::Segment;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// Takes the block that there is for requests, writes it, looks again, frees it.
fn use_block(segment: &Segment, slot: u32) -> bool {
    let owner = Owner::request(slot, 0);
    let view = ArenaView::new(segment);
    let Ok(block) = view.take(segment, BLOCK, Role::Request, owner) else {
        return false;
    };
    // A race here is two owners of one block, or one that sees the other's last bytes.
    sync::writes(
        segment.bytes_at(arena::offset(segment, block), BLOCK),
        BLOCK,
    );
    arena::check_owner(segment, block, owner).expect("still its own");
    sync::writes(
        segment.bytes_at(arena::offset(segment, block), BLOCK),
        BLOCK,
    );
    assert!(arena::free(segment, block, owner), "freed by somebody else");
    true
}

fn arena_pool() -> Pool {
    Tiny {
        slots: 4,
        ..Tiny::default()
    }
    .pool()
}

#[test]
fn fast_a_block_has_one_owner_at_a_time() {
    check(
        "arena: 3 takers, 1 block",
        &arena_pool(),
        Some(3),
        |_| (),
        |e| {
            let users = Rc::new(Cell::new(0));
            for slot in 0..3 {
                let (segment, users) = (e.pool.segment(), Rc::clone(&users));
                e.spawn(move || {
                    let used = use_block(&segment, slot);
                    users.set(users.get() + usize::from(used));
                });
            }
            e.join();
            assert!(users.get() >= 1);
            assert_eq!(arena::taken(&e.pool.segment()), [0]);
        },
    );
}

#[test]
fn fast_orphans_are_freed_and_the_living_keep_theirs() {
    // Slot 3 died between taking the block and its submit; its generation has gone on.
    let orphan = |pool: &Pool| {
        let segment = pool.segment();
        let owner = Owner::request(3, 0);
        let view = ArenaView::new(&segment);
        view.take(&segment, BLOCK, Role::Request, owner).unwrap();
        segment.slot(3).retire();
    };
    check(
        "arena: orphans, 2 reapers, 1 taker",
        &arena_pool(),
        Some(3),
        orphan,
        |e| {
            let freed = Rc::new(Cell::new(0));
            for _ in 0..2 {
                let (segment, freed) = (e.pool.segment(), Rc::clone(&freed));
                e.spawn(move || {
                    let count = arena::free_orphans(&segment);
                    freed.set(freed.get() + count);
                });
            }
            let segment = e.pool.segment();
            while !use_block(&segment, 0) {
                sync::retry();
            }
            e.join();
            assert_eq!(freed.get(), 1, "an orphan is freed once");
            assert_eq!(arena::taken(&segment), [0]);
        },
    );
}

#[test]
fn fast_an_entry_has_one_client_at_a_time() {
    let pool = Tiny::default().pool();
    check(
        "entry: 2 clients, 1 entry",
        &pool,
        Some(3),
        |_| (),
        |e| {
            let attached = Rc::new(Cell::new(0));
            let living = Rc::new(Cell::new(0));
            for _ in 0..2 {
                let (segment, attached, living) =
                    (e.pool.segment(), Rc::clone(&attached), Rc::clone(&living));
                e.spawn(move || {
                    if let Ok(client) = Client::register(segment) {
                        attached.set(attached.get() + 1);
                        assert_eq!(living.replace(1), 0, "two clients in one entry");
                        // What only the owner of the entry may write.
                        client
                            .segment()
                            .u64_at(client.segment().geometry().slot_at(0) + SLOT_HANDLER)
                            .store(1, Ordering::Relaxed);
                        living.set(0);
                    }
                });
            }
            e.join();
            assert!(attached.get() >= 1);
            drop(Client::register(e.pool.segment()).expect("free again"));
        },
    );
}

#[test]
fn fast_a_newcomer_is_not_reaped_for_the_dead_before_it() {
    let pool = Tiny::default().pool();
    check(
        "entry: newcomer, reaper of the dead",
        &pool,
        Some(3),
        |_| (),
        |e| {
            let client = Client::register(e.pool.segment()).unwrap();
            std::mem::forget(client);
            e.kill_client(0);
            for _ in 0..2 {
                let segment = e.pool.segment();
                e.spawn(move || {
                    reaper::reap_client(&segment, 0);
                });
            }
            let newcomer = Rc::new(RefCell::new(None));
            let (segment, place) = (e.pool.segment(), Rc::clone(&newcomer));
            e.spawn(move || *place.borrow_mut() = Client::register(segment).ok());
            e.join();
            let segment = e.pool.segment();
            let word = segment.client(0).word_acquire();
            if newcomer.borrow().is_some() {
                assert!(word.is_active(), "a living client's entry was cleared");
            } else {
                reaper::reap_client(&segment, 0);
            }
            newcomer.borrow_mut().take();
            drop(Client::register(segment).expect("free again"));
        },
    );
}

#[test]
fn fast_lanes_are_taken_once() {
    let pool = Tiny {
        workers: 2,
        ..Tiny::default()
    }
    .pool();
    check(
        "entry: 2 workers, 1 lane",
        &pool,
        Some(3),
        |_| (),
        |e| {
            let holders = Rc::new(RefCell::new(Vec::new()));
            for _ in 0..2 {
                let (segment, holders) = (Arc::new(e.pool.segment()), Rc::clone(&holders));
                e.spawn(move || {
                    let entry = WorkerEntry::register(segment, None).expect("two entries");
                    let lanes = entry.lanes(1, WaitStrategy::Park).ok();
                    holders.borrow_mut().push((entry, lanes));
                });
            }
            e.join();
            let holders = holders.take();
            let with_lane = holders.iter().filter(|(_, lanes)| lanes.is_some()).count();
            assert_eq!(with_lane, 1);
            assert_ne!(
                holders[0].0.index(),
                holders[1].0.index(),
                "two workers in one entry"
            );
        },
    );
}
