//! What a lane counts by handler.
//!
//! The lane's side of the section: it takes a record when it first meets a handler, and remembers
//! where that is. A record stays the lane's: its next life, in another process, finds it by its key
//! and counts on. So a record has one writer at any time, as a lane has one life at a time, and
//! nothing is lost when that dies. Only the last record is shared, by lanes that found no other.

use crate::format::layout::{HandlerCounter, LaneCounter, SECTION_HANDLER_COUNTS};
use crate::format::section::SectionPlace;
use crate::records::{CountedBy, HandlerCountsRecord, TaskTime};
use crate::segment::{Segment, tables};

/// Where a record is, and whether other lanes write it, too.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    shared: bool,
}

/// The records of one lane.
#[derive(Debug)]
pub(crate) struct HandlerCounts {
    section: Option<SectionPlace>,
    lane: u32,
    // The record of the handler counted for last; none without a section.
    now: Option<Place>,
    now_handler: u64,
    // Those of handlers in the handler table, so at most as many as that has.
    known: Vec<(u64, Place)>,
}

impl HandlerCounts {
    pub(crate) fn new(segment: &Segment, lane: u32) -> Self {
        Self {
            section: segment.geometry().section(SECTION_HANDLER_COUNTS),
            lane,
            now: None,
            now_handler: 0,
            known: Vec::new(),
        }
    }

    /// Counts for a handler from now on.
    #[inline(always)]
    fn begin(&mut self, segment: &Segment, handler: u64) {
        if handler != self.now_handler || handler == 0 {
            self.change(segment, handler);
        }
    }

    #[inline(never)]
    fn change(&mut self, segment: &Segment, handler: u64) {
        let Some(section) = self.section else { return };
        self.now_handler = handler;
        let known = self.known.iter().find(|(id, _)| *id == handler);
        if let Some((_, place)) = known {
            self.now = Some(*place);
            return;
        }
        let listed = tables::place_of(segment, handler);
        let place = self.find(segment, section, listed);
        self.now = Some(place);
        // What any client may make up is not remembered.
        if listed.is_some() {
            self.known.push((handler, place));
        }
    }

    /// The lane's record for a handler of the table: the one that it has, or a free one, or the last.
    #[cold]
    fn find(&self, segment: &Segment, section: SectionPlace, handler: Option<u32>) -> Place {
        let key = CountedBy::Lane {
            lane: self.lane,
            handler,
        };
        let last = section.section.count - 1;
        let taken = (0..last).find(|index| {
            let record = segment.handler_counts(section.record_at(*index));
            record.take(key)
        });
        failpoint!("counts.taken");
        let shared = taken.is_none();
        let at = section.record_at(taken.unwrap_or(last));
        if shared {
            segment.handler_counts(at).take(CountedBy::Rest);
        }
        Place { at, shared }
    }

    #[inline(always)]
    fn with(
        &mut self,
        segment: &Segment,
        handler: u64,
        add: impl FnOnce(HandlerCountsRecord<'_>, bool),
    ) {
        self.begin(segment, handler);
        if let Some(Place { at, shared }) = self.now {
            add(segment.handler_counts(at), shared);
        }
    }

    /// Counts what the lane counts as well.
    #[inline(always)]
    pub(crate) fn count(&mut self, segment: &Segment, handler: u64, counter: LaneCounter, by: u64) {
        let Some(counter) = of_lane(counter) else {
            return;
        };
        self.with(segment, handler, |record, shared| {
            record.counter(counter).count(by, shared);
        });
    }

    /// Counts a task that is refused, since no worker could run it.
    pub(crate) fn refused(&mut self, segment: &Segment, handler: u64) {
        self.with(segment, handler, |record, shared| {
            record.counter(HandlerCounter::Refused).count(1, shared);
        });
    }

    /// Adds a sample of the time that a task waited.
    pub(crate) fn waited(&mut self, segment: &Segment, handler: u64, ns: u64) {
        self.with(segment, handler, |record, shared| {
            record.bucket(TaskTime::Queue, ns).count(1, shared);
            record.counter(HandlerCounter::WaitedNs).count(ns, shared);
        });
    }

    /// Adds a sample of the time that so many requests ran: one, or those of a chunk.
    pub(crate) fn ran(&mut self, segment: &Segment, handler: u64, ns: u64, requests: u32) {
        self.with(segment, handler, |record, shared| {
            record.bucket(TaskTime::Run, ns).count(1, shared);
            let requests = requests.into();
            record
                .counter(HandlerCounter::Sampled)
                .count(requests, shared);
            record.counter(HandlerCounter::SampledNs).count(ns, shared);
        });
    }
}

/// The counter of a handler that counts what this one of the lane does.
#[inline(always)]
pub(crate) const fn of_lane(counter: LaneCounter) -> Option<HandlerCounter> {
    Some(match counter {
        LaneCounter::Completed => HandlerCounter::Completed,
        LaneCounter::Failed => HandlerCounter::Failed,
        LaneCounter::Panicked => HandlerCounter::Panicked,
        LaneCounter::Expired => HandlerCounter::Expired,
        LaneCounter::Cancelled => HandlerCounter::Cancelled,
        LaneCounter::Started
        | LaneCounter::Stolen
        | LaneCounter::Parked
        | LaneCounter::Opened
        | LaneCounter::Closed => return None,
    })
}
