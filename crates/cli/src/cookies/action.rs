//! What `netreq cookies …` means: one action on one session.
//!
//! A function of what was typed. Whether a cookie may be set is the engine's rule; here only words are
//! refused that it would pass over in silence, since a slip of the hand must not change what a cookie is.

use std::path::PathBuf;

use url::Url;

use crate::exit::Failure;
use crate::high::FileTarget;
use crate::low::Low;
use crate::session::Purpose;
use crate::style::Style;
use crate::surroundings::Surroundings;
use crate::words::guess_url;

/// An action, the session it is for, and how its result is shown.
#[derive(Debug, PartialEq)]
pub(crate) struct CookiesTask {
    pub(super) session: String,
    pub(super) action: Action,
    pub(super) json: bool,
    /// Failures are told on standard error.
    pub(super) complain: bool,
    pub(super) stdout_is_terminal: bool,
    pub(super) style: Style,
}

/// What is done with the cookies.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    /// Of a request for the URL, or all.
    List(Option<Url>),
    /// A line of `Set-Cookie`, as if the URL had answered with it.
    Set {
        url: Url,
        line: String,
    },
    Remove {
        url: Url,
        name: String,
    },
    /// Of the site of the URL, or all.
    Clear(Option<Url>),
    /// `None` is standard input.
    Import(Option<PathBuf>),
    /// `None` is standard output.
    Export(Option<FileTarget>),
}

impl Action {
    /// What the files of the session are there for.
    pub(super) const fn purpose(&self) -> Purpose {
        match self {
            Self::List(_) | Self::Export(_) => Purpose::Read,
            Self::Set { .. } | Self::Remove { .. } | Self::Clear(_) | Self::Import(_) => {
                Purpose::Keep
            }
        }
    }
}

impl CookiesTask {
    /// What `low` means; its first word is `cookies`.
    ///
    /// # Errors
    ///
    /// A usage failure that names what is missing or cannot be read.
    pub(crate) fn from_low(
        low: Low,
        surroundings: Surroundings,
        style: Style,
    ) -> Result<Self, Failure> {
        if let Some((long, spelling)) = low.flags.iter().find(|flag| !FLAGS.contains(&flag.0)) {
            let hint = match *long {
                "output" | "download" => "; write netreq cookies export FILE",
                "data" | "data-binary" | "data-raw" | "header" => {
                    "; write netreq cookies set URL NAME=VALUE"
                }
                _ => "",
            };
            return Err(Failure::usage(format!(
                "{spelling} means nothing to netreq cookies{hint}"
            )));
        }
        let Some(session) = low.session else {
            return Err(Failure::usage("netreq cookies works on a session: write --session NAME"));
        };
        let words: Vec<&str> = low.words.iter().skip(1).map(String::as_str).collect();
        let file = |path: &str| (path != "-").then(|| PathBuf::from(path));
        let action = match words[..] {
            [] | ["list"] => Action::List(None),
            ["list", url] => Action::List(Some(guess_url(url)?)),
            ["set", url, pair, ref attributes @ ..] => {
                Action::Set { url: guess_url(url)?, line: set_cookie(pair, attributes)? }
            }
            ["remove", url, name] => Action::Remove { url: guess_url(url)?, name: name.to_owned() },
            ["clear"] => Action::Clear(None),
            ["clear", url] => Action::Clear(Some(guess_url(url)?)),
            ["import", path] => Action::Import(file(path)),
            ["export"] => Action::Export(None),
            ["export", path] => Action::Export(file(path).map(|path| FileTarget {
                path,
                resume: false,
                overwrite: low.overwrite,
            })),
            [action, ..] if let Some((_, form)) = FORMS.iter().find(|form| form.0 == action) => {
                return Err(Failure::usage(format!("write netreq cookies {form}")));
            }
            [url] if url == "localhost" || url.contains(['.', ':', '/']) => {
                Action::List(Some(guess_url(url)?))
            }
            [action, ..] => {
                return Err(Failure::usage(format!(
                    "netreq cookies has no action '{action}'; there are {}",
                    ACTIONS.join(", ")
                )));
            }
        };
        Ok(Self {
            session,
            action,
            json: low.json,
            complain: !low.silent || low.show_error,
            stdout_is_terminal: surroundings.stdout_is_terminal,
            style,
        })
    }
}

/// The flags that mean something here; the others are for a request.
pub(crate) const FLAGS: [&str; 6] =
    ["session", "json", "overwrite", "pretty", "silent", "show-error"];

/// The words of the actions.
pub(crate) const ACTIONS: [&str; FORMS.len()] = {
    let mut words = [""; FORMS.len()];
    let mut index = 0;
    while index < words.len() {
        words[index] = FORMS[index].0;
        index += 1;
    }
    words
};

/// The words of the actions, and what may follow each.
const FORMS: [(&str, &str); 6] = [
    ("list", "list [URL]"),
    ("set", "set URL NAME=VALUE [ATTRIBUTE ...]"),
    ("remove", "remove URL NAME"),
    ("clear", "clear [URL]"),
    ("import", "import FILE"),
    ("export", "export [FILE]"),
];

/// One line of `pair`, which may be a whole line of `Set-Cookie` already, and further attributes.
fn set_cookie(pair: &str, attributes: &[&str]) -> Result<String, Failure> {
    let line = match pair.split_once(':') {
        Some((name, rest)) if name.trim().eq_ignore_ascii_case("set-cookie") => rest.trim(),
        _ => pair,
    };
    // A server may send a value without a name. Typed, it is a name without a value. The word may be a
    // secret and is not repeated.
    if !line.split(';').next().is_some_and(|pair| pair.contains('=')) {
        return Err(Failure::usage("a cookie is written NAME=VALUE"));
    }
    for (index, word) in attributes.iter().enumerate() {
        for attribute in word.split(';') {
            check_attribute(attribute.trim(), index + 1)?;
        }
    }
    Ok([&[line], attributes].concat().join("; "))
}

/// Whether the engine would heed the attribute in the word of that number.
fn check_attribute(attribute: &str, number: usize) -> Result<(), Failure> {
    let (name, value) = match attribute.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (attribute, None),
    };
    let known = ATTRIBUTES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    match (known, value) {
        // After a semicolon at the end there is nothing.
        (None, None) if name.is_empty() => Ok(()),
        (None, _) => {
            let known: Vec<_> = ATTRIBUTES.iter().map(|known| known.0).collect();
            // The word may be the value, after a blank that was not meant.
            Err(Failure::usage(format!(
                "word {number} after the cookie is no attribute of one; there are {}",
                known.join(", ")
            )))
        }
        (Some((_, Value::None)), None) | (Some((_, Value::Any)), Some(_)) => Ok(()),
        (Some((known, Value::None)), Some(_)) => {
            Err(Failure::usage(format!("{known} takes no value")))
        }
        (Some((_, Value::OneOf(choices))), Some(value))
            if choices.iter().any(|choice| choice.eq_ignore_ascii_case(value)) =>
        {
            Ok(())
        }
        (Some((known, Value::OneOf(choices))), _) => {
            Err(Failure::usage(format!("{known} is one of {}", choices.join(", "))))
        }
        (Some((known, Value::Any)), None) => Err(Failure::usage(format!("{known} needs a value"))),
    }
}

/// Whether an attribute of `line` says when the cookie ends, rightly or wrongly.
pub(super) fn names_an_end(line: &str) -> bool {
    line.split(';').skip(1).any(|attribute| {
        let name = attribute.split('=').next().unwrap_or_default().trim();
        ENDS.iter().any(|end| end.eq_ignore_ascii_case(name))
    })
}

enum Value {
    None,
    Any,
    OneOf(&'static [&'static str]),
}

/// The attributes that mean something (RFC 6265bis §4.1.2, CHIPS, Chromium's `Priority`).
const ATTRIBUTES: [(&str, Value); 9] = [
    ("Expires", Value::Any),
    ("Max-Age", Value::Any),
    ("Domain", Value::Any),
    ("Path", Value::Any),
    ("Secure", Value::None),
    ("HttpOnly", Value::None),
    ("SameSite", Value::OneOf(&["Strict", "Lax", "None"])),
    ("Partitioned", Value::None),
    ("Priority", Value::OneOf(&["Low", "Medium", "High"])),
];

/// Those of them that say when a cookie ends.
const ENDS: [&str; 2] = ["Expires", "Max-Age"];

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::low;

    fn task(words: &[&str]) -> Result<CookiesTask, Failure> {
        let words = [&["cookies"], words].concat();
        let low = Low {
            words: words.into_iter().map(str::to_owned).collect(),
            session: Some("work".to_owned()),
            ..Low::default()
        };
        CookiesTask::from_low(low, Surroundings::default(), Style::PLAIN)
    }

    fn action(words: &[&str]) -> Action {
        task(words).unwrap_or_else(|failure| panic!("{words:?}: {failure}")).action
    }

    fn refused(words: &[&str]) -> String {
        task(words).unwrap_err().line
    }

    #[test]
    fn the_words_after_cookies_are_an_action_or_a_url() {
        let url = || Url::parse("https://a.test/").unwrap();
        for (words, expected) in [
            (&[][..], Action::List(None)),
            (&["list"], Action::List(None)),
            (&["list", "a.test"], Action::List(Some(url()))),
            (&["a.test"], Action::List(Some(url()))),
            (&["remove", "a.test", "n"], Action::Remove { url: url(), name: "n".into() }),
            (&["clear"], Action::Clear(None)),
            (&["clear", "a.test"], Action::Clear(Some(url()))),
            (&["import", "f"], Action::Import(Some("f".into()))),
            (&["import", "-"], Action::Import(None)),
            (&["export"], Action::Export(None)),
            (&["export", "-"], Action::Export(None)),
            (
                &["export", "f"],
                Action::Export(Some(FileTarget {
                    path: "f".into(),
                    resume: false,
                    overwrite: false,
                })),
            ),
        ] {
            assert_eq!(action(words), expected, "{words:?}");
        }
        for (words, expected) in [
            (&["set"][..], "write netreq cookies set URL NAME=VALUE [ATTRIBUTE ...]"),
            (&["remove", "a.test"], "write netreq cookies remove URL NAME"),
            (&["list", "a", "b"], "write netreq cookies list [URL]"),
            (&["import"], "write netreq cookies import FILE"),
            (
                &["lst"],
                "netreq cookies has no action 'lst'; there are list, set, remove, clear, import, export",
            ),
        ] {
            assert_eq!(refused(words), expected, "{words:?}");
        }
        let nameless = Low { words: vec!["cookies".to_owned()], ..Low::default() };
        assert_eq!(
            CookiesTask::from_low(nameless, Surroundings::default(), Style::PLAIN),
            Err(Failure::usage("netreq cookies works on a session: write --session NAME"))
        );
    }

    #[test]
    fn a_flag_that_means_nothing_here_is_named() {
        let task = |line: &str| {
            let words = ["cookies", "--session=work"].into_iter().chain(line.split(' '));
            let low = low::parse(words.map(OsString::from)).unwrap();
            CookiesTask::from_low(low, Surroundings::default(), Style::PLAIN)
        };
        assert!(task("export x --json --overwrite --pretty=none -sS").is_ok());
        for (line, expected) in [
            ("export -o x", "-o means nothing to netreq cookies; write netreq cookies export FILE"),
            (
                "--remote-name export",
                "--remote-name means nothing to netreq cookies; write netreq cookies export FILE",
            ),
            (
                "set a.test -d a=b",
                "-d means nothing to netreq cookies; write netreq cookies set URL NAME=VALUE",
            ),
            (
                "-H Cookie:a=b",
                "-H means nothing to netreq cookies; write netreq cookies set URL NAME=VALUE",
            ),
            ("clear -X POST", "-X means nothing to netreq cookies"),
            ("-v -k", "-v means nothing to netreq cookies"),
            ("list --listen :1", "--listen means nothing to netreq cookies"),
        ] {
            assert_eq!(task(line), Err(Failure::usage(expected)), "{line}");
        }
        for name in FLAGS {
            assert!(crate::flags::by_long(name).is_ok_and(|flag| flag.long == name), "{name}");
        }
    }

    #[test]
    fn a_cookie_is_a_pair_with_attributes_or_a_whole_line() {
        for (words, expected) in [
            (&["a=b"][..], "a=b"),
            (&["=b"], "=b"),
            (&["a=b; Secure; New"], "a=b; Secure; New"),
            (&["set-cookie: a=b; Path=/x"], "a=b; Path=/x"),
            (&["a=b", "Secure", "max-age=5"], "a=b; Secure; max-age=5"),
            (
                &["a=b", "SameSite=none", "Path=/x;HttpOnly;"],
                "a=b; SameSite=none; Path=/x;HttpOnly;",
            ),
        ] {
            let line = action(&[&["set", "a.test"], words].concat());
            let url = Url::parse("https://a.test/").unwrap();
            assert_eq!(line, Action::Set { url, line: expected.into() }, "{words:?}");
        }
        for (words, expected) in [
            (&["secret"][..], "a cookie is written NAME=VALUE"),
            (&["; a=b"], "a cookie is written NAME=VALUE"),
            (
                &["a=b", "Secur"],
                "word 1 after the cookie is no attribute of one; there are Expires, Max-Age, Domain, Path, \
                 Secure, HttpOnly, SameSite, Partitioned, Priority",
            ),
            (&["a=b", "Secure=yes"], "Secure takes no value"),
            (&["a=b", "Path"], "Path needs a value"),
            (&["a=b", "SameSite=lux"], "SameSite is one of Strict, Lax, None"),
            (&["a=b", "SameSite"], "SameSite is one of Strict, Lax, None"),
        ] {
            assert_eq!(refused(&[&["set", "a.test"], words].concat()), expected, "{words:?}");
        }
    }

    #[test]
    fn a_cookie_that_is_to_end_says_so_in_an_attribute() {
        for (line, expected) in [
            ("a=b; Max-Age=5", true),
            ("a=b;max-age = soon", true),
            ("a=b; Secure; EXPIRES=", true),
            ("a=b; Expires", true),
            ("a=b", false),
            ("Max-Age=5", false),
            ("a=b; Path=/Max-Age=5", false),
            ("a=b; Max-Ages=5", false),
        ] {
            assert_eq!(names_an_end(line), expected, "{line}");
        }
    }
}
