//! What may stand where a URL is asked for.

use std::cell::RefCell;

use netreq_proto::NetError;
use netreq_proto::target::{InvalidTarget, check_url, parse_url};
use url::{Position, Url};

use crate::error::Error;

/// A URL, or text that should be one.
///
/// Sealed: [`Url`], `&Url`, `&str`, `String` and `&String`.
pub trait IntoUrl: sealed::Sealed {
    /// The URL, absolute and http or https.
    ///
    /// # Errors
    ///
    /// `Invalid URL` (`ERR_INVALID_URL`), or Electron's sentence for another scheme
    /// (`ERR_DISALLOWED_URL_SCHEME`).
    fn into_url(self) -> Result<Url, Error>;
}

mod sealed {
    #[expect(unnameable_types, reason = "a sealed trait is one that nobody else can name")]
    pub trait Sealed {}
}

impl sealed::Sealed for Url {}

impl IntoUrl for Url {
    fn into_url(self) -> Result<Self, Error> {
        match check_url(&self) {
            Ok(()) => Ok(self),
            Err(cause) => Err(refused(&cause)),
        }
    }
}

impl sealed::Sealed for &Url {}

impl IntoUrl for &Url {
    fn into_url(self) -> Result<Url, Error> {
        self.clone().into_url()
    }
}

impl sealed::Sealed for &str {}

impl IntoUrl for &str {
    fn into_url(self) -> Result<Url, Error> {
        LAST.with_borrow_mut(|last| {
            if let Some(url) = last.as_ref().and_then(|last| beside(last, self)) {
                return Ok(url);
            }
            let url = parse_url(self).map_err(|cause| refused(&cause))?;
            *last = Some(url.clone());
            Ok(url)
        })
    }
}

impl sealed::Sealed for String {}

impl IntoUrl for String {
    fn into_url(self) -> Result<Url, Error> {
        self.as_str().into_url()
    }
}

impl sealed::Sealed for &String {}

impl IntoUrl for &String {
    fn into_url(self) -> Result<Url, Error> {
        self.as_str().into_url()
    }
}

pub(super) fn refused(cause: &InvalidTarget) -> Error {
    let net_error: NetError = cause.net_error();
    Error::sentence(net_error, cause.to_string())
}

thread_local! {
    /// The URL read last. Most texts name the same origin as the one before, and reading the origin
    /// is most of the work.
    static LAST: RefCell<Option<Url>> = const { RefCell::new(None) };
}

/// What `text` is as a URL, if that follows from its beginning like `last`: the same URL, or the same
/// origin before a path and query that are written as they will stand.
fn beside(last: &Url, text: &str) -> Option<Url> {
    if last.as_str() == text {
        return Some(last.clone());
    }
    let origin = &last[..Position::AfterPort];
    let rest = text.strip_prefix(origin)?;
    let is_plain = rest.starts_with('/')
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_~?=&".contains(&byte));
    if !is_plain {
        return None;
    }
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let mut url = last.clone();
    url.set_fragment(None);
    url.set_query(None);
    url.set_path(path);
    url.set_query(query);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_read_beside_another_is_what_it_is_alone() {
        let texts = [
            "http://127.0.0.1:8080/s",
            "http://127.0.0.1:8080/t?x=1",
            "http://127.0.0.1:8080/t/?",
            "http://127.0.0.1:8080/",
            "http://127.0.0.1:8080",
            "http://127.0.0.1:80801/x",
            "http://127.0.0.1:8080//double?a=b?c",
            "http://127.0.0.1:8080/a/../b",
            "http://127.0.0.1:8080/%41 b#part",
            "http://127.0.0.1:8080?q",
            "http://user:secret@example.org/a?b#c",
            "http://user:secret@example.org/d",
            "http://example.org/d",
            "https://EXAMPLE.org/d",
            "https://example.org:443/e",
            "https://example.org/e",
            "https://example.org.evil.test/e",
        ];
        for before in texts {
            for text in texts {
                let Ok(alone) = Url::parse(text) else { continue };
                if let Ok(before) = Url::parse(before)
                    && let Some(url) = beside(&before, text)
                {
                    assert_eq!(url, alone, "{text} after {before}");
                    assert_eq!(url.as_str(), alone.as_str());
                    assert_eq!(url.path(), alone.path());
                    assert_eq!(url.query(), alone.query());
                    assert_eq!(url.port(), alone.port());
                }
            }
        }
    }
}
