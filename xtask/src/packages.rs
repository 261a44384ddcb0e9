//! Programs the suites need, and how they come onto a Debian machine.
//!
//! As root, missing packages are installed without questions and without recommended packages, and
//! no daemon is started by its package: a `policy-rc.d` forbids it and what stood there before is
//! put back. Anyone else is told what is missing. Nothing is ever skipped for want of a program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{output, succeeds};

/// A program, named as its Debian package is.
pub(crate) type Program = &'static str;

/// Those of `programs` that this machine does not have.
pub(crate) fn missing(programs: impl IntoIterator<Item = Program>) -> BTreeSet<Program> {
    programs.into_iter().filter(|program| !is_present(program)).collect()
}

/// Installs `programs`, if this is a Debian machine and we are root; else says why it does not.
pub(crate) fn install(programs: &BTreeSet<Program>) -> Result<(), String> {
    let names = programs.iter().copied().collect::<Vec<_>>().join(" ");
    let command = format!("apt-get install --yes --no-install-recommends {names}");
    if !is_present("apt-get") {
        return Err(format!("missing: {names}; there is no apt-get here to install them with"));
    }
    if !is_root() {
        return Err(format!("missing: {names}; as root: apt-get update && {command}"));
    }

    println!("installing {names}");
    let _quiet = QuietDaemons::begin()?;
    apt(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    arguments.extend(programs);
    apt(&arguments)
}

/// Installs packages of npm, each with its version, into `node_modules` of `folder`; nothing where
/// they are there already.
pub(crate) fn install_npm(folder: &Path, packages: &[&str]) -> Result<(), String> {
    // Written last: a call that was cut short is made again.
    let record = folder.join("installed");
    let wanted = packages.join("\n");
    if fs::read_to_string(&record).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    let mut command = Command::new("npm");
    command.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--no-save",
        "--ignore-scripts",
        "--prefix",
    ]);
    command.arg(folder).args(packages).stdin(Stdio::null());
    if !succeeds(&mut command)? {
        return Err(format!("missing: {}; npm does not install it", packages.join(" ")));
    }
    fs::write(&record, wanted).map_err(|cause| format!("{}: {cause}", record.display()))
}

/// Unpacks one package of npm, without what it depends on, below `folder`, and says where it is;
/// fetches nothing where it is there already.
pub(crate) fn unpack_npm(folder: &Path, name: &str, version: &str) -> Result<PathBuf, String> {
    let place = folder.join(format!("{name}-{version}"));
    if place.is_dir() {
        return Ok(place);
    }
    let package = format!("{name}@{version}");
    let unpacking = folder.join(format!("{name}-{version}.part"));
    fs::create_dir_all(&unpacking).map_err(|cause| format!("{}: {cause}", unpacking.display()))?;
    let mut fetch = Command::new("npm");
    fetch.args(["pack", "--silent", "--ignore-scripts", &package, "--pack-destination"]);
    if !succeeds(fetch.arg(&unpacking).stdin(Stdio::null()).stdout(Stdio::null()))? {
        return Err(format!("missing: {package}; npm does not fetch it"));
    }
    let mut unpack = Command::new("tar");
    unpack.args(["--strip-components=1", "-xzf", &format!("{name}-{version}.tgz")]);
    if !succeeds(unpack.current_dir(&unpacking))? {
        return Err(format!("{package} does not unpack"));
    }
    // Whole or not there: a call that was cut short is made again.
    fs::rename(&unpacking, &place).map_err(|cause| format!("{}: {cause}", place.display()))?;
    Ok(place)
}

fn apt(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    if succeeds(&mut command)? {
        Ok(())
    } else {
        Err(format!("apt-get {} failed", arguments.join(" ")))
    }
}

// Servers live in sbin, which an ordinary user's PATH leaves out.
fn is_present(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", "PATH=$PATH:/usr/sbin:/sbin command -v \"$1\"", "sh", program])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|(id, _)| id.trim() == "0")
}

/// While this lives, installing a package starts no daemon. Dropping it puts the old policy back.
struct QuietDaemons {
    before: Option<(Vec<u8>, fs::Permissions)>,
}

impl QuietDaemons {
    fn begin() -> Result<Self, String> {
        let policy = Path::new(POLICY);
        let before = match (fs::read(policy), fs::metadata(policy)) {
            (Ok(bytes), Ok(metadata)) => Some((bytes, metadata.permissions())),
            _ => None,
        };
        let quiet = Self { before };
        fs::write(policy, "#!/bin/sh\nexit 101\n").map_err(|cause| format!("{POLICY}: {cause}"))?;
        output(Command::new("chmod").args(["755", POLICY]))?;
        Ok(quiet)
    }
}

impl Drop for QuietDaemons {
    fn drop(&mut self) {
        let restored = match &self.before {
            Some((bytes, permissions)) => fs::write(POLICY, bytes)
                .and_then(|()| fs::set_permissions(POLICY, permissions.clone())),
            None => fs::remove_file(POLICY),
        };
        if let Err(cause) = restored {
            eprintln!("xtask: {POLICY} is not as it was: {cause}");
        }
    }
}

const POLICY: &str = "/usr/sbin/policy-rc.d";
