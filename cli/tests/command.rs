//! The other subcommands: what they print, and their exit codes.

mod common;

use common::*;
use ringwork_ring::PoolDir;
use ringwork_ring::client::Client;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

#[test]
fn results_are_shown_by_their_codec() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "1"]);
    let shown = |args: &[&str]| {
        let ended = home.run(&[&["submit", "p"], args].concat());
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.stdout
    };
    assert_eq!(shown(&["echo", "--data", "raw"]), "raw");
    assert_eq!(shown(&["echo", "--data", "ü", "--codec", "utf8"]), "ü\n");
    assert_eq!(shown(&["echo", "--data", "-42", "--codec", "i64"]), "-42\n");
    assert_eq!(
        shown(&["echo", "--data", r#"{"a":[1,null]}"#, "--codec", "cbor"]),
        "{\"a\": [1, null]}\n"
    );
    // FIPS 180-4's example for "abc".
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
    assert_eq!(shown(&["digest", "--data", "abc"]), digest);
    assert_eq!(
        shown(&[
            "digest",
            "--data",
            "abc",
            "--params",
            r#"{"algorithm":"sha256"}"#,
            "--priority",
            "high"
        ]),
        digest
    );
}

#[test]
fn files_and_pipes_go_in_and_out() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "1"]);
    let (input, output) = (home.path().join("in"), home.path().join("out"));
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    std::fs::write(&input, &bytes).unwrap();
    std::fs::write(&output, vec![0; 200_000]).unwrap();
    let (from, to) = (input.to_str().unwrap(), output.to_str().unwrap());
    assert_eq!(
        home.run(&["submit", "p", "echo", "--file", from, "--out", to])
            .code,
        0
    );
    assert_eq!(std::fs::read(&output).unwrap(), bytes);
    let mut piped = home.command(&["submit", "p", "echo", "--file", "-"]);
    let answer = piped
        .stdin(std::fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    assert_eq!(answer.stdout, bytes);
}

/// What a command prints that is given this input.
fn piped(home: &Home, input: &str, args: &[&str]) -> common::Ended {
    let file = home.path().join("lines");
    std::fs::write(&file, input).unwrap();
    let mut command = home.command(args);
    command.stdin(std::fs::File::open(&file).unwrap());
    command.output().unwrap().into()
}

/// How many tasks clients were refused, for whatever reason.
fn rejected(stat: &serde_json::Value) -> u64 {
    let totals = stat["client_totals"].as_object().expect("totals");
    let by_reason = totals
        .iter()
        .filter(|(name, _)| name.starts_with("rejected_"));
    by_reason.filter_map(|(_, count)| count.as_u64()).sum()
}

#[test]
fn each_line_is_a_request_and_results_are_in_their_order() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "2"]);
    let submit = |input: &str, args: &[&str]| {
        piped(
            &home,
            input,
            &[&["submit", "p"], args, &["--lines"]].concat(),
        )
    };
    let many: String = (0..5_000).map(|n| format!("{n}\n")).collect();
    for in_flight in ["1", "64", "100000"] {
        let ended = submit(&many, &["echo", "--in-flight", in_flight]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{in_flight}");
        assert!(ended.stdout == many, "{in_flight}");
    }
    // A command that waits for a slot is refused none.
    assert_eq!(rejected(&home.stat("p")), 0);
    let ended = submit("30\nx\n\n1", &["sleep"]);
    // Each says how long it has slept: a busy machine lets it sleep on.
    let slept: Vec<u64> = ended.stdout.lines().flat_map(str::parse).collect();
    let missing: Vec<bool> = ended.stdout.lines().map(str::is_empty).collect();
    assert_eq!((ended.code, missing), (2, vec![false, true, true, false]));
    assert!(slept[0] >= 30 && slept[1] >= 1, "{slept:?}");
    for part in ["line 2: ", "\"x\"", "line 3: ", "2 of 4 lines failed"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    let ended = submit("", &["echo"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
    let long = "x".repeat(17 << 20);
    let ended = submit(&format!("short\n{long}\n"), &["echo"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, "short\n"));
    assert!(ended.stderr.contains("line 2"), "{}", ended.stderr);
}

#[test]
fn lines_that_come_while_a_task_runs_are_begun_and_each_is_told_when_the_pool_is_over() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1"]);
    let mut command = home.command(&["submit", "p", "sleep", "--lines"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut submit = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut input = submit.stdin.take().unwrap();
    // The first task goes on until the pool is over.
    for (begun, line) in [(1, "600000\n"), (2, "1\n"), (3, "1\n")] {
        input.write_all(line.as_bytes()).unwrap();
        until("the line is a task", || {
            home.stat("p")["clients"][0]["submitted"] == begun
        });
    }
    drop(serve);
    let ended: Ended = submit.wait_with_output().unwrap().into();
    drop(input);
    assert_eq!((ended.code, ended.stdout.as_str()), (3, "\n\n\n"));
    for part in ["line 1: ", "line 2: ", "line 3: ", "3 of 3 lines failed"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn ends_are_json_for_programs() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "1"]);
    let ended = home.json(&["submit", "p", "echo", "--data", "hi", "--json"]);
    assert_eq!(ended, json!({"ok": true, "codec": "bytes", "result": "hi"}));
    let timed = home.json(&["submit", "p", "sleep", "--data", "30", "--json", "-v"]);
    assert!(timed["ran_ms"].as_f64().unwrap() >= 30.0, "{timed}");
    assert!(
        timed["queued_ms"].as_f64().unwrap() >= 0.0 && timed["worker"] == 0,
        "{timed}"
    );
    let timed = home.run(&["submit", "p", "echo", "--data", "hi", "-v"]);
    assert_eq!((timed.code, timed.stdout.as_str()), (0, "hi"));
    let told = timed.stderr.trim_end();
    assert!(
        told.starts_with("ringwork: queued ") && told.ends_with(" on worker 0"),
        "{told}"
    );
    let late = [
        "submit",
        "p",
        "sleep",
        "--data",
        "60000",
        "--json",
        "--timeout",
        "20ms",
    ];
    let late = home.run(&late);
    assert_eq!((late.code, late.stderr.as_str()), (4, ""));
    let told: Value = serde_json::from_str(&late.stdout).unwrap();
    assert_eq!(told["ok"], false);
    assert_eq!(told["error"]["kind"], "timed_out");
    let lines = ["submit", "p", "sleep", "--lines", "--json"];
    let ended = piped(&home, "30\nx\n1\n", &lines);
    assert_eq!(ended.code, 2, "{ended:?}");
    let told = ended.stdout.lines().map(|line| {
        let end: Value = serde_json::from_str(line).unwrap();
        (end["line"].clone(), end["ok"].clone())
    });
    let told: Vec<_> = told.collect();
    let expected = [(1, true), (2, false), (3, true)].map(|(line, ok)| (json!(line), json!(ok)));
    assert_eq!(told, expected);
}

#[test]
fn each_failure_of_a_task_has_its_exit_code() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "1"]);
    let check = |args: &[&str], code: i32, says: &str| {
        let ended = home.run(&[&["submit"], args].concat());
        assert!(
            ended.code == code && ended.stderr.contains(says),
            "{args:?}: {ended:?}"
        );
        assert_eq!(ended.stdout, "");
    };
    check(&["p", "nope"], 1, "no handler \"nope\": its workers know: ");
    check(&["p", "ehco"], 1, "did you mean \"echo\"?");
    check(
        &["p", "digest", "--params", r#"{"algorithm":"md5"}"#],
        2,
        "algorithm: unknown variant `md5`",
    );
    check(
        &["p", "decompress", "--data", "no frame"],
        1,
        "it may have run",
    );
    check(
        &["p", "digest", "--params", r#"{"algoritm":1}"#],
        2,
        "digest.invalid_params",
    );
    check(
        &["p", "digest", "--params", r#"{"algorithm":5}"#],
        2,
        "algorithm: expected",
    );
    check(&["p", "digest", "--params", "{"], 2, "no JSON object");
    check(
        &["p", "echo", "--file", "/dev/zero"],
        6,
        "/dev/zero is larger than the largest arena block",
    );
    check(&["p", "sleep", "--data", "soon"], 2, "\"soon\"");
    check(&["p", "echo", "--file", "/nonexistent"], 2, "/nonexistent");
    check(
        &["p", "echo", "--out", "/nonexistent/out"],
        2,
        "/nonexistent/out",
    );
    check(
        &["p", "echo", "--params", "{}", "--codec", "utf8"],
        2,
        "--params",
    );
    check(&["p", "echo", "--attempts", "4"], 2, "1..=3");
    check(&["bad/name", "echo"], 2, "pool name");
    check(&["other", "echo"], 3, "no pool at");
    check(
        &["p", "sleep", "--data", "600000", "--timeout", "50ms"],
        4,
        "timed out",
    );
    let large = home.path().join("large");
    std::fs::write(&large, vec![0; 20 << 20]).unwrap();
    check(
        &["p", "echo", "--file", large.to_str().unwrap()],
        6,
        "larger than the largest arena block",
    );
}

#[test]
fn failures_of_handlers_are_told_once_each_with_their_first_and_last_time() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "1"]);
    for _ in 0..2 {
        let ended = home.run(&["submit", "p", "decompress", "--data", "no zstd"]);
        assert_ne!(ended.code, 0, "{ended:?}");
    }
    let stat = home.stat("p");
    let error = &stat["errors"][0];
    let text = error["text"].as_str().unwrap();
    assert!(text.starts_with("decompress failed: decompress."), "{text}");
    assert!(!text.contains("no zstd"), "a message may name each request");
    assert_eq!(error["count"], 2);
    let ago = |key: &str| error[key].as_f64().unwrap();
    assert!(ago("first_s_ago") >= ago("last_s_ago"));
    let page = home.run(&["stat", "p"]).stdout;
    let errors = page.split("\nerrors\n").nth(1).unwrap();
    let heads: Vec<&str> = errors.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(heads, ["TIMES", "FIRST", "LAST", "WHAT"]);
    assert!(errors.contains("decompress failed"), "{page}");
}

#[test]
fn a_pool_is_shown_to_people_and_programs() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "2", "--lanes", "2"]);
    until("all workers are ready", || {
        workers(&home.stat("p")).len() == 2
    });
    home.run(&["submit", "p", "echo", "--data", "x"]);
    let stat = home.stat("p");
    let lanes: Vec<&Value> = stat["workers"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|w| w["lanes"].as_array().unwrap())
        .collect();
    assert_eq!(lanes.len(), 4);
    assert_eq!(
        lanes
            .iter()
            .map(|lane| lane["completed"].as_u64().unwrap())
            .sum::<u64>(),
        1
    );
    assert_eq!(stat["latency"]["run"]["samples"], 1);
    let handlers = stat["handlers"].as_array().unwrap();
    let echo = handlers.iter().find(|one| one["name"] == "echo").unwrap();
    assert_eq!(
        (&echo["request"], &echo["result"]),
        (&json!("bytes"), &json!("bytes"))
    );
    assert_eq!(echo["in_all"]["completed"], 1);
    assert_eq!(echo["in_all"]["run"]["samples"], 1);
    assert_eq!(echo["now"], Value::Null, "there was no look before");
    for window in ["last_10_s", "last_minute"] {
        // In a young pool each is of all time.
        assert_eq!(echo[window]["completed"], 1, "{window}");
        assert_eq!(echo[window]["run"]["samples"], 1, "{window}");
        assert!(echo[window]["seconds"].as_f64() > Some(0.0), "{window}");
    }
    assert_eq!(stat["client_totals"]["submitted"], 1);
    assert_eq!(stat["client_totals"]["completed"], 1);
    let page = home.run(&["stat", "p"]).stdout;
    for part in [
        "pool p: serving",
        "WORKER",
        "PRIORITY",
        "P99.9",
        "workers started 2",
        "password.hash",
        "tasks of the last",
        "tasks in all\n  HANDLER   STARTED   DONE",
        "times by handler (sampled)\n  HANDLER   LAST",
        "submitted 1",
        "errors\n  none",
    ] {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
    let worker = &stat["workers"][0];
    assert!(worker["rss_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    assert!(worker["cpu_s"].as_f64().is_some());
    assert_eq!(worker["program"], "ringwork");
    assert_eq!(worker["version"], env!("CARGO_PKG_VERSION"));
    let text = home.run(&["stat", "p", "--prometheus"]).stdout;
    for line in [
        "# TYPE ringwork_handler_tasks_total counter",
        "ringwork_handler_rejected_total{pool=\"p\",handler=\"echo\",reason=\"ring\"} 0",
        "ringwork_handler_tasks_total{pool=\"p\",handler=\"echo\",outcome=\"completed\"} 1",
        "ringwork_handler_run_seconds_count{pool=\"p\",handler=\"echo\"} 1",
        "ringwork_client_submitted_total{pool=\"p\"} 1",
        "ringwork_state{pool=\"p\",state=\"serving\"} 1",
    ] {
        assert!(
            text.lines().any(|one| one == line),
            "{line} is missing in\n{text}"
        );
    }
    let row = &home.json(&["list", "--json"])[0];
    assert_eq!(
        (&row["name"], &row["workers"], &row["lanes"]),
        (&json!("p"), &json!(2), &json!(4))
    );
    assert!(home.run(&["list"]).stdout.contains("serving"));
    assert!(home.run(&["handlers", "p"]).stdout.contains("image.resize"));
    assert!(home.run(&["handlers"]).stdout.contains("Hash a password"));
    assert_eq!(home.run(&["stat", "other"]).code, 3);
}

#[test]
fn what_cannot_be_cleaned_is_not_called_removed() {
    let home = Home::new();
    let segment = home.pool("odd").join("segment");
    std::fs::create_dir_all(&segment).unwrap();
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(home.pool("odd"), mode).unwrap();
    let ended = home.run(&["clean", "odd"]);
    assert_eq!(ended.code, 1, "{}", ended.stdout);
    let path = segment.display().to_string();
    assert!(
        ended.stdout.contains("not removed") && ended.stdout.contains(&path),
        "{}",
        ended.stdout
    );
}

#[test]
fn only_dead_pools_are_cleaned() {
    let home = Home::new();
    assert!(home.run(&["list"]).stdout.contains("no pools"));
    let _alive = home.serve("alive", &["--workers", "1"]);
    let mut dead = home.serve("dead", &["--workers", "1"]);
    dead.signal(Signal::KILL);
    dead.wait();
    std::fs::create_dir(home.path().join("photos")).unwrap();
    let ended = home.run(&["tasks", "dead"]);
    assert_eq!(ended.code, 3, "{}", ended.stdout);
    assert!(ended.stderr.contains("is over"), "{}", ended.stderr);
    let ended = home.run(&["stat", "dead"]);
    assert!(
        ended.code == 3 && ended.stderr.contains("ringwork clean"),
        "{ended:?}"
    );
    assert_eq!(home.run(&["clean", "alive"]).code, 1);
    assert_eq!(home.run(&["clean", "missing"]).code, 3);
    let ended = home.run(&["clean", "--all"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, "alive: alive, left alone\ndead: removed\n")
    );
    assert!(!home.pool("dead").exists());
    assert!(home.path().join("photos").exists(), "what is no pool stays");
    assert_eq!(
        home.run(&["submit", "alive", "echo", "--data", "x"]).stdout,
        "x"
    );
}

/// What stands where the pools are is shown, and removed only if a pool has left it.
#[test]
fn what_is_no_pool_is_shown_and_only_leftovers_are_cleaned() {
    let home = Home::new();
    let _alive = home.serve("alive", &["--workers", "1"]);
    let private = |name: &str| {
        std::fs::create_dir(home.pool(name)).unwrap();
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(home.pool(name), mode).unwrap();
    };
    private("empty");
    private("half");
    let half = PoolDir::below(home.path(), "half").unwrap();
    std::fs::write(half.supervisor_lock(1), "").unwrap();
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(half.supervisor_lock(1), mode).unwrap();
    std::os::unix::fs::symlink("/nonexistent/pool", home.pool("dead-link")).unwrap();
    std::os::unix::fs::symlink(home.pool("alive"), home.pool("link")).unwrap();
    std::fs::write(home.pool("notes.txt"), "mine").unwrap();
    std::fs::create_dir(home.pool("photos")).unwrap();
    let states = || {
        let rows = home.json(&["list", "--json"]);
        let rows = rows.as_array().unwrap().iter();
        let state = |row: &Value| format!("{} {}", row["name"], row["state"]).replace('"', "");
        rows.map(state).collect::<Vec<_>>()
    };
    assert_eq!(
        states(),
        [
            "alive serving",
            "dead-link leftover",
            "empty leftover",
            "half dead",
            "link foreign",
            "notes.txt foreign",
            "photos foreign",
        ]
    );
    let shown = home.run(&["list"]).stdout;
    for part in [
        "a link to nothing: `ringwork clean` removes it",
        "a directory that a pool has left empty: `ringwork clean` removes it",
        "no pool: no directory",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let findings = home.run(&["doctor"]).stdout;
    for part in [
        "dead-link: a link to nothing",
        "-> ringwork clean empty",
        "notes.txt (no pool: no directory)",
        "photos (no pool: a directory without any file of a pool)",
    ] {
        assert!(findings.contains(part), "{part}: {findings}");
    }
    for foreign in ["link", "notes.txt", "photos"] {
        let ended = home.run(&["clean", foreign]);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stdout.contains("left alone: "), "{ended:?}");
    }
    let ended = home.run(&["clean"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (
            0,
            "alive: alive, left alone\ndead-link: removed\nempty: removed\nhalf: removed\n"
        )
    );
    assert_eq!(
        states(),
        [
            "alive serving",
            "link foreign",
            "notes.txt foreign",
            "photos foreign"
        ]
    );
    // What is in a dead pool's directory and is not its own stays, and is named.
    private("mixed");
    let mixed = PoolDir::below(home.path(), "mixed").unwrap();
    std::fs::write(mixed.new_segment(), "").unwrap();
    std::fs::write(home.pool("mixed").join("Cargo.lock"), "mine").unwrap();
    let ended = home.run(&["clean", "mixed"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (1, "mixed: removed, but for what is no pool's: Cargo.lock\n")
    );
    assert!(home.pool("mixed").join("Cargo.lock").exists());
    assert!(states().contains(&"mixed foreign".to_owned()));
}

#[test]
fn the_configuration_file_is_read_and_flags_win() {
    let home = Home::new();
    let file = home.path().join("pool.toml");
    std::fs::write(
        &file,
        "name = 'filed'\nworkers = 3\nsegment-size = '16MiB'\nslots = 64\n",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    let printed = home.run(&[
        "serve",
        "--config",
        path,
        "--workers",
        "2",
        "--print-config",
    ]);
    assert_eq!(printed.code, 0);
    for part in [
        "name = \"filed\"",
        "workers = 2 ",
        "slots = 64 ",
        "# largest payload: ",
    ] {
        assert!(
            printed.stdout.contains(part),
            "{part} is missing in\n{}",
            printed.stdout
        );
    }
    assert!(!home.pool("filed").exists());
    // What was printed is a configuration file itself.
    std::fs::write(&file, &printed.stdout).unwrap();
    assert_eq!(
        home.run(&["serve", "--config", path, "--print-config"])
            .stdout,
        printed.stdout
    );
    std::fs::write(&file, "worker-count = 3\n").unwrap();
    let ended = home.run(&["serve", "--config", path]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("worker-count") && ended.stderr.contains("segment-size"),
        "{ended:?}"
    );
    let ended = home.run(&["serve", "--embedded", "--workers", "0"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stdout.starts_with("{\"ready\":false,\"error\":\""),
        "{ended:?}"
    );
}

#[test]
fn a_reader_that_has_gone_ends_it_quietly() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "1"]);
    for args in [
        &["stat", "p", "--watch"][..],
        &["list"],
        &["handlers"],
        &["doctor"],
        &["submit", "p", "echo", "--data", "x"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.command(args);
        let ended: Ended = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap()
            .into();
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn help_tells_the_exit_codes_everywhere() {
    let home = Home::new();
    for name in [
        "", "serve", "stat", "top", "tasks", "submit", "handlers", "list", "clean", "doctor",
        "stop", "reload",
    ] {
        let args: Vec<&str> = [name, "--help"]
            .into_iter()
            .filter(|arg| !arg.is_empty())
            .collect();
        let ended = home.run(&args);
        assert!(
            ended.code == 0 && ended.stdout.contains("Exit codes"),
            "{name}: {}",
            ended.stdout
        );
    }
    assert!(home.run(&["--version"]).stdout.starts_with("ringwork "));
    assert_eq!(home.run(&["stat", "--nonsense"]).code, 2);
    let report = home.json(&["doctor", "--json"]);
    assert_eq!(report["ok"], true);
}

/// Commands that run together, each with this request for `sleep`.
fn together(home: &Home, count: usize, options: &[&str]) -> Vec<common::Ended> {
    let children: Vec<_> = (0..count)
        .map(|_| {
            let mut command = home.command(&[&["submit", "p"][..], options].concat());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let ended = children.into_iter().map(|child| child.wait_with_output());
    ended.map(|output| output.unwrap().into()).collect()
}

#[test]
fn commands_that_come_together_all_get_an_entry() {
    let home = Home::new();
    let _pool = home.serve("p", &["--workers", "1", "--lanes", "2"]);
    for count in [10, 30] {
        for ended in together(&home, count, &["sleep", "--data", "50"]) {
            assert_eq!(ended.code, 0, "{}", ended.stderr);
        }
    }
}

#[test]
fn an_entry_is_kept_for_commands_when_applications_have_all_others() {
    let home = Home::new();
    let _pool = home.serve("p", &["--workers", "1", "--lanes", "1", "--clients", "4"]);
    let dir = PoolDir::at(&home.pool("p")).unwrap();
    let applications: Vec<Client> = (0..4).map(|_| Client::connect(&dir).unwrap()).collect();
    let refused = Client::connect(&dir).unwrap_err().to_string();
    assert!(refused.contains("all 4 client entries"), "{refused}");
    assert_eq!(home.run(&["stat", "p"]).code, 0);
    let bench = ["bench", "p", "--duration", "50ms", "--json"];
    assert_eq!(home.json(&bench)["interrupted"], false);
    for ended in together(&home, 10, &["echo", "--data", "x"]) {
        assert_eq!((ended.code, &*ended.stdout), (0, "x"), "{}", ended.stderr);
    }
    // That one is taken, too: a command with a timeout says what it waits for, and gives up.
    let kept = Client::connect_as_command(&dir, None).unwrap();
    let ended = home.run(&["submit", "p", "echo", "--data", "x", "--timeout", "1100ms"]);
    assert_eq!(ended.code, 6, "{}", ended.stderr);
    assert!(ended.stderr.contains("waiting, since all 5 client entries"));
    drop(kept);
    // One of an application does as well.
    let kept = Client::connect_as_command(&dir, None).unwrap();
    drop(applications);
    let ended = home.run(&["submit", "p", "echo", "--data", "x"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    drop(kept);
}

/// What `make build` hands over is small (cli/build.rs); the names of functions stay for backtraces.
#[test]
#[cfg(not(debug_assertions))]
fn the_command_has_no_debug_information() {
    if std::env::var_os("RINGWORK_DEBUG_INFO").is_some() {
        return;
    }
    let bytes = std::fs::metadata(env!("CARGO_BIN_EXE_ringwork"))
        .unwrap()
        .len();
    assert!(bytes < 30 << 20, "{bytes} bytes");
}

/// A fault of the syntax is shown where it is, alone, and is said to be; all others at once.
#[test]
fn what_is_wrong_in_a_configuration_file_is_told_with_its_place_or_all_at_once() {
    let home = Home::new();
    let file = home.path().join("pool.toml");
    let path = file.to_str().unwrap();
    let told = |text: &str, more: &[&str]| {
        std::fs::write(&file, text).unwrap();
        let ended = home.run(&[&["serve", "--config", path], more].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{ended:?}");
        assert!(ended.stderr.contains(path), "{ended:?}");
        ended.stderr
    };
    for (text, place, line, caret) in [
        (
            "name = 'a'\nworkers = = 3\nslot = 1\n",
            "line 2, column 11",
            "2 | workers = = 3",
            "  |           ^",
        ),
        (
            "workers = 3\nlanes = 'two\n",
            "line 2, column 13",
            "2 | lanes = 'two",
            "  |             ^",
        ),
        (
            "workers = 3\nworkers = 4\n",
            "line 2, column 1",
            "2 | workers = 4",
            "  | ^",
        ),
        (
            "[handlers.echo\nhard = '1s'\n",
            "line 1, column 15",
            "1 | [handlers.echo",
            "  |               ^",
        ),
    ] {
        let error = told(text, &[]);
        for part in [place, line, caret, "is told once this is mended"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!error.contains("unknown key"), "{error}");
    }
    // Whatever else is wrong: keys, values, figures that contradict each other, options.
    let error = told(
        "slot = 5\ncolour = 3\nlanes = 'two'\nclients = 0\nwait = 'sometimes'\n\
         min-workers = 9\nmax-workers = 2\n[handlers.echo]\nhrd = '1s'\nsoft = 'soon'\n",
        &["--limit", "digest:soft=2s,hard=1s"],
    );
    for part in [
        "unknown key \"slot\" (did you mean \"slots\"?)",
        "unknown key \"colour\"",
        "lanes: ",
        "clients is 0",
        "wait: ",
        "min-workers is 9",
        "handlers.echo.hrd: ",
        "handlers.echo.soft: ",
        "digest",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

/// One of a thing is called one.
#[test]
fn a_count_of_one_has_no_plural() {
    let home = Home::new();
    let refused = |options: &[&str]| {
        let ended = home.run(&[&["serve", "--name", "p"], options].concat());
        assert_eq!(ended.code, 2, "{ended:?}");
        ended.stderr
    };
    for (options, part) in [
        (
            &["--workers", "1", "--lanes", "5000"][..],
            "1 worker of 5000 lanes are",
        ),
        (
            &["--workers", "5000", "--lanes", "1"],
            "5000 workers of 1 lane are",
        ),
        (
            &["--clients", "1", "--slots", "4194304"],
            "1 client of 4194304 slots",
        ),
        (&["--arena", "64:1"], "arena class of 64 bytes has 1 block,"),
        (&["--worker-threads", "1"], "a worker of 1 lane needs"),
    ] {
        let error = refused(options);
        assert!(error.contains(part), "{part}: {error}");
    }
    let _serve = home.serve("one", &["--workers", "1"]);
    let failed = |handler: &str, data: &str, part: &str| {
        let ended = home.run(&["submit", "one", handler, "--data", data]);
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    };
    failed("image.info", "x", "the body of 1 byte does");
}
