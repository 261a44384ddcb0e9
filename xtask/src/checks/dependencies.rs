//! Who depends on whom: versions that occur twice, and the direction between our own crates.
//!
//! The tables here are the rule; the manifests are held to them. An allowance that is no longer
//! needed is a complaint too, so that the tables stay true.

use std::collections::{BTreeMap, BTreeSet};

use crate::metadata::Metadata;

/// Dependencies that may occur in several versions, and who keeps the older one.
const SEVERAL_VERSIONS: &[(&str, &str)] = &[
    ("getrandom", "ring, an optional back end of the TLS crates, keeps 0.2; it is not built"),
    ("syn", "procedural macros move from 2 to 3 one by one; build time only"),
    ("synstructure", "follows syn"),
    ("untrusted", "rustls-webpki has 0.9, ring 0.7; ring is not built"),
    ("windows-sys", "ring keeps 0.52; Windows only"),
];

/// Our crates from the bottom up, each with those of ours that it may build on.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("netreq-proto", &[]),
    ("netreq-testserver", &[]),
    ("netreq", &["netreq-proto"]),
    ("netreq-cli", &["netreq", "netreq-testserver"]),
    ("netreq-node", &["netreq-proto", "netreq"]),
    ("netreq-bench", &["netreq-proto", "netreq", "netreq-testserver"]),
    ("netreq-fuzz", &["netreq-proto", "netreq", "netreq-cli"]),
    ("xtask", &[]),
];

/// What only tests may additionally build on, for every crate but the server of the tests itself.
const FOR_TESTS: &[&str] = &["netreq-testserver"];

/// Names that mean I/O, waiting, randomness or cryptography in a dependency tree.
const NOT_FOR_RULES: &[&str] = &[
    "async-io",
    "async-std",
    "aws-lc-rs",
    "getrandom",
    "h2",
    "hyper",
    "libc",
    "mio",
    "native-tls",
    "openssl",
    "quinn",
    "rand",
    "ring",
    "rusqlite",
    "rustls",
    "smol",
    "socket2",
    "tokio",
];

/// Dependencies in several versions without an allowance, and allowances without need.
pub(super) fn duplicates(metadata: &Metadata) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in &metadata.packages {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);

    let mut complaints = Vec::new();
    for (name, found) in &versions {
        if SEVERAL_VERSIONS.iter().all(|(allowed, _)| allowed != name) {
            let found: Vec<&str> = found.iter().copied().collect();
            complaints.push(format!("{name}: {}", found.join(" and ")));
        }
    }
    for (name, _) in SEVERAL_VERSIONS {
        if !versions.contains_key(name) {
            complaints.push(format!("{name} has one version now: take it off the list"));
        }
    }
    complaints
}

/// Our crates that build on one of ours which they may not know.
pub(super) fn directions(metadata: &Metadata) -> Vec<String> {
    let ours: BTreeSet<&str> = metadata.ours().map(|package| package.name.as_str()).collect();
    let mut complaints = Vec::new();
    for package in metadata.ours() {
        let name = package.name.as_str();
        let Some((_, allowed)) = DIRECTIONS.iter().find(|(crate_name, _)| *crate_name == name)
        else {
            complaints.push(format!("{name} has no line in the table"));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|name| ours.contains(name.as_str())) {
            if !allowed.contains(&dependency.as_str()) {
                complaints.push(format!("{name} builds on {dependency}"));
            }
        }
        // A crate may use itself, with other features, in its own tests.
        let for_tests: &[&str] = if name == "netreq-testserver" { &[] } else { FOR_TESTS };
        for dependency in
            package.dev_dependencies.iter().filter(|name| ours.contains(name.as_str()))
        {
            let dependency = dependency.as_str();
            if dependency != name
                && !allowed.contains(&dependency)
                && !for_tests.contains(&dependency)
            {
                complaints.push(format!("{name} tests with {dependency}"));
            }
        }
    }
    complaints
}

/// What the rules would bring along that does I/O.
pub(super) fn rules_tree(metadata: &Metadata) -> Vec<String> {
    let tree = metadata.tree("netreq-proto");
    let brought = NOT_FOR_RULES.iter().filter(|name| tree.contains(**name));
    brought.map(|name| format!("netreq-proto builds on {name}")).collect()
}

/// Our crates that state another oldest compiler than the rest, or none.
pub(super) fn rust_versions(metadata: &Metadata) -> Vec<String> {
    let stated: BTreeSet<Option<&str>> =
        metadata.ours().map(|package| package.rust_version.as_deref()).collect();
    if stated.len() == 1 && !stated.contains(&None) {
        return Vec::new();
    }
    metadata.ours().map(|package| format!("{}: {:?}", package.name, package.rust_version)).collect()
}
