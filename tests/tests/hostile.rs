//! A worker that writes wrong words into every part of the segment, under load.
//!
//! What must hold: neither the supervisor nor a client crashes, reads outside or hangs; every task
//! ends; a new pool of the same name serves. Wrong *results* can't be excluded where a writer may
//! change payloads, and are not looked at.
//!
//! `RINGWORK_HOSTILE_SECONDS` and `RINGWORK_HOSTILE_SEED` try more, or one seed again.

#![forbid(unsafe_code)]

use ringwork_ring::client::{Client, Outcome, TaskOptions};
use ringwork_ring::format::words::{Word, after};
use ringwork_tests::corruption::{Dice, PARTS, Part};
use ringwork_tests::{
    Base, LIMIT, Pool, Serve, StopOnDrop, call, end, io_worker_program, options, utf8, wait_until,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A small pool.
fn small(base: &Arc<Base>) -> Serve {
    Serve::in_base(base, "hostile")
        .option("clients", "3")
        .option("slots", "32")
        .option("segment-size", "8MiB")
        .option("drain-timeout", "1s")
}

fn serve(base: &Arc<Base>) -> Pool {
    small(base).start()
}

/// One that has rings and masks of I/O lanes, too, and keys.
fn serve_both_kinds(base: &Arc<Base>) -> Pool {
    small(base)
        .option("worker", &io_worker_program().display().to_string())
        .option("io-workers", "1")
        .option("keys", "true")
        .start()
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn brief() -> TaskOptions {
    utf8().timeout(Duration::from_millis(500))
}

/// Submits and waits until told to stop. Each task must end, however.
fn load(client: &Client, seed: u64, stop: &AtomicBool, ended: &AtomicU64) {
    let mut dice = Dice::new(seed);
    while !stop.load(Ordering::Relaxed) {
        let mut tickets = Vec::new();
        for _ in 0..8 {
            let request = vec![7; [3, 64, 700, 20_000][dice.below(4)]];
            let options = utf8()
                .timeout([None, Some(Duration::from_millis(200))][dice.below(2)])
                .attempts(1 + dice.below(3) as u8)
                .priority(dice.below(3) as u8);
            // Some have a key, and few keys: they wait for each other.
            let options = match dice.below(6) {
                key @ 0..3 => options.key([key as u8]),
                _ => options,
            };
            let handler = ["cpu.echo", "io.echo", "io.yields"][dice.below(3)];
            match client.submit(handler, &request, &options) {
                Ok(ticket) => tickets.push(ticket),
                // No room, or over: both are answers.
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        for ticket in tickets {
            let outcome = ticket.wait(Some(LIMIT));
            assert!(
                outcome.is_ok(),
                "seed {seed}: slot {} hangs: state {:#x}",
                ticket.slot(),
                client.segment().word(ticket.slot()).0
            );
            ended.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Runs `hostility` beside two clients under load; then the supervisor must end in order.
fn under_load(base: &Arc<Base>, seed: u64, hostility: impl FnOnce(&mut Pool, &Client)) -> Pool {
    let mut pool = serve_both_kinds(base);
    let clients = [pool.client(), pool.client()];
    let hostile = pool.client();
    let (stop, ended) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let loaders: Vec<_> = clients
            .iter()
            .zip(seed..)
            .map(|(client, seed)| {
                let (stop, ended) = (&stop, &ended);
                scope.spawn(move || load(client, seed, stop, ended))
            })
            .collect();
        // Also when something fails here: the scope waits for them.
        let stopper = StopOnDrop(&stop);
        wait_until("the load is on", || ended.load(Ordering::Relaxed) > 50);
        hostility(&mut pool, &hostile);
        drop(stopper);
        for loader in loaders {
            loader.join().expect("no panic in a client");
        }
    });
    pool.let_go();
    let status = pool.wait_exit();
    let log = pool.log();
    assert!(
        matches!(status.code(), Some(0 | 1)) && !log.contains("panicked"),
        "seed {seed}: {status}\n{log}"
    );
    pool
}

fn serves_again(base: &Arc<Base>) {
    let pool = serve(base);
    let answer = call(&pool.client(), "echo", b"again", &options());
    assert_eq!(answer, b"again");
}

#[test]
fn a_few_wrong_words_at_a_time_crash_and_hang_nobody() {
    let base = Arc::new(Base::new());
    let until = Instant::now() + Duration::from_secs(variable("RINGWORK_HOSTILE_SECONDS", 8));
    let mut seed = variable("RINGWORK_HOSTILE_SEED", 0);
    let (mut pools, mut fenced) = (0, 0);
    while Instant::now() < until {
        let part = PARTS.get(seed as usize % (PARTS.len() + 1));
        let name = part.map_or("all".to_owned(), |part| format!("{part:?}"));
        let mut pool = under_load(&base, seed, |_, hostile| {
            for n in 0..30 {
                let request = format!("{} 4 {name}", seed << 8 | n);
                let Ok(ticket) = hostile.submit("test.corrupt", request.as_bytes(), &brief())
                else {
                    break;
                };
                if !matches!(end(&ticket), Outcome::Completed { .. }) {
                    break;
                }
            }
            std::thread::sleep(Duration::from_millis(50 * (seed % 3)));
        });
        pools += 1;
        fenced += u32::from(pool.wait_exit().code() == Some(1));
        drop(pool);
        seed += 1;
    }
    serves_again(&base);
    println!("{pools} pools, {fenced} of them stopped as corrupt");
}

#[test]
fn damage_is_found_the_pool_fenced_and_the_clients_told() {
    let base = Arc::new(Base::new());
    for part in PARTS {
        if part == Part::Blocks {
            continue; // any byte is right in a payload
        }
        let mut pool = under_load(&base, 1, |pool, _| {
            // A worker that joined by itself would do as well: what counts is that words change.
            let lives = || pool.segment().supervisor_lives().unwrap_or(false);
            let mut written: Option<Instant> = None;
            wait_until("the damage is found", || {
                // And again, since what a client or a lane has written anew is right.
                if written.is_none_or(|at| at.elapsed() > Duration::from_secs(2)) {
                    ringwork_tests::corruption::run(pool.segment(), &format!("5 400 {part:?}"))
                        .expect("written");
                    written = Some(Instant::now());
                }
                !lives()
            });
        });
        assert_eq!(pool.wait_exit().code(), Some(1), "{part:?}\n{}", pool.log());
        assert!(
            pool.log().contains("the segment is corrupt"),
            "{part:?}\n{}",
            pool.log()
        );
        assert!(!pool.dir().path().exists(), "{part:?}: files are left");
    }
    serves_again(&base);
}

#[test]
fn a_waiting_client_is_told_what_was_found() {
    let pool = serve(&Arc::new(Base::new()));
    let client = pool.client();
    let waiting = client
        .submit("test.never", b"", &options())
        .expect("submitted");
    ringwork_tests::corruption::run(pool.segment(), "3 200 injectors").expect("written");
    match end(&waiting) {
        Outcome::Closed { reason } => assert!(reason.contains("injector ring"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_slot_that_has_gone_on_under_a_waiting_client_ends_its_task() {
    let pool = serve(&Arc::new(Base::new()));
    let client = pool.client();
    let waiting = client
        .submit("test.never", b"", &options())
        .expect("submitted");
    let segment = pool.segment();
    let slot = waiting.slot();
    let later = Word::free(after(after(segment.word(slot).generation())));
    segment
        .slot(slot)
        .claim_word()
        .store(later.0, Ordering::Relaxed);
    match end(&waiting) {
        Outcome::Failed { code, message, .. } => {
            assert_eq!(code, "segment.corrupt");
            assert!(message.contains("impossible state"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

/// Nothing of the segment may be touched by this process from then on.
fn truncated(base: &Arc<Base>, size: u64) {
    let serve = Serve::in_base(base, "cut").option("memory", "file");
    let mut pool = serve.start();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(pool.dir().segment())
        .expect("the file");
    file.set_len(size).expect("truncated");
    let status = pool.wait_exit();
    let log = pool.log();
    // Almost always seen before it is touched; else the signal's handler says why.
    let told = status.code() == Some(1) && log.contains("changed its size")
        || status.code().is_none() && log.contains("SIGBUS");
    assert!(told, "{size}: {status}\n{log}");
}

#[test]
fn a_file_truncated_under_the_pool_ends_it_with_the_reason() {
    let base = Arc::new(Base::new());
    for size in [0, 100, 4096, 1 << 20] {
        truncated(&base, size);
    }
    // What a supervisor that died of the signal left is in no one's way.
    let pool = Serve::in_base(&base, "cut")
        .option("memory", "file")
        .start();
    assert_eq!(call(&pool.client(), "echo", b"x", &options()), b"x");
}

#[test]
fn a_sealed_segment_can_not_be_truncated() {
    let pool = Serve::new("sealed").start();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(pool.segment().path())
        .expect("this user may open it");
    for size in [0, 4096, 1 << 30] {
        assert!(file.set_len(size).is_err(), "{size}");
    }
    assert_eq!(call(&pool.client(), "echo", b"x", &options()), b"x");
}
