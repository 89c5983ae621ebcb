//! `ringwork clean`: removes pools whose supervisor is proved dead.

use super::exit::{FAILED, Failure, NO_POOL};
use clap::Args;
use ringwork_ring::segment::paths::base_dir;
use ringwork_ring::{PoolDir, RingError, segment};
use std::io::{self, Write};

const AFTER_HELP: &str = "\
A pool is dead when no process holds the lock of its name: the kernel drops it with the process. A \
live pool is never removed; stop it with SIGTERM to its supervisor, an embedded one by closing it \
in the program that has launched it.

Exit codes: 0 done (also when there was nothing to do); 1 a pool named here is alive, or its files \
can't be removed; 3 there is no pool of a name given here.";

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

/// Runs the subcommand.
pub(super) fn run(clean: &Clean) -> Result<(), Failure> {
    let everything = clean.names.is_empty();
    let pools = if everything {
        PoolDir::list(&base_dir())?
            .into_iter()
            .filter(PoolDir::is_pool)
            .collect()
    } else {
        clean
            .names
            .iter()
            .map(|name| PoolDir::new(name))
            .collect::<Result<Vec<_>, _>>()?
    };
    let mut out = io::stdout().lock();
    let mut worst = 0;
    for dir in &pools {
        let name = dir.name();
        match remove(dir) {
            Ok(true) => writeln!(out, "{name}: removed")?,
            Ok(false) => {
                writeln!(out, "{name}: alive, left alone")?;
                // To be asked for all and find some alive is no failure.
                worst = worst.max(if everything { 0 } else { FAILED });
            }
            Err(error @ RingError::NotFound { .. }) => {
                writeln!(out, "{name}: {error}")?;
                worst = worst.max(NO_POOL);
            }
            Err(error) => {
                writeln!(out, "{name}: not removed: {error}")?;
                worst = worst.max(FAILED);
            }
        }
    }
    if pools.is_empty() {
        writeln!(out, "nothing to clean in {}", base_dir().display())?;
    }
    out.flush()?;
    if worst == 0 {
        Ok(())
    } else {
        Err(Failure::silent(worst))
    }
}

fn remove(dir: &PoolDir) -> Result<bool, RingError> {
    dir.check()?;
    if !dir.is_pool() {
        return Err(RingError::NotFound {
            path: dir.segment(),
        });
    }
    segment::clean(dir)
}
