//! The everyday API for programs without an async runtime.
//!
//! A [`Session`] brings its own tokio runtime, which lives on whatever threads are in a call: no
//! thread is started for it, and while nobody is in a call nothing moves, neither uploads nor the
//! clean-up of idle connections. The rest is the engine's; this room only waits.
//!
//! Several threads may use one session at once: each drives its own request, and one of them waits
//! for the sockets of all.

mod cookies;
mod incoming_message;
mod reader;
mod request_builder;

pub use cookies::Cookies;
pub use incoming_message::IncomingMessage;
pub use request_builder::RequestBuilder;

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex};

use http::Method;
use netreq_proto::NetError;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::api::IntoUrl;
use crate::error::Error;
use crate::runtime::lock;
use crate::session::ConnectionCounts;

/// A session whose calls wait.
///
/// A cheap handle, as [`netreq::Session`](crate::Session) is. Dropping the last one, and the last
/// request and message of it, closes its connections; that may happen anywhere, also inside an
/// async runtime.
///
/// Calls that wait fail with `ERR_UNEXPECTED` on a thread that belongs to an async runtime, threads
/// of `spawn_blocking` included: waiting there holds up others, or waits for itself. Use
/// [`netreq::Session`](crate::Session) there, or a thread of your own.
///
/// ```no_run
/// # fn example() -> Result<(), netreq::Error> {
/// let session = netreq::blocking::Session::in_memory()?;
/// let message = session.post("https://example.org/upload").header("X-Trace", "7").send("hello")?;
/// println!("{} {}", message.status(), message.text()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Session {
    session: crate::Session,
    driver: Arc<Driver>,
}

impl Session {
    /// A session in memory with the default settings.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn in_memory() -> Result<Self, Error> {
        Self::new(crate::Session::in_memory())
    }

    /// The blocking form of `session`, with all its settings. Connections are not shared between the
    /// two: each runtime has its own.
    ///
    /// ```
    /// # fn example() -> Result<(), netreq::Error> {
    /// let session = netreq::Session::builder().user_agent("example/1").build()?;
    /// let session = netreq::blocking::Session::new(session)?;
    /// # Ok(())
    /// # }
    /// # example().unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// The system gives no more handles to wait with.
    pub fn new(session: crate::Session) -> Result<Self, Error> {
        Ok(Self { session, driver: Arc::new(Driver::new()?) })
    }

    /// The session that requests use which name none; see
    /// [`netreq::Session::default_session`](crate::Session::default_session).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn default_session() -> Result<Self, Error> {
        Self::new(crate::Session::default_session())
    }

    /// The session of a partition; see
    /// [`netreq::Session::from_partition`](crate::Session::from_partition). Of the same name it is the
    /// same session, with connections of its own.
    ///
    /// # Errors
    ///
    /// As there, and as [`new`](Self::new).
    pub fn from_partition(name: &str) -> Result<Self, Error> {
        crate::Session::from_partition(name).and_then(Self::new)
    }

    /// The session that is kept in the folder `path`; see
    /// [`netreq::Session::from_path`](crate::Session::from_path).
    ///
    /// # Errors
    ///
    /// As there, and as [`new`](Self::new).
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        crate::Session::from_path(path).and_then(Self::new)
    }

    /// The cookies.
    pub fn cookies(&self) -> Cookies {
        Cookies::new(self.session.cookies(), Arc::clone(&self.driver))
    }

    /// A request with `method` to `url`.
    ///
    /// A bad URL or method is reported when the request is sent.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.session.request(method, url), Ok(Arc::clone(&self.driver)))
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
        self.session.close_idle_connections();
    }

    /// Waits until every change is on disk. In memory there is nothing to wait for.
    ///
    /// # Errors
    ///
    /// Why it is not. The changes are kept and tried again.
    pub fn flush(&self) -> Result<(), Error> {
        self.driver.wait(self.session.flush())
    }

    /// How many connections there are: in use, being made, idle, and requests that wait for one.
    pub fn connections(&self) -> ConnectionCounts {
        self.session.connections()
    }

    /// Ends the session, as [`netreq::Session::close`](crate::Session::close) does.
    ///
    /// # Errors
    ///
    /// `ERR_UNEXPECTED` inside an async runtime, and the session is as before; else why the last
    /// changes are not on disk.
    pub fn close(&self) -> Result<(), Error> {
        self.driver.wait(self.session.close())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("session", &self.session).finish_non_exhaustive()
    }
}

/// A GET request on the session of this process.
///
/// ```no_run
/// # fn example() -> Result<(), netreq::Error> {
/// let text = netreq::blocking::get("https://example.org/").send(())?.text()?;
/// # Ok(())
/// # }
/// ```
pub fn get(url: impl IntoUrl) -> RequestBuilder {
    static DRIVER: Mutex<Option<Arc<Driver>>> = Mutex::new(None);
    let driver = {
        let mut kept = lock(&DRIVER);
        match &*kept {
            Some(driver) => Ok(Arc::clone(driver)),
            None => Driver::new().map(|driver| Arc::clone(kept.insert(Arc::new(driver)))),
        }
    };
    RequestBuilder::new(crate::Session::default_session().get(url), driver)
}

/// What makes a future's end be waited for.
struct Driver {
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
}

impl Driver {
    fn new() -> Result<Self, Error> {
        match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => Ok(Self { runtime: Some(runtime) }),
            Err(cause) => Err(Error::argument(NetError::InsufficientResources, cause)),
        }
    }

    /// Waits for `step` on this thread.
    fn wait<T>(&self, step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let Some(runtime) = self.runtime.as_ref().filter(|_| Handle::try_current().is_err()) else {
            return Err(Error::argument(NetError::Unexpected, INSIDE));
        };
        runtime.block_on(step)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // An ordinary drop waits for reads of files, and panics inside an async runtime.
            runtime.shutdown_background();
        }
    }
}

const INSIDE: &str = "a blocking call inside an async runtime: use netreq::Session there";
