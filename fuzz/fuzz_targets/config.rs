//! See `ringwork_fuzz::config`.
#![no_main]

use ringwork_fuzz::{config, limit};

libfuzzer_sys::fuzz_target!(|data: &[u8]| limit::limited(config::run, data));
