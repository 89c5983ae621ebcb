//! Cores as coroutines, each with a clock; the one that is farthest behind goes on.
//!
//! Every access of the code that runs goes through [`Engine`], moves lines ([`super::lines`]) and
//! the clock. Memory is sequentially consistent, in the order in which lines were asked for. The
//! same program gives the same numbers, each time and everywhere.

use super::lines::{Access, Clock, Lines, Machine};
use crate::model::shim::{AtomicU32, Engine, Place, Rmw, set_engine};
use core::sync::atomic::Ordering;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::rc::Rc;

const STACK: usize = 64 << 10;
/// More nanoseconds than any run needs.
const ENDLESS: u64 = 1_000_000_000;
/// A processor's pause in a spin.
const PAUSE: u64 = 20;

type Routine = Coroutine<(), (), (), DefaultStack>;
type Names = Box<dyn Fn(usize) -> &'static str>;

/// The machine, and what runs on it.
pub(crate) struct Cores {
    lines: RefCell<Lines>,
    clocks: RefCell<Vec<Clock>>,
    routines: RefCell<Vec<Option<Routine>>>,
    yielders: RefCell<Vec<*const Yielder<(), ()>>>,
    waiting: RefCell<BinaryHeap<Reverse<(u64, usize)>>>,
    current: Cell<usize>,
    names: Names,
    started: Cell<u64>,
    ended: Cell<u64>,
    /// Nothing runs yet: nothing costs anything.
    setup: Cell<bool>,
    /// From here on nothing counts: the cores only leave.
    over: Cell<bool>,
}

impl Cores {
    /// A machine, of which this thread's code is the set-up until it runs; `names` says what kind
    /// of line an address is of.
    pub(crate) fn new(machine: Machine, names: Names) -> Rc<Self> {
        let cores = Rc::new(Self {
            lines: RefCell::new(Lines::new(machine)),
            clocks: RefCell::default(),
            routines: RefCell::default(),
            yielders: RefCell::default(),
            waiting: RefCell::default(),
            current: Cell::new(0),
            names,
            started: Cell::new(0),
            ended: Cell::new(0),
            setup: Cell::new(true),
            over: Cell::new(false),
        });
        set_engine(Some(Rc::clone(&cores) as Rc<dyn Engine>));
        cores
    }

    /// Puts a program on the next core.
    pub(crate) fn start(self: &Rc<Self>, program: impl FnOnce() + 'static) {
        let core = self.routines.borrow().len();
        let cores = Rc::clone(self);
        let stack = DefaultStack::new(STACK).expect("a stack");
        let routine = Coroutine::with_stack(stack, move |yielder: &Yielder<(), ()>, ()| {
            cores.yielders.borrow_mut()[core] = yielder;
            program();
        });
        self.routines.borrow_mut().push(Some(routine));
        self.yielders.borrow_mut().push(std::ptr::null());
        // Not all in the same nanosecond.
        let now = core as u64 * 7;
        self.clocks.borrow_mut().push(Clock::at(now));
        self.waiting.borrow_mut().push(Reverse((now, core)));
    }

    /// Runs all programs to their ends.
    pub(crate) fn run(self: &Rc<Self>) {
        self.setup.set(false);
        loop {
            let next = self.waiting.borrow_mut().pop();
            let Some(Reverse((_, core))) = next else {
                break;
            };
            self.current.set(core);
            let routine = self.routines.borrow_mut()[core].take();
            let mut routine = routine.expect("it waits");
            if let CoroutineResult::Yield(()) = routine.resume(()) {
                self.routines.borrow_mut()[core] = Some(routine);
            }
        }
        self.setup.set(true);
    }

    /// The time of the core that runs.
    pub(crate) fn now(&self) -> u64 {
        let clocks = self.clocks.borrow();
        clocks.get(self.current.get()).map_or(0, |clock| clock.now)
    }

    /// The core that runs computes for some time.
    pub(crate) fn work(&self, ns: u64) {
        if !self.setup.get() {
            self.clocks.borrow_mut()[self.current.get()].now += ns;
        }
    }

    /// What has been counted so far was the start.
    pub(crate) fn warm(&self) {
        self.lines.borrow_mut().restart();
        self.started.set(self.now());
    }

    /// The measurement is over.
    pub(crate) fn finish(&self) {
        self.ended.set(self.now());
        self.over.set(true);
    }

    /// Nanoseconds measured.
    pub(crate) fn elapsed(&self) -> u64 {
        self.ended.get() - self.started.get()
    }

    /// The lines, to be counted.
    pub(crate) fn lines(&self) -> std::cell::Ref<'_, Lines> {
        self.lines.borrow()
    }

    /// Lets cores that are behind go on first.
    fn turn(&self) {
        let core = self.current.get();
        let now = self.now();
        assert!(now < ENDLESS, "it goes on for ever");
        let behind =
            matches!(self.waiting.borrow().peek(), Some(Reverse((other, _))) if *other < now);
        if behind || self.over.get() {
            self.waiting.borrow_mut().push(Reverse((now, core)));
            let yielder = self.yielders.borrow()[core];
            // SAFETY: set when the coroutine of this core started, in whose stack the yielder
            // lives; we are on that stack.
            unsafe { (*yielder).suspend(()) };
        }
    }

    fn access(&self, addr: usize, access: Access) {
        if self.setup.get() {
            return;
        }
        self.turn();
        if self.over.get() {
            // Time goes on, so that a spinning core lets the others leave.
            return self.work(1);
        }
        let core = self.current.get();
        let clock = &mut self.clocks.borrow_mut()[core];
        self.lines
            .borrow_mut()
            .access(core, clock, addr, access, || (self.names)(addr));
    }
}

impl Engine for Cores {
    fn load(&self, place: Place, _: Ordering) -> u64 {
        self.access(place.addr, Access::Load);
        place.read()
    }

    fn store(&self, place: Place, value: u64, _: Ordering) {
        self.access(place.addr, Access::Store);
        place.write(value);
    }

    fn compare_exchange(
        &self,
        place: Place,
        expected: u64,
        new: u64,
        _: (Ordering, Ordering),
    ) -> Result<u64, u64> {
        self.access(place.addr, Access::Rmw);
        let seen = place.read();
        if seen == expected {
            place.write(new);
            return Ok(seen);
        }
        if !self.over.get() && !self.setup.get() {
            self.lines.borrow_mut().failed(place.addr);
        }
        Err(seen)
    }

    fn rmw(&self, place: Place, op: Rmw, operand: u64, _: Ordering) -> u64 {
        self.access(place.addr, Access::Rmw);
        let seen = place.read();
        place.write(op.apply(seen, operand));
        seen
    }

    fn fence(&self, _: Ordering) {
        if !self.setup.get() {
            Lines::fence(&mut self.clocks.borrow_mut()[self.current.get()]);
        }
    }

    fn pause(&self) {
        self.work(PAUSE);
    }

    fn relax(&self) {
        self.work(PAUSE);
    }

    fn ask(&self, addr: usize, to_write: bool) {
        let access = if to_write {
            Access::AskToWrite
        } else {
            Access::Ask
        };
        self.access(addr, access);
    }

    fn futex_wait(&self, _: &AtomicU32, _: u32) {
        unreachable!("everybody spins here");
    }

    fn futex_wake(&self, _: &AtomicU32, _: i32) {}

    fn bytes(&self, addr: usize, len: usize, write: bool) {
        let access = if write { Access::Store } else { Access::Load };
        for line in addr / 64..=(addr + len.max(1) - 1) / 64 {
            self.access(line * 64, access);
        }
    }

    fn now_ns(&self) -> u64 {
        self.now()
    }

    fn slept(&self) {}

    fn lock_take(&self, _: &Path) -> bool {
        true
    }

    fn lock_release(&self, _: &Path) {}

    fn lock_held(&self, _: &Path) -> bool {
        true
    }
}
