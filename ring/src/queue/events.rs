//! The event ring: many publishers, any number of readers, overwriting.
//!
//! Invariant: a publisher waits for nobody, and a reader is told of each position that it passes:
//! received, lost (overwritten before it came) or skipped (never written, or not yet). A cell's
//! word is the authority; the tail is a shortcut that publishers move on for one another. See
//! docs/internals/protocol.md section 18.

use crate::format::layout::{
    EVENT_BYTES_MAX, EVENT_POSITION_MASK, EVENT_POSITION_SHIFT, SECTION_EVENTS, TOPIC_NAME_MAX,
};
use crate::format::section::SectionPlace;
use crate::format::states::Codec;
use crate::format::words::{EventState, EventWord, Lap, Publisher};
use crate::os::clock::now_ns;
use crate::os::sync::{Ordering, fence, fence_after_rmw, retry};
use crate::queue::wait::{futex_wait, futex_wake};
use crate::records::{CORRUPT_AFTER, EventRecord, EventsRecord};
use crate::segment::Segment;
use std::time::Duration;

/// How long a reader waits for an event that is being written, in ns. Writing takes tens of them:
/// a publisher that takes so long was stopped, or died.
const PATIENCE_NS: u64 = 1_000_000;

/// The longest that a subscriber sleeps: so late is it told when the one publisher that was to wake
/// it is stopped in the middle. One that dies there is made up for by the reaper.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Why nothing was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPublished {
    /// The pool keeps no events.
    #[error("the pool keeps no events: serve it with --events 1024, or leave the option out")]
    NoEvents,
    /// The event has more than [`EVENT_BYTES_MAX`] bytes.
    #[error(
        "the event is too large: it can have {EVENT_BYTES_MAX} bytes; send more as the result of a task"
    )]
    TooLarge,
    /// The table of topics is full.
    #[error(
        "the pool's table of topics is full: publish on one of those that are there, and put what differs into the \
             event"
    )]
    NoTopic,
    /// The topic's name is none.
    #[error(
        "the topic's name is none: it has parts of letters, digits, - and _ with dots between them, such as \
             order.paid, and {TOPIC_NAME_MAX} bytes at most"
    )]
    BadTopic,
    /// The reaper has taken this process for dead, or the ring's words are none of ours.
    #[error(
        "the pool has taken this process for dead, or its event ring is damaged: see the log of its supervisor"
    )]
    Refused,
}

/// The event ring of a segment.
#[derive(Debug, Clone, Copy)]
pub struct EventRing<'s> {
    segment: &'s Segment,
    place: SectionPlace,
}

impl Segment {
    /// The event ring, if the pool keeps events.
    #[must_use]
    pub fn events(&self) -> Option<EventRing<'_>> {
        let place = self.geometry().section(SECTION_EVENTS)?;
        Some(EventRing {
            segment: self,
            place,
        })
    }
}

impl<'s> EventRing<'s> {
    fn head(self) -> EventsRecord<'s> {
        self.segment.events_head(self.place.offset)
    }

    fn cell(self, position: u64) -> EventRecord<'s> {
        // Masked, so that a position that a peer made up stays in bounds.
        let index = position & (self.capacity() - 1);
        (self.segment).event(self.place.record_at(index as u32 + 1))
    }

    /// How many events it keeps.
    #[must_use]
    pub fn capacity(self) -> u64 {
        u64::from(self.place.section.count - 1)
    }

    /// Positions that have been passed: the next event has this one.
    #[must_use]
    pub fn tail(self) -> u64 {
        self.head().tail().load(Ordering::Acquire)
    }

    fn move_tail(self, from: u64) {
        let tail = self.head().tail();
        let next = from.wrapping_add(1);
        let _ = tail.compare_exchange(from, next, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Publishes an event of the topic at this place of the table; its position.
    ///
    /// # Errors
    /// [`NotPublished::TooLarge`], [`NotPublished::Refused`].
    pub fn publish(
        self,
        publisher: Publisher,
        about: (u32, Codec),
        bytes: &[u8],
    ) -> Result<u64, NotPublished> {
        if bytes.len() > EVENT_BYTES_MAX {
            return Err(NotPublished::TooLarge);
        }
        let (position, busy) = self.claim(publisher).ok_or(NotPublished::Refused)?;
        failpoint!("event.claimed");
        self.move_tail(position);
        failpoint!("event.tail_moved");
        // A reader that meets a word of this event sees after its fence that the cell is BUSY.
        fence(Ordering::Release);
        let cell = self.cell(position);
        cell.write(now_ns(), about, bytes);
        failpoint!("event.written");
        // pairs with the acquire load of the word in `EventReader::next`.
        let ended = cell.word().compare_exchange(
            busy.0,
            busy.ready().0,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        failpoint!("event.ready");
        self.wake_subscribers();
        ended.map(|_| position).map_err(|_| NotPublished::Refused)
    }

    /// Takes the next position for a publisher.
    fn claim(self, publisher: Publisher) -> Option<(u64, EventWord)> {
        for _ in 0..CORRUPT_AFTER {
            let tail = self.tail();
            let cell = self.cell(tail);
            let seen = cell.word_acquire();
            match (seen.seen_from(tail), seen.state()) {
                // Another publisher has it, and did not move the tail yet.
                (Lap::Same, _) => self.move_tail(tail),
                // Of the lap before, and still being written: it is left out.
                (Lap::Before, Some(EventState::Busy)) => {
                    self.move_tail(tail);
                    retry(); // Were all cells left out, it would go round and round.
                }
                (Lap::Before, _) => {
                    let busy = EventWord::busy(tail, publisher);
                    let won = cell.word().compare_exchange(
                        seen.0,
                        busy.0,
                        Ordering::AcqRel,
                        Ordering::Relaxed,
                    );
                    if won.is_ok() {
                        return Some((tail, busy));
                    }
                }
                // The tail was stale.
                (Lap::Beyond, _) => retry(),
            }
        }
        None
    }

    /// Wakes all subscribers that sleep. One that is about to has looked again since it asked.
    fn wake_subscribers(self) {
        fence_after_rmw();
        let head = self.head();
        if head.asked().load(Ordering::Relaxed) != 0 {
            self.wake_all();
        }
    }

    fn wake_all(self) {
        let head = self.head();
        if head.asked().swap(0, Ordering::AcqRel) == 0 {
            return;
        }
        failpoint!("event.asked");
        head.wake().fetch_add(1, Ordering::Release);
        failpoint!("event.bumped");
        futex_wake(head.wake(), i32::MAX);
        failpoint!("event.woken");
    }

    /// What a dead publisher was writing will not come. For the reaper, before the entry is free.
    pub(crate) fn forget(self, dead: Publisher) {
        for index in 0..self.capacity() {
            let cell = self.cell(index);
            let seen = cell.word_acquire();
            if seen.state() == Some(EventState::Busy) && seen.publisher() == dead {
                let _ = cell.word().compare_exchange(
                    seen.0,
                    seen.void().0,
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                );
            }
        }
        failpoint!("reap.events_void");
        // It may have died after it took the request to wake, and before it did.
        self.wake_up();
    }

    /// Wakes all subscribers, so that they look again.
    pub fn wake_up(self) {
        let head = self.head();
        head.wake().fetch_add(1, Ordering::Release);
        futex_wake(head.wake(), i32::MAX);
    }

    /// Sleeps until something was published behind `reader`'s position, or the time is over.
    pub fn wait(self, reader: &EventReader, limit: Duration) {
        let head = self.head();
        let seen = head.wake().load(Ordering::Acquire);
        head.asked().store(1, Ordering::SeqCst);
        failpoint!("event.asking");
        fence(Ordering::SeqCst);
        match self.look(reader.next) {
            // Of what is being written no news may come: its publisher may be stopped.
            Look::Busy => futex_wait(
                head.wake(),
                seen,
                limit.min(Duration::from_nanos(PATIENCE_NS)),
            ),
            Look::Nothing => futex_wait(head.wake(), seen, limit.min(LONGEST_SLEEP)),
            _ => {}
        }
    }

    /// What stands at a position.
    fn look(self, position: u64) -> Look {
        let cell = self.cell(position);
        let seen = cell.word_acquire();
        match (seen.seen_from(position), seen.state()) {
            (Lap::Same, Some(EventState::Ready)) => Look::Ready(seen),
            (Lap::Same, Some(EventState::Busy)) => Look::Busy,
            (Lap::Same, _) => Look::LeftOut,
            (Lap::Beyond, _) => Look::Overwritten,
            (Lap::Before, _) if !is_before(position, self.tail()) => Look::Nothing,
            // The tail has passed it, and the word may have changed before.
            (Lap::Before, _) if cell.word_acquire() == seen => Look::LeftOut,
            (Lap::Before, _) => Look::Changed,
        }
    }

    #[cfg(test)]
    pub(crate) fn is_busy(self, index: u64) -> bool {
        self.cell(index).word_acquire().state() == Some(EventState::Busy)
    }

    /// Whether the word of a cell is one that a publisher writes. For the audit.
    pub(crate) fn cell_is_possible(self, index: u64) -> bool {
        let g = self.segment.geometry();
        let seen = self.cell(index).word_acquire();
        let Some(state) = seen.state() else {
            return false;
        };
        let position = seen.0 >> EVENT_POSITION_SHIFT;
        let exists = match seen.publisher() {
            Publisher::Supervisor => true,
            Publisher::Client(client) => client < g.max_clients,
            Publisher::Worker(worker) => worker < g.max_workers,
        };
        // The tail is read after the word: a position is claimed once the tail has come to it.
        let own = exists && position & (self.capacity() - 1) == index;
        state == EventState::Unused || own && !is_before(self.tail(), position)
    }

    /// Whether the word by which subscribers ask is one that they store. For the audit.
    pub(crate) fn is_asked_possibly(self) -> bool {
        self.head().asked().load(Ordering::Relaxed) <= 1
    }
}

/// Whether a position comes before another one.
const fn is_before(position: u64, other: u64) -> bool {
    let ahead = other.wrapping_sub(position) & EVENT_POSITION_MASK;
    ahead != 0 && ahead <= EVENT_POSITION_MASK / 2
}

/// What stands at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Its event.
    Ready(EventWord),
    /// Its event, which is being written.
    Busy,
    /// No event will be there, but for a very late publisher's.
    LeftOut,
    /// A later event.
    Overwritten,
    /// No position so far was passed.
    Nothing,
    /// The word has changed meanwhile.
    Changed,
}

/// An event as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvent {
    /// Its position: the number of those before it, counted modulo 2^40.
    pub position: u64,
    /// CLOCK_MONOTONIC nanoseconds.
    pub time_ns: u64,
    /// The process that published it.
    pub publisher: Publisher,
    /// Place of its topic in the table.
    pub topic: u32,
    /// Codec of its bytes, as the publisher wrote it.
    pub codec: u8,
    bytes: [u8; EVENT_BYTES_MAX],
    len: usize,
}

impl RawEvent {
    /// What was published.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Positions that a reader has passed. Received, lost and skipped together are all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Events that it was given.
    pub received: u64,
    /// Events that were overwritten before it came.
    pub lost: u64,
    /// Positions without an event: a publisher died or was stopped there.
    pub skipped: u64,
}

/// A reader's place in the event ring. It writes nothing: any number may read.
#[derive(Debug, Clone)]
pub struct EventReader {
    next: u64,
    passed: Passed,
    // Since when the event at the position has been BUSY, in ns.
    busy_since: Option<u64>,
}

impl EventReader {
    /// One that reads what is published from now on.
    #[must_use]
    pub fn from_now(ring: EventRing<'_>) -> Self {
        Self::at(ring.tail())
    }

    /// One that first reads what the pool still keeps.
    #[must_use]
    pub fn from_oldest(ring: EventRing<'_>) -> Self {
        let tail = ring.tail();
        Self::at(tail.saturating_sub(kept(ring)))
    }

    fn at(next: u64) -> Self {
        Self {
            next,
            passed: Passed::default(),
            busy_since: None,
        }
    }

    /// What it has passed.
    #[must_use]
    pub fn passed(&self) -> Passed {
        self.passed
    }

    /// The next position.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.next
    }

    fn step(&mut self) {
        self.next = self.next.wrapping_add(1);
        self.busy_since = None;
    }

    fn skip(&mut self) {
        self.passed.skipped += 1;
        self.step();
    }

    /// The next event, or `None` when there is none now.
    pub fn next(&mut self, ring: EventRing<'_>) -> Option<RawEvent> {
        for _ in 0..CORRUPT_AFTER {
            match ring.look(self.next) {
                Look::Ready(word) => {
                    if let Some(event) = self.read(ring, word) {
                        self.passed.received += 1;
                        self.step();
                        return Some(event);
                    }
                }
                Look::Busy if self.is_patient() => return None,
                Look::Busy | Look::LeftOut => self.skip(),
                Look::Overwritten => self.jump(ring),
                Look::Nothing => return None,
                Look::Changed => retry(),
            }
        }
        None
    }

    /// Whether it waits on for the event that is being written.
    fn is_patient(&mut self) -> bool {
        let now = now_ns();
        let since = *self.busy_since.get_or_insert(now);
        now.saturating_sub(since) < PATIENCE_NS
    }

    /// Goes on at the oldest event that is not about to be overwritten.
    fn jump(&mut self, ring: EventRing<'_>) {
        let oldest = ring.tail().wrapping_sub(kept(ring));
        let ahead = oldest.wrapping_sub(self.next) & EVENT_POSITION_MASK;
        // At least one: the cell has a later event, whatever the tail says.
        let ahead = if is_before(self.next, oldest) {
            ahead
        } else {
            1
        };
        self.passed.lost += ahead;
        self.next = self.next.wrapping_add(ahead);
        self.busy_since = None;
    }

    /// The event of a READY word, unless it is overwritten meanwhile.
    fn read(&self, ring: EventRing<'_>, word: EventWord) -> Option<RawEvent> {
        let cell = ring.cell(self.next);
        let mut bytes = [0; EVENT_BYTES_MAX];
        let about = cell.read(&mut bytes);
        // pairs with the release fence in `EventRing::publish`.
        fence(Ordering::Acquire);
        (cell.word_acquire() == word).then_some(RawEvent {
            position: self.next,
            time_ns: about.time_ns,
            publisher: word.publisher(),
            topic: about.topic,
            codec: about.codec,
            bytes,
            len: about.len,
        })
    }
}

/// How many of the events before the tail a reader may still count on: an eighth is left to
/// publishers that overtake it.
fn kept(ring: EventRing<'_>) -> u64 {
    ring.capacity() - ring.capacity() / 8
}

#[cfg(test)]
mod tests;
