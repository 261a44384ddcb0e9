//! `cargo xtask package`: the npm packages of this platform, as they are published.
//!
//! Builds the addon as it is distributed (stripped, optimised as a whole) and has `node/pack.js` put it
//! and the package itself into `.tgz` files below the target folder. Which platforms there are and what
//! their packages are called is known in `node/lib/binary.js` alone.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::PathBuf;
use std::process::Command;

use crate::metadata::Metadata;
use crate::root;
use crate::run::{cargo, succeeds};

/// The crate of the addon.
pub(crate) const ADDON: &str = "netreq-node";

/// Where cargo puts the addon that it builds with `profile`.
pub(crate) fn addon(metadata: &Metadata, profile: &str) -> PathBuf {
    let name = format!("{DLL_PREFIX}{}{DLL_SUFFIX}", ADDON.replace('-', "_"));
    metadata.target_directory.join(profile).join(name)
}

/// Builds and packs; `false` when either fails. Prints where the files are.
pub(crate) fn run() -> Result<bool, String> {
    let metadata = Metadata::load()?;
    if !succeeds(&mut cargo(&["build", "--package", ADDON, "--profile", PROFILE]))? {
        return Ok(false);
    }
    let mut pack = Command::new("node");
    pack.arg(root().join("node/pack.js")).arg(addon(&metadata, PROFILE));
    succeeds(pack.arg(metadata.target_directory.join("packed")))
}

const PROFILE: &str = "dist";
