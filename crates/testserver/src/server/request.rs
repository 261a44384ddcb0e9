//! A request head: its parts as they were sent, and what follows it on the wire.
//!
//! Accepts no more than RFC 9112 does, so that a client's mistake is answered by a 400 that names it.

use std::ops::Range;

use super::connection::Refusal;

/// A parsed head. Text that is not UTF-8 is read as ISO 8859-1.
#[derive(Debug)]
pub(super) struct Request {
    head: String,
    method: Range<usize>,
    target: Range<usize>,
    fields: Vec<(Range<usize>, Range<usize>)>,
    pub(super) minor_version: u8,
}

/// How long the body that follows a head is. RFC 9112 §6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
}

impl Request {
    /// Parses a head, given with its final empty line.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let head = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().copied().map(char::from).collect(),
        };
        let mut lines = lines(&head);
        let first = lines.next().unwrap_or(0..0);
        let mut words = head[first].split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Refusal::bad("the request line is not three words"));
        };
        let minor_version = match version {
            "HTTP/1.1" => 1,
            "HTTP/1.0" => 0,
            _ => return Err(Refusal::new(505, "the version is neither HTTP/1.1 nor HTTP/1.0")),
        };
        if !is_token(method) {
            return Err(Refusal::bad("the method is no token"));
        }
        if target.is_empty() {
            return Err(Refusal::bad("the request target is empty"));
        }
        let method = 0..method.len();
        let target = method.end + 1..method.end + 1 + target.len();
        let mut fields = Vec::with_capacity(16);
        for line in lines {
            if line.is_empty() {
                break;
            }
            if fields.len() == FIELD_LIMIT {
                return Err(Refusal::new(431, "there are too many fields"));
            }
            fields.push(field(&head, line)?);
        }
        let request = Self { method, target, fields, minor_version, head };
        if request.minor_version == 1 && request.values("host").count() != 1 {
            return Err(Refusal::bad("there is not exactly one Host field"));
        }
        Ok(request)
    }

    pub(super) fn method(&self) -> &str {
        &self.head[self.method.clone()]
    }

    pub(super) fn target(&self) -> &str {
        &self.head[self.target.clone()]
    }

    /// The target's path: without the query, and without the origin in absolute form.
    pub(super) fn path(&self) -> &str {
        let target = self.target();
        let path = match target.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => {
                rest.find('/').map_or("/", |slash| &rest[slash..])
            }
            _ => target,
        };
        path.split('?').next().unwrap_or_default()
    }

    /// The query's pairs, percent-decoded.
    pub(super) fn query(&self) -> impl Iterator<Item = (String, String)> {
        let query = self.target().split_once('?').map_or("", |(_, query)| query);
        query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
    }

    pub(super) fn query_value(&self, wanted: &str) -> Option<String> {
        self.query().find(|(name, _)| name == wanted).map(|(_, value)| value)
    }

    /// All fields, in the order and case in which they came.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (&self.head[name.clone()], &self.head[value.clone()]))
    }

    pub(super) fn values<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    }

    pub(super) fn value<'a>(&'a self, wanted: &'a str) -> Option<&'a str> {
        self.values(wanted).next()
    }

    /// Whether a comma-separated field has this token.
    pub(super) fn has_token(&self, name: &str, token: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(token))
    }

    /// RFC 9112 §6.3; what is ambiguous there is refused here.
    pub(super) fn framing(&self) -> Result<Framing, Refusal> {
        let mut codings = self.values("transfer-encoding");
        let mut lengths = self.values("content-length");
        match (codings.next(), lengths.next()) {
            (Some(_), Some(_)) => {
                Err(Refusal::bad("there are both Transfer-Encoding and Content-Length"))
            }
            (Some(coding), None) => {
                if !coding.eq_ignore_ascii_case("chunked") || codings.next().is_some() {
                    return Err(Refusal::new(501, "the transfer coding is not just chunked"));
                }
                Ok(Framing::Chunked)
            }
            (None, Some(length)) => {
                let digits = length.bytes().all(|byte| byte.is_ascii_digit());
                match length.parse() {
                    Ok(number) if digits && lengths.next().is_none() => Ok(Framing::Length(number)),
                    _ => Err(Refusal::bad("Content-Length is not one number")),
                }
            }
            (None, None) => Ok(Framing::Length(0)),
        }
    }
}

/// The ranges of the lines of `head`, without their line ends.
fn lines(head: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    head.split("\r\n").map(move |line| {
        let range = start..start + line.len();
        start = range.end + 2;
        range
    })
}

fn field(head: &str, line: Range<usize>) -> Result<(Range<usize>, Range<usize>), Refusal> {
    let text = &head[line.clone()];
    let Some(colon) = text.find(':') else {
        return Err(Refusal::bad("a field has no colon"));
    };
    if !is_token(&text[..colon]) {
        return Err(Refusal::bad("a field's name is no token"));
    }
    let value = &text[colon + 1..];
    if value.contains(['\r', '\n', '\0']) {
        return Err(Refusal::bad("a field's value has a control character"));
    }
    let is_space = |character| character == ' ' || character == '\t';
    let start = line.end - value.trim_start_matches(is_space).len();
    let length = value.trim_matches(is_space).len();
    Ok((line.start..line.start + colon, start..start + length))
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let special = b"!#$%&'*+-.^_`|~";
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || special.contains(&byte))
}

/// Undoes percent-encoding and `+`; what is no UTF-8 afterwards is replaced.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(if first == b'+' { b' ' } else { first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

const FIELD_LIMIT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_keeps_order_case_and_spelling() {
        let head = b"GET /a/b?x=1&y=%2F+z HTTP/1.1\r\nHOST: a\r\nX-b:\t c d \r\nx-B:\r\n\r\n";
        let request = Request::parse(head).unwrap();

        assert_eq!((request.method(), request.path()), ("GET", "/a/b"));
        let query: Vec<_> = request.query().collect();
        assert_eq!(query, [("x".into(), "1".into()), ("y".into(), "/ z".into())]);
        let fields: Vec<_> = request.fields().collect();
        assert_eq!(fields, [("HOST", "a"), ("X-b", "c d"), ("x-B", "")]);
        assert_eq!(request.framing(), Ok(Framing::Length(0)));
    }

    #[test]
    fn a_path_is_found_in_every_form_of_target() {
        for (target, path) in [
            ("/", "/"),
            ("/a?b", "/a"),
            ("http://host/a?b", "/a"),
            ("http://host", "/"),
            ("*", "*"),
            ("/a?u=http://b/c", "/a"),
        ] {
            let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(Request::parse(head.as_bytes()).unwrap().path(), path, "{target}");
        }
    }

    #[test]
    fn a_broken_head_is_refused_by_name() {
        for (head, refusal) in [
            ("GET /\r\n\r\n", "the request line is not three words"),
            ("GET  / HTTP/1.1\r\n\r\n", "the request line is not three words"),
            ("G(T / HTTP/1.1\r\n\r\n", "the method is no token"),
            ("GET / HTTP/2.0\r\n\r\n", "the version is neither HTTP/1.1 nor HTTP/1.0"),
            ("GET / HTTP/1.1\r\n\r\n", "there is not exactly one Host field"),
            ("GET / HTTP/1.1\r\nHost: a\r\nb\r\n\r\n", "a field has no colon"),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "a field's name is no token"),
            ("GET / HTTP/1.1\r\nHost: a\nb\r\n\r\n", "a field's value has a control character"),
        ] {
            assert_eq!(Request::parse(head.as_bytes()).unwrap_err().reason, refusal, "{head}");
        }
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        for (fields, framing) in [
            ("Content-Length: 5", Ok(Framing::Length(5))),
            ("transfer-encoding: Chunked", Ok(Framing::Chunked)),
            ("Content-Length: +5", Err("Content-Length is not one number")),
            ("Content-Length: 5\r\nContent-Length: 5", Err("Content-Length is not one number")),
            ("Transfer-Encoding: gzip, chunked", Err("the transfer coding is not just chunked")),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 5",
                Err("there are both Transfer-Encoding and Content-Length"),
            ),
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
            let got = Request::parse(head.as_bytes()).unwrap().framing();
            assert_eq!(got.map_err(|refusal| refusal.reason), framing, "{fields}");
        }
    }
}
