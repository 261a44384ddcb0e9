//! A thread with a runtime of its own, for as long as somebody holds it.
//!
//! Servers run here rather than on the caller's runtime: a blocking test has none, and a test whose
//! runtime is busy must still be answered.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// A future running on its own thread. Dropping it cancels the future and joins the thread.
#[derive(Debug)]
pub(crate) struct Background {
    running: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl Background {
    /// Runs what `make` returns; `make` is called inside the runtime.
    pub(crate) fn start<Made: Future<Output = ()>>(
        name: &str,
        make: impl FnOnce() -> Made + Send + 'static,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    () = make() => (),
                    _ = stopped => (),
                }
            });
        })?;
        Ok(Self { running: Mutex::new(Some((stop, thread))) })
    }

    /// Waits until the future has ended by itself.
    pub(crate) fn join(&self) {
        if let Some((stop, thread)) = self.take() {
            // A panic over there has been printed; a second one from a drop would abort.
            let _ = thread.join();
            drop(stop);
        }
    }

    /// Cancels the future and waits until its thread has ended.
    pub(crate) fn stop(&self) {
        if let Some((stop, thread)) = self.take() {
            drop(stop);
            let _ = thread.join();
        }
    }

    fn take(&self) -> Option<(oneshot::Sender<()>, JoinHandle<()>)> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
    }
}
