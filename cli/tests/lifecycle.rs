//! The supervisor's life: start, drain, stop, and what can go wrong at the start.

mod common;

use common::*;
use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

#[test]
fn a_task_that_runs_for_long_is_warned_of_once() {
    let home = Home::new();
    let options = [
        "--workers",
        "1",
        "--slow-task",
        "20ms",
        "--log-format",
        "json",
    ];
    let serve = home.serve("p", &options);
    let _sleep = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
    let mut log = String::new();
    until("it is warned of", || {
        log += &serve.log();
        log.contains("task.slow")
    });
    let line = log.lines().find(|line| line.contains("task.slow")).unwrap();
    assert!(
        line.contains("sleep has run for") && line.contains("`ringwork tasks p`"),
        "{line}"
    );
    // Many looks later it was told once.
    let uptime = || home.stat("p")["uptime_s"].as_f64().unwrap();
    let then = uptime() + 0.5;
    until("the supervisor has looked again", || uptime() > then);
    log += &serve.log();
    assert_eq!(log.matches("task.slow").count(), 1, "{log}");
}

#[test]
fn it_says_where_it_serves_and_leaves_nothing_when_stopped() {
    let home = Home::new();
    let mut serve = home.serve("p", &["--workers", "2"]);
    let segment = home.pool("p").join("segment");
    let expected = format!(
        "serving p: 2 workers x 1 lane, segment {} (",
        segment.display()
    );
    assert!(serve.line.starts_with(&expected), "{}", serve.line);
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(segment), mode(home.pool("p"))), (0o600, 0o700));
    let children = workers(&home.stat("p"));
    serve.signal(Signal::TERM);
    assert_eq!(serve.wait(), 0);
    assert!(!home.pool("p").exists());
    assert!(children.into_iter().all(|pid| !is_alive(pid)));
    assert!(serve.rest_of_stdout().is_empty());
}

#[test]
fn sigterm_lets_running_tasks_finish_and_takes_no_new_ones() {
    let home = Home::new();
    let mut serve = home.serve("p", &["--workers", "1"]);
    // Longer than a loaded machine takes to start the few programs that look meanwhile.
    let task = background(home.command(&["submit", "p", "sleep", "--data", "6000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    serve.signal(Signal::TERM);
    until("the pool drains", || home.stat("p")["state"] == "draining");
    let late = home.run(&["submit", "p", "echo"]);
    assert_eq!(late.code, 6, "{late:?}");
    let ended = task.output();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.trim().parse::<u32>().unwrap() >= 6000);
    assert_eq!(serve.wait(), 0);
    assert!(!home.pool("p").exists());
}

#[test]
fn a_second_sigterm_or_the_drain_timeout_ends_it_at_once() {
    let home = Home::new();
    for by_signal in [true, false] {
        let limit = if by_signal { "10min" } else { "200ms" };
        let mut serve = home.serve("p", &["--workers", "1", "--drain-timeout", limit]);
        let task = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
        until("the task runs", || running(&home.stat("p")) == 1);
        let pid = workers(&home.stat("p"))[0];
        serve.signal(Signal::TERM);
        if by_signal {
            until("the pool drains", || home.stat("p")["state"] == "draining");
            serve.signal(Signal::TERM);
        }
        assert_eq!(serve.wait(), 0);
        let ended = task.output();
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(
            ended.stderr.contains("asked to stop; 1 task was not over"),
            "{ended:?}"
        );
        assert!(!is_alive(pid) && !home.pool("p").exists());
    }
}

#[test]
fn an_interrupt_stops_it_unless_it_was_started_with_interrupts_ignored() {
    let home = Home::new();
    // The jobs that a script starts with & ignore SIGINT; so may the process that runs this test.
    let start = |how: &str| {
        let mut serve = home.start_by("p", &["env", how], &["--workers", "1"]);
        serve.line = serve.first_line();
        serve
    };
    let mut ignoring = start("--ignore-signal=INT");
    let task = background(home.command(&["submit", "p", "sleep", "--data", "4000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    ignoring.signal(Signal::INT);
    // Were it not ignored, this second request would end the pool at once.
    ignoring.signal(Signal::TERM);
    assert_eq!(ignoring.wait(), 0);
    assert_eq!(task.output().code, 0);

    let mut usual = start("--default-signal=INT");
    usual.signal(Signal::INT);
    assert_eq!(usual.wait(), 0);
}

#[test]
fn a_name_has_one_supervisor() {
    let home = Home::new();
    let first = home.serve("p", &["--workers", "1"]);
    let second = home.run(&["serve", "--name", "p"]);
    assert_eq!(second.code, 1);
    let expected = format!(
        "a pool named p is being served already by process {}",
        first.id()
    );
    assert!(second.stderr.contains(&expected), "{}", second.stderr);
    assert_eq!(
        home.run(&["submit", "p", "echo", "--data", "hi"]).stdout,
        "hi"
    );
    let other = home.serve("q", &["--workers", "1"]);
    assert!(other.line.starts_with("serving q"));
}

#[test]
fn a_worker_program_that_can_not_start_is_told_before_anything_is_made() {
    let home = Home::new();
    for (program, why) in [
        ("/nonexistent/worker", "No such file"),
        ("/dev/null", "not a file"),
        ("/proc/version", "not executable"),
        ("no-such-program-in-path", "No such file"),
    ] {
        let ended = home.run(&["serve", "--name", "p", "--worker", program]);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(
            ended.stderr.contains(program) && ended.stderr.contains(why),
            "{ended:?}"
        );
        assert!(!home.pool("p").exists());
    }
}

#[test]
fn workers_that_die_at_the_start_end_the_pool_with_their_last_words() {
    let home = Home::new();
    let script = "echo 'libfoo.so.3: no such file' >&2; exit 7";
    let ended = home.run(&[
        "serve", "--name", "p", "--worker", "/bin/sh", "--", "-c", script,
    ]);
    assert_eq!(ended.code, 1);
    let last = ended.stderr.split("no worker gets ready").nth(1).unwrap();
    assert!(
        last.contains("5 in a row") && last.contains("exited with code 7"),
        "{last}"
    );
    assert!(last.contains("| libfoo.so.3: no such file"), "{last}");
    assert!(
        ended.stderr.matches("before it was ready").count() <= 5,
        "{}",
        ended.stderr
    );
    assert!(!home.pool("p").exists());
    let mut serve = home.start("p", &["--worker", "/bin/false", "--embedded"]);
    let line: Value = serde_json::from_str(&serve.first_line()).unwrap();
    assert_eq!(line["ready"], false);
    assert!(
        line["error"]
            .as_str()
            .unwrap()
            .contains("exited with code 1"),
        "{line}"
    );
    assert_eq!(serve.wait(), 1);
    assert!(!home.pool("p").exists());
}

#[test]
fn a_program_that_is_no_worker_is_not_waited_for_for_ever() {
    let home = Home::new();
    let options = [
        "serve",
        "--name",
        "p",
        "--start-timeout",
        "100ms",
        "--workers",
        "1",
        "--worker",
        "sleep",
    ];
    let ended = home.run(&[&options[..], &["--", "1000"]].concat());
    assert_eq!(ended.code, 1);
    assert!(
        ended
            .stderr
            .contains("did not register within 100ms: is it a Ringwork worker?"),
        "{ended:?}"
    );
    assert!(!home.pool("p").exists());
}

#[test]
fn an_embedded_pool_ends_with_its_owner() {
    let home = Home::new();
    let mut serve = home.serve("p", &["--workers", "2", "--embedded"]);
    let line: Value = serde_json::from_str(&serve.line).unwrap();
    assert_eq!(
        (&line["ready"], &line["name"]),
        (&Value::Bool(true), &Value::from("p"))
    );
    assert_eq!(line["dir"], home.pool("p").to_str().unwrap());
    let segment = line["segment"].as_str().unwrap();
    assert!(
        segment.starts_with(&format!("/proc/{}/fd/", serve.id())),
        "a descriptor of the supervisor, not a file that can be truncated: {segment}"
    );
    assert!(!home.pool("p").join("segment").exists());
    assert_eq!(line["pid"], serve.id());
    assert!(
        serve.line.starts_with("{\"ready\":true,"),
        "readers without a JSON library may look at the start"
    );
    // Its owner's terminal sends these to the whole group; the owner decides.
    serve.signal(Signal::INT);
    serve.signal(Signal::HUP);
    let task = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    let children = workers(&home.stat("p"));
    drop(serve.stdin().take());
    assert_eq!(serve.wait(), 0);
    assert!(children.into_iter().all(|pid| !is_alive(pid)) && !home.pool("p").exists());
    assert_eq!(task.output().code, 3);
    assert!(
        serve.rest_of_stdout().is_empty(),
        "silent after the ready line"
    );
}

#[test]
fn an_embedded_pool_is_gone_a_second_after_its_owner() {
    let home = Home::new();
    // The promise is of the program, not of a machine that runs other things beside the test.
    let in_time = (0..5).any(|_| {
        let mut serve = home.serve("p", &["--workers", "2", "--embedded"]);
        let start = Instant::now();
        drop(serve.stdin().take());
        assert_eq!(serve.wait(), 0);
        start.elapsed() < Duration::from_secs(1)
    });
    assert!(in_time);
}

#[test]
fn a_pool_that_its_owner_closes_is_not_said_to_have_lost_it() {
    use std::io::Write;
    let home = Home::new();
    let ended = |said: &[&str]| {
        let mut serve = home.serve("p", &["--workers", "1", "--embedded"]);
        let mut owner = serve.stdin().take().unwrap();
        for part in said {
            owner.write_all(part.as_bytes()).unwrap();
        }
        drop(owner);
        assert_eq!(serve.wait(), 0);
        let log = serve.whole_log();
        (
            log.contains("its owner has closed the pool"),
            log.contains("the owner is gone"),
        )
    };
    assert_eq!(ended(&["close\n"]), (true, false));
    assert_eq!(ended(&[]), (false, true));
    assert_eq!(ended(&["anything else\n"]), (false, true));
}

#[test]
fn an_owner_that_is_gone_before_the_pool_is_ready_ends_it_too() {
    let home = Home::new();
    let options = [
        "--embedded",
        "--worker",
        "sleep",
        "--start-timeout",
        "10min",
        "--",
        "1000",
    ];
    let mut serve = home.start("p", &options);
    until("the segment is there", || {
        home.pool("p").join("segment.memfd").exists()
    });
    drop(serve.stdin().take());
    assert_eq!(serve.wait(), 0);
    assert!(!home.pool("p").exists());
}

#[test]
fn the_workers_of_a_killed_supervisor_die_and_the_name_can_be_taken_again() {
    let home = Home::new();
    let mut serve = home.serve("p", &["--workers", "2"]);
    let children = workers(&home.stat("p"));
    let task = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    serve.signal(Signal::KILL);
    assert_eq!(serve.wait(), -9);
    until("its workers are gone", || {
        children.iter().all(|pid| !is_alive(*pid))
    });
    let ended = task.output();
    assert_eq!(ended.code, 3, "{ended:?}");
    let row = &home.json(&["list", "--json"])[0];
    assert_eq!(
        (&row["state"], &row["alive"]),
        (&Value::from("dead"), &Value::Bool(false))
    );
    let doctor = home.run(&["doctor"]).stdout;
    assert!(doctor.contains("p: its supervisor is dead"), "{doctor}");
    let again = home.serve("p", &["--workers", "1"]);
    assert_eq!(home.stat("p")["supervisor_pid"], again.id());
}

#[test]
fn what_an_embedded_pool_leaves_whose_whole_group_was_killed_goes_at_the_next_start() {
    let home = Home::new();
    let mut served = home.serve("served", &["--workers", "1"]);
    let mut embedded = home.serve("embedded", &["--embedded", "--workers", "1"]);
    let lives = home.serve("lives", &["--embedded", "--workers", "1"]);
    let children = [
        workers(&home.stat("served")),
        workers(&home.stat("embedded")),
    ]
    .concat();
    for killed in [&mut served, &mut embedded] {
        killed.signal(Signal::KILL);
        assert_eq!(killed.wait(), -9);
    }
    until("their workers are gone", || {
        children.iter().all(|pid| !is_alive(*pid))
    });
    assert!(home.pool("embedded").join("name.lock").exists());
    let next = home.serve("next", &["--workers", "1"]);
    assert!(!home.pool("embedded").exists());
    next.until_logged("removed what the dead pool embedded had left");
    // One that was served may be looked at; one that lives is left alone.
    let rows = home.json(&["list", "--json"]);
    let states: Vec<_> = (0..3)
        .map(|n| (&rows[n]["name"], &rows[n]["state"]))
        .collect();
    let expected = [
        ("lives", "serving"),
        ("next", "serving"),
        ("served", "dead"),
    ]
    .map(|(name, state)| (Value::from(name), Value::from(state)));
    assert!(
        states
            .iter()
            .zip(&expected)
            .all(|(a, b)| *a == (&b.0, &b.1)),
        "{rows}"
    );
    drop((lives, next));
}

#[test]
fn no_room_for_the_segment_is_told_and_nothing_stays() {
    let home = Home::new();
    let ended = home.run(&["serve", "--name", "p", "--arena", "1GiB:4096"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("--shm-size") && ended.stderr.contains("--segment-size"),
        "{}",
        ended.stderr
    );
    assert!(!home.pool("p").exists());
}

#[test]
fn a_json_log_is_one_whatever_the_workers_write() {
    let home = Home::new();
    let script = format!("echo plain text; exec {RINGWORK} worker");
    let options = [
        "--workers",
        "1",
        "--log-format",
        "json",
        "--worker",
        "/bin/sh",
        "--",
        "-c",
        &script,
    ];
    let mut serve = home.serve("p", &options);
    serve.signal(Signal::TERM);
    assert_eq!(serve.wait(), 0);
    let log = serve.whole_log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line["message"] == "plain text" && line["worker"] == 0),
        "{log}"
    );
    assert!(lines.iter().all(|line| line["level"].is_string()), "{log}");
}
