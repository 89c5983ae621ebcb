//! The tasks of the kill matrix, and the load that Rust clients put on a pool.
//!
//! Used by the client that is a victim (src/main.rs) and by the observer in the test
//! itself. Invariant: a [`Tally`] counts each task that was submitted exactly once.

#![forbid(unsafe_code)]

mod futures;
mod load;
mod random;
mod talk;

pub use futures::future_round;
pub use load::{Tally, call_some, event, flip, flipped, listen, request, round, serve};
pub use random::Random;
pub use talk::{CHANNEL, channel_is_whole, keep_one, receive_all, send_all};
