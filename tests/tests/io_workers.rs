//! I/O workers: async handlers in processes of their own, beside workers whose lanes compute.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_ring::format::layout::{PoolCounter, id_of};
use ringwork_ring::format::states::{Codec, LaneKind};
use ringwork_ring::lane::permits;
use ringwork_tests::{
    Pool, Serve, call, io_worker_program, options, result, utf8, wait_until, worker_program,
};
use std::collections::BTreeSet;

/// Longer than any test lasts.
const LONG: i64 = 600_000;

/// A pool of one worker of one lane, and of one I/O worker.
fn serve(name: &str) -> Serve {
    Serve::new(name)
        .option("worker", &io_worker_program().display().to_string())
        .option("workers", "1")
        .option("io-workers", "1")
}

fn submit<'c>(client: &'c Client, handler: &str, number: i64, options: &TaskOptions) -> Ticket<'c> {
    let options = options.clone().codec(Codec::I64);
    client
        .submit(handler, &number.to_le_bytes(), &options)
        .expect("submitted")
}

fn number(bytes: &[u8]) -> i64 {
    i64::from_le_bytes(bytes.try_into().expect("8 bytes"))
}

fn pid(client: &Client, handler: &str) -> i64 {
    number(&call(client, handler, b"", &options()))
}

/// How many claims of lanes go on by themselves.
fn in_flight(pool: &Pool) -> u64 {
    pool.segment().lanes().map(|lane| lane.open_claims()).sum()
}

/// How many hints wait for I/O lanes.
fn queued_for_io(pool: &Pool) -> u64 {
    let segment = pool.segment();
    (0..segment.geometry().priorities)
        .map(|priority| segment.queue(LaneKind::Io, priority).depth())
        .sum()
}

/// Whether no thread of a process runs.
fn is_stopped(pid: i64) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat"));
        stat.is_ok_and(|stat| {
            stat.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with('T'))
        })
    })
}

#[test]
fn async_tasks_run_in_their_worker_however_busy_the_others_are() {
    let pool = serve("apart").start();
    let client = pool.client();
    let (cpu, io) = (pid(&client, "cpu.pid"), pid(&client, "io.pid"));
    assert_ne!(cpu, io);
    // All lanes but those of the I/O worker are taken, and more waits for them.
    let blocked: Vec<_> = (0..20)
        .map(|_| submit(&client, "cpu.blocks", 100, &options()))
        .collect();
    for text in ["tea", "milk", "sugar"] {
        assert_eq!(
            call(&client, "io.echo", text.as_bytes(), &utf8()),
            text.as_bytes()
        );
        assert_eq!(
            call(&client, "io.yields", text.as_bytes(), &utf8()),
            text.as_bytes()
        );
    }
    assert_eq!(pid(&client, "io.pid"), io);
    assert!(
        pool.segment().injector(1).depth() > 0,
        "the others are through already"
    );
    for ticket in &blocked {
        assert_eq!(number(&result(ticket)), 100);
    }
    assert_eq!(pid(&client, "cpu.pid"), cpu);
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn the_death_of_a_lane_takes_no_async_task_along_and_the_reverse() {
    let pool = serve("deaths").start();
    let client = pool.client();
    let (cpu, io) = (pid(&client, "cpu.pid"), pid(&client, "io.pid"));
    let waits: Vec<_> = (0..100)
        .map(|_| submit(&client, "io.sleep", 700, &options()))
        .collect();
    wait_until("they are in flight", || in_flight(&pool) == 100);
    let exits = client.submit("cpu.exits", b"", &options()).unwrap();
    drop(exits);
    wait_until("another worker serves", || {
        pool.workers().iter().all(|(_, pid)| i64::from(*pid) != cpu)
    });
    for ticket in &waits {
        assert_eq!(number(&result(ticket)), 1, "the first attempt");
    }
    let cpu = pid(&client, "cpu.pid");
    let twice = options().attempts(2);
    let waits: Vec<_> = (0..100)
        .map(|_| submit(&client, "io.sleep", 300, &twice))
        .collect();
    wait_until("they are in flight", || in_flight(&pool) == 100);
    assert!(pool.signal_worker(io as i32, Signal::SIGKILL));
    for ticket in &waits {
        assert_eq!(number(&result(ticket)), 2, "the second attempt");
    }
    assert_eq!(pool.counter(PoolCounter::TasksRequeued), 100);
    assert_eq!(pid(&client, "cpu.pid"), cpu);
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn tasks_wait_for_an_io_worker_that_is_away_and_no_lane_takes_them() {
    let pool = serve("away").start();
    let client = pool.client();
    let io = pid(&client, "io.pid");
    // Stopped, it neither takes tasks nor is it dead. The signal comes to its threads one by one.
    assert!(pool.signal_worker(io as i32, Signal::SIGSTOP));
    wait_until("it stands still", || is_stopped(io));
    let waits: Vec<_> = (0..10)
        .map(|_| {
            client
                .submit("io.pid", b"", &options().attempts(2))
                .unwrap()
        })
        .collect();
    assert_eq!(queued_for_io(&pool), 10);
    assert_eq!(call(&client, "cpu.echo", b"tea", &utf8()), b"tea");
    assert_eq!(queued_for_io(&pool), 10);
    assert!(pool.signal_worker(io as i32, Signal::SIGKILL));
    for ticket in &waits {
        assert_ne!(number(&result(ticket)), io);
    }
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_pool_whose_io_workers_die_time_and_again_refuses_their_tasks_and_runs_the_others() {
    let pool = serve("storm")
        .daemon()
        .option("crash-storm", "3/30s")
        .option("restart-backoff-max", "20ms")
        .start();
    let client = pool.client();
    for _ in 0..3 {
        let exits = client.submit("io.exits", b"", &options()).unwrap();
        drop(exits.wait(None));
    }
    pool.wait_logged("crash storm");
    let refused = client.submit("io.echo", b"tea", &utf8()).unwrap();
    let refused = refused.wait(None).unwrap();
    let text = format!("{refused:?}");
    assert!(
        text.contains("crash storm") && text.contains("NoWorker"),
        "{text}"
    );
    assert_eq!(call(&client, "cpu.echo", b"tea", &utf8()), b"tea");
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_worker_makes_the_states_that_its_own_handlers_need_and_no_others() {
    let pool = serve("states").start();
    let client = pool.client();
    let made = |client: &Client, handler| {
        let made = call(client, handler, b"", &options());
        String::from_utf8(made).expect("text")
    };
    assert_eq!(made(&client, "cpu.made"), "both lane of-cpu unasked");
    assert_eq!(made(&client, "io.made"), "base both of-io thread unasked");
    let unsaid = client.call("cpu.takes_unsaid", b"", &options()).unwrap();
    let unsaid = format!("{unsaid:?}");
    for part in ["is not made in this worker", "--io-workers", ".needs::<"] {
        assert!(unsaid.contains(part), "{part} in {unsaid}");
    }
    // One that runs both makes all.
    let pool = serve("together").option("io-workers", "0").start();
    let client = pool.client();
    let all = "base both lane of-cpu of-io thread unasked";
    assert_eq!(made(&client, "cpu.made"), all);
    assert_eq!(made(&client, "io.made"), all);
    let said = client.call("cpu.takes_unsaid", b"", &options()).unwrap();
    assert!(matches!(said, Outcome::Completed { .. }), "{said:?}");
}

/// The process ids of the I/O workers.
fn io_workers(pool: &Pool) -> Vec<i32> {
    let segment = pool.segment();
    let has_kind = |entry: u32| {
        segment.lanes().any(|lane| {
            let word = lane.word_acquire();
            word.is_active() && word.worker() == entry && lane.kind() == Ok(LaneKind::Io)
        })
    };
    let workers = pool.workers().into_iter();
    workers
        .filter(|(entry, _)| has_kind(*entry))
        .map(|(_, pid)| pid)
        .collect()
}

#[test]
fn io_workers_that_die_in_a_storm_leave_the_other_kind_its_trial() {
    let pool = serve("trials")
        .option("crash-storm", "4/10min")
        .option("crash-storm-pause", "300ms")
        .option("restart-backoff-max", "10ms")
        .start();
    let client = pool.client();
    pool.raise_a_storm();
    // No I/O worker lives through its trial; the other one is not its heir.
    wait_until("a worker that computes serves", || {
        for pid in io_workers(&pool) {
            let _ = pool.signal_worker(pid, Signal::SIGKILL);
        }
        let echo = client.call("cpu.echo", b"tea", &utf8());
        matches!(echo, Ok(Outcome::Completed { .. }))
    });
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_program_without_async_handlers_is_told_that_it_needs_no_io_workers() {
    let refused = Serve::new("none")
        .option("worker", &worker_program().display().to_string())
        .option("io-workers", "1")
        .try_start()
        .expect_err("no async handler");
    let text = format!("{refused:?}");
    assert!(text.contains("leave --io-workers out"), "{text}");
}

#[test]
fn io_workers_are_renewed_by_a_reload_and_their_number_stays() {
    let pool = serve("renewed").daemon().start();
    let client = pool.client();
    let (cpu, io) = (pid(&client, "cpu.pid"), pid(&client, "io.pid"));
    let waits = submit(&client, "io.sleep", LONG.min(500), &options());
    wait_until("it is in flight", || in_flight(&pool) == 1);
    pool.signal(Signal::SIGHUP);
    pool.wait_logged("reload done");
    assert_eq!(
        number(&result(&waits)),
        1,
        "it has not died with its worker"
    );
    assert!(pid(&client, "cpu.pid") != cpu && pid(&client, "io.pid") != io);
    pool.wait_nothing_held(&[&client]);
}

fn command(pool: &Pool, args: &[&str]) {
    let output = pool.base().command(args).output().expect("it starts");
    assert!(output.status.success(), "{args:?}: {output:?}");
}

#[test]
fn a_handler_that_is_paused_waits_beside_io_workers_and_scale_leaves_them_alone() {
    let pool = serve("steered").daemon().start();
    let client = pool.client();
    let io_workers = |pool: &Pool| {
        let lanes = pool.segment().lanes();
        let io = lanes.filter(|lane| lane.word().is_active() && lane.kind() == Ok(LaneKind::Io));
        io.map(|lane| lane.word().worker())
            .collect::<BTreeSet<_>>()
            .len()
    };
    assert_eq!(io_workers(&pool), 1);
    // An async handler without a limit: its workers are replaced by others that know of the pause,
    // and what is in flight is finished before.
    let flies = submit(&client, "io.sleep", 500, &options());
    wait_until("it is in flight", || in_flight(&pool) == 1);
    command(&pool, &["pause", "steered", "io.sleep", "--wait"]);
    assert_eq!(number(&result(&flies)), 1, "it was finished");
    let waits = submit(&client, "io.sleep", 1, &options());
    // The task runs never, and waits once a lane has looked at it.
    let limit = |pool: &Pool| {
        let all = permits::usage(pool.segment());
        let own = all.iter().find(|one| one.handler == id_of("io.sleep"));
        own.map(|own| (own.running, own.waiting))
    };
    wait_until("it waits", || limit(&pool) == Some((0, 1)));
    assert_eq!(call(&client, "io.echo", b"tea", &utf8()), b"tea");
    // More lanes that compute, and as many I/O workers as before.
    let io = pid(&client, "io.pid");
    command(&pool, &["scale", "steered", "3", "--wait"]);
    assert_eq!((io_workers(&pool), pid(&client, "io.pid")), (1, io));
    assert_eq!(limit(&pool), Some((0, 1)), "scale has forgotten the pause");
    command(&pool, &["resume", "steered", "io.sleep"]);
    assert_eq!(number(&result(&waits)), 1);
    command(&pool, &["scale", "steered", "1", "--wait"]);
    assert_eq!((io_workers(&pool), pid(&client, "io.pid")), (1, io));
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_handler_that_is_limited_waits_for_its_permit_in_its_own_worker() {
    let pool = serve("limited")
        .option("limit", "io.sleep:concurrency=2")
        .start();
    let client = pool.client();
    let waits: Vec<_> = (0..12)
        .map(|_| submit(&client, "io.sleep", 20, &options()))
        .collect();
    let mut most = 0;
    for ticket in &waits {
        // By the futures that live there: a claim is counted as closed after its permit is free.
        most = most.max(number(&call(&client, "io.alive", b"", &options())));
        assert_eq!(number(&result(ticket)), 1);
    }
    assert!(most <= 2, "{most} ran at a time");
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_handler_that_blocks_before_its_first_await_holds_up_its_thread_and_no_other_task() {
    let pool = serve("blocks").option("io-threads", "2").start();
    let client = pool.client();
    let blocks = submit(&client, "io.blocks_at_once", 1500, &options());
    wait_until("it blocks", || in_flight(&pool) == 1);
    // The lane that hands over goes on, and chooses the other thread.
    for text in ["tea", "milk"] {
        assert_eq!(
            call(&client, "io.echo", text.as_bytes(), &utf8()),
            text.as_bytes()
        );
    }
    assert_eq!(in_flight(&pool), 1, "it is through already");
    assert_eq!(number(&result(&blocks)), 1500);
    pool.wait_logged("a poll of io.blocks_at_once has taken");
    // Those that are known to be quick are polled by the lane.
    for _ in 0..20 {
        assert_eq!(call(&client, "io.echo", b"sugar", &utf8()), b"sugar");
    }
    pool.wait_nothing_held(&[&client]);
}
