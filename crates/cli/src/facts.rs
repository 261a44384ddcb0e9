//! What is known of a response: the members of `--json`, and the bars of its timing.
//!
//! Names and their order are a contract with scripts. Whatever a response does not have is `null` or
//! empty, so that every object has the same members.

use std::time::Duration;

use netreq::{IncomingMessage, Timing};

use crate::high::Request;
use crate::output::{ObjectLine, quoted};
use crate::session::without_user;
use crate::waterfall::Bar;

/// The bars of a timing, in the order of events.
pub(crate) fn bars(timing: &Timing) -> Vec<Bar> {
    [
        ("resolve", timing.resolve),
        ("connect", timing.connect),
        ("tls", timing.tls),
        ("send", timing.send),
        ("wait", timing.wait),
        ("receive", timing.receive),
    ]
    .into_iter()
    .filter_map(|(name, span)| span.map(|span| Bar { name, begin: span.start, end: span.end }))
    .collect()
}

/// The members of `--json` that describe a response.
pub(crate) fn facts(
    request: &Request,
    message: &IncomingMessage,
    size: u64,
    excluded_cookies: &str,
) -> ObjectLine {
    let fields: Vec<_> = message
        .raw_headers()
        .map(|(name, value)| {
            let value: String = value.iter().copied().map(char::from).collect();
            format!("[{}, {}]", quoted(name), quoted(&value))
        })
        .collect();
    let from: Vec<_> =
        message.redirected_from().iter().map(|url| quoted(&without_user(url))).collect();
    let mut timing = ObjectLine::new();
    for bar in bars(&message.timing()) {
        let milliseconds = |time: Duration| time.as_micros() as f64 / 1000.0;
        let (begin, end) = (milliseconds(bar.begin), milliseconds(bar.end));
        timing.raw(bar.name, &format!("[{begin}, {end}]"));
    }
    let (major, minor) = message.http_version();

    let mut object = ObjectLine::new();
    object
        .string("method", &request.method)
        .string("url", &without_user(message.url()))
        .raw("redirected_from", &format!("[{}]", from.join(", ")))
        .raw("status", &message.status().to_string())
        .string("status_message", &message.status_message())
        .string("http_version", &format!("{major}.{minor}"))
        .raw("headers", &format!("[{}]", fields.join(", ")))
        .raw("excluded_cookies", excluded_cookies)
        .optional("remote_address", message.remote_address().map(|at| at.to_string()).as_deref())
        .optional("local_address", message.local_address().map(|at| at.to_string()).as_deref())
        .raw("tls", &tls(message))
        .raw("timing_ms", &timing.end())
        .raw("size", &size.to_string());
    object
}

fn tls(message: &IncomingMessage) -> String {
    let Some(info) = message.tls() else { return "null".to_owned() };
    let mut object = ObjectLine::new();
    object
        .string("protocol", info.protocol())
        .string("cipher_suite", info.cipher_suite())
        .optional("key_exchange_group", info.key_exchange_group())
        .optional("alpn", info.alpn());
    object.end()
}
