//! The request builder and the response it gives: what is refused before anything is sent, and every
//! way to read what came.
//!
//! What the wire carries for it is tested in `wire`.

use std::future::IntoFuture as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt as _;
use netreq::{
    Error, HeaderList, IncomingMessage, Method, NetError, Options, Phase, RedirectMode,
    RedirectVerdict, RequestBuilder, Session, Span, Timeouts, Url,
};
use netreq_testserver::{Authority, OK, ScriptServer, answer, pattern, script};
use tokio::io::AsyncReadExt as _;

use crate::observe::{Seen, bounded, observe, read};
use crate::support::counted;

/// Somewhere that a request which is refused before it begins never goes.
const NOWHERE: &str = "http://nowhere.example/";

async fn refused(request: RequestBuilder) -> Error {
    let error = bounded(request.send("")).await.unwrap_err();
    assert!(error.is_builder(), "{error:?}");
    assert_eq!((error.phase(), error.status()), (None, None), "{error:?}");
    assert_eq!(classes(&error), ["builder"], "{error:?}");
    error
}

fn source_of(error: &Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

/// What the error says of itself.
fn classes(error: &Error) -> Vec<&'static str> {
    [
        ("timeout", error.is_timeout()),
        ("connect", error.is_connect()),
        ("dns", error.is_dns()),
        ("redirect", error.is_redirect()),
        ("status", error.is_status()),
        ("request", error.is_request()),
        ("body", error.is_body()),
        ("decode", error.is_decode()),
        ("builder", error.is_builder()),
        ("abort", error.is_abort()),
    ]
    .into_iter()
    .filter_map(|(class, holds)| holds.then_some(class))
    .collect()
}

#[tokio::test]
async fn a_field_that_is_the_engines_own_is_refused_by_name() {
    let session = Session::in_memory();
    for (name, value) in [
        ("Content-Length", "5"),
        ("content-length", "0"),
        ("Host", "other.example"),
        ("Trailer", "X"),
        ("TE", "trailers"),
        ("Upgrade", "websocket"),
        ("Cookie2", "1"),
        ("Keep-Alive", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Proxy-Authorization", "Basic x"),
        ("Connection", "upgrade"),
    ] {
        let mut list = HeaderList::new();
        list.append("X-Fine", "1");
        list.append(name, value);
        for request in
            [session.get(NOWHERE).header(name, value), session.get(NOWHERE).headers(list)]
        {
            let error = refused(request).await;
            assert_eq!(error.to_string(), "net::ERR_INVALID_ARGUMENT", "{name}");
            assert!(source_of(&error).contains(name), "{name}: {}", source_of(&error));
        }
    }
    counted(&session, [0, 0, 0, 0]).await;
}

#[tokio::test]
async fn a_field_that_cannot_stand_in_a_head_is_refused_by_name_and_not_by_value() {
    let session = Session::in_memory();
    for (name, value) in [
        ("", "x"),
        ("a b", "x"),
        ("a:", "x"),
        ("a\r\nb", "x"),
        ("\u{fc}ber", "x"),
        ("Fine", "secret\r\nInjected: 1"),
        ("Fine", "secret\n"),
        ("Fine", "secret\0"),
        ("Authorization", "secret\r"),
    ] {
        let error = refused(session.get(NOWHERE).header(name, value)).await;
        assert_eq!(error.net_error(), NetError::InvalidArgument, "{name:?}");
        let source = source_of(&error);
        let shown = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap();
        assert!(source.contains(shown), "{name:?}: {source}");
        assert!(!format!("{error:?} {source}").contains("secret"), "{name:?}: {source}");
        assert!(source.chars().all(|c| !c.is_control()), "{name:?}: {source:?}");
    }
}

#[tokio::test]
async fn a_wrong_url_origin_or_method_is_refused_when_it_is_sent() {
    let session = Session::in_memory();
    let get = |url| session.get(url);
    let method = |name: &str| Method::from_bytes(name.as_bytes()).unwrap();
    let scheme = NetError::DisallowedUrlScheme;
    for (name, request, expected) in [
        ("no URL", get(""), NetError::InvalidUrl),
        ("a path", get("/path"), NetError::InvalidUrl),
        ("no host", get("http://"), NetError::InvalidUrl),
        ("a bad port", get("http://a:99999/"), NetError::InvalidUrl),
        ("ftp", get("ftp://a.example/"), scheme),
        ("file", get("file:///etc/passwd"), scheme),
        ("data", session.get(Url::parse("data:,x").unwrap()), scheme),
        ("origin", get(NOWHERE).origin("not an origin"), NetError::InvalidArgument),
        ("empty origin", get(NOWHERE).origin(""), NetError::InvalidArgument),
        ("CONNECT", session.request(method("CONNECT"), NOWHERE), NetError::InvalidArgument),
        ("connect", session.request(method("connect"), NOWHERE), NetError::InvalidArgument),
    ] {
        assert!(format!("{request:?}").contains("error"), "{name}: {request:?}");
        let error = refused(request).await;
        assert_eq!(error.net_error(), expected, "{name}");
    }
}

#[tokio::test]
async fn of_several_wrong_arguments_the_first_is_reported() {
    let request = Session::in_memory().get(NOWHERE).header("Host", "x").header("a b", "c");
    let request = request.origin("").timeout(Duration::ZERO);

    assert!(source_of(&refused(request).await).contains("Host"));
}

fn one(reply: impl AsRef<[u8]>) -> ScriptServer {
    script().connection(|peer| peer.expect_get("/").reply(reply).ignore_rest()).start()
}

async fn got(server: &ScriptServer) -> IncomingMessage {
    bounded(Session::in_memory().get(server.url("/"))).await.unwrap()
}

#[tokio::test]
async fn restricted_fields_can_be_opened_up_except_for_the_framing() {
    let server = one(OK);
    let session = Session::in_memory();

    let request = session
        .get(server.url("/"))
        .allow_restricted_headers()
        .header("TE", "trailers")
        .header("hOST", "other.example");
    assert_eq!(observe(request).await.bare(), Seen::whole(200, "ok"));

    let head = server.request_text(0);
    assert!(head.contains("\r\nHost: other.example\r\n"), "{head}");
    assert!(head.contains("\r\nTE: trailers\r\n"), "{head}");
    assert_eq!(head.to_ascii_lowercase().matches("\r\nhost:").count(), 1, "{head}");
    for name in ["Content-Length", "transfer-encoding", "Transfer-Encoding", "CONTENT-LENGTH"] {
        let request = session.get(NOWHERE).allow_restricted_headers().header(name, "1");
        assert!(source_of(&refused(request).await).contains(name), "{name}");
    }
    for (name, value) in [("a b", "c"), ("Host", "a\r\nb")] {
        let request = session.get(NOWHERE).allow_restricted_headers().header(name, value);
        assert_eq!(refused(request).await.net_error(), NetError::InvalidArgument, "{name}");
    }
    // What was added before they were allowed was not.
    let request = session.get(NOWHERE).header("Host", "a").allow_restricted_headers();
    assert!(source_of(&refused(request).await).contains("Host"));
    server.finished();
}

#[tokio::test]
async fn a_request_is_a_future_that_moves_between_threads_and_begins_when_it_is_polled() {
    let server = one(OK);
    let session = Session::in_memory();

    let future = session.get(server.url("/")).into_future();
    assert_eq!(server.connections(), 0);
    let mut elsewhere = tokio::task::JoinSet::new();
    elsewhere.spawn(future);
    let message = bounded(elsewhere.join_next()).await.unwrap().unwrap().unwrap();

    assert_eq!(read(message).await.bare(), Seen::whole(200, "ok"));
    server.finished();
}

#[tokio::test]
async fn text_is_utf_8_without_its_mark_and_never_fails_for_its_bytes() {
    for (bytes, expected) in [
        (&b""[..], ""),
        (b"plain", "plain"),
        ("gr\u{fc}n \u{1f600}".as_bytes(), "gr\u{fc}n \u{1f600}"),
        (b"\xef\xbb\xbfmarked", "marked"),
        (b"\xef\xbb\xbf", ""),
        (b"\xef\xbb\xbf\xef\xbb\xbftwice", "\u{feff}twice"),
        (b"in \xef\xbb\xbf side", "in \u{feff} side"),
        (b"latin \xfc!", "latin \u{fffd}!"),
        (b"cut \xf0\x9f\x98", "cut \u{fffd}"),
        (b"\xef\xbb", "\u{fffd}"),
        (b"\xff\xfeu\0", "\u{fffd}\u{fffd}u\0"),
    ] {
        let server = one(answer(bytes));
        assert_eq!(bounded(got(&server).await.text()).await.unwrap(), expected, "{bytes:?}");
        server.finished();
    }
}

#[tokio::test]
async fn collecting_stops_past_its_limit_and_not_at_it() {
    for (limit, fits) in [(5, true), (6, true), (4, false), (0, false)] {
        let server = script()
            .connection(|peer| peer.expect_get("/bytes").reply(answer("hello")).stall())
            .connection(|peer| peer.expect_get("/text").reply(answer("hello")).stall())
            .start();
        let get = |path| Session::in_memory().get(server.url(path)).send(());

        let bytes = bounded(get("/bytes")).await.unwrap().collect_limit(limit).bytes().await;
        let text = bounded(get("/text")).await.unwrap().collect_limit(limit).text().await;

        if fits {
            assert_eq!((bytes.unwrap(), text.unwrap()), ("hello".into(), "hello".to_owned()));
        } else {
            for error in [bytes.unwrap_err(), text.unwrap_err()] {
                let found = (error.net_error(), error.phase());
                assert_eq!(found, (NetError::InsufficientResources, Some(Phase::Receive)));
                assert!(source_of(&error).contains(&format!("limit of {limit} bytes")));
            }
        }
        server.finished();
    }
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(body).unwrap();
    gzip.finish().unwrap()
}

fn coded(body: &[u8]) -> Vec<u8> {
    let packed = gzipped(body);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    [head.as_bytes(), &packed].concat()
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(1234) {
        write!(bytes, "{:x}\r\n", chunk.len()).unwrap();
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// The next item of a stream.
async fn next(message: &mut IncomingMessage) -> Option<Result<netreq::Bytes, Error>> {
    std::future::poll_fn(|cx| {
        futures_core::Stream::poll_next(std::pin::Pin::new(&mut *message), cx)
    })
    .await
}

#[tokio::test]
async fn every_way_to_read_a_body_gives_the_same_bytes() {
    let whole = pattern(20_000);
    let until_close = [b"HTTP/1.1 200 OK\r\n\r\n", &whole[..]].concat();
    for (framing, response) in [
        ("sized", answer(&whole)),
        ("chunked", chunked(&whole)),
        ("coded", coded(&whole)),
        ("until close", until_close),
        ("empty", answer("")),
    ] {
        let expected = if framing == "empty" { &[][..] } else { &whole[..] };
        for way in ["bytes", "chunk", "stream", "read", "read by three", "mixed", "body"] {
            let server = script()
                .connection(|peer| peer.expect_get("/").reply(&response).half_close().expect_eof())
                .start();
            let mut message = got(&server).await;
            let mut body = Vec::new();
            match way {
                "bytes" => body = message.bytes().await.unwrap().to_vec(),
                "chunk" => {
                    while let Some(chunk) = message.chunk().await.unwrap() {
                        body.extend(chunk);
                    }
                    assert_eq!(message.chunk().await.unwrap(), None, "the end stays the end");
                }
                "stream" => {
                    while let Some(chunk) = next(&mut message).await {
                        body.extend(chunk.unwrap());
                    }
                    assert!(next(&mut message).await.is_none());
                }
                "read" => {
                    message.read_to_end(&mut body).await.unwrap();
                    assert_eq!(message.read(&mut [0; 3]).await.unwrap(), 0);
                }
                "read by three" => {
                    assert_eq!(message.read(&mut []).await.unwrap(), 0);
                    let mut three = [0; 3];
                    loop {
                        let length = message.read(&mut three).await.unwrap();
                        if length == 0 {
                            break;
                        }
                        body.extend_from_slice(&three[..length]);
                    }
                }
                "mixed" => {
                    let mut three = [0; 3];
                    let length = message.read(&mut three).await.unwrap();
                    body.extend_from_slice(&three[..length]);
                    body.extend(message.chunk().await.unwrap().unwrap_or_default());
                    let length = message.read(&mut three).await.unwrap();
                    body.extend_from_slice(&three[..length]);
                    body.extend(message.bytes().await.unwrap());
                }
                _ => body = message.collect().await.unwrap().to_bytes().to_vec(),
            }
            assert!(body == expected, "{framing} {way}: {} bytes", body.len());
            drop(server);
        }
    }
}

#[tokio::test]
async fn the_length_is_known_only_of_a_body_that_comes_as_it_is() {
    let head = "HTTP/1.1 200 OK\r\n";
    for (name, response, decodes, length) in [
        ("sized", answer("hello"), true, Some(5)),
        ("empty", answer(""), true, Some(0)),
        ("no content", b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), true, Some(0)),
        ("chunked", chunked(b"hello"), true, None),
        ("until close", format!("{head}\r\nhello").into_bytes(), true, None),
        ("decoded", coded(b"hello"), true, None),
        ("left coded", coded(b"hello"), false, Some(gzipped(b"hello").len() as u64)),
        (
            "identity",
            format!("{head}Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx").into(),
            true,
            Some(1),
        ),
    ] {
        let server = one(response);
        let session = Session::in_memory();
        let mut message =
            bounded(session.get(server.url("/")).decode(decodes).send(())).await.unwrap();

        assert_eq!(message.content_length(), length, "{name}");
        assert_eq!(http_body::Body::size_hint(&message).exact(), length, "{name}");
        if length == Some(5) {
            message.read_exact(&mut [0; 2]).await.unwrap();
            assert_eq!(http_body::Body::size_hint(&message).exact(), Some(3), "{name}");
        }
        drop(message);
        server.finished();
    }
}

#[tokio::test]
async fn a_message_knows_where_it_came_from_and_by_which_way() {
    let hop =
        |to: &str| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let server = script()
        .connection(|peer| {
            peer.expect_get("/a")
                .reply(hop("b?c=d"))
                .expect_get("/b?c=d")
                .reply(hop("/e"))
                .expect_get("/e")
                .reply(OK)
                .expect_get("/a")
                .reply(hop("b"))
                .expect_get("/e")
                .reply(OK)
                .expect_eof()
        })
        .start();
    let session = Session::in_memory();
    let get = |path: &str| session.get(server.url(path));

    let followed = bounded(get("/a#part")).await.unwrap();
    assert_eq!(followed.url().as_str(), server.url("/e#part"));
    let chain: Vec<&str> = followed.redirected_from().iter().map(Url::as_str).collect();
    assert_eq!(chain, [server.url("/a#part"), server.url("/b?c=d#part")]);
    followed.bytes().await.unwrap();
    for (path, request) in [("/a", get("/a").redirect(RedirectMode::Manual)), ("/e", get("/e"))] {
        let message = bounded(request).await.unwrap();
        assert_eq!(message.url().as_str(), server.url(path));
        assert_eq!(message.redirected_from(), &[] as &[Url], "{path}");
        message.bytes().await.unwrap();
    }

    drop(session);
    server.finished();
}

#[tokio::test]
async fn spans_of_time_follow_each_other_and_a_reused_connection_has_none_of_making_it() {
    let authority = Authority::new();
    let server = script()
        .connection(|peer| peer.expect_get("/1").reply(OK).expect_get("/2").reply(OK).expect_eof())
        .tls(&authority.identity_for(&["localhost"]))
        .start();
    let session = Session::builder()
        .platform_roots(false)
        .add_root_certificates(authority.certificate_pem().as_bytes())
        .unwrap()
        .build()
        .unwrap();

    for path in ["/1", "/2"] {
        let mut message = bounded(session.get(server.url_for("localhost", path))).await.unwrap();
        if path == "/1" {
            assert_eq!(message.timing().receive, None, "it has not been read");
        }
        while bounded(message.chunk()).await.unwrap().is_some() {}
        let timing = message.timing();

        let is_new = path == "/1";
        assert_eq!(message.is_connection_reused(), !is_new);
        let made = [timing.resolve, timing.connect, timing.tls];
        assert_eq!(made.map(|span| span.is_some()), [is_new; 3], "{timing:?}");
        let used = [timing.send, timing.wait, timing.receive];
        assert!(used.iter().all(Option::is_some), "{timing:?}");
        let spans: Vec<Span> = made.into_iter().chain(used).flatten().collect();
        for span in &spans {
            assert!(span.start <= span.end, "{timing:?}");
            assert_eq!(span.length(), span.end - span.start);
        }
        assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start), "{timing:?}");
        assert_eq!(timing.wait.unwrap().end, timing.receive.unwrap().start, "{timing:?}");
    }

    drop(session);
    server.finished();
}

#[tokio::test]
async fn an_address_needs_no_look_up_and_plain_http_no_handshake() {
    let server = one(OK);
    let timing = got(&server).await.timing();

    assert_eq!((timing.resolve, timing.tls), (None, None));
    assert!(timing.connect.is_some());
    server.finished();
}

/// The error of a request to a server that says this, and of reading its response.
async fn error_of(said: &str, shape: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Error {
    let server = script()
        .connection(|peer| peer.expect_get("/").send(said).half_close().ignore_rest())
        .start();
    let outcome = bounded(shape(Session::in_memory().get(server.url("/")))).await;
    let error = match outcome {
        Ok(message) => match message.error_for_status() {
            Ok(message) => bounded(message.bytes()).await.unwrap_err(),
            Err(error) => error,
        },
        Err(error) => error,
    };
    server.finished();
    error
}

#[tokio::test]
async fn each_error_is_of_the_classes_that_its_cause_has() {
    let same = |request| request;
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n";
    let unsafe_redirect = "HTTP/1.1 302 Found\r\nLocation: file:///x\r\nContent-Length: 0\r\n\r\n";
    let not_found = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
    let not_gzip = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello";
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let refusing = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let nowhere = Session::builder().host_resolver_rules("MAP * ~NOTFOUND").build().unwrap();
    let silent = one("");
    let limits = Timeouts::NONE.with_first_byte(Duration::from_millis(20));

    for (name, error, expected) in [
        ("resolve", bounded(nowhere.get(NOWHERE)).await.unwrap_err(), &["connect", "dns"][..]),
        ("refused", bounded(Session::in_memory().get(refusing)).await.unwrap_err(), &["connect"]),
        (
            "timeout",
            bounded(Session::in_memory().get(silent.url("/")).timeouts(limits)).await.unwrap_err(),
            &["timeout", "request"],
        ),
        ("no answer", error_of("", same).await, &["request"]),
        ("no head", error_of("HTTP/9 what\r\n\r\n", same).await, &["request"]),
        (
            "redirect refused",
            error_of(redirect, |request| request.redirect(RedirectMode::Error)).await,
            &["redirect"],
        ),
        (
            "redirect cancelled",
            error_of(redirect, |request| {
                request.on_redirect(|_| async { RedirectVerdict::Cancel })
            })
            .await,
            &["redirect", "abort"],
        ),
        ("unsafe redirect", error_of(unsafe_redirect, same).await, &["redirect"]),
        ("status", error_of(not_found, same).await, &["status"]),
        ("cut", error_of(short, same).await, &["body"]),
        ("coding", error_of(not_gzip, same).await, &["decode"]),
    ] {
        assert_eq!(classes(&error), expected, "{name}: {error:?}");
        assert!(error.url().is_some(), "{name}: {error:?}");
        assert_eq!(error.status(), (name == "status").then_some(404), "{name}");
        assert!(error.to_string().starts_with("net::ERR_") || error.is_redirect(), "{name}");
    }
    silent.finished();
}

#[tokio::test]
async fn a_status_becomes_an_error_from_400_on_and_no_other_does() {
    for status in [200, 204, 304, 399, 400, 404, 500, 599, 999] {
        let server = one(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"));

        let outcome = got(&server).await.error_for_status();

        assert_eq!(
            outcome.as_ref().map(IncomingMessage::status).ok(),
            (status < 400).then_some(status)
        );
        if let Err(error) = outcome {
            assert_eq!(error.status(), Some(status));
            assert_eq!(error.net_error(), NetError::HttpResponseCodeFailure);
        }
        server.finished();
    }
}

#[tokio::test]
async fn what_is_shown_for_debugging_has_no_password_no_cookie_and_no_credential() {
    let secrets = "Set-Cookie: id=secret\r\nProxy-Authenticate: secret\r\nX-Seen: shown\r\n";
    let server = script()
        .connection(|peer| {
            let head = format!("HTTP/1.1 302 Found\r\nLocation: /2\r\n{secrets}");
            peer.expect_get("/").reply(format!("{head}Content-Length: 2\r\n\r\nno")).stall()
        })
        .start();
    let url = format!("http://user:secret@{}/", server.address());
    let session = Session::in_memory();
    let asked = Arc::new(Mutex::new(String::new()));
    let told = Arc::clone(&asked);

    let request = session
        .get(&url)
        .header("Authorization", "Bearer secret")
        .header("Cookie", "id=secret")
        .capture_head(true)
        .on_redirect(move |info| {
            *told.lock().unwrap() = format!("{info:?}");
            async { RedirectVerdict::Deliver }
        });
    let request_shown = format!("{request:?}");
    let message = bounded(request.send("")).await.unwrap();

    let address = server.address().to_string();
    let options = Options::from(&*url);
    let unreadable = Options::from("http://user:secret@:99999/");
    for (what, shown, holds) in [
        ("request", request_shown, Some(&*address)),
        ("redirect", asked.lock().unwrap().clone(), Some("shown")),
        ("options", format!("{options:?}"), Some(&*address)),
        ("wrong options", format!("{unreadable:?}"), None),
        ("session", format!("{session:?}"), None),
        ("refused", format!("{:?}", session.get(&url).header("Cookie", "secret\n")), None),
        ("message", format!("{message:?}"), Some("shown")),
    ] {
        assert!(!shown.contains("secret"), "{what}: {shown}");
        assert!(holds.is_none_or(|part| shown.contains(part)), "{what}: {shown}");
    }
    drop((message, session));
    server.finished();
}
