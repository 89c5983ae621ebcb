//! Suite `cpu10k`: CPU-heavy tasks on a Java pool and on Rust workers, beside an event loop.

use super::rounds::{ROUNDS, Series, pairs, round_of, say, start, values};
use crate::cases::CaseId::{self, *};
use crate::programs::Programs;
use crate::summary::Summary;
use crate::targets::Subject;

/// The work, and its cases: the Java pool, ringwork, ringwork with idle lanes.
pub const CPU_WORK: [(&str, [CaseId; 3]); 3] = [
    (
        "pbkdf2",
        [JavaPoolPbkdf2, RingworkPbkdf2, RingworkIdlePbkdf2],
    ),
    (
        "bcrypt",
        [JavaPoolBcrypt, RingworkBcrypt, RingworkIdleBcrypt],
    ),
    (
        "images",
        [JavaPoolImages, RingworkImages, RingworkIdleImages],
    ),
];
const CPU_METRICS: [&str; 3] = ["wall_ms", "loop_stall_p99_us", "loop_stall_max_us"];

pub fn run(programs: &Programs, summary: &mut Summary) -> usize {
    let mut failed = 0;
    for (work, ids) in CPU_WORK {
        let names = ids.map(CaseId::name);
        let skipped = summary.skipped.len();
        let mut cases = start(programs, &names, summary);
        let mut series = Series::new();
        for round in 1..=ROUNDS {
            say(&format!("cpu10k {work} round {round}"));
            cases.retain_mut(|case| round_of(case, (round, 0.0), &mut series, summary));
        }
        for case in names {
            for metric in CPU_METRICS {
                summary.record("cpu10k", case, metric, &values(&series, case, metric));
            }
        }
        for ringwork in &ids[1..] {
            compare(&series, *ringwork, ids[0], summary);
        }
        failed += summary.skipped.len() - skipped;
    }
    summary.note(
        "cpu10k: 10,000 tasks a round (images: 500), as many threads or lanes as there are cores; \
         ringwork with the default scheduling, ringwork_idle with lanes of SCHED_IDLE (--scheduling idle); parameters in benches/README.md",
    );
    failed
}

fn compare(series: &Series, ringwork: CaseId, java: CaseId, summary: &mut Summary) {
    for metric in ["wall_ms", "loop_stall_p99_us"] {
        let (ours, theirs) = pairs(series, ringwork.name(), java.name(), metric);
        summary.compare(Subject::Work(ringwork, metric, java), &ours, &theirs);
    }
    let stalls: Vec<f64> = values(series, ringwork.name(), "loop_stall_p99_us")
        .iter()
        .map(|micros| micros / 1e3)
        .collect();
    summary.figure(Subject::Figure(ringwork, "loop_stall_p99, ms"), &stalls);
}
