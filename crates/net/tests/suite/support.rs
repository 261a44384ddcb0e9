//! What several subjects need: waiting for something that another thread does, a process of one's
//! own, and looking at this process from outside.
//!
//! It knows nothing of HTTP. Whatever waits here has a deadline that only a failing test meets.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use netreq::{ConnectionCounts, Session};
use tokio::time::Instant;

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "still waiting until {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Waits until the connections of `session` stand like this: active, connecting, idle, waiting.
pub(crate) async fn counted(session: &Session, expected: [usize; 4]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ConnectionCounts { active, connecting, idle, waiting, .. } = session.connections();
        let found = [active, connecting, idle, waiting];
        if found == expected {
            return;
        }
        let names = "[active, connecting, idle, waiting]";
        assert!(Instant::now() < deadline, "{names} is {found:?} instead of {expected:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Runs `body` in a process that runs nothing else, for what belongs to a process as a whole: its
/// environment, its memory, its sockets.
///
/// `test` is the whole name of the calling test, which this starts again with `variables` set; there
/// `body` is called.
pub(crate) fn in_its_own_process(
    test: &str,
    variables: &[(&str, &OsStr)],
    body: impl FnOnce() + 'static,
) {
    if is_alone() {
        return body();
    }
    let program = std::env::current_exe().expect("a test knows its own file");
    let output = Command::new(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .envs(variables.iter().copied())
        .output()
        .expect("a test can be started again");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("1 passed"), "{test} is no test's name:\n{text}");
}

/// Runs `there` in a process of its own, as [`in_its_own_process`] does, and `here` in this one at the
/// same time.
pub(crate) fn beside_another_process(
    test: &str,
    variables: &[(&str, &OsStr)],
    here: impl FnOnce(),
    there: impl FnOnce() + 'static,
) {
    if is_alone() {
        return there();
    }
    std::thread::scope(|scope| {
        let other = scope.spawn(|| in_its_own_process(test, variables, || {}));
        here();
        if let Err(panic) = other.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "asks whether this is the process of its own")]
fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

/// A new folder that is removed when dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("netreq-suite-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left over lies in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(1);
const ALONE: &str = "NETREQ_SUITE_ALONE";
static FOLDERS: AtomicU64 = AtomicU64::new(0);
