//! The signals that make a worker leave.
//!
//! Installed by a worker at its start. The handler acts in the signal itself, and no thread reads a
//! pipe: a task handler that closes descriptors which are not its own must not take along what
//! makes its worker leave.

use crate::queue::wait::wake_all_lanes;
use crate::segment::Segment;
use signal_hook_registry::SigId;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which signals make a worker leave after its current tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeaveBy {
    /// SIGTERM and SIGINT, for a worker that was started by hand: they come from a terminal or an
    /// operator. SIGQUIT and SIGHUP keep their action.
    #[default]
    Terminal,
    /// SIGTERM, for a worker of a pool that is served. SIGINT, SIGQUIT and SIGHUP do nothing: the
    /// supervisor gets them as well, and answers.
    Anyone,
    /// SIGTERM that the parent, the supervisor, has sent, for a worker of an embedded pool. What
    /// comes from others, to all processes of a unit or a terminal, is for the pool's owner.
    Parent,
}

impl LeaveBy {
    /// Its name, as in the environment of a worker.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Anyone => "anyone",
            Self::Parent => "parent",
        }
    }
}

impl std::str::FromStr for LeaveBy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Terminal, Self::Anyone, Self::Parent]
            .into_iter()
            .find(|known| known.name() == name)
            .ok_or_else(|| format!("{name:?} is none of terminal, anyone and parent"))
    }
}

/// While it lives, signals set the flag and wake the lanes.
#[derive(Debug)]
pub struct LeaveOnSignal(Vec<SigId>);

impl LeaveOnSignal {
    /// Takes the signals over that [`LeaveBy`] names.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn install(segment: Arc<Segment>, leave: Arc<AtomicBool>, by: LeaveBy) -> io::Result<Self> {
        let mut taken = Self(Vec::new());
        // Asked for once: a parent that is gone has taken its workers along.
        let parent = (by == LeaveBy::Parent).then(|| nix::unistd::getppid().as_raw());
        let ask = move |info: &libc::siginfo_t| {
            if parent.is_some_and(|parent| !is_from(info, parent)) {
                return;
            }
            let errno = nix::errno::Errno::last_raw();
            leave.store(true, Ordering::Relaxed);
            wake_all_lanes(&segment);
            nix::errno::Errno::set_raw(errno);
        };
        let asking: &[i32] = match by {
            LeaveBy::Terminal => &[libc::SIGTERM, libc::SIGINT],
            LeaveBy::Anyone | LeaveBy::Parent => &[libc::SIGTERM],
        };
        for signal in asking {
            // SAFETY: async-signal-safe: atomic operations and the futex system call only; errno
            // is put back; nothing is allocated, locked or dropped there.
            let id = unsafe { signal_hook_registry::register_sigaction(*signal, ask.clone()) }?;
            taken.0.push(id);
        }
        if by != LeaveBy::Terminal {
            for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP] {
                // SAFETY: it does nothing.
                let id = unsafe { signal_hook_registry::register(signal, || ()) }?;
                taken.0.push(id);
            }
        }
        Ok(taken)
    }
}

/// Whether this process has sent it.
fn is_from(info: &libc::siginfo_t, process: i32) -> bool {
    // Positive codes are the kernel's, which names no sender.
    info.si_code <= 0
        // SAFETY: a signal that a process has sent carries the sender's id.
        && unsafe { info.si_pid() } == process
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
    use nix::sys::signal::{Signal, raise};

    fn segment() -> (
        Arc<Segment>,
        tempfile::TempDir,
        crate::segment::SupervisorLocks,
    ) {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let config = PoolConfig {
            segment_size: Some(8 << 20),
            ..PoolConfig::default()
        };
        let (segment, locks) = Segment::create(&dir, &config).unwrap();
        (Arc::new(segment), temp, locks)
    }

    // One test: signals are the whole process's.
    #[test]
    fn a_signal_sets_the_flag_if_it_comes_from_the_right_process() {
        let (segment, _temp, _locks) = segment();
        let leave = Arc::new(AtomicBool::new(false));
        let install =
            |by| LeaveOnSignal::install(Arc::clone(&segment), Arc::clone(&leave), by).unwrap();
        let installed = install(LeaveBy::Parent);
        for signal in [
            Signal::SIGINT,
            Signal::SIGQUIT,
            Signal::SIGHUP,
            Signal::SIGTERM,
        ] {
            raise(signal).unwrap();
        }
        assert!(
            !leave.load(Ordering::Relaxed),
            "this process is not its own parent"
        );
        let installed = (install(LeaveBy::Anyone), installed);
        raise(Signal::SIGINT).unwrap();
        assert!(!leave.load(Ordering::Relaxed));
        raise(Signal::SIGTERM).unwrap();
        assert!(leave.load(Ordering::Relaxed));
        drop(installed);
        segment.remove().unwrap();
    }
}
