//! Suite `idle`: what a pool costs that has nothing to do, read from /proc.

use super::rounds::{ROUNDS, say, start};
use crate::case::Case;
use crate::cases::CaseId::Idle;
#[cfg(test)]
use crate::cases::CaseId::{self, Waiting1000, Waiting65536};
use crate::machine::cpu_time_of_tree;
use crate::numbers::median;
use crate::programs::Programs;
use crate::summary::Summary;
use crate::targets::Subject;
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

/// All cases of the suite.
#[cfg(test)]
pub fn cases() -> [CaseId; 3] {
    [Idle, Waiting1000, Waiting65536]
}

pub fn run(programs: &Programs, summary: &mut Summary) -> usize {
    let skipped = summary.skipped.len();
    if let Some(case) = start(programs, &[Idle.name()], summary).pop()
        && let Err(error) = idle_rounds(case, summary)
    {
        summary.skip("idle", error.to_string());
    }
    let failed = summary.skipped.len() - skipped;
    failed + super::waiting::run(programs, summary)
}

fn idle_rounds(mut case: Case, summary: &mut Summary) -> Result<(), Box<dyn Error>> {
    let mut by_name: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut sums = Vec::new();
    for round in 1..=ROUNDS {
        say(&format!("idle round {round}, 10 s"));
        case.begin_round(10.0)?;
        let before = cpu_time_of_tree(case.pid());
        let start = std::time::Instant::now();
        std::thread::sleep(Duration::from_secs(9));
        let after = cpu_time_of_tree(case.pid());
        let span = start.elapsed().as_nanos() as f64;
        let mut sum = 0.0;
        let mut named: BTreeMap<String, f64> = BTreeMap::new();
        for (pid, (name, time)) in &after {
            let used = time - before.get(pid).map_or(0, |(_, time)| *time).min(*time);
            let percent = 100.0 * used as f64 / span;
            *named.entry(name.clone()).or_default() += percent;
            sum += percent;
        }
        for (name, percent) in named {
            by_name.entry(name).or_default().push(percent);
        }
        sums.push(sum);
        case.end_round()?;
    }
    summary.record("idle", "idle", "cpu_percent", &sums);
    let parts: Vec<String> = by_name
        .iter()
        .map(|(name, percents)| format!("{name} {:.3} %", median(percents)))
        .collect();
    summary.note(format!(
        "idle: percent of one core, the whole JVM, the supervisor and its workers summed; by name: {}",
        parts.join(", ")
    ));
    summary.figure(Subject::Figure(Idle, "cpu_percent"), &sums);
    Ok(())
}
