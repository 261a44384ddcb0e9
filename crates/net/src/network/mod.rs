//! One hop's transaction: as many attempts as it takes to get one response, and no more.
//!
//! An attempt that fails on a kept-alive connection before any answer is made once more
//! ([`may_resend`]). It knows methods and bodies, no redirects, no cookies and no content codings.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Method;
use netreq_proto::Phase;
use netreq_proto::h1::ResponseHead;
use netreq_proto::retry::{Attempt, is_idempotent, may_resend};
use tokio::time::Sleep;
use url::Url;

use crate::body::{Body, Outgoing};
use crate::connect::ConnectLimits;
use crate::error::Error;
use crate::pool::{Lease, Pool};
use crate::progress::ProgressCell;
use crate::runtime::instant;
use crate::stream::{self, Exchange, Failure, Idle, Start, Wanted};
use crate::timeouts::Timeouts;

/// A hop as this room needs it.
pub(crate) struct Transaction<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a Url,
    pub(crate) unix_socket: Option<&'a std::path::Path>,
    pub(crate) priority: u8,
    pub(crate) timeouts: &'a Timeouts,
    pub(crate) body: &'a mut Body,
    /// Appends the head to a buffer, once an attempt.
    pub(crate) write_head: &'a (dyn Fn(&mut Vec<u8>) + Sync),
    pub(crate) asks_close: bool,
    /// How long to wait for 100 (Continue) before the body goes out all the same.
    pub(crate) continue_after: Option<Duration>,
    pub(crate) progress: Option<&'a Arc<ProgressCell>>,
    /// When the hop began.
    pub(crate) started: Instant,
    pub(crate) captures_head: bool,
    pub(crate) stage: Option<&'a Stage>,
}

impl Transaction<'_> {
    fn enter(&self, phase: Phase) {
        if let Some(stage) = self.stage {
            stage.enter(phase);
        }
    }
}

/// Where a request stands, for whoever ends it from outside.
#[derive(Debug)]
pub(crate) struct Stage(AtomicU8);

impl Stage {
    pub(crate) const fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::ALL.get(usize::from(self.0.load(Ordering::Relaxed))).copied().unwrap_or(Phase::Wait)
    }

    fn enter(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }
}

/// A response's head and the exchange that has its body.
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) exchange: Box<Exchange>,
}

/// Gets the response to one hop.
///
/// Dropping the future closes the connection.
pub(crate) async fn transact(
    pool: &Arc<Pool>,
    transaction: &mut Transaction<'_>,
) -> Result<Answer, Error> {
    let idempotent = is_idempotent(transaction.method);
    let mut idle = if idempotent { Idle::Any } else { Idle::Proven };
    loop {
        let wanted = Wanted {
            url: transaction.url,
            unix_socket: transaction.unix_socket,
            priority: transaction.priority,
            limits: ConnectLimits {
                connect: transaction.timeouts.connect,
                tls: transaction.timeouts.tls,
            },
            now: transaction.started,
            idle,
        };
        transaction.enter(Phase::Connect);
        let lease = stream::open(pool, wanted).await?;
        transaction.enter(Phase::Wait);
        let is_reused = lease.is_reused();
        // An idle connection costs no time worth a look at the clock.
        let connected = if is_reused { transaction.started } else { instant() };
        let body_rewinds = transaction.body.rewinds();
        if let Some(progress) = transaction.progress {
            progress.begin(transaction.body.length());
        }
        let body = transaction.body.open()?;
        let body_is_stream = matches!(body, Outgoing::Stream { .. });
        let mut exchange = begin(lease, transaction, body, connected).await;
        let failure = match wait_for_head(&mut exchange, transaction).await {
            Ok(head) => return Ok(Answer { head, exchange }),
            Err(failure) => failure,
        };
        let attempt = Attempt {
            idempotent,
            connection_reused: is_reused && idle != Idle::Never,
            head_received: failure.heard,
            bytes_written: failure.bytes_written,
            body_bytes_taken: u64::from(body_is_stream),
            body_rewinds,
        };
        if !failure.is_lost_connection() || may_resend(&attempt).is_err() {
            return Err(failure.error);
        }
        idle = Idle::Never;
    }
}

/// Writes what goes out at once. A future of its own, so that its arguments are gone while the
/// request waits for its answer.
fn begin<'a>(
    lease: Lease,
    transaction: &'a Transaction<'_>,
    body: Outgoing,
    connected: Instant,
) -> impl Future<Output = Box<Exchange>> + 'a {
    let mut parts = Some((lease, body));
    poll_fn(move |cx| {
        let Some((lease, body)) = parts.take() else { return Poll::Pending };
        let start = Start {
            method: transaction.method,
            write_head: transaction.write_head,
            body,
            holds_body_back: transaction.continue_after.is_some(),
            asked_close: transaction.asks_close,
            started: transaction.started,
            connected,
            progress: transaction.progress.cloned(),
            captures_head: transaction.captures_head,
        };
        Poll::Ready(Exchange::begin(lease, start, cx))
    })
}

async fn wait_for_head(
    exchange: &mut Exchange,
    transaction: &Transaction<'_>,
) -> Result<ResponseHead, Failure> {
    let timeouts = transaction.timeouts;
    let is_watched = timeouts.first_byte.is_some()
        || timeouts.idle.is_some()
        || transaction.continue_after.is_some()
        || transaction.stage.is_some();
    if !is_watched {
        return poll_fn(|cx| exchange.poll_head(cx)).await;
    }
    let mut limits = Box::new(HeadLimits {
        first_byte: Alarm::new(timeouts.first_byte),
        idle: Alarm::new(timeouts.idle),
        proceed: Alarm::new(transaction.continue_after),
    });
    poll_fn(|cx| {
        if let Poll::Ready(outcome) = exchange.poll_head(cx) {
            return Poll::Ready(outcome);
        }
        if !exchange.is_sent() {
            transaction.enter(Phase::Send);
        } else {
            transaction.enter(Phase::Wait);
        }
        if exchange.holds_body_back() && limits.proceed.poll(cx, 0) {
            exchange.release_body(cx);
            if let Poll::Ready(outcome) = exchange.poll_head(cx) {
                return Poll::Ready(outcome);
            }
        }
        // The server's time begins when it has the request; until then the upload must move.
        let expired = if exchange.is_sent() {
            limits.first_byte.poll(cx, 0).then_some((Phase::Wait, "first byte"))
        } else if exchange.holds_body_back() {
            None
        } else {
            limits.idle.poll(cx, exchange.bytes_written()).then_some((Phase::Send, "idle"))
        };
        match expired {
            None => Poll::Pending,
            Some((phase, limit)) => Poll::Ready(Err(exchange.fail(Error::timed_out(phase, limit)))),
        }
    })
    .await
}

struct HeadLimits {
    first_byte: Alarm,
    idle: Alarm,
    proceed: Alarm,
}

/// A time limit that begins anew whenever something has moved.
#[derive(Debug)]
pub(crate) struct Alarm {
    limit: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
    seen: u64,
}

impl Alarm {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { limit, sleep: None, seen: 0 }
    }

    /// Whether the limit has run out since `moved` last changed, or since the first call.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, moved: u64) -> bool {
        let Some(limit) = self.limit else { return false };
        match &mut self.sleep {
            Some(sleep) if self.seen == moved => sleep.as_mut().poll(cx).is_ready(),
            _ => {
                self.seen = moved;
                let mut sleep = Box::pin(tokio::time::sleep(limit));
                let expired = sleep.as_mut().poll(cx).is_ready();
                self.sleep = Some(sleep);
                expired
            }
        }
    }
}
