//! Names to addresses: host rules first, then literals and loopback names, then what is known, then
//! DNS over HTTPS and the system, as the configuration says.
//!
//! It knows nothing of ports beyond carrying them, and nothing of what the addresses are for.

mod cache;
mod config;
#[cfg(feature = "secure-dns")]
mod message;
#[cfg(feature = "secure-dns")]
mod order;
#[cfg(feature = "secure-dns")]
mod secure;
mod system;
mod template;

pub use config::{
    CacheUsage, DnsQueryType, HostResolverConfig, HostResolverSource, ResolveHostOptions,
    SecureDnsMode, SecureDnsPolicy, UnknownWord, configure_host_resolver,
};
#[cfg(feature = "secure-dns")]
pub(crate) use message::LONGEST as LONGEST_MESSAGE;
#[cfg(feature = "fuzzing")]
pub(crate) use message::Question;
#[cfg(feature = "secure-dns")]
pub(crate) use secure::{Closing, Exchange, Exchanging, Reply};
pub use template::{DnsOverHttpsServer, InvalidServer};

#[cfg(feature = "secure-dns")]
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use netreq_proto::host_rules::{HostRules, Mapped};
use netreq_proto::{NetError, Phase};
#[cfg(feature = "secure-dns")]
use tokio::sync::OnceCell;

use crate::error::Error;
use crate::runtime::{instant, lock};
use cache::{HostCache, Key, SYSTEM_TTL};

/// What a session asks for addresses.
#[derive(Debug)]
pub(crate) struct Resolver {
    rules: HostRules,
    /// The session's own settings, where it has some.
    config: RwLock<Option<Arc<HostResolverConfig>>>,
    /// The way to servers for DNS over HTTPS; `None` for the resolver that this way itself uses.
    #[cfg(feature = "secure-dns")]
    exchange: Option<Box<dyn Exchange>>,
    cache: Mutex<HostCache>,
    /// What DNS over HTTPS is being asked: once for everybody who waits for it.
    #[cfg(feature = "secure-dns")]
    asked: Mutex<HashMap<Key, Arc<Shared>>>,
}

#[cfg(feature = "secure-dns")]
type Shared = OnceCell<Result<Arc<[IpAddr]>, Error>>;

impl Default for Resolver {
    fn default() -> Self {
        Self::new(HostRules::default(), None)
    }
}

impl Resolver {
    pub(crate) fn new(rules: HostRules, config: Option<HostResolverConfig>) -> Self {
        let config = config.map(Arc::new);
        let cache = HostCache::new(config.clone().unwrap_or_else(config::configured));
        Self {
            rules,
            config: RwLock::new(config),
            #[cfg(feature = "secure-dns")]
            exchange: None,
            cache: Mutex::new(cache),
            #[cfg(feature = "secure-dns")]
            asked: Mutex::default(),
        }
    }

    /// With this way to servers for DNS over HTTPS.
    #[cfg(feature = "secure-dns")]
    pub(crate) fn with_exchange(self, exchange: Box<dyn Exchange>) -> Self {
        Self { exchange: Some(exchange), ..self }
    }

    /// The settings that hold now: the session's own, or those of the process.
    pub(crate) fn config(&self) -> Arc<HostResolverConfig> {
        let own = self.config.read().unwrap_or_else(PoisonError::into_inner).clone();
        own.unwrap_or_else(config::configured)
    }

    /// Settings of the session's own from now on; `None`: those of the process.
    pub(crate) fn configure(&self, config: Option<HostResolverConfig>) {
        let config = config.map(Arc::new);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Forgets what was found out.
    pub(crate) fn clear_cache(&self) {
        lock(&self.cache).clear();
    }

    /// Closes connections to servers for DNS over HTTPS.
    #[cfg(feature = "secure-dns")]
    pub(crate) fn close_connections(&self, how: Closing) {
        if let Some(exchange) = &self.exchange {
            exchange.close_connections(how);
        }
    }

    /// The addresses of `host` for a connection, never empty, the preferred ones first.
    ///
    /// `host` is a name or an address literal without brackets. Dropping the future leaves the
    /// system's look-up running in its own thread; its answer is then thrown away.
    ///
    /// # Errors
    ///
    /// Whatever went wrong with DNS, the name was not resolved (Chromium
    /// `HostResolver::SquashErrorCode`); the source says more.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let addresses = self.look_up(host, port, ResolveHostOptions::default()).await;
        addresses.map_err(|error| match error.net_error() {
            NetError::NameNotResolved
            | NetError::InternetDisconnected
            | NetError::InsufficientResources => error,
            _ => Error::new(NetError::NameNotResolved, Phase::Resolve).with_source(error),
        })
    }

    /// As [`resolve`](Self::resolve), asked as `options` say, with the error as it was met.
    pub(crate) async fn look_up(
        &self,
        host: &str,
        port: u16,
        options: ResolveHostOptions,
    ) -> Result<Vec<SocketAddr>, Error> {
        let (host, port) = match self.rules.apply(host, port) {
            Mapped::Unchanged => (host.to_owned(), port),
            Mapped::To { host, port } => (host.to_owned(), port),
            Mapped::NotFound => {
                return Err(not_resolved(format!("a host rule maps {host} to ~NOTFOUND")));
            }
        };
        if let Some(here) = locally(&host) {
            return of_kind(&host, &here, port, options.query_type);
        }
        let config = self.config();
        #[cfg(feature = "secure-dns")]
        let secure_dns = self.exchange.is_some();
        #[cfg(not(feature = "secure-dns"))]
        let secure_dns = false;
        let tasks = tasks(&config, options, &host, secure_dns)?;

        let key = |task: Task| Key {
            host: host.as_str().into(),
            // The system is asked for everything at once.
            query_type: options.query_type.filter(|_| task == Task::Secure),
            is_secure: task == Task::Secure,
        };
        for stale in [false, true] {
            let may = match options.cache_usage {
                CacheUsage::Allowed => !stale,
                CacheUsage::StaleAllowed => true,
                CacheUsage::Disallowed => false,
            };
            for task in tasks.iter().filter(|_| may) {
                let known = lock(&self.cache).get(&config, &key(*task), instant(), stale);
                if let Some(known) = known {
                    return of_kind(&host, &known, port, options.query_type);
                }
            }
        }
        if options.source == HostResolverSource::LocalOnly {
            return Err(Error::new(NetError::DnsCacheMiss, Phase::Resolve)
                .with_source(format!("nothing is known of {host}")));
        }
        let mut failure = not_resolved("nobody may be asked".to_owned());
        for task in tasks {
            let found = match task {
                Task::Secure => self.ask_securely(&config, key(*task)).await,
                Task::System => self.ask_system(&config, key(*task)).await,
            };
            match found.and_then(|found| of_kind(&host, &found, port, options.query_type)) {
                Ok(addresses) => return Ok(addresses),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn ask_system(
        &self,
        config: &Arc<HostResolverConfig>,
        key: Key,
    ) -> Result<Arc<[IpAddr]>, Error> {
        let host = key.host.to_string();
        let found = system::look_up(host, 0).await;
        let found = found.map_err(|cause| Error::io(Phase::Resolve, cause))?;
        if found.is_empty() {
            return Err(not_resolved(format!("{} has no address", key.host)));
        }
        let mut addresses: Vec<IpAddr> = Vec::with_capacity(found.len());
        for address in found {
            if !addresses.contains(&address.ip()) {
                addresses.push(address.ip());
            }
        }
        let addresses: Arc<[IpAddr]> = addresses.into();
        let until = (instant(), SYSTEM_TTL);
        lock(&self.cache).put(config, key, Arc::clone(&addresses), until);
        Ok(addresses)
    }

    #[cfg(feature = "secure-dns")]
    async fn ask_securely(
        &self,
        config: &Arc<HostResolverConfig>,
        key: Key,
    ) -> Result<Arc<[IpAddr]>, Error> {
        /// Takes a question back that nobody else waits for.
        struct Asked<'a>(&'a Resolver, &'a Key, Arc<Shared>);
        impl Drop for Asked<'_> {
            fn drop(&mut self) {
                let Self(resolver, key, shared) = self;
                let mut asked = lock(&resolver.asked);
                let is_last = Arc::strong_count(shared) <= 2 || shared.initialized();
                if is_last && asked.get(*key).is_some_and(|here| Arc::ptr_eq(here, shared)) {
                    asked.remove(*key);
                }
            }
        }
        let Some(exchange) = self.exchange.as_deref() else {
            return Err(not_resolved("the server for DNS over HTTPS is no other's".to_owned()));
        };
        let shared = Arc::clone(lock(&self.asked).entry(key.clone()).or_default());
        let asked = Asked(self, &key, shared);
        let answer = asked.2.get_or_init(|| async {
            let servers = &config.secure_dns_servers;
            let mut answer = secure::look_up(exchange, servers, &key.host, key.query_type).await?;
            order::usable_first(&mut answer.addresses);
            let addresses: Arc<[IpAddr]> = answer.addresses.into();
            let until = (instant(), cache::bounded(answer.ttl));
            lock(&self.cache).put(config, key.clone(), Arc::clone(&addresses), until);
            Ok(addresses)
        });
        Box::pin(answer).await.clone()
    }

    #[cfg(not(feature = "secure-dns"))]
    #[expect(clippy::unused_async, reason = "the same shape as with the feature")]
    async fn ask_securely(
        &self,
        _: &Arc<HostResolverConfig>,
        _: Key,
    ) -> Result<Arc<[IpAddr]>, Error> {
        Err(not_resolved("this build has no DNS over HTTPS".to_owned()))
    }

    /// The address that `host` spells out, when no rule may say otherwise.
    pub(crate) fn literal(&self, host: &str, port: u16) -> Option<SocketAddr> {
        if !self.rules.is_empty() {
            return None;
        }
        host.parse().ok().map(|address: IpAddr| SocketAddr::new(address, port))
    }
}

/// The addresses of a host about which nobody need be asked.
fn locally(host: &str) -> Option<Box<[IpAddr]>> {
    if let Ok(address) = host.parse() {
        return Some(Box::new([address]));
    }
    let (ipv6, ipv4) = (IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST));
    is_loopback_name(host).then(|| Box::from([ipv6, ipv4]))
}

/// One way to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Secure,
    System,
}

/// Who is asked for a name, one after the other until there is an address. `secure_dns`: whether DNS
/// over HTTPS is within reach.
///
/// # Errors
///
/// `ERR_NOT_IMPLEMENTED` for a source that is not there.
///
/// Chromium `HostResolverManager::CreateTaskSequence`.
fn tasks(
    config: &HostResolverConfig,
    options: ResolveHostOptions,
    host: &str,
    secure_dns: bool,
) -> Result<&'static [Task], Error> {
    let mode = match options.secure_dns_policy {
        SecureDnsPolicy::Allow if secure_dns => config.secure_dns_mode,
        SecureDnsPolicy::Allow | SecureDnsPolicy::Disable => SecureDnsMode::Off,
    };
    let has_servers = !config.secure_dns_servers.is_empty();
    Ok(match options.source {
        HostResolverSource::System => &[Task::System],
        HostResolverSource::Dns if mode != SecureDnsMode::Off && has_servers => &[Task::Secure],
        HostResolverSource::Dns => return Err(not_there("DNS over HTTPS is not configured")),
        HostResolverSource::Mdns => return Err(not_there("there is no multicast DNS")),
        // No resolver of the network knows these (RFC 6762 §3).
        HostResolverSource::Any | HostResolverSource::LocalOnly if is_local_name(host) => {
            &[Task::System]
        }
        HostResolverSource::Any | HostResolverSource::LocalOnly => match mode {
            SecureDnsMode::Off => &[Task::System],
            SecureDnsMode::Automatic if has_servers => &[Task::Secure, Task::System],
            SecureDnsMode::Automatic => &[Task::System],
            SecureDnsMode::Secure => &[Task::Secure],
        },
    })
}

/// Those of `addresses` that were asked for, if there are any.
fn of_kind(
    host: &str,
    addresses: &[IpAddr],
    port: u16,
    kind: Option<DnsQueryType>,
) -> Result<Vec<SocketAddr>, Error> {
    let is_meant = |address: &&IpAddr| match kind {
        None => true,
        Some(DnsQueryType::A) => address.is_ipv4(),
        Some(DnsQueryType::Aaaa) => address.is_ipv6(),
    };
    let meant = addresses.iter().filter(is_meant);
    let meant: Vec<_> = meant.map(|address| SocketAddr::new(*address, port)).collect();
    match meant.is_empty() {
        true => Err(not_resolved(format!("{host} has no address of this kind"))),
        false => Ok(meant),
    }
}

fn not_resolved(cause: String) -> Error {
    Error::new(NetError::NameNotResolved, Phase::Resolve).with_source(cause)
}

fn not_there(cause: &'static str) -> Error {
    Error::new(NetError::NotImplemented, Phase::Resolve).with_source(cause)
}

/// `localhost` and the names below it never leave this machine (RFC 6761 §6.3; Chromium
/// `net::IsLocalhost`).
fn is_loopback_name(host: &str) -> bool {
    is_below(host, "localhost")
}

/// Chromium `ResemblesMulticastDNSName`.
fn is_local_name(host: &str) -> bool {
    is_below(host, "local")
}

fn is_below(host: &str, top: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    last.eq_ignore_ascii_case(top)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn literals_rules_and_loopback_names_need_no_system() {
        let rules = "MAP a.test 192.0.2.7, MAP b.test:80 [2001:db8::1]:8080, MAP c.test ~NOTFOUND";
        let resolver = Resolver::new(rules.parse().unwrap(), None);
        for (host, port, expected) in [
            ("192.0.2.1", 80, Some("192.0.2.1:80")),
            ("2001:db8::2", 443, Some("[2001:db8::2]:443")),
            ("a.test", 81, Some("192.0.2.7:81")),
            ("b.test", 80, Some("[2001:db8::1]:8080")),
            ("sub.localhost", 80, Some("[::1]:80")),
            ("localhost", 80, Some("[::1]:80")),
            ("c.test", 80, None),
        ] {
            let answer = resolver.resolve(host, port).await;
            match (answer, expected) {
                (Ok(addresses), Some(expected)) => assert_eq!(addresses[0].to_string(), expected),
                (Err(error), None) => {
                    assert_eq!(error.net_error(), NetError::NameNotResolved);
                    assert_eq!(error.phase(), Some(Phase::Resolve));
                }
                (answer, _) => panic!("{host}: {answer:?}"),
            }
        }
    }

    #[tokio::test]
    async fn what_the_system_has_answered_holds_until_it_is_forgotten() {
        let resolver = Resolver::default();
        let address = SocketAddr::from(([192, 0, 2, 7], 80));
        remember(&resolver, "known.invalid", instant());
        assert_eq!(resolver.resolve("known.invalid", 80).await.unwrap(), [address]);
        let other = resolver.resolve("known.invalid", 81).await.unwrap();
        assert_eq!(other, [SocketAddr::from(([192, 0, 2, 7], 81))], "a port is the request's own");
        resolver.clear_cache();
        let error = resolver.resolve("known.invalid", 80).await.unwrap_err();
        assert_eq!(error.net_error(), NetError::NameNotResolved);
    }

    fn remember(resolver: &Resolver, host: &str, when: Instant) {
        let key = Key { host: host.into(), query_type: None, is_secure: false };
        let addresses = Arc::from([IpAddr::from([192, 0, 2, 7])]);
        lock(&resolver.cache).put(&resolver.config(), key, addresses, (when, SYSTEM_TTL));
    }

    #[tokio::test]
    async fn a_look_up_may_want_what_is_known_or_what_is_new() {
        let resolver = Resolver::default();
        let now = instant();
        remember(&resolver, "known.invalid", now);
        remember(&resolver, "stale.invalid", now.checked_sub(SYSTEM_TTL).unwrap());
        let (known, asked) = (Ok(()), Err(NetError::NameNotResolved));
        let local = HostResolverSource::LocalOnly;
        let any = HostResolverSource::Any;
        for (host, source, cache_usage, query_type, expected) in [
            ("known.invalid", any, CacheUsage::Allowed, None, known),
            ("known.invalid", any, CacheUsage::Disallowed, None, asked),
            ("known.invalid", any, CacheUsage::Allowed, Some(DnsQueryType::A), known),
            ("known.invalid", any, CacheUsage::Allowed, Some(DnsQueryType::Aaaa), asked),
            ("known.invalid", local, CacheUsage::Allowed, None, known),
            ("stale.invalid", any, CacheUsage::Allowed, None, asked),
            ("stale.invalid", any, CacheUsage::StaleAllowed, None, known),
            ("stale.invalid", local, CacheUsage::StaleAllowed, None, known),
            ("stale.invalid", local, CacheUsage::Allowed, None, Err(NetError::DnsCacheMiss)),
            ("known.invalid", local, CacheUsage::Disallowed, None, Err(NetError::DnsCacheMiss)),
            ("localhost", local, CacheUsage::Disallowed, None, known),
            ("::1", local, CacheUsage::Allowed, Some(DnsQueryType::Aaaa), known),
            ("::1", any, CacheUsage::Allowed, Some(DnsQueryType::A), asked),
        ] {
            let options =
                ResolveHostOptions { source, cache_usage, query_type, ..Default::default() };
            let found = resolver.look_up(host, 80, options).await;
            let found = found.map(drop).map_err(|error| error.net_error());
            assert_eq!(found, expected, "{host} {options:?}");
        }
    }

    #[test]
    fn the_mode_and_the_source_say_who_is_asked() {
        const NOT_THERE: Result<&[Task], NetError> = Err(NetError::NotImplemented);
        let (secure, system): (&[Task], &[Task]) = (&[Task::Secure], &[Task::System]);
        let both: &[Task] = &[Task::Secure, Task::System];
        let (off, automatic, only) =
            (SecureDnsMode::Off, SecureDnsMode::Automatic, SecureDnsMode::Secure);
        for (mode, source, host, servers, expected) in [
            (off, "any", "a.test", true, Ok(system)),
            (automatic, "any", "a.test", true, Ok(both)),
            (automatic, "any", "a.test", false, Ok(system)),
            (only, "any", "a.test", true, Ok(secure)),
            (only, "any", "a.test", false, Ok(secure)),
            (only, "any", "printer.LOCAL.", true, Ok(system)),
            (only, "localOnly", "a.test", true, Ok(secure)),
            (only, "system", "a.test", true, Ok(system)),
            (automatic, "dns", "a.test", true, Ok(secure)),
            (automatic, "dns", "a.test", false, NOT_THERE),
            (off, "dns", "a.test", true, NOT_THERE),
            (only, "mdns", "a.local", true, NOT_THERE),
        ] {
            let server = "https://dns.test/q".parse().unwrap();
            let config = HostResolverConfig {
                secure_dns_mode: mode,
                secure_dns_servers: if servers { vec![server] } else { vec![] },
                ..Default::default()
            };
            let mut options =
                ResolveHostOptions { source: source.parse().unwrap(), ..Default::default() };
            let found = tasks(&config, options, host, true).map_err(|error| error.net_error());
            assert_eq!(found, expected, "{mode:?} {source} {host}");

            options.secure_dns_policy = SecureDnsPolicy::Disable;
            let never = |found: Result<&[Task], Error>| {
                found.is_ok_and(|found| found == system) || matches!(source, "dns" | "mdns")
            };
            assert!(never(tasks(&config, options, host, true)), "{mode:?} {source} {host}");
            options.secure_dns_policy = SecureDnsPolicy::Allow;
            assert!(never(tasks(&config, options, host, false)), "{mode:?} {source} {host}");
        }
    }

    #[tokio::test]
    async fn a_name_that_cannot_exist_is_not_resolved() {
        let error = Resolver::default().resolve("nothing.invalid", 80).await.unwrap_err();
        assert_eq!(error.net_error(), NetError::NameNotResolved);
        assert!(error.is_dns());
    }
}
