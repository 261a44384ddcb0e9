//! The cookies of a session, by calls that wait.

use std::fmt;
use std::sync::Arc;

use netreq_proto::cookie::{CanonicalCookie, CookieDetails, Filter};

use super::Driver;
use crate::error::Error;

/// The cookies of a session; a cheap handle.
///
/// Every method means what it means in [`netreq::Cookies`](crate::Cookies), and fails with
/// `ERR_UNEXPECTED` inside an async runtime, where nothing happens. The streams of changes are to be
/// had from [`netreq::Session::cookies`](crate::Session::cookies).
#[derive(Clone)]
pub struct Cookies {
    cookies: crate::Cookies,
    driver: Arc<Driver>,
}

impl Cookies {
    pub(super) const fn new(cookies: crate::Cookies, driver: Arc<Driver>) -> Self {
        Self { cookies, driver }
    }

    /// The cookies that pass `filter`, in the order of the wire. A filter that says nothing finds
    /// all.
    ///
    /// # Errors
    ///
    /// The session's store must not be used: it belongs to a newer version of this program.
    pub fn get(&self, filter: Filter<'_>) -> Result<Vec<CanonicalCookie>, Error> {
        self.driver.wait(self.cookies.get(filter))
    }

    /// Sets a cookie and waits until it is on disk.
    ///
    /// # Errors
    ///
    /// `Failed to set cookie - …`, and nothing has changed; [`Error::is_storage`] for a cookie that is
    /// set and cannot be kept on disk.
    pub fn set(&self, details: CookieDetails<'_>) -> Result<(), Error> {
        self.driver.wait(self.cookies.set(details))
    }

    /// Removes the cookies of this name that a request for `url` would carry, and waits until they
    /// are gone from the disk.
    ///
    /// # Errors
    ///
    /// [`Error::is_storage`]: they are gone here and not on disk.
    pub fn remove(&self, url: &url::Url, name: impl AsRef<[u8]>) -> Result<(), Error> {
        self.driver.wait(self.cookies.remove(url, name))
    }

    /// Takes over cookies from elsewhere; says how many.
    ///
    /// # Errors
    ///
    /// [`Error::is_storage`]: they are here and not on disk.
    pub fn import(
        &self,
        cookies: impl IntoIterator<Item = CanonicalCookie>,
    ) -> Result<usize, Error> {
        self.driver.wait(self.cookies.import(cookies))
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cookies.fmt(f)
    }
}
