//! A worker as the crew sees it, and the seat that it fills.
//!
//! Invariant: a member's process is the only child at its entry of the worker
//! table; the reaper gives the entry back before another child gets it.

use crate::config::text::Span;
use crate::config::{ServeConfig, WorkerCommand};
use crate::crew::backoff::Backoff;
use crate::lifecycle::{self, Topic};
use crate::policy::{RecyclePolicy, RestartPolicy};
use crate::process::Process;
use crate::process::kept_program::KeptProgram;
use ringwork_ring::CauseDetail;
use ringwork_ring::Segment;
use ringwork_ring::format::layout::LaneCounter;
use ringwork_ring::format::states::{LaneKind, Leave};
use ringwork_ring::lane::leave::LeaveBy;
use ringwork_ring::queue::wait::wake_all_lanes;
use ringwork_worker::log::{FORMAT_VARIABLE, LEVEL_VARIABLE};
use ringwork_worker::{
    CONFIG_VARIABLE, LANE_KIND_VARIABLE, LANES_VARIABLE, LEAVE_BY_VARIABLE, MAX_TASKS_VARIABLE,
    POOL_DIR_VARIABLE, POOL_EPOCH_VARIABLE, SCHEDULING_VARIABLE, WAIT_VARIABLE,
    WORKER_INDEX_VARIABLE,
};
use std::io;
use std::time::{Duration, Instant};

/// What workers are started with. A reload makes another one.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) command: WorkerCommand,
    program: KeptProgram,
    environment: Vec<(&'static str, String)>,
    lanes: u32,
    io_lanes: u32,
    pub(crate) start_timeout: Duration,
    pub(crate) restart: RestartPolicy,
    pub(crate) recycle: RecyclePolicy,
    pub(crate) kill_grace: Duration,
    /// Counts the reloads.
    pub(crate) generation: u32,
}

impl Settings {
    pub(crate) fn new(config: &ServeConfig, command: WorkerCommand, segment: &Segment) -> Self {
        let pool = segment.dir().path().display().to_string();
        let leave_by = match config.embedded {
            true => LeaveBy::Parent,
            false => LeaveBy::Anyone,
        };
        let environment = [
            (POOL_DIR_VARIABLE, pool),
            (POOL_EPOCH_VARIABLE, segment.epoch().to_string()),
            (LEAVE_BY_VARIABLE, leave_by.name().to_owned()),
            (LANES_VARIABLE, config.lanes.to_string()),
            (WAIT_VARIABLE, config.wait.name().to_owned()),
            (SCHEDULING_VARIABLE, config.scheduling.name().to_owned()),
            (LEVEL_VARIABLE, config.log_level.name().to_owned()),
            (FORMAT_VARIABLE, config.log_format.name().to_owned()),
            (CONFIG_VARIABLE, config.sections.json()),
        ];
        Self {
            program: KeptProgram::open(&command.program),
            command,
            environment: environment
                .into_iter()
                .chain(config.confinement().environment())
                .chain(config.io.environment())
                .collect(),
            lanes: config.lanes_of_a_worker(),
            io_lanes: config.io.entries().max(1).saturating_add(1),
            start_timeout: config.start_timeout.0,
            restart: config.restart,
            recycle: config.recycle,
            kill_grace: config.limits.kill_grace.0,
            generation: 0,
        }
    }
}

impl Settings {
    /// Entries of the lane table that a worker takes whose lanes are of this kind.
    pub(crate) fn lanes(&self, kind: LaneKind) -> u32 {
        match kind {
            LaneKind::Cpu => self.lanes,
            LaneKind::Io => self.io_lanes,
        }
    }
}

/// A worker process and what is known of it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) process: Process,
    /// Its entry in the worker table.
    pub(crate) entry: u32,
    /// The settings that it was started with.
    pub(crate) generation: u32,
    /// The kind of its lanes.
    pub(crate) kind: LaneKind,
    /// How many lanes it takes.
    wants_lanes: u32,
    /// Its lanes, once they are registered, and what they had counted before.
    lanes: Vec<u32>,
    base: u64,
    /// The number of tasks after which it leaves by itself.
    pub(crate) quota: Option<u64>,
    /// The age at which it is replaced.
    pub(crate) max_age: Option<Duration>,
    /// Why it was told to leave.
    pub(crate) leaving: Option<String>,
    /// When it is killed, having been told to stop.
    stop: Option<Stop>,
}

/// An appointed end.
#[derive(Debug)]
struct Stop {
    at: Instant,
    why: String,
    detail: CauseDetail,
}

impl Member {
    /// Starts one whose lanes are of a kind, and which will take so many entries of the lane table.
    pub(crate) fn spawn(
        settings: &Settings,
        entry: u32,
        (kind, wants_lanes): (LaneKind, u32),
    ) -> io::Result<Self> {
        let quota = settings.recycle.max_tasks.0.map(|quota| quota.draw());
        let mut environment = settings.environment.clone();
        environment.push((WORKER_INDEX_VARIABLE, entry.to_string()));
        environment.push((LANE_KIND_VARIABLE, kind.name().to_owned()));
        if let Some(quota) = quota {
            environment.push((MAX_TASKS_VARIABLE, quota.to_string()));
        }
        let process = Process::spawn(&settings.command, &settings.program.path(), &environment)?;
        tracing::debug!(
            event = "worker.started",
            worker = entry,
            pid = process.id(),
            "worker started"
        );
        Ok(Self {
            process,
            entry,
            generation: settings.generation,
            kind,
            wants_lanes,
            lanes: Vec::new(),
            base: 0,
            quota,
            max_age: settings
                .recycle
                .max_age
                .0
                .map(|Span(age)| age - age.mul_f64(fastrand::f64() / 10.0)),
            leaving: None,
            stop: None,
        })
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.process.ready.is_some()
    }

    /// Lanes that it will take and has not registered yet.
    pub(crate) fn lanes_to_come(&self) -> u32 {
        if self.is_ready() { 0 } else { self.wants_lanes }
    }

    /// How many entries of the lane table it has taken.
    pub(crate) fn entries(&self) -> u32 {
        self.lanes.len() as u32 // at most 256
    }

    /// Notes that it has registered its lanes; `true` when that is news.
    pub(crate) fn note_ready(&mut self, segment: &Segment) -> bool {
        if self.is_ready() {
            return false;
        }
        let record = segment.worker(self.entry);
        let (word, lanes) = (record.word_acquire(), record.lanes_acquire());
        if !word.is_active() || lanes == 0 {
            return false;
        }
        self.process.ready = Some(Instant::now());
        self.process.word = Some(word);
        self.lanes = (0..segment.geometry().max_lanes)
            .filter(|lane| {
                let word = segment.lane(*lane).word_acquire();
                word.is_active() && word.worker() == self.entry
            })
            .collect();
        // What the lanes have counted in the lives before; a task begun this instant is not missed
        // much.
        self.base = self.counted(segment);
        let took = self.process.started.elapsed();
        tracing::info!(
            event = "worker.ready",
            worker = self.entry,
            pid = self.process.id(),
            lanes,
            "worker is ready after {took:.1?}"
        );
        let fields = [
            ("worker", self.entry.into()),
            ("pid", self.process.id().into()),
            ("lanes", lanes.into()),
        ];
        lifecycle::publish(segment, Topic::WorkerReady, &fields, None);
        true
    }

    /// For one that is dead: whether it had been ready between two looks, since it left in order
    /// that soon. Its entry still says so, for it was not taken since.
    pub(crate) fn note_short_life(&mut self, segment: &Segment) -> bool {
        let record = segment.worker(self.entry);
        let unseen = !self.is_ready() && record.pid() == self.process.id() && record.lanes() > 0;
        if unseen {
            self.process.ready = Some(self.process.started);
        }
        unseen
    }

    fn counted(&self, segment: &Segment) -> u64 {
        let started = |lane: &u32| segment.lane(*lane).counter(LaneCounter::Started).get();
        self.lanes.iter().map(started).sum()
    }

    /// How many tasks it has begun.
    pub(crate) fn tasks(&self, segment: &Segment) -> u64 {
        self.counted(segment).saturating_sub(self.base)
    }

    /// Whether one of its lanes has a task now, or claims that go on by themselves.
    pub(crate) fn is_busy(&self, segment: &Segment) -> bool {
        let mut lanes = self.lanes.iter().map(|lane| segment.lane(*lane));
        lanes.any(|lane| lane.current().is_some() || lane.open_claims() > 0)
    }

    /// Tells it to leave after its current tasks.
    pub(crate) fn tell_to_leave(&mut self, segment: &Segment, why: &str) {
        tracing::info!(
            event = "worker.leaves",
            worker = self.entry,
            pid = self.process.id(),
            "worker {} is to leave: {why}",
            self.entry
        );
        self.leaving = Some(why.to_owned());
        let record = segment.worker(self.entry);
        if self.process.word == Some(record.word_acquire()) {
            record.set_leave(Leave::Asked);
            ringwork_ring::failpoint!("serve.told_to_leave");
            wake_all_lanes(segment);
        } else {
            // Not registered yet, or gone already: a signal reaches it in any case.
            self.process.terminate();
        }
    }

    /// Whether a command has asked it to leave; asked once it is dead.
    pub(crate) fn was_asked(&self, segment: &Segment) -> bool {
        self.leaving.is_none() && segment.worker(self.entry).leave() == Ok(Leave::Asked)
    }

    /// Whether it left since it had run its number of tasks; asked once it is dead.
    pub(crate) fn had_its_quota(&self, segment: &Segment) -> bool {
        self.quota.is_some() && segment.worker(self.entry).leave() == Ok(Leave::Quota)
    }

    /// Asks it to stop now, and appoints its end; `false` when that is done already.
    pub(crate) fn stop(&mut self, grace: Duration, why: &str, detail: CauseDetail) -> bool {
        if self.stop.is_some() || self.process.killed.is_some() {
            return false;
        }
        self.stop = Some(Stop {
            at: Instant::now() + grace,
            why: why.to_owned(),
            detail,
        });
        self.process.terminate();
        true
    }

    /// When its appointed end comes.
    pub(crate) fn end_due(&self) -> Option<Instant> {
        let stop = self.stop.as_ref();
        stop.filter(|_| self.process.killed.is_none())
            .map(|stop| stop.at)
    }

    /// Kills it when its appointed end has come.
    pub(crate) fn end_if_due(&mut self) {
        if self.end_due().is_some_and(|due| due <= Instant::now())
            && let Some(stop) = self.stop.take()
        {
            tracing::error!(
                event = "worker.killed",
                worker = self.entry,
                pid = self.process.id(),
                "killing worker {}, which did not leave when it was asked to: {}",
                self.entry,
                stop.why
            );
            self.process.killed_for = Some(stop.detail);
            self.process.kill(&stop.why);
        }
    }
}

/// One worker's place in the crew.
#[derive(Debug)]
pub(crate) struct Seat {
    /// The kind of lanes that its worker has.
    pub(crate) kind: LaneKind,
    /// Whether it is to be filled at all: the number of workers is elastic.
    pub(crate) open: bool,
    pub(crate) current: Option<Member>,
    /// Started to take the place of the current one.
    pub(crate) successor: Option<Member>,
    /// Why the current one is to be replaced.
    pub(crate) to_replace: Option<String>,
    pub(crate) backoff: Backoff,
    /// When an empty seat is filled, or a successor is tried again.
    pub(crate) due: Instant,
    /// Whether the tables had no room for its worker at the last look.
    pub(crate) no_room: bool,
}

impl Seat {
    pub(crate) fn new(kind: LaneKind, open: bool) -> Self {
        Self {
            kind,
            open,
            current: None,
            successor: None,
            to_replace: None,
            backoff: Backoff::default(),
            due: Instant::now(),
            no_room: false,
        }
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.current.iter().chain(&self.successor)
    }

    pub(crate) fn members_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.current.iter_mut().chain(&mut self.successor)
    }
}
