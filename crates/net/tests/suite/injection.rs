//! What a caller's strings can do to a request: nothing. Each is refused before anything is sent, or
//! goes out as the one line that it is.
//!
//! RFC 9112 §11.1, §11.2.

use std::time::Duration;

use netreq::{
    ClientRequest, Error, HeaderList, Method, NetError, Options, RedirectVerdict, RequestBuilder,
    Session,
};
use netreq_testserver::{OK, ScriptServer, script};

/// A server that no connection may reach.
fn nobody() -> ScriptServer {
    script().start()
}

fn assert_refused(error: &Error, expected: NetError, what: &str) {
    assert_eq!(error.net_error(), expected, "{what}");
    assert!(error.is_builder(), "{what}: {error:?}");
}

/// The request's whole head, from a server that took exactly one.
async fn sent(server: &ScriptServer, request: RequestBuilder) -> String {
    let message = request.await.unwrap();
    assert_eq!(message.bytes().await.unwrap(), "ok");
    server.finished();
    assert_eq!(server.requests().len(), 1);
    server.request_text(0)
}

#[tokio::test]
async fn a_method_is_one_token_and_opens_no_tunnel() {
    for text in
        ["", "GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "GET\r\n", "GE T", "G\0T", "GET:", "MÉTHODE"]
    {
        assert!(Method::from_bytes(text.as_bytes()).is_err(), "{text:?} is a type's to refuse");
    }
    let server = nobody();
    for text in ["CONNECT", "connect"] {
        let method = Method::from_bytes(text.as_bytes()).unwrap();
        let request = Session::in_memory().request(method.clone(), server.url("/"));
        assert_refused(&request.await.unwrap_err(), NetError::InvalidArgument, text);
        let options = Options { method, ..Options::from(server.url("/")) };
        let error = ClientRequest::new(options).unwrap_err();
        assert_refused(&error, NetError::InvalidArgument, text);
    }
    server.finished();
}

#[tokio::test]
async fn a_path_stays_one_word_of_the_request_line() {
    for (path, target) in [
        ("/a\r\nX: y", "/aX:%20y"),
        ("/a\nb\tc\rd", "/abcd"),
        ("/a b", "/a%20b"),
        ("/a HTTP/1.1\r\n\r\nGET /b", "/a%20HTTP/1.1GET%20/b"),
        ("/\0a", "/%00a"),
        ("/%0d%0aX:%20y", "/%0d%0aX:%20y"),
        ("/?a\r\nb c", "/?ab%20c"),
        ("/\u{e9}\u{2028}", "/%C3%A9%E2%80%A8"),
        ("/a#b\r\nX: y", "/a"),
        ("/\u{10d}\u{10a}", "/%C4%8D%C4%8A"),
    ] {
        let server =
            script().connection(|peer| peer.expect_get(target).reply(OK).ignore_rest()).start();
        let head = sent(&server, Session::in_memory().get(server.url(path))).await;
        assert_eq!(head.lines().count(), 9, "{path:?}: {head}");
    }
}

#[tokio::test]
async fn a_path_of_options_holds_no_space_and_stays_on_its_host() {
    for path in ["/a b", "/a HTTP/1.1\r\nX: y"] {
        let options = Options { path: Some(path.into()), ..Options::default() };
        let error = ClientRequest::new(options).unwrap_err();
        assert_eq!(error.to_string(), "Request path contains unescaped characters", "{path:?}");
    }
    for (path, target) in [
        ("//other.example/x", "/x"),
        ("http://other.example/x", "/x"),
        ("/\r\nX:y", "/X:y"),
        ("@other.example/", "/@other.example/"),
    ] {
        let server =
            script().connection(|peer| peer.expect_get(target).reply(OK).ignore_rest()).start();
        let mut request = ClientRequest::new(Options {
            hostname: Some("127.0.0.1".into()),
            port: Some(server.address().port()),
            path: Some(path.into()),
            session: Some(Session::in_memory()),
            ..Options::default()
        })
        .unwrap();
        request.end("").await.unwrap();
        assert_eq!(request.response().await.unwrap().status(), 200, "{path:?}");
        server.finished();
    }
}

#[tokio::test]
async fn a_host_is_nothing_but_a_host() {
    for url in [
        "http://a b/",
        "http://a%0d%0aX:%20y/",
        "http://a%00/",
        "http://a%2Fb/",
        "http://a<b/",
        "http:///",
        "http://[::1/",
        "http://a:99999/",
        "http://1.2.3.4.5.6/",
    ] {
        let error = Session::in_memory().get(url).await.unwrap_err();
        assert_refused(&error, NetError::InvalidUrl, url);
    }
    for host in ["a\r\nX: y", "a b", "a/b", "user@a", "a?b", "a#b", "a\\b"] {
        let options = Options { host: Some(host.into()), ..Options::default() };
        assert_refused(&ClientRequest::new(options).unwrap_err(), NetError::InvalidUrl, host);
        let options = Options { hostname: Some(host.into()), ..Options::default() };
        assert_refused(&ClientRequest::new(options).unwrap_err(), NetError::InvalidUrl, host);
    }
}

#[tokio::test]
async fn a_field_name_that_is_no_token_is_refused() {
    let server = nobody();
    let session = Session::in_memory();
    for name in [
        "",
        "X\r\nY",
        "X: y\r\nZ",
        "X Y",
        " X",
        "X ",
        "X:",
        "X\0",
        "X\t",
        "X\u{e9}",
        "(X)",
        "\u{2028}",
    ] {
        let request = session.get(server.url("/")).header(name.to_owned(), "v");
        assert_refused(&request.await.unwrap_err(), NetError::InvalidArgument, name);
        let mut headers = HeaderList::new();
        headers.append(name.to_owned(), "v");
        let request = session.get(server.url("/")).headers(headers.clone());
        assert_refused(&request.await.unwrap_err(), NetError::InvalidArgument, name);
        let request =
            session.get(server.url("/")).allow_restricted_headers().headers(headers.clone());
        assert_refused(&request.await.unwrap_err(), NetError::InvalidArgument, name);
        let error = ClientRequest::new(Options { headers, ..Options::from(server.url("/")) });
        assert_refused(&error.unwrap_err(), NetError::InvalidArgument, name);
        let mut request = ClientRequest::new(server.url("/")).unwrap();
        let error = request.set_header(name.to_owned(), "v").unwrap_err();
        assert_refused(&error, NetError::InvalidArgument, name);
    }
    server.finished();
}

#[tokio::test]
async fn a_field_value_that_would_end_its_line_is_refused() {
    let server = nobody();
    let session = Session::in_memory();
    for value in ["a\r\nX: y", "a\nX: y", "a\rX: y", "\r\n", "a\r\n", "a\0b", "a\r\n b"] {
        for name in ["X", "Host", "Connection", "Upgrade", "User-Agent", "Accept-Encoding", "Range"]
        {
            let request =
                session.get(server.url("/")).allow_restricted_headers().header(name, value);
            let error = request.await.unwrap_err();
            assert_refused(&error, NetError::InvalidArgument, value);
            assert!(!format!("{error:?}").contains("X: y"), "the value may be a secret: {error:?}");
        }
        let mut request = ClientRequest::new(server.url("/")).unwrap();
        let error = request.set_header("X", value).unwrap_err();
        assert_refused(&error, NetError::InvalidArgument, value);
        let error = Session::builder().user_agent(value).build().unwrap_err();
        assert_refused(&error, NetError::InvalidArgument, value);
        let error = Session::builder().accept_languages(format!("en{value}x")).build().unwrap_err();
        assert_refused(&error, NetError::InvalidArgument, value);
    }
    server.finished();
}

#[tokio::test]
async fn how_long_a_body_is_and_who_is_asked_is_not_the_callers_to_say() {
    let server = nobody();
    let session = Session::in_memory();
    for name in [
        "Content-Length",
        "content-length",
        "CONTENT-LENGTH",
        "Transfer-Encoding",
        "transfer-encoding",
    ] {
        let request = session.post(server.url("/")).header(name, "5").send("hello");
        assert_refused(&request.await.unwrap_err(), NetError::InvalidArgument, name);
        let request = session.post(server.url("/")).allow_restricted_headers().header(name, "5");
        assert_refused(&request.send("hello").await.unwrap_err(), NetError::InvalidArgument, name);
    }
    for name in ["Host", "TE", "Trailer", "Upgrade", "Keep-Alive", "Proxy-Authorization", "proxy-x"]
    {
        let request = session.get(server.url("/")).header(name, "x");
        assert_refused(&request.await.unwrap_err(), NetError::InvalidArgument, name);
    }
    for value in ["upgrade", "close, upgrade", "x-hop", "keep-alive, TE"] {
        let request = session.get(server.url("/")).header("Connection", value);
        assert_refused(&request.await.unwrap_err(), NetError::InvalidArgument, value);
    }
    server.finished();
}

#[tokio::test]
async fn fields_given_to_a_redirect_are_checked_like_any_other() {
    for (name, value) in [
        ("X", "a\r\nY: z"),
        ("X\r\nY", "a"),
        ("Content-Length", "3"),
        ("Transfer-Encoding", "chunked"),
    ] {
        let server = script()
            .connection(|peer| {
                peer.expect_get("/")
                    .reply("HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")
                    .expect_eof()
            })
            .start();
        let session = Session::in_memory();
        let request = session.get(server.url("/")).on_redirect(move |_| async move {
            let mut headers = HeaderList::new();
            headers.append(name, value);
            RedirectVerdict::FollowWith(headers)
        });

        let error = request.await.unwrap_err();

        assert_eq!(error.net_error(), NetError::InvalidArgument, "{name} {value:?}");
        drop(session);
        server.finished();
    }
}

#[tokio::test]
async fn a_location_stays_one_word_of_the_next_request_line() {
    let server = script()
        .connection(|peer| {
            peer.expect_get("/")
                .reply(
                    "HTTP/1.1 302 Found\r\nLocation: /a b\tc%0d%0aX:y\r\nContent-Length: 0\r\n\r\n",
                )
                .expect_get("/a%20bc%0d%0aX:y")
                .reply(OK)
                .expect_eof()
        })
        .start();
    let session = Session::in_memory();

    let message = session.get(server.url("/")).timeout(Duration::from_secs(30)).await.unwrap();
    message.bytes().await.unwrap();

    drop(session);
    server.finished();
}
