//! The processes of a run: started with a pipe that they live by, signalled through pidfds.
//!
//! Invariant: only own children, and children of the own supervisor, are ever
//! signalled: the pidfd is opened first, the parent asked for after.

use ringwork_ring::Segment;
use ringwork_ring::format::words::EntryWord;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// Workers of the pool, and lanes of each.
pub const WORKERS: u32 = 4;
pub const LANES: u32 = 2;

/// Starts the cleaner, and tells it of every child.
pub struct Cleaner {
    input: ChildStdin,
    child: Child,
}

impl Cleaner {
    pub fn start(base: &Path) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("cleaner")
            .arg(base)
            .stdin(Stdio::piped())
            // Ctrl-C is for the driver: its end is what the cleaner waits for.
            .process_group(0)
            .spawn()?;
        let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { input, child })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

/// A child of the harness, and a descriptor by which it is signalled.
pub struct Process {
    process: ringwork_support::Process,
    pub pidfd: OwnedFd,
}

impl Process {
    /// Starts it; its standard error is appended to `log`.
    pub fn start(command: &mut Command, log: &Path, cleaner: &mut Cleaner) -> io::Result<Self> {
        let log = OpenOptions::new().append(true).create(true).open(log)?;
        let process = ringwork_support::Process::start(command.stderr(log))?;
        let pidfd = pidfd_open(Pid::from_child(process.child()), PidfdFlags::empty())?;
        writeln!(cleaner.input, "{}", process.pid())?;
        Ok(Self { process, pidfd })
    }

    pub fn id(&self) -> u32 {
        self.process.child().id()
    }

    /// A line that it has written, if there is one.
    pub fn line(&self) -> Option<String> {
        self.process.line()
    }

    /// Writes it a line; one that has ended hears nothing.
    pub fn say(&mut self, line: &str) {
        self.process.say(line);
    }

    pub fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.pidfd, signal);
    }

    /// How it ended, if it has.
    pub fn exit(&mut self) -> Option<ExitStatus> {
        self.process.exit()
    }

    /// Kills it and waits for its end.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

/// A worker that can be harmed.
#[derive(Debug)]
pub struct Worker {
    /// Index of its entry.
    pub index: u32,
    /// The entry's word.
    pub word: EntryWord,
    pub pidfd: OwnedFd,
}

/// The workers that have registered their lanes and are children of `supervisor`.
pub fn workers(segment: &Segment, supervisor: u32) -> Vec<Worker> {
    (0..segment.geometry().max_workers)
        .filter_map(|index| {
            let record = segment.worker(index);
            let word = record.word_acquire();
            if !word.is_active() || record.lanes_acquire() == 0 {
                return None;
            }
            let pid = Pid::from_raw(record.pid().cast_signed())?;
            let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
            // Asked for after: the id can't have become another's since.
            (living_parent(pid) == Some(supervisor)).then_some(Worker { index, word, pidfd })
        })
        .collect()
}

/// The parent of a process that is alive.
fn living_parent(pid: Pid) -> Option<u32> {
    let (state, parent, _) = ringwork_support::look::stat(pid.as_raw_nonzero().get())?;
    (!matches!(state, 'Z' | 'X')).then_some(parent.cast_unsigned())
}
