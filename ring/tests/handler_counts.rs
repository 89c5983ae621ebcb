//! What lanes count by handler: as much as they count in all, over the lives of lanes, and also
//! when records run out.

mod common;

use common::Pool;
use ringwork_ring::client::{Client, Outcome, TaskOptions};
use ringwork_ring::format::layout::{HandlerCounter, HandlerLoss, LaneCounter};
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::reaper::reap_client;
use ringwork_ring::segment::handler_totals::{CountedTasks, HandlerTotals, handler_totals};
use ringwork_ring::segment::tables::{HandlerInfo, register_handler};
use ringwork_ring::testing::{RawWords, reap_worker};
use ringwork_ring::{ArenaClass, Cause, Codec, Failure, Lane, RingError, Segment, Status};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The counters that lanes keep as well.
const BOTH: [(LaneCounter, HandlerCounter); 5] = [
    (LaneCounter::Completed, HandlerCounter::Completed),
    (LaneCounter::Failed, HandlerCounter::Failed),
    (LaneCounter::Panicked, HandlerCounter::Panicked),
    (LaneCounter::Expired, HandlerCounter::Expired),
    (LaneCounter::Cancelled, HandlerCounter::Cancelled),
];

fn pool_of(lanes: u32, handlers: &[&str]) -> Pool {
    let pool = Pool::with_lanes(2, lanes, vec![ArenaClass::new(4096, 8)]);
    for name in handlers {
        let info = HandlerInfo {
            name: (*name).to_owned(),
            request_codec: Codec::Bytes,
            result_codec: Codec::Bytes,
            kind: LaneKind::Cpu,
        };
        assert!(register_handler(&pool.segment, &info));
    }
    pool
}

fn failure(status: Status) -> Failure<'static> {
    Failure {
        status,
        not_run: false,
        code: "a.b",
        location: "",
        message: "",
    }
}

/// Submits a task and has the lane run it: it fails with this status, or completes.
fn run(client: &Client, lane: &mut Lane, handler: &str, status: Status) {
    let ticket = client
        .submit(handler, b"", &TaskOptions::default())
        .unwrap();
    let claimed = lane.next(&AtomicBool::new(false)).unwrap();
    match status {
        Status::Ok => claimed.complete(b"", Codec::Bytes),
        status => claimed.fail(&failure(status)),
    }
    ticket.wait(None).unwrap();
}

fn total(segment: &Segment, tasks: &CountedTasks) -> HandlerTotals {
    let mut all = handler_totals(segment).into_iter();
    all.find(|totals| totals.tasks == *tasks).unwrap()
}

fn of(name: &str) -> CountedTasks {
    CountedTasks::Of(name.to_owned())
}

fn assert_sums_are_those_of_the_lanes(segment: &Segment) {
    let totals = handler_totals(segment);
    for (lane, handler) in BOTH {
        let by_handler: u64 = totals.iter().map(|totals| totals.count(handler)).sum();
        let by_lane: u64 = segment
            .lanes()
            .map(|record| record.counter(lane).get())
            .sum();
        assert_eq!(by_handler, by_lane, "{handler}");
    }
    let by_handler: u64 = totals.iter().map(HandlerTotals::started).sum();
    let lanes = segment
        .lanes()
        .map(|record| record.counter(LaneCounter::Started).get());
    assert_eq!(by_handler, lanes.sum::<u64>(), "started");
}

#[test]
fn each_end_is_counted_for_its_handler_and_sums_are_those_of_the_lanes() {
    let pool = pool_of(4, &["quiet", "loud"]);
    let client = pool.client();
    let (entry, mut lane) = pool.worker();
    for (handler, status, times) in [
        ("loud", Status::Ok, 5),
        ("quiet", Status::Failed, 3),
        ("loud", Status::Panicked, 2),
        ("loud", Status::Expired, 1),
        ("quiet", Status::Cancelled, 4),
        ("made up", Status::UnknownHandler, 2),
        ("loud", Status::Ok, 1),
    ] {
        for _ in 0..times {
            run(&client, &mut lane, handler, status);
        }
    }
    assert_sums_are_those_of_the_lanes(&pool.segment);
    let counts = |tasks: &CountedTasks| {
        let total = total(&pool.segment, tasks);
        BOTH.map(|(_, counter)| total.count(counter))
    };
    assert_eq!(counts(&of("loud")), [6, 3, 2, 1, 0]);
    assert_eq!(counts(&of("quiet")), [0, 7, 0, 0, 4]);
    assert_eq!(counts(&CountedTasks::Unlisted), [0, 2, 0, 0, 0]);
    // The first tasks of a client are all sampled; what was cut short says nothing of its time.
    let loud = total(&pool.segment, &of("loud"));
    assert_eq!((loud.queue.count(), loud.run.count()), (9, 8));
    assert_eq!(loud.count(HandlerCounter::Sampled), 8);
    assert!(loud.busy_ns() >= loud.count(HandlerCounter::SampledNs));
    drop(lane);
    entry.leave();
}

#[test]
fn what_no_lane_ends_is_counted_for_its_handler() {
    let pool = pool_of(1, &["x", "y"]);
    let client = pool.client();
    let submit =
        |handler: &str, options: TaskOptions| client.submit(handler, b"", &options).unwrap();
    let hour = Duration::from_secs(3600);
    let cancelled = submit("x", TaskOptions::default()).cancel();
    assert!(matches!(cancelled, Outcome::Cancelled { .. }));
    let soon = TaskOptions::default().timeout(Duration::from_millis(1));
    let late = submit("y", soon).wait(None).unwrap();
    assert!(matches!(late, Outcome::TimedOut { .. }));
    let unlisted = submit("made up", TaskOptions::default().timeout(hour));
    drop(unlisted.cancel());
    let too_large = client.submit("x", &[0; 4097], &TaskOptions::default());
    assert!(matches!(too_large.unwrap_err(), RingError::TooLarge { .. }));
    let one = TaskOptions::default().max_in_flight(1);
    let waiting = submit("y", one.clone());
    let second = client.submit("y", b"", &one);
    assert!(matches!(
        second.unwrap_err(),
        RingError::TooManyInFlight { .. }
    ));

    let ended = |tasks: &CountedTasks| {
        let total = total(&pool.segment, tasks);
        (total.failed(), total.expired(), total.cancelled())
    };
    assert_eq!(ended(&of("x")), (1, 0, 1));
    assert_eq!(ended(&of("y")), (1, 1, 0));
    assert_eq!(ended(&CountedTasks::Unlisted), (1, 0, 1));
    let rejected = |name: &str| {
        let all = total(&pool.segment, &of(name));
        all.rejected()
            .filter(|(_, count)| *count > 0)
            .collect::<Vec<_>>()
    };
    assert_eq!(rejected("x"), [("too_large", 1)]);
    assert_eq!(rejected("y"), [("in_flight", 1)]);
    // No lane has begun with any of them.
    assert_eq!(total(&pool.segment, &of("x")).started(), 0);

    // A lane refuses what no worker can run: it is not the handler that failed.
    let (entry, mut lane) = pool.worker();
    let claimed = lane.next(&AtomicBool::new(false)).unwrap();
    claimed.fail(&failure(Status::NoWorker));
    let refused = waiting.wait(None).unwrap();
    assert!(matches!(refused, Outcome::Failed { .. }));
    drop(waiting);
    assert_eq!(ended(&of("y")), (1, 1, 0));
    assert_eq!(rejected("y"), [("in_flight", 1), ("state", 1)]);
    drop(lane);
    entry.leave();

    // What a dead client leaves in the queue is cancelled.
    let abandoned = submit("x", TaskOptions::default());
    drop(abandoned);
    drop(client);
    assert!(reap_client(&pool.segment, 0));
    assert_eq!(ended(&of("x")), (2, 0, 2));
}

#[test]
fn totals_only_grow_when_workers_die_and_others_take_their_lanes() {
    let pool = pool_of(1, &["x", "y"]);
    let client = pool.client();
    let (mut started, mut records) = (0, None);
    for life in 0..5 {
        let (entry, mut lane) = pool.worker();
        run(&client, &mut lane, "x", Status::Ok);
        run(&client, &mut lane, "y", Status::Failed);
        // It dies over a task that may run once, and over one that may run again.
        let lost = client.submit("x", b"", &TaskOptions::default()).unwrap();
        std::mem::forget(lane.next(&AtomicBool::new(false)).unwrap());
        let worker = entry.index();
        drop((entry, lane));
        reap_worker(&pool.segment, worker, Cause::signal(9));
        assert!(matches!(lost.wait(None).unwrap(), Outcome::Crashed { .. }));
        let x = total(&pool.segment, &of("x"));
        assert_eq!(x.started(), started + 2);
        assert_eq!(x.count(HandlerCounter::Completed), life + 1);
        assert_eq!(x.loss(HandlerLoss::Crashed), life + 1);
        started += 2;
        assert_sums_are_those_of_the_lanes(&pool.segment);
        // No record is taken twice for the same lane and handler.
        let taken = taken(&pool.segment);
        assert_eq!(*records.get_or_insert(taken), taken);
    }
    assert_eq!(records, Some(2));
    let twice = client.submit("y", b"", &TaskOptions::default().attempts(2));
    let (entry, mut lane) = pool.worker();
    std::mem::forget(lane.next(&AtomicBool::new(false)).unwrap());
    let worker = entry.index();
    drop((entry, lane));
    reap_worker(&pool.segment, worker, Cause::signal(9));
    assert_eq!(total(&pool.segment, &of("y")).loss(HandlerLoss::Retried), 1);
    drop(twice);
}

/// Records of counts that are taken.
fn taken(segment: &Segment) -> usize {
    use ringwork_ring::format::layout::SECTION_HANDLER_COUNTS;
    let section = segment.geometry().section(SECTION_HANDLER_COUNTS).unwrap();
    let key = |index| segment.raw64(section.record_at(index));
    (0..section.section.count)
        .filter(|index| key(*index).load(std::sync::atomic::Ordering::Relaxed) != 0)
        .count()
}

#[test]
fn without_a_record_left_tasks_are_counted_together() {
    let names: Vec<String> = (0..9).map(|n| format!("h{n}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let pool = pool_of(1, &all);
    let client = pool.client();
    let (entry, mut lane) = pool.worker();
    for _ in 0..3 {
        for name in &all {
            run(&client, &mut lane, name, Status::Ok);
        }
        run(&client, &mut lane, "made up", Status::Failed);
    }
    assert_sums_are_those_of_the_lanes(&pool.segment);
    let rest = total(&pool.segment, &CountedTasks::Rest);
    // Four of its own: for the first four handlers.
    assert_eq!(rest.started(), 3 * 6);
    assert_eq!(rest.run.count(), 3 * 6);
    assert_eq!(
        total(&pool.segment, &of("h3")).count(HandlerCounter::Completed),
        3
    );
    drop(lane);
    entry.leave();
}
