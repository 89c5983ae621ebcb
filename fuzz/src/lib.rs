//! The fuzz targets: one module each, with a function that takes the fuzzer's bytes.
//!
//! A target panics (or is caught by the sanitizer, or takes too long, see [`limit`]) exactly when the code under
//! test has a bug. `fuzz_targets/` hands the functions to libFuzzer (`make fuzz`);
//! `tests/replay.rs` runs them over the corpora in `corpus/` without a fuzzer, in `make test`. How
//! to use and extend them: `docs/internals/fuzzing.md`.

#![forbid(unsafe_code)]

pub mod arena;
#[cfg(feature = "handlers")]
pub mod cbor;
pub mod completion;
pub mod config;
pub mod corpus;
pub mod http;
#[cfg(feature = "handlers")]
pub mod image;
pub mod limit;
pub mod patch;
pub mod rig;
pub mod segment;
pub mod slot;

/// A target: its name, as of its archive in `corpus/`, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("segment", segment::run),
    ("slot", slot::run),
    ("completion", completion::run),
    ("arena", arena::run),
    ("config", config::run),
    #[cfg(feature = "handlers")]
    ("cbor", cbor::run),
    #[cfg(feature = "handlers")]
    ("image", image::run),
    ("http", http::run),
];
