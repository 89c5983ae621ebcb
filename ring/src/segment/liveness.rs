//! Liveness by locks: a process lives as long as it holds its lock file.
//!
//! Open-file-description locks are used: unlike POSIX locks they survive the
//! closing of another descriptor of the same file in the process. They conflict
//! with the POSIX locks that Java's `FileChannel` takes, which is what lets
//! either side probe the other. The kernel releases a lock when the last
//! thread of its process is gone: no sooner (so a zombie thread can't still be
//! writing) and across PID namespaces.
//!
//! A lock must last as long as its process can write to the segment, whatever
//! the process does to its descriptors: a handler that closes descriptors that
//! are not its own would else be taken for dead while it runs. So the locked
//! file is mapped and its descriptor closed: the mapping holds the open file
//! description, and with it the lock. Children of a fork do not get it.

use crate::error::{Result, RingError};
use crate::segment::paths::{check_plain_file, no_plain_file};
use memmap2::{Advice, MmapOptions, MmapRaw};
use nix::fcntl::{FcntlArg, fcntl};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// An open lock file, to probe it with.
pub type LockFile = File;

/// A lock file that stays open, in a process that may run others' code.
pub(crate) type CheckedLockFile = crate::os::checked_fd::CheckedFd;

/// A held lock; dropping it releases the lock.
#[derive(Debug)]
pub struct LivenessLock {
    // Never read: it keeps the open file description.
    _mapping: MmapRaw,
    // Device and inode of the locked file.
    file: (u64, u64),
}

fn whole_file(kind: i32) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// Opens a lock file, without following a link, if it is a plain file of this user alone; makes it
/// (0600) when `create` is set.
pub fn open_lock_file(path: &Path, create: bool) -> Result<LockFile> {
    open(path, OpenOptions::new().write(true).create(create))
}

/// Opens a lock file in the same way, for reading only: enough to ask whether its lock is held.
pub fn open_to_probe(path: &Path) -> Result<LockFile> {
    open(path, &mut OpenOptions::new())
}

fn open(path: &Path, options: &mut OpenOptions) -> Result<LockFile> {
    let file = options
        .read(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| {
            no_plain_file(path, &error).unwrap_or_else(|| {
                RingError::io(format!("cannot open the lock file {}", path.display()))(error)
            })
        })?;
    let meta = file.metadata().map_err(RingError::io(format!(
        "cannot look at the lock file {}",
        path.display()
    )))?;
    check_plain_file(path, &meta)?;
    Ok(file)
}

impl LivenessLock {
    /// Takes the lock of an existing file; `None` when another process holds it.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>> {
        let file = open_lock_file(path, false)?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file(libc::F_WRLCK))) {
            Ok(_) => {
                let kept =
                    map(&file).and_then(|mapping| Ok((mapping, identity(&file.metadata()?))));
                let (mapping, file) = kept.map_err(RingError::io(format!(
                    "cannot map the lock file {}",
                    path.display()
                )))?;
                Ok(Some(Self {
                    _mapping: mapping,
                    file,
                }))
            }
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => Ok(None),
            Err(errno) => Err(RingError::errno(format!("cannot lock {}", path.display()))(
                errno,
            )),
        }
    }
}

impl LivenessLock {
    /// Whether the path still names the file that is locked: a lock on an unlinked file means
    /// nothing.
    #[must_use]
    pub fn is_of(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|now| identity(&now) == self.file)
    }

    /// What has become of the path, if it does not name the locked file any more.
    #[must_use]
    pub(crate) fn lost(&self, path: &Path) -> Option<String> {
        lost(path, self.file)
    }
}

/// Device and inode.
pub(crate) fn identity(meta: &std::fs::Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

/// What has become of a path of a pool that does not name this file any more; `None` while it does,
/// or when the system does not tell.
pub(crate) fn lost(path: &Path, file: (u64, u64)) -> Option<String> {
    let shown = path.display();
    match std::fs::symlink_metadata(path) {
        Ok(now) if identity(&now) == file => None,
        Ok(_) => Some(format!(
            "{shown} was removed while the pool was served, and is another pool's now"
        )),
        Err(error) => gone(path, &error),
    }
}

/// The same for a path of which it is only known that it was there.
pub(crate) fn gone(path: &Path, error: &std::io::Error) -> Option<String> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    if !matches!(error.kind(), NotFound | NotADirectory) {
        return None;
    }
    let what = match path.parent() {
        Some(dir) if std::fs::symlink_metadata(dir).is_err() => {
            format!("the pool's directory {}", dir.display())
        }
        _ => path.display().to_string(),
    };
    Some(format!("{what} was removed while the pool was served"))
}

fn map(file: &File) -> std::io::Result<MmapRaw> {
    let mapping = MmapOptions::new().len(1).map_raw_read_only(file)?;
    mapping.advise(Advice::DontFork)?;
    Ok(mapping)
}

/// Whether a process holds an exclusive lock on the file. Takes none itself.
pub fn is_held(file: &LockFile) -> Result<bool> {
    let mut probe = whole_file(libc::F_RDLCK);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut probe))
        .map_err(RingError::errno("cannot probe a lock file"))?;
    Ok(i32::from(probe.l_type) != libc::F_UNLCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_until_dropped_and_only_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        assert!(open_to_probe(&path).is_err(), "it makes none");
        let probe = open_lock_file(&path, true).unwrap();
        let reader = open_to_probe(&path).unwrap();
        assert!(!is_held(&probe).unwrap() && !is_held(&reader).unwrap());
        let lock = LivenessLock::try_acquire(&path).unwrap().unwrap();
        assert!(is_held(&probe).unwrap() && is_held(&reader).unwrap());
        assert!(LivenessLock::try_acquire(&path).unwrap().is_none());
        // Closing another descriptor of the file must not drop it (it would with a POSIX lock).
        drop(open_lock_file(&path, false).unwrap());
        assert!(is_held(&probe).unwrap());
        assert!(lock.is_of(&path));
        std::fs::remove_file(&path).unwrap();
        open_lock_file(&path, true).unwrap();
        assert!(!lock.is_of(&path), "another file of that name");
        assert!(lock.lost(&path).unwrap().contains("another pool's"));
        drop(lock);
        assert!(!is_held(&probe).unwrap());
    }
}
