//! What the project wants to reach, and whether a run shows it.

use crate::report::{Ratio, Summary, Target};

/// The targets by the text of their ratio; those that a run did not measure are shown as such.
const TARGETS: [(&str, Target); 27] = [
    ("ringwork_spin p50 / limit_spin p50", Target::AtMost(1.5)),
    ("aeron_ipc p50 / ringwork_spin p50", Target::AtLeast(1.0)),
    (
        "iceoryx2_reqres p50 / ringwork_spin p50",
        Target::AtLeast(4.0),
    ),
    (
        "fork_join_pool p50 / ringwork_spin p50",
        Target::AtLeast(100.0),
    ),
    ("ringwork_park p50 / limit_futex p50", Target::AtMost(1.15)),
    ("ringwork_1p1l ops, M/s", Target::AtLeast(20.0)),
    (
        "ringwork_1p1l ops / fork_join_pool ops",
        Target::AtLeast(1.5),
    ),
    ("ringwork_batch ops, M/s", Target::AtLeast(40.0)),
    ("ringwork_batch ops / aeron_ipc ops", Target::AtLeast(1.0)),
    (
        "ringwork_zero_1MiB p50 / ringwork_zero_64 p50",
        Target::AtMost(1.5),
    ),
    (
        "ringwork_images wall_ms / java_pool_images",
        Target::AtMost(0.71),
    ),
    (
        "ringwork_pbkdf2 wall_ms / java_pool_pbkdf2",
        Target::AtMost(1.02),
    ),
    (
        "ringwork_bcrypt wall_ms / java_pool_bcrypt",
        Target::AtMost(1.02),
    ),
    (
        "ringwork_images loop_stall_p99_us / java_pool_images",
        Target::AtMost(1.0),
    ),
    ("ringwork_images loop_stall_p99, ms", Target::AtMost(1.0)),
    (
        "ringwork_pbkdf2 loop_stall_p99_us / java_pool_pbkdf2",
        Target::AtMost(1.0),
    ),
    ("ringwork_pbkdf2 loop_stall_p99, ms", Target::AtMost(1.0)),
    (
        "ringwork_bcrypt loop_stall_p99_us / java_pool_bcrypt",
        Target::AtMost(1.0),
    ),
    ("ringwork_bcrypt loop_stall_p99, ms", Target::AtMost(1.0)),
    ("idle cpu_percent", Target::AtMost(0.5)),
    ("waiting_65536 cpu_percent", Target::AtMost(1.0)),
    ("waiting_65536 bytes_per_task", Target::AtMost(1024.0)),
    ("kill detect_to_requeue_p99, ms", Target::AtMost(10.0)),
    ("kill lost", Target::AtMost(0.0)),
    ("kill duplicated", Target::AtMost(0.0)),
    ("raw_api bytes_per_op", Target::AtMost(0.0)),
    ("future_api objects_per_op", Target::AtMost(1.0)),
];

/// The target of a ratio, by its text.
pub fn of(text: &str) -> Option<Target> {
    TARGETS
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, target)| *target)
}

/// How a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    NoTarget,
    NotMeasured,
}

/// A line of the table of targets.
#[derive(Debug)]
pub struct Row<'a> {
    pub text: String,
    pub ratio: Option<&'a Ratio>,
    pub target: Option<Target>,
    pub verdict: Verdict,
}

/// Everything that was compared, then the targets that this run did not measure.
pub fn rows(summary: &Summary) -> Vec<Row<'_>> {
    let ratios = &summary.details.ratios;
    let measured = ratios.iter().map(|ratio| Row {
        text: ratio.text.clone(),
        ratio: Some(ratio),
        target: ratio.target,
        verdict: match ratio.target {
            None => Verdict::NoTarget,
            Some(target) if target.met(ratio.value) => Verdict::Met,
            Some(_) => Verdict::Missed,
        },
    });
    let open = TARGETS
        .iter()
        .filter(|(text, _)| ratios.iter().all(|ratio| ratio.text != *text));
    measured
        .chain(open.map(|(text, target)| Row {
            text: (*text).to_owned(),
            ratio: None,
            target: Some(*target),
            verdict: Verdict::NotMeasured,
        }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_target_is_met_missed_or_not_measured() {
        let mut summary = sample();
        let mut add = |text: &str, value: f64| {
            summary.ratio(text, &[value], &[1.0], of(text));
        };
        add("ringwork_spin p50 / limit_spin p50", 2.0);
        add("kill lost", 0.0);
        let rows = rows(&summary);
        let verdict = |text: &str| rows.iter().find(|row| row.text == text).unwrap().verdict;
        assert_eq!(
            verdict("ringwork_spin p50 / limit_spin p50"),
            Verdict::Missed
        );
        assert_eq!(verdict("kill lost"), Verdict::Met);
        assert_eq!(verdict("idle cpu_percent"), Verdict::NotMeasured);
        assert_eq!(rows.len(), TARGETS.len());
    }
}
