//! How answers are written: JSON, content codings, base64 and reason phrases.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

/// Appends `text` as a JSON string. RFC 8259 §7.
pub(super) fn push_json(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            control if control < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

/// Appends an object whose values are strings.
pub(super) fn push_json_object<'a>(
    json: &mut String,
    members: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    json.push('{');
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            json.push_str(", ");
        }
        push_json(json, name);
        json.push_str(": ");
        push_json(json, value);
    }
    json.push('}');
}

/// A content coding that a route answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    /// `deflate` as specified: with zlib's frame. RFC 9110 §8.4.1.2.
    Deflate,
    /// `deflate` as some servers send it: without the frame.
    RawDeflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// The route's name, and how `Content-Encoding` calls it.
    pub(super) fn named(route: &str) -> Option<(Self, &'static str)> {
        Some(match route {
            "gzip" => (Self::Gzip, "gzip"),
            "deflate" => (Self::Deflate, "deflate"),
            "raw-deflate" => (Self::RawDeflate, "deflate"),
            "br" => (Self::Brotli, "br"),
            "zstd" => (Self::Zstd, "zstd"),
            _ => return None,
        })
    }

    pub(super) fn encode(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Self::RawDeflate => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Self::Brotli => Ok(brotli(bytes)),
            Self::Zstd => zstd::encode_all(bytes, 0),
        }
    }
}

/// A Brotli stream of uncompressed meta-blocks, which needs no encoder. RFC 7932 §9.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Vec::with_capacity(bytes.len() + 8);
    // The first bit says a window of 64 KiB; each block then begins at a whole byte.
    let mut offset = 1;
    for block in bytes.chunks(1 << 16) {
        // Not the last, four nibbles of length, the length minus one, uncompressed.
        let header = ((block.len() - 1) << 3 | 1 << 19) << offset;
        stream.extend_from_slice(&header.to_le_bytes()[..3]);
        stream.extend_from_slice(block);
        offset = 0;
    }
    // The last block, which is empty.
    stream.push(0b11 << offset);
    stream
}

/// RFC 4648 §4.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for index in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// RFC 9110 §15; empty for a status that has no phrase of its own.
pub(super) fn reason_of(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn base64_is_padded() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(b"user:pass\xff"), "dXNlcjpwYXNz/w==");
    }

    #[test]
    fn json_strings_are_escaped() {
        let mut json = String::new();
        push_json(&mut json, "a\"b\\c\n\u{1}é");
        assert_eq!(json, r#""a\"b\\c\n\u0001é""#);
    }

    #[test]
    fn codings_are_undone_by_their_decoders() {
        for length in [0, 1, 300, 65_536, 65_537, 200_000] {
            let bytes = crate::pattern(length);
            let mut got = Vec::new();
            let gzip = Coding::Gzip.encode(&bytes).unwrap();
            flate2::read::GzDecoder::new(gzip.as_slice()).read_to_end(&mut got).unwrap();
            assert_eq!(got, bytes);
            got.clear();
            let raw = Coding::RawDeflate.encode(&bytes).unwrap();
            flate2::read::DeflateDecoder::new(raw.as_slice()).read_to_end(&mut got).unwrap();
            assert_eq!(got, bytes);
            got.clear();
            let brotli = Coding::Brotli.encode(&bytes).unwrap();
            brotli_decompressor::Decompressor::new(brotli.as_slice(), 4096)
                .read_to_end(&mut got)
                .unwrap();
            assert_eq!(got, bytes);
            let zstd = Coding::Zstd.encode(&bytes).unwrap();
            assert_eq!(zstd::decode_all(zstd.as_slice()).unwrap(), bytes);
        }
    }
}
