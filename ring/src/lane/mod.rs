//! A worker's side: its entry, its lanes, the tasks that they claim.

pub mod chunk;
pub mod claimed;
mod core;
pub mod entry;
mod handler_counts;
mod keys;
#[cfg(not(ringwork_model))]
pub mod leave;
pub mod permits;
pub mod search;
