//! The store as its session sees it, alone, beside others, and when things break.
//!
//! Processes that are killed or write at once are this test binary again, told by an environment
//! variable what to do ([`child`]).

mod child;
mod chromium;
mod crash;
mod damage;
mod keeping;
mod limits;
mod sharing;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use netreq_proto::cookie::{
    CanonicalCookie, Priority, SameSite, SourceScheme, StoredCookie, Timestamp,
};
use netreq_proto::hsts::HstsEntry;
use netreq_proto::{NetError, UnixTime};

use super::disk::Disk;
use super::*;
use crate::error::Error;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("netreq-store-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    /// One that exists already.
    fn made() -> Self {
        let folder = Self::new();
        fs::create_dir(&folder.0).unwrap();
        folder
    }

    fn database(&self) -> PathBuf {
        self.0.join("state.db")
    }

    /// The names of its files.
    fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A store that looks and writes often, with what it had and what it says.
struct Opened {
    store: Store,
    loaded: Loaded,
    events: Receiver<StoreEvent>,
}

impl Opened {
    async fn new(folder: &Path) -> Self {
        Self::with(folder, quick()).await
    }

    async fn with(folder: &Path, options: StoreOptions) -> Self {
        let store = Store::new(folder.to_owned(), options);
        let (loaded, events) = load(&store).await.unwrap();
        Self { store, loaded, events }
    }

    /// Applies and flushes.
    async fn keep(&self, changes: Vec<StoreChange>) {
        self.store.apply(changes).wait().await;
        self.store.flush().await.unwrap();
    }

    /// The next event, which has to come soon.
    fn event(&self) -> StoreEvent {
        self.events.recv_timeout(Duration::from_secs(20)).expect("an event")
    }

    fn outside(&self) -> Vec<StoreChange> {
        match self.event() {
            StoreEvent::Outside(changes) => changes,
            other => panic!("{other:?}"),
        }
    }
}

async fn load(store: &Store) -> Result<(Loaded, Receiver<StoreEvent>), Error> {
    let (sender, events) = channel();
    let loaded = store
        .load(Box::new(move |event| {
            let _ = sender.send(event);
        }))
        .await?;
    Ok((loaded, events))
}

/// What is on disk in `folder`, sorted, as name and value.
async fn on_disk(folder: &Path) -> Vec<(String, String)> {
    let opened = Opened::new(folder).await;
    let pairs = pairs(&opened.loaded);
    opened.store.close().await.unwrap();
    let said: Vec<_> = opened.events.try_iter().collect();
    assert!(said.is_empty(), "{said:?}");
    pairs
}

fn pairs(loaded: &Loaded) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut pairs: Vec<_> =
        loaded.cookies.iter().map(|cookie| (text(cookie.name()), text(cookie.value()))).collect();
    pairs.sort();
    pairs
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn quick() -> StoreOptions {
    StoreOptions {
        delay: Duration::from_millis(5),
        look: Duration::from_millis(5),
        ..StoreOptions::default()
    }
}

/// Writes only when it is told to, and looks only then.
fn patient() -> StoreOptions {
    StoreOptions {
        delay: Duration::from_secs(3_600),
        look: Duration::from_secs(3_600),
        ..StoreOptions::default()
    }
}

fn stored(name: &str, value: &str, at: i64) -> StoredCookie {
    StoredCookie {
        name: name.into(),
        value: value.into(),
        domain: ".example.com".into(),
        path: "/".into(),
        creation: Timestamp(at),
        expiry: Some(Timestamp(at).plus_seconds(86_400)),
        last_access: Timestamp(at),
        last_update: Timestamp(at),
        secure: true,
        http_only: false,
        same_site: SameSite::Lax,
        priority: Priority::Medium,
        partition_key: None,
        source_scheme: SourceScheme::Secure,
        source_port: Some(443),
    }
}

fn cookie(name: &str, value: &str, at: i64) -> CanonicalCookie {
    CanonicalCookie::from_storage(stored(name, value, at)).unwrap()
}

fn set(name: &str, value: &str, at: i64) -> StoreChange {
    StoreChange::SetCookie(cookie(name, value, at))
}

fn remove(name: &str, at: i64) -> StoreChange {
    StoreChange::RemoveCookie(cookie(name, "", at).key(), Timestamp(at))
}

fn hsts(host: &str, at: i64) -> StoreChange {
    let entry =
        HstsEntry { expiry: UnixTime(at + 100), include_subdomains: true, observed: UnixTime(at) };
    StoreChange::SetHsts(host.into(), entry)
}

/// A connection of SQLite's own to look from outside.
fn sqlite(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}
