//! Requests dropped at every point of their lives, and what they leave behind: nothing.
//!
//! A future is polled a few times and then dropped, so that each place where a request can stand is
//! met, whatever the machine's speed. The draws are seeded; a process of its own counts sockets and
//! memory that belong to nobody else.

use std::ffi::OsStr;
use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use netreq::{Body, ClientRequest, Error, Method, Options, Session};
use netreq_testserver::{Authority, Server};
use tokio::io::AsyncReadExt as _;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::support::{counted, eventually, in_its_own_process};

const WARM_UP: u64 = 1_000;
const REQUESTS: u64 = 10_000;
/// Responses left unread; a kilobyte lost in each is many times more than `GROWTH`.
const UNREAD: u64 = 30_000;
const AT_ONCE: usize = 64;
/// Addresses of the server, so that ephemeral ports last.
const ADDRESSES: u64 = 200;
/// What the process may have grown by; half a kilobyte lost in each request is more.
const GROWTH: u64 = 4 * 1024 * 1024;

#[cfg(target_os = "linux")]
#[test]
fn ten_thousand_dropped_requests_leave_no_socket_no_task_and_no_memory() {
    let test = "cancel::ten_thousand_dropped_requests_leave_no_socket_no_task_and_no_memory";
    // The C library gives back at once what is free; without this it keeps what once was in use.
    let variables = [
        ("MALLOC_ARENA_MAX", OsStr::new("1")),
        ("MALLOC_MMAP_THRESHOLD_", OsStr::new("16384")),
        ("MALLOC_TRIM_THRESHOLD_", OsStr::new("65536")),
    ];
    in_its_own_process(test, &variables, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(churn());
    });
}

async fn churn() {
    let authority = Authority::new();
    let everywhere = (Ipv4Addr::UNSPECIFIED, 0);
    let plain = Server::builder().bind(everywhere).start().unwrap();
    let secure = Server::builder().bind(everywhere).tls(&authority.identity_for(&["*.test"]));
    let secure = secure.start().unwrap();
    let ports = [plain.address().port(), secure.address().port()];
    let (sockets, tasks) = (open_sockets(), Handle::current().metrics().num_alive_tasks());
    let rules: Vec<String> = (0..4).map(|n| format!("MAP a{n}.test {}", address(n))).collect();
    let session = Session::builder()
        .platform_roots(false)
        .add_root_certificates(authority.certificate_pem().as_bytes())
        .unwrap()
        .host_resolver_rules(rules.join(", "))
        .build()
        .unwrap();

    drop_requests(&session, ports, 0..WARM_UP).await;
    session.close_idle_connections();
    eventually("the server has closed", || open_sockets() == sockets).await;
    let before = resident();
    drop_requests(&session, ports, WARM_UP..WARM_UP + REQUESTS).await;

    // Idle ones are no leak, and nothing else is left.
    let idle = session.connections().idle;
    counted(&session, [0, 0, idle, 0]).await;
    session.close().await.unwrap();
    counted(&session, [0; 4]).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
    eventually("every socket is closed", || open_sockets() == sockets).await;
    let grown = resident().saturating_sub(before);
    assert!(grown < GROWTH, "{grown} bytes more than before");
}

#[cfg(target_os = "linux")]
#[test]
fn responses_that_nobody_reads_leave_no_socket_and_no_memory() {
    let test = "cancel::responses_that_nobody_reads_leave_no_socket_and_no_memory";
    let variables = [
        ("MALLOC_ARENA_MAX", OsStr::new("1")),
        ("MALLOC_MMAP_THRESHOLD_", OsStr::new("16384")),
        ("MALLOC_TRIM_THRESHOLD_", OsStr::new("65536")),
    ];
    in_its_own_process(test, &variables, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::builder().bind((Ipv4Addr::UNSPECIFIED, 0)).start().unwrap();
            let (port, sockets) = (server.address().port(), open_sockets());
            let session = Session::in_memory();
            leave_unread(&session, port, 0..WARM_UP).await;
            let before = resident();
            leave_unread(&session, port, WARM_UP..WARM_UP + UNREAD).await;

            let grown = resident().saturating_sub(before);
            assert!(grown < GROWTH, "{grown} bytes more than before");
            session.close().await.unwrap();
            counted(&session, [0; 4]).await;
            eventually("every socket is closed", || open_sockets() == sockets).await;
        });
    });
}

/// Small bodies and, now and then, one whose rest costs the connection.
async fn leave_unread(session: &Session, port: u16, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let length = if number % 16 == 0 { 1_000_000 } else { 100 };
        let url = format!("http://{}:{port}/bytes/{length}", address(number / 1_000));
        let message = session.get(url).send(()).await.unwrap();
        assert_eq!(message.status(), 200);
    }
}

/// Begins a request for each seed and drops it at some point, a few dozen at a time.
async fn drop_requests(session: &Session, ports: [u16; 2], seeds: std::ops::Range<u64>) {
    let mut running = JoinSet::new();
    for seed in seeds {
        if running.len() == AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        let mut draw = Draw(seed);
        let polls = draw.below(24);
        let session = session.clone();
        running.spawn(async move { Polls(polls, pin!(request(session, ports, draw))).await });
    }
    while let Some(result) = running.join_next().await {
        result.unwrap();
    }
    eventually("no request is under way", || {
        let counts = session.connections();
        counts.active + counts.connecting + counts.waiting == 0
    })
    .await;
}

/// One request of some kind, with its whole answer; whether it succeeds does not matter.
async fn request(session: Session, ports: [u16; 2], mut draw: Draw) -> Result<(), Error> {
    let number = draw.below(ADDRESSES);
    // A handshake costs as much as fifty requests.
    let base = match draw.below(64) {
        // Few names, so that the warm-up fills the store of tickets.
        0 => format!("https://a{}.test:{}", number % 4, ports[1]),
        _ => format!("http://{}:{}", address(number), ports[0]),
    };
    let get = |path: &str| session.get(format!("{base}{path}"));
    let mut message = match draw.below(12) {
        0 => get("/bytes/100").send(()).await?,
        1 => get("/bytes/100000").send(()).await?,
        2 => get("/chunked/50000?size=3000").send(()).await?,
        3 => get("/gzip").send(()).await?,
        4 => get("/redirect/3").send(()).await?,
        5 => get("/delay/2").send(()).await?,
        6 => get("/reset/1000").send(()).await?,
        7 => get("/truncated").send(()).await?,
        8 => session.post(format!("{base}/upload")).send(vec![b'x'; 100_000]).await?,
        9 => {
            let body = tokio::io::repeat(b'x').take(150_000);
            session.post(format!("{base}/upload")).send(Body::reader(body)).await?
        }
        10 => session.head(format!("{base}/bytes/100")).send(()).await?,
        _ => {
            let mut request = ClientRequest::new(Options {
                method: Method::POST,
                url: format!("{base}/echo"),
                session: Some(session.clone()),
                ..Options::default()
            })?;
            request.set_chunked_encoding(true)?;
            request.write("first").await?;
            request.write(vec![b'x'; 70_000]).await?;
            request.end("last").await?;
            request.response().await?
        }
    };
    // Some read one chunk and no more.
    let chunks = draw.below(40);
    for _ in 0..chunks {
        if message.chunk().await?.is_none() {
            break;
        }
    }
    Ok(())
}

fn address(number: u64) -> Ipv4Addr {
    let [.., high, low] = (number + 1).to_be_bytes();
    Ipv4Addr::new(127, 0, 1 + high, low)
}

/// Polls a future so many times and no more; ready when it is, or when that is over.
struct Polls<'a, F>(u64, Pin<&'a mut F>);

impl<F: Future> Future for Polls<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 || self.1.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        self.0 -= 1;
        if self.0 == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// SplitMix64: the same seed draws the same request.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Sockets of this process, listening ones too.
fn open_sockets() -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

/// Memory of this process that lies in RAM, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
