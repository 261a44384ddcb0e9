//! The one runtime of the process, and how requests get onto it.
//!
//! It has a thread of its own that never ends: environments come and go (workers), and Node does not
//! wait for threads at its exit. The addon's image is held in memory for as long.
//!
//! Requests that start in one turn of JavaScript's loop wake the runtime once, not once each.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Poll, Waker};

use tokio::runtime::{EnterGuard, Handle};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
struct Arrivals {
    tasks: Vec<Task>,
    waker: Option<Waker>,
}

static ARRIVALS: Mutex<Arrivals> = Mutex::new(Arrivals { tasks: Vec::new(), waker: None });

/// Runs `task` on the runtime; the first call starts it.
///
/// # Errors
///
/// The system gives no thread, or no poller.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> napi::Result<()> {
    handle()?;
    let waker = {
        let mut arrivals = lock(&ARRIVALS);
        arrivals.tasks.push(Box::pin(task));
        arrivals.waker.take()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
    Ok(())
}

/// While this lives, what the engine spawns goes to the runtime.
///
/// # Errors
///
/// As [`spawn`].
pub(crate) fn enter() -> napi::Result<EnterGuard<'static>> {
    handle().map(Handle::enter)
}

fn handle() -> napi::Result<&'static Handle> {
    static STARTED: OnceLock<Result<Handle, String>> = OnceLock::new();
    let started = STARTED.get_or_init(|| start().map_err(|cause| cause.to_string()));
    started
        .as_ref()
        .map_err(|cause| napi::Error::from_reason(format!("the network has no thread: {cause}")))
}

fn start() -> std::io::Result<Handle> {
    napi::bindgen_prelude::retain_current_module_for_unload_safety();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let handle = runtime.handle().clone();
    let thread = std::thread::Builder::new().name("netreq".to_owned());
    thread.spawn(move || runtime.block_on(receive()))?;
    Ok(handle)
}

/// Spawns what arrives, for ever.
#[expect(clippy::disallowed_methods, reason = "the environment ends these tasks, no session does")]
async fn receive() {
    let mut tasks = Vec::new();
    std::future::poll_fn(|cx| {
        {
            let mut arrivals = lock(&ARRIVALS);
            std::mem::swap(&mut arrivals.tasks, &mut tasks);
            arrivals.waker = Some(cx.waker().clone());
        }
        for task in tasks.drain(..) {
            tokio::spawn(task);
        }
        Poll::<()>::Pending
    })
    .await;
}

/// The value behind `mutex`, also after a panic elsewhere: nothing here leaves a half-made value.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
