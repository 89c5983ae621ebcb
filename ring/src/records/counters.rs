//! Counters and histograms in the segment, the handler table and the error log.
//!
//! A counter or histogram has one writer (its lane, its client, or the
//! supervisor); readers may see it a little late. Tables are filled by CAS on an id and a ready
//! word, so an entry whose writer died half-way is written again, to the same text, by the next.

use crate::format::layout::*;
use crate::os::clock::now_ns;
use crate::os::sync::{AtomicU64, Ordering};
use crate::segment::Segment;

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

/// A histogram read out of one or more lanes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram(pub Vec<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self(vec![0; HISTOGRAM_BUCKETS])
    }
}

impl Histogram {
    /// Adds what stands at `offset` of a lane.
    pub fn add(&mut self, segment: &Segment, offset: usize) {
        for (bucket, count) in self.0.iter_mut().enumerate() {
            let more = segment.u64_at(offset + 8 * bucket).load(Ordering::Relaxed);
            *count = count.saturating_add(more);
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

/// Adds one sample to a histogram of the caller's own lane.
pub(crate) fn record(segment: &Segment, histogram: usize, ns: u64) {
    bump(segment, histogram + 8 * bucket_of(ns));
}

/// Adds one to a counter that only the caller writes.
#[inline]
pub(crate) fn bump(segment: &Segment, counter: usize) {
    bump_word(segment.u64_at(counter));
}

/// As [`bump`].
#[inline]
pub(crate) fn bump_word(word: &AtomicU64) {
    bump_word_by(word, 1);
}

/// As [`bump`], by more than one.
#[inline]
pub(crate) fn bump_word_by(word: &AtomicU64, by: u64) {
    // Wrapping: the number may be a peer's invention.
    word.store(
        word.load(Ordering::Relaxed).wrapping_add(by),
        Ordering::Relaxed,
    );
}

/// A handler known to the pool's workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerInfo {
    /// Its name.
    pub name: String,
    /// Codec of its request (`CODEC_*`).
    pub request_codec: u8,
    /// Codec of its result.
    pub result_codec: u8,
}

/// Registers a handler, once for all workers; `false` when the table is full.
pub fn register_handler(segment: &Segment, info: &HandlerInfo) -> bool {
    let id = id_of(&info.name);
    for index in 0..segment.geometry().handler_capacity as usize {
        let at = segment.geometry().handlers + HANDLER_STRIDE * index;
        let word = segment.u64_at(at + HANDLER_ID);
        let seen = match word.compare_exchange(0, id, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => id,
            Err(seen) => seen,
        };
        if seen != id {
            continue;
        }
        failpoint!("handler.claimed");
        let len = segment.put_text(at + HANDLER_NAME, &info.name, HANDLER_NAME_MAX);
        failpoint!("handler.named");
        segment
            .u8_at(at + HANDLER_NAME_LEN)
            .store(len as u8, Ordering::Relaxed);
        segment
            .u8_at(at + HANDLER_REQUEST_CODEC)
            .store(info.request_codec, Ordering::Relaxed);
        segment
            .u8_at(at + HANDLER_RESULT_CODEC)
            .store(info.result_codec, Ordering::Relaxed);
        // pairs with the acquire load in `table`.
        segment
            .u32_at(at + HANDLER_READY)
            .store(HANDLER_LISTED, Ordering::Release);
        return true;
    }
    false
}

/// The handlers that workers have registered, without those that a reload has removed; sorted by
/// name.
#[must_use]
pub fn handlers(segment: &Segment) -> Vec<HandlerInfo> {
    let listed = table(segment).filter(|(_, ready, _)| *ready != HANDLER_GONE);
    let mut found: Vec<HandlerInfo> = listed.map(|(_, _, info)| info).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The name of the handler with this id, also of one that a reload has removed.
#[must_use]
pub fn handler_name(segment: &Segment, id: u64) -> Option<String> {
    table(segment)
        .map(|(_, _, info)| info.name)
        .find(|name| id_of(name) == id)
}

/// A reload begins: what is listed is of the workers before, until one registers it again. For the
/// supervisor.
pub fn renew_handlers(segment: &Segment) {
    for (at, _, _) in table(segment) {
        change(segment, at, HANDLER_LISTED, HANDLER_FORMER);
    }
}

/// A reload has replaced all workers: what none of the new ones has registered is listed no more.
/// For the supervisor.
pub fn drop_former_handlers(segment: &Segment) {
    for (at, _, _) in table(segment) {
        change(segment, at, HANDLER_FORMER, HANDLER_GONE);
    }
}

/// A reload has come to nothing: those of `before` are listed, and no others. For the supervisor.
pub fn keep_former_handlers(segment: &Segment, before: &[String]) {
    for (at, _, info) in table(segment) {
        change(segment, at, HANDLER_FORMER, HANDLER_LISTED);
        if !before.contains(&info.name) {
            change(segment, at, HANDLER_LISTED, HANDLER_GONE);
        }
    }
}

fn change(segment: &Segment, at: usize, from: u32, to: u32) {
    let word = segment.u32_at(at + HANDLER_READY);
    // A worker that registers it at this moment wins, with either order. Relaxed: the fields are
    // those that the first writer's release store has published.
    let _ = word.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
}

/// Place, HANDLER_READY and content of each entry that is written.
fn table(segment: &Segment) -> impl Iterator<Item = (usize, u32, HandlerInfo)> {
    (0..segment.geometry().handler_capacity as usize)
        .map(|index| segment.geometry().handlers + HANDLER_STRIDE * index)
        .filter_map(|at| {
            // pairs with the release store in `register_handler`.
            let ready = segment.u32_at(at + HANDLER_READY).load(Ordering::Acquire);
            if !(HANDLER_LISTED..=HANDLER_GONE).contains(&ready) {
                return None;
            }
            let byte = |field: usize| segment.u8_at(at + field).load(Ordering::Relaxed);
            let len = usize::from(byte(HANDLER_NAME_LEN)).min(HANDLER_NAME_MAX);
            let info = HandlerInfo {
                name: segment.get_text(at + HANDLER_NAME, len),
                request_codec: byte(HANDLER_REQUEST_CODEC),
                result_codec: byte(HANDLER_RESULT_CODEC),
            };
            Some((at, ready, info))
        })
}

/// An entry of the error log: a distinct text, how often and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorEntry {
    /// The text.
    pub text: String,
    /// How often it occurred.
    pub count: u64,
    /// CLOCK_MONOTONIC nanoseconds of the first time.
    pub first_ns: u64,
    /// CLOCK_MONOTONIC nanoseconds of the last time.
    pub last_ns: u64,
}

/// Counts an error in the segment's log of distinct errors; `false` when the log is full.
pub fn log_error(segment: &Segment, text: &str) -> bool {
    let text = &text[..text.floor_char_boundary(ERROR_TEXT_MAX)];
    let (id, now) = (id_of(text), now_ns());
    for index in 0..segment.geometry().error_capacity as usize {
        let at = segment.geometry().errors + ERROR_STRIDE * index;
        let word = segment.u64_at(at + ERROR_ID);
        let first = word.compare_exchange(0, id, Ordering::AcqRel, Ordering::Acquire);
        if first.is_err_and(|seen| seen != id) {
            continue;
        }
        failpoint!("error.claimed");
        if first.is_ok() {
            segment
                .u64_at(at + ERROR_FIRST_NS)
                .store(now, Ordering::Relaxed);
        }
        segment
            .u64_at(at + ERROR_LAST_NS)
            .store(now, Ordering::Relaxed);
        segment
            .u64_at(at + ERROR_COUNT)
            .fetch_add(1, Ordering::Relaxed);
        segment.put_text(at + ERROR_TEXT, text, ERROR_TEXT_MAX);
        // pairs with the acquire load in `errors`.
        segment
            .u32_at(at + ERROR_LEN)
            .store(text.len() as u32, Ordering::Release);
        return true;
    }
    false
}

/// The error log, latest first.
#[must_use]
pub fn errors(segment: &Segment) -> Vec<ErrorEntry> {
    let mut found: Vec<ErrorEntry> = (0..segment.geometry().error_capacity as usize)
        .map(|index| segment.geometry().errors + ERROR_STRIDE * index)
        .filter_map(|at| {
            // pairs with the release store in `log_error`.
            let len = segment.u32_at(at + ERROR_LEN).load(Ordering::Acquire) as usize;
            let get = |field: usize| segment.u64_at(at + field).load(Ordering::Relaxed);
            (len > 0).then(|| ErrorEntry {
                text: segment.get_text(at + ERROR_TEXT, len.min(ERROR_TEXT_MAX)),
                count: get(ERROR_COUNT),
                first_ns: get(ERROR_FIRST_NS),
                last_ns: get(ERROR_LAST_NS),
            })
        })
        .collect();
    found.sort_by_key(|entry| std::cmp::Reverse(entry.last_ns));
    found
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

    #[test]
    fn a_reload_lists_what_its_workers_register_and_names_the_rest() {
        let temp = tempfile::tempdir().unwrap();
        let dir = crate::PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let config = crate::PoolConfig {
            segment_size: Some(8 << 20),
            ..crate::PoolConfig::default()
        };
        let (segment, _locks) = Segment::create(&dir, &config).unwrap();
        let register = |names: &[&str]| {
            for name in names {
                let info = HandlerInfo {
                    name: (*name).to_owned(),
                    request_codec: 0,
                    result_codec: 0,
                };
                assert!(register_handler(&segment, &info));
            }
        };
        let listed = || -> Vec<String> { handlers(&segment).into_iter().map(|h| h.name).collect() };
        register(&["a", "b"]);
        renew_handlers(&segment);
        register(&["b", "c"]);
        assert_eq!(listed(), ["a", "b", "c"], "both kinds of workers serve");
        drop_former_handlers(&segment);
        assert_eq!(listed(), ["b", "c"]);
        assert_eq!(handler_name(&segment, id_of("a")).as_deref(), Some("a"));
        // One that fails changes nothing, and one that brings "a" back lists it.
        let before = listed();
        renew_handlers(&segment);
        register(&["c", "d"]);
        keep_former_handlers(&segment, &before);
        assert_eq!(listed(), before);
        register(&["a"]);
        assert_eq!(listed(), ["a", "b", "c"]);
    }
}
