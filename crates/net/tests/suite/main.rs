//! The engine against servers that say exactly what a test lists, and against real ones.
//!
//! One binary for all of it; a module per subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod responses;
mod smoke;
mod wire;
