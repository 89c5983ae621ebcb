//! A channel on its own: laps, held cells, hostile words, what comes back.

use super::waiting::Waiters;
use super::*;
use crate::format::layout::SECTION_CHANNELS;
use crate::testing::RawWords;
use crate::{PoolConfig, PoolDir};
use std::time::Duration;

const ONE: Publisher = Publisher::Client(1);
const TWO: Publisher = Publisher::Client(2);

struct Served {
    segment: Segment,
    _locks: crate::segment::SupervisorLocks,
    _folder: tempfile::TempDir,
}

fn pool(channels: Vec<ChannelConfig>) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let dir = PoolDir::below(&folder.path().join("base"), "p").unwrap();
    let config = PoolConfig::default()
        .channels(channels)
        .segment_size(16 << 20);
    let (segment, locks) = Segment::create(&dir, &config).unwrap();
    Served {
        segment,
        _locks: locks,
        _folder: folder,
    }
}

fn ticks(capacity: u32) -> Served {
    pool(vec![ChannelConfig::new("ticks", capacity, 100)])
}

impl Served {
    fn ring(&self) -> ChannelRing<'_> {
        self.segment.channel(0).unwrap()
    }

    fn send(&self, text: &str) -> Result<(), NotSent> {
        self.ring().try_send(ONE, Codec::Utf8, text.as_bytes())
    }

    fn take(&self) -> Option<Taken> {
        let patience = Patience::default();
        self.ring().try_take(TWO, &patience).unwrap()
    }

    fn text(&self, taken: &Taken) -> String {
        let mut bytes = Vec::new();
        self.ring().read(taken, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    fn receive(&self) -> Option<(String, u32)> {
        let taken = self.take()?;
        let text = self.text(&taken);
        self.ring().release(TWO, taken);
        Some((text, taken.attempt))
    }

    fn all(&self) -> Vec<String> {
        std::iter::from_fn(|| self.receive())
            .map(|(text, _)| text)
            .collect()
    }
}

#[test]
fn messages_come_in_order_lap_after_lap_and_full_is_told() {
    let pool = ticks(4);
    assert_eq!(pool.receive(), None);
    for lap in 0..5 {
        let texts: Vec<String> = (0..4).map(|n| format!("{lap} {n}")).collect();
        for text in &texts {
            pool.send(text).unwrap();
        }
        assert_eq!(pool.send("one more"), Err(NotSent::Full));
        assert_eq!(pool.ring().depth(), 4);
        assert_eq!(pool.all(), texts);
    }
    let long = "x".repeat(100);
    pool.send(&long).unwrap();
    pool.send("").unwrap();
    assert_eq!(pool.all(), [long, String::new()]);
    let told = pool.send(&"x".repeat(101)).unwrap_err().to_string();
    assert!(told.contains("101 bytes") && told.contains("100"), "{told}");
    let told = pool.ring().try_send(ONE, Codec::Bytes, b"x").unwrap_err();
    assert!(told.to_string().contains("bytes") && told.to_string().contains("utf8"));
}

#[test]
fn a_receiver_that_keeps_a_message_holds_one_cell_and_not_the_ring() {
    let pool = ticks(4);
    pool.send("kept").unwrap();
    let kept = pool.take().unwrap();
    for lap in 0..10 {
        for n in 0..3 {
            pool.send(&format!("{lap} {n}")).unwrap();
        }
        assert_eq!(pool.send("one more"), Err(NotSent::Full));
        assert_eq!(pool.all().len(), 3);
    }
    assert_eq!(pool.text(&kept), "kept");
    pool.ring().release(TWO, kept);
    for n in 0..4 {
        pool.send(&n.to_string()).unwrap();
    }
    assert_eq!(pool.all(), ["0", "1", "2", "3"]);
    // All are kept: there is no room, and none comes by looking.
    let all: Vec<Taken> = (0..4)
        .map(|n| {
            pool.send(&n.to_string()).unwrap();
            pool.take().unwrap()
        })
        .collect();
    for _ in 0..3 {
        assert_eq!(pool.send("one more"), Err(NotSent::Full));
        assert!(!pool.ring().has_something(ChannelSide::Senders));
    }
    pool.ring().release(TWO, all[2]);
    assert!(pool.ring().has_something(ChannelSide::Senders));
    pool.send("room").unwrap();
    assert_eq!(pool.all(), ["room"]);
}

#[test]
fn a_sender_that_is_stopped_while_it_writes_is_passed_and_sends_again() {
    let pool = ticks(2);
    let ring = pool.ring();
    let stopped = ring.claim(ONE).unwrap();
    ring.write(stopped, Codec::Utf8, b"late");
    pool.send("behind it").unwrap();
    let patience = Patience::default();
    let start = now_ns();
    let taken = loop {
        if let Some(taken) = ring.try_take(TWO, &patience).unwrap() {
            break taken;
        }
        std::thread::yield_now();
    };
    assert!(now_ns() - start >= PATIENCE_NS, "it was not waited for");
    assert_eq!(pool.text(&taken), "behind it");
    ring.release(TWO, taken);
    // It goes on, and finds that it has to send again.
    assert_eq!(ring.fill(stopped, ONE), Ok(false));
    pool.send("late").unwrap();
    pool.send("later").unwrap();
    assert_eq!(pool.all(), ["late", "later"]);
}

#[test]
fn what_a_dead_receiver_had_comes_again_and_is_marked() {
    let pool = ticks(4);
    for n in 0..3 {
        pool.send(&n.to_string()).unwrap();
    }
    let dead = Publisher::Client(3);
    let patience = Patience::default();
    for _ in 0..2 {
        pool.ring().try_take(dead, &patience).unwrap().unwrap();
    }
    assert_eq!(pool.receive(), Some(("2".to_owned(), 0)));
    assert_eq!(pool.receive(), None);
    pool.ring().forget(dead);
    assert_eq!(pool.receive(), Some(("0".to_owned(), 1)));
    let second = pool.take().unwrap();
    assert_eq!((pool.text(&second), second.attempt), ("1".to_owned(), 1));
    for attempt in [2, 3, 3] {
        let taken = pool.take().unwrap_or(second);
        pool.ring().put_back(TWO, taken);
        let again = pool.take().unwrap();
        assert_eq!(
            (pool.text(&again), again.attempt),
            ("1".to_owned(), attempt)
        );
        pool.ring().put_back(TWO, again);
    }
    assert_eq!(pool.receive(), Some(("1".to_owned(), 3)));
    assert_eq!(pool.receive(), None);
}

#[test]
fn a_channel_that_delivers_once_drops_what_a_dead_receiver_had() {
    let pool = pool(vec![ChannelConfig::new("ticks", 4, 100).once(true)]);
    pool.send("lost").unwrap();
    pool.send("kept").unwrap();
    let dead = Publisher::Client(3);
    let patience = Patience::default();
    pool.ring().try_take(dead, &patience).unwrap().unwrap();
    pool.ring().forget(dead);
    assert_eq!(pool.all(), ["kept"]);
    for n in 0..4 {
        pool.send(&n.to_string()).unwrap();
    }
    assert_eq!(pool.all(), ["0", "1", "2", "3"]);
}

#[test]
fn what_a_dead_sender_was_writing_is_left_out() {
    let pool = ticks(2);
    pool.ring().claim(Publisher::Client(3)).unwrap();
    pool.send("whole").unwrap();
    pool.ring().forget(Publisher::Client(3));
    assert_eq!(pool.all(), ["whole"]);
    pool.send("a").unwrap();
    pool.send("b").unwrap();
    assert_eq!(pool.send("c"), Err(NotSent::Full));
    assert_eq!(pool.all(), ["a", "b"]);
}

#[test]
fn a_process_that_was_taken_for_dead_is_refused() {
    let pool = ticks(2);
    let ring = pool.ring();
    let cell = ring.claim(ONE).unwrap();
    ring.forget(ONE);
    assert_eq!(ring.fill(cell, ONE), Err(NotSent::Refused));
    pool.send("x").unwrap();
    let taken = pool.take().unwrap();
    ring.forget(TWO);
    // Another receiver has it by now.
    let other = ring.try_take(ONE, &Patience::default()).unwrap().unwrap();
    ring.release(TWO, taken);
    assert!(ring.is_held(other.index));
}

#[test]
fn attached_processes_know_the_channels_and_refuse_damaged_heads() {
    let two = vec![
        ChannelConfig::new("a", 2, 1),
        ChannelConfig::new("b.c", 8, 300)
            .once(true)
            .codec(Codec::Cbor),
    ];
    let pool = pool(two.clone());
    let again = Segment::attach(pool.segment.dir()).unwrap();
    let mut found: Vec<ChannelConfig> = again.channels().map(|c| c.config().clone()).collect();
    assert_eq!(again.channel(1).unwrap().codec(), Some(Codec::Cbor.word()));
    found[1].codec = Some(Codec::Cbor);
    assert_eq!(found, two);
    again
        .channel(1)
        .unwrap()
        .try_send(ONE, Codec::Cbor, &[7; 300])
        .unwrap();
    let ring = pool.segment.channel(1).unwrap();
    let taken = ring.try_take(TWO, &Patience::default()).unwrap().unwrap();
    let mut bytes = Vec::new();
    ring.read(&taken, &mut bytes);
    assert_eq!(bytes, [7; 300]);
    // Each word of the first two lines in turn, but for the codec: refused, or known all the same.
    let heads = pool.segment.geometry().section(SECTION_CHANNELS).unwrap();
    for word in 0..4 {
        let word = pool.segment.raw32(heads.offset + 4 * word);
        let was = word.swap(0xffff, Ordering::Relaxed);
        if let Err(refused) = Segment::attach(pool.segment.dir()) {
            assert!(refused.to_string().contains("channels"), "{refused}");
        }
        assert_eq!(
            pool.segment
                .channel(0)
                .unwrap()
                .problem(0, 1 << 20)
                .is_some(),
            was != 0xffff
        );
        word.store(was, Ordering::Relaxed);
    }
    assert_eq!(pool.segment.channel(0).unwrap().problem(0, 1 << 20), None);
}

/// Whatever stands in the words, each call ends, and stays within the channel's memory.
#[test]
fn hostile_words_end_no_call_and_lead_nowhere() {
    let pool = ticks(4);
    let place = pool.segment.channel_places()[0].clone();
    let words = [place.head + 128, place.head + 256]
        .into_iter()
        .chain((0..4).flat_map(|cell| [place.cell_at(cell), place.cell_at(cell) + 8]));
    let words: Vec<usize> = words.collect();
    let mut random = 1_u64;
    for round in 0..2_000 {
        for at in &words {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let value = match random % 4 {
                0 => random,
                1 => u64::MAX,
                2 => random & 7 | (random & 0xf00) << 16,
                _ => 0,
            };
            pool.segment.raw64(*at).store(value, Ordering::Relaxed);
        }
        let _ = pool.send("x");
        if let Ok(Some(taken)) = pool.ring().try_take(TWO, &Patience::default()) {
            assert!(taken.len <= 100, "round {round}");
            let mut bytes = Vec::new();
            pool.ring().read(&taken, &mut bytes);
            pool.ring().release(TWO, taken);
        }
        pool.ring().forget(ONE);
        assert!(pool.ring().depth() <= 4);
        let _ = pool.ring().has_something(ChannelSide::Senders);
    }
}

#[test]
fn threads_of_many_processes_lose_and_double_nothing() {
    use std::sync::atomic::{AtomicU64, Ordering as Plain};
    let pool = ticks(8);
    let (count, each) = (4, 20_000_u64);
    let (sum, left) = (AtomicU64::new(0), AtomicU64::new(count * each));
    std::thread::scope(|scope| {
        for client in 0..count as u32 {
            let pool = &pool;
            scope.spawn(move || {
                let waiters = Waiters::default();
                for n in 0..each {
                    let number = (u64::from(client) * each + n).to_le_bytes();
                    let own = Publisher::Client(client);
                    while pool.ring().try_send(own, Codec::I64, &number) == Err(NotSent::Full) {
                        let side = ChannelSide::Senders;
                        pool.ring().wait(client, &waiters, side, Duration::MAX);
                    }
                }
            });
        }
        for client in 4..7 {
            let (pool, sum, left) = (&pool, &sum, &left);
            scope.spawn(move || {
                let (waiters, own) = (Waiters::default(), Publisher::Client(client));
                let (patience, mut last) = (Patience::default(), vec![None; count as usize]);
                let mut bytes = Vec::new();
                while left.load(Plain::Relaxed) > 0 {
                    let Some(taken) = pool.ring().try_take(own, &patience).unwrap() else {
                        let (side, limit) = (ChannelSide::Receivers, Duration::from_millis(20));
                        pool.ring().wait(client, &waiters, side, limit);
                        continue;
                    };
                    bytes.clear();
                    pool.ring().read(&taken, &mut bytes);
                    pool.ring().release(own, taken);
                    let number = u64::from_le_bytes(bytes[..].try_into().unwrap());
                    let before = last[(number / each) as usize].replace(number);
                    assert!(before < Some(number), "out of order");
                    sum.fetch_add(number, Plain::Relaxed);
                    left.fetch_sub(1, Plain::Relaxed);
                }
            });
        }
    });
    let all = count * each;
    assert_eq!(sum.into_inner(), all * (all - 1) / 2);
    assert_eq!(pool.receive(), None);
    for side in [ChannelSide::Receivers, ChannelSide::Senders] {
        assert_eq!(pool.ring().waiting(side), 0, "{side:?}");
    }
}
