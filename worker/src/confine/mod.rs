//! How a worker process is confined: what it may take, and what it may do.
//!
//! The supervisor puts a [`Confinement`] into the environment of the workers that
//! it starts; [`crate::Builder::run`] reads it there, so that every worker built
//! with this crate obeys. Invariant: it is in force before the first task runs.

mod limits;

use crate::worker::LANE_STACK;

/// What every worker of a pool is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confinement {
    /// Most private memory in bytes, as RLIMIT_DATA counts it (default: as inherited).
    pub memory: Option<u64>,
    /// Most open files (default: as inherited).
    pub open_files: Option<u64>,
    /// Most threads of a worker, counted and enforced by the supervisor; 0: any number (default 1024).
    pub threads: u32,
    /// Largest core dump in bytes; 0: none (default: as inherited).
    pub core: Option<u64>,
}

impl Default for Confinement {
    fn default() -> Self {
        Self {
            memory: None,
            open_files: None,
            threads: 1024,
            core: None,
        }
    }
}

/// What a worker needs besides its lanes' stacks to start at all.
const MEMORY_MARGIN: u64 = 16 << 20;
/// Standard streams, the signals' pipe, the lock, and some to start with.
const LEAST_FILES: u64 = 16;
/// The main thread, that of the signals, and some to start with.
const THREADS_MARGIN: u32 = 8;

const MEMORY_VARIABLE: &str = "RINGWORK_WORKER_MEMORY";
const OPEN_FILES_VARIABLE: &str = "RINGWORK_WORKER_OPEN_FILES";
const CORE_VARIABLE: &str = "RINGWORK_WORKER_CORE_SIZE";

impl Confinement {
    /// What no worker of so many lanes could start under.
    pub(crate) fn problem(&self, lanes: u32) -> Option<String> {
        let memory = u64::from(lanes) * LANE_STACK as u64 + MEMORY_MARGIN;
        let threads = lanes + THREADS_MARGIN;
        match self {
            Self {
                memory: Some(most), ..
            } if *most < memory => Some(format!(
                "worker-memory is {most} bytes, but a worker of {lanes} lanes needs at least \
                 {memory}: each lane has a stack of {} MiB",
                LANE_STACK >> 20
            )),
            Self {
                open_files: Some(most),
                ..
            } if *most < LEAST_FILES => Some(format!(
                "worker-open-files is {most}, but a worker needs at least {LEAST_FILES}"
            )),
            Self { threads: 1.., .. } if self.threads < threads => Some(format!(
                "worker-threads is {}, but a worker of {lanes} lanes needs {threads}",
                self.threads
            )),
            _ => None,
        }
    }

    /// As environment variables.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let numbers = [
            (MEMORY_VARIABLE, self.memory),
            (OPEN_FILES_VARIABLE, self.open_files),
            (CORE_VARIABLE, self.core),
        ];
        numbers
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value.to_string())))
            .collect()
    }

    /// From the environment that the supervisor made; the default without one.
    pub(crate) fn from_environment() -> Result<Self, String> {
        let number = |name: &str| match std::env::var(name) {
            Ok(text) => text
                .parse()
                .map(Some)
                .map_err(|_| format!("{name}={text:?} is not a number")),
            Err(_) => Ok(None),
        };
        Ok(Self {
            memory: number(MEMORY_VARIABLE)?,
            open_files: number(OPEN_FILES_VARIABLE)?,
            threads: 0, // not the worker's business
            core: number(CORE_VARIABLE)?,
        })
    }

    /// Confines this process. Call it before the lanes' threads start: they inherit it.
    pub(crate) fn apply(&self) -> Result<(), String> {
        limits::apply(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_under_which_no_worker_starts_are_told() {
        let with = |memory, open_files, threads| {
            let limits = Confinement {
                memory,
                open_files,
                threads,
                core: Some(0),
            };
            limits.problem(2).unwrap_or_default()
        };
        assert!(with(Some(1 << 20), None, 0).contains("worker-memory is 1048576 bytes"));
        assert!(with(None, Some(3), 0).contains("worker-open-files is 3"));
        assert!(with(None, None, 2).contains("worker-threads is 2"));
        assert_eq!(with(Some(64 << 20), Some(64), 10), "");
        assert_eq!(Confinement::default().problem(64), None);
    }
}
