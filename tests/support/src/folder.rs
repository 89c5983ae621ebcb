//! Folders of tests.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

/// A folder of one test below /dev/shm, for this user only; removed when dropped.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// Makes one, whose name begins with `ringwork-` and `suite`.
    ///
    /// # Panics
    /// When /dev/shm can't be written to.
    #[must_use]
    pub fn new(suite: &str) -> Self {
        let made = tempfile::Builder::new()
            .prefix(&format!("ringwork-{suite}-"))
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in("/dev/shm");
        Self(made.expect("a directory in /dev/shm"))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
