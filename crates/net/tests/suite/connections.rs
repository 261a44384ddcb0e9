//! Connections made before a request needs them, and all of them closed at once.
//!
//! Electron `session.preconnect` and `session.closeAllConnections`; Chromium
//! `ClientSocketPool::RequestSockets`, `HttpNetworkSession::CloseAllConnections`.

use netreq::{Body, Bytes, Error, Method, NetError, Phase, RedirectMode, Session};
use netreq_testserver::{Authority, Gate, OK, Peer, Server, script};
use tokio::task::JoinSet;

use crate::events::{begun, request, response, told};
use crate::observe::bounded;
use crate::sites::{trusting, visit};
use crate::support::{counted, eventually};

#[tokio::test]
async fn a_preconnection_is_there_before_its_request() {
    let server = Server::start();
    let session = Session::in_memory();
    let url = server.url("/bytes/3");

    session.preconnect(&*url, 2).unwrap();
    counted(&session, [0, 0, 2, 0]).await;
    eventually("the server has both", || server.connections() == 2).await;
    assert_eq!(server.requests(), 0, "nothing is sent on them");

    // Those at hand count, whatever they do.
    session.preconnect(&*url, 1).unwrap();
    session.preconnect(&*url, 2).unwrap();
    let first = session.get(&*url).send(()).await.unwrap();
    assert!(!first.is_connection_reused(), "it has served nobody before");
    session.preconnect(&*url, 3).unwrap();
    counted(&session, [1, 0, 2, 0]).await;
    assert_eq!(first.bytes().await.unwrap().len(), 3);
    counted(&session, [0, 0, 3, 0]).await;
    eventually("the server has three", || server.connections() == 3).await;
}

#[tokio::test]
async fn a_preconnection_over_tls_has_shaken_hands() {
    let authority = Authority::new();
    let server = Server::builder().tls(&authority.identity()).start().unwrap();
    let session = trusting(&authority).build().unwrap();
    session.preconnect(server.url("/"), 1).unwrap();
    counted(&session, [0, 0, 1, 0]).await;
    let message = session.get(server.url("/bytes/3")).send(()).await.unwrap();
    assert_eq!((message.status(), server.connections()), (200, 1));
    assert!(message.timing().tls.is_none(), "this request did not wait for it");
}

#[tokio::test]
async fn preconnections_keep_to_the_limits_and_evict_nobody() {
    let server = Server::start();
    let session = Session::builder().max_sockets_per_host(2).max_sockets(3).build().unwrap();
    session.preconnect(server.url("/"), 6).unwrap();
    counted(&session, [0, 0, 2, 0]).await;
    let other = server.url("/").replace("127.0.0.1", "localhost");
    session.preconnect(&*other, 2).unwrap();
    counted(&session, [0, 0, 3, 0]).await;
    session.preconnect(server.url("/"), 6).unwrap();
    counted(&session, [0, 0, 3, 0]).await;
}

#[tokio::test]
async fn what_cannot_be_connected_to_is_silent() {
    // A port on which nobody listens any more.
    let gone = Server::start().url("/");
    let session = Session::builder().host_resolver_rules("MAP a.test ~NOTFOUND").build().unwrap();
    for url in [&*gone, "http://a.test/"] {
        session.preconnect(url, 2).unwrap();
        counted(&session, [0, 0, 0, 0]).await;
    }
}

#[tokio::test]
async fn a_wrong_argument_of_preconnect_is_refused_in_electrons_words() {
    let server = Server::start();
    let session = Session::in_memory();
    let range = "numSocketsToPreconnect is outside range [1,6]";
    for (url, sockets, sentence) in [
        (&*server.url("/"), 0, range),
        (&*server.url("/"), 7, range),
        (&*server.url("/"), usize::MAX, range),
        ("", 1, "Invalid URL"),
        ("/x", 1, "Invalid URL"),
        ("ftp://a.test/", 1, "ClientRequest only supports http: and https: protocols"),
    ] {
        let error = session.preconnect(url, sockets).unwrap_err();
        assert_eq!(error.to_string(), sentence, "{url} {sockets}");
        assert!(error.is_builder());
    }
    counted(&session, [0, 0, 0, 0]).await;
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_preconnection_needs_a_runtime() {
    let session = Session::in_memory();
    let error = session.preconnect("http://a.test/", 1).unwrap_err();
    assert_eq!(error.net_error(), NetError::Unexpected);
    assert!(error.is_builder());
}

#[tokio::test]
async fn after_a_session_is_closed_nothing_is_connected_ahead() {
    let server = Server::start();
    let session = Session::in_memory();
    session.preconnect(server.url("/"), 1).unwrap();
    counted(&session, [0, 0, 1, 0]).await;
    session.close().await.unwrap();
    counted(&session, [0, 0, 0, 0]).await;
    session.preconnect(server.url("/"), 1).unwrap();
    counted(&session, [0, 0, 0, 0]).await;
}

fn assert_aborted(error: &Error, phase: Phase) {
    assert_eq!(error.to_string(), "net::ERR_ABORTED");
    assert_eq!((error.net_error(), error.phase()), (NetError::Aborted, Some(phase)), "{error:?}");
    assert!(error.is_abort() && !error.is_builder());
}

#[tokio::test]
async fn closing_all_connections_ends_who_waits_for_one_and_who_waits_for_an_answer() {
    let asked = Gate::new();
    let server = script()
        .connection(|peer| peer.expect_get("/1").open(&asked).expect_eof())
        .connection(|peer| peer.expect_get("/3").reply(OK))
        .start();
    let session = Session::builder().max_sockets_per_host(1).build().unwrap();
    let mut requests = JoinSet::new();
    for (target, phase) in [("/1", Phase::Wait), ("/2", Phase::Connect)] {
        let request = session.get(server.url(target));
        requests.spawn(async move { (request.send(()).await, phase) });
        if target == "/1" {
            bounded(asked.opened()).await;
        }
    }
    counted(&session, [1, 0, 0, 1]).await;

    session.close_all_connections();

    while let Some(ended) = bounded(requests.join_next()).await {
        let (outcome, phase) = ended.unwrap();
        assert_aborted(&outcome.unwrap_err(), phase);
    }
    counted(&session, [0, 0, 0, 0]).await;
    visit(&session, &server.url("/3")).await;
    server.finished();
}

/// A dial under way is given up at once: whoever comes after does not stand behind it.
#[tokio::test]
async fn closing_all_connections_ends_a_dial_and_the_next_request_has_its_own() {
    let authority = Authority::new();
    let identity = authority.identity();
    let dialled = Gate::new();
    let server = script()
        // The beginning of a handshake that is never answered.
        .connection(|peer| peer.read_body(5).open(&dialled).ignore_rest())
        .connection(|peer| peer.start_tls(&identity).expect_get("/2").reply(OK))
        .start();
    let session = trusting(&authority).build().unwrap();
    let url = server.url("/").replace("http:", "https:");
    let mut requests = JoinSet::new();
    let first = session.get(&*url);
    requests.spawn(first.send(()));
    bounded(dialled.opened()).await;
    counted(&session, [0, 1, 0, 1]).await;

    session.close_all_connections();
    // Sent before the dial has had a moment to notice.
    let next = session.get(format!("{url}2")).send(());

    assert_eq!(bounded(next).await.unwrap().status(), 200);
    let error = bounded(requests.join_next()).await.unwrap().unwrap().unwrap_err();
    assert_aborted(&error, Phase::Connect);
    counted(&session, [0, 0, 1, 0]).await;
    session.close().await.unwrap();
    server.finished();
}

/// A kept-alive connection that is closed under a request earns it a second one; this does not.
#[tokio::test]
async fn a_request_cut_off_is_not_sent_again() {
    for method in [Method::GET, Method::POST] {
        for warms_up in [false, true] {
            let asked = Gate::new();
            let server = script()
                .connection(|mut peer| {
                    if warms_up {
                        peer = peer.expect_get("/warm").reply(OK);
                    }
                    let peer = peer.expect_request(method.as_str(), "/1");
                    let peer =
                        if method == Method::POST { peer.expect_bytes("body") } else { peer };
                    peer.open(&asked).expect_eof()
                })
                .connection(|peer| peer.expect_get("/2").reply(OK))
                .start();
            let session = Session::in_memory();
            if warms_up {
                visit(&session, &server.url("/warm")).await;
            }
            let sent = session.request(method.clone(), server.url("/1"));
            let body = if method == Method::POST { Body::from("body") } else { Body::empty() };
            let mut requests = JoinSet::new();
            requests.spawn(sent.send(body));
            bounded(asked.opened()).await;

            session.close_all_connections();

            let error = bounded(requests.join_next()).await.unwrap().unwrap().unwrap_err();
            assert_aborted(&error, Phase::Wait);
            counted(&session, [0, 0, 0, 0]).await;
            visit(&session, &server.url("/2")).await;
            server.finished();
        }
    }
}

#[tokio::test]
async fn closing_all_connections_breaks_a_body_off() {
    for reads_meanwhile in [false, true] {
        let server = script()
            .connection(|peer| {
                let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
                peer.expect_get("/1").send(head).expect_eof()
            })
            .connection(|peer| peer.expect_get("/2").reply(OK))
            .start();
        let session = Session::in_memory();
        let mut message = session.get(server.url("/1")).send(()).await.unwrap();
        assert_eq!(bounded(message.chunk()).await.unwrap().unwrap(), "hello");
        let mut reading = JoinSet::new();
        let error = if reads_meanwhile {
            let waits = Gate::new();
            let waiting = waits.clone();
            reading.spawn(async move {
                waiting.open();
                message.chunk().await
            });
            bounded(waits.opened()).await;
            session.close_all_connections();
            bounded(reading.join_next()).await.unwrap().unwrap().unwrap_err()
        } else {
            session.close_all_connections();
            let error = bounded(message.chunk()).await.unwrap_err();
            drop(message);
            error
        };
        assert_aborted(&error, Phase::Receive);
        counted(&session, [0, 0, 0, 0]).await;
        visit(&session, &server.url("/2")).await;
        server.finished();
    }
}

/// A chunked upload that its caller still writes: it ends with an error, and no write hangs.
#[tokio::test]
async fn closing_all_connections_ends_an_upload() {
    let started = Gate::new();
    let server = script()
        .connection(|peer| {
            let peer = peer.expect_request("POST", "/").expect_bytes("5\r\nhello");
            peer.open(&started).expect_eof()
        })
        .connection(|peer| peer.expect_get("/2").reply(OK))
        .start();
    let session = Session::in_memory();
    let (mut request, mut events) = begun(&session, &server).await;
    bounded(started.opened()).await;

    session.close_all_connections();

    bounded(async {
        // Whatever is written now goes nowhere, and does not wait either.
        for _ in 0..100 {
            request.write(vec![b'x'; 10_000]).await.unwrap();
        }
        request.end("").await.unwrap();
    })
    .await;
    let told = told(&mut events).await;
    let told: Vec<_> = told.iter().filter(|event| *event != "finish").collect();
    assert_eq!(told, ["error net::ERR_ABORTED", "close"]);
    counted(&session, [0, 0, 0, 0]).await;
    visit(&session, &server.url("/2")).await;
    server.finished();
}

/// An upload that the server no longer reads stands in a write.
#[tokio::test]
async fn closing_all_connections_ends_an_upload_that_is_held_up() {
    let server =
        script().connection(|peer| peer.expect_request("POST", "/").stop_reading()).start();
    let session = Session::in_memory();
    let body = Body::from(vec![b'x'; 64 << 20]);
    let mut requests = JoinSet::new();
    requests.spawn(session.post(server.url("/")).send(body));
    eventually("the head is there", || !server.requests().is_empty()).await;

    session.close_all_connections();

    let error = bounded(requests.join_next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.net_error(), NetError::Aborted, "{error:?}");
    counted(&session, [0, 0, 0, 0]).await;
    server.finished();
}

/// The contract's events, in every phase behind the head too.
#[tokio::test]
async fn a_contract_request_cut_off_is_told_an_error_and_its_end() {
    for answers in [false, true] {
        let asked = Gate::new();
        let say = |peer: Peer| {
            let peer = peer.expect_request("POST", "/").open(&asked);
            let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
            if answers { peer.send(half).expect_eof() } else { peer.expect_eof() }
        };
        let server = script().connection(say).start();
        let session = Session::in_memory();
        let (mut request, mut events) = request(&session, server.url("/"), RedirectMode::Follow);
        request.end("").await.unwrap();
        bounded(asked.opened()).await;
        let expected: &[&str] = if answers {
            let mut message = response(&mut events).await;
            assert_eq!(bounded(message.chunk()).await.unwrap(), Some(Bytes::from_static(b"hello")));
            session.close_all_connections();
            assert_aborted(&bounded(message.chunk()).await.unwrap_err(), Phase::Receive);
            &["error net::ERR_ABORTED", "close"]
        } else {
            session.close_all_connections();
            &["finish", "error net::ERR_ABORTED", "close"]
        };
        assert_eq!(told(&mut events).await, expected, "{answers}");
        counted(&session, [0, 0, 0, 0]).await;
        server.finished();
    }
}

#[tokio::test]
async fn idle_connections_and_preconnections_are_closed_too_and_other_sessions_are_not() {
    let server = Server::start();
    let (session, other) = (Session::in_memory(), Session::in_memory());
    for session in [&session, &other] {
        visit(session, &server.url("/bytes/3")).await;
    }
    session.preconnect(server.url("/"), 3).unwrap();
    session.close_all_connections();
    session.close_all_connections();
    counted(&session, [0, 0, 0, 0]).await;
    counted(&other, [0, 0, 1, 0]).await;
    visit(&session, &server.url("/bytes/3")).await;
    counted(&session, [0, 0, 1, 0]).await;
}

#[tokio::test]
async fn a_forgotten_address_is_looked_up_again() {
    let server = Server::start();
    let url = server.url("/bytes/3").replace("127.0.0.1", "localhost");
    let session = Session::builder().idle_timeout(std::time::Duration::ZERO).build().unwrap();
    visit(&session, &url).await;
    session.clear_host_resolver_cache();
    visit(&session, &url).await;
    assert_eq!(server.requests(), 2);
}
