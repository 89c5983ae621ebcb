//! See `ringwork_fuzz::http`.
#![no_main]

use ringwork_fuzz::{http, limit};

libfuzzer_sys::fuzz_target!(|data: &[u8]| limit::limited(http::run, data));
