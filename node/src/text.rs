//! Rules of the engine that JavaScript asks for in plain calls. Texts in and out have parts ended by
//! NUL.

use napi::bindgen_prelude::Result;
use napi::{Error, Status};
use napi_derive::napi;
use netreq::MergedValue;
use netreq_proto::header::{check_name, check_value};
use netreq_proto::node_headers::merge;
use netreq_proto::target::{InvalidTarget, parse_url, url_from_parts};

/// What is wrong with a header field: 0 nothing, 1 its name, 2 its value.
#[napi]
pub fn check_header(name: String, value: String) -> u32 {
    match (check_name(&name), check_value(&name, value.as_bytes())) {
        (Err(_), _) => 1,
        (Ok(()), Err(_)) => 2,
        (Ok(()), Ok(())) => 0,
    }
}

/// Refuses a URL that no request can be made to, in Electron's words. A text that is no URL at all
/// passes: that comes to light when the request starts.
#[napi]
pub fn check_url(url: String) -> Result<()> {
    match parse_url(&url) {
        Err(refused @ InvalidTarget::UnsupportedProtocol) => Err(refuse(refused)),
        _ => Ok(()),
    }
}

/// The URL that the options name in parts; empty ones count as not given.
#[napi]
pub fn url_of_parts(
    protocol: String,
    host: String,
    hostname: String,
    port: Option<u16>,
    path: String,
) -> Result<String> {
    url_from_parts(Some(&protocol), Some(&host), Some(&hostname), port, Some(&path))
        .map(String::from)
        .map_err(refuse)
}

/// Fields merged by Node's rules. In and out names and values in turn, Latin-1; a list has its name
/// before each of its values.
#[napi]
pub fn merge_headers(fields: String) -> String {
    let mut parts = fields.split_terminator('\0');
    let mut raw: Vec<(&str, Vec<u8>)> = Vec::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        raw.push((name, value.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()));
    }
    let merged = merge(raw.iter().map(|(name, value)| (*name, value.as_slice())));
    let mut text = String::with_capacity(fields.len());
    let mut append = |name: &str, value: &str| {
        for part in [name, "\0", value, "\0"] {
            text.push_str(part);
        }
    };
    for (name, value) in merged.iter() {
        match value {
            MergedValue::One(value) => append(name, value),
            MergedValue::Many(values) => values.iter().for_each(|value| append(name, value)),
        }
    }
    text
}

fn refuse(refused: InvalidTarget) -> Error {
    Error::new(Status::InvalidArg, refused.to_string())
}
