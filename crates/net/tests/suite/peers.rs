//! The engine against servers that many people run, beside what curl makes of them.
//!
//! Each test starts a server of its own, in a folder and on ports of its own; a server that is not
//! installed fails its tests by its package's name. What a server does is not judged here: whatever
//! it says, this engine and curl hear the same.

mod cookies;
mod curl;
mod daemon;
mod servers;

use std::time::Duration;

use netreq::{Body, Bytes, IncomingMessage, NetError, Session};
use netreq_testserver::pattern;

use curl::{Heard, curl};
use servers::{LARGE, SMALL, Site, Uploads, text};

/// A module for each server with a test for each subject.
macro_rules! tests_of_each {
    ($($server:ident),* has $subjects:tt) => {
        $(mod $server { tests_of_each!($server $subjects); })*
    };
    ($server:ident [$($subject:ident),*]) => {
        $(#[tokio::test]
        async fn $subject() {
            super::$subject(&super::Site::$server()).await;
        })*
    };
}

tests_of_each! {
    nginx, apache, caddy, node has [
        files_come_whole_on_one_connection,
        conditions_and_ranges_are_kept,
        uploads_arrive_whole,
        a_body_waits_for_100_continue,
        compressed_bodies_are_decoded,
        redirects_are_followed,
        tls_is_spoken_with_who_is_trusted,
        the_refusal_of_a_large_field_is_delivered
    ]
}

/// A session that trusts the site's authority.
fn session(site: &Site) -> Session {
    Session::builder()
        .platform_roots(false)
        .add_root_certificates(site.authority.certificate_pem().as_bytes())
        .unwrap()
        .build()
        .unwrap()
}

/// The status and the body of a message, which came on a new or a used connection.
async fn heard(message: IncomingMessage, reused: bool) -> Heard {
    assert_eq!(message.is_connection_reused(), reused, "{} {:?}", message.status(), message.url());
    Heard { status: message.status(), body: message.bytes().await.unwrap().to_vec() }
}

async fn files_come_whole_on_one_connection(site: &Site) {
    let session = session(site);
    for (index, (path, status, body)) in [
        ("/small.txt", 200, Some(SMALL.as_bytes().to_vec())),
        ("/large.bin", 200, Some(pattern(LARGE))),
        ("/missing", 404, None),
        ("/small.txt", 200, Some(SMALL.as_bytes().to_vec())),
    ]
    .into_iter()
    .enumerate()
    {
        let message = session.get(site.url(path)).send(()).await.unwrap();
        let length = message.content_length();
        let ours = heard(message, index > 0).await;

        assert_eq!(ours.status, status);
        assert!(body.is_none_or(|body| body == ours.body), "{path}");
        assert!(length.is_none_or(|length| length == ours.body.len() as u64));
        assert_eq!(ours, curl(site, &[], &site.url(path)));

        let head = session.head(site.url(path)).send(()).await.unwrap();
        assert_eq!((head.status(), head.is_connection_reused()), (status, true));
        assert_eq!(head.bytes().await.unwrap(), "");
    }
    assert_eq!(session.connections().idle, 1);
}

async fn conditions_and_ranges_are_kept(site: &Site) {
    let session = session(site);
    let url = site.url("/small.txt");
    let message = session.get(&*url).send(()).await.unwrap();
    let tag = message.header("etag").expect("a tag").to_owned();
    message.bytes().await.unwrap();

    for (name, value, status, body) in [
        ("If-None-Match", tag.as_str(), 304, Some("")),
        ("Range", "bytes=3-8", 206, Some(&SMALL[3..9])),
        ("Range", "bytes=-4", 206, Some(&SMALL[SMALL.len() - 4..])),
        ("Range", "bytes=1000-", 416, None),
    ] {
        let message = session.get(&*url).header(name, value.to_owned()).send(()).await.unwrap();
        if status == 206 {
            let range = message.header("content-range").unwrap();
            assert!(range.ends_with(&format!("/{}", SMALL.len())), "{range}");
        }
        let ours = heard(message, true).await;
        assert_eq!(ours.status, status, "{name}: {value}");
        assert!(body.is_none_or(|body| body.as_bytes() == ours.body), "{name}: {value}");
        assert_eq!(ours, curl(site, &["-H", &format!("{name}: {value}")], &url));
    }
}

async fn uploads_arrive_whole(site: &Site) {
    let session = session(site);
    for length in [0, 20, LARGE] {
        let bytes = Bytes::from(pattern(length));
        let bodies = [Body::from(bytes.clone()), Body::reader(std::io::Cursor::new(bytes.clone()))];
        for (framing, body) in ["sized", "chunked"].into_iter().zip(bodies) {
            let back = match site.uploads {
                Uploads::Echo(path) => session.post(site.url(path)).send(body).await.unwrap(),
                Uploads::Store(folder) => {
                    let url = site.url(&format!("{folder}{framing}-{length}"));
                    let stored = session.put(&*url).send(body).await.unwrap();
                    assert_eq!(stored.status(), 201);
                    stored.bytes().await.unwrap();
                    session.get(&*url).send(()).await.unwrap()
                }
            };
            assert_eq!(back.status(), 200);
            let back = back.bytes().await.unwrap();
            assert!(back == bytes, "{framing}: {} bytes instead of {length}", back.len());
        }
    }
}

async fn a_body_waits_for_100_continue(site: &Site) {
    let session = session(site);
    let request = match site.uploads {
        Uploads::Echo(path) => session.post(site.url(path)),
        Uploads::Store(folder) => session.put(site.url(&format!("{folder}continued"))),
    };
    let body = pattern(100_000);
    let message = request.expect_continue(Duration::from_secs(60)).send(body).await.unwrap();
    assert!((200..300).contains(&message.status()));
    let statuses: Vec<u16> = message.informational().iter().map(|head| head.status()).collect();
    assert_eq!(statuses, [100]);
    message.bytes().await.unwrap();
}

async fn compressed_bodies_are_decoded(site: &Site) {
    let session = session(site);
    for coding in site.codings {
        let url = site.secure_url("/text.txt");
        let request = || session.get(&*url).header("Accept-Encoding", *coding);

        let message = request().send(()).await.unwrap();
        assert_eq!(message.header("content-encoding"), Some(*coding));
        let decoded = message.bytes().await.unwrap();
        assert!(decoded == text(), "{coding}: {} bytes", decoded.len());

        let raw = request().decode(false).send(()).await.unwrap().bytes().await.unwrap();
        assert!(raw.len() < decoded.len(), "{coding}: {} bytes", raw.len());
    }
    let unasked = session.get(site.url("/text.txt")).send(()).await.unwrap();
    let coding = unasked.header("content-encoding").expect("asked for by itself");
    assert!(site.codings.contains(&coding), "{coding}");
    let ours = Heard { status: unasked.status(), body: unasked.bytes().await.unwrap().to_vec() };
    assert_eq!(ours, curl(site, &["--compressed"], &site.url("/text.txt")));
}

async fn redirects_are_followed(site: &Site) {
    let session = session(site);
    let message = session.get(site.url("/moved")).send(()).await.unwrap();
    assert_eq!(message.url().as_str(), site.url("/small.txt"));
    assert_eq!(message.redirected_from().len(), 1);
    let ours = heard(message, true).await;
    assert_eq!(ours, curl(site, &["--location"], &site.url("/moved")));
    assert_eq!(ours.body, SMALL.as_bytes());
}

async fn tls_is_spoken_with_who_is_trusted(site: &Site) {
    let session = session(site);
    for (path, reused) in [("/small.txt", false), ("/large.bin", true), ("/small.txt", true)] {
        let url = site.secure_url(path);
        let message = session.get(&*url).send(()).await.unwrap();
        let tls = message.tls().unwrap();
        assert_eq!((tls.protocol(), tls.alpn()), ("TLSv1.3", site.alpn));
        assert_eq!(heard(message, reused).await, curl(site, &[], &url));
    }

    let stranger = Session::builder().platform_roots(false).build().unwrap();
    let error = stranger.get(site.secure_url("/small.txt")).send(()).await.unwrap_err();
    assert_eq!(error.net_error(), NetError::CertAuthorityInvalid);
}

async fn the_refusal_of_a_large_field_is_delivered(site: &Site) {
    let session = session(site);
    let value = "x".repeat(40_000);
    let url = site.url("/small.txt");
    let message = session.get(&*url).header("X-Large", value.clone()).send(()).await.unwrap();
    let ours = heard(message, false).await;
    assert_eq!(ours.status, site.refuses_with);
    assert_eq!(ours, curl(site, &["-H", &format!("X-Large: {value}")], &url));

    // The server has closed or not; either way the next request is a good one.
    let message = session.get(&*url).send(()).await.unwrap();
    assert_eq!(message.bytes().await.unwrap(), SMALL);
}
