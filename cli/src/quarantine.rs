//! `ringwork quarantine`: the requests of tasks that have lost their worker at each of several attempts.

use super::exit::{FAILED, Failure};
use super::payload::is_text;
use super::submit::{connect, finish};
use super::table::Table;
use super::units::{Size, Span, seconds};
use clap::{Args, Subcommand};
use ringwork_ring::client::{Outcome, TaskOptions};
use ringwork_ring::{Codec, PoolDir};
use ringwork_supervisor::quarantine::{self, About};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Most bytes of a request that are shown.
const SHOWN: usize = 1024;

const AFTER_HELP: &str = "\
A task that is tried again (`attempts` above 1) and loses its worker each time is not tried once more. Its request is \
kept as a file of the pool's directory, which is its user's alone: the newest --quarantine-keep ones, all together at most \
64 MiB and an eighth of the segment. They are gone with the pool.

  ringwork quarantine images                        which there are
  ringwork quarantine images show 3                 what is known of one, and how it begins
  ringwork quarantine images save 3 request.bin     its bytes in a file
  ringwork quarantine images retry 3                submit it again; it is forgotten unless its worker dies again
  ringwork quarantine images drop 3                 forget it; `drop all`

Exit codes: 0 done; 1 it can't be read or written; 2 there is none of this number; 3 no such pool; `retry` ends as \
`submit` does.";

/// Show, save, retry or forget the requests of tasks that kill their workers.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Quarantine {
    /// Name of the pool.
    name: String,

    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what is known of a request, and how it begins.
    Show {
        /// Its number.
        number: u64,
    },
    /// Write a request to a file.
    Save {
        /// Its number.
        number: u64,
        /// The file, which is replaced.
        file: PathBuf,
    },
    /// Submit a request again, once; it is forgotten unless its worker dies again.
    Retry {
        /// Its number.
        number: u64,
        /// Give up after this time [default: wait for ever].
        #[arg(long, value_name = "TIME")]
        timeout: Option<Span>,
    },
    /// Forget a request.
    Drop {
        /// Its number, or `all`.
        number: Which,
    },
}

/// One, or all.
#[derive(Debug, Clone, Copy)]
enum Which {
    All,
    One(u64),
}

impl std::str::FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            text => (text.parse().map(Self::One))
                .map_err(|_| format!("{text:?} is no number: give one, or `all`")),
        }
    }
}

/// Runs the subcommand.
pub(super) fn run(command: &Quarantine) -> Result<(), Failure> {
    let dir = PoolDir::new(&command.name)?;
    dir.check()?;
    match &command.action {
        None => list(&dir, command.json),
        Some(Action::Show { number }) => show(&dir, *number, command.json),
        Some(Action::Save { number, file }) => {
            let (_, request) = read(&dir, *number)?;
            std::fs::write(file, request).map_err(|error| {
                Failure::new(FAILED, format!("cannot write {}: {error}", file.display()))
            })
        }
        Some(Action::Retry { number, timeout }) => {
            retry(&dir, *number, timeout.map(|timeout| timeout.0))
        }
        Some(Action::Drop { number }) => {
            let numbers = match number {
                Which::One(number) => vec![*number],
                Which::All => quarantine::all(&dir)?
                    .iter()
                    .map(|kept| kept.number)
                    .collect(),
            };
            (numbers.into_iter()).try_for_each(|number| forget(&dir, number))
        }
    }
}

fn none(dir: &PoolDir, number: u64) -> Failure {
    Failure::usage(format!(
        "the pool {0} keeps no request {number}: `ringwork quarantine {0}` shows those that it keeps",
        dir.name()
    ))
}

fn failed(dir: &PoolDir, number: u64, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => none(dir, number),
        _ => Failure::new(FAILED, format!("request {number}: {error}")),
    }
}

fn read(dir: &PoolDir, number: u64) -> Result<(About, Vec<u8>), Failure> {
    quarantine::read(dir, number).map_err(|error| failed(dir, number, &error))
}

fn forget(dir: &PoolDir, number: u64) -> Result<(), Failure> {
    quarantine::forget(dir, number).map_err(|error| failed(dir, number, &error))
}

/// How long ago its last worker died.
fn age(about: &About) -> String {
    let died = SystemTime::UNIX_EPOCH + Duration::from_millis(about.unix_ms);
    let age = SystemTime::now().duration_since(died).unwrap_or_default();
    format!("{} ago", seconds(age.as_secs_f64()))
}

fn list(dir: &PoolDir, json: bool) -> Result<(), Failure> {
    let all = quarantine::all(dir)?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        return Ok(());
    }
    if all.is_empty() {
        writeln!(out, "no request is kept")?;
        return Ok(());
    }
    let mut table = Table::new(&["NUMBER", "HANDLER", "ATTEMPTS", "DIED", "SIZE", "SHA-256"]);
    for kept in &all {
        let about = &kept.about;
        table.row([
            kept.number.to_string(),
            about.handler.clone(),
            about.attempts.to_string(),
            age(about),
            Size(about.size).to_string(),
            about.sha256.chars().take(16).collect(),
        ]);
    }
    write!(out, "{table}")?;
    Ok(())
}

fn show(dir: &PoolDir, number: u64, json: bool) -> Result<(), Failure> {
    let (about, request) = read(dir, number)?;
    let mut out = io::stdout().lock();
    if json {
        let kept = quarantine::Kept { number, about };
        writeln!(out, "{}", serde_json::to_string_pretty(&kept)?)?;
        return Ok(());
    }
    let name = dir.name();
    writeln!(
        out,
        "request {number} of {}, {} bytes ({}): it lost its worker at each of {} attempts, the last {}\nSHA-256 {}",
        about.handler,
        about.size,
        about.codec,
        about.attempts,
        age(&about),
        about.sha256
    )?;
    let start = &request[..request.len().min(SHOWN)];
    match String::from_utf8_lossy(start) {
        text if is_text(text.as_bytes()) => {
            let more = if start.len() < request.len() {
                " …"
            } else {
                ""
            };
            writeln!(out, "\n{text}{more}")?;
        }
        _ => writeln!(
            out,
            "\nit is no text: `ringwork quarantine {name} save {number} FILE`"
        )?,
    }
    Ok(())
}

/// Once: what died again is kept as it is.
fn retry(dir: &PoolDir, number: u64, timeout: Option<Duration>) -> Result<(), Failure> {
    let (about, request) = read(dir, number)?;
    let codec: Codec = about.codec.parse().map_err(Failure::usage)?;
    let client = connect(dir, timeout)?;
    let options = TaskOptions::default().codec(codec).timeout(timeout);
    let outcome = client.call(&about.handler, &request, &options)?;
    let ended = matches!(outcome, Outcome::Completed { .. } | Outcome::Failed { .. });
    if ended {
        forget(dir, number)?;
    }
    finish(None, outcome)
}
