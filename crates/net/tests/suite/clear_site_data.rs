//! `Clear-Site-Data` of an answer: whose cookies go, and when it counts at all.
//!
//! W3C Clear Site Data; Chromium `ClearSiteDataHandler`.

use netreq::{ChangeCause, CredentialsMode, Session};
use netreq_testserver::{OK, script};

use crate::observe::bounded;
use crate::sites::{asked, cookies, saying, sending_to, set, visiting};

async fn stock(session: &Session) {
    for (url, name) in [
        ("http://a.localhost/", "a"),
        ("http://www.a.localhost/x", "www"),
        ("http://b.localhost/", "b"),
        ("http://a.test/", "test"),
    ] {
        set(session, url, name, "1").await;
    }
}

#[tokio::test]
async fn the_cookies_of_the_registrable_domain_go_and_no_others() {
    use CredentialsMode::{Include, Omit};
    const NOTHING: &[&str] = &["a=1", "b=1", "test=1", "www=1"];
    const SITE: &[&str] = &["b=1", "test=1"];
    for (url, value, mode, left) in [
        ("http://a.localhost/", "\"cookies\"", Some(Include), SITE),
        ("http://www.a.localhost/", "\"cookies\"", Some(Include), SITE),
        ("http://a.localhost/", "\"*\"", Some(Include), SITE),
        ("http://a.localhost/", "\"cache\", \"cookies\", \"x\"", Some(Include), SITE),
        ("http://a.localhost/", "\"cache\", \"storage\"", Some(Include), NOTHING),
        ("http://a.localhost/", "cookies", Some(Include), NOTHING),
        ("http://a.localhost/", "\"Cookies\"", Some(Include), NOTHING),
        // Cookies that are not in use are not its to clear.
        ("http://a.localhost/", "\"cookies\"", None, NOTHING),
        ("http://a.localhost/", "\"cookies\"", Some(Omit), NOTHING),
        // In the clear anybody may have written it.
        ("http://a.test/", "\"cookies\"", Some(Include), NOTHING),
    ] {
        let server = script()
            .connection(|peer| peer.expect_get("/").reply(saying(&[("Clear-Site-Data", value)])))
            .start();
        let session = visiting(&server);
        stock(&session).await;
        let mut changed = session.cookies().changed();
        let mut request = session.get(url);
        if let Some(mode) = mode {
            request = request.credentials(mode);
        }
        assert_eq!(bounded(request.send(())).await.unwrap().status(), 200);

        assert_eq!(cookies(&session).await, left, "{url} {value} {mode:?}");
        let mut told = 0;
        while let Some(change) = changed.try_next() {
            assert_eq!(change.cause, ChangeCause::Explicit);
            told += 1;
        }
        assert_eq!(told, NOTHING.len() - left.len());
        server.finished();
    }
}

/// Chromium takes the head's cookies first and clears when the whole head is in.
#[tokio::test]
async fn what_the_same_answer_sets_goes_too_and_a_redirect_may_ask_for_it() {
    let server = script()
        .connection(|peer| {
            let fields = [
                ("Clear-Site-Data", "\"storage\""),
                ("Set-Cookie", "new=1"),
                ("Clear-Site-Data", "\"cookies\""),
                ("Location", "http://b.localhost/"),
            ];
            let answer = saying(&fields).replace("200 OK", "302 Found");
            asked(asked(peer, "/", "a=1").reply(answer), "/2", "").reply(OK)
        })
        .connection(|peer| {
            asked(peer, "/", "b=1").reply(sending_to("http://a.localhost/2", &["late=1"]))
        })
        .start();
    let session = visiting(&server);
    stock(&session).await;
    let request = session.get("http://a.localhost/").credentials(CredentialsMode::Include);
    assert_eq!(bounded(request.send(())).await.unwrap().status(), 200);
    assert_eq!(cookies(&session).await, ["b=1", "late=1", "test=1"]);
    server.finished();
}
