//! How Node, and Electron after it, merges a response's fields into `message.headers`.
//!
//! Names become lower case and sorted; a field that comes twice is joined with `", "`, except for
//! the 18 fields of which only the first counts, and for `set-cookie`, which is always a list. What
//! the fields mean is not known here. Values are bytes on the wire and Latin-1 in JavaScript.
//!
//! Node's documentation of `message.headers` joins `cookie` with `"; "`; Electron joins it like the
//! rest, and so does this.

use std::collections::BTreeMap;
use std::collections::btree_map::{self, Entry};
use std::fmt;

use crate::header::is_secret;

/// The fields of one head, merged.
///
/// `Debug` shows the values of fields that carry credentials or cookies as `…`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MergedHeaders {
    fields: BTreeMap<String, MergedValue>,
}

/// The merged value of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergedValue {
    /// The only value, the first one, or all of them joined with `", "`.
    One(String),
    /// Each value by itself, in order. Only `set-cookie` is kept so.
    Many(Vec<String>),
}

impl fmt::Debug for MergedHeaders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = formatter.debug_map();
        for (name, value) in &self.fields {
            if is_secret(name) {
                map.entry(name, &"…");
            } else {
                map.entry(name, value);
            }
        }
        map.finish()
    }
}

/// Merges fields in the order they came.
///
/// Node's documentation of `message.headers`; Electron `lib/common/api/net-client-request.ts`.
pub fn merge<'a>(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> MergedHeaders {
    let mut merged = BTreeMap::new();
    for (name, value) in fields {
        let name = name.to_ascii_lowercase();
        let value = latin1(value);
        match merged.entry(name) {
            Entry::Vacant(entry) if entry.key() == "set-cookie" => {
                entry.insert(MergedValue::Many(vec![value]));
            }
            Entry::Vacant(entry) => {
                entry.insert(MergedValue::One(value));
            }
            Entry::Occupied(mut entry) => {
                let first_only = FIRST_ONLY.contains(&entry.key().as_str());
                match entry.get_mut() {
                    MergedValue::Many(values) => values.push(value),
                    MergedValue::One(_) if first_only => {}
                    MergedValue::One(joined) => {
                        joined.push_str(", ");
                        joined.push_str(&value);
                    }
                }
            }
        }
    }
    MergedHeaders { fields: merged }
}

impl MergedHeaders {
    /// The merged value of that name, in any letter case.
    pub fn get(&self, name: &str) -> Option<&MergedValue> {
        self.fields.get(&name.to_ascii_lowercase())
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &MergedValue)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many different names there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl IntoIterator for MergedHeaders {
    type Item = (String, MergedValue);
    type IntoIter = btree_map::IntoIter<String, MergedValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

/// Each byte as the character of its number, which is what a JavaScript byte string is.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// The names of which Node keeps the first value and drops the others.
const FIRST_ONLY: [&str; 18] = [
    "age",
    "authorization",
    "content-length",
    "content-type",
    "etag",
    "expires",
    "from",
    "host",
    "if-modified-since",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "proxy-authorization",
    "referer",
    "retry-after",
    "server",
    "user-agent",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: &str) -> MergedValue {
        MergedValue::One(value.into())
    }

    fn many(values: &[&str]) -> MergedValue {
        MergedValue::Many(values.iter().map(|value| String::from(*value)).collect())
    }

    fn merged(fields: &[(&str, &str)]) -> Vec<(String, MergedValue)> {
        merge(fields.iter().map(|(name, value)| (*name, value.as_bytes()))).into_iter().collect()
    }

    #[test]
    fn names_are_lower_case_and_sorted() {
        assert_eq!(
            merged(&[("X-B", "1"), ("a", "2"), ("X-A", "3")]),
            [("a".into(), one("2")), ("x-a".into(), one("3")), ("x-b".into(), one("1"))]
        );
        assert_eq!(merged(&[]), []);
    }

    #[test]
    fn repeated_fields_are_joined() {
        for (fields, name, expected) in [
            (&[("Via", "1"), ("VIA", "2"), ("via", "3")][..], "via", one("1, 2, 3")),
            (&[("Cookie", "a=1"), ("Cookie", "b=2")], "cookie", one("a=1, b=2")),
            (&[("X", ""), ("X", "")], "x", one(", ")),
            (&[("Set-Cookie", "a=1")], "set-cookie", many(&["a=1"])),
            (&[("Set-Cookie", "a=1"), ("set-cookie", "b=2")], "set-cookie", many(&["a=1", "b=2"])),
        ] {
            assert_eq!(merged(fields), [(name.into(), expected)]);
        }
    }

    #[test]
    fn only_the_first_counts_for_eighteen_names() {
        for name in FIRST_ONLY {
            let upper = name.to_ascii_uppercase();
            let headers = merge([(upper.as_str(), &b"first"[..]), (name, b"second")]);
            assert_eq!(headers.get(&upper), Some(&one("first")), "{name}");
            assert_eq!(headers.len(), 1);
        }
        assert!(FIRST_ONLY.is_sorted());
    }

    #[test]
    fn values_are_latin_1() {
        let bytes: Vec<u8> = (0..=255).collect();
        let headers = merge([("x", &bytes[..])]);
        let expected: String = (0..=255).filter_map(char::from_u32).collect();
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("x", &one(&expected))]);
    }

    #[test]
    fn merging_is_linear() {
        let fields = std::iter::repeat_n(("via", &b"1"[..]), 200_000);
        let Some(MergedValue::One(joined)) = merge(fields).get("via").cloned() else {
            panic!("via is joined")
        };
        assert_eq!(joined.len(), 3 * 200_000 - 2);
    }
}
