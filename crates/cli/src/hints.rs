//! What to say about a failed request: what failed, in which phase, and what to try. One line.
//!
//! The engine gives the name, the phase and the cause; this adds a sentence on what helps, which only
//! the command can know because it names flags. Nothing from the network reaches the terminal here
//! with its control characters.

use std::error::Error as _;

use netreq::{NetError, Phase};

use crate::exit::{Exit, Failure};
use crate::high::{Request, Target};

/// The failure that `error` makes of `request`.
pub(crate) fn failure(error: &netreq::Error, request: &Request) -> Failure {
    let mut line = String::new();
    if let Some(url) = error.url() {
        line.push_str(url.as_str());
        line.push_str(": ");
    }
    let shown = error.to_string();
    line.push_str(&shown);
    // Electron's own sentences stand without the name.
    if !shown.contains(error.net_error().name()) {
        line.push_str(&format!(" ({})", error.net_error()));
    }
    if let Some(phase) = error.phase() {
        line.push_str(&format!(" in phase {phase}"));
    }
    match cause(error) {
        Some(cause) => line.push_str(&format!(": {cause}")),
        None if !shown.starts_with("net::") => {}
        None => {
            line.push_str(&format!(": {}", error.net_error().description().trim_end_matches('.')))
        }
    }
    if let Some(hint) = hint(error, request) {
        line.push_str("; ");
        line.push_str(hint);
    }
    Failure { exit: Exit::from(error), line: one_line(&line) }
}

/// Why an argument was refused, on one line.
pub(crate) fn reason(error: &netreq::Error) -> String {
    one_line(&cause(error).unwrap_or_else(|| error.to_string()))
}

/// What an error of the disk says: its outer source names the file, the inner ones what the system said.
pub(crate) fn cause_of(error: &netreq::Error) -> String {
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    format!("{} ({})", one_line(&cause), error.net_error())
}

/// The innermost cause that has something to say, since the outer ones repeat it.
fn cause(error: &netreq::Error) -> Option<String> {
    let mut source = error.source()?;
    while let Some(inner) = source.source() {
        source = inner;
    }
    Some(source.to_string()).filter(|text| !text.is_empty())
}

/// What helps, if anything is known to.
fn hint(error: &netreq::Error, request: &Request) -> Option<&'static str> {
    let is_plain = request.url.scheme() == "http";
    let phase = error.phase();
    // The limit on the whole may run out in any phase, and then has the error of that phase.
    if error.is_timeout() && cause(error).as_deref() == Some("the total time limit ran out") {
        return Some("--max-time limits the whole request: try a longer one");
    }
    Some(match error.net_error() {
        NetError::NameNotResolved if error.is_timeout() => {
            "try a longer --connect-timeout, or give the host's address with --resolve"
        }
        NetError::NameNotResolved if !request.dns_servers.is_empty() => {
            "check the server of --doh-url, or leave it out to ask the system"
        }
        NetError::NameNotResolved | NetError::NameResolutionFailed => {
            "check the spelling of the host, or give its address with --resolve"
        }
        NetError::ConnectionRefused if request.unix_socket.is_some() => {
            "check that the server runs and listens on this socket"
        }
        NetError::ConnectionRefused => "check that the server runs, and that the port is right",
        NetError::ConnectionTimedOut if request.limits.connect.is_some() => {
            "try a longer --connect-timeout, or check that the host is up and no firewall is in between"
        }
        NetError::ConnectionTimedOut | NetError::AddressUnreachable => {
            "check that the host is up and no firewall is in between"
        }
        NetError::InternetDisconnected => "check this machine's network",
        NetError::NetworkAccessDenied => "check the firewall of this machine",
        NetError::TimedOut => match phase {
            Some(Phase::Tls) if request.limits.tls.is_some() => "try a longer --tls-timeout",
            Some(Phase::Wait) if request.limits.first_byte.is_some() => {
                "try a longer --first-byte-timeout"
            }
            Some(Phase::Send | Phase::Receive) if request.limits.idle.is_some() => {
                "try a longer --idle-timeout"
            }
            Some(Phase::Tls) => "if the port does not speak TLS, write http://",
            _ => return None,
        },
        NetError::CertAuthorityInvalid => {
            "trust its authority with --ca FILE, or look without trust with -k"
        }
        NetError::CertDateInvalid => "check the clock of this machine, and the certificate's dates",
        NetError::CertCommonNameInvalid => {
            "the certificate is for another name: check the host in the URL"
        }
        NetError::SslProtocolError => "if the port does not speak TLS, write http://",
        NetError::BadSslClientAuthCert | NetError::SslClientAuthCertNeeded => {
            "the server wants a client certificate, which is not there yet"
        }
        NetError::EmptyResponse | NetError::InvalidHttpResponse if is_plain => {
            "if the port speaks TLS, write https://"
        }
        NetError::ConnectionReset | NetError::ConnectionClosed | NetError::EmptyResponse => {
            "the server gave up the connection: try again, or look at its log"
        }
        NetError::ContentLengthMismatch | NetError::IncompleteChunkedEncoding => {
            match request.output.target {
                Target::File(_) => {
                    "try again; --continue goes on from there where the server allows it"
                }
                Target::Stdout => "what came is incomplete: try again",
            }
        }
        NetError::ContentDecodingFailed | NetError::ZstdWindowSizeTooBig => {
            "--no-decode asks for the bytes without a coding"
        }
        NetError::TooManyRedirects
        | NetError::InvalidRedirect
        | NetError::UnsafeRedirect
        | NetError::ResponseHeadersMultipleLocation => {
            "--redirect manual shows the redirect itself"
        }
        NetError::UploadStreamRewindNotSupported => {
            "send a file instead of a pipe, which cannot be read twice"
        }
        NetError::InsufficientResources => "try a higher limit on open files (ulimit -n)",
        _ => return None,
    })
}

/// `text` on one line, with what does not stay in its place made visible.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|letter| if stays(letter) { letter } else { '\u{fffd}' }).collect()
}

/// Whether a letter moves neither the cursor nor other letters: no control character, and none of those
/// that change the direction of what stands beside them (UAX #9 §2).
pub(crate) fn stays(letter: char) -> bool {
    let turns = matches!(
        letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !letter.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_on_its_line_and_in_its_order() {
        assert_eq!(one_line("a\r\nb\x1b[2J"), "a\u{fffd}\u{fffd}b\u{fffd}[2J");
        assert_eq!(
            one_line("\u{202e}a\u{2069}\u{200e}\u{5d0}"),
            "\u{fffd}a\u{fffd}\u{fffd}\u{5d0}"
        );
    }
}
