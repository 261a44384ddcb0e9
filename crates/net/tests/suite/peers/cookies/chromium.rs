//! Debian's Chromium in its form without windows, with a profile of its own.
//!
//! It is the same engine under a smaller shell, which starts faster and has no policy of its own on
//! the cookies of third parties.

use std::process::{Child, Command, Stdio};

use crate::support::Folder;

/// A running browser, for which every host is this machine. Killed when dropped.
pub(crate) struct Chromium {
    child: Child,
    _profile: Folder,
}

impl Chromium {
    /// Opens `url`.
    pub(crate) fn open(url: &str) -> Self {
        let profile = Folder::new();
        let child = Command::new(PROGRAM)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|cause| {
                panic!("{PROGRAM}: {cause}; it is in Debian's package `chromium-headless-shell`")
            });
        Self { child, _profile: profile }
    }

    /// Its version, for messages.
    pub(crate) fn version() -> String {
        let output = Command::new(PROGRAM).arg("--version").output();
        output.map_or_else(
            |cause| cause.to_string(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Its other processes end when this one has.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not the script that starts it: killing that would leave the browser.
const PROGRAM: &str = "/usr/lib/chromium/chromium-headless-shell";
const FLAGS: [&str; 9] = [
    // Root, as in a container, has no sandbox of Chromium's.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    // One certificate for all hosts.
    "--ignore-certificate-errors",
    "--host-resolver-rules=MAP * 127.0.0.1",
];
