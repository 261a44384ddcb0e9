//! The verbs of `ClientRequest`: what its options mean, which sentences refuse, when fields freeze,
//! and what of the body is on the wire when.
//!
//! Electron's `docs/api/client-request.md` and `spec/api-net-spec.ts`. The order of events is in
//! `events`, how a request ends early in `abort`.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use netreq::{
    ClientRequest, Error, Event, HeaderList, Method, NetError, Options, Session,
    UnknownRedirectMode, UploadProgress,
};
use netreq_testserver::{Gate, OK, ScriptServer, script};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::events::told;
use crate::observe::bounded;
use crate::support::eventually;

/// A request to `server` on a session of its own.
fn request(server: &ScriptServer, method: Method) -> (Session, ClientRequest) {
    let session = Session::in_memory();
    let request = ClientRequest::new(Options {
        method,
        url: server.url("/"),
        session: Some(session.clone()),
        ..Options::default()
    });
    (session, request.unwrap())
}

/// A request that nobody sends.
fn unsent() -> ClientRequest {
    ClientRequest::new("http://127.0.0.1:1/").unwrap()
}

async fn text(request: &mut ClientRequest) -> String {
    bounded(bounded(request.response()).await.unwrap().text()).await.unwrap()
}

#[tokio::test]
async fn the_parts_of_the_options_make_the_url() {
    let none = Options::default;
    let text = |text: &str| Some(text.to_owned());
    for (options, host, target) in [
        (Options::from("http://a.test/x?y#z"), "a.test", "/x?y"),
        (Options::from("http://a.test:81"), "a.test:81", "/"),
        (none(), "localhost", "/"),
        (Options { hostname: text("a.test"), ..none() }, "a.test", "/"),
        (Options { hostname: text("a.test"), port: Some(81), ..none() }, "a.test:81", "/"),
        (Options { hostname: text("a.test"), port: Some(80), ..none() }, "a.test", "/"),
        (Options { port: Some(81), ..none() }, "localhost:81", "/"),
        (
            Options { host: text("b.test:82"), hostname: text("a.test"), port: Some(81), ..none() },
            "b.test:82",
            "/",
        ),
        (Options { host: text("b.test"), port: Some(81), ..none() }, "b.test", "/"),
        (
            Options {
                protocol: text("http:"),
                host: text("b.test"),
                path: text("/p?q#f"),
                ..none()
            },
            "b.test",
            "/p?q",
        ),
        (Options { host: text("b.test"), path: text("p/../q"), ..none() }, "b.test", "/q"),
        (
            Options { host: text("b.test"), path: text("/p"), ..Options::from("http://a.test/u") },
            "a.test",
            "/u",
        ),
    ] {
        let name = format!("{options:?}");
        let server = script()
            .connection(|peer| {
                peer.expect_get(target).expect_field("host", host).reply(OK).expect_eof()
            })
            .start();
        let rules = format!("MAP * {}", server.address());
        let session = Session::builder().host_resolver_rules(rules).build().unwrap();
        let mut request =
            ClientRequest::new(Options { session: Some(session.clone()), ..options }).unwrap();

        request.end("").await.unwrap();

        assert_eq!(self::text(&mut request).await, "ok", "{name}");
        drop(session);
        drop(request);
        server.finished();
    }
}

#[test]
fn options_that_make_no_request_are_refused_in_electrons_words() {
    let none = Options::default;
    let text = |text: &str| Some(text.to_owned());
    let scheme = "ClientRequest only supports http: and https: protocols";
    for (options, sentence) in [
        (Options::from("not a url"), "Invalid URL"),
        (Options::from("/only/a/path"), "Invalid URL"),
        (Options::from("http://"), "Invalid URL"),
        (Options::from("ftp://a.test/"), scheme),
        (Options::from("file:///etc/passwd"), scheme),
        (Options::from("data:text/plain,x"), scheme),
        (Options { protocol: text("ftp:"), host: text("a.test"), ..none() }, scheme),
        (Options { path: text("/a b"), ..none() }, "Request path contains unescaped characters"),
        (
            Options { origin: text("no origin"), ..Options::from("http://a.test/") },
            "net::ERR_INVALID_ARGUMENT",
        ),
    ] {
        let name = format!("{options:?}");
        let error = ClientRequest::new(options).unwrap_err();
        assert_eq!(error.to_string(), sentence, "{name}");
        assert!(error.is_builder() && error.phase().is_none(), "{name}");
    }
    assert_eq!(
        UnknownRedirectMode.to_string(),
        "redirect mode should be one of follow, error or manual"
    );
}

#[tokio::test]
async fn a_destination_that_only_navigation_has_fails_by_event() {
    let sentence = "sec-fetch-dest of 'document', 'frame', 'iframe' or 'fencedframe' requires \
                    sec-fetch-mode 'navigate'";
    for destination in ["document", "frame", "iframe", "fencedframe"] {
        let mut request = unsent();
        request.set_header("Sec-Fetch-Dest", destination).unwrap();
        let mut events = request.events();

        request.end("").await.unwrap();

        let expected = ["finish", &format!("error {sentence}"), "close"];
        assert_eq!(told(&mut events).await, expected, "{destination}");
    }
    let server = script()
        .connection(|peer| {
            peer.expect_get("/")
                .expect_field("sec-fetch-dest", "document")
                .expect_field("sec-fetch-mode", "navigate")
                .expect_field("sec-fetch-user", "?1")
                .reply(OK)
        })
        .start();
    let (_session, mut navigation) = request(&server, Method::GET);
    navigation.set_header("Sec-Fetch-Mode", "navigate").unwrap();
    navigation.set_header("Sec-Fetch-Dest", "document").unwrap();
    navigation.set_header("Sec-Fetch-User", "?1").unwrap();
    navigation.end("").await.unwrap();
    assert_eq!(text(&mut navigation).await, "ok");
    server.finished();
}

/// What a caller says of a request is understood, or is as if not said; the site is never the caller's to
/// say.
#[tokio::test]
async fn fetch_metadata_that_nobody_knows_is_not_sent() {
    let server = script()
        .connection(|peer| {
            peer.expect_get("/")
                .expect_field("sec-fetch-site", "cross-site")
                .expect_field("sec-fetch-mode", "no-cors")
                .expect_field("sec-fetch-dest", "empty")
                .expect_no_field("sec-fetch-user")
                .reply(OK)
        })
        .start();
    let (_session, mut request) = request(&server, Method::GET);
    for (name, value) in [
        ("Origin", "https://other.test"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Mode", "bogus"),
        ("Sec-Fetch-Dest", "bogus"),
        ("Sec-Fetch-User", "?0"),
    ] {
        request.set_header(name, value).unwrap();
    }
    request.end("").await.unwrap();
    assert_eq!(text(&mut request).await, "ok");
    server.finished();
}

#[tokio::test]
async fn fields_are_set_read_and_removed_whatever_their_letter_case() {
    let server = script().connection(|peer| peer.expect_get("/").reply(OK)).start();
    let mut headers = HeaderList::new();
    headers.append("X-First", "1");
    headers.append("x-second", "2");
    let mut request = ClientRequest::new(Options {
        headers,
        session: Some(Session::in_memory()),
        ..Options::from(server.url("/"))
    })
    .unwrap();

    request.set_header("X-THIRD", "3").unwrap();
    request.set_header("x-first", "one").unwrap();
    request.set_header("X-Number", "7").unwrap();
    request.remove_header("X-SECOND").unwrap();
    request.remove_header("never-set").unwrap();
    request.set_header("X-Second", "two").unwrap();

    for (name, value) in [
        ("X-First", Some("one")),
        ("x-FIRST", Some("one")),
        ("x-second", Some("two")),
        ("x-third", Some("3")),
        ("x-number", Some("7")),
        ("never-set", None),
    ] {
        assert_eq!(request.get_header(name), value.map(str::as_bytes), "{name}");
    }
    request.end("").await.unwrap();
    assert_eq!(text(&mut request).await, "ok");
    let head = server.request_text(0);
    let own: Vec<&str> =
        head.lines().filter(|line| line.to_lowercase().starts_with("x-")).collect();
    assert_eq!(own, ["x-first: one", "X-THIRD: 3", "X-Number: 7", "X-Second: two"], "{head}");
    server.finished();
}

#[tokio::test]
async fn a_field_that_cannot_be_set_is_refused_by_name_and_changes_nothing() {
    for (name, value) in [
        ("Content-Length", "5"),
        ("Host", "a.test"),
        ("Trailer", "x"),
        ("TE", "trailers"),
        ("Upgrade", "websocket"),
        ("Cookie2", "x"),
        ("Keep-Alive", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Set-Cookie", "a=b"),
        ("Proxy-Authorization", "Basic eA=="),
        ("Proxy-Anything", "x"),
        ("Connection", "upgrade"),
        ("X-HTTP-Method-Override", "CONNECT"),
        ("Bad Name", "x"),
        ("X-Value", "a\nb"),
    ] {
        let mut request = unsent();
        request.set_header("X-Kept", "1").unwrap();

        let error = request.set_header(name, value).unwrap_err();

        assert_eq!(error.to_string(), "net::ERR_INVALID_ARGUMENT", "{name}");
        assert!(error.is_builder(), "{name}");
        assert!(format!("{error:?}").contains(name), "{error:?}");
        assert_eq!(request.get_header(name), None, "{name}");
        assert_eq!(request.get_header("x-kept"), Some(&b"1"[..]));
        let mut headers = HeaderList::new();
        headers.append(name, value);
        let refused = ClientRequest::new(Options { headers, ..Options::from("http://a.test/") });
        assert!(refused.unwrap_err().is_builder(), "{name}");
    }
    for (name, value) in [
        ("Cookie", "a=b"),
        ("Date", "now"),
        ("Expect", "x"),
        ("Referer", "http://a.test/"),
        ("Via", "x"),
        ("Authorization", "Basic eA=="),
        ("Origin", "http://a.test"),
        ("User-Agent", "x"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
        ("Sec-Anything", "x"),
    ] {
        unsent().set_header(name, value).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

#[tokio::test]
async fn from_the_first_write_on_fields_are_fixed() {
    for chunked in [false, true] {
        for first in ["", "hello"] {
            let server = script()
                .connection(|peer| {
                    let peer = peer.expect_request("POST", "/").expect_field("x", "1");
                    let peer = match chunked {
                        true => peer.expect_chunked_body(first),
                        false => peer.expect_bytes(first),
                    };
                    peer.reply(OK)
                })
                .start();
            let (_session, mut request) = request(&server, Method::POST);
            request.set_chunked_encoding(chunked).unwrap();
            request.set_header("X", "1").unwrap();
            request.write(first).await.unwrap();

            let refused = |outcome: Result<(), Error>, sentence: &str| {
                assert_eq!(outcome.unwrap_err().to_string(), sentence, "{chunked} {first:?}");
            };
            let fixed = |request: &mut ClientRequest| {
                let sentence = "Can't set headers after they are sent";
                refused(request.set_header("X", "2"), sentence);
                refused(request.set_header("Y", "2"), sentence);
                // The first reason counts: Electron asks this before it looks at the name.
                refused(request.set_header("bad name", "2"), sentence);
                refused(request.remove_header("X"), "Can't remove headers after they are sent");
                refused(
                    request.set_chunked_encoding(true),
                    "chunkedEncoding can only be set before the request is started",
                );
                assert_eq!(request.get_header("X"), Some(&b"1"[..]));
                assert_eq!(request.get_header("Y"), None);
            };
            fixed(&mut request);
            request.end("").await.unwrap();
            fixed(&mut request);
            assert_eq!(text(&mut request).await, "ok");
            fixed(&mut request);
            server.finished();
        }
    }
}

#[tokio::test]
async fn chunked_encoding_is_chosen_once_before_the_start() {
    for first in [false, true] {
        let mut request = unsent();
        assert!(!request.chunked_encoding());
        request.set_chunked_encoding(first).unwrap();
        assert_eq!(request.chunked_encoding(), first);
        for second in [false, true] {
            let error = request.set_chunked_encoding(second).unwrap_err();
            assert_eq!(error.to_string(), "chunkedEncoding can only be set once");
        }
        assert_eq!(request.chunked_encoding(), first);
    }
    let mut request = unsent();
    request.end("").await.unwrap();
    let error = request.set_chunked_encoding(true).unwrap_err();
    assert_eq!(error.to_string(), "chunkedEncoding can only be set before the request is started");
}

#[tokio::test]
async fn without_chunked_encoding_nothing_goes_out_before_the_end() {
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
        let server = script()
            .connection(|peer| {
                peer.expect_request(method.as_str(), "/")
                    .expect_field("content-length", "11")
                    .expect_no_field("transfer-encoding")
                    .expect_bytes("hello world")
                    .reply(OK)
            })
            .start();
        let (session, mut request) = request(&server, method);

        request.write("hello").await.unwrap();
        request.write("").await.unwrap();
        request.write(" ").await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(session.connections(), Session::in_memory().connections());
        assert_eq!(server.connections(), 0);
        request.end("world").await.unwrap();

        assert_eq!(text(&mut request).await, "ok");
        server.finished();
    }
}

#[tokio::test]
async fn with_chunked_encoding_the_first_write_begins_the_request() {
    for method in [Method::GET, Method::POST] {
        let (begun, heard) = (Gate::new(), Gate::new());
        let server = script()
            .connection(|peer| {
                peer.expect_request(method.as_str(), "/")
                    .expect_field("transfer-encoding", "chunked")
                    .expect_no_field("content-length")
                    .open(&begun)
                    .expect_bytes("5\r\nhello")
                    .open(&heard)
                    .expect_bytes("\r\n6\r\n world\r\n0\r\n\r\n")
                    .reply(OK)
            })
            .start();
        let (_session, mut request) = request(&server, method);
        request.set_chunked_encoding(true).unwrap();

        // An empty chunk begins it and is not the last one.
        request.write("").await.unwrap();
        bounded(begun.opened()).await;
        request.write("hello").await.unwrap();
        bounded(heard.opened()).await;
        request.write("").await.unwrap();
        request.end(" world").await.unwrap();

        assert_eq!(text(&mut request).await, "ok");
        server.finished();
    }
}

#[tokio::test]
async fn an_end_without_a_write_sends_no_body() {
    for (method, chunked, length, coding, body) in [
        (Method::GET, false, None, None, ""),
        (Method::DELETE, false, None, None, ""),
        (Method::POST, false, Some("0"), None, ""),
        (Method::PUT, false, Some("0"), None, ""),
        (Method::GET, true, None, Some("chunked"), "0\r\n\r\n"),
        (Method::POST, true, None, Some("chunked"), "0\r\n\r\n"),
    ] {
        let server = script()
            .connection(|peer| {
                let mut peer = peer.expect_request(method.as_str(), "/");
                for (name, value) in [("content-length", length), ("transfer-encoding", coding)] {
                    peer = match value {
                        Some(value) => peer.expect_field(name, value),
                        None => peer.expect_no_field(name),
                    };
                }
                peer.expect_bytes(body).reply(OK)
            })
            .start();
        let (_session, mut request) = request(&server, method);
        request.set_chunked_encoding(chunked).unwrap();
        request.end("").await.unwrap();
        assert_eq!(text(&mut request).await, "ok");
        server.finished();
    }
}

#[tokio::test]
async fn a_write_behind_the_end_is_an_error_and_behind_an_abort_is_not() {
    for chunked in [false, true] {
        let server = script()
            .connection(|peer| peer.expect_request("POST", "/").read_body(2).ignore_rest())
            .start();
        let (_session, mut request) = request(&server, Method::POST);
        request.set_chunked_encoding(chunked).unwrap();
        request.end("hello").await.unwrap();

        for outcome in [request.write("x").await, request.end("").await, request.end("x").await] {
            let error = outcome.unwrap_err();
            assert_eq!(error.to_string(), "write after end");
            assert_eq!(error.net_error(), NetError::InvalidArgument);
        }
        let error = tokio::io::AsyncWriteExt::write(&mut request, b"x").await.unwrap_err();
        assert_eq!(error.to_string(), "write after end");
        // As for any writer, a second shutdown is none.
        request.shutdown().await.unwrap();
        request.abort();
        request.write("x").await.unwrap();
        request.end("x").await.unwrap();
        request.shutdown().await.unwrap();
        assert_eq!(tokio::io::AsyncWriteExt::write(&mut request, b"x").await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_reader_is_copied_into_a_request() {
    let sent: Vec<u8> = (0..1024 * 1024_u32).map(|index| (index % 251) as u8).collect();
    for chunked in [false, true] {
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_request("POST", "/");
                let peer = match chunked {
                    true => peer.expect_chunked_body(&sent),
                    false => peer.expect_field("content-length", "1048576").expect_bytes(&sent),
                };
                peer.reply(OK)
            })
            .start();
        let (_session, mut request) = request(&server, Method::POST);
        request.set_chunked_encoding(chunked).unwrap();
        let mut reader = &sent[..];

        let copied = bounded(tokio::io::copy(&mut reader, &mut request)).await.unwrap();
        request.flush().await.unwrap();
        request.shutdown().await.unwrap();

        assert_eq!(copied, 1024 * 1024);
        assert_eq!(text(&mut request).await, "ok");
        server.finished();
    }
}

#[tokio::test]
async fn upload_progress_tells_what_has_gone_out() {
    let upload = |current, total| {
        let mut progress = UploadProgress::default();
        (progress.active, progress.started) = (true, true);
        (progress.current, progress.total) = (current, total);
        progress
    };
    for (chunked, total) in [(false, 10), (true, 0)] {
        let (first, second) = (Gate::new(), Gate::new());
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_request("POST", "/");
                let peer = match chunked {
                    true => peer.expect_bytes("5\r\nhello").open(&first),
                    false => peer.expect_bytes("hello").open(&first),
                };
                let peer = match chunked {
                    true => peer.expect_bytes("\r\n5\r\nworld\r\n0\r\n\r\n"),
                    false => peer.expect_bytes("world"),
                };
                peer.open(&second).reply(OK)
            })
            .start();
        let (_session, mut request) = request(&server, Method::POST);
        request.set_chunked_encoding(chunked).unwrap();
        let mut events = request.events();

        assert_eq!(request.upload_progress(), UploadProgress::default());
        request.write("hello").await.unwrap();
        if chunked {
            bounded(first.opened()).await;
            eventually("five bytes are told", || request.upload_progress() == upload(5, 0)).await;
        } else {
            assert_eq!(request.upload_progress(), UploadProgress::default());
        }
        request.end("world").await.unwrap();
        bounded(second.opened()).await;

        // Nobody has read a report yet: they became one, the latest.
        let mut reports = Vec::new();
        while let Some(event) = bounded(events.next()).await {
            match event {
                Event::UploadProgress(progress) => reports.push(progress),
                Event::Response(message) => drop(message.bytes().await.unwrap()),
                _ => {}
            }
        }
        assert_eq!(reports, [upload(10, total)], "{chunked}");
        assert_eq!(request.upload_progress(), upload(10, total), "it never becomes inactive");
        server.finished();
    }
}

#[test]
fn outside_a_runtime_a_request_fails_by_event() {
    let mut request = unsent();
    let mut events = request.events();
    let mut cx = Context::from_waker(Waker::noop());

    assert!(matches!(pin!(request.end("")).poll(&mut cx), Poll::Ready(Ok(()))));

    let mut seen = Vec::new();
    while let Poll::Ready(Some(event)) = pin!(events.next()).poll(&mut cx) {
        seen.push(format!("{event:?}").split('(').next().unwrap_or_default().to_owned());
    }
    assert!(matches!(pin!(events.next()).poll(&mut cx), Poll::Ready(None)));
    assert!(seen == ["Finish", "Error", "Close"], "{seen:?}");
}

#[test]
fn a_request_can_move_and_be_written_to_from_any_thread() {
    fn is_send<T: Send>() {}
    fn is_writer<T: AsyncWrite + Unpin>() {}
    is_send::<ClientRequest>();
    is_send::<netreq::Events>();
    is_writer::<ClientRequest>();
}
