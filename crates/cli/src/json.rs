//! JSON as text: a formatter that works on a stream, a checker, and an escaper.
//!
//! Nothing is parsed into values, so that numbers, strings and the order of keys keep their bytes. The
//! formatter changes only the white space between tokens and never fails: a response may be cut, or no
//! JSON at all. Deeper than [`DEEPEST`] levels it passes bytes on as they are, since indentation would
//! grow with the depth of every line.

use crate::style::{Role, Style};

/// How deep arrays and objects may nest.
const DEEPEST: usize = 128;

/// Indents and colours JSON as it comes.
#[derive(Debug)]
pub(crate) struct Formatter {
    style: Style,
    indent: bool,
    /// The open containers, innermost last.
    open: Vec<Container>,
    place: Place,
    /// The last thing written was an opening bracket.
    just_opened: bool,
    /// A whole value at the outermost level has been written.
    between_documents: bool,
    /// In an object, and the next string is a key.
    key_expected: bool,
    /// Nested too deep: everything goes through as it is.
    verbatim: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Array,
    Object,
}

/// Where in a token the last byte was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Between,
    String { escaped: bool },
    Scalar,
}

impl Formatter {
    /// A formatter that indents if `indent`, and paints by `style`.
    pub(crate) fn new(style: Style, indent: bool) -> Self {
        Self {
            style,
            indent,
            open: Vec::new(),
            place: Place::Between,
            just_opened: false,
            between_documents: false,
            key_expected: false,
            verbatim: false,
        }
    }

    /// Takes the next part of the text; what can be written is added to `out`.
    pub(crate) fn write(&mut self, input: &[u8], out: &mut Vec<u8>) {
        for (position, &byte) in input.iter().enumerate() {
            if self.verbatim {
                out.extend_from_slice(&input[position..]);
                return;
            }
            self.byte(byte, out);
        }
    }

    /// Ends the text: colour is switched off and the last line closed.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        self.end_token(out);
        if self.indent {
            out.push(b'\n');
        }
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        match self.place {
            Place::String { escaped } => {
                out.push(byte);
                if !escaped && byte == b'"' {
                    self.end_token(out);
                } else {
                    self.place = Place::String { escaped: !escaped && byte == b'\\' };
                }
                return;
            }
            Place::Scalar if is_scalar(byte) => {
                out.push(byte);
                return;
            }
            Place::Scalar => self.end_token(out),
            Place::Between => {}
        }
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                if !self.indent {
                    out.push(byte);
                }
            }
            b'{' | b'[' => {
                self.begin_value(out);
                if self.open.len() == DEEPEST {
                    self.verbatim = true;
                }
                out.push(byte);
                let container = if byte == b'{' { Container::Object } else { Container::Array };
                self.open.push(container);
                self.just_opened = true;
                self.key_expected = byte == b'{';
            }
            b'}' | b']' => {
                self.open.pop();
                if self.just_opened {
                    self.just_opened = false;
                } else {
                    self.new_line(out);
                }
                out.push(byte);
                self.key_expected = false;
                self.between_documents = self.open.is_empty();
            }
            b',' => {
                out.push(byte);
                self.new_line(out);
                self.key_expected = self.open.last() == Some(&Container::Object);
            }
            b':' => {
                out.push(byte);
                if self.indent {
                    out.push(b' ');
                }
                self.key_expected = false;
            }
            b'"' => {
                self.begin_value(out);
                let role = if self.key_expected { Role::Name } else { Role::Good };
                out.extend_from_slice(self.style.begin(role).as_bytes());
                out.push(byte);
                self.place = Place::String { escaped: false };
            }
            _ => {
                self.begin_value(out);
                let role = match byte {
                    b'0'..=b'9' | b'-' => Role::Notice,
                    _ => Role::Literal,
                };
                out.extend_from_slice(self.style.begin(role).as_bytes());
                out.push(byte);
                self.place = Place::Scalar;
            }
        }
    }

    fn begin_value(&mut self, out: &mut Vec<u8>) {
        if self.just_opened {
            self.just_opened = false;
            self.new_line(out);
        } else if self.between_documents {
            self.between_documents = false;
            self.new_line(out);
        }
    }

    fn end_token(&mut self, out: &mut Vec<u8>) {
        if self.place != Place::Between {
            out.extend_from_slice(self.style.end().as_bytes());
            self.place = Place::Between;
            self.between_documents = self.open.is_empty();
        }
    }

    fn new_line(&self, out: &mut Vec<u8>) {
        if self.indent {
            out.push(b'\n');
            out.resize(out.len() + 2 * self.open.len(), b' ');
        }
    }
}

fn is_scalar(byte: u8) -> bool {
    !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"')
}

/// Whether `text` is exactly one JSON value, at most [`DEEPEST`] levels deep.
///
/// RFC 8259.
///
/// # Errors
///
/// Where it stops being JSON and what was expected there.
pub(crate) fn check(text: &[u8]) -> Result<(), String> {
    let mut checker = Checker { text, at: 0 };
    let mut open: Vec<Container> = Vec::new();
    loop {
        // One turn reads one value, or opens a container; then closes what ends after it.
        checker.blanks();
        match checker.peek() {
            Some(bracket @ (b'{' | b'[')) => {
                if open.len() == DEEPEST {
                    return Err(checker.expected("fewer levels"));
                }
                checker.at += 1;
                checker.blanks();
                if checker.peek() != Some(if bracket == b'{' { b'}' } else { b']' }) {
                    if bracket == b'{' {
                        checker.key()?;
                        open.push(Container::Object);
                    } else {
                        open.push(Container::Array);
                    }
                    continue;
                }
                checker.at += 1;
            }
            Some(b'"') => checker.string()?,
            Some(b'-' | b'0'..=b'9') => checker.number()?,
            _ => checker.literal()?,
        }
        loop {
            checker.blanks();
            match (open.last(), checker.peek()) {
                (None, None) => return Ok(()),
                (None, Some(_)) => return Err(checker.expected("the end")),
                (Some(Container::Array), Some(b',')) => {
                    checker.at += 1;
                    break;
                }
                (Some(Container::Object), Some(b',')) => {
                    checker.at += 1;
                    checker.key()?;
                    break;
                }
                (Some(Container::Array), Some(b']')) | (Some(Container::Object), Some(b'}')) => {
                    checker.at += 1;
                    open.pop();
                }
                (Some(Container::Array), _) => return Err(checker.expected("',' or ']'")),
                (Some(Container::Object), _) => return Err(checker.expected("',' or '}'")),
            }
        }
    }
}

struct Checker<'a> {
    text: &'a [u8],
    at: usize,
}

impl Checker<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn expected(&self, what: &str) -> String {
        format!("byte {}: {what} was expected", self.at + 1)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn key(&mut self) -> Result<(), String> {
        self.blanks();
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key"));
        }
        self.string()?;
        self.blanks();
        if self.peek() != Some(b':') {
            return Err(self.expected("':'"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => match self.text.get(self.at + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
                    Some(b'u')
                        if self
                            .text
                            .get(self.at + 2..self.at + 6)
                            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) =>
                    {
                        self.at += 6;
                    }
                    _ => return Err(self.expected("an escape")),
                },
                Some(0..0x20) | None => return Err(self.expected("'\"'")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn number(&mut self) -> Result<(), String> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), String> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.expected("a digit"));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn literal(&mut self) -> Result<(), String> {
        for word in [&b"true"[..], b"false", b"null"] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(());
            }
        }
        Err(self.expected("a value"))
    }
}

/// Adds `text` to `out` as a JSON string, quotes included.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(style: Style, indent: bool, text: &[u8], step: usize) -> String {
        let mut formatter = Formatter::new(style, indent);
        let mut out = Vec::new();
        for chunk in text.chunks(step) {
            formatter.write(chunk, &mut out);
        }
        formatter.finish(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn white_space_is_all_that_changes() {
        for (text, expected) in [
            (r#"{}"#, "{}\n"),
            (r#"[ ]"#, "[]\n"),
            (
                r#"{"b":1.50,"a":[1e9,{"c":"x,y:{\"}"}],"d":{}}"#,
                "{\n  \"b\": 1.50,\n  \"a\": [\n    1e9,\n    {\n      \"c\": \"x,y:{\\\"}\"\n    }\n  ],\n  \"d\": {}\n}\n",
            ),
            ("12345678901234567890.0", "12345678901234567890.0\n"),
            (r#""\\""#, "\"\\\\\"\n"),
            ("{\"a\":1}\n{\"a\":2}\n", "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n"),
            ("1 2", "1\n2\n"),
            // Neither cut nor wrong text is an error.
            (r#"{"a":[1,"#, "{\n  \"a\": [\n    1,\n    \n"),
            ("]}<html>", "\n]\n}\n<html>\n"),
        ] {
            for step in 1..=text.len() {
                assert_eq!(
                    formatted(Style::PLAIN, true, text.as_bytes(), step),
                    expected,
                    "{step} {text}"
                );
            }
        }
    }

    #[test]
    fn without_indentation_every_byte_is_kept() {
        let text = "{ \"a\" : [ 1,\n2 ] }\n";
        assert_eq!(formatted(Style::PLAIN, false, text.as_bytes(), 3), text);
    }

    #[test]
    fn keys_strings_numbers_and_literals_have_their_colours() {
        assert_eq!(
            formatted(Style::new(true), false, br#"{"k":"s","l":[1,true]}"#, 5),
            "{\x1b[34m\"k\"\x1b[0m:\x1b[32m\"s\"\x1b[0m,\x1b[34m\"l\"\x1b[0m:\
             [\x1b[33m1\x1b[0m,\x1b[35mtrue\x1b[0m]}"
        );
    }

    #[test]
    fn what_nests_too_deep_goes_through_as_it_is() {
        let text = "[".repeat(100_000);
        let out = formatted(Style::PLAIN, true, text.as_bytes(), 4096);
        assert!(out.len() < 200_000, "{}", out.len());
        assert_eq!(out.bytes().filter(|byte| *byte == b'[').count(), 100_000);
    }

    #[test]
    fn the_checker_knows_json() {
        for text in [
            "0",
            "-0",
            "1.5e-7",
            "\"\"",
            r#""\u00e9\n""#,
            "true",
            " [ ] ",
            "{}",
            r#"{"a":[1,{"b":null}]}"#,
            "\"é\"",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
        for (text, expected) in [
            ("", "byte 1: a value was expected"),
            ("01", "byte 2: the end was expected"),
            ("1.", "byte 3: a digit was expected"),
            ("+1", "byte 1: a value was expected"),
            ("'a'", "byte 1: a value was expected"),
            ("\"a", "byte 3: '\"' was expected"),
            ("\"\n\"", "byte 2: '\"' was expected"),
            (r#""\x""#, "byte 2: an escape was expected"),
            (r#""\u12"#, "byte 2: an escape was expected"),
            ("[1,]", "byte 4: a value was expected"),
            ("[1 2]", "byte 4: ',' or ']' was expected"),
            ("{a:1}", "byte 2: a key was expected"),
            (r#"{"a" 1}"#, "byte 6: ':' was expected"),
            (r#"{"a":1,}"#, "byte 8: a key was expected"),
            ("[1}", "byte 3: ',' or ']' was expected"),
            ("1 1", "byte 3: the end was expected"),
        ] {
            assert_eq!(check(text.as_bytes()), Err(expected.to_owned()), "{text}");
        }
        assert!(check("[".repeat(129).as_bytes()).is_err());
        let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
        assert_eq!(check(deep.as_bytes()), Ok(()));
    }

    #[test]
    fn a_string_is_escaped() {
        let mut out = String::new();
        push_string(&mut out, "a\"\\\n\r\t\u{1}é");
        assert_eq!(out, r#""a\"\\\n\r\t\u0001é""#);
    }
}
