//! The engine against servers that say exactly what a test lists, and against real ones.
//!
//! One binary for all of it; a module per subject.

mod smoke;
mod wire;
