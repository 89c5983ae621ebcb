//! The event ring on its own: laps, what is lost, what is left out, hostile words.

use super::*;
use crate::queue::topics::{topic_name, topic_place};
use crate::{PoolConfig, PoolDir};
use std::sync::atomic::{AtomicBool, Ordering as Plain};

const SUPERVISOR: Publisher = Publisher::Supervisor;

/// A pool that keeps so many events.
struct Kept {
    segment: Segment,
    _locks: crate::segment::SupervisorLocks,
    _folder: tempfile::TempDir,
}

fn pool(events: u32) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let dir = PoolDir::below(&folder.path().join("base"), "p").unwrap();
    let config = PoolConfig::default().events(events).segment_size(16 << 20);
    let (segment, locks) = Segment::create(&dir, &config).unwrap();
    Kept {
        segment,
        _locks: locks,
        _folder: folder,
    }
}

impl Kept {
    fn ring(&self) -> EventRing<'_> {
        self.segment.events().unwrap()
    }

    fn publish(&self, text: &str) -> u64 {
        self.ring()
            .publish(SUPERVISOR, (0, Codec::Utf8), text.as_bytes())
            .unwrap()
    }

    /// As one that claims a position and then does nothing.
    fn claim(&self, publisher: Publisher) -> (u64, EventWord) {
        let claimed = self.ring().claim(publisher).unwrap();
        self.ring().move_tail(claimed.0);
        claimed
    }
}

fn texts(reader: &mut EventReader, ring: EventRing<'_>) -> Vec<String> {
    std::iter::from_fn(|| reader.next(ring))
        .map(|event| String::from_utf8(event.bytes().to_vec()).unwrap())
        .collect()
}

fn passed(reader: &EventReader) -> (u64, u64, u64) {
    let passed = reader.passed();
    (passed.received, passed.lost, passed.skipped)
}

#[test]
fn events_come_in_order_and_to_every_reader() {
    let pool = pool(16);
    let mut early = EventReader::from_now(pool.ring());
    assert_eq!(early.next(pool.ring()), None);
    for number in 0..5 {
        assert_eq!(pool.publish(&format!("event {number}")), number);
    }
    let mut late = EventReader::from_now(pool.ring());
    let mut oldest = EventReader::from_oldest(pool.ring());
    let all: Vec<String> = (0..5).map(|n| format!("event {n}")).collect();
    assert_eq!(texts(&mut early, pool.ring()), all);
    assert_eq!(texts(&mut oldest, pool.ring()), all);
    assert!(texts(&mut late, pool.ring()).is_empty());
    let long = "x".repeat(EVENT_BYTES_MAX);
    pool.publish(&long);
    pool.publish("");
    assert_eq!(texts(&mut late, pool.ring()), [long, String::new()]);
    let refused = pool
        .ring()
        .publish(SUPERVISOR, (0, Codec::Bytes), &[0; EVENT_BYTES_MAX + 1]);
    assert_eq!(refused, Err(NotPublished::TooLarge));
}

#[test]
fn what_is_overwritten_is_counted_exactly() {
    let pool = pool(16);
    let mut reader = EventReader::from_now(pool.ring());
    for number in 0..100 {
        pool.publish(&number.to_string());
    }
    let got = texts(&mut reader, pool.ring());
    let expected: Vec<String> = (86..100).map(|n: u32| n.to_string()).collect();
    assert_eq!(got, expected, "the oldest that is kept, and on");
    assert_eq!(passed(&reader), (14, 86, 0));
}

#[test]
fn a_stopped_publisher_holds_up_nobody_and_its_event_comes_late() {
    let pool = pool(16);
    let mut reader = EventReader::from_now(pool.ring());
    let (position, busy) = pool.claim(Publisher::Client(3));
    assert_eq!(position, 0);
    // A whole lap and one: the cell of position 16 is left out.
    for number in 1..=17 {
        pool.publish(&number.to_string());
    }
    assert!(pool.ring().is_busy(0));
    let mut behind = EventReader::at(10);
    assert_eq!(texts(&mut behind, pool.ring()).len(), 8);
    assert_eq!(passed(&behind), (8, 0, 1), "position 16 was left out");
    // It wakes up, a lap late: its event is overwritten for this reader, and harms nobody.
    let cell = pool.ring().cell(0);
    cell.write(1, (0, Codec::Utf8), b"late");
    assert!(
        cell.word()
            .compare_exchange(busy.0, busy.ready().0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    );
    pool.publish("18");
    while let Some(event) = reader.next(pool.ring()) {
        assert_ne!(event.position, 16);
    }
    let (received, lost, skipped) = passed(&reader);
    assert_eq!(received + lost + skipped, pool.ring().tail());
}

#[test]
fn a_reader_goes_on_without_an_event_that_is_not_written_in_time() {
    let pool = pool(16);
    let mut reader = EventReader::from_now(pool.ring());
    pool.claim(Publisher::Worker(1));
    pool.publish("behind it");
    assert_eq!(
        reader.next(pool.ring()),
        None,
        "it may be there in a moment"
    );
    while passed(&reader).2 == 0 {
        std::thread::yield_now();
        if let Some(event) = reader.next(pool.ring()) {
            assert_eq!(event.bytes(), b"behind it");
        }
    }
    assert_eq!(reader.position() - passed(&reader).0, 1);
}

#[test]
fn what_a_dead_publisher_was_writing_is_void() {
    let pool = pool(16);
    let mut reader = EventReader::from_now(pool.ring());
    pool.claim(Publisher::Client(2));
    pool.claim(Publisher::Worker(2));
    pool.publish("x");
    pool.ring().forget(Publisher::Client(2));
    assert!(!pool.ring().is_busy(0) && pool.ring().is_busy(1));
    pool.ring().forget(Publisher::Worker(2));
    assert_eq!(texts(&mut reader, pool.ring()), ["x"]);
    assert_eq!(passed(&reader), (1, 0, 2));
    assert!((0..16).all(|cell| pool.ring().cell_is_possible(cell)));
}

#[test]
fn one_taken_for_dead_is_told() {
    let pool = pool(16);
    let (_, busy) = pool.claim(Publisher::Client(0));
    pool.ring().forget(Publisher::Client(0));
    let word = pool.ring().cell(0).word();
    assert_eq!(word.load(Ordering::Relaxed), busy.void().0);
}

#[test]
fn words_that_nobody_writes_end_no_reader_and_no_publisher() {
    let pool = pool(16);
    for word in [1, 0xff, u64::MAX, u64::MAX << 8 | 7, 1 << 63 | 2] {
        for cell in 0..16 {
            pool.ring().cell(cell).word().store(word, Ordering::Relaxed);
        }
        assert!(
            (0..16).any(|cell| !pool.ring().cell_is_possible(cell)),
            "{word:#x}"
        );
        let mut reader = EventReader::from_oldest(pool.ring());
        while reader.next(pool.ring()).is_some() {}
        let _ = pool.ring().publish(SUPERVISOR, (0, Codec::Bytes), b"x");
    }
}

#[test]
fn topics_have_one_place_each_until_the_table_is_full() {
    let pool = pool(16);
    let place = |name: &str| topic_place(&pool.segment, name);
    let first = place("worker.died").unwrap();
    assert_eq!(place("worker.died"), Ok(first));
    assert_eq!(
        topic_name(&pool.segment, first).as_deref(),
        Some("worker.died")
    );
    assert_eq!(topic_name(&pool.segment, 9999), None);
    let mut number = 0;
    let full = loop {
        number += 1;
        if let Err(why) = place(&format!("topic.{number}")) {
            break why;
        }
    };
    assert_eq!((full, number), (NotPublished::NoTopic, 256));
    assert_eq!(place("worker.died"), Ok(first));
}

#[test]
fn a_pool_without_events_says_so() {
    let pool = pool(0);
    assert!(pool.segment.events().is_none());
    assert_eq!(topic_place(&pool.segment, "x"), Err(NotPublished::NoEvents));
}

#[test]
fn a_subscriber_that_sleeps_is_woken() {
    let pool = pool(16);
    std::thread::scope(|scope| {
        let ring = pool.ring();
        let mut reader = EventReader::from_now(ring);
        let reads = scope.spawn(move || {
            loop {
                match reader.next(ring) {
                    Some(event) => break event.bytes().to_vec(),
                    None => ring.wait(&reader, Duration::from_secs(60)),
                }
            }
        });
        pool.publish("news");
        assert_eq!(reads.join().unwrap(), b"news");
    });
}

#[test]
fn all_that_is_passed_is_accounted_for_under_load() {
    const EACH: u64 = 20_000;
    let pool = pool(64);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..2)
            .map(|publisher| {
                let ring = pool.ring();
                scope.spawn(move || {
                    for number in 0..EACH {
                        let bytes = [number, !number].map(u64::to_le_bytes).concat();
                        let about = (number as u32, Codec::Bytes);
                        ring.publish(Publisher::Client(publisher), about, &bytes)
                            .unwrap();
                    }
                })
            })
            .collect();
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (ring, over) = (pool.ring(), &over);
                scope.spawn(move || {
                    let mut reader = EventReader::from_oldest(ring);
                    let first = reader.position();
                    let mut last = [None; 2];
                    loop {
                        let ended = over.load(Plain::Acquire);
                        while let Some(event) = reader.next(ring) {
                            let (words, _) = event.bytes().as_chunks::<8>();
                            let number = u64::from_le_bytes(words[0]);
                            assert_eq!(u64::from_le_bytes(words[1]), !number, "torn");
                            assert_eq!(u64::from(event.topic), number, "torn");
                            let Publisher::Client(publisher) = event.publisher else {
                                panic!("{event:?}")
                            };
                            let last = &mut last[publisher as usize];
                            assert!(last.is_none_or(|last| last < number), "order");
                            *last = Some(number);
                        }
                        if ended && reader.position() == ring.tail() {
                            break (first, reader.passed());
                        }
                        std::thread::yield_now();
                    }
                })
            })
            .collect();
        publishers
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        over.store(true, Plain::Release);
        for reader in readers {
            let (first, passed) = reader.join().unwrap();
            let all = passed.received + passed.lost + passed.skipped;
            assert_eq!(first + all, pool.ring().tail(), "{passed:?}");
        }
    });
}
