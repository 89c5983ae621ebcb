//! Completion decode: a client takes in what a broken worker has written: hints, ended words,
//! statuses, references, results.

use crate::patch::{self, Record};
use crate::rig::Rig;
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_ring::format::layout::{KIND_DONE, STATE_KIND_MASK};
use ringwork_ring::format::words::Word;
use ringwork_ring::testing::Steps as _;
use ringwork_ring::{Cause, RingError, Segment};
use std::sync::atomic::Ordering;
use std::time::Duration;

thread_local! {
    static RIGS: Vec<Rig> = Rig::all();
}

/// What a step's argument asks for, by its low three bits.
const SUBMIT: u64 = 0;
const SUBMIT_WITH_DEADLINE: u64 = 1;
const COLLECT: u64 = 2;
const WAIT: u64 = 3;
const CANCEL: u64 = 4;
const DROP: u64 = 5;
const END: u64 = 6;
const HINT: u64 = 7;

/// Submits tasks, damages the segment and takes the tasks' ends in.
///
/// # Panics
/// When a result is larger than any block, or a task that was given up does not end.
pub fn run(data: &[u8]) {
    let (shape, mut records) = patch::parse(data);
    records.push(Record::step(COLLECT));
    RIGS.with(|rigs| {
        let rig = Rig::of(rigs, shape);
        rig.restore();
        let client = Client::connect(rig.dir()).expect("a fresh pool");
        let mut tickets = Vec::new();
        act(rig, &client, &mut tickets, SUBMIT | 100 << 8);
        for record in records {
            match record.as_step() {
                None => rig.write(record),
                Some(step) => act(rig, &client, &mut tickets, step),
            }
        }
        for ticket in tickets {
            check(&client, &ticket.cancel());
        }
    });
}

fn act<'c>(rig: &Rig, client: &'c Client, tickets: &mut Vec<Ticket<'c>>, step: u64) {
    let segment = rig.segment();
    let chosen = (step >> 3) as usize % tickets.len().max(1);
    match step & 7 {
        SUBMIT | SUBMIT_WITH_DEADLINE => {
            let request = vec![step as u8; (step >> 8) as usize % 300];
            let options = TaskOptions::default()
                .timeout((step & 7 == SUBMIT_WITH_DEADLINE).then_some(Duration::from_nanos(1)))
                .priority((step >> 16) as u8)
                .attempts((step >> 24) as u8);
            tickets.extend(client.submit("fuzz", &request, &options));
        }
        WAIT if !tickets.is_empty() => match tickets[chosen].wait(Some(Duration::ZERO)) {
            Ok(outcome) => {
                check(client, &outcome);
                drop(tickets.swap_remove(chosen));
            }
            Err(error) => assert!(matches!(error, RingError::Timeout(_)), "{error}"),
        },
        CANCEL if !tickets.is_empty() => {
            let outcome = tickets.swap_remove(chosen).cancel();
            check(client, &outcome);
        }
        DROP if !tickets.is_empty() => drop(tickets.swap_remove(chosen)),
        END if !tickets.is_empty() => end(segment, tickets[chosen].slot(), step),
        HINT => {
            let index = (step >> 8) as u32 % segment.geometry().max_clients;
            let _ = segment.completion_ring(index).enqueue((step >> 16) as u32);
        }
        _ => client.collect(),
    }
}

/// DONE or CRASHED, as a lane or the reaper would write it, or with a status and a codec that none
/// of them writes, over whatever stands in the result's place.
fn end(segment: &Segment, slot: u32, step: u64) {
    let fields = segment.slot(slot);
    let generation = fields.published().generation();
    let attempt = (step >> 10) as u32 & 3;
    let claimed = Word::queued(generation, attempt).claimed_by((step >> 16) as u16);
    let crashed = claimed.crashed(Cause::from_word((step >> 24) as u16));
    let ended = if step & 1 << 8 == 0 {
        Word(crashed.0 & !STATE_KIND_MASK | KIND_DONE)
    } else {
        crashed
    };
    fields.claim_word().store(claimed.0, Ordering::Release);
    fields.end(ended);
    let _ = segment.completion_ring(0).enqueue(slot);
}

fn check(client: &Client, outcome: &Outcome) {
    let largest = client.segment().geometry().largest_payload();
    match outcome {
        Outcome::Completed { bytes, .. } => assert!(bytes.len() <= largest),
        Outcome::Failed {
            code,
            location,
            message,
            ..
        } => {
            // What is not UTF-8 grows to the replacement character's three bytes.
            assert!(code.len() + location.len() + message.len() <= 3 * largest.max(64));
        }
        Outcome::Crashed { attempts, .. } => assert!((1..=4).contains(attempts)),
        Outcome::TimedOut { .. } | Outcome::Cancelled { .. } | Outcome::Closed { .. } => {}
    }
}
