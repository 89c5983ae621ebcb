//! Suite `throughput`: 64 bytes, 1024 tasks under way, one thread that submits and checks.

use super::rounds::{ROUNDS, Series, keep, pairs, round_of, say, start, values};
use crate::cases::CaseId::{self, *};
use crate::programs::Programs;
use crate::summary::Summary;
use crate::targets::Subject;
use std::error::Error;
use std::time::Duration;

pub const CASES: [CaseId; 9] = [
    Ringwork1P1L,
    Ringwork1P2L,
    RingworkBatch,
    RingworkSubmitAll,
    ForkJoinPool,
    ThreadPool,
    VirtualThreads,
    AeronIpc,
    GrpcUds,
];

/// What the lines of the tasks cost by themselves.
pub const LIMIT: CaseId = LimitSlots;

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
                LIMIT.name(),
                round,
                [("ops_per_s".into(), rate)].into(),
            );
        }
        cases.retain_mut(|case| round_of(case, (round, 1.0), &mut series, summary));
    }
    for case in [LIMIT].into_iter().chain(CASES) {
        let ops = values(&series, case.name(), "ops_per_s");
        summary.record("throughput", case.name(), "ops_per_s", &ops);
    }
    ratios(&series, summary);
    Ok(summary.skipped.len() - skipped)
}

/// The targets: two in millions a second, two against another case of the same round.
pub fn ratios(series: &Series, summary: &mut Summary) {
    for case in [Ringwork1P1L, RingworkBatch] {
        let millions: Vec<f64> = values(series, case.name(), "ops_per_s")
            .iter()
            .map(|ops| ops / 1e6)
            .collect();
        summary.figure(Subject::Millions(case), &millions);
    }
    for (above, below) in [
        (Ringwork1P1L, ForkJoinPool),
        (RingworkBatch, AeronIpc),
        (RingworkBatch, RingworkSubmitAll),
        (RingworkSubmitAll, LIMIT),
        (Ringwork1P1L, LIMIT),
    ] {
        let (ours, theirs) = pairs(series, above.name(), below.name(), "ops_per_s");
        summary.compare(Subject::Rate(above, below), &ours, &theirs);
    }
}
