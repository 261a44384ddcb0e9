//! Cookies on the wire: when a request carries them, which ones and where, and what is kept of an
//! answer.
//!
//! The rules for a single cookie stand beside the jar; what another site may do is in `same_site`,
//! and which requests have cookies at all in `credentials_modes`. RFC 6265bis; Chromium
//! `URLRequestHttpJob`; Electron `session.cookies`.

use netreq::{
    ChangeCause, CookieAccess, CookieDetails, CookieFilter, ExclusionReason, HeaderList, NetError,
    SameSite, Session, Timestamp, Url,
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

#[tokio::test]
async fn what_is_not_stored_names_its_reason() {
    let long = format!("l={}", "x".repeat(4096));
    let long_attribute = format!("l=1; Path=/{}", "x".repeat(1024));
    let cases: &[(&str, &[u8], ExclusionReason)] = &[
        ("domain=1; Domain=b.test", b"domain", ExclusionReason::InvalidDomain),
        ("suffix=1; Domain=test", b"suffix", ExclusionReason::InvalidDomain),
        ("upper=1; Domain=TEST", b"upper", ExclusionReason::InvalidDomain),
        ("below=1; Domain=x.a.test", b"below", ExclusionReason::InvalidDomain),
        ("s=1; Secure", b"s", ExclusionReason::SecureOnly),
        ("n=1; SameSite=None", b"n", ExclusionReason::SameSiteNoneInsecure),
        ("p=1; Partitioned", b"p", ExclusionReason::InvalidPartitioned),
        ("__Host-a=1", b"__Host-a", ExclusionReason::InvalidPrefix),
        ("__secure-b=1", b"__secure-b", ExclusionReason::InvalidPrefix),
        ("=__Host-c=1", b"", ExclusionReason::DisallowedCharacter),
        ("__Host-d", b"", ExclusionReason::InvalidPrefix),
        ("c=\u{1}", b"c", ExclusionReason::DisallowedCharacter),
        ("", b"", ExclusionReason::NoCookieContent),
        (";x=1", b"", ExclusionReason::NoCookieContent),
        (&long, b"l", ExclusionReason::NameValuePairExceedsMaxSize),
    ];
    let server = script()
        .connection(|mut peer| {
            for (line, ..) in cases {
                peer = asked(peer, "/", "").reply(setting(&[line]));
            }
            peer.expect_get("/").reply(setting(&[&long_attribute]))
        })
        .start();
    let session = visiting(&server);
    let mut exclusions = session.cookies().exclusions();
    let url = Url::parse("http://a.test/").unwrap();
    for (line, name, reason) in cases {
        visit(&session, url.as_str()).await;
        let told = exclusions.try_next().unwrap_or_else(|| panic!("{line:?} is stored"));
        assert_eq!((&*told.name, told.reason), (*name, *reason), "{line:?}");
        assert_eq!((&told.url, told.access), (&url, CookieAccess::Store));
        assert_eq!(exclusions.try_next(), None, "{line:?}");
        assert!(cookies(&session).await.is_empty(), "{line:?}");
    }
    // An attribute that is too long is as if not said (RFC 6265bis §5.6).
    visit(&session, url.as_str()).await;
    assert_eq!(exclusions.try_next(), None);
    assert_eq!(cookies(&session).await, ["l=1"]);
    server.finished();
}

#[tokio::test]
async fn what_is_not_sent_names_its_reason() {
    let server = script().connection(|peer| asked(peer, "/", "").reply(OK)).start();
    let session = visiting(&server);
    let secure = Url::parse("https://a.test/").unwrap();
    let below = Url::parse("http://www.a.test/").unwrap();
    let folder = Url::parse("http://a.test/x/").unwrap();
    for details in [
        CookieDetails { name: b"s", secure: Some(true), ..CookieDetails::new(&secure) },
        CookieDetails { name: b"d", ..CookieDetails::new(&below) },
        CookieDetails { name: b"p", path: Some("/x"), ..CookieDetails::new(&folder) },
    ] {
        session.cookies().set(CookieDetails { value: b"1", ..details }).await.unwrap();
    }
    let mut exclusions = session.cookies().exclusions();
    visit(&session, "http://a.test/").await;
    let mut told = Vec::new();
    while let Some(one) = exclusions.try_next() {
        assert_eq!((one.url.as_str(), one.access), ("http://a.test/", CookieAccess::Send));
        told.push((String::from_utf8(one.name.to_vec()).unwrap(), one.reason));
    }
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [
        ("d", ExclusionReason::DomainMismatch),
        ("p", ExclusionReason::NotOnPath),
        ("s", ExclusionReason::SecureOnly),
    ];
    assert_eq!(told, expected.map(|(name, reason)| (name.to_owned(), reason)));
    server.finished();
}

/// RFC 6265bis §5.7: whoever sits in the middle cannot replace what came over TLS.
#[tokio::test]
async fn an_answer_in_the_clear_leaves_secure_cookies_alone() {
    let server = script()
        .connection(|peer| {
            let lines = ["sid=2", "sid=3; Domain=a.test", "sid=; Max-Age=0", "sid=4; Path=/x"];
            asked(peer, "/", "").reply(setting(&lines))
        })
        .start();
    let session = visiting(&server);
    let secure = Url::parse("https://a.test/").unwrap();
    let details = CookieDetails {
        name: b"sid",
        value: b"1",
        secure: Some(true),
        ..CookieDetails::new(&secure)
    };
    session.cookies().set(details).await.unwrap();
    let mut exclusions = session.cookies().exclusions();

    visit(&session, "http://a.test/").await;

    assert_eq!(cookies(&session).await, ["sid=1"]);
    let mut reasons = Vec::new();
    while let Some(one) = exclusions.try_next() {
        reasons.push((one.access, one.reason));
    }
    let overwrite = (CookieAccess::Store, ExclusionReason::OverwriteSecure);
    let send = (CookieAccess::Send, ExclusionReason::SecureOnly);
    assert_eq!(reasons, [send, overwrite, overwrite, overwrite, overwrite]);
    server.finished();
}

/// Electron's event `changed`: an overwrite is two, and one that ends a cookie is one.
#[tokio::test]
async fn changes_are_told_with_chromiums_causes() {
    type Told = (&'static str, &'static str, bool);
    let steps: &[(&[&str], &[Told])] = &[
        (&["a=1"], &[("a=1", "inserted", false)]),
        (&["a=1"], &[("a=1", "overwrite", true), ("a=1", "inserted-no-change-overwrite", false)]),
        (&["a=2"], &[("a=1", "overwrite", true), ("a=2", "inserted", false)]),
        (
            &["a=2; HttpOnly"],
            &[("a=2", "overwrite", true), ("a=2", "inserted-no-value-change-overwrite", false)],
        ),
        (&["a=x; Max-Age=0"], &[("a=2", "expired-overwrite", true)]),
        (&["a=x; Max-Age=0"], &[]),
        (&["b=1", "c=1"], &[("b=1", "inserted", false), ("c=1", "inserted", false)]),
    ];
    let server = script()
        .connection(|mut peer| {
            for (lines, _) in steps {
                peer = peer.expect_get("/").reply(setting(lines));
            }
            peer.stall()
        })
        .start();
    let session = visiting(&server);
    let (mut changed, mut also) = (session.cookies().changed(), session.cookies().changed());
    let mut told = || {
        let mut told = Vec::new();
        while let Some(change) = changed.try_next() {
            let pair = String::from_utf8(change.cookie.pair().to_vec()).unwrap();
            assert_eq!(also.try_next(), Some(change.clone()), "every listener hears everything");
            told.push((pair, change.cause.as_str(), change.is_removal()));
        }
        told
    };
    for (lines, expected) in steps {
        visit(&session, "http://a.test/").await;
        let expected: Vec<_> = expected
            .iter()
            .map(|(pair, cause, gone)| ((*pair).to_owned(), *cause, *gone))
            .collect();
        assert_eq!(told(), expected, "{lines:?}");
    }

    let url = Url::parse("http://a.test/").unwrap();
    session.cookies().remove(&url, "b").await.unwrap();
    assert_eq!(told(), [("b=1".to_owned(), "explicit", true)]);
    session.clear_data(netreq::ClearData::default()).await.unwrap();
    assert_eq!(told(), [("c=1".to_owned(), "explicit", true)]);
    session.close().await.unwrap();
    assert_eq!(changed.next().await, None, "the stream ends with the session");
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

#[tokio::test]
async fn a_cookie_that_has_expired_is_not_sent_and_its_end_is_told() {
    let server = script().connection(|peer| asked(peer, "/", "b=1").reply(OK)).start();
    let session = visiting(&server);
    let url = Url::parse("http://a.test/").unwrap();
    set(&session, url.as_str(), "b", "1").await;
    let found = session.cookies().get(CookieFilter::default()).await.unwrap();
    let soon = Timestamp::from_seconds(found[0].creation().as_seconds() + 0.2);
    let mut changed = session.cookies().changed();
    let details =
        CookieDetails { name: b"a", value: b"1", expiry: Some(soon), ..CookieDetails::new(&url) };
    session.cookies().set(details).await.unwrap();
    assert_eq!(changed.try_next().unwrap().cause, ChangeCause::Inserted);

    let filter = CookieFilter { name: Some(b"a"), ..CookieFilter::default() };
    while !session.cookies().get(filter).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(changed.try_next(), None, "whoever only looks removes nothing");
    visit(&session, url.as_str()).await;
    let gone = changed.try_next().unwrap();
    assert_eq!((gone.cookie.pair(), gone.cause), (&b"a=1"[..], ChangeCause::Expired));
    server.finished();
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

/// Chromium's limits: 180 cookies of a domain, of which 30 go when there is one more.
#[tokio::test]
async fn a_host_that_sets_too_many_loses_its_own_oldest() {
    let lines: Vec<String> = (0..181).map(|number| format!("c{number:03}=1")).collect();
    let server = script()
        .connection(|peer| {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            peer.expect_get("/").reply(setting(&lines))
        })
        .start();
    let session = visiting(&server);
    set(&session, "http://b.test/", "other", "1").await;
    let mut changed = session.cookies().changed();
    visit(&session, "http://a.test/").await;
    let mut evicted = Vec::new();
    while let Some(change) = changed.try_next() {
        if change.is_removal() {
            assert_eq!(change.cause, ChangeCause::Evicted);
            evicted.push(String::from_utf8(change.cookie.pair().to_vec()).unwrap());
        }
    }
    evicted.sort();
    assert_eq!(evicted, lines[..31]);
    let mut left = lines[31..].to_vec();
    left.push("other=1".into());
    assert_eq!(cookies(&session).await, left);
    server.finished();
}

/// What is shown in a log holds no value and no password.
#[tokio::test]
async fn nothing_that_is_told_shows_a_secret() {
    let server = script()
        .connection(|peer| {
            let lines = ["sid=secret; Max-Age=60", "bad=secret; Domain=b.test", "sid=secret2"];
            peer.expect_get("/").reply(setting(&lines))
        })
        .start();
    let session = visiting(&server);
    let (mut changed, mut excluded) = (session.cookies().changed(), session.cookies().exclusions());
    visit(&session, "http://user:secret@a.test/").await;
    let url = Url::parse("http://a.test/").unwrap();
    let details = CookieDetails { name: b"n", value: b"secret", ..CookieDetails::new(&url) };
    let mut shown = format!("{session:?} {:?} {details:?} {changed:?}", session.cookies());
    while let Some(change) = changed.try_next() {
        shown += &format!("{change:?}");
    }
    while let Some(exclusion) = excluded.try_next() {
        assert_eq!(exclusion.url.as_str(), "http://a.test/");
        shown += &format!("{exclusion:?}");
    }
    assert!(shown.contains("sid") && !shown.contains("secret"), "{shown}");
    server.finished();
}

#[tokio::test]
async fn a_refused_cookie_of_the_api_is_electrons_sentence_and_nothing_changes() {
    let session = Session::in_memory();
    let mut changed = session.cookies().changed();
    let url = Url::parse("http://a.test/").unwrap();
    let data = Url::parse("data:text/plain,x").unwrap();
    let long = vec![b'x'; 4097];
    let long_path = format!("/{}", "x".repeat(1024));
    let new = || CookieDetails { name: b"n", value: b"v", ..CookieDetails::new(&url) };
    for (details, sentence) in [
        (
            CookieDetails { domain: Some("b.test"), ..new() },
            "The cookie was set with an invalid Domain attribute.",
        ),
        (
            CookieDetails { domain: Some("test"), ..new() },
            "The cookie was set with an invalid Domain attribute.",
        ),
        (
            CookieDetails { domain: Some("\u{e4}.test"), ..new() },
            "The cookie was set with a Domain attribute containing non ASCII characters.",
        ),
        (CookieDetails { value: b"a;b", ..new() }, "The cookie contains ASCII control characters"),
        (CookieDetails { value: b"a\nb", ..new() }, "The cookie contains ASCII control characters"),
        (CookieDetails { value: b"a\0b", ..new() }, "The cookie contains ASCII control characters"),
        (CookieDetails { name: b"a=b\r", ..new() }, "The cookie contains ASCII control characters"),
        (
            CookieDetails { path: Some("/\x7f;"), ..new() },
            "The cookie contains ASCII control characters",
        ),
        (
            CookieDetails { value: &long, ..new() },
            "The cookie exceeded the name/value pair size limit.",
        ),
        (
            CookieDetails { path: Some(&long_path), ..new() },
            "Cookie exceeded the attribute size limit.",
        ),
        (
            CookieDetails { path: Some("x"), ..new() },
            "The cookie was malformed and could not be stored",
        ),
        (
            CookieDetails { name: b"", value: b"", ..new() },
            "The cookie contains no content or only whitespace.",
        ),
        (
            CookieDetails { name: b"__Host-a", ..new() },
            "The cookie was set with an invalid __Host- or __Secure- prefix.",
        ),
        (
            CookieDetails { secure: Some(true), ..new() },
            "The cookie was Secure, but the URL was not allowed to access Secure cookies.",
        ),
        (
            CookieDetails {
                same_site: Some(SameSite::NoRestriction),
                secure: Some(false),
                ..new()
            },
            "The cookie specified SameSite=None, but it was not Secure.",
        ),
        (
            CookieDetails { url: &data, ..new() },
            "Attempted to set a cookie from a scheme that does not support cookies.",
        ),
    ] {
        let error = session.cookies().set(details.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("Failed to set cookie - {sentence}"), "{details:?}");
        assert_eq!(error.net_error(), NetError::InvalidArgument);
        assert!(error.is_builder() && !error.is_storage());
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.downcast_ref::<ExclusionReason>().is_some());
    }
    assert_eq!(changed.try_next(), None);
    assert!(cookies(&session).await.is_empty());
}
