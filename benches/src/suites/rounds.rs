//! What all suites do: start the programs of their cases, run rounds, keep what these say.

use crate::case::{Case, Metrics};
use crate::programs::Programs;
use crate::summary::Summary;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;

/// Rounds of each case.
pub const ROUNDS: usize = 5;
pub const PERCENTILES: [(&str, f64); 3] = [("p50_ns", 0.5), ("p99_ns", 0.99), ("p999_ns", 0.999)];

/// The metrics of each case, by its round.
pub type Series = BTreeMap<String, BTreeMap<usize, Metrics>>;

pub fn values(series: &Series, case: &str, metric: &str) -> Vec<f64> {
    let rounds = series.get(case).into_iter().flatten();
    rounds
        .filter_map(|(_, metrics)| metrics.get(metric).copied())
        .collect()
}

/// The values of two cases in the rounds that both have.
pub fn pairs(series: &Series, above: &str, below: &str, metric: &str) -> (Vec<f64>, Vec<f64>) {
    let (Some(above), Some(below)) = (series.get(above), series.get(below)) else {
        return (Vec::new(), Vec::new());
    };
    let both = above.iter().filter_map(|(round, metrics)| {
        let other = below.get(round)?.get(metric)?;
        Some((*metrics.get(metric)?, *other))
    });
    both.unzip()
}

pub fn percentiles(histogram: &Histogram<u64>) -> Metrics {
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
pub fn start(programs: &Programs, names: &[&str], summary: &mut Summary) -> Vec<Case> {
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

pub fn keep(series: &mut Series, case: &str, round: usize, metrics: Metrics) {
    series
        .entry(case.to_owned())
        .or_default()
        .insert(round, metrics);
}

/// A round of a case; one that fails leaves, with the reason.
pub fn round_of(
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
