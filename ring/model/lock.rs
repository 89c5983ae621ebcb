//! Liveness locks without files: the model checker knows which process holds which (see `lock.rs`
//! beside this folder for the real ones). Without an engine nothing is ever held.

use crate::error::Result;
use crate::model::shim::engine;
use std::path::{Path, PathBuf};

/// A lock file, by its path.
pub type LockFile = PathBuf;

/// A lock file that stays open: there are no descriptors to lose.
#[derive(Debug)]
pub(crate) struct CheckedLockFile(LockFile);

impl CheckedLockFile {
    pub(crate) fn is_same(&self) -> bool {
        true
    }
}

impl From<LockFile> for CheckedLockFile {
    fn from(file: LockFile) -> Self {
        Self(file)
    }
}

impl std::ops::Deref for CheckedLockFile {
    type Target = LockFile;

    fn deref(&self) -> &LockFile {
        &self.0
    }
}

/// A held lock; dropping it releases the lock.
#[derive(Debug)]
pub struct LivenessLock {
    path: PathBuf,
}

/// Names the lock file.
pub fn open_lock_file(path: &Path, _create: bool) -> Result<LockFile> {
    Ok(path.to_path_buf())
}

/// Names the lock file.
pub fn open_to_probe(path: &Path) -> Result<LockFile> {
    Ok(path.to_path_buf())
}

impl LivenessLock {
    /// Takes the lock; `None` when another process holds it.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>> {
        let taken = engine().is_none_or(|engine| engine.lock_take(path));
        Ok(taken.then(|| Self {
            path: path.to_path_buf(),
        }))
    }

    /// Whether the path still names the file that is locked.
    #[must_use]
    pub fn is_of(&self, path: &Path) -> bool {
        self.path == path
    }

    /// Never: there are no files.
    pub(crate) fn lost(&self, _path: &Path) -> Option<String> {
        None
    }
}

/// Of no use here.
pub(crate) fn identity(_meta: &std::fs::Metadata) -> (u64, u64) {
    (0, 0)
}

/// Never: there are no files.
pub(crate) fn lost(_path: &Path, _file: (u64, u64)) -> Option<String> {
    None
}

/// Never: there are no files.
pub(crate) fn gone(_path: &Path, _error: &std::io::Error) -> Option<String> {
    None
}

impl Drop for LivenessLock {
    fn drop(&mut self) {
        if let Some(engine) = engine() {
            engine.lock_release(&self.path);
        }
    }
}

/// Whether any process holds the lock.
pub fn is_held(file: &LockFile) -> Result<bool> {
    Ok(engine().is_some_and(|engine| engine.lock_held(file)))
}
