//! The engine of the crash model: processes that run one step at a time, and of which any may die,
//! or stop for long, before any step.
//!
//! A step is an access to a word of the protocol, a futex call or a lock call. Between two steps a
//! process runs alone, so an execution is the list of choices made: who goes on, who dies. The
//! exhaustive mode walks all lists within the [`Limits`], depth first, by running the code again;
//! the random mode draws them. Memory is sequentially consistent here; the orderings are
//! [`super::loom_engine`]'s subject.
//!
//! A dead process is unwound without effect: its stores go nowhere, its loads read 0. Its locks are
//! free at once, as the kernel does it.

use super::pool::{Class, Footprint, Pool};
use super::shim::{AtomicU32, Engine, Place, Rmw, set_engine};
use core::sync::atomic::Ordering;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// How much may happen in one execution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Times that a process that could go on is made to wait for another.
    pub(crate) preemptions: u32,
    /// Times that another than the first goes on where one has to wait or has ended.
    pub(crate) switches: u32,
    /// Processes that die.
    pub(crate) crashes: u32,
    /// Processes that stop until all others have nothing left to do.
    pub(crate) pauses: u32,
    /// Whether two processes of one kind may die.
    pub(crate) same_twice: bool,
}

impl Limits {
    /// With another number of switches.
    pub(crate) const fn switches(self, switches: u32) -> Self {
        Self { switches, ..self }
    }
}

/// How the executions are chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    /// All of them.
    Exhaustive,
    /// So many, drawn from a seed; a choice other than going on is made once in `rarity` steps.
    Random { runs: u64, seed: u64, rarity: u64 },
}

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

/// The choices of an execution: those to repeat, then new ones.
#[derive(Debug)]
struct Plan {
    mode: Mode,
    path: Vec<(u16, u16)>,
    depth: usize,
    random: u64,
}

impl Plan {
    /// One of `count` choices; 0 is "go on".
    fn choose(&mut self, count: u16, ordinary: bool) -> u16 {
        if count <= 1 {
            return 0;
        }
        let choice = match self.path.get(self.depth) {
            Some((choice, of)) => {
                assert_eq!(*of, count, "the model is not deterministic");
                *choice
            }
            None => {
                let choice = self.new_choice(count, ordinary);
                self.path.push((choice, count));
                choice
            }
        };
        self.depth += 1;
        choice
    }

    fn new_choice(&mut self, count: u16, ordinary: bool) -> u16 {
        let Mode::Random { rarity, .. } = self.mode else {
            return 0;
        };
        if ordinary {
            // Who goes on where somebody must is drawn evenly.
            (self.draw() % u64::from(count)) as u16
        } else if self.draw().is_multiple_of(rarity) {
            1 + (self.draw() % u64::from(count - 1)) as u16
        } else {
            0
        }
    }

    /// splitmix64.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next execution; `false` after the last.
    fn advance(&mut self, run: u64) -> bool {
        self.depth = 0;
        match self.mode {
            Mode::Random { runs, seed, .. } => {
                self.path.clear();
                self.random = seed.wrapping_add(run << 20);
                run < runs
            }
            Mode::Exhaustive => {
                while let Some((choice, of)) = self.path.pop() {
                    if choice + 1 < of {
                        self.path.push((choice + 1, of));
                        return true;
                    }
                }
                false
            }
        }
    }
}

/// One execution.
pub(crate) struct Sim {
    pub(crate) pool: Pool,
    this: std::rc::Weak<Sim>,
    processes: RefCell<Vec<Process>>,
    current: Cell<usize>,
    // Who runs when the current one has suspended itself in favour of another.
    next: Cell<Option<usize>>,
    left: Cell<Limits>,
    limits: Limits,
    plan: Rc<RefCell<Plan>>,
    stacks: Rc<RefCell<Vec<DefaultStack>>>,
    locks: RefCell<HashMap<PathBuf, Option<usize>>>,
    footprint: Rc<Footprint>,
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

    /// Before each step: who goes on? `false` when the caller is dead and the step has no effect.
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
                self.stacks.borrow_mut().push(routine.into_stack());
            }
        }
    }

    fn routine(&self, index: usize) -> Routine {
        let stack = self.stacks.borrow_mut().pop();
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
    fn run(&self) {
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

    /// Who of those that are ready goes on?
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

    /// Nobody can go on. `true` when that is the end.
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
            // Whoever retries, retries; whoever waits has a time-out.
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

impl Engine for Sim {
    fn load(&self, place: Place, _: Ordering) -> u64 {
        if self.is_dead() {
            return 0;
        }
        if self.pool.class(place.addr) == Class::Word {
            self.footprint.check(place);
            self.step();
            self.note_place("reads", place, place.read());
        }
        place.read()
    }

    fn store(&self, place: Place, value: u64, _: Ordering) {
        if self.is_dead() {
            return;
        }
        if self.pool.class(place.addr) == Class::Word {
            self.footprint.check(place);
            self.step();
            self.note_place("writes", place, value);
        }
        place.write(value);
    }

    fn compare_exchange(
        &self,
        place: Place,
        expected: u64,
        new: u64,
        _: (Ordering, Ordering),
    ) -> Result<u64, u64> {
        if self.is_dead() {
            return Err(0);
        }
        if self.pool.class(place.addr) == Class::Word {
            self.footprint.check(place);
            self.step();
        }
        let seen = place.read();
        if seen != expected {
            self.note_place("fails to swap", place, new);
            return Err(seen);
        }
        self.note_place("swaps in", place, new);
        place.write(new);
        Ok(seen)
    }

    fn rmw(&self, place: Place, op: Rmw, operand: u64, _: Ordering) -> u64 {
        if self.is_dead() {
            return 0;
        }
        if self.pool.class(place.addr) == Class::Word {
            self.footprint.check(place);
            self.step();
        }
        let seen = place.read();
        place.write(op.apply(seen, operand));
        self.note_place("changes", place, place.read());
        seen
    }

    fn fence(&self, _: Ordering) {}

    fn pause(&self) {
        if !self.is_dead() {
            self.processes.borrow_mut()[self.current.get()].state = State::Paused;
            self.suspend();
        }
    }

    fn futex_wait(&self, word: &AtomicU32, seen: u32) {
        if !self.step() {
            return;
        }
        let place = Place {
            addr: word.as_ptr() as usize,
            size: 4,
        };
        if place.read() == u64::from(seen) {
            self.note_place("sleeps on", place, seen.into());
            self.processes.borrow_mut()[self.current.get()].state = State::Futex(place.addr);
            self.suspend();
        }
    }

    fn futex_wake(&self, word: &AtomicU32, count: i32) {
        if !self.step() {
            return;
        }
        let asleep = State::Futex(word.as_ptr() as usize);
        let mut processes = self.processes.borrow_mut();
        for process in processes
            .iter_mut()
            .filter(|p| p.state == asleep)
            .take(count as usize)
        {
            process.state = State::Ready;
        }
    }

    fn bytes(&self, _: usize, _: usize, _: bool) {}

    fn now_ns(&self) -> u64 {
        self.now.get()
    }

    fn slept(&self) {
        if !self.is_dead() {
            self.now.set(self.now.get() + 400_000_000);
        }
    }

    fn lock_take(&self, path: &Path) -> bool {
        if !self.step() {
            return false;
        }
        let mut locks = self.locks.borrow_mut();
        let taken = !locks.contains_key(path);
        if taken {
            locks.insert(path.to_path_buf(), Some(self.current.get()));
        }
        drop(locks);
        self.note(format_args!("locks {}: {taken}", path.display()));
        taken
    }

    fn lock_release(&self, path: &Path) {
        if self.step() {
            self.note(format_args!("unlocks {}", path.display()));
            self.locks.borrow_mut().remove(path);
        }
    }

    fn lock_held(&self, path: &Path) -> bool {
        self.step() && self.locks.borrow().contains_key(path)
    }

    fn survives_panics(&self) -> bool {
        true
    }
}

/// What was explored.
#[derive(Debug, Default)]
struct Report {
    executions: u64,
    steps: u64,
    crashes: u64,
    timeouts: u64,
}

/// Explores a scenario: `setup` starts the processes of each execution, `check` looks at the
/// segment after its end (without an engine).
pub(crate) fn explore(
    name: &str,
    pool: &Pool,
    limits: Limits,
    mode: Mode,
    setup: impl Fn(&Rc<Sim>),
    check: impl Fn(&Sim),
) {
    super::shim::fail_fast();
    let start = std::time::Instant::now();
    let plan = Rc::new(RefCell::new(Plan {
        mode,
        path: Vec::new(),
        depth: 0,
        random: 0,
    }));
    let (stacks, footprint) = (Rc::default(), Rc::default());
    let mut report = Report::default();
    let execute = |trace: bool| {
        set_engine(None);
        pool.reset();
        let sim = Rc::new_cyclic(|this| Sim {
            pool: pool.clone(),
            this: this.clone(),
            processes: RefCell::default(),
            current: Cell::new(0),
            next: Cell::new(None),
            left: Cell::new(limits),
            limits,
            plan: Rc::clone(&plan),
            stacks: Rc::clone(&stacks),
            // The supervisor's name stays taken: a successor takes over its segment.
            locks: RefCell::new(HashMap::from([(pool.supervisor_lock(), None)])),
            footprint: Rc::clone(&footprint),
            now: Cell::new(1_000_000_000),
            steps: Cell::new(0),
            deaths: Cell::new(0),
            dead_kinds: RefCell::default(),
            closing: Cell::new(false),
            exiting: Cell::new(false),
            ticks: Cell::new(0),
            timeouts: Cell::new(0),
            failure: RefCell::default(),
            trace,
        });
        let ended = catch_unwind(AssertUnwindSafe(|| {
            setup(&sim);
            set_engine(Some(Rc::clone(&sim) as Rc<dyn Engine>));
            sim.run();
            set_engine(None);
            check(&sim);
        }));
        set_engine(None);
        if ended.is_err() {
            // Coroutines in mid-flight are left as they are.
            std::mem::forget(Rc::clone(&sim));
        }
        (ended, sim)
    };
    plan.borrow_mut().advance(0);
    loop {
        let (ended, sim) = execute(false);
        report.executions += 1;
        report.steps += sim.steps.get();
        report.crashes += u64::from(sim.crashes());
        report.timeouts += u64::from(sim.timeouts.get());
        if let Err(panic) = ended {
            eprintln!(
                "model {name}: execution {} fails; again, with all its steps:",
                report.executions
            );
            plan.borrow_mut().depth = 0;
            let (_, sim) = execute(true);
            std::mem::forget(sim);
            resume_unwind(panic);
        }
        if !plan.borrow_mut().advance(report.executions) {
            break;
        }
    }
    println!(
        "model {name}: {} executions, {} steps, {} deaths, {} time-outs needed; {} preemptions, {} crashes, {} pauses{}; {:.1} s",
        report.executions,
        report.steps,
        report.crashes,
        report.timeouts,
        limits.preemptions,
        limits.crashes,
        limits.pauses,
        match mode {
            Mode::Exhaustive => ", exhaustive".to_owned(),
            Mode::Random { seed, .. } => format!(", random from seed {seed}"),
        },
        start.elapsed().as_secs_f64()
    );
}
