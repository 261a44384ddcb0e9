//! Which request gets which connection: limits, queues, idle connections, and what ends with what.
//!
//! The rules are tested beside them; here they are seen from both ends of real sockets.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use netreq::{ConnectionCounts, NetError, Phase, RequestPriority, Session, Timeouts};
use netreq_testserver::{Authority, Gate, OK, Server, answer, script};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Folder, counted, eventually};

const NOTHING: [usize; 4] = [0; 4];
const OK_AND_CLOSE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

async fn get(session: Session, url: String) -> Result<String, NetError> {
    let sent = session.get(url).send(()).await;
    let body = match sent {
        Ok(message) => message.text().await,
        Err(error) => Err(error),
    };
    body.map_err(|error| error.net_error())
}

/// A GET of `path` on an own task, and the whole of its answer.
fn spawn(tasks: &mut JoinSet<Result<String, NetError>>, session: &Session, url: String) {
    tasks.spawn(get(session.clone(), url));
}

#[tokio::test]
async fn six_connections_to_a_host_and_the_others_wait() {
    let gate = Gate::new();
    let mut script = script();
    for _ in 0..12 {
        script = script
            .connection(|peer| peer.expect_get("/").wait_for(&gate).reply(OK_AND_CLOSE).close());
    }
    let server = script.start();
    let session = Session::in_memory();
    let mut tasks = JoinSet::new();
    for _ in 0..12 {
        spawn(&mut tasks, &session, server.url("/"));
    }

    counted(&session, [6, 0, 0, 6]).await;
    eventually("the server has six", || server.connections() == 6).await;
    gate.open();
    for result in tasks.join_all().await {
        assert_eq!(result.unwrap(), "ok");
    }

    counted(&session, NOTHING).await;
    server.finished();
}

#[tokio::test]
async fn a_name_and_another_port_are_hosts_of_their_own() {
    let server = Server::start();
    let other = Server::start();
    let session = Session::builder().max_sockets_per_host(1).build().unwrap();
    let port = server.address().port();
    for url in [
        server.url("/bytes/1"),
        format!("http://localhost:{port}/bytes/1"),
        format!("http://127.0.0.1:{port}/bytes/1"),
        format!("http://LOCALHOST:{port}/bytes/1"),
        other.url("/bytes/1"),
    ] {
        get(session.clone(), url).await.unwrap();
    }
    counted(&session, [0, 0, 3, 0]).await;
    assert_eq!((server.connections(), other.connections()), (2, 1));
}

#[tokio::test]
async fn two_hundred_and_fifty_six_connections_in_all() {
    const REQUESTS: usize = 300;
    let gate = Gate::new();
    let mut script = script().bind((Ipv4Addr::UNSPECIFIED, 0));
    for _ in 0..REQUESTS {
        script = script
            .connection(|peer| peer.expect_get("/").wait_for(&gate).reply(OK_AND_CLOSE).close());
    }
    let server = script.start();
    let session = Session::in_memory();
    let mut tasks = JoinSet::new();
    for index in 0..REQUESTS {
        let url = format!("http://127.0.1.{}:{}/", 1 + index / 5, server.address().port());
        spawn(&mut tasks, &session, url);
    }

    counted(&session, [256, 0, 0, REQUESTS - 256]).await;
    eventually("the server has them all", || server.connections() == 256).await;
    gate.open();
    for result in tasks.join_all().await {
        assert_eq!(result.unwrap(), "ok");
    }

    counted(&session, NOTHING).await;
    server.finished();
}

#[tokio::test]
async fn an_idle_connection_makes_room_for_another_host() {
    let (first, second) = (Server::start(), Server::start());
    let session = Session::builder().max_sockets(1).build().unwrap();
    for server in [&first, &second, &first] {
        get(session.clone(), server.url("/bytes/1")).await.unwrap();
        counted(&session, [0, 0, 1, 0]).await;
    }
    assert_eq!((first.connections(), second.connections()), (2, 1));
}

#[tokio::test]
async fn who_waits_is_served_by_priority_and_then_in_order() {
    let gate = Gate::new();
    let server = script()
        .connection(|peer| {
            let mut peer = peer.expect_get("/first").wait_for(&gate).reply(OK);
            for path in ["/highest", "/low", "/idle", "/later", "/throttled"] {
                peer = peer.expect_get(path).reply(OK);
            }
            peer.expect_eof()
        })
        .start();
    let session = Session::builder().max_sockets_per_host(1).build().unwrap();
    let mut tasks = JoinSet::new();
    spawn(&mut tasks, &session, server.url("/first"));
    counted(&session, [1, 0, 0, 0]).await;

    for (waiting, (path, priority)) in [
        ("/throttled", RequestPriority::Throttled),
        ("/idle", RequestPriority::Idle),
        ("/later", RequestPriority::Idle),
        ("/low", RequestPriority::Low),
        ("/highest", RequestPriority::Highest),
    ]
    .into_iter()
    .enumerate()
    {
        let request = session.get(server.url(path)).priority(priority);
        tasks.spawn(async move {
            let message = request.send(()).await.map_err(|error| error.net_error())?;
            message.text().await.map_err(|error| error.net_error())
        });
        counted(&session, [1, 0, 0, waiting + 1]).await;
    }
    gate.open();
    for result in tasks.join_all().await {
        assert_eq!(result.unwrap(), "ok");
    }

    drop(session);
    server.finished();
}

#[tokio::test]
async fn a_dropped_request_leaves_the_queue() {
    let gate = Gate::new();
    let server = script()
        .connection(|peer| {
            let peer = peer.expect_get("/first").wait_for(&gate).reply(OK);
            peer.expect_get("/third").reply(OK).expect_eof()
        })
        .start();
    let session = Session::builder().max_sockets_per_host(1).build().unwrap();
    let mut tasks = JoinSet::new();
    spawn(&mut tasks, &session, server.url("/first"));
    counted(&session, [1, 0, 0, 0]).await;
    let mut dropped = JoinSet::new();
    spawn(&mut dropped, &session, server.url("/second"));
    counted(&session, [1, 0, 0, 1]).await;
    spawn(&mut tasks, &session, server.url("/third"));
    counted(&session, [1, 0, 0, 2]).await;

    dropped.shutdown().await;
    counted(&session, [1, 0, 0, 1]).await;
    gate.open();
    for result in tasks.join_all().await {
        assert_eq!(result.unwrap(), "ok");
    }

    drop(session);
    server.finished();
}

#[tokio::test]
async fn the_dial_of_a_dropped_request_serves_the_next_one() {
    let authority = Authority::new();
    let (gate, identity) = (Gate::new(), authority.identity());
    let server = script()
        .connection(|peer| {
            let peer = peer.wait_for(&gate).start_tls(&identity);
            peer.expect_get("/second").reply(OK).expect_eof()
        })
        .start();
    let root = authority.certificate_pem();
    let session = Session::builder().add_root_certificates(root.as_bytes()).unwrap();
    let session = session.build().unwrap();
    let url = |path| format!("https://{}{path}", server.address());
    let mut dropped = JoinSet::new();
    spawn(&mut dropped, &session, url("/first"));
    counted(&session, [0, 1, 0, 1]).await;
    eventually("the server has the connection", || server.connections() == 1).await;

    dropped.shutdown().await;
    counted(&session, [0, 1, 0, 0]).await;
    let mut tasks = JoinSet::new();
    spawn(&mut tasks, &session, url("/second"));
    counted(&session, [0, 1, 0, 1]).await;
    gate.open();
    assert_eq!(tasks.join_all().await, [Ok("ok".to_owned())]);

    drop(session);
    server.finished();
}

#[tokio::test]
async fn a_dropped_exchange_closes_its_connection_and_frees_its_slot() {
    let server = script()
        .connection(|peer| peer.expect_get("/silent").expect_eof())
        .connection(|peer| {
            let peer =
                peer.expect_get("/half").send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nh");
            peer.expect_eof()
        })
        .connection(|peer| peer.expect_get("/whole").reply(OK).expect_eof())
        .start();
    let session = Session::builder().max_sockets_per_host(1).build().unwrap();
    let mut dropped = JoinSet::new();
    spawn(&mut dropped, &session, server.url("/silent"));
    eventually("the request is out", || server.requests().len() == 1).await;
    dropped.shutdown().await;
    counted(&session, NOTHING).await;

    let half = session.get(server.url("/half")).send(()).await.unwrap();
    counted(&session, [1, 0, 0, 0]).await;
    drop(half);
    counted(&session, NOTHING).await;

    assert_eq!(get(session.clone(), server.url("/whole")).await.unwrap(), "ok");
    drop(session);
    server.finished();
}

#[tokio::test]
async fn an_unread_body_that_is_here_already_costs_no_connection() {
    let server = Server::start();
    let session = Session::in_memory();
    // The body lies in the same segment as the head, so it has come when the head has.
    let message = session.get(server.url("/bytes/10")).send(()).await.unwrap();
    assert!(!message.is_connection_reused());
    drop(message);
    counted(&session, [0, 0, 1, 0]).await;
    let message = session.get(server.url("/bytes/10000000")).send(()).await.unwrap();
    assert!(message.is_connection_reused());
    drop(message);
    counted(&session, NOTHING).await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_idle_time_of_zero_keeps_no_connection() {
    let server = script()
        .connection(|peer| peer.expect_get("/1").reply(OK).expect_eof())
        .connection(|peer| peer.expect_get("/2").reply(OK).expect_eof())
        .start();
    let session = Session::builder().idle_timeout(Duration::ZERO).build().unwrap();
    for path in ["/1", "/2"] {
        let message = session.get(server.url(path)).send(()).await.unwrap();
        assert!(!message.is_connection_reused());
        assert_eq!(message.bytes().await.unwrap(), "ok");
        counted(&session, NOTHING).await;
    }
    server.finished();
}

/// Reads a head, byte by byte.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A server that answers one request on each of three connections and then, when it is told so,
/// does `next`; it says when that has reached the client. Its thread ends with the methods that came.
struct Blocking {
    url: String,
    go: mpsc::Sender<()>,
    done: mpsc::Receiver<()>,
    thread: std::thread::JoinHandle<Vec<String>>,
}

impl Blocking {
    fn start(next: impl Fn(TcpStream) -> Option<TcpStream> + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (go, told) = mpsc::channel();
        let (say, done) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut open = Vec::new();
            let mut methods = Vec::new();
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().unwrap();
                let head = read_head(&mut stream);
                methods.push(head.split(' ').next().unwrap().to_owned());
                stream.write_all(OK).unwrap();
                told.recv().unwrap();
                open.extend(next(stream));
                say.send(()).unwrap();
            }
            methods
        });
        Self { url, go, done, thread }
    }
}

/// A POST cannot be sent twice, so its connection is looked at before its first byte is written,
/// even if the runtime has not looked since.
#[tokio::test]
async fn a_post_goes_on_no_idle_connection_that_ended_or_spoke_unasked() {
    let forged = answer("forged");
    let ends = |stream| {
        drop(stream);
        None
    };
    let speaks = move |mut stream: TcpStream| {
        stream.write_all(&forged).unwrap();
        Some(stream)
    };
    for server in [Blocking::start(ends), Blocking::start(speaks)] {
        let session = Session::in_memory();
        for request in
            [session.get(&*server.url), session.post(&*server.url), session.post(&*server.url)]
        {
            let message = request.send(()).await.unwrap();
            assert!(!message.is_connection_reused());
            assert_eq!(message.bytes().await.unwrap(), "ok");
            assert_eq!(session.connections().idle, 1);
            server.go.send(()).unwrap();
            server.done.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        assert_eq!(server.thread.join().unwrap(), ["GET", "POST", "POST"]);
    }
}

#[tokio::test]
async fn sessions_never_share_connections() {
    let server = Server::start();
    let (first, second) = (Session::in_memory(), Session::in_memory());
    for session in [&first, &second, &first.clone()] {
        get(session.clone(), server.url("/bytes/1")).await.unwrap();
    }
    assert_eq!(server.connections(), 2);
    drop(first);
    counted(&second, [0, 0, 1, 0]).await;
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_session_outlives_a_runtime_and_each_has_connections_of_its_own() {
    let server = Server::start();
    let session = Session::in_memory();
    let (first, second) = (runtime(), runtime());
    let visit = || get(session.clone(), server.url("/bytes/1"));

    first.block_on(visit()).unwrap();
    second.block_on(visit()).unwrap();
    second.block_on(visit()).unwrap();
    assert_eq!(server.connections(), 2);

    drop(first);
    second.block_on(visit()).unwrap();
    assert_eq!(server.connections(), 2);
    let third = runtime();
    third.block_on(visit()).unwrap();
    assert_eq!(server.connections(), 3);
    drop(second);
    third.block_on(session.close()).unwrap();
    third.block_on(counted(&session, NOTHING));
}

#[tokio::test]
async fn close_ends_tasks_queues_and_sockets() {
    let gate = Gate::new();
    let server = script()
        .connection(|peer| peer.expect_get("/idle").reply(OK).expect_eof())
        .connection(|peer| peer.expect_get("/used").open(&gate).wait_for(&gate).expect_eof())
        .start();
    let tasks_before = Handle::current().metrics().num_alive_tasks();
    let session = Session::builder().max_sockets_per_host(1).build().unwrap();
    get(session.clone(), server.url("/idle")).await.unwrap();
    counted(&session, [0, 0, 1, 0]).await;

    session.close().await.unwrap();

    counted(&session, NOTHING).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks_before);
    assert_eq!(get(session.clone(), server.url("/late")).await, Err(NetError::Aborted));

    let session = Session::builder().max_sockets_per_host(1).build().unwrap();
    let mut used = JoinSet::new();
    spawn(&mut used, &session, server.url("/used"));
    gate.opened().await;
    let mut waiting = JoinSet::new();
    spawn(&mut waiting, &session, server.url("/waiting"));
    counted(&session, [1, 0, 0, 1]).await;

    session.close().await.unwrap();

    assert_eq!(waiting.join_all().await, [Err(NetError::Aborted)]);
    used.shutdown().await;
    counted(&session, NOTHING).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks_before);
    server.finished();
}

#[tokio::test]
async fn close_ends_a_dial_that_would_go_on_for_ever() {
    let server = script().connection(|peer| peer.ignore_rest()).start();
    let session = Session::in_memory();
    let mut tasks = JoinSet::new();
    spawn(&mut tasks, &session, format!("https://{}/", server.address()));
    counted(&session, [0, 1, 0, 1]).await;
    eventually("the server has the connection", || server.connections() == 1).await;

    session.close().await.unwrap();

    assert_eq!(tasks.join_all().await, [Err(NetError::Aborted)]);
    counted(&session, NOTHING).await;
    server.finished();
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_stands_in_for_the_host() {
    let folder = Folder::new();
    let path = folder.join("socket");
    let server = script()
        .bind_unix(&path)
        .connection(|peer| {
            let peer = peer.expect_get("/1").expect_field("Host", "a.test").reply(OK);
            peer.expect_get("/2").reply(OK).expect_eof()
        })
        .connection(|peer| peer.expect_get("/3").expect_field("Host", "b.test").reply(OK))
        .start();
    let session = Session::in_memory();
    for (url, reused) in
        [("http://a.test/1", false), ("http://a.test/2", true), ("http://b.test/3", false)]
    {
        let message = session.get(url).unix_socket(&path).send(()).await.unwrap();
        assert_eq!(message.is_connection_reused(), reused, "{url}");
        assert_eq!(message.remote_address(), None);
        assert_eq!(message.bytes().await.unwrap(), "ok");
    }
    session.close_idle_connections();
    server.finished();

    let gone = session.get("http://a.test/").unix_socket(folder.join("none")).send(()).await;
    let error = gone.unwrap_err();
    assert_eq!(
        (error.net_error(), error.phase()),
        (NetError::ConnectionRefused, Some(Phase::Connect))
    );
}

#[tokio::test]
async fn host_rules_lead_names_elsewhere_and_leave_the_request_as_it_is() {
    let server = script()
        .connection(|peer| {
            let peer = peer.expect_get("/").expect_field("Host", "www.a.test");
            peer.reply(OK).expect_eof()
        })
        .start();
    let rules = format!("MAP *.a.test {}, MAP gone.test ~NOTFOUND", server.address());
    let session = Session::builder().host_resolver_rules(rules).build().unwrap();

    let message = session.get("http://www.a.test/").send(()).await.unwrap();
    assert_eq!(message.remote_address(), Some(server.address()));
    assert_eq!(message.url().as_str(), "http://www.a.test/");
    message.bytes().await.unwrap();
    let error = session.get("http://gone.test/").send(()).await.unwrap_err();
    assert_eq!(error.to_string(), "net::ERR_NAME_NOT_RESOLVED");
    assert!(error.is_dns());

    drop(session);
    server.finished();
}

#[tokio::test]
async fn connections_leave_from_the_address_that_was_asked_for() {
    let server = Server::start();
    let from = "127.0.9.7".parse().unwrap();
    let session = Session::builder().local_address(from).build().unwrap();
    let message = session.get(server.url("/bytes/1")).send(()).await.unwrap();
    assert_eq!(message.local_address().unwrap().ip(), from);
    assert_eq!(message.remote_address(), Some(server.address()));
}

/// RFC 6761 §6.3: whatever a resolver says, these names are this machine.
#[tokio::test]
async fn localhost_and_the_names_below_it_are_loopback() {
    let server = Server::start();
    let port = server.address().port();
    let session = Session::in_memory();
    for host in ["localhost", "a.localhost", "localhost.", "a.b.LocalHost"] {
        // Nothing listens on ::1 here, so the first address is a dead one.
        let url = format!("http://{host}:{port}/bytes/1");
        let message = session.get(url).send(()).await.unwrap();
        assert_eq!(message.remote_address(), Some(server.address()), "{host}");
    }
}

/// A listener whose queue is full: the kernel answers no further SYN, as a host behind a firewall.
struct Silent {
    _listener: socket2::Socket,
    _queue: Vec<socket2::Socket>,
}

impl Silent {
    fn on(port: u16) -> std::io::Result<Self> {
        let address = std::net::SocketAddr::from((Ipv6Addr::LOCALHOST, port)).into();
        let new = || socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None);
        let listener = new()?;
        listener.bind(&address)?;
        listener.listen(0)?;
        let mut queue = Vec::new();
        for _ in 0..4 {
            let socket = new()?;
            socket.set_nonblocking(true)?;
            // In progress, or made at once: both fill the queue.
            let _ = socket.connect(&address);
            queue.push(socket);
        }
        Ok(Self { _listener: listener, _queue: queue })
    }
}

/// RFC 8305 §5: the second address is tried 250 ms after the first, beside it.
#[tokio::test]
async fn a_silent_address_costs_a_quarter_of_a_second() {
    let server = Server::start();
    let port = server.address().port();
    let _silent = Silent::on(port).expect("the port is free on ::1");
    let session = Session::in_memory();
    let start = Instant::now();
    let message = session.get(format!("http://localhost:{port}/bytes/1")).send(()).await.unwrap();
    assert_eq!(message.remote_address(), Some(server.address()));
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());

    let timeouts = Timeouts::default().with_connect(Duration::from_millis(50));
    let session = Session::builder().timeouts(timeouts).build().unwrap();
    let error = session.get(format!("http://[::1]:{port}/")).send(()).await.unwrap_err();
    assert_eq!(error.to_string(), "net::ERR_CONNECTION_TIMED_OUT");
    assert_eq!(error.phase(), Some(Phase::Connect));
    assert_eq!(session.connections(), ConnectionCounts::default());
}

#[tokio::test]
async fn a_refused_connection_fails_everyone_it_was_for_and_frees_the_slots() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let session = Session::builder().max_sockets_per_host(2).build().unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        spawn(&mut tasks, &session, format!("http://127.0.0.1:{port}/"));
    }
    for result in tasks.join_all().await {
        assert_eq!(result, Err(NetError::ConnectionRefused));
    }
    counted(&session, NOTHING).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_redirect_to_another_origin_leaves_the_unix_socket() {
    let folder = Folder::new();
    let path = folder.join("socket");
    let elsewhere = script().connection(|peer| peer.expect_get("/there").reply(OK)).start();
    let onward = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        elsewhere.url("/there")
    );
    let server = script()
        .bind_unix(&path)
        .connection(|peer| {
            peer.expect_get("/1")
                .reply("HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n")
                .expect_get("/2")
                .reply(onward)
        })
        .start();

    let session = Session::in_memory();
    let message = session.get("http://a.test/1").unix_socket(&path).send(()).await.unwrap();

    assert_eq!(message.remote_address(), Some(elsewhere.address()));
    assert_eq!(message.bytes().await.unwrap(), "ok");
    elsewhere.finished();
    server.finished();
}
