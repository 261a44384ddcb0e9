//! The one public error: Chromium's code, the phase, the source.
//!
//! Rooms build it where they know the phase; nothing above a room changes the code. `Display` is
//! `net::ERR_…`, or Electron's own sentence where it has one, because code written for Electron
//! compares these strings. Details belong to [`std::error::Error::source`].

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use netreq_proto::{NetError, Phase};
use url::Url;

/// What a source may be.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request failed.
///
/// Cheap to clone. [`net_error`](Self::net_error) is always there; [`phase`](Self::phase) says what
/// the request was doing, and is `None` when nothing had begun (a bad argument). The source's type
/// is not promised to stay.
#[derive(Clone)]
pub struct Error(Arc<Repr>);

#[derive(Clone)]
struct Repr {
    net_error: NetError,
    phase: Option<Phase>,
    sentence: Option<Cow<'static, str>>,
    is_timeout: bool,
    is_storage: bool,
    status: Option<u16>,
    url: Option<Url>,
    request_head: Option<Bytes>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Chromium's name and number, for example `ERR_CONNECTION_REFUSED`, -102.
    pub fn net_error(&self) -> NetError {
        self.0.net_error
    }

    /// What the request was doing; `None` when it had not begun.
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// The URL of the hop that failed, without user, password and fragment.
    pub fn url(&self) -> Option<&Url> {
        self.0.url.as_ref()
    }

    /// The head of the request that got no response, exactly as written, where
    /// [`capture_head`](crate::RequestBuilder::capture_head) asked for it. May hold credentials.
    pub fn request_head(&self) -> Option<&Bytes> {
        self.0.request_head.as_ref()
    }

    /// The same error without its URL, for logs that must not hold one.
    pub fn without_url(mut self) -> Self {
        Arc::make_mut(&mut self.0).url = None;
        self
    }

    /// The status of a response that [`error_for_status`](crate::IncomingMessage::error_for_status)
    /// turned into an error.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Whether a time limit ended the request. The phase says which one; the limit on the whole
    /// request has the phase that it fell into.
    pub fn is_timeout(&self) -> bool {
        self.0.is_timeout
            || matches!(self.0.net_error, NetError::TimedOut | NetError::ConnectionTimedOut)
    }

    /// Whether no connection could be had: names, sockets, proxies and TLS.
    pub fn is_connect(&self) -> bool {
        matches!(self.0.phase, Some(Phase::Resolve | Phase::Connect | Phase::Proxy | Phase::Tls))
    }

    /// Whether a name could not be resolved.
    pub fn is_dns(&self) -> bool {
        self.0.phase == Some(Phase::Resolve)
    }

    /// Whether a redirect was refused: too many, unsafe, unreadable, cancelled or not allowed.
    pub fn is_redirect(&self) -> bool {
        matches!(
            self.0.net_error,
            NetError::TooManyRedirects
                | NetError::UnsafeRedirect
                | NetError::InvalidRedirect
                | NetError::ResponseHeadersMultipleLocation
        ) || self
            .0
            .sentence
            .as_deref()
            .is_some_and(|sentence| sentence == REDIRECT_CANCELLED || sentence == REDIRECT_REFUSED)
    }

    /// Whether it came from [`error_for_status`](crate::IncomingMessage::error_for_status).
    pub fn is_status(&self) -> bool {
        self.0.status.is_some()
    }

    /// Whether the request could not be sent, or its own body failed.
    pub fn is_request(&self) -> bool {
        matches!(self.0.phase, Some(Phase::Send | Phase::Wait))
    }

    /// Whether the response's body broke off.
    pub fn is_body(&self) -> bool {
        self.0.phase == Some(Phase::Receive)
            && !self.is_decode()
            && !self.is_redirect()
            && !self.is_status()
    }

    /// Whether the body came but could not be decoded: its content coding, or its JSON.
    pub fn is_decode(&self) -> bool {
        matches!(self.0.net_error, NetError::ContentDecodingFailed | NetError::ZstdWindowSizeTooBig)
    }

    /// Whether an argument was refused before anything began.
    pub fn is_builder(&self) -> bool {
        self.0.phase.is_none() && !self.is_status() && !self.is_abort() && !self.is_storage()
    }

    /// Whether what a session keeps on disk could not be read or written; requests go on without.
    ///
    /// `ERR_FILE_NO_SPACE` is a full disk, a quota or a limit on the size of files,
    /// `ERR_ACCESS_DENIED` a missing permission or a link that is not followed, `ERR_NOT_IMPLEMENTED` a
    /// database of a newer version of this program, `ERR_TIMED_OUT` another process that does not let go, `ERR_ABORTED` a session that is closed. What Chromium
    /// has no code for, a disk that fails among it, is `ERR_FAILED`; the source names it.
    pub fn is_storage(&self) -> bool {
        self.0.is_storage
    }

    /// Whether the caller ended the request.
    pub fn is_abort(&self) -> bool {
        self.0.net_error == NetError::Aborted
    }

    pub(crate) fn new(net_error: NetError, phase: Phase) -> Self {
        Self::make(net_error, Some(phase))
    }

    /// An argument that is refused before anything begins.
    pub(crate) fn argument(net_error: NetError, source: impl Into<BoxError>) -> Self {
        Self::make(net_error, None).with_source(source)
    }

    /// An argument for whose refusal Electron has a sentence of its own.
    pub(crate) fn sentence(net_error: NetError, sentence: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::make(net_error, None);
        error.edit().sentence = Some(sentence.into());
        error
    }

    /// What is kept on disk could not be read or written.
    #[cfg(feature = "persist")]
    pub(crate) fn storage(net_error: NetError, source: impl Into<BoxError>) -> Self {
        let mut error = Self::make(net_error, None).with_source(source);
        error.edit().is_storage = true;
        error
    }

    pub(crate) fn aborted() -> Self {
        Self::make(NetError::Aborted, None)
    }

    pub(crate) fn io(phase: Phase, source: io::Error) -> Self {
        Self::new(NetError::from_io(&source, phase), phase).with_source(source)
    }

    pub(crate) fn timed_out(phase: Phase, limit: &'static str) -> Self {
        let net_error = match phase {
            Phase::Resolve => NetError::NameNotResolved,
            Phase::Connect => NetError::ConnectionTimedOut,
            _ => NetError::TimedOut,
        };
        let mut error =
            Self::new(net_error, phase).with_source(format!("the {limit} time limit ran out"));
        error.edit().is_timeout = true;
        error
    }

    pub(crate) fn redirect_cancelled() -> Self {
        let mut error = Self::new(NetError::Aborted, Phase::Receive);
        error.edit().sentence = Some(REDIRECT_CANCELLED.into());
        error
    }

    pub(crate) fn redirect_refused() -> Self {
        let mut error = Self::new(NetError::Failed, Phase::Receive);
        error.edit().sentence = Some(REDIRECT_REFUSED.into());
        error
    }

    pub(crate) fn for_status(status: u16, url: &Url) -> Self {
        let mut error = Self::new(NetError::HttpResponseCodeFailure, Phase::Receive)
            .with_source(format!("the server answered {status}"))
            .with_url(url);
        error.edit().status = Some(status);
        error
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.edit().source = Some(Arc::from(source.into()));
        self
    }

    pub(crate) fn with_request_head(mut self, head: Option<Bytes>) -> Self {
        if head.is_some() {
            self.edit().request_head = head;
        }
        self
    }

    pub(crate) fn with_url(mut self, url: &Url) -> Self {
        if self.0.url.is_none() {
            let mut shown = without_credentials(url);
            shown.set_fragment(None);
            self.edit().url = Some(shown);
        }
        self
    }

    fn make(net_error: NetError, phase: Option<Phase>) -> Self {
        Self(Arc::new(Repr {
            net_error,
            phase,
            sentence: None,
            is_timeout: false,
            is_storage: false,
            status: None,
            url: None,
            request_head: None,
            source: None,
        }))
    }

    fn edit(&mut self) -> &mut Repr {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.sentence {
            Some(sentence) => f.write_str(sentence),
            None => self.0.net_error.fmt(f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Error");
        shown.field("net_error", &self.0.net_error);
        if let Some(phase) = &self.0.phase {
            shown.field("phase", phase);
        }
        if let Some(sentence) = &self.0.sentence {
            shown.field("sentence", sentence);
        }
        if let Some(url) = &self.0.url {
            shown.field("url", &url.as_str());
        }
        if let Some(source) = &self.0.source {
            shown.field("source", source);
        }
        shown.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.net_error() {
            NetError::ConnectionReset => io::ErrorKind::ConnectionReset,
            NetError::ConnectionRefused => io::ErrorKind::ConnectionRefused,
            NetError::ConnectionAborted | NetError::Aborted => io::ErrorKind::ConnectionAborted,
            NetError::TimedOut | NetError::ConnectionTimedOut => io::ErrorKind::TimedOut,
            NetError::ContentLengthMismatch | NetError::IncompleteChunkedEncoding => {
                io::ErrorKind::UnexpectedEof
            }
            NetError::ContentDecodingFailed => io::ErrorKind::InvalidData,
            NetError::InvalidArgument => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// The URL as it may be shown: without user and password.
pub(crate) fn without_credentials(url: &Url) -> Url {
    let mut shown = url.clone();
    // These setters fail only for URLs that hold neither.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown
}

const REDIRECT_CANCELLED: &str = "Redirect was cancelled";
const REDIRECT_REFUSED: &str = "Attempted to redirect, but redirect policy was 'error'";

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn an_error_shows_chromiums_name_and_keeps_its_cause() {
        let cause = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = Error::io(Phase::Connect, cause);

        assert_eq!(error.to_string(), "net::ERR_CONNECTION_REFUSED");
        assert_eq!(error.net_error().code(), -102);
        assert_eq!(error.phase(), Some(Phase::Connect));
        assert!(error.is_connect() && !error.is_dns() && !error.is_builder());
        assert!(error.source().is_some());
    }

    #[test]
    fn the_url_of_an_error_holds_no_password() {
        let url = Url::parse("https://user:secret@example.org/x#part").unwrap();
        let error = Error::new(NetError::Failed, Phase::Wait).with_url(&url);

        assert_eq!(error.url().unwrap().as_str(), "https://example.org/x");
        assert!(!format!("{error:?}").contains("secret"));
        assert!(error.without_url().url().is_none());
    }
}
