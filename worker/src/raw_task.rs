//! Zero-copy handlers: the request read in place, the result written in place.

use crate::codec::{request_error, split_params};
use crate::context::{Scopes, TaskContext};
use crate::error::TaskError;
use ringwork_ring::lane::claimed::Claimed;
use ringwork_ring::{Codec, RingError};
use serde::de::DeserializeOwned;

/// A task in a raw handler's hands.
pub struct RawTask<'t, 'l> {
    claimed: &'t mut Claimed<'l>,
    scopes: &'t Scopes<'t>,
    handler: &'static str,
    pub(crate) room_error: Option<Box<RingError>>,
}

/// How a raw handler answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The first `len` bytes of the room reserved last are the result.
    InPlace {
        /// Length of the result in bytes.
        len: usize,
        /// Its codec.
        codec: Codec,
    },
    /// These bytes are the result (copied).
    Bytes {
        /// The result.
        bytes: Vec<u8>,
        /// Its codec.
        codec: Codec,
    },
}

impl<'t, 'l> RawTask<'t, 'l> {
    #[inline]
    pub(crate) fn new(
        claimed: &'t mut Claimed<'l>,
        scopes: &'t Scopes<'_>,
        handler: &'static str,
    ) -> Self {
        Self {
            claimed,
            scopes,
            handler,
            room_error: None,
        }
    }

    /// Deadline, cancellation, progress, state.
    #[must_use]
    pub fn context(&self) -> TaskContext<'_> {
        TaskContext::new(self.claimed, self.scopes, self.handler)
    }

    /// The request, in place in shared memory: no copy is made. The bytes stay
    /// valid and unchanged for the whole call; a second attempt sees them again.
    ///
    /// # Errors
    /// When the client wrote a reference outside the arena.
    #[inline]
    pub fn request(&self) -> Result<&[u8], TaskError> {
        self.claimed
            .request()
            .map_err(|error| TaskError::new("segment.corrupt", error.to_string()))
    }

    /// The codec that the request was sent in.
    #[must_use]
    #[inline]
    pub fn codec(&self) -> Codec {
        self.claimed.request_codec()
    }

    /// The largest result that the pool carries, in bytes.
    #[must_use]
    pub fn largest_result(&self) -> usize {
        self.claimed.largest_result()
    }

    /// Parameters and body of a request in the params codec, the body in place.
    ///
    /// # Errors
    /// When the request is no params request, or the parameters are not `P`'s.
    pub fn params<P: DeserializeOwned + Default>(&self) -> Result<(P, &[u8]), TaskError> {
        split_params(self.request()?).map_err(request_error)
    }

    /// Room for a result of up to `len` bytes, in place. Asking again gives the former room back.
    ///
    /// # Errors
    /// When `len` is beyond the largest arena block, or none comes free in time.
    #[inline]
    pub fn reserve(&mut self, len: usize) -> Result<&mut [u8], TaskError> {
        match self.claimed.reserve(len) {
            Ok(room) => Ok(room),
            Err(error) => Err(note(&mut self.room_error, error)),
        }
    }

    /// The request and room for the result at once.
    ///
    /// # Errors
    /// As [`Self::request`] and [`Self::reserve`].
    #[inline]
    pub fn request_and_reserve(&mut self, len: usize) -> Result<(&[u8], &mut [u8]), TaskError> {
        match self.claimed.request_and_reserve(len) {
            Ok(both) => Ok(both),
            Err(error) => Err(note(&mut self.room_error, error)),
        }
    }
}

/// Keeps the ring's own error, which has its own status, behind the handler's.
#[cold]
fn note(place: &mut Option<Box<RingError>>, error: RingError) -> TaskError {
    let task_error = TaskError::new("result.no_room", error.to_string());
    *place = Some(Box::new(error));
    task_error
}
