//! The cookies of a session as its owner sees them: Electron's `session.cookies`.

use std::path::PathBuf;
use std::sync::Arc;

use netreq_proto::NetError;
use netreq_proto::cookie::{
    Access, CanonicalCookie, Change, CookieDetails, ExclusionReason, Filter,
};
use url::Url;

use super::{EventStream, SiteData};
use crate::error::Error;

/// The cookies of a session; a cheap handle.
///
/// Every call opens the session's store first, where it has one. [`set`](Self::set) and
/// [`remove`](Self::remove) resolve when the change is on disk; what responses set is there within a
/// second. Other processes that use the same partition see changes within a second, and so does this
/// one theirs; of two changes to one cookie the later one stays.
///
/// ```
/// # async fn example() -> Result<(), netreq::Error> {
/// use netreq::{CookieDetails, CookieFilter, Session, Url};
///
/// let session = Session::in_memory();
/// let cookies = session.cookies();
/// let url = Url::parse("https://example.org/").unwrap();
/// cookies.set(CookieDetails { name: b"theme", value: b"dark", ..CookieDetails::new(&url) }).await?;
/// let found = cookies.get(CookieFilter { url: Some(&url), ..CookieFilter::default() }).await?;
/// assert_eq!(found[0].pair(), b"theme=dark");
/// cookies.remove(&url, "theme").await?;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Cookies(Arc<SiteData>);

impl Cookies {
    pub(crate) const fn new(site_data: Arc<SiteData>) -> Self {
        Self(site_data)
    }

    /// The cookies that pass `filter`, in the order of the wire, `HttpOnly` ones and those of all
    /// partitions among them. A filter that says nothing finds all. Nothing counts as used.
    ///
    /// # Errors
    ///
    /// The session's store must not be used. It belongs to a newer version of this program where the
    /// error is [`Error::is_storage`] and `ERR_NOT_IMPLEMENTED`.
    pub async fn get(&self, filter: Filter<'_>) -> Result<Vec<CanonicalCookie>, Error> {
        self.0.ready().await?;
        Ok(self.0.edit(|jar, now| {
            let found = jar.get(&filter, now).into_iter().cloned().collect();
            (found, Vec::new())
        }))
    }

    /// Sets a cookie, and takes it as the end of the one it replaces. One that has already expired
    /// only removes.
    ///
    /// # Errors
    ///
    /// `Failed to set cookie - …` with an [`ExclusionReason`] as its source, and nothing has changed;
    /// [`Error::is_storage`] for a cookie that is set and cannot be kept on disk.
    pub async fn set(&self, details: CookieDetails<'_>) -> Result<(), Error> {
        self.0.ready().await?;
        let url = details.url;
        let set = self.0.edit(|jar, now| {
            let set = CanonicalCookie::from_details(&details, now)
                .and_then(|cookie| jar.set(cookie, url, &Access::api(true), now));
            match set {
                Ok(changes) => (Ok(()), changes),
                Err(reason) => (Err(reason), Vec::new()),
            }
        });
        set.map_err(refused)?;
        self.0.flush().await
    }

    /// Removes the cookies of this name that a request for `url` would carry, in all partitions.
    ///
    /// # Errors
    ///
    /// [`Error::is_storage`]: they are gone here and not on disk.
    pub async fn remove(&self, url: &Url, name: impl AsRef<[u8]>) -> Result<(), Error> {
        self.0.ready().await?;
        self.0.edit(|jar, _| ((), jar.remove(url, name.as_ref())));
        self.0.flush().await
    }

    /// Takes over cookies from elsewhere, a file or another session; says how many. Of two that are
    /// the same one, the one set last stays; what has expired is left out.
    ///
    /// # Errors
    ///
    /// [`Error::is_storage`]: they are here and not on disk.
    pub async fn import(
        &self,
        cookies: impl IntoIterator<Item = CanonicalCookie>,
    ) -> Result<usize, Error> {
        self.0.ready().await?;
        let taken = self.0.edit(|jar, now| {
            let (mut taken, mut changes) = (0, Vec::new());
            for cookie in cookies {
                let more = jar.load(cookie, now);
                taken += usize::from(more.iter().any(|change| !change.is_removal()));
                changes.extend(more);
            }
            (taken, changes)
        });
        self.0.flush().await?;
        Ok(taken)
    }

    /// Waits until every change before is on disk. In memory there is nothing to wait for.
    ///
    /// # Errors
    ///
    /// Why it is not. The changes are kept and tried again.
    pub async fn flush_store(&self) -> Result<(), Error> {
        self.0.flush().await
    }

    /// Every change from now on, with Chromium's causes: an overwrite is two, the old cookie's end
    /// and the new one. What other processes change is among them.
    pub fn changed(&self) -> EventStream<Change> {
        self.0.changes.listen([])
    }

    /// Every cookie from now on that a response may not set or a request does not carry, with the
    /// reason.
    pub fn exclusions(&self) -> EventStream<CookieExclusion> {
        self.0.exclusions.listen([])
    }
}

fn refused(reason: ExclusionReason) -> Error {
    Error::sentence(NetError::InvalidArgument, reason.to_string()).with_source(reason)
}

/// A cookie that was not stored or not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CookieExclusion {
    /// The URL of the response or the request, without user and password.
    pub url: Url,
    /// The cookie's name, as far as there is one.
    pub name: Box<[u8]>,
    /// Why.
    pub reason: ExclusionReason,
    /// What was refused.
    pub access: CookieAccess,
}

/// What a cookie was excluded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CookieAccess {
    /// Being stored, by a response.
    Store,
    /// Being sent, with a request.
    Send,
}

/// What happened to the store of a session on disk.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StorageEvent {
    /// The database was damaged. It was renamed and kept, and the session goes on with a new one.
    SetAside {
        /// Where the damaged one is.
        path: PathBuf,
        /// What was wrong with it.
        cause: String,
        /// How many rows of it could be read and are in the new one.
        kept: usize,
    },
    /// So many rows were no cookie and no HSTS entry, and were passed over.
    Skipped(usize),
    /// Nothing can be kept. Said once; it is tried again, but for a database of a newer program
    /// (`ERR_NOT_IMPLEMENTED`) and one behind a link (`ERR_ACCESS_DENIED`).
    Failed(Error),
    /// What could not be kept is on disk now.
    Recovered,
}

impl SiteData {
    /// What happens to the store, and what has happened so far.
    pub(crate) fn storage_events(&self) -> EventStream<StorageEvent> {
        let history = crate::runtime::lock(&self.history);
        self.storage.listen(history.iter().cloned())
    }
}
