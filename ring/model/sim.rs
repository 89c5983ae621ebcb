//! One execution of the crash model: processes as coroutines, and the scheduler that runs, kills
//! and stops them.
//!
//! Invariant: one process runs at a time, and only between two steps does another take over.

mod engine;

use super::plan::{Limits, Plan};
use super::pool::{Footprint, Pool};
use super::shim::Place;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::rc::Rc;

/// More steps than any execution of a tiny pool needs.
const ENDLESS: u64 = 100_000;
/// Ticks of the supervisor within which whatever can be repaired must be.
const TICKS: u32 = 4;
/// What the clock moves on by when the time-outs of parked clients end.
const TIMEOUT_NS: u64 = 60_000_000;
/// Rounds of such time-outs before a client counts as left behind.
const TIMEOUTS: u32 = 3;
const STACK: usize = 256 << 10;

/// What a process waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    /// Asleep on a futex word.
    Futex(usize),
    /// A supervisor without anything to do.
    Event,
    /// Others must do something first.
    Paused,
    /// Stopped from outside.
    Stopped,
    Ended,
}

/// What a supervisor is woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A process has died.
    Death,
    /// Its tick.
    Tick,
    /// The pool is to be closed.
    Close,
    /// All others are gone.
    Exit,
}

/// What a process is, for the rules of its death and of the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The execution goes on until all of these have ended or died.
    Client,
    /// A thread of worker `.0`: they die together.
    Worker(u32),
    /// A successor takes its place when it dies.
    Supervisor,
}

/// What may happen to a process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hazards {
    pub(crate) dies: bool,
    pub(crate) stops: bool,
}

type Body = Rc<dyn Fn(&Sim)>;
type Routine = Coroutine<(), (), (), DefaultStack>;

struct Process {
    name: String,
    kind: Kind,
    hazards: Hazards,
    body: Body,
    state: State,
    dead: bool,
    routine: Option<Routine>,
    yielder: *const Yielder<(), ()>,
    deaths_seen: u32,
    tick: bool,
    closed: bool,
}

struct Killed;

/// What executions share, for speed.
#[derive(Default)]
pub(super) struct Reused {
    stacks: RefCell<Vec<DefaultStack>>,
    footprint: Footprint,
}

/// One execution.
pub(crate) struct Sim {
    pub(crate) pool: Pool,
    this: std::rc::Weak<Sim>,
    processes: RefCell<Vec<Process>>,
    current: Cell<usize>,
    // Which role runs when the current one has suspended itself in favour of another.
    next: Cell<Option<usize>>,
    left: Cell<Limits>,
    limits: Limits,
    plan: Rc<RefCell<Plan>>,
    locks: RefCell<HashMap<PathBuf, Option<usize>>>,
    reused: Rc<Reused>,
    now: Cell<u64>,
    steps: Cell<u64>,
    deaths: Cell<u32>,
    dead_kinds: RefCell<Vec<Kind>>,
    closing: Cell<bool>,
    exiting: Cell<bool>,
    ticks: Cell<u32>,
    timeouts: Cell<u32>,
    failure: RefCell<Option<Box<dyn Any + Send>>>,
    trace: bool,
}

impl Sim {
    /// An execution without processes yet.
    pub(super) fn new(
        pool: &Pool,
        limits: Limits,
        plan: &Rc<RefCell<Plan>>,
        reused: &Rc<Reused>,
        trace: bool,
    ) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            pool: pool.clone(),
            this: this.clone(),
            processes: RefCell::default(),
            current: Cell::new(0),
            next: Cell::new(None),
            left: Cell::new(limits),
            limits,
            plan: Rc::clone(plan),
            reused: Rc::clone(reused),
            // The supervisor's name stays taken: a successor takes over its segment.
            locks: RefCell::new(HashMap::from([(pool.supervisor_lock(), None)])),
            now: Cell::new(super::loom_engine::START_NS),
            steps: Cell::new(0),
            deaths: Cell::new(0),
            dead_kinds: RefCell::default(),
            closing: Cell::new(false),
            exiting: Cell::new(false),
            ticks: Cell::new(0),
            timeouts: Cell::new(0),
            failure: RefCell::default(),
            trace,
        })
    }

    /// Steps made, and time-outs of clients that were needed.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.steps.get(), self.timeouts.get().into())
    }

    /// Starts a process (or another thread of a worker).
    pub(crate) fn spawn(&self, name: &str, kind: Kind, hazards: Hazards, body: Body) {
        self.processes.borrow_mut().push(Process {
            name: name.to_owned(),
            kind,
            hazards,
            body,
            state: State::Ready,
            dead: false,
            routine: None,
            yielder: std::ptr::null(),
            deaths_seen: 0,
            tick: false,
            closed: false,
        });
    }

    /// Waits until a supervisor has something to do.
    pub(crate) fn wait_event(&self) -> Event {
        loop {
            let event = {
                let mut processes = self.processes.borrow_mut();
                let me = &mut processes[self.current.get()];
                if me.dead {
                    drop(processes);
                    resume_unwind(Box::new(Killed));
                }
                if me.deaths_seen < self.deaths.get() {
                    me.deaths_seen = self.deaths.get();
                    Some(Event::Death)
                } else if self.closing.get() && !std::mem::replace(&mut me.closed, true) {
                    Some(Event::Close)
                } else if self.exiting.get() {
                    Some(Event::Exit)
                } else if std::mem::take(&mut me.tick) {
                    Some(Event::Tick)
                } else {
                    me.state = State::Event;
                    None
                }
            };
            match event {
                Some(event) => return event,
                None => self.suspend(),
            }
        }
    }

    /// Whether a worker has died, all its threads, and no successor has started.
    pub(crate) fn worker_is_dead(&self, worker: u32) -> bool {
        let processes = self.processes.borrow();
        let mut threads = processes.iter().filter(|p| p.kind == Kind::Worker(worker));
        threads.clone().next().is_some() && threads.all(|p| p.dead && p.state == State::Ended)
    }

    /// Starts the successor of a dead worker.
    pub(crate) fn restart_worker(&self, worker: u32) {
        let successors: Vec<(String, Hazards, Body)> = {
            let mut processes = self.processes.borrow_mut();
            let threads = processes
                .iter_mut()
                .filter(|p| p.kind == Kind::Worker(worker));
            // The first is the process itself; it starts its other threads again.
            let first = threads
                .take(1)
                .map(|p| (p.name.clone(), p.hazards, Rc::clone(&p.body)));
            let first = first.collect();
            processes.retain_kind(Kind::Worker(worker));
            first
        };
        for (name, hazards, body) in successors {
            self.spawn(&name, Kind::Worker(worker), hazards, body);
        }
    }

    /// Whether any process has died or been stopped so far.
    pub(crate) fn disturbed(&self) -> bool {
        let left = self.left.get();
        left.crashes < self.limits.crashes || left.pauses < self.limits.pauses
    }

    /// Which process runs, for [`Self::has_died`].
    pub(crate) fn process(&self) -> usize {
        self.current.get()
    }

    /// Whether a process has died, or its siblings with it, be it unwound or not.
    pub(crate) fn has_died(&self, process: usize) -> bool {
        self.processes.borrow()[process].dead
    }

    /// Processes that have died so far.
    pub(crate) fn crashes(&self) -> u32 {
        self.limits.crashes - self.left.get().crashes
    }

    fn is_dead(&self) -> bool {
        // While a failed check unwinds, too, nothing may happen any more.
        std::thread::panicking() || self.processes.borrow()[self.current.get()].dead
    }

    fn suspend(&self) {
        let yielder = self.processes.borrow()[self.current.get()].yielder;
        // SAFETY: set when the coroutine of the current process started, in whose stack the yielder
        // lives; we are on that stack.
        unsafe { (*yielder).suspend(()) };
        if self.processes.borrow()[self.current.get()].dead {
            resume_unwind(Box::new(Killed));
        }
    }

    fn ready(&self) -> Vec<usize> {
        let processes = self.processes.borrow();
        let ready = processes.iter().enumerate();
        ready
            .filter(|(_, process)| process.state == State::Ready)
            .map(|(index, _)| index)
            .collect()
    }

    /// Before each step: which process goes on? `false` when the caller is dead and the step has no
    /// effect.
    fn step(&self) -> bool {
        if self.is_dead() {
            return false;
        }
        self.steps.set(self.steps.get() + 1);
        assert!(self.steps.get() < ENDLESS, "it goes on for ever");
        let mut left = self.left.get();
        let me = self.current.get();
        let others: Vec<usize> = if left.preemptions > 0 {
            self.ready()
                .into_iter()
                .filter(|other| *other != me)
                .collect()
        } else {
            Vec::new()
        };
        let (hazards, kind) = {
            let me = &self.processes.borrow()[me];
            (me.hazards, me.kind)
        };
        let dies = hazards.dies
            && left.crashes > 0
            && (self.limits.same_twice || !self.dead_kinds.borrow().contains(&kind));
        let (kill, stop) = (u16::from(dies), u16::from(hazards.stops && left.pauses > 0));
        let preempt = others.len() as u16;
        let choice = self
            .plan
            .borrow_mut()
            .choose(1 + preempt + kill + stop, false);
        if choice == 0 {
            return true;
        }
        if choice <= preempt {
            left.preemptions -= 1;
            self.left.set(left);
            self.next.set(Some(others[usize::from(choice) - 1]));
            self.suspend();
        } else if kill == 1 && choice == preempt + 1 {
            left.crashes -= 1;
            self.left.set(left);
            self.kill(me);
        } else {
            left.pauses -= 1;
            self.left.set(left);
            self.note("is stopped");
            self.processes.borrow_mut()[me].state = State::Stopped;
            self.suspend();
        }
        true
    }

    /// The end of the current process, and of its threads.
    fn kill(&self, me: usize) {
        self.note("DIES");
        let (kind, name, hazards, body) = {
            let mut processes = self.processes.borrow_mut();
            let (kind, name, hazards, body) = {
                let me = &processes[me];
                (me.kind, me.name.clone(), me.hazards, Rc::clone(&me.body))
            };
            for (index, process) in processes.iter_mut().enumerate() {
                let together = matches!(kind, Kind::Worker(_)) && process.kind == kind;
                if (index == me || together) && process.state != State::Ended {
                    process.dead = true;
                    // Those that sleep wake to unwind.
                    process.state = State::Ready;
                }
            }
            self.locks
                .borrow_mut()
                .retain(|_, holder| holder.is_none_or(|holder| !processes[holder].dead));
            for process in processes.iter_mut() {
                if process.state == State::Event {
                    process.state = State::Ready;
                }
            }
            (kind, name, hazards, body)
        };
        self.dead_kinds.borrow_mut().push(kind);
        self.deaths.set(self.deaths.get() + 1);
        self.ticks.set(0);
        if kind == Kind::Supervisor {
            self.spawn(&format!("{name}'"), kind, hazards, body);
        }
        resume_unwind(Box::new(Killed));
    }

    fn note(&self, what: impl std::fmt::Display) {
        if self.trace {
            let processes = self.processes.borrow();
            eprintln!("  {:12} {what}", processes[self.current.get()].name);
        }
    }

    fn note_place(&self, what: &str, place: Place, value: u64) {
        if self.trace {
            let offset = self.pool.offset(place.addr).unwrap_or(0);
            self.note(format!("{what} {} {value:#x}", self.pool.name(offset)));
        }
    }

    /// Runs a process until it suspends itself or ends.
    fn resume(&self, index: usize) {
        self.current.set(index);
        let routine = self.processes.borrow_mut()[index].routine.take();
        let mut routine = match routine {
            Some(routine) => routine,
            None if self.processes.borrow()[index].dead => {
                // Killed with its siblings before its first step.
                self.processes.borrow_mut()[index].state = State::Ended;
                return;
            }
            None => self.routine(index),
        };
        match routine.resume(()) {
            CoroutineResult::Yield(()) => {
                self.processes.borrow_mut()[index].routine = Some(routine);
            }
            CoroutineResult::Return(()) => {
                self.processes.borrow_mut()[index].state = State::Ended;
                self.reused.stacks.borrow_mut().push(routine.into_stack());
            }
        }
    }

    fn routine(&self, index: usize) -> Routine {
        let stack = self.reused.stacks.borrow_mut().pop();
        let stack = stack.unwrap_or_else(|| DefaultStack::new(STACK).expect("a stack"));
        let sim = self.this.upgrade().expect("it lives while it runs");
        let body = Rc::clone(&self.processes.borrow()[index].body);
        Coroutine::with_stack(stack, move |yielder, ()| {
            sim.processes.borrow_mut()[index].yielder = yielder;
            let ended = catch_unwind(AssertUnwindSafe(|| body(&sim)));
            if let Err(panic) = ended
                && !panic.is::<Killed>()
            {
                *sim.failure.borrow_mut() = Some(panic);
            }
        })
    }

    /// Runs the execution to its end.
    pub(super) fn run(&self) {
        while self.failure.borrow().is_none() {
            let next = match self.next.take() {
                Some(next) => next,
                None => {
                    let ready = self.ready();
                    if ready.is_empty() {
                        if self.quiet() {
                            return;
                        }
                        continue;
                    }
                    ready[usize::from(self.switch(ready.len() as u16))]
                }
            };
            self.resume(next);
        }
        let failure = self.failure.borrow_mut().take();
        resume_unwind(failure.expect("looked at above"));
    }

    /// Which of those that are ready goes on?
    fn switch(&self, ready: u16) -> u16 {
        let mut left = self.left.get();
        if left.switches == 0 {
            return 0;
        }
        let choice = self.plan.borrow_mut().choose(ready, true);
        left.switches -= u32::from(choice > 0);
        self.left.set(left);
        choice
    }

    /// A process that retries does so; a process that waits has a time-out.
    fn let_time_pass(&self, processes: &mut [Process], paused: bool) {
        if !paused {
            assert!(
                self.timeouts.get() < TIMEOUTS,
                "a client is left behind: {:?}",
                processes
                    .iter()
                    .map(|p| (p.name.clone(), p.state))
                    .collect::<Vec<_>>()
            );
            self.timeouts.set(self.timeouts.get() + 1);
        }
        self.now.set(self.now.get() + TIMEOUT_NS);
        self.ticks.set(0);
        for process in processes.iter_mut() {
            let timed_out =
                process.kind == Kind::Client && matches!(process.state, State::Futex(_));
            if timed_out || process.state == State::Paused {
                process.state = State::Ready;
            }
        }
    }

    /// No process can go on. `true` when that is the end.
    fn quiet(&self) -> bool {
        let mut processes = self.processes.borrow_mut();
        if processes.iter().all(|p| p.state == State::Ended) {
            return true;
        }
        let paused = processes.iter().any(|p| p.state == State::Paused);
        let waiting = processes
            .iter()
            .any(|p| p.kind == Kind::Client && !matches!(p.state, State::Ended));
        assert!(
            !waiting || paused || self.disturbed(),
            "a wake was lost: nobody died or was stopped, and yet a client waits for ever"
        );
        // Undisturbed, one tick finds a client that left tasks behind, and the next its last slot.
        let ticks = if self.disturbed() { TICKS } else { 2 };
        if self.ticks.get() < ticks && !self.closing.get() {
            self.ticks.set(self.ticks.get() + 1);
            // One of several: both of them at every tick would only multiply the executions.
            let supervisor = processes
                .iter_mut()
                .find(|p| p.kind == Kind::Supervisor && p.state == State::Event);
            if let Some(supervisor) = supervisor {
                supervisor.tick = true;
                supervisor.state = State::Ready;
            }
            return false;
        }
        let stopped = processes.iter().position(|p| p.state == State::Stopped);
        if let Some(stopped) = stopped {
            processes[stopped].state = State::Ready;
            self.ticks.set(0);
            return false;
        }
        if waiting || paused {
            self.let_time_pass(&mut processes, paused);
            return false;
        }
        if self.closing.get() {
            let supervisors_alone = processes
                .iter()
                .all(|p| p.kind == Kind::Supervisor || p.state == State::Ended);
            assert!(
                supervisors_alone,
                "the pool is closed, and somebody stays asleep"
            );
            self.exiting.set(true);
        }
        self.closing.set(true);
        for process in processes.iter_mut().filter(|p| p.state == State::Event) {
            process.state = State::Ready;
        }
        false
    }
}

/// Forgets the dead threads of a worker whose successor starts.
trait RetainKind {
    fn retain_kind(&mut self, kind: Kind);
}

impl RetainKind for Vec<Process> {
    fn retain_kind(&mut self, kind: Kind) {
        // Kept in their places, for others are known by their index; but of no kind that counts.
        for process in self.iter_mut().filter(|p| p.kind == kind) {
            process.kind = Kind::Worker(u32::MAX);
        }
    }
}
