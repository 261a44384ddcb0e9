//! Which name is resolved, and that every layer means the same host.

use netreq::{NetError, Session};
use netreq_testserver::{OK, script};

use crate::observe::bounded;

/// A session for which every name but the one given is not found.
fn knows_only(host: &str, port: u16) -> Session {
    let rules = format!("MAP {host}:80 127.0.0.1:{port}, MAP * ~NOTFOUND");
    Session::builder().host_resolver_rules(rules).build().unwrap()
}

#[tokio::test]
async fn nothing_but_the_host_of_a_url_is_ever_looked_up() {
    let server =
        script().connection(|peer| peer.expect_get("/path.test?q=query.test").reply(OK)).start();
    let session = knows_only("only.test", server.address().port());

    let message = bounded(
        session
            .get("http://user.test:secret.test@only.test/path.test?q=query.test#part.test")
            .header("Referer", "http://referrer.test/")
            .header("Origin", "http://origin.test")
            .send(()),
    )
    .await
    .unwrap();

    assert_eq!(message.status(), 200);
    server.finished();
}

#[tokio::test]
async fn a_host_that_is_written_oddly_is_the_same_host_in_every_layer() {
    for (written, host) in [
        ("ONLY.test", "only.test"),
        ("only%2Etest", "only.test"),
        ("only。test", "only.test"),
        ("ｏｎｌｙ.test", "only.test"),
        ("bücher.test", "xn--bcher-kva.test"),
        ("only.test.", "only.test."),
    ] {
        let server = script()
            .connection(|peer| peer.expect_get("/").expect_field("Host", host).reply(OK))
            .start();
        let session = knows_only(host, server.address().port());

        let message = bounded(session.get(format!("http://{written}/")).send(())).await.unwrap();

        assert_eq!(message.url().host_str(), Some(host), "{written}");
        server.finished();
    }
}

#[tokio::test]
async fn an_address_in_any_notation_is_the_address_that_is_shown_and_reached() {
    for written in ["127.1", "0x7f.1", "0177.0.0.1", "2130706433", "127.0.0.1", "127.0.0.1."] {
        let server = script().connection(|peer| peer.expect_get("/").reply(OK)).start();
        let port = server.address().port();

        let url = format!("http://{written}:{port}/");
        let message = bounded(Session::in_memory().get(url).send(())).await.unwrap();

        assert_eq!(message.url().host_str(), Some("127.0.0.1"), "{written}");
        assert_eq!(message.remote_address(), Some(server.address()));
        assert!(server.request_text(0).contains(&format!("Host: 127.0.0.1:{port}\r\n")));
        server.finished();
    }
}

#[tokio::test]
async fn a_host_that_could_be_read_as_two_is_no_url() {
    for written in ["a%2Fb.test", "a%00.test", "a b.test", "a<b.test", "xn--a.test", "1.2.3.256"] {
        let error = bounded(Session::in_memory().get(format!("http://{written}/")).send(()))
            .await
            .unwrap_err();

        assert_eq!(error.net_error(), NetError::InvalidUrl, "{written}");
        assert_eq!(error.to_string(), "Invalid URL");
    }
}
