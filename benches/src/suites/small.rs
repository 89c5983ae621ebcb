//! The suites `scale`, `allocation` and `start`: few metrics a case.

use super::rounds::{ROUNDS, Series, round_of, say, start, values};
use crate::cases::CaseId::{self, Call, FutureApi, RawApi, RawTask};
use crate::programs::Programs;
use crate::summary::Summary;
use crate::targets::Subject;

const LANES: [u32; 4] = [1, 2, 4, 8];
const MICROS: [u32; 2] = [1, 100];

/// Cases of the suite allocation.
pub const ALLOCATION: [CaseId; 4] = [RawApi, RawTask, FutureApi, Call];

/// More lanes, and more producers, than there may be cores.
pub fn scale(programs: &Programs, summary: &mut Summary) -> usize {
    let tasks = MICROS.map(|micros| LANES.map(|lanes| format!("lanes_{lanes}_{micros}us")));
    let producers = LANES.map(|producers| format!("producers_{producers}"));
    let rounds = (ROUNDS, 0.4);
    tasks
        .iter()
        .chain([&producers])
        .map(|names| measure(programs, "scale", names, &["ops_per_s"], rounds, summary))
        .sum()
}

/// What a task takes from the Java heap.
pub fn allocation(programs: &Programs, summary: &mut Summary) -> usize {
    const METRICS: [&str; 2] = ["bytes_per_op", "objects_per_op"];
    let names = ALLOCATION.map(|case| case.name().to_owned());
    let failed = measure(
        programs,
        "allocation",
        &names,
        &METRICS,
        (ROUNDS, 0.0),
        summary,
    );
    for (case, metric) in [(RawApi, METRICS[0]), (FutureApi, METRICS[1])] {
        let found: Vec<f64> = summary
            .records
            .iter()
            .filter(|record| record.suite == "allocation")
            .filter(|record| record.case == case.name() && record.metric == metric)
            .map(|record| record.value)
            .collect();
        summary.figure(Subject::Figure(case, metric), &found);
    }
    summary.note(
        "allocation: bytes by the JVM's own count for the calling thread (ThreadMXBean), 200,000 tasks a round; \
         objects of all threads by class histograms before and after 20,000 more. The result's array of 80 bytes \
         is in the bytes of future_api and call, but not in their objects",
    );
    failed
}

/// From nothing to the first result.
pub fn start_up(programs: &Programs, rounds: usize, summary: &mut Summary) -> usize {
    let names = ["embedded", "connect"].map(str::to_owned);
    let failed = measure(programs, "start", &names, &["ms"], (rounds, 0.0), summary);
    summary.note("start: a round is the median of 11 starts, in a JVM whose code is warm");
    failed
}

/// The cases of a suite in turn; the number of those that failed.
fn measure(
    programs: &Programs,
    suite: &str,
    names: &[String],
    metrics: &[&str],
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
        for metric in metrics {
            summary.record(suite, name, metric, &values(&series, name, metric));
        }
    }
    summary.skipped.len() - skipped
}
