//! The names of options that have few values.

use clap::ValueEnum;
use ringwork_ring::WaitStrategy;
use ringwork_ring::os::kernel::Scheduling;
use serde::Deserialize;

/// Names of log formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Names of log levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Names of wait strategies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wait {
    /// Never sleep: lowest latency, a core for each lane.
    Spin,
    /// Spin a little, then sleep.
    Adaptive,
    /// Sleep at once.
    Park,
}

/// Scheduling policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Policy {
    /// As all other threads; nicer once a lane's tasks prove long.
    Adaptive,
    /// As all other threads.
    Normal,
    /// Wakes without taking the processor from others.
    Batch,
    /// Leaves the processor at once to any thread of another policy.
    Idle,
}

impl Policy {
    pub(crate) fn scheduling(self) -> Scheduling {
        match self {
            Self::Adaptive => Scheduling::Adaptive,
            Self::Normal => Scheduling::Normal,
            Self::Batch => Scheduling::Batch,
            Self::Idle => Scheduling::Idle,
        }
    }
}

/// Kinds of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Memory {
    /// A sealed memfd for an embedded pool, where it can be; else a file.
    Auto,
    /// A file, which containers that share /dev/shm can share.
    File,
    /// A sealed memfd, which can't be truncated; for one PID namespace.
    Memfd,
}

impl Memory {
    pub(crate) fn choice(self) -> ringwork_supervisor::Memory {
        match self {
            Self::Auto => ringwork_supervisor::Memory::Auto,
            Self::File => ringwork_supervisor::Memory::File,
            Self::Memfd => ringwork_supervisor::Memory::Memfd,
        }
    }
}

impl Wait {
    pub(crate) fn strategy(self) -> WaitStrategy {
        match self {
            Self::Spin => WaitStrategy::Spin,
            Self::Adaptive => WaitStrategy::Adaptive,
            Self::Park => WaitStrategy::Park,
        }
    }
}

impl Level {
    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}
