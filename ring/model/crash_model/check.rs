//! What must hold after an execution of the crash model.

use crate::Status;
use crate::client::Outcome;
use crate::format::layout::*;
use crate::model::pool::{Pool, Tiny};
use crate::os::sync::Ordering;
use crate::queue::arena;
use crate::queue::hint_ring::{Full, HintRing};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What happened to a task.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) attempts: u8,
    pub(super) runs: u32,
    pub(super) outcome: Option<Outcome>,
    pub(super) submitted: bool,
}

pub(super) type Ledger = Rc<RefCell<BTreeMap<u64, History>>>;

fn check_ring(ring: HintRing<'_>, cells: u32) {
    while ring.dequeue().is_some() {}
    for hint in 0..cells {
        assert_eq!(ring.enqueue(hint), Ok(()), "a ring is wedged");
    }
    assert_eq!(
        ring.enqueue(cells),
        Err(Full),
        "a ring takes more than it has cells"
    );
    for hint in 0..cells {
        assert_eq!(ring.dequeue(), Some(hint), "a ring lost a hint");
    }
    assert_eq!(ring.dequeue(), None);
}

/// Everything is free, and can be used again.
pub(super) fn check(pool: &Pool, tiny: Tiny, ledger: &Ledger) {
    let segment = pool.segment();
    for slot in 0..segment.geometry().total_slots() {
        assert!(segment.word(slot).is_at_rest(), "slot {slot} leaked");
    }
    assert_eq!(arena::taken(&segment), [0], "a block leaked");
    for index in 0..tiny.clients {
        let word = segment.client(index).word_acquire();
        assert!(word.is_free(), "client {index}");
        check_ring(segment.completion_ring(index), tiny.completion);
    }
    for index in 0..tiny.workers {
        let word = segment.worker(index).word_acquire();
        assert!(word.is_free(), "worker {index}");
    }
    for index in 0..tiny.lanes {
        let word = segment.lane(index).word();
        assert!(word.is_free(), "lane {index}");
    }
    for mask in [H_IDLE, H_SEARCHING, H_IDLE_IO, H_SEARCHING_IO] {
        assert_eq!(
            segment.u64_at(mask).load(Ordering::Relaxed),
            0,
            "a lane's bit is left"
        );
    }
    for kind in segment.geometry().lane_kinds() {
        check_ring(segment.queue(*kind, 0), tiny.injector);
    }
    for (id, history) in &*ledger.borrow() {
        check_history(*id, history);
    }
}

fn check_history(id: u64, history: &History) {
    let attempts = u32::from(history.attempts);
    match &history.outcome {
        None => {}
        Some(Outcome::Completed { .. }) => assert!(history.runs >= 1, "task {id}: {history:?}"),
        Some(
            Outcome::Cancelled {
                may_have_run: false,
            }
            | Outcome::TimedOut {
                may_have_run: false,
            },
        ) => {
            assert_eq!(
                history.runs, 0,
                "task {id} was said not to have run: {history:?}"
            );
        }
        Some(Outcome::Crashed { attempts: made, .. }) => {
            assert_eq!(*made, attempts, "task {id}: {history:?}");
        }
        Some(Outcome::Cancelled { .. } | Outcome::TimedOut { .. }) => {}
        Some(Outcome::Failed {
            status: Status::ArenaExhausted,
            ..
        }) => {
            assert!(history.runs >= 1, "task {id}: {history:?}");
        }
        Some(Outcome::Failed { .. } | Outcome::Closed { .. }) => {
            panic!("task {id} ended without a cause: {history:?}")
        }
    }
    if !history.submitted && history.outcome.is_none() {
        // Rejected, or its client died before it knew. A rejected one did not run, but a dead
        // client's may have.
    }
}
