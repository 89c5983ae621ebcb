//! The mapped segment: create, attach, checked access.
//!
//! Owns the mapping and a private copy of the geometry, which bounds every
//! access: an offset that a peer wrote is never used before it is checked
//! against the copy. Atomics are handed out as references into the mapping;
//! payload bytes only through [`crate::queue::arena`] and the slot accessors.

use crate::error::{Result, RingError};
use crate::format::config::{ArenaClass, Geometry, PoolConfig};
use crate::format::layout::*;
use crate::format::words::Word;
use crate::os::checked_fd::KeptFile;
use crate::os::clock::now_ns;
use crate::os::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::queue::hint_ring::HintRing;
use crate::segment::memfd::Pointer;
use crate::segment::paths::PoolDir;
use liveness::LivenessLock;
use memmap2::MmapOptions;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
// Private to the process: no model checker need see it.
use std::sync::atomic::AtomicU32 as PrivateU32;

#[cfg(not(ringwork_model))]
type Map = memmap2::MmapRaw;
#[cfg(ringwork_model)]
type Map = crate::model::Memory;

mod file;
#[cfg_attr(ringwork_model, path = "../../model/lock.rs")]
pub mod liveness;
mod memfd;
#[cfg_attr(ringwork_model, allow(dead_code, reason = "no model maps a file"))]
mod pages;
mod part;
pub mod paths;
pub mod room;

pub use file::Backing;
use file::Opened;
pub(crate) use pages::fill_with_huge_pages;
pub use pages::why_no_huge_pages;
pub(crate) use part::Part;

/// An attached segment.
#[derive(Debug)]
pub struct Segment {
    map: Map,
    // The creator's alone. A handler may close every descriptor of a worker: it must not hit one
    // that is used, or closed, later.
    file: Option<KeptFile>,
    place: PathBuf,
    geometry: Geometry,
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

/// The locks that a supervisor holds: the name's, and that of this segment.
#[derive(Debug)]
pub struct SupervisorLocks {
    name: LivenessLock,
    epoch: LivenessLock,
}

impl SupervisorLocks {
    /// Whether the pool's name is still this supervisor's: what stands under it else is not its
    /// own.
    #[must_use]
    pub fn hold_name(&self, dir: &PoolDir) -> bool {
        self.name.is_of(&dir.name_lock())
    }

    /// What has become of the files by which others find the pool and know that it lives, if they
    /// are not there any more, or not this pool's.
    #[must_use]
    pub fn lost(&self, segment: &Segment) -> Option<String> {
        let dir = segment.dir();
        self.name
            .lost(&dir.name_lock())
            .or_else(|| self.epoch.lost(&dir.supervisor_lock(segment.epoch())))
            .or_else(|| segment.lost_file())
    }
}

impl Segment {
    /// Takes the pool's name, removes what a dead predecessor left, and writes
    /// a new segment. It is visible when this returns, in state STARTING.
    ///
    /// # Errors
    /// [`RingError::NoMemfd`] where a memfd is impossible: a file may be, then.
    pub fn create_in(
        backing: Backing,
        dir: &PoolDir,
        config: &PoolConfig,
    ) -> Result<(Self, SupervisorLocks)> {
        let geometry = config.geometry()?;
        let name_lock = make_and_take_name(dir)?;
        failpoint!("create.named");
        remove_leftovers(dir, REPLACED)?;
        failpoint!("create.cleared");
        Self::write(backing, dir, geometry, config).map_or_else(
            |error| {
                // Nothing of a failed attempt stays behind; the name is still ours here.
                let _ = remove_pool_files(dir, "it could not be started");
                Err(error)
            },
            |(segment, epoch_lock)| {
                Ok((
                    segment,
                    SupervisorLocks {
                        name: name_lock,
                        epoch: epoch_lock,
                    },
                ))
            },
        )
    }

    /// [`Segment::create_in`] a file.
    pub fn create(dir: &PoolDir, config: &PoolConfig) -> Result<(Self, SupervisorLocks)> {
        Self::create_in(Backing::File, dir, config)
    }

    fn write(
        backing: Backing,
        dir: &PoolDir,
        geometry: Geometry,
        config: &PoolConfig,
    ) -> Result<(Self, LivenessLock)> {
        let epoch = random_epoch()?;
        let lock = make_locks(dir, epoch, &geometry)?;
        failpoint!("create.locked");
        let (file, pointer) = backing.make(dir, &geometry, epoch, config)?;
        failpoint!("create.opened");
        let segment = Self {
            map: map(&file, geometry.segment_size)?,
            file: Some(file.into()),
            place: pointer.map_or_else(|| dir.segment(), Pointer::path),
            geometry,
            dir: dir.clone(),
            epoch,
            declared: Declared::default(),
        };
        segment.write_header();
        let mut mapping = 0;
        if config.prefault {
            mapping |= MAPPING_PREFAULT;
        }
        if config.huge_pages {
            mapping |= MAPPING_HUGE_PAGES;
        }
        segment.u32_at(H_MAPPING).store(mapping, Ordering::Relaxed);
        failpoint!("create.written");
        match pointer {
            Some(pointer) => pointer.write(dir)?,
            None => fs::rename(dir.new_segment(), dir.segment()).map_err(RingError::io(
                format!("cannot rename to {}", dir.segment().display()),
            ))?,
        }
        failpoint!("create.renamed");
        // pairs with the acquire load in `attach`: a process that sees READY sees the header.
        segment.u32_at(H_READY).store(READY, Ordering::Release);
        failpoint!("create.ready");
        Ok((segment, lock))
    }

    /// Does with this process's mapping what the pool asks of processes that attach: huge pages,
    /// every page touched. What could not be done is told; nothing depends on it.
    #[must_use]
    pub fn prepare(&self) -> Vec<String> {
        let asked = self.u32_at(H_MAPPING).load(Ordering::Relaxed);
        #[cfg(not(ringwork_model))]
        return pages::prepare(&self.map, asked, self.memory_is_sealed(), self.dir.path());
        #[cfg(ringwork_model)]
        vec![format!("not in a model: {asked}")]
    }

    #[cfg(not(ringwork_model))]
    fn memory_is_sealed(&self) -> bool {
        self.place != self.dir.segment()
    }

    fn write_header(&self) {
        let g = &self.geometry;
        let put32 = |at: usize, value: u32| self.u32_at(at).store(value, Ordering::Relaxed);
        let put64 =
            |at: usize, value: usize| self.u64_at(at).store(value as u64, Ordering::Relaxed);
        self.u64_at(H_MAGIC).store(MAGIC, Ordering::Relaxed);
        put32(H_VERSION, VERSION);
        self.u64_at(H_SEGMENT_SIZE)
            .store(g.segment_size, Ordering::Relaxed);
        self.u64_at(H_EPOCH).store(self.epoch, Ordering::Relaxed);
        self.u64_at(H_CREATED_NS).store(now_ns(), Ordering::Relaxed);
        put32(H_SUPERVISOR_PID, std::process::id());
        for (at, value) in [
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
        ] {
            put32(at, value);
        }
        for (at, value) in [
            (H_CLIENTS, g.clients),
            (H_WORKERS, g.workers),
            (H_LANES, g.lanes),
            (H_INJECTORS, g.injectors),
            (H_SLOTS, g.slots),
            (H_COMPLETIONS, g.completions),
            (H_HANDLERS, g.handlers),
            (H_ERRORS, g.errors),
            (H_LIMITS, g.limits),
        ] {
            put64(at, value);
        }
        for (index, place) in g.classes.iter().enumerate() {
            let at = H_CLASSES + index * CLASS_STRIDE;
            put64(at + CLASS_SIZE, place.class.size);
            put32(at + CLASS_COUNT, place.class.count);
            put32(at + CLASS_RESERVED, place.class.reserved);
            put64(at + CLASS_OWNERS, place.owners);
            put64(at + CLASS_BLOCKS, place.blocks);
        }
        self.put_text(H_NAME, self.dir.name(), NAME_SIZE);
    }

    /// Maps the segment of a pool after checking file, version and every size.
    pub fn attach(dir: &PoolDir) -> Result<Self> {
        let Opened {
            file,
            size,
            path,
            epoch: promised,
        } = file::open(dir)?;
        let refuse = |why: String| RingError::Foreign {
            path: path.clone(),
            why,
        };
        let map = map(&file, size)?;
        failpoint!("attach.mapped");
        // A throw-away geometry: enough to read the header through the same checked accessors.
        let mut segment = Self {
            map,
            file: None,
            place: path.clone(),
            geometry: PoolConfig::default().geometry()?,
            dir: dir.clone(),
            epoch: 0,
            declared: Declared::default(),
        };
        // pairs with the release store at the end of `create`.
        let ready = segment.u32_at(H_READY).load(Ordering::Acquire);
        let magic = segment.u64_at(H_MAGIC).load(Ordering::Relaxed);
        if magic != MAGIC {
            return Err(if magic == 0 && ready == 0 {
                RingError::NotReady { path }
            } else {
                refuse("it is not a Ringwork segment".into())
            });
        }
        let version = segment.u32_at(H_VERSION).load(Ordering::Relaxed);
        if version != VERSION {
            return Err(RingError::Version {
                path,
                found: format!("version {version}"),
                expected: VERSION,
            });
        }
        if ready != READY {
            return Err(RingError::NotReady { path });
        }
        let unknown = segment.u64_at(H_FEATURES).load(Ordering::Relaxed) & !FEATURES_KNOWN;
        if unknown != 0 {
            return Err(RingError::Version {
                path,
                found: format!("unknown feature bits {unknown:#x}"),
                expected: VERSION,
            });
        }
        segment.geometry = segment.read_geometry().map_err(|why| {
            let why = match why {
                RingError::Config(what) => what,
                other => other.to_string(),
            };
            refuse(format!("its header is corrupt: {why}"))
        })?;
        if segment.geometry.segment_size != size {
            return Err(refuse(format!(
                "it was truncated or extended: {size} bytes instead of {}",
                segment.geometry.segment_size
            )));
        }
        segment.epoch = segment.u64_at(H_EPOCH).load(Ordering::Relaxed);
        if promised.is_some_and(|epoch| epoch != segment.epoch) {
            return Err(refuse(
                "it has not the epoch that its pointer promises".into(),
            ));
        }
        failpoint!("attach.checked");
        Ok(segment)
    }

    /// The geometry that follows from the header's counts, if its offsets agree.
    fn read_geometry(&self) -> Result<Geometry> {
        let get = |at: usize| self.u32_at(at).load(Ordering::Relaxed);
        let classes = get(H_CLASS_COUNT) as usize;
        if classes > MAX_CLASSES {
            return Err(RingError::Config(format!("{classes} arena classes")));
        }
        let arena = (0..classes)
            .map(|index| {
                let at = H_CLASSES + index * CLASS_STRIDE;
                ArenaClass {
                    size: self.u64_at(at + CLASS_SIZE).load(Ordering::Relaxed) as usize,
                    count: get(at + CLASS_COUNT),
                    reserved: get(at + CLASS_RESERVED),
                }
            })
            .collect();
        let config = PoolConfig {
            clients: get(H_MAX_CLIENTS),
            slots: get(H_SLOTS_PER_CLIENT),
            max_workers: get(H_MAX_WORKERS),
            max_lanes: get(H_MAX_LANES),
            priorities: get(H_PRIORITIES),
            limits: get(H_LIMIT_COUNT),
            segment_size: None,
            arena: Some(arena),
            ..PoolConfig::default()
        };
        let geometry = config.geometry()?;
        let offsets = [
            (H_CLIENTS, geometry.clients),
            (H_SLOTS, geometry.slots),
            (H_COMPLETIONS, geometry.completions),
            (H_ERRORS, geometry.errors),
            (H_SEGMENT_SIZE, geometry.segment_size as usize),
        ];
        for (at, expected) in offsets {
            let found = self.u64_at(at).load(Ordering::Relaxed);
            if found != expected as u64 {
                return Err(RingError::Config(format!(
                    "offset {found} at {at} should be {expected}"
                )));
            }
        }
        if get(H_INJECTOR_CAPACITY) != geometry.injector_capacity
            || get(H_COMPLETION_CAPACITY) != geometry.completion_capacity
        {
            return Err(RingError::Config(
                "ring capacities do not follow from the counts".into(),
            ));
        }
        Ok(geometry)
    }

    /// A view of a segment that a model has made.
    #[cfg(ringwork_model)]
    pub(crate) fn model(map: Map, geometry: Geometry, dir: PoolDir, epoch: u64) -> Self {
        Self {
            map,
            file: None,
            declared: Declared::default(),
            place: PathBuf::new(),
            geometry,
            dir,
            epoch,
        }
    }

    /// Removes the segment and its lock files; attached processes keep their mappings.
    pub fn remove(&self) -> Result<()> {
        remove_pool_files(&self.dir, CLEANED)
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
        let now = |file: &KeptFile| file.metadata().map_or(0, |meta| meta.len());
        self.file.as_ref().map_or(self.geometry.segment_size, now)
    }

    /// Bytes of the memory behind the mapping that are allocated, as it is now; for its creator.
    #[must_use]
    pub fn allocated(&self) -> u64 {
        use std::os::unix::fs::MetadataExt;
        let now = |file: &KeptFile| file.metadata().map_or(0, |meta| 512 * meta.blocks());
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
                "somebody has changed its size from {whole} to {size} bytes while it was in use"
            ),
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
        match liveness::open_lock_file(&path, false) {
            Ok(file) => liveness::is_held(&file),
            // Its successor, or `clean`, has removed the file: it is gone.
            Err(_) if !path.exists() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The pool's state (`POOL_*`).
    #[must_use]
    #[inline]
    pub fn pool_state(&self) -> u32 {
        // pairs with the release store in `set_pool_state`.
        self.u32_at(H_POOL_STATE).load(Ordering::Acquire)
    }

    /// Sets the pool's state; the supervisor only.
    pub fn set_pool_state(&self, state: u32) {
        self.declared.state.store(state, Ordering::Relaxed);
        self.u32_at(H_POOL_STATE).store(state, Ordering::Release);
    }

    /// The state that this process has set; the supervisor only.
    #[must_use]
    pub(crate) fn declared_state(&self) -> u32 {
        self.declared.state.load(Ordering::Relaxed)
    }

    /// The health that this process has set; the supervisor only.
    #[must_use]
    pub(crate) fn declared_health(&self) -> u32 {
        self.declared.health.load(Ordering::Relaxed)
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

    /// Whether workers that die are replaced (`HEALTH_*`); otherwise the reason says why not.
    #[must_use]
    pub fn health(&self) -> u32 {
        // pairs with the release store in `set_health`.
        self.u32_at(H_HEALTH).load(Ordering::Acquire)
    }

    /// Sets the pool's health, after its reason; the supervisor only.
    pub fn set_health(&self, health: u32) {
        self.declared.health.store(health, Ordering::Relaxed);
        self.u32_at(H_HEALTH).store(health, Ordering::Release);
    }

    /// Says why the pool fails or closes; call before [`Segment::set_pool_state`].
    pub fn set_reason(&self, reason: &str) {
        let written = self.put_text(H_REASON, reason, REASON_SIZE);
        self.u32_at(H_REASON_LEN)
            .store(written as u32, Ordering::Release);
    }

    /// Why the pool failed or closed; empty when nothing was said.
    #[must_use]
    pub fn reason(&self) -> String {
        let len = self.u32_at(H_REASON_LEN).load(Ordering::Acquire) as usize;
        self.get_text(H_REASON, len.min(REASON_SIZE))
    }

    /// The atomic u64 at a checked offset.
    ///
    /// # Panics
    /// When the offset is outside the mapping or not aligned: offsets come from the
    /// checked geometry, so that is a bug here and not a peer's doing.
    #[must_use]
    #[inline]
    pub fn u64_at(&self, offset: usize) -> &AtomicU64 {
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
    pub fn u32_at(&self, offset: usize) -> &AtomicU32 {
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
    pub fn u8_at(&self, offset: usize) -> &AtomicU8 {
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

    /// A hint ring at a checked offset.
    #[inline]
    fn ring_at(&self, offset: usize, capacity: u32) -> HintRing<'_> {
        let words = self.part::<RING_CELLS>(offset);
        let cells = self.bytes_at(offset + RING_CELLS, 8 * capacity as usize);
        // SAFETY: in bounds by `bytes_at`, aligned since sections start on 128-byte
        // lines, alive as long as `self`, only used through atomics.
        let cells =
            unsafe { std::slice::from_raw_parts(cells.cast::<AtomicU64>(), capacity as usize) };
        HintRing::new(words.u64_at(RING_HEAD), words.u64_at(RING_TAIL), cells)
    }

    /// The injector ring of a priority (clamped to the lowest).
    #[must_use]
    #[inline]
    pub fn injector(&self, priority: u32) -> HintRing<'_> {
        let g = &self.geometry;
        let stride = RING_CELLS + 8 * g.injector_capacity as usize;
        self.ring_at(
            g.injectors + stride * priority.min(g.priorities - 1) as usize,
            g.injector_capacity,
        )
    }

    /// The ring of the hints that wait for a permit of a limit.
    #[must_use]
    #[inline]
    pub(crate) fn deferred_ring(&self, limit: u32) -> HintRing<'_> {
        let g = &self.geometry;
        let permits = (LIMIT_PERMITS + 8 * g.max_lanes as usize).next_multiple_of(128);
        self.ring_at(
            g.limits + g.limit_stride * limit as usize + permits,
            g.injector_capacity,
        )
    }

    /// The completion ring of a client.
    #[must_use]
    #[inline]
    pub fn completion_ring(&self, client: u32) -> HintRing<'_> {
        let g = &self.geometry;
        let stride = RING_CELLS + 8 * g.completion_capacity as usize;
        self.ring_at(
            g.completions + stride * client as usize,
            g.completion_capacity,
        )
    }

    /// Offset of client entry `index`.
    #[must_use]
    #[inline]
    pub fn client_at(&self, index: u32) -> usize {
        self.geometry.clients + CLIENT_STRIDE * index as usize
    }

    /// Offset of worker entry `index`.
    #[must_use]
    #[inline]
    pub fn worker_at(&self, index: u32) -> usize {
        self.geometry.workers + WORKER_STRIDE * index as usize
    }

    /// Offset of lane entry `index`.
    #[must_use]
    #[inline]
    pub fn lane_at(&self, index: u32) -> usize {
        self.geometry.lanes + LANE_STRIDE * index as usize
    }

    /// Offset of slot `index`.
    #[must_use]
    #[inline]
    pub fn slot_at(&self, index: u32) -> usize {
        debug_assert!(index < self.geometry.total_slots());
        self.geometry.slots + SLOT_STRIDE * index as usize
    }

    /// Slot `index`.
    #[inline(always)]
    pub(crate) fn slot(&self, index: u32) -> Part<'_, SLOT_STRIDE> {
        self.part(self.slot_at(index))
    }

    /// The state word's atomic of slot `index`.
    #[must_use]
    #[inline]
    pub fn state(&self, index: u32) -> &AtomicU64 {
        self.slot(index).u64_at(SLOT_STATE)
    }

    /// The state word of slot `index`, acquired.
    #[must_use]
    #[inline]
    pub fn word(&self, index: u32) -> Word {
        // pairs with the release of the transition that wrote it (protocol.md, section 3).
        Word(self.state(index).load(Ordering::Acquire))
    }

    /// One transition of a slot.
    #[inline]
    pub fn transition(&self, index: u32, from: Word, to: Word) -> bool {
        self.state(index)
            .compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Asks the handler that runs a task to give up. A caller that was paused in between and
    /// comes a generation late must not wipe out the word of the slot's next task: it only grows.
    pub(crate) fn request_cancel(&self, index: u32, generation: u64) {
        // pairs with nothing: the word says all by itself (`Claimed::cancelled`).
        self.u64_at(self.slot_at(index) + SLOT_CANCEL)
            .fetch_max(CANCEL_BIT | generation, Ordering::Relaxed);
    }

    /// Adds to a counter of the pool.
    pub fn count(&self, counter: usize, by: u64) {
        if by > 0 {
            self.u64_at(counter).fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Writes text byte by byte, cut at a character to `max` bytes; returns the length.
    pub(crate) fn put_text(&self, offset: usize, text: &str, max: usize) -> usize {
        let len = text.floor_char_boundary(max);
        for (index, byte) in text.as_bytes()[..len].iter().enumerate() {
            self.u8_at(offset + index).store(*byte, Ordering::Relaxed);
        }
        len
    }

    /// Reads text that a peer wrote; what is not UTF-8, or could command a terminal, is replaced.
    pub(crate) fn get_text(&self, offset: usize, len: usize) -> String {
        let bytes: Vec<u8> = (0..len)
            .map(|index| self.u8_at(offset + index).load(Ordering::Relaxed))
            .collect();
        let plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
        String::from_utf8_lossy(&bytes)
            .chars()
            .map(|c| {
                if plain(c) {
                    c
                } else {
                    char::REPLACEMENT_CHARACTER
                }
            })
            .collect()
    }
}

fn map(file: &File, size: u64) -> Result<Map> {
    let len = usize::try_from(size)
        .map_err(|_| RingError::Config("the segment is larger than the address space".into()))?;
    let map = MmapOptions::new()
        .len(len)
        .map_raw(file)
        .map_err(RingError::io("cannot map the segment"))?;
    #[cfg(ringwork_model)]
    let map = Map::from(map);
    Ok(map)
}

/// Creates the directories and takes the name, again when a pool that leaves removes them in
/// between.
fn make_and_take_name(dir: &PoolDir) -> Result<LivenessLock> {
    let attempt = || dir.create().and_then(|()| take_name(dir));
    for _ in 0..10 {
        match attempt() {
            Err(RingError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(RingError::NotFound { .. }) => {} // between making it and looking at it
            other => return other,
        }
    }
    attempt()
}

fn supervisor_pid(dir: &PoolDir) -> Option<u32> {
    let segment = Segment::attach(dir).ok()?;
    Some(segment.u32_at(H_SUPERVISOR_PID).load(Ordering::Relaxed))
}

/// Whether the process that made the segment is to be seen and no zombie.
fn supervisor_runs(dir: &PoolDir) -> bool {
    supervisor_pid(dir)
        .and_then(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok())
        .and_then(|stat| {
            Some(
                !stat
                    .rsplit_once(')')?
                    .1
                    .trim_start()
                    .starts_with(['Z', 'X']),
            )
        })
        .unwrap_or(false)
}

/// How long the lock of a supervisor that is gone is waited for.
const NAME_PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

fn take_name(dir: &PoolDir) -> Result<LivenessLock> {
    let path = dir.name_lock();
    let start = std::time::Instant::now();
    loop {
        liveness::open_lock_file(&path, true)?;
        match LivenessLock::try_acquire(&path)? {
            Some(held) if held.is_of(&path) => return Ok(held),
            // A pool that is being removed unlinks its name lock; then the lock of the unlinked
            // file means nothing.
            Some(_) if start.elapsed() < NAME_PATIENCE => {}
            // A supervisor that was killed amid starting a worker: until that child has executed
            // its program it holds a copy of the lock. Only a reason to wait, and no proof of
            // anything.
            None if start.elapsed() < NAME_PATIENCE && !supervisor_runs(dir) => {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            _ => break,
        }
    }
    let by = supervisor_pid(dir)
        .map(|pid| format!(" by process {pid}"))
        .unwrap_or_default();
    Err(RingError::NameTaken {
        name: dir.name().to_owned(),
        by,
    })
}

/// What clients of a dead pool are told by a supervisor that takes its name. Those that reconnect
/// by themselves read it, too.
const REPLACED: &str =
    "its supervisor died, and another one has taken the name: a new connection reaches that";

/// What they are told when its files are removed.
const CLEANED: &str = "its supervisor died, and what it left was removed";

/// Removes what a dead supervisor left, and tells clients why; its name lock is held by the caller.
fn remove_leftovers(dir: &PoolDir, why: &str) -> Result<()> {
    if let Ok(old) = Segment::attach(dir)
        && old.pool_state() < POOL_CLOSED
    {
        // Clients that are still attached to it learn that it is over.
        old.set_reason(why);
        old.set_pool_state(POOL_FAILED);
    }
    for entry in fs::read_dir(dir.path())
        .map_err(RingError::io("cannot list the pool's directory"))?
        .flatten()
    {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = [
            "segment",
            "segment.new",
            "segment.memfd",
            "segment.memfd.new",
        ]
        .contains(&&*name)
            || (name.ends_with(".lock") && name != "name.lock");
        if ours {
            if let Err(error) = fs::remove_file(entry.path())
                && error.kind() != std::io::ErrorKind::NotFound
            {
                let what = format!("cannot remove {}", entry.path().display());
                return Err(RingError::io(what)(error));
            }
            failpoint!("remove.file");
        }
    }
    Ok(())
}

/// Removes a pool's files and directory. The caller holds the name's lock.
fn remove_pool_files(dir: &PoolDir, why: &str) -> Result<()> {
    remove_leftovers(dir, why)?;
    let _ = fs::remove_file(dir.name_lock());
    failpoint!("remove.unnamed");
    match fs::remove_dir(dir.path()) {
        Ok(()) => Ok(()),
        // Gone already, or a successor has taken the name.
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(RingError::io(format!(
            "cannot remove {}",
            dir.path().display()
        ))(error)),
    }
}

/// Whether a segment can be a sealed memfd here.
///
/// # Errors
/// [`RingError::NoMemfd`] says why not.
pub fn probe_memfd() -> Result<()> {
    let dir = PoolDir::below(Path::new("/"), "probe")?;
    crate::segment::memfd::create(&dir, HEADER_SIZE as u64, HEADER_SIZE as u64, false).map(drop)
}

/// Removes the pool if its supervisor is proved dead; `false` when it lives.
pub fn clean(dir: &PoolDir) -> Result<bool> {
    dir.check()?;
    match take_name(dir) {
        Ok(_held) => remove_pool_files(dir, CLEANED).map(|()| true),
        Err(RingError::NameTaken { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes what dead pools below `base` have left that is of no use: pools whose memory has gone
/// with them (an embedded one whose whole process group was killed leaves only its lock files), and
/// those that a JVM has launched under a name that is never used again. A served pool stays for
/// `ringwork stat`, `ringwork clean` and the next supervisor of its name.
///
/// Safe beside pools that come up: only a pool is removed whose name's lock can be taken, while it
/// is held. A supervisor that finds the lock taken by this, or its directory gone, tries again.
///
/// Returns the names, each with how it went.
pub fn clear_litter(base: &Path) -> Vec<(String, Result<()>)> {
    let pools = PoolDir::list(base).unwrap_or_default();
    let cleared = |dir: PoolDir| {
        if !is_litter(&dir) || dir.check().is_err() {
            return None;
        }
        // Not waited for: what is locked has an owner.
        let _held = LivenessLock::try_acquire(&dir.name_lock())
            .ok()
            .flatten()
            .filter(|held| held.is_of(&dir.name_lock()))?;
        is_litter(&dir).then(|| (dir.name().to_owned(), remove_pool_files(&dir, CLEANED)))
    };
    pools.into_iter().filter_map(cleared).collect()
}

/// Whether the pool is of no use any more, if it is dead.
fn is_litter(dir: &PoolDir) -> bool {
    let exists = |path: &Path| path.symlink_metadata().is_ok();
    exists(&dir.name_lock()) && (!exists(&dir.segment()) || dir.is_of_a_jvm())
}

fn make_locks(dir: &PoolDir, epoch: u64, geometry: &Geometry) -> Result<LivenessLock> {
    for index in 0..geometry.max_clients {
        liveness::open_lock_file(&dir.client_lock(epoch, index), true)?;
    }
    for index in 0..geometry.max_workers {
        liveness::open_lock_file(&dir.worker_lock(epoch, index), true)?;
    }
    let path = dir.supervisor_lock(epoch);
    liveness::open_lock_file(&path, true)?;
    LivenessLock::try_acquire(&path)?.ok_or_else(|| RingError::Foreign {
        path,
        why: "somebody else has locked it".into(),
    })
}

fn random_epoch() -> Result<u64> {
    let mut bytes = [0; 8];
    crate::os::kernel::random(&mut bytes).map_err(RingError::io("cannot draw an epoch"))?;
    Ok((u64::from_le_bytes(bytes) >> 1).max(1))
}

/// Looks whether the supervisor of a segment lives, by the lock file that it was opened with: a
/// supervisor whose lock file is removed lives on, and says so itself before it ends.
#[derive(Debug)]
pub struct SupervisorProbe(liveness::KeptLockFile);

impl SupervisorProbe {
    /// Opens the lock file of the segment's supervisor.
    ///
    /// # Errors
    /// [`RingError::Io`] when the file is not there (any more), or can't be opened.
    pub fn open(segment: &Segment) -> Result<Self> {
        let path = segment.dir.supervisor_lock(segment.epoch);
        Ok(Self(liveness::open_lock_file(&path, false)?.into()))
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
