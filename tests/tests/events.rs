//! Events between real processes: what the supervisor, workers and clients publish, and what
//! subscribers get, lose and are told.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork::{Error, Event, Events, NotPublished, Publisher, Ringwork, TaskType, block_on};
use ringwork_tests::{LIMIT, Pool, Serve, wait_until};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

const PUBLISH: TaskType<str, ()> = TaskType::new("test.publish");

fn client(pool: &Pool) -> Ringwork {
    let builder = Ringwork::builder("x").dir(pool.dir().clone());
    builder.connect_blocking().expect("a client entry")
}

fn next(events: &mut Events) -> Event {
    let event = events.next_within(LIMIT).expect("the pool is served");
    event.expect("an event")
}

fn json(event: &Event) -> Value {
    serde_json::from_slice(event.bytes()).expect("JSON")
}

#[test]
fn what_a_client_publishes_comes_to_all_that_listen() {
    let pool = Serve::new("events").start();
    let (one, two) = (client(&pool), client(&pool));
    let mut orders = one.events("order.*").unwrap();
    let mut all = two.events("*").unwrap();
    let mut paid = two.events("order.paid").unwrap();
    one.publish("order.placed", "4711").unwrap();
    two.publish("order.paid", &4711_i64).unwrap();
    one.publish("other", &b"bytes"[..]).unwrap();
    assert_eq!(next(&mut orders).read::<String>().unwrap(), "4711");
    let event = block_on(orders.next()).unwrap();
    assert_eq!(
        (event.topic(), event.read::<i64>().unwrap()),
        ("order.paid", 4711)
    );
    assert!(matches!(event.publisher(), Publisher::Client(_)));
    assert!(matches!(event.read::<String>(), Err(Error::Unreadable(_))));
    assert_eq!(block_on(paid.next()).unwrap().sequence(), event.sequence());
    let topics: Vec<String> = (0..3).map(|_| next(&mut all).topic().to_owned()).collect();
    assert_eq!(topics, ["order.placed", "order.paid", "other"]);
    assert!(
        orders
            .next_within(Duration::from_millis(1))
            .unwrap()
            .is_none()
    );
    // All topics, the wanted and the others: a worker may have become ready meanwhile, too.
    assert!(orders.passed().received >= 3);
    // What is refused says why, and how not.
    for (topic, size, why) in [
        ("order.paid", 225, NotPublished::TooLarge),
        ("order paid", 1, NotPublished::BadTopic),
        ("", 1, NotPublished::BadTopic),
    ] {
        match one.publish(topic, &vec![0_u8; size]) {
            Err(error @ Error::NotPublished(found)) if found == why => {
                assert!(!error.may_have_run());
            }
            other => panic!("{topic:?}: {other:?}"),
        }
    }
    assert!(matches!(one.events("a*"), Err(Error::Unwritable(why)) if why.contains("worker.*")));
}

#[test]
fn a_future_that_waits_is_woken_by_each_event() {
    let pool = Serve::new("waits").start();
    let rw = client(&pool);
    let mut events = rw.events("tick").unwrap();
    let waits = std::thread::spawn(move || {
        let mut got = Vec::new();
        while got.last() != Some(&49) {
            got.push(block_on(events.next()).unwrap().read::<i64>().unwrap());
        }
        got
    });
    for number in 0..50 {
        rw.publish("tick", &number).unwrap();
        std::thread::sleep(Duration::from_millis(number as u64 % 3));
    }
    assert_eq!(waits.join().unwrap(), (0..50).collect::<Vec<i64>>());
}

#[test]
fn handlers_and_the_supervisor_publish() {
    let pool = Serve::new("lifecycle").start();
    let rw = client(&pool);
    let mut events = rw.events_kept("*").unwrap();
    let mut kept = Vec::new();
    while kept.last().is_none_or(|topic| topic != "pool.serving") {
        kept.push(next(&mut events).topic().to_owned());
    }
    assert!(kept.contains(&"worker.started".to_owned()), "{kept:?}");
    assert!(kept.contains(&"worker.ready".to_owned()), "{kept:?}");
    let mut published = rw.events("test.published").unwrap();
    rw.call(PUBLISH, "from a handler").wait().unwrap();
    let event = next(&mut published);
    assert_eq!(event.read::<String>().unwrap(), "from a handler");
    assert!(
        matches!(event.publisher(), Publisher::Worker(_)),
        "{event:?}"
    );
    let refused = rw.call(PUBLISH, &"x".repeat(300)).wait().unwrap_err();
    assert!(
        refused.to_string().contains("event.not_published"),
        "{refused}"
    );
    let mut deaths = rw.events("worker.died").unwrap();
    let (_, worker) = pool.wait_workers(2)[0];
    assert!(pool.signal_worker(worker, Signal::SIGKILL));
    let death = json(&next(&mut deaths));
    assert!(
        death["cause"].as_str().unwrap().contains("SIGKILL"),
        "{death}"
    );
    assert_eq!(death["crashed"], 0);
}

#[test]
fn the_end_of_the_pool_is_the_last_event() {
    let mut pool = Serve::new("over").daemon().start();
    let rw = client(&pool);
    let mut events = rw.events("pool.*").unwrap();
    let waits = std::thread::spawn(move || {
        let mut topics = Vec::new();
        loop {
            match block_on(events.next()) {
                Ok(event) => topics.push(event.topic().to_owned()),
                Err(Error::Closed { .. }) => break topics,
                Err(other) => panic!("{other}"),
            }
        }
    });
    pool.signal(Signal::SIGTERM);
    pool.wait_exit();
    assert_eq!(waits.join().unwrap(), ["pool.draining", "pool.closed"]);
    assert!(matches!(rw.publish("late", "x"), Err(Error::Closed { .. })));
    // Without a word from it, too.
    let mut pool = Serve::new("killed").daemon().start();
    let rw = client(&pool);
    let mut events = rw.events("*").unwrap();
    let waits = std::thread::spawn(move || {
        loop {
            if let Err(error) = block_on(events.next()) {
                break error;
            }
        }
    });
    pool.signal(Signal::SIGKILL);
    pool.wait_exit();
    assert!(matches!(waits.join().unwrap(), Error::Closed { .. }));
}

#[test]
fn a_subscriber_that_does_not_read_holds_up_nobody_and_is_told_what_it_lost() {
    let pool = Serve::new("slow").option("events", "64").start();
    let rw = client(&pool);
    let mut slow = rw.events("n").unwrap();
    let first = rw.events("n").unwrap().passed();
    for number in 0..1000 {
        rw.publish("n", &number).unwrap();
    }
    let mut got = Vec::new();
    while let Some(event) = slow.try_next() {
        got.push(event.read::<i64>().unwrap());
    }
    assert_eq!(got.last(), Some(&999));
    assert!(got.is_sorted() && got.len() <= 64, "{got:?}");
    let passed = slow.passed();
    assert_eq!(first.received, 0);
    assert!(
        passed.lost >= 1000 - 64 && passed.skipped == 0,
        "{passed:?}"
    );
    assert_eq!(got.len() as u64, passed.received);
}

#[test]
fn the_command_prints_events_and_ends_as_it_says() {
    let mut pool = Serve::new("printed").daemon().start();
    let rw = client(&pool);
    rw.publish("order.paid", r#"{"id":4711}"#).unwrap();
    rw.publish("order.raw", &b"\x00\xff"[..]).unwrap();
    rw.publish("order.text", "no\x1b[31m JSON").unwrap();
    let run = |arguments: &[&str]| {
        let mut all = vec!["events", "printed"];
        all.extend(arguments);
        let ended = pool.base().command(&all).output().unwrap();
        let text = String::from_utf8(ended.stdout).unwrap();
        (
            ended.status.code(),
            text,
            String::from_utf8(ended.stderr).unwrap(),
        )
    };
    let (code, out, _) = run(&["--kept", "--topic", "order.*", "--count", "3", "--json"]);
    let lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((code, lines.len()), (Some(0), 3));
    assert_eq!(lines[0]["data"]["id"], 4711);
    assert_eq!(lines[1]["data_base64"], "AP8=");
    assert_eq!(lines[2]["data"], "no\u{1b}[31m JSON");
    assert!(
        lines[0]["publisher"]
            .as_str()
            .unwrap()
            .starts_with("client ")
    );
    let (code, out, _) = run(&["--kept", "--topic", "order.text", "--count", "1"]);
    assert_eq!(code, Some(0));
    assert!(
        out.contains("  order.text ") && !out.contains('\x1b'),
        "{out}"
    );
    let (code, out, _) = run(&["--kept", "--topic", "worker.ready", "--count", "1"]);
    assert!(
        code == Some(0) && out.contains("supervisor") && out.contains("\"lanes\":"),
        "{out}"
    );
    let (code, _, err) = run(&["--topic", "never", "--timeout", "10ms"]);
    assert!(code == Some(4) && err.contains("--timeout"), "{err}");
    let (code, _, err) = run(&["--topic", "a*"]);
    assert!(code == Some(2) && err.contains("worker.*"), "{err}");
    let follow = |more: &[&str]| {
        let mut command = pool
            .base()
            .command(&["events", "printed", "--kept", "--topic", "pool.*"]);
        let pipe = || std::process::Stdio::piped();
        let mut follows = command
            .args(more)
            .stdout(pipe())
            .stderr(pipe())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(follows.stdout.take().unwrap());
        // It has attached before the pool goes.
        let mut out = String::new();
        lines.read_line(&mut out).unwrap();
        assert!(out.contains("pool.serving"), "{out}");
        (follows, lines)
    };
    let (follows, mut lines) = follow(&[]);
    let (counts, _out) = follow(&["--count", "99"]);
    pool.signal(Signal::SIGTERM);
    pool.wait_exit();
    let mut out = String::new();
    lines.read_to_string(&mut out).unwrap();
    let ended = follows.wait_with_output().unwrap();
    assert!(
        ended.status.success() && out.contains("pool.closed"),
        "{out}"
    );
    // What it was to wait for has not come.
    let ended = counts.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(3), "{err}");
    assert!(err.contains("of 99 events have come"), "{err}");
}

#[test]
fn a_pool_without_events_says_how_to_have_them() {
    let pool = Serve::new("none").option("events", "0").start();
    let rw = client(&pool);
    let why = rw.publish("x", "y").unwrap_err().to_string();
    assert!(why.contains("--events"), "{why}");
    assert!(matches!(
        rw.events("*"),
        Err(Error::NotPublished(NotPublished::NoEvents))
    ));
    let ended = pool.base().command(&["events", "none"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("--events 0"));
    wait_until("it serves on", || rw.call(PUBLISH, "x").wait().is_err());
}
