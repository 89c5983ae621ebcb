//! What a call of the Rust client takes from the heap: the bytes of its result, and nothing else.

#![forbid(unsafe_code)]

use ringwork::{Ringwork, TaskType, WaitStrategy, block_on};
use ringwork_ring::testing::CountingAllocator;
use ringwork_tests::Serve;

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator::new();

const ECHO: TaskType<[u8], Vec<u8>> = TaskType::new("echo");
/// Calls of a round, and rounds.
const CALLS: u64 = 50;
const ROUNDS: u32 = 40;

/// Allocations of the calls of a round, by any thread, in the round that had the fewest: the poller
/// takes some when it looks at the pool, now and then.
fn taken(mut call: impl FnMut()) -> u64 {
    (0..200).for_each(|_| call());
    let round = |_| {
        let before = HEAP.allocations();
        (0..CALLS).for_each(|_| call());
        HEAP.allocations() - before
    };
    (0..ROUNDS).map(round).min().unwrap_or(u64::MAX)
}

#[test]
fn a_call_allocates_its_result_and_nothing_else() {
    let pool = Serve::new("heap").start();
    for strategy in [WaitStrategy::Adaptive, WaitStrategy::Park] {
        let builder = Ringwork::builder("x").dir(pool.dir().clone());
        let rw = builder.wait(strategy).connect_blocking().unwrap();
        let request = [7; 64];
        let future = taken(|| assert_eq!(block_on(rw.call(ECHO, &request)).unwrap(), request));
        let blocking = taken(|| assert_eq!(rw.call(ECHO, &request).wait().unwrap(), request));
        let empty = taken(|| {
            let call = rw.call(ECHO, &[]);
            assert!(block_on(call).unwrap().is_empty());
        });
        println!("{strategy:?}: {future}, {blocking} and {empty} in {CALLS} calls");
        assert_eq!(future, CALLS, "by futures: each result is a vector");
        assert_eq!(blocking, CALLS, "by blocking calls");
        assert_eq!(empty, 0, "by calls without a result");
    }
}
