//! What leads a victim to its point, besides the load: see [`Scene`].

use crate::cases::Scene;
use crate::stage::{Stage, is_alive, program, stat, wait_for};
use nix::sys::signal::Signal;
use ringwork_matrix::{Random, request};
use ringwork_ring::Client;
use ringwork_ring::client::TaskOptions;
use ringwork_ring::format::layout::*;
use ringwork_ring::testing::RawWords;
use ringwork_support::Process;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many tasks of one client carry the times that tell a lane how short they are.
const STAMPED: u64 = 900;

/// The hand that does it: a client of its own, whose tasks have no waiter.
pub struct Hand {
    pub client: Client,
    first_slot: u32,
    random: Random,
    asked: bool,
}

fn options(attempts: u8) -> TaskOptions {
    TaskOptions::default().attempts(attempts)
}

impl Hand {
    /// Connects.
    pub fn new(stage: &Stage, seed: u64) -> Result<Self, String> {
        let client = Client::connect(&stage.dir).map_err(|error| error.to_string())?;
        let mut random = Random::new(seed);
        let request = request(&mut random, 0, 16);
        let ticket = client
            .submit("flip", &request, &options(1))
            .map_err(|error| error.to_string())?;
        let slots = stage.segment().geometry().slots_per_client;
        let first_slot = ticket.slot() / slots * slots;
        drop(ticket);
        Ok(Self {
            client,
            first_slot,
            random,
            asked: false,
        })
    }

    /// Does it once; called again and again until the victim is hit.
    pub fn act(&mut self, scene: Scene, stage: &Stage) -> Result<(), String> {
        match scene {
            Scene::Start | Scene::Load | Scene::Quiet | Scene::Aged => {}
            // Faster than the supervisor looks, which would replace them before.
            Scene::Quota => self.burst(stage, |_| 0)?,
            Scene::Limited => {
                for size in [16, 400, 16] {
                    self.submit("hold", 1, size, 3);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            Scene::Keyed => {
                for key in [0, 1, 0] {
                    self.submit_as("hold", 1, 40, options(3).key([key]));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            Scene::KillWorkers | Scene::KillLimited => {
                self.signal_worker(stage, Signal::SIGKILL, |n| {
                    options(if n % 3 == 0 { 1 } else { 3 })
                })?;
            }
            Scene::KillKeyed => {
                // The first of each of two chains fails with its worker.
                self.signal_worker(stage, Signal::SIGKILL, |n| {
                    options(if n < 2 { 1 } else { 3 }).key([n as u8 % 2])
                })?;
            }
            Scene::TellWorkersToLeave => {
                self.signal_any_worker(stage, Signal::SIGTERM)?;
            }
            Scene::TellBusyWorkersToLeave => self.tell_busy_worker_to_leave(stage)?,
            Scene::Bursts => {
                let long = self.random.below(100);
                self.burst(stage, |n| if n == long { 2 } else { 0 })?;
            }
            Scene::KillClients => kill_heir(stage)?,
            Scene::FullCompletionRing => self.fill_completion_ring(stage),
            Scene::FullInjectors => self.fill_injectors(stage),
            Scene::LoseHints => self.lose_hint(stage),
            Scene::Stop => {
                if !self.asked {
                    self.asked = true;
                    std::thread::sleep(Duration::from_millis(60));
                    stage.ask_to_stop();
                }
            }
        }
        self.client.collect();
        Ok(())
    }

    fn submit(&mut self, handler: &str, hold: u16, size: usize, attempts: u8) {
        self.submit_as(handler, hold, size, options(attempts));
    }

    fn submit_as(&mut self, handler: &str, hold: u16, size: usize, options: TaskOptions) {
        let request = request(&mut self.random, hold, size);
        // Refused is fine: it is there to make others busy.
        let _ = self.client.submit(handler, &request, &options);
    }

    /// Makes the workers busy with six tasks, and signals one of them if all are there.
    fn signal_worker(
        &mut self,
        stage: &Stage,
        signal: Signal,
        options: impl Fn(u64) -> TaskOptions,
    ) -> Result<(), String> {
        if stage.are_all(&stage.worker_pids()) {
            for n in 0..6 {
                self.submit_as("hold", 30, if n % 2 == 0 { 400 } else { 40 }, options(n));
            }
        }
        self.signal_any_worker(stage, signal)
    }

    /// Signals one of the workers if all are there.
    fn signal_any_worker(&mut self, stage: &Stage, signal: Signal) -> Result<(), String> {
        let pids = stage.worker_pids();
        if !stage.are_all(&pids) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(self.random.below(12)));
        let pid = pids[self.random.below(pids.len() as u64) as usize];
        if stage.signal_worker(pid, signal) && signal == Signal::SIGKILL {
            // On a loaded machine it may live on for a moment. Were the other one killed meanwhile,
            // no worker would serve until the supervisor, which may be stopped by then, starts
            // another.
            wait_for("the worker is dead", || (!is_alive(pid)).then_some(()))?;
        }
        Ok(())
    }

    /// Makes a lane take several hints and run a long task of them, and asks its worker to leave
    /// then.
    fn tell_busy_worker_to_leave(&mut self, stage: &Stage) -> Result<(), String> {
        let pids = stage.worker_pids();
        if !stage.are_all(&pids) {
            return Ok(());
        }
        // Stopped while the queue gets deep: a lane takes several hints of a deep one, once it has
        // learnt from the short tasks at its start that tasks are short.
        for pid in &pids {
            let _ = stage.signal_worker(*pid, Signal::SIGSTOP);
        }
        let queued = self.burst(stage, |n| if n >= 60 && n % 4 == 0 { 30 } else { 0 });
        for pid in &pids {
            let _ = stage.signal_worker(*pid, Signal::SIGCONT);
        }
        queued?;
        let any = pids[self.random.below(pids.len() as u64) as usize];
        // Where none has learnt it, a new worker will.
        let pid = busy_worker(stage)?.unwrap_or(any);
        if stage.signal_worker(pid, Signal::SIGTERM) {
            // One that is hit and stopped must not be woken by the next burst.
            wait_for("the worker leaves, or is hit", || {
                stat(pid)
                    .is_none_or(|(state, ..)| matches!(state, 'T' | 'Z' | 'X'))
                    .then_some(())
            })?;
        }
        Ok(())
    }

    /// Many tasks at once, which run for so many milliseconds each.
    fn burst(&mut self, stage: &Stage, hold: impl Fn(u64) -> u16) -> Result<(), String> {
        let client = self.first_slot / stage.segment().geometry().slots_per_client;
        if stage.balance(client).0 > STAMPED {
            *self = Self::new(stage, self.random.bits())?;
        }
        for n in 0..110 {
            match hold(n) {
                0 => self.submit("flip", 0, 16, 3),
                hold => self.submit("hold", hold, 16, 3),
            }
        }
        Ok(())
    }

    fn fill_completion_ring(&mut self, stage: &Stage) {
        let segment = stage.segment();
        let client = self.first_slot / segment.geometry().slots_per_client;
        for slot in 0..segment.geometry().completion_capacity {
            let slots = segment.geometry().slots_per_client;
            let stale = self.first_slot + slot % slots;
            if segment.completion_ring(client).enqueue(stale).is_err() {
                break;
            }
        }
        for _ in 0..3 {
            self.submit("flip", 0, 16, 3);
        }
        std::thread::sleep(Duration::from_millis(5));
    }

    fn fill_injectors(&mut self, stage: &Stage) {
        for _ in 0..4 {
            self.submit("hold", 40, 16, 3);
        }
        std::thread::sleep(Duration::from_millis(3));
        let geometry = stage.segment().geometry();
        for priority in 0..geometry.priorities {
            // Stale: the last slot of this client is not in use.
            let stale = self.first_slot + geometry.slots_per_client - 1;
            for _ in 0..2 * geometry.injector_capacity {
                if stage.segment().injector(priority).enqueue(stale).is_err() {
                    break;
                }
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }

    /// Takes a hint out of the ring, as a process does that dies at once.
    fn lose_hint(&mut self, stage: &Stage) {
        for _ in 0..50 {
            self.submit("flip", 0, 16, 3);
            if stage.segment().injector(1).dequeue().is_some() {
                break;
            }
            self.client.collect();
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A worker whose lane holds hints beside the long task that it runs; none when all are done.
fn busy_worker(stage: &Stage) -> Result<Option<i32>, String> {
    let segment = stage.segment();
    type Held = Vec<Option<u32>>;
    let holding = || -> Vec<(u32, Held)> {
        (0..segment.geometry().max_lanes)
            .map(|lane| segment.lane(lane))
            .map(|lane| {
                let held = (0..HELD).map(|index| lane.held_acquire(index));
                (lane.word_acquire().worker(), held.collect())
            })
            .filter(|(_, held): &(u32, Held)| held.iter().any(Option::is_some))
            .collect()
    };
    let mut before = holding();
    wait_for("a lane holds hints, or all tasks are done", || {
        let now = holding();
        let empty = |priority| segment.injector(priority).is_empty();
        if let Some((worker, _)) = now.iter().find(|one| before.contains(one)) {
            return Some(Some(segment.worker(*worker).pid().cast_signed()));
        }
        if now.is_empty() && (0..segment.geometry().priorities).all(empty) {
            return Some(None);
        }
        before = now;
        None
    })
}

/// Makes a client believe that hints for it were lost.
pub fn overflow(stage: &Stage, pid: i32) {
    if let Some(client) = stage.client_of(pid) {
        let at = stage.segment().geometry().client_at(client) + CLIENT_OVERFLOW;
        stage.segment().raw32(at).store(1, Ordering::Release);
    }
}

/// Starts a client that has tasks in flight, and kills it.
fn kill_heir(stage: &Stage) -> Result<(), String> {
    let mut command = Command::new(program());
    command
        .arg("successor")
        .arg(stage.dir.path())
        .stderr(Stdio::null());
    let successor =
        Process::start(&mut command).map_err(|error| format!("a client to be killed: {error}"))?;
    successor.wait_line()?;
    drop(successor);
    // The next one needs an entry, too: this one's is given back at the next probe.
    std::thread::sleep(Duration::from_millis(60));
    Ok(())
}
