//! Write Ringwork workers: processes that run tasks which Java (or Rust) submits
//! through shared memory.
//!
//! ```no_run
//! use ringwork_worker::{Cbor, TaskError, Worker};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! struct Order { id: u64, cents: Vec<i64> }
//! #[derive(Serialize)]
//! struct Total { id: u64, cents: i64 }
//!
//! fn total(Cbor(order): Cbor<Order>) -> Result<Cbor<Total>, TaskError> {
//!     if order.cents.is_empty() {
//!         return Err(TaskError::new("order.empty", "the order has no lines: add one"));
//!     }
//!     Ok(Cbor(Total { id: order.id, cents: order.cents.iter().sum() }))
//! }
//!
//! fn main() -> Result<(), ringwork_worker::WorkerError> {
//!     Worker::builder()
//!         .task("order.total", total)
//!         .task("upper", |text: &str| text.to_uppercase())
//!         .run()
//! }
//! ```
//!
//! Start it with `ringwork serve --worker ./path/to/it`: the supervisor runs as many
//! processes of it as asked, restarts the dead and gives their tasks back.

#![forbid(unsafe_code)]

mod codec;
pub mod confine;
mod context;
mod dispatch;
mod ending;
mod error;
mod handler;
#[cfg(feature = "io")]
mod io;
mod io_variables;
mod layer;
#[doc(hidden)]
pub mod log;
#[doc(hidden)]
pub mod log_events;
mod niceness;
mod panics;
mod raw_task;
mod run;
mod state;
pub mod testing;
#[cfg(feature = "opentelemetry")]
mod trace_parent;
mod worker;

#[doc(hidden)]
pub use codec::request_error;
pub use codec::{FromRequest, IntoResult, Request};
pub use confine::SandboxMode;
pub use context::{TaskClient, TaskContext};
pub use error::{ErrorCode, TaskError};
pub use handler::{Handler, Returned};
#[cfg(feature = "io")]
pub use io::{
    AsyncContext, AsyncExtract, AsyncHandler, AsyncNext, Busy, Cancelled, Child, Leaving,
    PerThread, WhyCancelled,
};
#[doc(hidden)]
pub use io_variables::{
    IO_DRAIN_VARIABLE, IO_STALL_VARIABLE, IO_TASKS_VARIABLE, IO_THREADS_VARIABLE,
};
pub use layer::{Call, Done, Next};
pub use raw_task::{Answer, RawTask};
#[doc(inline)]
pub use ringwork_codec::{Cbor, Encoded, Params};
#[cfg(feature = "io")]
pub use state::MakeAsync;
/// The environment of a worker, which its supervisor makes.
#[doc(hidden)]
pub use state::config::CONFIG_VARIABLE;
pub use state::config::Config;
pub use state::{Extract, Finder, Make, MakePerTask, PerLane, PerTask, Provide, State};
pub use worker::{Builder, Worker, WorkerError};
#[doc(hidden)]
pub use worker::{
    LANE_KIND_VARIABLE, LANES_VARIABLE, LEAVE_BY_VARIABLE, MAX_TASKS_VARIABLE, POOL_DIR_VARIABLE,
    POOL_EPOCH_VARIABLE, SCHEDULING_VARIABLE, SETUP_EXIT_CODE, WAIT_VARIABLE,
    WORKER_INDEX_VARIABLE,
};

/// The mechanism below, for programs that need it: segments, the low-level client.
pub use ringwork_ring as ring;
/// How the bytes of a request or a result are to be read.
pub use ringwork_ring::Codec;
