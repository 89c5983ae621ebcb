//! Sizes as people read them, by one rule for logs, errors, `doctor`, `serve` and `stat`.
//!
//! Units are powers of 1024; a size that is no whole
//! number of its unit has one decimal.

use std::fmt;

/// A size in bytes, shown as `7 B`, `60 MiB` or `973.9 MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        match units.into_iter().find(|(shift, _)| self.0 >= 1 << shift) {
            None => write!(f, "{} B", self.0),
            Some((shift, unit)) if self.0.trailing_zeros() >= shift => {
                write!(f, "{} {unit}", self.0 >> shift)
            }
            Some((shift, unit)) => {
                write!(f, "{:.1} {unit}", self.0 as f64 / (1_u64 << shift) as f64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn sizes_are_shown_short() {
        let sizes = [7, 60 << 20, 1536, 3 << 30, (60 << 20) - 300_000];
        assert_eq!(
            sizes.map(|bytes| Bytes(bytes).to_string()),
            ["7 B", "60 MiB", "1.5 KiB", "3 GiB", "59.7 MiB"]
        );
    }
}
