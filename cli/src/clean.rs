//! `ringwork clean`: removes what pools have left whose supervisor is proved dead.

use super::exit::{FAILED, Failure, NO_POOL};
use clap::Args;
use ringwork_ring::segment::paths::base_dir;
use ringwork_ring::segment::survey::{Found, look, remove_dead_link, strange_files, survey};
use ringwork_ring::{PoolDir, RingError, segment};
use std::ffi::OsStr;
use std::io::{self, Write};

const AFTER_HELP: &str = "\
A pool is dead when no process holds the lock of its name: the kernel drops it with the process. A \
live pool is never removed; stop it with SIGTERM to its supervisor, an embedded one by closing it \
in the program that has launched it.

What a pool has left is removed whatever stage it died in: an empty directory goes, and so does a \
symbolic link to nothing. What is no pool's is left alone; `ringwork list` shows it.

Exit codes: 0 done (also when there was nothing to do); 1 a pool named here is alive or no pool, or \
its files can't be removed; 3 there is nothing of a name given here.";

/// Remove what dead pools have left behind; never a live one.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Clean {
    /// Names of pools [default: all].
    names: Vec<String>,

    /// Look at all pools of this user.
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

/// How it went with one name.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Removed,
    /// Removed but for files that are no pool's.
    RemovedBut(Vec<String>),
    Alive,
    /// No pool's, and what it is.
    LeftAlone(String),
}

/// Runs the subcommand.
pub(super) fn run(clean: &Clean) -> Result<(), Failure> {
    let base = base_dir();
    let everything = clean.names.is_empty();
    let names: Vec<String> = if everything {
        let found = survey(&base)?.into_iter();
        found.filter_map(|found| may_be_removed(&found)).collect()
    } else {
        clean.names.clone()
    };
    let mut out = io::stdout().lock();
    let mut worst = 0;
    for name in &names {
        // To be asked for all and find some that stay is no failure.
        let stays = if everything { 0 } else { FAILED };
        let (told, code) = match remove(&PoolDir::new(name)?) {
            Ok(Outcome::Removed) => ("removed".to_owned(), 0),
            Ok(Outcome::RemovedBut(files)) => (
                format!("removed, but for what is no pool's: {}", files.join(", ")),
                stays,
            ),
            Ok(Outcome::Alive) => ("alive, left alone".to_owned(), stays),
            Ok(Outcome::LeftAlone(what)) => (format!("left alone: {what}"), stays),
            // Another one has removed it meanwhile.
            Err(RingError::NotFound { .. }) if everything => continue,
            Err(error @ RingError::NotFound { .. }) => (error.to_string(), NO_POOL),
            Err(error) => (format!("not removed: {error}"), FAILED),
        };
        writeln!(out, "{name}: {told}")?;
        worst = worst.max(code);
    }
    if names.is_empty() {
        writeln!(out, "nothing to clean in {}", base.display())?;
    }
    out.flush()?;
    if worst == 0 {
        Ok(())
    } else {
        Err(Failure::silent(worst))
    }
}

/// The name of what is, or was, a pool.
fn may_be_removed(found: &Found) -> Option<String> {
    match found {
        Found::Pool(dir) | Found::Empty(dir) | Found::DeadLink(dir) => Some(dir.name().to_owned()),
        _ => None,
    }
}

fn remove(dir: &PoolDir) -> Result<Outcome, RingError> {
    let base = dir.path().parent().unwrap_or(dir.path());
    match look(base, OsStr::new(dir.name())) {
        Some(Found::DeadLink(dir)) => {
            remove_dead_link(&dir)?;
            Ok(Outcome::Removed)
        }
        Some(Found::Other { what, .. }) => Ok(Outcome::LeftAlone(what)),
        _ if !segment::clean(dir)? => Ok(Outcome::Alive),
        _ => {
            let strange = strange_files(dir);
            Ok(if strange.is_empty() || dir.is_pool() {
                Outcome::Removed // what is there now is a successor's
            } else {
                Outcome::RemovedBut(strange)
            })
        }
    }
}
