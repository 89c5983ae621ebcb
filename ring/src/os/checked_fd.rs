//! A file that stays open for long in a process that runs others' code.
//!
//! A handler may close descriptors that are not its own; their numbers are used
//! again. Closing such a number later would close a stranger's file, so a
//! [`CheckedFd`] is closed only when its number still means the same file.

use std::fs::File;
use std::ops::Deref;
use std::os::fd::IntoRawFd;
use std::os::unix::fs::MetadataExt;

/// An open file; dropped, it is closed if it is still the same.
#[derive(Debug)]
pub struct CheckedFd {
    // None only while it is dropped.
    file: Option<File>,
    identity: Option<(u64, u64)>,
}

fn identity(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}

impl From<File> for CheckedFd {
    fn from(file: File) -> Self {
        Self {
            identity: identity(&file),
            file: Some(file),
        }
    }
}

impl CheckedFd {
    /// Whether its number still means the file that was opened.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.identity.is_some() && identity(self) == self.identity
    }
}

impl Deref for CheckedFd {
    type Target = File;

    fn deref(&self) -> &File {
        match &self.file {
            Some(file) => file,
            None => unreachable!("it is taken out in drop only"),
        }
    }
}

impl Drop for CheckedFd {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else {
            return;
        };
        if self.identity.is_none() || identity(&file) != self.identity {
            let _not_ours_any_more = file.into_raw_fd();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

    #[test]
    fn a_number_that_means_another_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let open = |path| {
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
        };
        let kept = CheckedFd::from(open(path.clone()).unwrap());
        let number = kept.as_raw_fd();
        // As after a close by a stranger and an open: the number means another file.
        // SAFETY: the number is open; it is closed once, by the one that is made here.
        let mut number_again = unsafe { OwnedFd::from_raw_fd(number) };
        nix::unistd::dup2(open(dir.path().join("other")).unwrap(), &mut number_again).unwrap();
        drop(kept);
        assert!(File::from(number_again).metadata().is_ok(), "it was closed");
        let kept = CheckedFd::from(open(path).unwrap());
        let link = format!("/proc/self/fd/{}", kept.as_raw_fd());
        let named = std::fs::read_link(&link).unwrap();
        drop(kept);
        // Closed, unless another test has got the number since.
        assert!(std::fs::read_link(&link).map_or(true, |now| now != named));
    }
}
