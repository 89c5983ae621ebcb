//! Async handlers in real workers: thousands of tasks that wait without a thread, what is cancelled, what
//! dies, and handlers that block, panic or leave things behind.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork::{Error, Ringwork, TaskType};
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_ring::format::layout::{LaneCounter, PoolCounter};
use ringwork_ring::os::probes;
use ringwork_ring::{Codec, Status};
use ringwork_tests::{
    KillOnDrop, LIMIT, Pool, Serve, call, client_program, end, i64, io_worker_program, look,
    options, result, utf8, wait_until,
};
use std::future::Future;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

/// Longer than any test lasts.
const LONG: i64 = 600_000;

/// A pool of one worker with async handlers, and one CPU lane.
fn serve(name: &str) -> Serve {
    Serve::new(name)
        .option("worker", &io_worker_program().display().to_string())
        .option("workers", "1")
}

fn sleeping<'c>(client: &'c Client, ms: i64, options: &TaskOptions) -> Ticket<'c> {
    let options = options.clone().codec(Codec::I64);
    client
        .submit("io.sleep", &ms.to_le_bytes(), &options)
        .expect("submitted")
}

fn number(bytes: &[u8]) -> i64 {
    i64::from_le_bytes(bytes.try_into().expect("8 bytes"))
}

fn failure(ticket: &Ticket<'_>) -> (Status, String, String) {
    match end(ticket) {
        Outcome::Failed {
            status,
            code,
            message,
            ..
        } => (status, code, message),
        other => panic!("not failed: {other:?}"),
    }
}

/// How many futures of the worker live.
fn alive(client: &Client) -> i64 {
    number(&call(client, "cpu.alive", b"", &options()))
}

/// How many claims of lanes go on by themselves.
fn in_flight(pool: &Pool) -> u64 {
    pool.segment().lanes().map(|lane| lane.open_claims()).sum()
}

#[test]
fn a_task_that_is_ready_at_once_and_one_that_waits_give_their_results() {
    let pool = serve("echo").start();
    let client = pool.client();
    assert_eq!(call(&client, "io.echo", b"tea", &utf8()), b"tea");
    let attempt = result(&sleeping(&client, 5, &options()));
    assert_eq!(number(&attempt), 1);
    // Inline, in a block, and beyond what the pool carries.
    for size in [10_i64, 100_000] {
        let bytes = call(&client, "io.bytes", &size.to_le_bytes(), &i64());
        assert_eq!(bytes, vec![7; size as usize]);
    }
    let huge = (64_i64 << 20).to_le_bytes();
    let ticket = client.submit("io.bytes", &huge, &i64()).unwrap();
    assert_eq!(failure(&ticket).1, "result.too_large");
    let refused = client.submit("io.sleep", b"soon", &utf8()).unwrap();
    let (status, code, message) = failure(&refused);
    assert_eq!(
        (status, code.as_str()),
        (Status::Codec, "request.undecodable")
    );
    assert!(message.contains("takes i64"), "{message}");
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn thousands_of_tasks_wait_in_one_worker_and_its_lane_goes_on() {
    let tasks = 8000;
    let pool = serve("many")
        .option("clients", "1")
        .option("slots", "16384")
        .option("segment-size", "64MiB")
        .start();
    let client = pool.client();
    let tickets: Vec<_> = (0..tasks)
        .map(|_| sleeping(&client, 2_000, &options()))
        .collect();
    wait_until("all are in flight", || in_flight(&pool) == tasks);
    // The one lane has all of them in its name, and runs others.
    assert_eq!(call(&client, "cpu.echo", b"tea", &utf8()), b"tea");
    assert_eq!(alive(&client), tasks as i64);
    for ticket in &tickets {
        assert_eq!(number(&result(ticket)), 1);
    }
    // A claim is counted as closed after its end is seen.
    wait_until("all are gone", || in_flight(&pool) == 0);
    assert_eq!(alive(&client), 0);
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_worker_that_is_killed_loses_none_of_its_tasks() {
    let tasks = 2000;
    let pool = serve("killed")
        .option("clients", "1")
        .option("slots", "4096")
        .option("segment-size", "64MiB")
        .start();
    let client = pool.client();
    let (once, twice) = (options(), options().attempts(2));
    // The first half has another attempt, the second one has none.
    let tickets: Vec<_> = (0..tasks)
        .map(|n| sleeping(&client, LONG, if n < tasks / 2 { &twice } else { &once }))
        .collect();
    wait_until("all are in flight", || in_flight(&pool) == tasks);
    let (_, pid) = pool.wait_workers(1)[0];
    assert!(pool.signal_worker(pid, Signal::SIGKILL));
    for ticket in &tickets[tasks as usize / 2..] {
        assert!(matches!(end(ticket), Outcome::Crashed { .. }));
    }
    wait_until("both halves are counted", || {
        let counted = [PoolCounter::TasksRequeued, PoolCounter::TasksCrashed];
        counted.map(|counter| pool.counter(counter)) == [tasks / 2; 2]
    });
    wait_until("the others run again", || in_flight(&pool) == tasks / 2);
    let cancelled = tickets
        .into_iter()
        .take(tasks as usize / 2)
        .map(Ticket::cancel);
    let kept = cancelled.filter(|outcome| !matches!(outcome, Outcome::Cancelled { .. }));
    assert_eq!(kept.count(), 0);
    wait_until("all are gone", || in_flight(&pool) == 0);
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_cancelled_task_and_one_past_its_deadline_are_dropped() {
    let pool = serve("dropped").start();
    let client = pool.client();
    let cancelled = sleeping(&client, LONG, &options());
    let forgotten = client.submit("io.forgets", b"", &options()).unwrap();
    let short = options().timeout(Duration::from_millis(300));
    let late = sleeping(&client, LONG, &short);
    // Its waker is dropped, so nothing but the deadline wakes it.
    let never_woken = client.submit("io.forgets", b"", &short).unwrap();
    wait_until("they run", || in_flight(&pool) == 4);
    let seen = Instant::now();
    let _ = cancelled.cancel();
    let _ = forgotten.cancel();
    assert!(matches!(
        end(&late),
        Outcome::TimedOut { may_have_run: true }
    ));
    assert!(matches!(end(&never_woken), Outcome::TimedOut { .. }));
    wait_until("their futures are dropped", || alive(&client) == 0);
    println!("dropped {:?} after the cancel", seen.elapsed());
    pool.wait_nothing_held(&[&client]);
    let count = |counter| -> u64 {
        pool.segment()
            .lanes()
            .map(|lane| lane.counter(counter).get())
            .sum()
    };
    assert_eq!(
        (count(LaneCounter::Cancelled), count(LaneCounter::Expired)),
        (2, 2)
    );
}

#[test]
fn a_handler_that_listens_learns_why_and_ends_by_itself() {
    let pool = serve("listens").start();
    let client = pool.client();
    let caller = client
        .submit("io.until_cancelled", b"", &options())
        .unwrap();
    wait_until("it runs", || in_flight(&pool) == 1);
    let listed = pool
        .base()
        .command(&["tasks", "listens", "--json"])
        .output();
    let listed: serde_json::Value = serde_json::from_slice(&listed.unwrap().stdout).unwrap();
    let told = &listed["awaiting"][0];
    assert_eq!(told["handler"], "io.until_cancelled", "{listed}");
    assert_eq!(
        (&told["attempt"], &told["client_pid"]),
        (&1.into(), &std::process::id().into())
    );
    assert_eq!(
        listed["running"].as_array().map(Vec::len),
        Some(0),
        "{listed}"
    );
    let _ = caller.cancel();
    wait_until("it has ended", || in_flight(&pool) == 0);
    let why = || String::from_utf8(call(&client, "io.last_why", b"", &options())).unwrap();
    assert_eq!(why(), "the caller has given the task up");
    let short = options().timeout(Duration::from_millis(200));
    let late = client.submit("io.until_cancelled", b"", &short).unwrap();
    assert!(matches!(end(&late), Outcome::TimedOut { .. }));
    wait_until("it has ended", || alive(&client) == 0);
    assert_eq!(why(), "its deadline has passed");
    let caller = Command::new(client_program())
        .arg(pool.dir().path())
        .args(["io.until_cancelled", "", "1"])
        .stdout(Stdio::null())
        .spawn();
    let mut caller = KillOnDrop(caller.expect("a client process"));
    wait_until("it runs", || in_flight(&pool) == 1);
    caller.kill();
    wait_until("it has ended", || alive(&client) == 0);
    assert_eq!(why(), "the caller has died");
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_panic_costs_one_task_wherever_it_comes() {
    let pool = serve("panics").start();
    let client = pool.client();
    for late in [0_i64, 1] {
        let ticket = client
            .submit("io.panics", &late.to_le_bytes(), &i64())
            .unwrap();
        let (status, code, message) = failure(&ticket);
        assert_eq!(
            (status, code.as_str()),
            (Status::Panicked, "handler.panicked")
        );
        assert_eq!(message, "on purpose");
    }
    // Also in a part of the handler that runs elsewhere; one that nothing awaits costs no task.
    let child = |awaits: i64| client.submit("io.child_panics", &awaits.to_le_bytes(), &i64());
    let blocking = client.submit("io.blocking_panics", b"", &options());
    for ticket in [blocking.unwrap(), child(1).unwrap()] {
        let (status, code, message) = failure(&ticket);
        assert_eq!(
            (status, code.as_str(), message.as_str()),
            (Status::Panicked, "handler.panicked", "on purpose")
        );
    }
    let _ = result(&child(0).unwrap());
    wait_until("each panic is logged once", || {
        pool.log().matches("handler panicked: on purpose").count() == 5
    });
    let dropped = client.submit("io.panics_in_drop", b"", &options()).unwrap();
    wait_until("it runs", || in_flight(&pool) == 1);
    let _ = dropped.cancel();
    wait_until("it has ended", || in_flight(&pool) == 0);
    for late in [0_i64, 1] {
        let ticket = client
            .submit("io.fails", &late.to_le_bytes(), &i64())
            .unwrap();
        assert_eq!(failure(&ticket).1, "test.failed");
    }
    assert_eq!(call(&client, "io.echo", b"tea", &utf8()), b"tea");
    assert_eq!(pool.workers().len(), 1, "and the worker lives");
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn the_requests_of_a_chunk_pass_an_async_handler_one_by_one() {
    const SLEEP: TaskType<i64, i64> = TaskType::new("io.sleep");
    const PANICS: TaskType<i64, ()> = TaskType::new("io.panics");
    let pool = serve("chunks").start();
    let low_level = pool.client();
    let builder = Ringwork::builder("x").dir(pool.dir().clone());
    let rw = builder.connect_blocking().expect("a client entry");
    let found = rw.chunk(SLEEP, &[1, -1, 2]).wait().unwrap();
    let [one, two, three] = found.try_into().unwrap();
    assert_eq!((one.unwrap(), three.unwrap()), (1, 1));
    let undecodable =
        matches!(&two, Err(Error::Remote { code, .. }) if code == "request.undecodable");
    assert!(undecodable, "{two:?}");
    for part in rw.chunk(PANICS, &[1, 0]).wait().unwrap() {
        let panicked = part.unwrap_err();
        assert!(matches!(panicked, Error::TaskPanic { .. }), "{panicked:?}");
    }
    // Given up in its second request, it ends.
    let mut given_up = std::future::IntoFuture::into_future(rw.chunk(SLEEP, &[1, LONG, 1]));
    let mut context = Context::from_waker(Waker::noop());
    assert!(Future::poll(Pin::new(&mut given_up), &mut context).is_pending());
    wait_until("it runs", || in_flight(&pool) == 1);
    drop(given_up);
    wait_until("its future is dropped", || {
        in_flight(&pool) == 0 && alive(&low_level) == 0
    });
    drop(rw);
    pool.wait_nothing_held(&[&low_level]);
}

#[test]
fn what_a_task_has_spawned_ends_with_it() {
    let pool = serve("spawned").start();
    let client = pool.client();
    let sum = call(&client, "io.spawns", &3_i64.to_le_bytes(), &i64());
    assert_eq!(number(&sum), 21);
    wait_until("its children are dropped", || alive(&client) == 0);
    // One that hands its context to a task of Tokio ends all the same.
    let _ = call(&client, "io.leaks", b"", &options());
    assert_eq!(call(&client, "io.echo", b"tea", &utf8()), b"tea");
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_poll_that_blocks_is_named_and_other_shards_go_on() {
    let pool = serve("blocks").option("io-threads", "2").start();
    let client = pool.client();
    let blocks = client
        .submit("io.blocks", &2_000_i64.to_le_bytes(), &i64())
        .unwrap();
    pool.wait_logged("a poll of io.blocks has taken");
    // New tasks avoid its thread.
    assert_eq!(number(&result(&sleeping(&client, 1, &options()))), 1);
    assert!(in_flight(&pool) >= 1, "it has not ended yet");
    assert_eq!(number(&result(&blocks)), 2_000);
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_first_poll_that_blocks_its_lane_is_named() {
    let pool = serve("blocks-lane").option("log-format", "json").start();
    let client = pool.client();
    let blocks = client.submit("io.blocks_at_once", &600_i64.to_le_bytes(), &i64());
    pool.wait_logged("a poll of io.blocks_at_once has taken");
    assert_eq!(number(&result(&blocks.unwrap())), 600);
    let log = pool.log();
    let line = log.lines().find(|line| line.contains("io.stalled"));
    let line: serde_json::Value = serde_json::from_str(line.unwrap()).unwrap();
    assert_eq!(line["task"]["lane"], 0, "{line}");
    let text = line["message"].as_str().unwrap();
    assert!(text.contains("its lane begins no other task"), "{text}");
}

#[test]
fn a_poll_beyond_the_hard_limit_costs_the_worker() {
    let pool = serve("limit")
        .option("limit", "io.blocks:hard=300ms")
        .start();
    let client = pool.client();
    let other = sleeping(&client, 2_000, &options().attempts(2));
    wait_until("it runs", || in_flight(&pool) == 1);
    let blocks = client
        .submit("io.blocks", &LONG.to_le_bytes(), &i64())
        .unwrap();
    assert!(matches!(end(&blocks), Outcome::Crashed { .. }));
    assert!(pool.log().contains("io.blocks ran beyond its hard limit"));
    // The one that waited beside it has another attempt. Its own waiting is under no limit.
    assert_eq!(number(&result(&other)), 2);
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn blocking_work_leaves_the_tasks_their_thread_and_is_bounded() {
    let pool = serve("blocking").start();
    let client = pool.client();
    let blocking = |ms: i64| {
        client
            .submit("io.blocking", &ms.to_le_bytes(), &i64())
            .unwrap()
    };
    let tickets: Vec<_> = (0..200).map(|_| blocking(500)).collect();
    assert_eq!(number(&result(&sleeping(&client, 1, &options()))), 1);
    let mut busy = 0;
    for ticket in &tickets {
        match end(ticket) {
            Outcome::Failed { code, .. } => {
                assert_eq!(code, "handler.busy");
                busy += 1;
            }
            Outcome::Completed { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((1..200).contains(&busy), "{busy} of 200 were refused");
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn more_tasks_than_io_tasks_wait_their_turn() {
    let pool = serve("full").option("io-tasks", "4").start();
    let client = pool.client();
    let tickets: Vec<_> = (0..40).map(|_| sleeping(&client, 10, &options())).collect();
    let mut most = 0;
    for ticket in &tickets {
        most = most.max(in_flight(&pool));
        assert_eq!(number(&result(ticket)), 1);
    }
    assert!(most <= 4, "{most} in flight");
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_worker_that_leaves_waits_for_its_tasks_and_then_drops_them() {
    let pool = serve("leaves").daemon().option("io-drain", "400ms").start();
    let client = pool.client();
    let short = sleeping(&client, 150, &options());
    let long = sleeping(&client, LONG, &options());
    let listens = client
        .submit("io.until_cancelled", b"", &options())
        .unwrap();
    wait_until("they run", || in_flight(&pool) == 3);
    let (_, pid) = pool.wait_workers(1)[0];
    assert!(pool.signal_worker(pid, Signal::SIGTERM));
    assert_eq!(number(&result(&short)), 1);
    assert_eq!(failure(&long).1, "worker.draining");
    assert_eq!(failure(&listens).2, "Draining");
    wait_until("another worker serves", || {
        pool.workers().iter().any(|(_, other)| *other != pid)
    });
    assert_eq!(call(&client, "io.echo", b"tea", &utf8()), b"tea");
    pool.wait_nothing_held(&[&client]);
}

/// At a stop async tasks have the shorter one of `--io-drain` and `--drain-timeout`. Handlers that ask are
/// told before, and all end as tasks of a worker that leaves, none as one of a closed pool.
#[test]
fn a_pool_that_stops_tells_its_tasks_first_and_ends_all_in_one_way() {
    for (name, option, time) in [
        ("stops-by-drain", "io-drain", "1300ms"),
        ("stops-by-time", "drain-timeout", "1300ms"),
    ] {
        let mut pool = serve(name).daemon().option(option, time).start();
        let client = pool.client();
        let submit = |handler: &str| client.submit(handler, b"", &options()).unwrap();
        let (short, long) = (
            sleeping(&client, 150, &options()),
            sleeping(&client, LONG, &options()),
        );
        let (listens, leaves) = (submit("io.until_cancelled"), submit("io.until_leaving"));
        wait_until("they run", || in_flight(&pool) == 4);
        pool.signal(Signal::SIGTERM);
        assert_eq!(result(&leaves), b"None", "it is not cancelled yet");
        assert_eq!(number(&result(&short)), 1);
        assert_eq!(failure(&listens).2, "Draining");
        let (status, code, message) = failure(&long);
        assert_eq!(
            (status, code.as_str()),
            (Status::Failed, "worker.draining"),
            "{message}"
        );
        assert!(pool.wait_exit().success());
        let log = pool.log();
        assert!(!log.contains("pool.unfinished"), "{log}");
        assert!(log.contains("1 async tasks have not ended"), "{log}");
        let says = log.contains("async tasks for at most 1.3s (--io-drain)");
        assert_eq!(says, option == "io-drain", "{log}");
    }
}

/// `ringwork drain` stops nothing: tasks go on, and are not told.
#[test]
fn a_pool_that_is_drained_lets_its_tasks_go_on() {
    let pool = serve("drained").daemon().option("io-drain", "0").start();
    let client = pool.client();
    let leaves = client.submit("io.until_leaving", b"", &options()).unwrap();
    wait_until("it runs", || in_flight(&pool) == 1);
    let steer = |command: &str| {
        let ended = pool.base().command(&[command, "drained"]).output();
        assert!(ended.unwrap().status.success());
    };
    steer("drain");
    assert!(pool.segment().drain_end_ns().is_none());
    steer("resume");
    assert_eq!(call(&client, "io.echo", b"tea", &utf8()), b"tea");
    assert_eq!(in_flight(&pool), 1);
    let (_, pid) = pool.wait_workers(1)[0];
    assert!(pool.signal_worker(pid, Signal::SIGTERM));
    let _ = end(&leaves);
    pool.wait_nothing_held(&[&client]);
}

/// Each record about a task says which, in the same fields, whichever thread or process writes it.
#[test]
fn records_about_a_task_have_the_same_fields_wherever_they_come_from() {
    let pool = serve("records")
        .option("log-format", "json")
        .option("limit", "io.blocks:soft=120ms")
        .option("slow-task", "150ms")
        .start();
    let client = pool.client();
    let trace = *b"\0\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c\xb7\xad\x6b\x71\x69\x20\x33\x31\x01";
    let wanted = options().task_id(7).traceparent(trace);
    let submit = |handler: &str, number: Option<i64>| {
        let bytes = number.map(i64::to_le_bytes);
        let wanted = match number {
            Some(_) => wanted.clone().codec(Codec::I64),
            None => wanted.clone(),
        };
        let request = bytes.as_ref().map_or(&b""[..], |bytes| &bytes[..]);
        client.submit(handler, request, &wanted).unwrap()
    };
    for (handler, number) in [
        ("io.panics", Some(0)),
        ("io.panics", Some(1)),
        ("io.child_panics", Some(1)),
        ("io.blocking_panics", None),
        ("io.blocks", Some(500)),
        ("cpu.blocks", Some(500)),
    ] {
        let _ = end(&submit(handler, number));
    }
    let dropped = submit("io.panics_in_drop", None);
    wait_until("it runs", || in_flight(&pool) == 1);
    let _ = dropped.cancel();
    let expected = [
        ("handler.panicked", "io.panics"),
        ("handler.panicked", "io.child_panics"),
        ("handler.panicked", "io.blocking_panics"),
        ("handler.drop_panicked", "io.panics_in_drop"),
        ("io.stalled", "io.blocks"),
        ("task.soft_limit", "io.blocks"),
        ("task.slow", "cpu.blocks"),
    ];
    let (_, worker) = pool.wait_workers(1)[0];
    for (event, handler) in expected {
        let found = || {
            let log = pool.log();
            let lines = log.lines().map(serde_json::from_str::<serde_json::Value>);
            let mut lines = lines.map(|line| line.expect("JSON"));
            lines.find(|line| line["event"] == event && line["task"]["handler"] == handler)
        };
        wait_until(&format!("{event} of {handler} is told"), || {
            found().is_some()
        });
        let line = found().unwrap();
        assert_eq!(line["pool"], "records", "{line}");
        assert_eq!(line["pid"], worker, "{line}");
        assert!(line["remedy"].is_string(), "{line}");
        let task = &line["task"];
        assert_eq!(
            (&task["id"], &task["attempt"]),
            (&7.into(), &1.into()),
            "{line}"
        );
        assert!(task["worker"].is_u64() && task["lane"].is_u64(), "{line}");
        assert!(task["traceparent"].is_string(), "{line}");
        assert!(line["handler"].is_null(), "{line}");
    }
}

/// A worker that finds no room is told once, in the log and to those that look at the pool.
#[test]
fn a_worker_that_finds_no_room_in_the_lane_table_is_told() {
    let pool = serve("no-room")
        .daemon()
        .option("workers", "2")
        .option("max-lanes", "3")
        .start();
    pool.wait_logged("no room for 1 more worker");
    assert!(pool.log().contains("larger --max-lanes"), "{}", pool.log());
    wait_until("the reason says so", || {
        pool.segment()
            .reason()
            .contains("no room for 1 more worker")
    });
    let client = pool.client();
    assert_eq!(call(&client, "io.echo", b"tea", &utf8()), b"tea");
    let asked = |command: &[&str]| {
        let ended = pool.base().command(command).output().unwrap();
        String::from_utf8(ended.stdout).unwrap()
    };
    let doctor = asked(&["doctor", "no-room"]);
    assert!(doctor.contains("--max-lanes"), "{doctor}");
    // Its threads are told from its lanes, and from each other.
    let stat = asked(&["stat", "no-room", "--json"]);
    let stat: serde_json::Value = serde_json::from_str(&stat).unwrap();
    let lanes = stat["workers"][0]["lanes"].as_array().unwrap();
    let threads = lanes.iter().map(|lane| lane["io_thread"] == true);
    assert_eq!(threads.collect::<Vec<_>>(), [false, true], "{stat}");
    wait_until("both rest", || {
        let stat = asked(&["stat", "no-room"]);
        stat.contains("1 io   idle") && !stat.contains("searching")
    });
    assert_eq!(pool.log().matches("no room for").count(), 1);
}

/// The example worker/examples/fetch.rs: as many connections at once as there are tasks.
#[test]
fn pages_are_fetched_side_by_side_by_one_thread() {
    let pages = 100;
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let pool = serve("fetch").start();
    let client = pool.client();
    let url = |page: usize| format!("http://{address}/{page}");
    let tickets: Vec<_> = (0..pages)
        .map(|page| {
            client
                .submit("http.get", url(page).as_bytes(), &utf8())
                .unwrap()
        })
        .collect();
    // The server answers none before it has all of them.
    let mut asked: Vec<(TcpStream, String)> = (0..pages)
        .map(|_| {
            let (mut connection, _) = server.accept().unwrap();
            let mut request = [0; 1024];
            let len = connection.read(&mut request).unwrap();
            let text = String::from_utf8_lossy(&request[..len]);
            let page = text.split_whitespace().nth(1).unwrap().to_owned();
            (connection, page)
        })
        .collect();
    assert_eq!(in_flight(&pool), pages as u64);
    for (connection, page) in &mut asked {
        write!(connection, "HTTP/1.0 200 OK\r\n\r\npage {page}").unwrap();
    }
    drop(asked);
    for (page, ticket) in tickets.iter().enumerate() {
        assert_eq!(result(ticket), format!("page /{page}").into_bytes());
    }
    // A task that is given up lets go of its connection.
    let ticket = client
        .submit("http.get", url(0).as_bytes(), &utf8())
        .unwrap();
    let (mut connection, _) = server.accept().unwrap();
    let _ = ticket.cancel();
    let mut rest = Vec::new();
    connection
        .read_to_end(&mut rest)
        .expect("the worker closes it");
    let wrong = client.submit("http.get", b"ftp://x/", &utf8()).unwrap();
    assert_eq!(failure(&wrong).1, "fetch.invalid_url");
    pool.wait_nothing_held(&[&client]);
}

/// Timers and threads are a worker's own; the network is not, and the error says so.
#[test]
fn async_handlers_run_in_the_sandbox_without_the_network() {
    let pool = serve("sandbox").flag("sandbox").start();
    let client = pool.client();
    assert_eq!(number(&result(&sleeping(&client, 5, &options()))), 1);
    let blocking = client
        .submit("io.blocking", &1_i64.to_le_bytes(), &i64())
        .unwrap();
    assert_eq!(number(&result(&blocking)), 1);
    let fetch = client
        .submit("http.get", b"http://127.0.0.1:9/", &utf8())
        .unwrap();
    let (_, code, message) = failure(&fetch);
    assert_eq!(code, "fetch.unreachable");
    assert!(message.contains("--sandbox"), "{message}");
    pool.wait_nothing_held(&[&client]);
}

/// What `--sandbox-net` lists can be reached, and nothing beside it.
#[test]
fn async_handlers_reach_the_ports_that_the_sandbox_lets_them() {
    if probes::landlock_abi() < Some(4) || !probes::has_seccomp_filter() {
        println!("this kernel can't tell ports apart: not tried");
        return;
    }
    let [open, shut] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [open_at, shut_at] = [&open, &shut].map(|server| server.local_addr().unwrap());
    let peer = format!("*:{}", open_at.port());
    let pool = serve("net")
        .flag("sandbox")
        .option("sandbox-net", &peer)
        .start();
    let client = pool.client();
    let get = |address| {
        let url = format!("http://{address}/");
        client.submit("http.get", url.as_bytes(), &utf8()).unwrap()
    };
    let page = get(open_at);
    let (mut connection, _) = open.accept().unwrap();
    let mut request = [0; 1024];
    let _ = connection.read(&mut request).unwrap();
    write!(connection, "HTTP/1.0 200 OK\r\n\r\ntea").unwrap();
    drop(connection);
    assert_eq!(result(&page), b"tea");
    let (_, code, message) = failure(&get(shut_at));
    assert_eq!(code, "fetch.unreachable");
    assert!(message.contains("--sandbox-net"), "{message}");
    pool.wait_nothing_held(&[&client]);
}

/// A client that a state has connected is of use in the sandbox, where none can be connected.
#[test]
fn a_client_that_a_state_has_calls_the_own_pool_from_the_sandbox() {
    if probes::landlock_abi().is_none() || !probes::has_seccomp_filter() {
        println!("this kernel can't confine in full: not tried");
        return;
    }
    let confined = |name: &str| {
        serve(name)
            .flag("sandbox=require")
            .env("RINGWORK_TEST_CLIENT_OF", name)
    };
    let pool = confined("own-confined").start();
    let client = pool.client();
    assert_eq!(call(&client, "io.calls_by_state", b"tea", &utf8()), b"tea");
    assert_eq!(
        call(&client, "io.calls_by_state", b"milk", &utf8()),
        b"milk"
    );
    // One that is connected there fails, and says why.
    let late = client.submit("io.calls", b"tea", &utf8()).unwrap();
    assert!(failure(&late).2.contains("--sandbox"));
    if probes::landlock_abi() >= Some(8) {
        return; // which covers threads of before
    }
    let asks = confined("own-asks").env("RINGWORK_TEST_CLIENT_ASKS", "1");
    let refused = asks.try_start().expect_err("a thread of before");
    for part in [
        "files for 1 thread",
        "ringwork-poller",
        "leave them to a handler",
    ] {
        assert!(refused.error.contains(part), "{part} in {refused:?}");
    }
}

/// An async handler waits for its own pool without a lane: the one lane runs what it calls.
#[test]
fn an_async_handler_calls_its_own_pool() {
    let pool = serve("own").start();
    let client = pool.client();
    let text = call(&client, "io.calls", b"tea and milk", &utf8());
    assert_eq!(text, b"tea+and+milk");
    // A call that is dropped between two polls is cancelled, as for any client.
    let long = LONG.to_le_bytes();
    assert_eq!(number(&call(&client, "io.gives_up", &long, &i64())), 1);
    wait_until("the inner task is dropped", || {
        in_flight(&pool) == 0 && alive(&client) == 0
    });
    wait_until("nothing is held", || {
        client.collect();
        look::held(pool.segment()).is_empty()
    });
}

/// Calls within calls end where the client of the worker has no slot left; a caller that gives up
/// takes all of them along.
#[test]
fn a_handler_that_calls_itself_without_end_is_stopped() {
    let slots = 64;
    let pool = serve("nests")
        .option("clients", "4")
        .option("slots", &slots.to_string())
        .start();
    let client = pool.client();
    let nests = |options: &TaskOptions| {
        let options = options.clone().codec(Codec::I64);
        let request = 0_i64.to_le_bytes();
        client.submit("io.nests", &request, &options).unwrap()
    };
    let told = String::from_utf8(result(&nests(&options()))).unwrap();
    let (depth, why) = told.split_once(": ").unwrap();
    // A few slots are kept for the most urgent.
    let depth: u32 = depth.parse().unwrap();
    assert!((slots / 2..=slots).contains(&depth), "{told}");
    assert!(why.starts_with("all 64 slots of this client"), "{told}");
    assert_eq!(call(&client, "io.echo", b"tea", &utf8()), b"tea");
    // With fewer tasks in flight than slots the innermost waits for room: until the deadline.
    let pool = serve("nests-full").option("io-tasks", "8").start();
    let client = pool.client();
    let options = options()
        .timeout(Duration::from_millis(400))
        .codec(Codec::I64);
    let ticket = client
        .submit("io.nests", &0_i64.to_le_bytes(), &options)
        .unwrap();
    assert!(matches!(end(&ticket), Outcome::TimedOut { .. }));
    wait_until("all are gone", || in_flight(&pool) == 0);
    assert_eq!(call(&client, "io.echo", b"tea", &utf8()), b"tea");
    wait_until("nothing is held", || {
        client.collect();
        look::held(pool.segment()).is_empty()
    });
}

#[test]
fn threads_and_runtimes_that_can_not_be_had_are_told_with_the_remedy() {
    for (option, value, lack) in [
        (
            "worker-open-files",
            "24",
            "the runtime of the async handlers can't be made",
        ),
        (
            "worker-memory",
            "48MiB",
            "the threads of the async handlers can't be started",
        ),
    ] {
        let refused = serve("poor")
            .option("io-threads", "48")
            .option(option, value);
        let log = refused.try_start().expect_err("it is refused").log;
        assert!(
            log.contains(lack) && log.contains("fewer --io-threads"),
            "{log}"
        );
    }
}

#[test]
fn numbers_that_leave_async_handlers_nothing_are_refused() {
    for (option, value) in [("io-threads", "0"), ("io-tasks", "0"), ("io-stall", "0")] {
        let refused = serve("refused").option(option, value).try_start();
        let log = refused.expect_err("it is refused").log;
        assert!(log.contains(&format!("{option} is 0")), "{log}");
    }
    // No room for the threads of a worker in the lane table: it says so, and what to raise.
    let refused = serve("crowded").option("max-lanes", "1").try_start();
    let log = refused.expect_err("it is refused").log;
    assert!(log.contains("--max-lanes"), "{log}");
}

#[test]
fn a_worker_that_exits_under_its_tasks_is_replaced() {
    let pool = serve("exits").start();
    let client = pool.client();
    let other = sleeping(&client, 300, &options().attempts(2));
    wait_until("it runs", || in_flight(&pool) == 1);
    let exits = client.submit("io.exits", b"", &options()).unwrap();
    assert!(matches!(end(&exits), Outcome::Crashed { .. }));
    assert_eq!(number(&result(&other)), 2);
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn progress_of_a_task_that_waits_is_its_own() {
    let pool = serve("progress").start();
    let client = pool.client();
    let ticket = client.submit("io.progress", b"", &options()).unwrap();
    let slot = ticket.slot();
    wait_until("it is told", || {
        pool.segment().slot(slot).progress() == (1, 2)
    });
    let _ = ticket.cancel();
    let start = Instant::now();
    pool.wait_nothing_held(&[&client]);
    assert!(start.elapsed() < LIMIT);
}
