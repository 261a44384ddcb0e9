//! Every target, and how many there are to know.
//!
//! A new one is a module here, a line in [`TARGETS`], a folder in `corpus/` and a wrapper in
//! `libfuzzer/fuzz_targets`; a test says which of these is missing.

#![expect(clippy::missing_panics_doc, reason = "a target panics when a promise is broken")]

mod chunked_body;
mod content_decoders;
mod cookie_date;
mod cookie_filter;
mod dns_message;
mod doh_template;
mod host_rules;
mod hsts;
mod http_date;
mod netscape_file;
mod redirect;
mod request_fields;
mod request_parts;
mod response_head;
mod set_cookie;
mod store_rows;
mod url_parts;

pub use chunked_body::chunked_body;
pub use content_decoders::content_decoders;
pub use cookie_date::cookie_date;
pub use cookie_filter::cookie_filter;
pub use dns_message::dns_message;
pub use doh_template::doh_template;
pub use host_rules::host_rules;
pub use hsts::hsts;
pub use http_date::http_date;
pub use netscape_file::netscape_file;
pub use redirect::redirect;
pub use request_fields::request_fields;
pub use request_parts::request_parts;
pub use response_head::response_head;
pub use set_cookie::set_cookie;
pub use store_rows::store_rows;
pub use url_parts::url_parts;

use crate::Target;

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "chunked_body", run: chunked_body, dictionary: chunked_body::WORDS },
    Target { name: "content_decoders", run: content_decoders, dictionary: content_decoders::WORDS },
    Target { name: "cookie_date", run: cookie_date, dictionary: cookie_date::WORDS },
    Target { name: "cookie_filter", run: cookie_filter, dictionary: cookie_filter::WORDS },
    Target { name: "dns_message", run: dns_message, dictionary: dns_message::WORDS },
    Target { name: "doh_template", run: doh_template, dictionary: doh_template::WORDS },
    Target { name: "host_rules", run: host_rules, dictionary: host_rules::WORDS },
    Target { name: "hsts", run: hsts, dictionary: hsts::WORDS },
    Target { name: "http_date", run: http_date, dictionary: http_date::WORDS },
    Target { name: "netscape_file", run: netscape_file, dictionary: netscape_file::WORDS },
    Target { name: "redirect", run: redirect, dictionary: redirect::WORDS },
    Target { name: "request_fields", run: request_fields, dictionary: request_fields::WORDS },
    Target { name: "request_parts", run: request_parts, dictionary: request_parts::WORDS },
    Target { name: "response_head", run: response_head, dictionary: response_head::WORDS },
    Target { name: "set_cookie", run: set_cookie, dictionary: set_cookie::WORDS },
    Target { name: "store_rows", run: store_rows, dictionary: store_rows::WORDS },
    Target { name: "url_parts", run: url_parts, dictionary: url_parts::WORDS },
];
