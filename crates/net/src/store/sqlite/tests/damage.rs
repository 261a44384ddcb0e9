//! What is in the place of a database and cannot be one.

use super::*;

/// A database of two hundred cookies, closed.
async fn full(folder: &Folder) {
    let opened = Opened::new(&folder.0).await;
    let many = (0..200).map(|number| set(&format!("n{number:03}"), &"v".repeat(200), 1)).collect();
    opened.keep(many).await;
    opened.store.close().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_is_set_aside_and_a_new_database_begun() {
    type Break = fn(&Path);
    let cases: [(&str, Break); 9] = [
        ("garbage", |path| fs::write(path, b"not a database".repeat(400)).unwrap()),
        ("short garbage", |path| fs::write(path, b"xy").unwrap()),
        ("zeros", |path| fs::write(path, vec![0; 8_192]).unwrap()),
        ("a text", |path| fs::write(path, "# Netscape HTTP Cookie File\n").unwrap()),
        ("a folder", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            fs::write(path.join("something"), "kept").unwrap();
        }),
        ("a socket", |path| {
            fs::remove_file(path).unwrap();
            drop(std::os::unix::net::UnixListener::bind(path).unwrap());
        }),
        ("another program's", |path| {
            fs::remove_file(path).unwrap();
            sqlite(path).execute_batch("CREATE TABLE cookies (host_key TEXT)").unwrap();
        }),
        ("without a table", |path| sqlite(path).execute_batch("DROP TABLE hsts").unwrap()),
        ("without its counters", |path| {
            sqlite(path).execute_batch("DELETE FROM counters").unwrap()
        }),
    ];
    for (name, damage) in cases {
        let folder = Folder::new();
        full(&folder).await;
        damage(&folder.database());
        let kept = fs::read(folder.database()).ok();

        let opened = Opened::new(&folder.0).await;

        let StoreEvent::SetAside { path, cause, kept: rows } = opened.event() else {
            panic!("{name}")
        };
        assert_eq!(path, folder.0.join("state.db.corrupt"), "{name}");
        assert!(!cause.is_empty(), "{name}");
        if matches!(name, "without a table" | "without its counters") {
            assert_eq!(rows, 200, "{name}");
        } else {
            assert_eq!(rows, 0, "{name}");
            assert_eq!(fs::read(&path).ok(), kept, "{name}: it is kept as it was");
        }
        assert_eq!(opened.loaded.cookies.len(), rows, "{name}");
        opened.keep(vec![set("new", "1", 1)]).await;
        opened.store.close().await.unwrap();
        assert_eq!(on_disk(&folder.0).await.len(), rows + 1, "{name}");
        assert!(opened.events.try_iter().next().is_none(), "{name}");
    }
}

#[tokio::test]
async fn a_file_cut_anywhere_never_stops_a_session_and_keeps_what_it_can() {
    let folder = Folder::new();
    full(&folder).await;
    let whole = fs::read(folder.database()).unwrap();
    assert!(whole.len() > 40_000, "{}", whole.len());
    let mut saved = Vec::new();
    for length in (0..whole.len()).step_by(3_333) {
        let folder = Folder::made();
        fs::write(folder.database(), &whole[..length]).unwrap();
        let opened = Opened::new(&folder.0).await;
        saved.push(opened.loaded.cookies.len());
        opened.keep(vec![set("new", "1", 1)]).await;
        opened.store.close().await.unwrap();
        assert_eq!(on_disk(&folder.0).await.len(), opened.loaded.cookies.len() + 1, "{length}");
        // An empty file is an empty database, and the last pages may hold nothing.
        let aside = folder.0.join("state.db.corrupt").exists();
        let unharmed = length == 0 || opened.loaded.cookies.len() == 200;
        assert!(aside || unharmed, "{length}");
    }
    assert!(saved.iter().any(|saved| *saved > 50), "{saved:?}");
}

#[tokio::test]
async fn a_page_of_garbage_costs_its_own_rows_only() {
    let folder = Folder::new();
    full(&folder).await;
    let mut bytes = fs::read(folder.database()).unwrap();
    let pages = bytes.len() / 4_096;
    let middle = pages / 2 * 4_096;
    bytes[middle..middle + 4_096].fill(0xa5);
    fs::write(folder.database(), bytes).unwrap();

    let opened = Opened::new(&folder.0).await;
    let StoreEvent::SetAside { kept, .. } = opened.event() else { panic!("nothing set aside") };
    assert!((150..200).contains(&kept), "{kept}");
    assert_eq!(opened.loaded.cookies.len(), kept);
}

#[tokio::test]
async fn damage_under_an_open_store_is_met_by_the_next_write() {
    let folder = Folder::new();
    full(&folder).await;
    let opened = Opened::with(&folder.0, patient()).await;
    fs::write(folder.database(), vec![0xa5; 65_536]).unwrap();
    opened.keep(vec![set("new", "1", 9)]).await;
    let StoreEvent::SetAside { .. } = opened.event() else { panic!("nothing set aside") };
    opened.store.close().await.unwrap();
    assert_eq!(on_disk(&folder.0).await, owned(&[("new", "1")]));
}

#[tokio::test]
async fn many_damaged_databases_do_not_fill_the_disk() {
    let folder = Folder::made();
    for _ in 0..12 {
        fs::write(folder.database(), "damaged").unwrap();
        drop(Opened::new(&folder.0).await);
    }
    let aside = folder.files().into_iter().filter(|name| name.ends_with(".corrupt")).count();
    assert_eq!(aside, 9);
}

#[tokio::test]
async fn a_later_format_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    full(&folder).await;
    sqlite(&folder.database()).pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(folder.database()).unwrap();

    let store = Store::new(folder.0.clone(), quick());
    let error = load(&store).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "the database has format 99, and this program knows 1 and before");
    let _ = store.apply(vec![set("new", "1", 1)]);
    assert_eq!(store.flush().await.unwrap_err().net_error(), NetError::NotImplemented);
    assert!(store.close().await.is_err());

    assert_eq!(fs::read(folder.database()).unwrap(), before);
    assert_eq!(folder.files(), ["state.db", "state.lock"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_symbolic_link_is_not_followed() {
    for name in ["state.db", "state.lock", "state.db-wal", "state.db.new"] {
        let (folder, target) = (Folder::made(), Folder::made());
        let victim = target.0.join("victim");
        fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, folder.0.join(name)).unwrap();
        let store = Store::new(folder.0.clone(), quick());
        let loaded = load(&store).await;
        let _ = store.apply(vec![set("a", "1", 1)]);
        let kept = store.flush().await;
        let refused = matches!(name, "state.db" | "state.lock");
        assert_eq!(loaded.is_err(), name == "state.db", "{name}");
        assert_eq!(kept.is_err(), refused, "{name}: {kept:?}");
        if let Err(error) = kept {
            assert_eq!(error.net_error(), NetError::AccessDenied, "{name}");
        }
        drop(store);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious", "{name}");
    }

    // Nor where there is a database already.
    for name in ["state.db-wal", "state.db-shm", "state.db-journal", "state.lock"] {
        let (folder, target) = (Folder::new(), Folder::made());
        full(&folder).await;
        let victim = target.0.join("victim");
        fs::write(&victim, "precious").unwrap();
        let _ = fs::remove_file(folder.0.join(name));
        std::os::unix::fs::symlink(&victim, folder.0.join(name)).unwrap();
        let store = Store::new(folder.0.clone(), quick());
        let _ = load(&store).await;
        let _ = store.apply(vec![set("a", "1", 1)]);
        let _ = store.flush().await;
        let _ = store.close().await;
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious", "{name}");
        assert_eq!(target.files(), ["victim"], "{name}");
    }

    // A link above the folder is the user's own arrangement.
    let target = Folder::made();
    let link = Folder::new();
    std::os::unix::fs::symlink(&target.0, &link.0).unwrap();
    let opened = Opened::new(&link.0.join("profile")).await;
    opened.keep(vec![set("a", "1", 1)]).await;
    assert!(target.0.join("profile/state.db").exists());
    fs::remove_file(&link.0).unwrap();
}

#[tokio::test]
async fn an_older_format_is_migrated_on_the_way_in() {
    let folder = Folder::new();
    full(&folder).await;
    let disk = |steps| Disk::new(folder.0.clone(), false).with_steps(steps);
    let (loaded, _) = disk(LATER).load().unwrap();
    assert_eq!(loaded.cookies.len(), 200);
    let colour: String = sqlite(&folder.database())
        .query_row("SELECT colour FROM cookies LIMIT 1", [], |row| row.get(0))
        .unwrap();
    assert_eq!(colour, "none");
    let refused = disk(schema::STEPS).load().unwrap_err();
    assert!(matches!(refused, failure::Failure::Newer { found: 2, known: 1 }), "{refused:?}");
}

/// Today's format and one that may follow.
const LATER: &[&str] =
    &[schema::STEPS[0], "ALTER TABLE cookies ADD COLUMN colour TEXT NOT NULL DEFAULT 'none'"];
