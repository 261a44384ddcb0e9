//! The way to servers for DNS over HTTPS: a session within the session, on our own stack.
//!
//! It shares the outer one's trust, host rules and tasks, and nothing that says who asks: no cookies, no
//! agent, no languages. Names of servers are resolved by the system, so that no question waits for
//! another. RFC 8484; Chromium `DnsHTTPAttempt`.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::BytesMut;
use data_encoding::BASE64URL_NOPAD;
use http::Method;
use netreq_proto::host_rules::HostRules;
use netreq_proto::pool::Limits;
use netreq_proto::{NetError, Phase};

use super::Session;
use crate::api::IncomingMessage;
use crate::connect::{ConnectLimits, Connector};
use crate::context::{Context, Identity, Settings};
use crate::error::Error;
use crate::pool::Pool;
use crate::request::RedirectVerdict;
use crate::resolve::{
    Closing, DnsOverHttpsServer, Exchange, Exchanging, LONGEST_MESSAGE, Reply, Resolver,
};
use crate::runtime::{Clock, Tracker};
use crate::site_data::SiteData;
use crate::timeouts::Timeouts;
use crate::tls::TlsContext;

/// Asks servers for DNS over HTTPS; what that takes is made when it is first asked.
#[derive(Debug)]
pub(super) struct DnsOverHttps {
    rules: HostRules,
    tls: Arc<TlsContext>,
    tracker: Arc<Tracker>,
    local_address: Option<IpAddr>,
    session: OnceLock<Session>,
}

impl DnsOverHttps {
    pub(super) fn new(
        rules: HostRules,
        tls: Arc<TlsContext>,
        tracker: Arc<Tracker>,
        local_address: Option<IpAddr>,
    ) -> Self {
        Self { rules, tls, tracker, local_address, session: OnceLock::new() }
    }

    fn session(&self) -> &Session {
        self.session.get_or_init(|| {
            let timeouts = Timeouts::default();
            let resolver = Arc::new(Resolver::new(self.rules.clone(), None));
            let connector = Connector {
                resolver: Arc::clone(&resolver),
                local_address: self.local_address,
                tls: Arc::clone(&self.tls),
            };
            let pool = Pool::new(
                Limits::default(),
                ConnectLimits { connect: timeouts.connect, tls: timeouts.tls },
                Box::new(connector),
                Clock::new(),
                Arc::clone(&self.tracker),
            );
            Session(Arc::new(Context {
                settings: Settings::new(Identity::default(), Box::default(), timeouts, true),
                storage_path: None,
                site_data: SiteData::new(None),
                resolver,
                tls: Arc::clone(&self.tls),
                pool: Arc::new(pool),
                tracker: Arc::clone(&self.tracker),
            }))
        })
    }

    async fn ask(&self, server: &DnsOverHttpsServer, query: &[u8]) -> Result<Reply, Error> {
        let uses_post = server.uses_post();
        let url = server
            .url(&BASE64URL_NOPAD.encode(query))
            .map_err(|cause| Error::argument(NetError::InvalidUrl, cause))?;
        let method = if uses_post { Method::POST } else { Method::GET };
        let mut request = self
            .session()
            .request(method, url)
            .header("Accept", MESSAGE_TYPE)
            .decode(false)
            // RFC 8484 §5: only over https.
            .on_redirect(|redirect| {
                let is_secure = redirect.url.scheme() == "https";
                let verdict =
                    if is_secure { RedirectVerdict::Follow } else { RedirectVerdict::Cancel };
                std::future::ready(verdict)
            });
        let mut body = Vec::new();
        if uses_post {
            request = request.header("Content-Type", MESSAGE_TYPE);
            body = query.to_vec();
        }
        let message = request.send(body).await.map_err(|error| match error.is_dns() {
            true => Error::new(NetError::DnsSecureResolverHostnameResolutionFailed, Phase::Resolve)
                .with_source(error),
            false => Error::new(error.net_error(), Phase::Resolve).with_source(error),
        })?;
        read(message).await
    }
}

/// The DNS message in a response.
async fn read(mut response: IncomingMessage) -> Result<Reply, Error> {
    let malformed = |cause: String| {
        Error::new(NetError::DnsMalformedResponse, Phase::Resolve).with_source(cause)
    };
    if response.status() != 200 {
        let status = response.status();
        return Err(malformed(format!("the DNS-over-HTTPS server answers {status}")));
    }
    let kind = response.header("Content-Type").unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(MESSAGE_TYPE) {
        return Err(malformed(format!("the DNS-over-HTTPS server answers with {essence:?}")));
    }
    let age = response.header("Age").and_then(|age| age.trim().parse().ok());
    let age = Duration::from_secs(age.unwrap_or(0));
    let mut message = BytesMut::new();
    let failed = |error: Error| Error::new(error.net_error(), Phase::Resolve).with_source(error);
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if message.len() + chunk.len() > LONGEST_MESSAGE {
            return Err(malformed(format!(
                "the DNS message is longer than {LONGEST_MESSAGE} bytes"
            )));
        }
        message.extend_from_slice(&chunk);
    }
    Ok(Reply { message: message.freeze(), age })
}

impl Exchange for DnsOverHttps {
    fn exchange<'a>(&'a self, server: &'a DnsOverHttpsServer, query: &'a [u8]) -> Exchanging<'a> {
        Box::pin(self.ask(server, query))
    }

    fn close_connections(&self, how: Closing) {
        let Some(session) = self.session.get() else { return };
        let pool = &session.0.pool;
        match how {
            Closing::Distrusted => pool.distrust(),
            Closing::All => pool.close_all(),
            Closing::ForGood => pool.close(),
        }
    }
}

/// RFC 8484 §6.
const MESSAGE_TYPE: &str = "application/dns-message";
