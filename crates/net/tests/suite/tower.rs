//! The session as a tower service: `http` types in, `http` types out.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode, Version, header};
use http_body::{Body as _, Frame, SizeHint};
use netreq::{
    Bytes, CredentialsMode, Error, IncomingMessage, NetError, RedirectMode, Session, Timeouts,
};
use netreq_testserver::{Gate, OK, Server, script};
use tower_service::Service;

use crate::sites::{asked, cookies, set, setting, visiting};
use crate::support::counted;

/// A body of one piece; it knows its length or does not.
struct Piece {
    data: Option<Bytes>,
    length: Option<u64>,
}

impl Piece {
    fn known(data: &'static str) -> Self {
        Self { data: Some(data.into()), length: Some(data.len() as u64) }
    }

    fn unknown(data: &'static str) -> Self {
        Self { data: Some(data.into()), length: None }
    }
}

impl http_body::Body for Piece {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn nothing() -> Piece {
    Piece { data: None, length: Some(0) }
}

async fn call(
    session: &Session,
    request: Request<Piece>,
) -> Result<Response<IncomingMessage>, Error> {
    let mut session = session.clone();
    std::future::poll_fn(|cx| Service::<Request<Piece>>::poll_ready(&mut session, cx)).await?;
    session.call(request).await
}

#[tokio::test]
async fn a_request_of_http_types_becomes_a_response_of_them() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/a?b=c")
                .expect_field("x-one", "1")
                .expect_field("Content-Length", "5")
                .expect_bytes("hello")
                .reply("HTTP/1.1 201 Made\r\nX-Two: 1\r\nx-two: 2\r\nContent-Length: 2\r\n\r\nok")
                .stall()
        })
        .start();
    let session = Session::in_memory();
    let request = Request::post(server.url("/a?b=c"))
        .header("X-One", "1")
        .header(header::CONTENT_LENGTH, 5)
        .header(header::HOST, server.address().to_string())
        .body(Piece::known("hello"))
        .unwrap();

    let response = call(&session, request).await.unwrap();

    assert!(server.request_text(0).contains("\r\nx-one: 1\r\n"), "names are in lower case");
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.version(), Version::HTTP_11);
    let two: Vec<_> = response.headers().get_all("x-two").iter().collect();
    assert_eq!(two, ["1", "2"]);
    assert_eq!(response.headers()[header::CONTENT_LENGTH], "2");
    assert_eq!(response.body().size_hint().exact(), Some(2));
    assert_eq!(response.body().url().as_str(), server.url("/a?b=c"));
    assert_eq!(response.into_body().text().await.unwrap(), "ok");
    session.close().await.unwrap();
    server.finished();
}

#[tokio::test]
async fn a_body_has_the_one_length_that_it_and_its_fields_agree_on() {
    const CHUNKED: (&str, &str) = ("transfer-encoding", "chunked");
    type Fields = &'static [(&'static str, &'static str)];
    let server = Server::start();
    let session = Session::in_memory();
    let cases: &[(Piece, Fields, Result<&str, NetError>)] = &[
        (Piece::known("four"), &[], Ok("\"Content-Length\", \"4\"")),
        (Piece::known("four"), &[("content-length", "4")], Ok("\"Content-Length\", \"4\"")),
        (Piece::known("four"), &[CHUNKED], Ok("\"Content-Length\", \"4\"")),
        (Piece::unknown("four"), &[], Ok("\"Transfer-Encoding\", \"chunked\"")),
        (Piece::unknown("four"), &[CHUNKED], Ok("\"Transfer-Encoding\", \"chunked\"")),
        (Piece::unknown("four"), &[("content-length", "4")], Ok("\"Content-Length\", \"4\"")),
        (Piece::known("four"), &[("content-length", "5")], Err(NetError::InvalidArgument)),
        (Piece::unknown("four"), &[("content-length", "5")], Err(NetError::InvalidArgument)),
        (Piece::unknown("four"), &[("content-length", "3")], Err(NetError::InvalidArgument)),
        (Piece::known("four"), &[("content-length", "+4")], Err(NetError::InvalidArgument)),
        (Piece::known("four"), &[("content-length", "")], Err(NetError::InvalidArgument)),
        (
            Piece::unknown("four"),
            &[("content-length", "4"), ("content-length", "5")],
            Err(NetError::InvalidArgument),
        ),
        (
            Piece::unknown("four"),
            &[("content-length", "4"), CHUNKED],
            Err(NetError::InvalidArgument),
        ),
        (
            Piece::unknown("four"),
            &[("transfer-encoding", "gzip, chunked")],
            Err(NetError::InvalidArgument),
        ),
    ];
    for (body, fields, expected) in cases {
        let mut request = Request::post(server.url("/anything"));
        for (name, value) in *fields {
            request = request.header(*name, *value);
        }
        let body = Piece { data: body.data.clone(), length: body.length };
        let case = format!("{:?} with {fields:?}", body.length);
        let response = call(&session, request.body(body).unwrap()).await;
        match (response, expected) {
            (Ok(response), Ok(sent)) => {
                let seen = response.into_body().text().await.unwrap();
                assert!(seen.contains(sent), "{case}: {seen}");
                assert!(seen.contains("\"body\": \"four\""), "{case}: {seen}");
            }
            (Err(error), Err(expected)) => assert_eq!(error.net_error(), *expected, "{case}"),
            (response, _) => panic!("{case}: {response:?}"),
        }
    }
}

#[tokio::test]
async fn what_the_uri_and_the_engine_say_is_not_said_otherwise() {
    let server = Server::start();
    let session = Session::in_memory();
    let refused = async |request: http::request::Builder| {
        call(&session, request.body(nothing()).unwrap()).await.unwrap_err()
    };
    let here = || Request::get(server.url("/"));

    assert!(refused(here().header("host", "elsewhere.test")).await.is_builder());
    assert!(refused(here().header("te", "trailers")).await.is_builder());
    assert!(refused(here().header("upgrade", "h2c")).await.is_builder());
    assert_eq!(refused(Request::get("/only/a/path")).await.to_string(), "Invalid URL");
    let scheme = refused(Request::get("ftp://example.org/")).await;
    assert_eq!(scheme.net_error(), NetError::DisallowedUrlScheme);
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn redirects_are_followed_unless_an_extension_says_otherwise() {
    let server = Server::start();
    let session = Session::in_memory();
    let get = |path: &str| Request::get(server.url(path));

    let followed = call(&session, get("/redirect/1").body(nothing()).unwrap()).await.unwrap();
    assert_eq!(followed.status(), 200);
    assert_eq!(followed.body().redirected_from().len(), 1);

    let manual = get("/redirect/1").extension(RedirectMode::Manual).body(nothing()).unwrap();
    let manual = call(&session, manual).await.unwrap();
    assert_eq!(manual.status(), StatusCode::FOUND);
    assert_eq!(manual.headers()[header::LOCATION], "/redirect/0");

    let limit = Timeouts::default().with_first_byte(std::time::Duration::from_millis(1));
    let late = get("/delay/60000").extension(limit).body(nothing()).unwrap();
    assert!(call(&session, late).await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_credentials_mode_among_the_extensions_brings_the_sessions_cookies() {
    let server = script()
        .connection(|peer| {
            let peer = asked(peer, "/", "").reply(setting(&["lost=1"]));
            let peer = asked(peer, "/", "").reply(setting(&["lost=2"]));
            let peer = asked(peer, "/", "a=1").reply(setting(&["b=2"]));
            asked(peer, "/", "own=3").reply(OK)
        })
        .start();
    let session = visiting(&server);
    set(&session, "http://a.test/", "a", "1").await;
    let get = || Request::get("http://a.test/");
    for request in [
        get(),
        get().extension(CredentialsMode::Omit),
        get().extension(CredentialsMode::Include),
        get().extension(CredentialsMode::Include).header("cookie", "own=3"),
    ] {
        let response = call(&session, request.body(nothing()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().bytes().await.unwrap();
    }
    assert_eq!(cookies(&session).await, ["a=1", "b=2"]);

    let refused = get().extension(CredentialsMode::SameOrigin).body(nothing()).unwrap();
    let refused = call(&session, refused).await.unwrap_err();
    assert_eq!(refused.to_string(), "credentials: same-origin requires origin to be set");
    server.finished();
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn a_decoded_body_does_not_say_that_it_is_coded() {
    let server = Server::start();
    let session = Session::in_memory();

    let request = Request::get(server.url("/gzip")).body(nothing()).unwrap();
    let decoded = call(&session, request).await.unwrap();
    assert_eq!(decoded.headers().get(header::CONTENT_ENCODING), None);
    assert_eq!(decoded.headers().get(header::CONTENT_LENGTH), None);
    assert_eq!(decoded.body().header("content-encoding"), Some("gzip"));
    assert!(decoded.into_body().text().await.unwrap().contains("\"encoding\": \"gzip\""));

    let request = Request::get(server.url("/gzip")).header("accept-encoding", "gzip");
    let coded = call(&session, request.body(nothing()).unwrap()).await.unwrap();
    assert_eq!(coded.headers()[header::CONTENT_ENCODING], "gzip");
    assert!(coded.into_body().bytes().await.unwrap().starts_with(b"\x1f\x8b"));
}

#[tokio::test]
async fn dropping_the_future_ends_the_request() {
    let asked = Gate::new();
    let server = script()
        .connection(|peer| peer.expect_get("/").open(&asked).expect_eof().close())
        .connection(|peer| peer.expect_get("/").reply(OK).stall())
        .start();
    let mut session = Session::in_memory();
    let get = || Request::get(server.url("/")).body(nothing()).unwrap();

    let mut waiting = session.call(get());
    tokio::select! {
        _ = &mut waiting => panic!("no answer was sent"),
        () = asked.opened() => drop(waiting),
    }
    counted(&session, [0, 0, 0, 0]).await;

    let again = call(&session, get()).await.unwrap();
    assert_eq!(again.into_body().text().await.unwrap(), "ok");
    session.close().await.unwrap();
    server.finished();
}
