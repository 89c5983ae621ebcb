//! Suite `payload`: one request of a size under way, returned in full.

use super::{ROUNDS, Series, round_of, say, start, values};
use crate::programs::Programs;
use crate::report::Summary;

const KINDS: [&str; 2] = ["uds", "grpc"];
const SIZES: [&str; 5] = ["64", "4KiB", "64KiB", "1MiB", "16MiB"];
const METRICS: [&str; 2] = ["p50_ns", "gb_per_s"];

pub fn run(programs: &Programs, summary: &mut Summary) -> usize {
    let skipped = summary.skipped.len();
    for size in SIZES {
        let names = KINDS.map(|kind| format!("payload/{kind}_{size}"));
        let mut cases = start(programs, &names.each_ref().map(String::as_str), summary);
        let mut series = Series::new();
        for round in 0..ROUNDS {
            say(&format!("payload {size} round {}", round + 1));
            cases.retain_mut(|case| round_of(case, (round, 0.5), &mut series, summary));
        }
        for kind in KINDS {
            let case = format!("{kind}_{size}");
            for metric in METRICS {
                let values = values(&series, &case, metric);
                summary.record("payload", &case, metric, &values);
            }
        }
    }
    summary.skipped.len() - skipped
}
