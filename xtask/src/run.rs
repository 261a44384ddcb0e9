//! Runs programs, lets their output through, and counts what their summaries say.
//!
//! The count comes from the closing lines of Rust's test runner (`test result: ok. 3 passed; …`),
//! which the checks print too, and from those of `node --test` (`# pass 3`).

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::root;

/// What one suite ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

/// A `cargo` command in the top folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root());
    command
}

/// Runs `command` to its end; `false` when it fails.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool, String> {
    command.status().map(|status| status.success()).map_err(|cause| not_started(command, &cause))
}

/// What `command` writes to standard output and to standard error, when it succeeds.
pub(crate) fn output(command: &mut Command) -> Result<(String, String), String> {
    let output = command.output().map_err(|cause| not_started(command, &cause))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok((stdout, stderr));
    }
    Err(format!("{}: {}\n{stdout}{stderr}", shown(command), output.status))
}

/// Runs a test command, printing its output as it comes, and sums its closing lines.
///
/// A command that fails without a failed test (it did not compile, a test process died) counts as
/// one failure.
pub(crate) fn tests(command: &mut Command) -> Result<Counts, String> {
    println!("$ {}", shown(command));
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|cause| not_started(command, &cause))?;
    let mut counts = Counts::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(|cause| format!("{}: {cause}", shown(command)))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            add(&mut counts, &line);
        }
    }
    let status = child.wait().map_err(|cause| not_started(command, &cause))?;
    if !status.success() && counts.failed == 0 {
        println!("{}: {status}", shown(command));
        counts.failed = 1;
    }
    Ok(counts)
}

fn add(counts: &mut Counts, line: &str) {
    if let Some(summary) = line.strip_prefix("test result: ") {
        let figures = summary.split_once(". ").map_or(summary, |(_, figures)| figures);
        for figure in figures.split("; ") {
            match figure.split_once(' ') {
                Some((number, "passed")) => counts.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => counts.failed += number.parse().unwrap_or(0),
                Some((number, "ignored")) => counts.ignored += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    } else if let Some(figure) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
        match figure.split_once(' ') {
            Some(("pass", number)) => counts.passed += number.parse().unwrap_or(0),
            Some(("fail" | "cancelled", number)) => counts.failed += number.parse().unwrap_or(0),
            Some(("skipped" | "todo", number)) => counts.ignored += number.parse().unwrap_or(0),
            _ => {}
        }
    }
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy()));
    words.join(" ")
}

fn not_started(command: &Command, cause: &std::io::Error) -> String {
    format!("{} does not run: {cause}", shown(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_summed() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test a_name_with_5_passed ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.5s",
            "# pass 10",
            "ℹ fail 1",
            "# skipped 2",
            "# duration_ms 80.5",
        ] {
            add(&mut counts, line);
        }
        assert_eq!(counts, Counts { passed: 15, failed: 5, ignored: 3 });
    }
}
