//! A worker's side: its entry, its lanes, the tasks that they claim.

pub mod chunk;
pub mod claimed;
pub mod entry;
pub mod permits;
pub mod search;
#[cfg(not(ringwork_model))]
pub mod signals;
