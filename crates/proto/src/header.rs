//! The fields of a request or response head, in their order and as they were written.
//!
//! A list keeps the letter case of names, the order of fields and every repetition, because servers
//! and users of Electron see all three. Names compare without regard to ASCII case. The list checks
//! nothing: [`check_name`], [`check_value`], [`check_restricted`] and [`check_method`] are the rules
//! for what a caller may set; how Node merges what came back is in `node_headers`.
//!
//! `Debug` output never shows the value of a field that carries a secret.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::slice;
use std::vec;

use bytes::Bytes;

/// One field of a head: a name as it was written, and the bytes of its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    name: Cow<'static, str>,
    value: Cow<'static, [u8]>,
}

impl Field {
    /// A field of this name and value, unchecked.
    pub fn new(name: impl Into<Cow<'static, str>>, value: impl IntoValue) -> Self {
        Self { name: name.into(), value: value.into_value() }
    }

    /// The name, in the letter case it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the value.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The value as text, or `None` when it is not UTF-8.
    pub fn value_str(&self) -> Option<&str> {
        str::from_utf8(&self.value).ok()
    }

    /// Whether this is the field of that name, in any letter case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_secret(&self.name) {
            write!(f, "{:?}: <redacted>", self.name)
        } else {
            write!(f, "{:?}: \"{}\"", self.name, self.value.escape_ascii())
        }
    }
}

/// What a field's value can be made from: text (as UTF-8) or bytes.
pub trait IntoValue {
    /// The bytes of the value.
    fn into_value(self) -> Cow<'static, [u8]>;
}

/// The fields of one head, in order.
///
/// Equality is exact: letter case and order count.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderList {
    fields: Vec<Field>,
}

impl HeaderList {
    /// A list without fields. Allocates nothing.
    pub const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// A list without fields that holds `capacity` of them before it allocates again.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { fields: Vec::with_capacity(capacity) }
    }

    /// Puts a field at the end, beside others of the same name.
    pub fn append(&mut self, name: impl Into<Cow<'static, str>>, value: impl IntoValue) {
        self.fields.push(Field::new(name, value));
    }

    /// Makes this the only field of its name.
    ///
    /// It takes the place of the first one, with its own spelling of the name, and the others go;
    /// where there is none it is put at the end. This is the order in which Electron sends a header
    /// that was set twice.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl IntoValue) {
        let field = Field::new(name, value);
        let Some(first) = self.fields.iter().position(|other| other.is(field.name())) else {
            self.fields.push(field);
            return;
        };
        let mut index = 0;
        self.fields.retain(|other| {
            let keep = index <= first || !other.is(field.name());
            index += 1;
            keep
        });
        self.fields[first] = field;
    }

    /// The value of the first field of that name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|field| field.is(name)).map(Field::value)
    }

    /// The values of all fields of that name, in order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |field| field.is(name)).map(Field::value)
    }

    /// Whether there is a field of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.is(name))
    }

    /// Removes all fields of that name, and says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.fields.len();
        self.fields.retain(|field| !field.is(name));
        self.fields.len() != before
    }

    /// Keeps the fields for which `keep` answers yes.
    pub fn retain(&mut self, keep: impl FnMut(&Field) -> bool) {
        self.fields.retain(keep);
    }

    /// Removes every field.
    pub fn clear(&mut self) {
        self.fields.clear();
    }

    /// The fields in order.
    pub fn iter(&self) -> slice::Iter<'_, Field> {
        self.fields.iter()
    }

    /// How many fields there are, repetitions included.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.fields).finish()
    }
}

/// Why a header or a method was refused. Never holds the value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidHeader {
    /// The name is not a token.
    Name {
        /// The name, cut to its first 80 characters.
        name: String,
    },
    /// The value holds a byte that would end the field.
    Value {
        /// The name of the field.
        name: String,
        /// What the value must not hold.
        rule: &'static str,
    },
    /// The field is the engine's to set, or its value asks for what the caller may not ask for.
    Restricted {
        /// The name of the field.
        name: String,
        /// Why it is refused.
        rule: &'static str,
    },
    /// The method is not a token, or is `CONNECT`.
    Method {
        /// The method, cut to its first 80 characters.
        method: String,
        /// Why it is refused.
        rule: &'static str,
    },
}

impl fmt::Display for InvalidHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name } => write!(f, "invalid header name {name:?}: {TOKEN_RULE}"),
            Self::Value { name, rule } => write!(f, "invalid value for header {name:?}: {rule}"),
            Self::Restricted { name, rule } => write!(f, "restricted header {name:?}: {rule}"),
            Self::Method { method, rule } => write!(f, "invalid method {method:?}: {rule}"),
        }
    }
}

impl Error for InvalidHeader {}

/// Checks that a field name is a token.
///
/// # Errors
///
/// [`InvalidHeader::Name`] for an empty name and for every byte outside `tchar`.
///
/// RFC 9110 §5.1, §5.6.2; Chromium `HttpUtil::IsValidHeaderName`.
pub fn check_name(name: &str) -> Result<(), InvalidHeader> {
    if is_token(name) { Ok(()) } else { Err(InvalidHeader::Name { name: shown(name) }) }
}

/// Checks that a field value cannot end its field.
///
/// CR, LF and NUL are refused; everything else goes as it was given, as in Chromium and Electron:
/// an empty value, white space at either end, control characters, bytes beyond ASCII. A recipient
/// drops the white space (RFC 9110 §5.5); HTTP/2 forbids it, and the HTTP/2 layer has to strip it.
///
/// # Errors
///
/// [`InvalidHeader::Value`], with the name of the field but not its value.
///
/// RFC 9110 §5.5; Chromium `HttpUtil::IsValidHeaderValue`.
pub fn check_value(name: &str, value: &[u8]) -> Result<(), InvalidHeader> {
    if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(InvalidHeader::Value {
            name: shown(name),
            rule: "a value holds no CR, LF or NUL",
        });
    }
    Ok(())
}

/// Checks that a caller may set this field of a request.
///
/// `Cookie`, `Date`, `Expect`, `Referer`, `Via`, `Authorization`, `Origin`, `User-Agent` and `Sec-*`
/// are the caller's to set. List values are split at every comma, also within quotes: none of the
/// listed tokens is ever quoted, and the stricter reading leaves nothing to hide behind.
///
/// # Errors
///
/// [`InvalidHeader::Restricted`] with the rule that refuses it.
///
/// Chromium `IsRequestHeaderSafe` (`services/network/public/cpp/header_util.cc`), which gives
/// `ERR_INVALID_ARGUMENT`.
pub fn check_restricted(name: &str, value: &[u8]) -> Result<(), InvalidHeader> {
    match restriction(name, value) {
        None => Ok(()),
        Some(rule) => Err(InvalidHeader::Restricted { name: shown(name), rule }),
    }
}

/// Whether the field decides where a message ends: `Content-Length` or `Transfer-Encoding`.
///
/// These are the engine's alone: they are refused even where restricted headers are allowed, since
/// one that lies would let a body be read as the next request (RFC 9112 §11.2).
pub fn is_framing(name: &str) -> bool {
    is_any(name, &["content-length", "transfer-encoding"])
}

/// Checks that a caller may use this method.
///
/// The method goes as it is given; who wants upper case does that before. `TRACE` and `TRACK` pass,
/// as they do outside a page in Chromium.
///
/// # Errors
///
/// [`InvalidHeader::Method`] for what is not a token, and for `CONNECT` in any letter case: a tunnel
/// is the engine's way through a proxy, not a request.
///
/// RFC 9110 §9.1; Chromium `CorsURLLoaderFactory::IsValidRequest`.
pub fn check_method(method: &str) -> Result<(), InvalidHeader> {
    let rule = if !is_token(method) {
        TOKEN_RULE
    } else if method.eq_ignore_ascii_case("CONNECT") {
        "CONNECT is not a method a request may use"
    } else {
        return Ok(());
    };
    Err(InvalidHeader::Method { method: shown(method), rule })
}

/// Whether the field carries a credential, so that its value stays out of logs and errors.
pub fn is_secret(name: &str) -> bool {
    is_any(name, &["authorization", "cookie", "set-cookie"]) || has_prefix(name, "proxy-")
}

fn restriction(name: &str, value: &[u8]) -> Option<&'static str> {
    if is_framing(name) {
        return Some("the length of the body is the engine's to state");
    }
    if let Some((_, rule)) = RESTRICTED.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
        return Some(rule);
    }
    if has_prefix(name, "proxy-") {
        return Some("fields for the proxy are not the caller's to set");
    }
    let mut items = items(value);
    if name.eq_ignore_ascii_case("connection") {
        let known = |item: &[u8]| is_any(item, &["close", "keep-alive"]);
        return items.any(|item| !known(item)).then_some("only close and keep-alive may be listed");
    }
    if name.eq_ignore_ascii_case("accept-encoding") {
        let shared = |item: &[u8]| has_prefix(item, "dcb") || has_prefix(item, "dcz");
        return items.any(shared).then_some("dictionary codings (dcb, dcz) may not be asked for");
    }
    if is_any(name, &["x-http-method", "x-http-method-override", "x-method-override"]) {
        let forbidden = |item: &[u8]| is_any(item, &["connect", "trace", "track"]);
        return items.any(forbidden).then_some("CONNECT, TRACE and TRACK may not be named");
    }
    None
}

/// The items of a comma-separated list, without white space around them; empty items are skipped.
fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(|item| {
            let start = item.iter().position(|byte| !is_blank(*byte)).unwrap_or(item.len());
            let end = item.iter().rposition(|byte| !is_blank(*byte)).map_or(start, |last| last + 1);
            &item[start..end]
        })
        .filter(|item| !item.is_empty())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_any(text: impl AsRef<[u8]>, known: &[&str]) -> bool {
    known.iter().any(|known| text.as_ref().eq_ignore_ascii_case(known.as_bytes()))
}

fn has_prefix(text: impl AsRef<[u8]>, prefix: &str) -> bool {
    let start = text.as_ref().get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// `tchar` of RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

impl IntoValue for &'static str {
    fn into_value(self) -> Cow<'static, [u8]> {
        Cow::Borrowed(self.as_bytes())
    }
}

impl IntoValue for String {
    fn into_value(self) -> Cow<'static, [u8]> {
        Cow::Owned(self.into_bytes())
    }
}

impl IntoValue for Cow<'static, str> {
    fn into_value(self) -> Cow<'static, [u8]> {
        match self {
            Cow::Borrowed(text) => text.into_value(),
            Cow::Owned(text) => text.into_value(),
        }
    }
}

impl IntoValue for &'static [u8] {
    fn into_value(self) -> Cow<'static, [u8]> {
        Cow::Borrowed(self)
    }
}

impl<const N: usize> IntoValue for &'static [u8; N] {
    fn into_value(self) -> Cow<'static, [u8]> {
        Cow::Borrowed(self)
    }
}

impl IntoValue for Vec<u8> {
    fn into_value(self) -> Cow<'static, [u8]> {
        Cow::Owned(self)
    }
}

impl IntoValue for Bytes {
    fn into_value(self) -> Cow<'static, [u8]> {
        Cow::Owned(self.into())
    }
}

impl IntoValue for Cow<'static, [u8]> {
    fn into_value(self) -> Self {
        self
    }
}

impl Extend<Field> for HeaderList {
    fn extend<T: IntoIterator<Item = Field>>(&mut self, fields: T) {
        self.fields.extend(fields);
    }
}

impl FromIterator<Field> for HeaderList {
    fn from_iter<T: IntoIterator<Item = Field>>(fields: T) -> Self {
        Self { fields: fields.into_iter().collect() }
    }
}

impl IntoIterator for HeaderList {
    type Item = Field;
    type IntoIter = vec::IntoIter<Field>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

impl<'a> IntoIterator for &'a HeaderList {
    type Item = &'a Field;
    type IntoIter = slice::Iter<'a, Field>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

const TOKEN_RULE: &str = "it has to be one or more letters, digits and !#$%&'*+-.^_`|~";

/// How much of a refused name an error repeats, in characters.
const MAX_SHOWN: usize = 80;

/// The fields refused whatever their value, beside the framing fields and `Proxy-*`.
const RESTRICTED: &[(&str, &str)] = &[
    ("host", "the host is the URL's"),
    ("trailer", "trailers are not supported"),
    ("te", "trailers are not supported"),
    ("upgrade", "a WebSocket has an interface of its own"),
    ("cookie2", "the field is obsolete"),
    ("keep-alive", "connections are the engine's to keep"),
    ("set-cookie", "the field belongs to responses"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&'static str, &'static str)]) -> HeaderList {
        fields.iter().map(|(name, value)| Field::new(*name, *value)).collect()
    }

    #[test]
    fn order_case_and_repetition_are_kept() {
        let mut headers = HeaderList::new();
        headers.append("X-b", "1");
        headers.append("x-A", String::from("2"));
        headers.append("X-B", b"3\xff");
        let written: Vec<_> = headers.iter().map(|field| (field.name(), field.value())).collect();
        assert_eq!(written, [("X-b", &b"1"[..]), ("x-A", b"2"), ("X-B", b"3\xff")]);
        assert_eq!(headers.get("x-B"), Some(&b"1"[..]));
        assert_eq!(headers.get_all("X-B").collect::<Vec<_>>(), [&b"1"[..], b"3\xff"]);
        assert_eq!((headers.len(), headers.is_empty()), (3, false));
        assert_eq!(headers.iter().last().and_then(Field::value_str), None);
    }

    #[test]
    fn set_takes_the_place_of_the_first_and_drops_the_others() {
        let mut headers = list(&[("a", "1"), ("B", "2"), ("c", "3"), ("b", "4"), ("d", "5")]);
        headers.set("b", "new");
        assert_eq!(headers, list(&[("a", "1"), ("b", "new"), ("c", "3"), ("d", "5")]));
        headers.set("E", "6");
        assert_eq!(headers.iter().last(), Some(&Field::new("E", "6")));
    }

    #[test]
    fn removing_says_whether_there_was_one() {
        let mut headers = list(&[("a", "1"), ("A", "2"), ("b", "3")]);
        assert!(headers.contains("A") && headers.remove("A") && !headers.remove("a"));
        headers.retain(|field| field.name() != "b");
        assert_eq!(headers, HeaderList::new());
    }

    #[test]
    fn secrets_stay_out_of_debug_output() {
        for name in
            ["Authorization", "cookie", "SET-COOKIE", "Proxy-Authorization", "proxy-authenticate"]
        {
            let headers = HeaderList::from_iter([Field::new(name, "hunter2")]);
            assert_eq!(format!("{headers:?}"), format!("[{name:?}: <redacted>]"));
            assert!(!format!("{:#?}", headers.clone()).contains("hunter2"));
        }
        let headers = list(&[("Accept", "a\"\u{e9}"), ("Cookies", "plain")]);
        let expected = r#"["Accept": "a\"\xc3\xa9", "Cookies": "plain"]"#;
        assert_eq!(format!("{headers:?}"), expected);
    }

    #[test]
    fn a_name_is_a_token() {
        for name in ["a", "X-Trace", "!#$%&'*+-.^_`|~", "0"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", " ", "a b", "a:", "a\r\nb", "a\0", "caf\u{e9}", "(a)", "a,b", "\u{7f}"] {
            assert_eq!(
                check_name(name),
                Err(InvalidHeader::Name { name: name.into() }),
                "{name:?}"
            );
        }
        let long = check_name(&" ".repeat(1 << 20)).unwrap_err();
        assert_eq!(long, InvalidHeader::Name { name: " ".repeat(MAX_SHOWN) });
    }

    #[test]
    fn a_value_cannot_end_its_field() {
        for value in ["", " ", "a b", "\ta ", "\u{1}\u{7f}", "caf\u{e9}"] {
            assert_eq!(check_value("X", value.as_bytes()), Ok(()), "{value:?}");
        }
        assert_eq!(check_value("X", b"\xff\xfe"), Ok(()));
        for value in [&b"\r"[..], b"a\nb: c", b"\0", b"a\r\n", b"\n"] {
            let error = check_value("X", value).unwrap_err();
            assert_eq!(
                error.to_string(),
                "invalid value for header \"X\": a value holds no CR, LF or NUL"
            );
        }
    }

    #[test]
    fn what_the_engine_sets_is_restricted() {
        for (name, value) in [
            ("Content-Length", "5"),
            ("transfer-encoding", "chunked"),
            ("HOST", "a.example"),
            ("Trailer", "x"),
            ("TE", "trailers"),
            ("Upgrade", "websocket"),
            ("Cookie2", "x"),
            ("Keep-Alive", "timeout=5"),
            ("Set-Cookie", "a=b"),
            ("Proxy-Authorization", "Basic x"),
            ("proxy-anything", ""),
            ("Proxy-", ""),
            ("Connection", "upgrade"),
            ("connection", "close, x-secret"),
            ("Connection", "\"close\""),
            ("Accept-Encoding", "gzip, dcb"),
            ("accept-encoding", "DCZ;q=1"),
            ("X-HTTP-Method", "trace"),
            ("X-HTTP-Method-Override", "GET, CONNECT"),
            ("x-method-override", " Track "),
        ] {
            let error = check_restricted(name, value.as_bytes()).unwrap_err();
            let InvalidHeader::Restricted { name: refused, rule } = &error else {
                panic!("{error:?}")
            };
            assert_eq!(refused, name);
            assert_eq!(error.to_string(), format!("restricted header {name:?}: {rule}"));
        }
    }

    #[test]
    fn the_rest_is_the_callers_to_set() {
        for (name, value) in [
            ("Cookie", "a=b"),
            ("Date", "x"),
            ("Expect", "100-continue"),
            ("Referer", "https://a.example/"),
            ("Via", "1.1 x"),
            ("Authorization", "Bearer x"),
            ("Origin", "https://a.example"),
            ("User-Agent", "x"),
            ("Sec-Fetch-Mode", "cors"),
            ("Proxy", "x"),
            ("X-Proxy-Authorization", "x"),
            ("Hosts", "x"),
            ("Connection", "close"),
            ("Connection", " Keep-Alive ,, close"),
            ("Connection", ""),
            ("Accept-Encoding", "identity;q=1, *;q=0"),
            ("Accept-Encoding", "br, xdcb"),
            ("X-HTTP-Method", "PATCH, TRACER"),
            ("X-HTTP-Method-Override", ""),
        ] {
            assert_eq!(check_restricted(name, value.as_bytes()), Ok(()), "{name}: {value}");
        }
    }

    #[test]
    fn framing_is_two_fields() {
        for (name, framing) in [
            ("Content-Length", true),
            ("TRANSFER-ENCODING", true),
            ("Host", false),
            ("Content-Lengths", false),
            ("", false),
        ] {
            assert_eq!(is_framing(name), framing, "{name}");
        }
    }

    #[test]
    fn a_method_is_a_token_other_than_connect() {
        for method in ["GET", "get", "PURGE", "TRACE", "TRACK", "X-*", "CONNECTED"] {
            assert_eq!(check_method(method), Ok(()), "{method}");
        }
        for method in ["", "GET /", "GET\r\n", "CONNECT", "connect", "G\u{c9}T", "\0"] {
            let error = check_method(method).unwrap_err();
            assert!(error.to_string().starts_with(&format!("invalid method {method:?}: ")));
        }
    }

    #[test]
    fn the_rules_are_linear() {
        let commas = vec![b','; 1 << 20];
        let blanks = vec![b' '; 1 << 20];
        for name in ["Connection", "Accept-Encoding", "X-HTTP-Method"] {
            assert_eq!(check_restricted(name, &commas), Ok(()));
            assert_eq!(check_restricted(name, &blanks), Ok(()));
        }
    }
}
