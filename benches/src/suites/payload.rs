//! Suite `payload`: one request of a size under way, returned in full.

use super::rounds::{ROUNDS, Series, pairs, round_of, say, start, values};
use crate::cases::CaseId::{RingworkZero1MiB, RingworkZero64};
use crate::programs::Programs;
use crate::summary::Summary;
use crate::targets::Subject;

const KINDS: [&str; 4] = ["ringwork_copy", "ringwork_zero", "uds", "grpc"];
const SIZES: [&str; 5] = ["64", "4KiB", "64KiB", "1MiB", "16MiB"];
const METRICS: [&str; 2] = ["p50_ns", "gb_per_s"];

/// All cases of the suite.
pub fn cases() -> impl Iterator<Item = String> {
    KINDS
        .into_iter()
        .flat_map(|kind| SIZES.map(|size| format!("{kind}_{size}")))
}

pub fn run(programs: &Programs, summary: &mut Summary) -> usize {
    let skipped = summary.skipped.len();
    let mut series = Series::new();
    for size in SIZES {
        let names = KINDS.map(|kind| format!("payload/{kind}_{size}"));
        let names = names.each_ref().map(String::as_str);
        measure(programs, &names, size, &mut series, summary);
    }
    for case in cases() {
        for metric in METRICS {
            let values = values(&series, &case, metric);
            summary.record("payload", &case, metric, &values);
        }
    }
    let skipped = summary.skipped.len() - skipped;
    references(programs, summary);
    skipped
}

fn measure(
    programs: &Programs,
    names: &[&str],
    what: &str,
    series: &mut Series,
    summary: &mut Summary,
) {
    let mut cases = start(programs, names, summary);
    for round in 0..ROUNDS {
        say(&format!("payload {what} round {}", round + 1));
        cases.retain_mut(|case| round_of(case, (round, 0.5), series, summary));
    }
}

/// The ratio of the smallest and a large reference, in rounds of their own, in turn.
fn references(programs: &Programs, summary: &mut Summary) {
    let names = [RingworkZero64, RingworkZero1MiB].map(|case| format!("payload/{case}"));
    let names = names.each_ref().map(String::as_str);
    let mut series = Series::new();
    measure(programs, &names, "references", &mut series, summary);
    let (above, below) = (RingworkZero1MiB, RingworkZero64);
    let (large, small) = pairs(&series, above.name(), below.name(), "p50_ns");
    summary.compare(Subject::RoundTrip(above, below), &large, &small);
}
