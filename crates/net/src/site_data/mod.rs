//! What sites have left in one session: their cookies, and which of them are spoken to over TLS only.
//!
//! The memory copy stands under one lock that is never held across a wait. Behind it is the store
//! of a session on disk, which is read on first use and told of every change, and around it whoever
//! listens. The rules are those of [`netreq_proto::cookie`] and [`netreq_proto::hsts`]; requests,
//! connections and folders are not known here.

mod cookies;
mod listeners;

pub use cookies::{CookieAccess, CookieExclusion, Cookies, StorageEvent};
pub use listeners::EventStream;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use netreq_proto::clear_site_data;
use netreq_proto::cookie::{
    Access, CanonicalCookie, Change, ChangeCause, Clear, CookieKey, ExclusionReason, Jar,
    PartitionKey, SameSiteContext, Timestamp,
};
use netreq_proto::date::HttpDate;
use netreq_proto::h1::ResponseHead;
use netreq_proto::hsts::HstsTable;
use tokio::sync::OnceCell;
use url::Url;

use crate::error::{Error, without_credentials};
use crate::runtime::{instant, lock, wall_clock};
use crate::store::{CookieStore, Loaded, Room, StoreChange, StoreEvent};

use listeners::Listeners;

/// The cookies and HSTS entries of one session.
pub(crate) struct SiteData {
    state: Mutex<State>,
    /// Whether the state holds what the store keeps; always, in memory.
    is_loaded: AtomicBool,
    loading: OnceCell<Result<(), Error>>,
    /// Whether a request in the clear has to ask: read without the lock.
    has_hsts: AtomicBool,
    store: Option<Box<dyn CookieStore>>,
    changes: Listeners<Change>,
    exclusions: Listeners<CookieExclusion>,
    storage: Listeners<StorageEvent>,
    /// What has happened to the store, for those who ask later.
    history: Mutex<VecDeque<StorageEvent>>,
}

#[derive(Default)]
struct State {
    jar: Jar,
    hsts: HstsTable,
    /// What others changed while the store is being read: it comes behind what is read. `None` while
    /// nobody reads.
    early: Option<Vec<StoreEvent>>,
    /// The cookies that went here, and when by both clocks: others' news of before must not bring
    /// them back.
    removed: HashMap<CookieKey, (Timestamp, Instant)>,
}

impl State {
    /// Remembers what has gone.
    fn note_removed(&mut self, changes: &[Change], now: Timestamp) {
        let here = instant();
        for Change { cookie, cause } in changes {
            // What another took the place of is judged by that one.
            if cause.is_removal() && *cause != ChangeCause::Overwrite {
                if self.removed.len() >= MOST_REMEMBERED {
                    self.removed.retain(|_, (_, gone)| is_recent(*gone, here));
                }
                if self.removed.len() < MOST_REMEMBERED {
                    self.removed.insert(cookie.key(), (now, here));
                }
            }
        }
    }

    /// Whether the cookie went here a moment ago, after it was set elsewhere.
    fn was_removed(&self, cookie: &CanonicalCookie) -> bool {
        !self.removed.is_empty()
            && self.removed.get(&cookie.key()).is_some_and(|(removed, gone)| {
                *removed >= cookie.last_update() && is_recent(*gone, instant())
            })
    }
}

fn is_recent(then: Instant, now: Instant) -> bool {
    now.saturating_duration_since(then) < REMEMBERED
}

/// Whoever reads the store; dropped, what others change is not collected for it any more.
struct Reading<'a>(&'a SiteData);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).early = None;
    }
}

impl SiteData {
    /// Without a store everything is gone with the session.
    pub(crate) fn new(store: Option<Box<dyn CookieStore>>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            is_loaded: AtomicBool::new(store.is_none()),
            loading: OnceCell::new(),
            has_hsts: AtomicBool::new(false),
            store,
            changes: Listeners::new(),
            exclusions: Listeners::new(),
            storage: Listeners::new(),
            history: Mutex::default(),
        })
    }

    /// Whether [`ready`](Self::ready) has nothing to wait for.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_loaded.load(Ordering::Acquire)
    }

    /// Waits until what the store keeps is here. The first call opens it.
    ///
    /// # Errors
    ///
    /// The store must not be used ([`CookieStore::load`]). The session is then one in memory.
    pub(crate) async fn ready(self: &Arc<Self>) -> Result<(), Error> {
        match &self.store {
            None => Ok(()),
            Some(store) => self.loading.get_or_init(|| self.load(&**store)).await.clone(),
        }
    }

    async fn load(self: &Arc<Self>, store: &dyn CookieStore) -> Result<(), Error> {
        let site_data = Arc::downgrade(self);
        lock(&self.state).early = Some(Vec::new());
        let _reading = Reading(self);
        let loaded = store
            .load(Box::new(move |event| {
                if let Some(site_data) = Weak::upgrade(&site_data) {
                    site_data.on_store_event(event);
                }
            }))
            .await;
        let result = loaded.map(|loaded| self.take_loaded(loaded));
        if let Err(error) = &result {
            self.tell_storage(StorageEvent::Failed(error.clone()));
        }
        self.is_loaded.store(true, Ordering::Release);
        result
    }

    fn take_loaded(&self, loaded: Loaded) {
        let now = wall_clock();
        let mut state = lock(&self.state);
        let gone = state.jar.fill(loaded.cookies, now);
        drop(self.changed(&mut state, gone, now));
        for (host, entry) in loaded.hsts {
            state.hsts.load(&host, entry);
        }
        for event in state.early.take().into_iter().flatten() {
            self.take_news(&mut state, event);
        }
        self.note_hsts(&state);
        self.is_loaded.store(true, Ordering::Release);
    }

    /// The URL to ask instead of one in the clear (RFC 6797 §8.3).
    pub(crate) fn upgrade(&self, url: &Url) -> Option<Url> {
        if !self.has_hsts.load(Ordering::Acquire) {
            return None;
        }
        lock(&self.state).hsts.upgrade(url, wall_clock().unix())
    }

    /// The value of the `Cookie` field of a request for `url`.
    pub(crate) fn cookies_for(&self, url: &Url, same_site: SameSiteContext) -> Option<Vec<u8>> {
        let now = wall_clock();
        let mut state = lock(&self.state);
        let partition_key = partition_key(&state.jar, url);
        let access = Access { same_site, http: true, partition_key: partition_key.as_ref() };
        let sent = state.jar.cookies_for(url, &access, now);
        if self.exclusions.is_heard() {
            for (cookie, reason) in state.jar.excluded_from(url, &access) {
                self.exclude(url, cookie.name(), reason, CookieAccess::Send);
            }
        }
        if !sent.touched.is_empty() || !sent.changes.is_empty() {
            let touched = sent.touched.into_iter().map(StoreChange::TouchCookie).collect();
            // A date of use is not worth waiting for.
            drop(self.keep(touched));
            drop(self.changed(&mut state, sent.changes, now));
        }
        sent.header
    }

    /// Takes from a response what it says of its site. `cookies` says whose request it was, if its
    /// cookies count; `is_trusted` that it came over TLS from the right server.
    ///
    /// The room is to be waited for.
    pub(crate) fn take_in(
        &self,
        url: &Url,
        head: &ResponseHead,
        cookies: Option<SameSiteContext>,
        is_trusted: bool,
    ) -> Option<Room> {
        let hsts = if is_trusted { head.get("strict-transport-security") } else { None };
        let (mut clear, mut set) = (None, None);
        if cookies.is_some() {
            clear = head.get_all("clear-site-data").next();
            set = head.get_all("set-cookie").next();
        }
        if hsts.is_none() && clear.is_none() && set.is_none() {
            return None;
        }
        let mut now = wall_clock();
        let mut state = lock(&self.state);
        if let (Some(value), Some(host)) = (hsts, url.host_str())
            && let Ok(changes) = state.hsts.note(host, value, is_trusted, now.unix())
        {
            self.note_hsts(&state);
            let kept = changes.into_iter().map(|change| StoreChange::from_hsts(change, now.unix()));
            drop(self.keep(kept.collect()));
        }
        let same_site = cookies?;
        let mut changes = Vec::new();
        // Chromium takes the cookies first and clears when the whole head is in.
        if set.is_some() {
            let partition_key = PartitionKey::new(url, false);
            let partition_key = partition_key.as_ref();
            let access = Access { same_site, http: true, partition_key };
            let date = head.get("date").and_then(|value| HttpDate::parse(value, now.unix()).ok());
            let date = date.map(HttpDate::unix);
            for line in head.get_all("set-cookie") {
                let taken = CanonicalCookie::from_line(line, url, now, date, partition_key)
                    .and_then(|cookie| state.jar.set(cookie, url, &access, now));
                match taken {
                    Ok(more) => changes.extend(more),
                    Err(reason) => self.exclude(url, name_of(line), reason, CookieAccess::Store),
                }
                // Each is made a little later than the one before: their order outlives this memory.
                now.0 += 1;
            }
        }
        if clear.is_some() {
            let value = head.get_all("clear-site-data").collect::<Vec<_>>().join(&b", "[..]);
            if clear_site_data::clear_site_data(url, &value).is_ok_and(|clear| clear.cookies) {
                let partition_key = partition_key(&state.jar, url);
                changes.extend(state.jar.clear_site(url, partition_key.as_ref()));
            }
        }
        self.changed(&mut state, changes, now)
    }

    /// Changes the cookies, tells everybody, and keeps the changes.
    fn edit<T>(&self, edit: impl FnOnce(&mut Jar, Timestamp) -> (T, Vec<Change>)) -> T {
        let now = wall_clock();
        let mut state = lock(&self.state);
        let (value, changes) = edit(&mut state.jar, now);
        drop(self.changed(&mut state, changes, now));
        value
    }

    /// Tells of changes in their order: the caller holds the lock of the state.
    fn changed(&self, state: &mut State, changes: Vec<Change>, now: Timestamp) -> Option<Room> {
        if self.store.is_some() {
            state.note_removed(&changes, now);
        }
        if self.changes.is_heard() {
            for change in &changes {
                self.changes.tell(change);
            }
        }
        let kept = changes.into_iter().map(|change| StoreChange::from_cookie(change, now));
        self.keep(kept.collect())
    }

    fn keep(&self, changes: Vec<StoreChange>) -> Option<Room> {
        match &self.store {
            Some(store) if !changes.is_empty() => Some(store.apply(changes)),
            _ => None,
        }
    }

    fn exclude(&self, url: &Url, name: &[u8], reason: ExclusionReason, access: CookieAccess) {
        if self.exclusions.is_heard() {
            let (url, name) = (without_credentials(url), name.into());
            self.exclusions.tell(&CookieExclusion { url, name, reason, access });
        }
    }

    fn note_hsts(&self, state: &State) {
        self.has_hsts.store(!state.hsts.is_empty(), Ordering::Release);
    }

    /// Forgets the cookies of `sites`.
    pub(crate) fn clear_cookies(&self, sites: Clear<'_>) {
        self.edit(|jar, _| ((), jar.clear(sites)));
    }

    /// Forgets which hosts of `sites` are spoken to over TLS only.
    pub(crate) fn clear_hsts(&self, sites: Clear<'_>) {
        let now = wall_clock().unix();
        let mut state = lock(&self.state);
        let gone = state.hsts.clear(sites);
        self.note_hsts(&state);
        drop(self.keep(gone.into_iter().map(|gone| StoreChange::from_hsts(gone, now)).collect()));
    }

    /// Waits until everything is on disk.
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub(crate) async fn flush(self: &Arc<Self>) -> Result<(), Error> {
        let Some(store) = &self.store else { return Ok(()) };
        // What was never opened has nothing to write, unless something came unasked.
        if let Some(Err(refused)) = self.loading.get() {
            return Err(refused.clone());
        }
        store.flush().await
    }

    /// [`flush`](Self::flush) for a thread that may wait.
    pub(crate) fn flush_blocking(&self, limit: Duration) -> Result<(), Error> {
        match (&self.store, self.loading.get()) {
            (None, _) => Ok(()),
            (_, Some(Err(refused))) => Err(refused.clone()),
            (Some(store), _) => store.flush_blocking(limit),
        }
    }

    /// Writes what is left and ends the store's work.
    ///
    /// # Errors
    ///
    /// Why the last changes are not kept.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        self.changes.end();
        self.exclusions.end();
        let closed = match &self.store {
            None => Ok(()),
            Some(store) => store.close().await,
        };
        self.storage.end();
        closed
    }

    fn on_store_event(&self, event: StoreEvent) {
        let event = match event {
            news @ (StoreEvent::Outside(_) | StoreEvent::OutsideWhole(_)) => {
                let mut state = lock(&self.state);
                if !self.is_ready() {
                    state.early.iter_mut().for_each(|early| early.push(news.clone()));
                    return;
                }
                self.take_news(&mut state, news);
                return self.note_hsts(&state);
            }
            StoreEvent::SetAside { path, cause, kept } => {
                // The new database has what could be saved; what is here is the better copy.
                self.keep_all();
                StorageEvent::SetAside { path, cause, kept }
            }
            StoreEvent::Skipped(rows) => StorageEvent::Skipped(rows),
            StoreEvent::Failed(error) => StorageEvent::Failed(error),
            StoreEvent::Recovered => StorageEvent::Recovered,
        };
        self.tell_storage(event);
    }

    fn tell_storage(&self, event: StorageEvent) {
        let mut history = lock(&self.history);
        if history.len() == HISTORY {
            history.pop_front();
        }
        history.push_back(event.clone());
        self.storage.tell(&event);
    }

    /// Takes in what other processes have changed.
    fn take_news(&self, state: &mut State, news: StoreEvent) {
        match news {
            StoreEvent::Outside(changes) => {
                let now = wall_clock();
                for change in changes {
                    self.take_outside_change(state, change, now);
                }
            }
            StoreEvent::OutsideWhole(changes) => self.take_outside_whole(state, changes),
            _ => {}
        }
    }

    fn take_outside_change(&self, state: &mut State, change: StoreChange, now: Timestamp) {
        let changes = match change {
            StoreChange::SetCookie(cookie) if state.was_removed(&cookie) => Vec::new(),
            StoreChange::SetCookie(cookie) => state.jar.load(cookie, now),
            StoreChange::RemoveCookie(key, removed) => state.jar.unload(&key, removed),
            StoreChange::TouchCookie(_) => Vec::new(),
            StoreChange::SetHsts(host, entry) => {
                state.hsts.load(&host, entry);
                Vec::new()
            }
            StoreChange::RemoveHsts(host, removed) => {
                state.hsts.remove_where(|name, entry| *name == *host && entry.observed <= removed);
                Vec::new()
            }
        };
        // On disk it stands already.
        changes.iter().for_each(|change| self.changes.tell(change));
    }

    /// Takes in everything there is on disk.
    fn take_outside_whole(&self, state: &mut State, changes: Vec<StoreChange>) {
        let now = wall_clock();
        // What was changed here a moment ago may not be among what was read.
        let read = now.plus_seconds(-2);
        let mut cookies: HashMap<CookieKey, ()> = HashMap::new();
        let mut hosts: HashMap<Box<str>, ()> = HashMap::new();
        for change in &changes {
            match change {
                StoreChange::SetCookie(cookie) => drop(cookies.insert(cookie.key(), ())),
                StoreChange::SetHsts(host, _) => drop(hosts.insert(host.clone(), ())),
                _ => {}
            }
        }
        let gone = state.jar.remove_persistent_except(|cookie| {
            cookie.last_update() > read || cookies.contains_key(&cookie.key())
        });
        gone.iter().for_each(|change| self.changes.tell(change));
        state
            .hsts
            .remove_where(|host, entry| entry.observed <= read.unix() && !hosts.contains_key(host));
        for change in changes {
            self.take_outside_change(state, change, now);
        }
    }

    /// Gives the store everything that is to be kept.
    fn keep_all(&self) {
        let state = lock(&self.state);
        let cookies = state.jar.iter().cloned().map(StoreChange::SetCookie);
        let hsts = state.hsts.iter().map(|(host, entry)| StoreChange::SetHsts(host.into(), entry));
        drop(self.keep(cookies.chain(hsts).collect()));
    }
}

/// The partition of a request for `url`, which is a page of its own; `None` also where no cookie is
/// partitioned, so that it is not made up for nothing.
fn partition_key(jar: &Jar, url: &Url) -> Option<PartitionKey> {
    if jar.has_partitioned() { PartitionKey::new(url, false) } else { None }
}

/// The name in a line that may be no cookie.
fn name_of(line: &[u8]) -> &[u8] {
    let pair = line.split(|byte| *byte == b';').next().unwrap_or_default();
    match pair.iter().position(|byte| *byte == b'=') {
        Some(end) => pair[..end].trim_ascii(),
        None => b"",
    }
}

impl Drop for SiteData {
    fn drop(&mut self) {
        self.changes.end();
        self.exclusions.end();
        self.storage.end();
    }
}

impl fmt::Debug for SiteData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteData").field("store", &self.store).finish_non_exhaustive()
    }
}

/// For how long a removal is remembered: longer than others' news is on its way.
const REMEMBERED: Duration = Duration::from_secs(5);
const MOST_REMEMBERED: usize = 16 * 1024;

/// Events kept for those who begin to listen later.
const HISTORY: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreFuture;

    /// A store whose read is answered when the test says so.
    #[derive(Default)]
    struct Slow {
        on_event: Mutex<Option<crate::store::OnEvent>>,
        answer: Mutex<Option<tokio::sync::oneshot::Receiver<Loaded>>>,
    }

    impl fmt::Debug for Slow {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Slow")
        }
    }

    impl CookieStore for Arc<Slow> {
        fn load(&self, on_event: crate::store::OnEvent) -> StoreFuture<'_, Loaded> {
            *lock(&self.on_event) = Some(on_event);
            let answer = lock(&self.answer).take().unwrap();
            Box::pin(async move { Ok(answer.await.unwrap()) })
        }

        fn apply(&self, _: Vec<StoreChange>) -> Room {
            Room::default()
        }

        fn flush(&self) -> StoreFuture<'_, ()> {
            Box::pin(async { Ok(()) })
        }

        fn flush_blocking(&self, _: Duration) -> Result<(), Error> {
            Ok(())
        }

        fn close(&self) -> StoreFuture<'_, ()> {
            self.flush()
        }
    }

    impl Slow {
        fn tell(&self, news: StoreChange) {
            lock(&self.on_event).as_mut().unwrap()(StoreEvent::Outside(vec![news]));
        }
    }

    fn cookie(name: &str, now: Timestamp) -> CanonicalCookie {
        let (line, url) = (format!("{name}=1; Max-Age=60"), Url::parse("https://a.test/").unwrap());
        CanonicalCookie::from_line(line.as_bytes(), &url, now, None, None).unwrap()
    }

    fn names(site_data: &SiteData) -> Vec<String> {
        let state = lock(&site_data.state);
        let cookies = state.jar.get(&netreq_proto::cookie::Filter::default(), wall_clock());
        cookies.iter().map(|cookie| cookie.name().escape_ascii().to_string()).collect()
    }

    #[tokio::test]
    async fn what_others_change_while_the_store_is_read_counts_and_what_went_here_stays_away() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let store = Arc::new(Slow { answer: Mutex::new(Some(receiver)), ..Slow::default() });
        let site_data = SiteData::new(Some(Box::new(Arc::clone(&store))));
        let now = wall_clock();
        let read = vec![cookie("a", now), cookie("b", now)];

        let others = async {
            tokio::task::yield_now().await;
            store.tell(StoreChange::RemoveCookie(read[0].key(), wall_clock()));
            assert!(sender.send(Loaded { cookies: read.clone(), hsts: Vec::new() }).is_ok());
        };
        let (ready, ()) = tokio::join!(biased; site_data.ready(), others);
        ready.unwrap();
        assert_eq!(names(&site_data), ["b"]);

        // Another process says of the cookie what was so before it went here.
        let before = read[1].clone();
        site_data.clear_cookies(Clear::All);
        store.tell(StoreChange::SetCookie(before));
        assert!(names(&site_data).is_empty());
        store.tell(StoreChange::SetCookie(cookie("b", wall_clock().plus_seconds(1))));
        assert_eq!(names(&site_data), ["b"]);
    }
}
