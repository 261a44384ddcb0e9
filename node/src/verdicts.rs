//! JavaScript's word on certificates, the servers' and the client's own: a question goes out as a
//! record, its answer comes as a call. Where nobody can answer any more, the server is refused and no
//! certificate is shown.
//!
//! A session is one for the main thread and all workers. The last of them that said it wants to be asked
//! is, and when its environment ends, the one before.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use netreq::{
    CertificateQuestion, CertificateVerdict, ClientCertificateQuestion, ClientIdentity, NetError,
};
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
        self.wish(Question::Verify, session, id)
    }

    /// The answer to question `number`, by Electron's numbers: 0 accepts, -3 leaves it to the engine,
    /// any other is the error with which it is refused, and `ERR_FAILED` where there is none of it.
    #[napi]
    pub fn answer_verdict(&self, number: u32, verdict: i32) {
        let waiting = lock(&self.outbox().verdicts).remove(&number);
        if let Some((_, waiting)) = waiting {
            // The connection may have been given up meanwhile.
            let _ = waiting.send(match verdict {
                0 => CertificateVerdict::Accept,
                -3 => CertificateVerdict::Default,
                code => CertificateVerdict::Reject(
                    NetError::from_code(code).unwrap_or(NetError::Failed),
                ),
            });
        }
    }
}

#[napi]
impl Environment {
    /// A certificate of the client's with its key, out of PKCS #12 or PEM. Its number, then its
    /// certificates in hexadecimal, each ended by NUL.
    #[napi]
    pub fn import_identity(&self, file: &[u8], password: String) -> Result<String> {
        let is_pem =
            file.starts_with(b"-----BEGIN") || file.windows(11).any(|line| line == b"\n-----BEGIN");
        let identity = match is_pem {
            true => ClientIdentity::from_pem(file, file),
            false => ClientIdentity::from_pkcs12(file, &password),
        };
        let identity = identity.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            napi::Error::from_reason(cause.unwrap_or_else(|| error.to_string()))
        })?;
        let mut identities = lock(&self.outbox().identities);
        let mut text = Vec::new();
        append(&mut text, identities.len().to_string().as_bytes());
        for certificate in identity.certificates() {
            append(&mut text, hexadecimal(&certificate).as_bytes());
        }
        identities.push(identity);
        Ok(String::from_utf8(text).unwrap_or_default())
    }

    /// From now on servers that ask for a certificate are a question to the listener `id`.
    #[napi]
    pub fn select_identity(&self, session: &Session, id: u32) -> Result<()> {
        self.wish(Question::Select, session, Some(id))
    }

    /// The answer to question `number`: the number of an identity, or none.
    #[napi]
    pub fn answer_identity(&self, number: u32, identity: Option<u32>) {
        let waiting = lock(&self.outbox().selections).remove(&number);
        if let Some(waiting) = waiting {
            let place = identity.and_then(|identity| usize::try_from(identity).ok());
            let identities = lock(&self.outbox().identities);
            // The connection may have been given up meanwhile.
            let _ = waiting.send(place.and_then(|place| identities.get(place)).cloned());
        }
    }
}

impl Environment {
    /// Puts the listener `id` of this environment in front of others, or takes it away.
    fn wish(&self, question: Question, session: &Session, id: Option<u32>) -> Result<()> {
        let _runtime = runtime::enter()?;
        let session = session.engine();
        let mut wishes = lock(&WISHES);
        let outbox = self.outbox();
        let mut before = None;
        wishes.retain(|wish| {
            let is_ours = wish.question == question
                && wish.session == session
                && Arc::ptr_eq(&wish.outbox, outbox);
            if is_ours {
                before = Some(wish.id);
            }
            !is_ours
        });
        wishes.extend(id.map(|id| Wish {
            question,
            session: session.clone(),
            outbox: Arc::clone(outbox),
            id,
        }));
        grant(&wishes, question, &session);
        // Whoever is asked from now on is asked what has not been answered, too.
        if question == Question::Verify {
            lock(&outbox.verdicts).retain(|_, (listener, _)| Some(*listener) != before);
        }
        Ok(())
    }
}

/// An environment has ended: whoever was asked before it is asked again.
pub(crate) fn forget(outbox: &Arc<Outbox>) {
    let mut wishes = lock(&WISHES);
    let (gone, left): (Vec<_>, Vec<_>) =
        wishes.drain(..).partition(|wish| Arc::ptr_eq(&wish.outbox, outbox));
    *wishes = left;
    if gone.is_empty() {
        return;
    }
    let Ok(_runtime) = runtime::enter() else { return };
    for Wish { question, session, .. } in gone {
        grant(&wishes, question, &session);
    }
}

/// Has the session ask whoever wished it last.
fn grant(wishes: &[Wish], question: Question, session: &netreq::Session) {
    let of_session = |wish: &&Wish| wish.question == question && wish.session == *session;
    let last = wishes.iter().rfind(of_session).map(|wish| (Arc::clone(&wish.outbox), wish.id));
    match question {
        Question::Verify => {
            session.set_certificate_verify_proc(
                last.map(|(outbox, id)| move |asked| ask(Arc::clone(&outbox), id, asked)),
            );
        }
        Question::Select => {
            session.set_client_certificate_selector(
                last.map(|(outbox, id)| move |asked| select(Arc::clone(&outbox), id, asked)),
            );
        }
    }
}

/// A listener that wants to be asked.
struct Wish {
    question: Question,
    session: netreq::Session,
    outbox: Arc<Outbox>,
    id: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Verify,
    Select,
}

/// The latest last.
static WISHES: Mutex<Vec<Wish>> = Mutex::new(Vec::new());

/// Asks which of the identities that the server accepts it is shown.
async fn select(
    outbox: Arc<Outbox>,
    id: u32,
    question: ClientCertificateQuestion,
) -> Option<ClientIdentity> {
    let accepted: Vec<String> = lock(&outbox.identities)
        .iter()
        .enumerate()
        .filter(|(_, identity)| question.accepts(identity))
        .map(|(place, _)| place.to_string())
        .collect();
    if accepted.is_empty() {
        return None;
    }
    let number = next_number();
    let (sender, answer) = oneshot::channel();
    lock(&outbox.selections).insert(number, sender);
    if outbox.is_closed() {
        return None;
    }
    let mut text = Vec::new();
    let head = [number.to_string(), question.hostname, question.port.to_string()];
    for part in head.iter().chain(&accepted) {
        append(&mut text, part.as_bytes());
    }
    outbox.emit(id, Event::Changed(text));
    answer.await.ok().flatten()
}

fn next_number() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

async fn ask(outbox: Arc<Outbox>, id: u32, question: CertificateQuestion) -> CertificateVerdict {
    let number = next_number();
    let (sender, answer) = oneshot::channel();
    lock(&outbox.verdicts).insert(number, (id, sender));
    if outbox.is_closed() {
        return UNJUDGED;
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
    answer.await.unwrap_or(UNJUDGED)
}

/// What is said of a server when the environment ends in which it is being judged: trust would be a guess.
const UNJUDGED: CertificateVerdict = CertificateVerdict::Reject(NetError::Aborted);

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
