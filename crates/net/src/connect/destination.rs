//! Where a connection leads, and everything else that keeps one from serving another request.
//!
//! Two requests may share a connection only if their destinations are equal, so whatever changes
//! trust belongs in here.

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;

/// The key of a group of interchangeable connections.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    /// An idle socket belongs to the runtime that watches it.
    pub(crate) runtime: Handle,
    pub(crate) secure: bool,
    /// Lower-case name or address literal as the URL has it, IPv6 without brackets.
    pub(crate) host: Box<str>,
    pub(crate) port: u16,
    pub(crate) unix_socket: Option<PathBuf>,
}

/// A destination that is only looked at, so that the look-up of a live connection allocates nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DestinationRef<'a> {
    pub(crate) runtime: &'a Handle,
    pub(crate) secure: bool,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) unix_socket: Option<&'a Path>,
}

impl DestinationRef<'_> {
    pub(crate) fn to_owned(self) -> Arc<Destination> {
        Arc::new(Destination {
            runtime: self.runtime.clone(),
            secure: self.secure,
            host: self.host.into(),
            port: self.port,
            unix_socket: self.unix_socket.map(Path::to_path_buf),
        })
    }
}

impl Destination {
    /// What keeps a TLS ticket of this destination from being shown to another of the same name.
    #[cfg(feature = "tls")]
    pub(crate) fn ticket_scope(&self) -> String {
        match &self.unix_socket {
            None => self.port.to_string(),
            // Not `display`, which writes all bytes that are no UTF-8 alike.
            Some(path) => format!("{}@{path:?}", self.port),
        }
    }

    pub(crate) fn borrowed(&self) -> DestinationRef<'_> {
        DestinationRef {
            runtime: &self.runtime,
            secure: self.secure,
            host: &self.host,
            port: self.port,
            unix_socket: self.unix_socket.as_deref(),
        }
    }
}

impl PartialEq for DestinationRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.port == other.port
            && self.host == other.host
            && self.secure == other.secure
            && self.unix_socket == other.unix_socket
            && self.runtime.id() == other.runtime.id()
    }
}

impl Eq for DestinationRef<'_> {}

impl Hash for DestinationRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The rest seldom differs where these agree.
        state.write(self.host.as_bytes());
        state.write_u16(self.port);
    }
}

impl PartialEq for Destination {
    fn eq(&self, other: &Self) -> bool {
        self.borrowed() == other.borrowed()
    }
}

impl Eq for Destination {}

impl Hash for Destination {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl hashbrown::Equivalent<Arc<Destination>> for DestinationRef<'_> {
    fn equivalent(&self, key: &Arc<Destination>) -> bool {
        *self == key.borrowed()
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn connections_are_shared_only_where_everything_that_changes_trust_agrees() {
        let runtimes =
            [(); 2].map(|()| tokio::runtime::Builder::new_current_thread().build().unwrap());
        let [here, there] = [runtimes[0].handle(), runtimes[1].handle()];
        let one = DestinationRef {
            runtime: here,
            secure: true,
            host: "a.test",
            port: 443,
            unix_socket: None,
        };
        let others = [
            DestinationRef { runtime: there, ..one },
            DestinationRef { secure: false, ..one },
            DestinationRef { host: "b.test", ..one },
            DestinationRef { host: "a.test.", ..one },
            DestinationRef { port: 80, ..one },
            DestinationRef { unix_socket: Some(Path::new("/run/a.sock")), ..one },
        ];

        let key = one.to_owned();
        let state = RandomState::new();
        assert!(hashbrown::Equivalent::equivalent(&one, &key));
        assert_eq!(state.hash_one(one), state.hash_one(&key), "a look-up finds what was kept");
        for other in others {
            assert!(!hashbrown::Equivalent::equivalent(&other, &key), "{other:?}");
            assert_ne!(other.to_owned(), key);
        }
    }
    #[cfg(all(feature = "tls", unix))]
    #[test]
    fn a_ticket_is_shown_only_at_the_port_and_the_socket_where_it_was_given() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;

        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let places: [(u16, Option<&[u8]>); 8] = [
            (443, None),
            (8443, None),
            (443, Some(b"/run/a")),
            (8443, Some(b"/run/a")),
            (443, Some(b"/run/b")),
            (443, Some(b"/run/\xfe")),
            (443, Some(b"/run/\xff")),
            (443, Some(b"/run/\\xFF")),
        ];
        let scopes = places.map(|(port, socket)| {
            let destination = DestinationRef {
                runtime: runtime.handle(),
                secure: true,
                host: "a.test",
                port,
                unix_socket: socket.map(|path| Path::new(OsStr::from_bytes(path))),
            };
            destination.to_owned().ticket_scope()
        });

        for (index, scope) in scopes.iter().enumerate() {
            assert!(!scopes[..index].contains(scope), "{scope} stands for two");
        }
    }
}
