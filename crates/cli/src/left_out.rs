//! The cookies that a run does not send or does not store, with the engine's reason for each.
//!
//! `-v` prints them where they happen, `--json` holds them all. Values are never shown: nobody asked for
//! them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use netreq::{CookieAccess, CookieExclusion, EventStream, Session};

use crate::high::Output;
use crate::hints;
use crate::output::ObjectLine;
use crate::session::without_user;

/// The cookies that were not sent or not stored, for `-v` as they come and for `--json` at the end.
#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    shown: Option<Arc<Mutex<EventStream<CookieExclusion>>>>,
    listed: Option<Arc<Mutex<EventStream<CookieExclusion>>>>,
}

impl LeftOut {
    /// Listens where somebody wants to know.
    pub(crate) fn listen(session: &Session, output: &Output) -> Self {
        let listen =
            |wanted: bool| wanted.then(|| Arc::new(Mutex::new(session.cookies().exclusions())));
        Self { shown: listen(output.verbose), listed: listen(output.json) }
    }

    /// Prints those that have come since.
    pub(crate) fn show(&self) {
        if let Some(stream) = &self.shown {
            let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
            while let Some(exclusion) = stream.try_next() {
                // Nobody is left to tell when standard error is gone.
                let _ = io::stderr().write_all(line(&exclusion).as_bytes());
            }
        }
    }

    /// All of them, as JSON.
    pub(crate) fn objects(&self) -> String {
        match &self.listed {
            Some(stream) => objects(&mut stream.lock().unwrap_or_else(PoisonError::into_inner)),
            None => "[]".to_owned(),
        }
    }
}

/// A cookie that was left out, as a line of `-v`.
fn line(exclusion: &CookieExclusion) -> String {
    let name = hints::one_line(&String::from_utf8_lossy(&exclusion.name));
    let which =
        if name.is_empty() { "a cookie without a name".into() } else { format!("cookie {name}") };
    let what = match exclusion.access {
        CookieAccess::Store => "stored",
        CookieAccess::Send => "sent",
    };
    let url = without_user(&exclusion.url);
    format!("netreq: {url}: {which} was not {what}: {}\n", exclusion.reason.sentence())
}

/// Cookies that were left out, as the array of `--json`.
fn objects(exclusions: &mut EventStream<CookieExclusion>) -> String {
    let mut objects = Vec::new();
    while let Some(exclusion) = exclusions.try_next() {
        let mut object = ObjectLine::new();
        object
            .string("url", &without_user(&exclusion.url))
            .string("name", &String::from_utf8_lossy(&exclusion.name))
            .string(
                "access",
                match exclusion.access {
                    CookieAccess::Store => "store",
                    CookieAccess::Send => "send",
                },
            )
            .string("reason", exclusion.reason.sentence());
        objects.push(object.end());
    }
    format!("[{}]", objects.join(", "))
}
