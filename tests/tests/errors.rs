//! What a handler's errors look like at the caller's, and a worker's at its author's.

#![forbid(unsafe_code)]

use ringwork_ring::client::{Client, Outcome};
use ringwork_ring::format::states::Status;
use ringwork_tests::{Serve, call, options, utf8, worker_program};
use std::process::Command;

/// Code, place and message of a task that fails.
fn failure(client: &Client, handler: &str, text: &str) -> (String, String, String) {
    let options = if text.is_empty() { options() } else { utf8() };
    match client
        .call(handler, text.as_bytes(), &options)
        .expect("an end")
    {
        Outcome::Failed {
            status,
            code,
            location,
            message,
            ..
        } => {
            assert!(status == Status::Failed || code == "handler.panicked");
            (code, location, message)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_has_its_causes_and_the_handlers_place_or_none() {
    let pool = Serve::new("errors").start();
    let client = pool.client();
    // Made within the handler: the line of the `?`.
    let (code, place, message) = failure(&client, "test.question_mark", "x");
    assert_eq!(
        (&*code, &*message),
        ("handler.failed", "invalid digit found in string")
    );
    let source = include_str!("../src/bin/ringwork-test-worker.rs");
    let line = source
        .lines()
        .position(|line| line.contains("the only such line of this file"))
        .expect("the line");
    let wanted = format!("ringwork-test-worker.rs:{}", line + 1);
    assert!(place.ends_with(&wanted), "{place}, not {wanted}");
    // Returned as they are, and converted by the library: the place where they were made is
    // unknown.
    let (code, place, message) = failure(&client, "test.anyhow", "seven");
    assert_eq!(message, "reading \"seven\": invalid digit found in string");
    assert_eq!((&*code, &*place), ("handler.failed", ""));
    let (_, place, message) = failure(&client, "test.io_error", "/nowhere at all");
    assert!(message.contains("No such file"), "{message}");
    assert_eq!(place, "");
}

#[test]
fn a_state_that_was_not_given_and_not_announced_fails_its_task_by_name() {
    let pool = Serve::new("nostate").start();
    let (code, place, message) = failure(&pool.client(), "test.no_state", "");
    assert_eq!(code, "handler.panicked");
    assert!(place.contains("ringwork-test-worker.rs:"), "{place}");
    for part in ["NotGiven", ".state(..)", "State<", ".needs::<"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_state_that_a_handler_needs_is_missed_at_the_start_of_the_pool() {
    let refused = Serve::new("stateless")
        .env("RINGWORK_TEST_BOOT", "stateless")
        .try_start()
        .expect_err("no worker gets ready");
    // One has told what is wrong: another would be no wiser.
    for part in [
        "test.state",
        "Greeting",
        ".state(..)",
        "one ended before that",
    ] {
        assert!(refused.error.contains(part), "{}", refused.error);
    }
}

#[test]
fn a_state_that_no_lane_can_make_ends_the_worker_before_it_is_ready() {
    let refused = Serve::new("laneless")
        .env("RINGWORK_TEST_BOOT", "lane")
        .option("restart-backoff-max", "10ms")
        .try_start()
        .expect_err("no worker gets ready");
    for part in [
        "\"calls\"",
        "can't be made for a lane: it was told to fail",
        "5 in a row",
    ] {
        assert!(refused.error.contains(part), "{}", refused.error);
    }
}

#[test]
fn a_lane_has_its_state_for_itself() {
    let pool = Serve::new("lanestate")
        .option("workers", "1")
        .option("lanes", "1")
        .start();
    let client = pool.client();
    for calls in 1_i64..4 {
        let counted = call(&client, "test.calls", b"", &options());
        assert_eq!(counted, calls.to_le_bytes());
    }
}

#[test]
fn a_main_that_returns_the_workers_error_prints_what_a_person_reads() {
    let output = Command::new(worker_program())
        .env_remove("RINGWORK_POOL_DIR")
        .output()
        .expect("the worker is started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("Error: the worker is not set up right: no pool to join"),
        "{said}"
    );
}
