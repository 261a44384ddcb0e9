//! Names to addresses: host rules first, then literals and loopback names, then the system.
//!
//! It knows nothing of ports beyond carrying them, and nothing of what the addresses are for.

mod system;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use netreq_proto::host_rules::{HostRules, Mapped};
use netreq_proto::{NetError, Phase};

use crate::error::Error;
use crate::runtime::{instant, lock};

/// What a session asks for addresses.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    rules: HostRules,
    /// What the system has answered. It does not say for how long that holds, so it is for a minute,
    /// as in Chromium (`HostResolverSystemTask`, `kCacheEntryTTLSeconds`).
    known: Mutex<HashMap<Box<str>, Known>>,
}

#[derive(Debug)]
struct Known {
    addresses: Box<[IpAddr]>,
    until: Instant,
}

impl Resolver {
    pub(crate) fn new(rules: HostRules) -> Self {
        Self { rules, known: Mutex::default() }
    }

    /// Forgets what the system has answered.
    pub(crate) fn clear_cache(&self) {
        lock(&self.known).clear();
    }

    fn known(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let known = lock(&self.known);
        let known = known.get(host).filter(|known| instant() < known.until)?;
        Some(known.addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
    }

    fn remember(&self, host: String, addresses: &[SocketAddr]) {
        let now = instant();
        let mut known = lock(&self.known);
        if known.len() >= MOST_KNOWN {
            known.retain(|_, known| now < known.until);
        }
        if known.len() < MOST_KNOWN {
            let addresses = addresses.iter().map(SocketAddr::ip).collect();
            known.insert(host.into(), Known { addresses, until: now + KNOWN_FOR });
        }
    }

    /// The addresses of `host` in the order the system prefers, never empty.
    ///
    /// `host` is a name or an address literal without brackets. Dropping the future leaves the
    /// system's look-up running in its own thread; its answer is then thrown away.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        if let Some(address) = self.literal(host, port) {
            return Ok(vec![address]);
        }
        let (host, port) = match self.rules.apply(host, port) {
            Mapped::Unchanged => (host.to_owned(), port),
            Mapped::To { host, port } => (host.to_owned(), port),
            Mapped::NotFound => {
                return Err(not_resolved(format!("a host rule maps {host} to ~NOTFOUND")));
            }
        };
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        if is_loopback_name(&host) {
            return Ok(vec![
                SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port),
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            ]);
        }
        if let Some(addresses) = self.known(&host, port) {
            return Ok(addresses);
        }
        let addresses = system::look_up(host.clone(), port).await.map_err(|cause| {
            let net_error = NetError::from_io(&cause, Phase::Resolve);
            Error::new(net_error, Phase::Resolve).with_source(cause)
        })?;
        if addresses.is_empty() {
            return Err(not_resolved(format!("{host} has no address")));
        }
        self.remember(host, &addresses);
        Ok(addresses)
    }

    /// The address that `host` spells out, when no rule may say otherwise.
    pub(crate) fn literal(&self, host: &str, port: u16) -> Option<SocketAddr> {
        if !self.rules.is_empty() {
            return None;
        }
        host.parse().ok().map(|address: IpAddr| SocketAddr::new(address, port))
    }
}

const KNOWN_FOR: Duration = Duration::from_secs(60);
/// Chromium `HostCache`.
const MOST_KNOWN: usize = 1000;

fn not_resolved(cause: String) -> Error {
    Error::new(NetError::NameNotResolved, Phase::Resolve).with_source(cause)
}

/// `localhost` and the names below it never leave this machine (RFC 6761 §6.3; Chromium
/// `net::IsLocalhost`).
fn is_loopback_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    last.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn literals_rules_and_loopback_names_need_no_system() {
        let rules = "MAP a.test 192.0.2.7, MAP b.test:80 [2001:db8::1]:8080, MAP c.test ~NOTFOUND";
        let resolver = Resolver::new(rules.parse().unwrap());
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
        resolver.remember("known.invalid".into(), &[address]);
        assert_eq!(resolver.resolve("known.invalid", 80).await.unwrap(), [address]);
        let other = resolver.resolve("known.invalid", 81).await.unwrap();
        assert_eq!(other, [SocketAddr::from(([192, 0, 2, 7], 81))], "a port is the request's own");
        resolver.clear_cache();
        let error = resolver.resolve("known.invalid", 80).await.unwrap_err();
        assert_eq!(error.net_error(), NetError::NameNotResolved);
    }

    #[tokio::test]
    async fn a_name_that_cannot_exist_is_not_resolved() {
        let error = Resolver::default().resolve("nothing.invalid", 80).await.unwrap_err();
        assert_eq!(error.net_error(), NetError::NameNotResolved);
        assert!(error.is_dns());
    }
}
