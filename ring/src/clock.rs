//! The only clock that processes share: CLOCK_MONOTONIC in nanoseconds, which
//! is also what Java's `System.nanoTime()` reads on Linux. Wall clock time is
//! never compared between processes.

use nix::time::{ClockId, clock_gettime};

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
