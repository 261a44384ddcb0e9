//! Ordinary exchanges, cut at every byte and dropped at every poll.
//!
//! Each exchange runs once undisturbed, which says how many bytes go each way and what the caller
//! sees. Then it runs again for each of those bytes with the wire cut or reset behind it, and for
//! each poll of its future with the future dropped there. Nothing may hang, no cut body may look
//! whole, a POST may not arrive twice, and nothing may be left behind.

use std::collections::HashSet;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use netreq::{Body, ClientRequest, Method, NetError, Options, Session};
use netreq_testserver::{FaultProxy, Server};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use crate::observe::{Seen, bounded, observe, read};
use crate::support::eventually;

type Run = for<'a> fn(&'a Session, Number) -> Running<'a>;
type Running<'a> = Pin<Box<dyn Future<Output = Seen> + 'a>>;

/// What tells a run from all others, for the server too. Always of the same length on the wire.
#[derive(Clone, Copy)]
struct Number(usize);

/// One exchange, or several of which the last is the one that counts.
struct Subject {
    name: &'static str,
    run: Run,
    /// Whether a cut can go unnoticed by the caller: a redirect's body is not read for its own sake,
    /// and a second connection may do better.
    recovers: bool,
}

const SUBJECTS: [Subject; 13] = [
    subject("a body with a length", |session, _| get(session, "/bytes/60")),
    subject("chunks", |session, _| get(session, "/chunked/60?size=25")),
    subject("trailers", |session, _| get(session, "/trailers")),
    subject("gzip", |session, _| get(session, "/gzip")),
    subject("zstd", |session, _| get(session, "/zstd")),
    subject("no body", |session, _| get(session, "/status/204")),
    subject("a head alone", |session, _| Box::pin(observe(session.head(url("/bytes/60"))))),
    subject("an early hint", |session, _| get(session, "/early-hints")),
    subject("a body both ways", |session, number| post(session, number)),
    subject("a body that waits for 100", |session, number| {
        let request = session.post(url(&format!("/continue?{number}")));
        let body = Body::reader(&b"chunk by chunk"[..]);
        Box::pin(observe(request.expect_continue(Duration::from_secs(60)).send(body)))
    }),
    Subject { recovers: true, ..subject("redirects", |session, _| get(session, "/redirect/2")) },
    Subject {
        recovers: true,
        ..subject("a GET on a used connection", |session, _| {
            Box::pin(async {
                let first = get(session, "/status/204").await;
                if first.error.is_some() { first } else { get(session, "/bytes/20").await }
            })
        })
    },
    Subject {
        recovers: true,
        ..subject("a POST on a used connection", |session, number| {
            Box::pin(async move {
                let first = get(session, "/status/204").await;
                if first.error.is_some() { first } else { post(session, number).await }
            })
        })
    },
];

const fn subject(name: &'static str, run: Run) -> Subject {
    Subject { name, run, recovers: false }
}

fn get<'a>(session: &'a Session, path: &str) -> Running<'a> {
    Box::pin(observe(session.get(url(path))))
}

fn post(session: &Session, number: Number) -> Running<'_> {
    Box::pin(observe(session.post(url(&format!("/echo?{number}"))).send("to and fro")))
}

/// At a name that stays the same whatever the port of a proxy.
fn url(path: &str) -> String {
    format!("http://fixed.example{path}")
}

fn session_to(address: SocketAddr) -> Session {
    let rules = format!("MAP fixed.example {address}");
    Session::builder().host_resolver_rules(rules).build().unwrap()
}

#[tokio::test]
async fn an_exchange_cut_at_any_byte_fails_by_name_and_never_looks_whole() {
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&arrived);
    let server = Server::builder()
        .log(move |exchange| {
            if exchange.method == "POST" {
                log.lock().unwrap().push(exchange.target.to_owned());
            }
        })
        .start()
        .unwrap();
    let proxy = || FaultProxy::new(server.address());
    let mut runs = (1..).map(Number);

    for subject in &SUBJECTS {
        let mut number = || runs.next().expect("there is always a next number");
        let (whole, request, response) = recorded(&server, subject, number()).await;
        for count in 0..=response {
            for (how, proxy) in [
                ("cut", proxy().cut_after_response_bytes(count)),
                ("reset", proxy().reset_after_response_bytes(count)),
            ] {
                let what = format!("{how} after {count} of {response} bytes of the response");
                let seen = endured(subject, number(), proxy, &whole, &what).await;
                let may_be_whole = subject.recovers || count == response;
                assert!(may_be_whole || seen.error.is_some(), "{}, {what}: {seen:?}", subject.name);
            }
        }
        for count in 0..=request {
            for (how, proxy) in [
                ("cut", proxy().cut_after_request_bytes(count)),
                ("reset", proxy().reset_after_request_bytes(count)),
            ] {
                let what = format!("{how} after {count} of {request} bytes of the request");
                endured(subject, number(), proxy, &whole, &what).await;
            }
        }
    }

    let arrived = arrived.lock().unwrap();
    let once: HashSet<_> = arrived.iter().collect();
    assert!(once.len() > 500, "most of the POSTs arrived");
    assert_eq!(once.len(), arrived.len(), "none arrived twice");
}

/// What the caller sees undisturbed, and how many bytes go to the server and back.
async fn recorded(server: &Server, subject: &Subject, number: Number) -> (Seen, u64, u64) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let session = session_to(listener.local_addr().unwrap());
    let relay = async {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut target = TcpStream::connect(server.address()).await.unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut target).await.unwrap()
    };
    let exchange = async {
        let seen = (subject.run)(&session, number).await;
        session.close_idle_connections();
        seen
    };
    let ((request, response), seen) = bounded(async { tokio::join!(relay, exchange) }).await;
    assert_eq!(seen.error, None, "{}", subject.name);
    (seen, request, response)
}

/// What the caller sees through `proxy`: all of it, or a part of it and why not the rest.
async fn endured(
    subject: &Subject,
    number: Number,
    proxy: FaultProxy,
    whole: &Seen,
    what: &str,
) -> Seen {
    let proxy = proxy.start().unwrap();
    let session = session_to(proxy.address());
    let seen = (subject.run)(&session, number).await;

    let what = format!("{}, {what}: {seen:?}", subject.name);
    match seen.error {
        // The fields hold the time.
        None => assert_eq!(
            (seen.status, &seen.body, &seen.trailers),
            (whole.status, &whole.body, &whole.trailers),
            "{what}"
        ),
        Some((error, _)) => {
            assert!(is_of_a_cut(error), "{what}");
            assert!(whole.body.0.starts_with(&seen.body.0), "{what}");
            assert!(seen.trailers.is_empty(), "{what}");
        }
    }
    let counts = session.connections();
    assert_eq!((counts.active, counts.waiting), (0, 0), "{what}");
    seen
}

/// The errors that a cut may have; all others would blame something else.
fn is_of_a_cut(error: NetError) -> bool {
    matches!(
        error,
        NetError::EmptyResponse
            | NetError::ResponseHeadersTruncated
            | NetError::ContentLengthMismatch
            | NetError::IncompleteChunkedEncoding
            | NetError::ConnectionReset
    )
}

#[tokio::test]
async fn a_request_dropped_at_any_poll_leaves_nothing_behind() {
    let written = subject("a body written piece by piece", |session, number| {
        let session = session.clone();
        Box::pin(async move {
            let mut request = ClientRequest::new(Options {
                method: Method::POST,
                url: url(&format!("/echo?{number}")),
                session: Some(session),
                ..Options::default()
            })
            .unwrap();
            request.set_chunked_encoding(true).unwrap();
            for piece in ["to ", "and ", "fro"] {
                request.write(piece).await.unwrap();
                request.flush().await.unwrap();
            }
            request.end("").await.unwrap();
            read(request.response().await.unwrap()).await
        })
    });
    let server = Server::start();

    for subject in SUBJECTS.iter().chain([&written]) {
        let proxy = FaultProxy::new(server.address()).split_response(7).split_request(7);
        let proxy = proxy.start().unwrap();
        let mut polls = 0;
        let seen = loop {
            polls += 1;
            let session = session_to(proxy.address());
            let outcome = bounded(dropped_at(polls, (subject.run)(&session, Number(polls)))).await;
            let what = format!("{}, dropped at poll {polls}", subject.name);
            eventually(&what, || {
                let counts = session.connections();
                counts.active + counts.connecting + counts.waiting == 0
            })
            .await;
            assert!(session.connections().idle <= 1, "{what}");
            bounded(session.close()).await.unwrap();
            assert_eq!(session.connections().idle, 0, "{what}");
            eventually(&what, || Handle::current().metrics().num_alive_tasks() == 0).await;
            if let Some(seen) = outcome {
                break seen;
            }
        };
        assert!(polls > 2, "{}: {polls} polls", subject.name);
        assert_eq!(seen.error, None, "{}", subject.name);
    }
}

/// Polls `future` so many times at most, and drops it if it is not ready then.
async fn dropped_at<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "run={:06}", self.0)
    }
}
