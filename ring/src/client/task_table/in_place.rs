//! Requests that are written, and results that are read, in shared memory.
//!
//! Made of a [`TaskTable`], which lives as long as they do. Invariant: a slot whose room is claimed
//! is in FILLING, and one whose result is leased in LEASED, so no other thread touches them.

use super::{Ended, Filled, Filling, IN_PLACE, LEASED, SlotWord, Submitted, TaskKey};
use super::{Taking, TaskTable, lock};
use crate::client::attachment::Counting;
use crate::client::outcome::TaskOptions;
use crate::error::Result;
use crate::format::layout::id_of;
use crate::format::states::Codec;
use crate::format::words::Word;
use crate::queue::arena::BlockRef;
use std::fmt;
use std::sync::Arc;

/// How a task ended whose result is read in place.
#[derive(Debug)]
pub enum InPlace {
    /// With this result.
    Leased(Lease),
    /// Otherwise.
    Ended(Ended),
}

impl TaskTable {
    /// Takes a slot and room for a request of `len` bytes, to be written in place. Its result is
    /// read in place, too: [`Self::take_in_place`].
    ///
    /// # Errors
    /// As [`TaskTable::submit`].
    pub fn claim(
        self: &Arc<Self>,
        handler: &str,
        len: usize,
        options: TaskOptions,
    ) -> Result<RoomClaim> {
        let claimed = self.check_open().and_then(|()| {
            let local = self.pop(options.priority)?;
            let filling = self.begin(local, (handler, id_of(handler)), &options, IN_PLACE)?;
            let (slot, generation) = (self.slot(local), filling.word.generation());
            let block = self.at.take_room(slot, generation, len);
            let block = block.inspect_err(|_| self.give_back(&filling))?;
            Ok((filling, block))
        });
        let (filling, block) = claimed.inspect_err(|error| self.refuse(error, id_of(handler)))?;
        Ok(RoomClaim {
            table: Arc::clone(self),
            handler: handler.to_owned(),
            options,
            filling: Some(filling),
            block,
            len,
        })
    }

    /// As [`Self::take`], but a result stays where it is until its [`Lease`] is dropped.
    #[must_use]
    pub fn take_in_place(self: &Arc<Self>, key: TaskKey) -> Option<InPlace> {
        let (word, end) = match self.begin_taking(key)? {
            Taking::Ended(word, end) => (word, end),
            Taking::Kept(ended) => return Some(InPlace::Ended(ended)),
        };
        let (local, slot) = (key.local, self.slot(key.local));
        let Some((codec, from, len)) = self.at.lease(slot, end, Counting::Shared) else {
            let ended = self.read(local, word, end, false);
            self.release(local, word);
            return Some(InPlace::Ended(ended));
        };
        if let Some((handler, ran)) = self.at.run_time(slot, end) {
            lock(&self.backlog).run_times.ran(handler, ran);
        }
        self.judge(local, word, true);
        self.set(local, word.to(LEASED));
        Some(InPlace::Leased(Lease {
            table: Arc::clone(self),
            local,
            word,
            end,
            codec,
            from,
            len,
        }))
    }
}

/// A slot, and the room for its request. Dropped, both are free again.
pub struct RoomClaim {
    table: Arc<TaskTable>,
    handler: String,
    options: TaskOptions,
    filling: Option<Filling>,
    block: Option<BlockRef>,
    len: usize,
}

impl fmt::Debug for RoomClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomClaim")
            .field("handler", &self.handler)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl RoomClaim {
    /// The room, as large as was asked for. What is in it at first is arbitrary.
    pub fn request(&mut self) -> &mut [u8] {
        let Some(filling) = &self.filling else {
            unreachable!("it is taken by `submit` and by the drop only");
        };
        let slot = self.table.slot(filling.local);
        // SAFETY: slot and block are this claim's until it is submitted or dropped, which `&mut
        // self` keeps from happening, and from another slice; the table keeps the segment.
        unsafe { self.table.at.room(slot, self.block, self.len) }
    }

    /// Submits the first `len` bytes of the room.
    ///
    /// # Errors
    /// As [`TaskTable::submit`]; nothing was sent then.
    ///
    /// # Panics
    /// When `len` is more than the room.
    pub fn submit(mut self, len: usize, codec: Codec) -> Result<Submitted> {
        assert!(
            len <= self.len,
            "a request of {len} bytes, and room for {} was claimed",
            self.len
        );
        let task = (&*self.handler, id_of(&self.handler));
        let flags = self.table.admit(task, &self.options);
        let flags = flags.inspect_err(|error| self.table.refuse(error, task.1))?;
        let Some(filling) = self.filling.take() else {
            unreachable!("it is taken here and by the drop only");
        };
        self.options.codec = codec;
        let table = &self.table;
        let (_, fields) = table.at.numbered(table.slot(filling.local));
        let generation = filling.word.generation();
        let request = (task.1, self.block, len);
        let (published, deadline_ns) =
            (table.at).fill_in(fields, generation, request, &self.options, table.samples());
        let filled = Filled {
            local: filling.local,
            word: SlotWord(filling.word.0 | flags),
            published,
            deadline_ns,
            key: filling.key,
            hinted: false,
        };
        let submitted = table.publish(filled);
        let submitted = submitted.and_then(|filled| table.hint(filled));
        table.tell(&submitted, task.1);
        submitted
    }
}

impl Drop for RoomClaim {
    fn drop(&mut self) {
        if let Some(filling) = self.filling.take() {
            let (slot, generation) = (self.table.slot(filling.local), filling.word.generation());
            self.table.at.give_room_back(slot, generation, self.block);
            self.table.give_back(&filling);
        }
    }
}

/// A result in shared memory. Dropped, its slot and its block are free.
pub struct Lease {
    table: Arc<TaskTable>,
    local: u32,
    word: SlotWord,
    end: Word,
    codec: Codec,
    from: usize,
    len: usize,
}

impl Lease {
    /// Codec of the bytes.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The result.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the place is that of the lease, which ends by the drop; the table keeps the
        // segment.
        unsafe { self.table.at.leased(self.from, self.len) }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("codec", &self.codec)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.table.at.release(self.table.slot(self.local), self.end);
        self.table.release(self.local, self.word);
    }
}
