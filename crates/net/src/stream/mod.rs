//! One way to the origin: from a URL to a connection on which an exchange can begin.
//!
//! Today every way is HTTP/1.1 straight to the origin; proxies and other protocols are further ways.
//! It knows destinations and connections; methods and headers pass through it unread.

mod h1;
mod upload;

pub(crate) use h1::{Exchange, Failure, Marks, Start};

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use netreq_proto::NetError;
use tokio::runtime::Handle;
use url::{Host, Url};

use crate::connect::{ConnectLimits, DestinationRef};
use crate::error::Error;
use crate::pool::{Lease, Pool};
use crate::runtime::instant;

/// What a request needs of its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) url: &'a Url,
    pub(crate) unix_socket: Option<&'a Path>,
    pub(crate) priority: u8,
    pub(crate) limits: ConnectLimits,
    pub(crate) now: Instant,
    /// What an idle connection has to be.
    pub(crate) idle: Idle,
}

/// Which idle connections will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Any that does not look dead.
    Any,
    /// Only one that the operating system says is alive: the request could not be sent twice.
    Proven,
    /// None: an idle one has just turned out to be dead.
    Never,
}

/// A connection for one exchange: an idle one, else whichever comes first.
pub(crate) async fn open(pool: &Arc<Pool>, wanted: Wanted<'_>) -> Result<Lease, Error> {
    let to = {
        let runtime =
            Handle::try_current().map_err(|cause| Error::argument(NetError::Unexpected, cause))?;
        let to = destination(&runtime, wanted)?;
        if wanted.idle != Idle::Never
            && let Some(lease) = pool.idle(to, wanted.now, wanted.idle == Idle::Proven)
        {
            return Ok(lease);
        }
        to.to_owned()
    };
    pool.wait(to, wanted.priority, wanted.limits).await
}

/// Makes connections to the server of `url` before a request needs them.
///
/// # Errors
///
/// There is no runtime here.
pub(crate) fn preconnect(pool: &Arc<Pool>, url: &Url, sockets: usize) -> Result<(), Error> {
    let runtime =
        Handle::try_current().map_err(|cause| Error::argument(NetError::Unexpected, cause))?;
    let wanted = Wanted {
        url,
        unix_socket: None,
        priority: 0,
        limits: ConnectLimits::default(),
        now: instant(),
        idle: Idle::Never,
    };
    pool.preconnect(&destination(&runtime, wanted)?.to_owned(), sockets);
    Ok(())
}

fn destination<'a>(runtime: &'a Handle, wanted: Wanted<'a>) -> Result<DestinationRef<'a>, Error> {
    let url = wanted.url;
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(Error::argument(NetError::InvalidUrl, "the URL has no host"));
    };
    let host = match url.host() {
        Some(Host::Ipv6(_)) => host.trim_matches(['[', ']']),
        _ => host,
    };
    Ok(DestinationRef {
        runtime,
        secure: url.scheme() == "https",
        host,
        port,
        unix_socket: wanted.unix_socket,
    })
}
