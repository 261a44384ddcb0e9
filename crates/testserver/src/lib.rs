//! The other side of every test, benchmark and demonstration: HTTP/1.1 servers on tokio.
//!
//! They share nothing with the engine, so that a misreading of the protocol there is not repeated
//! here. [`script`] says exactly the bytes a test lists and accepts no others, [`Server`] answers
//! ordinary requests, [`FaultProxy`] breaks the connection to either. Each has its own thread and runtime, works from blocking and async tests
//! alike, and stops when dropped.

#![allow(
    clippy::disallowed_methods,
    reason = "these servers are outside any session: they own their clock, threads and tasks"
)]

mod background;
mod certificates;
mod faults;
mod script;
mod server;
mod wire;

pub use certificates::{Authority, Identity};
pub use faults::{FaultProxy, RunningFaultProxy};
pub use script::{Conversation, Gate, OK, Peer, Script, ScriptServer, answer, script};
pub use server::{Builder, Exchange, Server, pattern};
