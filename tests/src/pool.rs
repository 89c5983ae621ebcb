//! A pool of real processes, and what a test does to it.

use crate::{Base, LIMIT, ringwork_program, wait_for, wait_until, worker_program};
use nix::sys::signal::Signal;
use ringwork_ring::client::Client;
use ringwork_ring::format::layout::*;
use ringwork_ring::format::states::Health;
use ringwork_ring::{PoolDir, Segment};
use ringwork_support::{Process, is_alive, look, signal_child_of};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a pool whose test has ended may take to end by itself, before it is killed.
const IN_ORDER: Duration = Duration::from_secs(5);

/// What `ringwork serve` is started with. By default: the test worker, two
/// workers of one lane, a small segment.
#[derive(Debug, Clone)]
pub struct Serve {
    base: Arc<Base>,
    name: String,
    options: BTreeMap<String, String>,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    program: PathBuf,
    embedded: bool,
}

impl Serve {
    /// A pool `name` in a new directory.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::in_base(&Arc::new(Base::new()), name)
    }

    /// A pool `name` in a directory that others use, too.
    #[must_use]
    pub fn in_base(base: &Arc<Base>, name: &str) -> Self {
        let defaults = [
            ("workers", "2"),
            ("lanes", "1"),
            ("clients", "4"),
            ("slots", "256"),
            ("segment-size", "12MiB"),
            ("drain-timeout", "20s"),
        ];
        let serve = Self {
            base: Arc::clone(base),
            name: name.to_owned(),
            options: BTreeMap::new(),
            flags: Vec::new(),
            environment: Vec::new(),
            program: ringwork_program(),
            embedded: true,
        }
        .option("worker", &worker_program().display().to_string());
        defaults
            .into_iter()
            .fold(serve, |serve, (key, value)| serve.option(key, value))
    }

    /// Sets a long option, without its dashes.
    #[must_use]
    pub fn option(mut self, key: &str, value: &str) -> Self {
        self.options.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Takes another program than the `ringwork` beside this test.
    #[must_use]
    pub fn program(mut self, program: &Path) -> Self {
        program.clone_into(&mut self.program);
        self
    }

    /// Gives a long option without a value, or `KEY=VALUE`, without its dashes.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(format!("--{flag}"));
        self
    }

    /// Leaves an option at the default of `ringwork serve`.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.options.remove(key);
        self
    }

    /// As a service, which SIGHUP reloads, and not embedded in this process.
    #[must_use]
    pub fn daemon(mut self) -> Self {
        self.embedded = false;
        self
    }

    /// Sets an environment variable, of the workers, too.
    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The directory of the test.
    #[must_use]
    pub fn base(&self) -> &Arc<Base> {
        &self.base
    }

    /// The directory of the pool.
    ///
    /// # Panics
    /// When the name is no name of a pool.
    #[must_use]
    pub fn dir(&self) -> PoolDir {
        PoolDir::below(&self.base.pools(), &self.name).expect("a pool's name")
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start(self) -> Pool {
        match self.try_start() {
            Ok(pool) => pool,
            Err(refused) => panic!("the pool did not start: {refused:#?}"),
        }
    }

    /// Starts it; tells why it did not serve.
    ///
    /// # Panics
    /// When the supervisor neither gets ready nor ends.
    pub fn try_start(self) -> Result<Pool, Refused> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let log = self.base.path().join(format!("supervisor-{number}.log"));
        let mut command = Command::new(&self.program);
        command.args(["serve", "--name", &self.name]);
        if self.embedded {
            command.arg("--embedded");
        }
        for (key, value) in &self.options {
            command.arg(format!("--{key}")).arg(value);
        }
        let command = command
            .args(&self.flags)
            .env("RINGWORK_DIR", self.base.pools())
            .envs(self.environment.iter().cloned())
            .stderr(File::create(&log).expect("a log file"));
        let mut supervisor = Process::start(command).expect("the supervisor is started");
        if !self.embedded {
            // Closed for a service: nothing but a signal ends it.
            supervisor.input = None;
        }
        let mut pool = Pool {
            supervisor,
            segment: None,
            dir: self.dir(),
            base: self.base,
            log,
            http: None,
        };
        let line = match pool.supervisor.wait_line() {
            Ok(line) => line.unwrap_or_default(),
            Err(why) => panic!("neither ready nor refused: {why}\n{}", pool.log()),
        };
        let answer: serde_json::Value = match self.embedded {
            true => serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("{error} in {line:?}\n{}", pool.log())),
            false => serde_json::json!({"ready": line.starts_with("serving")}),
        };
        pool.http = match self.embedded {
            true => answer["http"].as_str().map(str::to_owned),
            false if answer["ready"] == true && self.options.contains_key("http") => {
                let line = pool.supervisor.wait_line().ok().flatten();
                line.map(|line| line.trim_start_matches("http at ").to_owned())
            }
            false => None,
        };
        if answer["ready"] == true {
            pool.segment = Some(Segment::attach(&pool.dir).expect("the segment of a ready pool"));
            return Ok(pool);
        }
        let status = pool.wait_exit();
        Err(Refused {
            error: answer["error"].as_str().unwrap_or_default().to_owned(),
            code: status.code(),
            log: pool.log(),
            left: pool.dir.path().exists(),
        })
    }
}

/// Why a pool was not served.
#[derive(Debug)]
pub struct Refused {
    /// The error of the ready line.
    pub error: String,
    /// The exit code.
    pub code: Option<i32>,
    /// The log.
    pub log: String,
    /// Whether the pool's directory is still there.
    pub left: bool,
}

/// A served pool; dropped, it is gone.
#[derive(Debug)]
pub struct Pool {
    supervisor: Process,
    segment: Option<Segment>,
    dir: PoolDir,
    base: Arc<Base>,
    log: PathBuf,
    http: Option<String>,
}

impl Pool {
    /// Where it answers HTTP, as its ready line says: `http://127.0.0.1:PORT`, or `unix:PATH`.
    ///
    /// # Panics
    /// When it was started without `--http`.
    #[must_use]
    pub fn http(&self) -> &str {
        self.http.as_deref().expect("a pool with --http")
    }

    /// A client.
    ///
    /// # Panics
    /// When the pool takes none.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::connect(&self.dir).expect("a client entry")
    }

    /// The pool's directory.
    #[must_use]
    pub fn dir(&self) -> &PoolDir {
        &self.dir
    }

    /// The directory of the test.
    #[must_use]
    pub fn base(&self) -> &Arc<Base> {
        &self.base
    }

    /// Where files of the test go.
    #[must_use]
    pub fn files(&self) -> &Path {
        self.base.path()
    }

    /// The test's own view of the segment.
    ///
    /// # Panics
    /// Never, once the pool is ready.
    #[must_use]
    pub fn segment(&self) -> &Segment {
        self.segment.as_ref().expect("a ready pool")
    }

    /// A counter of the pool.
    #[must_use]
    pub fn counter(&self, counter: PoolCounter) -> u64 {
        self.segment().header().counter(counter).get()
    }

    /// What the supervisor and its workers have logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until the log says this: a thread of its own writes it, a moment after what is told.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_logged(&self, text: &str) {
        let start = Instant::now();
        while !self.log().contains(text) {
            assert!(
                start.elapsed() < LIMIT,
                "{text:?} is not said by {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Index and process id of the workers that have registered their lanes.
    #[must_use]
    pub fn workers(&self) -> Vec<(u32, i32)> {
        let segment = self.segment();
        (0..segment.geometry().max_workers)
            .map(|index| (index, segment.worker(index)))
            .filter(|(_, worker)| worker.word_acquire().is_active() && worker.lanes_acquire() > 0)
            .map(|(index, worker)| (index, worker.pid().cast_signed()))
            .filter(|(_, pid)| is_alive(*pid))
            .collect()
    }

    /// Waits for this many workers.
    #[must_use]
    pub fn wait_workers(&self, count: usize) -> Vec<(u32, i32)> {
        wait_for("all workers are there", || {
            Some(self.workers()).filter(|workers| workers.len() == count)
        })
    }

    /// Sends a signal to a worker; `false` when it is no child of this pool's supervisor (any
    /// more).
    #[must_use]
    pub fn signal_worker(&self, pid: i32, signal: Signal) -> bool {
        signal_child_of(self.pid(), pid, signal)
    }

    /// Kills workers until the pool gives up and none is left: one that was being started when the
    /// last one died would get ready, and serve on.
    ///
    /// # Panics
    /// When the pool does not give up.
    pub fn raise_a_storm(&self) {
        wait_until("the pool gives up, and no worker is left", || {
            for (_, pid) in self.workers() {
                let _ = self.signal_worker(pid, Signal::SIGKILL);
            }
            self.segment().health() == Ok(Health::Storm)
                && self.counter(PoolCounter::WorkersStarted)
                    == self.counter(PoolCounter::WorkersCrashed)
        });
    }

    /// The supervisor's process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.supervisor.pid()
    }

    /// Sends a signal to the supervisor.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        assert!(self.supervisor.signal(signal), "the supervisor has ended");
    }

    /// Closes the pipe that an embedded pool lives by.
    pub fn let_go(&mut self) {
        self.supervisor.input = None;
    }

    /// Waits for the end of the supervisor.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait_exit(&mut self) -> ExitStatus {
        match self.supervisor.wait_exit() {
            Ok(status) => status,
            Err(why) => panic!("{why}\n{}", self.log()),
        }
    }

    /// Waits until no slot and no block is in use and no client entry but those of `clients`,
    /// which take in what has ended meanwhile.
    ///
    /// # Panics
    /// When something stays taken: then it has leaked.
    pub fn wait_nothing_held(&self, clients: &[&Client]) {
        let start = Instant::now();
        loop {
            clients.iter().for_each(|client| client.collect());
            let held = self.held(clients.len());
            if held.is_empty() {
                return;
            }
            assert!(start.elapsed() < LIMIT, "leaked: {held}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn held(&self, clients: usize) -> String {
        let segment = self.segment();
        let mut held = look::held(segment);
        let entries = look::clients(segment);
        if entries != clients {
            held.push_str(&format!("{entries} client entries instead of {clients}"));
        }
        held
    }

    /// Waits until these processes of a pool that has ended are gone.
    ///
    /// # Panics
    /// When its files are still there.
    pub fn wait_nothing_left(&self, pids: &[i32]) {
        Self::wait_gone(pids);
        assert!(!self.dir.path().exists(), "its files are removed");
    }

    /// Waits until all these processes are gone.
    pub fn wait_gone(pids: &[i32]) {
        wait_until("the processes are gone", || {
            !pids.iter().any(|pid| is_alive(*pid))
        });
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the pool {}\n{}---", self.dir.name(), self.log());
        }
        let owned = self.supervisor.input.take().is_some();
        let start = Instant::now();
        while owned && self.supervisor.exit().is_none() && start.elapsed() < IN_ORDER {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Otherwise it is killed by its guard, and its workers die with it.
    }
}
