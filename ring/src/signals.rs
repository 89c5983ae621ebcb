//! SIGTERM as the request to leave.
//!
//! Called by a worker at its start. A handler in the signal itself, and no thread
//! that reads a pipe: a task handler that closes descriptors which are not its own
//! must not take along what makes its worker leave.

use crate::Segment;
use crate::wait::wake_all_lanes;
use signal_hook_registry::SigId;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// While it lives, SIGTERM sets the flag and wakes the lanes, and SIGINT does nothing.
#[derive(Debug)]
pub struct LeaveOnSignal(Vec<SigId>);

impl LeaveOnSignal {
    /// Takes the two signals over.
    ///
    /// SIGINT goes to the whole terminal group, so the supervisor has it too and drains.
    pub fn install(segment: Arc<Segment>, leave: Arc<AtomicBool>) -> io::Result<Self> {
        let mut taken = Self(Vec::new());
        let ask = move || {
            let errno = nix::errno::Errno::last_raw();
            leave.store(true, Ordering::Relaxed);
            wake_all_lanes(&segment);
            nix::errno::Errno::set_raw(errno);
        };
        // SAFETY: async-signal-safe: atomic operations and the futex system call only; errno is
        // put back; nothing is allocated, locked or dropped there.
        taken
            .0
            .push(unsafe { signal_hook_registry::register(libc::SIGTERM, ask) }?);
        // SAFETY: it does nothing.
        taken
            .0
            .push(unsafe { signal_hook_registry::register(libc::SIGINT, || ()) }?);
        Ok(taken)
    }
}

impl Drop for LeaveOnSignal {
    fn drop(&mut self) {
        for id in self.0.drain(..) {
            signal_hook_registry::unregister(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PoolConfig, PoolDir};

    #[test]
    fn a_signal_sets_the_flag() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let config = PoolConfig {
            segment_size: Some(8 << 20),
            ..PoolConfig::default()
        };
        let (segment, _locks) = Segment::create(&dir, &config).unwrap();
        let (segment, leave) = (Arc::new(segment), Arc::new(AtomicBool::new(false)));
        let _installed = LeaveOnSignal::install(Arc::clone(&segment), Arc::clone(&leave)).unwrap();
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGINT).unwrap();
        assert!(!leave.load(Ordering::Relaxed));
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGTERM).unwrap();
        assert!(leave.load(Ordering::Relaxed));
        segment.remove().unwrap();
    }
}
