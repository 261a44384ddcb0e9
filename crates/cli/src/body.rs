//! The request's body: files are read or opened here, and text is put together.
//!
//! Small bodies become bytes. A single file (`--data-binary @file` too) and standard input stay streams,
//! so that memory is flat for any size. Standard input that is a file has a length; a pipe has none and goes out in chunks.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use crate::exit::Failure;
use crate::high::Body;
use crate::items::Value;
use crate::json;
use crate::low::{Data, DataKind};

/// A body that is ready to be sent.
#[derive(Debug)]
pub(crate) enum Loaded {
    /// No body.
    None,
    /// All of it.
    Bytes(Vec<u8>),
    /// A regular file, from its beginning: its length is known, and it can be read twice.
    File(File),
    /// Whatever it gives until its end.
    Stream(File),
}

/// Reads or opens what `body` names.
///
/// # Errors
///
/// A file that cannot be read, or holds something else than was promised.
pub(crate) fn load(body: &Body) -> Result<Loaded, Failure> {
    match body {
        Body::None => Ok(Loaded::None),
        Body::Json(fields) => json_object(fields).map(|text| Loaded::Bytes(text.into_bytes())),
        Body::Form(fields) => form(fields).map(|text| Loaded::Bytes(text.into_bytes())),
        Body::Data(parts) => match parts.as_slice() {
            [Data { kind: DataKind::Binary, text }] if text.starts_with('@') => {
                as_it_is(&text[1..])
            }
            parts => data(parts).map(Loaded::Bytes),
        },
        Body::File(path) => {
            File::open(path).and_then(open).map_err(|cause| Failure::file("read", path, &cause))
        }
        Body::Stdin => stdin()
            .and_then(open)
            .map_err(|cause| Failure::file("read", Path::new("standard input"), &cause)),
    }
}

fn open(mut file: File) -> io::Result<Loaded> {
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // Files of /proc say that they are empty, and are not. Standard input may stand anywhere.
    let has_length =
        metadata.is_file() && metadata.len() > 0 && file.stream_position().ok() == Some(0);
    if !has_length {
        return Ok(Loaded::Stream(file));
    }
    // A small one is cheaper in memory than on a thread that reads it.
    if metadata.len() <= SMALL {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        return Ok(Loaded::Bytes(bytes));
    }
    Ok(Loaded::File(file))
}

/// What alone makes the body of `--data-binary`: a file as it is.
///
/// What has no length is read to its end, since curl sends a length here.
fn as_it_is(path: &str) -> Result<Loaded, Failure> {
    if path == "-" { stdin() } else { File::open(path) }
        .and_then(open)
        .and_then(|loaded| match loaded {
            Loaded::Stream(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                Ok(Loaded::Bytes(bytes))
            }
            loaded => Ok(loaded),
        })
        .map_err(|cause| Failure::file("read", Path::new(path), &cause))
}

const SMALL: u64 = 64 * 1024;

/// Standard input without a buffer of ours.
fn stdin() -> io::Result<File> {
    #[cfg(unix)]
    let owned = std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned()?;
    #[cfg(windows)]
    let owned = std::os::windows::io::AsHandle::as_handle(&io::stdin()).try_clone_to_owned()?;
    Ok(File::from(owned))
}

fn json_object(fields: &[(String, Value)]) -> Result<String, Failure> {
    let mut out = String::from("{");
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        json::push_string(&mut out, name);
        out.push_str(": ");
        match value {
            Value::Text(text) => json::push_string(&mut out, text),
            Value::Json(text) => out.push_str(text),
            Value::TextFile(path) => json::push_string(&mut out, &text_of(path)?),
            Value::JsonFile(path) => {
                let text = text_of(path)?;
                json::check(text.as_bytes())
                    .map_err(|why| Failure::usage(format!("'{path}' holds no JSON: {why}")))?;
                out.push_str(text.trim());
            }
        }
    }
    out.push('}');
    Ok(out)
}

fn form(fields: &[(String, Value)]) -> Result<String, Failure> {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        match value {
            Value::Text(text) | Value::Json(text) => out.append_pair(name, text),
            Value::TextFile(path) | Value::JsonFile(path) => out.append_pair(name, &text_of(path)?),
        };
    }
    Ok(out.finish())
}

fn data(parts: &[Data]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        match (part.kind, part.text.strip_prefix('@')) {
            (DataKind::Raw, _) | (_, None) => out.extend_from_slice(part.text.as_bytes()),
            (DataKind::Binary, Some(path)) => out.append(&mut bytes_of(path)?),
            (DataKind::WithoutLineBreaks, Some(path)) => {
                // curl leaves out NUL too.
                let bytes = bytes_of(path)?;
                out.extend(bytes.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
            }
        }
    }
    Ok(out)
}

fn text_of(path: &str) -> Result<String, Failure> {
    String::from_utf8(bytes_of(path)?)
        .map_err(|_| Failure::usage(format!("'{path}' is not UTF-8 text")))
}

fn bytes_of(path: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == "-" {
        io::stdin().lock().read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|cause| Failure::file("read", Path::new(path), &cause))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn bytes(body: &Body) -> String {
        match load(body).unwrap() {
            Loaded::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn text(name: &str, value: &str) -> (String, Value) {
        (name.into(), Value::Text(value.into()))
    }

    #[test]
    fn fields_become_an_object_in_their_order() {
        let fields = vec![
            text("b", "é\"\n"),
            ("a".into(), Value::Json("1.50".into())),
            ("c".into(), Value::Json("[null]".into())),
        ];
        assert_eq!(bytes(&Body::Json(fields)), r#"{"b": "é\"\n", "a": 1.50, "c": [null]}"#);
    }

    #[test]
    fn fields_become_a_form() {
        assert_eq!(
            bytes(&Body::Form(vec![text("a b", "1&2"), text("c", "é")])),
            "a+b=1%262&c=%C3%A9"
        );
    }

    #[test]
    fn data_is_joined_and_files_are_read_by_kind() {
        let path = std::env::temp_dir().join(format!("netreq-body-{}", std::process::id()));
        std::fs::write(&path, "one\r\ntwo\n").unwrap();
        let part = |kind, text: String| Data { text, kind };
        let at = format!("@{}", path.display());
        let body = Body::Data(vec![
            part(DataKind::WithoutLineBreaks, "a=1".into()),
            part(DataKind::WithoutLineBreaks, at.clone()),
            part(DataKind::Binary, at),
            part(DataKind::Raw, "@x".into()),
        ]);
        assert_eq!(bytes(&body), "a=1&onetwo&one\r\ntwo\n&@x");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_large_file_stays_a_file_when_it_is_the_whole_of_the_data() {
        let path = std::env::temp_dir().join(format!("netreq-body-large-{}", std::process::id()));
        let part = |text: String| Data { text, kind: DataKind::Binary };
        let at = part(format!("@{}", path.display()));
        std::fs::write(&path, vec![b'x'; SMALL as usize + 1]).unwrap();
        let alone = load(&Body::Data(vec![at.clone()])).unwrap();
        assert!(matches!(alone, Loaded::File(_)), "{alone:?}");
        assert_eq!(
            bytes(&Body::Data(vec![part("a".into()), at.clone()])).len(),
            SMALL as usize + 3
        );
        std::fs::write(&path, "").unwrap();
        assert_eq!(bytes(&Body::Data(vec![at])), "");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        for body in [
            Body::Data(vec![Data { text: "@/nonexistent/f".into(), kind: DataKind::Binary }]),
            Body::File("/nonexistent/f".into()),
            Body::Json(vec![("a".into(), Value::TextFile("/nonexistent/f".into()))]),
        ] {
            let failure = load(&body).unwrap_err();
            assert_eq!(failure.exit, Exit::File);
            assert!(failure.line.starts_with("cannot read /nonexistent/f: "), "{failure}");
        }
        assert_eq!(load(&Body::File(std::env::temp_dir())).unwrap_err().exit, Exit::File);
    }
}
