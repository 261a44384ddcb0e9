//! Whether a failed attempt may be made again on another connection.
//!
//! The server may close a kept-alive connection while a request is on its way. Nobody saw that
//! request, so it is sent again; in every other case sending again could do a thing twice. How often
//! (once) and on which connection is for the caller to say.

use std::error::Error;
use std::fmt;

use http::Method;

/// What is known of an attempt whose connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Doing it twice is the same as doing it once: [`is_idempotent`].
    pub idempotent: bool,
    /// The connection had carried an earlier request.
    pub connection_reused: bool,
    /// At least one byte of an answer came.
    pub head_received: bool,
    /// Bytes of this request, head and body, that the transport has accepted.
    pub bytes_written: u64,
    /// Bytes taken from the source of the body, written or not.
    pub body_bytes_taken: u64,
    /// The source of the body can start again from its first byte.
    pub body_rewinds: bool,
}

/// Why an attempt is not made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotResent {
    /// The connection was new: its failure is a real one.
    FreshConnection,
    /// The server has begun to answer, so it has seen the request.
    AnswerBegun,
    /// The server may have acted on what was written, and doing so twice is not the same.
    NotIdempotent,
    /// The body was taken from a source that cannot give it again.
    BodyGone,
}

impl fmt::Display for NotResent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::FreshConnection => "not sent again: the connection was new",
            Self::AnswerBegun => "not sent again: an answer had begun",
            Self::NotIdempotent => "not sent again: the method is not idempotent",
            Self::BodyGone => "not sent again: the body cannot be read a second time",
        })
    }
}

impl Error for NotResent {}

/// Whether a failed attempt may be made again on another connection.
///
/// Only a kept-alive connection earns it: the server may have closed it while our bytes were on
/// their way, and then nobody saw the request. A fresh connection that fails is a real failure.
/// Chromium sends any method again; RFC 9112 allows only an idempotent one, unless nothing of the
/// request was written.
///
/// # Errors
///
/// The first reason, in the order of [`NotResent`], not to.
///
/// RFC 9112 §9.3.1; Chromium `HttpNetworkTransaction::ShouldResendRequest`.
pub const fn may_resend(attempt: &Attempt) -> Result<(), NotResent> {
    if !attempt.connection_reused {
        return Err(NotResent::FreshConnection);
    }
    if attempt.head_received {
        return Err(NotResent::AnswerBegun);
    }
    if attempt.bytes_written > 0 && !attempt.idempotent {
        return Err(NotResent::NotIdempotent);
    }
    if attempt.body_bytes_taken > 0 && !attempt.body_rewinds {
        return Err(NotResent::BodyGone);
    }
    Ok(())
}

/// Whether the intended effect of many identical requests is that of one.
///
/// `false` for methods that RFC 9110 does not define.
///
/// RFC 9110 §9.2.2.
#[must_use]
pub fn is_idempotent(method: &Method) -> bool {
    method.is_idempotent()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stale_connection_is_tried_again() {
        let fresh = Attempt {
            idempotent: true,
            connection_reused: false,
            head_received: false,
            bytes_written: 40,
            body_bytes_taken: 0,
            body_rewinds: true,
        };
        let stale = Attempt { connection_reused: true, ..fresh };
        let post = Attempt { idempotent: false, ..stale };

        for (attempt, expected) in [
            (fresh, Err(NotResent::FreshConnection)),
            (Attempt { bytes_written: 0, ..fresh }, Err(NotResent::FreshConnection)),
            (stale, Ok(())),
            (Attempt { head_received: true, ..stale }, Err(NotResent::AnswerBegun)),
            (post, Err(NotResent::NotIdempotent)),
            (Attempt { bytes_written: 1, ..post }, Err(NotResent::NotIdempotent)),
            (Attempt { bytes_written: 0, ..post }, Ok(())),
            (Attempt { body_bytes_taken: 9, ..stale }, Ok(())),
            (
                Attempt { body_bytes_taken: 9, body_rewinds: false, ..stale },
                Err(NotResent::BodyGone),
            ),
            (Attempt { body_rewinds: false, ..stale }, Ok(())),
            (
                Attempt { bytes_written: 0, body_bytes_taken: 9, body_rewinds: false, ..post },
                Err(NotResent::BodyGone),
            ),
        ] {
            assert_eq!(may_resend(&attempt), expected, "{attempt:?}");
        }
    }

    #[test]
    fn the_methods_of_rfc_9110_that_may_be_repeated() {
        for (method, expected) in [
            ("GET", true),
            ("HEAD", true),
            ("OPTIONS", true),
            ("TRACE", true),
            ("PUT", true),
            ("DELETE", true),
            ("POST", false),
            ("PATCH", false),
            ("CONNECT", false),
            ("PROPFIND", false),
            ("get", false),
        ] {
            let parsed = Method::from_bytes(method.as_bytes()).expect("a token");
            assert_eq!(is_idempotent(&parsed), expected, "{method}");
        }
    }
}
