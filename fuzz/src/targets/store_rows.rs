//! Rows of a store and of a Chromium profile.
//!
//! Whatever a file holds, the loader passes it over or makes of it what could have come from the
//! network: a cookie that keeps to one owner and fits in a field, an entry of a host that may have
//! one. A cookie that is read comes back the same from the disk.

use netreq::fuzzing::{Field, Found, Table, read_row, store_and_read};
use netreq_proto::cookie::CanonicalCookie;
use netreq_proto::date::UnixTime;
use netreq_proto::hsts::HstsTable;
use netreq_proto::site::registrable_domain;
use url::Host;

/// Reads `data` as a row of each table: fields between line feeds, their first byte their type.
pub fn store_rows(data: &[u8]) {
    let fields: Vec<Field<'_>> = data.split(|byte| *byte == b'\n').map(field).collect();
    for table in [Table::Cookies, Table::Hsts, Table::Chromium] {
        match read_row(table, &fields) {
            Some(Found::Cookie(cookie)) => check_cookie(&cookie),
            Some(Found::Hsts(host, entry)) => {
                assert!(matches!(Host::parse(&host), Ok(Host::Domain(name)) if name == host));
                let mut hosts = HstsTable::new();
                hosts.load(&host, entry);
                assert!(hosts.iter().eq([(&*host, entry)]), "{host}");
                let lasts = entry.expiry > UnixTime(0);
                assert_eq!(hosts.should_upgrade(&host, UnixTime(0)), lasts, "{host}");
            }
            Some(Found::Gone) | None => {}
        }
    }
}

fn check_cookie(cookie: &CanonicalCookie) {
    assert!(!cookie.pair().is_empty() && cookie.pair().len() <= 4_097, "{cookie:?}");
    assert!(!cookie.pair().iter().any(|byte| byte.is_ascii_control() || *byte == b';'));
    assert!(cookie.path().starts_with('/'), "{cookie:?}");
    assert!(!cookie.path().bytes().any(|byte| byte.is_ascii_control()), "{cookie:?}");
    let host = cookie.domain().trim_start_matches('.');
    assert_eq!(Host::parse(host).map(|host| host.to_string()).as_deref(), Ok(host));
    assert!(cookie.is_host_only() || registrable_domain(host).is_some(), "{cookie:?}");
    assert!(cookie.partition_key().is_none() || cookie.secure(), "{cookie:?}");
    assert_eq!(CanonicalCookie::from_storage(cookie.to_stored()).as_ref(), Ok(cookie));
    assert_eq!(store_and_read(cookie).as_ref(), Some(cookie));
}

fn field(bytes: &[u8]) -> Field<'_> {
    let Some((kind, rest)) = bytes.split_first() else { return Field::Null };
    let text = str::from_utf8(rest).unwrap_or_default();
    match kind {
        b'i' => text.parse().map_or(Field::Null, Field::Integer),
        b'r' => text.parse().map_or(Field::Null, Field::Real),
        b't' => Field::Text(rest),
        b'b' => Field::Blob(rest),
        _ => Field::Null,
    }
}

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "\n",
    "\nt",
    "\nb",
    "\ni0",
    "\ni1",
    "\ni2",
    "\ni-1",
    "\ni65535",
    "\ni9223372036854775807",
    "\ni13348540800000000",
    "\nr0.5",
    "t.a.test",
    "t.co.uk",
    "t127.0.0.1",
    "t[::1]",
    "thttps://top.test",
    "__Host-",
    "xn--",
    ";",
    "\r",
];
