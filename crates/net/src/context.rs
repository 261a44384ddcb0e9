//! What a session hands to the rooms below it.

use std::sync::Arc;

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
    /// Empty: none is sent.
    pub(crate) user_agent: Box<str>,
    pub(crate) accept_language: Option<Box<str>>,
    pub(crate) timeouts: Timeouts,
}

impl Drop for Context {
    fn drop(&mut self) {
        self.tracker.abort_all();
        self.pool.close_idle();
    }
}
