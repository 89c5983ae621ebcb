//! How receivers and senders of a channel sleep and are woken.
//!
//! Invariant: a thread that sleeps has set its client's bit, and looked again since. Whatever makes
//! something to take, or room, is a compare-and-swap followed by a fence and a look at the bits. A bit
//! too many costs a system call; none is cleared but by its client, or by the reaper when that is
//! dead.

use super::{ChannelRing, Look, PATIENCE_NS};
use crate::format::layout::EVENT_POSITION_MASK;
use crate::format::words::{CellKind, Lap};
use crate::os::sync::{Ordering, fence, fence_after_rmw};
use crate::queue::wait::{futex_wait, futex_wake};
use crate::records::ChannelSide;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The longest that a receiver or sender sleeps: so late is it told when the one process that was to
/// wake it is stopped in the middle. One that dies there is made up for by the reaper.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// The threads of one client that wait at one channel. The client's bit is set while there are any.
#[derive(Debug, Default)]
pub struct Waiters {
    receivers: Mutex<u32>,
    senders: Mutex<u32>,
}

impl Waiters {
    fn of(&self, side: ChannelSide) -> &Mutex<u32> {
        match side {
            ChannelSide::Receivers => &self.receivers,
            ChannelSide::Senders => &self.senders,
        }
    }
}

impl ChannelRing<'_> {
    /// How many clients have threads that wait on a side.
    #[must_use]
    pub fn waiting(self, side: ChannelSide) -> u32 {
        (0..self.mask_words())
            .map(|word| {
                let mask = self.record().mask(side, word);
                mask.load(Ordering::Relaxed).count_ones()
            })
            .sum()
    }

    /// Whether a sender finds a cell.
    fn has_room(self) -> bool {
        let mut position = self.tail();
        for _ in 0..self.capacity() {
            let seen = self.seen(self.index(position));
            match (seen.seen_from(position), seen.kind()) {
                (Lap::Before, Some(CellKind::Full)) => return false,
                (Lap::Same, Some(CellKind::Empty))
                | (Lap::Before, Some(CellKind::Void))
                | (_, None) => return true,
                // Held, or the tail was stale: what is behind it decides.
                _ => position = position.wrapping_add(1) & EVENT_POSITION_MASK,
            }
        }
        false
    }

    pub(super) fn mask_words(self) -> usize {
        (self.segment.geometry().max_clients as usize).div_ceil(64)
    }

    /// Wakes one thread of a side, if any waits; behind a read-modify-write.
    #[inline(always)]
    pub(super) fn wake_after(self, side: ChannelSide) {
        // pairs with the fence in `wait`: one that goes to sleep has looked again since its bit was
        // set.
        fence_after_rmw();
        if self.waits(side) {
            self.wake(side, 1);
        }
    }

    #[inline(always)]
    fn waits(self, side: ChannelSide) -> bool {
        let record = self.record();
        (0..self.mask_words()).any(|word| record.mask(side, word).load(Ordering::Relaxed) != 0)
    }

    /// Wakes one sender, if any waits and would find a cell; behind a read-modify-write.
    #[inline(always)]
    pub(super) fn wake_senders(self) {
        // As in `wake_after`.
        fence_after_rmw();
        if self.waits(ChannelSide::Senders) && self.has_room() {
            self.wake(ChannelSide::Senders, 1);
        }
    }

    #[cold]
    fn wake(self, side: ChannelSide, count: i32) {
        let word = self.record().wake(side);
        failpoint!("channel.waking");
        word.fetch_add(1, Ordering::Release);
        failpoint!("channel.bumped");
        futex_wake(word, count);
    }

    /// Wakes all threads of a side, so that they look again.
    pub fn wake_all(self, side: ChannelSide) {
        self.wake(side, i32::MAX);
    }

    /// Wakes one more thread of a side if there is something for it: for a thread that was woken, and
    /// leaves what it was woken for to others.
    pub fn pass_on(self, side: ChannelSide) {
        if self.has_something(side) {
            self.wake_after(side);
        }
    }

    /// Whether a thread of a side would find a message, or room.
    #[must_use]
    pub fn has_something(self, side: ChannelSide) -> bool {
        match side {
            ChannelSide::Receivers => !matches!(self.look(), Ok((_, _, _, Look::Nothing))),
            ChannelSide::Senders => self.has_room(),
        }
    }

    /// Sleeps until there may be a message, or room, or the time is over. `waiters` are the threads
    /// of this client at this channel.
    pub fn wait(self, client: u32, waiters: &Waiters, side: ChannelSide, limit: Duration) {
        let word = self.record().wake(side);
        let seen = word.load(Ordering::Acquire);
        self.set_waiting(client, waiters, side, true);
        failpoint!("channel.asking");
        fence(Ordering::SeqCst);
        let limit = match side {
            ChannelSide::Receivers => match self.look() {
                // Of what is being written no news may come: its sender may be stopped.
                Ok((_, _, _, Look::Filling)) => limit.min(Duration::from_nanos(PATIENCE_NS)),
                Ok((_, _, _, Look::Nothing)) => limit.min(LONGEST_SLEEP),
                _ => Duration::ZERO,
            },
            ChannelSide::Senders if self.has_room() => Duration::ZERO,
            ChannelSide::Senders => limit.min(LONGEST_SLEEP),
        };
        if !limit.is_zero() {
            futex_wait(word, seen, limit);
        }
        self.set_waiting(client, waiters, side, false);
    }

    /// Counts a thread of a client that waits, or waits no more, and keeps the client's bit by that.
    fn set_waiting(self, client: u32, waiters: &Waiters, side: ChannelSide, on: bool) {
        let mut count = waiters
            .of(side)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *count = if on {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
        if *count == u32::from(on) {
            self.set_bit(client, side, on);
        }
    }

    pub(super) fn set_bit(self, client: u32, side: ChannelSide, on: bool) {
        let mask = self.record().mask(side, client as usize / 64);
        let bit = 1 << (client % 64);
        if on {
            mask.fetch_or(bit, Ordering::SeqCst);
        } else {
            mask.fetch_and(!bit, Ordering::SeqCst);
        }
    }
}
