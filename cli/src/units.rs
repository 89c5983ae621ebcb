//! Sizes and durations as people write them ([`Size`], [`Span`]), and as they are measured.

pub(super) use ringwork_supervisor::config::text::{Size, Span};

/// Nanoseconds, to three digits: `870 ns`, `12.4 µs`, `1.25 s`.
pub(super) fn nanoseconds(ns: u64) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    match units.into_iter().find(|(one, _)| ns >= *one) {
        None => format!("{ns} ns"),
        Some((one, unit)) => {
            let value = ns as f64 / one as f64;
            let digits = if value < 10.0 {
                2
            } else {
                usize::from(value < 100.0)
            };
            format!("{value:.digits$} {unit}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_short() {
        assert_eq!(
            [
                nanoseconds(870),
                nanoseconds(12_440),
                nanoseconds(1_250_000_000)
            ],
            ["870 ns", "12.4 µs", "1.25 s"]
        );
    }
}
