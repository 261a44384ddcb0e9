//! The pool over pipes in this process: who gets which connection, and what dropping does.

#![expect(
    clippy::disallowed_methods,
    reason = "a test is outside any session: its tasks are its own"
)]

use std::collections::VecDeque;
use std::sync::Mutex;

use netreq_proto::NetError;
use netreq_proto::pool::Counts;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Handle;

use super::*;
use crate::connect::Connecting;

/// Connects by pipes in this process; the far ends are kept here, and each dial waits for its word.
#[derive(Default)]
struct FakeConnector {
    words: Mutex<VecDeque<oneshot::Receiver<Result<(), Error>>>>,
    peers: Mutex<Vec<DuplexStream>>,
}

impl Connect for Arc<FakeConnector> {
    fn connect<'a>(&'a self, _: &'a Destination, _: ConnectLimits) -> Connecting<'a> {
        Box::pin(async move {
            let word = lock(&self.words).pop_front();
            if let Some(word) = word {
                word.await.unwrap()?;
            }
            let (near, far) = tokio::io::duplex(1024);
            lock(&self.peers).push(far);
            Ok(Connection::in_memory(near))
        })
    }
}

impl FakeConnector {
    /// The next dial waits until the sender says how it ends.
    fn hold(&self) -> oneshot::Sender<Result<(), Error>> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.words).push_back(receiver);
        sender
    }
}

fn pool(limits: Limits) -> (Arc<Pool>, Arc<FakeConnector>) {
    let connector = Arc::new(FakeConnector::default());
    let pool = Pool::new(
        limits,
        ConnectLimits::default(),
        Box::new(Arc::clone(&connector)),
        Clock::new(),
        Arc::new(Tracker::default()),
    );
    (Arc::new(pool), connector)
}

fn to(host: &str) -> Arc<Destination> {
    let runtime = Handle::current();
    DestinationRef { runtime: &runtime, secure: false, host, port: 80, unix_socket: None }
        .to_owned()
}

async fn get(pool: &Arc<Pool>, to: &Arc<Destination>) -> Result<Lease, Error> {
    if let Some(lease) = pool.idle(to.borrowed(), instant(), false) {
        return Ok(lease);
    }
    pool.wait(Arc::clone(to), 0, ConnectLimits::default()).await
}

/// As many steps as the tasks that are ready can make.
async fn settle() {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_clean_lease_comes_back_and_another_closes() {
    let (pool, connector) = pool(Limits::default());
    let here = to("a.test");

    drop(get(&pool, &here).await.unwrap());
    assert_eq!(pool.totals(), Counts { idle: 1, ..Counts::default() });

    let mut lease = get(&pool, &here).await.unwrap();
    lease.is_clean = false;
    drop(lease);
    assert_eq!(pool.totals(), Counts::default());
    let mut peer = lock(&connector.peers).remove(0);
    assert_eq!(peer.read(&mut [0]).await.unwrap(), 0, "the peer sees its end");
}

#[tokio::test]
async fn a_connection_with_bytes_that_nobody_asked_for_is_not_used_again() {
    let (pool, connector) = pool(Limits::default());
    let here = to("a.test");
    drop(get(&pool, &here).await.unwrap());

    let mut peer = lock(&connector.peers).remove(0);
    peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    assert!(pool.idle(here.borrowed(), instant(), false).is_none());
    assert_eq!(pool.totals(), Counts::default());
}

#[tokio::test]
async fn whoever_waits_gets_what_comes_first_and_the_late_dial_becomes_idle() {
    let (pool, connector) = pool(Limits::default());
    let here = to("a.test");
    let first = get(&pool, &here).await.unwrap();

    let dial = connector.hold();
    let second = tokio::spawn({
        let (pool, here) = (Arc::clone(&pool), Arc::clone(&here));
        async move { get(&pool, &here).await.map(|lease| lease.facts.connect) }
    });
    settle().await;
    assert_eq!(pool.totals(), Counts { active: 1, connecting: 1, waiting: 1, idle: 0 });

    let made = first.facts.connect;
    drop(first);
    assert_eq!(second.await.unwrap().unwrap(), made, "the connection that came back");
    dial.send(Ok(())).unwrap();
    settle().await;
    assert_eq!(pool.totals(), Counts { idle: 2, ..Counts::default() });
}

#[tokio::test]
async fn a_request_that_gives_up_leaves_the_queue_and_its_dial_serves_the_next() {
    let (pool, connector) = pool(Limits::default());
    let here = to("a.test");
    let dial = connector.hold();
    let waiting = tokio::spawn({
        let (pool, here) = (Arc::clone(&pool), Arc::clone(&here));
        async move { get(&pool, &here).await.map(drop) }
    });
    settle().await;
    waiting.abort();
    settle().await;
    assert_eq!(pool.totals(), Counts { connecting: 1, ..Counts::default() });

    dial.send(Ok(())).unwrap();
    settle().await;
    assert_eq!(pool.totals(), Counts { idle: 1, ..Counts::default() });
    drop(get(&pool, &here).await.unwrap());
    assert_eq!(lock(&connector.peers).len(), 1);
}

#[tokio::test]
async fn a_failed_dial_fails_one_request_and_the_rest_dial_again() {
    let (pool, connector) = pool(Limits { per_group: 1, ..Limits::default() });
    let here = to("a.test");
    let dial = connector.hold();
    let requests: Vec<_> = (0..2)
        .map(|_| {
            let (pool, here) = (Arc::clone(&pool), Arc::clone(&here));
            tokio::spawn(async move { get(&pool, &here).await.map(drop) })
        })
        .collect();
    settle().await;
    dial.send(Err(Error::new(NetError::ConnectionRefused, Phase::Connect))).unwrap();

    let mut outcomes = Vec::new();
    for request in requests {
        outcomes.push(request.await.unwrap().map_err(|error| error.net_error()));
    }
    assert_eq!(outcomes, [Err(NetError::ConnectionRefused), Ok(())]);
    assert_eq!(pool.totals(), Counts { idle: 1, ..Counts::default() });
}

#[tokio::test]
async fn a_closed_session_fails_who_waits_and_keeps_nothing() {
    let (pool, connector) = pool(Limits::default());
    let here = to("a.test");
    let in_use = get(&pool, &here).await.unwrap();
    let _dial = connector.hold();
    let waiting = tokio::spawn({
        let (pool, here) = (Arc::clone(&pool), Arc::clone(&here));
        async move { get(&pool, &here).await.map(drop) }
    });
    settle().await;

    pool.tracker.abort_all();
    pool.tracker.emptied().await;
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.net_error(), NetError::Aborted);
    drop(in_use);
    assert_eq!(pool.totals(), Counts::default());
}
