//! The URL of a request, put together from options.
//!
//! The path never names the host, the host never brings a path, user or password, and the URL
//! reads back as itself.

use netreq_proto::target::{InvalidTarget, parse_url, url_from_parts};

/// Reads `data` as lines: protocol, host, hostname, port and path.
pub fn request_parts(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.splitn(5, '\n');
    let mut line = || lines.next().filter(|line| !line.is_empty());
    let [protocol, host, hostname, port, path] = [line(), line(), line(), line(), line()];
    let port = port.and_then(|port| port.parse().ok());

    let url = match url_from_parts(protocol, host, hostname, port, path) {
        Ok(url) => url,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(parse_url(url.as_str()).as_ref(), Ok(&url));
    assert!(url.has_host() && url.username().is_empty() && url.password().is_none());
    let bare = url_from_parts(protocol, host, hostname, port, None);
    let bare = bare.unwrap_or_else(|error| panic!("{error} without the path"));
    assert_eq!((bare.host(), bare.port()), (url.host(), url.port()), "the path names the host");
    assert_eq!((bare.path(), bare.query(), bare.fragment()), ("/", None, None));
    if let Some(path) = path {
        assert!(!path.contains(' '));
        let spaced = url_from_parts(protocol, host, hostname, port, Some(&format!("{path} ")));
        assert_eq!(spaced, Err(InvalidTarget::UnescapedPath));
    }
}

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "http:",
    "https:",
    "ftp:",
    "a.example",
    "localhost",
    "[::1]",
    "::1",
    ":8080",
    "\n443\n",
    "//b.example/",
    "http://u:p@b.example/",
    "@",
    "?q",
    "#f",
    "\\",
    "%2f",
    "\u{3002}",
    "\u{ad}",
];
