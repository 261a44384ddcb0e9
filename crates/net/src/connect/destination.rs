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
            Some(path) => format!("{}@{}", self.port, path.display()),
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
