//! The events of a [`ClientRequest`](super::ClientRequest), in their documented order.
//!
//! An event is either a fact or a question. A question holds the request until it is answered or
//! dropped; dropped, it gets the answer that Electron gives when nobody listens.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use netreq_proto::HeaderList;
use tokio::sync::oneshot;

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
pub struct Events(Arc<Feed>);

impl Events {
    /// The next event; `None` after [`Event::Close`].
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.0.poll_next(cx)).await
    }

    /// A stream in which nothing comes any more.
    pub(super) fn ended() -> Self {
        let feed = Feed::default();
        lock(&feed.state).is_closed = true;
        Self(Arc::new(feed))
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_next(cx)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let unread = {
            let mut state = lock(&self.0.state);
            state.is_unread = true;
            std::mem::take(&mut state.queue)
        };
        // Only now: a response that is dropped closes the feed.
        drop(unread);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

/// Where a request's events come from.
#[derive(Default)]
pub(super) struct Feed {
    state: Mutex<State>,
    /// Whether anybody took the stream.
    pub(super) is_heard: AtomicBool,
    /// The redirect that waits, for `ClientRequest::follow_redirect`.
    pub(super) redirect: Mutex<Option<PendingAnswer>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Event>,
    reader: Option<Waker>,
    /// `Close` has been put in.
    is_closed: bool,
    /// The stream has been dropped.
    is_unread: bool,
}

pub(super) type PendingAnswer = Arc<Mutex<Option<oneshot::Sender<RedirectVerdict>>>>;

impl Feed {
    pub(super) fn new() -> (Arc<Self>, Events) {
        let feed = Arc::new(Self::default());
        (Arc::clone(&feed), Events(feed))
    }

    /// Adds an event, unless the feed has closed.
    pub(super) fn emit(&self, event: Event) {
        let mut state = lock(&self.state);
        if state.is_closed || state.is_unread {
            drop(state);
            // Only now: a response that is dropped closes the feed.
            drop(event);
            return;
        }
        state.queue.push_back(event);
        wake(state);
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).is_closed
    }

    pub(super) fn progress(&self, progress: UploadProgress) {
        if !self.is_heard.load(Ordering::Acquire) {
            return;
        }
        let mut state = lock(&self.state);
        for event in &mut state.queue {
            if let Event::UploadProgress(unread) = event {
                *unread = progress;
                return;
            }
        }
        drop(state);
        self.emit(Event::UploadProgress(progress));
    }

    /// Ends the feed with `last` and `Close`, unless it has ended.
    pub(super) fn close(&self, last: Option<Event>) {
        let mut state = lock(&self.state);
        if std::mem::replace(&mut state.is_closed, true) || state.is_unread {
            return;
        }
        state.queue.extend(last);
        state.queue.push_back(Event::Close);
        wake(state);
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = lock(&self.state);
        if let Some(event) = state.queue.pop_front() {
            return Poll::Ready(Some(event));
        }
        if state.is_closed {
            return Poll::Ready(None);
        }
        if !state.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            state.reader = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
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
impl Delegate for Feed {
    async fn redirect(&self, info: RedirectInfo) -> RedirectVerdict {
        let default = default_verdict(info.mode);
        if !self.is_heard.load(Ordering::Acquire) {
            return default;
        }
        let (sender, receiver) = oneshot::channel();
        let answer: PendingAnswer = Arc::new(Mutex::new(Some(sender)));
        *lock(&self.redirect) = Some(Arc::clone(&answer));
        self.emit(Event::Redirect(RedirectQuestion { info, answer }));
        receiver.await.unwrap_or(default)
    }
}
