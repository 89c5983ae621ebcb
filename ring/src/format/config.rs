//! Every option of a segment, with its default and unit, validated together.
//!
//! [`PoolConfig`] is what a person chooses; [`Geometry`] is what follows from
//! it: section offsets and the file's size. A peer that attaches computes the
//! geometry again from the header's counts and refuses a header that differs,
//! so that no offset in a segment is ever believed.

use crate::error::{Result, RingError};
use crate::format::channel::{self, ChannelConfig};
use crate::format::counted;
use crate::format::layout::*;
use crate::format::section::{self, Section, SectionPlace};
use crate::format::states::LaneKind;
use std::ops::Range;

/// How many classes give a payload any of their blocks: the smallest that holds it, and the next.
const NEAR_CLASSES: usize = 2;

/// Payloads whose smallest class has blocks of so many bytes or more may take a part of all larger
/// classes, too. Smaller ones are many: a flood of them stays in its two classes.
const WIDE_FROM: usize = 64 * KIB;

/// One arena size class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArenaClass {
    /// Size of a block in bytes: a multiple of 64.
    pub size: usize,
    /// Number of blocks, at least 2.
    pub count: u32,
    /// How many of them (at the end) only results may take.
    pub reserved: u32,
}

impl ArenaClass {
    /// A class with a quarter of its blocks, at least one, kept for results.
    #[must_use]
    pub const fn new(size: usize, count: u32) -> Self {
        let quarter = count / 4;
        Self {
            size,
            count,
            reserved: if quarter == 0 { 1 } else { quarter },
        }
    }

    /// How many of the blocks requests may take, the first ones.
    pub(crate) const fn for_requests(&self) -> u32 {
        self.count - self.reserved
    }

    /// How many of the blocks requests may take, the first ones, and how many of the others only
    /// results. A payload that is [`Near::Far`] below gets half of both.
    pub(crate) const fn share(&self, near: Near) -> (u32, u32) {
        let requests = self.for_requests();
        match near {
            Near::Near => (requests, self.reserved),
            Near::Far => (requests / 2, self.reserved / 2),
        }
    }

    fn bytes(&self) -> u64 {
        self.size as u64 * u64::from(self.count)
    }
}

/// How far a class is above a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Near {
    /// The smallest class that holds the payload, or the next one: all blocks are open to it.
    Near,
    /// A larger one: the other half of the blocks is kept for payloads that need the size.
    Far,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Classes for segments from a size on; their counts grow with the segment.
///
/// Up to 16 MiB the sizes are powers of two, as they always were. Beyond, they leave room above a
/// round size: a picture of 8 MiB and its parameters fit 10 MiB.
struct Tier(&'static [ArenaClass]);

/// Segments of up to about 120 MiB. As it stands it makes [`SMALLEST_DEFAULT`], which fits the
/// 64 MiB that container engines give `/dev/shm`.
const SMALL: Tier = Tier(&[
    ArenaClass::new(KIB, 1024),
    ArenaClass::new(16 * KIB, 96),
    ArenaClass::new(128 * KIB, 16),
    ArenaClass::new(MIB, 3),
    ArenaClass::new(4 * MIB, 3),
    ArenaClass::new(16 * MIB, 2),
]);

const MEDIUM: Tier = Tier(&[
    ArenaClass::new(KIB, 1024),
    ArenaClass::new(16 * KIB, 96),
    ArenaClass::new(128 * KIB, 16),
    ArenaClass::new(MIB, 4),
    ArenaClass::new(2 * MIB, 4),
    ArenaClass::new(5 * MIB, 2),
    ArenaClass::new(10 * MIB, 5),
    ArenaClass::new(20 * MIB, 2),
]);

/// Sixteen pictures of 8 MB at a time, two more, and a third as many results.
const PHOTOS: Tier = Tier(&[
    ArenaClass::new(KIB, 2048),
    ArenaClass::new(16 * KIB, 160),
    ArenaClass::new(128 * KIB, 32),
    ArenaClass::new(MIB, 6),
    ArenaClass::new(2 * MIB, 6),
    ArenaClass::new(5 * MIB, 6),
    ArenaClass::new(10 * MIB, 22),
    ArenaClass::new(20 * MIB, 2),
]);

const LARGE: Tier = Tier(&[
    ArenaClass::new(KIB, 4096),
    ArenaClass::new(16 * KIB, 256),
    ArenaClass::new(128 * KIB, 64),
    ArenaClass::new(MIB, 12),
    ArenaClass::new(2 * MIB, 12),
    ArenaClass::new(5 * MIB, 12),
    ArenaClass::new(10 * MIB, 28),
    ArenaClass::new(20 * MIB, 6),
    ArenaClass::new(50 * MIB, 2),
]);

/// Sizes that still larger segments have besides: two blocks of one take a sixth of the arena at
/// most.
const LARGER: [usize; 4] = [100 * MIB, 200 * MIB, 500 * MIB, 1000 * MIB];

impl Tier {
    /// Bytes of all blocks.
    fn bytes(&self) -> u64 {
        self.0.iter().map(ArenaClass::bytes).sum()
    }

    /// The last tier that fits into `room` bytes, else the first.
    fn for_room(room: u64) -> Self {
        let fits = [LARGE, PHOTOS, MEDIUM].into_iter();
        fits.into_iter()
            .find(|tier| tier.bytes() <= room)
            .unwrap_or(SMALL)
    }
}

/// The largest payloads, each with the smallest segment, in MiB, whose default classes carry it.
/// (`Sizing.java` has the same; a test there compares.)
const CARRIES: [(usize, u64); 7] = [
    (16, 62),
    (20, 128),
    (50, 640),
    (100, 1280),
    (200, 2560),
    (500, 6400),
    (1000, 12_800),
];

/// The smallest segment, in bytes, whose default classes carry a payload of so many bytes; `None`
/// when none does.
#[must_use]
pub fn segment_for(payload: usize) -> Option<u64> {
    CARRIES
        .iter()
        .find(|(largest, _)| payload <= largest * MIB)
        .map(|(_, segment)| segment * MIB as u64)
}

/// Blocks of so many bytes or more are allocated when they are first used, where that is safe, and
/// are always taken from the low end: the memory that is touched follows what is in flight at a
/// time. See docs/decisions/0008.
pub const BIG: usize = MIB;

/// What a person chooses for a segment: the defaults, and what is set on them.
///
/// ```
/// use ringwork_ring::PoolConfig;
///
/// let config = PoolConfig::default().clients(2).slots(256).segment_size(16 << 20);
/// let geometry = config.geometry()?;
/// assert!(geometry.segment_size <= 16 << 20);
/// # Ok::<(), ringwork_ring::RingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolConfig {
    /// Most client processes at a time (default 8).
    pub clients: u32,
    /// Slots of each client, the most tasks that it has in flight (default 2048).
    pub slots: u32,
    /// Most worker processes at a time (default 16).
    pub max_workers: u32,
    /// Most lanes (worker threads) of the pool (default 64, at most 256).
    pub max_lanes: u32,
    /// Number of priorities (default 3: high, normal, low).
    pub priorities: u32,
    /// Handlers with a limit of concurrency (default 0).
    pub limits: u32,
    /// Events that the pool keeps, a power of two, 256 bytes each; 0: none can be published.
    /// Default: none, which means 1024, or 64 in a segment of less than 32 MiB.
    pub events: Option<u32>,
    /// Whether async handlers have lanes of their own: whether the pool has I/O workers (default no).
    pub io_lanes: bool,
    /// Whether tasks may have keys: takes 96 bytes a slot. Default: none, which means yes in a segment
    /// whose size is given and at least 512 MiB.
    pub keys: Option<bool>,
    /// The channels (default none).
    pub channels: Vec<ChannelConfig>,
    /// Size of the whole segment in bytes; the default classes follow from it. Default: none, about
    /// 60 MiB. `ringwork serve` takes what the machine allows instead, see
    /// [`crate::segment::room::default_segment`].
    pub segment_size: Option<u64>,
    /// Arena size classes, ascending (default: none, see [`PoolConfig::segment_size`]).
    pub arena: Option<Vec<ArenaClass>>,
    /// Whether the segment's memory should be huge pages, where they can be had (default no).
    pub huge_pages: bool,
    /// Whether supervisor, workers and clients touch every page when they attach (default no).
    pub prefault: bool,
    /// The optional sections; none: those that this version makes.
    pub(crate) sections: Option<Vec<Section>>,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            clients: 8,
            slots: 2048,
            max_workers: 16,
            max_lanes: 64,
            priorities: 3,
            limits: 0,
            events: None,
            io_lanes: false,
            keys: None,
            channels: Vec::new(),
            segment_size: None,
            arena: None,
            huge_pages: false,
            prefault: false,
            sections: None,
        }
    }
}

impl PoolConfig {
    /// Most client processes at a time.
    #[must_use]
    pub const fn clients(mut self, clients: u32) -> Self {
        self.clients = clients;
        self
    }

    /// Slots of each client.
    #[must_use]
    pub const fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// Most worker processes at a time.
    #[must_use]
    pub const fn max_workers(mut self, max_workers: u32) -> Self {
        self.max_workers = max_workers;
        self
    }

    /// Most lanes of the pool.
    #[must_use]
    pub const fn max_lanes(mut self, max_lanes: u32) -> Self {
        self.max_lanes = max_lanes;
        self
    }

    /// Number of priorities.
    #[must_use]
    pub const fn priorities(mut self, priorities: u32) -> Self {
        self.priorities = priorities;
        self
    }

    /// Handlers with a limit of concurrency.
    #[must_use]
    pub const fn limits(mut self, limits: u32) -> Self {
        self.limits = limits;
        self
    }

    /// Events that the pool keeps.
    #[must_use]
    pub const fn events(mut self, events: u32) -> Self {
        self.events = Some(events);
        self
    }

    /// Whether the pool has I/O workers.
    #[must_use]
    pub const fn io_lanes(mut self, io_lanes: bool) -> Self {
        self.io_lanes = io_lanes;
        self
    }

    /// Whether tasks may have keys.
    #[must_use]
    pub const fn keys(mut self, keys: bool) -> Self {
        self.keys = Some(keys);
        self
    }

    /// The channels.
    #[must_use]
    pub fn channels(mut self, channels: Vec<ChannelConfig>) -> Self {
        self.channels = channels;
        self
    }

    /// Size of the whole segment in bytes.
    #[must_use]
    pub const fn segment_size(mut self, segment_size: u64) -> Self {
        self.segment_size = Some(segment_size);
        self
    }

    /// Arena size classes, ascending; `None`: those that follow from the size.
    #[must_use]
    pub fn arena(mut self, arena: impl Into<Option<Vec<ArenaClass>>>) -> Self {
        self.arena = arena.into();
        self
    }

    /// Whether the memory should be huge pages, where they can be had.
    #[must_use]
    pub const fn huge_pages(mut self, huge_pages: bool) -> Self {
        self.huge_pages = huge_pages;
        self
    }

    /// Whether every page is touched at the attach.
    #[must_use]
    pub const fn prefault(mut self, prefault: bool) -> Self {
        self.prefault = prefault;
        self
    }
}

/// A class with its place in the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassPlace {
    /// The class.
    pub class: ArenaClass,
    /// Offset of its owner words.
    pub owners: usize,
    /// Offset of its first block.
    pub blocks: usize,
}

impl ClassPlace {
    /// The classes one after another: the owner words of all, then the blocks. `section` gives the
    /// place of so many bytes with an alignment.
    fn all(classes: &[ArenaClass], mut section: impl FnMut(usize, usize) -> usize) -> Vec<Self> {
        let owners: Vec<usize> = classes
            .iter()
            .map(|c| section(8 * c.count as usize, 128))
            .collect();
        classes
            .iter()
            .zip(owners)
            .map(|(class, owners)| Self {
                class: *class,
                owners,
                blocks: section(class.size * class.count as usize, 4096),
            })
            .collect()
    }

    /// Offset of the owner word of a block.
    #[must_use]
    #[inline(always)]
    pub const fn owner_at(&self, block: u32) -> usize {
        self.owners + 8 * block as usize
    }

    /// Offset of a block.
    #[must_use]
    #[inline(always)]
    pub const fn block_at(&self, block: u32) -> usize {
        self.blocks + self.class.size * block as usize
    }
}

/// Where everything is: computed, never read from a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the fields repeat the header's, documented in layout.rs"
)]
pub struct Geometry {
    pub max_clients: u32,
    pub slots_per_client: u32,
    pub max_workers: u32,
    pub max_lanes: u32,
    pub priorities: u32,
    pub injector_capacity: u32,
    pub completion_capacity: u32,
    pub handler_capacity: u32,
    pub error_capacity: u32,
    pub limit_count: u32,
    pub clients: usize,
    pub workers: usize,
    pub lanes: usize,
    pub injectors: usize,
    pub slots: usize,
    pub completions: usize,
    pub handlers: usize,
    pub errors: usize,
    pub limits: usize,
    pub limit_stride: usize,
    /// Offset of the rings of I/O lanes.
    pub io_rings: Option<usize>,
    pub sections: Vec<SectionPlace>,
    pub classes: Vec<ClassPlace>,
    pub segment_size: u64,
}

/// Half of what an address space holds; also keeps the arithmetic below far from overflow.
const MAX_SEGMENT: u64 = 1 << 46;
const HANDLERS: u32 = 128;
const ERRORS: u32 = 32;
/// Size of a segment from which on tasks may have keys, if that is not chosen: below, their tables
/// would take a payload block that people count on.
const KEYS_FROM: u64 = 512 << 20;
/// Most events that a pool keeps: 64 MiB of them.
const MAX_EVENTS: u32 = 1 << 18;

impl PoolConfig {
    /// Checks every option against the others and lays the segment out.
    ///
    /// # Errors
    /// [`RingError::Config`] tells all that is wrong.
    pub fn geometry(&self) -> Result<Geometry> {
        let wrong = self.problems();
        if !wrong.is_empty() {
            return Err(RingError::Config(wrong.join("; ")));
        }
        let class_list = match (&self.arena, self.segment_size) {
            (Some(classes), _) => classes.clone(),
            (None, None) => SMALL.0.to_vec(),
            (None, Some(size)) => self.scaled_classes(size)?,
        };
        let geometry = self.lay_out(&class_list)?;
        if let Some(limit) = self.segment_size
            && geometry.segment_size > limit
        {
            return Err(RingError::Config(format!(
                "the sections take {} bytes, more than the segment size of {limit}: raise \
                 --segment-size, or lower --slots, --clients or the counts in --arena",
                geometry.segment_size
            )));
        }
        Ok(geometry)
    }

    /// What is wrong with single options and with those that belong together, whatever size they
    /// come to: with this the segment can't even be laid out.
    fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(size) = self.segment_size
            && size > MAX_SEGMENT
        {
            wrong.push(format!(
                "the segment size is {size} bytes, it can be at most {MAX_SEGMENT} (64 TiB): lower \
                 --segment-size"
            ));
        }
        wrong.extend(self.table_problems());
        wrong.extend(
            self.arena
                .as_deref()
                .map(class_problems)
                .unwrap_or_default(),
        );
        wrong
    }

    /// The default classes, their counts scaled so that the segment fits `size`.
    fn scaled_classes(&self, size: u64) -> Result<Vec<ArenaClass>> {
        let fixed = self.lay_out(&[ArenaClass::new(KIB, 2)])?.segment_size;
        let mut room = size.saturating_sub(fixed);
        loop {
            let classes = Self::classes_in(room);
            if classes.is_empty() {
                return Err(RingError::Config(format!(
                    "a segment of {size} bytes has no room for payloads beside its tables ({fixed} \
                     bytes): raise --segment-size, or lower --slots and --clients"
                )));
            }
            // The tables of owners grow with the blocks: where rounding down does not make up for
            // them, in a large segment, they get their room here.
            let excess = self.lay_out(&classes)?.segment_size.saturating_sub(size);
            if excess == 0 {
                return Ok(classes);
            }
            room = room.saturating_sub(excess);
        }
    }

    /// The default classes for blocks of `room` bytes in all; none where there is no room.
    fn classes_in(mut room: u64) -> Vec<ArenaClass> {
        let tier = Tier::for_room(room);
        let (twelfth, sixth) = (room / 12, room / 6);
        let mut larger = Vec::new();
        for size in LARGER {
            let bytes = size as u64;
            if 2 * bytes <= sixth {
                let count = (twelfth / bytes).clamp(2, 1 << 24);
                room -= bytes * count;
                larger.push(ArenaClass::new(size, count as u32));
            }
        }
        let mut template = tier.0.to_vec();
        // A class that would get fewer than two blocks goes, and its room to the others.
        loop {
            let full: u64 = template.iter().map(ArenaClass::bytes).sum();
            let scaled = |class: &ArenaClass| u64::from(class.count) * room / full.max(1);
            if template.last().is_some_and(|class| scaled(class) < 2) {
                template.pop();
                continue;
            }
            return template
                .iter()
                .map(|c| ArenaClass::new(c.size, scaled(c).min(1 << 24) as u32))
                .chain(larger)
                .collect();
        }
    }

    /// The size of a segment, in bytes, that has room for sixteen pictures of 8 MB at a time.
    ///
    /// # Errors
    /// [`RingError::Config`] when the other options contradict each other.
    pub fn size_for_photos(&self) -> Result<u64> {
        self.with_room_for(&PHOTOS)
    }

    /// The size, in bytes, of the smallest segment that is made unasked: about 60 MiB.
    ///
    /// # Errors
    /// As [`PoolConfig::size_for_photos`].
    pub fn smallest_default(&self) -> Result<u64> {
        self.with_room_for(&SMALL)
    }

    fn with_room_for(&self, tier: &Tier) -> Result<u64> {
        let bytes = self.lay_out(tier.0)?.segment_size;
        // The tables of owners are not scaled down; a MiB is more than they differ by.
        Ok(bytes.next_multiple_of(MIB as u64) + MIB as u64)
    }

    fn lay_out(&self, classes: &[ArenaClass]) -> Result<Geometry> {
        self.check(classes)?;
        let all_slots = self.clients * self.slots;
        let injector_capacity = self.injector_capacity();
        let completion_capacity = (self.slots * 2).next_power_of_two();
        let mut end = HEADER_SIZE;
        let mut section = |bytes: usize, align: usize| {
            let start = end.next_multiple_of(align);
            end = start + bytes;
            start
        };
        let clients = section(CLIENT_STRIDE * self.clients as usize, 128);
        let workers = section(WORKER_STRIDE * self.max_workers as usize, 128);
        let lanes = section(LANE_STRIDE * self.max_lanes as usize, 128);
        let injectors = section(ring(injector_capacity) * self.priorities as usize, 128);
        let slots = section(SLOT_STRIDE * all_slots as usize, 128);
        let completions = section(ring(completion_capacity) * self.clients as usize, 128);
        let handlers = section(HANDLER_STRIDE * HANDLERS as usize, 128);
        let errors = section(ERROR_STRIDE * ERRORS as usize, 128);
        let permits = (LIMIT_PERMITS + 8 * self.max_lanes as usize).next_multiple_of(128);
        let limit_stride = (permits + ring(injector_capacity)).next_multiple_of(128);
        let limits = section(limit_stride * self.limits as usize, 128);
        let sections = SectionPlace::all(&self.sections(), &mut section);
        let places = ClassPlace::all(classes, &mut section);
        Ok(Geometry {
            max_clients: self.clients,
            slots_per_client: self.slots,
            max_workers: self.max_workers,
            max_lanes: self.max_lanes,
            priorities: self.priorities,
            injector_capacity,
            completion_capacity,
            handler_capacity: HANDLERS,
            error_capacity: ERRORS,
            limit_count: self.limits,
            clients,
            workers,
            lanes,
            injectors,
            slots,
            completions,
            handlers,
            errors,
            limits,
            limit_stride,
            io_rings: (sections.iter())
                .find(|place| place.section.kind == SECTION_IO_RINGS)
                .map(|place| place.offset),
            sections,
            classes: places,
            segment_size: end.next_multiple_of(4096) as u64,
        })
    }

    /// How many events the pool keeps.
    fn kept_events(&self) -> u32 {
        let small = self.segment_size.is_some_and(|size| size < 32 << 20);
        self.events.unwrap_or(if small { 64 } else { 1024 })
    }

    /// Slots whose tasks may have keys: all, or none.
    fn keyed_slots(&self) -> u32 {
        let all = self.clients.saturating_mul(self.slots);
        let large = || self.segment_size.is_some_and(|size| size >= KEYS_FROM);
        if self.keys.unwrap_or_else(large) {
            all
        } else {
            0
        }
    }

    /// The optional sections, in their order.
    fn sections(&self) -> Vec<Section> {
        let io_rings = if self.io_lanes {
            self.io_ring_bytes()
        } else {
            0
        };
        let (events, keyed) = (self.kept_events(), self.keyed_slots());
        let own = || {
            let mut own = section::own(self.max_lanes, HANDLERS, events, (io_rings, keyed));
            own.extend(section::of_channels(&self.channels));
            own
        };
        self.sections.clone().unwrap_or_else(own)
    }

    /// Cells of an injector ring, for a table of slots that was or will be checked.
    fn injector_capacity(&self) -> u32 {
        let slots = self.clients.saturating_mul(self.slots).min(MAX_SLOTS);
        (slots * 2).next_power_of_two()
    }

    /// Bytes of the rings of I/O lanes.
    pub(crate) fn io_ring_bytes(&self) -> usize {
        ring(self.injector_capacity()) * self.priorities as usize
    }

    fn check(&self, classes: &[ArenaClass]) -> Result<()> {
        let mut wrong = self.table_problems();
        wrong.extend(class_problems(classes));
        wrong.extend(section::problems(&self.sections()));
        let io_rings = (self.sections.iter().flatten()).find(|one| one.kind == SECTION_IO_RINGS);
        if let Some(found) = io_rings
            && found.count as usize != self.io_ring_bytes().div_ceil(SECTION_ALIGN)
        {
            wrong.push(format!(
                "the rings of I/O lanes have {}, which do not follow from the slots",
                counted(found.count, "record")
            ));
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(RingError::Config(wrong.join("; "))),
        }
    }

    /// What is wrong with the numbers of entries and slots.
    fn table_problems(&self) -> Vec<String> {
        // 1024 for applications, and those that are kept for commands.
        let clients = 1024 + MAX_COMMAND_ENTRIES;
        let ranges = [
            ("clients", self.clients, 1, clients),
            ("slots", self.slots, 1, 65_536),
            ("max-workers", self.max_workers, 1, 1024),
            ("max-lanes", self.max_lanes, 1, (IDLE_WORDS * 64) as u32),
            ("priorities", self.priorities, 2, 4),
            ("limits", self.limits, 0, MAX_LIMITS),
        ];
        let mut wrong: Vec<String> = (ranges.iter())
            .filter(|(_, value, low, high)| !(*low..=*high).contains(value))
            .map(|(name, value, low, high)| {
                format!("{name} is {value}, it must be {low} to {high}")
            })
            .collect();
        let events = self.kept_events();
        if events != 0 && !((16..=MAX_EVENTS).contains(&events) && events.is_power_of_two()) {
            wrong.push(format!(
                "events is {events}, it must be a power of two, 16 to {MAX_EVENTS}, or 0 for none"
            ));
        }
        wrong.extend(channel::problems(&self.channels));
        let all = u64::from(self.clients) * u64::from(self.slots);
        let lines = |section: &Section| section.kind == SECTION_KEY_LINES;
        if let Some(lines) = self.sections().iter().find(|section| lines(section))
            && 2 * u64::from(lines.count) < all
        {
            wrong.push(format!(
                "{} are too few for {all} slots",
                counted(lines.count, "pair of key lines")
            ));
        }
        if all > u64::from(MAX_SLOTS) {
            wrong.push(format!(
                "{} of {} are {all} slots, at most {MAX_SLOTS} fit: lower --clients or --slots",
                counted(self.clients, "client"),
                counted(self.slots, "slot")
            ));
        }
        wrong
    }
}

/// Bytes of a hint ring.
const fn ring(capacity: u32) -> usize {
    RING_CELLS + 8 * capacity as usize
}

/// What is wrong with the classes of an arena.
fn class_problems(classes: &[ArenaClass]) -> Vec<String> {
    if classes.is_empty() || classes.len() > MAX_CLASSES {
        return vec![format!(
            "the arena has {} classes, it must have 1 to {MAX_CLASSES}",
            classes.len()
        )];
    }
    let mut wrong = Vec::new();
    let mut previous = 0;
    for class in classes {
        if class.size % 64 != 0 || class.size <= previous || class.size > 1 << 30 {
            wrong.push(format!(
                "arena class of {}: sizes must be ascending multiples of 64, at most 1 GiB",
                counted(class.size, "byte")
            ));
        }
        if class.count < 2
            || class.count > 1 << 24
            || class.reserved == 0
            || class.reserved >= class.count
        {
            wrong.push(format!(
                "arena class of {} has {}, {} of them for results: it needs at least 2, one for \
                 requests and one for results",
                counted(class.size, "byte"),
                counted(class.count, "block"),
                class.reserved
            ));
        }
        previous = class.size;
    }
    wrong
}

impl Geometry {
    /// Offset of the entry of a client.
    #[must_use]
    #[inline]
    pub fn client_at(&self, client: u32) -> usize {
        self.clients + CLIENT_STRIDE * client as usize
    }

    /// Offset of the entry of a worker.
    #[must_use]
    #[inline]
    pub fn worker_at(&self, worker: u32) -> usize {
        self.workers + WORKER_STRIDE * worker as usize
    }

    /// Offset of the entry of a lane.
    #[must_use]
    #[inline]
    pub fn lane_at(&self, lane: u32) -> usize {
        self.lanes + LANE_STRIDE * lane as usize
    }

    /// Offset of a slot.
    #[must_use]
    #[inline]
    pub fn slot_at(&self, slot: u32) -> usize {
        debug_assert!(slot < self.total_slots());
        self.slots + SLOT_STRIDE * slot as usize
    }

    /// Offset of the entry of a limit.
    pub(crate) fn limit_at(&self, limit: u32) -> usize {
        self.limits + self.limit_stride * limit as usize
    }

    /// Offset of the permits of a limit.
    pub(crate) fn permits_at(&self, limit: u32) -> usize {
        self.limit_at(limit) + LIMIT_PERMITS
    }

    /// Offset of an entry of the handler table.
    pub(crate) fn handler_at(&self, index: u32) -> usize {
        self.handlers + HANDLER_STRIDE * index as usize
    }

    /// Offset of an entry of the error log.
    pub(crate) fn error_at(&self, index: u32) -> usize {
        self.errors + ERROR_STRIDE * index as usize
    }

    /// Offset of the cells of the hint ring at an offset.
    #[inline(always)]
    pub(crate) fn cells_at(ring: usize) -> usize {
        ring + RING_CELLS
    }

    /// Offset of the injector ring of a priority (clamped to the lowest).
    #[inline]
    pub(crate) fn injector_at(&self, priority: u32) -> usize {
        let stride = RING_CELLS + 8 * self.injector_capacity as usize;
        self.injectors + stride * priority.min(self.priorities - 1) as usize
    }

    /// Whether the pool has rings, and so lanes, for async handlers.
    #[must_use]
    #[inline]
    pub const fn has_io_lanes(&self) -> bool {
        self.io_rings.is_some()
    }

    /// The kinds of lanes that the pool can have.
    #[must_use]
    pub const fn lane_kinds(&self) -> &'static [LaneKind] {
        match self.io_rings {
            Some(_) => &[LaneKind::Cpu, LaneKind::Io],
            None => &[LaneKind::Cpu],
        }
    }

    /// Offset of the ring in which lanes of a kind look for tasks of a priority (clamped to the
    /// lowest).
    #[inline]
    pub(crate) fn queue_at(&self, kind: LaneKind, priority: u32) -> usize {
        match (kind, self.io_rings) {
            (LaneKind::Io, Some(rings)) => {
                rings + ring(self.injector_capacity) * priority.min(self.priorities - 1) as usize
            }
            _ => self.injector_at(priority),
        }
    }

    /// Offset of the completion ring of a client.
    #[inline]
    pub(crate) fn completion_ring_at(&self, client: u32) -> usize {
        let stride = RING_CELLS + 8 * self.completion_capacity as usize;
        self.completions + stride * client as usize
    }

    /// Offset of the ring of the hints that wait for a permit of a limit.
    #[inline]
    pub(crate) fn deferred_ring_at(&self, limit: u32) -> usize {
        let permits = (LIMIT_PERMITS + 8 * self.max_lanes as usize).next_multiple_of(128);
        self.limit_at(limit) + permits
    }

    /// All slots of the segment.
    #[must_use]
    pub fn total_slots(&self) -> u32 {
        self.max_clients * self.slots_per_client
    }

    /// The slots of a client.
    #[must_use]
    pub fn slots_of(&self, client: u32) -> Range<u32> {
        let slots = self.slots_per_client;
        client * slots..(client + 1) * slots
    }

    /// The configuration that lays out to this geometry.
    #[must_use]
    pub fn config(&self) -> PoolConfig {
        PoolConfig {
            clients: self.max_clients,
            slots: self.slots_per_client,
            max_workers: self.max_workers,
            max_lanes: self.max_lanes,
            priorities: self.priorities,
            limits: self.limit_count,
            events: Some(
                self.section(SECTION_EVENTS)
                    .map_or(0, |place| place.section.count - 1),
            ),
            io_lanes: self.has_io_lanes(),
            keys: Some(self.has_keys()),
            segment_size: None,
            arena: Some(self.classes.iter().map(|place| place.class).collect()),
            sections: Some(self.sections.iter().map(|place| place.section).collect()),
            ..PoolConfig::default()
        }
    }

    /// Whether tasks may have keys.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.section(SECTION_KEY_LINES).is_some() && self.section(SECTION_KEY_BUCKETS).is_some()
    }

    /// The optional section of a kind, if the segment has it.
    #[must_use]
    pub fn section(&self, kind: u32) -> Option<SectionPlace> {
        let mut sections = self.sections.iter();
        sections.find(|place| place.section.kind == kind).copied()
    }

    /// Bytes at the start of the segment that hold its tables and the blocks that are not
    /// [big](BIG).
    #[must_use]
    pub fn small_part(&self) -> u64 {
        let big = self.classes.iter().find(|place| place.class.size >= BIG);
        big.map_or(self.segment_size, |place| place.blocks as u64)
    }

    /// How many requests of so many bytes find a block at the same time, and the size of the
    /// smallest block that they take; none where no block is so large.
    #[must_use]
    pub fn requests_of(&self, bytes: usize) -> (u32, usize) {
        let reach = || self.classes_for(bytes);
        let smallest = reach()
            .next()
            .map_or(0, |(class, _)| self.classes[class].class.size);
        let blocks = reach().map(|(class, near)| self.classes[class].class.share(near).0);
        (blocks.sum(), smallest)
    }

    /// The classes that have blocks for a payload of so many bytes, in the order in which they are
    /// tried; none where no block is so large.
    pub(crate) fn classes_for(&self, bytes: usize) -> impl Iterator<Item = (usize, Near)> {
        let all = self.classes.len();
        let first = self.classes.iter().position(|p| p.class.size >= bytes);
        let first = first.unwrap_or(all);
        let wide = first < all && self.classes[first].class.size >= WIDE_FROM;
        let end = if wide {
            all
        } else {
            all.min(first + NEAR_CLASSES)
        };
        (first..end).map(move |class| {
            let near = class < first + NEAR_CLASSES;
            (class, if near { Near::Near } else { Near::Far })
        })
    }

    /// The largest payload that a request or a result can have, in bytes.
    #[must_use]
    pub fn largest_payload(&self) -> usize {
        self.classes
            .last()
            .map_or(INLINE, |place| place.class.size.max(INLINE))
    }
}

/// Reads a size such as `64MiB`, `16 KiB`, `512k` or `1048576` (bytes; powers of 1024).
pub fn parse_size(text: &str) -> Result<u64> {
    let trimmed = text.trim();
    let digits = trimmed
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1_u64 << 30,
        _ => return Err(bad_size(text)),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(factor))
        .ok_or_else(|| bad_size(text))
}

fn bad_size(text: &str) -> RingError {
    RingError::Config(format!(
        "{text:?} is no size: write bytes, or a number with KiB, MiB or GiB"
    ))
}

/// Reads arena classes such as `1KiB:1024,16KiB:96:24` (size:blocks[:blocks kept for results]).
pub fn parse_arena(text: &str) -> Result<Vec<ArenaClass>> {
    text.split(',')
        .map(|part| {
            let mut fields = part.split(':');
            let size = parse_size(fields.next().unwrap_or_default())?;
            let bad = || {
                RingError::Config(format!(
                    "arena class {part:?}: write SIZE:BLOCKS or SIZE:BLOCKS:RESERVED"
                ))
            };
            let count = fields
                .next()
                .and_then(|n| n.trim().parse().ok())
                .ok_or_else(bad)?;
            let mut class = ArenaClass::new(usize::try_from(size).map_err(|_| bad())?, count);
            if let Some(reserved) = fields.next() {
                class.reserved = reserved.trim().parse().map_err(|_| bad())?;
            }
            if fields.next().is_some() {
                Err(bad())
            } else {
                Ok(class)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_fits_the_dev_shm_of_a_container() {
        let geometry = PoolConfig::default().geometry().unwrap();
        assert!(
            geometry.segment_size <= 62 << 20,
            "{}",
            geometry.segment_size
        );
        assert!(geometry.largest_payload() >= 16 << 20);
    }

    #[test]
    fn all_that_is_wrong_with_a_segment_is_told() {
        let config = PoolConfig {
            slots: 0,
            priorities: 9,
            max_lanes: 300,
            segment_size: Some(u64::MAX),
            arena: Some(vec![ArenaClass::new(65, 8), ArenaClass::new(128, 1)]),
            ..PoolConfig::default()
        };
        let told = config.geometry().unwrap_err().to_string();
        for part in [
            "slots is 0",
            "priorities is 9",
            "max-lanes is 300",
            "--segment-size",
            "class of 65 bytes",
            "class of 128 bytes has 1 block,",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn geometry_round_trips_through_its_configuration() {
        let geometry = PoolConfig::default().geometry().unwrap();
        assert_eq!(geometry.config().geometry().unwrap(), geometry);
    }

    fn of_size(size: u64) -> Geometry {
        let config = PoolConfig {
            segment_size: Some(size),
            ..PoolConfig::default()
        };
        config.geometry().unwrap()
    }

    /// A picture of 8 MiB with its parameters.
    const PHOTO: usize = 8 * MIB + 4 * KIB;

    #[test]
    fn sixteen_pictures_of_8_mb_fit_the_size_that_is_said_to_have_room_for_them() {
        let config = PoolConfig {
            limits: 3,
            max_workers: 100,
            max_lanes: 256,
            ..PoolConfig::default()
        };
        for config in [PoolConfig::default(), config] {
            let size = config.size_for_photos().unwrap();
            assert!(size <= 340 << 20, "{size}");
            let config = PoolConfig {
                segment_size: Some(size),
                ..config
            };
            let geometry = config.geometry().unwrap();
            let (requests, block) = geometry.requests_of(PHOTO);
            assert!(requests > 16, "{requests} of {block}");
            sixteen_of_any_size_find_a_block(&geometry);
        }
        let smallest = PoolConfig::default().smallest_default().unwrap();
        assert!(smallest <= 62 << 20, "{smallest}");
        assert!(of_size(smallest).largest_payload() >= 16 << 20);
    }

    /// Each picture holds one block: where each size has 16 blocks within its reach, 16 find one,
    /// whatever sizes they have and in whatever order they come.
    fn sixteen_of_any_size_find_a_block(geometry: &Geometry) {
        for kib in (17..=8 * 1024 + 4).step_by(5) {
            let (requests, block) = geometry.requests_of(kib * KIB);
            let size = geometry.segment_size >> 20;
            assert!(
                requests >= 16,
                "{size} MiB, {kib} KiB: {requests} of {block}"
            );
        }
    }

    #[test]
    fn larger_segments_take_sixteen_pictures_of_any_size_too() {
        let least = PoolConfig::default().size_for_photos().unwrap() >> 20;
        for mib in (least..2000).step_by(7).chain((2000..30_000).step_by(1000)) {
            sixteen_of_any_size_find_a_block(&of_size(mib << 20));
        }
    }

    /// As `PayloadArenaTest.java` counts them.
    #[test]
    fn room_for_each_size_is_that_of_java() {
        let config = PoolConfig {
            arena: Some(PHOTOS.0.to_vec()),
            ..PoolConfig::default()
        };
        let geometry = config.geometry().unwrap();
        for (kib, requests) in [
            (1, 1536 + 120),
            (16, 120 + 24),
            (100, 24 + 5 + 2 + 2 + 8),
            (130, 5 + 5 + 2 + 8),
            (1100, 5 + 5 + 8),
            (2100, 5 + 17),
            (8192, 17 + 1),
            (15_000, 1),
        ] {
            assert_eq!(geometry.requests_of(kib * KIB).0, requests, "{kib} KiB");
        }
    }

    #[test]
    fn small_payloads_stay_near_and_far_classes_keep_half_of_their_blocks() {
        let config = PoolConfig {
            arena: Some(vec![
                ArenaClass::new(KIB, 8),
                ArenaClass::new(64 * KIB, 8),
                ArenaClass::new(MIB, 8),
                ArenaClass::new(2 * MIB, 8),
                ArenaClass::new(4 * MIB, 2),
            ]),
            ..PoolConfig::default()
        };
        let geometry = config.geometry().unwrap();
        // Six requests and two results a class; one and one in the last.
        assert_eq!(geometry.requests_of(100), (12, KIB));
        assert_eq!(geometry.requests_of(2 * KIB), (6 + 6 + 3, 64 * KIB));
        assert_eq!(geometry.requests_of(65 * KIB), (6 + 6, MIB));
        assert_eq!(geometry.requests_of(3 * MIB), (1, 4 * MIB));
        assert_eq!(geometry.requests_of(5 * MIB), (0, 0));
        assert_eq!(geometry.classes[2].class.share(Near::Far), (3, 1));
    }

    #[test]
    fn larger_segments_never_carry_less() {
        let (mut largest, mut photos) = (0, 0);
        for mib in (60..2000_u64).step_by(4).chain((2000..30_000).step_by(500)) {
            let geometry = of_size(mib << 20);
            assert!(geometry.largest_payload() >= largest, "{mib} MiB");
            largest = geometry.largest_payload();
            let (now, _) = geometry.requests_of(PHOTO);
            // Where the classes change a part of the room goes to larger blocks.
            assert!(4 * now >= 3 * photos, "{mib} MiB: {now} after {photos}");
            photos = photos.max(now);
            // The largest block is not lost in a large segment.
            assert!(
                largest as u64 * 32 >= (mib << 20).min(32_000 << 20),
                "{mib}"
            );
        }
    }

    #[test]
    fn the_segment_that_is_named_for_a_payload_carries_it() {
        for (payload, segment) in CARRIES {
            let payload = payload * MIB;
            assert_eq!(segment_for(payload), Some(segment << 20));
            assert!(of_size(segment << 20).largest_payload() >= payload);
            assert_ne!(segment_for(payload + 1), Some(segment << 20));
        }
        assert_eq!(segment_for(1001 * MIB), None);
    }

    #[test]
    fn tables_and_small_blocks_come_first() {
        let geometry = PoolConfig::default().geometry().unwrap();
        let part = geometry.small_part();
        assert!(part < geometry.segment_size / 4, "{part}");
        for place in &geometry.classes {
            assert_eq!(place.class.size >= BIG, place.blocks as u64 >= part);
        }
        let config = PoolConfig {
            arena: Some(vec![ArenaClass::new(128, 4)]),
            ..PoolConfig::default()
        };
        let geometry = config.geometry().unwrap();
        assert_eq!(geometry.small_part(), geometry.segment_size);
    }

    #[test]
    fn segment_size_scales_the_arena_both_ways() {
        for size in [8 << 20, 32 << 20, 256 << 20, 1 << 30, 100 << 30, 1 << 40] {
            let geometry = of_size(size);
            assert!(geometry.segment_size <= size);
            assert!(
                geometry.segment_size > size / 3,
                "{} of {size}",
                geometry.segment_size
            );
        }
    }

    #[test]
    fn an_enormous_segment_size_is_refused_and_no_overflow() {
        let of = |size| PoolConfig {
            segment_size: Some(size),
            ..PoolConfig::default()
        };
        for size in [u64::MAX, MAX_SEGMENT + 1] {
            let error = of(size).geometry().unwrap_err().to_string();
            assert!(error.contains("at most"), "{error}");
        }
        of(MAX_SEGMENT).geometry().unwrap();
    }

    #[test]
    fn contradictions_are_named() {
        let small = PoolConfig {
            segment_size: Some(1 << 20),
            ..PoolConfig::default()
        };
        assert!(
            small
                .geometry()
                .unwrap_err()
                .to_string()
                .contains("--segment-size")
        );
        let wide = PoolConfig {
            clients: 1024,
            slots: 65_536,
            ..PoolConfig::default()
        };
        assert!(wide.geometry().unwrap_err().to_string().contains("--slots"));
        let one = PoolConfig {
            arena: Some(vec![ArenaClass {
                size: 64,
                count: 1,
                reserved: 0,
            }]),
            ..PoolConfig::default()
        };
        assert!(
            one.geometry()
                .unwrap_err()
                .to_string()
                .contains("at least 2")
        );
    }

    #[test]
    fn sizes_and_classes_are_read() {
        assert_eq!(parse_size("64MiB").unwrap(), 64 << 20);
        assert_eq!(parse_size("512k").unwrap(), 512 << 10);
        assert!(parse_size("lots").is_err());
        assert_eq!(
            parse_arena("1KiB:8,4KiB:4:2").unwrap()[1],
            ArenaClass {
                size: 4096,
                count: 4,
                reserved: 2
            }
        );
        assert!(parse_arena("1KiB").is_err());
    }
}
