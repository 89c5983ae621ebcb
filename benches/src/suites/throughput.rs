//! Suite `throughput`: 64 bytes, 1024 tasks under way, one thread that submits and checks.

use super::{ROUNDS, Series, round_of, say, start, values};
use crate::programs::Programs;
use crate::report::Summary;

const CASES: [&str; 5] = [
    "fork_join_pool",
    "thread_pool",
    "virtual_threads",
    "aeron_ipc",
    "grpc_uds",
];

pub fn run(programs: &Programs, summary: &mut Summary) -> usize {
    let skipped = summary.skipped.len();
    let names = CASES.map(|case| format!("throughput/{case}"));
    let mut cases = start(programs, &names.each_ref().map(String::as_str), summary);
    let mut series = Series::new();
    for round in 0..ROUNDS {
        say(&format!("throughput round {}", round + 1));
        cases.retain_mut(|case| round_of(case, (round, 1.0), &mut series, summary));
    }
    for case in CASES {
        let ops = values(&series, case, "ops_per_s");
        summary.record("throughput", case, "ops_per_s", &ops);
    }
    summary.skipped.len() - skipped
}
