//! Hosts that want TLS only: a request in the clear becomes an encrypted one before anything is sent.
//!
//! Two servers, one in the clear and one over TLS, stand behind every name on ports 80 and 443. What
//! the field may say is tested beside its rules. RFC 6797 §8; Chromium `URLRequestHttpJob::Start`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use netreq::{
    ClearData, ClientRequest, CookieDetails, CredentialsMode, DataType, Event, NetError, Options,
    Phase, RedirectMode, RedirectVerdict, SameSite, Session, SessionBuilder, Url,
};
use netreq_testserver::{Authority, Identity, OK, Peer, Script, ScriptServer, script};

use crate::observe::bounded;
use crate::redirect::{Ask, Shape};
use crate::sites::{asked, leading_to_both, saying, sending_to, set, trusting, visit};
use crate::support::{Folder, counted};

const YEAR: &str = "max-age=31536000";
const NAMES: [&str; 6] = ["a.test", "*.a.test", "x.www.a.test", "b.test", "localhost", "127.0.0.1"];

/// A server in the clear and one over TLS, and who vouches for the latter.
struct Stage {
    authority: Authority,
    plain: ScriptServer,
    secure: ScriptServer,
}

impl Stage {
    fn new(plain: Script, secure: impl FnOnce(Script) -> Script) -> Self {
        let authority = Authority::new();
        let identity: Identity = authority.identity_for(&NAMES);
        let secure = secure(script().tls(&identity)).start();
        Self { authority, plain: plain.start(), secure }
    }

    /// One that nobody asks in the clear.
    fn secure(secure: impl FnOnce(Script) -> Script) -> Self {
        Self::new(script(), secure)
    }

    fn builder(&self) -> SessionBuilder {
        let rules = leading_to_both(&self.plain, &self.secure);
        trusting(&self.authority).host_resolver_rules(rules)
    }

    fn session(&self) -> Session {
        self.builder().build().unwrap()
    }

    fn finished(self) {
        self.plain.finished();
        self.secure.finished();
    }
}

/// Says that the host is to be asked over TLS, when asked for `/`.
fn strict(peer: Peer, value: &str) -> Peer {
    peer.expect_get("/").reply(saying(&[("Strict-Transport-Security", value)]))
}

#[tokio::test]
async fn a_host_that_said_so_is_asked_over_tls_in_every_mode_and_nobody_is_asked_about_it() {
    use RedirectMode::{Error, Follow, Manual};
    for shape in Shape::ALL {
        for mode in [Follow, Error, Manual] {
            let stage = Stage::secure(|script| {
                script.connection(|peer| strict(peer, YEAR).expect_get("/x?y").reply(OK))
            });
            let session = stage.session();
            visit(&session, "https://a.test/").await;

            let ask = Ask { mode, ..Ask::get("http://a.test/x?y#z") };
            let message = shape.send(&session, ask).await.unwrap();

            assert_eq!(message.status(), 200, "{shape:?} {mode:?}");
            assert_eq!(message.url().as_str(), "https://a.test/x?y#z");
            let before: Vec<_> = message.redirected_from().iter().map(|url| url.as_str()).collect();
            assert_eq!(before, ["http://a.test/x?y#z"], "it counts as a hop");
            assert!(message.is_connection_reused());
            stage.finished();
        }
    }
}

#[tokio::test]
async fn an_upgrade_is_no_question_and_no_event() {
    let stage = Stage::secure(|script| {
        script.connection(|peer| {
            let peer = strict(peer, YEAR).expect_get("/1").reply(OK);
            let peer = peer.expect_get("/2").reply(sending_to("http://a.test/3", &[]));
            let peer = peer.expect_get("/3").reply(OK);
            peer.expect_get("/4").reply(OK)
        })
    });
    let session = stage.session();
    visit(&session, "https://a.test/").await;

    let asked = Arc::new(AtomicUsize::new(0));
    for (url, questions) in [("http://a.test/1", 0), ("http://a.test/2", 1)] {
        let count = Arc::clone(&asked);
        let request = session.get(url).on_redirect(move |info| {
            count.fetch_add(1, Ordering::Relaxed);
            // The redirect is asked about as the server wrote it.
            assert_eq!(info.url.as_str(), "http://a.test/3");
            std::future::ready(RedirectVerdict::Follow)
        });
        bounded(bounded(request.send(())).await.unwrap().bytes()).await.unwrap();
        assert_eq!(asked.swap(0, Ordering::Relaxed), questions, "{url}");
    }

    let mut request = ClientRequest::new(Options {
        session: Some(session.clone()),
        redirect: RedirectMode::Manual,
        ..Options::from("http://a.test/4")
    })
    .unwrap();
    let mut events = request.events();
    request.end("").await.unwrap();
    loop {
        match bounded(events.next()).await.unwrap() {
            Event::Response(message) => {
                assert_eq!(message.url().as_str(), "https://a.test/4");
                break;
            }
            Event::Finish | Event::UploadProgress(_) => {}
            event => panic!("{event:?}"),
        }
    }
    stage.finished();
}

#[tokio::test]
async fn an_upgraded_request_keeps_its_method_its_body_and_its_fields() {
    let stage = Stage::secure(|script| {
        script.connection(|peer| {
            strict(peer, YEAR)
                .expect_request("POST", "/")
                .expect_field("authorization", "Basic c2VjcmV0")
                .expect_field("cookie", "own=1")
                .expect_field("x-own", "1")
                .expect_field("content-length", "5")
                .expect_bytes("hello")
                .reply(OK)
        })
    });
    let session = stage.session();
    visit(&session, "https://a.test/").await;
    let request = session
        .post("http://a.test/")
        .header("Authorization", "Basic c2VjcmV0")
        .header("Cookie", "own=1")
        .header("X-Own", "1");
    assert_eq!(bounded(request.send("hello")).await.unwrap().status(), 200);
    stage.finished();
}

/// Only what came over TLS from the right server counts, and only for names of the network.
#[tokio::test]
async fn what_came_in_the_clear_or_from_who_knows_whom_is_not_noted() {
    for (url, is_dangerous, notes) in [
        ("https://a.test/", false, true),
        ("http://a.test/", false, false),
        ("https://a.test/", true, false),
        ("https://localhost/", false, false),
        ("https://127.0.0.1/", false, false),
    ] {
        let is_secure = url.starts_with("https");
        let mut plain = script();
        if !is_secure {
            plain = plain.connection(|peer| strict(peer, YEAR).expect_get("/2").reply(OK));
        } else if !notes {
            plain = plain.connection(|peer| peer.expect_get("/2").reply(OK));
        }
        let stage = Stage::new(plain, |script| match (is_secure, notes) {
            (false, _) => script,
            (true, false) => script.connection(|peer| strict(peer, YEAR)),
            (true, true) => script.connection(|peer| strict(peer, YEAR).expect_get("/2").reply(OK)),
        });
        let builder = stage.builder().danger_accept_invalid_certificates(is_dangerous);
        let session = builder.build().unwrap();
        visit(&session, url).await;
        let again = url.replace("https:", "http:");
        visit(&session, &format!("{again}2")).await;
        stage.finished();
    }
}

/// The field belongs to the host and not to its user: it counts for requests without credentials,
/// and in every answer.
#[tokio::test]
async fn it_counts_in_every_answer_and_without_credentials() {
    for (status, mode) in [
        (200, None),
        (404, None),
        (503, Some(CredentialsMode::Omit)),
        (302, Some(CredentialsMode::Include)),
    ] {
        let stage = Stage::secure(|script| {
            script.connection(|peer| {
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nStrict-Transport-Security: {YEAR}\r\n\
                     Location: http://a.test/2\r\nContent-Length: 0\r\n\r\n"
                );
                let peer = peer.expect_get("/").reply(answer);
                peer.expect_get("/2").reply(OK)
            })
        });
        let session = stage.session();
        let mut request = session.get("https://a.test/");
        if let Some(mode) = mode {
            request = request.credentials(mode);
        }
        let first = bounded(request.send(())).await.unwrap();
        match status {
            302 => {
                let urls = first.redirected_from().iter().map(|url| url.as_str());
                assert_eq!(urls.collect::<Vec<_>>(), ["https://a.test/", "http://a.test/2"]);
                assert_eq!(first.url().as_str(), "https://a.test/2");
            }
            _ => {
                bounded(first.bytes()).await.unwrap();
                visit(&session, "http://a.test/2").await;
            }
        }
        stage.finished();
    }
}

/// CVE-2022-42916, CVE-2022-43551, CVE-2022-30115: dots of other scripts, and one at the end, are the
/// same host.
#[tokio::test]
async fn names_below_and_other_spellings_are_meant_or_not() {
    let subdomains = "max-age=100; includeSubDomains";
    for (said, url, upgrades) in [
        (YEAR, "http://a.test/2", true),
        (YEAR, "http://A.TEST:80/2", true),
        (YEAR, "http://a.test./2", true),
        (YEAR, "http://a\u{3002}test/2", true),
        (YEAR, "http://a\u{ff0e}test/2", true),
        (YEAR, "http://a\u{ff61}test\u{3002}/2", true),
        (YEAR, "http://www.a.test/2", false),
        (subdomains, "http://www.a.test/2", true),
        (subdomains, "http://x.www.a.test/2", true),
        (subdomains, "http://b.test/2", false),
        ("max-age=0", "http://a.test/2", false),
        ("includeSubDomains", "http://a.test/2", false),
        ("max-age=-1", "http://a.test/2", false),
        ("max-age=\"100\"", "http://a.test/2", true),
        ("MAX-AGE=100;;x=y;", "http://a.test/2", true),
    ] {
        let answer = |peer: Peer| peer.expect_get("/2").reply(OK);
        let plain = if upgrades { script() } else { script().connection(answer) };
        let is_same =
            !url.contains("www") && !url.contains(".test./") && !url.ends_with("\u{3002}/2");
        let stage = Stage::new(plain, |script| match (upgrades, is_same) {
            (false, _) => script.connection(|peer| strict(peer, said)),
            (true, true) => script.connection(|peer| answer(strict(peer, said))),
            (true, false) => script.connection(|peer| strict(peer, said)).connection(answer),
        });
        let session = stage.session();
        visit(&session, "https://a.test/").await;
        visit(&session, url).await;
        stage.finished();
    }
}

#[tokio::test]
async fn a_host_may_take_it_back_and_a_name_below_does_not_speak_for_it() {
    let stage = Stage::new(script().connection(|peer| peer.expect_get("/5").reply(OK)), |script| {
        script
            .connection(|peer| {
                let peer = strict(peer, "max-age=100; includeSubDomains");
                let peer = peer.expect_get("/3").reply(OK);
                let fields = [
                    ("Strict-Transport-Security", "max-age=0"),
                    // Only the first one counts.
                    ("Strict-Transport-Security", YEAR),
                ];
                peer.expect_get("/4").reply(saying(&fields))
            })
            .connection(|peer| {
                // CVE-2024-9681: what a name below says is its own affair.
                let peer = strict(peer, "max-age=0");
                peer.expect_get("/2").reply(OK)
            })
    });
    let session = stage.session();
    for url in [
        "https://a.test/",
        "https://www.a.test/",
        "http://www.a.test/2",
        "http://a.test/3",
        "http://a.test/4",
        "http://a.test/5",
    ] {
        visit(&session, url).await;
    }
    stage.finished();
}

#[tokio::test]
async fn another_port_stays_and_is_spoken_to_over_tls() {
    let authority = Authority::new();
    let identity = authority.identity_for(&["a.test"]);
    let server = script()
        .tls(&identity)
        .connection(|peer| strict(peer, YEAR).expect_get("/2").reply(OK))
        .start();
    let rules = format!("MAP a.test {}", server.address().ip());
    let session = trusting(&authority).host_resolver_rules(rules).build().unwrap();
    visit(&session, &server.url_for("a.test", "/")).await;
    let in_the_clear = server.url_for("a.test", "/2").replace("https", "http");
    visit(&session, &in_the_clear).await;
    server.finished();
}

#[tokio::test]
async fn what_a_host_said_stays_in_its_session_and_outlives_it() {
    let folder = Folder::new();
    let stage = Stage::new(
        script()
            .connection(|peer| peer.expect_get("/other").reply(OK))
            .connection(|peer| peer.expect_get("/cleared").reply(OK)),
        |script| {
            script
                .connection(|peer| strict(peer, YEAR))
                .connection(|peer| peer.expect_get("/again").reply(OK))
        },
    );
    let session = stage.builder().path(folder.path()).build().unwrap();
    visit(&session, "https://a.test/").await;
    visit(&stage.session(), "http://a.test/other").await;
    session.close().await.unwrap();

    // It is read before the first request in the clear.
    let session = stage.builder().path(folder.path()).build().unwrap();
    let request = session.get("http://a.test/again");
    assert_eq!(bounded(request.send(())).await.unwrap().url().scheme(), "https");
    let what = ClearData { data_types: vec![DataType::Hsts], ..ClearData::default() };
    session.clear_data(what).await.unwrap();
    session.close().await.unwrap();

    let session = stage.builder().path(folder.path()).build().unwrap();
    visit(&session, "http://a.test/cleared").await;
    session.close().await.unwrap();
    stage.finished();
}

#[tokio::test]
async fn upgrades_are_among_the_twenty_hops() {
    /// A server that sends on in the clear, so many times.
    fn sending(peer: Peer, from: usize, hops: usize) -> Peer {
        (from..from + hops).fold(peer, |peer, hop| {
            let location = format!("http://a.test/{}", hop + 1);
            peer.expect_get(&format!("/{hop}")).reply(sending_to(&location, &[]))
        })
    }

    // Ten redirects, each upgraded.
    let stage = Stage::secure(|script| {
        script.connection(|peer| sending(strict(peer, YEAR), 0, 10).expect_get("/10").reply(OK))
    });
    let session = stage.session();
    visit(&session, "https://a.test/").await;
    let message = bounded(session.get("https://a.test/0").send(())).await.unwrap();
    assert_eq!(message.redirected_from().len(), 20);
    assert_eq!(message.url().as_str(), "https://a.test/10");
    stage.finished();

    // Begun in the clear it is one more: that of the last upgrade.
    for (redirects, url) in [(10, "http://a.test/10"), (11, "https://a.test/10")] {
        let is_late = redirects == 10;
        let stage = Stage::secure(|script| {
            script.connection(|peer| sending(strict(peer, YEAR), 0, redirects))
        });
        let session = stage.session();
        visit(&session, "https://a.test/").await;
        let first = if is_late { "http://a.test/0" } else { "https://a.test/0" };
        let error = bounded(session.get(first).send(())).await.unwrap_err();
        assert_eq!(error.net_error(), NetError::TooManyRedirects);
        assert!(error.is_redirect());
        assert_eq!(error.url().unwrap().as_str(), url);
        let phase = if is_late { Phase::Connect } else { Phase::Receive };
        assert_eq!(error.phase(), Some(phase));
        stage.finished();
    }
}

#[tokio::test]
async fn a_preconnection_goes_where_the_request_will_go() {
    let stage = Stage::secure(|script| {
        let script = script.connection(|peer| strict(peer, YEAR).expect_eof());
        script.connection(|peer| peer.expect_get("/2").reply(OK))
    });
    let session = stage.session();
    visit(&session, "https://a.test/").await;
    session.close_idle_connections();
    session.preconnect("http://a.test/2", 1).unwrap();
    counted(&session, [0, 0, 1, 0]).await;
    visit(&session, "http://a.test/2").await;
    stage.finished();
}

/// Nothing has left this machine, so nobody else has had a part in the request.
#[tokio::test]
async fn cookies_of_the_upgraded_request_are_those_of_its_new_url_strict_ones_too() {
    let expected = "plain=1; strict=1";
    let stage = Stage::secure(|script| {
        script.connection(|peer| asked(strict(peer, YEAR), "/2", expected).reply(OK))
    });
    let session = stage.session();
    visit(&session, "https://a.test/").await;
    set(&session, "http://a.test/", "plain", "1").await;
    let url = Url::parse("https://a.test/").unwrap();
    let details = CookieDetails {
        name: b"strict",
        value: b"1",
        secure: Some(true),
        same_site: Some(SameSite::Strict),
        ..CookieDetails::new(&url)
    };
    session.cookies().set(details).await.unwrap();
    visit(&session, "http://a.test/2").await;
    stage.finished();
}

/// What a host takes back before anybody has asked for the store is not brought back by it.
#[tokio::test]
async fn what_a_host_takes_back_is_not_found_on_the_disk_a_moment_later() {
    let folder = Folder::new();
    let stage = Stage::new(script().connection(|peer| peer.expect_get("/2").reply(OK)), |script| {
        script.connection(|peer| strict(peer, YEAR)).connection(|peer| strict(peer, "max-age=0"))
    });
    let session = stage.builder().path(folder.path()).build().unwrap();
    visit(&session, "https://a.test/").await;
    session.close().await.unwrap();

    let session = stage.builder().path(folder.path()).build().unwrap();
    // Without cookies and over TLS nothing has to be known beforehand.
    let message = bounded(session.get("https://a.test/").send(())).await.unwrap();
    bounded(message.bytes()).await.unwrap();
    visit(&session, "http://a.test/2").await;
    session.close().await.unwrap();
    stage.finished();
}

#[tokio::test]
async fn an_informational_head_says_nothing_of_the_host() {
    let stage = Stage::new(script().connection(|peer| peer.expect_get("/2").reply(OK)), |script| {
        script.connection(|peer| {
            let hints =
                format!("HTTP/1.1 103 Early Hints\r\nStrict-Transport-Security: {YEAR}\r\n\r\n");
            peer.expect_get("/").send(hints).reply(OK)
        })
    });
    let session = stage.session();
    visit(&session, "https://a.test/").await;
    visit(&session, "http://a.test/2").await;
    stage.finished();
}
