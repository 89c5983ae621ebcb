//! How a metric is shown: by the end of its name.

use crate::numbers::number;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds and their multiples; the factor makes nanoseconds of the metric.
    Time(u32),
    Rate,
    Bytes,
    BytesPerSecond,
    Percent,
    Plain,
}

impl Unit {
    /// The unit of a metric.
    pub fn of(metric: &str) -> Self {
        match metric {
            "gb_per_s" => Self::BytesPerSecond,
            "cpu_percent" => Self::Percent,
            _ if metric.ends_with("per_s") => Self::Rate,
            _ if metric.starts_with("bytes") => Self::Bytes,
            _ if metric.ends_with("_ns") => Self::Time(1),
            _ if metric.ends_with("_us") => Self::Time(1_000),
            _ if metric.ends_with("ms") => Self::Time(1_000_000),
            _ => Self::Plain,
        }
    }

    /// A value with its unit.
    pub fn show(self, value: f64) -> String {
        self.with(value, number)
    }

    /// A round value at an axis, with as few digits as it has.
    pub fn axis(self, value: f64) -> String {
        self.with(value, |value| {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        })
    }

    fn with(self, value: f64, digits: fn(f64) -> String) -> String {
        let scaled = |value: f64, steps: &[(f64, &str)]| {
            let (factor, name) = steps
                .iter()
                .rfind(|(factor, _)| value >= *factor * 0.9995)
                .unwrap_or(&steps[0]);
            format!("{} {name}", digits(value / factor))
        };
        match self {
            Self::Time(factor) => scaled(
                value * f64::from(factor),
                &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")],
            ),
            Self::Rate => scaled(value, &[(1.0, "/s"), (1e3, "k/s"), (1e6, "M/s")]),
            Self::Bytes => scaled(value, &[(1.0, "B"), (1024.0, "KiB"), (1_048_576.0, "MiB")]),
            Self::BytesPerSecond => format!("{} GB/s", digits(value)),
            Self::Percent => format!("{} %", digits(value)),
            Self::Plain => digits(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_units() {
        let shown = |metric: &str, value| Unit::of(metric).show(value);
        assert_eq!(shown("p50_ns", 236.0), "236 ns");
        assert_eq!(shown("loop_stall_p99_us", 1500.0), "1.50 ms");
        assert_eq!(shown("wall_ms", 850.0), "850 ms");
        assert_eq!(shown("ops_per_s", 20_100_000.0), "20.1 M/s");
        assert_eq!(shown("bytes_per_op", 64.0), "64.0 B");
        assert_eq!(shown("gb_per_s", 3.5), "3.50 GB/s");
        assert_eq!(shown("lost", 0.0), "0.00");
        assert_eq!(Unit::Time(1).axis(1000.0), "1 µs");
        assert_eq!(Unit::Rate.axis(0.0), "0 /s");
    }
}
