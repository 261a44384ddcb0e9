//! The events of a `ClientRequest`: which come, in which order, for every way a request can end.
//!
//! `Finish`, then a `Redirect` for each hop, then `Response` or `Error`, and `Close` last; after an
//! abort `Abort` and `Close` alone. Whoever asks the server something while it runs, or goes away,
//! gets Electron's default. Electron `spec/api-net-spec.ts`.

use std::future::Future;

use netreq::{
    ClientRequest, Event, Events, HeaderList, IncomingMessage, Method, NetError, Options,
    RedirectMode, RedirectQuestion, Session,
};
use netreq_testserver::{Gate, OK, ScriptServer, answer, script};

use crate::observe::bounded;
use crate::support::{counted, eventually};

/// What is left of the events, a line each, without progress; responses are read to their end.
pub(crate) async fn told(events: &mut Events) -> Vec<String> {
    tell(events, |question| {
        question.follow_redirect();
    })
    .await
}

/// As [`told`], where neither a redirect nor a response is expected to be answered or read.
pub(crate) async fn story(events: &mut Events) -> Vec<String> {
    tell(events, drop).await
}

async fn tell(events: &mut Events, mut redirect: impl FnMut(RedirectQuestion)) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(event) = bounded(events.next()).await {
        match event {
            Event::Response(message) => {
                told.push(format!("response {}", message.status()));
                told.push(match bounded(message.text()).await {
                    Ok(text) => format!("body {text}"),
                    Err(error) => format!("body broken {error}"),
                });
            }
            Event::Redirect(question) => {
                let info = question.info();
                told.push(format!("redirect {} {} {}", info.status, info.method, info.url.path()));
                redirect(question);
            }
            Event::UploadProgress(_) => {}
            Event::Finish => told.push("finish".into()),
            Event::Abort => told.push("abort".into()),
            Event::Error(error) => told.push(format!("error {error}")),
            Event::Close => told.push("close".into()),
            event => told.push(format!("{event:?}")),
        }
    }
    assert!(bounded(events.next()).await.is_none(), "nothing comes behind the end");
    told
}

fn request(session: &Session, url: String, redirect: RedirectMode) -> (ClientRequest, Events) {
    let mut request = ClientRequest::new(Options {
        method: Method::POST,
        url,
        session: Some(session.clone()),
        redirect,
        ..Options::default()
    })
    .unwrap();
    let events = request.events();
    (request, events)
}

fn post(session: &Session, server: &ScriptServer) -> (ClientRequest, Events) {
    request(session, server.url("/"), RedirectMode::Follow)
}

/// A chunked request that has begun.
async fn begun(session: &Session, server: &ScriptServer) -> (ClientRequest, Events) {
    let (mut request, events) = post(session, server);
    request.set_chunked_encoding(true).unwrap();
    request.write("hello").await.unwrap();
    (request, events)
}

async fn response(events: &mut Events) -> IncomingMessage {
    loop {
        match bounded(events.next()).await.expect("a response is an event") {
            Event::Response(message) => return message,
            Event::UploadProgress(_) | Event::Finish => {}
            event => panic!("{event:?} instead of a response"),
        }
    }
}

async fn question(events: &mut Events) -> RedirectQuestion {
    loop {
        match bounded(events.next()).await.expect("a redirect is an event") {
            Event::Redirect(question) => return question,
            Event::UploadProgress(_) | Event::Finish => {}
            event => panic!("{event:?} instead of a redirect"),
        }
    }
}

const FOUND: &str = "HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn every_outcome_has_its_order() {
    use RedirectMode::{Error, Follow, Manual};
    let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone";
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc";
    let unchunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    let uncoded = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd";
    let nowhere = "HTTP/1.1 302 Found\r\nLocation: http://[/\r\nContent-Length: 0\r\n\r\n";
    let unsafe_ = "HTTP/1.1 302 Found\r\nLocation: file:///x\r\nContent-Length: 0\r\n\r\n";
    let refused = "error Attempted to redirect, but redirect policy was 'error'";
    let empty = "HTTP/1.1 204 No Content\r\n\r\n";
    let ok = std::str::from_utf8(OK).unwrap();
    let all: [(RedirectMode, &str, Option<&str>, &[&str]); 14] = [
        (Follow, ok, None, &["finish", "response 200", "body ok", "close"]),
        (Follow, missing, None, &["finish", "response 404", "body gone", "close"]),
        (Follow, empty, None, &["finish", "response 204", "body ", "close"]),
        (Follow, "", None, &["finish", "error net::ERR_EMPTY_RESPONSE", "close"]),
        (
            Follow,
            "HTTP/1.1 2",
            None,
            &["finish", "error net::ERR_RESPONSE_HEADERS_TRUNCATED", "close"],
        ),
        (
            Follow,
            "SSH-2.0\r\n\r\n",
            None,
            &["finish", "error net::ERR_INVALID_HTTP_RESPONSE", "close"],
        ),
        (
            Follow,
            short,
            None,
            &[
                "finish",
                "response 200",
                "body broken net::ERR_CONTENT_LENGTH_MISMATCH",
                "error net::ERR_CONTENT_LENGTH_MISMATCH",
                "close",
            ],
        ),
        (
            Follow,
            unchunked,
            None,
            &[
                "finish",
                "response 200",
                "body broken net::ERR_INCOMPLETE_CHUNKED_ENCODING",
                "error net::ERR_INCOMPLETE_CHUNKED_ENCODING",
                "close",
            ],
        ),
        (
            Follow,
            uncoded,
            None,
            &[
                "finish",
                "response 200",
                "body broken net::ERR_CONTENT_DECODING_FAILED",
                "error net::ERR_CONTENT_DECODING_FAILED",
                "close",
            ],
        ),
        (
            Follow,
            FOUND,
            Some("/2"),
            &["finish", "redirect 302 GET /2", "response 200", "body ok", "close"],
        ),
        (
            Manual,
            FOUND,
            Some("/2"),
            &["finish", "redirect 302 GET /2", "response 200", "body ok", "close"],
        ),
        (Error, FOUND, None, &["finish", refused, "close"]),
        (Follow, nowhere, None, &["finish", "error net::ERR_INVALID_REDIRECT", "close"]),
        (Manual, unsafe_, None, &["finish", "error net::ERR_UNSAFE_REDIRECT", "close"]),
    ];
    for (mode, reply, next, expected) in all {
        let name = format!("{mode:?} {reply:?}");
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_request("POST", "/").expect_bytes("hello").send(reply);
                match next {
                    Some(next) => peer.expect_get(next).reply(OK).close(),
                    None => peer.close(),
                }
            })
            .start();
        let session = Session::in_memory();
        let (mut request, mut events) = request(&session, server.url("/"), mode);

        request.write("hel").await.unwrap();
        request.end("lo").await.unwrap();

        assert_eq!(told(&mut events).await, expected, "{name}");
        request.abort();
        assert!(events.next().await.is_none(), "{name}: an abort behind Close is none");
        server.finished();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_end_brings_about_comes_behind_finish() {
    // A failure that needs no network is as quick as one can be.
    for _ in 0..2_000 {
        let mut request = ClientRequest::new("http://127.0.0.1:1/").unwrap();
        request.set_header("Sec-Fetch-Dest", "document").unwrap();
        let mut events = request.events();
        request.end("").await.unwrap();
        let told = told(&mut events).await;
        assert_eq!(told.first().map(String::as_str), Some("finish"));
        assert_eq!(told.len(), 3);
    }
}

#[tokio::test]
async fn a_refused_connection_fails_even_while_the_body_is_written() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let session = Session::in_memory();
    for chunked in [false, true] {
        let url = format!("http://{nobody}/");
        let (mut request, mut events) = request(&session, url, RedirectMode::Follow);
        request.set_chunked_encoding(chunked).unwrap();
        let expected: &[&str] = match chunked {
            // It fails at the first write: there is nothing left to hand over.
            true => &["error net::ERR_CONNECTION_REFUSED", "close"],
            false => &["finish", "error net::ERR_CONNECTION_REFUSED", "close"],
        };

        request.write("hello").await.unwrap();
        if chunked {
            assert_eq!(told(&mut events).await, expected);
        }
        for _ in 0..3 {
            bounded(request.write("more")).await.unwrap();
        }
        request.end("last").await.unwrap();
        if !chunked {
            assert_eq!(told(&mut events).await, expected);
        }
        assert!(events.next().await.is_none());
        assert!(bounded(request.response()).await.is_err());
    }
}

#[tokio::test]
async fn events_that_nobody_takes_hold_nothing_up() {
    let (first, second, third) = (Gate::new(), Gate::new(), Gate::new());
    let done = |gate: &Gate| {
        let gate = gate.clone();
        move |peer: netreq_testserver::Peer| {
            peer.expect_request("POST", "/")
                .expect_bytes("hello")
                .reply(FOUND)
                .expect_get("/2")
                .open(&gate)
                .reply(OK)
        }
    };
    let server = script()
        .connection(done(&first))
        .connection(done(&second))
        .connection(done(&third))
        .start();

    let session = Session::in_memory();
    let mut untaken = ClientRequest::new(Options {
        method: Method::POST,
        session: Some(session.clone()),
        ..Options::from(server.url("/"))
    })
    .unwrap();
    untaken.end("hello").await.unwrap();
    bounded(first.opened()).await;

    let alone = Session::in_memory();
    let (mut unheard, events) = post(&alone, &server);
    drop(events);
    unheard.end("hello").await.unwrap();
    bounded(second.opened()).await;

    // A request that has begun keeps itself alive, and its session.
    let last = Session::in_memory();
    let (mut gone, mut events) = post(&last, &server);
    gone.end("hello").await.unwrap();
    drop((gone, last));
    let expected = ["finish", "redirect 302 GET /2", "response 200", "body ok", "close"];
    assert_eq!(told(&mut events).await, expected);
    bounded(third.opened()).await;

    counted(&alone, [0, 0, 1, 0]).await;
    assert_eq!(bounded(untaken.response()).await.unwrap().status(), 200);
    drop((session, untaken));
    server.finished();
}

#[tokio::test]
async fn events_are_taken_once() {
    let mut request = ClientRequest::new("http://127.0.0.1:1/").unwrap();
    let mut events = request.events();
    assert!(bounded(request.events().next()).await.is_none());
    request.abort();
    assert_eq!(told(&mut events).await, ["abort", "close"]);
}

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
        assert_eq!(request.upload_progress(), netreq::UploadProgress::default());
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
        let reading = if reads_first {
            assert_eq!(bounded(message.chunk()).await.unwrap().unwrap(), "hello");
            tokio::spawn(async move { message.chunk().await })
        } else {
            tokio::spawn(async move {
                while message.chunk().await?.is_some() {}
                panic!("a body cut off looks whole");
            })
        };
        tokio::task::yield_now().await;

        request.abort();
        request.abort();

        let error = bounded(reading).await.unwrap().unwrap_err();
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
async fn a_redirect_waits_for_its_answer() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/")
                .expect_bytes("hello")
                .reply(FOUND)
                .expect_get("/2")
                .expect_field("x-key", "2")
                .expect_no_field("x-old")
                .reply(OK)
        })
        .start();
    let session = Session::in_memory();
    let (mut request, mut events) = request(&session, server.url("/"), RedirectMode::Manual);
    request.set_header("X-Key", "1").unwrap();
    request.set_header("X-Old", "1").unwrap();
    request.set_header("Content-Type", "text/plain").unwrap();
    request.end("hello").await.unwrap();

    let question = question(&mut events).await;
    let info = question.info();
    assert_eq!((info.status, info.method.as_str()), (302, "GET"));
    assert_eq!(info.url.as_str(), server.url("/2"));
    assert_eq!(info.head.get("location"), Some(&b"/2"[..]));
    assert_eq!(info.mode, RedirectMode::Manual);
    let along: Vec<&str> = info.headers.iter().map(|field| field.name()).collect();
    assert_eq!(along, ["X-Key", "X-Old"]);
    let mut headers = HeaderList::new();
    headers.append("X-Key", "2");
    question.follow_with(headers);

    assert_eq!(told(&mut events).await, ["response 200", "body ok", "close"]);
    server.finished();
}

#[tokio::test]
async fn a_redirect_that_nobody_follows_is_cancelled_where_that_is_the_default() {
    let cancelled = ["error Redirect was cancelled", "close"];
    let followed = ["response 200", "body ok", "close"];
    let cancel = |question: RedirectQuestion| question.cancel();
    let unanswered = |question: RedirectQuestion| drop(question);
    let answers: [(RedirectMode, fn(RedirectQuestion), &[&str]); 4] = [
        (RedirectMode::Manual, cancel, &cancelled),
        (RedirectMode::Follow, cancel, &cancelled),
        (RedirectMode::Manual, unanswered, &cancelled),
        (RedirectMode::Follow, unanswered, &followed),
    ];
    for (mode, answer, expected) in answers {
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_request("POST", "/").reply(FOUND);
                if expected == followed { peer.expect_get("/2").reply(OK) } else { peer }
            })
            .start();
        let session = Session::in_memory();
        let (mut request, mut events) = request(&session, server.url("/"), mode);
        request.end("").await.unwrap();
        answer(question(&mut events).await);
        assert_eq!(told(&mut events).await, expected, "{mode:?}");
        drop((request, session));
        server.finished();
    }
    // Without events, and with events that are gone, it is the same.
    for takes in [false, true] {
        let server =
            script().connection(|peer| peer.expect_request("POST", "/").reply(FOUND)).start();
        let mut request = ClientRequest::new(Options {
            method: Method::POST,
            session: Some(Session::in_memory()),
            redirect: RedirectMode::Manual,
            ..Options::from(server.url("/"))
        })
        .unwrap();
        if takes {
            drop(request.events());
            request.end("").await.unwrap();
        } else {
            request.end("").await.unwrap();
            let error = bounded(request.response()).await.unwrap_err();
            assert_eq!(error.to_string(), "Redirect was cancelled");
            assert!(error.is_redirect());
        }
        let ends = || server.requests().len() == 1;
        eventually("the request has come", ends).await;
        server.finished();
    }
}

#[tokio::test]
async fn follow_redirect_is_for_a_redirect_that_waits() {
    let sentence = "followRedirect() called, but was not waiting for a redirect";
    for mode in [RedirectMode::Follow, RedirectMode::Manual] {
        let server = script()
            .connection(|peer| {
                peer.expect_request("POST", "/").reply(FOUND).expect_get("/2").reply(OK)
            })
            .start();
        let session = Session::in_memory();
        let (mut request, mut events) = request(&session, server.url("/"), mode);
        assert_eq!(request.follow_redirect().unwrap_err().to_string(), sentence);
        request.end("").await.unwrap();
        let question = question(&mut events).await;

        request.follow_redirect().unwrap();
        assert_eq!(request.follow_redirect().unwrap_err().to_string(), sentence);
        // The answer has been given; this one comes too late.
        question.cancel();

        assert_eq!(told(&mut events).await, ["response 200", "body ok", "close"], "{mode:?}");
        assert_eq!(request.follow_redirect().unwrap_err().to_string(), sentence);
        server.finished();
    }
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
async fn a_chunked_body_cannot_follow_a_redirect_that_wants_it_again() {
    let moved = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n";
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/").expect_chunked_body("hello").reply(moved)
        })
        .start();
    let session = Session::in_memory();
    let (mut request, mut events) = begun(&session, &server).await;
    request.end("").await.unwrap();

    let expected = [
        "finish",
        "redirect 307 POST /2",
        "error net::ERR_UPLOAD_STREAM_REWIND_NOT_SUPPORTED",
        "close",
    ];
    assert_eq!(told(&mut events).await, expected);
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
    let glance = tokio::time::timeout(std::time::Duration::from_millis(1), message.chunk()).await;
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

    bounded(session.close()).await;

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
    session.close().await;
    let (mut request, mut events) = post(&session, &server);
    request.end("").await.unwrap();
    assert_eq!(told(&mut events).await, ["finish", "error net::ERR_ABORTED", "close"]);
    server.finished();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_at_any_moment_ends_a_reader_and_comes_last() {
    let server = netreq_testserver::Server::start();
    let session = Session::in_memory();
    for round in 0..300_u32 {
        let url = server.url("/bytes/100000");
        let mut request =
            ClientRequest::new(Options { session: Some(session.clone()), ..Options::from(url) })
                .unwrap();
        let mut events = request.events();
        request.end("").await.unwrap();
        let listening = tokio::spawn(async move {
            let (mut seen, mut readers) = (Vec::new(), Vec::new());
            while let Some(event) = events.next().await {
                match event {
                    Event::Response(message) => readers.push(tokio::spawn(message.bytes())),
                    Event::UploadProgress(_) => {}
                    event => seen.push(format!("{event:?}")),
                }
            }
            for reader in readers {
                let _ = bounded(reader).await.unwrap();
            }
            seen
        });
        for _ in 0..round {
            spin().await;
        }
        request.abort();
        let seen = bounded(listening).await.unwrap();
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
