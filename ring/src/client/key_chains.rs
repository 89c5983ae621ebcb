//! The tasks of a client that have keys: which one is the last of its key, and which one is behind
//! another.
//!
//! Used by both tables of tasks under a lock of theirs. Invariant: a task is here from before it is
//! published until its slot may be used again, so the key line of each task that is the last of its
//! key is that task's.

use crate::client::attachment::Attachment;
use crate::client::outcome::{OnFailure, TaskOptions};
use crate::error::Result;
use crate::format::words::TaskWord;
use crate::queue::keys::poisons;
use crate::queue::wait::wake_after_publish;
use std::collections::HashMap;

/// A key as a task has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyed {
    hash: u64,
    fails: bool,
}

impl Keyed {
    /// The key of a task with these options, if it has one.
    ///
    /// # Errors
    /// When it can be none, or the pool takes none.
    #[inline(always)]
    pub(super) fn of(options: &TaskOptions, at: &Attachment) -> Result<Option<Self>> {
        if options.key.is_none() {
            return Ok(None);
        }
        Self::checked(options, at)
    }

    #[cold]
    fn checked(options: &TaskOptions, at: &Attachment) -> Result<Option<Self>> {
        let Some(key) = options.key else {
            return Ok(None);
        };
        Ok(Some(Self {
            hash: key.check(&at.segment)?,
            fails: options.on_failure == OnFailure::FailKey,
        }))
    }
}

#[derive(Debug)]
struct Chained {
    hash: u64,
    generation: u64,
    next: Option<u32>,
}

/// The tasks of a client that have keys.
#[derive(Debug, Default)]
pub(super) struct KeyChains {
    last: HashMap<u64, TaskWord>,
    // By slot.
    tasks: HashMap<u32, Chained>,
}

impl KeyChains {
    /// Publishes a task that is filled in but for its key line; whether its hint is to be written by
    /// the caller. Otherwise the end of the task before it leads to that.
    #[cold]
    pub(super) fn publish(
        &mut self,
        at: &Attachment,
        (slot, generation): (u32, u64),
        key: Keyed,
        publish: impl FnOnce(),
    ) -> bool {
        let Some(keys) = at.segment.keys() else {
            publish();
            return true;
        };
        let own = TaskWord::new(slot, generation);
        let before = self.last.insert(key.hash, own);
        let line = keys.line(slot);
        line.fill(
            generation,
            key.hash,
            before.unwrap_or(TaskWord::NONE),
            key.fails,
        );
        failpoint!("key.filled");
        let chained = Chained {
            hash: key.hash,
            generation,
            next: None,
        };
        self.tasks.insert(slot, chained);
        publish();
        let Some(before) = before else { return true };
        let prior = before.slot().and_then(|prior| self.tasks.get_mut(&prior));
        if let Some(prior) = prior {
            prior.next = Some(slot);
        }
        !keys.link(before, slot)
    }

    /// A task was taken back, since its hint found no room: nothing is behind it.
    pub(super) fn forget(&mut self, slot: u32) {
        if let Some(chained) = self.tasks.remove(&slot)
            && self.last.get(&chained.hash) == Some(&TaskWord::new(slot, chained.generation))
        {
            self.last.remove(&chained.hash);
        }
    }

    /// A task has ended, and its slot is about to be used again: what is behind it learns whether it
    /// may run, and gets its hint if it has none yet.
    #[inline(always)]
    pub(super) fn ended(&mut self, at: &Attachment, slot: u32) {
        if !self.tasks.is_empty() {
            self.end(at, slot);
        }
    }

    #[cold]
    fn end(&mut self, at: &Attachment, slot: u32) {
        let Some(chained) = self.tasks.get(&slot) else {
            return;
        };
        let (generation, next) = (chained.generation, chained.next);
        self.forget(slot);
        let Some(keys) = at.segment.keys() else {
            return;
        };
        let Some(next) = next.filter(|next| {
            self.tasks.contains_key(next)
                && keys.line(*next).before() == TaskWord::new(slot, generation)
        }) else {
            return; // that has ended, too
        };
        let end = at.end_of(slot, generation);
        if end.is_some_and(|end| poisons(end, keys.line(slot).fails())) {
            keys.line(next).poison();
        }
        failpoint!("key.poisoned");
        if keys.hint_next_for_client(slot, generation) {
            let kind = at.segment.slot(next).published().lane_kind();
            wake_after_publish(&at.segment, kind);
        }
    }
}
