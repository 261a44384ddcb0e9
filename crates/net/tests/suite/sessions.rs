//! Sessions by name and by folder: which one it is, what it says of itself, and how it ends.
//!
//! What it keeps is in `keeping`, what may go wrong on disk in `storage`. Electron `session.fromPartition`, `session.fromPath`.

use std::fs;
use std::path::{Path, PathBuf};

use netreq::{CookieDetails, CredentialsMode, NetError, Session, Timestamp, Url};
use netreq_testserver::{Gate, OK, ScriptServer, script};

use crate::observe::bounded;
use crate::sites::{asked, cookies, leading_to, set, setting, visit};
use crate::support::{Folder, counted, in_its_own_process};

/// Runs `work` on a runtime of its own.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Sets a cookie that outlives the session.
pub(crate) async fn keep(session: &Session, name: &str, value: &str) {
    let url = Url::parse("http://a.test/").unwrap();
    let expiry = Some(Timestamp::from_seconds(4e9));
    let (name, value) = (name.as_bytes(), value.as_bytes());
    let details = CookieDetails { name, value, expiry, ..CookieDetails::new(&url) };
    session.cookies().set(details).await.unwrap();
}

/// The names below a folder, with a slash behind folders; sorted.
pub(crate) fn listing(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            names.extend(listing(&entry.path()).iter().map(|inner| format!("{name}/{inner}")));
            names.push(format!("{name}/"));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// A session that keeps itself in `folder` and finds `server` under every name.
pub(crate) fn at(folder: &Path, server: &ScriptServer) -> Session {
    Session::builder().path(folder).host_resolver_rules(leading_to(server)).build().unwrap()
}

#[test]
fn a_name_is_one_session_in_the_whole_process() {
    let folder = Folder::new();
    let variables = [("NETREQ_DATA_DIR", folder.path().as_os_str())];
    let test = "sessions::a_name_is_one_session_in_the_whole_process";
    in_its_own_process(test, &variables, || {
        let agent = |session: &Session| session.user_agent();
        let all = [
            (Session::default_session(), &["", "persist:"][..]),
            (Session::from_partition("persist:work").unwrap(), &["persist:Work", "persist:WORK"]),
            (Session::from_partition("work").unwrap(), &["work"]),
            (Session::from_partition("Work").unwrap(), &["Work"]),
            (Session::from_partition(" persist:work").unwrap(), &[" persist:work"]),
            (Session::from_partition("persist:persist:work").unwrap(), &["persist:persist:work"]),
        ];
        for (index, (session, _)) in all.iter().enumerate() {
            session.set_user_agent(&format!("agent/{index}"), None).unwrap();
        }
        for (index, (session, names)) in all.iter().enumerate() {
            for name in *names {
                let same = Session::from_partition(name).unwrap();
                assert_eq!(agent(&same), format!("agent/{index}"), "{name:?}");
                assert_eq!(same.storage_path(), session.storage_path());
                let taken = Session::builder().partition(*name).build().unwrap_err();
                let source = std::error::Error::source(&taken).unwrap().to_string();
                assert!(taken.is_builder(), "{name:?}");
                assert_eq!(
                    source,
                    "a session of this name exists already: from_partition and from_path return it"
                );
            }
        }
        assert_eq!(agent(&Session::default_session()), "agent/0");
        let own = Session::in_memory();
        assert_eq!(agent(&own), format!("netreq/{}", env!("CARGO_PKG_VERSION")));
        assert_eq!((own.storage_path(), own.is_persistent()), (None, false));

        let data = Session::default_session().storage_path().unwrap().parent().unwrap().to_owned();
        let places = all.each_ref().map(|(session, _)| {
            assert_eq!(session.is_persistent(), session.storage_path().is_some());
            session.storage_path().map(|path| path.strip_prefix(&data).unwrap().to_owned())
        });
        assert_eq!(
            places,
            [
                Some("default".into()),
                Some("partitions/work".into()),
                None,
                None,
                None,
                Some(PathBuf::from("partitions/persist%3awork")),
            ]
        );
        assert!(listing(&data).is_empty(), "nothing was made for a name");

        // A session found by its folder is the partition that is kept there.
        let (work, _) = &all[1];
        let found = Session::from_path(work.storage_path().unwrap()).unwrap();
        assert_eq!(agent(&found), agent(work));
    });
}

#[tokio::test]
async fn a_folder_is_one_session_however_it_is_written() {
    let folder = Folder::new();
    let path = folder.join("a");
    let session = Session::from_path(&path).unwrap();
    assert_eq!(session.storage_path(), Some(&*path));
    assert!(session.is_persistent());
    session.set_user_agent("mine", None).unwrap();
    for other in [path.join(""), path.join("."), folder.join("./a"), folder.join("a//")] {
        assert_eq!(Session::from_path(&other).unwrap().user_agent(), "mine", "{other:?}");
        assert!(Session::builder().path(&other).build().is_err(), "{other:?}");
    }
    let other = Session::from_path(folder.join("A")).unwrap();
    assert_ne!(other.user_agent(), "mine");
    session.close().await.unwrap();
    other.close().await.unwrap();
    assert!(listing(folder.path()).is_empty());
}

#[tokio::test]
async fn a_bad_name_is_refused_in_electrons_words_and_makes_nothing() {
    let folder = Folder::new();
    let empty = "An empty path was specified";
    let relative = "An absolute path was not provided";
    let both = "a session has a partition or a path, not both";
    let long = "the folder of the partition would have a name of more than 240 bytes";
    let in_folder = || Session::builder().data_dir(folder.path());
    for (refused, sentence, source) in [
        (Session::from_path(""), empty, None),
        (Session::from_path("relative/path"), relative, None),
        (Session::from_path("./x"), relative, None),
        (Session::builder().path("").build(), empty, None),
        (Session::builder().path("x").build(), relative, None),
        (Session::builder().data_dir("").partition("persist:x").build(), empty, None),
        (Session::builder().data_dir("x").partition("persist:x").build(), relative, None),
        (
            in_folder().path(folder.path()).partition("x").build(),
            "net::ERR_INVALID_ARGUMENT",
            Some(both),
        ),
        (
            in_folder().partition(format!("persist:{}", "x".repeat(241))).build(),
            "net::ERR_INVALID_ARGUMENT",
            Some(long),
        ),
        (
            in_folder().partition(format!("persist:{}", "/".repeat(81))).build(),
            "net::ERR_INVALID_ARGUMENT",
            Some(long),
        ),
        (
            Session::from_partition(&format!("persist:{}", "x".repeat(241))),
            "net::ERR_INVALID_ARGUMENT",
            Some(long),
        ),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.to_string(), sentence);
        assert_eq!(error.net_error(), NetError::InvalidArgument);
        assert!(error.is_builder());
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(cause.as_deref(), source);
    }
    assert!(listing(folder.path()).is_empty());

    // The longest folder there may be.
    let longest = "x".repeat(240);
    let session = in_folder().partition(format!("persist:{longest}")).build().unwrap();
    keep(&session, "a", "1").await;
    session.close().await.unwrap();
    assert!(folder.join("partitions").join(longest).is_dir());
}

#[tokio::test]
async fn no_name_of_a_partition_leads_out_of_its_place() {
    let outer = Folder::new();
    let data = outer.join("data");
    let mut folders = Vec::new();
    for (name, expected) in [
        ("..", "%2e%2e"),
        ("../x", "%2e.%2fx"),
        ("../../x", "%2e.%2f..%2fx"),
        ("/etc/passwd", "%2fetc%2fpasswd"),
        ("a/b", "a%2fb"),
        ("a\\b", "a%5cb"),
        ("a\0b", "a%00b"),
        ("nul", "%6eul"),
        ("a.", "a%2e"),
        (" ", "%20"),
        ("\u{e9}", "%c3%a9"),
        ("%2e%2e", "%252e%252e"),
    ] {
        let name = format!("persist:{name}");
        let session = Session::builder().data_dir(&data).partition(&*name).build().unwrap();
        let path = session.storage_path().unwrap().to_owned();
        assert_eq!(path, data.join("partitions").join(expected), "{name:?}");
        keep(&session, "a", "1").await;
        session.close().await.unwrap();
        assert!(path.join("state.db").is_file(), "{name:?}");
        folders.push(format!("data/partitions/{expected}/"));
    }
    let mut made = listing(outer.path());
    made.retain(|name| name.ends_with('/') && name.matches('/').count() == 3);
    folders.sort();
    assert_eq!(made, folders);
    let beside: Vec<_> =
        fs::read_dir(outer.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["data"]);
}

#[tokio::test]
async fn a_new_agent_and_new_languages_count_for_later_requests() {
    let server = script()
        .connection(|peer| {
            let peer = peer.expect_get("/").expect_field("user-agent", "first");
            let peer = peer.expect_field("accept-language", "en").reply(OK);
            let peer = peer.expect_get("/").expect_field("user-agent", "second");
            let peer = peer.expect_field("accept-language", "en").reply(OK);
            let peer = peer.expect_get("/").expect_field("user-agent", "second");
            let peer = peer.expect_field("accept-language", "en-US,fr;q=0.9,de;q=0.8").reply(OK);
            let peer = peer.expect_get("/").expect_no_field("user-agent");
            let peer = peer.expect_no_field("accept-language").reply(OK);
            let peer = peer.expect_get("/").expect_field("user-agent", "own");
            peer.expect_field("accept-language", "xx").reply(OK)
        })
        .start();
    let session = Session::builder()
        .host_resolver_rules(leading_to(&server))
        .user_agent("first")
        .accept_languages("en")
        .build()
        .unwrap();
    let other = session.clone();
    visit(&session, "http://a.test/").await;
    session.set_user_agent("second", None).unwrap();
    visit(&other, "http://a.test/").await;
    session.set_user_agent("second", Some("en-US,fr,de")).unwrap();
    visit(&session, "http://a.test/").await;

    for (agent, languages) in [("a\nb", None), ("a\0", Some("en")), ("c", Some("en\r\nX: y"))] {
        let refused = session.set_user_agent(agent, languages).unwrap_err();
        assert_eq!(refused.net_error(), NetError::InvalidArgument);
        assert_eq!(session.user_agent(), "second", "{agent:?} {languages:?}");
    }
    session.set_user_agent("", Some("")).unwrap();
    assert_eq!(session.user_agent(), "");
    visit(&session, "http://a.test/").await;
    let own = session.get("http://a.test/").header("User-Agent", "own");
    own.header("Accept-Language", "xx").send(()).await.unwrap();
    server.finished();
}

#[test]
fn the_default_session_is_kept_in_the_named_data_folder() {
    let folder = Folder::new();
    let variables = [("NETREQ_DATA_DIR", folder.path().as_os_str())];
    let test = "sessions::the_default_session_is_kept_in_the_named_data_folder";
    in_its_own_process(test, &variables, || {
        wait(async {
            let server = script()
                .connection(|peer| asked(peer, "/", "").reply(setting(&["a=1; Max-Age=60"])))
                .start();
            let session = Session::default_session();
            let data = session.storage_path().unwrap().parent().unwrap().to_owned();
            assert!(session.is_persistent());
            assert!(listing(&data).is_empty());
            let request = netreq::get(server.url("/")).credentials(CredentialsMode::Include);
            assert_eq!(request.send(()).await.unwrap().status(), 200);
            session.flush().await.unwrap();
            assert!(listing(&data).contains(&"default/state.db".to_owned()));
            assert_eq!(cookies(&Session::from_partition("").unwrap()).await, ["a=1"]);
            server.finished();
        });
    });
}

#[test]
fn a_closed_session_leaves_nothing_running_and_its_name_free() {
    let test = "sessions::a_closed_session_leaves_nothing_running_and_its_name_free";
    in_its_own_process(test, &[], || {
        let folder = Folder::new();
        let waits = Gate::new();
        let server = script()
            .connection(|peer| {
                let lines = ["a=1; Max-Age=60", "s=1"];
                let peer = peer.expect_get("/").reply(setting(&lines));
                peer.expect_get("/late").open(&waits).expect_eof()
            })
            .start();
        wait(async {
            let session = at(folder.path(), &server);
            let mut changed = session.cookies().changed();
            let mut events = session.storage_events();
            visit(&session, "http://a.test/").await;
            #[cfg(target_os = "linux")]
            assert_eq!(store_threads(), 1);
            let mut request = netreq::ClientRequest::new(netreq::Options {
                session: Some(session.clone()),
                ..netreq::Options::from("http://a.test/late")
            })
            .unwrap();
            request.end("").await.unwrap();
            bounded(waits.opened()).await;

            bounded(session.close()).await.unwrap();

            #[cfg(target_os = "linux")]
            assert_eq!(store_threads(), 0);
            let error = bounded(request.response()).await.unwrap_err();
            assert_eq!(error.net_error(), NetError::Aborted);
            counted(&session, [0, 0, 0, 0]).await;
            while changed.next().await.is_some() {}
            assert!(events.next().await.is_none());
            assert_eq!(listing(folder.path()), ["state.db", "state.lock"], "one tidy file");
            // The last handle may still ask; nothing new is kept or sent.
            let error = session.get("http://a.test/").send(()).await.unwrap_err();
            assert_eq!(error.net_error(), NetError::Aborted);
            session.close().await.unwrap();

            let again = Session::from_path(folder.path()).unwrap();
            let url = Url::parse("http://a.test/").unwrap();
            let late = CookieDetails { name: b"late", value: b"1", ..CookieDetails::new(&url) };
            let refused = session.cookies().set(late).await.unwrap_err();
            assert!(refused.is_storage() && refused.net_error() == NetError::Aborted);
            assert_eq!(cookies(&again).await, ["a=1"]);
            again.close().await.unwrap();
        });
        #[cfg(target_os = "linux")]
        assert_eq!(store_threads(), 0);
        server.finished();
    });
}

/// Threads of this process that serve a store.
#[cfg(target_os = "linux")]
fn store_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.trim() == "netreq-store")
        .count()
}

#[tokio::test]
async fn a_dropped_handle_of_a_named_session_loses_nothing() {
    let name = "sessions-dropped-handle";
    let session = Session::from_partition(name).unwrap();
    set(&session, "http://a.test/", "a", "1").await;
    drop(session);
    let again = Session::from_partition(name).unwrap();
    assert_eq!(cookies(&again).await, ["a=1"]);
    again.close().await.unwrap();
    assert!(cookies(&Session::from_partition(name).unwrap()).await.is_empty(), "closed is gone");
    Session::from_partition(name).unwrap().close().await.unwrap();
}

#[test]
fn a_contract_request_refuses_the_partition_that_a_session_would() {
    let name = format!("persist:{}", "x".repeat(241));
    let refused = netreq::ClientRequest::new(netreq::Options {
        partition: name.clone(),
        ..netreq::Options::from("http://a.test/")
    });
    let (refused, expected) = (refused.unwrap_err(), Session::from_partition(&name).unwrap_err());
    assert_eq!(format!("{refused:?}"), format!("{expected:?}"));
}

#[test]
fn a_name_asked_for_by_many_threads_at_once_is_one_session() {
    const THREADS: usize = 8;
    let start = std::sync::Barrier::new(THREADS);
    let of_all = |ask: &(dyn Fn() -> bool + Sync)| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        ask()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|is| *is).count()
        })
    };
    let name = "sessions-many-threads";
    let builds = || Session::builder().partition(name).user_agent("built").build().is_ok();
    assert_eq!(of_all(&builds), 1);
    let finds = || Session::from_partition(name).unwrap().user_agent() == "built";
    assert_eq!(of_all(&finds), THREADS);
    wait(Session::from_partition(name).unwrap().close()).unwrap();
}
