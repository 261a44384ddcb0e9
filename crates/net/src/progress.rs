//! How far the body of a request has come: a value to read, and a listener to tell.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How much of a request's body has been handed to the network.
///
/// Electron `ClientRequest.getUploadProgress()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadProgress {
    /// Whether the upload has begun; it stays so.
    pub active: bool,
    /// As `active`.
    pub started: bool,
    /// Bytes of the body sent. Begins anew where a redirect or a lost connection sends it again.
    pub current: u64,
    /// Bytes of the body in all; 0 where that is not known.
    pub total: u64,
}

type Listener = Box<dyn Fn(UploadProgress) + Send + Sync>;

/// Where an upload's progress is written down.
#[derive(Default)]
pub(crate) struct ProgressCell {
    started: AtomicBool,
    current: AtomicU64,
    total: AtomicU64,
    listener: Option<Listener>,
}

impl ProgressCell {
    pub(crate) fn with_listener(listener: Listener) -> Self {
        Self { listener: Some(listener), ..Self::default() }
    }

    /// An attempt begins.
    pub(crate) fn begin(&self, total: Option<u64>) {
        self.total.store(total.unwrap_or(0), Ordering::Relaxed);
        self.current.store(0, Ordering::Relaxed);
        self.started.store(true, Ordering::Release);
    }

    pub(crate) fn advance(&self, bytes: u64) {
        self.current.fetch_add(bytes, Ordering::Relaxed);
        if let Some(listener) = &self.listener {
            listener(self.read());
        }
    }

    pub(crate) fn read(&self) -> UploadProgress {
        let started = self.started.load(Ordering::Acquire);
        UploadProgress {
            active: started,
            started,
            current: self.current.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for ProgressCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}
