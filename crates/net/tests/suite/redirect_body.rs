//! Redirects and bodies: the request's, which may have to be sent again, and the redirect's own,
//! which nobody reads.
//!
//! Fetch §4.4 steps 11 and 12; Chromium `HttpResponseBodyDrainer`.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use netreq::{Body, Method, Phase, RedirectMode, Session};
use netreq_testserver::{OK, Peer, script};
use tokio::io::AsyncWriteExt as _;

use crate::observe::bounded;
use crate::redirect::{Ask, Shape, redirect};
use crate::support::Folder;

#[tokio::test]
async fn the_status_decides_what_becomes_of_method_and_body() {
    let describing = [
        ("Content-Type", "text/plain"),
        ("Content-Language", "en"),
        ("Content-Encoding", "identity"),
        ("Content-Location", "/x"),
        ("Origin", "http://a.test"),
    ];
    let fields = [&describing[..], &[("X-Kept", "1")]].concat();
    for (status, method, next) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (307, "PUT", "PUT"),
        (301, "DELETE", "DELETE"),
        (302, "PATCH", "PATCH"),
        (303, "DELETE", "GET"),
        (301, "GET", "GET"),
        (303, "GET", "GET"),
        (308, "GET", "GET"),
        (301, "HEAD", "HEAD"),
        (303, "HEAD", "HEAD"),
        (303, "QUERY", "GET"),
    ] {
        for shape in Shape::ALL {
            let server = script()
                .connection(|peer| {
                    let mut peer = peer
                        .expect_request(method, "/")
                        .expect_field("content-length", "5")
                        .expect_bytes("hello")
                        .reply(redirect(status, "/2"))
                        .expect_request(next, "/2")
                        .expect_field("x-kept", "1");
                    for (name, value) in describing {
                        peer = match next == method {
                            true => peer.expect_field(name, value),
                            false => peer.expect_no_field(name),
                        };
                    }
                    match next == method {
                        true => peer.expect_field("content-length", "5").expect_bytes("hello"),
                        false => peer.expect_no_field("content-length"),
                    }
                    .reply("HTTP/1.1 204 No Content\r\n\r\n")
                })
                .start();
            let session = Session::in_memory();
            let url = server.url("/");
            let method = Method::from_bytes(method.as_bytes()).unwrap();

            let ask = Ask { method, fields: &fields, body: "hello", ..Ask::get(&url) };
            let message = shape.send(&session, ask).await;

            assert_eq!(message.unwrap().status(), 204, "{status} {next} {shape:?}");
            drop(session);
            server.finished();
        }
    }
}

#[tokio::test]
async fn a_small_body_of_a_redirect_keeps_its_connection_and_a_long_one_costs_it() {
    let small = "HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 5\r\n\r\nmoved";
    let chunked = "HTTP/1.1 302 Found\r\nLocation: /2\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\nmoved\r\n0\r\n\r\n";
    let closing = "HTTP/1.1 302 Found\r\nLocation: /2\r\nConnection: close\r\n\
                   Content-Length: 5\r\n\r\nmoved";
    let long = "HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 10000000\r\n\r\nmoved";
    let broken = "HTTP/1.1 302 Found\r\nLocation: /2\r\nTransfer-Encoding: chunked\r\n\r\nmoved";
    let uncoded = "HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Encoding: gzip\r\n\
                   Content-Length: 5\r\n\r\nmoved";
    for (reply, is_reused) in [
        (small, true),
        (chunked, true),
        (uncoded, true),
        (closing, false),
        (long, false),
        (broken, false),
    ] {
        for shape in Shape::ALL {
            let first = |peer: Peer| peer.expect_get("/").reply(reply);
            let server = match is_reused {
                true => script().connection(|peer| first(peer).expect_get("/2").reply(OK)),
                false => script()
                    .connection(|peer| first(peer).ignore_rest())
                    .connection(|peer| peer.expect_get("/2").reply(OK)),
            }
            .start();
            let session = Session::in_memory();
            let url = server.url("/");

            let message = shape.send(&session, Ask::get(&url)).await.unwrap();

            assert_eq!(message.is_connection_reused(), is_reused, "{reply:?}");
            assert_eq!(bounded(message.text()).await.unwrap(), "ok", "{reply:?}");
            assert_eq!(session.connections().idle, 1, "{reply:?}");
            server.finished();
        }
    }
}

#[tokio::test]
async fn what_can_be_read_again_is_sent_again() {
    let folder = Folder::new();
    let path = folder.join("body");
    std::fs::write(&path, "hello").unwrap();
    let file = || {
        let mut file = File::open(&path).unwrap();
        // Where the handle stands does not matter.
        file.seek(SeekFrom::End(0)).unwrap();
        Body::file(file).unwrap()
    };
    for status in [307, 308] {
        for body in [Body::from("hello"), Body::from(b"hello".to_vec()), file()] {
            let name = format!("{status} {body:?}");
            let server = script()
                .connection(|peer| {
                    let hop = |peer: Peer, path| {
                        let peer = peer.expect_request("POST", path);
                        peer.expect_field("content-length", "5").expect_bytes("hello")
                    };
                    let peer = hop(peer, "/").reply(redirect(status, "/2"));
                    hop(hop(peer, "/2").reply(redirect(status, "/3")), "/3").reply(OK)
                })
                .start();
            let session = Session::in_memory();
            let message = bounded(session.post(server.url("/")).send(body)).await.unwrap();
            assert_eq!(message.redirected_from().len(), 2, "{name}");
            drop((message, session));
            server.finished();
        }
    }
}

/// Bodies that can be read once.
fn streams() -> [Body; 3] {
    let text: &[u8] = b"hello";
    let stream = tokio::io::BufReader::new(text);
    [Body::reader(text), Body::sized(5, text), Body::reader(stream)]
}

#[tokio::test]
async fn a_stream_is_not_sent_again_and_says_so() {
    for status in [307, 308] {
        for body in streams() {
            let server = script()
                .connection(|peer| {
                    let peer = peer.expect_request("POST", "/");
                    let peer = match body.length() {
                        Some(_) => peer.expect_bytes("hello"),
                        None => peer.expect_chunked_body("hello"),
                    };
                    peer.reply(redirect(status, "/2"))
                })
                .start();
            let session = Session::in_memory();

            let error = bounded(session.post(server.url("/")).send(body)).await.unwrap_err();

            assert_eq!(error.to_string(), "net::ERR_UPLOAD_STREAM_REWIND_NOT_SUPPORTED");
            assert_eq!(error.phase(), Some(Phase::Send));
            assert_eq!(error.url().map(|url| url.path()), Some("/2"));
            drop(session);
            server.finished();
        }
    }
    for body in streams() {
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_request("POST", "/");
                let peer = match body.length() {
                    Some(_) => peer.expect_bytes("hello"),
                    None => peer.expect_chunked_body("hello"),
                };
                let peer = peer.reply(redirect(303, "/2")).expect_get("/2");
                peer.expect_no_field("transfer-encoding").reply(OK)
            })
            .start();
        let session = Session::in_memory();
        let message = bounded(session.post(server.url("/")).send(body)).await.unwrap();
        assert_eq!(message.status(), 200);
        drop((message, session));
        server.finished();
    }
}

#[tokio::test]
async fn a_redirect_that_comes_before_the_body_has_gone_out_leaves_the_rest_unsent() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/")
                .expect_bytes("5\r\nhello")
                .reply(redirect(303, "/2"))
                .expect_eof()
        })
        .connection(|peer| peer.expect_get("/2").expect_no_field("transfer-encoding").reply(OK))
        .start();
    let session = Session::in_memory();
    let (mut source, sink) = tokio::io::duplex(64);
    source.write_all(b"hello").await.unwrap();

    let message = bounded(session.post(server.url("/")).send(Body::reader(sink))).await.unwrap();

    assert_eq!(message.status(), 200);
    assert!(source.write_all(b"more").await.is_err(), "the source has been let go");
    drop((message, session));
    server.finished();
}

#[tokio::test]
async fn a_redirect_response_that_is_delivered_has_its_body() {
    let reply = "HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 5\r\n\r\nmoved";
    let server = script().connection(|peer| peer.expect_get("/").reply(reply)).start();
    let session = Session::in_memory();
    let request = session.get(server.url("/")).redirect(RedirectMode::Manual);
    let message = bounded(request).await.unwrap();
    assert_eq!(message.header("location"), Some("/2"));
    assert_eq!(bounded(message.bytes()).await.unwrap(), "moved");
    server.finished();
}
