//! Client processes that die, and more clients than entries.

#![forbid(unsafe_code)]

use ringwork_ring::RingError;
use ringwork_ring::client::Client;
use ringwork_ring::format::layout::{ClientCounter, PoolCounter};
use ringwork_tests::{
    KillOnDrop, LIMIT, Marker, Pool, Serve, call, client_program, options, wait_until,
};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;

/// Starts a client process and waits until it has submitted.
fn start(pool: &Pool, handler: &str, text: &str, count: &str) -> KillOnDrop {
    let mut child = Command::new(client_program())
        .arg(pool.dir().path())
        .args([handler, text, count])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the client is started");
    let stdout = child.stdout.take().expect("its output");
    let other = KillOnDrop(child);
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        let _ = sender.send(line);
    });
    let line = receiver.recv_timeout(LIMIT).expect("it submits");
    assert!(line.starts_with("submit"), "it says {line:?}");
    other
}

/// What the log says of a client that was killed.
const GONE: &str = "a client has gone without closing";

#[test]
fn a_killed_client_leaves_no_task_no_block_and_its_entry() {
    let pool = Serve::new("killed").option("clients", "2").start();
    let mine = pool.client();
    for round in 1..=3_u64 {
        let marker = Marker::new(pool.files());
        // Two run, the others are queued; each request takes a block.
        let mut other = start(&pool, "test.until_cancelled", marker.text(), "20");
        wait_until("two of its tasks run", || {
            marker.contents() == "started\nstarted\n"
        });
        assert!(matches!(
            Client::connect(pool.dir()),
            Err(RingError::TableFull { .. })
        ));
        other.kill();
        // The running ones are told, the queued ones never start.
        marker.wait_contents("started\nstarted\ncancelled\ncancelled\n");
        pool.wait_nothing_held(&[&mine]);
        assert_eq!(pool.counter(PoolCounter::ClientsReaped), round);
        assert_eq!(pool.counter(PoolCounter::TasksDropped), round * 18);
        // All of them are in the totals of what was submitted and how it ended.
        let gone = pool.segment().client(1);
        assert_eq!(gone.pending(), 0);
        assert_eq!(gone.since_attach(ClientCounter::Cancelled), 20);
        let newcomer = pool.client();
        assert_eq!(call(&newcomer, "echo", b"x", &options()), b"x");
        assert_eq!(call(&mine, "echo", b"x", &options()), b"x");
        drop(newcomer);
        pool.wait_nothing_held(&[&mine]);
    }
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
}

#[test]
fn clients_killed_under_load_leak_nothing() {
    let pool = Serve::new("load").start();
    let mine = pool.client();
    let text = "a request that takes a block ".repeat(20);
    for _ in 0..6 {
        let mut others: Vec<KillOnDrop> = (0..2)
            .map(|_| start(&pool, "echo", &text, "endless"))
            .collect();
        for number in 0..200_u32 {
            let request = number.to_le_bytes().repeat(30);
            assert_eq!(call(&mine, "echo", &request, &options()), request);
        }
        others.iter_mut().for_each(KillOnDrop::kill);
        pool.wait_nothing_held(&[&mine]);
    }
    assert_eq!(pool.counter(PoolCounter::ClientsReaped), 12);
    drop(mine);
    pool.wait_nothing_held(&[]);
}

#[test]
fn results_that_a_killed_client_never_read_are_freed() {
    let pool = Serve::new("unread").start();
    let mine = pool.client();
    let mut other = start(&pool, "echo", &"unread ".repeat(100), "30");
    let blocks = || {
        ringwork_ring::queue::arena::taken(pool.segment())
            .iter()
            .sum::<u32>()
    };
    wait_until("its results wait", || blocks() == 60);
    other.kill();
    pool.wait_nothing_held(&[&mine]);
}

#[test]
fn more_clients_than_entries_are_refused_with_the_option_to_raise() {
    let pool = Serve::new("full").option("clients", "2").start();
    let clients = [pool.client(), pool.client()];
    let error = Client::connect(pool.dir()).unwrap_err().to_string();
    assert!(
        error.contains("all 2 client entries") && error.contains("--clients"),
        "{error}"
    );
    drop(clients);
    let again = [pool.client(), pool.client()];
    assert_eq!(call(&again[1], "echo", b"x", &options()), b"x");
}

#[test]
fn a_client_that_leaves_while_its_tasks_run_leaks_nothing() {
    let pool = Serve::new("left").start();
    let client = pool.client();
    let busy = ringwork_tests::occupy(&client, pool.files(), 2);
    let queued: Vec<_> = (0..10)
        .map(|_| client.submit("echo", &[1; 500], &options()).unwrap())
        .collect();
    drop((busy, queued));
    drop(client);
    pool.wait_nothing_held(&[]);
    // That is no client that has vanished. The one that is killed now is told after it.
    let marker = Marker::new(pool.files());
    let mut other = start(&pool, "test.until_cancelled", marker.text(), "1");
    wait_until("its task runs", || marker.contents() == "started\n");
    other.kill();
    pool.wait_logged(GONE);
    assert_eq!(pool.log().matches(GONE).count(), 1, "{}", pool.log());
}
