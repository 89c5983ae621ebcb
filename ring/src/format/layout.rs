//! Every offset and constant of the segment, defined once.
//!
//! The Java client's `Layout.java` is generated from [`constants`] (see
//! [`crate::format::export`]); a golden test on both sides fails when they differ.
//! Integers are little-endian, offsets are in bytes. Sections start on
//! 128-byte lines (two cache lines: the adjacent-line prefetcher of x86 pulls
//! pairs), the arena's blocks on pages.
//!
//! ```text
//!  0        4096
//!  +--------+---------+---------+-------+-----------+-------+-------------+
//!  | header | clients | workers | lanes | injectors | slots | completions |
//!  +--------+---------+---------+-------+-----------+-------+-------------+
//!  | handlers | errors | limits | optional sections                     |
//!  +----------+--------+--------+-----+---------------------------------+
//!  | arena owners | arena blocks (page aligned)                         |
//!  +--------------+-----------------------------------------------------+
//!
//!  slot (384 bytes): three pairs of lines
//!    0         8       16            24       32     40              128
//!  A +---------+-------+-------------+--------+------+---------------+ the client's
//!    |published|handler|request place|deadline|cancel|inline request |
//!  128         136           144                                     256
//!  R +---------+-------------+---------------------------------------+ the lane's
//!    | ended   |result place | inline result (88)                    |
//!  256         264    272      280         320      328       336    384
//!  S +---------+------+--------+--------+ T +-------+---------+------+
//!    | claim   |claimed progress deferred   |task id|submitted|trace |
//!    +---------+------+--------+--------+   +-------+---------+------+
//! ```

use crate::format::names::names;

/// Declares constants and the table from which the Java file is generated.
macro_rules! layout {
    ($( $(#[doc = $doc:literal])+ $name:ident : $ty:ty = $value:expr; )*) => {
        $( $(#[doc = $doc])+ pub const $name: $ty = $value; )*

        /// The constants but those of the counters: name, Java type (`int` or `long`), value, description.
        const CONSTANTS: &[Constant] = &[
            $( Constant {
                name: stringify!($name),
                wide: size_of::<$ty>() == 8 && !is_usize(stringify!($ty)),
                value: $name as u64,
                doc: concat!($($doc),+),
            } ),*
        ];
    };
}

/// Declares the counters of a record, a u64 each: the enum, an offset of each for Java, a name of each.
macro_rules! counters {
    ($(#[doc = $about:literal])+ $type:ident, $table:ident {
        $( $(#[doc = $doc:literal])+ $variant:ident = $offset:literal, $constant:ident, $name:literal; )+
    }) => {
        $( $(#[doc = $doc])+ pub const $constant: usize = $offset; )+

        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $( $(#[doc = $doc])+ $variant, )+
        }

        names!($type, "counter", { $($variant => $name),+ });

        impl $type {
            /// Where it stands in its record, in bytes.
            #[must_use]
            #[inline(always)]
            pub(crate) const fn offset(self) -> usize {
                match self {
                    $( Self::$variant => $constant, )+
                }
            }
        }

        const $table: &[Constant] = &[
            $( Constant {
                name: stringify!($constant),
                wide: false,
                value: $offset,
                doc: concat!($($doc),+),
            } ),+
        ];
    };
}

/// One line of the generated Java file.
#[derive(Debug, Clone, Copy)]
pub struct Constant {
    /// The name, the same in both languages.
    pub name: &'static str,
    /// Whether it is a `long` in Java (an offset or size is an `int`).
    pub wide: bool,
    /// The value.
    pub value: u64,
    /// What it means.
    pub doc: &'static str,
}

const fn is_usize(ty: &str) -> bool {
    // `usize` is the type of offsets and sizes inside one structure.
    ty.len() == 5 && ty.as_bytes()[0] == b'u' && ty.as_bytes()[1] == b's'
}

layout! {
    /// Bytes "RINGWORK" read as a little-endian u64.
    MAGIC: u64 = u64::from_le_bytes(*b"RINGWORK");
    /// Layout version: attach refuses any other.
    VERSION: u32 = 3;
    /// Value of the ready word, stored last by the creator.
    READY: u32 = 0x5244_5921;
    /// Required feature bits that this version understands; an unknown bit in the header refuses the attach.
    FEATURES_KNOWN: u64 = FEATURE_KEYS;
    /// Feature bit: tasks may have keys; the segment has SECTION_KEY_LINES and SECTION_KEY_BUCKETS.
    FEATURE_KEYS: u64 = 1;

    /// Size of the header.
    HEADER_SIZE: usize = 4096;
    /// Header: magic, u64.
    H_MAGIC: usize = 0;
    /// Header: layout version, u32.
    H_VERSION: usize = 8;
    /// Header: required feature bits, u64: each process must understand all of them.
    H_FEATURES: usize = 16;
    /// Header: size of the whole file, u64.
    H_SEGMENT_SIZE: usize = 24;
    /// Header: epoch, a random non-zero u63 drawn for each segment; names its lock files.
    H_EPOCH: usize = 32;
    /// Header: CLOCK_MONOTONIC nanoseconds at creation, u64.
    H_CREATED_NS: usize = 40;
    /// Header: process id of the supervisor, for people only, u32.
    H_SUPERVISOR_PID: usize = 48;
    /// Header: ready word, u32, stored last with release.
    H_READY: usize = 56;
    /// Header: pool state, u32 (POOL_*).
    H_POOL_STATE: usize = 60;
    /// Header: client table entries, u32.
    H_MAX_CLIENTS: usize = 64;
    /// Header: slots of each client, u32.
    H_SLOTS_PER_CLIENT: usize = 68;
    /// Header: worker table entries, u32.
    H_MAX_WORKERS: usize = 72;
    /// Header: lane table entries, u32.
    H_MAX_LANES: usize = 76;
    /// Header: number of priorities (injector rings), u32; 0 is the most urgent.
    H_PRIORITIES: usize = 80;
    /// Header: cells of each injector ring, a power of two, u32.
    H_INJECTOR_CAPACITY: usize = 84;
    /// Header: cells of each completion ring, a power of two, u32.
    H_COMPLETION_CAPACITY: usize = 88;
    /// Header: handler table entries, u32.
    H_HANDLER_CAPACITY: usize = 92;
    /// Header: error log entries, u32.
    H_ERROR_CAPACITY: usize = 96;
    /// Header: number of arena size classes, u32.
    H_CLASS_COUNT: usize = 100;
    /// Header: handlers with a limit of concurrency, u32.
    H_LIMIT_COUNT: usize = 104;
    /// Header: what a process should do with its mapping, u32 (MAPPING_*); only advice.
    H_MAPPING: usize = 108;
    /// Touch every page at the attach, so that no task meets a page fault.
    MAPPING_PREFAULT: u32 = 1;
    /// Ask the kernel for huge pages.
    MAPPING_HUGE_PAGES: u32 = 2;
    /// Header: optional feature bits, u64: a process leaves those alone that it does not understand.
    H_OPTIONAL: usize = 112;
    /// Header: number of optional sections, u32.
    H_SECTION_COUNT: usize = 120;
    /// Header: offset of the client table, u64.
    H_CLIENTS: usize = 128;
    /// Header: offset of the worker table, u64.
    H_WORKERS: usize = 136;
    /// Header: offset of the lane table, u64.
    H_LANES: usize = 144;
    /// Header: offset of the injector rings, u64.
    H_INJECTORS: usize = 152;
    /// Header: offset of the slots, u64.
    H_SLOTS: usize = 160;
    /// Header: offset of the completion rings, u64.
    H_COMPLETIONS: usize = 168;
    /// Header: offset of the handler table, u64.
    H_HANDLERS: usize = 176;
    /// Header: offset of the error log, u64.
    H_ERRORS: usize = 184;
    /// Header: offset of the limits, u64.
    H_LIMITS: usize = 192;
    /// Header: arena class table, CLASS_STRIDE bytes each.
    H_CLASSES: usize = 256;
    /// Most arena size classes.
    MAX_CLASSES: usize = 16;
    /// Bytes of one arena class entry.
    CLASS_STRIDE: usize = 32;
    /// Class: block size in bytes, u64.
    CLASS_SIZE: usize = 0;
    /// Class: number of blocks, u32.
    CLASS_COUNT: usize = 8;
    /// Class: blocks at the end that only results may take, u32.
    CLASS_RESERVED: usize = 12;
    /// Class: offset of the owner words, u64 each, u64.
    CLASS_OWNERS: usize = 16;
    /// Class: offset of the first block, u64.
    CLASS_BLOCKS: usize = 24;
    /// Header: pool name, UTF-8, padded with NUL.
    H_NAME: usize = 768;
    /// Bytes of the pool name field.
    NAME_SIZE: usize = 64;
    /// Header: length of the failure reason, u32; set before POOL_FAILED.
    H_REASON_LEN: usize = 832;
    /// Header: why the pool failed or closed, UTF-8.
    H_REASON: usize = 836;
    /// Bytes of the failure reason field.
    REASON_SIZE: usize = 508;
    /// Header: health, u32 (HEALTH_*): whether dead workers are replaced.
    H_HEALTH: usize = 1344;
    /// Header: CLOCK_MONOTONIC nanoseconds at which the time is over that a stop gives the tasks, u64; 0 unless
    /// the pool is being stopped. Written before POOL_DRAINING.
    H_DRAIN_END_NS: usize = 1352;
    /// Header: table of the optional sections, SECTION_STRIDE bytes each; they follow the limits in this order.
    H_SECTIONS: usize = 1408;
    /// Most optional sections.
    MAX_SECTIONS: usize = 16;
    /// Bytes of an entry in the table of sections.
    SECTION_STRIDE: usize = 32;
    /// Section: what it holds, u32, not 0 (SECTION_* in the documentation); a process leaves one of an unknown kind alone.
    SECTION_KIND: usize = 0;
    /// Section: number of records, u32.
    SECTION_COUNT: usize = 4;
    /// Section: bytes of a record, u32, a multiple of SECTION_ALIGN.
    SECTION_BYTES: usize = 8;
    /// Section: its offset, u64, a multiple of SECTION_ALIGN.
    SECTION_OFFSET: usize = 16;
    /// Records of a section, and so sections, begin at a multiple of so many bytes.
    SECTION_ALIGN: usize = 128;
    /// Most records of a section.
    MAX_SECTION_RECORDS: u32 = 1 << 24;
    /// Most bytes of a record of a section.
    MAX_SECTION_BYTES: u32 = 1 << 20;
    /// Kind of section: what lanes count by handler, COUNTS_*; a record a lane and handler, the last one for what has none.
    SECTION_HANDLER_COUNTS: u32 = 1;
    /// Kind of section: what becomes of tasks by handler that no lane ends, LOSSES_*; a record for each place of the handler table, the last one for other handlers.
    SECTION_HANDLER_LOSSES: u32 = 2;
    /// Kind of section: the event ring, EVENTS_* in record 0 and a cell, EVENT_*, in each of the others, whose number is a power of two.
    SECTION_EVENTS: u32 = 3;
    /// Kind of section: the topics of events, TOPIC_*.
    SECTION_TOPICS: u32 = 4;
    /// Kind of section: the injector rings of tasks for I/O lanes, a ring a priority, as at H_INJECTORS; its records are SECTION_ALIGN bytes.
    SECTION_IO_RINGS: u32 = 5;
    /// Kind of section: the key lines of slots, KEY_*; a record has the lines of two slots, one behind the other.
    SECTION_KEY_LINES: u32 = 6;
    /// Kind of section: the buckets of keys that run or wait, BUCKET_*; their number is a power of two.
    SECTION_KEY_BUCKETS: u32 = 7;
    /// Kind of section: the heads of the channels, CHANNEL_*, one behind the other.
    SECTION_CHANNELS: u32 = 8;
    /// Kind of section: the cells of all channels, CELL_*, those of each from the record on that its head names; its records are SECTION_ALIGN bytes.
    SECTION_CHANNEL_CELLS: u32 = 9;

    /// Bytes of the key line of a slot; it counts with PUBLISHED_KEYED. The client's, but for KEY_NEXT.
    KEY_STRIDE: usize = 64;
    /// Key line: hash of the key, u64, not 0.
    KEY_HASH: usize = 0;
    /// Key line: the task before it of its key and client, u64: generation << 24 | slot index + 1; 0: none.
    KEY_BEFORE: usize = 8;
    /// Key line: the task behind it, u64, by compare-and-swap: own generation << 24 | slot index + 1, 0 while there is none, or KEY_NEXT_TAKEN.
    KEY_NEXT: usize = 16;
    /// Key line: KEY_FAILS or 0, u32.
    KEY_FLAGS: usize = 24;
    /// Key line: 1 once the task before it has failed with KEY_FAILS, u32; stored before that one's slot is used again.
    KEY_POISONED: usize = 28;
    /// Word of a task in a key line: shift of the generation.
    KEY_GENERATION_SHIFT: u32 = 24;
    /// Word of a task in a key line: mask of the slot index + 1.
    KEY_SLOT_MASK: u64 = 0xff_ffff;
    /// Key line: the task has ended, and its successor, if it has one, is hinted by the one that stored this.
    KEY_NEXT_TAKEN: u64 = 0xff_ffff;
    /// Key line, flags: if this task fails, those that are queued behind it are not run.
    KEY_FAILS: u32 = 1;
    /// Bytes of a bucket; that of a key is its hash modulo the number of buckets.
    BUCKET_STRIDE: usize = 128;
    /// Bucket: permits, u64 each: 0, or lane generation, its low 32 bits << 32 | lane index << 22 | slot index + 1.
    BUCKET_PERMITS: usize = 0;
    /// Permits of a bucket: so many keys of it run at a time.
    BUCKET_PERMIT_COUNT: usize = 8;
    /// Permit: shift of the lane index, 10 bits.
    PERMIT_LANE_SHIFT: u32 = 22;
    /// Permit: mask of the slot index + 1.
    PERMIT_SLOT_MASK: u64 = 0x3f_ffff;
    /// Bucket: tasks that wait for a permit, slot index + 1 or 0, u32 each.
    BUCKET_WAITING: usize = 64;
    /// Waiting tasks of a bucket.
    BUCKET_WAITING_COUNT: usize = 15;
    /// Bucket: 1 when more tasks wait than it has places for, u32.
    BUCKET_OVERFLOW: usize = 124;

    /// Bytes of a record of the event ring.
    EVENT_STRIDE: usize = 256;
    /// Events: position of the next event, u64, on a line of publishers.
    EVENTS_TAIL: usize = 0;
    /// Events: 1 while a subscriber sleeps or is about to, u32, on a line of subscribers.
    EVENTS_ASKED: usize = 128;
    /// Events: futex word of the subscribers, bumped by each wake, u32.
    EVENTS_WAKE: usize = 132;
    /// Event: position << EVENT_POSITION_SHIFT | publisher << EVENT_PUBLISHER_SHIFT | EVENT_*, u64; 0 before the first one of the cell.
    EVENT_WORD: usize = 0;
    /// Event: CLOCK_MONOTONIC nanoseconds of the publication, u64.
    EVENT_TIME: usize = 8;
    /// Event: place of its topic in the table, codec << 32, length in bytes << 48, u64.
    EVENT_ABOUT: usize = 16;
    /// Event: its bytes.
    EVENT_BYTES: usize = 32;
    /// Most bytes of an event.
    EVENT_BYTES_MAX: usize = 224;
    /// Event word: shift of the position, 40 bits; positions are compared modulo 2^40.
    EVENT_POSITION_SHIFT: u32 = 24;
    /// Event word: mask of a position.
    EVENT_POSITION_MASK: u64 = (1 << 40) - 1;
    /// Event word: shift of the publisher, 16 bits: 0 the supervisor, EVENT_CLIENTS + index, EVENT_WORKERS + index.
    EVENT_PUBLISHER_SHIFT: u32 = 8;
    /// Event word: mask of the publisher, after the shift.
    EVENT_PUBLISHER_MASK: u64 = 0xffff;
    /// Publishers of events: the first client.
    EVENT_CLIENTS: u32 = 1;
    /// Publishers of events: the first worker.
    EVENT_WORKERS: u32 = 0x8000;
    /// Event word: mask of what the cell is.
    EVENT_STATE_MASK: u64 = 0xff;
    /// Event: its publisher writes it.
    EVENT_BUSY: u64 = 1;
    /// Event: it may be read.
    EVENT_READY: u64 = 2;
    /// Event: its publisher died before it was written.
    EVENT_VOID: u64 = 3;
    /// Topic: id, u64, 0 when free, taken by CAS.
    TOPIC_ID: usize = 0;
    /// Topic: length of the name in bytes, u32, stored last; 0 while it is being written.
    TOPIC_NAME_LEN: usize = 8;
    /// Topic: name, UTF-8.
    TOPIC_NAME: usize = 16;
    /// Longest name of a topic in bytes.
    TOPIC_NAME_MAX: usize = 112;
    /// Bytes of a record of a topic.
    TOPIC_STRIDE: usize = 128;

    /// Bytes of the head of a channel. What is in its first 128 bytes never changes, but for CHANNEL_CODEC.
    CHANNEL_STRIDE: usize = 896;
    /// Channel: number of its cells, a power of two, u32.
    CHANNEL_CAPACITY: usize = 0;
    /// Channel: most bytes of a message, u32.
    CHANNEL_SIZE: usize = 4;
    /// Channel: the record of SECTION_CHANNEL_CELLS at which its cells begin, u32.
    CHANNEL_FIRST: usize = 8;
    /// Channel: CHANNEL_ONCE or 0, u32.
    CHANNEL_FLAGS: usize = 12;
    /// Channel flag: what a dead receiver had taken is not delivered again.
    CHANNEL_ONCE: u32 = 1;
    /// Channel: codec of its messages + 1, u32; 0 until the first message, by compare-and-swap.
    CHANNEL_CODEC: usize = 16;
    /// Channel: name, UTF-8, padded with NUL.
    CHANNEL_NAME: usize = 64;
    /// Longest name of a channel in bytes.
    CHANNEL_NAME_MAX: usize = 64;
    /// Channel: position of the next message, u64, on a line of senders; no position before it is open.
    CHANNEL_TAIL: usize = 128;
    /// Channel: how often it was set back << CHANNEL_BACK_SHIFT | position of the next message that a receiver looks at, u64, on a line of receivers.
    CHANNEL_HEAD: usize = 256;
    /// Channel head: shift of how often it was set back, 24 bits.
    CHANNEL_BACK_SHIFT: u32 = 40;
    /// Channel: futex word of the receivers, bumped by each wake, u32.
    CHANNEL_RECEIVERS: usize = 384;
    /// Channel: a bit for each client with receivers that sleep or are about to, CHANNEL_MASK_WORDS u64.
    CHANNEL_RECEIVERS_MASK: usize = 448;
    /// Channel: futex word of the senders, bumped by each wake, u32.
    CHANNEL_SENDERS: usize = 640;
    /// Channel: a bit for each client with senders that sleep or are about to, CHANNEL_MASK_WORDS u64.
    CHANNEL_SENDERS_MASK: usize = 704;
    /// Words of a mask of clients.
    CHANNEL_MASK_WORDS: usize = 24;
    /// Most channels of a pool.
    MAX_CHANNELS: u32 = 256;
    /// Cell of a channel: position << EVENT_POSITION_SHIFT | process << EVENT_PUBLISHER_SHIFT | attempt << CELL_ATTEMPT_SHIFT | CELL_*, u64; 0 before its first use, which is CELL_EMPTY at its first position. Processes are numbered as publishers of events are.
    CELL_WORD: usize = 0;
    /// Cell: length of the message, codec << 32, u64; its bytes and this are the sender's in FILLING and PASSED, the receiver's in TAKEN.
    CELL_ABOUT: usize = 8;
    /// Cell: bytes of the message; cells are padded to a multiple of 64 bytes.
    CELL_BYTES: usize = 16;
    /// Cell word: shift of the attempt, 2 bits: how often a receiver died that had the message, 3 at most.
    CELL_ATTEMPT_SHIFT: u32 = 3;
    /// Cell word: mask of the attempt, after the shift.
    CELL_ATTEMPT_MASK: u64 = 3;
    /// Cell word: mask of the kind.
    CELL_KIND_MASK: u64 = 7;
    /// Cell: open for the message of its position.
    CELL_EMPTY: u64 = 0;
    /// Cell: its sender writes the message.
    CELL_FILLING: u64 = 1;
    /// Cell: the message may be taken.
    CELL_FULL: u64 = 2;
    /// Cell: its receiver has the message.
    CELL_TAKEN: u64 = 3;
    /// Cell: receivers have gone on while its sender was writing, which sends the message again.
    CELL_PASSED: u64 = 4;
    /// Cell: its sender died before the message was whole, or its receiver with it, where messages are delivered once.
    CELL_VOID: u64 = 5;

    /// Bytes of a record of what lanes count by handler.
    COUNTS_STRIDE: usize = 2688;
    /// Counts: which, u64, stored once by CAS: 0 free, COUNTS_KEY_REST, or COUNTS_KEY_TAKEN | lane << 32 | place in the handler table + 1, 0 for a handler that is not there.
    COUNTS_KEY: usize = 0;
    /// Key of counts: set in all that are taken.
    COUNTS_KEY_TAKEN: u64 = 1 << 63;
    /// Key of the last record, which counts the tasks of all lanes that found no other free.
    COUNTS_KEY_REST: u64 = 3 << 62;
    /// Key of counts: shift of the lane, 16 bits.
    COUNTS_KEY_LANE_SHIFT: u32 = 32;
    /// Key of counts: mask of the lane, after the shift.
    COUNTS_KEY_LANE_MASK: u64 = 0xffff;
    /// Counts: histogram of the time from submit to claim, sampled, u64 each.
    COUNTS_QUEUE_HISTOGRAM: usize = 128;
    /// Counts: histogram of the time that the handler ran, sampled, u64 each.
    COUNTS_RUN_HISTOGRAM: usize = 1408;
    /// Bytes of a record of what becomes of a handler's tasks that no lane ends.
    LOSSES_STRIDE: usize = 128;
    /// Header: idle lanes, one bit each, IDLE_WORDS u64 words on a line of their own.
    H_IDLE: usize = 2048;
    /// Number of idle words: at most 64 lanes each.
    IDLE_WORDS: usize = 4;
    /// Header: lanes that search for work without being idle, as H_IDLE.
    H_SEARCHING: usize = 2080;
    /// Header: idle I/O lanes, as H_IDLE.
    H_IDLE_IO: usize = 2112;
    /// Header: I/O lanes that search for work without being idle, as H_IDLE.
    H_SEARCHING_IO: usize = 2144;
    /// Header: pool counters, u64 each (POOL_COUNTERS in the order of the documentation).
    H_COUNTERS: usize = 2304;

    /// Pool state: being set up.
    POOL_STARTING: u32 = 0;
    /// Pool state: tasks are taken.
    POOL_SERVING: u32 = 1;
    /// Pool state: no new tasks, queued ones still run.
    POOL_DRAINING: u32 = 2;
    /// Pool state: the supervisor left; lanes exit, clients fail what is pending.
    POOL_CLOSED: u32 = 3;
    /// Pool state: the supervisor gave up, see the reason.
    POOL_FAILED: u32 = 4;

    /// Health: workers that die are replaced.
    HEALTH_FULL: u32 = 0;
    /// Health: too many workers died in too short a time; none is replaced, the pool is not ready, see the reason.
    HEALTH_STORM: u32 = 1;
    /// Health: new workers do not get ready; none is replaced, those that live serve on, see the reason.
    HEALTH_BOOT: u32 = 2;

    /// Bytes of a client entry.
    CLIENT_STRIDE: usize = 512;
    /// Client: entry word, u64: generation << 8 | ENTRY_*.
    CLIENT_WORD: usize = 0;
    /// Client: process id, for people only, u32.
    CLIENT_PID: usize = 8;
    /// Client: kind, u32 (CLIENT_KIND_*).
    CLIENT_KIND: usize = 12;
    /// Client kind: the Java client.
    CLIENT_KIND_JAVA: u32 = 1;
    /// Client kind: the Rust client.
    CLIENT_KIND_RUST: u32 = 2;
    /// Client: CLOCK_MONOTONIC nanoseconds of the attach, u64.
    CLIENT_ATTACHED_NS: usize = 16;
    /// Client: its name, UTF-8, padded with NUL.
    CLIENT_NAME: usize = 32;
    /// Bytes of a client's name.
    CLIENT_NAME_SIZE: usize = 64;
    /// Client: 1 while its poller is parked or about to park, u32.
    CLIENT_WAITING: usize = 128;
    /// Client: futex word of the poller, bumped by each wake, u32.
    CLIENT_WAKE: usize = 132;
    /// Client: what each of its counters was when it attached, u64 each, in the order of CLIENT_SUBMITTED, ..., CLIENT_REJECTED_STATE.
    CLIENT_BASES: usize = 136;
    /// Client: set to 1 when its completion ring was full: scan the slots, u32.
    CLIENT_OVERFLOW: usize = 256;
    /// Entry state (clients, workers, lanes): unused.
    ENTRY_FREE: u32 = 0;
    /// Entry state: in use; its lock file is locked as long as its process lives.
    ENTRY_ACTIVE: u32 = 1;
    /// Entry state: proved dead, the reaper is at it.
    ENTRY_REAPING: u32 = 2;
    /// Entry state of a client: it has closed while tasks of it ran; the reaper clears the rest.
    ENTRY_LEAVING: u32 = 3;

    /// Bytes of a worker entry.
    WORKER_STRIDE: usize = 128;
    /// Worker: entry word, u64: generation << 8 | ENTRY_*.
    WORKER_WORD: usize = 0;
    /// Worker: process id, for people only, u32.
    WORKER_PID: usize = 8;
    /// Worker: number of its lanes once all are registered, u32; 0 before.
    WORKER_LANES: usize = 12;
    /// Worker: CLOCK_MONOTONIC nanoseconds of the registration, u64.
    WORKER_STARTED_NS: usize = 16;
    /// Worker: whether it is to leave after the current tasks, u32 (LEAVE_*).
    WORKER_LEAVE: usize = 24;
    /// Worker: its program, UTF-8, padded with NUL.
    WORKER_PROGRAM: usize = 32;
    /// Bytes of a program's name.
    PROGRAM_SIZE: usize = 64;
    /// Worker: the version of Ringwork that its program has, UTF-8, padded with NUL.
    WORKER_VERSION: usize = 96;
    /// Bytes of a version.
    VERSION_SIZE: usize = 32;
    /// Leave: it is not.
    LEAVE_NOT: u32 = 0;
    /// Leave: the supervisor asks for it.
    LEAVE_ASKED: u32 = 1;
    /// Leave: the worker has run its number of tasks, and leaves by itself.
    LEAVE_QUOTA: u32 = 2;

    /// Bytes of a lane entry.
    LANE_STRIDE: usize = 1792;
    /// Lane: entry word, u64: generation << 24 | worker index << 8 | ENTRY_*.
    LANE_WORD: usize = 0;
    /// Lane: futex word, bumped by each wake, u32.
    LANE_WAKE: usize = 128;
    /// Lane: hints that it took and has not finished with, u32 each, slot index + 1 or 0.
    LANE_HELD: usize = 256;
    /// Number of `held` words.
    HELD: usize = 8;
    /// Lane: slot index + 1 of the task that runs, or 0, u32.
    LANE_CURRENT: usize = 288;
    /// Lane: the task that was told to give up for its handler's soft limit, u64: generation << 24 | slot index + 1.
    LANE_OVER: usize = 320;
    /// Lane: if that is a chunk, how many of its requests had ended, u32: the next one was told. Written first.
    LANE_OVER_ENDED: usize = 328;
    /// Lane: index + 1 of the lane whose wake word is rung when a task that goes on without its lane is to be
    /// given up, u32; 0: none.
    LANE_BELL: usize = 332;
    /// Lane: the task that the supervisor has last seen it run, u64, as LANE_OVER.
    LANE_SEEN_TASK: usize = 336;
    /// Lane: CLOCK_MONOTONIC nanoseconds at which the supervisor first saw that, u64. Written first.
    LANE_SEEN_NS: usize = 344;
    /// Lane: which tasks it looks for, u32 (LANE_KIND_*); written before the worker is ready.
    LANE_KIND: usize = 352;
    /// Kind of lane, and of handler: what is in the injector rings; handlers are functions that a lane runs to their end.
    LANE_KIND_CPU: u32 = 0;
    /// Kind of lane, and of handler: what is in the rings of SECTION_IO_RINGS; handlers are asynchronous.
    LANE_KIND_IO: u32 = 1;
    /// Lane: histogram of the time that handlers ran, sampled, u64 each.
    LANE_RUN_HISTOGRAM: usize = 512;
    /// Buckets of a histogram: four to an octave of nanoseconds.
    HISTOGRAM_BUCKETS: usize = 160;

    /// Hint ring: head, u64 on its own line.
    RING_HEAD: usize = 0;
    /// Hint ring: tail, u64 on its own line.
    RING_TAIL: usize = 128;
    /// Hint ring: cells, u64 each: lap << 32 | slot index. Position p has lap p / capacity + 1.
    RING_CELLS: usize = 256;
    /// Hint ring: most hints that a producer puts in before it moves the tail: so far may the tail lag behind.
    RING_BATCH: u32 = 64;

    /// Limit: id of the handler, u64.
    LIMIT_HANDLER: usize = 0;
    /// Limit: most tasks of it that run at a time, u32; 0: any number.
    LIMIT_MAX: usize = 8;
    /// Limit: permits, u64 each, one a lane: 0, or lane generation << 16 | lane index + 1 of the lane that runs such a task.
    LIMIT_PERMITS: usize = 128;
    /// Most handlers with a limit of concurrency.
    MAX_LIMITS: u32 = 64;

    /// One in so many client entries, the last ones of the table, is kept for the `ringwork` command.
    ENTRIES_A_COMMAND: u32 = 5;
    /// Most client entries that are kept for the `ringwork` command.
    MAX_COMMAND_ENTRIES: u32 = 2;

    /// Bytes of a slot: three pairs of cache lines, A and B the client's, R and R2 the lane's, S and T.
    SLOT_STRIDE: usize = 384;
    /// Slot, line A: published word, u64: generation << 24 | PUBLISHED_*; the client's, stored last.
    SLOT_PUBLISHED: usize = 0;
    /// Slot, line A: handler id, u64: FNV-1a of the name's UTF-8.
    SLOT_HANDLER: usize = 8;
    /// Slot, line A: place of the request, u64: reference << 32 | length in bytes; reference 0: inline, else (class + 1) << 24 | block.
    SLOT_REQUEST_PLACE: usize = 16;
    /// Slot, line A: absolute CLOCK_MONOTONIC deadline in nanoseconds, u64, valid with PUBLISHED_DEADLINE.
    SLOT_DEADLINE: usize = 24;
    /// Slot, line A: what is asked of the lane that runs a task, u64: CANCEL_BIT, HINT_BIT or both, and the task's generation.
    SLOT_ASKED: usize = 32;
    /// Slot, lines A and B: inline request.
    SLOT_REQUEST: usize = 40;
    /// Slot, line R: ended word, u64, see STATE_*: KIND_DONE, the lane's, or KIND_CRASHED, the reaper's.
    SLOT_ENDED: usize = 128;
    /// Slot, line R: place of the result, as SLOT_REQUEST_PLACE.
    SLOT_RESULT_PLACE: usize = 136;
    /// Slot, lines R and R2: inline result.
    SLOT_RESULT: usize = 144;
    /// Bytes that travel inline, each way.
    INLINE: usize = 88;
    /// Slot, line S: claim word, u64, see STATE_*; by compare-and-swap alone.
    SLOT_CLAIM: usize = 256;
    /// Slot, line S: CLOCK_MONOTONIC nanoseconds of the claim, u64, valid with PUBLISHED_STAMPED.
    SLOT_CLAIMED_NS: usize = 264;
    /// Slot, line S: progress, u64: done << 32 | total.
    SLOT_PROGRESS: usize = 272;
    /// Slot, line S: whether its hint waits in the ring of its handler's limit, u32: low 29 bits of the generation << 3 | attempt << 1 | 1.
    SLOT_DEFERRED: usize = 280;
    /// Slot, line T: task id of the client, u64, valid with PUBLISHED_IDENTIFIED.
    SLOT_TASK_ID: usize = 320;
    /// Slot, line T: CLOCK_MONOTONIC nanoseconds of the submit, u64, valid with PUBLISHED_STAMPED.
    SLOT_SUBMITTED_NS: usize = 328;
    /// Slot, line T: W3C traceparent in binary (version, trace id, parent id, flags), 26 bytes, valid with PUBLISHED_TRACED.
    SLOT_TRACEPARENT: usize = 336;

    /// Length in bytes in the place of a payload: its low bits.
    PLACE_LENGTH_MASK: u64 = 0xffff_ffff;
    /// Shift of the reference in the place of a payload.
    PLACE_REFERENCE_SHIFT: u32 = 32;
    /// Reference to a block: shift of its class + 1; the low bits are the block's index.
    REFERENCE_CLASS_SHIFT: u32 = 24;

    /// Published word: mask of the codec of the request (CODEC_*).
    PUBLISHED_CODEC_MASK: u64 = 0xff;
    /// Published word: shift of the most attempts, 2 bits, 1 to MAX_ATTEMPTS.
    PUBLISHED_ATTEMPTS_SHIFT: u32 = 8;
    /// Published word: SLOT_SUBMITTED_NS is set; without it a lane leaves that line alone.
    PUBLISHED_STAMPED: u64 = 1 << 10;
    /// Published word: SLOT_DEADLINE is set.
    PUBLISHED_DEADLINE: u64 = 1 << 11;
    /// Published word: SLOT_TASK_ID is set.
    PUBLISHED_IDENTIFIED: u64 = 1 << 12;
    /// Published word: SLOT_TRACEPARENT is set.
    PUBLISHED_TRACED: u64 = 1 << 13;
    /// Published word: a thread watches the ended word; the lane writes no completion hint unless SLOT_ASKED asks for one.
    PUBLISHED_WATCHED: u64 = 1 << 14;
    /// Published word: the task has a key: its line in SECTION_KEY_LINES counts, and it is never taken back.
    PUBLISHED_KEYED: u64 = 1 << 15;
    /// Published word: shift of the priority, 7 bits: the injector ring it is queued in.
    PUBLISHED_PRIORITY_SHIFT: u32 = 16;
    /// Published word: mask of the priority, after the shift.
    PUBLISHED_PRIORITY_MASK: u32 = 0x7f;
    /// Published word: it is queued in the ring of its priority in SECTION_IO_RINGS, and only I/O lanes claim it.
    PUBLISHED_IO: u64 = 1 << 23;

    /// Claim and ended word: bits of the kind.
    STATE_KIND_MASK: u64 = 0x7;
    /// Claim and ended word: shift of the attempt, 2 bits, 0 for the first.
    STATE_ATTEMPT_SHIFT: u32 = 3;
    /// Claim and ended word: mask of the attempt, after the shift.
    STATE_ATTEMPT_MASK: u64 = 0x3;
    /// Claim and ended word: shift of the owner lane (CLAIMED), the cause (CRASHED) or codec << 8 | status (DONE), 16 bits.
    STATE_OWNER_SHIFT: u32 = 8;
    /// Claim and ended word: mask of the owner, after the shift.
    STATE_OWNER_MASK: u64 = 0xffff;
    /// Published, claim and ended word: shift of the generation, 40 bits.
    STATE_GENERATION_SHIFT: u32 = 24;
    /// Generations count modulo this mask + 1.
    GENERATION_MASK: u64 = 0xff_ffff_ffff;
    /// Kind in the claim word: taken back before a lane claimed it; and no task yet, in generation 0.
    KIND_WITHDRAWN: u64 = 0;
    /// Kind in the claim word: may be claimed again, by any lane.
    KIND_REQUEUED: u64 = 1;
    /// Kind in the claim word: runs on the owner lane, or ran there: the ended word tells.
    KIND_CLAIMED: u64 = 2;
    /// Kind in the ended word: the result fields are valid.
    KIND_DONE: u64 = 3;
    /// Kind in the claim word, then in the ended word: its worker died and no attempt is left; the result fields are not valid.
    KIND_CRASHED: u64 = 4;
    /// Bit in the status of an ended word: the handler was not started.
    ENDED_NOT_RUN: u32 = 0x80;
    /// Ended word: shift of the codec of the result within the owner's bits; the status is below it.
    ENDED_CODEC_SHIFT: u32 = 8;
    /// Most attempts of a task.
    MAX_ATTEMPTS: u32 = 3;
    /// Cause of a crash: set with a signal number in the low byte; without it the low byte is an exit code.
    CAUSE_SIGNAL: u32 = 0x100;
    /// Cause of a crash: shift of what is known besides (CAUSE_STACK_OVERFLOW and the following; 0: nothing), 4 bits.
    CAUSE_DETAIL_SHIFT: u32 = 9;
    /// Mask of the detail, after the shift.
    CAUSE_DETAIL_MASK: u32 = 0xf;
    /// Detail: a thread overflowed its stack.
    CAUSE_STACK_OVERFLOW: u32 = 1;
    /// Detail: an allocation failed.
    CAUSE_OUT_OF_MEMORY: u32 = 2;
    /// Detail: the supervisor killed it since a task ran past its time limit.
    CAUSE_TIME_LIMIT: u32 = 3;
    /// Detail: the supervisor killed it since it had too many threads.
    CAUSE_THREADS: u32 = 4;
    /// Detail: a panic while another panic unwound, or where none may.
    CAUSE_DOUBLE_PANIC: u32 = 5;
    /// Cause of a crash: not known (the worker was not the supervisor's child).
    CAUSE_UNKNOWN: u32 = 0xffff;
    /// Asked of a lane: the handler is to give the task up.
    CANCEL_BIT: u64 = 1 << 63;
    /// Asked of a lane: the task is watched no more, its end needs a completion hint.
    HINT_BIT: u64 = 1 << 62;

    /// Status: the result is the handler's.
    STATUS_OK: u32 = 0;
    /// Status: the handler returned an error (failure record).
    STATUS_FAILED: u32 = 1;
    /// Status: the handler panicked (failure record).
    STATUS_PANICKED: u32 = 2;
    /// Status: no handler of that name (failure record); it did not run.
    STATUS_UNKNOWN_HANDLER: u32 = 3;
    /// Status: request not decodable (did not run) or result not encodable (failure record).
    STATUS_CODEC: u32 = 4;
    /// Status: the result is larger than the largest block (failure record).
    STATUS_RESULT_TOO_LARGE: u32 = 5;
    /// Status: no arena block came free for the result (failure record).
    STATUS_ARENA_EXHAUSTED: u32 = 6;
    /// Status: the cancel word was set before the handler started (did not run) or the handler gave up on it (failure record).
    STATUS_CANCELLED: u32 = 7;
    /// Status: the deadline had passed before the handler started; it did not run.
    STATUS_EXPIRED: u32 = 8;
    /// Status: no worker is there, nor will be soon (failure record); it did not run.
    STATUS_NO_WORKER: u32 = 9;
    /// Status of a request in a chunk: a worker died over it and no attempt is left (no record).
    STATUS_CRASHED: u32 = 10;
    /// Status: a task of the same key before it has failed with KEY_FAILS (failure record); it did not run.
    STATUS_KEY_POISONED: u32 = 11;
    /// Flag in the status beside the value: the handler was not started.
    STATUS_NOT_RUN: u32 = 0x100;

    /// Failure record (the result of a status other than OK): code length, u16.
    FAILURE_CODE_LEN: usize = 0;
    /// Failure record: location length, u16.
    FAILURE_LOCATION_LEN: usize = 2;
    /// Failure record: code, then location, then the message up to the result's length, all UTF-8.
    FAILURE_TEXT: usize = 4;

    /// Codec: raw bytes.
    CODEC_BYTES: u32 = 0;
    /// Codec: UTF-8 text.
    CODEC_UTF8: u32 = 1;
    /// Codec: one little-endian i64.
    CODEC_I64: u32 = 2;
    /// Codec: one CBOR item (RFC 8949).
    CODEC_CBOR: u32 = 3;
    /// Codec: parameters and body: u32 length of a JSON object, the object, the body.
    CODEC_PARAMS: u32 = 4;
    /// Codec: a chunk, CHUNK_*: many requests to one handler, in a block with room for their results.
    CODEC_CHUNK: u32 = 5;

    /// Chunk: number of requests, u32, 1 to CHUNK_MAX.
    CHUNK_COUNT: usize = 0;
    /// Chunk: offset of the results, u32, a multiple of 64.
    CHUNK_RESULTS: usize = 4;
    /// Chunk: codec of each request, u8 (CODEC_*).
    CHUNK_CODEC: usize = 8;
    /// Chunk: most attempts of each request, u8, 1 to MAX_ATTEMPTS.
    CHUNK_ATTEMPTS: usize = 9;
    /// Chunk: what is kept of the room for each result, u32, in bytes; failures may use the rest.
    CHUNK_ROOM: usize = 12;
    /// Chunk: cursor, u64, 0 at first and then the lanes' alone: bytes of the results so far / 8 << 32 | attempt of the next request << 24 | requests ended.
    CHUNK_CURSOR: usize = 64;
    /// Cursor: mask of the requests ended, 24 bits.
    CURSOR_ENDED_MASK: u64 = 0xff_ffff;
    /// Cursor: shift of the attempt of the next request, 8 bits; 0: not begun.
    CURSOR_ATTEMPT_SHIFT: u32 = 24;
    /// Cursor: mask of the attempt, after the shift.
    CURSOR_ATTEMPT_MASK: u64 = 0xff;
    /// Cursor: shift of the bytes of the results / 8.
    CURSOR_BYTES_SHIFT: u32 = 32;
    /// Chunk: length of each request, u32; then, from the next multiple of 64, the requests, each padded to 8 bytes.
    CHUNK_LENGTHS: usize = 128;
    /// Most requests in a chunk.
    CHUNK_MAX: u32 = 1 << 16;
    /// Results of a chunk: for each request a head, u64: codec << 48 | status << 32 | length; then, from the next multiple of 64, the results or failure records, each padded to 8 bytes.
    CHUNK_HEAD_STATUS_SHIFT: u32 = 32;
    /// Head of a result: shift of its codec, 8 bits.
    CHUNK_HEAD_CODEC_SHIFT: u32 = 48;

    /// Owner word of an arena block: 0 free, else OWNER_TAKEN | role | attempt | slot | generation.
    OWNER_TAKEN: u64 = 1 << 63;
    /// Owner word: set when the block holds a result, clear for a request.
    OWNER_RESULT: u64 = 1 << 62;
    /// Owner word: shift of the attempt, 2 bits.
    OWNER_ATTEMPT_SHIFT: u32 = 60;
    /// Owner word: shift of the slot index, 20 bits.
    OWNER_SLOT_SHIFT: u32 = 40;
    /// Most slots in a segment.
    MAX_SLOTS: u32 = 1 << 20;

    /// Bytes of a handler entry.
    HANDLER_STRIDE: usize = 128;
    /// Handler: id, u64, 0 when free, taken by CAS.
    HANDLER_ID: usize = 0;
    /// Handler: one of HANDLER_LISTED and the following once the other fields are written, u32.
    HANDLER_READY: usize = 8;
    /// HANDLER_READY: the other fields are not written yet.
    HANDLER_UNWRITTEN: u32 = 0;
    /// HANDLER_READY: a worker has registered it.
    HANDLER_LISTED: u32 = 1;
    /// HANDLER_READY: a worker from before the reload that is under way has registered it.
    HANDLER_FORMER: u32 = 2;
    /// HANDLER_READY: it was removed by a reload: no worker has it any more.
    HANDLER_GONE: u32 = 3;
    /// Handler: codec of the request, u8.
    HANDLER_REQUEST_CODEC: usize = 12;
    /// Handler: codec of the result, u8.
    HANDLER_RESULT_CODEC: usize = 13;
    /// Handler: length of the name, u8.
    HANDLER_NAME_LEN: usize = 14;
    /// Handler: which lanes its tasks are for, where the pool has I/O lanes, u8 (LANE_KIND_*).
    HANDLER_KIND: usize = 15;
    /// Handler: name, UTF-8.
    HANDLER_NAME: usize = 16;
    /// Longest handler name in bytes.
    HANDLER_NAME_MAX: usize = 112;

    /// Bytes of an error log entry.
    ERROR_STRIDE: usize = 512;
    /// Error: FNV-1a of the text, u64, 0 when free, taken by CAS.
    ERROR_ID: usize = 0;
    /// Error: how often, u64.
    ERROR_COUNT: usize = 8;
    /// Error: CLOCK_MONOTONIC nanoseconds of the first, u64.
    ERROR_FIRST_NS: usize = 16;
    /// Error: CLOCK_MONOTONIC nanoseconds of the last, u64.
    ERROR_LAST_NS: usize = 24;
    /// Error: length of the text, u32; 0 until it is written.
    ERROR_LEN: usize = 32;
    /// Error: text, UTF-8.
    ERROR_TEXT: usize = 36;
    /// Longest key of a task in bytes.
    KEY_BYTES_MAX: usize = 1024;
    /// Longest error text in bytes.
    ERROR_TEXT_MAX: usize = 476;
}

counters! {
    /// The counters of the pool, in the header; the supervisor alone counts them.
    PoolCounter, POOL_COUNTERS {
        /// Pool counter: workers started, u64.
        WorkersStarted = 2304, C_WORKERS_STARTED, "workers_started";
        /// Pool counter: workers that died without being asked to, u64.
        WorkersCrashed = 2312, C_WORKERS_CRASHED, "workers_crashed";
        /// Pool counter: tasks given back to the queue by the reaper, u64.
        TasksRequeued = 2320, C_TASKS_REQUEUED, "tasks_requeued";
        /// Pool counter: tasks ended as crashed by the reaper, u64.
        TasksCrashed = 2328, C_TASKS_CRASHED, "tasks_crashed";
        /// Pool counter: dead clients cleared, u64.
        ClientsReaped = 2336, C_CLIENTS_REAPED, "clients_reaped";
        /// Pool counter: arena blocks freed by the reaper, u64.
        BlocksRecovered = 2344, C_BLOCKS_RECOVERED, "blocks_recovered";
        /// Pool counter: hints that the reaper or the tick put back, u64.
        HintsRestored = 2352, C_HINTS_RESTORED, "hints_restored";
        /// Pool counter: tasks of dead clients that were dropped, u64.
        TasksDropped = 2360, C_TASKS_DROPPED, "tasks_dropped";
        /// Pool counter: tasks of more than one attempt, each of which lost its worker, u64.
        TasksQuarantined = 2368, C_TASKS_QUARANTINED, "tasks_quarantined";
    }
}

counters! {
    /// The counters of a client entry: they only grow, over all clients that have it one after the other.
    ClientCounter, CLIENT_COUNTERS {
        /// Client counter: tasks submitted, u64. This and the next are written by submitters.
        Submitted = 384, CLIENT_SUBMITTED, "submitted";
        /// Client counter: tasks rejected at submit, u64: the sum of those by reason.
        Rejected = 392, CLIENT_REJECTED, "rejected";
        /// Client counter: results received, u64. This and the next are written where tasks end, on a line of their own.
        Completed = 448, CLIENT_COMPLETED, "completed";
        /// Client counter: failures received, u64.
        Failed = 456, CLIENT_FAILED, "failed";
        /// Client counter: tasks that met their deadline first, u64.
        TimedOut = 464, CLIENT_TIMED_OUT, "timed_out";
        /// Client counter: tasks cancelled, u64.
        Cancelled = 472, CLIENT_CANCELLED, "cancelled";
        /// Client counter: tasks rejected since all slots of the client were taken, u64. This and the next are written by submitters.
        RejectedNoSlot = 320, CLIENT_REJECTED_NO_SLOT, "rejected_no_slot";
        /// Client counter: tasks rejected since too many of the handler were in flight, u64.
        RejectedInFlight = 328, CLIENT_REJECTED_IN_FLIGHT, "rejected_in_flight";
        /// Client counter: tasks rejected since their deadline could not be met, u64.
        RejectedDeadline = 336, CLIENT_REJECTED_DEADLINE, "rejected_deadline";
        /// Client counter: tasks rejected since the injector ring was full, u64.
        RejectedRing = 344, CLIENT_REJECTED_RING, "rejected_ring";
        /// Client counter: tasks rejected since no payload block was free, u64.
        RejectedArena = 352, CLIENT_REJECTED_ARENA, "rejected_arena";
        /// Client counter: tasks rejected since no payload block is so large, u64.
        RejectedTooLarge = 360, CLIENT_REJECTED_TOO_LARGE, "rejected_too_large";
        /// Client counter: tasks rejected since the pool was draining, had no worker or was not connected, u64.
        RejectedState = 368, CLIENT_REJECTED_STATE, "rejected_state";
    }
}

counters! {
    /// The counters of a lane; the lane alone counts them, but for the last one.
    LaneCounter, LANE_COUNTERS {
        /// Lane counter: tasks claimed, u64.
        Started = 384, LANE_STARTED, "started";
        /// Lane counter: tasks ended with a result, u64.
        Completed = 392, LANE_COMPLETED, "completed";
        /// Lane counter: tasks ended with a failure, panics included, u64.
        Failed = 400, LANE_FAILED, "failed";
        /// Lane counter: handler panics, u64.
        Panicked = 408, LANE_PANICKED, "panicked";
        /// Lane counter: tasks whose deadline had passed at the claim, u64.
        Expired = 416, LANE_EXPIRED, "expired";
        /// Lane counter: tasks cancelled before or while they ran, u64.
        Cancelled = 424, LANE_CANCELLED, "cancelled";
        /// Lane counter: hints stolen from another lane, u64.
        Stolen = 432, LANE_STOLEN, "stolen";
        /// Lane counter: times it went to sleep, u64.
        Parked = 440, LANE_PARKED, "parked";
        /// Lane counter: claims of its name that went on by themselves, u64.
        Opened = 448, LANE_OPENED, "opened";
        /// Lane counter: those of them that have ended, u64; counted by whichever thread ends one.
        Closed = 456, LANE_CLOSED, "closed";
    }
}

counters! {
    /// What a lane counts of the tasks of one handler.
    HandlerCounter, HANDLER_COUNTERS {
        /// Counts of a handler: tasks ended with a result, u64.
        Completed = 8, COUNTS_COMPLETED, "completed";
        /// Counts of a handler: tasks ended with a failure, u64: the next four included.
        Failed = 16, COUNTS_FAILED, "failed";
        /// Counts of a handler: panics, u64.
        Panicked = 24, COUNTS_PANICKED, "panicked";
        /// Counts of a handler: tasks whose deadline had passed at the claim, u64.
        Expired = 32, COUNTS_EXPIRED, "expired";
        /// Counts of a handler: tasks cancelled before or while they ran, u64.
        Cancelled = 40, COUNTS_CANCELLED, "cancelled";
        /// Counts of a handler: tasks refused by the supervisor, since no worker could run them, u64.
        Refused = 48, COUNTS_REFUSED, "refused";
        /// Counts of a handler: tasks whose run time was sampled, u64; each request of a chunk counts.
        Sampled = 64, COUNTS_SAMPLED, "sampled";
        /// Counts of a handler: nanoseconds that the sampled tasks ran, u64.
        SampledNs = 72, COUNTS_SAMPLED_NS, "sampled_ns";
        /// Counts of a handler: nanoseconds that tasks of the queue histogram waited from submit to claim, u64.
        WaitedNs = 80, COUNTS_WAITED_NS, "waited_ns";
    }
}

counters! {
    /// What has become of the tasks of one handler that no lane ends: the reaper counts those of workers
    /// that died, clients count what they take back from the queue, and what is rejected at the submit.
    HandlerLoss, HANDLER_LOSSES {
        /// Losses of a handler: tasks ended as crashed, u64.
        Crashed = 0, LOSSES_CRASHED, "crashed";
        /// Losses of a handler: attempts that died with their worker and were followed by another, u64.
        Retried = 8, LOSSES_RETRIED, "retried";
        /// Losses of a handler: tasks taken back from the queue at their deadline, u64. This and the next are added to by all clients.
        Expired = 16, LOSSES_EXPIRED, "expired";
        /// Losses of a handler: tasks taken back from the queue since they were cancelled, or their client was closed or died, u64.
        Cancelled = 24, LOSSES_CANCELLED, "cancelled";
        /// Losses of a handler: tasks rejected since all slots of the client were taken, u64. This and the next are counted as in the client's entry.
        RejectedNoSlot = 32, LOSSES_REJECTED_NO_SLOT, "rejected_no_slot";
        /// Losses of a handler: tasks rejected since too many of the handler were in flight, u64.
        RejectedInFlight = 40, LOSSES_REJECTED_IN_FLIGHT, "rejected_in_flight";
        /// Losses of a handler: tasks rejected since their deadline could not be met, u64.
        RejectedDeadline = 48, LOSSES_REJECTED_DEADLINE, "rejected_deadline";
        /// Losses of a handler: tasks rejected since the injector ring was full, u64.
        RejectedRing = 56, LOSSES_REJECTED_RING, "rejected_ring";
        /// Losses of a handler: tasks rejected since no payload block was free, u64.
        RejectedArena = 64, LOSSES_REJECTED_ARENA, "rejected_arena";
        /// Losses of a handler: tasks rejected since no payload block is so large, u64.
        RejectedTooLarge = 72, LOSSES_REJECTED_TOO_LARGE, "rejected_too_large";
        /// Losses of a handler: tasks rejected since the pool was draining or was not connected, u64.
        RejectedState = 80, LOSSES_REJECTED_STATE, "rejected_state";
    }
}

/// All constants, those of the counters included.
pub fn constants() -> impl Iterator<Item = &'static Constant> {
    [
        CONSTANTS,
        POOL_COUNTERS,
        CLIENT_COUNTERS,
        LANE_COUNTERS,
        HANDLER_COUNTERS,
        HANDLER_LOSSES,
    ]
    .into_iter()
    .flatten()
}

/// FNV-1a, 64 bit, of a handler name or an error text: the id under which it
/// is known in the segment. (Fowler, Noll, Vo; offset basis
/// 0xcbf29ce484222325, prime 0x100000001b3.) Never 0: 0 means "free".
#[must_use]
pub const fn id_of(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash ^= bytes[i] as u64;
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    if hash == 0 { 1 } else { hash }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv_matches_published_vectors() {
        // From the FNV reference test suite: "" , "a", "foobar".
        assert_eq!(id_of(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(id_of("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(id_of("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn structures_do_not_overlap() {
        const { assert!(H_CLASSES + MAX_CLASSES * CLASS_STRIDE <= H_NAME) };
        const { assert!(H_REASON + REASON_SIZE <= H_HEALTH) };
        const { assert!(H_MAPPING + 4 <= H_OPTIONAL && H_SECTION_COUNT + 4 <= H_CLIENTS) };
        const { assert!(H_HEALTH + 4 <= H_DRAIN_END_NS && H_DRAIN_END_NS + 8 <= H_SECTIONS) };
        const { assert!(H_SECTIONS + MAX_SECTIONS * SECTION_STRIDE <= H_IDLE) };
        const { assert!(SECTION_OFFSET + 8 <= SECTION_STRIDE) };
        const { assert!(LANE_RUN_HISTOGRAM + 8 * HISTOGRAM_BUCKETS <= LANE_STRIDE) };
        const { assert!(SLOT_REQUEST + INLINE <= SLOT_ENDED) };
        const { assert!(SLOT_RESULT + INLINE <= SLOT_CLAIM) };
        const { assert!(SLOT_DEFERRED + 4 <= SLOT_TASK_ID) };
        const { assert!(SLOT_TRACEPARENT + 26 <= SLOT_STRIDE) };
        const { assert!(LANE_CURRENT + 4 <= LANE_OVER) };
        const {
            assert!(
                CLIENT_WAKE + 4 <= CLIENT_BASES && CLIENT_OVERFLOW + 4 <= CLIENT_REJECTED_NO_SLOT
            )
        };
        const { assert!(CLIENT_BASES + 8 * CLIENT_COUNTERS.len() <= CLIENT_OVERFLOW) };
        const { assert!(LANE_OVER + 8 <= LANE_OVER_ENDED) };
        const { assert!(LANE_OVER_ENDED + 4 <= LANE_BELL) };
        const { assert!(LANE_BELL + 4 <= LANE_SEEN_TASK) };
        const { assert!(LANE_SEEN_NS + 8 <= LANE_KIND) };
        const { assert!(LANE_KIND + 4 <= LANE_STARTED) };
        const { assert!(H_SEARCHING + 8 * IDLE_WORDS <= H_IDLE_IO) };
        const { assert!(H_SEARCHING_IO + 8 * IDLE_WORDS <= H_COUNTERS) };
        const { assert!(HANDLER_KIND < HANDLER_NAME) };
        const { assert!(CLIENT_ATTACHED_NS + 8 <= CLIENT_NAME) };
        const { assert!(CLIENT_NAME + CLIENT_NAME_SIZE <= CLIENT_WAITING) };
        const { assert!(WORKER_LEAVE + 4 <= WORKER_PROGRAM) };
        const { assert!(WORKER_PROGRAM + PROGRAM_SIZE <= WORKER_VERSION) };
        const { assert!(WORKER_VERSION + VERSION_SIZE <= WORKER_STRIDE) };
        const { assert!(H_LIMITS + 8 <= H_CLASSES) };
        const { assert!(CHANNEL_NAME + CHANNEL_NAME_MAX <= CHANNEL_TAIL) };
        const { assert!(CHANNEL_RECEIVERS_MASK + 8 * CHANNEL_MASK_WORDS <= CHANNEL_SENDERS) };
        const { assert!(CHANNEL_SENDERS_MASK + 8 * CHANNEL_MASK_WORDS <= CHANNEL_STRIDE) };
        const { assert!(CHANNEL_STRIDE.is_multiple_of(SECTION_ALIGN)) };
        const { assert!(HANDLER_NAME + HANDLER_NAME_MAX <= HANDLER_STRIDE) };
        const { assert!(ERROR_TEXT + ERROR_TEXT_MAX <= ERROR_STRIDE) };
        const { assert!(LANE_HELD + 4 * HELD == LANE_CURRENT) };
    }

    /// Each counter has eight bytes of its own, and none is beyond its record or in its histograms.
    #[test]
    fn counters_do_not_overlap() {
        for counters in [
            POOL_COUNTERS,
            CLIENT_COUNTERS,
            LANE_COUNTERS,
            HANDLER_COUNTERS,
            HANDLER_LOSSES,
        ] {
            let mut places: Vec<u64> = counters.iter().map(|counter| counter.value).collect();
            places.sort_unstable();
            for two in places.windows(2) {
                assert!(
                    two[0] + 8 <= two[1],
                    "two counters are at {} and {}",
                    two[0],
                    two[1]
                );
            }
        }
        let last =
            |counters: &[Constant]| counters.iter().map(|counter| counter.value).max().unwrap();
        assert!(last(LANE_COUNTERS) + 8 <= LANE_RUN_HISTOGRAM as u64);
        assert!(last(HANDLER_COUNTERS) + 8 <= COUNTS_QUEUE_HISTOGRAM as u64);
        assert!(last(HANDLER_LOSSES) + 8 <= LOSSES_STRIDE as u64);
        const { assert!(COUNTS_QUEUE_HISTOGRAM + 8 * HISTOGRAM_BUCKETS <= COUNTS_RUN_HISTOGRAM) };
        const { assert!(COUNTS_RUN_HISTOGRAM + 8 * HISTOGRAM_BUCKETS <= COUNTS_STRIDE) };
        const { assert!(COUNTS_STRIDE.is_multiple_of(SECTION_ALIGN)) };
    }

    #[test]
    fn owner_word_has_room_for_slot_and_generation() {
        const { assert!(GENERATION_MASK >> OWNER_SLOT_SHIFT == 0) };
        assert_eq!(
            u64::from(MAX_SLOTS - 1) << OWNER_SLOT_SHIFT >> OWNER_ATTEMPT_SHIFT,
            0
        );
    }
}
