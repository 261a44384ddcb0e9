//! Rules that map hosts.
//!
//! Rules that are read give a place to connect to, an exclusion of everything wins over all of them,
//! and an error shows on one line.

use netreq_proto::host_rules::{HostRules, Mapped};

/// Reads `data` as rules, a line feed and a host.
pub fn host_rules(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (text, host) = text.split_once('\n').unwrap_or((text, "a.test"));
    let rules = match text.parse::<HostRules>() {
        Ok(rules) => rules,
        Err(error) => {
            let shown = error.to_string();
            assert!(!shown.contains(char::is_control), "{shown:?}");
            return;
        }
    };
    match rules.apply(host, 443) {
        Mapped::Unchanged | Mapped::NotFound => {}
        Mapped::To { host, .. } => {
            assert!(!host.is_empty() && !host.contains(char::is_whitespace), "{host:?}");
            assert!(!host.contains(['/', '@', '?', '#', '[', ']']), "{host:?}");
        }
    }
    if let Ok(excluded) = format!("{text},EXCLUDE *").parse::<HostRules>() {
        assert_eq!(excluded.apply(host, 443), Mapped::Unchanged);
    }
}

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "MAP * 127.0.0.1",
    "MAP *.test b.test:8443",
    "EXCLUDE a.test",
    "~NOTFOUND",
    "^NOTFOUND",
    "[::1]:77",
    ":65535",
    ":65536",
    ",",
    "*",
    "?",
    "\na.test",
];
