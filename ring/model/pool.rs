//! Tiny segments on the heap, and what each of their words is to a model checker.

use crate::format::channel::ChannelConfig;
use crate::format::config::{ArenaClass, Geometry, PoolConfig};
use crate::format::layout::*;
use crate::format::section::{self, Section};
use crate::format::states::{Codec, LaneKind, PoolState};
use crate::model::shim::Place;
use crate::segment::Segment;
use crate::segment::paths::PoolDir;
use crate::segment::tables::{HandlerInfo, register_handler};
use memmap2::MmapRaw;
use std::cell::{RefCell, UnsafeCell};
use std::path::Path;
use std::sync::Arc;

/// What a segment's bytes are made of: a mapped file, or pages on the heap.
#[derive(Debug, Clone)]
pub enum Memory {
    /// As in every other build; only the ordinary tests of this crate use it.
    Mapped(Arc<MmapRaw>),
    /// A model's.
    Heap(Arc<Heap>),
}

impl From<MmapRaw> for Memory {
    fn from(map: MmapRaw) -> Self {
        Self::Mapped(Arc::new(map))
    }
}

impl Memory {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Mapped(map) => map.len(),
            Self::Heap(heap) => heap.0.len() * size_of::<Page>(),
        }
    }

    pub(crate) fn as_ptr(&self) -> *const u8 {
        self.as_mut_ptr().cast_const()
    }

    pub(crate) fn as_mut_ptr(&self) -> *mut u8 {
        match self {
            Self::Mapped(map) => map.as_mut_ptr(),
            Self::Heap(heap) => heap.0.as_ptr().cast::<u8>().cast_mut(),
        }
    }
}

#[repr(C, align(4096))]
#[derive(Debug)]
struct Page(UnsafeCell<[u8; 4096]>);

/// Pages that several views of one segment share.
#[derive(Debug)]
pub struct Heap(Box<[Page]>);

// SAFETY: the bytes are only used through atomics and raw pointers, like those of a mapping.
unsafe impl Send for Heap {}
// SAFETY: as above.
unsafe impl Sync for Heap {}

/// What a word is to the checker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Counters, times, names: not part of the protocol; straight to memory.
    Plain,
    /// A word of the protocol: every access is a step, with its memory ordering.
    Word,
    /// Plain data that the protocol hands over: two accesses without an order between them, one
    /// of them a write, are an error.
    Data,
}

/// The sizes of a tiny pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiny {
    pub(crate) clients: u32,
    pub(crate) slots: u32,
    pub(crate) workers: u32,
    pub(crate) lanes: u32,
    /// Cells of the one injector ring.
    pub(crate) injector: u32,
    /// Cells of each completion ring.
    pub(crate) completion: u32,
    /// Arena blocks of 128 bytes, one of them kept for results.
    pub(crate) blocks: u32,
    /// Cells of the event ring, a power of two; 0: none.
    pub(crate) events: u32,
    /// Whether the handler "model" is for I/O lanes, which have rings then.
    pub(crate) io: bool,
    /// Whether tasks may have keys.
    pub(crate) keys: bool,
    /// Cells of the one channel, a power of two; 0: none.
    pub(crate) channel: u32,
    /// Whether the channel delivers once.
    pub(crate) once: bool,
}

impl Default for Tiny {
    fn default() -> Self {
        Self {
            clients: 1,
            slots: 1,
            workers: 1,
            lanes: 1,
            injector: 2,
            completion: 2,
            blocks: 2,
            events: 0,
            io: false,
            keys: false,
            channel: 0,
            once: false,
        }
    }
}

/// A tiny segment: its memory, and what is at each offset.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    memory: Memory,
    geometry: Geometry,
    channels: Vec<ChannelConfig>,
    dir: PoolDir,
    classes: Arc<[Class]>,
    pieces: Arc<[Piece]>,
    // The piece that each byte belongs to, or NO_PIECE.
    piece_of: Arc<[u16]>,
}

/// A word of the protocol, or a run of bytes that it hands over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) place: Place,
    pub(crate) class: Class,
}

const NO_PIECE: u16 = u16::MAX;

/// Most bytes of a message of the tiny channel.
pub(crate) const MESSAGE: usize = 8;
/// Size of a block of the tiny arena.
pub(crate) const BLOCK: usize = 128;
/// The epoch of every tiny segment.
const EPOCH: u64 = 1;

impl Tiny {
    fn sections(self, io_ring_bytes: usize) -> Vec<Section> {
        let of = |kind, count, bytes: usize| Section {
            kind,
            count,
            bytes: bytes as u32,
        };
        let mut sections = match self.events {
            0 => Vec::new(),
            cells => vec![
                of(SECTION_EVENTS, cells + 1, EVENT_STRIDE),
                of(SECTION_TOPICS, 1, TOPIC_STRIDE),
            ],
        };
        if self.io {
            let lines = io_ring_bytes.div_ceil(SECTION_ALIGN) as u32;
            sections.push(of(SECTION_IO_RINGS, lines, SECTION_ALIGN));
        }
        if self.keys {
            sections.extend(section::of_keys(self.clients * self.slots));
        }
        sections.extend(section::of_channels(&self.channels()));
        sections
    }

    fn channels(self) -> Vec<ChannelConfig> {
        let channel = ChannelConfig::new("model", self.channel, MESSAGE as u32).once(self.once);
        if self.channel > 0 {
            vec![channel]
        } else {
            Vec::new()
        }
    }

    /// The pool of these sizes, its segment empty and SERVING.
    pub(crate) fn pool(self) -> Pool {
        let config = PoolConfig {
            clients: self.clients,
            slots: self.slots,
            max_workers: self.workers,
            max_lanes: self.lanes,
            priorities: 2,
            limits: 0,
            events: None,
            io_lanes: self.io,
            keys: None,
            channels: Vec::new(),
            segment_size: None,
            arena: Some(vec![ArenaClass {
                size: BLOCK,
                count: self.blocks,
                reserved: 1,
            }]),
            huge_pages: false,
            prefault: false,
            sections: None,
        };
        let config = PoolConfig {
            sections: Some(self.sections(config.io_ring_bytes())),
            ..config
        };
        let mut geometry = config.geometry().expect("a tiny geometry");
        // Smaller than what is made for people, in the same places.
        geometry.priorities = 1;
        assert!(
            self.injector <= geometry.injector_capacity
                && self.completion <= geometry.completion_capacity
        );
        geometry.injector_capacity = self.injector;
        geometry.completion_capacity = self.completion;
        let pages = geometry.segment_size as usize / size_of::<Page>();
        let heap = Heap(
            (0..pages)
                .map(|_| Page(UnsafeCell::new([0; 4096])))
                .collect(),
        );
        let memory = Memory::Heap(Arc::new(heap));
        let (pieces, piece_of) = pieces(&geometry, memory.as_ptr() as usize, self.channel);
        let pool = Pool {
            memory,
            channels: self.channels(),
            classes: classes(&geometry, self.channel).into(),
            pieces,
            piece_of,
            geometry,
            dir: PoolDir::below(Path::new("/nowhere"), "model").expect("a name"),
        };
        pool.reset();
        pool
    }
}

impl Pool {
    /// Another view of the segment, as of another process.
    pub(crate) fn segment(&self) -> Segment {
        Segment::model(
            self.memory.clone(),
            self.geometry.clone(),
            self.channels.clone(),
            (self.dir.clone(), EPOCH),
        )
    }

    /// All zero again, but SERVING. Call without an engine.
    pub(crate) fn reset(&self) {
        // SAFETY: the whole of the memory, which no running code of a model uses now.
        unsafe { std::ptr::write_bytes(self.memory.as_mut_ptr(), 0, self.memory.len()) };
        let segment = self.segment();
        segment.set_pool_state(PoolState::Serving);
        segment.fill_channels();
        if self.geometry.has_io_lanes() {
            let info = HandlerInfo {
                name: "model".to_owned(),
                request_codec: Codec::Bytes,
                result_codec: Codec::Bytes,
                kind: LaneKind::Io,
            };
            assert!(register_handler(&segment, &info));
        }
    }

    /// Makes a field of every slot a word of the protocol, so that it is checked by value.
    pub(crate) fn by_value(mut self, field: usize, size: usize) -> Self {
        let mut classes = self.classes.to_vec();
        for slot in 0..self.geometry.total_slots() as usize {
            let at = self.geometry.slots + SLOT_STRIDE * slot + field;
            classes[at..at + size].fill(Class::Word);
        }
        self.pieces = self
            .pieces
            .iter()
            .map(|piece| Piece {
                class: classes[piece.place.addr - self.memory.as_ptr() as usize],
                ..*piece
            })
            .collect();
        self.classes = classes.into();
        self
    }

    /// The offset of an address, if it is in the segment.
    pub(crate) fn offset(&self, addr: usize) -> Option<usize> {
        addr.checked_sub(self.memory.as_ptr() as usize)
            .filter(|offset| *offset < self.memory.len())
    }

    /// What is at an address; what is outside the segment is private to a process.
    pub(crate) fn class(&self, addr: usize) -> Class {
        self.offset(addr)
            .map_or(Class::Plain, |offset| self.classes[offset])
    }

    /// Every word and every run of data of the protocol.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The number of the piece that an address is in.
    pub(crate) fn piece(&self, addr: usize) -> usize {
        let offset = self.offset(addr).expect("an address in the segment");
        let piece = self.piece_of[offset];
        assert_ne!(
            piece, NO_PIECE,
            "offset {offset} is no piece of the protocol"
        );
        usize::from(piece)
    }

    /// What stands at an offset, for traces.
    pub(crate) fn name(&self, offset: usize) -> String {
        let g = &self.geometry;
        let tables = [
            ("header", 0, usize::MAX),
            ("client", g.clients, CLIENT_STRIDE),
            ("worker", g.workers, WORKER_STRIDE),
            ("lane", g.lanes, LANE_STRIDE),
            ("injector", g.injectors, usize::MAX),
            ("slot", g.slots, SLOT_STRIDE),
            ("completions", g.completions, usize::MAX),
            (
                "event",
                g.section(SECTION_EVENTS)
                    .map_or(usize::MAX, |place| place.offset),
                EVENT_STRIDE,
            ),
            ("io ring", g.io_rings.unwrap_or(usize::MAX), usize::MAX),
            (
                "key line",
                g.section(SECTION_KEY_LINES)
                    .map_or(usize::MAX, |place| place.offset),
                KEY_STRIDE,
            ),
            (
                "bucket",
                g.section(SECTION_KEY_BUCKETS)
                    .map_or(usize::MAX, |place| place.offset),
                BUCKET_STRIDE,
            ),
            (
                "channel",
                g.section(SECTION_CHANNELS)
                    .map_or(usize::MAX, |place| place.offset),
                CHANNEL_STRIDE,
            ),
            (
                "cell",
                g.section(SECTION_CHANNEL_CELLS)
                    .map_or(usize::MAX, |place| place.offset),
                CELL_STRIDE,
            ),
            ("block", g.classes[0].owners, 8),
        ];
        let (name, start, stride) = tables
            .into_iter()
            .rev()
            .find(|(_, start, _)| offset >= *start)
            .expect("the header starts at 0");
        let within = offset - start;
        format!("{name}[{}]+{}", within / stride, within % stride)
    }

    /// The lock of the supervisor.
    pub(crate) fn supervisor_lock(&self) -> std::path::PathBuf {
        self.dir.supervisor_lock(EPOCH)
    }

    /// The lock of a worker.
    pub(crate) fn worker_lock(&self, worker: u32) -> std::path::PathBuf {
        self.dir.worker_lock(EPOCH, worker)
    }

    /// The lock of a client.
    pub(crate) fn client_lock(&self, client: u32) -> std::path::PathBuf {
        self.dir.client_lock(EPOCH, client)
    }

    /// The paths of all liveness locks.
    pub(crate) fn locks(&self) -> Vec<std::path::PathBuf> {
        let clients = (0..self.geometry.max_clients).map(|i| self.dir.client_lock(EPOCH, i));
        let workers = (0..self.geometry.max_workers).map(|i| self.dir.worker_lock(EPOCH, i));
        clients
            .chain(workers)
            .chain([self.supervisor_lock()])
            .collect()
    }
}

/// Refuses accesses of two sizes to one byte: the hardware gives no order between them.
#[derive(Debug, Default)]
pub(crate) struct Footprint(RefCell<std::collections::HashMap<usize, (usize, u8)>>);

impl Footprint {
    pub(crate) fn check(&self, place: Place) {
        let mut seen = self.0.borrow_mut();
        let entry = (place.addr, place.size);
        if seen.get(&place.addr) == Some(&entry) {
            return;
        }
        for byte in place.addr..place.addr + usize::from(place.size) {
            let before = seen.insert(byte, entry);
            assert!(
                before.is_none_or(|before| before == entry),
                "mixed sizes: {before:?} and {entry:?}"
            );
        }
    }
}

/// Bytes of a cell of the tiny channel.
const CELL_STRIDE: usize = (CELL_BYTES + MESSAGE).next_multiple_of(64);

/// Where the cells of the tiny channel are.
fn cells(g: &Geometry, channel: u32) -> impl Iterator<Item = usize> {
    let cells = g.section(SECTION_CHANNEL_CELLS).map(|place| place.offset);
    let at = move |cell| cells.expect("a channel has cells") + CELL_STRIDE * cell as usize;
    (0..channel).map(at)
}

/// The modelled words of a segment by offset, with their sizes.
fn word_sizes(g: &Geometry, channel: u32) -> Vec<(usize, u8)> {
    let masks = [H_IDLE, H_SEARCHING, H_IDLE_IO, H_SEARCHING_IO].map(|mask| (mask, 8));
    let mut words = vec![(H_POOL_STATE, 4)];
    words.extend(masks);
    for client in 0..g.max_clients as usize {
        let at = g.clients + CLIENT_STRIDE * client;
        words.extend([
            (at + CLIENT_WORD, 8),
            (at + CLIENT_WAITING, 4),
            (at + CLIENT_WAKE, 4),
            (at + CLIENT_OVERFLOW, 4),
        ]);
        words.extend(ring(
            g.completions + (RING_CELLS + 8 * g.completion_capacity as usize) * client,
            g.completion_capacity,
        ));
    }
    for worker in 0..g.max_workers as usize {
        words.push((g.workers + WORKER_STRIDE * worker + WORKER_WORD, 8));
        words.push((g.workers + WORKER_STRIDE * worker + WORKER_LEAVE, 4));
    }
    for lane in 0..g.max_lanes as usize {
        let at = g.lanes + LANE_STRIDE * lane;
        words.extend([
            (at + LANE_WORD, 8),
            (at + LANE_WAKE, 4),
            // The other held words are used for deep backlogs only, which no tiny ring has.
            (at + LANE_HELD, 4),
            (at + LANE_CURRENT, 4),
        ]);
    }
    words.extend(ring(g.injectors, g.injector_capacity));
    if let Some(io_rings) = g.io_rings {
        words.extend(ring(io_rings, g.injector_capacity));
    }
    for slot in 0..g.total_slots() as usize {
        let at = g.slots + SLOT_STRIDE * slot;
        words.extend(
            [SLOT_PUBLISHED, SLOT_CLAIM, SLOT_ENDED, SLOT_ASKED].map(|word| (at + word, 8)),
        );
        words.extend(DATA.map(|(field, size)| (at + field, size)));
        words.extend([(at + SLOT_REQUEST, 1), (at + SLOT_RESULT, 1)]);
    }
    if let Some(place) = g.section(SECTION_EVENTS) {
        words.extend([
            (place.offset + EVENTS_TAIL, 8),
            (place.offset + EVENTS_ASKED, 4),
            (place.offset + EVENTS_WAKE, 4),
        ]);
        // A reader may meet a half-written event: what it reads is checked by value. One word of
        // bytes stands for all of them.
        for cell in 1..place.section.count {
            let at = place.record_at(cell);
            words.extend([EVENT_WORD, EVENT_ABOUT, EVENT_BYTES].map(|word| (at + word, 8)));
        }
    }
    if let Some(place) = g.section(SECTION_KEY_LINES) {
        for slot in 0..g.total_slots() as usize {
            let at = place.offset + KEY_STRIDE * slot;
            words.extend([KEY_HASH, KEY_BEFORE, KEY_NEXT].map(|word| (at + word, 8)));
            words.extend([KEY_FLAGS, KEY_POISONED].map(|word| (at + word, 4)));
        }
    }
    if let Some(place) = g.section(SECTION_KEY_BUCKETS) {
        for bucket in 0..place.section.count {
            let at = place.record_at(bucket);
            let permits = (0..BUCKET_PERMIT_COUNT).map(|n| (at + BUCKET_PERMITS + 8 * n, 8));
            let waiting = (0..BUCKET_WAITING_COUNT).map(|n| (at + BUCKET_WAITING + 4 * n, 4));
            words.extend(permits.chain(waiting));
            words.push((at + BUCKET_OVERFLOW, 4));
        }
    }
    if let Some(place) = g.section(SECTION_CHANNELS) {
        let at = place.offset;
        let wide = [
            CHANNEL_TAIL,
            CHANNEL_HEAD,
            CHANNEL_RECEIVERS_MASK,
            CHANNEL_SENDERS_MASK,
        ];
        words.extend(wide.map(|word| (at + word, 8)));
        words.extend([CHANNEL_RECEIVERS, CHANNEL_SENDERS].map(|word| (at + word, 4)));
    }
    for at in cells(g, channel) {
        words.extend([CELL_WORD, CELL_ABOUT].map(|word| (at + word, 8)));
        words.push((at + CELL_BYTES, 1));
    }
    for place in &g.classes {
        for block in 0..place.class.count as usize {
            words.push((place.owners + 8 * block, 8));
            words.push((place.blocks + place.class.size * block, 1));
        }
    }
    words
}

fn pieces(g: &Geometry, base: usize, channel: u32) -> (Arc<[Piece]>, Arc<[u16]>) {
    let classes = classes(g, channel);
    let mut of = vec![NO_PIECE; classes.len()];
    let mut pieces = Vec::new();
    for (offset, size) in word_sizes(g, channel) {
        // A run of bytes begins where one byte is listed.
        let len = if size == 1 && offset >= g.classes[0].blocks {
            g.classes[0].class.size
        } else if size == 1 && cells(g, channel).any(|cell| cell + CELL_BYTES == offset) {
            MESSAGE
        } else if size == 1
            && matches!((offset - g.slots) % SLOT_STRIDE, SLOT_REQUEST | SLOT_RESULT)
        {
            INLINE
        } else {
            usize::from(size)
        };
        of[offset..offset + len].fill(pieces.len() as u16);
        pieces.push(Piece {
            place: Place {
                addr: base + offset,
                size,
            },
            class: classes[offset],
        });
    }
    (pieces.into(), of.into())
}

fn ring(at: usize, capacity: u32) -> impl Iterator<Item = (usize, u8)> {
    let cells = (0..capacity as usize).map(move |cell| (at + RING_CELLS + 8 * cell, 8));
    [(at + RING_HEAD, 8), (at + RING_TAIL, 8)]
        .into_iter()
        .chain(cells)
}

/// The fields of a slot that its words hand over.
const DATA: [(usize, u8); 5] = [
    (SLOT_DEADLINE, 8),
    (SLOT_HANDLER, 8),
    (SLOT_REQUEST_PLACE, 8),
    (SLOT_RESULT_PLACE, 8),
    (SLOT_TASK_ID, 8),
];

fn classes(g: &Geometry, channel: u32) -> Vec<Class> {
    let mut classes = vec![Class::Plain; g.segment_size as usize];
    for (offset, size) in word_sizes(g, channel) {
        classes[offset..offset + usize::from(size)].fill(Class::Word);
    }
    for slot in 0..g.total_slots() as usize {
        let at = g.slots + SLOT_STRIDE * slot;
        for (field, size) in DATA {
            classes[at + field..at + field + usize::from(size)].fill(Class::Data);
        }
        for payload in [SLOT_REQUEST, SLOT_RESULT] {
            classes[at + payload..at + payload + INLINE].fill(Class::Data);
        }
    }
    for at in cells(g, channel) {
        classes[at + CELL_ABOUT..at + CELL_BYTES + MESSAGE].fill(Class::Data);
    }
    for place in &g.classes {
        let end = place.blocks + place.class.size * place.class.count as usize;
        classes[place.blocks..end].fill(Class::Data);
    }
    classes
}
