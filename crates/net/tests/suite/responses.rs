//! Responses from the wire: what a caller sees of what a server sent, and which connections are
//! kept after them.

use http_body_util::BodyExt as _;
use netreq::{Method, Session};
use netreq_testserver::{OK, answer, script};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn fields_and_reason_come_back_as_they_were_received() {
    let server = script()
        .connection(|peer| {
            peer.expect_get("/")
                .reply(
                    b"HTTP/1.1 299  Gr\xfc\xdf Gott \r\nx-One:1\r\nSET-cookie: a=1\r\nX-Two:  2 \t\r\n\
                      x-one:\r\nset-Cookie: b=2\r\nX-Folded: a\r\n  b\r\nX-Latin: \xe9\r\n\
                      no colon here\r\nContent-Length: 2\r\n\r\nok",
                )
                .ignore_rest()
        })
        .start();
    let session = Session::in_memory();

    let message = session.get(server.url("/")).await.unwrap();

    assert_eq!(message.status(), 299);
    assert_eq!(message.status_message(), "Gr\u{fc}\u{df} Gott");
    assert_eq!(message.http_version(), (1, 1));
    let expected: [(&str, &[u8]); 8] = [
        ("x-One", b"1"),
        ("SET-cookie", b"a=1"),
        ("X-Two", b"2"),
        ("x-one", b""),
        ("set-Cookie", b"b=2"),
        ("X-Folded", b"a b"),
        ("X-Latin", b"\xe9"),
        ("Content-Length", b"2"),
    ];
    assert_eq!(message.raw_headers().collect::<Vec<_>>(), expected);
    assert_eq!(message.header("X-ONE"), Some("1"));
    assert_eq!(message.header("x-latin"), None, "it is no UTF-8");
    assert_eq!(message.content_length(), Some(2));
    assert_eq!(message.text().await.unwrap(), "ok");
}

#[tokio::test]
async fn trailers_come_with_the_end_without_those_that_must_not_stand_there() {
    let server = script()
        .connection(|peer| {
            peer.expect_get("/")
                .reply(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\
                     X-Sum: 42\r\nContent-Length: 5\r\nset-cookie: a=1\r\nx-sum: 43\r\n\r\n",
                )
                .expect_get("/next")
                .reply(OK)
                .expect_eof()
        })
        .start();
    let session = Session::in_memory();

    let mut message = session.get(server.url("/")).await.unwrap();
    assert!(message.trailers().is_none(), "the end has not been read");
    assert_eq!(message.chunk().await.unwrap().unwrap(), "ok");
    assert_eq!(message.chunk().await.unwrap(), None);
    let trailers = message.trailers().unwrap();
    let fields: Vec<(&str, &[u8])> = trailers.iter().collect();
    assert_eq!(fields, [("X-Sum", &b"42"[..]), ("x-sum", b"43")]);
    assert!(session.get(server.url("/next")).await.unwrap().is_connection_reused());

    drop(session);
    server.finished();
}

#[tokio::test]
async fn informational_responses_are_facts_and_the_final_one_is_the_response() {
    let server = script()
        .connection(|peer| {
            peer.expect_get("/")
                .reply(
                    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
                )
                .send("HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n")
                .reply(OK)
                .expect_get("/next")
                .reply(OK)
                .expect_eof()
        })
        .start();
    let session = Session::in_memory();

    let message = session.get(server.url("/")).await.unwrap();

    assert_eq!(message.status(), 200);
    let facts: Vec<_> = message
        .informational()
        .iter()
        .map(|head| (head.status(), head.get("link").map(<[u8]>::to_vec)))
        .collect();
    assert_eq!(facts, [(100, None), (103, Some(b"</a>".to_vec())), (103, Some(b"</b>".to_vec()))]);
    assert_eq!(message.bytes().await.unwrap(), "ok");
    let next = session.get(server.url("/next")).await.unwrap();
    assert!(next.is_connection_reused());
    assert!(next.informational().is_empty());
    next.bytes().await.unwrap();

    drop(session);
    server.finished();
}

#[tokio::test]
async fn after_101_the_connection_is_the_callers_with_the_bytes_behind_the_head() {
    let server = script()
        .connection(|peer| {
            peer.expect_get("/")
                .expect_field("connection", "Upgrade")
                .expect_field("upgrade", "echo")
                .reply("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\nbehind")
                .expect_bytes("ping")
                .send("pong")
                .expect_eof()
                .send("bye")
                .close()
        })
        .start();
    let session = Session::in_memory();

    let message = session
        .get(server.url("/"))
        .allow_restricted_headers()
        .header("Connection", "Upgrade")
        .header("Upgrade", "echo")
        .await
        .unwrap();
    assert_eq!((message.status(), message.header("upgrade")), (101, Some("echo")));
    let mut stream = message.into_upgraded().unwrap();
    let mut bytes = [0; 6];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"behind");
    stream.write_all(b"ping").await.unwrap();
    stream.read_exact(&mut bytes[..4]).await.unwrap();
    assert_eq!(&bytes[..4], b"pong");
    stream.shutdown().await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "bye");

    let counts = session.connections();
    assert_eq!((counts.active, counts.idle), (0, 0), "it has left the pool");
    server.finished();
}

#[tokio::test]
async fn only_a_101_is_handed_on() {
    let server = script().connection(|peer| peer.expect_get("/").reply(OK).ignore_rest()).start();
    let message = Session::in_memory().get(server.url("/")).await.unwrap();

    let message = message.into_upgraded().unwrap_err();

    assert_eq!(message.bytes().await.unwrap(), "ok");
}

#[tokio::test]
async fn a_server_of_http_1_0_keeps_its_connection_only_where_it_says_so() {
    let close = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let keep = "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok";
    let server = script()
        .connection(|peer| {
            peer.expect_get("/1").reply(keep).expect_get("/2").reply(close).expect_eof()
        })
        .connection(|peer| peer.expect_get("/3").reply("HTTP/1.0 200\r\n\r\nto the end").close())
        .start();
    let session = Session::in_memory();

    let mut seen = Vec::new();
    for path in ["/1", "/2", "/3"] {
        let message = session.get(server.url(path)).await.unwrap();
        assert_eq!(message.http_version(), (1, 0));
        let reused = message.is_connection_reused();
        seen.push((reused, message.text().await.unwrap()));
    }

    assert_eq!(
        seen,
        [(false, "ok".to_owned()), (true, "ok".to_owned()), (false, "to the end".to_owned())]
    );
    server.finished();
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_its_connection() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n",
    ] {
        let body = "x".repeat(100_000);
        let server = script()
            .connection(|peer| peer.expect_get("/").reply(head).send(&body).close())
            .start();
        let session = Session::in_memory();

        let message = session.get(server.url("/")).await.unwrap();
        assert_eq!(message.content_length(), None);
        assert_eq!(message.text().await.unwrap(), body, "{head:?}");

        let counts = session.connections();
        assert_eq!((counts.active, counts.idle), (0, 0), "{head:?}");
        server.finished();
    }
}

#[tokio::test]
async fn a_response_that_has_no_body_leaves_its_connection_for_the_next_request() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("HEAD", "/head")
                .reply("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                .expect_request("HEAD", "/chunked")
                .reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                .expect_request("HEAD", "/coded")
                .reply("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
                .expect_get("/204")
                .reply("HTTP/1.1 204 No Content\r\n\r\n")
                .expect_get("/304")
                .reply("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")
                .expect_get("/zero")
                .reply(answer(""))
                .expect_eof()
        })
        .start();
    let session = Session::in_memory();

    for (index, (method, path)) in [
        (Method::HEAD, "/head"),
        (Method::HEAD, "/chunked"),
        (Method::HEAD, "/coded"),
        (Method::GET, "/204"),
        (Method::GET, "/304"),
        (Method::GET, "/zero"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut message = session.request(method, server.url(path)).await.unwrap();
        assert_eq!(message.is_connection_reused(), index > 0, "{path}");
        assert_eq!(message.chunk().await.unwrap(), None, "{path}");
    }

    drop(session);
    server.finished();
}

#[tokio::test]
async fn trailers_are_the_last_frame_of_a_body() {
    let server = script()
        .connection(|peer| {
            peer.expect_get("/").reply(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\
                  X-Sum: 5\r\nx-sum: five\r\n\r\n",
            )
        })
        .start();

    let mut message = Session::in_memory().get(server.url("/")).send(()).await.unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = message.frame().await {
        frames.push(frame.unwrap());
    }

    let [data, trailers] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(data.data_ref().unwrap(), "hello");
    let values: Vec<_> = trailers.trailers_ref().unwrap().get_all("x-sum").iter().collect();
    assert_eq!(values, ["5", "five"]);
    assert!(message.frame().await.is_none());
    server.finished();
}
