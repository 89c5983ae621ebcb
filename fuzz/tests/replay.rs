//! The corpora, run through their targets without a fuzzer: what `make test` has of the fuzzing.
//!
//! Regressions are in the corpora, too: a file that made a target fail once stays.

use ringwork_fuzz::TARGETS;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// As a lane has: see `LANE_STACK` in worker/src/worker.rs.
const STACK: usize = 8 << 20;

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
    let (_, run) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let files = inputs(name);
    assert!(files.len() >= 10, "a corpus of {} files", files.len());
    let failed: Vec<String> = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn({
            let run = *run;
            move || {
                let fails = |file: &PathBuf| {
                    let data = fs::read(file).unwrap();
                    catch_unwind(AssertUnwindSafe(|| run(&data))).is_err()
                };
                let failed = files.iter().filter(|file| fails(file));
                failed.map(|file| file.display().to_string()).collect()
            }
        })
        .unwrap()
        .join()
        .unwrap();
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
