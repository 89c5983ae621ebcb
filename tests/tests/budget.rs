//! What a round trip may cost, in figures that do not depend on the machine's mood.
//!
//! Instructions are counted by callgrind over two runs of different length, whose difference is
//! that of the round trips alone; bytes follow from the layout. A bound is what was measured plus a
//! tenth: another compiler may move it, a forgotten loop goes beyond.

#![forbid(unsafe_code)]

use ringwork_ring::format::layout::SLOT_STRIDE;
use ringwork_ring::{ArenaClass, PoolConfig, PoolDir, Segment};
use ringwork_tests::Base;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `valgrind`, or why the count is left out.
fn valgrind() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join("valgrind"))
        .find(|path| path.is_file());
    if found.is_none() {
        eprintln!("not counted: valgrind is missing; install the package 'valgrind'");
    }
    found
}

/// Instructions of a run of `count` round trips.
fn instructions(valgrind: &Path, count: u64, bytes: usize) -> u64 {
    let base = Base::new();
    let output = Command::new(valgrind)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env!("CARGO_BIN_EXE_ringwork-test-roundtrips"))
        .arg(base.pools())
        .args([count.to_string(), bytes.to_string()])
        .output()
        .expect("valgrind runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let collected = text
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .unwrap_or_else(|| panic!("callgrind counted nothing:\n{text}"));
    collected.1.trim().parse().expect("a number")
}

/// Client, lane and ring together, in one thread: neither side waits, so no round of waiting is
/// counted.
#[test]
#[cfg_attr(debug_assertions, ignore = "the bounds are those of a release build")]
fn a_round_trip_takes_a_bounded_number_of_instructions() {
    let Some(valgrind) = valgrind() else { return };
    for (bytes, most) in BOUNDS {
        let few = instructions(&valgrind, 1000, bytes);
        let many = instructions(&valgrind, 3000, bytes);
        let each = (many - few) / 2000;
        println!("{bytes} bytes: {each} instructions a round trip, at most {most}");
        assert!(
            each > 500,
            "{bytes} bytes: {each}: were the round trips made at all?"
        );
        assert!(
            each <= most,
            "{bytes} bytes: {each} instructions a round trip, more than {most}; `valgrind --tool=callgrind` \
             on ringwork-test-roundtrips shows where"
        );
    }
}

/// Bytes of a payload, and the most instructions of a round trip with it. 2802, 2999 and 5785 were
/// measured; 15 to 19 of them are for the tasks that have keys, which these have not.
const BOUNDS: [(usize, u64); 3] = [(0, 2820), (64, 3020), (4096, 5890)];

/// A slot, its hints in all rings, and nothing else grows with the number of slots.
#[test]
fn a_slot_costs_a_bounded_number_of_bytes() {
    let size = |slots: u32| {
        let base = Base::new();
        let config = PoolConfig::default()
            .clients(1)
            .slots(slots)
            .arena(vec![ArenaClass::new(1024, 16)]);
        let place = PoolDir::below(&base.pools(), "p").expect("a pool's place");
        let (segment, _locks) = Segment::create(&place, &config).expect("a segment");
        segment.geometry().segment_size
    };
    let (few, many) = (size(1 << 10), size(1 << 14));
    let each = (many - few) as f64 / f64::from((1 << 14) - (1 << 10));
    println!("{each} bytes a slot: {SLOT_STRIDE}, and its cells in the rings");
    assert!(each >= SLOT_STRIDE as f64, "{each}");
    assert!(each <= 450.0, "{each} bytes a slot");
}
