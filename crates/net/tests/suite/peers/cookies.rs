//! Our cookies beside those of Debian's Chromium and of npm's `tough-cookie`.
//!
//! All go through one table: the same `Set-Cookie` lines from the same URLs, then the same requests.
//! Chromium and this engine do so on the wire, `tough-cookie` is asked what it would send. Whatever
//! `Cookie` field differs has a name and a reason. A difference that is not named fails, and so does
//! a named one that has gone.

mod chromium;
mod known;
mod stage;
mod table;
mod tough_cookie;

use std::fmt::Write as _;

use netreq::{CredentialsMode, Origin, Session};
use netreq_testserver::Authority;
use tokio::sync::OnceCell;
use url::Url;

use chromium::Chromium;
use known::Known;
use stage::{Heard, Stage, by_case};
use table::{By, Case};

#[tokio::test]
async fn chromium_sends_the_cookies_that_we_send() {
    let cases = table::cases();
    let stage = Stage::new(&Authority::new(), &cases).await;
    let browser = Chromium::open(&stage.plan()[0].url);
    let (ours, ()) = tokio::join!(ours(&cases), stage.finished());
    drop(browser);
    let theirs = by_case(stage.plan(), stage.heard());
    compare(&Chromium::version(), &cases, ours, &theirs, &known::CHROMIUM);
}

#[tokio::test]
async fn tough_cookie_sends_the_cookies_that_we_send() {
    let cases = table::cases();
    let plan = stage::plan(&cases, [80, 443]);
    let theirs = by_case(&plan, tough_cookie::heard(&plan));
    compare("tough-cookie", &cases, ours(&cases).await, &theirs, &known::TOUGH_COOKIE);
}

/// What this engine sends, found out once for all tests.
async fn ours(cases: &[Case]) -> &'static [Vec<Heard>] {
    static OURS: OnceCell<Vec<Vec<Heard>>> = OnceCell::const_new();
    OURS.get_or_init(|| walked(cases)).await
}

/// What this engine sends.
async fn walked(cases: &[Case]) -> Vec<Vec<Heard>> {
    let stage = Stage::new(&Authority::new(), cases).await;
    let session = Session::builder()
        .host_resolver_rules("MAP * 127.0.0.1")
        .danger_accept_invalid_certificates(true)
        .build()
        .unwrap();
    let mut page = Url::parse(stage::DRIVER).unwrap();
    for planned in stage.plan() {
        let url = &planned.url;
        let request = match planned.by {
            By::Redirect => continue,
            By::Post => session.post(&**url),
            By::Navigation | By::Fetch | By::Image => session.get(&**url),
        };
        let navigates = matches!(planned.by, By::Navigation | By::Post);
        let mode = if navigates { "navigate" } else { "no-cors" };
        let request = request
            .credentials(CredentialsMode::Include)
            .origin(&Origin::from_url(&page).to_string())
            .header("Sec-Fetch-Mode", mode);
        match request.send(()).await {
            Ok(message) => {
                if navigates {
                    page = message.url().clone();
                }
                message.bytes().await.unwrap();
            }
            Err(error) => eprintln!("{url}: {error}"),
        }
    }
    by_case(stage.plan(), stage.heard())
}

/// Fails unless the differences are the known ones.
fn compare(
    peer: &str,
    cases: &[Case],
    ours: &[Vec<Heard>],
    theirs: &[Vec<Heard>],
    known: &[Known],
) {
    for name in known.iter().flat_map(|known| known.cases) {
        assert!(cases.iter().any(|case| case.name == *name), "there is no case {name:?}");
    }
    let mut wrong = String::new();
    for ((case, ours), theirs) in cases.iter().zip(ours).zip(theirs) {
        let known = known.iter().find(|known| known.cases.contains(&&*case.name));
        match known {
            None if ours == theirs => continue,
            None => {
                let _ = writeln!(wrong, "\n{:?} differs", case.name);
            }
            Some(_) if ours != theirs => continue,
            Some(Known { name, reason, .. }) => {
                let _ = writeln!(wrong, "\n{:?} has lost its {name}: {reason}", case.name);
            }
        }
        for ((step, ours), theirs) in case.steps.iter().zip(ours).zip(theirs) {
            let lines: Vec<String> = step.lines.iter().map(|line| short(line)).collect();
            let _ = writeln!(wrong, "  {:?} {} {}", step.by, step.url, lines.join(" "));
            let (ours, theirs) = (said(ours), said(theirs));
            let _ = if ours == theirs {
                writeln!(wrong, "    both:   {ours}")
            } else {
                writeln!(wrong, "    ours:   {ours}\n    theirs: {theirs}")
            };
        }
    }
    assert!(wrong.is_empty(), "beside {peer}:\n{wrong}");
}

fn said(heard: &Heard) -> String {
    heard.as_ref().map_or_else(|| "nothing".to_owned(), |cookies| short(cookies))
}

fn short(text: &str) -> String {
    let start: String = text.chars().take(200).collect();
    format!("{start:?}")
}
