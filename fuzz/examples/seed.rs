//! Writes the seeds of the corpora: valid inputs, made by the code under test where it can make
//! them. `make fuzz-seed` runs it; the corpora are committed, since the replay has to be the same
//! everywhere.

use image::ImageEncoder;
use image::codecs::{gif::GifEncoder, png::PngEncoder};
use ringwork_cli::fuzz::{cbor_from_json, configuration};
use ringwork_fuzz::corpus;
use ringwork_fuzz::patch::{Record, Section, input};
use ringwork_handlers::compress::{self, CompressParams, compress};
use ringwork_handlers::image::{Animation, Format, ResizeParams, resize};
use ringwork_ring::format::layout::*;
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::format::words::{Owner, Place, Word};
use ringwork_ring::{Cause, Codec, Status};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn main() {
    for (target, seeds) in [
        ("segment", segment()),
        ("slot", slot()),
        ("completion", completion()),
        ("arena", arena()),
        ("config", config()),
        ("cbor", cbor()),
        ("image", images()),
        ("http", http()),
    ] {
        println!("{target}: {} seeds", seeds.len());
        let mut inputs = BTreeMap::new();
        // A new target has none yet.
        if corpus::archive(target).exists() {
            inputs.extend(corpus::read(target));
        }
        inputs.extend(
            seeds
                .into_iter()
                .map(|(name, bytes)| (format!("seed-{name}"), bytes)),
        );
        corpus::write(target, inputs.into_iter().collect());
    }
}

type Seeds = Vec<(String, Vec<u8>)>;

fn records(seeds: &[(&str, u8, &[Record])]) -> Seeds {
    seeds
        .iter()
        .map(|(name, shape, records)| ((*name).to_owned(), input(*shape, records)))
        .collect()
}

fn write64(section: Section, index: u8, offset: usize, value: u64) -> Record {
    Record::write(section, index, offset, 8, value)
}

fn write32(section: Section, index: u8, offset: usize, value: u32) -> Record {
    Record::write(section, index, offset, 4, value.into())
}

fn header32(at: usize, value: u32) -> Record {
    write32(Section::Header, 0, at, value)
}

fn segment() -> Seeds {
    let header64 = |at, value| write64(Section::Header, 0, at, value);
    records(&[
        ("whole-0", 0, &[]),
        ("whole-1", 1, &[]),
        ("whole-2", 2, &[]),
        ("cut", 0, &[Record::step((-4096_i64) as u64)]),
        ("longer", 1, &[Record::step(4096)]),
        ("not-ready", 0, &[header32(H_READY, 0)]),
        ("magic", 0, &[header64(H_MAGIC, 7)]),
        ("version", 0, &[header32(H_VERSION, 99)]),
        ("features", 0, &[header64(H_FEATURES, 1 << 40)]),
        ("optional", 0, &[header64(H_OPTIONAL, u64::MAX)]),
        (
            "sections",
            0,
            &[header32(H_SECTION_COUNT, MAX_SECTIONS as u32)],
        ),
        (
            "section-count",
            1,
            &[header32(H_SECTIONS + SECTION_COUNT, u32::MAX)],
        ),
        (
            "section-bytes",
            1,
            &[header32(H_SECTIONS + SECTION_BYTES, u32::MAX)],
        ),
        (
            "section-offset",
            2,
            &[header64(H_SECTIONS + SECTION_OFFSET, 1 << 63)],
        ),
        ("epoch", 0, &[header64(H_EPOCH, 1)]),
        ("state", 1, &[header32(H_POOL_STATE, 77)]),
        ("classes", 0, &[header32(H_CLASS_COUNT, 17)]),
        ("slots", 0, &[header64(H_SLOTS, 12)]),
        ("clients", 0, &[header32(H_MAX_CLIENTS, u32::MAX)]),
        (
            "block-size",
            1,
            &[header64(H_CLASSES + CLASS_SIZE, u64::MAX)],
        ),
        ("blocks", 2, &[header32(H_CLASSES + CLASS_COUNT, u32::MAX)]),
        (
            "reason",
            0,
            &[
                header32(H_REASON_LEN, u32::MAX),
                header64(H_REASON, u64::MAX),
            ],
        ),
        (
            "idle-bits",
            2,
            &[header64(H_IDLE, u64::MAX), header64(H_SEARCHING, u64::MAX)],
        ),
        (
            "io-idle-bits",
            1,
            &[
                header64(H_IDLE_IO, u64::MAX),
                header64(H_SEARCHING_IO, u64::MAX),
            ],
        ),
        (
            "io-idle-bits-without-io",
            0,
            &[header64(H_IDLE_IO, 1), header64(H_SEARCHING_IO + 8, 1)],
        ),
        (
            "io-rings",
            1,
            &[
                write64(Section::IoRing, 0, RING_CELLS, 77 << 32),
                write64(Section::IoRing, 1, RING_HEAD, u64::MAX),
                write64(Section::IoRing, 2, RING_TAIL, 1 << 40),
            ],
        ),
        (
            "io-queued",
            1,
            &[
                write64(Section::Slot, 1, SLOT_PUBLISHED, published(1)),
                write64(Section::IoRing, 1, RING_CELLS, 1 << 32 | 1),
                write64(Section::IoRing, 1, RING_TAIL, 1),
            ],
        ),
        (
            "key-buckets",
            1,
            &[
                write64(Section::KeyBucket, 0, BUCKET_PERMITS, permit(0, 0)),
                write64(Section::KeyBucket, 0, BUCKET_PERMITS + 8, u64::MAX),
                write32(Section::KeyBucket, 0, BUCKET_WAITING, 2),
                write32(Section::KeyBucket, 0, BUCKET_WAITING + 4, u32::MAX),
                write32(Section::KeyBucket, 0, BUCKET_OVERFLOW, 1),
            ],
        ),
        (
            "key-lines",
            1,
            &[
                write64(Section::KeyLine, 0, KEY_BEFORE, task(1, 0)),
                write64(Section::KeyLine, 0, KEY_NEXT, u64::MAX),
                write32(Section::KeyLine, 1, KEY_FLAGS, u32::MAX),
            ],
        ),
        (
            "key-queued",
            1,
            &[
                write64(Section::KeyLine, 1, KEY_HASH, 7),
                write64(
                    Section::Slot,
                    1,
                    SLOT_PUBLISHED,
                    published(1) | PUBLISHED_KEYED,
                ),
                write64(Section::Injector, 1, RING_CELLS, 1 << 32 | 1),
                write64(Section::Injector, 1, RING_TAIL, 1),
            ],
        ),
        (
            "tables",
            1,
            &[
                write32(Section::Handler, 0, HANDLER_READY, 1),
                write32(Section::Handler, 0, HANDLER_REQUEST_CODEC, u32::MAX),
                write32(Section::Error, 1, ERROR_LEN, u32::MAX),
                write64(Section::Error, 1, ERROR_COUNT, u64::MAX),
                write64(Section::Lane, 0, LANE_RUN_HISTOGRAM, 5),
                write64(Section::Lane, 0, LANE_WORD, ENTRY_ACTIVE.into()),
                write32(Section::Lane, 0, LANE_CURRENT, u32::MAX),
                write64(Section::Worker, 0, WORKER_WORD, ENTRY_ACTIVE.into()),
                write64(Section::Client, 1, CLIENT_WORD, ENTRY_ACTIVE.into()),
            ],
        ),
        (
            "claims",
            1,
            &[
                write64(Section::Lane, 0, LANE_OPENED, 3),
                write64(Section::Lane, 0, LANE_CLOSED, 5),
                write64(Section::Lane, 1, LANE_OPENED, u64::MAX),
                write64(Section::Lane, 1, LANE_CLOSED, 1),
            ],
        ),
        (
            "counts",
            1,
            &[
                write64(
                    Section::Counts,
                    0,
                    COUNTS_KEY,
                    COUNTS_KEY_TAKEN | 1 << COUNTS_KEY_LANE_SHIFT | 1,
                ),
                write64(Section::Counts, 0, COUNTS_COMPLETED, u64::MAX),
                write64(Section::Counts, 0, COUNTS_RUN_HISTOGRAM, u64::MAX),
                write64(Section::Counts, 1, COUNTS_KEY, u64::MAX),
                write64(Section::Counts, 2, COUNTS_KEY, COUNTS_KEY_REST),
            ],
        ),
        (
            "queued",
            0,
            &[
                write64(Section::Slot, 1, SLOT_PUBLISHED, published(1)),
                write64(Section::Injector, 1, RING_CELLS, 1 << 32 | 1),
                write64(Section::Injector, 1, RING_TAIL, 1),
            ],
        ),
        (
            "claimed",
            0,
            &[
                write64(
                    Section::Client,
                    0,
                    CLIENT_WORD,
                    1 << 8 | u64::from(ENTRY_ACTIVE),
                ),
                write64(
                    Section::Worker,
                    0,
                    WORKER_WORD,
                    1 << 8 | u64::from(ENTRY_ACTIVE),
                ),
                write64(
                    Section::Lane,
                    0,
                    LANE_WORD,
                    1 << 24 | u64::from(ENTRY_ACTIVE),
                ),
                write64(
                    Section::Slot,
                    1,
                    SLOT_PUBLISHED,
                    published(1) | PUBLISHED_DEADLINE,
                ),
                write64(
                    Section::Slot,
                    1,
                    SLOT_CLAIM,
                    Word::queued(1, 0).claimed_by(0).0,
                ),
                write64(Section::Slot, 1, SLOT_DEADLINE, 5),
                write32(Section::Lane, 0, LANE_HELD, 3),
            ],
        ),
    ])
}

/// The published word of a task of raw bytes with one attempt.
fn published(generation: u64) -> u64 {
    generation << STATE_GENERATION_SHIFT | 1 << PUBLISHED_ATTEMPTS_SHIFT
}

/// A queued task with its hint in the ring.
fn queued(slot: u8, extra: &[Record]) -> Vec<Record> {
    let mut all = vec![
        write64(Section::Slot, slot, SLOT_PUBLISHED, published(3)),
        write64(Section::Slot, slot, SLOT_REQUEST_PLACE, 11),
        write64(Section::Slot, slot, SLOT_HANDLER, id_of("echo")),
        write64(
            Section::Slot,
            slot,
            SLOT_REQUEST,
            u64::from_le_bytes(*b"hello wo"),
        ),
        write64(
            Section::Client,
            0,
            CLIENT_WORD,
            1 << 8 | u64::from(ENTRY_ACTIVE),
        ),
    ];
    all.extend(extra);
    all.push(Record::step(7 | u64::from(slot) << 16));
    all
}

/// A permit of the first life of a lane.
fn permit(slot: u32, lane: u32) -> u64 {
    1 << 32 | u64::from(lane << PERMIT_LANE_SHIFT | (slot + 1))
}

/// A task, as key lines name it.
fn task(generation: u64, slot: u32) -> u64 {
    generation << KEY_GENERATION_SHIFT | u64::from(slot + 1)
}

/// As [`queued`], with a key, behind the task of `before`.
fn keyed(slot: u8, before: u64, extra: &[Record]) -> Vec<Record> {
    let line = [
        write64(
            Section::Slot,
            slot,
            SLOT_PUBLISHED,
            published(3) | PUBLISHED_KEYED,
        ),
        write64(Section::KeyLine, slot, KEY_HASH, 7),
        write64(Section::KeyLine, slot, KEY_BEFORE, before),
        write64(Section::KeyLine, slot, KEY_NEXT, 3 << KEY_GENERATION_SHIFT),
    ];
    queued(slot, &[&line, extra].concat())
}

/// The step's bit that means I/O lanes, as in the target.
const IO: u64 = 1 << 63;

/// The handler of [`queued`], as that of async tasks.
fn for_io_lanes() -> [Record; 4] {
    let listed = u64::from(HANDLER_LISTED) | 4 << 48 | u64::from(LaneKind::Io.word()) << 56;
    [
        write64(Section::Handler, 0, HANDLER_ID, id_of("echo")),
        write32(
            Section::Handler,
            0,
            HANDLER_NAME,
            u32::from_le_bytes(*b"echo"),
        ),
        write64(Section::Handler, 0, HANDLER_READY, listed),
        write64(Section::Header, 0, H_SEARCHING_IO, 1),
    ]
}

fn slot() -> Seeds {
    let request_at = |reference, len| {
        let place = Place::new(reference, len);
        write64(Section::Slot, 0, SLOT_REQUEST_PLACE, place.0)
    };
    let in_block = |len, owner: Owner| {
        [
            request_at(1 << 24 | 1, len),
            write64(Section::Owner, 0, 8, owner.0),
        ]
    };
    let with = |flags: u64| write64(Section::Slot, 0, SLOT_PUBLISHED, published(3) | flags);
    let ours = Owner::request(0, 3);
    let then = |mut records: Vec<Record>, steps: &[u64]| {
        records.extend(steps.iter().map(|step| Record::step(*step)));
        records
    };
    // Two requests and room for two results of 64 bytes, in the first block of shape 1's second
    // class.
    let chunk = |lengths: u64, cursor: u64| {
        let writes = [
            request_at(2 << 24, 448),
            with(3 << PUBLISHED_ATTEMPTS_SHIFT | u64::from(Codec::Chunk.word())),
            write64(Section::Owner, 1, 0, ours.0),
            write64(Section::Block, 1, CHUNK_COUNT, 2 | 256 << 32),
            write64(Section::Block, 1, CHUNK_CODEC, 2 << 8 | 40 << 32),
            write64(Section::Block, 1, CHUNK_LENGTHS, lengths),
            write64(Section::Block, 1, CHUNK_CURSOR, cursor),
        ];
        queued(0, &writes)
    };
    let all: Vec<(&str, u8, Vec<Record>)> = vec![
        ("inline", 0, queued(1, &[])),
        ("complete-long", 1, then(queued(1, &[]), &[100 << 8])),
        ("fail", 1, then(queued(1, &[]), &[1 | 100 << 8])),
        ("drop", 2, then(queued(1, &[]), &[2])),
        (
            "in-place",
            0,
            then(queued(1, &[]), &[3 | 11 << 8 | 11 << 24]),
        ),
        (
            "beyond-room",
            0,
            then(queued(1, &[]), &[3 | 11 << 8 | 12 << 24]),
        ),
        ("block", 0, queued(0, &in_block(100, ours))),
        (
            "block-of-another",
            0,
            queued(0, &in_block(100, Owner::request(1, 3))),
        ),
        ("chunk", 1, chunk(5 | 9 << 32, 0)),
        ("chunk-failed", 1, then(chunk(5 | 9 << 32, 0), &[1])),
        (
            "chunk-resumed",
            1,
            chunk(5 | 9 << 32, 1 << 32 | 2 << 24 | 1),
        ),
        ("chunk-too-long", 1, chunk(5 | 99 << 32, 0)),
        ("block-too-long", 0, queued(0, &in_block(u32::MAX, ours))),
        (
            "bad-reference",
            1,
            queued(0, &[request_at(u32::MAX, u32::MAX)]),
        ),
        ("inline-too-long", 1, queued(0, &[request_at(0, 89)])),
        (
            "stamped",
            2,
            queued(
                0,
                &[
                    with(PUBLISHED_STAMPED),
                    write64(Section::Slot, 0, SLOT_SUBMITTED_NS, 1),
                ],
            ),
        ),
        (
            "expired",
            0,
            queued(
                0,
                &[
                    with(PUBLISHED_DEADLINE),
                    write64(Section::Slot, 0, SLOT_DEADLINE, 1),
                ],
            ),
        ),
        (
            "cancelled",
            0,
            queued(0, &[write64(Section::Slot, 0, SLOT_ASKED, CANCEL_BIT | 3)]),
        ),
        (
            "traced",
            0,
            queued(
                0,
                &[
                    with(PUBLISHED_TRACED | PUBLISHED_IDENTIFIED),
                    write64(Section::Slot, 0, SLOT_TRACEPARENT, 7),
                ],
            ),
        ),
        (
            "hint-too-high",
            1,
            vec![Record::step(7 | 0xffff_ffff << 16)],
        ),
        (
            "ring-damaged",
            1,
            vec![
                write64(Section::Injector, 0, RING_CELLS, 77 << 32),
                Record::step(7),
            ],
        ),
        (
            "counters-full",
            0,
            queued(1, &[write64(Section::Lane, 0, LANE_STARTED, u64::MAX)]),
        ),
        // A lane of the other kind meets it, and the lane that it is for.
        ("io-task", 1, then(queued(1, &for_io_lanes()), &[0, 5, IO])),
        (
            "io-task-dies",
            1,
            then(queued(1, &for_io_lanes()), &[0, 5, 2 | IO, 5 | 9 << 8]),
        ),
        (
            "io-lane-meets-a-lane-s",
            1,
            then(queued(1, &[]), &[7 | IO | 1 << 16, IO, 5, 0]),
        ),
        (
            "io-ring-damaged",
            1,
            vec![
                write64(Section::IoRing, 0, RING_CELLS, 77 << 32),
                write64(Section::Header, 0, H_IDLE_IO, u64::MAX),
                Record::step(7 | IO),
                Record::step(IO),
                Record::step(4),
            ],
        ),
        // What a key has a lane do, and what is wrong with one.
        ("key", 1, then(keyed(1, 0, &[]), &[0, 4])),
        (
            "key-chain",
            1,
            [
                keyed(0, 0, &[write64(Section::KeyLine, 0, KEY_NEXT, task(3, 1))]),
                then(keyed(1, task(3, 0), &[]), &[1, 0, 4]),
            ]
            .concat(),
        ),
        (
            "key-chain-poisoned",
            1,
            [
                keyed(0, 0, &[write64(Section::KeyLine, 0, KEY_NEXT, task(3, 1))]),
                vec![write32(Section::KeyLine, 0, KEY_FLAGS, KEY_FAILS)],
                then(keyed(1, task(3, 0), &[]), &[1, 1, 0]),
            ]
            .concat(),
        ),
        (
            "key-behind-itself",
            1,
            then(keyed(1, task(3, 1), &[]), &[0, 4, 5, 6]),
        ),
        (
            "key-busy",
            1,
            then(
                keyed(
                    1,
                    0,
                    &[
                        write64(Section::KeyLine, 0, KEY_HASH, 7),
                        write64(Section::KeyBucket, 7, BUCKET_PERMITS, permit(0, 1)),
                    ],
                ),
                &[0, 4, 5, 0],
            ),
        ),
        (
            "key-places-damaged",
            1,
            then(
                keyed(
                    1,
                    0,
                    &[
                        write32(Section::KeyBucket, 7, BUCKET_WAITING, u32::MAX),
                        write32(Section::KeyBucket, 7, BUCKET_WAITING + 4, 2),
                        write32(Section::KeyBucket, 7, BUCKET_OVERFLOW, 9),
                    ],
                ),
                &[2, 0],
            ),
        ),
        ("key-dies", 1, then(keyed(1, 0, &[]), &[2, 5 | 9 << 8])),
        ("key-without-keys", 0, then(keyed(1, 0, &[]), &[0, 4])),
        ("sweep", 1, then(queued(1, &[]), &[4, !3])),
        ("clients-reaped", 2, then(queued(0, &[]), &[6])),
        (
            "stolen",
            0,
            vec![
                write64(Section::Slot, 2, SLOT_PUBLISHED, published(3)),
                write64(
                    Section::Lane,
                    1,
                    LANE_WORD,
                    1 << 24 | u64::from(ENTRY_ACTIVE),
                ),
                write32(Section::Lane, 1, LANE_HELD + 4, 3),
            ],
        ),
        (
            "retried",
            0,
            vec![
                write64(
                    Section::Slot,
                    2,
                    SLOT_PUBLISHED,
                    3 << STATE_GENERATION_SHIFT | 2 << PUBLISHED_ATTEMPTS_SHIFT,
                ),
                write64(
                    Section::Slot,
                    2,
                    SLOT_CLAIM,
                    Word::queued(3, 0).claimed_by(1).0,
                ),
                write64(
                    Section::Lane,
                    1,
                    LANE_WORD,
                    1 << 24 | u64::from(ENTRY_ACTIVE),
                ),
                write64(
                    Section::Worker,
                    0,
                    WORKER_WORD,
                    1 << 8 | u64::from(ENTRY_ACTIVE),
                ),
                Record::step(5 | 9 << 8),
            ],
        ),
    ];
    all.into_iter()
        .map(|(name, shape, records)| (name.to_owned(), input(shape, &records)))
        .collect()
}

/// The ended word of a task of the given generation, with a result.
fn done(generation: u64) -> u64 {
    let claimed = Word::queued(generation, 0).claimed_by(0);
    claimed.done(Status::Ok.into(), Codec::Bytes).0
}

fn completion() -> Seeds {
    const END: u64 = 6;
    const CRASH: u64 = 6 | 1 << 8;
    let slot64 = |at, value| write64(Section::Slot, 0, at, value);
    /// The status and the codec of what has ended.
    const fn status(status: u64) -> u64 {
        status << 24
    }
    let result_at = |reference, len| slot64(SLOT_RESULT_PLACE, Place::new(reference, len).0);
    let result = |len: u32| result_at(0, len);
    let steps = |values: &[u64]| values.iter().map(|v| Record::step(*v)).collect::<Vec<_>>();
    let with = |records: &[Record], values: &[u64]| [records.to_vec(), steps(values)].concat();
    let record = u64::from_le_bytes([2, 0, 3, 0, b'c', b'd', b'l', b'o']);
    let in_block = [
        result_at(1 << 24 | 2, 100),
        write64(
            Section::Owner,
            0,
            16,
            Owner::result(0, Word::queued(1, 0)).0,
        ),
    ];
    let all = [
        ("inline", 0, with(&[result(5)], &[END, 2, 3])),
        ("block", 0, with(&in_block, &[END, 3])),
        (
            "failed",
            1,
            with(
                &[slot64(SLOT_RESULT, record), result(20)],
                &[END | status(1), 2, 3],
            ),
        ),
        (
            "failed-cut",
            1,
            with(
                &[slot64(SLOT_RESULT, u64::MAX), result(20)],
                &[END | status(2), 2, 3],
            ),
        ),
        (
            "not-run",
            1,
            with(
                &[result(0)],
                &[END | status(8 | ENDED_NOT_RUN as u64), 2, 3],
            ),
        ),
        (
            "status-and-codec-unknown",
            1,
            with(&[result(3)], &[END | status(0x7fff), 2, 3]),
        ),
        ("crashed", 2, steps(&[CRASH | 9 << 24, 2, 3])),
        ("inline-too-long", 0, with(&[result(89)], &[END, 2, 3])),
        (
            "bad-reference",
            0,
            with(&[result_at(u32::MAX, 9)], &[END, 2, 3]),
        ),
        (
            "block-too-long",
            0,
            with(&[result_at(1 << 24, u32::MAX)], &[END, 2]),
        ),
        (
            "stale-hints",
            1,
            steps(&[7, 7 | 1 << 16, 7 | 0xffff_ffff << 16, 2]),
        ),
        (
            "ring-damaged",
            1,
            with(
                &[write64(Section::Completion, 0, RING_CELLS, 77 << 32)],
                &[END, 2, 3],
            ),
        ),
        (
            "ring-ahead",
            1,
            with(
                &[write64(Section::Completion, 0, RING_HEAD, u64::MAX)],
                &[END, 2, 3],
            ),
        ),
        (
            "overflow",
            0,
            with(
                &[write32(Section::Client, 0, CLIENT_OVERFLOW, 1)],
                &[END, 2, 3],
            ),
        ),
        ("cancel-queued", 0, steps(&[4])),
        (
            "cancel-running",
            0,
            with(
                &[slot64(SLOT_CLAIM, Word::queued(1, 0).claimed_by(0).0)],
                &[4, 2],
            ),
        ),
        ("abandoned", 0, steps(&[5, END, 2])),
        ("deadline", 1, steps(&[1, 3, 1, 11])),
        ("many", 1, steps(&[0, 1, 0, 0, END, END | 8, 2, 3, 0])),
        (
            "deadline-generation",
            0,
            [
                steps(&[5, 1]),
                vec![
                    write64(Section::Slot, 1, SLOT_ENDED, done(9)),
                    Record::step(3),
                ],
            ]
            .concat(),
        ),
        (
            "generation",
            0,
            with(&[slot64(SLOT_ENDED, done(9))], &[2, 3]),
        ),
        (
            "closed",
            0,
            with(&[header32(H_POOL_STATE, POOL_CLOSED)], &[0, 2, 3]),
        ),
    ];
    all.into_iter()
        .map(|(name, shape, records)| (name.to_owned(), input(shape, &records)))
        .collect()
}

fn arena() -> Seeds {
    let check = |reference: u64, len: u16, slot: u8| Record {
        offset: len,
        index: slot,
        ..Record::step(reference << 2)
    };
    let take = |size: u64, result: u64| Record::step((size | result << 20) << 2 | 1);
    let free = |reference: u64| Record::step(reference << 2 | 2);
    let owner =
        |index: u8, block: usize, owner: Owner| write64(Section::Owner, index, 8 * block, owner.0);
    let publish =
        |slot, generation| write64(Section::Slot, slot, SLOT_PUBLISHED, published(generation));
    let claim = |slot, word: Word| write64(Section::Slot, slot, SLOT_CLAIM, word.0);
    records(&[
        (
            "references",
            0,
            &[
                check(1 << 24, 128, 0),
                check(1 << 24 | 3, 128, 0),
                check(1 << 24 | 4, 1, 0),
            ],
        ),
        (
            "references-1",
            1,
            &[
                check(2 << 24 | 1, 1024, 0),
                check(2 << 24 | 1, 1025, 0),
                check(3 << 24, 0, 0),
            ],
        ),
        (
            "references-2",
            2,
            &[
                check(3 << 24 | 1, 4096, 0),
                check(0, 0, 0),
                check(u64::MAX >> 2, 0, 0),
            ],
        ),
        ("long", 0, &[check(1 << 24, 0xffff, 0xff)]),
        (
            "owner",
            0,
            &[
                owner(0, 1, Owner::request(2, 0)),
                check(1 << 24 | 1, 5, 2),
                check(1 << 24 | 1, 5, 1),
            ],
        ),
        (
            "take",
            0,
            &[
                take(1, 0),
                take(100, 0),
                take(128, 1),
                take(129, 0),
                take(64, 1),
                take(64, 1),
            ],
        ),
        (
            "take-next-class",
            1,
            &[
                take(64, 0),
                take(64, 0),
                take(64, 0),
                take(64, 0),
                take(1024, 1),
            ],
        ),
        (
            "take-large",
            2,
            &[take(4096, 0), take(4096, 1), take(4097, 0)],
        ),
        (
            "free",
            0,
            &[
                take(1, 0),
                free(1 << 24),
                free(1 << 24),
                take(1, 1),
                free(1 << 24 | 3),
            ],
        ),
        (
            "orphans",
            0,
            &[
                owner(0, 0, Owner::request(2, 7)),
                owner(0, 1, Owner::request(2, 0)),
                Record::step(3),
            ],
        ),
        (
            "orphan-results",
            0,
            &[
                owner(0, 0, Owner::result(1, Word::queued(5, 1))),
                owner(0, 1, Owner::result(1, Word::queued(5, 2))),
                publish(1, 5),
                claim(1, Word::queued(5, 2)),
                Record::step(3),
            ],
        ),
        (
            "orphan-crashed",
            0,
            &[
                owner(0, 0, Owner::result(1, Word::queued(5, 1))),
                publish(1, 5),
                claim(
                    1,
                    Word::queued(5, 1).claimed_by(0).crashed(Cause::signal(9)),
                ),
            ],
        ),
        (
            "no-such-slot",
            1,
            &[
                owner(0, 2, Owner::request(MAX_SLOTS - 1, 0)),
                owner(1, 1, Owner(u64::MAX)),
            ],
        ),
    ])
}

fn config() -> Seeds {
    let (printed, _) = configuration("workers = 2\nlanes = 2").expect("a configuration");
    [
        ("empty", String::new()),
        ("printed", printed),
        (
            "name",
            "name = 'images'\nworkers = 3\nwait = 'park'\nlog-format = 'json'".into(),
        ),
        (
            "sizes",
            "segment-size = '32MiB'\narena = '1KiB:64:8, 64 KiB:16:4'\nslots = 128".into(),
        ),
        (
            "numbers",
            "segment-size = 33554432\ndrain-timeout = 5\nstart-timeout = 1.5".into(),
        ),
        (
            "times",
            "drain-timeout = '2m'\noverrun-grace = '0'\nstart-timeout = '250ms'".into(),
        ),
        (
            "worker",
            "worker = '/bin/true'\nworker-args = ['--flag', 'a \"b\"']".into(),
        ),
        ("worker-in-path", "worker = 'true'".into()),
        ("args-alone", "worker-args = ['x']".into()),
        ("unknown", "elephants = 5".into()),
        ("misspelt", "slot = 5".into()),
        ("contradiction", "workers = 20\nmax-workers = 16".into()),
        ("lanes", "workers = 7\nlanes = 40".into()),
        ("zero", "workers = 0".into()),
        ("too-small", "segment-size = '1MiB'".into()),
        ("enormous", "segment-size = '8589934591 GiB'".into()),
        ("clients", "clients = 1024\nslots = 65536".into()),
        (
            "priorities",
            "priorities = 4\nmax-lanes = 256\nlog-level = 'trace'".into(),
        ),
        ("wrong-type", "workers = 'two'\nwait = 7".into()),
        ("table", "[name]\nx = 1".into()),
        ("broken", "= 3".into()),
        ("text", "name = \"\"\"a\\u00e9\"\"\"".into()),
        ("moment", "name = 1979-05-27T07:32:00Z".into()),
    ]
    .map(|(name, text)| (name.to_owned(), text.into_bytes()))
    .into()
}

fn cbor() -> Seeds {
    let json = |choice: u8, json: &str| {
        let mut bytes = vec![choice];
        bytes.extend(cbor_from_json(json).expect("JSON"));
        bytes
    };
    let raw = |choice: u8, bytes: &[u8]| [&[choice], bytes].concat();
    let params = |choice: u8, json: &str| {
        let mut bytes = vec![choice];
        bytes.extend((json.len() as u32).to_le_bytes());
        bytes.extend(json.bytes());
        bytes.extend(b"body");
        bytes
    };
    let with_body = |choice: u8, json: &str, body: &[u8]| {
        let length = (json.len() as u32).to_le_bytes();
        [&[choice], &length[..], json.as_bytes(), body].concat()
    };
    let packed = |format| {
        let params = CompressParams::default().format(format);
        compress(&params, &b"abcabcabc".repeat(20)).expect("compressed")
    };
    let gzip = packed(compress::Format::Gzip);
    let zstd = packed(compress::Format::Zstd);
    let order = r#"{"id": 7, "cents": [1, -2], "rate": 0.5, "note": null, "tags": {"a": 1, "b": null},
        "paid": true, "kind": {"Pair": [1, 2.5]}, "place": [1, -1, "x"], "blob": [1, 2]}"#;
    let anything =
        r#"{"a": [1, -1, 2.5, 1e300, null, true, "ü"], "b": {}, "c": 18446744073709551615}"#;
    let deep = |byte: u8, times| vec![byte; times];
    [
        ("order", json(0, order)),
        ("kind-unit", json(1, r#""Unit""#)),
        ("kind-new", json(1, r#"{"New": 5}"#)),
        (
            "kind-named",
            json(1, r#"{"Named": {"x": {"Named": {"x": null}}}}"#),
        ),
        (
            "tree",
            json(2, r#"{"kids": [{"kids": []}, {"kids": [{"kids": []}]}]}"#),
        ),
        ("anything", json(3, anything)),
        ("u64", json(4, "18446744073709551615")),
        ("i64", json(5, "-9223372036854775808")),
        ("f64", json(6, "1.1")),
        ("f64-half", raw(6, &[0xf9, 0x3c, 0x00])),
        ("f64-nan", raw(6, &[0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1])),
        ("f32", raw(7, &[0xfa, 0x47, 0xc3, 0x50, 0x00])),
        ("text", json(8, r#""größer""#)),
        (
            "text-in-pieces",
            raw(8, &[0x7f, 0x61, b'a', 0x61, b'b', 0xff]),
        ),
        ("bytes", raw(9, &[0x43, 1, 2, 3])),
        ("byte-list", json(9, "[1, 2, 3]")),
        ("options", json(10, "[true, null, false]")),
        ("map", raw(11, &[0xa2, 0x01, 0x61, b'a', 0x20, 0x60])),
        ("map-in-pieces", raw(11, &[0xbf, 0x01, 0x61, b'a', 0xff])),
        ("null", raw(12, &[0xf6])),
        ("undefined", raw(12, &[0xf7])),
        ("tuple", raw(13, &[0x84, 0x05, 0x61, b'x', 0x60, 0xf6])),
        ("i8", json(14, "-128")),
        ("tagged", raw(15, &[0xc1, 0x1a, 0x51, 0x4b, 0x67, 0xb0])),
        ("shown", json(15, anything)),
        (
            "big-number",
            raw(15, &[0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ),
        ("from-json", raw(16, anything.as_bytes())),
        ("deep-lists", raw(3, &deep(0x81, 3000))),
        ("deep-lists-shown", raw(15, &deep(0x81, 3000))),
        ("deep-tags-shown", raw(15, &deep(0xc1, 3000))),
        ("deep-open-lists", raw(3, &deep(0x9f, 3000))),
        ("deep-tree", raw(2, &b"\xa1\x64kids\x81".repeat(1000))),
        ("deep-json", raw(16, &deep(b'[', 3000))),
        ("deep-kind", raw(1, &b"\xa1\x65Named\xa1\x61x".repeat(1000))),
        (
            "huge-list",
            raw(9, &[0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ),
        (
            "huge-bytes",
            raw(9, &[0x5b, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff]),
        ),
        (
            "huge-text",
            raw(8, &[0x7b, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff]),
        ),
        (
            "huge-map",
            raw(11, &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ),
        (
            "huge-shown",
            raw(15, &[0x9b, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ),
        (
            "resize",
            params(17, r#"{"width": 100, "fit": "crop", "format": "webp"}"#),
        ),
        (
            "thumbnail",
            params(18, r##"{"size": 64, "background": "#000000"}"##),
        ),
        ("hash", params(19, r#"{"algorithm": "bcrypt", "cost": 4}"#)),
        ("verify", params(20, r#"{"hash": "$2b$04$x"}"#)),
        (
            "digest",
            params(21, r#"{"algorithm": "blake3", "encoding": "raw"}"#),
        ),
        ("compress", params(22, r#"{"level": -7}"#)),
        ("decompress", params(23, r#"{"limit": 100}"#)),
        ("gzip", params(22, r#"{"format": "gzip", "level": 9}"#)),
        ("gunzip", with_body(23, "{}", &gzip)),
        ("gunzip-two", with_body(24, "", &gzip.repeat(2))),
        ("gunzip-cut", with_body(24, "", &gzip[..gzip.len() - 5])),
        (
            "gunzip-header",
            with_body(24, "", b"\x1f\x8b\x08\x1f\0\0\0\0\0\x03\x02\0ABname\0comment\0\0\0\x03\0\0\0\0\0\0\0\0\0"),
        ),
        ("unzstd", with_body(23, r#"{"limit": 180}"#, &zstd)),
        ("unzstd-two", with_body(24, "", &[&zstd[..], b"\x50\x2a\x4d\x18\x02\0\0\0ab", &zstd].concat())),
        ("unzstd-over", with_body(23, r#"{"limit": 179}"#, &zstd)),
        (
            "hmac",
            params(21, r#"{"algorithm": "hmac-sha512", "encoding": "raw", "key_base64": "a2V5"}"#),
        ),
        ("hmac-no-key", params(21, r#"{"algorithm": "hmac-sha256"}"#)),
        ("sha512", params(21, r#"{"algorithm": "sha512"}"#)),
        (
            "rehash",
            params(
                25,
                r#"{"hash": "$argon2id$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$7TMoYcqnVfEKGLBnPLVnEw", "memory_kib": 8}"#,
            ),
        ),
        (
            "rehash-bcrypt",
            params(
                26,
                r#"{"hash": "$2b$04$abcdefghijklmnopqrstuuzHnfHQpEnZvJHnRRv2vjLLrz4mV6nyu", "algorithm": "bcrypt", "cost": 5}"#,
            ),
        ),
        (
            "verify-scrypt",
            params(20, r#"{"hash": "$scrypt$ln=1,r=1,p=1$c2FsdA$7TMoYcqnVfEKGLBnPLVnEw"}"#),
        ),
        (
            "verify-pbkdf2",
            params(20, r#"{"hash": "$pbkdf2-sha256$i=3,l=16$c2FsdA$7TMoYcqnVfEKGLBnPLVnEw", "max_iterations": 5}"#),
        ),
        (
            "verify-passlib",
            params(20, r#"{"hash": "$pbkdf2-sha512$3$c2FsdA$7TMoYcqnVfEKGLBnPLVnEw"}"#),
        ),
        (
            "verify-argon2",
            params(20, r#"{"hash": "$argon2i$m=16,t=2,p=1$c2FsdHNhbHQ$7TMoYcqnVfEKGLBnPLVnEw", "max_memory_kib": 64, "allow_truncation": true}"#),
        ),
        (
            "resize-all",
            params(
                17,
                r##"{"height": 9, "fit": "contain", "gravity": "southeast", "palette": "always", "animation": "keep",
                "filter": "catmullrom", "background": "#12345678", "lossless": true, "keep_profile": true, "progressive": true,
                "damaged": "accept", "max_pixels": 5, "quality": 3}"##,
            ),
        ),
        ("info", params(27, "{}")),
        ("no-params", raw(17, &[0, 0, 0, 0, b'b'])),
        ("params-cut", raw(17, &[9, 0, 0, 0, b'{'])),
        ("params-huge", raw(17, &[0xff, 0xff, 0xff, 0xff, b'{'])),
        ("deep-params", params(17, &"[".repeat(3000))),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}

/// Files that nothing here can make.
macro_rules! avif {
    ($name:literal) => {
        include_bytes!(concat!(
            "../../handlers/src/image/avif/testdata/",
            $name,
            ".avif"
        ))
        .to_vec()
    };
}

/// Width and height of what the seeds of all formats show.
const SIZE: (u32, u32) = (24, 17);

fn pixels(channels: u32) -> Vec<u8> {
    let (width, height) = SIZE;
    let pixel = |x: u32, y: u32, channel: u32| (x * 9 + y * 5 * channel + channel * 40) as u8;
    let of = |at: u32| pixel(at / channels % width, at / channels / width, at % channels);
    (0..width * height * channels).map(of).collect()
}

fn png_of(channels: u32, color: image::ExtendedColorType) -> Vec<u8> {
    let mut file = Vec::new();
    PngEncoder::new(&mut file)
        .write_image(&pixels(channels), SIZE.0, SIZE.1, color)
        .expect("a PNG");
    file
}

/// As the handler writes it.
fn made(rgb: &[u8], change: impl FnOnce(&mut ResizeParams)) -> Vec<u8> {
    let mut params = ResizeParams::default().width(SIZE.0);
    change(&mut params);
    resize(&params, rgb).expect("an image").bytes
}

/// A PNG with chunks behind its header, of which the checksums are right.
fn png_with(file: &[u8], chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut out = file[..33].to_vec();
    for (name, data) in chunks {
        out.extend((data.len() as u32).to_be_bytes());
        let start = out.len();
        out.extend(*name);
        out.extend(data);
        let mut crc = flate2::Crc::new();
        crc.update(&out[start..]);
        out.extend(crc.sum().to_be_bytes());
    }
    [&out, &file[33..]].concat()
}

/// One with a palette of 16 colours of which one is transparent, at 4 bits.
fn palette_png() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 24, 17);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_palette((0..48).map(|value| value * 5).collect::<Vec<u8>>());
    encoder.set_trns(vec![255, 0, 128]);
    let mut writer = encoder.write_header().expect("a PNG");
    let data: Vec<u8> = (0..12 * 17).map(|at| at as u8).collect();
    writer.write_image_data(&data).expect("a PNG");
    writer.finish().expect("a PNG");
    file
}

fn gif_animation() -> Vec<u8> {
    let mut file = Vec::new();
    let palette = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255];
    let mut encoder = gif::Encoder::new(&mut file, 20, 14, &palette).expect("a GIF");
    encoder
        .set_repeat(gif::Repeat::Finite(3))
        .expect("a repetition");
    for (n, dispose) in [
        gif::DisposalMethod::Keep,
        gif::DisposalMethod::Previous,
        gif::DisposalMethod::Background,
        gif::DisposalMethod::Any,
    ]
    .into_iter()
    .enumerate()
    {
        let n = n as u16;
        let (width, height) = (20 - 3 * n, 14 - 2 * n);
        let mut frame = gif::Frame {
            left: n,
            top: 2 * n,
            width,
            height,
            dispose,
            delay: 5 + n,
            transparent: (n > 1).then_some(2),
            interlaced: n == 2,
            ..gif::Frame::default()
        };
        let pixel = |at: u16| ((at / 3 + n) % 4) as u8;
        frame.buffer = (0..width * height).map(pixel).collect();
        encoder.write_frame(&frame).expect("a frame");
    }
    drop(encoder);
    file
}

/// A little-endian TIFF of 24 x 17 pixels in one strip, with these tags of 16 bits each.
fn tiff_of(tags: &[(u16, &[u16])], pixels: &[u8]) -> Vec<u8> {
    let long = |value: usize| [value as u16, (value >> 16) as u16];
    let mut pixels = pixels.to_vec();
    pixels.resize(pixels.len().next_multiple_of(2), 0);
    let (start, length) = (long(8), long(pixels.len()));
    let mut entries: Vec<(u16, u16, &[u16])> = vec![
        (256, 3, &[24]),
        (257, 3, &[17]),
        (273, 4, &start),
        (278, 3, &[17]),
        (279, 4, &length),
    ];
    entries.extend(tags.iter().map(|(tag, values)| (*tag, 3, *values)));
    entries.sort();
    let mut file = b"II*\0".to_vec();
    file.extend((8 + pixels.len() as u32).to_le_bytes());
    file.extend(&pixels);
    let behind = file.len() + 2 + 12 * entries.len() + 4;
    file.extend((entries.len() as u16).to_le_bytes());
    let mut values = Vec::new();
    for (tag, kind, of) in entries {
        let count = if kind == 4 { 1 } else { of.len() };
        let mut bytes: Vec<u8> = of.iter().flat_map(|value| value.to_le_bytes()).collect();
        file.extend([tag, kind].map(u16::to_le_bytes).concat());
        file.extend((count as u32).to_le_bytes());
        if bytes.len() > 4 {
            file.extend(((behind + values.len()) as u32).to_le_bytes());
            values.extend(bytes);
        } else {
            bytes.resize(4, 0);
            file.extend(bytes);
        }
    }
    file.extend([0; 4]);
    [file, values].concat()
}

fn tiffs() -> Vec<(String, Vec<u8>)> {
    let map: Vec<u16> = (0..48).map(|value| value * 1300).collect();
    let rows: Vec<u8> = (0..12 * 17).map(|at| (at * 7) as u8).collect();
    let packed: Vec<u8> = (0..17u8)
        .flat_map(|row| [0xff_u8.wrapping_sub(22), row * 9, 0, 3])
        .collect();
    [
        (
            "tiff-rgb",
            tiff_of(
                &[(258, &[8, 8, 8]), (259, &[1]), (262, &[2]), (277, &[3])],
                &pixels(3),
            ),
        ),
        (
            "tiff-grey",
            tiff_of(
                &[
                    (258, &[8]),
                    (259, &[1]),
                    (262, &[1]),
                    (277, &[1]),
                    (274, &[6]),
                ],
                &pixels(1),
            ),
        ),
        (
            "tiff-white-is-0",
            tiff_of(&[(258, &[1]), (259, &[1]), (262, &[0])], &rows[..51]),
        ),
        (
            "tiff-palette",
            tiff_of(
                &[
                    (258, &[4]),
                    (259, &[1]),
                    (262, &[3]),
                    (277, &[1]),
                    (320, &map),
                ],
                &rows,
            ),
        ),
        (
            "tiff-cmyk",
            tiff_of(
                &[(258, &[8, 8, 8, 8]), (259, &[1]), (262, &[5]), (277, &[4])],
                &pixels(4),
            ),
        ),
        (
            "tiff-planes",
            tiff_of(
                &[
                    (258, &[8, 8, 8]),
                    (259, &[1]),
                    (262, &[2]),
                    (277, &[3]),
                    (284, &[2]),
                ],
                &pixels(3),
            ),
        ),
        (
            "tiff-rgba",
            tiff_of(
                &[
                    (258, &[8, 8, 8, 8]),
                    (259, &[1]),
                    (262, &[2]),
                    (277, &[4]),
                    (338, &[1]),
                ],
                &pixels(4),
            ),
        ),
        (
            "tiff-16-bits",
            tiff_of(
                &[(258, &[16]), (259, &[1]), (262, &[1]), (277, &[1])],
                &pixels(2),
            ),
        ),
        (
            "tiff-packbits",
            tiff_of(
                &[(258, &[8]), (259, &[32773]), (262, &[1]), (277, &[1])],
                &packed,
            ),
        ),
        (
            "tiff-lzw",
            tiff_of(
                &[(258, &[8]), (259, &[5]), (262, &[1]), (277, &[1])],
                &[0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c],
            ),
        ),
        (
            "tiff-predictor",
            tiff_of(
                &[
                    (258, &[8, 8, 8]),
                    (259, &[8]),
                    (262, &[2]),
                    (277, &[3]),
                    (317, &[2]),
                ],
                &zlib(&pixels(3)),
            ),
        ),
        (
            "tiff-group-4",
            tiff_of(
                &[(258, &[1]), (259, &[4]), (262, &[0]), (266, &[2])],
                &[0x26, 0xa1, 0x55, 0x00, 0x10, 0x01],
            ),
        ),
        (
            "tiff-group-3",
            tiff_of(
                &[(258, &[1]), (259, &[3]), (262, &[0])],
                &[0x00, 0x1a, 0x3d, 0x55, 0x00, 0x10, 0x01],
            ),
        ),
        (
            "tiff-float",
            tiff_of(
                &[
                    (258, &[32]),
                    (259, &[1]),
                    (262, &[1]),
                    (277, &[1]),
                    (339, &[3]),
                ],
                &pixels(4),
            ),
        ),
        (
            "tiff-signed",
            tiff_of(
                &[
                    (258, &[8]),
                    (259, &[1]),
                    (262, &[1]),
                    (277, &[1]),
                    (339, &[2]),
                ],
                &pixels(1),
            ),
        ),
        (
            "tiff-lab",
            tiff_of(
                &[(258, &[8, 8, 8]), (259, &[1]), (262, &[8]), (277, &[3])],
                &pixels(3),
            ),
        ),
        (
            "tiff-ycbcr",
            tiff_of(
                &[
                    (258, &[8, 8, 8]),
                    (259, &[1]),
                    (262, &[6]),
                    (277, &[3]),
                    (530, &[1, 1]),
                ],
                &pixels(3),
            ),
        ),
    ]
    .map(|(name, file)| (name.to_owned(), file))
    .into()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut writer, bytes).expect("memory");
    writer.finish().expect("memory")
}

/// A segment of a JPEG behind its first two bytes.
fn jpeg_with(jpeg: &[u8], marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() + 2) as u16;
    let header = [&[0xff, marker][..], &length.to_be_bytes()].concat();
    [&jpeg[..2], &header, payload, &jpeg[2..]].concat()
}

/// An ICC profile that says as little as one can: what the first bytes say, and three curves.
fn profile(space: &[u8; 4]) -> Vec<u8> {
    let tags: [&[u8; 4]; 8] = [
        b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC",
    ];
    let xyz = [
        [0xf6d6_u32, 0x1_0000, 0xd32d],
        [0x6fa2, 0x38f5, 0x390],
        [0x6299, 0xb785, 0x18da],
        [0x24a0, 0xf84, 0xb6cf],
    ];
    let mut file = vec![0; 128];
    file[8..12].copy_from_slice(&[2, 0x10, 0, 0]);
    file[12..16].copy_from_slice(b"mntr");
    file[16..20].copy_from_slice(space);
    file[20..24].copy_from_slice(b"XYZ ");
    file[36..40].copy_from_slice(b"acsp");
    file[68..80].copy_from_slice(&[0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d]);
    file.extend((tags.len() as u32).to_be_bytes());
    let values = file.len() + 12 * tags.len();
    let curve = values + 20 * xyz.len();
    for (n, tag) in tags.into_iter().enumerate() {
        let (at, length) = if n < xyz.len() {
            (values + 20 * n, 20)
        } else {
            (curve, 14)
        };
        file.extend(tag);
        file.extend([at as u32, length].map(u32::to_be_bytes).concat());
    }
    for value in xyz {
        file.extend(b"XYZ \0\0\0\0");
        file.extend(value.map(u32::to_be_bytes).concat());
    }
    file.extend(b"curv\0\0\0\0\0\0\0\x01\x01\xcd\0\0");
    let length = file.len() as u32;
    file[..4].copy_from_slice(&length.to_be_bytes());
    file
}

fn jpegs(jpeg: &[u8], rgb: &[u8]) -> Vec<(String, Vec<u8>)> {
    // Turned by a quarter: TIFF header, one entry: orientation 6.
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description tiff:Orientation=\"6\"/></x:xmpmeta>";
    let in_segment = |space| [b"ICC_PROFILE\0\x01\x01", &profile(space)[..]].concat();
    let quality = |quality| {
        made(rgb, |p| {
            (p.format, p.quality) = (Some(Format::Jpeg), quality)
        })
    };
    let progressive = made(rgb, |p| {
        (p.format, p.progressive) = (Some(Format::Jpeg), true)
    });
    let mut files: Vec<(String, Vec<u8>)> = [
        ("jpeg-420", jpeg.to_vec()),
        ("jpeg-444", quality(95)),
        ("jpeg-progressive", progressive.clone()),
        (
            "jpeg-progressive-cut",
            progressive[..progressive.len() * 2 / 3].to_vec(),
        ),
        ("jpeg-turned", jpeg_with(jpeg, 0xe1, exif)),
        ("jpeg-turned-by-xmp", jpeg_with(jpeg, 0xe1, xmp)),
        ("jpeg-profile", jpeg_with(jpeg, 0xe2, &in_segment(b"RGB "))),
        (
            "jpeg-profile-of-grey",
            jpeg_with(jpeg, 0xe2, &in_segment(b"GRAY")),
        ),
        ("jpeg-cut", jpeg[..jpeg.len() / 2].to_vec()),
    ]
    .map(|(name, file)| (name.to_owned(), file))
    .into();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../handlers/src/image/jpeg/testdata");
    let mut cmyk = Vec::new();
    jpeg_encoder::Encoder::new(&mut cmyk, 90)
        .encode(&pixels(4), 24, 17, jpeg_encoder::ColorType::Cmyk)
        .expect("a JPEG");
    let described = jpeg_with(&cmyk, 0xe2, &in_segment(b"CMYK"));
    files.push(("jpeg-cmyk".to_owned(), cmyk));
    files.push(("jpeg-cmyk-profile".to_owned(), described));
    for name in ["arithmetic", "luma-3x1", "restart", "scans-440"] {
        if let Ok(file) = fs::read(folder.join(name).with_extension("jpg")) {
            files.push((format!("jpeg-{name}"), file));
        }
    }
    files
}

fn images() -> Seeds {
    let rgb = png_of(3, image::ExtendedColorType::Rgb8);
    let jpeg = made(&rgb, |p| (p.format, p.quality) = (Some(Format::Jpeg), 50));
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif)
        .encode(&pixels(4), SIZE.0, SIZE.1, image::ExtendedColorType::Rgba8)
        .expect("a GIF");
    let animation = gif_animation();
    let webp_animation = made(&animation, |p| {
        (p.format, p.animation) = (Some(Format::Webp), Animation::Keep);
    });
    let webp = |lossless| {
        made(&rgb, |p| {
            (p.format, p.lossless) = (Some(Format::Webp), lossless)
        })
    };
    let rgba = png_of(4, image::ExtendedColorType::Rgba8);
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0\0\0\0\0";
    let itxt = b"XML:com.adobe.xmp\0\0\0\0\0<rdf:Description tiff:Orientation=\"3\"/>";
    let iccp = [&b"p\0\0"[..], &zlib(&profile(b"RGB "))].concat();
    let mut files: Vec<(String, Vec<u8>)> = [
        ("png-rgb", rgb.clone()),
        ("png-grey", png_of(1, image::ExtendedColorType::L8)),
        ("png-grey-alpha", png_of(2, image::ExtendedColorType::La8)),
        ("png-rgba", rgba.clone()),
        ("png-palette", palette_png()),
        ("png-palette-cut", palette_png()[..130].to_vec()),
        ("png-turned", png_with(&rgb, &[(b"eXIf", exif.to_vec())])),
        (
            "png-turned-by-xmp",
            png_with(&rgb, &[(b"iTXt", itxt.to_vec())]),
        ),
        ("png-profile", png_with(&rgb, &[(b"iCCP", iccp)])),
        ("png-cut", rgb[..rgb.len() * 2 / 3].to_vec()),
        ("webp", webp(false)),
        ("webp-lossless", webp(true)),
        ("webp-alpha", made(&rgba, |p| p.format = Some(Format::Webp))),
        ("webp-animation", webp_animation.clone()),
        (
            "webp-cut",
            webp_animation[..webp_animation.len() * 2 / 3].to_vec(),
        ),
        ("gif", gif),
        ("gif-animation", animation.clone()),
        ("gif-cut", animation[..animation.len() * 2 / 3].to_vec()),
        ("avif", avif!("420-8")),
        ("avif-alpha", avif!("alpha-10")),
        ("avif-turned", avif!("irot-1-imir-0")),
        ("avif-grid", avif!("grid-small")),
        ("text", b"<svg/>".to_vec()),
        ("empty", Vec::new()),
    ]
    .map(|(name, file)| (name.to_owned(), file))
    .into();
    files.extend(jpegs(&jpeg, &rgb));
    files.extend(tiffs());
    // What is asked for: see the target. Animations are kept in the second, fourth and sixth.
    let asked: [[u8; 5]; 7] = [
        [0x00, 0x50, 8, 8, 0],
        [0x05, 0xe6, 40, 30, 0x47],
        [0x8a, 0x50, 3, 0, 0],
        [0x0f, 0xee, 40, 90, 0x03],
        [0x7f, 0xe4, 0, 9, 0x01],
        [0x00, 0xea, 16, 12, 0x11],
        [0x02, 0xd0, 10, 20, 0x09],
    ];
    let mut seeds = Seeds::new();
    for (n, (name, file)) in files.iter().enumerate() {
        let ask = asked[n % asked.len()];
        seeds.push((name.clone(), [&ask[..], file].concat()));
    }
    // Each of these in each way.
    for (n, ask) in asked.iter().enumerate() {
        for (name, file) in [
            ("gif-animation", &animation),
            ("webp-animation", &webp_animation),
            ("jpeg-420", &jpeg),
            ("png-rgba", &rgba),
        ] {
            seeds.push((format!("{name}-{n}"), [&ask[..], file].concat()));
        }
    }
    seeds
}

/// What clients send to the endpoint. The name of the handler is the codec that it takes.
fn http() -> Seeds {
    let post = |path: &str, headers: &str, body: &[u8]| {
        let length = body.len();
        let mut bytes = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nX-Ringwork: 1\r\nContent-Length: {length}\r\n{headers}\r\n"
        )
        .into_bytes();
        bytes.extend(body);
        bytes
    };
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes();
    let json = "Content-Type: application/json\r\n";
    let text = "Content-Type: text/plain; charset=utf-8\r\n";
    let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    let options =
        "X-Ringwork-Deadline: 500ms\r\nX-Ringwork-Priority: high\r\nX-Ringwork-Attempts: 2\r\n";
    let chunked = "POST /tasks/bytes HTTP/1.1\r\nHost: localhost\r\nX-Ringwork: 1\r\n\
        Transfer-Encoding: chunked\r\n\r\n3\r\ntea\r\n0\r\n\r\n";
    [
        (
            "bytes",
            post(
                "/tasks/bytes",
                "Content-Type: image/jpeg\r\n",
                &[0xff, 0xd8, 0],
            ),
        ),
        ("text", post("/tasks/utf8", text, b"tea")),
        ("number", post("/tasks/i64", text, b"-7")),
        ("json", post("/tasks/cbor", json, b"{\"a\":[1,null,2.5]}")),
        ("json-number", post("/tasks/i64", json, b"7")),
        (
            "json-params",
            post("/tasks/params", json, b"{\"size\":200}"),
        ),
        (
            "params",
            post(
                "/tasks/params",
                "X-Ringwork-Params: {\"size\":200}\r\n",
                b"body",
            ),
        ),
        (
            "cbor",
            post(
                "/tasks/cbor",
                "Content-Type: application/cbor\r\nAccept: application/json\r\n",
                &[0x81, 1],
            ),
        ),
        (
            "options",
            post("/tasks/bytes", &format!("{options}{trace}"), b"x"),
        ),
        (
            "form",
            post(
                "/tasks/bytes",
                "Content-Type: multipart/form-data; boundary=x\r\n",
                b"--x",
            ),
        ),
        (
            "bad-headers",
            post("/tasks/bytes", "X-Ringwork-Deadline: soon\r\n", b""),
        ),
        ("percent", post("/tasks/%62ytes%00", "", b"")),
        ("dots", post("/tasks/../stat", "", b"")),
        (
            "no-header",
            b"POST /tasks/bytes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
        ("chunked", chunked.into()),
        (
            "two",
            [
                get("/stat"),
                post("/tasks/bytes", "", b"x"),
                get("/healthz"),
            ]
            .concat(),
        ),
        (
            "foreign",
            b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_vec(),
        ),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}
