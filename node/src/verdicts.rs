//! JavaScript's word on certificates: a question goes out as a record, its answer comes as a call.
//! Where nobody can answer any more, the engine's own verdict holds.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use netreq::{CertificateQuestion, CertificateVerdict, NetError};
use tokio::sync::oneshot;

use crate::environment::{Environment, Outbox};
use crate::records::{Event, append};
use crate::runtime::{self, lock};
use crate::session::Session;

#[napi]
impl Environment {
    /// From now on the certificates of servers are a question to the listener `id`; to nobody without.
    #[napi]
    pub fn verify(&self, session: &Session, id: Option<u32>) -> Result<()> {
        let _runtime = runtime::enter()?;
        let procedure = id.map(|id| {
            let outbox = Arc::clone(self.outbox());
            move |question| ask(Arc::clone(&outbox), id, question)
        });
        session.engine().set_certificate_verify_proc(procedure);
        Ok(())
    }

    /// The answer to question `number`, by Electron's numbers: 0 accepts, -3 leaves it to the engine,
    /// anything else refuses.
    #[napi]
    pub fn answer_verdict(&self, number: u32, verdict: i32) {
        let waiting = lock(&self.outbox().verdicts).remove(&number);
        if let Some(waiting) = waiting {
            // The connection may have been given up meanwhile.
            let _ = waiting.send(match verdict {
                0 => CertificateVerdict::Accept,
                -3 => CertificateVerdict::Default,
                _ => CertificateVerdict::Reject,
            });
        }
    }
}

async fn ask(outbox: Arc<Outbox>, id: u32, question: CertificateQuestion) -> CertificateVerdict {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let (sender, answer) = oneshot::channel();
    lock(&outbox.verdicts).insert(number, sender);
    if outbox.is_closed() {
        return CertificateVerdict::Default;
    }
    let mut text = Vec::new();
    let code = question.error.map_or(0, NetError::code);
    let name = question.error.map_or_else(|| "net::OK".to_owned(), |error| error.to_string());
    let known = if question.is_issued_by_known_root { "1" } else { "" };
    for part in [&number.to_string(), &question.hostname, &name, &code.to_string(), known] {
        append(&mut text, part.as_bytes());
    }
    for certificate in &question.certificates {
        append(&mut text, hexadecimal(certificate).as_bytes());
    }
    outbox.emit(id, Event::Changed(text));
    answer.await.unwrap_or_default()
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
