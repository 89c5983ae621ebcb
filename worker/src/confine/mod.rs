//! How a worker process is confined: what it may take, and what it may do.
//!
//! The supervisor puts a [`Confinement`] into the environment of the workers that
//! it starts; [`crate::Builder::run`] reads it there, so that every worker built
//! with this crate obeys. Invariant: it is in force before the first task runs.

mod peer;
pub(crate) mod rlimits;
#[doc(hidden)]
pub mod sandbox;
mod seccomp;

pub use peer::Peer;
pub use sandbox::SandboxMode;

use ringwork_ring::format::bytes::Bytes;
use ringwork_ring::format::counted;
use rlimits::LANE_STACK;
use sandbox::{Offer, Plan};
use std::io::Write;
use std::path::PathBuf;

/// What every worker of a pool is held to. The default holds it to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Confinement {
    /// Most private memory in bytes, as RLIMIT_DATA counts it (default: as inherited).
    pub memory: Option<u64>,
    /// Most open files (default: as inherited).
    pub open_files: Option<u64>,
    /// Most threads of a worker, counted and enforced by the supervisor; 0: any number (default).
    pub threads: u32,
    /// Largest core dump in bytes; 0: none (default: as inherited, none in a sandbox).
    pub core: Option<u64>,
    /// Whether files, network, programs and other processes are kept away (default: no).
    pub sandbox: SandboxMode,
    /// Files and directories that can be read all the same.
    pub sandbox_read: Vec<PathBuf>,
    /// Ports that can be connected to all the same.
    pub sandbox_net: Vec<Peer>,
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
const SANDBOX_VARIABLE: &str = "RINGWORK_SANDBOX";
const SANDBOX_READ_VARIABLE: &str = "RINGWORK_SANDBOX_READ";
const SANDBOX_NET_VARIABLE: &str = "RINGWORK_SANDBOX_NET";
/// Between peers in the environment.
const COMMA: &str = ",";
/// Between paths in the environment.
const SEPARATOR: &str = ":";

impl Confinement {
    /// What no worker of so many lanes could start under.
    #[doc(hidden)]
    pub fn problems(&self, lanes: u32) -> Vec<String> {
        let memory = u64::from(lanes) * LANE_STACK as u64 + MEMORY_MARGIN;
        let threads = lanes.saturating_add(THREADS_MARGIN);
        let mut wrong = Vec::new();
        if let Some(most) = self.memory.filter(|most| *most < memory) {
            wrong.push(format!(
                "worker-memory is {}, but a worker of {} needs at least {}: each lane has a \
                 stack of {}",
                Bytes(most),
                counted(lanes, "lane"),
                Bytes(memory),
                Bytes(LANE_STACK as u64)
            ));
        }
        if let Some(most) = self.open_files.filter(|most| *most < LEAST_FILES) {
            wrong.push(format!(
                "worker-open-files is {most}, but a worker needs at least {LEAST_FILES}"
            ));
        }
        if self.threads > 0 && self.threads < threads {
            wrong.push(format!(
                "worker-threads is {}, but a worker of {} needs {threads}",
                self.threads,
                counted(lanes, "lane")
            ));
        }
        wrong.extend(self.sandbox_problems());
        wrong
    }

    fn sandbox_problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.sandbox == SandboxMode::Off {
            if !self.sandbox_read.is_empty() {
                wrong.push(
                    "sandbox-read is given without a sandbox: give --sandbox, too".to_owned(),
                );
            }
            if !self.sandbox_net.is_empty() {
                wrong
                    .push("sandbox-net is given without a sandbox: give --sandbox, too".to_owned());
            }
            return wrong;
        }
        for path in &self.sandbox_read {
            let shown = path.display();
            if path.to_str().is_none_or(|text| text.contains(SEPARATOR)) {
                wrong.push(format!(
                    "sandbox-read {shown}: a path with {SEPARATOR:?} or not in UTF-8 can't be passed on"
                ));
            } else if let Err(error) = std::fs::metadata(path) {
                wrong.push(format!("sandbox-read {shown}: {error}"));
            }
        }
        wrong.extend(self.plan().and_then(|plan| plan.net_problem()));
        let gaps = self.plan().map(|plan| plan.gaps()).unwrap_or_default();
        if self.sandbox == SandboxMode::Require && !gaps.is_empty() {
            wrong.push(format!(
                "sandbox is \"require\", but not confined are {}",
                gaps.join("; ")
            ));
        }
        wrong
    }

    /// What the sandbox will be on this kernel; `None` without one.
    #[doc(hidden)]
    pub fn plan(&self) -> Option<Plan> {
        (self.sandbox > SandboxMode::Off)
            .then(|| Plan::new(Offer::of_this_kernel(), &self.sandbox_read).to(&self.sandbox_net))
    }

    /// Says in the log what the sandbox is here, and what it can't be.
    #[doc(hidden)]
    pub fn announce(&self) {
        if let Some(plan) = self.plan() {
            tracing::info!(event = "sandbox.plan", "sandbox: {plan}");
            for gap in plan.gaps() {
                tracing::warn!(event = "sandbox.gap", "sandbox: not confined are {gap}");
            }
        }
    }

    /// As environment variables.
    #[doc(hidden)]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let numbers = [
            (MEMORY_VARIABLE, self.memory),
            (OPEN_FILES_VARIABLE, self.open_files),
            (CORE_VARIABLE, self.core),
        ];
        let mut variables: Vec<(&'static str, String)> = numbers
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value.to_string())))
            .collect();
        if self.sandbox > SandboxMode::Off {
            variables.push((SANDBOX_VARIABLE, self.sandbox.name().to_owned()));
            let paths: Vec<String> = self
                .sandbox_read
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            variables.push((SANDBOX_READ_VARIABLE, paths.join(SEPARATOR)));
            let peers: Vec<String> = self.sandbox_net.iter().map(Peer::to_string).collect();
            variables.push((SANDBOX_NET_VARIABLE, peers.join(COMMA)));
        }
        variables
    }

    /// From the environment that the supervisor made; the default without one.
    #[doc(hidden)]
    pub fn from_environment() -> Result<Self, String> {
        let number = |name: &str| match std::env::var(name) {
            Ok(text) => text
                .parse()
                .map(Some)
                .map_err(|_| format!("{name}={text:?} is not a number")),
            Err(_) => Ok(None),
        };
        let sandbox = match std::env::var(SANDBOX_VARIABLE) {
            Ok(name) => (name.parse()).map_err(|error| format!("{SANDBOX_VARIABLE}: {error}"))?,
            Err(_) => SandboxMode::Off,
        };
        let paths = std::env::var(SANDBOX_READ_VARIABLE).unwrap_or_default();
        let peers = std::env::var(SANDBOX_NET_VARIABLE).unwrap_or_default();
        let peers = peers.split(COMMA).filter(|peer| !peer.is_empty());
        Ok(Self {
            memory: number(MEMORY_VARIABLE)?,
            open_files: number(OPEN_FILES_VARIABLE)?,
            threads: 0, // not the worker's business
            sandbox,
            sandbox_read: paths
                .split(SEPARATOR)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
                .collect(),
            sandbox_net: peers
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|error| format!("{SANDBOX_NET_VARIABLE}: {error}"))?,
            core: number(CORE_VARIABLE)?,
        })
    }

    /// Confines this process. Call it before the lanes' threads start: they inherit it.
    pub(crate) fn apply(&self) -> Result<(), String> {
        // A core dump holds payloads, and is written where the sandbox would allow no write.
        let core = match self.sandbox {
            SandboxMode::Off => self.core,
            _ => self.core.or(Some(0)),
        };
        rlimits::apply(self.memory, self.open_files, core)?;
        let Some(plan) = self.plan() else {
            return Ok(());
        };
        if let Some(why) = plan.net_problem() {
            return Err(why);
        }
        let gaps = plan
            .apply()
            .map_err(|error| format!("the sandbox can't be set up: {error}"))?;
        tracing::debug!(event = "sandbox.plan", "sandbox: {plan}");
        if gaps == plan.gaps() {
            return Ok(()); // as the supervisor has said
        }
        let gaps = gaps.join("; ");
        if self.sandbox == SandboxMode::Require {
            return Err(format!(
                "the sandbox is required, but not confined are {gaps}"
            ));
        }
        // Workers may have no log; their standard error always gets somewhere.
        let _ = writeln!(std::io::stderr(), "sandbox: not confined are {gaps}");
        Ok(())
    }
}

/// Confines this process, which answers HTTP at a socket that listens already: it may read what is
/// `readable`, accept connections, and nothing else of what a worker may not. Gives what the kernel
/// could not do, in words.
///
/// # Errors
/// When the kernel has it and refuses it.
#[doc(hidden)]
pub fn confine_endpoint(readable: &[PathBuf]) -> Result<Vec<String>, String> {
    rlimits::apply(None, None, Some(0))?;
    let plan = Plan::new(Offer::of_this_kernel(), readable);
    let gaps = plan
        .apply_to_endpoint()
        .map_err(|error| format!("the sandbox can't be set up: {error}"))?;
    tracing::debug!(event = "sandbox.plan", "sandbox: {plan}");
    Ok(gaps)
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
                ..Confinement::default()
            };
            limits.problems(2).join("; ")
        };
        assert!(with(Some(1 << 20), None, 0).contains("worker-memory is 1 MiB"));
        assert!(with(None, Some(3), 0).contains("worker-open-files is 3"));
        assert!(with(None, None, 2).contains("worker-threads is 2"));
        assert_eq!(with(Some(64 << 20), Some(64), 10), "");
        let all = with(Some(1 << 20), Some(3), 2);
        assert_eq!(all.split("; ").count(), 3, "{all}");
        assert!(Confinement::default().problems(64).is_empty());
    }
}
