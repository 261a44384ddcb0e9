//! Sites: which servers belong to one owner.
//!
//! A site is a scheme and a registrable domain: the public suffix and one label more, by the
//! public suffix list with its private section, so that two users of a hosting domain are two
//! sites. Addresses and names without a registrable domain are a site of their own. Origins are
//! the finer question, in [`crate::origin`].
//!
//! HTML "site"; Chromium `registry_controlled_domains::SameDomainOrHost`.

use url::{Host, Url};

use crate::origin::Origin;

/// The part of a host that one owner registered: `example.co.uk` of `www.example.co.uk`.
///
/// `host` is a URL's host: lower case, ASCII form. `None` for an address, a public suffix itself,
/// and a single label. A dot at the end stays: `a.example.` and `a.example` are two names.
pub fn registrable_domain(host: &str) -> Option<&str> {
    if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return None;
    }
    psl::domain(host.as_bytes()).and_then(|domain| str::from_utf8(domain.as_bytes()).ok())
}

/// Whether both URLs belong to one site, the scheme included: http and https are two sites.
///
/// HTML "same site".
pub fn is_same_site(one: &Url, other: &Url) -> bool {
    Origin::from_url(one).is_same_site(&Origin::from_url(other))
}

impl Origin {
    /// Whether both belong to one site, the scheme included. An opaque origin belongs to none.
    pub fn is_same_site(&self, other: &Self) -> bool {
        let (
            Self::Tuple { scheme, host, .. },
            Self::Tuple { scheme: other_scheme, host: other_host, .. },
        ) = (self, other)
        else {
            return false;
        };
        if scheme != other_scheme {
            return false;
        }
        if host == other_host {
            return true;
        }
        let (Host::Domain(host), Host::Domain(other_host)) = (host, other_host) else {
            return false;
        };
        let domain = registrable_domain(host);
        domain.is_some() && domain == registrable_domain(other_host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrable_domain_is_the_public_suffix_and_one_label_more() {
        for (host, expected) in [
            ("example.com", Some("example.com")),
            ("a.b.example.com", Some("example.com")),
            ("example.co.uk", Some("example.co.uk")),
            ("www.example.co.uk", Some("example.co.uk")),
            ("co.uk", None),
            ("com", None),
            ("localhost", None),
            // Not on the list: the last label counts as a public suffix.
            ("a.b.unlisted", Some("b.unlisted")),
            // The private section: each user of the host is an owner.
            ("alice.github.io", Some("alice.github.io")),
            ("x.alice.github.io", Some("alice.github.io")),
            ("github.io", None),
            // A wildcard rule and its exception.
            ("a.b.c.ck", Some("b.c.ck")),
            ("a.www.ck", Some("www.ck")),
            // Names in another script, as they stand in a URL.
            ("a.xn--85x722f.com.cn", Some("xn--85x722f.com.cn")),
            ("a.shishi.xn--55qx5d.cn", Some("shishi.xn--55qx5d.cn")),
            ("xn--55qx5d.cn", None),
            ("www.example.com.", Some("example.com.")),
            ("127.0.0.1", None),
            ("[::1]", None),
            ("", None),
            (".", None),
            ("..", None),
        ] {
            assert_eq!(registrable_domain(host), expected, "{host}");
        }
    }

    #[test]
    fn a_site_is_a_scheme_and_a_registrable_domain() {
        for (one, other, expected) in [
            ("https://a.example.com", "https://b.example.com:8443", true),
            ("https://example.com", "https://www.example.com", true),
            ("https://example.com", "http://example.com", false),
            ("https://example.com", "wss://example.com", false),
            ("https://example.com", "https://example.org", false),
            ("https://alice.github.io", "https://bob.github.io", false),
            ("https://a.co.uk", "https://b.co.uk", false),
            ("https://co.uk", "https://co.uk", true),
            ("http://localhost:1", "http://localhost:2", true),
            ("http://127.0.0.1:1", "http://127.0.0.1:2", true),
            ("http://127.0.0.1", "http://127.0.0.2", false),
            ("http://1.0.0.127", "http://2.0.0.127", false),
            ("https://example.com.", "https://example.com", false),
            ("file:///a", "file:///a", false),
        ] {
            let (a, b) = (Url::parse(one).unwrap(), Url::parse(other).unwrap());
            assert_eq!(is_same_site(&a, &b), expected, "{one} {other}");
            assert_eq!(is_same_site(&b, &a), expected, "{other} {one}");
        }
    }
}
