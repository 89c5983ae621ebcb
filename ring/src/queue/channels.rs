//! Channels: named bounded rings of cells of a fixed size, between any two clients.
//!
//! Invariant: a position is settled by the word of its cell alone. Head and tail are shortcuts that
//! all move on for one another: the tail passes a position once a sender has its cell, or a cell
//! that is still held from the lap before was moved up to it; the head passes one once its message
//! is taken, or will not come. So a process that stops or dies holds one cell, and not the ring. A
//! cell that is FILLING, PASSED or TAKEN is one thread's until that thread, or the reaper, gives it
//! back. See docs/internals/protocol.md section 21.

pub(crate) mod upkeep;
pub mod waiting;

use crate::format::channel::{ChannelConfig, ChannelPlace};
use crate::format::layout::{CHANNEL_BACK_SHIFT, EVENT_POSITION_MASK};
use crate::format::states::Codec;
use crate::format::words::{CellKind, CellWord, Lap, Publisher};
use crate::os::clock::now_ns;
use crate::os::sync::{self, Ordering, retry};
use crate::records::{CORRUPT_AFTER, CellRecord, ChannelRecord, ChannelSide};
use crate::segment::Segment;
// Private to the process: no model checker need see it.
use std::sync::atomic::AtomicU64 as PrivateU64;

/// How long a receiver waits for a message that is being written, in ns. Writing takes tens of
/// them, or as long as a copy of the message: a sender that takes so long was stopped, or died. In
/// the models a receiver looks twice: there each sender may be stopped.
const PATIENCE_NS: u64 = if cfg!(ringwork_model) { 0 } else { 1_000_000 };

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// Each cell has a message, or a receiver that still has one.
    #[error(
        "the channel is full: its receivers do not keep up, raise its capacity or wait for room with send"
    )]
    Full,
    /// The message is too large.
    #[error(
        "the message has {len} bytes, and a cell of this channel room for {size}: raise the channel's size, or send \
             it as a task"
    )]
    TooLarge {
        /// Bytes of the message.
        len: usize,
        /// Most bytes of a message.
        size: u32,
    },
    /// The messages of the channel have another codec.
    #[error(
        "the message is {sent}, and those of this channel are {carried}: send that, or have a channel for each"
    )]
    Codec {
        /// Codec of this message.
        sent: Codec,
        /// Codec of the others.
        carried: Codec,
    },
    /// The reaper has taken this process for dead, or the channel's words are none of ours.
    #[error(
        "the pool has taken this process for dead, or the channel is damaged: see the log of its supervisor"
    )]
    Refused,
}

/// The words of a channel are none of ours, or the reaper has taken this process for dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the pool has taken this process for dead, or the channel is damaged: see the log of its supervisor"
)]
pub struct Damaged;

/// A channel of a segment.
#[derive(Debug, Clone, Copy)]
pub struct ChannelRing<'s> {
    segment: &'s Segment,
    place: &'s ChannelPlace,
}

impl Segment {
    /// The channel at a place of the table.
    #[must_use]
    pub fn channel(&self, index: usize) -> Option<ChannelRing<'_>> {
        let place = self.channel_places().get(index)?;
        Some(ChannelRing {
            segment: self,
            place,
        })
    }

    /// All channels.
    pub fn channels(&self) -> impl Iterator<Item = ChannelRing<'_>> {
        self.channel_places().iter().map(|place| ChannelRing {
            segment: self,
            place,
        })
    }
}

/// A message that a receiver has taken; its cell is held until it is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    index: u64,
    /// How often a receiver died that had it; 3 stands for more, too.
    pub attempt: u32,
    /// Codec of its bytes, as its sender wrote it.
    pub codec: u8,
    /// Number of its bytes.
    pub len: usize,
}

/// What the receivers of a process remember between two looks: the position that is being written,
/// and since when. A guess: they may share it, and overwrite one another's.
#[derive(Debug, Default)]
pub struct Patience {
    // The position + 1.
    position: PrivateU64,
    since: PrivateU64,
}

impl Patience {
    /// Whether a receiver waits on for the message at a position.
    fn lasts(&self, position: u64) -> bool {
        let now = now_ns();
        if self.position.load(Ordering::Relaxed) == position + 1 {
            let since = self.since.load(Ordering::Relaxed);
            return now.saturating_sub(since) < PATIENCE_NS;
        }
        self.since.store(now, Ordering::Relaxed);
        self.position.store(position + 1, Ordering::Relaxed);
        true
    }
}

/// What a receiver finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// A message.
    Full,
    /// One that is being written.
    Filling,
    /// None.
    Nothing,
}

/// The head: a position, and how often it was set back. The latter lets a step of a receiver fail
/// that was judged before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head(u64);

impl Head {
    const fn position(self) -> u64 {
        self.0 & EVENT_POSITION_MASK
    }

    const fn at(self, position: u64) -> Self {
        Self(self.0 & !EVENT_POSITION_MASK | position & EVENT_POSITION_MASK)
    }

    const fn back_to(self, position: u64) -> Self {
        let back = (self.0 >> CHANNEL_BACK_SHIFT).wrapping_add(1);
        Self(back << CHANNEL_BACK_SHIFT | position & EVENT_POSITION_MASK)
    }
}

/// Whether a position comes before another one.
const fn is_before(position: u64, other: u64) -> bool {
    let ahead = other.wrapping_sub(position) & EVENT_POSITION_MASK;
    ahead != 0 && ahead <= EVENT_POSITION_MASK / 2
}

impl<'s> ChannelRing<'s> {
    /// What was chosen for it.
    #[must_use]
    pub fn config(self) -> &'s ChannelConfig {
        &self.place.config
    }

    /// Codec of its messages, once that is known; 255 for none of ours.
    #[must_use]
    pub fn codec(self) -> Option<u8> {
        self.record().codec()
    }

    /// Positions that senders have passed: about the number of messages so far.
    #[must_use]
    pub fn tail(self) -> u64 {
        // pairs with the release in `move_tail`: a cell before it was seen taken.
        self.record().tail().load(Ordering::Acquire)
    }

    /// About how many messages wait.
    #[must_use]
    pub fn depth(self) -> u64 {
        let head = self.head().position();
        let tail = self.tail();
        if is_before(head, tail) {
            (tail.wrapping_sub(head) & EVENT_POSITION_MASK).min(self.capacity())
        } else {
            0
        }
    }

    #[inline(always)]
    fn record(self) -> ChannelRecord<'s> {
        self.segment.channel_head(self.place)
    }

    #[inline(always)]
    fn capacity(self) -> u64 {
        u64::from(self.place.config.capacity)
    }

    #[inline(always)]
    fn index(self, position: u64) -> u64 {
        position & (self.capacity() - 1)
    }

    #[inline(always)]
    fn cell(self, index: u64) -> CellRecord<'s> {
        self.segment.cell(self.place, index)
    }

    #[inline(always)]
    fn seen(self, index: u64) -> CellWord {
        self.cell(index).word_acquire(index)
    }

    #[inline(always)]
    fn change(self, index: u64, from: CellWord, to: CellWord) -> bool {
        self.cell(index).change(index, from, to)
    }

    #[inline(always)]
    fn head(self) -> Head {
        // pairs with the release in `move_head` and `set_back`.
        Head(self.record().head().load(Ordering::Acquire))
    }

    #[inline(always)]
    fn move_tail(self, from: u64) {
        let next = from.wrapping_add(1) & EVENT_POSITION_MASK;
        let tail = self.record().tail();
        let _ = tail.compare_exchange(from, next, Ordering::AcqRel, Ordering::Relaxed);
    }

    #[inline(always)]
    fn move_head(self, from: Head) {
        let next = from.at(from.position().wrapping_add(1));
        let head = self.record().head();
        let _ = head.compare_exchange(from.0, next.0, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Goes round so often before the words are taken for none of ours.
    fn patience(self) -> u64 {
        u64::from(CORRUPT_AFTER) + 2 * self.capacity()
    }

    /// Whether a message of this codec and length can be sent.
    ///
    /// # Errors
    /// [`NotSent::TooLarge`], [`NotSent::Codec`].
    #[inline(always)]
    fn check(self, codec: Codec, len: usize) -> Result<(), NotSent> {
        let size = self.place.config.size;
        if len > size as usize {
            return Err(NotSent::TooLarge { len, size });
        }
        let known = self.codec();
        let carried = known.unwrap_or_else(|| self.record().settle_codec(codec));
        match Codec::from_word(carried) {
            Ok(carried) if carried == codec => Ok(()),
            Ok(carried) => Err(NotSent::Codec {
                sent: codec,
                carried,
            }),
            Err(_) => Err(NotSent::Refused),
        }
    }

    /// Sends a message, if there is room.
    ///
    /// # Errors
    /// [`NotSent`].
    #[inline]
    pub fn try_send(self, sender: Publisher, codec: Codec, bytes: &[u8]) -> Result<(), NotSent> {
        self.send_while(sender, codec, bytes, || ())
    }

    /// As [`Self::try_send`]; `writing` is called while the cell is FILLING.
    #[inline(always)]
    pub(crate) fn send_while(
        self,
        sender: Publisher,
        codec: Codec,
        bytes: &[u8],
        writing: impl Fn(),
    ) -> Result<(), NotSent> {
        self.check(codec, bytes.len())?;
        for _ in 0..CORRUPT_AFTER {
            let index = self.claim(sender)?;
            failpoint!("channel.tail_moved");
            self.write(index, codec, bytes);
            writing();
            failpoint!("channel.written");
            if self.fill(index, sender)? {
                failpoint!("channel.full");
                self.wake_after(ChannelSide::Receivers);
                return Ok(());
            }
            failpoint!("channel.passed_on");
            self.wake_senders();
        }
        Err(NotSent::Refused)
    }

    /// Takes a cell for a sender.
    fn claim(self, sender: Publisher) -> Result<u64, NotSent> {
        let mut held = 0;
        for _ in 0..self.patience() {
            let tail = self.tail();
            let index = self.index(tail);
            let seen = self.seen(index);
            let Some(kind) = seen.kind() else {
                return Err(NotSent::Refused);
            };
            match (seen.seen_from(tail), kind) {
                (Lap::Same, CellKind::Empty) | (Lap::Before, CellKind::Void) => {
                    if self.change(index, seen, CellWord::filling(tail, sender)) {
                        failpoint!("channel.claimed");
                        self.move_tail(tail);
                        return Ok(index);
                    }
                }
                // Another sender has it, or it was moved up, and the tail was not moved yet. In the
                // latter case it may be open again by now, in the lap behind.
                (Lap::Same | Lap::Beyond, _) => self.move_tail(tail),
                (Lap::Before, CellKind::Full) => return Err(NotSent::Full),
                // Still held from the lap before: it is moved up to this position, so that none
                // can be sent there, and left out.
                (Lap::Before, CellKind::Filling | CellKind::Passed | CellKind::Taken) => {
                    if held == self.capacity() {
                        return Err(NotSent::Full);
                    }
                    if self.change(index, seen, seen.at(tail)) {
                        failpoint!("channel.moved_up");
                        self.move_tail(tail);
                        held += 1;
                    }
                }
                // The tail was stale.
                (Lap::Before, CellKind::Empty) => retry(),
            }
        }
        Err(NotSent::Refused)
    }

    #[inline(always)]
    fn write(self, index: u64, codec: Codec, bytes: &[u8]) {
        self.cell(index).set_about(bytes.len(), codec);
        let start = self
            .segment
            .bytes_at(self.place.bytes_at(index), bytes.len());
        sync::writes(start, bytes.len());
        // SAFETY: in bounds by `bytes_at`; the cell is FILLING, or PASSED, in this thread's name,
        // so no other thread of a process of ours touches its bytes.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len()) };
    }

    /// FILLING → FULL; `false`: receivers have passed it, and the message is to be sent again.
    #[inline(always)]
    fn fill(self, index: u64, sender: Publisher) -> Result<bool, NotSent> {
        for _ in 0..self.patience() {
            let seen = self.seen(index);
            let (to, sent) = match seen.kind() {
                _ if seen.process() != sender => return Err(NotSent::Refused),
                Some(CellKind::Filling) => (seen.with(CellKind::Full), true),
                Some(CellKind::Passed) => (self.emptied(seen), false),
                _ => return Err(NotSent::Refused),
            };
            // Fails when another sender moves it up, or a receiver passes it.
            if self.change(index, seen, to) {
                return Ok(sent);
            }
        }
        Err(NotSent::Refused)
    }

    /// The word of a cell that is given back: open in the lap behind.
    fn emptied(self, word: CellWord) -> CellWord {
        CellWord::empty(word.position().wrapping_add(self.capacity()))
    }

    /// Takes the next message, if there is one. It holds its cell until [`Self::release`].
    ///
    /// # Errors
    /// [`Damaged`].
    pub fn try_take(
        self,
        receiver: Publisher,
        patience: &Patience,
    ) -> Result<Option<Taken>, Damaged> {
        for _ in 0..self.patience() {
            let (head, index, seen, found) = self.look()?;
            match found {
                Look::Nothing => return Ok(None),
                Look::Filling if patience.lasts(head.position()) => return Ok(None),
                Look::Filling => {
                    if self.change(index, seen, seen.with(CellKind::Passed)) {
                        failpoint!("channel.passed");
                        self.move_head(head);
                    }
                }
                Look::Full => {
                    if self.change(index, seen, seen.taken_by(receiver)) {
                        failpoint!("channel.taken");
                        self.move_head(head);
                        failpoint!("channel.head_moved");
                        // What is behind it may be open: the sender that waits leaves this one out.
                        self.wake_senders();
                        let (len, codec) = self.cell(index).about();
                        return Ok(Some(Taken {
                            index,
                            attempt: seen.attempt(),
                            codec,
                            len: len.min(self.place.config.size as usize),
                        }));
                    }
                }
            }
        }
        Err(Damaged)
    }

    /// What stands at the head, which is moved on over all that is over.
    #[inline(always)]
    fn look(self) -> Result<(Head, u64, CellWord, Look), Damaged> {
        for _ in 0..self.patience() {
            let head = self.head();
            let index = self.index(head.position());
            let seen = self.seen(index);
            let kind = seen.kind().ok_or(Damaged)?;
            let found = match (seen.seen_from(head.position()), kind) {
                (Lap::Same, CellKind::Full) => Look::Full,
                (Lap::Same, CellKind::Filling) => Look::Filling,
                (Lap::Same, CellKind::Empty) | (Lap::Before, _) => Look::Nothing,
                (Lap::Same, _) | (Lap::Beyond, _) => {
                    self.move_head(head);
                    continue;
                }
            };
            return Ok((head, index, seen, found));
        }
        Err(Damaged)
    }

    /// Copies the bytes of a message that this process has taken behind those of `buffer`.
    #[inline(always)]
    pub fn read(self, taken: &Taken, buffer: &mut Vec<u8>) {
        buffer.reserve(taken.len);
        let at = self.place.bytes_at(self.index(taken.index));
        let start = self.segment.bytes_at(at, taken.len);
        sync::reads(start, taken.len);
        let behind = buffer.len();
        // SAFETY: in bounds by `bytes_at`; the cell is TAKEN in this thread's name, so no process
        // of ours writes its bytes. The buffer has room for `len` more bytes, and has them before
        // its length says so.
        unsafe {
            let to = buffer.as_mut_ptr().add(behind);
            std::ptr::copy_nonoverlapping(start.cast_const(), to, taken.len);
            buffer.set_len(behind + taken.len);
        };
    }

    /// Gives back the cell of a message that was taken by `receiver`: the message is over.
    #[inline(always)]
    pub fn release(self, receiver: Publisher, taken: Taken) {
        if self.give(receiver, taken, |word| self.emptied(word)) {
            failpoint!("channel.released");
            self.wake_senders();
        }
    }

    /// Puts a message that was taken by `receiver` back: the next receiver has it again, marked as
    /// that of a receiver that died is.
    pub fn put_back(self, receiver: Publisher, taken: Taken) {
        let mut position = 0;
        let given = self.give(receiver, taken, |word| {
            position = word.position();
            word.again()
        });
        if given {
            self.set_back(position);
            self.wake_after(ChannelSide::Receivers);
        }
    }

    /// Changes the word of a cell that is TAKEN by `receiver`.
    #[inline(always)]
    fn give(
        self,
        receiver: Publisher,
        taken: Taken,
        mut to: impl FnMut(CellWord) -> CellWord,
    ) -> bool {
        let index = self.index(taken.index);
        for _ in 0..self.patience() {
            let seen = self.seen(index);
            if seen.kind() != Some(CellKind::Taken) || seen.process() != receiver {
                return false; // the reaper has taken this process for dead
            }
            // Fails when a sender moves it up.
            if self.change(index, seen, to(seen)) {
                return true;
            }
        }
        false
    }

    /// Sets the head back to a position whose message is there again. Always a change, so that a step
    /// of the head fails that was judged by the word of before.
    fn set_back(self, position: u64) {
        let head = self.record().head();
        for _ in 0..CORRUPT_AFTER {
            let seen = self.head();
            let to = if is_before(position, seen.position()) {
                seen.back_to(position)
            } else {
                seen.back_to(seen.position())
            };
            let set = head.compare_exchange(seen.0, to.0, Ordering::AcqRel, Ordering::Relaxed);
            if set.is_ok() {
                return;
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn is_held(self, index: u64) -> bool {
        let kind = self.seen(index).kind();
        !matches!(
            kind,
            Some(CellKind::Empty | CellKind::Full | CellKind::Void)
        )
    }
}

#[cfg(test)]
mod tests;
