//! A door for the project's fuzz targets to what this crate keeps to itself.
//!
//! Behind the feature `fuzzing`, which nobody else needs, and no part of the API: anything here may
//! change or go with any version.

use std::net::IpAddr;

use bytes::Bytes;

use crate::coding::ContentDecoder;
use crate::resolve::{DnsQueryType, Question};
pub use crate::store::fuzzing::{Field, Found, Table, read_row, store_and_read};

/// The body that comes in `pieces` with this value of `Content-Encoding`, at most `limit` bytes of
/// it; as it came where there is nothing to undo.
///
/// # Errors
///
/// Why it cannot be decoded, as text.
pub fn decode_body(
    content_encoding: &[u8],
    pieces: &[&[u8]],
    limit: usize,
) -> Result<Vec<u8>, String> {
    let decoder = ContentDecoder::from_field([content_encoding].into_iter());
    let Some(mut decoder) = decoder.map_err(|error| error.to_string())? else {
        return Ok(pieces.concat());
    };
    let mut body = Vec::new();
    let mut pieces = pieces.iter();
    while body.len() < limit {
        let piece = pieces.next();
        let chunk = match piece {
            Some(piece) => {
                decoder.feed(Bytes::copy_from_slice(piece));
                decoder.decode()
            }
            None => decoder.finish(),
        };
        let mut chunk = chunk.map_err(|error| error.to_string())?;
        if chunk.is_none() && piece.is_none() {
            break;
        }
        while let Some(bytes) = chunk.filter(|_| body.len() < limit) {
            body.extend_from_slice(&bytes);
            drop(bytes);
            chunk = decoder.decode().map_err(|error| error.to_string())?;
        }
    }
    body.truncate(limit);
    Ok(body)
}

/// The question for the addresses of `host` as it is sent, where that can be a name in DNS, and the
/// addresses that `message` answers it with.
#[expect(clippy::type_complexity, reason = "a question with its answer has no name elsewhere")]
pub fn dns_addresses(
    host: &str,
    kind: DnsQueryType,
    message: &[u8],
) -> Option<(Vec<u8>, Result<Vec<IpAddr>, String>)> {
    let question = Question::new(host, kind)?;
    let answer = question.answer(message);
    let addresses = answer.map(|answer| answer.addresses).map_err(|cause| cause.to_string());
    Some((question.bytes, addresses))
}
