//! The driver: keeps the processes of a run, harms them, and ends it in order.
//!
//! One thread that never blocks for long: everything is a state that is looked at
//! again. Invariant: whatever a process did by itself, without having been harmed, is a fault.

use crate::fault::{Fault, Schedule};
use crate::leaks;
use crate::ledger::Ledger;
use crate::processes::{Cleaner, LANES, Process, WORKERS, Worker, workers};
use crate::recovery::{Recoveries, Whose};
use crate::report::{Leaks, Report, Tally};
use clap::Args;
use ringwork_ring::format::layout::*;
use ringwork_ring::format::words::EntryWord;
use ringwork_ring::{PoolDir, Segment};
use ringwork_tests::chaos::STARTS_VARIABLE;
use ringwork_tests::ringwork_program;
use rustix::process::{Signal, pidfd_send_signal};
use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// JVMs.
const JVMS: usize = 2;
/// Room for the payloads of all in flight, but not always.
const ARENA: &str = "1KiB:512,16KiB:96,128KiB:20,1MiB:4";
/// What must happen, happens within this.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at everything.
const LOOK: Duration = Duration::from_millis(20);
/// Between two looks at a death that is being made good.
const CLOSE_LOOK: Duration = Duration::from_micros(300);
/// After this many supervisors that did not start the run ends.
const FAILED_STARTS: u32 = 3;
const POOL: &str = "chaos";

/// Arguments of a run.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How long, in seconds.
    #[arg(long, default_value_t = 60)]
    pub duration: u64,
    /// Goes on until so many workers have been killed, however long that takes.
    #[arg(long)]
    pub kills: Option<u64>,
    /// Kills of workers a second.
    #[arg(long, default_value_t = 12.0)]
    pub rate: f64,
    /// Seed of the random choices [default: another each time].
    #[arg(long)]
    pub seed: Option<u64>,
    /// `java`; without it only the Rust client works.
    #[arg(long, requires = "class_path")]
    pub java: Option<PathBuf>,
    /// Where the classes of the JVMs are.
    #[arg(long)]
    pub class_path: Option<String>,
    /// Where logs and ledger go; they are removed after a run without a fault.
    #[arg(long, default_value = "target/chaos")]
    pub out: PathBuf,
}

/// A pool that is being served.
struct Pool {
    supervisor: Process,
    segment: Arc<Segment>,
    started: Instant,
    /// Its predecessor was killed, and it has served no task yet.
    successor: bool,
}

/// How far the supervisor is.
enum Phase {
    /// Started again at that moment.
    Down(Instant),
    Starting(Process, Instant),
    Serving(Pool),
    /// The clients are to settle and disconnect, since then.
    Holding(Pool, Instant),
    /// No client is attached; nothing may be taken in the end.
    Checking(Pool, Instant),
    /// Asked to stop.
    Ending(Pool, Instant),
}

/// One of the clients, in all its lives.
struct Seat {
    java: bool,
    process: Option<Process>,
    number: u64,
    held: bool,
    due: Instant,
}

/// A run.
struct Driver {
    options: Options,
    seed: u64,
    base: PathBuf,
    cleaner: Cleaner,
    random: fastrand::Rng,
    phase: Phase,
    seats: Vec<Seat>,
    clients_started: u64,
    killed_clients: HashSet<u64>,
    java_clients: HashSet<u64>,
    /// What is stopped, and until when; whether it is the supervisor.
    stopped: Vec<(Instant, OwnedFd, bool)>,
    ledger: Ledger,
    recoveries: Recoveries,
    tally: Tally,
    leaks: Leaks,
    faults: Vec<String>,
    failed_starts: u32,
    was_killed: bool,
    /// No process is started again, and the next supervisor's end is the last.
    closing: bool,
}

/// Runs it; whether there was no fault.
pub fn run(options: &Options) -> Result<bool, String> {
    let text = |error: io::Error| error.to_string();
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("chaos: seed {seed} (SEED={seed} repeats the random choices)");
    let mut driver = Driver::new(options, seed).map_err(text)?;
    let report = driver.run().map_err(text)?;
    println!("{report}");
    if report.is_good() {
        let _ = std::fs::remove_dir_all(&options.out);
    } else {
        println!("logs and ledger are kept in {}", options.out.display());
    }
    Ok(report.is_good())
}

impl Driver {
    fn new(options: &Options, seed: u64) -> io::Result<Self> {
        let _ = std::fs::remove_dir_all(&options.out);
        std::fs::create_dir_all(&options.out)?;
        let options = Options {
            out: options.out.canonicalize()?,
            ..options.clone()
        };
        let base = PathBuf::from(format!("/dev/shm/ringwork-chaos-{}", std::process::id()));
        let cleaner = Cleaner::start(&base)?;
        // What a supervisor that is killed leaves behind comes to us, and is seen.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        std::fs::create_dir(&base)?;
        let mut ledger = Ledger::default();
        let starts = options.out.join("starts");
        std::fs::File::create(&starts)?;
        ledger.open(&starts)?;
        let now = Instant::now();
        let jvms = if options.java.is_some() { JVMS } else { 0 };
        let seat = |index| Seat {
            java: index < jvms,
            process: None,
            number: 0,
            held: false,
            due: now,
        };
        Ok(Self {
            seed,
            base,
            cleaner,
            random: fastrand::Rng::with_seed(seed ^ 0x5eed),
            phase: Phase::Down(now),
            seats: (0..=jvms).map(seat).collect(),
            clients_started: 0,
            killed_clients: HashSet::new(),
            java_clients: HashSet::new(),
            stopped: Vec::new(),
            ledger,
            recoveries: Recoveries::default(),
            tally: Tally::default(),
            leaks: Leaks::default(),
            faults: Vec::new(),
            failed_starts: 0,
            was_killed: false,
            closing: false,
            options,
        })
    }

    fn pools(&self) -> PathBuf {
        self.base.join("pools")
    }

    fn run(&mut self) -> io::Result<Report> {
        // The clock begins when the load does.
        self.until("all clients work", |driver| {
            driver.ledger.tasks_of(|_| true) > 100
                && driver.seats.iter().all(|seat| seat.process.is_some())
        })?;
        let start = Instant::now();
        let end = start + Duration::from_secs(self.options.duration);
        let mut schedule = Schedule::new(self.seed, self.options.rate, start);
        let mut told = start;
        loop {
            let now = Instant::now();
            let over = match self.options.kills {
                Some(kills) => self.tally.killed_workers >= kills,
                None => now >= end,
            };
            if over {
                break;
            }
            while let Some(fault) = schedule.due(now, !self.has_workers()) {
                self.fault(fault);
            }
            self.step(schedule.next())?;
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                eprintln!(
                    "chaos: {:.0} s, {} tasks, {} workers killed",
                    start.elapsed().as_secs_f64(),
                    self.ledger.tasks_of(|_| true),
                    self.tally.killed_workers
                );
            }
        }
        let time = start.elapsed();
        self.finish()?;
        let killed = std::mem::take(&mut self.killed_clients);
        Ok(Report {
            seed: self.seed,
            time,
            by_jvms: self
                .ledger
                .tasks_of(|client| self.java_clients.contains(&client)),
            jvms: self.seats.iter().filter(|seat| seat.java).count(),
            verdict: self.ledger.verdict(|client| killed.contains(&client)),
            tally: std::mem::take(&mut self.tally),
            leaks: std::mem::take(&mut self.leaks),
            recoveries: std::mem::take(&mut self.recoveries),
            faults: std::mem::take(&mut self.faults),
        })
    }

    // ---- steps

    /// Goes on until it is so; a fault when it is never.
    fn until(&mut self, what: &str, is_so: impl Fn(&mut Self) -> bool) -> io::Result<bool> {
        let start = Instant::now();
        while !is_so(self) {
            if start.elapsed() > PATIENCE {
                self.faults.push(format!("{what}: not within {PATIENCE:?}"));
                return Ok(false);
            }
            self.step(None)?;
        }
        Ok(true)
    }

    /// One look at everything, and a short sleep.
    fn step(&mut self, next: Option<Instant>) -> io::Result<()> {
        let now = Instant::now();
        let (due, later): (Vec<_>, _) = std::mem::take(&mut self.stopped)
            .into_iter()
            .partition(|(until, ..)| *until <= now);
        self.stopped = later;
        for (_, pidfd, is_supervisor) in due {
            let _ = pidfd_send_signal(&pidfd, Signal::CONT);
            if is_supervisor {
                self.recoveries.supervisor_goes_on();
            }
        }
        self.recoveries.look();
        self.watch_first_task();
        self.ledger.read()?;
        self.see_to_clients()?;
        self.see_to_supervisor()?;
        let pause = if self.recoveries.is_pending() {
            CLOSE_LOOK
        } else {
            LOOK
        };
        let until_next = next.map_or(pause, |next| next.saturating_duration_since(Instant::now()));
        std::thread::sleep(pause.min(until_next).max(Duration::from_micros(50)));
        Ok(())
    }

    fn watch_first_task(&mut self) {
        if let Phase::Serving(pool) = &mut self.phase
            && pool.successor
        {
            let segment = &pool.segment;
            let started = segment
                .lanes()
                .any(|lane| lane.counter(LaneCounter::Completed).get() > 0);
            if started {
                pool.successor = false;
                self.recoveries.supervisor.push(pool.started.elapsed());
            }
        }
    }

    fn see_to_clients(&mut self) -> io::Result<()> {
        let serving = matches!(self.phase, Phase::Serving(_));
        for index in 0..self.seats.len() {
            let seat = &mut self.seats[index];
            if let Some(process) = &mut seat.process {
                while let Some(line) = process.line() {
                    seat.held |= line == "held";
                }
                if let Some(status) = process.exit() {
                    if !self.closing || !status.success() {
                        self.faults
                            .push(format!("client {} ended by itself: {status}", seat.number));
                    }
                    seat.process = None;
                    seat.due = Instant::now();
                }
            } else if serving && !self.closing && seat.due <= Instant::now() {
                self.start_client(index)?;
            }
        }
        Ok(())
    }

    fn start_client(&mut self, index: usize) -> io::Result<()> {
        self.clients_started += 1;
        let number = self.clients_started;
        let java = self.seats[index].java;
        if java {
            self.java_clients.insert(number);
        }
        let journal = self.options.out.join(format!("client-{number}"));
        std::fs::File::create(&journal)?;
        self.ledger.open(&journal)?;
        let mut command = match (&self.options.java, &self.options.class_path) {
            (Some(program), Some(class_path)) if java => {
                let mut command = Command::new(program);
                command
                    .args(["-XX:+UseSerialGC", "-Xmx256m", "-Xshare:auto"])
                    .args(["--enable-native-access=ALL-UNNAMED", "-cp", class_path])
                    .arg("io.ringwork.tests.Chaos");
                command
            }
            _ => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("client");
                command
            }
        };
        command
            // By which the cleaner knows it.
            .env("RINGWORK_DIR", self.pools())
            .arg(self.pools().join(POOL))
            .arg(&journal)
            .arg(number.to_string())
            .arg(self.random.u64(..1 << 48).to_string());
        let kind = if java { "java" } else { "rust" };
        let log = self.options.out.join(format!("client-{kind}-{number}.log"));
        let seat = &mut self.seats[index];
        seat.process = Some(Process::start(&mut command, &log, &mut self.cleaner)?);
        seat.number = number;
        seat.held = false;
        Ok(())
    }

    fn see_to_supervisor(&mut self) -> io::Result<()> {
        let phase = std::mem::replace(&mut self.phase, Phase::Down(Instant::now()));
        self.phase = match phase {
            Phase::Down(until) if self.closing || until > Instant::now() => Phase::Down(until),
            Phase::Down(_) => Phase::Starting(self.start_supervisor()?, Instant::now()),
            Phase::Starting(mut supervisor, since) => match supervisor.line() {
                Some(line) if line.starts_with("serving") => self.serving(supervisor, since)?,
                answer => {
                    let exit = supervisor.exit();
                    if exit.is_none() && since.elapsed() < PATIENCE {
                        Phase::Starting(supervisor, since)
                    } else {
                        supervisor.kill();
                        self.failed_starts += 1;
                        let fault = format!("a supervisor did not start: {exit:?}, {answer:?}");
                        if self.failed_starts >= FAILED_STARTS {
                            let log = self.options.out.join("supervisor.log");
                            return Err(io::Error::other(format!(
                                "{fault}, see {}",
                                log.display()
                            )));
                        }
                        self.faults.push(fault);
                        Phase::Down(Instant::now() + Duration::from_secs(1))
                    }
                }
            },
            Phase::Serving(pool) => self.check_lives(pool, Phase::Serving),
            Phase::Holding(pool, since) => {
                let held = self
                    .seats
                    .iter()
                    .all(|seat| seat.held || seat.process.is_none());
                if held || since.elapsed() > PATIENCE {
                    if !held {
                        self.faults.push("a client did not settle its tasks".into());
                    }
                    Phase::Checking(pool, Instant::now())
                } else {
                    self.check_lives(pool, |pool| Phase::Holding(pool, since))
                }
            }
            Phase::Checking(pool, since) => {
                let taken = leaks::in_segment(&pool.segment);
                if taken.is_empty() || since.elapsed() > PATIENCE / 2 {
                    self.leaks.add(taken);
                    pool.supervisor.signal(Signal::TERM);
                    Phase::Ending(pool, Instant::now())
                } else {
                    self.check_lives(pool, |pool| Phase::Checking(pool, since))
                }
            }
            Phase::Ending(pool, since) => self.see_off(pool, since),
        };
        Ok(())
    }

    fn start_supervisor(&mut self) -> io::Result<Process> {
        let mut command = Command::new(ringwork_program());
        let worker = std::env::current_exe()?.with_file_name("ringwork-chaos-worker");
        command
            .args([
                "serve",
                // Served, since signals don't stop an embedded one; the cleaner ends it in any
                // case.
                "--memory",
                "memfd",
                "--name",
                POOL,
                "--clients",
                "8",
                "--slots",
                "256",
            ])
            .args([
                "--workers",
                &WORKERS.to_string(),
                "--lanes",
                &LANES.to_string(),
            ])
            .args(["--arena", ARENA, "--drain-timeout", "20s", "--keys", "true"])
            // Ten deaths a second are what this is about.
            .args(["--restart-backoff-max", "10ms", "--crash-storm", "off"])
            .arg("--worker")
            .arg(worker)
            .env("RINGWORK_DIR", self.pools())
            .env(STARTS_VARIABLE, self.options.out.join("starts"));
        let log = self.options.out.join("supervisor.log");
        Process::start(&mut command, &log, &mut self.cleaner)
    }

    fn serving(&mut self, supervisor: Process, started: Instant) -> io::Result<Phase> {
        let dir = PoolDir::at(&self.pools().join(POOL)).map_err(io::Error::other)?;
        let segment = Arc::new(Segment::attach(&dir).map_err(io::Error::other)?);
        for seat in &mut self.seats {
            seat.held = false;
            if let Some(process) = &mut seat.process {
                process.say("go");
            }
        }
        let successor = std::mem::take(&mut self.was_killed);
        Ok(Phase::Serving(Pool {
            supervisor,
            segment,
            started,
            successor,
        }))
    }

    /// A supervisor that ends by itself is a fault.
    fn check_lives(&mut self, mut pool: Pool, same: impl FnOnce(Pool) -> Phase) -> Phase {
        match pool.supervisor.exit() {
            None => same(pool),
            Some(status) => {
                self.faults
                    .push(format!("the supervisor ended by itself: {status}"));
                self.pool_is_over(&pool);
                Phase::Down(Instant::now())
            }
        }
    }

    fn see_off(&mut self, mut pool: Pool, since: Instant) -> Phase {
        match pool.supervisor.exit() {
            None if since.elapsed() < PATIENCE => return Phase::Ending(pool, since),
            Some(status) if status.success() => {
                self.leaks.add(leaks::in_directory(&self.pools()));
            }
            exit => {
                self.faults
                    .push(format!("the supervisor did not stop in order: {exit:?}"));
                pool.supervisor.kill();
            }
        }
        self.pool_is_over(&pool);
        Phase::Down(Instant::now())
    }

    fn pool_is_over(&mut self, pool: &Pool) {
        self.tally.add(&pool.segment);
        self.recoveries.forget();
    }

    // ---- faults

    fn has_workers(&self) -> bool {
        match &self.phase {
            Phase::Serving(pool) | Phase::Holding(pool, _) | Phase::Checking(pool, _) => {
                !workers(&pool.segment, pool.supervisor.id()).is_empty()
            }
            _ => false,
        }
    }

    fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::KillWorker | Fault::StopWorker | Fault::RecycleWorker => self.harm_worker(fault),
            Fault::KillClient | Fault::StopClient | Fault::RecycleClient => self.harm_client(fault),
            Fault::KillSupervisor | Fault::StopSupervisor | Fault::RecycleSupervisor => {
                self.harm_supervisor(fault);
            }
        }
    }

    fn harm_worker(&mut self, fault: Fault) {
        let (Phase::Serving(pool) | Phase::Holding(pool, _) | Phase::Checking(pool, _)) =
            &self.phase
        else {
            return;
        };
        let mut all = workers(&pool.segment, pool.supervisor.id());
        if all.is_empty() {
            return;
        }
        let Worker { index, word, pidfd } = all.swap_remove(self.random.usize(..all.len()));
        match fault {
            Fault::KillWorker => {
                if pidfd_send_signal(&pidfd, Signal::KILL).is_ok() {
                    self.recoveries
                        .killed(Whose::Worker, &pool.segment, index, word);
                    self.tally.killed_workers += 1;
                }
            }
            Fault::RecycleWorker => {
                let _ = pidfd_send_signal(&pidfd, Signal::TERM);
                self.tally.recycled_workers += 1;
            }
            _ => {
                let _ = pidfd_send_signal(&pidfd, Signal::STOP);
                let until = self.soon(5..400);
                self.stopped.push((until, pidfd, false));
                self.tally.stopped_workers += 1;
            }
        }
    }

    fn soon(&mut self, millis: std::ops::Range<u64>) -> Instant {
        Instant::now() + Duration::from_millis(self.random.u64(millis))
    }

    fn harm_client(&mut self, fault: Fault) {
        let Phase::Serving(pool) = &self.phase else {
            return;
        };
        let index = self.random.usize(..self.seats.len());
        let seat = &mut self.seats[index];
        let Some(process) = &mut seat.process else {
            return;
        };
        match fault {
            Fault::KillClient => {
                let entries = entries_of(&pool.segment, process.id());
                process.kill();
                for (client, word) in entries {
                    self.recoveries
                        .killed(Whose::Client, &pool.segment, client, word);
                }
                seat.process = None;
                self.killed_clients.insert(seat.number);
                self.tally.killed_clients += 1;
                let due = self.soon(0..300);
                self.seats[index].due = due;
            }
            Fault::RecycleClient => {
                process.say("reopen");
                self.tally.recycled_clients += 1;
            }
            _ => {
                process.signal(Signal::STOP);
                if let Ok(pidfd) = process.pidfd.try_clone() {
                    let until = self.soon(5..800);
                    self.stopped.push((until, pidfd, false));
                }
                self.tally.stopped_clients += 1;
            }
        }
    }

    fn harm_supervisor(&mut self, fault: Fault) {
        let Phase::Serving(pool) = &self.phase else {
            return;
        };
        match fault {
            Fault::KillSupervisor => {
                let again = self.soon(0..200);
                if let Phase::Serving(mut pool) =
                    std::mem::replace(&mut self.phase, Phase::Down(again))
                {
                    pool.supervisor.kill();
                    self.pool_is_over(&pool);
                    self.was_killed = true;
                    self.tally.killed_supervisors += 1;
                }
            }
            Fault::StopSupervisor => {
                pool.supervisor.signal(Signal::STOP);
                if let Ok(pidfd) = pool.supervisor.pidfd.try_clone() {
                    let until = self.soon(5..300);
                    self.stopped.push((until, pidfd, true));
                }
                self.tally.stopped_supervisors += 1;
            }
            _ => {
                self.hold("hold");
                self.tally.recycled_supervisors += 1;
            }
        }
    }

    /// Serving → Holding; the clients are told how.
    fn hold(&mut self, word: &str) {
        for seat in &mut self.seats {
            if let Some(process) = &mut seat.process {
                process.say(word);
            }
        }
        let phase = std::mem::replace(&mut self.phase, Phase::Down(Instant::now()));
        self.phase = match phase {
            Phase::Serving(pool) => Phase::Holding(pool, Instant::now()),
            other => other,
        };
    }

    // ---- the end

    fn finish(&mut self) -> io::Result<()> {
        self.until("a pool is served at the end", |driver| {
            matches!(driver.phase, Phase::Serving(_))
        })?;
        self.until("all that was killed at the end recovers", |driver| {
            !driver.recoveries.is_pending()
        })?;
        self.closing = true;
        self.hold("stop");
        self.until("the clients stop", |driver| {
            driver.seats.iter().all(|seat| seat.process.is_none())
        })?;
        self.until("the supervisor stops", |driver| {
            matches!(driver.phase, Phase::Down(_))
        })?;
        for seat in &mut self.seats {
            if let Some(process) = &mut seat.process {
                process.kill();
            }
        }
        self.ledger.read()?;
        // Zombies of killed supervisors' workers are ours by now, and no leak.
        std::thread::sleep(LOOK);
        let mut left = leaks::in_processes();
        left.retain(|text| !text.contains(&format!("process {} ", self.cleaner.id())));
        self.leaks.add(left);
        self.leaks.add(leaks::in_directory(&self.pools()));
        let _ = std::fs::remove_dir(self.pools());
        let _ = std::fs::remove_dir(&self.base);
        self.leaks.add(leaks::in_directory(&self.base));
        Ok(())
    }
}

/// The client entries of a process: index and word.
fn entries_of(segment: &Segment, pid: u32) -> Vec<(u32, EntryWord)> {
    (0..segment.geometry().max_clients)
        .filter(|client| segment.client(*client).pid() == pid)
        .map(|client| (client, segment.client(client).word_acquire()))
        .filter(|(_, word)| word.is_active())
        .collect()
}
