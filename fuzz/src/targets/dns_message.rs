//! Answers of DNS over HTTPS.
//!
//! Whatever a server says, a question is answered with a bounded number of addresses of the family that
//! was asked for, or refused in one line. What is sent of a name has a length that says little of it.

use netreq::DnsQueryType;
use netreq::fuzzing::dns_addresses;

/// Reads `data` as a host, a line feed and the message that answers the question for it.
pub fn dns_message(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (host, message) = data.split_at(at);
    let message = message.strip_prefix(b"\n").unwrap_or(message);
    let Ok(host) = str::from_utf8(host) else { return };
    for kind in [DnsQueryType::A, DnsQueryType::Aaaa] {
        let Some((question, addresses)) = dns_addresses(host, kind, message) else { return };
        assert!(question.len().is_multiple_of(128), "{host:?} is {} bytes", question.len());
        match addresses {
            Ok(addresses) => {
                assert!(addresses.len() <= 64);
                let is_a = kind == DnsQueryType::A;
                assert!(addresses.iter().all(|address| address.is_ipv4() == is_a), "{addresses:?}");
            }
            Err(shown) => assert!(!shown.contains(char::is_control), "{shown:?}"),
        }
    }
}

/// Words of the format.
pub(super) const WORDS: &[&str] = &[
    "a.test\n",
    "\u{1}a\u{4}test\0",
    "\0\u{1}\0\u{1}",
    "\0\u{1c}\0\u{1}",
    "\0\u{5}\0\u{1}",
    "\0\0)\u{10}\0",
    "\0\0\u{1}\u{2c}\0\u{4}",
];
