//! How long the body of a response is, and whether its connection serves another request.
//!
//! The rules are those of RFC 9112 §6 and §9.3, read strictly: a head that two readers could take for
//! bodies of different length is refused. Nothing here reads the body.

use std::fmt;

use http::Method;

use super::{fields::members, head::ResponseHead, head::Version};
use crate::net_error::NetError;

/// Where the body of a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is no body, whatever the fields say.
    None,
    /// After so many bytes. Fewer are `ERR_CONTENT_LENGTH_MISMATCH`.
    Exact(u64),
    /// Where the chunked coding ends. An earlier end is `ERR_INCOMPLETE_CHUNKED_ENCODING`.
    Chunked,
    /// Where the server closes the connection.
    UntilClose,
}

/// How the body of the response `head` to a request by `method` is delimited.
///
/// `HEAD`, 1xx, 204, 304 and a 2xx to `CONNECT` have none. A 205 without a length has none either,
/// as in Chromium: servers leave its length out and keep the connection open.
///
/// # Errors
///
/// [`FramingError`] for a head whose body could be read in two ways.
///
/// RFC 9112 §6.3; Chromium `HttpStreamParser::CalculateResponseBodySize`, which is laxer.
pub fn body_length(method: &Method, head: &ResponseHead) -> Result<BodyLength, FramingError> {
    let status = head.status();
    let tunnels = *method == Method::CONNECT && (200..300).contains(&status);
    if *method == Method::HEAD || tunnels || matches!(status, 100..=199 | 204 | 304) {
        // The field describes another response here, and a malformed one misleads nobody. Copies that
        // differ are a sign of an attack in any response.
        return match content_length(head) {
            Err(FramingError::DifferingContentLengths) if !has_transfer_encoding(head) => {
                Err(FramingError::DifferingContentLengths)
            }
            Err(_) | Ok(_) => Ok(BodyLength::None),
        };
    }
    if has_transfer_encoding(head) {
        return transfer_encoded(head);
    }
    match content_length(head)? {
        Some(length) => Ok(BodyLength::Exact(length)),
        None if status == RESET_CONTENT => Ok(BodyLength::None),
        None => Ok(BodyLength::UntilClose),
    }
}

/// Whether the connection may serve another request once the body of `length` has been read.
///
/// `request_asked_close` says that the request carried `Connection: close`. A 2xx to `CONNECT` is the
/// caller's to know: its connection is a tunnel now.
///
/// `Proxy-Connection` counts like `Connection`, as in Chromium
/// (`HttpResponseHeaders::IsKeepAlive`), but a `close` in either wins.
///
/// RFC 9112 §9.3, and §6.3 for a response with both `Transfer-Encoding` and `Content-Length`.
pub fn may_reuse(head: &ResponseHead, length: &BodyLength, request_asked_close: bool) -> bool {
    let says = |token| PERSISTENCE.iter().any(|name| head.has_token(name, token));
    if request_asked_close || head.status() == SWITCHING_PROTOCOLS || says("close") {
        return false;
    }
    if head.version() == Version::Http10 && !says("keep-alive") {
        return false;
    }
    let has_both = || has_transfer_encoding(head) && head.get(CONTENT_LENGTH).is_some();
    match length {
        BodyLength::UntilClose => false,
        BodyLength::Exact(_) => true,
        BodyLength::Chunked => !has_both(),
        BodyLength::None => match head.status() {
            // A server that announces a body here may also send one.
            NO_CONTENT => {
                !has_transfer_encoding(head) && matches!(content_length(head), Ok(None | Some(0)))
            }
            // Whether a body follows is not known: it was not announced.
            RESET_CONTENT => false,
            _ => !has_both(),
        },
    }
}

/// Why the length of a body is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// `Content-Length` is not a plain decimal number that fits.
    ContentLength,
    /// Several `Content-Length` values that differ.
    DifferingContentLengths,
    /// `Transfer-Encoding` in a response of HTTP/1.0, which does not have it (RFC 9112 §6.1).
    TransferEncodingInHttp10,
    /// `Transfer-Encoding` is something else than `chunked`, once.
    TransferEncoding,
}

impl FramingError {
    /// Chromium's name for it.
    pub fn net_error(&self) -> NetError {
        match self {
            Self::DifferingContentLengths => NetError::ResponseHeadersMultipleContentLength,
            Self::ContentLength | Self::TransferEncodingInHttp10 | Self::TransferEncoding => {
                NetError::InvalidHttpResponse
            }
        }
    }
}

impl fmt::Display for FramingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ContentLength => "the Content-Length is not a number",
            Self::DifferingContentLengths => "several Content-Length values that differ",
            Self::TransferEncodingInHttp10 => "a Transfer-Encoding in a response of HTTP/1.0",
            Self::TransferEncoding => "the Transfer-Encoding is not chunked alone",
        })
    }
}

impl std::error::Error for FramingError {}

fn has_transfer_encoding(head: &ResponseHead) -> bool {
    head.get(TRANSFER_ENCODING).is_some()
}

/// `chunked` alone is decoded. `identity` alone, which RFC 2616 had, changes nothing: the body then
/// ends with the connection (RFC 9112 §6.3 rule 4). Any other coding would be delivered undecoded.
fn transfer_encoded(head: &ResponseHead) -> Result<BodyLength, FramingError> {
    if head.version() == Version::Http10 {
        return Err(FramingError::TransferEncodingInHttp10);
    }
    let mut codings = head.get_all(TRANSFER_ENCODING).flat_map(members);
    match (codings.next(), codings.next()) {
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(BodyLength::Chunked),
        (Some(coding), None)
            if coding.eq_ignore_ascii_case(b"identity") && head.get(CONTENT_LENGTH).is_none() =>
        {
            Ok(BodyLength::UntilClose)
        }
        _ => Err(FramingError::TransferEncoding),
    }
}

/// The one number all `Content-Length` fields and their list members agree on, written alike.
fn content_length(head: &ResponseHead) -> Result<Option<u64>, FramingError> {
    let mut agreed: Option<(&[u8], u64)> = None;
    for field in head.get_all(CONTENT_LENGTH) {
        // A list is rare, and walking one costs more than all the rest.
        let whole = decimal(field).map(|length| (field, length));
        let Some(whole) = whole else {
            for value in members(field) {
                let length = decimal(value).ok_or(FramingError::ContentLength)?;
                agree(&mut agreed, (value, length))?;
            }
            continue;
        };
        agree(&mut agreed, whole)?;
    }
    Ok(agreed.map(|(_, length)| length))
}

fn agree<'a>(
    agreed: &mut Option<(&'a [u8], u64)>,
    next: (&'a [u8], u64),
) -> Result<(), FramingError> {
    match agreed {
        None => *agreed = Some(next),
        Some((written, _)) if *written == next.0 => {}
        Some(_) => return Err(FramingError::DifferingContentLengths),
    }
    Ok(())
}

/// Digits only: no sign, no prefix, no space, no empty number.
fn decimal(digits: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    (!digits.is_empty()).then_some(number)
}

const CONTENT_LENGTH: &str = "content-length";
const TRANSFER_ENCODING: &str = "transfer-encoding";
const PERSISTENCE: [&str; 2] = ["connection", "proxy-connection"];

const SWITCHING_PROTOCOLS: u16 = 101;
const NO_CONTENT: u16 = 204;
const RESET_CONTENT: u16 = 205;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{super::head::HeadLimits, *};

    fn head(status_line: &str, lines: &str) -> ResponseHead {
        let bytes = Bytes::from(format!("HTTP/{status_line}\r\n{lines}\r\n"));
        ResponseHead::parse(bytes, &HeadLimits::DEFAULT).unwrap()
    }

    #[test]
    fn a_body_has_the_one_length_its_head_gives() {
        use BodyLength::{Chunked, Exact, None, UntilClose};
        for (lines, length) in [
            ("", UntilClose),
            ("Content-Length: 0\r\n", Exact(0)),
            ("Content-Length: 5\r\n", Exact(5)),
            ("content-length:007\r\n", Exact(7)),
            ("Content-Length: 18446744073709551615\r\n", Exact(u64::MAX)),
            ("Content-Length: 5\r\ncontent-length: 5\r\n", Exact(5)),
            ("Content-Length: 5, 5\r\nContent-Length: 5\r\n", Exact(5)),
            ("Transfer-Encoding: chunked\r\n", Chunked),
            ("transfer-encoding: CHUNKED \r\n", Chunked),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Chunked),
            ("Content-Length: 5\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n", Chunked),
            ("Transfer-Encoding: identity\r\n", UntilClose),
        ] {
            let ok = head("1.1 200 OK", lines);
            assert_eq!(body_length(&Method::GET, &ok), Ok(length), "{lines:?}");
            assert_eq!(body_length(&Method::HEAD, &ok), Ok(None), "{lines:?}");
            assert_eq!(body_length(&Method::CONNECT, &ok), Ok(None), "{lines:?}");
            let refused = head("1.1 407 Proxy Authentication Required", lines);
            assert_eq!(body_length(&Method::CONNECT, &refused), Ok(length), "{lines:?}");
            for status in [100, 101, 103, 199, 204, 304] {
                let bodiless = head(&format!("1.1 {status} x"), lines);
                assert_eq!(body_length(&Method::GET, &bodiless), Ok(None), "{status} {lines:?}");
            }
        }
        for (lines, length) in [("", None), ("Content-Length: 3\r\n", Exact(3))] {
            let reset = head("1.1 205 Reset Content", lines);
            assert_eq!(body_length(&Method::GET, &reset), Ok(length), "205 {lines:?}");
        }
    }

    #[test]
    fn a_length_that_could_be_read_in_two_ways_is_refused() {
        use FramingError::{
            ContentLength, DifferingContentLengths, TransferEncoding, TransferEncodingInHttp10,
        };
        for (version, lines, error) in [
            ("1.1", "Content-Length: 5\r\nContent-Length: 6\r\n", DifferingContentLengths),
            ("1.1", "Content-Length: 5, 6\r\n", DifferingContentLengths),
            ("1.1", "Content-Length: 5\r\nCONTENT-LENGTH: 05\r\n", DifferingContentLengths),
            ("1.1", "Content-Length: +14\r\n", ContentLength),
            ("1.1", "Content-Length: -1\r\n", ContentLength),
            ("1.1", "Content-Length: 0x10\r\n", ContentLength),
            ("1.1", "Content-Length: 1e1\r\n", ContentLength),
            ("1.1", "Content-Length: 1.0\r\n", ContentLength),
            ("1.1", "Content-Length: 1 0\r\n", ContentLength),
            ("1.1", "Content-Length: \"5\"\r\n", ContentLength),
            ("1.1", "Content-Length:\r\n", ContentLength),
            ("1.1", "Content-Length: 5,\r\n", ContentLength),
            ("1.1", "Content-Length: ,5\r\n", ContentLength),
            ("1.1", "Content-Length: 5\r\nContent-Length:\r\n", ContentLength),
            ("1.1", "Content-Length: \u{663}\r\n", ContentLength),
            ("1.1", "Content-Length: 18446744073709551616\r\n", ContentLength),
            ("1.1", "Content-Length: 99999999999999999999999\r\n", ContentLength),
            ("1.0", "Transfer-Encoding: chunked\r\n", TransferEncodingInHttp10),
            ("1.0", "Transfer-Encoding: x\r\nContent-Length: 1\r\n", TransferEncodingInHttp10),
            ("1.1", "Transfer-Encoding:\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: xchunked\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: chunkedx\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: \"chunked\"\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: chunked;q=1\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: \x0bchunked\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: chunked, chunked\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: chunked,\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: chunked, identity\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: identity, chunked\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: gzip, chunked\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: gzip\r\n", TransferEncoding),
            (
                "1.1",
                "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n",
                TransferEncoding,
            ),
            ("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n", TransferEncoding),
            ("1.1", "Transfer-Encoding: identity\r\nContent-Length: 5\r\n", TransferEncoding),
        ] {
            let found = body_length(&Method::GET, &head(&format!("{version} 200 OK"), lines));
            assert_eq!(found, Err(error), "{lines:?}");
            let expected = if error == DifferingContentLengths {
                NetError::ResponseHeadersMultipleContentLength
            } else {
                NetError::InvalidHttpResponse
            };
            assert_eq!(error.net_error(), expected);
        }
    }

    #[test]
    fn without_a_body_only_differing_lengths_are_refused() {
        for (lines, expected) in [
            ("Content-Length: x\r\n", Ok(BodyLength::None)),
            ("Transfer-Encoding: gzip\r\n", Ok(BodyLength::None)),
            (
                "Content-Length: 1\r\nContent-Length: 2\r\n",
                Err(FramingError::DifferingContentLengths),
            ),
        ] {
            assert_eq!(
                body_length(&Method::HEAD, &head("1.1 200 OK", lines)),
                expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_connection_is_reused_only_where_both_sides_agree_on_its_state() {
        for (method, status_line, lines, reusable) in [
            ("GET", "1.1 200 OK", "Content-Length: 5\r\n", true),
            ("GET", "1.1 200 OK", "Transfer-Encoding: chunked\r\n", true),
            ("GET", "1.1 200 OK", "", false),
            ("GET", "1.1 200 OK", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", false),
            ("HEAD", "1.1 200 OK", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", false),
            ("HEAD", "1.1 200 OK", "Content-Length: 5\r\n", true),
            ("HEAD", "1.1 200 OK", "", true),
            ("GET", "1.1 304 Not Modified", "Content-Length: 5\r\n", true),
            ("GET", "1.1 204 No Content", "", true),
            ("GET", "1.1 204 No Content", "Content-Length: 0\r\n", true),
            ("GET", "1.1 204 No Content", "Content-Length: 5\r\n", false),
            ("GET", "1.1 204 No Content", "Content-Length: x\r\n", false),
            ("GET", "1.1 204 No Content", "Transfer-Encoding: chunked\r\n", false),
            ("GET", "1.1 205 Reset Content", "", false),
            ("GET", "1.1 205 Reset Content", "Content-Length: 0\r\n", true),
            ("GET", "1.1 101 Switching Protocols", "Connection: Upgrade\r\n", false),
            ("GET", "1.1 200 OK", "Content-Length: 5\r\nConnection: close\r\n", false),
            ("GET", "1.1 200 OK", "Content-Length: 5\r\nConnection: x, CLOSE\r\n", false),
            ("GET", "1.1 200 OK", "Content-Length: 5\r\nConnection: closed\r\n", true),
            ("GET", "1.1 200 OK", "Content-Length: 5\r\nProxy-Connection: close\r\n", false),
            (
                "GET",
                "1.1 200 OK",
                "Content-Length: 5\r\nConnection: keep-alive\r\nConnection: close\r\n",
                false,
            ),
            ("GET", "1.0 200 OK", "Content-Length: 5\r\n", false),
            ("GET", "1.0 200 OK", "Content-Length: 5\r\nConnection: Keep-Alive\r\n", true),
            ("GET", "1.0 407 x", "Content-Length: 5\r\nProxy-Connection: keep-alive\r\n", true),
            ("GET", "1.0 200 OK", "Connection: keep-alive\r\n", false),
        ] {
            let head = head(status_line, lines);
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let length = body_length(&method, &head).unwrap();
            assert_eq!(
                may_reuse(&head, &length, false),
                reusable,
                "{method} {status_line} {lines:?}"
            );
            assert!(!may_reuse(&head, &length, true), "the request asked to close");
        }
    }
}
