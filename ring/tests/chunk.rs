//! Chunks as a lane meets them: read, taken up after a death, and damaged.

mod common;

use common::Pool;
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_ring::format::layout::*;
use ringwork_ring::lane::chunk::{encode, results};
use ringwork_ring::queue::arena;
use ringwork_ring::testing::RawWords;
use ringwork_ring::testing::reap_worker;
use ringwork_ring::{ArenaClass, Claimed, Failure, Lane, RingError};
use ringwork_ring::{Cause, Codec, Status};
use std::ops::Deref;
use std::sync::atomic::Ordering;

const BLOCK: usize = 1024;

/// A pool and its one client.
struct Side {
    pool: Pool,
    client: Client,
}

fn pool() -> Side {
    let pool = Pool::new(1, vec![ArenaClass::new(BLOCK, 8)]);
    let client = pool.client();
    Side { pool, client }
}

impl Deref for Side {
    type Target = Pool;

    fn deref(&self) -> &Pool {
        &self.pool
    }
}

impl Side {
    fn submit(&self, chunk: &[u8]) -> Ticket<'_> {
        let options = TaskOptions::default()
            .codec(Codec::Chunk)
            .attempts(MAX_ATTEMPTS as u8);
        self.client.submit("h", chunk, &options).unwrap()
    }

    /// Where the block of a task is.
    fn block(&self, slot: u32) -> usize {
        let word = self.segment.slot(slot).request().reference();
        let block = arena::check_ref(&self.segment, word, 0).unwrap();
        arena::offset(&self.segment, block)
    }

    fn byte(&self, at: usize) -> u8 {
        self.segment.raw8(at).load(Ordering::Relaxed)
    }

    /// What has become of the chunk in a block.
    fn results(&self, at: usize) -> Vec<(Status, Vec<u8>)> {
        let block: Vec<u8> = (at..at + BLOCK).map(|at| self.byte(at)).collect();
        results(&block).unwrap()
    }
}

fn chunk(requests: &[&[u8]], attempts: u8, room: usize) -> Vec<u8> {
    encode(requests, Codec::Bytes, attempts, room)
}

/// Answers the request at hand with itself, reversed.
fn answer(claimed: &mut Claimed<'_>) {
    let mut reversed = claimed.request().unwrap().to_vec();
    reversed.reverse();
    claimed.complete_request(&reversed, Codec::Bytes);
}

fn open<'l>(lane: &'l mut Lane) -> Claimed<'l> {
    let mut claimed = lane.try_next().unwrap();
    assert!(claimed.is_chunk());
    claimed.open_chunk().unwrap();
    claimed
}

#[test]
fn each_request_is_read_and_answered() {
    let pool = pool();
    let (entry, mut lane) = pool.worker();
    let ticket = pool.submit(&chunk(&[b"one", b"", b"twelve bytes"], 1, 16));
    let at = pool.block(ticket.slot());
    let mut claimed = open(&mut lane);
    assert_eq!(claimed.request_codec(), Codec::Bytes);
    for _ in 0..3 {
        assert!(claimed.next_request());
        assert_eq!(claimed.attempt(), (1, 1));
        answer(&mut claimed);
    }
    assert!(!claimed.next_request());
    claimed.finish_chunk();
    let results = pool.results(at);
    let expected = [&b"eno"[..], b"", b"setyb evlewt"].map(|bytes| (Status::Ok, bytes.to_vec()));
    assert_eq!(results, expected);
    match ticket.wait(None).unwrap() {
        Outcome::Completed { codec, bytes } => {
            assert_eq!((codec, bytes), (Codec::Chunk, vec![]));
        }
        other => panic!("{other:?}"),
    }
    // Each request counts as a task of the lane's.
    let count = |counter: LaneCounter| pool.segment.lane(0).counter(counter).get();
    assert_eq!(count(LaneCounter::Started), 3);
    assert_eq!(count(LaneCounter::Completed), 3);
    drop(lane);
    entry.leave();
}

/// The worker dies in its claim; what becomes of its slot is the reaper's.
fn die(claimed: Claimed<'_>) {
    std::mem::forget(claimed);
}

#[test]
fn after_a_death_another_lane_goes_on_behind_the_request_that_ran() {
    let pool = pool();
    let ticket = pool.submit(&chunk(&[b"a", b"b", b"c", b"d"], 1, 8));
    let at = pool.block(ticket.slot());
    let (entry, mut lane) = pool.worker();
    let worker = entry.index();
    let mut claimed = open(&mut lane);
    for _ in 0..2 {
        assert!(claimed.next_request());
        answer(&mut claimed);
    }
    assert!(claimed.next_request()); // "c" runs
    die(claimed);
    drop((lane, entry));
    reap_worker(&pool.segment, worker, Cause::Unknown);

    let (entry, mut lane) = pool.worker();
    let mut claimed = open(&mut lane);
    assert_eq!(
        pool.results(at).len(),
        3,
        "the one that ran has ended as crashed"
    );
    assert!(claimed.next_request());
    assert_eq!(claimed.request().unwrap(), b"d");
    answer(&mut claimed);
    assert!(!claimed.next_request());
    claimed.finish_chunk();
    let statuses: Vec<Status> = pool.results(at).iter().map(|result| result.0).collect();
    assert_eq!(
        statuses,
        [Status::Ok, Status::Ok, Status::Crashed, Status::Ok]
    );
    drop(lane);
    entry.leave();
}

#[test]
fn a_request_with_attempts_left_is_run_again_and_its_number_told() {
    let pool = pool();
    let _ticket = pool.submit(&chunk(&[b"a", b"b"], 2, 8));
    for life in 1..=2 {
        let (entry, mut lane) = pool.worker();
        let worker = entry.index();
        let mut claimed = open(&mut lane);
        assert!(claimed.next_request());
        assert_eq!(claimed.request().unwrap(), b"a");
        assert_eq!(claimed.attempt(), (life, 2));
        die(claimed);
        drop((lane, entry));
        reap_worker(&pool.segment, worker, Cause::Unknown);
    }
    let (entry, mut lane) = pool.worker();
    let mut claimed = open(&mut lane);
    assert!(claimed.next_request());
    assert_eq!(claimed.request().unwrap(), b"b");
    assert_eq!(
        claimed.attempt(),
        (1, 2),
        "a request's attempts are its own"
    );
    answer(&mut claimed);
    claimed.finish_chunk();
    drop(lane);
    entry.leave();
}

#[test]
fn what_is_kept_for_others_nobody_takes() {
    let pool = pool();
    let (entry, mut lane) = pool.worker();
    let ticket = pool.submit(&chunk(&[b"a", b"b", b"c"], 1, 16));
    let at = pool.block(ticket.slot());
    let mut claimed = open(&mut lane);
    assert!(claimed.next_request());
    let full = claimed.reserve(17).unwrap_err();
    assert!(matches!(
        full,
        RingError::ChunkFull {
            size: 17,
            left: 16,
            request: 0
        }
    ));
    claimed.fail_to_answer_request(&full);
    assert!(claimed.next_request());
    // A text that does not fit is cut, its start is kept.
    let failure = Failure {
        status: Status::Failed,
        not_run: false,
        code: "code",
        location: "file.rs:1",
        message: "a message",
    };
    claimed.fail_request(&failure);
    assert!(claimed.next_request());
    claimed.complete_request(&[7; 16], Codec::Bytes);
    claimed.finish_chunk();
    let results = pool.results(at);
    assert_eq!(results[0].0, Status::ResultTooLarge);
    assert_eq!(results[1].0, Status::Failed);
    assert_eq!(&results[1].1[FAILURE_TEXT..FAILURE_TEXT + 4], b"code");
    assert_eq!(results[2], (Status::Ok, vec![7; 16]));
    drop((lane, ticket));
    entry.leave();
}

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % end as u64) as usize
    }
}

/// A client that writes anything can neither make a lane panic nor have it write outside the block.
#[test]
fn damaged_chunks_end_and_leave_other_blocks_alone() {
    const WORDS: [u64; 8] = [0, 1, 63, 64, 1 << 16, u64::MAX, u64::MAX - 7, 1 << 31];
    let pool = pool();
    let (entry, mut lane) = pool.worker();
    let mut dice = Dice(5);
    let good = chunk(&[&[1; 40], &[2; 8], &[], &[3; 90], &[4; 17]], 2, 40);
    let (mut refused, mut ran) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        bytes.truncate(if dice.below(4) == 0 {
            dice.below(bytes.len())
        } else {
            bytes.len()
        });
        for _ in 0..=dice.below(3) {
            let word = if dice.below(2) == 0 {
                WORDS[dice.below(WORDS.len())]
            } else {
                dice.below(2048) as u64
            };
            // The head and the lengths, for the most part.
            let end = bytes.len().min(160);
            let width = [1, 4, 8][dice.below(3)];
            if end > 16 {
                let at = dice.below((end - 8) / width) * width;
                bytes[at..at + width].copy_from_slice(&word.to_le_bytes()[..width]);
            }
        }
        if bytes.len() <= INLINE {
            continue;
        }
        let ticket = pool.submit(&bytes);
        let at = pool.block(ticket.slot());
        let neighbours = |pool: &Side| {
            let sum = |from: usize| {
                (from..from + 64)
                    .map(|at| u64::from(pool.byte(at)))
                    .sum::<u64>()
            };
            (sum(at - 64), sum(at + BLOCK))
        };
        let before = neighbours(&pool);
        let mut claimed = lane.try_next().unwrap();
        if let Err(error) = claimed.open_chunk() {
            refused += 1;
            claimed.fail_to_answer(&error);
        } else {
            while claimed.next_request() {
                ran += 1;
                let request = claimed.request().unwrap();
                assert!(request.len() <= BLOCK);
                let sum = request
                    .iter()
                    .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
                match dice.below(3) {
                    0 => claimed.complete_request(&[sum; 30], Codec::Bytes),
                    1 => match claimed.reserve(dice.below(100)) {
                        Ok(room) => {
                            let len = room.len();
                            room.fill(sum);
                            claimed.finish_request(len, Codec::Bytes);
                        }
                        Err(error) => claimed.fail_to_answer_request(&error),
                    },
                    _ => claimed.fail_request(&Failure {
                        status: Status::Failed,
                        not_run: true,
                        code: "c",
                        location: "",
                        message: "a longer text than there is room for, as a rule",
                    }),
                }
            }
            claimed.finish_chunk();
        }
        assert_eq!(neighbours(&pool), before);
        match ticket.wait(None).unwrap() {
            Outcome::Completed { .. } => {}
            Outcome::Failed { code, .. } => assert_ne!(code, "worker.dropped"),
            other => panic!("{other:?}"),
        }
    }
    assert!(
        refused > 1_000 && ran > 1_000,
        "{refused} refused, {ran} run"
    );
    drop(lane);
    entry.leave();
}
