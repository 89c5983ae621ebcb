//! How the kernel schedules the threads of a worker.
//!
//! Called by a worker before it starts its lanes, and by a lane whose tasks prove long.

use std::io;

crate::format::names::choices! {
    /// Which threads have the processor first: sched(7). An ordinary user may choose any of these.
    /// An adaptive lane [lowers its priority](lower_priority) once its tasks prove long.
    Scheduling, "scheduling", default Adaptive, {
        /// As all other threads; nicer once a lane's tasks prove long.
        Adaptive = "adaptive";
        /// As all other threads.
        Normal = "normal";
        /// As work that is not interactive: wakes without taking the processor from others.
        Batch = "batch";
        /// Only what no other thread wants: leaves the processor at once to any thread of another policy.
        Idle = "idle";
    }
}

impl Scheduling {
    /// The policy for this thread, and those that it starts.
    ///
    /// # Errors
    /// When the kernel refuses it: a thread that is idle already may not become normal again
    /// everywhere.
    pub fn apply(self) -> io::Result<()> {
        let policy = match self {
            Self::Adaptive | Self::Normal => return Ok(()),
            Self::Batch => libc::SCHED_BATCH,
            Self::Idle => libc::SCHED_IDLE,
        };
        let parameters = libc::sched_param { sched_priority: 0 };
        // SAFETY: the kernel reads `parameters`, which lives; 0 is the calling thread.
        let answer = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
        if answer == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

/// What [`lower_priority`] adds to the nice value.
///
/// Each step is a factor of about 1.25 (sched(7)), so this thread weighs a tenth of one that is not
/// nice: a thread that wakes runs at once where it would else wait for the end of a slice, and of a
/// processor that two want all the time this one has a tenth still. `docs/lab` has 5 to 19
/// measured.
pub const NICER: i32 = 10;

/// Makes this thread nicer by [`NICER`], 19 at most; not its process, and for good: it takes a
/// privilege to go back.
///
/// # Errors
/// When the kernel refuses it.
pub fn lower_priority() -> io::Result<()> {
    // SAFETY: no memory is involved; 0 is the calling thread, whose own the nice value is on Linux.
    let now = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    // SAFETY: as above. That -1 is an error, and a nice value as well, makes no difference here.
    let answer = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, (now + NICER).min(19)) };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
