//! The crash matrix of handlers: each misbehaviour at each place.
//!
//! For every cell: the caller's task ends in the way that tells what happened,
//! within its limit; the tasks beside it in the same process end as their policy
//! says; the pool serves on; and nothing is left taken.

#![forbid(unsafe_code)]

use ringwork_ring::client::{Client, Outcome, Ticket};
use ringwork_ring::format::layout::*;
use ringwork_ring::{Cause, CauseDetail, Codec, Status};
use ringwork_tests::misbehaviour::{PLACES, errand, errand_codec};
use ringwork_tests::{
    Marker, Pool, Serve, call, end, options, result, utf8, wait_until, worker_of,
};
use std::time::Duration;

/// What a misbehaviour does to its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It dies so.
    Dies(Cause),
    /// It is killed after the task's deadline.
    Overruns,
    /// It lives on; the task panicked.
    Lives,
    /// It answers, and is replaced.
    Replaced,
}

/// Killed by a signal, with what is known besides.
fn killed(signal: u8, detail: CauseDetail) -> Cause {
    Cause::Killed {
        signal,
        detail: Some(detail),
    }
}

fn serve(name: &str) -> Pool {
    Serve::new(name)
        .option("workers", "1")
        .option("lanes", "3")
        .option("overrun-grace", "200ms")
        .option("worker-memory", "256MiB")
        .option("worker-threads", "64")
        .option("worker-core-size", "0")
        .start()
}

/// One misbehaviour at all places, each in a pool of its own, side by side.
fn try_everywhere(misbehaviour: &str, fate: Fate) {
    std::thread::scope(|scope| {
        for place in PLACES {
            std::thread::Builder::new()
                .name(format!("{misbehaviour} at {place}"))
                .spawn_scoped(scope, move || try_at(misbehaviour, place, fate))
                .expect("a thread");
        }
    });
}

/// Tasks beside the misbehaviour, in the same process.
struct Bystanders<'c> {
    repeated: Ticket<'c>,
    once: Ticket<'c>,
    markers: [Marker; 2],
}

impl<'c> Bystanders<'c> {
    fn start(client: &'c Client, pool: &Pool) -> Self {
        let markers = [Marker::new(pool.files()), Marker::new(pool.files())];
        let start = |marker: &Marker, attempts| {
            let options = utf8().attempts(attempts);
            let ticket = client
                .submit("test.bystander", marker.text().as_bytes(), &options)
                .expect("a slot");
            marker.wait_started();
            ticket
        };
        Self {
            repeated: start(&markers[0], 2),
            once: start(&markers[1], 1),
            markers,
        }
    }

    /// Their process died: the task that may run again has done so, the other has ended as crashed.
    fn ended_with(&self, cause: Cause) {
        assert_eq!(result(&self.repeated), 2_i64.to_le_bytes());
        let crashed = Outcome::Crashed { cause, attempts: 1 };
        assert_eq!(end(&self.once), crashed);
    }

    /// Their process lives: they end when they are told to, at their first attempt.
    fn unharmed(&self) {
        for marker in &self.markers {
            std::fs::write(format!("{}.go", marker.text()), "").expect("a file");
        }
        for ticket in [&self.repeated, &self.once] {
            assert_eq!(result(ticket), 1_i64.to_le_bytes());
        }
    }
}

fn try_at(misbehaviour: &str, place: &str, fate: Fate) {
    let pool = serve(&format!("{}-{place}", misbehaviour.replace('_', "-")));
    let client = pool.client();
    let workers = pool.wait_workers(1);
    let open = descriptors(pool.pid());
    let bystanders = Bystanders::start(&client, &pool);
    let limit = options()
        .timeout((fate == Fate::Overruns).then_some(Duration::from_millis(300)))
        .codec(errand_codec());
    let ticket = client
        .submit("test.misbehave", &errand(misbehaviour, place), &limit)
        .expect("a slot");
    let ended = end(&ticket);
    match fate {
        Fate::Dies(cause) => {
            let crashed = Outcome::Crashed { cause, attempts: 1 };
            assert_eq!(ended, crashed, "{}", pool.log());
            bystanders.ended_with(cause);
        }
        Fate::Overruns => {
            assert_eq!(ended, Outcome::TimedOut { may_have_run: true });
            bystanders.ended_with(killed(9, CauseDetail::TimeLimit));
            pool.wait_logged("test.misbehave");
        }
        Fate::Lives => {
            panicked(&ended, place);
            bystanders.unharmed();
            assert_eq!(pool.workers(), workers, "the process must live on");
        }
        Fate::Replaced => {
            assert!(matches!(ended, Outcome::Completed { .. }), "{ended:?}");
            bystanders.unharmed();
        }
    }
    drop((ticket, bystanders));
    still_serves(&pool, &client, fate, &workers);
    wait_until("the supervisor's descriptors are closed", || {
        descriptors(pool.pid()) == open
    });
}

fn panicked(ended: &Outcome, at: &str) {
    match ended {
        Outcome::Failed {
            status,
            may_have_run,
            code,
            location,
            message,
        } => {
            assert_eq!((*status, *may_have_run), (Status::Panicked, true));
            assert_eq!(code, "handler.panicked");
            assert_eq!(message, &format!("a misbehaviour at {at}"));
            assert!(location.contains("misbehaviour.rs:"), "{location}");
        }
        other => panic!("{other:?}"),
    }
}

/// The pool is as before: a worker with all lanes, no slot, block or entry taken.
fn still_serves(pool: &Pool, client: &Client, fate: Fate, before: &[(u32, i32)]) {
    if fate != Fate::Lives {
        wait_until("the process is replaced", || {
            let now = pool.workers();
            now.len() == 1 && now != before
        });
    }
    let crashes = u64::from(matches!(fate, Fate::Dies(..) | Fate::Overruns));
    assert_eq!(
        pool.counter(PoolCounter::WorkersCrashed),
        crashes,
        "{}",
        pool.log()
    );
    for len in [8, 8000] {
        let request = vec![7; len];
        assert_eq!(call(client, "echo", &request, &options()), request);
    }
    let occupied = ringwork_tests::occupy(client, pool.files(), 3);
    occupied
        .into_iter()
        .for_each(|ticket| drop(ticket.cancel()));
    pool.wait_nothing_held(&[client]);
}

/// The open descriptors of a process.
fn descriptors(pid: i32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

macro_rules! misbehaviour {
    ($($misbehaviour:ident => $fate:expr;)*) => {$(
        #[test]
        fn $misbehaviour() {
            try_everywhere(stringify!($misbehaviour), $fate);
        }
    )*};
}

misbehaviour! {
    panic => Fate::Lives;
    panic_while_panicking => Fate::Dies(killed(6, CauseDetail::DoublePanic));
    null_dereference => Fate::Dies(Cause::signal(11));
    abort => Fate::Dies(Cause::signal(6));
    exit_0 => Fate::Dies(Cause::Exited { code: 0 });
    exit_3 => Fate::Dies(Cause::Exited { code: 3 });
    stack_overflow => Fate::Dies(killed(6, CauseDetail::StackOverflow));
    endless_loop => Fate::Overruns;
    endless_sleep => Fate::Overruns;
    memory => Fate::Dies(killed(6, CauseDetail::OutOfMemory));
    threads => Fate::Dies(killed(9, CauseDetail::Threads));
    close_all => Fate::Replaced;
}

/// A result that is written twice: the last counts, and no block of the former is left.
#[test]
fn twice() {
    let pool = serve("twice");
    let client = pool.client();
    let workers = pool.wait_workers(1);
    let bystanders = Bystanders::start(&client, &pool);
    for place in ["decode", "run"] {
        assert_eq!(
            call(&client, "test.twice", place.as_bytes(), &options()),
            [2; 100]
        );
    }
    assert_eq!(
        call(&client, "test.twice_encoded", b"", &options()),
        [2; 100]
    );
    // As a guard is dropped, after the answer: the answer is longer than the room that is left.
    let ticket = client
        .submit("test.twice", b"drop", &options())
        .expect("a slot");
    match end(&ticket) {
        Outcome::Failed {
            status,
            code,
            message,
            ..
        } => {
            assert_eq!(
                (status, code.as_str()),
                (Status::Failed, "result.beyond_room")
            );
            assert!(
                message.contains("8000") && message.contains("100"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    bystanders.unharmed();
    drop((ticket, bystanders));
    still_serves(&pool, &client, Fate::Lives, &workers);
    assert_eq!(pool.workers(), workers);
}

/// A task that kills its worker at each attempt is given up and reported so that an operator can
/// tell which request it was: inline or in a block.
#[test]
fn the_request_of_a_quarantined_task_is_kept_saved_tried_again_and_forgotten() {
    let pool = Serve::new("kept").option("worker-core-size", "0").start();
    let client = pool.client();
    let run = |args: &[&str]| {
        let output = pool
            .base()
            .command(&[&["quarantine", "kept"], args].concat());
        let output = { output }.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    assert_eq!(
        run(&[]),
        (0, "no request is kept\n".to_owned(), String::new())
    );
    let request = errand("abort", "run");
    let twice = options().attempts(2).codec(errand_codec());
    let ticket = client.submit("test.misbehave", &request, &twice).unwrap();
    let outcome = end(&ticket);
    assert!(
        matches!(outcome, Outcome::Crashed { attempts: 2, .. }),
        "{outcome:?}"
    );
    let (code, page, _) = run(&[]);
    assert!(code == 0 && page.contains("test.misbehave"), "{page}");
    let (code, shown, _) = run(&["show", "1"]);
    assert!(
        code == 0 && shown.contains("at each of 2 attempts"),
        "{shown}"
    );
    let file = pool.files().join("request");
    assert_eq!(run(&["save", "1", file.to_str().unwrap()]).0, 0);
    assert_eq!(std::fs::read(&file).unwrap(), request);
    // Its worker dies again: it is kept.
    let (code, _, error) = run(&["retry", "1"]);
    assert_eq!(code, 5, "{error}");
    assert_eq!(run(&["drop", "1"]).0, 0);
    let (code, _, error) = run(&["show", "1"]);
    assert!(code == 2 && error.contains("keeps no request 1"), "{error}");
}

#[test]
fn a_task_that_always_kills_is_quarantined_and_reported_with_its_digest() {
    let pool = Serve::new("quarantine")
        .option("workers", "2")
        .option("worker-core-size", "0")
        .start();
    let client = pool.client();
    let requests = [
        errand("abort", "run"),
        errand("abort", &format!("run {}", "x".repeat(200))),
    ];
    for request in &requests {
        let repeated = options().attempts(3).codec(errand_codec());
        let ticket = client
            .submit("test.misbehave", request, &repeated)
            .expect("a slot");
        let cause = Cause::signal(6);
        assert_eq!(end(&ticket), Outcome::Crashed { cause, attempts: 3 });
        let body = [&[0; 4][..], request].concat();
        let params = options().codec(Codec::Params);
        let digest = call(&client, "digest", &body, &params);
        let digest = String::from_utf8(digest).expect("a digest");
        let report = format!(
            "quarantined: test.misbehave lost its worker at each of 3 attempts, request of {} bytes, \
             SHA-256 {}",
            request.len(),
            &digest[..16]
        );
        wait_until("it is reported", || pool.log().contains(&report));
        let listed = ringwork_ring::segment::tables::errors(pool.segment());
        assert!(
            listed
                .iter()
                .any(|error| error.count == 1 && error.text.starts_with(&report)),
            "{listed:?}"
        );
    }
    assert_eq!(pool.counter(PoolCounter::TasksQuarantined), 2);
    assert_eq!(pool.counter(PoolCounter::TasksRequeued), 4);
    // One attempt is no proof: it may have been a bystander. Its digest is in the log all the same.
    let once = options().codec(errand_codec());
    let ticket = client
        .submit("test.misbehave", &errand("exit_3", "run"), &once)
        .expect("a slot");
    assert!(matches!(end(&ticket), Outcome::Crashed { .. }));
    drop(ticket);
    pool.wait_nothing_held(&[&client]);
    assert_eq!(pool.counter(PoolCounter::TasksQuarantined), 2);
    wait_until("it is logged", || {
        pool.log()
            .contains("test.misbehave (request of 12 bytes, SHA-256 ")
    });
}

/// A worker that is not the supervisor's child is alive as long as its lock is held: closing
/// descriptors must not make it look dead while it still writes.
#[test]
fn a_joined_worker_that_closes_everything_is_not_taken_for_dead() {
    let pool = Serve::new("joined-closes").option("workers", "1").start();
    let client = pool.client();
    let mut joined = worker_of(&pool);
    wait_until("it has joined", || pool.workers().len() == 2);
    let workers = pool.workers();
    // The supervisor's own worker is kept busy: so the misbehaviour is the other's.
    let mut occupied = ringwork_tests::occupy(&client, pool.files(), 1);
    let free = call(&client, "test.pid", b"", &options());
    let own = i64::from(joined.0.id());
    if free != own.to_le_bytes() {
        occupied.extend(ringwork_tests::occupy(&client, pool.files(), 1));
        drop(occupied.remove(0).cancel());
    }
    wait_until("the joined one is free", || {
        call(&client, "test.pid", b"", &options()) == own.to_le_bytes()
    });
    let sent = options().codec(errand_codec());
    let done = call(
        &client,
        "test.misbehave",
        &errand("close_all", "run"),
        &sent,
    );
    assert_eq!(done, b"\x64done");
    // Many looks of the supervisor at its lock later it still serves, and is the same.
    for _ in 0..30 {
        assert_eq!(
            call(&client, "test.pid", b"", &options()),
            own.to_le_bytes()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(pool.workers(), workers);
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
    occupied
        .into_iter()
        .for_each(|ticket| drop(ticket.cancel()));
    joined.kill();
    wait_until("its death is proved all the same", || {
        pool.workers().len() == 1
    });
    pool.wait_nothing_held(&[&client]);
}
