//! Ends what the driver started when the driver itself is killed.
//!
//! Reads process ids from standard input; its end is the driver's end. Then it kills those that
//! still live, and removes the driver's directory. Invariant: it signals only through pidfds,
//! each opened as soon as the driver has told of its child, so an id that is used again later is nobody to it.

use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::HashMap;
use std::io::BufRead;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

/// How long a killed process is waited for.
const PATIENCE: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};

/// Arguments of the janitor.
#[derive(Debug, Args)]
pub struct Options {
    /// The directory to remove.
    base: PathBuf,
}

/// Waits for the driver's end.
pub fn run(options: &Options) -> Result<(), String> {
    let mut living: HashMap<i32, OwnedFd> = HashMap::new();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Ok(pid) = line.parse() else { continue };
        if let Some(fd) =
            Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
        {
            living.retain(|_, fd| !has_exited(fd, Timespec::default()));
            living.insert(pid, fd);
        }
    }
    for fd in living.values() {
        let _ = pidfd_send_signal(fd, Signal::KILL);
    }
    for fd in living.values() {
        has_exited(fd, PATIENCE);
    }
    // Workers die with their supervisor; while one still does, its pool's files may change.
    for _ in 0..50 {
        match std::fs::remove_dir_all(&options.base) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                std::thread::sleep(Duration::from_millis(20));
            }
            _ => break,
        }
    }
    Ok(())
}

fn has_exited(fd: &OwnedFd, patience: Timespec) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::IN)];
    poll(&mut fds, Some(&patience)).is_ok_and(|count| count > 0)
}
