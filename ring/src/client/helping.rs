//! Which thread of a process takes completions in: its poller, or a thread that spins for its own
//! task.
//!
//! Used by [`crate::client::TaskTable`]. Completions may be taken in by any number of threads; this
//! is about wakes. A lane that ends a task calls the futex only if `waiting` of the client's entry
//! is set, which the poller sets when it parks. A thread that spins for its own task *helps*: it
//! clears `waiting`, so that lanes spare the futex, and takes in what ends meanwhile.
//! docs/internals/poller.md has the argument for the Java client, whose steps 1 to 7 these are.
//!
//! Invariant: while a task is in flight, either a helper spins, or `waiting` is set, or a thread is
//! awake that will look at the ring before it sleeps.

use crate::client::attachment::Attachment;
use crate::os::sync::{AtomicU32, Ordering, fence};
use std::time::Duration;

#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Helping {
    /// 1 while a thread helps.
    held: AtomicU32,
    /// 1 when `waiting` was cleared by a helper, and the poller may sleep.
    disarmed: AtomicU32,
}

impl Helping {
    /// Takes the role of the helper; `false` when another thread has it.
    pub(super) fn begin(&self, at: &Attachment) -> bool {
        let taken = self
            .held
            .compare_exchange(0, 1, Ordering::SeqCst, Ordering::Relaxed);
        if taken.is_err() {
            return false;
        }
        if self.disarmed.load(Ordering::SeqCst) == 0 {
            at.record().set_waiting(false);
            // After `waiting`: a submitter that sees it arms. One that does not has published
            // before, and `end` sees its slot in use. A swap, as in `park`: of a poller that parks
            // at the same time both words are set last, or neither.
            self.disarmed.swap(1, Ordering::SeqCst);
        }
        failpoint!("help.begun");
        true
    }

    /// Gives the role up. The caller has taken in what has ended; `in_flight` says whether any slot
    /// is in use, and is asked after the role is free.
    pub(super) fn end(&self, at: &Attachment, in_flight: impl FnOnce() -> bool) {
        self.held.store(0, Ordering::SeqCst);
        // pairs with the submitter's read-modify-writes before `submitted`: it sees that the role
        // is free, or this thread sees its slot in use.
        fence(Ordering::SeqCst);
        failpoint!("help.ended");
        if self.disarmed.load(Ordering::SeqCst) == 1 && in_flight() {
            self.arm(at);
        }
    }

    /// After a task was published and hinted: lanes must wake the poller for it, unless a thread
    /// helps.
    #[inline]
    pub(super) fn submitted(&self, at: &Attachment) {
        if self.disarmed.load(Ordering::SeqCst) == 1 && self.held.load(Ordering::SeqCst) == 0 {
            self.arm(at);
        }
    }

    /// Has lanes wake the poller again.
    #[cold]
    fn arm(&self, at: &Attachment) {
        if self.disarmed.swap(0, Ordering::SeqCst) == 1 {
            at.record().set_waiting(true);
            failpoint!("help.armed");
            // pairs with the fence in `wake_client_after_hint`: a lane sees `waiting`, or its hint
            // is seen here.
            fence(Ordering::SeqCst);
            if at.has_completions() {
                at.wake_poller();
            }
        }
    }

    /// The poller sleeps until there is something to do, at most for `limit`. A wake since it asked
    /// for `seen` ([`Attachment::wakes`]) keeps it awake.
    pub(super) fn park(&self, at: &Attachment, seen: u32, limit: Duration) {
        if self.held.load(Ordering::SeqCst) == 1 && self.steps_aside() {
            // The helper arms when it leaves, and wakes this thread if it left something.
            at.sleep(seen, limit);
        } else {
            self.disarmed.swap(0, Ordering::SeqCst);
            at.park_since(seen, limit);
        }
    }

    /// Has the helper arm when it leaves, even if it found nothing to disarm: this thread, which had
    /// armed for its sleep before, has cleared `waiting` since, awake. `false` when the role is free.
    fn steps_aside(&self) -> bool {
        self.disarmed.swap(1, Ordering::SeqCst);
        // pairs with the fence in `end`: the helper sees the word, or this thread that it has left.
        fence(Ordering::SeqCst);
        self.held.load(Ordering::SeqCst) == 1
    }

    /// Its words, for the models.
    #[cfg(ringwork_model)]
    pub(crate) fn words(&self) -> [crate::model::Place; 2] {
        [self.held.place(), self.disarmed.place()]
    }
}
