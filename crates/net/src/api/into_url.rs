//! What may stand where a URL is asked for.

use netreq_proto::NetError;
use netreq_proto::target::{check_url, parse_url};
use url::Url;

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
    /// (`ERR_UNKNOWN_URL_SCHEME`).
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
        parse_url(self).map_err(|cause| refused(&cause))
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

pub(super) fn refused(cause: &netreq_proto::target::InvalidTarget) -> Error {
    let net_error: NetError = cause.net_error();
    Error::sentence(net_error, cause.to_string())
}
