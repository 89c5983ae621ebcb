//! `ringwork submit`: one task from the shell, its result on standard output.

mod json;
mod lines;

use crate::exit::{CRASHED, FAILED, Failure, NO_POOL, REJECTED, TIMED_OUT};
use crate::payload::{self, Data, Shown};
use crate::units::{Size, Span};
use clap::{Args, ValueEnum};
use ringwork_ring::client::{Client, Outcome, TaskOptions};
use ringwork_ring::format::counted;
use ringwork_ring::format::states::PoolState;
use ringwork_ring::segment::{Segment, tables};
use ringwork_ring::{Codec, PoolDir, RingError, Status};
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const AFTER_HELP: &str = "\
Examples:
  ringwork submit images echo --data hello
  ringwork submit images image.thumbnail --file photo.jpg --params '{\"size\":200}' --out small.jpg
  date | ringwork submit images digest --file -
  ringwork submit images digest --lines --file words.txt

Results: utf8 and numbers as a line of text, CBOR in diagnostic notation (JSON where possible), bytes \
as they are; --out always gets the bytes as they are. With --lines the results come in the order of the \
lines, one a line: an empty one where a line failed, whose reason is on standard error. With --json each is \
an object: `ok`, and `codec` with `result` (or `result_base64`), or `error`.

Exit codes: 0 done; 1 the task failed; 2 wrong options or request; 3 no such pool, or it is closed; \
4 timed out or cancelled; 5 the worker crashed; 6 rejected (pool full or draining, request too large).";

/// How long it waits for a client entry before it says so.
const QUIET: Duration = Duration::from_secs(1);

/// Priorities by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Priority {
    High,
    Normal,
    Low,
}

/// Submit a task and wait for its result.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Submit {
    /// Name of the pool.
    name: String,

    /// Name of the handler, see `ringwork handlers NAME`.
    handler: String,

    /// The request, or its body.
    #[arg(
        long,
        value_name = "TEXT",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    data: Option<String>,

    /// Read the request, or its body, from a file; `-`: standard input.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    /// Parameters, a JSON object; the data is the body then.
    #[arg(long, value_name = "JSON")]
    params: Option<String>,

    /// Codec of the request: the data as it is (bytes), which must be UTF-8 (utf8) or a decimal number
    /// (i64); JSON, which is converted, or a file that is CBOR already (cbor); or a JSON object, `--params`,
    /// with the data as its body (params) [default: what the handler says].
    #[arg(long, value_parser = payload::codecs(), value_name = "CODEC")]
    codec: Option<Codec>,

    /// Give up after this time, such as 500ms or 30s; waiting for a free client entry of the pool
    /// counts [default: wait for ever].
    #[arg(long, value_name = "TIME")]
    timeout: Option<Span>,

    /// Priority of the task.
    #[arg(long, value_enum, value_name = "PRIORITY", default_value = "normal")]
    priority: Priority,

    /// Most attempts when workers die of the task, 1 to 3.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    attempts: u8,

    /// A request from each line of the file, or of standard input.
    #[arg(long, conflicts_with_all = ["data", "out"])]
    lines: bool,

    /// With --lines: most tasks at a time.
    #[arg(long, value_name = "N", default_value_t = 64, requires = "lines", value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: u32,

    /// Print the result, or the failure, as JSON.
    #[arg(long, conflicts_with = "out")]
    json: bool,

    /// Write the result to a file, as it is.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the subcommand.
pub(super) fn run(submit: &Submit) -> Result<(), Failure> {
    if submit.params.is_some() && submit.codec.is_some_and(|codec| codec != Codec::Params) {
        return Err(Failure::usage("--params goes with --codec params only"));
    }
    let dir = PoolDir::new(&submit.name)?;
    let data = match submit.lines {
        true => Data::None,
        false => read_data(submit, &dir)?,
    };
    if let Some(path) = &submit.out {
        // Before the task runs: a result that can't be written would be lost.
        open_out(path)?;
    }
    let start = Instant::now();
    let client = connect(&dir, submit.timeout.map(|span| span.0))?;
    let options = TaskOptions::default()
        .timeout(
            submit
                .timeout
                .map(|span| span.0.saturating_sub(start.elapsed())),
        )
        .priority(submit.priority as u8)
        .attempts(submit.attempts);
    if submit.lines {
        return lines::run(submit, &client, options);
    }
    let codec = choose_codec(submit, &client);
    let request = payload::encode(codec, data, submit.params.as_deref()).map_err(Failure::usage)?;
    let options = options.codec(codec);
    let outcome = match client.call(&submit.handler, &request, &options) {
        // Draining: it is there, but takes nothing.
        Err(error @ RingError::Closed { .. })
            if client.segment().pool_state() == Ok(PoolState::Draining) =>
        {
            return Err(Failure::new(REJECTED, error));
        }
        other => other?,
    };
    if let Outcome::Failed {
        status: Status::UnknownHandler,
        code,
        ..
    } = &outcome
    {
        let handlers = tables::handlers(client.segment());
        let known: Vec<String> = handlers.into_iter().map(|handler| handler.name).collect();
        let why = unknown_handler(&submit.name, &submit.handler, &known);
        return Err(Failure::new(
            FAILED,
            format!("{why}\n  code {code}; it did not run"),
        ));
    }
    if submit.json {
        let end = match &outcome {
            Outcome::Completed { .. } => Ok(()),
            failed => Err(Failure::silent(failure(failed.clone()).code())),
        };
        writeln!(io::stdout().lock(), "{}", json::of(outcome, None))?;
        return end;
    }
    finish(submit, outcome)
}

/// The name is said here: a worker is told its hash alone.
fn unknown_handler(pool: &str, name: &str, known: &[String]) -> String {
    let last_part = format!(".{name}");
    let part_of = |known: &&String| !name.is_empty() && known.ends_with(&last_part);
    let distance =
        |known: &String| strsim::osa_distance(&known.to_lowercase(), &name.to_lowercase());
    let nearest = known.iter().min_by_key(|known| distance(known));
    let typed = nearest.filter(|known| distance(known) <= name.len() / 4 + 1);
    let meant = known.iter().find(part_of).or(typed);
    let hint = meant.map_or_else(String::new, |meant| format!(" (did you mean {meant:?}?)"));
    format!(
        "the pool {pool} knows no handler {name:?}{hint}: its workers know: {}",
        known.join(", ")
    )
}

/// A client entry: one that is kept for commands, or any other. While all are taken the command
/// waits, at most for `limit`, and says so.
pub(super) fn connect(dir: &PoolDir, limit: Option<Duration>) -> Result<Client, Failure> {
    let start = Instant::now();
    let quiet = limit.map_or(QUIET, |limit| limit.min(QUIET));
    match Client::connect_as_command(dir, Some(quiet)) {
        Err(error @ RingError::TableFull { .. }) if limit.is_none_or(|limit| limit > QUIET) => {
            // Standard error may be closed: then there is nothing to write to.
            let _ = writeln!(io::stderr(), "ringwork: waiting, since {error}");
        }
        other => return Ok(other?),
    }
    let rest = limit.map(|limit| limit.saturating_sub(start.elapsed()));
    Ok(Client::connect_as_command(dir, rest)?)
}

fn read_data(submit: &Submit, dir: &PoolDir) -> Result<Data, Failure> {
    let path = match (&submit.data, &submit.file) {
        (Some(text), _) => return Ok(Data::Text(text.clone())),
        (None, None) => return Ok(Data::None),
        (None, Some(path)) => path,
    };
    let largest = largest_payload(dir)?;
    let bytes = read_most(read_of(submit)?, largest).map_err(|error| cannot_read(path, &error))?;
    bytes.map(Data::Bytes).ok_or_else(|| {
        Failure::new(
            REJECTED,
            format!(
                "{} is larger than the largest arena block of the pool, {}: serve with a larger --segment-size",
                path.display(),
                Size(largest)
            ),
        )
    })
}

/// The file that is named, or standard input.
fn read_of(submit: &Submit) -> Result<Box<dyn Read + Send>, Failure> {
    match submit.file.as_deref() {
        Some(path) if path != Path::new("-") => {
            let file = std::fs::File::open(path).map_err(|error| cannot_read(path, &error))?;
            Ok(Box::new(file))
        }
        _ => Ok(Box::new(io::stdin())),
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display()))
}

/// All of it; `None` if it is more than the pool takes, such as a device that has no end. JSON may
/// become shorter as CBOR, so there is some room above the largest payload.
fn read_most(from: impl io::Read, largest: u64) -> io::Result<Option<Vec<u8>>> {
    let most = largest.saturating_mul(4);
    let mut bytes = Vec::new();
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// In bytes. A pool that is not there is told before anything is read.
fn largest_payload(dir: &PoolDir) -> Result<u64, Failure> {
    Ok(Segment::attach(dir)?.geometry().largest_payload() as u64)
}

fn open_out(path: &Path) -> Result<std::fs::File, Failure> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))
}

/// What the user says; else parameters mean params; else what the handler says.
fn choose_codec(submit: &Submit, client: &Client) -> Codec {
    let of_handler = || {
        let all = tables::handlers(client.segment());
        let known = all
            .into_iter()
            .find(|handler| handler.name == submit.handler)?;
        Some(known.request_codec)
    };
    let params = submit.params.as_ref().map(|_| Codec::Params);
    submit
        .codec
        .or(params)
        .or_else(of_handler)
        .unwrap_or(Codec::Bytes)
}

fn finish(submit: &Submit, outcome: Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Completed { codec, bytes } => deliver(submit, codec, bytes),
        other => Err(failure(other)),
    }
}

/// Why a task did not complete, and the exit code for it.
pub(super) fn failure(outcome: Outcome) -> Failure {
    let ran = |may_have_run: bool| {
        if may_have_run {
            "it may have run"
        } else {
            "it did not run"
        }
    };
    match outcome {
        Outcome::Completed { .. } => Failure::new(FAILED, "the task completed"),
        Outcome::Failed {
            status,
            may_have_run,
            code,
            location,
            message,
        } => {
            let exit = match status {
                Status::Cancelled => TIMED_OUT,
                Status::ArenaExhausted | Status::NoWorker => REJECTED,
                _ => FAILED,
            };
            let place = if location.is_empty() {
                String::new()
            } else {
                format!(", at {location}")
            };
            Failure::new(
                exit,
                format!(
                    "the task failed: {message}\n  code {code}{place}; {}",
                    ran(may_have_run)
                ),
            )
        }
        Outcome::Crashed { cause, attempts } => {
            let times = if attempts == 1 {
                String::new()
            } else {
                format!(", at attempt {attempts}")
            };
            Failure::new(
                CRASHED,
                format!("the worker that ran the task {cause}{times}; it may have run"),
            )
        }
        Outcome::TimedOut { may_have_run } => Failure::new(
            TIMED_OUT,
            format!("the task timed out; {}", ran(may_have_run)),
        ),
        Outcome::Cancelled { may_have_run } => Failure::new(
            TIMED_OUT,
            format!("the task was cancelled; {}", ran(may_have_run)),
        ),
        Outcome::Closed { reason } => {
            Failure::new(NO_POOL, format!("{reason}; the task may have run"))
        }
    }
}

fn deliver(submit: &Submit, codec: Codec, bytes: Vec<u8>) -> Result<(), Failure> {
    if let Some(path) = &submit.out {
        let mut file = open_out(path)?;
        file.set_len(0)?;
        file.write_all(&bytes)?;
        return Ok(());
    }
    let mut out = io::stdout().lock();
    match payload::decode(codec, bytes) {
        Shown::Line(line) => writeln!(out, "{line}")?,
        Shown::Raw(bytes) if out.is_terminal() && !payload::is_text(&bytes) => {
            return Err(Failure::usage(format!(
                "the result has {}, which are no text: write it to a file with --out, or into a pipe",
                counted(bytes.len(), "byte")
            )));
        }
        Shown::Raw(bytes) => {
            out.write_all(&bytes)?;
            if out.is_terminal() {
                writeln!(out)?;
            }
        }
    }
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_that_is_not_known_is_named_beside_the_nearest() {
        let known = ["compress", "digest", "echo", "image.thumbnail"].map(str::to_owned);
        let told = |name: &str| unknown_handler("p", name, &known);
        let rest = "its workers know: compress, digest, echo, image.thumbnail";
        for (name, meant) in [
            ("ehco", "echo"),
            ("Echo", "echo"),
            ("thumbnail", "image.thumbnail"),
            ("image.thumbnial", "image.thumbnail"),
            ("digests", "digest"),
        ] {
            assert_eq!(
                told(name),
                format!("the pool p knows no handler {name:?} (did you mean {meant:?}?): {rest}")
            );
        }
        for name in ["", "nope", "x", "image."] {
            assert_eq!(
                told(name),
                format!("the pool p knows no handler {name:?}: {rest}")
            );
        }
    }
}
