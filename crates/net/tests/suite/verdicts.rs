//! The owner's word on certificates, and the versions and ciphers of a session: what servers see of
//! a verdict, and what outlives a change of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use netreq::{
    CertificateQuestion, CertificateVerdict, NetError, Phase, Session, SslConfig, TlsVersion,
};
use netreq_testserver::{Authority, Identity, OK, Server, script};

use crate::sites::trusting;
use crate::support::eventually;

/// A session that trusts nobody and gives every question this answer, and how often it was asked.
fn answering(verdict: CertificateVerdict) -> (Session, Arc<AtomicUsize>) {
    let session = Session::builder().platform_roots(false).build().unwrap();
    let asked = ask(&session, verdict);
    (session, asked)
}

fn ask(session: &Session, verdict: CertificateVerdict) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    session.set_certificate_verify_proc(Some(move |_: CertificateQuestion| {
        counter.fetch_add(1, Ordering::Relaxed);
        async move { verdict }
    }));
    asked
}

fn nobody(session: &Session) {
    type Verify = fn(CertificateQuestion) -> std::future::Ready<CertificateVerdict>;
    session.set_certificate_verify_proc(None::<Verify>);
}

#[tokio::test]
async fn the_owner_is_told_the_host_the_chain_and_what_is_wrong_with_it() {
    let (authority, seen) = (Authority::new(), Arc::new(Mutex::new(Vec::new())));
    let identity = authority.through_intermediate();
    let server = Server::builder().tls(&identity).start().unwrap();
    let session = Session::builder().platform_roots(false).build().unwrap();
    let told = Arc::clone(&seen);
    session.set_certificate_verify_proc(Some(move |question: CertificateQuestion| {
        told.lock().unwrap().push(question);
        async { CertificateVerdict::Accept }
    }));

    let message = session.get(server.url("/")).await.unwrap();

    let error = Some(NetError::CertAuthorityInvalid);
    assert_eq!(message.tls().unwrap().certificate_error(), error);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].hostname, "127.0.0.1");
    assert_eq!(seen[0].error, error);
    assert!(!seen[0].is_issued_by_known_root);
    let shown: Vec<&[u8]> = identity.chain().iter().map(AsRef::as_ref).collect();
    assert_eq!(seen[0].certificates, shown);
}

#[tokio::test]
async fn a_server_that_is_rejected_hears_nothing_whoever_vouches_for_it() {
    let authority = Authority::new();
    let server = Server::builder().tls(&authority.identity()).start().unwrap();
    let session = trusting(&authority).build().unwrap();
    let asked = ask(&session, CertificateVerdict::Reject(NetError::Failed));

    for _ in 0..2 {
        let error = session.get(server.url("/")).await.unwrap_err();
        assert_eq!(error.net_error(), NetError::Failed);
        assert_eq!(error.phase(), Some(Phase::Tls));
    }

    assert_eq!(server.requests(), 0);
    assert_eq!(asked.load(Ordering::Relaxed), 1, "an answer holds for the host and its chain");
}

#[tokio::test]
async fn the_engines_own_verdict_holds_where_the_owner_has_none() {
    let authority = Authority::new();
    let server = Server::builder().tls(&authority.identity()).start().unwrap();
    let (session, asked) = answering(CertificateVerdict::Default);

    let error = session.get(server.url("/")).await.unwrap_err();

    assert_eq!(error.to_string(), "net::ERR_CERT_AUTHORITY_INVALID");
    assert_eq!((asked.load(Ordering::Relaxed), server.requests()), (1, 0));
}

#[tokio::test]
async fn a_resumed_session_has_the_verdict_of_its_certificates() {
    for identity in [Identity::self_signed(), Identity::self_signed().only_tls12()] {
        let server = Server::builder().tls(&identity).start().unwrap();
        let (session, asked) = answering(CertificateVerdict::Accept);
        for resumed in [false, true] {
            let message = session.get(server.url("/")).await.unwrap();
            assert_eq!(message.tls().unwrap().is_resumed(), resumed);
            message.bytes().await.unwrap();
            session.close_idle_connections();
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_change_of_the_owners_mind_reaches_connections_and_tickets_from_before() {
    let server = Server::builder().tls(&Identity::self_signed()).start().unwrap();
    let (session, _) = answering(CertificateVerdict::Accept);
    session.get(server.url("/")).await.unwrap().bytes().await.unwrap();
    // In use while the mind changes, and given back after.
    let open = session.get(server.url("/stream/2")).await.unwrap();

    let asked = ask(&session, CertificateVerdict::Reject(NetError::Failed));
    open.bytes().await.unwrap();
    let error = session.get(server.url("/")).await.unwrap_err();
    assert_eq!(error.net_error(), NetError::Failed);
    assert_eq!(asked.load(Ordering::Relaxed), 1);

    nobody(&session);
    let error = session.get(server.url("/")).await.unwrap_err();
    assert_eq!(error.net_error(), NetError::CertAuthorityInvalid);
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_server_accepted_in_spite_of_its_certificate_is_not_remembered_as_secure() {
    let identity = Identity::self_signed();
    let head = "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1000\r\n\
                Content-Length: 0\r\n\r\n";
    let server = script()
        .connection(|peer| peer.start_tls(&identity).expect_get("/").reply(head).ignore_rest())
        .connection(|peer| peer.expect_get("/").reply(OK).ignore_rest())
        .start();
    let session = Session::builder()
        .platform_roots(false)
        .host_resolver_rules("MAP a.test 127.0.0.1")
        .build()
        .unwrap();
    ask(&session, CertificateVerdict::Accept);
    let port = server.address().port();

    session.get(format!("https://a.test:{port}/")).await.unwrap().bytes().await.unwrap();
    let message = session.get(format!("http://a.test:{port}/")).await.unwrap();

    assert_eq!(message.url().scheme(), "http");
    assert!(message.redirected_from().is_empty());
}

#[tokio::test]
async fn versions_and_ciphers_can_be_narrowed_and_connections_from_before_are_not_used() {
    let authority = Authority::new();
    let server = Server::builder().tls(&authority.identity()).start().unwrap();
    let session = trusting(&authority).build().unwrap();
    let spoken = async || {
        let message = session.get(server.url("/")).await.unwrap();
        let tls = message.tls().unwrap();
        let spoken = (tls.protocol().to_owned(), tls.cipher_suite().to_owned());
        message.bytes().await.unwrap();
        spoken
    };
    assert_eq!(spoken().await.0, "TLSv1.3");

    let tls12 = SslConfig { max_version: TlsVersion::Tls12, ..SslConfig::default() };
    session.set_ssl_config(tls12.clone()).unwrap();
    let (version, suite) = spoken().await;
    assert_eq!(version, "TLSv1.2");
    assert_eq!(suite, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");

    let disabled_cipher_suites = vec![0xc02c];
    session.set_ssl_config(SslConfig { disabled_cipher_suites, ..tls12.clone() }).unwrap();
    assert_ne!(spoken().await.1, suite);

    let disabled_cipher_suites = (0..=u16::MAX).collect();
    session.set_ssl_config(SslConfig { disabled_cipher_suites, ..tls12 }).unwrap();
    let error = session.get(server.url("/")).await.unwrap_err();
    assert_eq!(error.to_string(), "net::ERR_SSL_VERSION_OR_CIPHER_MISMATCH");

    session.set_ssl_config(SslConfig::default()).unwrap();
    assert_eq!(spoken().await.0, "TLSv1.3");
    let (min_version, max_version) = (TlsVersion::Tls13, TlsVersion::Tls12);
    let upside_down = SslConfig { min_version, max_version, ..SslConfig::default() };
    assert_eq!(
        session.set_ssl_config(upside_down).unwrap_err().net_error(),
        NetError::InvalidArgument
    );
}

#[tokio::test]
async fn a_name_is_resolved_as_a_connection_would() {
    let rules = "MAP a.test 192.0.2.1, MAP b.test ~NOTFOUND";
    let session = Session::builder().host_resolver_rules(rules).build().unwrap();
    for (host, expected) in [
        ("a.test", Ok("192.0.2.1")),
        ("[2001:db8::1]", Ok("2001:db8::1")),
        ("192.0.2.7", Ok("192.0.2.7")),
        ("localhost", Ok("::1")),
        ("b.test", Err(NetError::NameNotResolved)),
    ] {
        let found = session.resolve_host(host).await;
        let first = found.map(|found| found[0].to_string()).map_err(|error| error.net_error());
        assert_eq!(first, expected.map(str::to_owned), "{host}");
    }
}

#[tokio::test]
async fn a_dial_from_before_a_change_serves_no_request_from_after_it() {
    let authority = Authority::new();
    let server = Server::builder().tls(&authority.identity()).start().unwrap();
    let session = Session::builder().platform_roots(false).build().unwrap();
    let (asked, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Notify::new()));
    let (counter, gate) = (Arc::clone(&asked), Arc::clone(&answer));
    session.set_certificate_verify_proc(Some(move |_: CertificateQuestion| {
        counter.fetch_add(1, Ordering::Relaxed);
        let gate = Arc::clone(&gate);
        async move {
            gate.notified().await;
            CertificateVerdict::Accept
        }
    }));
    session.preconnect(server.url("/"), 1).unwrap();
    eventually("the owner is asked", || asked.load(Ordering::Relaxed) == 1).await;

    ask(&session, CertificateVerdict::Reject(NetError::Failed));
    let (request, ()) = tokio::join!(session.get(server.url("/")).send(()), async {
        eventually("the request waits for the dial", || session.connections().waiting == 1).await;
        answer.notify_one();
    });

    let error = request.unwrap_err();
    assert_eq!(error.net_error(), NetError::Failed);
    assert_eq!(server.requests(), 0);
}
