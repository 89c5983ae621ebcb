//! Tasks over HTTP: what is sent and answered, what is refused, and what becomes of a task whose client is
//! gone.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork_ring::Codec;
use ringwork_ring::format::layout::PoolCounter;
use ringwork_support::signal_child_of;
use ringwork_tests::http::{Answer, connect, get, post, status_of, task};
use ringwork_tests::{Marker, Pool, Serve, occupy, wait_for, wait_until};
use std::os::unix::fs::PermissionsExt;

const TEXT: &str = "Content-Type: text/plain\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
const CBOR: &str = "Content-Type: application/cbor\r\n";

fn serve(name: &str) -> Serve {
    Serve::new(name)
        .option("http", "127.0.0.1:0")
        .flag("http-submit")
}

/// The content type of an answer.
fn kind(answer: &Answer) -> &str {
    let mut lines = answer.head.lines();
    let kind = lines.find_map(|line| line.strip_prefix("content-type: "));
    kind.unwrap_or_default()
}

/// What a refusal says: status, code, and whether the task may have run.
#[track_caller]
fn refused(answer: &Answer) -> (u16, String, bool) {
    assert_eq!(kind(answer), "application/problem+json", "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status);
    for part in ["detail", "remedy"] {
        assert!(!problem[part].as_str().unwrap().is_empty(), "{problem}");
    }
    (
        answer.status,
        problem["code"].as_str().unwrap().to_owned(),
        problem["may_have_run"].as_bool().unwrap(),
    )
}

#[track_caller]
fn is_refused(answer: &Answer, status: u16, code: &str, may_have_run: bool) {
    assert_eq!(
        refused(answer),
        (status, code.to_owned(), may_have_run),
        "{answer:?}"
    );
}

/// The process that answers.
fn endpoint(pool: &Pool) -> i32 {
    wait_for("the endpoint is there", || {
        let path = format!("/proc/{0}/task/{0}/children", pool.pid());
        let children = std::fs::read_to_string(path).ok()?;
        children.split_whitespace().find_map(|pid| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            line.contains("\0--inherited\0").then(|| pid.parse().ok())?
        })
    })
}

#[test]
fn requests_and_results_go_by_their_content_types() {
    let pool = serve("kinds").start();
    let at = pool.http();
    let echo = post(at, "echo", "", "tea");
    assert_eq!(
        (echo.status, kind(&echo)),
        (200, "application/octet-stream")
    );
    assert_eq!(echo.body, "tea");
    let photo = post(at, "echo", "Content-Type: image/jpeg\r\n", "\u{1f4f7}");
    assert_eq!(photo.bytes, "\u{1f4f7}".as_bytes());
    let sum = post(at, "test.i64_double", TEXT, "21");
    assert_eq!(
        (kind(&sum), sum.body.as_str()),
        ("text/plain; charset=utf-8", "42")
    );
    let sum = post(at, "test.i64_double", JSON, "21");
    assert_eq!((kind(&sum), sum.body.as_str()), ("application/json", "42"));
    let value = "{\"a\":[1,null,\"\u{e9}\"]}";
    let json = post(at, "test.cbor", JSON, value);
    assert_eq!(
        (kind(&json), json.json()),
        ("application/json", serde_json::from_str(value).unwrap())
    );
    let cbor = post(at, "test.cbor", CBOR, "\u{1}");
    assert_eq!(
        (kind(&cbor), cbor.bytes.as_slice()),
        ("application/cbor", &[1][..])
    );
    let asked = format!("{CBOR}Accept: application/json\r\n");
    assert_eq!(post(at, "test.cbor", &asked, "\u{1}").body, "1");
    let large = post(at, "test.big_result", "", "100000");
    assert_eq!(large.bytes.len(), 100_000, "{}", large.body);
    assert!(
        large
            .bytes
            .iter()
            .enumerate()
            .all(|(i, byte)| *byte == (i % 251) as u8)
    );
}

#[test]
fn a_connection_takes_one_task_after_another_and_chunked_bodies() {
    let pool = serve("kept").start();
    let mut kept = connect(pool.http());
    for word in ["one", "two", "three"] {
        kept.send(&task("echo", "", word));
        assert_eq!(kept.answer().unwrap().body, word);
    }
    kept.send(
        "POST /tasks/echo HTTP/1.1\r\nHost: localhost\r\nX-Ringwork: 1\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\ntea\r\n4\r\n pot\r\n0\r\n\r\n",
    );
    assert_eq!(kept.answer().unwrap().body, "tea pot");
}

#[test]
fn headers_are_the_options_of_the_task() {
    let pool = serve("headers").start();
    let at = pool.http();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let told = post(
        at,
        "test.traceparent",
        &format!("traceparent: {trace}\r\n"),
        "",
    );
    assert_eq!(told.body, trace.replace('-', ""));
    assert_eq!(post(at, "test.has_deadline", "", "").body, "1", "always");
    let again = post(at, "test.kill_self_once", "X-Ringwork-Attempts: 2\r\n", "");
    assert_eq!((again.status, again.body.as_str()), (200, "2"));
    for priority in ["high", "normal", "low"] {
        let headers = format!("X-Ringwork-Priority: {priority}\r\n");
        assert_eq!(post(at, "echo", &headers, "x").status, 200);
    }
}

#[test]
fn what_fails_tells_code_cause_remedy_and_whether_it_may_have_run() {
    let pool = serve("fails").start();
    let at = pool.http();
    let failed = post(at, "test.fail", TEXT, "as asked");
    is_refused(&failed, 500, "test.failed", true);
    assert_eq!(failed.json()["detail"], "as asked");
    is_refused(
        &post(at, "test.panic", TEXT, "ouch"),
        500,
        "handler.panicked",
        true,
    );
    is_refused(&post(at, "test.abort", "", ""), 502, "worker.crashed", true);
    let unknown = post(at, "ehco", "", "");
    is_refused(&unknown, 404, "handler.unknown", false);
    assert!(unknown.body.contains("did you mean"), "{}", unknown.body);
    let late = post(at, "test.never", "X-Ringwork-Deadline: 50ms\r\n", "");
    assert_eq!(late.status, 504, "{late:?}");
    assert_eq!(late.json()["code"], "task.timeout");
}

#[test]
fn what_can_not_be_meant_is_refused_before_it_is_submitted() {
    let pool = serve("refused").start();
    let at = pool.http();
    let bad = |handler: &str, headers: &str, body: &str| {
        let (status, code, may_have_run) = refused(&post(at, handler, headers, body));
        assert!(!may_have_run);
        (status, code)
    };
    let bad_request = || (400, "http.bad_request".to_owned());
    assert_eq!(bad("test.cbor", JSON, "{"), bad_request());
    assert_eq!(bad("test.i64_double", TEXT, "many"), bad_request());
    assert_eq!(
        bad("echo", "X-Ringwork-Deadline: soon\r\n", ""),
        bad_request()
    );
    assert_eq!(bad("echo", "X-Ringwork-Priority: 7\r\n", ""), bad_request());
    assert_eq!(bad("echo", "X-Ringwork-Attempts: 9\r\n", ""), bad_request());
    assert_eq!(bad("echo", "X-Ringwork-Params: [1]\r\n", ""), bad_request());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_eq!(bad("echo", form, "a=b").0, 415);
    assert_eq!(bad(&"x".repeat(300), "", "").0, 404);
    assert_eq!(bad("%FF", "", "").0, 404);
    assert_eq!(bad("a%0Ab", "", "").0, 404);
    assert_eq!(get(at, "/tasks/echo").status, 405);
    let mut without = connect(at);
    without.send("POST /tasks/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    is_refused(&without.answer().unwrap(), 403, "http.forbidden", false);
    let mut foreign = connect(at);
    foreign.send(&task("echo", "", "x").replace("localhost", "evil.example"));
    is_refused(
        &foreign.answer().unwrap(),
        421,
        "http.misdirected_request",
        false,
    );
    assert_eq!(
        pool.segment()
            .header()
            .counter(PoolCounter::TasksCrashed)
            .get(),
        0
    );
    let stat = get(at, "/stat").json();
    assert_eq!(
        stat["client_totals"]["submitted"], 0,
        "none of them was submitted"
    );
}

#[test]
fn a_body_that_is_too_large_is_refused_as_soon_as_that_is_known() {
    let pool = serve("large").start();
    let most = pool.segment().geometry().largest_payload();
    let head = "POST /tasks/echo HTTP/1.1\r\nHost: localhost\r\nX-Ringwork: 1\r\n";
    let mut told = connect(pool.http());
    told.send(&format!("{head}Content-Length: {}\r\n\r\n", most + 1));
    is_refused(
        &told.answer().unwrap(),
        413,
        "http.payload_too_large",
        false,
    );
    let mut chunked = connect(pool.http());
    chunked.send(&format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    // It is refused in the midst of it, when the rest may find no reader.
    for _ in 0..most / 0x10000 + 1 {
        if !chunked.try_send(&piece) {
            break;
        }
    }
    if let Some(answer) = chunked.answer() {
        is_refused(&answer, 413, "http.payload_too_large", false);
    }
    assert_eq!(
        post(pool.http(), "echo", "", &"x".repeat(most)).bytes.len(),
        most
    );
}

#[test]
fn a_body_that_does_not_come_ends_with_the_tasks_time() {
    let pool = serve("slow-body").start();
    let mut slow = connect(pool.http());
    slow.send(
        "POST /tasks/echo HTTP/1.1\r\nHost: localhost\r\nX-Ringwork: 1\r\nX-Ringwork-Deadline: 100ms\r\n\
         Content-Length: 10\r\n\r\nabc",
    );
    is_refused(&slow.answer().unwrap(), 408, "http.request_timeout", false);
}

#[test]
fn a_client_that_is_gone_cancels_its_task() {
    let pool = serve("gone").option("workers", "1").start();
    let marker = Marker::new(pool.files());
    let mut leaves = connect(pool.http());
    leaves.send(&task("test.until_cancelled", TEXT, marker.text()));
    marker.wait_started();
    drop(leaves);
    // The one lane is free again.
    assert_eq!(post(pool.http(), "echo", "", "tea").body, "tea");
    let cancelled = || get(pool.http(), "/stat").json()["client_totals"]["cancelled"] == 1;
    wait_until("its task is counted as cancelled", cancelled);
}

#[test]
fn tasks_take_no_place_of_a_probe_and_those_beyond_the_limit_are_refused() {
    let pool = serve("crowd").option("workers", "1").start();
    let at = pool.http();
    let client = pool.client();
    let busy = occupy(&client, pool.files(), 1);
    let mut wait: Vec<_> = (0..128).map(|_| connect(at)).collect();
    for connection in &mut wait {
        connection.send(&task("echo", "X-Ringwork-Deadline: 10min\r\n", "x"));
    }
    wait_until("all places are taken", || {
        let stat = get(at, "/stat").json();
        let clients = stat["clients"].as_array().unwrap().iter();
        let in_use = clients.map(|client| client["slots_in_use"].as_u64().unwrap());
        in_use.sum::<u64>() == 129
    });
    let refusal = post(at, "test.never", "X-Ringwork-Deadline: 1min\r\n", "");
    is_refused(&refusal, 503, "http.service_unavailable", false);
    assert!(
        refusal.head.contains("retry-after: 1\n"),
        "{}",
        refusal.head
    );
    assert_eq!(get(at, "/readyz").status, 200);
    busy.into_iter().for_each(|ticket| drop(ticket.cancel()));
    for connection in &mut wait {
        assert_eq!(connection.answer().unwrap().body, "x");
    }
}

#[test]
fn tasks_are_taken_only_where_that_is_asked_for_and_by_those_with_the_token() {
    let closed = Serve::new("closed").option("http", "127.0.0.1:0").start();
    is_refused(
        &post(closed.http(), "echo", "", "x"),
        403,
        "http.forbidden",
        false,
    );
    let serve = serve("token");
    let file = serve.base().path().join("token");
    let token = "0123456789abcdef";
    std::fs::write(&file, token).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let path = file.display().to_string();
    let pool = serve.option("http-token-file", &path).start();
    is_refused(
        &post(pool.http(), "echo", "", "x"),
        401,
        "http.unauthorized",
        false,
    );
    let with = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(post(pool.http(), "echo", &with, "x").body, "x");
    let open = Serve::new("open")
        .option("http", "0.0.0.0:0")
        .flag("http-submit");
    let refused = open.try_start().map(drop).expect_err("open to all");
    assert!(
        format!("{refused:?}").contains("--http-token-file"),
        "{refused:?}"
    );
}

#[test]
fn a_pool_that_drains_refuses_them_and_ends_those_under_way() {
    let mut pool = serve("drains")
        .daemon()
        .option("workers", "1")
        .flag("log-level=debug")
        .start();
    pool.wait_logged("started: HTTP at");
    let log = pool.log();
    let at = log
        .split("HTTP at ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    let marker = Marker::new(pool.files());
    let client = pool.client();
    let busy = occupy(&client, pool.files(), 1);
    let mut queued = connect(at);
    queued.send(&task("echo", TEXT, marker.text()));
    wait_until("it waits", || {
        get(at, "/tasks").json()["waiting"]
            .as_array()
            .is_some_and(|all| all.len() == 1)
    });
    pool.signal(Signal::SIGTERM);
    wait_until("it drains", || get(at, "/readyz").status == 503);
    is_refused(&post(at, "echo", "", "x"), 503, "pool.closed", false);
    busy.into_iter().for_each(|ticket| drop(ticket.cancel()));
    assert_eq!(
        queued.answer().unwrap().body,
        marker.text(),
        "it was taken before"
    );
    drop(client);
    assert!(pool.wait_exit().success());
}

#[test]
fn one_that_is_killed_loses_its_tasks_and_the_next_takes_others() {
    let pool = serve("killed").option("workers", "1").start();
    let marker = Marker::new(pool.files());
    let mut lost = connect(pool.http());
    lost.send(&task("test.until_cancelled", TEXT, marker.text()));
    marker.wait_started();
    assert!(signal_child_of(
        pool.pid(),
        endpoint(&pool),
        Signal::SIGKILL
    ));
    assert_eq!(lost.answer(), None);
    assert_eq!(post(pool.http(), "echo", "", "tea").body, "tea");
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
}

#[test]
fn hostile_requests_are_refused_and_what_is_right_is_answered_then() {
    let pool = serve("hostile").start();
    let at = pool.http();
    let ask = |request: &str| status_of(at, request);
    let rest = "HTTP/1.1\r\nHost: localhost\r\nX-Ringwork: 1\r\n";
    for path in [
        "/tasks/",
        "/tasks//echo",
        "/tasks/../tasks/echo",
        "/tasks/echo/",
        "/tasks/echo/..",
        "//tasks/echo",
        "/tasks/%2e%2e",
        "/tasks/%00",
        "/%74asks/echo",
        "/TASKS/echo",
        "/tasks/%2Fetc%2Fpasswd",
    ] {
        let status = ask(&format!("POST {path} {rest}Content-Length: 0\r\n\r\n"));
        assert!(matches!(status, Some(404 | 405)), "{path}: {status:?}");
    }
    // Two lengths, or a length beside chunks, are how requests are smuggled past a proxy.
    let two = format!("POST /tasks/echo {rest}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab");
    assert!(matches!(ask(&two), Some(400) | None));
    let chunks = format!("POST /tasks/echo {rest}Transfer-Encoding: chunked\r\n\r\nZZ\r\n");
    assert!(matches!(ask(&chunks), Some(400) | None));
    let negative = format!("POST /tasks/echo {rest}Content-Length: -1\r\n\r\n");
    assert!(matches!(ask(&negative), Some(400) | None));
    assert_eq!(post(at, "echo", "", "tea").body, "tea");
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
}

#[test]
fn tasks_of_one_key_run_one_at_a_time() {
    let pool = serve("keyed").option("keys", "true").start();
    let at = pool.http();
    let client = pool.client();
    // The pool has two lanes: one runs a task of this key for long.
    let options = ringwork_tests::options().key("account 7").codec(Codec::I64);
    let long = 60_000_i64.to_le_bytes();
    let running = client.submit("sleep", &long, &options).expect("a slot");
    wait_until("it runs", || {
        get(at, "/tasks").json()["running"][0]["handler"] == "sleep"
    });
    let of = |key: &str, more: &str| format!("X-Ringwork-Key: {key}\r\n{more}");
    let same = post(
        at,
        "echo",
        &of("account 7", "X-Ringwork-Deadline: 200ms\r\n"),
        "x",
    );
    is_refused(&same, 504, "task.timeout", false);
    assert_eq!(post(at, "echo", &of("account 8", ""), "x").body, "x");
    drop(running.cancel());
    assert_eq!(post(at, "echo", &of("account 7", ""), "x").body, "x");
    let plain = serve("plain").start();
    let none = post(plain.http(), "echo", &of("account 7", ""), "x");
    let (status, _, may_have_run) = refused(&none);
    assert_eq!((status, may_have_run), (400, false), "{none:?}");
    assert!(none.body.contains("--keys"), "{none:?}");
}
