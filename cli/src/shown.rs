//! The states of pools and entries in a word: the format's names, and two of what no word tells.

use ringwork_ring::format::states::{EntryState, PoolState};

pub(super) const STARTING: &str = PoolState::Starting.name();
pub(super) const SERVING: &str = PoolState::Serving.name();
pub(super) const DRAINING: &str = PoolState::Draining.name();
pub(super) const CLOSED: &str = PoolState::Closed.name();
pub(super) const FAILED: &str = PoolState::Failed.name();
pub(super) const ACTIVE: &str = EntryState::Active.name();
/// Its lock is free: no process has it.
pub(super) const DEAD: &str = "dead";
/// Its word is none of this version's.
pub(super) const UNKNOWN: &str = "unknown";
