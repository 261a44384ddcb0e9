//! One request on the runtime: what JavaScript says goes in, what happens comes out.
//!
//! It ends with the response's body, an error or JavaScript's abort, whichever comes first, and the
//! last record says which; an abort has none, JavaScript knows. The request itself runs as a task of
//! its session.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream as _;
use netreq::{
    Bytes, ClientRequest, Error, Event as Engine, Events, IncomingMessage, Options,
    RedirectQuestion, UploadProgress,
};

use crate::environment::Outbox;
use crate::inbox::{Inbox, RedirectAnswer};
use crate::records::Event;

/// The body that a request is started with.
pub(crate) enum Upload {
    Whole(Bytes),
    /// As it comes through the inbox.
    Chunks,
}

/// Runs a request to its end.
pub(crate) async fn run(
    id: u32,
    options: Options,
    upload: Upload,
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox>,
) {
    if inbox.is_aborted() {
        return;
    }
    let failed = match begin(options, upload, &inbox, id, &outbox).await {
        Ok(mut pump) => return std::future::poll_fn(|cx| pump.poll(cx)).await,
        Err(error) => error,
    };
    outbox.emit(id, Event::error(&failed));
}

async fn begin(
    options: Options,
    upload: Upload,
    inbox: &Arc<Inbox>,
    id: u32,
    outbox: &Arc<Outbox>,
) -> Result<Pump, Error> {
    let mut request = ClientRequest::new(options)?;
    let events = request.events();
    let sending = match upload {
        Upload::Whole(body) => {
            request.end(body).await?;
            Sending::Done(request)
        }
        Upload::Chunks => {
            request.set_chunked_encoding(true)?;
            Sending::Under(Box::pin(send(request, Arc::clone(inbox), id, Arc::clone(outbox))))
        }
    };
    let (inbox, outbox) = (Arc::clone(inbox), Arc::clone(outbox));
    Ok(Pump {
        id,
        inbox,
        outbox,
        sending,
        events,
        question: None,
        unreported: None,
        reported: None,
        body: None,
        credit: AHEAD,
    })
}

/// Writes what JavaScript writes, and says how much has been taken.
async fn send(
    mut request: ClientRequest,
    inbox: Arc<Inbox>,
    id: u32,
    outbox: Arc<Outbox>,
) -> Result<ClientRequest, Error> {
    let mut taken = 0;
    while let Some((chunk, is_last_yet)) = inbox.chunk().await {
        taken += chunk.len() as u64;
        request.write(chunk).await?;
        // Half of what JavaScript lets be on its way (`lib/client_request.js`), or all there is.
        if is_last_yet || taken >= ENOUGH {
            outbox.emit(id, Event::Written(std::mem::take(&mut taken)));
        }
    }
    request.end(Bytes::new()).await?;
    Ok(request)
}

struct Pump {
    id: u32,
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox>,
    sending: Sending,
    events: Events,
    question: Option<RedirectQuestion>,
    unreported: Option<UploadProgress>,
    reported: Option<Instant>,
    body: Option<IncomingMessage>,
    /// Pieces of the body that JavaScript has room for.
    credit: u32,
}

enum Sending {
    /// Owns the request; dropped, it aborts it.
    Under(Pin<Box<dyn Future<Output = Result<ClientRequest, Error>> + Send>>),
    Done(ClientRequest),
    Failed,
}

impl Pump {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mail = self.inbox.read(cx);
        if mail.is_aborted {
            if let Sending::Done(request) = &mut self.sending {
                request.abort();
            }
            self.sending = Sending::Failed;
            return Poll::Ready(());
        }
        self.credit = self.credit.saturating_add(mail.credit);
        if let Some((question, answer)) =
            self.question.take_if(|_| mail.answer.is_some()).zip(mail.answer)
        {
            match answer {
                RedirectAnswer::Follow => question.follow_redirect(),
                RedirectAnswer::FollowWith(headers) => question.follow_with(headers),
                RedirectAnswer::Deliver => question.deliver(),
                RedirectAnswer::Cancel => question.cancel(),
            }
        }
        if let Sending::Under(sending) = &mut self.sending
            && let Poll::Ready(sent) = sending.as_mut().poll(cx)
        {
            match sent {
                Ok(request) => self.sending = Sending::Done(request),
                Err(error) => return self.end(Event::error(&error)),
            }
        }
        while let Poll::Ready(event) = Pin::new(&mut self.events).poll_next(cx) {
            match event {
                Some(Engine::Response(message)) => {
                    self.report();
                    self.outbox.emit(self.id, Event::response(&message));
                    self.body = Some(message);
                }
                Some(Engine::Redirect(question)) => {
                    self.outbox.emit(self.id, Event::redirect(question.info()));
                    self.question = Some(question);
                }
                Some(Engine::UploadProgress(progress)) => {
                    self.unreported = Some(progress);
                    let is_whole = progress.current == progress.total;
                    if is_whole || self.reported.is_none_or(|at| now() - at >= BETWEEN_REPORTS) {
                        self.report();
                    }
                }
                // Behind a response, its body says how it ended.
                Some(Engine::Error(error)) if self.body.is_none() => {
                    return self.end(Event::error(&error));
                }
                Some(_) => {}
                None => break,
            }
        }
        self.poll_body(cx)
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.credit > 0
            && let Some(body) = &mut self.body
        {
            match std::task::ready!(body.poll_chunk(cx)) {
                Some(Ok(chunk)) => {
                    self.credit -= 1;
                    self.outbox.emit(self.id, Event::Data(chunk));
                }
                Some(Err(error)) => return self.end(Event::error(&error)),
                None => {
                    let end = Event::end(body);
                    return self.end(end);
                }
            }
        }
        Poll::Pending
    }

    /// Says how far the upload has come.
    fn report(&mut self) {
        if let Some(progress) = self.unreported.take() {
            self.reported = Some(now());
            self.outbox.emit(self.id, Event::Progress(progress));
        }
    }

    fn end(&self, last: Event) -> Poll<()> {
        self.outbox.emit(self.id, last);
        Poll::Ready(())
    }
}

#[expect(clippy::disallowed_methods, reason = "how often JavaScript hears of progress, no rule")]
fn now() -> Instant {
    Instant::now()
}

/// How long JavaScript is left alone with progress, as in Chromium (`UploadProgressTracker`).
const BETWEEN_REPORTS: Duration = Duration::from_millis(100);
/// Pieces of a body, 64 KiB at most each, that go to JavaScript before it asks: the first to show, one to
/// see the end, and as many as make it worth to wake the other thread.
const AHEAD: u32 = 4;
/// Bytes of an upload that are worth a word.
const ENOUGH: u64 = 512 * 1024;
