//! netreq as one peer of the performance rig: what the rig's workloads ask of every client.

use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use netreq::{Body, Session};

pub struct Config {
    /// PEM of the test CA; none for plain HTTP.
    pub ca_pem: Option<Vec<u8>>,
    pub proto: &'static str,
    pub keep_alive: bool,
    pub resume: bool,
    pub cache: bool,
    pub cache_dir: Option<PathBuf>,
}

pub type Res<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Clone)]
pub struct Client(Session);

impl Client {
    pub fn new(config: &Config) -> Res<Self> {
        if config.proto != "h1" || config.cache || config.cache_dir.is_some() {
            return Err("HTTP/2, HTTP/3 and the cache are not there yet".into());
        }
        let mut builder = Session::builder()
            .max_sockets_per_host(usize::MAX)
            .max_sockets(usize::MAX)
            .tls_resumption(config.resume);
        if !config.keep_alive {
            builder = builder.idle_timeout(Duration::ZERO);
        }
        if let Some(pem) = &config.ca_pem {
            builder = builder.platform_roots(false).add_root_certificates(pem)?;
        }
        Ok(Self(builder.build()?))
    }

    /// GET, read the whole body, return its length; a non-200 is an error.
    pub async fn get(&self, url: &str) -> Res<u64> {
        let message = self.0.get(url).send(()).await?;
        if message.status() != 200 {
            return Err(format!("status {}", message.status()).into());
        }
        Ok(message.bytes().await?.len() as u64)
    }

    /// GET, take the decoded body chunk by chunk without keeping it, return its length.
    pub async fn get_stream(&self, url: &str) -> Res<u64> {
        let mut message = self.0.get(url).send(()).await?;
        let mut length = 0;
        while let Some(chunk) = message.chunk().await? {
            length += chunk.len() as u64;
        }
        Ok(length)
    }

    /// POST `count` times `chunk` with unknown length; read the answer.
    pub async fn post_stream(&self, url: &str, chunk: Bytes, count: usize) -> Res<u64> {
        let body = Body::stream(Repeat { chunk, left: count });
        Ok(self.0.post(url).send(body).await?.bytes().await?.len() as u64)
    }
}

struct Repeat {
    chunk: Bytes,
    left: usize,
}

impl Stream for Repeat {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(self.chunk.clone())))
    }
}
