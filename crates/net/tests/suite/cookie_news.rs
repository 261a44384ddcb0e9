//! What is told of cookies: changes, refusals and exclusions, each with Chromium's word for it.
//!
//! The sentences of single reasons stand beside the rules; here is that the right one arrives, once,
//! and shows no secret. Chromium `CookieInclusionStatus`, `CookieChangeCause`.

use netreq::{
    ChangeCause, CookieAccess, CookieDetails, CookieFilter, ExclusionReason, NetError, SameSite,
    Session, Timestamp, Url,
};
use netreq_testserver::{OK, script};

use crate::sites::{asked, cookies, set, setting, visit, visiting};

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
