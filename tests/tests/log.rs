//! What a worker of one's own writes to the log of its pool.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork_tests::{Base, Pool, Serve, call, utf8, wait_until};
use std::sync::Arc;

fn log(pool: &Pool, text: &str) {
    let _ = call(&pool.client(), "test.log", text.as_bytes(), &utf8());
    pool.wait_logged(&format!("{text} at warn"));
}

#[test]
fn panics_and_lines_of_handlers_come_with_the_pools_level_and_format() {
    let pool = Serve::new("log")
        .option("log-format", "json")
        .option("log-level", "debug")
        .start();
    log(&pool, "tea");
    let _ = pool.client().call("test.panic", b"the kettle", &utf8());
    pool.wait_logged("handler panicked: the kettle");
    let whole = pool.log();
    for part in ["tea at debug", "tea at info", "handler panicked"] {
        let line = whole.lines().find(|line| line.contains(part));
        let line = line.unwrap_or_else(|| panic!("no {part} in {whole}"));
        let json: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        assert!(
            json["message"]
                .as_str()
                .is_some_and(|text| text.contains(part)),
            "{line}"
        );
        assert_eq!(json["pool"], "log", "{line}");
        assert!(json["pid"].is_u64(), "{line}");
        // Where it comes from, whether the handler wrote it or we.
        assert!(json["task"]["worker"].is_u64(), "{line}");
        assert!(json["task"]["lane"].is_u64(), "{line}");
        let handler = if part == "handler panicked" {
            "test.panic"
        } else {
            "test.log"
        };
        assert_eq!(json["task"]["handler"], handler, "{line}");
        assert!(json["handler"].is_null(), "{line}");
    }
}

#[test]
fn a_line_of_a_handler_says_where_it_ran() {
    let pool = Serve::new("placed").start();
    log(&pool, "tea");
    let whole = pool.log();
    let line = whole.lines().find(|line| line.contains("tea at info"));
    let line = line.unwrap_or_else(|| panic!("{whole}"));
    assert!(
        line.contains("tea at info pool=\"placed\" pid=") && line.contains(" worker="),
        "{line}"
    );
    assert!(line.ends_with(" handler=\"test.log\""), "{line}");
    let _ = pool.client().call("test.panic", b"the kettle", &utf8());
    pool.wait_logged("handler panicked: the kettle");
    let whole = pool.log();
    let line = whole.lines().find(|line| line.contains("the kettle"));
    let line = line.unwrap_or_else(|| panic!("{whole}"));
    assert!(
        line.ends_with(" handler=\"test.panic\"") && line.matches("handler=").count() == 1,
        "{line}"
    );
}

/// What the supervisor says has an id, the process that it is about, and what helps.
#[test]
fn records_of_the_supervisor_have_an_event_a_pool_a_pid_and_a_remedy() {
    let pool = Serve::new("fields").option("log-format", "json").start();
    let (_, worker) = pool.workers()[0];
    assert!(pool.signal_worker(worker, Signal::SIGKILL));
    pool.wait_logged("was killed by SIGKILL");
    let whole = pool.log();
    let lines = whole.lines().map(serde_json::from_str::<serde_json::Value>);
    let lines: Vec<_> = lines.map(|line| line.expect("JSON")).collect();
    for line in &lines {
        assert_eq!(line["pool"], "fields", "{line}");
        assert!(line["event"].is_string() && line["pid"].is_u64(), "{line}");
    }
    let of = |event: &str| lines.iter().find(|line| line["event"] == event);
    let died = of("worker.died").expect("the death");
    assert!(
        died["remedy"].as_str().is_some_and(|text| !text.is_empty()),
        "{died}"
    );
    assert_eq!(died["pid"], worker, "{died}");
    assert!(of("worker.ready").expect("a start")["remedy"].is_null());
}

#[test]
fn a_subscriber_of_the_program_stays() {
    let pool = Serve::new("ownlog")
        .env("RINGWORK_TEST_BOOT", "subscriber")
        .option("log-level", "warn")
        .start();
    log(&pool, "tea");
    let whole = pool.log();
    let line = whole.lines().find(|line| line.contains("tea at info"));
    assert!(
        line.is_some_and(|line| line.contains("ringwork-lane-")),
        "{whole}"
    );
}

#[test]
fn the_level_follows_a_reload_in_the_supervisor_and_in_its_workers() {
    let base = Arc::new(Base::new());
    let config = base.path().join("pool.toml");
    std::fs::write(&config, "log-level = 'warn'\n").unwrap();
    let pool = Serve::in_base(&base, "relog")
        .daemon()
        .option("config", &config.display().to_string())
        .start();
    let reload = |level: &str| {
        let before = pool.wait_workers(2);
        std::fs::write(&config, format!("log-level = '{level}'\n")).unwrap();
        pool.signal(Signal::SIGHUP);
        wait_until("all are replaced", || {
            let now = pool.workers();
            now.len() == 2 && !now.iter().any(|worker| before.contains(worker))
        });
    };
    log(&pool, "first");
    assert!(!pool.log().contains("first at info"));
    assert!(!pool.log().contains("worker is ready"));
    reload("debug");
    pool.wait_logged("the level of the log is debug from now on");
    pool.wait_logged("worker started"); // of the supervisor, at level debug
    pool.wait_logged("reload done");
    log(&pool, "second");
    assert!(pool.log().contains("second at debug"));
    let told = || pool.log().matches("worker is ready").count();
    let before = told();
    let done = || pool.log().matches("reload done").count();
    reload("warn");
    wait_until("its end is told all the same", || done() == 2);
    log(&pool, "third");
    assert!(!pool.log().contains("third at info"));
    assert_eq!(told(), before, "the supervisor is silent, too");
    reload("error");
    wait_until("its end is told all the same", || done() == 3);
}

#[test]
fn each_start_of_a_worker_is_one_line() {
    let pool = Serve::new("starts").start();
    let worker = pool.wait_workers(2)[0].1;
    assert!(pool.signal_worker(worker, Signal::SIGKILL), "it runs");
    // The numbers of lines with the one word and the other, whichever process writes them.
    let starts = || {
        let log = pool.log();
        let lines = log.lines();
        lines
            .filter(|line| line.contains("worker") && line.contains("ready"))
            .count()
    };
    wait_until("a third has started", || starts() >= 3);
    log(&pool, "all three serve");
    assert_eq!(starts(), 3, "{}", pool.log());
}
