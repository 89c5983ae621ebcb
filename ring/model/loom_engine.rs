//! The engine that lets loom decide: every interleaving (up to a preemption bound, where one is
//! given) and every value that the C11 memory model allows a load to return.
//!
//! Each word of the segment has a loom atomic, made by the main thread before the others start, so
//! that its first value orders nothing. Data that the protocol hands over goes through loom's
//! checked cell: a write without an order to another access is an error.

use super::pool::{Class, Footprint, Pool};
use super::shim::{AtomicU32, Engine, Place, Rmw, set_engine};
use crate::lane::entry::WorkerEntry;
use core::sync::atomic::Ordering;
use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicU64;
use loom::sync::{Condvar, Mutex};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// One execution's words.
pub(crate) struct LoomEngine {
    pool: Pool,
    // By the number of the piece.
    pieces: Vec<Checked>,
    // Words outside the segment, of one process: by their addresses.
    own: RefCell<HashMap<usize, Rc<Checked>>>,
    locks: HashMap<PathBuf, AtomicU64>,
    footprint: Footprint,
    now: Cell<u64>,
}

/// loom's side of a piece of the segment.
enum Checked {
    Word(AtomicU64, Option<(Mutex<()>, Condvar)>),
    Data(UnsafeCell<()>),
}

/// What the models start their clock with.
pub(crate) const START_NS: u64 = 1_000_000_000;

impl LoomEngine {
    fn new(pool: &Pool) -> Self {
        let pieces = pool.pieces().iter().map(|piece| match piece.class {
            Class::Data => Checked::Data(UnsafeCell::new(())),
            _ => Checked::Word(
                AtomicU64::new(piece.place.read()),
                // Only words of this size can be slept on.
                (piece.place.size == 4).then(|| (Mutex::new(()), Condvar::new())),
            ),
        });
        Self {
            pieces: pieces.collect(),
            own: RefCell::default(),
            locks: pool
                .locks()
                .into_iter()
                .map(|path| (path, AtomicU64::new(0)))
                .collect(),
            footprint: Footprint::default(),
            now: Cell::new(START_NS),
            pool: pool.clone(),
        }
    }

    /// Does something with the piece at an address, of the segment or adopted.
    fn with<R>(&self, addr: usize, with: impl FnOnce(&Checked) -> R) -> R {
        // Not borrowed while loom runs another thread.
        let own = self.own.borrow().get(&addr).cloned();
        match own {
            Some(own) => with(&own),
            None => with(&self.pieces[self.pool.piece(addr)]),
        }
    }

    fn class(&self, addr: usize) -> Class {
        if self.own.borrow().contains_key(&addr) {
            Class::Word
        } else {
            self.pool.class(addr)
        }
    }

    fn word<R>(&self, place: Place, with: impl FnOnce(&AtomicU64) -> R) -> R {
        self.with(place.addr, |piece| match piece {
            Checked::Word(word, _) => with(word),
            Checked::Data(_) => panic!("{place:?} is data"),
        })
    }

    fn futex<R>(&self, word: &AtomicU32, with: impl FnOnce(&(Mutex<()>, Condvar)) -> R) -> R {
        self.with(word.as_ptr() as usize, |piece| match piece {
            Checked::Word(_, Some(futex)) => with(futex),
            _ => panic!("{word:?} is no futex"),
        })
    }

    fn touch(&self, addr: usize, write: bool) {
        match &self.pieces[self.pool.piece(addr)] {
            Checked::Data(cell) if write => cell.with_mut(|_| ()),
            Checked::Data(cell) => cell.with(|_| ()),
            Checked::Word(..) => panic!("a word of the protocol used as bytes"),
        }
    }
}

impl Engine for LoomEngine {
    fn load(&self, place: Place, order: Ordering) -> u64 {
        match self.class(place.addr) {
            Class::Plain => place.read(),
            Class::Word => {
                self.footprint.check(place);
                self.word(place, |word| word.load(order))
            }
            Class::Data => {
                self.footprint.check(place);
                self.touch(place.addr, false);
                place.read()
            }
        }
    }

    fn store(&self, place: Place, value: u64, order: Ordering) {
        match self.class(place.addr) {
            Class::Plain => place.write(value),
            Class::Word => {
                self.footprint.check(place);
                self.word(place, |word| word.store(value, order));
                place.write(value);
            }
            Class::Data => {
                self.footprint.check(place);
                self.touch(place.addr, true);
                place.write(value);
            }
        }
    }

    fn compare_exchange(
        &self,
        place: Place,
        expected: u64,
        new: u64,
        (success, failure): (Ordering, Ordering),
    ) -> Result<u64, u64> {
        self.footprint.check(place);
        if self.class(place.addr) == Class::Plain {
            let seen = place.read();
            return if seen == expected {
                place.write(new);
                Ok(seen)
            } else {
                Err(seen)
            };
        }
        let swapped = self.word(place, |word| {
            word.compare_exchange(expected, new, success, failure)
        });
        if swapped.is_ok() {
            place.write(new);
        }
        swapped
    }

    fn rmw(&self, place: Place, op: Rmw, operand: u64, order: Ordering) -> u64 {
        self.footprint.check(place);
        if self.class(place.addr) == Class::Plain {
            let seen = place.read();
            place.write(op.apply(seen, operand));
            return seen;
        }
        let seen = self.word(place, |word| match op {
            Rmw::Add => word.fetch_add(operand, order),
            Rmw::Sub => word.fetch_sub(operand, order),
            Rmw::Max => word.fetch_max(operand, order),
            Rmw::And => word.fetch_and(operand, order),
            Rmw::Or => word.fetch_or(operand, order),
            Rmw::Swap => word.swap(operand, order),
        });
        place.write(op.apply(seen, operand));
        seen
    }

    fn fence(&self, order: Ordering) {
        loom::sync::atomic::fence(order);
    }

    fn pause(&self) {
        loom::thread::yield_now();
    }

    /// As the kernel does it: the word is compared under the lock that a waker takes.
    fn futex_wait(&self, word: &AtomicU32, seen: u32) {
        self.futex(word, |(mutex, sleepers)| {
            let guard = mutex.lock().unwrap();
            if word.load(Ordering::Relaxed) == seen {
                // No time-out: a wake that is lost is a deadlock, which loom reports.
                drop(sleepers.wait(guard).unwrap());
            }
        });
    }

    fn futex_wake(&self, word: &AtomicU32, count: i32) {
        self.futex(word, |(mutex, sleepers)| {
            let guard = mutex.lock().unwrap();
            if count == i32::MAX {
                sleepers.notify_all();
            } else {
                (0..count).for_each(|_| sleepers.notify_one());
            }
            drop(guard);
        });
    }

    fn bytes(&self, addr: usize, len: usize, write: bool) {
        if len > 0 {
            self.touch(addr, write);
        }
    }

    fn now_ns(&self) -> u64 {
        self.now.get()
    }

    fn slept(&self) {
        self.now.set(self.now.get() + 400_000_000);
    }

    fn lock_take(&self, path: &Path) -> bool {
        self.locks[path]
            .compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn lock_release(&self, path: &Path) {
        self.locks[path].store(0, Ordering::Release);
    }

    fn lock_held(&self, path: &Path) -> bool {
        // A read-modify-write, for the kernel's answer is never a stale one.
        self.locks[path].fetch_or(0, Ordering::AcqRel) != 0
    }
}

/// One execution as its main thread sees it.
pub(crate) struct Execution {
    pub(crate) pool: Pool,
    pub(crate) engine: Rc<LoomEngine>,
    threads: Vec<loom::thread::JoinHandle<()>>,
    kept: Vec<WorkerEntry>,
}

impl Execution {
    /// Makes words outside the segment words of the protocol. Before the threads start that have
    /// them.
    pub(crate) fn adopt(&self, words: impl IntoIterator<Item = Place>) {
        for place in words {
            let futex = (place.size == 4).then(|| (Mutex::new(()), Condvar::new()));
            let word = Checked::Word(AtomicU64::new(place.read()), futex);
            let mut own = self.engine.own.borrow_mut();
            own.insert(place.addr, Rc::new(word));
        }
    }

    /// Starts a thread.
    pub(crate) fn spawn(&mut self, body: impl FnOnce() + 'static) {
        self.threads.push(loom::thread::spawn(body));
    }

    /// Waits for all threads.
    pub(crate) fn join(&mut self) {
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }

    /// Keeps a worker's entry to the end.
    pub(crate) fn keep(&mut self, entry: WorkerEntry) {
        self.kept.push(entry);
    }

    /// The kernel drops the lock of a worker that died.
    pub(crate) fn kill_worker(&self, worker: u32) {
        self.engine.lock_release(&self.pool.worker_lock(worker));
    }

    /// The kernel drops the lock of a client that died.
    pub(crate) fn kill_client(&self, client: u32) {
        self.engine.lock_release(&self.pool.client_lock(client));
    }

    /// Marks a liveness lock as held by a process that the model does not run.
    pub(crate) fn hold(&self, path: &Path) {
        assert!(self.engine.lock_take(path));
    }

    /// Moves the clock.
    pub(crate) fn set_now(&self, ns: u64) {
        self.engine.now.set(ns);
    }
}

/// Runs a model under loom: `before` fills the empty segment without the checker, `body` is the
/// model; it starts threads, joins them and checks. `preemptions`: the bound, `None` for all.
pub(crate) fn check(
    name: &'static str,
    pool: &Pool,
    preemptions: Option<usize>,
    before: impl Fn(&Pool) + Send + Sync + 'static,
    body: impl Fn(&mut Execution) + Send + Sync + 'static,
) {
    super::shim::fail_fast();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let pool = pool.clone();
    let start = std::time::Instant::now();
    builder.check(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        set_engine(None);
        pool.reset();
        before(&pool);
        let engine = Rc::new(LoomEngine::new(&pool));
        set_engine(Some(Rc::clone(&engine) as Rc<dyn Engine>));
        let mut execution = Execution {
            pool: pool.clone(),
            engine,
            threads: Vec::new(),
            kept: Vec::new(),
        };
        execution.hold(&pool.supervisor_lock());
        body(&mut execution);
        execution.join();
        drop(execution);
        set_engine(None);
    });
    let bound = preemptions.map_or("all interleavings".to_owned(), |n| {
        format!("up to {n} preemptions")
    });
    println!(
        "model {name}: {} executions, {bound}, {:.1} s",
        count.load(Ordering::Relaxed),
        start.elapsed().as_secs_f64()
    );
}
