//! Every fuzz target over its corpus and a fixed number of mutations, one test each.
//!
//! The number is the same on every machine, so a run costs the same work and finds the same things.

use netreq_fuzz::Target;
use netreq_fuzz::targets::TARGETS;

const MUTATIONS: u32 = 20_000;

fn check(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name);
    target.unwrap_or_else(|| panic!("{name} is not in the table")).check(MUTATIONS);
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(stringify!($name)); })*

        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

targets! {
    chunked_body
    content_decoders
    cookie_date
    cookie_filter
    dns_message
    doh_template
    host_rules
    hsts
    http_date
    netscape_file
    redirect
    request_fields
    request_parts
    response_head
    set_cookie
    store_rows
    url_parts
}

#[test]
fn every_target_is_tested_and_has_a_libfuzzer_binary() {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names, TESTED);
    let manifest = include_str!("../libfuzzer/Cargo.toml");
    for Target { name, .. } in TARGETS {
        let path = format!("{}/libfuzzer/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        let wrapper =
            std::fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{path}: {cause}"));
        assert!(wrapper.contains(&format!("netreq_fuzz::targets::{name}(data)")), "{path}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the manifest");
    }
}
