//! HDR histogram logs: one file a case below `target/bench/hdr`, one interval a round.
//!
//! The JVMs write theirs with `HistogramLogWriter`, this program writes those of the cases
//! that need no JVM; any HdrHistogram tool reads both. The curves of the report are made of them:
//! the rounds' histograms are added up, percentiles are never averaged.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogHistogram, IntervalLogIterator, IntervalLogWriterBuilder, LogEntry,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Points of a curve for each factor of ten of 1 / (1 - quantile).
const PER_DECADE: usize = 20;

/// The log of a case.
pub fn path(out: &Path, case: &str) -> PathBuf {
    out.join("hdr").join(format!("{case}.hlog"))
}

/// Writes the rounds of a case that this program measured.
pub fn write(path: &Path, rounds: &[Histogram<u64>]) -> Result<(), Box<dyn Error>> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("nanoseconds; one interval a round")
        .with_max_value_divisor(1.0)
        .begin_log_with(&mut bytes, &mut serializer)?;
    let now = SystemTime::UNIX_EPOCH.elapsed()?;
    for histogram in rounds {
        log.write_histogram(histogram, now, Duration::ZERO, None)
            .map_err(|error| format!("{error:?}"))?;
    }
    drop(log);
    Ok(std::fs::write(path, bytes)?)
}

/// The histograms of a log, in their order; none if there is no such file.
pub fn read(path: &Path) -> Result<Vec<Histogram<u64>>, Box<dyn Error>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut rounds = Vec::new();
    for entry in IntervalLogIterator::new(&bytes) {
        let entry = entry.map_err(|error| format!("{} is damaged: {error:?}", path.display()))?;
        if let LogEntry::Interval(interval) = entry {
            rounds.push(decode(&interval)?);
        }
    }
    Ok(rounds)
}

fn decode(interval: &IntervalLogHistogram<'_>) -> Result<Histogram<u64>, Box<dyn Error>> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(interval.encoded_histogram())?;
    Ok(Deserializer::new().deserialize(&mut &bytes[..])?)
}

/// Quantile and nanoseconds, as far out as there are samples, the largest one last.
pub fn curve(rounds: &[Histogram<u64>]) -> Option<Vec<(f64, f64)>> {
    let (first, rest) = rounds.split_first()?;
    let mut sum = first.clone();
    sum.auto(true);
    for histogram in rest {
        sum.add(histogram).ok()?;
    }
    let last = (sum.len() as f64).log10();
    let mut points: Vec<(f64, f64)> = (0..)
        .map(|step| f64::from(step) / PER_DECADE as f64)
        .take_while(|decades| *decades < last)
        .map(|decades| {
            let quantile = 1.0 - 10_f64.powf(-decades);
            (quantile, sum.value_at_quantile(quantile) as f64)
        })
        .collect();
    points.push((1.0 - 1.0 / sum.len() as f64, sum.max() as f64));
    Some(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_as_it_was_written() {
        let mut rounds = Vec::new();
        for round in 1..=3_u64 {
            let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap();
            for value in 1..=1000 {
                histogram.record(value * round).unwrap();
            }
            rounds.push(histogram);
        }
        let path = std::env::temp_dir().join(format!("ringwork-{}.hlog", std::process::id()));
        write(&path, &rounds).unwrap();
        let back = read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(back.len(), 3);
        assert!(back.iter().zip(&rounds).all(|(a, b)| a == b));
        assert!(read(&path).unwrap().is_empty());
    }

    #[test]
    fn a_curve_adds_the_rounds_up() {
        let mut low = Histogram::<u64>::new(3).unwrap();
        let mut high = Histogram::<u64>::new(3).unwrap();
        low.record_n(100, 900).unwrap();
        high.record_n(1000, 100).unwrap();
        let points = curve(&[low, high]).unwrap();
        // One tenth of all: the median is the low one, the 95th percentile the high one.
        assert!((points[0].1 - 100.0).abs() < 1.0);
        let at = |wanted: f64| points.iter().find(|(q, _)| *q >= wanted).unwrap().1;
        assert!((at(0.5) - 100.0).abs() < 1.0);
        assert!((at(0.95) - 1000.0).abs() < 2.0);
        assert!((points.last().unwrap().0 - 0.999).abs() < 1e-9);
        assert!(curve(&[]).is_none());
    }
}
