//! Servers that ask who the client is: what they are shown, and what they see where nobody answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use netreq::{ClientCertificateQuestion, ClientIdentity, NetError, Session};
use netreq_testserver::{Authority, Server};

use crate::sites::trusting;

/// A server that insists, in either version of TLS, and the authority of its clients.
fn insisting(tls12: bool) -> (Server, Authority, Session) {
    let (servers, clients) = (Authority::new(), Authority::new());
    let identity = servers.identity().requires_client_certificate(&clients);
    let identity = if tls12 { identity.only_tls12() } else { identity };
    let session = trusting(&servers).build().unwrap();
    (Server::builder().tls(&identity).start().unwrap(), clients, session)
}

fn identity(clients: &Authority) -> ClientIdentity {
    let client = clients.client("ada");
    let certificates = client.chain().iter().map(|der| der.to_vec());
    ClientIdentity::from_der(certificates, client.key().secret_der()).unwrap()
}

fn choose(session: &Session, chosen: Option<ClientIdentity>) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    session.set_client_certificate_selector(Some(move |_: ClientCertificateQuestion| {
        counter.fetch_add(1, Ordering::Relaxed);
        let chosen = chosen.clone();
        async move { chosen }
    }));
    asked
}

#[tokio::test]
async fn a_server_that_insists_is_shown_what_the_owner_chose_once() {
    for tls12 in [false, true] {
        let (server, clients, session) = insisting(tls12);
        let asked = choose(&session, Some(identity(&clients)));
        for _ in 0..3 {
            let message = session.get(server.url("/")).await.unwrap();
            assert_eq!(message.status(), 200);
            message.bytes().await.unwrap();
            session.close_idle_connections();
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn connections_that_are_made_while_the_owner_decides_show_what_was_chosen() {
    let (server, clients, session) = insisting(false);
    let asked = choose(&session, Some(identity(&clients)));
    // More than may be connected at once: later ones begin when the first have their answer.
    let requests = (0..24).map(|_| session.get(server.url("/close")).send(()));
    let mut running: Vec<_> = requests.map(Box::pin).collect();
    let mut answered = 0;
    std::future::poll_fn(|cx| {
        running.retain_mut(|request| match request.as_mut().poll(cx) {
            std::task::Poll::Ready(message) => {
                assert_eq!(message.unwrap().status(), 200);
                answered += 1;
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!((answered, asked.load(Ordering::Relaxed)), (24, 1));
}

#[tokio::test]
async fn a_resumed_session_is_still_that_client() {
    for tls12 in [false, true] {
        let (server, clients, session) = insisting(tls12);
        choose(&session, Some(identity(&clients)));
        for resumed in [false, true] {
            let message = session.get(server.url("/")).await.unwrap();
            assert_eq!(message.tls().unwrap().is_resumed(), resumed);
            message.bytes().await.unwrap();
            session.close_idle_connections();
        }
    }
}

#[tokio::test]
async fn without_a_certificate_a_server_that_insists_refuses_by_its_own_word() {
    for tls12 in [false, true] {
        let (server, clients, session) = insisting(tls12);
        let expected = NetError::BadSslClientAuthCert;
        let error = session.get(server.url("/")).await.unwrap_err();
        assert_eq!(error.net_error(), expected, "nobody to ask: {error:?}");

        let asked = choose(&session, None);
        for _ in 0..2 {
            let error = session.get(server.url("/")).await.unwrap_err();
            assert_eq!(error.net_error(), expected, "nobody chosen: {error:?}");
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);

        let asked = choose(&session, Some(identity(&clients)));
        assert_eq!(session.get(server.url("/")).await.unwrap().status(), 200);
        assert_eq!(asked.load(Ordering::Relaxed), 1, "a new chooser is asked anew");
    }
}

#[tokio::test]
async fn a_certificate_of_a_stranger_is_refused_and_the_question_names_who_is_accepted() {
    let (server, clients, session) = insisting(false);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let stranger = identity(&Authority::new());
    session.set_client_certificate_selector(Some(move |question: ClientCertificateQuestion| {
        told.lock().unwrap().push(question);
        let stranger = stranger.clone();
        async move { Some(stranger) }
    }));

    let error = session.get(server.url("/")).await.unwrap_err();

    assert_eq!(error.net_error(), NetError::BadSslClientAuthCert);
    assert_eq!(server.requests(), 0);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].hostname, "127.0.0.1");
    assert_eq!(seen[0].port, server.address().port());
    // The name stands in the authority's certificate as it does in the server's request.
    let authority = clients.certificate();
    let is_inside = |name: &[u8]| authority.windows(name.len()).any(|part| part == name);
    assert!(seen[0].authorities.iter().any(|name| is_inside(name)));
}

#[tokio::test]
async fn a_server_that_is_not_accepted_is_shown_nobody() {
    let (server, clients, _) = insisting(false);
    let session = Session::builder().platform_roots(false).build().unwrap();
    let asked = choose(&session, Some(identity(&clients)));

    let error = session.get(server.url("/")).await.unwrap_err();

    assert_eq!(error.net_error(), NetError::CertAuthorityInvalid);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}
