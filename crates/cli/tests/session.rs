//! Sessions on disk and `netreq cookies` from the outside: several runs of the real binary, one folder.
//!
//! What one run keeps the next one sends; what is refused changes nothing. Every test has a data folder
//! of its own.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use netreq_testserver::{Authority, Server, answer, script};

mod support;

use support::{Folder, Ran, command};

const HOST_PREFIX_LINE: &str = "__Host-p=1; Path=/; Secure; Partitioned; SameSite=None";

/// A data folder, and runs that use it.
struct Data(Folder);

impl Data {
    fn new() -> Self {
        Self(Folder::new())
    }

    fn netreq<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        let folder = self.0.0.join("data");
        command(arguments).env("NETREQ_DATA_DIR", folder).output().unwrap().into()
    }

    /// `netreq cookies --session work …`
    fn cookies(&self, words: &[&str]) -> Ran {
        self.netreq([&["cookies", "--session", "work"], words].concat())
    }

    /// What goes well and prints this.
    #[track_caller]
    fn prints(&self, words: &[&str], expected: &str) {
        let ran = self.cookies(words);
        assert_eq!((ran.code, ran.text(), &*ran.stderr), (Some(0), expected, ""), "{words:?}");
    }

    fn partition(&self, name: &str) -> PathBuf {
        self.0.0.join("data/partitions").join(name)
    }
}

#[track_caller]
fn assert_refused(ran: &Ran, code: i32, line: &str) {
    assert_eq!(
        (ran.code, ran.text(), &*ran.stderr),
        (Some(code), "", &*format!("netreq: {line}\n"))
    );
}

#[test]
fn a_login_comes_back_in_the_next_run_of_its_session_and_nowhere_else() {
    let server = Server::start();
    let data = Data::new();
    let login = "{\"cookies\": {\"login\": \"ada\"}}\n";
    let nothing = "{\"cookies\": {}}\n";
    for (arguments, path, expected) in [
        // In memory it holds over the redirect, and is gone with the run.
        (&[][..], "/cookies/set?login=ada", login),
        (&[], "/cookies", nothing),
        (&["--session", "work"], "/cookies", nothing),
        // It has no expiry, and is kept.
        (&["--session", "work"], "/cookies/set?login=ada", login),
        (&["--session", "work"], "/cookies", login),
        (&["--session", "WORK"], "/cookies", login),
        (&["--session", "other"], "/cookies", nothing),
        (&[], "/cookies", nothing),
    ] {
        let url = server.url(path);
        let ran = data.netreq([arguments, &[&*url]].concat());
        assert_eq!((ran.code, ran.text(), &*ran.stderr), (Some(0), expected, ""), "{arguments:?}");
    }
}

#[test]
fn a_cookie_is_kept_from_an_answer_that_fails() {
    let server = script()
        .connection(|peer| {
            let cut = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 9\r\n\r\nshort";
            peer.expect_get("/").reply(cut).close()
        })
        .start();
    let data = Data::new();
    let ran = data.netreq(["--session", "work", &server.url("/")]);
    assert_eq!((ran.code, ran.text()), (Some(10), "short"), "{ran:?}");
    data.prints(&["list"], "127.0.0.1\t/\ta\tsession\t-\tb\n");
}

#[cfg(unix)]
#[test]
fn what_is_kept_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let data = Data::new();
    data.prints(&["set", "a.test", "a=b"], "");
    let export = data.0.path("cookies.txt");
    data.prints(&["export", &export], "");

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let partition = data.partition("work");
    assert_eq!(mode(&partition), 0o700);
    for file in fs::read_dir(&partition).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
    }
    assert_eq!(mode(export.as_ref()), 0o600);
}

#[cfg(target_os = "linux")]
#[test]
fn a_copy_of_the_command_under_another_name_uses_the_same_sessions() {
    let data = Data::new();
    let copy = data.0.path("x");
    fs::copy(env!("CARGO_BIN_EXE_netreq"), &copy).unwrap();
    let words = ["cookies", "--session", "work", "set", "a.test", "a=b"];
    let mut ran = std::process::Command::new(&copy);
    let ran = ran.args(words).env_clear().env("XDG_DATA_HOME", &data.0.0).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let words = ["cookies", "--session", "work"];
    let ran = command(words).env("XDG_DATA_HOME", &data.0.0).output().unwrap();
    assert_eq!(Ran::from(ran).text(), "a.test\t/\ta\tsession\t-\tb\n");
    assert!(data.0.0.join("netreq/netreq/partitions/work/state.db").exists());
}

#[test]
fn every_format_comes_back_as_it_went_out() {
    let data = Data::new();
    for words in [
        &[
            "a.test",
            "persistent=a b \"c\"",
            "Expires=Tue, 1 Jan 2047 00:00:00 GMT",
            "Domain=a.test",
        ][..],
        &["a.test/x/y", "session=1", "HttpOnly", "Secure"],
        &["localhost", "=nameless"],
    ] {
        data.prints(&[&["set"], words].concat(), "");
    }
    let lines = data.cookies(&["list"]).text().to_owned();
    let [persistent, session, nameless] = lines.lines().collect::<Vec<_>>()[..] else {
        panic!("{lines}");
    };
    assert!(persistent.starts_with(".a.test\t/\tpersistent\t20"), "{lines}");
    assert!(persistent.ends_with("Z\t-\ta b \"c\""), "{lines}");
    assert_eq!(session, "a.test\t/x\tsession\tsession\tSecure,HttpOnly\t1");
    assert_eq!(nameless, "localhost\t/\t\tsession\t-\tnameless");

    let (netscape, json) = (data.0.path("c.txt"), data.0.path("c.json"));
    data.prints(&["export", &netscape], "");
    data.prints(&["export", "--json", &json], "");
    data.prints(&["list", "--json"], &fs::read_to_string(&json).unwrap());
    data.prints(&["export"], &fs::read_to_string(&netscape).unwrap());
    for file in [&netscape, &json] {
        data.prints(&["clear"], "");
        data.prints(&["list"], "");
        data.prints(&["import", file], "3 cookies taken\n");
        data.prints(&["list"], &lines);
        let again = format!("{file}.again");
        let form: &[&str] = if file == &json { &["--json"] } else { &[] };
        data.prints(&[&["export", &*again], form].concat(), "");
        assert_eq!(fs::read(&again).unwrap(), fs::read(file).unwrap(), "{file}");
    }
}

#[test]
fn what_a_format_has_no_place_for_is_left_out_and_told() {
    let data = Data::new();
    data.prints(&["set", "a.test", HOST_PREFIX_LINE], "");
    let ran = data.cookies(&["export"]);
    assert_eq!((ran.code, ran.text()), (Some(0), "# Netscape HTTP Cookie File\n\n"));
    assert_eq!(
        ran.stderr,
        "netreq: left out 1 of the cookies, that are partitioned; with --json they have a place\n"
    );
    data.prints(
        &["--json"],
        "[\n{\"name\": \"__Host-p\", \"value\": \"1\", \"domain\": \"a.test\", \"hostOnly\": true, \
         \"path\": \"/\", \"secure\": true, \"httpOnly\": false, \"session\": true, \
         \"sameSite\": \"no_restriction\", \"partitionKey\": {\"topLevelSite\": \"https://a.test\", \
         \"hasCrossSiteAncestor\": false}}\n]\n",
    );

    data.prints(&["clear"], "");
    let file = data.0.path("bytes.txt");
    fs::write(&file, b"a.test\tFALSE\t/\tFALSE\t0\ta\t\xff\n").unwrap();
    data.prints(&["import", &file], "1 cookie taken\n");
    let ran = data.cookies(&["export", "--json"]);
    assert_eq!((ran.code, ran.text()), (Some(0), "[]\n"));
    assert_eq!(
        ran.stderr,
        "netreq: left out 1 of the cookies, whose bytes are no text; without --json they have a place\n"
    );
    assert!(data.cookies(&["export"]).stdout.ends_with(b"\ta\t\xff\n"));
}

#[test]
fn a_request_sends_what_was_imported() {
    let server = Server::start();
    let data = Data::new();
    let file = data.0.path("cookies.txt");
    // curl writes such a file; the later line holds, and what has expired says nothing.
    let lines = "#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\ta\t1\n\
                 127.0.0.1\tFALSE\t/\tFALSE\t1\told\t1\n\
                 127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tb\t2\n\
                 127.0.0.1\tFALSE\t/\tFALSE\t0\ta\t3\n";
    fs::write(&file, lines).unwrap();
    data.prints(&["import", &file], "3 cookies taken, 1 expired\n");
    let ran = data.netreq(["--session", "work", &server.url("/cookies")]);
    assert_eq!(ran.text(), "{\"cookies\": {\"b\": \"2\", \"a\": \"3\"}}\n");
    data.prints(
        &["import", "--json", &file],
        "{\"taken\": 3, \"expired\": 1, \"older\": 0, \"encrypted\": 0, \"skipped\": 0}\n",
    );
}

#[test]
fn a_profile_of_electron_is_imported_where_it_is_not_encrypted() {
    const TABLES: &str = "
        CREATE TABLE meta (key LONGVARCHAR NOT NULL UNIQUE PRIMARY KEY, value LONGVARCHAR);
        INSERT INTO meta VALUES ('version', '24'), ('last_compatible_version', '24');
        CREATE TABLE cookies (creation_utc INTEGER NOT NULL, host_key TEXT NOT NULL,
            top_frame_site_key TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
            encrypted_value BLOB NOT NULL, path TEXT NOT NULL, expires_utc INTEGER NOT NULL,
            is_secure INTEGER NOT NULL, is_httponly INTEGER NOT NULL,
            last_access_utc INTEGER NOT NULL, has_expires INTEGER NOT NULL,
            is_persistent INTEGER NOT NULL, priority INTEGER NOT NULL, samesite INTEGER NOT NULL,
            source_scheme INTEGER NOT NULL, source_port INTEGER NOT NULL,
            last_update_utc INTEGER NOT NULL, source_type INTEGER NOT NULL,
            has_cross_site_ancestor INTEGER NOT NULL);
        INSERT INTO cookies VALUES (13348540800000000, '.a.test', '', 'plain', 'value', x'', '/',
            0, 1, 1, 13348540800000000, 0, 0, 1, 1, 2, 443, 13348540800000000, 1, 0);
        INSERT INTO cookies VALUES (13348540800000000, '.a.test', '', 'secret', '', x'763130ff', '/',
            0, 1, 1, 13348540800000000, 0, 0, 1, 1, 2, 443, 13348540800000000, 1, 0);
        INSERT INTO cookies VALUES (13348540800000000, '.a.test', '', 'old', 'value', x'', '/',
            13348540900000000, 1, 1, 13348540800000000, 1, 1, 1, 1, 2, 443, 13348540800000000, 1, 0);
        INSERT INTO cookies VALUES (13348540800000000, 'no host', '', 'bad', 'value', x'', '/',
            0, 1, 1, 13348540800000000, 0, 0, 1, 1, 2, 443, 13348540800000000, 1, 0);";
    let data = Data::new();
    let path = data.0.path("Cookies");
    rusqlite::Connection::open(&path).unwrap().execute_batch(TABLES).unwrap();
    data.prints(&["import", &path], "1 cookie taken, 1 expired, 1 encrypted, 1 skipped\n");
    let line = ".a.test\t/\tplain\tsession\tSecure,HttpOnly,SameSite=Lax\tvalue\n";
    data.prints(&["list"], line);
    let mut piped = command(["cookies", "--session", "work", "import", "-"]);
    let file = fs::File::open(&path).unwrap();
    let ran = piped.stdin(file).env("NETREQ_DATA_DIR", data.0.0.join("data")).output().unwrap();
    assert_refused(&ran.into(), 11, "a database is read from a file, not from standard input");
    // What was set here since then is younger.
    data.prints(&["set", "a.test", "plain=new; Domain=a.test; Secure"], "");
    let ran = data.cookies(&["import", &path]);
    assert!(
        ran.text().starts_with("0 cookies taken, 1 expired, 1 older than in the session"),
        "{ran:?}"
    );
}

#[test]
fn one_cookie_is_set_shown_and_removed() {
    let data = Data::new();
    data.prints(&["set", "https://a.test/x/", "a=1; Path=/"], "");
    data.prints(&["set", "a.test", "b=2"], "");
    data.prints(&["set", "b.test", "c=3"], "");
    data.prints(&["list", "a.test"], "a.test\t/\ta\tsession\t-\t1\na.test\t/\tb\tsession\t-\t2\n");
    data.prints(&["sub.a.test"], "");
    data.prints(&["remove", "a.test", "a"], "");
    assert_refused(
        &data.cookies(&["remove", "a.test", "a"]),
        1,
        "no cookie a goes to https://a.test/",
    );
    data.prints(&["clear", "sub.a.test"], "");
    data.prints(&[], "b.test\t/\tc\tsession\t-\t3\n");
    // The end of a cookie is its removal.
    data.prints(&["set", "b.test", "c=", "Max-Age=0"], "");
    data.prints(&[], "");
}

#[test]
fn an_export_is_whole_and_over_nothing() {
    let data = Data::new();
    data.prints(&["set", "a.test", "a=b"], "");
    let path = data.0.path("cookies.txt");
    fs::write(&path, "precious").unwrap();
    let refused = format!("{path} is there already; --overwrite replaces it");
    assert_refused(&data.cookies(&["export", &path]), 11, &refused);
    assert_eq!(fs::read(&path).unwrap(), b"precious");

    data.prints(&["export", "--overwrite", &path], "");
    let content = "# Netscape HTTP Cookie File\n\na.test\tFALSE\t/\tFALSE\t0\ta\tb\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), content);
    #[cfg(unix)]
    {
        let link = data.0.path("link");
        let elsewhere = data.0.path("elsewhere");
        fs::write(&elsewhere, "precious").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        assert_eq!(data.cookies(&["export", &link]).code, Some(11));
        data.prints(&["export", "--overwrite", &link], "");
        assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
        assert_eq!(fs::read_to_string(&link).unwrap(), content);
    }
    let mut nameless = command(["cookies", "--session", "work", "export", ""]);
    nameless.current_dir(&data.0.0).env("NETREQ_DATA_DIR", data.0.0.join("data"));
    assert_refused(&nameless.output().unwrap().into(), 11, "'' names no file");
    let nowhere = data.0.path("none/cookies.txt");
    assert_eq!(data.cookies(&["export", &nowhere]).code, Some(11));
    assert!(data.0.names().iter().all(|name| !name.ends_with(".part")), "{:?}", data.0.names());
}

#[test]
fn bad_input_is_named_and_stores_nothing() {
    let data = Data::new();
    let long = "x".repeat(241);
    let too_long =
        "--session: the folder of the partition would have a name of more than 240 bytes";
    for (arguments, code, line) in [
        (&["cookies"][..], 64, "netreq cookies works on a session: write --session NAME"),
        (&["cookies", "--session", ""], 64, "--session '': a session has a name"),
        (&["--session", "", "localhost:1"], 64, "--session '': a session has a name"),
        (&["--session=persist:a", "a"], 64, "--session 'persist:a': write the name alone: a"),
        (&["cookies", "--session", &long], 64, too_long),
        (&["--session", &long, "localhost:1"], 64, too_long),
    ] {
        assert_refused(&data.netreq(arguments), code, line);
    }
    let bad = data.0.path("bad");
    let no_file = |why: &str| format!("{bad} is no file of cookies: {why}");
    for (content, why) in [
        (&b"secret"[..], "line 1: seven fields with tabs between are expected"),
        (
            b"a.test\tFALSE\t/\tFALSE\t0\ta\t1\na.test\tFALSE\t/\tFALSE\tsoon\ta\tsecret\n",
            "line 2: field 5 is not a number of seconds",
        ),
        (b"[{\"domain\": \"a.test\", \"name\": \"a\"}, 1]", "cookie 2: it is no object"),
        (b"{\"name\": \"secret\"", "EOF while parsing an object at line 1 column 17"),
        (b"\xff\xfe\0\0", "line 1: seven fields with tabs between are expected"),
    ] {
        fs::write(&bad, content).unwrap();
        assert_refused(&data.cookies(&["import", &bad]), 11, &no_file(why));
    }
    fs::write(&bad, b"SQLite format 3\0junk").unwrap();
    let ran = data.cookies(&["import", &bad]);
    assert_eq!(ran.code, Some(11));
    let named = format!("netreq: {bad}: no cookie database of Chromium: ");
    assert!(ran.stderr.starts_with(&named), "{ran:?}");
    let none = data.0.path("none");
    let missing = format!("cannot read {none}: No such file or directory (os error 2)");
    assert_refused(&data.cookies(&["import", &none]), 11, &missing);

    let failed = "Failed to set cookie - ";
    for (words, why) in [
        (
            &["http://a.test", "a=secret", "Secure"][..],
            "The cookie was Secure, but the URL was not allowed to access Secure cookies.",
        ),
        (
            &["a.test", "a=secret", "Domain=b.test"],
            "The cookie was set with an invalid Domain attribute.",
        ),
        (&["a.test", "a=sec\x01ret"], "The cookie contains ASCII control characters"),
        (&["a.test", "="], "The cookie contains no content or only whitespace."),
        (
            &["a.test", "__Host-a=secret"],
            "The cookie was set with an invalid __Host- or __Secure- prefix.",
        ),
    ] {
        let ran = data.cookies(&[&["set"], words].concat());
        assert_refused(&ran, 64, &format!("{failed}{why}"));
    }
    let long = format!("a={}", "s".repeat(4096));
    let ran = data.cookies(&["set", "a.test", &long]);
    assert_refused(
        &ran,
        64,
        &format!("{failed}The cookie exceeded the name/value pair size limit."),
    );
    let ran = data.cookies(&["set", "a.test", "a=b", "Max-Age=soon"]);
    assert_refused(
        &ran,
        64,
        "Max-Age is a number of seconds, Expires a date such as Wed, 25 Nov 2026 10:00:00 GMT",
    );
    assert!(!data.0.0.join("data").exists());
}

#[test]
fn a_damaged_database_is_told_once_and_set_aside() {
    let server = Server::start();
    let data = Data::new();
    data.prints(&["set", "a.test", "a=b"], "");
    let database = data.partition("work").join("state.db");
    fs::write(&database, "this is no database, whatever its name says").unwrap();
    let url = server.url("/cookies/set?c=d");
    let ran = data.netreq(["--session", "work", &url]);
    assert_eq!((ran.code, ran.text()), (Some(0), "{\"cookies\": {\"c\": \"d\"}}\n"));
    let kept = format!("it is kept as {}.corrupt", database.display());
    assert_eq!(ran.stderr.matches('\n').count(), 1, "{ran:?}");
    assert!(
        ran.stderr.starts_with("netreq: the database of session work was damaged ("),
        "{ran:?}"
    );
    assert!(ran.stderr.contains(&kept), "{ran:?}");
    data.prints(&["list"], "127.0.0.1\t/\tc\tsession\t-\td\n");
}

#[test]
fn a_session_that_cannot_be_kept_is_told_and_has_a_code() {
    let server = Server::start();
    let data = Data::new();
    // A file stands where the folder belongs.
    fs::write(data.0.0.join("data"), "").unwrap();
    let url = server.url("/cookies/set?a=b");
    let ran = data.netreq(["--session", "work", &url]);
    assert_eq!((ran.code, ran.text()), (Some(11), "{\"cookies\": {\"a\": \"b\"}}\n"), "{ran:?}");
    let folder = data.partition("work");
    let start = format!("netreq: the cookies of session work are not kept: {}", folder.display());
    assert!(ran.stderr.starts_with(&start), "{ran:?}");
    let hint =
        "; check the owner and the mode of the folder, or name another one with NETREQ_DATA_DIR\n";
    assert!(ran.stderr.ends_with(hint), "{ran:?}");
    assert_eq!(ran.stderr.matches('\n').count(), 1, "{ran:?}");

    // The request's own failure wins.
    let ran = data.netreq(["--session", "work", "--check-status", &server.url("/status/404")]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let ran = data.netreq(["-s", "--session", "work", &url]);
    assert_eq!((ran.code, &*ran.stderr), (Some(11), ""));
    let ran = data.cookies(&["set", "a.test", "a=secret"]);
    assert_eq!((ran.code, ran.text()), (Some(11), ""), "{ran:?}");
    assert!(ran.stderr.starts_with(&start) && !ran.stderr.contains("secret"), "{ran:?}");
    assert_eq!(ran.stderr.matches('\n').count(), 1, "{ran:?}");

    let mut homeless = command(["--session", "work", &url]);
    let ran = Ran::from(homeless.output().unwrap());
    let line = "--session: the system names no folder for data; name one with NETREQ_DATA_DIR";
    assert_refused(&ran, 11, line);
}

#[test]
fn a_session_of_a_newer_version_is_left_as_it_is() {
    let server = Server::start();
    let data = Data::new();
    data.prints(&["set", "a.test", "a=b"], "");
    let path = data.partition("work").join("state.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let cause = "the database has format 99, and this program knows 1 and before \
                 (net::ERR_NOT_IMPLEMENTED); a newer netreq made it: use that one, or another session";
    let unread = format!("the cookies of session work cannot be read: {cause}");
    let unkept = format!("the cookies of session work are not kept: {cause}");
    assert_refused(&data.cookies(&["list"]), 11, &unread);
    assert_refused(&data.cookies(&["export"]), 11, &unread);
    assert_refused(&data.cookies(&["set", "a.test", "c=secret"]), 11, &unkept);
    let ran = data.netreq(["--session", "work", &server.url("/cookies/set?c=d")]);
    assert_eq!((ran.code, &*ran.stderr), (Some(11), &*format!("netreq: {unkept}\n")));
}

#[test]
fn a_cookie_that_is_left_out_is_shown_with_its_reason() {
    let head = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Domain=b.test\r\nSet-Cookie: b=2; Path=/; Secure\r\n\
                Set-Cookie: c=3; Path=/x\r\nContent-Length: 0\r\n\r\n";
    let server = script()
        .connection(|peer| peer.expect_get("/x/y").reply(head.as_bytes()).close())
        .connection(|peer| peer.expect_get("/z").reply(answer("ok")).close())
        .connection(|peer| peer.expect_get("/z").reply(answer("ok")).close())
        .start();
    let data = Data::new();
    let url = server.url("/x/y");
    let refused = "The cookie was set with an invalid Domain attribute.";
    let with_user = url.replace("http://", "http://me:secret@");
    let ran = data.netreq(["-v", "--session", "work", &with_user]);
    let sent = server.request_text(0);
    assert_eq!(
        ran.stderr,
        format!("{sent}{head}netreq: {url}: cookie a was not stored: {refused}\n")
    );

    let url = server.url("/z");
    let off_path =
        "The cookie's path attribute did not match the path of the URL attempting access.";
    let ran = data.netreq(["-v", "--session", "work", &url]);
    assert!(ran.stderr.contains("\r\nCookie: b=2\r\n"), "{ran:?}");
    let line = format!("netreq: {url}: cookie c was not sent: {off_path}\n");
    assert!(ran.stderr.ends_with(&format!("\r\n\r\n{line}")), "{ran:?}");

    let ran = data.netreq(["--json", "--session", "work", &url]);
    let objects = format!(
        "\"excluded_cookies\": [{{\"url\": \"{url}\", \"name\": \"c\", \"access\": \"send\", \
         \"reason\": \"{off_path}\"}}]"
    );
    assert!(ran.text().contains(&objects), "{ran:?}");
    server.finished();
}

#[test]
fn a_cookie_that_is_left_out_on_the_way_is_shown_at_its_hop() {
    let hop = "HTTP/1.1 302 Found\r\nLocation: /2\r\nSet-Cookie: a=1; Domain=b.test\r\n\
               Content-Length: 0\r\n\r\n";
    let server = script()
        .connection(|peer| {
            peer.expect_get("/1").reply(hop).expect_get("/2").reply(answer("ok")).close()
        })
        .start();
    let data = Data::new();
    let url = server.url("/1");
    let ran = data.netreq(["-v", &url]);
    let (first, second) = (server.request_text(0), server.request_text(1));
    let line = format!(
        "netreq: {url}: cookie a was not stored: The cookie was set with an invalid Domain attribute.\n"
    );
    let end = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(ran.stderr, format!("{first}{hop}{line}{second}{end}"));
    server.finished();
}

#[test]
fn a_field_of_the_users_takes_the_place_of_the_cookies() {
    let server = Server::start();
    let data = Data::new();
    data.prints(&["set", "127.0.0.1", "a=1"], "");
    let ran = data.netreq(["--session", "work", &server.url("/cookies"), "Cookie:b=2"]);
    assert_eq!(ran.text(), "{\"cookies\": {\"b\": \"2\"}}\n");
}

#[test]
fn a_session_remembers_who_is_spoken_to_over_tls_only() {
    let authority = Authority::new();
    let ca = Folder::new();
    let pem = ca.path("ca.pem");
    fs::write(&pem, authority.certificate_pem()).unwrap();
    let reply =
        b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=60\r\nContent-Length: 0\r\n\r\n";
    let server = script()
        .tls(&authority.identity_for(&["a.test"]))
        .connection(|peer| peer.expect_get("/").reply(reply).close())
        .connection(|peer| peer.expect_get("/next").reply(answer("over TLS")).close())
        .start();
    let data = Data::new();
    let port = server.address().port();
    let here = format!("a.test:{port}:127.0.0.1");
    let ask = |url: &str| data.netreq(["--session", "work", "--ca", &pem, "--resolve", &here, url]);
    assert_eq!(ask(&format!("https://a.test:{port}/")).code, Some(0));
    assert_eq!(ask(&format!("http://a.test:{port}/next")).text(), "over TLS");
    server.finished();
}
