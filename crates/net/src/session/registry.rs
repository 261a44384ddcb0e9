//! The sessions of this process by their names: one object a partition, one a folder.
//!
//! A session that was once asked for by name lives until it is closed, as in Electron: cookies of a
//! partition in memory must still be there for the next request that names it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use netreq_proto::NetError;
use netreq_proto::partition::Partition;

use super::{Session, SessionBuilder, folder};
use crate::error::Error;
use crate::runtime::{instant, lock};

/// What a session is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Name {
    /// One on disk.
    Path(PathBuf),
    /// One in memory, by its partition; the default session too, where there is no place for it.
    Memory(Box<str>),
}

impl Name {
    /// What the partition `name` is known by, its data being kept below `data`.
    ///
    /// # Errors
    ///
    /// The name makes too long a folder, or there is no place for a partition that is to be kept.
    pub(super) fn of_partition(name: &str, data: Option<&Path>) -> Result<Self, Error> {
        let partition = Partition::parse(name)
            .map_err(|cause| Error::argument(NetError::InvalidArgument, cause))?;
        if let Partition::InMemory(name) = partition {
            return Ok(Self::Memory(name));
        }
        if cfg!(not(feature = "persist")) {
            return match partition {
                Partition::Default => Ok(Self::Memory("".into())),
                _ => Err(Error::argument(
                    NetError::NotImplemented,
                    "this program was built without the feature `persist`",
                )),
            };
        }
        let place = |data: &Path| folder::of_partition(data, &partition);
        let own = || folder::data(None).and_then(|data| place(&data));
        match data.map_or_else(own, place) {
            Some(path) => Ok(Self::Path(path)),
            None if partition == Partition::Default => Ok(Self::Memory("".into())),
            None => Err(Error::argument(
                NetError::FileNotFound,
                "the system names no folder for data: set NETREQ_DATA_DIR or data_dir",
            )),
        }
    }

    /// What the session in the folder `path` is known by.
    ///
    /// # Errors
    ///
    /// Electron's sentences for an empty and a relative path.
    pub(super) fn of_path(path: &Path) -> Result<Self, Error> {
        let refused = |sentence| Err(Error::sentence(NetError::InvalidArgument, sentence));
        if path.as_os_str().is_empty() {
            return refused("An empty path was specified");
        }
        if !path.is_absolute() {
            return refused("An absolute path was not provided");
        }
        if cfg!(not(feature = "persist")) {
            return Err(Error::argument(
                NetError::NotImplemented,
                "this program was built without the feature `persist`",
            ));
        }
        // Without what does not change where it leads: `/a/./b/` is `/a/b`.
        Ok(Self::Path(path.components().collect()))
    }
}

type Sessions = HashMap<Name, Session>;

fn sessions() -> &'static Mutex<Sessions> {
    static SESSIONS: OnceLock<Mutex<Sessions>> = OnceLock::new();
    SESSIONS.get_or_init(Mutex::default)
}

/// The session of this name; it is made if there is none.
pub(super) fn find(name: &Name) -> Session {
    let mut sessions = lock(sessions());
    if let Some(session) = sessions.get(name) {
        return session.clone();
    }
    let session = SessionBuilder::default().build_default(Some(name.clone()));
    sessions.insert(name.clone(), session.clone());
    session
}

/// The name of the default session: a place on disk, if there is one.
pub(super) fn default_name() -> &'static Name {
    static NAME: OnceLock<Name> = OnceLock::new();
    let in_memory = |_| Name::Memory("".into());
    NAME.get_or_init(|| Name::of_partition("", None).unwrap_or_else(in_memory))
}

/// Makes the session of a name that has none.
///
/// # Errors
///
/// There is one already.
pub(super) fn add(name: Name, make: impl FnOnce() -> Session) -> Result<Session, Error> {
    let mut sessions = lock(sessions());
    if sessions.contains_key(&name) {
        return Err(Error::argument(
            NetError::FileExists,
            "a session of this name exists already: from_partition and from_path return it",
        ));
    }
    Ok(sessions.entry(name).or_insert_with(make).clone())
}

/// Forgets a session that has ended: its name is free for a new one.
pub(super) fn forget(session: &Session) {
    let gone = {
        let mut sessions = lock(sessions());
        let name = sessions.iter().find(|(_, other)| *other == session).map(|(name, _)| name);
        name.cloned().and_then(|name| sessions.remove(&name))
    };
    // Outside the lock: the last handle of a session waits for its store.
    drop(gone);
}

/// Waits until the changes of every named session are on disk, `limit` at most for all together.
///
/// # Errors
///
/// The first reason why some are not; the others are written all the same.
pub(super) fn flush_all(limit: Duration) -> Result<(), Error> {
    let began: Instant = instant();
    let all: Vec<Session> = lock(sessions()).values().cloned().collect();
    let mut result = Ok(());
    for session in all {
        let left = limit.saturating_sub(instant().saturating_duration_since(began));
        let flushed = session.context().site_data.flush_blocking(left);
        result = result.and(flushed);
    }
    result
}
