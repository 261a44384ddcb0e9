//! What the command line means: one task, complete and free of contradictions.
//!
//! A function of what was typed (`low.rs`) and of the surroundings. It touches no file and no network:
//! paths are only named here, and rules of the network are the engine's. Reading goes words first
//! (method, URL, items), then the body they make, then where everything is shown.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use netreq::DnsOverHttpsServer;
use url::Url;

use crate::cookies::CookiesTask;
use crate::encode;
use crate::exit::Failure;
use crate::items::{self, Item, Value};
use crate::low::{Data, DataKind, Limits, Low, Pretty, Print, Redirect};
use crate::style::Style;
use crate::surroundings::Surroundings;
use crate::words;

/// What there is to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    /// Print something that is known without a request.
    Print(Print),
    /// Walk through the tour.
    Demo(Style),
    /// Run the embedded server.
    Serve(SocketAddr),
    /// Show or change the cookies of a session.
    Cookies(Box<CookiesTask>),
    /// Make a request.
    Request(Box<Request>),
}

/// A request and what becomes of its answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: Url,
    /// Name and value, in the order they are sent.
    pub(crate) fields: Vec<(String, String)>,
    /// No `User-Agent` of ours either.
    pub(crate) omit_user_agent: bool,
    pub(crate) body: Body,
    pub(crate) redirect: Redirect,
    pub(crate) decode: bool,
    pub(crate) expect_continue: Option<Duration>,
    /// The name of the session on disk; without one it is in memory.
    pub(crate) session: Option<String>,
    pub(crate) limits: Limits,
    /// PEM files with further roots.
    pub(crate) ca: Vec<PathBuf>,
    pub(crate) insecure: bool,
    pub(crate) unix_socket: Option<PathBuf>,
    /// Host resolver rules in Chromium's grammar; empty for none.
    pub(crate) resolver_rules: String,
    /// Who resolves names over HTTPS; empty for the system.
    pub(crate) dns_servers: Vec<DnsOverHttpsServer>,
    pub(crate) output: Output,
}

/// Where a body comes from. Files are not open yet.
#[derive(Debug, PartialEq)]
pub(crate) enum Body {
    None,
    Json(Vec<(String, Value)>),
    Form(Vec<(String, Value)>),
    Data(Vec<Data>),
    File(PathBuf),
    Stdin,
}

/// Where the response and everything about it go.
#[derive(Debug, PartialEq)]
pub(crate) struct Output {
    pub(crate) target: Target,
    /// Both heads go to standard error.
    pub(crate) verbose: bool,
    /// The response head goes to standard output.
    pub(crate) include: bool,
    pub(crate) timing: bool,
    pub(crate) json: bool,
    pub(crate) check_status: bool,
    /// Progress may be drawn on standard error.
    pub(crate) progress: bool,
    /// Failures are told on standard error.
    pub(crate) complain: bool,
    pub(crate) stdout_is_terminal: bool,
    pub(crate) stderr_is_terminal: bool,
    /// The body is shown to a person: what a terminal cannot show is held back.
    pub(crate) body_on_terminal: bool,
    pub(crate) body_indent: bool,
    pub(crate) body_style: Style,
    pub(crate) stdout_style: Style,
    pub(crate) stderr_style: Style,
}

/// Where the body goes.
#[derive(Debug, PartialEq)]
pub(crate) enum Target {
    Stdout,
    File(FileTarget),
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileTarget {
    pub(crate) path: PathBuf,
    /// Go on where an earlier run stopped.
    pub(crate) resume: bool,
    /// Replace what is there.
    pub(crate) overwrite: bool,
}

impl Task {
    /// What `low` means in these `surroundings`.
    ///
    /// # Errors
    ///
    /// A usage failure that names the contradiction or the word that cannot be read.
    pub(crate) fn from_low(low: Low, surroundings: Surroundings) -> Result<Self, Failure> {
        if let Some(print) = low.print {
            let is_help = matches!(print, Print::Help | Print::BriefHelp);
            let is_cookies = low.words.first().is_some_and(|word| word == "cookies");
            return Ok(Self::Print(if is_help && is_cookies { Print::CookiesHelp } else { print }));
        }
        let colours = Colours::of(&low, surroundings);
        match low.words.first().map(String::as_str) {
            None => Err(Failure::usage("no URL; netreq --help says what can be written")),
            Some("help") => Ok(Self::Print(Print::Help)),
            Some(word @ ("demo" | "serve")) if low.words.len() > 1 => {
                Err(Failure::usage(format!("netreq {word} takes no further words")))
            }
            Some("demo") => Ok(Self::Demo(colours.stdout)),
            Some("serve") => Ok(Self::Serve(words::listen_address(low.listen.as_deref())?)),
            Some("cookies") => Ok(Self::Cookies(Box::new(CookiesTask::from_low(
                low,
                surroundings,
                colours.stdout,
            )?))),
            Some("doctor") => Err(Failure::usage("netreq doctor is not there yet")),
            Some(_) => Ok(Self::Request(Box::new(Request::from_low(low, surroundings, colours)?))),
        }
    }
}

impl Request {
    fn from_low(low: Low, surroundings: Surroundings, colours: Colours) -> Result<Self, Failure> {
        let (typed_method, url, item_words) = words::split_words(&low.words)?;
        let mut url = words::guess_url(url)?;
        let target = target(&low, &url)?;

        let mut headers = Vec::new();
        for text in &low.headers {
            headers.push(items::parse_header(text).map_err(Failure::usage)?);
        }
        let mut members = Vec::new();
        let mut file = None;
        for word in item_words {
            match items::parse(word).map_err(Failure::usage)? {
                Item::Header(header) => headers.push(header),
                Item::Query { name, value } => {
                    url.query_pairs_mut().append_pair(&name, &value);
                }
                Item::Field { name, value } => members.push((name, value)),
                Item::Body(_) if file.is_some() => {
                    return Err(Failure::usage("two bodies: there can be one @file"));
                }
                Item::Body(path) => file = Some(path),
            }
        }

        let body = body(members, file, low.data, low.form)?;
        let method = method(typed_method, low.method, low.head, &body)?;
        let mentions = |wanted: &str| headers.iter().any(|header| header.name_is(wanted));
        let omits = |wanted: &str| headers.iter().any(|header| header.omits(wanted));
        let omit_user_agent = omits("User-Agent");
        // Without the field there is no coding to undo.
        let decode = !low.no_decode && !omits("Accept-Encoding");
        let mut added = Vec::new();
        let mut add = |name: &str, value: String| added.push((name.to_owned(), value));
        if !mentions("Content-Type")
            && let Some(content_type) = body.content_type()
        {
            add("Content-Type", content_type.to_owned());
        }
        if let Some(user) = low.user
            && !mentions("Authorization")
        {
            if !user.contains(':') {
                return Err(Failure::usage(
                    "-u needs USER:PASSWORD; asking for a password is not there yet",
                ));
            }
            add("Authorization", format!("Basic {}", encode::base64(user.as_bytes())));
        }
        if let Target::File(file) = &target {
            // A file is kept as the server has it: its size is then known, and it can be continued.
            if decode && !mentions("Accept-Encoding") {
                add("Accept-Encoding", "identity".to_owned());
            }
            if file.resume && method != "GET" {
                return Err(Failure::usage("--continue is for GET"));
            }
            if file.resume && low.include {
                return Err(Failure::usage("--continue goes on with a body; leave out --include"));
            }
            if file.resume && (mentions("Range") || mentions("If-Range")) {
                return Err(Failure::usage("--continue writes the field Range itself"));
            }
        }
        let mut fields = items::sent(headers).map_err(Failure::usage)?;
        fields.append(&mut added);
        if low.json && low.include {
            return Err(Failure::usage("--json holds the fields already; leave out --include"));
        }

        let stdout_is_for_people =
            target == Target::Stdout && surroundings.stdout_is_terminal && !low.json;
        Ok(Self {
            method,
            url,
            fields,
            omit_user_agent,
            body,
            redirect: low.redirect,
            decode,
            expect_continue: low.expect_continue,
            session: low.session,
            limits: low.limits,
            ca: low.ca.iter().map(PathBuf::from).collect(),
            insecure: low.insecure,
            unix_socket: low.unix_socket.map(PathBuf::from),
            resolver_rules: words::resolver_rules(&low.resolve)?,
            dns_servers: words::dns_servers(&low.doh_url)?,
            output: Output {
                target,
                verbose: low.verbose,
                include: low.include || low.head && !low.json,
                timing: low.timing,
                json: low.json,
                check_status: low.check_status,
                progress: surroundings.stderr_is_terminal
                    && surroundings.terminal_is_capable
                    && !low.silent
                    && !low.json,
                complain: !low.silent || low.show_error,
                stdout_is_terminal: surroundings.stdout_is_terminal,
                stderr_is_terminal: surroundings.stderr_is_terminal,
                body_on_terminal: stdout_is_for_people,
                body_indent: match low.pretty {
                    None => stdout_is_for_people,
                    Some(Pretty::All | Pretty::Format) => true,
                    Some(Pretty::Colors | Pretty::None) => false,
                },
                body_style: match low.pretty {
                    None if stdout_is_for_people => colours.stdout,
                    Some(Pretty::All | Pretty::Colors) => Style::new(true),
                    None | Some(Pretty::Format | Pretty::None) => Style::PLAIN,
                },
                stdout_style: colours.stdout,
                stderr_style: colours.stderr,
            },
        })
    }
}

impl Request {
    /// Whether the user wrote the field `Range`.
    pub(crate) fn asks_range(&self) -> bool {
        self.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("range"))
    }
}

impl Body {
    /// The type that is sent unless the user gave one.
    ///
    /// Standard input and files of an unknown kind have none: guessing further would be a lie.
    fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::None | Self::Stdin => None,
            Self::Json(_) => Some("application/json"),
            Self::Form(_) | Self::Data(_) => Some("application/x-www-form-urlencoded"),
            Self::File(path) => words::content_type(path),
        }
    }
}

/// Whether what netreq writes itself is painted; bodies have a rule of their own.
#[derive(Clone, Copy)]
struct Colours {
    stdout: Style,
    stderr: Style,
}

impl Colours {
    fn of(low: &Low, surroundings: Surroundings) -> Self {
        let on = |is_terminal: bool| {
            Style::new(match low.pretty {
                Some(Pretty::None | Pretty::Format) => false,
                Some(Pretty::All | Pretty::Colors) => true,
                None if surroundings.no_color => false,
                None if surroundings.clicolor_force => true,
                None => is_terminal && surroundings.terminal_is_capable,
            })
        };
        Self {
            stdout: on(surroundings.stdout_is_terminal),
            stderr: on(surroundings.stderr_is_terminal),
        }
    }
}

fn method(
    word: Option<String>,
    flag: Option<String>,
    head: bool,
    body: &Body,
) -> Result<String, Failure> {
    let asked = match (word, flag) {
        (Some(word), Some(flag)) if word != flag => {
            return Err(Failure::usage(format!("two methods: {word} and {flag}")));
        }
        (word, flag) => word.or(flag),
    };
    match (asked, head) {
        (Some(asked), true) if asked != "HEAD" => {
            Err(Failure::usage(format!("two methods: {asked} and HEAD by -I")))
        }
        (_, true) if *body != Body::None => {
            Err(Failure::usage("-I asks with HEAD, without a body"))
        }
        (_, true) => Ok("HEAD".to_owned()),
        (Some(asked), false) => Ok(asked),
        (None, false) => Ok(if *body == Body::None { "GET" } else { "POST" }.to_owned()),
    }
}

fn body(
    fields: Vec<(String, Value)>,
    file: Option<String>,
    data: Vec<Data>,
    form: bool,
) -> Result<Body, Failure> {
    let kinds = usize::from(!fields.is_empty())
        + usize::from(file.is_some())
        + usize::from(!data.is_empty());
    if kinds > 1 {
        return Err(Failure::usage("two bodies: fields, @file and --data exclude each other"));
    }
    if let Some(path) = file {
        return Ok(if path == "-" { Body::Stdin } else { Body::File(PathBuf::from(path)) });
    }
    if !data.is_empty() {
        let from_stdin = |part: &&Data| part.kind != DataKind::Raw && part.text == "@-";
        if data.iter().filter(from_stdin).count() > 1 {
            return Err(Failure::usage("standard input can be read once"));
        }
        return Ok(Body::Data(data));
    }
    if fields.is_empty() {
        return Ok(Body::None);
    }
    if form {
        if let Some((name, _)) =
            fields.iter().find(|(_, value)| matches!(value, Value::Json(_) | Value::JsonFile(_)))
        {
            return Err(Failure::usage(format!("'{name}:=': a form has no JSON; write '{name}='")));
        }
        return Ok(Body::Form(fields));
    }
    if let Some((name, _)) = fields.iter().find(|(name, _)| name.contains('[')) {
        return Err(Failure::usage(format!(
            "'{name}': nested keys are not there yet; write the object with ':='"
        )));
    }
    Ok(Body::Json(fields))
}

fn target(low: &Low, url: &Url) -> Result<Target, Failure> {
    let path = match (&low.output, low.download) {
        (Some(_), true) => return Err(Failure::usage("-o and -O both name the file")),
        (Some(path), false) if path == "-" => None,
        (Some(path), false) => Some(PathBuf::from(path)),
        (None, true) => Some(words::name_from(url)?),
        (None, false) => None,
    };
    match path {
        Some(path) => {
            Ok(Target::File(FileTarget { path, resume: low.resume, overwrite: low.overwrite }))
        }
        None if low.resume => Err(Failure::usage("--continue needs -o FILE or -O")),
        None => Ok(Target::Stdout),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::low;

    const TERMINAL: Surroundings = Surroundings {
        stdout_is_terminal: true,
        stderr_is_terminal: true,
        terminal_is_capable: true,
        no_color: false,
        clicolor_force: false,
    };
    const PIPE: Surroundings =
        Surroundings { stdout_is_terminal: false, stderr_is_terminal: false, ..TERMINAL };

    fn task(line: &str, surroundings: Surroundings) -> Result<Task, Failure> {
        Task::from_low(low::parse(line.split(' ').map(OsString::from)).unwrap(), surroundings)
    }

    fn request(line: &str, surroundings: Surroundings) -> Request {
        match task(line, surroundings) {
            Ok(Task::Request(request)) => *request,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refused(line: &str) -> String {
        task(line, PIPE).unwrap_err().line
    }

    #[test]
    fn the_first_word_is_a_method_or_the_url() {
        for (line, method, url) in [
            ("a", "GET", "https://a/"),
            ("a b=c", "POST", "https://a/"),
            ("GET a b=c", "GET", "https://a/"),
            ("put a", "PUT", "https://a/"),
            ("PURGE a", "PURGE", "https://a/"),
            ("localhost b=c", "POST", "http://localhost/"),
            ("-X purge a", "purge", "https://a/"),
            ("-I a", "HEAD", "https://a/"),
            ("a B:c d==e", "GET", "https://a/?d=e"),
            ("a?x=1 d==e&f", "GET", "https://a/?x=1&d=e%26f"),
            ("-d x a", "POST", "https://a/"),
            ("GET demo", "GET", "https://demo/"),
        ] {
            let request = request(line, PIPE);
            assert_eq!((request.method.as_str(), request.url.as_str()), (method, url), "{line}");
        }
        assert_eq!(refused("GET"), "no URL after GET");
        assert_eq!(refused("-X PUT POST a"), "two methods: POST and PUT");
        assert_eq!(refused("-I a b=c"), "-I asks with HEAD, without a body");
    }

    #[test]
    fn the_word_of_a_command_wins_over_a_host() {
        assert_eq!(task("demo", PIPE), Ok(Task::Demo(Style::PLAIN)));
        assert_eq!(
            task("serve --listen :8080", PIPE),
            Ok(Task::Serve("127.0.0.1:8080".parse().unwrap()))
        );
        assert_eq!(
            task("serve --listen 0.0.0.0:1", PIPE),
            Ok(Task::Serve("0.0.0.0:1".parse().unwrap()))
        );
        assert_eq!(task("help", PIPE), Ok(Task::Print(Print::Help)));
        assert_eq!(task("cookies --help", PIPE), Ok(Task::Print(Print::CookiesHelp)));
        assert_eq!(task("cookies set -h", PIPE), Ok(Task::Print(Print::CookiesHelp)));
        assert_eq!(request("demo/", PIPE).url.as_str(), "https://demo/");
        assert!(matches!(task("cookies --session a", PIPE), Ok(Task::Cookies(_))));
        assert_eq!(request("cookies/", PIPE).url.as_str(), "https://cookies/");
        assert_eq!(refused("demo x"), "netreq demo takes no further words");
        assert_eq!(refused("doctor"), "netreq doctor is not there yet");
    }

    #[test]
    fn a_body_decides_its_type_unless_the_user_does() {
        for (line, expected) in [
            ("a b=c", Some("application/json")),
            ("--form a b=c", Some("application/x-www-form-urlencoded")),
            ("-d b=c a", Some("application/x-www-form-urlencoded")),
            ("a @x.JSON", Some("application/json")),
            ("a @x.unknown", None),
            ("a @-", None),
            ("a b=c Content-Type:x/y", Some("x/y")),
            ("a", None),
        ] {
            let request = request(line, PIPE);
            let content_type = request
                .fields
                .iter()
                .find_map(|(name, value)| (name == "Content-Type").then_some(value.as_str()));
            assert_eq!(content_type, expected, "{line}");
        }
        assert_eq!(request("a b=c Content-Type:", PIPE).fields, []);
    }

    #[test]
    fn a_default_field_can_be_left_out() {
        let omitting = request("a User-agent: Accept-Encoding: X-Unknown:", PIPE);
        assert_eq!(
            (omitting.omit_user_agent, omitting.decode, omitting.fields),
            (true, false, vec![])
        );
        let plain = request("a", PIPE);
        assert_eq!((plain.omit_user_agent, plain.decode), (false, true));
        assert_eq!(refused("a host:"), "'host:': this field is always sent");
        assert_eq!(refused("a Host:b host:c"), "'Host:': this field is sent once, not twice");
        for line in ["a connection:close Connection:close", "-H Connection:close a connection:x"] {
            assert_eq!(refused(line), "'Connection:': this field is sent once, not twice");
        }
    }

    #[test]
    fn bodies_exclude_each_other() {
        for line in ["a b=c @f", "a @f -d x", "a b=c -d x"] {
            assert_eq!(
                refused(line),
                "two bodies: fields, @file and --data exclude each other",
                "{line}"
            );
        }
        assert_eq!(refused("a @f @g"), "two bodies: there can be one @file");
        assert_eq!(refused("a -d @- -d @-"), "standard input can be read once");
        assert_eq!(refused("--form a b:=1"), "'b:=': a form has no JSON; write 'b='");
        assert!(refused("a b[c]=1").contains("nested keys are not there yet"));
    }

    #[test]
    fn basic_credentials_go_at_once_and_a_field_beats_them() {
        assert_eq!(
            request("-u Aladdin:open a", PIPE).fields,
            [("Authorization".into(), "Basic QWxhZGRpbjpvcGVu".into())]
        );
        assert_eq!(
            request("-u x:y a Authorization:z", PIPE).fields,
            [("Authorization".into(), "z".into())]
        );
        assert!(refused("-u x a").contains("not there yet"));
    }

    #[test]
    fn a_file_is_asked_for_without_a_coding() {
        let request = request("-O --continue https://a/b/c.tar.gz?x=1", PIPE);
        assert_eq!(
            request.output.target,
            Target::File(FileTarget { path: "c.tar.gz".into(), resume: true, overwrite: false })
        );
        assert_eq!(request.fields, [("Accept-Encoding".into(), "identity".into())]);

        assert_eq!(refused("-O https://a/b/"), "the URL ends in no name; write -o FILE");
        assert_eq!(refused("-O -o x https://a/b"), "-o and -O both name the file");
        assert_eq!(refused("--continue a"), "--continue needs -o FILE or -O");
        assert_eq!(refused("--continue -o x POST a"), "--continue is for GET");
        assert_eq!(
            refused("--continue -i -o x a"),
            "--continue goes on with a body; leave out --include"
        );
    }

    #[test]
    fn colour_follows_flags_then_environment_then_the_terminal() {
        let forced = Surroundings { clicolor_force: true, ..PIPE };
        let no_color = Surroundings { no_color: true, ..TERMINAL };
        let both = Surroundings { clicolor_force: true, ..no_color };
        let dumb = Surroundings { terminal_is_capable: false, ..TERMINAL };
        // Line, surroundings; body indented, body painted, stderr painted.
        for (line, surroundings, expected) in [
            ("a", TERMINAL, (true, true, true)),
            ("a", PIPE, (false, false, false)),
            ("a", forced, (false, false, true)),
            ("a", no_color, (true, false, false)),
            ("a", both, (true, false, false)),
            ("a", dumb, (true, false, false)),
            ("--pretty all a", PIPE, (true, true, true)),
            ("--pretty format a", TERMINAL, (true, false, false)),
            ("--pretty colors a", no_color, (false, true, true)),
            ("--pretty none a", TERMINAL, (false, false, false)),
            ("-o x a", TERMINAL, (false, false, true)),
            ("--json a", TERMINAL, (false, false, true)),
        ] {
            let output = request(line, surroundings).output;
            assert_eq!(
                (output.body_indent, output.body_style.is_on(), output.stderr_style.is_on()),
                expected,
                "{line} {surroundings:?}"
            );
        }
    }

    #[test]
    fn progress_and_complaints_follow_silence_and_the_terminal() {
        for (line, surroundings, expected) in [
            ("a", TERMINAL, (true, true)),
            ("a", PIPE, (false, true)),
            ("-s a", TERMINAL, (false, false)),
            ("-sS a", TERMINAL, (false, true)),
        ] {
            let output = request(line, surroundings).output;
            assert_eq!((output.progress, output.complain), expected, "{line}");
        }
    }
}
