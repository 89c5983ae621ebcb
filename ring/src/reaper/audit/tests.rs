use super::*;
use crate::client::{Client, TaskOptions, TaskTable};
use crate::format::channel::ChannelConfig;
use crate::format::config::{ArenaClass, PoolConfig};
use crate::format::layout::*;
use crate::format::states::{Codec, LaneKind};
use crate::lane::entry::WorkerEntry;
use crate::os::clock::now_ns;
use crate::queue::wait::WaitStrategy;
use crate::segment::paths::PoolDir;
use crate::segment::tables::{HandlerInfo, log_error, register_handler};
use crate::testing::SmallPool;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

struct Honest {
    segment: Arc<Segment>,
    auditor: Auditor,
    dir: PoolDir,
    _pool: SmallPool,
}

fn honest() -> Honest {
    let config = PoolConfig {
        clients: 2,
        slots: 8,
        max_workers: 2,
        max_lanes: 4,
        arena: Some(vec![ArenaClass::new(1024, 4)]),
        limits: 1,
        io_lanes: true,
        channels: vec![ChannelConfig::new("ticks", 8, 100)],
        ..PoolConfig::default()
    };
    let pool = SmallPool::of(&config);
    crate::lane::permits::set(&pool.segment, &[("slow", 2)]);
    Honest {
        segment: Arc::clone(&pool.segment),
        auditor: Auditor::new(&pool.segment, now_ns()),
        dir: pool.dir.clone(),
        _pool: pool,
    }
}

#[test]
fn honest_work_is_never_complained_of() {
    let mut pool = honest();
    let info = HandlerInfo {
        name: "echo".into(),
        request_codec: Codec::Bytes,
        result_codec: Codec::Bytes,
        kind: LaneKind::Cpu,
    };
    assert!(register_handler(&pool.segment, &info));
    assert!(log_error(&pool.segment, "it smells"));
    let attached = Arc::new(Segment::attach(&pool.dir).unwrap());
    let entry = WorkerEntry::register(Arc::clone(&attached), None).unwrap();
    let lanes = entry.lanes(2, WaitStrategy::Adaptive).unwrap();
    let leave = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for mut lane in lanes {
            let leave = &leave;
            scope.spawn(move || {
                while let Some(task) = lane.next(leave) {
                    let request = task.request().unwrap().to_vec();
                    task.complete(&request, Codec::Bytes);
                }
            });
        }
        let clients: Vec<_> = (0..2)
            .map(|n| {
                let dir = &pool.dir;
                scope.spawn(move || {
                    let client = Client::connect(dir).unwrap();
                    for size in 0..3000 {
                        let request = vec![1; size % 600];
                        client
                            .call("echo", &request, &TaskOptions::default())
                            .unwrap();
                        if n == 1 && size % 100 == 0 {
                            std::thread::sleep(std::time::Duration::from_millis(1));
                        }
                    }
                })
            })
            .collect();
        while !clients.iter().all(|client| client.is_finished()) {
            pool.auditor.look(&pool.segment, now_ns()).unwrap();
        }
        leave.store(true, Ordering::Relaxed);
        crate::queue::wait::wake_all_lanes(&pool.segment);
    });
    entry.leave();
    pool.auditor.look(&pool.segment, now_ns()).unwrap();
}

/// Damages a fresh segment; the complaint must have this in it.
fn complains(of: &str, damage: impl FnOnce(&Segment)) {
    let mut pool = honest();
    pool.auditor.look(&pool.segment, now_ns()).unwrap();
    damage(&pool.segment);
    let found = pool.auditor.look(&pool.segment, now_ns());
    assert!(
        found.as_ref().is_err_and(|damage| damage.contains(of)),
        "{of}: {found:?}"
    );
}

fn put(segment: &Segment, at: usize, word: u64) {
    segment.u64_at(at).store(word, Ordering::Relaxed);
}

fn put32(segment: &Segment, at: usize, word: u32) {
    segment.u32_at(at).store(word, Ordering::Relaxed);
}

#[test]
fn each_constant_of_the_header_is_watched() {
    for at in [
        H_MAGIC,
        H_EPOCH,
        H_SEGMENT_SIZE,
        H_SLOTS,
        H_CLASSES + 40,
        H_NAME,
    ] {
        complains("constant", |segment| put(segment, at, 77));
    }
    complains("ready word", |segment| put32(segment, H_READY, 0));
    for state in [POOL_STARTING, POOL_DRAINING, POOL_CLOSED, POOL_FAILED, 99] {
        complains("state", |segment| put32(segment, H_POOL_STATE, state));
    }
    complains("idle mask", |segment| put(segment, H_IDLE, 1 << 4));
    complains("idle mask", |segment| put(segment, H_SEARCHING + 8, 1));
    complains("idle mask", |segment| put(segment, H_IDLE_IO, 1 << 4));
    complains("idle mask", |segment| put(segment, H_SEARCHING_IO + 8, 1));
    for health in [HEALTH_STORM, HEALTH_BOOT, 99] {
        complains("health", |segment| put32(segment, H_HEALTH, health));
    }
    complains("reason", |segment| put32(segment, H_REASON_LEN, 509));
}

#[test]
fn idle_bits_of_nobody_and_counters_are_watched() {
    complains("marked as idle", |s| put(s, H_IDLE, 1 << 3));
    complains("marked as idle", |s| put(s, H_SEARCHING, 1));
    complains("marked as idle", |s| put(s, H_IDLE_IO, 1 << 3));
    complains("marked as idle", |s| put(s, H_SEARCHING_IO, 1));
    for counter in PoolCounter::ALL {
        complains("counter", |s| put(s, counter.offset(), u64::MAX));
    }
    for counter in LaneCounter::ALL {
        let at = counter.offset();
        complains("counter", |s| {
            put(s, s.geometry().lane_at(3) + at, 1 << 60);
        });
    }
    complains("lane entry 2", |s| {
        put(s, s.geometry().lane_at(2) + LANE_OVER, 17)
    });
    complains("lane entry 2", |s| {
        let beyond = s.geometry().max_lanes + 1;
        put32(s, s.geometry().lane_at(2) + LANE_BELL, beyond)
    });
    complains("lane entry 2", |s| {
        put32(s, s.geometry().lane_at(2) + LANE_KIND, 2)
    });
}

#[test]
fn limits_are_watched() {
    let permit = |s: &Segment, place: usize, word| {
        put(s, s.geometry().limits + LIMIT_PERMITS + 8 * place, word);
    };
    complains("limit 0", |s| {
        put(s, s.geometry().limits + LIMIT_HANDLER, 7)
    });
    complains("limit 0", |s| put32(s, s.geometry().limits + LIMIT_MAX, 0));
    complains("permit 1", |s| permit(s, 1, 1 << 16 | 1)); // a lane that no worker serves
    complains("permit 3", |s| permit(s, 3, 1 << 16 | 5)); // one that does not exist
    complains("permit 0", |s| permit(s, 0, 1 << 16)); // and none at all
    complains("permit 0", |s| {
        put(
            s,
            s.geometry().worker_at(0),
            1 << 8 | u64::from(ENTRY_ACTIVE),
        );
        put(
            s,
            s.geometry().lane_at(0),
            2 << 24 | u64::from(ENTRY_ACTIVE),
        );
        permit(s, 0, 1 << 16 | 1); // its life before
    });
}

/// Every cell of every ring, before and after its ring has gone round.
#[test]
fn each_cell_of_each_ring_is_watched() {
    let pool = honest();
    let names: Vec<_> = rings(&pool.segment).map(|ring| ring.name).collect();
    assert!(names.len() > 5, "{names:?}");
    for (at, name) in names.iter().enumerate() {
        for hints in [0, 3, 1000] {
            for (cell, word) in [(0, 77 << 32), (5, u64::MAX), (7, 2000 << 32 | 8)] {
                complains(name, |s| {
                    let Ring { ring, slots, .. } = rings(s).nth(at).unwrap();
                    for hint in 0..hints {
                        ring.enqueue(slots.start + hint % 8).unwrap();
                        ring.dequeue().unwrap();
                    }
                    ring.overwrite(cell, word);
                });
            }
            // The right lap, but a slot that does not exist or is another client's.
            complains(name, |s| {
                let Ring { ring, slots, .. } = rings(s).nth(at).unwrap();
                for _ in 0..hints {
                    ring.enqueue(slots.start).unwrap();
                    ring.dequeue().unwrap();
                }
                ring.enqueue(slots.end).unwrap();
            });
        }
    }
}

#[test]
fn rings_that_go_round_are_never_complained_of() {
    let mut pool = honest();
    for hints in 0..700_u32 {
        for Ring { ring, slots, .. } in rings(&pool.segment) {
            ring.enqueue(slots.start + hints % 8).unwrap();
            if hints % 3 > 0 {
                ring.dequeue().unwrap();
            }
            if hints % 16 == 15 {
                while ring.dequeue().is_some() {}
            }
        }
        pool.auditor.look(&pool.segment, now_ns()).unwrap();
    }
}

#[test]
fn entries_are_watched() {
    complains("client entry 1", |s| put(s, s.geometry().client_at(1), 4));
    complains("client entry 0", |s| {
        put32(s, s.geometry().client_at(0) + CLIENT_WAITING, 2);
    });
    complains("worker entry 1", |s| {
        put(s, s.geometry().worker_at(1), 0x1ff)
    });
    complains("lane entry 3", |s| put(s, s.geometry().lane_at(3), 9));
    complains("lane entry 0", |s| {
        put32(s, s.geometry().lane_at(0) + LANE_HELD, 17)
    });
    complains("worker entry 0", |s| {
        put(
            s,
            s.geometry().lane_at(2),
            1 << 24 | u64::from(ENTRY_ACTIVE),
        );
    });
    complains("worker entry 1", |s| {
        put(
            s,
            s.geometry().worker_at(1),
            1 << 8 | u64::from(ENTRY_ACTIVE),
        );
        put32(s, s.geometry().worker_at(1) + WORKER_LANES, 1);
        for lane in 0..2 {
            let word = 1 << 24 | 1 << 8 | u64::from(ENTRY_ACTIVE);
            put(s, s.geometry().lane_at(lane), word);
        }
    });
}

#[test]
fn rings_are_watched() {
    let head = |s: &Segment| s.geometry().injectors + RING_HEAD;
    let tail = |s: &Segment| s.geometry().injectors + RING_TAIL;
    complains("beyond its tail", |s| put(s, head(s), 1));
    complains("beyond its tail", |s| put(s, head(s), 2));
    complains("beyond its tail", |s| {
        put(s, head(s), u64::from(RING_BATCH) + 1);
    });
    complains("lap beyond", |s| put(s, tail(s), 33));
    complains("lap beyond", |s| put(s, tail(s), 1 << 62));
    complains("priority 0", |s| put(s, tail(s), u64::MAX - 5));
    complains("moved further", |s| {
        put(s, head(s), 1 << 50);
        put(s, tail(s), 1 << 50);
    });
    complains("cell at its head", |s| put(s, tail(s), 1));
    complains("completion ring of client 0", |s| {
        put(s, s.geometry().completions + RING_HEAD, 7);
    });
}

#[test]
fn a_batch_whose_producer_died_before_its_tail_is_none() {
    let mut pool = honest();
    let s = &pool.segment;
    let ring = s.injector(1);
    (0..4).for_each(|slot| ring.enqueue(slot).unwrap());
    let tail = s.geometry().injectors + RING_CELLS + 8 * s.geometry().injector_capacity as usize;
    put(s, tail + RING_TAIL, 0);
    while ring.dequeue().is_some() {}
    assert_eq!((ring.head(), ring.tail()), (4, 0));
    pool.auditor.look(&pool.segment, now_ns()).unwrap();
}

#[test]
fn slots_are_watched() {
    let claim = |s: &Segment, word: u64| put(s, s.geometry().slot_at(3) + SLOT_CLAIM, word);
    let ended = |s: &Segment, word: u64| put(s, s.geometry().slot_at(3) + SLOT_ENDED, word);
    for word in [KIND_DONE, 5, 1 << 5, 3 << STATE_ATTEMPT_SHIFT] {
        complains("impossible claim", |s| claim(s, word));
    }
    complains("queued and held", |s| {
        claim(s, Word::queued(0, 1).0 | 1 << 8)
    });
    complains("without an attempt", |s| claim(s, Word::queued(0, 0).0));
    complains("free and in use", |s| claim(s, Word::free(0).0 | 1 << 8));
    complains("does not exist", |s| {
        claim(s, Word::queued(0, 0).claimed_by(4).0);
    });
    let done = KIND_DONE;
    for word in [
        KIND_CLAIMED,
        5,
        done | 1 << 5,
        done | 3 << STATE_ATTEMPT_SHIFT,
        done | 0x7f << STATE_OWNER_SHIFT,
        done | 0xff00 << STATE_OWNER_SHIFT,
    ] {
        complains("impossible end", |s| ended(s, word));
    }
    complains("contradict", |s| {
        claim(s, Word::queued(1, 0).claimed_by(0).0)
    });
    complains("contradict", |s| ended(s, 1 << 24 | done));
    let publish = |s: &Segment, generation: u64| put(s, s.geometry().slot_at(3), generation << 24);
    complains("generation", |s| publish(s, 1 << 38));
    complains("no client is there", |s| publish(s, 1));
    complains("no worker serves", |s| {
        put(
            s,
            s.geometry().client_at(0),
            1 << 8 | u64::from(ENTRY_ACTIVE),
        );
        publish(s, 1);
        claim(s, Word::queued(1, 0).claimed_by(1).0);
    });
}

#[test]
fn a_claim_by_a_lane_that_has_gone_on_is_found_at_the_second_look() {
    let mut pool = honest();
    let s = &pool.segment;
    put(
        s,
        s.geometry().client_at(0),
        1 << 8 | u64::from(ENTRY_ACTIVE),
    );
    put(
        s,
        s.geometry().worker_at(0),
        1 << 8 | u64::from(ENTRY_ACTIVE),
    );
    put32(s, s.geometry().worker_at(0) + WORKER_LANES, 1);
    put(
        s,
        s.geometry().lane_at(0),
        1 << 24 | u64::from(ENTRY_ACTIVE),
    );
    put(s, s.geometry().slot_at(3), 1 << 24);
    put(
        s,
        s.geometry().slot_at(3) + SLOT_CLAIM,
        Word::queued(1, 0).claimed_by(0).0,
    );
    let bump = |s: &Segment| put(s, s.geometry().lane_at(0) + LANE_STARTED, 1);
    pool.auditor.look(s, now_ns()).unwrap();
    bump(s); // for this claim
    pool.auditor.look(s, now_ns()).unwrap();
    pool.auditor.look(s, now_ns()).unwrap();
    put(s, s.geometry().lane_at(0) + LANE_PARKED, 1);
    let found = pool.auditor.look(s, now_ns()).unwrap_err();
    assert!(found.contains("gone on to others"), "{found}");
}

#[test]
fn owner_words_and_tables_are_watched() {
    let owner = |s: &Segment| s.geometry().classes[0].owners + 8;
    complains("payload block", |s| put(s, owner(s), 12));
    complains("payload block", |s| {
        put(s, owner(s), OWNER_TAKEN | 16 << OWNER_SLOT_SHIFT);
    });
    complains("handler entry 0", |s| {
        put32(s, s.geometry().handlers + HANDLER_READY, 1);
    });
    complains("handler entry 0", |s| {
        put32(s, s.geometry().handlers + HANDLER_READY, HANDLER_GONE + 1);
    });
    complains("error log", |s| {
        log_error(s, "it smells");
        put32(s, s.geometry().errors + ERROR_TEXT, 0x2020_2020);
    });
}

fn counts_at(segment: &Segment, record: u32) -> usize {
    let section = segment.geometry().section(SECTION_HANDLER_COUNTS).unwrap();
    section.record_at(record)
}

fn key(lane: u32, handler: Option<u32>) -> u64 {
    crate::records::CountedBy::Lane { lane, handler }.word()
}

#[test]
fn keys_that_no_lane_stores_and_keys_that_change_are_found() {
    let last = |segment: &Segment| {
        let section = segment.geometry().section(SECTION_HANDLER_COUNTS).unwrap();
        section.section.count - 1
    };
    type Damage<'a> = &'a dyn Fn(&Segment);
    let cases: [Damage<'_>; 6] = [
        &|s| put(s, counts_at(s, 0), 7),
        &|s| put(s, counts_at(s, 0), COUNTS_KEY_REST),
        &|s| put(s, counts_at(s, last(s)), key(0, None)),
        &|s| put(s, counts_at(s, 3), key(4, None)),
        &|s| put(s, counts_at(s, 3), key(0, Some(128))),
        &|s| {
            put(s, counts_at(s, 1), key(2, Some(5)));
            put(s, counts_at(s, 2), key(2, Some(5)));
        },
    ];
    for damage in cases {
        complains("which no lane stores there", damage);
    }
    for other in [0, key(1, Some(1))] {
        let mut pool = honest();
        put(&pool.segment, counts_at(&pool.segment, 0), key(1, Some(0)));
        pool.auditor.look(&pool.segment, now_ns()).unwrap();
        put(&pool.segment, counts_at(&pool.segment, 0), other);
        let found = pool.auditor.look(&pool.segment, now_ns()).unwrap_err();
        assert!(found.contains("which no lane stores there"), "{found}");
    }
}

#[test]
fn counts_of_handlers_that_go_back_or_too_fast_are_found() {
    for counter in HandlerCounter::ALL {
        let at = |segment: &Segment| counts_at(segment, 2) + counter.offset();
        complains("of a handler (record 2)", |s| put(s, at(s), u64::MAX / 2));
        let mut pool = honest();
        // As many tasks as it takes to have waited for that time.
        for ended in [HandlerCounter::Completed, HandlerCounter::Failed] {
            let at = counts_at(&pool.segment, 2) + ended.offset();
            put(&pool.segment, at, 100);
        }
        put(&pool.segment, at(&pool.segment), 100);
        pool.auditor.look(&pool.segment, now_ns()).unwrap();
        put(&pool.segment, at(&pool.segment), 99);
        let found = pool.auditor.look(&pool.segment, now_ns()).unwrap_err();
        assert!(found.contains("from 100 to 99"), "{found}");
    }
    for counter in HandlerLoss::ALL {
        complains("lost tasks", |s| {
            let section = s.geometry().section(SECTION_HANDLER_LOSSES).unwrap();
            put(s, section.record_at(5) + counter.offset(), 1 << 60);
        });
    }
}

#[test]
fn counters_of_clients_that_go_back_or_too_fast_are_found() {
    for (index, counter) in ClientCounter::ALL.iter().enumerate() {
        let at = |s: &Segment| s.geometry().client_at(1) + counter.offset();
        complains("a counter went from", |s| put(s, at(s), u64::MAX / 2));
        let mut pool = honest();
        put(&pool.segment, at(&pool.segment), 100);
        pool.auditor.look(&pool.segment, now_ns()).unwrap();
        put(&pool.segment, at(&pool.segment), 99);
        assert!(pool.auditor.look(&pool.segment, now_ns()).is_err());
        let base = |s: &Segment| s.geometry().client_at(1) + CLIENT_BASES + 8 * index;
        complains("client entry 1 has impossible words", |s| {
            put(s, base(s), 1)
        });
    }
}

#[test]
fn texts_of_living_entries_that_are_none_are_found() {
    let active = 1 << 8 | u64::from(ENTRY_ACTIVE);
    complains("client entry 0 has impossible words", |s| {
        put(s, s.geometry().client_at(0), active);
        put(s, s.geometry().client_at(0) + CLIENT_NAME, 0xff);
    });
    complains("client entry 0 has impossible words", |s| {
        put(s, s.geometry().client_at(0), active);
        put(
            s,
            s.geometry().client_at(0) + CLIENT_NAME + 8,
            u64::from(b'x'),
        );
    });
    complains("worker entry 1 has impossible words", |s| {
        put(s, s.geometry().worker_at(1), active);
        put(s, s.geometry().worker_at(1) + WORKER_VERSION, 0xff);
    });
    // A process that was killed amid its registration leaves half of a name.
    let mut pool = honest();
    let at = pool.segment.geometry().client_at(0) + CLIENT_NAME;
    put(&pool.segment, at, 0xc3);
    pool.auditor.look(&pool.segment, now_ns()).unwrap();
}

#[test]
fn a_client_of_whatever_name_is_never_complained_of() {
    let long = "ü".repeat(50);
    for (name, told) in [("a\0b", "a"), (long.as_str(), &long[..64]), ("", "")] {
        let mut pool = honest();
        let connected = TaskTable::connect(&pool.dir, Some(name), |_| |_| false);
        let table = connected.unwrap();
        assert_eq!(pool.segment.client(0).name(), told);
        pool.auditor.look(&pool.segment, now_ns()).unwrap();
        drop(table);
    }
}

#[test]
fn words_of_a_channel_that_no_process_writes_are_found() {
    let place = |s: &Segment, kind| s.geometry().section(kind).unwrap().offset;
    let head = |s: &Segment| place(s, SECTION_CHANNELS);
    let cell = |s: &Segment| place(s, SECTION_CHANNEL_CELLS) + 128;
    complains("the channel ticks: what never changes", |s| {
        put(s, head(s), 1 << 32 | 8);
    });
    complains("the channel ticks: what never changes", |s| {
        put(s, head(s) + CHANNEL_NAME, u64::from(b'x'));
    });
    complains("the channel ticks: its tail has moved further", |s| {
        put(s, head(s) + CHANNEL_TAIL, 1 << 39);
    });
    complains("the channel ticks: its head is beyond its tail", |s| {
        put(s, head(s) + CHANNEL_HEAD, 2);
    });
    complains("the channel ticks: a bit says that a client waits", |s| {
        put(s, head(s) + CHANNEL_RECEIVERS_MASK, 1 << 2);
    });
    let at = |position: u64| position << EVENT_POSITION_SHIFT;
    let process = |process: u64| process << EVENT_PUBLISHER_SHIFT;
    for (what, word) in [
        ("an unknown kind", at(1) | 7),
        ("the position of another cell", at(2) | CELL_VOID),
        ("beyond the tail", at(17) | CELL_VOID),
        ("a client that can't be", at(1) | process(3) | CELL_FULL),
        ("an unused bit", at(1) | 1 << 5 | CELL_FULL),
        ("EMPTY of a process", at(9) | process(1)),
    ] {
        complains("the channel ticks: cell 1 is none", |s| {
            put(s, cell(s), word);
            assert_ne!(word, 0, "{what}");
        });
    }
    let mut pool = honest();
    let channel = pool.segment.channel(0).unwrap();
    let own = crate::format::words::Publisher::Client(0);
    for _ in 0..8 {
        channel.try_send(own, Codec::Bytes, b"x").unwrap();
    }
    channel.try_take(own, &Default::default()).unwrap().unwrap();
    pool.auditor.look(&pool.segment, now_ns()).unwrap();
}
