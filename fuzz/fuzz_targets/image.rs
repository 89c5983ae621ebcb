//! See `ringwork_fuzz::image`.
#![no_main]

use ringwork_fuzz::{image, limit};

libfuzzer_sys::fuzz_target!(|data: &[u8]| limit::limited(image::run, data));
