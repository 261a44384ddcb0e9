//! What the caller sets for one server does not reach another by way of a redirect.
//!
//! Each hop is a new request to an origin: scheme, host and port. `Authorization`, `Cookie` and
//! `Proxy-*` stay with theirs, and once dropped they stay dropped. Fields of the caller's own go
//! along; a decision on the redirect sees them and may change them.

use std::sync::{Arc, Mutex};

use netreq::{HeaderList, Method, RedirectVerdict, Session, SessionBuilder};
use netreq_testserver::{Authority, OK, Peer, ScriptServer, script};

use crate::observe::bounded;
use crate::redirect::{Ask, Shape, redirect};

const SECRETS: [(&str, &str); 3] =
    [("Authorization", "Basic c2VjcmV0"), ("Cookie", "secret=1"), ("X-Api-Key", "own")];

/// Expects a request with the caller's secrets, or without them; a field of their own it always has.
fn expect(peer: Peer, target: &str, keeps: bool) -> Peer {
    let peer = peer.expect_get(target).expect_field("x-api-key", "own");
    match keeps {
        true => {
            peer.expect_field("authorization", "Basic c2VjcmV0").expect_field("cookie", "secret=1")
        }
        false => peer.expect_no_field("authorization").expect_no_field("cookie"),
    }
}

/// A server that expects this one request.
fn last(target: &'static str, keeps: bool) -> ScriptServer {
    script().connection(|peer| expect(peer, target, keeps).reply(OK)).start()
}

/// A server that sends a request with secrets elsewhere.
fn first(location: &str) -> ScriptServer {
    script().connection(|peer| expect(peer, "/", true).reply(redirect(302, location))).start()
}

async fn send(shape: Shape, session: &Session, url: &str) {
    let message = shape.send(session, Ask { fields: &SECRETS, ..Ask::get(url) }).await.unwrap();
    assert_eq!(message.status(), 200, "{shape:?}");
}

/// leak-auth-port, leak-cookie-port.
#[tokio::test]
async fn another_port_is_told_no_secret() {
    for shape in Shape::ALL {
        let last = last("/2", false);
        let first = first(&last.url("/2"));
        send(shape, &Session::in_memory(), &first.url("/")).await;
        first.finished();
        last.finished();
    }
}

/// leak-auth-host, leak-cookie-host: a sister, a parent and a child are other hosts too.
#[tokio::test]
async fn another_host_is_told_no_secret() {
    for host in
        ["127.0.0.1", "b.test", "www.a.test", "test", "a.test.evil.test", "xa.test", "a.test."]
    {
        for shape in Shape::ALL {
            let server = script()
                .connection(|peer| {
                    let target = format!("http://{host}/2");
                    expect(peer, "/", true).reply(redirect(302, &target))
                })
                .connection(|peer| expect(peer, "/2", false).expect_field("host", host).reply(OK))
                .start();
            let session = mapped(&server);
            send(shape, &session, "http://a.test/").await;
            server.finished();
        }
    }
}

/// All names lead to this server.
fn mapped(server: &ScriptServer) -> Session {
    let rules = format!("MAP * {}", server.address());
    Session::builder().host_resolver_rules(rules).build().unwrap()
}

fn trusting(authority: &Authority) -> SessionBuilder {
    Session::builder()
        .platform_roots(false)
        .add_root_certificates(authority.certificate_pem().as_bytes())
        .unwrap()
        .host_resolver_rules("MAP * 127.0.0.1")
}

/// leak-auth-scheme, tls-downgrade-redirect.
#[tokio::test]
async fn another_scheme_is_told_no_secret_and_no_referrer_downwards() {
    let authority = Authority::new();
    let identity = authority.identity_for(&["a.test"]);
    for downwards in [false, true] {
        for shape in Shape::ALL {
            let target = script().connection(|peer| {
                let peer = expect(peer, "/2", false);
                match downwards {
                    true => peer.expect_no_field("referer"),
                    false => peer.expect_field("referer", "http://a.test/"),
                }
                .reply(OK)
            });
            let target = if downwards { target } else { target.tls(&identity) }.start();
            let from = script().connection(|peer| {
                let location = target.url_for("a.test", "/2");
                expect(peer, "/", true).reply(redirect(302, &location))
            });
            let from = if downwards { from.tls(&identity) } else { from }.start();
            let session = trusting(&authority).build().unwrap();
            let scheme = if downwards { "https" } else { "http" };
            let referrer = format!("{scheme}://a.test/page");
            let fields = [&SECRETS[..], &[("Referer", referrer.as_str())]].concat();
            let url = from.url_for("a.test", "/");

            let message = shape.send(&session, Ask { fields: &fields, ..Ask::get(&url) }).await;

            assert_eq!(message.unwrap().status(), 200, "{shape:?}");
            drop(session);
            from.finished();
            target.finished();
        }
    }
}

#[tokio::test]
async fn the_same_origin_is_told_all_however_it_is_written() {
    for location in
        ["/2", "2", "http://a.test/2", "http://a.test:80/2", "HTTP://A.TEST/2", "//a.test/2"]
    {
        for shape in Shape::ALL {
            let server = script()
                .connection(|peer| {
                    let peer = expect(peer, "/", true).reply(redirect(302, location));
                    expect(peer, "/2", true).reply(OK)
                })
                .start();
            let session = mapped(&server);
            send(shape, &session, "http://a.test/").await;
            server.finished();
        }
    }
}

/// The chain a → b → a.
#[tokio::test]
async fn a_chain_that_leaves_and_comes_back_does_not_bring_the_secrets_back() {
    for shape in Shape::ALL {
        let server = script()
            .connection(|peer| {
                let peer = expect(peer, "/1", true).reply(redirect(302, "/2"));
                // Hop by hop on the same origin they go along; after the detour no more.
                let peer = expect(peer, "/2", true).reply(redirect(302, "http://b.test/3"));
                expect(peer, "/4", false).reply(redirect(302, "/5")).expect_get("/5").reply(OK)
            })
            .connection(|peer| expect(peer, "/3", false).reply(redirect(302, "http://a.test/4")))
            .start();
        let session = mapped(&server);
        send(shape, &session, "http://a.test/1").await;
        server.finished();
    }
}

/// leak-proxy-auth-host.
#[tokio::test]
async fn fields_for_a_proxy_or_for_one_host_do_not_reach_another() {
    for is_cross in [false, true] {
        let location = if is_cross { "http://b.test/2" } else { "/2" };
        let own =
            [("Proxy-Authorization", "Basic c2VjcmV0"), ("proxy-x", "1"), ("Host", "named.test")];
        let hop = |mut peer: Peer, target: &str, keeps: bool| {
            peer = peer.expect_get(target);
            for (name, value) in own {
                peer = match (keeps, name) {
                    (true, _) => peer.expect_field(name, value),
                    (false, "Host") => peer.expect_field("Host", "b.test"),
                    (false, _) => peer.expect_no_field(name),
                };
            }
            peer
        };
        let begin = |peer: Peer| hop(peer, "/", true).reply(redirect(302, location));
        let server = match is_cross {
            true => script().connection(begin).connection(|peer| hop(peer, "/2", false).reply(OK)),
            false => script().connection(|peer| hop(begin(peer), "/2", true).reply(OK)),
        }
        .start();
        let session = mapped(&server);
        let mut request = session.get("http://a.test/").allow_restricted_headers();
        for (name, value) in own {
            request = request.header(name, value);
        }
        assert_eq!(bounded(request).await.unwrap().status(), 200);
        server.finished();
    }
}

#[tokio::test]
async fn user_and_password_of_a_location_never_go_out_as_text() {
    for shape in Shape::ALL {
        let server = script()
            .connection(|peer| {
                peer.expect_get("/1")
                    .reply(redirect(302, "http://user:secret@a.test/2"))
                    .expect_get("/2")
                    .expect_field("host", "a.test")
                    .reply(redirect(302, "/3"))
                    .expect_get("/3")
                    .reply(redirect(302, "http://user:secret@["))
            })
            .start();
        let session = mapped(&server);
        let ask = Ask { fields: &[("Referer", "http://a.test/")], ..Ask::get("http://a.test/1") };

        let error = shape.send(&session, ask).await.unwrap_err();

        assert_eq!(error.to_string(), "net::ERR_INVALID_REDIRECT");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        for index in 0..3 {
            let head = server.request_text(index);
            assert!(!head.contains("secret") && !head.contains("user:"), "{head}");
        }
        server.finished();
    }
}

#[tokio::test]
async fn a_server_cannot_speak_for_the_first_origin_to_another() {
    for (method, status, location, expected) in [
        ("GET", 302, "/2", Some("http://app.test")),
        ("GET", 302, "http://b.test/2", Some("null")),
        ("POST", 307, "/2", Some("http://app.test")),
        ("POST", 307, "http://b.test/2", Some("null")),
        ("POST", 302, "/2", None),
        ("POST", 302, "http://b.test/2", None),
    ] {
        for shape in Shape::ALL {
            let next = if status == 307 { "POST" } else { "GET" };
            let begin = |peer: Peer| {
                peer.expect_request(method, "/")
                    .expect_field("origin", "http://app.test")
                    .reply(redirect(status, location))
            };
            let end = |peer: Peer| {
                let peer = peer.expect_request(next, "/2");
                match expected {
                    Some(origin) => peer.expect_field("origin", origin),
                    None => peer.expect_no_field("origin"),
                }
                .reply(OK)
            };
            let server = match location {
                "/2" => script().connection(|peer| end(begin(peer))),
                _ => script().connection(begin).connection(end),
            }
            .start();
            let session = mapped(&server);
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let fields = &[("Origin", "http://app.test")];
            let message =
                shape.send(&session, Ask { method, fields, ..Ask::get("http://a.test/") }).await;
            assert_eq!(message.unwrap().status(), 200, "{status} {location} {shape:?}");
            server.finished();
        }
    }
}

#[tokio::test]
async fn whoever_decides_sees_what_goes_along_and_may_add_to_it() {
    let last = last("/2", true);
    let first = first(&last.url("/2"));
    let session = Session::in_memory();
    let along: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&along);
    let mut request = session.get(first.url("/"));
    for (name, value) in SECRETS {
        request = request.header(name, value);
    }

    let request = request.on_redirect(move |info| {
        log.lock().unwrap().extend(info.headers.iter().map(|field| field.name().to_owned()));
        let mut headers = HeaderList::new();
        for (name, value) in SECRETS {
            headers.append(name, value);
        }
        async { RedirectVerdict::FollowWith(headers) }
    });

    assert_eq!(bounded(request).await.unwrap().status(), 200);
    assert_eq!(*along.lock().unwrap(), ["X-Api-Key"]);
    first.finished();
    last.finished();
}
