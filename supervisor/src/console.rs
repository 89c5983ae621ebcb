//! Where the supervisor speaks, besides its log: what the command that serves a pool implements.

use crate::config::{LogLevel, ServeConfig, WorkerCommand};
use std::path::PathBuf;

/// What a pool is, once it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub dir: PathBuf,
    /// Its segment.
    pub segment: PathBuf,
    /// Size of the segment in bytes.
    pub size: u64,
    /// Where it answers HTTP, if it does: `http://127.0.0.1:9464`, or `unix:PATH`.
    pub http: Option<String>,
}

/// Where the supervisor speaks, besides its log.
pub trait Console {
    /// The first worker is there: clients may connect. Called once.
    fn ready(&mut self, ready: &Ready);
    /// A worker has written a line to its standard output or error.
    fn worker_line(&mut self, worker: u32, line: &str);
    /// The process that answers HTTP has written a line. Does nothing by default.
    fn http_line(&mut self, line: &str) {
        let _ = line;
    }
    /// The program that answers HTTP for a pool, and its first arguments; the pool's name and the
    /// options follow them. `None`, the default, has none: then the option `http` is refused.
    fn http_program(&self) -> Option<WorkerCommand> {
        None
    }
    /// The level of the log is another one from now on: one of `off`, `error`, `warn`, `info`,
    /// `debug`, `trace`. Does nothing by default.
    fn log_level(&mut self, level: LogLevel) {
        let _ = level;
    }
    /// A reload is asked for: the configuration as it is now, read again from where it came from.
    /// It is validated by the caller.
    ///
    /// # Errors
    /// What is wrong with it; the pool goes on as it is then.
    fn reload(&mut self) -> Result<ServeConfig, String> {
        Err("there is nothing to read a configuration from".to_owned())
    }
}
