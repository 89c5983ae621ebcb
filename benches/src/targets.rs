//! What the project wants to reach, and whether a run shows it.

use crate::report::{BUSY, Condition, Ratio, Summary, Target, number};

/// What must be so while a target is measured, or the verdict tells that it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// It counts things, whatever else runs.
    Exact,
    /// A machine that no other work uses.
    Quiet,
    /// That, and two cores near each other.
    Cores,
}

/// Cores' worth of time that others may use before times mean nothing.
const OTHERS: f64 = 0.25;
/// A raw round trip so much longer than the shortest of the run is of another kind.
pub const FAR: f64 = 1.8;
/// One that is longer than this goes between cores that are far, even if none was shorter.
const FAR_NS: f64 = 250.0;

/// The targets by the text of their ratio; those that a run did not measure are shown as such.
const TARGETS: [(&str, Target, Needs); 44] = [
    (
        "ringwork_spin p50 / limit_spin p50",
        Target::AtMost(1.5),
        Needs::Cores,
    ),
    (
        "aeron_ipc p50 / ringwork_spin p50",
        Target::AtLeast(1.0),
        Needs::Cores,
    ),
    (
        "iceoryx2_reqres p50 / ringwork_spin p50",
        Target::AtLeast(4.0),
        Needs::Cores,
    ),
    (
        "fork_join_pool p50 / ringwork_spin p50",
        Target::AtLeast(100.0),
        Needs::Cores,
    ),
    (
        "ringwork_park p50 / limit_futex p50",
        Target::AtMost(1.15),
        Needs::Quiet,
    ),
    (
        "ringwork_1p1l ops, M/s",
        Target::AtLeast(20.0),
        Needs::Cores,
    ),
    (
        "ringwork_1p1l ops / fork_join_pool ops",
        Target::AtLeast(1.5),
        Needs::Cores,
    ),
    (
        "ringwork_batch ops, M/s",
        Target::AtLeast(40.0),
        Needs::Cores,
    ),
    (
        "ringwork_batch ops / aeron_ipc ops",
        Target::AtLeast(1.0),
        Needs::Cores,
    ),
    (
        "ringwork_zero_1MiB p50 / ringwork_zero_64 p50",
        Target::AtMost(1.5),
        Needs::Cores,
    ),
    (
        "ringwork_images wall_ms / java_pool_images",
        Target::AtMost(0.333), // three times as fast
        Needs::Quiet,
    ),
    (
        "ringwork_pbkdf2 wall_ms / java_pool_pbkdf2",
        Target::AtMost(1.02),
        Needs::Quiet,
    ),
    (
        "ringwork_bcrypt wall_ms / java_pool_bcrypt",
        Target::AtMost(1.02),
        Needs::Quiet,
    ),
    (
        "ringwork_images loop_stall_p99_us / java_pool_images",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "ringwork_images loop_stall_p99, ms",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "ringwork_pbkdf2 loop_stall_p99_us / java_pool_pbkdf2",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "ringwork_pbkdf2 loop_stall_p99, ms",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "ringwork_bcrypt loop_stall_p99_us / java_pool_bcrypt",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "ringwork_bcrypt loop_stall_p99, ms",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    ("idle cpu_percent", Target::AtMost(0.5), Needs::Quiet),
    (
        "waiting_65536 cpu_percent",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "waiting_65536 bytes_per_task",
        Target::AtMost(1024.0),
        Needs::Exact,
    ),
    (
        "kill detect_to_requeue_p99, ms",
        Target::AtMost(10.0),
        Needs::Quiet,
    ),
    ("kill lost", Target::AtMost(0.0), Needs::Exact),
    ("kill duplicated", Target::AtMost(0.0), Needs::Exact),
    ("raw_api bytes_per_op", Target::AtMost(0.0), Needs::Exact),
    (
        "future_api objects_per_op",
        Target::AtMost(1.0),
        Needs::Exact,
    ),
    (
        "ringwork_jpeg_256 cpu / the fastest other",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "jpeg_256 PSNR at equal bytes: best of the others less ours, dB",
        Target::AtMost(0.2),
        Needs::Exact,
    ),
    (
        "ringwork_jpeg_1024 cpu / the fastest other",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "jpeg_1024 PSNR at equal bytes: best of the others less ours, dB",
        Target::AtMost(0.2),
        Needs::Exact,
    ),
    (
        "ringwork_progressive_256 cpu / the fastest other",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "progressive_256 PSNR at equal bytes: best of the others less ours, dB",
        Target::AtMost(0.2),
        Needs::Exact,
    ),
    (
        "ringwork_progressive_1024 cpu / the fastest other",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "progressive_1024 PSNR at equal bytes: best of the others less ours, dB",
        Target::AtMost(0.2),
        Needs::Exact,
    ),
    (
        "ringwork_png_256 cpu / the fastest other",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "png_256 PSNR at equal bytes: best of the others less ours, dB",
        Target::AtMost(0.2),
        Needs::Exact,
    ),
    (
        "ringwork_png_1024 cpu / the fastest other",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "png_1024 PSNR at equal bytes: best of the others less ours, dB",
        Target::AtMost(0.2),
        Needs::Exact,
    ),
    (
        "ringwork_webp_256 cpu / the fastest other",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "webp_256 PSNR at equal bytes: best of the others less ours, dB",
        Target::AtMost(0.2),
        Needs::Exact,
    ),
    (
        "ringwork_webp_1024 cpu / the fastest other",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
    (
        "webp_1024 PSNR at equal bytes: best of the others less ours, dB",
        Target::AtMost(0.2),
        Needs::Exact,
    ),
    (
        "ringwork_bcrypt_12 cpu / the fastest other",
        Target::AtMost(1.0),
        Needs::Quiet,
    ),
];

/// The target of a ratio, by its text.
pub fn of(text: &str) -> Option<Target> {
    TARGETS
        .iter()
        .find(|(name, ..)| *name == text)
        .map(|(_, target, _)| *target)
}

/// How a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    /// Measured in a state of the machine that tells nothing.
    Withheld,
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
    /// What the verdict holds under, or why there is none.
    condition: Option<String>,
}

impl Row<'_> {
    /// The verdict in words, never without its condition.
    pub fn words(&self) -> String {
        let word = match self.verdict {
            Verdict::Met => "reached",
            Verdict::Missed => "MISSED",
            Verdict::Withheld => "no verdict",
            Verdict::NoTarget => "no target",
            Verdict::NotMeasured => "not measured",
        };
        match (&self.condition, self.verdict) {
            (None, _) => word.to_owned(),
            (Some(why), Verdict::Withheld) => format!("{word}: {why}"),
            (Some(condition), _) => format!("{} ({condition})", word.to_lowercase()),
        }
    }
}

/// Everything that was compared, then the targets that this run did not measure.
pub fn rows(summary: &Summary) -> Vec<Row<'_>> {
    let ratios = &summary.details.ratios;
    let measured = ratios.iter().map(|ratio| {
        let (verdict, condition) = judge(summary, ratio);
        Row {
            text: ratio.text.clone(),
            ratio: Some(ratio),
            target: ratio.target,
            verdict,
            condition,
        }
    });
    let open = TARGETS
        .iter()
        .filter(|(text, ..)| ratios.iter().all(|ratio| ratio.text != *text));
    measured
        .chain(open.map(|(text, target, _)| Row {
            text: (*text).to_owned(),
            ratio: None,
            target: Some(*target),
            verdict: Verdict::NotMeasured,
            condition: None,
        }))
        .collect()
}

/// The only place that says whether a target is reached.
fn judge(summary: &Summary, ratio: &Ratio) -> (Verdict, Option<String>) {
    let Some(target) = ratio.target else {
        return (Verdict::NoTarget, None);
    };
    let needs = TARGETS
        .iter()
        .find(|(text, ..)| *text == ratio.text)
        .map_or(Needs::Quiet, |(_, _, needs)| *needs);
    let verdict = if target.met(ratio.value) {
        Verdict::Met
    } else {
        Verdict::Missed
    };
    if needs == Needs::Exact {
        return (verdict, None);
    }
    if summary.environment.quick {
        return (Verdict::Withheld, Some("a quick run".to_owned()));
    }
    if let Some(busy) = busy(summary, ratio.condition.as_ref()) {
        return (Verdict::Withheld, Some(format!("machine busy ({busy})")));
    }
    let moved = match &ratio.condition {
        Some(condition) if needs == Needs::Cores => distance(summary, condition),
        _ => None,
    };
    (verdict, moved)
}

/// What others used of the machine, if it was too much.
fn busy(summary: &Summary, condition: Option<&Condition>) -> Option<String> {
    match condition {
        Some(Condition { others, .. }) if *others > OTHERS => {
            Some(format!("others used {others:.1} cores"))
        }
        Some(_) => None,
        // A report from before this was measured.
        None if summary.details.load > BUSY => {
            Some(format!("load {:.1} at the start", summary.details.load))
        }
        None => None,
    }
}

/// How the cores stood, if not near in all rounds.
fn distance(summary: &Summary, condition: &Condition) -> Option<String> {
    let (shortest, longest) = condition.raw_ns?;
    let conditions = summary
        .details
        .ratios
        .iter()
        .filter_map(|r| r.condition.as_ref());
    let nearest = conditions
        .filter_map(|condition| Some(condition.raw_ns?.0))
        .fold(f64::INFINITY, f64::min);
    let nearest = summary.details.nearest_ns.unwrap_or(nearest).min(nearest);
    let far = |raw: f64| raw > FAR_NS || raw > FAR * nearest;
    match (far(shortest), far(longest)) {
        (false, false) => None,
        (true, _) => Some(format!("cores far: raw {} ns", number(longest))),
        (false, true) => Some(format!(
            "cores moved: raw {} to {} ns",
            number(shortest),
            number(longest)
        )),
    }
}

/// Whether anything of the run was measured beside others' work, for a warning at its head.
pub fn warning(summary: &Summary) -> Option<String> {
    let ratios = summary.details.ratios.iter();
    let mut busy: Vec<String> = ratios
        .filter_map(|ratio| busy(summary, ratio.condition.as_ref()))
        .collect();
    busy.dedup();
    (!busy.is_empty()).then(|| {
        format!(
            "the machine was busy in some suites ({}): no verdict on their times, compare nothing with another run",
            busy.join("; ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_target_is_met_missed_or_not_measured() {
        let summary = measured(None, 0.0);
        let rows = rows(&summary);
        assert_eq!(words(&rows, SPIN), "MISSED");
        assert_eq!(words(&rows, "kill lost"), "reached");
        assert_eq!(words(&rows, "idle cpu_percent"), "not measured");
        assert_eq!(rows.len(), TARGETS.len());
    }

    #[test]
    fn a_verdict_is_told_with_its_condition() {
        let state = |others, raw_ns| measured(Some(Condition { others, raw_ns }), 0.0);
        let near = state(0.02, Some((108.0, 131.0)));
        assert_eq!(words(&rows(&near), SPIN), "MISSED");
        let far = state(0.02, Some((455.0, 455.0)));
        assert_eq!(words(&rows(&far), SPIN), "missed (cores far: raw 455 ns)");
        assert_eq!(words(&rows(&far), PARK), "reached");
        let moved = state(0.02, Some((110.0, 455.0)));
        assert_eq!(
            words(&rows(&moved), SPIN),
            "missed (cores moved: raw 110 to 455 ns)"
        );
        let mut other = state(0.02, Some((120.0, 120.0)));
        other.details.nearest_ns = Some(60.0);
        assert_eq!(words(&rows(&other), SPIN), "missed (cores far: raw 120 ns)");
    }

    #[test]
    fn beside_others_work_only_counts_have_a_verdict() {
        let near = Some((110.0, 110.0));
        let busy = measured(
            Some(Condition {
                others: 1.26,
                raw_ns: near,
            }),
            0.0,
        );
        let said = rows(&busy);
        assert_eq!(
            words(&said, SPIN),
            "no verdict: machine busy (others used 1.3 cores)"
        );
        assert_eq!(words(&said, "kill lost"), "reached");
        assert!(warning(&busy).is_some());
        let old = measured(None, 3.06);
        assert_eq!(
            words(&rows(&old), SPIN),
            "no verdict: machine busy (load 3.1 at the start)"
        );
        let mut quick = measured(
            Some(Condition {
                others: 0.0,
                raw_ns: near,
            }),
            3.0,
        );
        assert!(warning(&quick).is_none());
        quick.environment.quick = true;
        assert_eq!(words(&rows(&quick), SPIN), "no verdict: a quick run");
    }

    const SPIN: &str = "ringwork_spin p50 / limit_spin p50";
    const PARK: &str = "ringwork_park p50 / limit_futex p50";

    fn measured(condition: Option<Condition>, load: f64) -> Summary {
        let mut summary = sample();
        for (text, value) in [(SPIN, 2.0), (PARK, 1.0), ("kill lost", 0.0)] {
            summary.ratio(text, &[value], &[1.0], of(text));
        }
        for ratio in &mut summary.details.ratios {
            ratio.condition.clone_from(&condition);
        }
        summary.details.load = load;
        summary
    }

    fn words(rows: &[Row<'_>], text: &str) -> String {
        rows.iter().find(|row| row.text == text).unwrap().words()
    }
}
