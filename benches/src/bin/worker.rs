//! The worker of the suites `cpu10k`, `payload` and `scale`: the stock handlers, and some beside
//! them.
//!
//! `bench.spin` keeps its lane busy for the microseconds in bytes 8 to 12 of the request, which it
//! returns. `bench.stamp` answers in place with as many bytes as it was sent, of which it writes
//! only the first and the last eight, the request's.
//!
//! `bench.pbkdf2` answers with PBKDF2-HMAC-SHA256 of the request (the password)
//! under [`SALT`], [`ITERATIONS`] and 32 bytes; the Java side does the same with
//! the JDK's own implementation (`Pbkdf2.java` has the same constants).

#![forbid(unsafe_code)]

use ringwork_handlers::stock_worker;
use ringwork_ring::format::states::Codec;
use ringwork_worker::{Answer, RawTask, TaskContext, TaskError, WorkerError};
use sha2::Sha256;
use std::time::{Duration, Instant};

/// Low, so that 10,000 of them take about a second.
const ITERATIONS: u32 = 1000;
const SALT: &[u8] = b"ringwork-bench-salt";

fn pbkdf2(_: &TaskContext<'_>, password: Vec<u8>) -> Result<Vec<u8>, TaskError> {
    let mut key = vec![0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(&password, SALT, ITERATIONS, &mut key);
    Ok(key)
}

fn spin(_: &TaskContext<'_>, request: Vec<u8>) -> Result<Vec<u8>, TaskError> {
    let start = Instant::now();
    let micros = request
        .get(8..)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |bytes| u32::from_le_bytes(*bytes));
    while start.elapsed() < Duration::from_micros(micros.into()) {
        std::hint::spin_loop();
    }
    Ok(request)
}

fn stamp(task: &mut RawTask<'_, '_>) -> Result<Answer, TaskError> {
    let len = task.request()?.len();
    let (request, result) = task.request_and_reserve(len)?;
    let stamped = len.min(8);
    result[..stamped].copy_from_slice(&request[..stamped]);
    result[len - stamped..len].copy_from_slice(&request[len - stamped..]);
    Ok(Answer::InPlace {
        len,
        codec: Codec::Bytes,
    })
}

fn main() -> Result<(), WorkerError> {
    stock_worker()
        .task("bench.pbkdf2", pbkdf2)
        .task("bench.spin", spin)
        .raw_task("bench.stamp", Codec::Bytes, Codec::Bytes, stamp)
        .run()
}

#[cfg(test)]
mod tests {
    #[test]
    fn pbkdf2_matches_a_published_vector() {
        // RFC 7914, section 11: "passwd", "salt", 1 iteration.
        let mut key = [0; 8];
        pbkdf2::pbkdf2_hmac::<sha2::Sha256>(b"passwd", b"salt", 1, &mut key);
        assert_eq!(key, [0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f]);
    }
}
