//! The tables, and how a database of an older format becomes one of today's.
//!
//! Step *n* makes format *n + 1* of format *n*; format 0 is an empty file. The format stands in
//! `user_version`, and `application_id` says that a database is ours at all. All missing steps run
//! in one transaction.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::failure::Failure;

/// The steps from an empty file to today's format.
pub(super) const STEPS: &[&str] = &[FIRST];

/// A row's `version` is the number of the transaction that last changed it, so that another process
/// finds what is new; `counters.version` is the last such number. A row that is gone stays for a
/// while with `removed`, for others to see and so that an older change does not bring it back;
/// `counters.purged` is the highest version among those that are deleted for good. In `cookies`,
/// times are microseconds and in `hsts` seconds since 1970; `expiry` is null for a session cookie;
/// `partition_site` is empty outside partitions; names and values are text where they are UTF-8;
/// the numbers of the enumerations are Chromium's.
const FIRST: &str = "
CREATE TABLE counters (version INTEGER NOT NULL, purged INTEGER NOT NULL) STRICT;
INSERT INTO counters VALUES (0, 0);
CREATE TABLE cookies (
    domain TEXT NOT NULL,
    path TEXT NOT NULL,
    name ANY NOT NULL,
    partition_site TEXT NOT NULL,
    partition_cross_site INTEGER NOT NULL,
    value ANY NOT NULL,
    creation INTEGER NOT NULL,
    expiry INTEGER,
    last_access INTEGER NOT NULL,
    last_update INTEGER NOT NULL,
    secure INTEGER NOT NULL,
    http_only INTEGER NOT NULL,
    same_site INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    source_scheme INTEGER NOT NULL,
    source_port INTEGER,
    removed INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (domain, path, name, partition_site, partition_cross_site)
) STRICT, WITHOUT ROWID;
CREATE TABLE hsts (
    host TEXT NOT NULL PRIMARY KEY,
    expiry INTEGER NOT NULL,
    include_subdomains INTEGER NOT NULL,
    observed INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// What a file is, by its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Current,
    /// Of this format, or 0 for an empty file.
    Older(i64),
}

/// Reads the marks of a database.
///
/// # Errors
///
/// [`Failure::Newer`] for a format of a later program, [`Failure::Damaged`] for what is none of ours.
pub(super) fn format(connection: &Connection, steps: &[&str]) -> Result<Format, Failure> {
    let application = pragma(connection, "application_id")?;
    let found = pragma(connection, "user_version")?;
    let known = newest(steps);
    if application == 0 && found == 0 {
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables == 0 {
            return Ok(Format::Older(0));
        }
    }
    if application != APPLICATION || found < 1 {
        return Err(Failure::Damaged("it was made by another program".into()));
    }
    match found {
        _ if found > known => Err(Failure::Newer { found, known }),
        _ if found < known => Ok(Format::Older(found)),
        _ => Ok(Format::Current),
    }
}

/// Takes the steps that `connection` has not taken. Only under the lock of the folder.
///
/// # Errors
///
/// Those of [`format()`], and what a step runs into; the database is then as it was.
pub(super) fn migrate(connection: &Connection, steps: &[&str]) -> Result<(), Failure> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Exclusive)?;
    let Format::Older(found) = format(connection, steps)? else { return Ok(()) };
    let taken = usize::try_from(found).unwrap_or(0);
    for step in &steps[taken.min(steps.len())..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", newest(steps))?;
    transaction.commit()?;
    Ok(())
}

/// The format that the steps lead to.
fn newest(steps: &[&str]) -> i64 {
    i64::try_from(steps.len()).unwrap_or(i64::MAX)
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, Failure> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}

/// "nreq", as SQLite's `application_id`.
const APPLICATION: i64 = 0x6e72_6571;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: &str = "ALTER TABLE hsts ADD COLUMN pins TEXT NOT NULL DEFAULT 'none'";

    #[test]
    fn a_database_of_an_older_format_takes_the_missing_steps_and_keeps_its_rows() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, STEPS).unwrap();
        connection.execute("INSERT INTO hsts VALUES ('a.test', 9, 1, 3, 0, 1)", []).unwrap();
        let longer = [FIRST, SECOND];
        assert_eq!(format(&connection, &longer).unwrap(), Format::Older(1));

        migrate(&connection, &longer).unwrap();

        let row: (String, i64, String) = connection
            .query_row("SELECT host, expiry, pins FROM hsts", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!(row, ("a.test".into(), 9, "none".into()));
        assert_eq!(format(&connection, &longer).unwrap(), Format::Current);
        let refused = format(&connection, STEPS).unwrap_err();
        assert!(matches!(refused, Failure::Newer { found: 2, known: 1 }), "{refused:?}");
        migrate(&connection, &longer).unwrap();
    }

    #[test]
    fn a_step_that_fails_leaves_the_database_as_it_was() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, STEPS).unwrap();
        let broken = [FIRST, "CREATE TABLE x (y); SELECT no_such_function()"];
        assert!(matches!(migrate(&connection, &broken), Err(Failure::Sqlite(_))));
        assert_eq!(format(&connection, STEPS).unwrap(), Format::Current);
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'x'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 0);
    }

    #[test]
    fn a_database_of_another_program_is_not_ours() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE cookies (host_key TEXT)").unwrap();
        assert!(matches!(format(&connection, STEPS), Err(Failure::Damaged(_))));
        connection.pragma_update(None, "user_version", 24).unwrap();
        assert!(matches!(format(&connection, STEPS), Err(Failure::Damaged(_))));
    }
}
