//! Suite `throughput`: 64 bytes, 1024 tasks under way, one thread that submits and checks.

use super::{ROUNDS, Series, keep, pairs, round_of, say, start, values};
use crate::programs::Programs;
use crate::report::Summary;
use crate::targets;
use std::error::Error;
use std::time::Duration;

const CASES: [&str; 9] = [
    "ringwork_1p1l",
    "ringwork_1p2l",
    "ringwork_batch",
    "ringwork_submit_all",
    "fork_join_pool",
    "thread_pool",
    "virtual_threads",
    "aeron_ipc",
    "grpc_uds",
];

/// What the lines of the tasks cost by themselves.
const LIMIT: &str = "limit_slots";

pub fn run(programs: &Programs, summary: &mut Summary) -> Result<usize, Box<dyn Error>> {
    let skipped = summary.skipped.len();
    let names = CASES.map(|case| format!("throughput/{case}"));
    let mut cases = start(programs, &names.each_ref().map(String::as_str), summary);
    let mut series = Series::new();
    for round in 0..ROUNDS {
        say(&format!("throughput round {}", round + 1));
        if let Some(limits) = &mut summary.watch.limits {
            let rate = limits.slots(Duration::from_millis(500))?;
            keep(
                &mut series,
                LIMIT,
                round,
                [("ops_per_s".into(), rate)].into(),
            );
        }
        cases.retain_mut(|case| round_of(case, (round, 1.0), &mut series, summary));
    }
    for case in [LIMIT].into_iter().chain(CASES) {
        let ops = values(&series, case, "ops_per_s");
        summary.record("throughput", case, "ops_per_s", &ops);
    }
    ratios(&series, summary);
    Ok(summary.skipped.len() - skipped)
}

/// The targets: two in millions a second, two against another case of the same round.
pub fn ratios(series: &Series, summary: &mut Summary) {
    for case in ["ringwork_1p1l", "ringwork_batch"] {
        let millions: Vec<f64> = values(series, case, "ops_per_s")
            .iter()
            .map(|ops| ops / 1e6)
            .collect();
        summary.figure(&format!("{case} ops, M/s"), &millions);
    }
    for (above, below) in [
        ("ringwork_1p1l", "fork_join_pool"),
        ("ringwork_batch", "aeron_ipc"),
        ("ringwork_batch", "ringwork_submit_all"),
        ("ringwork_submit_all", LIMIT),
    ] {
        let text = format!("{above} ops / {below} ops");
        let (above, below) = pairs(series, above, below, "ops_per_s");
        summary.ratio(&text, &above, &below, targets::of(&text));
    }
}
