//! The client's side of HTTP/1.1 as rules over bytes.
//!
//! In the order of a request: [`write_head`] writes its head, [`chunk_prefix`] frames its body;
//! [`HeadScanner`] finds where the answer's head ends, [`ResponseHead`] is that head,
//! [`body_length`] says how its body is delimited, [`ChunkedDecoder`] reads a chunked one and
//! [`may_reuse`] says whether the connection serves another request.
//!
//! Nothing here owns a socket or a clock, and nothing here knows redirects, cookies or codings.
//! Framing that two readers could read in two ways is an error, never a guess (RFC 9112 §6, §11),
//! also where Chromium is laxer.

pub mod chunked;
pub mod fields;
pub mod framing;
pub mod head;
pub mod request;

pub use chunked::{
    CRLF, Chunked, ChunkedDecoder, ChunkedError, ChunkedLimits, LAST_CHUNK, chunk_prefix,
};
pub use fields::{FieldBlock, FieldError};
pub use framing::{BodyLength, FramingError, body_length, may_reuse};
pub use head::{HeadError, HeadLimits, HeadScanner, ResponseHead, Version};
pub use request::{
    Connection, RequestBody, RequestHead, Target, begin_head, end_head, field_line, write_field,
    write_head, write_lines,
};
