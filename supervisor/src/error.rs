//! Why a pool could not be served, in words.

use ringwork_ring::RingError;
use std::path::PathBuf;

/// Why a pool could not be served. `Debug` is the same text as `Display`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SupervisorError {
    /// The options contradict each other or a limit.
    #[error("invalid configuration: {0}")]
    Config(String),
    /// The segment could not be made.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The worker program can't be started at all.
    #[error("the worker program {program} can't be started: {why}")]
    Worker {
        /// The program.
        program: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// HTTP can't be answered at the address that was asked for.
    #[error("{0}")]
    Http(String),
    /// Workers die before they are ready.
    #[error(
        "no worker gets ready: {}, so none is started any more; the last one ({program}) {last}. {output}",
        ended(*deaths)
    )]
    NoWorker {
        /// How many have died.
        deaths: u32,
        /// The program.
        program: PathBuf,
        /// How the last one ended.
        last: String,
        /// Its last output.
        output: String,
    },
    /// The segment holds words that no process of Ringwork writes.
    #[error(
        "the segment is corrupt: {0}. The pool was stopped and its workers were killed: look for a \
         handler that writes through a wild pointer, then start the pool again"
    )]
    Corrupt(String),
    /// The pool's directory, or a file in it, is not there any more or not its own.
    #[error(
        "{0}: no worker can be replaced and no client finds the pool, so it was stopped. Start it \
         again, and keep what cleans up away from its directory"
    )]
    FilesGone(String),
    /// The last worker has died, and others do not get ready.
    #[error("no worker is left: {0}")]
    Lost(String),
    /// The system refused something that the supervisor can't do without.
    #[error("{what}: {source}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// Its answer.
        source: std::io::Error,
    },
}

impl std::fmt::Debug for SupervisorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// How many have ended before they were ready.
pub(crate) fn ended(deaths: u32) -> String {
    match deaths {
        1 => "one ended before that".to_owned(),
        _ => format!("{deaths} in a row ended before that"),
    }
}
