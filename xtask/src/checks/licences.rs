//! The licences of what we build on, judged from the expressions in the manifests.
//!
//! An expression is accepted when the licences allowed here satisfy it: all sides of an `AND`, one
//! side of an `OR` (or of the older `/`).

use crate::metadata::Metadata;

/// Licences under which a dependency may come, and why each is no burden to whoever ships netreq.
const ALLOWED: &[(&str, &str)] = &[
    ("MIT", "permissive, one of ours"),
    ("Apache-2.0", "permissive, one of ours"),
    ("BSD-2-Clause", "permissive, asks for its notice alone"),
    ("BSD-3-Clause", "permissive, asks for its notice and not to be named as endorsing"),
    ("ISC", "permissive, the words of MIT in short: webpki, untrusted, aws-lc"),
    ("Zlib", "permissive, asks for nothing in binaries: zlib-rs, foldhash"),
    ("Unicode-3.0", "permissive, for the Unicode tables of idna"),
    ("CDLA-Permissive-2.0", "data only: the root certificates of webpki-roots"),
    ("CC0-1.0", "given to the public"),
];

/// Dependencies whose licence is not stated or not allowed.
pub(super) fn complaints(metadata: &Metadata) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in &metadata.packages {
        match &package.license {
            None => {
                complaints.push(format!("{} {} states no licence", package.name, package.version))
            }
            Some(licence) if !is_allowed(licence) => {
                complaints.push(format!("{} {}: {licence}", package.name, package.version));
            }
            Some(_) => {}
        }
    }
    complaints
}

fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = words.as_slice();
    either(&mut words) && words.is_empty()
}

fn either(words: &mut &[&str]) -> bool {
    let mut allowed = both(words);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        allowed |= both(words);
    }
    allowed
}

fn both(words: &mut &[&str]) -> bool {
    let mut allowed = one(words);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        allowed &= one(words);
    }
    allowed
}

fn one(words: &mut &[&str]) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let allowed = either(words);
            if let [")", rest @ ..] = *words {
                *words = rest;
                return allowed;
            }
            false
        }
        // An exception is a licence of its own; none is needed so far.
        [_, "WITH", _, rest @ ..] => {
            *words = rest;
            false
        }
        [name, rest @ ..] => {
            *words = rest;
            ALLOWED.iter().any(|(allowed, _)| allowed == name)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_allowed_when_our_list_satisfies_it() {
        for (expression, allowed) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("MIT OR GPL-3.0-only", true),
            ("MIT AND GPL-3.0-only", false),
            ("Unlicense/MIT", true),
            ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", true),
            ("GPL-2.0-only WITH Classpath-exception-2.0", false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("ISC AND (GPL-3.0-only OR (MIT AND ISC))", true),
            ("ISC AND (GPL-3.0-only OR AGPL-3.0-only)", false),
            ("(MIT", false),
            ("MIT )", false),
            ("", false),
        ] {
            assert_eq!(is_allowed(expression), allowed, "{expression}");
        }
    }
}
