//! `netreq demo`: a tour against an embedded server, which announces each step and checks it.
//!
//! It needs no network. A step says what it will do, does it, and prints what happened; a step that
//! differs from what it announces is marked, and the exit code is then not zero. Servers and
//! certificates are made at the start and are gone at the end.

use std::fmt::Debug;
use std::future::Future;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use netreq::{Body, CookieFilter, CredentialsMode, NetError, RedirectMode, Session};
use netreq_testserver::{Authority, Server, pattern};
use tokio::io::AsyncReadExt;

use crate::exit::{Exit, Failure};
use crate::facts::bars;
use crate::progress;
use crate::run::runtime;
use crate::style::{Role, Style};
use crate::waterfall;

/// Walks through the tour.
///
/// # Errors
///
/// The servers cannot be started.
pub(crate) fn run(style: Style) -> Result<Exit, Failure> {
    let stage = Stage::set().map_err(|cause| Failure {
        exit: Exit::Failed,
        line: format!("cannot start the embedded server: {cause}"),
    })?;
    let mut tour = Tour { style, steps: 0, differing: 0 };
    let runtime = runtime()?;
    runtime.block_on(walk(&stage, &mut tour));
    runtime.shutdown_background();
    tour.end()
}

async fn walk(stage: &Stage, tour: &mut Tour) {
    tour.step(
        "GET",
        "A GET with a query is answered 200; the server says what it saw. A second one takes the same \
         connection.",
        get(stage),
    )
    .await;
    tour.step(
        "Upload",
        "8 MiB are sent while they are made, with progress; memory stays flat. The server counts them.",
        upload(stage),
    )
    .await;
    tour.step("Redirect: follow", "Three redirects lead to a 200.", redirect_followed(stage)).await;
    tour.step(
        "Redirect: error",
        "The same URL fails, with the sentence that Electron has for it.",
        redirect_refused(stage),
    )
    .await;
    tour.step(
        "Redirect: manual",
        "The same URL gives the first redirect itself.",
        redirect_delivered(stage),
    )
    .await;
    tour.step(
        "Cookies",
        "A login sets a cookie on its redirect; requests that include credentials send it, others do not.",
        cookies(stage),
    )
    .await;
    tour.step(
        "Decoding",
        "gzip, deflate, br and zstd arrive as the JSON that they hold.",
        decoding(stage),
    )
    .await;
    tour.step(
        "TLS",
        "A certificate whose authority is trusted is accepted; this is where the time goes.",
        tls(stage, tour.style),
    )
    .await;
    tour.step(
        "TLS refused",
        "An unknown authority, an expired certificate and one for another name each fail by their name.",
        tls_refused(stage),
    )
    .await;
    tour.step(
        "A body that is cut",
        "A body shorter than its length, and one without its last chunk, are errors and never look whole.",
        truncated(stage),
    )
    .await;
}

/// What a step prints, or how it differs from what was announced.
type Told = Result<Vec<String>, String>;

async fn get(stage: &Stage) -> Told {
    let url = stage.plain.url("/anything?tour=1");
    let message = stage.session.get(&*url).await.map_err(told)?;
    same("the status", message.status(), 200)?;
    same("a reused connection", message.is_connection_reused(), false)?;
    let status = format!("{} {}", message.status(), message.status_message());
    let text = message.text().await.map_err(told)?;
    contains(&text, "\"query\": {\"tour\": \"1\"}")?;

    let second = stage.session.get(&*url).await.map_err(told)?;
    same("a reused connection", second.is_connection_reused(), true)?;
    Ok(vec![format!("{url}: {status}"), text.trim_end().to_owned(), "connection reused".to_owned()])
}

async fn upload(stage: &Stage) -> Told {
    let marks = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&marks);
    let listener = move |progress: netreq::UploadProgress| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let quarter = progress.current * 4 / UPLOAD;
        if seen.last().is_none_or(|(last, _)| *last != quarter) {
            seen.push((quarter, progress.current));
        }
    };
    let message = stage
        .session
        .post(stage.plain.url("/upload"))
        .on_upload_progress(listener)
        .send(Body::sized(UPLOAD, tokio::io::repeat(b'x').take(UPLOAD)))
        .await
        .map_err(told)?;
    same("the status", message.status(), 200)?;
    let text = message.text().await.map_err(told)?;
    contains(&text, &format!("\"bytes\": {UPLOAD}"))?;

    let marks = marks.lock().unwrap_or_else(PoisonError::into_inner);
    same("the last progress", marks.last().map(|(_, sent)| *sent), Some(UPLOAD))?;
    let sent: Vec<_> = marks
        .iter()
        .filter(|(quarter, _)| *quarter > 0)
        .map(|(_, sent)| progress::bytes(*sent as f64))
        .collect();
    Ok(vec![format!("sent {}", sent.join(", ")), text.trim_end().to_owned()])
}

async fn redirect_followed(stage: &Stage) -> Told {
    let message = stage.session.get(stage.plain.url("/redirect/3")).await.map_err(told)?;
    same("the status", message.status(), 200)?;
    same("the redirects taken", message.redirected_from().len(), 3)?;
    same("the last path", message.url().path(), "/redirect/0")?;
    Ok(message
        .redirected_from()
        .iter()
        .chain([message.url()])
        .map(|url| url.path().to_owned())
        .collect())
}

async fn redirect_refused(stage: &Stage) -> Told {
    let url = stage.plain.url("/redirect/3");
    let refused = stage.session.get(url).redirect(RedirectMode::Error).await;
    let error = refused.err().ok_or("the redirect was followed")?;
    let sentence = "Attempted to redirect, but redirect policy was 'error'";
    same("the error", error.to_string().as_str(), sentence)?;
    Ok(vec![error.to_string()])
}

async fn redirect_delivered(stage: &Stage) -> Told {
    let url = stage.plain.url("/redirect/3");
    let message = stage.session.get(url).redirect(RedirectMode::Manual).await.map_err(told)?;
    same("the status", message.status(), 302)?;
    same("the field Location", message.header("location"), Some("/redirect/2"))?;
    Ok(vec![format!("{} {}, Location: /redirect/2", message.status(), message.status_message())])
}

async fn cookies(stage: &Stage) -> Told {
    let login = stage.plain.url("/cookies/set?login=ada");
    let included = stage.session.get(login).credentials(CredentialsMode::Include);
    let text = included.await.map_err(told)?.text().await.map_err(told)?;
    same("what came with the redirect", text.trim_end(), r#"{"cookies": {"login": "ada"}}"#)?;

    let url = stage.plain.url("/cookies");
    let plain = stage.session.get(&*url).await.map_err(told)?.text().await.map_err(told)?;
    same("what came without credentials", plain.trim_end(), r#"{"cookies": {}}"#)?;
    let included = stage.session.get(&*url).credentials(CredentialsMode::Include);
    let again = included.await.map_err(told)?.text().await.map_err(told)?;
    same("what came with credentials", &again, &text)?;

    let kept = stage.session.cookies().get(CookieFilter::default()).await.map_err(told)?;
    let [cookie] = &kept[..] else {
        return Err(format!("{} cookies are kept, not 1", kept.len()));
    };
    same("the cookie", cookie.pair(), &b"login=ada"[..])?;
    Ok(vec![
        format!("with credentials: {}", again.trim_end()),
        format!("without: {}", plain.trim_end()),
        format!("kept in memory: login=ada for {}{}", cookie.domain(), cookie.path()),
    ])
}

async fn decoding(stage: &Stage) -> Told {
    let mut lines = Vec::new();
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let message =
            stage.session.get(stage.plain.url(&format!("/{coding}"))).await.map_err(told)?;
        same("the field Content-Encoding", message.header("content-encoding"), Some(coding))?;
        let length = message.header("content-length").unwrap_or("?").to_owned();
        let text = message.text().await.map_err(told)?;
        contains(&text, &format!("{{\"encoding\": \"{coding}\""))?;
        lines.push(format!("{coding}: {length} bytes came, {} were in them", text.len()));
    }
    Ok(lines)
}

async fn tls(stage: &Stage, style: Style) -> Told {
    let mut message = stage.session.get(stage.secure.url("/bytes/100000")).await.map_err(told)?;
    same("the status", message.status(), 200)?;
    let info = message.tls().ok_or("no TLS was spoken")?;
    same("the version", info.protocol(), "TLSv1.3")?;
    let mut body = Vec::new();
    while let Some(chunk) = message.chunk().await.map_err(told)? {
        body.extend_from_slice(&chunk);
    }
    if body != pattern(100_000) {
        return Err("the body differs from what the server sent".to_owned());
    }
    let mut lines = vec![format!("{} with {}", info.protocol(), info.cipher_suite())];
    let drawing = waterfall::draw(&bars(&message.timing()), style);
    lines.extend(drawing.lines().map(str::to_owned));
    Ok(lines)
}

async fn tls_refused(stage: &Stage) -> Told {
    let mut lines = Vec::new();
    for (server, expected) in [
        (&stage.unknown, NetError::CertAuthorityInvalid),
        (&stage.expired, NetError::CertDateInvalid),
        (&stage.misnamed, NetError::CertCommonNameInvalid),
    ] {
        let refused = stage.session.get(server.url("/")).await;
        let error = refused.err().ok_or_else(|| format!("no {expected}: it was accepted"))?;
        same("the error", error.net_error(), expected)?;
        same("the requests that the server saw", server.requests(), 0)?;
        lines.push(format!("{error}: {}", expected.description()));
    }
    Ok(lines)
}

async fn truncated(stage: &Stage) -> Told {
    let mut lines = Vec::new();
    for (path, expected) in [
        ("/truncated", NetError::ContentLengthMismatch),
        ("/truncated-chunked", NetError::IncompleteChunkedEncoding),
    ] {
        let mut message = stage.session.get(stage.plain.url(path)).await.map_err(told)?;
        let mut received = 0;
        let error = loop {
            match message.chunk().await {
                Ok(Some(chunk)) => received += chunk.len(),
                Ok(None) => return Err(format!("{path}: the body looked whole")),
                Err(error) => break error,
            }
        };
        same("the error", error.net_error(), expected)?;
        lines.push(format!("{path}: {received} bytes, then {error}"));
    }
    Ok(lines)
}

/// The servers of the tour, and a session that trusts one authority.
struct Stage {
    plain: Server,
    secure: Server,
    unknown: Server,
    expired: Server,
    misnamed: Server,
    session: Session,
}

impl Stage {
    fn set() -> Result<Self, Box<dyn std::error::Error>> {
        let authority = Authority::new();
        let stranger = Authority::new();
        Ok(Self {
            plain: Server::builder().start()?,
            secure: Server::builder().tls(&authority.identity()).start()?,
            unknown: Server::builder().tls(&stranger.identity()).start()?,
            expired: Server::builder().tls(&authority.expired()).start()?,
            misnamed: Server::builder().tls(&authority.wrong_name()).start()?,
            session: Session::builder()
                .platform_roots(false)
                .add_root_certificates(authority.certificate_pem().as_bytes())?
                .build()?,
        })
    }
}

/// The steps so far, on standard output.
struct Tour {
    style: Style,
    steps: u32,
    differing: u32,
}

impl Tour {
    async fn step(&mut self, title: &str, announced: &str, doing: impl Future<Output = Told>) {
        self.steps += 1;
        let title = self.style.paint(Role::Strong, &format!("{}. {title}", self.steps));
        say(&format!("{title}\n   {announced}\n"));
        let mut out = String::new();
        match Box::pin(doing).await {
            Ok(lines) => {
                for line in lines {
                    out.push_str(&format!("   {} {line}\n", self.style.paint(Role::Faint, "│")));
                }
                out.push_str(&format!("   {}\n\n", self.style.paint(Role::Good, "as announced")));
            }
            Err(difference) => {
                self.differing += 1;
                let mark = self.style.paint(Role::Bad, "differs");
                out.push_str(&format!("   {mark}: {difference}\n\n"));
            }
        }
        say(&out);
    }

    fn end(self) -> Result<Exit, Failure> {
        if self.differing > 0 {
            let line = format!("{} of {} steps differ", self.differing, self.steps);
            return Err(Failure { exit: Exit::Failed, line });
        }
        say(&format!("{} steps, all as announced.\n", self.steps));
        Ok(Exit::Success)
    }
}

fn say(text: &str) {
    // A reader that left early has seen enough; the checks go on.
    let _ = io::stdout().write_all(text.as_bytes());
}

/// An error where none was announced.
fn told(error: netreq::Error) -> String {
    format!("{error} in phase {}", error.phase().map_or("none", netreq::Phase::name))
}

fn same<T: PartialEq + Debug>(what: &str, is: T, announced: T) -> Result<(), String> {
    if is == announced { Ok(()) } else { Err(format!("{what} is {is:?}, not {announced:?}")) }
}

fn contains(text: &str, announced: &str) -> Result<(), String> {
    if text.contains(announced) { Ok(()) } else { Err(format!("{announced} is not in {text:?}")) }
}

const UPLOAD: u64 = 8 * 1024 * 1024;
