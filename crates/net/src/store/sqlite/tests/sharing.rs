//! Several stores on one folder: in one process, which SQLite treats as it treats several, and in
//! several.
//!
//! `NETREQ_STORE_SECONDS` says how long processes write at once, by default two.

use std::time::SystemTime;

use super::child::{command, lines, say, scale};
use super::*;
use crate::runtime::instant;

#[tokio::test]
async fn changes_of_another_are_told_and_own_ones_are_not() {
    let folder = Folder::new();
    let (one, other) = (Opened::new(&folder.0).await, Opened::new(&folder.0).await);
    one.keep(vec![set("a", "1", 1), hsts("a.test", 1)]).await;
    let told = other.outside();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&set("a", "1", 1)) && told.contains(&hsts("a.test", 1)));

    other.keep(vec![remove("a", 2), StoreChange::RemoveHsts("a.test".into(), UnixTime(2))]).await;
    let told = one.outside();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&remove("a", 2)));
    assert!(told.contains(&StoreChange::RemoveHsts("a.test".into(), UnixTime(2))));

    other.keep(vec![StoreChange::TouchCookie(cookie("a", "1", 3))]).await;
    one.keep(vec![set("b", "1", 4)]).await;
    assert_eq!(other.outside(), [set("b", "1", 4)]);
    other.keep(vec![set("c", "1", 5)]).await;
    assert_eq!(one.outside(), [set("c", "1", 5)]);
    // Nothing else was ever said, whatever was looked at in between.
    one.store.close().await.unwrap();
    other.store.close().await.unwrap();
    assert!(one.events.try_iter().chain(other.events.try_iter()).next().is_none());
    assert_eq!(on_disk(&folder.0).await, owned(&[("b", "1"), ("c", "1")]));
}

#[tokio::test]
async fn of_two_changes_that_did_not_know_of_each_other_the_later_stays() {
    for (first, second, expected) in [
        (set("a", "first", 10), set("a", "second", 20), Some("second")),
        (set("a", "first", 20), set("a", "second", 10), Some("first")),
        (set("a", "first", 20), remove("a", 10), Some("first")),
        (set("a", "first", 10), remove("a", 20), None),
        (remove("a", 20), set("a", "second", 10), None),
        (remove("a", 10), set("a", "second", 20), Some("second")),
    ] {
        let folder = Folder::new();
        let one = Opened::with(&folder.0, patient()).await;
        one.keep(vec![set("a", "0", 1)]).await;
        let other = Opened::with(&folder.0, patient()).await;
        assert_eq!(other.loaded.cookies.len(), 1);
        let case = format!("{first:?} then {second:?}");

        let _ = other.store.apply(vec![second.clone()]);
        one.keep(vec![first.clone()]).await;
        other.store.flush().await.unwrap();

        let told: Vec<_> = other.events.try_iter().collect();
        let overtaken = second.time() > first.time();
        match &told[..] {
            [] => assert!(overtaken, "{case}"),
            [StoreEvent::Outside(changes)] => {
                assert_eq!((&changes[..], overtaken), (&[first][..], false), "{case}");
            }
            other => panic!("{case}: {other:?}"),
        }
        drop((one, other));
        let found = on_disk(&folder.0).await;
        let expected: Vec<_> = expected.map(|value| ("a", value)).into_iter().collect();
        assert_eq!(found, owned(&expected), "{case}");
    }
}

#[tokio::test]
async fn a_flushed_change_is_told_elsewhere_within_a_second_or_so() {
    let folder = Folder::new();
    let one = Opened::with(&folder.0, StoreOptions::default()).await;
    let other = Opened::with(&folder.0, StoreOptions::default()).await;
    one.keep(vec![set("a", "1", 1)]).await;
    let flushed = instant();
    assert_eq!(other.outside(), [set("a", "1", 1)]);
    // The rest of the second second is for a machine that does other things.
    assert!(flushed.elapsed() < Duration::from_secs(2), "{:?}", flushed.elapsed());
}

#[tokio::test]
async fn a_write_waits_for_another_processs_transaction() {
    let folder = Folder::new();
    let opened = Opened::with(&folder.0, patient()).await;
    opened.keep(vec![set("a", "1", 1)]).await;
    let blocker = sqlite(&folder.database());
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let _ = opened.store.apply(vec![set("a", "2", 2)]);
    let flushed = opened.store.flush();
    blocker.execute_batch("COMMIT").unwrap();
    drop(blocker);
    flushed.await.unwrap();
    assert!(opened.events.try_iter().next().is_none());
    drop(opened);
    assert_eq!(on_disk(&folder.0).await, owned(&[("a", "2")]));
}

#[tokio::test]
async fn whoever_missed_that_a_row_is_gone_is_told_everything() {
    let folder = Folder::new();
    let hour = 3_600 * 1_000_000;
    let late = Opened::with(&folder.0, StoreOptions { look: patient().look, ..quick() }).await;
    late.keep(vec![set("a", "1", 1), set("b", "1", 1)]).await;
    let other = Opened::with(&folder.0, patient()).await;
    other.keep(vec![remove("a", 2), StoreChange::SetHsts("a.test".into(), entry(1))]).await;
    drop(other);
    let other = Opened::with(&folder.0, patient()).await;
    // A store looks once what is old enough, when it writes first.
    other.keep(vec![set("c", "1", 2 * hour)]).await;
    let rows: i64 = sqlite(&folder.database())
        .query_row("SELECT count(*) FROM cookies WHERE removed", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0);

    late.keep(vec![set("own", "1", 3 * hour)]).await;
    let StoreEvent::OutsideWhole(mut changes) = late.event() else { panic!("not everything") };
    changes.sort_by_key(|change| format!("{change:?}"));
    let mut expected = vec![
        set("b", "1", 1),
        set("c", "1", 2 * hour),
        set("own", "1", 3 * hour),
        StoreChange::SetHsts("a.test".into(), entry(1)),
    ];
    expected.sort_by_key(|change| format!("{change:?}"));
    assert_eq!(changes, expected);
}

#[tokio::test]
async fn the_last_one_out_leaves_no_trace_of_what_is_gone() {
    let folder = Folder::new();
    let (one, other) = (Opened::new(&folder.0).await, Opened::new(&folder.0).await);
    one.keep(vec![set("secret", "1", 1), set("b", "1", 1)]).await;
    one.keep(vec![remove("secret", 2)]).await;
    other.keep(vec![set("c", "1", 1)]).await;
    one.store.close().await.unwrap();
    other.store.close().await.unwrap();
    assert_eq!(folder.files(), ["state.db", "state.lock"]);
    let bytes = fs::read(folder.database()).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"secret"));
    assert_eq!(on_disk(&folder.0).await, owned(&[("b", "1"), ("c", "1")]));
}

#[tokio::test]
async fn a_database_that_is_removed_or_replaced_is_opened_anew() {
    let (folder, spare) = (Folder::new(), Folder::new());
    let opened = Opened::with(&folder.0, patient()).await;
    opened.keep(vec![set("a", "1", 1)]).await;
    fs::remove_dir_all(&folder.0).unwrap();
    opened.keep(vec![set("b", "1", 2)]).await;
    assert_eq!(on_disk(&folder.0).await, owned(&[("b", "1")]));

    let other = Opened::new(&spare.0).await;
    other.keep(vec![set("c", "1", 3)]).await;
    other.store.close().await.unwrap();
    fs::remove_dir_all(&folder.0).unwrap();
    fs::rename(&spare.0, &folder.0).unwrap();
    opened.keep(vec![set("d", "1", 4)]).await;
    assert_eq!(opened.outside(), [set("c", "1", 3)]);
    opened.store.close().await.unwrap();
    assert_eq!(on_disk(&folder.0).await, owned(&[("c", "1"), ("d", "1")]));
}

/// Changes cookies of its own and one that all change, with a flush now and then.
#[expect(clippy::disallowed_methods, reason = "several processes have only this clock in common")]
pub(super) async fn write_at_once(folder: &Path, process: usize) {
    let opened = Opened::new(folder).await;
    let now = || Timestamp::from(SystemTime::now()).0;
    let end = instant() + Duration::from_secs(scale(SECONDS, 2));
    for round in 0.. {
        let own = format!("own-{process}-{}", round % 100);
        let value = format!("{process}.{round}");
        let shared = now();
        opened.store.apply(vec![set(&own, &value, now()), set("all", &value, shared)]).wait().await;
        if round % 10 == 9 {
            opened.store.flush().await.unwrap();
        }
        if round > 100 && instant() > end {
            opened.store.close().await.unwrap();
            say(format_args!("{shared} {process} {round}"));
            break;
        }
    }
    for event in opened.events.try_iter() {
        assert!(matches!(event, StoreEvent::Outside(_)), "{event:?}");
    }
}

#[tokio::test]
async fn processes_that_write_at_once_lose_no_update_and_meet_no_lock() {
    let folder = Folder::new();
    let watcher = Opened::new(&folder.0).await;
    let start = |number| command(&format!("write at once {number}"), &folder.0).spawn().unwrap();
    let children: Vec<_> = (0..3).map(start).collect();
    let mut last: Vec<[i64; 3]> = Vec::new();
    for mut child in children {
        let numbers = |line: String| -> [i64; 3] {
            let numbers = line.split(' ').map(|number| number.parse().unwrap());
            numbers.collect::<Vec<_>>().try_into().unwrap()
        };
        last.extend(lines(&mut child).map(numbers));
        assert!(child.wait().unwrap().success());
    }
    last.sort_unstable();
    let [.., [_, process, round]] = last[..] else { panic!("nobody wrote") };
    assert_eq!(last.len(), 3);
    println!("the last round of each: {last:?}");

    let mut expected: Vec<(String, String)> = last
        .iter()
        .flat_map(|[_, process, last]| (last - 99..=*last).map(move |round| (process, round)))
        .map(|(process, round)| {
            (format!("own-{process}-{}", round % 100), format!("{process}.{round}"))
        })
        .collect();
    expected.push(("all".into(), format!("{process}.{round}")));

    // The memory of somebody who only listened is the same as the disk. A write looks, too.
    watcher.keep(vec![set("own-watcher", "1", 1)]).await;
    watcher.store.close().await.unwrap();
    let mut memory = std::collections::BTreeMap::new();
    for event in watcher.events.try_iter() {
        let StoreEvent::Outside(changes) = event else { panic!("{event:?}") };
        for change in changes {
            let StoreChange::SetCookie(cookie) = change else { panic!("{change:?}") };
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            memory.insert(text(cookie.name()), text(cookie.value()));
        }
    }
    expected.sort();
    assert_eq!(memory.into_iter().collect::<Vec<_>>(), expected);
    expected.push(("own-watcher".into(), "1".into()));
    expected.sort();
    assert_eq!(on_disk(&folder.0).await, expected);
}

fn entry(at: i64) -> HstsEntry {
    HstsEntry { expiry: UnixTime(at + 86_400), include_subdomains: false, observed: UnixTime(at) }
}

const SECONDS: &str = "NETREQ_STORE_SECONDS";
