//! The command from the outside: the real binary, servers that say known bytes, and curl beside it.
//!
//! What a script may rely on is checked byte for byte: standard output, standard error, files and exit
//! codes. The environment of every run is empty but for what a test sets.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use support::{Folder, Ran, command};

use netreq_testserver::{Authority, Gate, OK, Peer, Server, answer, pattern, script};

mod support;

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

fn netreq<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    command(arguments).output().unwrap().into()
}

/// Runs with `input` on standard input, as a pipe.
fn netreq_fed<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>, input: &[u8]) -> Ran {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended without reading: what it made of its input shows in what it said.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap().into()
}

fn curl(arguments: &[&str]) -> Vec<u8> {
    let output =
        Command::new("curl").arg("-s").args(arguments).output().expect("curl is installed");
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// A child that is ended with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_pipe_carries_the_same_bytes_as_curls() {
    for (ours, curls, path) in [
        (&[][..], &[][..], "/bytes/0"),
        (&[], &[], "/bytes/1000000"),
        (&[], &[], "/chunked/100000?size=777"),
        (&[], &[], "/stream/30"),
        (&[], &[], "/close"),
        (&[], &[], "/http10"),
        (&[], &[], "/early-hints"),
        (&[], &[], "/trailers"),
        (&[], &[], "/status/404"),
        (&[], &["-L"], "/redirect/3"),
        (&["--redirect", "manual", "-i"], &["-i"], "/redirect/3"),
        (&["-i"], &["-i"], "/bytes/10"),
        (&["-I"], &["-I"], "/bytes/10"),
        (&["-u", "me:secret"], &["-u", "me:secret"], "/basic-auth/me/secret"),
        (&["-d", "a=1", "-d", "b=2"], &["-d", "a=1", "-d", "b=2"], "/echo"),
        (&["-X", "PUT", "-d", "x"], &["-X", "PUT", "-d", "x"], "/echo"),
    ] {
        let url = SERVER.url(path);
        let ran = netreq(ours.iter().copied().chain([url.as_str()]));
        let expected = curl(&[curls, &[url.as_str()]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{path}");
        assert!(ran.stdout == expected, "{path}: {} and {}", ran.stdout.len(), expected.len());
    }
}

#[test]
fn a_coded_body_comes_out_decoded() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let ran = netreq([SERVER.url(&format!("/{coding}"))]);
        assert_eq!(ran.code, Some(0), "{coding}");
        assert!(ran.text().starts_with(&format!("{{\"encoding\": \"{coding}\"")), "{coding}");
    }
}

#[test]
fn verbose_shows_both_heads_exactly_as_on_the_wire() {
    let reply = b"HTTP/1.1 200 Fine by me\r\nx-LOWER: 1\r\nX-Two:  a\r\nX-Two: b\r\nContent-Length: 2\r\n\r\nok";
    let server = script().connection(|peer| peer.expect_get("/1").reply(reply).close()).start();
    let ran = netreq(["-v", &server.url("/1"), "x-Lower:1", "X-UPPER:2"]);
    assert_eq!((ran.code, ran.text()), (Some(0), "ok"));
    let sent = server.request_text(0);
    assert!(sent.contains("\r\nx-Lower: 1\r\nX-UPPER: 2\r\n"), "{sent}");
    let received = std::str::from_utf8(&reply[..reply.len() - 2]).unwrap();
    assert_eq!(ran.stderr, format!("{sent}{received}"));
    server.finished();
}

#[test]
fn verbose_shows_what_was_asked_when_no_answer_comes() {
    let server = script().connection(|peer| peer.expect_get("/1").close()).start();
    let ran = netreq(["-v", &server.url("/1"), "X-One:1"]);
    assert_eq!(ran.code, Some(10), "{ran:?}");
    let sent = server.request_text(0);
    assert!(sent.contains("\r\nX-One: 1\r\n"), "{sent}");
    assert!(ran.stderr.starts_with(&format!("{sent}netreq: http://")), "{ran:?}");
}

#[test]
fn items_make_the_request() {
    let ran = netreq([
        &SERVER.url("/anything?x=1"),
        "name=Ada",
        "n:=1.50",
        "list:=[1, true]",
        "q==a b",
        "X-Trace:7",
        "X-Empty;",
        "User-Agent:",
    ]);
    assert_eq!(ran.code, Some(0));
    let text = ran.text();
    for expected in [
        r#""method": "POST""#,
        r#""target": "/anything?x=1&q=a+b""#,
        r#""body": "{\"name\": \"Ada\", \"n\": 1.50, \"list\": [1, true]}""#,
        r#"["X-Trace", "7"], ["X-Empty", ""], ["Content-Type", "application/json"]"#,
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    assert!(!text.contains("User-Agent"), "{text}");

    let ran = netreq(["--form", &SERVER.url("/echo"), "a=1&2", "b=é"]);
    assert_eq!(ran.text(), "a=1%262&b=%C3%A9");
}

#[test]
fn a_body_comes_from_a_file_or_from_standard_input() {
    let folder = Folder::new();
    let body = pattern(300_000);
    fs::write(folder.path("body.json"), &body).unwrap();
    let url = SERVER.url("/echo");

    let at_file = format!("@{}", folder.path("body.json"));
    let from_file = netreq([url.as_str(), &at_file]);
    assert_eq!((from_file.code, from_file.stdout == body), (Some(0), true));

    let as_data = netreq(["--data-binary", &at_file, url.as_str()]);
    assert_eq!((as_data.code, as_data.stdout == body), (Some(0), true));
    let data_from_pipe = netreq_fed(["--data-binary", "@-", url.as_str()], &body);
    assert_eq!((data_from_pipe.code, data_from_pipe.stdout == body), (Some(0), true));

    let from_pipe = netreq_fed([url.as_str(), "@-"], &body);
    assert_eq!((from_pipe.code, from_pipe.stdout == body), (Some(0), true));

    let mut redirected = command([url.as_str(), "@-"]);
    redirected.stdin(fs::File::open(folder.path("body.json")).unwrap());
    let redirected = Ran::from(redirected.output().unwrap());
    assert_eq!((redirected.code, redirected.stdout == body), (Some(0), true));

    // Without `@-` standard input is nobody's business.
    let unread = netreq_fed([SERVER.url("/anything").as_str()], b"not for you");
    assert!(unread.text().contains(r#""method": "GET""#), "{unread:?}");
    assert!(unread.text().contains(r#""bytes": 0"#), "{unread:?}");
}

#[test]
fn a_file_has_a_length_and_a_pipe_goes_in_chunks() {
    let folder = Folder::new();
    fs::write(folder.path("f"), "file").unwrap();
    let server = script()
        .connection(|peer| {
            peer.expect_request("POST", "/f")
                .expect_field("Content-Length", "4")
                .expect_no_field("Transfer-Encoding")
                .expect_bytes("file")
                .reply(OK)
                .close()
        })
        .connection(|peer| {
            peer.expect_request("POST", "/p")
                .expect_field("Transfer-Encoding", "chunked")
                .expect_chunked_body("pipe")
                .reply(OK)
                .close()
        })
        .start();
    assert_eq!(netreq([server.url("/f"), format!("@{}", folder.path("f"))]).code, Some(0));
    assert_eq!(netreq_fed([&server.url("/p"), "@-"], b"pipe").code, Some(0));
    server.finished();
}

#[test]
fn every_failure_has_its_code_and_one_line() {
    let authority = Authority::new();
    let secure = Server::builder().tls(&authority.identity()).start().unwrap();
    let closed = {
        // A port that was ours a moment ago.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let plain = |path: &str| SERVER.url(path);
    for (line, code, expected) in [
        (vec![closed], 7, "net::ERR_CONNECTION_REFUSED in phase connect"),
        (vec!["http://nothing.invalid/".into()], 8, "net::ERR_NAME_NOT_RESOLVED in phase resolve"),
        (vec![secure.url("/")], 9, "net::ERR_CERT_AUTHORITY_INVALID in phase tls"),
        (
            vec!["--max-time".into(), "0.2".into(), plain("/delay/60000")],
            2,
            "net::ERR_TIMED_OUT in phase wait",
        ),
        (
            vec!["--max-time".into(), "0.2".into(), plain("/delay/60000")],
            2,
            "the total time limit ran out; --max-time limits the whole request: try a longer one",
        ),
        (
            vec!["--max-time=1ms".into(), plain("/delay/60000")],
            2,
            "; --max-time limits the whole request: try a longer one",
        ),
        (
            vec!["--first-byte-timeout".into(), "200ms".into(), plain("/delay/60000")],
            2,
            "net::ERR_TIMED_OUT in phase wait",
        ),
        (
            vec!["--idle-timeout".into(), "0.2".into(), plain("/drip?delay_ms=60000")],
            2,
            "net::ERR_TIMED_OUT in phase receive",
        ),
        (vec![plain("/truncated")], 10, "net::ERR_CONTENT_LENGTH_MISMATCH in phase receive"),
        (
            vec![plain("/truncated-chunked")],
            10,
            "net::ERR_INCOMPLETE_CHUNKED_ENCODING in phase receive",
        ),
        (vec![plain("/empty")], 10, "net::ERR_EMPTY_RESPONSE in phase wait"),
        (vec![plain("/reset")], 7, "net::ERR_CONNECTION_RESET in phase wait"),
        (vec![plain("/redirect/21")], 6, "net::ERR_TOO_MANY_REDIRECTS"),
        (
            vec!["--redirect".into(), "error".into(), plain("/redirect/1")],
            6,
            "Attempted to redirect, but redirect policy was 'error'",
        ),
        (
            vec!["--check-status".into(), plain("/status/404")],
            4,
            "the server answered 404 Not Found",
        ),
        (vec!["--fail".into(), plain("/status/503")], 5, "the server answered 503"),
        (
            vec!["--check-status".into(), "--redirect=manual".into(), plain("/redirect/1")],
            3,
            "the server answered 302 Found",
        ),
        (vec![plain("/"), "@/nonexistent".into()], 11, "cannot read /nonexistent"),
        (vec![plain("/"), "Content-Length:5".into()], 64, "Content-Length"),
        (vec![plain("/"), "A:b\nc".into()], 64, "net::ERR_INVALID_ARGUMENT"),
        (
            vec!["http://user:secret@127.0.0.1:99999/".into()],
            64,
            "'http://…@127.0.0.1:99999/' is no URL: invalid port number",
        ),
        (vec![plain("/"), "Connection:close".into(), "Connection:x".into()], 64, "'Connection:'"),
        (vec!["ftp://localhost/".into()], 64, "only http and https can be asked, not ftp"),
        (vec!["--nonsense".into()], 64, "there is no flag --nonsense"),
        (vec!["-x".into(), "proxy:1".into(), plain("/")], 64, "is not there yet"),
        (vec![], 64, "no URL"),
    ] {
        let ran = netreq(&line);
        assert_eq!(ran.code, Some(code), "{line:?}: {ran:?}");
        assert!(!ran.stderr.contains("secret"), "{line:?}: {ran:?}");
        assert!(ran.stderr.starts_with("netreq: "), "{line:?}: {ran:?}");
        assert!(ran.stderr.contains(expected), "{line:?}: {ran:?}");
        assert_eq!(ran.stderr.matches('\n').count(), 1, "{line:?}: {ran:?}");

        let silent = netreq(["-s".into()].into_iter().chain(line.clone()));
        if code != 64 {
            assert_eq!((silent.code, silent.stderr.as_str()), (Some(code), ""), "{line:?}");
        }
    }
    assert_eq!(secure.requests(), 0);
}

#[test]
fn names_are_resolved_over_https_by_the_server_of_a_flag() {
    let folder = Folder::new();
    let authority = Authority::new();
    let ca = folder.path("ca.pem");
    fs::write(&ca, authority.certificate_pem()).unwrap();
    // RFC 1035 §4: one A record for a.test. The question for AAAA, which goes out beside, gets no answer.
    let message = b"\0\0\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x04test\0\0\x01\0\x01\
        \xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\x7f\0\0\x01";
    let mut reply =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: 40\r\n\r\n"
            .to_vec();
    reply.extend(message);
    let asked = |peer: Peer| peer.expect_request("POST", "/dns-query").read_body(128).reply(&reply);
    let dns = script().tls(&authority.identity()).connection(asked).connection(asked).start();

    let url = format!("http://a.test:{}/status/200", SERVER.address().port());
    let ran = netreq(["--doh-url", &dns.url("/dns-query"), "--ca", &ca, &url]);
    assert_eq!((ran.code, ran.text(), ran.stderr.as_str()), (Some(0), "200\n", ""));
    dns.finished();

    let ran = netreq(["--doh-url", "https://nowhere.invalid/dns-query", &url]);
    assert_eq!(ran.code, Some(8), "{}", ran.stderr);
    assert!(ran.stderr.contains("check the server of --doh-url"), "{}", ran.stderr);
    let ran = netreq(["--doh-url", "http://127.0.0.1/dns-query", &url]);
    let expected = "netreq: --doh-url 'http://127.0.0.1/dns-query': a DNS-over-HTTPS server is asked over https\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(64), expected));
}

#[test]
fn a_certificate_is_trusted_by_flag() {
    let folder = Folder::new();
    let authority = Authority::new();
    let secure = Server::builder().tls(&authority.identity()).start().unwrap();
    let ca = folder.path("ca.pem");
    fs::write(&ca, authority.certificate_pem()).unwrap();
    let url = secure.url("/status/200");
    for flags in [&["--ca", &ca][..], &["--cacert", &ca], &["-k"]] {
        let ran = netreq(flags.iter().copied().chain([url.as_str()]));
        assert_eq!(
            (ran.code, ran.text(), ran.stderr.as_str()),
            (Some(0), "200\n", ""),
            "{flags:?}"
        );
    }
    let named = format!("https://localhost:{}/status/200", secure.address().port());
    let resolve = format!("localhost:{}:127.0.0.1", secure.address().port());
    assert_eq!(netreq(["--resolve", &resolve, "--ca", &ca, &named]).text(), "200\n");

    fs::write(&ca, "no certificate").unwrap();
    let ran = netreq(["--ca", &ca, &url]);
    let expected = format!("netreq: --ca {ca}: no CERTIFICATE block (is it PEM?)\n");
    assert_eq!((ran.code, ran.stderr), (Some(64), expected));
}

#[test]
fn the_host_field_is_the_users_and_others_of_the_engine_are_not() {
    let ran = netreq([&SERVER.url("/headers"), "Host:other.example"]);
    assert!(ran.text().starts_with(r#"[["Host", "other.example"]"#), "{ran:?}");
    for item in ["Transfer-Encoding:chunked", "Upgrade:x", "Proxy-Authorization:x", "Keep-Alive:1"]
    {
        for line in [
            vec![SERVER.url("/"), item.into()],
            vec![SERVER.url("/"), "Host:a".into(), item.into()],
        ] {
            let ran = netreq(&line);
            assert_eq!((ran.code, ran.text()), (Some(64), ""), "{line:?} {ran:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_takes_the_place_of_the_host() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let server = script()
        .bind_unix(&path)
        .connection(|peer| {
            peer.expect_get("/v1/info").expect_field("Host", "docker").reply(OK).close()
        })
        .start();
    let ran = netreq(["--unix-socket", &path, "http://docker/v1/info"]);
    assert_eq!((ran.code, ran.text()), (Some(0), "ok"), "{ran:?}");
    server.finished();
}

#[test]
fn a_download_gets_its_name_when_it_is_complete() {
    let folder = Folder::new();
    let out = folder.path("out");
    let url = SERVER.url("/bytes/300000");
    let ran = netreq(["-o", &out, &url]);
    assert_eq!(ran, Ran { code: Some(0), stdout: vec![], stderr: String::new() });
    assert!(fs::read(&out).unwrap() == pattern(300_000));
    assert_eq!(folder.names(), ["out"]);

    let again = netreq(["-o", &out, &SERVER.url("/bytes/3")]);
    assert_eq!(again.code, Some(11));
    assert!(again.stderr.ends_with("is there already; --overwrite replaces it\n"), "{again:?}");
    assert_eq!(netreq(["--overwrite", "-o", &out, &SERVER.url("/bytes/3")]).code, Some(0));
    assert_eq!(fs::read(&out).unwrap(), pattern(3));

    let cut = netreq(["-o", &folder.path("cut"), &SERVER.url("/truncated")]);
    assert_eq!(cut.code, Some(10));
    assert_eq!(folder.names(), ["cut.part", "out"]);

    let named = command(["-O", &SERVER.url("/bytes/7")]).current_dir(&folder.0).output().unwrap();
    assert!(named.status.success(), "{named:?}");
    assert_eq!(fs::read(folder.path("7")).unwrap(), pattern(7));

    let to_stdout = netreq(["-o", "-", &SERVER.url("/bytes/7")]);
    assert_eq!(to_stdout.stdout, pattern(7));
}

#[cfg(unix)]
#[test]
fn an_interrupted_download_goes_on_where_it_stopped() {
    let folder = Folder::new();
    let out = folder.path("out");
    let gate = Gate::new();
    let head = "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 11\r\n\r\nhello ";
    let rest = "HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes 6-10/11\r\n\
                Content-Length: 5\r\n\r\nworld";
    let server = script()
        .connection(|peer| peer.expect_get("/f").send(head).wait_for(&gate).ignore_rest())
        .connection(|peer| {
            peer.expect_get("/f")
                .expect_field("Range", "bytes=6-")
                .expect_field("If-Range", "\"v1\"")
                .reply(rest)
                .close()
        })
        .start();

    let mut child = command(["-o", &out, &server.url("/f")]).spawn().unwrap();
    while fs::read(format!("{out}.part")).unwrap_or_default() != b"hello " {
        assert_eq!(child.try_wait().unwrap(), None);
        std::thread::yield_now();
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    assert!(!child.wait().unwrap().success());
    gate.open();
    assert_eq!(folder.names(), ["out.part", "out.part.version"]);

    let ran = netreq(["--continue", "-o", &out, &server.url("/f")]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(fs::read(&out).unwrap(), b"hello world");
    assert_eq!(folder.names(), ["out"]);
    server.finished();
}

#[test]
fn a_rest_that_does_not_fit_is_never_given_the_name() {
    let part = |tag: &str, range: &str, body: &str| {
        format!(
            "HTTP/1.1 206 Partial Content\r\n{tag}Content-Range: bytes {range}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for (reply, expected, left) in [
        (part("ETag: \"v2\"\r\n", "6-10/11", "WORLD"), "another version", "hello "),
        (part("", "6-10/11", "WORLD"), "another version", "hello "),
        (part("ETag: \"v1\"\r\n", "6-8/11", "wor"), "9 of 11 bytes came", "hello wor"),
        (part("ETag: \"v1\"\r\n", "0-10/11", "hello world"), "go on at byte 6", "hello "),
        (part("ETag: \"v1\"\r\n", "6-10/11", "world!"), "more than the 11 bytes", "hello "),
    ] {
        let folder = Folder::new();
        let out = folder.path("out");
        fs::write(format!("{out}.part"), "hello ").unwrap();
        fs::write(format!("{out}.part.version"), "\"v1\"\n").unwrap();
        let server = script()
            .connection(move |peer| {
                peer.expect_get("/f")
                    .expect_field("Range", "bytes=6-")
                    .expect_field("If-Range", "\"v1\"")
                    .send(reply)
                    .ignore_rest()
            })
            .start();
        let ran = netreq(["--continue", "-o", &out, &server.url("/f")]);
        assert_eq!(ran.code, Some(10), "{ran:?}");
        assert!(ran.stderr.contains(expected), "{expected}: {ran:?}");
        assert_eq!(fs::read_to_string(format!("{out}.part")).unwrap(), left, "{expected}");
        assert_eq!(folder.names(), ["out.part", "out.part.version"], "{expected}");
    }
}

#[test]
fn a_part_that_nobody_asked_for_is_no_file() {
    let reply = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-2/11\r\n\
                 Content-Length: 3\r\n\r\nhel";
    let serve =
        || script().connection(move |peer| peer.expect_get("/f").send(reply).ignore_rest()).start();
    let folder = Folder::new();
    let out = folder.path("out");
    let ran = netreq(["-o", &out, &serve().url("/f")]);
    assert_eq!(ran.code, Some(10), "{ran:?}");
    assert!(ran.stderr.contains("a part of the file that was not asked for"), "{ran:?}");
    assert!(folder.names().is_empty());

    let asked = netreq(["-o", &out, &serve().url("/f"), "Range:bytes=0-2"]);
    assert_eq!((asked.code, fs::read(&out).unwrap()), (Some(0), b"hel".to_vec()), "{asked:?}");
}

#[test]
fn a_finished_download_is_complete_without_a_request() {
    let folder = Folder::new();
    let out = folder.path("out");
    fs::write(&out, "hello").unwrap();
    let nobody = "http://127.0.0.1:1/f";
    let ran = netreq(["--continue", "-o", &out, nobody]);
    assert_eq!((ran.code, ran.text()), (Some(0), ""), "{ran:?}");
    assert_eq!(ran.stderr, format!("netreq: {out} is there already, and complete\n"));
    let json = netreq(["--json", "--continue", "-o", &out, nobody]);
    assert_eq!((json.code, json.stderr.as_str()), (Some(0), ""), "{json:?}");
    assert!(json.text().ends_with(", \"complete\": true}\n"), "{json:?}");
    assert_eq!(fs::read(&out).unwrap(), b"hello");
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_written_through() {
    let folder = Folder::new();
    let url = SERVER.url("/bytes/7");
    for path in ["/dev/stdout", "/dev/fd/1"] {
        let piped = netreq(["-o", path, &url]);
        assert_eq!((piped.code, &piped.stdout), (Some(0), &pattern(7)), "{path} {piped:?}");

        // A redirection of the shell is the shell's business, `>>` too.
        fs::write(folder.path("log"), "before ").unwrap();
        let log = fs::OpenOptions::new().append(true).open(folder.path("log")).unwrap();
        assert!(command(["-o", path, &url]).stdout(log).status().unwrap().success(), "{path}");
        let expected = [b"before ".as_slice(), &pattern(7)].concat();
        assert_eq!(fs::read(folder.path("log")).unwrap(), expected, "{path}");
    }
    assert_eq!(netreq(["-o", "/dev/null", &url]).code, Some(0));
    assert_eq!(netreq(["-o", "/dev/stderr", &SERVER.url("/status/200")]).stderr, "200\n");

    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let theirs = std::os::fd::OwnedFd::from(theirs);
    let status = command(["-o", "/dev/stdout", &url]).stdout(theirs).status().unwrap();
    let mut received = Vec::new();
    ours.read_to_end(&mut received).unwrap();
    assert_eq!((status.code(), received), (Some(0), pattern(7)));

    let fifo = folder.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut child = Running(command(["-o", &fifo, &url]).spawn().unwrap());
    assert_eq!(fs::read(&fifo).unwrap(), pattern(7));
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    assert_eq!(folder.names(), ["fifo", "log"]);
}

#[test]
fn a_head_goes_into_the_file_as_with_curl() {
    let folder = Folder::new();
    let (ours, curls) = (folder.path("ours"), folder.path("curls"));
    let url = SERVER.url("/bytes/10");
    for flag in ["-I", "-i"] {
        let ran = netreq([flag, "--overwrite", "-o", &ours, &url]);
        assert_eq!(ran, Ran { code: Some(0), stdout: vec![], stderr: String::new() }, "{flag}");
        curl(&[flag, "-o", &curls, &url]);
        assert_eq!(fs::read(&ours).unwrap(), fs::read(&curls).unwrap(), "{flag}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child = command([SERVER.url("/bytes/100000000")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 5];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(first, [0, 1, 2, 3, 4]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn json_is_one_object_on_one_line() {
    let ran = netreq(["--json", &SERVER.url("/redirect/1")]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let text = ran.text();
    assert_eq!(text.matches('\n').count(), 1);
    for expected in [
        "{\"method\": \"GET\", \"url\": \"".to_owned(),
        format!("\"redirected_from\": [\"{}\"]", SERVER.url("/redirect/1")),
        "\"status\": 200, \"status_message\": \"OK\", \"http_version\": \"1.1\"".to_owned(),
        "\"headers\": [[\"Content-Type\", \"text/plain; charset=utf-8\"], [\"Content-Length\", \"25\"]]"
            .to_owned(),
        "\"tls\": null, \"timing_ms\": {".to_owned(),
        "\"size\": 25, \"body\": \"the end of the redirects\\n\"}\n".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected} in {text}");
    }

    let binary = netreq(["--json", &SERVER.url("/bytes/252")]);
    assert!(binary.text().contains("\"size\": 252, \"body_base64\": \"AAECAwQF"), "{binary:?}");

    let failed = netreq(["--json", &SERVER.url("/empty")]);
    assert_eq!(failed.code, Some(10));
    let text = failed.text();
    assert!(
        text.contains(r#""error": {"name": "ERR_EMPTY_RESPONSE", "code": -324, "phase": "wait""#),
        "{text}"
    );
    assert!(text.ends_with(", \"exit\": 10}}\n"), "{text}");
}

#[test]
fn timing_is_drawn_on_standard_error() {
    let ran = netreq(["--timing", &SERVER.url("/bytes/10")]);
    assert_eq!((ran.code, ran.stdout.len()), (Some(0), 10));
    let phases: Vec<_> =
        ran.stderr.lines().map(|line| line.split(' ').next().unwrap_or("")).collect();
    assert_eq!(phases, ["connect", "send", "wait", "receive", "total"]);
}

#[test]
fn colour_can_be_forced_and_never_reaches_a_body_in_a_pipe() {
    let url = SERVER.url("/headers");
    let forced = Ran::from(command(["-v", &url]).env("CLICOLOR_FORCE", "1").output().unwrap());
    assert!(forced.stderr.contains("\x1b[34mHost\x1b[0m: "), "{forced:?}");
    assert!(!forced.text().contains('\x1b'), "{forced:?}");
    let plain =
        command(["-v", &url]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap();
    assert!(!Ran::from(plain).stderr.contains('\x1b'));
    let asked = netreq(["--pretty", "all", &url]);
    assert!(asked.text().starts_with("[\n  [\n    \x1b[32m\"Host\"\x1b[0m,\n"), "{asked:?}");
}

/// On a terminal, by the command `script` of util-linux.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colour_indentation_and_progress() {
    let on_terminal = |line: &str| {
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &format!("{} {line}", env!("CARGO_BIN_EXE_netreq")), "/dev/null"]);
        terminal
            .env_clear()
            .env("TERM", "xterm")
            .env("PATH", "/usr/bin:/bin")
            .env("SHELL", "/bin/sh");
        let output = terminal.stdin(Stdio::null()).output().expect("util-linux is installed");
        String::from_utf8(output.stdout).unwrap()
    };
    let folder = Folder::new();
    let json = on_terminal(&SERVER.url("/headers"));
    assert!(json.starts_with("[\r\n  [\r\n    \x1b[32m\"Host\"\x1b[0m,\r\n"), "{json:?}");
    let binary = on_terminal(&SERVER.url("/bytes/100"));
    assert!(binary.starts_with("netreq: 100 bytes that are no text were not shown"), "{binary:?}");

    let download =
        on_terminal(&format!("-o {} {}", folder.path("f"), SERVER.url("/bytes/3000000")));
    assert!(download.contains(" of 2.86 MiB"), "{download:?}");
    assert!(download.contains("2.86 MiB in "), "{download:?}");
    assert_eq!(fs::read(folder.path("f")).unwrap().len(), 3_000_000);

    let upload = on_terminal(&format!("{} @{}", SERVER.url("/upload"), folder.path("f")));
    assert!(upload.contains("2.86 MiB in "), "{upload:?}");
    assert!(
        upload.ends_with("\x1b[34m\"bytes\"\x1b[0m: \x1b[33m3000000\x1b[0m\r\n}\r\n"),
        "{upload:?}"
    );
    let data =
        on_terminal(&format!("--data-binary @{} {}", folder.path("f"), SERVER.url("/upload")));
    assert!(data.contains("2.86 MiB in "), "{data:?}");
    let silent = on_terminal(&format!("-s {} @{}", SERVER.url("/upload"), folder.path("f")));
    assert!(silent.starts_with("{\r\n"), "{silent:?}");
}

#[test]
fn expect_continue_holds_the_body_back() {
    let ran = netreq(["--expect-continue", "5", &SERVER.url("/continue"), "-d", "hello"]);
    assert_eq!(ran.text(), "{\"expected\": true, \"bytes\": 5}\n");
}

#[test]
fn an_answer_before_the_end_of_a_pipe_is_heard() {
    let server = script()
        .connection(|peer| {
            let refusal =
                b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            peer.expect_request("POST", "/").send(refusal).ignore_rest()
        })
        .start();
    // The other end of the pipe stays open: only the answer can end the run.
    let mut child = Running(
        command(["--check-status", &server.url("/"), "@-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    assert_eq!(child.0.wait().unwrap().code(), Some(4));
}

#[test]
fn the_demo_goes_as_announced() {
    let ran = netreq(["demo"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.text());
    assert!(ran.text().ends_with("\n10 steps, all as announced.\n"), "{}", ran.text());
    assert!(!ran.text().contains("differs"), "{}", ran.text());
}

#[test]
fn the_server_can_be_run_by_hand() {
    let mut child =
        Running(command(["serve"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let plain = lines.next().unwrap();
    let secure = lines.next().unwrap();
    let trust = lines.next().unwrap();
    let ca = trust.strip_prefix("trust it with: --ca ").unwrap();
    assert_eq!(netreq([&format!("{plain}status/200")]).text(), "200\n");
    assert_eq!(netreq(["--ca", ca, &format!("{secure}status/200")]).text(), "200\n");
    assert!(Path::new(ca).exists());
    fs::remove_file(ca).unwrap();
}

#[test]
fn help_and_version_need_no_url() {
    for flag in ["--help", "-h", "help"] {
        let ran = netreq([flag]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{flag}");
        assert!(
            ran.text().contains("\nUsage:\n  netreq [FLAGS] [METHOD] URL [ITEM ...]\n"),
            "{flag}"
        );
    }
    assert_eq!(netreq(["-V"]).text(), format!("netreq {}\n", env!("CARGO_PKG_VERSION")));
    assert!(netreq(["--generate", "man"]).text().contains(".SH \"EXIT STATUS\"\n"));
}

#[test]
fn an_answer_is_read_to_its_end_and_no_further() {
    let server = script()
        .connection(|peer| peer.expect_get("/").reply(answer("exactly")).expect_eof().close())
        .start();
    assert_eq!(netreq([server.url("/")]).text(), "exactly");
    server.finished();
}
