//! A supervisor or a worker that is stopped is told by each command that looks.

mod common;

use common::*;
use rustix::process::Signal;

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
    assert_eq!(
        home.stat("s")["ready"],
        true,
        "its supervisor looks after it"
    );
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
