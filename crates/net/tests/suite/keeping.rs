//! What a session keeps: what comes back in the next one, when there is a file, and what other
//! processes see.
//!
//! How rows stand on disk is tested beside the store; here it is asked of sessions, and on the wire.

use std::fs;
use std::path::Path;
use std::time::Duration;

use netreq::{CookieFilter, Session, Url};
use netreq_testserver::{OK, script};

use crate::observe::bounded;
use crate::sessions::{at, keep, listing, wait};
use crate::sites::{asked, cookies, leading_to, set, setting, visit};
use crate::support::{Folder, beside_another_process, in_its_own_process};

#[tokio::test]
async fn what_outlives_a_session_comes_back_and_the_rest_does_not() {
    const LINES: &[&str] = &[
        "kept=1; Max-Age=3600; HttpOnly; SameSite=Strict; Path=/x; Priority=High",
        "part=1; Max-Age=3600; Secure; Partitioned",
        "gone=1",
        "over=1; Max-Age=0",
        "twice=1; Max-Age=60",
        "twice=1; Max-Age=0",
    ];
    for keeps_session_cookies in [false, true] {
        let folder = Folder::new();
        let server = script()
            .connection(|peer| asked(peer, "/x", "").reply(setting(LINES)))
            .connection(|peer| {
                let session_too = "kept=1; part=1; gone=1";
                let expected = if keeps_session_cookies { session_too } else { "kept=1; part=1" };
                asked(peer, "/x", expected).reply(OK)
            })
            .start();
        let open = || {
            Session::builder()
                .path(folder.path())
                .persist_session_cookies(keeps_session_cookies)
                .host_resolver_rules(leading_to(&server))
                .build()
                .unwrap()
        };
        let session = open();
        visit(&session, "http://a.localhost/x").await;
        let before = session.cookies().get(CookieFilter::default()).await.unwrap();
        session.flush().await.unwrap();
        session.close().await.unwrap();

        let session = open();
        let mut changed = session.cookies().changed();
        let after = session.cookies().get(CookieFilter::default()).await.unwrap();
        let expected: Vec<_> = before
            .into_iter()
            .filter(|cookie| keeps_session_cookies || cookie.is_persistent())
            .collect();
        assert_eq!(after, expected, "every part of them");
        assert_eq!(changed.try_next(), None, "what was there before is no news");
        visit(&session, "http://a.localhost/x").await;
        session.close().await.unwrap();
        server.finished();
    }
}

#[tokio::test]
async fn session_cookies_that_were_kept_go_when_nobody_asks_for_them_any_more() {
    let folder = Folder::new();
    const ALL: &[&str] = &["kept=1", "s=1"];
    const KEPT: &[&str] = &["kept=1"];
    for (keeps, expected) in [(true, ALL), (true, ALL), (false, KEPT), (true, KEPT)] {
        let session =
            Session::builder().path(folder.path()).persist_session_cookies(keeps).build().unwrap();
        if cookies(&session).await.is_empty() {
            keep(&session, "kept", "1").await;
            set(&session, "http://a.test/", "s", "1").await;
        }
        assert_eq!(cookies(&session).await, expected, "{keeps}");
        session.close().await.unwrap();
    }
}

#[tokio::test]
async fn there_is_no_file_before_there_is_something_to_store() {
    let outer = Folder::new();
    let folder = outer.join("session");
    let server = script()
        .connection(|peer| {
            // Forgetting cookies closes the connection.
            asked(peer, "/", "").reply(OK).expect_eof()
        })
        .connection(|peer| {
            let peer = asked(peer, "/", "").reply(setting(&["session=1", "gone=1; Max-Age=0"]));
            asked(peer, "/", "session=1").reply(setting(&["kept=1; Max-Age=60"]))
        })
        .start();
    let session = at(&folder, &server);
    let url = Url::parse("http://a.test/").unwrap();
    assert!(cookies(&session).await.is_empty());
    visit(&session, "http://a.test/").await;
    session.cookies().remove(&url, "x").await.unwrap();
    session.clear_data(netreq::ClearData::default()).await.unwrap();
    session.flush().await.unwrap();
    visit(&session, "http://a.test/").await;
    session.cookies().flush_store().await.unwrap();
    assert!(listing(outer.path()).is_empty(), "{:?}", listing(outer.path()));

    visit(&session, "http://a.test/").await;
    session.flush().await.unwrap();
    assert!(listing(outer.path()).contains(&"session/state.db".to_owned()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for file in listing(&folder) {
            assert_eq!(mode(&folder.join(&file)), 0o600, "{file}");
        }
    }
    session.close().await.unwrap();
    server.finished();
}

#[test]
fn two_processes_of_one_partition_see_each_others_cookies() {
    const WAYS: [&str; 2] = ["ping", "pong"];
    let folder = Folder::new();
    let variables = [("NETREQ_DATA_DIR", folder.path().as_os_str())];
    let test = "keeping::two_processes_of_one_partition_see_each_others_cookies";

    /// Sets the first name, waits for the second one and its end.
    async fn play(session: Session, [mine, theirs]: [&str; 2]) {
        let mut changed = session.cookies().changed();
        keep(&session, mine, "1").await;
        let told = async {
            loop {
                let change = changed.next().await.expect("the session goes on");
                if change.cookie.name() == theirs.as_bytes() {
                    return change;
                }
            }
        };
        let already = cookies(&session).await.contains(&format!("{theirs}=1"));
        if !already {
            let change = bounded(told).await;
            assert_eq!((change.cookie.value(), change.is_removal()), (&b"1"[..], false));
        }
        let url = Url::parse("http://a.test/").unwrap();
        keep(&session, "seen", mine).await;
        // Each removes its own when the other has seen it: both have ended well, or one waits.
        let seen = CookieFilter { name: Some(b"seen"), ..CookieFilter::default() };
        bounded(async {
            while session.cookies().get(seen).await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        keep(&session, &format!("{mine}-done"), "1").await;
        bounded(async {
            let done = format!("{theirs}-done=1");
            while !cookies(&session).await.contains(&done) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        session.cookies().remove(&url, mine).await.unwrap();
        bounded(async {
            let gone = format!("{theirs}=1");
            while cookies(&session).await.contains(&gone) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        session.close().await.unwrap();
    }

    let here = || {
        let builder = Session::builder().data_dir(folder.path()).partition("persist:shared");
        wait(play(builder.build().unwrap(), WAYS));
    };
    beside_another_process(test, &variables, here, || {
        let [mine, theirs] = WAYS;
        wait(play(Session::from_partition("persist:shared").unwrap(), [theirs, mine]));
    });
}

/// What a process does at its end: what responses set a moment ago is on disk.
#[test]
fn flush_all_writes_every_session_with_a_name() {
    let folder = Folder::new();
    let variables = [("NETREQ_DATA_DIR", folder.path().as_os_str())];
    let test = "keeping::flush_all_writes_every_session_with_a_name";
    in_its_own_process(test, &variables, || {
        Session::flush_all(Duration::ZERO).unwrap();
        let server = script()
            .connection(|peer| peer.expect_get("/").reply(setting(&["a=1; Max-Age=60"])))
            .connection(|peer| peer.expect_get("/").reply(setting(&["a=2; Max-Age=60"])))
            .start();
        let sessions = [
            Session::default_session(),
            Session::from_partition("persist:two").unwrap(),
            Session::from_partition("memory").unwrap(),
        ];
        wait(async {
            for session in &sessions[..2] {
                visit(session, &server.url("/")).await;
            }
        });
        Session::flush_all(Duration::from_secs(30)).unwrap();

        // Another process would find it: so does a session on a copy.
        for (session, expected) in sessions.iter().zip(["a=1", "a=2"]) {
            let copy = Folder::new();
            for file in fs::read_dir(session.storage_path().unwrap()).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
            }
            wait(async {
                let copied = Session::from_path(copy.path()).unwrap();
                assert_eq!(cookies(&copied).await, [expected]);
                copied.close().await.unwrap();
            });
        }
        server.finished();
    });
}

/// Reading a session's store is nobody's own affair: whoever gives up waiting leaves it as it was.
#[tokio::test]
async fn a_dropped_first_call_costs_the_next_one_nothing() {
    let folder = Folder::new();
    let session = Session::from_path(folder.path()).unwrap();
    keep(&session, "a", "1").await;
    session.close().await.unwrap();

    let session = Session::from_path(folder.path()).unwrap();
    let mut changed = session.cookies().changed();
    let all = session.cookies();
    for _ in 0..3 {
        let mut first = Box::pin(all.get(CookieFilter::default()));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = first.as_mut().poll(&mut cx);
    }
    assert_eq!(cookies(&session).await, ["a=1"]);
    keep(&session, "b", "2").await;
    assert_eq!(changed.try_next().unwrap().cookie.pair(), b"b=2");
    assert_eq!(changed.try_next(), None);
    session.close().await.unwrap();
}

#[tokio::test]
async fn many_first_requests_at_once_all_carry_what_is_on_disk() {
    const REQUESTS: usize = 5;
    let folder = Folder::new();
    let session = Session::from_path(folder.path()).unwrap();
    keep(&session, "a", "1").await;
    session.close().await.unwrap();

    let server = (0..REQUESTS)
        .fold(script(), |script, _| script.connection(|peer| asked(peer, "/", "a=1").reply(OK)));
    let server = server.start();
    let builder = Session::builder().path(folder.path()).max_sockets_per_host(REQUESTS);
    let rules = leading_to(&server);
    let session = builder.host_resolver_rules(rules).build().unwrap();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..REQUESTS {
        let request = session.get("http://a.test/").use_session_cookies(true);
        requests.spawn(async move { request.send(()).await.unwrap() });
    }
    let messages = bounded(requests.join_all()).await;
    assert!(messages.iter().all(|message| message.status() == 200));
    session.close().await.unwrap();
    drop(messages);
    server.finished();
}
