//! Child processes: what they say, how they end, and that they do.

use crate::look::stat;
use crate::wait::{LIMIT, find};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// A child process, which is killed and waited for when dropped.
#[derive(Debug)]
pub struct KillOnDrop(
    /// The process.
    pub Child,
);

impl KillOnDrop {
    /// Kills it, and waits until it is dead.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A child process with a pipe to its standard input, and the lines of its output as they come; killed and
/// waited for when dropped. Output is read whether a test looks at it or not: it never fills a pipe.
#[derive(Debug)]
pub struct Process {
    child: KillOnDrop,
    /// Its end is the end of an embedded pool, also when this process is killed.
    pub input: Option<ChildStdin>,
    output: Receiver<String>,
    errors: Option<Receiver<String>>,
    exit: Option<ExitStatus>,
}

impl Process {
    /// Starts it. Its standard error goes where the command has it.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = KillOnDrop(command.spawn()?);
        let piped = |what| io::Error::other(format!("no pipe from its {what}"));
        Ok(Self {
            input: child.0.stdin.take(),
            output: lines(child.0.stdout.take().ok_or_else(|| piped("output"))?),
            errors: child.0.stderr.take().map(lines),
            child,
            exit: None,
        })
    }

    /// The same, with its standard error as lines, too ([`Self::error_line`]).
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start_with_errors(command: &mut Command) -> io::Result<Self> {
        Self::start(command.stderr(Stdio::piped()))
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.child.0.id().cast_signed()
    }

    /// The child, for what only the standard library says of it.
    #[must_use]
    pub fn child(&self) -> &Child {
        &self.child.0
    }

    /// The next line of its standard output, if it is there.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        self.output.try_recv().ok()
    }

    /// The next line of its standard output, once it is there; `None` when it ends without one.
    ///
    /// # Errors
    /// When it says nothing within [`LIMIT`].
    pub fn wait_line(&self) -> Result<Option<String>, String> {
        use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
        match self.output.recv_timeout(LIMIT) {
            Ok(line) => Ok(Some(line)),
            Err(Disconnected) => Ok(None),
            Err(Timeout) => Err(format!("no line within {LIMIT:?}")),
        }
    }

    /// The next line of its standard error, if it is there.
    #[must_use]
    pub fn error_line(&self) -> Option<String> {
        self.errors.as_ref()?.try_recv().ok()
    }

    /// All lines of its standard error that were not taken yet, once it and its children have closed it.
    #[must_use]
    pub fn rest_of_errors(&self) -> Vec<String> {
        self.errors.iter().flatten().collect()
    }

    /// Writes it a line; one that has ended hears nothing.
    pub fn say(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            let _ = writeln!(input, "{line}");
        }
    }

    /// Sends it a signal; `false` when it is known to have ended: its id may be another's.
    #[must_use]
    pub fn signal(&self, signal: Signal) -> bool {
        self.exit.is_none() && kill(Pid::from_raw(self.pid()), signal).is_ok()
    }

    /// How it ended, if it has.
    pub fn exit(&mut self) -> Option<ExitStatus> {
        if self.exit.is_none() {
            self.exit = self.child.0.try_wait().ok().flatten();
        }
        self.exit
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// After [`LIMIT`].
    pub fn wait_exit(&mut self) -> Result<ExitStatus, String> {
        find("the process ends", || self.exit())
    }

    /// Kills it, and waits until it is dead.
    pub fn kill(&mut self) {
        self.child.kill();
        self.exit();
    }
}

/// The lines that come from a pipe, read by a thread of its own until it is closed.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Read on, also when no test wants it: the pipe must not fill.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// Sends a signal to a child of `parent`; `false` when it is that no more.
#[must_use]
pub fn signal_child_of(parent: i32, pid: i32, signal: Signal) -> bool {
    let is_child = stat(pid).is_some_and(|(_, of, _)| of == parent);
    is_child && kill(Pid::from_raw(pid), signal).is_ok()
}
