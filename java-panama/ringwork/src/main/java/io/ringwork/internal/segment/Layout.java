package io.ringwork.internal.segment;

/**
 * Offsets and constants of the segment, in bytes and little-endian.
 *
 * <p>Generated from ring/src/format/layout.rs by `make layout`; do not edit.
 */
public final class Layout {

  private Layout() {}

  /** Bytes "RINGWORK" read as a little-endian u64. */
  public static final long MAGIC = 0x4b524f57474e4952L;

  /** Layout version: attach refuses any other. */
  public static final int VERSION = 3;

  /** Value of the ready word, stored last by the creator. */
  public static final int READY = 1380210977;

  /** Required feature bits that this version understands; an unknown bit in the header refuses the attach. */
  public static final long FEATURES_KNOWN = 0x1L;

  /** Feature bit: tasks may have keys; the segment has SECTION_KEY_LINES and SECTION_KEY_BUCKETS. */
  public static final long FEATURE_KEYS = 0x1L;

  /** Size of the header. */
  public static final int HEADER_SIZE = 4096;

  /** Header: magic, u64. */
  public static final int H_MAGIC = 0;

  /** Header: layout version, u32. */
  public static final int H_VERSION = 8;

  /** Header: required feature bits, u64: each process must understand all of them. */
  public static final int H_FEATURES = 16;

  /** Header: size of the whole file, u64. */
  public static final int H_SEGMENT_SIZE = 24;

  /** Header: epoch, a random non-zero u63 drawn for each segment; names its lock files. */
  public static final int H_EPOCH = 32;

  /** Header: CLOCK_MONOTONIC nanoseconds at creation, u64. */
  public static final int H_CREATED_NS = 40;

  /** Header: process id of the supervisor, for people only, u32. */
  public static final int H_SUPERVISOR_PID = 48;

  /** Header: ready word, u32, stored last with release. */
  public static final int H_READY = 56;

  /** Header: pool state, u32 (POOL_*). */
  public static final int H_POOL_STATE = 60;

  /** Header: client table entries, u32. */
  public static final int H_MAX_CLIENTS = 64;

  /** Header: slots of each client, u32. */
  public static final int H_SLOTS_PER_CLIENT = 68;

  /** Header: worker table entries, u32. */
  public static final int H_MAX_WORKERS = 72;

  /** Header: lane table entries, u32. */
  public static final int H_MAX_LANES = 76;

  /** Header: number of priorities (injector rings), u32; 0 is the most urgent. */
  public static final int H_PRIORITIES = 80;

  /** Header: cells of each injector ring, a power of two, u32. */
  public static final int H_INJECTOR_CAPACITY = 84;

  /** Header: cells of each completion ring, a power of two, u32. */
  public static final int H_COMPLETION_CAPACITY = 88;

  /** Header: handler table entries, u32. */
  public static final int H_HANDLER_CAPACITY = 92;

  /** Header: error log entries, u32. */
  public static final int H_ERROR_CAPACITY = 96;

  /** Header: number of arena size classes, u32. */
  public static final int H_CLASS_COUNT = 100;

  /** Header: handlers with a limit of concurrency, u32. */
  public static final int H_LIMIT_COUNT = 104;

  /** Header: what a process should do with its mapping, u32 (MAPPING_*); only advice. */
  public static final int H_MAPPING = 108;

  /** Touch every page at the attach, so that no task meets a page fault. */
  public static final int MAPPING_PREFAULT = 1;

  /** Ask the kernel for huge pages. */
  public static final int MAPPING_HUGE_PAGES = 2;

  /** Header: optional feature bits, u64: a process leaves those alone that it does not understand. */
  public static final int H_OPTIONAL = 112;

  /** Header: number of optional sections, u32. */
  public static final int H_SECTION_COUNT = 120;

  /** Header: offset of the client table, u64. */
  public static final int H_CLIENTS = 128;

  /** Header: offset of the worker table, u64. */
  public static final int H_WORKERS = 136;

  /** Header: offset of the lane table, u64. */
  public static final int H_LANES = 144;

  /** Header: offset of the injector rings, u64. */
  public static final int H_INJECTORS = 152;

  /** Header: offset of the slots, u64. */
  public static final int H_SLOTS = 160;

  /** Header: offset of the completion rings, u64. */
  public static final int H_COMPLETIONS = 168;

  /** Header: offset of the handler table, u64. */
  public static final int H_HANDLERS = 176;

  /** Header: offset of the error log, u64. */
  public static final int H_ERRORS = 184;

  /** Header: offset of the limits, u64. */
  public static final int H_LIMITS = 192;

  /** Header: arena class table, CLASS_STRIDE bytes each. */
  public static final int H_CLASSES = 256;

  /** Most arena size classes. */
  public static final int MAX_CLASSES = 16;

  /** Bytes of one arena class entry. */
  public static final int CLASS_STRIDE = 32;

  /** Class: block size in bytes, u64. */
  public static final int CLASS_SIZE = 0;

  /** Class: number of blocks, u32. */
  public static final int CLASS_COUNT = 8;

  /** Class: blocks at the end that only results may take, u32. */
  public static final int CLASS_RESERVED = 12;

  /** Class: offset of the owner words, u64 each, u64. */
  public static final int CLASS_OWNERS = 16;

  /** Class: offset of the first block, u64. */
  public static final int CLASS_BLOCKS = 24;

  /** Header: pool name, UTF-8, padded with NUL. */
  public static final int H_NAME = 768;

  /** Bytes of the pool name field. */
  public static final int NAME_SIZE = 64;

  /** Header: length of the failure reason, u32; set before POOL_FAILED. */
  public static final int H_REASON_LEN = 832;

  /** Header: why the pool failed or closed, UTF-8. */
  public static final int H_REASON = 836;

  /** Bytes of the failure reason field. */
  public static final int REASON_SIZE = 508;

  /** Header: health, u32 (HEALTH_*): whether dead workers are replaced. */
  public static final int H_HEALTH = 1344;

  /** Header: CLOCK_MONOTONIC nanoseconds at which the time is over that a stop gives the tasks, u64; 0 unless the pool is being stopped. Written before POOL_DRAINING. */
  public static final int H_DRAIN_END_NS = 1352;

  /** Header: table of the optional sections, SECTION_STRIDE bytes each; they follow the limits in this order. */
  public static final int H_SECTIONS = 1408;

  /** Most optional sections. */
  public static final int MAX_SECTIONS = 16;

  /** Bytes of an entry in the table of sections. */
  public static final int SECTION_STRIDE = 32;

  /** Section: what it holds, u32, not 0 (SECTION_* in the documentation); a process leaves one of an unknown kind alone. */
  public static final int SECTION_KIND = 0;

  /** Section: number of records, u32. */
  public static final int SECTION_COUNT = 4;

  /** Section: bytes of a record, u32, a multiple of SECTION_ALIGN. */
  public static final int SECTION_BYTES = 8;

  /** Section: its offset, u64, a multiple of SECTION_ALIGN. */
  public static final int SECTION_OFFSET = 16;

  /** Records of a section, and so sections, begin at a multiple of so many bytes. */
  public static final int SECTION_ALIGN = 128;

  /** Most records of a section. */
  public static final int MAX_SECTION_RECORDS = 16777216;

  /** Most bytes of a record of a section. */
  public static final int MAX_SECTION_BYTES = 1048576;

  /** Kind of section: what lanes count by handler, COUNTS_*; a record a lane and handler, the last one for what has none. */
  public static final int SECTION_HANDLER_COUNTS = 1;

  /** Kind of section: what becomes of tasks by handler that no lane ends, LOSSES_*; a record for each place of the handler table, the last one for other handlers. */
  public static final int SECTION_HANDLER_LOSSES = 2;

  /** Kind of section: the event ring, EVENTS_* in record 0 and a cell, EVENT_*, in each of the others, whose number is a power of two. */
  public static final int SECTION_EVENTS = 3;

  /** Kind of section: the topics of events, TOPIC_*. */
  public static final int SECTION_TOPICS = 4;

  /** Kind of section: the injector rings of tasks for I/O lanes, a ring a priority, as at H_INJECTORS; its records are SECTION_ALIGN bytes. */
  public static final int SECTION_IO_RINGS = 5;

  /** Kind of section: the key lines of slots, KEY_*; a record has the lines of two slots, one behind the other. */
  public static final int SECTION_KEY_LINES = 6;

  /** Kind of section: the buckets of keys that run or wait, BUCKET_*; their number is a power of two. */
  public static final int SECTION_KEY_BUCKETS = 7;

  /** Kind of section: the heads of the channels, CHANNEL_*, one behind the other. */
  public static final int SECTION_CHANNELS = 8;

  /** Kind of section: the cells of all channels, CELL_*, those of each from the record on that its head names; its records are SECTION_ALIGN bytes. */
  public static final int SECTION_CHANNEL_CELLS = 9;

  /** Bytes of the key line of a slot; it counts with PUBLISHED_KEYED. The client's, but for KEY_NEXT. */
  public static final int KEY_STRIDE = 64;

  /** Key line: hash of the key, u64, not 0. */
  public static final int KEY_HASH = 0;

  /** Key line: the task before it of its key and client, u64: generation &lt;&lt; 24 | slot index + 1; 0: none. */
  public static final int KEY_BEFORE = 8;

  /** Key line: the task behind it, u64, by compare-and-swap: own generation &lt;&lt; 24 | slot index + 1, 0 while there is none, or KEY_NEXT_TAKEN. */
  public static final int KEY_NEXT = 16;

  /** Key line: KEY_FAILS or 0, u32. */
  public static final int KEY_FLAGS = 24;

  /** Key line: 1 once the task before it has failed with KEY_FAILS, u32; stored before that one's slot is used again. */
  public static final int KEY_POISONED = 28;

  /** Word of a task in a key line: shift of the generation. */
  public static final int KEY_GENERATION_SHIFT = 24;

  /** Word of a task in a key line: mask of the slot index + 1. */
  public static final long KEY_SLOT_MASK = 0xffffffL;

  /** Key line: the task has ended, and its successor, if it has one, is hinted by the one that stored this. */
  public static final long KEY_NEXT_TAKEN = 0xffffffL;

  /** Key line, flags: if this task fails, those that are queued behind it are not run. */
  public static final int KEY_FAILS = 1;

  /** Bytes of a bucket; that of a key is its hash modulo the number of buckets. */
  public static final int BUCKET_STRIDE = 128;

  /** Bucket: permits, u64 each: 0, or lane generation, its low 32 bits &lt;&lt; 32 | lane index &lt;&lt; 22 | slot index + 1. */
  public static final int BUCKET_PERMITS = 0;

  /** Permits of a bucket: so many keys of it run at a time. */
  public static final int BUCKET_PERMIT_COUNT = 8;

  /** Permit: shift of the lane index, 10 bits. */
  public static final int PERMIT_LANE_SHIFT = 22;

  /** Permit: mask of the slot index + 1. */
  public static final long PERMIT_SLOT_MASK = 0x3fffffL;

  /** Bucket: tasks that wait for a permit, slot index + 1 or 0, u32 each. */
  public static final int BUCKET_WAITING = 64;

  /** Waiting tasks of a bucket. */
  public static final int BUCKET_WAITING_COUNT = 15;

  /** Bucket: 1 when more tasks wait than it has places for, u32. */
  public static final int BUCKET_OVERFLOW = 124;

  /** Bytes of a record of the event ring. */
  public static final int EVENT_STRIDE = 256;

  /** Events: position of the next event, u64, on a line of publishers. */
  public static final int EVENTS_TAIL = 0;

  /** Events: 1 while a subscriber sleeps or is about to, u32, on a line of subscribers. */
  public static final int EVENTS_ASKED = 128;

  /** Events: futex word of the subscribers, bumped by each wake, u32. */
  public static final int EVENTS_WAKE = 132;

  /** Event: position &lt;&lt; EVENT_POSITION_SHIFT | publisher &lt;&lt; EVENT_PUBLISHER_SHIFT | EVENT_*, u64; 0 before the first one of the cell. */
  public static final int EVENT_WORD = 0;

  /** Event: CLOCK_MONOTONIC nanoseconds of the publication, u64. */
  public static final int EVENT_TIME = 8;

  /** Event: place of its topic in the table, codec &lt;&lt; 32, length in bytes &lt;&lt; 48, u64. */
  public static final int EVENT_ABOUT = 16;

  /** Event: its bytes. */
  public static final int EVENT_BYTES = 32;

  /** Most bytes of an event. */
  public static final int EVENT_BYTES_MAX = 224;

  /** Event word: shift of the position, 40 bits; positions are compared modulo 2^40. */
  public static final int EVENT_POSITION_SHIFT = 24;

  /** Event word: mask of a position. */
  public static final long EVENT_POSITION_MASK = 0xffffffffffL;

  /** Event word: shift of the publisher, 16 bits: 0 the supervisor, EVENT_CLIENTS + index, EVENT_WORKERS + index. */
  public static final int EVENT_PUBLISHER_SHIFT = 8;

  /** Event word: mask of the publisher, after the shift. */
  public static final long EVENT_PUBLISHER_MASK = 0xffffL;

  /** Publishers of events: the first client. */
  public static final int EVENT_CLIENTS = 1;

  /** Publishers of events: the first worker. */
  public static final int EVENT_WORKERS = 32768;

  /** Event word: mask of what the cell is. */
  public static final long EVENT_STATE_MASK = 0xffL;

  /** Event: its publisher writes it. */
  public static final long EVENT_BUSY = 0x1L;

  /** Event: it may be read. */
  public static final long EVENT_READY = 0x2L;

  /** Event: its publisher died before it was written. */
  public static final long EVENT_VOID = 0x3L;

  /** Topic: id, u64, 0 when free, taken by CAS. */
  public static final int TOPIC_ID = 0;

  /** Topic: length of the name in bytes, u32, stored last; 0 while it is being written. */
  public static final int TOPIC_NAME_LEN = 8;

  /** Topic: name, UTF-8. */
  public static final int TOPIC_NAME = 16;

  /** Longest name of a topic in bytes. */
  public static final int TOPIC_NAME_MAX = 112;

  /** Bytes of a record of a topic. */
  public static final int TOPIC_STRIDE = 128;

  /** Bytes of the head of a channel. What is in its first 128 bytes never changes, but for CHANNEL_CODEC. */
  public static final int CHANNEL_STRIDE = 896;

  /** Channel: number of its cells, a power of two, u32. */
  public static final int CHANNEL_CAPACITY = 0;

  /** Channel: most bytes of a message, u32. */
  public static final int CHANNEL_SIZE = 4;

  /** Channel: the record of SECTION_CHANNEL_CELLS at which its cells begin, u32. */
  public static final int CHANNEL_FIRST = 8;

  /** Channel: CHANNEL_ONCE or 0, u32. */
  public static final int CHANNEL_FLAGS = 12;

  /** Channel flag: what a dead receiver had taken is not delivered again. */
  public static final int CHANNEL_ONCE = 1;

  /** Channel: codec of its messages + 1, u32; 0 until the first message, by compare-and-swap. */
  public static final int CHANNEL_CODEC = 16;

  /** Channel: name, UTF-8, padded with NUL. */
  public static final int CHANNEL_NAME = 64;

  /** Longest name of a channel in bytes. */
  public static final int CHANNEL_NAME_MAX = 64;

  /** Channel: position of the next message, u64, on a line of senders; no position before it is open. */
  public static final int CHANNEL_TAIL = 128;

  /** Channel: how often it was set back &lt;&lt; CHANNEL_BACK_SHIFT | position of the next message that a receiver looks at, u64, on a line of receivers. */
  public static final int CHANNEL_HEAD = 256;

  /** Channel head: shift of how often it was set back, 24 bits. */
  public static final int CHANNEL_BACK_SHIFT = 40;

  /** Channel: futex word of the receivers, bumped by each wake, u32. */
  public static final int CHANNEL_RECEIVERS = 384;

  /** Channel: a bit for each client with receivers that sleep or are about to, CHANNEL_MASK_WORDS u64. */
  public static final int CHANNEL_RECEIVERS_MASK = 448;

  /** Channel: futex word of the senders, bumped by each wake, u32. */
  public static final int CHANNEL_SENDERS = 640;

  /** Channel: a bit for each client with senders that sleep or are about to, CHANNEL_MASK_WORDS u64. */
  public static final int CHANNEL_SENDERS_MASK = 704;

  /** Words of a mask of clients. */
  public static final int CHANNEL_MASK_WORDS = 24;

  /** Most channels of a pool. */
  public static final int MAX_CHANNELS = 256;

  /** Cell of a channel: position &lt;&lt; EVENT_POSITION_SHIFT | process &lt;&lt; EVENT_PUBLISHER_SHIFT | attempt &lt;&lt; CELL_ATTEMPT_SHIFT | CELL_*, u64; 0 before its first use, which is CELL_EMPTY at its first position. Processes are numbered as publishers of events are. */
  public static final int CELL_WORD = 0;

  /** Cell: length of the message, codec &lt;&lt; 32, u64; its bytes and this are the sender's in FILLING and PASSED, the receiver's in TAKEN. */
  public static final int CELL_ABOUT = 8;

  /** Cell: bytes of the message; cells are padded to a multiple of 64 bytes. */
  public static final int CELL_BYTES = 16;

  /** Cell word: shift of the attempt, 2 bits: how often a receiver died that had the message, 3 at most. */
  public static final int CELL_ATTEMPT_SHIFT = 3;

  /** Cell word: mask of the attempt, after the shift. */
  public static final long CELL_ATTEMPT_MASK = 0x3L;

  /** Cell word: mask of the kind. */
  public static final long CELL_KIND_MASK = 0x7L;

  /** Cell: open for the message of its position. */
  public static final long CELL_EMPTY = 0x0L;

  /** Cell: its sender writes the message. */
  public static final long CELL_FILLING = 0x1L;

  /** Cell: the message may be taken. */
  public static final long CELL_FULL = 0x2L;

  /** Cell: its receiver has the message. */
  public static final long CELL_TAKEN = 0x3L;

  /** Cell: receivers have gone on while its sender was writing, which sends the message again. */
  public static final long CELL_PASSED = 0x4L;

  /** Cell: its sender died before the message was whole, or its receiver with it, where messages are delivered once. */
  public static final long CELL_VOID = 0x5L;

  /** Bytes of a record of what lanes count by handler. */
  public static final int COUNTS_STRIDE = 2688;

  /** Counts: which, u64, stored once by CAS: 0 free, COUNTS_KEY_REST, or COUNTS_KEY_TAKEN | lane &lt;&lt; 32 | place in the handler table + 1, 0 for a handler that is not there. */
  public static final int COUNTS_KEY = 0;

  /** Key of counts: set in all that are taken. */
  public static final long COUNTS_KEY_TAKEN = 0x8000000000000000L;

  /** Key of the last record, which counts the tasks of all lanes that found no other free. */
  public static final long COUNTS_KEY_REST = 0xc000000000000000L;

  /** Key of counts: shift of the lane, 16 bits. */
  public static final int COUNTS_KEY_LANE_SHIFT = 32;

  /** Key of counts: mask of the lane, after the shift. */
  public static final long COUNTS_KEY_LANE_MASK = 0xffffL;

  /** Counts: histogram of the time from submit to claim, sampled, u64 each. */
  public static final int COUNTS_QUEUE_HISTOGRAM = 128;

  /** Counts: histogram of the time that the handler ran, sampled, u64 each. */
  public static final int COUNTS_RUN_HISTOGRAM = 1408;

  /** Bytes of a record of what becomes of a handler's tasks that no lane ends. */
  public static final int LOSSES_STRIDE = 128;

  /** Header: idle lanes, one bit each, IDLE_WORDS u64 words on a line of their own. */
  public static final int H_IDLE = 2048;

  /** Number of idle words: at most 64 lanes each. */
  public static final int IDLE_WORDS = 4;

  /** Header: lanes that search for work without being idle, as H_IDLE. */
  public static final int H_SEARCHING = 2080;

  /** Header: idle I/O lanes, as H_IDLE. */
  public static final int H_IDLE_IO = 2112;

  /** Header: I/O lanes that search for work without being idle, as H_IDLE. */
  public static final int H_SEARCHING_IO = 2144;

  /** Header: pool counters, u64 each (POOL_COUNTERS in the order of the documentation). */
  public static final int H_COUNTERS = 2304;

  /** Pool state: being set up. */
  public static final int POOL_STARTING = 0;

  /** Pool state: tasks are taken. */
  public static final int POOL_SERVING = 1;

  /** Pool state: no new tasks, queued ones still run. */
  public static final int POOL_DRAINING = 2;

  /** Pool state: the supervisor left; lanes exit, clients fail what is pending. */
  public static final int POOL_CLOSED = 3;

  /** Pool state: the supervisor gave up, see the reason. */
  public static final int POOL_FAILED = 4;

  /** Health: workers that die are replaced. */
  public static final int HEALTH_FULL = 0;

  /** Health: too many workers died in too short a time; none is replaced, the pool is not ready, see the reason. */
  public static final int HEALTH_STORM = 1;

  /** Health: new workers do not get ready; none is replaced, those that live serve on, see the reason. */
  public static final int HEALTH_BOOT = 2;

  /** Bytes of a client entry. */
  public static final int CLIENT_STRIDE = 512;

  /** Client: entry word, u64: generation &lt;&lt; 8 | ENTRY_*. */
  public static final int CLIENT_WORD = 0;

  /** Client: process id, for people only, u32. */
  public static final int CLIENT_PID = 8;

  /** Client: kind, u32 (CLIENT_KIND_*). */
  public static final int CLIENT_KIND = 12;

  /** Client kind: the Java client. */
  public static final int CLIENT_KIND_JAVA = 1;

  /** Client kind: the Rust client. */
  public static final int CLIENT_KIND_RUST = 2;

  /** Client: CLOCK_MONOTONIC nanoseconds of the attach, u64. */
  public static final int CLIENT_ATTACHED_NS = 16;

  /** Client: its name, UTF-8, padded with NUL. */
  public static final int CLIENT_NAME = 32;

  /** Bytes of a client's name. */
  public static final int CLIENT_NAME_SIZE = 64;

  /** Client: 1 while its poller is parked or about to park, u32. */
  public static final int CLIENT_WAITING = 128;

  /** Client: futex word of the poller, bumped by each wake, u32. */
  public static final int CLIENT_WAKE = 132;

  /** Client: what each of its counters was when it attached, u64 each, in the order of CLIENT_SUBMITTED, ..., CLIENT_REJECTED_STATE. */
  public static final int CLIENT_BASES = 136;

  /** Client: set to 1 when its completion ring was full: scan the slots, u32. */
  public static final int CLIENT_OVERFLOW = 256;

  /** Entry state (clients, workers, lanes): unused. */
  public static final int ENTRY_FREE = 0;

  /** Entry state: in use; its lock file is locked as long as its process lives. */
  public static final int ENTRY_ACTIVE = 1;

  /** Entry state: proved dead, the reaper is at it. */
  public static final int ENTRY_REAPING = 2;

  /** Entry state of a client: it has closed while tasks of it ran; the reaper clears the rest. */
  public static final int ENTRY_LEAVING = 3;

  /** Bytes of a worker entry. */
  public static final int WORKER_STRIDE = 128;

  /** Worker: entry word, u64: generation &lt;&lt; 8 | ENTRY_*. */
  public static final int WORKER_WORD = 0;

  /** Worker: process id, for people only, u32. */
  public static final int WORKER_PID = 8;

  /** Worker: number of its lanes once all are registered, u32; 0 before. */
  public static final int WORKER_LANES = 12;

  /** Worker: CLOCK_MONOTONIC nanoseconds of the registration, u64. */
  public static final int WORKER_STARTED_NS = 16;

  /** Worker: whether it is to leave after the current tasks, u32 (LEAVE_*). */
  public static final int WORKER_LEAVE = 24;

  /** Worker: its program, UTF-8, padded with NUL. */
  public static final int WORKER_PROGRAM = 32;

  /** Bytes of a program's name. */
  public static final int PROGRAM_SIZE = 64;

  /** Worker: the version of Ringwork that its program has, UTF-8, padded with NUL. */
  public static final int WORKER_VERSION = 96;

  /** Bytes of a version. */
  public static final int VERSION_SIZE = 32;

  /** Leave: it is not. */
  public static final int LEAVE_NOT = 0;

  /** Leave: the supervisor asks for it. */
  public static final int LEAVE_ASKED = 1;

  /** Leave: the worker has run its number of tasks, and leaves by itself. */
  public static final int LEAVE_QUOTA = 2;

  /** Bytes of a lane entry. */
  public static final int LANE_STRIDE = 1792;

  /** Lane: entry word, u64: generation &lt;&lt; 24 | worker index &lt;&lt; 8 | ENTRY_*. */
  public static final int LANE_WORD = 0;

  /** Lane: futex word, bumped by each wake, u32. */
  public static final int LANE_WAKE = 128;

  /** Lane: hints that it took and has not finished with, u32 each, slot index + 1 or 0. */
  public static final int LANE_HELD = 256;

  /** Number of `held` words. */
  public static final int HELD = 8;

  /** Lane: slot index + 1 of the task that runs, or 0, u32. */
  public static final int LANE_CURRENT = 288;

  /** Lane: the task that was told to give up for its handler's soft limit, u64: generation &lt;&lt; 24 | slot index + 1. */
  public static final int LANE_OVER = 320;

  /** Lane: if that is a chunk, how many of its requests had ended, u32: the next one was told. Written first. */
  public static final int LANE_OVER_ENDED = 328;

  /** Lane: index + 1 of the lane whose wake word is rung when a task that goes on without its lane is to be given up, u32; 0: none. */
  public static final int LANE_BELL = 332;

  /** Lane: the task that the supervisor has last seen it run, u64, as LANE_OVER. */
  public static final int LANE_SEEN_TASK = 336;

  /** Lane: CLOCK_MONOTONIC nanoseconds at which the supervisor first saw that, u64. Written first. */
  public static final int LANE_SEEN_NS = 344;

  /** Lane: which tasks it looks for, u32 (LANE_KIND_*); written before the worker is ready. */
  public static final int LANE_KIND = 352;

  /** Kind of lane, and of handler: what is in the injector rings; handlers are functions that a lane runs to their end. */
  public static final int LANE_KIND_CPU = 0;

  /** Kind of lane, and of handler: what is in the rings of SECTION_IO_RINGS; handlers are asynchronous. */
  public static final int LANE_KIND_IO = 1;

  /** Lane: histogram of the time that handlers ran, sampled, u64 each. */
  public static final int LANE_RUN_HISTOGRAM = 512;

  /** Buckets of a histogram: four to an octave of nanoseconds. */
  public static final int HISTOGRAM_BUCKETS = 160;

  /** Hint ring: head, u64 on its own line. */
  public static final int RING_HEAD = 0;

  /** Hint ring: tail, u64 on its own line. */
  public static final int RING_TAIL = 128;

  /** Hint ring: cells, u64 each: lap &lt;&lt; 32 | slot index. Position p has lap p / capacity + 1. */
  public static final int RING_CELLS = 256;

  /** Hint ring: most hints that a producer puts in before it moves the tail: so far may the tail lag behind. */
  public static final int RING_BATCH = 64;

  /** Limit: id of the handler, u64. */
  public static final int LIMIT_HANDLER = 0;

  /** Limit: most tasks of it that run at a time, u32; 0: any number. */
  public static final int LIMIT_MAX = 8;

  /** Limit: permits, u64 each, one a lane: 0, or lane generation &lt;&lt; 16 | lane index + 1 of the lane that runs such a task. */
  public static final int LIMIT_PERMITS = 128;

  /** Most handlers with a limit of concurrency. */
  public static final int MAX_LIMITS = 64;

  /** One in so many client entries, the last ones of the table, is kept for the `ringwork` command. */
  public static final int ENTRIES_A_COMMAND = 5;

  /** Most client entries that are kept for the `ringwork` command. */
  public static final int MAX_COMMAND_ENTRIES = 2;

  /** Bytes of a slot: three pairs of cache lines, A and B the client's, R and R2 the lane's, S and T. */
  public static final int SLOT_STRIDE = 384;

  /** Slot, line A: published word, u64: generation &lt;&lt; 24 | PUBLISHED_*; the client's, stored last. */
  public static final int SLOT_PUBLISHED = 0;

  /** Slot, line A: handler id, u64: FNV-1a of the name's UTF-8. */
  public static final int SLOT_HANDLER = 8;

  /** Slot, line A: place of the request, u64: reference &lt;&lt; 32 | length in bytes; reference 0: inline, else (class + 1) &lt;&lt; 24 | block. */
  public static final int SLOT_REQUEST_PLACE = 16;

  /** Slot, line A: absolute CLOCK_MONOTONIC deadline in nanoseconds, u64, valid with PUBLISHED_DEADLINE. */
  public static final int SLOT_DEADLINE = 24;

  /** Slot, line A: what is asked of the lane that runs a task, u64: CANCEL_BIT, HINT_BIT or both, and the task's generation. */
  public static final int SLOT_ASKED = 32;

  /** Slot, lines A and B: inline request. */
  public static final int SLOT_REQUEST = 40;

  /** Slot, line R: ended word, u64, see STATE_*: KIND_DONE, the lane's, or KIND_CRASHED, the reaper's. */
  public static final int SLOT_ENDED = 128;

  /** Slot, line R: place of the result, as SLOT_REQUEST_PLACE. */
  public static final int SLOT_RESULT_PLACE = 136;

  /** Slot, lines R and R2: inline result. */
  public static final int SLOT_RESULT = 144;

  /** Bytes that travel inline, each way. */
  public static final int INLINE = 88;

  /** Slot, line S: claim word, u64, see STATE_*; by compare-and-swap alone. */
  public static final int SLOT_CLAIM = 256;

  /** Slot, line S: CLOCK_MONOTONIC nanoseconds of the claim, u64, valid with PUBLISHED_STAMPED. */
  public static final int SLOT_CLAIMED_NS = 264;

  /** Slot, line S: progress, u64: done &lt;&lt; 32 | total. */
  public static final int SLOT_PROGRESS = 272;

  /** Slot, line S: whether its hint waits in the ring of its handler's limit, u32: low 29 bits of the generation &lt;&lt; 3 | attempt &lt;&lt; 1 | 1. */
  public static final int SLOT_DEFERRED = 280;

  /** Slot, line T: task id of the client, u64, valid with PUBLISHED_IDENTIFIED. */
  public static final int SLOT_TASK_ID = 320;

  /** Slot, line T: CLOCK_MONOTONIC nanoseconds of the submit, u64, valid with PUBLISHED_STAMPED. */
  public static final int SLOT_SUBMITTED_NS = 328;

  /** Slot, line T: W3C traceparent in binary (version, trace id, parent id, flags), 26 bytes, valid with PUBLISHED_TRACED. */
  public static final int SLOT_TRACEPARENT = 336;

  /** Length in bytes in the place of a payload: its low bits. */
  public static final long PLACE_LENGTH_MASK = 0xffffffffL;

  /** Shift of the reference in the place of a payload. */
  public static final int PLACE_REFERENCE_SHIFT = 32;

  /** Reference to a block: shift of its class + 1; the low bits are the block's index. */
  public static final int REFERENCE_CLASS_SHIFT = 24;

  /** Published word: mask of the codec of the request (CODEC_*). */
  public static final long PUBLISHED_CODEC_MASK = 0xffL;

  /** Published word: shift of the most attempts, 2 bits, 1 to MAX_ATTEMPTS. */
  public static final int PUBLISHED_ATTEMPTS_SHIFT = 8;

  /** Published word: SLOT_SUBMITTED_NS is set; without it a lane leaves that line alone. */
  public static final long PUBLISHED_STAMPED = 0x400L;

  /** Published word: SLOT_DEADLINE is set. */
  public static final long PUBLISHED_DEADLINE = 0x800L;

  /** Published word: SLOT_TASK_ID is set. */
  public static final long PUBLISHED_IDENTIFIED = 0x1000L;

  /** Published word: SLOT_TRACEPARENT is set. */
  public static final long PUBLISHED_TRACED = 0x2000L;

  /** Published word: a thread watches the ended word; the lane writes no completion hint unless SLOT_ASKED asks for one. */
  public static final long PUBLISHED_WATCHED = 0x4000L;

  /** Published word: the task has a key: its line in SECTION_KEY_LINES counts, and it is never taken back. */
  public static final long PUBLISHED_KEYED = 0x8000L;

  /** Published word: shift of the priority, 7 bits: the injector ring it is queued in. */
  public static final int PUBLISHED_PRIORITY_SHIFT = 16;

  /** Published word: mask of the priority, after the shift. */
  public static final int PUBLISHED_PRIORITY_MASK = 127;

  /** Published word: it is queued in the ring of its priority in SECTION_IO_RINGS, and only I/O lanes claim it. */
  public static final long PUBLISHED_IO = 0x800000L;

  /** Claim and ended word: bits of the kind. */
  public static final long STATE_KIND_MASK = 0x7L;

  /** Claim and ended word: shift of the attempt, 2 bits, 0 for the first. */
  public static final int STATE_ATTEMPT_SHIFT = 3;

  /** Claim and ended word: mask of the attempt, after the shift. */
  public static final long STATE_ATTEMPT_MASK = 0x3L;

  /** Claim and ended word: shift of the owner lane (CLAIMED), the cause (CRASHED) or codec &lt;&lt; 8 | status (DONE), 16 bits. */
  public static final int STATE_OWNER_SHIFT = 8;

  /** Claim and ended word: mask of the owner, after the shift. */
  public static final long STATE_OWNER_MASK = 0xffffL;

  /** Published, claim and ended word: shift of the generation, 40 bits. */
  public static final int STATE_GENERATION_SHIFT = 24;

  /** Generations count modulo this mask + 1. */
  public static final long GENERATION_MASK = 0xffffffffffL;

  /** Kind in the claim word: taken back before a lane claimed it; and no task yet, in generation 0. */
  public static final long KIND_WITHDRAWN = 0x0L;

  /** Kind in the claim word: may be claimed again, by any lane. */
  public static final long KIND_REQUEUED = 0x1L;

  /** Kind in the claim word: runs on the owner lane, or ran there: the ended word tells. */
  public static final long KIND_CLAIMED = 0x2L;

  /** Kind in the ended word: the result fields are valid. */
  public static final long KIND_DONE = 0x3L;

  /** Kind in the claim word, then in the ended word: its worker died and no attempt is left; the result fields are not valid. */
  public static final long KIND_CRASHED = 0x4L;

  /** Bit in the status of an ended word: the handler was not started. */
  public static final int ENDED_NOT_RUN = 128;

  /** Ended word: shift of the codec of the result within the owner's bits; the status is below it. */
  public static final int ENDED_CODEC_SHIFT = 8;

  /** Most attempts of a task. */
  public static final int MAX_ATTEMPTS = 3;

  /** Cause of a crash: set with a signal number in the low byte; without it the low byte is an exit code. */
  public static final int CAUSE_SIGNAL = 256;

  /** Cause of a crash: shift of what is known besides (CAUSE_STACK_OVERFLOW and the following; 0: nothing), 4 bits. */
  public static final int CAUSE_DETAIL_SHIFT = 9;

  /** Mask of the detail, after the shift. */
  public static final int CAUSE_DETAIL_MASK = 15;

  /** Detail: a thread overflowed its stack. */
  public static final int CAUSE_STACK_OVERFLOW = 1;

  /** Detail: an allocation failed. */
  public static final int CAUSE_OUT_OF_MEMORY = 2;

  /** Detail: the supervisor killed it since a task ran past its time limit. */
  public static final int CAUSE_TIME_LIMIT = 3;

  /** Detail: the supervisor killed it since it had too many threads. */
  public static final int CAUSE_THREADS = 4;

  /** Detail: a panic while another panic unwound, or where none may. */
  public static final int CAUSE_DOUBLE_PANIC = 5;

  /** Cause of a crash: not known (the worker was not the supervisor's child). */
  public static final int CAUSE_UNKNOWN = 65535;

  /** Asked of a lane: the handler is to give the task up. */
  public static final long CANCEL_BIT = 0x8000000000000000L;

  /** Asked of a lane: the task is watched no more, its end needs a completion hint. */
  public static final long HINT_BIT = 0x4000000000000000L;

  /** Status: the result is the handler's. */
  public static final int STATUS_OK = 0;

  /** Status: the handler returned an error (failure record). */
  public static final int STATUS_FAILED = 1;

  /** Status: the handler panicked (failure record). */
  public static final int STATUS_PANICKED = 2;

  /** Status: no handler of that name (failure record); it did not run. */
  public static final int STATUS_UNKNOWN_HANDLER = 3;

  /** Status: request not decodable (did not run) or result not encodable (failure record). */
  public static final int STATUS_CODEC = 4;

  /** Status: the result is larger than the largest block (failure record). */
  public static final int STATUS_RESULT_TOO_LARGE = 5;

  /** Status: no arena block came free for the result (failure record). */
  public static final int STATUS_ARENA_EXHAUSTED = 6;

  /** Status: the cancel word was set before the handler started (did not run) or the handler gave up on it (failure record). */
  public static final int STATUS_CANCELLED = 7;

  /** Status: the deadline had passed before the handler started; it did not run. */
  public static final int STATUS_EXPIRED = 8;

  /** Status: no worker is there, nor will be soon (failure record); it did not run. */
  public static final int STATUS_NO_WORKER = 9;

  /** Status of a request in a chunk: a worker died over it and no attempt is left (no record). */
  public static final int STATUS_CRASHED = 10;

  /** Status: a task of the same key before it has failed with KEY_FAILS (failure record); it did not run. */
  public static final int STATUS_KEY_POISONED = 11;

  /** Flag in the status beside the value: the handler was not started. */
  public static final int STATUS_NOT_RUN = 256;

  /** Failure record (the result of a status other than OK): code length, u16. */
  public static final int FAILURE_CODE_LEN = 0;

  /** Failure record: location length, u16. */
  public static final int FAILURE_LOCATION_LEN = 2;

  /** Failure record: code, then location, then the message up to the result's length, all UTF-8. */
  public static final int FAILURE_TEXT = 4;

  /** Codec: raw bytes. */
  public static final int CODEC_BYTES = 0;

  /** Codec: UTF-8 text. */
  public static final int CODEC_UTF8 = 1;

  /** Codec: one little-endian i64. */
  public static final int CODEC_I64 = 2;

  /** Codec: one CBOR item (RFC 8949). */
  public static final int CODEC_CBOR = 3;

  /** Codec: parameters and body: u32 length of a JSON object, the object, the body. */
  public static final int CODEC_PARAMS = 4;

  /** Codec: a chunk, CHUNK_*: many requests to one handler, in a block with room for their results. */
  public static final int CODEC_CHUNK = 5;

  /** Chunk: number of requests, u32, 1 to CHUNK_MAX. */
  public static final int CHUNK_COUNT = 0;

  /** Chunk: offset of the results, u32, a multiple of 64. */
  public static final int CHUNK_RESULTS = 4;

  /** Chunk: codec of each request, u8 (CODEC_*). */
  public static final int CHUNK_CODEC = 8;

  /** Chunk: most attempts of each request, u8, 1 to MAX_ATTEMPTS. */
  public static final int CHUNK_ATTEMPTS = 9;

  /** Chunk: what is kept of the room for each result, u32, in bytes; failures may use the rest. */
  public static final int CHUNK_ROOM = 12;

  /** Chunk: cursor, u64, 0 at first and then the lanes' alone: bytes of the results so far / 8 &lt;&lt; 32 | attempt of the next request &lt;&lt; 24 | requests ended. */
  public static final int CHUNK_CURSOR = 64;

  /** Cursor: mask of the requests ended, 24 bits. */
  public static final long CURSOR_ENDED_MASK = 0xffffffL;

  /** Cursor: shift of the attempt of the next request, 8 bits; 0: not begun. */
  public static final int CURSOR_ATTEMPT_SHIFT = 24;

  /** Cursor: mask of the attempt, after the shift. */
  public static final long CURSOR_ATTEMPT_MASK = 0xffL;

  /** Cursor: shift of the bytes of the results / 8. */
  public static final int CURSOR_BYTES_SHIFT = 32;

  /** Chunk: length of each request, u32; then, from the next multiple of 64, the requests, each padded to 8 bytes. */
  public static final int CHUNK_LENGTHS = 128;

  /** Most requests in a chunk. */
  public static final int CHUNK_MAX = 65536;

  /** Results of a chunk: for each request a head, u64: codec &lt;&lt; 48 | status &lt;&lt; 32 | length; then, from the next multiple of 64, the results or failure records, each padded to 8 bytes. */
  public static final int CHUNK_HEAD_STATUS_SHIFT = 32;

  /** Head of a result: shift of its codec, 8 bits. */
  public static final int CHUNK_HEAD_CODEC_SHIFT = 48;

  /** Owner word of an arena block: 0 free, else OWNER_TAKEN | role | attempt | slot | generation. */
  public static final long OWNER_TAKEN = 0x8000000000000000L;

  /** Owner word: set when the block holds a result, clear for a request. */
  public static final long OWNER_RESULT = 0x4000000000000000L;

  /** Owner word: shift of the attempt, 2 bits. */
  public static final int OWNER_ATTEMPT_SHIFT = 60;

  /** Owner word: shift of the slot index, 20 bits. */
  public static final int OWNER_SLOT_SHIFT = 40;

  /** Most slots in a segment. */
  public static final int MAX_SLOTS = 1048576;

  /** Bytes of a handler entry. */
  public static final int HANDLER_STRIDE = 128;

  /** Handler: id, u64, 0 when free, taken by CAS. */
  public static final int HANDLER_ID = 0;

  /** Handler: one of HANDLER_LISTED and the following once the other fields are written, u32. */
  public static final int HANDLER_READY = 8;

  /** HANDLER_READY: the other fields are not written yet. */
  public static final int HANDLER_UNWRITTEN = 0;

  /** HANDLER_READY: a worker has registered it. */
  public static final int HANDLER_LISTED = 1;

  /** HANDLER_READY: a worker from before the reload that is under way has registered it. */
  public static final int HANDLER_FORMER = 2;

  /** HANDLER_READY: it was removed by a reload: no worker has it any more. */
  public static final int HANDLER_GONE = 3;

  /** Handler: codec of the request, u8. */
  public static final int HANDLER_REQUEST_CODEC = 12;

  /** Handler: codec of the result, u8. */
  public static final int HANDLER_RESULT_CODEC = 13;

  /** Handler: length of the name, u8. */
  public static final int HANDLER_NAME_LEN = 14;

  /** Handler: which lanes its tasks are for, where the pool has I/O lanes, u8 (LANE_KIND_*). */
  public static final int HANDLER_KIND = 15;

  /** Handler: name, UTF-8. */
  public static final int HANDLER_NAME = 16;

  /** Longest handler name in bytes. */
  public static final int HANDLER_NAME_MAX = 112;

  /** Bytes of an error log entry. */
  public static final int ERROR_STRIDE = 512;

  /** Error: FNV-1a of the text, u64, 0 when free, taken by CAS. */
  public static final int ERROR_ID = 0;

  /** Error: how often, u64. */
  public static final int ERROR_COUNT = 8;

  /** Error: CLOCK_MONOTONIC nanoseconds of the first, u64. */
  public static final int ERROR_FIRST_NS = 16;

  /** Error: CLOCK_MONOTONIC nanoseconds of the last, u64. */
  public static final int ERROR_LAST_NS = 24;

  /** Error: length of the text, u32; 0 until it is written. */
  public static final int ERROR_LEN = 32;

  /** Error: text, UTF-8. */
  public static final int ERROR_TEXT = 36;

  /** Longest key of a task in bytes. */
  public static final int KEY_BYTES_MAX = 1024;

  /** Longest error text in bytes. */
  public static final int ERROR_TEXT_MAX = 476;

  /** Pool counter: workers started, u64. */
  public static final int C_WORKERS_STARTED = 2304;

  /** Pool counter: workers that died without being asked to, u64. */
  public static final int C_WORKERS_CRASHED = 2312;

  /** Pool counter: tasks given back to the queue by the reaper, u64. */
  public static final int C_TASKS_REQUEUED = 2320;

  /** Pool counter: tasks ended as crashed by the reaper, u64. */
  public static final int C_TASKS_CRASHED = 2328;

  /** Pool counter: dead clients cleared, u64. */
  public static final int C_CLIENTS_REAPED = 2336;

  /** Pool counter: arena blocks freed by the reaper, u64. */
  public static final int C_BLOCKS_RECOVERED = 2344;

  /** Pool counter: hints that the reaper or the tick put back, u64. */
  public static final int C_HINTS_RESTORED = 2352;

  /** Pool counter: tasks of dead clients that were dropped, u64. */
  public static final int C_TASKS_DROPPED = 2360;

  /** Pool counter: tasks of more than one attempt, each of which lost its worker, u64. */
  public static final int C_TASKS_QUARANTINED = 2368;

  /** Client counter: tasks submitted, u64. This and the next are written by submitters. */
  public static final int CLIENT_SUBMITTED = 384;

  /** Client counter: tasks rejected at submit, u64: the sum of those by reason. */
  public static final int CLIENT_REJECTED = 392;

  /** Client counter: results received, u64. This and the next are written where tasks end, on a line of their own. */
  public static final int CLIENT_COMPLETED = 448;

  /** Client counter: failures received, u64. */
  public static final int CLIENT_FAILED = 456;

  /** Client counter: tasks that met their deadline first, u64. */
  public static final int CLIENT_TIMED_OUT = 464;

  /** Client counter: tasks cancelled, u64. */
  public static final int CLIENT_CANCELLED = 472;

  /** Client counter: tasks rejected since all slots of the client were taken, u64. This and the next are written by submitters. */
  public static final int CLIENT_REJECTED_NO_SLOT = 320;

  /** Client counter: tasks rejected since too many of the handler were in flight, u64. */
  public static final int CLIENT_REJECTED_IN_FLIGHT = 328;

  /** Client counter: tasks rejected since their deadline could not be met, u64. */
  public static final int CLIENT_REJECTED_DEADLINE = 336;

  /** Client counter: tasks rejected since the injector ring was full, u64. */
  public static final int CLIENT_REJECTED_RING = 344;

  /** Client counter: tasks rejected since no payload block was free, u64. */
  public static final int CLIENT_REJECTED_ARENA = 352;

  /** Client counter: tasks rejected since no payload block is so large, u64. */
  public static final int CLIENT_REJECTED_TOO_LARGE = 360;

  /** Client counter: tasks rejected since the pool was draining, had no worker or was not connected, u64. */
  public static final int CLIENT_REJECTED_STATE = 368;

  /** Lane counter: tasks claimed, u64. */
  public static final int LANE_STARTED = 384;

  /** Lane counter: tasks ended with a result, u64. */
  public static final int LANE_COMPLETED = 392;

  /** Lane counter: tasks ended with a failure, panics included, u64. */
  public static final int LANE_FAILED = 400;

  /** Lane counter: handler panics, u64. */
  public static final int LANE_PANICKED = 408;

  /** Lane counter: tasks whose deadline had passed at the claim, u64. */
  public static final int LANE_EXPIRED = 416;

  /** Lane counter: tasks cancelled before or while they ran, u64. */
  public static final int LANE_CANCELLED = 424;

  /** Lane counter: hints stolen from another lane, u64. */
  public static final int LANE_STOLEN = 432;

  /** Lane counter: times it went to sleep, u64. */
  public static final int LANE_PARKED = 440;

  /** Lane counter: claims of its name that went on by themselves, u64. */
  public static final int LANE_OPENED = 448;

  /** Lane counter: those of them that have ended, u64; counted by whichever thread ends one. */
  public static final int LANE_CLOSED = 456;

  /** Counts of a handler: tasks ended with a result, u64. */
  public static final int COUNTS_COMPLETED = 8;

  /** Counts of a handler: tasks ended with a failure, u64: the next four included. */
  public static final int COUNTS_FAILED = 16;

  /** Counts of a handler: panics, u64. */
  public static final int COUNTS_PANICKED = 24;

  /** Counts of a handler: tasks whose deadline had passed at the claim, u64. */
  public static final int COUNTS_EXPIRED = 32;

  /** Counts of a handler: tasks cancelled before or while they ran, u64. */
  public static final int COUNTS_CANCELLED = 40;

  /** Counts of a handler: tasks refused by the supervisor, since no worker could run them, u64. */
  public static final int COUNTS_REFUSED = 48;

  /** Counts of a handler: tasks whose run time was sampled, u64; each request of a chunk counts. */
  public static final int COUNTS_SAMPLED = 64;

  /** Counts of a handler: nanoseconds that the sampled tasks ran, u64. */
  public static final int COUNTS_SAMPLED_NS = 72;

  /** Counts of a handler: nanoseconds that tasks of the queue histogram waited from submit to claim, u64. */
  public static final int COUNTS_WAITED_NS = 80;

  /** Losses of a handler: tasks ended as crashed, u64. */
  public static final int LOSSES_CRASHED = 0;

  /** Losses of a handler: attempts that died with their worker and were followed by another, u64. */
  public static final int LOSSES_RETRIED = 8;

  /** Losses of a handler: tasks taken back from the queue at their deadline, u64. This and the next are added to by all clients. */
  public static final int LOSSES_EXPIRED = 16;

  /** Losses of a handler: tasks taken back from the queue since they were cancelled, or their client was closed or died, u64. */
  public static final int LOSSES_CANCELLED = 24;

  /** Losses of a handler: tasks rejected since all slots of the client were taken, u64. This and the next are counted as in the client's entry. */
  public static final int LOSSES_REJECTED_NO_SLOT = 32;

  /** Losses of a handler: tasks rejected since too many of the handler were in flight, u64. */
  public static final int LOSSES_REJECTED_IN_FLIGHT = 40;

  /** Losses of a handler: tasks rejected since their deadline could not be met, u64. */
  public static final int LOSSES_REJECTED_DEADLINE = 48;

  /** Losses of a handler: tasks rejected since the injector ring was full, u64. */
  public static final int LOSSES_REJECTED_RING = 56;

  /** Losses of a handler: tasks rejected since no payload block was free, u64. */
  public static final int LOSSES_REJECTED_ARENA = 64;

  /** Losses of a handler: tasks rejected since no payload block is so large, u64. */
  public static final int LOSSES_REJECTED_TOO_LARGE = 72;

  /** Losses of a handler: tasks rejected since the pool was draining or was not connected, u64. */
  public static final int LOSSES_REJECTED_STATE = 80;
}
