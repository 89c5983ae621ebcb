//! The handler table and the error log.
//!
//! Filled by CAS on an id and a ready word, so an entry whose writer died half-way is written again,
//! to the same text, by the next.

use crate::format::layout::{ERROR_TEXT_MAX, id_of};
use crate::format::states::{Codec, LaneKind, Listing};
use crate::os::clock::now_ns;
use crate::records::{ErrorRecord, HandlerRecord};
use crate::segment::Segment;

/// A handler known to the pool's workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerInfo {
    /// Its name.
    pub name: String,
    /// Codec of its request.
    pub request_codec: Codec,
    /// Codec of its result.
    pub result_codec: Codec,
    /// Which lanes its tasks are for, where the pool has I/O workers.
    pub kind: LaneKind,
}

/// Registers a handler, once for all workers; `false` when the table is full.
pub fn register_handler(segment: &Segment, info: &HandlerInfo) -> bool {
    let id = id_of(&info.name);
    for record in segment.handler_records() {
        if !record.take(id) {
            continue;
        }
        failpoint!("handler.claimed");
        record.set_name(&info.name);
        record.set_codecs(info.request_codec, info.result_codec);
        record.set_kind(info.kind);
        failpoint!("handler.kind_told");
        record.list_release();
        return true;
    }
    false
}

/// The handlers that workers have registered, without those that a reload has removed; sorted by
/// name.
#[must_use]
pub fn handlers(segment: &Segment) -> Vec<HandlerInfo> {
    let listed = table(segment).filter(|(_, listing)| *listing != Listing::Gone);
    let mut found: Vec<HandlerInfo> = listed.filter_map(|(record, _)| info_of(record)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The name of the handler with this id, also of one that a reload has removed.
#[must_use]
pub fn handler_name(segment: &Segment, id: u64) -> Option<String> {
    table(segment)
        .map(|(record, _)| record.name())
        .find(|name| id_of(name) == id)
}

/// Where the handler with this id is in the table.
pub(crate) fn place_of(segment: &Segment, id: u64) -> Option<u32> {
    (0..)
        .zip(segment.handler_records())
        .find(|(_, record)| record.is_listed_as(id))
        .map(|(place, _)| place)
}

/// Which lanes the tasks of the handler with this id are for; CPU lanes where none has registered it.
pub(crate) fn kind_of(segment: &Segment, id: u64) -> LaneKind {
    let mut records = segment.handler_records();
    let listed = records.find(|record| record.is_listed_as(id));
    listed
        .and_then(|record| record.kind().ok())
        .unwrap_or(LaneKind::Cpu)
}

/// Which lanes the tasks of the handler with this id are for, if it stands at this place of the table.
pub(crate) fn kind_at(segment: &Segment, place: u32, id: u64) -> Option<LaneKind> {
    let record = segment.handler_record(place)?;
    record.is_listed_as(id).then(|| record.kind().ok())?
}

/// The name of the handler at a place of the table.
pub(crate) fn name_at(segment: &Segment, place: u32) -> Option<String> {
    let record = segment.handler_records().nth(place as usize)?;
    let listing = record.listing_acquire().ok()?;
    (listing != Listing::Unwritten).then(|| record.name())
}

/// A reload begins: what is listed is of the workers before, until one registers it again. For the
/// supervisor.
pub fn renew_handlers(segment: &Segment) {
    for (record, _) in table(segment) {
        record.relist(Listing::Listed, Listing::Former);
    }
}

/// A reload has replaced all workers: what none of the new ones has registered is listed no more.
/// For the supervisor.
pub fn drop_former_handlers(segment: &Segment) {
    for (record, _) in table(segment) {
        record.relist(Listing::Former, Listing::Gone);
    }
}

/// A reload has come to nothing: those of `before` are listed, and no others. For the supervisor.
pub fn keep_former_handlers(segment: &Segment, before: &[String]) {
    for (record, _) in table(segment) {
        let name = record.name();
        record.relist(Listing::Former, Listing::Listed);
        if !before.contains(&name) {
            record.relist(Listing::Listed, Listing::Gone);
        }
    }
}

/// The entries that are written.
fn table(segment: &Segment) -> impl Iterator<Item = (HandlerRecord<'_>, Listing)> {
    segment.handler_records().filter_map(|record| {
        let listing = record.listing_acquire().ok()?;
        (listing != Listing::Unwritten).then_some((record, listing))
    })
}

/// `None` for an entry that no process of ours writes; the audit tells of it.
fn info_of(record: HandlerRecord<'_>) -> Option<HandlerInfo> {
    Some(HandlerInfo {
        name: record.name(),
        request_codec: record.request_codec().ok()?,
        result_codec: record.result_codec().ok()?,
        kind: record.kind().ok()?,
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
    log_in(segment.error_records(), text)
}

/// Counts a failure of a handler in the same log, in its first half only: handlers that fail in ever
/// new ways leave room for deaths of workers and the like. `false` when there is no room.
pub(crate) fn log_failure(segment: &Segment, handler: u64, how: &str) -> bool {
    let name = place_of(segment, handler).and_then(|place| name_at(segment, place));
    let name = name.as_deref().unwrap_or("an unknown handler");
    let half = segment.geometry().error_capacity.div_ceil(2) as usize;
    let first_half = segment.error_records().take(half);
    log_in(first_half, &format!("{name} {how}"))
}

fn log_in<'s>(records: impl Iterator<Item = ErrorRecord<'s>>, text: &str) -> bool {
    let text = &text[..text.floor_char_boundary(ERROR_TEXT_MAX)];
    let (id, now) = (id_of(text), now_ns());
    for record in records {
        let Some(first) = record.take(id) else {
            continue;
        };
        failpoint!("error.claimed");
        record.count(text, first, now);
        return true;
    }
    false
}

/// The error log, latest first.
#[must_use]
pub fn errors(segment: &Segment) -> Vec<ErrorEntry> {
    let entry = |record: ErrorRecord<'_>| {
        Some(ErrorEntry {
            text: record.text_acquire()?,
            count: record.times(),
            first_ns: record.first_ns(),
            last_ns: record.last_ns(),
        })
    };
    let mut found: Vec<ErrorEntry> = segment.error_records().filter_map(entry).collect();
    found.sort_by_key(|entry| std::cmp::Reverse(entry.last_ns));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_that_fail_in_ever_new_ways_leave_room_for_deaths() {
        let temp = tempfile::tempdir().unwrap();
        let dir = crate::PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let (segment, _locks) = Segment::create(&dir, &crate::PoolConfig::default()).unwrap();
        let info = HandlerInfo {
            name: "echo".to_owned(),
            request_codec: Codec::Bytes,
            result_codec: Codec::Bytes,
            kind: LaneKind::Cpu,
        };
        assert!(register_handler(&segment, &info));
        let id = id_of("echo");
        assert!(log_failure(&segment, id, "failed: a") && log_failure(&segment, id, "failed: a"));
        let entry = errors(&segment).remove(0);
        assert_eq!((entry.text.as_str(), entry.count), ("echo failed: a", 2));
        assert!(entry.first_ns <= entry.last_ns && entry.first_ns > 0);
        let room = (0..).take_while(|n| log_failure(&segment, id, &n.to_string()));
        assert_eq!(room.count(), 15);
        assert!(log_failure(&segment, id, "failed: a"), "it has its entry");
        let room = (0..).take_while(|n| log_error(&segment, &n.to_string()));
        assert_eq!(room.count(), 16);
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
                    request_codec: Codec::Bytes,
                    result_codec: Codec::Bytes,
                    kind: LaneKind::Cpu,
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
