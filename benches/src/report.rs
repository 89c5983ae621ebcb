//! The summary file, the table.
//!
//! The file's format is the contract of the project's benchmarks: an
//! environment, one record a case and metric, and the cases that were not run, with the reason.

use crate::numbers::{number, rounded};
use crate::summary::Summary;
use crate::verdicts;
use serde::Serialize;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

/// A target and how it stands, as `summary.json` says it.
#[derive(Debug, Serialize)]
struct Line {
    what: String,
    median: Option<f64>,
    target: String,
    verdict: String,
}

/// Writes `summary.json` and `report.json`.
pub fn write(summary: &Summary, out: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(out)?;
    let mut json = serde_json::to_string_pretty(&written(summary))?;
    json.push('\n');
    std::fs::write(out.join("summary.json"), json)?;
    std::fs::write(
        out.join("report.json"),
        serde_json::to_string(&summary.details)?,
    )
}

/// The records and, last, the verdicts on the targets.
fn written(summary: &Summary) -> impl Serialize {
    #[derive(Serialize)]
    struct Written<'a> {
        #[serde(flatten)]
        summary: &'a Summary,
        verdicts: Vec<Line>,
    }
    let rows = verdicts::rows(summary).into_iter();
    let verdicts = rows.filter_map(|row| {
        Some(Line {
            target: row.target?.to_string(),
            median: row.ratio.map(|ratio| rounded(ratio.value)),
            verdict: row.words(),
            what: row.text,
        })
    });
    Written {
        summary,
        verdicts: verdicts.collect(),
    }
}

/// Reads both again; a summary without `report.json` has records only.
pub fn read(out: &Path) -> Result<Summary, Box<dyn Error>> {
    let path = out.join("summary.json");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}: run `make bench` first", path.display()))?;
    let mut summary: Summary = serde_json::from_str(&text)?;
    if let Ok(text) = std::fs::read_to_string(out.join("report.json")) {
        summary.details = serde_json::from_str(&text)?;
    }
    Ok(summary)
}

/// The table for the terminal: records, notes, ratios last.
pub fn table(summary: &Summary) -> String {
    let mut text = String::new();
    let e = &summary.environment;
    let _ = writeln!(
        text,
        "{}, {} cores, Linux {}, JDK {}, {}, commit {}",
        e.cpu, e.cores, e.kernel, e.jdk, e.rustc, e.commit
    );
    if let Some(warning) = verdicts::warning(summary) {
        let _ = writeln!(text, "{warning}");
    }
    write_records(&mut text, summary);
    for skipped in &summary.skipped {
        let _ = write!(text, "\nskipped {}: {}", skipped.case, skipped.reason);
    }
    text.push('\n');
    for note in &summary.details.notes {
        let _ = write!(text, "\nnote: {note}");
    }
    write_ratios(&mut text, summary);
    text
}

fn write_records(text: &mut String, summary: &Summary) {
    let mut last: &str = "";
    for record in &summary.records {
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
}

fn write_ratios(text: &mut String, summary: &Summary) {
    if !summary.details.ratios.is_empty() {
        let _ = writeln!(
            text,
            "\n\n{:<52}{:>10}{:>20}  target",
            "ratio, round by round", "median", "spread"
        );
    }
    for row in verdicts::rows(summary) {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::sample;

    #[test]
    fn the_summary_has_the_contract_s_shape() {
        let summary = sample();
        let value = serde_json::to_value(written(&summary)).unwrap();
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
