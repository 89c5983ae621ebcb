//! The suites: which cases, in which order, what is kept and what is compared.

mod cpu10k;
mod handlers;
mod idle;
mod payload;
mod quick;
mod recovery;
mod rtt;
mod small;
mod tail;
mod throughput;

use crate::case::{Case, Metrics};
use crate::limits::Limits;
use crate::programs::Programs;
use crate::report::Summary;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

/// The suites that are built.
pub const NAMES: [&str; 11] = [
    "rtt",
    "throughput",
    "tail",
    "payload",
    "cpu10k",
    "idle",
    "scale",
    "recovery",
    "allocation",
    "start",
    "handlers",
];
/// Parts of some of them, in short rounds.
pub const QUICK: &str = "quick";

/// Rounds of each case.
const ROUNDS: usize = 5;
/// The raw probe before and after a spinning case.
const PROBE: Duration = Duration::from_millis(10);
const PERCENTILES: [(&str, f64); 3] = [("p50_ns", 0.5), ("p99_ns", 0.99), ("p999_ns", 0.999)];

/// Works on one suite; the number of its cases that failed.
pub fn run(
    name: &str,
    programs: &Programs,
    summary: &mut Summary,
) -> Result<usize, Box<dyn Error>> {
    summary.watch = Watch::default(); // the former one's pool has the name that the next one takes
    summary.watch = Watch::start(name)?;
    match name {
        "rtt" => rtt::run(programs, summary),
        "throughput" => throughput::run(programs, summary),
        "payload" => Ok(payload::run(programs, summary)),
        "cpu10k" => Ok(cpu10k::run(programs, summary)),
        "handlers" => handlers::run(programs, summary),
        "recovery" => recovery::run(programs, summary),
        "tail" => tail::run(programs, summary),
        "scale" => Ok(small::scale(programs, summary)),
        "allocation" => Ok(small::allocation(programs, summary)),
        "start" => Ok(small::start_up(programs, ROUNDS, summary)),
        QUICK => quick::run(programs, summary),
        _ => Ok(idle::run(programs, summary)),
    }
}

/// Looks before each round where the cores stand, in the suites for which it matters and that
/// don't do so more closely themselves, as rtt.
#[derive(Default)]
pub struct Watch {
    limits: Option<Limits>,
    raw: Vec<f64>,
}

impl Watch {
    fn start(suite: &str) -> Result<Self, Box<dyn Error>> {
        let probed = ["throughput", "payload", "tail"].contains(&suite);
        Ok(Self {
            limits: probed.then(Limits::start).transpose()?,
            raw: Vec::new(),
        })
    }

    fn look(&mut self) {
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

/// The metrics of each case, by its round.
type Series = BTreeMap<String, BTreeMap<usize, Metrics>>;

fn values(series: &Series, case: &str, metric: &str) -> Vec<f64> {
    let rounds = series.get(case).into_iter().flatten();
    rounds
        .filter_map(|(_, metrics)| metrics.get(metric).copied())
        .collect()
}

/// The values of two cases in the rounds that both have.
fn pairs(series: &Series, above: &str, below: &str, metric: &str) -> (Vec<f64>, Vec<f64>) {
    let (Some(above), Some(below)) = (series.get(above), series.get(below)) else {
        return (Vec::new(), Vec::new());
    };
    let both = above.iter().filter_map(|(round, metrics)| {
        let other = below.get(round)?.get(metric)?;
        Some((*metrics.get(metric)?, *other))
    });
    both.unzip()
}

fn percentiles(histogram: &Histogram<u64>) -> Metrics {
    PERCENTILES
        .iter()
        .map(|(name, quantile)| {
            let value = histogram.value_at_quantile(*quantile);
            ((*name).to_owned(), value as f64)
        })
        .collect()
}

pub fn say(text: &str) {
    eprintln!("bench: {text}");
}

/// Starts the JVMs of the cases; one that does not start is skipped, with the reason.
fn start(programs: &Programs, names: &[&str], summary: &mut Summary) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in names {
        say(&format!("starting and warming up {name}"));
        match Case::start(programs, name) {
            Ok(case) => cases.push(case),
            Err(error) => summary.skip(name, error.to_string()),
        }
    }
    cases
}

fn keep(series: &mut Series, case: &str, round: usize, metrics: Metrics) {
    series
        .entry(case.to_owned())
        .or_default()
        .insert(round, metrics);
}

/// A round of a case; one that fails leaves, with the reason.
fn round_of(
    case: &mut Case,
    (round, seconds): (usize, f64),
    series: &mut Series,
    summary: &mut Summary,
) -> bool {
    summary.watch.look();
    match case.round(seconds) {
        Ok(metrics) => {
            keep(series, &case.name, round, metrics);
            true
        }
        Err(error) => {
            summary.skip(&case.name, error.to_string());
            false
        }
    }
}

/// Shows what the machine can do now, a few times over.
pub fn limits() -> Result<(), Box<dyn Error>> {
    let mut limits = Limits::start()?;
    for _ in 0..ROUNDS {
        let probe = limits.probe(PROBE)?;
        let spin = percentiles(&limits.spin(Duration::from_millis(200))?);
        let slot = percentiles(&limits.slot(Duration::from_millis(200))?);
        let slots = limits.slots(Duration::from_millis(200))? / 1e6;
        let futex = percentiles(&limits.futex(Duration::from_millis(200))?);
        let uds = percentiles(&limits.uds(Duration::from_millis(200))?);
        println!(
            "probe {probe:.0} ns, limit_spin {spin:?}, limit_slot {slot:?}, limit_slots {slots:.1} M/s, limit_futex {futex:?}, limit_uds {uds:?}"
        );
    }
    Ok(())
}
