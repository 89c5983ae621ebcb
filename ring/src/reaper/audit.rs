//! The supervisor's look for words that no process of ours writes.
//!
//! Called at the supervisor's tick. Any process that maps the segment may write any word of it, so
//! nothing here is believed; what is found ends the pool (docs/internals/protocol.md section 12).
//! Invariant: no complaint about what honest processes leave behind, however they are killed or
//! stopped: each check says why only a wrong writer can have made what it found. A word that is
//! read beside others that move is read again before it is judged.

use crate::format::counted;
use crate::format::layout::{
    ClientCounter, GENERATION_MASK, IDLE_WORDS, LaneCounter, MAX_ATTEMPTS, OWNER_TAKEN,
    PoolCounter, RING_BATCH,
};
use crate::format::names::UnknownWord;
use crate::format::states::LaneKind;
use crate::format::words::{Kind, Word};
use crate::os::sync::Ordering;
use crate::queue::hint_ring::HintRing;
use crate::reaper::audit::slice::{CELLS_A_LOOK, Slice};
use crate::records::{LaneMask, LaneRecord};
use crate::segment::Segment;
use crate::segment::slices::Slices;
use std::fmt::Display;
use std::ops::Range;

mod channels;
mod events;
mod handler_counts;
mod keys;
mod slice;

/// What was found, in words.
pub type Damage = String;

type Found = Result<(), Damage>;

/// The owner words that one look takes in; the next look goes on from there.
const OWNERS_A_LOOK: usize = 4096;

/// The quickest that a slot or ring moves on by one: an order below what was ever measured.
const NS_A_STEP: u64 = 8;

/// Steps that are never too many: what was counted between two readings of the clock.
const SLACK: u64 = 1 << 16;

/// The most that a slot, ring or counter moves on in so long.
fn steps_in(ns: u64) -> u64 {
    ns / NS_A_STEP + SLACK
}

/// What is remembered between two looks.
#[derive(Debug)]
pub struct Auditor {
    header: Vec<(usize, u64)>,
    generations: Vec<u64>,
    // Slot words that were CLAIMED, each with the progress of its lane: 0 for none.
    claims: Vec<(u64, u64)>,
    rings: Vec<(u64, u64)>,
    next_cell: usize,
    counters: Vec<u64>,
    handler_counts: handler_counts::SeenCounts,
    events: events::SeenEvents,
    channels: channels::SeenChannels,
    next_bucket: usize,
    next_owner: usize,
    looked_ns: u64,
    slices: Slices,
    // When the pass over the slots began, and the one before it: each slot was last looked at after
    // the latter.
    passes_ns: (u64, u64),
    lane_claims: Vec<LaneClaims>,
}

/// What a pass over the slots knows of the claims in the name of a lane.
#[derive(Debug, Clone, Copy, Default)]
struct LaneClaims {
    // Its claims that had ended when the pass began.
    closed: u64,
    // Those that stand although the lane has gone on to others, and the slot of the last one.
    left: u64,
    slot: u32,
}

impl Auditor {
    /// For a segment that was just made, before any other process has it.
    #[must_use]
    pub fn new(segment: &Segment, now_ns: u64) -> Self {
        let slots = segment.geometry().total_slots() as usize;
        let rings = rings(segment).count();
        Self {
            header: segment.header().constants().collect(),
            generations: vec![0; slots],
            claims: vec![(0, 0); slots],
            rings: vec![(0, 0); rings],
            next_cell: 0,
            counters: counters(segment).collect(),
            handler_counts: handler_counts::SeenCounts::new(segment),
            events: events::SeenEvents::new(segment),
            channels: channels::SeenChannels::new(segment),
            next_bucket: 0,
            next_owner: 0,
            looked_ns: now_ns,
            slices: Slices::default(),
            passes_ns: (now_ns, now_ns),
            lane_claims: vec![LaneClaims::default(); segment.geometry().max_lanes as usize],
        }
    }

    /// The cheap look: the header's constants, and the state that only the supervisor sets.
    ///
    /// # Errors
    /// The damage found.
    pub fn look_at_header(&self, segment: &Segment) -> Found {
        let header = segment.header();
        let changed = header
            .constants()
            .zip(&self.header)
            .find(|(now, then)| now != *then);
        if let Some(((at, _), _)) = changed {
            return Err(format!(
                "the constant at {at} of the header was overwritten"
            ));
        }
        if !header.is_ready() {
            return Err("the ready word of the header was overwritten".into());
        }
        let set = segment.declared_state();
        if segment.pool_state() != Ok(set) {
            let found = named(segment.pool_state());
            return Err(format!(
                "the pool's state is {found}, but its supervisor has set {set}"
            ));
        }
        let set = segment.declared_health();
        if segment.health() != Ok(set) {
            let found = named(segment.health());
            return Err(format!(
                "the pool's health is {found}, but its supervisor has set {set}"
            ));
        }
        if !header.reason_fits() {
            return Err("the pool's reason is longer than its field".into());
        }
        let lanes = segment.geometry().max_lanes as usize;
        for word in 0..IDLE_WORDS {
            let past = lanes.saturating_sub(64 * word).min(64) as u32;
            // Shifting by 64 would leave the word as it is.
            let beyond = u64::MAX.checked_shl(past).unwrap_or(0);
            for mask in LaneMask::ALL {
                let bits = header.mask(mask, word).load(Ordering::Relaxed);
                if bits & beyond != 0 {
                    return Err("an idle mask has bits of lanes that do not exist".into());
                }
            }
        }
        Ok(())
    }

    /// The whole look.
    ///
    /// # Errors
    /// The damage found first.
    pub fn look(&mut self, segment: &Segment, now_ns: u64) -> Found {
        let steps = steps_in(now_ns.saturating_sub(self.looked_ns));
        self.looked_ns = now_ns;
        self.look_at_header(segment)?;
        entries(segment)?;
        workers(segment)?;
        tables(segment)?;
        crate::lane::permits::audit(segment)?;
        idle_bits(segment)?;
        self.counters(segment, steps)?;
        self.handler_counts.look(segment, steps)?;
        self.events.look(segment, steps)?;
        self.channels.look(segment, steps)?;
        self.rings(segment, steps)?;
        self.next_bucket = keys::look_at_buckets(segment, self.next_bucket)?;
        self.cells(segment)?;
        self.slots(segment, now_ns)?;
        self.owners(segment)
    }

    fn rings(&mut self, segment: &Segment, steps: u64) -> Found {
        for (seen, Ring { name, ring, .. }) in self.rings.iter_mut().zip(rings(segment)) {
            let bad = |what: &str| Err(format!("{name}: {what}"));
            // In this order: whatever moves meanwhile moves the right way for each check.
            let head = ring.head();
            let tail = ring.tail();
            let cell = ring.lap_at(head);
            // A producer may have left the tail behind its cells: then those are there.
            let beyond = head.wrapping_sub(tail) as i64;
            if beyond > RING_BATCH.into() || beyond > 0 && !ring.was_put_in(head.wrapping_sub(1)) {
                return bad("its head is beyond its tail");
            }
            let later = ring.head();
            if tail.wrapping_sub(later) as i64 > ring.capacity() as i64 {
                return bad("its tail is more than a lap beyond its head");
            }
            for (now, before) in [(head, seen.0), (tail, seen.1)] {
                if now.wrapping_sub(before) > steps {
                    return bad("it has moved further than any process can move it, or back");
                }
            }
            // While the head stood, its cell did: no producer overwrites what was not consumed.
            if later == head && (tail.wrapping_sub(head) as i64) > 0 && !cell {
                return bad("the cell at its head is none that a producer writes");
            }
            *seen = (head, tail);
        }
        Ok(())
    }

    /// The cells of all rings, so many a look: also those that no lane takes from now, since a
    /// producer that comes round to a wrong one takes the ring for full.
    fn cells(&mut self, segment: &Segment) -> Found {
        let mut slice = Slice::new(self.next_cell, CELLS_A_LOOK);
        for Ring { name, ring, slots } in rings(segment) {
            for cell in slice.of(ring.capacity()) {
                if !ring.cell_is_possible(cell, |slot| slots.contains(&slot)) {
                    return Err(format!(
                        "{name}: cell {cell} is none that a producer writes"
                    ));
                }
            }
        }
        self.next_cell = slice.next();
        Ok(())
    }

    /// Counters only grow, and not faster than a process can count.
    fn counters(&mut self, segment: &Segment, steps: u64) -> Found {
        for (seen, now) in self.counters.iter_mut().zip(counters(segment)) {
            if now.wrapping_sub(*seen) > steps {
                return Err(format!("a counter went from {seen} to {now}"));
            }
            *seen = now;
        }
        Ok(())
    }

    /// The slots, a slice each look.
    fn slots(&mut self, segment: &Segment, now_ns: u64) -> Found {
        let slots = segment.geometry().slots_per_client;
        if self.slices.at_start() {
            self.passes_ns = (now_ns, self.passes_ns.0);
            self.begin_claims(segment);
        }
        let steps = steps_in(now_ns.saturating_sub(self.passes_ns.1));
        for slot in self.slices.of(segment.geometry().total_slots()) {
            let client = segment.client(slot / slots);
            let entry = client.word_acquire();
            let place = slot as usize;
            // Read before the word: see `claim_is_stale`.
            let (claim, progress) = self.claims[place];
            let stale =
                claim != 0 && progress_of(segment, Word(claim)) >= progress.saturating_add(2);
            let fields = segment.slot(slot);
            let word = fields.word();
            let bad = |what: &str| Err(format!("slot {slot}: {what} (state {:#x})", word.0));
            let (claim_word, ended) = (fields.claim_acquire(), fields.ended_acquire());
            let wrong = impossible_claim(segment, claim_word).or_else(|| impossible_end(ended));
            if let Some(what) = wrong {
                return bad(what);
            }
            if word.kind() == Kind::Corrupt {
                return bad("its words contradict each other");
            }
            let moved = word.generation().wrapping_sub(self.generations[place]) & GENERATION_MASK;
            if moved > steps {
                return bad("its generation is one that it can't have reached");
            }
            self.generations[place] = word.generation();
            if !word.is_at_rest() && entry.is_free() && client.word_acquire() == entry {
                // An entry is FREE only while its slots are at rest, and its word never comes back.
                return bad("it is in use, but no client is there");
            }
            if word.kind() == Kind::Queued
                && let Some(what) = keys::problem_of_queued(segment, slot, word)
            {
                return bad(what);
            }
            if word.kind() != Kind::Claimed {
                self.claims[place] = (0, 0);
                continue;
            }
            if stale && word.0 == claim {
                // A lane claims one task at a time and sleeps with none. Its count of both went up
                // by two while this claim stood: once may be for this very claim. So it went on by
                // itself.
                if let Some(lane) = self.lane_claims.get_mut(usize::from(word.owner())) {
                    lane.left += 1;
                    lane.slot = slot;
                }
            }
            if word.0 != claim {
                self.claims[place] = (word.0, progress_of(segment, word));
            }
            let lane = segment.lane(word.owner().into());
            if lane.word_acquire().is_free() && segment.word(slot) == word {
                // The claim was there before and after: a lane is freed only when it has none.
                return bad("it is claimed by a lane that no worker serves");
            }
        }
        if self.slices.at_start() {
            return self.end_claims(segment);
        }
        Ok(())
    }

    fn begin_claims(&mut self, segment: &Segment) {
        for (claims, lane) in self.lane_claims.iter_mut().zip(segment.lanes()) {
            *claims = LaneClaims {
                // pairs with the release of `close_claim_release`: what is counted here is not seen
                // claimed any more.
                closed: lane.counter(LaneCounter::Closed).get_acquire(),
                ..LaneClaims::default()
            };
        }
    }

    /// Of each lane no more claims stand beside its task than it has opened and had not ended when
    /// the pass began.
    fn end_claims(&self, segment: &Segment) -> Found {
        for (claims, lane) in self.lane_claims.iter().zip(segment.lanes()) {
            let opened = lane.counter(LaneCounter::Opened).get_acquire();
            let open = opened.wrapping_sub(claims.closed) as i64;
            if claims.left > 0 && claims.left as i64 > open {
                let word = segment.word(claims.slot);
                return Err(format!(
                    "slot {}: it is claimed by a lane that has gone on to others (state {:#x})",
                    claims.slot, word.0
                ));
            }
        }
        Ok(())
    }

    fn owners(&mut self, segment: &Segment) -> Found {
        let mut slice = Slice::new(self.next_owner, OWNERS_A_LOOK);
        for place in &segment.geometry().classes {
            for block in slice.of(place.class.count as usize) {
                let owner = segment.owner(place, block as u32).get();
                let possible = owner.is_free()
                    || owner.0 & OWNER_TAKEN != 0
                        && owner.slot() < segment.geometry().total_slots();
                if !possible {
                    return Err(format!(
                        "a payload block has the owner word {:#x}, which names no task",
                        owner.0
                    ));
                }
            }
        }
        self.next_owner = slice.next();
        Ok(())
    }
}

/// How often a lane has begun a task or gone to sleep.
fn progress_of(segment: &Segment, claim: Word) -> u64 {
    let lane = u32::from(claim.owner());
    if lane >= segment.geometry().max_lanes {
        return 0;
    }
    let count = |counter| segment.lane(lane).counter(counter).get_acquire();
    count(LaneCounter::Started).wrapping_add(count(LaneCounter::Parked))
}

/// The bits of a claim or ended word that stand for nothing.
const UNUSED: u64 = 0x7 << 5;

/// Why a claim word is none that a process of ours writes.
fn impossible_claim(segment: &Segment, word: Word) -> Option<&'static str> {
    let lanes = segment.geometry().max_lanes;
    if word.0 & UNUSED != 0 || word.attempt() >= MAX_ATTEMPTS {
        return Some("it has an impossible claim");
    }
    match word.kind() {
        Kind::Claimed if u32::from(word.owner()) >= lanes => {
            Some("it is held by a lane that does not exist")
        }
        Kind::Queued if word.owner() != 0 => Some("it is queued and held by a lane at once"),
        Kind::Queued if word.attempt() == 0 => Some("it is queued again without an attempt"),
        Kind::Free if word.owner() != 0 || word.attempt() != 0 => {
            Some("it is free and in use at once")
        }
        Kind::Done | Kind::Corrupt => Some("it has an impossible claim"),
        _ => None,
    }
}

/// Why an ended word is none that a process of ours writes.
fn impossible_end(word: Word) -> Option<&'static str> {
    let possible = match word.kind() {
        Kind::Done => word.ending().is_ok() && word.result_codec().is_ok(),
        Kind::Crashed => true,
        _ => word.0 == 0,
    };
    let possible = possible && word.0 & UNUSED == 0 && word.attempt() < MAX_ATTEMPTS;
    (!possible).then_some("it has an impossible end")
}

fn entries(segment: &Segment) -> Found {
    let g = segment.geometry();
    for client in 0..g.max_clients {
        let record = segment.client(client);
        if record.is_impossible() || record.has_impossible_name() {
            return Err(format!("client entry {client} has impossible words"));
        }
    }
    for worker in 0..g.max_workers {
        let record = segment.worker(worker);
        if record.word_acquire().state().is_err()
            || record.lanes() > g.max_lanes
            || record.leave().is_err()
            || record.has_impossible_texts()
        {
            return Err(format!("worker entry {worker} has impossible words"));
        }
    }
    for (lane, record) in segment.lanes().enumerate() {
        if record.is_impossible(g.total_slots(), g.max_workers, g.max_lanes) {
            return Err(format!("lane entry {lane} has impossible words"));
        }
    }
    Ok(())
}

/// Bits of lanes that no worker serves: a lane clears its own before it is freed, and the reaper
/// those of the dead.
fn idle_bits(segment: &Segment) -> Found {
    let header = segment.header();
    for (lane, record) in (0..).zip(segment.lanes()) {
        for mask in LaneMask::ALL {
            // The lane's word last: a new life of the lane has another.
            let seen = record.word_acquire();
            if seen.is_free() && header.has_bit_acquire(mask, lane) && record.word_acquire() == seen
            {
                return Err(format!(
                    "lane {lane} is marked as idle, but no worker serves it"
                ));
            }
        }
    }
    Ok(())
}

/// Lanes and workers that contradict each other.
fn workers(segment: &Segment) -> Found {
    let g = segment.geometry();
    for worker in 0..g.max_workers {
        let record = segment.worker(worker);
        let entry = record.word_acquire();
        // All its lanes were there before.
        let promised = record.lanes_acquire();
        let words = segment.lanes().map(LaneRecord::word_acquire);
        let found = words
            .filter(|word| !word.is_free() && word.worker() == worker)
            .count();
        if record.word_acquire() != entry {
            continue; // it came or went meanwhile
        }
        // A worker's lanes come after its entry and go before it, and come all at once.
        let most = match promised {
            _ if entry.is_free() => 0,
            0 => g.max_lanes,
            promised => promised,
        };
        if found > most as usize {
            return Err(format!(
                "worker entry {worker} has {}, more than it can have",
                counted(found, "lane")
            ));
        }
    }
    Ok(())
}

/// Handler table and error log: each text carries its own check sum, the id.
fn tables(segment: &Segment) -> Found {
    let handlers = segment.handler_records();
    if let Some(index) = handlers.enumerate().find(|(_, r)| r.is_impossible()) {
        return Err(format!("handler entry {} was overwritten", index.0));
    }
    let errors = segment.error_records();
    if let Some(index) = errors.enumerate().find(|(_, r)| r.is_impossible()) {
        return Err(format!(
            "entry {} of the error log was overwritten",
            index.0
        ));
    }
    Ok(())
}

/// A ring, and the slots that its hints may name.
struct Ring<'a> {
    name: String,
    ring: HintRing<'a>,
    slots: Range<u32>,
}

fn rings(segment: &Segment) -> impl Iterator<Item = Ring<'_>> {
    let g = segment.geometry();
    let injectors = (0..g.priorities).map(|priority| Ring {
        name: format!("the injector ring of priority {priority}"),
        ring: segment.injector(priority),
        slots: 0..g.total_slots(),
    });
    let completions = (0..g.max_clients).map(|client| Ring {
        name: format!("the completion ring of client {client}"),
        ring: segment.completion_ring(client),
        slots: g.slots_of(client),
    });
    let deferred = (0..g.limit_count).map(|limit| Ring {
        name: format!("the ring of limit {limit}"),
        ring: segment.deferred_ring(limit),
        slots: 0..g.total_slots(),
    });
    let io = (0..if g.has_io_lanes() { g.priorities } else { 0 }).map(|priority| Ring {
        name: format!("the I/O ring of priority {priority}"),
        ring: segment.queue(LaneKind::Io, priority),
        slots: 0..g.total_slots(),
    });
    injectors.chain(completions).chain(deferred).chain(io)
}

fn counters(segment: &Segment) -> impl Iterator<Item = u64> {
    let header = segment.header();
    let pool = PoolCounter::ALL
        .iter()
        .map(move |counter| header.counter(*counter).get());
    let lanes = segment.lanes().flat_map(|lane| {
        LaneCounter::ALL
            .iter()
            .map(move |counter| lane.counter(*counter).get())
    });
    let clients = (0..segment.geometry().max_clients).flat_map(|client| {
        let record = segment.client(client);
        ClientCounter::ALL
            .iter()
            .map(move |counter| record.counter(*counter).get())
    });
    pool.chain(lanes).chain(clients)
}

/// What a word that was read says.
fn named<T: Display>(word: Result<T, UnknownWord>) -> String {
    word.map_or_else(|unknown| unknown.to_string(), |value| value.to_string())
}

#[cfg(test)]
mod tests;
