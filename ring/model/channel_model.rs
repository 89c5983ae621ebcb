//! A channel under loom, and with senders and receivers that die or stop at each step.

use super::explore::{Limits, Mode, explore};
use super::loom_engine::{Execution, check};
use super::pool::{Pool, Tiny};
use super::processes::{reap_clients, register};
use super::sim::{Hazards, Kind, Sim};
use crate::Codec;
use crate::client::Client;
use crate::format::words::Publisher;
use crate::queue::channels::waiting::Waiters;
use crate::queue::channels::{ChannelRing, NotSent, Patience};
use crate::records::ChannelSide;
use crate::segment::Segment;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// A pool whose channel has so many cells.
fn pool(clients: u32, cells: u32, once: bool) -> Pool {
    Tiny {
        clients,
        channel: cells,
        once,
        ..Tiny::default()
    }
    .pool()
}

fn channel(segment: &Segment) -> ChannelRing<'_> {
    segment.channel(0).expect("the pool has a channel")
}

/// Sends a number, asleep while there is no room.
fn send(segment: &Segment, client: u32, number: u64) {
    let (ring, waiters) = (channel(segment), Waiters::default());
    let bytes = number.to_le_bytes();
    loop {
        match ring.try_send(Publisher::Client(client), Codec::Bytes, &bytes) {
            Ok(()) => return,
            Err(NotSent::Full) => {
                ring.wait(client, &waiters, ChannelSide::Senders, Duration::MAX);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// A message: its number, and how often a receiver died that had it.
type Message = (u64, u32);

fn number(ring: ChannelRing<'_>, taken: &crate::queue::channels::Taken) -> Message {
    let mut bytes = Vec::new();
    ring.read(taken, &mut bytes);
    let number = u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
    assert!((1..100).contains(&number), "torn: {number:#x}");
    (number, taken.attempt)
}

/// Takes a message, asleep while there is none; `held` is called while the cell is held.
fn take(segment: &Segment, client: u32, held: impl Fn(Message)) {
    let (ring, waiters) = (channel(segment), Waiters::default());
    let own = Publisher::Client(client);
    let patience = Patience::default();
    loop {
        if let Some(taken) = ring.try_take(own, &patience).expect("whole words") {
            let message = number(ring, &taken);
            held(message);
            ring.release(own, taken);
            return;
        }
        ring.wait(client, &waiters, ChannelSide::Receivers, Duration::MAX);
    }
}

type Got = Rc<RefCell<Vec<Message>>>;

/// Takes all that is left.
fn drain(segment: &Segment) -> Vec<Message> {
    let ring = channel(segment);
    let own = Publisher::Client(0);
    let patience = Patience::default();
    let mut left = Vec::new();
    while let Some(taken) = ring.try_take(own, &patience).expect("whole words") {
        left.push(number(ring, &taken));
        ring.release(own, taken);
    }
    left
}

/// Each sender sends its numbers, and each receiver takes so many.
fn run(execution: &mut Execution, senders: &[&[u64]], receivers: &[usize]) {
    let got = Got::default();
    for (client, numbers) in (0..).zip(senders) {
        let (segment, numbers) = (execution.pool.segment(), numbers.to_vec());
        execution.spawn(move || {
            for number in &numbers {
                send(&segment, client, *number);
            }
        });
    }
    for (client, count) in (senders.len() as u32..).zip(receivers) {
        let (segment, count) = (execution.pool.segment(), *count);
        let got = Rc::clone(&got);
        execution.spawn(move || {
            for _ in 0..count {
                take(&segment, client, |message| got.borrow_mut().push(message));
            }
        });
    }
    execution.join();
    let segment = execution.pool.segment();
    let mut all: Vec<u64> = got.borrow().iter().map(|(number, _)| *number).collect();
    if receivers.len() == 1 {
        for numbers in senders {
            let own = all.iter().filter(|number| numbers.contains(number));
            assert!(own.is_sorted(), "out of order: {all:?}");
        }
    }
    all.extend(drain(&segment).iter().map(|(number, _)| *number));
    all.sort_unstable();
    let mut sent = senders.concat();
    sent.sort_unstable();
    assert_eq!(all, sent, "lost or doubled");
    let ring = channel(&segment);
    assert!((0..ring.config().capacity.into()).all(|cell| ring.cell_is_possible(cell)));
    assert_eq!(ring.problem(0, 100), None);
}

/// The same under loom, in a channel of so many cells.
fn flow(
    name: &'static str,
    cells: u32,
    preemptions: usize,
    (senders, receivers): (&'static [&'static [u64]], &'static [usize]),
) {
    let clients = (senders.len() + receivers.len()) as u32;
    let pool = pool(clients, cells, false);
    let body = move |e: &mut Execution| run(e, senders, receivers);
    check(name, &pool, Some(preemptions), |_| (), body);
}

#[test]
fn fast_a_message_is_whole_and_both_sides_are_woken() {
    flow(
        "channel: 1 sender of 2, 1 cell, 1 receiver",
        1,
        2,
        (&[&[1, 2]], &[2]),
    );
    flow(
        "channel: 1 sender of 2, 2 cells, 1 receiver",
        2,
        2,
        (&[&[1, 2]], &[2]),
    );
}

#[test]
fn fast_two_senders_share_a_channel() {
    flow(
        "channel: 2 senders of 1, 2 cells, 1 receiver",
        2,
        1,
        (&[&[1], &[2]], &[2]),
    );
    flow(
        "channel: 2 senders of 1, 1 cell, 1 receiver",
        1,
        1,
        (&[&[1], &[2]], &[2]),
    );
}

#[test]
fn fast_two_receivers_share_a_channel() {
    flow(
        "channel: 1 sender of 2, 2 cells, 2 receivers",
        2,
        1,
        (&[&[1, 2]], &[1, 1]),
    );
}

#[test]
#[ignore = "long"]
fn long_two_senders_and_two_receivers() {
    flow(
        "channel: 2 senders of 1, 2 cells, 2 receivers",
        2,
        1,
        (&[&[1], &[2]], &[1, 1]),
    );
}

const NONE: Hazards = Hazards {
    dies: false,
    stops: false,
};

/// What became of the messages in one execution.
#[derive(Debug, Default)]
struct Ledger {
    /// Sent, as their senders know.
    sent: Vec<u64>,
    /// Taken by the receiver that may die, which has begun to release them.
    releasing: Vec<u64>,
    /// Taken by the other one.
    got: Vec<Message>,
}

fn index(client: &Client) -> u32 {
    match client.publisher() {
        Publisher::Client(index) => index,
        other => panic!("{other:?}"),
    }
}

/// Who sends, takes, dies or stops.
struct Play {
    cells: u32,
    once: bool,
    /// Numbers of a sender that may come to harm, and of one that does not.
    senders: [&'static [u64]; 2],
    /// Messages that a receiver takes which may come to harm, and another one.
    receivers: [usize; 2],
    sender: Hazards,
    receiver: Hazards,
}

impl Play {
    fn explore(&self, name: &str, limits: Limits) {
        let ledger = Rc::new(RefCell::new(Ledger::default()));
        let (own, checked) = (Rc::clone(&ledger), Rc::clone(&ledger));
        let setup = |sim: &Rc<Sim>| {
            *own.borrow_mut() = Ledger::default();
            self.spawn(sim, &own);
        };
        let pool = pool(4, self.cells, self.once);
        explore(name, &pool, limits, Mode::Exhaustive, setup, |sim| {
            self.check(sim, &checked.borrow());
        });
    }

    fn spawn(&self, sim: &Sim, ledger: &Rc<RefCell<Ledger>>) {
        for (numbers, hazards) in self.senders.into_iter().zip([self.sender, NONE]) {
            let ledger = Rc::clone(ledger);
            let body = move |sim: &Sim| {
                let client = register(sim);
                for number in numbers {
                    send(&sim.pool.segment(), index(&client), *number);
                    if !sim.has_died(sim.process()) {
                        ledger.borrow_mut().sent.push(*number);
                    }
                }
            };
            if !numbers.is_empty() {
                sim.spawn("sender", Kind::Client, hazards, Rc::new(body));
            }
        }
        for (harmed, count) in [(true, self.receivers[0]), (false, self.receivers[1])] {
            let ledger = Rc::clone(ledger);
            let body = move |sim: &Sim| {
                let client = register(sim);
                let segment = sim.pool.segment();
                for _ in 0..count {
                    let held = |message: Message| {
                        // A step, at which it may die.
                        let _ = channel(&segment).tail();
                        let alive = !sim.has_died(sim.process());
                        let mut ledger = ledger.borrow_mut();
                        match harmed {
                            true if alive => ledger.releasing.push(message.0),
                            true => {}
                            false => ledger.got.push(message),
                        }
                    };
                    take(&segment, index(&client), held);
                }
            };
            let hazards = if harmed { self.receiver } else { NONE };
            if count > 0 {
                sim.spawn("receiver", Kind::Client, hazards, Rc::new(body));
            }
        }
        sim.spawn("reaper", Kind::Supervisor, NONE, Rc::new(reap_clients));
    }

    fn check(&self, sim: &Sim, ledger: &Ledger) {
        let segment = sim.pool.segment();
        let ring = channel(&segment);
        let cells = 0..u64::from(ring.config().capacity);
        for cell in cells.clone() {
            assert!(ring.cell_is_possible(cell), "cell {cell}: {ledger:?}");
            assert!(!ring.is_held(cell), "cell {cell} is left: {ledger:?}");
        }
        let left = drain(&segment);
        let delivered = |number: u64| {
            let all = ledger.got.iter().chain(&left);
            let all: Vec<Message> = all.filter(|(n, _)| *n == number).copied().collect();
            all
        };
        for number in &ledger.sent {
            let taken = ledger.releasing.contains(number);
            let found = delivered(*number);
            if !self.once {
                assert!(taken || !found.is_empty(), "{number} is lost: {ledger:?}");
            }
            // What has no mark was not delivered before.
            let unmarked = found.iter().filter(|(_, attempt)| *attempt == 0).count();
            let unmarked = unmarked + usize::from(taken);
            assert!(unmarked <= 1, "{number} is doubled: {ledger:?}, {left:?}");
            assert!(!self.once || found.len() + usize::from(taken) <= 1);
            if !self.receiver.dies {
                assert_eq!(found.iter().filter(|(_, n)| *n > 0).count(), 0);
            }
        }
        let own = |numbers: &[u64]| {
            let all = ledger.got.iter().map(|(number, _)| *number);
            all.filter(|number| numbers.contains(number))
                .collect::<Vec<_>>()
        };
        if !self.receiver.dies {
            for numbers in self.senders {
                assert!(own(numbers).is_sorted(), "out of order: {ledger:?}");
            }
        }
        // It is as new: a message goes through each cell.
        let sender = Publisher::Client(0);
        for _ in 0..2 {
            for number in cells.clone() {
                let bytes = (number + 1).to_le_bytes();
                let sent = ring.try_send(sender, Codec::Bytes, &bytes);
                assert_eq!(sent, Ok(()), "a cell is lost: {ledger:?}");
            }
            let full = ring.try_send(sender, Codec::Bytes, &[]);
            assert_eq!(full, Err(NotSent::Full));
            assert_eq!(drain(&segment).len(), cells.clone().count());
        }
        assert_eq!(ring.problem(0, 100), None);
    }
}

const DIES: Hazards = Hazards {
    dies: true,
    stops: false,
};

const STOPS: Hazards = Hazards {
    dies: false,
    stops: true,
};

fn limits(preemptions: u32, crashes: u32, pauses: u32) -> Limits {
    Limits {
        preemptions,
        switches: 1,
        crashes,
        pauses,
        same_twice: false,
    }
}

fn a_sender_comes_to_harm(sender: Hazards, cells: u32, limits: Limits) {
    let name = if sender.dies { "dies" } else { "stops" };
    Play {
        cells,
        once: false,
        senders: [&[10], &[11, 12]],
        receivers: [0, 2],
        sender,
        receiver: NONE,
    }
    .explore(&format!("channel of {cells}: a sender {name}"), limits);
}

fn a_receiver_comes_to_harm(receiver: Hazards, once: bool, limits: Limits) {
    let name = if receiver.dies { "dies" } else { "stops" };
    let once_too = if once { ", once" } else { "" };
    Play {
        cells: 2,
        once,
        senders: [&[], &[11, 12, 13]],
        // Delivered once, one may be lost.
        receivers: [1, if once { 1 } else { 2 }],
        sender: NONE,
        receiver,
    }
    .explore(&format!("channel: a receiver {name}{once_too}"), limits);
}

#[test]
fn fast_a_sender_dies_at_each_step() {
    a_sender_comes_to_harm(DIES, 1, limits(1, 1, 0));
    a_sender_comes_to_harm(DIES, 2, limits(1, 1, 0));
}

#[test]
fn fast_a_sender_stops_at_each_step() {
    a_sender_comes_to_harm(STOPS, 1, limits(1, 0, 1));
    a_sender_comes_to_harm(STOPS, 2, limits(1, 0, 1));
}

#[test]
fn fast_a_receiver_dies_at_each_step() {
    a_receiver_comes_to_harm(DIES, false, limits(1, 1, 0));
    a_receiver_comes_to_harm(DIES, true, limits(0, 1, 0));
}

#[test]
fn fast_a_receiver_stops_at_each_step() {
    a_receiver_comes_to_harm(STOPS, false, limits(1, 0, 1));
}

#[test]
#[ignore = "long"]
fn long_senders_and_receivers_die_and_stop_at_each_step() {
    a_sender_comes_to_harm(DIES, 2, limits(2, 1, 0));
    a_sender_comes_to_harm(STOPS, 2, limits(2, 0, 1));
    a_receiver_comes_to_harm(DIES, false, limits(2, 1, 0));
    a_receiver_comes_to_harm(STOPS, false, limits(2, 0, 1));
}
