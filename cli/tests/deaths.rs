//! Workers and clients that die: what they held is given back, others take their place.

mod common;

use common::*;
use rustix::process::Signal;

#[test]
fn a_killed_worker_fails_its_task_and_is_replaced() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1"]);
    let task = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    let dead = workers(&home.stat("p"))[0];
    kill(dead, Signal::KILL);
    let ended = task.output();
    assert_eq!(ended.code, 5, "{ended:?}");
    assert!(
        ended.stderr.contains("SIGKILL") && ended.stderr.contains("may have run"),
        "{ended:?}"
    );
    assert_eq!(
        home.run(&["submit", "p", "echo", "--data", "on"]).stdout,
        "on"
    );
    // Counted once its start has returned, which may be after its first task.
    until("the new worker is counted", || {
        home.stat("p")["counters"]["workers_started"] == 2
    });
    let stat = home.stat("p");
    assert_ne!(workers(&stat)[0], dead);
    let counted = ["workers_crashed", "tasks_crashed", "tasks_requeued"]
        .map(|name| stat["counters"][name].as_u64().unwrap());
    assert_eq!(counted, [1, 1, 0]);
    assert!(
        errors(&stat)[0].contains("SIGKILL") && errors(&stat)[0].contains("while it ran sleep"),
        "{stat}"
    );
    serve.until_logged("1 failed as crashed: sleep");
}

#[test]
fn a_task_with_an_attempt_left_is_run_again() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1"]);
    let task =
        background(home.command(&["submit", "p", "sleep", "--data", "4000", "--attempts", "2"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    kill(workers(&home.stat("p"))[0], Signal::KILL);
    let ended = task.output();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(home.stat("p")["counters"]["tasks_requeued"], 1);
    serve.until_logged("1 of its tasks will be tried again");
}

#[test]
fn a_worker_that_is_asked_to_leave_is_replaced_and_not_counted_as_crashed() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1"]);
    let first = workers(&home.stat("p"))[0];
    kill(first, Signal::TERM);
    until("another is there", || {
        workers(&home.stat("p"))
            .first()
            .is_some_and(|pid| *pid != first)
    });
    assert_eq!(home.stat("p")["counters"]["workers_crashed"], 0);
    serve.until_logged("left by itself");
}

#[test]
fn a_supervisor_that_buries_many_leaks_no_descriptor() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1"]);
    let descriptors = || {
        std::fs::read_dir(format!("/proc/{}/fd", serve.id()))
            .unwrap()
            .count()
    };
    let before = descriptors();
    for _ in 0..4 {
        let pid = workers(&home.stat("p"))[0];
        kill(pid, Signal::KILL);
        until("another is there", || {
            let stat = home.stat("p");
            stat["workers"][0]["ready"] == true && workers(&stat)[0] != pid
        });
    }
    until("all descriptors are closed", || descriptors() == before);
}

#[test]
fn a_task_far_past_its_deadline_costs_its_worker_the_life() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1", "--overrun-grace", "100ms"]);
    // bcrypt at cost 31 takes days, and nothing can interrupt it.
    let params = r#"{"algorithm":"bcrypt","cost":31}"#;
    let ended = home.run(&[
        "submit",
        "p",
        "password.hash",
        "--params",
        params,
        "--data",
        "x",
        "--timeout",
        "200ms",
    ]);
    assert_eq!(ended.code, 4, "{ended:?}");
    until("the worker was killed", || {
        home.stat("p")["counters"]["workers_crashed"] == 1
    });
    assert_eq!(
        home.run(&["submit", "p", "echo", "--data", "on"]).stdout,
        "on"
    );
    assert!(errors(&home.stat("p"))[0].contains("password.hash ran on after its deadline"));
    serve.until_logged("stopping worker 0: password.hash is");
}

#[test]
fn a_worker_that_joins_by_itself_serves_and_is_reaped() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1"]);
    let mut command = home.command(&["worker"]);
    command
        .env("RINGWORK_POOL_DIR", home.pool("p"))
        .env_remove("RINGWORK_WORKER_INDEX");
    let joined = background(command);
    let ready = |count: usize| {
        let stat = home.stat("p");
        stat["workers"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|worker| worker["ready"] == true)
            .count()
            == count
    };
    until("it has joined", || ready(2));
    // One task each: both lanes must run one at a time for both to be there.
    let tasks =
        [0, 1].map(|_| background(home.command(&["submit", "p", "sleep", "--data", "600000"])));
    until("both run", || running(&home.stat("p")) == 2);
    drop(joined);
    until("it is reaped", || ready(1));
    serve.until_logged("started by somebody else");
    assert_eq!(home.stat("p")["counters"]["tasks_crashed"], 1);
    drop(tasks);
}

#[test]
fn a_client_that_dies_frees_its_entry_and_cancels_its_task() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "1"]);
    let task = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    drop(task);
    until("its entry is free", || {
        home.stat("p")["clients"].as_array().unwrap().is_empty()
    });
    let stat = home.stat("p");
    assert_eq!(stat["counters"]["clients_reaped"], 1);
    assert_eq!(
        home.run(&["submit", "p", "echo", "--data", "on"]).stdout,
        "on"
    );
}
