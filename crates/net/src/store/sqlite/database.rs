//! One open database: read everything, write a batch, read what others have written.
//!
//! Every method is one transaction and returns with nothing half done. Which file it is, and what
//! happens when it cannot be used, is [`disk`](super::disk)'s affair.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use netreq_proto::cookie::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, params};

use super::failure::Failure;
use super::queue::{Entry, key};
use super::rows;
use super::schema::{self, Format};
use super::{Loaded, StoreChange};
use crate::runtime::wall_clock;

/// A connection to a database of today's format.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    journal: Journal,
    /// Changes whenever another connection has written.
    data_version: Option<i64>,
    /// Whether rows that have served their time were looked for.
    tidied: bool,
}

/// How a write is made safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Journal {
    /// Nothing was written through this connection.
    Unset,
    WriteAhead,
    Rollback,
}

/// What is in the file, or what is new in it.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) changes: Vec<StoreChange>,
    /// Whether these are all rows, because not all that changed can be told one by one.
    pub(super) whole: bool,
    /// Rows that could not be understood.
    pub(super) skipped: usize,
    /// The last transaction that is in these rows.
    pub(super) version: i64,
}

impl Database {
    /// Opens an existing file.
    ///
    /// # Errors
    ///
    /// [`Failure::Damaged`], [`Failure::Newer`] or what SQLite says. `Ok(Err(_))` is a database that
    /// has to be migrated first.
    pub(super) fn open(path: &Path, steps: &[&str]) -> Result<Result<Self, Format>, Failure> {
        let connection = connect(path)?;
        let format = schema::format(&connection, steps)?;
        if format != Format::Current {
            return Ok(Err(format));
        }
        let database =
            Self { connection, journal: Journal::Unset, data_version: None, tidied: false };
        database.check_tables()?;
        Ok(Ok(database))
    }

    /// Makes a database of an empty or older file. Only under the lock of the folder.
    pub(super) fn migrate(path: &Path, steps: &[&str]) -> Result<(), Failure> {
        let connection = connect(path)?;
        schema::migrate(&connection, steps)
    }

    /// Fills a database that was just made and that nobody else has opened.
    pub(super) fn fill(path: &Path, rows: &[StoreChange]) -> Result<(), Failure> {
        let connection = connect(path)?;
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        for change in rows {
            write(&transaction, change, 1, 0)?;
        }
        transaction.execute("UPDATE counters SET version = 1", [])?;
        transaction.commit()?;
        Ok(())
    }

    /// The rows of a damaged database that can still be read, from both ends of each table.
    pub(super) fn salvage(path: &Path) -> Vec<StoreChange> {
        let Ok(connection) = connect(path) else { return Vec::new() };
        let mut saved = Vec::new();
        for order in ["ASC", "DESC"] {
            // What is unreadable ends the walk; the rows before it are saved.
            let key = COOKIE_KEY.map(|column| format!("{column} {order}")).join(", ");
            let _ = read_cookies(&connection, &format!("ORDER BY {key}"), |row| saved.extend(row));
            let order = format!("ORDER BY host {order}");
            let _ = read_hsts(&connection, &order, |row| saved.extend(row));
        }
        let mut met = HashSet::new();
        saved.retain(|change| is_set(change) && met.insert(key(change)));
        saved
    }

    /// Everything there is but what is gone, and session cookies unless they are wanted.
    pub(super) fn load(&mut self, session_cookies: bool) -> Result<(Loaded, Rows), Failure> {
        self.data_version = Some(self.read_data_version()?);
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)?;
        let version = counters(&transaction)?.version;
        let mut loaded = Loaded::default();
        let mut is_stale = false;
        let skipped = read_all(&transaction, |change| match change {
            StoreChange::SetCookie(cookie) if session_cookies || cookie.is_persistent() => {
                loaded.cookies.push(cookie);
            }
            StoreChange::SetHsts(host, entry) => loaded.hsts.push((host, entry)),
            StoreChange::SetCookie(_) => is_stale = true,
            StoreChange::TouchCookie(_)
            | StoreChange::RemoveCookie(..)
            | StoreChange::RemoveHsts(..) => {}
        })?;
        if skipped > 0 {
            check(&transaction)?;
        }
        drop(transaction);
        if is_stale {
            // A later session that wants its own back must not meet these. Where nothing may be
            // written they stay; the next write tries again.
            let _ = self.connection.execute(STALE_SESSION_COOKIES, []);
        }
        Ok((loaded, Rows { skipped, version, ..Rows::default() }))
    }

    /// What other processes have written after transaction `seen`; `None` if nobody has.
    pub(super) fn look(
        &mut self,
        seen: i64,
        session_cookies: bool,
    ) -> Result<Option<Rows>, Failure> {
        let data_version = self.read_data_version()?;
        if self.data_version == Some(data_version) {
            return Ok(None);
        }
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)?;
        let counters = counters(&transaction)?;
        let rows = read_new(&transaction, counters, seen, None, session_cookies)?;
        drop(transaction);
        // Asked for before the rows were read: what came between is found the next time.
        self.data_version = Some(data_version);
        Ok(Some(rows))
    }

    /// Writes a batch, and reads what others have written after transaction `seen`.
    pub(super) fn commit(
        &mut self,
        batch: &[Entry],
        seen: i64,
        session_cookies: bool,
        steps: &[&str],
    ) -> Result<Rows, Failure> {
        self.begin_writing()?;
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        if schema::format(&transaction, steps)? != Format::Current {
            return Err(Failure::Replaced);
        }
        let mut counters = counters(&transaction)?;
        let version = counters.version + 1;
        write_batch(&transaction, batch, version)?;
        if !self.tidied {
            counters.purged = tidy(&transaction, batch, version, session_cookies, counters.purged)?;
        }
        let rows = read_new(&transaction, counters, seen, Some(version), session_cookies)?;
        transaction
            .execute("UPDATE counters SET version = ?1, purged = ?2", [version, counters.purged])?;
        transaction.commit()?;
        self.tidied = true;
        Ok(Rows { version, ..rows })
    }

    /// Keeps of `batch` what has to be written: a cookie that is gone and is not on disk either need
    /// not be.
    pub(super) fn still_needed(&self, batch: &mut Vec<Entry>) -> Result<(), Failure> {
        let mut has_cookie = self.connection.prepare(rows::HAS_COOKIE)?;
        let mut has_hsts = self.connection.prepare(rows::HAS_HSTS)?;
        let mut result = Ok(());
        batch.retain(|entry| {
            let kept = match &entry.change {
                StoreChange::RemoveCookie(key, _) => rows::has_cookie(&mut has_cookie, key),
                StoreChange::RemoveHsts(host, _) => has_hsts.exists([host]),
                StoreChange::SetCookie(_)
                | StoreChange::TouchCookie(_)
                | StoreChange::SetHsts(..) => Ok(true),
            };
            kept.unwrap_or_else(|cause| {
                result = Err(cause.into());
                true
            })
        });
        result
    }

    /// Closes; the last one out leaves a single file without rows that are gone.
    pub(super) fn close(self, path: &Path, session_cookies: bool) {
        let written = self.journal == Journal::WriteAhead;
        drop(self);
        if written {
            // What fails here is left to whoever opens the database next.
            let _ = leave_tidy(path, session_cookies);
        }
    }

    /// Chooses the journal at the first write: reading needs none, and leaves no file behind.
    fn begin_writing(&mut self) -> Result<(), Failure> {
        if self.journal != Journal::Unset {
            return Ok(());
        }
        self.journal = choose_journal(&self.connection)?;
        Ok(())
    }

    fn check_tables(&self) -> Result<(), Failure> {
        for (columns, table) in [
            ("version, purged", "counters"),
            (rows::COOKIE_COLUMNS, "cookies"),
            (rows::HSTS_COLUMNS, "hsts"),
        ] {
            let prepared = self.connection.prepare(&format!("SELECT {columns} FROM {table}"));
            if let Err(cause) = prepared {
                return Err(match cause.sqlite_error_code() {
                    Some(ErrorCode::Unknown) => Failure::Damaged(cause.to_string()),
                    _ => cause.into(),
                });
            }
        }
        Ok(())
    }

    fn read_data_version(&self) -> Result<i64, Failure> {
        Ok(self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }
}

pub(super) fn connect(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LONGEST_WAIT)?;
    guard(&connection)?;
    connection.execute_batch("PRAGMA secure_delete = ON")?;
    Ok(connection)
}

/// The file is data: nothing in its schema may do more than hold rows.
pub(super) fn guard(connection: &Connection) -> Result<(), Failure> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.execute_batch("PRAGMA cell_size_check = ON")?;
    Ok(())
}

/// Deletes what only processes need that have the database open, unless there is one.
///
/// The connection is a new one that locks everybody out before it reads anything. One that has
/// pages in memory does not notice all that others wrote to the log before it was folded in, and
/// would write over it.
fn leave_tidy(path: &Path, session_cookies: bool) -> Result<(), Failure> {
    let connection = connect(path)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Exclusive)?;
    let gone = if session_cookies { "removed" } else { "removed OR expiry IS NULL" };
    let deleted = transaction.execute(&format!("DELETE FROM cookies WHERE {gone}"), [])?
        + transaction.execute("DELETE FROM hsts WHERE removed", [])?;
    if deleted > 0 {
        transaction.execute("UPDATE counters SET purged = version", [])?;
    }
    transaction.commit()?;
    // A single file can be read where nothing may be written.
    set_journal(&connection, "DELETE")?;
    Ok(())
}

/// A write-ahead log, synced when it is moved to the database: a kill loses nothing. Where the file
/// system has no shared memory, a rollback journal, synced at each commit.
fn choose_journal(connection: &Connection) -> Result<Journal, Failure> {
    let write_ahead = match set_journal(connection, "WAL") {
        Ok(mode) => mode == "wal",
        Err(cause) => match cause.sqlite_error_code() {
            // Somebody is reading with a rollback journal, so that is what works now.
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                return Ok(Journal::Unset);
            }
            Some(ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed) => {
                set_journal(connection, "DELETE")?;
                false
            }
            _ => return Err(cause.into()),
        },
    };
    let (synchronous, journal) =
        if write_ahead { ("NORMAL", Journal::WriteAhead) } else { ("FULL", Journal::Rollback) };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.query_row(&format!("PRAGMA journal_size_limit = {LARGEST_LOG}"), [], |_| Ok(()))?;
    Ok(journal)
}

fn set_journal(connection: &Connection, mode: &str) -> rusqlite::Result<String> {
    connection.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |row| row.get(0))
}

#[derive(Clone, Copy)]
struct Counters {
    version: i64,
    purged: i64,
}

fn counters(connection: &Connection) -> Result<Counters, Failure> {
    let read = connection.query_row("SELECT version, purged FROM counters", [], |row| {
        Ok(Counters { version: row.get(0)?, purged: row.get(1)? })
    });
    match read {
        Err(rusqlite::Error::QueryReturnedNoRows) => {
            Err(Failure::Damaged("it does not say how far it has come".into()))
        }
        read => Ok(read?),
    }
}

/// Whether the file is sound. Rows that are none may be all that one sees of lost pages.
fn check(connection: &Connection) -> Result<(), Failure> {
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(Failure::Damaged(said)) }
}

fn write_batch(connection: &Connection, batch: &[Entry], version: i64) -> Result<(), Failure> {
    let mut set = connection.prepare(rows::SET_COOKIE)?;
    for entry in batch {
        match &entry.change {
            // By far the most frequent; the others are prepared when they occur.
            StoreChange::SetCookie(cookie) => {
                rows::set_cookie(&mut set, cookie, version, entry.seen)?;
            }
            change => write(connection, change, version, entry.seen)?,
        }
    }
    Ok(())
}

fn write(
    connection: &Connection,
    change: &StoreChange,
    version: i64,
    seen: i64,
) -> Result<(), Failure> {
    match change {
        StoreChange::SetCookie(cookie) => {
            rows::set_cookie(&mut connection.prepare(rows::SET_COOKIE)?, cookie, version, seen)?
        }
        StoreChange::TouchCookie(cookie) => {
            rows::touch_cookie(&mut connection.prepare(rows::TOUCH_COOKIE)?, cookie)?
        }
        StoreChange::RemoveCookie(key, at) => rows::remove_cookie(
            &mut connection.prepare(rows::REMOVE_COOKIE)?,
            key,
            *at,
            version,
            seen,
        )?,
        StoreChange::SetHsts(host, entry) => {
            rows::set_hsts(&mut connection.prepare(rows::SET_HSTS)?, host, *entry, version, seen)?
        }
        StoreChange::RemoveHsts(host, at) => {
            connection.execute(rows::REMOVE_HSTS, params![host, at.0, version, seen])?
        }
    };
    Ok(())
}

/// The rows that others have changed after `seen`; those of `own` transaction are not others'.
fn read_new(
    connection: &Connection,
    counters: Counters,
    seen: i64,
    own: Option<i64>,
    session_cookies: bool,
) -> Result<Rows, Failure> {
    let mut rows = Rows { version: counters.version, ..Rows::default() };
    if counters.version == seen {
        return Ok(rows);
    }
    // Zero has seen nothing, so nothing can have gone unnoticed.
    if (seen != 0 && seen < counters.purged) || counters.version < seen {
        rows.whole = true;
        rows.skipped = read_all(connection, |change| rows.changes.push(change))?;
        rows.changes
            .retain(|change| is_set(change) && (session_cookies || !is_session_cookie(change)));
        return Ok(rows);
    }
    let own = own.unwrap_or(i64::MAX);
    let range = format!("WHERE version > {seen} AND version < {own}");
    read_cookies(connection, &range, |row| rows.take(row))?;
    read_hsts(connection, &range, |row| rows.take(row))?;
    if !session_cookies {
        rows.changes.retain(|change| !is_session_cookie(change));
    }
    Ok(rows)
}

/// Hands over every row, and counts those that could not be understood.
///
/// What is gone is left out by `take` and not by the query: where a page was lost there are rows of
/// nothing in columns that cannot be nothing, which no query finds, and which have to be met.
fn read_all(connection: &Connection, mut take: impl FnMut(StoreChange)) -> Result<usize, Failure> {
    let mut skipped = 0;
    let mut take = |row| match row {
        Some(change) => take(change),
        None => skipped += 1,
    };
    read_cookies(connection, "", &mut take)?;
    read_hsts(connection, "", &mut take)?;
    Ok(skipped)
}

fn is_set(change: &StoreChange) -> bool {
    matches!(change, StoreChange::SetCookie(_) | StoreChange::SetHsts(..))
}

fn is_session_cookie(change: &StoreChange) -> bool {
    matches!(change, StoreChange::SetCookie(cookie) if !cookie.is_persistent())
}

fn read_cookies(
    connection: &Connection,
    which: &str,
    mut take: impl FnMut(Option<StoreChange>),
) -> Result<(), Failure> {
    let columns = rows::COOKIE_COLUMNS;
    let mut statement = connection.prepare(&format!("SELECT {columns} FROM cookies {which}"))?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        take(rows::cookie(row));
    }
    Ok(())
}

fn read_hsts(
    connection: &Connection,
    which: &str,
    mut take: impl FnMut(Option<StoreChange>),
) -> Result<(), Failure> {
    let columns = rows::HSTS_COLUMNS;
    let mut statement = connection.prepare(&format!("SELECT {columns} FROM hsts {which}"))?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        take(rows::hsts(row));
    }
    Ok(())
}

impl Rows {
    fn take(&mut self, change: Option<StoreChange>) {
        match change {
            Some(change) => self.changes.push(change),
            None => self.skipped += 1,
        }
    }
}

/// Deletes what nobody needs any more: the session cookies of an earlier session, what expired an
/// hour ago, and rows that say what is gone once every process has had its hour to see them. Returns
/// what `purged` becomes.
fn tidy(
    connection: &Connection,
    batch: &[Entry],
    version: i64,
    session_cookies: bool,
    purged: i64,
) -> Result<i64, Failure> {
    if !session_cookies {
        connection.execute(STALE_SESSION_COOKIES, [])?;
    }
    // The clock is the batch's own: its latest change is as good as now.
    let latest = batch.iter().map(|entry| entry.change.time()).max().unwrap_or(Timestamp::MIN);
    // Unless it is dated later than now, as what was imported may be.
    let now = latest.min(wall_clock());
    let (micros, seconds) = (now.plus_seconds(-KEPT), now.plus_seconds(-KEPT).unix());
    // No session takes in what has expired, so none would ever remove it.
    for (table, limit) in [("cookies", micros.0), ("hsts", seconds.0)] {
        let expired = "NOT removed AND expiry < ?1 AND version < ?2";
        connection.execute(&format!("DELETE FROM {table} WHERE {expired}"), [limit, version])?;
    }
    let mut purged = purged;
    for (table, date, limit) in
        [("cookies", "last_update", micros.0), ("hsts", "observed", seconds.0)]
    {
        let which = format!("FROM {table} WHERE removed AND {date} < ?1");
        let newest: Option<i64> =
            connection
                .query_row(&format!("SELECT max(version) {which}"), [limit], |row| row.get(0))?;
        if let Some(newest) = newest {
            connection.execute(&format!("DELETE {which}"), [limit])?;
            purged = purged.max(newest);
        }
    }
    Ok(purged)
}

/// The session cookies of an earlier session.
const STALE_SESSION_COOKIES: &str = "DELETE FROM cookies WHERE expiry IS NULL AND NOT removed";
const COOKIE_KEY: [&str; 5] = ["domain", "path", "name", "partition_site", "partition_cross_site"];
/// How long a row says that it is gone: an hour, in seconds.
const KEPT: i64 = 3_600;
/// What is kept of the write-ahead log after it was moved to the database, in bytes.
const LARGEST_LOG: u32 = 1 << 20;
/// How long SQLite waits for another process before it says that it is busy.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn where_a_log_is_refused_a_rollback_journal_is_synced_at_each_commit() {
        let name = format!("netreq-journal-{}.db", std::process::id());
        let path = std::env::temp_dir().join(name);
        // It has no shared memory, which the log needs.
        let connection =
            Connection::open_with_flags_and_vfs(&path, OpenFlags::default(), c"unix-dotfile")
                .unwrap();
        schema::migrate(&connection, schema::STEPS).unwrap();

        assert_eq!(choose_journal(&connection).unwrap(), Journal::Rollback);

        let pragma = |name: &str| {
            connection.query_row(&format!("PRAGMA {name}"), [], |row| {
                Ok(format!("{:?}", row.get_ref(0)?))
            })
        };
        assert_eq!(pragma("journal_mode").unwrap(), "Text([100, 101, 108, 101, 116, 101])");
        assert_eq!(pragma("synchronous").unwrap(), "Integer(2)");
        drop(connection);
        std::fs::remove_file(path).unwrap();
    }
}
