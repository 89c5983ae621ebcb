//! The header of the segment.

mod sections;

use super::{Counter, Part};
use crate::format::config::{ArenaClass, Geometry};
use crate::format::layout::*;
use crate::format::names::UnknownWord;
use crate::format::section::Section;
use crate::format::states::{Health, LaneKind, PoolState};
use crate::os::sync::{AtomicU64, Ordering};
use std::ops::Range;

/// The header: written by the supervisor, but for the masks of lanes.
#[derive(Debug, Clone, Copy)]
pub struct Header<'s> {
    part: Part<'s, HEADER_SIZE>,
}

/// The masks of lanes, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneMask {
    /// Lanes that sleep.
    Idle,
    /// Lanes that search for work without sleeping.
    Searching,
    /// I/O lanes that sleep.
    IdleIo,
    /// I/O lanes that search for work without sleeping.
    SearchingIo,
}

impl LaneMask {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Idle, Self::Searching, Self::IdleIo, Self::SearchingIo];

    const fn offset(self) -> usize {
        match self {
            Self::Idle => H_IDLE,
            Self::Searching => H_SEARCHING,
            Self::IdleIo => H_IDLE_IO,
            Self::SearchingIo => H_SEARCHING_IO,
        }
    }

    /// The mask of lanes of a kind that sleep.
    #[must_use]
    #[inline(always)]
    pub const fn idle(kind: LaneKind) -> Self {
        match kind {
            LaneKind::Cpu => Self::Idle,
            LaneKind::Io => Self::IdleIo,
        }
    }

    /// The mask of lanes of a kind that search.
    #[must_use]
    #[inline(always)]
    pub const fn searching(kind: LaneKind) -> Self {
        match kind {
            LaneKind::Cpu => Self::Searching,
            LaneKind::Io => Self::SearchingIo,
        }
    }
}

/// How far a segment's memory is that of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// It is.
    Ready,
    /// Its creator is at it.
    NotReady,
    /// It is something else.
    NoSegment,
    /// Of another version of the layout.
    Version(u32),
    /// With features that this version does not know.
    Features(u64),
}

/// Words of the header that no process changes once the segment is ready: all up to the pool's name
/// but the pool state, which shares a u64 with the ready word, and the table of sections.
const CONSTANT: [Range<usize>; 2] = [
    0..H_NAME + NAME_SIZE,
    H_SECTIONS..H_SECTIONS + MAX_SECTIONS * SECTION_STRIDE,
];
const READY_AND_STATE: usize = H_READY;

impl<'s> Header<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, HEADER_SIZE>) -> Self {
        Self { part }
    }

    fn get32(self, field: usize) -> u32 {
        self.part.u32_at(field).load(Ordering::Relaxed)
    }

    fn get64(self, field: usize) -> u64 {
        self.part.u64_at(field).load(Ordering::Relaxed)
    }

    fn put32(self, field: usize, value: u32) {
        self.part.u32_at(field).store(value, Ordering::Relaxed);
    }

    fn put64(self, field: usize, value: u64) {
        self.part.u64_at(field).store(value, Ordering::Relaxed);
    }

    /// The pool's state.
    ///
    /// # Errors
    /// [`UnknownWord`] for one that no supervisor stores.
    #[inline]
    pub fn pool_state_acquire(self) -> Result<PoolState, UnknownWord> {
        // pairs with the release store in `set_pool_state_release`.
        PoolState::from_word(self.part.u32_at(H_POOL_STATE).load(Ordering::Acquire))
    }

    pub(crate) fn set_pool_state_release(self, state: PoolState) {
        self.part
            .u32_at(H_POOL_STATE)
            .store(state.word(), Ordering::Release);
    }

    /// When the time is over that a stop of the pool gives the tasks, in CLOCK_MONOTONIC nanoseconds;
    /// `None` unless it is being stopped. To be asked for once the state is known, which is stored
    /// after it.
    #[must_use]
    pub fn drain_end_ns(self) -> Option<u64> {
        Some(self.get64(H_DRAIN_END_NS)).filter(|ns| *ns != 0)
    }

    pub(crate) fn set_drain_end_ns(self, ns: u64) {
        self.put64(H_DRAIN_END_NS, ns);
    }

    /// Whether workers that die are replaced.
    ///
    /// # Errors
    /// [`UnknownWord`] for a word that no supervisor stores.
    pub fn health_acquire(self) -> Result<Health, UnknownWord> {
        // pairs with the release store in `set_health_release`.
        Health::from_word(self.part.u32_at(H_HEALTH).load(Ordering::Acquire))
    }

    pub(crate) fn set_health_release(self, health: Health) {
        self.part
            .u32_at(H_HEALTH)
            .store(health.word(), Ordering::Release);
    }

    pub(crate) fn set_reason_release(self, reason: &str) {
        let written = self.part.put_text(H_REASON, reason, REASON_SIZE);
        self.part
            .u32_at(H_REASON_LEN)
            .store(written as u32, Ordering::Release);
    }

    /// Why the pool failed or closed.
    #[must_use]
    pub fn reason_acquire(self) -> String {
        // pairs with the release store in `set_reason_release`.
        let len = self.part.u32_at(H_REASON_LEN).load(Ordering::Acquire) as usize;
        self.part.get_text(H_REASON, len.min(REASON_SIZE))
    }

    /// Process id of the supervisor, for people only.
    #[must_use]
    pub fn supervisor_pid(self) -> u32 {
        self.get32(H_SUPERVISOR_PID)
    }

    /// When the segment was made, in CLOCK_MONOTONIC nanoseconds.
    #[must_use]
    pub fn created_ns(self) -> u64 {
        self.get64(H_CREATED_NS)
    }

    pub(crate) fn epoch(self) -> u64 {
        self.get64(H_EPOCH)
    }

    /// Whether each process is to touch every page when it attaches.
    #[must_use]
    pub fn prefault(self) -> bool {
        self.get32(H_MAPPING) & MAPPING_PREFAULT != 0
    }

    /// Whether each process is to ask the kernel for huge pages.
    #[must_use]
    pub fn huge_pages(self) -> bool {
        self.get32(H_MAPPING) & MAPPING_HUGE_PAGES != 0
    }

    pub(crate) fn set_mapping(self, prefault: bool, huge_pages: bool) {
        let flag = |on: bool, flag: u32| if on { flag } else { 0 };
        let mapping = flag(prefault, MAPPING_PREFAULT) | flag(huge_pages, MAPPING_HUGE_PAGES);
        self.put32(H_MAPPING, mapping);
    }

    /// A counter of the pool.
    #[must_use]
    pub fn counter(self, counter: PoolCounter) -> Counter<'s> {
        self.part.counter(counter.offset())
    }

    /// A word of a mask: that of lanes `64 * index` and following.
    #[inline(always)]
    pub(crate) fn mask(self, mask: LaneMask, index: usize) -> &'s AtomicU64 {
        self.part.u64_at(mask.offset() + 8 * index)
    }

    /// Whether the bit of a lane is set.
    #[must_use]
    pub fn has_bit_acquire(self, mask: LaneMask, lane: u32) -> bool {
        let word = self.mask(mask, lane as usize / 64).load(Ordering::Acquire);
        word >> (lane % 64) & 1 == 1
    }

    /// Says, last, that the segment is whole.
    pub(crate) fn set_ready_release(self) {
        // pairs with the acquire load in `readiness_acquire`: with READY the header is seen.
        self.part.u32_at(H_READY).store(READY, Ordering::Release);
    }

    /// Whether it is whole, and of this version.
    pub(crate) fn readiness_acquire(self) -> Readiness {
        // pairs with the release store in `set_ready_release`.
        let ready = self.part.u32_at(H_READY).load(Ordering::Acquire);
        let magic = self.get64(H_MAGIC);
        let version = self.get32(H_VERSION);
        let unknown = self.get64(H_FEATURES) & !FEATURES_KNOWN;
        match () {
            () if magic == 0 && ready == 0 => Readiness::NotReady,
            () if magic != MAGIC => Readiness::NoSegment,
            () if version != VERSION => Readiness::Version(version),
            () if ready != READY => Readiness::NotReady,
            () if unknown != 0 => Readiness::Features(unknown),
            () => Readiness::Ready,
        }
    }

    /// Whether the ready word stands.
    pub(crate) fn is_ready(self) -> bool {
        self.get32(H_READY) == READY
    }

    /// Writes what never changes, but for the ready word.
    pub(crate) fn fill(self, geometry: &Geometry, epoch: u64, now_ns: u64, name: &str) {
        self.put64(H_MAGIC, MAGIC);
        self.put32(H_VERSION, VERSION);
        let keys = if geometry.has_keys() { FEATURE_KEYS } else { 0 };
        self.put64(H_FEATURES, keys);
        self.put64(H_SEGMENT_SIZE, geometry.segment_size);
        self.put64(H_EPOCH, epoch);
        self.put64(H_CREATED_NS, now_ns);
        self.put32(H_SUPERVISOR_PID, std::process::id());
        for (field, value) in counts(geometry) {
            self.put32(field, value);
        }
        for (field, value) in offsets(geometry) {
            self.put64(field, value as u64);
        }
        for (index, place) in geometry.classes.iter().enumerate() {
            let at = H_CLASSES + index * CLASS_STRIDE;
            self.put64(at + CLASS_SIZE, place.class.size as u64);
            self.put32(at + CLASS_COUNT, place.class.count);
            self.put32(at + CLASS_RESERVED, place.class.reserved);
            self.put64(at + CLASS_OWNERS, place.owners as u64);
            self.put64(at + CLASS_BLOCKS, place.blocks as u64);
        }
        self.fill_sections(geometry);
        self.part.put_text(H_NAME, name, NAME_SIZE);
    }

    /// The counts from which the geometry follows.
    ///
    /// # Errors
    /// Says which of them is impossible.
    pub(crate) fn sizes(self) -> Result<Sizes, String> {
        let classes = self.get32(H_CLASS_COUNT) as usize;
        if classes > MAX_CLASSES {
            return Err(format!("{classes} arena classes"));
        }
        let class = |index: usize| {
            let at = H_CLASSES + index * CLASS_STRIDE;
            ArenaClass {
                size: self.get64(at + CLASS_SIZE) as usize,
                count: self.get32(at + CLASS_COUNT),
                reserved: self.get32(at + CLASS_RESERVED),
            }
        };
        Ok(Sizes {
            clients: self.get32(H_MAX_CLIENTS),
            slots: self.get32(H_SLOTS_PER_CLIENT),
            max_workers: self.get32(H_MAX_WORKERS),
            max_lanes: self.get32(H_MAX_LANES),
            priorities: self.get32(H_PRIORITIES),
            limits: self.get32(H_LIMIT_COUNT),
            arena: (0..classes).map(class).collect(),
            sections: self.sections()?,
        })
    }

    /// Whether the header agrees with the geometry that follows from its counts.
    ///
    /// # Errors
    /// Says what does not.
    pub(crate) fn check(self, geometry: &Geometry) -> Result<(), String> {
        let classes = geometry.classes.iter().enumerate();
        let offsets = offsets(geometry)
            .into_iter()
            .chain([(H_SEGMENT_SIZE, geometry.segment_size as usize)])
            .chain(classes.flat_map(|(index, place)| {
                let at = H_CLASSES + index * CLASS_STRIDE;
                [
                    (at + CLASS_OWNERS, place.owners),
                    (at + CLASS_BLOCKS, place.blocks),
                ]
            }));
        for (field, expected) in offsets {
            let found = self.get64(field);
            if found != expected as u64 {
                return Err(format!("offset {found} at {field} should be {expected}"));
            }
        }
        if self.get32(H_INJECTOR_CAPACITY) != geometry.injector_capacity
            || self.get32(H_COMPLETION_CAPACITY) != geometry.completion_capacity
        {
            return Err("ring capacities do not follow from the counts".into());
        }
        self.check_sections(geometry)
    }

    /// For the audit: the words that do not change once the segment is ready, each with its offset.
    pub(crate) fn constants(self) -> impl Iterator<Item = (usize, u64)> {
        CONSTANT
            .into_iter()
            .flat_map(|words| words.step_by(8))
            .filter(|at| *at != READY_AND_STATE)
            .map(move |at| (at, self.get64(at)))
    }

    /// For the audit: whether the reason's length is one that fits.
    pub(crate) fn reason_fits(self) -> bool {
        self.get32(H_REASON_LEN) as usize <= REASON_SIZE
    }
}

/// The sizes of a segment that its header says.
pub(crate) struct Sizes {
    pub(crate) clients: u32,
    pub(crate) slots: u32,
    pub(crate) max_workers: u32,
    pub(crate) max_lanes: u32,
    pub(crate) priorities: u32,
    pub(crate) limits: u32,
    pub(crate) arena: Vec<ArenaClass>,
    pub(crate) sections: Vec<Section>,
}

fn counts(g: &Geometry) -> [(usize, u32); 11] {
    [
        (H_MAX_CLIENTS, g.max_clients),
        (H_SLOTS_PER_CLIENT, g.slots_per_client),
        (H_MAX_WORKERS, g.max_workers),
        (H_MAX_LANES, g.max_lanes),
        (H_PRIORITIES, g.priorities),
        (H_INJECTOR_CAPACITY, g.injector_capacity),
        (H_COMPLETION_CAPACITY, g.completion_capacity),
        (H_HANDLER_CAPACITY, g.handler_capacity),
        (H_ERROR_CAPACITY, g.error_capacity),
        (H_CLASS_COUNT, g.classes.len() as u32),
        (H_LIMIT_COUNT, g.limit_count),
    ]
}

fn offsets(g: &Geometry) -> [(usize, usize); 9] {
    [
        (H_CLIENTS, g.clients),
        (H_WORKERS, g.workers),
        (H_LANES, g.lanes),
        (H_INJECTORS, g.injectors),
        (H_SLOTS, g.slots),
        (H_COMPLETIONS, g.completions),
        (H_HANDLERS, g.handlers),
        (H_ERRORS, g.errors),
        (H_LIMITS, g.limits),
    ]
}
