//! A server that says exactly what a test lists, byte for byte, and accepts nothing else.
//!
//! One conversation per connection, in the order in which connections come. Each runs its steps one
//! after the other; whatever the peer sends beyond them, and every connection beyond the listed
//! ones, is a failure. [`ScriptServer::finished`] reports all failures with what was expected and
//! what came. Knows no HTTP but where a head and a chunked body end.

mod play;
mod steps;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConfig;

use crate::background::Background;
use crate::certificates::Identity;
use crate::wire::Place;

pub use steps::{Conversation, Gate, Peer};

/// A whole answer with a length: `200 OK`, and `ok` as its body.
pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// `200 OK` with this body and its length, and nothing else.
#[must_use]
pub fn answer(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Begins a script without any connection, on a free port of 127.0.0.1.
///
/// ```
/// use std::io::{Read as _, Write as _};
/// use netreq_testserver::{OK, script};
///
/// let server = script().connection(|peer| peer.expect_get("/1").reply(OK).close()).start();
///
/// let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
/// stream.write_all(b"GET /1 HTTP/1.1\r\n\r\n").unwrap();
/// let mut answer = Vec::new();
/// stream.read_to_end(&mut answer).unwrap();
///
/// assert_eq!(answer, OK);
/// server.finished();
/// ```
pub fn script() -> Script {
    Script {
        place: Place::Tcp((Ipv4Addr::LOCALHOST, 0).into()),
        conversations: Vec::new(),
        tls: None,
        patience: PATIENCE,
    }
}

/// What a server will say, before it is started.
#[derive(Debug)]
#[must_use = "a script does nothing until it is started"]
pub struct Script {
    place: Place,
    conversations: Vec<Conversation>,
    tls: Option<Arc<ServerConfig>>,
    patience: Duration,
}

impl Script {
    /// Adds what happens on the next connection.
    ///
    /// A conversation without an ending stays open until the peer closes.
    pub fn connection<C: Into<Conversation>>(mut self, say: impl FnOnce(Peer) -> C) -> Self {
        self.conversations.push(say(Peer::new()).into());
        self
    }

    /// Begins every connection with a TLS handshake, except those that ask for one themselves.
    pub fn tls(mut self, identity: &Identity) -> Self {
        self.tls = Some(identity.server_config());
        self
    }

    /// Listens on this address, any of 127.0.0.0/8 or ::1; port 0 takes a free one.
    pub fn bind(mut self, address: impl Into<SocketAddr>) -> Self {
        self.place = Place::Tcp(address.into());
        self
    }

    /// Listens on a Unix socket. The file must not exist; it is removed when the server is dropped.
    #[cfg(unix)]
    pub fn bind_unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::Unix(path.into());
        self
    }

    /// How long [`ScriptServer::finished`] waits for conversations still under way. Five seconds by
    /// default; only a failing test waits that long.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts listening, on a thread of its own: blocking and async tests may call this alike.
    ///
    /// # Panics
    ///
    /// When the address cannot be bound or no thread can be started.
    pub fn start(self) -> ScriptServer {
        let listener = match self.place.bind() {
            Ok(listener) => listener,
            Err(error) => panic!("the script cannot listen on {:?}: {error}", self.place),
        };
        let address = listener.address();
        let mut conversations = self.conversations;
        let shared = Arc::new(Shared::new(conversations.len()));
        let finish = Gate::new();
        let finishing = finish.clone();
        let secure = self.tls.is_some();
        if let Some(config) = self.tls {
            for conversation in &mut conversations {
                conversation.begin_with_tls(&config);
            }
        }
        let stage = Arc::clone(&shared);
        let background = Background::start("script", move || {
            play::play(listener, conversations, stage, finishing)
        });
        ScriptServer {
            background: background.expect("a thread can be started"),
            address,
            place: self.place,
            secure,
            shared,
            finish,
            patience: self.patience,
            judged: AtomicBool::new(false),
        }
    }
}

/// A running script.
///
/// Dropping it closes every connection and stops its thread. A drop without
/// [`finished`](Self::finished) panics if a conversation had failed by then, or prints why when the
/// test panics already.
#[derive(Debug)]
pub struct ScriptServer {
    background: Background,
    address: Option<SocketAddr>,
    place: Place,
    secure: bool,
    shared: Arc<Shared>,
    finish: Gate,
    patience: Duration,
    judged: AtomicBool,
}

impl ScriptServer {
    /// An absolute URL on this server: `http` or `https`, its IP address and port, and `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        match self.address {
            Some(address) => format!("{}://{address}{path}", self.scheme()),
            None => format!("{}://localhost{path}", self.scheme()),
        }
    }

    /// As [`url`](Self::url), but with this host name before the port.
    #[must_use]
    pub fn url_for(&self, host: &str, path: &str) -> String {
        match self.address {
            Some(address) => format!("{}://{host}:{}{path}", self.scheme(), address.port()),
            None => format!("{}://{host}{path}", self.scheme()),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// Where it listens.
    ///
    /// # Panics
    ///
    /// On a Unix socket.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address.expect("a script on a Unix socket has no IP address")
    }

    /// The request heads read so far by [`Peer::expect_head_line`] and its kin, each with its final
    /// empty line, in the order in which they came.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.shared.lock().requests.clone()
    }

    /// One of [`requests`](Self::requests) as text, read as ISO 8859-1 so that no byte is lost.
    ///
    /// # Panics
    ///
    /// When there were fewer requests.
    #[must_use]
    pub fn request_text(&self, index: usize) -> String {
        let requests = self.requests();
        requests[index].iter().copied().map(char::from).collect()
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// Waits until every conversation has run to its end, then stops the server.
    ///
    /// Blocks the thread: a client that must still do something for the script to end has to have
    /// done it, or do it on another thread.
    ///
    /// # Panics
    ///
    /// With what was expected and what came, unless every connection was made, every step done, and
    /// nothing else ever sent.
    pub fn finished(&self) {
        let deadline = Instant::now() + self.patience;
        let mut record = self.shared.lock();
        while record.unfinished > 0 && record.failures.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            record = match self.shared.changed.wait_timeout(record, left) {
                Ok((record, _)) => record,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        drop(record);
        self.finish.open();
        self.background.join();
        self.judged.store(true, Ordering::Relaxed);
        if let Some(report) = self.shared.report() {
            panic!("{report}");
        }
    }
}

impl Drop for ScriptServer {
    fn drop(&mut self) {
        self.background.stop();
        if let Place::Unix(path) = &self.place {
            // Nobody may have left it there; the next bind reports what matters.
            let _ = std::fs::remove_file(path);
        }
        if self.judged.load(Ordering::Relaxed) {
            return;
        }
        match self.shared.report() {
            Some(report) if std::thread::panicking() => eprintln!("{report}"),
            Some(report) => panic!("{report}"),
            None => (),
        }
    }
}

/// What the conversations and the test both look at.
#[derive(Debug)]
struct Shared {
    record: Mutex<Record>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Record {
    requests: Vec<Vec<u8>>,
    connections: usize,
    /// Conversations that have steps left.
    unfinished: usize,
    failures: Vec<String>,
}

impl Shared {
    fn new(unfinished: usize) -> Self {
        let record = Record { unfinished, ..Record::default() };
        Self { record: Mutex::new(record), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, failure: String) {
        self.lock().failures.push(failure);
        self.changed.notify_all();
    }

    fn one_is_finished(&self) {
        self.lock().unfinished -= 1;
        self.changed.notify_all();
    }

    fn report(&self) -> Option<String> {
        let failures = &self.lock().failures;
        (!failures.is_empty()).then(|| format!("the script failed\n{}", failures.join("\n")))
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpStream};

    use super::*;

    /// Panics with the report of a script that was expected to fail.
    fn failure(server: &ScriptServer) -> String {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| server.finished()));
        let payload = outcome.expect_err("the script should have failed");
        payload.downcast_ref::<String>().expect("a report is a String").clone()
    }

    fn connect(server: &ScriptServer) -> TcpStream {
        TcpStream::connect(server.address()).unwrap()
    }

    fn say(stream: &mut TcpStream, bytes: &str) {
        stream.write_all(bytes.as_bytes()).unwrap();
    }

    fn hear(stream: &mut TcpStream, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn hear_all(mut stream: TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_script_is_played_to_its_end() {
        let server = script()
            .connection(|peer| {
                peer.expect_get("/1")
                    .expect_field("host", "a")
                    .expect_no_field("cookie")
                    .reply(OK)
                    .keep_open()
                    .expect_request("POST", "/2")
                    .expect_chunked_body("hello world")
                    .send_in_pieces(answer("pieces"), 1)
                    .expect_bytes("raw")
                    .read_body(3)
                    .expect_eof()
                    .send("bye")
                    .close()
            })
            .connection(|peer| peer.expect_get("/3").reply(OK))
            .start();

        let mut first = connect(&server);
        say(&mut first, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(hear(&mut first, OK.len()), OK);
        say(&mut first, "POST /2 HTTP/1.1\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n");
        assert_eq!(hear(&mut first, answer("pieces").len()), answer("pieces"));
        say(&mut first, "rawany");
        first.shutdown(Shutdown::Write).unwrap();
        assert_eq!(hear_all(first), b"bye");
        let mut second = connect(&server);
        say(&mut second, "GET /3 HTTP/1.1\r\n\r\n");
        assert_eq!(hear(&mut second, OK.len()), OK);

        server.finished();
        assert_eq!(server.connections(), 2);
        assert_eq!(server.requests().len(), 3);
        assert_eq!(server.request_text(0), "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    }

    #[test]
    fn a_difference_shows_both_sides_and_ends_the_connection() {
        let server = script().connection(|peer| peer.expect_get("/2").reply(OK)).start();

        let mut stream = connect(&server);
        say(&mut stream, "GET /1 HTTP/1.1\r\n\r\n");
        stream.read_to_end(&mut Vec::new()).unwrap_err();

        assert_eq!(
            failure(&server),
            "the script failed\n\
             connection 1, step 1 (expect_head_line \"GET /2 HTTP/1.1\"): differs at byte 5\n  \
             expected \"GET /2 HTTP/1.1\"\n  \
             got      \"GET /1 HTTP/1.1\""
        );
    }

    #[test]
    fn whatever_was_not_expected_fails() {
        let once = |peer: Peer| peer.expect_get("/").reply(OK);
        let request = "GET / HTTP/1.1\r\n\r\n";

        for (name, expected, act) in [
            ("a byte", "more came than was expected\n  unread:  \"x\"", 0),
            ("a connection", "connection 2: made, but 1 were expected", 1),
            ("silence", "connection 1, step 1 (expect_head_line \"GET / HTTP/1.1\"): still", 2),
            ("no connection", "connection 1 of 1: never made", 3),
            ("half a head", "unread:  \"GET / HTTP/1.1\\r\\n\"", 4),
        ] {
            let server = script().connection(once).patience(Duration::from_millis(50)).start();
            let mut streams = Vec::new();
            if act < 2 {
                let mut stream = connect(&server);
                say(&mut stream, request);
                assert_eq!(hear(&mut stream, OK.len()), OK);
                streams.push(stream);
            }
            match act {
                0 => say(&mut streams[0], "x"),
                4 => {
                    streams.push(connect(&server));
                    say(&mut streams[0], "GET / HTTP/1.1\r\n");
                }
                3 => (),
                _ => streams.push(connect(&server)),
            }
            let report = failure(&server);
            assert!(report.contains(expected), "{name}: {report}");
        }
    }

    #[test]
    fn endings_reach_the_peer_as_they_are_named() {
        let gate = Gate::new();
        let server = script()
            .connection(|peer| peer.send("a").close())
            .connection(|peer| peer.send("b").cut())
            .connection(|peer| peer.send("c").wait_for(&gate).reset())
            .connection(|peer| peer.send_until_closed("d"))
            .connection(|peer| peer.send("e").ignore_rest())
            .connection(|peer| peer.send("f").stop_reading())
            .start();

        assert_eq!(hear_all(connect(&server)), b"a");
        assert_eq!(hear_all(connect(&server)), b"b");
        let mut reset = connect(&server);
        assert_eq!(hear(&mut reset, 1), b"c");
        gate.open();
        let error = reset.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(hear(&mut connect(&server), 3), b"ddd");
        let mut ignored = connect(&server);
        say(&mut ignored, "whatever");
        assert_eq!(hear(&mut ignored, 1), b"e");
        assert_eq!(hear(&mut connect(&server), 1), b"f");

        server.finished();
    }

    #[cfg(unix)]
    #[test]
    fn a_unix_socket_is_a_place_too() {
        let path = std::env::temp_dir().join(format!("netreq-script-{}", std::process::id()));
        let server = script()
            .bind_unix(&path)
            .connection(|peer| peer.expect_get("/").reply(OK).close())
            .start();

        let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();

        assert_eq!(bytes, OK);
        server.finished();
        drop(server);
        assert!(!path.exists());
    }

    #[test]
    #[should_panic(expected = "differs at byte 0")]
    fn a_script_that_failed_unnoticed_fails_when_it_is_dropped() {
        let server = script().connection(|peer| peer.expect_bytes("a").close()).start();
        let mut stream = connect(&server);
        say(&mut stream, "b");
        // The reset says that the failure has been written down.
        let _ = stream.read(&mut [0]);
    }
}
