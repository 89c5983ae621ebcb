//! Why a worker process ended, in words: the exit status, its likely cause, and
//! the 16 bits of it that a crashed task carries to its client (`CAUSE_*`).

use ringwork_ring::layout::{CAUSE_SIGNAL, CAUSE_UNKNOWN};
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Killed by a signal.
    Signal(u8),
    /// It called `exit`, or returned from `main`.
    Code(u8),
    /// Not known: the worker was not the supervisor's child.
    Unknown,
}

impl Exit {
    /// The exit of a child.
    #[must_use]
    pub fn of(status: ExitStatus) -> Self {
        let byte = |value: i32| u8::try_from(value & 0xff).unwrap_or_default();
        match (status.signal(), status.code()) {
            (Some(signal), _) => Self::Signal(byte(signal)),
            (None, Some(code)) => Self::Code(byte(code)),
            (None, None) => Self::Unknown,
        }
    }

    /// From the cause that a crashed task carries.
    #[must_use]
    pub fn from_cause(cause: u16) -> Self {
        let [low, _] = cause.to_le_bytes();
        match u32::from(cause) {
            CAUSE_UNKNOWN => Self::Unknown,
            bits if bits & CAUSE_SIGNAL != 0 => Self::Signal(low),
            _ => Self::Code(low),
        }
    }

    /// The cause that a crashed task carries.
    #[must_use]
    pub fn cause(self) -> u16 {
        match self {
            Self::Signal(signal) => CAUSE_SIGNAL as u16 | u16::from(signal),
            Self::Code(code) => u16::from(code),
            Self::Unknown => CAUSE_UNKNOWN as u16,
        }
    }

    /// Whether it left without an error.
    #[must_use]
    pub fn is_clean(self) -> bool {
        self == Self::Code(0)
    }

    /// The likely cause, where the status suggests one.
    #[must_use]
    pub fn likely(self) -> Option<&'static str> {
        Some(match self {
            Self::Signal(4) => "an instruction that this CPU does not have, or a deliberate trap",
            Self::Signal(6) => {
                "abort: a panic that may not unwind, a failed allocation, or native code that gave up"
            }
            Self::Signal(7) => {
                "a file or shared memory that was truncated while mapped, or a full tmpfs"
            }
            Self::Signal(8) => "an integer division by zero in native code",
            Self::Signal(9) => "the out-of-memory killer (see `dmesg`), or kill -9",
            Self::Signal(11) => "a null or wild pointer, or a stack overflow",
            Self::Signal(15) => "somebody asked it to stop",
            Self::Signal(24) => "the limit of CPU time, see `ulimit -t`",
            Self::Signal(31) => "a system call that a seccomp filter forbids",
            Self::Code(101) => "a Rust panic in its main function",
            Self::Code(126) => "the program can't be executed",
            Self::Code(127) => "the program, or a library that it needs, was not found",
            _ => return None,
        })
    }
}

/// The name of a signal, for those that end processes.
fn signal_name(signal: u8) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "was killed by {name}")?,
                None => write!(f, "was killed by signal {signal}")?,
            },
            Self::Code(code) => write!(f, "exited with code {code}")?,
            Self::Unknown => f.write_str("died")?,
        }
        match self.likely() {
            Some(likely) => write!(f, " (likely {likely})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_travel_in_sixteen_bits_and_back() {
        for exit in [
            Exit::Signal(11),
            Exit::Code(0),
            Exit::Code(255),
            Exit::Unknown,
        ] {
            assert_eq!(Exit::from_cause(exit.cause()), exit);
        }
        assert_eq!(Exit::Signal(9).cause(), 0x109);
    }

    #[test]
    fn statuses_of_children_are_told_apart() {
        assert_eq!(Exit::of(ExitStatus::from_raw(11)), Exit::Signal(11));
        assert_eq!(
            Exit::of(ExitStatus::from_raw(0x80 | 6)),
            Exit::Signal(6),
            "with a core dump"
        );
        assert_eq!(Exit::of(ExitStatus::from_raw(101 << 8)), Exit::Code(101));
    }

    #[test]
    fn the_text_names_signal_and_likely_cause() {
        let text = Exit::Signal(11).to_string();
        assert!(
            text.contains("SIGSEGV") && text.contains("stack overflow"),
            "{text}"
        );
        assert!(Exit::Signal(9).to_string().contains("out-of-memory"));
        assert!(Exit::Signal(6).to_string().contains("abort"));
        assert_eq!(Exit::Signal(40).to_string(), "was killed by signal 40");
        assert_eq!(Exit::Code(3).to_string(), "exited with code 3");
    }
}
