//! A pool of real processes, and what is looked at in its segment.
//!
//! Invariant: dropped, its supervisor is gone, and so are its workers, whatever became of it.

pub use ringwork_support::look::stat;
pub use ringwork_support::{LIMIT, find as wait_for, is_alive};

use nix::sys::signal::Signal;
use ringwork_ring::format::layout::*;
use ringwork_ring::{PoolDir, Segment};
use ringwork_support::{Process, look, signal_child_of};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Longer than every timeout of the pool: grace and the sweep before it, the longest sleep, the
/// patience for a block, the drain.
pub const HOLD: Duration = Duration::from_millis(1_900);
/// Longer than the start timeout, too.
pub const START_HOLD: Duration = Duration::from_millis(3_600);
/// The lane entries of each: its lane's, and that of the shard of its async tasks.
const ENTRIES: usize = 2;

/// Environment of one process: which point is armed, and where it tells.
pub type Arms = Vec<(String, String)>;

/// How many workers a pool has, and of them I/O workers.
#[derive(Debug, Clone, Copy)]
pub struct Crew {
    pub workers: usize,
    pub io: usize,
}

impl Crew {
    /// The usual one.
    pub const PLAIN: Self = Self { workers: 2, io: 0 };
}

/// A served pool, or one that is on its way there.
pub struct Stage {
    supervisor: Process,
    served: bool,
    crew: Crew,
    pub dir: PoolDir,
    pub log: PathBuf,
    segment: Option<Segment>,
}

/// The program of all processes.
pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_ringwork-matrix")
}

impl Stage {
    /// Starts the supervisor. An embedded one and its workers leave signals to their owner: a scene
    /// that sends some has a pool that is served.
    pub fn start(
        base: &Path,
        name: &str,
        (served, crew): (bool, Crew),
        options: &[&str],
        arms: &Arms,
    ) -> Result<Self, String> {
        let kind: &[&str] = match served {
            true => &["--memory", "memfd"],
            false => &["--embedded"],
        };
        let pools = base.join("pools");
        let dir = PoolDir::below(&pools, name).map_err(|error| error.to_string())?;
        let log = base.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log);
        let mut command = Command::new(program());
        command
            .args(["serve", "--name", name, "--log-level", "info"])
            .args(kind)
            .args(["--lanes", "1", "--clients", "6", "--slots", "128"])
            .args(["--segment-size", "8MiB", "--overrun-grace", "300ms"])
            .args(["--keys", "true", "--channel", ringwork_matrix::CHANNEL])
            .args(["--workers", &(crew.workers - crew.io).to_string()])
            .args(["--io-workers", &crew.io.to_string()])
            .args(["--start-timeout", "3s", "--drain-timeout", "1s"])
            .args(options)
            .env("RINGWORK_DIR", &pools)
            .envs(arms.iter().cloned())
            .stderr(out.map_err(|error| format!("{}: {error}", log.display()))?);
        let supervisor =
            Process::start(&mut command).map_err(|error| format!("the supervisor: {error}"))?;
        Ok(Self {
            supervisor,
            served,
            crew,
            dir,
            log,
            segment: None,
        })
    }

    /// Whether it has got ready by now.
    pub fn is_ready(&mut self) -> Result<bool, String> {
        if self.segment.is_some() {
            return Ok(true);
        }
        let Some(line) = self.supervisor.line() else {
            return Ok(false);
        };
        let ready = match self.served {
            true => line.starts_with("serving"),
            false => serde_json::from_str::<serde_json::Value>(&line)
                .is_ok_and(|answer| answer["ready"] == true),
        };
        if !ready {
            return Err(format!("the pool did not start: {line}"));
        }
        let segment = Segment::attach(&self.dir).map_err(|error| error.to_string())?;
        self.segment = Some(segment);
        Ok(true)
    }

    /// Waits until it is ready.
    pub fn wait_ready(&mut self) -> Result<(), String> {
        wait_for("the pool is ready", || match self.is_ready() {
            Ok(true) => Some(Ok(())),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        })?
    }

    /// The test's own view of the segment.
    pub fn segment(&self) -> &Segment {
        self.segment.as_ref().expect("a ready pool")
    }

    /// The supervisor's process.
    pub fn pid(&self) -> i32 {
        self.supervisor.pid()
    }

    /// Asks the supervisor of a served pool to stop.
    pub fn ask_to_stop(&self) {
        let _ = self.supervisor.signal(Signal::SIGTERM);
    }

    /// Waits for the supervisor's end; `true` when it ended by itself and in order.
    pub fn wait_exit(&mut self) -> Result<bool, String> {
        let status = self.supervisor.wait_exit()?;
        Ok(status.success())
    }

    /// Lets the pool go, and sees that nothing is left of it.
    pub fn end(&mut self) -> Result<(), String> {
        let workers = self.worker_pids();
        self.supervisor.input = None;
        if self.served {
            self.ask_to_stop();
        }
        if !self.wait_exit()? {
            return Err("the supervisor did not end in order".to_owned());
        }
        self.check_gone(&workers)
    }

    /// Sees that no file and no process is left.
    pub fn check_gone(&self, workers: &[i32]) -> Result<(), String> {
        wait_for("the workers are gone", || {
            (!workers.iter().any(|pid| is_alive(*pid))).then_some(())
        })?;
        if self.dir.path().exists() {
            return Err(format!("{} is left", self.dir.path().display()));
        }
        Ok(())
    }

    /// The processes of the workers that have registered their lanes.
    pub fn worker_pids(&self) -> Vec<i32> {
        let Some(segment) = &self.segment else {
            return Vec::new();
        };
        (0..segment.geometry().max_workers)
            .map(|index| segment.worker(index))
            .filter(|worker| worker.word_acquire().is_active() && worker.lanes_acquire() > 0)
            .map(|worker| worker.pid().cast_signed())
            .filter(|pid| is_alive(*pid))
            .collect()
    }

    /// Waits until all workers serve.
    pub fn wait_workers(&self) -> Result<Vec<i32>, String> {
        wait_for("all workers serve", || {
            Some(self.worker_pids()).filter(|pids| self.are_all(pids))
        })
    }

    /// Whether these are all workers.
    pub fn are_all(&self, pids: &[i32]) -> bool {
        pids.len() == self.crew.workers
    }

    /// Sends a signal to a worker that is still this supervisor's child.
    pub fn signal_worker(&self, pid: i32, signal: Signal) -> bool {
        signal_child_of(self.pid(), pid, signal)
    }

    /// The client entry of a process, if it has one.
    pub fn client_of(&self, pid: i32) -> Option<u32> {
        let segment = self.segment.as_ref()?;
        (0..segment.geometry().max_clients).find(|index| {
            let client = segment.client(*index);
            client.word_acquire().is_active() && client.pid() == pid.cast_unsigned()
        })
    }

    /// A counter of the pool.
    pub fn counter(&self, counter: PoolCounter) -> u64 {
        self.segment().header().counter(counter).get()
    }

    /// Counters of the client that has an entry: submitted, and the sum of all ends.
    pub fn balance(&self, client: u32) -> (u64, u64) {
        let get = |counter| self.segment().client(client).since_attach(counter);
        let ends = [
            ClientCounter::Completed,
            ClientCounter::Failed,
            ClientCounter::TimedOut,
            ClientCounter::Cancelled,
        ];
        let ended = ends.into_iter().map(get).sum();
        (get(ClientCounter::Submitted), ended)
    }

    /// What is held of slots, blocks, permits and entries, when `clients` are attached; empty:
    /// nothing.
    pub fn held(&self, clients: usize) -> String {
        let segment = self.segment();
        let mut held = look::held(segment);
        let entries = (
            look::clients(segment),
            look::workers(segment),
            look::lanes(segment),
        );
        let workers = self.crew.workers;
        if entries != (clients, workers, ENTRIES * workers) {
            held.push_str(&format!("clients, workers, lanes: {entries:?}"));
        }
        held
    }
}
