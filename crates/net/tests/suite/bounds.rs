//! Floods and bombs: whatever a server sends without end or beyond reason ends in an error or comes
//! in small pieces, and costs no more memory than its limit.

use std::io::{Read as _, Write as _};

use flate2::{Compress, Compression, Crc, FlushCompress, Status, write::GzEncoder};
use netreq::{NetError, Phase, Session};
use netreq_testserver::{OK, answer, script};

use crate::observe::{Seen, bounded, observe};
use crate::support::in_its_own_process;

/// What comes of a response that begins like this and then repeats `part` for ever.
async fn flooded(begin: impl AsRef<[u8]>, part: impl AsRef<[u8]>) -> Seen {
    let server = script()
        .connection(|peer| peer.expect_get("/").send(begin).send_until_closed(part))
        .start();
    let session = Session::in_memory();
    let seen = observe(session.get(server.url("/"))).await;
    let counts = session.connections();
    assert_eq!((counts.active, counts.idle), (0, 0));
    server.finished();
    seen.bare()
}

/// What comes of this response, which the server does not see read to its end.
async fn outcome(response: impl AsRef<[u8]>) -> Seen {
    let server =
        script().connection(|peer| peer.expect_get("/").reply(response).ignore_rest()).start();
    let session = Session::in_memory();
    observe(session.get(server.url("/"))).await.bare()
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let too_big = Seen::refused(NetError::ResponseHeadersTooBig, Phase::Wait);
    let begin = "HTTP/1.1 200 OK\r\n";
    for (name, begin, part) in [
        ("fields", begin, format!("X-Flood: {}\r\n", "a".repeat(1000))),
        ("tiny fields", begin, "a:\r\n".repeat(1000)),
        ("one field", "HTTP/1.1 200 OK\r\nX: ", "a".repeat(64 * 1024)),
        ("one folded field", "HTTP/1.1 200 OK\r\nX: a", "\r\n a".repeat(1000)),
        ("a field's name", begin, "a".repeat(64 * 1024)),
        ("lines that are no fields", begin, "a\r\n".repeat(1000)),
        ("a reason", "HTTP/1.1 200 ", "a".repeat(64 * 1024)),
        ("a field of 1xx", "HTTP/1.1 103 X\r\nX: ", "a".repeat(64 * 1024)),
    ] {
        assert_eq!(flooded(begin, &part).await, too_big, "{name}");
    }
    let not_http = Seen::refused(NetError::InvalidHttpResponse, Phase::Wait);
    assert_eq!(flooded("", "\r\n").await, not_http, "empty lines");
}

#[tokio::test]
async fn a_head_may_have_256_kib_and_10000_fields_and_no_more() {
    let too_big = Seen::refused(NetError::ResponseHeadersTooBig, Phase::Wait);
    let head = |fields: &str| format!("HTTP/1.1 204 X\r\n{fields}\r\n");
    let sized = |size: usize| {
        let rest = "HTTP/1.1 204 X\r\nX:\r\n\r\n".len();
        head(&format!("X:{}\r\n", "a".repeat(size - rest)))
    };
    assert_eq!(sized(1000).len(), 1000);

    assert_eq!(outcome(sized(256 * 1024)).await, Seen::whole(204, ""));
    assert_eq!(outcome(sized(256 * 1024 + 1)).await, too_big);
    assert_eq!(outcome(head(&"a:\r\n".repeat(10_000))).await, Seen::whole(204, ""));
    assert_eq!(outcome(head(&"a:\r\n".repeat(10_001))).await, too_big);
}

#[tokio::test]
async fn a_field_of_16_mib_and_a_million_fields_are_refused() {
    for flood in [
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(16 * 1024 * 1024)),
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "a:\r\n".repeat(1_000_000)),
    ] {
        // The client hangs up long before the server has said it all once.
        let too_big = Seen::refused(NetError::ResponseHeadersTooBig, Phase::Wait);
        assert_eq!(flooded("", &flood).await, too_big);
    }
}

#[tokio::test]
async fn at_most_32_informational_responses_come_before_a_final_one() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let refused = Seen::refused(NetError::InvalidHttpResponse, Phase::Wait);
    let then_ok = |count: usize| format!("{}HTTP/1.1 204 X\r\n\r\n", hint.repeat(count));

    assert_eq!(outcome(then_ok(32)).await, Seen::whole(204, ""));
    assert_eq!(outcome(then_ok(33)).await, refused);
    assert_eq!(flooded("", hint.repeat(100)).await, refused);
    assert_eq!(flooded("", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)).await, refused);
}

#[tokio::test]
async fn chunk_extensions_and_trailers_without_end_break_the_body() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let extended = format!("1;{}\r\nx\r\n", "a".repeat(1000));
    for (name, begin, part) in [
        ("one extension", "2\r\nok\r\n2;", "a".repeat(64 * 1024)),
        ("white space behind a size", "2\r\nok\r\n2", " ".repeat(64 * 1024)),
        ("digits of a size", "2\r\nok\r\n", "0".repeat(64 * 1024)),
        ("trailers", "2\r\nok\r\n0\r\n", "X: y\r\n".repeat(1000)),
        ("one trailer", "2\r\nok\r\n0\r\nX: ", "a".repeat(64 * 1024)),
        ("tiny trailers", "2\r\nok\r\n0\r\n", "a:\r\n".repeat(1000)),
    ] {
        let seen = flooded(format!("{head}{begin}"), &part).await;
        assert_eq!(seen, Seen::broken(200, "ok", NetError::InvalidChunkedEncoding), "{name}");
    }
    let seen = flooded(head, extended.repeat(10)).await;
    let expected = (NetError::InvalidChunkedEncoding, Some(Phase::Receive));
    assert_eq!(seen.error, Some(expected), "an extension on every byte");
    assert!(seen.body.0.len() < 100, "{} bytes came with their extensions", seen.body.0.len());
}

#[tokio::test]
async fn a_chunk_may_have_an_extension_of_16_kib_and_a_body_64_kib_of_trailers_and_no_more() {
    let body = |chunk: &str, trailers: &str| {
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n{trailers}\r\n")
    };
    // The semicolon counts.
    let extended = |size: usize| format!("2;{}\r\nok\r\n", "a".repeat(size - 1));
    let trailer = |size: usize| format!("X:{}\r\n", "a".repeat(size - "X:\r\n\r\n".len()));
    let broken = |before: &str| Seen::broken(200, before, NetError::InvalidChunkedEncoding);
    let ok = Seen::whole(200, "ok");
    let kib = 1024;

    assert_eq!(outcome(body(&extended(16 * kib), "")).await, ok);
    assert_eq!(outcome(body(&extended(16 * kib + 1), "")).await, broken(""));
    assert_eq!(outcome(body("2\r\nok\r\n", &trailer(64 * kib))).await, ok);
    assert_eq!(outcome(body("2\r\nok\r\n", &trailer(64 * kib + 1))).await, broken("ok"));
    assert_eq!(outcome(body("2\r\nok\r\n", &"a:\r\n".repeat(1000))).await, ok);
    assert_eq!(outcome(body("2\r\nok\r\n", &"a:\r\n".repeat(1001))).await, broken("ok"));
}

#[tokio::test]
async fn more_than_five_codings_in_a_row_are_refused() {
    let coded = |times: usize| {
        let mut body = b"ok".to_vec();
        for _ in 0..times {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).unwrap();
            body = encoder.finish().unwrap();
        }
        body
    };
    let response = |codings: &str, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {codings}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let refused = Seen::refused(NetError::ContentDecodingFailed, Phase::Receive);

    assert_eq!(outcome(response(&["gzip"; 5].join(","), &coded(5))).await, Seen::whole(200, "ok"));
    assert_eq!(outcome(response(&["gzip"; 6].join(","), &coded(6))).await, refused);
    assert_eq!(outcome(response(&["gzip"; 1000].join(", "), b"x")).await, refused);
    let fields = ["gzip"; 1000].join("\r\nContent-Encoding: ");
    assert_eq!(outcome(response(&fields, b"x")).await, refused, "a field each");
}

#[tokio::test]
async fn a_bomb_comes_in_small_pieces() {
    for (coding, bomb) in bombs() {
        let server = script()
            .connection(|peer| {
                peer.expect_get("/").reply(coded("200 OK", coding, &bomb)).ignore_rest()
            })
            .start();
        let session = Session::in_memory();

        let total = bounded(async {
            let mut message = session.get(server.url("/")).await.unwrap();
            assert_eq!(message.content_length(), None, "the length of the bomb is no body's");
            let mut total = 0;
            while let Some(chunk) = message.chunk().await.unwrap() {
                assert!(chunk.len() <= 64 * 1024, "{coding}: {}", chunk.len());
                total += chunk.len();
            }
            total
        })
        .await;

        assert_eq!(total, BOMB, "{coding}: {} bytes", bomb.len());
        server.finished();
    }
}

#[tokio::test]
async fn collecting_a_bomb_stops_at_the_limit() {
    for (coding, bomb) in bombs() {
        for (limit, fits) in [(BOMB as u64, true), (BOMB as u64 - 1, false), (100_000, false)] {
            let server = script()
                .connection(|peer| {
                    peer.expect_get("/").reply(coded("200 OK", coding, &bomb)).ignore_rest()
                })
                .start();
            let session = Session::in_memory();

            let message = session.get(server.url("/")).await.unwrap().collect_limit(limit);
            let collected = bounded(message.bytes()).await;

            match collected {
                Ok(bytes) => assert!(fits && bytes.len() == BOMB, "{coding}, {limit}"),
                Err(error) => {
                    assert!(!fits, "{coding}, {limit}");
                    assert_eq!(error.net_error(), NetError::InsufficientResources);
                    assert_eq!(error.phase(), Some(Phase::Receive));
                }
            }
            server.finished();
        }
    }
}

#[tokio::test]
async fn the_limit_of_collecting_holds_for_bodies_of_any_framing() {
    for response in [
        answer("12345"),
        b"HTTP/1.1 200 OK\r\n\r\n12345".to_vec(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n2\r\n45\r\n0\r\n\r\n"
            .to_vec(),
    ] {
        for (limit, fits) in [(5, true), (4, false), (0, false)] {
            let server = script()
                .connection(|peer| peer.expect_get("/").reply(&response).half_close().ignore_rest())
                .start();
            let message = Session::in_memory().get(server.url("/")).await.unwrap();
            match message.collect_limit(limit).bytes().await {
                Ok(bytes) => assert!(fits && bytes == "12345", "{limit}"),
                Err(error) => {
                    assert!(!fits, "{limit}");
                    assert_eq!(error.net_error(), NetError::InsufficientResources);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_redirects_body_is_not_decoded_and_not_read_without_end() {
    let (coding, bomb) = bombs().swap_remove(0);
    let chunks = "HTTP/1.1 302 X\r\nLocation: /flood\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = "HTTP/1.1 302 X\r\nLocation: /end\r\nContent-Length: 70000\r\n\r\n";
    let server = script()
        .connection(|peer| {
            peer.expect_get("/bomb")
                .reply(coded("302 X\r\nLocation: /broken", coding, &bomb))
                .expect_get("/broken")
                .reply(coded("302 X\r\nLocation: /chunks", coding, b"this is no gzip"))
                .expect_get("/chunks")
                .send(chunks)
                .send_until_closed("4\r\nbody\r\n".repeat(1000))
        })
        .connection(|peer| {
            peer.expect_get("/flood")
                .send("HTTP/1.1 302 X\r\nLocation: /long\r\n\r\n")
                .send_until_closed("body".repeat(1000))
        })
        .connection(|peer| peer.expect_get("/long").reply(long).expect_eof())
        .connection(|peer| peer.expect_get("/end").reply(OK).ignore_rest())
        .start();
    let session = Session::in_memory();

    let seen = observe(session.get(server.url("/bomb"))).await;

    assert_eq!(seen.bare(), Seen::whole(200, "ok"));
    server.finished();
}

#[cfg(target_os = "linux")]
#[test]
fn floods_and_bombs_cost_no_memory() {
    in_its_own_process("bounds::floods_and_bombs_cost_no_memory", &[], || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bombs: Vec<_> =
                bombs().into_iter().map(|(c, b)| (c, coded("200 OK", c, &b))).collect();
            let session = Session::in_memory();
            // Decoders and buffers are warm before the first look.
            for round in 0..2 {
                let before = peak_memory();
                for (coding, response) in &bombs {
                    let server = script()
                        .connection(|peer| peer.expect_get("/").reply(response).ignore_rest())
                        .start();
                    let mut message = session.get(server.url("/")).await.unwrap();
                    while message.chunk().await.unwrap().is_some() {}
                    let grown = peak_memory() - before;
                    assert!(round == 0 || grown < 1024 * 1024, "{coding}: {grown} bytes");
                }
                let flood = flooded("HTTP/1.1 200 OK\r\n", "a:\r\n".repeat(1000)).await;
                assert!(flood.error.is_some());
                let grown = peak_memory() - before;
                assert!(round == 0 || grown < 2 * 1024 * 1024, "head: {grown} bytes");
            }
        });
    });
}

/// The most memory that this process has had.
#[cfg(target_os = "linux")]
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// A response of this status, and fields behind it, whose body is in this coding.
fn coded(status: &str, coding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Zeros, hundreds of times smaller.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let deflated = deflated_zeros();
    let mut crc = Crc::new();
    let zeros = vec![0; PART];
    for _ in 0..BOMB / PART {
        crc.update(&zeros);
    }
    let mut gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
    gzip.extend_from_slice(&deflated);
    gzip.extend_from_slice(&crc.sum().to_le_bytes());
    gzip.extend_from_slice(&(BOMB as u32).to_le_bytes());
    let zeros = std::io::repeat(0).take(BOMB as u64);
    let zstd = zstd::encode_all(zeros, 1).unwrap();
    vec![("gzip", gzip), ("deflate", deflated), ("zstd", zstd)]
}

/// One part, compressed once and repeated: a flush ends at a whole byte and forgets what was before.
fn deflated_zeros() -> Vec<u8> {
    let mut compress = Compress::new(Compression::fast(), false);
    let mut part = Vec::with_capacity(PART);
    let status = compress.compress_vec(&vec![0; PART], &mut part, FlushCompress::Full).unwrap();
    assert_eq!(status, Status::Ok);
    let mut whole = part.repeat(BOMB / PART);
    // A last block that is empty.
    whole.extend_from_slice(&[0x03, 0x00]);
    whole
}

const BOMB: usize = 4 * 1024 * 1024;
const PART: usize = 256 * 1024;
