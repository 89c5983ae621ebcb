//! A histogram of latencies in the terminal, at most 80 columns wide.

use super::super::units::nanoseconds;
use hdrhistogram::Histogram;
use std::fmt::Write as _;

/// Columns of the bars.
const WIDTH: usize = 48;
/// At most so many rows.
const ROWS: usize = 14;
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// What the bars are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Blocks,
    Ascii,
}

impl Style {
    /// Blocks where the locale is UTF-8.
    pub(super) fn choose(ascii: bool) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
            .unwrap_or_default()
            .to_lowercase();
        if ascii || !(locale.contains("utf-8") || locale.contains("utf8")) {
            Self::Ascii
        } else {
            Self::Blocks
        }
    }

    /// A bar of this many columns; what is there at all is seen.
    fn bar(self, columns: f64) -> String {
        let eighths = ((columns * 8.0).round() as usize).max(1);
        match self {
            Self::Ascii => "#".repeat(eighths.div_ceil(8)),
            Self::Blocks => {
                let mut bar = "█".repeat(eighths / 8);
                bar.extend(
                    eighths
                        .checked_rem(8)
                        .filter(|rest| *rest > 0)
                        .map(|rest| EIGHTHS[rest - 1]),
                );
                bar
            }
        }
    }
}

/// Rows of equal factors from the shortest to the longest.
pub(super) fn histogram(times: &Histogram<u64>, style: Style) -> String {
    if times.is_empty() {
        return String::new();
    }
    let (low, high) = (times.min().max(1) as f64, times.max().max(1) as f64 + 1.0);
    let factor = (high / low).powf(1.0 / ROWS as f64).max(1.05);
    let mut counts = [0_u64; ROWS];
    for value in times.iter_recorded() {
        let row = (value.value_iterated_to() as f64 / low).ln() / factor.ln();
        counts[(row.max(0.0) as usize).min(ROWS - 1)] += value.count_at_value();
    }
    let last = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let mut text = String::new();
    for (row, count) in counts[..=last].iter().enumerate() {
        let upto = low * factor.powi(row as i32 + 1);
        let bar = if *count == 0 {
            String::new()
        } else {
            style.bar(*count as f64 / most * WIDTH as f64)
        };
        let share = *count as f64 * 100.0 / times.len() as f64;
        let fill = " ".repeat(WIDTH.saturating_sub(bar.chars().count()));
        let upto = nanoseconds(upto as u64);
        let _ = writeln!(text, "  < {upto:>9}  {bar}{fill}  {share:>8.4} %");
    }
    match style {
        Style::Blocks => text,
        Style::Ascii => text.replace('µ', "u"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times() -> Histogram<u64> {
        let mut times = Histogram::new_with_bounds(1, 3_600_000_000_000, 3).unwrap();
        times.record_n(250, 90_000).unwrap();
        times.record_n(900, 9_000).unwrap();
        times.record_n(60_000, 10).unwrap();
        times.record_n(12_000_000, 1).unwrap();
        times
    }

    #[test]
    fn it_fits_eighty_columns_and_shows_every_sample() {
        for style in [Style::Blocks, Style::Ascii] {
            let text = histogram(&times(), style);
            assert!(
                text.lines().all(|line| line.chars().count() <= 80),
                "{text}"
            );
            assert_eq!(text.lines().count(), ROWS);
            let shown = text
                .lines()
                .filter(|line| !line.contains(" 0.0000 %"))
                .count();
            assert!(shown >= 3, "{text}");
            let longest = text.lines().last().unwrap();
            assert!(
                longest.contains(if style == Style::Ascii { '#' } else { '▏' }),
                "{text}"
            );
            assert_eq!(text.is_ascii(), style == Style::Ascii);
        }
        assert_eq!(histogram(&Histogram::new(3).unwrap(), Style::Ascii), "");
    }

    #[test]
    fn shares_add_up() {
        let text = histogram(&times(), Style::Ascii);
        let sum: f64 = text
            .lines()
            .map(|line| {
                line.trim_end_matches(" %")
                    .rsplit(' ')
                    .next()
                    .unwrap()
                    .parse::<f64>()
                    .unwrap()
            })
            .sum();
        assert!((sum - 100.0).abs() < 0.01, "{text}");
    }
}
