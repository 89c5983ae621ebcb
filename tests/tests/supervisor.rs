//! The supervisor killed, asked to stop, let go of, started twice.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use ringwork_ring::client::{Client, Outcome};
use ringwork_ring::format::layout::PoolCounter;
use ringwork_ring::{RingError, segment};
use ringwork_tests::{
    Base, KillOnDrop, LIMIT, Marker, Pool, Serve, call, end, i64, install, is_alive, options,
    result, utf8, wait_for, wait_until, worker_program,
};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tasks that run on both workers of a pool, and some that wait behind them.
fn fill<'c>(pool: &Pool, client: &'c Client) -> Vec<ringwork_ring::client::Ticket<'c>> {
    let mut tickets = ringwork_tests::occupy(client, pool.files(), 2);
    tickets.extend((0..5).map(|_| {
        client
            .submit("echo", &[1; 200], &options())
            .expect("a slot")
    }));
    tickets
}

#[test]
fn a_killed_supervisor_takes_its_workers_along_and_clients_are_told() {
    let mut pool = Serve::new("killed").start();
    let client = pool.client();
    let pids: Vec<i32> = pool.wait_workers(2).iter().map(|(_, pid)| *pid).collect();
    let tickets = fill(&pool, &client);
    pool.signal(Signal::SIGKILL);
    for ticket in &tickets {
        match end(ticket) {
            Outcome::Closed { reason } => {
                assert!(
                    reason.contains("killed") && reason.contains("supervisor"),
                    "{reason}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    pool.wait_exit();
    Pool::wait_gone(&pids);
    // A newcomer is told, too, and what to do.
    let error = Client::connect(pool.dir()).unwrap_err();
    assert!(matches!(error, RingError::Closed { .. }), "{error}");
    assert!(error.to_string().contains("ringwork clean"), "{error}");
    // A new supervisor takes the name over; the old client stays closed, a new one is served.
    let again = Serve::in_base(pool.base(), "killed").start();
    let late = client.call("echo", b"x", &options());
    assert!(
        matches!(
            late,
            Err(RingError::Closed { .. }) | Ok(Outcome::Closed { .. })
        ),
        "{late:?}"
    );
    let newcomer = again.client();
    assert_eq!(call(&newcomer, "echo", b"x", &options()), b"x");
    drop(tickets);
    drop(client);
    again.wait_nothing_held(&[&newcomer]);
}

#[test]
fn however_many_tasks_are_pending_a_dead_supervisor_ends_them_by_one_look() {
    for tasks in [2048, 8192] {
        a_dead_supervisor_ends_them_by_one_look(tasks);
    }
}

fn a_dead_supervisor_ends_them_by_one_look(tasks: u32) {
    let mut pool = Serve::new("many")
        .option("slots", &(tasks + tasks / 8).to_string()) // a sixteenth is kept for priority 0
        .option("segment-size", "48MiB")
        .start();
    let client = pool.client();
    let mut tickets = ringwork_tests::occupy(&client, pool.files(), 2);
    let rest = tasks as usize - tickets.len();
    tickets.extend((0..rest).map(|_| client.submit("echo", &[1], &options()).expect("a slot")));
    pool.signal(Signal::SIGKILL);
    pool.wait_exit();
    // One look each, every 50 ms, would take 102 s, and four times that.
    let start = Instant::now();
    for ticket in &tickets {
        assert!(matches!(end(ticket), Outcome::Closed { .. }));
    }
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
    let late = client.submit("echo", b"x", &options()).map(drop);
    assert!(matches!(late, Err(RingError::Closed { .. })), "{late:?}");
}

#[test]
fn threads_that_wait_together_are_all_told_of_a_dead_supervisor() {
    let pool = Serve::new("together").start();
    let client = pool.client();
    let tickets = fill(&pool, &client);
    std::thread::scope(|scope| {
        let waiting: Vec<_> = tickets
            .iter()
            .map(|ticket| scope.spawn(move || end(ticket)))
            .collect();
        pool.signal(Signal::SIGKILL);
        for outcome in waiting {
            let outcome = outcome.join().expect("no panic");
            assert!(matches!(outcome, Outcome::Closed { .. }), "{outcome:?}");
        }
    });
}

#[test]
fn clean_removes_the_dead_and_never_the_living() {
    let base = Arc::new(Base::new());
    let mut dead = Serve::in_base(&base, "dead").start();
    let alive = Serve::in_base(&base, "alive").start();
    dead.signal(Signal::SIGKILL);
    dead.wait_exit();
    // The kernel may need a moment to drop the locks of the last thread.
    wait_until("the dead pool is removed", || {
        segment::clean(dead.dir()).is_ok_and(|removed| removed)
    });
    assert!(!dead.dir().path().exists());
    assert!(!segment::clean(alive.dir()).expect("an answer"), "it lives");
    assert_eq!(call(&alive.client(), "echo", b"x", &options()), b"x");
}

#[test]
fn the_command_clean_does_the_same() {
    let base = Arc::new(Base::new());
    let mut dead = Serve::in_base(&base, "dead").start();
    let alive = Serve::in_base(&base, "alive").start();
    dead.signal(Signal::SIGKILL);
    dead.wait_exit();
    wait_until("the dead pool is removed", || {
        let output = base.command(&["clean"]).output();
        let output = output.expect("ringwork clean runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        !dead.dir().path().exists()
    });
    assert_eq!(call(&alive.client(), "echo", b"x", &options()), b"x");
}

#[test]
fn a_drain_finishes_what_is_queued_and_takes_no_more() {
    let mut pool = Serve::new("drained").daemon().start();
    let client = pool.client();
    let pids: Vec<i32> = pool.wait_workers(2).iter().map(|(_, pid)| *pid).collect();
    let notes = Marker::new(pool.files());
    let tickets: Vec<_> = (0..40)
        .map(|number| {
            let sleep = number % 4 == 0;
            let note = format!("{}\n{number}", notes.text());
            let submitted = if sleep {
                client.submit("test.sleep", &30_i64.to_le_bytes(), &i64())
            } else {
                client.submit("test.count", note.as_bytes(), &utf8())
            };
            submitted.expect("a slot")
        })
        .collect();
    pool.signal(Signal::SIGTERM);
    wait_until("it drains", || !pool.segment().takes_tasks());
    let refused = client.submit("echo", b"", &options());
    assert!(
        matches!(refused, Err(RingError::Closed { .. })),
        "{refused:?}"
    );
    for ticket in &tickets {
        let _ = result(ticket);
    }
    let mut noted: Vec<u32> = notes
        .contents()
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    noted.sort_unstable();
    assert_eq!(
        noted,
        (0..40)
            .filter(|number| number % 4 != 0)
            .collect::<Vec<u32>>()
    );
    assert!(pool.wait_exit().success(), "{}", pool.log());
    pool.wait_nothing_left(&pids);
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
}

#[test]
fn a_drain_has_an_end() {
    let mut pool = Serve::new("stuck")
        .daemon()
        .option("drain-timeout", "300ms")
        .start();
    let client = pool.client();
    let pids: Vec<i32> = pool.wait_workers(2).iter().map(|(_, pid)| *pid).collect();
    let stuck = client
        .submit("test.never", b"", &options())
        .expect("a slot");
    pool.signal(Signal::SIGTERM);
    match end(&stuck) {
        Outcome::Closed { reason } => assert!(reason.contains("1 task was not over"), "{reason}"),
        other => panic!("{other:?}"),
    }
    pool.wait_exit();
    pool.wait_nothing_left(&pids);
}

#[test]
fn an_embedded_pool_ends_with_its_owner() {
    let mut pool = Serve::new("owned").start();
    let client = pool.client();
    let pids: Vec<i32> = pool.wait_workers(2).iter().map(|(_, pid)| *pid).collect();
    let tickets = fill(&pool, &client);
    pool.let_go();
    for ticket in &tickets {
        match end(ticket) {
            Outcome::Closed { reason } => assert!(reason.contains("owned it"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    pool.wait_exit();
    pool.wait_nothing_left(&pids);
}

#[test]
fn two_supervisors_of_one_name_are_one() {
    let pool = Serve::new("one").start();
    let client = pool.client();
    let workers = pool.wait_workers(2);
    let refused = Serve::in_base(pool.base(), "one").try_start().unwrap_err();
    assert!(
        refused.error.contains("is being served already"),
        "{refused:?}"
    );
    assert!(
        refused.error.contains(&pool.pid().to_string()),
        "it names the process: {refused:?}"
    );
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.left, "the directory is the first one's");
    assert_eq!(call(&client, "echo", b"x", &options()), b"x");
    assert_eq!(pool.workers(), workers);
    drop(client);
    pool.wait_nothing_held(&[]);
}

/// The kernel ends a worker with its supervisor, but not one that had yet to ask for that.
#[test]
fn a_worker_that_starts_late_does_not_join_the_next_pool_of_the_name() {
    let base = Arc::new(Base::new());
    let file = |name: &str| base.path().join(name);
    let (program, gate, said) = (file("worker"), file("gate"), file("said"));
    mkfifo(&gate, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let script = format!(
        "#!/bin/sh\n\
         if [ $RINGWORK_WORKER_INDEX = 1 ] && mkdir {once}; then\n\
           read -r line <{gate}\n\
           exec {worker} >{said} 2>&1\n\
         fi\n\
         exec {worker}\n",
        once = file("once").display(),
        gate = gate.display(),
        worker = worker_program().display(),
        said = said.display(),
    );
    install(&program, &script);
    let serve = || {
        Serve::in_base(&base, "next")
            .daemon()
            .option("worker", &program.display().to_string())
            .start()
    };
    let mut dead = serve();
    wait_until("the late worker is on its way", || file("once").exists());
    dead.signal(Signal::SIGKILL);
    dead.wait_exit();
    let pool = serve();
    let workers = pool.wait_workers(2);
    // For reading, too: so the opening waits for no reader.
    let mut gate = File::options().read(true).write(true).open(gate).unwrap();
    gate.write_all(b"go\n").unwrap();
    wait_until("the late worker says why it leaves", || {
        std::fs::read_to_string(&said).is_ok_and(|said| said.contains("its supervisor is dead"))
    });
    assert_eq!(pool.workers(), workers);
}

#[test]
fn a_name_is_served_again_and_again() {
    let base = Arc::new(Base::new());
    for _ in 0..5 {
        let mut pool = Serve::in_base(&base, "again").daemon().start();
        assert_eq!(call(&pool.client(), "echo", b"x", &options()), b"x");
        pool.signal(Signal::SIGTERM);
        assert!(pool.wait_exit().success(), "{}", pool.log());
        assert!(!pool.dir().path().exists(), "its files are removed");
    }
}

#[test]
fn a_pool_that_is_not_embedded_outlives_its_input_and_stops_on_sigterm() {
    let base = Base::new();
    let child = base
        .command(&[
            "serve",
            "--name",
            "daemon",
            "--workers",
            "1",
            "--segment-size",
            "12MiB",
        ])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the supervisor is started");
    let mut guard = KillOnDrop(child);
    let dir = ringwork_ring::PoolDir::below(&base.pools(), "daemon").unwrap();
    let client = wait_for("it serves", || Client::connect(&dir).ok());
    let soon = options().timeout(Duration::from_secs(20));
    assert_eq!(call(&client, "echo", b"stock", &soon), b"stock");
    drop(client);
    let pid = guard.0.id().cast_signed();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    let status = wait_for("it stops", || guard.0.try_wait().expect("an own child"));
    assert!(status.success());
    assert!(!is_alive(pid) && !dir.path().exists());
}
