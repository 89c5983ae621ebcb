//! A supervisor that is the first process of its container, and one that is a child of it.

#![forbid(unsafe_code)]

mod common;

use common::*;
use rustix::process::Signal;
use std::process::Command;

/// A PID namespace of its own, whose first process is what is executed.
const FIRST: [&str; 4] = ["unshare", "-Urpf", "--mount-proc", "--kill-child"];

/// Whether this machine lets a user make namespaces; says loudly when it does not.
fn may_unshare() -> bool {
    let allowed = Command::new(FIRST[0])
        .args(&FIRST[1..])
        .arg("true")
        .status();
    let allowed = allowed.is_ok_and(|status| status.success());
    if !allowed {
        eprintln!("SKIPPED: this machine allows no PID namespaces ({FIRST:?})");
    }
    allowed
}

/// Process id and state of the children of a process.
fn children(parent: u32) -> Vec<(u32, char)> {
    let parent = parent.to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let pid = stat.split_once(' ')?.0.parse().ok()?;
            let mut fields = stat.rsplit_once(") ")?.1.split(' ');
            let state = fields.next()?.chars().next()?;
            (fields.next()? == parent).then_some((pid, state))
        })
        .collect()
}

#[test]
fn as_the_first_process_it_reaps_orphans_keeps_its_workers_and_obeys_signals() {
    if !may_unshare() {
        return;
    }
    let home = Home::new();
    // Each worker leaves an orphan, which ends soon.
    let script = format!("(sleep 0.2 &); exec {RINGWORK} worker");
    let options = ["--workers", "2", "--worker", "/bin/sh", "--", "-c", &script];
    let mut serve = home.start_by("p", &FIRST, &options);
    serve.line = serve.first_line();
    let supervisor = children(serve.id())[0].0;
    let workers_of = || {
        let all = children(supervisor);
        let named = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains("worker")
        };
        let pids = all.iter().map(|(pid, _)| *pid);
        pids.filter(named).collect::<Vec<u32>>()
    };
    until("two workers are there", || workers_of().len() == 2);
    let victim = workers_of()[0];
    kill(victim, Signal::KILL);
    until("the worker is replaced", || {
        let now = workers_of();
        now.len() == 2 && !now.contains(&victim)
    });
    until("no orphan is left", || children(supervisor).len() == 2);
    serve.until_logged("SIGKILL");
    kill(supervisor, Signal::USR1);
    serve.until_logged("SIGUSR1 means nothing");
    kill(supervisor, Signal::TERM);
    assert_eq!(serve.wait(), 0);
    assert!(!home.pool("p").exists());
}

#[test]
fn as_a_child_of_the_first_process_it_serves_and_ends_with_its_owner() {
    if !may_unshare() {
        return;
    }
    let home = Home::new();
    // The shell is the first process, as a JVM in a container is, and stays the parent.
    let script = format!("{RINGWORK} \"$@\"; echo over $?");
    let starter = [&FIRST[..], &["sh", "-c", &script, "sh"]].concat();
    let mut serve = home.start_args(
        &starter,
        &[
            "serve",
            "--name",
            "p",
            "--segment-size",
            "16MiB",
            "--workers",
            "1",
            "--embedded",
        ],
    );
    assert!(serve.first_line().starts_with("{\"ready\":true"));
    drop(serve.stdin().take());
    assert_eq!(serve.first_line(), "over 0");
    assert_eq!(serve.wait(), 0);
    assert!(!home.pool("p").exists());
}
