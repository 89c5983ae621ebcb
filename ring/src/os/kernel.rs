//! What the kernel offers for confining a process, asked and not looked up by version; and how it
//! schedules the threads of a worker.
//!
//! Called by the worker's sandbox and by `ringwork doctor`, which change nothing, and by a worker
//! before it starts its lanes. It draws [random bytes](random), too.

use std::io;
use std::str::FromStr;

/// Fills `bytes` with random bytes of the kernel's: getrandom(2), which opens no file. So a
/// confined worker may call it, and a statically linked one; the crate of that name looks for the
/// call by its symbol, finds none in a static binary, and turns to a file that the sandbox refuses.
///
/// # Errors
/// When the kernel has none: before 3.17, or where a filter refuses the call.
pub fn random(bytes: &mut [u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        // SAFETY: `rest` is writable for its length, and lives.
        let filled = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match usize::try_from(filled) {
            Ok(filled) => rest = &mut rest[filled..],
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

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

/// The version of landlock's interface; `None` when the kernel has none, or has it switched off.
#[must_use]
pub fn landlock_abi() -> Option<u32> {
    const VERSION: libc::c_uint = 1; // LANDLOCK_CREATE_RULESET_VERSION
    // SAFETY: with this flag the call only returns a number; no memory is read or written.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<u8>(),
            0_usize,
            VERSION,
        )
    };
    u32::try_from(answer).ok().filter(|abi| *abi > 0)
}

/// Whether system calls can be filtered so that a refused one returns an error.
#[must_use]
pub fn has_seccomp_filter() -> bool {
    let action: u32 = libc::SECCOMP_RET_ERRNO;
    // SAFETY: the kernel reads four bytes from `action`, which lives.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_GET_ACTION_AVAIL,
            0,
            &raw const action,
        )
    };
    answer == 0
}

#[cfg(test)]
mod tests {
    #[test]
    fn random_bytes_fill_the_whole_room_and_differ() {
        // More than the 256 bytes that one call surely fills.
        let (mut first, mut second) = ([0; 4096], [0; 4096]);
        super::random(&mut first).unwrap();
        super::random(&mut second).unwrap();
        assert_ne!(first, second);
        assert_ne!(first[first.len() - 64..], [0; 64]);
        super::random(&mut []).unwrap();
    }
}
