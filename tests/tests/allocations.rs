//! What a call of the Rust client takes from the heap: the bytes of its result, and nothing else.

#![forbid(unsafe_code)]

use ringwork::{Ringwork, TaskType, WaitStrategy, block_on};
use ringwork_ring::testing::CountingAllocator;
use ringwork_tests::Serve;

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator::new();

const ECHO: TaskType<[u8], Vec<u8>> = TaskType::new("echo");
const CALLS: u64 = 1000;

/// What the poller takes now and then, and a buffer that grows.
const BESIDE: u64 = 20;

/// Allocations of so many calls, by any thread.
fn taken(mut call: impl FnMut()) -> u64 {
    (0..200).for_each(|_| call());
    let before = HEAP.allocations();
    (0..CALLS).for_each(|_| call());
    HEAP.allocations() - before
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
        assert!(
            future >= CALLS,
            "each result is a vector: are they counted?"
        );
        assert!(future <= CALLS + BESIDE, "{future} by futures");
        assert!(blocking <= CALLS + BESIDE, "{blocking} by blocking calls");
        assert!(empty <= BESIDE, "{empty} by calls without a result");
    }
}
