//! Rows of any shape through the loader, for the project's fuzz targets.
//!
//! A row is read by the very functions that read a file, from a table without types: what SQLite
//! would refuse to store is what a damaged page may hold.

use std::cell::RefCell;

use netreq_proto::cookie::CanonicalCookie;
use netreq_proto::hsts::HstsEntry;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ToSql, params_from_iter};

use super::{StoreChange, chromium, rows, schema};

/// Where a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// The cookies of a partition.
    Cookies,
    /// The HSTS entries of a partition.
    Hsts,
    /// The cookies of a Chromium profile.
    Chromium,
}

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "they are SQLite's")]
pub enum Field<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// What a row was read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A cookie.
    Cookie(CanonicalCookie),
    /// An HSTS entry and its host.
    Hsts(String, HstsEntry),
    /// A row that says what is gone, or whose value is encrypted.
    Gone,
}

/// Reads a row of `fields`, missing ones being null; `None` if it is passed over.
pub fn read_row(table: Table, fields: &[Field<'_>]) -> Option<Found> {
    let columns = match table {
        Table::Cookies => rows::COOKIE_COLUMNS.split(',').count(),
        Table::Hsts => rows::HSTS_COLUMNS.split(',').count(),
        Table::Chromium => chromium::COLUMNS.len(),
    };
    let places = vec!["?"; columns].join(", ");
    let null = &Field::Null;
    let values = fields.iter().chain(std::iter::repeat(null)).take(columns);
    with_database(|connection| {
        let mut statement = connection.prepare(&format!("SELECT {places}"))?;
        let mut found = statement.query(params_from_iter(values))?;
        let row = found.next()?;
        Ok(row.and_then(|row| match table {
            Table::Cookies => found_change(rows::cookie(row)?),
            Table::Hsts => found_change(rows::hsts(row)?),
            Table::Chromium => Some(match chromium::cookie(row)? {
                chromium::Value::Plain(cookie) => Found::Cookie(*cookie),
                chromium::Value::Encrypted => Found::Gone,
            }),
        }))
    })
    .flatten()
}

/// What comes back of a cookie that is stored.
pub fn store_and_read(cookie: &CanonicalCookie) -> Option<CanonicalCookie> {
    with_database(|connection| {
        connection.execute("DELETE FROM cookies", [])?;
        rows::set_cookie(&mut connection.prepare(rows::SET_COOKIE)?, cookie, 1, 0)?;
        let columns = rows::COOKIE_COLUMNS;
        let mut statement = connection.prepare(&format!("SELECT {columns} FROM cookies"))?;
        let mut found = statement.query([])?;
        let read = found.next()?.and_then(rows::cookie);
        Ok(match read {
            Some(StoreChange::SetCookie(cookie)) => Some(cookie),
            _ => None,
        })
    })
    .flatten()
}

fn found_change(change: StoreChange) -> Option<Found> {
    match change {
        StoreChange::SetCookie(cookie) => Some(Found::Cookie(cookie)),
        StoreChange::SetHsts(host, entry) => Some(Found::Hsts(host.into(), entry)),
        StoreChange::RemoveCookie(..) | StoreChange::RemoveHsts(..) => Some(Found::Gone),
        StoreChange::TouchCookie(_) => None,
    }
}

/// One database for all inputs of a thread: making one takes longer than reading a row.
fn with_database<T>(what: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
    thread_local!(static DATABASE: RefCell<Option<Connection>> = const { RefCell::new(None) });
    DATABASE.with_borrow_mut(|database| {
        if database.is_none() {
            let connection = Connection::open_in_memory().ok()?;
            schema::migrate(&connection, schema::STEPS).ok()?;
            *database = Some(connection);
        }
        what(database.as_ref()?).ok()
    })
}

impl ToSql for Field<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        let value = match *self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(number),
            Self::Real(number) => ValueRef::Real(number),
            Self::Text(bytes) => ValueRef::Text(bytes),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        };
        Ok(rusqlite::types::ToSqlOutput::Borrowed(value))
    }
}
