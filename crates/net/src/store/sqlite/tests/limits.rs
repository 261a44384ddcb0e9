//! Disks that are full, folders that may not be written, and processes with another umask or user.

use super::child::{arguments, command, lines, say};
use super::*;

/// Keeps big cookies until it cannot, says why, and stays usable.
pub(super) async fn store_and_report(folder: &Path) {
    let opened = Opened::with(folder, patient()).await;
    say(format_args!("loaded {}", opened.loaded.cookies.len()));
    for number in 0..200 {
        let _ = opened.store.apply(vec![set(&format!("n{number}"), &"v".repeat(4_000), 1)]);
        // After a failure the log is folded into the database, which may make room once more.
        let Err(_) = opened.store.flush().await else {
            say(format_args!("kept {number}"));
            continue;
        };
        if let Err(error) = opened.store.flush().await {
            say(format_args!("{error}"));
            break;
        }
    }
    let mut failing = false;
    for event in opened.events.try_iter() {
        match event {
            StoreEvent::Failed(_) if !failing => failing = true,
            StoreEvent::Recovered if failing => failing = false,
            other => panic!("{other:?}"),
        }
    }
    let _ = opened.store.close().await;
}

/// Runs the child under `sh` after `setup`; what it said.
#[cfg(unix)]
fn run(setup: &str, folder: &Path) -> Vec<String> {
    run_in(&[], setup, "store and report", folder)
}

/// The same with a task and what `sh` itself runs in.
#[cfg(unix)]
fn run_in(around: &[&str], setup: &str, task: &str, folder: &Path) -> Vec<String> {
    let inner = command(task, folder);
    let words = [around, &["sh", "-c"]].concat();
    let mut shell = std::process::Command::new(words[0]);
    shell.args(&words[1..]).arg(format!("{setup}; exec \"$0\" \"$@\""));
    shell.arg(inner.get_program()).args(arguments());
    for (name, value) in inner.get_envs() {
        shell.env(name, value.unwrap());
    }
    let mut child = shell.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let said = lines(&mut child).collect();
    assert!(child.wait().unwrap().success(), "{said:?}");
    said
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_not_grow_fails_clearly_and_loses_nothing_stored() {
    let folder = Folder::new();
    let opened = Opened::new(&folder.0).await;
    opened.keep(vec![set("before", "1", 1)]).await;
    opened.store.close().await.unwrap();

    let said = run("trap '' XFSZ; ulimit -f 300", &folder.0);

    let kept = said.iter().filter(|line| line.starts_with("kept")).count();
    assert!(kept > 0, "{said:?}");
    assert_eq!(said.first().map(String::as_str), Some("loaded 1"));
    assert_eq!(said.last().map(String::as_str), Some("net::ERR_FILE_NO_SPACE"));
    let found = on_disk(&folder.0).await;
    assert!(found.len() > kept, "{} of {kept}", found.len());
    assert!(found.contains(&("before".into(), "1".into())));
}

/// Fills the disk, looks at what is there, and makes room again.
pub(super) async fn fill_a_disk(folder: &Path) {
    store_and_report(folder).await;
    say(format_args!("found {}", on_disk(folder).await.len()));
    let opened = Opened::with(folder, patient()).await;
    let gone = |cookie: &CanonicalCookie| StoreChange::RemoveCookie(cookie.key(), Timestamp(9));
    let _ = opened.store.apply(opened.loaded.cookies.iter().map(gone).collect());
    // Removing needs room for a log of it, which there may not be.
    let removed = opened.store.flush().await.is_ok();
    say(format_args!("removed {removed}"));
    drop(opened);
    let left = on_disk(folder).await.len();
    say(format_args!("left {left}"));
}

/// A disk of its own where this user may have one, which vanishes with the child; else files that
/// may not grow, which ends the same.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_named_and_what_was_kept_is_whole() {
    let disk = Folder::made();
    let mount = format!("mount -t tmpfs -o size=400k tmpfs '{}'", disk.0.display());
    let may = |unshare: &[&str]| {
        let tried = std::process::Command::new("unshare")
            .args(unshare)
            .args(["sh", "-c", &mount])
            .stderr(std::process::Stdio::null())
            .status();
        tried.is_ok_and(|status| status.success())
    };
    let kinds: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];
    let own = kinds.into_iter().find(|unshare| may(unshare));
    let setup = if own.is_some() { mount.as_str() } else { "trap '' XFSZ; ulimit -f 300" };
    println!("{setup}");
    let unshare: Vec<_> = own.map(|own| [&["unshare"], own].concat()).unwrap_or_default();

    let said = run_in(&unshare, setup, "fill a disk", &disk.0.join("profile"));

    let kept = said.iter().filter(|line| line.starts_with("kept")).count();
    let number = |line: usize, name: &str| -> usize {
        let said = said[kept + line].strip_prefix(name).unwrap_or_else(|| panic!("{said:?}"));
        said.trim().parse().unwrap()
    };
    assert!(kept > 10, "{said:?}");
    assert_eq!(said[0], "loaded 0");
    assert_eq!(said[kept + 1], "net::ERR_FILE_NO_SPACE");
    let found = number(2, "found");
    assert!(found >= kept, "{found} of {kept}");
    // All of them or none: a batch is whole.
    let left = if said[kept + 3] == "removed true" { 0 } else { found };
    assert_eq!(number(4, "left"), left, "{said:?}");
    assert_eq!(said.len(), kept + 5);
}

#[cfg(unix)]
#[tokio::test]
async fn files_and_folders_are_for_their_owner_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    for umask in ["000", "022", "777"] {
        let folder = Folder::new();
        let inside = folder.0.join("deep/profile");
        let said = run(&format!("umask {umask}"), &inside);
        assert_eq!(said.last().map(String::as_str), Some("kept 199"), "umask {umask}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&inside), 0o700, "umask {umask}");
        for name in ["state.db", "state.lock"] {
            assert_eq!(mode(&inside.join(name)), 0o600, "{name}, umask {umask}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_may_not_be_written_is_read_and_the_refusal_named() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let folder = Folder::new();
    let opened = Opened::new(&folder.0).await;
    opened.keep(vec![set("before", "1", 1)]).await;
    opened.store.close().await.unwrap();
    // Whoever may do everything has to become somebody who may not.
    let root =
        fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let modes = if root { (0o755, 0o644) } else { (0o500, 0o400) };
    fs::set_permissions(&folder.0, PermissionsExt::from_mode(modes.0)).unwrap();
    fs::set_permissions(folder.database(), PermissionsExt::from_mode(modes.1)).unwrap();
    let mut child = command("store and report", &folder.0);
    if root {
        child.uid(65_534).gid(65_534);
    }
    let mut child = child.spawn().unwrap();
    let said: Vec<_> = lines(&mut child).collect();
    assert!(child.wait().unwrap().success(), "{said:?}");
    fs::set_permissions(&folder.0, PermissionsExt::from_mode(0o700)).unwrap();
    assert_eq!(said, ["loaded 1", "net::ERR_ACCESS_DENIED"]);
    assert_eq!(on_disk(&folder.0).await, owned(&[("before", "1")]));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_event_and_the_changes_wait_for_it() {
    let folder = Folder::made();
    let inside = folder.0.join("file/profile");
    fs::write(folder.0.join("file"), "in the way").unwrap();
    let opened = Opened::with(&inside, patient()).await;
    let room = opened.store.apply(vec![set("a", "1", 1)]);
    room.wait().await;
    let error = opened.store.flush().await.unwrap_err();
    assert_eq!(error.net_error(), NetError::FileNotFound);
    assert!(matches!(opened.event(), StoreEvent::Failed(_)));

    fs::remove_file(folder.0.join("file")).unwrap();
    opened.store.flush().await.unwrap();
    assert!(matches!(opened.event(), StoreEvent::Recovered));
    opened.store.close().await.unwrap();
    assert_eq!(on_disk(&inside).await, owned(&[("a", "1")]));
}

#[tokio::test]
async fn a_name_that_is_too_long_for_the_system_is_refused_by_name_and_makes_nothing() {
    let folder = Folder::made();
    let opened = Opened::with(&folder.0.join("n".repeat(300)), patient()).await;
    let _ = opened.store.apply(vec![set("a", "1", 1)]);
    let error = opened.store.flush().await.unwrap_err();
    assert_eq!(error.net_error(), NetError::FilePathTooLong);
    drop(opened);
    assert!(folder.files().is_empty());

    let longest = folder.0.join("n".repeat(255));
    let opened = Opened::with(&longest, patient()).await;
    opened.keep(vec![set("a", "1", 1)]).await;
    opened.store.close().await.unwrap();
    assert_eq!(on_disk(&longest).await, owned(&[("a", "1")]));
}

#[tokio::test]
async fn what_waits_for_a_broken_disk_is_bounded() {
    let folder = Folder::made();
    let inside = folder.0.join("file/profile");
    fs::write(folder.0.join("file"), "in the way").unwrap();
    let opened = Opened::with(&inside, patient()).await;
    for round in 0..30 {
        let names = (0..1_000).map(|number| format!("n{round}-{number}"));
        let changes = names.flat_map(|name| [set(&name, "1", 1), remove(&name, 2)]).collect();
        opened.store.apply(changes).wait().await;
        assert!(opened.store.flush().await.is_err());
    }
    assert!(opened.store.shared.pending() <= 17_000, "{}", opened.store.shared.pending());
}
