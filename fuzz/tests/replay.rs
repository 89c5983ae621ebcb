//! The corpora, run through their targets without a fuzzer: what `make test` has of the fuzzing.
//!
//! Regressions are in the corpora, too: an input that made a target fail once stays.

use ringwork_fuzz::{TARGETS, corpus};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// As a lane has: see `LANE_STACK` in worker/src/worker.rs.
const STACK: usize = 8 << 20;
/// An input takes milliseconds; one that takes so long is an endless loop.
const PATIENCE: Duration = Duration::from_secs(60);

fn replay(name: &str) {
    let (_, run) = *TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let inputs = corpus::read(name);
    assert!(inputs.len() >= 10, "a corpus of {} inputs", inputs.len());
    let names: Vec<String> = inputs.iter().map(|(input, _)| input.clone()).collect();
    let (send, results) = mpsc::channel();
    let runner = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            for (_, data) in inputs {
                let result = catch_unwind(AssertUnwindSafe(|| run(&data)));
                send.send(result.is_ok()).unwrap();
            }
        })
        .unwrap();
    let mut failed = Vec::new();
    for input in names {
        match results.recv_timeout(PATIENCE) {
            Ok(true) => {}
            Ok(false) => failed.push(input),
            Err(_) => panic!("{name} does not come back from {input}"),
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
targets!(segment, slot, completion, arena, config, cbor, image, http);

#[test]
fn the_corpora_stay_small() {
    let bytes: usize = TARGETS
        .iter()
        .flat_map(|(target, _)| corpus::read(target))
        .map(|(_, data)| data.len())
        .sum();
    assert!(
        bytes < 1 << 20,
        "{bytes} bytes: minimise with `tools/fuzz --merge`"
    );
}

/// A loose file would be replayed by nothing.
#[test]
fn the_corpora_are_archives_of_targets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let known = TARGETS
            .iter()
            .any(|(target, _)| corpus::archive(target) == path);
        assert!(
            known,
            "{}: add inputs with `tools/corpus add TARGET FILE...`",
            path.display()
        );
    }
}
