//! What a session hands to the rooms below it.

use std::sync::Arc;

#[cfg(doc)]
use netreq_proto::FetchMetadata;

use crate::pool::Pool;
use crate::runtime::Tracker;
use crate::timeouts::Timeouts;

/// A session as its requests see it; dropping it ends what the session has begun.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) pool: Arc<Pool>,
    pub(crate) tracker: Arc<Tracker>,
}

#[derive(Debug)]
pub(crate) struct Settings {
    /// The line of `User-Agent`; empty: none is sent.
    pub(crate) user_agent: Box<[u8]>,
    /// The lines of `Sec-Fetch-*` for [`FetchMetadata::DEFAULT`].
    pub(crate) fetch_metadata: Box<[u8]>,
    /// The line of `Accept-Language`; empty: none is sent.
    pub(crate) accept_language: Box<[u8]>,
    pub(crate) timeouts: Timeouts,
}

impl Drop for Context {
    fn drop(&mut self) {
        self.tracker.abort_all();
        self.pool.close_idle();
    }
}
