//! A server for all hosts, in the clear and under TLS, that leads whoever follows it through a plan
//! of requests and writes down the `Cookie` fields they carry.
//!
//! Where the next request of the plan is one by redirect, the answer redirects; where it is one that
//! a page makes, the answer is that page. Only the number in a request's query is looked at, so that
//! a client may as well go through the plan by itself.

use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use netreq_testserver::Authority;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use super::table::{By, Case, bytes};

/// The `Cookie` field of a request, each byte a character.
pub(crate) type Heard = Option<String>;

/// The running server.
pub(crate) struct Stage {
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

struct Shared {
    plan: Vec<Planned>,
    heard: Mutex<Vec<Option<Heard>>>,
    progress: Notify,
}

/// One request of the plan.
pub(crate) struct Planned {
    /// With port and number.
    pub(crate) url: String,
    pub(crate) by: By,
    /// The `Set-Cookie` lines of its answer.
    pub(crate) lines: Vec<String>,
    /// The case and the step; `None` for the pages between cases.
    place: Option<(usize, usize)>,
}

impl Stage {
    pub(crate) async fn new(authority: &Authority, cases: &[Case]) -> Self {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (plain, secure) = (listen().await.unwrap(), listen().await.unwrap());
        let ports = [&plain, &secure].map(|listener| listener.local_addr().unwrap().port());
        let plan = plan(cases, ports);
        let heard = Mutex::new(vec![None; plan.len()]);
        let shared = Arc::new(Shared { plan, heard, progress: Notify::new() });
        let mut serving = JoinSet::new();
        serving.spawn(accept(plain, None, Arc::clone(&shared)));
        serving.spawn(accept(secure, Some(acceptor(authority)), Arc::clone(&shared)));
        Self { shared, _serving: serving }
    }

    pub(crate) fn plan(&self) -> &[Planned] {
        &self.shared.plan
    }

    /// Waits until the last request of the plan has come.
    ///
    /// # Panics
    ///
    /// When nothing comes for a while.
    pub(crate) async fn finished(&self) {
        while self.shared.heard.lock().unwrap().last().is_some_and(Option::is_none) {
            let progress = tokio::time::timeout(PATIENCE, self.shared.progress.notified()).await;
            if progress.is_err() {
                let heard = self.shared.heard.lock().unwrap();
                let last = heard.iter().rposition(Option::is_some);
                let last = last.map(|last| &self.shared.plan[last].url);
                panic!("nothing came after {last:?}");
            }
        }
    }

    /// What was heard, request by request.
    ///
    /// # Panics
    ///
    /// When one never came.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        let heard = self.shared.heard.lock().unwrap();
        let came = |(planned, heard): (&Planned, &Option<Heard>)| {
            heard.clone().unwrap_or_else(|| panic!("{} never came", planned.url))
        };
        self.plan().iter().zip(&*heard).map(came).collect()
    }
}

/// What was heard at the requests of a plan, by case and step.
pub(crate) fn by_case(plan: &[Planned], heard: Vec<Heard>) -> Vec<Vec<Heard>> {
    let mut cases = Vec::new();
    for (planned, heard) in plan.iter().zip(heard) {
        let Some((case, step)) = planned.place else { continue };
        cases.resize_with(cases.len().max(case + 1), Vec::new);
        assert_eq!(cases[case].len(), step);
        cases[case].push(heard);
    }
    cases
}

/// All requests in a row, with a page before whatever is not reached by redirects alone.
pub(crate) fn plan(cases: &[Case], ports: [u16; 2]) -> Vec<Planned> {
    let mut plan: Vec<Planned> = Vec::new();
    // How many more redirects may follow; `None` where only a page can go on.
    let mut left = None;
    for (case, Case { steps, .. }) in cases.iter().enumerate() {
        let by_redirects = steps.iter().all(|step| step.by == By::Redirect);
        if left.is_none_or(|left| left < steps.len()) || !by_redirects {
            plan.push(driver());
            left = Some(MOST_REDIRECTS);
        }
        for (index, step) in steps.iter().enumerate() {
            let starts = matches!(plan.last(), Some(Planned { place: None, .. }));
            plan.push(Planned {
                url: step.url.clone(),
                by: if starts && step.by == By::Redirect { By::Navigation } else { step.by },
                lines: step.lines.clone(),
                place: Some((case, index)),
            });
        }
        left = left.filter(|_| by_redirects).map(|left| left - steps.len());
    }
    plan.push(driver());
    let [plain, secure] = ports;
    for (number, planned) in plan.iter_mut().enumerate() {
        planned.url = with_port(&planned.url, plain, secure) + &format!("?{number}");
    }
    plan
}

fn driver() -> Planned {
    Planned { url: DRIVER.into(), by: By::Navigation, lines: Vec::new(), place: None }
}

/// Puts the port of its scheme behind the host of a URL.
fn with_port(url: &str, plain: u16, secure: u16) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL has a scheme");
    let (host, path) = rest.split_once('/').expect("a URL has a path");
    let port = if scheme == "https" { secure } else { plain };
    format!("{scheme}://{host}:{port}/{path}")
}

impl Shared {
    /// The answer to this request of the plan.
    fn answer(&self, number: usize) -> Vec<u8> {
        let mut head = "Cache-Control: no-store\r\nContent-Type: text/html\r\n".to_owned();
        for line in &self.plan[number].lines {
            head.extend(["Set-Cookie: ", line, "\r\n"]);
        }
        let mut body = String::new();
        let status = match self.plan.get(number + 1) {
            Some(Planned { url, by: By::Redirect, .. }) => {
                let _ = write!(head, "Location: {url}\r\n");
                "302 Found"
            }
            _ => {
                let begun = self.plan[..=number].iter().rev().find(|one| one.by != By::Redirect);
                if begun.is_some_and(|begun| matches!(begun.by, By::Navigation | By::Post)) {
                    body = self.page(number + 1);
                }
                "200 OK"
            }
        };
        let length = body.len();
        bytes(&format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{head}\r\n{body}"))
    }

    /// A page that makes the requests of the plan from here on, until it leaves for another.
    fn page(&self, from: usize) -> String {
        let mut script = String::new();
        for Planned { url, by, .. } in &self.plan[from..] {
            let _ = match by {
                By::Redirect => Ok(()),
                By::Fetch => writeln!(
                    script,
                    "await fetch('{url}', {{ mode: 'no-cors', credentials: 'include' }})\
                     .catch(() => {{}})"
                ),
                By::Image => writeln!(
                    script,
                    "await new Promise(done => {{ const image = new Image();\
                     image.onload = image.onerror = done; image.src = '{url}' }})"
                ),
                By::Navigation => {
                    let _ = writeln!(script, "location.replace('{url}')");
                    break;
                }
                By::Post => {
                    let _ = writeln!(
                        script,
                        "const form = document.createElement('form'); form.method = 'POST';\
                         form.action = '{url}'; document.body.append(form); form.submit()"
                    );
                    break;
                }
            };
        }
        format!("<body><script>(async () => {{\n{script}}})()</script>")
    }

    /// Answers the requests of one connection.
    async fn converse(&self, mut socket: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut unread = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
                    break end + 4;
                }
                if socket.read_buf(&mut unread).await? == 0 {
                    return Ok(());
                }
            };
            let head: String = unread.drain(..end).map(char::from).collect();
            let answer = match number(&head).filter(|number| *number < self.plan.len()) {
                None => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
                Some(number) => {
                    let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
                    heard[number] = Some(cookie(&head));
                    self.progress.notify_one();
                    self.answer(number)
                }
            };
            socket.write_all(&answer).await?;
            socket.flush().await?;
        }
    }
}

/// The number in the query of the request target.
fn number(head: &str) -> Option<usize> {
    let target = head.split(' ').nth(1)?;
    target.split_once('?')?.1.parse().ok()
}

/// The value of the `Cookie` field; several are joined by a bar, which no client would send.
fn cookie(head: &str) -> Heard {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let values = fields.filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    let values: Vec<&str> = values.map(|(_, value)| value).collect();
    if values.is_empty() { None } else { Some(values.join(" | ")) }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(socket, tls.clone(), Arc::clone(&shared)));
    }
}

async fn serve(socket: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // A client that goes away is missed as soon as its requests are.
    let _ = match tls {
        None => shared.converse(socket).await,
        Some(tls) => match tls.accept(socket).await {
            Ok(socket) => shared.converse(socket).await,
            Err(cause) => Err(cause),
        },
    };
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let identity = authority.identity();
    let configuration = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            let builder = builder.with_no_client_auth();
            builder.with_single_cert(identity.chain().to_vec(), identity.key())
        });
    TlsAcceptor::from(Arc::new(configuration.expect("the identity is a good one")))
}

/// A site of its own, from which the requests of every case come.
pub(crate) const DRIVER: &str = "http://driver.example/";

/// A browser follows twenty.
const MOST_REDIRECTS: usize = 18;
const PATIENCE: Duration = Duration::from_secs(30);
