//! The one runtime of the process, and how requests get onto it.
//!
//! It has a thread of its own that never ends: environments come and go (workers), and Node does not
//! wait for threads at its exit. The addon's image is held in memory for as long.
//!
//! Requests that start in one turn of JavaScript's loop wake the runtime once, not once each; and what
//! happens in one turn of the runtime wakes JavaScript once, when the runtime has nothing left to do.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
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

thread_local! {
    /// What the runtime's thread does when its turn ends; `None` on every other thread.
    static AT_END: RefCell<Option<Vec<Arc<dyn Ending>>>> = const { RefCell::new(None) };
}

/// Whoever waits for the end of a turn of the runtime.
pub(crate) trait Ending: Send + Sync {
    fn turn_ended(&self);
}

/// Tells `waiting` when the runtime's turn ends; at once on another thread.
pub(crate) fn at_end_of_turn(waiting: Arc<dyn Ending>) {
    let elsewhere = AT_END.with_borrow_mut(|at_end| match at_end {
        Some(list) => {
            list.push(waiting);
            None
        }
        None => Some(waiting),
    });
    if let Some(waiting) = elsewhere {
        waiting.turn_ended();
    }
}

fn end_turn() {
    let waiting = AT_END.replace(Some(Vec::new())).unwrap_or_default();
    for waiting in waiting {
        waiting.turn_ended();
    }
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
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_io().enable_time().on_thread_park(end_turn).build()?;
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
