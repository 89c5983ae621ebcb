//! `stop` and `reload`: what is asked of a pool's supervisor; and what shells and `man` are told.

mod common;

use common::*;

/// A command whose task runs in the pool `p`, for longer than any test.
fn sleeping(home: &Home) -> Background {
    let sleep = background(home.command(&["submit", "p", "sleep", "--data", "600000"]));
    until("the task runs", || {
        home.stat("p")["clients"][0]["running"] == 1
    });
    sleep
}

#[test]
fn a_pool_is_stopped_once_its_tasks_are_over_or_at_once() {
    let home = Home::new();
    let mut serve = home.serve("p", &["--workers", "1"]);
    let sleep = sleeping(&home);
    let ended = home.run(&["stop", "p"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let late = home.run(&["stop", "p", "--wait=10ms", "--now"]);
    assert!(matches!(late.code, 0 | 4), "{late:?}");
    assert_eq!(serve.wait(), 0);
    let gone = home.run(&["stop", "p", "--wait"]);
    assert_eq!(gone.code, 3, "{gone:?}");
    drop(sleep);
}

#[test]
fn a_task_that_goes_on_is_told_when_the_time_is_over() {
    let home = Home::new();
    let mut serve = home.serve("p", &["--workers", "1", "--drain-timeout", "10min"]);
    let _sleep = sleeping(&home);
    let late = home.run(&["stop", "p", "--wait=20ms"]);
    assert_eq!(late.code, 4, "{late:?}");
    assert!(late.stderr.contains("stop p --now"), "{late:?}");
    let now = home.run(&["stop", "p", "--now", "--wait"]);
    assert_eq!((now.code, now.stderr.as_str()), (0, ""));
    assert_eq!(serve.wait(), 0);
}

#[test]
fn a_pool_reloads_unless_it_is_being_stopped() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1"]);
    let ended = home.run(&["reload", "p"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    serve.until_logged("reload done");
    assert_eq!(home.run(&["reload", "nope"]).code, 3);
}

/// The option's value and origin, as `ringwork config` tells them.
fn option(home: &Home, key: &str) -> (serde_json::Value, serde_json::Value) {
    let told = home.json(&["config", "p", "--json"]);
    let all = told["options"].as_array().unwrap();
    let hit = all.iter().find(|option| option["key"] == key).unwrap();
    (hit["value"].clone(), hit["from"].clone())
}

#[test]
fn the_options_in_effect_are_told_with_their_origin_and_those_of_a_reload() {
    let home = Home::new();
    let file = home.path().join("pool.toml");
    std::fs::write(&file, "lanes = 1").unwrap();
    let worker = ["--workers", "1", "--limit", "sleep:concurrency=1"];
    let options = [&["--config", file.to_str().unwrap()], &worker[..]].concat();
    let mut serve = home.serve("p", &options);
    assert_eq!(option(&home, "workers"), (1.into(), "command-line".into()));
    assert_eq!(option(&home, "lanes"), (1.into(), "file".into()));
    assert_eq!(option(&home, "priorities").1, "default");
    assert_eq!(option(&home, "worker-memory").0, serde_json::Value::Null);
    let before = home.json(&["config", "p", "--json"]);
    assert_eq!(before["cause"], "start");
    let page = home.run(&["config", "p"]);
    assert_eq!((page.code, page.stderr.as_str()), (0, ""));
    assert!(page.stdout.contains("since its start"), "{page:?}");
    // What a reload refuses is not in effect; what it takes up is.
    std::fs::write(&file, "lanes = 0").unwrap();
    home.run(&["reload", "p"]);
    serve.until_logged("reload refused");
    assert_eq!(home.json(&["config", "p", "--json"]), before);
    std::fs::write(
        &file,
        "log-level = 'debug'\n[handlers.echo]\nsoft-limit = '5s'",
    )
    .unwrap();
    home.run(&["reload", "p"]);
    serve.until_logged("reload done");
    assert_eq!(option(&home, "log-level"), ("debug".into(), "file".into()));
    assert_eq!(option(&home, "lanes").1, "default");
    let (limits, from) = option(&home, "limit");
    assert_eq!(from, "file-and-command-line");
    assert_eq!(limits.as_array().unwrap().len(), 2, "{limits}");
    let after = home.json(&["config", "p", "--json"]);
    assert_eq!(after["cause"], "reload");
    assert!(after["since_unix_ms"].as_u64() >= before["since_unix_ms"].as_u64());
    // With the pool its file goes.
    assert_eq!(home.run(&["stop", "p", "--wait"]).code, 0);
    assert_eq!(serve.wait(), 0);
    assert!(!home.pool("p").exists());
    let gone = home.run(&["config", "p"]);
    assert_eq!(gone.code, 3, "{gone:?}");
}

#[test]
fn a_worker_is_replaced_and_its_task_is_finished_before() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "2"]);
    until("both are ready", || {
        home.stat("p")["workers"]
            .as_array()
            .is_some_and(|workers| workers.len() == 2)
    });
    let pid = |worker: &serde_json::Value| worker["pid"].as_u64().unwrap();
    let before = home.stat("p")["workers"][1].clone();
    let number = before["index"].to_string();
    let ended = home.run(&["restart", "p", "--worker", &number, "--wait"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    serve.until_logged("has left: `ringwork restart` has asked it to");
    let after = home.stat("p");
    let ready = after["workers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|worker| worker["ready"] == true);
    let pids: Vec<u64> = ready.map(pid).collect();
    assert!(pids.len() >= 2 && !pids.contains(&pid(&before)), "{after}");
    let missing = home.run(&["restart", "p", "--worker", "77"]);
    assert_eq!(missing.code, 2, "{missing:?}");
    assert!(
        missing.stderr.contains("no worker 77: it has "),
        "{missing:?}"
    );
}

#[test]
fn a_worker_whose_task_goes_on_is_told_when_the_time_is_over() {
    let home = Home::new();
    let _serve = home.serve("p", &["--workers", "1", "--drain-timeout", "10min"]);
    let _sleep = sleeping(&home);
    let late = home.run(&["restart", "p", "--worker", "0", "--wait=50ms"]);
    assert_eq!(late.code, 4, "{late:?}");
    assert!(late.stderr.contains("`ringwork tasks p`"), "{late:?}");
    let told = home.run(&["tasks", "p", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["running"][0]["handler"], "sleep", "{told}");
}

#[test]
fn an_embedded_pool_is_its_owners() {
    let home = Home::new();
    let _serve = {
        let serve = home.start("p", &["--embedded", "--workers", "1"]);
        until("it serves", || {
            home.run(&["stat", "p", "--ready"]).code == 0
        });
        serve
    };
    for command in [
        &["stop", "p"][..],
        &["reload", "p"],
        &["restart", "p", "--worker", "0"],
    ] {
        let refused = home.run(command);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(
            refused.stderr.contains("its owner closes it"),
            "{refused:?}"
        );
    }
    assert_eq!(home.run(&["stat", "p", "--ready"]).code, 0);
}

#[test]
fn shells_and_man_are_told_all_subcommands() {
    let home = Home::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = home.run(&["completions", shell]).stdout;
        for word in ["submit", "reload", "--drain-timeout"] {
            let word = match shell {
                "fish" => word.trim_start_matches("--"),
                _ => word,
            };
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
    assert!(home.run(&["man"]).stdout.contains(".TH ringwork 1"));
    let folder = home.path().join("man1");
    let ended = home.run(&["man", "--out", folder.to_str().unwrap()]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let page = std::fs::read_to_string(folder.join("ringwork-stop.1")).unwrap();
    assert!(page.contains("Exit codes"), "{page}");
    let file = folder.join("ringwork.1");
    let refused = home.run(&["man", "--out", file.to_str().unwrap()]);
    assert_eq!(refused.code, 2, "{refused:?}");
}
