//! Whether ARCHITECTURE.md names what is there.
//!
//! Looked at is what stands in backticks: `….rs` is a file, from the top folder or from the engine's;
//! `Type::name()` or `module::name()` is a function. A page that is out of date says so here.

use std::fs;

use super::Answer;
use super::sources::{Source, sources};
use crate::root;

/// Names in the page that lead nowhere.
pub(super) fn complaints() -> Answer {
    let page = root().join(PAGE);
    let text = fs::read_to_string(&page).map_err(|cause| format!("{PAGE}: {cause}"))?;
    let sources = sources("crates")?;
    let exists = |path: &str| root().join(path).is_file();
    let complaints = named(&text).filter_map(|name| complaint(name, &sources, exists));
    Ok(complaints.map(|complaint| format!("{PAGE}: {complaint}")).collect())
}

/// What stands between backticks in `text`, blocks of code left out, and every file of such a block.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").enumerate().flat_map(|(index, part)| {
        let is_block = index % 2 == 1;
        let words = if is_block { " \n(),·" } else { "`" };
        let pieces = part.split(move |c| words.contains(c)).enumerate();
        pieces.filter_map(move |(index, piece)| match is_block {
            true => piece.ends_with(".rs").then_some(piece),
            false => (index % 2 == 1).then_some(piece),
        })
    })
}

fn complaint(name: &str, sources: &[Source], exists: impl Fn(&str) -> bool) -> Option<String> {
    if name.ends_with(".rs") && !name.contains(char::is_whitespace) {
        let is_there = exists(name) || exists(&format!("{ENGINE}/{name}"));
        return (!is_there).then(|| format!("there is no file {name}"));
    }
    let path = name.strip_suffix("()")?;
    let Some((owner, function)) = path.rsplit_once("::") else {
        return Some(format!("{name} does not say whose function it is"));
    };
    let is_there = sources.iter().any(|source| is_home_of(source, owner, function));
    (!is_there).then(|| format!("there is no function {name}"))
}

/// Whether `source` has the function and is its owner's: the module itself, or a file in which the
/// type or trait has a body.
fn is_home_of(source: &Source, owner: &str, function: &str) -> bool {
    let has_function = has_word_after(source, "fn ", function);
    let is_type = owner.starts_with(char::is_uppercase);
    let is_owners = if is_type {
        ["impl ", "for ", "trait ", "> "].iter().any(|word| has_word_after(source, word, owner))
    } else {
        source.path.ends_with(&format!("/{owner}.rs"))
            || source.path.contains(&format!("/{owner}/"))
    };
    has_function && is_owners
}

fn has_word_after(source: &Source, before: &str, word: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    source.code().any(|(_, line)| {
        let mut places = line.match_indices(before);
        places.any(|(at, _)| line[at + before.len()..].strip_prefix(word).is_some_and(is_end))
    })
}

const PAGE: &str = "ARCHITECTURE.md";
const ENGINE: &str = "crates/net/src";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_page_names_must_be_there() {
        let text = "mod x;\nimpl<T> Pool<T> {\n    fn idle(&self) {}\n}\nfn run<T>() {}\n";
        let source = Source { path: "crates/net/src/pool/mod.rs".into(), text: text.into() };
        let exists = |path: &str| path == "crates/net/src/pool/mod.rs";
        for (name, expected) in [
            ("pool/mod.rs", None),
            ("crates/net/src/pool/mod.rs", None),
            ("pool.rs", Some("there is no file pool.rs")),
            ("Pool::idle()", None),
            ("pool::run()", None),
            ("Pool::id()", Some("there is no function Pool::id()")),
            ("Sea::idle()", Some("there is no function Sea::idle()")),
            ("sea::run()", Some("there is no function sea::run()")),
            ("run()", Some("run() does not say whose function it is")),
            ("cargo xtask test", None),
        ] {
            let found = complaint(name, std::slice::from_ref(&source), exists);
            assert_eq!(found.as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn backticks_and_the_files_of_a_block_are_looked_at() {
        let text = "a `b.rs` c `d()`\n```\n `x` y.rs (z.rs, w.rs)\n```\nand `e`\n";
        let found: Vec<&str> = named(text).collect();
        assert_eq!(found, ["b.rs", "d()", "y.rs", "z.rs", "w.rs", "e"]);
    }
}
