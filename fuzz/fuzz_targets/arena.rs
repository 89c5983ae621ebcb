//! See `ringwork_fuzz::arena`.
#![no_main]

use ringwork_fuzz::{arena, limit};

libfuzzer_sys::fuzz_target!(|data: &[u8]| limit::limited(arena::run, data));
