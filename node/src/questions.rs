//! What JavaScript asks of a session and awaits: cookies and their changes, clearing, flushing. Each
//! question has a number, as a request has, and one record for an answer.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::Result;
use napi_derive::napi;
use netreq::{
    ClearData, Cookie, CookieDetails, CookieFilter, DataType, Error, ExclusionReason, Origin,
    Timestamp, Url,
};

use crate::environment::Environment;
use crate::records::{Event, append};
use crate::session::Session;

/// Electron's filter of `cookies.get`.
#[napi(object)]
#[derive(Debug)]
pub struct Wanted {
    /// Those a request for this URL carries.
    pub url: Option<String>,
    /// Of this name.
    pub name: Option<String>,
    /// Sent to this host.
    pub domain: Option<String>,
    /// Of exactly this path.
    pub path: Option<String>,
    /// Whether `Secure`.
    pub secure: Option<bool>,
    /// Whether they end with the session.
    pub session: Option<bool>,
    /// Whether `HttpOnly`.
    pub http_only: Option<bool>,
}

/// Electron's details of `cookies.set`. Times in seconds.
#[napi(object)]
#[derive(Debug)]
pub struct Details {
    /// Whom it is for.
    pub url: String,
    /// Default empty.
    pub name: Option<String>,
    /// Default empty.
    pub value: Option<String>,
    /// Default: the host of the URL alone.
    pub domain: Option<String>,
    /// Default: the folder of the URL.
    pub path: Option<String>,
    /// Default: only with `no_restriction`.
    pub secure: Option<bool>,
    /// Default no.
    pub http_only: Option<bool>,
    /// Electron's word; default `lax`.
    pub same_site: Option<String>,
    /// Default: the end of the session.
    pub expiration_date: Option<f64>,
    /// Default now.
    pub creation_date: Option<f64>,
    /// Default: the creation.
    pub last_access_date: Option<f64>,
}

#[napi]
impl Environment {
    /// The cookies that pass: eight parts each, see `cookie`.
    #[napi]
    pub fn cookies_get(&self, env: Env, id: u32, session: &Session, wanted: Wanted) -> Result<()> {
        let cookies = session.engine().cookies();
        self.ask(&env, id, async move {
            let url = wanted.url.as_deref().map(Url::parse);
            let Ok(url) = url.transpose() else { return Ok(Vec::new()) };
            let filter = CookieFilter {
                url: url.as_ref(),
                name: wanted.name.as_deref().map(str::as_bytes),
                domain: wanted.domain.as_deref(),
                path: wanted.path.as_deref(),
                secure: wanted.secure,
                session: wanted.session,
                http_only: wanted.http_only,
            };
            let mut text = Vec::new();
            for found in cookies.get(filter).await? {
                cookie(&mut text, &found);
            }
            Ok(text)
        })
    }

    /// Sets a cookie.
    #[napi]
    pub fn cookies_set(
        &self,
        env: Env,
        id: u32,
        session: &Session,
        details: Details,
    ) -> Result<()> {
        let cookies = session.engine().cookies();
        self.ask(&env, id, async move {
            // Chromium judges an invalid URL by its host, of which it has none.
            let Ok(url) = Url::parse(&details.url) else {
                return Err(Refused::Here(ExclusionReason::InvalidDomain.to_string()));
            };
            let same_site = details.same_site.as_deref().map(str::parse).transpose();
            let same_site = same_site.map_err(|cause| Refused::Here(format!("{cause}")))?;
            let seconds = |time: Option<f64>| time.map(Timestamp::from_seconds);
            let set = cookies.set(CookieDetails {
                name: details.name.as_deref().unwrap_or_default().as_bytes(),
                value: details.value.as_deref().unwrap_or_default().as_bytes(),
                domain: details.domain.as_deref(),
                path: details.path.as_deref(),
                secure: details.secure,
                http_only: details.http_only.unwrap_or(false),
                same_site,
                expiry: seconds(details.expiration_date),
                creation: seconds(details.creation_date),
                last_access: seconds(details.last_access_date),
                ..CookieDetails::new(&url)
            });
            set.await?;
            Ok(Vec::new())
        })
    }

    /// Removes the cookies of a name for a URL; a text that is no URL has none.
    #[napi]
    pub fn cookies_remove(
        &self,
        env: Env,
        id: u32,
        session: &Session,
        url: String,
        name: String,
    ) -> Result<()> {
        let cookies = session.engine().cookies();
        self.ask(&env, id, async move {
            if let Ok(url) = Url::parse(&url) {
                cookies.remove(&url, name).await?;
            }
            Ok(Vec::new())
        })
    }

    /// Waits until every change is on disk.
    #[napi]
    pub fn flush(&self, env: Env, id: u32, session: &Session) -> Result<()> {
        let session = session.engine();
        self.ask(&env, id, async move {
            session.flush().await?;
            Ok(Vec::new())
        })
    }

    /// Forgets data: `kinds` empty is all. Origins are URLs.
    #[napi]
    pub fn clear_data(&self, env: Env, id: u32, session: &Session, what: Cleared) -> Result<()> {
        let session = session.engine();
        self.ask(&env, id, async move {
            session
                .clear_data(ClearData {
                    data_types: what.kinds.iter().filter_map(|kind| data_type(kind)).collect(),
                    origins: origins(&what.origins)?,
                    exclude_origins: origins(&what.exclude_origins)?,
                    avoid_closing_connections: what.avoid_closing_connections,
                })
                .await?;
            Ok(Vec::new())
        })
    }

    /// From now on every change of a cookie comes as a record of `id`. Does not keep the process alive.
    #[napi]
    pub fn listen(&self, id: u32, session: &Session) -> Result<()> {
        let mut changes = session.engine().cookies().changed();
        let outbox = Arc::clone(self.outbox());
        Self::run(async move {
            while let Some(change) = changes.next().await
                && !outbox.is_closed()
            {
                let mut text = Vec::new();
                append(&mut text, change.cause.as_str().as_bytes());
                append(&mut text, if change.is_removal() { b"1" } else { b"" });
                cookie(&mut text, &change.cookie);
                outbox.emit(id, Event::Changed(text));
            }
        })
    }

    pub(crate) fn ask(
        &self,
        env: &Env,
        id: u32,
        answer: impl Future<Output = std::result::Result<Vec<u8>, Refused>> + Send + 'static,
    ) -> Result<()> {
        self.register(env, id);
        let outbox = Arc::clone(self.outbox());
        Self::run(async move {
            let event = match answer.await {
                Ok(text) => Event::Settled(text),
                Err(Refused::Engine(error)) => Event::error(&error),
                Err(Refused::Here(sentence)) => Event::sentence(&sentence),
            };
            outbox.emit(id, event);
        })
    }
}

/// What a `clear_data` is told.
#[napi(object)]
#[derive(Debug)]
pub struct Cleared {
    /// Empty: all.
    pub kinds: Vec<String>,
    /// Only theirs.
    pub origins: Vec<String>,
    /// All but theirs.
    pub exclude_origins: Vec<String>,
    /// Whether idle connections stay.
    pub avoid_closing_connections: bool,
}

/// Why not.
pub(crate) enum Refused {
    Engine(Error),
    /// Refused before it was asked: the message of JavaScript's error.
    Here(String),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

fn data_type(kind: &str) -> Option<DataType> {
    match kind {
        "cookies" => Some(DataType::Cookies),
        "hsts" => Some(DataType::Hsts),
        _ => None,
    }
}

fn origins(urls: &[String]) -> std::result::Result<Vec<Origin>, Refused> {
    let parsed = urls
        .iter()
        .map(|url| url.parse().map_err(|_| Refused::Here(format!("Invalid origin: '{url}'"))));
    parsed.collect()
}

/// Name, value, domain, path, SameSite, flags (`h` host only, `s` secure, `o` HTTP only), expiry in
/// seconds or nothing, the site of the partition or nothing.
fn cookie(text: &mut Vec<u8>, cookie: &Cookie) {
    let mut flags = String::new();
    for (flag, is_set) in
        [('h', cookie.is_host_only()), ('s', cookie.secure()), ('o', cookie.http_only())]
    {
        flags.extend(is_set.then_some(flag));
    }
    let expiry = cookie.expiry().map(|time| time.as_seconds().to_string()).unwrap_or_default();
    let partition = cookie.partition_key().map_or("", |key| key.top_level_site());
    for part in [
        cookie.name(),
        cookie.value(),
        cookie.domain().as_bytes(),
        cookie.path().as_bytes(),
        cookie.same_site().to_string().as_bytes(),
        flags.as_bytes(),
        expiry.as_bytes(),
        partition.as_bytes(),
    ] {
        append(text, part);
    }
}
