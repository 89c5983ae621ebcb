//! The names of options that have few values.

use clap::ValueEnum;
use ringwork_ring::WaitStrategy;
use serde::Deserialize;

/// Names of log formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum Format {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Names of log levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Names of wait strategies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum Wait {
    /// Never sleep: lowest latency, a core for each lane.
    Spin,
    /// Spin a little, then sleep.
    Adaptive,
    /// Sleep at once.
    Park,
}

impl Wait {
    pub(in crate::cli) fn strategy(self) -> WaitStrategy {
        match self {
            Self::Spin => WaitStrategy::Spin,
            Self::Adaptive => WaitStrategy::Adaptive,
            Self::Park => WaitStrategy::Park,
        }
    }
}

impl Level {
    pub(in crate::cli) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}
