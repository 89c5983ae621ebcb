//! Suite `cpu10k`: CPU-heavy tasks on a Java pool and on Rust workers, beside an event loop.

use super::{ROUNDS, Series, pairs, round_of, say, start, values};
use crate::programs::Programs;
use crate::report::Summary;
use crate::targets;

const CPU_WORK: [&str; 3] = ["pbkdf2", "bcrypt", "images"];
const CPU_METRICS: [&str; 3] = ["wall_ms", "loop_stall_p99_us", "loop_stall_max_us"];

pub fn run(programs: &Programs, summary: &mut Summary) -> usize {
    let mut failed = 0;
    for work in CPU_WORK {
        let names = ["java_pool", "ringwork", "ringwork_idle"].map(|side| format!("{side}_{work}"));
        let skipped = summary.skipped.len();
        let mut cases = start(programs, &names.each_ref().map(String::as_str), summary);
        let mut series = Series::new();
        for round in 1..=ROUNDS {
            say(&format!("cpu10k {work} round {round}"));
            cases.retain_mut(|case| round_of(case, (round, 0.0), &mut series, summary));
        }
        for case in &names {
            for metric in CPU_METRICS {
                summary.record("cpu10k", case, metric, &values(&series, case, metric));
            }
        }
        for ringwork in &names[1..] {
            compare(&series, ringwork, &names[0], summary);
        }
        failed += summary.skipped.len() - skipped;
    }
    summary.note(
        "cpu10k: 10,000 tasks a round (images: 500), as many threads or lanes as there are cores; \
         ringwork with the default scheduling, ringwork_idle with lanes of SCHED_IDLE (--scheduling idle); parameters in benches/README.md",
    );
    failed
}

fn compare(series: &Series, ringwork: &str, java: &str, summary: &mut Summary) {
    for metric in ["wall_ms", "loop_stall_p99_us"] {
        let (ours, theirs) = pairs(series, ringwork, java, metric);
        let text = format!("{ringwork} {metric} / {java}");
        summary.ratio(&text, &ours, &theirs, targets::of(&text));
    }
    let stalls: Vec<f64> = values(series, ringwork, "loop_stall_p99_us")
        .iter()
        .map(|micros| micros / 1e3)
        .collect();
    summary.figure(&format!("{ringwork} loop_stall_p99, ms"), &stalls);
}
