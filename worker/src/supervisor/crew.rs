//! The workers of a pool: one seat each, filled again after a death.
//!
//! Invariant: a seat's process is the only child at its entry of the worker
//! table; an entry is given back by the reaper before another child gets it.

use super::backoff::Backoff;
use super::cause::Detail;
use super::config::{ServeConfig, WorkerCommand};
use super::obituary::Obituary;
use super::policy::RestartPolicy;
use super::process::Process;
use super::{Console, SupervisorError};
use ringwork_ring::Segment;
use ringwork_ring::entry::entry_state;
use ringwork_ring::layout::*;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// So many deaths before readiness in a row, with no worker ready, end the pool.
const BOOT_DEATHS: u32 = 5;

const QUICK_LOOK: Duration = Duration::from_millis(2);
const SLOW_LOOK: Duration = Duration::from_millis(20);

/// One worker's place.
#[derive(Debug)]
struct Seat {
    process: Option<Process>,
    /// Its entry in the worker table.
    entry: u32,
    backoff: Backoff,
    /// When an empty seat is filled.
    due: Instant,
}

/// All seats.
#[derive(Debug)]
pub(super) struct Crew {
    seats: Vec<Seat>,
    command: WorkerCommand,
    environment: Vec<(&'static str, String)>,
    start_timeout: Duration,
    restart: RestartPolicy,
    boot_deaths: u32,
    /// Whether any worker has ever been ready.
    proven: bool,
}

impl Crew {
    pub(super) fn new(config: &ServeConfig, command: WorkerCommand, segment: &Segment) -> Self {
        let now = Instant::now();
        let seat = |entry| Seat {
            process: None,
            entry,
            backoff: Backoff::default(),
            due: now,
        };
        Self {
            seats: (0..config.workers).map(seat).collect(),
            command,
            environment: [
                (
                    "RINGWORK_POOL_DIR",
                    segment.dir().path().display().to_string(),
                ),
                ("RINGWORK_LANES", config.lanes.to_string()),
                (
                    "RINGWORK_WAIT",
                    super::config::wait_name(config.wait).to_owned(),
                ),
                ("RINGWORK_LOG", config.log_level.clone()),
                ("RINGWORK_LOG_FORMAT", config.log_format.name().to_owned()),
            ]
            .into_iter()
            .chain(config.confinement.environment())
            .collect(),
            start_timeout: config.start_timeout,
            restart: config.restart,
            boot_deaths: 0,
            proven: false,
        }
    }

    /// The running processes.
    pub(super) fn processes(&self) -> impl Iterator<Item = &Process> {
        self.seats.iter().filter_map(|seat| seat.process.as_ref())
    }

    /// Entry and process id of each.
    pub(super) fn ids(&self) -> impl Iterator<Item = (u32, u32)> {
        let processes = |seat: &'_ Seat| seat.process.as_ref().map(|p| (seat.entry, p.id()));
        self.seats.iter().filter_map(processes)
    }

    /// Entry and process of those that are ready.
    pub(super) fn ready_mut(&mut self) -> impl Iterator<Item = (u32, &mut Process)> {
        self.seats.iter_mut().filter_map(|seat| {
            let ready = seat.process.as_mut().filter(|p| p.ready.is_some())?;
            Some((seat.entry, ready))
        })
    }

    fn processes_mut(&mut self) -> impl Iterator<Item = &mut Process> {
        self.seats
            .iter_mut()
            .filter_map(|seat| seat.process.as_mut())
    }

    /// How many workers have registered their lanes.
    pub(super) fn ready(&self) -> usize {
        self.processes()
            .filter(|process| process.ready.is_some())
            .count()
    }

    /// How soon to look whether the workers that were started have registered; `None`: all have.
    pub(super) fn look_again_in(&self) -> Option<Duration> {
        let starting = self.processes().filter(|process| process.ready.is_none());
        let youngest = starting.map(|process| process.started.elapsed()).min()?;
        // The stock worker takes a few milliseconds; one that loads a model must not cost a core.
        Some(if youngest < Duration::from_millis(250) {
            QUICK_LOOK
        } else {
            SLOW_LOOK
        })
    }

    /// When the next empty seat is to be filled.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.seats
            .iter()
            .filter(|seat| seat.process.is_none())
            .map(|seat| seat.due)
            .min()
    }

    /// Whether an entry of the worker table belongs to a child.
    pub(super) fn owns(&self, entry: u32) -> bool {
        self.seats
            .iter()
            .any(|seat| seat.process.is_some() && seat.entry == entry)
    }

    /// Kills the child at an entry; `false` when there is none, or it is killed already.
    /// `detail` is what the clients of its tasks are told.
    pub(super) fn kill(&mut self, entry: u32, why: &str, detail: Detail) -> bool {
        let seat = self.seats.iter_mut().find(|seat| seat.entry == entry);
        match seat.and_then(|seat| seat.process.as_mut()) {
            Some(process) if process.killed.is_none() => {
                process.killed_for = Some(detail);
                process.kill(why);
                true
            }
            _ => false,
        }
    }

    /// Fills the empty seats whose pause is over.
    pub(super) fn fill(&mut self, segment: &Segment) -> Result<(), SupervisorError> {
        for number in 0..self.seats.len() {
            if self.seats[number].process.is_some() || self.seats[number].due > Instant::now() {
                continue;
            }
            let Some(entry) = self.free_entry(segment, number) else {
                // Workers that joined by themselves have them all; look again later.
                self.seats[number].due = Instant::now() + self.restart.backoff_max;
                continue;
            };
            let mut environment = self.environment.clone();
            environment.push(("RINGWORK_WORKER_INDEX", entry.to_string()));
            match Process::spawn(&self.command, &environment) {
                Ok(process) => {
                    tracing::debug!(worker = entry, pid = process.id(), "worker started");
                    ringwork_ring::failpoint!("serve.worker_started");
                    segment.count(C_WORKERS_STARTED, 1);
                    self.seats[number].entry = entry;
                    self.seats[number].process = Some(process);
                }
                Err(error) => {
                    let why = format!("could not be started: {error}");
                    if !self.proven && self.boot_deaths == 0 {
                        return Err(SupervisorError::Worker {
                            program: self.command.program.clone(),
                            why,
                        });
                    }
                    self.boot_death(number, &Obituary::not_started(&self.command, why), segment)?;
                }
            }
        }
        Ok(())
    }

    /// The seat's own entry when it is free, else another that no seat has.
    fn free_entry(&self, segment: &Segment, number: usize) -> Option<u32> {
        let is_free = |entry: &u32| {
            let word = segment.u64_at(segment.worker_at(*entry) + WORKER_WORD);
            entry_state(word.load(Ordering::Acquire)) == ENTRY_FREE
        };
        let own = self.seats[number].entry;
        let taken = |entry: &u32| self.seats.iter().any(|seat| seat.entry == *entry);
        std::iter::once(own)
            .filter(is_free)
            .chain(
                (0..segment.geometry().max_workers)
                    .filter(|entry| !taken(entry))
                    .filter(is_free),
            )
            .next()
    }

    /// Notes the workers that have registered; `true` when there is a new one.
    pub(super) fn note_ready(&mut self, segment: &Segment) -> bool {
        let mut news = false;
        for seat in &mut self.seats {
            let Some(process) = seat
                .process
                .as_mut()
                .filter(|process| process.ready.is_none())
            else {
                continue;
            };
            let at = segment.worker_at(seat.entry);
            let word = segment.u64_at(at + WORKER_WORD).load(Ordering::Acquire);
            // pairs with the release store of the lane count in `WorkerEntry::lanes`.
            let lanes = segment.u32_at(at + WORKER_LANES).load(Ordering::Acquire);
            if entry_state(word) == ENTRY_ACTIVE && lanes > 0 {
                process.ready = Some(Instant::now());
                process.word = Some(word);
                let took = process.started.elapsed();
                tracing::info!(
                    worker = seat.entry,
                    pid = process.id(),
                    lanes,
                    "worker is ready after {took:.1?}"
                );
                self.boot_deaths = 0;
                self.proven = true;
                news = true;
            }
        }
        news
    }

    /// Kills workers that have not registered in time.
    pub(super) fn kill_slow(&mut self) {
        let limit = self.start_timeout;
        for process in self.processes_mut() {
            if process.ready.is_none()
                && process.killed.is_none()
                && process.started.elapsed() > limit
            {
                process.kill(&format!(
                    "it did not register within {limit:?}: is it a Ringwork worker? \
                     (one that needs longer: --start-timeout)"
                ));
            }
        }
    }

    /// Passes on the output of all workers.
    pub(super) fn pass_output(&mut self, console: &mut dyn Console) {
        for seat in &mut self.seats {
            if let Some(process) = seat.process.as_mut() {
                process.pass_output(&mut |line| console.worker_line(seat.entry, line));
            }
        }
    }

    /// Buries the dead: gives back what they held and plans their successors.
    pub(super) fn bury(
        &mut self,
        segment: &Segment,
        console: &mut dyn Console,
    ) -> Result<(), SupervisorError> {
        for number in 0..self.seats.len() {
            let seat = &mut self.seats[number];
            let Some(exit) = seat.process.as_mut().and_then(Process::exit) else {
                continue;
            };
            let Some(mut process) = seat.process.take() else {
                continue;
            };
            ringwork_ring::failpoint!("serve.exit_seen");
            let entry = seat.entry;
            let last_lines = process.last_lines(&mut |line| console.worker_line(entry, line));
            let obituary = Obituary::write(segment, entry, &process, exit, last_lines);
            if let Some(ready) = process.ready {
                let pause =
                    seat.backoff
                        .after(Some(ready.elapsed()), &self.restart, fastrand::f64());
                seat.due = Instant::now() + pause;
                obituary.announce(segment, Some(pause));
            } else {
                if process.killed.is_some() {
                    // It has hung for the whole of its time: four more would be no wiser.
                    self.boot_deaths = self.boot_deaths.max(BOOT_DEATHS - 1);
                }
                self.boot_death(number, &obituary, segment)?;
            }
        }
        Ok(())
    }

    fn boot_death(
        &mut self,
        number: usize,
        obituary: &Obituary,
        segment: &Segment,
    ) -> Result<(), SupervisorError> {
        self.boot_deaths += 1;
        let mut pause = self.seats[number]
            .backoff
            .after(None, &self.restart, fastrand::f64());
        if self.boot_deaths >= BOOT_DEATHS {
            if self.ready() == 0 {
                return Err(SupervisorError::NoWorker {
                    deaths: self.boot_deaths,
                    program: self.command.program.clone(),
                    last: obituary.cause(),
                    output: obituary.output(),
                });
            }
            pause = self.restart.backoff_max;
        }
        self.seats[number].due = Instant::now() + pause;
        obituary.announce(segment, Some(pause));
        Ok(())
    }

    /// Asks all workers to leave.
    pub(super) fn terminate(&mut self) {
        self.processes_mut().for_each(Process::terminate);
    }

    /// Lets go of those that have exited; `true` when nobody is left.
    pub(super) fn dismiss_exited(&mut self, console: &mut dyn Console) -> bool {
        for seat in &mut self.seats {
            if let Some(process) = seat.process.as_mut()
                && process.exit().is_some()
            {
                process.last_lines(&mut |line| console.worker_line(seat.entry, line));
                seat.process = None;
            }
        }
        self.processes().next().is_none()
    }

    /// Kills all that are left, all at once, and waits for them.
    pub(super) fn kill_all(&mut self, why: &str) {
        self.processes_mut().for_each(|process| process.kill(why));
        self.seats.iter_mut().for_each(|seat| seat.process = None);
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.kill_all("the supervisor ends");
    }
}
