//! The process that answers HTTP for a pool: what it says, whom it refuses, and how it ends.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork_support::{Folder, Process, is_alive, signal_child_of};
use ringwork_tests::http::{Connection, connect, connect_unix, get, get_with, status_of};
use ringwork_tests::{LIMIT, Pool, Serve, call, occupy, options, wait_for, wait_until};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn serve(name: &str) -> Serve {
    Serve::new(name).option("http", "127.0.0.1:0")
}

/// The process id of the one that answers, a child of the supervisor.
fn endpoint_of(pool: &Pool) -> Option<i32> {
    let path = format!("/proc/{0}/task/{0}/children", pool.pid());
    let children = std::fs::read_to_string(path).ok()?;
    let mut pids = children.split_whitespace();
    pids.find_map(|pid| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        line.contains("\0--inherited\0").then(|| pid.parse().ok())?
    })
}

fn endpoint(pool: &Pool) -> i32 {
    wait_for("the endpoint is there", || endpoint_of(pool))
}

#[test]
fn what_it_says_is_what_the_command_says() {
    let pool = serve("ops").start();
    let client = pool.client();
    for _ in 0..3 {
        let _ = call(&client, "echo", b"tea", &options());
    }
    client.collect();
    let at = pool.http();
    assert_eq!(get(at, "/healthz").body, "ok\n");
    assert_eq!(
        (get(at, "/readyz").status, get(at, "/readyz").body.as_str()),
        (200, "ready\n")
    );
    let answer = get(at, "/stat");
    assert!(
        answer.head.contains("content-type: application/json\n"),
        "{}",
        answer.head
    );
    assert!(
        answer.head.contains("cache-control: no-store\n"),
        "{}",
        answer.head
    );
    let mut here = answer.json();
    let printed = pool
        .base()
        .command(&["stat", "ops", "--json"])
        .output()
        .unwrap();
    let mut there: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    for json in [&mut here, &mut there] {
        // What has moved on between the two.
        for key in ["uptime_s", "supervisor_looked_s_ago", "workers"] {
            json[key] = serde_json::Value::Null;
        }
        json["clients"][0]["attached_s"] = serde_json::Value::Null;
        for handler in json["handlers"].as_array_mut().unwrap() {
            for window in ["last_10_s", "last_minute"] {
                if let Some(window) = handler[window].as_object_mut() {
                    assert!(window.remove("seconds").is_some_and(|time| time.is_f64()));
                    window.remove("busy_percent");
                }
            }
        }
    }
    assert_eq!(here, there);
    let echo = here["handlers"].as_array().unwrap().iter();
    let mut echo = echo.filter(|handler| handler["name"] == "echo");
    assert_eq!(echo.next().unwrap()["in_all"]["completed"], 3);
    assert_eq!(get(at, "/nothing").status, 404);
    assert!(get(at, "/nothing").body.contains("/metrics"));
}

#[test]
fn tasks_that_run_and_wait_are_told_and_the_page_loads_nothing_else() {
    let pool = serve("tasks").option("workers", "1").start();
    let client = pool.client();
    let busy = occupy(&client, pool.files(), 1);
    let waits = client.submit("echo", b"tea", &options()).unwrap();
    let tasks = wait_for("both are told", || {
        let tasks = get(pool.http(), "/tasks").json();
        let has = |kind: &str| tasks[kind].as_array().is_some_and(|all| all.len() == 1);
        (has("running") && has("waiting")).then_some(tasks)
    });
    assert_eq!(tasks["running"][0]["handler"], "test.until_cancelled");
    assert_eq!(tasks["running"][0]["client_pid"], std::process::id());
    assert_eq!(tasks["waiting"][0]["handler"], "echo");
    assert_eq!(tasks["waiting"][0]["attempt"], 1);
    busy.into_iter().for_each(|ticket| drop(ticket.cancel()));
    drop(waits);
    let page = get(pool.http(), "/");
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );
    assert!(page.body.len() <= 60 << 10, "{} bytes", page.body.len());
    for foreign in ["src=", "@import", "url(", "https://"] {
        assert!(!page.body.contains(foreign), "{foreign}");
    }
}

#[test]
fn a_pool_is_looked_at_from_elsewhere_by_its_address() {
    let pool = serve("remote").start();
    let at = pool.http();
    let run = |args: &[&str]| pool.base().command(args).output().unwrap();
    let page = String::from_utf8(run(&["stat", at]).stdout).unwrap();
    for part in [
        " UTC, ",
        "pool remote: serving",
        "PRIORITY",
        "errors\n  none",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    let json: serde_json::Value =
        serde_json::from_slice(&run(&["stat", at, "--json"]).stdout).unwrap();
    assert_eq!(json["name"], "remote");
    let metrics = String::from_utf8(run(&["stat", at, "--prometheus"]).stdout).unwrap();
    assert!(
        metrics.contains("ringwork_ready{pool=\"remote\"} 1"),
        "{metrics}"
    );
    assert_eq!(run(&["stat", at, "--ready"]).status.code(), Some(0));
    let tasks = String::from_utf8(run(&["tasks", at]).stdout).unwrap();
    assert_eq!(tasks, "running\n  none\n\nwaiting\n  none\n");
    let missing = run(&["stat", "http://127.0.0.1:1"]);
    assert_eq!(missing.status.code(), Some(3), "{missing:?}");
    let wrong = run(&["stat", "https://pool.example.org"]);
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

/// Name, labels and value of each sample that stays the same between two looks.
fn lasting(page: &str) -> Vec<(String, f64)> {
    let moves = ["_seconds", "_bytes{", "_cpu", "_up"];
    let mut all: Vec<(String, f64)> = page
        .lines()
        .filter(|line| !line.starts_with('#') && !moves.iter().any(|part| line.contains(part)))
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

#[test]
fn metrics_are_those_of_the_command_in_both_formats() {
    let pool = serve("metrics").start();
    let client = pool.client();
    let _ = call(&client, "echo", b"tea", &options());
    let at = pool.http();
    let text = get(at, "/metrics");
    assert!(
        text.head.contains("text/plain; version=0.0.4"),
        "{}",
        text.head
    );
    let asked = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let open = get_with(at, "/metrics", asked);
    assert!(
        open.head
            .contains("application/openmetrics-text; version=1.0.0"),
        "{}",
        open.head
    );
    assert!(open.body.ends_with("# EOF\n"));
    let printed = pool
        .base()
        .command(&["stat", "metrics", "--prometheus"])
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(lasting(&text.body), lasting(&printed));
    assert_eq!(lasting(&open.body), lasting(&printed));
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    match promtool {
        Err(error) => println!("not checked by promtool: {error}"),
        Ok(mut promtool) => {
            promtool
                .stdin
                .take()
                .unwrap()
                .write_all(text.body.as_bytes())
                .unwrap();
            let output = promtool.wait_with_output().unwrap();
            assert!(
                output.status.success() && output.stderr.is_empty(),
                "{output:?}"
            );
        }
    }
    let parser = "import sys\n\
         from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
         names = {family.name for family in parse(sys.stdin.read())}\n\
         assert {'ringwork_ready', 'ringwork_handler_tasks', 'ringwork_handler_run_seconds'} <= names, names\n";
    let there = Command::new("python3")
        .args(["-c", "import prometheus_client"])
        .output();
    if there.is_ok_and(|output| output.status.success()) {
        let mut python = Command::new("python3")
            .args(["-c", parser])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        python
            .stdin
            .take()
            .unwrap()
            .write_all(open.body.as_bytes())
            .unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    } else {
        println!("not checked by Python's prometheus_client: it is not there");
    }
}

#[test]
fn one_that_is_killed_is_back_at_the_same_address_and_the_pool_does_not_notice() {
    let pool = serve("killed").start();
    let client = pool.client();
    let workers = pool.wait_workers(2);
    assert_eq!(get(pool.http(), "/healthz").status, 200);
    let first = endpoint(&pool);
    assert!(signal_child_of(pool.pid(), first, Signal::SIGKILL));
    // Connections that come meanwhile wait: no request is refused.
    assert_eq!(get(pool.http(), "/readyz").status, 200);
    assert_ne!(endpoint(&pool), first);
    assert_eq!(pool.wait_workers(2), workers, "no worker was touched");
    assert_eq!(call(&client, "echo", b"tea", &options()), b"tea");
    pool.wait_logged("it is started again");
    assert!(pool.log().contains("the pool goes on"));
}

#[test]
fn it_is_not_ready_while_the_pool_drains_and_is_gone_with_it() {
    let mut pool = serve("draining").daemon().flag("log-level=debug").start();
    pool.wait_logged("started: HTTP at");
    let log = pool.log();
    let at = log
        .split("HTTP at ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    let at = at.to_owned();
    let client = pool.client();
    let busy = occupy(&client, pool.files(), 1);
    let mut live = connect(&at);
    live.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(live.head().unwrap().status, 200);
    let pid = endpoint(&pool);
    pool.signal(Signal::SIGTERM);
    let refused = wait_for("it is not ready", || {
        Some(get(&at, "/readyz")).filter(|answer| answer.status == 503)
    });
    assert!(
        refused.head.contains("retry-after: 1\n"),
        "{}",
        refused.head
    );
    let error = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        error.starts_with("draining: draining: it takes no new task")
            || error.starts_with("draining: it takes no new task"),
        "{error}"
    );
    busy.into_iter().for_each(|ticket| drop(ticket.cancel()));
    assert!(pool.wait_exit().success());
    let mut lines = std::iter::from_fn(|| live.line());
    assert!(
        lines.any(|line| line == "event: bye"),
        "those that watch are told"
    );
    assert!(!is_alive(pid));
}

#[test]
fn a_supervisor_that_is_killed_takes_it_along() {
    let mut pool = serve("orphan").start();
    let pid = endpoint(&pool);
    pool.signal(Signal::SIGKILL);
    pool.wait_exit();
    wait_until("the endpoint is gone", || !is_alive(pid));
}

#[test]
fn a_socket_in_the_file_system_is_for_its_user_alone_and_goes_with_the_pool() {
    let serve = Serve::new("unix");
    let path = serve.base().path().join("http.sock");
    let address = format!("unix:{}", path.display());
    let mut pool = serve.option("http", &address).start();
    assert_eq!(pool.http(), address);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut connection = connect_unix(&address);
    for path in ["/healthz", "/readyz"] {
        connection.send(&format!("GET {path} HTTP/1.1\r\nHost: whatever\r\n\r\n"));
        assert_eq!(connection.answer().unwrap().status, 200);
    }
    pool.let_go();
    pool.wait_exit();
    assert!(!path.exists());
}

#[test]
fn hosts_of_foreign_pages_and_requests_without_the_token_are_refused() {
    let serve = serve("guarded");
    let token = "0123456789abcdef0123456789abcdef";
    let file = serve.base().path().join("token");
    std::fs::write(&file, token).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let pool = serve
        .option("http-token-file", &file.display().to_string())
        .option("http-host", "pool.example.org")
        .start();
    let at = pool.http();
    let right = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(get(at, "/readyz").status, 200, "probes have no token");
    let without = get(at, "/stat");
    assert_eq!(without.status, 401);
    assert!(
        without.head.contains("www-authenticate: bearer"),
        "{}",
        without.head
    );
    assert!(
        without.json()["remedy"]
            .as_str()
            .unwrap()
            .contains("Bearer TOKEN")
    );
    assert_eq!(
        get_with(at, "/stat", "Authorization: Bearer 0123\r\n").status,
        401
    );
    assert_eq!(get_with(at, "/metrics", &right).status, 200);
    let named = |host: &str| get_with(at, "/stat", &format!("Host: {host}\r\n{right}"));
    assert_eq!(named("pool.example.org:80").status, 200);
    let foreign = named("evil.example");
    assert_eq!(foreign.status, 421);
    assert!(
        foreign.json()["detail"]
            .as_str()
            .unwrap()
            .contains("evil.example")
    );
    assert!(
        !foreign.head.contains("access-control"),
        "no page of another origin reads it"
    );
}

#[test]
fn hostile_requests_are_refused_and_bounded() {
    let pool = serve("hostile").start();
    let at = pool.http();
    let ask = |request: &str| status_of(at, request);
    let head = "HTTP/1.1\r\nHost: localhost\r\n";
    for path in [
        "/../stat",
        "//stat",
        "/stat/",
        "/%2e%2e/etc/passwd",
        "/stat%00",
        "/tasks/..",
        "*",
    ] {
        let status = ask(&format!("GET {path} {head}\r\n"));
        assert!(
            matches!(status, Some(400 | 403 | 404 | 405)),
            "{path}: {status:?}"
        );
    }
    assert_eq!(ask("GET /stat HTTP/1.1\r\n\r\n"), Some(400), "no Host");
    assert_eq!(
        ask(&format!("POST /stat {head}\r\n")),
        Some(403),
        "a form can't send the header"
    );
    assert_eq!(
        ask(&format!("POST /stat {head}X-Ringwork: 1\r\n\r\n")),
        Some(405)
    );
    let huge = format!("POST /stat {head}X-Ringwork: 1\r\nContent-Length: 999999999\r\n\r\n");
    assert_eq!(ask(&huge), Some(413));
    let long = format!("GET /{} {head}\r\n", "a".repeat(70_000));
    assert!(matches!(ask(&long), Some(414 | 431) | None));
    let many = format!("GET / {head}{}\r\n", "a: b\r\n".repeat(100));
    assert!(matches!(ask(&many), Some(431)), "{:?}", ask(&many));
    assert_eq!(ask("\u{16}\u{3}\u{1}nonsense\r\n\r\n"), Some(400));
    assert_eq!(get(at, "/healthz").status, 200);
}

#[test]
fn those_that_send_their_head_slowly_are_let_go() {
    let pool = serve("slow").start();
    let mut slow = connect(pool.http());
    slow.send("GET /stat HTTP/1.1\r\nHost: loc");
    // Closed by the server, with or without an answer; a hang would end at the reading's limit.
    let started = Instant::now();
    let answer = slow.answer();
    assert!(started.elapsed() < LIMIT, "it was closed");
    assert!(answer.is_none_or(|answer| answer.status == 408));
}

#[test]
fn connections_beyond_the_limit_are_told_so_and_the_others_live() {
    let pool = serve("crowd").start();
    let at = pool.http();
    let mut first = connect(at);
    first.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(first.answer().unwrap().status, 200);
    let mut kept: Vec<_> = (0..255).map(|_| connect(at)).collect();
    // The server accepts in order: the last of these has its place before the next one comes.
    kept[254].send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(kept[254].answer().unwrap().status, 200);
    let mut beyond = connect(at);
    let refused = beyond.answer().unwrap();
    assert_eq!(refused.status, 503);
    assert!(
        refused.json()["detail"]
            .as_str()
            .unwrap()
            .contains("too many connections")
    );
    first.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(first.answer().unwrap().status, 200);
    kept.clear();
    // One that is turned away is told before it asks; the others have their request answered.
    wait_until("there is room again", || {
        let mut next = connect(at);
        let asked = next.try_send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        asked && next.answer().is_some_and(|answer| answer.status == 200)
    });
}

/// Resident memory of a process in bytes.
fn resident(pid: i32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// By a socket in the file system: its connections come as fast as they are accepted.
#[test]
fn ten_thousand_connections_take_no_more_than_their_bound() {
    let folder = Folder::new("flood");
    let path = folder.path().join("http");
    let at = format!("unix:{}", path.display());
    let pool = Serve::new("flood").option("http", &at).start();
    let healthy = || {
        let mut next = connect_unix(&at);
        let asked = next.try_send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        asked && next.answer().is_some_and(|answer| answer.status == 200)
    };
    assert!(healthy());
    let pid = endpoint(&pool);
    let before = resident(pid);
    // As many of them as this process may have open; none is read or closed before the end.
    let flood: Vec<_> = (0..10_000)
        .map_while(|_| UnixStream::connect(&path).ok())
        .collect();
    println!("{} connections at once", flood.len());
    assert!(flood.len() > 500, "{} connections", flood.len());
    let took = resident(pid).saturating_sub(before);
    println!("they took {} KiB", took >> 10);
    assert!(took < 64 << 20, "{took} bytes");
    let client = pool.client();
    assert_eq!(call(&client, "echo", b"tea", &options()), b"tea");
    drop(flood);
    wait_until("there is room again", healthy);
    assert_eq!(endpoint_of(&pool), Some(pid), "it is the same process");
}

#[test]
fn it_is_started_by_hand_for_a_pool_that_serves_and_ends_with_it() {
    let mut pool = Serve::new("by-hand").start();
    let mut command = pool
        .base()
        .command(&["ops", "by-hand", "--http", "127.0.0.1:0"]);
    let mut ops = Process::start(&mut command).unwrap();
    let line = ops.wait_line().unwrap().unwrap();
    let at = line.strip_prefix("http at ").unwrap().to_owned();
    assert_eq!(get(&at, "/readyz").status, 200);
    pool.let_go();
    pool.wait_exit();
    assert_eq!(ops.wait_exit().unwrap().code(), Some(3));
    let missing = pool
        .base()
        .command(&["ops", "no-such-pool"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(3));
}

#[test]
fn open_streams_do_not_hold_up_the_end() {
    let pool = Serve::new("streams").start();
    let mut command = pool
        .base()
        .command(&["ops", "streams", "--http", "127.0.0.1:0"]);
    let mut ops = Process::start(&mut command).unwrap();
    let line = ops.wait_line().unwrap().unwrap();
    let at = line.strip_prefix("http at ").unwrap();
    let mut streams: Vec<_> = (0..6).map(|_| connect(at)).collect();
    for stream in &mut streams {
        stream.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(stream.head().unwrap().status, 200);
    }
    let started = Instant::now();
    assert!(ops.signal(Signal::SIGTERM));
    assert_eq!(ops.wait_exit().unwrap().code(), Some(0));
    println!("six streams: over after {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(60));
    for stream in &mut streams {
        assert!(std::iter::from_fn(|| stream.line()).any(|line| line == "event: bye"));
    }
}

/// The next server-sent event: its name, its id, its data.
fn next_event(stream: &mut Connection<TcpStream>) -> Option<(String, String, serde_json::Value)> {
    let (mut name, mut id) = (String::new(), String::new());
    let mut data = serde_json::Value::Null;
    loop {
        let line = stream.line()?;
        match line
            .split_once(':')
            .map(|(field, value)| (field, value.trim()))
        {
            Some(("event", value)) => name = value.to_owned(),
            Some(("id", value)) => id = value.to_owned(),
            Some(("data", value)) => {
                data = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            }
            // Frames of chunks, and comments.
            _ if line.is_empty() && !data.is_null() => return Some((name, id, data)),
            _ => {}
        }
    }
}

fn listen(at: &str, path: &str, header: &str) -> Connection<TcpStream> {
    let mut stream = connect(at);
    stream.send(&format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n"
    ));
    let head = stream.head().unwrap();
    assert_eq!(head.status, 200, "{}", head.head);
    assert!(
        head.head.contains("content-type: text/event-stream"),
        "{}",
        head.head
    );
    stream
}

#[test]
fn events_are_streamed_by_topic_and_go_on_behind_the_last_one() {
    let pool = serve("told").daemon().option("events", "64").start();
    let at = pool.http();
    let client = ringwork::Ringwork::builder("x")
        .dir(pool.dir().clone())
        .connect_blocking()
        .unwrap();
    let mut all = listen(at, "/events?topic=order.*", "");
    client.publish("other.news", "x").unwrap();
    client.publish("order.paid", "{\"sum\": 3}").unwrap();
    client.publish("order.number", &7_i64).unwrap();
    let (name, first, data) = next_event(&mut all).unwrap();
    assert_eq!(
        (name.as_str(), &data["topic"], &data["data"]["sum"]),
        ("", &"order.paid".into(), &3.into())
    );
    let (_, second, data) = next_event(&mut all).unwrap();
    assert_eq!(data["data"], 7, "a number, and no base64");
    // One that has lost its connection is told what came since.
    let mut again = listen(
        at,
        "/events?topic=order.%2A",
        &format!("Last-Event-ID: {first}\r\n"),
    );
    assert_eq!(next_event(&mut again).unwrap().1, second);
    // What was overwritten meanwhile is counted: of 64 places 56 are kept for those that come late.
    for _ in 0..76 {
        client.publish("order.more", "x").unwrap();
    }
    let mut late = listen(
        at,
        "/events?topic=order.*",
        &format!("Last-Event-ID: {second}\r\n"),
    );
    let (name, _, lost) = next_event(&mut late).unwrap();
    assert_eq!((name.as_str(), &lost["skipped"]), ("lost", &0.into()));
    // A worker may have become ready meanwhile.
    assert!((20..30).contains(&lost["lost"].as_u64().unwrap()), "{lost}");
    let mut kept = listen(at, "/events?kept", "");
    let first = next_event(&mut kept).unwrap().2;
    assert!(first["topic"] == "order.more", "{first}");
    for wrong in ["/events?topic=a..b", "/events?topics=a"] {
        assert_eq!(get(at, wrong).status, 400, "{wrong}");
    }
    // The pool's end is told before the stream's.
    drop(client);
    let mut end = listen(at, "/events?topic=pool.*", "");
    pool.signal(Signal::SIGTERM);
    let topics: Vec<_> = std::iter::from_fn(|| next_event(&mut end))
        .map(|(name, _, data)| match name.as_str() {
            "" => data["topic"].as_str().unwrap().to_owned(),
            other => other.to_owned(),
        })
        .collect();
    assert_eq!(topics.last().map(String::as_str), Some("bye"), "{topics:?}");
}

#[test]
fn a_pool_without_events_says_so() {
    let pool = serve("silent").option("events", "0").start();
    let answer = get(pool.http(), "/events");
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("keeps no events"), "{}", answer.body);
}

/// The words of a rule file that name a number of a pool.
fn numbers_of(rules: &str) -> std::collections::BTreeSet<String> {
    let expressions = rules
        .lines()
        .filter(|line| !line.contains("summary:") && !line.contains("remedy:"));
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = expressions.flat_map(|line| line.split(move |c| !is_word(c)));
    let words = words.filter(|word| word.starts_with("ringwork_"));
    words.map(str::to_owned).collect()
}

#[test]
fn the_alerts_do_as_their_tests_say_and_watch_what_a_pool_tells() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/prometheus");
    let rules = std::fs::read_to_string(format!("{examples}/alerts.yml")).unwrap();
    let pool = serve("alerts").start();
    let client = pool.client();
    let _ = call(&client, "echo", b"tea", &options());
    let page = get(pool.http(), "/metrics").body;
    let numbers = numbers_of(&rules);
    assert!(numbers.len() >= 8, "{numbers:?}");
    for number in &numbers {
        let is_told = page
            .lines()
            .any(|line| line.starts_with(&format!("{number}{{")));
        assert!(is_told, "{number} is none of\n{page}");
    }
    let checks = [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts.test.yml"],
    ];
    for check in checks {
        let run = Command::new("promtool")
            .args(check)
            .current_dir(examples)
            .output();
        match run {
            Err(error) => println!("not checked by promtool, of the package prometheus: {error}"),
            Ok(output) => assert!(output.status.success(), "{output:?}"),
        }
    }
}

/// A query of the dashboard for Grafana, and the labels that its legend shows.
#[derive(Debug)]
struct Query {
    text: String,
    legend: Vec<String>,
}

/// The queries of the panels, with the variables replaced, as Grafana does it.
fn queries(dashboard: &serde_json::Value, pool: &str) -> Vec<Query> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let query = |target: &serde_json::Value| Query {
        text: text(&target["expr"])
            .replace("$pool", pool)
            .replace("$handler", ".*")
            .replace("$__rate_interval", "1m"),
        legend: text(&target["legendFormat"])
            .split("{{")
            .skip(1)
            .map(|part| part.split("}}").next().unwrap().to_owned())
            .collect(),
    };
    targets.map(query).collect()
}

/// A Prometheus that scrapes the pool; it listens at the address.
fn prometheus(pool: &Pool) -> Option<(Process, String, Folder)> {
    let folder = Folder::new("grafana");
    let config = folder.path().join("prometheus.yml");
    let target = pool.http().trim_start_matches("http://");
    let text = format!(
        "global: {{scrape_interval: 250ms}}\nscrape_configs:\n  - job_name: ringwork\n    \
         static_configs: [{{targets: ['{target}']}}]\n"
    );
    std::fs::write(&config, text).unwrap();
    let started = Process::start_with_errors(
        Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().display()))
            .arg("--web.listen-address=127.0.0.1:0"),
    );
    let process = match started {
        Ok(process) => process,
        Err(error) => {
            println!("not run by Prometheus: {error}");
            return None;
        }
    };
    let address = wait_for("Prometheus listens", || {
        let line = process.error_line()?;
        let (_, address) = line.split_once("\"Listening on\" address=")?;
        Some(address.trim().to_owned())
    });
    wait_until("Prometheus answers queries", || {
        get(&address, "/-/ready").status == 200
    });
    Some((process, address, folder))
}

/// What a query gives at the server: one set of labels for each row.
fn rows(address: &str, query: &str) -> Vec<serde_json::Value> {
    let escaped: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let answer = get(address, &format!("/api/v1/query?query={escaped}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let json = answer.json();
    let rows = json["data"]["result"].as_array().unwrap().iter();
    rows.map(|row| row["metric"].clone()).collect()
}

#[test]
fn every_query_of_the_dashboard_for_grafana_finds_what_a_pool_tells() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/grafana/ringwork.json"
    );
    let text = std::fs::read_to_string(file).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let pool = serve("grafana")
        .option("limit", "sleep:concurrency=1")
        .start();
    let client = pool.client();
    let _ = call(&client, "echo", b"tea", &options());
    let page = get(pool.http(), "/metrics").body;
    let queries = queries(&dashboard, "grafana");
    assert!(queries.len() >= 20, "{queries:?}");
    let of_variables = dashboard["templating"].to_string();
    let told = queries.iter().map(|query| query.text.as_str());
    for text in told.chain([of_variables.as_str()]) {
        let numbers = numbers_of(text);
        assert!(!numbers.is_empty(), "{text}");
        for number in numbers {
            let start = format!("{number}{{");
            let is_told = page.lines().any(|line| line.starts_with(&start));
            assert!(is_told, "{number} is none of\n{page}");
        }
    }
    for query in &queries {
        // A label that no number of the query has would show as nothing.
        let numbers = numbers_of(&query.text);
        let has = |label: &String| {
            let label = format!("{label}=\"");
            let mut lines = page.lines();
            lines.any(|line| {
                line.contains(&label)
                    && numbers
                        .iter()
                        .any(|number| line.starts_with(&format!("{number}{{")))
            })
        };
        assert!(query.legend.iter().all(has), "{query:?} in\n{page}");
    }
    let Some((_prometheus, address, _folder)) = prometheus(&pool) else {
        return;
    };
    for query in &queries {
        wait_until(&format!("{} finds something", query.text), || {
            !rows(&address, &query.text).is_empty()
        });
        for row in rows(&address, &query.text) {
            let is_there = |label: &String| row.get(label).is_some();
            assert!(query.legend.iter().all(is_there), "{query:?}: {row}");
        }
    }
}
