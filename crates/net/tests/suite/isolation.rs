//! Two partitions share nothing: no cookie, no connection, no TLS ticket, no HSTS entry.
//!
//! Both ask one server, whose record is what counts. Everything that one session shares between its
//! requests is looked at here once more between two.

use std::path::Path;

use netreq::{CredentialsMode, Session, SessionBuilder};
use netreq_testserver::{Authority, OK, Server, script};

use crate::observe::bounded;
use crate::sites::{
    asked, cookies, leading_to, leading_to_both, saying, set, setting, trusting, visit,
};
use crate::support::{Folder, counted};

/// Two sessions of every pair of kinds: in memory without and with a name, and on disk.
fn pairs(folder: &Path, tag: &str, make: impl Fn() -> SessionBuilder) -> Vec<[Session; 2]> {
    let named = |name: &str| make().data_dir(folder).partition(name).build().unwrap();
    vec![
        [make().build().unwrap(), make().build().unwrap()],
        [named(&format!("{tag}-1")), named(&format!("{tag}-2"))],
        [named(&format!("persist:{tag}-1")), named(&format!("persist:{tag}-2"))],
        [named(tag), named(&format!("persist:{tag}"))],
        [make().path(folder.join("a")).build().unwrap(), make().build().unwrap()],
    ]
}

async fn closed(sessions: [Session; 2]) {
    for session in sessions {
        session.close().await.unwrap();
    }
}

#[tokio::test]
async fn no_cookie_of_one_partition_is_sent_in_another() {
    let folder = Folder::new();
    let server = script();
    let server = (0..5).fold(server, |server, _| {
        server
            .connection(|peer| {
                let peer = asked(peer, "/", "").reply(setting(&["first=1; Max-Age=60"]));
                asked(peer, "/", "first=1; api=1").reply(OK)
            })
            .connection(|peer| {
                let peer = asked(peer, "/", "").reply(setting(&["second=2"]));
                asked(peer, "/", "second=2").reply(OK)
            })
    });
    let server = server.start();
    let make = || Session::builder().host_resolver_rules(leading_to(&server));
    for [first, second] in pairs(folder.path(), "isolation-cookies", make) {
        let mut changed = second.cookies().changed();
        let mut excluded = second.cookies().exclusions();
        visit(&first, "http://a.test/").await;
        set(&first, "http://a.test/", "api", "1").await;
        visit(&second, "http://a.test/").await;
        let told = changed.try_next().unwrap();
        assert_eq!(told.cookie.pair(), b"second=2");
        assert_eq!((changed.try_next(), excluded.try_next()), (None, None));
        assert_eq!(cookies(&second).await, ["second=2"]);
        assert_eq!(cookies(&first).await, ["api=1", "first=1"]);
        let url = "http://a.test/";
        visit(&first, url).await;
        visit(&second, url).await;
        closed([first, second]).await;
    }
    server.finished();
}

#[tokio::test]
async fn no_connection_and_no_ticket_of_one_partition_serves_another() {
    let folder = Folder::new();
    let authority = Authority::new();
    for identity in [authority.identity(), authority.identity().only_tls12()] {
        let server = Server::builder().tls(&identity).start().unwrap();
        let make = || trusting(&authority);
        let mut connections = 0;
        for [first, second] in pairs(folder.path(), "isolation-connections", make) {
            for (session, is_known) in
                [(&first, false), (&second, false), (&first, true), (&second, true)]
            {
                let request = session.get(server.url("/bytes/3"));
                let message = bounded(request.send(())).await.unwrap();
                let is_resumed = message.tls().unwrap().is_resumed();
                assert!(!is_resumed, "nobody has closed a connection yet");
                assert_eq!(message.is_connection_reused(), is_known, "each has its own");
                connections += u64::from(!is_known);
                assert_eq!(bounded(message.bytes()).await.unwrap().len(), 3);
                assert_eq!(server.connections(), connections);
                counted(session, [0, 0, 1, 0]).await;
            }
            // Each session's own ticket serves it again.
            first.close_all_connections();
            let again = bounded(first.get(server.url("/bytes/3")).send(())).await.unwrap();
            assert!(again.tls().unwrap().is_resumed());
            connections += 1;
            bounded(again.bytes()).await.unwrap();
            closed([first, second]).await;
        }
    }
}

/// The first session shakes hands and keeps a ticket; the second one has none to show.
#[tokio::test]
async fn a_ticket_is_not_shown_for_another_partition() {
    let authority = Authority::new();
    let server = Server::builder().tls(&authority.identity()).start().unwrap();
    let make = || trusting(&authority).idle_timeout(std::time::Duration::ZERO).build().unwrap();
    let (first, second) = (make(), make());
    for (session, resumed) in
        [(&first, false), (&first, true), (&second, false), (&second, true), (&first, true)]
    {
        let message = bounded(session.get(server.url("/bytes/3")).send(())).await.unwrap();
        assert_eq!(message.tls().unwrap().is_resumed(), resumed);
        bounded(message.bytes()).await.unwrap();
    }
    assert_eq!(server.connections(), 5, "every handshake was seen");
}

#[tokio::test]
async fn what_a_host_said_to_one_partition_is_not_known_in_another() {
    let folder = Folder::new();
    let authority = Authority::new();
    let identity = authority.identity_for(&["a.test"]);
    let (mut plain, mut secure) = (script(), script().tls(&identity));
    for _ in 0..5 {
        plain = plain.connection(|peer| peer.expect_get("/second").reply(OK));
        secure = secure.connection(|peer| {
            let fields = [("Strict-Transport-Security", "max-age=100")];
            peer.expect_get("/").reply(saying(&fields)).expect_get("/first").reply(OK)
        });
    }
    let (plain, secure) = (plain.start(), secure.start());
    let make = || trusting(&authority).host_resolver_rules(leading_to_both(&plain, &secure));
    for [first, second] in pairs(folder.path(), "isolation-hsts", make) {
        visit(&first, "https://a.test/").await;
        visit(&second, "http://a.test/second").await;
        visit(&first, "http://a.test/first").await;
        closed([first, second]).await;
    }
    plain.finished();
    secure.finished();
}

/// What the caller gives one request is of no use to the next one, in any session.
#[tokio::test]
async fn a_requests_own_credentials_are_not_kept() {
    let server = script()
        .connection(|peer| {
            let peer = peer.expect_get("/1").expect_field("authorization", "Basic c2VjcmV0");
            let peer = peer.expect_field("cookie", "own=1").reply(OK);
            let peer = peer.expect_get("/2").expect_no_field("authorization");
            peer.expect_no_field("cookie").reply(OK)
        })
        .connection(|peer| {
            peer.expect_get("/3")
                .expect_no_field("authorization")
                .expect_no_field("cookie")
                .reply(OK)
        })
        .start();
    let make = || Session::builder().host_resolver_rules(leading_to(&server)).build().unwrap();
    let (first, second) = (make(), make());
    let request = first
        .get("http://a.test/1")
        .credentials(CredentialsMode::Include)
        .header("Authorization", "Basic c2VjcmV0")
        .header("Cookie", "own=1");
    bounded(bounded(request.send(())).await.unwrap().bytes()).await.unwrap();
    visit(&first, "http://a.test/2").await;
    visit(&second, "http://a.test/3").await;
    server.finished();
}

#[tokio::test]
async fn two_handles_of_one_partition_share_everything() {
    let name = "isolation-shared";
    let server = script()
        .connection(|peer| {
            let peer = asked(peer, "/", "").reply(setting(&["a=1"]));
            asked(peer, "/", "a=1").reply(OK)
        })
        .start();
    let made = Session::builder();
    let made = made.partition(name).host_resolver_rules(leading_to(&server)).build().unwrap();
    visit(&made, "http://a.test/").await;
    visit(&Session::from_partition(name).unwrap(), "http://a.test/").await;
    counted(&made, [0, 0, 1, 0]).await;
    made.close().await.unwrap();
    server.finished();
}
