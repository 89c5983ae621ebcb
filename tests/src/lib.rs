//! Support of the cross-process tests (see lib.rs in full soon).
#![forbid(unsafe_code)]
