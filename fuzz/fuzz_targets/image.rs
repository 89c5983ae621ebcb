//! See `ringwork_fuzz::image`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringwork_fuzz::image::run(data));
