//! The supervisor's look at the counts of each handler.
//!
//! A key is stored once, by one CAS from 0, and there are no two of the same: a lane looks for its
//! own before it takes another. Counts only grow, and not faster than lanes can count; the times of
//! a lane's tasks do not overlap, so their sum is at most the pool's age.

use crate::format::layout::{HandlerCounter, HandlerLoss};
use crate::os::clock;
use crate::records::CountedBy;
use crate::segment::Segment;
use crate::segment::handler_totals::{count_records, counted_by, loss_records};
use std::collections::HashSet;

/// What was seen at the look before.
#[derive(Debug, Default)]
pub(super) struct SeenCounts {
    keys: Vec<u64>,
    counts: Vec<u64>,
    losses: Vec<u64>,
}

impl SeenCounts {
    pub(super) fn new(segment: &Segment) -> Self {
        let records = count_records(segment).count();
        Self {
            keys: vec![0; records],
            counts: vec![0; records * HandlerCounter::ALL.len()],
            losses: vec![0; loss_records(segment).count() * HandlerLoss::ALL.len()],
        }
    }
}

impl SeenCounts {
    /// Compares with the look before; so many `steps` are possible since.
    pub(super) fn look(&mut self, segment: &Segment, steps: u64) -> Result<(), String> {
        let seen = self;
        keys(segment, &mut seen.keys)?;
        let lanes = u64::from(segment.geometry().max_lanes);
        let all_steps = steps.saturating_mul(lanes);
        let last = seen.keys.len().saturating_sub(1);
        let mut before = seen.counts.iter_mut();
        for (index, record) in count_records(segment).enumerate() {
            // The last record is all lanes'.
            let (lanes, steps) = match index == last {
                true => (lanes, all_steps),
                false => (1, steps),
            };
            for (counter, seen) in HandlerCounter::ALL.iter().zip(before.by_ref()) {
                let now = record.counter(*counter).get();
                let possible = match counter {
                    // One after the other, or, of claims by themselves, many at a time.
                    HandlerCounter::SampledNs => {
                        let sampled = record.counter(HandlerCounter::Sampled).get_acquire();
                        let most = lanes.max(sampled.saturating_add(1));
                        now >= *seen && now <= most.saturating_mul(age_ns(segment))
                    }
                    // Many tasks wait at a time: each at most since the pool was made.
                    HandlerCounter::WaitedNs => {
                        let ended = [HandlerCounter::Completed, HandlerCounter::Failed]
                            .map(|ended| record.counter(ended).get_acquire());
                        let tasks = ended[0].saturating_add(ended[1]);
                        now >= *seen && now <= age_ns(segment).saturating_mul(tasks)
                    }
                    _ => now.wrapping_sub(*seen) <= steps,
                };
                if !possible {
                    return Err(format!(
                        "the count {counter} of a handler (record {index}) went from {seen} to {now}"
                    ));
                }
                *seen = now;
            }
        }
        let losses = loss_records(segment)
            .flat_map(|record| HandlerLoss::ALL.iter().map(move |one| record.counter(*one)));
        for (seen, counter) in seen.losses.iter_mut().zip(losses) {
            let now = counter.get();
            if now.wrapping_sub(*seen) > steps {
                return Err(format!(
                    "a count of a handler's lost tasks went from {seen} to {now}"
                ));
            }
            *seen = now;
        }
        Ok(())
    }
}

/// Read after what it bounds.
fn age_ns(segment: &Segment) -> u64 {
    clock::now_ns().saturating_sub(segment.header().created_ns())
}

fn keys(segment: &Segment, seen: &mut [u64]) -> Result<(), String> {
    let mut all = HashSet::new();
    let last = seen.len().saturating_sub(1);
    for (index, (record, seen)) in count_records(segment).zip(seen).enumerate() {
        let bad = |key: u64| {
            Err(format!(
                "record {index} of the handlers' counts has the key {key:#x}, which no lane stores there"
            ))
        };
        let key = match counted_by(segment, record) {
            Ok(None) if *seen == 0 => continue,
            Ok(Some(key)) if (key == CountedBy::Rest) == (index == last) => key.word(),
            Ok(key) => return bad(key.map_or(0, CountedBy::word)),
            Err(word) => return bad(word),
        };
        if *seen != 0 && key != *seen || !all.insert(key) {
            return bad(key);
        }
        *seen = key;
    }
    Ok(())
}
