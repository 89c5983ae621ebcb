//! A supervisor or a worker that is stopped is told by each command that looks.

mod common;

use common::*;
use rustix::process::Signal;

#[test]
fn what_is_left_of_a_dead_pool_is_told_to_be_that() {
    let home = Home::new();
    let mut pool = home.serve("d", &["--workers", "1"]);
    assert_eq!(home.run(&["handlers", "d"]).code, 0);
    assert_eq!(home.run(&["stat", "d", "--ready"]).code, 0);
    let worker = workers(&home.stat("d"))[0];
    pool.signal(Signal::KILL);
    assert_eq!(pool.wait(), -9);
    until("its worker is gone", || !is_alive(worker));
    for (command, code) in [
        (&["handlers", "d"][..], 3),
        (&["stat", "d", "--ready"], 1),
        (&["handlers", "none"], 3),
        (&["stat", "none", "--ready"], 3),
    ] {
        let ended = home.run(command);
        assert_eq!(ended.code, code, "{command:?}: {}", ended.stderr);
        let dead = ended.stderr.contains("its supervisor is dead");
        assert_eq!(dead, command[1] == "d", "{command:?}: {}", ended.stderr);
    }
    let row = home.json(&["list", "--json"])[0].clone();
    let reason = row["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("supervisor is dead: `ringwork clean`"),
        "{row}"
    );
    assert_eq!((&row["ready"], &row["workers"]), (&false.into(), &0.into()));
}

#[test]
fn a_stopped_worker_or_supervisor_is_told_by_stat_list_and_doctor() {
    let home = Home::new();
    let pool = home.serve("s", &["--workers", "1", "--lanes", "1"]);
    let reason = || {
        home.stat("s")["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    until("all run", || {
        home.stat("s")["ready"] == true && reason().is_empty()
    });
    let looked = home.stat("s")["supervisor_looked_s_ago"].as_f64();
    assert!(looked.is_some(), "it has a heartbeat");

    let worker = workers(&home.stat("s"))[0];
    kill(worker, Signal::STOP);
    let told = format!("(process {worker}) is stopped");
    until("the worker is told", || reason().contains(&told));
    let stat = home.run(&["stat", "s"]);
    assert!(stat.stdout.contains(&told), "{}", stat.stdout);
    assert!(home.run(&["list"]).stdout.contains(&told));
    assert!(home.run(&["doctor"]).stdout.contains(&told));
    assert_eq!(home.stat("s")["workers"][0]["stopped"], true);
    // Its only worker: no lane takes a task.
    assert_eq!(home.stat("s")["ready"], false);
    let ready = home.run(&["stat", "s", "--ready"]);
    assert_eq!(ready.code, 1, "{}", ready.stderr);
    assert!(ready.stderr.contains(&told), "{}", ready.stderr);
    kill(worker, Signal::CONT);
    until("it goes on", || reason().is_empty());

    kill(pool.id(), Signal::STOP);
    let told = format!("its supervisor (process {}) is stopped", pool.id());
    until("the supervisor is told", || reason().contains(&told));
    until("by its age", || {
        home.stat("s")["supervisor_looked_s_ago"].as_f64() > Some(2.0)
    });
    assert!(reason().contains("has not looked for"), "{}", reason());
    let ready = home.run(&["stat", "s", "--ready"]);
    assert_eq!(ready.code, 1, "{}", ready.stderr);
    assert!(ready.stderr.contains(&told), "{}", ready.stderr);
    assert!(home.run(&["list"]).stdout.contains(&told));
    assert!(home.run(&["doctor"]).stdout.contains(&told));
    kill(pool.id(), Signal::CONT);
    until("it goes on", || {
        reason().is_empty() && home.stat("s")["ready"] == true
    });
}
