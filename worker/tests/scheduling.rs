//! `--scheduling`: the policy of the lanes, by the kernel's own word.

mod common;

use common::*;
use std::fs;

/// SCHED_NORMAL, SCHED_BATCH and SCHED_IDLE as sched(7) numbers them.
const POLICIES: [(&str, u32); 3] = [("normal", 0), ("batch", 3), ("idle", 5)];

/// The policies of a worker's lanes.
fn of_lanes(worker: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{worker}/task")).unwrap();
    threads
        .map(|thread| thread.unwrap().path())
        .filter(|thread| {
            let name = fs::read_to_string(thread.join("comm")).unwrap();
            name.starts_with("ringwork-lane")
        })
        .map(|thread| {
            let stat = fs::read_to_string(thread.join("stat")).unwrap();
            // proc(5): the policy is field 41, the third is the first after the name.
            let after_name = stat.rsplit_once(')').unwrap().1;
            after_name
                .split_whitespace()
                .nth(41 - 3)
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
        until("both lanes run", || of_lanes(worker).len() == 2);
        assert_eq!(of_lanes(worker), [number; 2], "{name}");
        let echoed = home.run(&["submit", "p", "echo", "--data", "hello"]);
        assert_eq!((echoed.code, echoed.stdout.trim()), (0, "hello"));
        drop(serve);
    }
}

#[test]
fn it_is_normal_unless_told_and_others_are_refused() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1"]);
    let worker = workers(&home.stat("p"))[0];
    until("the lane runs", || of_lanes(worker).len() == 1);
    assert_eq!(of_lanes(worker), [0]);
    drop(serve);
    let refused = home.run(&["serve", "--scheduling", "realtime"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("normal, batch, idle"),
        "{}",
        refused.stderr
    );
}
