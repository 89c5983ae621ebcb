//! Tasks whose hints go together, and slots that are taken before their tasks are there.
//!
//! Made of a [`TaskTable`]. Invariant: a slot that was taken off the list is given back, or becomes
//! a task's.

use super::{Filled, Submitted, TaskKey, TaskTable};
use crate::client::outcome::TaskOptions;
use crate::error::Result;
use crate::format::layout::id_of;
use std::sync::Arc;

/// Tasks that are published, and whose hints are to come.
#[must_use = "lanes do not hear of what is not finished"]
#[derive(Debug)]
pub struct Batch<'t> {
    table: &'t TaskTable,
    filled: Vec<Filled>,
}

impl TaskTable {
    /// Several tasks whose hints go together: one fence and one wake.
    pub fn batch(&self) -> Batch<'_> {
        Batch {
            table: self,
            filled: Vec::new(),
        }
    }

    /// Takes a slot for a task that is still to come; `None` when none is free for this priority.
    pub fn reserve(self: &Arc<Self>, priority: u8) -> Option<Reservation> {
        let local = self.pop(priority).ok()?;
        Some(Reservation {
            table: Arc::clone(self),
            local: Some(local),
        })
    }
}

impl Batch<'_> {
    /// Adds a task. Its submit is told by [`Self::finish`].
    ///
    /// # Errors
    /// As [`TaskTable::submit`], but for a full queue, of which only a task with a key is told here.
    pub fn add(&mut self, handler: &str, request: &[u8], options: &TaskOptions) -> Result<TaskKey> {
        let table = self.table;
        let task = (handler, id_of(handler));
        let filled = table.admit(task, options).and_then(|flags| {
            let local = table.pop(options.priority)?;
            table.fill(local, (task, request), options, flags)
        });
        let filled = filled.and_then(|filled| table.publish(filled));
        let filled = filled.inspect_err(|error| table.refuse(error, task.1))?;
        let key = filled.key();
        self.filled.push(filled);
        Ok(key)
    }

    /// How many were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filled.len()
    }

    /// Whether none was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filled.is_empty()
    }

    /// Writes the hints, and wakes a lane. What became of each submit, in the order in which they
    /// were added.
    pub fn finish(mut self) -> Vec<Result<Submitted>> {
        self.hint()
    }

    fn hint(&mut self) -> Vec<Result<Submitted>> {
        let table = self.table;
        let hint = |filled: Filled| {
            // Before the slot is given back.
            let handler = table.at.segment.slot(table.slot(filled.local)).handler();
            (table.hint(filled)).inspect_err(|error| table.refuse(error, handler))
        };
        let submitted: Vec<_> = self.filled.drain(..).map(hint).collect();
        for kind in table.at.segment.geometry().lane_kinds() {
            if submitted.iter().flatten().any(|one| one.kind == *kind) {
                table.announce(*kind);
            }
        }
        submitted
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        // Of a caller that has panicked: what is published must not stay without a hint.
        drop(self.hint());
    }
}

/// A slot that is kept for a task. Dropped, it is free again.
#[derive(Debug)]
pub struct Reservation {
    table: Arc<TaskTable>,
    local: Option<u32>,
}

impl Reservation {
    /// As [`TaskTable::submit`], in this slot.
    ///
    /// # Errors
    /// As there, but for a slot.
    pub fn submit(
        mut self,
        handler: &str,
        request: &[u8],
        options: &TaskOptions,
    ) -> Result<Submitted> {
        let task = (handler, id_of(handler));
        let Some(local) = self.local else {
            unreachable!("it is taken here only");
        };
        let flags = self.table.admit(task, options);
        let flags = flags.inspect_err(|error| self.table.refuse(error, task.1))?;
        self.local = None;
        let table = &self.table;
        table.send(local, (task, request), options, flags)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(local) = self.local.take() {
            self.table.free.push(local);
        }
    }
}
