//! npm's `tough-cookie`, under node.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use http::Method;
use netreq::Origin;
use netreq_proto::cookie::{RequestSites, SameSiteContext};
use url::Url;

use super::stage::{DRIVER, Heard, Planned};
use super::table::{By, bytes};

/// The `Cookie` fields that it would send with the requests of a plan.
pub(crate) fn heard(plan: &[Planned]) -> Vec<Heard> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder in another");
    let package = target.join("npm/node_modules/tough-cookie");
    assert!(
        package.exists(),
        "tough-cookie is missing; `cargo xtask test --only peers` installs it"
    );
    let mut child = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/peers/tough_cookie.js"))
        .arg(package)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|cause| panic!("node: {cause}; it is in Debian's package `nodejs`"));
    // It answers when it has read everything.
    child.stdin.take().unwrap().write_all(input(plan).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "tough_cookie.js: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let heard: Vec<Heard> = text.lines().map(|line| (line != "-").then(|| unhex(line))).collect();
    assert_eq!(heard.len(), plan.len());
    heard
}

fn input(plan: &[Planned]) -> String {
    let mut input = String::new();
    for (planned, context) in plan.iter().zip(contexts(plan)) {
        let context = match context {
            SameSiteContext::Strict => "strict",
            SameSiteContext::Lax => "lax",
            _ => "none",
        };
        let _ = write!(input, "{}\t{context}", planned.url);
        for line in &planned.lines {
            input.push('\t');
            bytes(line).iter().for_each(|byte| write!(input, "{byte:02x}").unwrap());
        }
        input.push('\n');
    }
    input
}

/// Whose request each one of a plan is.
fn contexts(plan: &[Planned]) -> Vec<SameSiteContext> {
    let mut page = Url::parse(DRIVER).unwrap();
    let mut sites = RequestSites::new(&page, None, true);
    let mut navigates = true;
    let mut contexts = Vec::new();
    for planned in plan {
        let url = Url::parse(&planned.url).unwrap();
        if planned.by == By::Redirect {
            sites.redirect(&url);
        } else {
            navigates = matches!(planned.by, By::Navigation | By::Post);
            sites = RequestSites::new(&url, Some(&Origin::from_url(&page)), navigates);
        }
        let method = if planned.by == By::Post { Method::POST } else { Method::GET };
        contexts.push(sites.context(&method));
        if navigates {
            page = url;
        }
    }
    contexts
}

fn unhex(text: &str) -> String {
    let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    digits.map(|pair| char::from(u8::from_str_radix(pair, 16).unwrap())).collect()
}
