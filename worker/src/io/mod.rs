mod builder;
mod chunk;
mod common;
mod context;
mod handler;
mod host;
mod mark;
mod options;
mod parts;
mod poll;
mod shard;
mod watch;
mod watched;

pub use context::{AsyncContext, Busy, Cancelled, Child};
pub(crate) use handler::AsyncHandler;
pub(crate) use options::{Asked, Options};
pub(crate) use parts::{Host, Launch, Parts};
pub use shard::WhyCancelled;
