//! The words of help, and the sentences that the man page shares with it.
//!
//! Flags, commands and exit codes come from their tables; only what has no table is written here.

use std::fmt::Write;

use crate::cookies::FLAGS as COOKIES_FLAGS;
use crate::exit;
use crate::flags::{COMMANDS, Category, FLAGS, Flag};
use crate::low::{Generated, Print};
use crate::{complete, man};

/// The text that `print` asks for.
pub(crate) fn text(print: Print) -> String {
    match print {
        Print::BriefHelp => brief(),
        Print::Help => long(),
        Print::CookiesHelp => cookies(),
        Print::Version => format!("netreq {}\n", env!("CARGO_PKG_VERSION")),
        Print::Generated(Generated::Man) => man::page(),
        Print::Generated(Generated::Bash) => complete::bash(),
        Print::Generated(Generated::Zsh) => complete::zsh(),
        Print::Generated(Generated::Fish) => complete::fish(),
        Print::Generated(Generated::PowerShell) => complete::powershell(),
    }
}

/// What `netreq cookies --help` prints.
fn cookies() -> String {
    let mut out = format!("Usage:\n  {}\n", USAGE[1]);
    add_actions(&mut out);
    out.push_str("\nFlags:\n");
    for flag in FLAGS.iter().filter(|flag| COOKIES_FLAGS.contains(&flag.long)) {
        let _ = writeln!(out, "  {:<34}{}", spelling(flag), flag.brief);
    }
    out.push_str("\nnetreq --help says more.\n");
    out
}

/// One sentence about the command.
pub(crate) const ABOUT: &str = "Make an HTTP request as Electron's net makes it.";

/// What can be written, one form a line.
pub(crate) const USAGE: [&str; 4] = [
    "netreq [FLAGS] [METHOD] URL [ITEM ...]",
    "netreq cookies [ACTION] --session NAME [WORD ...]",
    "netreq demo",
    "netreq serve [--listen ADDRESS:PORT]",
];

/// How a URL is read.
pub(crate) const URLS: &str = "A URL without a scheme is https; localhost, loopback addresses and :PORT \
    are http. The word of a command wins over a host of that name; write demo/ for the host. The method \
    is GET, or POST with a body.";

/// The items and their meaning.
pub(crate) const ITEMS: [(&str, &str); 9] = [
    ("Name:value", "a header field; Name; sends it empty, Name: leaves out the default one"),
    ("name==value", "a pair of the query"),
    ("name=value", "a field of the JSON body, a string; with --form a field of the form"),
    ("name:=json", "a field of the JSON body, as it is: numbers, true, [1, 2]"),
    ("name=@file", "a string from a file"),
    ("name:=@file", "JSON from a file"),
    ("@file", "the whole body from a file"),
    ("@-", "the whole body from standard input, which is read only then"),
    ("\\", "before a separator takes it for a letter of the name"),
];

/// What follows `netreq cookies`, and its meaning.
pub(crate) const COOKIES: [(&str, &str); 6] = [
    (
        "[list] [URL]",
        "show them all, or those that a request for URL carries; --json as Electron does",
    ),
    (
        "set URL NAME=VALUE [ATTRIBUTE ...]",
        "set one: Secure, Max-Age=3600, or a line of Set-Cookie",
    ),
    ("remove URL NAME", "remove those of this name that a request for URL carries"),
    ("clear [URL]", "remove them all, or those of the site of URL"),
    (
        "import FILE",
        "take them from a file of curl, of export, of Playwright's storage state, or from the file \
         Cookies of a profile of Electron or Chromium, where it is not encrypted; - is standard input, \
         which no list of processes shows, and which cannot be a database",
    ),
    (
        "export [FILE]",
        "write them as curl does, without those that are partitioned, or all with --json; for their \
         owner alone",
    ),
];

/// Environment variables and their meaning.
pub(crate) const ENVIRONMENT: [(&str, &str); 4] = [
    (
        "NETREQ_DATA_DIR",
        "the folder of sessions, instead of netreq/netreq in the system's for data",
    ),
    ("NO_COLOR", "no colour, if it is not empty"),
    (
        "CLICOLOR_FORCE",
        "colour for heads and messages even in a pipe, if it is neither empty nor 0",
    ),
    ("SSLKEYLOGFILE", "a file to which the secrets of TLS connections are written"),
];

/// What is printed where.
pub(crate) const STREAMS: &str = "The body goes to standard output: indented and coloured JSON on a \
    terminal, byte for byte in a pipe. Everything else goes to standard error.";

/// Lines to try.
pub(crate) const EXAMPLES: [(&str, &str); 7] = [
    ("netreq example.org", "ask https://example.org/ with GET"),
    ("netreq :3000/users name=Ada admin:=true", "POST JSON to a server on this machine"),
    ("netreq PUT example.org/f @f.json X-Trace:7", "send a file, with a header field"),
    ("tar c . | netreq example.org/upload @-", "send standard input"),
    ("netreq -O --continue example.org/big.iso", "download, or go on with a download"),
    ("netreq --session work example.org", "send and keep the cookies of the session work"),
    ("netreq -v --timing example.org", "see both heads and where the time went"),
];

fn brief() -> String {
    let mut out = format!("netreq {}\n{ABOUT}\n\nUsage:\n", env!("CARGO_PKG_VERSION"));
    for usage in USAGE {
        let _ = writeln!(out, "  {usage}");
    }
    out.push_str("\nItems: Name:value  name=value  name:=json  name==value  @file  @-\n");
    for category in Category::ALL {
        let _ = writeln!(out, "\n{}:", category.title());
        for flag in FLAGS.iter().filter(|flag| flag.category == category) {
            let _ = writeln!(out, "  {:<34}{}", spelling(flag), flag.brief);
        }
    }
    out.push_str("\nnetreq --help says more.\n");
    out
}

fn long() -> String {
    let mut out = format!("netreq {}\n{ABOUT}\n\nUsage:\n", env!("CARGO_PKG_VERSION"));
    for usage in USAGE {
        let _ = writeln!(out, "  {usage}");
    }
    out.push('\n');
    wrap(&mut out, 0, URLS);
    out.push('\n');
    wrap(&mut out, 0, STREAMS);
    out.push_str("\nCommands:\n");
    for command in COMMANDS {
        let _ = writeln!(out, "  {:<14}{}", command.word, command.brief);
    }
    out.push_str("\nItems:\n");
    for (form, meaning) in ITEMS {
        let _ = writeln!(out, "  {form:<14}{meaning}");
    }
    add_actions(&mut out);
    for category in Category::ALL {
        let _ = write!(out, "\n{}:\n", category.title());
        for flag in FLAGS.iter().filter(|flag| flag.category == category) {
            let _ = writeln!(out, "  {}", spelling(flag));
            wrap(&mut out, 6, flag.detail);
            if !flag.also.is_empty() {
                wrap(&mut out, 6, &format!("Also spelled {}.", other_spellings(flag)));
            }
        }
    }
    out.push_str("\nExit codes:\n");
    for (code, meaning) in exit::TABLE {
        let _ = writeln!(out, "  {:<4}{meaning}", *code as u8);
    }
    out.push_str("\nEnvironment:\n");
    for (name, meaning) in ENVIRONMENT {
        let _ = writeln!(out, "  {name:<16}{meaning}");
    }
    out.push_str("\nExamples:\n");
    for (line, meaning) in EXAMPLES {
        let _ = writeln!(out, "  {line:<44}{meaning}");
    }
    out
}

fn add_actions(out: &mut String) {
    out.push_str("\nActions of netreq cookies:\n");
    for (form, meaning) in COOKIES {
        let _ = writeln!(out, "  {form}");
        wrap(out, 6, meaning);
    }
}

/// A flag as help spells it: `-o, --output FILE`.
fn spelling(flag: &Flag) -> String {
    let short = flag.short.map_or_else(|| "    ".to_owned(), |short| format!("-{short}, "));
    match flag.takes.value_name() {
        Some(value) => format!("{short}--{} {value}", flag.long),
        None => format!("{short}--{}", flag.long),
    }
}

/// The other long names of a flag, as text.
pub(crate) fn other_spellings(flag: &Flag) -> String {
    flag.also.iter().map(|also| format!("--{also}")).collect::<Vec<_>>().join(", ")
}

/// Adds `text` in lines of at most 80 columns.
fn wrap(out: &mut String, indent: usize, text: &str) {
    let mut column = 0;
    for word in text.split_whitespace() {
        if column > 0 && column + 1 + word.len() > 80 {
            out.push('\n');
            column = 0;
        }
        if column == 0 {
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.len();
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_helps_name_every_flag_and_stay_narrow() {
        for line in cookies().lines() {
            assert!(line.chars().count() <= 90, "{line}");
        }
        for (text, limit) in [(brief(), 90), (long(), 100)] {
            for flag in FLAGS {
                assert!(text.contains(&format!("--{}", flag.long)), "--{}", flag.long);
            }
            for line in text.lines() {
                assert!(line.chars().count() <= limit, "{line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }

    #[test]
    fn the_help_of_cookies_has_its_actions_and_its_flags_only() {
        let help = cookies();
        for (form, _) in COOKIES {
            assert!(help.contains(&format!("\n  {form}\n")), "{form}");
        }
        for flag in FLAGS {
            let expected = COOKIES_FLAGS.contains(&flag.long);
            assert_eq!(help.contains(&spelling(flag)), expected, "--{}", flag.long);
        }
    }

    #[test]
    fn the_long_help_has_the_table_of_exit_codes() {
        let help = long();
        for (code, meaning) in exit::TABLE {
            assert!(help.contains(&format!("  {:<4}{meaning}\n", *code as u8)), "{meaning}");
        }
    }
}
