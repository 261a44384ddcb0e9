//! How many instructions the hot paths take, held to a committed figure.
//!
//! `netreq-bench-instructions NAME N` does the work called NAME N times; counted under valgrind's
//! callgrind with two values of N, the difference is the cost of one turn without start-up. A count
//! does not depend on how busy the machine is, but on the compiler: with another one the figures
//! are printed and kept beside the build, not judged.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::metadata::Metadata;
use crate::root;
use crate::run::{Counts, cargo, output, succeeds};

/// Whether this workspace has the binary that is counted.
pub(crate) fn exist(metadata: &Metadata) -> bool {
    let bench = metadata.member("netreq-bench").and_then(|bench| bench.targets.get("bin"));
    bench.is_some_and(|names| names.iter().any(|name| name == BINARY))
}

/// Counts, and compares with the committed figures.
pub(crate) fn compare(metadata: &Metadata) -> Result<Counts, String> {
    let kept = root().join(KEPT);
    let text = fs::read_to_string(&kept)
        .map_err(|cause| format!("{KEPT}: {cause}; `cargo xtask instructions --record`"))?;
    let kept: Value = serde_json::from_str(&text).map_err(|cause| format!("{KEPT}: {cause}"))?;
    let compiler = compiler()?;
    let same_compiler = kept["rustc"] == compiler.as_str();
    if !same_compiler {
        println!("counted before with {}, now with {compiler}: not judged", kept["rustc"]);
    }

    let measured = measure(metadata)?;
    write(&metadata.target_directory.join("instructions.json"), &compiler, &measured)?;
    let mut counts = Counts::default();
    for (name, now) in measured {
        let before = kept["instructions"][name].as_u64();
        let holds = before.is_some_and(|before| is_within(before, now));
        let before = before.map_or_else(|| "-".to_owned(), |before| before.to_string());
        println!("{name:<20}{before:>12} -> {now:>12}  {}", if holds { "ok" } else { "moved" });
        if holds || !same_compiler {
            counts.passed += 1;
        } else {
            counts.failed += 1;
        }
    }
    if counts.failed > 0 {
        println!("if the change is meant: `cargo xtask instructions --record`, and say why");
    }
    let verdict = if counts.failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {} passed; {} failed", counts.passed, counts.failed);
    Ok(counts)
}

/// Counts, and writes the committed figures anew.
pub(crate) fn record() -> Result<bool, String> {
    let metadata = Metadata::load()?;
    if !exist(&metadata) {
        return Err(format!("netreq-bench has no binary {BINARY}"));
    }
    let measured = measure(&metadata)?;
    write(&root().join(KEPT), &compiler()?, &measured)?;
    for (name, count) in measured {
        println!("{name:<20}{count:>12}");
    }
    Ok(true)
}

fn measure(metadata: &Metadata) -> Result<BTreeMap<&'static str, u64>, String> {
    if !succeeds(&mut cargo(&["build", "--quiet", "--release", "--package", "netreq-bench"]))? {
        return Err("netreq-bench does not build".to_owned());
    }
    let binary = metadata.target_directory.join("release").join(BINARY);
    let mut measured = BTreeMap::new();
    for name in NAMES {
        let [few, many] = [count(&binary, name, FEW)?, count(&binary, name, MANY)?];
        measured.insert(name, many.saturating_sub(few) / (MANY - FEW));
    }
    Ok(measured)
}

fn count(binary: &Path, name: &str, turns: u64) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(binary).args([name, &turns.to_string()]);
    let (_, report) = output(&mut command)?;
    collected(&report).ok_or_else(|| format!("{name}: no count in\n{report}"))
}

/// The figure of callgrind's closing line, `==1== Collected : 123456`.
fn collected(report: &str) -> Option<u64> {
    let line = report.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit_once(':')?.1.trim().parse().ok()
}

/// Three in a hundred either way: a saving is recorded too, or the next loss would hide in it.
fn is_within(before: u64, now: u64) -> bool {
    before.abs_diff(now) * 100 <= before * 3
}

fn compiler() -> Result<String, String> {
    Ok(output(Command::new("rustc").arg("--version"))?.0.trim().to_owned())
}

fn write(path: &Path, compiler: &str, measured: &BTreeMap<&str, u64>) -> Result<(), String> {
    let text = format!("{:#}\n", json!({ "rustc": compiler, "instructions": measured }));
    fs::write(path, text).map_err(|cause| format!("{}: {cause}", path.display()))
}

const BINARY: &str = "netreq-bench-instructions";
const KEPT: &str = "bench/instructions.json";
const NAMES: [&str; 4] = ["head_writing", "head_parsing", "keep_alive_get", "event_get"];
const FEW: u64 = 200;
const MANY: u64 = 1200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_callgrinds_closing_line() {
        let report = "==7== Events    : Ir\n==7== Collected : 1234567\n==7==\n";
        assert_eq!(collected(report), Some(1_234_567));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }

    #[test]
    fn three_in_a_hundred_is_the_same_figure() {
        for (before, now, same) in [
            (1000, 1030, true),
            (1000, 970, true),
            (1000, 1031, false),
            (1000, 969, false),
            (0, 1, false),
        ] {
            assert_eq!(is_within(before, now), same, "{before} -> {now}");
        }
    }
}
