//! A cookie as it is kept: everything about it settled.
//!
//! It comes from a `Set-Cookie` line and the URL that answered, from the details of Electron's
//! `cookies.set`, or from a file. Each way ends in the same checks, so that a cookie of this type
//! keeps what its name promises and never reaches beyond the domain of its owner. Whether the store
//! may take it is asked there ([`super::jar`]).
//!
//! RFC 6265bis §5.7; Chromium `CanonicalCookie`.

use std::fmt;

use url::Url;

use super::line::{MAX_ATTRIBUTE, check_pair, trim};
use super::{
    ExclusionReason, PartitionKey, Priority, SameSite, SetCookie, SourceScheme, Timestamp,
    may_use_secure_cookies,
};
use crate::date::UnixTime;
use crate::site::registrable_domain;

mod scope;

use scope::{
    Promise, canonical_host, check_prefix, cookie_domain, cookie_path, encoded_path, is_address,
};

/// A cookie whose every part is settled and checked.
#[derive(Clone, PartialEq, Eq)]
pub struct CanonicalCookie {
    /// `name=value`, or the value alone: what the `Cookie` field carries.
    pair: Box<[u8]>,
    /// Zero for a cookie without a name, which has no `=` of its own either.
    name_length: u16,
    /// The domain and then the path, in one piece: a request asks both of every cookie.
    scope: Box<str>,
    domain_length: u32,
    pub(super) creation: Timestamp,
    expiry: Option<Timestamp>,
    pub(super) last_access: Timestamp,
    pub(super) last_update: Timestamp,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    priority: Priority,
    partition_key: Option<Box<PartitionKey>>,
    source_scheme: SourceScheme,
    source_port: Option<u16>,
}

/// What makes two cookies the same one: the second takes the place of the first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CookieKey {
    /// Apart from the cookies of all other keys.
    pub partition_key: Option<PartitionKey>,
    /// The domain, with a dot in front for a domain cookie.
    pub domain: Box<str>,
    /// The path.
    pub path: Box<str>,
    /// The name.
    pub name: Box<[u8]>,
}

/// What Electron's `cookies.set` is told, with Electron's defaults.
#[derive(Clone)]
pub struct CookieDetails<'a> {
    /// Whom the cookie is for.
    pub url: &'a Url,
    /// Default: empty.
    pub name: &'a [u8],
    /// Default: empty.
    pub value: &'a [u8],
    /// Default: the host of the URL and nothing below it.
    pub domain: Option<&'a str>,
    /// Default: the folder of the URL's path.
    pub path: Option<&'a str>,
    /// Default: only with [`SameSite::NoRestriction`].
    pub secure: Option<bool>,
    /// Default: no.
    pub http_only: bool,
    /// Default: [`SameSite::Lax`].
    pub same_site: Option<SameSite>,
    /// Default: the end of the session.
    pub expiry: Option<Timestamp>,
    /// Default: now.
    pub creation: Option<Timestamp>,
    /// Default: the creation. Not without one.
    pub last_access: Option<Timestamp>,
    /// Default: medium.
    pub priority: Priority,
    /// Default: none.
    pub partition_key: Option<&'a PartitionKey>,
}

impl<'a> CookieDetails<'a> {
    /// A cookie without name, value and anything else.
    pub const fn new(url: &'a Url) -> Self {
        Self {
            url,
            name: b"",
            value: b"",
            domain: None,
            path: None,
            secure: None,
            http_only: false,
            same_site: None,
            expiry: None,
            creation: None,
            last_access: None,
            priority: Priority::Medium,
            partition_key: None,
        }
    }
}

/// A cookie's parts as a file or a database holds them, not yet checked.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredCookie {
    /// The name.
    pub name: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// With a dot in front for a domain cookie.
    pub domain: String,
    /// Begins with a slash.
    pub path: String,
    /// When a cookie of this key and value was first set.
    pub creation: Timestamp,
    /// `None` for a session cookie.
    pub expiry: Option<Timestamp>,
    /// When it was last sent.
    pub last_access: Timestamp,
    /// When it was last set.
    pub last_update: Timestamp,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `SameSite`.
    pub same_site: SameSite,
    /// `Priority`.
    pub priority: Priority,
    /// The partition of a partitioned cookie.
    pub partition_key: Option<PartitionKey>,
    /// How the URL that set it was reached.
    pub source_scheme: SourceScheme,
    /// The port of that URL.
    pub source_port: Option<u16>,
}

impl CanonicalCookie {
    /// The cookie that `line`, a value of `Set-Cookie`, makes for `url`.
    ///
    /// `server_time` is the `Date` of the answer: `Expires` counts from there, so that a wrong clock
    /// on either side does not matter. `partition_key` is the key of the request, used when the line
    /// says `Partitioned`. A cookie that has already expired is no error: storing it removes the
    /// one it would replace.
    ///
    /// # Errors
    ///
    /// The first [`ExclusionReason`] that keeps it from being a cookie of `url`.
    pub fn from_line(
        line: &[u8],
        url: &Url,
        now: Timestamp,
        server_time: Option<UnixTime>,
        partition_key: Option<&PartitionKey>,
    ) -> Result<Self, ExclusionReason> {
        let line = SetCookie::parse(line)?;
        let domain = cookie_domain(url, line.domain.unwrap_or_default())?;
        // A path that is no text matches no URL, so what it becomes does not matter.
        let path = String::from_utf8_lossy(line.path.unwrap_or_default());
        let path = cookie_path(url, &path);
        let promise = Promise {
            secure: line.secure && may_use_secure_cookies(url),
            http_only: line.http_only,
            // An own host written out is allowed only where it can mean nothing else.
            host_only: line.domain.is_none_or(|domain| {
                is_address(url) && url.host_str().map(str::as_bytes) == Some(domain)
            }),
            // `/` has to be said: a default that happens to be the same is no promise.
            root: line.path == Some(b"/"),
        };
        check_prefix(line.name, line.value, promise)?;
        if line.partitioned && !line.secure {
            return Err(ExclusionReason::InvalidPartitioned);
        }
        Ok(Self {
            pair: pair(line.name, line.value),
            name_length: name_length(line.name),
            scope: [&*domain, &*path].concat().into(),
            domain_length: length(&domain),
            creation: now,
            expiry: expiry(&line, now, server_time).map(|expiry| capped(expiry, now)),
            last_access: now,
            last_update: now,
            secure: line.secure,
            http_only: line.http_only,
            same_site: line.same_site,
            priority: line.priority,
            partition_key: partition_key.filter(|_| line.partitioned).cloned().map(Box::new),
            source_scheme: source_scheme(url, line.secure),
            source_port: source_port(url, line.secure),
        })
    }

    /// The cookie that an application describes.
    ///
    /// # Errors
    ///
    /// The first [`ExclusionReason`] that keeps it from being a cookie of the URL. What a server
    /// may write and a parser mends is refused here: spaces around a value, a path without a slash.
    ///
    /// Chromium `CanonicalCookie::CreateSanitizedCookie`; Electron `Cookies::Set`.
    pub fn from_details(
        details: &CookieDetails<'_>,
        now: Timestamp,
    ) -> Result<Self, ExclusionReason> {
        let &CookieDetails { url, name, value, http_only, .. } = details;
        let path = details.path.unwrap_or_default();
        let same_site = details.same_site.unwrap_or(SameSite::Lax);
        let secure = details.secure.unwrap_or(same_site == SameSite::NoRestriction);
        if trim(name) != name || trim(value) != value || has_terminator(path.as_bytes()) {
            return Err(ExclusionReason::DisallowedCharacter);
        }
        check_pair(name, value)?;
        let attribute = details.domain.unwrap_or_default().as_bytes();
        if trim(attribute) != attribute || attribute.iter().any(u8::is_ascii_control) {
            return Err(ExclusionReason::InvalidDomain);
        }
        if attribute.len() > MAX_ATTRIBUTE {
            return Err(ExclusionReason::AttributeValueExceedsMaxSize);
        }
        if url.host_str().is_some_and(|host| host.starts_with('.')) {
            return Err(ExclusionReason::InvalidDomain);
        }
        let domain = cookie_domain(url, attribute)?;
        if !path.is_empty() && !path.starts_with('/') {
            return Err(ExclusionReason::FailureToStore);
        }
        let path = encoded_path(&cookie_path(url, path)).ok_or(ExclusionReason::FailureToStore)?;
        if path.len() > MAX_ATTRIBUTE && details.path.is_some() {
            return Err(ExclusionReason::AttributeValueExceedsMaxSize);
        }
        let host = url.host_str().unwrap_or_default().as_bytes();
        let promise = Promise {
            secure: secure && may_use_secure_cookies(url),
            http_only,
            host_only: attribute.is_empty() || (is_address(url) && attribute == host),
            root: path == "/",
        };
        check_prefix(name, value, promise)?;
        if details.partition_key.is_some() && !secure {
            return Err(ExclusionReason::InvalidPartitioned);
        }
        if details.last_access.is_some() && details.creation.is_none() {
            return Err(ExclusionReason::FailureToStore);
        }
        let creation = details.creation.unwrap_or(now);
        Ok(Self {
            pair: pair(name, value),
            name_length: name_length(name),
            scope: [&*domain, &*path].concat().into(),
            domain_length: length(&domain),
            creation,
            expiry: details.expiry.map(|expiry| capped(expiry, creation)),
            last_access: details.last_access.unwrap_or(creation),
            last_update: now,
            secure,
            http_only,
            same_site,
            priority: details.priority,
            partition_key: details.partition_key.cloned().map(Box::new),
            source_scheme: source_scheme(url, secure),
            source_port: source_port(url, secure),
        })
    }

    /// The cookie that a file holds. Times are taken as they are.
    ///
    /// # Errors
    ///
    /// An [`ExclusionReason`] if no line and no details could have made such a cookie: what stands
    /// in a file is not trusted more than what comes from the network.
    pub fn from_storage(stored: StoredCookie) -> Result<Self, ExclusionReason> {
        let StoredCookie { name, value, domain, path, .. } = stored;
        if trim(&name) != name || trim(&value) != value {
            return Err(ExclusionReason::DisallowedCharacter);
        }
        check_pair(&name, &value)?;
        let host = domain.strip_prefix('.').unwrap_or(&domain);
        if canonical_host(host).as_deref() != Some(host) {
            return Err(ExclusionReason::InvalidDomain);
        }
        let host_only = !domain.starts_with('.');
        if !host_only && registrable_domain(host).is_none() {
            return Err(ExclusionReason::InvalidDomain);
        }
        if !path.starts_with('/') || path.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(ExclusionReason::FailureToStore);
        }
        let promise = Promise {
            secure: stored.secure,
            http_only: stored.http_only,
            host_only,
            root: path == "/",
        };
        check_prefix(&name, &value, promise)?;
        if stored.partition_key.is_some() && !stored.secure {
            return Err(ExclusionReason::InvalidPartitioned);
        }
        let (name_length, domain_length) = (name_length(&name), length(&domain));
        Ok(Self {
            pair: joined_pair(name, value),
            name_length,
            scope: joined_scope(domain, &path),
            domain_length,
            creation: stored.creation,
            expiry: stored.expiry,
            last_access: stored.last_access,
            last_update: stored.last_update,
            secure: stored.secure,
            http_only: stored.http_only,
            same_site: stored.same_site,
            priority: stored.priority,
            partition_key: stored.partition_key.map(Box::new),
            source_scheme: stored.source_scheme,
            source_port: stored.source_port,
        })
    }

    /// Its parts, for a file. [`Self::from_storage`] makes the same cookie of them.
    pub fn to_stored(&self) -> StoredCookie {
        StoredCookie {
            name: self.name().to_vec(),
            value: self.value().to_vec(),
            domain: self.domain().to_owned(),
            path: self.path().to_owned(),
            creation: self.creation,
            expiry: self.expiry,
            last_access: self.last_access,
            last_update: self.last_update,
            secure: self.secure,
            http_only: self.http_only,
            same_site: self.same_site,
            priority: self.priority,
            partition_key: self.partition_key().cloned(),
            source_scheme: self.source_scheme,
            source_port: self.source_port,
        }
    }

    /// What the `Cookie` field carries: `name=value`, or the value of a cookie without a name.
    pub fn pair(&self) -> &[u8] {
        &self.pair
    }

    /// The name, bytes as they came.
    pub fn name(&self) -> &[u8] {
        &self.pair[..self.name_length.into()]
    }

    /// The value, bytes as they came.
    pub fn value(&self) -> &[u8] {
        match self.name_length {
            0 => &self.pair,
            length => &self.pair[usize::from(length) + 1..],
        }
    }

    /// The host it is for; with a dot in front if it is also for all names below.
    pub fn domain(&self) -> &str {
        &self.scope[..self.domain_length as usize]
    }

    /// Whether it is for one host and nothing below.
    pub fn is_host_only(&self) -> bool {
        !self.scope.starts_with('.')
    }

    /// The path it is for, with everything below.
    pub fn path(&self) -> &str {
        &self.scope[self.domain_length as usize..]
    }

    /// When a cookie of this key and value was first set.
    pub const fn creation(&self) -> Timestamp {
        self.creation
    }

    /// When it ends; `None` with the session.
    pub const fn expiry(&self) -> Option<Timestamp> {
        self.expiry
    }

    /// Whether it outlives the session.
    pub const fn is_persistent(&self) -> bool {
        self.expiry.is_some()
    }

    /// Whether it has ended.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expiry.is_some_and(|expiry| expiry <= now)
    }

    /// When it was last sent, to the minute.
    pub const fn last_access(&self) -> Timestamp {
        self.last_access
    }

    /// When it was last set.
    pub const fn last_update(&self) -> Timestamp {
        self.last_update
    }

    /// Only over encrypted connections and to this machine.
    pub const fn secure(&self) -> bool {
        self.secure
    }

    /// Only for requests.
    pub const fn http_only(&self) -> bool {
        self.http_only
    }

    /// Which requests of other sites carry it.
    pub const fn same_site(&self) -> SameSite {
        self.same_site
    }

    /// How soon it goes when there are too many.
    pub const fn priority(&self) -> Priority {
        self.priority
    }

    /// The partition of a partitioned cookie.
    pub fn partition_key(&self) -> Option<&PartitionKey> {
        self.partition_key.as_deref()
    }

    /// How the URL that set it was reached.
    pub const fn source_scheme(&self) -> SourceScheme {
        self.source_scheme
    }

    /// The port of the URL that set it.
    pub const fn source_port(&self) -> Option<u16> {
        self.source_port
    }

    /// What makes it this cookie and no other.
    pub fn key(&self) -> CookieKey {
        CookieKey {
            partition_key: self.partition_key().cloned(),
            domain: self.domain().into(),
            path: self.path().into(),
            name: self.name().into(),
        }
    }

    /// Whether both are the same cookie, whatever their values. Partitions are not compared.
    pub(super) fn takes_the_place_of(&self, other: &Self) -> bool {
        self.name() == other.name()
            && self.domain_length == other.domain_length
            && self.scope == other.scope
    }

    /// Whether a user of the cookie could tell them apart: dates of use do not count.
    ///
    /// Chromium `CanonicalCookie::IsWebEquivalentTo`.
    pub(super) fn is_web_equivalent(&self, other: &Self) -> bool {
        self.takes_the_place_of(other)
            && self.pair == other.pair
            && self.secure == other.secure
            && self.http_only == other.http_only
            && self.same_site == other.same_site
            && self.expiry == other.expiry
    }
}

/// Without the value, which may be a secret.
impl fmt::Debug for CanonicalCookie {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CanonicalCookie")
            .field("name", &String::from_utf8_lossy(self.name()))
            .field("domain", &self.domain())
            .field("path", &self.path())
            .field("expiry", &self.expiry)
            .field("secure", &self.secure)
            .field("http_only", &self.http_only)
            .field("same_site", &self.same_site)
            .field("priority", &self.priority)
            .field("partition_key", &self.partition_key)
            .finish_non_exhaustive()
    }
}

/// Without the value, which may be a secret.
impl fmt::Debug for StoredCookie {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, domain, path, .. } = self;
        write!(out, "StoredCookie({} of {domain:?}{path:?})", String::from_utf8_lossy(name))
    }
}

/// Without the value, which may be a secret.
impl fmt::Debug for CookieDetails<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, name, domain, path, .. } = self;
        let name = String::from_utf8_lossy(name);
        write!(out, "CookieDetails({name} of {domain:?}{path:?} for {url})")
    }
}

impl fmt::Debug for CookieKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = String::from_utf8_lossy(&self.name);
        write!(out, "{name} of {}{}", self.domain, self.path)?;
        self.partition_key.iter().try_for_each(|key| write!(out, " in {key:?}"))
    }
}

/// Joins what a `Cookie` field carries.
fn pair(name: &[u8], value: &[u8]) -> Box<[u8]> {
    if name.is_empty() { value.into() } else { [name, b"=", value].concat().into() }
}

/// [`pair`] in the name's own memory: with room for all of it, nothing is allocated.
fn joined_pair(mut name: Vec<u8>, value: Vec<u8>) -> Box<[u8]> {
    if name.is_empty() {
        return value.into();
    }
    name.reserve_exact(1 + value.len());
    name.push(b'=');
    name.extend_from_slice(&value);
    name.into()
}

/// Domain and path in the domain's own memory.
fn joined_scope(mut domain: String, path: &str) -> Box<str> {
    domain.reserve_exact(path.len());
    domain.push_str(path);
    domain.into()
}

/// At most 4,096, as [`check_pair`] has seen to.
fn name_length(name: &[u8]) -> u16 {
    u16::try_from(name.len()).unwrap_or(u16::MAX)
}

/// A host is far shorter; what is not keeps no cookie that could match it.
fn length(domain: &str) -> u32 {
    u32::try_from(domain.len()).unwrap_or(0)
}

fn has_terminator(text: &[u8]) -> bool {
    trim(text) != text || text.iter().any(|byte| matches!(byte, b'\0' | b'\r' | b'\n' | b';'))
}

/// When a line ends the cookie: `Max-Age` before `Expires`.
///
/// Chromium `CanonicalCookie::ParseExpiration`.
fn expiry(line: &SetCookie<'_>, now: Timestamp, server: Option<UnixTime>) -> Option<Timestamp> {
    match line.max_age() {
        Some(..=0) => return Some(Timestamp::MIN),
        Some(seconds) => return Some(now.plus_seconds(seconds)),
        None => {}
    }
    let expires = Timestamp::from_unix(line.expires()?);
    let ahead = server.map_or(0, |server| now.unix().0.saturating_sub(server.0));
    Some(expires.plus_seconds(ahead))
}

/// No cookie lives longer than 400 days.
fn capped(expiry: Timestamp, creation: Timestamp) -> Timestamp {
    expiry.min(creation.plus_seconds(LONGEST_LIFE))
}

/// A `Secure` cookie that this machine sets in the clear counts as set encrypted.
fn source_scheme(url: &Url, secure: bool) -> SourceScheme {
    if secure || matches!(url.scheme(), "https" | "wss") {
        SourceScheme::Secure
    } else {
        SourceScheme::NonSecure
    }
}

fn source_port(url: &Url, secure: bool) -> Option<u16> {
    match url.port_or_known_default() {
        Some(80) if secure && matches!(url.scheme(), "http" | "ws") => Some(443),
        port => port,
    }
}

/// 400 days, in seconds.
const LONGEST_LIFE: i64 = 400 * 86_400;

#[cfg(test)]
mod tests;
