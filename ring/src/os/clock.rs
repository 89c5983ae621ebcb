//! The only clock that processes share: CLOCK_MONOTONIC in nanoseconds, which
//! is also what Java's `System.nanoTime()` reads on Linux. Wall clock time is
//! never compared between processes. And a thread's own time.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Nanoseconds of CLOCK_MONOTONIC.
#[must_use]
#[inline]
pub fn now_ns() -> u64 {
    #[cfg(ringwork_model)]
    if let Some(now) = crate::model::now_ns() {
        return now;
    }
    // The monotonic clock can't fail on Linux; 0 would only lose a sample.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |t| {
        t.tv_sec().unsigned_abs() * 1_000_000_000 + t.tv_nsec().unsigned_abs()
    })
}

/// The processor time that this thread has had: a system call.
#[must_use]
pub fn thread_time() -> Duration {
    // Nor can this one fail.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
