//! `store_rows` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netreq_fuzz::targets::store_rows(data));
