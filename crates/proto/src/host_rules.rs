//! Rules that send requests for some hosts to others, before any name is resolved.
//!
//! The text is that of Chromium's switch `--host-resolver-rules`, rules separated by commas:
//!
//! * `MAP pattern replacement[:port]`: connect there instead, `[::1]:77` for an IPv6 address;
//! * `MAP pattern ~NOTFOUND`: the name does not resolve;
//! * `EXCLUDE pattern`: no rule maps this host.
//!
//! A pattern matches a host, or a host with `:port`; `*` stands for any characters, `?` for one or
//! none. The request itself (URL, `Host`, TLS name) is not changed by a rule, only where it goes.
//!
//! Chromium `net/base/host_mapping_rules.cc`, `net/dns/mapped_host_resolver.cc`.

use std::error::Error;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The rules in the order in which they were written. The default maps nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRules {
    maps: Vec<Map>,
    excluded: Vec<String>,
}

/// Where a request for a host goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped<'a> {
    /// Where it was going: no rule applies.
    Unchanged,
    /// To this host, without brackets, and this port.
    To {
        /// A name or an address.
        host: &'a str,
        /// The rule's port, or the one asked for.
        port: u16,
    },
    /// Nowhere: `ERR_NAME_NOT_RESOLVED`.
    NotFound,
}

impl HostRules {
    /// Whether there are no rules at all.
    pub fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// Where a request for `host` (lower case, an IPv6 address with or without brackets) goes.
    ///
    /// The first rule that matches holds, unless the host is excluded. Its replacement is not
    /// looked up again.
    #[must_use]
    pub fn apply(&self, host: &str, port: u16) -> Mapped<'_> {
        if self.maps.is_empty() {
            return Mapped::Unchanged;
        }
        let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
        let with_port =
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let Some(map) = self
            .maps
            .iter()
            .find(|map| matches(&map.pattern, host) || matches(&map.pattern, &with_port))
        else {
            return Mapped::Unchanged;
        };
        if self.excluded.iter().any(|pattern| matches(pattern, host)) {
            return Mapped::Unchanged;
        }
        match &map.target {
            Target::NotFound => Mapped::NotFound,
            Target::Host(host, own) => Mapped::To { host, port: own.unwrap_or(port) },
        }
    }
}

impl FromStr for HostRules {
    type Err = InvalidRule;

    /// Reads the rules; empty ones are passed over. Chromium ignores what it cannot read, this is
    /// an error: a misspelt rule would send requests where they should not go.
    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let mut rules = Self::default();
        for rule in text.split(',').map(str::trim).filter(|rule| !rule.is_empty()) {
            let invalid = |problem| InvalidRule { rule: rule.to_owned(), problem };
            let words: Vec<&str> = rule.split_ascii_whitespace().collect();
            match words.as_slice() {
                [verb, pattern] if verb.eq_ignore_ascii_case("exclude") => {
                    rules.excluded.push(pattern.to_ascii_lowercase());
                }
                [verb, pattern, target] if verb.eq_ignore_ascii_case("map") => {
                    rules.maps.push(Map {
                        pattern: pattern.to_ascii_lowercase(),
                        target: target_of(target).map_err(invalid)?,
                    });
                }
                [verb, ..] if verb.eq_ignore_ascii_case("exclude") => {
                    return Err(invalid(Problem::ExcludeTakesOne));
                }
                [verb, ..] if verb.eq_ignore_ascii_case("map") => {
                    return Err(invalid(Problem::MapTakesTwo));
                }
                _ => return Err(invalid(Problem::UnknownVerb)),
            }
        }
        Ok(rules)
    }
}

/// A rule that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRule {
    rule: String,
    problem: Problem,
}

impl fmt::Display for InvalidRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            Problem::UnknownVerb => "a rule begins with MAP or EXCLUDE",
            Problem::MapTakesTwo => "MAP takes a pattern and a replacement",
            Problem::ExcludeTakesOne => "EXCLUDE takes one pattern",
            Problem::Host => "the replacement is no host (an IPv6 address goes in brackets)",
            Problem::Port => "the replacement's port is no number from 0 to 65535",
        };
        write!(formatter, "host rule `{}`: {problem}", self.rule.escape_debug())
    }
}

impl Error for InvalidRule {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    UnknownVerb,
    MapTakesTwo,
    ExcludeTakesOne,
    Host,
    Port,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Map {
    pattern: String,
    target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    NotFound,
    Host(String, Option<u16>),
}

fn target_of(text: &str) -> Result<Target, Problem> {
    // Newer versions of Chromium write `^NOTFOUND`, because `~` may occur in a host name.
    if text == "~NOTFOUND" || text == "^NOTFOUND" {
        return Ok(Target::NotFound);
    }
    let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']').ok_or(Problem::Host)?;
        host.parse::<Ipv6Addr>().map_err(|_| Problem::Host)?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(Problem::Host),
        }
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let is_name = |c: char| !c.is_control() && !c.is_whitespace() && !"/@?#[]\\*".contains(c);
    if host.is_empty() || !host.chars().all(is_name) {
        return Err(Problem::Host);
    }
    let port = match port {
        None => None,
        Some(port) if port.contains(':') => return Err(Problem::Host),
        // `u16::from_str` alone would take a sign.
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(port.parse().map_err(|_| Problem::Port)?)
        }
        Some(_) => return Err(Problem::Port),
    };
    Ok(Target::Host(host.to_ascii_lowercase(), port))
}

/// Whether all of `text` matches `pattern`, ignoring the case of `text`.
///
/// Follows every way through the pattern at once, so that the cost is their lengths' product.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern = pattern.as_bytes();
    // `reached[i]`: the text read so far may stand for the first `i` bytes of the pattern.
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    skip_empty(pattern, &mut reached);
    for byte in text.bytes().map(|byte| byte.to_ascii_lowercase()) {
        for index in (0..pattern.len()).rev() {
            let here = reached[index];
            reached[index + 1] = (here && (pattern[index] == byte || pattern[index] == b'?'))
                || (reached[index + 1] && pattern.get(index + 1) == Some(&b'*'));
        }
        reached[0] = reached[0] && pattern.first() == Some(&b'*');
        skip_empty(pattern, &mut reached);
    }
    reached[pattern.len()]
}

/// `*` and `?` may stand for nothing.
fn skip_empty(pattern: &[u8], reached: &mut [bool]) {
    for (index, byte) in pattern.iter().enumerate() {
        reached[index + 1] |= reached[index] && matches!(byte, b'*' | b'?');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(host: &str, port: u16) -> Mapped<'_> {
        Mapped::To { host, port }
    }

    #[test]
    fn the_first_rule_that_matches_says_where_to_go() {
        for (rules, host, port, expected) in [
            ("", "a.test", 80, Mapped::Unchanged),
            (" , ,", "a.test", 80, Mapped::Unchanged),
            ("MAP * 127.0.0.1", "a.test", 443, to("127.0.0.1", 443)),
            ("MAP * 127.0.0.1:8443", "a.test", 443, to("127.0.0.1", 8443)),
            ("map A.Test  B.test", "a.test", 80, to("b.test", 80)),
            ("MAP a.test b.test", "A.TEST", 80, to("b.test", 80)),
            ("MAP a.test b.test", "xa.test", 80, Mapped::Unchanged),
            ("MAP *.a.test b.test", "a.test", 80, Mapped::Unchanged),
            ("MAP *.a.test b.test", "x.y.a.test", 80, to("b.test", 80)),
            ("MAP a*t b.test", "a.test", 80, to("b.test", 80)),
            ("MAP a?.test b.test", "a1.test", 80, to("b.test", 80)),
            ("MAP a?.test b.test", "a.test", 80, to("b.test", 80)),
            ("MAP a?.test b.test", "a12.test", 80, Mapped::Unchanged),
            ("MAP a.test:80 b.test", "a.test", 80, to("b.test", 80)),
            ("MAP a.test:80 b.test", "a.test", 443, Mapped::Unchanged),
            ("MAP *:443 b.test:1", "a.test", 443, to("b.test", 1)),
            ("MAP test.com [::1]:77", "test.com", 80, to("::1", 77)),
            ("MAP test.com [::1]", "test.com", 80, to("::1", 80)),
            ("MAP ::1 b.test", "[::1]", 80, to("b.test", 80)),
            ("MAP [::1]:80 b.test", "::1", 80, to("b.test", 80)),
            ("MAP a.test one, MAP * two", "a.test", 80, to("one", 80)),
            ("MAP a.test one, MAP * two", "b.test", 80, to("two", 80)),
            ("MAP a.test b.test, MAP b.test c.test", "a.test", 80, to("b.test", 80)),
            ("MAP * ~NOTFOUND, EXCLUDE localhost", "a.test", 80, Mapped::NotFound),
            ("MAP * ^NOTFOUND", "a.test", 80, Mapped::NotFound),
            ("MAP * ~NOTFOUND, EXCLUDE localhost", "localhost", 80, Mapped::Unchanged),
            ("exclude *.Test,MAP * b", "x.test", 80, Mapped::Unchanged),
            ("EXCLUDE a.test", "a.test", 80, Mapped::Unchanged),
        ] {
            let parsed: HostRules = rules.parse().expect(rules);
            assert_eq!(parsed.apply(host, port), expected, "{rules} {host}:{port}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_read_is_named() {
        for (rules, expected) in [
            ("MAPS a b", "host rule `MAPS a b`: a rule begins with MAP or EXCLUDE"),
            ("a.test", "host rule `a.test`: a rule begins with MAP or EXCLUDE"),
            ("MAP * b, MAP a", "host rule `MAP a`: MAP takes a pattern and a replacement"),
            ("MAP a b c", "host rule `MAP a b c`: MAP takes a pattern and a replacement"),
            ("EXCLUDE", "host rule `EXCLUDE`: EXCLUDE takes one pattern"),
            ("EXCLUDE a b", "host rule `EXCLUDE a b`: EXCLUDE takes one pattern"),
            (
                "MAP a :80",
                "host rule `MAP a :80`: the replacement is no host (an IPv6 address goes in brackets)",
            ),
            (
                "MAP a ::1",
                "host rule `MAP a ::1`: the replacement is no host (an IPv6 address goes in brackets)",
            ),
            (
                "MAP a [::1",
                "host rule `MAP a [::1`: the replacement is no host (an IPv6 address goes in brackets)",
            ),
            (
                "MAP a [b]",
                "host rule `MAP a [b]`: the replacement is no host (an IPv6 address goes in brackets)",
            ),
            (
                "MAP a [::1]80",
                "host rule `MAP a [::1]80`: the replacement is no host (an IPv6 address goes in brackets)",
            ),
            (
                "MAP a http://b",
                "host rule `MAP a http://b`: the replacement's port is no number from 0 to 65535",
            ),
            (
                "MAP a b:",
                "host rule `MAP a b:`: the replacement's port is no number from 0 to 65535",
            ),
            (
                "MAP a b:+1",
                "host rule `MAP a b:+1`: the replacement's port is no number from 0 to 65535",
            ),
            (
                "MAP a b:65536",
                "host rule `MAP a b:65536`: the replacement's port is no number from 0 to 65535",
            ),
        ] {
            let error = rules.parse::<HostRules>().expect_err(rules);
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_their_number() {
        let pattern = "*a".repeat(2000) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000)));
    }

    #[test]
    fn a_mebibyte_of_any_token_is_read_in_one_pass() {
        const LENGTH: usize = 1024 * 1024;
        let long = "a".repeat(LENGTH);
        for (rules, maps, excluded) in [
            (",".repeat(LENGTH), 0, 0),
            (" ".repeat(LENGTH), 0, 0),
            ("MAP a b,".repeat(LENGTH / 8), LENGTH / 8, 0),
            ("EXCLUDE a,".repeat(LENGTH / 10), 0, LENGTH / 10),
            (format!("MAP {long} b"), 1, 0),
            (format!("MAP a {long}"), 1, 0),
            (format!("EXCLUDE {long}"), 0, 1),
        ] {
            let rules: HostRules = rules.parse().expect("the rules are well-formed");
            assert_eq!((rules.maps.len(), rules.excluded.len()), (maps, excluded));
            assert_eq!(rules.apply("other.test", 80), Mapped::Unchanged);
        }
        for rules in [long, "a ".repeat(LENGTH / 2), format!("MAP a [{}", ":".repeat(LENGTH))] {
            rules.parse::<HostRules>().unwrap_err();
        }
    }
}
