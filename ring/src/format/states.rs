//! The states and kinds that single words of the segment hold.

use crate::format::layout::*;
use crate::format::names::{names, stored};

stored! {
    /// What a pool does with tasks; ordered by its life.
    PoolState: u32, "pool state", {
        /// It is being set up; tasks are taken and wait.
        Starting = POOL_STARTING, "starting";
        /// Tasks are taken and run.
        Serving = POOL_SERVING, "serving";
        /// No new tasks; queued ones still run.
        Draining = POOL_DRAINING, "draining";
        /// The supervisor has left; lanes exit, clients fail what is pending.
        Closed = POOL_CLOSED, "closed";
        /// The supervisor gave up, see the reason.
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
