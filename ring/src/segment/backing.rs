//! The two kinds of memory that a segment may have.

use std::fs::OpenOptions;

/// What the memory of a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
    /// A file in the pool's directory: containers that share only that directory see it.
    File,
    /// A memfd whose size can't be changed: for processes of one PID namespace.
    Memfd,
}

/// What a process may do with the memory that it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read it.
    Read,
    /// Read and write it, as each process does that has a part in the protocol.
    Write,
}

impl Access {
    pub(super) fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(self == Self::Write);
        options
    }
}
