//! See `ringwork_fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringwork_fuzz::config::run(data));
