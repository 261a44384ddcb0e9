//! Which requests have cookies at all: `credentials`, `use_session_cookies`, and the session they are
//! made in.
//!
//! Fetch §2.2.5 (credentials mode); Electron `net.request`, whose default sends and keeps none.

use netreq::{
    ClientRequest, CredentialsMode, Field, HeaderList, NetError, Options, Session,
    UnknownCredentialsMode,
};
use netreq_testserver::{OK, script};

use crate::observe::bounded;
use crate::redirect::Shape;
use crate::sites::{With, asked, cookies, leading_to, sending_to, set, setting, visit, visiting};

const OWN: Option<&str> = Some("http://a.test");
const OTHER: Option<&str> = Some("http://b.test");

#[tokio::test]
async fn cookies_go_out_and_in_where_the_options_say_so() {
    use CredentialsMode::{Include, Omit, SameOrigin};
    for (use_session_cookies, credentials, origin, has_cookies) in [
        (false, None, None, false),
        (true, None, None, true),
        (false, None, OWN, false),
        (true, None, OWN, true),
        (false, Some(Omit), None, false),
        (true, Some(Omit), None, false),
        (true, Some(Omit), OWN, false),
        (false, Some(Include), None, true),
        (true, Some(Include), None, true),
        (false, Some(Include), OTHER, true),
        (false, Some(SameOrigin), OWN, true),
        (true, Some(SameOrigin), OTHER, false),
        (true, Some(SameOrigin), Some("http://a.test:81"), false),
        (true, Some(SameOrigin), Some("https://a.test"), false),
        (true, Some(SameOrigin), Some("http://www.a.test"), false),
        (true, Some(SameOrigin), Some("null"), false),
    ] {
        for shape in Shape::ALL {
            let with = With { use_session_cookies, credentials, origin, fields: &[] };
            // What is of another site may carry and set what is unrestricted, over TLS or here.
            let server = script()
                .connection(|peer| {
                    let lines = ["new=1; SameSite=None; Secure", "plain=1"];
                    peer.expect_get("/").reply(setting(&lines))
                })
                .start();
            let session = visiting(&server);
            let host = if origin == OTHER && has_cookies { "a.localhost" } else { "a.test" };
            let url = format!("http://{host}/");
            set(&session, &url, "old", "1").await;

            let message = shape.visit(&session, &url, with).await.unwrap();

            let shown: Vec<_> = message.raw_headers().map(|(name, _)| name).collect();
            assert_eq!(shown[..2], ["Set-Cookie", "Set-Cookie"], "the head shows them in any case");
            let kept = cookies(&session).await;
            let sent = server.request_text(0).contains("\r\nCookie: old=1\r\n");
            match (has_cookies, host) {
                (false, _) => assert_eq!((sent, kept), (false, vec!["old=1".into()]), "{with:?}"),
                (true, "a.test") => {
                    assert_eq!(
                        (sent, kept),
                        (true, vec!["old=1".into(), "plain=1".into()]),
                        "{with:?}"
                    );
                }
                (true, _) => {
                    // The rest is SameSite's.
                    assert_eq!(
                        (sent, kept),
                        (false, vec!["new=1".into(), "old=1".into()]),
                        "{with:?}"
                    );
                }
            }
            server.finished();
        }
    }
}

/// Fetch §4.4 redirect-taint; Chromium `CorsURLLoader`.
#[tokio::test]
async fn same_origin_holds_hop_by_hop_and_not_behind_a_detour() {
    type Hops = &'static [(&'static str, &'static str)];
    let chains: &[(&str, Hops)] = &[
        ("http://a.test", &[("http://a.test/1", "a=1"), ("http://a.test/2", "a=1; s1=1")]),
        ("http://a.test", &[("http://a.test/1", "a=1"), ("http://b.test/2", "")]),
        ("http://a.test", &[("http://b.test/1", ""), ("http://a.test/2", "")]),
        (
            "http://a.test",
            &[("http://a.test/1", "a=1"), ("http://b.test/2", ""), ("http://a.test/3", "")],
        ),
        ("http://a.test", &[("http://a.test/1", "a=1"), ("http://www.a.test/2", "")]),
        ("http://c.test", &[("http://a.test/1", ""), ("http://c.test/2", "")]),
    ];
    for (origin, hops) in chains {
        for shape in Shape::ALL {
            let mut conversations: Vec<(&str, Vec<usize>)> = Vec::new();
            for (index, (url, _)) in hops.iter().enumerate() {
                let host = url.split('/').nth(2).unwrap();
                match conversations.iter_mut().find(|(name, _)| *name == host) {
                    Some((_, indices)) => indices.push(index),
                    None => conversations.push((host, vec![index])),
                }
            }
            let mut server = script();
            for (_, indices) in conversations {
                server = server.connection(|mut peer| {
                    for index in indices {
                        let (url, sent) = hops[index];
                        let target = format!("/{}", url.rsplit('/').next().unwrap());
                        let line = format!("s{}=1", index + 1);
                        let reply = match hops.get(index + 1) {
                            Some((next, _)) => sending_to(next, &[&line]),
                            None => setting(&[&line]),
                        };
                        peer = asked(peer, &target, sent).reply(reply);
                    }
                    peer.stall()
                });
            }
            let server = server.start();
            let session = visiting(&server);
            for host in ["a", "b", "c"] {
                set(&session, &format!("http://{host}.test/"), host, "1").await;
            }
            let credentials = Some(CredentialsMode::SameOrigin);
            let with = With { credentials, origin: Some(origin), ..With::default() };

            let message = shape.visit(&session, hops[0].0, with).await.unwrap();

            assert_eq!(message.status(), 200, "{shape:?} {origin} {hops:?}");
            let mut expected = vec!["a=1".to_owned(), "b=1".into(), "c=1".into()];
            let has_cookies = |(_, hop): &(usize, &(&str, &str))| !hop.1.is_empty();
            let kept = hops.iter().enumerate().filter(has_cookies);
            expected.extend(kept.map(|(index, _)| format!("s{}=1", index + 1)));
            assert_eq!(cookies(&session).await, expected, "{shape:?} {origin} {hops:?}");
            server.finished();
        }
    }
}

#[tokio::test]
async fn same_origin_without_an_origin_is_electrons_sentence_and_nothing_is_sent() {
    let server = script().start();
    let session = visiting(&server);
    let sentence = "credentials: same-origin requires origin to be set";
    let options = || Options {
        session: Some(session.clone()),
        credentials: Some(CredentialsMode::SameOrigin),
        ..Options::from("http://a.test/")
    };

    for refused in [
        ClientRequest::new(options()).unwrap_err(),
        // Electron looks at the option, not at the fields.
        ClientRequest::new(Options {
            headers: HeaderList::from_iter([Field::new("Origin", "http://a.test")]),
            ..options()
        })
        .unwrap_err(),
        session
            .get("http://a.test/")
            .credentials(CredentialsMode::SameOrigin)
            .send(())
            .await
            .unwrap_err(),
    ] {
        assert_eq!(refused.to_string(), sentence);
        assert_eq!(refused.net_error(), NetError::InvalidArgument);
        assert!(refused.is_builder());
    }
    assert_eq!(server.connections(), 0);
    server.finished();
}

/// Chromium takes a navigation without credentials for a broken caller.
#[tokio::test]
async fn a_navigation_has_credentials_or_is_refused() {
    let server = script().connection(|peer| asked(peer, "/", "a=1").reply(OK)).start();
    let session = visiting(&server);
    set(&session, "http://a.test/", "a", "1").await;
    let fields = &[("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];
    for (credentials, refused) in [
        (CredentialsMode::Omit, true),
        (CredentialsMode::SameOrigin, true),
        (CredentialsMode::Include, false),
    ] {
        let with = With {
            credentials: Some(credentials),
            origin: Some("http://a.test"),
            fields,
            ..With::default()
        };
        let outcome = Shape::Builder.visit(&session, "http://a.test/", with).await;
        match outcome {
            Err(error) => {
                assert!(refused, "{credentials:?}");
                let source = std::error::Error::source(&error).unwrap().to_string();
                let expected = "a navigation carries credentials: its mode has to be include";
                assert_eq!((source.as_str(), error.is_builder()), (expected, true));
            }
            Ok(message) => assert_eq!((message.status(), refused), (200, false)),
        }
    }
    server.finished();
}

#[test]
fn modes_are_read_from_electrons_words() {
    for (word, mode) in [
        ("omit", Ok(CredentialsMode::Omit)),
        ("same-origin", Ok(CredentialsMode::SameOrigin)),
        ("include", Ok(CredentialsMode::Include)),
        ("Include", Err(UnknownCredentialsMode)),
        ("", Err(UnknownCredentialsMode)),
    ] {
        assert_eq!(word.parse(), mode, "{word}");
    }
    let sentence = "credentials should be one of omit, same-origin or include";
    assert_eq!(UnknownCredentialsMode.to_string(), sentence);
}

/// Options `session` and `partition`: the first wins, and a partition is one session everywhere.
#[tokio::test]
async fn a_request_belongs_to_its_session_else_to_its_partition() {
    let name = "credentials-modes-partition";
    let server = script()
        .connection(|peer| asked(peer, "/1", "in=partition").reply(setting(&["more=1"])))
        .connection(|peer| asked(peer, "/2", "in=session").reply(OK))
        .start();
    let rules = leading_to(&server);
    let partition =
        Session::builder().partition(name).host_resolver_rules(&*rules).build().unwrap();
    let session = Session::builder().host_resolver_rules(&*rules).build().unwrap();
    set(&partition, "http://a.test/", "in", "partition").await;
    set(&session, "http://a.test/", "in", "session").await;

    for (target, own) in [("1", None), ("2", Some(session.clone()))] {
        let mut request = ClientRequest::new(Options {
            session: own,
            partition: name.into(),
            use_session_cookies: true,
            ..Options::from(format!("http://a.test/{target}"))
        })
        .unwrap();
        request.end("").await.unwrap();
        assert_eq!(bounded(request.response()).await.unwrap().status(), 200);
    }

    let same = Session::from_partition(name).unwrap();
    assert_eq!(cookies(&same).await, ["in=partition", "more=1"]);
    assert_eq!(cookies(&session).await, ["in=session"]);
    partition.close().await.unwrap();
    server.finished();
}

#[tokio::test]
async fn two_requests_of_one_session_differ_in_their_own_options_only() {
    let server = script()
        .connection(|peer| {
            let peer = asked(peer, "/", "").reply(setting(&["lost=1"]));
            let peer = asked(peer, "/", "").reply(setting(&["kept=1"]));
            let peer = asked(peer, "/", "").reply(OK);
            asked(peer, "/", "kept=1").reply(OK)
        })
        .start();
    let session = visiting(&server);
    for with in [With::default(), With::COOKIES, With::default()] {
        let message = Shape::Builder.visit(&session, "http://a.test/", with).await.unwrap();
        bounded(message.bytes()).await.unwrap();
    }
    visit(&session, "http://a.test/").await;
    server.finished();
}
