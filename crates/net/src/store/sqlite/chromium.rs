//! The cookies of a profile of Chromium or of an Electron app, from its `Cookies` database.
//!
//! The file belongs to another program, which may be running: it is only read, nothing is written
//! next to it and no lock of its is waited for. A database with a log or a journal beside it is read
//! from a copy, for what it holds is in both. Values that the operating system's key store encrypts
//! are counted and not read.
//!
//! Chromium `SQLitePersistentCookieStore`, schema versions 10 to 24 and those after that keep the
//! columns.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use netreq_proto::NetError;
use netreq_proto::cookie::{
    CanonicalCookie, PartitionKey, Priority, SameSite, SourceScheme, StoredCookie, Timestamp,
};
use netreq_proto::site::is_same_site;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use url::Url;

use super::database::{connect, guard};
use super::failure::Failure;
use super::rows;
use crate::error::Error;

/// What [`read_chromium_cookies`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChromiumCookies {
    /// The cookies, expired ones and session cookies included; of two with one key the one that was
    /// set last comes last.
    pub cookies: Vec<CanonicalCookie>,
    /// Cookies whose value is there only encrypted.
    pub encrypted: usize,
    /// Rows that are no cookie by today's rules, or not by anybody's.
    pub skipped: usize,
}

/// Reads the file `Cookies` of a profile of Chromium or of an Electron app.
///
/// It stands in the profile's folder, in `Network` since 2021. The program may be running. The file
/// stays as it is; one with changes in a log beside it is copied first, to a folder for this user
/// alone among the temporary ones, which is removed again.
///
/// Electron apps keep values in the clear unless they were built otherwise (the fuse
/// `EnableCookieEncryption`); Chromium and Chrome encrypt them. Blocks on the disk.
///
/// # Errors
///
/// `ERR_FILE_NOT_FOUND` and `ERR_ACCESS_DENIED` as the system says, `ERR_INVALID_ARGUMENT` for what
/// is no such database, `ERR_FILE_TOO_BIG` past 256 MiB, `ERR_TIMED_OUT` for one that is written
/// without a pause; the source names the file. All are [`Error::is_storage`].
pub fn read_chromium_cookies(path: &Path) -> Result<ChromiumCookies, Error> {
    let mut tried = 0;
    loop {
        tried += 1;
        let before = Files::look(path)?;
        let result = read(path, &before);
        let failure = match result {
            // What changed under the reader was read from two times.
            Ok(_) | Err(Failure::Damaged(_)) if Files::look(path)? != before => Failure::Busy,
            Ok(found) => return Ok(found),
            Err(Failure::Damaged(cause)) => return Err(foreign(path, &cause)),
            Err(failure) => return Err(failure.into()),
        };
        if tried == MOST_TRIES {
            return Err(failure.into());
        }
        std::thread::sleep(PAUSE);
    }
}

fn read(path: &Path, files: &Files) -> Result<ChromiumCookies, Failure> {
    if files.companions.iter().all(Option::is_none) {
        return read_rows(&open_unchanged(path)?);
    }
    let copy = Copy::make(path, files)?;
    read_rows(&connect(&copy.database)?)
}

/// Opens a database that nothing is beside: SQLite takes no lock and makes no file.
fn open_unchanged(path: &Path) -> Result<Connection, Failure> {
    let failed = |cause| Failure::Io(path.to_owned(), cause);
    let absolute = fs::canonicalize(path).map_err(failed)?;
    let mut address = Url::from_file_path(&absolute)
        .map_err(|()| failed(io::ErrorKind::InvalidFilename.into()))?;
    address.set_query(Some("immutable=1"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(address.as_str(), flags)?;
    guard(&connection)?;
    Ok(connection)
}

/// The state of a database's files: two that are the same were not written between.
#[derive(PartialEq, Eq)]
struct Files {
    database: Stamp,
    /// Those of [`COMPANIONS`] that hold something.
    companions: [Option<Stamp>; 2],
}

type Stamp = (u64, Option<SystemTime>);

impl Files {
    fn look(path: &Path) -> Result<Self, Error> {
        let stamp = |found: &Metadata| (found.len(), found.modified().ok());
        let failed = |cause| Failure::Io(path.to_owned(), cause);
        let found = fs::metadata(path).map_err(failed)?;
        if found.is_dir() {
            return Err(foreign(
                path,
                &"a profile's cookies are in its Network/Cookies or Cookies",
            ));
        }
        if !found.is_file() {
            return Err(foreign(path, &"it is not a file"));
        }
        let companions = COMPANIONS.map(|end| fs::metadata(beside(path, end)).ok());
        let companions = companions.map(|found| found.filter(|found| found.len() > 0));
        let all = companions.iter().flatten().map(Metadata::len).sum::<u64>() + found.len();
        if all > LARGEST {
            let cause = format!("{}: {all} bytes are more than cookies need", path.display());
            return Err(Error::storage(NetError::FileTooBig, cause));
        }
        Ok(Self {
            database: stamp(&found),
            companions: companions.map(|found| found.as_ref().map(stamp)),
        })
    }
}

/// A copy of a database, for this user alone, removed on drop.
struct Copy {
    folder: PathBuf,
    database: PathBuf,
}

impl Copy {
    fn make(path: &Path, files: &Files) -> Result<Self, Failure> {
        let folder = make_folder()?;
        let database = folder.join("Cookies");
        let copy = Self { folder, database };
        copy_file(path, &copy.database)?;
        for (end, found) in COMPANIONS.iter().zip(&files.companions) {
            if found.is_some() {
                copy_file(&beside(path, end), &beside(&copy.database, end))?;
            }
        }
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What cannot be removed is still for this user alone.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Makes a folder that did not exist, for this user alone, among the temporary ones.
fn make_folder() -> Result<PathBuf, Failure> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let above = std::env::temp_dir();
    // SQLite follows no link on the way to a database that it may write.
    let above = if cfg!(unix) { fs::canonicalize(&above).unwrap_or(above) } else { above };
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = above.join(format!("netreq-profile-{}-{number}", std::process::id()));
        match builder.create(&folder) {
            Ok(()) => return Ok(folder),
            // Of a process that had this number before.
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && number < MOST_NAMES => {}
            Err(cause) => return Err(Failure::Io(folder, cause)),
        }
    }
}

fn copy_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let source = File::open(from).map_err(|cause| Failure::Io(from.to_owned(), cause))?;
    // It may grow while it is read; that is found afterwards.
    let copied = options.open(to).and_then(|mut to| io::copy(&mut source.take(LARGEST), &mut to));
    copied.map_err(|cause| Failure::Io(to.to_owned(), cause))?;
    Ok(())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn foreign(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    let cause = format!("{}: no cookie database of Chromium: {cause}", path.display());
    Error::storage(NetError::InvalidArgument, cause)
}

fn read_rows(connection: &Connection) -> Result<ChromiumCookies, Failure> {
    let columns = columns(connection)?;
    let mut statement = connection.prepare(&format!("SELECT {columns} FROM cookies"))?;
    let mut rows = statement.query([])?;
    let mut found = ChromiumCookies::default();
    while let Some(row) = rows.next()? {
        match cookie(row) {
            Some(Value::Plain(cookie)) => found.cookies.push(*cookie),
            Some(Value::Encrypted) => found.encrypted += 1,
            None => found.skipped += 1,
        }
    }
    found.cookies.sort_by_key(CanonicalCookie::last_update);
    Ok(found)
}

/// What to select for each of [`COLUMNS`]: the column under its name of that version, or what the
/// versions without it meant.
fn columns(connection: &Connection) -> Result<String, Failure> {
    // Of a view or a virtual table every row could cost anything.
    let tables: i64 = connection.query_row(
        "SELECT count(*) FROM sqlite_schema \
         WHERE type = 'table' AND name = 'cookies' AND rootpage > 0",
        [],
        |row| row.get(0),
    )?;
    if tables != 1 {
        return Err(Failure::Damaged("it has no table of cookies".into()));
    }
    // Computed columns are not listed here.
    let mut listed = connection.prepare("PRAGMA table_info(cookies)")?;
    let listed = listed.query_map([], |row| row.get::<_, String>(1))?;
    let listed: HashSet<String> = listed.collect::<Result<_, _>>()?;
    let mut selected = Vec::new();
    for (name, without) in COLUMNS {
        selected.push(match (listed.contains(name), without) {
            // Read only to know whether it is there.
            (true, _) if name == "encrypted_value" => format!("length({name})"),
            (true, _) => name.to_owned(),
            (false, Without::Means(value)) => value.to_owned(),
            (false, Without::Older(older, value)) if listed.contains(older) => value.to_owned(),
            (false, _) => return Err(Failure::Damaged(format!("its cookies have no {name}"))),
        });
    }
    Ok(selected.join(", "))
}

pub(super) enum Value {
    Plain(Box<CanonicalCookie>),
    Encrypted,
}

/// The cookie of a row; `None` if it is none.
///
/// Numbers that no version uses count as not said, as Chromium reads them.
pub(super) fn cookie(row: &Row<'_>) -> Option<Value> {
    let number = |index| row.get_ref(index).ok()?.as_i64().ok();
    let bytes = |index| match row.get_ref(index).ok()? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
    };
    let text = |index| str::from_utf8(bytes(index)?).ok();
    let value = bytes(3)?;
    if value.is_empty() && number(4)? > 0 {
        return Some(Value::Encrypted);
    }
    let domain = text(1)?;
    let secure = number(7)? != 0;
    let creation = time(number(0)?);
    let last_update = number(16)?;
    let has_expiry = number(10)? != 0 && number(6)? != 0;
    let stored = StoredCookie {
        name: bytes(2)?.to_vec(),
        value: value.to_vec(),
        domain: domain.to_owned(),
        path: text(5)?.to_owned(),
        creation,
        expiry: if has_expiry { Some(time(number(6)?)) } else { None },
        last_access: time(number(9)?),
        last_update: if last_update == 0 { creation } else { time(last_update) },
        secure,
        http_only: number(8)? != 0,
        same_site: rows::same_site(number(13)?).unwrap_or(SameSite::Unspecified),
        priority: rows::priority(number(12)?).unwrap_or(Priority::Medium),
        partition_key: partition_key(text(11)?, number(17), domain, secure)?,
        source_scheme: rows::scheme(number(14)?).unwrap_or(SourceScheme::Unset),
        source_port: u16::try_from(number(15)?).ok(),
    };
    CanonicalCookie::from_storage(stored).ok().map(Box::new).map(Value::Plain)
}

/// The key of a row; the inner `None` for a cookie outside partitions.
///
/// Versions before 23 do not say whether another site stands between: it does if the cookie is
/// another site's, and where it is not, nobody could tell.
fn partition_key(
    site: &str,
    cross: Option<i64>,
    domain: &str,
    secure: bool,
) -> Option<Option<PartitionKey>> {
    if site.is_empty() {
        return Some(None);
    }
    let top = Url::parse(site).ok()?;
    let cross = match cross {
        Some(cross) => cross != 0,
        None => {
            let scheme = if secure { "https" } else { "http" };
            let host = domain.strip_prefix('.').unwrap_or(domain);
            !is_same_site(&top, &Url::parse(&format!("{scheme}://{host}/")).ok()?)
        }
    };
    rows::partition_key(site, cross).map(Some)
}

/// Microseconds since 1601, as Windows counts.
fn time(micros: i64) -> Timestamp {
    Timestamp(micros.saturating_sub(WINDOWS_EPOCH))
}

/// What a version without a column is taken to say.
#[derive(Clone, Copy)]
pub(super) enum Without {
    /// Every version has it.
    Never,
    Means(&'static str),
    /// It had another name then, and this reads it.
    Older(&'static str, &'static str),
}

/// In the order of [`cookie`].
pub(super) const COLUMNS: [(&str, Without); 18] = [
    ("creation_utc", Without::Never),
    ("host_key", Without::Never),
    ("name", Without::Never),
    ("value", Without::Never),
    ("encrypted_value", Without::Means("0")),
    ("path", Without::Never),
    ("expires_utc", Without::Never),
    ("is_secure", Without::Older("secure", "secure")),
    ("is_httponly", Without::Older("httponly", "httponly")),
    ("last_access_utc", Without::Never),
    ("has_expires", Without::Means("1")),
    ("top_frame_site_key", Without::Means("''")),
    ("priority", Without::Means("1")),
    // It could not tell "none" from nothing said.
    ("samesite", Without::Older("firstpartyonly", "iif(firstpartyonly = 0, -1, firstpartyonly)")),
    ("source_scheme", Without::Means("0")),
    ("source_port", Without::Means("-1")),
    ("last_update_utc", Without::Means("0")),
    ("has_cross_site_ancestor", Without::Means("NULL")),
];
const COMPANIONS: [&str; 2] = ["-wal", "-journal"];
/// Between 1601 and 1970, in microseconds.
const WINDOWS_EPOCH: i64 = 11_644_473_600_000_000;
/// Bytes of all files together. A full jar has fewer than 30 million.
const LARGEST: u64 = 256 << 20;
const MOST_TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);
const MOST_NAMES: u32 = 1 << 20;

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_copy_is_for_its_user_alone_and_goes_with_its_reader() {
        let folder = make_folder().unwrap();
        let path = folder.join("Cookies");
        fs::write(&path, "bytes").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();

        let copy = Copy::make(&path, &Files::look(&path).unwrap()).unwrap();

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&copy.folder), mode(&copy.database)), (0o700, 0o600));
        assert_eq!(fs::read(&copy.database).unwrap(), b"bytes");
        let copied = copy.folder.clone();
        assert_ne!(copied, folder);
        drop(copy);
        assert!(!copied.exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
