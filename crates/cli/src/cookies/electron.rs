//! Cookies as JSON: the objects of Electron's `session.cookies`, which browser extensions share.
//!
//! What is written is read again as the same cookie, but for its dates of use and its priority, which
//! have no member. A partitioned cookie has a `partitionKey`, spelled as in Chrome's extensions. An
//! error names the cookie and the member, never a value.

use netreq::{
    Cookie, CookiePriority, PartitionKey, SameSite, SourceScheme, StoredCookie, Timestamp, Url,
};
use serde_json::{Map, Value};

use crate::output::ObjectLine;

/// An array of cookies, one a line. Bytes that are no text are replaced.
pub(super) fn write<'a>(cookies: impl IntoIterator<Item = &'a Cookie>) -> String {
    let objects: Vec<_> = cookies.into_iter().map(object).collect();
    if objects.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", objects.join(",\n")) }
}

/// Whether the object of a cookie holds all of it.
pub(super) fn holds(cookie: &Cookie) -> bool {
    std::str::from_utf8(cookie.pair()).is_ok()
}

fn object(cookie: &Cookie) -> String {
    let mut object = ObjectLine::new();
    object
        .string("name", &String::from_utf8_lossy(cookie.name()))
        .string("value", &String::from_utf8_lossy(cookie.value()))
        .string("domain", cookie.domain())
        .raw("hostOnly", word(cookie.is_host_only()))
        .string("path", cookie.path())
        .raw("secure", word(cookie.secure()))
        .raw("httpOnly", word(cookie.http_only()))
        .raw("session", word(!cookie.is_persistent()));
    if let Some(expiry) = cookie.expiry() {
        object.raw("expirationDate", &expiry.as_seconds().to_string());
    }
    object.string("sameSite", &cookie.same_site().to_string());
    if let Some(key) = cookie.partition_key() {
        let mut members = ObjectLine::new();
        members
            .string("topLevelSite", key.top_level_site())
            .raw("hasCrossSiteAncestor", word(key.has_cross_site_ancestor()));
        object.raw("partitionKey", &members.end());
    }
    object.end()
}

fn word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// The cookies of an array of objects, of one object, or of the member `cookies` of one, as Playwright
/// keeps the state of a browser. Members that are not known say nothing.
///
/// # Errors
///
/// What is wrong with which cookie.
pub(super) fn read(text: &[u8], now: Timestamp) -> Result<Vec<Cookie>, String> {
    let cookies = match serde_json::from_slice(text).map_err(|error| error.to_string())? {
        Value::Array(cookies) => cookies,
        Value::Object(mut state) if state.contains_key("cookies") => {
            match state.remove("cookies") {
                Some(Value::Array(cookies)) => cookies,
                _ => return Err("cookies is not an array".to_owned()),
            }
        }
        cookie => vec![cookie],
    };
    let numbered = cookies.iter().enumerate();
    numbered
        .map(|(index, value)| {
            let cookie = value.as_object().ok_or_else(|| "it is no object".to_owned());
            let cookie = cookie.and_then(|members| cookie_of(members, now));
            cookie.map_err(|why| format!("cookie {}: {why}", index + 1))
        })
        .collect()
}

fn cookie_of(members: &Map<String, Value>, now: Timestamp) -> Result<Cookie, String> {
    let text = |name| member(members, name, Value::as_str, "a string");
    let flag = |name| member(members, name, Value::as_bool, "true or false");
    let given = text("domain")?.ok_or("domain is missing")?;
    let host = given.strip_prefix('.').unwrap_or(given);
    let is_host_only = flag("hostOnly")?.unwrap_or_else(|| !given.starts_with('.'));
    let seconds = |name| member(members, name, Value::as_f64, "a number of seconds");
    // DevTools and Playwright write `expires`, and -1 for the end of the session.
    let other_expiry = seconds("expires")?.filter(|seconds| *seconds >= 0.0);
    let expiry = seconds("expirationDate")?.or(other_expiry);
    let same_site = match text("sameSite")? {
        Some("Lax") => SameSite::Lax,
        Some("Strict") => SameSite::Strict,
        Some("None") => SameSite::NoRestriction,
        Some(word) => word.parse().map_err(|_| {
            "sameSite is none of unspecified, no_restriction, lax and strict".to_owned()
        })?,
        None => SameSite::Unspecified,
    };
    let partition_key = member(members, "partitionKey", Value::as_object, "an object")?;
    Cookie::from_storage(StoredCookie {
        name: text("name")?.unwrap_or_default().into(),
        value: text("value")?.unwrap_or_default().into(),
        domain: if is_host_only { host.to_owned() } else { format!(".{host}") },
        path: text("path")?.unwrap_or("/").to_owned(),
        creation: now,
        expiry: match flag("session")? {
            Some(true) => None,
            Some(false) | None => expiry.map(Timestamp::from_seconds),
        },
        last_access: now,
        last_update: now,
        secure: flag("secure")?.unwrap_or_default(),
        http_only: flag("httpOnly")?.unwrap_or_default(),
        same_site,
        priority: CookiePriority::default(),
        partition_key: partition_key.map(key_of).transpose()?,
        source_scheme: SourceScheme::Unset,
        source_port: None,
    })
    .map_err(|reason| reason.sentence().to_owned())
}

fn key_of(members: &Map<String, Value>) -> Result<PartitionKey, String> {
    let site = member(members, "topLevelSite", Value::as_str, "a string")?.unwrap_or_default();
    let ancestor = member(members, "hasCrossSiteAncestor", Value::as_bool, "true or false")?;
    let key = Url::parse(site).ok();
    let key = key.and_then(|site| PartitionKey::new(&site, ancestor.unwrap_or_default()));
    key.ok_or_else(|| "partitionKey.topLevelSite is no site".to_owned())
}

/// A member; `null` is as good as none.
fn member<'a, T>(
    members: &'a Map<String, Value>,
    name: &str,
    read: impl FnOnce(&'a Value) -> Option<T>,
    kind: &str,
) -> Result<Option<T>, String> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| format!("{name} is not {kind}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

    fn cookie(line: &str) -> Cookie {
        let url = Url::parse("https://a.test/x/y").unwrap();
        let key = PartitionKey::new(&url, false);
        Cookie::from_line(line.as_bytes(), &url, NOW, None, key.as_ref()).unwrap()
    }

    #[test]
    fn a_cookie_is_electrons_object_and_read_again() {
        let cookies = [
            cookie("n=v \"w\"; Max-Age=60; Domain=a.test; Path=/; Secure; HttpOnly; SameSite=None"),
            cookie("nameless"),
            cookie("__Host-p=1; Path=/; Secure; Partitioned; SameSite=Strict"),
        ];
        let text = write(&cookies);
        assert_eq!(
            text,
            r#"[
{"name": "n", "value": "v \"w\"", "domain": ".a.test", "hostOnly": false, "path": "/", "secure": true, "httpOnly": true, "session": false, "expirationDate": 1764000060, "sameSite": "no_restriction"},
{"name": "", "value": "nameless", "domain": "a.test", "hostOnly": true, "path": "/x", "secure": false, "httpOnly": false, "session": true, "sameSite": "unspecified"},
{"name": "__Host-p", "value": "1", "domain": "a.test", "hostOnly": true, "path": "/", "secure": true, "httpOnly": false, "session": true, "sameSite": "strict", "partitionKey": {"topLevelSite": "https://a.test", "hasCrossSiteAncestor": false}}
]
"#
        );
        let read = read(text.as_bytes(), NOW).unwrap();
        assert_eq!(read.len(), cookies.len());
        for (read, written) in read.iter().zip(&cookies) {
            assert_eq!((read.key(), read.pair()), (written.key(), written.pair()));
            assert!(write([read]) == write([written]), "{read:?}");
        }
        assert_eq!(write([]), "[]\n");
    }

    #[test]
    fn what_browser_extensions_write_is_understood() {
        for (text, domain, path) in [
            (r#"{"name": "a", "value": "b", "domain": "a.test"}"#, "a.test", "/"),
            (r#"[{"name": "a", "domain": ".a.test", "path": "/x"}]"#, ".a.test", "/x"),
            (r#"[{"name": "a", "domain": "a.test", "hostOnly": false}]"#, ".a.test", "/"),
            (
                r#"[{"name": "a", "domain": "a.test", "sameSite": null, "storeId": "0", "id": 1}]"#,
                "a.test",
                "/",
            ),
            (
                r#"[{"name": "a", "domain": "a.test", "session": true, "expirationDate": 5}]"#,
                "a.test",
                "/",
            ),
        ] {
            let cookies = read(text.as_bytes(), NOW).unwrap();
            let [cookie] = &cookies[..] else { panic!("{text}") };
            assert_eq!((cookie.domain(), cookie.path()), (domain, path), "{text}");
            assert_eq!(cookie.expiry(), None, "{text}");
        }
    }

    #[test]
    fn what_playwright_keeps_of_a_browser_is_understood() {
        let text = r#"{"cookies": [
            {"name": "a", "value": "1", "domain": "a.test", "path": "/x", "expires": -1,
             "httpOnly": true, "secure": true, "sameSite": "Lax"},
            {"name": "b", "value": "2", "domain": ".a.test", "path": "/", "expires": 1800000000.5,
             "httpOnly": false, "secure": true, "sameSite": "None"},
            {"name": "c", "value": "3", "domain": "a.test", "path": "/", "expires": 1800000000,
             "httpOnly": false, "secure": false, "sameSite": "Strict"}
        ], "origins": []}"#;
        let cookies = read(text.as_bytes(), NOW).unwrap();
        let seen: Vec<_> = cookies
            .iter()
            .map(|cookie| {
                let attributes = (cookie.secure(), cookie.http_only(), cookie.same_site());
                let expiry = cookie.expiry().map(|expiry| expiry.0);
                (cookie.pair(), cookie.domain(), cookie.path(), expiry, attributes)
            })
            .collect();
        let soon = 1_800_000_000_000_000;
        assert_eq!(
            seen,
            [
                (&b"a=1"[..], "a.test", "/x", None, (true, true, SameSite::Lax)),
                (
                    b"b=2",
                    ".a.test",
                    "/",
                    Some(soon + 500_000),
                    (true, false, SameSite::NoRestriction)
                ),
                (b"c=3", "a.test", "/", Some(soon), (false, false, SameSite::Strict)),
            ]
        );
        assert_eq!(read(br#"{"cookies": []}"#, NOW).unwrap().len(), 0);
    }

    #[test]
    fn an_error_names_the_cookie_and_never_a_value() {
        for (text, expected) in [
            (r#"["secret"]"#, "cookie 1: it is no object"),
            (r#"{"name": "secret"}"#, "cookie 1: domain is missing"),
            (r#"[{"domain": 7}]"#, "cookie 1: domain is not a string"),
            (
                r#"[{"name": "a", "domain": "a.test"}, {"name": 1, "domain": "a.test"}]"#,
                "cookie 2: name is not a string",
            ),
            (
                r#"[{"name": "a", "domain": "a.test", "secure": "secret"}]"#,
                "cookie 1: secure is not true or false",
            ),
            (
                r#"[{"name": "a", "domain": "a.test", "sameSite": "secret"}]"#,
                "cookie 1: sameSite is none of unspecified, no_restriction, lax and strict",
            ),
            (
                r#"[{"name": "a", "domain": "com", "hostOnly": false}]"#,
                "cookie 1: The cookie was set with an invalid Domain attribute.",
            ),
            (
                r#"[{"value": "se\ncret", "domain": "a.test"}]"#,
                "cookie 1: The cookie contains ASCII control characters",
            ),
            (
                r#"[{"name": "a", "domain": "a.test", "secure": true, "partitionKey": {}}]"#,
                "cookie 1: partitionKey.topLevelSite is no site",
            ),
            (r#"{"cookies": "secret"}"#, "cookies is not an array"),
            (r#"{"cookies": ["secret"]}"#, "cookie 1: it is no object"),
            ("[", "EOF while parsing a list at line 1 column 1"),
            (r#"[{"name": secret}]"#, "expected value at line 1 column 11"),
        ] {
            assert_eq!(read(text.as_bytes(), NOW).unwrap_err(), expected, "{text}");
        }
        assert!(read("[".repeat(100_000).as_bytes(), NOW).is_err());
    }
}
