//! The harness of all suites that start processes: the command's, the cross-process tests, the kill
//! matrix, chaos.
//!
//! Invariant: whatever a test does, also when it panics, a process that it started is killed by the id of
//! an own child, never by name, and waited for; and its folder below /dev/shm is removed. The workers of a
//! supervisor that is killed follow it by the kernel's hand. What a suite starts, and with which options,
//! is its own.

#![forbid(unsafe_code)]

mod folder;
pub mod look;
mod process;
mod wait;

pub use folder::Folder;
pub use look::is_alive;
pub use process::{KillOnDrop, Process, signal_child_of};
pub use wait::{LIMIT, find, wait_for, wait_until};

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::process::Command;

    fn cat() -> Process {
        Process::start(&mut Command::new("cat")).unwrap()
    }

    #[test]
    fn nothing_is_left_of_a_test_that_panics() {
        let (mut pid, mut path) = (0, None);
        let failed = catch_unwind(AssertUnwindSafe(|| {
            let folder = Folder::new("test");
            std::fs::write(folder.path().join("file"), "x").unwrap();
            path = Some(folder.path().to_owned());
            let mut process = cat();
            pid = process.pid();
            process.say("ready");
            assert_eq!(process.wait_line().unwrap().as_deref(), Some("ready"));
            assert!(is_alive(pid));
            panic!("a failure of a test");
        }));
        assert!(failed.is_err());
        assert!(pid != 0 && look::stat(pid).is_none(), "not even a zombie");
        assert!(!path.unwrap().exists());
    }

    #[test]
    fn a_process_that_has_ended_gets_no_signal() {
        let mut process = cat();
        process.input = None;
        assert!(process.wait_exit().unwrap().success());
        assert!(!process.signal(Signal::SIGTERM));
        assert_eq!(process.wait_line(), Ok(None));
    }

    #[test]
    fn only_a_child_of_the_parent_is_signalled() {
        let process = cat();
        let own = std::process::id().cast_signed();
        assert!(!signal_child_of(
            process.pid(),
            process.pid(),
            Signal::SIGKILL
        ));
        assert!(is_alive(process.pid()));
        assert!(signal_child_of(own, process.pid(), Signal::SIGKILL));
    }
}
