//! The store of one partition: an SQLite database in a folder of its own, and one thread that owns it.
//!
//! Changes wait in a queue, one entry a row (`queue.rs`), until the thread commits them (`writer.rs`)
//! to a database that it opens when there is something to keep, sets aside when it is damaged and
//! looks into for what other processes changed (`disk.rs`, `database.rs`). Profiles of Chromium are
//! read beside it (`chromium.rs`).

mod chromium;
mod database;
mod disk;
mod failure;
mod files;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod handle;
mod queue;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

pub use chromium::{ChromiumCookies, read_chromium_cookies};
use handle::ended;
pub(crate) use handle::{Store, StoreOptions};

use super::{CookieStore, Loaded, OnEvent, Room, StoreChange, StoreEvent, StoreFuture};
