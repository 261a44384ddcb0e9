//! The cookie file of Netscape.
//!
//! A file that is read is written and reads back as the same cookies; an error names a line that is
//! there.

use netreq_proto::cookie::{CanonicalCookie, Timestamp, netscape};

/// Reads `data` as a file.
pub fn netscape_file(data: &[u8]) {
    let cookies = match netscape::read(data, NOW) {
        Ok(cookies) => cookies,
        Err(error) => {
            assert!((1..=data.split(|byte| *byte == b'\n').count()).contains(&error.line));
            assert!(!error.to_string().contains(char::is_control), "{error}");
            return;
        }
    };
    let written = netscape::write(&cookies);
    let again = netscape::read(&written, NOW).unwrap_or_else(|error| panic!("{error}"));
    let keys = |cookies: &[CanonicalCookie]| -> Vec<_> {
        cookies.iter().map(|cookie| (cookie.key(), cookie.value().to_vec())).collect()
    };
    assert_eq!(keys(&again), keys(&cookies));
    assert_eq!(netscape::write(&again), written);
}

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "# Netscape HTTP Cookie File\n",
    "#HttpOnly_",
    ".a.test\tTRUE\t/\tFALSE\t0\ta\tb\n",
    "\t",
    "TRUE",
    "FALSE",
    "\r\n",
    "\n",
    "1800000000",
    "0.5",
    "-1",
];
