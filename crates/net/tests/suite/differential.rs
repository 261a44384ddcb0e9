//! The same bytes through this engine and through hyper's client: where the two read a response
//! differently, the table says how and why.
//!
//! Each line has what this engine makes of the bytes. A difference that is not listed fails, and so
//! does a listed one that has gone. hyper is an oracle only, and of HTTP/1.1 only: sockets and the
//! server are this file's own.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::{BodyExt as _, Empty};
use netreq::{Bytes, RedirectMode, Session};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use Hyper::{Differs, Same};

/// What hyper makes of the bytes.
enum Hyper {
    Same,
    /// This, and the reason.
    Differs(&'static str, &'static str),
}

/// A name, what the server sends before it closes, and what each side makes of it.
type Case = (&'static str, Vec<u8>, &'static str, Hyper);

fn case(name: &'static str, bytes: impl AsRef<[u8]>, ours: &'static str, theirs: Hyper) -> Case {
    (name, bytes.as_ref().to_vec(), ours, theirs)
}

/// A response whose head ends with this and whose body is `ok`, with a length.
fn with_field(field: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{field}\r\n\r\nok")
}

fn chunked(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

fn sized(lengths: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nok")
}

fn line(line: &str) -> String {
    format!("{line}\r\nContent-Length: 2\r\n\r\nok")
}

fn cases() -> Vec<Case> {
    let long_value = with_field(&format!("X-Long: {}", "x".repeat(100_000)));
    let many = with_field(&vec!["X-Many: 1"; 200].join("\r\n"));
    let huge = with_field(&format!("X-Huge: {}", "x".repeat(1_000_000)));
    let body = "x".repeat(100_000);
    vec![
        // Framing that every reader agrees on.
        case("a length", sized("Content-Length: 2"), "200 ok", Same),
        case("no length", "HTTP/1.1 200 OK\r\n\r\nok", "200 ok", Same),
        case("chunks", chunked("1\r\no\r\n1\r\nk\r\n0\r\n\r\n"), "200 ok", Same),
        case("an empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 ", Same),
        case("no chunk but the last", chunked("0\r\n\r\n"), "200 ", Same),
        case(
            "upper-case chunk size",
            chunked("A\r\n0123456789\r\n0\r\n\r\n"),
            "200 0123456789",
            Same,
        ),
        case("leading zeros of a size", chunked("0002\r\nok\r\n0\r\n\r\n"), "200 ok", Same),
        case("a chunk extension", chunked("2;a=b\r\nok\r\n0\r\n\r\n"), "200 ok", Same),
        case("a quoted chunk extension", chunked("2;a=\"b;c\"\r\nok\r\n0\r\n\r\n"), "200 ok", Same),
        case("trailers", chunked("2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"), "200 ok", Same),
        case("204", "HTTP/1.1 204 No Content\r\n\r\n", "204 ", Same),
        case(
            "304 with a length",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            "304 ",
            Same,
        ),
        case(
            "100 before it",
            format!("HTTP/1.1 100 Continue\r\n\r\n{}", line("HTTP/1.1 200 OK")),
            "200 ok",
            Same,
        ),
        case(
            "103 before it",
            format!("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n{}", line("HTTP/1.1 200 OK")),
            "200 ok",
            Same,
        ),
        case("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nok", "200 ok", Same),
        case("HTTP/1.0 with a length", line("HTTP/1.0 200 OK"), "200 ok", Same),
        case("bytes behind the end", format!("{}rest", line("HTTP/1.1 200 OK")), "200 ok", Same),
        case(
            "a large body",
            format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{body}"),
            "200 100000 bytes",
            Same,
        ),
        // The first line.
        case("no reason", line("HTTP/1.1 200 "), "200 ok", Same),
        case("no reason and no space", line("HTTP/1.1 200"), "200 ok", Same),
        case(
            "a reason in Latin-1",
            [b"HTTP/1.1 200 \xe9t\xe9\r\n".as_slice(), b"Content-Length: 2\r\n\r\nok"].concat(),
            "200 ok",
            Same,
        ),
        case("status 999", line("HTTP/1.1 999 Odd"), "999 ok", Same),
        case("status 099", line("HTTP/1.1 099 Odd"), "refused", Same),
        case("status 000", line("HTTP/1.1 000 Odd"), "refused", Same),
        case("status 20", line("HTTP/1.1 20 OK"), "refused", Same),
        case("status 2000", line("HTTP/1.1 2000 OK"), "refused", Same),
        case("status +20", line("HTTP/1.1 +20 OK"), "refused", Same),
        case(
            "two spaces",
            line("HTTP/1.1  200 OK"),
            "200 ok",
            Differs("refused", "RFC 9112 4: any white space may be taken for the space"),
        ),
        case(
            "HTTP/1.2",
            line("HTTP/1.2 200 OK"),
            "200 ok",
            Differs(
                "refused",
                "RFC 9110 2.5: a higher minor version is read as the highest one known",
            ),
        ),
        case("HTTP/2.0", line("HTTP/2.0 200 OK"), "refused", Same),
        case("HTTP/0.9", "just a body", "refused", Same),
        case("ICY", line("ICY 200 OK"), "refused", Same),
        case("lower-case http", line("http/1.1 200 OK"), "refused", Same),
        case("a shoutcast of nothing", "\r\n\r\n", "refused", Same),
        case("an empty line first", format!("\r\n{}", line("HTTP/1.1 200 OK")), "200 ok", Same),
        case(
            "a control character in the reason",
            line("HTTP/1.1 200 O\x01K"),
            "200 ok",
            Differs("refused", "RFC 9112 4: a client ignores the reason"),
        ),
        case(
            "101 that nobody asked for",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            "101 ",
            Same,
        ),
        // Fields.
        case("no space behind the colon", with_field("X-A:1"), "200 ok", Same),
        case("tabs around the value", with_field("X-A:\t1\t "), "200 ok", Same),
        case("an empty value", with_field("X-A:"), "200 ok", Same),
        case("bytes above ASCII in a value", with_field("X-A: \u{e9}"), "200 ok", Same),
        case("one name twice", with_field("X-A: 1\r\nX-A: 2"), "200 ok", Same),
        case(
            "a space before the colon",
            with_field("X-A : 1"),
            "200 ok",
            Differs(
                "refused",
                "RFC 9112 5.1 is about requests; Chromium reads it, and framing fields are refused",
            ),
        ),
        case("a space before the colon of a length", sized("Content-Length : 2"), "refused", Same),
        case(
            "a line without a colon",
            with_field("nothing"),
            "200 ok",
            Differs("refused", "RFC 9112 5: no field; Chromium passes over it"),
        ),
        case(
            "an empty name",
            with_field(": 1"),
            "200 ok",
            Differs("refused", "RFC 9112 5: no field; Chromium passes over it"),
        ),
        case(
            "a name with a space",
            with_field("X A: 1"),
            "200 ok",
            Differs("refused", "RFC 9110 5.6.2: no token; Chromium passes over the line"),
        ),
        case(
            "a name with a control character",
            with_field("X\x01A: 1"),
            "200 ok",
            Differs("refused", "RFC 9110 5.6.2: no token; Chromium passes over the line"),
        ),
        case(
            "a name above ASCII",
            with_field("X\u{e9}: 1"),
            "200 ok",
            Differs("refused", "RFC 9110 5.6.2: no token; Chromium passes over the line"),
        ),
        case("a zero byte in a value", with_field("X-A: 1\x002"), "refused", Same),
        case(
            "a control character in a value",
            with_field("X-A: 1\x012"),
            "200 ok",
            Differs("refused", "RFC 9110 5.5: may be kept in a safe context; Chromium keeps it"),
        ),
        case("a bare CR in a value", with_field("X-A: 1\r2"), "refused", Same),
        case(
            "a folded line",
            with_field("X-A: 1\r\n 2"),
            "200 ok",
            Differs("refused", "RFC 9112 5.2: a user agent replaces the fold with a space"),
        ),
        case(
            "a folded first line",
            "HTTP/1.1 200 OK\r\n X-A: 1\r\nContent-Length: 2\r\n\r\nok",
            "refused",
            Same,
        ),
        case("bare LF in the head", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "200 ok", Same),
        case(
            "200 fields",
            many,
            "200 ok",
            Differs(
                "refused",
                "hyper takes 100 fields unless told otherwise; 256 KiB is the limit here",
            ),
        ),
        case("a field of 100 kB", long_value, "200 ok", Same),
        case("a field of 1 MB", huge, "refused", Same),
        // Lengths that two readers could read differently.
        case("one length twice", sized("Content-Length: 2\r\nContent-Length: 2"), "200 ok", Same),
        case("a list of one length", sized("Content-Length: 2, 2"), "200 ok", Same),
        case("two lengths", sized("Content-Length: 2\r\nContent-Length: 1"), "refused", Same),
        case("a length with a sign", sized("Content-Length: +2"), "refused", Same),
        case("a negative length", sized("Content-Length: -2"), "refused", Same),
        case("a hexadecimal length", sized("Content-Length: 0x2"), "refused", Same),
        case("an empty length", sized("Content-Length:"), "refused", Same),
        case("a length of 2^64", sized("Content-Length: 18446744073709551616"), "refused", Same),
        case(
            "length and chunks",
            sized("Content-Length: 2\r\nTransfer-Encoding: chunked")
                .replace("ok", "2\r\nok\r\n0\r\n\r\n"),
            "200 ok",
            Same,
        ),
        case(
            "chunked twice",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "refused",
            Differs("200 ok", "RFC 9112 6.1: chunked is applied once"),
        ),
        case(
            "chunked in odd case",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "200 ok",
            Same,
        ),
        case("identity", sized("Transfer-Encoding: identity"), "200 ok", Same),
        case(
            "gzip below chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "refused",
            Differs(
                "200 ok",
                "RFC 9112 6.1: a coding that is not understood would be delivered undecoded",
            ),
        ),
        case(
            "chunked below gzip",
            sized("Transfer-Encoding: chunked, gzip"),
            "refused",
            Differs(
                "200 ok",
                "RFC 9112 6.3: chunked is not the last coding, so the length is a guess",
            ),
        ),
        case(
            "xchunked",
            sized("Transfer-Encoding: xchunked"),
            "refused",
            Differs(
                "200 ok",
                "RFC 9112 6.1: a coding that is not understood would be delivered undecoded",
            ),
        ),
        case(
            "chunks under HTTP/1.0",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "refused",
            Same,
        ),
        // Chunks.
        case("a size without digits", chunked("\r\nok\r\n0\r\n\r\n"), "200 , broken off", Same),
        case("a size with 0x", chunked("0x2\r\nok\r\n0\r\n\r\n"), "200 , broken off", Same),
        case("a size with a sign", chunked("+2\r\nok\r\n0\r\n\r\n"), "200 , broken off", Same),
        case("a space behind the size", chunked("2 \r\nok\r\n0\r\n\r\n"), "200 ok", Same),
        case("a space before the size", chunked(" 2\r\nok\r\n0\r\n\r\n"), "200 , broken off", Same),
        case(
            "a size of 2^64",
            chunked("10000000000000000\r\nok\r\n0\r\n\r\n"),
            "200 , broken off",
            Same,
        ),
        case("bare LF behind the size", chunked("2\nok\r\n0\r\n\r\n"), "200 , broken off", Same),
        case("bare LF behind the data", chunked("2\r\nok\n0\r\n\r\n"), "200 ok, broken off", Same),
        case("bare LF in an extension", chunked("2;a\nok\r\n0\r\n\r\n"), "200 , broken off", Same),
        case(
            "more data than the size",
            chunked("2\r\nokay\r\n0\r\n\r\n"),
            "200 ok, broken off",
            Same,
        ),
        case(
            "an extension of 20 kB",
            chunked(&format!("2;{}\r\nok\r\n0\r\n\r\n", "x".repeat(20_000))),
            "200 , broken off",
            Same,
        ),
        case(
            "trailers without an end",
            chunked("2\r\nok\r\n0\r\nX-Sum: 1\r\n"),
            "200 ok, broken off",
            Same,
        ),
        case(
            "a broken trailer",
            chunked("2\r\nok\r\n0\r\nnothing\r\n\r\n"),
            "200 ok",
            Differs(
                "200 ok, broken off",
                "RFC 9112 7.1.2: trailers may be discarded, and the body is whole",
            ),
        ),
        // Ends that come too early.
        case("nothing", "", "refused", Same),
        case("half a line", "HTTP/1.1 2", "refused", Same),
        case("half a head", "HTTP/1.1 200 OK\r\nContent-", "refused", Same),
        case("100 and no more", "HTTP/1.1 100 Continue\r\n\r\n", "refused", Same),
        case(
            "half a body",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok",
            "200 ok, broken off",
            Same,
        ),
        case("half a chunk", chunked("4\r\nok"), "200 ok, broken off", Same),
        case("no last chunk", chunked("2\r\nok\r\n"), "200 ok, broken off", Same),
        case(
            "a last chunk without its end",
            chunked("2\r\nok\r\n0\r\n"),
            "200 ok, broken off",
            Same,
        ),
    ]
}

#[tokio::test]
async fn differences_from_hyper_are_known_and_have_reasons() {
    let cases = Arc::new(cases());
    let address = serve(Arc::clone(&cases));
    let session = Session::in_memory();
    let mut report = String::new();
    for (index, (name, _, ours, theirs)) in cases.iter().enumerate() {
        let outcome = by_engine(&session, &format!("http://{address}/{index}")).await;
        let oracle = by_hyper(address, &format!("/{index}")).await;
        let (expected, reason) = match theirs {
            Same => (format!("{name}: {ours}"), "no difference"),
            Differs(theirs, reason) => (format!("{name}: {ours}; hyper: {theirs}"), *reason),
        };
        let found = match (outcome == oracle, outcome.summary(), oracle.summary()) {
            (true, ours, _) => format!("{name}: {ours}"),
            (false, ours, theirs) if ours == theirs => {
                format!("{name}: {ours}; hyper: other fields: {:?} {:?}", outcome, oracle)
            }
            (false, ours, theirs) => format!("{name}: {ours}; hyper: {theirs}"),
        };
        if found != expected {
            report += &format!("\n  listed {expected} ({reason})\n  found  {found}");
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// What a client makes of a response.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Refused,
    Answer {
        status: u16,
        /// In lower case and sorted, one name's values in their order.
        fields: Vec<(String, Vec<u8>)>,
        body: Vec<u8>,
        whole: bool,
    },
}

impl Outcome {
    fn new<'a>(
        status: u16,
        fields: impl Iterator<Item = (&'a str, &'a [u8])>,
        (body, whole): (Vec<u8>, bool),
    ) -> Self {
        let mut fields: Vec<(String, Vec<u8>)> =
            fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect();
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self::Answer { status, fields, body, whole }
    }

    fn summary(&self) -> String {
        match self {
            Self::Refused => "refused".to_owned(),
            Self::Answer { status, body, whole, .. } => {
                let text = String::from_utf8_lossy(body);
                let text = match text.len() {
                    0..40 => text.escape_debug().to_string(),
                    length => format!("{length} bytes"),
                };
                let end = if *whole { "" } else { ", broken off" };
                format!("{status} {text}{end}")
            }
        }
    }
}

async fn by_engine(session: &Session, url: &str) -> Outcome {
    let sent = session.get(url).decode(false).redirect(RedirectMode::Manual).send(()).await;
    let Ok(mut message) = sent else { return Outcome::Refused };
    let mut body = Vec::new();
    let whole = loop {
        match message.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    Outcome::new(message.status(), message.raw_headers(), (body, whole))
}

async fn by_hyper(address: SocketAddr, path: &str) -> Outcome {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(Io(stream)).await.unwrap();
    let request = hyper::Request::get(path).header("Host", "a.test");
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let respond = async {
        let Ok(response) = sender.send_request(request).await else { return Outcome::Refused };
        let (head, mut rest) = response.into_parts();
        let mut body = Vec::new();
        let whole = loop {
            match rest.frame().await {
                Some(Ok(frame)) => {
                    body.extend_from_slice(frame.data_ref().map_or(&[], Bytes::as_ref));
                }
                Some(Err(_)) => break false,
                None => break true,
            }
        };
        let fields = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        Outcome::new(head.status.as_u16(), fields, (body, whole))
    };
    tokio::pin!(connection, respond);
    tokio::select! {
        biased;
        outcome = &mut respond => outcome,
        // The connection has ended, and what it has to say is said.
        _ = connection => respond.await,
    }
}

/// Sends the bytes of the case whose number is the path, and closes; for as long as the test runs.
fn serve(cases: Arc<Vec<Case>>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        // Each until its client has closed; one that has seen enough may be gone already.
        for stream in listener.incoming().flatten() {
            let cases = Arc::clone(&cases);
            std::thread::spawn(move || answer(stream, &cases));
        }
    });
    address
}

fn answer(mut stream: TcpStream, cases: &[Case]) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut piece = [0; 1024];
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        head.extend_from_slice(&piece[..length]);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let index: usize = path.trim_start_matches('/').parse().map_err(io::Error::other)?;
    stream.write_all(&cases[index].1)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(())
}

/// A socket as hyper wants it.
struct Io(tokio::net::TcpStream);

impl hyper::rt::Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4096];
        let most = cursor.remaining().min(bytes.len());
        let mut buffer = ReadBuf::new(&mut bytes[..most]);
        let read = Pin::new(&mut self.0).poll_read(cx, &mut buffer);
        cursor.put_slice(buffer.filled());
        read
    }
}

impl hyper::rt::Write for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
