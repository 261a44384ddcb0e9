//! The one thread-safe function of an environment: it says that there is something to drain.
//!
//! Raw Node-API, because it must be referenced while a request is live and not while none is, as
//! Node's own sockets are, and released exactly once, in the environment's cleanup. Its calls carry
//! nothing.
#![allow(
    unsafe_code,
    reason = "Node-API is C; napi has no safe form of ref and unref that is kept"
)]

use std::ptr;
use std::sync::Mutex;

use napi::bindgen_prelude::{Function, JsValue as _};
use napi::{Env, Result, check_status, sys};

use crate::runtime::lock;

/// Wakes JavaScript; from any thread, until [`release`](Self::release).
pub(crate) struct Wake(Mutex<Option<Raw>>);

struct Raw(sys::napi_threadsafe_function);

// SAFETY: Node-API allows calls of a thread-safe function from every thread; what is left to one
// thread (ref, unref) takes that thread's environment as a witness.
unsafe impl Send for Raw {}

impl Wake {
    /// A function that calls `callback` without arguments. It does not keep the process alive.
    pub(crate) fn new(env: &Env, callback: &Function<'_, (), ()>) -> Result<Self> {
        let name = env.create_string("netreq")?;
        let mut function = ptr::null_mut();
        // SAFETY: `env`, `callback` and `name` are of the running call, and the pointer to the result
        // is valid. Without a native callback Node calls `callback` itself.
        check_status!(unsafe {
            sys::napi_create_threadsafe_function(
                env.raw(),
                callback.value().value,
                ptr::null_mut(),
                name.value().value,
                0,
                1,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
                None,
                &mut function,
            )
        })?;
        let wake = Self(Mutex::new(Some(Raw(function))));
        wake.keep_alive(env, false);
        Ok(wake)
    }

    /// Calls JavaScript soon. Nothing happens once released.
    pub(crate) fn call(&self) {
        if let Some(Raw(function)) = &*lock(&self.0) {
            // SAFETY: it is released under the same lock only. With a queue without limit the call
            // does not block; it fails while the environment ends, and then nobody is to be woken.
            unsafe {
                sys::napi_call_threadsafe_function(
                    *function,
                    ptr::null_mut(),
                    sys::ThreadsafeFunctionCallMode::nonblocking,
                );
            }
        }
    }

    /// Whether Node's loop waits for calls.
    pub(crate) fn keep_alive(&self, env: &Env, kept: bool) {
        if let Some(Raw(function)) = &*lock(&self.0) {
            // SAFETY: `env` shows that this is the thread of the loop; both calls only set a flag.
            unsafe {
                match kept {
                    true => sys::napi_ref_threadsafe_function(env.raw(), *function),
                    false => sys::napi_unref_threadsafe_function(env.raw(), *function),
                };
            }
        }
    }

    /// Ends it: what calls later does nothing.
    pub(crate) fn release(&self) {
        if let Some(Raw(function)) = lock(&self.0).take() {
            // SAFETY: taken out, so that it is released once and not used after.
            unsafe {
                sys::napi_release_threadsafe_function(
                    function,
                    sys::ThreadsafeFunctionReleaseMode::abort,
                );
            }
        }
    }
}
