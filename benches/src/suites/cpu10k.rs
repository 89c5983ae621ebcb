//! Suite `cpu10k`: CPU-heavy tasks on a Java pool and on Rust workers, beside an event loop.

use super::{ROUNDS, Series, pairs, round_of, say, start, values};
use crate::programs::Programs;
use crate::report::{Summary, Target};

const CPU_WORK: [(&str, f64); 3] = [("pbkdf2", 1.02), ("bcrypt", 1.02), ("images", 0.71)];
const CPU_METRICS: [&str; 3] = ["wall_ms", "loop_stall_p99_us", "loop_stall_max_us"];

pub fn run(programs: &Programs, summary: &mut Summary) -> usize {
    let mut failed = 0;
    for (work, target) in CPU_WORK {
        let names = [format!("java_pool_{work}"), format!("ringwork_{work}")];
        let skipped = summary.skipped.len();
        let mut cases = start(programs, &[&names[0], &names[1]], summary);
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
        for (metric, target) in [("wall_ms", Some(target)), ("loop_stall_p99_us", Some(1.0))] {
            let (ringwork, java) = pairs(&series, &names[1], &names[0], metric);
            let text = format!("{} {metric} / {}", names[1], names[0]);
            summary.ratio(&text, &ringwork, &java, target.map(Target::AtMost));
        }
        failed += summary.skipped.len() - skipped;
    }
    summary.notes.push(
        "cpu10k: 10,000 tasks a round (images: 500), as many threads or lanes as there are cores; \
         parameters in benches/README.md"
            .into(),
    );
    failed
}
