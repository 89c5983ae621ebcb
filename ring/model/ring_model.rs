//! The hint ring under loom: enqueue and dequeue with helping, over wrapping laps.

use super::loom_engine::{Execution, check};
use super::pool::{Pool, Tiny};
use crate::segment::Segment;
use std::cell::RefCell;
use std::rc::Rc;

/// A pool whose injector ring has so many cells.
fn pool(cells: u32) -> Pool {
    Tiny {
        slots: 4,
        injector: cells,
        ..Tiny::default()
    }
    .pool()
}

type Got = Rc<RefCell<Vec<u32>>>;

/// Puts hints in; a full ring is tried again when others have run.
fn produce(segment: &Segment, hints: &[u32]) {
    for hint in hints {
        while segment.injector(0).enqueue(*hint).is_err() {
            crate::os::sync::retry();
        }
    }
}

/// Takes so many hints.
fn consume(segment: &Segment, count: usize) -> Vec<u32> {
    let mut got = Vec::new();
    while got.len() < count {
        match segment.injector(0).dequeue() {
            Some(hint) => got.push(hint),
            None => crate::os::sync::retry(),
        }
    }
    got
}

/// Starts producers and consumers; afterwards each hint was taken exactly once and the hints of
/// each producer came in order to each consumer.
fn run(execution: &mut Execution, producers: &[&[u32]], consumers: &[usize]) {
    let got: Vec<Got> = consumers.iter().map(|_| Got::default()).collect();
    for hints in producers {
        let (segment, hints) = (execution.pool.segment(), hints.to_vec());
        execution.spawn(move || produce(&segment, &hints));
    }
    for (count, got) in consumers.iter().zip(&got) {
        let (segment, count, got) = (execution.pool.segment(), *count, Rc::clone(got));
        execution.spawn(move || *got.borrow_mut() = consume(&segment, count));
    }
    execution.join();
    let mut all: Vec<u32> = got.iter().flat_map(|got| got.borrow().clone()).collect();
    // What no consumer was asked to take is still in the ring.
    let segment = execution.pool.segment();
    all.extend(std::iter::from_fn(|| segment.injector(0).dequeue()));
    assert!(segment.injector(0).is_empty());
    let mut expected: Vec<u32> = producers.concat();
    for hints in producers {
        for got in &got {
            let order: Vec<usize> = got
                .borrow()
                .iter()
                .filter_map(|hint| hints.iter().position(|own| own == hint))
                .collect();
            assert!(order.is_sorted(), "{order:?}: out of order");
        }
    }
    all.sort_unstable();
    expected.sort_unstable();
    assert_eq!(all, expected, "lost or doubled");
}

#[test]
fn fast_two_producers_help_each_other_in_one_cell() {
    helping(2);
}

#[test]
#[ignore = "long"]
fn long_two_producers_help_each_other_in_one_cell() {
    helping(3);
}

fn helping(preemptions: usize) {
    check(
        "ring: 2 producers, 1 consumer, 1 cell",
        &pool(1),
        Some(preemptions),
        |_| (),
        |e| {
            run(e, &[&[1], &[2]], &[2]);
        },
    );
}

/// One producer may sleep while the other one puts in, takes out, and puts in again: the cell that
/// it wakes before is of a later lap. Each tries once, so no thread waits for another.
#[test]
fn fast_a_producer_sleeps_for_a_lap() {
    check(
        "ring: a producer sleeps for a lap of 1 cell",
        &pool(1),
        Some(2),
        |_| (),
        |e| {
            let (went_in, came_out) = (Got::default(), Got::default());
            let offer = |segment: &Segment, hint: u32, went_in: &Got| {
                if segment.injector(0).enqueue(hint).is_ok() {
                    went_in.borrow_mut().push(hint);
                }
            };
            let (segment, went) = (e.pool.segment(), Rc::clone(&went_in));
            e.spawn(move || offer(&segment, 1, &went));
            let (segment, went, came) =
                (e.pool.segment(), Rc::clone(&went_in), Rc::clone(&came_out));
            e.spawn(move || {
                offer(&segment, 2, &went);
                came.borrow_mut().extend(segment.injector(0).dequeue());
                offer(&segment, 3, &went);
            });
            e.join();
            let segment = e.pool.segment();
            let rest = std::iter::from_fn(|| segment.injector(0).dequeue());
            came_out.borrow_mut().extend(rest);
            went_in.borrow_mut().sort_unstable();
            came_out.borrow_mut().sort_unstable();
            assert_eq!(went_in, came_out, "lost or doubled");
        },
    );
}

#[test]
fn fast_two_producers_in_two_cells() {
    check(
        "ring: 2 producers of 1 and 2, 2 cells",
        &pool(2),
        None,
        |_| (),
        |e| {
            run(e, &[&[1], &[2]], &[]);
        },
    );
}

#[test]
fn fast_laps_wrap_in_one_cell() {
    check(
        "ring: 1 producer, 1 consumer, 3 laps of 1 cell",
        &pool(1),
        None,
        |_| (),
        |e| {
            run(e, &[&[1, 2, 3]], &[3]);
        },
    );
}

#[test]
fn fast_laps_wrap_in_two_cells() {
    check(
        "ring: 1 producer, 1 consumer, 2 laps of 2 cells",
        &pool(2),
        Some(3),
        |_| (),
        |e| {
            run(e, &[&[1, 2, 3]], &[3]);
        },
    );
}

#[test]
fn fast_two_consumers_take_each_hint_once() {
    let full = |pool: &Pool| produce(&pool.segment(), &[1, 2]);
    check(
        "ring: 1 producer, 2 consumers, 2 cells",
        &pool(2),
        Some(3),
        full,
        |e| {
            run_more(e, &[3], &[1, 1], &[1, 2]);
        },
    );
}

/// As [`run`], with hints that are in the ring before.
fn run_more(execution: &mut Execution, producer: &[u32], consumers: &[usize], before: &[u32]) {
    let got: Vec<Got> = consumers.iter().map(|_| Got::default()).collect();
    let (segment, hints) = (execution.pool.segment(), producer.to_vec());
    execution.spawn(move || produce(&segment, &hints));
    for (count, got) in consumers.iter().zip(&got) {
        let (segment, count, got) = (execution.pool.segment(), *count, Rc::clone(got));
        execution.spawn(move || *got.borrow_mut() = consume(&segment, count));
    }
    execution.join();
    let mut all: Vec<u32> = got.iter().flat_map(|got| got.borrow().clone()).collect();
    let segment = execution.pool.segment();
    all.extend(std::iter::from_fn(|| segment.injector(0).dequeue()));
    all.sort_unstable();
    let mut expected = [before, producer].concat();
    expected.sort_unstable();
    assert_eq!(all, expected, "lost or doubled");
}
