//! What a caller sees when the way to the server fails, phase by phase, and what the server saw.
//!
//! A request is sent a second time only where nobody can have acted on it; what is cut short never
//! looks whole; a caller who goes away leaves nothing behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use netreq::{
    Body, Bytes, ClientRequest, Event, Method, NetError, Options, Phase, Session, Timeouts,
};
use netreq_testserver::{Conversation, Gate, OK, Peer, answer, script};
use tokio::io::AsyncWriteExt as _;

use crate::observe::{Seen, bounded, observe};
use crate::support::counted;

/// How a server hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HangUp {
    Fin,
    Reset,
}

impl HangUp {
    pub(crate) const ALL: [Self; 2] = [Self::Fin, Self::Reset];

    pub(crate) fn end(self, peer: Peer) -> Conversation {
        match self {
            Self::Fin => peer.half_close().ignore_rest(),
            Self::Reset => peer.reset(),
        }
    }
}

/// A body that counts how often it is asked for a piece, and never runs out of pieces.
fn endless(asked: &Arc<AtomicUsize>) -> Body {
    struct Endless(Arc<AtomicUsize>);
    impl futures_core::Stream for Endless {
        type Item = Result<Bytes, std::convert::Infallible>;

        fn poll_next(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::task::Poll::Ready(Some(Ok(Bytes::from_static(&[b'x'; 16 * 1024]))))
        }
    }
    Body::stream(Endless(Arc::clone(asked)))
}

#[tokio::test]
async fn a_name_that_does_not_resolve_fails_alone() {
    let server = script().connection(|peer| peer.expect_get("/").reply(OK).ignore_rest()).start();
    let rules = format!("MAP gone.example ~NOTFOUND, MAP here.example {}", server.address());
    let session = Session::builder().host_resolver_rules(rules).build().unwrap();
    let asked = Arc::default();

    let request = session.post("http://gone.example/").send(endless(&asked));
    let (gone, here) = tokio::join!(observe(request), observe(session.get("http://here.example/")));

    assert_eq!(gone, Seen::refused(NetError::NameNotResolved, Phase::Resolve));
    assert_eq!(asked.load(Ordering::Relaxed), 0, "the body was not begun");
    assert_eq!(here.bare(), Seen::whole(200, "ok"));
    server.finished();
}

#[tokio::test]
async fn a_refused_connection_leaves_the_body_untouched() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let asked = Arc::default();

    let session = Session::in_memory();
    let seen = observe(session.post(format!("http://{address}/")).send(endless(&asked))).await;

    assert_eq!(seen, Seen::refused(NetError::ConnectionRefused, Phase::Connect));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    counted(&session, [0, 0, 0, 0]).await;
}

#[tokio::test]
async fn a_new_connection_that_ends_without_an_answer_is_a_real_failure() {
    for how in HangUp::ALL {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::POST] {
            let server = script()
                .connection(|peer| how.end(peer.expect_request(method.as_str(), "/")))
                .start();
            let session = Session::in_memory();

            let seen = observe(session.request(method.clone(), server.url("/"))).await;

            let expected = match how {
                HangUp::Fin => NetError::EmptyResponse,
                HangUp::Reset => NetError::ConnectionReset,
            };
            assert_eq!(seen, Seen::refused(expected, Phase::Wait), "{method} {how:?}");
            server.finished();
            assert_eq!(server.requests().len(), 1, "{method} {how:?}");
            counted(&session, [0, 0, 0, 0]).await;
        }
    }
}

#[tokio::test]
async fn on_a_used_connection_an_idempotent_request_is_sent_once_more() {
    for how in HangUp::ALL {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE] {
            let body = if method == Method::PUT { "hello" } else { "" };
            let reply: &[u8] = if method == Method::HEAD { b"HTTP/1.1 200 OK\r\n\r\n" } else { OK };
            let server = script()
                .connection(|peer| {
                    let peer = peer.expect_get("/1").reply(OK);
                    how.end(peer.expect_request(method.as_str(), "/2").expect_bytes(body))
                })
                .connection(|peer| {
                    peer.expect_request(method.as_str(), "/2")
                        .expect_bytes(body)
                        .reply(reply)
                        .expect_eof()
                })
                .start();
            let session = Session::in_memory();

            observe(session.get(server.url("/1"))).await;
            let seen = observe(session.request(method.clone(), server.url("/2")).send(body)).await;

            assert_eq!((seen.status, seen.error), (Some(200), None), "{method} {how:?}");
            drop(session);
            server.finished();
        }
    }
}

#[tokio::test]
async fn a_request_sent_once_more_is_not_sent_a_third_time() {
    for how in HangUp::ALL {
        let server = script()
            .connection(|peer| how.end(peer.expect_get("/1").reply(OK).expect_get("/2")))
            .connection(|peer| how.end(peer.expect_get("/2")))
            .start();
        let session = Session::in_memory();

        observe(session.get(server.url("/1"))).await;
        let seen = observe(session.get(server.url("/2"))).await;

        let expected = match how {
            HangUp::Fin => NetError::EmptyResponse,
            HangUp::Reset => NetError::ConnectionReset,
        };
        assert_eq!(seen, Seen::refused(expected, Phase::Wait), "{how:?}");
        server.finished();
    }
}

#[tokio::test]
async fn a_post_is_never_sent_twice_once_the_server_may_have_acted() {
    for how in HangUp::ALL {
        for (method, body) in [
            (Method::POST, "hello"),
            (Method::POST, ""),
            (Method::PATCH, "hello"),
            (Method::from_bytes(b"BREW").unwrap(), ""),
        ] {
            let server = script()
                .connection(|peer| {
                    let peer = peer.expect_get("/1").reply(OK);
                    how.end(peer.expect_request(method.as_str(), "/2").expect_bytes(body))
                })
                .start();
            let session = Session::in_memory();

            observe(session.get(server.url("/1"))).await;
            let seen = observe(session.request(method.clone(), server.url("/2")).send(body)).await;

            let expected = match how {
                HangUp::Fin => NetError::EmptyResponse,
                HangUp::Reset => NetError::ConnectionReset,
            };
            assert_eq!(seen, Seen::refused(expected, Phase::Wait), "{method} {how:?}");
            server.finished();
            assert_eq!(server.requests().len(), 2, "{method} {how:?}");
        }
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_twice_is_not_sent_twice() {
    for how in HangUp::ALL {
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_get("/1").reply(OK).expect_request("PUT", "/2");
                how.end(peer.expect_chunked_body("hello"))
            })
            .start();
        let session = Session::in_memory();

        observe(session.get(server.url("/1"))).await;
        let body = Body::reader(&b"hello"[..]);
        let seen = observe(session.put(server.url("/2")).send(body)).await;

        let expected = match how {
            HangUp::Fin => NetError::EmptyResponse,
            HangUp::Reset => NetError::ConnectionReset,
        };
        assert_eq!(seen, Seen::refused(expected, Phase::Wait), "{how:?}");
        server.finished();
    }
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_asked_for_again() {
    for begun in ["H", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\n\r", "\r\n"] {
        for how in HangUp::ALL {
            let server = script()
                .connection(|peer| {
                    let peer = peer.expect_get("/1").reply(OK).expect_get("/2");
                    how.end(peer.send_in_pieces(begun, begun.len()))
                })
                .start();
            let session = Session::in_memory();

            observe(session.get(server.url("/1"))).await;
            let seen = observe(session.get(server.url("/2"))).await;

            let expected = match how {
                HangUp::Fin => NetError::ResponseHeadersTruncated,
                HangUp::Reset => NetError::ConnectionReset,
            };
            assert_eq!(seen, Seen::refused(expected, Phase::Wait), "{begun:?} {how:?}");
            server.finished();
        }
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_has_gone_out_is_the_answer() {
    let early = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
    let asked = Arc::default();
    for how in HangUp::ALL {
        for body in [Body::from(vec![b'x'; 16 * 1024 * 1024]), endless(&asked)] {
            let name = format!("{body:?} {how:?}");
            let server = script()
                .connection(|peer| {
                    let peer = peer.expect_request("POST", "/").read_body(1000).send(early);
                    match how {
                        HangUp::Fin => peer.half_close().stop_reading(),
                        HangUp::Reset => peer.reset(),
                    }
                })
                .start();
            let session = Session::in_memory();

            let seen = observe(session.post(server.url("/")).send(body)).await;

            assert_eq!(seen.bare(), Seen::whole(413, "no"), "{name}");
            server.finished();
            counted(&session, [0, 0, 0, 0]).await;
        }
    }
}

#[tokio::test]
async fn reading_an_early_answer_sends_the_rest_of_the_body() {
    let (mut source, sink) = tokio::io::duplex(64);
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/")
                .expect_bytes("5\r\nfirst")
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n")
                .expect_bytes("\r\n6\r\nsecond\r\n0\r\n\r\n")
                .send("4\r\nlate\r\n0\r\n\r\n")
                .expect_get("/next")
                .reply(OK)
                .expect_eof()
        })
        .start();
    let session = Session::in_memory();

    source.write_all(b"first").await.unwrap();
    let request = session.post(server.url("/")).send(Body::reader(sink));
    let mut message = bounded(request).await.unwrap();
    assert_eq!(message.chunk().await.unwrap().unwrap(), "early");
    source.write_all(b"second").await.unwrap();
    drop(source);
    assert_eq!(bounded(message.chunk()).await.unwrap().unwrap(), "late");
    assert_eq!(bounded(message.chunk()).await.unwrap(), None);
    assert!(session.get(server.url("/next")).await.unwrap().is_connection_reused());

    drop(session);
    server.finished();
}

#[tokio::test]
async fn a_server_that_hangs_up_while_the_body_goes_out_resets_the_connection() {
    let asked = Arc::default();
    for body in [Body::from(vec![b'x'; 16 * 1024 * 1024]), endless(&asked)] {
        let name = format!("{body:?}");
        let server = script()
            .connection(|peer| peer.expect_request("PUT", "/").read_body(1000).reset())
            .start();
        let session = Session::in_memory();

        let seen = observe(session.put(server.url("/")).send(body)).await;

        let (error, phase) = seen.error.unwrap();
        assert_eq!(error, NetError::ConnectionReset, "{name}");
        assert!(matches!(phase, Some(Phase::Send | Phase::Wait)), "{name}: {phase:?}");
        server.finished();
        counted(&session, [0, 0, 0, 0]).await;
    }
}

#[tokio::test]
async fn a_body_that_fails_fails_the_request_and_never_looks_whole() {
    let begun = Gate::new();
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/").expect_bytes("5\r\nhello").open(&begun).expect_eof()
        })
        .start();
    let session = Session::in_memory();
    let (mut source, sink) = tokio::io::duplex(64);
    source.write_all(b"hello").await.unwrap();
    let failing = tokio::io::AsyncReadExt::chain(sink, Failing);

    let (outcome, ()) =
        tokio::join!(session.post(server.url("/")).send(Body::reader(failing)), async {
            begun.opened().await;
            drop(source);
        });

    let error = outcome.unwrap_err();
    assert_eq!((error.net_error(), error.phase()), (NetError::Failed, Some(Phase::Send)));
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "the disk is gone");
    server.finished();
    counted(&session, [0, 0, 0, 0]).await;
}

struct Failing;

impl tokio::io::AsyncRead for Failing {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Err(std::io::Error::other("the disk is gone")))
    }
}

#[tokio::test]
async fn an_idle_connection_that_ends_is_not_used() {
    for method in [Method::GET, Method::POST] {
        let closed = Gate::new();
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_get("/1").reply(OK).half_close().open(&closed);
                // A request that may be sent twice is sent without asking the system first.
                if method.is_idempotent() { peer.ignore_rest() } else { peer.expect_eof().close() }
            })
            .connection(|peer| {
                peer.expect_request(method.as_str(), "/2").reply(answer("new")).ignore_rest()
            })
            .start();
        let session = Session::in_memory();

        observe(session.get(server.url("/1"))).await;
        closed.opened().await;
        let seen = observe(session.request(method.clone(), server.url("/2"))).await;

        assert_eq!(seen.bare(), Seen::whole(200, "new"), "{method}");
        server.finished();
    }
}

#[tokio::test]
async fn silence_ends_with_the_limit_that_covers_it() {
    let short = Duration::from_millis(20);
    // Long enough to come as far as the phase in question on a busy machine.
    let whole = Duration::from_secs(1);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
    let large = || Body::from(vec![b'x'; 16 * 1024 * 1024]);
    let none = Timeouts::NONE;
    for (limits, body, response, phase) in [
        (none.with_first_byte(short), Body::empty(), "", Phase::Wait),
        (none.with_first_byte(short), Body::from("hello"), "HTTP/1.1 2", Phase::Wait),
        (none.with_total(whole), Body::empty(), "", Phase::Wait),
        (none.with_idle(short), large(), "", Phase::Send),
        (none.with_total(whole), large(), "", Phase::Send),
        (none.with_idle(short), Body::empty(), head, Phase::Receive),
        (none.with_total(whole), Body::empty(), head, Phase::Receive),
    ] {
        let name = format!("{limits:?} {body:?}");
        let server = script()
            .connection(|peer| peer.expect_request("POST", "/").send(response).stop_reading())
            .start();
        let session = Session::in_memory();

        let request = session.post(server.url("/")).timeouts(limits);
        let seen = observe(request.send(body)).await;

        assert_eq!(seen.error, Some((NetError::TimedOut, Some(phase))), "{name}");
        counted(&session, [0, 0, 0, 0]).await;
        server.finished();
    }
}

#[tokio::test]
async fn a_server_that_stops_reading_stops_the_body() {
    let asked = Arc::default();
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/").send("HTTP/1.1 200 OK\r\n\r\n").stop_reading()
        })
        .start();
    let session = Session::in_memory();

    let mut message = bounded(session.post(server.url("/")).send(endless(&asked))).await.unwrap();
    let mut last = usize::MAX;
    while last != asked.load(Ordering::Relaxed) {
        last = asked.load(Ordering::Relaxed);
        // Ends with the time, for the response never does.
        let _ = tokio::time::timeout(Duration::from_millis(50), message.chunk()).await;
    }

    assert!(last < 16 * 1024, "{last} pieces of 16 KiB were taken");
    drop(message);
    counted(&session, [0, 0, 0, 0]).await;
}

#[tokio::test]
async fn a_caller_who_goes_away_closes_the_connection_in_every_phase() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    for (name, response) in [
        ("waiting", String::new()),
        ("in the head", "HTTP/1.1 200 OK\r\nX".to_owned()),
        ("behind a hint", "HTTP/1.1 103 Early Hints\r\n\r\n".to_owned()),
        ("in the body", format!("{head}{}", "x".repeat(1000))),
    ] {
        let sent = Gate::new();
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_get("/").send(&response).open(&sent);
                // What was sent and not read makes it a reset.
                if response.is_empty() { peer.expect_eof().close() } else { peer.stall() }
            })
            .start();
        let session = Session::in_memory();
        let mut request = Box::pin(session.get(server.url("/")).send(()));

        let message = tokio::select! {
            message = &mut request => Some(message.unwrap()),
            () = async {
                sent.opened().await;
                if name == "in the body" {
                    std::future::pending().await
                }
            } => None,
        };
        assert_eq!(message.is_some(), name == "in the body");
        drop((request, message));

        counted(&session, [0, 0, 0, 0]).await;
        server.finished();
    }
}

#[tokio::test]
async fn an_aborted_request_ends_with_abort_and_close_and_no_error() {
    let begun = Gate::new();
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/").expect_bytes("5\r\nhello").open(&begun).expect_eof()
        })
        .start();
    let session = Session::in_memory();
    let mut request = ClientRequest::new(Options {
        method: Method::POST,
        url: server.url("/"),
        session: Some(session.clone()),
        ..Options::default()
    })
    .unwrap();
    request.set_chunked_encoding(true).unwrap();
    let mut events = request.events();

    request.write("hello").await.unwrap();
    begun.opened().await;
    request.abort();
    request.abort();

    let mut seen = Vec::new();
    while let Some(event) = bounded(events.next()).await {
        match event {
            Event::UploadProgress(_) => {}
            event => seen.push(format!("{event:?}")),
        }
    }
    assert_eq!(seen, ["Abort", "Close"]);
    counted(&session, [0, 0, 0, 0]).await;
    server.finished();
}
