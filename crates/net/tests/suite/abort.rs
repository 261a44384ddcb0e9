//! A `ClientRequest` that ends early, and an answer that comes early: who is told what, and who must
//! not be left waiting.
//!
//! Reader, writer and the request's own task look at one exchange. Whichever of them goes away, or
//! the session with them, the other two go on or end; none sleeps for ever.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use netreq::{ClientRequest, Event, NetError, Options, RedirectMode, Session, UploadProgress};
use netreq_testserver::{Gate, OK, Server, answer, script};
use tokio::task::JoinSet;

use crate::events::{FOUND, begun, post, question, request, response, told};
use crate::observe::bounded;
use crate::support::counted;

#[tokio::test]
async fn a_request_dropped_before_its_end_is_aborted() {
    let started = Gate::new();
    let server = script()
        .connection(|peer| {
            // No last chunk: what went out does not look whole.
            let peer = peer.expect_request("POST", "/").expect_bytes("5\r\nhello").open(&started);
            peer.expect_eof()
        })
        .start();
    let session = Session::in_memory();

    let (unbegun, mut events) = post(&session, &server);
    drop(unbegun);
    assert_eq!(told(&mut events).await, ["abort", "close"]);

    let (mut buffered, mut events) = post(&session, &server);
    buffered.write("hello").await.unwrap();
    drop(buffered);
    assert_eq!(told(&mut events).await, ["abort", "close"]);
    assert_eq!(server.connections(), 0);

    let (chunked, mut events) = begun(&session, &server).await;
    bounded(started.opened()).await;
    drop(chunked);
    assert_eq!(told(&mut events).await, ["abort", "close"]);
    counted(&session, [0, 0, 0, 0]).await;
    server.finished();
}

#[tokio::test]
async fn an_abort_before_the_start_makes_everything_behind_it_nothing() {
    let server = script().start();
    let session = Session::in_memory();
    for chunked in [false, true] {
        let (mut request, mut events) = post(&session, &server);
        request.set_chunked_encoding(chunked).unwrap();
        request.abort();
        request.write("hello").await.unwrap();
        request.end("world").await.unwrap();
        request.abort();
        assert_eq!(told(&mut events).await, ["abort", "close"]);
        assert_eq!(request.upload_progress(), UploadProgress::default());
    }
    let (mut buffered, mut events) = post(&session, &server);
    buffered.write("hello").await.unwrap();
    buffered.abort();
    buffered.end("").await.unwrap();
    assert_eq!(told(&mut events).await, ["abort", "close"]);
    counted(&session, [0, 0, 0, 0]).await;
    server.finished();
}

#[tokio::test]
async fn an_abort_while_waiting_ends_with_abort_and_close() {
    let waits = Gate::new();
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/").expect_bytes("hello").open(&waits).expect_eof()
        })
        .start();
    let session = Session::in_memory();
    let (mut request, mut events) = post(&session, &server);
    request.end("hello").await.unwrap();
    bounded(waits.opened()).await;

    request.abort();

    assert_eq!(told(&mut events).await, ["finish", "abort", "close"]);
    counted(&session, [0, 0, 0, 0]).await;
    server.finished();
}

#[tokio::test]
async fn an_abort_behind_the_response_fails_its_body_and_no_error_is_told() {
    for reads_first in [false, true] {
        let server = script()
            .connection(|peer| {
                peer.expect_request("POST", "/")
                    .send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
                    .ignore_rest()
            })
            .start();
        let session = Session::in_memory();
        let (mut request, mut events) = post(&session, &server);
        request.end("").await.unwrap();
        let mut message = response(&mut events).await;
        let mut reading = JoinSet::new();
        if reads_first {
            assert_eq!(bounded(message.chunk()).await.unwrap().unwrap(), "hello");
        }
        reading.spawn(async move {
            while message.chunk().await?.is_some() {}
            panic!("a body cut off looks whole");
        });
        tokio::task::yield_now().await;

        request.abort();
        request.abort();

        let outcome: Result<(), netreq::Error> =
            bounded(reading.join_next()).await.unwrap().unwrap();
        let error = outcome.unwrap_err();
        assert_eq!(error.net_error(), NetError::Aborted);
        assert_eq!(told(&mut events).await, ["abort", "close"]);
        counted(&session, [0, 0, 0, 0]).await;
    }
}

#[tokio::test]
async fn a_response_dropped_unread_closes_the_request() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/")
                .send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
                .ignore_rest()
        })
        .start();
    let session = Session::in_memory();
    let (mut request, mut events) = post(&session, &server);
    request.end("").await.unwrap();

    drop(response(&mut events).await);

    assert_eq!(told(&mut events).await, ["close"]);
    counted(&session, [0, 0, 0, 0]).await;
}

#[tokio::test]
async fn an_abort_in_a_redirect_ends_it() {
    let server = script().connection(|peer| peer.expect_request("POST", "/").reply(FOUND)).start();
    let session = Session::in_memory();
    let (mut request, mut events) = request(&session, server.url("/"), RedirectMode::Manual);
    request.end("").await.unwrap();
    let question = question(&mut events).await;

    request.abort();
    question.follow_redirect();

    assert_eq!(told(&mut events).await, ["abort", "close"]);
    // The response was whole, so its connection was done with.
    counted(&session, [0, 0, 1, 0]).await;
    server.finished();
}

#[tokio::test]
async fn an_early_answer_is_heard_and_the_writer_goes_on() {
    let (early, wrote) = (Gate::new(), Gate::new());
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/")
                .expect_bytes("5\r\nhello")
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n")
                .open(&early)
                .expect_bytes("\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n")
                .open(&wrote)
                .send("4\r\nlate\r\n0\r\n\r\n")
                .expect_request("POST", "/next")
                .reply(OK)
        })
        .start();
    let session = Session::in_memory();
    let (mut request, mut events) = begun(&session, &server).await;
    let mut message = response(&mut events).await;
    bounded(early.opened()).await;
    assert_eq!(bounded(message.chunk()).await.unwrap().unwrap(), "early");
    // Looks for more and turns away: from here on nobody reads while this task writes.
    let glance = tokio::time::timeout(Duration::from_millis(1), message.chunk()).await;
    assert!(glance.is_err());

    for chunk in ["a", "b", "c"] {
        bounded(request.write(chunk)).await.unwrap();
    }
    bounded(request.end("")).await.unwrap();
    bounded(wrote.opened()).await;

    assert_eq!(bounded(message.chunk()).await.unwrap().unwrap(), "late");
    assert_eq!(bounded(message.chunk()).await.unwrap(), None);
    assert_eq!(told(&mut events).await, ["finish", "close"]);
    let next = session.post(server.url("/next")).await.unwrap();
    assert!(next.is_connection_reused());
    drop(next);
    drop(session);
    server.finished();
}

#[tokio::test]
async fn a_response_that_ends_before_the_upload_frees_the_writer() {
    for length in [0, 5] {
        let reply = answer("x".repeat(length));
        let server = script()
            .connection(|peer| {
                peer.expect_request("POST", "/")
                    .expect_bytes("5\r\nhello")
                    .send(&reply)
                    .ignore_rest()
            })
            .start();
        let session = Session::in_memory();
        let (mut request, mut events) = begun(&session, &server).await;
        let mut message = response(&mut events).await;
        if length > 0 {
            // The last piece, but not the end: that nobody asks for.
            assert_eq!(bounded(message.chunk()).await.unwrap().unwrap(), "xxxxx");
        }

        for _ in 0..3 {
            bounded(request.write("more")).await.unwrap();
        }
        bounded(request.end("last")).await.unwrap();

        assert_eq!(bounded(message.bytes()).await.unwrap(), "");
        assert_eq!(told(&mut events).await, ["finish", "close"]);
        counted(&session, [0, 0, 0, 0]).await;
    }
}

#[tokio::test]
async fn a_session_that_closes_ends_the_upload_behind_an_early_answer() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/")
                .expect_bytes("5\r\nhello")
                .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
                .ignore_rest()
        })
        .start();
    let session = Session::in_memory();
    let (mut request, mut events) = begun(&session, &server).await;
    let message = response(&mut events).await;

    bounded(session.close()).await.unwrap();

    for _ in 0..3 {
        bounded(request.write("more")).await.unwrap();
    }
    let error = bounded(message.bytes()).await.unwrap_err();
    assert_eq!(error.net_error(), NetError::Aborted);
    assert_eq!(told(&mut events).await, ["error net::ERR_ABORTED", "close"]);
}

#[tokio::test]
async fn a_session_that_is_closed_ends_what_begins_on_it() {
    let server = script().start();
    let session = Session::in_memory();
    session.close().await.unwrap();
    let (mut request, mut events) = post(&session, &server);
    request.end("").await.unwrap();
    assert_eq!(told(&mut events).await, ["finish", "error net::ERR_ABORTED", "close"]);
    server.finished();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_at_any_moment_ends_a_reader_and_comes_last() {
    let server = Server::start();
    let session = Session::in_memory();
    for round in 0..300_u32 {
        let url = server.url("/bytes/100000");
        let mut request =
            ClientRequest::new(Options { session: Some(session.clone()), ..Options::from(url) })
                .unwrap();
        let mut events = request.events();
        request.end("").await.unwrap();
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let (mut seen, mut readers) = (Vec::new(), JoinSet::new());
            while let Some(event) = events.next().await {
                match event {
                    Event::Response(message) => drop(readers.spawn(message.bytes())),
                    Event::UploadProgress(_) => {}
                    event => seen.push(format!("{event:?}")),
                }
            }
            // Whole or not: no reader is left asleep.
            while bounded(readers.join_next()).await.is_some() {}
            seen
        });
        for _ in 0..round {
            spin().await;
        }
        request.abort();
        let seen = bounded(listening.join_next()).await.unwrap().unwrap();
        let ways: [&[&str]; 2] = [&["Finish", "Abort", "Close"], &["Finish", "Close"]];
        assert!(ways.contains(&&*seen.iter().map(String::as_str).collect::<Vec<_>>()), "{seen:?}");
    }
    counted(&session, [0, 0, session.connections().idle, 0]).await;
}

/// A moment that grows with how often it is asked for; no clock could be as fine.
fn spin() -> impl Future<Output = ()> {
    std::hint::black_box((0..200_u32).map(std::hint::black_box).sum::<u32>());
    tokio::task::yield_now()
}

#[tokio::test]
async fn a_server_that_stops_reading_holds_up_the_writer_and_nobody_else() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/").send("HTTP/1.1 200 OK\r\n\r\nearly").stop_reading()
        })
        .connection(|peer| peer.expect_get("/other").reply(OK))
        .start();
    let session = Session::in_memory();
    let (mut request, mut events) = begun(&session, &server).await;
    let piece = netreq::Bytes::from(vec![b'x'; 64 * 1024]);

    let mut written = 0;
    loop {
        let mut writing = pin!(request.write(piece.clone()));
        let held = tokio::time::timeout(Duration::from_millis(200), &mut writing).await;
        match held {
            Ok(outcome) => outcome.unwrap(),
            Err(_) => break,
        }
        written += piece.len();
        assert!(written < 256 * 1024 * 1024, "nothing holds the writer up");
    }
    let mut message = loop {
        match bounded(events.next()).await.unwrap() {
            Event::Response(message) => break message,
            Event::UploadProgress(_) => {}
            event => panic!("{event:?}"),
        }
    };
    assert_eq!(bounded(message.chunk()).await.unwrap().unwrap(), "early");
    let other = session.get(server.url("/other")).await.unwrap();
    assert_eq!(bounded(other.text()).await.unwrap(), "ok");

    request.abort();
    assert!(bounded(message.chunk()).await.unwrap_err().is_abort());
    assert_eq!(told(&mut events).await, ["abort", "close"]);
    counted(&session, [0, 0, 1, 0]).await;
}
