//! What the parts of a round trip cost by themselves: one thread, no waiting, all in the cache.

#![allow(missing_docs, reason = "a program, made by Criterion's macros")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringwork_ring::client::{Outcome, TaskOptions};
use ringwork_ring::format::states::{Codec, Status};
use ringwork_ring::format::words::{Owner, Word, after};
use ringwork_ring::queue::arena::{self, ArenaView, Role};
use ringwork_ring::queue::hint_ring::HintRing;
use ringwork_structures::Pool;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// As the layout has it, in a task's own word.
const CODEC: Codec = Codec::Bytes;
/// As many as a client has slots by default.
const CELLS: usize = 2048;
/// As many as a lane takes at a time.
const BATCH: u32 = 8;

/// One hint in and out, then eight of them, taken by one compare-and-swap.
fn hint_ring(c: &mut Criterion) {
    let (head, tail) = (AtomicU64::new(0), AtomicU64::new(0));
    let cells: Vec<AtomicU64> = (0..CELLS).map(|_| AtomicU64::new(0)).collect();
    let ring = HintRing::new(&head, &tail, &cells);
    let mut group = c.benchmark_group("hint_ring");
    group.throughput(Throughput::Elements(1));
    group.bench_function("enqueue_dequeue", |b| {
        b.iter(|| {
            ring.enqueue(black_box(7)).expect("room");
            assert_eq!(ring.dequeue(), Some(7));
        });
    });
    group.throughput(Throughput::Elements(u64::from(BATCH)));
    group.bench_function("enqueue_8_take_8", |b| {
        b.iter(|| {
            for slot in 0..BATCH {
                ring.enqueue(black_box(slot)).expect("room");
            }
            let mut out = [0; BATCH as usize];
            let peeked = ring.peek(&mut out);
            assert_eq!(out[BATCH as usize - 1], BATCH - 1);
            assert!(ring.take(peeked));
        });
    });
    group.finish();
}

/// A block taken and freed again, of each class of the default arena.
fn arena_blocks(c: &mut Criterion) {
    let pool = Pool::new().expect("a pool");
    let view = ArenaView::new(&pool.segment);
    let owner = Owner::request(1, 0);
    let mut group = c.benchmark_group("arena_take_free");
    group.throughput(Throughput::Elements(1));
    for place in &pool.segment.geometry().classes {
        let size = place.class.size;
        group.bench_function(format!("{}_KiB", size >> 10), |b| {
            b.iter(|| {
                let block = view.take(&pool.segment, black_box(size), Role::Request, owner);
                let block = block.expect("a block");
                assert!(arena::free(&pool.segment, block, owner));
            });
        });
    }
    group.finish();
}

/// The three steps of a task that goes well.
fn slot_words(c: &mut Criterion) {
    let pool = Pool::new().expect("a pool");
    let mut group = c.benchmark_group("slot_words");
    group.throughput(Throughput::Elements(1));
    group.bench_function("publish_claim_end", |b| {
        b.iter(|| {
            let slot = pool.segment.slot(0);
            let generation = after(slot.published().generation());
            slot.publish(generation);
            let claimed = slot.take(3);
            slot.end(
                claimed
                    .expect("queued")
                    .done(Status::Ok.into(), Codec::Bytes),
            );
        });
    });
    group.finish();
}

/// A client and a lane that take turns on one thread: what is left without any waiting and
/// without a line that crosses between cores.
fn round_trip(c: &mut Criterion) {
    let pool = Pool::new().expect("a pool");
    let (entry, mut lane, client) = pool.sides().expect("a worker and a client");
    let mut group = c.benchmark_group("round_trip_one_thread");
    for bytes in [0_usize, 64, 4096] {
        let request = vec![0x5a; bytes];
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{bytes}_bytes"), |b| {
            b.iter(|| {
                let ticket = client.submit("echo", &request, &TaskOptions::default());
                let ticket = ticket.expect("submitted");
                let mut claimed = lane.try_next().expect("a task");
                let (from, to) = claimed.request_and_reserve(bytes).expect("room");
                to.copy_from_slice(from);
                claimed.finish(bytes, CODEC);
                match ticket.wait(None).expect("an outcome") {
                    Outcome::Completed { bytes, .. } => assert_eq!(bytes, request),
                    other => panic!("{other:?}"),
                }
            });
        });
    }
    group.finish();
    drop((client, lane));
    entry.leave();
}

criterion_group! {
    name = structures;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = hint_ring, arena_blocks, slot_words, round_trip
}
criterion_main!(structures);
