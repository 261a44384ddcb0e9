//! How names are resolved: the settings of the process, those of a session, and what one look-up may
//! ask for instead.
//!
//! Values only; what follows from them for one name is [`tasks`](super::tasks).

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use netreq_proto::NetError;

use super::template::DnsOverHttpsServer;
use crate::error::Error;

/// How names are resolved and their addresses dialled.
///
/// Electron `app.configureHostResolver`; Chromium `ConfigureStubHostResolver`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostResolverConfig {
    /// Whether the next address of a host is dialled beside one that takes its time (RFC 8305). Default
    /// true; otherwise it is dialled once the one before has failed.
    pub happy_eyeballs: bool,
    /// Whether DNS over HTTPS is asked. Default off.
    pub secure_dns_mode: SecureDnsMode,
    /// Who is asked, in this order: the next one where one gives no answer. Default nobody.
    pub secure_dns_servers: Vec<DnsOverHttpsServer>,
}

impl Default for HostResolverConfig {
    fn default() -> Self {
        Self {
            happy_eyeballs: true,
            secure_dns_mode: SecureDnsMode::Off,
            secure_dns_servers: Vec::new(),
        }
    }
}

impl HostResolverConfig {
    /// # Errors
    ///
    /// `ERR_NOT_IMPLEMENTED` where DNS over HTTPS is asked of a build that has none.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if cfg!(not(feature = "secure-dns")) && self.secure_dns_mode != SecureDnsMode::Off {
            return Err(Error::argument(
                NetError::NotImplemented,
                "this program was built without the feature `secure-dns`",
            ));
        }
        Ok(())
    }
}

/// Sets how every session resolves names from now on that was not told by itself
/// ([`Session::set_host_resolver`](crate::Session::set_host_resolver)). What is known of names is
/// forgotten; connections stay.
///
/// # Errors
///
/// `ERR_NOT_IMPLEMENTED` for DNS over HTTPS without the feature `secure-dns`, and nothing has changed.
///
/// Electron `app.configureHostResolver`.
pub fn configure_host_resolver(config: HostResolverConfig) -> Result<(), Error> {
    config.check()?;
    *CONFIGURED.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    Ok(())
}

/// The settings of the process.
pub(super) fn configured() -> Arc<HostResolverConfig> {
    Arc::clone(&CONFIGURED.read().unwrap_or_else(PoisonError::into_inner))
}

static CONFIGURED: LazyLock<RwLock<Arc<HostResolverConfig>>> = LazyLock::new(RwLock::default);

/// Whether names are resolved by DNS over HTTPS.
///
/// `.local` names are the system's in every mode. Chromium `SecureDnsMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SecureDnsMode {
    /// Never: the system is asked. The default.
    #[default]
    Off,
    /// First. Where it gives no address, the system is asked.
    Automatic,
    /// Nobody else is asked.
    Secure,
}

/// What one look-up asks for: [`Session::resolve_host_with`](crate::Session::resolve_host_with).
///
/// Electron's options of `net.resolveHost`; Chromium `ResolveHostParameters`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResolveHostOptions {
    /// Addresses of one family alone. Default both.
    pub query_type: Option<DnsQueryType>,
    /// Whom to ask.
    pub source: HostResolverSource,
    /// Whether what is known already will do.
    pub cache_usage: CacheUsage,
    /// Whether DNS over HTTPS may be asked.
    pub secure_dns_policy: SecureDnsPolicy,
}

/// A family of addresses, by the DNS record that holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DnsQueryType {
    /// IPv4.
    A,
    /// IPv6.
    Aaaa,
}

/// Who is asked for addresses. Literals, loopback names, host rules and the cache come first in any
/// case.
///
/// Chromium `HostResolverSource`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostResolverSource {
    /// Whoever the settings name. The default.
    #[default]
    Any,
    /// The system.
    System,
    /// DNS, which is DNS over HTTPS: there is no other client here.
    Dns,
    /// Multicast DNS, which is not there yet.
    Mdns,
    /// Nobody: a name that is not known is `ERR_DNS_CACHE_MISS`.
    LocalOnly,
}

/// Whether an answer may come from the cache.
///
/// Chromium `ResolveHostParameters::CacheUsage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CacheUsage {
    /// As long as it holds. The default.
    #[default]
    Allowed,
    /// Also one that does not hold any more, rather than asking.
    StaleAllowed,
    /// Never. The answer is kept all the same.
    Disallowed,
}

/// Whether a look-up may go to DNS over HTTPS.
///
/// Chromium `SecureDnsPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SecureDnsPolicy {
    /// As the settings say. The default.
    #[default]
    Allow,
    /// No: as with [`SecureDnsMode::Off`].
    Disable,
}

/// A word that names none of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    word: Box<str>,
    known: &'static str,
}

impl UnknownWord {
    /// The words that there are, between commas.
    pub fn known(&self) -> &'static str {
        self.known
    }
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is none of: {}", self.word, self.known)
    }
}

impl std::error::Error for UnknownWord {}

/// Reads Electron's words.
macro_rules! words {
    ($kind:ident, $known:literal, $($word:literal => $variant:ident),+) => {
        impl FromStr for $kind {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { word: word.into(), known: $known }),
                }
            }
        }
    };
}

words!(SecureDnsMode, "off, automatic, secure",
    "off" => Off, "automatic" => Automatic, "secure" => Secure);
words!(DnsQueryType, "A, AAAA", "A" => A, "AAAA" => Aaaa);
words!(HostResolverSource, "any, system, dns, mdns, localOnly",
    "any" => Any, "system" => System, "dns" => Dns, "mdns" => Mdns, "localOnly" => LocalOnly);
words!(CacheUsage, "allowed, staleAllowed, disallowed",
    "allowed" => Allowed, "staleAllowed" => StaleAllowed, "disallowed" => Disallowed);
words!(SecureDnsPolicy, "allow, disable", "allow" => Allow, "disable" => Disable);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn electrons_words_are_read_and_others_say_what_there_is() {
        assert_eq!("automatic".parse(), Ok(SecureDnsMode::Automatic));
        assert_eq!("AAAA".parse(), Ok(DnsQueryType::Aaaa));
        assert_eq!("localOnly".parse(), Ok(HostResolverSource::LocalOnly));
        assert_eq!("staleAllowed".parse(), Ok(CacheUsage::StaleAllowed));
        assert_eq!("disable".parse(), Ok(SecureDnsPolicy::Disable));
        let error = "Secure".parse::<SecureDnsMode>().unwrap_err();
        assert_eq!(error.to_string(), "\"Secure\" is none of: off, automatic, secure");
    }
}
