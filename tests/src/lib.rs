//! Support of the cross-process tests: pools of real processes that clean up
//! after themselves, and the check that nothing is left.
//!
//! Called by the tests in tests/tests only. Processes, folders and waiting are those of the one harness,
//! `tests/support`.

#![forbid(unsafe_code)]

pub mod chaos;
pub mod corruption;
pub mod forbidden;
mod guard;
pub mod http;
mod marker;
pub mod misbehaviour;
mod pool;
mod programs;

pub use guard::{StopOnDrop, worker_of};
pub use marker::Marker;
pub use pool::{Pool, Refused, Serve};
pub use programs::{client_program, install, io_worker_program, ringwork_program, worker_program};
pub use ringwork_support::{KillOnDrop, LIMIT, is_alive, look, wait_for, wait_until};

use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_ring::format::states::Codec;
use ringwork_support::Folder;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A directory of one test under /dev/shm; removed when dropped.
#[derive(Debug)]
pub struct Base(Folder);

impl Base {
    /// Makes one.
    ///
    /// # Panics
    /// When /dev/shm can't be written to.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        Self(Folder::new("test"))
    }

    /// Where files of the test's own go.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The value of RINGWORK_DIR; made by the first supervisor.
    #[must_use]
    pub fn pools(&self) -> PathBuf {
        self.path().join("pools")
    }

    /// The `ringwork` command, which sees the pools of this test only.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(ringwork_program());
        command.args(arguments).env("RINGWORK_DIR", self.pools());
        command
    }
}

/// Default options.
#[must_use]
pub fn options() -> TaskOptions {
    TaskOptions::default()
}

/// Options for a UTF-8 request.
#[must_use]
pub fn utf8() -> TaskOptions {
    options().codec(Codec::Utf8)
}

/// Options for an integer request.
#[must_use]
pub fn i64() -> TaskOptions {
    options().codec(Codec::I64)
}

/// The outcome of a task that must end.
///
/// # Panics
/// When it does not.
#[must_use]
pub fn end(ticket: &Ticket<'_>) -> Outcome {
    ticket.wait(Some(LIMIT)).expect("the task ends")
}

/// The result of a task that must complete.
///
/// # Panics
/// When it ends in another way.
#[must_use]
pub fn result(ticket: &Ticket<'_>) -> Vec<u8> {
    match end(ticket) {
        Outcome::Completed { bytes, .. } => bytes,
        other => panic!("not completed: {other:?}"),
    }
}

/// Submits, waits, and wants a result.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn call(client: &Client, handler: &str, request: &[u8], options: &TaskOptions) -> Vec<u8> {
    result(&client.submit(handler, request, options).expect("submitted"))
}

/// Runs a task past its deadline: so many milliseconds, or, where a loaded machine began the task
/// too late, up to sixteen times as many.
///
/// # Panics
/// When it ends in another way.
#[must_use]
pub fn overrun<'c>(
    client: &'c Client,
    handler: &str,
    request: &[u8],
    options: &TaskOptions,
    milliseconds: u64,
) -> Ticket<'c> {
    for more in [1, 4, 16] {
        let limited = options
            .clone()
            .timeout(Duration::from_millis(milliseconds * more));
        let ticket = client.submit(handler, request, &limited);
        let ticket = ticket.expect("submitted");
        match end(&ticket) {
            Outcome::TimedOut { may_have_run: true } => return ticket,
            Outcome::TimedOut { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("it never began in time");
}

/// Makes `lanes` lanes busy until the tickets are cancelled.
///
/// # Panics
/// When they do not get busy.
#[must_use]
pub fn occupy<'c>(client: &'c Client, base: &Path, lanes: usize) -> Vec<Ticket<'c>> {
    let occupying: Vec<_> = (0..lanes)
        .map(|_| {
            let marker = Marker::new(base);
            let ticket = client
                .submit("test.until_cancelled", marker.text().as_bytes(), &utf8())
                .expect("submitted");
            (marker, ticket)
        })
        .collect();
    occupying
        .into_iter()
        .map(|(marker, ticket)| {
            marker.wait_started();
            ticket
        })
        .collect()
}
