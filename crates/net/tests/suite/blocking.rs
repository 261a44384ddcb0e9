//! The blocking API: the same requests, from threads without an async runtime.

use std::io::{Cursor, Read};
use std::sync::Barrier;
use std::time::Duration;

use netreq::blocking::{self, Session};
use netreq::{
    Body, CookieDetails, CookieFilter, CredentialsMode, NetError, RedirectMode, RedirectVerdict,
    Timeouts, Url,
};
use netreq_testserver::{Gate, OK, Server, answer, pattern, script};

use crate::sites::{asked, setting};
use crate::support::{Folder, in_its_own_process};

#[test]
fn a_request_goes_out_as_the_async_one_does_and_its_connection_is_kept() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/one")
                .expect_field("X-Trace", "7")
                .expect_field("Content-Length", "5")
                .expect_bytes("hello")
                .reply("HTTP/1.1 201 Made\r\nX-Seen: yes\r\nContent-Length: 2\r\n\r\nok")
                .expect_get("/two")
                .reply(OK)
                .stall()
        })
        .start();
    let session = Session::in_memory().unwrap();

    let first = session.post(server.url("/one")).header("X-Trace", "7").send("hello").unwrap();
    assert_eq!((first.status(), first.status_message().as_str()), (201, "Made"));
    assert_eq!(first.http_version(), (1, 1));
    assert_eq!(first.header("x-seen"), Some("yes"));
    assert_eq!(first.content_length(), Some(2));
    assert_eq!(first.url().as_str(), server.url("/one"));
    assert_eq!(first.remote_address(), Some(server.address()));
    assert!(!first.is_connection_reused());
    assert_eq!(first.text().unwrap(), "ok");

    let mut second = session.get(server.url("/two")).send(()).unwrap();
    assert!(second.is_connection_reused());
    assert_eq!(second.chunk().unwrap().as_deref(), Some(&b"ok"[..]));
    assert_eq!(second.chunk().unwrap(), None);
    assert!(second.timing().receive.is_some());

    drop(second);
    assert_eq!(session.connections().idle, 1);
    session.close().unwrap();
    assert_eq!(session.connections().idle, 0);
    server.finished();
}

#[test]
fn a_body_is_read_as_any_reader_is() {
    let server = Server::start();
    let session = Session::in_memory().unwrap();
    let mut message = session.get(server.url("/chunked/100000")).send(()).unwrap();

    let mut first = [0; 7];
    message.read_exact(&mut first).unwrap();
    let mut rest = Vec::new();
    message.read_to_end(&mut rest).unwrap();
    assert_eq!([&first[..], &rest].concat(), pattern(100_000));

    let mut message = session.get(server.url("/bytes/10")).send(()).unwrap();
    message.read_exact(&mut first).unwrap();
    assert_eq!(message.bytes().unwrap(), pattern(10)[7..], "what was read is not given twice");

    let mut cut = session.get(server.url("/truncated")).send(()).unwrap();
    let error = cut.read_to_end(&mut rest).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_reader_is_sent_in_chunks_or_counted() {
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/chunked")
                .expect_field("Transfer-Encoding", "chunked")
                .expect_chunked_body(pattern(200_000))
                .reply(OK)
                .expect_request("PUT", "/sized")
                .expect_field("Content-Length", "200000")
                .expect_bytes(pattern(200_000))
                .reply(OK)
                .stall()
        })
        .start();
    let session = Session::in_memory().unwrap();

    let body = Body::from_reader(Cursor::new(pattern(200_000)));
    assert_eq!(session.post(server.url("/chunked")).send(body).unwrap().text().unwrap(), "ok");
    let body = Body::from_sized_reader(200_000, Cursor::new(pattern(200_000)));
    assert_eq!(session.put(server.url("/sized")).send(body).unwrap().text().unwrap(), "ok");
    session.close_idle_connections();
    server.finished();
}

#[test]
fn a_reader_that_fails_or_counts_wrong_fails_the_request() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }

    let server = Server::start();
    let session = Session::in_memory().unwrap();
    let send = |body: Body| session.post(server.url("/upload")).send(body).unwrap_err();

    let error = send(Body::from_reader(Failing));
    assert_eq!(error.net_error(), NetError::Failed);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the disk is gone");
    for length in [3, 5] {
        let error = send(Body::from_sized_reader(length, Cursor::new("four")));
        assert_eq!(error.net_error(), NetError::InvalidArgument, "{length} of 4");
    }
}

#[test]
fn redirects_limits_and_wrong_arguments_are_as_in_the_async_api() {
    let server = Server::start();
    let session = Session::in_memory().unwrap();
    let get = |path: &str| session.get(server.url(path));

    let followed = get("/redirect/2").send(()).unwrap();
    assert_eq!((followed.status(), followed.redirected_from().len()), (200, 2));
    let manual = get("/redirect/2").redirect(RedirectMode::Manual).send(()).unwrap();
    assert_eq!((manual.status(), manual.header("location")), (302, Some("/redirect/1")));
    let decided = get("/redirect/2").on_redirect(|_| RedirectVerdict::Cancel).send(());
    assert_eq!(decided.unwrap_err().to_string(), "Redirect was cancelled");

    let late = Timeouts::default().with_first_byte(Duration::from_millis(1));
    assert!(get("/delay/60000").timeouts(late).send(()).unwrap_err().is_timeout());
    let total = get("/drip?bytes=2&delay_ms=60000").timeout(Duration::from_millis(50));
    assert!(total.send(()).unwrap().bytes().unwrap_err().is_timeout());

    assert!(session.get("ftp://example.org/").send(()).unwrap_err().is_builder());
    assert!(get("/").header("Host", "elsewhere").send(()).unwrap_err().is_builder());
    assert_eq!(
        get("/status/404").send(()).unwrap().error_for_status().unwrap_err().status(),
        Some(404)
    );
}

#[test]
fn cookies_of_a_session_are_sent_kept_and_seen_by_calls_that_wait() {
    let folder = Folder::new();
    let server = script()
        .connection(|peer| {
            let peer = asked(peer, "/", "").reply(setting(&["lost=1"]));
            let peer = asked(peer, "/", "a=1").reply(setting(&["b=2; Max-Age=60"]));
            let peer = asked(peer, "/", "a=1; b=2").reply(OK);
            let peer = asked(peer, "/", "").reply(OK);
            asked(peer, "/", "b=2").reply(OK)
        })
        .start();
    let session = Session::from_path(folder.path()).unwrap();
    let url = Url::parse(&server.url("/")).unwrap();
    let cookies = session.cookies();
    let names = || {
        let found = cookies.get(CookieFilter::default()).unwrap();
        found.iter().map(|cookie| cookie.pair().to_vec()).collect::<Vec<_>>()
    };
    let send = |request: blocking::RequestBuilder| {
        request.send(()).unwrap().bytes().unwrap();
    };
    let get = || session.get(&url);

    cookies.set(CookieDetails { name: b"a", value: b"1", ..CookieDetails::new(&url) }).unwrap();
    send(get());
    send(get().credentials(CredentialsMode::Include));
    assert_eq!(names(), [b"a=1", b"b=2"]);
    send(get().use_session_cookies(true));
    send(get().use_session_cookies(true).credentials(CredentialsMode::Omit));
    cookies.remove(&url, "a").unwrap();
    send(get().credentials(CredentialsMode::SameOrigin).origin(url.as_str().trim_end_matches('/')));

    let refused = get().credentials(CredentialsMode::SameOrigin).send(()).unwrap_err();
    assert_eq!(refused.to_string(), "credentials: same-origin requires origin to be set");
    let bad = CookieDetails { value: b"a;b", ..CookieDetails::new(&url) };
    let sentence = "Failed to set cookie - The cookie contains ASCII control characters";
    assert_eq!(cookies.set(bad).unwrap_err().to_string(), sentence);
    session.flush().unwrap();
    session.close().unwrap();

    let again = Session::from_path(folder.path()).unwrap();
    let found = again.cookies().get(CookieFilter::default()).unwrap();
    assert_eq!(found.iter().map(netreq::Cookie::pair).collect::<Vec<_>>(), [b"b=2"]);
    let other = Session::in_memory().unwrap();
    assert_eq!(other.cookies().import(found).unwrap(), 1);
    assert_eq!(other.cookies().get(CookieFilter::default()).unwrap().len(), 1);
    again.close().unwrap();
    server.finished();
}

#[test]
fn a_named_session_is_the_async_ones_and_waits_nowhere_else() {
    let folder = Folder::new();
    let variables = [("NETREQ_DATA_DIR", folder.path().as_os_str())];
    let test = "blocking::a_named_session_is_the_async_ones_and_waits_nowhere_else";
    in_its_own_process(test, &variables, || {
        let url = Url::parse("http://a.test/").unwrap();
        let details = CookieDetails { name: b"a", value: b"1", ..CookieDetails::new(&url) };
        for (one, other) in [
            (Session::default_session(), Session::from_partition("")),
            (Session::from_partition("x"), Session::from_partition("x")),
        ] {
            let (one, other) = (one.unwrap(), other.unwrap());
            one.cookies().set(details.clone()).unwrap();
            assert_eq!(other.cookies().get(CookieFilter::default()).unwrap().len(), 1);
        }
        let relative = Session::from_path("x").unwrap_err();
        assert_eq!(relative.to_string(), "An absolute path was not provided");

        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let session = Session::from_partition("x").unwrap();
        runtime.block_on(async {
            let cookies = session.cookies();
            for error in [
                cookies.get(CookieFilter::default()).unwrap_err(),
                cookies.remove(&url, "a").unwrap_err(),
                cookies.set(details).unwrap_err(),
                session.flush().unwrap_err(),
            ] {
                assert_eq!(error.net_error(), NetError::Unexpected);
            }
        });
        assert_eq!(session.cookies().get(CookieFilter::default()).unwrap().len(), 1);
    });
}

#[test]
fn several_threads_make_requests_at_once() {
    const THREADS: usize = 4;
    let all_here = Gate::new();
    let mut script = script();
    for _ in 1..THREADS {
        script =
            script.connection(|peer| peer.expect_get("/").wait_for(&all_here).reply(OK).stall());
    }
    // The last one to come lets all go, so that none is served unless every one has been sent.
    let server = script
        .connection(|peer| peer.expect_get("/").open(&all_here).reply(answer("ok")).stall())
        .start();
    let session = Session::in_memory().unwrap();
    let start = Barrier::new(THREADS);

    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                let message = session.get(server.url("/")).send(()).unwrap();
                assert_eq!(message.text().unwrap(), "ok");
            });
        }
    });

    assert_eq!(session.connections().idle, THREADS);
    session.close_idle_connections();
    server.finished();
}

#[tokio::test]
async fn inside_an_async_runtime_every_waiting_call_is_an_error() {
    let server = Server::start();
    let session = Session::in_memory().unwrap();
    let url = server.url("/bytes/100000");

    let refused = session.get(&url).send(()).unwrap_err();
    assert_eq!(refused.net_error(), NetError::Unexpected);
    assert!(refused.is_builder());
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert_eq!(cause, "a blocking call inside an async runtime: use netreq::Session there");
    assert!(blocking::get(&url).send(()).is_err());
    assert!(session.close().is_err());
    assert_eq!(server.requests(), 0, "nothing was sent");

    let outside = session.clone();
    let mut message =
        std::thread::spawn(move || outside.get(url).send(()).unwrap()).join().unwrap();
    assert_eq!(message.status(), 200);
    assert!(message.chunk().is_err());
    assert!(message.read(&mut [0; 9]).is_err());
    let body = std::thread::spawn(move || message.bytes().unwrap()).join().unwrap();
    assert_eq!(body, pattern(100_000), "the refused reads took nothing");
    // The last handle of its runtime, dropped in another one.
    drop(session);
}

#[test]
fn a_session_dropped_before_its_message_still_reads_it() {
    let server = Server::start();
    let message = {
        let session = Session::in_memory().unwrap();
        session.get(server.url("/chunked/300000")).send(()).unwrap()
    };
    assert_eq!(message.bytes().unwrap(), pattern(300_000));
}

#[cfg(feature = "json")]
#[test]
fn json_goes_both_ways() {
    let server = Server::start();
    let session = Session::in_memory().unwrap();
    let message = session.post(server.url("/echo")).json(&["a", "b"]).unwrap();
    assert_eq!(message.header("content-type"), Some("application/json"));
    assert_eq!(message.json::<Vec<String>>().unwrap(), ["a", "b"]);
}
