//! A session whose disk is damaged, closed to it, or of another time: requests go on, and whoever
//! asks is told.
//!
//! The store's own faults are tested beside it; here is what the owner of a session sees of them.

use std::fs;
use std::path::{Path, PathBuf};

use netreq::{CookieDetails, CookieFilter, Error, NetError, Session, StorageEvent, Timestamp, Url};
use netreq_testserver::{OK, ScriptServer, script};

use crate::observe::bounded;
use crate::sites::{asked, cookies, leading_to, setting, visit};
use crate::support::Folder;

const DATABASE: &str = "state.db";

fn open(folder: &Path) -> Session {
    Session::builder().path(folder).build().unwrap()
}

fn at(folder: &Path, server: &ScriptServer) -> Session {
    Session::builder().path(folder).host_resolver_rules(leading_to(server)).build().unwrap()
}

async fn try_to_keep(session: &Session, name: &str) -> Result<(), Error> {
    let url = Url::parse("http://a.test/").unwrap();
    let expiry = Some(Timestamp::from_seconds(4e9));
    let name = name.as_bytes();
    let details = CookieDetails { name, value: b"1", expiry, ..CookieDetails::new(&url) };
    bounded(session.cookies().set(details)).await
}

/// A folder with one cookie in it, closed.
async fn stocked(folder: &Path) {
    let session = open(folder);
    try_to_keep(&session, "old").await.unwrap();
    session.close().await.unwrap();
}

fn assert_storage(error: &Error, code: NetError) {
    assert!(error.is_storage() && !error.is_builder(), "{error:?}");
    assert_eq!(error.net_error(), code, "{error:?}");
}

#[tokio::test]
async fn a_damaged_database_is_set_aside_and_the_session_begins_anew() {
    let empty_page = [0; 4096];
    let garbage =
        b"this was never a database, and it is long enough for a head of a hundred bytes \
                    and then some more";
    for (damage, what) in [(&garbage[..], "garbage"), (&empty_page[..], "a page of zeros")] {
        let folder = Folder::new();
        stocked(folder.path()).await;
        fs::write(folder.join(DATABASE), damage).unwrap();
        let server = script()
            .connection(|peer| {
                let peer = asked(peer, "/", "").reply(setting(&["new=1; Max-Age=60"]));
                asked(peer, "/", "new=1").reply(OK)
            })
            .start();
        let session = at(folder.path(), &server);
        let mut events = session.storage_events();
        visit(&session, "http://a.test/").await;
        visit(&session, "http://a.test/").await;
        session.flush().await.unwrap();

        let Some(StorageEvent::SetAside { path, cause, kept }) = events.try_next() else {
            panic!("{what} is told")
        };
        assert_eq!((path.as_path(), kept), (&*folder.join("state.db.corrupt"), 0));
        assert!(!cause.is_empty());
        assert_eq!(fs::read(&path).unwrap(), damage, "{what} is kept as it was");
        assert!(events.try_next().is_none());
        // Whoever asks later is told what has happened so far.
        let told = session.storage_events().try_next();
        assert!(matches!(told, Some(StorageEvent::SetAside { .. })));
        session.close().await.unwrap();

        let again = open(folder.path());
        assert_eq!(cookies(&again).await, ["new=1"]);
        assert!(again.storage_events().try_next().is_none());
        again.close().await.unwrap();
        server.finished();
    }
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_database_is_set_aside_too() {
    let folder = Folder::new();
    fs::create_dir(folder.join(DATABASE)).unwrap();
    let session = open(folder.path());
    try_to_keep(&session, "new").await.unwrap();
    let told = session.storage_events().try_next();
    assert!(matches!(told, Some(StorageEvent::SetAside { .. })), "{told:?}");
    assert!(folder.join("state.db.corrupt").is_dir());
    session.close().await.unwrap();
}

/// The session's folder cannot be made: a file stands in the way of it.
#[tokio::test]
async fn where_nothing_can_be_kept_requests_go_on_and_whoever_asks_is_told() {
    let outer = Folder::new();
    let place = outer.join("place");
    fs::write(&place, "a file").unwrap();
    let folder: PathBuf = place.join("session");
    let server = script()
        .connection(|peer| {
            let peer = asked(peer, "/", "").reply(setting(&["a=1; Max-Age=60"]));
            let peer = asked(peer, "/", "a=1").reply(OK);
            asked(peer, "/", "a=1; api=1").reply(OK)
        })
        .start();
    let session = at(&folder, &server);
    visit(&session, "http://a.test/").await;
    visit(&session, "http://a.test/").await;
    assert_storage(&bounded(session.flush()).await.unwrap_err(), NetError::FileNotFound);
    assert_storage(&try_to_keep(&session, "api").await.unwrap_err(), NetError::FileNotFound);
    assert_eq!(cookies(&session).await, ["a=1", "api=1"], "they are here and not on disk");
    visit(&session, "http://a.test/").await;
    let mut events = session.storage_events();
    let Some(StorageEvent::Failed(error)) = events.try_next() else { panic!("it is told") };
    assert_storage(&error, NetError::FileNotFound);
    assert!(events.try_next().is_none(), "once");
    assert_eq!(fs::read(&place).unwrap(), b"a file");

    // As soon as it can be made everything is written.
    fs::remove_file(&place).unwrap();
    bounded(session.flush()).await.unwrap();
    assert!(matches!(events.try_next(), Some(StorageEvent::Recovered)));
    session.close().await.unwrap();
    let again = open(&folder);
    assert_eq!(cookies(&again).await, ["a=1", "api=1"]);
    again.close().await.unwrap();
    server.finished();
}

#[tokio::test]
async fn a_session_that_could_keep_nothing_says_so_when_it_is_closed() {
    let outer = Folder::new();
    let place = outer.join("place");
    fs::write(&place, "a file").unwrap();
    let session = open(&place.join("session"));
    let mut events = session.storage_events();
    try_to_keep(&session, "a").await.unwrap_err();
    assert_storage(&bounded(session.close()).await.unwrap_err(), NetError::FileNotFound);
    assert!(matches!(events.next().await, Some(StorageEvent::Failed(_))));
    assert!(events.next().await.is_none());
    // It has ended all the same: its name is free.
    Session::builder().path(place.join("session")).build().unwrap().close().await.unwrap();
}

/// The format is the number in bytes 60 to 63 of a database (`user_version`).
#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone_and_the_session_lives_without() {
    let folder = Folder::new();
    stocked(folder.path()).await;
    let file = folder.join(DATABASE);
    let mut bytes = fs::read(&file).unwrap();
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&file, &bytes).unwrap();
    let server = script()
        .connection(|peer| {
            let peer = asked(peer, "/", "").reply(setting(&["a=1; Max-Age=60"]));
            asked(peer, "/", "a=1").reply(OK)
        })
        .start();
    let session = at(folder.path(), &server);
    visit(&session, "http://a.test/").await;
    visit(&session, "http://a.test/").await;

    let url = Url::parse("http://a.test/").unwrap();
    let cookies = session.cookies();
    for error in [
        cookies.get(CookieFilter::default()).await.unwrap_err(),
        try_to_keep(&session, "b").await.unwrap_err(),
        cookies.remove(&url, "a").await.unwrap_err(),
        cookies.import([]).await.unwrap_err(),
        cookies.flush_store().await.unwrap_err(),
        session.flush().await.unwrap_err(),
        session.clear_data(netreq::ClearData::default()).await.unwrap_err(),
    ] {
        assert_storage(&error, NetError::NotImplemented);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            source.starts_with("the database has format 99, and this program knows "),
            "{source}"
        );
    }
    assert!(matches!(session.storage_events().try_next(), Some(StorageEvent::Failed(_))));
    // What it could not keep is no news to its owner, and nothing was written.
    let _ = bounded(session.close()).await;
    assert_eq!(fs::read(&file).unwrap(), bytes, "not a byte of it has changed");
    server.finished();
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_not_followed_out_of_the_folder() {
    let folder = Folder::new();
    let elsewhere = folder.join("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    let inner = folder.join("session");
    fs::create_dir(&inner).unwrap();
    std::os::unix::fs::symlink(&elsewhere, inner.join(DATABASE)).unwrap();
    let session = open(&inner);
    assert_storage(&try_to_keep(&session, "a").await.unwrap_err(), NetError::AccessDenied);
    let _ = bounded(session.close()).await;
    assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
}

/// A refused cookie leaves nothing behind, not even a file.
#[tokio::test]
async fn what_is_refused_makes_no_file() {
    let outer = Folder::new();
    let session = open(&outer.join("session"));
    let url = Url::parse("http://a.test/").unwrap();
    let expiry = Some(Timestamp::from_seconds(4e9));
    let long = vec![b'x'; 4097];
    let new = || CookieDetails { name: b"n", value: b"v", expiry, ..CookieDetails::new(&url) };
    for details in [
        CookieDetails { domain: Some("b.test"), ..new() },
        CookieDetails { value: b"a;b", ..new() },
        CookieDetails { value: b"a\nb", ..new() },
        CookieDetails { name: b"a\0", ..new() },
        CookieDetails { value: &long, ..new() },
        CookieDetails { secure: Some(true), ..new() },
    ] {
        let error = session.cookies().set(details).await.unwrap_err();
        assert!(error.to_string().starts_with("Failed to set cookie - "), "{error}");
        assert!(!error.is_storage());
    }
    session.flush().await.unwrap();
    session.close().await.unwrap();
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 0);
}
