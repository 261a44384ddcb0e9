//! A session: what requests share. Connections, settings, trust, and the tasks that must end.

mod builder;

pub use builder::SessionBuilder;

use std::sync::{Arc, OnceLock};

use http::Method;

use crate::api::{IntoUrl, RequestBuilder};
use crate::context::Context;

/// An isolated set of connections and settings; a cheap handle.
///
/// Requests of one session share its connections and nothing with those of another. The session
/// lives as long as a handle or a request of it does; dropping the last one closes its idle
/// connections. It may be used from several runtimes, each with connections of its own.
#[derive(Clone, Debug)]
pub struct Session(Arc<Context>);

impl Session {
    /// A session in memory with the default settings.
    pub fn in_memory() -> Self {
        Self::builder().build_default()
    }

    /// The way to a session with other settings.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// A request with `method` to `url`.
    ///
    /// A bad URL or method is reported when the request is sent.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url.into_url())
    }

    /// A GET request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A POST request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A PUT request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// A PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// A HEAD request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Closes every idle connection. Those in use close when their exchange ends.
    pub fn close_idle_connections(&self) {
        self.0.pool.close_idle();
    }

    /// How many connections there are: in use, being made, idle, and requests that wait for one.
    pub fn connections(&self) -> ConnectionCounts {
        let counts = self.0.pool.totals();
        ConnectionCounts {
            active: counts.active,
            connecting: counts.connecting,
            idle: counts.idle,
            waiting: counts.waiting,
        }
    }

    /// Ends the session: its tasks are ended and waited for, its idle connections closed.
    ///
    /// Requests that wait for a connection and those driven by a task
    /// ([`ClientRequest`](crate::ClientRequest)) fail with `ERR_ABORTED`; a request driven by its
    /// caller's future goes on to its end on the connection it has. No connection is made after.
    /// What belongs to another runtime ends, and is waited for, as that one runs or is dropped.
    pub async fn close(&self) {
        self.0.tracker.abort_all();
        self.0.pool.close();
        self.0.tracker.emptied().await;
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.0
    }

    /// The session of the free functions.
    pub(crate) fn process_wide() -> Self {
        static SESSION: OnceLock<Session> = OnceLock::new();
        SESSION.get_or_init(Self::in_memory).clone()
    }
}

/// What the connections of a session are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionCounts {
    /// With a request.
    pub active: usize,
    /// Being made.
    pub connecting: usize,
    /// Kept for the next request.
    pub idle: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
}
