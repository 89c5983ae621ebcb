//! `ringwork-chaos` itself: it passes, it finds what is wrong, and it leaves nothing when it is
//! killed.
//!
//! Short runs with the Rust client only; `make test` runs 15 s of it with two JVMs besides.

#![forbid(unsafe_code)]

use ringwork_tests::{KillOnDrop, is_alive, wait_for, wait_until};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_ringwork-chaos"))
}

fn chaos(out: &Path, seconds: &str) -> Command {
    let mut command = Command::new(program());
    command
        .args(["run", "--seed", "7", "--duration", seconds, "--out"])
        .arg(out);
    command
}

/// A short run with a worker that errs.
fn sabotaged(how: &str) -> (Output, String, tempfile::TempDir) {
    let temp = tempfile::tempdir().expect("a directory");
    let output = chaos(&temp.path().join("out"), "3")
        .env("RINGWORK_CHAOS_SABOTAGE", how)
        .output()
        .expect("the driver runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text, temp)
}

/// The figure of a row of the table.
fn figure(text: &str, row: &str) -> u64 {
    let line = text
        .lines()
        .find(|line| line.starts_with(row))
        .unwrap_or_else(|| panic!("no row {row} in\n{text}"));
    let word = line[row.len()..].split_whitespace().next();
    word.and_then(|word| word.replace(',', "").parse().ok())
        .unwrap_or_else(|| panic!("no figure in {line}"))
}

#[test]
fn a_run_without_a_fault_passes_and_removes_its_files() {
    let (output, text, temp) = sabotaged("");
    assert!(output.status.success(), "{text}");
    for row in [
        "lost",
        "duplicated",
        "disordered",
        "overlapping",
        "leaked",
        "wrong",
    ] {
        assert_eq!(figure(&text, row), 0, "{text}");
    }
    assert!(
        figure(&text, "tasks") > 100 && figure(&text, "kills") > 0,
        "{text}"
    );
    assert!(
        text.lines()
            .last()
            .is_some_and(|line| line.starts_with("chaos: passed")),
        "{text}"
    );
    assert!(!temp.path().join("out").exists());
}

#[test]
fn a_task_that_runs_twice_errs_or_runs_unwritten_or_out_of_turn_is_found() {
    for (how, row) in [
        ("twice", "duplicated"),
        ("wrong", "wrong"),
        ("silent", "lost"),
        ("keyless", "disordered"),
        ("keyless", "overlapping"),
    ] {
        let (output, text, temp) = sabotaged(how);
        assert_eq!(output.status.code(), Some(1), "{how}: {text}");
        assert!(figure(&text, row) > 0, "{how}: {text}");
        assert!(text.contains("chaos: FAILED"), "{text}");
        assert!(
            temp.path().join("out/supervisor.log").exists(),
            "the logs are kept"
        );
    }
}

/// All processes that descend from one.
fn descendants(of: u32) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let all: Vec<(i32, i32)> = entries
        .filter_map(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let (_, rest) = stat.rsplit_once(')')?;
            let parent = rest.split_whitespace().nth(1)?.parse().ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, parent))
        })
        .collect();
    let mut found = vec![of.cast_signed()];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(
            all.iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    found.split_off(1)
}

#[test]
fn a_driver_that_is_killed_leaves_no_process_and_no_file() {
    let temp = tempfile::tempdir().expect("a directory");
    let child = chaos(&temp.path().join("out"), "600")
        .stdout(Stdio::null())
        .spawn()
        .expect("the driver runs");
    let base = PathBuf::from(format!("/dev/shm/ringwork-chaos-{}", child.id()));
    let mut driver = KillOnDrop(child);
    // Cleaner, supervisor, client, four workers.
    let family = wait_for("the whole family is there", || {
        Some(descendants(driver.0.id()))
            .filter(|all| all.len() >= 7 && base.join("pools/chaos/segment.memfd").exists())
    });
    driver.0.kill().expect("an own child");
    driver.0.wait().expect("an own child");
    wait_until("all of them are gone", || {
        !family.iter().any(|pid| is_alive(*pid))
    });
    wait_until("its directory is gone", || !base.exists());
}
