//! One case from its start to its end.

use crate::cases::{Blow, Case, Scene, Victim};
use crate::jvm::{Jvm, JvmPark};
use crate::scene::{Hand, overflow};
use crate::stage::{Arms, Crew, HOLD, LIMIT, START_HOLD, Stage, is_alive, program, stat, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ringwork_matrix::{
    Random, Tally, call_some, channel_is_whole, listen, receive_all, round, send_all, serve,
};
use ringwork_ring::Client;
use ringwork_ring::format::layout::PoolCounter;
use ringwork_ring::os::failpoint::Role;
use ringwork_support::KillOnDrop;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How an error starts that tells of a task that did not end once and right.
pub const LOST: &str = "lost";
/// How an error starts that tells of something that stays taken.
pub const LEAKED: &str = "leaked";

/// What all cases share.
pub struct Setup {
    pub base: PathBuf,
    /// The JVM that has tasks in flight in every pool.
    pub companion: Jvm,
    /// JVMs to be victims.
    pub park: JvmPark,
}

/// What a case has seen.
#[derive(Debug, Default)]
pub struct Report {
    /// Tasks of the observer and the JVM that were in flight around the blow.
    pub tasks: u64,
    /// Tasks served while the victim was stopped.
    pub meanwhile: u64,
    /// Tasks that were tried again.
    pub retried: u64,
    /// Tasks that ended as crashed.
    pub crashed: u64,
    /// How long after the supervisor's death all pending futures had failed.
    pub failed_after: Duration,
}

/// The Rust client in this process that keeps tasks in flight.
struct Observer {
    client: Arc<Client>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Tally>>,
}

impl Observer {
    fn start(stage: &Stage, seed: u64) -> Result<Self, String> {
        let client = Client::connect(&stage.dir).map_err(|error| error.to_string())?;
        let (client, stop) = (Arc::new(client), Arc::new(AtomicBool::new(false)));
        let (own, stopped) = (Arc::clone(&client), Arc::clone(&stop));
        let (listens, over) = (Arc::clone(&client), Arc::clone(&stop));
        let listener = std::thread::spawn(move || listen(&listens, &over));
        let (sends, over) = (Arc::clone(&client), Arc::clone(&stop));
        let sender = std::thread::spawn(move || send_all(&sends, &mut Random::new(seed), &over));
        let (receives, over) = (Arc::clone(&client), Arc::clone(&stop));
        let receiver = std::thread::spawn(move || receive_all(&receives, &over));
        let thread = std::thread::spawn(move || {
            let (mut tally, mut random) = (Tally::default(), Random::new(seed));
            while !stopped.load(Ordering::Relaxed)
                && round(&own, &mut random, &mut tally)
                && call_some(&own, &mut random, &mut tally)
            {}
            stopped.store(true, Ordering::Relaxed);
            tally.merge(listener.join().expect("the listening thread"));
            tally.merge(sender.join().expect("the sending thread"));
            tally.merge(receiver.join().expect("the receiving thread"));
            tally
        });
        Ok(Self {
            client,
            stop,
            thread: Some(thread),
        })
    }
}

/// A client that is the victim.
enum Guest {
    Rust(KillOnDrop),
    Jvm(Jvm),
}

impl Guest {
    fn pid(&self) -> i32 {
        match self {
            Self::Rust(guest) => guest.0.id().cast_signed(),
            Self::Jvm(jvm) => jvm.pid(),
        }
    }
}

/// A case while it is played.
pub struct Play<'t> {
    case: &'t Case,
    setup: &'t Setup,
    id: String,
    mark: PathBuf,
    stage: Stage,
    observer: Option<Observer>,
    hand: Option<Hand>,
    guest: Option<Guest>,
    jvm_opened: bool,
    report: Report,
}

impl<'t> Play<'t> {
    /// Plays a case.
    pub fn run(case: &'t Case, setup: &'t Setup, number: usize) -> Result<Report, String> {
        let id = format!("case-{number}");
        let mark = setup.base.join(format!("{id}.mark"));
        let ours = matches!(case.victim, Victim::Rust(Role::Worker | Role::Supervisor));
        let arms = if ours { arms(case, &mark) } else { Arms::new() };
        let stage = Stage::start(
            &setup.base,
            &id,
            (case.scene.is_served(), case.crew()),
            case.scene.options(),
            &arms,
        )?;
        let mut play = Self {
            case,
            setup,
            id,
            mark,
            stage,
            observer: None,
            hand: None,
            guest: None,
            jvm_opened: false,
            report: Report::default(),
        };
        let log = play.stage.log.clone();
        play.act().map_err(|error| {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let tail: Vec<&str> = text.lines().rev().take(30).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            format!("{error}\n  log: {}", tail.join("\n       "))
        })?;
        let _ = std::fs::remove_file(&play.mark);
        let _ = std::fs::remove_file(&log);
        Ok(std::mem::take(&mut play.report))
    }

    fn act(&mut self) -> Result<(), String> {
        let pid = self.wait_hit()?;
        // Before the pool is gone, if it goes.
        let workers = self.stage.worker_pids();
        match self.case.blow {
            Blow::Kill => wait_for("the victim is dead", || (!is_alive(pid)).then_some(()))?,
            Blow::Stop => self.hold(pid)?,
        }
        let supervisor = self.case.victim == Victim::Rust(Role::Supervisor);
        if supervisor && (self.case.blow == Blow::Kill || self.case.scene == Scene::Stop) {
            self.pool_ended(&workers)
        } else {
            self.pool_lives()
        }
    }

    /// Opens the loads once the pool is ready.
    fn open(&mut self, loads: bool) -> Result<bool, String> {
        if !self.stage.is_ready()? {
            return Ok(false);
        }
        if self.hand.is_none() {
            self.hand = Some(Hand::new(&self.stage, 1)?);
        }
        if loads && self.observer.is_none() {
            self.observer = Some(Observer::start(&self.stage, 2)?);
        }
        if loads && !self.jvm_opened {
            self.jvm_opened = true;
            let place = self.place();
            self.setup
                .companion
                .ask("open", &self.id, &format!("{place} stay"))?;
        }
        Ok(true)
    }

    fn place(&self) -> String {
        format!("{} {}", self.setup.base.join("pools").display(), self.id)
    }

    fn start_guest(&mut self) -> Result<(), String> {
        let guest = match self.case.victim {
            Victim::Rust(Role::Client) => {
                let child = Command::new(program())
                    .arg("client")
                    .arg(self.stage.dir.path())
                    .envs(arms(self.case, &self.mark))
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .map_err(|error| format!("the client: {error}"))?;
                Guest::Rust(KillOnDrop(child))
            }
            Victim::Jvm => {
                let jvm = self.setup.park.take()?;
                let blow = if self.case.blow == Blow::Kill {
                    "kill"
                } else {
                    "stop"
                };
                let (point, count) = (&self.case.point, self.case.count);
                jvm.tell(&format!(
                    "arm {point} {blow} {count} {}",
                    self.mark.display()
                ))?;
                jvm.answer("armed ")?;
                jvm.tell(&format!("open {} {} cycle", self.id, self.place()))?;
                Guest::Jvm(jvm)
            }
            Victim::Rust(_) => return Ok(()),
        };
        self.guest = Some(guest);
        Ok(())
    }

    /// Leads the victim to its point; its process.
    fn wait_hit(&mut self) -> Result<i32, String> {
        let start = Instant::now();
        loop {
            if let Some(pid) = self.hit() {
                return Ok(pid);
            }
            if start.elapsed() > 2 * LIMIT {
                return Err("the point was never hit".to_owned());
            }
            if let Err(error) = self.lead() {
                // The pool may have gone under our hands, since its supervisor was hit.
                std::thread::sleep(Duration::from_millis(500));
                return self.hit().ok_or(error);
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// The process that was hit, if one was.
    fn hit(&self) -> Option<i32> {
        let text = std::fs::read_to_string(&self.mark).ok()?;
        text.split_once(' ')?.0.parse().ok()
    }

    fn lead(&mut self) -> Result<(), String> {
        let quiet = [Scene::Quiet, Scene::Bursts, Scene::TellBusyWorkersToLeave];
        let quiet = quiet.contains(&self.case.scene);
        if !self.open(!quiet)? {
            return Ok(());
        }
        if self.guest.is_none() {
            self.start_guest()?;
        }
        match &self.guest {
            Some(guest) if self.case.point == "poll.overflow" => overflow(&self.stage, guest.pid()),
            _ => {}
        }
        match &mut self.hand {
            Some(hand) => hand.act(self.case.scene, &self.stage),
            None => Ok(()),
        }
    }

    /// The victim is stopped: all others go on. Then it wakes.
    fn hold(&mut self, pid: i32) -> Result<(), String> {
        let born = stat(pid).map(|(_, _, born)| born);
        // The mark is made before the signal; a loaded machine may take its time in between.
        wait_for("the victim is stopped", || {
            (stat(pid).is_none_or(|(state, ..)| state == 'T') || !is_alive(pid)).then_some(())
        })?;
        let supervisor = self.case.victim == Victim::Rust(Role::Supervisor);
        let worker = self.case.victim == Victim::Rust(Role::Worker);
        let slow_start = worker && self.case.scene == Scene::Start;
        let ending = supervisor && self.case.scene == Scene::Stop;
        let end = Instant::now() + if slow_start { START_HOLD } else { HOLD };
        while Instant::now() < end {
            // Only the supervisor makes a pool ready.
            if !ending
                && (!supervisor || self.hand.is_some())
                && self.open(true)?
                && let Some(hand) = &self.hand
            {
                serve(&hand.client, 10)
                    .map_err(|error| format!("{LOST}: while it was stopped: {error}"))?;
                self.report.meanwhile += 10;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if !ending && self.hand.is_some() && self.report.meanwhile == 0 {
            return Err(format!("{LOST}: nothing was served while it was stopped"));
        }
        if stat(pid).map(|(_, _, now)| now) == born {
            // It may have been killed meanwhile: a worker that did not register, or held a task too
            // long.
            let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
        }
        Ok(())
    }

    /// Stops the loads and looks how their tasks ended.
    fn judge(&mut self, closed: bool) -> Result<(), String> {
        let killed = self.case.victim == Victim::Rust(Role::Worker)
            || [Scene::KillWorkers, Scene::KillLimited, Scene::KillKeyed]
                .contains(&self.case.scene);
        let rejected = closed || self.case.scene == Scene::FullInjectors;
        let wrong = |who: &str, tally: &str, count: &dyn Fn(&str) -> u64| {
            let forbidden = [
                ("crashed", killed),
                ("closed", closed),
                ("rejected", rejected),
            ];
            match forbidden
                .iter()
                .find(|(how, allowed)| !allowed && count(how) > 0)
            {
                Some((how, _)) => Err(format!("{who}: tasks ended as {how}: {tally}")),
                None => Ok(()),
            }
        };
        if let Some(observer) = &mut self.observer {
            observer.stop.store(true, Ordering::Relaxed);
            let thread = observer.thread.take().ok_or("judged twice")?;
            let tally = thread
                .join()
                .map_err(|_| "the observer panicked".to_owned())?;
            if !tally.wrong.is_empty() {
                return Err(format!("{LOST}: the Rust client: {:?}", tally.wrong));
            }
            wrong("the Rust client", &format!("{tally:?}"), &|how| {
                tally.count(how)
            })?;
            self.report.tasks += tally.ends.values().sum::<u64>();
        }
        if self.jvm_opened {
            let text = self.setup.companion.ask("stop", &self.id, "")?;
            check_jvm(&text)?;
            wrong("the JVM client", &text, &|how| field(&text, how))?;
            self.report.tasks += field(&text, "tasks");
        }
        Ok(())
    }

    fn pool_lives(&mut self) -> Result<(), String> {
        self.stage.wait_ready()?;
        self.open(true)?;
        std::thread::sleep(Duration::from_millis(40));
        self.judge(false)?;
        self.guest_ends()?;
        self.stage.wait_workers()?;
        self.hand = None;
        let Some(observer) = self.observer.take() else {
            return Err("no observer".to_owned());
        };
        serve(&observer.client, 700)?;
        self.setup.companion.ask("serve", &self.id, "300")?;
        self.report.retried += self.stage.counter(PoolCounter::TasksRequeued);
        self.report.crashed += self.stage.counter(PoolCounter::TasksCrashed);
        let stage = &self.stage;
        let mut held = String::new();
        wait_for("nothing is held", || {
            observer.client.collect();
            held = stage.held(2);
            held.is_empty().then_some(())
        })
        .map_err(|error| format!("{LEAKED}: {error}: {held}"))?;
        channel_is_whole(&observer.client).map_err(|error| format!("{LEAKED}: {error}"))?;
        for pid in [std::process::id().cast_signed(), self.setup.companion.pid()] {
            let client = stage.client_of(pid).ok_or("a client without an entry")?;
            let (submitted, ended) = stage.balance(client);
            if submitted != ended {
                return Err(format!(
                    "client {client}: {submitted} submitted, {ended} ended"
                ));
            }
        }
        drop(observer);
        self.leave()
    }

    /// The last client goes; then the pool.
    fn leave(&mut self) -> Result<(), String> {
        self.setup.companion.ask("close", &self.id, "")?;
        self.jvm_opened = false;
        let stage = &self.stage;
        let mut held = String::new();
        wait_for("nothing is held", || {
            held = stage.held(0);
            held.is_empty().then_some(())
        })
        .map_err(|error| format!("{LEAKED}: all have left, but {error}: {held}"))?;
        self.stage.end()
    }

    /// A client that was the victim and lives must end well; one that was killed is gone.
    fn guest_ends(&mut self) -> Result<(), String> {
        match self.guest.take() {
            Some(guest) if self.case.blow == Blow::Stop => self
                .woken_guest_ends(guest)
                .map_err(|error| format!("{LOST}: the victim woke, but {error}")),
            _ => Ok(()),
        }
    }

    fn woken_guest_ends(&self, guest: Guest) -> Result<(), String> {
        match guest {
            Guest::Rust(mut guest) => rust_guest_ends(&mut guest.0),
            Guest::Jvm(jvm) => {
                check_jvm(&jvm.ask("stop", &self.id, "")?)?;
                jvm.ask("close", &self.id, "")?;
                self.setup.park.give_back(jvm);
                Ok(())
            }
        }
    }

    /// The supervisor is dead, or has ended: so is the pool; a new one of the name serves.
    fn pool_ended(&mut self, workers: &[i32]) -> Result<(), String> {
        self.hand = None;
        let dead = Instant::now();
        self.judge(true)?;
        if self.case.blow == Blow::Kill {
            self.report.failed_after = dead.elapsed();
        }
        let in_order = self.stage.wait_exit()?;
        if self.jvm_opened {
            self.setup.companion.ask("close", &self.id, "")?;
            self.jvm_opened = false;
        }
        self.observer = None;
        wait_for("the workers die with their supervisor", || {
            (!workers.iter().any(|pid| is_alive(*pid))).then_some(())
        })?;
        if self.case.blow == Blow::Stop {
            if !in_order {
                return Err("the supervisor did not end in order".to_owned());
            }
            self.stage.check_gone(workers)?;
        }
        self.stage = Stage::start(
            &self.setup.base,
            &self.id,
            (false, Crew::PLAIN),
            &[],
            &Arms::new(),
        )?;
        self.stage.wait_ready()?;
        self.stage.wait_workers()?;
        let client = Client::connect(&self.stage.dir).map_err(|error| error.to_string())?;
        serve(&client, 700)?;
        let place = self.place();
        self.setup
            .companion
            .ask("open", &self.id, &format!("{place} stay"))?;
        self.jvm_opened = true;
        self.setup.companion.ask("serve", &self.id, "300")?;
        check_jvm(&self.setup.companion.ask("stop", &self.id, "")?)?;
        drop(client);
        self.leave()
    }
}

fn arms(case: &Case, mark: &Path) -> Arms {
    vec![
        ("RINGWORK_FAILPOINT".to_owned(), case.armed()),
        (
            "RINGWORK_FAILPOINT_MARK".to_owned(),
            mark.display().to_string(),
        ),
    ]
}

fn rust_guest_ends(child: &mut Child) -> Result<(), String> {
    drop(child.stdin.take());
    let status = wait_for("its tasks end", || child.try_wait().ok().flatten())?;
    let mut text = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        let _ = std::io::Read::read_to_string(&mut stdout, &mut text);
    }
    if status.success() {
        Ok(())
    } else {
        Err(format!("{status}: {}", text.trim()))
    }
}

/// A number in the tally of a JVM.
fn field(text: &str, name: &str) -> u64 {
    text.split(' ')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(u64::MAX)
}

fn check_jvm(text: &str) -> Result<(), String> {
    if field(text, "wrong") == 0 && field(text, "unfinished") == 0 {
        Ok(())
    } else {
        Err(format!("{LOST}: the JVM's tasks: {text}"))
    }
}
