//! Histograms of times: four buckets to an octave of nanoseconds.

use crate::format::layout::HISTOGRAM_BUCKETS;

/// The bucket of a duration: below 8 ns exact, then four to an octave.
#[must_use]
pub fn bucket_of(ns: u64) -> usize {
    if ns < 8 {
        return ns as usize;
    }
    let exponent = ns.ilog2();
    let quarter = (ns >> (exponent - 2)) & 3;
    ((exponent as usize - 1) * 4 + quarter as usize).min(HISTOGRAM_BUCKETS - 1)
}

/// The smallest duration in nanoseconds that falls into a bucket.
#[must_use]
pub fn bucket_floor(bucket: usize) -> u64 {
    if bucket < 8 {
        return bucket as u64;
    }
    let exponent = bucket / 4 + 1;
    (4 + (bucket % 4) as u64) << (exponent - 2)
}

/// A histogram read out of one or more records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram(pub Vec<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self(vec![0; HISTOGRAM_BUCKETS])
    }
}

impl Histogram {
    /// Adds the samples of another.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            *sum = sum.saturating_add(*more);
        }
    }

    /// Number of samples.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().copied().fold(0, u64::saturating_add)
    }

    /// The duration in nanoseconds below which `quantile` (0 to 1) of the
    /// samples are, as the upper end of its bucket (at most 25 % too high); `None` without samples.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let total = self.count();
        let wanted = ((total as f64 * quantile).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        self.0.iter().enumerate().find_map(|(bucket, count)| {
            seen = count.saturating_add(seen);
            (total > 0 && seen >= wanted).then(|| bucket_floor(bucket + 1))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_ordered() {
        for bucket in 0..HISTOGRAM_BUCKETS - 1 {
            let (floor, next) = (bucket_floor(bucket), bucket_floor(bucket + 1));
            assert!(next > floor, "{bucket}");
            assert_eq!(bucket_of(floor), bucket);
            assert_eq!(bucket_of(next - 1), bucket);
        }
        assert_eq!(bucket_of(u64::MAX), HISTOGRAM_BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_upper_bounds() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for ns in 1..=1000 {
            histogram.0[bucket_of(ns)] += 1;
        }
        let median = histogram.quantile(0.5).unwrap();
        assert!((500..=640).contains(&median), "{median}");
        assert!(histogram.quantile(1.0).unwrap() >= 1000);
    }
}
