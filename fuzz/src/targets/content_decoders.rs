//! Content codings.
//!
//! What a body decodes to does not depend on how its bytes arrive, and it ends.

use netreq::fuzzing::decode_body;

use crate::mutation::pieces;

/// Reads `data` as a value of `Content-Encoding`, a line feed and a body.
pub fn content_decoders(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (field, body) = data.split_at(end);
    let body = body.get(1..).unwrap_or_default();

    let at_once = decode_body(field, &[body], LIMIT);
    let in_pieces = decode_body(field, &pieces(body), LIMIT);
    // How much comes before an error depends on the size of the chunks, and with it what is seen of a
    // body that is cut off here.
    if [&at_once, &in_pieces].iter().any(|body| body.as_ref().is_ok_and(|body| body.len() == LIMIT))
    {
        return;
    }
    // What was wrong may be noticed in another place, but is wrong either way.
    assert_eq!(at_once.is_ok(), in_pieces.is_ok(), "{at_once:?} or {in_pieces:?}");
    assert!(at_once.is_err() || at_once == in_pieces, "the body depends on how its bytes arrive");
}

/// Of a body that decodes to more, this much is looked at.
const LIMIT: usize = 32 * 1024;

/// Words of the grammar: names of codings, and how their data begins.
pub(super) const WORDS: &[&str] = &[
    "gzip\n",
    "x-gzip, ",
    "deflate\n",
    "br\n",
    "zstd\n",
    "gzip, br\n",
    "identity, ",
    "\u{1f}",
    "\u{8}",
    "x\u{1}",
    "(",
];
