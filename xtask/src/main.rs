//! The project's own commands, run as `cargo xtask …`.
//!
//! `cargo xtask test` is the one test command: it installs what the suites need where it may, runs
//! them one after another and fails if any fails, is missing something or runs nothing. It knows
//! cargo and the layout of the workspace, and nothing of how netreq works.

#![forbid(unsafe_code)]

mod checks;
mod instructions;
mod metadata;
mod package;
mod packages;
mod run;
mod suites;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["test"] => suites::run(&[]),
        ["test", "--only", only @ ..] if !only.is_empty() => suites::run(only),
        ["test", "--list"] => suites::list(),
        ["package"] => package::run(),
        ["instructions", "--record"] => instructions::record(),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => Err(format!("not understood: {}\n\n{USAGE}", arguments.join(" "))),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::from(2)
        }
    }
}

/// The top folder of the workspace.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

const USAGE: &str = "\
cargo xtask test                     run every suite
cargo xtask test --only SUITE…       run these suites alone
cargo xtask test --list              name the suites
cargo xtask package                  build and pack the npm packages of this platform
cargo xtask instructions --record    measure, and write bench/instructions.json
";
