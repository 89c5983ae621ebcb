//! The suites `scale`, `allocation` and `start`: one metric a case.

use super::{ROUNDS, Series, round_of, say, start, values};
use crate::programs::Programs;
use crate::report::Summary;

const LANES: [u32; 4] = [1, 2, 4, 8];
const MICROS: [u32; 2] = [1, 100];

/// More lanes, and more producers, than there may be cores.
pub fn scale(programs: &Programs, summary: &mut Summary) -> usize {
    let tasks = MICROS.map(|micros| LANES.map(|lanes| format!("lanes_{lanes}_{micros}us")));
    let producers = LANES.map(|producers| format!("producers_{producers}"));
    let rounds = (ROUNDS, 0.4);
    tasks
        .iter()
        .chain([&producers])
        .map(|names| measure(programs, "scale", names, "ops_per_s", rounds, summary))
        .sum()
}

/// What a task takes from the Java heap.
pub fn allocation(programs: &Programs, summary: &mut Summary) -> usize {
    let names = ["raw_api", "future_api"].map(str::to_owned);
    let failed = measure(
        programs,
        "allocation",
        &names,
        "bytes_per_op",
        (ROUNDS, 0.0),
        summary,
    );
    let raw: Vec<f64> = summary
        .records
        .iter()
        .filter(|record| record.suite == "allocation" && record.case == "raw_api")
        .map(|record| record.value)
        .collect();
    summary.figure("raw_api bytes_per_op", &raw);
    summary.skip(
        "allocation objects_per_op",
        "not measured: the JVM counts a thread's bytes, not its objects",
    );
    summary.note(
        "allocation: bytes by the JVM's own count for the calling thread (ThreadMXBean), 200,000 tasks a round, \
         not by JMH; the result's array of 80 bytes is in future_api",
    );
    failed
}

/// From nothing to the first result.
pub fn start_up(programs: &Programs, rounds: usize, summary: &mut Summary) -> usize {
    let names = ["embedded", "connect"].map(str::to_owned);
    let failed = measure(programs, "start", &names, "ms", (rounds, 0.0), summary);
    summary.note("start: a round is the median of 11 starts, in a JVM whose code is warm");
    failed
}

/// The cases of a suite in turn; the number of those that failed.
fn measure(
    programs: &Programs,
    suite: &str,
    names: &[String],
    metric: &str,
    (rounds, seconds): (usize, f64),
    summary: &mut Summary,
) -> usize {
    let skipped = summary.skipped.len();
    let full: Vec<String> = names.iter().map(|name| format!("{suite}/{name}")).collect();
    let full: Vec<&str> = full.iter().map(String::as_str).collect();
    let mut cases = start(programs, &full, summary);
    let mut series = Series::new();
    for round in 0..rounds {
        say(&format!("{suite} {} round {}", names[0], round + 1));
        cases.retain_mut(|case| round_of(case, (round, seconds), &mut series, summary));
    }
    for name in names {
        summary.record(suite, name, metric, &values(&series, name, metric));
    }
    summary.skipped.len() - skipped
}
