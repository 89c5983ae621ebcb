//! Optional sections: tables that a segment may have, and that a process may not know.
//!
//! The header lists them with kind, number and size of records. So a process computes where
//! everything is, also behind a section that it does not know, and leaves that one alone. What
//! every process has to understand is told by a required feature bit instead.

use crate::format::channel::{self, ChannelConfig};
use crate::format::counted;
use crate::format::layout::{
    BUCKET_STRIDE, CHANNEL_STRIDE, COUNTS_STRIDE, EVENT_STRIDE, KEY_STRIDE, LOSSES_STRIDE,
    MAX_SECTION_BYTES, MAX_SECTION_RECORDS, MAX_SECTIONS, SECTION_ALIGN, SECTION_CHANNEL_CELLS,
    SECTION_CHANNELS, SECTION_EVENTS, SECTION_HANDLER_COUNTS, SECTION_HANDLER_LOSSES,
    SECTION_IO_RINGS, SECTION_KEY_BUCKETS, SECTION_KEY_LINES, SECTION_TOPICS, TOPIC_STRIDE,
};

/// The kinds that this version knows, each with the bytes of its records.
const KNOWN: [(u32, usize); 9] = [
    (SECTION_HANDLER_COUNTS, COUNTS_STRIDE),
    (SECTION_HANDLER_LOSSES, LOSSES_STRIDE),
    (SECTION_EVENTS, EVENT_STRIDE),
    (SECTION_TOPICS, TOPIC_STRIDE),
    (SECTION_IO_RINGS, SECTION_ALIGN),
    (SECTION_KEY_LINES, 2 * KEY_STRIDE),
    (SECTION_KEY_BUCKETS, BUCKET_STRIDE),
    (SECTION_CHANNELS, CHANNEL_STRIDE),
    (SECTION_CHANNEL_CELLS, SECTION_ALIGN),
];

/// Topics of a pool with events. A process reads the names of all of them once.
const TOPICS: u32 = 256;

/// Slots that share a bucket of keys: eight keys of it may run at a time, so that few buckets are
/// full even where all slots run tasks with keys.
const SLOTS_A_BUCKET: u32 = 4;

/// Records of counts for so many lanes: each has its own of some handlers, on average; those that
/// run few leave theirs to others.
const COUNTS_A_LANE: u32 = 4;

const fn of(kind: u32, count: u32, bytes: usize) -> Section {
    Section {
        kind,
        count,
        bytes: bytes as u32,
    }
}

/// The sections that let so many slots have keys.
pub(crate) fn of_keys(slots: u32) -> [Section; 2] {
    [
        of(SECTION_KEY_LINES, slots.div_ceil(2), 2 * KEY_STRIDE),
        of(
            SECTION_KEY_BUCKETS,
            (slots / SLOTS_A_BUCKET).max(1).next_power_of_two(),
            BUCKET_STRIDE,
        ),
    ]
}

/// The sections of these channels; none without a channel.
pub(crate) fn of_channels(channels: &[ChannelConfig]) -> Vec<Section> {
    if channels.is_empty() {
        return Vec::new();
    }
    let lines = channel::lines(channels).min(u64::from(u32::MAX)) as u32;
    vec![
        of(SECTION_CHANNELS, channels.len() as u32, CHANNEL_STRIDE),
        of(SECTION_CHANNEL_CELLS, lines, SECTION_ALIGN),
    ]
}

/// The sections of a segment of this version; `events`: cells of the event ring, 0 for none;
/// `io_rings`: bytes of the rings of I/O lanes, 0 for none; `keyed`: slots whose tasks may have
/// keys, 0 for none.
pub(crate) fn own(
    lanes: u32,
    handlers: u32,
    events: u32,
    (io_rings, keyed): (usize, u32),
) -> Vec<Section> {
    let mut own = vec![
        of(
            SECTION_HANDLER_COUNTS,
            COUNTS_A_LANE * lanes + 1,
            COUNTS_STRIDE,
        ),
        of(SECTION_HANDLER_LOSSES, handlers + 1, LOSSES_STRIDE),
    ];
    if events > 0 {
        own.push(of(SECTION_EVENTS, events + 1, EVENT_STRIDE));
        own.push(of(SECTION_TOPICS, TOPICS, TOPIC_STRIDE));
    }
    if io_rings > 0 {
        let lines = io_rings.div_ceil(SECTION_ALIGN) as u32;
        own.push(of(SECTION_IO_RINGS, lines, SECTION_ALIGN));
    }
    if keyed > 0 {
        own.extend(of_keys(keyed));
    }
    own
}

/// An optional section, as the header lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// What it holds; not 0.
    pub kind: u32,
    /// Number of records.
    pub count: u32,
    /// Bytes of a record: a multiple of [`SECTION_ALIGN`].
    pub bytes: u32,
}

/// A section with its place in the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionPlace {
    /// The section.
    pub section: Section,
    /// Offset of its first record.
    pub offset: usize,
}

impl SectionPlace {
    /// The sections one after another. `section` gives the place of so many bytes with an alignment.
    pub(crate) fn all(
        sections: &[Section],
        mut section: impl FnMut(usize, usize) -> usize,
    ) -> Vec<Self> {
        sections
            .iter()
            .map(|one| Self {
                section: *one,
                offset: section(one.bytes as usize * one.count as usize, SECTION_ALIGN),
            })
            .collect()
    }

    /// Offset of the key line of a slot; two make a record.
    #[inline(always)]
    pub(crate) const fn key_line_at(&self, slot: u32) -> usize {
        self.offset + KEY_STRIDE * slot as usize
    }

    /// Offset of a record, or of what is behind the last one.
    #[must_use]
    #[inline(always)]
    pub const fn record_at(&self, record: u32) -> usize {
        self.offset + self.section.bytes as usize * record as usize
    }
}

/// What is wrong with a list of sections.
pub(crate) fn problems(sections: &[Section]) -> Vec<String> {
    if sections.len() > MAX_SECTIONS {
        return vec![format!(
            "{}, at most {MAX_SECTIONS} fit",
            counted(sections.len(), "section")
        )];
    }
    let mut wrong = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let Section { kind, count, bytes } = *section;
        if kind == 0 || sections[..index].iter().any(|before| before.kind == kind) {
            wrong.push(format!(
                "section {index} has the kind {kind}: each needs one of its own, not 0"
            ));
        }
        let possible = (1..=MAX_SECTION_BYTES).contains(&bytes)
            && (bytes as usize).is_multiple_of(SECTION_ALIGN)
            && (1..=MAX_SECTION_RECORDS).contains(&count);
        if !possible {
            wrong.push(format!(
                "the section of kind {kind} has {} of {}: it needs 1 to {MAX_SECTION_RECORDS}, of a \
                 multiple of {SECTION_ALIGN} bytes up to {MAX_SECTION_BYTES}",
                counted(count, "record"),
                counted(bytes, "byte")
            ));
        }
        if kind == SECTION_EVENTS && !count.saturating_sub(1).is_power_of_two() {
            wrong.push(format!(
                "the event ring has {}: their number must be a power of two",
                counted(count.saturating_sub(1), "cell")
            ));
        }
        if kind == SECTION_KEY_BUCKETS && !count.is_power_of_two() {
            wrong.push(format!(
                "there are {} of keys: their number must be a power of two",
                counted(count, "bucket")
            ));
        }
        let known = KNOWN.iter().find(|(known, _)| *known == kind);
        if let Some((_, expected)) = known
            && *expected != bytes as usize
        {
            wrong.push(format!(
                "the records of the section of kind {kind} have {}, they should have {expected}",
                counted(bytes, "byte")
            ));
        }
    }
    wrong
}
