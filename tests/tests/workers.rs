//! Workers that die, stop or hang: each task ends once, and nothing leaks.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork_ring::client::{Client, Outcome, TaskOptions};
use ringwork_ring::format::layout::*;
use ringwork_ring::records::LaneRecord;
use ringwork_ring::segment::handler_totals::{HandlerTotals, handler_totals};
use ringwork_ring::{Cause, Segment};
use ringwork_tests::{
    Marker, Pool, Serve, StopOnDrop, call, end, i64, is_alive, options, overrun, result, utf8,
    wait_until, worker_of,
};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How many workers are killed under load.
const KILLS: u32 = 15;
/// Client threads.
const THREADS: u64 = 4;
/// Tasks in flight of each.
const WINDOW: u64 = 16;

/// What one client thread has seen.
#[derive(Default)]
struct Seen {
    tasks: u64,
    crashed: u64,
    counted: Vec<(String, bool)>,
}

#[test]
fn sigkill_under_load_ends_each_task_exactly_once() {
    let pool = Serve::new("load")
        .option("workers", "3")
        .option("lanes", "2")
        .start();
    let client = pool.client();
    let notes = pool.files().join("notes");
    let (stop, next) = (AtomicBool::new(false), AtomicU64::new(0));
    let seen: Vec<Seen> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| load(&client, &notes, &stop, &next)))
            .collect();
        let stopper = StopOnDrop(&stop);
        let segment = pool.segment();
        let stop = &stop;
        scope.spawn(move || {
            let mut before = handler_sums(segment);
            while !stop.load(Ordering::Relaxed) {
                let now = handler_sums(segment);
                let back = before.iter().zip(&now).find(|(before, now)| now < before);
                assert_eq!(back, None, "a total went back");
                before = now;
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        kill_workers(&pool, KILLS);
        drop(stopper);
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let tasks: u64 = seen.iter().map(|seen| seen.tasks).sum();
    let crashed: u64 = seen.iter().map(|seen| seen.crashed).sum();
    println!("{tasks} tasks, {crashed} crashed, {KILLS} workers killed");
    assert!(tasks > u64::from(KILLS));
    check_notes(&notes, seen.iter().flat_map(|seen| &seen.counted));
    // The counters of the client's entry agree: each submitted task was settled, once.
    let count = |counter| pool.segment().client(0).counter(counter).get();
    let failed = count(ClientCounter::Failed);
    assert_eq!(count(ClientCounter::Submitted), tasks);
    assert_eq!(count(ClientCounter::Completed) + failed, tasks);
    assert_eq!(failed, crashed);
    assert_eq!(pool.counter(PoolCounter::TasksCrashed), crashed);
    // By handler as well: each task once, but for those that their lane had counted when it died.
    let [completed, failed, lost, retried] = handler_sums(pool.segment());
    let twice = u64::from(KILLS) * 2;
    let ended = completed + failed + lost;
    assert!(
        (tasks..=tasks + twice).contains(&ended),
        "{ended} of {tasks}"
    );
    assert_eq!(lost, crashed);
    assert_eq!(retried, pool.counter(PoolCounter::TasksRequeued));
    pool.wait_nothing_held(&[&client]);
    let _ = pool.wait_workers(3);
    assert_eq!(
        call(&client, "echo", b"still here", &options()),
        b"still here"
    );
    drop(client);
    pool.wait_nothing_held(&[]);
}

/// Of all handlers: completed, failed, crashed and retried.
fn handler_sums(segment: &Segment) -> [u64; 4] {
    let totals = handler_totals(segment);
    let sum = |of: &dyn Fn(&HandlerTotals) -> u64| totals.iter().map(of).sum();
    [
        sum(&|one| one.count(HandlerCounter::Completed)),
        sum(&|one| one.count(HandlerCounter::Failed)),
        sum(&|one| one.loss(HandlerLoss::Crashed)),
        sum(&|one| one.loss(HandlerLoss::Retried)),
    ]
}

/// Three kinds of tasks, a window of them at a time, until told to stop.
fn load(client: &Client, notes: &Path, stop: &AtomicBool, next: &AtomicU64) -> Seen {
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let window: Vec<_> = (0..WINDOW)
            .map(|_| {
                let id = next.fetch_add(1, Ordering::Relaxed);
                let (handler, request, options) = task(id, notes);
                let ticket = client.submit(handler, &request, &options).expect("a slot");
                (id, handler, request, options.attempts, ticket)
            })
            .collect();
        for (id, handler, request, allowed, ticket) in window {
            seen.tasks += 1;
            let completed = match end(&ticket) {
                Outcome::Completed { bytes, .. } => {
                    match handler {
                        "echo" => assert_eq!(bytes, request, "task {id} got another's result"),
                        _ => assert_eq!(bytes, 1_i64.to_le_bytes(), "task {id}"),
                    }
                    true
                }
                Outcome::Crashed { cause, attempts } => {
                    assert_eq!(cause, Cause::signal(9), "task {id}");
                    assert_eq!(attempts, u32::from(allowed), "task {id} had attempts left");
                    seen.crashed += 1;
                    false
                }
                other => panic!("task {id} ended as {other:?}"),
            };
            if handler == "test.count" {
                seen.counted.push((id.to_string(), completed));
            }
        }
    }
    seen
}

fn task(id: u64, notes: &Path) -> (&'static str, Vec<u8>, TaskOptions) {
    let attempts = |attempts| options().attempts(attempts);
    match id % 3 {
        // Inline.
        0 => ("echo", id.to_le_bytes().to_vec(), attempts(1)),
        // Through the arena, tried again when its worker dies.
        1 => (
            "echo",
            id.to_le_bytes().repeat(40 + (id % 200) as usize),
            attempts(3),
        ),
        // At most once, noted.
        _ => {
            let request = format!("{}\n{id}", notes.display());
            ("test.count", request.into_bytes(), utf8())
        }
    }
}

/// Kills one worker after another, each once it is ready and has run something.
fn kill_workers(pool: &Pool, kills: u32) {
    let mut killed = Vec::new();
    for number in 0..kills {
        let started = total_started(pool);
        wait_until("tasks run", || total_started(pool) > started + 300);
        wait_until("a worker can be killed", || {
            let workers = pool.workers();
            let fresh: Vec<i32> = workers
                .iter()
                .map(|(_, pid)| *pid)
                .filter(|pid| !killed.contains(pid))
                .collect();
            let Some(pid) = fresh.get(number as usize % fresh.len().max(1)) else {
                return false;
            };
            let sent = pool.signal_worker(*pid, Signal::SIGKILL);
            if sent {
                killed.push(*pid);
            }
            sent
        });
    }
    Pool::wait_gone(&killed);
    wait_until("all deaths are counted", || {
        pool.counter(PoolCounter::WorkersCrashed) >= u64::from(kills)
    });
}

fn total_started(pool: &Pool) -> u64 {
    let started = |lane: LaneRecord<'_>| lane.counter(LaneCounter::Started).get();
    pool.segment().lanes().map(started).sum()
}

/// No task ran twice, and each that completed ran.
fn check_notes<'a>(notes: &Path, counted: impl Iterator<Item = &'a (String, bool)>) {
    let text = std::fs::read_to_string(notes).expect("the notes of test.count");
    let mut runs: HashMap<&str, u32> = HashMap::new();
    text.lines()
        .for_each(|id| *runs.entry(id).or_default() += 1);
    for (id, times) in &runs {
        assert_eq!(*times, 1, "task {id} ran {times} times");
    }
    for (id, completed) in counted {
        assert!(
            !completed || runs.contains_key(id.as_str()),
            "task {id} completed and never ran"
        );
    }
}

#[test]
fn a_worker_killed_with_results_half_written_leaks_no_block() {
    let pool = Serve::new("half").start();
    let client = pool.client();
    for round in 0..8 {
        let workers = pool.wait_workers(2);
        // Results of 1 MiB, written most of the time, so that a kill finds a block in work.
        let window: Vec<_> = (0..6)
            .map(|_| {
                client
                    .submit("test.big_result", &(1_i64 << 20).to_le_bytes(), &i64())
                    .expect("a slot")
            })
            .collect();
        let _ = result(&window[0]);
        let (_, pid) = workers[round % 2];
        assert!(pool.signal_worker(pid, Signal::SIGKILL));
        for ticket in &window[1..] {
            match end(ticket) {
                Outcome::Completed { bytes, .. } => assert_eq!(bytes.len(), 1 << 20),
                Outcome::Crashed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        Pool::wait_gone(&[pid]);
        drop(window);
        pool.wait_nothing_held(&[&client]);
    }
}

#[test]
fn a_stopped_worker_does_no_harm_when_it_wakes() {
    let pool = Serve::new("stopped").start();
    let client = pool.client();
    let workers = pool.wait_workers(2);
    let markers: Vec<Marker> = (0..2).map(|_| Marker::new(pool.files())).collect();
    // One task on each worker; their lanes are told apart by which one goes on.
    let waiting: Vec<_> = markers
        .iter()
        .map(|marker| {
            let late = utf8().timeout(Duration::from_millis(400));
            client
                .submit("test.until_cancelled", marker.text().as_bytes(), &late)
                .expect("a slot")
        })
        .collect();
    markers.iter().for_each(Marker::wait_started);
    let (_, stopped) = workers[0];
    assert!(pool.signal_worker(stopped, Signal::SIGSTOP));
    for ticket in &waiting {
        assert_eq!(end(ticket), Outcome::TimedOut { may_have_run: true });
    }
    // The other worker serves all that comes, hints that the stopped one holds included.
    let requests: Vec<[u8; 8]> = (0..200_u64).map(u64::to_le_bytes).collect();
    let tickets: Vec<_> = requests
        .iter()
        .map(|request| {
            client
                .submit("echo", &request.repeat(20), &options())
                .expect("a slot")
        })
        .collect();
    for (ticket, request) in tickets.iter().zip(&requests) {
        assert_eq!(result(ticket), request.repeat(20));
    }
    assert!(is_alive(stopped), "a stopped worker is not taken for dead");
    assert!(pool.signal_worker(stopped, Signal::SIGCONT));
    for marker in &markers {
        marker.wait_contents("started\ndeadline\n");
    }
    pool.wait_nothing_held(&[&client]);
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
    assert_eq!(pool.workers(), workers, "nobody was replaced");
    for _ in 0..100 {
        assert_eq!(call(&client, "echo", b"again", &options()), b"again");
    }
}

#[test]
fn a_stopped_worker_that_is_killed_gives_its_tasks_back() {
    let pool = Serve::new("stopped-killed").option("workers", "1").start();
    let client = pool.client();
    let (_, pid) = pool.wait_workers(1)[0];
    let marker = Marker::new(pool.files());
    let retried = utf8().attempts(2);
    let running = client
        .submit("test.until_cancelled", marker.text().as_bytes(), &retried)
        .expect("a slot");
    marker.wait_started();
    let queued: Vec<_> = (0..20)
        .map(|_| {
            client
                .submit("echo", &[7; 100], &options())
                .expect("a slot")
        })
        .collect();
    assert!(pool.signal_worker(pid, Signal::SIGSTOP));
    assert!(pool.signal_worker(pid, Signal::SIGKILL));
    marker.wait_contents("started\nstarted\n");
    assert_eq!(running.cancel(), Outcome::Cancelled { may_have_run: true });
    for ticket in &queued {
        assert_eq!(
            result(ticket),
            [7; 100],
            "a queued task was lost, or not run"
        );
    }
    pool.wait_nothing_held(&[&client]);
    assert_eq!(pool.counter(PoolCounter::TasksRequeued), 1);
}

#[test]
fn a_stopped_supervisor_reaps_when_it_wakes() {
    let pool = Serve::new("stopped-supervisor").start();
    let client = pool.client();
    let workers = pool.wait_workers(2);
    pool.signal(Signal::SIGSTOP);
    let (_, killed) = workers[1];
    let markers: Vec<Marker> = (0..2).map(|_| Marker::new(pool.files())).collect();
    let running: Vec<_> = markers
        .iter()
        .map(|marker| {
            client
                .submit("test.until_cancelled", marker.text().as_bytes(), &utf8())
                .expect("a slot")
        })
        .collect();
    markers.iter().for_each(Marker::wait_started);
    assert!(pool.signal_worker(killed, Signal::SIGKILL));
    Pool::wait_gone(&[killed]);
    // Nothing is reaped now; the other worker goes on alone. Which task is whose is found out by
    // cancelling.
    pool.signal(Signal::SIGCONT);
    wait_until("one of the tasks has crashed", || {
        pool.counter(PoolCounter::TasksCrashed) == 1
    });
    let outcomes: Vec<Outcome> = running
        .into_iter()
        .map(ringwork_ring::client::Ticket::cancel)
        .collect();
    let crashed = Outcome::Crashed {
        cause: Cause::signal(9),
        attempts: 1,
    };
    assert!(outcomes.contains(&crashed), "{outcomes:?}");
    assert!(
        outcomes.contains(&Outcome::Cancelled { may_have_run: true }),
        "{outcomes:?}"
    );
    pool.wait_nothing_held(&[&client]);
    let _ = pool.wait_workers(2);
}

#[test]
fn a_handler_that_never_returns_costs_its_worker_after_the_grace() {
    let pool = Serve::new("hung").option("overrun-grace", "200ms").start();
    let client = pool.client();
    let workers = pool.wait_workers(2);
    let hung = overrun(&client, "test.never", b"", &options(), 100);
    wait_until("the worker is killed", || {
        pool.counter(PoolCounter::WorkersCrashed) == 1
    });
    wait_until("it is replaced", || {
        let now = pool.workers();
        now.len() == 2 && now != workers
    });
    pool.wait_logged("test.never");
    assert_eq!(call(&client, "echo", b"x", &options()), b"x");
    drop(hung);
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_handler_that_hangs_within_its_deadline_is_left_alone() {
    let pool = Serve::new("slow").option("overrun-grace", "0").start();
    let client = pool.client();
    let slow = overrun(&client, "test.sleep", &1500_i64.to_le_bytes(), &i64(), 50);
    drop(slow);
    pool.wait_nothing_held(&[&client]); // when it has slept
    assert_eq!(
        pool.counter(PoolCounter::WorkersCrashed),
        0,
        "grace 0 means never"
    );
}

#[test]
fn a_worker_started_by_hand_is_reaped_when_it_dies() {
    let pool = Serve::new("joined").option("workers", "1").start();
    let client = pool.client();
    let mut joined = worker_of(&pool);
    wait_until("it has joined", || pool.workers().len() == 2);
    let markers: Vec<Marker> = (0..2).map(|_| Marker::new(pool.files())).collect();
    let retried = utf8().attempts(2);
    let running: Vec<_> = markers
        .iter()
        .map(|marker| {
            client
                .submit("test.until_cancelled", marker.text().as_bytes(), &retried)
                .expect("a slot")
        })
        .collect();
    markers.iter().for_each(Marker::wait_started);
    joined.kill();
    wait_until("its task is queued again", || {
        pool.counter(PoolCounter::TasksRequeued) == 1
    });
    for ticket in running {
        assert_eq!(ticket.cancel(), Outcome::Cancelled { may_have_run: true });
    }
    pool.wait_nothing_held(&[&client]);
    assert_eq!(pool.workers().len(), 1);
}
