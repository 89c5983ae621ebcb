//! Messages through the pool's channel, from each of its clients to any of them.

use crate::load::{LIMIT, event};
use crate::{Random, Tally};
use ringwork_ring::Codec;
use ringwork_ring::client::Client;
use ringwork_ring::format::words::Publisher;
use ringwork_ring::queue::channels::waiting::Waiters;
use ringwork_ring::queue::channels::{ChannelRing, NotSent, Patience, Taken};
use ringwork_ring::records::ChannelSide;
use ringwork_ring::testing::send_slowly;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the pool is served with.
pub const CHANNEL: &str = "matrix:capacity=4,size=16";

/// A client at the channel.
struct Talker<'c> {
    client: &'c Client,
    own: Publisher,
    index: u32,
    ring: ChannelRing<'c>,
    waiters: Waiters,
    patience: Patience,
}

impl<'c> Talker<'c> {
    fn new(client: &'c Client) -> Self {
        let own = client.publisher();
        let Publisher::Client(index) = own else {
            panic!("no client: {own:?}");
        };
        Self {
            client,
            own,
            index,
            ring: client.segment().channel(0).expect("the pool has a channel"),
            waiters: Waiters::default(),
            patience: Patience::default(),
        }
    }

    fn send(&self, number: u64, tally: &mut Tally) -> bool {
        match self.ring.try_send(self.own, Codec::Bytes, &event(number)) {
            // One that is stopped for long was perhaps taken for dead.
            Ok(()) | Err(NotSent::Refused) => true,
            Err(NotSent::Full) => false,
            Err(error) => {
                tally.wrong(format!("not sent: {error}"));
                true
            }
        }
    }

    fn take(&self, tally: &mut Tally) -> Option<Taken> {
        let taken = self.ring.try_take(self.own, &self.patience).ok()??;
        let mut bytes = Vec::new();
        self.ring.read(&taken, &mut bytes);
        let (words, _) = bytes.as_chunks::<8>();
        let whole = match words {
            [number, complement] => u64::from_le_bytes(*number) == !u64::from_le_bytes(*complement),
            _ => false,
        };
        if !whole {
            tally.wrong(format!("a torn message: {bytes:?}"));
        }
        Some(taken)
    }

    fn receive(&self, tally: &mut Tally) -> bool {
        let taken = self.take(tally);
        if let Some(taken) = taken {
            self.ring.release(self.own, taken);
        }
        taken.is_some()
    }

    fn sleep(&self, side: ChannelSide) {
        let limit = Duration::from_millis(2);
        self.ring.wait(self.index, &self.waiters, side, limit);
    }
}

/// Sends until `stop` is true, asleep while there is no room; now and then as one that is slow.
pub fn send_all(client: &Client, random: &mut Random, stop: &AtomicBool) -> Tally {
    let (talker, mut tally) = (Talker::new(client), Tally::default());
    let mut sent = 0_u64;
    while !stop.load(Ordering::Relaxed) && !client.segment().is_over() {
        sent += 1;
        if sent.is_multiple_of(16) {
            let slow = || std::thread::sleep(Duration::from_millis(3));
            let _ = send_slowly(talker.ring, talker.own, &event(sent), slow);
        } else if !talker.send(random.bits(), &mut tally) {
            talker.sleep(ChannelSide::Senders);
        }
        if sent.is_multiple_of(8) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    tally
}

/// Receives until `stop` is true, asleep while there is nothing; each fourth message is kept while
/// others go by.
pub fn receive_all(client: &Client, stop: &AtomicBool) -> Tally {
    let (talker, mut tally) = (Talker::new(client), Tally::default());
    while !stop.load(Ordering::Relaxed) && !talker.client.segment().is_over() {
        let Some(kept) = talker.take(&mut tally) else {
            talker.sleep(ChannelSide::Receivers);
            continue;
        };
        for _ in 0..8 {
            if !talker.receive(&mut tally) {
                talker.sleep(ChannelSide::Receivers);
            }
        }
        talker.ring.release(talker.own, kept);
    }
    tally
}

/// Takes a message, which may be one of its own, and keeps it.
pub fn keep_one(client: &Client) {
    let (talker, mut tally) = (Talker::new(client), Tally::default());
    let give_up = Instant::now() + LIMIT;
    while talker.take(&mut tally).is_none() && Instant::now() < give_up {
        talker.send(1, &mut tally);
    }
}

/// Whether each cell of the channel can be used, once its other clients are gone.
///
/// # Errors
/// What was not so.
pub fn channel_is_whole(client: &Client) -> Result<(), String> {
    let (talker, mut tally) = (Talker::new(client), Tally::default());
    let give_up = Instant::now() + LIMIT;
    loop {
        while talker.receive(&mut tally) {}
        let sent = (0..5).take_while(|n| talker.send(*n, &mut tally)).count();
        if sent == 4 {
            break;
        }
        if Instant::now() > give_up {
            return Err(format!("{sent} messages fit into the channel's 4 cells"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    while talker.receive(&mut tally) {}
    match tally.wrong.first() {
        None => Ok(()),
        Some(wrong) => Err(wrong.clone()),
    }
}
