//! Whoever listens to what happens in a session, each with a queue of its own.
//!
//! Telling never waits: a listener that does not read loses the oldest of what it was told, and
//! learns how much. It knows nothing of what is told.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::runtime::lock;

/// What happens in a session from now on, in its order. It ends with the session.
///
/// A stream that is not read keeps the latest 4,096 items; [`missed`](Self::missed) says how many
/// came before them. Dropping it is the end of listening.
pub struct EventStream<T> {
    inbox: Arc<Mutex<Inbox<T>>>,
}

struct Inbox<T> {
    items: VecDeque<T>,
    missed: u64,
    has_ended: bool,
    waker: Option<Waker>,
}

impl<T> EventStream<T> {
    /// The next item; `None` when the session has ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<T> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// The next item, if it has happened already.
    pub fn try_next(&mut self) -> Option<T> {
        lock(&self.inbox).items.pop_front()
    }

    /// How many items were dropped because nobody read them in time.
    pub fn missed(&self) -> u64 {
        lock(&self.inbox).missed
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut inbox = lock(&self.inbox);
        if let Some(item) = inbox.items.pop_front() {
            return Poll::Ready(Some(item));
        }
        if inbox.has_ended {
            return Poll::Ready(None);
        }
        inbox.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<T> Stream for EventStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll(cx)
    }
}

impl<T> fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("missed", &self.missed()).finish_non_exhaustive()
    }
}

/// The queues of those who listen.
pub(crate) struct Listeners<T> {
    inboxes: Mutex<Vec<Weak<Mutex<Inbox<T>>>>>,
    /// Whether anybody may listen: who tells looks here before it makes anything up to tell.
    is_heard: AtomicBool,
}

impl<T: Clone> Listeners<T> {
    pub(crate) const fn new() -> Self {
        Self { inboxes: Mutex::new(Vec::new()), is_heard: AtomicBool::new(false) }
    }

    pub(crate) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Acquire)
    }

    /// A new listener, who hears `past` first.
    pub(crate) fn listen(&self, past: impl IntoIterator<Item = T>) -> EventStream<T> {
        let inbox = Arc::new(Mutex::new(Inbox {
            items: past.into_iter().collect(),
            missed: 0,
            has_ended: false,
            waker: None,
        }));
        let mut inboxes = lock(&self.inboxes);
        inboxes.push(Arc::downgrade(&inbox));
        self.is_heard.store(true, Ordering::Release);
        EventStream { inbox }
    }

    pub(crate) fn tell(&self, item: &T) {
        let mut inboxes = lock(&self.inboxes);
        inboxes.retain(|inbox| inbox.strong_count() > 0);
        self.is_heard.store(!inboxes.is_empty(), Ordering::Release);
        for inbox in inboxes.iter().filter_map(Weak::upgrade) {
            let mut inbox = lock(&inbox);
            if inbox.items.len() >= MOST_UNREAD {
                inbox.items.pop_front();
                inbox.missed += 1;
            }
            inbox.items.push_back(item.clone());
            if let Some(waker) = inbox.waker.take() {
                waker.wake();
            }
        }
    }

    /// Nothing is told after this.
    pub(crate) fn end(&self) {
        for inbox in lock(&self.inboxes).drain(..).filter_map(|inbox| inbox.upgrade()) {
            let mut inbox = lock(&inbox);
            inbox.has_ended = true;
            if let Some(waker) = inbox.waker.take() {
                waker.wake();
            }
        }
    }
}

impl<T> fmt::Debug for Listeners<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").field("is_heard", &self.is_heard).finish_non_exhaustive()
    }
}

/// Items kept for a listener that does not read.
const MOST_UNREAD: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_listener_hears_everything_from_its_beginning_to_the_end() {
        let listeners = Listeners::new();
        assert!(!listeners.is_heard());
        let mut first = listeners.listen([]);
        listeners.tell(&1);
        let mut second = listeners.listen([0]);
        listeners.tell(&2);
        listeners.end();
        assert_eq!((first.next().await, first.next().await), (Some(1), Some(2)));
        assert_eq!(first.next().await, None);
        assert_eq!((second.next().await, second.next().await), (Some(0), Some(2)));
        assert_eq!(second.next().await, None);
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let listeners = Listeners::new();
        let mut stream = listeners.listen([]);
        // In this order the first has to wait.
        let (heard, ()) = tokio::join!(biased; stream.next(), async { listeners.tell(&7) });
        assert_eq!(heard, Some(7));
    }

    #[test]
    fn who_does_not_read_loses_the_oldest_and_is_told_how_many() {
        let listeners = Listeners::new();
        let mut stream = listeners.listen([]);
        for number in 0..MOST_UNREAD + 3 {
            listeners.tell(&number);
        }
        assert_eq!(stream.missed(), 3);
        assert_eq!(stream.try_next(), Some(3));
        drop(stream);
        listeners.tell(&0);
        assert!(!listeners.is_heard());
    }
}
