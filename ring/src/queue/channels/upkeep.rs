//! What the supervisor does for channels: it gives back what the dead held, and looks for words that no
//! process of ours writes.

use super::{ChannelRing, is_before};
use crate::format::layout::EVENT_POSITION_MASK;
use crate::format::words::{CellKind, CellWord, Publisher};
use crate::os::sync::Ordering;
use crate::records::{CORRUPT_AFTER, ChannelSide};
use crate::segment::Segment;

/// Does for all channels what a dead process leaves to do. For the reaper.
pub(crate) fn forget(segment: &Segment, dead: Publisher) {
    for channel in segment.channels() {
        channel.forget(dead);
    }
}

impl ChannelRing<'_> {
    /// What a dead process was sending will not come, and what it had taken is there again, or lost,
    /// as the channel says. For the reaper, before the entry is free.
    pub(crate) fn forget(self, dead: Publisher) {
        // Before the cells: a message that is FULL behind the head is one that another reaper,
        // which died, has put back.
        let head = self.head().position();
        let mut first: Option<u64> = None;
        for index in 0..self.capacity() {
            for _ in 0..CORRUPT_AFTER {
                let seen = self.seen(index);
                let own = seen.process() == dead;
                let to = match seen.kind() {
                    Some(CellKind::Filling | CellKind::Passed) if own => seen.with(CellKind::Void),
                    Some(CellKind::Taken) if own && self.place.config.once => {
                        seen.with(CellKind::Void)
                    }
                    Some(CellKind::Taken) if own => seen.again(),
                    Some(CellKind::Full) if is_before(seen.position(), head) => seen,
                    _ => break,
                };
                // Fails when a sender moves it up.
                if to == seen || self.change(index, seen, to) {
                    failpoint!("reap.channel_cell");
                    let position = seen.position();
                    if to.kind() == Some(CellKind::Full)
                        && first.is_none_or(|first| is_before(position, first))
                    {
                        first = Some(position);
                    }
                    break;
                }
            }
        }
        if let Some(first) = first {
            self.set_back(first);
            failpoint!("reap.channel_back");
        }
        if let Publisher::Client(client) = dead {
            self.set_bit(client, ChannelSide::Receivers, false);
            self.set_bit(client, ChannelSide::Senders, false);
        }
        // It may have died before it woke, or when it was woken.
        self.wake_all(ChannelSide::Receivers);
        self.wake_all(ChannelSide::Senders);
    }

    /// What is wrong with its head, if no process of ours can have left it so. For the audit, with the
    /// tail that it saw before.
    pub(crate) fn problem(self, tail_before: u64, steps: u64) -> Option<&'static str> {
        if !self.record().is_of(&self.place.config, self.place.first) {
            return Some("what never changes of its head was overwritten");
        }
        // The head first: whatever moves meanwhile moves the right way.
        let head = self.head().position();
        let tail = self.tail();
        if tail > EVENT_POSITION_MASK
            || tail.wrapping_sub(tail_before) & EVENT_POSITION_MASK > steps
        {
            return Some("its tail has moved further than any process can move it, or back");
        }
        // A sender that has a cell may not have moved the tail yet.
        if is_before(tail.wrapping_add(1) & EVENT_POSITION_MASK, head) {
            return Some("its head is beyond its tail");
        }
        let clients = self.segment.geometry().max_clients as usize;
        let last = self.mask_words() - 1;
        let unused = u64::MAX
            .checked_shl((clients - 64 * last) as u32)
            .unwrap_or(0);
        let beyond = |side| self.record().mask(side, last).load(Ordering::Relaxed) & unused != 0;
        (beyond(ChannelSide::Receivers) || beyond(ChannelSide::Senders))
            .then_some("a bit says that a client waits that does not exist")
    }

    /// Whether the word of a cell is one that a process of ours writes. For the audit.
    pub(crate) fn cell_is_possible(self, index: u64) -> bool {
        let g = self.segment.geometry();
        let seen = self.seen(index);
        let Some(kind) = seen.kind() else {
            return false;
        };
        let exists = match seen.process() {
            Publisher::Supervisor => true,
            Publisher::Client(client) => client < g.max_clients,
            Publisher::Worker(worker) => worker < g.max_workers,
        };
        let position = seen.position();
        if seen.has_unused_bits() || !exists || self.index(position) != index {
            return false;
        }
        if kind == CellKind::Empty && seen != CellWord::empty(position) {
            return false;
        }
        // The tail is read after the word. A cell is open for one lap beyond it at most.
        let most = self.tail().wrapping_add(self.capacity()) & EVENT_POSITION_MASK;
        !is_before(most, position)
    }
}
