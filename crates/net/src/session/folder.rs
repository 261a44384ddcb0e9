//! Where sessions are kept: the data folder of this program, and in it one folder a partition.
//!
//! The environment is read here and nowhere else in the session; nothing is made or opened.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use netreq_proto::partition::Partition;

/// The place of a partition below `data`; `None` for one in memory.
pub(super) fn of_partition(data: &Path, partition: &Partition) -> Option<PathBuf> {
    match partition {
        Partition::Default => Some(data.join("default")),
        Partition::Persistent(folder) => Some(data.join("partitions").join(&**folder)),
        Partition::InMemory(_) => None,
    }
}

/// The data folder of `program`, or of this program by the name of its file: `NETREQ_DATA_DIR`, else
/// `netreq` and the program in the platform's folder for data. `None` where the system names no such
/// folder. Looked up once: a partition stays where it is for the whole process.
pub(super) fn data(program: Option<&str>) -> Option<PathBuf> {
    static ROOT: OnceLock<Option<Root>> = OnceLock::new();
    match (ROOT.get_or_init(look_up).as_ref()?, program) {
        (Root::Named(folder), _) => Some(folder.clone()),
        (Root::Platform { folder, .. }, Some(program)) => Some(folder.join(program)),
        (Root::Platform { folder, file }, None) => Some(folder.join(file.as_ref()?)),
    }
}

/// Where data folders are.
enum Root {
    /// The environment names the one of this process.
    Named(PathBuf),
    /// They are in `folder`; that of this program has the name of its file.
    Platform { folder: PathBuf, file: Option<OsString> },
}

fn look_up() -> Option<Root> {
    if let Some(folder) = variable("NETREQ_DATA_DIR") {
        return std::path::absolute(folder).ok().map(Root::Named);
    }
    let file = std::env::current_exe().ok();
    let file = file.and_then(|path| path.file_stem().map(OsString::from));
    platform().map(|folder| Root::Platform { folder: folder.join("netreq"), file })
}

/// The XDG Base Directory Specification; Apple's and Microsoft's folders for an application's data.
fn platform() -> Option<PathBuf> {
    let home = || variable("HOME").map(PathBuf::from);
    if cfg!(windows) {
        variable("APPDATA").map(PathBuf::from)
    } else if cfg!(target_vendor = "apple") {
        home().map(|home| home.join("Library/Application Support"))
    } else {
        let named = variable("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| home().map(|home| home.join(".local/share")))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the file that reads the environment")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
