//! Bars and lines of the records: which case is a point of which line.

use super::charts::{Axis, Bar, Line, Point};
use super::unit::Unit;
use crate::summary::{Record, Summary};

pub fn bars_of(records: &[&Record], metric: &str) -> Vec<Bar> {
    records
        .iter()
        .filter(|record| record.metric == metric)
        .map(|record| Bar {
            name: record.case.clone(),
            value: record.value,
            min: record.min,
            max: record.max,
        })
        .collect()
}

/// Name, title, axis, unit, lines.
pub type LineChart = (String, &'static str, Axis, Unit, Vec<Line>);

pub fn line_charts(summary: &Summary, suite: &str, records: &[&Record]) -> Vec<LineChart> {
    match suite {
        "tail" => tails(summary, suite),
        "payload" => vec![(
            "payload-lines".into(),
            "Median round trip by payload",
            Axis::Size,
            Unit::Time(1),
            series(records, "p50_ns", by_size),
        )],
        "scale" => scales(records),
        _ => vec![(
            format!("{suite}-curves"),
            "Latency by percentile",
            Axis::Percentile,
            Unit::Time(1),
            curves(summary, suite, |_| true),
        )],
    }
}

/// A chart for each rate.
fn tails(summary: &Summary, suite: &str) -> Vec<LineChart> {
    let rate = |case: &str| case.rsplit('_').next().unwrap_or_default().to_owned();
    let mut rates: Vec<String> = Vec::new();
    for curve in summary.details.curves.iter().filter(|c| c.suite == suite) {
        if !rates.contains(&rate(&curve.case)) {
            rates.push(rate(&curve.case));
        }
    }
    let chart = |one: String| {
        let lines = curves(summary, suite, |case| rate(case) == one);
        let title = "Latency by percentile, from the intended send, at the rate in the name";
        let name = format!("tail-curves-{one}");
        (name, title, Axis::Percentile, Unit::Time(1), lines)
    };
    rates.into_iter().map(chart).collect()
}

fn scales(records: &[&Record]) -> Vec<LineChart> {
    let by_lanes = series(records, "ops_per_s", |case| {
        let (count, task) = case.strip_prefix("lanes_")?.split_once('_')?;
        let line = format!("tasks of {}", task.replace("us", " µs"));
        Some((line, count.parse().ok()?))
    });
    let by_producers = series(records, "ops_per_s", |case| {
        let count = case.strip_prefix("producers_")?.parse().ok()?;
        Some(("one lane".to_owned(), count))
    });
    vec![
        (
            "scale-lanes".into(),
            "Tasks per second by lanes",
            Axis::Count("lanes"),
            Unit::Rate,
            by_lanes,
        ),
        (
            "scale-producers".into(),
            "Tasks per second by producers",
            Axis::Count("producers"),
            Unit::Rate,
            by_producers,
        ),
    ]
}

/// `ringwork_zero_64KiB`: the line `ringwork_zero`, at 65536.
fn by_size(case: &str) -> Option<(String, f64)> {
    let (name, size) = case.rsplit_once('_')?;
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &size[digits.len()..] {
        "" | "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        _ => return None,
    };
    Some((name.to_owned(), digits.parse::<f64>().ok()? * factor))
}

fn curves(summary: &Summary, suite: &str, wanted: impl Fn(&str) -> bool) -> Vec<Line> {
    let of_suite = summary
        .details
        .curves
        .iter()
        .filter(|curve| curve.suite == suite);
    of_suite
        .filter(|curve| wanted(&curve.case))
        .map(|curve| Line {
            name: curve.case.clone(),
            points: curve
                .points
                .iter()
                .map(|(quantile, y)| Point {
                    x: -(1.0 - quantile).log10(),
                    y: *y,
                    min: *y,
                    max: *y,
                })
                .collect(),
        })
        .collect()
}

fn series(
    records: &[&Record],
    metric: &str,
    place: impl Fn(&str) -> Option<(String, f64)>,
) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for record in records.iter().filter(|record| record.metric == metric) {
        let Some((name, x)) = place(&record.case) else {
            continue;
        };
        let point = Point {
            x: x.log2(),
            y: record.value,
            min: record.min,
            max: record.max,
        };
        match lines.iter_mut().find(|line| line.name == name) {
            Some(line) => line.points.push(point),
            None => lines.push(Line {
                name,
                points: vec![point],
            }),
        }
    }
    for line in &mut lines {
        line.points.sort_by(|a, b| a.x.total_cmp(&b.x));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_names() {
        assert_eq!(
            by_size("ringwork_zero_64KiB"),
            Some(("ringwork_zero".into(), 65536.0))
        );
        assert_eq!(by_size("grpc_64"), Some(("grpc".into(), 64.0)));
        assert_eq!(by_size("uds_16MiB"), Some(("uds".into(), 16_777_216.0)));
        assert_eq!(by_size("idle"), None);
    }
}
