//! What a pool answers to wrong segments, wrong programs, and too much of everything.

#![forbid(unsafe_code)]

use ringwork_ring::Status;
use ringwork_ring::client::{Client, Outcome};
use ringwork_ring::format::layout::*;
use ringwork_ring::format::words::Kind;
use ringwork_ring::{PoolDir, RingError};
use ringwork_tests::{
    Base, Marker, Pool, Refused, Serve, call, end, i64, occupy, options, result, utf8, wait_until,
};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};

/// A directory of a pool whose segment holds these bytes.
fn fake(base: &Base, name: &str, bytes: &[u8]) -> PoolDir {
    let dir = PoolDir::below(&base.pools(), name).expect("a name");
    let _ = DirBuilder::new().mode(0o700).create(base.pools());
    DirBuilder::new()
        .mode(0o700)
        .create(dir.path())
        .expect("a directory");
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(dir.segment())
        .expect("a segment");
    file.write_all(bytes).expect("its bytes");
    dir
}

fn refusal(dir: &PoolDir) -> RingError {
    Client::connect(dir).expect_err("refused")
}

#[test]
fn segments_that_are_none_are_refused() {
    let base = Base::new();
    let missing = PoolDir::below(&base.pools(), "missing").unwrap();
    let error = refusal(&missing);
    assert!(matches!(error, RingError::NotFound { .. }), "{error}");
    assert!(
        error.to_string().contains("ringwork serve --name"),
        "{error}"
    );
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("short", vec![7; 100]),
        ("text", b"not a segment at all ".repeat(1000)),
    ] {
        let error = refusal(&fake(&base, name, &bytes));
        assert!(
            matches!(error, RingError::Foreign { .. }),
            "{name}: {error}"
        );
        assert!(
            error.to_string().contains(name),
            "it names the file: {error}"
        );
        assert!(
            error.to_string().contains("ringwork clean"),
            "and the remedy: {error}"
        );
    }
    let error = refusal(&fake(&base, "zeros", &vec![0; 100_000]));
    assert!(matches!(error, RingError::NotReady { .. }), "{error}");
    assert!(error.to_string().contains("ringwork clean"), "{error}");
}

#[test]
fn copies_of_a_segment_that_differ_in_one_thing_are_refused() {
    let pool = Serve::new("original")
        .option("segment-size", "8MiB")
        .start();
    let bytes = fs::read(pool.segment().path()).expect("the segment");
    let base = pool.base();
    let with = |at: usize, value: &[u8]| {
        let mut copy = bytes.clone();
        copy[at..at + value.len()].copy_from_slice(value);
        copy
    };
    type Check = fn(&RingError) -> bool;
    let cases: [(&str, Vec<u8>, Check); 7] = [
        ("truncated", bytes[..bytes.len() / 2].to_vec(), |e| {
            matches!(e, RingError::Foreign { .. })
        }),
        ("extended", [&bytes[..], &[0; 4096]].concat(), |e| {
            matches!(e, RingError::Foreign { .. })
        }),
        ("version", with(H_VERSION, &999_u32.to_le_bytes()), |e| {
            matches!(e, RingError::Version { .. })
        }),
        ("features", with(H_FEATURES, &[255; 8]), |e| {
            matches!(e, RingError::Version { .. })
        }),
        ("unready", with(H_READY, &[0; 4]), |e| {
            matches!(e, RingError::NotReady { .. })
        }),
        (
            "counts",
            with(H_MAX_CLIENTS, &1000_u32.to_le_bytes()),
            |e| matches!(e, RingError::Foreign { .. }),
        ),
        // The locks of a whole copy are not held.
        ("orphan", bytes.clone(), |e| {
            matches!(e, RingError::Closed { .. })
        }),
    ];
    for (name, bytes, expected) in cases {
        let error = refusal(&fake(base, name, &bytes));
        assert!(expected(&error), "{name}: {error:?}");
    }
    assert_eq!(call(&pool.client(), "echo", b"x", &options()), b"x");
}

#[test]
fn segments_and_directories_that_others_could_have_made_are_refused() {
    let pool = Serve::new("mine").start();
    let base = pool.base();
    let bytes = fs::read(pool.segment().path()).expect("the segment");
    let open = fake(base, "open-file", &bytes);
    fs::set_permissions(open.segment(), Permissions::from_mode(0o644)).unwrap();
    assert!(refusal(&open).to_string().contains("chmod 600"));
    let open = fake(base, "open-directory", &bytes);
    fs::set_permissions(open.path(), Permissions::from_mode(0o777)).unwrap();
    assert!(refusal(&open).to_string().contains("chmod 700"));
    let link = PoolDir::below(&base.pools(), "link").unwrap();
    std::os::unix::fs::symlink(pool.dir().path(), link.path()).unwrap();
    assert!(refusal(&link).to_string().contains("link"));
    let link = fake(base, "linked-segment", b"");
    fs::remove_file(link.segment()).unwrap();
    std::os::unix::fs::symlink(pool.segment().path(), link.segment()).unwrap();
    assert!(refusal(&link).to_string().contains("link"));
}

#[test]
fn a_segment_that_is_damaged_while_it_is_served_crashes_nobody() {
    let mut pool = Serve::new("damaged").start();
    // A worker that comes later refuses the header, as it should.
    let _ = pool.wait_workers(2);
    let client = pool.client();
    let _ = call(&client, "echo", &[1; 500], &options());
    let file = OpenOptions::new()
        .write(true)
        .open(pool.segment().path())
        .unwrap();
    // Stray hints, and counts in the header, of which each process has a private copy.
    for priority in 0..3 {
        for stray in [u32::MAX, 1 << 20, 0] {
            let _ = pool.segment().injector(priority).enqueue(stray);
        }
    }
    for at in [
        H_MAX_CLIENTS,
        H_SLOTS_PER_CLIENT,
        H_MAX_LANES,
        H_INJECTOR_CAPACITY,
        H_CLASSES,
    ] {
        file.write_all_at(&[255; 4], at as u64).unwrap();
    }
    // Until the supervisor finds it, the pool works as before; then all clients are told.
    let error = refusal(pool.dir());
    assert!(
        matches!(
            error,
            RingError::Foreign { .. } | RingError::NotFound { .. } | RingError::Closed { .. }
        ),
        "a newcomer sees the damage: {error}"
    );
    for number in 0_u32.. {
        let request = number.to_le_bytes().repeat(40);
        match client.call("echo", &request, &options()) {
            Ok(Outcome::Completed { bytes, .. }) => assert_eq!(bytes, request),
            Ok(Outcome::Closed { reason }) => {
                assert!(reason.contains("corrupt"), "{reason}");
                break;
            }
            Err(RingError::Closed { why, .. }) => {
                assert!(why.contains("corrupt"), "{why}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pool.wait_exit().code(), Some(1), "{}", pool.log());
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
}

fn refused(serve: Serve) -> Refused {
    let refused = serve.try_start().expect_err("refused");
    assert!(!refused.left, "files are left: {refused:#?}");
    assert!(
        !refused.error.is_empty() && refused.code != Some(0),
        "{refused:#?}"
    );
    refused
}

#[test]
fn a_segment_too_large_for_the_machine_is_refused_with_the_remedy() {
    for (memory, parts) in [
        ("file", ["--shm-size", "--segment-size", "bytes free"]),
        ("memfd", ["memory limit", "--segment-size", "are left"]),
    ] {
        let refused = refused(
            Serve::new("huge")
                .option("memory", memory)
                .option("segment-size", "50000GiB")
                .option("arena", "1GiB:40000"),
        );
        for part in parts {
            assert!(refused.error.contains(part), "{part}: {refused:#?}");
        }
    }
}

#[test]
fn wrong_options_are_refused() {
    for (key, value, part) in [
        ("segment-size", "1KiB", "--segment-size"),
        ("workers", "0", "at least one"),
        ("slots", "0", "slots"),
        ("arena", "100:4", "multiples of 64"),
    ] {
        let refused = refused(Serve::new("wrong").option(key, value));
        assert!(refused.error.contains(part), "{key}: {refused:#?}");
        assert_eq!(refused.code, Some(2), "{refused:#?}");
    }
}

#[test]
fn a_worker_program_that_can_not_run_is_refused() {
    let base = Base::new();
    let plain = base.path().join("plain");
    fs::write(&plain, "no program").unwrap();
    let missing = base.path().join("missing");
    for (path, part) in [(&missing, "No such file"), (&plain, "not executable")] {
        let path = path.display().to_string();
        let refused = refused(Serve::new("program").option("worker", &path));
        assert!(
            refused.error.contains(part) && refused.error.contains(&path),
            "{refused:#?}"
        );
    }
}

#[test]
fn a_worker_that_ends_at_its_start_is_not_started_for_ever() {
    for (boot, parts) in [
        ("crash", vec!["SIGSEGV", "It wrote nothing"]),
        ("exit", vec!["code 3", "told to exit at its start"]),
    ] {
        let refused = refused(Serve::new(boot).env("RINGWORK_TEST_BOOT", boot));
        for part in parts
            .into_iter()
            .chain(["ringwork-test-worker", "none is started any more"])
        {
            assert!(refused.error.contains(part), "{part}: {refused:#?}");
        }
    }
}

#[test]
fn a_worker_that_never_registers_is_killed() {
    let serve = Serve::new("hang")
        .option("start-timeout", "200ms")
        .env("RINGWORK_TEST_BOOT", "hang");
    let refused = refused(serve);
    for part in [
        "did not register",
        "--start-timeout",
        "none is started any more",
    ] {
        assert!(refused.error.contains(part), "{part}: {refused:#?}");
    }
}

#[test]
fn all_slots_taken_is_an_error_that_passes() {
    let pool = Serve::new("slots").option("slots", "8").start();
    let client = pool.client();
    let mut busy = occupy(&client, pool.files(), 2);
    busy.extend((0..6).map(|_| client.submit("echo", b"x", &options()).expect("a slot")));
    let error = client.submit("echo", b"x", &options()).unwrap_err();
    assert!(
        matches!(error, RingError::SlotsTaken { slots: 8, kept: 0 }),
        "{error}"
    );
    assert!(error.to_string().contains("--slots"), "{error}");
    // Another client has slots of its own.
    let other = pool.client();
    let queued = other.submit("echo", b"other", &options()).expect("a slot");
    for ticket in busy.drain(..2) {
        assert_eq!(ticket.cancel(), Outcome::Cancelled { may_have_run: true });
    }
    for ticket in &busy {
        assert_eq!(result(ticket), b"x");
    }
    assert_eq!(result(&queued), b"other");
    assert_eq!(call(&client, "echo", b"again", &options()), b"again");
    drop(busy);
    pool.wait_nothing_held(&[&client, &other]);
}

/// A pool with two blocks of 4 KiB, one of them for results only.
fn two_blocks(name: &str) -> Pool {
    Serve::new(name)
        .without("segment-size")
        .option("arena", "4KiB:2:1")
        .start()
}

#[test]
fn an_arena_without_room_for_a_request_is_an_error_that_passes() {
    let pool = two_blocks("requests");
    let client = pool.client();
    let marker = Marker::new(pool.files());
    let holder = client
        // As long as needs a block.
        .submit(
            "test.until_cancelled",
            format!("{}{}", "/.".repeat(50), marker.text()).as_bytes(),
            &utf8(),
        )
        .expect("the one block");
    marker.wait_started();
    let error = client.submit("echo", &[1; 100], &options()).unwrap_err();
    assert!(
        matches!(error, RingError::ArenaExhausted { size: 100, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("--arena"), "{error}");
    assert_eq!(
        call(&client, "echo", &[1; 64], &options()),
        [1; 64],
        "what is inline needs no block"
    );
    let too_large = client.submit("echo", &[1; 4097], &options()).unwrap_err();
    assert!(
        matches!(
            too_large,
            RingError::TooLarge {
                size: 4097,
                largest: 4096,
                ..
            }
        ),
        "{too_large}"
    );
    assert_eq!(holder.cancel(), Outcome::Cancelled { may_have_run: true });
    wait_until("there is room again", || {
        client.submit("echo", &[1; 100], &options()).is_ok()
    });
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn an_arena_without_room_for_a_result_fails_the_task() {
    let pool = two_blocks("results");
    let client = pool.client();
    let submit = || {
        client
            .submit("test.big_result", &2000_i64.to_le_bytes(), &i64())
            .expect("a slot")
    };
    let ended = |slot| pool.segment().word(slot).kind() == Kind::Done;
    // Two results are not read: they keep the two blocks.
    let unread = [submit(), submit()];
    wait_until("both blocks hold results", || {
        unread.iter().all(|ticket| ended(ticket.slot()))
    });
    let third = submit();
    wait_until("the third has given up", || ended(third.slot()));
    match end(&third) {
        Outcome::Failed {
            status,
            code,
            message,
            may_have_run,
            ..
        } => {
            assert_eq!(
                (status, code.as_str(), may_have_run),
                (Status::ArenaExhausted, "arena.exhausted", true)
            );
            // No block for the text either: what fits inline is there.
            assert!(message.contains("no arena block"), "{message:?}");
        }
        other => panic!("{other:?}"),
    }
    for ticket in &unread {
        assert_eq!(result(ticket).len(), 2000);
    }
    let fourth = submit();
    assert_eq!(result(&fourth).len(), 2000);
    let too_large = client
        .submit("test.big_result", &5000_i64.to_le_bytes(), &i64())
        .unwrap();
    match end(&too_large) {
        Outcome::Failed {
            status: Status::ResultTooLarge,
            ..
        } => {}
        other => panic!("{other:?}"),
    }
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_handler_name_of_any_length_is_an_unknown_handler() {
    let pool = Serve::new("names").start();
    let client = pool.client();
    for name in ["", "nobody", &"x".repeat(10_000)] {
        match client.call(name, b"", &options()).expect("submitted") {
            Outcome::Failed {
                status,
                message,
                may_have_run: false,
                ..
            } => {
                assert_eq!(status, Status::UnknownHandler);
                assert!(
                    message.contains("test.echo") || message.contains("echo"),
                    "{message}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}
