//! Redirects on the wire: which are taken, with which method, body and URL, and who decides.
//!
//! Both shapes of a request, for what does not differ must not differ. Fetch §4.4 "HTTP-redirect
//! fetch"; Chromium `net/url_request/redirect_info.cc`. What must not go along is in `credentials`.

use std::sync::{Arc, Mutex};

use netreq::{
    ClientRequest, Error, HeaderList, IncomingMessage, Method, NetError, Options, Phase,
    RedirectInfo, RedirectMode, RedirectVerdict, Session,
};
use netreq_testserver::{OK, Peer, Server, script};

use crate::observe::bounded;

/// The two shapes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Builder,
    Contract,
}

impl Shape {
    pub(crate) const ALL: [Self; 2] = [Self::Builder, Self::Contract];

    pub(crate) async fn send(
        self,
        session: &Session,
        ask: Ask<'_>,
    ) -> Result<IncomingMessage, Error> {
        let Ask { method, url, fields, body, mode } = ask;
        match self {
            Self::Builder => {
                let mut request = session.request(method, url).redirect(mode);
                for (name, value) in fields {
                    request = request.header(*name, (*value).to_owned());
                }
                bounded(request.send(body.to_owned())).await
            }
            Self::Contract => {
                let mut request = ClientRequest::new(Options {
                    method,
                    url: url.into(),
                    redirect: mode,
                    session: Some(session.clone()),
                    ..Options::default()
                })?;
                for (name, value) in fields {
                    request.set_header(*name, (*value).to_owned())?;
                }
                request.end(body.to_owned()).await?;
                bounded(request.response()).await
            }
        }
    }
}

/// A request of either shape.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a str,
    pub(crate) fields: &'a [(&'static str, &'a str)],
    pub(crate) body: &'a str,
    pub(crate) mode: RedirectMode,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(url: &'a str) -> Self {
        let mode = RedirectMode::Follow;
        Self { method: Method::GET, url, fields: &[], body: "", mode }
    }
}

/// A response that redirects and has no body.
pub(crate) fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn each_mode_does_what_it_says_in_both_shapes() {
    use RedirectMode::{Error, Follow, Manual};
    let refused = Err("Attempted to redirect, but redirect policy was 'error'");
    let cancelled = Err("Redirect was cancelled");
    for (shape, mode, expected) in [
        (Shape::Builder, Follow, Ok(200)),
        (Shape::Builder, Manual, Ok(302)),
        (Shape::Builder, Error, refused),
        (Shape::Contract, Follow, Ok(200)),
        (Shape::Contract, Manual, cancelled),
        (Shape::Contract, Error, refused),
    ] {
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_get("/").reply(redirect(302, "/2"));
                if expected == Ok(200) { peer.expect_get("/2").reply(OK) } else { peer }
            })
            .start();
        let session = Session::in_memory();
        let url = server.url("/");

        let outcome = shape.send(&session, Ask { mode, ..Ask::get(&url) }).await;

        match (outcome, expected) {
            (Ok(message), Ok(status)) => {
                assert_eq!(message.status(), status, "{shape:?} {mode:?}");
                let (end, before): (_, &[&str]) = match status {
                    200 => (server.url("/2"), &[&url]),
                    _ => (url.clone(), &[]),
                };
                assert_eq!(message.url().as_str(), end);
                let chain: Vec<_> =
                    message.redirected_from().iter().map(|url| url.as_str()).collect();
                assert_eq!(chain, before);
            }
            (Err(error), Err(sentence)) => {
                assert_eq!(error.to_string(), sentence, "{shape:?} {mode:?}");
                assert!(error.is_redirect() && !error.is_body() && !error.is_builder());
                assert_eq!(error.phase(), Some(Phase::Receive));
                assert_eq!(error.url().map(|url| url.as_str()), Some(&*url));
            }
            (outcome, expected) => panic!("{shape:?} {mode:?}: {outcome:?}, not {expected:?}"),
        }
        server.finished();
    }
}

#[tokio::test]
async fn twenty_redirects_are_followed_and_no_more() {
    for shape in Shape::ALL {
        let server = Server::start();
        let session = Session::in_memory();

        let url = server.url("/redirect/20");
        let message = shape.send(&session, Ask::get(&url)).await.unwrap();
        assert_eq!(message.status(), 200);
        assert_eq!(message.redirected_from().len(), 20);
        assert_eq!(server.requests(), 21);
        drop(message);

        let url = server.url("/redirect/21");
        let error = shape.send(&session, Ask::get(&url)).await.unwrap_err();
        assert_eq!(error.to_string(), "net::ERR_TOO_MANY_REDIRECTS");
        assert!(error.is_redirect());
        assert_eq!(error.url().map(|url| url.path()), Some("/redirect/1"));
        assert_eq!(server.requests(), 21 + 21);
    }
}

/// Where a request for `/a/b?c#old` ends that is answered with these fields.
async fn end(
    shape: Shape,
    mode: RedirectMode,
    status: u16,
    fields: &str,
) -> Result<String, String> {
    let server = script()
        .connection(|peer| {
            peer.expect_get("/a/b?c")
                .send(format!("HTTP/1.1 {status} X\r\n{fields}Content-Length: 0\r\n\r\n"))
                .ignore_rest()
        })
        .start();
    let elsewhere = script().connection(|peer| peer.send(OK).ignore_rest()).start();
    // The second request arrives where the test does not look at it.
    let rules = format!("MAP first.test {}, MAP * {}", server.address(), elsewhere.address());
    let session = Session::builder().host_resolver_rules(rules).build().unwrap();
    let ask = Ask { mode, ..Ask::get("http://first.test/a/b?c#old") };
    match shape.send(&session, ask).await {
        Ok(message) => Ok(format!("{} {}", message.status(), message.url())),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn a_location_is_read_as_a_url_and_inherits_a_fragment() {
    let to = |location: &str| format!("Location: {location}\r\n");
    let followed = |url: &str| Ok(format!("200 {url}"));
    let delivered = |status: u16| Ok(format!("{status} http://first.test/a/b?c#old"));
    let failed = |name: &str| Err(format!("net::ERR_{name}"));
    for shape in Shape::ALL {
        for (status, fields, expected) in [
            (302, to("http://b.test/x"), followed("http://b.test/x#old")),
            (302, to("HTTP://B.test:80/x#new"), followed("http://b.test/x#new")),
            (302, to("http://b.test/x#"), followed("http://b.test/x#")),
            (302, to("//b.test"), followed("http://b.test/#old")),
            (302, to(" \t http://b.test/  "), followed("http://b.test/#old")),
            (302, to("//b.test/p q"), followed("http://b.test/p%20q#old")),
            (302, to("//b.test/\u{e9}"), followed("http://b.test/%C3%A9#old")),
            (302, to("//b.test/x").repeat(2), followed("http://b.test/x#old")),
            (302, "location: //b.test/x\r\n".into(), followed("http://b.test/x#old")),
            (
                302,
                to("//b.test/x") + &to("//b.test/y"),
                failed("RESPONSE_HEADERS_MULTIPLE_LOCATION"),
            ),
            (302, to("http://["), failed("INVALID_REDIRECT")),
            (302, to("http://:80/"), failed("INVALID_REDIRECT")),
            (302, to("//b.test:99999/"), failed("INVALID_REDIRECT")),
            (302, to(""), delivered(302)),
            (302, String::new(), delivered(302)),
            (300, to("//b.test/"), delivered(300)),
            (304, to("//b.test/"), delivered(304)),
            (305, to("//b.test/"), delivered(305)),
            (201, to("//b.test/"), delivered(201)),
            (399, to("//b.test/"), delivered(399)),
            (400, to("//b.test/"), delivered(400)),
        ] {
            let found = end(shape, RedirectMode::Follow, status, &fields).await;
            assert_eq!(found, expected, "{shape:?} {status} {fields:?}");
        }
    }
}

/// redirect-file, -data, -gopher, -javascript.
#[tokio::test]
async fn a_server_sends_a_client_to_http_and_https_only() {
    for target in [
        "file:///etc/passwd",
        "data:text/plain,x",
        "gopher://b.test/",
        "javascript:alert(1)",
        "about:blank",
        "blob:http://b.test/x",
        "ftp://b.test/",
        "ws://b.test/",
        "unix:/var/run/x.sock",
        "x-app://b.test/",
        "view-source:http://b.test/",
    ] {
        let location = format!("Location: {target}\r\n");
        for shape in Shape::ALL {
            for status in [301, 302, 303, 307, 308] {
                let found = end(shape, RedirectMode::Follow, status, &location).await;
                assert_eq!(found, Err("net::ERR_UNSAFE_REDIRECT".into()), "{shape:?} {target}");
            }
        }
        // Whoever takes redirects into their own hands gets to see it, and nothing follows it.
        let found = end(Shape::Builder, RedirectMode::Manual, 302, &location).await;
        assert_eq!(found, Ok("302 http://first.test/a/b?c#old".into()), "{target}");
        let found = end(Shape::Contract, RedirectMode::Manual, 302, &location).await;
        assert_eq!(found, Err("net::ERR_UNSAFE_REDIRECT".into()), "{target}");
    }
}

#[tokio::test]
async fn a_fragment_never_goes_out() {
    for shape in Shape::ALL {
        let server = script()
            .connection(|peer| {
                peer.expect_get("/").reply(redirect(302, "/2#part")).expect_get("/2").reply(OK)
            })
            .start();
        let session = Session::in_memory();
        let url = server.url("/#first");
        let message = shape.send(&session, Ask::get(&url)).await.unwrap();
        assert_eq!(message.url().fragment(), Some("part"));
        assert!(!server.request_text(0).contains('#') && !server.request_text(1).contains('#'));
        server.finished();
    }
}

#[tokio::test]
async fn whoever_decides_sees_the_whole_redirect() {
    let reply = "HTTP/1.1 307 Over There\r\nLocation: /2?x#y\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\
                 X-Case: 1\r\nContent-Length: 0\r\n\r\n";
    let server = script()
        .connection(|peer| {
            peer.expect_request("PUT", "/")
                .expect_bytes("hello")
                .reply(reply)
                .expect_request("PUT", "/2?x")
                .expect_bytes("hello")
                .reply(OK)
        })
        .start();
    let session = Session::in_memory();
    let seen: Arc<Mutex<Vec<RedirectInfo>>> = Arc::default();
    let log = Arc::clone(&seen);

    let message = session
        .put(server.url("/"))
        .header("X-Own", "1")
        .header("Content-Type", "text/plain")
        .capture_head(true)
        .on_redirect(move |info| {
            log.lock().unwrap().push(info);
            async { RedirectVerdict::Follow }
        })
        .send("hello");
    assert_eq!(bounded(message).await.unwrap().status(), 200);

    let seen = seen.lock().unwrap();
    let [info] = &**seen else { panic!("asked {} times", seen.len()) };
    assert_eq!((info.status, &info.method), (307, &Method::PUT));
    assert_eq!(info.url.as_str(), server.url("/2?x#y"));
    assert_eq!(info.mode, RedirectMode::Follow);
    assert_eq!(info.head.reason(), b"Over There");
    let fields: Vec<(&str, &[u8])> = info.head.fields().collect();
    assert_eq!(
        fields,
        [
            ("Location", &b"/2?x#y"[..]),
            ("Set-Cookie", b"a=b"),
            ("Set-Cookie", b"c=d"),
            ("X-Case", b"1"),
            ("Content-Length", b"0"),
        ]
    );
    let along: Vec<(&str, &[u8])> =
        info.headers.iter().map(|field| (field.name(), field.value())).collect();
    assert_eq!(along, [("X-Own", &b"1"[..]), ("Content-Type", b"text/plain")]);
    assert_eq!(info.request_head.as_deref(), Some(&*server.requests()[0]));
    server.finished();
}

#[tokio::test]
async fn the_decision_is_the_closures_whatever_the_mode() {
    let edited = || {
        let mut headers = HeaderList::new();
        headers.append("X-New", "2");
        RedirectVerdict::FollowWith(headers)
    };
    let cancelled = Err("Redirect was cancelled".to_owned());
    for (mode, verdict, expected) in [
        (RedirectMode::Follow, RedirectVerdict::Follow, Ok(200)),
        (RedirectMode::Manual, RedirectVerdict::Follow, Ok(200)),
        (RedirectMode::Follow, edited(), Ok(200)),
        (RedirectMode::Manual, edited(), Ok(200)),
        (RedirectMode::Follow, RedirectVerdict::Deliver, Ok(302)),
        (RedirectMode::Manual, RedirectVerdict::Deliver, Ok(302)),
        (RedirectMode::Follow, RedirectVerdict::Cancel, cancelled.clone()),
        (RedirectMode::Manual, RedirectVerdict::Cancel, cancelled),
        (
            RedirectMode::Error,
            RedirectVerdict::Follow,
            Err("Attempted to redirect, but redirect policy was 'error'".to_owned()),
        ),
    ] {
        let name = format!("{mode:?} {verdict:?}");
        let is_edited = matches!(verdict, RedirectVerdict::FollowWith(_));
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_get("/").expect_field("x-old", "1");
                let peer = peer.reply(redirect(302, "/2"));
                match (expected == Ok(200), is_edited) {
                    (true, true) => {
                        let peer = peer.expect_get("/2").expect_no_field("x-old");
                        peer.expect_field("x-new", "2").reply(OK)
                    }
                    (true, false) => peer.expect_get("/2").expect_field("x-old", "1").reply(OK),
                    (false, _) => peer,
                }
            })
            .start();
        let session = Session::in_memory();
        let request = session.get(server.url("/")).header("X-Old", "1").redirect(mode);

        let outcome = request.on_redirect(move |_| std::future::ready(verdict.clone())).send(());

        let outcome = bounded(outcome).await;
        let found = outcome.map(|message| message.status()).map_err(|error| error.to_string());
        assert_eq!(found, expected, "{name}");
        server.finished();
    }
}

#[tokio::test]
async fn site_and_referrer_are_worked_out_anew_for_each_hop() {
    let last = script()
        .connection(|peer| {
            peer.expect_get("/3")
                .expect_field("sec-fetch-site", "same-site")
                .expect_field("referer", "http://127.0.0.1/")
                .reply(OK)
        })
        .start();
    let first = script()
        .connection(|peer| {
            peer.expect_get("/1")
                .expect_field("sec-fetch-site", "same-origin")
                .expect_field("referer", "http://127.0.0.1/page?secret")
                .reply(redirect(302, "/2"))
                .expect_get("/2")
                .reply(redirect(302, &last.url("/3")))
        })
        .start();
    let session = Session::in_memory();
    let request = session
        .get(first.url("/1"))
        .origin(&first.url(""))
        .header("Referer", "http://127.0.0.1/page?secret");
    assert_eq!(bounded(request).await.unwrap().status(), 200);
    first.finished();
    last.finished();
}

#[tokio::test]
async fn a_referrer_policy_of_a_response_holds_from_there_on() {
    for (policy, same, cross) in [
        (None, Some("full"), Some("origin")),
        (Some("no-referrer"), None, None),
        (Some("origin"), Some("origin"), Some("origin")),
        (Some("same-origin"), Some("full"), None),
        (Some("unsafe-url"), Some("full"), Some("full")),
        (Some("origin-when-cross-origin"), Some("full"), Some("origin")),
        (Some("unknown"), Some("full"), Some("origin")),
        (Some("no-referrer, unsafe-url"), Some("full"), Some("full")),
    ] {
        for (is_cross, expected) in [(false, same), (true, cross)] {
            let policy_field =
                policy.map_or(String::new(), |text| format!("Referrer-Policy: {text}\r\n"));
            let target = if is_cross { "http://b.test/2" } else { "http://a.test/2" };
            let reply = format!(
                "HTTP/1.1 302 Found\r\nLocation: {target}\r\n{policy_field}Content-Length: 0\r\n\r\n"
            );
            let expect = |peer: Peer| {
                let peer = peer.expect_get("/2");
                match expected {
                    None => peer.expect_no_field("referer"),
                    Some("full") => peer.expect_field("referer", "http://a.test/page?q"),
                    Some(_) => peer.expect_field("referer", "http://a.test/"),
                }
                .reply(OK)
            };
            let first = |peer: Peer| peer.expect_get("/1").reply(&reply);
            let server = match is_cross {
                true => script().connection(first).connection(expect),
                false => script().connection(|peer| expect(first(peer))),
            }
            .start();
            let rules = format!("MAP * {}", server.address());
            let session = Session::builder().host_resolver_rules(rules).build().unwrap();
            let ask = Ask {
                fields: &[("Referer", "http://a.test/page?q")],
                ..Ask::get("http://a.test/1")
            };
            let message = Shape::Contract.send(&session, ask).await.unwrap();
            assert_eq!(message.status(), 200, "{policy:?} {is_cross}");
            drop(session);
            server.finished();
        }
    }
}

#[tokio::test]
async fn a_status_becomes_an_error_only_when_asked() {
    for (status, is_error) in [
        (200, false),
        (204, false),
        (302, false),
        (399, false),
        (400, true),
        (404, true),
        (500, true),
        (599, true),
    ] {
        let reply = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        let server = script().connection(|peer| peer.expect_get("/x").reply(&reply)).start();
        let session = Session::in_memory();
        let url = server.url("/x").replace("//", "//user:secret@") + "#part";

        let message = bounded(session.get(url)).await.unwrap();
        assert_eq!(message.status(), status);
        match message.error_for_status() {
            Ok(message) => assert!(!is_error && message.status() == status, "{status}"),
            Err(error) => {
                assert!(is_error, "{status}");
                assert_eq!(error.to_string(), "net::ERR_HTTP_RESPONSE_CODE_FAILURE");
                assert_eq!(error.net_error(), NetError::HttpResponseCodeFailure);
                assert_eq!(error.status(), Some(status));
                assert!(error.is_status() && !error.is_builder() && !error.is_redirect());
                assert!(!error.is_timeout() && !error.is_connect() && !error.is_decode());
                assert_eq!(error.url().map(|url| url.to_string()), Some(server.url("/x")));
                assert!(!format!("{error:?}").contains("secret"));
                assert!(error.without_url().url().is_none());
            }
        }
        server.finished();
    }
}

/// Fetch §2.9: what a request says could be taken for another protocol.
#[tokio::test]
async fn a_port_of_another_protocol_is_reached_neither_at_once_nor_by_a_redirect() {
    for shape in Shape::ALL {
        let server = script()
            .connection(|peer| peer.expect_get("/").reply(redirect(302, "http://127.0.0.1:25/")))
            .start();
        let session = Session::in_memory();
        for url in ["http://127.0.0.1:25/", "https://127.0.0.1:6667/", &server.url("/")] {
            let error = shape.send(&session, Ask::get(url)).await.unwrap_err();
            assert_eq!(error.net_error(), NetError::UnsafePort, "{url}");
        }
        let error = session.preconnect("http://127.0.0.1:25/", 1).unwrap_err();
        assert_eq!(error.to_string(), "net::ERR_UNSAFE_PORT");
        server.finished();
    }
}

#[tokio::test]
async fn a_port_of_another_protocol_is_reached_where_the_session_allows_it() {
    let server = script().connection(|peer| peer.expect_get("/").reply(OK)).start();
    // The port is judged as it is written, before host rules.
    let rules = format!("MAP mail.test:25 {}", server.address());
    let session = Session::builder()
        .host_resolver_rules(rules)
        .explicitly_allowed_ports([25])
        .build()
        .unwrap();

    let response = bounded(session.get("http://mail.test:25/").send(())).await.unwrap();

    assert_eq!(response.status(), 200);
    server.finished();
}
