//! A request as its users see it.
//!
//! Two shapes over one engine: [`ClientRequest`] is Electron's contract under its own names,
//! [`RequestBuilder`] the everyday form. Both end in [`IncomingMessage`]. Questions go to a
//! [`Delegate`]; facts are values to read.

mod body;
mod client_request;
mod delegate;
mod events;
mod incoming_message;
mod into_url;
mod options;
mod request_builder;
mod upgraded;
mod write_channel;

pub use body::Body;
pub use client_request::{ClientRequest, Options};
pub use delegate::{Delegate, RedirectInfo, RedirectVerdict};
pub use events::{Event, Events, RedirectQuestion};
pub use incoming_message::IncomingMessage;
pub use into_url::IntoUrl;
pub use options::{RedirectMode, Span, Timeouts, Timing, UnknownRedirectMode, UploadProgress};
pub use request_builder::RequestBuilder;
pub use upgraded::Upgraded;

pub(crate) use delegate::DynDelegate;
pub(crate) use options::ProgressCell;
