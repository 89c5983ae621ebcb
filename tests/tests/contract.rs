//! The Rust clients against contract.json: the low-level one, and the futures of crate `ringwork`.
//! The Java client runs the same table.

#![forbid(unsafe_code)]

use ringwork::{Encoded, Error, Ringwork, block_on};
use ringwork_ring::RingError;
use ringwork_ring::client::{Client, OnFailure, Outcome, TaskOptions, Ticket};
use ringwork_ring::{Cause, Codec, Status};
use ringwork_tests::{Marker, Pool, Serve, end, occupy};
use serde::Deserialize;
use std::fmt::Debug;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contract {
    pool: PoolOptions,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolOptions {
    workers: usize,
    lanes: usize,
    overrun_grace_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    handler: String,
    request: Request,
    #[serde(default)]
    options: Options,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    codec: String,
    hex: Option<String>,
    utf8: Option<String>,
    i64: Option<i64>,
    pattern: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Options {
    timeout_ms: Option<u64>,
    priority: Option<u8>,
    attempts: Option<u8>,
    traceparent: Option<String>,
    occupy: bool,
    cancel: Option<String>,
    key: Option<String>,
    key_size: Option<usize>,
    on_failure: Option<String>,
    behind: Option<Behind>,
}

/// A task that the same client submits before the case's own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Behind {
    handler: String,
    request: Request,
    on_failure: Option<String>,
    key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    outcome: String,
    codec: Option<String>,
    hex: Option<String>,
    utf8: Option<String>,
    i64: Option<i64>,
    pattern: Option<usize>,
    status: Option<String>,
    code: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    message_contains: Vec<String>,
    location_contains: Option<String>,
    signal: Option<u8>,
    exit: Option<u8>,
    attempts: Option<u32>,
    may_have_run: Option<bool>,
    marker: Option<String>,
}

/// The first thing that is not as the table says.
type Checked = Result<(), String>;

fn contract() -> Contract {
    serde_json::from_str(include_str!("../contract.json")).expect("the table")
}

fn served(options: &PoolOptions) -> Pool {
    Serve::new("contract")
        // Whose largest block is the table's.
        .option("segment-size", "72MiB")
        .option("keys", "true")
        .without("clients")
        .without("slots")
        .option("workers", &options.workers.to_string())
        .option("lanes", &options.lanes.to_string())
        .option("overrun-grace", &format!("{}ms", options.overrun_grace_ms))
        .start()
}

/// Runs all cases, each by `submits`.
fn keeps_the_contract(submits: impl Fn(&Pool, &Case, &Marker, &mut dyn FnMut()) -> Ended) {
    let contract = contract();
    let pool = served(&contract.pool);
    let client = pool.client();
    let lanes = contract.pool.workers * contract.pool.lanes;
    let failures: Vec<String> = contract
        .cases
        .iter()
        .filter_map(|case| {
            let failure = run(&pool, &client, case, lanes, &submits).err()?;
            Some(format!("{}: {failure}", case.name))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    drop(client);
    drop(submits);
    pool.wait_nothing_held(&[]);
}

/// What a case came to: rejected, or ended.
type Ended = Result<Outcome, RingError>;

#[test]
fn the_low_level_client_keeps_the_contract() {
    let client = std::cell::OnceCell::new();
    keeps_the_contract(move |pool, case, marker, submitted| {
        let client = client.get_or_init(|| pool.client());
        let before = case.options.behind.as_ref().map(|task| {
            let request = task.request.bytes(marker);
            let ticket = client.submit(&task.handler, &request, &task.options(case));
            ticket.expect("room for the task before")
        });
        let request = case.request.bytes(marker);
        let ticket = client.submit(&case.handler, &request, &case.options())?;
        submitted();
        let outcome = outcome(case, ticket, marker);
        before.into_iter().for_each(|ticket| drop(ticket.cancel()));
        Ok(outcome)
    });
}

#[test]
fn the_futures_keep_the_contract() {
    let client = std::cell::OnceCell::new();
    keeps_the_contract(move |pool, case, marker, submitted| {
        let client = client.get_or_init(|| {
            let builder = Ringwork::builder("x").dir(pool.dir().clone());
            builder.connect_blocking().expect("a client entry")
        });
        let before = case.options.behind.as_ref().map(|task| {
            let request = task.request.encoded(marker);
            let call = client.call_encoded(&task.handler, &request);
            let task = call.options(task.options(case)).submit();
            task.expect("room for the task before")
        });
        let request = case.request.encoded(marker);
        let call = client.call_encoded(&case.handler, &request);
        let task = match call.options(case.options()).submit() {
            Ok(task) => task,
            Err(Error::Rejected { source, .. }) => return Err(source),
            Err(error) => panic!("{error}"),
        };
        submitted();
        let ended = match case.options.cancel.as_deref() {
            None => block_on(task),
            Some("queued") => task.abort(),
            Some("running") => {
                marker.wait_started();
                task.abort()
            }
            Some(other) => panic!("cancel {other:?}"),
        };
        before.into_iter().for_each(|task| drop(task.abort()));
        Ok(outcome_of(ended))
    });
}

/// The outcome that a future's result stands for.
fn outcome_of(ended: Result<Encoded, Error>) -> Outcome {
    match ended {
        Ok(Encoded { codec, bytes }) => Outcome::Completed { codec, bytes },
        Err(Error::TaskPanic { location, message }) => Outcome::Failed {
            status: Status::Panicked,
            may_have_run: true,
            code: "handler.panicked".to_owned(),
            location,
            message,
        },
        Err(Error::Remote {
            code,
            location,
            message,
            status,
            may_have_run,
        }) => Outcome::Failed {
            status,
            may_have_run,
            code,
            location,
            message,
        },
        Err(Error::Crashed { cause, attempts }) => Outcome::Crashed { cause, attempts },
        Err(Error::Timeout { may_have_run }) => Outcome::TimedOut { may_have_run },
        Err(Error::Cancelled { may_have_run }) => Outcome::Cancelled { may_have_run },
        Err(error) => panic!("{error}"),
    }
}

fn run(
    pool: &Pool,
    client: &Client,
    case: &Case,
    lanes: usize,
    submits: &impl Fn(&Pool, &Case, &Marker, &mut dyn FnMut()) -> Ended,
) -> Checked {
    let marker = Marker::new(pool.files());
    let behind = case.options.behind.is_some();
    let mut busy = if case.options.occupy || behind {
        occupy(client, pool.files(), lanes)
    } else {
        Vec::new()
    };
    let mut free = || busy.drain(..).for_each(|ticket| drop(ticket.cancel()));
    let mut submitted = || {
        if behind {
            free();
        }
    };
    let checked = match submits(pool, case, &marker, &mut submitted) {
        Ok(outcome) => check_outcome(&case.expected, &outcome),
        Err(error) => check_rejected(&case.expected, &error),
    };
    free();
    checked?;
    match case.expected.marker.as_deref() {
        Some("") => same("marker", &marker.contents(), &String::new()),
        Some(text) => {
            marker.wait_contents(text);
            Ok(())
        }
        None => Ok(()),
    }
}

fn outcome(case: &Case, ticket: Ticket<'_>, marker: &Marker) -> Outcome {
    match case.options.cancel.as_deref() {
        None => end(&ticket),
        Some("queued") => ticket.cancel(),
        Some("running") => {
            marker.wait_started();
            ticket.cancel()
        }
        Some(other) => panic!("cancel {other:?}"),
    }
}

impl Request {
    fn bytes(&self, marker: &Marker) -> Vec<u8> {
        let text = self.utf8.as_ref();
        let text = text.map(|text| text.replace("{marker}", marker.text()).into_bytes());
        payload(self.hex.as_deref(), text, self.i64, self.pattern).expect("a request's payload")
    }

    fn encoded(&self, marker: &Marker) -> Encoded {
        Encoded {
            codec: codec(&self.codec),
            bytes: self.bytes(marker),
        }
    }
}

impl Behind {
    fn options(&self, case: &Case) -> TaskOptions {
        let options = TaskOptions::default().codec(codec(&self.request.codec));
        let key = self.key.as_ref().or(case.options.key.as_ref());
        with_key(
            options,
            key.map(String::as_bytes),
            self.on_failure.as_deref(),
        )
    }
}

fn with_key(options: TaskOptions, key: Option<&[u8]>, on_failure: Option<&str>) -> TaskOptions {
    let options = match key {
        Some(key) => options.key(key),
        None => options,
    };
    options.on_failure(match on_failure {
        None | Some("continue") => OnFailure::Continue,
        Some("fail_key") => OnFailure::FailKey,
        Some(other) => panic!("on_failure {other:?}"),
    })
}

impl Case {
    fn options(&self) -> TaskOptions {
        let Options {
            timeout_ms,
            priority,
            attempts,
            traceparent,
            key,
            key_size,
            on_failure,
            ..
        } = &self.options;
        let key = (key.as_ref().map(|key| key.clone().into_bytes()))
            .or(key_size.map(|size| vec![b'k'; size]));
        let options = TaskOptions::default()
            .timeout(timeout_ms.map(Duration::from_millis))
            .priority(priority.unwrap_or(1))
            .attempts(attempts.unwrap_or(1))
            .codec(codec(&self.request.codec))
            .task_id(0)
            .traceparent(traceparent.as_deref().map(|text| {
                let bytes = unhex(&text.replace('-', ""));
                bytes.try_into().expect("26 bytes of traceparent")
            }))
            .admit_late(false);
        with_key(options, key.as_deref(), on_failure.as_deref())
    }
}

/// Bytes of the one key that is there.
fn payload(
    hex: Option<&str>,
    text: Option<Vec<u8>>,
    integer: Option<i64>,
    pattern: Option<usize>,
) -> Option<Vec<u8>> {
    hex.map(unhex)
        .or(text)
        .or(integer.map(|value| value.to_le_bytes().to_vec()))
        .or(pattern.map(|size| (0..size).map(|i| (i % 251) as u8).collect()))
}

fn unhex(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "hex {hex:?}");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits"))
        .collect()
}

fn codec(name: &str) -> Codec {
    name.parse().unwrap()
}

fn status(name: &str) -> Status {
    name.parse().unwrap()
}

fn same<T: PartialEq + Debug>(what: &str, found: &T, wanted: &T) -> Checked {
    if found == wanted {
        Ok(())
    } else {
        Err(format!("{what} is {found:?} instead of {wanted:?}"))
    }
}

fn wanted<T: PartialEq + Debug>(what: &str, found: &T, wanted: Option<&T>) -> Checked {
    wanted.map_or(Ok(()), |wanted| same(what, found, wanted))
}

fn contains(what: &str, text: &str, parts: &[String]) -> Checked {
    match parts.iter().find(|part| !text.contains(part.as_str())) {
        None => Ok(()),
        Some(part) => Err(format!("{what} {text:?} does not contain {part:?}")),
    }
}

fn check_rejected(expected: &Expected, error: &RingError) -> Checked {
    let reason = match error {
        RingError::TooLarge { .. } => "too_large",
        RingError::BadKey { .. } | RingError::NoKeys => "key",
        other => return Err(format!("not submitted: {other}")),
    };
    same("outcome", &"rejected", &expected.outcome.as_str())?;
    wanted("reason", &reason.to_owned(), expected.reason.as_ref())?;
    contains("message", &error.to_string(), &expected.message_contains)?;
    wanted("may_have_run", &false, expected.may_have_run.as_ref())
}

fn check_outcome(expected: &Expected, outcome: &Outcome) -> Checked {
    let (name, may_have_run) = match outcome {
        Outcome::Completed { .. } => ("completed", None),
        Outcome::Failed { may_have_run, .. } => ("failed", Some(*may_have_run)),
        Outcome::Crashed { .. } => ("crashed", Some(true)),
        Outcome::TimedOut { may_have_run } => ("timed_out", Some(*may_have_run)),
        Outcome::Cancelled { may_have_run } => ("cancelled", Some(*may_have_run)),
        Outcome::Closed { .. } => ("closed", None),
    };
    if name != expected.outcome {
        let found = format!("{outcome:?}");
        let found = &found[..found.floor_char_boundary(500)];
        return Err(format!("{name} instead of {}: {found}", expected.outcome));
    }
    if let (Some(found), Some(wanted)) = (may_have_run, expected.may_have_run) {
        same("may_have_run", &found, &wanted)?;
    }
    match outcome {
        Outcome::Completed { codec, bytes } => check_result(expected, *codec, bytes),
        Outcome::Failed {
            status: number,
            code,
            location,
            message,
            ..
        } => {
            wanted(
                "status",
                number,
                expected.status.as_deref().map(status).as_ref(),
            )?;
            wanted("code", code, expected.code.as_ref())?;
            contains("message", message, &expected.message_contains)?;
            contains("location", location, expected.location_contains.as_slice())
        }
        Outcome::Crashed { cause, attempts } => {
            let (signal, exit) = match *cause {
                Cause::Killed { signal, .. } => (Some(signal), None),
                Cause::Exited { code } => (None, Some(code)),
                Cause::Unknown => (None, None),
            };
            wanted("signal", &signal, expected.signal.map(Some).as_ref())?;
            wanted("exit", &exit, expected.exit.map(Some).as_ref())?;
            wanted("attempts", attempts, expected.attempts.as_ref())
        }
        _ => Ok(()),
    }
}

fn check_result(expected: &Expected, found: Codec, bytes: &[u8]) -> Checked {
    wanted(
        "codec",
        &found,
        expected.codec.as_deref().map(codec).as_ref(),
    )?;
    let text = expected.utf8.as_ref().map(|text| text.clone().into_bytes());
    let value = payload(
        expected.hex.as_deref(),
        text,
        expected.i64,
        expected.pattern,
    );
    match value {
        Some(value) if value != bytes => {
            let difference = value.iter().zip(bytes).position(|(a, b)| a != b);
            Err(format!(
                "the result of {} bytes is not the one expected, of {} bytes; first difference at {difference:?}: {}",
                bytes.len(),
                value.len(),
                String::from_utf8_lossy(&bytes[..bytes.len().min(100)])
            ))
        }
        _ => Ok(()),
    }
}
