//! How workers are kept: crash storms, recycling, and elastic numbers.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork_ring::Status;
use ringwork_ring::client::{Client, Outcome};
use ringwork_ring::format::layout::*;
use ringwork_ring::format::states::Health;
use ringwork_ring::segment::handler_totals::{CountedTasks, handler_totals};
use ringwork_tests::{Pool, Serve, call, end, i64, occupy, options, result, wait_for, wait_until};
use std::collections::BTreeMap;

/// A client whose tasks never wait for ever, whatever is broken.
fn pid_of_a_run(client: &Client) -> i64 {
    let bytes = call(client, "test.pid", b"", &options());
    i64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

fn stat(pool: &Pool) -> serde_json::Value {
    let text = command(pool, &["stat", pool.dir().name(), "--json"]);
    serde_json::from_str(&text).expect("JSON")
}

/// What the command prints.
fn command(pool: &Pool, arguments: &[&str]) -> String {
    let output = pool.base().command(arguments).output();
    let output = output.expect("ringwork runs");
    String::from_utf8(output.stdout).expect("text")
}

/// The row of the only pool in `list`, which says what `stat` says at that moment.
fn listed(pool: &Pool) -> serde_json::Value {
    const FIELDS: [&str; 4] = ["state", "ready", "reason", "supervisor_pid"];
    let said = |value: &serde_json::Value| FIELDS.map(|field| value[field].clone());
    wait_for("a moment without a change", || {
        let before = said(&stat(pool));
        let rows = command(pool, &["list", "--json"]);
        let rows: serde_json::Value = serde_json::from_str(&rows).expect("JSON");
        if before != said(&stat(pool)) {
            return None;
        }
        assert_eq!(said(&rows[0]), before);
        Some(rows[0].clone())
    })
}

/// A pool that gives up at the fifth death, and for how long.
fn brittle(pause: &str) -> Pool {
    Serve::new("storm")
        .option("crash-storm", "5/10min")
        .option("crash-storm-pause", pause)
        .option("restart-backoff-max", "10ms")
        .start()
}

#[test]
fn in_a_crash_storm_tasks_are_refused() {
    let pool = brittle("1h");
    let client = pool.client();
    assert_eq!(listed(&pool)["ready"], true);
    let waiting = occupy(&client, pool.files(), 2);
    let queued: Vec<_> = (0..20)
        .map(|_| client.submit("echo", b"x", &options()).expect("a slot"))
        .collect();
    pool.raise_a_storm();
    let started = pool.counter(PoolCounter::WorkersStarted);
    // What waits, and what comes now, ends, and says why.
    let refused = |outcome: Outcome| match outcome {
        Outcome::Failed {
            status,
            may_have_run,
            code,
            message,
            ..
        } => {
            assert_eq!((status, may_have_run), (Status::NoWorker, false));
            assert_eq!(code, "pool.not_ready");
            assert!(message.contains("crash storm: 5 workers died"), "{message}");
        }
        // Some ran, or died with their worker, before the last one was gone.
        Outcome::Completed { .. } | Outcome::Crashed { .. } => {}
        other => panic!("{other:?}"),
    };
    queued.iter().for_each(|ticket| refused(end(ticket)));
    waiting.iter().for_each(|ticket| refused(end(ticket)));
    let after = client.call("echo", b"new", &options()).expect("an end");
    assert!(matches!(after, Outcome::Failed { .. }), "{after:?}");
    refused(after);
    // The tasks are rejected, and not the handler's failures.
    let echo = CountedTasks::Of("echo".into());
    let mut totals = handler_totals(pool.segment()).into_iter();
    let echo = totals
        .find(|of| of.tasks == echo)
        .expect("it has had tasks");
    let rejected = echo.rejected().find(|(reason, _)| *reason == "state");
    assert!(rejected.is_some_and(|(_, count)| count > 0), "{echo:?}");
    assert_eq!(echo.failed(), 0, "{echo:?}");
    let seen = listed(&pool);
    assert_eq!(
        (&seen["ready"], &seen["state"]),
        (&false.into(), &"serving".into())
    );
    assert!(command(&pool, &["list"]).contains("not ready: "));
    // The supervisor's own thread that refuses tasks is no worker.
    assert_eq!([&seen["workers"], &seen["lanes"]], [0, 0]);
    assert_eq!(stat(&pool)["workers"], serde_json::json!([]));
    let doctor = command(&pool, &["doctor"]);
    assert!(doctor.contains("storm: not ready: crash storm"), "{doctor}");
    let reason = seen["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("SIGKILL") && reason.contains("launches another"),
        "{reason}"
    );
    let probe = pool.base().command(&["stat", "storm", "--ready"]).output();
    let probe = probe.expect("ringwork stat runs");
    assert_eq!(probe.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&probe.stderr).contains("crash storm"));
    assert_eq!(
        pool.counter(PoolCounter::WorkersStarted),
        started,
        "none is started"
    );
    pool.wait_logged("crash storm");
    drop((waiting, queued));
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_trial_ends_a_crash_storm() {
    let pool = brittle("1s");
    let client = pool.client();
    pool.raise_a_storm();
    // One worker is tried, serves, and when it has lived a while the others come.
    wait_until("the trial serves", || {
        matches!(
            client.call("echo", b"new", &options()),
            Ok(Outcome::Completed { .. })
        )
    });
    wait_until("the trial is told", || {
        let told = stat(&pool)["reason"].to_string().contains("on trial since");
        told || pool.segment().health() == Ok(Health::Full)
    });
    let _ = wait_for("the storm is over", || {
        Some(pool.segment().health()).filter(|health| *health == Ok(Health::Full))
    });
    let _ = pool.wait_workers(2);
    assert_eq!(stat(&pool)["ready"], true);
    assert_eq!(stat(&pool)["reason"], "");
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn without_a_storm_limit_workers_are_replaced_for_ever() {
    let pool = Serve::new("calm")
        .option("crash-storm", "off")
        .option("restart-backoff-max", "1ms")
        .start();
    wait_until("forty were killed", || {
        for (_, pid) in pool.workers() {
            let _ = pool.signal_worker(pid, Signal::SIGKILL);
        }
        pool.counter(PoolCounter::WorkersCrashed) >= 40
    });
    assert_eq!(pool.segment().health(), Ok(Health::Full));
    assert_eq!(call(&pool.client(), "echo", b"x", &options()), b"x");
}

#[test]
fn workers_leave_after_their_number_of_tasks_and_no_task_notices() {
    const TASKS: u32 = 3000;
    let pool = Serve::new("worn").option("max-tasks", "50±5").start();
    let client = pool.client();
    let mut runs: BTreeMap<i64, u32> = BTreeMap::new();
    for _ in 0..TASKS / 100 {
        let tickets: Vec<_> = (0..100)
            .map(|_| client.submit("test.pid", b"", &options()).expect("a slot"))
            .collect();
        for ticket in &tickets {
            let pid = i64::from_le_bytes(result(ticket).try_into().expect("eight bytes"));
            *runs.entry(pid).or_default() += 1;
        }
    }
    assert_eq!(runs.values().sum::<u32>(), TASKS);
    assert!(runs.values().all(|count| *count <= 55), "{runs:?}");
    assert!(runs.len() as u32 >= TASKS / 55, "{runs:?}");
    let counters = [
        PoolCounter::WorkersCrashed,
        PoolCounter::TasksRequeued,
        PoolCounter::TasksCrashed,
    ];
    assert_eq!(counters.map(|counter| pool.counter(counter)), [0, 0, 0]);
    pool.wait_logged("--max-tasks");
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_worker_that_is_replaced_for_its_age_finishes_its_task_beside_its_successor() {
    let pool = Serve::new("aged")
        .option("workers", "1")
        .option("max-age", "300ms")
        .start();
    let client = pool.client();
    let before = pid_of_a_run(&client);
    let long = client
        .submit("test.sleep", &2000_i64.to_le_bytes(), &i64())
        .expect("a slot");
    // The only worker is busy; so the worker that answers is its successor.
    let after = wait_for("a successor", || {
        Some(pid_of_a_run(&client)).filter(|pid| *pid != before)
    });
    assert_ne!(after, before);
    assert_eq!(result(&long), 2000_i64.to_le_bytes());
    let counters = [
        PoolCounter::WorkersCrashed,
        PoolCounter::TasksRequeued,
        PoolCounter::TasksCrashed,
    ];
    assert_eq!(counters.map(|counter| pool.counter(counter)), [0, 0, 0]);
}

#[test]
fn a_worker_that_takes_too_much_memory_is_replaced() {
    let pool = Serve::new("large")
        .option("workers", "1")
        .option("max-rss", "1MiB")
        .start();
    let client = pool.client();
    let before = pid_of_a_run(&client);
    wait_until("another serves", || pid_of_a_run(&client) != before);
    pool.wait_logged("--max-rss");
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
}

#[test]
fn workers_come_while_tasks_wait_and_leave_when_idle() {
    let pool = Serve::new("elastic")
        .option("workers", "1")
        .option("max-workers", "3")
        .option("scale-up-after", "20ms")
        .option("idle-shrink-after", "300ms")
        .start();
    let client = pool.client();
    let busy = occupy(&client, pool.files(), 1);
    // One waits: another worker; each of these occupies it, and so on up to the most.
    let more = occupy(&client, pool.files(), 2);
    assert_eq!(pool.wait_workers(3).len(), 3);
    let waits = client.submit("echo", b"x", &options()).expect("a slot");
    assert_eq!(pool.workers().len(), 3, "never more");
    busy.into_iter().chain(more).for_each(|ticket| {
        let _ = ticket.cancel();
    });
    assert_eq!(result(&waits), b"x");
    let _ = pool.wait_workers(1);
    assert_eq!(call(&client, "echo", b"y", &options()), b"y");
    let counters = [
        PoolCounter::WorkersCrashed,
        PoolCounter::TasksRequeued,
        PoolCounter::TasksCrashed,
    ];
    assert_eq!(counters.map(|counter| pool.counter(counter)), [0, 0, 0]);
    pool.wait_nothing_held(&[&client]);
}
