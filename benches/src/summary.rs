//! What a run has measured: records, ratios, curves, notes.

use crate::hdr;
use crate::numbers::{median, rounded};
use crate::targets::{self, Subject, Target};
use crate::watch::Watch;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Where the figures come from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Environment {
    pub cpu: String,
    pub cores: usize,
    pub kernel: String,
    pub jdk: String,
    pub rustc: String,
    pub commit: String,
    /// Shorter rounds, fewer cases: for ratios at a glance only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quick: bool,
}

/// One metric of one case: the median of the rounds, and their spread.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub suite: String,
    pub case: String,
    pub metric: String,
    pub value: f64,
    pub rounds: usize,
    pub min: f64,
    pub max: f64,
}

/// A case that was not run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Skipped {
    pub case: String,
    pub reason: String,
}

/// Two cases compared, for the reader.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ratio {
    pub text: String,
    pub value: f64,
    pub min: f64,
    pub max: f64,
    pub target: Option<Target>,
    /// Filled in when its suite has ended; older reports have none.
    #[serde(default)]
    pub condition: Option<Condition>,
}

/// How the machine was while a suite ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// Cores' worth of time that others used before or after, or that the hypervisor took.
    pub others: f64,
    /// The shortest and the longest raw round trip of a cache line beside its rounds, if probed.
    pub raw_ns: Option<(f64, f64)>,
}

/// The latencies of a case, all rounds that were kept added up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Curve {
    pub suite: String,
    pub case: String,
    /// Quantile and nanoseconds.
    pub points: Vec<(f64, f64)>,
}

/// Everything that `summary.json` holds, and what `report.json` holds beside it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Summary {
    pub environment: Environment,
    pub records: Vec<Record>,
    pub skipped: Vec<Skipped>,
    #[serde(skip)]
    pub details: Details,
    /// Raw probes of the suite that runs.
    #[serde(skip)]
    pub watch: Watch,
}

/// What the report needs besides the records: the file `report.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Details {
    pub ratios: Vec<Ratio>,
    pub notes: Vec<String>,
    pub curves: Vec<Curve>,
    /// Load average of the last minute when the run began: what ran beside it.
    #[serde(default)]
    pub load: f64,
    /// The shortest raw round trip of the run.
    #[serde(default)]
    pub nearest_ns: Option<f64>,
    /// Suites in the order in which they ran, and how long each took, in seconds.
    pub took: Vec<(String, f64)>,
}

impl Summary {
    pub fn new(environment: Environment) -> Self {
        Self {
            environment,
            records: Vec::new(),
            skipped: Vec::new(),
            details: Details::default(),
            watch: Watch::default(),
        }
    }

    /// Adds a record of the values of all rounds; nothing for no values.
    pub fn record(&mut self, suite: &str, case: &str, metric: &str, values: &[f64]) {
        if values.is_empty() {
            return;
        }
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        self.records.push(Record {
            suite: suite.to_owned(),
            case: case.to_owned(),
            metric: metric.to_owned(),
            value: rounded(median(values)),
            rounds: values.len(),
            min: rounded(min),
            max: rounded(max),
        });
    }

    pub fn skip(&mut self, case: &str, reason: impl Into<String>) {
        self.skipped.push(Skipped {
            case: case.to_owned(),
            reason: reason.into(),
        });
    }

    /// Adds a figure that has a target by itself.
    pub fn figure(&mut self, subject: Subject, values: &[f64]) {
        self.compare(subject, values, &vec![1.0; values.len()]);
    }

    /// Adds a ratio with its target, if it has one.
    pub fn compare(&mut self, subject: Subject, above: &[f64], below: &[f64]) {
        self.ratio(&subject.to_string(), above, below, targets::of(subject));
    }

    /// Adds a ratio, taken round by round, so that both sides had the same machine.
    pub fn ratio(&mut self, text: &str, above: &[f64], below: &[f64], target: Option<Target>) {
        let each: Vec<f64> = above.iter().zip(below).map(|(a, b)| a / b).collect();
        if each.is_empty() {
            return;
        }
        self.details.ratios.push(Ratio {
            text: text.to_owned(),
            value: median(&each),
            min: each.iter().copied().fold(f64::INFINITY, f64::min),
            max: each.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            target,
            condition: None,
        });
    }

    /// Tells the ratios from `first` on how the machine was, as far as their suite did not.
    pub fn conditions(&mut self, first: usize, others: f64) {
        let raw_ns = self.watch.range();
        for ratio in &mut self.details.ratios[first..] {
            let condition = ratio.condition.get_or_insert(Condition { others, raw_ns });
            condition.others = others;
        }
        if let Some((shortest, _)) = raw_ns {
            self.nearest(shortest);
        }
    }

    /// Takes note of a raw round trip, if it is the shortest so far.
    pub fn nearest(&mut self, raw_ns: f64) {
        let least = self.details.nearest_ns.unwrap_or(raw_ns).min(raw_ns);
        self.details.nearest_ns = Some(least);
    }

    pub fn note(&mut self, text: impl Into<String>) {
        self.details.notes.push(text.into());
    }

    /// Adds the percentile curve of a case; nothing without rounds.
    pub fn curve(&mut self, suite: &str, case: &str, rounds: &[Histogram<u64>]) {
        if let Some(points) = hdr::curve(rounds) {
            self.details.curves.push(Curve {
                suite: suite.to_owned(),
                case: case.to_owned(),
                points,
            });
        }
    }
}

/// A summary for tests.
#[cfg(test)]
pub fn sample() -> Summary {
    let mut summary = Summary::new(Environment {
        cpu: "x".into(),
        cores: 2,
        kernel: "6".into(),
        jdk: "25".into(),
        rustc: "1".into(),
        commit: "c".into(),
        quick: false,
    });
    summary.record("rtt", "ringwork_spin", "p50_ns", &[236.0, 231.0, 244.0]);
    summary.skip("grpc_uds", "not built <yet>");
    summary
}
