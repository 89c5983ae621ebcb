//! Where the peers of a run keep sockets and shared memory: everything in /dev/shm under one
//! prefix.
//!
//! Owns /dev/shm/ringwork-bench-PID-*: a directory a case, and what iceoryx2 makes beside it, which
//! can't be put into a directory. Removed when the run ends, whatever its cases left behind; what
//! a killed run left, the next one removes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const SHM: &str = "/dev/shm";
const PREFIX: &str = "ringwork-bench-";

/// The scratch space of this run.
#[derive(Debug)]
pub struct Scratch {
    prefix: String,
}

impl Scratch {
    /// Makes room; removes what runs left that live no longer.
    pub fn new() -> Self {
        remove(|name| {
            let pid = name.split('-').next().unwrap_or_default();
            pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists()
        });
        Self {
            prefix: format!("{PREFIX}{}-", std::process::id()),
        }
    }

    /// A directory of a case's own.
    pub fn directory(&self, case: &str) -> io::Result<PathBuf> {
        let path = Path::new(SHM).join(self.prefix(case)).join("dir");
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// What names in /dev/shm must begin with for a case that can't use its directory.
    pub fn prefix(&self, case: &str) -> String {
        format!("{}{}", self.prefix, case.replace('/', "-"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mine = &self.prefix[PREFIX.len()..];
        remove(|name| name.starts_with(mine));
    }
}

/// Removes what is named [`PREFIX`] and something that `is_old` says yes to.
fn remove(is_old: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(SHM).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if rest.is_some_and(&is_old) {
            let path = entry.path();
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_this_run_nor_of_a_dead_one() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = Path::new(SHM).join(format!("{PREFIX}{}-x", child.id()));
        child.wait().unwrap();
        fs::create_dir_all(dead.join("dir")).unwrap();
        let scratch = Scratch::new();
        assert!(!dead.exists(), "left by a dead run");
        let dir = scratch.directory("y").unwrap();
        let file = Path::new(SHM).join(scratch.prefix("y") + "_segment");
        fs::write(&file, "").unwrap();
        drop(scratch);
        assert!(!dir.exists() && !file.exists(), "left by this run");
    }
}
