//! `drain`, `resume`, `pause`, `scale` and a reload that is waited for: what the control socket of a pool is for.

mod common;

use common::*;
use ringwork_ring::PoolDir;
use ringwork_ring::client::{Client, Outcome, TaskOptions};
use rustix::process::Signal;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

/// A command that has to succeed, silently.
fn done(home: &Home, args: &[&str]) {
    let ended = home.run(args);
    let all = (ended.code, ended.stdout.as_str(), ended.stderr.as_str());
    assert_eq!(all, (0, "", ""), "{args:?}");
}

fn submit(home: &Home, handler: &str, data: &str) -> Ended {
    home.run(&["submit", "p", handler, "--data", data])
}

fn limit(home: &Home, handler: &str) -> Value {
    let stat = home.stat("p");
    let limits = stat["limits"].as_array().unwrap().iter();
    let mut own = limits.filter(|limit| limit["handler"] == handler);
    own.next().cloned().unwrap_or_default()
}

#[test]
fn a_drained_pool_finishes_what_it_has_and_takes_tasks_again() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "1"]);
    let sleep = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    let dir = PoolDir::at(&home.pool("p")).unwrap();
    let client = Client::connect(&dir).unwrap();
    let echo = || client.call("echo", b"tea", &TaskOptions::default());
    let late = home.run(&["drain", "p", "--wait=20ms"]);
    assert_eq!(late.code, 4, "{late:?}");
    assert!(late.stderr.contains("1 task is not over yet"), "{late:?}");
    let refused = submit(&home, "echo", "tea");
    assert_eq!(refused.code, 6, "{refused:?}");
    let stat = home.stat("p");
    assert_eq!(
        (&stat["state"], &stat["ready"]),
        (&"draining".into(), &false.into())
    );
    let reason = stat["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("drained by `ringwork drain`"),
        "{reason}"
    );
    let reload = home.run(&["reload", "p", "--wait"]);
    assert_eq!(reload.code, 1, "{reload:?}");
    assert!(
        reload.stderr.contains("`ringwork resume` comes before it"),
        "{reload:?}"
    );
    drop(sleep);
    done(&home, &["drain", "p", "--wait"]);
    assert!(echo().is_err());
    done(&home, &["resume", "p"]);
    let again = echo();
    assert!(
        matches!(again, Ok(Outcome::Completed { .. })),
        "the same client goes on: {again:?}"
    );
    let stat = home.stat("p");
    assert_eq!(
        (&stat["ready"], &stat["reason"]),
        (&true.into(), &"".into())
    );
    assert_eq!(submit(&home, "echo", "tea").stdout, "tea");
    done(&home, &["resume", "p", "--wait"]);
    let events = home.run(&["events", "p", "--kept", "--topic", "pool.*", "--count", "3"]);
    let topics: Vec<_> = events
        .stdout
        .lines()
        .map(|line| line.split_whitespace().nth(1).unwrap())
        .collect();
    assert_eq!(topics, ["pool.serving", "pool.draining", "pool.serving"]);
}

#[test]
fn a_drained_pool_is_stopped_in_either_way() {
    let home = Home::new();
    for now in [
        &["stop", "p", "--wait"][..],
        &["stop", "p", "--now", "--wait"],
    ] {
        let mut serve = home.serve("p", &["--workers", "1", "--drain-timeout", "10min"]);
        let sleep = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
        until("the task runs", || running(&home.stat("p")) == 1);
        done(&home, &["drain", "p"]);
        if now.len() == 3 {
            drop(sleep);
        }
        done(&home, now);
        assert_eq!(serve.wait(), 0);
        let gone = home.run(&["drain", "p"]);
        assert_eq!(gone.code, 3, "{gone:?}");
    }
}

#[test]
fn tasks_of_a_paused_handler_wait_and_nothing_of_them_is_lost() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "2", "--limit", "digest:concurrency=2"]);
    // One with a limit, and one without: its workers are replaced.
    for handler in ["digest", "echo"] {
        done(&home, &["pause", "p", handler, "--wait"]);
        done(&home, &["pause", "p", handler]);
        let waits = background(home.command(&["submit", "p", handler, "--data", "tea"]));
        until("it waits", || limit(&home, handler)["waiting"] == 1);
        assert_eq!(limit(&home, handler)["paused"], true);
        let tasks = home.run(&["tasks", "p", "--json"]);
        let tasks: serde_json::Value = serde_json::from_str(&tasks.stdout).unwrap();
        let task = &tasks["waiting"][0];
        assert_eq!(
            (&task["handler"], &task["waits_for"]),
            (&handler.into(), &"resume".into())
        );
        assert_eq!(submit(&home, "sleep", "0").code, 0, "others go past");
        let stat = home.stat("p");
        assert_eq!(stat["ready"], true);
        let told = format!("{handler} is paused: `ringwork resume p {handler}`");
        assert!(stat["reason"].as_str().unwrap().contains(&told), "{stat}");
        assert!(home.run(&["stat", "p"]).stdout.contains("paused"));
        // A reload does not run them.
        let reload = home.run(&["reload", "p", "--wait"]);
        assert_eq!(reload.code, 0, "{reload:?}");
        assert!(reload.stdout.starts_with("reload done: "), "{reload:?}");
        assert_eq!(limit(&home, handler)["waiting"], 1);
        done(&home, &["resume", "p", handler]);
        let ended = waits.output();
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        assert_eq!(limit(&home, handler)["paused"], false);
    }
    let unknown = home.run(&["resume", "p", "ehco"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(
        unknown.stderr.contains("no worker has a handler \"ehco\""),
        "{unknown:?}"
    );
    let unknown = home.run(&["pause", "p", "ehco"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(
        unknown.stderr.contains("there are: ") && unknown.stderr.contains("echo"),
        "{unknown:?}"
    );
}

#[test]
fn a_handler_is_paused_once_none_of_its_tasks_runs() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "1", "--limit", "sleep:concurrency=1"]);
    let sleep = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    let late = home.run(&["pause", "p", "sleep", "--wait=20ms"]);
    assert_eq!(late.code, 4, "{late:?}");
    assert!(late.stderr.contains("`ringwork tasks p`"), "{late:?}");
    drop(sleep);
    done(&home, &["pause", "p", "sleep", "--wait"]);
}

#[test]
fn a_pool_has_as_many_workers_as_it_is_scaled_to() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "1", "--max-workers", "2"]);
    done(&home, &["scale", "p", "3", "--wait"]);
    assert_eq!(workers(&home.stat("p")).len(), 3);
    done(&home, &["scale", "p", "1", "--wait"]);
    until("two have left", || workers(&home.stat("p")).len() == 1);
    let told = home.json(&["config", "p", "--json"]);
    assert_eq!(told["cause"], "scale");
    let all = told["options"].as_array().unwrap();
    let own = all
        .iter()
        .find(|option| option["key"] == "workers")
        .unwrap();
    assert_eq!((&own["value"], &own["from"]), (&1.into(), &"scale".into()));
    let none = home.run(&["scale", "p", "0"]);
    assert_eq!(none.code, 2, "{none:?}");
    let many = home.run(&["scale", "p", "100000"]);
    assert_eq!(many.code, 1, "{many:?}");
    assert!(
        many.stderr.contains("have no room for 100000 workers"),
        "{many:?}"
    );
    assert_eq!(submit(&home, "echo", "tea").stdout, "tea");
    // A reload reads the configuration again.
    assert_eq!(home.run(&["reload", "p", "--wait"]).code, 0);
    assert_eq!(home.json(&["config", "p", "--json"])["cause"], "reload");
}

#[test]
fn a_reload_that_is_waited_for_says_what_became_of_it() {
    let home = Home::new();
    let file = home.path().join("pool.toml");
    std::fs::write(&file, "workers = 1").unwrap();
    let _serve = home.serve("p", &["--config", file.to_str().unwrap()]);
    let before = workers(&home.stat("p"));
    let ended = home.run(&["reload", "p", "--wait=10min"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert_ne!(workers(&home.stat("p")), before);
    std::fs::write(&file, "lanes = 0").unwrap();
    let refused = home.run(&["reload", "p", "--wait"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("reload refused: "), "{refused:?}");
    std::fs::write(&file, "worker = '/bin/false'\nworkers = 1").unwrap();
    let failed = home.run(&["reload", "p", "--wait"]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.stderr.contains("reload failed: "), "{failed:?}");
}

#[test]
fn a_supervisor_that_is_stopped_or_dead_is_told_with_the_remedy() {
    let home = Home::new();
    let mut serve = home.serve("p", &["--workers", "1"]);
    serve.signal(Signal::STOP);
    let stopped = home.run(&["drain", "p"]);
    serve.signal(Signal::CONT);
    assert_eq!(stopped.code, 4, "{stopped:?}");
    let remedy = format!("`kill -CONT {}` lets it go on", serve.id());
    assert!(stopped.stderr.contains(&remedy), "{stopped:?}");
    until("it has drained all the same", || {
        home.stat("p")["state"] == "draining"
    });
    serve.signal(Signal::KILL);
    serve.wait();
    let dead = home.run(&["resume", "p"]);
    assert_eq!(dead.code, 3, "{dead:?}");
    assert!(dead.stderr.contains("its supervisor is dead"), "{dead:?}");
}

#[test]
fn an_embedded_pool_is_steered_by_its_owner_alone() {
    let home = Home::new();
    let _serve = home.start("p", &["--embedded", "--workers", "1"]);
    until("it serves", || {
        home.run(&["stat", "p", "--ready"]).code == 0
    });
    for command in [
        &["drain", "p"][..],
        &["resume", "p"],
        &["pause", "p", "echo"],
        &["scale", "p", "2"],
        &["reload", "p", "--wait"],
    ] {
        let refused = home.run(command);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(
            refused.stderr.contains("its owner closes it"),
            "{refused:?}"
        );
    }
    assert!(!home.pool("p").join("control").exists());
}

#[test]
fn the_socket_is_its_user_s_answers_nonsense_and_goes_with_the_pool() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let mut serve = home.serve("p", &["--workers", "1"]);
    let path = home.pool("p").join("control");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // Any number of callers that say nothing hold nothing up.
    let _silent: Vec<_> = (0..40)
        .map(|_| UnixStream::connect(&path).unwrap())
        .collect();
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"{\"do\":\"status\"}\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["status"]["workers"], 1, "{text}");
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"stop at once\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(
        text.starts_with("{\"refused\":\"this supervisor does not know"),
        "{text}"
    );
    done(&home, &["stop", "p", "--wait"]);
    assert_eq!(serve.wait(), 0);
    assert!(!home.pool("p").exists());
}
