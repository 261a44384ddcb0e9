//! Each limit of time fires in its own phase and nowhere else.
//!
//! Servers stall where a script says so. Nothing here asserts how quickly something happens.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use netreq::{Body, Error, NetError, Phase, Session, Timeouts};
use netreq_testserver::{Conversation, OK, Peer, Script, script};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::Sleep;

use crate::observe::{Seen, bounded, observe, read};
use crate::support::counted;

const SHORT: Duration = Duration::from_millis(50);
/// Many of these pass before `LIMIT` has, and more than `LIMIT` in all.
const STEP: Duration = Duration::from_millis(20);
const STEPS: usize = 75;
const LIMIT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(3600);

/// Limits that never run out, so that only the one set apart can.
fn ample() -> Timeouts {
    Timeouts::NONE
        .with_connect(LONG)
        .with_tls(LONG)
        .with_first_byte(LONG)
        .with_idle(LONG)
        .with_total(LONG)
}

/// A reader that gives this and then stays silent as long as the writer lives.
async fn stalled(begin: &str) -> (tokio::io::DuplexStream, Body) {
    let (mut writer, reader) = tokio::io::duplex(1024);
    writer.write_all(begin.as_bytes()).await.unwrap();
    (writer, Body::reader(reader))
}

/// A body that takes its time and never as long as `LIMIT` for a byte.
fn slow() -> Body {
    Body::sized(STEPS as u64, Slow { left: STEPS, pause: Box::pin(tokio::time::sleep(STEP)) })
}

struct Slow {
    left: usize,
    pause: Pin<Box<Sleep>>,
}

impl AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left > 0 {
            ready!(self.pause.as_mut().poll(cx));
            self.pause = Box::pin(tokio::time::sleep(STEP));
            self.left -= 1;
            buffer.put_slice(b"x");
        }
        Poll::Ready(Ok(()))
    }
}

fn in_steps(mut peer: Peer, piece: &str) -> Peer {
    for _ in 0..STEPS {
        peer = peer.wait(STEP).send(piece);
    }
    peer
}

/// Runs out in `phase`, by `limit`, and says so.
#[track_caller]
fn assert_timed_out(error: &Error, phase: Phase, limit: &str, name: &str) {
    let expected = match phase {
        Phase::Connect => NetError::ConnectionTimedOut,
        _ => NetError::TimedOut,
    };
    assert_eq!((error.net_error(), error.phase()), (expected, Some(phase)), "{name}");
    assert!(error.is_timeout() && !error.is_builder() && !error.is_abort(), "{name}");
    assert_eq!(error.is_connect(), matches!(phase, Phase::Connect | Phase::Tls), "{name}");
    assert_eq!(error.is_request(), matches!(phase, Phase::Send | Phase::Wait), "{name}");
    assert_eq!(error.is_body(), phase == Phase::Receive, "{name}");
    let source = std::error::Error::source(error).unwrap().to_string();
    assert_eq!(source, format!("the {limit} time limit ran out"), "{name}");
    assert!(error.url().is_some(), "{name}");
}

fn one(say: impl FnOnce(Peer) -> Conversation) -> Script {
    script().connection(say)
}

#[tokio::test]
async fn a_server_that_is_silent_after_the_request_runs_out_of_first_byte() {
    for (name, said) in [
        ("nothing", ""),
        ("half a line", "HTTP/1.1 2"),
        ("half a head", "HTTP/1.1 200 OK\r\nX: y\r\n"),
        ("a hint", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("an unasked 100", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        for limits in [ample().with_first_byte(SHORT), ample().with_total(LIMIT)] {
            let server =
                one(|peer| peer.expect_request("POST", "/").send(said).ignore_rest()).start();
            let session = Session::in_memory();

            let request = session.post(server.url("/")).timeouts(limits);
            let error = bounded(request.send("hello")).await.unwrap_err();

            let limit = if limits.total == Some(LIMIT) { "total" } else { "first byte" };
            assert_timed_out(&error, Phase::Wait, limit, name);
            counted(&session, [0, 0, 0, 0]).await;
            server.finished();
        }
    }
}

#[tokio::test]
async fn a_body_that_stops_coming_or_going_runs_out_of_idle_while_sending() {
    for (limits, limit) in
        [(ample().with_idle(SHORT), "idle"), (ample().with_total(LIMIT), "total")]
    {
        for name in ["no source", "a stalled source", "a server that does not read"] {
            let server = one(|peer| peer.expect_request("POST", "/").stop_reading()).start();
            let session = Session::in_memory();
            let (writer, body) = stalled(if name == "no source" { "" } else { "begun" }).await;
            let body = match name {
                "a server that does not read" => Body::reader(tokio::io::repeat(b'x')),
                _ => body,
            };

            let request = session.post(server.url("/")).timeouts(limits);
            let error = bounded(request.send(body)).await.unwrap_err();

            assert_timed_out(&error, Phase::Send, limit, name);
            drop(writer);
            counted(&session, [0, 0, 0, 0]).await;
            server.finished();
        }
    }
}

#[tokio::test]
async fn a_body_that_stops_arriving_runs_out_of_idle_while_receiving() {
    for (name, response, came) in [
        ("sized", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", ""),
        ("sized, begun", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "hello"),
        ("chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "hel"),
        ("last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", ""),
        ("until close", "HTTP/1.1 200 OK\r\n\r\nhello", "hello"),
        (
            "coded",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n\u{1f}",
            "",
        ),
    ] {
        for (limits, limit) in
            [(ample().with_idle(SHORT), "idle"), (ample().with_total(LIMIT), "total")]
        {
            let server = one(|peer| peer.expect_get("/").send(response).ignore_rest()).start();
            let session = Session::in_memory();

            let request = session.get(server.url("/")).timeouts(limits);
            let mut message = bounded(request.send(())).await.unwrap();
            let mut body = Vec::new();
            let error = loop {
                match bounded(message.chunk()).await {
                    Ok(chunk) => body.extend(chunk.expect("it never looks whole")),
                    Err(error) => break error,
                }
            };

            assert_eq!(body, came.as_bytes(), "{name} {limit}");
            assert_timed_out(&error, Phase::Receive, limit, name);
            counted(&session, [0, 0, 0, 0]).await;
            server.finished();
        }
    }
}

#[tokio::test]
async fn the_total_limit_ends_a_body_that_never_does_however_slowly_it_is_read() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let piece = format!("1000\r\n{}\r\n", "x".repeat(0x1000)).repeat(16);
    let server = one(|peer| peer.expect_get("/").send(head).send_until_closed(&piece)).start();
    let session = Session::in_memory();

    let request = session.get(server.url("/")).timeouts(ample().with_total(LIMIT));
    let mut message = bounded(request.send(())).await.unwrap();
    let error = bounded(async {
        loop {
            match message.chunk().await {
                // There is always something to read.
                Ok(chunk) => assert!(chunk.is_some()),
                Err(error) => return error,
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;

    assert_timed_out(&error, Phase::Receive, "total", "flood");
    counted(&session, [0, 0, 0, 0]).await;
    server.finished();
}

#[tokio::test]
async fn a_handshake_that_hangs_runs_out_of_its_own_limit() {
    let server = one(|peer| peer.ignore_rest()).start();
    let session = Session::in_memory();
    let url = format!("https://{}/", server.address());

    let request = session.get(url).timeouts(ample().with_tls(SHORT));
    let error = bounded(request.send("")).await.unwrap_err();

    assert_timed_out(&error, Phase::Tls, "TLS", "tls");
    counted(&session, [0, 0, 0, 0]).await;
    server.finished();
}

#[tokio::test]
async fn waiting_for_a_free_connection_counts_for_the_whole_alone() {
    let server = one(|peer| {
        peer.expect_get("/").send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").stall()
    })
    .start();
    let session = Session::builder().max_sockets_per_host(1).build().unwrap();
    let busy = bounded(session.get(server.url("/"))).await.unwrap();

    let all_but_total =
        Timeouts::NONE.with_connect(SHORT).with_tls(SHORT).with_first_byte(SHORT).with_idle(SHORT);
    let request = session.get(server.url("/")).timeouts(all_but_total.with_total(LIMIT));
    let error = bounded(request.send("")).await.unwrap_err();

    assert_timed_out(&error, Phase::Connect, "total", "queue");
    counted(&session, [1, 0, 0, 0]).await;
    drop(busy);
    server.finished();
}

#[tokio::test]
async fn the_total_limit_covers_all_hops_together() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n";
    let server =
        one(|peer| peer.expect_get("/1").reply(redirect).expect_get("/2").ignore_rest()).start();
    let session = Session::in_memory();

    let request = session.get(server.url("/1")).timeouts(ample()).timeout(LIMIT);
    let error = bounded(request.send("")).await.unwrap_err();

    assert_timed_out(&error, Phase::Wait, "total", "second hop");
    counted(&session, [0, 0, 0, 0]).await;
    server.finished();
}

#[tokio::test]
async fn a_session_has_limits_of_its_own_and_a_request_replaces_them() {
    let server =
        one(|peer| peer.expect_get("/1").wait(LIMIT).reply(OK).expect_get("/2").ignore_rest())
            .start();
    let limits = Timeouts::NONE.with_first_byte(SHORT);
    let session = Session::builder().timeouts(limits).build().unwrap();

    let own = observe(session.get(server.url("/1")).timeouts(ample())).await;
    assert_eq!(own.bare(), Seen::whole(200, "ok"));
    let error = bounded(session.get(server.url("/2"))).await.unwrap_err();

    assert_timed_out(&error, Phase::Wait, "first byte", "the session's");
    server.finished();
}

#[tokio::test]
async fn a_long_upload_that_moves_runs_out_of_nothing_but_the_whole() {
    let server = one(|peer| {
        peer.expect_request("POST", "/").read_body(STEPS as u64).reply(OK).expect_eof().close()
    })
    .start();
    let session = Session::in_memory();
    let limits =
        Timeouts::NONE.with_connect(LIMIT).with_tls(LIMIT).with_first_byte(LIMIT).with_idle(LIMIT);

    let seen = observe(session.post(server.url("/")).timeouts(limits).send(slow())).await;

    assert_eq!(seen.bare(), Seen::whole(200, "ok"));
    drop(session);
    server.finished();
}

#[tokio::test]
async fn a_long_response_that_moves_runs_out_of_nothing_but_the_whole() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let server = one(|peer| {
        let peer = peer.expect_get("/").send(head);
        in_steps(peer, "1\r\nx\r\n").send("0\r\n\r\n").expect_eof().close()
    })
    .start();
    let session = Session::in_memory();
    let limits = Timeouts::NONE.with_connect(LIMIT).with_first_byte(LIMIT).with_idle(LIMIT);

    let seen = observe(session.get(server.url("/")).timeouts(limits)).await;

    assert_eq!(seen.bare(), Seen::whole(200, "x".repeat(STEPS)));
    drop(session);
    server.finished();
}

/// Either direction that moves is no silence.
#[tokio::test]
async fn an_upload_that_goes_on_behind_an_early_answer_is_no_silence() {
    let server = one(|peer| {
        peer.expect_request("POST", "/")
            .send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            .read_body(STEPS as u64)
            .send("late")
            .expect_eof()
            .close()
    })
    .start();
    let session = Session::in_memory();

    let request = session.post(server.url("/")).timeouts(Timeouts::NONE.with_idle(LIMIT));
    let message = bounded(request.send(slow())).await.unwrap();

    assert_eq!(bounded(read(message)).await.bare(), Seen::whole(200, "late"));
    drop(session);
    server.finished();
}

#[tokio::test]
async fn an_early_answer_whose_two_directions_both_stand_still_runs_out_of_idle() {
    let server = one(|peer| {
        peer.expect_request("POST", "/")
            .send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            .ignore_rest()
    })
    .start();
    let session = Session::in_memory();
    let (writer, body) = stalled("begun").await;

    let request = session.post(server.url("/")).timeouts(ample().with_idle(SHORT));
    let message = bounded(request.send(body)).await.unwrap();
    let error = bounded(message.bytes()).await.unwrap_err();

    assert_timed_out(&error, Phase::Receive, "idle", "both");
    drop(writer);
    counted(&session, [0, 0, 0, 0]).await;
    server.finished();
}

#[tokio::test]
async fn waiting_for_the_response_is_not_idle_and_waiting_for_100_is_neither() {
    let server = one(|peer| {
        peer.expect_get("/1")
            .wait(4 * SHORT)
            .reply(OK)
            .expect_request("POST", "/2")
            .wait(4 * SHORT)
            .send("HTTP/1.1 100 Continue\r\n\r\n")
            .expect_bytes("hello")
            .reply(OK)
            .expect_eof()
            .close()
    })
    .start();
    let session = Session::in_memory();

    let limits = ample().with_idle(SHORT);
    let quiet = observe(session.get(server.url("/1")).timeouts(limits)).await;
    assert_eq!(quiet.bare(), Seen::whole(200, "ok"));
    // As short as the first limit may be without being met by a server that answers at once.
    let limits = ample().with_idle(2 * SHORT).with_first_byte(2 * SHORT);
    let request = session.post(server.url("/2")).timeouts(limits).expect_continue(LONG);
    let seen = observe(request.send("hello")).await;

    assert_eq!(seen.bare(), Seen::whole(200, "ok"));
    drop(session);
    server.finished();
}

#[tokio::test]
async fn a_caller_who_takes_their_time_is_not_the_servers_silence() {
    let server = one(|peer| peer.expect_get("/").reply(OK).expect_eof().close()).start();
    let session = Session::in_memory();
    let limits = ample().with_idle(SHORT).with_first_byte(LIMIT).with_connect(LIMIT);

    let mut message = bounded(session.get(server.url("/")).timeouts(limits)).await.unwrap();
    tokio::time::sleep(2 * LIMIT).await;
    let mut body = Vec::new();
    bounded(message.read_to_end(&mut body)).await.unwrap();

    assert_eq!(body, b"ok");
    drop((message, session));
    server.finished();
}

#[tokio::test]
async fn a_whole_response_is_one_even_when_it_is_read_after_the_total_limit() {
    let server = one(|peer| {
        peer.expect_get("/").send("HTTP/1.1 204 No Content\r\n\r\n").expect_eof().close()
    })
    .start();
    let session = Session::in_memory();

    let message = bounded(session.get(server.url("/")).timeout(LIMIT)).await.unwrap();
    tokio::time::sleep(2 * LIMIT).await;

    assert_eq!(bounded(read(message)).await.bare(), Seen::whole(204, ""));
    drop(session);
    server.finished();
}
