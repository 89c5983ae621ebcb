//! SIGHUP: new configuration, new program, no failed task.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use ringwork_ring::client::{Client, Outcome};
use ringwork_ring::format::layout::*;
use ringwork_ring::format::states::Health;
use ringwork_tests::{
    Base, Pool, Serve, StopOnDrop, call, end, install, options, wait_until, worker_program,
};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A program that tells its version in the environment of the worker proper.
fn worker_of(version: &str) -> String {
    let worker = worker_program();
    format!(
        "#!/bin/sh\nRINGWORK_TEST_VERSION={version} exec {}\n",
        worker.display()
    )
}

struct Served {
    pool: Pool,
    program: PathBuf,
    config: PathBuf,
}

fn serve(name: &str) -> Served {
    let base = Arc::new(Base::new());
    let (program, config) = (base.path().join("worker"), base.path().join("pool.toml"));
    install(&program, &worker_of("1"));
    std::fs::write(&config, "lanes = 1\n").unwrap();
    let pool = Serve::in_base(&base, name)
        .daemon()
        .without("lanes")
        .option("worker", &program.display().to_string())
        .option("config", &config.display().to_string())
        .start();
    Served {
        pool,
        program,
        config,
    }
}

fn version(client: &Client) -> String {
    String::from_utf8(call(client, "test.version", b"", &options())).unwrap()
}

fn pids(pool: &Pool) -> Vec<i32> {
    pool.workers().into_iter().map(|(_, pid)| pid).collect()
}

fn untroubled(pool: &Pool) {
    let counters = [
        PoolCounter::WorkersCrashed,
        PoolCounter::TasksRequeued,
        PoolCounter::TasksCrashed,
    ];
    assert_eq!(counters.map(|counter| pool.counter(counter)), [0, 0, 0]);
}

#[test]
fn under_load_a_reload_brings_a_new_program_and_configuration_and_fails_no_task() {
    let served = serve("rolling");
    let pool = &served.pool;
    let client = pool.client();
    assert_eq!(version(&client), "1");
    let (over, ended) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let tickets: Vec<_> = (0..20)
                        .map(|_| client.submit("echo", b"x", &options()).expect("a slot"))
                        .collect();
                    for ticket in &tickets {
                        let outcome = end(ticket);
                        assert!(matches!(outcome, Outcome::Completed { .. }), "{outcome:?}");
                        ended.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let stop = StopOnDrop(&over); // also when something below fails
        for round in 2..5 {
            // Both: one that comes later would pass for a successor.
            let _ = pool.wait_workers(2);
            let before = pids(pool);
            install(&served.program, &worker_of(&round.to_string()));
            let lanes = 1 + round % 2;
            std::fs::write(&served.config, format!("lanes = {lanes}\n")).unwrap();
            pool.signal(Signal::SIGHUP);
            wait_until("all are replaced", || {
                let now = pids(pool);
                now.len() == 2 && !now.iter().any(|pid| before.contains(pid))
            });
            assert_eq!(version(&client), round.to_string());
            let so_far = ended.load(Ordering::Relaxed);
            wait_until("tasks go on", || {
                ended.load(Ordering::Relaxed) > so_far + 100
            });
        }
        drop(stop);
    });
    untroubled(pool);
    wait_until("it says so", || {
        pool.log().matches("reload done").count() == 3
    });
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn a_bad_configuration_changes_nothing_and_says_so() {
    let served = serve("refused");
    let (pool, client) = (&served.pool, served.pool.client());
    let before = pool.wait_workers(2);
    for (bad, why) in [
        ("lanes = 'many'", "lanes"),
        ("elephants = 1", "elephants"),
        ("drain-timeout = '20s'\nlanes = 0", "lanes is 0"),
        ("priorities = 4", "priorities can't change"),
        ("lanes = 200", "lanes"),
        ("max-lanes = 100", "max-lanes can't change"),
    ] {
        std::fs::write(&served.config, bad).unwrap();
        let refusals = pool.log().matches("reload refused").count();
        pool.signal(Signal::SIGHUP);
        wait_until("it is refused", || {
            pool.log().matches("reload refused").count() > refusals
        });
        let log = pool.log();
        let last = log.rsplit("reload refused").next().unwrap();
        assert!(last.contains(why), "{bad}: {last}");
    }
    // Each reason, not the first one only.
    for (bad, whys) in [
        (
            "lanes = 'many'\nwait = 'sleep'\nelephants = 1",
            ["lanes", "wait", "elephants"],
        ),
        (
            "lanes = 0\nstart-timeout = '0'\npriorities = 4",
            [
                "lanes is 0",
                "start-timeout is 0",
                "priorities can't change",
            ],
        ),
        (
            "priorities = 4\nmemory = 'memfd'\nlanes = 60\nlimit = ['echo:concurrency=1']",
            [
                "memory, priorities can't change",
                "have no room for 2 workers of 60 lanes",
                "echo had no limit",
            ],
        ),
    ] {
        std::fs::write(&served.config, bad).unwrap();
        let refusals = || pool.log().matches("reload refused").count();
        let before = refusals();
        pool.signal(Signal::SIGHUP);
        wait_until("it is refused", || refusals() > before);
        let log = pool.log();
        let last = log.rsplit("reload refused").next().unwrap();
        assert!(whys.iter().all(|why| last.contains(why)), "{bad}: {last}");
    }
    assert_eq!(pool.workers(), before);
    assert_eq!(version(&client), "1");
    untroubled(pool);
}

#[test]
fn a_program_that_does_not_start_leaves_the_old_workers_serving() {
    let served = serve("broken");
    let (pool, client) = (&served.pool, served.pool.client());
    let before = pool.wait_workers(2);
    install(
        &served.program,
        "#!/bin/sh\necho no such library >&2\nexit 127\n",
    );
    pool.signal(Signal::SIGHUP);
    pool.wait_logged("reload failed");
    wait_until("it says why", || {
        let log = pool.log();
        let last = log.rsplit("reload failed").next().unwrap();
        last.contains("serve on") && last.contains("no such library")
    });
    assert_eq!(pool.workers(), before);
    assert_eq!(version(&client), "1");
    // And the next one, with a program that works, is no worse for it.
    install(&served.program, &worker_of("2"));
    pool.signal(Signal::SIGHUP);
    wait_until("all are replaced", || {
        let now = pool.workers();
        now.len() == 2 && !now.iter().any(|worker| before.contains(worker))
    });
    assert_eq!(version(&client), "2");
}

#[test]
fn a_reload_that_the_end_of_the_pool_cuts_off_is_told() {
    let mut served = serve("cut");
    let _ = served.pool.wait_workers(2);
    install(&served.program, "#!/bin/sh\nexec sleep 600\n");
    served.pool.signal(Signal::SIGHUP);
    served.pool.wait_logged("replaced one by one");
    served.pool.signal(Signal::SIGTERM);
    assert!(served.pool.wait_exit().success());
    served
        .pool
        .wait_logged("reload not completed: the pool ends before");
}

#[test]
fn a_worker_that_is_still_starting_is_replaced_after_it_has_started() {
    let base = Arc::new(Base::new());
    let (program, gate) = (base.path().join("worker"), base.path().join("gate"));
    mkfifo(&gate, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    install(
        &program,
        &format!(
            "#!/bin/sh\n[ $RINGWORK_WORKER_INDEX = 0 ] || read -r line <{}\nexec {}\n",
            gate.display(),
            worker_program().display()
        ),
    );
    let pool = Serve::in_base(&base, "starting")
        .daemon()
        .option("worker", &program.display().to_string())
        .start();
    install(&program, &worker_of("2"));
    pool.signal(Signal::SIGHUP);
    pool.wait_logged("worker in seat 1 is to be replaced: reload");
    pool.wait_logged("worker 0 is to leave: reload");
    // For reading, too: so the opening waits for no reader.
    let mut gate = File::options().read(true).write(true).open(gate).unwrap();
    gate.write_all(b"go\n").unwrap();
    pool.wait_logged("worker 1 is to leave: reload");
    pool.wait_logged("reload done");
    untroubled(&pool);
}

#[test]
fn a_reload_ends_a_crash_storm() {
    let base = Arc::new(Base::new());
    let pool = Serve::in_base(&base, "stormy")
        .daemon()
        .option("crash-storm", "4/10min")
        .option("crash-storm-pause", "0")
        .option("restart-backoff-max", "1ms")
        .start();
    wait_until("the pool gives up", || {
        for (_, pid) in pool.workers() {
            let _ = pool.signal_worker(pid, Signal::SIGKILL);
        }
        pool.segment().health() == Ok(Health::Storm)
    });
    pool.signal(Signal::SIGHUP);
    let _ = pool.wait_workers(2);
    wait_until("it is over", || pool.segment().health() == Ok(Health::Full));
    // The lane that refused tasks has gone with it.
    wait_until("tasks run", || {
        let outcome = pool.client().call("echo", b"x", &options());
        matches!(outcome, Ok(Outcome::Completed { .. }))
    });
}

/// The handlers of the pool that begin so.
fn handlers(pool: &Pool, prefix: &str) -> Vec<String> {
    let all = ringwork_ring::segment::tables::handlers(pool.segment()).into_iter();
    all.map(|handler| handler.name)
        .filter(|name| name.starts_with(prefix))
        .collect()
}

fn worker_with(handler: &str) -> String {
    let worker = worker_program();
    format!(
        "#!/bin/sh\nRINGWORK_TEST_HANDLER={handler} exec {}\n",
        worker.display()
    )
}

#[test]
fn handlers_that_a_reload_removes_are_listed_no_more_and_both_kinds_are_told() {
    let served = serve("handlers");
    let pool = &served.pool;
    let reload = |program: &str, end: &str| {
        let ends = pool.log().matches(end).count();
        install(&served.program, program);
        pool.signal(Signal::SIGHUP);
        wait_until("the reload ends", || pool.log().matches(end).count() > ends);
    };
    reload(&worker_with("own.one"), "reload done");
    assert_eq!(handlers(pool, "own."), ["own.one"]);
    assert!(pool.log().contains("handlers added: own.one"));
    reload(&worker_with("own.two"), "reload done");
    assert_eq!(handlers(pool, "own."), ["own.two"]);
    pool.wait_logged("handlers removed: own.one; handlers added: own.two");
    let echo = handlers(pool, "echo");
    assert_eq!(echo, ["echo"], "what both have stays");
    // One that fails changes none.
    reload("#!/bin/sh\nexit 3\n", "reload failed");
    assert_eq!(handlers(pool, "own."), ["own.two"]);
    // And what comes back is listed again.
    reload(&worker_with("own.one"), "reload done");
    assert_eq!(handlers(pool, "own."), ["own.one"]);
}

#[test]
fn a_limit_of_a_handler_that_no_worker_has_is_warned_of_by_name() {
    let base = Arc::new(Base::new());
    let config = base.path().join("pool.toml");
    let limits = |names: &[&str]| {
        let each = |name: &&str| format!("[handlers.\"{name}\"]\nsoft-limit = '5s'\n");
        std::fs::write(&config, names.iter().map(each).collect::<String>()).unwrap();
    };
    limits(&["ecko", "echo"]);
    let pool = Serve::in_base(&base, "vain")
        .daemon()
        .option("config", &config.display().to_string())
        .start();
    pool.wait_logged("the limit of \"ecko\" has no effect");
    assert!(!pool.log().contains("the limit of \"echo\""));
    limits(&["echo", "digset"]);
    pool.signal(Signal::SIGHUP);
    pool.wait_logged("the limit of \"digset\" has no effect");
    assert_eq!(pool.log().matches("limit of \"ecko\"").count(), 1);
}

#[test]
fn a_reload_brings_handlers_their_configuration_and_refuses_what_is_wrong_with_it() {
    let served = serve("sections");
    let (pool, client) = (&served.pool, served.pool.client());
    let tone = || String::from_utf8(call(&client, "test.config", b"", &options())).unwrap();
    assert_eq!(tone(), "plain");
    let reload = |section: &str| {
        std::fs::write(&served.config, format!("lanes = 1\n{section}\n")).unwrap();
        pool.signal(Signal::SIGHUP);
    };
    reload("[handler.\"test.config\"]\ntone = 'high'");
    wait_until("the section is read", || tone() == "high");
    pool.wait_logged("reload done");
    reload("[handler.\"test.config\"]\ntone = 'low'\nvolume = 3");
    pool.wait_logged("has the unknown key volume");
    pool.wait_logged("reload failed");
    reload("[handler.\"test.confg\"]\ntone = 'low'");
    pool.wait_logged("which nothing reads: those that are read are [handler.\"test.config\"]");
    assert_eq!(tone(), "high", "the former workers go on");
}
