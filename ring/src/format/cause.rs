//! Why a worker process died: what a crashed task carries to its client in 16 bits, and its words.

use crate::format::layout::*;
use crate::format::names::stored;
use std::fmt;

stored! {
    /// What is known of a death besides the exit status.
    CauseDetail: u16, "detail of a death", {
        /// A thread overflowed its stack.
        StackOverflow = CAUSE_STACK_OVERFLOW, "stack_overflow";
        /// An allocation failed.
        OutOfMemory = CAUSE_OUT_OF_MEMORY, "out_of_memory";
        /// The supervisor killed it: a task ran past its time limit.
        TimeLimit = CAUSE_TIME_LIMIT, "time_limit";
        /// The supervisor killed it: it had too many threads.
        Threads = CAUSE_THREADS, "threads";
        /// A panic while another panic unwound, or in a function that may not unwind.
        DoublePanic = CAUSE_DOUBLE_PANIC, "double_panic";
    }
}

impl CauseDetail {
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

/// Why a worker process ended. Its `Display` is the predicate of a sentence: "was killed by SIGSEGV
/// (likely a null or wild pointer, or a stack overflow)".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A signal killed it.
    Killed {
        /// The signal's number.
        signal: u8,
        /// What is known besides.
        detail: Option<CauseDetail>,
    },
    /// It called `exit`, or returned from `main`.
    Exited {
        /// The exit code.
        code: u8,
    },
    /// Nothing is known but the death: the worker was not the supervisor's child.
    Unknown,
}

impl Cause {
    /// A signal, and nothing known besides.
    #[must_use]
    pub const fn signal(signal: u8) -> Self {
        Self::Killed {
            signal,
            detail: None,
        }
    }

    /// The cause that a crashed task carries. Any bits have a meaning; a detail that this version
    /// does not know is none.
    #[must_use]
    pub const fn from_word(word: u16) -> Self {
        let [low, _] = word.to_le_bytes();
        let bits = word as u32;
        if bits == CAUSE_UNKNOWN {
            return Self::Unknown;
        }
        if bits & CAUSE_SIGNAL == 0 {
            return Self::Exited { code: low };
        }
        let number = bits >> CAUSE_DETAIL_SHIFT & CAUSE_DETAIL_MASK;
        let detail = match CauseDetail::from_word(number as u16) {
            Ok(detail) => Some(detail),
            Err(_) => None,
        };
        Self::Killed {
            signal: low,
            detail,
        }
    }

    /// The bits that a crashed task carries.
    #[must_use]
    pub const fn word(self) -> u16 {
        match self {
            Self::Killed { signal, detail } => {
                let detail = match detail {
                    Some(detail) => detail.word() << CAUSE_DETAIL_SHIFT,
                    None => 0,
                };
                CAUSE_SIGNAL as u16 | detail | signal as u16
            }
            Self::Exited { code } => code as u16,
            Self::Unknown => CAUSE_UNKNOWN as u16,
        }
    }

    /// Whether it left without an error.
    #[must_use]
    pub const fn is_clean(self) -> bool {
        matches!(self, Self::Exited { code: 0 })
    }

    /// What is known besides the exit status.
    #[must_use]
    pub const fn detail(self) -> Option<CauseDetail> {
        match self {
            Self::Killed { detail, .. } => detail,
            Self::Exited { .. } | Self::Unknown => None,
        }
    }

    /// What the exit status suggests, where it suggests something.
    #[must_use]
    pub const fn likely(self) -> Option<&'static str> {
        match self {
            Self::Killed { signal, .. } => likely_of_signal(signal),
            Self::Exited { code } => likely_of_code(code),
            Self::Unknown => None,
        }
    }
}

const fn likely_of_signal(signal: u8) -> Option<&'static str> {
    Some(match signal {
        4 => "an instruction that this CPU does not have, or a deliberate trap",
        6 => "abort: a panic that may not unwind, a failed allocation, or native code that gave up",
        7 => "a file or shared memory that was truncated while mapped, or a full tmpfs",
        8 => "an integer division by zero in native code",
        9 => "the out-of-memory killer (see `dmesg`), or kill -9",
        11 => "a null or wild pointer, or a stack overflow",
        15 => "somebody asked it to stop",
        24 => "the limit of CPU time, see `ulimit -t`",
        31 => "a system call that a seccomp filter forbids",
        _ => return None,
    })
}

const fn likely_of_code(code: u8) -> Option<&'static str> {
    Some(match code {
        101 => "a Rust panic in its main function",
        126 => "the program can't be executed",
        127 => "the program, or a library that it needs, was not found",
        _ => return None,
    })
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Killed { signal, .. } => match signal_name(signal) {
                Some(name) => write!(f, "was killed by {name}")?,
                None => write!(f, "was killed by signal {signal}")?,
            },
            Self::Exited { code } => write!(f, "exited with code {code}")?,
            Self::Unknown => f.write_str("died")?,
        }
        match (self.detail(), self.likely()) {
            (Some(detail), _) => write!(f, " ({})", detail.text()),
            (None, Some(likely)) => write!(f, " (likely {likely})"),
            (None, None) => Ok(()),
        }
    }
}

/// The name of a signal, for those that end processes.
const fn signal_name(signal: u8) -> Option<&'static str> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_travel_in_sixteen_bits_and_back() {
        let exits = [0, 3, 255].map(|code| Cause::Exited { code });
        let signals = [1, 9, 64, 255].map(Cause::signal);
        for cause in exits.into_iter().chain(signals).chain([Cause::Unknown]) {
            assert_eq!(Cause::from_word(cause.word()), cause);
        }
        for detail in CauseDetail::ALL {
            let killed = Cause::Killed {
                signal: 6,
                detail: Some(*detail),
            };
            assert_eq!(Cause::from_word(killed.word()), killed);
        }
        assert_eq!(Cause::signal(9).word(), 0x109);
        assert_eq!(Cause::Exited { code: 3 }.word(), 3);
    }

    #[test]
    fn any_word_is_a_cause() {
        for word in 0..=u16::MAX {
            let cause = Cause::from_word(word);
            assert_eq!(Cause::from_word(cause.word()), cause, "{word:#x}");
        }
    }

    #[test]
    fn the_text_names_signal_and_likely_cause() {
        let text = Cause::signal(11).to_string();
        assert!(
            text.contains("SIGSEGV") && text.contains("stack overflow"),
            "{text}"
        );
        assert!(Cause::signal(9).to_string().contains("out-of-memory"));
        assert!(Cause::signal(6).to_string().contains("abort"));
        assert_eq!(Cause::signal(40).to_string(), "was killed by signal 40");
        assert_eq!(Cause::Exited { code: 3 }.to_string(), "exited with code 3");
        assert_eq!(Cause::Unknown.to_string(), "died");
    }
}
