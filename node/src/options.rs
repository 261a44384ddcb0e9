//! The options of a request, as JavaScript flattens them: one text and one number.
//!
//! The text is method, URL, origin (empty: none) and then names and values of the header fields, each
//! ended by NUL, which JavaScript has taken out of them. The number packs what has few values, in the
//! places in which `lib/options.js` puts it.

use std::time::Duration;

use netreq::{
    CacheMode, CredentialsMode, HeaderList, Method, NetError, Options, RedirectMode,
    ReferrerPolicy, RequestPriority, Timeouts,
};

/// Whether the body goes out as it is written.
pub(crate) fn is_chunked(flags: u32) -> bool {
    flags & CHUNKED != 0
}

/// The engine's options.
///
/// # Errors
///
/// The code for what JavaScript could not know to be wrong: a method that is no token.
pub(crate) fn read(head: &str, flags: u32) -> Result<Options, NetError> {
    let mut parts = head.split_terminator('\0');
    let mut next = || parts.next().unwrap_or_default();
    let method = Method::from_bytes(next().as_bytes()).map_err(|_| NetError::InvalidArgument)?;
    let url = next().to_owned();
    let origin = Some(next()).filter(|origin| !origin.is_empty()).map(str::to_owned);
    Ok(Options {
        method,
        url,
        origin,
        headers: fields(parts, flags & LATIN1 != 0),
        redirect: match flags & 3 {
            1 => RedirectMode::Error,
            2 => RedirectMode::Manual,
            _ => RedirectMode::Follow,
        },
        referrer_policy: pick(&REFERRER_POLICIES, flags >> REFERRER_POLICY & 15),
        priority: pick(&PRIORITIES, flags >> PRIORITY & 7),
        credentials: match flags >> CREDENTIALS & 3 {
            1 => Some(CredentialsMode::Omit),
            2 => Some(CredentialsMode::SameOrigin),
            3 => Some(CredentialsMode::Include),
            _ => None,
        },
        cache: pick(&CacheMode::ALL, flags >> CACHE & 7),
        use_session_cookies: flags & USE_SESSION_COOKIES != 0,
        ..Options::default()
    })
}

/// Header fields from names and values in turn.
pub(crate) fn fields<'a>(parts: impl IntoIterator<Item = &'a str>, is_latin1: bool) -> HeaderList {
    let mut parts = parts.into_iter();
    let mut fields = HeaderList::default();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        let value = match is_latin1 && !value.is_ascii() {
            true => value.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect(),
            false => value.as_bytes().to_vec(),
        };
        fields.append(name.to_owned(), value);
    }
    fields
}

/// Time limits in milliseconds: connect, tls, first byte, idle, total. Negative leaves the session's
/// or the default one, and one without end is none.
pub(crate) fn timeouts(limits: &[f64]) -> Timeouts {
    let mut timeouts = Timeouts::default();
    let setters: [fn(Timeouts, Option<Duration>) -> Timeouts; 5] = [
        |timeouts, limit| timeouts.with_connect(limit),
        |timeouts, limit| timeouts.with_tls(limit),
        |timeouts, limit| timeouts.with_first_byte(limit),
        |timeouts, limit| timeouts.with_idle(limit),
        |timeouts, limit| timeouts.with_total(limit),
    ];
    for (limit, set) in limits.iter().zip(setters) {
        if *limit >= 0.0 {
            timeouts = set(timeouts, Duration::try_from_secs_f64(limit / 1000.0).ok());
        }
    }
    timeouts
}

fn pick<T: Copy + Default>(values: &[T], index: u32) -> T {
    usize::try_from(index).ok().and_then(|index| values.get(index)).copied().unwrap_or_default()
}

const CHUNKED: u32 = 1 << 2;
const REFERRER_POLICY: u32 = 3;
const PRIORITY: u32 = 7;
const CREDENTIALS: u32 = 10;
const USE_SESSION_COOKIES: u32 = 1 << 12;
const LATIN1: u32 = 1 << 13;
const CACHE: u32 = 14;

const REFERRER_POLICIES: [ReferrerPolicy; 9] = [
    ReferrerPolicy::StrictOriginWhenCrossOrigin,
    ReferrerPolicy::NoReferrer,
    ReferrerPolicy::NoReferrerWhenDowngrade,
    ReferrerPolicy::SameOrigin,
    ReferrerPolicy::Origin,
    ReferrerPolicy::StrictOrigin,
    ReferrerPolicy::OriginWhenCrossOrigin,
    ReferrerPolicy::StrictOriginWhenCrossOrigin,
    ReferrerPolicy::UnsafeUrl,
];

const PRIORITIES: [RequestPriority; 6] = [
    RequestPriority::Idle,
    RequestPriority::Throttled,
    RequestPriority::Lowest,
    RequestPriority::Low,
    RequestPriority::Medium,
    RequestPriority::Highest,
];
