//! The load of a client of the crate `ringwork`: futures, blocking calls beside them, and requests
//! and results in place.

use crate::load::LIMIT;
use crate::{Random, Tally, flipped, request};
use ringwork::{Error, OnFailure, Reason, Ringwork, Task, TaskType};
use std::time::Duration;

const FLIP: TaskType<[u8], Vec<u8>> = TaskType::new("flip");
const HOLD: TaskType<[u8], Vec<u8>> = TaskType::new("hold");

/// Counts an end; `false` when the pool is closed.
fn end(tally: &mut Tally, ended: Result<Vec<u8>, Error>, request: &[u8]) -> bool {
    match ended {
        Ok(bytes) if bytes == flipped(request) => tally.add("completed"),
        Ok(bytes) => tally.wrong(format!("a wrong result of {} bytes", bytes.len())),
        Err(Error::Crashed { .. }) => tally.add("crashed"),
        Err(Error::Timeout { .. }) => tally.add("timed_out"),
        Err(Error::Cancelled { .. }) => tally.add("cancelled"),
        Err(Error::Closed { .. }) => {
            tally.add("closed");
            return false;
        }
        Err(Error::Remote { code, .. }) if code == "key.poisoned" => tally.add("poisoned"),
        Err(Error::Rejected { reason, source }) => match reason {
            // Where a lane is dead or stopped, and no other replaces it.
            Reason::DeadlineUnreachable => tally.add("timed_out"),
            Reason::NoSlot | Reason::RingFull => tally.add("rejected"),
            _ => tally.wrong(format!("not submitted: {source}")),
        },
        Err(other) => tally.wrong(other.to_string()),
    }
    true
}

/// A window of tasks and their ends, most of them at once; `false` when the pool is closed.
pub fn future_round(client: &Ringwork, random: &mut Random, tally: &mut Tally) -> bool {
    let mut open = true;
    let mut waiting: Vec<(Task<Vec<u8>>, Vec<u8>)> = Vec::new();
    for n in 0..8 {
        let size = if n % 3 == 0 { 900 } else { 24 };
        let (task, hold) = if n < 5 { (FLIP, 0) } else { (HOLD, 3) };
        let request = request(random, hold, size);
        let call = client.call(task, &request[..]).attempts(3);
        let call = if n == 4 {
            call.timeout(Duration::from_millis(150))
        } else {
            call
        };
        // Of keys that others have, too.
        let call = match n {
            1 | 2 | 6 | 7 => call.key([n as u8 / 4]).on_failure(OnFailure::FailKey),
            _ => call,
        };
        match call.submit() {
            Ok(task) if n == 6 => open &= end(tally, task.abort(), &request),
            Ok(task) => waiting.push((task, request)),
            Err(error) => open &= end(tally, Err(error), &request),
        }
    }
    // Beside them, by a thread that helps; and one that is dropped, of which no tally tells.
    for n in 0..4 {
        let request = request(random, n % 2, 40);
        let call = client.call(HOLD, &request[..]).attempts(3);
        open &= end(tally, call.wait(), &request);
    }
    let dropped = request(random, 2, 300);
    drop(client.call(HOLD, &dropped[..]).submit());
    open &= end_in_place(client, random, tally);
    for (task, request) in waiting {
        match task.wait_for(LIMIT) {
            Ok(ended) => open &= end(tally, ended, &request),
            Err(_) => {
                tally.wrong(format!("a task did not end within {LIMIT:?}"));
                open = false;
            }
        }
    }
    open
}

/// A request that is written, and a result that is read, in place.
fn end_in_place(client: &Ringwork, random: &mut Random, tally: &mut Tally) -> bool {
    let request = request(random, 0, 700);
    let claimed = client.claim("flip", request.len());
    let sent = claimed.and_then(|mut task| {
        task.request().copy_from_slice(&request);
        task.submit()
    });
    let ended = sent.and_then(|task| task.wait());
    end(tally, ended.map(|lease| lease.to_vec()), &request)
}
