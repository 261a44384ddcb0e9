//! The engine against servers that say exactly what a test lists, and against real ones.
//!
//! One binary for all of it; a module per subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod abort;
#[cfg(feature = "blocking")]
mod blocking;
mod body_faults;
mod bounds;
mod builder;
mod cancel;
mod clear_data;
mod clear_site_data;
mod connections;
mod contract;
mod cookie_news;
mod cookies;
mod credentials;
mod credentials_modes;
mod differential;
mod events;
mod faults;
mod framing;
mod hsts;
mod identities;
mod injection;
mod isolation;
mod keeping;
mod names;
mod observe;
mod peers;
mod pool;
mod redirect;
mod redirect_body;
mod responses;
mod same_site;
mod secure_dns;
mod sessions;
mod sites;
mod smoke;
mod storage;
mod support;
mod timeouts;
mod tls;
mod torture;
#[cfg(feature = "tower")]
mod tower;
mod upload;
mod verdicts;
mod wire;
