//! The states and kinds that single words of the segment hold.

use crate::format::layout::*;
use crate::format::names::{UnknownWord, stored};

stored! {
    /// How far a pool is in its life, in this order.
    PoolState: u32, "pool state", {
        /// It waits for its first worker; tasks are taken and queued.
        Starting = POOL_STARTING, "starting";
        /// It takes tasks and runs them.
        Serving = POOL_SERVING, "serving";
        /// It was asked to stop: what is queued or runs may end, and nothing new is taken.
        Draining = POOL_DRAINING, "draining";
        /// It has ended as it was asked to: lanes exit, clients fail what is pending.
        Closed = POOL_CLOSED, "closed";
        /// It has ended for want of something, over damage, or since its supervisor was killed.
        Failed = POOL_FAILED, "failed";
    }
}

impl PoolState {
    /// Whether a client may submit.
    #[must_use]
    #[inline]
    pub const fn takes_tasks(self) -> bool {
        matches!(self, Self::Starting | Self::Serving)
    }

    /// Whether nothing runs any more.
    #[must_use]
    #[inline]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Failed)
    }
}

stored! {
    /// Whether workers that die are replaced.
    Health: u32, "pool health", {
        /// They are.
        Full = HEALTH_FULL, "full";
        /// Too many died in too short a time; none is replaced, the pool is not ready, see the reason.
        Storm = HEALTH_STORM, "storm";
        /// New ones do not get ready; none is replaced, those that live serve on, see the reason.
        Boot = HEALTH_BOOT, "boot";
    }
}

stored! {
    /// Whether an entry of a client, a worker or a lane is in use.
    EntryState: u32, "entry state", {
        /// Unused.
        Free = ENTRY_FREE, "free";
        /// In use; its lock file is locked as long as its process lives.
        Active = ENTRY_ACTIVE, "active";
        /// Its process is proved dead, and the reaper is at it.
        Reaping = ENTRY_REAPING, "reaping";
        /// Its client has closed while tasks of it ran. Its process may live on, and the reaper
        /// clears what is left.
        Leaving = ENTRY_LEAVING, "leaving";
    }
}

stored! {
    /// Which client library has an entry.
    ClientKind: u32, "client kind", {
        /// The Java client.
        Java = CLIENT_KIND_JAVA, "java";
        /// The client of this crate.
        Rust = CLIENT_KIND_RUST, "rust";
    }
}

stored! {
    /// Which tasks a lane looks for, and which lanes a handler's tasks are for.
    LaneKind: u32, "kind of lane", {
        /// Handlers that a lane runs to their end; and asynchronous ones, in a pool without I/O
        /// lanes, or where the client did not know them.
        Cpu = LANE_KIND_CPU, "cpu";
        /// Asynchronous handlers, in workers of their own.
        Io = LANE_KIND_IO, "io";
    }
}

stored! {
    /// Whether a worker is to leave after its current tasks.
    Leave: u32, "leave word", {
        /// It is not.
        Stay = LEAVE_NOT, "stay";
        /// The supervisor asks for it.
        Asked = LEAVE_ASKED, "asked";
        /// It has run its number of tasks, and leaves by itself.
        Quota = LEAVE_QUOTA, "quota";
    }
}

stored! {
    /// What stands in an entry of the handler table.
    Listing: u32, "listing of a handler", {
        /// Nothing yet.
        Unwritten = HANDLER_UNWRITTEN, "unwritten";
        /// A worker has registered the handler.
        Listed = HANDLER_LISTED, "listed";
        /// A worker from before the reload that is under way has registered it.
        Former = HANDLER_FORMER, "former";
        /// A reload has removed it: no worker has it any more.
        Gone = HANDLER_GONE, "gone";
    }
}

stored! {
    /// How the bytes of a request, or of a result, are to be read.
    Codec: u8, "codec", {
        /// Raw bytes.
        Bytes = CODEC_BYTES, "bytes";
        /// UTF-8 text.
        Utf8 = CODEC_UTF8, "utf8";
        /// One little-endian i64.
        I64 = CODEC_I64, "i64";
        /// One CBOR item (RFC 8949).
        Cbor = CODEC_CBOR, "cbor";
        /// Parameters, a JSON object, and a body of raw bytes.
        Params = CODEC_PARAMS, "params";
        /// A chunk: many requests for one handler.
        Chunk = CODEC_CHUNK, "chunk";
    }
}

stored! {
    /// How a task has ended that a worker has answered.
    Status: u32, "status", {
        /// The result is the handler's.
        Ok = STATUS_OK, "ok";
        /// The handler returned an error.
        Failed = STATUS_FAILED, "failed";
        /// The handler panicked.
        Panicked = STATUS_PANICKED, "panicked";
        /// No handler has that name; none ran.
        UnknownHandler = STATUS_UNKNOWN_HANDLER, "unknown_handler";
        /// The request could not be decoded (then no handler ran), or the result not be encoded.
        Codec = STATUS_CODEC, "codec";
        /// The result is larger than the largest block.
        ResultTooLarge = STATUS_RESULT_TOO_LARGE, "result_too_large";
        /// No block of the arena came free for the result.
        ArenaExhausted = STATUS_ARENA_EXHAUSTED, "arena_exhausted";
        /// The caller gave the task up, before the handler started or while it ran.
        Cancelled = STATUS_CANCELLED, "cancelled";
        /// The deadline had passed before the handler started.
        Expired = STATUS_EXPIRED, "expired";
        /// No worker is there, nor will be soon; no handler ran.
        NoWorker = STATUS_NO_WORKER, "no_worker";
        /// Of a request in a chunk: a worker died over it, and no attempt is left.
        Crashed = STATUS_CRASHED, "crashed";
        /// A task of its key before it has failed, and was to be followed by none; no handler ran.
        KeyPoisoned = STATUS_KEY_POISONED, "key_poisoned";
    }
}

/// A status as it stands in a slot or in the head of a chunk's result: the value, and whether the
/// handler was certainly not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// How it ended.
    pub status: Status,
    /// Whether the handler was certainly not started.
    pub not_run: bool,
}

impl Ending {
    /// The ending of a stored word.
    ///
    /// # Errors
    /// [`UnknownWord`] for one that this version does not write.
    #[inline]
    pub const fn from_word(word: u32) -> Result<Self, UnknownWord> {
        match Status::from_word(word & !STATUS_NOT_RUN) {
            Ok(status) => Ok(Self {
                status,
                not_run: word & STATUS_NOT_RUN != 0,
            }),
            Err(unknown) => Err(unknown),
        }
    }

    /// The word that is stored for it.
    #[must_use]
    #[inline]
    pub const fn word(self) -> u32 {
        self.status.word() | if self.not_run { STATUS_NOT_RUN } else { 0 }
    }
}

impl From<Status> for Ending {
    /// An ending whose handler may have been started.
    #[inline]
    fn from(status: Status) -> Self {
        Self {
            status,
            not_run: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_becomes_its_value_and_an_unknown_one_an_error() {
        for state in PoolState::ALL {
            assert_eq!(PoolState::from_word(state.word()), Ok(*state));
            assert_eq!(state.name().parse(), Ok(*state));
        }
        for word in [5, 0x100, u32::MAX] {
            let error = PoolState::from_word(word).unwrap_err();
            assert_eq!(error.to_string(), format!("{word:#x} is no pool state"));
        }
        assert!(PoolState::Draining < PoolState::Closed);
        for codec in Codec::ALL {
            assert_eq!(Codec::from_word(codec.word()), Ok(*codec));
        }
        assert!(Codec::from_word(u8::MAX).is_err());
    }

    #[test]
    fn an_ending_is_a_status_with_its_flag() {
        for status in Status::ALL {
            for not_run in [false, true] {
                let ending = Ending {
                    status: *status,
                    not_run,
                };
                assert_eq!(Ending::from_word(ending.word()), Ok(ending));
            }
        }
        for word in [12, 0xff | STATUS_NOT_RUN, 0x200, u32::MAX] {
            assert!(Ending::from_word(word).is_err(), "{word:#x}");
        }
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let error = "gone".parse::<Health>().unwrap_err();
        assert_eq!(
            error,
            "unknown pool health \"gone\": use full, storm or boot"
        );
    }
}
