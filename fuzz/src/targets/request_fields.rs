//! Method and fields that a caller sets.
//!
//! What the rules accept stands in the head as it was given, on a line of its own, and adds no line.

use http::Method;
use netreq_proto::h1::{RequestBody, RequestHead, Target, write_head};
use netreq_proto::header::{check_method, check_name, check_restricted, check_value, is_framing};

/// Reads `data` as parts between bytes 0xff: the method, then names and values by turns.
pub fn request_fields(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == 0xff);
    let method = parts.next().and_then(|text| str::from_utf8(text).ok()).unwrap_or_default();
    let method = match check_method(method) {
        Ok(()) => method.parse().unwrap_or_else(|_| panic!("{method:?} is accepted")),
        Err(error) => {
            assert_shows_on_one_line(&error.to_string());
            Method::GET
        }
    };

    let mut accepted = Vec::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        let Ok(name) = str::from_utf8(name) else { continue };
        match check_name(name).and_then(|()| check_value(name, value)) {
            Ok(()) if is_framing(name) => assert!(check_restricted(name, value).is_err(), "{name}"),
            // Values of their own in the head, not fields of the caller's.
            Ok(()) if ["host", "connection"].iter().any(|own| name.eq_ignore_ascii_case(own)) => {}
            Ok(()) => accepted.push((name, value)),
            Err(error) => assert_shows_on_one_line(&error.to_string()),
        }
    }

    let target = Target::Authority("a.test:443");
    let head = RequestHead {
        method: &method,
        target,
        host: None,
        connection: None,
        body: RequestBody::None,
    };
    let mut written = Vec::new();
    write_head(&mut written, &head, accepted.iter().copied());
    let mut expected = format!("{method} a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n").into_bytes();
    for (name, value) in &accepted {
        expected.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    expected.extend_from_slice(b"\r\n");
    assert_eq!(written, expected);
    let ends = written.iter().filter(|byte| matches!(byte, b'\r' | b'\n' | 0)).count();
    assert_eq!(ends, 2 * (accepted.len() + 3), "a field adds a line: {accepted:?}");
}

fn assert_shows_on_one_line(shown: &str) {
    assert!(!shown.contains(['\r', '\n', '\0']), "{shown:?}");
}

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "GET",
    "CONNECT",
    "Content-Length",
    "Host",
    "Transfer-Encoding",
    "Connection",
    "close",
    "keep-alive",
    "Proxy-Authorization",
    "X-HTTP-Method-Override",
    "X-A",
    "\r\nX-Injected: 1",
    "\u{e9}",
    ": ",
];
