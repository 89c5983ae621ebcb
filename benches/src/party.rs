//! The parties of the suite `handlers`: processes that do one thing a number of times, and tell
//! the processor time that it took. Ringwork's is this program itself, which calls the stock
//! handlers as a worker does, in one thread and without a ring; the others are
//! `benches/peers/python/handlers.py`.
//!
//! A party says `ready`, then answers each line of JSON by one, until its input ends.

use ringwork_handlers::{compress, digest, image, password};
use rustix::time::{ClockId, clock_gettime};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What a party is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// The handler; the others know by their name what they do.
    pub handler: String,
    /// Its parameters. The others read from them what they have, too.
    pub params: Value,
    /// The file with the body.
    pub path: PathBuf,
    /// How often.
    pub times: u32,
    /// Where the result goes, if it is wanted.
    pub out: Option<PathBuf>,
}

/// What a party answers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Answer {
    /// Processor time of the process, user and system, for all times, in seconds.
    pub cpu_s: f64,
    /// Bytes of one result.
    pub bytes: usize,
}

/// A party that runs.
pub struct Party {
    pub name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Party {
    /// Starts `command`, whose stderr goes to the file `log`; the party is ready when this returns.
    pub fn start(name: &str, mut command: Command, log: PathBuf) -> Result<Self, Box<dyn Error>> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .map_err(|error| format!("can't start {}: {error}", command.get_program().display()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut party = Self {
            name: name.to_owned(),
            child,
            input,
            output: BufReader::new(output.ok_or("no stdout")?),
            log,
        };
        let line = party.line()?;
        match line.trim() {
            "ready" => Ok(party),
            _ => Err(party.broken(&line)),
        }
    }

    /// Asks for something and waits for the answer.
    pub fn ask<A: DeserializeOwned>(
        &mut self,
        request: &impl Serialize,
    ) -> Result<A, Box<dyn Error>> {
        let input = self.input.as_mut().ok_or("the party has ended")?;
        writeln!(input, "{}", serde_json::to_string(request)?)?;
        input.flush()?;
        let line = self.line()?;
        serde_json::from_str(&line).map_err(|_| self.broken(&line))
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line)
    }

    fn broken(&self, line: &str) -> Box<dyn Error> {
        let what = line.trim();
        let what = what.strip_prefix("failed ").unwrap_or(what);
        let what = if what.is_empty() { "it ended" } else { what };
        format!("{}: {what} (log: {})", self.name, self.log.display()).into()
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        self.input = None; // the end of its input ends it
        let _ = self.child.wait();
    }
}

/// Ringwork's party: this process until the end of its input.
pub fn serve() -> Result<(), Box<dyn Error>> {
    println!("ready");
    let mut bodies: HashMap<PathBuf, Vec<u8>> = HashMap::new();
    for line in std::io::stdin().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let body = match bodies.get(&request.path) {
            Some(body) => body,
            None => {
                let body = std::fs::read(&request.path)?;
                bodies.entry(request.path.clone()).or_insert(body)
            }
        };
        let answer = match answer(&request, body) {
            Ok(answer) => serde_json::to_string(&answer)?,
            Err(error) => format!("failed {error}"),
        };
        println!("{answer}");
    }
    Ok(())
}

fn answer(request: &Request, body: &[u8]) -> Result<Answer, Box<dyn Error>> {
    let before = cpu_time();
    let mut made = Vec::new();
    for _ in 0..request.times {
        made = run(&request.handler, &request.params, body)?;
    }
    let cpu_s = cpu_time() - before;
    if let Some(out) = &request.out {
        write(out, &made)?;
    }
    Ok(Answer {
        cpu_s,
        bytes: made.len(),
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// A stock handler as a worker calls it: parameters from JSON, then the function.
fn run(handler: &str, params: &Value, body: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(match handler {
        "image.thumbnail" => image::thumbnail(&Deserialize::deserialize(params)?, body)?.bytes,
        "password.hash" => password::hash(&Deserialize::deserialize(params)?, body)?.into_bytes(),
        "digest" => digest::digest(&Deserialize::deserialize(params)?, body)?
            .as_bytes()
            .to_vec(),
        "compress" => compress::compress(&Deserialize::deserialize(params)?, body)?,
        "decompress" => compress::decompress(&Deserialize::deserialize(params)?, body)?,
        other => return Err(format!("no handler {other} here").into()),
    })
}

/// Of this process, in seconds.
/// Processor time of this process, user and system, in seconds.
pub fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
