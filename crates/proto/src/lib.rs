//! The rules of netreq.
//!
//! A rule answers a question from its arguments alone: where does this redirect lead, may this
//! attempt be sent again, how long is this body. Nothing here opens a socket, reads a clock, an
//! environment variable or a random number, or waits. The engine (`netreq`) asks these rules and
//! does the I/O between the answers; every rule has a table of cases beside it.

#![forbid(unsafe_code)]

pub mod cache_mode;
pub mod clear_site_data;
pub mod cookie;
pub mod date;
pub mod default_headers;
pub mod dial;
pub mod fetch_metadata;
pub mod h1;
pub mod header;
pub mod host_rules;
pub mod hsts;
pub mod net_error;
pub mod node_headers;
pub mod origin;
pub mod partition;
pub mod pool;
pub mod port;
pub mod redirect;
pub mod referrer;
pub mod retry;
pub mod site;
pub mod target;

pub use cache_mode::CacheMode;
pub use date::{HttpDate, UnixTime};
pub use default_headers::RequestPriority;
pub use fetch_metadata::{Destination, FetchMetadata, RequestMode, SecFetchSite};
pub use header::{Field, HeaderList, InvalidHeader};
pub use net_error::{NetError, Phase};
pub use origin::Origin;
pub use redirect::{Hop, MAX_REDIRECTS, NextHop, RedirectError, next_hop};
pub use referrer::ReferrerPolicy;
pub use target::InvalidTarget;
