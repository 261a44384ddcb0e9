//! How names are resolved: what `app` sets for the process, and what one look-up asks for.

use std::str::FromStr;

use napi::bindgen_prelude::Result;
use napi::{Env, Error, Status};
use napi_derive::napi;
use netreq::{DnsOverHttpsServer, HostResolverConfig, ResolveHostOptions, UnknownWord};

use crate::environment::Environment;
use crate::records::append;
use crate::session::Session;

/// Electron's options of `resolveHost`, a word each.
#[napi(object)]
#[derive(Debug)]
pub struct HowToResolve {
    /// Default both families.
    pub query_type: Option<String>,
    /// Default `any`.
    pub source: Option<String>,
    /// Default `allowed`.
    pub cache_usage: Option<String>,
    /// Default `allow`.
    pub secure_dns_policy: Option<String>,
}

#[napi]
impl Environment {
    /// The addresses of a host, as texts.
    #[napi]
    pub fn resolve_host(
        &self,
        env: Env,
        id: u32,
        session: &Session,
        host: String,
        how: HowToResolve,
    ) -> Result<()> {
        let options = ResolveHostOptions {
            query_type: how.query_type.map(|word| meant("queryType", &word)).transpose()?,
            source: meant_or_default("source", how.source)?,
            cache_usage: meant_or_default("cacheUsage", how.cache_usage)?,
            secure_dns_policy: meant_or_default("secureDnsPolicy", how.secure_dns_policy)?,
        };
        let session = session.engine();
        self.ask(&env, id, async move {
            let mut text = Vec::new();
            for address in session.resolve_host_with(&host, options).await? {
                append(&mut text, address.to_string().as_bytes());
            }
            Ok(text)
        })
    }
}

/// Electron's `app.configureHostResolver`, for all environments of the process. Each call says everything.
#[napi]
pub fn configure_host_resolver(
    happy_eyeballs: bool,
    secure_dns_mode: Option<String>,
    secure_dns_servers: Vec<String>,
) -> Result<()> {
    let server = |template: &String| {
        template
            .parse::<DnsOverHttpsServer>()
            .map_err(|_| refuse(format!("not a valid DoH template: {template}")))
    };
    let config = HostResolverConfig {
        happy_eyeballs,
        secure_dns_mode: meant_or_default("secureDnsMode", secure_dns_mode)?,
        secure_dns_servers: secure_dns_servers.iter().map(server).collect::<Result<_>>()?,
    };
    netreq::configure_host_resolver(config).map_err(|error| refuse(error.to_string()))
}

fn meant_or_default<T: FromStr<Err = UnknownWord> + Default>(
    name: &str,
    word: Option<String>,
) -> Result<T> {
    word.map_or_else(|| Ok(T::default()), |word| meant(name, &word))
}

fn meant<T: FromStr<Err = UnknownWord>>(name: &str, word: &str) -> Result<T> {
    word.parse().map_err(|unknown: UnknownWord| {
        refuse(format!("{name} must be one of: {}", unknown.known()))
    })
}

fn refuse(sentence: String) -> Error {
    Error::new(Status::InvalidArg, sentence)
}
