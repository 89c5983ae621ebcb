//! Real supervisors in a directory of their own, gone with their guards.
//!
//! A guard kills only the process that it started; the workers follow their
//! supervisor by the kernel's hand.

#![allow(dead_code, reason = "each test file uses its part")]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const RINGWORK: &str = env!("CARGO_BIN_EXE_ringwork");
/// Far more than anything here takes, also on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `RINGWORK_DIR` of its own.
pub struct Home {
    dir: TempDir,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("ringwork-test-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in("/dev/shm")
            .unwrap();
        Self { dir }
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
    child: Child,
    pub stdin: Option<ChildStdin>,
    pub line: String,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Serve {
    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take(),
            line: String::new(),
            stdout: lines(child.stdout.take().unwrap()),
            stderr: lines(child.stderr.take().unwrap()),
            child,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn first_line(&mut self) -> String {
        self.stdout.recv_timeout(PATIENCE).unwrap_or_else(|error| {
            panic!(
                "no line from the supervisor ({error}); it said: {}",
                self.log()
            )
        })
    }

    /// What it has written to standard output since.
    pub fn rest_of_stdout(&self) -> Vec<String> {
        self.stdout.try_iter().collect()
    }

    /// What it has written to standard error since the last call.
    pub fn log(&self) -> String {
        self.stderr.try_iter().map(|line| line + "\n").collect()
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
        self.stderr.iter().collect::<Vec<_>>().join("\n")
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.id(), signal);
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its exit code (or minus the signal), once it has ended.
    pub fn wait(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        let mut status: Option<ExitStatus> = None;
        until("the supervisor has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let status = status.unwrap();
        status.code().unwrap_or_else(|| -status.signal().unwrap())
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A child that is killed when dropped.
pub struct Killed(pub Child);

impl Killed {
    pub fn output(mut self) -> Ended {
        let mut ended = Ended {
            code: -1,
            stdout: String::new(),
            stderr: String::new(),
        };
        self.0
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut ended.stdout)
            .unwrap();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut ended.stderr)
            .unwrap();
        ended.code = self.0.wait().unwrap().code().unwrap_or(-1);
        ended
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a command whose output is read later.
pub fn background(mut command: Command) -> Killed {
    Killed(
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    )
}

/// Signals a process that this test has started, or its supervisor has.
pub fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name, which is in parentheses.
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with(['Z', 'X']))
}

/// Waits for a condition.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
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
