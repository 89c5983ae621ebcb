//! `ringwork submit`: one task from the shell, its result on standard output.

mod args;
mod failure;
mod json;
mod lines;
mod times;

pub(super) use args::Submit;
pub(super) use failure::failure;

use crate::exit::{FAILED, Failure, REJECTED};
use crate::payload::{self, Data, Shown};
use crate::units::Size;
use args::{cannot_read, choose_codec, read_of};
use ringwork_ring::client::{Client, Outcome, TaskOptions};
use ringwork_ring::format::counted;
use ringwork_ring::format::states::PoolState;
use ringwork_ring::segment::{Segment, tables};
use ringwork_ring::{Codec, PoolDir, RingError, Status};
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use times::Times;

/// How long it waits for a client entry before it says so.
const QUIET: Duration = Duration::from_secs(1);

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
    let options = match &submit.key {
        Some(key) => options.key(key),
        None => options,
    };
    if submit.lines {
        return lines::run(submit, &client, options);
    }
    let codec = choose_codec(submit, &client);
    let request = payload::encode(codec, data, submit.params.as_deref()).map_err(Failure::usage)?;
    let options = options.codec(codec);
    let ticket = client.submit(&submit.handler, &request, &options);
    let outcome = ticket.and_then(|ticket| {
        let outcome = ticket.wait(None)?;
        Ok((outcome, Times::of(client.segment(), ticket.slot())))
    });
    let (outcome, times) = match outcome {
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
        let mut object = json::of(outcome, None);
        if let Some(times) = times.filter(|_| submit.verbose) {
            times.add_to(&mut object);
        }
        writeln!(io::stdout().lock(), "{object}")?;
        return end;
    }
    if let Some(times) = times.filter(|_| submit.verbose) {
        // Standard error may be closed: then there is nothing to write to.
        let _ = writeln!(io::stderr(), "ringwork: {times}");
    }
    finish(submit.out.as_deref(), outcome)
}

/// The name is said here: a worker is told its hash alone.
pub(super) fn unknown_handler(pool: &str, name: &str, known: &[String]) -> String {
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

/// Shows a result, on standard output or in a file; any other end is a failure.
pub(super) fn finish(out: Option<&Path>, outcome: Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Completed { codec, bytes } => deliver(out, codec, bytes),
        other => Err(failure(other)),
    }
}

fn deliver(out: Option<&Path>, codec: Codec, bytes: Vec<u8>) -> Result<(), Failure> {
    if let Some(path) = out {
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
