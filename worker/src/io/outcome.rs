//! An async handler at work, and what it comes to.

use crate::ending::Ended;
use ringwork_ring::Codec;
use std::future::Future;
use std::pin::Pin;

/// The bytes of a result and their codec, or why there are none.
pub(crate) type Outcome = Result<(Vec<u8>, Codec), Ended>;

/// A handler at work.
pub(crate) type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;
