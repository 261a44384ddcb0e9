//! The flags as data: names, value, words for help, and what each one sets.
//!
//! The parser, help, the man page and four shells' completions read this one table, so they cannot
//! disagree. A flag only writes down what was typed (`Low`); meaning is in `high.rs`. What is not there
//! yet has a row too: its error says so instead of "unknown".

use crate::exit::Failure;
use crate::low::{Data, DataKind, Generated, Low, Pretty, Print, Redirect, duration};

/// One flag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    /// The name after two dashes.
    pub(crate) long: &'static str,
    /// The letter after one dash.
    pub(crate) short: Option<char>,
    /// Other long names, as curl spells the same thing. They are accepted and not advertised in
    /// completions.
    pub(crate) also: &'static [&'static str],
    /// What follows it.
    pub(crate) takes: Takes,
    /// Where help lists it.
    pub(crate) category: Category,
    /// A phrase for `-h` and completions.
    pub(crate) brief: &'static str,
    /// Sentences for `--help` and the man page; paragraphs are separated by a line break.
    pub(crate) detail: &'static str,
    /// Writes it down. The error is completed with the spelling and the value.
    pub(crate) apply: fn(&mut Low, &str) -> Result<(), String>,
}

/// What follows a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing: it is a switch.
    Nothing,
    /// Text, by its name in help.
    Text(&'static str),
    /// A path, by its name in help.
    File(&'static str),
    /// One of some words.
    OneOf(&'static str, &'static [&'static str]),
}

impl Takes {
    /// The value's name in help, if there is a value.
    pub(crate) fn value_name(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Text(name) | Self::File(name) | Self::OneOf(name, _) => Some(name),
        }
    }
}

/// A heading in help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Category {
    /// What is sent.
    Request,
    /// What is kept from one run to the next.
    Session,
    /// How the server is reached.
    Connection,
    /// What is shown and kept.
    Output,
    /// For `netreq serve`.
    Serve,
    /// About the command itself.
    Other,
}

impl Category {
    /// All, in the order of help.
    pub(crate) const ALL: [Self; 6] =
        [Self::Request, Self::Session, Self::Connection, Self::Output, Self::Serve, Self::Other];

    /// The heading.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Session => "Session",
            Self::Connection => "Connection",
            Self::Output => "Output",
            Self::Serve => "Serve",
            Self::Other => "Other",
        }
    }
}

/// A word that is a command of its own instead of a URL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    /// The word.
    pub(crate) word: &'static str,
    /// A phrase for help and completions.
    pub(crate) brief: &'static str,
}

/// The commands. The first word of the line is looked up here before it is taken for a URL.
pub(crate) const COMMANDS: &[Command] = &[
    Command { word: "demo", brief: "A tour against an embedded server; needs no network" },
    Command { word: "serve", brief: "Run that server until interrupted" },
    Command { word: "cookies", brief: "Show, change, import and export the cookies of a session" },
    Command { word: "help", brief: "Print the long help" },
];

/// A spelling that is known and refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    /// Long names, without dashes.
    pub(crate) long: &'static [&'static str],
    /// The letter.
    pub(crate) short: Option<char>,
    /// Why, for the user.
    pub(crate) why: &'static str,
}

/// What has no flag of ours, and why.
pub(crate) const REFUSED: &[Refused] = &[
    Refused {
        long: &["fail-with-body"],
        short: Some('f'),
        why: "it is --form in httpie and --fail in curl: write --form or --check-status",
    },
    Refused {
        long: &["proxy", "preproxy", "socks5", "socks5-hostname", "noproxy", "proxy-user"],
        short: Some('x'),
        why: "a proxy chosen by hand is not there yet",
    },
    Refused {
        long: &["session-read-only"],
        short: None,
        why: "a session that is only read is not there yet",
    },
    Refused {
        long: &["partition"],
        short: None,
        why: "write --session NAME, which is the partition persist:NAME",
    },
    Refused {
        long: &["cookie"],
        short: Some('b'),
        why: "write Cookie:name=value; a file is taken by netreq cookies import FILE --session NAME",
    },
    Refused {
        long: &["cookie-jar"],
        short: Some('c'),
        why: "--session NAME keeps cookies; netreq cookies export writes them to a file",
    },
    Refused { long: &["har"], short: None, why: "HAR files are not there yet" },
    Refused {
        long: &["net-log", "netlog", "trace", "trace-ascii"],
        short: None,
        why: "a log of the network is not there yet; -v and --timing show most of it",
    },
    Refused {
        long: &["multipart", "form-string"],
        short: Some('F'),
        why: "multipart bodies are not there yet; --form sends fields, @FILE one file",
    },
    Refused {
        long: &["cert", "key", "cert-type", "pass"],
        short: Some('E'),
        why: "client certificates are not there yet",
    },
    Refused {
        long: &["digest", "ntlm", "negotiate", "anyauth", "auth-type"],
        short: None,
        why: "logins other than Basic are not there yet",
    },
    Refused {
        long: &["netrc", "netrc-file", "ignore-netrc"],
        short: Some('n'),
        why: "netrc files are not read yet",
    },
    Refused {
        long: &["http2", "http2-prior-knowledge", "http3", "http3-only"],
        short: None,
        why: "only HTTP/1.1 is there yet",
    },
    Refused { long: &["curl"], short: None, why: "printing the line for curl is not there yet" },
    Refused {
        long: &["continue-at", "range"],
        short: Some('C'),
        why: "write --continue, or the field Range:bytes=FROM-TO",
    },
    Refused {
        long: &["remote-header-name"],
        short: Some('J'),
        why: "the server never chooses the name of a file here; write -o FILE",
    },
    Refused {
        long: &["write-out"],
        short: Some('w'),
        why: "there is no format string; --json prints every fact of the response",
    },
    Refused {
        long: &["max-redirs", "max-redirects"],
        short: None,
        why: "the limit is twenty redirects; --redirect error allows none",
    },
];

/// The flag of that long name.
///
/// # Errors
///
/// A usage failure that says why there is none, and what may have been meant.
pub(crate) fn by_long(name: &str) -> Result<&'static Flag, Failure> {
    if let Some(flag) = FLAGS.iter().find(|flag| flag.long == name || flag.also.contains(&name)) {
        return Ok(flag);
    }
    if let Some(refused) = REFUSED.iter().find(|refused| refused.long.contains(&name)) {
        return Err(Failure::usage(format!("--{name}: {}", refused.why)));
    }
    let nearest = FLAGS
        .iter()
        .map(|flag| (distance(flag.long, name), flag.long))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    Err(Failure::usage(match nearest {
        Some((_, long)) => format!("there is no flag --{name}; did you mean --{long}?"),
        None => format!("there is no flag --{name}"),
    }))
}

/// The flag of that letter.
///
/// # Errors
///
/// As [`by_long`].
pub(crate) fn by_short(letter: char) -> Result<&'static Flag, Failure> {
    if let Some(flag) = FLAGS.iter().find(|flag| flag.short == Some(letter)) {
        return Ok(flag);
    }
    Err(Failure::usage(match REFUSED.iter().find(|refused| refused.short == Some(letter)) {
        Some(refused) => format!("-{letter}: {}", refused.why),
        None => format!("there is no flag -{letter}"),
    }))
}

/// How many letters have to be put in, taken out or changed.
fn distance(from: &str, to: &str) -> usize {
    // A pasted argument may be long; nothing that far away is a slip of the finger.
    if to.len() > 40 {
        return usize::MAX;
    }
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// The table, in the order of help.
pub(crate) const FLAGS: &[Flag] = &[
    Flag {
        long: "method",
        short: Some('X'),
        also: &["request"],
        takes: Takes::Text("METHOD"),
        category: Category::Request,
        brief: "Use this method",
        detail: "Use this method. It may also be written before the URL: a word in capitals, or a \
            well-known method in any case. Without it: GET, or POST if there is a body.",
        apply: |low, value| {
            low.method = Some(value.to_owned());
            Ok(())
        },
    },
    Flag {
        long: "header",
        short: Some('H'),
        also: &[],
        takes: Takes::Text("FIELD"),
        category: Category::Request,
        brief: "Send this header field",
        detail: "Send the header field 'Name: value'. 'Name;' sends it empty, 'Name:' leaves out the \
            one that would be sent by default. May be repeated; names go out as written and in the \
            order given. The item Name:value is the same.",
        apply: |low, value| {
            if value.starts_with('@') {
                return Err("fields from a file are not there yet".to_owned());
            }
            low.headers.push(value.to_owned());
            Ok(())
        },
    },
    Flag {
        long: "data",
        short: Some('d'),
        also: &["data-ascii"],
        takes: Takes::Text("DATA"),
        category: Category::Request,
        brief: "Send this text, or @FILE, as a form",
        detail: "Send DATA as the body with the type application/x-www-form-urlencoded. Repeated, the \
            parts are joined by '&'. @FILE reads a file without its line breaks, @- standard input.",
        apply: |low, value| {
            low.data.push(Data { text: value.to_owned(), kind: DataKind::WithoutLineBreaks });
            Ok(())
        },
    },
    Flag {
        long: "data-binary",
        short: None,
        also: &[],
        takes: Takes::Text("DATA"),
        category: Category::Request,
        brief: "As --data, but files byte for byte",
        detail: "As --data, but a file is sent byte for byte.",
        apply: |low, value| {
            low.data.push(Data { text: value.to_owned(), kind: DataKind::Binary });
            Ok(())
        },
    },
    Flag {
        long: "data-raw",
        short: None,
        also: &[],
        takes: Takes::Text("DATA"),
        category: Category::Request,
        brief: "As --data, but @ means nothing",
        detail: "As --data, but a leading @ is sent as it is.",
        apply: |low, value| {
            low.data.push(Data { text: value.to_owned(), kind: DataKind::Raw });
            Ok(())
        },
    },
    Flag {
        long: "form",
        short: None,
        also: &[],
        takes: Takes::Nothing,
        category: Category::Request,
        brief: "Send the items as a form instead of JSON",
        detail: "Send the items name=value as application/x-www-form-urlencoded instead of a JSON \
            object.",
        apply: |low, _| {
            low.form = true;
            Ok(())
        },
    },
    Flag {
        long: "user",
        short: Some('u'),
        also: &[],
        takes: Takes::Text("USER:PASSWORD"),
        category: Category::Request,
        brief: "Send these as Basic credentials at once",
        detail: "Send user and password as Basic credentials with the first request, without waiting to \
            be asked. A redirect to another origin drops them. Other users of the machine can see the \
            command line while it runs.",
        apply: |low, value| {
            low.user = Some(value.to_owned());
            Ok(())
        },
    },
    Flag {
        long: "user-agent",
        short: Some('A'),
        also: &[],
        takes: Takes::Text("NAME"),
        category: Category::Request,
        brief: "Send this User-Agent",
        detail: "Send NAME as the User-Agent field instead of netreq and its version.",
        apply: |low, value| {
            low.headers.push(format!("User-Agent: {value}"));
            Ok(())
        },
    },
    Flag {
        long: "referer",
        short: Some('e'),
        also: &[],
        takes: Takes::Text("URL"),
        category: Category::Request,
        brief: "Send this Referer",
        detail: "Send URL as the Referer field.",
        apply: |low, value| {
            low.headers.push(format!("Referer: {value}"));
            Ok(())
        },
    },
    Flag {
        long: "head",
        short: Some('I'),
        also: &[],
        takes: Takes::Nothing,
        category: Category::Request,
        brief: "Ask with HEAD and print the response head",
        detail: "Ask with HEAD and print the head of the response to standard output, or into the file of \
            --output.",
        apply: |low, _| {
            low.head = true;
            Ok(())
        },
    },
    Flag {
        long: "redirect",
        short: None,
        also: &[],
        takes: Takes::OneOf("MODE", &["follow", "error", "manual"]),
        category: Category::Request,
        brief: "What to do with a redirect: follow, error or manual",
        detail: "follow (the default) goes on to where the response points, twenty times at most; error \
            fails; manual shows the redirect itself.",
        apply: |low, value| {
            low.redirect = match value {
                "error" => Redirect::Error,
                "manual" => Redirect::Manual,
                _ => Redirect::Follow,
            };
            Ok(())
        },
    },
    Flag {
        long: "location",
        short: Some('L'),
        also: &["follow"],
        takes: Takes::Nothing,
        category: Category::Request,
        brief: "Follow redirects, which is the default",
        detail: "Follow redirects. That is the default; the flag is there for the hands that type it.",
        apply: |low, _| {
            low.redirect = Redirect::Follow;
            Ok(())
        },
    },
    Flag {
        long: "expect-continue",
        short: None,
        also: &["expect100-timeout"],
        takes: Takes::Text("SECONDS"),
        category: Category::Request,
        brief: "Ask before the body, and wait this long",
        detail: "Send Expect: 100-continue and hold the body back until the server agrees or this time \
            has passed.",
        apply: |low, value| {
            low.expect_continue = Some(duration(value)?);
            Ok(())
        },
    },
    Flag {
        long: "no-decode",
        short: None,
        also: &["raw"],
        takes: Takes::Nothing,
        category: Category::Request,
        brief: "Ask for no content coding, and undo none",
        detail: "Ask for no content coding, and leave the body as it comes.",
        apply: |low, _| {
            low.no_decode = true;
            Ok(())
        },
    },
    Flag {
        long: "compressed",
        short: None,
        also: &[],
        takes: Takes::Nothing,
        category: Category::Request,
        brief: "Ask for a compressed body, which is the default",
        detail: "Ask for a compressed body and decode it. That is the default.",
        apply: |low, _| {
            low.no_decode = false;
            Ok(())
        },
    },
    Flag {
        long: "session",
        short: None,
        also: &[],
        takes: Takes::Text("NAME"),
        category: Category::Session,
        brief: "Keep cookies on disk, under this name",
        detail: "Send the cookies that earlier runs with this name have kept, and keep those of the \
            response, together with which hosts are spoken to over TLS only. Cookies without an expiry \
            are kept too, as logins often have no other. The session is the partition persist:NAME of \
            the data folder; several runs may use it at once, and netreq cookies shows and changes what \
            is in it. The case of A to Z does not matter in NAME, which has 240 letters, digits, '-', \
            '_' and inner dots at most; every other byte counts three times. A damaged database is kept \
            as state.db.corrupt. Without this flag cookies hold for one run, over all its redirects.",
        apply: |low, value| {
            if value.is_empty() {
                return Err("a session has a name".to_owned());
            }
            // An Electron user's slip: it would be another session.
            if let Some(name) = value.strip_prefix("persist:") {
                return Err(format!("write the name alone: {name}"));
            }
            low.session = Some(value.to_owned());
            Ok(())
        },
    },
    Flag {
        long: "max-time",
        short: Some('m'),
        also: &["timeout"],
        takes: Takes::Text("SECONDS"),
        category: Category::Connection,
        brief: "Limit on everything together",
        detail: "Give up when the whole request, body included, takes longer. Times are seconds, or have \
            a unit: 2.5, 300ms, 1m. Zero is no limit, and that is the default.",
        apply: |low, value| {
            low.limits.total = Some(duration(value)?);
            Ok(())
        },
    },
    Flag {
        long: "connect-timeout",
        short: None,
        also: &[],
        takes: Takes::Text("SECONDS"),
        category: Category::Connection,
        brief: "Limit on reaching the server",
        detail: "Give up when finding the address and connecting take longer. The default is 240 seconds.",
        apply: |low, value| {
            low.limits.connect = Some(duration(value)?);
            Ok(())
        },
    },
    Flag {
        long: "tls-timeout",
        short: None,
        also: &[],
        takes: Takes::Text("SECONDS"),
        category: Category::Connection,
        brief: "Limit on the TLS handshake",
        detail: "Give up when the TLS handshake takes longer. The default is 30 seconds.",
        apply: |low, value| {
            low.limits.tls = Some(duration(value)?);
            Ok(())
        },
    },
    Flag {
        long: "first-byte-timeout",
        short: None,
        also: &[],
        takes: Takes::Text("SECONDS"),
        category: Category::Connection,
        brief: "Limit on waiting for an answer to begin",
        detail: "Give up when no byte of the response has come this long after the request was sent. \
            The default is no limit.",
        apply: |low, value| {
            low.limits.first_byte = Some(duration(value)?);
            Ok(())
        },
    },
    Flag {
        long: "idle-timeout",
        short: None,
        also: &[],
        takes: Takes::Text("SECONDS"),
        category: Category::Connection,
        brief: "Limit on a pause within the body",
        detail: "Give up when nothing has moved for this long while a body is under way. The default is \
            no limit.",
        apply: |low, value| {
            low.limits.idle = Some(duration(value)?);
            Ok(())
        },
    },
    Flag {
        long: "ca",
        short: None,
        also: &["cacert"],
        takes: Takes::File("FILE"),
        category: Category::Connection,
        brief: "Trust these certificates too (PEM)",
        detail: "Trust the certificates in this PEM file, beside those the system trusts. May be \
            repeated.",
        apply: |low, value| {
            low.ca.push(value.to_owned());
            Ok(())
        },
    },
    Flag {
        long: "insecure",
        short: Some('k'),
        also: &[],
        takes: Takes::Nothing,
        category: Category::Connection,
        brief: "Accept any certificate",
        detail: "Accept any certificate. Whoever sits in between can then read and change everything.",
        apply: |low, _| {
            low.insecure = true;
            Ok(())
        },
    },
    Flag {
        long: "unix-socket",
        short: None,
        also: &[],
        takes: Takes::File("PATH"),
        category: Category::Connection,
        brief: "Connect to this socket instead of the host",
        detail: "Connect to this UNIX socket. The host of the URL is still what the server is told.",
        apply: |low, value| {
            low.unix_socket = Some(value.to_owned());
            Ok(())
        },
    },
    Flag {
        long: "resolve",
        short: None,
        also: &[],
        takes: Takes::Text("HOST:PORT:ADDRESS"),
        category: Category::Connection,
        brief: "Use this address for that host and port",
        detail: "Use ADDRESS when HOST and PORT are wanted; nothing is asked of the resolver. \
            Certificates are checked for HOST. May be repeated.",
        apply: |low, value| {
            low.resolve.push(value.to_owned());
            Ok(())
        },
    },
    Flag {
        long: "doh-url",
        short: None,
        also: &[],
        takes: Takes::Text("TEMPLATE"),
        category: Category::Connection,
        brief: "Resolve names over HTTPS by this server",
        detail: "Resolve names by DNS over HTTPS, by this server and not by the system: \
            https://dns.example/dns-query{?dns} is asked by GET, without {?dns} by POST. The name of \
            the server itself is the system's to resolve. May be repeated: the next one is asked where \
            one gives no answer.",
        apply: |low, value| {
            low.doh_url.push(value.to_owned());
            Ok(())
        },
    },
    Flag {
        long: "output",
        short: Some('o'),
        also: &[],
        takes: Takes::File("FILE"),
        category: Category::Output,
        brief: "Write the body to this file",
        detail: "Write the body to FILE, with a progress bar on a terminal. It is written beside it as \
            FILE.part and renamed when it is complete; an existing file is not replaced without \
            --overwrite. Only the user can read it. '-' is standard output.",
        apply: |low, value| {
            low.output = Some(value.to_owned());
            Ok(())
        },
    },
    Flag {
        long: "download",
        short: Some('O'),
        also: &["remote-name"],
        takes: Takes::Nothing,
        category: Category::Output,
        brief: "Write the body to a file named as in the URL",
        detail: "As --output, with the last part of the URL's path as the name.",
        apply: |low, _| {
            low.download = true;
            Ok(())
        },
    },
    Flag {
        long: "continue",
        short: None,
        also: &[],
        takes: Takes::Nothing,
        category: Category::Output,
        brief: "Go on with a download that was interrupted",
        detail: "Ask only for what is missing in FILE.part. It begins anew if the file has changed on \
            the server, or if the server gave no strong ETag to tell by. A file that is complete is left \
            as it is, and that is a success.",
        apply: |low, _| {
            low.resume = true;
            Ok(())
        },
    },
    Flag {
        long: "overwrite",
        short: None,
        also: &["clobber"],
        takes: Takes::Nothing,
        category: Category::Output,
        brief: "Replace an existing file",
        detail: "Let --output, --download and netreq cookies export replace a file that is there.",
        apply: |low, _| {
            low.overwrite = true;
            Ok(())
        },
    },
    Flag {
        long: "verbose",
        short: Some('v'),
        also: &[],
        takes: Takes::Nothing,
        category: Category::Output,
        brief: "Print both heads to stderr, as on the wire",
        detail: "Print the heads of request and response to standard error, byte for byte as they went \
            over the wire. Cookies that were not sent or not stored follow, each with the reason.",
        apply: |low, _| {
            low.verbose = true;
            Ok(())
        },
    },
    Flag {
        long: "include",
        short: Some('i'),
        also: &["show-headers"],
        takes: Takes::Nothing,
        category: Category::Output,
        brief: "Print the response head before the body",
        detail: "Print the head of the response before the body, to standard output or into the file of \
            --output.",
        apply: |low, _| {
            low.include = true;
            Ok(())
        },
    },
    Flag {
        long: "timing",
        short: None,
        also: &["meta"],
        takes: Takes::Nothing,
        category: Category::Output,
        brief: "Draw where the time went",
        detail: "Draw to standard error how long each phase took: resolve, connect, tls, send, wait, \
            receive.",
        apply: |low, _| {
            low.timing = true;
            Ok(())
        },
    },
    Flag {
        long: "json",
        short: None,
        also: &[],
        takes: Takes::Nothing,
        category: Category::Output,
        brief: "Print one JSON object about the result",
        detail: "Print one line with a JSON object to standard output: status, fields, cookies that were \
            left out, addresses, timing and the body, or the error with its phase. With -o the body goes \
            to the file. For netreq cookies it is the format in which list and export write.",
        apply: |low, _| {
            low.json = true;
            Ok(())
        },
    },
    Flag {
        long: "pretty",
        short: None,
        also: &[],
        takes: Takes::OneOf("HOW", &["all", "colors", "format", "none"]),
        category: Category::Output,
        brief: "Colour and indent: all, colors, format or none",
        detail: "Whether a JSON body is indented (format), coloured (colors), both (all) or neither \
            (none). The default is all on a terminal and none in a pipe. Bytes of numbers and strings \
            and the order of keys are never changed.",
        apply: |low, value| {
            low.pretty = Some(match value {
                "all" => Pretty::All,
                "colors" => Pretty::Colors,
                "format" => Pretty::Format,
                _ => Pretty::None,
            });
            Ok(())
        },
    },
    Flag {
        long: "check-status",
        short: None,
        also: &["fail"],
        takes: Takes::Nothing,
        category: Category::Output,
        brief: "Exit with 3, 4 or 5 for a status of 3xx, 4xx or 5xx",
        detail: "Exit with 3, 4 or 5 for a status of 3xx, 4xx or 5xx. Without it any answer is success.",
        apply: |low, _| {
            low.check_status = true;
            Ok(())
        },
    },
    Flag {
        long: "silent",
        short: Some('s'),
        also: &["quiet"],
        takes: Takes::Nothing,
        category: Category::Output,
        brief: "No progress bar and no error messages",
        detail: "No progress bar and no messages about failures; the exit code still tells.",
        apply: |low, _| {
            low.silent = true;
            Ok(())
        },
    },
    Flag {
        long: "show-error",
        short: Some('S'),
        also: &[],
        takes: Takes::Nothing,
        category: Category::Output,
        brief: "With -s, print error messages all the same",
        detail: "With --silent, print messages about failures all the same.",
        apply: |low, _| {
            low.show_error = true;
            Ok(())
        },
    },
    Flag {
        long: "listen",
        short: None,
        also: &[],
        takes: Takes::Text("ADDRESS:PORT"),
        category: Category::Serve,
        brief: "Where netreq serve listens",
        detail: "Where netreq serve listens without TLS. The default is a free port of 127.0.0.1; the \
            port with TLS is always a free one.",
        apply: |low, value| {
            low.listen = Some(value.to_owned());
            Ok(())
        },
    },
    Flag {
        long: "generate",
        short: None,
        also: &[],
        takes: Takes::OneOf("WHAT", &["man", "bash", "zsh", "fish", "powershell"]),
        category: Category::Other,
        brief: "Print the man page or completions for a shell",
        detail: "Print the man page, or the completions for bash, zsh, fish or PowerShell.",
        apply: |low, value| {
            low.print = Some(Print::Generated(match value {
                "bash" => Generated::Bash,
                "zsh" => Generated::Zsh,
                "fish" => Generated::Fish,
                "powershell" => Generated::PowerShell,
                _ => Generated::Man,
            }));
            Ok(())
        },
    },
    Flag {
        long: "help",
        short: None,
        also: &[],
        takes: Takes::Nothing,
        category: Category::Other,
        brief: "Print the long help; -h prints the short one",
        detail: "Print this help; -h prints a shorter one.",
        apply: |low, _| {
            low.print = Some(Print::Help);
            Ok(())
        },
    },
    Flag {
        long: "brief-help",
        short: Some('h'),
        also: &[],
        takes: Takes::Nothing,
        category: Category::Other,
        brief: "Print the short help",
        detail: "Print a line for each flag.",
        apply: |low, _| {
            low.print = Some(Print::BriefHelp);
            Ok(())
        },
    },
    Flag {
        long: "version",
        short: Some('V'),
        also: &[],
        takes: Takes::Nothing,
        category: Category::Other,
        brief: "Print the version",
        detail: "Print the version.",
        apply: |low, _| {
            low.print = Some(Print::Version);
            Ok(())
        },
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_spelling_means_one_thing() {
        let mut seen = HashSet::new();
        for flag in FLAGS {
            for long in flag.also.iter().chain([&flag.long]) {
                assert!(seen.insert((*long).to_owned()), "--{long} twice");
            }
            if let Some(short) = flag.short {
                assert!(seen.insert(short.to_string()), "-{short} twice");
            }
        }
        for refused in REFUSED {
            for long in refused.long {
                assert!(seen.insert((*long).to_owned()), "--{long} twice");
            }
            if let Some(short) = refused.short {
                assert!(seen.insert(short.to_string()), "-{short} twice");
            }
        }
    }

    #[test]
    fn the_words_of_every_flag_fit_help() {
        for flag in FLAGS {
            assert!(flag.brief.len() <= 52, "--{}: {}", flag.long, flag.brief);
            assert!(!flag.brief.ends_with('.'), "--{}", flag.long);
            assert!(flag.detail.ends_with('.'), "--{}", flag.long);
            assert!(!flag.detail.contains("  "), "--{}", flag.long);
            assert!(flag.brief.is_ascii() && flag.detail.is_ascii(), "--{}", flag.long);
            // The completions quote these with single and double quotes.
            assert!(!flag.brief.contains(['\'', '"', '[', ']', '`', '$', '\\']), "--{}", flag.long);
        }
    }

    #[test]
    fn the_letters_of_curl_are_there() {
        for letter in "XHdoOiIsukLSAev".chars() {
            assert!(by_short(letter).is_ok(), "-{letter}");
        }
        for long in
            ["request", "cacert", "remote-name", "max-time", "resolve", "fail", "compressed"]
        {
            assert!(by_long(long).is_ok(), "--{long}");
        }
    }

    #[test]
    fn a_distance_counts_letters() {
        for (from, to, expected) in
            [("timing", "timing", 0), ("timing", "timin", 1), ("json", "jsno", 2), ("ca", "", 2)]
        {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
        assert_eq!(distance("ca", &"x".repeat(41)), usize::MAX);
    }
}
