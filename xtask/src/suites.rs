//! The suites of `cargo xtask test`, in the order in which they run.
//!
//! A suite is a name, the programs it needs and how it is run; adding one is a line in [`suites`].
//! It is red when a test fails, when a test is ignored, when it needs a program that is not there
//! and when it ran nothing: a run that looks green tested everything it names.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::metadata::Metadata;
use crate::package::{self, ADDON};
use crate::packages::{self, Program};
use crate::run::{Counts, cargo, output, succeeds, tests};
use crate::{checks, instructions, root};

struct Suite {
    name: &'static str,
    programs: &'static [Program],
    run: fn(&Metadata) -> Result<Counts, String>,
}

/// The suites that this workspace has something to run for.
fn suites(metadata: &Metadata) -> Vec<Suite> {
    let mut suites = vec![
        Suite { name: "checks", programs: &[], run: checks::run },
        Suite { name: "unit", programs: &["curl"], run: unit },
        Suite { name: "no-default", programs: &[], run: no_default },
        Suite { name: "doc", programs: &[], run: doc },
        Suite { name: "examples", programs: &[], run: examples },
    ];
    if integration_tests(metadata).any(|name| name == ENGINE) {
        let programs =
            &["nginx", "apache2", "caddy", "curl", "nodejs", "npm", "chromium-headless-shell"];
        suites.push(Suite { name: "peers", programs, run: peers });
    }
    suites.push(Suite { name: "fuzz", programs: &[], run: fuzz });
    if metadata.member(ADDON).is_some() {
        let programs = &["nodejs", "npm", "openssl"];
        suites.extend([
            Suite { name: "node-20", programs, run: |metadata| node(metadata, "20.18.0") },
            Suite { name: "node-22", programs, run: |metadata| node(metadata, "22.23.3") },
            Suite { name: "node-24", programs, run: |metadata| node(metadata, "24.21.0") },
        ]);
    }
    if instructions::exist(metadata) {
        suites.push(Suite {
            name: "instructions",
            programs: &["valgrind"],
            run: instructions::compare,
        });
    }
    suites
}

// One feature set and one set of packages for every suite that can share them, so that cargo
// builds the dependencies and the engine once.
const EVERYTHING: [&str; 5] =
    ["test", "--workspace", "--all-features", "--no-fail-fast", "--quiet"];

/// Whatever is tested without real servers: every library, every command, every integration test.
fn unit(metadata: &Metadata) -> Result<Counts, String> {
    let mut command = cargo(&EVERYTHING);
    command.args(["--lib", "--bins"]);
    for name in integration_tests(metadata).filter(|name| *name != FUZZ) {
        command.args(["--test", name]);
    }
    tests(command.args(["--", "--skip", PEERS]))
}

/// The engine without TLS, codecs and everything else that is optional.
fn no_default(_: &Metadata) -> Result<Counts, String> {
    let arguments =
        ["test", "--package", "netreq", "--no-default-features", "--no-fail-fast", "--quiet"];
    let mut command = cargo(&arguments);
    command.args(["--lib"]);
    tests(&mut command)
}

fn doc(_: &Metadata) -> Result<Counts, String> {
    tests(cargo(&EVERYTHING).arg("--doc"))
}

/// Every example of the engine, each against a server that it starts itself.
fn examples(metadata: &Metadata) -> Result<Counts, String> {
    // With the workspace's features, so that nothing is built a second time.
    let arguments = ["build", "--workspace", "--all-features", "--examples", "--quiet"];
    if !succeeds(&mut cargo(&arguments))? {
        return Err("the examples do not build".to_owned());
    }
    let folder = metadata.target_directory.join("debug/examples");
    let examples = metadata.member("netreq").and_then(|engine| engine.targets.get("example"));
    let mut counts = Counts::default();
    for name in examples.into_iter().flatten() {
        let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let verdict = match Command::new(program).output() {
            Ok(ended) if ended.status.success() => "ok".to_owned(),
            Ok(ended) => {
                let errors = String::from_utf8_lossy(&ended.stderr);
                format!("FAILED\n{}\n{errors}", ended.status)
            }
            Err(cause) => format!("FAILED\n{cause}"),
        };
        println!("example {name} ... {verdict}");
        *(if verdict == "ok" { &mut counts.passed } else { &mut counts.failed }) += 1;
    }
    Ok(counts)
}

/// The engine's tests that start real servers, browsers and clients of others.
fn peers(metadata: &Metadata) -> Result<Counts, String> {
    packages::install_npm(&metadata.target_directory.join("npm"), &PEERS_OF_NPM)?;
    tests(cargo(&EVERYTHING).args(["--test", ENGINE, "--", PEERS]))
}

/// Every fuzz target over its corpus and a fixed number of mutations.
fn fuzz(_: &Metadata) -> Result<Counts, String> {
    tests(cargo(&EVERYTHING).args(["--test", FUZZ]))
}

/// The npm package, on the addon as it is built here and on one version of Node.
///
/// Every version of it comes as a package, whichever the machine has: the oldest is the one that the
/// package promises, the others the newest of their line.
fn node(metadata: &Metadata, version: &str) -> Result<Counts, String> {
    let program = node_program(metadata, version)?;
    if !succeeds(&mut cargo(&["build", "--package", ADDON, "--quiet"]))? {
        return Err("the addon does not build".to_owned());
    }
    let folder = root().join("node");
    if !folder.join("node_modules").is_dir() {
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
        if !succeeds(Command::new("npm").args(arguments).current_dir(&folder))? {
            return Err("npm does not install what the tests of the package need".to_owned());
        }
    }
    let (electron, version) = ELECTRON;
    let target = &metadata.target_directory;
    let mut command = Command::new(program);
    command
        .arg("test/run.js")
        .current_dir(&folder)
        .env("NETREQ_BINARY_PATH", package::addon(metadata, "debug"))
        .env("NETREQ_ELECTRON", packages::unpack_npm(&target.join("npm"), electron, version)?);
    tests(&mut command)
}

fn node_program(metadata: &Metadata, version: &str) -> Result<PathBuf, String> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let package = format!("node-{}-{architecture}", std::env::consts::OS);
    let folder = packages::unpack_npm(&metadata.target_directory.join("npm"), &package, version)?;
    let program = folder.join("bin/node");
    let (found, _) = output(Command::new(&program).arg("--version"))?;
    if found.trim() == format!("v{version}") {
        Ok(program)
    } else {
        Err(format!("{}: {}, not {version}", program.display(), found.trim()))
    }
}

fn integration_tests(metadata: &Metadata) -> impl Iterator<Item = &str> {
    let ours = metadata.ours().filter_map(|package| package.targets.get("test"));
    ours.flatten().map(String::as_str)
}

/// The integration test of the engine, and its module with real servers.
const ENGINE: &str = "suite";
const PEERS: &str = "peers::";
/// What those tests look for in the target folder, and what it is made of.
const PEERS_OF_NPM: [&str; 3] = ["tough-cookie@6.1.0", "tldts@7.5.5", "tldts-core@7.5.5"];
/// Whose declarations those of the package are compared with.
const ELECTRON: (&str, &str) = ("electron", "45.5.0");
const FUZZ: &str = "mutations";

/// Prints the names of the suites.
pub(crate) fn list() -> Result<bool, String> {
    for suite in suites(&Metadata::load()?) {
        println!("{}", suite.name);
    }
    Ok(true)
}

/// Runs the suites named in `only`, or all of them; `false` when one is red.
///
/// The last line printed is `N passed, M failed`, summed over the suites.
pub(crate) fn run(only: &[&str]) -> Result<bool, String> {
    let metadata = Metadata::load()?;
    let mut suites = suites(&metadata);
    if let Some(unknown) =
        only.iter().find(|word| !suites.iter().any(|suite| means(word, suite.name)))
    {
        return Err(format!("there is no suite called {unknown}; `cargo xtask test --list`"));
    }
    suites.retain(|suite| only.is_empty() || only.iter().any(|word| means(word, suite.name)));

    let absent = packages::missing(suites.iter().flat_map(|suite| suite.programs).copied());
    if !absent.is_empty()
        && let Err(reason) = packages::install(&absent)
    {
        println!("{reason}");
    }

    let mut rows = Vec::new();
    for suite in suites {
        println!("\n== {}", suite.name);
        let begun = now();
        let (counts, complaint) = judge(attempt(&suite, &metadata));
        if let Some(complaint) = &complaint {
            println!("{}: {complaint}", suite.name);
        }
        rows.push((suite.name, counts, begun.elapsed().as_secs(), complaint.is_none()));
    }

    println!("\n{:<14}{:>8}{:>8}{:>8}{:>8}", "suite", "passed", "failed", "ignored", "seconds");
    for (name, counts, seconds, green) in &rows {
        let Counts { passed, failed, ignored } = counts;
        let verdict = if *green { "ok" } else { "FAILED" };
        println!("{name:<14}{passed:>8}{failed:>8}{ignored:>8}{seconds:>8}  {verdict}");
    }
    let passed: u64 = rows.iter().map(|(_, counts, ..)| counts.passed).sum();
    let failed: u64 = rows.iter().map(|(_, counts, ..)| counts.failed).sum();
    println!("\n{passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// Whether `word` names the suite, or the group of which it is one: `node` is `node-20` and all others.
fn means(word: &str, suite: &str) -> bool {
    suite.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn attempt(suite: &Suite, metadata: &Metadata) -> Result<Counts, String> {
    let absent = packages::missing(suite.programs.iter().copied());
    if !absent.is_empty() {
        let names: Vec<_> = absent.into_iter().collect();
        return Err(format!("missing: {}", names.join(" ")));
    }
    (suite.run)(metadata)
}

/// What a suite's outcome counts for, and what is wrong with it. Anything wrong is a failure.
fn judge(outcome: Result<Counts, String>) -> (Counts, Option<String>) {
    let (mut counts, complaint) = match outcome {
        Err(reason) => (Counts::default(), Some(reason)),
        Ok(counts) if counts.failed > 0 => (counts, Some(format!("{} failed", counts.failed))),
        Ok(counts) if counts.ignored > 0 => {
            (counts, Some(format!("{} ignored: a test runs or is not there", counts.ignored)))
        }
        Ok(counts) if counts.passed == 0 => (counts, Some("nothing ran".to_owned())),
        Ok(counts) => (counts, None),
    };
    if complaint.is_some() {
        counts.failed = counts.failed.max(1);
    }
    (counts, complaint)
}

#[expect(clippy::disallowed_methods, reason = "how long a suite took, for the table alone")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_suite_that_ran_everything_is_green() {
        let ran = Counts { passed: 3, failed: 0, ignored: 0 };
        for (outcome, failed, green) in [
            (Ok(ran), 0, true),
            (Ok(Counts { failed: 2, ..ran }), 2, false),
            (Ok(Counts { ignored: 1, ..ran }), 1, false),
            (Ok(Counts::default()), 1, false),
            (Err("missing: nginx".to_owned()), 1, false),
        ] {
            let case = format!("{outcome:?}");
            let (counts, complaint) = judge(outcome);
            assert_eq!((counts.failed, complaint.is_none()), (failed, green), "{case}");
        }
    }

    #[test]
    fn a_word_means_a_suite_or_a_group_of_them() {
        for (word, suite, meant) in [
            ("node-22", "node-22", true),
            ("node", "node-22", true),
            ("node-2", "node-22", false),
            ("nod", "node-22", false),
            ("unit", "no-default", false),
        ] {
            assert_eq!(means(word, suite), meant, "{word} {suite}");
        }
    }
}
