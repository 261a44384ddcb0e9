//! Electron's `net` module as a Rust crate.
//!
//! A [`Session`] holds what requests share. A request is made in one of two shapes:
//! [`RequestBuilder`] for the everyday case, and [`ClientRequest`], which is Electron's contract
//! under its own names. Both end in an [`IncomingMessage`].
//!
//! ```no_run
//! # async fn example() -> Result<(), netreq::Error> {
//! let session = netreq::Session::in_memory();
//! let mut message = session
//!     .post("https://example.org/upload")
//!     .header("X-Trace", "7")
//!     .send("hello")
//!     .await?;
//! println!("{} {}", message.status(), message.status_message());
//! while let Some(chunk) = message.chunk().await? {
//!     println!("{} bytes", chunk.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Header names go out as written and in the order they were set, and come back as received. Errors
//! carry Chromium's names and numbers ([`NetError`]) and the phase in which they happened. A
//! dropped future ends its request, and the connection is closed unless its response was whole.
//!
//! Requests run on [tokio](https://docs.rs/tokio), with its I/O and time switched on; without an
//! async runtime there is the feature `blocking`.
//!
//! # Where to look
//!
//! | to | see |
//! | --- | --- |
//! | send bytes, a file or a stream | [`Body`] |
//! | limit how long something takes | [`Timeouts`], [`RequestBuilder::timeout`] |
//! | keep cookies, in memory or on disk | [`Session::from_partition`], [`Cookies`] |
//! | send them | [`RequestBuilder::use_session_cookies`], [`CredentialsMode`] |
//! | judge certificates, show one's own | [`Session::set_certificate_verify_proc`], [`ClientIdentity`] |
//! | resolve names by DNS over HTTPS | [`HostResolverConfig`], [`configure_host_resolver`] |
//! | decide on redirects | [`RedirectMode`], [`RequestBuilder::on_redirect`], [`Delegate`] |
//! | trust a private authority, map names, limit connections | [`SessionBuilder`] |
//! | see why a request failed | [`Error`], [`Phase`] |
//! | see where the time went | [`IncomingMessage::timing`] |
//! | speak another protocol after an upgrade | [`IncomingMessage::into_upgraded`] |
//!
//! # Features
//!
//! By default: `tls` and `aws-lc-rs` (https), `platform-verifier` (trust what the operating system
//! trusts), `gzip`, `brotli` and `zstd` (decode bodies), `persist` (sessions on disk). On request: `json`
//! (bodies by serde), `pkcs12` (client certificates out of PKCS #12 files), `blocking` (the module of
//! that name), `tower` (`tower_service::Service` for [`Session`]). A feature adds and never changes a
//! default.

#![forbid(unsafe_code)]

mod api;
#[cfg(feature = "blocking")]
pub mod blocking;
mod body;
mod coding;
mod connect;
mod context;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod job;
mod network;
mod pool;
mod progress;
mod request;
mod resolve;
mod runtime;
mod session;
mod site_data;
mod store;
mod stream;
mod timeouts;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tower")]
mod tower;
mod write_channel;

pub use api::{
    ClientRequest, Event, Events, IncomingMessage, IntoUrl, Options, RedirectQuestion,
    RequestBuilder, Span, Timing, Upgraded,
};
pub use body::Body;
pub use bytes::Bytes;
pub use error::{BoxError, Error};
pub use http::Method;
pub use netreq_proto::cookie::{
    CanonicalCookie as Cookie, Change as CookieChange, ChangeCause, CookieDetails, CookieKey,
    ExclusionReason, Filter as CookieFilter, PartitionKey, Priority as CookiePriority, SameSite,
    SourceScheme, StoredCookie, Timestamp, netscape,
};
pub use netreq_proto::h1::{FieldBlock, ResponseHead};
pub use netreq_proto::header::IntoValue;
pub use netreq_proto::node_headers::{MergedHeaders, MergedValue};
pub use netreq_proto::{
    CacheMode, Field, HeaderList, InvalidHeader, NetError, Origin, Phase, ReferrerPolicy,
    RequestPriority,
};
pub use progress::UploadProgress;
pub use request::{
    CredentialsMode, Delegate, RedirectInfo, RedirectMode, RedirectVerdict, UnknownCredentialsMode,
    UnknownRedirectMode,
};
pub use resolve::{
    CacheUsage, DnsOverHttpsServer, DnsQueryType, HostResolverConfig, HostResolverSource,
    InvalidServer, ResolveHostOptions, SecureDnsMode, SecureDnsPolicy, UnknownWord,
    configure_host_resolver,
};
pub use session::{ClearData, ConnectionCounts, DataType, Session, SessionBuilder, data_dir};
pub use site_data::{CookieAccess, CookieExclusion, Cookies, EventStream, StorageEvent};
#[cfg(feature = "persist")]
pub use store::{ChromiumCookies, read_chromium_cookies};
pub use timeouts::Timeouts;
#[cfg(feature = "tls")]
pub use tls::{
    CertificateQuestion, CertificateVerdict, ClientCertificateQuestion, ClientIdentity, SslConfig,
    TlsInfo, TlsVersion,
};
pub use url::Url;

/// A GET request of the [default session](Session::default_session).
///
/// ```no_run
/// # async fn example() -> Result<(), netreq::Error> {
/// let text = netreq::get("https://example.org/").await?.text().await?;
/// # Ok(())
/// # }
/// ```
pub fn get(url: impl IntoUrl) -> RequestBuilder {
    Session::default_session().get(url)
}

/// The examples of the first page, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
