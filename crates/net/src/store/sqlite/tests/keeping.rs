//! What one process keeps, when, and in which files.

use netreq_proto::cookie::PartitionKey;
use url::Url;

use super::*;
use crate::runtime::instant;

#[tokio::test]
async fn every_part_of_a_cookie_and_of_an_entry_comes_back() {
    let folder = Folder::new();
    let partition =
        |cross| PartitionKey::new(&Url::parse("https://top.example.org").unwrap(), cross).unwrap();
    let plain = stored("a", "1", 1_700_000_000_123_456);
    let mut cookies = vec![plain.clone()];
    let mut add = |edit: &dyn Fn(&mut StoredCookie)| {
        let mut stored = plain.clone();
        edit(&mut stored);
        cookies.push(stored);
    };
    add(&|cookie| cookie.name = Vec::new());
    add(&|cookie| cookie.domain = "example.com".into());
    add(&|cookie| cookie.domain = "127.0.0.1".into());
    add(&|cookie| cookie.path = "/a/b".into());
    add(&|cookie| cookie.name = b"\xff\xfe".to_vec());
    add(&|cookie| (cookie.name, cookie.value) = (b"bytes".to_vec(), b"\x80\xff".to_vec()));
    add(&|cookie| (cookie.name, cookie.value) = (b"text".to_vec(), "\u{fc}\u{1f36a}".into()));
    add(&|cookie| (cookie.name, cookie.value) = (b"quotes".to_vec(), b"'\"; --".to_vec()));
    add(&|cookie| cookie.partition_key = Some(partition(false)));
    add(&|cookie| cookie.partition_key = Some(partition(true)));
    add(&|cookie| {
        cookie.name = b"other".to_vec();
        cookie.secure = false;
        cookie.http_only = true;
        cookie.same_site = SameSite::Unspecified;
        cookie.priority = Priority::High;
        cookie.source_scheme = SourceScheme::Unset;
        cookie.source_port = None;
        cookie.creation = Timestamp::MIN;
        cookie.expiry = Some(Timestamp::MAX);
        cookie.last_access = Timestamp(-1);
    });
    add(&|cookie| {
        cookie.name = b"third".to_vec();
        cookie.same_site = SameSite::NoRestriction;
        cookie.priority = Priority::Low;
        cookie.source_scheme = SourceScheme::NonSecure;
        cookie.source_port = Some(65_535);
    });
    add(&|cookie| (cookie.name, cookie.same_site) = (b"fourth".to_vec(), SameSite::Strict));
    // A value may not hold what ends a cookie.
    cookies.retain(|cookie| !cookie.value.contains(&b';'));

    let opened = Opened::new(&folder.0).await;
    let canonical = |cookie: &StoredCookie| CanonicalCookie::from_storage(cookie.clone()).unwrap();
    let mut changes: Vec<_> = cookies.iter().map(canonical).map(StoreChange::SetCookie).collect();
    changes.push(hsts("a.test", 7));
    opened.keep(changes).await;
    opened.store.close().await.unwrap();

    let again = Opened::new(&folder.0).await;
    let order = |cookie: &StoredCookie| {
        let key = cookie.partition_key.clone();
        (cookie.name.clone(), cookie.domain.clone(), cookie.path.clone(), key)
    };
    let mut found: Vec<_> = again.loaded.cookies.iter().map(CanonicalCookie::to_stored).collect();
    found.sort_by_key(order);
    cookies.sort_by_key(order);
    assert_eq!(found.len(), 13);
    assert!(found == cookies, "{found:#?}");
    let entry =
        HstsEntry { expiry: UnixTime(107), include_subdomains: true, observed: UnixTime(7) };
    assert_eq!(again.loaded.hsts, [("a.test".into(), entry)]);
}

#[tokio::test]
async fn there_is_no_file_until_there_is_something_to_store() {
    let folder = Folder::new();
    let opened = Opened::new(&folder.0).await;
    assert_eq!(opened.loaded, Loaded::default());
    opened.keep(vec![remove("a", 1), StoreChange::TouchCookie(cookie("a", "1", 1))]).await;
    let mut session = stored("s", "1", 1);
    session.expiry = None;
    let session = CanonicalCookie::from_storage(session).unwrap();
    opened.keep(vec![StoreChange::SetCookie(session)]).await;
    assert!(!folder.0.exists());

    opened.keep(vec![set("a", "1", 1)]).await;
    assert!(folder.database().exists());
    opened.store.close().await.unwrap();
    assert_eq!(folder.files(), ["state.db", "state.lock"], "the last one out leaves one database");
}

#[tokio::test]
async fn the_last_change_of_a_row_is_what_is_kept() {
    let folder = Folder::new();
    let opened = Opened::with(&folder.0, patient()).await;
    let touched = StoreChange::TouchCookie;
    opened.keep(vec![set("a", "1", 1), set("b", "1", 1), set("c", "1", 1), set("d", "1", 1)]).await;
    opened
        .keep(vec![
            set("a", "2", 2),
            remove("b", 2),
            remove("c", 2),
            set("c", "3", 3),
            set("e", "1", 3),
            remove("e", 4),
            touched(cookie("d", "other", 9)),
            hsts("a.test", 1),
            hsts("b.test", 1),
            StoreChange::RemoveHsts("b.test".into(), UnixTime(1)),
        ])
        .await;
    opened.store.close().await.unwrap();

    let again = Opened::new(&folder.0).await;
    assert_eq!(pairs(&again.loaded), owned(&[("a", "2"), ("c", "3"), ("d", "1")]));
    let accesses = again.loaded.cookies.iter().map(|cookie| cookie.last_access().0);
    assert_eq!(accesses.max(), Some(9), "a touch changes the date of use and nothing else");
    let hosts: Vec<_> = again.loaded.hsts.iter().map(|(host, _)| &**host).collect();
    assert_eq!(hosts, ["a.test"]);
}

#[tokio::test]
async fn a_clock_that_jumps_back_loses_no_change() {
    let folder = Folder::new();
    let opened = Opened::with(&folder.0, patient()).await;
    opened.keep(vec![set("a", "1", 1_000), set("b", "1", 1_000)]).await;
    opened.keep(vec![set("a", "2", 10), remove("b", 10)]).await;
    // Queued while the batch before it is on its way, or after: it knew of that batch.
    let _ = opened.store.apply(vec![set("a", "3", 5)]);
    opened.store.flush().await.unwrap();
    drop(opened);
    assert_eq!(on_disk(&folder.0).await, owned(&[("a", "3")]));
}

#[tokio::test]
async fn what_has_expired_goes_from_the_disk_with_a_later_sessions_first_write() {
    let folder = Folder::new();
    let (hour, day) = (3_600 * 1_000_000, 24 * 3_600 * 1_000_000);
    let opened = Opened::with(&folder.0, patient()).await;
    opened.keep(vec![set("old", "1", 0), set("young", "1", 2 * hour), hsts("old.test", 0)]).await;
    opened.store.close().await.unwrap();

    let opened = Opened::with(&folder.0, patient()).await;
    let found = (opened.loaded.cookies.len(), opened.loaded.hsts.len());
    assert_eq!(found, (2, 1), "nothing goes where nothing is written");
    opened.keep(vec![set("new", "1", day + 2 * hour), hsts("new.test", 93_600)]).await;
    opened.store.close().await.unwrap();

    let opened = Opened::new(&folder.0).await;
    assert_eq!(pairs(&opened.loaded), owned(&[("new", "1"), ("young", "1")]));
    let hosts: Vec<_> = opened.loaded.hsts.iter().map(|(host, _)| &**host).collect();
    assert_eq!(hosts, ["new.test"]);
}

#[tokio::test]
async fn session_cookies_are_kept_only_where_asked() {
    let folder = Folder::new();
    let wanted = StoreOptions { session_cookies: true, ..quick() };
    let session = |name: &str, at| {
        let mut cookie = stored(name, "1", at);
        cookie.expiry = None;
        StoreChange::SetCookie(CanonicalCookie::from_storage(cookie).unwrap())
    };
    let opened = Opened::new(&folder.0).await;
    opened.keep(vec![set("a", "1", 1), set("b", "1", 1), session("c", 1)]).await;
    // It takes the place of one that was kept.
    opened.keep(vec![session("b", 2)]).await;
    opened.store.close().await.unwrap();
    let bytes = fs::read(folder.database()).unwrap();
    assert!(!bytes.windows(16).any(|window| window.ends_with(b"example.com/c")));

    let opened = Opened::with(&folder.0, wanted.clone()).await;
    assert_eq!(pairs(&opened.loaded), owned(&[("a", "1")]));
    opened.keep(vec![session("d", 3)]).await;
    opened.store.close().await.unwrap();

    let opened = Opened::with(&folder.0, wanted.clone()).await;
    assert_eq!(pairs(&opened.loaded), owned(&[("a", "1"), ("d", "1")]));
    opened.store.close().await.unwrap();

    let opened = Opened::new(&folder.0).await;
    assert_eq!(pairs(&opened.loaded), owned(&[("a", "1")]));
    opened.keep(vec![set("a", "2", 4)]).await;
    opened.store.close().await.unwrap();
    let opened = Opened::with(&folder.0, wanted).await;
    assert_eq!(pairs(&opened.loaded), owned(&[("a", "2")]), "not asked for, so not kept");
}

#[tokio::test]
async fn a_change_is_written_without_a_flush() {
    let folder = Folder::new();
    let writer = Opened::new(&folder.0).await;
    let watcher = Opened::new(&folder.0).await;
    let _ = writer.store.apply(vec![set("a", "1", 1)]);
    assert_eq!(watcher.outside(), [set("a", "1", 1)]);
}

#[tokio::test]
async fn many_changes_are_written_before_their_time() {
    let folder = Folder::new();
    let watcher = Opened::new(&folder.0).await;
    let writer = Opened::with(&folder.0, patient()).await;
    let changes = |range: std::ops::Range<i64>| -> Vec<StoreChange> {
        range.map(|number| set(&format!("n{number}"), "1", number)).collect()
    };
    let _ = writer.store.apply(changes(0..512));
    assert_eq!(watcher.outside().len(), 512);
    let room = writer.store.apply(changes(0..10_000));
    room.wait().await;
    let mut seen = 0;
    while seen < 10_000 {
        seen += watcher.outside().len();
    }
    assert_eq!(seen, 10_000);
}

#[tokio::test]
async fn dropping_and_closing_write_what_is_left() {
    let folder = Folder::new();
    let opened = Opened::with(&folder.0, patient()).await;
    let _ = opened.store.apply(vec![set("a", "1", 1)]);
    drop(opened);
    assert_eq!(on_disk(&folder.0).await, owned(&[("a", "1")]));

    let opened = Opened::with(&folder.0, patient()).await;
    let _ = opened.store.apply(vec![set("b", "1", 1)]);
    opened.store.close().await.unwrap();
    let _ = opened.store.apply(vec![set("late", "1", 1)]);
    let error = opened.store.flush().await.unwrap_err();
    assert_eq!(error.net_error(), NetError::Aborted);
    assert!(opened.store.flush_blocking(Duration::from_secs(20)).is_err());
    assert!(load(&opened.store).await.is_err());
    opened.store.close().await.unwrap();
    assert_eq!(on_disk(&folder.0).await, owned(&[("a", "1"), ("b", "1")]));
}

#[test]
fn a_thread_that_may_wait_flushes_without_a_runtime() {
    let folder = Folder::new();
    let store = Store::new(folder.0.clone(), patient());
    let _ = store.apply(vec![set("a", "1", 1)]);
    store.flush_blocking(Duration::from_secs(20)).unwrap();
    let rows: i64 = sqlite(&folder.database())
        .query_row("SELECT count(*) FROM cookies", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_store_that_was_never_used_makes_nothing() {
    let folder = Folder::new();
    drop(Store::new(folder.0.clone(), StoreOptions::default()));
    let store = Store::new(folder.0.clone(), StoreOptions::default());
    store.flush().await.unwrap();
    store.close().await.unwrap();
    assert!(!folder.0.exists());
}

#[tokio::test]
async fn a_row_that_is_no_cookie_is_passed_over() {
    let folder = Folder::new();
    let opened = Opened::new(&folder.0).await;
    opened.keep(vec![set("a", "1", 1), set("b", "1", 1), set("c", "1", 1)]).await;
    opened.store.close().await.unwrap();
    sqlite(&folder.database())
        .execute_batch(
            "UPDATE cookies SET same_site = 7 WHERE name = 'a';
             UPDATE cookies SET domain = '.com' WHERE name = 'b';
             INSERT INTO hsts VALUES ('', 1, 1, 1, 0, 1), ('A.test', 1, 1, 1, 0, 1),
                 ('127.0.0.1', 1, 1, 1, 0, 1), ('a.test.', 1, 1, 1, 1, 1)",
        )
        .unwrap();
    let opened = Opened::new(&folder.0).await;
    assert_eq!(pairs(&opened.loaded), owned(&[("c", "1")]));
    assert!(matches!(opened.event(), StoreEvent::Skipped(6)));
    assert!(opened.loaded.hsts.is_empty());
}

#[tokio::test]
async fn a_full_jar_comes_back_whole() {
    let folder = Folder::new();
    let opened = Opened::new(&folder.0).await;
    let many: Vec<_> = (0..3_000).map(|number| set(&format!("n{number}"), "value", 1)).collect();
    opened.keep(many).await;
    opened.store.close().await.unwrap();
    let started = instant();
    let opened = Opened::new(&folder.0).await;
    println!("3,000 cookies in {:?}", started.elapsed());
    assert_eq!(opened.loaded.cookies.len(), 3_000);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owner_alone_even_if_they_were_not() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::made();
    let opened = Opened::new(&folder.0).await;
    opened.keep(vec![set("a", "1", 1)]).await;
    let mode =
        |name: &str| fs::metadata(folder.0.join(name)).unwrap().permissions().mode() & 0o7777;
    for name in ["state.db", "state.db-wal", "state.db-shm", "state.lock"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    opened.store.close().await.unwrap();
    fs::set_permissions(folder.database(), PermissionsExt::from_mode(0o644)).unwrap();
    drop(Opened::new(&folder.0).await);
    assert_eq!(mode("state.db"), 0o600);
}
