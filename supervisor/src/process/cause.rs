//! Why a worker process of ours ended: its exit status, why the supervisor killed it, its last words.

use ringwork_ring::{Cause, CauseDetail};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// What the exit status of a child tells.
pub(crate) fn of_status(status: ExitStatus) -> Cause {
    let byte = |value: i32| u8::try_from(value & 0xff).unwrap_or_default();
    match (status.signal(), status.code()) {
        (Some(signal), _) => Cause::signal(byte(signal)),
        (None, Some(code)) => Cause::Exited { code: byte(code) },
        (None, None) => Cause::Unknown,
    }
}

/// The cause with what is known besides the exit status: why the supervisor killed it, or what its
/// last output tells.
pub(crate) fn with_detail(
    exit: Cause,
    killed_for: Option<CauseDetail>,
    last_lines: &[String],
) -> Cause {
    match exit {
        Cause::Killed { signal: 9, .. } => Cause::Killed {
            signal: 9,
            detail: killed_for,
        },
        Cause::Killed { signal: 6, .. } => Cause::Killed {
            signal: 6,
            detail: of_last_words(last_lines.iter().map(String::as_str)),
        },
        _ => exit,
    }
}

/// What the last words of a process that aborted tell; Rust's runtime says why it aborts.
fn of_last_words<'a>(lines: impl Iterator<Item = &'a str>) -> Option<CauseDetail> {
    let told = |line: &str| {
        Some(if line.contains("has overflowed its stack") {
            CauseDetail::StackOverflow
        } else if line.contains("memory allocation of ") && line.contains(" failed") {
            CauseDetail::OutOfMemory
        } else if line.contains("panicked while processing panic")
            || line.contains("panic in a destructor during cleanup")
            || line.contains("caused non-unwinding panic")
        {
            CauseDetail::DoublePanic
        } else {
            return None;
        })
    };
    lines.filter_map(told).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_an_abort_tell_why_and_those_of_other_deaths_do_not() {
        let of = |signal, line: &str| {
            with_detail(
                Cause::signal(signal),
                None,
                &["x".to_owned(), line.to_owned()],
            )
            .detail()
        };
        let words = [
            (
                "thread 'ringwork-lane-0' (7) has overflowed its stack",
                CauseDetail::StackOverflow,
            ),
            (
                "memory allocation of 1073741824 bytes failed",
                CauseDetail::OutOfMemory,
            ),
            (
                "thread caused non-unwinding panic. aborting.",
                CauseDetail::DoublePanic,
            ),
        ];
        for (line, detail) in words {
            assert_eq!(of(6, line), Some(detail));
            assert_eq!(of(11, line), None, "not that signal");
        }
        assert_eq!(of(6, "good bye"), None);
        let limit = Some(CauseDetail::TimeLimit);
        let killed = with_detail(Cause::signal(9), limit, &[]);
        assert!(killed.to_string().contains("past its time limit"));
        let before = with_detail(Cause::Exited { code: 0 }, limit, &[]);
        assert_eq!(before.detail(), None, "it left before the kill");
    }

    #[test]
    fn statuses_of_children_are_told_apart() {
        let of = |raw| of_status(ExitStatus::from_raw(raw));
        assert_eq!(of(11), Cause::signal(11));
        assert_eq!(of(0x80 | 6), Cause::signal(6), "with a core dump");
        assert_eq!(of(101 << 8), Cause::Exited { code: 101 });
    }
}
