//! The records of the segment, each with named accessors.

pub mod counters;
