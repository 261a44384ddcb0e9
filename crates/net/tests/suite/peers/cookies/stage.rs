//! A server for all hosts, in the clear and under TLS, that leads whoever follows it through a plan
//! of requests and writes down the `Cookie` fields they carry.
//!
//! Where the next request of the plan is one by redirect the answer redirects; where it is one that a
//! page makes the answer is that page. Nothing but the number in a request's query is looked at, so
//! that a client may also go through the plan by itself.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use netreq_testserver::Authority;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::table::{By, Case};

/// What came with a request: its `Cookie` field, each byte a character.
pub(crate) type Heard = Option<String>;

/// The server, and what it has heard so far.
pub(crate) struct Stage {
    plain: TcpListener,
    secure: TcpListener,
    tls: TlsAcceptor,
    ports: [u16; 2],
    plan: Vec<Planned>,
    heard: Mutex<Vec<Option<Heard>>>,
    progress: Notify,
}

/// One request of the plan.
pub(crate) struct Planned {
    /// With port and number.
    pub(crate) url: String,
    pub(crate) by: By,
    fields: Vec<u8>,
    /// The case and the step; none for the pages between.
    pub(crate) place: Option<(usize, usize)>,
}

impl Stage {
    pub(crate) async fn new(authority: &Authority, cases: &[Case]) -> Self {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (plain, secure) = (listen().await.unwrap(), listen().await.unwrap());
        let ports = [&plain, &secure].map(|listener| listener.local_addr().unwrap().port());
        let identity = authority.identity();
        let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
        let tls = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(identity.chain().to_vec(), identity.key())
            .unwrap();
        let plan = plan(cases, ports);
        let heard = Mutex::new(vec![None; plan.len()]);
        let tls = TlsAcceptor::from(Arc::new(tls));
        Self { plain, secure, tls, ports, plan, heard, progress: Notify::new() }
    }

    /// The first page, which leads to the rest.
    pub(crate) fn start(&self) -> &str {
        &self.plan[0].url
    }

    pub(crate) fn plan(&self) -> &[Planned] {
        &self.plan
    }

    /// The port in the clear and the port under TLS.
    pub(crate) fn ports(&self) -> [u16; 2] {
        self.ports
    }

    /// Answers for ever.
    pub(crate) async fn serve(&self) -> Infallible {
        let mut connections = JoinSet::new();
        todo!()
    }
}
