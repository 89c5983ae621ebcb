//! Why a worker process ended, in words: the exit status, its likely cause, and
//! the 16 bits of it that a crashed task carries to its client (`CAUSE_*`).

use ringwork_ring::format::layout::*;
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

/// What is known of a death besides the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// A thread overflowed its stack.
    StackOverflow,
    /// An allocation failed.
    OutOfMemory,
    /// The supervisor killed it: a task ran past its time limit.
    TimeLimit,
    /// The supervisor killed it: it had too many threads.
    Threads,
    /// A panic while another panic unwound, or in a function that may not unwind.
    DoublePanic,
}

impl Detail {
    const ALL: [(Self, u32); 5] = [
        (Self::StackOverflow, CAUSE_STACK_OVERFLOW),
        (Self::OutOfMemory, CAUSE_OUT_OF_MEMORY),
        (Self::TimeLimit, CAUSE_TIME_LIMIT),
        (Self::Threads, CAUSE_THREADS),
        (Self::DoublePanic, CAUSE_DOUBLE_PANIC),
    ];

    /// What the last words of a process that aborted tell; Rust's runtime says why it aborts.
    fn of_last_words<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Self> {
        let told = |line: &str| {
            Some(if line.contains("has overflowed its stack") {
                Self::StackOverflow
            } else if line.contains("memory allocation of ") && line.contains(" failed") {
                Self::OutOfMemory
            } else if line.contains("panicked while processing panic")
                || line.contains("panic in a destructor during cleanup")
                || line.contains("caused non-unwinding panic")
            {
                Self::DoublePanic
            } else {
                return None;
            })
        };
        lines.filter_map(told).last()
    }

    const fn text(self) -> &'static str {
        match self {
            Self::StackOverflow => {
                "a stack overflow: a recursion without end, or too large values on the stack"
            }
            Self::OutOfMemory => "out of memory: an allocation failed, see --worker-memory",
            Self::TimeLimit => "by the supervisor: a task ran past its time limit",
            Self::Threads => "by the supervisor: it had more threads than --worker-threads",
            Self::DoublePanic => {
                "a panic while panicking: a destructor panicked during a panic, or a panic where none may unwind"
            }
        }
    }
}

/// Exit and detail: the 16 bits that a crashed task carries to its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// How the process ended.
    pub exit: Exit,
    /// What is known besides.
    pub detail: Option<Detail>,
}

impl Cause {
    /// Nothing is known but the death.
    pub const UNKNOWN: Self = Self {
        exit: Exit::Unknown,
        detail: None,
    };

    /// The cause of a child's death: why the supervisor killed it, or what its last output tells.
    #[must_use]
    pub fn of(exit: Exit, killed: Option<Detail>, last_lines: &[String]) -> Self {
        let detail = match exit {
            Exit::Signal(9) => killed,
            Exit::Signal(6) => Detail::of_last_words(last_lines.iter().map(String::as_str)),
            _ => None,
        };
        Self { exit, detail }
    }

    /// From the bits that a crashed task carries.
    #[must_use]
    pub fn from_bits(bits: u16) -> Self {
        let [low, _] = bits.to_le_bytes();
        let bits = u32::from(bits);
        if bits == CAUSE_UNKNOWN {
            return Self::UNKNOWN;
        }
        let exit = if bits & CAUSE_SIGNAL != 0 {
            Exit::Signal(low)
        } else {
            Exit::Code(low)
        };
        let number = bits >> CAUSE_DETAIL_SHIFT & CAUSE_DETAIL_MASK;
        let detail = Detail::ALL.iter().find(|(_, known)| *known == number);
        Self {
            exit,
            detail: detail.map(|(detail, _)| *detail),
        }
    }

    /// The bits that a crashed task carries.
    #[must_use]
    pub fn bits(self) -> u16 {
        let exit = match self.exit {
            Exit::Signal(signal) => CAUSE_SIGNAL as u16 | u16::from(signal),
            Exit::Code(code) => u16::from(code),
            Exit::Unknown => return CAUSE_UNKNOWN as u16,
        };
        let detail = self
            .detail
            .and_then(|detail| Detail::ALL.iter().find(|(known, _)| *known == detail));
        exit | detail.map_or(0, |(_, number)| (*number as u16) << CAUSE_DETAIL_SHIFT)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.exit, self.detail) {
            (exit, None) => exit.fmt(f),
            (exit, Some(detail)) => {
                exit.write_bare(f)?;
                write!(f, " ({})", detail.text())
            }
        }
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

impl Exit {
    fn write_bare(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => match signal_name(signal) {
                Some(name) => write!(f, "was killed by {name}"),
                None => write!(f, "was killed by signal {signal}"),
            },
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Unknown => f.write_str("died"),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_bare(f)?;
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
            let cause = Cause { exit, detail: None };
            assert_eq!(Cause::from_bits(cause.bits()), cause);
            for (detail, _) in Detail::ALL {
                let detailed = Cause {
                    exit,
                    detail: Some(detail).filter(|_| exit != Exit::Unknown),
                };
                assert_eq!(Cause::from_bits(detailed.bits()), detailed);
            }
        }
        let killed = Cause {
            exit: Exit::Signal(9),
            detail: None,
        };
        assert_eq!(killed.bits(), 0x109);
    }

    #[test]
    fn the_last_words_of_an_abort_tell_why_and_those_of_other_deaths_do_not() {
        let of =
            |exit, line: &str| Cause::of(exit, None, &["x".to_owned(), line.to_owned()]).detail;
        let words = [
            (
                "thread 'ringwork-lane-0' (7) has overflowed its stack",
                Detail::StackOverflow,
            ),
            (
                "memory allocation of 1073741824 bytes failed",
                Detail::OutOfMemory,
            ),
            (
                "thread caused non-unwinding panic. aborting.",
                Detail::DoublePanic,
            ),
        ];
        for (line, detail) in words {
            assert_eq!(of(Exit::Signal(6), line), Some(detail));
            assert_eq!(of(Exit::Signal(11), line), None, "not that signal");
        }
        assert_eq!(of(Exit::Signal(6), "good bye"), None);
        let killed = Cause::of(Exit::Signal(9), Some(Detail::TimeLimit), &[]);
        assert!(killed.to_string().contains("past its time limit"));
        let before = Cause::of(Exit::Code(0), Some(Detail::TimeLimit), &[]);
        assert_eq!(before.detail, None, "it left before the kill");
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
