//! Forgetting what a session has kept, by kind and by site: Electron's `session.clearData`.

use std::sync::Arc;

use netreq_proto::cookie::Clear;
use netreq_proto::{NetError, Origin};

use crate::context::Context;
use crate::error::Error;

/// What [`Session::clear_data`](super::Session::clear_data) forgets; everything, by default.
///
/// An origin stands for its whole site: the cookies of a registrable domain go together, as
/// in Chromium.
#[derive(Clone, Debug, Default)]
pub struct ClearData {
    /// The kinds. Default: empty, which is all.
    pub data_types: Vec<DataType>,
    /// Only what belongs to these. Default: empty, which is everybody.
    pub origins: Vec<Origin>,
    /// All but what belongs to these. Default: empty.
    pub exclude_origins: Vec<Origin>,
    /// Whether idle connections stay where cookies are forgotten. Default false: a server that knows
    /// a connection would know its user again.
    pub avoid_closing_connections: bool,
}

/// A kind of data that a session keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// Cookies.
    Cookies,
    /// Which hosts are spoken to over TLS only.
    Hsts,
}

pub(super) async fn clear(context: &Arc<Context>, what: ClearData) -> Result<(), Error> {
    let ClearData { data_types, origins, exclude_origins, avoid_closing_connections } = what;
    if !origins.is_empty() && !exclude_origins.is_empty() {
        let cause = "origins to forget and origins to spare cannot both be named";
        return Err(Error::argument(NetError::InvalidArgument, cause));
    }
    let is_meant = |kind| data_types.is_empty() || data_types.contains(&kind);
    let sites = match (&*origins, &*exclude_origins) {
        ([], []) => Clear::All,
        ([], spared) => Clear::AllBut(spared),
        (meant, _) => Clear::Origins(meant),
    };
    context.site_data.ready().await?;
    if is_meant(DataType::Cookies) {
        context.site_data.clear_cookies(sites);
        if !avoid_closing_connections {
            context.pool.close_idle();
        }
    }
    if is_meant(DataType::Hsts) {
        context.site_data.clear_hsts(sites);
    }
    context.site_data.flush().await
}
