//! The atomics of this crate, in one place so that a model checker can stand in for them.
//!
//! In every build that is used these are the standard library's, and the hooks below are nothing.
//! Under `--cfg ringwork_model` (tools/model, docs/internals/model-checking.md) the names mean the
//! wrappers of `model::shim`, which hand each access to the checker that runs the test.

#[cfg(not(ringwork_model))]
mod real {
    use core::sync::atomic::compiler_fence;
    pub(crate) use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::thread::{sleep, yield_now};
    pub(crate) use std::time::Instant;

    /// The cores that this process may use.
    pub(crate) fn cores() -> usize {
        crate::os::cpus::usable()
    }

    /// A full fence for the place right behind a read-modify-write of this thread, when that stands
    /// between what was published and what is looked at. On x86 each such instruction is locked,
    /// and a locked one is a full fence itself (Intel SDM 3A 9.2.5, AMD APM 2 7.4.2): all that is
    /// left is to keep the compiler from moving the look. `mfence` would cost a lane some fifteen
    /// nanoseconds a task.
    #[inline(always)]
    pub(crate) fn fence_after_rmw() {
        if cfg!(target_arch = "x86_64") {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// Stands where a loop goes round because of a stale read: a checker must let others run.
    #[inline(always)]
    pub(crate) fn retry() {}

    /// Says that payload bytes are read from here on: a checker looks for a race.
    #[inline(always)]
    pub(crate) fn reads(_start: *const u8, _len: usize) {}

    /// Says that payload bytes are written from here on.
    #[inline(always)]
    pub(crate) fn writes(_start: *const u8, _len: usize) {}

    /// Says that a line is prefetched, perhaps to write it.
    #[inline(always)]
    pub(crate) fn asks(_at: *const u8, _to_write: bool) {}
}

#[cfg(not(ringwork_model))]
pub(crate) use real::*;

#[cfg(ringwork_model)]
pub(crate) use crate::model::shim::*;
