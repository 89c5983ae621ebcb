//! The worker program as it was when the supervisor, or the last reload, looked at it.
//!
//! Opened once for all workers of a configuration. A cache that is cleaned or a package that is
//! replaced takes the path away, or puts another version there: what dies is replaced from the very
//! file that runs already, and another version comes with a reload only.

use rustix::fs::{Mode, OFlags, fstat, open, stat};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A program that can be started after its path is gone.
#[derive(Debug, Clone)]
pub(crate) struct KeptProgram {
    path: PathBuf,
    // None where it can't be opened: then the path has to do.
    file: Option<Arc<OwnedFd>>,
}

impl KeptProgram {
    /// Keeps the file that is at a path now.
    pub(crate) fn open(path: &Path) -> Self {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        Self {
            path: path.to_path_buf(),
            file: open(path, flags, Mode::empty()).ok().map(Arc::new),
        }
    }

    /// What to execute: the path, as long as it is the same file; else its descriptor.
    pub(crate) fn path(&self) -> PathBuf {
        match &self.file {
            Some(file) if !self.is_at_path(file) => {
                PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
            }
            _ => self.path.clone(),
        }
    }

    fn is_at_path(&self, file: &OwnedFd) -> bool {
        let (Ok(kept), Ok(now)) = (fstat(file), stat(&self.path)) else {
            return false;
        };
        (kept.st_dev, kept.st_ino) == (now.st_dev, now.st_ino)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_program_starts_after_its_path_is_gone_or_another_s() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("program");
        std::fs::copy("/bin/echo", &path).unwrap();
        let program = KeptProgram::open(&path);
        assert_eq!(program.path(), path);
        let says = |program: &KeptProgram| {
            let output = Command::new(program.path()).arg("hello").output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        std::fs::rename(&path, temp.path().join("elsewhere")).unwrap();
        assert_eq!(says(&program), "hello\n");
        std::fs::copy("/bin/true", &path).unwrap();
        assert_eq!(says(&program), "hello\n", "the version that it was");
        std::fs::remove_dir_all(temp.path()).unwrap();
        assert_eq!(says(&program), "hello\n");
        assert_eq!(KeptProgram::open(&path).path(), path, "there is none");
    }
}
