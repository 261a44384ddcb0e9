//! What holds for the source as a whole: form, lints, documentation, licences, and who may know whom.
//!
//! Each check is a question with a list of complaints for an answer; none means it holds. All of
//! them run, so that one run shows everything there is to mend.

mod architecture;
mod dependencies;
mod layers;
mod licences;
mod sources;

use crate::metadata::Metadata;
use crate::run::{Counts, cargo, succeeds};

/// A check's complaints, one a line; `Err` when the question could not be asked.
type Answer = Result<Vec<String>, String>;

/// Asks every check and prints each answer.
pub(crate) fn run(metadata: &Metadata) -> Result<Counts, String> {
    let checks: [(&str, &dyn Fn() -> Answer); 14] = [
        ("source is formatted", &|| passes(&["fmt", "--all", "--check"], &[])),
        ("clippy, every feature", &|| {
            let arguments = ["clippy", "--workspace", "--all-targets", "--all-features"];
            passes(&[&arguments[..], &QUIETLY, &WARNINGS].concat(), &[])
        }),
        ("clippy, no feature", &|| {
            let arguments = ["clippy", "--package", "netreq", "--no-default-features"];
            passes(&[&arguments[..], &QUIETLY, &WARNINGS].concat(), &[])
        }),
        ("documentation builds", &|| {
            let arguments = ["doc", "--workspace", "--no-deps", "--all-features"];
            passes(&[&arguments[..], &QUIETLY].concat(), &[("RUSTDOCFLAGS", "-D warnings")])
        }),
        ("licences are allowed", &|| Ok(licences::complaints(metadata))),
        ("one version of each dependency", &|| Ok(dependencies::duplicates(metadata))),
        ("crates depend downwards", &|| Ok(dependencies::directions(metadata))),
        ("the rules bring no I/O with them", &|| Ok(dependencies::rules_tree(metadata))),
        ("the oldest compiler is stated", &|| Ok(dependencies::rust_versions(metadata))),
        ("the rules do no I/O", &sources::rules_without_io),
        ("rooms know only rooms below", &layers::complaints),
        ("unsafe only where it is allowed", &sources::unsafe_code),
        ("files say what they are for", &sources::module_docs),
        ("ARCHITECTURE.md names what is there", &architecture::complaints),
    ];

    let mut counts = Counts::default();
    for (name, check) in checks {
        match check() {
            Ok(complaints) if complaints.is_empty() => {
                println!("check {name} ... ok");
                counts.passed += 1;
            }
            Ok(complaints) => {
                println!("check {name} ... FAILED\n    {}", complaints.join("\n    "));
                counts.failed += 1;
            }
            Err(reason) => {
                println!("check {name} ... FAILED\n    {reason}");
                counts.failed += 1;
            }
        }
    }
    let verdict = if counts.failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {} passed; {} failed", counts.passed, counts.failed);
    Ok(counts)
}

fn passes(arguments: &[&str], environment: &[(&str, &str)]) -> Answer {
    let mut command = cargo(arguments);
    command.envs(environment.iter().copied());
    Ok(if succeeds(&mut command)? {
        Vec::new()
    } else {
        vec![format!("cargo {}", arguments.join(" "))]
    })
}

const QUIETLY: [&str; 1] = ["--quiet"];
const WARNINGS: [&str; 3] = ["--", "-D", "warnings"];
