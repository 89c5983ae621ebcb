//! The Rust client of Ringwork: tasks for worker processes, over shared memory.
//!
//! ```no_run
//! use ringwork::{Ringwork, TaskType};
//! use std::time::Duration;
//!
//! const UPPER: TaskType<str, String> = TaskType::new("upper");
//!
//! # async fn run() -> ringwork::Result<()> {
//! let rw = Ringwork::connect("shop").await?;
//! let upper = rw.call(UPPER, "tea").timeout(Duration::from_millis(500)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Start a pool with `ringwork serve --name shop`. Futures work with any executor; threads
//! without one call [`Call::wait`]. A call that is dropped is cancelled, a [`Task`] that is dropped
//! runs on. Each [`Error`] says whether the handler may have run.

#![forbid(unsafe_code)]

mod call;
mod channel_hub;
mod channels;
mod chunk;
mod codec;
mod combine;
mod error;
mod event_hub;
mod events;
#[cfg(feature = "origins")]
pub mod origins;
mod park;
mod pending;
mod pool;
mod promise;
mod raw;
mod reconnecting;
mod ringwork;
#[cfg(feature = "tower")]
mod service;
mod sync;
mod task;
mod task_type;
mod timeout;
mod timers;

pub use call::{Call, CallFuture};
pub use channels::{Channel, Message, Messages};
pub use chunk::{Chunk, ChunkFuture};
pub use codec::{FromResult, ToRequest};
pub use combine::{JoinAll, SelectFirst, WithTimeout, Work, join_all, select_first, with_timeout};
pub use error::{Error, Reason, Result};
pub use events::{Event, Events};
pub use park::block_on;
pub use promise::{Promise, PromiseSender, promise};
pub use raw::{LeaseFuture, RawTask, ResultLease};
pub use reconnecting::Reconnecting;
pub use ringwork::{Builder, Ringwork};
#[cfg(feature = "tower")]
pub use service::TaskService;
pub use task::{AbortOnDrop, Task};
pub use task_type::TaskType;

#[doc(inline)]
pub use ringwork_codec::{Cbor, Encoded, Params};
/// How a worker died, how a task failed, how bytes are to be read; and where a pool is.
#[doc(no_inline)]
pub use ringwork_ring::format::words::Publisher;
#[doc(no_inline)]
pub use ringwork_ring::queue::channels::NotSent;
#[doc(no_inline)]
pub use ringwork_ring::queue::events::{NotPublished, Passed};
#[doc(no_inline)]
pub use ringwork_ring::{
    Cause, Codec, PoolDir, Status, WaitStrategy,
    client::{OnFailure, TaskOptions},
};
