//! Round trips in one thread, to be counted by callgrind: `tests/tests/budget.rs` starts it.
//!
//!     ringwork-test-roundtrips DIR COUNT BYTES
//!
//! A client and a lane take turns: submit, claim, copy the request into the result, complete, take
//! in. So neither side waits, and the same instructions run each time. It checks every answer.

#![forbid(unsafe_code)]

use ringwork_ring::client::{Client, Outcome, TaskOptions};
use ringwork_ring::format::states::Codec;
use ringwork_ring::format::states::PoolState;
use ringwork_ring::{PoolConfig, PoolDir, Segment, WaitStrategy, WorkerEntry};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, count, bytes] = &arguments[..] else {
        return Err("usage: ringwork-test-roundtrips DIR COUNT BYTES".into());
    };
    let (count, bytes): (u64, usize) = (count.parse()?, bytes.parse()?);
    let dir = PoolDir::below(Path::new(dir), "p")?;
    let (segment, _locks) = Segment::create(&dir, &PoolConfig::default())?;
    segment.set_pool_state(PoolState::Serving);
    let entry = WorkerEntry::register(Arc::new(Segment::attach(&dir)?), None)?;
    let mut lane = entry
        .lanes(1, WaitStrategy::Adaptive)?
        .pop()
        .ok_or("no lane")?;
    let client = Client::connect(&dir)?;
    let mut request = vec![0; bytes];
    for number in 0..count {
        for (at, byte) in request.iter_mut().zip(number.to_le_bytes()) {
            *at = byte;
        }
        let ticket = client.submit("echo", &request, &TaskOptions::default())?;
        let mut claimed = lane.try_next().ok_or("no task to claim")?;
        let (from, to) = claimed.request_and_reserve(bytes)?;
        to.copy_from_slice(from);
        claimed.finish(bytes, Codec::Bytes);
        match ticket.wait(None)? {
            Outcome::Completed { bytes, .. } if bytes == request => {}
            other => return Err(format!("task {number} ended as {other:?}").into()),
        }
    }
    Ok(())
}
