//! `request_fields` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netreq_fuzz::targets::request_fields(data));
