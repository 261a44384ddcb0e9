//! Fetch metadata: what `Sec-Fetch-Site`, `-Mode`, `-Dest` and `-User` tell a server.
//!
//! Mode, destination and user activation are what the caller says of the request; the site is
//! computed from who asks and every URL of the redirect chain. The fields go to potentially
//! trustworthy URLs alone: a hop to plain http has none of them. CORS itself is not enforced here.
//!
//! W3C Fetch Metadata Request Headers; Chromium `services/network/sec_header_helpers.cc`.

use std::{fmt, str::FromStr};

use url::Url;

use crate::origin::{Origin, is_potentially_trustworthy};

/// Whether a field says what a request is for.
pub fn is_fetch_metadata(name: &str) -> bool {
    let names = ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user"];
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Fetch's request mode, the value of `Sec-Fetch-Mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RequestMode {
    /// `cors`
    Cors,
    /// `navigate`
    Navigate,
    /// `no-cors`, the default.
    #[default]
    NoCors,
    /// `same-origin`
    SameOrigin,
}

impl RequestMode {
    /// The token of the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cors => "cors",
            Self::Navigate => "navigate",
            Self::NoCors => "no-cors",
            Self::SameOrigin => "same-origin",
        }
    }
}

impl FromStr for RequestMode {
    type Err = InvalidFetchMetadata;

    fn from_str(text: &str) -> Result<Self, InvalidFetchMetadata> {
        MODES
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(InvalidFetchMetadata::UnknownMode)
    }
}

/// What the response is for, the value of `Sec-Fetch-Dest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the word of Fetch §2.2.5 that as_str gives")]
pub enum Destination {
    #[default]
    Empty,
    Audio,
    AudioWorklet,
    Document,
    Embed,
    FencedFrame,
    Font,
    Frame,
    Iframe,
    Image,
    Manifest,
    Object,
    PaintWorklet,
    Report,
    Script,
    ServiceWorker,
    Style,
    Track,
    Video,
    Worker,
    Xslt,
}

impl Destination {
    /// The token of the header; `empty` for the default, which is a download by a program.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Audio => "audio",
            Self::AudioWorklet => "audioworklet",
            Self::Document => "document",
            Self::Embed => "embed",
            Self::FencedFrame => "fencedframe",
            Self::Font => "font",
            Self::Frame => "frame",
            Self::Iframe => "iframe",
            Self::Image => "image",
            Self::Manifest => "manifest",
            Self::Object => "object",
            Self::PaintWorklet => "paintworklet",
            Self::Report => "report",
            Self::Script => "script",
            Self::ServiceWorker => "serviceworker",
            Self::Style => "style",
            Self::Track => "track",
            Self::Video => "video",
            Self::Worker => "worker",
            Self::Xslt => "xslt",
        }
    }

    fn is_navigation(self) -> bool {
        matches!(self, Self::Document | Self::FencedFrame | Self::Frame | Self::Iframe)
    }
}

impl FromStr for Destination {
    type Err = InvalidFetchMetadata;

    fn from_str(text: &str) -> Result<Self, InvalidFetchMetadata> {
        DESTINATIONS
            .into_iter()
            .find(|destination| destination.as_str() == text)
            .ok_or(InvalidFetchMetadata::UnknownDestination)
    }
}

/// How far the URLs of a request are from who asks, the value of `Sec-Fetch-Site`.
///
/// The order is part of the rule: over a redirect chain the farthest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecFetchSite {
    /// Nobody asks: a request of the program itself.
    None,
    /// Scheme, host and port of the asking origin.
    SameOrigin,
    /// Its scheme and registrable domain.
    SameSite,
    /// Anything else, http from https included.
    CrossSite,
}

impl SecFetchSite {
    /// The distance of one URL from `initiator`.
    pub fn of(initiator: Option<&Origin>, url: &Url) -> Self {
        let Some(initiator) = initiator else {
            return Self::None;
        };
        let target = Origin::from_url(url);
        if initiator.is_same_origin(&target) {
            Self::SameOrigin
        } else if initiator.is_same_site(&target) {
            Self::SameSite
        } else {
            Self::CrossSite
        }
    }

    /// The distance of a chain that stood at `self` and goes on to `url`: never less than before.
    #[must_use]
    pub fn after_redirect(self, initiator: Option<&Origin>, url: &Url) -> Self {
        self.max(Self::of(initiator, url))
    }

    /// The token of the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::CrossSite => "cross-site",
        }
    }
}

/// What one request says of itself to each server of its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchMetadata {
    /// Of the chain so far, the current URL included.
    pub site: SecFetchSite,
    /// Default `no-cors`.
    pub mode: RequestMode,
    /// Default `empty`.
    pub destination: Destination,
    /// Whether a person's action caused the request; then `Sec-Fetch-User: ?1` is sent.
    pub user_activated: bool,
}

impl FetchMetadata {
    /// What a request says for which nothing was set.
    pub const DEFAULT: Self = Self {
        site: SecFetchSite::None,
        mode: RequestMode::NoCors,
        destination: Destination::Empty,
        user_activated: false,
    };

    /// What a request at the start of its chain says.
    ///
    /// From the texts of hand-set `Sec-Fetch-*` fields: parse `mode` and `destination` (Electron
    /// takes the default for an unknown word), `user_activated` is exactly `?1`. The site is for
    /// [`SecFetchSite::of`] to say, never for the caller.
    ///
    /// # Errors
    ///
    /// [`InvalidFetchMetadata::RequiresNavigate`] for a destination that only a navigation has.
    pub fn new(
        site: SecFetchSite,
        mode: RequestMode,
        destination: Destination,
        user_activated: bool,
    ) -> Result<Self, InvalidFetchMetadata> {
        if destination.is_navigation() && mode != RequestMode::Navigate {
            return Err(InvalidFetchMetadata::RequiresNavigate);
        }
        Ok(Self { site, mode, destination, user_activated })
    }

    /// The fields for a request to a potentially trustworthy URL
    /// ([`is_potentially_trustworthy`]), in the order in
    /// which they go out. No other server is told any of them.
    pub fn lines(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        [
            Some(("Sec-Fetch-Site", self.site.as_str())),
            Some(("Sec-Fetch-Mode", self.mode.as_str())),
            self.user_activated.then_some(("Sec-Fetch-User", "?1")),
            Some(("Sec-Fetch-Dest", self.destination.as_str())),
        ]
        .into_iter()
        .flatten()
    }

    /// [`lines`](Self::lines) for a request to `url`: none where it is not trustworthy.
    pub fn fields(&self, url: &Url) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let trusted = is_potentially_trustworthy(url);
        self.lines().filter(move |_| trusted)
    }
}

/// What a caller may not say of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidFetchMetadata {
    /// No [`RequestMode`] has this name.
    UnknownMode,
    /// No [`Destination`] has this name.
    UnknownDestination,
    /// Pages and frames are loaded by navigation alone.
    RequiresNavigate,
}

/// For the last variant Electron's own sentence.
impl fmt::Display for InvalidFetchMetadata {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::UnknownMode => {
                "sec-fetch-mode should be one of cors, navigate, no-cors or same-origin"
            }
            Self::UnknownDestination => {
                "sec-fetch-dest should be a destination of the Fetch standard"
            }
            Self::RequiresNavigate => {
                "sec-fetch-dest of 'document', 'frame', 'iframe' or 'fencedframe' requires \
                 sec-fetch-mode 'navigate'"
            }
        })
    }
}

impl std::error::Error for InvalidFetchMetadata {}

const MODES: [RequestMode; 4] =
    [RequestMode::Cors, RequestMode::Navigate, RequestMode::NoCors, RequestMode::SameOrigin];

const DESTINATIONS: [Destination; 21] = [
    Destination::Empty,
    Destination::Audio,
    Destination::AudioWorklet,
    Destination::Document,
    Destination::Embed,
    Destination::FencedFrame,
    Destination::Font,
    Destination::Frame,
    Destination::Iframe,
    Destination::Image,
    Destination::Manifest,
    Destination::Object,
    Destination::PaintWorklet,
    Destination::Report,
    Destination::Script,
    Destination::ServiceWorker,
    Destination::Style,
    Destination::Track,
    Destination::Video,
    Destination::Worker,
    Destination::Xslt,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_site_is_the_farthest_of_the_redirect_chain() {
        let (a, b) = ("https://a.example.com/", "https://b.example.com/");
        let (other, plain) = ("https://example.org/", "http://a.example.com/");
        for (initiator, chain, expected) in [
            (None, &[a][..], "none"),
            (None, &[a, other], "none"),
            (Some("https://a.example.com"), &[a], "same-origin"),
            (Some("https://a.example.com"), &[a, a], "same-origin"),
            (Some("https://a.example.com"), &[a, b], "same-site"),
            (Some("https://a.example.com"), &[b], "same-site"),
            (Some("https://a.example.com"), &[a, b, a], "same-site"),
            (Some("https://a.example.com"), &[a, other], "cross-site"),
            (Some("https://a.example.com"), &[other, a], "cross-site"),
            (Some("https://a.example.com"), &[plain], "cross-site"),
            (Some("http://a.example.com"), &[a], "cross-site"),
            (Some("https://alice.github.io"), &["https://bob.github.io/"], "cross-site"),
            (Some("http://127.0.0.1:1"), &["http://127.0.0.1:2/"], "same-site"),
            (Some("null"), &[a], "cross-site"),
        ] {
            let initiator = initiator.map(|text| text.parse::<Origin>().unwrap());
            let mut site = SecFetchSite::None;
            for target in chain {
                site = site.after_redirect(initiator.as_ref(), &url(target));
            }
            assert_eq!(site.as_str(), expected, "{initiator:?} {chain:?}");
        }
    }

    #[test]
    fn fields_go_to_potentially_trustworthy_urls_alone() {
        let metadata = FetchMetadata::new(
            SecFetchSite::None,
            RequestMode::default(),
            Destination::default(),
            false,
        )
        .unwrap();
        let three = vec![
            ("Sec-Fetch-Site", "none"),
            ("Sec-Fetch-Mode", "no-cors"),
            ("Sec-Fetch-Dest", "empty"),
        ];
        for (target, expected) in [
            ("https://a.example/", &three),
            ("http://127.0.0.1:8080/", &three),
            ("http://localhost/", &three),
            ("http://a.example/", &vec![]),
        ] {
            assert_eq!(metadata.fields(&url(target)).collect::<Vec<_>>(), *expected, "{target}");
        }
    }

    #[test]
    fn the_user_field_is_sent_for_a_persons_action_alone() {
        for (user_activated, expected) in [
            (
                true,
                &[
                    ("Sec-Fetch-Site", "same-origin"),
                    ("Sec-Fetch-Mode", "navigate"),
                    ("Sec-Fetch-User", "?1"),
                    ("Sec-Fetch-Dest", "document"),
                ][..],
            ),
            (
                false,
                &[
                    ("Sec-Fetch-Site", "same-origin"),
                    ("Sec-Fetch-Mode", "navigate"),
                    ("Sec-Fetch-Dest", "document"),
                ],
            ),
        ] {
            let metadata = FetchMetadata::new(
                SecFetchSite::SameOrigin,
                RequestMode::Navigate,
                Destination::Document,
                user_activated,
            );
            let target = url("https://a.example/");
            assert_eq!(metadata.unwrap().fields(&target).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn pages_and_frames_require_navigate() {
        for destination in DESTINATIONS {
            let is_page =
                ["document", "frame", "iframe", "fencedframe"].contains(&destination.as_str());
            for mode in MODES {
                let found = FetchMetadata::new(SecFetchSite::None, mode, destination, false);
                let expected = if is_page && mode != RequestMode::Navigate {
                    Err(InvalidFetchMetadata::RequiresNavigate)
                } else {
                    Ok((mode, destination))
                };
                assert_eq!(found.map(|metadata| (metadata.mode, metadata.destination)), expected);
            }
        }
        assert_eq!(
            InvalidFetchMetadata::RequiresNavigate.to_string(),
            "sec-fetch-dest of 'document', 'frame', 'iframe' or 'fencedframe' requires \
             sec-fetch-mode 'navigate'"
        );
    }

    #[test]
    fn a_word_is_read_back() {
        for mode in MODES {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        for destination in DESTINATIONS {
            assert_eq!(destination.as_str().parse(), Ok(destination));
        }
    }

    #[test]
    fn an_unknown_word_is_an_error() {
        for text in ["", "Cors", "websocket", "navigate "] {
            assert_eq!(text.parse::<RequestMode>(), Err(InvalidFetchMetadata::UnknownMode));
        }
        for text in ["", "Document", "webidentity", "empty "] {
            assert_eq!(text.parse::<Destination>(), Err(InvalidFetchMetadata::UnknownDestination));
        }
    }
}
