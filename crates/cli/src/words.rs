//! How single words are read: the method, a URL without its scheme, addresses, the kind of a file.
//!
//! Each function answers from its argument alone; `high.rs` puts the answers together.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use netreq::DnsOverHttpsServer;
use url::{Host, Url};

use crate::exit::Failure;

/// The method if there is one, the URL, and the items.
///
/// # Errors
///
/// There is no URL.
pub(crate) fn split_words(words: &[String]) -> Result<(Option<String>, &str, &[String]), Failure> {
    match words {
        [] => Err(Failure::usage("no URL")),
        [only] if is_method(only) => Err(Failure::usage(format!("no URL after {only}"))),
        [method, url, items @ ..] if is_method(method) => {
            Ok((Some(method.to_ascii_uppercase()), url, items))
        }
        [url, items @ ..] => Ok((None, url, items)),
    }
}

/// Whether a first word is a method: capitals, or a well-known one in any case.
///
/// httpie takes any word of letters, and so takes `localhost` for a method.
fn is_method(word: &str) -> bool {
    const KNOWN: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
    KNOWN.iter().any(|known| known.eq_ignore_ascii_case(word))
        || word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
            && word.bytes().any(|byte| byte != b'-')
}

/// The URL that `text` stands for.
///
/// Without a scheme it is https, and http for this machine: `localhost`, `:port`, loopback addresses
/// in any spelling that the URL standard knows.
///
/// # Errors
///
/// It is no URL, or not one of http or https. The message never holds a user or a password.
pub(crate) fn guess_url(text: &str) -> Result<Url, Failure> {
    let complete = if has_scheme(text) {
        text.to_owned()
    } else if text.starts_with(':') {
        // `:3000/x` and `:/x`.
        format!("http://localhost{}", text.strip_prefix(":/").map_or(text, |_| &text[1..]))
    } else {
        let rest = text.strip_prefix("//").unwrap_or(text);
        let plain = format!("http://{rest}");
        if Url::parse(&plain).is_ok_and(|url| is_here(&url)) {
            plain
        } else {
            format!("https://{rest}")
        }
    };
    let shown = without_user(text);
    // A host of that name is a slip of the hand.
    if let Some((scheme @ ("http" | "https"), _)) = text.split_once(':')
        && !has_scheme(text)
    {
        return Err(Failure::usage(format!("'{shown}': after {scheme}: come two slashes")));
    }
    let url = Url::parse(&complete)
        .map_err(|cause| Failure::usage(format!("'{shown}' is no URL: {cause}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(Failure::usage(format!(
            "'{shown}': only http and https can be asked, not {scheme}"
        ))),
    }
}

/// Whether `text` begins with a scheme.
///
/// The schemes that the URL standard calls special need no two slashes, and no host is called so.
fn has_scheme(text: &str) -> bool {
    const SPECIAL: [&str; 6] = ["http", "https", "ftp", "file", "ws", "wss"];
    text.split_once(':').is_some_and(|(scheme, rest)| {
        let is_special = SPECIAL.iter().any(|special| special.eq_ignore_ascii_case(scheme));
        let is_word = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_word && rest.starts_with("//") || is_special && rest.starts_with(['/', '\\'])
    })
}

/// Whether the host of `url` is this machine, whatever its resolver says.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

/// `text`, which may be no URL, without a user and a password.
///
/// Where the authority ends is not certain in what cannot be parsed, so everything up to the last `@`
/// is taken for them.
fn without_user(text: &str) -> Cow<'_, str> {
    let Some((before, after)) = text.rsplit_once('@') else { return Cow::Borrowed(text) };
    match before.split_once("://") {
        Some((scheme, _)) if has_scheme(text) => format!("{scheme}://…@{after}").into(),
        _ => format!("…@{after}").into(),
    }
}

/// The name of a file for `url`: the last part of its path. Never a path of several parts, and never
/// from the server.
///
/// # Errors
///
/// The path ends in no name.
pub(crate) fn name_from(url: &Url) -> Result<PathBuf, Failure> {
    let name = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let name = if cfg!(windows) { name.replace([':', '*', '|'], "_") } else { name.to_owned() };
    // The parser of URLs has taken `.` and `..` out; an encoded slash stays encoded.
    if name.is_empty() || Path::new(&name).components().count() != 1 {
        return Err(Failure::usage("the URL ends in no name; write -o FILE"));
    }
    Ok(PathBuf::from(name))
}

/// What the arguments of `--resolve` are as host resolver rules, in Chromium's grammar.
///
/// # Errors
///
/// What was wrong, for the user.
pub(crate) fn resolver_rules(typed: &[String]) -> Result<String, Failure> {
    let mut rules = Vec::new();
    for text in typed {
        let mut parts = text.strip_prefix('+').unwrap_or(text).splitn(3, ':');
        let (host, port, address) = (parts.next(), parts.next(), parts.next());
        let rule = (|| {
            let host = host.filter(|host| !host.is_empty() && !host.contains([',', ' ', '\t']))?;
            let port = port?.parse::<u16>().ok()?;
            let address = address?.trim_start_matches('[').trim_end_matches(']');
            Some(match address.parse::<IpAddr>().ok()? {
                IpAddr::V4(address) => format!("MAP {host}:{port} {address}"),
                IpAddr::V6(address) => format!("MAP {host}:{port} [{address}]"),
            })
        })();
        rules.push(rule.ok_or_else(|| {
            Failure::usage(format!("--resolve '{text}': write HOST:PORT:ADDRESS with one address"))
        })?);
    }
    Ok(rules.join(", "))
}

/// The servers for DNS over HTTPS of `--doh-url`.
///
/// # Errors
///
/// What was wrong, for the user.
pub(crate) fn dns_servers(typed: &[String]) -> Result<Vec<DnsOverHttpsServer>, Failure> {
    let server = |text: &String| {
        text.parse().map_err(|refused| Failure::usage(format!("--doh-url '{text}': {refused}")))
    };
    typed.iter().map(server).collect()
}

/// Where `netreq serve` listens: a free port of this machine, a port of it, or an address.
///
/// # Errors
///
/// What was wrong, for the user.
pub(crate) fn listen_address(typed: Option<&str>) -> Result<SocketAddr, Failure> {
    let Some(text) = typed else {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    };
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    match (port.parse::<u16>(), text.parse()) {
        (Ok(port), _) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        (Err(_), Ok(address)) => Ok(address),
        (Err(_), Err(_)) => {
            Err(Failure::usage(format!("--listen '{text}': write ADDRESS:PORT, or a port alone")))
        }
    }
}

/// The `Content-Type` that a file's ending stands for.
pub(crate) fn content_type(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    let known = CONTENT_TYPES.iter().find(|(known, _)| *known == ending);
    known.map(|(_, content_type)| *content_type)
}

/// The kinds of file that are commonly sent.
const CONTENT_TYPES: &[(&str, &str)] = &[
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("mp4", "video/mp4"),
    ("ndjson", "application/x-ndjson"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("wasm", "application/wasm"),
    ("webp", "image/webp"),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_scheme_is_https_except_on_this_machine() {
        for (text, expected) in [
            ("example.org", "https://example.org/"),
            ("example.org:8443/x?y#z", "https://example.org:8443/x?y#z"),
            ("//example.org/x", "https://example.org/x"),
            ("http://example.org", "http://example.org/"),
            ("HTTPS://example.org", "https://example.org/"),
            ("localhost", "http://localhost/"),
            ("localhost:3000/x", "http://localhost:3000/x"),
            ("LocalHost/x", "http://localhost/x"),
            ("app.localhost", "http://app.localhost/"),
            ("me:pw@localhost/", "http://me:pw@localhost/"),
            ("localhost.example.org", "https://localhost.example.org/"),
            ("127.0.0.1:80/x", "http://127.0.0.1/x"),
            ("[::1]:8080", "http://[::1]:8080/"),
            ("127.1:3000", "http://127.0.0.1:3000/"),
            ("0x7f.1:3000/x", "http://127.0.0.1:3000/x"),
            ("2130706433", "http://127.0.0.1/"),
            ("[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]/"),
            ("127.1.example.org", "https://127.1.example.org/"),
            ("10.0.0.1", "https://10.0.0.1/"),
            ("http:/127.0.0.1", "http://127.0.0.1/"),
            ("https:/example.org/x", "https://example.org/x"),
            ("HTTP:\\example.org", "http://example.org/"),
            (":3000", "http://localhost:3000/"),
            (":3000/x", "http://localhost:3000/x"),
            (":/x", "http://localhost/x"),
            ("example.org/?u=http://x", "https://example.org/?u=http://x"),
        ] {
            assert_eq!(guess_url(text).map(String::from).as_deref(), Ok(expected), "{text}");
        }
        let slip = guess_url("http:8080").map_err(|failure| failure.line);
        assert_eq!(slip, Err("'http:8080': after http: come two slashes".to_owned()));
        assert!(guess_url("file:/etc/passwd").is_err());
        assert!(guess_url("ftp://example.org").is_err());
        assert!(guess_url("file:///etc/passwd").is_err());
        assert!(guess_url("").is_err());
        assert!(guess_url("a b").is_err());
    }

    #[test]
    fn a_message_about_a_url_never_holds_a_password() {
        for (text, expected) in [
            ("http://me:secret@127.0.0.1:99999/", "'http://…@127.0.0.1:99999/' is no URL: "),
            ("me:secret@127.0.0.1:99999", "'…@127.0.0.1:99999' is no URL: "),
            ("http:/me:secret@a:99999", "'…@a:99999' is no URL: "),
            ("http://me:sec/ret@a:99999", "'http://…@a:99999' is no URL: "),
            ("http://me:secr@et@a b/", "'http://…@a b/' is no URL: "),
            ("ftp://me:secret@a/", "'ftp://…@a/': only http and https can be asked, not ftp"),
            ("//me:secret@a b/", "'…@a b/' is no URL: "),
        ] {
            let failure = guess_url(text).unwrap_err();
            assert!(failure.line.starts_with(expected), "{text}: {failure}");
        }
    }

    #[test]
    fn a_name_from_the_url_never_leaves_the_folder() {
        for (url, expected) in [
            ("https://a/x/../../../etc/passwd", "passwd"),
            ("https://a/..%2Fx", "..%2Fx"),
            ("https://a/x/%2e%2e", ""),
        ] {
            let name = name_from(&Url::parse(url).unwrap());
            assert_eq!(name.unwrap_or_default(), PathBuf::from(expected), "{url}");
        }
    }
    #[test]
    fn curls_resolve_becomes_a_rule() {
        let rules = |typed: &[&str]| {
            resolver_rules(&typed.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(
            rules(&["a.b:443:127.0.0.1", "+c:80:[::1]"]),
            Ok("MAP a.b:443 127.0.0.1, MAP c:80 [::1]".to_owned())
        );
        for text in ["a:80", "a:x:1.2.3.4", "a:80:b", "-a:80"] {
            let refused = rules(&[text]).unwrap_err();
            assert!(refused.line.contains("HOST:PORT:ADDRESS"), "{text}");
        }
    }
}
