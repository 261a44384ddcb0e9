//! How the command ends: one table of exit codes, and the failure that carries one.
//!
//! The numbers are a contract with scripts, so they are written here once; help and the man page print
//! this table. It follows xh where xh has a code (0 to 6). Every `NetError` maps to exactly one code.
//! What sentence goes with a failure is decided in `hints.rs`, not here.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use netreq::{NetError, Phase};

/// A way to end, with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The request was answered, or the reader of our output left early.
    Success = 0,
    /// Any failure without a code of its own.
    Failed = 1,
    /// A time limit passed.
    TimedOut = 2,
    /// `--check-status` and a status of 3xx.
    Redirection = 3,
    /// `--check-status` and a status of 4xx.
    ClientError = 4,
    /// `--check-status` and a status of 5xx.
    ServerError = 5,
    /// More redirects than are followed, or a redirect that was not allowed.
    Redirect = 6,
    /// No connection to the server, or it was lost.
    NotConnected = 7,
    /// The host name has no address.
    NameNotResolved = 8,
    /// TLS failed or the certificate is not trusted.
    NotSecure = 9,
    /// The response is missing, cut, malformed or too large.
    BrokenResponse = 10,
    /// A local file could not be read or written, or the cookies of a session were not kept.
    File = 11,
    /// The command line makes no sense, or asks for what is not there yet.
    Usage = 64,
}

/// Every code and what it means, in the words of help and the man page.
pub(crate) const TABLE: &[(Exit, &str)] = &[
    (Exit::Success, "the request was answered, whatever the status"),
    (Exit::Failed, "any failure without a code of its own"),
    (Exit::TimedOut, "a time limit passed"),
    (Exit::Redirection, "--check-status, and the status is 3xx"),
    (Exit::ClientError, "--check-status, and the status is 4xx"),
    (Exit::ServerError, "--check-status, and the status is 5xx"),
    (Exit::Redirect, "too many redirects, or one that is not allowed"),
    (Exit::NotConnected, "no connection to the server, or it was lost"),
    (Exit::NameNotResolved, "the host name has no address"),
    (Exit::NotSecure, "TLS failed, or the certificate is not trusted"),
    (Exit::BrokenResponse, "the response is missing, cut, malformed or too large"),
    (
        Exit::File,
        "a local file could not be read or written; the body may be there and the cookies not kept",
    ),
    (Exit::Usage, "the command line makes no sense, or asks for what is not there yet"),
];

impl Exit {
    /// What `--check-status` makes of a status.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            300..=399 => Self::Redirection,
            400..=499 => Self::ClientError,
            500..=599 => Self::ServerError,
            _ => Self::Success,
        }
    }
}

impl From<NetError> for Exit {
    /// The code for a failure of the network: by its own name where that says enough, else by the
    /// first phase in which it can come up.
    fn from(error: NetError) -> Self {
        match error {
            NetError::TimedOut | NetError::ConnectionTimedOut => Self::TimedOut,
            NetError::TooManyRedirects
            | NetError::InvalidRedirect
            | NetError::UnsafeRedirect
            | NetError::ResponseHeadersMultipleLocation => Self::Redirect,
            NetError::InvalidArgument
            | NetError::InvalidUrl
            | NetError::DisallowedUrlScheme
            | NetError::UnknownUrlScheme
            | NetError::UnsafePort
            | NetError::MethodNotSupported => Self::Usage,
            NetError::FileNotFound
            | NetError::FileTooBig
            | NetError::FileExists
            | NetError::FilePathTooLong
            | NetError::FileNoSpace
            | NetError::UploadFileChanged => Self::File,
            NetError::Http2ProtocolError | NetError::Http2InadequateTransportSecurity => {
                Self::BrokenResponse
            }
            NetError::HttpResponseCodeFailure
            | NetError::InvalidAuthCredentials
            | NetError::UnsupportedAuthScheme
            | NetError::MissingAuthCredentials
            | NetError::UnexpectedSecurityLibraryStatus
            | NetError::MisconfiguredAuthEnvironment
            | NetError::UndocumentedSecurityLibraryStatus
            | NetError::UploadStreamRewindNotSupported => Self::Failed,
            _ => match error.phases() {
                phases if phases == Phase::ALL => Self::Failed,
                [] | [Phase::Send] => Self::Failed,
                [Phase::Resolve] => Self::NameNotResolved,
                [Phase::Resolve | Phase::Connect | Phase::Proxy, ..] => Self::NotConnected,
                [Phase::Tls, ..] => Self::NotSecure,
                [Phase::Send | Phase::Wait | Phase::Receive, ..] => Self::BrokenResponse,
            },
        }
    }
}

impl From<&netreq::Error> for Exit {
    /// The code for `error`. Neither a refused redirect nor a time limit that passed while a name was
    /// resolved has a number of its own in Chromium's list.
    fn from(error: &netreq::Error) -> Self {
        if error.is_timeout() {
            Self::TimedOut
        } else if error.is_redirect() {
            Self::Redirect
        } else {
            error.net_error().into()
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the command stops: a code, and one line for stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The code to end with.
    pub(crate) exit: Exit,
    /// The sentence, without the name of the program and without a line break.
    pub(crate) line: String,
}

impl Failure {
    /// A command line that makes no sense.
    pub(crate) fn usage(line: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, line: line.into() }
    }

    /// A local file that could not be used; `doing` completes "cannot … PATH".
    pub(crate) fn file(doing: &str, path: &Path, cause: &io::Error) -> Self {
        Self { exit: Exit::File, line: format!("cannot {doing} {}: {cause}", path.display()) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_table_once_and_in_order() {
        let codes: Vec<u8> = TABLE.iter().map(|(exit, _)| *exit as u8).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 64]);
    }

    #[test]
    fn every_network_error_has_one_code() {
        for (error, expected) in [
            (NetError::Failed, Exit::Failed),
            (NetError::TimedOut, Exit::TimedOut),
            (NetError::ConnectionTimedOut, Exit::TimedOut),
            (NetError::TooManyRedirects, Exit::Redirect),
            (NetError::ConnectionRefused, Exit::NotConnected),
            (NetError::ConnectionReset, Exit::NotConnected),
            (NetError::InternetDisconnected, Exit::NotConnected),
            (NetError::ProxyConnectionFailed, Exit::NotConnected),
            (NetError::TunnelConnectionFailed, Exit::NotConnected),
            (NetError::NameNotResolved, Exit::NameNotResolved),
            (NetError::DnsTimedOut, Exit::NameNotResolved),
            (NetError::CertAuthorityInvalid, Exit::NotSecure),
            (NetError::SslProtocolError, Exit::NotSecure),
            (NetError::SslVersionOrCipherMismatch, Exit::NotSecure),
            (NetError::EmptyResponse, Exit::BrokenResponse),
            (NetError::ContentLengthMismatch, Exit::BrokenResponse),
            (NetError::IncompleteChunkedEncoding, Exit::BrokenResponse),
            (NetError::ContentDecodingFailed, Exit::BrokenResponse),
            (NetError::ResponseHeadersTooBig, Exit::BrokenResponse),
            (NetError::InvalidUrl, Exit::Usage),
            (NetError::InvalidArgument, Exit::Usage),
            (NetError::FileNoSpace, Exit::File),
        ] {
            assert_eq!(Exit::from(error), expected, "{error}");
        }
        for &error in NetError::ALL {
            let exit = Exit::from(error);
            let by_flag = [Exit::Success, Exit::Redirection, Exit::ClientError, Exit::ServerError];
            assert!(!by_flag.contains(&exit), "{error}");
            if (-299..=-200).contains(&error.code()) && error != NetError::CertEnd {
                assert_eq!(exit, Exit::NotSecure, "{error}");
            }
        }
    }

    #[test]
    fn check_status_maps_a_class_to_its_code() {
        for (status, expected) in [
            (200, Exit::Success),
            (204, Exit::Success),
            (304, Exit::Redirection),
            (404, Exit::ClientError),
            (503, Exit::ServerError),
            (999, Exit::Success),
        ] {
            assert_eq!(Exit::of_status(status), expected, "{status}");
        }
    }
}
