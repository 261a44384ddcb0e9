//! Hosts that are spoken to over TLS only.
//!
//! A server says so in `Strict-Transport-Security`; from then on a request for it in the clear
//! becomes an encrypted one before anything is sent. Only what a server said over a connection
//! without certificate errors counts. Hosts are compared in the form of a URL without a dot at the
//! end; addresses and this machine are never upgraded. There is no list of hosts known beforehand.
//!
//! RFC 6797; Chromium `TransportSecurityState`, `ParseHSTSHeader`.

use std::error::Error;
use std::fmt;

use hashbrown::HashMap;
use url::{Host, Url};

use crate::cookie::Clear;
use crate::date::UnixTime;

/// A `Strict-Transport-Security` value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrictTransportSecurity {
    /// Seconds; zero ends what the host said before. A year is the most that counts.
    pub max_age: u32,
    /// Whether names below the host are meant too.
    pub include_subdomains: bool,
}

impl StrictTransportSecurity {
    /// Reads the value of the field. Of several fields only the first counts.
    ///
    /// # Errors
    ///
    /// [`InvalidHsts`] names what breaks the grammar; such a field is ignored as a whole.
    ///
    /// RFC 6797 §6.1.
    pub fn parse(value: &[u8]) -> Result<Self, InvalidHsts> {
        let (mut max_age, mut include_subdomains) = (None, false);
        let mut rest = Some(value);
        while let Some(text) = rest {
            let (name, value, next) = directive(text)?;
            rest = next;
            if name.eq_ignore_ascii_case(b"max-age") {
                let seconds = seconds(value.ok_or(InvalidHsts::MaxAge)?)?;
                if max_age.replace(seconds).is_some() {
                    return Err(InvalidHsts::Repeated);
                }
            } else if name.eq_ignore_ascii_case(b"includesubdomains") {
                if value.is_some() {
                    return Err(InvalidHsts::SubdomainsValue);
                }
                if std::mem::replace(&mut include_subdomains, true) {
                    return Err(InvalidHsts::Repeated);
                }
            }
        }
        let max_age = max_age.ok_or(InvalidHsts::NoMaxAge)?;
        Ok(Self { max_age, include_subdomains })
    }
}

/// Why a field is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidHsts {
    /// `max-age` is missing.
    NoMaxAge,
    /// `max-age` is not a number of seconds.
    MaxAge,
    /// A directive occurs twice.
    Repeated,
    /// `includeSubDomains` has a value.
    SubdomainsValue,
    /// A directive is not `name`, `name=token` or `name="text"`.
    Syntax,
}

impl fmt::Display for InvalidHsts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("invalid Strict-Transport-Security: ")?;
        out.write_str(match self {
            Self::NoMaxAge => "there is no max-age",
            Self::MaxAge => "max-age is not a number of seconds",
            Self::Repeated => "a directive occurs twice",
            Self::SubdomainsValue => "includeSubDomains has a value",
            Self::Syntax => "a directive is neither a name nor a name with a value",
        })
    }
}

impl Error for InvalidHsts {}

/// What one host has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HstsEntry {
    /// From then on it does not hold.
    pub expiry: UnixTime,
    /// Whether names below the host are meant too.
    pub include_subdomains: bool,
    /// When the host last said it.
    pub observed: UnixTime,
}

/// What to tell the disk after a field was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HstsChange {
    /// This host has now this entry.
    Set(Box<str>, HstsEntry),
    /// This host has none any more.
    Removed(Box<str>),
}

/// Why what a host says is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNoted {
    /// It came in the clear, or the certificate had an error.
    NotSecure,
    /// The host is an address, this machine, or no host.
    NoName,
    /// The field is malformed.
    Invalid(InvalidHsts),
}

impl fmt::Display for NotNoted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSecure => {
                out.write_str("Strict-Transport-Security ignored: the connection was not secure")
            }
            Self::NoName => {
                out.write_str("Strict-Transport-Security ignored: the host is no name of its own")
            }
            Self::Invalid(invalid) => invalid.fmt(out),
        }
    }
}

impl Error for NotNoted {}

/// The hosts of one session that are spoken to over TLS only.
#[derive(Clone, Debug, Default)]
pub struct HstsTable {
    hosts: HashMap<Box<str>, HstsEntry>,
}

impl HstsTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many hosts there are, expired ones included.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Every host with its entry, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, HstsEntry)> {
        self.hosts.iter().map(|(host, entry)| (&**host, *entry))
    }

    /// Takes the first `Strict-Transport-Security` of an answer from `host`. Where there are too many
    /// hosts, the one whose entry ends first goes, which is a change of its own.
    ///
    /// `secure` says that it came over TLS and that the certificate had no error, not even one that
    /// somebody accepted. An entry is the host's own and never touches that of a name above.
    ///
    /// # Errors
    ///
    /// [`NotNoted`], and nothing has changed.
    ///
    /// RFC 6797 §8.1.
    pub fn note(
        &mut self,
        host: &str,
        value: &[u8],
        secure: bool,
        now: UnixTime,
    ) -> Result<Vec<HstsChange>, NotNoted> {
        if !secure {
            return Err(NotNoted::NotSecure);
        }
        let host = canonical(host).filter(|host| !is_local(host)).ok_or(NotNoted::NoName)?;
        let policy = StrictTransportSecurity::parse(value).map_err(NotNoted::Invalid)?;
        if policy.max_age == 0 {
            self.hosts.remove(&*host);
            return Ok(vec![HstsChange::Removed(host.into())]);
        }
        let entry = HstsEntry {
            expiry: UnixTime(now.0.saturating_add(policy.max_age.into())),
            include_subdomains: policy.include_subdomains,
            observed: now,
        };
        let gone = self.insert(host.clone().into(), entry);
        let set = HstsChange::Set(host.into(), entry);
        Ok(std::iter::once(set).chain(gone.map(HstsChange::Removed)).collect())
    }

    /// Takes an entry from the disk; of two for one host, the one said last stays. A host that could
    /// not have said it is passed over.
    pub fn load(&mut self, host: &str, entry: HstsEntry) {
        let Some(host) = canonical(host).filter(|host| !is_local(host)) else { return };
        let newer = |old: &HstsEntry| old.observed > entry.observed;
        if !self.hosts.get(&*host).is_some_and(newer) {
            self.insert(host.into(), entry);
        }
    }

    /// Forgets what a host has said.
    pub fn remove(&mut self, host: &str) -> bool {
        canonical(host).is_some_and(|host| self.hosts.remove(&*host).is_some())
    }

    /// Forgets everything of hosts for which `gone` holds.
    pub fn remove_where(&mut self, mut gone: impl FnMut(&str, HstsEntry) -> bool) {
        self.hosts.retain(|host, entry| !gone(host, *entry));
    }

    /// Forgets what the hosts of sites have said, and says which.
    pub fn clear(&mut self, which: Clear<'_>) -> Vec<HstsChange> {
        let goes = which.goes();
        let gone = self.hosts.extract_if(|host, _| goes(host));
        gone.map(|(host, _)| HstsChange::Removed(host)).collect()
    }

    /// Whether a request for `host` in the clear has to become an encrypted one: the host has said
    /// so, or a name above it for everything below.
    ///
    /// RFC 6797 §8.2-8.3.
    pub fn should_upgrade(&self, host: &str, now: UnixTime) -> bool {
        if self.hosts.is_empty() {
            return false;
        }
        let Some(host) = canonical(host) else { return false };
        let mut name = &*host;
        loop {
            let own = name.len() == host.len();
            let holds = |entry: &HstsEntry| now < entry.expiry && (own || entry.include_subdomains);
            if self.hosts.get(name).is_some_and(holds) {
                return true;
            }
            match name.split_once('.') {
                Some((_, above)) => name = above,
                None => return false,
            }
        }
    }

    /// The URL to ask instead of `url`, or `None` if `url` is all right.
    ///
    /// http becomes https and ws becomes wss. Port 80 becomes 443; another stays.
    ///
    /// RFC 6797 §8.3.
    pub fn upgrade(&self, url: &Url, now: UnixTime) -> Option<Url> {
        let scheme = match url.scheme() {
            "http" => "https",
            "ws" => "wss",
            _ => return None,
        };
        if !self.should_upgrade(url.host_str()?, now) {
            return None;
        }
        let mut upgraded = url.clone();
        // Port 80 is the default of both and not written, so the new default takes its place.
        upgraded.set_scheme(scheme).ok()?;
        Some(upgraded)
    }

    /// The host that had to make room, if one had to.
    fn insert(&mut self, host: Box<str>, entry: HstsEntry) -> Option<Box<str>> {
        self.hosts.insert(host, entry);
        if self.hosts.len() <= MAX_HOSTS {
            return None;
        }
        let soonest = self.hosts.iter().min_by_key(|(_, entry)| entry.expiry);
        let host = soonest.map(|(host, _)| host.clone())?;
        self.hosts.remove(&host);
        Some(host)
    }
}

/// A host in the form of a URL, without a dot at the end; `None` for an address and for what is no
/// host.
fn canonical(host: &str) -> Option<String> {
    match Host::parse(host).ok()? {
        Host::Domain(mut name) => {
            if name.ends_with('.') {
                name.pop();
            }
            let whole = !name.is_empty() && name.split('.').all(|label| !label.is_empty());
            whole.then_some(name)
        }
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// Programs listen there in the clear on other ports, and one of them must not speak for all.
fn is_local(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

type Directive<'a> = (&'a [u8], Option<&'a [u8]>, Option<&'a [u8]>);

/// The name and the value of the first directive, and what follows its semicolon.
fn directive(text: &[u8]) -> Result<Directive<'_>, InvalidHsts> {
    let end = text.iter().position(|byte| matches!(byte, b';' | b'=')).unwrap_or(text.len());
    let (name, text) = (text[..end].trim_ascii(), &text[end..]);
    let token = |text: &[u8]| text.iter().all(|byte| is_token(*byte));
    if !token(name) {
        return Err(InvalidHsts::Syntax);
    }
    let Some(text) = text.strip_prefix(b"=") else {
        return Ok((name, None, text.strip_prefix(b";")));
    };
    let text = text.trim_ascii_start();
    let (value, text) = match text.strip_prefix(b"\"") {
        Some(quoted) => {
            let end = closing_quote(quoted).ok_or(InvalidHsts::Syntax)?;
            (&quoted[..end], quoted[end + 1..].trim_ascii_start())
        }
        None => {
            let end = text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
            let value = text[..end].trim_ascii();
            if value.is_empty() || !token(value) {
                return Err(InvalidHsts::Syntax);
            }
            (value, &text[end..])
        }
    };
    match text {
        _ if name.is_empty() => Err(InvalidHsts::Syntax),
        [] => Ok((name, Some(value), None)),
        [b';', rest @ ..] => Ok((name, Some(value), Some(rest))),
        _ => Err(InvalidHsts::Syntax),
    }
}

/// Where quoted text ends. A backslash takes the next byte out of the question.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let ends = !escaped && *byte == b'"';
        escaped = !escaped && *byte == b'\\';
        ends
    })
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.')
        || matches!(byte, b'^' | b'_' | b'`' | b'|' | b'~')
}

fn seconds(digits: &[u8]) -> Result<u32, InvalidHsts> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(InvalidHsts::MaxAge);
    }
    let add = |sum: u32, digit: &u8| sum.saturating_mul(10).saturating_add((digit - b'0').into());
    Ok(digits.iter().fold(0, add).min(LONGEST))
}

/// A year, in seconds.
const LONGEST: u32 = 365 * 86_400;
/// Hosts of one session; beyond, the one that ends first goes.
const MAX_HOSTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_764_000_000);
    const LATER: UnixTime = UnixTime(NOW.0 + 100);

    fn table(entries: &[(&str, &str)]) -> HstsTable {
        let mut table = HstsTable::new();
        for (host, value) in entries {
            table.note(host, value.as_bytes(), true, NOW).unwrap();
        }
        table
    }

    #[test]
    fn the_field_follows_its_grammar() {
        let ok = |max_age, include_subdomains| {
            Ok(StrictTransportSecurity { max_age, include_subdomains })
        };
        for (value, expected) in [
            ("max-age=100", ok(100, false)),
            ("max-age=0", ok(0, false)),
            ("MAX-AGE=100; INCLUDESUBDOMAINS", ok(100, true)),
            ("includeSubDomains;max-age=100", ok(100, true)),
            ("  max-age = 100 ; includeSubDomains ; ", ok(100, true)),
            (";;max-age=100;;", ok(100, false)),
            ("max-age=\"100\"", ok(100, false)),
            ("max-age=100; preload", ok(100, false)),
            ("max-age=100; x=\"a;max-age=5\\\"\"; y=z", ok(100, false)),
            ("max-age=100; x; x", ok(100, false)),
            ("max-age=99999999999999999999", ok(LONGEST, false)),
            ("max-age=31536001", ok(LONGEST, false)),
            ("", Err(InvalidHsts::NoMaxAge)),
            ("includeSubDomains", Err(InvalidHsts::NoMaxAge)),
            ("max-age", Err(InvalidHsts::MaxAge)),
            ("max-age=", Err(InvalidHsts::Syntax)),
            ("max-age=\"\"", Err(InvalidHsts::MaxAge)),
            ("max-age=-1", Err(InvalidHsts::MaxAge)),
            ("max-age=1.5", Err(InvalidHsts::MaxAge)),
            ("max-age=100s", Err(InvalidHsts::MaxAge)),
            ("max-age=100 200", Err(InvalidHsts::Syntax)),
            ("max-age=100, max-age=200", Err(InvalidHsts::Syntax)),
            ("max-age=100; max-age=200", Err(InvalidHsts::Repeated)),
            ("max-age=100; includeSubDomains; includesubdomains", Err(InvalidHsts::Repeated)),
            ("max-age=100; includeSubDomains=1", Err(InvalidHsts::SubdomainsValue)),
            ("max-age=100 includeSubDomains", Err(InvalidHsts::Syntax)),
            ("max-age=\"100", Err(InvalidHsts::Syntax)),
            ("max-age=\"100\"x", Err(InvalidHsts::Syntax)),
            ("=100; max-age=1", Err(InvalidHsts::Syntax)),
            ("max age=100", Err(InvalidHsts::Syntax)),
            ("max-age=100; \u{e9}", Err(InvalidHsts::Syntax)),
        ] {
            assert_eq!(StrictTransportSecurity::parse(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn hsts_is_found_whatever_dots_a_host_is_written_with() {
        let table = table(&[("a.test", "max-age=100; includeSubDomains")]);
        let mut hosts = Vec::new();
        for dot in [".", "\u{3002}", "\u{ff0e}", "\u{ff61}"] {
            hosts.extend([
                format!("a{dot}test"),
                format!("A{dot}TEST"),
                format!("a{dot}test{dot}"),
                format!("www{dot}a{dot}test"),
                format!("x.www{dot}a.test{dot}"),
            ]);
        }
        for host in hosts {
            assert!(table.should_upgrade(&host, NOW), "{host}");
            let url = Url::parse(&format!("http://{host}/x?y#z")).unwrap();
            assert_eq!(table.upgrade(&url, NOW).unwrap().scheme(), "https", "{host}");
        }
        for host in ["test", "ba.test", "a.test.example", "a..test", "", ".", "a.test.."] {
            assert!(!table.should_upgrade(host, NOW), "{host}");
        }
    }

    #[test]
    fn hsts_is_noted_under_the_same_name_whatever_its_dots() {
        for host in ["a.test.", "A.test", "a\u{3002}test", "a\u{ff0e}test\u{ff61}"] {
            let table = table(&[(host, "max-age=100")]);
            assert!(table.should_upgrade("a.test", NOW), "{host}");
            assert_eq!(table.iter().map(|(host, _)| host).collect::<Vec<_>>(), ["a.test"]);
        }
    }

    #[test]
    fn hsts_of_a_subdomain_leaves_the_parent_alone() {
        let mut table =
            table(&[("a.test", "max-age=100; includeSubDomains"), ("www.a.test", "max-age=10")]);
        assert!(table.should_upgrade("a.test", UnixTime(NOW.0 + 50)));
        assert!(table.should_upgrade("www.a.test", UnixTime(NOW.0 + 50)));
        assert!(table.should_upgrade("x.www.a.test", NOW));
        let gone = table.note("www.a.test", b"max-age=0", true, NOW);
        assert_eq!(gone, Ok(vec![HstsChange::Removed("www.a.test".into())]));
        assert!(table.should_upgrade("a.test", NOW) && table.should_upgrade("www.a.test", NOW));
    }

    #[test]
    fn hsts_holds_for_every_request_until_it_ends() {
        let mut table = table(&[("a.test", "max-age=100")]);
        for _ in 0..2 {
            assert!(table.should_upgrade("a.test", NOW));
            assert!(!table.should_upgrade("www.a.test", NOW));
        }
        assert!(table.should_upgrade("a.test", UnixTime(LATER.0 - 1)));
        assert!(!table.should_upgrade("a.test", LATER));
        table.note("a.test", b"max-age=1; includeSubDomains", true, LATER).unwrap();
        assert!(table.should_upgrade("www.a.test", LATER));
        assert!(table.remove("A.test.") && table.is_empty());
    }

    #[test]
    fn hsts_over_an_unsafe_connection_and_of_no_name_is_not_noted() {
        let mut table = HstsTable::new();
        let good = b"max-age=100";
        for (host, value, secure, expected) in [
            ("a.test", &good[..], false, NotNoted::NotSecure),
            ("127.0.0.1", good, true, NotNoted::NoName),
            ("127.1", good, true, NotNoted::NoName),
            ("0x7f000001", good, true, NotNoted::NoName),
            ("[::1]", good, true, NotNoted::NoName),
            ("localhost", good, true, NotNoted::NoName),
            ("a.LOCALHOST.", good, true, NotNoted::NoName),
            ("", good, true, NotNoted::NoName),
            ("a/b", good, true, NotNoted::NoName),
            ("a.test", b"max-age", true, NotNoted::Invalid(InvalidHsts::MaxAge)),
        ] {
            assert_eq!(table.note(host, value, secure, NOW), Err(expected), "{host}");
            assert!(!expected.to_string().is_empty());
        }
        assert!(table.is_empty());
        assert!(!table.should_upgrade("127.0.0.1", NOW));
    }

    #[test]
    fn port_80_becomes_443_and_another_stays() {
        let table = table(&[("a.test", "max-age=100")]);
        for (url, expected) in [
            ("http://a.test/", Some("https://a.test/")),
            ("http://a.test:80/", Some("https://a.test/")),
            ("http://a.test:443/", Some("https://a.test/")),
            ("http://u:p@a.test:8080/x?y#z", Some("https://u:p@a.test:8080/x?y#z")),
            ("ws://a.test/", Some("wss://a.test/")),
            ("https://a.test/", None),
            ("ftp://a.test/", None),
            ("http://b.test/", None),
        ] {
            let upgraded = table.upgrade(&Url::parse(url).unwrap(), NOW);
            assert_eq!(upgraded.as_ref().map(Url::as_str), expected, "{url}");
        }
    }

    #[test]
    fn an_entry_from_the_disk_does_not_undo_a_newer_one() {
        let mut table = table(&[("a.test", "max-age=100")]);
        let old =
            HstsEntry { expiry: NOW, include_subdomains: true, observed: UnixTime(NOW.0 - 1) };
        table.load("a.test", old);
        assert!(table.should_upgrade("a.test", NOW));
        table.load("a.test", HstsEntry { observed: LATER, ..old });
        assert!(!table.should_upgrade("a.test", NOW));
        table.load("127.0.0.1", old);
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn what_a_site_has_said_is_forgotten_with_its_hosts() {
        let origins = ["https://x.a.test:8443".parse().unwrap()];
        for (which, left) in [
            (Clear::All, &[][..]),
            (Clear::Origins(&origins), &["b.test"]),
            (Clear::AllBut(&origins), &["a.test", "www.a.test"]),
        ] {
            let year = "max-age=31536000";
            let mut table = table(&[("a.test", year), ("www.a.test", year), ("b.test", year)]);
            let gone = table.clear(which);
            let mut hosts: Vec<&str> = table.iter().map(|(host, _)| host).collect();
            hosts.sort_unstable();
            assert_eq!(hosts, left);
            assert_eq!(gone.len() + left.len(), 3);
        }
    }

    #[test]
    fn there_is_an_end_to_the_number_of_hosts() {
        let mut table = HstsTable::new();
        for number in 0..=MAX_HOSTS {
            let value = format!("max-age={}", number + 1);
            let host = format!("h{number}.test");
            let changes = table.note(&host, value.as_bytes(), true, NOW).unwrap();
            let gone = changes.contains(&HstsChange::Removed("h0.test".into()));
            assert_eq!(gone, number == MAX_HOSTS);
        }
        assert_eq!(table.len(), MAX_HOSTS);
        assert!(!table.should_upgrade("h0.test", NOW) && table.should_upgrade("h1.test", NOW));
    }
}
