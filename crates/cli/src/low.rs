//! What was typed: flags into a plain struct, words in their order.
//!
//! No meaning, no I/O: `high.rs` decides what a combination stands for. Flags are looked up in
//! `flags.rs` and may stand anywhere; `--` ends them. `-abc` is `-a -b -c`, and the rest of a bundle is
//! the value of the first flag in it that takes one.

use std::ffi::OsString;
use std::time::Duration;

use crate::exit::Failure;
use crate::flags::{self, Flag, Takes};

/// The command line, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Low {
    /// Everything that is no flag.
    pub(crate) words: Vec<String>,
    /// The flags in their order: the name in the table, and the spelling.
    pub(crate) flags: Vec<(&'static str, String)>,
    /// Something to print instead of a request.
    pub(crate) print: Option<Print>,
    pub(crate) method: Option<String>,
    pub(crate) head: bool,
    /// Fields as `Name: value`, `Name;` or `Name:`.
    pub(crate) headers: Vec<String>,
    pub(crate) data: Vec<Data>,
    pub(crate) form: bool,
    pub(crate) user: Option<String>,
    pub(crate) redirect: Redirect,
    pub(crate) no_decode: bool,
    pub(crate) expect_continue: Option<Duration>,
    /// The name of a session on disk; not empty.
    pub(crate) session: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) ca: Vec<String>,
    pub(crate) insecure: bool,
    pub(crate) unix_socket: Option<String>,
    pub(crate) resolve: Vec<String>,
    pub(crate) doh_url: Vec<String>,
    pub(crate) output: Option<String>,
    pub(crate) download: bool,
    pub(crate) resume: bool,
    pub(crate) overwrite: bool,
    pub(crate) verbose: bool,
    pub(crate) include: bool,
    pub(crate) silent: bool,
    pub(crate) show_error: bool,
    pub(crate) check_status: bool,
    pub(crate) timing: bool,
    pub(crate) json: bool,
    pub(crate) pretty: Option<Pretty>,
    pub(crate) listen: Option<String>,
}

/// Something to print instead of making a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Print {
    BriefHelp,
    Help,
    /// The part of the help that is about `netreq cookies`.
    CookiesHelp,
    Version,
    Generated(Generated),
}

/// A file that is made from the flag table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generated {
    Man,
    Bash,
    Zsh,
    Fish,
    PowerShell,
}

/// One `-d`, `--data-binary` or `--data-raw`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Data {
    pub(crate) text: String,
    pub(crate) kind: DataKind,
}

/// How the text of a [`Data`] is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataKind {
    /// `@file` is read, without its line breaks.
    WithoutLineBreaks,
    /// `@file` is read as it is.
    Binary,
    /// A leading `@` means nothing.
    Raw,
}

/// What is done with a redirect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Redirect {
    #[default]
    Follow,
    Error,
    Manual,
}

/// The time limits that were typed; zero is no limit at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) connect: Option<Duration>,
    pub(crate) tls: Option<Duration>,
    pub(crate) first_byte: Option<Duration>,
    pub(crate) idle: Option<Duration>,
    pub(crate) total: Option<Duration>,
}

/// What `--pretty` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pretty {
    All,
    Colors,
    Format,
    None,
}

/// Reads `arguments`, the name of the program not among them.
///
/// # Errors
///
/// A usage failure for an unknown flag, a missing value, or an argument that is not UTF-8.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Low, Failure> {
    let mut low = Low::default();
    // It may be a secret and is not repeated.
    let mut arguments = (1..).zip(arguments).map(|(number, argument): (usize, OsString)| {
        let text = argument.into_string();
        text.map_err(|_| Failure::usage(format!("argument {number} is not UTF-8")))
    });
    let mut flags_ended = false;
    while let Some(argument) = arguments.next() {
        let argument = argument?;
        if flags_ended || argument == "-" || !argument.starts_with('-') {
            low.words.push(argument);
        } else if argument == "--" {
            flags_ended = true;
        } else if let Some(long) = argument.strip_prefix("--") {
            let (name, attached) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            let flag = flags::by_long(name)?;
            let spelling = format!("--{name}");
            let value = match (flag.takes.value_name(), attached) {
                (None, None) => String::new(),
                (None, Some(_)) => {
                    return Err(Failure::usage(format!("{spelling} takes no value")));
                }
                (Some(_), Some(value)) => value.to_owned(),
                (Some(value_name), None) => next_value(&mut arguments, &spelling, value_name)?,
            };
            apply(flag, &mut low, &spelling, &value)?;
        } else {
            let mut rest = argument[1..].chars();
            while let Some(short) = rest.next() {
                let flag = flags::by_short(short)?;
                let spelling = format!("-{short}");
                let Some(value_name) = flag.takes.value_name() else {
                    apply(flag, &mut low, &spelling, "")?;
                    continue;
                };
                let value = match rest.as_str() {
                    "" => next_value(&mut arguments, &spelling, value_name)?,
                    attached => attached.to_owned(),
                };
                apply(flag, &mut low, &spelling, &value)?;
                break;
            }
        }
    }
    Ok(low)
}

fn next_value(
    arguments: &mut impl Iterator<Item = Result<String, Failure>>,
    spelling: &str,
    value_name: &str,
) -> Result<String, Failure> {
    match arguments.next() {
        Some(value) => value,
        None => Err(Failure::usage(format!("{spelling} needs a value: {value_name}"))),
    }
}

fn apply(flag: &Flag, low: &mut Low, spelling: &str, value: &str) -> Result<(), Failure> {
    if let Takes::OneOf(_, choices) = flag.takes
        && !choices.contains(&value)
    {
        let choices = choices.join(", ");
        return Err(Failure::usage(format!("{spelling} is one of {choices}, not '{value}'")));
    }
    low.flags.push((flag.long, spelling.to_owned()));
    (flag.apply)(low, value).map_err(|why| Failure::usage(format!("{spelling} '{value}': {why}")))
}

/// A time as typed: seconds with or without a fraction, or a number with `ms`, `s` or `m`.
///
/// # Errors
///
/// What was wrong, for the user.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(split) => text.split_at(split),
        None => (text, "s"),
    };
    let scale = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => f64::NAN,
    };
    // `f64` also reads "inf", "nan" and signs; none of them is a time.
    let seconds = match number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        true => number.parse::<f64>().unwrap_or(f64::NAN) * scale,
        false => f64::NAN,
    };
    if seconds > LONGEST_SECONDS {
        return Err("nobody waits that long; 0 is no limit".to_owned());
    }
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| "write seconds, or a number with ms, s or m".to_owned())
}

/// A year: clocks can add it without running over.
const LONGEST_SECONDS: f64 = 365.0 * 24.0 * 3600.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn parsed(line: &[&str]) -> Low {
        parse(line.iter().map(OsString::from)).unwrap()
    }

    fn refused(line: &[&str]) -> String {
        let failure = parse(line.iter().map(OsString::from)).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        failure.line
    }

    #[test]
    fn a_line_of_curl_is_understood() {
        let low = parsed(&[
            "-sSL",
            "-XPUT",
            "-H",
            "A: 1",
            "-HB: 2",
            "-d",
            "x=1",
            "-o",
            "out",
            "-u",
            "me:secret",
            "-k",
            "--cacert",
            "ca.pem",
            "--max-time",
            "2.5",
            "--resolve",
            "a:80:127.0.0.1",
            "-i",
            "http://a/",
        ]);
        let flags: Vec<_> = low.flags.iter().map(|(long, spelling)| (*long, &**spelling)).collect();
        assert_eq!(
            flags[..4],
            [("silent", "-s"), ("show-error", "-S"), ("location", "-L"), ("method", "-X")]
        );
        assert_eq!(flags[10], ("ca", "--cacert"));
        assert_eq!(
            low,
            Low {
                words: vec!["http://a/".into()],
                flags: low.flags.clone(),
                method: Some("PUT".into()),
                headers: vec!["A: 1".into(), "B: 2".into()],
                data: vec![Data { text: "x=1".into(), kind: DataKind::WithoutLineBreaks }],
                user: Some("me:secret".into()),
                limits: Limits { total: Some(Duration::from_millis(2500)), ..Limits::default() },
                ca: vec!["ca.pem".into()],
                insecure: true,
                resolve: vec!["a:80:127.0.0.1".into()],
                output: Some("out".into()),
                include: true,
                silent: true,
                show_error: true,
                ..Low::default()
            }
        );
    }

    #[test]
    fn flags_stand_anywhere_until_two_dashes() {
        let low = parsed(&["GET", "-v", "a", "--", "-x=1", "--timing"]);
        assert_eq!(low.words, ["GET", "a", "-x=1", "--timing"]);
        assert!(low.verbose && !low.timing);
        assert_eq!(parsed(&["-o", "-", "-"]).words, ["-"]);
    }

    #[test]
    fn the_last_of_a_repeated_flag_holds() {
        assert_eq!(parsed(&["-X", "A", "--method=B"]).method.as_deref(), Some("B"));
        assert_eq!(parsed(&["--redirect", "error", "-L"]).redirect, Redirect::Follow);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (line, expected) in [
            (&["--nonsense"][..], "there is no flag --nonsense"),
            (&["--redirct=error"], "there is no flag --redirct; did you mean --redirect?"),
            (&["-sQ"], "there is no flag -Q"),
            (&["-o"], "-o needs a value: FILE"),
            (&["--ca"], "--ca needs a value: FILE"),
            (&["--timing=1"], "--timing takes no value"),
            (&["--redirect", "x"], "--redirect is one of follow, error, manual, not 'x'"),
            (&["-m", "-1"], "-m '-1': write seconds, or a number with ms, s or m"),
            (&["-x", "http://p:1"], "-x: a proxy chosen by hand is not there yet"),
            (&["--session="], "--session '': a session has a name"),
            (&["--session", "persist:x"], "--session 'persist:x': write the name alone: x"),
            (
                &["--partition=x"],
                "--partition: write --session NAME, which is the partition persist:NAME",
            ),
        ] {
            assert_eq!(refused(line), expected, "{line:?}");
        }
    }

    #[test]
    fn the_letter_that_curl_and_httpie_read_differently_is_refused() {
        assert_eq!(
            refused(&["-fsSL", "a"]),
            "-f: it is --form in httpie and --fail in curl: write --form or --check-status"
        );
    }

    #[test]
    fn a_time_is_seconds_or_has_a_unit() {
        for (text, expected) in [
            ("2", Duration::from_secs(2)),
            ("0.25", Duration::from_millis(250)),
            ("300ms", Duration::from_millis(300)),
            ("3s", Duration::from_secs(3)),
            ("2m", Duration::from_secs(120)),
            ("0", Duration::ZERO),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "s",
            "1h",
            "-1",
            "nan",
            "inf",
            "1e9",
            "1.2.3",
            "31536001",
            "99999999999999999999999",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_argument_that_is_not_text_is_named_by_its_number() {
        use std::os::unix::ffi::OsStringExt;
        for (before, expected) in [
            (&[][..], "argument 1 is not UTF-8"),
            (&["-u"], "argument 2 is not UTF-8"),
            (&["cookies", "set", "a.test"], "argument 4 is not UTF-8"),
        ] {
            let bad = OsString::from_vec(b"secret\xff".to_vec());
            let line = before.iter().map(OsString::from).chain([bad]);
            assert_eq!(parse(line).unwrap_err(), Failure::usage(expected), "{before:?}");
        }
    }
}
