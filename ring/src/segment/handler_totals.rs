//! What has become of the tasks of each handler, in all, over all lanes and all workers that were.
//!
//! Read while others count: numbers of one moment may be a little apart. Each only grows.

use crate::format::layout::{
    HandlerCounter, HandlerLoss, SECTION_HANDLER_COUNTS, SECTION_HANDLER_LOSSES,
};
use crate::records::{CountedBy, HandlerCountsRecord, HandlerLossesRecord, Histogram, TaskTime};
use crate::segment::{Segment, tables};
use std::collections::BTreeMap;

/// Whose tasks a total counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CountedTasks {
    /// Those of a handler in the handler table, also of one that a reload has removed.
    Of(String),
    /// Those that name no handler of the table.
    Unlisted,
    /// Those for which a lane found no record left: of any handler.
    Rest,
}

/// Counts and times of some tasks, since the pool was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerTotals {
    /// Whose.
    pub tasks: CountedTasks,
    counts: Vec<u64>,
    losses: Vec<u64>,
    /// The time from submit to claim, of sampled tasks.
    pub queue: Histogram,
    /// The time that they ran, of sampled tasks; a chunk is one sample.
    pub run: Histogram,
}

impl HandlerTotals {
    /// None yet.
    #[must_use]
    pub fn new(tasks: CountedTasks) -> Self {
        Self {
            tasks,
            counts: vec![0; HandlerCounter::ALL.len()],
            losses: vec![0; HandlerLoss::ALL.len()],
            queue: Histogram::default(),
            run: Histogram::default(),
        }
    }

    /// A count of the lanes.
    #[must_use]
    pub fn count(&self, counter: HandlerCounter) -> u64 {
        let at = HandlerCounter::ALL.iter().position(|one| *one == counter);
        at.map_or(0, |at| self.counts[at])
    }

    /// A count of tasks that no lane ended.
    #[must_use]
    pub fn loss(&self, counter: HandlerLoss) -> u64 {
        let at = HandlerLoss::ALL.iter().position(|one| *one == counter);
        at.map_or(0, |at| self.losses[at])
    }

    /// Tasks that were claimed and whose attempt is over: ended, or lost with their worker. A lane does
    /// not count them, it follows.
    #[must_use]
    pub fn started(&self) -> u64 {
        let ended = [HandlerCounter::Completed, HandlerCounter::Failed].map(|one| self.count(one));
        let lost = [HandlerLoss::Crashed, HandlerLoss::Retried].map(|one| self.loss(one));
        let all = ended.into_iter().chain(lost).fold(0, u64::saturating_add);
        all.saturating_sub(self.count(HandlerCounter::Refused))
    }

    /// Tasks that ended without a result, but for those that crashed: those that panicked, expired or
    /// were cancelled are among them.
    #[must_use]
    pub fn failed(&self) -> u64 {
        let lanes = self.count(HandlerCounter::Failed);
        let lanes = lanes.saturating_sub(self.count(HandlerCounter::Refused));
        let taken_back = [HandlerLoss::Expired, HandlerLoss::Cancelled].map(|one| self.loss(one));
        taken_back.into_iter().fold(lanes, u64::saturating_add)
    }

    /// Tasks whose deadline came before a lane began with them.
    #[must_use]
    pub fn expired(&self) -> u64 {
        let lanes = self.count(HandlerCounter::Expired);
        lanes.saturating_add(self.loss(HandlerLoss::Expired))
    }

    /// Tasks cancelled in the queue or while they ran.
    #[must_use]
    pub fn cancelled(&self) -> u64 {
        let lanes = self.count(HandlerCounter::Cancelled);
        lanes.saturating_add(self.loss(HandlerLoss::Cancelled))
    }

    /// Tasks that were not taken: each reason, as a counter of a client is named, and how many.
    pub fn rejected(&self) -> impl Iterator<Item = (&'static str, u64)> {
        HandlerLoss::ALL.iter().filter_map(|loss| {
            let reason = loss.name().strip_prefix("rejected_")?;
            let refused = match loss {
                HandlerLoss::RejectedState => self.count(HandlerCounter::Refused),
                _ => 0,
            };
            Some((reason, self.loss(*loss).saturating_add(refused)))
        })
    }

    /// How long the handler has run in all, in nanoseconds: the time of the sampled requests, times
    /// how many more have ended. An estimate, since not all are timed.
    #[must_use]
    pub fn busy_ns(&self) -> u64 {
        let count = |counter| u128::from(self.count(counter));
        let ended = count(HandlerCounter::Completed) + count(HandlerCounter::Failed);
        let not_run = count(HandlerCounter::Expired)
            + count(HandlerCounter::Cancelled)
            + count(HandlerCounter::Refused);
        let sampled = count(HandlerCounter::Sampled);
        if sampled == 0 {
            return 0;
        }
        let ran = ended.saturating_sub(not_run).max(sampled);
        let busy = count(HandlerCounter::SampledNs).saturating_mul(ran) / sampled;
        u64::try_from(busy).unwrap_or(u64::MAX)
    }

    /// All its numbers, in an order that only this version knows.
    #[doc(hidden)]
    pub fn words(&self) -> impl Iterator<Item = u64> {
        let parts = [&self.counts, &self.losses, &self.queue.0, &self.run.0];
        parts.into_iter().flatten().copied()
    }

    /// What has these [`words`](Self::words); none when there are more or fewer of them.
    #[doc(hidden)]
    #[must_use]
    pub fn of_words(tasks: CountedTasks, words: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut totals = Self::new(tasks);
        let mut words = words.into_iter();
        let parts = [
            &mut totals.counts,
            &mut totals.losses,
            &mut totals.queue.0,
            &mut totals.run.0,
        ];
        for number in parts.into_iter().flatten() {
            *number = words.next()?;
        }
        words.next().is_none().then_some(totals)
    }

    /// Leaves what came after `before`.
    pub fn subtract(&mut self, before: &Self) {
        let pairs = [
            (&mut self.counts, &before.counts),
            (&mut self.losses, &before.losses),
            (&mut self.queue.0, &before.queue.0),
            (&mut self.run.0, &before.run.0),
        ];
        for (now, then) in pairs {
            for (now, then) in now.iter_mut().zip(then) {
                *now = now.saturating_sub(*then);
            }
        }
    }

    fn add(&mut self, record: HandlerCountsRecord<'_>) {
        for (sum, counter) in self.counts.iter_mut().zip(HandlerCounter::ALL) {
            *sum = sum.saturating_add(record.counter(*counter).get());
        }
        record.add_to(&mut self.queue, TaskTime::Queue);
        record.add_to(&mut self.run, TaskTime::Run);
    }

    fn add_losses(&mut self, record: HandlerLossesRecord<'_>) {
        for (sum, counter) in self.losses.iter_mut().zip(HandlerLoss::ALL) {
            *sum = sum.saturating_add(record.counter(*counter).get());
        }
    }
}

/// The totals of all handlers of which any task was claimed or lost, sorted by name; then those of
/// [`CountedTasks::Unlisted`] and [`CountedTasks::Rest`], if there are any. Empty for a segment
/// without these counts.
#[must_use]
pub fn handler_totals(segment: &Segment) -> Vec<HandlerTotals> {
    let mut totals: BTreeMap<CountedTasks, HandlerTotals> = BTreeMap::new();
    let mut of = |tasks: CountedTasks, add: &dyn Fn(&mut HandlerTotals)| {
        let fresh = || HandlerTotals::new(tasks.clone());
        add(totals.entry(tasks.clone()).or_insert_with(fresh));
    };
    let named = |handler: Option<u32>| {
        let name = handler.and_then(|place| tables::name_at(segment, place));
        name.map_or(CountedTasks::Unlisted, CountedTasks::Of)
    };
    for record in count_records(segment) {
        let tasks = match counted_by(segment, record) {
            Ok(Some(CountedBy::Lane { handler, .. })) => named(handler),
            Ok(Some(CountedBy::Rest)) => CountedTasks::Rest,
            Ok(None) | Err(_) => continue,
        };
        of(tasks, &|totals| totals.add(record));
    }
    for (place, record) in (0..).zip(loss_records(segment)) {
        let any = |counter: &HandlerLoss| record.counter(*counter).get() > 0;
        if HandlerLoss::ALL.iter().any(any) {
            of(named(Some(place)), &|totals| totals.add_losses(record));
        }
    }
    totals.into_values().collect()
}

/// Which tasks a record counts.
pub(crate) fn counted_by(
    segment: &Segment,
    record: HandlerCountsRecord<'_>,
) -> Result<Option<CountedBy>, u64> {
    let g = segment.geometry();
    CountedBy::from_word(record.key_word(), g.max_lanes, g.handler_capacity)
}

/// The records that lanes write, the last of them all lanes.
pub(crate) fn count_records(segment: &Segment) -> impl Iterator<Item = HandlerCountsRecord<'_>> {
    let section = segment.geometry().section(SECTION_HANDLER_COUNTS);
    section.into_iter().flat_map(move |section| {
        (0..section.section.count)
            .map(move |index| segment.handler_counts(section.record_at(index)))
    })
}

/// The records of tasks that no lane ends: one for each place of the handler table, and the last for
/// tasks of handlers that are not there.
pub(crate) fn loss_records(segment: &Segment) -> impl Iterator<Item = HandlerLossesRecord<'_>> {
    let section = segment.geometry().section(SECTION_HANDLER_LOSSES);
    section.into_iter().flat_map(move |section| {
        (0..section.section.count)
            .map(move |index| segment.handler_losses(section.record_at(index)))
    })
}

/// Counts a task that no lane ends.
#[cold]
pub(crate) fn count_loss(segment: &Segment, handler: u64, loss: HandlerLoss) {
    let Some(section) = segment.geometry().section(SECTION_HANDLER_LOSSES) else {
        return;
    };
    let last = section.section.count - 1;
    let place = tables::place_of(segment, handler).map_or(last, |place| place.min(last));
    let record = segment.handler_losses(section.record_at(place));
    record.counter(loss).add(1);
}
