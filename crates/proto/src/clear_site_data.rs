//! What a server asks to be forgotten about its site.
//!
//! Reads `Clear-Site-Data`; forgetting is for those who keep the data. Words for what is not kept
//! here (execution contexts, buckets) are known and mean nothing.
//!
//! W3C Clear Site Data; Chromium `ClearSiteDataHandler`.

use std::error::Error;
use std::fmt;

use url::Url;

use crate::origin::is_potentially_trustworthy;

/// What is to be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClearSiteData {
    /// The cookies of the registrable domain.
    pub cookies: bool,
    /// The stored responses of the origin.
    pub cache: bool,
    /// What the origin's pages keep.
    pub storage: bool,
    /// What the origin asked to be told about the client.
    pub client_hints: bool,
}

/// Why nothing is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCleared {
    /// The answer came in the clear, so anybody may have written it.
    NotSecure,
    /// No type is known. They stand in quotes: `"cookies"`.
    NoKnownType,
}

impl fmt::Display for NotCleared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotSecure => "Clear-Site-Data ignored: the connection was not secure",
            Self::NoKnownType => "Clear-Site-Data ignored: no known type in quotes",
        })
    }
}

impl Error for NotCleared {}

/// What an answer from `url` with this `Clear-Site-Data` asks for. Several fields are joined by
/// commas. Types that are not known are passed over.
///
/// # Errors
///
/// [`NotCleared`] if nothing is to be forgotten.
pub fn clear_site_data(url: &Url, value: &[u8]) -> Result<ClearSiteData, NotCleared> {
    if !is_potentially_trustworthy(url) {
        return Err(NotCleared::NotSecure);
    }
    let mut clear = ClearSiteData::default();
    for part in value.split(|byte| *byte == b',') {
        match part.trim_ascii() {
            b"\"cookies\"" => clear.cookies = true,
            b"\"cache\"" => clear.cache = true,
            b"\"storage\"" => clear.storage = true,
            b"\"clientHints\"" => clear.client_hints = true,
            b"\"*\"" => {
                clear =
                    ClearSiteData { cookies: true, cache: true, storage: true, client_hints: true };
            }
            _ => {}
        }
    }
    if clear == ClearSiteData::default() { Err(NotCleared::NoKnownType) } else { Ok(clear) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_stand_in_quotes_with_commas_between() {
        let cookies = ClearSiteData { cookies: true, ..ClearSiteData::default() };
        let all = ClearSiteData { cookies: true, cache: true, storage: true, client_hints: true };
        for (value, expected) in [
            ("\"cookies\"", Ok(cookies)),
            ("  \"cookies\" , \"nonsense\"", Ok(cookies)),
            ("\"cookies\",\"cache\"", Ok(ClearSiteData { cache: true, ..cookies })),
            ("\"cookies\", \"storage\"", Ok(ClearSiteData { storage: true, ..cookies })),
            ("\"cookies\",\"clientHints\"", Ok(ClearSiteData { client_hints: true, ..cookies })),
            ("\"*\"", Ok(all)),
            ("\"cache\",\"*\"", Ok(all)),
            ("\"executionContexts\"", Err(NotCleared::NoKnownType)),
            ("cookies", Err(NotCleared::NoKnownType)),
            ("\"Cookies\"", Err(NotCleared::NoKnownType)),
            ("'cookies'", Err(NotCleared::NoKnownType)),
            ("\"cookies", Err(NotCleared::NoKnownType)),
            ("*", Err(NotCleared::NoKnownType)),
            ("", Err(NotCleared::NoKnownType)),
            (",,", Err(NotCleared::NoKnownType)),
        ] {
            let url = Url::parse("https://a.test/").unwrap();
            assert_eq!(clear_site_data(&url, value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn only_a_secure_answer_is_obeyed() {
        for (url, secure) in [
            ("https://a.test/", true),
            ("http://localhost/", true),
            ("http://127.0.0.1/", true),
            ("http://a.test/", false),
        ] {
            let answer = clear_site_data(&Url::parse(url).unwrap(), b"\"*\"");
            assert_eq!(answer.is_ok(), secure, "{url}");
            assert_eq!(answer.err(), (!secure).then_some(NotCleared::NotSecure), "{url}");
        }
    }
}
