//! See `ringwork_fuzz::segment`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringwork_fuzz::segment::run(data));
