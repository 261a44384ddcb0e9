//! Forgetting by kind and by site, and what is written where it cannot be.
//!
//! Electron `session.clearData`; Chromium clears cookies by registrable domain.

use netreq::{ClearData, DataType, NetError, Origin, Session};
use netreq_testserver::{Authority, OK, Server, script};

use crate::sites::{cookies, leading_to_both, saying, set, trusting, visit};
use crate::support::{Folder, counted};

fn origins(texts: &[&str]) -> Vec<Origin> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

async fn stock(session: &Session) {
    for (url, name) in [
        ("http://a.test/", "a"),
        ("https://www.a.test/", "www"),
        ("http://b.test/", "b"),
        ("http://127.0.0.1/", "ip"),
        ("http://x.co.uk/", "uk"),
        ("http://y.co.uk/", "yuk"),
    ] {
        set(session, url, name, "1").await;
    }
}

#[tokio::test]
async fn cookies_go_by_the_site_of_an_origin() {
    const ALL: &[&str] = &["a=1", "b=1", "ip=1", "uk=1", "www=1", "yuk=1"];
    for (meant, spared, left) in [
        (&[][..], &[][..], &[][..]),
        (&["http://a.test"], &[], &["b=1", "ip=1", "uk=1", "yuk=1"]),
        (&["https://deep.www.a.test:8443"], &[], &["b=1", "ip=1", "uk=1", "yuk=1"]),
        (&["http://x.co.uk", "http://127.0.0.1:8080"], &[], &["a=1", "b=1", "www=1", "yuk=1"]),
        (&["http://c.test"], &[], ALL),
        // Nobody's data belong to nobody.
        (&["null"], &[], ALL),
        (&[], &["http://a.test"], &["a=1", "www=1"]),
        (&[], &["http://b.test", "http://y.co.uk"], &["b=1", "yuk=1"]),
    ] {
        let session = Session::in_memory();
        stock(&session).await;
        let what = ClearData {
            origins: origins(meant),
            exclude_origins: origins(spared),
            ..ClearData::default()
        };
        session.clear_data(what).await.unwrap();
        assert_eq!(cookies(&session).await, left, "{meant:?} {spared:?}");
    }
}

#[tokio::test]
async fn only_the_kinds_that_are_named_go() {
    use DataType::{Cookies, Hsts};
    let authority = Authority::new();
    let identity = authority.identity_for(&["a.test", "b.test"]);
    for (kinds, origin, cookies_left, upgrades) in [
        (vec![], None, &[][..], [false, false]),
        (vec![Cookies], None, &[], [true, true]),
        (vec![Hsts], None, &["a=1", "b=1"], [false, false]),
        (vec![Cookies, Hsts], None, &[], [false, false]),
        (vec![Hsts], Some("http://x.a.test"), &["a=1", "b=1"], [false, true]),
        (vec![], Some("http://b.test"), &["a=1"], [true, false]),
    ] {
        let (mut plain, mut secure) = (script(), script().tls(&identity));
        for _ in 0..2 {
            let field = [("Strict-Transport-Security", "max-age=100")];
            secure =
                secure.connection(|peer| peer.expect_get("/").reply(saying(&field)).expect_eof());
        }
        for is_secure in upgrades {
            match is_secure {
                true => secure = secure.connection(|peer| peer.expect_get("/2").reply(OK)),
                false => plain = plain.connection(|peer| peer.expect_get("/2").reply(OK)),
            }
        }
        let (plain, secure) = (plain.start(), secure.start());
        let rules = leading_to_both(&plain, &secure);
        let session = trusting(&authority).host_resolver_rules(rules).build().unwrap();
        for (host, name) in [("a.test", "a"), ("b.test", "b")] {
            visit(&session, &format!("https://{host}/")).await;
            set(&session, &format!("http://{host}/"), name, "1").await;
        }
        let what = ClearData {
            data_types: kinds.clone(),
            origins: origins(origin.as_slice()),
            ..ClearData::default()
        };
        session.clear_data(what).await.unwrap();
        assert_eq!(cookies(&session).await, cookies_left, "{kinds:?} {origin:?}");
        session.close_idle_connections();
        for host in ["a.test", "b.test"] {
            visit(&session, &format!("http://{host}/2")).await;
        }
        plain.finished();
        secure.finished();
    }
}

#[tokio::test]
async fn sites_are_named_in_one_way_or_nothing_is_forgotten() {
    let session = Session::in_memory();
    stock(&session).await;
    let what = ClearData {
        origins: origins(&["http://a.test"]),
        exclude_origins: origins(&["http://b.test"]),
        ..ClearData::default()
    };
    let error = session.clear_data(what).await.unwrap_err();
    assert_eq!(error.net_error(), NetError::InvalidArgument);
    assert!(error.is_builder());
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "origins to forget and origins to spare cannot both be named");
    assert_eq!(cookies(&session).await.len(), 6);
}

/// A server that knows a connection would know its user again.
#[tokio::test]
async fn idle_connections_close_with_the_cookies_unless_they_are_to_stay() {
    let server = Server::start();
    for (data_types, avoid_closing_connections, idle) in [
        (vec![], false, 0),
        (vec![DataType::Cookies], false, 0),
        (vec![DataType::Hsts], false, 1),
        (vec![], true, 1),
    ] {
        let session = Session::in_memory();
        visit(&session, &server.url("/bytes/3")).await;
        counted(&session, [0, 0, 1, 0]).await;
        let what = ClearData { data_types, avoid_closing_connections, ..ClearData::default() };
        session.clear_data(what).await.unwrap();
        counted(&session, [0, 0, idle, 0]).await;
    }
}

#[tokio::test]
async fn what_is_forgotten_is_gone_from_the_disk_when_the_call_returns() {
    let folder = Folder::new();
    let session = Session::builder().path(folder.path()).persist_session_cookies(true).build();
    let session = session.unwrap();
    stock(&session).await;
    session.flush().await.unwrap();
    let what = ClearData { origins: origins(&["http://a.test"]), ..ClearData::default() };
    session.clear_data(what).await.unwrap();

    // As another process would find it.
    let copy = Folder::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let builder = Session::builder().path(copy.path()).persist_session_cookies(true);
    let copied = builder.build().unwrap();
    assert_eq!(cookies(&copied).await, ["b=1", "ip=1", "uk=1", "yuk=1"]);
    copied.close().await.unwrap();
    session.close().await.unwrap();
}
