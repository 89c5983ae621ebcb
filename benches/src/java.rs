//! A case that runs in a JVM: one process a case, warmed up once, then asked for rounds.
//!
//! It says `ready`, then answers each line `round SECONDS` by `result name=value …`
//! or `failed why`; the end of its input ends it. Between two rounds it sleeps, with
//! its pool closed, so it disturbs no other case. Its stderr goes to a log file.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The repository.
    pub root: PathBuf,
    /// `java`.
    pub java: PathBuf,
    /// The jar with the Java side of the cases, if it is built; not every suite needs it.
    pub jar: Option<PathBuf>,
    /// The binary `ringwork`.
    pub ringwork: PathBuf,
    /// The worker of the suite `cpu10k`.
    pub worker: PathBuf,
    /// Where the report, logs and images go.
    pub out: PathBuf,
}

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
    /// Starts the JVM of a case; it has warmed up when this returns.
    pub fn start(programs: &Programs, name: &str) -> Result<Self, Box<dyn Error>> {
        let jar = programs
            .jar
            .as_ref()
            .ok_or("no benchmark jar: `mvn package` makes it")?;
        let log = programs.out.join(format!("{name}.log"));
        let mut child = Command::new(&programs.java)
            .arg(format!("-Dringwork.binary={}", programs.ringwork.display()))
            .arg(format!("-Dbench.worker={}", programs.worker.display()))
            .arg(format!("-Dbench.out={}", programs.out.display()))
            .arg("-jar")
            .arg(jar)
            .arg(name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .map_err(|error| format!("can't start {}: {error}", programs.java.display()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut case = Self {
            name: name.to_owned(),
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

    /// The process id of the JVM.
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

/// The newest jar of the benchmarks below `root`.
pub fn find_jar(root: &Path) -> Option<PathBuf> {
    let target = root.join("java-panama/ringwork-benches/target");
    let mut jars: Vec<PathBuf> = std::fs::read_dir(target)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with("ringwork-benches-") && name.ends_with(".jar"))
        })
        .collect();
    jars.sort();
    jars.pop()
}
