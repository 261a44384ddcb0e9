//! httpie's grammar for what follows the URL.
//!
//! `Name:value` is a header field, `Name;` an empty one, `Name:` leaves out a default one; `name==value`
//! goes to the query; `name=value` and `name:=json` are fields of the body, `name=@file` and
//! `name:=@file` take theirs from a file; `@file` is the whole body. The first separator counts, the
//! longest one where several begin. A backslash before a separator takes it for a letter of the name;
//! what follows the separator is taken as it is. No file is read here.

use crate::json;

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A header field.
    Header(Header),
    /// A pair of the query.
    Query { name: String, value: String },
    /// A field of the body.
    Field { name: String, value: Value },
    /// The whole body from a file, or from standard input for `-`.
    Body(String),
}

/// What is done with a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// Send it; the value may be empty.
    Send { name: String, value: String },
    /// Do not send the one that would be sent by default.
    Omit { name: String },
}

impl Header {
    /// Whether it is about the field of that name.
    pub(crate) fn name_is(&self, wanted: &str) -> bool {
        let (Self::Send { name, .. } | Self::Omit { name }) = self;
        name.eq_ignore_ascii_case(wanted)
    }

    /// Whether it leaves that field out.
    pub(crate) fn omits(&self, wanted: &str) -> bool {
        matches!(self, Self::Omit { .. }) && self.name_is(wanted)
    }
}

/// The value of a body's field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A string.
    Text(String),
    /// Checked JSON, sent as it is.
    Json(String),
    /// A string from a file.
    TextFile(String),
    /// JSON from a file.
    JsonFile(String),
}

/// Reads one word.
///
/// # Errors
///
/// What was wrong, for the user.
pub(crate) fn parse(word: &str) -> Result<Item, String> {
    let Some((name, separator, value)) = split(word) else {
        if let Some(name) = word.strip_suffix(';') {
            return Ok(Item::Header(Header::Send { name: name.to_owned(), value: String::new() }));
        }
        return Err(format!(
            "'{word}' is no item: write Name:value, name=value, name:=json, name==value or @file"
        ));
    };
    let value = value.to_owned();
    if name.is_empty() && separator != Separator::At {
        return Err(format!("'{word}' has no name"));
    }
    Ok(match separator {
        Separator::Colon if value.is_empty() => Item::Header(Header::Omit { name }),
        Separator::Colon => Item::Header(Header::Send { name, value }),
        Separator::ColonAt | Separator::EqualsEqualsAt => {
            return Err(format!("'{word}': a file is not read there yet"));
        }
        Separator::EqualsEquals => Item::Query { name, value },
        Separator::Equals => Item::Field { name, value: Value::Text(value) },
        Separator::EqualsAt => Item::Field { name, value: Value::TextFile(value) },
        Separator::ColonEquals => {
            json::check(value.as_bytes())
                .map_err(|why| format!("'{word}' is no JSON after ':=': {why}"))?;
            Item::Field { name, value: Value::Json(value) }
        }
        Separator::ColonEqualsAt => Item::Field { name, value: Value::JsonFile(value) },
        Separator::At if value.is_empty() => return Err(format!("'{word}' names no file")),
        Separator::At if name.is_empty() => Item::Body(value),
        Separator::At => {
            return Err(format!(
                "'{word}': multipart bodies are not there yet; @{value} alone sends the file"
            ));
        }
    })
}

/// Reads a field as curl's `-H` takes it: the same meanings, with blanks around the value left out.
///
/// # Errors
///
/// What was wrong, for the user.
pub(crate) fn parse_header(text: &str) -> Result<Header, String> {
    if let Some((name, value)) = text.split_once(':') {
        let value = value.trim_matches([' ', '\t']);
        let name = name.to_owned();
        return Ok(match value {
            "" => Header::Omit { name },
            value => Header::Send { name, value: value.to_owned() },
        });
    }
    match text.strip_suffix(';') {
        Some(name) => Ok(Header::Send { name: name.to_owned(), value: String::new() }),
        None => Err(format!("'{text}' is no field: write 'Name: value'")),
    }
}

/// The fields that are sent.
///
/// What `Name:` leaves out is our own `User-Agent` and `Accept-Encoding`, or something that is not
/// sent by default anyway; what a request cannot be without stays.
///
/// # Errors
///
/// What was wrong, for the user.
pub(crate) fn sent(headers: Vec<Header>) -> Result<Vec<(String, String)>, String> {
    const ALWAYS: [&str; 6] = [
        "Host",
        "Connection",
        "Content-Length",
        "Sec-Fetch-Site",
        "Sec-Fetch-Mode",
        "Sec-Fetch-Dest",
    ];
    const ONCE: [&str; 2] = ["Host", "Connection"];
    for name in ONCE {
        if headers.iter().filter(|header| header.name_is(name)).count() > 1 {
            return Err(format!("'{name}:': this field is sent once, not twice"));
        }
    }
    let mut fields = Vec::with_capacity(headers.len());
    for header in headers {
        match header {
            Header::Send { name, value } => fields.push((name, value)),
            Header::Omit { name } if ALWAYS.iter().any(|kept| kept.eq_ignore_ascii_case(&name)) => {
                return Err(format!("'{name}:': this field is always sent"));
            }
            Header::Omit { .. } => {}
        }
    }
    Ok(fields)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    ColonEqualsAt,
    EqualsEqualsAt,
    ColonEquals,
    EqualsEquals,
    EqualsAt,
    ColonAt,
    Colon,
    Equals,
    At,
}

/// Longest first: where several begin at one place, the first of these is meant.
const SEPARATORS: [(&str, Separator); 9] = [
    (":=@", Separator::ColonEqualsAt),
    ("==@", Separator::EqualsEqualsAt),
    (":=", Separator::ColonEquals),
    ("==", Separator::EqualsEquals),
    ("=@", Separator::EqualsAt),
    (":@", Separator::ColonAt),
    (":", Separator::Colon),
    ("=", Separator::Equals),
    ("@", Separator::At),
];

fn split(word: &str) -> Option<(String, Separator, &str)> {
    let mut name = String::new();
    let mut rest = word;
    while let Some(letter) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix('\\')
            && let Some(escaped) = after.chars().next()
            && matches!(escaped, ':' | '=' | '@' | ';' | '\\')
        {
            name.push(escaped);
            rest = &after[1..];
            continue;
        }
        for (text, separator) in SEPARATORS {
            if let Some(value) = rest.strip_prefix(text) {
                return Some((name, separator, value));
            }
        }
        name.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &str) -> Item {
        Item::Header(Header::Send { name: name.into(), value: value.into() })
    }

    fn field(name: &str, value: Value) -> Item {
        Item::Field { name: name.into(), value }
    }

    #[test]
    fn every_form_is_read_as_httpie_reads_it() {
        for (word, expected) in [
            ("A:b", header("A", "b")),
            ("A: b", header("A", " b")),
            ("Referer:https://a/?b=c&d==e", header("Referer", "https://a/?b=c&d==e")),
            ("A;", header("A", "")),
            ("A:", Item::Header(Header::Omit { name: "A".into() })),
            ("a==b", Item::Query { name: "a".into(), value: "b".into() }),
            ("a==", Item::Query { name: "a".into(), value: String::new() }),
            ("a=b", field("a", Value::Text("b".into()))),
            ("a=", field("a", Value::Text(String::new()))),
            ("a=b=c:d@e", field("a", Value::Text("b=c:d@e".into()))),
            ("a;b=c", field("a;b", Value::Text("c".into()))),
            ("a=@f", field("a", Value::TextFile("f".into()))),
            ("a:=1.50", field("a", Value::Json("1.50".into()))),
            ("a:=[true, null]", field("a", Value::Json("[true, null]".into()))),
            ("a:=@f", field("a", Value::JsonFile("f".into()))),
            ("@f", Item::Body("f".into())),
            ("@-", Item::Body("-".into())),
            ("größe=1", field("größe", Value::Text("1".into()))),
        ] {
            assert_eq!(parse(word), Ok(expected), "{word}");
        }
    }

    #[test]
    fn a_backslash_makes_a_separator_a_letter() {
        for (word, expected) in [
            (r"a\:b=c", field("a:b", Value::Text("c".into()))),
            (r"a\=b:c", header("a=b", "c")),
            (r"a\@b=c", field("a@b", Value::Text("c".into()))),
            (r"a\\=c", field(r"a\", Value::Text("c".into()))),
            (r"a\b=c\:d", field(r"a\b", Value::Text(r"c\:d".into()))),
        ] {
            assert_eq!(parse(word), Ok(expected), "{word}");
        }
    }

    #[test]
    fn what_is_no_item_is_named() {
        for (word, expected) in [
            (
                "plain",
                "'plain' is no item: write Name:value, name=value, name:=json, name==value or @file",
            ),
            ("=b", "'=b' has no name"),
            (":b", "':b' has no name"),
            ("@", "'@' names no file"),
            ("a@", "'a@' names no file"),
            ("a@f", "'a@f': multipart bodies are not there yet; @f alone sends the file"),
            ("a:@f", "'a:@f': a file is not read there yet"),
            ("a==@f", "'a==@f': a file is not read there yet"),
            ("a:=tru", "'a:=tru' is no JSON after ':=': byte 1: a value was expected"),
        ] {
            assert_eq!(parse(word), Err(expected.to_owned()), "{word}");
        }
        // A backslash at the end escapes nothing.
        assert!(parse(r"a\").is_err());
    }

    #[test]
    fn curls_fields_leave_out_blanks() {
        let send =
            |name: &str, value: &str| Header::Send { name: name.into(), value: value.into() };
        assert_eq!(parse_header("A: b "), Ok(send("A", "b")));
        assert_eq!(parse_header("A:b:c"), Ok(send("A", "b:c")));
        assert_eq!(parse_header("A;"), Ok(send("A", "")));
        assert_eq!(parse_header("A: "), Ok(Header::Omit { name: "A".into() }));
        assert_eq!(parse_header("A"), Err("'A' is no field: write 'Name: value'".to_owned()));
    }
}
