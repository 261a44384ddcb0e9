//! A body on its way to a file: `FILE.part` first, renamed when it is complete.
//!
//! A half-written file never has the final name, an existing file is never replaced unasked, and
//! nothing is written through a symbolic link. What identifies the version on the server (its strong
//! `ETag`) lies in `FILE.part.version`, so that an interrupted download goes on with the same file or
//! begins anew. An interrupt needs no handler: whatever was written stays.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::answer::{Answer, broken, complete_length, is_strong, rest};
use crate::exit::{Exit, Failure};
use crate::high::FileTarget;
use crate::output::{stdout, write_all};

/// Where a download stands before the request.
#[derive(Debug)]
pub(crate) enum Plan {
    /// A device, a pipe or an open descriptor: written as it is.
    InPlace,
    /// All of it is there, from an earlier run.
    Complete,
    /// A new file.
    Anew,
    /// There is a part of it.
    Resume {
        /// How many bytes are there.
        length: u64,
        /// What the server called this version.
        version: String,
    },
}

impl Plan {
    /// Looks at what is there.
    ///
    /// # Errors
    ///
    /// The file exists and is not to be replaced, or the path ends in no name.
    pub(crate) fn look(target: &FileTarget) -> Result<Self, Failure> {
        let path = &target.path;
        if is_descriptor(path) {
            return Ok(Self::InPlace);
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(Failure::file("write", path, &io::ErrorKind::IsADirectory.into()));
            }
            Ok(metadata) if !metadata.is_file() => return Ok(Self::InPlace),
            _ => {}
        }
        // What is written beside it would have nothing but an ending for its name.
        if path.file_name().is_none() {
            let line = format!("'{}' names no file", path.display());
            return Err(Failure { exit: Exit::File, line });
        }
        // A link that leads nowhere is something that is there, too.
        let part = beside(path, ".part");
        if let Ok(seen) = fs::symlink_metadata(path)
            && !target.overwrite
        {
            // Only what is complete has the name without an ending.
            if target.resume && seen.is_file() && fs::symlink_metadata(&part).is_err() {
                return Ok(Self::Complete);
            }
            return Err(exists(path));
        }
        if !target.resume {
            return Ok(Self::Anew);
        }
        let length = match fs::symlink_metadata(&part) {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            _ => 0,
        };
        let version = fs::read_to_string(beside(path, ".part.version")).unwrap_or_default();
        let version = version.trim_end_matches('\n').to_owned();
        // It goes into a field of the request: something else than a tag on one line is not ours.
        if length == 0 || !is_strong(&version) || version.chars().any(char::is_control) {
            return Ok(Self::Anew);
        }
        Ok(Self::Resume { length, version })
    }
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Download {
    file: File,
    target: FileTarget,
    kept: u64,
    written: u64,
    /// How long the whole file is, where the answer said which part of it comes.
    expected: Option<u64>,
    in_place: bool,
}

/// What the answer makes of a plan.
#[derive(Debug)]
pub(crate) enum Begun {
    /// The body is to be written.
    Writing(Download),
    /// All of it was there already and has its name; the body is to be ignored.
    Complete,
}

impl Download {
    /// Opens the file for what `answer` brings.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, the answer does not go on where the part ends or is of another
    /// version, or it is a part that nobody asked for.
    pub(crate) fn begin(
        target: FileTarget,
        plan: Plan,
        answer: &Answer<'_>,
    ) -> Result<Begun, Failure> {
        let part = beside(&target.path, ".part");
        let is_resumed = matches!(plan, Plan::Resume { .. });
        if answer.status == 206 && !is_resumed && !answer.is_range_asked {
            return Err(broken("the server sent a part of the file that was not asked for".into()));
        }
        let open_failed = |path: &Path| {
            let path = path.to_owned();
            move |cause: io::Error| Failure::file("write", &path, &cause)
        };
        let (kept, expected) = match plan {
            Plan::InPlace => {
                let file = open_in_place(&target.path).map_err(open_failed(&target.path))?;
                return Ok(Begun::Writing(Self {
                    file,
                    target,
                    kept: 0,
                    written: 0,
                    expected: None,
                    in_place: true,
                }));
            }
            Plan::Complete => return Ok(Begun::Complete),
            Plan::Anew => (0, None),
            Plan::Resume { length, version } => match answer.status {
                206 => (length, Some(rest(answer, length, &version)?)),
                416 if complete_length(answer.content_range) == Some(length)
                    && answer.etag.is_none_or(|tag| tag == version) =>
                {
                    let file = open_to_append(&part).map_err(open_failed(&part))?;
                    let whole = Self {
                        file,
                        target,
                        kept: length,
                        written: 0,
                        expected: None,
                        in_place: false,
                    };
                    whole.finish()?;
                    return Ok(Begun::Complete);
                }
                // The version has changed: the server sends all of the new one.
                200 => (0, None),
                status => {
                    return Err(Failure {
                        exit: Exit::Failed,
                        line: format!(
                            "the server does not go on with {} (status {status}); remove it to begin anew",
                            part.display()
                        ),
                    });
                }
            },
        };
        let file = if kept > 0 { open_to_append(&part) } else { create(&part) }
            .map_err(open_failed(&part))?;
        let download = Self { file, target, kept, written: 0, expected, in_place: false };
        if kept == 0 {
            download.keep_version(answer).map_err(open_failed(&part))?;
        }
        Ok(Begun::Writing(download))
    }

    /// How many bytes were there before this request.
    pub(crate) fn kept(&self) -> u64 {
        self.kept
    }

    /// Adds a piece.
    ///
    /// # Errors
    ///
    /// The disk is full, or another failure of the write; the piece goes beyond the end that was
    /// announced.
    pub(crate) fn write(&mut self, piece: &[u8]) -> Result<(), Failure> {
        self.written += piece.len() as u64;
        if let Some(expected) = self.expected
            && self.kept + self.written > expected
        {
            return Err(broken(format!("the server sent more than the {expected} bytes it named")));
        }
        write_all(&mut self.file, piece)
            .map_err(|cause| Failure::file("write", &self.target.path, &cause))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// It is shorter than was announced, somebody else has made a file of that name meanwhile, or it
    /// cannot be renamed. The part stays.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if self.in_place {
            return Ok(());
        }
        let length = self.kept + self.written;
        if let Some(expected) = self.expected.filter(|expected| *expected != length) {
            return Err(broken(format!(
                "{length} of {expected} bytes came; --continue goes on from there"
            )));
        }
        let path = &self.target.path;
        let part = beside(path, ".part");
        let named = if self.target.overwrite {
            fs::rename(&part, path)
        } else {
            match fs::hard_link(&part, path) {
                // A link, unlike a rename, fails where there is a file.
                Ok(()) => fs::remove_file(&part),
                Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(exists(path));
                }
                // A file system without links.
                Err(_) if fs::symlink_metadata(path).is_err() => fs::rename(&part, path),
                Err(_) => return Err(exists(path)),
            }
        };
        named.map_err(|cause| Failure::file("write", path, &cause))?;
        // A leftover says nothing without its part.
        let _ = fs::remove_file(beside(path, ".part.version"));
        Ok(())
    }

    /// Writes down which version this is, if that can be asked for again.
    fn keep_version(&self, answer: &Answer<'_>) -> io::Result<()> {
        let path = beside(&self.target.path, ".part.version");
        // Neither a weak tag nor a time promises the same bytes (RFC 9110 §8.8.2.2, §13.1.5). What came
        // for a range of the user's does not begin where the file begins.
        let version =
            answer.etag.filter(|tag| is_strong(tag) && answer.is_verbatim && answer.status == 200);
        match version {
            Some(version) => write_all(&mut create(&path)?, format!("{version}\n").as_bytes()),
            None => match fs::remove_file(&path) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
                _ => Ok(()),
            },
        }
    }
}

/// Whether `path` names a descriptor that is open already.
///
/// It may be a redirection to a regular file, which is the shell's to replace or not.
fn is_descriptor(path: &Path) -> bool {
    const FOLDERS: [&str; 2] = ["/dev/fd", "/proc/self/fd"];
    cfg!(unix)
        && (path == Path::new("/dev/stdout")
            || path == Path::new("/dev/stderr")
            || path
                .parent()
                .is_some_and(|folder| FOLDERS.iter().any(|known| folder == Path::new(known))))
}

/// Something that is no regular file, or one that somebody else has opened.
fn open_in_place(path: &Path) -> io::Result<File> {
    // A copy of the descriptor: a socket cannot be opened by its name.
    #[cfg(unix)]
    match path.to_str() {
        Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => return stdout(),
        Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => {
            let owned = std::os::fd::AsFd::as_fd(&io::stderr()).try_clone_to_owned()?;
            return Ok(File::from(owned));
        }
        _ => {}
    }
    // Behind a descriptor there may be a file that others write to.
    OpenOptions::new().append(true).open(path)
}

fn exists(path: &Path) -> Failure {
    Failure {
        exit: Exit::File,
        line: format!("{} is there already; --overwrite replaces it", path.display()),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// A file that did not exist a moment ago, for the user alone. What was there is gone: a link itself,
/// never what it leads to.
fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A regular file that is there, and not through a link.
fn open_to_append(path: &Path) -> io::Result<File> {
    let no_file = || io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
    let seen = fs::symlink_metadata(path)?;
    if !seen.is_file() {
        return Err(no_file());
    }
    let file = OpenOptions::new().append(true).open(path)?;
    let opened = file.metadata()?;
    // Somebody may have put something else there between the look and the opening.
    #[cfg(unix)]
    let is_same = {
        use std::os::unix::fs::MetadataExt;
        (seen.dev(), seen.ino()) == (opened.dev(), opened.ino())
    };
    #[cfg(not(unix))]
    let is_same = seen.len() == opened.len();
    if opened.is_file() && is_same { Ok(file) } else { Err(no_file()) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A folder that is removed at the end of its test.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("netreq-download-{}-{count}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn target(&self) -> FileTarget {
            FileTarget { path: self.0.join("f"), resume: false, overwrite: false }
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<_> = fs::read_dir(&self.0)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const OK: Answer<'_> = Answer {
        status: 200,
        content_range: None,
        etag: Some("\"v1\""),
        is_range_asked: false,
        is_verbatim: true,
    };

    fn writing(target: &FileTarget, answer: &Answer<'_>) -> Download {
        let plan = Plan::look(target).unwrap();
        match Download::begin(target.clone(), plan, answer).unwrap() {
            Begun::Writing(download) => download,
            Begun::Complete => panic!("complete"),
        }
    }

    #[test]
    fn a_path_without_a_name_is_refused() {
        let folder = Folder::new();
        for (path, expected) in [
            (PathBuf::new(), "'' names no file".to_owned()),
            (folder.0.join("none/.."), format!("'{}/none/..' names no file", folder.0.display())),
        ] {
            let refused = Plan::look(&FileTarget { path, ..folder.target() }).unwrap_err();
            assert_eq!(refused, Failure { exit: Exit::File, line: expected });
        }
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_complete() {
        let folder = Folder::new();
        let target = folder.target();
        let mut download = writing(&target, &OK);
        download.write(b"one").unwrap();
        assert_eq!(folder.names(), ["f.part", "f.part.version"]);
        download.finish().unwrap();
        assert_eq!(folder.names(), ["f"]);
        assert_eq!(fs::read(&target.path).unwrap(), b"one");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&target.path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_there_stays_unless_told() {
        let folder = Folder::new();
        let target = folder.target();
        fs::write(&target.path, "old").unwrap();
        let refused = Plan::look(&target).unwrap_err();
        assert_eq!(refused.exit, Exit::File);
        assert!(refused.line.ends_with("is there already; --overwrite replaces it"), "{refused}");

        let target = FileTarget { overwrite: true, ..target };
        let mut download = writing(&target, &OK);
        download.write(b"new").unwrap();
        assert_eq!(fs::read(&target.path).unwrap(), b"old");
        download.finish().unwrap();
        assert_eq!(fs::read(&target.path).unwrap(), b"new");
    }

    #[test]
    fn a_file_made_meanwhile_is_not_replaced() {
        let folder = Folder::new();
        let target = folder.target();
        let download = writing(&target, &OK);
        fs::write(&target.path, "theirs").unwrap();
        assert_eq!(download.finish().unwrap_err().exit, Exit::File);
        assert_eq!(fs::read(&target.path).unwrap(), b"theirs");
    }

    #[test]
    fn an_interrupted_download_goes_on_where_it_stopped() {
        let folder = Folder::new();
        let target = FileTarget { resume: true, ..folder.target() };
        writing(&target, &OK).write(b"hello ").unwrap();

        let plan = Plan::look(&target).unwrap();
        assert!(matches!(&plan, Plan::Resume { length: 6, version } if version == "\"v1\""));
        let rest = Answer { status: 206, content_range: Some("bytes 6-10/11"), ..OK };
        let mut download = writing(&target, &rest);
        assert_eq!(download.kept(), 6);
        download.write(b"world").unwrap();
        download.finish().unwrap();
        assert_eq!(fs::read(&target.path).unwrap(), b"hello world");
    }

    #[test]
    fn a_new_version_begins_anew() {
        let folder = Folder::new();
        let target = FileTarget { resume: true, ..folder.target() };
        writing(&target, &OK).write(b"hello ").unwrap();
        let mut download = writing(&target, &Answer { etag: Some("\"v2\""), ..OK });
        assert_eq!(download.kept(), 0);
        download.write(b"bye").unwrap();
        download.finish().unwrap();
        assert_eq!(fs::read(&target.path).unwrap(), b"bye");
    }

    #[test]
    fn another_range_is_refused_and_a_whole_part_is_complete() {
        let folder = Folder::new();
        let target = FileTarget { resume: true, ..folder.target() };
        writing(&target, &OK).write(b"hello").unwrap();
        for (status, content_range, etag, expected) in [
            (206, Some("bytes 4-10/11"), "\"v1\"", Exit::BrokenResponse),
            (206, Some("bytes 5-11/11"), "\"v1\"", Exit::BrokenResponse),
            (206, None, "\"v1\"", Exit::BrokenResponse),
            (206, Some("bytes 5-10/11"), "\"v2\"", Exit::BrokenResponse),
            (206, Some("bytes 5-10/11"), "W/\"v1\"", Exit::BrokenResponse),
            (404, None, "\"v1\"", Exit::Failed),
            (416, Some("bytes */4"), "\"v1\"", Exit::Failed),
            (416, Some("bytes */5"), "\"v2\"", Exit::Failed),
        ] {
            let plan = Plan::look(&target).unwrap();
            let answer = Answer { status, content_range, etag: Some(etag), ..OK };
            let refused = Download::begin(target.clone(), plan, &answer).unwrap_err();
            assert_eq!(refused.exit, expected, "{status} {content_range:?} {etag}");
            assert_eq!(fs::read(folder.0.join("f.part")).unwrap(), b"hello");
        }
        for answer in [
            Answer { status: 206, content_range: Some("bytes 5-10/11"), etag: None, ..OK },
            Answer { status: 206, content_range: Some("bytes 5-10/11"), is_verbatim: false, ..OK },
        ] {
            let plan = Plan::look(&target).unwrap();
            let refused = Download::begin(target.clone(), plan, &answer).unwrap_err();
            assert_eq!(refused.exit, Exit::BrokenResponse, "{answer:?}");
        }
        let plan = Plan::look(&target).unwrap();
        let answer = Answer { status: 416, content_range: Some("bytes */5"), ..OK };
        let begun = Download::begin(target.clone(), plan, &answer).unwrap();
        assert!(matches!(begun, Begun::Complete), "{begun:?}");
        assert_eq!(fs::read(&target.path).unwrap(), b"hello");
        assert_eq!(folder.names(), ["f"]);
        assert!(matches!(Plan::look(&target), Ok(Plan::Complete)));
        fs::write(folder.0.join("f.part"), "another").unwrap();
        assert_eq!(Plan::look(&target).unwrap_err().exit, Exit::File);
    }

    #[test]
    fn a_rest_of_another_length_gets_no_name() {
        let folder = Folder::new();
        let target = FileTarget { resume: true, ..folder.target() };
        writing(&target, &OK).write(b"hello ").unwrap();
        let short = Answer { status: 206, content_range: Some("bytes 6-8/11"), ..OK };
        let mut download = writing(&target, &short);
        download.write(b"wor").unwrap();
        let refused = download.finish().unwrap_err();
        assert_eq!(refused.exit, Exit::BrokenResponse);
        assert_eq!(refused.line, "9 of 11 bytes came; --continue goes on from there");
        assert_eq!(folder.names(), ["f.part", "f.part.version"]);

        let rest = Answer { status: 206, content_range: Some("bytes 9-10/11"), ..OK };
        let mut download = writing(&target, &rest);
        assert_eq!(download.write(b"ld!").unwrap_err().exit, Exit::BrokenResponse);
        assert_eq!(fs::read(folder.0.join("f.part")).unwrap(), b"hello wor");
        let mut download = writing(&target, &rest);
        download.write(b"ld").unwrap();
        download.finish().unwrap();
        assert_eq!(fs::read(&target.path).unwrap(), b"hello world");
    }

    #[test]
    fn a_part_is_taken_only_when_it_was_asked_for() {
        let folder = Folder::new();
        let target = folder.target();
        let part = Answer { status: 206, content_range: Some("bytes 0-2/11"), ..OK };
        let plan = Plan::look(&target).unwrap();
        let refused = Download::begin(target.clone(), plan, &part).unwrap_err();
        assert_eq!(refused.exit, Exit::BrokenResponse);
        assert!(folder.names().is_empty());

        // It has no version: what follows does not follow from the beginning of the file.
        writing(&target, &Answer { is_range_asked: true, ..part }).write(b"hel").unwrap();
        assert_eq!(folder.names(), ["f.part"]);
    }

    #[test]
    fn without_a_strong_version_there_is_nothing_to_go_on_with() {
        for answer in [
            Answer { etag: None, ..OK },
            Answer { etag: Some("W/\"v1\""), ..OK },
            Answer { etag: Some("Wed, 25 Nov 2026 10:00:00 GMT"), ..OK },
            Answer { is_verbatim: false, ..OK },
            Answer { status: 404, ..OK },
        ] {
            let folder = Folder::new();
            let target = FileTarget { resume: true, ..folder.target() };
            writing(&target, &answer).write(b"hello").unwrap();
            assert!(matches!(Plan::look(&target), Ok(Plan::Anew)), "{answer:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link() {
        use std::os::unix::fs::symlink;
        let folder = Folder::new();
        let elsewhere = folder.0.join("elsewhere");
        fs::write(&elsewhere, "precious").unwrap();
        let target = FileTarget { overwrite: true, resume: true, ..folder.target() };
        symlink(&elsewhere, &target.path).unwrap();
        symlink(&elsewhere, folder.0.join("f.part")).unwrap();
        symlink(&elsewhere, folder.0.join("f.part.version")).unwrap();
        let mut download = writing(&target, &OK);
        download.write(b"new").unwrap();
        download.finish().unwrap();
        assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
        assert_eq!(fs::read(&target.path).unwrap(), b"new");
        assert!(open_to_append(&folder.0.join("nothing")).is_err());
        symlink(&elsewhere, folder.0.join("g.part")).unwrap();
        assert!(open_to_append(&folder.0.join("g.part")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_in_place() {
        let target = FileTarget { path: "/dev/null".into(), resume: false, overwrite: false };
        let mut download = writing(&target, &OK);
        download.write(b"x").unwrap();
        download.finish().unwrap();
    }
}
