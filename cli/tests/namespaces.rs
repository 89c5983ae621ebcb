//! A pool and its clients in namespaces apart, as in two containers, with nothing but the pool's
//! directory between them.

mod common;

use common::*;
use std::process::Command;

/// Runs what follows in namespaces of its own: mounts, processes, IPC, network and name of the host. Its
/// processes die with it.
const APART: [&str; 10] = [
    "unshare",
    "--user",
    "--map-root-user",
    "--ipc",
    "--net",
    "--uts",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
];

/// Whether this kernel lets us; says why not.
fn namespaces_are_allowed() -> bool {
    let tried = Command::new(APART[0])
        .args(&APART[1..])
        .arg("true")
        .output();
    let why = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    eprintln!("SKIPPED: no user and PID namespaces here: {}", why.trim());
    false
}

fn apart(home: &Home, args: &[&str]) -> Command {
    let mut command = Command::new(APART[0]);
    command
        .args(&APART[1..])
        .arg(RINGWORK)
        .args(args)
        .env("RINGWORK_DIR", home.path())
        .stdin(std::process::Stdio::null());
    command
}

#[test]
fn a_client_in_another_namespace_is_served_and_each_notices_the_others_death() {
    if !namespaces_are_allowed() {
        return;
    }
    let home = Home::new();
    let mut serve = home.start_by("p", &APART, &["--workers", "2"]);
    serve.line = serve.first_line();
    assert!(serve.line.starts_with("serving p"), "{}", serve.line);
    // Its process ids mean nothing out here: it is the first of its namespace.
    assert_eq!(home.stat("p")["supervisor_pid"], 1);
    let answer = apart(&home, &["submit", "p", "echo", "--data", "hello"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&answer.stdout);
    assert_eq!(text, "hello", "{}", String::from_utf8_lossy(&answer.stderr));

    // A client dies: its entry is freed, its task is cancelled.
    let task = background(apart(&home, &["submit", "p", "sleep", "--data", "600000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    drop(task);
    until("its entry is free", || {
        home.stat("p")["clients"].as_array().unwrap().is_empty()
    });
    assert_eq!(home.stat("p")["counters"]["clients_reaped"], 1);

    // The pool dies: its client is told.
    let task = background(apart(&home, &["submit", "p", "sleep", "--data", "600000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    drop(serve);
    let ended = task.output();
    assert_eq!(ended.code, 3, "{ended:?}");
    until("the pool is dead for all", || {
        home.json(&["list", "--json"])[0]["state"] == "dead"
    });
}

/// Engines give `/dev/shm` 64 MiB.
#[test]
fn a_small_shm_is_told_at_the_start_with_both_figures() {
    if !namespaces_are_allowed() {
        return;
    }
    let script = "mount -t tmpfs -o size=64m shm /dev/shm && exec \"$@\"";
    let serve = ["sh", "-c", script, "sh", RINGWORK, "serve", "--name", "p"];
    let run = |size: &str, more: &[&str]| {
        let mut command = Command::new(APART[0]);
        command.args(&APART[1..]).args(serve);
        command.args(["--segment-size", size]).args(more);
        let output = command.env_remove("RINGWORK_DIR").output().unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let text = run("512MiB", &[]);
    assert!(
        text.contains("/dev/shm") && text.contains("64") && text.contains("--segment-size"),
        "{text}"
    );
}
