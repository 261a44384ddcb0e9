//! The chunked transfer coding.
//!
//! Content, trailers, outcome and what is left over do not depend on how the bytes arrive, and what
//! is written with the coding is read back.

use bytes::BytesMut;
use netreq_proto::h1::{
    CRLF, Chunked, ChunkedDecoder, ChunkedError, ChunkedLimits, LAST_CHUNK, chunk_prefix,
};

use crate::mutation::pieces;

/// Reads `data` as a chunked body, then writes it as one.
pub fn chunked_body(data: &[u8]) {
    let at_once = read([data]);
    assert_eq!(at_once, read(pieces(data)), "the body depends on how its bytes arrive");
    assert!(at_once.content.len() + at_once.left.len() <= data.len());
    if at_once.outcome == Ok(Chunked::End) {
        assert!(data.ends_with(&at_once.left));
    }

    let mut written = Vec::new();
    for piece in pieces(data).into_iter().filter(|piece| !piece.is_empty()) {
        written.extend_from_slice(chunk_prefix(piece.len(), &mut [0; 18]));
        written.extend_from_slice(piece);
        written.extend_from_slice(CRLF);
    }
    written.extend_from_slice(LAST_CHUNK);
    let again = read(pieces(&written));
    assert_eq!(again.outcome, Ok(Chunked::End));
    assert!(again.content == data && again.left.is_empty() && again.trailers.is_empty());
}

/// What a decoder made of its input.
#[derive(Debug, PartialEq)]
struct Read {
    content: Vec<u8>,
    outcome: Result<Chunked, ChunkedError>,
    trailers: Vec<(String, Vec<u8>)>,
    /// After the end of the body; empty when there was none.
    left: Vec<u8>,
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut decoder = ChunkedDecoder::new(&LIMITS);
    let mut content = Vec::new();
    let mut input = BytesMut::new();
    let mut outcome = Ok(Chunked::WantsInput);
    for piece in pieces {
        input.extend_from_slice(piece);
        while outcome == Ok(Chunked::WantsInput) {
            outcome = decoder.decode(&mut input);
            match &outcome {
                Ok(Chunked::Data(data)) => {
                    assert!(!data.is_empty());
                    content.extend_from_slice(data);
                    outcome = Ok(Chunked::WantsInput);
                }
                Ok(Chunked::WantsInput) => break,
                Ok(Chunked::End) | Err(_) => {}
            }
        }
    }
    let ended = outcome == Ok(Chunked::End);
    assert_eq!(decoder.is_at_end(), ended);
    if outcome != Ok(Chunked::WantsInput) {
        assert_eq!(decoder.decode(&mut BytesMut::new()), outcome, "an outcome does not change");
    }
    let trailers = decoder.trailers().iter();
    let trailers = trailers.map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    Read { content, outcome, trailers, left: if ended { input.to_vec() } else { Vec::new() } }
}

const LIMITS: ChunkedLimits =
    ChunkedLimits { extension_bytes: 64, trailer_bytes: 256, trailer_fields: 8 };

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "0\r\n\r\n",
    "5\r\nhello\r\n",
    "0\r\n",
    "\r\n",
    ";name=value",
    ";name=\"quoted;\\\"value\"",
    "ffffffffffffffff",
    "7fffffffffffffff",
    "X-Trailer: 1\r\n",
    "Content-Length: 5\r\n",
    "00000000000000001",
];
