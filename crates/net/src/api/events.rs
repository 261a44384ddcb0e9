//! The events of a [`ClientRequest`](super::ClientRequest), in their documented order.
//!
//! An event is either a fact or a question. A question holds the request until it is answered or
//! dropped; dropped, it gets the answer that Electron gives when nobody listens.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_core::Stream;
use netreq_proto::HeaderList;
use tokio::sync::{mpsc, oneshot};

use super::incoming_message::IncomingMessage;
use crate::error::Error;
use crate::progress::UploadProgress;
use crate::request::{Delegate, RedirectInfo, RedirectMode, RedirectVerdict};
use crate::runtime::lock;

/// What happens to a request.
///
/// `Finish` comes once the request has been handed over as a whole; `Redirect` before each hop;
/// then `Response`, or `Error`. `Abort` comes once, when the caller ended the request. `Close` is
/// the last event: after the end of the response's body, after an error, or after `Abort`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The head of the response is here.
    Response(IncomingMessage),
    /// A redirect waits for a decision.
    Redirect(RedirectQuestion),
    /// Some of the body has gone out. Reports that nobody has read yet become one, the latest.
    UploadProgress(UploadProgress),
    /// The body has been handed over; not: sent.
    Finish,
    /// The caller ended the request.
    Abort,
    /// The request failed, or the body of its response did.
    Error(Error),
    /// Nothing follows.
    Close,
}

/// The stream of a request's events.
///
/// Dropping it answers every question by its default; the request goes on.
pub struct Events {
    receiver: mpsc::UnboundedReceiver<Event>,
    feed: Arc<Feed>,
}

impl Events {
    /// The next event; `None` after [`Event::Close`].
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    /// A stream in which nothing comes any more.
    pub(super) fn ended() -> Self {
        let (_, mut events) = Feed::new();
        events.receiver.close();
        events
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut event = std::task::ready!(self.receiver.poll_recv(cx));
        match &mut event {
            Some(Event::UploadProgress(progress)) => {
                if let Some(latest) = lock(&self.feed.unread_progress).take() {
                    *progress = latest;
                }
            }
            Some(Event::Close) => self.receiver.close(),
            _ => {}
        }
        Poll::Ready(event)
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

/// Where a request's events come from.
pub(super) struct Feed {
    sender: mpsc::UnboundedSender<Event>,
    /// Whether anybody took the stream.
    pub(super) is_heard: AtomicBool,
    /// Locked while an event goes out, so that none goes out behind `Close`.
    is_closed: Mutex<bool>,
    /// What the one `UploadProgress` that nobody has read yet will say.
    unread_progress: Mutex<Option<UploadProgress>>,
    /// The redirect that waits, for `ClientRequest::follow_redirect`.
    pub(super) redirect: Mutex<Option<PendingAnswer>>,
}

pub(super) type PendingAnswer = Arc<Mutex<Option<oneshot::Sender<RedirectVerdict>>>>;

impl Feed {
    pub(super) fn new() -> (Arc<Self>, Events) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let feed = Arc::new(Self {
            sender,
            is_heard: AtomicBool::new(false),
            is_closed: Mutex::new(false),
            unread_progress: Mutex::new(None),
            redirect: Mutex::new(None),
        });
        (Arc::clone(&feed), Events { receiver, feed })
    }

    pub(super) fn emit(&self, event: Event) {
        let unheard = {
            let is_closed = lock(&self.is_closed);
            if *is_closed {
                Some(event)
            } else {
                self.sender.send(event).err().map(|unheard| unheard.0)
            }
        };
        // Only now: a response that is dropped closes the feed.
        drop(unheard);
    }

    pub(super) fn is_closed(&self) -> bool {
        *lock(&self.is_closed)
    }

    pub(super) fn progress(&self, progress: UploadProgress) {
        if !self.is_heard.load(Ordering::Acquire) {
            return;
        }
        let waits_already = lock(&self.unread_progress).replace(progress).is_some();
        if !waits_already {
            self.emit(Event::UploadProgress(progress));
        }
    }

    /// Ends the feed with `last` and `Close`, unless it has ended.
    pub(super) fn close(&self, last: Option<Event>) {
        let mut is_closed = lock(&self.is_closed);
        if !std::mem::replace(&mut *is_closed, true) {
            for event in last.into_iter().chain([Event::Close]) {
                // Nobody needs to listen.
                let _ = self.sender.send(event);
            }
        }
    }
}

/// What a response tells the events of its request when its body ends.
pub(super) struct Closing(pub(super) Arc<Feed>);

impl Closing {
    pub(super) fn ended(self) {
        self.0.close(None);
    }

    pub(super) fn failed(self, error: &Error) {
        self.0.close(Some(Event::Error(error.clone())));
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close(None);
    }
}

/// A redirect that stands still until it is answered.
///
/// Dropped unanswered, it is followed in mode [`RedirectMode::Follow`] and cancelled in mode
/// [`RedirectMode::Manual`], as in Electron when the listener does not call `followRedirect`.
pub struct RedirectQuestion {
    info: RedirectInfo,
    answer: PendingAnswer,
}

impl RedirectQuestion {
    /// Where it leads, and how.
    pub fn info(&self) -> &RedirectInfo {
        &self.info
    }

    /// Goes on. Electron `followRedirect`.
    pub fn follow_redirect(self) {
        self.answer(RedirectVerdict::Follow);
    }

    /// Goes on with other fields of the caller's; [`RedirectInfo::headers`] holds those that would
    /// go along.
    pub fn follow_with(self, headers: HeaderList) {
        self.answer(RedirectVerdict::FollowWith(headers));
    }

    /// Delivers the redirect's own response.
    pub fn deliver(self) {
        self.answer(RedirectVerdict::Deliver);
    }

    /// Fails the request with `Redirect was cancelled`.
    pub fn cancel(self) {
        self.answer(RedirectVerdict::Cancel);
    }

    fn answer(&self, verdict: RedirectVerdict) {
        if let Some(waiting) = lock(&self.answer).take() {
            // The request may have been aborted meanwhile.
            let _ = waiting.send(verdict);
        }
    }
}

impl Drop for RedirectQuestion {
    fn drop(&mut self) {
        self.answer(default_verdict(self.info.mode));
    }
}

impl fmt::Debug for RedirectQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedirectQuestion").field("info", &self.info).finish_non_exhaustive()
    }
}

fn default_verdict(mode: RedirectMode) -> RedirectVerdict {
    match mode {
        RedirectMode::Follow => RedirectVerdict::Follow,
        RedirectMode::Error | RedirectMode::Manual => RedirectVerdict::Cancel,
    }
}

/// Asks by events.
pub(super) struct Asking(pub(super) Arc<Feed>);

impl Delegate for Asking {
    async fn redirect(&self, info: RedirectInfo) -> RedirectVerdict {
        let default = default_verdict(info.mode);
        if !self.0.is_heard.load(Ordering::Acquire) {
            return default;
        }
        let (sender, receiver) = oneshot::channel();
        let answer: PendingAnswer = Arc::new(Mutex::new(Some(sender)));
        *lock(&self.0.redirect) = Some(Arc::clone(&answer));
        self.0.emit(Event::Redirect(RedirectQuestion { info, answer }));
        receiver.await.unwrap_or(default)
    }
}
