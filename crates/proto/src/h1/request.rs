//! The head of a request, written in one pass into one buffer.
//!
//! The order is fixed: request line, `Host`, `Connection`, `Content-Length` or `Transfer-Encoding`,
//! then the caller's fields in their order and letter case. Which fields there are, and that they are
//! well formed, is settled before: this file checks nothing again except in debug builds.

use http::Method;
use url::{Position, Url};

/// The part of a request that comes before its fields.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// What the request is for.
    pub target: Target<'a>,
    /// The value of `Host`; `None` takes it from the target, with a port only where the URL has one.
    pub host: Option<&'a [u8]>,
    /// What the request asks of the connection; `None` writes no `Connection`.
    pub connection: Option<Connection>,
    /// How the body is delimited.
    pub body: RequestBody,
}

/// The request target (RFC 9112 §3.2). User and password in a URL are never written.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// Path and query: a request to an origin, or through a tunnel.
    Origin(&'a Url),
    /// The whole URL without fragment: a request for `http:` to a proxy.
    Absolute(&'a Url),
    /// `host:port`, for `CONNECT`.
    Authority(&'a str),
}

/// The value of `Connection` (RFC 9110 §7.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// The connection shall serve more requests.
    KeepAlive,
    /// The connection ends with this request.
    Close,
    /// The fields name a protocol to change to.
    Upgrade,
}

/// How the body of a request is delimited (RFC 9112 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody {
    /// No body and no field for it.
    None,
    /// So many bytes. Zero is how a `POST` without a body says so.
    ContentLength(u64),
    /// Chunks until the last one.
    Chunked,
}

/// Appends a whole head, with the blank line, to `out`.
///
/// `fields` hold no `Host`, `Connection`, `Content-Length` or `Transfer-Encoding`: those are `head`'s.
pub fn write_head<'f>(
    out: &mut Vec<u8>,
    head: &RequestHead<'_>,
    fields: impl IntoIterator<Item = (&'f str, &'f [u8])>,
) {
    begin_head(out, head);
    for (name, value) in fields {
        write_field(out, name, value);
    }
    end_head(out);
}

/// Appends the request line and the fields that are the head's own: the first of the three steps of
/// [`write_head`].
pub fn begin_head(out: &mut Vec<u8>, head: &RequestHead<'_>) {
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b' ');
    match head.target {
        Target::Origin(url) => write(out, path_and_query(url)),
        Target::Absolute(url) => {
            write(out, url.scheme());
            write(out, "://");
            write(out, authority(url));
            write(out, path_and_query(url));
        }
        Target::Authority(authority) => write(out, authority),
    }
    write(out, " HTTP/1.1\r\nHost: ");
    match (head.host, head.target) {
        (Some(host), _) => write_value(out, host),
        (None, Target::Origin(url) | Target::Absolute(url)) => write(out, authority(url)),
        (None, Target::Authority(authority)) => write(out, authority),
    }
    match head.connection {
        None => {}
        Some(Connection::KeepAlive) => write(out, "\r\nConnection: keep-alive"),
        Some(Connection::Close) => write(out, "\r\nConnection: close"),
        Some(Connection::Upgrade) => write(out, "\r\nConnection: Upgrade"),
    }
    match head.body {
        RequestBody::None => {}
        RequestBody::ContentLength(length) => {
            write(out, "\r\nContent-Length: ");
            write_decimal(out, length);
        }
        RequestBody::Chunked => write(out, "\r\nTransfer-Encoding: chunked"),
    }
}

/// Appends one of the caller's fields: any number of them between [`begin_head`] and [`end_head`].
pub fn write_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    debug_assert!(!name.is_empty() && !FRAMING.iter().any(|own| name.eq_ignore_ascii_case(own)));
    out.reserve(name.len() + value.len() + 4);
    write(out, "\r\n");
    write_value(out, name.as_bytes());
    write(out, ": ");
    write_value(out, value);
}

/// One field as [`write_lines`] takes it, for fields that are the same in many heads.
pub fn field_line(name: &str, value: &[u8]) -> Vec<u8> {
    let mut line = Vec::new();
    write_field(&mut line, name, value);
    line
}

/// Appends fields made by [`field_line`].
pub fn write_lines(out: &mut Vec<u8>, lines: &[u8]) {
    out.extend_from_slice(lines);
}

/// Appends the blank line.
pub fn end_head(out: &mut Vec<u8>) {
    write(out, "\r\n\r\n");
}

fn write(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Writes what was checked at the boundary: a line end in it would begin another message.
fn write_value(out: &mut Vec<u8>, value: &[u8]) {
    debug_assert!(!value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')), "{value:?}");
    out.extend_from_slice(value);
}

fn write_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

fn path_and_query(url: &Url) -> &str {
    &url[Position::BeforePath..Position::AfterQuery]
}

/// Host and port without user and password.
fn authority(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

/// Fields that [`RequestHead`] writes.
const FRAMING: [&str; 4] = ["host", "connection", "content-length", "transfer-encoding"];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(head: &RequestHead<'_>, fields: &[(&str, &[u8])]) -> String {
        let mut out = b"before|".to_vec();
        write_head(&mut out, head, fields.iter().copied());
        String::from_utf8(out).unwrap().strip_prefix("before|").unwrap().to_owned()
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_head_is_written_in_its_order_and_letter_case() {
        let url = url("http://user:secret@example.org:8080/a%20b/?q=1&r#part");
        let head = RequestHead {
            method: &Method::POST,
            target: Target::Origin(&url),
            host: None,
            connection: Some(Connection::KeepAlive),
            body: RequestBody::ContentLength(18_446_744_073_709_551_615),
        };
        let fields: [(&str, &[u8]); 3] = [("X-Trace", b"7"), ("accept", b"*/*"), ("x-TRACE", b"")];
        assert_eq!(
            written(&head, &fields),
            "POST /a%20b/?q=1&r HTTP/1.1\r\nHost: example.org:8080\r\nConnection: keep-alive\r\n\
             Content-Length: 18446744073709551615\r\nX-Trace: 7\r\naccept: */*\r\nx-TRACE: \r\n\r\n"
        );
    }

    #[test]
    fn every_target_names_its_host_and_no_user() {
        let plain = url("https://user:secret@example.org:443");
        let odd = url("http://u@[::1]:81/?#f");
        for (target, host, expected) in [
            (Target::Origin(&plain), None, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
            (Target::Origin(&odd), None, "GET /? HTTP/1.1\r\nHost: [::1]:81\r\n\r\n"),
            (
                Target::Absolute(&odd),
                None,
                "GET http://[::1]:81/? HTTP/1.1\r\nHost: [::1]:81\r\n\r\n",
            ),
            (
                Target::Absolute(&plain),
                Some(&b"other.example"[..]),
                "GET https://example.org/ HTTP/1.1\r\nHost: other.example\r\n\r\n",
            ),
            (
                Target::Authority("example.org:443"),
                None,
                "GET example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
            ),
        ] {
            let head = RequestHead {
                method: &Method::GET,
                target,
                host,
                connection: None,
                body: RequestBody::None,
            };
            assert_eq!(written(&head, &[]), expected);
        }
    }

    #[test]
    fn connection_and_body_have_one_line_each() {
        let url = url("http://h/");
        for (connection, body, expected) in [
            (None, RequestBody::ContentLength(0), "Content-Length: 0\r\n"),
            (None, RequestBody::Chunked, "Transfer-Encoding: chunked\r\n"),
            (Some(Connection::Close), RequestBody::None, "Connection: close\r\n"),
            (
                Some(Connection::Upgrade),
                RequestBody::ContentLength(10),
                "Connection: Upgrade\r\nContent-Length: 10\r\n",
            ),
        ] {
            let head = RequestHead {
                method: &Method::PUT,
                target: Target::Origin(&url),
                host: None,
                connection,
                body,
            };
            let expected = format!("PUT / HTTP/1.1\r\nHost: h\r\n{expected}\r\n");
            assert_eq!(written(&head, &[]), expected);
        }
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "[97, 13, 10, 98]")]
    fn a_line_end_in_a_value_is_caught_in_debug_builds() {
        let url = url("http://h/");
        let head = RequestHead {
            method: &Method::GET,
            target: Target::Origin(&url),
            host: None,
            connection: None,
            body: RequestBody::None,
        };
        write_head(&mut Vec::new(), &head, [("a", &b"a\r\nb"[..])]);
    }
}
