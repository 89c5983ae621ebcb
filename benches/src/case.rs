//! A case that runs in a process of its own: warmed up once, then asked for rounds.
//!
//! It says `ready`, then answers each line `round SECONDS` by `result name=value …`
//! or `failed why`; the end of its input ends it. Between two rounds it sleeps, with
//! its pool or its peer closed, so it disturbs no other case. Its stderr goes to a log file. Which
//! program a case is, and whether it could be built, programs.rs knows.

use crate::hdr;
use crate::programs::Programs;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// Metrics of a round, by name.
pub type Metrics = BTreeMap<String, f64>;

/// A running case.
pub struct Case {
    pub name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Case {
    /// Starts the process of a case, named `CASE` in the suite rtt and `SUITE/CASE` in another one
    /// with a case of that name; it has warmed up when this returns.
    pub fn start(programs: &Programs, name: &str) -> Result<Self, Box<dyn Error>> {
        let mut command = programs.case(name)?;
        let log = programs.out.join(format!("{}.log", name.replace('/', "-")));
        let mut child = command
            .env("BENCH_HDR", hdr::path(&programs.out, name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .map_err(|error| format!("can't start {}: {error}", command.get_program().display()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut case = Self {
            name: name.rsplit('/').next().unwrap_or(name).to_owned(),
            child,
            input,
            output: BufReader::new(output.ok_or("no stdout")?),
            log,
        };
        let line = case.line()?;
        if line.trim() == "ready" {
            Ok(case)
        } else {
            Err(case.broken(&line))
        }
    }

    /// The process id of the case.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs a round; its metrics.
    pub fn round(&mut self, seconds: f64) -> Result<Metrics, Box<dyn Error>> {
        self.begin_round(seconds)?;
        self.end_round()
    }

    /// Starts a round, for a caller that measures something beside it.
    pub fn begin_round(&mut self, seconds: f64) -> Result<(), Box<dyn Error>> {
        let input = self.input.as_mut().ok_or("the case has ended")?;
        writeln!(input, "round {seconds}")?;
        input.flush()?;
        Ok(())
    }

    /// Waits for the end of a round; its metrics.
    pub fn end_round(&mut self) -> Result<Metrics, Box<dyn Error>> {
        let line = self.line()?;
        let Some(rest) = line.strip_prefix("result") else {
            return Err(self.broken(&line));
        };
        rest.split_whitespace()
            .map(|pair| {
                let (name, value) = pair.split_once('=').ok_or("no '=' in a result")?;
                Ok((name.to_owned(), value.parse()?))
            })
            .collect()
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line)
    }

    fn broken(&self, line: &str) -> Box<dyn Error> {
        let what = line.trim();
        let what = if what.is_empty() {
            "it ended"
        } else {
            what.strip_prefix("failed ").unwrap_or(what)
        };
        format!("{what} (log: {})", self.log.display()).into()
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        self.input = None; // the end of its input ends it
        let _ = self.child.wait();
    }
}
