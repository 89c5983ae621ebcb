//! The worker of the suite `cpu10k`: the stock handlers, and PBKDF2 beside them.
//!
//! `bench.pbkdf2` answers with PBKDF2-HMAC-SHA256 of the request (the password)
//! under [`SALT`], [`ITERATIONS`] and 32 bytes; the Java side does the same with
//! the JDK's own implementation (`Pbkdf2.java` has the same constants).

#![forbid(unsafe_code)]

use ringwork_worker::{TaskContext, TaskError, WorkerError, stock_worker};
use sha2::Sha256;

/// Low, so that 10,000 of them take about a second.
const ITERATIONS: u32 = 1000;
const SALT: &[u8] = b"ringwork-bench-salt";

fn pbkdf2(_: &TaskContext<'_>, password: Vec<u8>) -> Result<Vec<u8>, TaskError> {
    let mut key = vec![0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(&password, SALT, ITERATIONS, &mut key);
    Ok(key)
}

fn main() -> Result<(), WorkerError> {
    stock_worker().task("bench.pbkdf2", pbkdf2).run()
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
