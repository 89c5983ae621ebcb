//! Records, the summary file, the table.
//!
//! The file's format is the contract of the project's benchmarks: an
//! environment, one record a case and metric, and the cases that were not run, with the reason.

use crate::hdr;
use crate::suites::Watch;
use crate::targets;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

/// A load average above it says that something else ran; where nothing better was measured.
pub const BUSY: f64 = 0.7;

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

/// A target and how it stands, as `summary.json` says it.
#[derive(Debug, Serialize)]
struct Line {
    what: String,
    median: Option<f64>,
    target: String,
    verdict: String,
}

/// What a ratio, or a figure, should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
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

/// Median of the values; of an even number, the mean of the middle two.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
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
    pub fn figure(&mut self, text: &str, values: &[f64]) {
        self.ratio(text, values, &vec![1.0; values.len()], targets::of(text));
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

    /// Writes `summary.json` and `report.json`.
    pub fn write(&self, out: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(out)?;
        let mut json = serde_json::to_string_pretty(&self.written())?;
        json.push('\n');
        std::fs::write(out.join("summary.json"), json)?;
        std::fs::write(
            out.join("report.json"),
            serde_json::to_string(&self.details)?,
        )
    }

    /// The records and, last, the verdicts on the targets.
    fn written(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(flatten)]
            summary: &'a Summary,
            verdicts: Vec<Line>,
        }
        let rows = targets::rows(self).into_iter();
        let verdicts = rows.filter_map(|row| {
            Some(Line {
                target: row.target?.to_string(),
                median: row.ratio.map(|ratio| rounded(ratio.value)),
                verdict: row.words(),
                what: row.text,
            })
        });
        Written {
            summary: self,
            verdicts: verdicts.collect(),
        }
    }

    /// Reads both again; a summary without `report.json` has records only.
    pub fn read(out: &Path) -> Result<Self, Box<dyn Error>> {
        let path = out.join("summary.json");
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}: run `make bench` first", path.display()))?;
        let mut summary: Self = serde_json::from_str(&text)?;
        if let Ok(text) = std::fs::read_to_string(out.join("report.json")) {
            summary.details = serde_json::from_str(&text)?;
        }
        Ok(summary)
    }

    /// The table for the terminal: records, notes, ratios last.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let e = &self.environment;
        let _ = writeln!(
            text,
            "{}, {} cores, Linux {}, JDK {}, {}, commit {}",
            e.cpu, e.cores, e.kernel, e.jdk, e.rustc, e.commit
        );
        if let Some(warning) = targets::warning(self) {
            let _ = writeln!(text, "{warning}");
        }
        let mut last: &str = "";
        for record in &self.records {
            if record.suite != last {
                last = &record.suite;
                let _ = writeln!(
                    text,
                    "\n{:<12}{:<26}{:<28}{:>14}{:>14}{:>14}{:>8}",
                    last, "case", "metric", "median", "min", "max", "rounds"
                );
            }
            let _ = writeln!(
                text,
                "{:<12}{:<26}{:<28}{:>14}{:>14}{:>14}{:>8}",
                "",
                record.case,
                record.metric,
                number(record.value),
                number(record.min),
                number(record.max),
                record.rounds
            );
        }
        for skipped in &self.skipped {
            let _ = write!(text, "\nskipped {}: {}", skipped.case, skipped.reason);
        }
        text.push('\n');
        for note in &self.details.notes {
            let _ = write!(text, "\nnote: {note}");
        }
        if !self.details.ratios.is_empty() {
            let _ = writeln!(
                text,
                "\n\n{:<52}{:>10}{:>20}  target",
                "ratio, round by round", "median", "spread"
            );
        }
        for row in targets::rows(self) {
            let Some(ratio) = row.ratio else { continue };
            let spread = format!("{} to {}", number(ratio.min), number(ratio.max));
            let verdict = match ratio.target {
                None => "none".to_owned(),
                Some(target) => format!("{target}: {}", row.words()),
            };
            let _ = writeln!(
                text,
                "{:<52}{:>10}{spread:>20}  {verdict}",
                ratio.text,
                number(ratio.value)
            );
        }
        text
    }
}

impl Target {
    /// By three significant digits: the fourth is noise. Nothing but 0 is 0.
    pub fn met(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => three_digits(value) <= limit,
            Self::AtLeast(limit) => three_digits(value) >= limit,
        }
    }
}

fn three_digits(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let unit = 10_f64.powf(2.0 - value.abs().log10().floor());
    (value * unit).round() / unit
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "<= {}", number(*limit)),
            Self::AtLeast(limit) => write!(f, ">= {}", number(*limit)),
        }
    }
}

/// Three significant digits for small numbers, thousands grouped for large ones.
pub fn number(value: f64) -> String {
    if value.abs() >= 1000.0 {
        let digits = format!("{:.0}", value.abs());
        let mut grouped = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        if value < 0.0 {
            grouped.insert(0, '-');
        }
        return grouped;
    }
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn targets_are_judged_by_the_digits_that_are_shown() {
        assert!(Target::AtMost(1.0).met(1.0004));
        assert!(!Target::AtMost(1.0).met(1.006));
        assert!(Target::AtLeast(20.0).met(19.96));
        assert!(!Target::AtLeast(20.0).met(19.9));
        assert!(Target::AtMost(0.0).met(0.0));
        assert!(!Target::AtMost(0.0).met(0.0004), "small is not nothing");
    }

    #[test]
    fn numbers_are_readable() {
        let shown: Vec<String> = [0.253, 12.34, 236.0, 49_123.4, 1_234_567.0]
            .map(number)
            .into();
        assert_eq!(shown, ["0.25", "12.3", "236", "49,123", "1,234,567"]);
    }

    #[test]
    fn the_summary_has_the_contract_s_shape() {
        let summary = sample();
        let value = serde_json::to_value(summary.written()).unwrap();
        assert_eq!(
            value["records"][0],
            serde_json::json!({"suite": "rtt", "case": "ringwork_spin", "metric": "p50_ns",
                "value": 236.0, "rounds": 3, "min": 231.0, "max": 244.0})
        );
        assert_eq!(
            value["skipped"][0],
            serde_json::json!({"case": "grpc_uds", "reason": "not built <yet>"})
        );
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["environment", "records", "skipped", "verdicts"]);
        assert_eq!(value["verdicts"][0]["verdict"], "not measured");
        assert!(value["environment"].get("quick").is_none());
    }
}
