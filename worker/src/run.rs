//! What each handler does, and a layer around it, too: run a request, and say how it ended.

use crate::context::Scopes;
use crate::ending::{Ended, end, not_run};
use crate::error::CANCELLED;
use crate::panics;
use ringwork_ring::lane::claimed::{Claimed, Failure};
use ringwork_ring::{Codec, Status};

/// A result that the handler has written into the slot or its block.
///
/// Each field is read by itself, as wide as it was written: the codec is a byte to both. A narrower
/// store before a wider load, as when both are copied at once, would have the processor wait until
/// everything stored before has left for its line, the result's among them.
pub(crate) struct InPlace {
    pub(crate) len: usize,
    pub(crate) codec: Codec,
}

impl Default for InPlace {
    fn default() -> Self {
        Self {
            len: 0,
            codec: Codec::Bytes,
        }
    }
}

impl InPlace {
    pub(crate) fn set(&mut self, len: usize, codec: Codec) {
        *self = Self { len, codec };
    }
}

/// What a handler does, with its types: compiled once for each, the loop over a chunk included.
pub(crate) trait Run: Send + Sync {
    /// Runs it for the request at hand.
    fn one(
        &self,
        claimed: &mut Claimed<'_>,
        scopes: &Scopes<'_>,
        answer: &mut InPlace,
    ) -> Result<(), Box<Ended>>;

    /// Runs it for each request of a chunk that is left. Each ends by itself; when the task is
    /// given up in between, the rest are told that they were not started.
    fn each(&self, claimed: &mut Claimed<'_>, scopes: &Scopes<'_>) {
        while claimed.next_request() {
            if claimed.expired() || claimed.cancelled() {
                claimed.fail_request(&given_up(claimed));
                continue;
            }
            panics::forget();
            let mut answer = InPlace::default();
            match self.one(claimed, scopes, &mut answer) {
                Ok(()) => claimed.finish_request(answer.len, answer.codec),
                Err(ended) => end(claimed, *ended),
            }
        }
    }
}

/// Why the next request of a chunk is not to be started.
#[cold]
fn given_up(claimed: &Claimed<'_>) -> Failure<'static> {
    if !claimed.cancelled() {
        let message = "the deadline of the chunk passed before the turn of this request";
        not_run(Status::Expired, "deadline.passed", message)
    } else {
        let message = "the caller gave the chunk up before the turn of this request";
        not_run(Status::Cancelled, CANCELLED, message)
    }
}
