//! One worker process: started, watched through its pidfd, its output passed on.
//!
//! Invariant: a [`Process`] that is dropped is dead and reaped. It must be
//! started from the supervisor's main thread, which lives as long as the
//! supervisor: the worker's parent-death signal is bound to that thread.

pub(crate) mod cause;
pub(crate) mod kept_program;

use crate::config::WorkerCommand;
use ringwork_ring::format::words::EntryWord;
use ringwork_ring::{Cause, CauseDetail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::collections::VecDeque;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Lines kept for the error that a death at start becomes.
const TAIL_LINES: usize = 20;
/// A longer line is passed on in pieces.
const LINE_MAX: usize = 8 << 10;
/// How long a killed process is waited for, when it is stuck in the kernel.
const DEATH_PATIENCE: Duration = Duration::from_secs(2);

/// A running worker.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    // None on kernels before 5.3: then every tick asks for the exit.
    pidfd: Option<OwnedFd>,
    output: Option<PipeReader>,
    /// When it closed its output, unless that has been seen to.
    pub(crate) output_closed: Option<Instant>,
    lines: Lines,
    pub(crate) started: Instant,
    pub(crate) ready: Option<Instant>,
    /// Entry word seen when it was ready: tells its entry from a successor's.
    pub(crate) word: Option<EntryWord>,
    /// Why the supervisor killed it, if it did.
    pub(crate) killed: Option<String>,
    /// The same for the clients of its tasks.
    pub(crate) killed_for: Option<CauseDetail>,
}

/// Nothing to read. A root directory that has a worker alone has no `/dev/null`.
fn no_input() -> io::Result<Stdio> {
    match std::fs::File::open("/dev/null") {
        Ok(null) => Ok(null.into()),
        Err(_) => Ok(memfd_create("ringwork-no-input", MemfdFlags::CLOEXEC)?.into()),
    }
}

impl Process {
    /// Starts a worker from the file at `program`, which need not be the path of its command; its
    /// standard output and error both come back through a pipe.
    pub(crate) fn spawn(
        command: &WorkerCommand,
        program: &Path,
        environment: &[(&str, String)],
    ) -> io::Result<Self> {
        Self::spawn_with(command, program, environment, no_input()?)
    }

    /// The same, with something to read.
    pub(crate) fn spawn_with(
        command: &WorkerCommand,
        program: &Path,
        environment: &[(&str, String)],
        input: Stdio,
    ) -> io::Result<Self> {
        let started = Instant::now();
        let (output, out) = io::pipe()?;
        let child = Command::new(program)
            // What it is called in lists of processes, wherever it is started from.
            .arg0(&command.program)
            .args(&command.args)
            .envs(environment.iter().map(|(key, value)| (key, value)))
            // The service manager listens to the supervisor only.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID")
            .stdin(input)
            .stdout(out.try_clone()?)
            .stderr(out)
            // Ctrl-C in a terminal is for the supervisor, which drains; the workers must not see
            // it.
            .process_group(0)
            .spawn()?;
        let pidfd = pidfd_open(pid_of(&child), PidfdFlags::empty()).ok();
        Ok(Self {
            child,
            pidfd,
            output: Some(output),
            output_closed: None,
            lines: Lines::default(),
            started,
            ready: None,
            word: None,
            killed: None,
            killed_for: None,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What to poll: readable when the process is dead.
    pub(crate) fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// What to poll: readable when there is output.
    pub(crate) fn output(&self) -> Option<BorrowedFd<'_>> {
        self.output.as_ref().map(AsFd::as_fd)
    }

    /// The exit, once it is dead.
    pub(crate) fn exit(&mut self) -> Option<Cause> {
        match self.child.try_wait() {
            Ok(status) => status.map(cause::of_status),
            // It was waited for already (a SIGCHLD that was ignored by our parent): it is gone.
            Err(_) => Some(Cause::Unknown),
        }
    }

    /// Kills it, for this reason.
    pub(crate) fn kill(&mut self, why: &str) {
        self.killed.get_or_insert_with(|| why.to_owned());
        let _ = self.child.kill();
    }

    /// Asks it to leave.
    pub(crate) fn terminate(&mut self) {
        // Not reaped yet, so the id can't be another process's.
        if self.exit().is_none() {
            let _ = kill_process(pid_of(&self.child), Signal::TERM);
        }
    }

    /// Passes on the output that is there, without waiting for more.
    pub(crate) fn pass_output(&mut self, sink: &mut dyn FnMut(&str)) {
        let mut buffer = [0; 4096];
        // Bounded: a worker that writes for ever must not keep the supervisor here.
        for _ in 0..64 {
            let Some(output) = self.output.as_mut() else {
                return;
            };
            if !readable(output.as_fd(), Duration::ZERO) {
                return;
            }
            match output.read(&mut buffer) {
                Ok(0) => {
                    self.output = None;
                    self.output_closed = Some(Instant::now());
                }
                Ok(count) => self.lines.push(&buffer[..count], sink),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.output = None,
            }
        }
    }

    /// The last lines of its output, with an unfinished one.
    pub(crate) fn last_lines(&mut self, sink: &mut dyn FnMut(&str)) -> Vec<String> {
        self.pass_output(sink);
        self.lines.finish(sink);
        self.lines.tail.iter().cloned().collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        self.wait(DEATH_PATIENCE);
    }
}

impl Process {
    /// Waits for its end, but not for ever.
    pub(crate) fn wait(&mut self, patience: Duration) {
        let give_up = Instant::now() + patience;
        while self.exit().is_none() && Instant::now() < give_up {
            match &self.pidfd {
                Some(pidfd) => drop(readable(pidfd.as_fd(), Duration::from_millis(100))),
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Whether a descriptor becomes readable, or its other end closed, within `patience`.
pub(crate) fn readable(fd: BorrowedFd<'_>, patience: Duration) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    let time = Timespec {
        tv_sec: 0,
        tv_nsec: patience.subsec_nanos().into(),
    };
    poll(&mut fds, Some(&time)).is_ok_and(|count| count > 0)
}

/// Whether a line belongs to a backtrace of Rust: such would push out what was said before it.
fn is_frame(line: &str) -> bool {
    let numbered = |rest: &str| {
        let number = rest.split_once(": ").map(|(number, _)| number);
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match line.strip_prefix(' ').map(str::trim_start) {
        Some(rest) => rest.starts_with("at ") || numbered(rest),
        None => line == "stack backtrace:",
    }
}

/// Cuts a byte stream into lines; keeps the last ones, without backtraces.
#[derive(Debug, Default)]
struct Lines {
    partial: Vec<u8>,
    tail: VecDeque<String>,
}

impl Lines {
    fn push(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&str)) {
        for byte in bytes {
            if *byte != b'\n' {
                self.partial.push(*byte);
            }
            if *byte == b'\n' || self.partial.len() >= LINE_MAX {
                self.emit(sink);
            }
        }
    }

    fn finish(&mut self, sink: &mut dyn FnMut(&str)) {
        if !self.partial.is_empty() {
            self.emit(sink);
        }
    }

    fn emit(&mut self, sink: &mut dyn FnMut(&str)) {
        let line = String::from_utf8_lossy(&self.partial)
            .trim_end_matches('\r')
            .to_owned();
        self.partial.clear();
        sink(&line);
        if is_frame(&line) {
            return;
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let command = WorkerCommand {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
        };
        Process::spawn(&command, &command.program, &[("WORD", "hello".to_owned())]).unwrap()
    }

    fn wait(process: &mut Process) -> Cause {
        loop {
            if let Some(exit) = process.exit() {
                return exit;
            }
            readable(process.pidfd().unwrap(), Duration::from_millis(900));
        }
    }

    #[test]
    fn output_of_both_kinds_and_the_exit_come_back() {
        let mut process = shell("echo $WORD; echo oops >&2; printf rest; exit 7");
        assert_eq!(wait(&mut process), Cause::Exited { code: 7 });
        let mut seen = Vec::new();
        let tail = process.last_lines(&mut |line| seen.push(line.to_owned()));
        assert_eq!(seen, ["hello", "oops", "rest"]);
        assert_eq!(tail, seen);
    }

    #[test]
    fn a_killed_process_tells_its_signal_and_a_dropped_one_is_gone() {
        let mut process = shell("while :; do sleep 1; done");
        process.kill("test");
        assert_eq!(wait(&mut process), Cause::signal(9));
        assert_eq!(process.killed.as_deref(), Some("test"));
        let process = shell("while :; do sleep 1; done");
        let path = format!("/proc/{}", process.id());
        drop(process);
        assert!(!std::path::Path::new(&path).exists());
    }

    #[test]
    fn only_the_last_lines_are_kept_and_endless_ones_are_cut() {
        let (mut lines, mut count) = (Lines::default(), 0);
        let mut sink = |_: &str| count += 1;
        lines.push(&b"x\n".repeat(100), &mut sink);
        lines.push(&vec![b'y'; LINE_MAX + 1], &mut sink);
        lines.finish(&mut sink);
        assert_eq!(lines.tail.len(), TAIL_LINES);
        assert_eq!(count, 102);
    }

    #[test]
    fn a_backtrace_does_not_push_out_what_was_said_before_it() {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        let mut sink = |line: &str| seen.push(line.to_owned());
        lines.push(
            b"memory allocation of 9 bytes failed\nstack backtrace:\n",
            &mut sink,
        );
        for frame in 0..2 * TAIL_LINES {
            let frame =
                format!("{frame:4}: std::alloc::rust_oom\n             at ./alloc.rs:4:5\n");
            lines.push(frame.as_bytes(), &mut sink);
        }
        lines.push(b"note: at last: 3: that\n", &mut sink);
        assert_eq!(
            lines.tail,
            [
                "memory allocation of 9 bytes failed",
                "note: at last: 3: that"
            ]
        );
        assert_eq!(seen.len(), 3 + 4 * TAIL_LINES, "all is passed on");
    }
}
