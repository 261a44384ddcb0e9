//! A server for DNS over HTTPS, as the URI template that names it.
//!
//! With a variable `dns` in its path or query the question goes there, by GET; without one it is the
//! body of a POST. RFC 8484 §3 and §4.1, RFC 6570; Chromium `DnsOverHttpsServerConfig::FromString`.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// A DNS-over-HTTPS server: `https://dns.example/dns-query{?dns}` is asked by GET,
/// `https://dns.example/dns-query` by POST.
///
/// A name in it is resolved by the system, whatever the mode.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DnsOverHttpsServer {
    template: Box<str>,
    uses_post: bool,
}

impl DnsOverHttpsServer {
    /// Whether questions are bodies, for want of a variable `dns`.
    pub fn uses_post(&self) -> bool {
        self.uses_post
    }

    /// Where a question goes; `dns` is its message in base64url, which counts for a GET.
    #[cfg(any(test, feature = "secure-dns"))]
    pub(crate) fn url(&self, dns: &str) -> Result<Url, url::ParseError> {
        Url::parse(&expand(&self.template, dns).unwrap_or_default().0)
    }
}

impl FromStr for DnsOverHttpsServer {
    type Err = InvalidServer;

    fn from_str(template: &str) -> Result<Self, InvalidServer> {
        let (text, has_variable) = expand(template, PROBE).ok_or(InvalidServer::Template)?;
        let url = Url::parse(&text).map_err(|_| InvalidServer::Url)?;
        if url.scheme() != "https" {
            return Err(InvalidServer::NotHttps);
        }
        let is_in_place =
            url.path().contains(PROBE) || url.query().is_some_and(|query| query.contains(PROBE));
        if has_variable && !is_in_place {
            return Err(InvalidServer::Place);
        }
        Ok(Self { template: template.into(), uses_post: !has_variable })
    }
}

impl fmt::Display for DnsOverHttpsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.template)
    }
}

/// Why a text names no DNS-over-HTTPS server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidServer {
    /// Its braces or what is between them.
    Template,
    /// It makes no URL.
    Url,
    /// Its scheme is not https.
    NotHttps,
    /// The variable is in neither path nor query.
    Place,
}

impl fmt::Display for InvalidServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Template => "the URI template cannot be read",
            Self::Url => "the URI template makes no URL",
            Self::NotHttps => "a DNS-over-HTTPS server is asked over https",
            Self::Place => "the variable dns belongs into the path or the query",
        })
    }
}

impl std::error::Error for InvalidServer {}

/// `template` with `dns` for the variable of that name and nothing for others, and whether there was
/// such a variable. `dns` has nothing that needs escaping.
fn expand(template: &str, dns: &str) -> Option<(String, bool)> {
    let mut text = String::with_capacity(template.len() + dns.len());
    let mut has_variable = false;
    let mut rest = template;
    while let Some((literal, behind)) = rest.split_once('{') {
        let (expression, behind) = behind.split_once('}')?;
        rest = behind;
        if literal.contains('}') {
            return None;
        }
        text.push_str(literal);
        let (before, variables) = match expression.as_bytes().first()? {
            b'+' => ("", &expression[1..]),
            b'#' => ("#", &expression[1..]),
            b'.' => (".", &expression[1..]),
            b'/' => ("/", &expression[1..]),
            b';' => (";dns=", &expression[1..]),
            b'?' => ("?dns=", &expression[1..]),
            b'&' => ("&dns=", &expression[1..]),
            _ => ("", expression),
        };
        if !variables.split(',').all(is_variable) {
            return None;
        }
        if variables.split(',').any(|variable| variable == "dns") {
            has_variable = true;
            text.push_str(before);
            text.push_str(dns);
        }
    }
    if rest.contains('}') {
        return None;
    }
    text.push_str(rest);
    Some((text, has_variable))
}

/// Whether `name` is a variable without modifiers: a piece of a message is no message.
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
}

/// Stands for a message where a template is judged.
const PROBE: &str = "netreq-dns-message";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_in_the_path_or_query_means_get_and_none_means_post() {
        for (template, expected) in [
            ("https://dns.test/q{?dns}", Ok("https://dns.test/q?dns=AAA")),
            ("https://dns.test/q?a=b{&dns}", Ok("https://dns.test/q?a=b&dns=AAA")),
            ("https://dns.test/q{?a,dns}", Ok("https://dns.test/q?dns=AAA")),
            ("https://dns.test/{dns}/q", Ok("https://dns.test/AAA/q")),
            ("https://dns.test{/dns}", Ok("https://dns.test/AAA")),
            ("https://dns.test/q{+dns}", Ok("https://dns.test/qAAA")),
            ("https://dns.test/q", Ok("https://dns.test/q")),
            ("https://127.0.0.1:1234", Ok("https://127.0.0.1:1234/")),
            ("https://dns.test/q{?other}", Ok("https://dns.test/q")),
            ("http://dns.test/q{?dns}", Err(InvalidServer::NotHttps)),
            ("https://{dns}.test/q", Err(InvalidServer::Place)),
            ("https://dns.test/q{#dns}", Err(InvalidServer::Place)),
            ("https://dns.test/q{?dns", Err(InvalidServer::Template)),
            ("https://dns.test/q}{?dns}", Err(InvalidServer::Template)),
            ("https://dns.test/q{?dns}}", Err(InvalidServer::Template)),
            ("https://dns.test/q{}", Err(InvalidServer::Template)),
            ("https://dns.test/q{?}", Err(InvalidServer::Template)),
            ("https://dns.test/q{?dns*}", Err(InvalidServer::Template)),
            ("https://dns.test/q{?dns:3}", Err(InvalidServer::Template)),
            ("https://dns.test/q{é}", Err(InvalidServer::Template)),
            ("https://", Err(InvalidServer::Url)),
            ("dns.test", Err(InvalidServer::Url)),
            ("", Err(InvalidServer::Url)),
        ] {
            let server = template.parse::<DnsOverHttpsServer>();
            let url = server.as_ref().map(|server| server.url("AAA").unwrap().to_string());
            assert_eq!(url.as_deref().map_err(|error| **error), expected, "{template}");
            if let Ok(server) = server {
                assert_eq!(server.uses_post(), !expected.unwrap().contains("AAA"), "{template}");
                assert_eq!(server.to_string(), template);
            }
        }
    }
}
