//! What a command may ask of the supervisor of a pool: one line of JSON, and one back.
//!
//! The supervisor's side is the `Desk`, the other one [`ask`]. The socket is a file of the pool's
//! directory, which is its user's alone, and the kernel tells which user calls.
//! Invariant: a request is answered at once, whatever it takes until it is done; the caller asks
//! for the [`Status`] until it is.

mod desk;

pub(crate) use desk::{Call, Desk};

use ringwork_ring::PoolDir;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Neither a request nor an answer is longer.
const LINE_MAX: usize = 16 << 10;

/// The reason that a pool has which was drained and not stopped.
pub const DRAINED: &str =
    "drained by `ringwork drain`: it takes no new task until `ringwork resume`";

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Request {
    /// How the pool stands.
    Status,
    /// Take no new tasks; finish the others, and stay.
    Drain,
    /// Take tasks again.
    Resume,
    /// Keep the tasks of a handler queued.
    Pause {
        /// Its name.
        handler: String,
    },
    /// Run them again.
    ResumeHandler {
        /// Its name.
        handler: String,
    },
    /// Have so many workers.
    Scale {
        /// How many.
        workers: u32,
    },
    /// Read the configuration and the worker's program again.
    Reload,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is done, or under way: how the pool stands now.
    Status(Status),
    /// Nothing has changed: why, and the remedy.
    Refused(String),
}

/// How a pool stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether it was drained, and not stopped.
    pub drained: bool,
    /// Tasks that are queued or run; counted in a drained pool only.
    pub unfinished: u64,
    /// The handlers that are paused.
    pub paused: Vec<String>,
    /// How many workers it is to have.
    pub workers: u32,
    /// How many are ready and are to stay.
    pub ready: u32,
    /// How many finish their tasks and leave.
    pub leaving: u32,
    /// Whether workers are still to be replaced.
    pub renewing: bool,
    /// The number of the last reload; 0: none was asked for.
    pub reload: u64,
    /// How the last one that has ended did so.
    pub reloaded: Option<Reloaded>,
}

/// How a reload ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Its number.
    pub number: u64,
    /// Whether the new configuration is in effect.
    pub done: bool,
    /// In words, as the log has them.
    pub text: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The pool has no socket: its supervisor could not make one.
    #[error("it has no control socket; the log of `ringwork serve` says why")]
    NoSocket,
    /// No process listens there any more.
    #[error("its supervisor is dead")]
    Dead,
    /// It has not answered in time.
    #[error("its supervisor does not answer")]
    Silent,
    /// Anything else.
    #[error("its supervisor can't be asked: {0}")]
    Failed(#[from] io::Error),
}

/// A path of the socket that is short enough for each name of a directory; the descriptor must live
/// as long as it is used.
fn address(dir: &PoolDir) -> io::Result<(OwnedFd, String)> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(CWD, dir.path(), flags, Mode::empty())?;
    let path = format!("/proc/self/fd/{}/{}", folder.as_raw_fd(), PoolDir::CONTROL);
    Ok((folder, path))
}

/// Asks the supervisor of a pool, and waits for its answer.
///
/// # Errors
/// See [`AskError`]; the request may have been done where it is silent.
pub fn ask(dir: &PoolDir, request: &Request, patience: Duration) -> Result<Answer, AskError> {
    let mut stream = connected(dir).map_err(told)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let mut line = serde_json::to_vec(request).map_err(io::Error::from)?;
    line.push(b'\n');
    stream.write_all(&line).map_err(told)?;
    let mut text = Vec::new();
    let mut reader = BufReader::new(stream.take(LINE_MAX as u64));
    reader.read_until(b'\n', &mut text).map_err(told)?;
    if text.is_empty() {
        return Err(AskError::Dead);
    }
    Ok(serde_json::from_slice(&text).map_err(io::Error::from)?)
}

fn connected(dir: &PoolDir) -> io::Result<UnixStream> {
    let (_folder, path) = address(dir)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // Without a wait: where callers queue up, the supervisor is stopped.
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn told(error: io::Error) -> AskError {
    match error.kind() {
        io::ErrorKind::NotFound => AskError::NoSocket,
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => AskError::Dead,
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => AskError::Silent,
        _ => AskError::Failed(error),
    }
}
