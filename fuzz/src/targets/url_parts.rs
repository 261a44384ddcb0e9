//! What a URL becomes in a request: request line, `Host`, `Origin`, `Referer`.
//!
//! Each stands on one line, names the server that the URL names, and says nothing of its user,
//! password or fragment.

use http::Method;
use netreq_proto::h1::{Connection, RequestBody, RequestHead, Target, write_head};
use netreq_proto::origin::Origin;
use netreq_proto::referrer::{ReferrerPolicy, referrer_for};
use netreq_proto::site::is_same_site;
use url::Url;

/// Reads `data` as a URL.
pub fn url_parts(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(url) = Url::parse(text) else { return };
    let origin = Origin::from_url(&url);
    let again = origin.to_string().parse();
    assert!(again.is_ok_and(|again: Origin| again == origin), "{origin} reads as another origin");
    assert_eq!(url.origin().ascii_serialization(), origin.to_string());
    if !matches!(url.scheme(), "http" | "https") {
        return;
    }

    assert!(is_same_site(&url, &url));
    let mut told = url.clone();
    told.set_fragment(None);
    // An http URL always can have a user and a password.
    assert!(told.set_username("").is_ok() && told.set_password(None).is_ok());

    let (line, host) = head(Target::Origin(&url));
    assert_eq!(format!("{}://{host}{line}", url.scheme()), told.as_str());
    let (line, host_again) = head(Target::Absolute(&url));
    assert_eq!((line.as_str(), host_again), (told.as_str(), host));

    let referrer = referrer_for(ReferrerPolicy::UnsafeUrl, Some(&url), &url);
    let expected = if told.as_str().len() <= 4096 { told.clone() } else { root(&told) };
    assert_eq!(referrer.as_deref(), Some(expected.as_str()));
    let referrer = referrer_for(ReferrerPolicy::Origin, Some(&url), &url);
    assert_eq!(referrer.as_deref(), Some(root(&told).as_str()));
}

/// The target and the `Host` of the head for `target`, which must have these lines and no other.
fn head(target: Target<'_>) -> (String, String) {
    let head = RequestHead {
        method: &Method::GET,
        target,
        host: None,
        connection: Some(Connection::Close),
        body: RequestBody::None,
    };
    let mut bytes = Vec::new();
    write_head(&mut bytes, &head, [("X-Last", &b"1"[..])]);
    let text = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        text.bytes().all(|byte| byte.is_ascii_graphic() || b" \r\n".contains(&byte)),
        "{text:?}"
    );
    assert_eq!(text.matches(['\r', '\n']).count(), 10, "{text:?}");

    let lines: Vec<&str> = text.split("\r\n").collect();
    let [first, host, "Connection: close", "X-Last: 1", "", ""] = lines.as_slice() else {
        panic!("not the lines of a head: {text:?}");
    };
    let words: Vec<&str> = first.split(' ').collect();
    let ["GET", target, "HTTP/1.1"] = words.as_slice() else { panic!("{first:?}") };
    let Some(host) = host.strip_prefix("Host: ") else { panic!("{host:?}") };
    assert!(!host.is_empty() && !host.contains(['@', ' ', '/']), "{host:?}");
    ((*target).to_owned(), host.to_owned())
}

fn root(url: &Url) -> Url {
    url.join("/").unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "http://",
    "https://",
    "blob:https://",
    "user:pass@",
    "@",
    "[::1]",
    "127.1",
    "0x7f.1",
    "xn--bcher-kva",
    "b\u{fc}cher",
    ":80",
    ":443",
    ":0",
    "/../",
    "%0d%0a",
    "\r\nX-Injected: 1",
    "%00",
    "?",
    "#",
    "\\",
    ".",
    "%2e",
];
