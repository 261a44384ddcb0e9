//! The cookies of one session, in memory.
//!
//! Decides which cookies are kept, which a request carries, and which go when there are too many.
//! Every change is returned to the caller, who tells listeners and the disk; cookies read from the
//! disk come in by [`Jar::load`]. No file, no clock: whoever holds the jar holds its lock.
//!
//! Cookies stand by registrable domain, and there in the order of the wire, each with its
//! `name=value` ready: the `Cookie` field of a request is one look-up and one copy.
//!
//! RFC 6265bis §5.7-5.8; Chromium `CookieMonster`.

use hashbrown::HashMap;
use url::Url;

use super::{
    CanonicalCookie, CookieKey, ExclusionReason, PartitionKey, SameSite, SameSiteContext,
    Timestamp, domain_key, has_cookies, is_domain_match, is_path_match, may_use_secure_cookies,
};

mod change;
mod purge;
mod shelf;

pub use change::{Change, ChangeCause, Clear, Filter};

use shelf::{Entry, Shelf};

/// All cookies of one session.
#[derive(Debug, Default)]
pub struct Jar {
    /// The ordinary ones.
    shelf: Shelf,
    /// The partitioned ones; a shelf that becomes empty is taken away.
    partitions: HashMap<PartitionKey, Shelf>,
    /// How many there are on all shelves of partitions.
    partitioned: usize,
    /// Settles the order of cookies that were made at the same moment.
    next: u64,
    /// Nothing was used earlier than this, or the purge of everything has looked since.
    earliest_access: Option<Timestamp>,
    /// The field under construction, kept for the next one.
    scratch: Vec<u8>,
}

/// How somebody comes to the cookies of a URL.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// Whose request it is.
    pub same_site: SameSiteContext,
    /// Whether `HttpOnly` cookies may be seen and replaced: requests and answers may.
    pub http: bool,
    /// The partition of the request; `None` outside all partitions.
    pub partition_key: Option<&'a PartitionKey>,
}

impl Access<'static> {
    /// An application's own: first-party, outside the partitions.
    pub const fn api(http: bool) -> Self {
        Self { same_site: SameSiteContext::Strict, http, partition_key: None }
    }
}

/// The cookies of a request.
#[derive(Debug, Default)]
pub struct Sent {
    /// The value of the `Cookie` field; `None` if the request has none.
    pub header: Option<Vec<u8>>,
    /// The cookies whose date of use has changed, at most once a minute each.
    pub touched: Vec<CanonicalCookie>,
    /// The cookies that were found expired and are gone.
    pub changes: Vec<Change>,
}

impl Jar {
    /// An empty jar.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many cookies there are, expired ones included.
    pub fn len(&self) -> usize {
        self.shelf.len() + self.partitioned
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any cookie belongs to a partition. Without one, no request needs a key.
    pub const fn has_partitioned(&self) -> bool {
        self.partitioned > 0
    }

    /// Every cookie, expired ones included, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &CanonicalCookie> {
        self.shelves().flat_map(Shelf::iter).map(|entry| &entry.cookie)
    }

    /// Takes a cookie that `source` has set, or takes it as the end of the one it replaces.
    ///
    /// The changes are in the order in which they happened: an overwrite is two, the old cookie's
    /// end and the new one; an expired cookie is the old one's end alone, or nothing.
    ///
    /// # Errors
    ///
    /// The first [`ExclusionReason`] why `source` may not set it, and nothing has changed.
    ///
    /// Chromium `CookieMonster::SetCanonicalCookie`.
    pub fn set(
        &mut self,
        mut cookie: CanonicalCookie,
        source: &Url,
        access: &Access<'_>,
        now: Timestamp,
    ) -> Result<Vec<Change>, ExclusionReason> {
        check_set(&cookie, source, access)?;
        let secure_source = may_use_secure_cookies(source);
        let shelf = self.shelf_of(cookie.partition_key());
        let bucket = shelf.map_or(&[][..], |shelf| shelf.bucket(domain_key(cookie.domain())));
        for Entry { cookie: other, .. } in bucket {
            if other.secure() && !secure_source && shadows(&cookie, other) {
                return Err(ExclusionReason::OverwriteSecure);
            }
            if other.http_only() && !access.http && cookie.takes_the_place_of(other) {
                return Err(ExclusionReason::OverwriteHttpOnly);
            }
        }
        cookie.last_update = now;
        let mut changes = Vec::with_capacity(2);
        self.put(cookie, now, &mut changes);
        Ok(changes)
    }

    /// Takes a cookie from the disk. Of two that are the same one, the one set last stays.
    ///
    /// Nothing is checked but that it has not expired: it was when it was stored.
    pub fn load(&mut self, cookie: CanonicalCookie, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        let shelf = self.shelf_of(cookie.partition_key());
        let bucket = shelf.map_or(&[][..], |shelf| shelf.bucket(domain_key(cookie.domain())));
        let old = bucket.iter().find(|entry| cookie.takes_the_place_of(&entry.cookie));
        if old.is_none_or(|old| old.cookie.last_update < cookie.last_update) {
            self.put(cookie, now, &mut changes);
        }
        changes
    }

    /// Takes many cookies from the disk, as [`load`](Self::load) does one by one, and tells only what
    /// went for want of room: there is nobody yet to whom the others would be news.
    pub fn fill(
        &mut self,
        cookies: impl IntoIterator<Item = CanonicalCookie>,
        now: Timestamp,
    ) -> Vec<Change> {
        let mut gone = Vec::new();
        for cookie in cookies {
            let domain = domain_key(cookie.domain());
            let is_new = cookie.partition_key().is_none()
                && !cookie.is_expired(now)
                && !self
                    .shelf
                    .bucket(domain)
                    .iter()
                    .any(|old| cookie.takes_the_place_of(&old.cookie));
            if !is_new {
                let changes = self.load(cookie, now);
                gone.extend(
                    changes.into_iter().filter(|change| change.cause == ChangeCause::Evicted),
                );
                continue;
            }
            let (length, access) = (domain.len(), cookie.last_access);
            self.earliest_access =
                Some(self.earliest_access.map_or(access, |earliest| earliest.min(access)));
            let entry = Entry::new(cookie, self.next);
            self.next += 1;
            if let Some(domain) = self.shelf.push(length, entry) {
                self.purge(&domain, now, &mut gone);
            }
        }
        gone
    }

    /// Takes a cookie away that somebody else removed from the disk at `removed`. One that was set
    /// since then stays.
    pub fn unload(&mut self, key: &CookieKey, removed: Timestamp) -> Vec<Change> {
        let domain = domain_key(&key.domain);
        let gone = |cookie: &CanonicalCookie| {
            cookie.last_update() <= removed
                && cookie.domain() == &*key.domain
                && cookie.path() == &*key.path
                && cookie.name() == &*key.name
        };
        let mut changes = Vec::new();
        match &key.partition_key {
            None => self.shelf.extract(domain, gone, ChangeCause::Explicit, &mut changes),
            Some(partition) => {
                if let Some(shelf) = self.partitions.get_mut(partition) {
                    shelf.extract(domain, gone, ChangeCause::Explicit, &mut changes);
                }
                self.tidy_partitions();
            }
        }
        changes
    }

    /// The cookies that a request for `url` carries: those with the longest path first, of one
    /// length the earliest made first.
    ///
    /// RFC 6265bis §5.8.3; Chromium `CookieMonster::CookieSorter`.
    pub fn cookies_for(&mut self, url: &Url, access: &Access<'_>, now: Timestamp) -> Sent {
        let mut sent = Sent::default();
        let Some(request) = Request::new(url, access) else { return sent };
        let domain = domain_key(request.host);
        let ordinary = self.shelf.bucket_mut(domain);
        let partition = access.partition_key.and_then(|key| self.partitions.get_mut(key));
        let partitioned = partition.map_or(&mut [][..], |shelf| shelf.bucket_mut(domain));

        let stale = now.plus_seconds(-ACCESS_INTERVAL);
        let mut expired = false;
        let marks = shelf::marks(request.host);
        self.scratch.clear();
        for entry in shelf::merge(ordinary, partitioned) {
            let is_marked = entry.is_marked(marks);
            let cookie = &mut entry.cookie;
            if !is_marked || request.check(cookie).is_err() {
                continue;
            }
            if cookie.is_expired(now) {
                expired = true;
                continue;
            }
            if cookie.last_access <= stale {
                cookie.last_access = now;
                sent.touched.push(cookie.clone());
            }
            if !self.scratch.is_empty() {
                self.scratch.extend_from_slice(b"; ");
            }
            self.scratch.extend_from_slice(cookie.pair());
        }
        if !self.scratch.is_empty() {
            sent.header = Some(self.scratch.as_slice().to_vec());
            self.scratch.shrink_to(LARGEST_SCRATCH);
        }
        if expired {
            self.remove_where(Some(domain), |cookie| cookie.is_expired(now), ChangeCause::Expired)
                .into_iter()
                .for_each(|change| sent.changes.push(change));
        }
        sent
    }

    /// The cookies of the domain of `url` that a request for it does not carry, each with its
    /// reason. For logs.
    pub fn excluded_from(
        &self,
        url: &Url,
        access: &Access<'_>,
    ) -> Vec<(&CanonicalCookie, ExclusionReason)> {
        let Some(request) = Request::new(url, access) else { return Vec::new() };
        let domain = domain_key(request.host);
        let partition = access.partition_key.and_then(|key| self.partitions.get(key));
        let shelves = std::iter::once(&self.shelf).chain(partition);
        shelves
            .flat_map(|shelf| shelf.bucket(domain))
            .filter_map(|entry| Some((&entry.cookie, request.check(&entry.cookie).err()?)))
            .collect()
    }

    /// The cookies that pass a filter, in the order of the wire. Nothing counts as used.
    ///
    /// Electron `cookies.get`.
    pub fn get(&self, filter: &Filter<'_>, now: Timestamp) -> Vec<&CanonicalCookie> {
        let access = Access::api(true);
        let mut found: Vec<&Entry> = match filter.url {
            None => self.shelves().flat_map(Shelf::iter).collect(),
            Some(url) => match Request::new(url, &access) {
                None => Vec::new(),
                Some(request) => {
                    let domain = domain_key(request.host);
                    let near = self.shelves().flat_map(|shelf| shelf.bucket(domain));
                    near.filter(|entry| request.check(&entry.cookie).is_ok()).collect()
                }
            },
        };
        found.retain(|entry| filter.passes(&entry.cookie) && !entry.cookie.is_expired(now));
        found.sort_by(|one, other| one.order(other));
        found.into_iter().map(|entry| &entry.cookie).collect()
    }

    /// Removes the cookies of this name that a request for `url` would carry, of all partitions.
    ///
    /// Electron `cookies.remove`.
    pub fn remove(&mut self, url: &Url, name: &[u8]) -> Vec<Change> {
        let access = Access::api(true);
        let Some(request) = Request::new(url, &access) else { return Vec::new() };
        let domain = domain_key(request.host);
        let gone =
            |cookie: &CanonicalCookie| cookie.name() == name && request.check(cookie).is_ok();
        self.remove_where(Some(domain), gone, ChangeCause::Explicit)
    }

    /// Removes the cookies of sites: whole registrable domains.
    ///
    /// Electron `session.clearData`.
    pub fn clear(&mut self, which: Clear<'_>) -> Vec<Change> {
        let goes = which.goes();
        self.remove_where(None, |cookie| goes(cookie.domain()), ChangeCause::Explicit)
    }

    /// Removes what an answer from `url` may have cleared: the cookies of its registrable domain outside
    /// all partitions and in the partition of the request (`None` outside all). Other partitions keep
    /// theirs, since a site could otherwise mark a visitor in one and see the mark in another.
    ///
    /// W3C Clear Site Data §4.2.2; Chromium `ClearSiteDataHandler`, `CookieDeletionInfo::Matches`.
    pub fn clear_site(&mut self, url: &Url, partition_key: Option<&PartitionKey>) -> Vec<Change> {
        let Some(host) = url.host_str() else { return Vec::new() };
        let of_partition = |cookie: &CanonicalCookie| {
            cookie.partition_key().is_none_or(|key| Some(key) == partition_key)
        };
        self.remove_where(Some(domain_key(host)), of_partition, ChangeCause::Explicit)
    }

    /// Removes what has expired.
    pub fn remove_expired(&mut self, now: Timestamp) -> Vec<Change> {
        self.remove_where(None, |cookie| cookie.is_expired(now), ChangeCause::Expired)
    }

    /// Removes the cookies that end with the session.
    pub fn remove_session_cookies(&mut self) -> Vec<Change> {
        self.remove_where(None, |cookie| !cookie.is_persistent(), ChangeCause::Explicit)
    }

    /// Removes the cookies that outlive the session, but those for which `kept` holds: what is gone
    /// from a disk that was read as a whole.
    pub fn remove_persistent_except(
        &mut self,
        kept: impl Fn(&CanonicalCookie) -> bool,
    ) -> Vec<Change> {
        let gone = |cookie: &CanonicalCookie| cookie.is_persistent() && !kept(cookie);
        self.remove_where(None, gone, ChangeCause::Explicit)
    }

    /// Puts a cookie in its place, takes out the one that stood there, and makes room.
    fn put(&mut self, mut cookie: CanonicalCookie, now: Timestamp, changes: &mut Vec<Change>) {
        let domain: Box<str> = domain_key(cookie.domain()).into();
        let expired = cookie.is_expired(now);
        let partition = cookie.partition_key().cloned();
        let old = match &partition {
            None => self.shelf.take(&domain, &cookie),
            Some(key) => {
                let shelf = self.partitions.get_mut(key);
                let old = shelf.and_then(|shelf| shelf.take(&domain, &cookie));
                self.partitioned -= usize::from(old.is_some());
                old
            }
        };
        let mut cause = ChangeCause::Inserted;
        let mut sequence = self.next;
        self.next += 1;
        if let Some(old) = old {
            if old.cookie.value() == cookie.value() {
                // A cookie that is only renewed keeps its place on the wire.
                cookie.creation = old.cookie.creation;
                sequence = old.sequence;
                cause = if cookie.is_web_equivalent(&old.cookie) {
                    ChangeCause::InsertedNoChangeOverwrite
                } else {
                    ChangeCause::InsertedNoValueChangeOverwrite
                };
            }
            let end = if expired { ChangeCause::ExpiredOverwrite } else { ChangeCause::Overwrite };
            changes.push(Change { cookie: old.cookie, cause: end });
        }
        if expired {
            if let Some(key) = partition {
                self.drop_if_empty(&key);
            }
            return;
        }
        changes.push(Change { cookie: cookie.clone(), cause });
        let access = cookie.last_access;
        let entry = Entry::new(cookie, sequence);
        match partition {
            None => {
                self.earliest_access =
                    Some(self.earliest_access.map_or(access, |earliest| earliest.min(access)));
                self.shelf.insert(&domain, entry);
                self.purge(&domain, now, changes);
            }
            Some(key) => {
                self.partitions.entry(key.clone()).or_default().insert(&domain, entry);
                self.partitioned += 1;
                self.purge_partition(&key, &domain, now, changes);
            }
        }
    }

    /// Takes out the cookies of a domain (of all domains without one) that `gone` names.
    fn remove_where(
        &mut self,
        domain: Option<&str>,
        gone: impl Fn(&CanonicalCookie) -> bool,
        cause: ChangeCause,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for shelf in std::iter::once(&mut self.shelf).chain(self.partitions.values_mut()) {
            match domain {
                Some(domain) => shelf.extract(domain, &gone, cause, &mut changes),
                None => shelf.extract_all(|entry| gone(&entry.cookie), cause, &mut changes),
            }
        }
        self.tidy_partitions();
        changes
    }

    fn drop_if_empty(&mut self, key: &PartitionKey) {
        if self.partitions.get(key).is_some_and(|shelf| shelf.len() == 0) {
            self.partitions.remove(key);
        }
    }

    /// Takes empty shelves away and counts what is on the others.
    fn tidy_partitions(&mut self) {
        self.partitions.retain(|_, shelf| shelf.len() > 0);
        self.partitioned = self.partitions.values().map(Shelf::len).sum();
    }

    fn shelf_of(&self, key: Option<&PartitionKey>) -> Option<&Shelf> {
        key.map_or(Some(&self.shelf), |key| self.partitions.get(key))
    }

    fn shelves(&self) -> impl Iterator<Item = &Shelf> {
        std::iter::once(&self.shelf).chain(self.partitions.values())
    }
}

/// What the URL of a request says about cookies, read once.
struct Request<'a> {
    host: &'a str,
    path: &'a str,
    secure: bool,
    access: &'a Access<'a>,
}

impl<'a> Request<'a> {
    /// `None` for a URL of a scheme without cookies.
    fn new(url: &'a Url, access: &'a Access<'a>) -> Option<Self> {
        if !has_cookies(url) {
            return None;
        }
        let secure = may_use_secure_cookies(url);
        Some(Self { host: url.host_str()?, path: url.path(), secure, access })
    }

    /// Whether the request carries the cookie. Its expiry and its partition are not asked.
    ///
    /// Chromium `CookieBase::IncludeForRequestURL`.
    fn check(&self, cookie: &CanonicalCookie) -> Result<(), ExclusionReason> {
        if cookie.http_only() && !self.access.http {
            return Err(ExclusionReason::HttpOnly);
        }
        if cookie.secure() && !self.secure {
            return Err(ExclusionReason::SecureOnly);
        }
        if !is_domain_match(cookie.domain(), self.host) {
            return Err(ExclusionReason::DomainMismatch);
        }
        if !is_path_match(cookie.path(), self.path) {
            return Err(ExclusionReason::NotOnPath);
        }
        check_same_site(cookie, self.access.same_site.may_send(cookie.same_site()))
    }
}

/// Whether `source` may set the cookie, as far as the cookie itself tells.
///
/// Chromium `CookieBase::IsSetPermittedInContext`.
fn check_set(
    cookie: &CanonicalCookie,
    source: &Url,
    access: &Access<'_>,
) -> Result<(), ExclusionReason> {
    if !has_cookies(source) {
        return Err(ExclusionReason::NonCookieableScheme);
    }
    if !is_domain_match(cookie.domain(), source.host_str().unwrap_or_default()) {
        return Err(ExclusionReason::DomainMismatch);
    }
    if cookie.secure() && !may_use_secure_cookies(source) {
        return Err(ExclusionReason::SecureOnly);
    }
    if cookie.http_only() && !access.http {
        return Err(ExclusionReason::HttpOnly);
    }
    check_same_site(cookie, access.same_site.may_set(cookie.same_site()))
}

fn check_same_site(cookie: &CanonicalCookie, allowed: bool) -> Result<(), ExclusionReason> {
    match (cookie.same_site(), allowed) {
        (SameSite::NoRestriction, _) if !cookie.secure() => {
            Err(ExclusionReason::SameSiteNoneInsecure)
        }
        (_, true) | (SameSite::NoRestriction, false) => Ok(()),
        (SameSite::Unspecified, false) => Err(ExclusionReason::SameSiteUnspecifiedTreatedAsLax),
        (SameSite::Lax, false) => Err(ExclusionReason::SameSiteLax),
        (SameSite::Strict, false) => Err(ExclusionReason::SameSiteStrict),
    }
}

/// Whether a cookie set in the clear could stand before or in the place of a `Secure` one.
///
/// RFC 6265bis §5.7 step 16; Chromium `CanonicalCookie::IsEquivalentForSecureCookieMatching`.
fn shadows(cookie: &CanonicalCookie, secure: &CanonicalCookie) -> bool {
    fn covers(domain: &str, other: &str) -> bool {
        let name = |domain: &str| domain.strip_prefix('.').unwrap_or(domain).to_owned();
        is_domain_match(&format!(".{}", name(domain)), &name(other))
    }
    cookie.name() == secure.name()
        && is_path_match(secure.path(), cookie.path())
        && (covers(cookie.domain(), secure.domain()) || covers(secure.domain(), cookie.domain()))
}

/// Seconds between two dates of use of one cookie.
const ACCESS_INTERVAL: i64 = 60;
/// Bytes kept between requests for building the field.
const LARGEST_SCRATCH: usize = 16 * 1024;

#[cfg(test)]
mod tests;
