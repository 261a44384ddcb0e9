//! The events of a `ClientRequest`: which come, in which order, for every way a request can end.
//!
//! `Finish`, then a `Redirect` for each hop, then `Response` or `Error`, and `Close` last; after an
//! abort `Abort` and `Close` alone. Whoever asks the server something while it runs, or goes away,
//! gets Electron's default. Electron `spec/api-net-spec.ts`.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Waker};

use netreq::{
    ClientRequest, Event, Events, HeaderList, IncomingMessage, Method, Options, RedirectMode,
    RedirectQuestion, Session,
};
use netreq_testserver::{Gate, OK, ScriptServer, script};

use crate::observe::bounded;
use crate::support::{counted, eventually};

/// What is left of the events, a line each, without progress: redirects are followed, responses read
/// to their end.
pub(crate) async fn told(events: &mut Events) -> Vec<String> {
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
                question.follow_redirect();
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

pub(crate) fn request(
    session: &Session,
    url: String,
    redirect: RedirectMode,
) -> (ClientRequest, Events) {
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

pub(crate) fn post(session: &Session, server: &ScriptServer) -> (ClientRequest, Events) {
    request(session, server.url("/"), RedirectMode::Follow)
}

/// A chunked request that has begun.
pub(crate) async fn begun(session: &Session, server: &ScriptServer) -> (ClientRequest, Events) {
    let (mut request, events) = post(session, server);
    request.set_chunked_encoding(true).unwrap();
    request.write("hello").await.unwrap();
    (request, events)
}

pub(crate) async fn response(events: &mut Events) -> IncomingMessage {
    loop {
        match bounded(events.next()).await.expect("a response is an event") {
            Event::Response(message) => return message,
            Event::UploadProgress(_) | Event::Finish => {}
            event => panic!("{event:?} instead of a response"),
        }
    }
}

pub(crate) async fn question(events: &mut Events) -> RedirectQuestion {
    loop {
        match bounded(events.next()).await.expect("a redirect is an event") {
            Event::Redirect(question) => return question,
            Event::UploadProgress(_) | Event::Finish => {}
            event => panic!("{event:?} instead of a redirect"),
        }
    }
}

pub(crate) const FOUND: &str = "HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n";

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
    let ways: [(RedirectMode, bool, &[&str]); 4] = [
        (RedirectMode::Manual, true, &cancelled),
        (RedirectMode::Follow, true, &cancelled),
        (RedirectMode::Manual, false, &cancelled),
        (RedirectMode::Follow, false, &followed),
    ];
    for (mode, cancels, expected) in ways {
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_request("POST", "/").reply(FOUND);
                if expected == followed { peer.expect_get("/2").reply(OK) } else { peer }
            })
            .start();
        let session = Session::in_memory();
        let (mut request, mut events) = request(&session, server.url("/"), mode);
        request.end("").await.unwrap();
        let question = question(&mut events).await;
        if cancels {
            question.cancel();
        } else {
            drop(question);
        }
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
async fn the_response_can_be_waited_for_instead_of_events() {
    let server = script()
        .connection(|peer| peer.expect_get("/").reply(FOUND).expect_get("/2").reply(OK))
        .connection(|peer| peer.expect_get("/").close())
        .start();
    let get = |url: String| {
        let session = Some(Session::in_memory());
        ClientRequest::new(Options { session, ..Options::from(url) }).unwrap()
    };
    let mut followed = get(server.url("/"));
    followed.end("").await.unwrap();
    {
        // A wait that is given up loses nothing.
        let waiting = pin!(followed.response());
        assert!(waiting.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(bounded(followed.response()).await.unwrap().status(), 200);
    let second = followed.response().await.unwrap_err();
    assert_eq!(second.to_string(), "the response comes by the events that were taken");

    let mut failed = get(server.url("/"));
    failed.end("").await.unwrap();
    let error = bounded(failed.response()).await.unwrap_err();
    assert_eq!(error.to_string(), "net::ERR_EMPTY_RESPONSE");

    let mut aborted = get(server.url("/"));
    aborted.abort();
    let error = bounded(aborted.response()).await.unwrap_err();
    assert_eq!(error.to_string(), "net::ERR_ABORTED");
    assert!(error.is_abort());

    let mut listened = get(server.url("/"));
    let _events = listened.events();
    let error = listened.response().await.unwrap_err();
    assert_eq!(error.to_string(), "the response comes by the events that were taken");
    server.finished();
}
