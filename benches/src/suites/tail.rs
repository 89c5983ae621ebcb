//! Suite `tail`: an open loop at fixed rates, time counted from the intended send.

use super::rounds::{ROUNDS, Series, pairs, round_of, say, start, values};
use crate::cases::CaseId::{RingworkAdaptive100k, RingworkSpin100k, ThreadPool100k};
use crate::hdr;
use crate::numbers::median;
use crate::programs::Programs;
use crate::summary::Summary;
use crate::targets::Subject;
use std::error::Error;

const RATES: [u32; 3] = [10, 100, 500];
const KINDS: [&str; 4] = [
    "ringwork_spin",
    "ringwork_adaptive",
    "thread_pool",
    "aeron_ipc",
];
const P99: &str = "p99_ns";
const METRICS: [&str; 6] = [
    "p50_ns",
    P99,
    "p999_ns",
    "p9999_ns",
    "max_ns",
    "achieved_per_s",
];
/// A rate counts as held from this share on.
const HELD: f64 = 0.98;

pub fn run(programs: &Programs, summary: &mut Summary) -> Result<usize, Box<dyn Error>> {
    let skipped = summary.skipped.len();
    for rate in RATES {
        let names = names(rate);
        let series = measure(programs, &names, rate, (ROUNDS, 1.0), summary)?;
        for ours in [RingworkSpin100k, RingworkAdaptive100k] {
            let (above, below) = pairs(&series, ours.name(), ThreadPool100k.name(), P99);
            if !above.is_empty() {
                summary.compare(Subject::Work(ours, P99, ThreadPool100k), &above, &below);
            }
        }
    }
    Ok(summary.skipped.len() - skipped)
}

/// The names of the cases of a rate.
fn names(rate: u32) -> [String; KINDS.len()] {
    KINDS.map(|kind| format!("{kind}_{rate}k"))
}

/// The names of all cases.
#[cfg(test)]
pub fn cases() -> impl Iterator<Item = String> {
    RATES.into_iter().flat_map(names)
}

/// The cases of a rate, in turn; a rate that was not held is told.
pub fn measure(
    programs: &Programs,
    names: &[String],
    rate: u32,
    (rounds, seconds): (usize, f64),
    summary: &mut Summary,
) -> Result<Series, Box<dyn Error>> {
    let full: Vec<String> = names.iter().map(|name| format!("tail/{name}")).collect();
    let full: Vec<&str> = full.iter().map(String::as_str).collect();
    let mut cases = start(programs, &full, summary);
    let mut series = Series::new();
    for round in 0..rounds {
        say(&format!("tail {rate}k round {}", round + 1));
        cases.retain_mut(|case| round_of(case, (round, seconds), &mut series, summary));
    }
    for (name, path) in names.iter().zip(full) {
        for metric in METRICS {
            summary.record("tail", name, metric, &values(&series, name, metric));
        }
        summary.curve("tail", name, &hdr::read(&hdr::path(&programs.out, path))?);
        let achieved = median(&values(&series, name, "achieved_per_s"));
        if achieved < HELD * f64::from(rate) * 1e3 {
            summary.note(format!(
                "tail: {name} COULD NOT HOLD its rate: {achieved:.0} tasks/s; its latencies are those of a backlog"
            ));
        }
    }
    Ok(series)
}
