//! Atomics that live in segment memory and ask a model checker for every access.
//!
//! Without an engine (set-up and checks of a test) an access goes straight to memory. With one,
//! the engine decides; it keeps the memory equal to the latest store of each word, so that a
//! look without an engine sees what the last writer left.

use core::sync::atomic as core_atomic;
pub(crate) use core::sync::atomic::Ordering;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// A word in memory: its address and its size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) addr: usize,
    pub(crate) size: u8,
}

/// The read-modify-writes that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rmw {
    Add,
    Sub,
    And,
    Or,
    Max,
    Swap,
}

impl Rmw {
    pub(crate) fn apply(self, old: u64, operand: u64) -> u64 {
        match self {
            Self::Add => old.wrapping_add(operand),
            Self::Sub => old.wrapping_sub(operand),
            Self::Max => old.max(operand),
            Self::And => old & operand,
            Self::Or => old | operand,
            Self::Swap => operand,
        }
    }
}

/// What a model checker decides.
pub(crate) trait Engine {
    fn load(&self, place: Place, order: Ordering) -> u64;
    fn store(&self, place: Place, value: u64, order: Ordering);
    fn compare_exchange(
        &self,
        place: Place,
        expected: u64,
        new: u64,
        orders: (Ordering, Ordering),
    ) -> Result<u64, u64>;
    fn rmw(&self, place: Place, op: Rmw, operand: u64, order: Ordering) -> u64;
    fn fence(&self, order: Ordering);
    /// The caller can't go on before another process has done something.
    fn pause(&self);
    fn futex_wait(&self, word: &AtomicU32, seen: u32);
    fn futex_wake(&self, word: &AtomicU32, count: i32);
    /// Payload bytes are read or written.
    fn bytes(&self, addr: usize, len: usize, write: bool);
    fn now_ns(&self) -> u64;
    /// A process has slept: the clock goes on, by much more than was asked for.
    fn slept(&self);
    fn lock_take(&self, path: &Path) -> bool;
    fn lock_release(&self, path: &Path);
    fn lock_held(&self, path: &Path) -> bool;
    /// A spinning thread's pause.
    fn relax(&self) {}
    /// A prefetch, perhaps to write.
    fn ask(&self, _addr: usize, _to_write: bool) {}
    /// Whether it ends processes by unwinding, and so must see what their destructors do.
    fn survives_panics(&self) -> bool {
        false
    }
}

thread_local! {
    // Per thread: each test has its own, and the coroutines of a checker share their thread's.
    static ENGINE: RefCell<Option<Rc<dyn Engine>>> = const { RefCell::new(None) };
}

/// The engine of this thread. A clone: no borrow is held while the engine switches coroutines.
///
/// None while a failed check unwinds through destructors: the execution is over then.
pub(crate) fn engine() -> Option<Rc<dyn Engine>> {
    let engine = ENGINE.with(|engine| engine.borrow().clone())?;
    (engine.survives_panics() || !std::thread::panicking()).then_some(engine)
}

/// Sets the engine of this thread; returns the one before.
pub(crate) fn set_engine(new: Option<Rc<dyn Engine>>) -> Option<Rc<dyn Engine>> {
    ENGINE.with(|engine| engine.replace(new))
}

impl Place {
    /// The value in memory.
    pub(crate) fn read(self) -> u64 {
        // SAFETY: the address is that of a live atomic of this size, which a caller borrows.
        unsafe {
            match self.size {
                1 => (*(self.addr as *const core_atomic::AtomicU8))
                    .load(Ordering::Relaxed)
                    .into(),
                4 => (*(self.addr as *const core_atomic::AtomicU32))
                    .load(Ordering::Relaxed)
                    .into(),
                _ => (*(self.addr as *const core_atomic::AtomicU64)).load(Ordering::Relaxed),
            }
        }
    }

    /// Writes the value to memory.
    pub(crate) fn write(self, value: u64) {
        // SAFETY: as in `read`.
        unsafe {
            match self.size {
                1 => (*(self.addr as *const core_atomic::AtomicU8))
                    .store(value as u8, Ordering::Relaxed),
                4 => (*(self.addr as *const core_atomic::AtomicU32))
                    .store(value as u32, Ordering::Relaxed),
                _ => {
                    (*(self.addr as *const core_atomic::AtomicU64)).store(value, Ordering::Relaxed)
                }
            }
        }
    }
}

macro_rules! atomic {
    ($name:ident, $int:ty) => {
        /// Stands in for the standard library's atomic of the same name.
        #[repr(transparent)]
        #[derive(Debug, Default)]
        pub struct $name(core_atomic::$name);

        #[allow(dead_code, missing_docs, reason = "the surface of the standard one")]
        impl $name {
            pub const fn new(value: $int) -> Self {
                Self(core_atomic::$name::new(value))
            }

            pub const fn as_ptr(&self) -> *mut $int {
                self.0.as_ptr()
            }

            pub(crate) fn place(&self) -> Place {
                Place {
                    addr: self.0.as_ptr() as usize,
                    size: size_of::<$int>() as u8,
                }
            }

            pub fn load(&self, order: Ordering) -> $int {
                match engine() {
                    None => self.0.load(order),
                    Some(engine) => engine.load(self.place(), order) as $int,
                }
            }

            pub fn store(&self, value: $int, order: Ordering) {
                match engine() {
                    None => self.0.store(value, order),
                    Some(engine) => engine.store(self.place(), value.into(), order),
                }
            }

            pub fn compare_exchange(
                &self,
                expected: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                match engine() {
                    None => self.0.compare_exchange(expected, new, success, failure),
                    Some(engine) => engine
                        .compare_exchange(
                            self.place(),
                            expected.into(),
                            new.into(),
                            (success, failure),
                        )
                        .map(|value| value as $int)
                        .map_err(|value| value as $int),
                }
            }

            fn rmw(&self, op: Rmw, operand: $int, order: Ordering) -> $int {
                match engine() {
                    None => match op {
                        Rmw::Add => self.0.fetch_add(operand, order),
                        Rmw::Sub => self.0.fetch_sub(operand, order),
                        Rmw::Max => self.0.fetch_max(operand, order),
                        Rmw::And => self.0.fetch_and(operand, order),
                        Rmw::Or => self.0.fetch_or(operand, order),
                        Rmw::Swap => self.0.swap(operand, order),
                    },
                    Some(engine) => engine.rmw(self.place(), op, operand.into(), order) as $int,
                }
            }

            pub fn fetch_add(&self, operand: $int, order: Ordering) -> $int {
                self.rmw(Rmw::Add, operand, order)
            }

            pub fn fetch_sub(&self, operand: $int, order: Ordering) -> $int {
                self.rmw(Rmw::Sub, operand, order)
            }

            pub fn fetch_max(&self, operand: $int, order: Ordering) -> $int {
                self.rmw(Rmw::Max, operand, order)
            }

            pub fn compare_exchange_weak(
                &self,
                expected: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                self.compare_exchange(expected, new, success, failure)
            }

            pub fn fetch_and(&self, operand: $int, order: Ordering) -> $int {
                self.rmw(Rmw::And, operand, order)
            }

            pub fn fetch_or(&self, operand: $int, order: Ordering) -> $int {
                self.rmw(Rmw::Or, operand, order)
            }

            pub fn swap(&self, operand: $int, order: Ordering) -> $int {
                self.rmw(Rmw::Swap, operand, order)
            }
        }
    };
}

atomic!(AtomicU8, u8);
atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);

pub(crate) fn fence(order: Ordering) {
    match engine() {
        None => core_atomic::fence(order),
        Some(engine) => engine.fence(order),
    }
}

/// Nothing to a checker: every interleaving is tried anyhow, and a spin that yields would hide
/// some.
pub(crate) fn spin_loop() {
    if let Some(engine) = engine() {
        engine.relax();
    }
}

/// Says that a line is asked for before it is used.
pub(crate) fn asks(addr: *const u8, to_write: bool) {
    if let Some(engine) = engine() {
        engine.ask(addr as usize, to_write);
    }
}

/// As [`spin_loop`].
pub(crate) fn yield_now() {}

/// The algorithm has a full fence here, whatever a processor makes of it.
pub(crate) fn fence_after_rmw() {
    fence(Ordering::SeqCst);
}

pub(crate) fn retry() {
    match engine() {
        None => std::thread::yield_now(),
        Some(engine) => engine.pause(),
    }
}

pub(crate) fn sleep(time: Duration) {
    match engine() {
        None => std::thread::sleep(time),
        Some(engine) => {
            engine.slept();
            engine.pause();
        }
    }
}

pub(crate) fn reads(start: *const u8, len: usize) {
    if let Some(engine) = engine() {
        engine.bytes(start as usize, len, false);
    }
}

pub(crate) fn writes(start: *const u8, len: usize) {
    if let Some(engine) = engine() {
        engine.bytes(start as usize, len, true);
    }
}

/// The machine's number must not change what is explored.
pub(crate) fn cores() -> usize {
    2
}

/// The engine's time, if there is an engine.
pub(crate) fn now_ns() -> Option<u64> {
    engine().map(|engine| engine.now_ns())
}

/// The part of `std::time::Instant` that is used, on the engine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(u64);

impl Instant {
    pub(crate) fn now() -> Self {
        Self(crate::os::clock::now_ns())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(crate::os::clock::now_ns() - self.0)
    }
}

/// `false` without an engine: the caller asks the kernel.
pub(crate) fn futex_wait(word: &AtomicU32, seen: u32) -> bool {
    engine().is_some_and(|engine| {
        engine.futex_wait(word, seen);
        true
    })
}

/// `false` without an engine: the caller asks the kernel.
pub(crate) fn futex_wake(word: &AtomicU32, count: i32) -> bool {
    engine().is_some_and(|engine| {
        engine.futex_wake(word, count);
        true
    })
}

/// Ends the whole run at the first failure, for tools/mutants/run: it needs no trace.
pub(crate) fn fail_fast() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        if std::env::var_os("RINGWORK_MODEL_FAIL_FAST").is_some() {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                report(panic);
                std::process::exit(101);
            }));
        }
    });
}
