//! The corpora, run through their targets without a fuzzer: what `make test` has of the fuzzing.
//!
//! Regressions are in the corpora, too: a file that made a target fail once stays.

use ringwork_fuzz::TARGETS;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// As a lane has: see `LANE_STACK` in worker/src/worker.rs.
const STACK: usize = 8 << 20;
/// An input takes milliseconds; one that takes so long is an endless loop.
const PATIENCE: Duration = Duration::from_secs(60);

fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn replay(name: &str) {
    let (_, run) = *TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let files = inputs(name);
    assert!(files.len() >= 10, "a corpus of {} files", files.len());
    let (send, results) = mpsc::channel();
    let all = files.clone();
    let runner = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            for file in all {
                let data = fs::read(&file).unwrap();
                let result = catch_unwind(AssertUnwindSafe(|| run(&data)));
                send.send(result.is_ok()).unwrap();
            }
        })
        .unwrap();
    let mut failed = Vec::new();
    for file in files {
        match results.recv_timeout(PATIENCE) {
            Ok(true) => {}
            Ok(false) => failed.push(file.display().to_string()),
            Err(_) => panic!("{name} does not come back from {}", file.display()),
        }
    }
    // With the thread go the segments that it made.
    runner.join().unwrap();
    assert!(
        failed.is_empty(),
        "{name} fails with:\n{}",
        failed.join("\n")
    );
}

macro_rules! targets {
    ($($target:ident),*) => {
        $(#[test] fn $target() { replay(stringify!($target)); })*

        #[test]
        fn every_target_is_replayed() {
            let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($target)),*]);
        }
    };
}
targets!(segment, slot, completion, arena, config, cbor, image);

#[test]
fn the_corpora_stay_small() {
    let bytes: u64 = TARGETS
        .iter()
        .flat_map(|(target, _)| inputs(target))
        .map(|file| fs::metadata(file).unwrap().len())
        .sum();
    assert!(
        bytes < 1 << 20,
        "{bytes} bytes: minimise with `tools/fuzz --merge`"
    );
}
