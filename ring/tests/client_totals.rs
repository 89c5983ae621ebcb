//! What client entries count: it only grows, whichever client has an entry, and each client's part is
//! told.

mod common;

use common::Pool;
use ringwork_ring::ArenaClass;
use ringwork_ring::client::{Client, TaskOptions};
use ringwork_ring::format::layout::ClientCounter;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::reaper::audit::Auditor;

/// Rejects one task for its size, and submits so many.
fn work(client: &Client, tasks: usize) {
    let options = TaskOptions::default();
    assert!(client.submit("x", &[0; 5000], &options).is_err());
    for _ in 0..tasks {
        let _ = client.submit("x", b"", &options).unwrap().cancel();
    }
}

#[test]
fn counters_go_on_from_one_client_to_the_next() {
    let pool = Pool::new(2, vec![ArenaClass::new(4096, 8)]);
    let mut auditor = Auditor::new(&pool.segment, now_ns());
    let entry = pool.segment.client(0);
    let all = |counter| entry.counter(counter).get();
    let mut tasks = 0;
    for round in 1..5 {
        let client = pool.client();
        assert_eq!(entry.since_attach(ClientCounter::Submitted), 0);
        assert!(
            entry.name().starts_with("client_totals"),
            "{}",
            entry.name()
        );
        work(&client, round);
        tasks += round as u64;
        assert_eq!(entry.since_attach(ClientCounter::Submitted), round as u64);
        assert_eq!(all(ClientCounter::Submitted), tasks);
        assert_eq!(all(ClientCounter::Cancelled), tasks);
        for counter in [ClientCounter::Rejected, ClientCounter::RejectedTooLarge] {
            assert_eq!(all(counter), round as u64, "{counter}");
            assert_eq!(entry.since_attach(counter), 1, "{counter}");
        }
        auditor.look(&pool.segment, now_ns()).unwrap();
        drop(client);
        auditor.look(&pool.segment, now_ns()).unwrap();
        assert_eq!(
            all(ClientCounter::Submitted),
            tasks,
            "also after it has left"
        );
    }
}
