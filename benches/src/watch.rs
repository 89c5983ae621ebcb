//! Where the cores stand while a suite runs.

use crate::limits::Limits;
use std::error::Error;
use std::time::Duration;

/// The raw probe before and after a spinning case.
pub const PROBE: Duration = Duration::from_millis(10);
/// A raw round trip so much longer than the shortest of the run is of another kind.
pub const FAR: f64 = 1.8;

/// Looks before each round where the cores stand, in the suites for which it matters and that
/// don't do so more closely themselves, as rtt.
#[derive(Default)]
pub struct Watch {
    pub limits: Option<Limits>,
    raw: Vec<f64>,
}

impl Watch {
    /// For a suite.
    pub fn start(suite: &str) -> Result<Self, Box<dyn Error>> {
        let probed = ["throughput", "payload", "tail"].contains(&suite);
        Ok(Self {
            limits: probed.then(Limits::start).transpose()?,
            raw: Vec::new(),
        })
    }

    /// Probes, if the suite is probed.
    pub fn look(&mut self) {
        if let Some(limits) = &mut self.limits {
            // The shortest of three: a process that has just ended may have a core for a while, and
            // milliseconds say nothing about where the cores stand.
            let probes = (0..3).filter_map(|_| limits.probe(PROBE).ok());
            self.raw.extend(probes.reduce(f64::min));
        }
    }

    /// The shortest and the longest raw round trip seen.
    pub fn range(&self) -> Option<(f64, f64)> {
        let shortest = self.raw.iter().copied().reduce(f64::min)?;
        let longest = self.raw.iter().copied().reduce(f64::max)?;
        Some((shortest, longest))
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("raw", &self.raw)
            .finish_non_exhaustive()
    }
}
