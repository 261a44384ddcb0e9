//! Profiles of Chromium and of Electron apps, of several ages and in several states.

use netreq_proto::cookie::PartitionKey;
use rusqlite::Connection;
use url::Url;

use super::*;

/// The tables of Chromium 130 and after.
const NEWEST: &str = "
CREATE TABLE meta (key LONGVARCHAR NOT NULL UNIQUE PRIMARY KEY, value LONGVARCHAR);
INSERT INTO meta VALUES ('version', '24'), ('last_compatible_version', '24');
CREATE TABLE cookies (creation_utc INTEGER NOT NULL, host_key TEXT NOT NULL,
    top_frame_site_key TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    encrypted_value BLOB NOT NULL, path TEXT NOT NULL, expires_utc INTEGER NOT NULL,
    is_secure INTEGER NOT NULL, is_httponly INTEGER NOT NULL, last_access_utc INTEGER NOT NULL,
    has_expires INTEGER NOT NULL, is_persistent INTEGER NOT NULL, priority INTEGER NOT NULL,
    samesite INTEGER NOT NULL, source_scheme INTEGER NOT NULL, source_port INTEGER NOT NULL,
    last_update_utc INTEGER NOT NULL, source_type INTEGER NOT NULL,
    has_cross_site_ancestor INTEGER NOT NULL);
CREATE UNIQUE INDEX cookies_unique_index ON cookies (host_key, top_frame_site_key,
    has_cross_site_ancestor, name, path, source_scheme, source_port);";

/// Those of 2017: other names, and no word of partitions, schemes and updates.
const OLD: &str = "
CREATE TABLE meta (key LONGVARCHAR NOT NULL UNIQUE PRIMARY KEY, value LONGVARCHAR);
CREATE TABLE cookies (creation_utc INTEGER NOT NULL, host_key TEXT NOT NULL, name TEXT NOT NULL,
    value TEXT NOT NULL, path TEXT NOT NULL, expires_utc INTEGER NOT NULL, secure INTEGER NOT NULL,
    httponly INTEGER NOT NULL, last_access_utc INTEGER NOT NULL,
    has_expires INTEGER NOT NULL DEFAULT 1, persistent INTEGER NOT NULL DEFAULT 1,
    priority INTEGER NOT NULL DEFAULT 1, encrypted_value BLOB DEFAULT '',
    firstpartyonly INTEGER NOT NULL DEFAULT 0, UNIQUE (host_key, name, path));";

/// 1 January 2024, by Windows and by Unix.
const THEN: i64 = 13_348_540_800_000_000;
const THEN_UNIX: i64 = 1_704_067_200_000_000;

/// A profile in a folder of its own.
fn profile(tables: &str) -> (Folder, PathBuf, Connection) {
    let folder = Folder::made();
    let path = folder.0.join("Cookies");
    let connection = sqlite(&path);
    connection.execute_batch(tables).unwrap();
    (folder, path, connection)
}

fn insert(connection: &Connection, name: &str, more: &str) {
    connection
        .execute_batch(&format!(
            "INSERT INTO cookies VALUES ({THEN}, '.example.com', '', '{name}', 'value', x'', '/',
                 {THEN} + 1000000, 1, 0, {THEN} + 2, 1, 1, 1, 1, 2, 443, {THEN} + 3, 1, 0);
             UPDATE cookies SET {more} WHERE name = '{name}'"
        ))
        .unwrap();
}

fn names(found: &ChromiumCookies) -> Vec<String> {
    let text = |cookie: &CanonicalCookie| String::from_utf8_lossy(cookie.name()).into_owned();
    let mut names: Vec<_> = found.cookies.iter().map(text).collect();
    names.sort();
    names
}

/// Every file of a folder with what is in it.
fn contents(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| (name.clone(), fs::read(folder.0.join(name)).unwrap());
    folder.files().into_iter().map(read).collect()
}

#[test]
fn every_part_of_a_chromium_cookie_is_read() {
    let (folder, path, connection) = profile(NEWEST);
    insert(&connection, "a", "host_key = 'www.example.com', path = '/x', is_httponly = 1");
    insert(&connection, "b", "has_expires = 0, expires_utc = 0, is_persistent = 0, samesite = -1");
    insert(&connection, "c", "samesite = 0, priority = 0, source_scheme = 1, source_port = 80");
    insert(&connection, "d", "samesite = 2, priority = 2, source_scheme = 0, source_port = -1");
    insert(&connection, "e", "samesite = 9, priority = 9, source_scheme = 9, source_port = 99999");
    insert(
        &connection,
        "f",
        "top_frame_site_key = 'https://top.test', has_cross_site_ancestor = 1",
    );
    insert(&connection, "g", "last_update_utc = 0, name = ''");
    drop(connection);
    let before = contents(&folder);

    let found = read_chromium_cookies(&path).unwrap();

    let base = StoredCookie {
        value: b"value".to_vec(),
        expiry: Some(Timestamp(THEN_UNIX + 1_000_000)),
        last_access: Timestamp(THEN_UNIX + 2),
        last_update: Timestamp(THEN_UNIX + 3),
        ..stored("", "", THEN_UNIX)
    };
    let named = |name: &str| StoredCookie { name: name.into(), ..base.clone() };
    let top = PartitionKey::new(&Url::parse("https://top.test").unwrap(), true).unwrap();
    let expected = [
        StoredCookie { last_update: Timestamp(THEN_UNIX), ..named("") },
        StoredCookie {
            domain: "www.example.com".into(),
            path: "/x".into(),
            http_only: true,
            ..named("a")
        },
        StoredCookie { expiry: None, same_site: SameSite::Unspecified, ..named("b") },
        StoredCookie {
            same_site: SameSite::NoRestriction,
            priority: Priority::Low,
            source_scheme: SourceScheme::NonSecure,
            source_port: Some(80),
            ..named("c")
        },
        StoredCookie {
            same_site: SameSite::Strict,
            priority: Priority::High,
            source_scheme: SourceScheme::Unset,
            source_port: None,
            ..named("d")
        },
        StoredCookie {
            same_site: SameSite::Unspecified,
            source_scheme: SourceScheme::Unset,
            source_port: None,
            ..named("e")
        },
        StoredCookie { partition_key: Some(top), ..named("f") },
    ];
    let mut cookies: Vec<_> = found.cookies.iter().map(CanonicalCookie::to_stored).collect();
    cookies.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(cookies, expected);
    assert_eq!((found.encrypted, found.skipped), (0, 0));
    assert_eq!(contents(&folder), before, "the profile stays as it is");
}

#[test]
fn the_tables_of_an_older_chromium_are_read_with_what_it_meant() {
    let (_folder, path, connection) = profile(OLD);
    connection
        .execute_batch(&format!(
            "INSERT INTO cookies VALUES
                 ({THEN}, '.example.com', 'a', '1', '/', {THEN} + 9, 1, 1, {THEN}, 1, 1, 2, '', 0),
                 ({THEN}, '.example.com', 'b', '1', '/', {THEN} + 9, 0, 0, {THEN}, 1, 1, 0, '', 2),
                 ({THEN}, '.example.com', 'c', '', '/', {THEN} + 9, 0, 0, {THEN}, 1, 1, 1, x'aa', 1)"
        ))
        .unwrap();
    drop(connection);

    let found = read_chromium_cookies(&path).unwrap();

    let base = StoredCookie {
        expiry: Some(Timestamp(THEN_UNIX + 9)),
        source_scheme: SourceScheme::Unset,
        source_port: None,
        ..stored("a", "1", THEN_UNIX)
    };
    let expected = [
        StoredCookie {
            http_only: true,
            same_site: SameSite::Unspecified,
            priority: Priority::High,
            ..base.clone()
        },
        StoredCookie {
            name: b"b".to_vec(),
            secure: false,
            same_site: SameSite::Strict,
            priority: Priority::Low,
            ..base
        },
    ];
    let cookies: Vec<_> = found.cookies.iter().map(CanonicalCookie::to_stored).collect();
    assert_eq!(cookies, expected);
    assert_eq!((found.encrypted, found.skipped), (1, 0));
}

#[test]
fn without_its_column_another_site_stands_between_where_the_cookie_is_another_sites() {
    let (_folder, path, connection) = profile(NEWEST);
    insert(&connection, "own", "top_frame_site_key = 'https://example.com'");
    insert(&connection, "other", "top_frame_site_key = 'https://top.test'");
    connection
        .execute_batch(
            "DROP INDEX cookies_unique_index;
             ALTER TABLE cookies DROP COLUMN has_cross_site_ancestor;
             ALTER TABLE cookies DROP COLUMN source_type;
             ALTER TABLE cookies DROP COLUMN last_update_utc;
             UPDATE meta SET value = '18' WHERE key = 'version'",
        )
        .unwrap();
    drop(connection);
    let found = read_chromium_cookies(&path).unwrap();
    assert_eq!(names(&found), ["other", "own"]);
    for cookie in &found.cookies {
        let key = cookie.partition_key().unwrap();
        assert_eq!(key.has_cross_site_ancestor(), cookie.name() == b"other", "{cookie:?}");
        assert_eq!(cookie.last_update(), cookie.creation());
    }
}

#[test]
fn what_is_only_encrypted_is_counted_and_what_is_no_cookie_is_passed_over() {
    let (_folder, path, connection) = profile(NEWEST);
    insert(&connection, "a", "value = '', encrypted_value = x'763130aabb'");
    insert(&connection, "b", "value = '', encrypted_value = x'763131'");
    insert(&connection, "c", "encrypted_value = x'763130'");
    insert(&connection, "empty", "value = ''");
    insert(&connection, "e", "host_key = '.com'");
    insert(&connection, "f", "host_key = 'A.test'");
    insert(&connection, "g", "value = 'a' || char(13) || 'b'");
    insert(&connection, "h", "path = 'x'");
    insert(&connection, "__Host-i", "host_key = '.example.com'");
    insert(&connection, "j", "top_frame_site_key = 'nowhere'");
    insert(&connection, "k", "top_frame_site_key = 'https://www.example.com/'");
    insert(&connection, "l", "creation_utc = 'never'");
    insert(&connection, "m", "expires_utc = 9223372036854775807, creation_utc = -9e18");
    drop(connection);
    let found = read_chromium_cookies(&path).unwrap();
    assert_eq!(names(&found), ["c", "empty", "m"]);
    assert_eq!((found.encrypted, found.skipped), (2, 8));
}

#[test]
fn of_two_cookies_with_one_key_the_later_comes_last() {
    let (_folder, path, connection) = profile(NEWEST);
    insert(&connection, "a", "value = 'new', last_update_utc = last_update_utc + 5");
    connection
        .execute_batch(
            "INSERT INTO cookies SELECT creation_utc, host_key, top_frame_site_key, name, 'old',
                 encrypted_value, path, expires_utc, is_secure, is_httponly, last_access_utc,
                 has_expires, is_persistent, priority, samesite, 1, 80, last_update_utc - 5,
                 source_type, has_cross_site_ancestor FROM cookies",
        )
        .unwrap();
    drop(connection);
    let found = read_chromium_cookies(&path).unwrap();
    let values: Vec<_> = found.cookies.iter().map(CanonicalCookie::value).collect();
    assert_eq!(values, [b"old", b"new"]);
}

#[test]
fn a_profile_in_use_is_read_with_what_is_in_its_log_and_stays_as_it_is() {
    let (folder, path, connection) = profile(NEWEST);
    insert(&connection, "before", "value = '1'");
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    connection.query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(())).unwrap();
    connection.execute_batch("DELETE FROM cookies").unwrap();
    insert(&connection, "in the log", "value = '1'");
    // Chromium keeps everybody else out while it runs.
    connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(())).unwrap();
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    insert(&connection, "not committed", "value = '1'");
    let before = contents(&folder);
    assert!(before.iter().any(|(name, bytes)| name == "Cookies-wal" && !bytes.is_empty()));

    let found = read_chromium_cookies(&path).unwrap();

    assert_eq!(names(&found), ["in the log"]);
    assert_eq!(contents(&folder), before);
    drop(connection);

    // Its last user gone, there is no log, and the database still says that it may have one.
    assert_eq!(folder.files(), ["Cookies"]);
    let before = contents(&folder);
    assert_eq!(names(&read_chromium_cookies(&path).unwrap()), ["in the log"]);
    assert_eq!(contents(&folder), before);
}

#[test]
fn a_transaction_that_a_crash_left_half_done_is_not_read() {
    let (folder, path, connection) = profile(NEWEST);
    for number in 0..400 {
        insert(&connection, &format!("n{number}"), "value = 'before'");
    }
    // So little memory that changes reach the file before the end.
    connection.execute_batch("PRAGMA cache_size = 5; PRAGMA cache_spill = 5").unwrap();
    connection.execute_batch("BEGIN; UPDATE cookies SET value = 'half'").unwrap();
    let crashed = Folder::made();
    for (name, bytes) in contents(&folder) {
        fs::write(crashed.0.join(name), bytes).unwrap();
    }
    assert_eq!(crashed.files(), ["Cookies", "Cookies-journal"]);
    assert!(fs::read(crashed.0.join("Cookies")).unwrap().windows(4).any(|four| four == b"half"));

    for (folder, path) in [(&crashed, &crashed.0.join("Cookies")), (&folder, &path)] {
        let before = contents(folder);
        let found = read_chromium_cookies(path).unwrap();
        assert_eq!(found.cookies.len(), 400);
        assert!(found.cookies.iter().all(|cookie| cookie.value() == b"before"));
        assert_eq!(contents(folder), before);
    }
}

#[test]
fn what_is_no_database_of_chromium_is_refused_by_name() {
    type Make = fn(&Path);
    let cases: [(&str, Make, NetError, &str); 10] = [
        ("nothing", |_| {}, NetError::FileNotFound, "os error 2"),
        ("a folder", |path| fs::create_dir(path).unwrap(), NetError::InvalidArgument, "Network"),
        (
            "a text",
            |path| fs::write(path, "# Netscape HTTP Cookie File\n").unwrap(),
            NetError::InvalidArgument,
            "not a database",
        ),
        (
            "garbage",
            |path| fs::write(path, [0xa5; 65_536]).unwrap(),
            NetError::InvalidArgument,
            "not a database",
        ),
        ("empty", |path| fs::write(path, "").unwrap(), NetError::InvalidArgument, "no table"),
        (
            "of another program",
            |path| sqlite(path).execute_batch("CREATE TABLE moz_cookies (a)").unwrap(),
            NetError::InvalidArgument,
            "no table",
        ),
        (
            "with other columns",
            |path| sqlite(path).execute_batch("CREATE TABLE cookies (host_key, name)").unwrap(),
            NetError::InvalidArgument,
            "no creation_utc",
        ),
        (
            "with a view",
            |path| {
                sqlite(path).execute_batch("CREATE VIEW cookies AS SELECT 1 AS host_key").unwrap()
            },
            NetError::InvalidArgument,
            "no table",
        ),
        (
            "with computed columns",
            |path| {
                sqlite(path)
                    .execute_batch(&NEWEST.replace(
                        "name TEXT NOT NULL",
                        "name TEXT GENERATED ALWAYS AS (zeroblob(900000000)) VIRTUAL",
                    ))
                    .unwrap();
            },
            NetError::InvalidArgument,
            "no name",
        ),
        (
            "too big",
            |path| fs::File::create(path).unwrap().set_len(300 << 20).unwrap(),
            NetError::FileTooBig,
            "more than cookies need",
        ),
    ];
    for (name, make, expected, cause) in cases {
        let folder = Folder::made();
        let path = folder.0.join("Cookies");
        make(&path);
        let error = read_chromium_cookies(&path).unwrap_err();
        assert_eq!(error.net_error(), expected, "{name}");
        assert!(error.is_storage() && !error.is_builder(), "{name}");
        let said = std::error::Error::source(&error).unwrap().to_string();
        assert!(said.starts_with(path.to_str().unwrap()), "{name}: {said}");
        assert!(said.contains(cause), "{name}: {said}");
        assert!(folder.files().len() <= 1, "{name}: {:?}", folder.files());
    }
}

#[test]
fn a_file_cut_anywhere_is_read_or_refused_and_never_more() {
    let (folder, path, connection) = profile(NEWEST);
    for number in 0..200 {
        insert(&connection, &format!("n{number}"), "value = hex(zeroblob(100))");
    }
    drop(connection);
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(1_777) {
        fs::write(&path, &whole[..length]).unwrap();
        if let Err(error) = read_chromium_cookies(&path) {
            assert_eq!(error.net_error(), NetError::InvalidArgument, "{length}");
        }
        assert_eq!(folder.files(), ["Cookies"], "{length}");
    }
}

#[test]
fn a_profile_may_stand_under_any_name() {
    let folder = Folder::made();
    for name in ["a b", "50%", "what?x=1", "a#b", "\u{fc}\u{1f36a}", "quote'"] {
        let inside = folder.0.join(name);
        fs::create_dir(&inside).unwrap();
        let path = inside.join("Cookies");
        let connection = sqlite(&path);
        connection.execute_batch(NEWEST).unwrap();
        insert(&connection, "a", "value = '1'");
        drop(connection);
        assert_eq!(names(&read_chromium_cookies(&path).unwrap()), ["a"], "{name}");
    }
}
