//! The hostile writer: wrong words, some of them almost right, into any part of a segment.
//!
//! Called by the test worker (`test.corrupt`), so that a real worker process is the
//! offender, and by tests. It needs nothing but the words that every worker may write.
//! The same seed writes the same words, as far as the segment stands the same.

use ringwork_ring::format::layout::*;
use ringwork_ring::format::words::Word;
use ringwork_ring::testing::RawWords;
use ringwork_ring::{Cause, Codec, PoolDir, Segment, Status};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering;

/// Where to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Constants, pool state, reason, idle masks, counters.
    Header,
    /// Client entries.
    Clients,
    /// Worker entries.
    Workers,
    /// Lane entries.
    Lanes,
    /// Injector rings.
    Injectors,
    /// Rings of I/O lanes; in a pool without, the injector rings.
    IoRings,
    /// Buckets of keys; in a pool without, the slots.
    KeyBuckets,
    /// Key lines of slots; in a pool without, the slots.
    KeyLines,
    /// Heads of channels; in a pool without, the slots.
    Channels,
    /// Cells of channels; in a pool without, the slots.
    ChannelCells,
    /// Slots.
    Slots,
    /// Completion rings.
    Completions,
    /// Handler table and error log.
    Tables,
    /// Owner words of the arena.
    Owners,
    /// Payloads.
    Blocks,
}

/// All parts.
pub const PARTS: [Part; 15] = [
    Part::Header,
    Part::Clients,
    Part::Workers,
    Part::Lanes,
    Part::Injectors,
    Part::IoRings,
    Part::KeyBuckets,
    Part::KeyLines,
    Part::Channels,
    Part::ChannelCells,
    Part::Slots,
    Part::Completions,
    Part::Tables,
    Part::Owners,
    Part::Blocks,
];

impl Part {
    /// By its name in a request; `None` for any other word, which means all parts.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PARTS
            .into_iter()
            .find(|part| format!("{part:?}").eq_ignore_ascii_case(name))
    }

    fn range(self, segment: &Segment) -> Range<usize> {
        let g = segment.geometry();
        let blocks = g.classes.first().map_or(g.errors, |place| place.blocks);
        let owners = g.classes.first().map_or(blocks, |place| place.owners);
        match self {
            Self::Header => 0..HEADER_SIZE,
            Self::Clients => g.clients..g.workers,
            Self::Workers => g.workers..g.lanes,
            Self::Lanes => g.lanes..g.injectors,
            Self::Injectors => g.injectors..g.slots,
            Self::IoRings => of_kind(segment, SECTION_IO_RINGS).unwrap_or(g.injectors..g.slots),
            Self::KeyBuckets => {
                of_kind(segment, SECTION_KEY_BUCKETS).unwrap_or(g.slots..g.completions)
            }
            Self::KeyLines => of_kind(segment, SECTION_KEY_LINES).unwrap_or(g.slots..g.completions),
            Self::Channels => of_kind(segment, SECTION_CHANNELS).unwrap_or(g.slots..g.completions),
            Self::ChannelCells => {
                of_kind(segment, SECTION_CHANNEL_CELLS).unwrap_or(g.slots..g.completions)
            }
            Self::Slots => g.slots..g.completions,
            Self::Completions => g.completions..g.handlers,
            Self::Tables => g.handlers..owners,
            Self::Owners => owners..blocks,
            Self::Blocks => blocks..g.segment_size as usize,
        }
    }
}

/// Where the section of a kind is, if the pool has it.
fn of_kind(segment: &Segment, kind: u32) -> Option<Range<usize>> {
    let mut sections = segment.geometry().sections.iter();
    let place = sections.find(|place| place.section.kind == kind)?;
    let (count, bytes) = (place.section.count, place.section.bytes);
    Some(place.offset..place.offset + count as usize * bytes as usize)
}

/// A small generator with a seed (splitmix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The generator of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }
}

/// Writes one wrong word into a part (`None`: into any).
pub fn corrupt(segment: &Segment, dice: &mut Dice, part: Option<Part>) {
    let part = part.unwrap_or_else(|| PARTS[dice.below(PARTS.len())]);
    let range = part.range(segment);
    // Half of the writes go where the words are that others act upon, since most of a large
    // table is at rest.
    let at = if dice.roll().is_multiple_of(2) {
        hot(segment, dice, part)
    } else {
        range.start + dice.below(range.len())
    } & !7;
    let word = segment.raw64(at);
    let before = word.load(Ordering::Relaxed);
    let wrong = wrong(segment, dice, part, before, &range);
    if dice.roll().is_multiple_of(4) {
        // Half a word, as a u32 field is.
        let half = at + 4 * dice.below(2);
        segment.raw32(half).store(wrong as u32, Ordering::Relaxed);
    } else {
        word.store(wrong, Ordering::Relaxed);
    }
}

fn hot(segment: &Segment, dice: &mut Dice, part: Part) -> usize {
    let g = segment.geometry();
    let ring = |first: usize, capacity: u32, count: u32, dice: &mut Dice| {
        let at = first + (RING_CELLS + 8 * capacity as usize) * dice.below(count as usize);
        let near = RING_CELLS + 8 * dice.below(16.min(capacity as usize));
        at + [RING_HEAD, RING_TAIL, near][dice.below(3)]
    };
    match part {
        Part::Header => [
            H_READY,
            H_POOL_STATE & !7,
            H_EPOCH,
            H_IDLE,
            H_SEARCHING,
            H_IDLE_IO,
            H_SEARCHING_IO,
            H_REASON_LEN,
        ][dice.below(8)],
        Part::Clients => g.clients + [CLIENT_WORD, CLIENT_WAITING, CLIENT_OVERFLOW][dice.below(3)],
        Part::Workers => g.workers + WORKER_STRIDE * dice.below(2) + 8 * dice.below(4),
        Part::Lanes => {
            let fields = [LANE_WORD, LANE_WAKE, LANE_HELD, LANE_CURRENT, LANE_STARTED];
            g.lanes + LANE_STRIDE * dice.below(3) + fields[dice.below(5)]
        }
        Part::Injectors => ring(g.injectors, g.injector_capacity, g.priorities, dice),
        Part::IoRings => {
            let rings = g.io_rings.unwrap_or(g.injectors);
            ring(rings, g.injector_capacity, g.priorities, dice)
        }
        Part::KeyBuckets => {
            let permit = BUCKET_PERMITS + 8 * dice.below(2);
            let place = BUCKET_WAITING + 4 * dice.below(2);
            let buckets = part.range(segment);
            let bucket = BUCKET_STRIDE * dice.below(buckets.len() / BUCKET_STRIDE);
            buckets.start + bucket + [permit, place, BUCKET_OVERFLOW][dice.below(3)]
        }
        Part::KeyLines => {
            // As with the slots.
            let fields = [KEY_HASH, KEY_BEFORE, KEY_NEXT, KEY_FLAGS];
            part.range(segment).start + KEY_STRIDE * dice.below(8) + fields[dice.below(4)]
        }
        Part::Channels => {
            let fields = [
                CHANNEL_TAIL,
                CHANNEL_HEAD,
                CHANNEL_RECEIVERS_MASK,
                8 * dice.below(4),
            ];
            part.range(segment).start + fields[dice.below(4)]
        }
        Part::ChannelCells => part.range(segment).start + 64 * dice.below(8) + CELL_WORD,
        Part::Slots => {
            // The first slots of the first client are those in use.
            g.slots + SLOT_STRIDE * dice.below(8) + 8 * dice.below(8)
        }
        Part::Completions => ring(g.completions, g.completion_capacity, 1, dice),
        Part::Tables => g.handlers + HANDLER_STRIDE * dice.below(8) + 8 * dice.below(2),
        Part::Owners | Part::Blocks => {
            let place = g.classes[dice.below(g.classes.len())];
            let count = place.class.count as usize;
            if part == Part::Owners {
                place.owners + 8 * [0, count - 1, dice.below(count)][dice.below(3)]
            } else {
                place.blocks + dice.below(4096)
            }
        }
    }
}

fn wrong(segment: &Segment, dice: &mut Dice, part: Part, before: u64, range: &Range<usize>) -> u64 {
    match dice.below(9) {
        0 => dice.roll(),
        1 => before ^ 1 << dice.below(64),
        2 => before.wrapping_add(1),
        3 => before.wrapping_sub(1),
        4 => dice.roll() % 9,
        5 => [0, u64::MAX, u64::from(u32::MAX), 1 << 63, i64::MAX as u64][dice.below(5)],
        // A neighbour's word: right in kind, wrong in place.
        6 => {
            let other = (range.start + dice.below(range.len())) & !7;
            segment.raw64(other).load(Ordering::Relaxed)
        }
        7 => before.wrapping_add((dice.roll() % 4096) << [0, 8, 24, 32][dice.below(4)]),
        // A word that looks like one of the protocol's.
        _ => {
            let slots = segment.geometry().total_slots();
            let slot = dice.below(slots as usize + 2) as u32;
            let generation = segment.word(slot.min(slots - 1)).generation();
            let queued = Word::queued(generation.wrapping_add(dice.roll() % 3), 0);
            let claimed = queued.claimed_by((dice.roll() % 70) as u16);
            match (part, dice.below(4)) {
                (Part::Owners, _) => OWNER_TAKEN | u64::from(slot) << OWNER_SLOT_SHIFT | generation,
                (Part::Injectors | Part::IoRings | Part::Completions, _) => {
                    (before >> 32).wrapping_add(dice.roll() % 3) << 32 | u64::from(slot)
                }
                (Part::KeyBuckets, _) => {
                    let lane = (dice.roll() % 4) << PERMIT_LANE_SHIFT;
                    generation << 32 | lane | u64::from(slot + 1)
                }
                (Part::KeyLines, _) => {
                    let generation = generation.wrapping_sub(dice.roll() % 3);
                    generation << KEY_GENERATION_SHIFT | u64::from(slot + 1)
                }
                (_, 0) => queued.0,
                (_, 1) => claimed.0,
                (_, 2) => claimed.done(Status::Ok.into(), Codec::Bytes).0,
                _ => claimed.crashed(Cause::signal(11)).0,
            }
        }
    }
}

/// The work of `test.corrupt` in a worker: as [`run`], in its own pool.
///
/// # Errors
/// When the request is none, or the pool can't be attached to.
pub fn run_in_own_pool(request: &str) -> Result<(), String> {
    let place = std::env::var_os("RINGWORK_POOL_DIR").ok_or("no pool")?;
    let segment = PoolDir::at(Path::new(&place))
        .and_then(|dir| Segment::attach(&dir))
        .map_err(|error| error.to_string())?;
    run(&segment, request)
}

/// Wrong words: `SEED COUNT PART`, where PART may be `all`.
///
/// # Errors
/// When the request is none.
pub fn run(segment: &Segment, request: &str) -> Result<(), String> {
    let mut fields = request.split_whitespace();
    let mut number = || {
        fields
            .next()
            .and_then(|field| field.parse::<u64>().ok())
            .ok_or_else(|| format!("{request:?}: write SEED COUNT PART"))
    };
    let (mut dice, count) = (Dice::new(number()?), number()?);
    let part = Part::named(fields.next().unwrap_or("all"));
    for _ in 0..count {
        corrupt(segment, &mut dice, part);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_ring::PoolConfig;
    use ringwork_ring::format::channel::ChannelConfig;

    #[test]
    fn every_part_is_reached_and_nothing_beyond_it() {
        let base = crate::Base::new();
        let dir = PoolDir::below(&base.pools(), "p").unwrap();
        let config = PoolConfig::default()
            .clients(1)
            .slots(16)
            .io_lanes(true)
            .keys(true)
            .channels(vec![ChannelConfig::new("ticks", 8, 64)])
            .segment_size(8 << 20);
        let (segment, _locks) = Segment::create(&dir, &config).unwrap();
        let read = |range: Range<usize>| -> Vec<u64> {
            range
                .step_by(8)
                .map(|at| segment.raw64(at).load(Ordering::Relaxed))
                .collect()
        };
        let all = 0..segment.geometry().segment_size as usize;
        for part in PARTS {
            assert_eq!(Part::named(&format!("{part:?}")), Some(part));
            let (range, before) = (part.range(&segment), read(all.clone()));
            run(&segment, &format!("7 200 {part:?}")).unwrap();
            let after = read(all.clone());
            let changed: Vec<usize> = (0..before.len())
                .filter(|word| before[*word] != after[*word])
                .map(|word| 8 * word)
                .collect();
            assert!(!changed.is_empty(), "{part:?}");
            assert!(changed.iter().all(|at| range.contains(at)), "{part:?}");
        }
        assert!(run(&segment, "many words").is_err());
    }
}
