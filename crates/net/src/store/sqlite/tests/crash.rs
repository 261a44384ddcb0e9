//! A process that is killed while it stores loses nothing that was flushed, nor what is older than a
//! second.
//!
//! `NETREQ_STORE_KILLS` says how often, by default 60 times.

use super::child::{command, lines, say, scale};
use super::*;
use crate::runtime::instant;

/// Two cookies and an entry that always change together, flushed now and then.
pub(super) async fn store_until_killed(folder: &Path) {
    let opened = Opened::new(folder).await;
    let before = opened.loaded.cookies.first().map_or(0, number);
    for number in before + 1.. {
        let value = format!("{number}");
        let padding = format!("p{}", number % 50);
        let changes = vec![
            set("left", &value, number),
            set("right", &value, number),
            set(&padding, &value.repeat(100), number),
            remove(&format!("p{}", (number + 25) % 50), number),
            hsts("a.test", number),
        ];
        opened.store.apply(changes).wait().await;
        if number % 3 == 0 {
            opened.store.flush().await.unwrap();
            say(format_args!("{number}"));
        }
    }
}

#[tokio::test]
async fn what_was_flushed_survives_a_kill_at_any_moment() {
    let folder = Folder::new();
    let mut random = Random(0x5eed);
    let mut last = 0;
    let kills = scale(KILLS, 60);
    let started = instant();
    for round in 0..kills {
        let mut child = command("store until killed", &folder.0).spawn().unwrap();
        let said = lines(&mut child);
        let wanted = random.below(8);
        let mut flushed = last;
        let mut said = said.map(|line| line.parse::<i64>().unwrap());
        flushed = said.by_ref().take(wanted).last().unwrap_or(flushed);
        // Anywhere between two flushes; with none awaited, anywhere in opening.
        std::thread::sleep(Duration::from_micros(random.below(4_000) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts too.
        flushed = said.last().unwrap_or(flushed);

        if folder.database().exists() {
            let check: String = sqlite(&folder.database())
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                .unwrap();
            assert_eq!(check, "ok", "round {round}");
        }
        let opened = Opened::new(&folder.0).await;
        let found = |name: &str| {
            let mut cookies = opened.loaded.cookies.iter();
            cookies.find(|cookie| cookie.name() == name.as_bytes()).map_or(0, number)
        };
        assert_eq!(found("left"), found("right"), "round {round}");
        assert!(found("left") >= flushed, "round {round}: {} < {flushed}", found("left"));
        let observed = opened.loaded.hsts.first().map_or(0, |(_, entry)| entry.observed.0);
        assert_eq!(observed, found("left"), "round {round}");
        last = found("left");
        opened.store.close().await.unwrap();
        assert!(opened.events.try_iter().next().is_none(), "round {round}");
    }
    assert!(last > 0);
    println!("{kills} kills in {:?}, {last} batches stored", started.elapsed());
    let aside = folder.files().into_iter().filter(|name| name.contains("corrupt")).count();
    assert_eq!(aside, 0);
}

/// A cookie every few milliseconds, and never a flush.
pub(super) async fn store_without_a_flush(folder: &Path) {
    let opened = Opened::with(folder, StoreOptions::default()).await;
    for number in opened.loaded.cookies.len().. {
        opened.store.apply(vec![set(&format!("n{number}"), "value", 1)]).wait().await;
        say(format_args!("{number}"));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn what_is_older_than_a_second_survives_a_kill_without_a_flush() {
    let folder = Folder::new();
    let mut random = Random(0xace);
    for round in 0..scale(KILLS, 60) / 30 {
        let mut child = command("store without a flush", &folder.0).spawn().unwrap();
        let (sender, said) = channel();
        let output = lines(&mut child);
        let reader = std::thread::spawn(move || {
            output
                .for_each(|line| sender.send((line.parse::<usize>().unwrap(), instant())).unwrap())
        });
        std::thread::sleep(Duration::from_millis(2_500 + random.below(900) as u64));
        let killed = instant();
        child.kill().unwrap();
        child.wait().unwrap();
        reader.join().unwrap();
        // The second second is for a machine that does other things.
        let old = |at: std::time::Instant| killed.duration_since(at) > Duration::from_secs(2);
        let said: Vec<_> = said.try_iter().filter(|(_, at)| old(*at)).collect();
        let (last, _) = *said.last().expect("something is old enough");

        let opened = Opened::new(&folder.0).await;
        let found = opened.loaded.cookies.len();
        assert!(found > last, "round {round}: {found} of {last}");
        for number in 0..found {
            let name = format!("n{number}");
            let mut cookies = opened.loaded.cookies.iter();
            assert!(
                cookies.any(|cookie| cookie.name() == name.as_bytes()),
                "round {round}: {name}"
            );
        }
        opened.store.close().await.unwrap();
        assert!(opened.events.try_iter().next().is_none(), "round {round}");
    }
}

fn number(cookie: &CanonicalCookie) -> i64 {
    cookie.last_update().0
}

const KILLS: &str = "NETREQ_STORE_KILLS";

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }
}
