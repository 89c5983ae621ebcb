//! Signals that a supervisor and its workers are started with, or are sent from outside.

#![forbid(unsafe_code)]

mod common;

use common::*;
use rustix::process::Signal;
use serde_json::Value;

/// `env` of coreutils starts the supervisor with these signals blocked or ignored.
fn serve_by(home: &Home, how: &[&str]) -> Serve {
    let mut serve = home.start_by("p", how, &["--workers", "1"]);
    serve.line = serve.first_line();
    serve
}

/// Which signals a process ignores, and which its main thread blocks: two masks.
fn masks(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mask = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
    };
    (mask("SigIgn:"), mask("SigBlk:"))
}

fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}

/// Those that mean nothing to a supervisor or a worker.
const MEANINGLESS: [Signal; 9] = [
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::VTALARM,
    Signal::PROF,
    Signal::IO,
    Signal::POWER,
    Signal::STKFLT,
    Signal::PIPE,
];

#[test]
fn one_that_was_started_with_signals_blocked_or_ignored_obeys_them() {
    for how in ["--block-signal", "--ignore-signal"] {
        let home = Home::new();
        let list = format!("{how}=TERM,HUP,CHLD,USR1,ALRM");
        let mut serve = serve_by(&home, &["env", &list]);
        let worker = workers(&home.stat("p"))[0];
        for pid in [serve.id(), worker] {
            // The C library blocks all of them for a moment while it starts a thread or a process.
            until(&format!("{how}: none is ignored or blocked"), || {
                let (ignored, blocked) = masks(pid);
                (ignored & !bit(Signal::PIPE) & ((1 << 31) - 1), blocked) == (0, 0)
            });
        }
        // Its end is seen and it is replaced: SIGCHLD is neither blocked nor ignored.
        kill(worker, Signal::KILL);
        until("the worker is replaced", || {
            workers(&home.stat("p")).iter().any(|pid| *pid != worker)
        });
        serve.signal(Signal::TERM);
        assert_eq!(serve.wait(), 0, "{how}");
        assert!(!home.pool("p").exists());
    }
}

#[test]
fn signals_that_mean_nothing_kill_neither_supervisor_nor_worker() {
    let home = Home::new();
    let mut serve = home.serve("p", &["--workers", "1"]);
    let before = workers(&home.stat("p"));
    for signal in MEANINGLESS {
        serve.signal(signal);
        kill(before[0], signal);
    }
    serve.until_logged("SIGUSR1 means nothing to a supervisor");
    let ended = home.run(&["submit", "p", "echo", "--data", "hi"]);
    assert_eq!(ended.stdout, "hi");
    assert_eq!(workers(&home.stat("p")), before);
    // Real-time signals have no names here: coreutils' kill knows them.
    for number in ["34", "64"] {
        let pids = [serve.id().to_string(), before[0].to_string()];
        let sent = std::process::Command::new("/bin/kill")
            .arg(format!("-{number}"))
            .args(pids)
            .status();
        assert!(sent.unwrap().success());
    }
    let ended = home.run(&["submit", "p", "echo", "--data", "still"]);
    assert_eq!(ended.stdout, "still");
    assert_eq!(workers(&home.stat("p")), before);
    serve.signal(Signal::TERM);
    assert_eq!(serve.wait(), 0);
}

#[test]
fn sigquit_ends_a_served_pool_at_once_and_leaves_nothing() {
    let home = Home::new();
    // A shell ignores it in what it starts in the background, and a pool leaves it at that.
    let starter = ["env", "--default-signal=QUIT"];
    let mut serve = home.start_by("p", &starter, &["--workers", "1"]);
    serve.first_line();
    let task = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    serve.signal(Signal::QUIT);
    assert_eq!(serve.wait(), 0);
    assert_eq!(task.output().code, 3);
    assert!(!home.pool("p").exists());
}

#[test]
fn an_embedded_pool_leaves_the_signals_of_units_and_terminals_to_its_owner() {
    let home = Home::new();
    let mut serve = home.serve("p", &["--workers", "2", "--embedded"]);
    until("both workers are there", || {
        workers(&home.stat("p")).len() == 2
    });
    let before = workers(&home.stat("p"));
    let task = background(home.command(&["submit", "p", "sleep", "--data", "1500"]));
    // To all processes, as a unit with KillMode=control-group does, and a terminal.
    for signal in [Signal::TERM, Signal::QUIT, Signal::INT, Signal::HUP] {
        for _ in 0..2 {
            serve.signal(signal);
            before.iter().for_each(|pid| kill(*pid, signal));
        }
        serve.until_logged("is left to the owner of this embedded pool");
        let ended = home.run(&["submit", "p", "echo", "--data", "hi"]);
        assert_eq!(ended.stdout, "hi", "{ended:?}");
    }
    assert_eq!(task.output().code, 0);
    let stat = home.stat("p");
    assert_eq!(
        (workers(&stat), &stat["state"]),
        (before.clone(), &Value::from("serving"))
    );
    drop(serve.stdin().take());
    assert_eq!(serve.wait(), 0);
    assert!(before.into_iter().all(|pid| !is_alive(pid)) && !home.pool("p").exists());
}

#[test]
fn the_supervisor_of_an_embedded_pool_makes_its_workers_leave() {
    let home = Home::new();
    // Each worker leaves at its age; the hard limit is a SIGTERM of the supervisor's.
    let options = [
        "--workers",
        "1",
        "--embedded",
        "--limit",
        "sleep:hard=300ms",
        "--kill-grace",
        "10min",
    ];
    let serve = home.serve("p", &options);
    let before = workers(&home.stat("p"));
    let task = background(home.command(&["submit", "p", "sleep", "--data", "2000"]));
    until("the worker has left by itself", || {
        workers(&home.stat("p"))
            .iter()
            .all(|pid| !before.contains(pid))
    });
    drop(task);
    drop(serve);
}
