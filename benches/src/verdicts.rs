//! Whether a run shows what the project wants to reach.

use crate::numbers::number;
use crate::summary::{Condition, Ratio, Summary};
use crate::targets::{Needs, TARGETS, Target};
use crate::watch::FAR;

/// A load average above it says that something else ran; where nothing better was measured.
const BUSY: f64 = 0.7;

/// Cores' worth of time that others may use before times mean nothing.
const OTHERS: f64 = 0.25;
/// One that is longer than this goes between cores that are far, even if none was shorter.
const FAR_NS: f64 = 250.0;

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
        .map(|(subject, target, _)| (subject.to_string(), *target))
        .filter(|(text, _)| ratios.iter().all(|ratio| ratio.text != *text));
    measured
        .chain(open.map(|(text, target)| Row {
            text,
            ratio: None,
            target: Some(target),
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
        .find(|(subject, ..)| subject.to_string() == ratio.text)
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
    use crate::cases::CaseId::*;
    use crate::summary::sample;
    use crate::targets::Subject;

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
        let subjects = [
            (Subject::RoundTrip(RingworkSpin, LimitSpin), 2.0),
            (Subject::RoundTrip(RingworkPark, LimitFutex), 1.0),
            (Subject::Figure(Kill, "lost"), 0.0),
        ];
        for (subject, value) in subjects {
            summary.compare(subject, &[value], &[1.0]);
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
