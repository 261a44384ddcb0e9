//! What may not be written in which source file.
//!
//! Lines are looked at one by one, comments left out: these checks catch what slips in, they do not
//! parse Rust.

use std::fs;
use std::path::{Path, PathBuf};

use super::Answer;
use crate::root;

/// A source file: its path from the top folder, and its text.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    /// Its lines with their numbers, from 1, without comments.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().map(|line| line.find("//").map_or(line, |at| &line[..at]));
        lines.enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Like [`code`](Self::code), up to the tests at the end of the file.
    pub(super) fn code_without_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code().take_while(|(_, line)| !line.starts_with("mod tests"))
    }
}

/// Every Rust file below `folder` of the top folder, in the order of their names.
pub(super) fn sources(folder: &str) -> Result<Vec<Source>, String> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(folder)];
    while let Some(folder) = waiting.pop() {
        let entries = fs::read_dir(&folder).map_err(|cause| failed(&folder, &cause))?;
        for entry in entries {
            let path = entry.map_err(|cause| failed(&folder, &cause))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if !NOT_SOURCES.contains(&name.as_ref()) && !name.starts_with('.') {
                    waiting.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.iter().map(read).collect()
}

fn read(path: &PathBuf) -> Result<Source, String> {
    let text = fs::read_to_string(path).map_err(|cause| failed(path, &cause))?;
    let path = path.strip_prefix(root()).unwrap_or(path).display().to_string().replace('\\', "/");
    Ok(Source { path, text })
}

fn failed(path: &Path, cause: &std::io::Error) -> String {
    format!("{}: {cause}", path.display())
}

/// What a rule may not name: the network, the disk, the environment, the clock, threads.
const NOT_IN_RULES: &[&str] = &[
    "std::net::Tcp",
    "std::net::Udp",
    "ToSocketAddrs",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "Instant::now",
    "SystemTime::now",
    ".elapsed()",
    "RandomState",
];

/// Lines in `netreq-proto` that do what belongs to the engine.
pub(super) fn rules_without_io() -> Answer {
    let mut complaints = Vec::new();
    for source in sources("crates/proto/src")? {
        for (number, line) in source.code_without_tests() {
            for word in NOT_IN_RULES.iter().filter(|word| line.contains(**word)) {
                complaints.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    Ok(complaints)
}

/// Folders whose crates hold `unsafe` blocks, and why they must. Everywhere else the lint denies it.
const UNSAFE_ALLOWED: &[(&str, &str)] = &[
    ("node/src/wake.rs", "a thread-safe function whose ref and unref napi has no safe form of"),
    ("node/src/lent.rs", "writes into memory that JavaScript lends for one call"),
];

/// Files that switch the lint against `unsafe` off, and libraries that could.
pub(super) fn unsafe_code() -> Answer {
    let mut complaints = Vec::new();
    for source in sources("")? {
        if UNSAFE_ALLOWED.iter().any(|(allowed, _)| source.path.starts_with(allowed)) {
            continue;
        }
        let forbids = source.code().any(|(_, line)| line == "#![forbid(unsafe_code)]");
        let must_forbid = ["crates/proto/src/lib.rs", "crates/net/src/lib.rs"];
        if must_forbid.contains(&source.path.as_str()) && !forbids {
            complaints.push(format!("{} does not forbid unsafe_code", source.path));
        }
        for (number, line) in source.code() {
            let line = line.trim_start();
            let is_attribute = line.starts_with("#[") || line.starts_with("#![");
            if is_attribute && line.contains("unsafe_code") && !line.contains("forbid") {
                complaints.push(format!("{}:{number}: {line}", source.path));
            }
        }
    }
    Ok(complaints)
}

/// Files that do not open with what they are for.
pub(super) fn module_docs() -> Answer {
    let mut complaints = Vec::new();
    for source in sources("")? {
        if !source.text.starts_with("//! ") {
            complaints.push(source.path);
        }
    }
    Ok(complaints)
}

/// Folders of what is built or fetched.
const NOT_SOURCES: [&str; 2] = ["node_modules", "target"];
