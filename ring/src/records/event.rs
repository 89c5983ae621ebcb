//! The records of the event ring and of its topics.

use super::Part;
use crate::format::layout::*;
use crate::format::states::Codec;
use crate::format::words::EventWord;
use crate::os::sync::{AtomicU32, AtomicU64, Ordering};

/// Words of eight bytes that an event's bytes take.
const BYTES_WORDS: usize = EVENT_BYTES_MAX / 8;

/// The head of the event ring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventsRecord<'s> {
    part: Part<'s, EVENT_STRIDE>,
}

impl<'s> EventsRecord<'s> {
    pub(crate) fn new(part: Part<'s, EVENT_STRIDE>) -> Self {
        Self { part }
    }

    /// Position of the next event.
    pub(crate) fn tail(self) -> &'s AtomicU64 {
        self.part.u64_at(EVENTS_TAIL)
    }

    /// Whether a subscriber sleeps or is about to.
    pub(crate) fn asked(self) -> &'s AtomicU32 {
        self.part.u32_at(EVENTS_ASKED)
    }

    /// The futex word of the subscribers.
    pub(crate) fn wake(self) -> &'s AtomicU32 {
        self.part.u32_at(EVENTS_WAKE)
    }
}

/// What an event says beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventAbout {
    /// CLOCK_MONOTONIC nanoseconds.
    pub(crate) time_ns: u64,
    /// Place of its topic in the table.
    pub(crate) topic: u32,
    /// Codec of its bytes, as its publisher wrote it.
    pub(crate) codec: u8,
    /// Number of its bytes.
    pub(crate) len: usize,
}

/// A cell of the event ring. Its bytes may be written while they are read, so they are read and
/// written as words, and the cell's word tells afterwards whether what was read is an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventRecord<'s> {
    part: Part<'s, EVENT_STRIDE>,
}

impl<'s> EventRecord<'s> {
    pub(crate) fn new(part: Part<'s, EVENT_STRIDE>) -> Self {
        Self { part }
    }

    /// The word, from which another one follows by CAS.
    pub(crate) fn word(self) -> &'s AtomicU64 {
        self.part.u64_at(EVENT_WORD)
    }

    /// The word, after which what it says is read.
    pub(crate) fn word_acquire(self) -> EventWord {
        // pairs with the release CAS in `EventRing::publish`.
        EventWord(self.word().load(Ordering::Acquire))
    }

    fn bytes_word(self, index: usize) -> &'s AtomicU64 {
        self.part.u64_at(EVENT_BYTES + 8 * index)
    }

    /// Writes the event; `bytes` are cut to [`EVENT_BYTES_MAX`]. Relaxed: the word orders it.
    pub(crate) fn write(self, time_ns: u64, (topic, codec): (u32, Codec), bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(EVENT_BYTES_MAX)];
        let about = u64::from(topic) | u64::from(codec.word()) << 32 | (bytes.len() as u64) << 48;
        self.part
            .u64_at(EVENT_TIME)
            .store(time_ns, Ordering::Relaxed);
        self.part
            .u64_at(EVENT_ABOUT)
            .store(about, Ordering::Relaxed);
        for (index, part) in bytes.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.bytes_word(index)
                .store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
    }

    /// Reads the event, whose bytes go into `bytes`. Relaxed: the word orders it.
    pub(crate) fn read(self, bytes: &mut [u8; EVENT_BYTES_MAX]) -> EventAbout {
        let about = self.part.u64_at(EVENT_ABOUT).load(Ordering::Relaxed);
        let len = ((about >> 48) as usize).min(EVENT_BYTES_MAX);
        let used = len.div_ceil(8).min(BYTES_WORDS);
        for (index, part) in bytes.as_chunks_mut().0.iter_mut().take(used).enumerate() {
            *part = self.bytes_word(index).load(Ordering::Relaxed).to_le_bytes();
        }
        EventAbout {
            time_ns: self.part.u64_at(EVENT_TIME).load(Ordering::Relaxed),
            topic: about as u32,
            codec: (about >> 32) as u8,
            len,
        }
    }
}

/// A record of the table of topics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TopicRecord<'s> {
    part: Part<'s, TOPIC_STRIDE>,
}

impl<'s> TopicRecord<'s> {
    pub(crate) fn new(part: Part<'s, TOPIC_STRIDE>) -> Self {
        Self { part }
    }

    /// The id of the topic, 0 while there is none.
    pub(crate) fn id(self) -> u64 {
        self.part.u64_at(TOPIC_ID).load(Ordering::Acquire)
    }

    /// Takes the record for the topic with this id, unless another has it.
    pub(crate) fn take(self, id: u64) -> bool {
        super::table::take(self.part.u64_at(TOPIC_ID), id).is_some()
    }

    /// Writes the name. Another publisher may write the same one at this moment.
    pub(crate) fn set_name(self, name: &str) {
        let len = self.part.put_text(TOPIC_NAME, name, TOPIC_NAME_MAX);
        // pairs with the acquire load in `name_acquire`.
        let name_len = self.part.u32_at(TOPIC_NAME_LEN);
        name_len.store(len as u32, Ordering::Release);
    }

    /// The name, once it is written.
    pub(crate) fn name_acquire(self) -> Option<String> {
        // pairs with the release store in `set_name`.
        let len = self.part.u32_at(TOPIC_NAME_LEN).load(Ordering::Acquire) as usize;
        (len > 0).then(|| self.part.get_text(TOPIC_NAME, len.min(TOPIC_NAME_MAX)))
    }

    /// For the audit: whether it is what no process of ours leaves.
    pub(crate) fn is_impossible(self) -> bool {
        // pairs with the release store in `set_name`.
        let len = self.part.u32_at(TOPIC_NAME_LEN).load(Ordering::Acquire) as usize;
        let bytes = || self.part.bytes(TOPIC_NAME, len);
        len > TOPIC_NAME_MAX || len > 0 && !super::table::is_text_of(&bytes(), self.id())
    }
}
