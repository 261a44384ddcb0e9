//! `Strict-Transport-Security` and the hosts that send it.
//!
//! A policy that is read holds for its host until it ends and not a second longer; addresses are
//! never upgraded, and nothing is noted from a connection in the clear.

use netreq_proto::date::UnixTime;
use netreq_proto::hsts::{HstsTable, StrictTransportSecurity};
use url::Url;

/// Reads `data` as a host, a line feed and a value.
pub fn hsts(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let value = data.get(end + 1..).unwrap_or_default();
    let policy = StrictTransportSecurity::parse(value);
    let Ok(host) = str::from_utf8(&data[..end]) else { return };

    let mut table = HstsTable::new();
    assert!(table.note(host, value, false, NOW).is_err());
    if table.note(host, value, true, NOW).is_err() {
        assert!(table.is_empty() && !table.should_upgrade(host, NOW));
        return;
    }
    let policy = policy.unwrap_or_else(|error| panic!("{error} was noted"));
    let holds = policy.max_age > 0;
    let end = UnixTime(NOW.0 + i64::from(policy.max_age));
    assert_eq!(table.should_upgrade(host, UnixTime(end.0 - 1)), holds);
    assert!(!table.should_upgrade(host, end));
    let below = table.should_upgrade(&format!("x.{host}"), NOW);
    assert_eq!(below, policy.include_subdomains && holds);
    assert!(host.parse::<std::net::IpAddr>().is_err());
    if let Ok(url) = Url::parse(&format!("http://{host}/")) {
        let upgraded = table.upgrade(&url, NOW);
        assert_eq!(upgraded.is_some(), holds, "{url}");
        assert!(upgraded.is_none_or(|upgraded| upgraded.scheme() == "https"));
    }
}

const NOW: UnixTime = UnixTime(1_800_000_000);

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "max-age=",
    "max-age=\"100\"",
    "; includeSubDomains",
    ";",
    "\"",
    "\\",
    "preload",
    "a.test\n",
    "127.0.0.1\n",
    "\u{3002}",
    "\u{ff61}",
    "xn--",
    "31536000",
    "0",
];
