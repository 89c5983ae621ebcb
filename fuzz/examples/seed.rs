//! Writes the seeds of the corpora: valid inputs, made by the code under test where it can make
//! them. `make fuzz-seed` runs it; the files are committed, since the replay has to be the same
//! everywhere.

use image::ImageEncoder;
use image::codecs::{gif::GifEncoder, png::PngEncoder};
use ringwork_cli::fuzz::{cbor_from_json, configuration};
use ringwork_fuzz::patch::{Record, Section, input};
use ringwork_handlers::image::{Format, ResizeParams, resize};
use ringwork_ring::format::layout::*;
use ringwork_ring::format::words::{Owner, Word};
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
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target);
        fs::create_dir_all(&folder).expect("the corpus");
        for (name, bytes) in &seeds {
            fs::write(folder.join(format!("seed-{name}")), bytes).expect("the corpus");
        }
        println!("{target}: {} seeds", seeds.len());
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
            "tables",
            1,
            &[
                write32(Section::Handler, 0, HANDLER_READY, 1),
                write32(Section::Handler, 0, HANDLER_REQUEST_CODEC, u32::MAX),
                write32(Section::Error, 1, ERROR_LEN, u32::MAX),
                write64(Section::Error, 1, ERROR_COUNT, u64::MAX),
                write64(Section::Lane, 0, LANE_QUEUE_HISTOGRAM, 5),
                write64(Section::Lane, 0, LANE_WORD, ENTRY_ACTIVE.into()),
                write32(Section::Lane, 0, LANE_CURRENT, u32::MAX),
                write64(Section::Worker, 0, WORKER_WORD, ENTRY_ACTIVE.into()),
                write64(Section::Client, 1, CLIENT_WORD, ENTRY_ACTIVE.into()),
            ],
        ),
        (
            "queued",
            0,
            &[
                write64(Section::Slot, 1, SLOT_STATE, Word::queued(0, 0).0),
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
                    SLOT_STATE,
                    Word::queued(0, 0).claimed_by(0).0,
                ),
                write64(Section::Slot, 1, SLOT_DEADLINE, 5),
                write32(Section::Lane, 0, LANE_HELD, 3),
            ],
        ),
    ])
}

/// A queued task with its hint in the ring.
fn queued(slot: u8, extra: &[Record]) -> Vec<Record> {
    let mut all = vec![
        write64(Section::Slot, slot, SLOT_STATE, Word::queued(3, 0).0),
        write32(Section::Slot, slot, SLOT_REQUEST_LEN, 11),
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

fn slot() -> Seeds {
    let in_block = |len, owner: Owner| {
        [
            write64(Section::Slot, 0, SLOT_REQUEST_REF, 1 << 32 | 1),
            write32(Section::Slot, 0, SLOT_REQUEST_LEN, len),
            write64(Section::Owner, 0, 8, owner.0),
        ]
    };
    let ours = Owner::request(0, 3);
    let then = |mut records: Vec<Record>, steps: &[u64]| {
        records.extend(steps.iter().map(|step| Record::step(*step)));
        records
    };
    let stamped = write64(Section::Slot, 0, SLOT_ATTEMPTS, 0x83);
    // Two requests and room for two results of 64 bytes, in the first block of shape 1's second
    // class.
    let chunk = |lengths: u64, cursor: u64| {
        let writes = [
            write64(Section::Slot, 0, SLOT_REQUEST_REF, 2 << 32),
            write32(Section::Slot, 0, SLOT_REQUEST_LEN, 448),
            write32(Section::Slot, 0, SLOT_ATTEMPTS, 3 | CODEC_CHUNK << 16),
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
            queued(0, &[write64(Section::Slot, 0, SLOT_REQUEST_REF, u64::MAX)]),
        ),
        (
            "inline-too-long",
            1,
            queued(0, &[write32(Section::Slot, 0, SLOT_REQUEST_LEN, 65)]),
        ),
        (
            "stamped",
            2,
            queued(
                0,
                &[stamped, write64(Section::Slot, 0, SLOT_SUBMITTED_NS, 1)],
            ),
        ),
        (
            "expired",
            0,
            queued(0, &[write64(Section::Slot, 0, SLOT_DEADLINE, 1)]),
        ),
        (
            "cancelled",
            0,
            queued(0, &[write64(Section::Slot, 0, SLOT_CANCEL, CANCEL_BIT | 3)]),
        ),
        (
            "traced",
            0,
            queued(0, &[write64(Section::Slot, 0, SLOT_TRACEPARENT, 7)]),
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
        ("sweep", 1, then(queued(1, &[]), &[4, !3])),
        ("clients-reaped", 2, then(queued(0, &[]), &[6])),
        (
            "stolen",
            0,
            vec![
                write64(Section::Slot, 2, SLOT_STATE, Word::queued(3, 0).0),
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
                    SLOT_STATE,
                    Word::queued(3, 0).claimed_by(1).0,
                ),
                write32(Section::Slot, 2, SLOT_ATTEMPTS, 2),
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

fn completion() -> Seeds {
    const END: u64 = 6;
    const CRASH: u64 = 6 | 1 << 8;
    let slot64 = |at, value| write64(Section::Slot, 0, at, value);
    let slot32 = |at, value| write32(Section::Slot, 0, at, value);
    let result = |len: u32| slot32(SLOT_RESULT_LEN, len);
    let steps = |values: &[u64]| values.iter().map(|v| Record::step(*v)).collect::<Vec<_>>();
    let with = |records: &[Record], values: &[u64]| [records.to_vec(), steps(values)].concat();
    let record = u64::from_le_bytes([2, 0, 3, 0, b'c', b'd', b'l', b'o']);
    let in_block = [
        slot64(SLOT_RESULT_REF, 1 << 32 | 2),
        result(100),
        write64(
            Section::Owner,
            0,
            16,
            Owner::result(0, Word::queued(0, 0)).0,
        ),
    ];
    let all = [
        ("inline", 0, with(&[result(5)], &[END, 2, 3])),
        ("block", 0, with(&in_block, &[END, 3])),
        (
            "failed",
            1,
            with(
                &[
                    slot32(SLOT_STATUS, 1),
                    slot64(SLOT_RESULT, record),
                    result(20),
                ],
                &[END, 2, 3],
            ),
        ),
        (
            "failed-cut",
            1,
            with(
                &[
                    slot32(SLOT_STATUS, 2),
                    slot64(SLOT_RESULT, u64::MAX),
                    result(20),
                ],
                &[END, 2, 3],
            ),
        ),
        (
            "not-run",
            1,
            with(
                &[slot32(SLOT_STATUS, 8 | STATUS_NOT_RUN), result(0)],
                &[END, 2, 3],
            ),
        ),
        ("crashed", 2, steps(&[CRASH | 9 << 24, 2, 3])),
        ("inline-too-long", 0, with(&[result(65)], &[END, 2, 3])),
        (
            "bad-reference",
            0,
            with(
                &[slot64(SLOT_RESULT_REF, u64::MAX), result(9)],
                &[END, 2, 3],
            ),
        ),
        (
            "block-too-long",
            0,
            with(
                &[slot64(SLOT_RESULT_REF, 1 << 32), result(u32::MAX)],
                &[END, 2],
            ),
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
                &[slot64(SLOT_STATE, Word::queued(0, 0).claimed_by(0).0)],
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
                    write64(
                        Section::Slot,
                        1,
                        SLOT_STATE,
                        Word::queued(9, 0).claimed_by(0).done().0,
                    ),
                    Record::step(3),
                ],
            ]
            .concat(),
        ),
        (
            "generation",
            0,
            with(
                &[slot64(
                    SLOT_STATE,
                    Word::queued(9, 0).claimed_by(0).done().0,
                )],
                &[2, 3],
            ),
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
    let state = |slot, word: Word| write64(Section::Slot, slot, SLOT_STATE, word.0);
    records(&[
        (
            "references",
            0,
            &[
                check(1 << 32, 128, 0),
                check(1 << 32 | 3, 128, 0),
                check(1 << 32 | 4, 1, 0),
            ],
        ),
        (
            "references-1",
            1,
            &[
                check(2 << 32 | 1, 1024, 0),
                check(2 << 32 | 1, 1025, 0),
                check(3 << 32, 0, 0),
            ],
        ),
        (
            "references-2",
            2,
            &[
                check(3 << 32 | 1, 4096, 0),
                check(0, 0, 0),
                check(u64::MAX >> 2, 0, 0),
            ],
        ),
        ("long", 0, &[check(1 << 32, 0xffff, 0xff)]),
        (
            "owner",
            0,
            &[
                owner(0, 1, Owner::request(2, 0)),
                check(1 << 32 | 1, 5, 2),
                check(1 << 32 | 1, 5, 1),
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
                free(1 << 32),
                free(1 << 32),
                take(1, 1),
                free(1 << 32 | 3),
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
                state(1, Word::queued(5, 2)),
                Record::step(3),
            ],
        ),
        (
            "orphan-crashed",
            0,
            &[
                owner(0, 0, Owner::result(1, Word::queued(5, 1))),
                state(1, Word::queued(5, 1).claimed_by(0).crashed(9)),
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

fn images() -> Seeds {
    let (width, height) = (24_u32, 17_u32);
    let pixel = |x: u32, y: u32, channel: u32| (x * 9 + y * 5 * channel + channel * 40) as u8;
    let pixels = |channels: u32| -> Vec<u8> {
        let of = |at: u32| pixel(at / channels % width, at / channels / width, at % channels);
        (0..width * height * channels).map(of).collect()
    };
    let png = |channels: u32, color| {
        let mut file = Vec::new();
        PngEncoder::new(&mut file)
            .write_image(&pixels(channels), width, height, color)
            .expect("a PNG");
        file
    };
    let rgb = png(3, image::ExtendedColorType::Rgb8);
    let as_format = |format, quality| {
        let params = ResizeParams {
            width: Some(width),
            format: Some(format),
            quality,
            ..ResizeParams::default()
        };
        resize(&params, &rgb).expect("an image").bytes
    };
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif)
        .encode(&pixels(4), width, height, image::ExtendedColorType::Rgba8)
        .expect("a GIF");
    let jpeg = as_format(Format::Jpeg, 50);
    let with_exif = {
        // Turned by a quarter: TIFF header, one entry: orientation 6.
        let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let mut marker = vec![0xff, 0xe1, 0, exif.len() as u8 + 2];
        marker.extend(exif);
        [&jpeg[..2], &marker, &jpeg[2..]].concat()
    };
    let files = [
        ("png-rgb", rgb.clone()),
        ("png-grey", png(1, image::ExtendedColorType::L8)),
        ("png-grey-alpha", png(2, image::ExtendedColorType::La8)),
        ("png-rgba", png(4, image::ExtendedColorType::Rgba8)),
        ("jpeg-420", jpeg.clone()),
        ("jpeg-444", as_format(Format::Jpeg, 95)),
        ("jpeg-turned", with_exif),
        ("webp", as_format(Format::Webp, 60)),
        ("gif", gif),
        ("jpeg-cut", jpeg[..jpeg.len() / 2].to_vec()),
        ("text", b"<svg/>".to_vec()),
        ("empty", Vec::new()),
        ("avif", avif!("420-8")),
        ("avif-alpha", avif!("alpha-10")),
        ("avif-turned", avif!("irot-1-imir-0")),
        ("avif-grid", avif!("grid-small")),
    ];
    let asked: [[u8; 4]; 4] = [
        [0x00, 0x50, 8, 8],
        [0x05, 0xd0, 40, 30],
        [0x8a, 0x50, 3, 0],
        [0x7f, 0xe4, 0, 9],
    ];
    files
        .into_iter()
        .enumerate()
        .map(|(n, (name, file))| {
            (
                name.to_owned(),
                [&asked[n % asked.len()][..], &file].concat(),
            )
        })
        .collect()
}
