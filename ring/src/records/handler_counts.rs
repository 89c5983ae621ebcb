//! The records of the sections that count by handler: what lanes count, and what clients and the
//! reaper do.

use super::histogram::bucket_of;
use super::{Counter, Histogram, Part};
use crate::format::layout::*;
use crate::os::sync::{AtomicU64, Ordering};

/// A time of a task that is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskTime {
    /// From submit to claim.
    Queue,
    /// From claim to end.
    Run,
}

/// Which tasks a record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CountedBy {
    /// Those of one handler that one lane takes, in all of its lives. `None`: of handlers that are
    /// not in the handler table.
    Lane {
        /// Index of the lane.
        lane: u32,
        /// Place of the handler in the handler table.
        handler: Option<u32>,
    },
    /// Those for which no record was left, of all lanes.
    Rest,
}

impl CountedBy {
    pub(crate) const fn word(self) -> u64 {
        match self {
            Self::Rest => COUNTS_KEY_REST,
            Self::Lane { lane, handler } => {
                let handler = match handler {
                    Some(handler) => handler as u64 + 1,
                    None => 0,
                };
                COUNTS_KEY_TAKEN | (lane as u64) << COUNTS_KEY_LANE_SHIFT | handler
            }
        }
    }

    /// `None` for a record that is free, an error for a word that no process of ours stores in a
    /// pool of so many lanes and handlers.
    pub(crate) fn from_word(word: u64, lanes: u32, handlers: u32) -> Result<Option<Self>, u64> {
        let lane = (word >> COUNTS_KEY_LANE_SHIFT & COUNTS_KEY_LANE_MASK) as u32;
        let handler = word as u32;
        match word {
            0 => Ok(None),
            COUNTS_KEY_REST => Ok(Some(Self::Rest)),
            _ if lane < lanes && handler <= handlers => {
                let handler = handler.checked_sub(1);
                let key = Self::Lane { lane, handler };
                if key.word() == word {
                    Ok(Some(key))
                } else {
                    Err(word)
                }
            }
            _ => Err(word),
        }
    }
}

/// A record of what lanes count by handler: written by its lane alone, but for the last one of the
/// section, which all lanes share that found no other.
#[derive(Debug, Clone, Copy)]
pub struct HandlerCountsRecord<'s> {
    part: Part<'s, COUNTS_STRIDE>,
}

const fn histogram_at(histogram: TaskTime) -> usize {
    match histogram {
        TaskTime::Queue => COUNTS_QUEUE_HISTOGRAM,
        TaskTime::Run => COUNTS_RUN_HISTOGRAM,
    }
}

impl<'s> HandlerCountsRecord<'s> {
    #[inline(always)]
    pub(crate) fn new(part: Part<'s, COUNTS_STRIDE>) -> Self {
        Self { part }
    }

    fn key(self) -> &'s AtomicU64 {
        self.part.u64_at(COUNTS_KEY)
    }

    /// The word that says which tasks it counts.
    pub(crate) fn key_word(self) -> u64 {
        // Relaxed: it is stored once, and says only which counts these are.
        self.key().load(Ordering::Relaxed)
    }

    /// Takes the record if it is free; `true` if it is the caller's now, or was before.
    pub(crate) fn take(self, by: CountedBy) -> bool {
        // Relaxed: nothing else is published by it; the counts are 0 before, and only grow.
        match self
            .key()
            .compare_exchange(0, by.word(), Ordering::Relaxed, Ordering::Relaxed)
        {
            Ok(_) => true,
            Err(seen) => seen == by.word(),
        }
    }

    /// A counter.
    #[must_use]
    #[inline(always)]
    pub fn counter(self, counter: HandlerCounter) -> Counter<'s> {
        self.part.counter(counter.offset())
    }

    /// The bucket of a histogram into which a duration falls.
    pub(crate) fn bucket(self, histogram: TaskTime, ns: u64) -> Counter<'s> {
        self.part
            .counter(histogram_at(histogram) + 8 * bucket_of(ns))
    }

    /// Adds what one of its histograms holds to another.
    pub fn add_to(self, sum: &mut Histogram, histogram: TaskTime) {
        for (bucket, count) in sum.0.iter_mut().enumerate() {
            let more = self
                .part
                .counter(histogram_at(histogram) + 8 * bucket)
                .get();
            *count = count.saturating_add(more);
        }
    }
}

/// A record of what becomes of a handler's tasks that no lane ends; the supervisor and all clients
/// add to it.
#[derive(Debug, Clone, Copy)]
pub struct HandlerLossesRecord<'s> {
    part: Part<'s, LOSSES_STRIDE>,
}

impl<'s> HandlerLossesRecord<'s> {
    pub(crate) fn new(part: Part<'s, LOSSES_STRIDE>) -> Self {
        Self { part }
    }

    /// A counter.
    #[must_use]
    pub fn counter(self, counter: HandlerLoss) -> Counter<'s> {
        self.part.counter(counter.offset())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_it_was_made_of_and_nothing_else_is_one() {
        let keys = [
            CountedBy::Rest,
            CountedBy::Lane {
                lane: 0,
                handler: None,
            },
            CountedBy::Lane {
                lane: 3,
                handler: Some(0),
            },
            CountedBy::Lane {
                lane: 3,
                handler: Some(127),
            },
        ];
        for key in keys {
            assert_eq!(CountedBy::from_word(key.word(), 4, 128), Ok(Some(key)));
        }
        assert_eq!(CountedBy::from_word(0, 4, 128), Ok(None));
        let beyond = [
            CountedBy::Lane {
                lane: 4,
                handler: None,
            }
            .word(),
            CountedBy::Lane {
                lane: 0,
                handler: Some(128),
            }
            .word(),
            1,
            COUNTS_KEY_TAKEN | 1 << 60,
            u64::MAX - 1,
        ];
        for word in beyond {
            assert_eq!(CountedBy::from_word(word, 4, 128), Err(word), "{word:#x}");
        }
    }
}
