//! How long a state lives.

/// How long a value lives, and which tasks share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Singleton,
    Lane,
    Task,
    /// That of an I/O thread.
    #[cfg(feature = "io")]
    Thread,
}

impl Scope {
    /// The method of the builder that gives one.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Singleton => ".singleton(..)",
            Self::Lane => ".per_lane(..)",
            Self::Task => ".per_task(..)",
            #[cfg(feature = "io")]
            Self::Thread => ".async_per_thread(..)",
        }
    }

    /// The argument by which a handler takes it.
    pub(super) fn argument(self) -> &'static str {
        match self {
            Self::Singleton => "State",
            Self::Lane => "PerLane",
            Self::Task => "PerTask",
            #[cfg(feature = "io")]
            Self::Thread => "PerThread",
        }
    }
}
