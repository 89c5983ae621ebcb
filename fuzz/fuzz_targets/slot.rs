//! See `ringwork_fuzz::slot`.
#![no_main]

use ringwork_fuzz::{limit, slot};

libfuzzer_sys::fuzz_target!(|data: &[u8]| limit::limited(slot::run, data));
