//! What the supervisor looks for at its tick, since no descriptor tells it.

mod deadlines;
mod lost_descriptors;
mod orphans;
mod recycling;
mod slow_tasks;
mod task_of_line;
mod thread_bound;

use crate::config::ServeConfig;
use crate::crew::Crew;
use crate::crew::death_report::DeathReport;
use crate::lifecycle::{self, Topic};
use crate::looks::Keeper;
use crate::pool::{Pool, handler_name};
use crate::watch::deadlines::TimeLimits;
use crate::watch::recycling::{Bounds, Pressure, Recycling};
use crate::watch::slow_tasks::SlowTasks;
use crate::watch::task_of_line::pid_of;
use crate::watch::thread_bound::kill_crowded;
use ringwork_ring::CauseDetail;
use ringwork_ring::Segment;
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::queue::wait::any_idle;
use ringwork_ring::reaper::{LostWakeCheck, Overdue, Sweeper, has_resting_lane, reap_client};
use ringwork_ring::segment::running::note_running_tasks;
use ringwork_ring::segment::tables::log_error;
use ringwork_worker::log::OfTask;
use ringwork_worker::log_of_task;
use std::borrow::Cow;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// The tick while there is work: the longest that a swallowed wake delays a task.
pub(crate) const BUSY_TICK: Duration = Duration::from_millis(10);
/// The tick of a pool at rest whose clients may submit at any time: bounds, as the next one does
/// later, the delay of the first task after the rest if its wake is swallowed.
const ATTACHED_TICK: Duration = Duration::from_millis(20);
/// The same once it has rested for [`AFTERMATH`], and of a pool without clients: a wake-up from an
/// idle core costs about 0.1 ms, so ten a second 0.1 % of a core.
const IDLE_TICK: Duration = Duration::from_millis(100);
/// How often the locks of clients and joined workers are probed.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);
/// How long after the last submit a pool is looked at less often, and the threads of workers
/// without a task are counted at the sweep only.
const AFTERMATH: Duration = Duration::from_secs(2);
/// How often all slots are looked through.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The regular looks and when they were done last.
#[derive(Debug)]
pub(crate) struct Watch {
    lost_wakes: LostWakeCheck,
    sweeper: Sweeper,
    config: ServeConfig,
    recycling: Recycling,
    limits: TimeLimits,
    slow_tasks: SlowTasks,
    pressure: Pressure,
    looks: Keeper,
    probed: Instant,
    swept: Instant,
    submitted: u64,
    active: Instant,
    // Entries with an overdue task that can't be killed from here, said once.
    out_of_reach: HashSet<u32>,
}

impl Watch {
    pub(crate) fn new(config: &ServeConfig) -> Self {
        let now = Instant::now();
        Self {
            lost_wakes: LostWakeCheck::default(),
            sweeper: Sweeper::default(),
            config: config.clone(),
            recycling: Recycling::new(),
            limits: TimeLimits::new(&config.limits()),
            slow_tasks: SlowTasks::default(),
            pressure: Pressure::default(),
            looks: Keeper::default(),
            probed: now,
            swept: now,
            submitted: 0,
            active: now,
            out_of_reach: HashSet::new(),
        }
    }

    /// Takes up the options of a reload.
    pub(crate) fn configure(&mut self, config: &ServeConfig) {
        self.config = config.clone();
        self.limits = TimeLimits::new(&config.limits());
    }

    /// How long the supervisor may sleep now.
    pub(crate) fn pace(&mut self, pool: &Pool) -> Duration {
        let submitted = pool.submitted();
        // Beside lanes that all run tasks no wake can be missed: each looks when its task ends.
        let waits = pool.has_backlog() && (self.is_elastic() || has_resting_lane(pool.segment()));
        let busy = submitted != self.submitted || waits;
        self.submitted = submitted;
        if busy {
            self.active = Instant::now();
        }
        match (busy, pool.has_clients()) {
            (true, _) => BUSY_TICK,
            (false, true) if self.active.elapsed() < AFTERMATH => ATTACHED_TICK,
            (false, _) => IDLE_TICK,
        }
    }

    /// Whether workers are started while tasks wait: how long they do is told by the tick.
    fn is_elastic(&self) -> bool {
        self.config.max_workers() > self.config.min_workers()
    }

    /// One tick.
    pub(crate) fn tick(&mut self, pool: &Pool, crew: &mut Crew) {
        let segment = pool.segment();
        self.lost_wakes.look(segment);
        self.limits.look(segment, crew);
        self.looks.tick(segment);
        if self.is_elastic() {
            self.grow(pool, crew);
        }
        // A little less than the idle tick, so that no idle tick is skipped.
        if self.probed.elapsed() + BUSY_TICK >= PROBE_INTERVAL {
            self.probed = Instant::now();
            note_running_tasks(segment, now_ns());
            if let Some(limit) = self.config.limits.slow_task.0 {
                self.slow_tasks.look(segment, limit.0, now_ns());
            }
            self.reap_others(pool, crew);
            orphans::reap(crew);
            lost_descriptors::replace(crew, segment);
            self.recycling.look(segment, crew, bounds(&self.config));
            // Only a handler starts threads without end, or what it has left behind.
            let at_work = || crew.members().any(|member| member.is_busy(segment));
            if pool.has_clients() && (self.active.elapsed() < AFTERMATH || at_work()) {
                kill_crowded(crew, self.config.confinement.worker_threads);
            }
        }
        if self.swept.elapsed() >= SWEEP_INTERVAL {
            self.swept = Instant::now();
            if pool.has_clients() {
                kill_crowded(crew, self.config.confinement.worker_threads);
                self.sweep(segment, crew);
            }
        }
    }

    /// Starts another worker when tasks wait, all lanes are busy and none starts already.
    fn grow(&mut self, pool: &Pool, crew: &mut Crew) {
        let starting = crew.look_again_in().is_some();
        let full = crew.seats.iter().all(|seat| seat.open);
        let idle = any_idle(pool.segment(), LaneKind::Cpu);
        if full || starting || idle || crew.health.halt().is_some() {
            self.pressure.clear();
        } else if self
            .pressure
            .look(pool, self.config.elastic.scale_up_after.0)
            && crew.grow()
        {
            self.pressure.clear();
            tracing::info!(
                event = "pool.grows",
                "tasks have waited for {:?}: another worker is started",
                self.config.elastic.scale_up_after.0
            );
        }
    }

    /// Clients, and workers that joined by themselves: their locks tell.
    fn reap_others(&mut self, pool: &Pool, crew: &Crew) {
        let segment = pool.segment();
        for client in pool.dead_owners.dead_clients(segment) {
            let record = segment.client(client);
            let (seen, name) = (record.word_acquire(), record.name());
            reap_client(segment, client);
            // Told when it is first seen so: with tasks that still run there are more looks. A
            // client that has closed beside its running tasks has said what it wanted.
            if seen.is_active() && record.word_acquire() != seen {
                tracing::info!(
                    event = "client.died",
                    client,
                    "a client has gone without closing: its tasks are dropped"
                );
                let index = [("client", client.into())];
                let name = Some(("name", name.as_str()));
                lifecycle::publish(segment, Topic::ClientDied, &index, name);
            }
        }
        for entry in pool.dead_owners.dead_workers(segment) {
            if !crew.owns(entry) {
                let keep = self.config.restart.quarantine_keep;
                DeathReport::of_joined(segment, entry, keep).announce(segment, None);
                self.out_of_reach.remove(&entry);
            }
        }
    }

    fn sweep(&mut self, segment: &Segment, crew: &mut Crew) {
        let grace = u64::try_from(self.config.overrun_grace.0.as_nanos()).unwrap_or(u64::MAX);
        for task in self.sweeper.sweep(segment, now_ns()) {
            if grace > 0 && task.late_ns > grace {
                self.stop_overdue(segment, crew, &task);
            }
        }
    }

    fn stop_overdue(&mut self, segment: &Segment, crew: &mut Crew, task: &Overdue) {
        let handler = handler_name(segment, task.handler);
        let why = format!("{handler} ran on after its deadline and --overrun-grace");
        let late = Duration::from_nanos(task.late_ns);
        let pid = pid_of(segment, task.worker);
        let of_task = || OfTask {
            worker: task.worker,
            lane: task.lane,
            handler: Cow::Owned(handler.clone()),
            id: task.task_id,
            attempt: task.attempt,
            traceparent: None,
        };
        if crew.stop(task.worker, &why, CauseDetail::TimeLimit) {
            log_of_task!(
                error,
                "task.overdue",
                of_task(),
                pid,
                "stopping worker {}: {handler} is {late:.1?} past its deadline",
                task.worker
            );
        } else if !crew.owns(task.worker) && self.out_of_reach.insert(task.worker) {
            log_error(
                segment,
                &format!("{why}, in a worker that is not the supervisor's: stop it by hand"),
            );
            log_of_task!(
                error,
                "task.overdue_elsewhere",
                of_task(),
                pid,
                "{handler} is {late:.1?} past its deadline in worker {}, which is not this supervisor's: stop it by hand",
                task.worker
            );
        }
    }
}

fn bounds(config: &ServeConfig) -> Bounds {
    Bounds {
        least: config.min_workers() as usize,
        max: config.max_workers() as usize,
        shrink_after: config.elastic.idle_shrink_after.0,
    }
}
