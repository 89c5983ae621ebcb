//! `ringwork bench` against a real pool: that it measures and says so, never how fast.

mod common;

use common::Home;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

const SHORT: [&str; 4] = ["--duration", "100ms", "--window", "32"];

#[test]
fn it_measures_round_trips_throughput_and_the_tail() {
    let home = Home::new();
    let _pool = home.serve("b", &["--workers", "1"]);
    for wait in ["spin", "adaptive", "park"] {
        let options = ["bench", "b", "--json", "--rate", "200", "--wait", wait];
        let report = home.json(&[&options[..], &SHORT].concat());
        let count = |phase: &str, key: &str| report[phase][key].as_u64().unwrap();
        assert!(count("round_trips", "tasks") > 0, "{report}");
        for phase in ["round_trips", "tail"] {
            let keys = [
                "min_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "p9999_ns", "max_ns",
            ];
            let times = keys.map(|key| count(phase, key));
            assert!(times[0] > 0 && times.is_sorted(), "{report}");
        }
        // Fewer where the machine is so busy that a round trip takes milliseconds.
        assert!((2..=32).contains(&count("throughput", "window")));
        assert!(report["throughput"]["ops_per_s"].as_f64().unwrap() > 0.0);
        assert_eq!(report["tail"]["rate_per_s"], 200.0);
        assert!(report["tail"]["achieved_per_s"].is_f64() && report["tail"]["held"].is_boolean());
        assert_eq!(count("tail", "tasks"), 20, "{report}");
        assert_eq!(report["wait"], wait);
        assert_eq!(report["interrupted"], false);
    }
    let after = home.stat("b");
    assert_eq!(
        after["clients"].as_array().map(Vec::len),
        Some(0),
        "{after}"
    );
}

#[test]
fn a_rate_that_cannot_be_held_is_told() {
    let home = Home::new();
    let _pool = home.serve("b", &["--workers", "1", "--lanes", "1"]);
    // A task takes 20 ms, so 1000 a second are out of reach of one lane.
    let options = [
        "bench",
        "b",
        "--handler",
        "sleep",
        "--data",
        "20",
        "--rate",
        "1000",
    ];
    let report = home.json(&[&options[..], &SHORT, &["--json"]].concat());
    assert_eq!(report["tail"]["held"], false, "{report}");
    assert!(
        report["tail"]["achieved_per_s"].as_f64().unwrap() < 500.0,
        "{report}"
    );
    // From the intended send: the backlog is in the latencies.
    assert!(
        report["tail"]["max_ns"].as_u64().unwrap() > 40_000_000,
        "{report}"
    );
    // On a busy machine so short a phase may pass before the first task is sent.
    let told = |text: &str| text.contains("COULD NOT BE HELD");
    let mut text = home.run(&[&options[..], &SHORT].concat());
    for _ in 0..20 {
        if told(&text.stdout) {
            break;
        }
        text = home.run(&[&options[..], &SHORT].concat());
    }
    assert!(told(&text.stdout), "{}", text.stdout);
    let mut lines = text.stdout.lines().filter(|line| line.starts_with(' '));
    assert!(
        lines.all(|line| line.chars().count() <= 80),
        "{}",
        text.stdout
    );
}

#[test]
fn the_picture_fits_a_terminal() {
    let home = Home::new();
    let _pool = home.serve("b", &["--workers", "1"]);
    let run = |locale: &str, options: &[&str]| {
        let all = [&["bench", "b", "--rate", "200"][..], &SHORT, options].concat();
        let output = home.command(&all).env("LC_ALL", locale).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let blocks = run("C.UTF-8", &[]);
    assert!(
        blocks.contains('█') && blocks.contains("99.99 %"),
        "{blocks}"
    );
    for ascii in [run("C", &[]), run("C.UTF-8", &["--ascii"])] {
        assert!(ascii.contains("####"), "{ascii}");
        assert!(!ascii.contains('█'), "{ascii}");
    }
    let table: Vec<&str> = blocks
        .lines()
        .filter(|line| line.starts_with(' '))
        .collect();
    assert!(
        table.iter().all(|line| line.chars().count() <= 80),
        "{blocks}"
    );
}

#[test]
fn it_refuses_what_it_cannot_measure() {
    let home = Home::new();
    let _pool = home.serve("b", &["--workers", "1"]);
    let refused = |options: &[&str], code: i32, why: &str| {
        let ended = home.run(&[&["bench"], options].concat());
        assert_eq!(ended.code, code, "{options:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(why), "{options:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{options:?}");
    };
    refused(&["nowhere"], 3, "no pool");
    refused(&["b", "--handler", "nope"], 2, "ringwork handlers b");
    refused(&["b", "--size", "1GiB"], 6, "larger than the largest block");
    refused(&["b", "--size", "many"], 2, "--size");
    refused(&["b", "--window", "0"], 2, "--window");
    refused(&["b", "--rate", "0"], 2, "--rate");
    refused(&["b", "--duration", "soon"], 2, "no duration");
    refused(&["b", "--handler", "sleep"], 2, "");
    let failed = [
        "b",
        "--handler",
        "image.thumbnail",
        "--params",
        "{}",
        "--data",
        "x",
        "--json",
    ];
    refused(&failed, 1, "the task failed");
}

#[test]
fn an_interruption_prints_what_was_measured() {
    let home = Home::new();
    let _pool = home.serve("b", &["--workers", "1"]);
    let mut child = home
        .command(&["bench", "b", "--duration", "1h"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let heading = lines.next().unwrap().unwrap();
    assert!(heading.contains("handler echo"), "{heading}");
    // The signals are caught before the heading is printed; a round trip takes far less than this.
    std::thread::sleep(std::time::Duration::from_secs(3));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success());
    let text = rest.join("\n");
    assert!(
        text.contains("round trips") && text.contains("interrupted"),
        "{text}"
    );
}

/// A handler that takes 2 s, or 10 s, in phases of 3 s or 0.3 s.
#[test]
fn a_slow_handler_keeps_to_the_duration_and_leaves_no_backlog() {
    let home = Home::new();
    let _pool = home.serve("b", &["--workers", "1", "--lanes", "1"]);
    let sleep = |milliseconds: &'static str, duration: &'static str| {
        let handler = ["--handler", "sleep", "--data", milliseconds];
        [
            &["bench", "b", "--json", "--duration", duration][..],
            &handler,
        ]
        .concat()
    };
    // With 1024 tasks of 0.3 s in flight it took five minutes.
    let start = Instant::now();
    let report = home.json(&sleep("300", "2s"));
    assert!(start.elapsed() < Duration::from_secs(60), "{report}");
    let window = report["throughput"]["window"].as_u64().unwrap();
    assert!(window <= 2, "{report}");
    assert!(report["round_trips"]["tasks"].as_u64().unwrap() > 0);
    idle(&home);
    // None can end within a phase: told, and at once.
    let ended = home.run(&sleep("600000", "300ms"));
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("--duration"), "{}", ended.stderr);
    idle(&home);
}

#[test]
fn tasks_of_others_do_not_wait_behind_an_interrupted_bench() {
    let home = Home::new();
    let _pool = home.serve("b", &["--workers", "1", "--lanes", "1"]);
    let mut child = home
        .command(&["bench", "b", "--handler", "sleep", "--data", "600000"])
        .args(["--duration", "1h"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap(); // its signals are caught by now
    common::until("its task runs", || {
        home.stat("b")["clients"][0]["running"] == 1
    });
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    child.wait().unwrap();
    idle(&home);
    let echo = home.run(&["submit", "b", "echo", "--data", "x", "--timeout", "50s"]);
    assert_eq!(
        (echo.code, echo.stdout.as_str()),
        (0, "x"),
        "{}",
        echo.stderr
    );
}

/// Waits until nothing is queued or runs, and no client is there.
fn idle(home: &Home) {
    let mut stat = serde_json::Value::Null;
    common::until("nothing is left of the bench", || {
        stat = home.stat("b");
        let lanes = stat["workers"][0]["lanes"].as_array();
        stat["clients"].as_array().is_some_and(Vec::is_empty)
            && lanes.is_some_and(|lanes| lanes.iter().all(|lane| lane["running"].is_null()))
    });
}
