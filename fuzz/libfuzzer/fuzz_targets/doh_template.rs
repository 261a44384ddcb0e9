//! `doh_template` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netreq_fuzz::targets::doh_template(data));
