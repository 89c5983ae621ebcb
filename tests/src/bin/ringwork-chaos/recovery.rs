//! How long it takes until what the dead held is given back.
//!
//! A recovery lasts from the signal until the entry of the dead is free, or has
//! its next life: by then every task that it held is queued again or ended, and every slot and
//! block of a client is free. While the supervisor itself is stopped nothing can recover: then it
//! counts from its going on. Kills that the end of the pool overtakes are not counted.

use ringwork_ring::Segment;
use ringwork_ring::format::words::EntryWord;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whose death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Worker,
    Client,
}

#[derive(Debug)]
struct Pending {
    whose: Whose,
    segment: Arc<Segment>,
    index: u32,
    word: EntryWord,
    since: Instant,
}

/// Deaths that are being made good, and how long it took with the others.
#[derive(Debug, Default)]
pub struct Recoveries {
    pending: Vec<Pending>,
    worker: Vec<Duration>,
    client: Vec<Duration>,
    /// From the start of a supervisor's successor to the first task that it served.
    pub supervisor: Vec<Duration>,
}

impl Recoveries {
    /// A process was killed just now, whose entry's word was `word`.
    pub fn killed(&mut self, whose: Whose, segment: &Arc<Segment>, index: u32, word: EntryWord) {
        self.pending.push(Pending {
            whose,
            segment: Arc::clone(segment),
            index,
            word,
            since: Instant::now(),
        });
    }

    /// The supervisor goes on after a stop.
    pub fn supervisor_goes_on(&mut self) {
        let now = Instant::now();
        self.pending.iter_mut().for_each(|death| death.since = now);
    }

    /// The pool has ended.
    pub fn forget(&mut self) {
        self.pending.clear();
    }

    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Looks which have recovered.
    pub fn look(&mut self) {
        let (worker, client) = (&mut self.worker, &mut self.client);
        self.pending.retain(|death| {
            let now = match death.whose {
                Whose::Worker => death.segment.worker(death.index).word_acquire(),
                Whose::Client => death.segment.client(death.index).word_acquire(),
            };
            // Generation and state: ACTIVE and REAPING of that life are not yet recovered.
            let over = now.generation() != death.word.generation() || now.is_free();
            if over {
                let took = death.since.elapsed();
                match death.whose {
                    Whose::Worker => worker.push(took),
                    Whose::Client => client.push(took),
                }
            }
            !over
        });
    }

    pub fn worker(&self) -> &[Duration] {
        &self.worker
    }

    pub fn client(&self) -> &[Duration] {
        &self.client
    }
}
