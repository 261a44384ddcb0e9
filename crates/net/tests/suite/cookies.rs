//! Cookies on the wire: when a request carries them, which ones and where, and what is kept of an
//! answer.
//!
//! The rules for a single cookie stand beside the jar; what another site may do is in `same_site`,
//! and which requests have cookies at all in `credentials_modes`. RFC 6265bis; Chromium
//! `URLRequestHttpJob`; Electron `session.cookies`.

use netreq::{
    CookieAccess, CookieDetails, CookieFilter, ExclusionReason, HeaderList, SameSite, Session,
    Timestamp, Url,
};
use netreq_testserver::{OK, script};

use crate::redirect::Shape;
use crate::sites::{With, asked, cookies, saying, sending_to, set, setting, visit, visiting};

#[tokio::test]
async fn a_redirects_cookies_are_kept_and_the_next_hop_carries_its_own() {
    for shape in Shape::ALL {
        let server = script()
            .connection(|peer| {
                let login = sending_to("/2", &["sid=1", "gone=; Max-Age=0", "deep=1; Path=/2"]);
                let peer = asked(peer, "/", "gone=1").reply(login);
                let peer = asked(peer, "/2", "deep=1; sid=1");
                let peer =
                    peer.reply(sending_to("http://b.test/", &["sid=2", "b=1; Domain=b.test"]));
                asked(peer, "/end", "sid=2").reply(OK)
            })
            .connection(|peer| {
                asked(peer, "/", "own=b").reply(sending_to("http://a.test/end", &[]))
            })
            .start();
        let session = visiting(&server);
        set(&session, "http://a.test/", "gone", "1").await;
        set(&session, "http://b.test/", "own", "b").await;

        let message = shape.visit(&session, "http://a.test/", With::COOKIES).await.unwrap();

        assert_eq!(message.status(), 200, "{shape:?}");
        assert_eq!(message.headers().get("set-cookie").map(|_| ()), None);
        assert_eq!(cookies(&session).await, ["deep=1", "own=b", "sid=2"]);
        server.finished();
    }
}

#[tokio::test]
async fn a_redirects_question_shows_what_was_set_and_no_cookie_of_the_session() {
    let server = script()
        .connection(|peer| {
            let peer = asked(peer, "/", "a=1").reply(sending_to("/2", &["b=2"]));
            asked(peer, "/2", "a=1; b=2").reply(OK)
        })
        .start();
    let session = visiting(&server);
    set(&session, "http://a.test/", "a", "1").await;

    let request = session.get("http://a.test/").use_session_cookies(true);
    let decided = request.on_redirect(|info| async move {
        assert_eq!(info.head.get("set-cookie"), Some(&b"b=2"[..]));
        assert_eq!(info.headers, HeaderList::new());
        netreq::RedirectVerdict::Follow
    });
    assert_eq!(decided.send(()).await.unwrap().status(), 200);
    server.finished();
}

#[tokio::test]
async fn a_field_of_the_callers_goes_as_it_is_set_and_the_jar_stays_behind() {
    for shape in Shape::ALL {
        let server = script()
            .connection(|peer| {
                let peer = asked(peer, "/", "mine=1;jar=no").reply(setting(&["new=1"]));
                let peer = asked(peer, "/1", "mine=1;jar=no").reply(sending_to("/2", &[]));
                // It goes on with the request on the same origin, and is gone on another.
                let peer = asked(peer, "/2", "mine=1;jar=no");
                peer.reply(sending_to("http://b.test/3", &[]))
            })
            .connection(|peer| asked(peer, "/3", "own=b").reply(OK))
            .start();
        let session = visiting(&server);
        set(&session, "http://a.test/", "jar", "1").await;
        set(&session, "http://b.test/", "own", "b").await;
        let with = With { fields: &[("cookie", "mine=1;jar=no")], ..With::COOKIES };

        let first = shape.visit(&session, "http://a.test/", with).await.unwrap();
        assert_eq!(first.bytes().await.unwrap(), "");
        assert_eq!(cookies(&session).await, ["jar=1", "new=1", "own=b"], "answers count");
        let chain = shape.visit(&session, "http://a.test/1", with).await.unwrap();
        assert_eq!(chain.status(), 200, "{shape:?}");
        server.finished();
    }
}

#[tokio::test]
async fn the_field_stands_last_in_the_head() {
    let server =
        script().connection(|peer| asked(peer, "/", "a=1; b=2").reply(OK).expect_eof()).start();
    let session = Session::builder()
        .host_resolver_rules(crate::sites::leading_to(&server))
        .accept_languages("en")
        .build()
        .unwrap();
    set(&session, "http://a.test/", "a", "1").await;
    set(&session, "http://a.test/", "b", "2").await;

    let with = With { fields: &[("X-Last", "no")], ..With::COOKIES };
    let message = Shape::Builder.visit(&session, "http://a.test/", with).await.unwrap();

    assert_eq!(message.bytes().await.unwrap(), "ok");
    let head = server.request_text(0);
    assert!(head.ends_with("\r\nAccept-Language: en\r\nCookie: a=1; b=2\r\n\r\n"), "{head}");
    session.close().await.unwrap();
    server.finished();
}

/// RFC 6265bis §5.8.3: the longest path first, then the earliest made; a new value keeps its place.
#[tokio::test]
async fn cookies_stand_in_the_order_of_their_paths_and_their_age() {
    let server = script()
        .connection(|peer| {
            let lines = [
                "z=1",
                "=nameless",
                "a=2; Path=/x",
                "z=3; Path=/x/y",
                "other=4; Path=/xy",
                "wide=5; Domain=a.test",
                "z=6; Domain=a.test; Path=/x/",
                "wide=7; Domain=a.test",
            ];
            let peer = asked(peer, "/set", "").reply(setting(&lines));
            let peer = asked(peer, "/x/y", "z=3; z=6; a=2; z=1; nameless; wide=7").reply(OK);
            let peer = asked(peer, "/x", "a=2; z=1; nameless; wide=7").reply(OK);
            asked(peer, "/xyz", "z=1; nameless; wide=7").reply(OK)
        })
        .connection(|peer| asked(peer, "/x/y", "z=6; wide=7").reply(OK))
        .start();
    let session = visiting(&server);
    for target in ["set", "x/y", "x", "xyz"] {
        visit(&session, &format!("http://a.test/{target}")).await;
    }
    visit(&session, "http://www.a.test/x/y").await;
    server.finished();
}

/// Chromium `CookieAccessScheme`: a connection that does not leave this machine is as good as TLS.
#[tokio::test]
async fn this_machine_counts_as_secure_and_no_other_host_in_the_clear_does() {
    for (host, keeps) in [
        ("localhost", true),
        ("x.localhost", true),
        ("127.0.0.1", true),
        ("127.1.2.3", true),
        ("[::1]", true),
        ("a.test", false),
        ("localhost.test", false),
        ("128.0.0.1", false),
    ] {
        let sent = if keeps { "s=1" } else { "" };
        let server = script()
            .connection(|peer| {
                let peer = asked(peer, "/", "").reply(setting(&["s=1; Secure"]));
                let peer = asked(peer, "/2", sent).reply(OK);
                asked(peer, "/3", if keeps { "s=1; t=1" } else { "" }).reply(OK)
            })
            .start();
        let session = visiting(&server);
        let mut exclusions = session.cookies().exclusions();
        let secure = Url::parse(&format!("https://{host}/")).unwrap();
        let url = format!("http://{host}/");

        visit(&session, &url).await;
        let refused = exclusions.try_next().map(|one| (one.access, one.reason));
        let expected = (CookieAccess::Store, ExclusionReason::SecureOnly);
        assert_eq!(refused, (!keeps).then_some(expected), "{host}");
        visit(&session, &format!("{url}2")).await;

        let details = CookieDetails {
            name: b"t",
            value: b"1",
            secure: Some(true),
            ..CookieDetails::new(&secure)
        };
        session.cookies().set(details).await.unwrap();
        visit(&session, &format!("{url}3")).await;
        let refused = exclusions.try_next().map(|one| (one.access, one.reason));
        let expected = (CookieAccess::Send, ExclusionReason::SecureOnly);
        assert_eq!(refused, (!keeps).then_some(expected), "{host}");
        server.finished();
    }
}

/// Electron's `no_restriction` is `Secure` by itself, and is kept for this machine.
#[tokio::test]
async fn an_unrestricted_cookie_of_this_machine_is_secure_and_is_sent() {
    let server = script().connection(|peer| asked(peer, "/", "n=1").reply(OK).expect_eof()).start();
    let session = Session::in_memory();
    let url = Url::parse(&server.url("/")).unwrap();
    let same_site = Some(SameSite::NoRestriction);
    let details = CookieDetails { name: b"n", value: b"1", same_site, ..CookieDetails::new(&url) };
    session.cookies().set(details).await.unwrap();
    let found = session.cookies().get(CookieFilter::default()).await.unwrap();
    assert!(found[0].secure());
    visit(&session, url.as_str()).await;
    session.close().await.unwrap();
    server.finished();
}

#[tokio::test]
async fn a_cookie_for_requests_alone_is_sent_and_seen_by_the_application() {
    let server = script()
        .connection(|peer| {
            let peer = asked(peer, "/", "").reply(setting(&["h=1; HttpOnly"]));
            let peer = asked(peer, "/", "h=1").reply(setting(&["h=2"]));
            asked(peer, "/", "h=2").reply(OK)
        })
        .start();
    let session = visiting(&server);
    let http_only = async |session: &Session| {
        let found = session.cookies().get(CookieFilter::default()).await.unwrap();
        found.iter().map(netreq::Cookie::http_only).collect::<Vec<_>>()
    };
    visit(&session, "http://a.test/").await;
    assert_eq!(http_only(&session).await, [true]);
    visit(&session, "http://a.test/").await;
    assert_eq!(http_only(&session).await, [false], "a response may take it away");
    visit(&session, "http://a.test/").await;
    server.finished();
}

#[tokio::test]
async fn a_plain_cookie_has_the_defaults_of_electrons_object() {
    let server =
        script().connection(|peer| peer.expect_get("/a/b").reply(setting(&["foo=bar"]))).start();
    let session = Session::in_memory();
    visit(&session, &server.url("/a/b")).await;

    let found = session.cookies().get(CookieFilter::default()).await.unwrap();
    let [cookie] = &*found else { panic!("{found:?}") };
    assert_eq!((cookie.name(), cookie.value()), (&b"foo"[..], &b"bar"[..]));
    assert_eq!((cookie.domain(), cookie.is_host_only()), ("127.0.0.1", true));
    assert_eq!(cookie.path(), "/a");
    assert!(!cookie.secure() && !cookie.http_only() && !cookie.is_persistent());
    assert_eq!(cookie.same_site(), SameSite::Unspecified);
    assert_eq!((cookie.expiry(), cookie.partition_key()), (None, None));
    assert_eq!(cookie.source_port(), Some(server.address().port()));
    server.finished();
}

/// CHIPS: a request is a page of its own, so the key is the site that is asked.
#[tokio::test]
async fn a_partitioned_cookie_comes_back_and_shows_its_key() {
    let server = script()
        .connection(|peer| {
            let lines = ["p=1; Secure; Partitioned", "p=2; Secure"];
            let peer = asked(peer, "/", "").reply(setting(&lines));
            let peer = asked(peer, "/", "p=1; p=2").reply(sending_to("http://b.localhost/", &[]));
            asked(peer, "/", "p=2").reply(OK)
        })
        .connection(|peer| asked(peer, "/", "").reply(OK))
        .start();
    let session = visiting(&server);
    visit(&session, "http://a.localhost/").await;
    let found = session.cookies().get(CookieFilter::default()).await.unwrap();
    let shown: Vec<_> = found
        .iter()
        .map(|cookie| (cookie.pair(), cookie.partition_key().map(|key| key.top_level_site())))
        .collect();
    let expected: [(&[u8], _); 2] = [(b"p=1", Some("http://a.localhost")), (b"p=2", None)];
    assert_eq!(shown, expected);
    visit(&session, "http://a.localhost/").await;

    let key = found[0].partition_key().unwrap();
    assert!(!key.has_cross_site_ancestor());
    let url = Url::parse("http://a.localhost/").unwrap();
    let details = CookieDetails {
        name: b"p",
        secure: Some(true),
        partition_key: Some(key),
        expiry: Some(Timestamp::from_seconds(0.0)),
        ..CookieDetails::new(&url)
    };
    session.cookies().set(details).await.unwrap();
    visit(&session, "http://a.localhost/").await;
    session.cookies().remove(&url, "p").await.unwrap();
    assert!(cookies(&session).await.is_empty());
    server.finished();
}

/// Chromium `CanonicalCookie::ParseExpiration`: `Expires` counts from the server's own clock.
#[tokio::test]
async fn a_servers_wrong_clock_does_not_change_how_long_a_cookie_lives() {
    const HOUR: f64 = 3600.0;
    let early = "Wed, 01 Jan 2020 00:00:00 GMT";
    let late = "Mon, 01 Jan 2080 00:00:00 GMT";
    for (date, line, lives) in [
        (early, "a=1; Expires=Wed, 01 Jan 2020 01:00:00 GMT", Some(HOUR)),
        (late, "a=1; Expires=Mon, 01 Jan 2080 01:00:00 GMT", Some(HOUR)),
        (late, "a=1; Expires=Sun, 31 Dec 2079 23:59:59 GMT", None),
        (early, "a=1; Expires=Tue, 31 Dec 2019 23:59:59 GMT", None),
        (early, "a=1; Max-Age=3600; Expires=Thu, 02 Jan 2020 00:00:00 GMT", Some(HOUR)),
        ("nonsense", "a=1; Max-Age=3600", Some(HOUR)),
        ("nonsense", "a=1; Expires=Wed, 01 Jan 2020 01:00:00 GMT", None),
    ] {
        let server = script()
            .connection(|peer| {
                let peer =
                    peer.expect_get("/").reply(saying(&[("Date", date), ("Set-Cookie", line)]));
                asked(peer, "/", if lives.is_some() { "a=1" } else { "" }).reply(OK)
            })
            .start();
        let session = visiting(&server);
        visit(&session, "http://a.test/").await;
        let found = session.cookies().get(CookieFilter::default()).await.unwrap();
        let life = found.first().map(|cookie| {
            let expiry = cookie.expiry().expect("the cookie has an end");
            expiry.as_seconds() - cookie.creation().as_seconds()
        });
        match (life, lives) {
            (None, None) => {}
            // The date of a head has no fractions.
            (Some(life), Some(lives)) => assert!((life - lives).abs() < 1.5, "{line}: {life}"),
            (life, _) => panic!("{date} {line}: {life:?}"),
        }
        visit(&session, "http://a.test/").await;
        server.finished();
    }
}

/// The head is whole before its body is read, and a redirect's before anybody decides on it.
#[tokio::test]
async fn an_answer_that_ends_badly_or_is_refused_has_set_its_cookies() {
    for (status, rest, outcome) in [
        (404, "Content-Length: 0\r\n\r\n", Ok(404)),
        (500, "Content-Length: 0\r\n\r\n", Ok(500)),
        (200, "Content-Length: 100\r\n\r\nhalf", Ok(200)),
        (200, "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone", Ok(200)),
        (302, "Location: /2\r\nContent-Length: 0\r\n\r\n", Err("Redirect was cancelled")),
        (302, "Location: file:///\r\nContent-Length: 0\r\n\r\n", Err("net::ERR_UNSAFE_REDIRECT")),
        (302, "Location: http://[/\r\nContent-Length: 0\r\n\r\n", Err("net::ERR_INVALID_REDIRECT")),
    ] {
        let server = script()
            .connection(|peer| {
                let head = format!("HTTP/1.1 {status} X\r\nSet-Cookie: a=1\r\n{rest}");
                peer.expect_get("/").send(head).cut()
            })
            .start();
        let session = visiting(&server);
        let request = session.get("http://a.test/").use_session_cookies(true);
        let sent = request
            .on_redirect(|_| std::future::ready(netreq::RedirectVerdict::Cancel))
            .send(())
            .await;
        match (&sent, outcome) {
            (Ok(message), Ok(status)) => assert_eq!(message.status(), status),
            (Err(error), Err(sentence)) => assert_eq!(error.to_string(), sentence),
            (sent, _) => panic!("{status} {rest}: {sent:?}"),
        }
        drop(sent);
        assert_eq!(cookies(&session).await, ["a=1"], "{status} {rest}");
        server.finished();
    }
}

/// Neither an informational head nor a trailer is a place for a cookie.
#[tokio::test]
async fn only_the_final_head_sets_cookies() {
    let server = script()
        .connection(|peer| {
            peer.expect_get("/")
                .send("HTTP/1.1 103 Early Hints\r\nSet-Cookie: early=1\r\n\r\n")
                .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie\r\n")
                .reply("Set-Cookie: a=1\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: late=1\r\n\r\n")
        })
        .start();
    let session = visiting(&server);
    visit(&session, "http://a.test/").await;
    assert_eq!(cookies(&session).await, ["a=1"]);
    server.finished();
}
