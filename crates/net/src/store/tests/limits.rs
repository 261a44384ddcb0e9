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
    let inner = command("store and report", folder);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("{setup}; exec \"$0\" \"$@\"")]);
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

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_named_and_what_was_kept_is_whole() {
    let disk = Folder::made();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=400k", "tmpfs"])
        .arg(&disk.0)
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        println!("not allowed to mount a small disk");
        return;
    }
    let folder = disk.0.join("profile");
    let said = run(":", &folder);
    let found = on_disk(&folder).await;
    // With room again, the same store would go on: here another does.
    let opened = Opened::new(&folder).await;
    let gone = opened
        .loaded
        .cookies
        .iter()
        .map(|cookie| StoreChange::RemoveCookie(cookie.key(), Timestamp(9)));
    let freed = opened.store.apply(gone.collect());
    freed.wait().await;
    let result = opened.store.flush().await;
    drop(opened);
    let unmounted = std::process::Command::new("umount").arg(&disk.0).status().unwrap();
    assert!(unmounted.success());

    let kept = said.iter().filter(|line| line.starts_with("kept")).count();
    assert!(kept > 0, "{said:?}");
    assert_eq!(said.last().map(String::as_str), Some("net::ERR_FILE_NO_SPACE"));
    assert!(found.len() >= kept, "{} of {kept}", found.len());
    println!("removing on a full disk: {result:?}");
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
