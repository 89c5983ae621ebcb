//! See `ringwork_fuzz::completion`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringwork_fuzz::completion::run(data));
