//! See `ringwork_fuzz::arena`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringwork_fuzz::arena::run(data));
