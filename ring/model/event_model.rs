//! The event ring under loom, and with publishers that die or stop at each step.

use super::explore::{Limits, Mode, explore};
use super::loom_engine::{Execution, check};
use super::pool::{Pool, Tiny};
use super::processes::{reap_clients, register};
use super::sim::{Hazards, Kind, Sim};
use crate::Codec;
use crate::format::words::Publisher;
use crate::queue::events::{EventReader, RawEvent};
use crate::segment::Segment;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// A pool whose event ring has so many cells.
fn pool(cells: u32) -> Pool {
    Tiny {
        clients: 2,
        events: cells,
        ..Tiny::default()
    }
    .pool()
}

/// Publishes these numbers, each as topic and as bytes, so that a torn event is seen.
fn publish(segment: &Segment, publisher: Publisher, numbers: &[u64]) {
    let ring = segment.events().expect("the pool has events");
    for number in numbers {
        let about = (*number as u32, Codec::Bytes);
        let _ = ring.publish(publisher, about, &number.to_le_bytes());
    }
}

fn number(event: &RawEvent) -> u64 {
    let number = u64::from_le_bytes(event.bytes().try_into().expect("8 bytes"));
    assert_eq!(u64::from(event.topic), number, "a torn event");
    number
}

type Got = Rc<RefCell<Vec<u64>>>;

/// Reads until so many positions are passed.
fn read(segment: &Segment, positions: u64, sleeps: bool, got: &Got) {
    let ring = segment.events().expect("the pool has events");
    let mut reader = EventReader::from_oldest(ring);
    let passed = |reader: &EventReader| {
        let passed = reader.passed();
        passed.received + passed.lost + passed.skipped
    };
    while passed(&reader) < positions {
        match reader.next(ring) {
            Some(event) => got.borrow_mut().push(number(&event)),
            None if sleeps => ring.wait(&reader, Duration::MAX),
            None => crate::os::sync::retry(),
        }
    }
}

/// Each publisher publishes its numbers while one reader reads so many positions.
fn run(execution: &mut Execution, publishers: &[&[u64]], positions: u64, sleeps: bool) {
    let got = Got::default();
    for (index, numbers) in publishers.iter().enumerate() {
        let (segment, numbers) = (execution.pool.segment(), numbers.to_vec());
        execution.spawn(move || publish(&segment, Publisher::Client(index as u32), &numbers));
    }
    let (segment, read_by) = (execution.pool.segment(), Rc::clone(&got));
    execution.spawn(move || read(&segment, positions, sleeps, &read_by));
    execution.join();
    for numbers in publishers {
        let order: Vec<usize> = (got.borrow().iter())
            .filter_map(|got| numbers.iter().position(|own| own == got))
            .collect();
        assert!(
            order.is_sorted_by(|a, b| a < b),
            "{order:?}: doubled, or out of order"
        );
    }
    let ring = execution.pool.segment();
    let ring = ring.events().expect("the pool has events");
    assert!((0..ring.capacity()).all(|cell| ring.cell_is_possible(cell)));
}

#[test]
fn fast_an_event_is_whole_however_often_it_is_overwritten() {
    check(
        "event: 1 publisher of 2, 1 cell",
        &pool(1),
        Some(2),
        |_| (),
        |e| {
            run(e, &[&[1, 2]], 1, false);
        },
    );
}

#[test]
fn fast_two_publishers_wait_for_nobody() {
    check(
        "event: 2 publishers of 1, 2 cells",
        &pool(2),
        Some(2),
        |_| (),
        |e| {
            run(e, &[&[1], &[2]], 2, false);
        },
    );
    check(
        "event: 2 publishers of 1, 1 cell",
        &pool(1),
        Some(1),
        |_| (),
        |e| {
            run(e, &[&[1], &[2]], 1, false);
        },
    );
}

#[test]
fn fast_a_subscriber_that_sleeps_is_woken() {
    check(
        "event: 1 publisher of 1, a subscriber sleeps",
        &pool(2),
        Some(2),
        |_| (),
        |e| {
            run(e, &[&[1]], 1, true);
        },
    );
    check(
        "event: 2 publishers of 1, a subscriber sleeps",
        &pool(2),
        Some(1),
        |_| (),
        |e| {
            run(e, &[&[1], &[2]], 2, true);
        },
    );
}

const NONE: Hazards = Hazards {
    dies: false,
    stops: false,
};

/// Two clients publish, the first of which may die or stop at any step, and one reads what the
/// second has published, asleep in between; a supervisor reaps.
fn crash(name: &str, hazards: Hazards, limits: Limits) {
    let got = Got::default();
    let (cleared, checked) = (Rc::clone(&got), Rc::clone(&got));
    explore(
        name,
        &pool(2),
        limits,
        Mode::Exhaustive,
        move |sim| {
            cleared.borrow_mut().clear();
            for (index, hazards) in [(0, hazards), (1, NONE)] {
                let body = move |sim: &Sim| {
                    let client = register(sim);
                    let own = client.publisher();
                    publish(&sim.pool.segment(), own, &[10 + index]);
                };
                let name = format!("publisher {index}");
                sim.spawn(&name, Kind::Client, hazards, Rc::new(body));
            }
            let got = Rc::clone(&cleared);
            let body = move |sim: &Sim| {
                let segment = sim.pool.segment();
                let ring = segment.events().expect("the pool has events");
                let mut reader = EventReader::from_oldest(ring);
                // The one that never dies has published: its event is read, or counted.
                while !got.borrow().contains(&11)
                    && reader.passed().skipped + reader.passed().lost == 0
                {
                    match reader.next(ring) {
                        Some(event) => got.borrow_mut().push(number(&event)),
                        None => ring.wait(&reader, Duration::MAX),
                    }
                }
            };
            sim.spawn("subscriber", Kind::Client, NONE, Rc::new(body));
            sim.spawn("reaper", Kind::Supervisor, NONE, Rc::new(reap_clients));
        },
        move |sim| {
            let segment = sim.pool.segment();
            let ring = segment.events().expect("the pool has events");
            let busy = (0..ring.capacity())
                .filter(|cell| ring.is_busy(*cell))
                .count();
            assert_eq!(busy, 0, "left behind: {:?}", checked.borrow());
        },
    );
}

fn dies(preemptions: u32) {
    let hazards = Hazards {
        dies: true,
        stops: false,
    };
    let limits = Limits {
        preemptions,
        switches: 1,
        crashes: 1,
        pauses: 0,
        same_twice: false,
    };
    crash("event: a publisher dies", hazards, limits);
}

#[test]
fn fast_a_publisher_dies_at_each_step() {
    dies(1);
}

#[test]
#[ignore = "long"]
fn long_a_publisher_dies_at_each_step() {
    dies(2);
}
