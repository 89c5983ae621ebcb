//! The mapped segment: create, attach, checked access.
//!
//! Owns the mapping and a private copy of the geometry, which bounds every
//! access: an offset that a peer wrote is never used before it is checked
//! against the copy. Atomics are handed out as references into the mapping;
//! payload bytes only through [`crate::queue::arena`] and the slot accessors.

use crate::error::{Result, RingError};
use crate::format::channel::{self, ChannelConfig, ChannelPlace};
use crate::format::chunk;
use crate::format::config::{ClassPlace, Geometry};
use crate::format::layout::{PoolCounter, SECTION_CHANNEL_CELLS, SECTION_CHANNELS, SECTION_TOPICS};
use crate::format::names::UnknownWord;
use crate::format::states::{Health, PoolState};
use crate::format::words::{Kind, Word};
use crate::os::checked_fd::CheckedFd;
use crate::os::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::records::{
    CellRecord, ChannelRecord, ChunkRecord, ClientRecord, ErrorRecord, EventRecord, EventsRecord,
    HandlerCountsRecord, HandlerLossesRecord, HandlerRecord, Header, KeyBucket, KeyLine,
    LaneRecord, LimitRecord, OwnerRecord, Part, RingRecord, Slot, TopicRecord, WorkerRecord,
};
use memmap2::MmapOptions;
use paths::PoolDir;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
// Private to the process: no model checker need see it.
use std::sync::atomic::AtomicU32 as PrivateU32;

#[cfg(not(ringwork_model))]
type Map = memmap2::MmapRaw;
#[cfg(ringwork_model)]
type Map = crate::model::Memory;

mod attach;
mod backing;
mod create;
mod file;
pub mod handler_totals;
#[cfg_attr(ringwork_model, path = "../../model/lock.rs")]
pub mod liveness;
mod memfd;
#[cfg_attr(ringwork_model, allow(dead_code, reason = "no model maps a file"))]
mod pages;
pub mod paths;
pub mod room;
pub mod running;
pub mod slices;
pub mod survey;
pub mod tables;

pub use backing::Backing;
pub use create::{SupervisorLocks, clean, clear_litter, probe_memfd};
pub use pages::why_no_huge_pages;

/// An attached segment.
#[derive(Debug)]
pub struct Segment {
    map: Map,
    // The creator's alone. A handler may close every descriptor of a worker: it must not hit one
    // that is used, or closed, later.
    file: Option<CheckedFd>,
    place: PathBuf,
    geometry: Geometry,
    // What the heads of the channels said when they were checked.
    channels: Vec<ChannelPlace>,
    dir: PoolDir,
    epoch: u64,
    declared: Declared,
}

/// What this process has set last, as the supervisor: what stands in the segment may be a peer's
/// doing.
#[derive(Debug, Default)]
struct Declared {
    state: PrivateU32,
    health: PrivateU32,
    // Handler id and number of each limit.
    limits: Mutex<Vec<(u64, u32)>>,
}

impl Segment {
    /// Does with this process's mapping what the pool asks of processes that attach: huge pages,
    /// every page touched. What could not be done is told; nothing depends on it.
    #[must_use]
    pub fn prepare(&self) -> Vec<String> {
        let header = self.header();
        let (touch, huge) = (header.prefault(), header.huge_pages());
        #[cfg(not(ringwork_model))]
        return pages::prepare(
            &self.map,
            touch,
            huge,
            self.memory_is_sealed(),
            self.dir.path(),
        );
        #[cfg(ringwork_model)]
        vec![format!("not in a model: {touch} {huge}")]
    }

    #[cfg(not(ringwork_model))]
    fn memory_is_sealed(&self) -> bool {
        self.place != self.dir.segment()
    }

    /// A view of a segment that a model has made.
    #[cfg(ringwork_model)]
    pub(crate) fn model(
        map: Map,
        geometry: Geometry,
        channels: Vec<ChannelConfig>,
        (dir, epoch): (PoolDir, u64),
    ) -> Self {
        let mut segment = Self {
            map,
            file: None,
            declared: Declared::default(),
            place: PathBuf::new(),
            geometry,
            channels: Vec::new(),
            dir,
            epoch,
        };
        segment.channels = segment.places_of(channels);
        segment
    }

    /// Where everything is.
    #[must_use]
    #[inline]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The pool's directory.
    #[must_use]
    pub fn dir(&self) -> &PoolDir {
        &self.dir
    }

    /// Where the memory is: the file in the pool's directory, or the descriptor in /proc.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.place
    }

    /// The epoch, which names the lock files.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Size of the memory behind the mapping, in bytes, as it is now; for its creator.
    #[must_use]
    pub fn file_size(&self) -> u64 {
        let now = |file: &CheckedFd| file.metadata().map_or(0, |meta| meta.len());
        self.file.as_ref().map_or(self.geometry.segment_size, now)
    }

    /// Bytes of the memory behind the mapping that are allocated, as it is now; for its creator.
    #[must_use]
    pub fn allocated(&self) -> u64 {
        use std::os::unix::fs::MetadataExt;
        let now = |file: &CheckedFd| file.metadata().map_or(0, |meta| 512 * meta.blocks());
        self.file.as_ref().map_or(0, now)
    }

    /// Whether the memory behind the mapping is still whole, without touching it: a file can be
    /// truncated under the processes that have mapped it, and then an access is a SIGBUS. For its
    /// creator.
    ///
    /// # Errors
    /// [`RingError::Foreign`] says what was done to it.
    pub fn check_file(&self) -> Result<()> {
        let (size, whole) = (self.file_size(), self.geometry.segment_size);
        if size == whole {
            return Ok(());
        }
        Err(RingError::Foreign {
            path: self.place.clone(),
            why: format!(
                "somebody has changed its size from {whole} to {} while it was in use",
                crate::format::counted(size, "byte")
            ),
            remedy:
                "find the program that did; that of a pool with --memory memfd can't be changed"
                    .into(),
        })
    }

    /// What has become of the file that is the segment, or that points to it; for its creator.
    fn lost_file(&self) -> Option<String> {
        let file = self.file.as_ref()?;
        if self.place != self.dir.segment() {
            let pointer = self.dir.pointer();
            let error = fs::symlink_metadata(&pointer).err()?;
            return liveness::gone(&pointer, &error);
        }
        liveness::lost(&self.place, liveness::identity(&file.metadata().ok()?))
    }

    /// Whether the supervisor of this segment lives.
    pub fn supervisor_lives(&self) -> Result<bool> {
        let path = self.dir.supervisor_lock(self.epoch);
        match liveness::open_to_probe(&path) {
            Ok(file) => liveness::is_held(&file),
            // Its successor, or `clean`, has removed the file: it is gone.
            Err(_) if !path.exists() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The pool's state.
    ///
    /// # Errors
    /// [`UnknownWord`] for one that no supervisor stores.
    #[inline]
    pub fn pool_state(&self) -> std::result::Result<PoolState, UnknownWord> {
        self.header().pool_state_acquire()
    }

    /// Whether nothing runs any more. A damaged state counts as the end.
    #[must_use]
    #[inline]
    pub fn is_over(&self) -> bool {
        self.pool_state().map_or(true, PoolState::is_over)
    }

    /// Whether tasks may be submitted.
    #[must_use]
    #[inline]
    pub fn takes_tasks(&self) -> bool {
        self.pool_state().is_ok_and(PoolState::takes_tasks)
    }

    /// Begins the end of the pool: no new tasks, and until `end_ns` of CLOCK_MONOTONIC for the others;
    /// the supervisor only.
    pub fn drain_until(&self, end_ns: u64) {
        // Before the state: a process that sees the one sees the other.
        self.header().set_drain_end_ns(end_ns.max(1));
        self.set_pool_state(PoolState::Draining);
    }

    /// When the time of a pool is over that is being stopped, in CLOCK_MONOTONIC nanoseconds; `None`
    /// of any other, also of one that was only drained.
    #[must_use]
    pub fn drain_end_ns(&self) -> Option<u64> {
        let drains = self.pool_state() == Ok(PoolState::Draining);
        drains.then(|| self.header().drain_end_ns())?
    }

    /// Sets the pool's state; the supervisor only.
    pub fn set_pool_state(&self, state: PoolState) {
        self.declared.state.store(state.word(), Ordering::Relaxed);
        self.header().set_pool_state_release(state);
    }

    /// The state that this process has set; the supervisor only.
    #[must_use]
    pub(crate) fn declared_state(&self) -> PoolState {
        let word = self.declared.state.load(Ordering::Relaxed);
        PoolState::from_word(word).unwrap_or(PoolState::Starting)
    }

    /// The health that this process has set; the supervisor only.
    #[must_use]
    pub(crate) fn declared_health(&self) -> Health {
        let word = self.declared.health.load(Ordering::Relaxed);
        Health::from_word(word).unwrap_or(Health::Full)
    }

    /// Remembers the limits that this process has set, as handler id and number.
    pub(crate) fn declare_limits(&self, limits: Vec<(u64, u32)>) {
        *self.declared_limits() = limits;
    }

    /// The limits that this process has set; the supervisor only.
    pub(crate) fn declared_limits(&self) -> MutexGuard<'_, Vec<(u64, u32)>> {
        let limits = self.declared.limits.lock();
        limits.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether workers that die are replaced; otherwise the reason says why not.
    ///
    /// # Errors
    /// [`UnknownWord`] for a word that no supervisor stores.
    pub fn health(&self) -> std::result::Result<Health, UnknownWord> {
        self.header().health_acquire()
    }

    /// Sets the pool's health, after its reason; the supervisor only.
    pub fn set_health(&self, health: Health) {
        self.declared.health.store(health.word(), Ordering::Relaxed);
        self.header().set_health_release(health);
    }

    /// Says why the pool fails or closes; call before [`Segment::set_pool_state`].
    pub fn set_reason(&self, reason: &str) {
        self.header().set_reason_release(reason);
    }

    /// Why the pool failed or closed; empty when nothing was said.
    #[must_use]
    pub fn reason(&self) -> String {
        self.header().reason_acquire()
    }

    /// The atomic u64 at a checked offset.
    ///
    /// # Panics
    /// When the offset is outside the mapping or not aligned: offsets come from the
    /// checked geometry, so that is a bug here and not a peer's doing.
    #[must_use]
    #[inline]
    pub(crate) fn u64_at(&self, offset: usize) -> &AtomicU64 {
        assert!(
            offset.is_multiple_of(8) && offset <= self.map.len() - 8,
            "offset {offset}"
        );
        // SAFETY: in bounds and aligned by the assertion (the mapping starts on a page); the
        // mapping lives as long as `self`; every process only uses atomics on it.
        unsafe { &*self.map.as_ptr().add(offset).cast::<AtomicU64>() }
    }

    /// The atomic u32 at a checked offset; panics as [`Segment::u64_at`].
    #[must_use]
    #[inline]
    pub(crate) fn u32_at(&self, offset: usize) -> &AtomicU32 {
        assert!(
            offset.is_multiple_of(4) && offset <= self.map.len() - 4,
            "offset {offset}"
        );
        // SAFETY: as in `u64_at`.
        unsafe { &*self.map.as_ptr().add(offset).cast::<AtomicU32>() }
    }

    /// The atomic byte at a checked offset; panics as [`Segment::u64_at`].
    #[must_use]
    #[inline]
    pub(crate) fn u8_at(&self, offset: usize) -> &AtomicU8 {
        assert!(offset < self.map.len(), "offset {offset}");
        // SAFETY: as in `u64_at`.
        unsafe { &*self.map.as_ptr().add(offset).cast::<AtomicU8>() }
    }

    /// A pointer to `len` bytes at a checked offset, for payloads.
    #[inline]
    pub(crate) fn bytes_at(&self, offset: usize, len: usize) -> *mut u8 {
        assert!(
            len <= self.map.len() && offset <= self.map.len() - len,
            "offset {offset}, {len} bytes"
        );
        self.map.as_mut_ptr().wrapping_add(offset)
    }

    /// `count` words at a checked offset.
    #[inline]
    pub(crate) fn words_at(&self, offset: usize, count: usize) -> &[AtomicU64] {
        assert!(offset.is_multiple_of(8), "offset {offset}");
        let start = self.bytes_at(offset, 8 * count);
        // SAFETY: in bounds by `bytes_at`, aligned by the assertion, alive as long as `self`; every
        // process only uses atomics on them.
        unsafe { std::slice::from_raw_parts(start.cast::<AtomicU64>(), count) }
    }

    /// The structure at an offset.
    ///
    /// # Panics
    /// When it is outside the mapping or not aligned: offsets come from the checked geometry, so that is a
    /// bug here and not a peer's doing.
    #[inline(always)]
    pub(crate) fn part<const SIZE: usize>(&self, offset: usize) -> Part<'_, SIZE> {
        assert!(offset.is_multiple_of(8), "offset {offset}");
        let start = self.bytes_at(offset, SIZE);
        // SAFETY: aligned by the assertion (the mapping starts on a page), in bounds by `bytes_at`;
        // the mapping lives as long as `self`.
        unsafe { Part::new(start) }
    }

    /// The header.
    #[must_use]
    #[inline(always)]
    pub fn header(&self) -> Header<'_> {
        Header::new(self.part(0))
    }

    /// The entry of a client.
    #[must_use]
    #[inline]
    pub fn client(&self, index: u32) -> ClientRecord<'_> {
        ClientRecord::new(self.part(self.geometry.client_at(index)))
    }

    /// The entry of a worker.
    #[must_use]
    #[inline]
    pub fn worker(&self, index: u32) -> WorkerRecord<'_> {
        WorkerRecord::new(self.part(self.geometry.worker_at(index)))
    }

    /// The entry of a lane.
    #[must_use]
    #[inline]
    pub fn lane(&self, index: u32) -> LaneRecord<'_> {
        LaneRecord::new(self.part(self.geometry.lane_at(index)))
    }

    /// The entries of all lanes.
    pub fn lanes(&self) -> impl Iterator<Item = LaneRecord<'_>> {
        (0..self.geometry.max_lanes).map(|lane| self.lane(lane))
    }

    /// A slot.
    #[must_use]
    #[inline(always)]
    pub fn slot(&self, index: u32) -> Slot<'_> {
        let at = self.geometry.slot_at(index);
        Slot::new(self.part(at), at)
    }

    /// The owner word of a payload block.
    #[inline(always)]
    pub(crate) fn owner(&self, place: &ClassPlace, block: u32) -> OwnerRecord<'_> {
        OwnerRecord::new(self.part(place.owner_at(block)))
    }

    /// The head of a chunk.
    #[inline(always)]
    pub(crate) fn chunk(&self, at: usize) -> ChunkRecord<'_> {
        ChunkRecord::new(self.part(at))
    }

    /// Length of a request of the chunk at an offset.
    #[inline(always)]
    pub(crate) fn chunk_length(&self, at: usize, request: u32) -> usize {
        let length = self.u32_at(chunk::length_at(at, request));
        // Relaxed: the acquire of the claim ordered it.
        length.load(Ordering::Relaxed) as usize
    }

    /// Writes the head of a result of the chunk whose heads are at an offset.
    #[inline(always)]
    pub(crate) fn set_chunk_head(&self, heads: usize, request: u32, word: u64) {
        let head = self.u64_at(chunk::head_at(heads, request));
        // Relaxed: the release of the cursor orders it.
        head.store(word, Ordering::Relaxed);
    }

    /// Takes the cache line of a checked offset away from other cores, by a word that no process reads.
    #[inline(always)]
    pub(crate) fn take_line(&self, offset: usize) {
        self.u64_at(offset).store(0, Ordering::Relaxed);
    }

    /// The hint ring at an offset.
    #[inline(always)]
    pub(crate) fn ring(&self, at: usize, capacity: u32) -> RingRecord<'_> {
        let cells = self.words_at(Geometry::cells_at(at), capacity as usize);
        RingRecord::new(self.part(at), cells)
    }

    /// The entry of a limit.
    pub(crate) fn limit(&self, index: u32) -> LimitRecord<'_> {
        let g = &self.geometry;
        let permits = self.words_at(g.permits_at(index), g.max_lanes as usize);
        LimitRecord::new(self.part(g.limit_at(index)), permits)
    }

    /// The entries of the handler table.
    pub(crate) fn handler_records(&self) -> impl Iterator<Item = HandlerRecord<'_>> {
        let g = &self.geometry;
        (0..g.handler_capacity).map(|index| HandlerRecord::new(self.part(g.handler_at(index))))
    }

    /// An entry of the handler table, if there is such a place.
    pub(crate) fn handler_record(&self, place: u32) -> Option<HandlerRecord<'_>> {
        let g = &self.geometry;
        (place < g.handler_capacity).then(|| HandlerRecord::new(self.part(g.handler_at(place))))
    }

    /// A record of what lanes count by handler.
    #[inline(always)]
    pub(crate) fn handler_counts(&self, at: usize) -> HandlerCountsRecord<'_> {
        HandlerCountsRecord::new(self.part(at))
    }

    /// A record of what the reaper counts by handler.
    pub(crate) fn handler_losses(&self, at: usize) -> HandlerLossesRecord<'_> {
        HandlerLossesRecord::new(self.part(at))
    }

    /// The head of the event ring.
    #[inline(always)]
    pub(crate) fn events_head(&self, at: usize) -> EventsRecord<'_> {
        EventsRecord::new(self.part(at))
    }

    /// A cell of the event ring.
    #[inline(always)]
    pub(crate) fn event(&self, at: usize) -> EventRecord<'_> {
        EventRecord::new(self.part(at))
    }

    /// The channels of the pool, in their order.
    #[must_use]
    pub fn channel_places(&self) -> &[ChannelPlace] {
        &self.channels
    }

    /// Where these channels are, if the segment has their sections.
    fn places_of(&self, channels: Vec<ChannelConfig>) -> Vec<ChannelPlace> {
        let of = |kind| self.geometry.section(kind);
        match (of(SECTION_CHANNELS), of(SECTION_CHANNEL_CELLS)) {
            (Some(heads), Some(cells)) => channel::places(channels, (heads.offset, cells.offset)),
            _ => Vec::new(),
        }
    }

    /// Writes the heads of the channels; the creator, before the segment is ready.
    pub(crate) fn fill_channels(&self) {
        for place in &self.channels {
            self.channel_head(place).fill(&place.config, place.first);
        }
    }

    /// What the heads of the channels say, if it fits their sections.
    fn read_channels(&self) -> std::result::Result<Vec<ChannelPlace>, String> {
        let of = |kind| self.geometry.section(kind);
        let (Some(heads), Some(cells)) = (of(SECTION_CHANNELS), of(SECTION_CHANNEL_CELLS)) else {
            return Ok(Vec::new());
        };
        let heads = (0..heads.section.count)
            .map(|index| ChannelRecord::new(self.part(heads.record_at(index))).config());
        let (channels, found): (Vec<_>, Vec<_>) = heads.unzip();
        let wrong = channel::problems(&channels);
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        let firsts = channel::firsts(&channels);
        if channel::lines(&channels) != u64::from(cells.section.count)
            || !firsts.eq(found.into_iter().map(u64::from))
        {
            return Err("the cells of its channels are not where they should be".into());
        }
        Ok(self.places_of(channels))
    }

    /// The head of a channel.
    #[inline(always)]
    pub(crate) fn channel_head(&self, place: &ChannelPlace) -> ChannelRecord<'_> {
        ChannelRecord::new(self.part(place.head))
    }

    /// A cell of a channel.
    #[inline(always)]
    pub(crate) fn cell(&self, place: &ChannelPlace, index: u64) -> CellRecord<'_> {
        CellRecord::new(self.part(place.cell_at(index)))
    }

    /// The key line at an offset.
    #[inline(always)]
    pub(crate) fn key_line(&self, at: usize) -> KeyLine<'_> {
        KeyLine::new(self.part(at))
    }

    /// The bucket of keys at an offset.
    #[inline(always)]
    pub(crate) fn key_bucket(&self, at: usize) -> KeyBucket<'_> {
        KeyBucket::new(self.part(at))
    }

    /// The records of the topics of events; none where the pool has no events.
    pub(crate) fn topic_records(&self) -> impl Iterator<Item = TopicRecord<'_>> {
        let place = self.geometry.section(SECTION_TOPICS);
        let records = place
            .into_iter()
            .flat_map(|place| (0..place.section.count).map(move |index| place.record_at(index)));
        records.map(|at| TopicRecord::new(self.part(at)))
    }

    /// The entries of the error log.
    pub(crate) fn error_records(&self) -> impl Iterator<Item = ErrorRecord<'_>> {
        let g = &self.geometry;
        (0..g.error_capacity).map(|index| ErrorRecord::new(self.part(g.error_at(index))))
    }

    /// Where the task of slot `index` stands ([`Slot::word`]).
    #[must_use]
    #[inline]
    pub fn word(&self, index: u32) -> Word {
        self.slot(index).word()
    }

    /// The task that a lane runs now, and where it stands.
    #[must_use]
    pub fn running(&self, lane: u32) -> Option<(u32, Word)> {
        let current = self.lane(lane).current();
        let slot = current.filter(|slot| *slot < self.geometry.total_slots())?;
        let word = self.word(slot);
        let owner = u32::from(word.owner());
        let runs = word.kind() == Kind::Claimed && (owner == lane || self.is_shard_of(lane, owner));
        runs.then_some((slot, word))
    }

    /// Whether a task in the name of lane `owner` may be run by `lane`: both are of one worker.
    fn is_shard_of(&self, lane: u32, owner: u32) -> bool {
        if owner >= self.geometry.max_lanes {
            return false;
        }
        let (lane, owner) = (self.lane(lane).word(), self.lane(owner).word());
        !lane.is_free() && !owner.is_free() && lane.worker() == owner.worker()
    }

    /// Adds to a counter of the pool; the supervisor only.
    pub fn count(&self, counter: PoolCounter, by: u64) {
        self.header().counter(counter).add(by);
    }
}

fn map(file: &File, size: u64, access: backing::Access) -> Result<Map> {
    let len = usize::try_from(size)
        .map_err(|_| RingError::Config("the segment is larger than the address space".into()))?;
    let mut options = MmapOptions::new();
    let map = match access {
        backing::Access::Write => options.len(len).map_raw(file),
        backing::Access::Read => options.len(len).map_raw_read_only(file),
    };
    let map = map.map_err(RingError::io("cannot map the segment"))?;
    #[cfg(ringwork_model)]
    let map = Map::from(map);
    Ok(map)
}

/// Looks whether the supervisor of a segment lives, by the lock file that it was opened with: a
/// supervisor whose lock file is removed lives on, and says so itself before it ends.
#[derive(Debug)]
pub struct SupervisorProbe(liveness::CheckedLockFile);

impl SupervisorProbe {
    /// Opens the lock file of the segment's supervisor.
    ///
    /// # Errors
    /// [`RingError::Io`] when the file is not there (any more), or can't be opened.
    pub fn open(segment: &Segment) -> Result<Self> {
        let path = segment.dir.supervisor_lock(segment.epoch);
        Ok(Self(liveness::open_to_probe(&path)?.into()))
    }

    /// Whether the supervisor lives. A process whose descriptors were closed by other code asks by
    /// the path again.
    ///
    /// # Errors
    /// When neither the descriptor nor the path can be asked.
    pub fn lives(&self, segment: &Segment) -> Result<bool> {
        if self.0.is_same() {
            liveness::is_held(&self.0)
        } else {
            segment.supervisor_lives()
        }
    }
}

#[cfg(test)]
mod tests;
