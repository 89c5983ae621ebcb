//! Slot decode: a lane claims what a broken client has written, reads it, ends it; the reaper and
//! the sweeper go over what is left.

use crate::patch::{self, Record};
use crate::rig::Rig;
use ringwork_ring::format::layout::*;
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::lane::claimed::{Claimed, Failure};
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::queue::arena;
use ringwork_ring::reaper::{LostWakeCheck, Sweeper, reap_client};
use ringwork_ring::testing::reap_worker;
use ringwork_ring::{Cause, Codec, Status};
use ringwork_ring::{Lane, Segment, WaitStrategy, WorkerEntry};
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static RIGS: RefCell<Vec<(Rig, Arc<Segment>)>> = RefCell::new(
        Rig::all()
            .into_iter()
            .map(|rig| {
                let attached = Segment::attach(rig.dir()).expect("a good segment");
                (rig, Arc::new(attached))
            })
            .collect(),
    );
}

/// What a step's argument asks for, by its low three bits.
const CLAIM_AND_COMPLETE: u64 = 0;
const CLAIM_AND_FAIL: u64 = 1;
const CLAIM_AND_DROP: u64 = 2;
const CLAIM_IN_PLACE: u64 = 3;
const SWEEP: u64 = 4;
const DIE: u64 = 5;
const REAP_CLIENTS: u64 = 6;
const HINT: u64 = 7;
/// With HINT: into the ring of I/O lanes. With a step that has a lane: the next life is that of an
/// I/O lane. Where the shape has I/O lanes.
const IO: u64 = 1 << 63;

/// Damages slots, rings and entries, and has a lane take its tasks from them.
///
/// # Panics
/// When the lane reads or writes what does not belong to the task.
pub fn run(data: &[u8]) {
    let (shape, mut records) = patch::parse(data);
    records.push(Record::step(CLAIM_AND_COMPLETE));
    records.push(Record::step(DIE));
    RIGS.with_borrow(|rigs| {
        let (rig, segment) = &rigs[usize::from(shape) % rigs.len()];
        rig.restore();
        let mut life = None;
        for record in records {
            match record.as_step() {
                None => rig.write(record),
                Some(step) => act(segment, &mut life, step),
            }
        }
    });
}

/// A worker's life: its lane, then its entry.
type Life = Option<(Lane, WorkerEntry)>;

fn act(segment: &Arc<Segment>, life: &mut Life, step: u64) {
    match step & 7 {
        SWEEP => {
            let mut sweeper = Sweeper::default();
            sweeper.sweep(segment, now_ns());
            sweeper.sweep(segment, step);
            LostWakeCheck::default().look(segment);
        }
        DIE => {
            *life = None;
            for worker in 0..segment.geometry().max_workers {
                reap_worker(segment, worker, Cause::from_word((step >> 8) as u16));
            }
        }
        REAP_CLIENTS => {
            for client in 0..segment.geometry().max_clients {
                reap_client(segment, client);
            }
        }
        HINT => {
            let _ = segment
                .queue(kind_of(segment, step), (step >> 8) as u32 & 7)
                .enqueue((step >> 16) as u32);
        }
        how => {
            if life.is_none() {
                *life = born(segment, kind_of(segment, step));
            }
            let Some((lane, _)) = life else { return };
            for _ in 0..4 {
                let Some(claimed) = lane.try_next() else {
                    break;
                };
                end(segment, claimed, how, step);
            }
        }
    }
}

fn kind_of(segment: &Segment, step: u64) -> LaneKind {
    match segment.geometry().has_io_lanes() && step & IO != 0 {
        true => LaneKind::Io,
        false => LaneKind::Cpu,
    }
}

fn born(segment: &Arc<Segment>, kind: LaneKind) -> Life {
    let entry = WorkerEntry::register(Arc::clone(segment), None).ok()?;
    let lane = entry.lane(kind, WaitStrategy::Park).ok()?.pop()?;
    Some((lane, entry))
}

/// Reads every byte of the request: the sanitizer sees a stray one.
fn sum_of(claimed: &Claimed<'_>, largest: usize) -> ringwork_ring::Result<u8> {
    let request = claimed.request()?;
    assert!(request.len() <= largest);
    Ok(request
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte)))
}

/// Ends the requests of a chunk one after the other.
fn end_chunk(mut claimed: Claimed<'_>, largest: usize, step: u64) {
    if let Err(error) = claimed.open_chunk() {
        return claimed.fail_to_answer(&error);
    }
    let mut turn = step;
    while claimed.next_request() {
        let sum = match sum_of(&claimed, largest) {
            Ok(sum) => sum,
            Err(error) => return claimed.fail_to_answer(&error),
        };
        turn = turn.rotate_right(3);
        if turn & 7 == 0 {
            claimed.fail_request(&Failure {
                status: Status::Failed,
                not_run: false,
                code: "fuzz.code",
                location: "fuzz.rs:1",
                message: "m",
            });
        } else {
            claimed.complete_request(
                &vec![sum; (turn >> 8) as usize % 300],
                Codec::ALL[sum as usize % Codec::ALL.len()],
            );
        }
    }
    claimed.finish_chunk();
}

/// Reads all that a handler can, and ends the task in one of the ways.
fn end(segment: &Segment, mut claimed: Claimed<'_>, how: u64, step: u64) {
    let largest = segment.geometry().largest_payload();
    let (attempt, attempts) = claimed.attempt();
    assert!(attempt >= 1 && (1..=MAX_ATTEMPTS).contains(&attempts));
    let _ = (claimed.task_id(), claimed.handler(), claimed.traceparent());
    let _ = (
        claimed.expired(),
        claimed.cancelled(),
        claimed.deadline_ns(),
    );
    claimed.progress(step as u32, attempts);
    let sum = sum_of(&claimed, largest).unwrap_or_else(|error| error.to_string().len() as u8);
    if claimed.is_chunk() {
        return end_chunk(claimed, largest, step);
    }
    // Rooms that are out would make the lane wait for a second.
    let taken = arena::taken(segment);
    let mut classes = taken.iter().zip(&segment.geometry().classes);
    let free = classes.all(|(taken, place)| *taken < place.class.count);
    let len = (step >> 8) as usize % if free { 2 * INLINE } else { INLINE + 1 };
    match how {
        CLAIM_AND_FAIL => {
            let message = "m".repeat(len);
            claimed.fail(&Failure {
                status: Status::ALL[1 + (step >> 16) as usize % (Status::ALL.len() - 1)],
                not_run: step & 8 != 0,
                code: "fuzz.code",
                location: "fuzz.rs:1",
                message: &message,
            });
        }
        CLAIM_AND_DROP => drop(claimed),
        CLAIM_IN_PLACE => match claimed.request_and_reserve(len) {
            Ok((request, room)) => {
                let both = request.len().min(room.len());
                room[..both].copy_from_slice(&request[..both]);
                claimed.finish(
                    (step >> 24) as usize % (len + 2),
                    Codec::ALL[sum as usize % Codec::ALL.len()],
                );
            }
            Err(error) => claimed.fail_to_answer(&error),
        },
        _ => claimed.complete(&vec![sum; len], Codec::ALL[sum as usize % Codec::ALL.len()]),
    }
}
