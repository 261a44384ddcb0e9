//! What can go wrong on disk, and what the caller is told.
//!
//! SQLite's codes become the few cases that the store treats differently; the rest keeps its cause.
//! Messages name files and tables, never a cookie.

use std::fmt;
use std::io;
use std::path::PathBuf;

use netreq_proto::NetError;
use rusqlite::ErrorCode;

use crate::error::Error;

/// Why the database could not be opened, read or written.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is not what it should be and can be set aside.
    Damaged(String),
    /// A later program wrote it; it stays as it is.
    Newer {
        found: i64,
        known: i64,
    },
    /// A symbolic link stands where a file of the store belongs.
    SymbolicLink(PathBuf),
    /// Another process holds it.
    Busy,
    /// The file in that place is no longer the one that was opened.
    Replaced,
    Io(PathBuf, io::Error),
    Sqlite(rusqlite::Error),
}

impl Failure {
    /// Whether the store must not be used at all, as opposed to not now.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Newer { .. } | Self::SymbolicLink(_))
    }

    fn net_error(&self) -> NetError {
        match self {
            Self::Damaged(_) | Self::Replaced => NetError::Failed,
            Self::Newer { .. } => NetError::NotImplemented,
            Self::SymbolicLink(_) => NetError::AccessDenied,
            Self::Busy => NetError::TimedOut,
            Self::Io(_, cause) => match cause.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    NetError::AccessDenied
                }
                // A limit on the size of files is one on space to whoever fills the file.
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge => NetError::FileNoSpace,
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => NetError::FileNotFound,
                io::ErrorKind::AlreadyExists => NetError::FileExists,
                io::ErrorKind::InvalidFilename => NetError::FilePathTooLong,
                io::ErrorKind::OutOfMemory => NetError::InsufficientResources,
                // A failing disk (EIO) too: Chromium's list has no code for it.
                _ => NetError::Failed,
            },
            Self::Sqlite(cause) => match cause.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => NetError::FileNoSpace,
                Some(
                    ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::PermissionDenied
                    | ErrorCode::AuthorizationForStatementDenied,
                ) => NetError::AccessDenied,
                Some(ErrorCode::OutOfMemory) => NetError::InsufficientResources,
                _ => NetError::Failed,
            },
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(cause: rusqlite::Error) -> Self {
        match cause.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(cause.to_string())
            }
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed,
            ) => Self::Busy,
            _ => Self::Sqlite(cause),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::storage(failure.net_error(), failure)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(cause) => write!(out, "the database is damaged: {cause}"),
            Self::Newer { found, known } => write!(
                out,
                "the database has format {found}, and this program knows {known} and before"
            ),
            Self::SymbolicLink(path) => {
                write!(out, "{} is a symbolic link, which is not followed", path.display())
            }
            Self::Busy => out.write_str("another process holds the database"),
            Self::Replaced => out.write_str("the database was replaced or removed meanwhile"),
            Self::Io(path, cause) => write!(out, "{}: {cause}", path.display()),
            Self::Sqlite(cause) => write!(out, "the database cannot be used: {cause}"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, cause) => Some(cause),
            Self::Sqlite(cause) => Some(cause),
            Self::Damaged(_)
            | Self::Newer { .. }
            | Self::SymbolicLink(_)
            | Self::Busy
            | Self::Replaced => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn a_code_of_sqlite_becomes_chromiums_word_for_it() {
        for (code, expected) in [
            (ffi::SQLITE_FULL, NetError::FileNoSpace),
            (ffi::SQLITE_READONLY, NetError::AccessDenied),
            (ffi::SQLITE_READONLY_DIRECTORY, NetError::AccessDenied),
            (ffi::SQLITE_CANTOPEN, NetError::AccessDenied),
            (ffi::SQLITE_PERM, NetError::AccessDenied),
            (ffi::SQLITE_NOMEM, NetError::InsufficientResources),
            (ffi::SQLITE_BUSY, NetError::TimedOut),
            (ffi::SQLITE_BUSY_SNAPSHOT, NetError::TimedOut),
            (ffi::SQLITE_LOCKED, NetError::TimedOut),
            (ffi::SQLITE_IOERR_WRITE, NetError::Failed),
            (ffi::SQLITE_CORRUPT, NetError::Failed),
            (ffi::SQLITE_NOTADB, NetError::Failed),
        ] {
            let failure =
                Failure::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
            let damaged = matches!(code, ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB);
            assert_eq!(matches!(failure, Failure::Damaged(_)), damaged, "{code}");
            assert!(!failure.is_refusal(), "{code}");
            let error = Error::from(failure);
            assert_eq!(error.net_error(), expected, "{code}");
            assert!(error.is_storage() && !error.is_builder(), "{code}");
        }
    }

    #[test]
    fn a_format_of_a_later_program_has_a_code_of_its_own() {
        let error = Error::from(Failure::Newer { found: 2, known: 1 });
        assert_eq!(error.net_error(), NetError::NotImplemented);
        assert!(error.is_storage() && !error.is_builder());
    }

    #[test]
    fn an_error_of_the_system_keeps_its_path_and_cause() {
        use std::error::Error as _;
        for (kind, expected) in [
            (io::ErrorKind::PermissionDenied, NetError::AccessDenied),
            (io::ErrorKind::ReadOnlyFilesystem, NetError::AccessDenied),
            (io::ErrorKind::StorageFull, NetError::FileNoSpace),
            (io::ErrorKind::QuotaExceeded, NetError::FileNoSpace),
            (io::ErrorKind::FileTooLarge, NetError::FileNoSpace),
            (io::ErrorKind::NotADirectory, NetError::FileNotFound),
            (io::ErrorKind::Other, NetError::Failed),
        ] {
            let error = Error::from(Failure::Io("/profile".into(), kind.into()));
            assert_eq!(error.net_error(), expected, "{kind:?}");
            assert!(error.is_storage() && !error.is_builder(), "{kind:?}");
            let source = error.source().expect("a failure has its cause");
            assert!(source.to_string().starts_with("/profile: "), "{source}");
            assert!(source.source().is_some());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_number_of_the_system_becomes_chromiums_word_for_it() {
        for (number, expected) in [
            (5, NetError::Failed),
            (13, NetError::AccessDenied),
            (27, NetError::FileNoSpace),
            (28, NetError::FileNoSpace),
            (30, NetError::AccessDenied),
            (122, NetError::FileNoSpace),
        ] {
            let cause = io::Error::from_raw_os_error(number);
            let error = Error::from(Failure::Io("/profile".into(), cause));
            assert_eq!(error.net_error(), expected, "{number}");
        }
    }
}
