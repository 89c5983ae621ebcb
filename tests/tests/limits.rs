//! Limits of handlers: how many run at a time, and for how long, with kills amid.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork_ring::client::{Outcome, Ticket};
use ringwork_ring::format::layout::*;
use ringwork_ring::lane::chunk;
use ringwork_ring::lane::permits::{self, Usage};
use ringwork_ring::queue::arena;
use ringwork_ring::testing::RawWords;
use ringwork_ring::{CauseDetail, Codec, Status};
use ringwork_tests::{Marker, Pool, Serve, call, end, i64, options, result, utf8, wait_until};
use std::sync::atomic::Ordering;

fn usage(pool: &Pool) -> Usage {
    permits::usage(pool.segment())[0]
}

fn until_running(pool: &Pool, count: u32) {
    wait_until(&format!("{count} run"), || usage(pool).running == count);
}

#[test]
fn so_many_of_a_handler_run_and_no_more_and_others_go_past() {
    let pool = Serve::new("narrow")
        .option("lanes", "2")
        .option("limit", "test.until_cancelled:concurrency=2")
        .start();
    let client = pool.client();
    let markers: Vec<Marker> = (0..6).map(|_| Marker::new(pool.files())).collect();
    let mut tickets: Vec<Option<Ticket<'_>>> = markers
        .iter()
        .map(|marker| {
            let path = marker.text();
            let ticket = client.submit("test.until_cancelled", path.as_bytes(), &utf8());
            Some(ticket.expect("a slot"))
        })
        .collect();
    until_running(&pool, 2);
    // Two lanes of four are left for all others, also behind four that wait.
    for _ in 0..50 {
        assert_eq!(call(&client, "echo", b"past", &options()), b"past");
    }
    let started = || {
        markers
            .iter()
            .filter(|m| m.contents().contains("started"))
            .count()
    };
    // A task that has a permit may not have come to its first line yet.
    wait_until("both say that they have started", || started() >= 2);
    assert_eq!((usage(&pool).running, started()), (2, 2));
    // As each ends, the next one comes.
    for done in 1..=6 {
        let running =
            (0..6).find(|n| tickets[*n].is_some() && markers[*n].contents().contains("started"));
        let ticket = tickets[running.expect("one runs")].take().expect("open");
        let _ = ticket.cancel();
        wait_until("the next one starts", || started() == (done + 2).min(6));
        assert!(usage(&pool).running <= 2);
    }
    until_running(&pool, 0);
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_killed_worker_leaks_no_permit_and_the_tasks_that_waited_run() {
    let pool = Serve::new("killed")
        .option("lanes", "2")
        .option("limit", "test.sleep:concurrency=1")
        .option("crash-storm", "off")
        .option("restart-backoff-max", "10ms")
        .start();
    let client = pool.client();
    let thrice = i64().attempts(3);
    let tickets: Vec<_> = (0..30)
        .map(|_| {
            let ticket = client.submit("test.sleep", &5_i64.to_le_bytes(), &thrice);
            ticket.expect("a slot")
        })
        .collect();
    for _ in 0..6 {
        for (_, pid) in pool.wait_workers(2) {
            let _ = pool.signal_worker(pid, Signal::SIGKILL);
        }
        wait_until("others are there", || pool.workers().len() == 2);
    }
    for ticket in &tickets {
        let outcome = end(ticket);
        let known = matches!(outcome, Outcome::Completed { .. } | Outcome::Crashed { .. });
        assert!(known, "{outcome:?}");
    }
    until_running(&pool, 0);
    assert!(ringwork_ring::testing::permits_of_the_living(
        pool.segment()
    ));
    assert_eq!(
        call(&client, "test.sleep", &1_i64.to_le_bytes(), &i64()),
        1_i64.to_le_bytes()
    );
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn at_its_soft_limit_a_task_is_told_and_its_future_times_out() {
    let pool = Serve::new("soft")
        .option("limit", "sleep:soft=100ms")
        .start();
    let client = pool.client();
    let ticket = client
        .submit("sleep", &600_000_i64.to_le_bytes(), &i64())
        .expect("a slot");
    let outcome = end(&ticket);
    let timed_out = matches!(outcome, Outcome::TimedOut { may_have_run: true });
    assert!(timed_out, "{outcome:?}");
    pool.wait_logged("sleep has run for");
    pool.wait_logged("soft limit");
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
    // One that is done in time knows nothing of it.
    assert_eq!(
        call(&client, "sleep", &1_i64.to_le_bytes(), &i64()).len(),
        8
    );
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn an_attempt_after_a_hard_limit_is_not_told_what_the_one_before_was_told() {
    let pool = Serve::new("again")
        .option("workers", "1")
        .option("limit", "test.never:soft=50ms,hard=300ms")
        .option("kill-grace", "100ms")
        .start();
    let client = pool.client();
    let twice = options().attempts(2);
    let stuck = client.submit("test.never", b"", &twice).expect("a slot");
    // Told to give up while it was queued again, it would end as cancelled and not have run twice.
    match end(&stuck) {
        Outcome::Crashed { attempts, .. } => assert_eq!(attempts, 2),
        other => panic!("{other:?}"),
    }
    // The task is told before the death is counted.
    wait_until("both deaths are counted", || {
        pool.counter(PoolCounter::WorkersCrashed) == 2
    });
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn at_its_hard_limit_a_task_costs_its_worker_and_others_there_are_tried_again() {
    let pool = Serve::new("hard")
        .option("workers", "1")
        .option("lanes", "2")
        .option("limit", "test.never:soft=50ms,hard=300ms")
        .option("kill-grace", "200ms")
        .start();
    let client = pool.client();
    let (_, before) = pool.wait_workers(1)[0];
    let twice = i64().attempts(2);
    let beside = client
        .submit("test.sleep", &3000_i64.to_le_bytes(), &twice)
        .expect("a slot");
    let stuck = client
        .submit("test.never", b"", &options())
        .expect("a slot");
    match end(&stuck) {
        Outcome::Crashed { cause, .. } => {
            assert_eq!(cause.detail(), Some(CauseDetail::TimeLimit), "{cause}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        result(&beside),
        3000_i64.to_le_bytes(),
        "at its second attempt"
    );
    assert_eq!(pool.counter(PoolCounter::TasksRequeued), 1);
    assert_ne!(pool.wait_workers(1)[0].1, before);
    pool.wait_logged("test.never ran beyond its hard limit of 300ms");
    pool.wait_logged("did not leave when it was asked to");
    pool.wait_nothing_held(&[&client]);
}

/// Runs a chunk of numbers and returns what became of each: `Ok` or its status.
fn chunk_of(pool: &Pool, handler: &str, numbers: &[i64]) -> Vec<Status> {
    let client = pool.client();
    let numbers: Vec<[u8; 8]> = numbers.iter().map(|n| n.to_le_bytes()).collect();
    let requests: Vec<&[u8]> = numbers.iter().map(|n| &n[..]).collect();
    let chunk = chunk::encode(&requests, Codec::I64, 1, 256);
    let options = options().codec(Codec::Chunk).attempts(MAX_ATTEMPTS as u8);
    let ticket = client.submit(handler, &chunk, &options).expect("a slot");
    let segment = pool.segment();
    let reference = segment.slot(ticket.slot()).request().reference();
    let block = arena::check_ref(segment, reference, chunk.len());
    let at = arena::offset(segment, block.expect("a block"));
    let outcome = end(&ticket);
    assert!(matches!(outcome, Outcome::Completed { .. }), "{outcome:?}");
    let block: Vec<u8> = (at..at + chunk.len())
        .map(|at| segment.raw8(at).load(Ordering::Relaxed))
        .collect();
    pool.wait_nothing_held(&[&client]);
    let results = chunk::results(&block).expect("results");
    results.iter().map(|(status, _)| *status).collect()
}

#[test]
fn of_a_chunk_each_request_has_the_soft_limits_time() {
    let pool = Serve::new("softly")
        .option("limit", "sleep:soft=200ms")
        .start();
    // Together the short ones take longer than the limit.
    let mut numbers = vec![20; 15];
    numbers.extend([600_000, 20, 600_000, 20]);
    let mut expected = vec![Status::Ok; 15];
    expected.extend([Status::Expired, Status::Ok, Status::Expired, Status::Ok]);
    assert_eq!(chunk_of(&pool, "sleep", &numbers), expected);
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
}

#[test]
fn of_a_chunk_the_hard_limit_costs_one_request() {
    let pool = Serve::new("hardly")
        .option("limit", "test.sleep:soft=100ms,hard=400ms")
        .option("kill-grace", "50ms")
        .option("crash-storm", "off")
        .start();
    let mut numbers = vec![50; 12];
    numbers.extend([600_000, 50, 50]);
    let mut expected = vec![Status::Ok; 12];
    expected.extend([Status::Crashed, Status::Ok, Status::Ok]);
    assert_eq!(chunk_of(&pool, "test.sleep", &numbers), expected);
    pool.wait_logged("test.sleep ran beyond its hard limit of 400ms");
}

#[test]
fn a_task_that_ends_within_the_grace_of_its_hard_limit_is_no_crash() {
    let pool = Serve::new("graceful")
        .option("workers", "1")
        .option("limit", "test.sleep:hard=200ms")
        .option("kill-grace", "10min")
        .start();
    let client = pool.client();
    let (_, before) = pool.wait_workers(1)[0];
    let ticket = client
        .submit("test.sleep", &1500_i64.to_le_bytes(), &i64())
        .expect("a slot");
    assert_eq!(result(&ticket), 1500_i64.to_le_bytes());
    wait_until("another took its place", || {
        let workers = pool.workers();
        workers.iter().any(|(_, pid)| *pid != before)
    });
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
    pool.wait_nothing_held(&[&client]);
}
