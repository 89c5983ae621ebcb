//! How the kernel schedules the threads of a worker.
//!
//! Called by a worker before it starts its lanes, and by a lane whose tasks prove long.

use std::io;
use std::str::FromStr;

/// Which threads have the processor first: sched(7). An ordinary user may choose any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheduling {
    /// As all others, until a lane's tasks prove long: then that lane [gives way](give_way).
    #[default]
    Adaptive,
    /// As all others.
    Normal,
    /// As work that is not interactive: it wakes without taking the processor from others.
    Batch,
    /// Only what no other thread wants: a thread of another policy that wakes has the processor at
    /// once.
    Idle,
}

impl Scheduling {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Adaptive, Self::Normal, Self::Batch, Self::Idle];

    /// As on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::Normal => "normal",
            Self::Batch => "batch",
            Self::Idle => "idle",
        }
    }

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

impl FromStr for Scheduling {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.name() == text)
            .ok_or_else(|| {
                format!("unknown scheduling {text:?}: use adaptive, normal, batch or idle")
            })
    }
}

/// What [`give_way`] adds to the nice value.
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
pub fn give_way() -> io::Result<()> {
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
