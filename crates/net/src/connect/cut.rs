//! What closes a connection from outside, whoever drives it.
//!
//! An exchange looks here before it touches its transport, and leaves its waker where it waits. It
//! knows nothing of what the connection carries.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use crate::runtime::lock;

/// Whether a connection is to be closed, and who waits on it.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    is_cut: AtomicBool,
    wakers: Mutex<[Option<Waker>; 2]>,
}

/// The two halves of an exchange, which different tasks may drive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Send,
    Receive,
}

impl Cut {
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    /// Closes the connection: whoever waits on it is woken and finds it cut.
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
        let wakers = std::mem::take(&mut *lock(&self.wakers));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Wakes `cx` when the connection is cut. True if it is by now.
    pub(crate) fn watch(&self, side: Side, cx: &Context<'_>) -> bool {
        let mut wakers = lock(&self.wakers);
        match &mut wakers[side as usize] {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
        drop(wakers);
        self.is_cut()
    }

    /// Nobody waits any more: a waker left here would keep its task's memory.
    pub(crate) fn unwatch(&self) {
        *lock(&self.wakers) = [None, None];
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_on_either_side_finds_it_cut() {
        let cut = Cut::default();
        let wait = |side| {
            let cut = &cut;
            poll_fn(move |cx| match cut.watch(side, cx) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
        };
        assert!(!cut.is_cut());
        tokio::join!(biased; wait(Side::Send), wait(Side::Receive), async { cut.cut() });
        assert!(cut.is_cut());
    }
}
