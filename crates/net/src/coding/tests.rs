//! Every coding over every way of cutting its data, and what a hostile body may not do.

#![cfg(all(feature = "gzip", feature = "brotli", feature = "zstd"))]

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    ::zstd::stream::encode_all(data, 3).unwrap()
}

/// Blocks as they are, with the last one empty. RFC 7932 §9.2.
fn brotli(data: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for (index, block) in data.chunks(1 << 16).enumerate() {
        let length = (block.len() - 1) as u32;
        // From the low bit: the window (once), not the last, four nibbles, the length, as it is.
        let bits = length << 3 | 1 << 19;
        let bits = if index == 0 { bits << 1 } else { bits };
        encoded.extend_from_slice(&bits.to_le_bytes()[..3]);
        encoded.extend_from_slice(block);
    }
    encoded.push(if data.is_empty() { 6 } else { 3 });
    encoded
}

fn decoder(field: &str) -> ContentDecoder {
    ContentDecoder::from_field([field.as_bytes()].into_iter()).unwrap().expect(field)
}

/// The body after all of `pieces`, or why there is none.
fn decode<'a>(
    field: &str,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = decoder(field);
    let mut body = Vec::new();
    let mut keep = |chunk: Bytes| {
        assert!(!chunk.is_empty() && chunk.len() <= CHUNK);
        body.extend_from_slice(&chunk);
    };
    for piece in pieces {
        decoder.feed(Bytes::copy_from_slice(piece));
        while let Some(chunk) = decoder.decode()? {
            keep(chunk);
        }
    }
    while let Some(chunk) = decoder.finish()? {
        keep(chunk);
    }
    assert_eq!(decoder.finish(), Ok(None));
    Ok(body)
}

/// Bytes that compress to about a half.
fn text(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 28) as u8
    })
    .take(length)
    .collect()
}

type Encoder = fn(&[u8]) -> Vec<u8>;

const ENCODERS: [(&str, Encoder); 6] = [
    ("gzip", gzip),
    ("X-GZip", gzip),
    ("deflate", zlib),
    ("deflate", raw_deflate),
    ("br", brotli),
    ("zstd", zstd),
];

#[test]
fn a_small_body_survives_every_way_of_cutting_it() {
    for (field, encode) in ENCODERS {
        for data in [b"".as_slice(), b"a", b"hello, hello, hello"] {
            let encoded = encode(data);
            for first in 0..=encoded.len() {
                for second in first..=encoded.len() {
                    let pieces = [&encoded[..first], &encoded[first..second], &encoded[second..]];
                    assert_eq!(
                        decode(field, pieces).as_deref(),
                        Ok(data),
                        "{field} {first} {second}"
                    );
                }
            }
            assert_eq!(decode(field, encoded.chunks(1)).as_deref(), Ok(data), "{field}");
        }
    }
}

#[test]
fn a_large_body_survives_pieces_of_any_size() {
    let data = text(300_000);
    for (field, encode) in ENCODERS {
        let encoded = encode(&data);
        for size in [7, 1000, 65_536, usize::MAX] {
            let decoded = decode(field, encoded.chunks(size)).unwrap();
            assert!(decoded == data, "{field} in pieces of {size}");
        }
    }
}

#[test]
fn a_body_of_no_bytes_is_complete() {
    for field in ["gzip", "deflate", "br", "zstd", "gzip, br, zstd"] {
        assert_eq!(decode(field, []), Ok(Vec::new()), "{field}");
    }
}

#[test]
fn compressed_brotli_is_read() {
    assert_eq!(
        decode("br", [COMPRESSED_BROTLI]).unwrap(),
        b"hello, hello, hello, world. ".repeat(3)
    );
}

#[test]
fn codings_in_a_row_are_undone_from_the_last() {
    let data = text(200_000);
    let encoded = gzip(&zstd(&brotli(&zlib(&gzip(&data)))));
    let field = "gzip, deflate, identity, br, zstd, , x-gzip";
    for size in [1000, usize::MAX] {
        assert!(decode(field, encoded.chunks(size)).unwrap() == data);
    }
    let values: [&[u8]; 3] = [b"gzip,deflate", b"br", b" zstd\t,GZIP "];
    let decoder = ContentDecoder::from_field(values.into_iter()).unwrap().unwrap();
    assert_eq!(format!("{decoder:?}"), "[Gzip, Zstd, Brotli, Deflate, Gzip]");
}

#[test]
fn what_is_not_known_is_not_decoded_and_six_codings_are_refused() {
    for field in ["", "identity", " , ", "compress", "gzip, aws-chunked", "utf-8", "gzip;q=1"] {
        let decoder = ContentDecoder::from_field([field.as_bytes()].into_iter());
        assert!(matches!(decoder, Ok(None)), "{field}");
    }
    for count in [6, 1000] {
        let field = vec!["gzip"; count].join(",");
        let error = ContentDecoder::from_field([field.as_bytes()].into_iter()).unwrap_err();
        assert_eq!(error, DecodeError::TooManyCodings);
        assert_eq!(error.net_error(), NetError::ContentDecodingFailed);
        assert_eq!(error.to_string(), "more than 5 content codings");
    }
}

#[test]
fn a_mebibyte_of_any_token_is_read_in_one_pass() {
    const LENGTH: usize = 1024 * 1024;
    for token in [",", " ", "a", "a,", "identity,", "identity , "] {
        let field = token.repeat(LENGTH / token.len());
        let decoder = ContentDecoder::from_field([field.as_bytes()].into_iter()).unwrap();
        assert!(decoder.is_none(), "{token:?}");
    }
    let field = "gzip,".repeat(LENGTH / 5);
    let error = ContentDecoder::from_field([field.as_bytes()].into_iter()).unwrap_err();
    assert_eq!(error, DecodeError::TooManyCodings);
}

#[test]
fn a_body_that_ends_early_is_an_error_wherever_it_is_cut() {
    for (field, encode) in ENCODERS {
        let encoded = encode(&text(500));
        for length in 1..encoded.len() {
            let error = decode(field, [&encoded[..length]]).unwrap_err();
            assert!(matches!(error, DecodeError::Truncated(_)), "{field} {length}: {error}");
            assert_eq!(error.net_error(), NetError::ContentDecodingFailed);
        }
    }
    let encoded = gzip(&zstd(b"inner")[..5]);
    assert_eq!(decode("zstd, gzip", [&*encoded]), Err(DecodeError::Truncated(Coding::Zstd)));
}

#[test]
fn garbage_is_an_error_and_never_a_panic() {
    let garbage = text(5000);
    for field in ["gzip", "deflate", "br", "zstd", "gzip, zstd"] {
        for start in 0..200 {
            let error = decode(field, garbage[start..].chunks(50)).unwrap_err();
            assert_eq!(error.net_error(), NetError::ContentDecodingFailed, "{field} {start}");
        }
    }
    // One byte is wrong: the outcome may be anything, as long as there is one.
    for (field, encode) in ENCODERS {
        let encoded = encode(&text(300));
        for index in 0..encoded.len() {
            let mut broken = encoded.clone();
            broken[index] ^= 0x55;
            let _ = decode(field, broken.chunks(11));
        }
    }
    let mut broken = gzip(b"data");
    let checksum = broken.len() - 8;
    broken[checksum] ^= 1;
    assert_eq!(
        decode("gzip", [&*broken]).unwrap_err().to_string(),
        "invalid gzip data: incorrect data check"
    );
}

#[test]
fn all_members_of_gzip_and_all_frames_of_zstd_are_read() {
    let members = [gzip(b"one "), gzip(b""), gzip(b"two ")].concat();
    let frames = [zstd(b"one "), zstd(b""), zstd(b"two ")].concat();
    for size in [1, 2, 3, 5, 1000] {
        assert_eq!(decode("gzip", members.chunks(size)).unwrap(), b"one two ");
        assert_eq!(decode("zstd", frames.chunks(size)).unwrap(), b"one two ");
    }
    let error = decode("gzip", [&members[..members.len() - 1]]).unwrap_err();
    assert_eq!(error, DecodeError::Truncated(Coding::Gzip));
}

#[test]
fn what_follows_the_end_is_ignored_except_after_zstd() {
    for (field, encode) in ENCODERS {
        for garbage in
            [b"\0\0\0\0".as_slice(), b"\x1f", b"\x1f\x8b", b"\x1f\x8b\x09 other", b"text"]
        {
            let body = [&*encode(b"data"), garbage].concat();
            for size in [1, 1000] {
                let decoded = decode(field, body.chunks(size));
                if field == "zstd" {
                    assert!(decoded.is_err(), "{garbage:?}");
                } else {
                    assert_eq!(decoded.unwrap(), b"data", "{field} {garbage:?}");
                }
            }
        }
    }
}

#[test]
fn a_zstd_window_above_8_mib_is_refused() {
    for (log, accepted) in [(23, true), (24, false)] {
        let mut encoder = ::zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(&text(1000)).unwrap();
        let decoded = decode("zstd", [&*encoder.finish().unwrap()]);
        if accepted {
            assert_eq!(decoded.unwrap(), text(1000));
        } else {
            let error = decoded.unwrap_err();
            assert_eq!(error, DecodeError::WindowTooBig);
            assert_eq!(error.net_error(), NetError::ZstdWindowSizeTooBig);
        }
    }
}

#[test]
fn a_bomb_comes_out_in_chunks_that_share_their_memory() {
    const SIZE: u64 = 4 * 1024 * 1024;
    let zeros = |encoder: &mut dyn Write| {
        std::io::copy(&mut std::io::repeat(0).take(SIZE), encoder).unwrap();
    };
    let mut as_gzip = GzEncoder::new(Vec::new(), Compression::default());
    zeros(&mut as_gzip);
    let mut as_zstd = ::zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    zeros(&mut as_zstd);
    let as_gzip = as_gzip.finish().unwrap();
    for (field, bomb) in [
        ("gzip", as_gzip.clone()),
        ("zstd", as_zstd.finish().unwrap()),
        ("br", BROTLI_BOMB.to_vec()),
        ("gzip, gzip", gzip(&as_gzip)),
    ] {
        let mut decoder = decoder(field);
        decoder.feed(Bytes::from(bomb));
        let (mut total, mut places) = (0, std::collections::BTreeSet::new());
        while let Some(chunk) = decoder.decode().unwrap() {
            assert!(chunk.len() <= CHUNK);
            total += chunk.len() as u64;
            if chunk.len() > SMALL {
                places.insert(chunk.as_ptr() as usize);
            }
        }
        assert_eq!(decoder.finish(), Ok(None));
        assert_eq!((total, places.len()), (SIZE, 1), "{field}");
    }
}

#[test]
fn a_chunk_that_is_kept_is_not_written_over() {
    let data = text(300_000);
    let mut decoder = decoder("gzip");
    decoder.feed(Bytes::from(gzip(&data)));
    let mut chunks = Vec::new();
    while let Some(chunk) = decoder.decode().unwrap() {
        chunks.push(chunk);
    }
    assert!(chunks.len() > 2 && chunks.concat() == data);
}

#[test]
fn codings_that_expand_to_nothing_are_given_up() {
    // What follows the end of deflate is ignored, and here there is no end of it.
    let zeros = std::io::repeat(0).take(MAX_FRUITLESS as u64 + 1);
    let bomb = ::zstd::stream::encode_all(Read::chain(&*zlib(b""), zeros), 1).unwrap();
    let error = decode("deflate, zstd", [&*bomb]).unwrap_err();
    assert_eq!(error, DecodeError::Fruitless);
    assert_eq!(error.net_error(), NetError::ContentDecodingFailed);
    assert_eq!(error.to_string(), "content codings that expand to nothing");
}

const COMPRESSED_BROTLI: &[u8] = &[
    0x1b, 0x53, 0x00, 0x80, 0x8c, 0x94, 0x6e, 0xde, 0x44, 0x09, 0x52, 0x86, 0xd6, 0x2c, 0x2e, 0x6c,
    0x6f, 0x60, 0x03, 0x0e, 0x1c, 0xe2, 0x14, 0x82, 0x51, 0xee, 0x40, 0xe2, 0x92, 0xf1, 0x5c, 0x0d,
    0x19, 0x5a, 0x65, 0x7f,
];

/// 4 MiB of zeros.
const BROTLI_BOMB: &[u8] =
    &[0x9b, 0xff, 0xff, 0x3f, 0xf8, 0x27, 0x00, 0xe2, 0xb1, 0x40, 0x20, 0xf7, 0xfe, 0x07];
