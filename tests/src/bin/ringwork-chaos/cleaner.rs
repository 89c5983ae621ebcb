//! Ends what the driver started when the driver itself is killed.
//!
//! Reads process ids from standard input; its end is the driver's end. Then it kills those that
//! still live, and each process with the driver's directory in its environment, and removes the
//! directory. Invariant: it signals only through pidfds, each opened as soon as the driver has told
//! of its child or before its environment is read, so an id that is used again later means nothing
//! to it.

use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::HashMap;
use std::io::BufRead;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a killed process is waited for.
const PATIENCE: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};

/// How often processes and files are looked for, 20 ms apart, and how often in a row there must be
/// none.
const LOOKS: u32 = 500;
const QUIET: u32 = 5;

/// Arguments of the cleaner.
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
    // The driver may have died before it told of a child that it had just started.
    let mut quiet = 0;
    for _ in 0..LOOKS {
        let unknown = untold(&options.base);
        for fd in &unknown {
            let _ = pidfd_send_signal(fd, Signal::KILL);
        }
        // Workers die with their supervisor; while one still does, its pool's files may change.
        let gone = match std::fs::remove_dir_all(&options.base) {
            Ok(()) => false,
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        quiet = if gone && unknown.is_empty() {
            quiet + 1
        } else {
            0
        };
        if quiet == QUIET {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The processes whose pools are in this directory: only the driver's, by its name.
fn untold(base: &Path) -> Vec<OwnedFd> {
    let pools = [b"RINGWORK_DIR=", base.as_os_str().as_bytes(), b"/"].concat();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            let fd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
            // Asked for after: the id can't have become another's since.
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            let mut variables = environment.split(|byte| *byte == 0);
            variables
                .any(|variable| variable.starts_with(&pools))
                .then_some(fd)
        })
        .collect()
}

fn has_exited(fd: &OwnedFd, patience: Timespec) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::IN)];
    poll(&mut fds, Some(&patience)).is_ok_and(|count| count > 0)
}
