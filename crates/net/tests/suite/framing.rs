//! Where a response ends, for a reader who must not be led astray: a message that two readers could
//! read in two ways is refused, however it is cut into segments, and its connection is closed.
//!
//! RFC 9112 §6, §7.1, §11; request smuggling and response splitting.

use std::time::Duration;

use netreq::{Method, NetError, Phase, Session};
use netreq_testserver::{Gate, OK, answer, script};

use crate::observe::{Seen, observe};

/// What comes of these bytes as the answer to a GET. Afterwards no connection is left.
async fn outcome(response: impl AsRef<[u8]>) -> Seen {
    let server =
        script().connection(|peer| peer.expect_get("/").reply(response).ignore_rest()).start();
    let session = Session::in_memory();
    let seen = observe(session.get(server.url("/"))).await;
    assert_eq!(session.connections().active, 0);
    if seen.error.is_some() {
        assert_eq!(session.connections().idle, 0, "a refused response leaves no connection");
    }
    server.finished();
    seen.bare()
}

#[tokio::test]
async fn segments_change_nothing() {
    // What is refused is refused at its last byte: the server has to get rid of all of them.
    let responses: [&[u8]; 8] = [
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 Fine\r\nx-A:  1 \r\nX-b: a\r\n\tb\r\n\
          Content-Length: 12\r\n\r\nHTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\"b\"\r\nh\r\nA  \r\nello world\r\n\
          00\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n",
        b"\r\n\nHTTP/1.0 404 \nA: b\n\nto the end\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n\
          \x1f\x8b\x08\0\0\0\0\0\0\x03\x01\x02\0\xfd\xffok\x47\xdd\xdc\x79\x02\0\0\0",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n2\r\noka",
        b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nnot thirty bytes",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
    ];

    for response in responses {
        let mut server = script()
            .connection(|peer| peer.expect_get("/").reply(response).half_close().ignore_rest())
            .connection(|peer| {
                peer.expect_get("/").send_in_pieces(response, 1).half_close().ignore_rest()
            });
        for at in 1..response.len() {
            let (first, second) = response.split_at(at);
            server = server.connection(|peer| {
                peer.expect_get("/")
                    .send_in_pieces(first, first.len())
                    .send(second)
                    .half_close()
                    .ignore_rest()
            });
        }
        let server = server.start();
        let session = Session::builder().idle_timeout(Duration::ZERO).build().unwrap();

        let whole = observe(session.get(server.url("/"))).await;
        assert!(
            whole.status.is_some()
                || whole.error.is_some_and(|(_, phase)| phase == Some(Phase::Wait))
        );
        for at in 0..response.len() {
            let cut = observe(session.get(server.url("/"))).await;
            assert_eq!(cut, whole, "cut at {at} (0: at each byte): {}", response.escape_ascii());
        }
    }
}

#[tokio::test]
async fn a_length_that_is_no_plain_number_or_differs_is_refused() {
    for (fields, expected) in [
        ("Content-Length: 2\r\nContent-Length: 3", NetError::ResponseHeadersMultipleContentLength),
        ("Content-Length: 3\r\ncontent-length: 2", NetError::ResponseHeadersMultipleContentLength),
        ("Content-Length: 2, 3", NetError::ResponseHeadersMultipleContentLength),
        ("Content-Length: 2\r\nContent-Length: 02", NetError::ResponseHeadersMultipleContentLength),
        ("Content-Length: +14", NetError::InvalidHttpResponse),
        ("Content-Length: -1", NetError::InvalidHttpResponse),
        ("Content-Length: 0x2", NetError::InvalidHttpResponse),
        ("Content-Length: 2 2", NetError::InvalidHttpResponse),
        ("Content-Length: 2a", NetError::InvalidHttpResponse),
        ("Content-Length: 2,", NetError::InvalidHttpResponse),
        ("Content-Length: \"2\"", NetError::InvalidHttpResponse),
        ("Content-Length:", NetError::InvalidHttpResponse),
        ("Content-Length: 18446744073709551616", NetError::InvalidHttpResponse),
        ("Content-Length: 99999999999999999999999999", NetError::InvalidHttpResponse),
        ("Content-Length : 2", NetError::InvalidHttpResponse),
        ("Content-Length\t: 2", NetError::InvalidHttpResponse),
        ("Content-Length:\r\n 2", NetError::InvalidHttpResponse),
        ("X: y\r\nContent-Length\r\n: 2", NetError::InvalidHttpResponse),
        ("Content-\u{b}Length: 2", NetError::InvalidHttpResponse),
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nok");
        assert_eq!(outcome(&response).await, Seen::refused(expected, Phase::Wait), "{fields:?}");
    }
}

#[tokio::test]
async fn one_length_stated_twice_alike_is_one_length() {
    for fields in ["Content-Length: 2\r\ncontent-length: 2", "Content-Length: 2, 2"] {
        let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nok");
        assert_eq!(outcome(&response).await, Seen::whole(200, "ok"), "{fields:?}");
    }
}

#[tokio::test]
async fn a_transfer_coding_other_than_chunked_once_is_refused() {
    for fields in [
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding:",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding: identity\r\nContent-Length: 2",
        "Transfer_Encoding\u{1}: x\r\n\u{1}Transfer-Encoding: chunked",
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n2\r\nok\r\n0\r\n\r\n");
        let refused = Seen::refused(NetError::InvalidHttpResponse, Phase::Wait);
        assert_eq!(outcome(&response).await, refused, "{fields:?}");
    }
    assert_eq!(
        outcome("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await,
        Seen::refused(NetError::InvalidHttpResponse, Phase::Wait),
        "HTTP/1.0 has no chunks"
    );
}

#[tokio::test]
async fn chunks_win_over_a_length_and_the_connection_is_not_used_again() {
    for fields in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 12",
    ] {
        let server = script()
            .connection(|peer| {
                peer.expect_get("/1")
                    .reply(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n2\r\nok\r\n0\r\n\r\n"))
                    .expect_eof()
            })
            .connection(|peer| peer.expect_get("/2").reply(OK).ignore_rest())
            .start();
        let session = Session::in_memory();

        let first = observe(session.get(server.url("/1"))).await;
        let second = observe(session.get(server.url("/2"))).await;

        assert_eq!(first.bare(), Seen::whole(200, "ok"), "{fields:?}");
        assert_eq!(second.bare(), Seen::whole(200, "ok"), "{fields:?}");
        server.finished();
    }
}

#[tokio::test]
async fn a_chunk_that_is_not_one_breaks_the_body_where_it_stands() {
    for (chunks, before) in [
        ("+2\r\nok\r\n", ""),
        ("-1\r\nok\r\n", ""),
        ("0x2\r\nok\r\n", ""),
        ("\r\nok\r\n", ""),
        (" 2\r\nok\r\n", ""),
        ("g\r\nok\r\n", ""),
        ("2 2\r\nok\r\n", ""),
        ("2x\r\nok\r\n", ""),
        ("2,2\r\nok\r\n", ""),
        ("00000000000000002\r\nok\r\n", ""),
        ("10000000000000002\r\nok\r\n", ""),
        ("ffffffffffffffff\r\nok\r\n", ""),
        ("8000000000000000\r\nok\r\n", ""),
        ("2\nok\r\n", ""),
        ("2\rok\r\n", ""),
        ("2;a\nok\r\n", ""),
        ("2;a=\0\r\nok\r\n", ""),
        ("2;a=\rb\r\nok\r\n", ""),
        ("2\r\nok\n0\r\n\r\n", "ok"),
        ("2\r\nok0\r\n\r\n", "ok"),
        ("2\r\nokay\r\n0\r\n\r\n", "ok"),
        ("2\r\nok\r\n\r\n0\r\n\r\n", "ok"),
        ("2\r\nok\r\n0\r\nX: a\rb\r\n\r\n", "ok"),
        ("2\r\nok\r\n0\r\nX: \0\r\n\r\n", "ok"),
        ("2\r\nok\r\n0\r\n X: a\r\n\r\n", "ok"),
    ] {
        let response = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        let broken = Seen::broken(200, before, NetError::InvalidChunkedEncoding);
        assert_eq!(outcome(&response).await, broken, "{chunks:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_none_is_refused() {
    for head in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "ICY 200 OK\r\n\r\n",
        "<html>as in HTTP/0.9</html>",
        " HTTP/1.1 200 OK\r\n\r\n",
        "\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.10 200 OK\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 \r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 +20 OK\r\n\r\n",
        "HTTP/1.1200 OK\r\n\r\n",
        "HTTP/1.1 200 a\rb\r\n\r\n",
        "HTTP/1.1 200 a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\n X: folded onto nothing\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\0X: a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded \0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX\r: a\r\n\r\n",
    ] {
        let refused = Seen::refused(NetError::InvalidHttpResponse, Phase::Wait);
        assert_eq!(outcome(head).await, refused, "{head:?}");
    }
}

#[tokio::test]
async fn fields_that_decide_and_differ_are_refused() {
    for (status, name, expected) in [
        (302, "Location", NetError::ResponseHeadersMultipleLocation),
        (200, "Location", NetError::ResponseHeadersMultipleLocation),
        (200, "Content-Disposition", NetError::ResponseHeadersMultipleContentDisposition),
    ] {
        let response = format!("HTTP/1.1 {status} X\r\n{name}: a\r\n{name}: b\r\n\r\n");
        assert_eq!(outcome(&response).await, Seen::refused(expected, Phase::Wait), "{name}");
        let response =
            format!("HTTP/1.1 200 X\r\n{name}: a\r\n{name}: a\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(outcome(&response).await, Seen::whole(200, ""), "{name} twice alike");
    }
}

#[tokio::test]
async fn bytes_behind_a_response_answer_no_other_request() {
    let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    for (method, first, body) in [
        (Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"),
        (Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
        (Method::GET, chunked, "ok"),
        (Method::GET, "HTTP/1.1 204 No Content\r\n\r\n", ""),
        (Method::GET, "HTTP/1.1 204 No Content\r\nContent-Length: 45\r\n\r\n", ""),
        (Method::GET, "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", ""),
        (Method::GET, "HTTP/1.1 205 Reset Content\r\n\r\n", ""),
        (Method::GET, "HTTP/1.1 304 Not Modified\r\n\r\n", ""),
        (Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n", ""),
    ] {
        let server = script()
            .connection(|peer| {
                peer.expect_request(method.as_str(), "/1")
                    .reply(format!("{first}{poison}"))
                    .ignore_rest()
            })
            .connection(|peer| peer.expect_get("/2").reply(answer("clean")).ignore_rest())
            .start();
        let session = Session::in_memory();

        let seen = observe(session.request(method.clone(), server.url("/1"))).await;
        assert_eq!(seen.body.0, body.as_bytes(), "{method} {first:?}");
        let next = observe(session.get(server.url("/2"))).await;
        assert_eq!(next.bare(), Seen::whole(200, "clean"), "{method} {first:?}");
        server.finished();
    }
}

#[tokio::test]
async fn bytes_on_an_idle_connection_close_it() {
    for method in [Method::GET, Method::POST] {
        let (answered, sent) = (Gate::new(), Gate::new());
        let server = script()
            .connection(|peer| {
                peer.expect_get("/1")
                    .reply(OK)
                    .wait_for(&answered)
                    .send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
                    .open(&sent)
                    .ignore_rest()
            })
            .connection(|peer| {
                peer.expect_request(method.as_str(), "/2").reply(answer("clean")).ignore_rest()
            })
            .start();
        let session = Session::in_memory();

        observe(session.get(server.url("/1"))).await;
        answered.open();
        sent.opened().await;
        tokio::time::sleep(LONGER_THAN_A_MOMENT).await;
        let next = observe(session.request(method.clone(), server.url("/2"))).await;

        assert_eq!(next.bare(), Seen::whole(200, "clean"), "{method}");
        server.finished();
    }
}

#[test]
fn bytes_that_the_runtime_has_not_seen_yet_close_an_idle_connection_too() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for method in [Method::POST, Method::GET] {
        let (answered, sent) = (Gate::new(), Gate::new());
        let server = script()
            .connection(|peer| {
                peer.expect_get("/1")
                    .reply(OK)
                    .wait_for(&answered)
                    .send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
                    .open(&sent)
                    .ignore_rest()
            })
            .connection(|peer| {
                peer.expect_request(method.as_str(), "/2").reply(answer("clean")).ignore_rest()
            })
            .start();
        let session = Session::in_memory();
        let (own, other) = (runtime(), runtime());

        own.block_on(observe(session.get(server.url("/1"))));
        answered.open();
        other.block_on(async {
            sent.opened().await;
            tokio::time::sleep(LONGER_THAN_A_MOMENT).await;
        });
        let next = own.block_on(observe(session.request(method.clone(), server.url("/2"))));

        assert_eq!(next.bare(), Seen::whole(200, "clean"), "{method}");
        server.finished();
    }
}

/// A request that follows the one before at once takes its connection without a look at the socket.
const LONGER_THAN_A_MOMENT: Duration = Duration::from_millis(3);
