//! TLS over real sockets: whom a session trusts, what a refusal is called, and how a handshake or
//! an encrypted body may end.
//!
//! Errors have Chromium's names. The rules for single certificates are tested beside the verifier;
//! here is what a server that shows them sees, and what a request reports.

use std::time::Duration;

use netreq::{Error, IncomingMessage, NetError, Phase, Session, SessionBuilder, Timeouts};
use netreq_testserver::{Authority, Identity, OK, Server, answer, script};

use crate::sites::trusting;
use crate::support::{Folder, in_its_own_process};

/// What a session that trusts `authority` finds wrong with `identity` when it asks for `host`.
async fn refusal(authority: &Authority, host: &str, identity: &Identity) -> NetError {
    let server = script().connection(|peer| peer.expect_tls_refusal(identity)).start();
    let rules = format!("MAP * {}", server.address().ip());
    let session = trusting(authority).host_resolver_rules(rules).build().unwrap();

    let url = format!("https://{host}:{}/", server.address().port());
    let error = session.get(&*url).send(()).await.unwrap_err();

    assert_eq!(error.phase(), Some(Phase::Tls), "{error:?}");
    assert!(error.is_connect());
    assert_eq!(session.connections(), Session::in_memory().connections(), "nothing is kept");
    server.finished();
    error.net_error()
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_has_chromiums_name_and_nothing_is_sent() {
    let authority = Authority::new();
    for (what, identity, expected) in [
        ("expired", authority.expired(), NetError::CertDateInvalid),
        ("not yet valid", authority.not_yet_valid(), NetError::CertDateInvalid),
        ("wrong name", authority.wrong_name(), NetError::CertCommonNameInvalid),
        ("common name only", authority.common_name_only(), NetError::CertCommonNameInvalid),
        ("no intermediate", authority.missing_intermediate(), NetError::CertAuthorityInvalid),
        ("self-signed", Identity::self_signed(), NetError::CertAuthorityInvalid),
        ("a stranger's", Authority::new().identity(), NetError::CertAuthorityInvalid),
    ] {
        assert_eq!(refusal(&authority, "localhost", &identity).await, expected, "{what}");
    }
}

#[tokio::test]
async fn of_several_faults_the_gravest_is_named_authority_then_name_then_date() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (what, host, identity, expected) in [
        ("authority and name", "a.test", stranger.identity(), NetError::CertAuthorityInvalid),
        ("authority and date", "localhost", stranger.expired(), NetError::CertAuthorityInvalid),
        ("all three", "a.test", stranger.not_yet_valid(), NetError::CertAuthorityInvalid),
        ("name and date", "a.test", authority.expired(), NetError::CertCommonNameInvalid),
        ("name and early", "a.test", authority.not_yet_valid(), NetError::CertCommonNameInvalid),
    ] {
        assert_eq!(refusal(&authority, host, &identity).await, expected, "{what}");
    }
}

/// A wildcard stands for one whole label, and an address is no name (RFC 9525 §6.3 and §6.4).
#[tokio::test]
async fn a_name_is_only_what_the_certificate_spells_out() {
    let authority = Authority::new();
    for (named, host) in [
        ("a.test", "b.test"),
        ("a.test", "nota.test"),
        ("a.test", "a.test.evil.test"),
        ("*.a.test", "a.test"),
        ("*.a.test", "b.c.a.test"),
        ("*.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.2"),
        ("127.0.0.1", "localhost"),
    ] {
        let identity = authority.identity_for(&[named]);
        let error = refusal(&authority, host, &identity).await;
        assert_eq!(error, NetError::CertCommonNameInvalid, "{named} is not {host}");
    }
}

#[tokio::test]
async fn a_session_trusts_extra_roots_and_whole_chains() {
    let authority = Authority::new();
    for (host, identity) in [
        ("localhost", authority.identity()),
        ("127.0.0.1", authority.identity()),
        ("localhost", authority.through_intermediate()),
        ("b.a.test", authority.identity_for(&["*.a.test"])),
    ] {
        let server = script()
            .tls(&identity)
            .connection(|peer| peer.expect_get("/").reply(OK).expect_eof())
            .start();
        let rules = "MAP *.test 127.0.0.1";
        let session = trusting(&authority).host_resolver_rules(rules).build().unwrap();

        let message = session.get(server.url_for(host, "/")).send(()).await.unwrap();
        let tls = message.tls().expect("the connection is encrypted");
        assert_eq!(tls.peer_certificates().len(), identity.chain().len(), "{host}");
        assert_eq!(tls.peer_certificates()[0], identity.chain()[0].as_ref());
        assert_eq!(message.bytes().await.unwrap(), "ok");

        drop(session);
        server.finished();
    }
}

#[tokio::test]
async fn a_root_belongs_to_the_session_that_was_given_it() {
    let authority = Authority::new();
    let identity = authority.identity();
    let server = script()
        .connection(|peer| peer.start_tls(&identity).expect_get("/").reply(OK).expect_eof())
        .connection(|peer| peer.expect_tls_refusal(&identity))
        .start();
    let url = format!("https://{}/", server.address());

    let knowing = trusting(&authority).build().unwrap();
    knowing.get(&*url).send(()).await.unwrap().bytes().await.unwrap();
    let error = Session::in_memory().get(&*url).send(()).await.unwrap_err();

    assert_eq!(error.to_string(), "net::ERR_CERT_AUTHORITY_INVALID");
    drop(knowing);
    server.finished();
}

#[tokio::test]
async fn the_danger_switch_accepts_whatever_is_shown() {
    let authority = Authority::new();
    let session = Session::builder()
        .platform_roots(false)
        .danger_accept_invalid_certificates(true)
        .build()
        .unwrap();
    for identity in [
        Identity::self_signed(),
        authority.expired(),
        authority.wrong_name(),
        authority.common_name_only(),
        authority.missing_intermediate(),
        authority.identity().only_tls12(),
    ] {
        let server = script()
            .tls(&identity)
            .connection(|peer| peer.expect_get("/").reply(OK).expect_eof())
            .start();
        let message = session.get(server.url("/")).send(()).await.unwrap();
        assert_eq!(message.bytes().await.unwrap(), "ok");
        session.close_idle_connections();
        server.finished();
    }
}

/// Neither the switch nor a ticket or connection of the session that has it helps another session.
#[tokio::test]
async fn the_danger_switch_of_one_session_makes_no_other_lax() {
    let identity = Identity::self_signed();
    let server = script()
        .connection(|peer| peer.expect_tls_refusal(&identity))
        .connection(|peer| {
            let peer = peer.start_tls(&identity).expect_get("/1").reply(OK);
            peer.expect_get("/2").reply(OK).expect_eof()
        })
        .connection(|peer| peer.expect_tls_refusal(&identity))
        .connection(|peer| peer.expect_tls_refusal(&identity))
        .start();
    let builder = || Session::builder().platform_roots(false);
    let strict = builder().build().unwrap();
    let lax = builder().danger_accept_invalid_certificates(true).build().unwrap();
    let refused = async |session: &Session| {
        let error =
            session.get(format!("https://{}/", server.address())).send(()).await.unwrap_err();
        assert_eq!(error.net_error(), NetError::CertAuthorityInvalid);
    };
    let accepted = async |path: &str| {
        let message =
            lax.get(format!("https://{}{path}", server.address())).send(()).await.unwrap();
        assert_eq!(message.bytes().await.unwrap(), "ok");
    };

    refused(&strict).await;
    accepted("/1").await;
    refused(&strict).await;
    refused(&builder().build().unwrap()).await;
    accepted("/2").await;

    drop(lax);
    server.finished();
}

#[test]
fn roots_that_are_no_certificates_are_refused_at_once() {
    for pem in [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n",
    ] {
        let error = Session::builder().add_root_certificates(pem.as_bytes()).unwrap_err();
        assert_eq!(error.net_error(), NetError::InvalidArgument, "{pem:?}");
        assert!(error.is_builder());
    }
}

async fn visit(session: &Session, server: &Server) -> IncomingMessage {
    let mut message = session.get(server.url("/bytes/10")).send(()).await.unwrap();
    while message.chunk().await.unwrap().is_some() {}
    message
}

/// Every visit is a connection of its own.
fn visitor(authority: &Authority) -> SessionBuilder {
    trusting(authority).idle_timeout(Duration::ZERO)
}

#[tokio::test]
async fn a_second_connection_resumes_the_first_and_no_other_sessions() {
    let authority = Authority::new();
    for (protocol, identity) in
        [("TLSv1.3", authority.identity()), ("TLSv1.2", authority.identity().only_tls12())]
    {
        let server = Server::builder().tls(&identity).start().unwrap();
        let first = visitor(&authority).build().unwrap();
        let second = visitor(&authority).build().unwrap();
        let never = visitor(&authority).tls_resumption(false).build().unwrap();

        for (visits, (session, resumed)) in [
            (&first, false),
            (&first, true),
            (&second, false),
            (&second, true),
            (&never, false),
            (&never, false),
            (&first, true),
        ]
        .into_iter()
        .enumerate()
        {
            let message = visit(session, &server).await;
            let tls = message.tls().unwrap();
            assert_eq!(tls.is_resumed(), resumed, "{protocol}, visit {visits}");
            assert_eq!(tls.protocol(), protocol);
            assert_eq!(server.connections(), visits as u64 + 1);
        }
    }
}

#[tokio::test]
async fn only_http_1_1_is_offered() {
    let authority = Authority::new();
    for (offered, chosen) in [
        (&["h2", "http/1.1"][..], Some("http/1.1")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let identity = authority.identity().alpn(offered);
        let server = Server::builder().tls(&identity).start().unwrap();
        let message = visit(&trusting(&authority).build().unwrap(), &server).await;
        assert_eq!(message.tls().unwrap().alpn(), chosen);
    }

    // Under TLS 1.3 this server's library closes before its alert is out.
    let identity = authority.identity().alpn(&["h2"]).only_tls12();
    let server = Server::builder().tls(&identity).start().unwrap();
    let url = server.url("/");
    let error = trusting(&authority).build().unwrap().get(url).send(()).await.unwrap_err();
    assert_eq!(error.net_error(), NetError::SslProtocolError, "{error:?}");
    assert_eq!(error.phase(), Some(Phase::Tls));
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_refuses_a_client_that_has_none() {
    let authority = Authority::new();
    for identity in [authority.identity(), authority.identity().only_tls12()] {
        let identity = identity.requires_client_certificate(&authority);
        let server = Server::builder().tls(&identity).start().unwrap();
        let session = trusting(&authority).build().unwrap();

        let error = session.get(server.url("/")).send(()).await.unwrap_err();

        assert_eq!(error.to_string(), "net::ERR_BAD_SSL_CLIENT_AUTH_CERT");
        assert_eq!(server.requests(), 0);
    }
}

/// The error of a request to a server that answers a `ClientHello` with `said`, and with its end if
/// `ends`.
async fn answered(said: &[u8], ends: bool, limit: impl Into<Option<Duration>>) -> Error {
    let server = script()
        .connection(|peer| {
            let peer = peer.send(said);
            let peer = if ends { peer.half_close() } else { peer };
            peer.ignore_rest()
        })
        .start();
    let timeouts = Timeouts::default().with_tls(limit);
    let session = Session::builder().platform_roots(false).timeouts(timeouts).build().unwrap();

    let error = session.get(format!("https://{}/", server.address())).send(()).await.unwrap_err();

    assert_eq!(error.phase(), Some(Phase::Tls), "{error:?}");
    assert_eq!(session.connections(), Session::in_memory().connections());
    server.finished();
    error
}

#[tokio::test]
async fn what_answers_without_tls_fails_by_name() {
    let alert = |description: u8| vec![21, 3, 3, 0, 2, 2, description];
    let plain = answer("this port speaks no TLS");
    // A record that says it is longer than any may be, and one that stops inside.
    let long = [&[22, 3, 3, 0xff, 0xff][..], &[0; 64]].concat();
    let half = [22, 3, 3, 0, 100, 2, 0, 0];
    for (what, said, expected) in [
        ("plain HTTP", &plain[..], NetError::SslProtocolError),
        ("a greeting", b"220 mail.example ESMTP\r\n", NetError::SslProtocolError),
        ("zeros", &[0; 128], NetError::SslProtocolError),
        ("a huge record", &long, NetError::SslProtocolError),
        ("nothing", b"", NetError::ConnectionClosed),
        ("half a record", &half, NetError::ConnectionClosed),
        ("close_notify", &[21, 3, 3, 0, 2, 1, 0], NetError::ConnectionClosed),
        ("handshake_failure", &alert(40), NetError::SslVersionOrCipherMismatch),
        ("protocol_version", &alert(70), NetError::SslVersionOrCipherMismatch),
        ("unrecognized_name", &alert(112), NetError::SslUnrecognizedNameAlert),
        ("internal_error", &alert(80), NetError::SslProtocolError),
        ("an unknown alert", &alert(200), NetError::SslProtocolError),
    ] {
        assert_eq!(answered(said, true, None).await.net_error(), expected, "{what}");
    }
}

/// Neither an alert that means nothing nor an empty record may hold a handshake for ever.
#[tokio::test]
async fn a_flood_of_empty_records_and_warnings_is_refused() {
    for record in [&[21, 3, 3, 0, 2, 1, 90][..], &[22, 3, 3, 0, 0], &[20, 3, 3, 0, 1, 1]] {
        let error = answered(&record.repeat(2000), false, Duration::from_secs(20)).await;
        assert_eq!(error.net_error(), NetError::SslProtocolError, "{record:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_handshake_that_hangs_ends_with_its_time_limit() {
    let half = [22, 3, 3, 0, 100, 2, 0, 0];
    for said in [&b""[..], &half] {
        let error = answered(said, false, Duration::from_millis(30)).await;
        assert_eq!(error.to_string(), "net::ERR_TIMED_OUT");
        assert!(error.is_timeout());
    }
}

#[tokio::test]
async fn a_reset_handshake_is_a_reset_connection() {
    let server = script().connection(|peer| peer.read_body(1).reset()).start();
    let url = format!("https://{}/", server.address());
    let error = Session::in_memory().get(url).send(()).await.unwrap_err();
    assert_eq!(error.net_error(), NetError::ConnectionReset);
    assert_eq!(error.phase(), Some(Phase::Tls));
    server.finished();
}

/// A body and the error that it ends with, over TLS that ends with or without its closing alert.
async fn body_of(response: &str, with_alert: bool) -> (Vec<u8>, Option<NetError>) {
    let authority = Authority::new();
    let server = script()
        .tls(&authority.identity())
        .connection(|peer| {
            let peer = peer.expect_get("/").send(response);
            if with_alert { peer.close() } else { peer.cut() }
        })
        .start();
    let session = trusting(&authority).build().unwrap();
    let mut message = session.get(server.url("/")).send(()).await.unwrap();
    let mut body = Vec::new();
    let end = loop {
        match message.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break None,
            Err(error) => {
                assert_eq!(error.phase(), Some(Phase::Receive));
                assert!(error.is_body());
                break Some(error.net_error());
            }
        }
    };
    server.finished();
    (body, end)
}

/// RFC 9112 §9.8: a body that is delimited by the connection's end is whole only if TLS's closing
/// alert says so. Chromium takes any end for a good one there; but then whoever sits on the way can
/// cut a body, and the cut does not show.
#[tokio::test]
async fn a_body_cut_without_a_closing_alert_never_looks_whole() {
    let sized = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    for (response, with_alert, body, end) in [
        (format!("{sized}half"), false, "half", None),
        (format!("{chunked}4\r\nhalf\r\n0\r\n\r\n"), false, "half", None),
        (format!("{closing}half"), true, "half", None),
        (format!("{sized}ha"), true, "ha", Some(NetError::ContentLengthMismatch)),
        (format!("{sized}ha"), false, "ha", Some(NetError::ContentLengthMismatch)),
        (format!("{chunked}4\r\nha"), true, "ha", Some(NetError::IncompleteChunkedEncoding)),
        (format!("{chunked}4\r\nha"), false, "ha", Some(NetError::IncompleteChunkedEncoding)),
        (format!("{closing}half"), false, "half", Some(NetError::ConnectionClosed)),
        (closing.to_owned(), false, "", Some(NetError::ConnectionClosed)),
    ] {
        let outcome = body_of(&response, with_alert).await;
        assert_eq!(outcome, (body.into(), end), "{response:?}, with the alert: {with_alert}");
    }
}

#[tokio::test]
async fn a_head_cut_without_a_closing_alert_is_named_as_without_tls() {
    let authority = Authority::new();
    for (said, expected) in [
        ("", NetError::EmptyResponse),
        ("HTTP/1.1 200 OK\r\nContent-", NetError::ResponseHeadersTruncated),
    ] {
        for with_alert in [true, false] {
            let server = script()
                .tls(&authority.identity())
                .connection(|peer| {
                    let peer = peer.expect_get("/").send(said);
                    if with_alert { peer.close() } else { peer.cut() }
                })
                .start();
            let session = trusting(&authority).build().unwrap();
            let error = session.get(server.url("/")).send(()).await.unwrap_err();
            assert_eq!(error.net_error(), expected, "{said:?}, with the alert: {with_alert}");
            server.finished();
        }
    }
}

#[test]
fn secrets_go_to_the_key_log_only_when_asked_and_for_its_owner_only() {
    let folder = Folder::new();
    let file = folder.join("secrets");
    let test = "tls::secrets_go_to_the_key_log_only_when_asked_and_for_its_owner_only";
    in_its_own_process(test, &[("SSLKEYLOGFILE", file.as_os_str())], || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(log_secrets());
    });
}

async fn log_secrets() {
    #[expect(clippy::disallowed_methods, reason = "set for this process alone")]
    let file = std::path::PathBuf::from(std::env::var_os("SSLKEYLOGFILE").unwrap());
    let authority = Authority::new();
    let server = Server::builder().tls(&authority.identity()).start().unwrap();

    visit(&trusting(&authority).build().unwrap(), &server).await;
    assert!(!file.exists(), "nobody asked");

    visit(&trusting(&authority).key_log(true).build().unwrap(), &server).await;
    let secrets = std::fs::read_to_string(&file).unwrap();
    for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "CLIENT_TRAFFIC_SECRET_0 "] {
        assert!(secrets.lines().any(|line| line.starts_with(label)), "{secrets}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
