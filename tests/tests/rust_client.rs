//! The client `ringwork` against real pools: its futures on Tokio and without a runtime, what is
//! dropped and what is aborted, deaths of workers and of the supervisor.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork::{Cbor, Encoded, Error, Reason, Ringwork, Task, TaskType, WaitStrategy};
use ringwork::{block_on, join_all, select_first, with_timeout};
use ringwork_ring::Codec;
use ringwork_tests::{LIMIT, Marker, Pool, Serve, wait_until};
use std::time::{Duration, Instant};

const ECHO: TaskType<[u8], Vec<u8>> = TaskType::new("echo");
const CBOR: TaskType<Cbor<Order>, Cbor<Order>> = TaskType::new("test.cbor");
const DOUBLE: TaskType<i64, i64> = TaskType::new("test.i64_double");
const UNTIL_CANCELLED: TaskType<str, String> = TaskType::new("test.until_cancelled");
const SLEEP: TaskType<i64, i64> = TaskType::new("test.sleep");
const NEVER: TaskType<(), ()> = TaskType::new("test.never");
const ATTEMPT: TaskType<(), i64> = TaskType::new("test.attempt");
const KILL_SELF_ONCE: TaskType<(), i64> = TaskType::new("test.kill_self_once");
const BIG_RESULT: TaskType<i64, Vec<u8>> = TaskType::new("test.big_result");
const PANIC: TaskType<str, ()> = TaskType::new("test.panic");
const FAIL: TaskType<str, ()> = TaskType::new("test.fail");

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Order {
    id: u64,
    lines: Vec<(String, u32)>,
    note: Option<String>,
}

fn client(pool: &Pool) -> Ringwork {
    let builder = Ringwork::builder("x").dir(pool.dir().clone());
    builder.connect_blocking().expect("a client entry")
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_time().build().unwrap()
}

fn code(error: &Error) -> &str {
    match error {
        Error::Remote { code, .. } => code,
        other => panic!("{other}"),
    }
}

/// A task that runs until it is cancelled, and its file.
fn running(rw: &Ringwork, pool: &Pool) -> (Task<String>, Marker) {
    let marker = Marker::new(pool.files());
    let task = rw.submit(UNTIL_CANCELLED, marker.text()).unwrap();
    marker.wait_started();
    (task, marker)
}

#[test]
fn a_client_is_called_what_it_says_or_as_its_program() {
    let pool = Serve::new("names").option("clients", "2").start();
    let named = |name: &str| {
        let builder = Ringwork::builder("x").dir(pool.dir().clone());
        builder.client_name(name).connect_blocking().unwrap()
    };
    let program = std::env::current_exe().unwrap();
    let program = program.file_name().unwrap().to_string_lossy();
    let _clients = (client(&pool), named("orders"));
    let names = (0..2).map(|index| pool.segment().client(index).name());
    assert_eq!(names.collect::<Vec<_>>(), [&program, "orders"]);
}

#[test]
fn calls_are_awaited_on_tokio_and_without_a_runtime() {
    let pool = Serve::new("calls").start();
    let rw = client(&pool);
    assert_eq!(block_on(rw.call(ECHO, b"tea")).unwrap(), b"tea");
    assert_eq!(rw.call(DOUBLE, &21).wait().unwrap(), 42);
    let order = Order {
        id: u64::MAX,
        lines: vec![("tea".into(), 2)],
        note: None,
    };
    let sent = Cbor(order.clone());
    let found = runtime().block_on(async move {
        let handle = tokio::spawn(async move { rw.call(CBOR, &sent).await });
        handle.await.unwrap()
    });
    assert_eq!(found.unwrap(), Cbor(order));
    pool.wait_nothing_held(&[]);
}

#[test]
fn a_thousand_calls_at_once_from_many_tasks_and_threads() {
    let pool = Serve::new("many")
        .option("slots", "2048")
        .option("segment-size", "48MiB")
        .start();
    let rw = client(&pool);
    let size = |n: usize| vec![n as u8; n % 300];
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for n in 0..1000 {
                    assert_eq!(rw.call(ECHO, &size(n)[..]).wait().unwrap(), size(n));
                }
            });
        }
        let rw = rw.clone();
        runtime().block_on(async move {
            let spawn = |n| {
                let rw = rw.clone();
                tokio::spawn(async move { (n, rw.call(ECHO, &size(n)[..]).await) })
            };
            let tasks: Vec<_> = (0..1000).map(spawn).collect();
            for task in tasks {
                let (n, found) = task.await.unwrap();
                assert_eq!(found.unwrap(), size(n));
            }
        });
    });
    assert_eq!(rw.in_flight(), 0);
    drop(rw);
    pool.wait_nothing_held(&[]);
}

#[test]
fn a_call_that_is_dropped_is_cancelled_and_a_task_runs_on() {
    let pool = Serve::new("drops").start();
    let rw = client(&pool);
    let marker = Marker::new(pool.files());
    let mut call = std::future::IntoFuture::into_future(rw.call(UNTIL_CANCELLED, marker.text()));
    marker.wait_started();
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    assert!(std::future::Future::poll(std::pin::Pin::new(&mut call), &mut context).is_pending());
    drop(call);
    marker.wait_contents("started\ncancelled\n");

    let (task, marker) = running(&rw, &pool);
    let aborted = task.abort();
    assert!(matches!(
        aborted,
        Err(Error::Cancelled { may_have_run: true })
    ));
    marker.wait_contents("started\ncancelled\n");

    let (task, marker) = running(&rw, &pool);
    drop(task.abort_on_drop());
    marker.wait_contents("started\ncancelled\n");

    let file = pool.files().join("counted");
    let count: TaskType<str, i64> = TaskType::new("test.count");
    drop(rw.submit(count, file.to_str().unwrap()).unwrap());
    wait_until("the task has run", || file.exists());
    wait_until("its slot is free", || rw.in_flight() == 0);
    drop(rw);
    pool.wait_nothing_held(&[]);
}

#[test]
fn a_queued_call_that_is_given_up_has_not_run() {
    let pool = Serve::new("queued").option("workers", "1").start();
    let rw = client(&pool);
    let (busy, _marker) = running(&rw, &pool);
    let queued = rw.submit(DOUBLE, &1).unwrap();
    let aborted = queued.abort();
    assert!(matches!(
        aborted,
        Err(Error::Cancelled {
            may_have_run: false
        })
    ));
    let late = rw.call(DOUBLE, &1).timeout(Duration::from_millis(20));
    let late = block_on(late);
    assert!(
        matches!(
            late,
            Err(Error::Timeout {
                may_have_run: false
            })
        ),
        "{late:?}"
    );
    drop(busy.abort());
}

#[test]
fn deadlines_end_what_runs_and_what_blocks() {
    let pool = Serve::new("deadlines").start();
    let rw = client(&pool);
    let call = rw.call(SLEEP, &60_000).timeout(Duration::from_millis(30));
    assert!(matches!(block_on(call), Err(Error::Timeout { .. })));
    let deadline = Instant::now() + Duration::from_millis(30);
    let call = rw.call(NEVER, &()).deadline(deadline).wait();
    assert!(matches!(call, Err(Error::Timeout { .. })), "{call:?}");
}

#[test]
fn errors_tell_what_happened_where() {
    let pool = Serve::new("errors").start();
    let rw = client(&pool);
    match block_on(rw.call(PANIC, "no tea")) {
        Err(error @ Error::TaskPanic { .. }) => {
            let text = error.to_string();
            assert!(text.contains("no tea") && text.contains(".rs:"), "{text}");
            assert!(error.may_have_run());
        }
        other => panic!("{other:?}"),
    }
    let failed = block_on(rw.call(FAIL, "the kettle is empty")).unwrap_err();
    assert_eq!(code(&failed), "test.failed");
    let none: TaskType<(), ()> = TaskType::new("no.such.handler");
    let unknown = block_on(rw.call(none, &())).unwrap_err();
    assert_eq!(code(&unknown), "handler.unknown");
    assert!(!unknown.may_have_run());
    let other: TaskType<i64, String> = TaskType::new("test.i64_double");
    let unreadable = block_on(rw.call(other, &1)).unwrap_err();
    assert!(unreadable.to_string().contains("utf8"), "{unreadable}");
    let large = vec![0_u8; 1 << 30];
    match block_on(rw.call(ECHO, &large[..])) {
        Err(Error::Rejected {
            reason: Reason::PayloadTooLarge,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    assert!(Ringwork::connect_blocking("no-such-pool").is_err());
}

#[test]
fn a_worker_that_dies_fails_or_retries_its_task() {
    let pool = Serve::new("dying").start();
    let rw = client(&pool);
    match block_on(rw.call(KILL_SELF_ONCE, &())) {
        Err(Error::Crashed { attempts: 1, cause }) => {
            assert!(cause.to_string().contains("SIGKILL"), "{cause}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(rw.call(KILL_SELF_ONCE, &()).attempts(2).wait().unwrap(), 2);
    assert_eq!(block_on(rw.call(ATTEMPT, &())).unwrap(), 1);
    drop(rw);
    pool.wait_nothing_held(&[]);
}

#[test]
fn all_that_is_pending_ends_with_the_pool() {
    let mut pool = Serve::new("ending").option("slots", "2048").start();
    let rw = client(&pool);
    let tasks: Vec<_> = (0..1000).map(|_| rw.submit(NEVER, &()).unwrap()).collect();
    let blocked = {
        let rw = rw.clone();
        std::thread::spawn(move || rw.call(NEVER, &()).wait())
    };
    wait_until("the blocking caller has submitted", || {
        rw.in_flight() == 1001
    });
    pool.signal(Signal::SIGKILL);
    pool.wait_exit();
    for task in tasks {
        match task.wait_for(LIMIT) {
            Ok(Err(Error::Closed {
                may_have_run: true, ..
            })) => {}
            other => panic!("{other:?}"),
        }
    }
    let blocked = blocked.join().unwrap();
    assert!(matches!(blocked, Err(Error::Closed { .. })), "{blocked:?}");
    let after = rw.submit(DOUBLE, &1);
    assert!(matches!(
        after,
        Err(Error::Closed {
            may_have_run: false,
            ..
        })
    ));
}

#[test]
fn a_client_that_is_closed_ends_what_is_pending() {
    let pool = Serve::new("closing").start();
    let rw = client(&pool);
    let (task, marker) = running(&rw, &pool);
    rw.close();
    assert!(matches!(block_on(task), Err(Error::Closed { .. })));
    assert!(matches!(rw.submit(DOUBLE, &1), Err(Error::Closed { .. })));
    marker.wait_contents("started\ncancelled\n");
    drop(rw);
    pool.wait_nothing_held(&[]);
}

#[test]
fn results_that_nobody_awaits_leave_the_arena_free() {
    let pool = Serve::new("aside").option("slots", "256").start();
    let rw = client(&pool);
    // More of them than the arena has blocks of that size.
    let tasks: Vec<_> = (0..200)
        .map(|_| rw.submit(BIG_RESULT, &100_000).unwrap())
        .collect();
    for task in tasks {
        assert_eq!(block_on(task).unwrap().len(), 100_000);
    }
    assert_eq!(rw.in_flight(), 0);
}

#[test]
fn slots_that_are_taken_refuse_and_come_back() {
    let pool = Serve::new("slots")
        .option("slots", "32")
        .option("workers", "1")
        .start();
    let rw = client(&pool);
    let mut tasks: Vec<_> = (0..30).map(|_| rw.submit(NEVER, &()).unwrap()).collect();
    match rw.submit(NEVER, &()) {
        Err(Error::Rejected {
            reason: Reason::NoSlot,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    tasks.push(rw.call(NEVER, &()).priority(0).submit().unwrap());
    tasks.into_iter().for_each(|task| drop(task.abort()));
    let limited = rw.call(NEVER, &()).max_in_flight(1).submit().unwrap();
    match rw.call(NEVER, &()).max_in_flight(1).submit() {
        Err(Error::Rejected {
            reason: Reason::TooManyInFlight,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    drop(limited.abort());
}

#[test]
fn an_option_out_of_its_range_is_refused() {
    let pool = Serve::new("ranges").option("workers", "1").start();
    let rw = client(&pool);
    let ended = [
        rw.call(DOUBLE, &1).attempts(0).wait().map(drop),
        rw.call(DOUBLE, &1).attempts(9).wait().map(drop),
        rw.call(DOUBLE, &1).priority(9).wait().map(drop),
        rw.chunk(DOUBLE, &[1]).attempts(0).wait().map(drop),
        rw.chunk(DOUBLE, &[1]).priority(9).wait().map(drop),
    ];
    for ended in ended {
        match ended {
            Err(Error::Rejected {
                reason: Reason::OutOfRange,
                source,
            }) => assert!(source.to_string().contains("out of range"), "{source}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        rw.call(DOUBLE, &1).attempts(3).priority(2).wait().unwrap(),
        2
    );
}

#[test]
fn a_client_without_a_thread_polls_by_itself() {
    let pool = Serve::new("own-poll").start();
    let builder = Ringwork::builder("x").dir(pool.dir().clone()).own_poll();
    let rw = builder.wait(WaitStrategy::Park).connect_blocking().unwrap();
    assert_eq!(rw.call(DOUBLE, &4).wait().unwrap(), 8);
    let request = Encoded {
        codec: Codec::I64,
        bytes: 5_i64.to_le_bytes().to_vec(),
    };
    let mut task = rw
        .call_encoded("test.i64_double", &request)
        .submit()
        .unwrap();
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    let start = Instant::now();
    let result = loop {
        rw.poll(Duration::from_millis(50));
        let polled = std::future::Future::poll(std::pin::Pin::new(&mut task), &mut context);
        if let std::task::Poll::Ready(result) = polled {
            break result.unwrap();
        }
        assert!(start.elapsed() < LIMIT);
    };
    assert_eq!(
        (result.codec, result.bytes),
        (Codec::I64, 10_i64.to_le_bytes().to_vec())
    );
}

#[test]
fn the_losers_of_a_race_are_cancelled_and_all_are_joined() {
    let pool = Serve::new("races").option("workers", "3").start();
    let rw = client(&pool);
    let (first, second) = (Marker::new(pool.files()), Marker::new(pool.files()));
    let slow = [&first, &second].map(|marker| rw.submit(UNTIL_CANCELLED, marker.text()).unwrap());
    first.wait_started();
    second.wait_started();
    let text: TaskType<str, String> = TaskType::new("echo");
    let quick = rw.submit(text, "quick").unwrap();
    let mut racers = Vec::from(slow);
    racers.push(quick);
    assert_eq!(block_on(select_first(racers)).unwrap(), "quick");
    first.wait_contents("started\ncancelled\n");
    second.wait_contents("started\ncancelled\n");
    let (third, fourth) = (Marker::new(pool.files()), Marker::new(pool.files()));
    let calls = [
        rw.call(UNTIL_CANCELLED, third.text()),
        rw.call(UNTIL_CANCELLED, fourth.text()),
        rw.call(text, "first"),
    ];
    assert_eq!(block_on(select_first(calls)).unwrap(), "first");
    let fifth = Marker::new(pool.files());
    let call = rw.call(UNTIL_CANCELLED, fifth.text());
    let late = block_on(with_timeout(Duration::from_millis(30), call));
    assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
    wait_until("what has lost has no slot", || rw.in_flight() == 0);
    let numbers: Vec<i64> = (0..200).collect();
    let doubled = block_on(join_all(numbers.iter().map(|n| rw.call(DOUBLE, n))));
    let doubled: Vec<i64> = doubled.into_iter().map(Result::unwrap).collect();
    assert_eq!(doubled, (0..400).step_by(2).collect::<Vec<i64>>());
}

#[test]
fn a_chunk_has_a_result_or_an_error_for_each_request() {
    let pool = Serve::new("chunks").start();
    let rw = client(&pool);
    let nothing: [i64; 0] = [];
    assert!(block_on(rw.chunk(DOUBLE, &nothing)).unwrap().is_empty());
    assert!(rw.chunk(DOUBLE, &nothing).wait().unwrap().is_empty());
    let found = block_on(rw.chunk(DOUBLE, &[1, i64::MAX, 3])).unwrap();
    let [one, two, three] = found.try_into().unwrap();
    assert_eq!((one.unwrap(), three.unwrap()), (2, 6));
    assert_eq!(code(&two.unwrap_err()), "test.overflow");
    let died = rw.chunk(KILL_SELF_ONCE, &[(), ()]).wait().unwrap();
    assert!(
        died.iter()
            .all(|part| matches!(part, Err(Error::Crashed { .. }))),
        "{died:?}"
    );
    let parts = rw.chunk(FAIL, ["no tea", "no cups"]).wait().unwrap();
    for (part, why) in parts.iter().zip(["no tea", "no cups"]) {
        match part {
            Err(Error::Remote {
                code,
                message,
                location,
                may_have_run: true,
                ..
            }) => {
                assert_eq!(
                    (code.as_str(), message.contains(why)),
                    ("test.failed", true)
                );
                assert!(
                    location.is_empty() || location.contains(".rs:"),
                    "{location}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    let panicked = rw.chunk(PANIC, ["spilt"]).wait().unwrap();
    assert!(
        matches!(&panicked[..], [Err(Error::TaskPanic { message, .. })] if message.contains("spilt")),
        "{panicked:?}"
    );
    let other: TaskType<i64, String> = TaskType::new("test.i64_double");
    let unread = rw.chunk(other, &[1]).wait().unwrap().remove(0).unwrap_err();
    assert!(unread.to_string().contains("utf8"), "{unread}");
    let unknown: TaskType<i64, i64> = TaskType::new("no.such.handler");
    let none = rw.chunk(unknown, &[1, 2]).wait();
    let none = none.expect_err("nothing has begun");
    assert_eq!(
        (code(&none), none.may_have_run()),
        ("handler.unknown", false)
    );
    let twice = rw.chunk(ATTEMPT, &[(), ()]).attempts(2).wait().unwrap();
    assert!(twice.iter().all(Result::is_ok), "{twice:?}");
    let late = rw
        .chunk(SLEEP, &[60_000, 1])
        .timeout(Duration::from_millis(30));
    assert!(matches!(late.wait(), Err(Error::Timeout { .. })));
}

#[test]
fn a_caller_that_waits_for_room_goes_on_when_a_slot_is_free() {
    use tower_service::Service;
    let pool = Serve::new("room").option("slots", "32").start();
    let rw = client(&pool);
    let tasks: Vec<_> = (0..30)
        .map(|_| rw.submit(UNTIL_CANCELLED, "").unwrap())
        .collect();
    let mut service = rw.service::<i64, i64>(TaskType::new("test.i64_double"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(service.poll_ready(&mut context).is_pending());
    let waits = {
        let rw = rw.clone();
        std::thread::spawn(move || block_on(rw.ready()))
    };
    tasks.into_iter().for_each(|task| drop(task.abort()));
    waits.join().unwrap().unwrap();
    wait_until("a slot is free", || {
        service.poll_ready(&mut context).is_ready()
    });
    let answer = block_on(service.call(4));
    assert_eq!(answer.unwrap(), 8);
}

#[test]
fn a_service_that_is_ready_has_its_slot() {
    use tower_service::Service;
    let pool = Serve::new("ready").option("slots", "32").start();
    let rw = client(&pool);
    // One slot is left to tasks of this priority. A lane may have begun some before they are
    // aborted: these end when they see it, and the lane is free for what follows.
    let submit = || rw.submit(UNTIL_CANCELLED, "/dev/null");
    let tasks: Vec<_> = (0..29).map(|_| submit().unwrap()).collect();
    let mut first = rw.service::<i64, i64>(TaskType::new("test.i64_double"));
    let mut second = first.clone();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(first.poll_ready(&mut context).is_ready());
    assert!(first.poll_ready(&mut context).is_ready(), "it has it still");
    assert!(second.poll_ready(&mut context).is_pending());
    match submit() {
        Err(Error::Rejected {
            reason: Reason::NoSlot,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    drop(first);
    assert!(second.poll_ready(&mut context).is_ready(), "given back");
    tasks.into_iter().for_each(|task| drop(task.abort()));
    assert_eq!(block_on(second.call(4)).unwrap(), 8);
    assert_eq!(block_on(second.call(5)).unwrap(), 10, "without being asked");
    drop(second);
    wait_until("no slot is kept", || rw.in_flight() == 0);
}

#[test]
fn requests_and_results_stay_in_shared_memory() {
    let pool = Serve::new("leases").start();
    let rw = client(&pool);
    for size in [5_usize, 50_000] {
        let mut task = rw.claim("echo", size + 7).unwrap();
        for (n, byte) in task.request().iter_mut().enumerate() {
            *byte = n as u8;
        }
        let lease = block_on(task.length(size).submit().unwrap()).unwrap();
        let expected: Vec<u8> = (0..size).map(|n| n as u8).collect();
        assert_eq!(&lease[..], expected);
        assert_eq!(rw.in_flight(), 1, "the lease holds the slot");
        drop(lease);
        assert_eq!(rw.in_flight(), 0);
    }
    // Not submitted; and failed.
    drop(rw.claim("echo", 50_000).unwrap());
    assert_eq!(rw.in_flight(), 0);
    let mut task = rw.claim("test.fail", 6).unwrap();
    task.request().copy_from_slice(b"no tea");
    let failed = task.codec(Codec::Utf8).submit().unwrap().wait();
    assert_eq!(code(&failed.unwrap_err()), "test.failed");
    let mut task = rw.claim("test.i64_double", 8).unwrap();
    task.request().copy_from_slice(&21_i64.to_le_bytes());
    let lease = task.codec(Codec::I64).submit().unwrap().wait().unwrap();
    assert_eq!(
        (lease.codec(), lease.read::<i64>().unwrap()),
        (Codec::I64, 42)
    );
    // It outlives the client's handles, and its worker.
    drop(rw);
    assert_eq!(lease.len(), 8);
    drop(lease);
    pool.wait_nothing_held(&[]);
}

#[test]
fn the_tasks_of_a_batch_are_submitted_together() {
    let pool = Serve::new("batches").option("slots", "256").start();
    let rw = client(&pool);
    let numbers: Vec<i64> = (0..200).collect();
    let tasks = rw.submit_all(DOUBLE, &numbers);
    let tasks: Vec<_> = tasks.into_iter().map(Result::unwrap).collect();
    let doubled: Vec<i64> = block_on(join_all(tasks))
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(doubled, (0..400).step_by(2).collect::<Vec<i64>>());
    // More than there are slots: what is refused says so in its place.
    // A lane may have begun some before they are aborted: these end when they see it.
    let tasks = rw.submit_all(UNTIL_CANCELLED, ["/dev/null"; 300]);
    let (taken, refused): (Vec<_>, Vec<_>) = tasks.into_iter().partition(Result::is_ok);
    assert_eq!((taken.len(), refused.len()), (240, 60));
    assert!(refused.iter().all(|task| matches!(
        task,
        Err(Error::Rejected {
            reason: Reason::NoSlot,
            ..
        })
    )));
    taken
        .into_iter()
        .for_each(|task| drop(task.unwrap().abort()));
    drop(rw);
    pool.wait_nothing_held(&[]);
}

#[test]
fn a_handle_that_reconnects_goes_on_with_the_next_pool() {
    let base = std::sync::Arc::new(ringwork_tests::Base::new());
    let serve = || Serve::in_base(&base, "again").start();
    let mut pool = serve();
    let builder = Ringwork::builder("x").dir(pool.dir().clone());
    let handle = builder.reconnecting().unwrap();
    let first = handle.get().unwrap();
    assert_eq!(block_on(first.call(DOUBLE, &2)).unwrap(), 4);
    let ends = {
        let first = first.clone();
        std::thread::spawn(move || block_on(first.closed()))
    };
    pool.signal(Signal::SIGKILL);
    pool.wait_exit();
    let why = ends.join().unwrap();
    assert!(matches!(why, Error::Closed { .. }), "{why:?}");
    assert!(!first.is_open());
    match handle.get() {
        Err(Error::NotConnected(_)) => {}
        other => panic!("{other:?}"),
    }
    let waits = {
        let handle = handle.clone();
        std::thread::spawn(move || block_on(handle.ready(LIMIT)))
    };
    let pool = serve();
    let next = waits.join().unwrap().unwrap();
    assert_eq!(block_on(next.call(DOUBLE, &3)).unwrap(), 6);
    assert_eq!(handle.get().unwrap().call(DOUBLE, &4).wait().unwrap(), 8);
    assert!(matches!(
        first.submit(DOUBLE, &1),
        Err(Error::Closed { .. })
    ));
    drop(pool);
}
