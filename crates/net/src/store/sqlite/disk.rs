//! The database of one folder, whatever state it is in.
//!
//! It is opened when it is needed and made when there is something to keep. What cannot be read is
//! set aside and its readable rows are moved to a new one; a database that was replaced or removed
//! by somebody is opened anew. After a failure the next call begins again from the file.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::ErrorCode;

use super::database::{Database, Rows};
use super::failure::Failure;
use super::files::{Found, Identity, Lock, Place};
use super::queue::Entry;
use super::schema::STEPS;
use super::{Loaded, StoreChange, StoreEvent};
use crate::runtime::instant;

/// A folder and the database in it.
#[derive(Debug)]
pub(super) struct Disk {
    place: Place,
    session_cookies: bool,
    steps: &'static [&'static str],
    open: Option<Database>,
    /// The file that was opened last.
    identity: Option<Identity>,
    /// The last transaction of that file that the session has been told of; zero: of none.
    seen: i64,
    /// Databases that were set aside, for the session to hear of.
    events: Vec<StoreEvent>,
}

impl Disk {
    pub(super) fn new(folder: PathBuf, session_cookies: bool) -> Self {
        Self {
            place: Place::new(folder),
            session_cookies,
            steps: STEPS,
            open: None,
            identity: None,
            seen: 0,
            events: Vec::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn with_steps(mut self, steps: &'static [&'static str]) -> Self {
        self.steps = steps;
        self
    }

    /// Everything that is kept; nothing if there is no database.
    pub(super) fn load(&mut self) -> Result<(Loaded, Rows), Failure> {
        let session_cookies = self.session_cookies;
        let loaded = self.retry(|disk| {
            Ok(match disk.current(false)? {
                None => None,
                Some(database) => Some(database.load(session_cookies)?),
            })
        })?;
        Ok(loaded.unwrap_or_default())
    }

    /// What other processes have written since, if anything.
    pub(super) fn look(&mut self) -> Result<Option<Rows>, Failure> {
        let session_cookies = self.session_cookies;
        self.retry(|disk| {
            let Some(_) = disk.current(false)? else { return Ok(None) };
            let seen = disk.seen;
            disk.open.as_mut().map_or(Ok(None), |open| open.look(seen, session_cookies))
        })
    }

    /// Writes a batch; returns what others have written since, with the batch's transaction.
    pub(super) fn commit(&mut self, batch: &[Entry]) -> Result<Rows, Failure> {
        let (session_cookies, steps) = (self.session_cookies, self.steps);
        let makes = batch.iter().any(|entry| match entry.change {
            StoreChange::SetCookie(_) | StoreChange::SetHsts(..) => true,
            StoreChange::TouchCookie(_)
            | StoreChange::RemoveCookie(..)
            | StoreChange::RemoveHsts(..) => false,
        });
        let committed = self.retry(|disk| {
            // Where nothing is kept, nothing has to be removed.
            let Some(_) = disk.current(makes)? else { return Ok(Rows::default()) };
            let seen = disk.seen;
            disk.open.as_mut().map_or_else(
                || Ok(Rows::default()),
                |open| open.commit(batch, seen, session_cookies, steps),
            )
        });
        committed.map_err(|failure| self.explained(failure))
    }

    /// A failure to write with the cause that the system has for it, where SQLite names none.
    fn explained(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Sqlite(cause)
                if cause.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) =>
            {
                let asked = self.place.lock().and_then(|lock| self.place.try_room(&lock));
                asked.err().unwrap_or(Failure::Sqlite(cause))
            }
            failure => failure,
        }
    }

    /// Drops from a batch that cannot be written what need not be.
    ///
    /// Where not even that can be found out, the removals beyond `most` go.
    pub(super) fn thin(&mut self, batch: &mut Vec<Entry>, most: usize) {
        let asked = match self.current(false) {
            Ok(Some(database)) => database.still_needed(batch),
            Ok(None) => {
                batch.retain(|entry| {
                    matches!(entry.change, StoreChange::SetCookie(_) | StoreChange::SetHsts(..))
                });
                Ok(())
            }
            Err(failure) => Err(failure),
        };
        if asked.is_err() {
            let mut left = most;
            batch.retain(|entry| match entry.change {
                StoreChange::SetCookie(_) | StoreChange::SetHsts(..) => true,
                StoreChange::TouchCookie(_) => false,
                StoreChange::RemoveCookie(..) | StoreChange::RemoveHsts(..) => {
                    left = left.saturating_sub(1);
                    left > 0
                }
            });
        }
    }

    /// The session has been told everything up to this transaction.
    pub(super) fn set_seen(&mut self, version: i64) {
        self.seen = version;
    }

    pub(super) fn take_events(&mut self) -> Vec<StoreEvent> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn close(&mut self) {
        let path = self.place.database();
        if let (Some(database), Ok(path)) = (self.open.take(), path) {
            database.close(&path, self.session_cookies);
        }
    }

    /// Does something with the database, again if it was locked, replaced or damaged.
    fn retry<T>(
        &mut self,
        mut what: impl FnMut(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let started = instant();
        let mut repairs = 0;
        loop {
            let failure = match what(self) {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            // Whatever happened, the connection may be in the middle of it.
            let was_open = self.open.take().is_some();
            match failure {
                // SQLite waits by itself, but not where that could be for ever.
                Failure::Busy if started.elapsed() < LONGEST_BUSY => std::thread::sleep(PAUSE),
                Failure::Replaced if repairs < MOST_REPAIRS => repairs += 1,
                Failure::Damaged(cause) if was_open && repairs < MOST_REPAIRS => {
                    repairs += 1;
                    self.set_aside(self.identity, cause)?;
                }
                failure => return Err(failure),
            }
        }
    }

    /// The database in the folder now, opened; `None` if there is none and `make` is false.
    fn current(&mut self, make: bool) -> Result<Option<&mut Database>, Failure> {
        for _ in 0..=MOST_REPAIRS {
            match self.place.look()? {
                Found::Nothing if !make => {
                    self.forget(None);
                    return Ok(None);
                }
                Found::Nothing => {
                    self.place.make()?;
                    let lock = self.place.lock()?;
                    if self.place.look()? == Found::Nothing {
                        self.build(&lock, &[])?;
                    }
                }
                Found::Other => self.set_aside(None, "it is not a file".into())?,
                Found::File(identity) if self.identity == Some(identity) && self.open.is_some() => {
                    break;
                }
                Found::File(identity) => {
                    if self.identity != Some(identity) {
                        self.forget(Some(identity));
                    }
                    self.place.restrict()?;
                    match Database::open(&self.place.database()?, self.steps) {
                        Ok(Ok(database)) => {
                            self.open = Some(database);
                            break;
                        }
                        Ok(Err(_older)) => {
                            let _lock = self.place.lock()?;
                            Database::migrate(&self.place.database()?, self.steps)?;
                        }
                        Err(Failure::Damaged(cause)) => self.set_aside(Some(identity), cause)?,
                        Err(failure) => return Err(failure),
                    }
                }
            }
        }
        match &mut self.open {
            Some(database) => Ok(Some(database)),
            None => Err(Failure::Damaged("it does not stay whole".into())),
        }
    }

    /// Moves a damaged database out of the way and what is readable of it to a new one, unless
    /// another process has done so already.
    fn set_aside(&mut self, damaged: Option<Identity>, cause: String) -> Result<(), Failure> {
        self.open = None;
        let lock = self.place.lock()?;
        let kept = match self.place.look()? {
            Found::Nothing => return Ok(()),
            Found::File(identity) if damaged != Some(identity) => return Ok(()),
            Found::File(_) => Database::salvage(&self.place.database()?),
            Found::Other => Vec::new(),
        };
        let path = self.place.set_aside(&lock)?;
        self.events.push(StoreEvent::SetAside { path, cause, kept: kept.len() });
        if !kept.is_empty() {
            self.build(&lock, &kept)?;
        }
        Ok(())
    }

    /// Builds a database under another name and puts it in its place when it is whole.
    fn build(&self, lock: &Lock, rows: &[StoreChange]) -> Result<(), Failure> {
        let path = self.place.begin_new(lock)?;
        Database::migrate(&path, self.steps)?;
        if !rows.is_empty() {
            Database::fill(&path, rows)?;
        }
        self.place.finish_new(lock)
    }

    /// Another file, or none: nothing that it holds has been told.
    fn forget(&mut self, identity: Option<Identity>) {
        self.open = None;
        self.identity = identity;
        self.seen = 0;
    }
}

/// How long other processes may hold the database before a caller hears of it.
const LONGEST_BUSY: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);
/// Repairs of one call: a database that is damaged again at once has a damaged disk.
const MOST_REPAIRS: u32 = 3;
