//! `--scheduling`: the policy and the nice value of the lanes, by the kernel's own word.

mod common;

use common::*;
use std::fs;

/// SCHED_NORMAL, SCHED_BATCH and SCHED_IDLE as sched(7) numbers them.
const POLICIES: [(&str, i32); 4] = [("adaptive", 0), ("normal", 0), ("batch", 3), ("idle", 5)];

/// Fields of /proc/PID/stat as proc(5) numbers them.
const NICE: usize = 19;
const POLICY: usize = 41;

/// A field of a worker's lanes.
fn of_lanes(worker: u32, field: usize) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{worker}/task")).unwrap();
    threads
        .map(|thread| thread.unwrap().path())
        .filter(|thread| {
            let name = fs::read_to_string(thread.join("comm")).unwrap();
            name.starts_with("ringwork-lane")
        })
        .map(|thread| {
            let stat = fs::read_to_string(thread.join("stat")).unwrap();
            // The third field is the first after the name.
            let after_name = stat.rsplit_once(')').unwrap().1;
            after_name
                .split_whitespace()
                .nth(field - 3)
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect()
}

#[test]
fn lanes_have_the_policy_asked_for_and_do_their_work() {
    for (name, number) in POLICIES {
        let home = Home::new();
        let options = ["--workers", "1", "--lanes", "2", "--scheduling", name];
        let serve = home.serve("p", &options);
        let worker = workers(&home.stat("p"))[0];
        until("both lanes run", || of_lanes(worker, POLICY).len() == 2);
        assert_eq!(of_lanes(worker, POLICY), [number; 2], "{name}");
        let echoed = home.run(&["submit", "p", "echo", "--data", "hello"]);
        assert_eq!((echoed.code, echoed.stdout.trim()), (0, "hello"));
        drop(serve);
    }
}

#[test]
fn it_is_as_others_unless_told_and_unknown_policies_are_refused() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1"]);
    let worker = workers(&home.stat("p"))[0];
    until("the lane runs", || of_lanes(worker, POLICY).len() == 1);
    assert_eq!(of_lanes(worker, POLICY), [0]);
    drop(serve);
    let refused = home.run(&["serve", "--scheduling", "realtime"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("adaptive, normal, batch, idle"),
        "{}",
        refused.stderr
    );
}

/// The nice value of the one lane of a pool after a hundred tasks of a handler or more.
fn nice_after(policy: &str, handler: &[&str]) -> i32 {
    let home = Home::new();
    let one_lane = ["--workers", "1", "--lanes", "1", "--scheduling", policy];
    let serve = home.serve("p", &one_lane);
    let worker = workers(&home.stat("p"))[0];
    let mut bench = vec!["bench", "p", "--window", "4", "--duration", "100ms"];
    bench.extend_from_slice(handler);
    until("a hundred tasks have run", || {
        // On a busy machine a phase may see no task end: then it is measured again.
        home.run(&bench);
        let stat = home.stat("p");
        stat["workers"][0]["lanes"][0]["completed"]
            .as_u64()
            .unwrap()
            >= 100
    });
    let nice = of_lanes(worker, NICE)[0];
    drop(serve);
    nice
}

#[test]
fn a_lane_whose_tasks_compute_for_long_is_nice_unless_it_may_not() {
    // A bcrypt hash of the lowest cost takes about a millisecond.
    let params = r#"{"algorithm": "bcrypt", "cost": 4}"#;
    let long = [
        "--handler",
        "password.hash",
        "--data",
        "x",
        "--params",
        params,
    ];
    let before = nice_after("normal", &long);
    assert_eq!(nice_after("adaptive", &long), (before + 10).min(19));
    let short = ["--handler", "echo"];
    assert_eq!(nice_after("adaptive", &short), before);
    let sleeping = ["--handler", "sleep", "--data", "1"];
    assert_eq!(nice_after("adaptive", &sleeping), before);
}
