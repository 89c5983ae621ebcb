//! See `ringwork_fuzz::completion`.
#![no_main]

use ringwork_fuzz::{completion, limit};

libfuzzer_sys::fuzz_target!(|data: &[u8]| limit::limited(completion::run, data));
