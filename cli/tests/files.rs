//! Files that a pool relies on and that are taken away while it is served; limits on making them.

#![forbid(unsafe_code)]

mod common;

use common::*;
use rustix::process::Signal;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The one file of a pool whose name begins so and ends with `.lock`.
fn lock_file(pool: &Path, begin: &str) -> std::path::PathBuf {
    fs::read_dir(pool)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(begin) && name.ends_with(".lock")
        })
        .unwrap()
}

/// Whatever of its files is taken away, the pool says so, once, and ends; futures end with it.
fn ends_when(options: &[&str], what: &str, take_away: impl Fn(&Home, &Path)) {
    let home = Home::new();
    let mut serve = home.serve("p", &[&["--workers", "2"], options].concat());
    let children = workers(&home.stat("p"));
    let task = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
    until("the task runs", || running(&home.stat("p")) == 1);
    take_away(&home, &home.pool("p"));
    kill(children[0], Signal::KILL);
    assert_eq!(serve.wait(), 1, "{what}");
    let log = serve.whole_log();
    let said: Vec<&str> = log.lines().filter(|line| line.contains(what)).collect();
    assert_eq!(said.len(), 1, "{what}: {log}");
    assert!(log.matches("ERROR").count() <= 2, "{log}");
    assert!(children.into_iter().all(|pid| !is_alive(pid)));
    let ended = task.output();
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains(what), "{ended:?}");
}

#[test]
fn a_pool_whose_directory_is_removed_says_so_and_ends() {
    for options in [&[][..], &["--embedded"]] {
        ends_when(options, "the pool's directory", |_, pool| {
            fs::remove_dir_all(pool).unwrap();
        });
    }
}

#[test]
fn a_pool_whose_directory_is_moved_says_so_and_ends() {
    ends_when(&[], "the pool's directory", |home, pool| {
        fs::rename(pool, home.path().join("elsewhere")).unwrap();
    });
}

#[test]
fn a_pool_that_misses_one_of_its_files_says_so_and_ends() {
    for begin in ["name", "supervisor.", "worker.", "client."] {
        ends_when(&[], ".lock was removed", |_, pool| {
            fs::remove_file(lock_file(pool, begin)).unwrap();
        });
    }
    ends_when(&[], "segment was removed", |_, pool| {
        fs::remove_file(pool.join("segment")).unwrap();
    });
    ends_when(&["--embedded"], "segment.memfd was removed", |_, pool| {
        fs::remove_file(pool.join("segment.memfd")).unwrap();
    });
}

#[test]
fn what_a_successor_has_made_under_the_same_name_is_left_alone() {
    let home = Home::new();
    let mut first = home.serve("p", &["--workers", "1"]);
    // Stopped while the successor starts: else it may end, and clean up, before.
    first.signal(Signal::STOP);
    fs::remove_dir_all(home.pool("p")).unwrap();
    let second = home.serve("p", &["--workers", "1"]);
    first.signal(Signal::CONT);
    assert_eq!(first.wait(), 1);
    assert!(first.whole_log().contains("is another pool's now"));
    assert_eq!(
        home.run(&["submit", "p", "echo", "--data", "hi"]).stdout,
        "hi"
    );
    assert_eq!(home.stat("p")["supervisor_pid"], second.id());
}

#[test]
fn workers_are_replaced_after_their_program_was_removed_or_replaced() {
    let home = Home::new();
    let bin = tempfile::tempdir().unwrap();
    let program = bin.path().join("ringwork");
    fs::copy(RINGWORK, &program).unwrap();
    let text = program.to_str().unwrap();
    // The stock worker, and one that is named.
    for options in [
        &["--workers", "1"][..],
        &["--workers", "1", "--worker", text, "--", "worker"],
    ] {
        let mut serve = home.start_from(&program, "p", options);
        for replace in [false, true] {
            fs::remove_file(&program).unwrap();
            if replace {
                fs::copy("/bin/false", &program).unwrap();
            }
            let old = workers(&home.stat("p"))[0];
            kill(old, Signal::KILL);
            until("another worker serves", || {
                let now = workers(&home.stat("p"));
                now.first().is_some_and(|pid| *pid != old)
            });
            let ended = home.run(&["submit", "p", "echo", "--data", "hi"]);
            assert_eq!(ended.stdout, "hi", "{ended:?}");
            let new = workers(&home.stat("p"))[0];
            let name = fs::read_to_string(format!("/proc/{new}/comm")).unwrap();
            assert_eq!(name.trim(), "ringwork");
            let _ = fs::remove_file(&program);
            fs::copy(RINGWORK, &program).unwrap();
        }
        // A reload takes what is at the path now.
        serve.signal(Signal::HUP);
        serve.until_logged("reload done");
        let new = workers(&home.stat("p"))[0];
        let runs = fs::read_link(format!("/proc/{new}/exe")).unwrap();
        assert_eq!(runs, program);
        serve.signal(Signal::TERM);
        assert_eq!(serve.wait(), 0);
    }
}

#[test]
fn a_segment_beyond_the_limit_of_files_is_refused_with_both_figures() {
    let home = Home::new();
    for kind in ["file", "memfd"] {
        let script = format!(
            "ulimit -f 20000; exec {RINGWORK} serve --name p --segment-size 40MiB --memory {kind}"
        );
        let output = Command::new("bash")
            .args(["-c", &script])
            .env("RINGWORK_DIR", home.path())
            .stdin(Stdio::null())
            .output();
        let ended = Ended::from(output.unwrap());
        assert_eq!(ended.code, 1, "{ended:?}");
        for part in [
            "the segment takes ",
            "at most 20480000 bytes",
            "ulimit -f",
            "--segment-size",
        ] {
            assert!(ended.stderr.contains(part), "{part}: {ended:?}");
        }
        assert!(!home.pool("p").exists());
    }
}
