//! The addon of the npm package `netreq`: what crosses between JavaScript and the engine.
//!
//! It converts and decides nothing. JavaScript gives options and bytes in plain calls; what happens
//! comes back as records, many in one call (`records.rs`), when a thread-safe function has said that
//! there are some. No other thread ever holds a pointer into JavaScript's memory: bytes are copied on
//! JavaScript's own thread, into slabs that it owns and out of buffers that it lends for one call.
//!
//! Order of a request: `Environment::start` → `pump.rs` on the runtime's thread → records →
//! `Environment::drain`.

#![allow(
    unnameable_types,
    unreachable_pub,
    reason = "what is public is for JavaScript, by the macro of napi"
)]
#![cfg_attr(test, allow(dead_code, reason = "the macro exports nothing where tests are built"))]

mod environment;
mod host_resolver;
mod inbox;
mod lent;
mod options;
mod pool;
mod pump;
mod questions;
mod records;
mod runtime;
mod session;
mod text;
mod verdicts;
mod wake;

use napi_derive::napi;

/// Of the addon. The package refuses one of another version: what crosses between them is no interface that lasts.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
