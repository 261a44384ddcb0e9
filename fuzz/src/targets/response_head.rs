//! The head of a response.
//!
//! Where it ends does not depend on how its bytes arrive, what is read from it lies on one line, and
//! written out again it reads the same.

use bytes::Bytes;
use http::Method;
use netreq_proto::h1::{HeadError, HeadLimits, HeadScanner, ResponseHead, body_length, may_reuse};

use crate::mutation::pieces;

/// Reads `data` as the beginning of a connection.
pub fn response_head(data: &[u8]) {
    let at_once = HeadScanner::with_limits(LIMITS).find_end(data);
    assert_eq!(at_once, in_pieces(data), "the end depends on how the bytes arrive");
    let Ok(Some(end)) = at_once else { return };
    assert!(end <= data.len().min(LIMITS.bytes));

    let Ok(head) = ResponseHead::parse(Bytes::copy_from_slice(&data[..end]), &LIMITS) else {
        return;
    };
    assert!((100..=999).contains(&head.status()));
    assert!(head.field_count() <= LIMITS.fields);
    assert!(is_one_line(head.reason()));
    for (name, value) in head.fields() {
        assert!(
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
        );
        assert!(is_one_line(value) && !value.starts_with(b" ") && !value.ends_with(b" "));
    }
    for method in [Method::GET, Method::HEAD, Method::CONNECT] {
        if let Ok(length) = body_length(&method, &head) {
            may_reuse(&head, &length, false);
        }
    }

    assert_same(&head, &head.as_bytes().clone());
    assert_same(&head, &written(&head).into());
}

fn in_pieces(data: &[u8]) -> Result<Option<usize>, HeadError> {
    let mut scanner = HeadScanner::with_limits(LIMITS);
    let mut length = 0;
    let mut end = scanner.find_end(b"");
    for piece in pieces(data) {
        length += piece.len();
        end = scanner.find_end(&data[..length]);
        if end != Ok(None) {
            break;
        }
    }
    end
}

fn written(head: &ResponseHead) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {} ", head.status()).into_bytes();
    bytes.extend_from_slice(head.reason());
    for (name, value) in head.fields() {
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
    }
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes
}

fn assert_same(head: &ResponseHead, again: &Bytes) {
    // Spaces that were left out may come back, so the limit is not the same one.
    let limits = HeadLimits { bytes: 4 * LIMITS.bytes, ..LIMITS };
    let again = ResponseHead::parse(again.clone(), &limits);
    let again = again.unwrap_or_else(|error| panic!("no head any more: {error}"));
    assert_eq!(head.status(), again.status());
    assert_eq!(head.reason(), again.reason());
    assert!(head.fields().eq(again.fields()), "{head:?} became {again:?}");
}

fn is_one_line(bytes: &[u8]) -> bool {
    !bytes.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
}

const LIMITS: HeadLimits = HeadLimits { bytes: 1024, fields: 24 };

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 ",
    "\r\n\r\n",
    "\n\n",
    "\r\n ",
    "\r\n\t",
    "Content-Length: 5\r\n",
    "Content-Length : 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding: gzip, chunked\r\n",
    "Connection: close\r\n",
    "Set-Cookie: a=b\r\n",
    "Location: /\r\n",
    ": ",
];
