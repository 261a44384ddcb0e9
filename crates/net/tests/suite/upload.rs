//! Request bodies on the wire: every kind, what is told of their progress, and who waits for whom.
//!
//! How a body is read from its source is tested beside it; here is what a server sees of it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use http_body_util::{BodyExt as _, Full, StreamBody};
use netreq::{
    Body, Bytes, Error, IncomingMessage, Method, NetError, Phase, Session, UploadProgress,
};
use netreq_testserver::{Gate, OK, answer, pattern, script};
use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};

use crate::observe::{Seen, bounded, observe, read};
use crate::support::{Folder, counted};

/// Pieces that are there at once, and what ends them.
struct Pieces(VecDeque<Result<Bytes, io::Error>>);

impl Pieces {
    fn of(body: &[u8], size: usize) -> Self {
        Self(body.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect())
    }

    fn then_fails(mut self, reason: &'static str) -> Self {
        self.0.push_back(Err(io::Error::other(reason)));
        self
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front())
    }
}

/// A file in `folder` that holds `content`, open for reading.
fn file(folder: &Folder, content: &[u8]) -> File {
    let path = folder.join("body");
    std::fs::write(&path, content).unwrap();
    File::open(path).unwrap()
}

/// An [`http_body::Body`] of these bytes that does not say how many they are.
fn of_unknown_size(body: &[u8]) -> Body {
    let frames: VecDeque<_> = body
        .chunks(1000)
        .map(|piece| Ok::<_, io::Error>(http_body::Frame::data(Bytes::copy_from_slice(piece))))
        .collect();
    Body::wrap(StreamBody::new(Frames(frames)))
}

struct Frames(VecDeque<Result<http_body::Frame<Bytes>, io::Error>>);

impl Stream for Frames {
    type Item = Result<http_body::Frame<Bytes>, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front())
    }
}

/// Every kind of body with this content, by name, and the length that it states.
fn every_kind(folder: &Folder, content: &[u8]) -> Vec<(&'static str, Body, Option<u64>)> {
    let owned = content.to_vec();
    let length = Some(content.len() as u64);
    let cursor = || io::Cursor::new(owned.clone());
    vec![
        ("bytes", Body::from(owned.clone()), length),
        ("a file", Body::file(file(folder, content)).unwrap(), length),
        ("sized", Body::sized(content.len() as u64, cursor()), length),
        ("a reader", Body::reader(cursor()), None),
        ("a stream", Body::stream(Pieces::of(content, 700)), None),
        ("a counted body", Body::wrap(Full::new(Bytes::from(owned.clone()))), length),
        ("a body of unknown size", of_unknown_size(content), None),
    ]
}

#[tokio::test]
async fn every_kind_of_body_arrives_whole_framed_by_what_is_known_of_it() {
    let folder = Folder::new();
    for content in [&b""[..], b"x", b"hello", &pattern(300_000)] {
        for (kind, body, length) in every_kind(&folder, content) {
            let name = format!("{kind} of {} bytes", content.len());
            assert_eq!(body.length(), length, "{name}");
            let server = script()
                .connection(|peer| {
                    let peer = peer.expect_request("POST", "/");
                    let peer = match length {
                        Some(length) => peer
                            .expect_field("content-length", &length.to_string())
                            .expect_no_field("transfer-encoding")
                            .expect_bytes(content),
                        None => peer
                            .expect_field("transfer-encoding", "chunked")
                            .expect_no_field("content-length")
                            .expect_chunked_body(content),
                    };
                    // The next request stands where this one ends.
                    peer.reply(OK).expect_get("/next").reply(OK).expect_eof()
                })
                .start();
            let session = Session::in_memory();

            let seen = observe(session.post(server.url("/")).send(body)).await;
            assert_eq!(seen.bare(), Seen::whole(200, "ok"), "{name}");
            let next = bounded(session.get(server.url("/next"))).await.unwrap();
            assert!(next.is_connection_reused(), "{name}");
            next.bytes().await.unwrap();

            drop(session);
            server.finished();
        }
    }
}

#[tokio::test]
async fn a_body_known_to_be_empty_is_none_and_an_empty_file_is_one() {
    let folder = Folder::new();
    let none = Body::empty;
    for (name, method, body, is_empty, length) in [
        ("empty", Method::GET, none(), true, None),
        ("bytes", Method::GET, Body::from(""), true, None),
        ("wrapped", Method::GET, Body::wrap(Full::new(Bytes::new())), true, None),
        ("a file", Method::GET, Body::file(file(&folder, b"")).unwrap(), false, Some("0")),
        ("sized", Method::GET, Body::sized(0, tokio::io::empty()), false, Some("0")),
        ("empty POST", Method::POST, none(), true, Some("0")),
    ] {
        assert_eq!((body.is_empty(), body.length()), (is_empty, Some(0)), "{name}");
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_request(method.as_str(), "/");
                let peer = peer.expect_no_field("transfer-encoding").expect_no_field("expect");
                match length {
                    Some(length) => peer.expect_field("content-length", length),
                    None => peer.expect_no_field("content-length"),
                }
                .reply(OK)
                .ignore_rest()
            })
            .start();
        let session = Session::in_memory();

        // Nobody is asked whether a body without a byte is wanted.
        let request = session.request(method, server.url("/")).expect_continue(LONG);
        let seen = observe(request.send(body)).await;

        assert_eq!(seen.bare(), Seen::whole(200, "ok"), "{name}");
        server.finished();
    }
}

#[tokio::test]
async fn a_folder_is_no_body() {
    let folder = Folder::new();

    let error = Body::file(File::open(folder.path()).unwrap()).unwrap_err();

    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("regular file"), "{error}");
}

#[tokio::test]
async fn a_file_is_what_it_held_when_it_became_a_body() {
    let folder = Folder::new();
    let body = Body::file(file(&folder, b"hello")).unwrap();
    let mut appending = File::options().append(true).open(folder.join("body")).unwrap();
    appending.write_all(b" and more").unwrap();
    let server = script()
        .connection(|peer| {
            peer.expect_request("PUT", "/")
                .expect_field("content-length", "5")
                .expect_bytes("hello")
                .reply(OK)
                .ignore_rest()
        })
        .start();

    let seen = observe(Session::in_memory().put(server.url("/")).send(body)).await;

    assert_eq!(seen.bare(), Seen::whole(200, "ok"));
    server.finished();
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_said_fails_and_says_by_how_much() {
    let folder = Folder::new();
    let shrunk = Body::file(file(&folder, &[b'x'; 100_000])).unwrap();
    File::options().write(true).open(folder.join("body")).unwrap().set_len(1000).unwrap();
    let cursor = |length| io::Cursor::new(vec![b'x'; length]);
    let wrong = |length, claimed| Body::wrap(Claims(Full::new(vec![b'x'; length].into()), claimed));

    for (name, body, claimed, cause) in [
        ("a shrunk file", shrunk, 100_000, "99000 bytes short"),
        ("sized, too short", Body::sized(10, cursor(9)), 10, "1 bytes short"),
        ("sized, nothing", Body::sized(10, cursor(0)), 10, "10 bytes short"),
        ("sized, too long", Body::sized(10, cursor(11)), 10, "longer"),
        ("sized zero, too long", Body::sized(0, cursor(1)), 0, "longer"),
        ("wrapped, too short", wrong(5, 6), 6, "1 bytes short"),
        ("wrapped, too long", wrong(6, 5), 5, "longer"),
    ] {
        let claimed: u64 = claimed;
        let server = script()
            .connection(|peer| {
                peer.expect_request("POST", "/")
                    .expect_field("content-length", &claimed.to_string())
                    .ignore_rest()
            })
            .start();
        let session = Session::in_memory();

        let error = bounded(session.post(server.url("/")).send(body)).await.unwrap_err();

        let found = (error.net_error(), error.phase());
        assert_eq!(found, (NetError::InvalidArgument, Some(Phase::Send)), "{name}");
        assert!(error.is_request(), "{name}");
        assert!(source_of(&error).contains(cause), "{name}: {}", source_of(&error));
        counted(&session, [0, 0, 0, 0]).await;
        server.finished();
    }
}

/// A body that states another length than it has.
struct Claims(Full<Bytes>, u64);

impl http_body::Body for Claims {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.1)
    }
}

fn source_of(error: &Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn the_error_of_a_stream_is_the_source_of_the_requests_error() {
    let frames = Frames(VecDeque::from([
        Ok(http_body::Frame::data("hello".into())),
        Err(io::Error::other("the tape tore")),
    ]));
    for (name, body) in [
        ("a stream", Body::stream(Pieces::of(b"hello", 5).then_fails("the tape tore"))),
        ("at once", Body::stream(Pieces::of(b"", 1).then_fails("the tape tore"))),
        ("wrapped", Body::wrap(StreamBody::new(frames))),
    ] {
        // How much of it comes before the connection ends is not said; that it is not whole is.
        let server =
            script().connection(|peer| peer.expect_request("POST", "/").ignore_rest()).start();
        let session = Session::in_memory();

        let error = bounded(session.post(server.url("/")).send(body)).await.unwrap_err();

        assert_eq!((error.net_error(), error.phase()), (NetError::Failed, Some(Phase::Send)));
        assert_eq!(source_of(&error), "the tape tore", "{name}");
        counted(&session, [0, 0, 0, 0]).await;
        server.finished();
    }
}

#[tokio::test]
async fn trailers_of_a_wrapped_body_are_not_sent() {
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-sum", "1".parse().unwrap());
    let body = Full::new(Bytes::from("hello")).with_trailers(async { Some(Ok(trailers)) });
    let unsized_body = Frames(VecDeque::from([
        Ok(http_body::Frame::data("hello".into())),
        Ok(http_body::Frame::trailers(http::HeaderMap::new())),
    ]));
    for body in [Body::wrap(body), Body::wrap(StreamBody::new(unsized_body))] {
        let is_counted = body.length().is_some();
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_request("POST", "/");
                let wire = if is_counted { "hello" } else { "5\r\nhello\r\n0\r\n\r\n" };
                peer.expect_bytes(wire).reply(OK).expect_eof()
            })
            .start();
        let session = Session::in_memory();

        let seen = observe(session.post(server.url("/")).send(body)).await;

        assert_eq!(seen.bare(), Seen::whole(200, "ok"));
        drop(session);
        server.finished();
    }
}

/// What an upload of `body` says of its progress.
async fn progress_of(body: Body) -> Vec<UploadProgress> {
    let server = netreq_testserver::Server::start();
    let session = Session::in_memory();
    let told: Arc<Mutex<Vec<UploadProgress>>> = Arc::default();
    let listener = {
        let told = Arc::clone(&told);
        move |progress| told.lock().unwrap().push(progress)
    };

    let request = session.post(server.url("/echo")).on_upload_progress(listener);
    let seen = observe(request.send(body)).await;

    assert_eq!((seen.status, seen.error), (Some(200), None));
    std::mem::take(&mut told.lock().unwrap())
}

#[tokio::test]
async fn progress_never_goes_back_and_ends_at_the_last_byte() {
    let folder = Folder::new();
    for content in [&b""[..], b"x", &pattern(3_000_000)] {
        for (kind, body, length) in every_kind(&folder, content) {
            let name = format!("{kind} of {} bytes", content.len());

            let told = progress_of(body).await;

            let positions: Vec<u64> = told.iter().map(|progress| progress.current).collect();
            assert!(positions.is_sorted_by(|a, b| a < b), "{name}: {positions:?}");
            let last = (!content.is_empty()).then_some(content.len() as u64);
            assert_eq!(positions.last().copied(), last, "{name}");
            for progress in told {
                assert!(progress.active && progress.started, "{name}");
                assert_eq!(progress.total, length.unwrap_or(0), "{name}");
            }
        }
    }
}

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_wanted_body_of_any_kind_goes_out_after_100_and_not_before() {
    let folder = Folder::new();
    for (kind, body, length) in every_kind(&folder, b"hello") {
        let (silent, checked) = (Gate::new(), Gate::new());
        let server = script()
            .connection(|peer| {
                let peer = peer
                    .expect_request("POST", "/")
                    .expect_field("expect", "100-continue")
                    // Whatever came unasked would be found here.
                    .wait(Duration::from_millis(5))
                    .open(&silent)
                    .wait_for(&checked)
                    .send("HTTP/1.1 103 Early Hints\r\n\r\n")
                    .send(CONTINUE);
                match length {
                    Some(_) => peer.expect_bytes("hello"),
                    None => peer.expect_chunked_body("hello"),
                }
                .reply(OK)
                .expect_get("/next")
                .reply(OK)
                .expect_eof()
            })
            .start();
        let session = Session::in_memory();
        let begun = Arc::new(AtomicU64::new(0));
        let listener = {
            let begun = Arc::clone(&begun);
            move |progress: UploadProgress| begun.store(progress.current, Ordering::Relaxed)
        };

        let request =
            session.post(server.url("/")).expect_continue(LONG).on_upload_progress(listener);
        let (message, ()) = tokio::join!(bounded(request.send(body)), async {
            silent.opened().await;
            assert_eq!(begun.load(Ordering::Relaxed), 0, "{kind}: it waits");
            checked.open();
        });

        let message = message.unwrap();
        let informational: Vec<_> =
            message.informational().iter().map(netreq::ResponseHead::status).collect();
        assert_eq!(informational, [103, 100], "{kind}");
        assert_eq!(read(message).await.bare(), Seen::whole(200, "ok"), "{kind}");
        assert_eq!(begun.load(Ordering::Relaxed), 5, "{kind}");
        observe(session.get(server.url("/next"))).await;
        drop(session);
        server.finished();
    }
}

#[tokio::test]
async fn a_final_answer_instead_of_100_leaves_the_body_unsent_and_ends_the_connection() {
    for (status, reason) in [(417, "Expectation Failed"), (401, "Unauthorized"), (200, "OK")] {
        for framing in [
            "Content-Length: 4\r\n\r\nbody",
            "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        ] {
            let server = script()
                .connection(|peer| {
                    peer.expect_request("PUT", "/")
                        .expect_field("expect", "100-continue")
                        .reply(format!("HTTP/1.1 {status} {reason}\r\n{framing}"))
                        .expect_eof()
                })
                .start();
            let session = Session::in_memory();
            let source = Source::default();

            let request = session.put(server.url("/")).expect_continue(LONG);
            let seen = observe(request.send(Body::reader(source.clone()))).await;

            assert_eq!(seen.bare(), Seen::whole(status, "body"), "{status} {framing:?}");
            assert_eq!(source.given(), 0, "{status}: the body was not begun");
            counted(&session, [0, 0, 0, 0]).await;
            server.finished();
        }
    }
}

#[tokio::test]
async fn once_the_time_for_100_has_passed_a_late_100_changes_nothing() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/")
                .expect_bytes("5\r\nhello\r\n0\r\n\r\n")
                .send(CONTINUE)
                .reply(OK)
                .expect_get("/next")
                .reply(OK)
                .expect_eof()
        })
        .start();
    let session = Session::in_memory();

    let request = session.post(server.url("/")).expect_continue(Duration::from_millis(1));
    let message = bounded(request.send(Body::reader(&b"hello"[..]))).await.unwrap();

    assert_eq!(message.informational().len(), 1);
    assert_eq!(read(message).await.bare(), Seen::whole(200, "ok"));
    assert!(session.get(server.url("/next")).await.unwrap().is_connection_reused());
    drop(session);
    server.finished();
}

/// The head of an answer that comes while the body has not gone out, and how the request got there.
async fn early(session: &Session, url: &str, body: Body) -> IncomingMessage {
    bounded(session.post(url).send(body)).await.unwrap()
}

#[tokio::test]
async fn collecting_an_early_answer_sends_the_rest_of_the_body() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/")
                .expect_bytes("first")
                .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nearly")
                .expect_bytes(" second")
                .send("late")
                .expect_get("/next")
                .reply(answer("next"))
                .expect_eof()
        })
        .start();
    let session = Session::in_memory();
    let (mut source, sink) = tokio::io::duplex(64);
    source.write_all(b"first").await.unwrap();

    let message = early(&session, &server.url("/"), Body::sized(12, sink)).await;
    assert_eq!(message.timing().wait.unwrap().length(), Duration::ZERO, "nothing was waited for");
    let (text, ()) = tokio::join!(bounded(message.text()), async {
        source.write_all(b" second").await.unwrap();
        // What is longer than stated would be refused: it is over only with its end.
        drop(source);
    });

    assert_eq!(text.unwrap(), "earlylate");
    let next = observe(session.get(server.url("/next"))).await;
    assert_eq!(next.bare(), Seen::whole(200, "next"));
    drop(session);
    server.finished();
}

#[tokio::test]
async fn an_early_answer_that_ends_before_the_body_ends_the_connection() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/").expect_bytes("first").reply(OK).ignore_rest()
        })
        .start();
    let session = Session::in_memory();
    let (mut source, sink) = tokio::io::duplex(64);
    source.write_all(b"first").await.unwrap();

    let message = early(&session, &server.url("/"), Body::sized(12, sink)).await;

    assert_eq!(read(message).await.bare(), Seen::whole(200, "ok"));
    counted(&session, [0, 0, 0, 0]).await;
    assert!(source.write_all(b" second").await.is_err(), "nobody reads the body any more");
    server.finished();
}

/// A reader that never ends and counts what it gives.
#[derive(Clone, Default)]
struct Source(Arc<AtomicU64>);

impl Source {
    fn given(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl AsyncRead for Source {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = buffer.remaining();
        buffer.initialize_unfilled().fill(b'x');
        buffer.advance(length);
        self.0.fetch_add(length as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_server_that_does_not_read_holds_the_source_less_than_1_mib_ahead_of_the_socket() {
    for is_counted in [true, false] {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let session = Session::in_memory();
        let source = Source::default();
        let body = match is_counted {
            true => Body::sized(1 << 40, source.clone()),
            false => Body::reader(source.clone()),
        };
        let sent = Arc::new(AtomicU64::new(0));
        let listener_of_progress = {
            let sent = Arc::clone(&sent);
            move |progress: UploadProgress| sent.store(progress.current, Ordering::Relaxed)
        };

        let request = session.post(format!("http://{address}/"));
        let request = request.on_upload_progress(listener_of_progress);
        let mut sending = Box::pin(request.send(body));
        let mut held_at = u64::MAX;
        while held_at != source.given() {
            held_at = source.given();
            // Ends with the time: no answer will come.
            let waiting = tokio::time::timeout(Duration::from_millis(50), &mut sending).await;
            assert!(waiting.is_err(), "{waiting:?}");
        }
        drop(sending);
        // What the socket had taken still arrives.
        let received = tokio::task::spawn_blocking(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut received = Vec::new();
            stream.read_to_end(&mut received).unwrap();
            received.len() as u64
        });
        let received = bounded(received).await.unwrap();

        let ahead = held_at - sent.load(Ordering::Relaxed);
        assert!(ahead < 1024 * 1024, "{ahead} bytes between the source and the socket");
        assert!(held_at < received + 1024 * 1024, "{held_at} given, {received} received");
        assert!(sent.load(Ordering::Relaxed) < received, "what was sent has a head before it");
        counted(&session, [0, 0, 0, 0]).await;
    }
}
