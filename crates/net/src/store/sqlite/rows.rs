//! How a cookie and an HSTS entry stand in their tables.
//!
//! What comes out of a file is trusted no more than what comes from the network: each row goes
//! through the same checks as a cookie of an application, and one that fails is passed over.

use netreq_proto::UnixTime;
use netreq_proto::cookie::{
    CanonicalCookie, CookieKey, PartitionKey, Priority, SameSite, SourceScheme, StoredCookie,
    Timestamp,
};
use netreq_proto::hsts::{HstsEntry, HstsTable};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement, ToSql, params};
use url::Url;

use super::StoreChange;

/// The columns that [`cookie`] reads.
pub(super) const COOKIE_COLUMNS: &str = "domain, path, name, partition_site, partition_cross_site, \
     value, creation, expiry, last_access, last_update, secure, http_only, same_site, priority, \
     source_scheme, source_port, removed";

/// The columns that [`hsts`] reads.
pub(super) const HSTS_COLUMNS: &str = "host, expiry, include_subdomains, observed, removed";

/// Writes a cookie over what there was, unless a change that its session had not seen is later.
pub(super) const SET_COOKIE: &str = "
INSERT INTO cookies VALUES
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 0, ?17)
ON CONFLICT DO UPDATE SET
    value = ?6, creation = ?7, expiry = ?8, last_access = ?9, last_update = ?10, secure = ?11,
    http_only = ?12, same_site = ?13, priority = ?14, source_scheme = ?15, source_port = ?16,
    removed = 0, version = ?17
WHERE version <= ?18 OR last_update <= ?10";

pub(super) const TOUCH_COOKIE: &str = "
UPDATE cookies SET last_access = max(last_access, ?6)
WHERE domain = ?1 AND path = ?2 AND name = ?3 AND partition_site = ?4
    AND partition_cross_site = ?5 AND NOT removed";

/// A row that is not there needs no mark that it is gone: a cookie that never was on disk leaves no
/// trace.
pub(super) const REMOVE_COOKIE: &str = "
UPDATE cookies SET removed = 1, value = '', last_update = ?6, version = ?7
WHERE domain = ?1 AND path = ?2 AND name = ?3 AND partition_site = ?4
    AND partition_cross_site = ?5 AND NOT removed AND (version <= ?8 OR last_update <= ?6)";

pub(super) const HAS_COOKIE: &str = "
SELECT 1 FROM cookies
WHERE domain = ?1 AND path = ?2 AND name = ?3 AND partition_site = ?4
    AND partition_cross_site = ?5 AND NOT removed";

pub(super) const SET_HSTS: &str = "
INSERT INTO hsts VALUES (?1, ?2, ?3, ?4, 0, ?5)
ON CONFLICT DO UPDATE SET
    expiry = ?2, include_subdomains = ?3, observed = ?4, removed = 0, version = ?5
WHERE version <= ?6 OR observed <= ?4";

pub(super) const REMOVE_HSTS: &str = "
UPDATE hsts SET removed = 1, observed = ?2, version = ?3
WHERE host = ?1 AND NOT removed AND (version <= ?4 OR observed <= ?2)";

pub(super) const HAS_HSTS: &str = "SELECT 1 FROM hsts WHERE host = ?1 AND NOT removed";

pub(super) fn set_cookie(
    statement: &mut Statement<'_>,
    cookie: &CanonicalCookie,
    version: i64,
    seen: i64,
) -> rusqlite::Result<usize> {
    let (site, cross) = partition(cookie.partition_key());
    statement.execute(params![
        cookie.domain(),
        cookie.path(),
        Bytes(cookie.name()),
        site,
        cross,
        Bytes(cookie.value()),
        cookie.creation().0,
        cookie.expiry().map(|expiry| expiry.0),
        cookie.last_access().0,
        cookie.last_update().0,
        cookie.secure(),
        cookie.http_only(),
        same_site_number(cookie.same_site()),
        priority_number(cookie.priority()),
        scheme_number(cookie.source_scheme()),
        cookie.source_port(),
        version,
        seen,
    ])
}

pub(super) fn touch_cookie(
    statement: &mut Statement<'_>,
    cookie: &CanonicalCookie,
) -> rusqlite::Result<usize> {
    let (site, cross) = partition(cookie.partition_key());
    statement.execute(params![
        cookie.domain(),
        cookie.path(),
        Bytes(cookie.name()),
        site,
        cross,
        cookie.last_access().0,
    ])
}

pub(super) fn remove_cookie(
    statement: &mut Statement<'_>,
    key: &CookieKey,
    at: Timestamp,
    version: i64,
    seen: i64,
) -> rusqlite::Result<usize> {
    let (site, cross) = partition(key.partition_key.as_ref());
    let name = Bytes(&key.name);
    statement.execute(params![key.domain, key.path, name, site, cross, at.0, version, seen])
}

pub(super) fn has_cookie(statement: &mut Statement<'_>, key: &CookieKey) -> rusqlite::Result<bool> {
    let (site, cross) = partition(key.partition_key.as_ref());
    statement.exists(params![key.domain, key.path, Bytes(&key.name), site, cross])
}

pub(super) fn set_hsts(
    statement: &mut Statement<'_>,
    host: &str,
    entry: HstsEntry,
    version: i64,
    seen: i64,
) -> rusqlite::Result<usize> {
    let HstsEntry { expiry, include_subdomains, observed } = entry;
    statement.execute(params![host, expiry.0, include_subdomains, observed.0, version, seen])
}

/// The cookie of a row, or that it is gone; `None` if it cannot have been one.
pub(super) fn cookie(row: &Row<'_>) -> Option<StoreChange> {
    let domain = text(row.get_ref(0).ok()?)?;
    let path = text(row.get_ref(1).ok()?)?;
    let name = bytes(row.get_ref(2).ok()?)?;
    let site = text(row.get_ref(3).ok()?)?;
    let partition_key = if site.is_empty() {
        None
    } else {
        Some(partition_key(site, flag(row.get_ref(4).ok()?)?)?)
    };
    let last_update = Timestamp(number(row.get_ref(9).ok()?)?);
    if flag(row.get_ref(16).ok()?)? {
        let key = CookieKey {
            partition_key,
            domain: domain.into(),
            path: path.into(),
            name: name.into(),
        };
        return Some(StoreChange::RemoveCookie(key, last_update));
    }
    let value = bytes(row.get_ref(5).ok()?)?;
    let stored = StoredCookie {
        // With room for what the cookie puts behind them.
        name: with_room(name, 1 + value.len()),
        value: value.to_vec(),
        domain: text_with_room(domain, path.len()),
        path: path.to_owned(),
        creation: Timestamp(number(row.get_ref(6).ok()?)?),
        expiry: match row.get_ref(7).ok()? {
            ValueRef::Null => None,
            value => Some(Timestamp(number(value)?)),
        },
        last_access: Timestamp(number(row.get_ref(8).ok()?)?),
        last_update,
        secure: flag(row.get_ref(10).ok()?)?,
        http_only: flag(row.get_ref(11).ok()?)?,
        same_site: same_site(number(row.get_ref(12).ok()?)?)?,
        priority: priority(number(row.get_ref(13).ok()?)?)?,
        partition_key,
        source_scheme: scheme(number(row.get_ref(14).ok()?)?)?,
        source_port: match row.get_ref(15).ok()? {
            ValueRef::Null => None,
            value => Some(u16::try_from(number(value)?).ok()?),
        },
    };
    CanonicalCookie::from_storage(stored).ok().map(StoreChange::SetCookie)
}

/// The key of a partition; `None` for another spelling, which would never be found again.
pub(super) fn partition_key(site: &str, cross: bool) -> Option<PartitionKey> {
    let key = PartitionKey::new(&Url::parse(site).ok()?, cross)?;
    Some(key).filter(|key| key.top_level_site() == site)
}

/// The entry of a row, or that it is gone; `None` if it cannot have been one.
pub(super) fn hsts(row: &Row<'_>) -> Option<StoreChange> {
    let host = text(row.get_ref(0).ok()?)?;
    let observed = UnixTime(number(row.get_ref(3).ok()?)?);
    let entry = HstsEntry {
        expiry: UnixTime(number(row.get_ref(1).ok()?)?),
        include_subdomains: flag(row.get_ref(2).ok()?)?,
        observed,
    };
    if !is_kept_as(host, entry) {
        return None;
    }
    if flag(row.get_ref(4).ok()?)? {
        return Some(StoreChange::RemoveHsts(host.into(), observed));
    }
    Some(StoreChange::SetHsts(host.into(), entry))
}

/// Whether the table of a session would have an entry under this very name. One of another spelling
/// would come back from the disk each time it is removed.
fn is_kept_as(host: &str, entry: HstsEntry) -> bool {
    let mut table = HstsTable::new();
    table.load(host, entry);
    table.iter().next().is_some_and(|(kept, _)| kept == host)
}

/// Text where it can be, so that a person can read it; other bytes as they are.
struct Bytes<'a>(&'a [u8]);

impl ToSql for Bytes<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match str::from_utf8(self.0) {
            Ok(_) => ValueRef::Text(self.0),
            Err(_) => ValueRef::Blob(self.0),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

fn with_room(bytes: &[u8], room: usize) -> Vec<u8> {
    let mut copy = Vec::with_capacity(bytes.len() + room);
    copy.extend_from_slice(bytes);
    copy
}

fn text_with_room(text: &str, room: usize) -> String {
    let mut copy = String::with_capacity(text.len() + room);
    copy.push_str(text);
    copy
}

fn partition(key: Option<&PartitionKey>) -> (&str, bool) {
    key.map_or(("", false), |key| (key.top_level_site(), key.has_cross_site_ancestor()))
}

fn text(value: ValueRef<'_>) -> Option<&str> {
    value.as_str().ok()
}

fn bytes(value: ValueRef<'_>) -> Option<&[u8]> {
    value.as_bytes().ok()
}

fn number(value: ValueRef<'_>) -> Option<i64> {
    value.as_i64().ok()
}

fn flag(value: ValueRef<'_>) -> Option<bool> {
    match value.as_i64().ok()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

const fn same_site_number(value: SameSite) -> i64 {
    match value {
        SameSite::Unspecified => -1,
        SameSite::NoRestriction => 0,
        SameSite::Lax => 1,
        SameSite::Strict => 2,
    }
}

pub(super) const fn same_site(number: i64) -> Option<SameSite> {
    match number {
        -1 => Some(SameSite::Unspecified),
        0 => Some(SameSite::NoRestriction),
        1 => Some(SameSite::Lax),
        2 => Some(SameSite::Strict),
        _ => None,
    }
}

const fn priority_number(value: Priority) -> i64 {
    match value {
        Priority::Low => 0,
        Priority::Medium => 1,
        Priority::High => 2,
    }
}

pub(super) const fn priority(number: i64) -> Option<Priority> {
    match number {
        0 => Some(Priority::Low),
        1 => Some(Priority::Medium),
        2 => Some(Priority::High),
        _ => None,
    }
}

const fn scheme_number(value: SourceScheme) -> i64 {
    match value {
        SourceScheme::Unset => 0,
        SourceScheme::NonSecure => 1,
        SourceScheme::Secure => 2,
    }
}

pub(super) const fn scheme(number: i64) -> Option<SourceScheme> {
    match number {
        0 => Some(SourceScheme::Unset),
        1 => Some(SourceScheme::NonSecure),
        2 => Some(SourceScheme::Secure),
        _ => None,
    }
}
