//! Session tickets, kept apart by server and scope.
//!
//! The TLS library keys its own cache by the server's name alone. Here every scope has a cache of
//! its own, so a ticket that came from one port, or through one proxy, is never shown elsewhere.
//! Bounded: the scope unused for longest gives way. Nothing here lives longer than the session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls_pki_types::ServerName;

use crate::runtime::lock;

/// The tickets of one session.
#[derive(Default)]
pub(super) struct Tickets(Mutex<Scopes>);

#[derive(Default)]
struct Scopes {
    /// Counts uses, so that the oldest can be told.
    uses: u64,
    known: HashMap<Key, Scope>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    server_name: String,
    scope: String,
}

struct Scope {
    used: u64,
    cache: Arc<ClientSessionMemoryCache>,
}

impl Tickets {
    /// The cache for connections to `server_name` within `scope`.
    pub(super) fn of(&self, server_name: &str, scope: &str) -> Arc<ClientSessionMemoryCache> {
        // A panic elsewhere cannot leave the map half changed.
        let mut scopes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.uses += 1;
        let used = scopes.uses;

        let key = Key { server_name: server_name.to_owned(), scope: scope.to_owned() };
        if !scopes.known.contains_key(&key) && scopes.known.len() >= MAX_SCOPES {
            scopes.forget_oldest();
        }
        let scope = scopes.known.entry(key).or_insert_with(|| Scope {
            used,
            cache: Arc::new(ClientSessionMemoryCache::new(TICKETS_PER_SCOPE)),
        });
        scope.used = used;
        Arc::clone(&scope.cache)
    }
}

/// The tickets of a connection whose server has not been accepted yet: held back until it is.
#[derive(Debug)]
pub(super) struct Held {
    cache: Arc<ClientSessionMemoryCache>,
    /// `None` once the server was accepted.
    held: Mutex<Option<Vec<Ticket>>>,
}

#[derive(Debug)]
enum Ticket {
    Tls12(ServerName<'static>, Tls12ClientSessionValue),
    Tls13(ServerName<'static>, Tls13ClientSessionValue),
}

impl Held {
    pub(super) fn new(cache: Arc<ClientSessionMemoryCache>) -> Self {
        Self { cache, held: Mutex::new(Some(Vec::new())) }
    }

    /// The server was accepted: its tickets are kept, those to come too.
    pub(super) fn accept(&self) {
        for ticket in lock(&self.held).take().into_iter().flatten() {
            self.keep(ticket);
        }
    }

    fn put(&self, ticket: Ticket) {
        match &mut *lock(&self.held) {
            Some(held) if held.len() < TICKETS_PER_SCOPE => held.push(ticket),
            Some(_) => {}
            None => self.keep(ticket),
        }
    }

    fn keep(&self, ticket: Ticket) {
        match ticket {
            Ticket::Tls12(name, value) => self.cache.set_tls12_session(name, value),
            Ticket::Tls13(name, value) => self.cache.insert_tls13_ticket(name, value),
        }
    }
}

impl ClientSessionStore for Held {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        // Which group a server likes is no secret and grants nothing.
        self.cache.set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.cache.kx_hint(server_name)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.put(Ticket::Tls12(name, value));
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.cache.tls12_session(server_name)
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.cache.remove_tls12_session(server_name);
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.put(Ticket::Tls13(name, value));
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.cache.take_tls13_ticket(name)
    }
}

impl Tickets {
    /// Forgets the tickets of `server_name` within `scope`.
    pub(super) fn forget(&self, server_name: &str, scope: &str) {
        let key = Key { server_name: server_name.to_owned(), scope: scope.to_owned() };
        lock(&self.0).known.remove(&key);
    }
}

impl Scopes {
    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.known.values().map(|scope| scope.used).min() {
            self.known.retain(|_, scope| scope.used != oldest);
        }
    }
}

/// Scopes remembered by a session: as many sockets as Chromium keeps in a pool.
const MAX_SCOPES: usize = 256;

/// One server's worth to the TLS library: eight TLS 1.3 tickets or one TLS 1.2 session.
const TICKETS_PER_SCOPE: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_belongs_to_one_server_in_one_scope() {
        let tickets = Tickets::default();
        let first = tickets.of("example.com", "443");

        assert!(Arc::ptr_eq(&first, &tickets.of("example.com", "443")));
        for (server_name, scope) in
            [("example.com", "8443"), ("example.org", "443"), ("example.co", "m443")]
        {
            assert!(!Arc::ptr_eq(&first, &tickets.of(server_name, scope)), "{server_name} {scope}");
        }
    }

    #[test]
    fn the_scope_unused_for_longest_gives_way() {
        let tickets = Tickets::default();
        let first = tickets.of("0.example", "");
        let second = tickets.of("1.example", "");
        for index in 2..MAX_SCOPES {
            tickets.of(&format!("{index}.example"), "");
        }
        tickets.of("0.example", "");
        tickets.of("one too many.example", "");

        assert!(Arc::ptr_eq(&first, &tickets.of("0.example", "")));
        assert!(!Arc::ptr_eq(&second, &tickets.of("1.example", "")));
        assert_eq!(tickets.0.lock().unwrap().known.len(), MAX_SCOPES);
    }
}
