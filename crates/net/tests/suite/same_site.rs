//! `SameSite` on the wire: who asks decides what goes along, and what an answer may set.
//!
//! A request without an origin is one of the site it goes to. The names are of this machine, so that
//! cookies without a restriction, which are `Secure`, go along in the clear. RFC 6265bis §5.2 and
//! §5.6; Electron's `net` tests "should be able to use cookies across redirects".

use netreq::{
    CookieAccess, CookieDetails, CredentialsMode, ExclusionReason, Method, SameSite, Session, Url,
};
use netreq_testserver::{OK, Peer, Script, script};

use crate::redirect::Shape;
use crate::sites::{With, cookies, sending_to, setting, visiting};

const ALL: &str = "strict=1; lax=1; plain=1; none=1";
const NOT_STRICT: &str = "lax=1; plain=1; none=1";
const SAID_NOTHING: &str = "plain=1; none=1";
const NONE: &str = "none=1";

/// A cookie of each kind for `url`.
async fn stock(session: &Session, url: &str) {
    let url = Url::parse(url).unwrap();
    for (name, same_site) in [
        ("strict", SameSite::Strict),
        ("lax", SameSite::Lax),
        ("plain", SameSite::Unspecified),
        ("none", SameSite::NoRestriction),
    ] {
        let details = CookieDetails {
            name: name.as_bytes(),
            value: b"1",
            same_site: Some(same_site),
            ..CookieDetails::new(&url)
        };
        session.cookies().set(details).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_request_carries_depends_on_who_asks_and_where_it_has_been() {
    type Hops = &'static [(&'static str, &'static str)];
    let (a, www, b) = ("http://a.localhost", "http://www.a.localhost", "http://b.localhost");
    let chains: &[(Option<&str>, Hops)] = &[
        (None, &[("a", ALL)]),
        (Some(a), &[("a", ALL)]),
        (Some(www), &[("a", ALL)]),
        (Some("http://a.localhost:81"), &[("a", ALL)]),
        (Some(b), &[("a", NONE)]),
        // The scheme is a part of the site.
        (Some("https://a.localhost"), &[("a", NONE)]),
        (Some("null"), &[("a", NONE)]),
        (None, &[("a", ALL), ("b", SAID_NOTHING)]),
        (None, &[("a", ALL), ("b", SAID_NOTHING), ("a", ALL)]),
        (Some(a), &[("a", ALL), ("b", NONE)]),
        (Some(a), &[("b", NONE), ("a", ALL)]),
        (Some(b), &[("a", NONE), ("b", ALL)]),
    ];
    for (origin, hops) in chains {
        for shape in Shape::ALL {
            let server = chain(hops).start();
            let session = visiting(&server);
            stock(&session, "http://a.localhost/").await;
            stock(&session, "http://b.localhost/").await;
            let with = With { origin: *origin, ..With::COOKIES };

            let url = format!("http://{}.localhost/0", hops[0].0);
            let message = shape.visit(&session, &url, with).await.unwrap();

            assert_eq!(message.status(), 200, "{shape:?} {origin:?} {hops:?}");
            server.finished();
        }
    }
}

/// Hops to these sites, a connection each, that expect these cookies.
fn chain(hops: &'static [(&str, &str)]) -> Script {
    let first = hops[0].0;
    let mut script = script();
    // Connections come in the order of the hops.
    for is_first in [true, false] {
        let own: Vec<_> =
            hops.iter().enumerate().filter(|(_, hop)| (hop.0 == first) == is_first).collect();
        if own.is_empty() {
            continue;
        }
        let say = |peer: Peer| {
            own.into_iter().fold(peer, |peer, (index, (_, cookies))| {
                let peer = peer.expect_get(&format!("/{index}")).expect_field("cookie", cookies);
                let next = hops.get(index + 1);
                let location =
                    next.map(|(site, _)| format!("http://{site}.localhost/{}", index + 1));
                match location {
                    Some(location) => peer.reply(sending_to(&location, &[])),
                    None => peer.reply(OK),
                }
            })
        };
        script = script.connection(say);
    }
    script
}

/// What the user asks for carries Lax cookies from anywhere, if it changes nothing.
#[tokio::test]
async fn a_navigation_from_another_site_carries_lax_cookies_if_it_only_reads() {
    for (method, expected) in [
        (Method::GET, NOT_STRICT),
        (Method::HEAD, NOT_STRICT),
        (Method::POST, NONE),
        (Method::DELETE, NONE),
    ] {
        let server = script()
            .connection(|peer| {
                let peer = peer.expect_request(method.as_str(), "/");
                peer.expect_field("cookie", expected).reply(setting(&["new=1; SameSite=Strict"]))
            })
            .start();
        let session = visiting(&server);
        stock(&session, "http://a.localhost/").await;
        let request = session
            .request(method.clone(), "http://a.localhost/")
            .origin("http://b.localhost")
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", "document")
            .credentials(CredentialsMode::Include);
        assert_eq!(request.send(()).await.unwrap().status(), 200, "{method}");
        // The answer is the site's own, whatever the method.
        assert!(cookies(&session).await.contains(&"new=1".to_owned()), "{method}");
        server.finished();
    }
}

#[tokio::test]
async fn another_sites_request_sets_what_is_unrestricted_and_a_redirects_answer_all() {
    const LINES: &[&str] = &[
        "strict=2; SameSite=Strict",
        "lax=2; SameSite=Lax",
        "plain=2",
        "none=2; SameSite=None; Secure",
    ];
    let refused = [
        ExclusionReason::SameSiteStrict,
        ExclusionReason::SameSiteLax,
        ExclusionReason::SameSiteUnspecifiedTreatedAsLax,
    ];
    for (origin, through_b, is_cross) in [
        (None, false, false),
        (None, true, false),
        (Some("http://a.localhost"), false, false),
        (Some("http://b.localhost"), false, true),
        (Some("http://b.localhost"), true, true),
        (Some("null"), false, true),
    ] {
        for shape in Shape::ALL {
            let server = script();
            let server = match through_b {
                false => server,
                true => server.connection(|peer| {
                    peer.expect_get("/").reply(sending_to("http://a.localhost/", &[]))
                }),
            };
            let server =
                server.connection(|peer| peer.expect_get("/").reply(setting(LINES))).start();
            let session = visiting(&server);
            let mut exclusions = session.cookies().exclusions();
            let url = if through_b { "http://b.localhost/" } else { "http://a.localhost/" };

            let with = With { origin, ..With::COOKIES };
            assert_eq!(shape.visit(&session, url, with).await.unwrap().status(), 200);

            let mut reasons = Vec::new();
            while let Some(one) = exclusions.try_next() {
                assert_eq!(one.access, CookieAccess::Store);
                reasons.push(one.reason);
            }
            let (expected, kept): (&[_], &[&str]) = match is_cross {
                true => (&refused, &["none=2"]),
                false => (&[], &["lax=2", "none=2", "plain=2", "strict=2"]),
            };
            assert_eq!(reasons, expected, "{shape:?} {origin:?} {through_b}");
            assert_eq!(cookies(&session).await, kept, "{shape:?} {origin:?} {through_b}");
            server.finished();
        }
    }
}

#[tokio::test]
async fn what_stays_behind_names_the_restriction() {
    let server = script()
        .connection(|peer| peer.expect_get("/").expect_field("cookie", NONE).reply(OK))
        .start();
    let session = visiting(&server);
    stock(&session, "http://a.localhost/").await;
    let mut exclusions = session.cookies().exclusions();
    let with = With { origin: Some("http://b.localhost"), ..With::COOKIES };
    Shape::Builder.visit(&session, "http://a.localhost/", with).await.unwrap();
    for (name, reason) in [
        ("strict", ExclusionReason::SameSiteStrict),
        ("lax", ExclusionReason::SameSiteLax),
        ("plain", ExclusionReason::SameSiteUnspecifiedTreatedAsLax),
    ] {
        let told = exclusions.try_next().unwrap();
        assert_eq!((&*told.name, told.reason), (name.as_bytes(), reason));
        assert_eq!(told.access, CookieAccess::Send);
    }
    assert_eq!(exclusions.try_next(), None);
    server.finished();
}
