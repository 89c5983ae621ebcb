//! The input of the targets that work on a segment: a list of small writes and steps.
//!
//! Random bytes as a whole segment would be refused at the header, for ever. So an input is a
//! valid segment of one of a few shapes, and records of twelve bytes that each damage one word of
//! it, or have the target do its next step:
//!
//! ```text
//! shape u8, then records:  what u8 | index u8 | offset u16 | value u64     (little-endian)
//! what: bits 0-3 the section, or STEP; bits 4-5 the width of the write: 8, 4, 2 or 1 bytes
//! ```
//!
//! Index and offset are taken modulo what there is, so that each record hits something.

use ringwork_ring::Geometry;
use ringwork_ring::format::layout::*;

/// Bytes of a record.
pub const RECORD: usize = 12;
/// The section that means a step of the target.
pub const STEP: u8 = 15;

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Section and width.
    pub what: u8,
    /// Which entry, slot, ring, owner word or block.
    pub index: u8,
    /// Where in it.
    pub offset: u16,
    /// What is written, or the step's argument.
    pub value: u64,
}

/// The sections that a record can hit, by the low bits of its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in the segment's layout")]
pub enum Section {
    Header,
    Client,
    Worker,
    Lane,
    Injector,
    Slot,
    Completion,
    Handler,
    Error,
    Owner,
    Block,
    Counts,
    IoRing,
    KeyLine,
    KeyBucket,
}

/// All sections; the position is the number in a record.
pub const SECTIONS: [Section; 15] = [
    Section::Header,
    Section::Client,
    Section::Worker,
    Section::Lane,
    Section::Injector,
    Section::Slot,
    Section::Completion,
    Section::Handler,
    Section::Error,
    Section::Owner,
    Section::Block,
    Section::Counts,
    Section::IoRing,
    Section::KeyLine,
    Section::KeyBucket,
];

impl Record {
    /// A write of `width` (8, 4, 2 or 1) bytes, for seeds.
    #[must_use]
    pub fn write(section: Section, index: u8, offset: usize, width: usize, value: u64) -> Self {
        let section = SECTIONS.iter().position(|s| *s == section).unwrap_or(0);
        let width = [8, 4, 2, 1].iter().position(|w| *w == width).unwrap_or(0);
        Self {
            what: (section | width << 4) as u8,
            index,
            offset: offset as u16,
            value,
        }
    }

    /// A step, for seeds.
    #[must_use]
    pub fn step(value: u64) -> Self {
        Self {
            what: STEP,
            index: 0,
            offset: 0,
            value,
        }
    }

    /// The step's argument, if it is one.
    #[must_use]
    pub fn as_step(self) -> Option<u64> {
        (self.what & 0xf == STEP).then_some(self.value)
    }

    /// Where the record writes in a segment of this geometry: offset and width.
    #[must_use]
    pub fn place(self, g: &Geometry) -> (usize, usize) {
        let section = SECTIONS[usize::from(self.what & 0xf) % SECTIONS.len()];
        let index = usize::from(self.index);
        let class = &g.classes[index % g.classes.len()];
        let ring = |capacity: u32| RING_CELLS + 8 * capacity as usize;
        let entry = |start: usize, stride: usize, count: u32| {
            (start + stride * (index % count as usize), stride)
        };
        let of_kind = |kind| g.sections.iter().find(|place| place.section.kind == kind);
        let (start, len) = match section {
            Section::Header => (0, HEADER_SIZE),
            Section::Client => entry(g.clients, CLIENT_STRIDE, g.max_clients),
            Section::Worker => entry(g.workers, WORKER_STRIDE, g.max_workers),
            Section::Lane => entry(g.lanes, LANE_STRIDE, g.max_lanes),
            Section::Injector => entry(g.injectors, ring(g.injector_capacity), g.priorities),
            Section::IoRing => {
                // Where the shape has none, the injectors.
                let rings = g.io_rings.unwrap_or(g.injectors);
                entry(rings, ring(g.injector_capacity), g.priorities)
            }
            Section::Slot => entry(g.slots, SLOT_STRIDE, g.total_slots()),
            // Where the shape has no keys, the slots.
            Section::KeyLine => match of_kind(SECTION_KEY_LINES) {
                Some(place) => entry(place.offset, KEY_STRIDE, g.total_slots()),
                None => entry(g.slots, SLOT_STRIDE, g.total_slots()),
            },
            Section::KeyBucket => match of_kind(SECTION_KEY_BUCKETS) {
                Some(place) => entry(place.offset, BUCKET_STRIDE, place.section.count),
                None => entry(g.slots, SLOT_STRIDE, g.total_slots()),
            },
            Section::Completion => entry(g.completions, ring(g.completion_capacity), g.max_clients),
            Section::Handler => entry(g.handlers, HANDLER_STRIDE, g.handler_capacity),
            Section::Error => entry(g.errors, ERROR_STRIDE, g.error_capacity),
            Section::Counts => g.sections.first().map_or((0, HEADER_SIZE), |place| {
                entry(place.offset, COUNTS_STRIDE, place.section.count)
            }),
            Section::Owner => (class.owners, 8 * class.class.count as usize),
            Section::Block => (class.blocks, class.class.size * class.class.count as usize),
        };
        let width = 8 >> (self.what >> 4 & 3);
        (
            start + usize::from(self.offset) % len / width * width,
            width,
        )
    }

    /// The bytes written.
    #[must_use]
    pub fn bytes(self, width: usize) -> Vec<u8> {
        self.value.to_le_bytes()[..width].to_vec()
    }
}

/// The shape and the records of an input; what is left over at its end is not used.
#[must_use]
pub fn parse(data: &[u8]) -> (u8, Vec<Record>) {
    let Some((shape, rest)) = data.split_first() else {
        return (0, Vec::new());
    };
    let record = |bytes: &[u8; RECORD]| {
        let [what, index, o0, o1, value @ ..] = *bytes;
        Record {
            what,
            index,
            offset: u16::from_le_bytes([o0, o1]),
            value: u64::from_le_bytes(value),
        }
    };
    let (records, _) = rest.as_chunks::<RECORD>();
    (*shape, records.iter().map(record).collect())
}

/// The input of a shape and records, for seeds.
#[must_use]
pub fn input(shape: u8, records: &[Record]) -> Vec<u8> {
    let mut data = vec![shape];
    for record in records {
        data.extend([record.what, record.index]);
        data.extend(record.offset.to_le_bytes());
        data.extend(record.value.to_le_bytes());
    }
    data
}
