//! The two kinds of memory that a segment may have.

/// What the memory of a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
    /// A file in the pool's directory: containers that share only that directory see it.
    File,
    /// A memfd whose size can't be changed: for processes of one PID namespace.
    Memfd,
}
