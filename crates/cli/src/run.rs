//! One request from the task to the exit code: the only place, with the demo, that calls the engine.
//!
//! In order: look at the target file, load the body, build the session and the request, send, show the
//! heads, move the body, show what was measured. The runtime lives on this thread and is built here, so
//! that help and usage errors cost nothing. No rule of the network is decided here.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use netreq::{
    Body, CredentialsMode, HostResolverConfig, IncomingMessage, Method, RedirectMode,
    RedirectVerdict, RequestBuilder, SecureDnsMode, Session, SessionBuilder, Timeouts,
};
use tokio::time::Instant;

use crate::answer::Answer;
use crate::body::{self, Loaded};
use crate::download::{Begun, Download, Plan};
use crate::encode;
use crate::exit::{Exit, Failure};
use crate::facts::{bars, facts};
use crate::high::{FileTarget, Output, Request, Target};
use crate::hints;
use crate::left_out::LeftOut;
use crate::low::Redirect;
use crate::output::{self, BodyView, BodyWriter, ObjectLine, push_head, quoted};
use crate::progress::{CLEAR, Progress};
use crate::session::{Opened, Purpose, without_user};
use crate::waterfall;

/// Makes the request and tells on standard error what failed.
pub(crate) fn run(request: &Request) -> Exit {
    let ended = runtime().and_then(|runtime| {
        let ended = runtime.block_on(in_session(request));
        // A thread that waits for standard input or for the resolver must not hold up the end.
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|failure| {
        if request.output.complain {
            tell(&failure.line);
        }
        failure.exit
    })
}

/// Opens the session, makes the request, and ends the session whatever came of it.
async fn in_session(request: &Request) -> Result<Exit, Failure> {
    let opened = Opened::open(settings(request)?, request.session.as_deref())?;
    let ended = match Box::pin(exchange(request, &opened.session)).await {
        Ok(exit) | Err(Stop::Early(exit)) => Ok(exit),
        Err(Stop::Failed(failure)) => Err(failure),
    };
    let closed = opened.close(Purpose::Keep).await;
    let tell = |line: &str| {
        if request.output.complain {
            tell(line);
        }
    };
    closed.news.iter().for_each(|line| tell(line));
    match (ended, closed.failure) {
        // The answer is there, and the next run will not know it.
        (Ok(Exit::Success), Some(failure)) => Err(failure),
        (ended, Some(failure)) => {
            tell(&failure.line);
            ended
        }
        (ended, None) => ended,
    }
}

/// A runtime on this thread.
///
/// # Errors
///
/// The system gives no file descriptors for it.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|cause| Failure { exit: Exit::Failed, line: format!("cannot start: {cause}") })
}

/// Why an exchange stops early.
enum Stop {
    Failed(Failure),
    /// There is nothing left to do: nobody reads our output any more, and that is their right
    /// (`netreq … | head` is a success), or the file is there already.
    Early(Exit),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for Stop {
    /// A write to standard output that failed.
    fn from(cause: io::Error) -> Self {
        if cause.kind() == io::ErrorKind::BrokenPipe {
            return Self::Early(Exit::Success);
        }
        Self::Failed(Failure {
            exit: Exit::File,
            line: format!("cannot write to standard output: {cause}"),
        })
    }
}

async fn exchange(request: &Request, session: &Session) -> Result<Exit, Stop> {
    let output = &request.output;
    let left_out = LeftOut::listen(session, output);
    let plan = match &output.target {
        Target::File(file) => Some(Plan::look(file)?),
        Target::Stdout => None,
    };
    if let (Some(Plan::Complete), Target::File(file)) = (&plan, &output.target) {
        return already_complete(request, file);
    }
    let (body, is_long) = outgoing(body::load(&request.body)?)?;
    let began = Instant::now();
    let upload = Upload::new(output, is_long.then_some(body.length()), began);

    let mut builder = prepare(request, session, plan.as_ref(), &left_out)?;
    if upload.is_shown() {
        let upload = upload.clone();
        builder = builder.on_upload_progress(move |progress| upload.draw(progress.current));
    }
    let sent = Box::pin(builder.send(body)).await;
    upload.finish();
    let mut message = match sent {
        Ok(message) => message,
        Err(error) => {
            if output.verbose
                && let Some(head) = error.request_head()
            {
                show(head, output);
            }
            left_out.show();
            return Err(failed(&error, request, &left_out)?);
        }
    };

    if output.verbose {
        show_heads(&message, output);
        left_out.show();
    }
    let mut stdout = output::stdout()?;
    if output.include && output.target == Target::Stdout {
        let mut head = Vec::new();
        let bytes = message.head().as_bytes();
        push_head(&mut head, bytes, output.stdout_style, output.stdout_is_terminal);
        output::write_all(&mut stdout, &head)?;
    }

    let mut sink = Sink::open(request, plan, &message, stdout)?;
    if output.include && output.target != Target::Stdout {
        sink.write(message.head().as_bytes())?;
    }
    let mut progress = sink.progress(output, &message, began.elapsed());
    let mut size = 0;
    loop {
        let chunk = match message.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(error) => {
                if progress.is_some() {
                    draw(CLEAR);
                }
                sink.abandon()?;
                return Err(failed(&error, request, &left_out)?);
            }
        };
        size += chunk.len() as u64;
        sink.write(&chunk)?;
        if let Some(progress) = &mut progress
            && let Some(line) = progress.advance(began.elapsed(), sink.kept() + size)
        {
            draw(&line);
        }
    }
    if let Some(progress) = &progress {
        draw(&progress.finish(began.elapsed(), sink.kept() + size));
    }
    sink.finish(request, &message, size, &left_out)?;

    if output.verbose
        && let Some(trailers) = message.trailers()
        && !trailers.is_empty()
    {
        let mut block = Vec::new();
        for (name, value) in trailers.iter() {
            block.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        show(&block, output);
    }
    if output.timing && !output.json {
        draw(&waterfall::draw(&bars(&message.timing()), output.stderr_style));
    }
    Ok(verdict(&message, output))
}

/// The engine's body, and whether it is long enough to have a progress.
fn outgoing(loaded: Loaded) -> Result<(Body, bool), Failure> {
    match loaded {
        Loaded::None => Ok((Body::empty(), false)),
        Loaded::Bytes(bytes) => Ok((bytes.into(), false)),
        Loaded::File(file) => match Body::file(file) {
            Ok(body) => Ok((body, true)),
            Err(cause) => Err(Failure::file("read", "the body".as_ref(), &cause)),
        },
        Loaded::Stream(file) => Ok((Body::reader(tokio::fs::File::from_std(file)), true)),
    }
}

fn settings(request: &Request) -> Result<SessionBuilder, Failure> {
    let default = Timeouts::default();
    // Zero was typed to have no limit.
    let limit = |typed: Option<Duration>, default| match typed {
        None => default,
        Some(typed) => Some(typed).filter(|limit| !limit.is_zero()),
    };
    let limits = &request.limits;
    let mut builder = Session::builder()
        .timeouts(
            Timeouts::default()
                .with_connect(limit(limits.connect, default.connect))
                .with_tls(limit(limits.tls, default.tls))
                .with_first_byte(limit(limits.first_byte, default.first_byte))
                .with_idle(limit(limits.idle, default.idle))
                .with_total(limit(limits.total, default.total)),
        )
        .host_resolver_rules(request.resolver_rules.as_str())
        .danger_accept_invalid_certificates(request.insecure)
        .key_log(true);
    if !request.dns_servers.is_empty() {
        builder = builder.host_resolver(HostResolverConfig {
            secure_dns_mode: SecureDnsMode::Secure,
            secure_dns_servers: request.dns_servers.clone(),
            ..HostResolverConfig::default()
        });
    }
    if request.omit_user_agent {
        builder = builder.user_agent("");
    }
    for path in &request.ca {
        let pem = std::fs::read(path).map_err(|cause| Failure::file("read", path, &cause))?;
        builder = builder.add_root_certificates(&pem).map_err(|error| {
            Failure::usage(format!("--ca {}: {}", path.display(), hints::reason(&error)))
        })?;
    }
    Ok(builder)
}

fn prepare(
    request: &Request,
    session: &Session,
    plan: Option<&Plan>,
    left_out: &LeftOut,
) -> Result<RequestBuilder, Failure> {
    let output = &request.output;
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| Failure::usage(format!("'{}' is no method", request.method)))?;
    let mut builder = session
        .request(method, request.url.clone())
        .credentials(CredentialsMode::Include)
        .redirect(match request.redirect {
            Redirect::Follow => RedirectMode::Follow,
            Redirect::Error => RedirectMode::Error,
            Redirect::Manual => RedirectMode::Manual,
        })
        .decode(request.decode)
        .capture_head(output.verbose);
    let is_host = |name: &str| name.eq_ignore_ascii_case("host");
    for (name, value) in request.fields.iter().filter(|(name, _)| !is_host(name)) {
        builder = builder.header(name.clone(), value.clone());
    }
    if let Some(Plan::Resume { length, version }) = plan {
        builder = builder.header("Range", format!("bytes={length}-"));
        builder = builder.header("If-Range", version.clone());
    }
    // The engine writes `Host`; a person at a terminal may know better, about this field alone.
    if let Some((name, value)) = request.fields.iter().find(|(name, _)| is_host(name)) {
        builder = builder.allow_restricted_headers().header(name.clone(), value.clone());
    }
    if let Some(at_most) = request.expect_continue {
        builder = builder.expect_continue(at_most);
    }
    if let Some(path) = &request.unix_socket {
        builder = builder.unix_socket(path.clone());
    }
    if output.verbose && request.redirect == Redirect::Follow {
        let (style, on_terminal) = (output.stderr_style, output.stderr_is_terminal);
        let left_out = left_out.clone();
        builder = builder.on_redirect(move |redirect| {
            let mut heads = Vec::new();
            if let Some(head) = &redirect.request_head {
                push_head(&mut heads, head, style, on_terminal);
            }
            push_head(&mut heads, redirect.head.as_bytes(), style, on_terminal);
            // Nobody is left to tell when standard error is gone.
            let _ = io::stderr().write_all(&heads);
            left_out.show();
            std::future::ready(RedirectVerdict::Follow)
        });
    }
    Ok(builder)
}

fn show_heads(message: &IncomingMessage, output: &Output) {
    let mut heads = Vec::new();
    let mut push = |head: &[u8]| {
        push_head(&mut heads, head, output.stderr_style, output.stderr_is_terminal);
    };
    if let Some(head) = message.request_head() {
        push(&head);
    }
    for head in message.informational() {
        push(head.as_bytes());
    }
    push(message.head().as_bytes());
    let _ = io::stderr().write_all(&heads);
}

fn show(block: &[u8], output: &Output) {
    let mut out = Vec::new();
    push_head(&mut out, block, output.stderr_style, output.stderr_is_terminal);
    let _ = io::stderr().write_all(&out);
}

fn draw(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A line on standard error.
pub(crate) fn tell(line: &str) {
    draw(&format!("netreq: {line}\n"));
}

/// What a failed request comes to; `--json` has its object for it.
fn failed(error: &netreq::Error, request: &Request, left_out: &LeftOut) -> Result<Stop, Stop> {
    let failure = hints::failure(error, request);
    if request.output.json {
        let mut facts = ObjectLine::new();
        facts
            .string("name", error.net_error().name())
            .raw("code", &error.net_error().code().to_string())
            .optional("phase", error.phase().map(netreq::Phase::name))
            .string("message", &failure.line)
            .raw("exit", &(failure.exit as u8).to_string());
        let mut object = ObjectLine::new();
        object.string("method", &request.method);
        object.optional("url", error.url().map(url::Url::as_str));
        object.raw("excluded_cookies", &left_out.objects());
        object.raw("error", &facts.end());
        output::write_all(&mut output::stdout()?, format!("{}\n", object.end()).as_bytes())?;
    }
    Ok(failure.into())
}

/// Tells that there is nothing to fetch.
fn already_complete(request: &Request, file: &FileTarget) -> Result<Exit, Stop> {
    let path = file.path.to_string_lossy();
    if request.output.json {
        let mut object = ObjectLine::new();
        object
            .string("method", &request.method)
            .string("url", &without_user(&request.url))
            .string("file", &path)
            .raw("complete", "true");
        output::write_all(&mut output::stdout()?, format!("{}\n", object.end()).as_bytes())?;
    } else if request.output.complain {
        tell(&format!("{path} is there already, and complete"));
    }
    Ok(Exit::Success)
}

/// The exit code for an answer, and a word on standard error about one that is no success.
fn verdict(message: &IncomingMessage, output: &Output) -> Exit {
    let status = message.status();
    let exit = if output.check_status { Exit::of_status(status) } else { Exit::Success };
    let status = format!("{status} {}", message.status_message());
    if output.complain && exit != Exit::Success {
        tell(&format!("the server answered {}", hints::one_line(status.trim_end())));
    } else if output.complain && matches!(output.target, Target::File(_)) && message.status() >= 400
    {
        tell(&format!("the file holds an error: {}", hints::one_line(status.trim_end())));
    }
    exit
}

/// Where the body of the response goes.
enum Sink {
    Stdout(BodyWriter<File>),
    File(Download),
    /// `--json`: into the object.
    Memory(Vec<u8>, File),
    /// `--json -o`: into a file, and the object to standard output.
    FileAndObject(Download, File),
}

impl Sink {
    fn open(
        request: &Request,
        plan: Option<Plan>,
        message: &IncomingMessage,
        stdout: File,
    ) -> Result<Self, Stop> {
        let output = &request.output;
        let (Target::File(target), Some(plan)) = (&output.target, plan) else {
            if output.json {
                return Ok(Self::Memory(Vec::new(), stdout));
            }
            let view = BodyView {
                on_terminal: output.body_on_terminal,
                indent: output.body_indent,
                style: output.body_style,
            };
            return Ok(Self::Stdout(BodyWriter::new(stdout, view, message.header("content-type"))));
        };
        let answer = Answer {
            status: message.status(),
            content_range: message.header("content-range"),
            etag: message.header("etag"),
            is_range_asked: request.asks_range(),
            is_verbatim: !(output.include
                || request.decode && message.header("content-encoding").is_some()),
        };
        let download = match Download::begin(target.clone(), plan, &answer)? {
            Begun::Writing(download) => download,
            Begun::Complete => return Err(Stop::Early(already_complete(request, target)?)),
        };
        Ok(if output.json { Self::FileAndObject(download, stdout) } else { Self::File(download) })
    }

    /// The progress to draw, if there is one: of files alone, since standard output may be the very
    /// terminal.
    fn progress(
        &self,
        output: &Output,
        message: &IncomingMessage,
        now: Duration,
    ) -> Option<Progress> {
        let Self::File(download) = self else { return None };
        let total = message.content_length().map(|length| download.kept() + length);
        output.progress.then(|| Progress::new(output.stderr_style, now, download.kept(), total))
    }

    /// Bytes that were there before.
    fn kept(&self) -> u64 {
        match self {
            Self::File(download) | Self::FileAndObject(download, _) => download.kept(),
            Self::Stdout(_) | Self::Memory(..) => 0,
        }
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Stop> {
        match self {
            Self::Stdout(writer) => Ok(writer.write(piece)?),
            Self::File(download) | Self::FileAndObject(download, _) => Ok(download.write(piece)?),
            Self::Memory(bytes, _) if bytes.len() + piece.len() > LARGEST_IN_OBJECT => {
                Err(Stop::Failed(Failure {
                    exit: Exit::BrokenResponse,
                    line: "the body is too large for --json; write it to a file with -o".to_owned(),
                }))
            }
            Self::Memory(bytes, _) => {
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    /// The body broke off: what can be shown of it is.
    fn abandon(self) -> Result<(), Stop> {
        match self {
            Self::Stdout(writer) => Ok(writer.finish().map(|_| ())?),
            Self::File(_) | Self::Memory(..) | Self::FileAndObject(..) => Ok(()),
        }
    }

    fn finish(
        self,
        request: &Request,
        message: &IncomingMessage,
        size: u64,
        left_out: &LeftOut,
    ) -> Result<(), Stop> {
        let object = |stdout: &mut File, member: &str, value: &str| {
            let mut object = facts(request, message, size, &left_out.objects());
            object.raw(member, value);
            output::write_all(stdout, format!("{}\n", object.end()).as_bytes())
        };
        match self {
            Self::Stdout(writer) => {
                let held_back = writer.finish()?;
                if held_back > 0 && request.output.complain {
                    tell(&format!(
                        "{held_back} bytes that are no text were not shown; write them to a file with -o"
                    ));
                }
            }
            Self::File(download) => download.finish()?,
            Self::FileAndObject(download, mut stdout) => {
                download.finish()?;
                if let Target::File(file) = &request.output.target {
                    object(&mut stdout, "file", &quoted(&file.path.to_string_lossy()))?;
                }
            }
            Self::Memory(bytes, mut stdout) => match std::str::from_utf8(&bytes) {
                Ok(text) => object(&mut stdout, "body", &quoted(text))?,
                Err(_) => {
                    object(&mut stdout, "body_base64", &quoted(&encode::base64(&bytes)))?;
                }
            },
        }
        Ok(())
    }
}

const LARGEST_IN_OBJECT: usize = 64 * 1024 * 1024;

/// The progress of the request's body, shared with the engine's listener.
#[derive(Clone)]
struct Upload {
    began: Instant,
    shown: Arc<Mutex<Option<(Progress, u64)>>>,
}

impl Upload {
    /// `length` is there for a body that is long enough to be shown.
    fn new(output: &Output, length: Option<Option<u64>>, began: Instant) -> Self {
        let shown = length
            .filter(|_| output.progress)
            .map(|total| (Progress::new(output.stderr_style, Duration::ZERO, 0, total), 0));
        Self { began, shown: Arc::new(Mutex::new(shown)) }
    }

    fn is_shown(&self) -> bool {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn draw(&self, current: u64) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((progress, done)) = &mut *shown {
            *done = current;
            if let Some(line) = progress.advance(self.began.elapsed(), current) {
                draw(&line);
            }
        }
    }

    /// The answer is there, or nothing will come: the line is closed and never drawn again.
    fn finish(&self) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((progress, done)) = shown {
            draw(&progress.finish(self.began.elapsed(), done));
        }
    }
}
