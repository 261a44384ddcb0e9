//! A request as its users see it.
//!
//! Two shapes over one engine: [`ClientRequest`] is Electron's contract under its own names,
//! [`RequestBuilder`] the everyday form. Both end in [`IncomingMessage`]. Questions go to a
//! [`Delegate`]; facts are values to read.

mod client_request;
mod events;
mod incoming_message;
mod into_url;
mod request_builder;
mod timing;
mod upgraded;

pub use client_request::{ClientRequest, Options};
pub use events::{Event, Events, RedirectQuestion};
pub use incoming_message::IncomingMessage;
pub use into_url::IntoUrl;
pub use request_builder::RequestBuilder;
pub use timing::{Span, Timing};
pub use upgraded::Upgraded;
