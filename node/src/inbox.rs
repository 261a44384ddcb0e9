//! What JavaScript has said to a request that runs, until its task looks.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use netreq::{Bytes, HeaderList};

use crate::runtime::lock;

/// The way from JavaScript to a request's task.
#[derive(Default)]
pub(crate) struct Inbox(Mutex<State>);

#[derive(Default)]
struct State {
    chunks: VecDeque<Bytes>,
    is_ended: bool,
    /// Pieces of the response's body that JavaScript has room for.
    credit: u32,
    answer: Option<RedirectAnswer>,
    is_aborted: bool,
    task: Option<Waker>,
    upload: Option<Waker>,
}

/// What became of a redirect's question.
pub(crate) enum RedirectAnswer {
    Follow,
    FollowWith(HeaderList),
    Deliver,
    Cancel,
}

/// What there is for the task.
pub(crate) struct Mail {
    pub(crate) is_aborted: bool,
    pub(crate) answer: Option<RedirectAnswer>,
    pub(crate) credit: u32,
}

impl Inbox {
    /// JavaScript has a piece of the request's body.
    pub(crate) fn write(&self, chunk: Bytes) {
        self.wake_upload(|state| state.chunks.push_back(chunk));
    }

    /// The request's body is whole.
    pub(crate) fn end(&self) {
        self.wake_upload(|state| state.is_ended = true);
    }

    /// JavaScript has room for so many more pieces.
    pub(crate) fn want(&self, pieces: u32) {
        self.wake_task(|state| state.credit = state.credit.saturating_add(pieces));
    }

    pub(crate) fn answer(&self, answer: RedirectAnswer) {
        self.wake_task(|state| state.answer = Some(answer));
    }

    pub(crate) fn abort(&self) {
        self.wake_task(|state| state.is_aborted = true);
    }

    pub(crate) fn is_aborted(&self) -> bool {
        lock(&self.0).is_aborted
    }

    /// What has come since the last look; the task is woken by what comes later.
    pub(crate) fn read(&self, cx: &Context<'_>) -> Mail {
        let mut state = lock(&self.0);
        if !state.task.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.task = Some(cx.waker().clone());
        }
        Mail {
            is_aborted: state.is_aborted,
            answer: state.answer.take(),
            credit: std::mem::take(&mut state.credit),
        }
    }

    /// The next piece of the request's body, and whether none has come behind it yet; `None` at its end.
    pub(crate) async fn chunk(&self) -> Option<(Bytes, bool)> {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.0);
            match state.chunks.pop_front() {
                Some(chunk) => Poll::Ready(Some((chunk, state.chunks.is_empty()))),
                None if state.is_ended => Poll::Ready(None),
                None => {
                    state.upload = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn wake_task(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = lock(&self.0);
            change(&mut state);
            state.task.take()
        };
        wake(waker);
    }

    fn wake_upload(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = lock(&self.0);
            change(&mut state);
            state.upload.take()
        };
        wake(waker);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
