//! See `ringwork_fuzz::slot`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringwork_fuzz::slot::run(data));
