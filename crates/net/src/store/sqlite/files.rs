//! The files of a store: their names, their modes, the lock, and what is set aside.
//!
//! The folder is for its owner alone when it is made here, each file always. No symbolic link is
//! followed where a file belongs. A database that exists is never opened here: POSIX drops a
//! process's locks on a file when it closes any handle to it, and SQLite relies on those.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::Failure;
use crate::runtime::instant;

/// The folder of a partition.
#[derive(Clone, Debug)]
pub(super) struct Place {
    folder: PathBuf,
}

/// Which file it is, whatever its name. On systems that do not say, all are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

/// What stands where the database belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    File(Identity),
    /// A folder, a pipe, a device.
    Other,
}

/// Held while a database is made, migrated or set aside; released on drop.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "closing it releases the lock")] File);

impl Place {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The database, by a path without symbolic links in front of its name: SQLite is told to
    /// follow none, and a link above the folder is the user's own affair.
    pub(super) fn database(&self) -> Result<PathBuf, Failure> {
        let folder = if cfg!(unix) {
            fs::canonicalize(&self.folder).map_err(|cause| self.failed(DATABASE, cause))?
        } else {
            self.folder.clone()
        };
        Ok(folder.join(DATABASE))
    }

    /// Looks at what is in the database's place.
    ///
    /// # Errors
    ///
    /// [`Failure::SymbolicLink`], and what keeps one from looking.
    pub(super) fn look(&self) -> Result<Found, Failure> {
        let path = self.folder.join(DATABASE);
        let found = match fs::symlink_metadata(&path) {
            Ok(found) => found,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(cause) => return Err(Failure::Io(path, cause)),
        };
        if found.is_symlink() {
            Err(Failure::SymbolicLink(path))
        } else if found.is_file() {
            Ok(Found::File(identity(&found)))
        } else {
            Ok(Found::Other)
        }
    }

    /// Makes the folder, for its owner alone, and those above it.
    pub(super) fn make(&self) -> Result<(), Failure> {
        if self.folder.is_dir() {
            return Ok(());
        }
        let failed = |cause| Failure::Io(self.folder.clone(), cause);
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder).map_err(failed)?;
        // The umask may have taken something away.
        #[cfg(unix)]
        fs::set_permissions(&self.folder, mode(0o700)).map_err(failed)?;
        Ok(())
    }

    /// Takes a mode from an existing database that lets others read it.
    pub(super) fn restrict(&self) -> Result<(), Failure> {
        #[cfg(unix)]
        for name in [DATABASE, WAL, SHARED_MEMORY, JOURNAL] {
            use std::os::unix::fs::PermissionsExt;
            let path = self.folder.join(name);
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            let rights = found.permissions().mode();
            if !found.is_file() || rights & 0o077 == 0 {
                continue;
            }
            // In a folder of somebody else this fails; then the mode is somebody else's affair. What
            // its owner may not do stays so.
            if let Err(cause) = fs::set_permissions(&path, mode(rights & 0o600)) {
                let theirs = matches!(
                    cause.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                );
                if !theirs {
                    return Err(Failure::Io(path, cause));
                }
            }
        }
        Ok(())
    }

    /// Waits for the lock of the folder, which other processes hold for moments only.
    ///
    /// # Errors
    ///
    /// [`Failure::Busy`] when it is not free after ten seconds.
    pub(super) fn lock(&self) -> Result<Lock, Failure> {
        let path = self.folder.join(LOCK);
        let failed = |cause| Failure::Io(path.clone(), cause);
        let file = match create(&path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                if fs::symlink_metadata(&path).map_err(failed)?.is_symlink() {
                    return Err(Failure::SymbolicLink(path));
                }
                OpenOptions::new().write(true).open(&path).map_err(failed)?
            }
            Err(cause) => return Err(failed(cause)),
        };
        let started = instant();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock(file)),
                Err(fs::TryLockError::Error(cause)) => return Err(failed(cause)),
                Err(fs::TryLockError::WouldBlock) if started.elapsed() < LONGEST_LOCK => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(fs::TryLockError::WouldBlock) => return Err(Failure::Busy),
            }
        }
    }

    /// An empty file in which the next database is built.
    pub(super) fn begin_new(&self, _: &Lock) -> Result<PathBuf, Failure> {
        for name in [NEW, NEW_JOURNAL] {
            self.remove(name)?;
        }
        let path = self.folder.join(NEW);
        create(&path).map_err(|cause| self.failed(NEW, cause))?;
        Ok(self.database()?.with_file_name(NEW))
    }

    /// Writes what the database would grow by to a file of its own, and removes it.
    ///
    /// # Errors
    ///
    /// What the system says to that: SQLite tells a full disk, but no quota, no limit on the size
    /// of files and no failing disk.
    pub(super) fn try_room(&self, _: &Lock) -> Result<(), Failure> {
        let length = |name| {
            let found = fs::symlink_metadata(self.folder.join(name));
            found.map_or(0, |found| found.len())
        };
        self.remove(NEW)?;
        let tried = create(&self.folder.join(NEW)).and_then(|mut file| {
            file.seek(SeekFrom::Start(length(DATABASE).max(length(WAL))))?;
            file.write_all(&[0xff; ROOM])?;
            file.sync_all()
        });
        self.remove(NEW)?;
        tried.map_err(|cause| self.failed(DATABASE, cause))
    }

    /// Puts the new database in its place, where nothing is.
    pub(super) fn finish_new(&self, _: &Lock) -> Result<(), Failure> {
        for name in [WAL, SHARED_MEMORY, JOURNAL] {
            // What is left of another database would be taken for a part of this one.
            self.remove(name)?;
        }
        let (from, to) = (self.folder.join(NEW), self.folder.join(DATABASE));
        fs::rename(from, to).map_err(|cause| self.failed(DATABASE, cause))
    }

    /// Renames what is in the database's place, with its companions, and says where it is now.
    ///
    /// The names are `state.db.corrupt`, then `state.db.1.corrupt` and so on; the ninth is replaced.
    pub(super) fn set_aside(&self, _: &Lock) -> Result<PathBuf, Failure> {
        let free = |name: &String| fs::symlink_metadata(self.folder.join(name)).is_err();
        let aside =
            (0..MOST_ASIDE).map(aside_name).find(free).unwrap_or_else(|| aside_name(MOST_ASIDE));
        self.remove(&aside)?;
        for (name, end) in [(WAL, "-wal"), (SHARED_MEMORY, "-shm"), (JOURNAL, "-journal")] {
            self.remove(&format!("{aside}{end}"))?;
            let to = self.folder.join(format!("{aside}{end}"));
            match fs::rename(self.folder.join(name), to) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(self.failed(name, cause));
                }
                _ => {}
            }
        }
        let to = self.folder.join(aside);
        fs::rename(self.folder.join(DATABASE), &to)
            .map_err(|cause| self.failed(DATABASE, cause))?;
        Ok(to)
    }

    fn remove(&self, name: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let removed = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(cause) => Err(cause),
        };
        match removed {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(self.failed(name, cause)),
            _ => Ok(()),
        }
    }

    fn failed(&self, name: &str, cause: io::Error) -> Failure {
        Failure::Io(self.folder.join(name), cause)
    }
}

fn aside_name(number: u32) -> String {
    match number {
        0 => format!("{DATABASE}.corrupt"),
        number => format!("{DATABASE}.{number}.corrupt"),
    }
}

/// Makes a file that did not exist, for its owner alone.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(mode(0o600))?;
    Ok(file)
}

#[cfg(unix)]
fn mode(mode: u32) -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}

#[cfg(unix)]
fn identity(found: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    Identity(found.dev(), found.ino())
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Identity {
    Identity(0, 0)
}

const DATABASE: &str = "state.db";
const WAL: &str = "state.db-wal";
const SHARED_MEMORY: &str = "state.db-shm";
const JOURNAL: &str = "state.db-journal";
const NEW: &str = "state.db.new";
const NEW_JOURNAL: &str = "state.db.new-journal";
const LOCK: &str = "state.lock";
/// Databases that stand aside in one folder, the first not counted.
const MOST_ASIDE: u32 = 8;
/// Bytes that have to fit behind the database; a batch of ordinary size is smaller.
const ROOM: usize = 1 << 16;
const LONGEST_LOCK: Duration = Duration::from_secs(10);

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn rights_are_only_taken_away() {
        let name = format!("netreq-files-{}", std::process::id());
        let place = Place::new(std::env::temp_dir().join(name));
        place.make().unwrap();
        let path = place.folder.join(DATABASE);
        fs::write(&path, "").unwrap();
        for (before, after) in
            [(0o644, 0o600), (0o666, 0o600), (0o444, 0o400), (0o600, 0o600), (0o400, 0o400)]
        {
            fs::set_permissions(&path, mode(before)).unwrap();
            place.restrict().unwrap();
            let found = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
            assert_eq!(found, after, "{before:o}");
        }
        fs::remove_dir_all(&place.folder).unwrap();
    }
}
