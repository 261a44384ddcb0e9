//! The `Cookie` field of a request out of 3,000 cookies of 180 sites, beside the crate cookie_store.
//!
//! Without arguments both do the same work in turns, round after round, and a table says what one
//! request costs: the median of the rounds, the lowest and the highest. Before, both are asked for
//! every URL and have to answer with the same cookies. `NAME N` does N requests of one of the two,
//! to be counted under valgrind's callgrind with two values of N.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use cookie_store::CookieStore;
use netreq_proto::cookie::{Access, CanonicalCookie, Jar, Timestamp};
use url::Url;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        [] => compare(),
        [name, turns] => one(name, turns),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Both in turns, for both ways to spread the cookies.
fn compare() -> Outcome {
    for (title, spread, complete) in [
        ("3,000 cookies of 180 registrable domains", Spread::Sites, true),
        ("3,000 cookies of 180 hosts below 7 registrable domains", Spread::Hosts, false),
    ] {
        let urls = spread.urls()?;
        let (mut jar, now) = spread.jar()?;
        let store = spread.store()?;
        let held = jar.len();
        let mut ours = |url: &Url| jar_header(&mut jar, url, now);
        let theirs = |url: &Url| store_header(&store, url);
        for url in &urls {
            let (ours, theirs) = (pairs(&ours(url)), pairs(&theirs(url)));
            if !(ours == theirs || !complete && ours.is_subset(&theirs)) {
                return Err(format!("{url}: {ours:?} and {theirs:?}").into());
            }
        }

        let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            our_times.push(time(&urls, TURNS, &mut ours));
            their_times.push(time(&urls, TURNS / 16, theirs));
        }
        println!("{title}; the jar holds {held}");
        report("netreq", &mut our_times, allocations(&urls, &mut ours));
        report("cookie_store", &mut their_times, allocations(&urls, theirs));
    }
    Ok(())
}

/// As many requests as asked for, of one alone.
fn one(name: &str, turns: &str) -> Outcome {
    let turns: usize = turns.parse().map_err(|_| USAGE)?;
    let spread = Spread::Sites;
    let urls = spread.urls()?;
    match name {
        "netreq" => {
            let (mut jar, now) = spread.jar()?;
            time(&urls, turns, |url| jar_header(&mut jar, url, now));
        }
        "cookie_store" => {
            let store = spread.store()?;
            time(&urls, turns, |url| store_header(&store, url));
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn jar_header(jar: &mut Jar, url: &Url, now: Timestamp) -> Vec<u8> {
    jar.cookies_for(url, &Access::api(true), now).header.unwrap_or_default()
}

fn store_header(store: &CookieStore, url: &Url) -> Vec<u8> {
    let pairs = store.get_request_values(url).map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("; ").into_bytes()
}

fn pairs(header: &[u8]) -> BTreeSet<String> {
    let header = String::from_utf8_lossy(header);
    header.split("; ").filter(|pair| !pair.is_empty()).map(str::to_owned).collect()
}

/// Nanoseconds of a request.
#[expect(clippy::disallowed_methods, reason = "rules are measured, there is no session")]
fn time(urls: &[Url], turns: usize, mut ask: impl FnMut(&Url) -> Vec<u8>) -> f64 {
    let start = Instant::now();
    for url in urls.iter().cycle().take(turns) {
        black_box(ask(black_box(url)));
    }
    start.elapsed().as_nanos() as f64 / turns as f64
}

/// Allocations and bytes of a request. Counted apart from the times, which counting would lengthen.
fn allocations(urls: &[Url], mut ask: impl FnMut(&Url) -> Vec<u8>) -> (f64, f64) {
    let counted = allocation_counter::measure(|| {
        for url in urls {
            black_box(ask(url));
        }
    });
    let share = |total: u64| total as f64 / urls.len() as f64;
    (share(counted.count_total), share(counted.bytes_total))
}

fn report(name: &str, times: &mut [f64], (count, bytes): (f64, f64)) {
    times.sort_by(f64::total_cmp);
    let [low, median, high] = [times[0], times[times.len() / 2], times[times.len() - 1]];
    println!(
        "  {name:<14}{median:>9.0} ns ({low:.0}-{high:.0}) {count:>8.2} allocations of {bytes:.0} bytes"
    );
}

/// How the cookies are spread: paths `/`, `/a` and `/a/b`; a third for the domain, a third `Secure`,
/// a third `HttpOnly`.
#[derive(Clone, Copy)]
enum Spread {
    /// Each host is a registrable domain of its own, and nothing has to make room.
    Sites,
    /// 26 hosts below each registrable domain, whose limit of 180 cookies holds for all of them: the
    /// jar evicts, and what is left of 26 hosts lies in one place.
    Hosts,
}

impl Spread {
    fn domain(self, number: usize) -> String {
        let site = number % 180;
        match self {
            Self::Sites => format!("site{site}.example{}", site % 7),
            Self::Hosts => format!("site{site}.example{}.com", site % 7),
        }
    }

    fn urls(self) -> Outcome<Vec<Url>> {
        let texts = (0..180).map(|site| format!("https://www.{}/a/b/c?x=1", self.domain(site)));
        Ok(texts.map(|text| Url::parse(&text)).collect::<Result<_, _>>()?)
    }

    fn cookies(self) -> Outcome<Vec<(Url, String)>> {
        let make = |number: usize| {
            let domain = self.domain(number);
            let url = Url::parse(&format!("https://www.{domain}/a/b/c"))?;
            let path = ["/", "/a", "/a/b"][number / 180 % 3];
            let attribute = match number % 3 {
                0 => format!("Domain={domain}"),
                1 => "Secure".to_owned(),
                _ => "HttpOnly".to_owned(),
            };
            let value = format!("value-{number}-0123456789abcdef");
            Ok((url, format!("c{number}={value}; Path={path}; Max-Age=86400; {attribute}")))
        };
        (0..3000).map(make).collect()
    }

    fn jar(self) -> Outcome<(Jar, Timestamp)> {
        let (mut jar, start) = (Jar::new(), Timestamp(1_764_000_000_000_000));
        let mut now = start;
        for (url, line) in self.cookies()? {
            now = Timestamp(now.0 + 1);
            let cookie = CanonicalCookie::from_line(line.as_bytes(), &url, now, None, None)?;
            jar.set(cookie, &url, &Access::api(true), now)?;
        }
        Ok((jar, now))
    }

    fn store(self) -> Outcome<CookieStore> {
        let mut store = CookieStore::default();
        for (url, line) in self.cookies()? {
            store.parse(&line, &url)?;
        }
        Ok(store)
    }
}

const ROUNDS: usize = 201;
const TURNS: usize = 180 * 16;
const USAGE: &str = "usage: netreq-bench-cookies [netreq|cookie_store N]";
