//! The rooms of the engine, `crates/net/src`, and which of them may know which.
//!
//! A room uses rooms below it and what stands beside all of them; it never names one above. The
//! table is the picture in ARCHITECTURE.md as data; a new room gets a line here first. Tests at the
//! end of a file may build what they need from anywhere.

use std::collections::BTreeMap;

use super::Answer;
use super::sources::{Source, sources};

/// Every room with its height. A room may name those that are lower, and itself.
const ROOMS: &[(&str, u8)] = &[
    // What users see; these two know each other and everything else.
    ("blocking", 20),
    ("tower", 20),
    ("api", 19),
    ("session", 19),
    // A door for the fuzz targets, behind a feature.
    ("fuzzing", 20),
    // One request, top to bottom.
    ("request", 18),
    ("job", 17),
    ("cache", 15),
    ("network", 14),
    ("stream", 13),
    ("pool", 12),
    ("connect", 11),
    // What a connection is made of.
    ("proxy", 10),
    ("tls", 10),
    ("resolve", 10),
    // What a session hands down to `job`.
    ("context", 16),
    // Beside all.
    ("site_data", 5),
    ("store", 4),
    ("body", 4),
    ("write_channel", 3),
    ("progress", 2),
    ("timeouts", 1),
    ("coding", 3),
    ("net_log", 2),
    ("runtime", 2),
    ("error", 1),
];

/// Rooms of one height that may name each other.
const TOGETHER: u8 = 19;

/// Lines that name a room which theirs may not know.
pub(super) fn complaints() -> Answer {
    let all = sources(ENGINE)?;
    let exported = all
        .iter()
        .find(|source| source.path == format!("{ENGINE}/lib.rs"))
        .map(|library| exports(&library.text))
        .unwrap_or_default();
    let mut complaints = Vec::new();
    for source in &all {
        let inside = source.path.trim_start_matches(ENGINE).trim_start_matches('/');
        let room = inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs");
        if room == "lib" {
            continue;
        }
        let Some(height) = height(room) else {
            complaints.push(format!("{}: the room {room} has no line in the table", source.path));
            continue;
        };
        for name in named(source) {
            let other = exported.get(&name).unwrap_or(&name);
            let knows = match self::height(other) {
                _ if other == room => true,
                Some(other) => other < height || (other == height && height == TOGETHER),
                None => false,
            };
            if !knows {
                complaints.push(format!("{}: {room} names crate::{name}", source.path));
            }
        }
    }
    Ok(complaints)
}

fn height(room: &str) -> Option<u8> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, height)| *height)
}

/// What stands after `crate::` in `source`, each name once.
fn named(source: &Source) -> Vec<String> {
    let code: String = source.code_without_tests().flat_map(|(_, line)| [line, "\n"]).collect();
    let mut names: Vec<String> = code
        .match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with(is_word))
        .flat_map(|(at, path)| heads(&code[at + path.len()..]))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The first names of a path: one for `a::b`, several for `{a, b::{c, d}}`.
fn heads(path: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|&c| is_word(c)).collect::<String>();
    let Some(group) = path.strip_prefix('{') else {
        return vec![word(path)];
    };
    let mut depth = 0;
    let end = group.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth < 0
    });
    let mut depth = 0;
    let parts = group[..end.unwrap_or(group.len())].split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    parts.map(|part| word(part.trim_start())).filter(|name| !name.is_empty()).collect()
}

/// The room behind each name that `lib.rs` offers, from its `pub use room::…` lines.
fn exports(library: &str) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for statement in library.split(';') {
        let Some((_, path)) = statement.rsplit_once("pub use ") else { continue };
        let path = path.trim_start_matches("crate::");
        let Some((room, names)) = path.split_once("::") else { continue };
        for name in names.split(|c: char| !is_word(c)).filter(|name| !name.is_empty()) {
            exports.insert(name.to_owned(), room.to_owned());
        }
    }
    exports
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

const ENGINE: &str = "crates/net/src";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_paths_groups_and_expressions() {
        let text = "use crate::pool::Slot;\n\
            use crate::{\n    connect::{Job, tcp},\n    error::Error,\n    Session,\n};\n\
            // use crate::api::Nothing;\n\
            fn f() { crate::runtime::now(); mycrate::other(); }\n\
            #[cfg(test)]\nmod tests { use crate::session::Session; }\n";
        let source = Source { path: String::new(), text: text.to_owned() };
        assert_eq!(named(&source), ["Session", "connect", "error", "pool", "runtime"]);
    }

    #[test]
    fn an_exported_name_counts_as_its_room() {
        let library = "//! Doc.\nmod api;\npub use api::{Session, request::ClientRequest as Request};\n\
            pub use crate::error::Error;\n";
        let exports = exports(library);
        assert_eq!(exports.get("Session").map(String::as_str), Some("api"));
        assert_eq!(exports.get("Request").map(String::as_str), Some("api"));
        assert_eq!(exports.get("Error").map(String::as_str), Some("error"));
    }
}
