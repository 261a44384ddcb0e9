//! An ordinary HTTP/1.1 server whose routes show what servers do, well or badly.
//!
//! Keep-alive, HEAD, 100-continue and bounded requests, with or without TLS; the list of routes is
//! the answer to `/`. Answers carry only the fields they need and no date, so that they are the same
//! every time.

mod connection;
mod encode;
mod request;
mod routes;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::background::Background;
use crate::certificates::Identity;
use crate::wire::{BoundListener, Listener, Place, Socket, Wire};
use connection::{Broken, Connection};

/// The first `length` bytes of what `/bytes/N` and its kin send: byte `i` is `i % 251`, so that a
/// shifted, lost or repeated part of any usual size shows.
#[must_use]
pub fn pattern(length: usize) -> Vec<u8> {
    connection::PATTERN.iter().copied().cycle().take(length).collect()
}

/// A running server. Dropping it closes every connection and stops its thread.
#[derive(Debug)]
pub struct Server {
    // Dropped first: nothing is counted after that.
    _background: Background,
    address: SocketAddr,
    secure: bool,
    counts: Arc<Counts>,
}

impl Server {
    /// A server to be, on a free port of 127.0.0.1, without TLS and without a log.
    pub fn builder() -> Builder {
        Builder { address: (Ipv4Addr::LOCALHOST, 0).into(), tls: None, log: None }
    }

    /// Starts a server with the defaults of [`builder`](Self::builder).
    ///
    /// # Panics
    ///
    /// When no port of 127.0.0.1 can be bound or no thread be started.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start().expect("a free port of 127.0.0.1 and a thread")
    }

    /// An absolute URL on this server: `http` or `https`, its IP address and port, and `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How many request heads were read so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.counts.requests.load(Ordering::Relaxed)
    }
}

/// What a server will be, before it is started.
#[must_use = "a server does nothing until it is started"]
pub struct Builder {
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    log: Option<Log>,
}

impl Builder {
    /// Listens on this address; port 0 takes a free one.
    pub fn bind(mut self, address: impl Into<SocketAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// Speaks TLS on every connection.
    pub fn tls(mut self, identity: &Identity) -> Self {
        self.tls = Some(identity.server_config());
        self
    }

    /// Calls `log` after every request, on the server's thread.
    pub fn log(mut self, log: impl Fn(&Exchange<'_>) + Send + Sync + 'static) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Starts listening, on a thread of its own: blocking and async callers may call this alike.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound or no thread be started.
    pub fn start(self) -> io::Result<Server> {
        let listener = Place::Tcp(self.address).bind()?;
        let address = listener.address().unwrap_or(self.address);
        let secure = self.tls.is_some();
        let counts = Arc::new(Counts::default());
        let shared = Arc::new(Shared { tls: self.tls, log: self.log, counts: Arc::clone(&counts) });
        let background = Background::start("server", move || accept_all(listener, shared))?;
        Ok(Server { _background: background, address, secure, counts })
    }

    /// Serves `listener` on the caller's runtime, for ever; the address given to
    /// [`bind`](Self::bind) is not used. Dropping the future closes every connection.
    pub async fn serve(self, listener: TcpListener) {
        let counts = Arc::new(Counts::default());
        serve(Listener::Tcp(listener), Arc::new(Shared { tls: self.tls, log: self.log, counts }))
            .await;
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Builder")
            .field("address", &self.address)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// One request and how it was answered, for a log. `Display` makes a line of it.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The method as it was sent.
    pub method: &'a str,
    /// The request target as it was sent.
    pub target: &'a str,
    /// The status; `None` where the connection ended without one.
    pub status: Option<u16>,
    /// The bytes of the body that were sent, decoded from chunks.
    pub sent: u64,
    /// The bytes of the body that were read, decoded from chunks.
    pub received: u64,
}

impl fmt::Display for Exchange<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} ", self.method, self.target.escape_debug())?;
        match self.status {
            Some(status) => write!(formatter, "{status}")?,
            None => formatter.write_str("no answer")?,
        }
        write!(formatter, " ({} bytes in, {} out)", self.received, self.sent)
    }
}

type Log = Box<dyn Fn(&Exchange<'_>) + Send + Sync>;

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    requests: AtomicU64,
}

/// What all connections of a server look at.
struct Shared {
    tls: Option<Arc<ServerConfig>>,
    log: Option<Log>,
    counts: Arc<Counts>,
}

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// It goes on, unless either side has said `Connection: close`.
    KeepOpen,
    /// FIN, with TLS's goodbye.
    Close,
    /// FIN, without TLS's goodbye.
    Cut,
    /// RST.
    Reset,
}

async fn accept_all(listener: BoundListener, shared: Arc<Shared>) {
    // Registering with a fresh reactor fails only for want of file descriptors; then nobody is
    // served, and every client sees it.
    if let Ok(listener) = listener.listen() {
        serve(listener, shared).await;
    }
}

async fn serve(listener: Listener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok(socket) => {
                shared.counts.connections.fetch_add(1, Ordering::Relaxed);
                connections.spawn(converse(socket, Arc::clone(&shared)));
            }
            // Out of file descriptors, or a peer that is gone already: others may do better later.
            Err(_) => tokio::time::sleep(AFTER_A_FAILED_ACCEPT).await,
        }
    }
}

/// One connection from its handshake to its end.
async fn converse(socket: Socket, shared: Arc<Shared>) {
    let mut wire = Wire::Plain(socket);
    if let Some(config) = &shared.tls {
        match wire.start_tls(Arc::clone(config)).await {
            Ok(secured) => wire = secured,
            // The client did not like the certificate, or does not speak TLS.
            Err(_) => return,
        }
    }
    let mut connection = Connection::new(wire);
    loop {
        let request = match connection.read_request().await {
            Ok(Some(request)) => request,
            Ok(None) | Err(Broken::Io(_)) => return,
            Err(Broken::Refused(refusal)) => {
                // The answer may no longer be wanted; the connection ends either way.
                let _ = connection.refuse(refusal).await;
                return connection.close().await;
            }
        };
        shared.counts.requests.fetch_add(1, Ordering::Relaxed);
        let answered = match routes::answer(&request, &mut connection).await {
            Err(Broken::Refused(refusal)) if connection.status().is_none() => {
                connection.refuse(refusal).await
            }
            other => other,
        };
        if let Some(log) = &shared.log {
            log(&Exchange {
                method: request.method(),
                target: request.target(),
                status: connection.status(),
                sent: connection.sent(),
                received: connection.received(),
            });
        }
        match answered {
            Ok(After::KeepOpen) if connection.finish_request().await => (),
            Ok(After::KeepOpen | After::Close) => return connection.close().await,
            Ok(After::Reset) => return connection.reset(),
            Ok(After::Cut) | Err(_) => return,
        }
    }
}

const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpStream};
    use std::sync::Mutex;

    use super::*;

    fn connect(server: &Server) -> TcpStream {
        TcpStream::connect(server.address()).unwrap()
    }

    /// Sends `request` on a connection of its own and reads until the server closes.
    fn ask(server: &Server, request: &str) -> String {
        let mut stream = connect(server);
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer.into_iter().map(char::from).collect()
    }

    fn get(server: &Server, target: &str) -> String {
        ask(server, &format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
    }

    const JSON: &str = "Content-Type: application/json";
    const TEXT: &str = "Content-Type: text/plain; charset=utf-8";
    const BYTES: &str = "Content-Type: application/octet-stream";

    #[test]
    fn routes_answer_byte_for_byte() {
        let server = Server::start();

        for (target, answer) in [
            (
                "/headers",
                format!("200 OK\r\n{JSON}\r\nContent-Length: 16\r\n\r\n[[\"Host\", \"a\"]]\n"),
            ),
            (
                "/anything/x?a=b",
                format!(
                    "200 OK\r\n{JSON}\r\nContent-Length: 120\r\n\r\n{{\"method\": \"GET\", \
                     \"target\": \"/anything/x?a=b\", \"query\": {{\"a\": \"b\"}}, \
                     \"headers\": [[\"Host\", \"a\"]], \"bytes\": 0, \"body\": \"\"}}\n"
                ),
            ),
            ("/status/204", format!("204 No Content\r\n{TEXT}\r\n\r\n")),
            (
                "/status/299?reason=So%20so",
                format!("299 So so\r\n{TEXT}\r\nContent-Length: 4\r\n\r\n299\n"),
            ),
            (
                "/redirect/2",
                "302 Found\r\nLocation: /redirect/1\r\nContent-Length: 0\r\n\r\n".into(),
            ),
            (
                "/redirect-to?url=http%3A%2F%2Fb%2F&status=307",
                "307 Temporary Redirect\r\nLocation: http://b/\r\nContent-Length: 0\r\n\r\n".into(),
            ),
            ("/delay/0", format!("200 OK\r\n{TEXT}\r\nContent-Length: 5\r\n\r\nlate\n")),
            (
                "/drip?bytes=2&delay_ms=0",
                format!("200 OK\r\n{BYTES}\r\nContent-Length: 2\r\n\r\n**"),
            ),
            (
                "/stream/1",
                format!(
                    "200 OK\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n\
                     c\r\n{{\"line\": 0}}\n\r\n0\r\n\r\n"
                ),
            ),
            ("/bytes/3", format!("200 OK\r\n{BYTES}\r\nContent-Length: 3\r\n\r\n\0\u{1}\u{2}")),
            (
                "/chunked/3?size=2",
                format!(
                    "200 OK\r\n{BYTES}\r\nTransfer-Encoding: chunked\r\n\r\n\
                     2\r\n\0\u{1}\r\n1\r\n\u{2}\r\n0\r\n\r\n"
                ),
            ),
            (
                "/cookies/set?a=b&c=d",
                "302 Found\r\nLocation: /cookies\r\nSet-Cookie: a=b; Path=/\r\n\
                 Set-Cookie: c=d; Path=/\r\nContent-Length: 0\r\n\r\n"
                    .into(),
            ),
            (
                "/early-hints",
                format!(
                    "103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n\
                     HTTP/1.1 200 OK\r\n{TEXT}\r\nContent-Length: 10\r\n\r\nafter 103\n"
                ),
            ),
            (
                "/trailers",
                format!(
                    "200 OK\r\n{TEXT}\r\nTrailer: X-Checksum\r\nTransfer-Encoding: chunked\r\n\r\n\
                     14\r\nbefore the trailers\n\r\n0\r\nX-Checksum: 42\r\n\r\n"
                ),
            ),
            (
                "/close",
                format!(
                    "200 OK\r\n{TEXT}\r\nConnection: close\r\n\r\nuntil the connection closes\n"
                ),
            ),
            (
                "/truncated",
                format!("200 OK\r\n{TEXT}\r\nContent-Length: 100\r\n\r\nless than 100 bytes\n"),
            ),
            (
                "/truncated-chunked",
                format!(
                    "200 OK\r\n{TEXT}\r\nTransfer-Encoding: chunked\r\n\r\ne\r\nno last chunk\n\r\n"
                ),
            ),
            (
                "/slow-head?delay_ms=0",
                format!("200 OK\r\n{TEXT}\r\nContent-Length: 8\r\n\r\nat last\n"),
            ),
            (
                "/upgrade",
                format!(
                    "426 Upgrade Required\r\nUpgrade: echo\r\n{TEXT}\r\nContent-Length: 19\r\n\r\n\
                     ask for an upgrade\n"
                ),
            ),
            (
                "/nowhere",
                format!(
                    "404 Not Found\r\n{TEXT}\r\nContent-Length: 49\r\n\r\n\
                     There is no /nowhere. The routes are listed at /\n"
                ),
            ),
            (
                "/bytes/x",
                format!(
                    "400 Bad Request\r\n{TEXT}\r\nContent-Length: 21\r\nConnection: close\r\n\r\n\
                     that is not a number\n"
                ),
            ),
        ] {
            assert_eq!(get(&server, target), format!("HTTP/1.1 {answer}"), "{target}");
        }
        let answer = get(&server, "/http10");
        assert!(
            answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\nas in 1996\n")
        );
        assert_eq!(get(&server, "/empty"), "");
        assert!(get(&server, "/").contains("/redirect-to?url=URL"));
    }

    #[test]
    fn requests_with_fields_and_bodies_are_answered() {
        let server = Server::start();

        for (request, answer) in [
            (
                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: x/y\r\nContent-Length: 2\r\n\r\nhi",
                "200 OK\r\nContent-Type: x/y\r\nContent-Length: 2\r\n\r\nhi".to_owned(),
            ),
            (
                "POST /upload?sha256 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                 1\r\na\r\n2;x=y\r\nbc\r\n0\r\nT: v\r\n\r\n",
                format!(
                    "200 OK\r\n{JSON}\r\nContent-Length: 91\r\n\r\n{{\"bytes\": 3, \"sha256\": \
                     \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}}\n"
                ),
            ),
            (
                "HEAD /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n",
                format!("200 OK\r\n{BYTES}\r\nContent-Length: 1000000\r\n\r\n"),
            ),
            (
                "GET /cookies HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=d\r\n\r\n",
                format!(
                    "200 OK\r\n{JSON}\r\nContent-Length: 34\r\n\r\n\
                     {{\"cookies\": {{\"a\": \"b\", \"c\": \"d\"}}}}\n"
                ),
            ),
            (
                "GET /basic-auth/u/p HTTP/1.1\r\nHost: a\r\nAuthorization: basic dTpw\r\n\r\n",
                format!(
                    "200 OK\r\n{JSON}\r\nContent-Length: 37\r\n\r\n\
                     {{\"authenticated\": true, \"user\": \"u\"}}\n"
                ),
            ),
            (
                "GET /basic-auth/u/p HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eDpw\r\n\r\n",
                format!(
                    "401 Unauthorized\r\n\
                     WWW-Authenticate: Basic realm=\"netreq\", charset=\"UTF-8\"\r\n\
                     {TEXT}\r\nContent-Length: 14\r\n\r\nwho is there?\n"
                ),
            ),
            (
                "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello",
                "101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello".into(),
            ),
            (
                "GET /delay/0 HTTP/1.1\r\n\r\n",
                format!(
                    "400 Bad Request\r\n{TEXT}\r\nContent-Length: 36\r\nConnection: close\r\n\r\n\
                     there is not exactly one Host field\n"
                ),
            ),
        ] {
            assert_eq!(ask(&server, request), format!("HTTP/1.1 {answer}"), "{request}");
        }
    }

    #[test]
    fn a_body_that_waits_for_100_is_asked_for() {
        let server = Server::start();
        let mut stream = connect(&server);

        stream
            .write_all(
                b"PUT /continue HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
            )
            .unwrap();
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"hi").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();

        assert!(answer.ends_with("\r\n\r\n{\"expected\": true, \"bytes\": 2}\n"), "{answer}");
    }

    #[test]
    fn a_connection_serves_many_requests_and_counts_them() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&lines);
        let server = Server::builder()
            .bind(([127, 0, 0, 2], 0))
            .log(move |exchange| log.lock().unwrap().push(exchange.to_string()))
            .start()
            .unwrap();

        let answers = ask(
            &server,
            "POST /status/200 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody\
             GET /bytes/40000 HTTP/1.1\r\nHost: a\r\n\r\n\
             GET /empty HTTP/1.1\r\nHost: a\r\n\r\n",
        );

        assert!(
            answers.ends_with(&pattern(40_000).into_iter().map(char::from).collect::<String>())
        );
        assert_eq!((server.connections(), server.requests()), (1, 3));
        assert_eq!(
            *lines.lock().unwrap(),
            [
                "POST /status/200 200 (0 bytes in, 4 out)",
                "GET /bytes/40000 200 (0 bytes in, 40000 out)",
                "GET /empty no answer (0 bytes in, 0 out)"
            ]
        );
    }

    #[test]
    fn the_pattern_goes_on_across_parts() {
        let server = Server::start();

        for length in [16_384, 16_385, 128_261, 128_262, 1_000_000] {
            let answer = get(&server, &format!("/bytes/{length}"));
            let body = answer.split_once("\r\n\r\n").unwrap().1;
            assert!(body.chars().eq(pattern(length).into_iter().map(char::from)), "{length}");
        }
    }

    #[test]
    fn an_early_answer_survives_an_upload_that_goes_on() {
        let server = Server::start();
        let mut stream = connect(&server);

        stream
            .write_all(b"PUT /status/413 HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
            .unwrap();
        stream.write_all(&pattern(8_000_000)).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();

        assert!(answer.starts_with("HTTP/1.1 413 Content Too Large\r\n"), "{answer}");
    }

    #[test]
    fn a_reset_is_one() {
        let server = Server::start();
        let mut stream = connect(&server);

        stream.write_all(b"GET /reset HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();

        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
