//! Whether a request is one of the site it goes to.
//!
//! There is no page here, so a request is first-party to its own URL, at every hop anew, unless the
//! caller names another origin. Two things take that away: an initiator of another site, and a
//! redirect through one.
//!
//! RFC 6265bis §5.2; Chromium `cookie_util::ComputeSameSiteContextForRequest`.

use http::Method;
use url::Url;

use super::{SameSite, site_scheme};
use crate::origin::Origin;
use crate::site::registrable_domain;

/// What a request may carry, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SameSiteContext {
    /// Another site began it: only `SameSite=None`.
    CrossSite,
    /// The site itself began it, and another one had a part in the redirects: cookies that say
    /// `Lax` or `Strict` stay behind, those that say nothing go along.
    CrossSiteRedirect,
    /// Another site began a navigation that changes nothing: not `Strict`.
    Lax,
    /// The site itself: everything.
    Strict,
}

impl SameSiteContext {
    /// Whether a cookie goes along.
    pub const fn may_send(self, cookie: SameSite) -> bool {
        match (self, cookie) {
            (_, SameSite::NoRestriction) | (Self::Strict, _) => true,
            (Self::Lax, SameSite::Lax | SameSite::Unspecified) => true,
            (Self::CrossSiteRedirect, SameSite::Unspecified) => true,
            (Self::Lax, SameSite::Strict) => false,
            (Self::CrossSiteRedirect, SameSite::Lax | SameSite::Strict) => false,
            (Self::CrossSite, SameSite::Lax | SameSite::Strict | SameSite::Unspecified) => false,
        }
    }

    /// Whether an answer may set a cookie. What a site answers for itself is its own affair,
    /// wherever the request has been before.
    pub const fn may_set(self, cookie: SameSite) -> bool {
        match self {
            Self::CrossSite => matches!(cookie, SameSite::NoRestriction),
            Self::CrossSiteRedirect | Self::Lax | Self::Strict => true,
        }
    }
}

/// The site whose cookies are first-party.
///
/// Unlike an origin it has no port, and a socket counts as the page that opens it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteForCookies(Option<(&'static str, Box<str>)>);

impl SiteForCookies {
    /// The site of `url`; none where `url` has none, and then nothing is first-party.
    pub fn from_url(url: &Url) -> Self {
        let site = site_scheme(url).zip(url.host_str());
        Self(site.map(|(scheme, host)| (scheme, registrable_domain(host).unwrap_or(host).into())))
    }

    /// The site of an origin.
    pub fn from_origin(origin: &Origin) -> Self {
        Url::parse(&origin.to_string()).map_or(Self(None), |url| Self::from_url(&url))
    }

    /// Whether `url` belongs to this site, the scheme included.
    pub fn is_first_party(&self, url: &Url) -> bool {
        let (Some((scheme, site)), Some(host)) = (&self.0, url.host_str()) else { return false };
        site_scheme(url) == Some(scheme) && registrable_domain(host).unwrap_or(host) == &**site
    }
}

/// The sites that have a part in a request, hop by hop.
#[derive(Clone, Debug)]
pub struct RequestSites {
    current: SiteForCookies,
    initiator: Option<SiteForCookies>,
    navigation: bool,
    left_the_site: bool,
}

impl RequestSites {
    /// A request for `url` that has not been anywhere.
    ///
    /// `initiator` is the origin that the caller says the request comes from; without one it comes
    /// from the URL itself. `navigation` says that the user asked to go there.
    pub fn new(url: &Url, initiator: Option<&Origin>, navigation: bool) -> Self {
        Self {
            current: SiteForCookies::from_url(url),
            initiator: initiator.map(SiteForCookies::from_origin),
            navigation,
            left_the_site: false,
        }
    }

    /// A redirect to `url` is followed. Once another site was involved, it stays so.
    pub fn redirect(&mut self, url: &Url) {
        if !self.current.is_first_party(url) {
            self.left_the_site = true;
            self.current = SiteForCookies::from_url(url);
        }
    }

    /// The site whose cookies are first-party now.
    pub const fn site_for_cookies(&self) -> &SiteForCookies {
        &self.current
    }

    /// What the request may carry at this hop.
    pub fn context(&self, method: &Method) -> SameSiteContext {
        let own = match &self.initiator {
            None => self.current.0.is_some(),
            Some(initiator) => initiator.0.is_some() && *initiator == self.current,
        };
        let lax = self.navigation && method.is_safe();
        match (own, self.left_the_site) {
            (true, false) => SameSiteContext::Strict,
            (_, _) if lax => SameSiteContext::Lax,
            (true, true) => SameSiteContext::CrossSiteRedirect,
            (false, _) => SameSiteContext::CrossSite,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(initiator: Option<&str>, navigation: bool, hops: &[&str]) -> SameSiteContext {
        let hops: Vec<Url> = hops.iter().map(|hop| Url::parse(hop).unwrap()).collect();
        let initiator = initiator.map(|origin| origin.parse::<Origin>().unwrap());
        let mut sites = RequestSites::new(&hops[0], initiator.as_ref(), navigation);
        hops[1..].iter().for_each(|hop| sites.redirect(hop));
        assert!(sites.site_for_cookies().is_first_party(hops.last().unwrap()));
        sites.context(&Method::GET)
    }

    #[test]
    fn a_request_is_first_party_unless_another_site_has_a_part_in_it() {
        use SameSiteContext::{CrossSite, CrossSiteRedirect, Lax, Strict};
        let (a, a_sub) = ("https://a.test/", "https://www.a.test:8443/x");
        let (b, a_http) = ("https://b.test/", "http://a.test/");
        for (initiator, navigation, hops, expected) in [
            (None, false, &[a][..], Strict),
            (None, false, &[a, a_sub], Strict),
            (None, false, &["wss://a.test/"], Strict),
            (None, false, &[a, "wss://a.test/"], Strict),
            (None, false, &[a, b], CrossSiteRedirect),
            (None, false, &[a, b, a], CrossSiteRedirect),
            (None, false, &[a_http, a], CrossSiteRedirect),
            (None, true, &[a, b, a], Lax),
            (Some(a), false, &[a], Strict),
            (Some(a_sub), false, &[a], Strict),
            (Some(a_http), false, &[a], CrossSite),
            (Some(b), false, &[a], CrossSite),
            (Some(b), true, &[a], Lax),
            (Some("null"), false, &[a], CrossSite),
            (Some("null"), true, &[a], Lax),
            (Some(a), false, &[a, b], CrossSite),
            (Some(a), false, &[a, b, a], CrossSiteRedirect),
            (Some(b), false, &[a, b], CrossSiteRedirect),
            (None, false, &["http://127.0.0.1:1/", "http://127.0.0.1:2/"], Strict),
            (None, false, &["http://127.0.0.1:1/", "http://localhost:1/"], CrossSiteRedirect),
        ] {
            assert_eq!(context(initiator, navigation, hops), expected, "{initiator:?} {hops:?}");
        }
    }

    #[test]
    fn a_navigation_that_changes_something_is_not_lax() {
        let url = Url::parse("https://a.test/").unwrap();
        let origin = "https://b.test".parse::<Origin>().unwrap();
        let sites = RequestSites::new(&url, Some(&origin), true);
        for (method, expected) in [
            (Method::GET, SameSiteContext::Lax),
            (Method::HEAD, SameSiteContext::Lax),
            (Method::POST, SameSiteContext::CrossSite),
            (Method::DELETE, SameSiteContext::CrossSite),
        ] {
            assert_eq!(sites.context(&method), expected, "{method}");
        }
    }

    #[test]
    fn nothing_is_first_party_to_a_url_without_a_site() {
        let file = Url::parse("file:///x").unwrap();
        assert!(!SiteForCookies::from_url(&file).is_first_party(&file));
        let sites = RequestSites::new(&file, None, false);
        assert_eq!(sites.context(&Method::GET), SameSiteContext::CrossSite);
    }

    #[test]
    fn what_each_context_lets_through() {
        use SameSite::{Lax, NoRestriction, Strict, Unspecified};
        let all = [NoRestriction, Unspecified, Lax, Strict];
        for (context, sent, set) in [
            (SameSiteContext::CrossSite, &[NoRestriction][..], &[NoRestriction][..]),
            (SameSiteContext::CrossSiteRedirect, &[NoRestriction, Unspecified], &all),
            (SameSiteContext::Lax, &[NoRestriction, Unspecified, Lax], &all),
            (SameSiteContext::Strict, &all, &all),
        ] {
            for cookie in all {
                assert_eq!(context.may_send(cookie), sent.contains(&cookie), "{context:?}");
                assert_eq!(context.may_set(cookie), set.contains(&cookie), "{context:?}");
            }
        }
    }
}
