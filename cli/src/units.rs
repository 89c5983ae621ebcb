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

/// Seconds, in the two largest units: `0.2 s`, `1 h 2 min`.
pub(super) fn seconds(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_in_their_two_largest_units() {
        let shown = [0.25, 61.0, 3725.0, 90_000.0].map(seconds);
        assert_eq!(shown, ["0.2 s", "1 min 1 s", "1 h 2 min", "1 d 1 h"]);
    }

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
