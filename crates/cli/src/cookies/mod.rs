//! `netreq cookies`: what is in a session on disk, shown and changed.
//!
//! It makes no request. Every change is on disk when the command ends, and other runs that use the
//! session see it. Values are shown where they were asked for, and never in an error.

mod action;
mod electron;
mod file;
mod show;

pub(crate) use action::{ACTIONS, CookiesTask, FLAGS};

use netreq::{
    ClearData, Cookie, CookieDetails, CookieFilter, DataType, Origin, PartitionKey, Session,
    netscape,
};
use url::Url;

use crate::exit::{Exit, Failure};
use crate::high::FileTarget;
use crate::hints;
use crate::output::{self, ObjectLine};
use crate::run::{runtime, tell};
use crate::session::{Opened, unusable, without_user};
use crate::surroundings;

use action::{Action, names_an_end};

/// Does it, and tells on standard error what failed.
pub(crate) fn run(task: &CookiesTask) -> Exit {
    let ended = runtime().and_then(|runtime| runtime.block_on(in_session(task)));
    ended.err().map_or(Exit::Success, |failure| {
        task.tell(&failure.line);
        failure.exit
    })
}

async fn in_session(task: &CookiesTask) -> Result<(), Failure> {
    let opened = Opened::open(Session::builder(), Some(&task.session))?;
    let ended = perform(task, &opened.session).await;
    let closed = opened.close(task.action.purpose()).await;
    closed.news.iter().for_each(|line| task.tell(line));
    match (ended, closed.failure) {
        (Ok(()), Some(failure)) => Err(failure),
        (Err(failure), Some(other)) if failure != other => {
            task.tell(&other.line);
            Err(failure)
        }
        (ended, _) => ended,
    }
}

async fn perform(task: &CookiesTask, session: &Session) -> Result<(), Failure> {
    match &task.action {
        Action::List(url) => task.list(session, url.as_ref()).await,
        Action::Set { url, line } => task.set(session, url, line).await,
        Action::Remove { url, name } => task.remove(session, url, name).await,
        Action::Clear(url) => {
            let what = ClearData {
                data_types: vec![DataType::Cookies],
                origins: url.iter().map(Origin::from_url).collect(),
                ..ClearData::default()
            };
            session.clear_data(what).await.map_err(|error| task.failed(&error))
        }
        Action::Import(path) => {
            let found = file::read(path.as_deref(), surroundings::now())?;
            task.import(session, found).await
        }
        Action::Export(target) => task.export(session, target.as_ref()).await,
    }
}

impl CookiesTask {
    async fn list(&self, session: &Session, url: Option<&Url>) -> Result<(), Failure> {
        let cookies = self.find(session, CookieFilter { url, ..CookieFilter::default() }).await?;
        if self.json {
            print(&electron::write(&cookies))
        } else if self.stdout_is_terminal {
            print(&show::table(&cookies, self.style))
        } else {
            print(&show::lines(&cookies))
        }
    }

    async fn set(&self, session: &Session, url: &Url, line: &str) -> Result<(), Failure> {
        let now = surroundings::now();
        let key = PartitionKey::new(url, false);
        let cookie = Cookie::from_line(line.as_bytes(), url, now, None, key.as_ref())
            .map_err(|reason| Failure::usage(reason.to_string()))?;
        // A browser passes over what it cannot read; here somebody has just typed it.
        if names_an_end(line) && cookie.expiry().is_none() {
            return Err(Failure::usage(
                "Max-Age is a number of seconds, Expires a date such as Wed, 25 Nov 2026 10:00:00 GMT",
            ));
        }
        let details = CookieDetails {
            name: cookie.name(),
            value: cookie.value(),
            domain: Some(cookie.domain()).filter(|_| !cookie.is_host_only()),
            path: Some(cookie.path()),
            secure: Some(cookie.secure()),
            http_only: cookie.http_only(),
            same_site: Some(cookie.same_site()),
            expiry: cookie.expiry(),
            priority: cookie.priority(),
            partition_key: cookie.partition_key(),
            ..CookieDetails::new(url)
        };
        session.cookies().set(details).await.map_err(|error| self.failed(&error))
    }

    async fn remove(&self, session: &Session, url: &Url, name: &str) -> Result<(), Failure> {
        let name_bytes = name.as_bytes();
        let filter =
            CookieFilter { url: Some(url), name: Some(name_bytes), ..CookieFilter::default() };
        if self.find(session, filter).await?.is_empty() {
            let line = format!("no cookie {name} goes to {}", without_user(url));
            return Err(Failure { exit: Exit::Failed, line: hints::one_line(&line) });
        }
        session.cookies().remove(url, name_bytes).await.map_err(|error| self.failed(&error))
    }

    async fn import(&self, session: &Session, found: file::Found) -> Result<(), Failure> {
        let now = surroundings::now();
        let count = found.cookies.len();
        let expired = found.cookies.iter().filter(|cookie| cookie.is_expired(now)).count();
        let taken =
            session.cookies().import(found.cookies).await.map_err(|error| self.failed(&error))?;
        let older = count.saturating_sub(taken + expired);
        let file::Found { encrypted, skipped, .. } = found;
        if self.json {
            let mut object = ObjectLine::new();
            for (name, count) in [
                ("taken", taken),
                ("expired", expired),
                ("older", older),
                ("encrypted", encrypted),
                ("skipped", skipped),
            ] {
                object.raw(name, &count.to_string());
            }
            return print(&format!("{}\n", object.end()));
        }
        let mut line = match taken {
            1 => "1 cookie taken".to_owned(),
            taken => format!("{taken} cookies taken"),
        };
        for (count, what) in [
            (expired, "expired"),
            (older, "older than in the session"),
            (encrypted, "encrypted"),
            (skipped, "skipped"),
        ] {
            if count > 0 {
                line.push_str(&format!(", {count} {what}"));
            }
        }
        print(&format!("{line}\n"))
    }

    async fn export(&self, session: &Session, target: Option<&FileTarget>) -> Result<(), Failure> {
        let cookies = self.find(session, CookieFilter::default()).await?;
        let fits = |cookie: &&Cookie| {
            if self.json { electron::holds(cookie) } else { cookie.partition_key().is_none() }
        };
        let written: Vec<&Cookie> = cookies.iter().filter(fits).collect();
        let left_out = cookies.len() - written.len();
        let content = if self.json {
            electron::write(written).into_bytes()
        } else {
            netscape::write(written)
        };
        match target {
            Some(target) => file::write(target.clone(), &content)?,
            // On a terminal a value may be no text.
            None if self.stdout_is_terminal => print(&visible(&content))?,
            None => print_bytes(&content)?,
        }
        if left_out > 0 {
            let (kind, other) = match self.json {
                true => ("whose bytes are no text", "without --json they have a place"),
                false => ("that are partitioned", "with --json they have a place"),
            };
            self.tell(&format!("left out {left_out} of the cookies, {kind}; {other}"));
        }
        Ok(())
    }

    async fn find(
        &self,
        session: &Session,
        filter: CookieFilter<'_>,
    ) -> Result<Vec<Cookie>, Failure> {
        session.cookies().get(filter).await.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &netreq::Error) -> Failure {
        if error.is_storage() {
            return unusable(&self.session, self.action.purpose(), error);
        }
        Failure { exit: Exit::from(error), line: hints::one_line(&error.to_string()) }
    }

    fn tell(&self, line: &str) {
        if self.complain {
            tell(line);
        }
    }
}

fn visible(content: &[u8]) -> String {
    let lines = String::from_utf8_lossy(content);
    let shown = |letter: char| match letter {
        '\n' | '\t' => letter,
        _ if hints::stays(letter) => letter,
        _ => '\u{fffd}',
    };
    lines.chars().map(shown).collect()
}

fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    match output::stdout().and_then(|mut stdout| output::write_all(&mut stdout, bytes)) {
        Err(cause) if cause.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::file("write to", "standard output".as_ref(), &cause))
        }
        // Whoever reads may stop when it has seen enough.
        _ => Ok(()),
    }
}
