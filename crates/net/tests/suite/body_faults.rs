//! A response whose body breaks off, breaks its coding, or is not read: what came before is
//! delivered, and nothing cut short looks whole.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use netreq::{NetError, Phase, Session};
use netreq_testserver::{Gate, OK, pattern, script};

use crate::faults::HangUp;
use crate::observe::{Seen, bounded, observe, read};
use crate::support::counted;

#[tokio::test]
async fn a_body_cut_short_is_what_came_and_then_an_error() {
    let sized = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mismatch = NetError::ContentLengthMismatch;
    let incomplete = NetError::IncompleteChunkedEncoding;
    for (head, sent, came, expected) in [
        (sized, "", "", mismatch),
        (sized, "123456789", "123456789", mismatch),
        (chunked, "", "", incomplete),
        (chunked, "5", "", incomplete),
        (chunked, "5\r\n", "", incomplete),
        (chunked, "5\r\nhel", "hel", incomplete),
        (chunked, "5\r\nhello", "hello", incomplete),
        (chunked, "5\r\nhello\r\n", "hello", incomplete),
        (chunked, "5\r\nhello\r\n0", "hello", incomplete),
        (chunked, "5\r\nhello\r\n0\r\n", "hello", incomplete),
        (chunked, "5\r\nhello\r\n0\r\nX: y\r\n", "hello", incomplete),
        (chunked, "5\r\nhello\r\n0\r\nX: y\r\n\r", "hello", incomplete),
    ] {
        for how in HangUp::ALL {
            let come = Gate::new();
            let server = script()
                .connection(|peer| {
                    let peer = peer.expect_get("/").send(format!("{head}{sent}"));
                    match how {
                        HangUp::Fin => how.end(peer),
                        // What has come before a reset is the system's to keep or throw away.
                        HangUp::Reset => how.end(peer.wait_for(&come)),
                    }
                })
                .start();
            let session = Session::in_memory();

            let mut message = bounded(session.get(server.url("/"))).await.unwrap();
            let mut body = Vec::new();
            while body.len() < came.len() {
                body.extend(message.chunk().await.unwrap().unwrap());
            }
            come.open();
            let rest = bounded(read(message)).await;

            assert_eq!(body, came.as_bytes());
            let expected = if how == HangUp::Fin { expected } else { NetError::ConnectionReset };
            assert_eq!(rest.bare(), Seen::broken(200, "", expected), "{sent:?} {how:?}");
            server.finished();
            counted(&session, [0, 0, 0, 0]).await;
        }
    }
}

#[tokio::test]
async fn a_body_without_a_length_ends_whole_by_fin_alone() {
    let come = Gate::new();
    let server = script()
        .connection(|peer| {
            peer.expect_get("/").send("HTTP/1.1 200 OK\r\n\r\nhello").wait_for(&come).reset()
        })
        .start();
    let mut message = Session::in_memory().get(server.url("/")).await.unwrap();

    assert_eq!(message.chunk().await.unwrap().unwrap(), "hello");
    come.open();
    let rest = bounded(read(message)).await;

    assert_eq!(rest.bare(), Seen::broken(200, "", NetError::ConnectionReset));
}

#[tokio::test]
async fn a_call_that_collects_a_body_cut_short_fails_as_a_whole() {
    let responses = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", NetError::ContentLengthMismatch),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            NetError::IncompleteChunkedEncoding,
        ),
    ];
    for (response, expected) in responses {
        let server = script()
            .connection(|peer| peer.expect_get("/").send(response).half_close().ignore_rest())
            .connection(|peer| peer.expect_get("/").send(response).half_close().ignore_rest())
            .connection(|peer| peer.expect_get("/").send(response).half_close().ignore_rest())
            .start();
        let session = Session::in_memory();
        let get = || session.get(server.url("/"));

        let bytes = get().await.unwrap().bytes().await.unwrap_err();
        let text = get().await.unwrap().text().await.unwrap_err();
        let mut reader = get().await.unwrap();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut Vec::new()).await;

        assert_eq!(bytes.net_error(), expected);
        assert_eq!(text.net_error(), expected);
        assert!(text.is_body() && !text.is_decode());
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
        server.finished();
    }
}

#[tokio::test]
async fn a_body_that_breaks_its_coding_is_an_error() {
    let pattern = pattern(10_000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&pattern).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(&pattern[..], 0).unwrap();
    let mut wrong_sum = gzip.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    let mut wide = Vec::new();
    let mut encoder = zstd::Encoder::new(&mut wide, 1).unwrap();
    encoder.window_log(24).unwrap();
    encoder.write_all(b"a window of 16 MiB").unwrap();
    encoder.finish().unwrap();
    let failed = NetError::ContentDecodingFailed;
    for (coding, body, expected) in [
        ("gzip", &gzip[..gzip.len() / 2], failed),
        ("gzip", &gzip[..gzip.len() - 1], failed),
        ("gzip", &wrong_sum, failed),
        ("zstd", &zstd[..zstd.len() / 2], failed),
        ("zstd", &zstd[..zstd.len() - 1], failed),
        ("gzip, br", &gzip, failed),
        ("zstd", &wide, NetError::ZstdWindowSizeTooBig),
        ("gzip", b"this is no gzip", failed),
        ("deflate", b"\x07this is no deflate", failed),
        ("br", b"\xff\xff\xffthis is no br", failed),
        ("zstd", b"this is no zstd", failed),
    ] {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let response = [head.as_bytes(), body].concat();
        let server =
            script().connection(|peer| peer.expect_get("/").send(response).ignore_rest()).start();

        let seen = observe(Session::in_memory().get(server.url("/"))).await;

        assert_eq!(seen.error, Some((expected, Some(Phase::Receive))), "{coding} {body:?}");
        let came = &seen.body;
        assert!(pattern.starts_with(&came.0), "{coding} {body:?}: {came:?}");
        server.finished();
    }
}

#[tokio::test]
async fn a_broken_coding_ends_the_request_before_the_rest_has_come() {
    for (coding, body) in [
        ("gzip", "this is no gzip"),
        ("deflate", "\u{7}this is no deflate"),
        ("zstd", "this is no zstd"),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n");
        for length in ["Content-Length: 1000", "X: until the end"] {
            let server = script()
                .connection(|peer| {
                    peer.expect_get("/").send(format!("{head}{length}\r\n\r\n{body}")).expect_eof()
                })
                .start();
            let session = Session::in_memory();

            let seen = observe(session.get(server.url("/"))).await;

            let broken = Seen::broken(200, "", NetError::ContentDecodingFailed);
            assert_eq!(seen.bare(), broken, "{coding} {length}");
            counted(&session, [0, 0, 0, 0]).await;
            server.finished();
        }
    }
}

#[tokio::test]
async fn a_caller_who_stops_reading_stops_the_server_and_nobody_else() {
    let total = 64 * 1024 * 1024;
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let stopped = Gate::new();
    let told = stopped.clone();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n").unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let part = vec![b'x'; 64 * 1024];
        let mut sent = 0;
        while sent < total {
            match stream.write(&part[..part.len().min(total - sent)]) {
                Ok(written) => sent += written,
                Err(_) => {
                    told.open();
                    stream.set_write_timeout(None).unwrap();
                }
            }
        }
    });
    let other = script().connection(|peer| peer.expect_get("/").reply(OK).ignore_rest()).start();
    let session = Session::in_memory();

    let mut message = session.get(format!("http://{address}/")).await.unwrap();
    let first = message.chunk().await.unwrap().unwrap();
    bounded(stopped.opened()).await;
    assert_eq!(observe(session.get(other.url("/"))).await.bare(), Seen::whole(200, "ok"));
    let mut read = first.len();
    while let Some(chunk) = bounded(message.chunk()).await.unwrap() {
        read += chunk.len();
    }

    assert_eq!(read, total);
    server.join().unwrap();
}
