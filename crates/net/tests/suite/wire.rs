//! Requests on the wire, byte for byte: what a server sees of what a caller asked for.
//!
//! The order of a head is part of the contract: `Host`, `Connection`, the body's length, the
//! caller's fields as written, then what the engine says of itself.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use netreq::{
    Body, Bytes, CacheMode, ClientRequest, HeaderList, IncomingMessage, Method, NetError, Options,
    RequestBuilder, Session,
};
use netreq_testserver::{Authority, Gate, OK, Script, ScriptServer, script};

const AGENT: &str = concat!("User-Agent: netreq/", env!("CARGO_PKG_VERSION"), "\r\n");
const METADATA: &str =
    "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: empty\r\n";
const CODINGS: &str = "Accept-Encoding: gzip, deflate, br, zstd\r\n";

/// What follows the caller's fields of a request to this machine.
fn own_fields() -> String {
    format!("{METADATA}{AGENT}{CODINGS}\r\n")
}

fn one_answer(method: &str, target: &str) -> Script {
    let answer: &[u8] = if method == "HEAD" { b"HTTP/1.1 200 OK\r\n\r\n" } else { OK };
    script().connection(|peer| peer.expect_request(method, target).reply(answer).ignore_rest())
}

/// The head that a request becomes, the server's address written as `HOST`.
async fn head_of(
    method: Method,
    target: &str,
    body: impl Into<Body>,
    shape: impl FnOnce(RequestBuilder) -> RequestBuilder,
) -> String {
    let server = one_answer(method.as_str(), target).start();
    let session = Session::in_memory();
    let request = session.request(method, server.url(target)).capture_head(true);
    let message = shape(request).send(body).await.unwrap();
    assert_eq!(message.status(), 200);
    seen(&server, &message)
}

/// What came, which is also what the message says was sent.
fn seen(server: &ScriptServer, message: &IncomingMessage) -> String {
    let text = server.request_text(0);
    assert_eq!(message.request_head().unwrap(), server.requests()[0]);
    text.replace(&server.address().to_string(), "HOST")
}

#[tokio::test]
async fn a_get_is_exactly_this() {
    let head = head_of(Method::GET, "/a/b?c=d%20e&f", (), |request| request).await;

    assert_eq!(
        head,
        format!(
            "GET /a/b?c=d%20e&f HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive\r\n{}",
            own_fields()
        )
    );
}

#[tokio::test]
async fn fields_go_out_in_their_order_and_letter_case_behind_the_engines_framing() {
    let head = head_of(Method::POST, "/", "hello", |request| {
        request
            .header("x-b", "1")
            .header("X-A", "2")
            .header("X-B", "3")
            .header("ACCEPT", "*/*")
            .header("x-B", "4")
            .header("Empty", "")
            .header("Bytes", vec![b'a', 0xe9, b'\t', b'z'])
    })
    .await;

    assert_eq!(
        head,
        format!(
            "POST / HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\
             x-b: 1\r\nX-A: 2\r\nX-B: 3\r\nACCEPT: */*\r\nx-B: 4\r\nEmpty: \r\n\
             Bytes: a\u{e9}\tz\r\n{}",
            own_fields()
        )
    );
}

#[tokio::test]
async fn a_field_that_the_caller_sets_is_not_sent_twice() {
    let head = head_of(Method::GET, "/", (), |request| {
        request
            .header("user-agent", "mine/1")
            .header("ACCEPT-ENCODING", "br")
            .header("sec-fetch-dest", "image")
            .header("Accept-language", "de")
    })
    .await;

    assert_eq!(
        head,
        "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive\r\nuser-agent: mine/1\r\n\
         ACCEPT-ENCODING: br\r\nsec-fetch-dest: image\r\nAccept-language: de\r\n\
         Sec-Fetch-Site: none\r\nSec-Fetch-Mode: no-cors\r\n\r\n"
    );
}

#[tokio::test]
async fn a_cache_mode_is_said_to_caches_on_the_way_unless_the_caller_does() {
    let host = "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive\r\n";
    for (mode, own, said) in [
        (CacheMode::Default, false, ""),
        (CacheMode::ForceCache, false, ""),
        (CacheMode::NoCache, false, "Cache-Control: max-age=0\r\n"),
        (CacheMode::Reload, false, "Pragma: no-cache\r\nCache-Control: no-cache\r\n"),
        (CacheMode::NoStore, false, "Pragma: no-cache\r\nCache-Control: no-cache\r\n"),
        (CacheMode::NoStore, true, "Pragma: no-cache\r\ncache-control: max-age=9\r\n"),
    ] {
        let head = head_of(Method::GET, "/", (), |request| {
            let request = request.cache(mode);
            if own { request.header("cache-control", "max-age=9") } else { request }
        })
        .await;

        assert_eq!(head, format!("{host}{said}{}", own_fields()), "{mode:?}");
    }
}

#[tokio::test]
async fn what_may_only_come_from_a_cache_is_asked_of_nobody() {
    let request = Session::in_memory().get("http://127.0.0.1:9/").cache(CacheMode::OnlyIfCached);

    let error = request.await.unwrap_err();

    assert_eq!(error.net_error(), NetError::CacheMiss);
}

#[tokio::test]
async fn a_client_request_sends_the_last_value_of_a_field_in_the_place_of_the_first() {
    let server = one_answer("GET", "/").start();
    let mut headers = HeaderList::new();
    headers.append("X-First", "1");
    let mut request = ClientRequest::new(Options {
        url: server.url("/"),
        session: Some(Session::in_memory()),
        headers,
        ..Options::default()
    })
    .unwrap();
    request.set_header("X-Second", "2").unwrap();
    request.set_header("X-Third", "3").unwrap();
    request.set_header("x-FIRST", "4").unwrap();
    request.remove_header("x-second").unwrap();
    request.end("").await.unwrap();
    assert_eq!(request.response().await.unwrap().status(), 200);

    let head = server.request_text(0).replace(&server.address().to_string(), "HOST");
    assert_eq!(
        head,
        format!(
            "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive\r\nx-FIRST: 4\r\nX-Third: 3\r\n{}",
            own_fields()
        )
    );
}

#[tokio::test]
async fn the_length_of_the_body_is_stated_where_a_server_waits_for_it() {
    let length = |length: &str| format!("Content-Length: {length}\r\n");
    let chunked = "Transfer-Encoding: chunked\r\n".to_owned();
    let custom = || Method::from_bytes(b"brew").unwrap();
    let cases: Vec<(Method, Body, String)> = vec![
        (Method::GET, Body::empty(), String::new()),
        (Method::HEAD, Body::empty(), String::new()),
        (Method::DELETE, Body::empty(), String::new()),
        (Method::OPTIONS, Body::empty(), String::new()),
        (custom(), Body::empty(), String::new()),
        (Method::POST, Body::empty(), length("0")),
        (Method::PUT, Body::empty(), length("0")),
        (Method::POST, Body::from(""), length("0")),
        (Method::GET, Body::from("abc"), length("3")),
        (Method::DELETE, Body::from("abc"), length("3")),
        (custom(), Body::from(vec![0; 1000]), length("1000")),
        (Method::PATCH, Body::sized(3, &b"abc"[..]), length("3")),
        (Method::PUT, Body::reader(&b"abc"[..]), chunked.clone()),
        (Method::PUT, Body::reader(&b""[..]), chunked),
    ];

    for (method, body, framing) in cases {
        let name = format!("{method} {body:?}");
        let head = head_of(method.clone(), "/", body, |request| request).await;
        let own = own_fields();
        let expected = format!(
            "{method} / HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive\r\n{framing}{own}"
        );
        assert_eq!(head, expected, "{name}");
    }
}

#[tokio::test]
async fn a_connection_that_shall_end_says_so_and_is_not_used_again() {
    let server = script()
        .connection(|peer| {
            peer.expect_get("/1").expect_field("connection", "close").reply(OK).expect_eof()
        })
        .connection(|peer| peer.expect_get("/2").reply(OK).expect_eof())
        .start();
    let session = Session::in_memory();

    session
        .get(server.url("/1"))
        .header("connection", "CLOSE")
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let second = session.get(server.url("/2")).await.unwrap();
    assert!(!second.is_connection_reused());
    second.bytes().await.unwrap();

    drop(session);
    server.finished();
    let lines: Vec<String> = server.request_text(0).lines().map(str::to_owned).collect();
    assert_eq!(lines[2], "Connection: close");
}

#[tokio::test]
async fn a_range_is_asked_for_as_it_is_stored() {
    let head = head_of(Method::GET, "/", (), |request| request.header("Range", "bytes=0-99")).await;

    assert_eq!(
        head,
        format!(
            "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive\r\nRange: bytes=0-99\r\n\
             {METADATA}{AGENT}Accept-Encoding: identity\r\n\r\n"
        )
    );
}

#[tokio::test]
async fn without_decoding_no_coding_is_asked_for_and_none_undone() {
    let coded = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nraw";
    let server =
        script().connection(|peer| peer.expect_get("/").reply(coded).ignore_rest()).start();
    let session = Session::in_memory();

    let message =
        session.get(server.url("/")).decode(false).capture_head(true).send(()).await.unwrap();

    assert_eq!(
        seen(&server, &message),
        format!("GET / HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive\r\n{METADATA}{AGENT}\r\n")
    );
    assert_eq!(message.content_length(), Some(3));
    assert_eq!(message.bytes().await.unwrap(), "raw");
}

#[tokio::test]
async fn over_plain_http_to_another_machine_nothing_is_said_of_the_request_and_no_new_coding() {
    let server = one_answer("GET", "/").start();
    let rules = format!("MAP far.example {}", server.address());
    let session =
        Session::builder().host_resolver_rules(rules).accept_languages("en-US,de").build().unwrap();

    // The scheme's own port is not part of the name.
    session.get("http://far.example:80").await.unwrap();

    assert_eq!(
        server.request_text(0),
        format!(
            "GET / HTTP/1.1\r\nHost: far.example\r\nConnection: keep-alive\r\n\
             {AGENT}Accept-Encoding: gzip, deflate\r\nAccept-Language: en-US,de;q=0.9\r\n\r\n"
        )
    );
    server.finished();
}

#[tokio::test]
async fn over_tls_to_another_machine_all_of_it_is_said() {
    let authority = Authority::new();
    let identity = authority.identity_for(&["far.example"]);
    let server = one_answer("GET", "/x").tls(&identity).start();
    let rules = format!("MAP far.example {}", server.address());
    let session = Session::builder()
        .host_resolver_rules(rules)
        .platform_roots(false)
        .add_root_certificates(authority.certificate_pem().as_bytes())
        .unwrap()
        .build()
        .unwrap();

    let message = session.get("https://far.example/x").capture_head(true).send(()).await.unwrap();

    assert_eq!(
        seen(&server, &message),
        format!(
            "GET /x HTTP/1.1\r\nHost: far.example\r\nConnection: keep-alive\r\n{}",
            own_fields()
        )
    );
}

#[tokio::test]
async fn an_empty_user_agent_is_none() {
    let server = one_answer("GET", "/").start();
    let session = Session::builder().user_agent("").build().unwrap();

    let message = session.get(server.url("/")).capture_head(true).send(()).await.unwrap();

    assert_eq!(
        seen(&server, &message),
        format!(
            "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive\r\n{METADATA}{CODINGS}\r\n"
        )
    );
}

#[tokio::test]
async fn user_password_and_fragment_of_a_url_stay_here() {
    let server = one_answer("GET", "/p?q").start();
    let url = format!("http://user:secret@{}/p?q#part", server.address());
    let session = Session::in_memory();

    let message = session.get(url).capture_head(true).send(()).await.unwrap();

    assert_eq!(
        seen(&server, &message),
        format!("GET /p?q HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive\r\n{}", own_fields())
    );
}

#[tokio::test]
async fn an_ipv6_address_keeps_its_brackets_and_port() {
    let server = one_answer("GET", "/").bind((std::net::Ipv6Addr::LOCALHOST, 0)).start();
    let session = Session::in_memory();

    let message = session.get(server.url("/")).send(()).await.unwrap();

    let host = format!("Host: [::1]:{}\r\n", server.address().port());
    assert!(server.request_text(0).contains(&host), "{}", server.request_text(0));
    assert_eq!(message.remote_address(), Some(server.address()));
}

#[tokio::test]
async fn a_path_that_begins_with_two_slashes_does_not_change_the_host() {
    let head = head_of(Method::GET, "//other.example/x", (), |request| request).await;

    assert!(head.starts_with("GET //other.example/x HTTP/1.1\r\nHost: HOST\r\n"), "{head}");
}

#[tokio::test]
async fn a_streamed_body_goes_out_in_the_chunks_it_comes_in() {
    let big = "x".repeat(0x1a2b);
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/")
                .expect_no_field("content-length")
                .expect_bytes(format!("5\r\nhello\r\n6\r\n world\r\n1a2b\r\n{big}\r\n0\r\n\r\n"))
                .reply(OK)
                .expect_get("/next")
                .reply(OK)
                .expect_eof()
        })
        .start();
    let session = Session::in_memory();

    let pieces = Pieces::new(["hello", "", " world", &big]);
    let message = session.post(server.url("/")).send(Body::stream(pieces)).await.unwrap();
    message.bytes().await.unwrap();
    let next = session.get(server.url("/next")).await.unwrap();
    assert!(next.is_connection_reused(), "the chunked request ended where it should");
    next.bytes().await.unwrap();

    drop(session);
    server.finished();
}

#[tokio::test]
async fn written_chunks_go_out_one_by_one() {
    let first = Gate::new();
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/")
                .expect_field("Transfer-Encoding", "chunked")
                .expect_bytes("5\r\nfirst")
                .open(&first)
                .expect_bytes("\r\n6\r\nsecond\r\n4\r\nlast\r\n0\r\n\r\n")
                .reply(OK)
                .ignore_rest()
        })
        .start();
    let mut request = ClientRequest::new(Options {
        method: Method::POST,
        url: server.url("/"),
        session: Some(Session::in_memory()),
        ..Options::default()
    })
    .unwrap();
    request.set_chunked_encoding(true).unwrap();

    request.write("first").await.unwrap();
    first.opened().await;
    request.write("second").await.unwrap();
    request.end("last").await.unwrap();

    assert_eq!(request.response().await.unwrap().bytes().await.unwrap(), "ok");
    server.finished();
}

#[tokio::test]
async fn a_body_of_another_length_than_stated_never_looks_whole() {
    for (name, pieces) in [("short", 2), ("long", 4)] {
        let server = script()
            .connection(|peer| {
                peer.expect_request("PUT", "/").expect_field("content-length", "9").ignore_rest()
            })
            .start();
        let session = Session::in_memory();
        let body = Body::sized(9, std::io::Cursor::new("abc".repeat(pieces)));

        let error = session.put(server.url("/")).send(body).await.unwrap_err();

        assert_eq!(error.net_error(), NetError::InvalidArgument, "{name}");
        assert_eq!(session.connections().idle, 0, "{name}");
        server.finished();
    }
}

#[tokio::test]
async fn a_body_waits_until_the_server_wants_it() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/wanted")
                .expect_field("expect", "100-continue")
                .expect_field("content-length", "5")
                .reply("HTTP/1.1 100 Continue\r\n\r\n")
                .expect_bytes("hello")
                .reply(OK)
                .expect_request("POST", "/unwanted")
                .reply("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
                // The server cannot know whether the body still comes: the connection ends.
                .expect_eof()
        })
        .start();
    let session = Session::in_memory();
    let post = |path| session.post(server.url(path)).expect_continue(Duration::from_secs(60));

    let wanted = post("/wanted").send("hello").await.unwrap();
    assert_eq!(wanted.status(), 200);
    assert_eq!(wanted.informational().len(), 1);
    wanted.bytes().await.unwrap();
    let unwanted = post("/unwanted").send("hello").await.unwrap();
    assert_eq!(unwanted.status(), 417);
    unwanted.bytes().await.unwrap();

    assert_eq!(session.connections().idle, 0);
    server.finished();
}

#[tokio::test]
async fn a_body_goes_out_all_the_same_when_the_server_says_nothing() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/").expect_bytes("hello").reply(OK).ignore_rest()
        })
        .start();
    let session = Session::in_memory();

    let request = session.post(server.url("/")).expect_continue(Duration::from_millis(1));

    assert_eq!(request.send("hello").await.unwrap().status(), 200);
    server.finished();
}

/// A body in these pieces.
struct Pieces(VecDeque<Bytes>);

impl Pieces {
    fn new<const N: usize>(pieces: [&str; N]) -> Self {
        Self(pieces.into_iter().map(|piece| Bytes::copy_from_slice(piece.as_bytes())).collect())
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}
