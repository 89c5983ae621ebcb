//! Channels between real processes: what comes to whom, what a death leaves, what is refused.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork::{Cbor, Channel, Error, NotSent, Ringwork, block_on};
use ringwork_tests::{KillOnDrop, LIMIT, Pool, Serve, client_program, wait_until};
use serde_json::Value;
use std::future::poll_fn;
use std::io::{BufRead, BufReader};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use std::time::Duration;

fn client(pool: &Pool) -> Ringwork {
    let builder = Ringwork::builder("x").dir(pool.dir().clone());
    builder.connect_blocking().expect("a client entry")
}

fn serve(name: &str, channels: &[&str]) -> Pool {
    let flag = |serve: Serve, channel: &&str| serve.flag(&format!("channel={channel}"));
    channels.iter().fold(Serve::new(name), flag).start()
}

fn next<T: ringwork::FromResult>(channel: &Channel<T>) -> T {
    let message = channel.receive_within(LIMIT).expect("the pool is served");
    message.expect("a message").into_inner()
}

#[test]
fn what_one_client_sends_another_receives() {
    let pool = serve("channels", &["ticks:capacity=4", "calls"]);
    let (one, two) = (client(&pool), client(&pool));
    let (sends, receives) = (
        one.channel::<String>("ticks").unwrap(),
        two.channel::<String>("ticks").unwrap(),
    );
    assert_eq!((sends.name(), sends.capacity()), ("ticks", 4));
    assert!(receives.try_receive().unwrap().is_none());
    sends.try_send(&"one".to_owned()).unwrap();
    block_on(sends.send(&"two".to_owned())).unwrap();
    sends.send_within(&"three".to_owned(), LIMIT).unwrap();
    assert_eq!(sends.depth(), 3);
    assert_eq!(next(&receives), "one");
    let two_at = block_on(receives.receive()).unwrap();
    assert_eq!((&**two_at, two_at.attempt()), ("two", 0));
    // It holds its cell: two more fit beside the one that waits and this one.
    for n in 0..2 {
        sends.try_send(&n.to_string()).unwrap();
    }
    let full = sends.try_send(&"x".to_owned()).unwrap_err();
    assert!(matches!(full, Error::NotSent(NotSent::Full)), "{full}");
    assert!(!full.may_have_run());
    drop(two_at);
    assert_eq!(next(&receives), "three");
    sends.try_send(&"x".to_owned()).unwrap();
    let all: Vec<String> = (0..3).map(|_| next(&receives)).collect();
    assert_eq!(all, ["0", "1", "x"]);
    // Put back, it comes again, and is marked.
    sends.try_send(&"again".to_owned()).unwrap();
    receives.try_receive().unwrap().unwrap().put_back();
    let again = receives.try_receive().unwrap().unwrap();
    assert_eq!((&**again, again.attempt()), ("again", 1));
    // The other channel is another one.
    let calls = one.channel::<Cbor<(String, u32)>>("calls").unwrap();
    calls.try_send(&Cbor(("a".to_owned(), 7))).unwrap();
    let calls = two.channel::<Cbor<(String, u32)>>("calls").unwrap();
    assert_eq!(next(&calls).0, ("a".to_owned(), 7));
}

#[test]
fn what_can_not_be_sent_or_read_is_told_with_the_remedy() {
    let pool = serve("refused", &["ticks:size=8", "fixed:codec=i64"]);
    let rw = client(&pool);
    let unknown = rw.channel::<i64>("tick").unwrap_err();
    assert!(!unknown.may_have_run());
    for part in ["\"tick\"", "ticks, fixed", "--channel tick"] {
        assert!(unknown.to_string().contains(part), "{part}: {unknown}");
    }
    let ticks = rw.channel::<String>("ticks").unwrap();
    let large = ticks.try_send(&"123456789".to_owned()).unwrap_err();
    for part in ["9 bytes", "room for 8", "size"] {
        assert!(large.to_string().contains(part), "{part}: {large}");
    }
    ticks.try_send(&"12345678".to_owned()).unwrap();
    let other = rw.channel::<i64>("ticks").unwrap();
    let codec = other.try_send(&7).unwrap_err();
    for part in ["i64", "utf8"] {
        assert!(codec.to_string().contains(part), "{part}: {codec}");
    }
    let unreadable = other.try_receive().unwrap_err();
    assert!(matches!(unreadable, Error::Unreadable(_)), "{unreadable}");
    assert!(
        unreadable.to_string().contains("channel ticks"),
        "{unreadable}"
    );
    // It is over, and its cell is free.
    assert!(ticks.try_receive().unwrap().is_none());
    let fixed = rw.channel::<String>("fixed").unwrap();
    assert!(
        fixed
            .try_send(&"x".to_owned())
            .unwrap_err()
            .to_string()
            .contains("i64")
    );
    let none = serve("none", &[]);
    let error = client(&none)
        .channel::<i64>("ticks")
        .unwrap_err()
        .to_string();
    assert!(error.contains("it has none"), "{error}");
}

#[test]
fn threads_and_futures_sleep_until_there_is_a_message_or_room() {
    let pool = serve("sleep", &["ticks:capacity=2"]);
    let (one, two) = (client(&pool), client(&pool));
    const COUNT: i64 = 400;
    for futures in [false, true] {
        let receives = two.channel::<i64>("ticks").unwrap();
        let receiver = std::thread::spawn(move || {
            let mut all = Vec::new();
            while all.len() < COUNT as usize {
                if futures {
                    all.push(block_on(receives.receive()).unwrap().into_inner());
                } else {
                    all.push(next(&receives));
                }
                if all.len() % 100 == 0 {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            all
        });
        let sends = one.channel::<i64>("ticks").unwrap();
        for number in 0..COUNT {
            if futures {
                block_on(sends.send(&number)).unwrap();
            } else {
                sends.send_within(&number, LIMIT).unwrap();
            }
            if number % 90 == 0 {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        assert_eq!(receiver.join().unwrap(), (0..COUNT).collect::<Vec<_>>());
    }
}

/// A future that is dropped leaves what it was woken for to others.
#[test]
fn a_future_that_is_dropped_takes_no_message_and_no_wake() {
    let pool = serve("dropped", &["ticks"]);
    let (one, two) = (client(&pool), client(&pool));
    let sends = one.channel::<i64>("ticks").unwrap();
    let (own, others) = (
        one.channel::<i64>("ticks").unwrap(),
        two.channel::<i64>("ticks").unwrap(),
    );
    let sum = AtomicI64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..30 {
                let message = block_on(others.receive()).unwrap();
                sum.fetch_add(*message, Ordering::Relaxed);
            }
        });
        for number in 1..=30 {
            // It waits, is woken perhaps, and is dropped.
            let mut waits = Some(Box::pin(own.receive()));
            block_on(poll_fn(|context| {
                let waits = waits.as_mut().expect("it is there");
                let taken = pin!(waits).poll(context);
                assert!(taken.is_pending(), "what was sent before is for the others");
                Poll::Ready(())
            }));
            let drops = scope.spawn(move || drop(waits.take()));
            sends.try_send(&number).unwrap();
            drops.join().unwrap();
            let received = || sum.load(Ordering::Relaxed) == (0..=number).sum::<i64>();
            wait_until("the message is received", received);
        }
    });
}

/// Starts a client process that takes so many messages, and waits until it has.
fn holder(pool: &Pool, channel: &str, count: u32) -> KillOnDrop {
    let mut child = Command::new(client_program())
        .arg(pool.dir().path())
        .args(["channel", channel, &count.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the client is started");
    let stdout = child.stdout.take().expect("its output");
    let holder = KillOnDrop(child);
    let mut line = String::new();
    let read = BufReader::new(stdout).read_line(&mut line);
    assert_eq!((read.unwrap(), line.trim()), (5, "held"));
    holder
}

#[test]
fn what_a_killed_receiver_had_comes_again_and_is_marked() {
    let pool = serve("killed", &["ticks", "once:delivery=at-most-once"]);
    let rw = client(&pool);
    for name in ["ticks", "once"] {
        let channel = rw.channel::<i64>(name).unwrap();
        for number in 0..3 {
            channel.try_send(&number).unwrap();
        }
        drop(holder(&pool, name, 2));
        let mut got = Vec::new();
        let most = if name == "ticks" { 3 } else { 1 };
        while got.len() < most {
            let message = channel.receive_within(LIMIT).unwrap().expect("a message");
            got.push((*message, message.attempt()));
        }
        match name {
            "ticks" => {
                got.sort_unstable();
                assert_eq!(got, [(0, 1), (1, 1), (2, 0)]);
            }
            _ => {
                assert_eq!(got, [(2, 0)]);
                // The dead one's cells are free once it was reaped: as many fit as ever.
                wait_until("the cells are free", || {
                    let free = (0..1024).all(|number| channel.try_send(&number).is_ok());
                    while channel.try_receive().unwrap().is_some() {}
                    free
                });
            }
        }
    }
}

#[test]
fn the_end_of_the_pool_ends_waits_after_the_last_message() {
    let mut pool = Serve::new("ends").flag("channel=ticks").daemon().start();
    let rw = client(&pool);
    let ticks = rw.channel::<i64>("ticks").unwrap();
    ticks.try_send(&1).unwrap();
    let waits = ticks.clone();
    let thread = std::thread::spawn(move || {
        assert_eq!(*block_on(waits.receive()).unwrap(), 1);
        block_on(waits.receive()).unwrap_err()
    });
    wait_until("the message is received", || ticks.depth() == 0);
    pool.signal(Signal::SIGTERM);
    pool.wait_exit();
    let ended = thread.join().unwrap();
    assert!(matches!(ended, Error::Closed { .. }), "{ended}");
    let refused = ticks.try_send(&2).unwrap_err();
    assert!(matches!(refused, Error::Closed { .. }), "{refused}");
}

#[test]
fn channels_are_listed() {
    let pool = serve(
        "listed",
        &["ticks:capacity=8,size=64", "calls:delivery=at-most-once"],
    );
    let rw = client(&pool);
    let run = |arguments: &[&str]| {
        let ended = pool.base().command(arguments).output().unwrap();
        (
            ended.status.code(),
            String::from_utf8(ended.stdout).unwrap(),
        )
    };
    let ticks = rw.channel::<i64>("ticks").unwrap();
    ticks.try_send(&1).unwrap();
    ticks.try_send(&2).unwrap();
    drop(ticks.try_receive().unwrap());
    let waits = rw.channel::<i64>("calls").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| waits.receive_within(LIMIT).unwrap());
        let mut lines = Vec::new();
        wait_until("a receiver waits", || {
            let (_, shown) = run(&["channels", "--json", "listed"]);
            lines = shown
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap())
                .collect();
            lines[1]["receivers"] == 1
        });
        assert_eq!(lines[0]["channel"], "ticks");
        assert_eq!(lines[0]["messages"], 1);
        assert_eq!(
            (&lines[0]["capacity"], &lines[0]["size"]),
            (&8.into(), &64.into())
        );
        assert_eq!(
            (&lines[0]["codec"], &lines[0]["sent"]),
            (&"i64".into(), &2.into())
        );
        assert_eq!(lines[1]["delivery"], "at-most-once");
        let (code, text) = run(&["channels", "listed"]);
        assert_eq!(code, Some(0));
        assert!(
            text.starts_with("CHANNEL") && text.lines().count() == 3,
            "{text}"
        );
        waits.try_send(&0).unwrap();
    });
}
