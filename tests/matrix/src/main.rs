//! The processes of the kill matrix, all in one program with failpoints.
//!
//! - `ringwork-matrix serve …`: the command `ringwork`, as a supervisor; the stock worker that it
//!   starts is this program again.
//! - `ringwork-matrix worker`: a worker that flips bytes (`flip`), or holds its task for a while
//!   first (`hold`), or waits with it without a lane (`wait`).
//! - `ringwork-matrix client DIRECTORY`: a client that connects, works, leaves and comes again
//!   until its standard input ends; then it says how its tasks ended.
//! - `ringwork-matrix successor DIRECTORY`: a client that submits tasks, says so, and waits to be
//!   killed.

#![forbid(unsafe_code)]

use ringwork::Ringwork;
use ringwork_matrix::{
    Random, Tally, call_some, event, flip, future_round, keep_one, listen, receive_all, request,
    round, send_all,
};
use ringwork_ring::client::{Client, TaskOptions};
use ringwork_ring::format::states::Codec;
use ringwork_ring::os::failpoint::{Role, role};
use ringwork_ring::{PoolDir, RingError};
use ringwork_worker::{Answer, RawTask, TaskError, Worker};
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("worker") => {
            role(Role::Worker);
            worker()
        }
        Some("client") => {
            role(Role::Client);
            client(&arguments[2])
        }
        Some("successor") => {
            role(Role::Client);
            successor(&arguments[2])
        }
        _ => {
            role(Role::Supervisor);
            ringwork_cli::main()
        }
    }
}

fn worker() -> ExitCode {
    let ended = Worker::builder()
        .raw_task("flip", Codec::Bytes, Codec::Bytes, |task| {
            answer(task, false)
        })
        .raw_task("hold", Codec::Bytes, Codec::Bytes, |task| {
            answer(task, true)
        })
        .async_task("wait", wait)
        .run();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// As `hold`, without a lane.
async fn wait(request: Vec<u8>) -> Result<Vec<u8>, TaskError> {
    let time = request
        .get(..2)
        .map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
    tokio::time::sleep(Duration::from_millis(time.into())).await;
    let mut result = vec![0; request.len()];
    flip(&request, &mut result);
    Ok(result)
}

fn answer(task: &mut RawTask<'_, '_>, hold: bool) -> Result<Answer, TaskError> {
    let bytes = task.request()?;
    let (len, start) = (bytes.len(), Instant::now());
    let time = bytes
        .get(..2)
        .map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
    task.reserve(len)?;
    let published = event(task.context().task_id());
    task.context().publish("matrix.task", published)?;
    while hold && start.elapsed() < Duration::from_millis(time.into()) {
        task.context().check_cancelled()?;
        std::thread::sleep(Duration::from_millis(1));
    }
    // Asked for again: the former room goes back.
    let (request, room) = task.request_and_reserve(len)?;
    flip(request, room);
    Ok(Answer::InPlace {
        len,
        codec: Codec::Bytes,
    })
}

fn client(dir: &str) -> ExitCode {
    let dir = PoolDir::at(Path::new(dir)).expect("the pool's directory");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        stopped.store(true, Ordering::Relaxed);
    });
    let mut tally = Tally::default();
    let mut random = Random::new(u64::from(std::process::id()));
    // The two clients in turn.
    let cycles = [cycle, future_cycle];
    for cycle in cycles.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match cycle(&dir, &mut random, &stop) {
            Ok(one) => tally.merge(one),
            Err(RingError::Closed { .. } | RingError::NotFound { .. }) => break,
            Err(error) => tally.wrong.push(format!("not connected: {error}")),
        }
    }
    println!("{tally:?}");
    if tally.wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Comes, works for some rounds, and leaves.
fn cycle(dir: &PoolDir, random: &mut Random, stop: &AtomicBool) -> Result<Tally, RingError> {
    let client = Client::connect(dir)?;
    let mut tally = Tally::default();
    let over = AtomicBool::new(false);
    let called = std::thread::scope(|scope| {
        let mut own = random.clone();
        let client = &client;
        let caller = scope.spawn(move || {
            let mut tally = Tally::default();
            call_some(client, &mut own, &mut tally);
            tally
        });
        let listener = scope.spawn(|| listen(client, &over));
        let (mut other, stop_talking) = (random.clone(), &over);
        let sender = scope.spawn(move || send_all(client, &mut other, stop_talking));
        let receiver = scope.spawn(|| receive_all(client, &over));
        for _ in 0..12 {
            if stop.load(Ordering::Relaxed) || !round(client, random, &mut tally) {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
        tally.merge(listener.join().expect("the listening thread"));
        tally.merge(sender.join().expect("the sending thread"));
        tally.merge(receiver.join().expect("the receiving thread"));
        caller.join().expect("the calling thread")
    });
    tally.merge(called);
    Ok(tally)
}

/// As [`cycle`], by the crate `ringwork`.
fn future_cycle(dir: &PoolDir, random: &mut Random, stop: &AtomicBool) -> Result<Tally, RingError> {
    let client = Ringwork::builder("x").dir(dir.clone()).connect_blocking();
    let client = client.map_err(|error| match error {
        ringwork::Error::NotConnected(why) => why,
        other => RingError::Config(other.to_string()),
    })?;
    let mut tally = Tally::default();
    for _ in 0..12 {
        if stop.load(Ordering::Relaxed) || !future_round(&client, random, &mut tally) {
            break;
        }
    }
    Ok(tally)
}

fn successor(dir: &str) -> ExitCode {
    let dir = PoolDir::at(Path::new(dir)).expect("the pool's directory");
    let client = Client::connect(&dir).expect("a client entry");
    let mut random = Random::new(1);
    let _tickets: Vec<_> = (0..12)
        .map(|n| {
            let request = request(&mut random, 25, if n % 2 == 0 { 40 } else { 400 });
            // Half of them with keys, some of which are one after another.
            let options = match n {
                0..6 => TaskOptions::default().key([n / 3]),
                _ => TaskOptions::default(),
            };
            client.submit("hold", &request, &options).expect("a slot")
        })
        .collect();
    keep_one(&client);
    println!("submitted");
    loop {
        std::thread::park();
    }
}
