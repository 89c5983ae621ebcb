//! The records of a channel: its head, and a cell.

use super::Part;
use crate::format::channel::ChannelConfig;
use crate::format::layout::*;
use crate::format::states::Codec;
use crate::format::words::CellWord;
use crate::os::sync::{AtomicU32, AtomicU64, Ordering};

/// The head of a channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelRecord<'s> {
    part: Part<'s, CHANNEL_STRIDE>,
}

/// What waits at a channel: receivers for messages, or senders for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelSide {
    /// Receivers wait for messages.
    Receivers,
    /// Senders wait for room.
    Senders,
}

impl<'s> ChannelRecord<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, CHANNEL_STRIDE>) -> Self {
        Self { part }
    }

    fn small(self, field: usize) -> u32 {
        self.part.u32_at(field).load(Ordering::Relaxed)
    }

    /// Writes what never changes; before the segment is ready.
    pub(crate) fn fill(self, config: &ChannelConfig, first: u32) {
        let flags = if config.once { CHANNEL_ONCE } else { 0 };
        let fields = [
            (CHANNEL_CAPACITY, config.capacity),
            (CHANNEL_SIZE, config.size),
            (CHANNEL_FIRST, first),
            (CHANNEL_FLAGS, flags),
        ];
        for (field, value) in fields {
            self.part.u32_at(field).store(value, Ordering::Relaxed);
        }
        if let Some(codec) = config.codec {
            self.codec_word()
                .store(u32::from(codec.word()) + 1, Ordering::Relaxed);
        }
        self.part
            .put_padded(CHANNEL_NAME, &config.name, CHANNEL_NAME_MAX);
    }

    /// What it says of itself, but for the codec, which may come with the first message; and the
    /// record at which its cells begin.
    pub(crate) fn config(self) -> (ChannelConfig, u32) {
        let name = self.part.get_padded(CHANNEL_NAME, CHANNEL_NAME_MAX);
        let config =
            ChannelConfig::new(name, self.small(CHANNEL_CAPACITY), self.small(CHANNEL_SIZE));
        let once = self.small(CHANNEL_FLAGS) & CHANNEL_ONCE != 0;
        (config.once(once), self.small(CHANNEL_FIRST))
    }

    fn codec_word(self) -> &'s AtomicU32 {
        self.part.u32_at(CHANNEL_CODEC)
    }

    /// The word of the codec of its messages, if that is known.
    #[inline(always)]
    pub(crate) fn codec(self) -> Option<u8> {
        // Relaxed: it changes once, and nothing depends on it.
        self.codec_word()
            .load(Ordering::Relaxed)
            .checked_sub(1)
            .map(|word| u8::try_from(word).unwrap_or(u8::MAX))
    }

    /// Says that its messages have this codec, unless that is known; the word of the one that they
    /// have.
    pub(crate) fn settle_codec(self, codec: Codec) -> u8 {
        let own = u32::from(codec.word()) + 1;
        let settled =
            self.codec_word()
                .compare_exchange(0, own, Ordering::Relaxed, Ordering::Relaxed);
        match settled {
            Ok(_) => codec.word(),
            Err(found) => u8::try_from(found - 1).unwrap_or(u8::MAX),
        }
    }

    /// Position of the next message.
    #[inline(always)]
    pub(crate) fn tail(self) -> &'s AtomicU64 {
        self.part.u64_at(CHANNEL_TAIL)
    }

    /// Position of the next message that a receiver looks at, and how often it was set back.
    #[inline(always)]
    pub(crate) fn head(self) -> &'s AtomicU64 {
        self.part.u64_at(CHANNEL_HEAD)
    }

    /// The futex word of a side.
    pub(crate) fn wake(self, side: ChannelSide) -> &'s AtomicU32 {
        self.part.u32_at(match side {
            ChannelSide::Receivers => CHANNEL_RECEIVERS,
            ChannelSide::Senders => CHANNEL_SENDERS,
        })
    }

    /// A word of the mask of a side: that of clients `64 * index` and following.
    #[inline(always)]
    pub(crate) fn mask(self, side: ChannelSide, index: usize) -> &'s AtomicU64 {
        let mask = match side {
            ChannelSide::Receivers => CHANNEL_RECEIVERS_MASK,
            ChannelSide::Senders => CHANNEL_SENDERS_MASK,
        };
        self.part.u64_at(mask + 8 * index)
    }

    /// For the audit: whether what never changes is still this.
    pub(crate) fn is_of(self, config: &ChannelConfig, first: u32) -> bool {
        let codec = self.small(CHANNEL_CODEC);
        let (found, begins) = self.config();
        found.codec(config.codec) == *config
            && begins == first
            && (codec == 0 || Codec::from_word((codec - 1) as u8).is_ok() && codec <= 0x100)
    }
}

/// A cell of a channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CellRecord<'s> {
    part: Part<'s, CELL_BYTES>,
}

impl<'s> CellRecord<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, CELL_BYTES>) -> Self {
        Self { part }
    }

    /// The word, from which another one follows by CAS.
    #[inline(always)]
    pub(crate) fn word(self) -> &'s AtomicU64 {
        self.part.u64_at(CELL_WORD)
    }

    /// The word of the cell at an index, after which what it says is read.
    #[inline(always)]
    pub(crate) fn word_acquire(self, index: u64) -> CellWord {
        // pairs with the release of the CAS that every other word of a cell follows by.
        match self.word().load(Ordering::Acquire) {
            0 => CellWord::empty(index), // it was never used
            word => CellWord(word),
        }
    }

    /// Changes the word of the cell at an index from one that was seen; `false` when it has changed.
    #[inline(always)]
    pub(crate) fn change(self, index: u64, from: CellWord, to: CellWord) -> bool {
        // A cell that was never used has 0 in place of its first word.
        let seen = if from == CellWord::empty(index) {
            self.word().load(Ordering::Relaxed)
        } else {
            from.0
        };
        (seen == 0 || seen == from.0)
            && self
                .word()
                .compare_exchange(seen, to.0, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Says what the message is; the word orders it.
    #[inline(always)]
    pub(crate) fn set_about(self, len: usize, codec: Codec) {
        let about = len as u64 | u64::from(codec.word()) << 32;
        self.part.u64_at(CELL_ABOUT).store(about, Ordering::Relaxed);
    }

    /// Length and codec of the message, as its sender wrote them.
    #[inline(always)]
    pub(crate) fn about(self) -> (usize, u8) {
        let about = self.part.u64_at(CELL_ABOUT).load(Ordering::Relaxed);
        ((about & 0xffff_ffff) as usize, (about >> 32) as u8)
    }
}
