//! What goes when there are too many.

use super::super::purge::{MAX, MAX_PARTITION_BYTES, MAX_PARTITIONED, MAX_PER_DOMAIN, MAX_RECENT};
use super::*;
use crate::cookie::Priority;

/// Sets cookies `0..count` with these attributes, a second apart, from `start` on.
fn fill(jar: &mut Jar, from: &str, attributes: &str, count: usize, start: i64) -> Vec<Change> {
    let mut changes = Vec::new();
    for number in 0..count {
        let now = NOW.plus_seconds(start + number as i64);
        let line = format!("{start}-{number}=1; {attributes}");
        changes.extend(set(jar, from, &line, now).unwrap());
    }
    changes.retain(Change::is_removal);
    changes
}

fn count(jar: &Jar, of: impl Fn(&CanonicalCookie) -> bool) -> usize {
    jar.iter().filter(|cookie| of(cookie)).count()
}

#[test]
fn count_the_181st_cookie_of_a_domain_leaves_150() {
    let mut jar = jar(&[("https://b.test/", "b=1")]);
    assert_eq!(fill(&mut jar, "https://www.a.test/", "", MAX_PER_DOMAIN, 0), []);
    let gone = fill(&mut jar, "https://a.test/", "", 1, 1000);
    assert!(gone.iter().all(|change| change.cause == ChangeCause::Evicted));
    let names: Vec<&[u8]> = gone.iter().map(|change| change.cookie.name()).collect();
    let oldest: Vec<String> = (0..31).map(|number| format!("0-{number}")).collect();
    assert_eq!(names, oldest.iter().map(String::as_bytes).collect::<Vec<_>>());
    assert_eq!(jar.len(), 151);
    assert_eq!(header(&mut jar, "https://b.test/"), "b=1", "another domain keeps its own");
}

#[test]
fn count_what_was_used_last_stays() {
    let mut jar = Jar::new();
    fill(&mut jar, "https://a.test/", "Path=/used", 10, 0);
    fill(&mut jar, "https://a.test/", "", MAX_PER_DOMAIN - 10, 100);
    let later = NOW.plus_seconds(1000);
    header_with(&mut jar, "https://a.test/used", &FIRST_PARTY, later);
    // The request has used the others as well, so they count by their creation.
    let gone = fill(&mut jar, "https://a.test/", "", 1, 2000);
    assert_eq!(gone.len(), 31);
    header_with(&mut jar, "https://a.test/used", &FIRST_PARTY, NOW.plus_seconds(3000));
    assert_eq!(count(&jar, |cookie| cookie.path() == "/used"), 0);

    let mut jar = Jar::new();
    fill(&mut jar, "https://a.test/", "Path=/used", 10, 0);
    fill(&mut jar, "https://a.test/", "Path=/not", MAX_PER_DOMAIN - 10, 100);
    header_with(&mut jar, "https://a.test/used", &FIRST_PARTY, later);
    fill(&mut jar, "https://a.test/", "", 1, 2000);
    assert_eq!(count(&jar, |cookie| cookie.path() == "/used"), 10);
}

#[test]
fn count_expired_cookies_go_before_others() {
    let mut jar = Jar::new();
    fill(&mut jar, "https://a.test/", "Max-Age=60", 1, 0);
    fill(&mut jar, "https://a.test/", "", MAX_PER_DOMAIN - 1, 100);
    let gone = fill(&mut jar, "https://a.test/", "", 1, 1000);
    assert_eq!(causes(&gone), [("expired", "0-0=1".to_owned())]);
    assert_eq!(jar.len(), MAX_PER_DOMAIN);
}

#[test]
fn count_low_priority_goes_first_and_each_priority_keeps_its_share() {
    for (low, medium, high, expected) in [
        (61, 60, 60, [30, 60, 60]),
        (30, 75, 76, [30, 50, 70]),
        (0, 181, 0, [0, 150, 0]),
        (0, 0, 181, [0, 0, 150]),
        (181, 0, 0, [150, 0, 0]),
        (20, 20, 141, [20, 20, 110]),
        (100, 50, 31, [69, 50, 31]),
    ] {
        let mut jar = Jar::new();
        for (priority, number, start) in
            [("Low", low, 0), ("Medium", medium, 1000), ("High", high, 2000)]
        {
            fill(&mut jar, "https://a.test/", &format!("Priority={priority}"), number, start);
        }
        let left = [Priority::Low, Priority::Medium, Priority::High]
            .map(|priority| count(&jar, |cookie| cookie.priority() == priority));
        assert_eq!(left, expected, "{low} {medium} {high}");
    }
}

#[test]
fn count_a_cookie_in_the_clear_goes_before_a_secure_one() {
    let mut jar = Jar::new();
    fill(&mut jar, "https://a.test/", "Secure", 100, 0);
    fill(&mut jar, "https://a.test/", "", 81, 1000);
    assert_eq!(count(&jar, CanonicalCookie::secure), 100);
    assert_eq!(jar.len(), 150);
}

/// One cookie for each of so many domains, from `start` on.
fn spread(
    jar: &mut Jar,
    domains: std::ops::Range<usize>,
    attributes: &str,
    start: i64,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for number in domains {
        let from = format!("https://d{number}.test/");
        let now = NOW.plus_seconds(start);
        changes.extend(set(jar, &from, &format!("a={number}; {attributes}"), now).unwrap());
    }
    changes.retain(Change::is_removal);
    changes
}

#[test]
fn count_beyond_3300_the_unused_of_all_domains_go_until_3000_stay() {
    let month = 31 * 86_400;
    let mut jar = Jar::new();
    assert_eq!(spread(&mut jar, 0..100, "Secure", 0), []);
    assert_eq!(spread(&mut jar, 100..MAX, "", 10), []);
    let gone = spread(&mut jar, MAX..MAX + 1, "", month);
    assert_eq!((gone.len(), jar.len()), (301, 3000));
    assert!(gone.iter().all(|change| change.cause == ChangeCause::Evicted));
    assert_eq!(count(&jar, CanonicalCookie::secure), 100, "in the clear goes first");
    assert_eq!(spread(&mut jar, 5000..5300, "", month), []);
    assert_eq!(jar.len(), MAX);
}

#[test]
fn count_recently_used_cookies_stay_beyond_3300_but_not_without_end() {
    let mut jar = Jar::new();
    assert_eq!(spread(&mut jar, 0..MAX_RECENT, "", 0), []);
    assert_eq!(jar.len(), MAX_RECENT);
    let gone = spread(&mut jar, MAX_RECENT..MAX_RECENT + 1, "", 10);
    assert_eq!((gone.len(), jar.len()), (301, MAX_RECENT - 300));
    assert_eq!(header(&mut jar, "https://d0.test/"), "");
    assert_eq!(
        header(&mut jar, &format!("https://d{MAX_RECENT}.test/")),
        format!("a={MAX_RECENT}")
    );
}

#[test]
fn count_a_partition_has_its_own_limits() {
    let key = |number: usize| {
        PartitionKey::new(&url(&format!("https://top{number}.test/")), false).unwrap()
    };
    let put = |jar: &mut Jar, key: &PartitionKey, from: &str, name: &str, size, second| {
        let access = Access { partition_key: Some(key), ..FIRST_PARTY };
        let line = format!("{name}={}; Secure; Partitioned", "v".repeat(size));
        let now = NOW.plus_seconds(second);
        let mut changes = set_with(jar, from, &line, &access, now).unwrap();
        changes.retain(Change::is_removal);
        changes
    };
    let mut jar = jar(&[("https://a.test/", "plain=1")]);
    let (one, two) = (key(1), key(2));
    for number in 0..MAX_PER_DOMAIN {
        let gone =
            put(&mut jar, &one, "https://a.test/", &format!("{number:03}"), 1, number as i64);
        assert_eq!(gone, []);
    }
    assert_eq!(put(&mut jar, &two, "https://a.test/", "other", 1, 500), []);
    let gone = put(&mut jar, &one, "https://a.test/", "last", 1, 500);
    assert_eq!(causes(&gone), [("evicted", "000=v".to_owned())]);

    for (name, size) in [("x", 4000), ("y", 4000)] {
        assert_eq!(put(&mut jar, &one, "https://a.test/", name, size, 501).len(), 1, "one for one");
    }
    let gone = put(&mut jar, &one, "https://a.test/", "z", 2000, 502);
    assert!(gone.len() > 100 && gone.iter().all(|change| change.cause == ChangeCause::Evicted));
    let bytes: usize = jar
        .iter()
        .filter(|cookie| cookie.partition_key() == Some(&one))
        .map(|cookie| cookie.name().len() + cookie.value().len())
        .sum();
    assert!(bytes <= MAX_PARTITION_BYTES && bytes > MAX_PARTITION_BYTES - 8, "{bytes}");
    assert_eq!(header(&mut jar, "https://a.test/"), "plain=1");
}

#[test]
fn count_partitions_have_an_end_together() {
    let mut jar = Jar::new();
    let mut gone = 0;
    for number in 0..=MAX_PARTITIONED {
        let key = PartitionKey::new(&url(&format!("https://top{number}.test/")), false).unwrap();
        let access = Access { partition_key: Some(&key), ..FIRST_PARTY };
        let line = "a=1; Secure; Partitioned";
        let now = NOW.plus_seconds(number as i64);
        let changes = set_with(&mut jar, "https://a.test/", line, &access, now).unwrap();
        gone += changes.iter().filter(|change| change.is_removal()).count();
    }
    assert_eq!((gone, jar.len()), (301, MAX_PARTITIONED - 300));
    assert_eq!(jar.partitions.len(), jar.len());
}
