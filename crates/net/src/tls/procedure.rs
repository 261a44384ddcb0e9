//! The owner's word on certificates: a question behind the engine's own verdict.
//!
//! The handshake ends first and nothing of HTTP is sent before the answer. An answer holds for a
//! certificate chain and a host as long as the settings do, so a connection that resumes an earlier
//! session is judged by the chain of that one. What a verdict means to connections and requests is
//! not known here.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use netreq_proto::NetError;
use tokio::sync::OnceCell;

use crate::runtime::lock;

/// A server's certificate that waits for a verdict.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CertificateQuestion {
    /// The host that the connection is for.
    pub hostname: String,
    /// The server's certificates in DER, its own first, as the server sent them.
    pub certificates: Vec<Bytes>,
    /// What is wrong with them, by the engine's own verdict; `None`: nothing.
    pub error: Option<NetError>,
    /// Whether the platform's roots vouch for it, and not only those that the session was given.
    pub is_issued_by_known_root: bool,
}

/// What to do about a server's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CertificateVerdict {
    /// The server is who it should be, whatever is wrong with its certificate.
    Accept,
    /// It is not: the request fails with this error; Electron's -2 is `ERR_FAILED`.
    Reject(NetError),
    /// The engine's own verdict holds.
    #[default]
    Default,
}

type Answer = Pin<Box<dyn Future<Output = CertificateVerdict> + Send>>;

/// Whom to ask.
#[derive(Clone)]
pub(crate) struct Procedure(Arc<dyn Fn(CertificateQuestion) -> Answer + Send + Sync>);

impl Procedure {
    pub(crate) fn new<F, A>(verify: F) -> Self
    where
        F: Fn(CertificateQuestion) -> A + Send + Sync + 'static,
        A: Future<Output = CertificateVerdict> + Send + 'static,
    {
        Self(Arc::new(move |question| Box::pin(verify(question))))
    }
}

impl fmt::Debug for Procedure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Procedure")
    }
}

/// The answers so far.
#[derive(Debug, Default)]
pub(super) struct Verdicts(Mutex<HashMap<(String, Vec<Bytes>), Cell>>);

type Cell = Arc<OnceCell<CertificateVerdict>>;

impl Verdicts {
    /// The answer to `question`; asked once, however many connections want to know.
    pub(super) async fn of(
        &self,
        procedure: &Procedure,
        question: CertificateQuestion,
    ) -> CertificateVerdict {
        let key = (question.hostname.clone(), question.certificates.clone());
        let cell = {
            let mut known = lock(&self.0);
            if known.len() >= MOST_VERDICTS && !known.contains_key(&key) {
                // Asked again is better than remembered without end.
                known.clear();
            }
            Arc::clone(known.entry(key).or_default())
        };
        *cell.get_or_init(|| (procedure.0)(question)).await
    }
}

const MOST_VERDICTS: usize = 1024;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn question(hostname: &str, certificate: &'static [u8]) -> CertificateQuestion {
        CertificateQuestion {
            hostname: hostname.to_owned(),
            certificates: vec![Bytes::from_static(certificate)],
            error: None,
            is_issued_by_known_root: false,
        }
    }

    #[tokio::test]
    async fn a_host_and_its_chain_are_asked_about_once() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let procedure = Procedure::new(move |question: CertificateQuestion| {
            counter.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                match question.hostname.as_str() {
                    "good.test" => CertificateVerdict::Accept,
                    _ => CertificateVerdict::Reject(NetError::Failed),
                }
            }
        });
        let verdicts = Verdicts::default();
        let of = |host, chain| verdicts.of(&procedure, question(host, chain));
        let both = tokio::join!(of("good.test", b"1"), of("good.test", b"1"));
        assert_eq!(both, (CertificateVerdict::Accept, CertificateVerdict::Accept));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(of("bad.test", b"1").await, CertificateVerdict::Reject(NetError::Failed));
        assert_eq!(of("good.test", b"2").await, CertificateVerdict::Accept);
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }
}
