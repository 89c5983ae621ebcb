//! The supervisor's loop: it sleeps, looks at what woke it and at what no descriptor tells, and ends
//! in order.
//!
//! Its parts act upon the [`Supervisor`] alone: [`reload`] on SIGHUP, [`handlers`] around a reload,
//! [`readiness`] at each tick, [`steering`] when a command calls. Invariant: its fields are dropped in the order in which they stand.

mod events;
mod handlers;
mod notify;
mod readiness;
mod reload;
mod reloads;
mod steering;

use crate::config::in_effect::{Cause, InEffect};
use crate::config::{ServeConfig, WorkerCommand};
use crate::console::{Console, Ready};
use crate::crew::Crew;
use crate::crew::seat::Settings;
use crate::endpoint::Endpoint;
use crate::error::SupervisorError;
use crate::lifecycle::{self, Topic};
use crate::pool::guard::Guard;
use crate::pool::heartbeat::Heart;
use crate::pool::limit_table::LimitTable;
use crate::pool::refusing_lane::RefusingLane;
use crate::pool::{Open, Pool};
use crate::watch::{self, Watch};
use events::{Events, Wake};
use notify::Notifier;
use reloads::Reloads;
use ringwork_ring::format::counted;
use ringwork_ring::format::states::{LaneKind, PoolState};
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::queue::wait::wake_all_lanes;
use ringwork_ring::segment::tables;
use ringwork_ring::{PoolDir, Segment};
use std::time::{Duration, Instant};

/// How long workers get to leave by themselves before they are killed.
const LEAVE_PATIENCE: Duration = Duration::from_secs(1);
/// How long clients get to read their last results after a drain.
const COLLECT_PATIENCE: Duration = Duration::from_millis(500);

/// Serves a pool until it is asked to stop (SIGTERM, SIGINT, SIGQUIT; embedded: the end
/// of standard input), or fails. Call it from the main thread. It takes over the signals of this
/// process, whatever mask and ignored signals this one was started with.
///
/// # Errors
/// See [`SupervisorError`]; nothing is left behind then.
pub fn run(config: &ServeConfig, console: &mut dyn Console) -> Result<(), SupervisorError> {
    let config = &config.clone().settled();
    config.validate()?;
    ringwork_ring::os::sigbus::explain_sigbus();
    let system = |what| move |source| SupervisorError::System { what, source };
    let command = match config.worker_command() {
        Some(command) => command,
        None => WorkerCommand::stock().map_err(system("cannot tell which program this is"))?,
    };
    command.check()?;
    let dir = PoolDir::new(&config.name)?;
    // Before the segment: a signal from now on ends in order.
    let mut events = Events::new(config.embedded).map_err(system("cannot take over signals"))?;
    config.confinement().announce();
    let endpoint = Endpoint::new(config, &dir, console.http_program())?;
    let pool = Pool::of(config, &dir)?;
    let limits = LimitTable::new(&config.limits());
    limits.write(pool.segment(), &config.limits());
    InEffect::publish(config, Cause::Start, pool.segment());
    let settings = Settings::new(config, command, pool.segment());
    let crew = Crew::new(
        settings,
        config.embedded,
        config.io.io_workers,
        (config.workers(), config.max_workers()),
    );
    let watch = Watch::new(config);
    let guard = Guard::new(&pool);
    let segment = pool.segment();
    events.watch_nudges(&dir.supervisor_lock(segment.epoch()));
    events.hear_commands(&dir);
    let mut supervisor = Supervisor {
        refusing_lanes: Vec::new(),
        endpoint,
        crew,
        watch,
        guard,
        events,
        pool,
        config: config.clone(),
        limits,
        reloads: Reloads::default(),
        former_config: None,
        former_handlers: None,
        heart: Heart::default(),
        notifier: Notifier::new(config.embedded),
        told: String::new(),
        console,
        phase: Phase::Starting,
        looked: Instant::now(),
    };
    let result = supervisor.serve();
    supervisor.finish(result)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No worker has been ready yet.
    Starting,
    Serving,
    /// It takes no new tasks until a command says so.
    Drained,
    /// Asked to stop; the second instant is set once all tasks are over.
    Draining(Instant, Option<Instant>),
}

/// Whether any async task is in flight.
fn has_async_tasks(segment: &Segment) -> bool {
    let mut lanes = segment.lanes();
    lanes.any(|lane| lane.word_acquire().is_active() && lane.open_claims() > 0)
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Asked to.
    Stopped {
        /// Tasks that are not over.
        unfinished: u64,
        /// Whether it was told not to wait for them.
        at_once: bool,
    },
    /// The owner of the embedded pool is gone: there is nothing left to wait for.
    Owner {
        /// Whether it closed the pool before, as it should.
        closed: bool,
    },
}

impl End {
    /// Asked to stop, and nothing is left to do.
    const DONE: Self = Self::Stopped {
        unfinished: 0,
        at_once: false,
    };
}

// Fields are dropped in this order: workers first, the pool's files last.
struct Supervisor<'a> {
    refusing_lanes: Vec<RefusingLane>,
    endpoint: Option<Endpoint>,
    crew: Crew,
    watch: Watch,
    guard: Guard,
    events: Events,
    pool: Pool,
    config: ServeConfig,
    /// The handlers that have an entry in the segment's table of limits.
    limits: LimitTable,
    reloads: Reloads,
    /// During a reload: what to go back to when its workers do not get ready.
    former_config: Option<ServeConfig>,
    /// During a reload: the names of the handlers before it.
    former_handlers: Option<Vec<String>>,
    heart: Heart,
    notifier: Notifier,
    /// The reason that the segment has, for its health.
    told: String,
    console: &'a mut dyn Console,
    phase: Phase,
    /// When the last tick began.
    looked: Instant,
}

impl Supervisor<'_> {
    fn serve(&mut self) -> Result<End, SupervisorError> {
        loop {
            self.crew.fill(self.pool.segment())?;
            if let Some(endpoint) = &mut self.endpoint {
                endpoint.fill();
            }
            let wake = self.sleep()?;
            events::tell_ignored();
            if wake.nudged {
                ringwork_ring::reaper::wake_for_work(self.pool.segment());
                if wake.is_nudge_only() && self.looked.elapsed() < watch::BUSY_TICK {
                    continue; // the looks of a tick are dear, and judge by what stands still
                }
            }
            self.looked = Instant::now();
            self.guard.check(&self.pool)?;
            if wake.owner_gone {
                return Ok(End::Owner {
                    closed: wake.owner_closed,
                });
            }
            // Before the dead are reaped: one that was ready died otherwise than one that never
            // was.
            self.crew.note_ready(self.pool.segment());
            if wake.workers {
                self.crew.pass_output(self.console);
                if self.crew.has_exited() {
                    // Without them no other worker can take the dead one's place.
                    self.guard.check_files(&self.pool)?;
                }
                self.crew.reap_exited(self.pool.segment(), self.console)?;
                if let Some(endpoint) = &mut self.endpoint {
                    endpoint.look(self.console);
                }
            }
            self.crew.kill_slow();
            self.watch.tick(&self.pool, &mut self.crew);
            self.open_for_clients();
            self.show_health()?;
            self.reload_if_asked(wake.reload);
            if wake.called {
                self.answer_callers();
            }
            self.notifier.beat();
            self.heart.beat(self.pool.segment());
            if let Some(end) = self.stop_if_asked(wake.stops) {
                return Ok(end);
            }
        }
    }

    fn sleep(&mut self) -> Result<Wake, SupervisorError> {
        let mut limit = match self.phase {
            Phase::Draining(..) => watch::BUSY_TICK,
            _ => self.watch.pace(&self.pool),
        };
        if let Some(look) = self.crew.look_again_in() {
            limit = limit.min(look);
        }
        let endpoint = self.endpoint.as_ref();
        let starts = endpoint.and_then(Endpoint::next_due);
        if let Some(due) = self.crew.next_due().into_iter().chain(starts).min() {
            limit = limit.min(due.saturating_duration_since(Instant::now()));
        }
        if let Some(beat) = self.notifier.next_beat() {
            limit = limit.min(beat);
        }
        let failed = |source| SupervisorError::System {
            what: "cannot wait for workers",
            source,
        };
        let http = endpoint.and_then(Endpoint::process);
        let processes = self.crew.processes().chain(http);
        self.events.wait(processes, limit).map_err(failed)
    }

    fn open_for_clients(&mut self) {
        if self.phase == Phase::Starting && self.crew.serves() {
            let segment = self.pool.segment();
            segment.set_pool_state(PoolState::Serving);
            ringwork_ring::failpoint!("serve.serving");
            self.phase = Phase::Serving;
            lifecycle::publish(segment, Topic::PoolServing, &[], None);
            let ready = Ready {
                name: self.config.name.clone(),
                dir: segment.dir().path().to_path_buf(),
                segment: segment.path().to_path_buf(),
                size: segment.geometry().segment_size,
                http: (self.endpoint.as_ref()).map(|endpoint| endpoint.shown().to_owned()),
            };
            self.console.ready(&ready);
            self.notifier.ready(&self.summary());
            self.warn_of_vain_limits();
        }
    }

    fn stop_if_asked(&mut self, stops: usize) -> Option<End> {
        let now = Instant::now();
        match self.phase {
            Phase::Starting if stops > 0 => return Some(End::DONE),
            Phase::Serving | Phase::Drained if stops > 0 => {
                self.begin_to_stop(stops > 1);
                self.phase = Phase::Draining(now + self.config.drain_timeout.0, None);
                if stops == 1 {
                    return None;
                }
            }
            Phase::Draining(..) => {}
            _ => return None,
        }
        let Open {
            unfinished,
            uncollected,
        } = self.pool.open_tasks();
        let Phase::Draining(deadline, done) = self.phase else {
            return None;
        };
        // Async tasks are dropped first: their callers learn that, and not of the pool's end.
        let given_up = now >= deadline
            && (now >= deadline + LEAVE_PATIENCE || !has_async_tasks(self.pool.segment()));
        if stops > 0 || given_up {
            return Some(End::Stopped {
                unfinished,
                at_once: stops > 0,
            });
        }
        if unfinished > 0 {
            self.phase = Phase::Draining(deadline, None);
            return None;
        }
        let done = done.unwrap_or(now);
        self.phase = Phase::Draining(deadline, Some(done));
        (uncollected == 0 || now >= done + COLLECT_PATIENCE).then_some(End::DONE)
    }

    /// Tells all processes that no new task is taken, and until when the others are waited for.
    fn begin_to_stop(&mut self, at_once: bool) {
        let segment = self.pool.segment();
        let (drain, io_drain) = (self.config.drain_timeout.0, self.config.io.io_drain.0);
        let handlers = tables::handlers(segment);
        let has_async = handlers.iter().any(|one| one.kind == LaneKind::Io);
        let how = match drain {
            _ if at_once => " at once".to_owned(),
            Duration::ZERO => ": without time to drain".to_owned(),
            drain if has_async && io_drain < drain => format!(
                ": draining for at most {drain:?} (--drain-timeout), async tasks for at most {io_drain:?} (--io-drain)"
            ),
            drain => format!(": draining for at most {drain:?} (--drain-timeout)"),
        };
        tracing::info!(event = "pool.stopping", "asked to stop{how}");
        self.notifier.stopping();
        let drain_ns = u64::try_from(drain.as_nanos()).unwrap_or(u64::MAX);
        segment.drain_until(now_ns().saturating_add(drain_ns));
        ringwork_ring::failpoint!("serve.draining");
        wake_all_lanes(segment); // I/O threads learn of it, too
        lifecycle::publish(segment, Topic::PoolDraining, &[], None);
    }

    /// Tells all processes, waits for them to end, removes the files.
    fn finish(mut self, result: Result<End, SupervisorError>) -> Result<(), SupervisorError> {
        self.notifier.stopping();
        self.give_up_reload();
        self.refusing_lanes.clear();
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.terminate();
        }
        let result = self.end(result);
        if let Some(endpoint) = self.endpoint.take() {
            endpoint.see_off(self.console);
        }
        result
    }

    /// Ends the pool for all processes, and the workers.
    fn end(&mut self, result: Result<End, SupervisorError>) -> Result<(), SupervisorError> {
        match result {
            Ok(End::Stopped {
                unfinished,
                at_once,
            }) => {
                let mut reason = "its supervisor was asked to stop".to_owned();
                if unfinished > 0 {
                    let (when, log) = match at_once {
                        true => ("it was told to stop at once", "when told to stop at once"),
                        false => ("its time to drain was", "in time"),
                    };
                    let were = if unfinished == 1 { "was" } else { "were" };
                    let tasks = format!("{} {were} not over", counted(unfinished, "task"));
                    reason.push_str(&format!("; {tasks} when {when}"));
                    tracing::warn!(event = "pool.unfinished", "{tasks} {log}");
                }
                self.pool.end(PoolState::Closed, &reason);
                self.crew.terminate();
                self.see_off(LEAVE_PATIENCE);
                tracing::info!(event = "pool.stopped", "stopped");
                Ok(())
            }
            Ok(End::Owner { closed: true }) => {
                self.pool
                    .end(PoolState::Closed, "the process that owned it has closed it");
                self.crew.kill_all("the owner has closed the pool");
                tracing::info!(
                    event = "pool.stopped",
                    "stopped: its owner has closed the pool"
                );
                Ok(())
            }
            Ok(End::Owner { closed: false }) => {
                self.pool
                    .end(PoolState::Closed, "the process that owned it has ended");
                self.crew.kill_all("the owner of the pool has ended");
                tracing::info!(event = "pool.stopped", "the owner is gone: stopped");
                Ok(())
            }
            Err(error) => {
                let error = self.guard.explain(&self.pool, error);
                if self.guard.is_damaged() {
                    // First, lest the reason be overwritten, too.
                    self.crew.kill_all("the segment is corrupt");
                }
                self.pool.end(PoolState::Failed, &error.to_string());
                Err(error)
            }
        }
    }

    /// Waits for workers to leave, then kills the rest.
    fn see_off(&mut self, patience: Duration) {
        let give_up = Instant::now() + patience;
        while !self.crew.drop_exited(self.console) {
            let left = give_up.saturating_duration_since(Instant::now());
            // A signal or the owner's end cuts the patience short.
            let wake = self
                .events
                .wait(self.crew.processes(), left.min(watch::BUSY_TICK))
                .unwrap_or_default();
            self.crew.pass_output(self.console);
            if left.is_zero() || wake.stops > 0 || wake.owner_gone {
                break;
            }
        }
        self.crew.kill_all("it did not leave in time");
    }
}
