//! The session of one run: opened under its name, ended in every case, and what is told of it.
//!
//! Without a name it is in memory. What happens to the files of a named one is told once, on standard
//! error, when it has ended: only then is it known whether the cookies are kept. Which cookies there are
//! is not this room's affair.

use netreq::{EventStream, NetError, Session, SessionBuilder, StorageEvent};

use crate::exit::{Exit, Failure};
use crate::hints;

/// A session that is to be ended.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) session: Session,
    name: Option<String>,
    events: EventStream<StorageEvent>,
}

/// What came of ending a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    /// What is to be told, in its order.
    pub(crate) news: Vec<String>,
    /// The cookies are not kept.
    pub(crate) failure: Option<Failure>,
}

impl Opened {
    /// Opens the session of this name with these settings. No file is touched yet.
    ///
    /// # Errors
    ///
    /// The name makes too long a folder, or the system names no folder for data; without a name, what
    /// the settings hold.
    pub(crate) fn open(builder: SessionBuilder, name: Option<&str>) -> Result<Self, Failure> {
        let builder = match name {
            None => builder,
            // A login often lives in a cookie without an expiry, and a run is no session of a browser.
            Some(name) => {
                let builder = builder.partition(format!("persist:{name}")).program("netreq");
                builder.persist_session_cookies(true)
            }
        };
        let session = builder.build().map_err(|error| {
            // What can be refused without a name was typed with --resolve.
            let flag = if name.is_some() { "--session" } else { "--resolve" };
            let reason = match error.net_error() {
                NetError::FileNotFound => {
                    "the system names no folder for data; name one with NETREQ_DATA_DIR".to_owned()
                }
                _ => hints::reason(&error),
            };
            Failure { exit: Exit::from(&error), line: format!("{flag}: {reason}") }
        })?;
        let events = session.storage_events();
        Ok(Self { session, name: name.map(str::to_owned), events })
    }

    /// Ends it, when everything is written.
    pub(crate) async fn close(mut self, purpose: Purpose) -> Closed {
        let closed = self.session.close().await;
        let name = self.name.as_deref().unwrap_or_default();
        let mut news = Vec::new();
        let mut failed = None;
        while let Some(event) = self.events.try_next() {
            match event {
                StorageEvent::SetAside { path, cause, kept } => news.push(format!(
                    "the database of session {name} was damaged ({cause}): it is kept as {}, and {kept} \
                     of its entries are in a new one",
                    path.display()
                )),
                StorageEvent::Skipped(rows) => news.push(format!(
                    "session {name}: {rows} entries are no cookies and were passed over"
                )),
                StorageEvent::Failed(error) => failed = Some(error),
                StorageEvent::Recovered => failed = None,
                // What a later engine may tell says nothing against the cookies.
                _ => {}
            }
        }
        let failure = closed.err().or(failed).map(|error| unusable(name, purpose, &error));
        let news = news.iter().map(|line| hints::one_line(line)).collect();
        Closed { news, failure }
    }
}

/// What the files of a session are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To see what is in them.
    Read,
    /// To keep something.
    Keep,
}

/// What is wrong with the files of the session `name`, and what helps.
pub(crate) fn unusable(name: &str, purpose: Purpose, error: &netreq::Error) -> Failure {
    let hint = match error.net_error() {
        NetError::FileNoSpace => "make room on the disk",
        NetError::TimedOut => "another process holds it: try again",
        NetError::AccessDenied | NetError::FileNotFound => {
            "check the owner and the mode of the folder, or name another one with NETREQ_DATA_DIR"
        }
        NetError::NotImplemented => "a newer netreq made it: use that one, or another session",
        _ => "NETREQ_DATA_DIR names another folder",
    };
    let failed = match purpose {
        Purpose::Read => "cannot be read",
        Purpose::Keep => "are not kept",
    };
    let cause = hints::cause_of(error);
    let line = format!("the cookies of session {name} {failed}: {cause}; {hint}");
    Failure { exit: Exit::File, line: hints::one_line(&line) }
}

/// A password in a URL is for its server, not for a log.
pub(crate) fn without_user(url: &url::Url) -> String {
    let mut url = url.clone();
    // These fail only for URLs that cannot have a user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}
