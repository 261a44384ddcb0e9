//! One `Set-Cookie` line.
//!
//! Reads what a server wrote, whatever it wrote, and keeps it as bytes: names and values are not
//! text. What the attributes mean for a URL is [`super::canonical`]'s affair. The parser never looks
//! at a byte more than twice and copies none.
//!
//! RFC 6265bis §5.6; Chromium `ParsedCookie`.

use std::fmt;

use super::date::parse_cookie_date;
use super::{ExclusionReason, Priority, SameSite};
use crate::date::UnixTime;

/// A `Set-Cookie` line in its parts.
///
/// Of an attribute that occurs more than once the last holds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SetCookie<'a> {
    /// May be empty.
    pub name: &'a [u8],
    /// May be empty, but not together with the name.
    pub value: &'a [u8],
    /// Not empty.
    pub domain: Option<&'a [u8]>,
    /// `Path`, as written.
    pub path: Option<&'a [u8]>,
    /// `Expires`, as written.
    pub expires: Option<&'a [u8]>,
    /// `Max-Age`, as written.
    pub max_age: Option<&'a [u8]>,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `Partitioned`.
    pub partitioned: bool,
    /// `SameSite`.
    pub same_site: SameSite,
    /// `Priority`.
    pub priority: Priority,
}

impl<'a> SetCookie<'a> {
    /// Reads the value of one `Set-Cookie` field.
    ///
    /// A line without `=` before the first `;` is a value without a name; such a value has no `=` in
    /// it anywhere. Attributes that are not
    /// known, and values of attributes longer than 1,024 bytes, are passed over.
    ///
    /// # Errors
    ///
    /// [`ExclusionReason::DisallowedCharacter`] for a control character anywhere, and for `=` in the
    /// value of a cookie without a name;
    /// [`ExclusionReason::NoCookieContent`] if there is neither a name nor a value,
    /// [`ExclusionReason::NameValuePairExceedsMaxSize`] past 4,096 bytes.
    pub fn parse(line: &'a [u8]) -> Result<Self, ExclusionReason> {
        // A tab that stands before or after a part is white space, one inside is not allowed.
        if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(ExclusionReason::DisallowedCharacter);
        }
        let mut parts = line.split(|byte| *byte == b';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = split_pair(pair).unwrap_or_else(|| (b"", trim(pair)));
        check_pair(name, value)?;
        let mut cookie = Self { name, value, ..Self::default() };
        for part in parts {
            let (name, value) = split_pair(part).unwrap_or_else(|| (trim(part), b""));
            if name.contains(&b'\t') || value.contains(&b'\t') {
                return Err(ExclusionReason::DisallowedCharacter);
            }
            if value.len() <= MAX_ATTRIBUTE {
                cookie.attribute(name, value);
            }
        }
        Ok(cookie)
    }

    fn attribute(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("path") {
            self.path = Some(value);
        } else if is("domain") {
            // An empty one takes back an earlier one: the last holds.
            self.domain = Some(value).filter(|value| !value.is_empty());
        } else if is("expires") {
            self.expires = Some(value);
        } else if is("max-age") {
            self.max_age = Some(value);
        } else if is("secure") {
            self.secure = true;
        } else if is("httponly") {
            self.http_only = true;
        } else if is("partitioned") {
            self.partitioned = true;
        } else if is("samesite") {
            self.same_site = SameSite::from_attribute(value);
        } else if is("priority") {
            self.priority = Priority::from_attribute(value);
        }
    }

    /// The seconds that `Max-Age` gives the cookie; `None` if there is none or it is no number. A
    /// number that is too big counts as the biggest.
    pub fn max_age(&self) -> Option<i64> {
        let value = self.max_age?;
        let (negative, digits) = match value {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let add =
            |sum: i64, digit: &u8| sum.saturating_mul(10).saturating_add((digit - b'0').into());
        let seconds = digits.iter().fold(0, add);
        Some(if negative { -seconds } else { seconds })
    }

    /// The moment that `Expires` names; `None` if there is none or it is no date.
    pub fn expires(&self) -> Option<UnixTime> {
        parse_cookie_date(self.expires?)
    }

    /// Writes the line, attributes in a fixed order. Reading it gives the same parts.
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = [self.name, b"=", self.value].concat();
        let mut add = |name: &str, value: Option<&[u8]>| {
            if let Some(value) = value {
                line.extend_from_slice(b"; ");
                line.extend_from_slice(name.as_bytes());
                line.extend_from_slice(value);
            }
        };
        let flag = |set: bool| set.then_some(&b""[..]);
        add("Expires=", self.expires);
        add("Max-Age=", self.max_age);
        add("Domain=", self.domain);
        add("Path=", self.path);
        add("Secure", flag(self.secure));
        add("HttpOnly", flag(self.http_only));
        add("SameSite=", self.same_site.attribute().map(str::as_bytes));
        add("Partitioned", flag(self.partitioned));
        if self.priority != Priority::default() {
            add("Priority=", Some(self.priority.attribute().as_bytes()));
        }
        line
    }
}

/// Without the value, which may be a secret.
impl fmt::Debug for SetCookie<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes = Self { name: b"", value: b"", ..*self }.to_line();
        let name = String::from_utf8_lossy(self.name);
        write!(out, "SetCookie({name}; {})", String::from_utf8_lossy(&attributes))
    }
}

/// Whether a cookie may have this name and this value.
///
/// # Errors
///
/// As [`SetCookie::parse`].
///
/// Chromium `ParsedCookie::IsValidCookieNameValuePair`.
pub(super) fn check_pair(name: &[u8], value: &[u8]) -> Result<(), ExclusionReason> {
    if name.is_empty() && value.is_empty() {
        return Err(ExclusionReason::NoCookieContent);
    }
    if name.len() + value.len() > MAX_PAIR {
        return Err(ExclusionReason::NameValuePairExceedsMaxSize);
    }
    let wrong = |byte: &u8| byte.is_ascii_control() || *byte == b';';
    if name.iter().any(|byte| wrong(byte) || *byte == b'=') || value.iter().any(wrong) {
        return Err(ExclusionReason::DisallowedCharacter);
    }
    // A server would take the start of such a value for a name.
    if name.is_empty() && value.contains(&b'=') {
        return Err(ExclusionReason::DisallowedCharacter);
    }
    Ok(())
}

/// What stands before and after the first `=`.
fn split_pair(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = part.iter().position(|byte| *byte == b'=')?;
    Some((trim(&part[..at]), trim(&part[at + 1..])))
}

/// Without spaces and tabs around it.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Bytes of name and value together.
pub(super) const MAX_PAIR: usize = 4096;
/// Bytes of the value of an attribute.
pub(super) const MAX_ATTRIBUTE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(line: &str) -> Result<(&str, &str), ExclusionReason> {
        let text = |bytes| str::from_utf8(bytes).unwrap();
        SetCookie::parse(line.as_bytes()).map(|cookie| (text(cookie.name), text(cookie.value)))
    }

    #[test]
    fn the_first_pair_is_name_and_value() {
        for (line, expected) in [
            ("a=b", ("a", "b")),
            ("a=b; Secure", ("a", "b")),
            (" a\t = \tb ", ("a", "b")),
            ("a=", ("a", "")),
            ("a", ("", "a")),
            ("a b c", ("", "a b c")),
            ("=a", ("", "a")),
            ("a=b=c", ("a", "b=c")),
            ("a=\"b c\"", ("a", "\"b c\"")),
            ("a=b,c=d", ("a", "b,c=d")),
            ("a=b;", ("a", "b")),
            ("a;b=c", ("", "a")),
            ("Secure", ("", "Secure")),
            ("\u{e9}=\u{e8}", ("\u{e9}", "\u{e8}")),
            ("__proto__=1", ("__proto__", "1")),
        ] {
            assert_eq!(pair(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn a_line_without_content_is_no_cookie() {
        for line in ["", " ", "\t", ";", "=", " = ", ";Secure", "=;Path=/", "; a=b"] {
            assert_eq!(pair(line), Err(ExclusionReason::NoCookieContent), "{line:?}");
        }
    }

    #[test]
    fn a_value_without_a_name_has_no_sign_of_equality() {
        for line in ["==", "==a", "=a=", "=a=b", " = a=b; Secure"] {
            assert_eq!(pair(line), Err(ExclusionReason::DisallowedCharacter), "{line}");
        }
    }

    #[test]
    fn a_control_character_anywhere_is_refused() {
        for byte in (0..0x20).chain([0x7f]) {
            for line in ["a?=b", "a=b?c", "a=b; Path=/?x", "a=b; x?y", "a?b", "a=b; x=?y; Secure"] {
                let line = line.replace('?', &char::from(byte).to_string());
                let expected = match (byte, line.as_str()) {
                    (b'\t', "a\t=b" | "a=b; x=\ty; Secure") => Ok(()),
                    _ => Err(ExclusionReason::DisallowedCharacter),
                };
                assert_eq!(pair(&line).map(|_| ()), expected, "{line:?}");
            }
        }
        for byte in 0x80..=0xff {
            assert!(SetCookie::parse(&[b'a', byte, b'=', byte]).is_ok());
        }
    }

    #[test]
    fn name_and_value_have_4096_bytes_together() {
        for (name, value, expected) in [
            (1, 4095, Ok(())),
            (4096, 0, Ok(())),
            (0, 4096, Ok(())),
            (1, 4096, Err(ExclusionReason::NameValuePairExceedsMaxSize)),
            (4097, 0, Err(ExclusionReason::NameValuePairExceedsMaxSize)),
        ] {
            let line = format!("{}={}; Secure", "n".repeat(name), "v".repeat(value));
            assert_eq!(pair(&line).map(|_| ()), expected, "{name} {value}");
        }
    }

    #[test]
    fn an_attribute_of_more_than_1024_bytes_is_passed_over() {
        let fits = format!("a=b; Path=/a; Path=/{}", "x".repeat(1023));
        let cookie = SetCookie::parse(fits.as_bytes()).unwrap();
        assert_eq!(cookie.path.map(<[u8]>::len), Some(1024));
        let long = format!("a=b; Path=/a; Path=/{}; Secure", "x".repeat(1024));
        let cookie = SetCookie::parse(long.as_bytes()).unwrap();
        assert_eq!((cookie.path, cookie.secure), (Some(&b"/a"[..]), true));
    }

    #[test]
    fn attributes_are_read_in_any_case_and_the_last_holds() {
        let line =
            b"a=b; PATH=/1; path = /2 ;Domain=;domain=x.test;EXPIRES=never;max-age=5;SECURE;\
            HttpOnly=no;samesite=LAX;SameSite=Strict;Partitioned;Priority=High;unknown=1;;=;";
        assert_eq!(
            SetCookie::parse(line),
            Ok(SetCookie {
                name: b"a",
                value: b"b",
                domain: Some(b"x.test"),
                path: Some(b"/2"),
                expires: Some(b"never"),
                max_age: Some(b"5"),
                secure: true,
                http_only: true,
                partitioned: true,
                same_site: SameSite::Strict,
                priority: Priority::High,
            })
        );
        for (line, same_site, priority) in [
            ("a=b; SameSite=None; Priority=low", SameSite::NoRestriction, Priority::Low),
            ("a=b; SameSite=\"Lax\"; Priority=no", SameSite::Unspecified, Priority::Medium),
            ("a=b; SameSite=Lax; SameSite", SameSite::Unspecified, Priority::Medium),
            ("a=b; SameSite=Extended", SameSite::Unspecified, Priority::Medium),
        ] {
            let cookie = SetCookie::parse(line.as_bytes()).unwrap();
            assert_eq!((cookie.same_site, cookie.priority), (same_site, priority), "{line}");
        }
        assert_eq!(SetCookie::parse(b"a=b; Domain=x.test; Domain=").unwrap().domain, None);
    }

    #[test]
    fn max_age_is_a_whole_number() {
        for (text, expected) in [
            ("0", Some(0)),
            ("60", Some(60)),
            ("-1", Some(-1)),
            ("+1", Some(1)),
            ("007", Some(7)),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(-i64::MAX)),
            ("", None),
            ("-", None),
            ("1.5", None),
            ("1e3", None),
            ("60s", None),
            ("\"60\"", None),
            ("- 1", None),
        ] {
            let line = format!("a=b; Max-Age={text}");
            assert_eq!(SetCookie::parse(line.as_bytes()).unwrap().max_age(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for line in ["a=b", "a", "=a", "a=; Path=; Secure; SameSite=None; Partitioned; Max-Age=1"] {
            let cookie = SetCookie::parse(line.as_bytes()).unwrap();
            assert_eq!(SetCookie::parse(&cookie.to_line()), Ok(cookie), "{line}");
        }
    }

    #[test]
    fn a_mebibyte_of_anything_is_read_in_one_pass() {
        for piece in [";", "=", " ", "\t", "a", "a=b;", ";Path", "; Expires=1"] {
            let line = format!("a=b;{}", piece.repeat((1 << 20) / piece.len()));
            let _ = SetCookie::parse(line.as_bytes());
        }
    }
}
