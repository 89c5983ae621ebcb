//! Real supervisors in a directory of their own; processes, folder and waiting are those of the one
//! harness, `tests/support`.

#![allow(dead_code, reason = "each test file uses its part")]

pub use ringwork_support::wait_until as until;
use ringwork_support::{Folder, KillOnDrop, Process};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Output, Stdio};

pub const RINGWORK: &str = env!("CARGO_BIN_EXE_ringwork");

/// A `RINGWORK_DIR` of its own.
pub struct Home {
    dir: Folder,
}

impl Home {
    pub fn new() -> Self {
        Self {
            dir: Folder::new("test"),
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn pool(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// A command that sees this home only.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(RINGWORK);
        command
            .args(args)
            .env("RINGWORK_DIR", self.path())
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ended {
        self.command(args).output().unwrap().into()
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let ended = self.run(args);
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    }

    pub fn stat(&self, name: &str) -> Value {
        self.json(&["stat", name, "--json"])
    }

    /// Starts `serve --name NAME` with these options and waits for its line.
    pub fn serve(&self, name: &str, options: &[&str]) -> Serve {
        let mut serve = self.start(name, options);
        serve.line = serve.first_line();
        serve
    }

    /// Starts `serve` without waiting.
    pub fn start(&self, name: &str, options: &[&str]) -> Serve {
        self.start_by(name, &[], options)
    }

    /// The same through a command that executes its last arguments, like `env`.
    pub fn start_by(&self, name: &str, starter: &[&str], options: &[&str]) -> Serve {
        let serve = ["serve", "--name", name, "--segment-size", "16MiB"];
        let line = [starter, &[RINGWORK], &serve, options].concat();
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).env("RINGWORK_DIR", self.path());
        Serve::spawn(&mut command)
    }
}

impl Home {
    /// Starts `serve` from a copy of the program, and waits for its line.
    pub fn start_from(&self, program: &Path, name: &str, options: &[&str]) -> Serve {
        let serve = ["serve", "--name", name, "--segment-size", "16MiB"];
        let mut command = Command::new(program);
        command
            .args([&serve[..], options].concat())
            .env("RINGWORK_DIR", self.path());
        let mut serve = Serve::spawn(&mut command);
        serve.line = serve.first_line();
        serve
    }

    /// Starts a command that executes its last arguments, with these.
    pub fn start_args(&self, starter: &[&str], args: &[&str]) -> Serve {
        let mut command = Command::new(starter[0]);
        command
            .args(&starter[1..])
            .args(args)
            .env("RINGWORK_DIR", self.path());
        Serve::spawn(&mut command)
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A running supervisor; killed when dropped.
pub struct Serve {
    process: Process,
    pub line: String,
}

impl Serve {
    fn spawn(command: &mut Command) -> Self {
        Self {
            process: Process::start_with_errors(command).unwrap(),
            line: String::new(),
        }
    }

    /// The pipe to it: an embedded pool lives as long as that.
    pub fn stdin(&mut self) -> &mut Option<ChildStdin> {
        &mut self.process.input
    }

    pub fn id(&self) -> u32 {
        self.process.child().id()
    }

    pub fn first_line(&mut self) -> String {
        match self.process.wait_line() {
            Ok(Some(line)) => line,
            other => panic!("the supervisor: {other:?}; it said: {}", self.log()),
        }
    }

    /// What it has written to standard output since.
    pub fn rest_of_stdout(&self) -> Vec<String> {
        std::iter::from_fn(|| self.process.line()).collect()
    }

    /// What it has written to standard error since the last call.
    pub fn log(&self) -> String {
        std::iter::from_fn(|| self.process.error_line())
            .map(|line| line + "\n")
            .collect()
    }

    /// Waits until its standard error has said this.
    pub fn until_logged(&self, part: &str) {
        let mut log = String::new();
        until(part, || {
            log += &self.log();
            log.contains(part)
        });
    }

    /// All of its standard error, when it has ended.
    pub fn whole_log(&self) -> String {
        self.process.rest_of_errors().join("\n")
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.id(), signal);
    }

    pub fn is_running(&mut self) -> bool {
        self.process.exit().is_none()
    }

    /// Its exit code (or minus the signal), once it has ended.
    pub fn wait(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        let status = self.process.wait_exit().unwrap();
        status.code().unwrap_or_else(|| -status.signal().unwrap())
    }
}

/// A command whose output is read later; killed when dropped.
pub struct Background(KillOnDrop);

impl Background {
    pub fn id(&self) -> u32 {
        self.0.0.id()
    }

    /// Its output, once it has ended.
    pub fn output(mut self) -> Ended {
        let child = &mut self.0.0;
        let mut ended = Ended {
            code: -1,
            stdout: String::new(),
            stderr: String::new(),
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        stdout.unwrap().read_to_string(&mut ended.stdout).unwrap();
        stderr.unwrap().read_to_string(&mut ended.stderr).unwrap();
        ended.code = child.wait().unwrap().code().unwrap_or(-1);
        ended
    }
}

/// Starts a command whose output is read later.
pub fn background(mut command: Command) -> Background {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Background(KillOnDrop(command.spawn().unwrap()))
}

/// Signals a process that this test has started, or its supervisor has.
pub fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: u32) -> bool {
    ringwork_support::is_alive(pid.cast_signed())
}

/// The process ids of a pool's workers.
pub fn workers(stat: &Value) -> Vec<u32> {
    let workers = stat["workers"].as_array().unwrap().iter();
    workers
        .map(|worker| u32::try_from(worker["pid"].as_u64().unwrap()).unwrap())
        .collect()
}

/// How many tasks run in a pool.
pub fn running(stat: &Value) -> u64 {
    stat["clients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|client| client["running"].as_u64().unwrap())
        .sum()
}

/// The texts of a pool's error log.
pub fn errors(stat: &Value) -> Vec<String> {
    stat["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["text"].as_str().unwrap().to_owned())
        .collect()
}
