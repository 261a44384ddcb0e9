//! What the user sees of a response: heads, the body, and the object of `--json`.
//!
//! Bodies in a pipe pass through untouched and unbuffered. On a terminal JSON is formatted, bytes that
//! are no text are held back, and control characters in a head cannot move the cursor. Nothing here
//! knows the engine: bytes and plain values come in.

use std::fs::File;
use std::io::{self, Write};

use crate::json::{self, Formatter};
use crate::style::{Role, Style};

/// Standard output without Rust's line buffering, which would look for line breaks in every body.
///
/// # Errors
///
/// Standard output is closed.
pub(crate) fn stdout() -> io::Result<File> {
    #[cfg(unix)]
    let owned = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?;
    #[cfg(windows)]
    let owned = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned()?;
    Ok(File::from(owned))
}

/// Writes all of `bytes`.
///
/// Whoever shares standard output with us may have made it non-blocking; then a full pipe is waited
/// for, since half a body would be worse.
///
/// # Errors
///
/// As the write.
pub(crate) fn write_all(out: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

/// How a body is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyView {
    /// It is read by a person.
    pub(crate) on_terminal: bool,
    /// JSON is indented.
    pub(crate) indent: bool,
    /// JSON is painted.
    pub(crate) style: Style,
}

/// A body on its way to `out`.
#[derive(Debug)]
pub(crate) struct BodyWriter<W> {
    out: W,
    view: BodyView,
    is_json: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing has come yet.
    Undecided,
    Plain {
        ends_in_line_break: bool,
    },
    Json {
        formatter: Formatter,
        buffer: Vec<u8>,
    },
    /// No text; only counted.
    HeldBack(u64),
}

impl<W: Write> BodyWriter<W> {
    /// A writer for a body of that `Content-Type`.
    pub(crate) fn new(out: W, view: BodyView, content_type: Option<&str>) -> Self {
        let is_json = (view.indent || view.style.is_on()) && content_type.is_some_and(is_json);
        Self { out, view, is_json, state: State::Undecided }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// As the write beneath.
    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        if matches!(self.state, State::Undecided) {
            self.state = self.decide(piece);
        }
        match &mut self.state {
            State::Undecided => Ok(()),
            State::Plain { ends_in_line_break } => {
                *ends_in_line_break = piece.ends_with(b"\n");
                write_all(&mut self.out, piece)
            }
            State::Json { formatter, buffer } => {
                buffer.clear();
                formatter.write(piece, buffer);
                write_all(&mut self.out, buffer)
            }
            State::HeldBack(count) => {
                *count += piece.len() as u64;
                Ok(())
            }
        }
    }

    /// Ends the body; the bytes that were held back are counted in the answer.
    ///
    /// # Errors
    ///
    /// As the write beneath.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        match self.state {
            State::Undecided => Ok(0),
            State::Plain { ends_in_line_break } => {
                // The shell's prompt would follow on the same line.
                if self.view.on_terminal && !ends_in_line_break {
                    write_all(&mut self.out, b"\n")?;
                }
                Ok(0)
            }
            State::Json { formatter, mut buffer } => {
                buffer.clear();
                formatter.finish(&mut buffer);
                write_all(&mut self.out, &buffer).map(|()| 0)
            }
            State::HeldBack(count) => Ok(count),
        }
    }

    fn decide(&self, first: &[u8]) -> State {
        if self.view.on_terminal && first[..first.len().min(1024)].contains(&0) {
            State::HeldBack(0)
        } else if self.is_json {
            let formatter = Formatter::new(self.view.style, self.view.indent);
            State::Json { formatter, buffer: Vec::new() }
        } else {
            State::Plain { ends_in_line_break: false }
        }
    }
}

/// Whether a `Content-Type` is one of JSON's (RFC 6839 §3.1, and the kinds with a value on each line).
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    matches!(
        essence.as_str(),
        "application/json" | "text/json" | "application/x-ndjson" | "application/jsonl"
    ) || essence.ends_with("+json")
}

/// Adds a head to `out`: as it is where nobody looks at it, painted and made harmless on a terminal.
pub(crate) fn push_head(out: &mut Vec<u8>, head: &[u8], style: Style, on_terminal: bool) {
    if !on_terminal && !style.is_on() {
        out.extend_from_slice(head);
        return;
    }
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        // A field's name ends at a colon and has no blanks; the first line has one before any colon.
        let name_ends = line.iter().position(|byte| matches!(byte, b':' | b' '));
        let (role, split) = match name_ends {
            Some(at) if line[at] == b':' => (Role::Name, at),
            _ => (Role::Strong, text_length(line)),
        };
        if split > 0 {
            out.extend_from_slice(style.begin(role).as_bytes());
            push_visible(out, &line[..split], on_terminal);
            out.extend_from_slice(style.end().as_bytes());
        }
        push_visible(out, &line[split..], on_terminal);
    }
}

fn text_length(line: &[u8]) -> usize {
    line.len() - line.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

fn push_visible(out: &mut Vec<u8>, bytes: &[u8], on_terminal: bool) {
    for &byte in bytes {
        match byte {
            b'\t' | b'\r' | b'\n' => out.push(byte),
            0..0x20 | 0x7f if on_terminal => {
                out.push(b'^');
                out.push(byte ^ 0x40);
            }
            _ => out.push(byte),
        }
    }
}

/// A JSON object on one line, put together member by member.
#[derive(Debug)]
pub(crate) struct ObjectLine {
    text: String,
}

impl ObjectLine {
    /// An object without members.
    pub(crate) fn new() -> Self {
        Self { text: "{".to_owned() }
    }

    /// Adds a member whose value is JSON already.
    pub(crate) fn raw(&mut self, name: &str, value: &str) -> &mut Self {
        if self.text.len() > 1 {
            self.text.push_str(", ");
        }
        json::push_string(&mut self.text, name);
        self.text.push_str(": ");
        self.text.push_str(value);
        self
    }

    /// Adds a string.
    pub(crate) fn string(&mut self, name: &str, value: &str) -> &mut Self {
        self.raw(name, &quoted(value))
    }

    /// Adds a string, or `null`.
    pub(crate) fn optional(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.string(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// The object.
    pub(crate) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    json::push_string(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: BodyView = BodyView { on_terminal: false, indent: false, style: Style::PLAIN };
    const TERMINAL: BodyView = BodyView { on_terminal: true, indent: true, style: Style::PLAIN };

    fn shown(view: BodyView, content_type: Option<&str>, pieces: &[&[u8]]) -> (Vec<u8>, u64) {
        let mut out = Vec::new();
        let mut writer = BodyWriter::new(&mut out, view, content_type);
        for piece in pieces {
            writer.write(piece).unwrap();
        }
        let held_back = writer.finish().unwrap();
        (out, held_back)
    }

    #[test]
    fn a_pipe_gets_every_byte() {
        for pieces in [&[&b"{\"a\":1}"[..]][..], &[b"\0\xff", b"", b"\x1b[2J"], &[]] {
            assert_eq!(shown(PIPE, Some("application/json"), pieces), (pieces.concat(), 0));
        }
    }

    #[test]
    fn a_terminal_gets_formatted_json_and_closed_lines() {
        let json = Some("application/problem+json; charset=utf-8");
        assert_eq!(
            shown(TERMINAL, json, &[b"{\"a\"", b":1}"]),
            (b"{\n  \"a\": 1\n}\n".to_vec(), 0)
        );
        assert_eq!(shown(TERMINAL, Some("text/plain"), &[b"a"]), (b"a\n".to_vec(), 0));
        assert_eq!(shown(TERMINAL, Some("text/plain"), &[b"a\n"]), (b"a\n".to_vec(), 0));
        assert_eq!(shown(TERMINAL, json, &[]), (vec![], 0));
    }

    #[test]
    fn a_terminal_is_spared_what_is_no_text() {
        assert_eq!(shown(TERMINAL, None, &[b"\x7fELF\0", b"more"]), (vec![], 9));
    }

    #[test]
    fn a_head_is_verbatim_in_a_pipe_and_harmless_on_a_terminal() {
        let head = b"HTTP/1.1 200 OK\r\nA: b\x1b[2J\r\n\r\n";
        let mut out = Vec::new();
        push_head(&mut out, head, Style::PLAIN, false);
        assert_eq!(out, head);
        out.clear();
        push_head(&mut out, head, Style::new(true), true);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\x1b[1mHTTP/1.1 200 OK\x1b[0m\r\n\x1b[34mA\x1b[0m: b^[[2J\r\n\r\n"
        );
    }

    #[test]
    fn an_object_is_one_line() {
        let mut object = ObjectLine::new();
        object.string("a", "x\n").raw("b", "[1]").optional("c", None);
        assert_eq!(object.end(), r#"{"a": "x\n", "b": [1], "c": null}"#);
    }

    #[test]
    fn json_is_known_by_its_type() {
        for (content_type, expected) in [
            ("application/json", true),
            ("Application/JSON;charset=x", true),
            ("application/vnd.api+json", true),
            ("application/jsonp", false),
            ("text/html", false),
        ] {
            assert_eq!(is_json(content_type), expected, "{content_type}");
        }
    }
}
