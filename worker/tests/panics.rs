//! Panics of threads that run no handler, in the log of a worker.
//!
//! The hook is one for a process, so each case is a process: this one, started once more.

#![forbid(unsafe_code)]

use ringwork_worker::Worker;
use std::process::Command;
use std::{env, panic, thread};

const CASE: &str = "RINGWORK_TEST_CASE";

/// What a worker's process writes to standard error when a thread of it panics.
fn stderr(case: &str, settings: &[(&str, &str)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "in_a_process_of_its_own", "--nocapture"])
        .env("RINGWORK_DIR", dir.path())
        .env("RUST_BACKTRACE", "0")
        .env_remove("RUST_LIB_BACKTRACE")
        .env(CASE, case)
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn in_a_process_of_its_own() {
    let Ok(case) = env::var(CASE) else { return };
    drop(panic::take_hook()); // the test runner's
    match case.as_str() {
        "hook" => panic::set_hook(Box::new(|info| eprintln!("my own hook: {info}"))),
        "subscriber" => tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .init(),
        _ => {}
    }
    let refused = Worker::builder().connect("no-such-pool").run();
    assert!(refused.is_err(), "there is no such pool");
    let thread = thread::Builder::new().name("helper".to_owned());
    let ended = thread.spawn(|| panic!("the kettle")).unwrap().join();
    assert!(ended.is_err());
}

/// The only line with the panic's text.
fn line(log: &str) -> &str {
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("the kettle"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(!log.contains("panicked at"), "std's text: {log}");
    lines[0]
}

#[test]
fn a_panic_of_a_thread_comes_in_the_pools_format() {
    let log = stderr("plain", &[("RINGWORK_LOG_FORMAT", "json")]);
    let json: serde_json::Value = serde_json::from_str(line(&log)).unwrap();
    assert_eq!(json["message"], "a thread panicked: the kettle");
    assert_eq!(
        (&json["level"], &json["thread"]),
        (&"ERROR".into(), &"helper".into())
    );
    let place = json["location"].as_str().unwrap();
    assert!(place.contains("panics.rs:"), "{place}");
    let log = stderr("plain", &[("RINGWORK_LOG", "error")]);
    let line = line(&log);
    assert!(
        line.contains("ERROR") && line.contains(" thread=\"helper\" "),
        "{line}"
    );
}

#[test]
fn a_backtrace_comes_when_it_is_asked_for() {
    let log = stderr(
        "plain",
        &[("RINGWORK_LOG_FORMAT", "json"), ("RUST_BACKTRACE", "1")],
    );
    let json: serde_json::Value = serde_json::from_str(line(&log)).unwrap();
    let message = json["message"].as_str().unwrap();
    assert!(message.contains("in_a_process_of_its_own"), "{message}");
}

#[test]
fn a_hook_and_a_subscriber_of_the_program_stay() {
    let log = stderr("hook", &[]);
    assert!(
        log.contains("my own hook: ") && !log.contains("a thread panicked"),
        "{log}"
    );
    let log = stderr("subscriber", &[]);
    assert!(
        log.contains("thread 'helper'") && !log.contains("a thread panicked"),
        "{log}"
    );
}
