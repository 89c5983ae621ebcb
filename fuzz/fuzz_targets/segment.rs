//! See `ringwork_fuzz::segment`.
#![no_main]

use ringwork_fuzz::{limit, segment};

libfuzzer_sys::fuzz_target!(|data: &[u8]| limit::limited(segment::run, data));
