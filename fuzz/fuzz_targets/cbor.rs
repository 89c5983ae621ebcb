//! See `ringwork_fuzz::cbor`.
#![no_main]

use ringwork_fuzz::{cbor, limit};

libfuzzer_sys::fuzz_target!(|data: &[u8]| limit::limited(cbor::run, data));
