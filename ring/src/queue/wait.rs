//! Waiting: futex, idle bits, and how long to spin before them.
//!
//! The protocol of sleep and wake, with its proof, is docs/internals/protocol.md section 9:
//! the sleeper sets its bit, fences, looks again and only then waits; the waker
//! publishes, fences, looks at the bits. Futexes are shared ones, since they
//! are between processes.

use crate::format::layout::IDLE_WORDS;
use crate::format::states::LaneKind;
use crate::format::words::Kind;
use crate::os::sync::{AtomicU32, Ordering, fence, fence_after_rmw};
use crate::records::CORRUPT_AFTER;
use crate::records::LaneMask;
use crate::segment::Segment;
use std::time::Duration;

crate::format::names::choices! {
    /// How a lane, or a poller, waits when there is nothing to do.
    WaitStrategy, "wait strategy", default Adaptive, {
        /// Never sleep: lowest latency, a core for each lane.
        Spin = "spin";
        /// Spin a little, yield a little, then sleep.
        Adaptive = "adaptive";
        /// Sleep at once.
        Park = "park";
    }
}

/// Rounds of looking at the rings before a lane marks itself as searching:
/// about a hundred nanoseconds, so that a tight ping-pong never touches the shared mask.
pub(crate) const QUIET_ROUNDS: u32 = if cfg!(all(ringwork_model, not(ringwork_counted))) {
    1
} else {
    64
};

/// How many rounds to spin and then to yield.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Rounds with a spin hint between them.
    pub spins: u32,
    /// Rounds with a `sched_yield` between them, after the spins.
    pub yields: u32,
}

impl Budget {
    /// The budget of a strategy with `spinners` threads of this pool that may spin at a time.
    ///
    /// With a core for each, about the cost of one futex round trip (20 to
    /// 50 µs) is spun away at most: the competitive ratio of that is 2. With
    /// fewer cores than spinners (a cgroup quota counts as cores), a spinner
    /// would keep the very thread that it waits for from running.
    #[must_use]
    pub fn of(strategy: WaitStrategy, spinners: usize) -> Self {
        Self::on(crate::os::sync::cores(), strategy, spinners)
    }

    /// As [`Budget::of`] with so many cores.
    fn on(cores: usize, strategy: WaitStrategy, spinners: usize) -> Self {
        match strategy {
            WaitStrategy::Spin => Self {
                spins: u32::MAX,
                yields: 0,
            },
            WaitStrategy::Park => Self {
                spins: 1,
                yields: 0,
            },
            // Through every kind of round, and no more of each than tells.
            WaitStrategy::Adaptive if cfg!(ringwork_model) => Self {
                spins: QUIET_ROUNDS + 2,
                yields: 1,
            },
            WaitStrategy::Adaptive if cores > spinners => Self {
                spins: 1000,
                yields: 8,
            },
            WaitStrategy::Adaptive if cores > 1 => Self {
                spins: QUIET_ROUNDS + 100,
                yields: 64,
            },
            WaitStrategy::Adaptive => Self {
                spins: 1,
                yields: 2,
            },
        }
    }
}

/// Sleeps until the word is not `seen`, a wake, a signal or the timeout.
pub fn futex_wait(word: &AtomicU32, seen: u32, timeout: Duration) {
    #[cfg(ringwork_model)]
    if crate::model::futex_wait(word, seen) {
        return;
    }
    let time = libc::timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // SAFETY: the word is a live, aligned u32; the kernel only reads it and `time`.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            seen,
            &raw const time,
        );
    }
}

/// Wakes up to `count` sleepers of the word.
pub fn futex_wake(word: &AtomicU32, count: i32) {
    #[cfg(ringwork_model)]
    if crate::model::futex_wake(word, count) {
        return;
    }
    // SAFETY: the address only names the futex; nothing is written through it.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count);
    }
}

/// Bumps a wake word and wakes one sleeper.
pub(crate) fn wake_word(word: &AtomicU32) {
    failpoint!("wake.taken");
    word.fetch_add(1, Ordering::Release);
    failpoint!("wake.bumped");
    futex_wake(word, 1);
    failpoint!("wake.done");
}

/// Sets or clears the bit of a lane in a mask.
pub(crate) fn set_bit(segment: &Segment, mask: LaneMask, lane: u32, on: bool) {
    let word = segment.header().mask(mask, lane as usize / 64);
    let bit = 1 << (lane % 64);
    if on {
        word.fetch_or(bit, Ordering::SeqCst);
    } else {
        word.fetch_and(!bit, Ordering::SeqCst);
    }
}

#[inline]
fn mask_words(segment: &Segment) -> usize {
    (segment.geometry().max_lanes as usize)
        .div_ceil(64)
        .min(IDLE_WORDS)
}

#[inline]
fn any(segment: &Segment, mask: LaneMask) -> bool {
    let header = segment.header();
    (0..mask_words(segment)).any(|word| header.mask(mask, word).load(Ordering::Relaxed) != 0)
}

/// Whether any lane of a kind is asleep.
#[must_use]
#[inline]
pub fn any_idle(segment: &Segment, kind: LaneKind) -> bool {
    any(segment, LaneMask::idle(kind))
}

/// How many CPU lanes sleep, or search for work.
pub(crate) fn waiting_lanes(segment: &Segment) -> u32 {
    (0..mask_words(segment))
        .map(|word| {
            let mask = |mask| segment.header().mask(mask, word).load(Ordering::Relaxed);
            (mask(LaneMask::Idle) | mask(LaneMask::Searching)).count_ones()
        })
        .sum()
}

/// After publishing a hint for lanes of a kind: a full fence, then wakes one unless one searches
/// already.
#[inline]
pub fn wake_after_publish(segment: &Segment, kind: LaneKind) {
    // pairs with the fence between setting the idle bit and the re-check in `Lane::park`. A hint is
    // published by a CAS.
    fence_after_rmw();
    if any_idle(segment, kind) && !any(segment, LaneMask::searching(kind)) {
        wake_one_lane(segment, kind);
    }
}

/// Wakes one idle lane of a kind, even if others search; `false` when none is idle.
pub fn wake_one_lane(segment: &Segment, kind: LaneKind) -> bool {
    for index in 0..mask_words(segment) {
        let word = segment.header().mask(LaneMask::idle(kind), index);
        let mut bits = word.load(Ordering::Relaxed);
        // Bounded: each lost race is another process's change of a bit, and those end.
        for _ in 0..CORRUPT_AFTER {
            if bits == 0 {
                break;
            }
            let bit = 63 - bits.leading_zeros();
            match word.compare_exchange(
                bits,
                bits & !(1 << bit),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    let lane = index as u32 * 64 + bit;
                    if lane < segment.geometry().max_lanes {
                        wake_word(segment.lane(lane).wake());
                        return true;
                    }
                    bits &= !(1 << bit);
                }
                Err(now) => bits = now,
            }
        }
    }
    false
}

/// After a task was asked to give up: wakes the thread that looks for that, if the task goes on
/// without its lane. A bell that is lost delays the task's end to that thread's next look.
pub(crate) fn ring_bell(segment: &Segment, slot: u32) {
    let word = segment.word(slot);
    let (lanes, lane) = (segment.geometry().max_lanes, u32::from(word.owner()));
    if word.kind() != Kind::Claimed || lane >= lanes {
        return;
    }
    // pairs with `Shard::bell`: the addition follows what was asked, so a thread that does not see
    // it in the wake word that it sleeps on sees that.
    if let Some(bell) = segment.lane(lane).bell().filter(|bell| *bell < lanes) {
        wake_word(segment.lane(bell).wake());
    }
}

/// Wakes every lane (shutdown).
pub fn wake_all_lanes(segment: &Segment) {
    for lane in 0..segment.geometry().max_lanes {
        wake_word(segment.lane(lane).wake());
    }
}

/// After a store that a client has to see: a full fence, then wakes its poller if it is parked.
pub fn wake_client_after_publish(segment: &Segment, client: u32) {
    fence(Ordering::SeqCst);
    wake_client_after_hint(segment, client);
}

/// The same after a completion hint, which is published by a CAS (or, if the ring was full, told by
/// a store and a fence).
#[inline]
pub(crate) fn wake_client_after_hint(segment: &Segment, client: u32) {
    // pairs with the fence between `waiting = 1` and the re-check of the poller.
    fence_after_rmw();
    let client = segment.client(client);
    if client.take_waiting() {
        wake_word(client.wake());
    }
}

#[cfg(all(test, not(ringwork_model)))]
mod tests {
    use super::*;

    #[test]
    fn adaptive_waiting_fits_the_cores() {
        let adaptive = |cores, spinners| Budget::on(cores, WaitStrategy::Adaptive, spinners);
        // A core for each: about a futex round trip is spun away.
        for (cores, spinners) in [(4, 2), (8, 4), (64, 33)] {
            assert_eq!(adaptive(cores, spinners).spins, 1000, "{cores} cores");
        }
        // One lane and one client on two cores: short spins, then mostly off the core.
        let two = adaptive(2, 2);
        assert!(two.spins < 200 && two.yields > 8, "{two:?}");
        // More lanes than cores.
        assert_eq!(adaptive(4, 9), two);
        // One core, and a quota of less than two: a side that spins keeps the other from running.
        for spinners in [2, 9] {
            assert!(adaptive(1, spinners).spins <= 1);
        }
    }

    #[test]
    fn spin_and_park_do_the_same_on_any_number_of_cores() {
        for cores in [1, 2, 64] {
            assert_eq!(Budget::on(cores, WaitStrategy::Spin, 2).spins, u32::MAX);
            let park = Budget::on(cores, WaitStrategy::Park, 2);
            assert_eq!((park.spins, park.yields), (1, 0));
        }
    }
}
