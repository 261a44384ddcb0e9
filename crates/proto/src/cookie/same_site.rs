//! Whether a request is one of the site it goes to.
//!
//! There is no page here, so a request has a home: the site of the origin that the caller names, or
//! else the site of its first URL. A hop to the home carries everything, wherever the chain has been
//! before: a login that leads over another site comes back with the cookies it left with. A hop to
//! another site carries less.
//!
//! RFC 6265bis §5.2; Chromium `cookie_util::ComputeSameSiteContextForRequest`, whose check of the
//! sites between (`kCookieSameSiteConsidersRedirectChain`) is off there and absent here.

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
    /// A navigation that changes something, from another site: only `SameSite=None`, but the answer
    /// is the site's own. RFC 6265bis §5.7 step 17; Chromium `ComputeSameSiteContextForResponse`.
    UnsafeNavigation,
    /// A redirect led to another site than the first, and nobody named an initiator: cookies that
    /// say `Lax` or `Strict` stay behind, those that say nothing go along.
    CrossSiteRedirect,
    /// A navigation that changes nothing, from another site: not `Strict`.
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
            (
                Self::CrossSite | Self::UnsafeNavigation,
                SameSite::Lax | SameSite::Strict | SameSite::Unspecified,
            ) => false,
        }
    }

    /// Whether an answer may set a cookie. What a site answers for itself is its own affair,
    /// wherever the request has been before.
    pub const fn may_set(self, cookie: SameSite) -> bool {
        match self {
            Self::CrossSite => matches!(cookie, SameSite::NoRestriction),
            Self::UnsafeNavigation | Self::CrossSiteRedirect | Self::Lax | Self::Strict => true,
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

/// Where a request comes from and where it is, hop by hop.
#[derive(Clone, Debug)]
pub struct RequestSites {
    home: SiteForCookies,
    current: SiteForCookies,
    has_initiator: bool,
    navigation: bool,
}

impl RequestSites {
    /// A request for `url` that has not been anywhere.
    ///
    /// `initiator` is the origin that the caller says the request comes from; without one it comes
    /// from the URL itself. `navigation` says that the user asked to go there.
    pub fn new(url: &Url, initiator: Option<&Origin>, navigation: bool) -> Self {
        let current = SiteForCookies::from_url(url);
        let home = initiator.map_or_else(|| current.clone(), SiteForCookies::from_origin);
        Self { home, current, has_initiator: initiator.is_some(), navigation }
    }

    /// A redirect to `url` is followed.
    ///
    /// One from http to https of the same domain is no way to another site, where nobody else was
    /// named: servers send everybody there who types a name.
    pub fn redirect(&mut self, url: &Url) {
        if self.current.is_first_party(url) {
            return;
        }
        let next = SiteForCookies::from_url(url);
        match (&self.current.0, &next.0) {
            (Some(("http", from)), Some(("https", to))) if from == to => self.upgrade(url),
            _ => self.current = next,
        }
    }

    /// The request goes to `url` over TLS instead: where it was at home and nobody else was named, that
    /// is its home.
    pub fn upgrade(&mut self, url: &Url) {
        let was_home = !self.has_initiator && self.home == self.current;
        self.current = SiteForCookies::from_url(url);
        if was_home {
            self.home = self.current.clone();
        }
    }

    /// The site whose cookies are first-party now.
    pub const fn site_for_cookies(&self) -> &SiteForCookies {
        &self.current
    }

    /// What the request may carry at this hop.
    pub fn context(&self, method: &Method) -> SameSiteContext {
        if self.home.0.is_some() && self.home == self.current {
            SameSiteContext::Strict
        } else if self.navigation {
            if method.is_safe() { SameSiteContext::Lax } else { SameSiteContext::UnsafeNavigation }
        } else if self.has_initiator {
            SameSiteContext::CrossSite
        } else {
            SameSiteContext::CrossSiteRedirect
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
    fn a_hop_to_the_home_of_a_request_is_first_party_wherever_it_has_been() {
        use SameSiteContext::{CrossSite, CrossSiteRedirect, Lax, Strict};
        let (a, a_sub) = ("https://a.test/", "https://www.a.test:8443/x");
        let (b, a_http) = ("https://b.test/", "http://a.test/");
        for (initiator, navigation, hops, expected) in [
            (None, false, &[a][..], Strict),
            (None, false, &[a, a_sub], Strict),
            (None, false, &["wss://a.test/"], Strict),
            (None, false, &[a, "wss://a.test/"], Strict),
            (None, false, &[a, b], CrossSiteRedirect),
            (None, false, &[a, b, "https://c.test/"], CrossSiteRedirect),
            (None, false, &[a, b, a], Strict),
            (None, false, &[a_http, a], Strict),
            (None, false, &[a_http, a_sub, a], Strict),
            (None, false, &[a, a_http], CrossSiteRedirect),
            (None, false, &[a_http, b, a_http], Strict),
            (None, false, &[a_http, b, a], CrossSiteRedirect),
            (None, true, &[a], Strict),
            (None, true, &[a, b], Lax),
            (None, true, &[a, b, a], Strict),
            (Some(a), false, &[a], Strict),
            (Some(a_sub), false, &[a], Strict),
            (Some(a), false, &[a, b], CrossSite),
            (Some(a), true, &[a, b], Lax),
            (Some(a), false, &[a, b, a], Strict),
            (Some(a_http), false, &[a], CrossSite),
            (Some(b), false, &[a], CrossSite),
            (Some(b), false, &[a, a_sub], CrossSite),
            (Some(b), false, &[a, b], Strict),
            (Some(b), true, &[a], Lax),
            (Some("null"), false, &[a], CrossSite),
            (Some("null"), true, &[a], Lax),
            (None, false, &["http://127.0.0.1:1/", "http://127.0.0.1:2/"], Strict),
            (None, false, &["http://127.0.0.1:1/", "http://localhost:1/"], CrossSiteRedirect),
        ] {
            assert_eq!(context(initiator, navigation, hops), expected, "{initiator:?} {hops:?}");
        }
    }

    #[test]
    fn a_request_that_goes_over_tls_from_the_start_comes_from_there() {
        let url = |text| Url::parse(text).unwrap();
        let clear = "http://a.test".parse::<Origin>().unwrap();
        for (initiator, hops, expected) in [
            (None, &["http://a.test/", "https://a.test/"][..], SameSiteContext::Strict),
            (
                None,
                &["http://b.test/", "http://a.test/", "https://a.test/"],
                SameSiteContext::CrossSiteRedirect,
            ),
            (Some(&clear), &["http://a.test/", "https://a.test/"], SameSiteContext::CrossSite),
        ] {
            let mut sites = RequestSites::new(&url(hops[0]), initiator, false);
            let (upgraded, between) = hops[1..].split_last().unwrap();
            between.iter().for_each(|hop| sites.redirect(&url(hop)));
            sites.upgrade(&url(upgraded));
            assert_eq!(sites.context(&Method::GET), expected, "{hops:?}");
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
            (Method::POST, SameSiteContext::UnsafeNavigation),
            (Method::DELETE, SameSiteContext::UnsafeNavigation),
        ] {
            assert_eq!(sites.context(&method), expected, "{method}");
        }
    }

    #[test]
    fn nothing_is_first_party_to_a_url_without_a_site() {
        let file = Url::parse("file:///x").unwrap();
        assert!(!SiteForCookies::from_url(&file).is_first_party(&file));
        let sites = RequestSites::new(&file, None, false);
        assert_eq!(sites.context(&Method::GET), SameSiteContext::CrossSiteRedirect);
    }

    #[test]
    fn what_each_context_lets_through() {
        use SameSite::{Lax, NoRestriction, Strict, Unspecified};
        let all = [NoRestriction, Unspecified, Lax, Strict];
        for (context, sent, set) in [
            (SameSiteContext::CrossSite, &[NoRestriction][..], &[NoRestriction][..]),
            (SameSiteContext::UnsafeNavigation, &[NoRestriction], &all),
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
