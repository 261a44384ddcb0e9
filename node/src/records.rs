//! What happened, as JavaScript reads it: numbers in one array of its own, bytes in another.
//!
//! A record is its kind, the request's number and as many numbers as the kind has (`lib/native.js`
//! names them the same way). Texts and bytes lie in the slab; the record holds where they begin and
//! how long they are. Texts are Latin-1 unless said otherwise, their parts ended by NUL.
//!
//! Pieces of one body that follow each other are one record. What the slab holds is of use until the next
//! call, and JavaScript may hand its memory to somebody together with the last bytes in it.

use netreq::{Bytes, Error, IncomingMessage, NetError, RedirectInfo, Span, Timing, UploadProgress};

/// Something that happened to a request.
pub(crate) enum Event {
    Response(Box<Response>),
    Data(Bytes),
    /// The body is whole; trailers as text, and begin and end of its coming in microseconds.
    End {
        trailers: Vec<u8>,
        receive: [i32; 2],
    },
    /// It failed. UTF-8.
    Error {
        text: Vec<u8>,
        number: i32,
        is_timeout: bool,
    },
    /// The request stands still until an answer.
    Redirect {
        text: Vec<u8>,
        status: u16,
    },
    Progress(UploadProgress),
    /// So many bytes of the upload have been taken.
    Written(u64),
    /// A question to a session has its answer: UTF-8.
    Settled(Vec<u8>),
    /// A cookie has changed, or a certificate is in question: UTF-8.
    Changed(Vec<u8>),
}

/// The head of a response, with what is known of its way.
pub(crate) struct Response {
    text: Vec<u8>,
    status: u16,
    version: (u8, u8),
    is_reused: bool,
    is_redirected: bool,
    remote_port: u16,
    spans: [i32; 10],
}

impl Event {
    pub(crate) fn response(message: &IncomingMessage) -> Self {
        let remote = message.remote_address();
        let address = remote.map(|address| address.ip().to_string()).unwrap_or_default();
        let head = message.head();
        let url = message.url().as_str();
        let size = head.as_bytes().len() + url.len() + address.len() + 16;
        let mut text = Vec::with_capacity(size);
        for part in [head.reason(), url.as_bytes(), address.as_bytes()] {
            append(&mut text, part);
        }
        append_fields(&mut text, head.fields());
        let timing = message.timing();
        Self::Response(Box::new(Response {
            text,
            status: message.status(),
            version: message.http_version(),
            is_reused: message.is_connection_reused(),
            is_redirected: !message.redirected_from().is_empty(),
            remote_port: remote.map_or(0, |address| address.port()),
            spans: spans(&timing),
        }))
    }

    pub(crate) fn end(message: &IncomingMessage) -> Self {
        let mut trailers = Vec::new();
        if let Some(fields) = message.trailers() {
            append_fields(&mut trailers, fields.iter());
        }
        Self::End { trailers, receive: span(message.timing().receive) }
    }

    pub(crate) fn error(error: &Error) -> Self {
        let mut text = Vec::new();
        let phase = error.phase().map_or("", netreq::Phase::name);
        let url = error.url().map_or("", netreq::Url::as_str);
        for part in [&error.to_string(), error.net_error().name(), phase, url] {
            append_words(&mut text, part);
        }
        let mut cause = std::error::Error::source(error);
        while let Some(next) = cause {
            append_words(&mut text, &next.to_string());
            cause = next.source();
        }
        Self::Error { text, number: error.net_error().code(), is_timeout: error.is_timeout() }
    }

    /// A refusal of what JavaScript flattened, before there is anything of the engine.
    pub(crate) fn refused(net_error: NetError) -> Self {
        let mut text = Vec::new();
        for part in [&net_error.to_string(), net_error.name(), "", ""] {
            append(&mut text, part.as_bytes());
        }
        Self::Error { text, number: net_error.code(), is_timeout: false }
    }

    /// A failure for which there is a sentence and nothing else.
    pub(crate) fn sentence(sentence: &str) -> Self {
        let mut text = Vec::new();
        for part in [sentence, "", "", ""] {
            append_words(&mut text, part);
        }
        Self::Error { text, number: 0, is_timeout: false }
    }

    pub(crate) fn redirect(info: &RedirectInfo) -> Self {
        let mut text = Vec::new();
        append(&mut text, info.method.as_str().as_bytes());
        append(&mut text, info.url.as_str().as_bytes());
        append_fields(&mut text, info.head.fields());
        Self::Redirect { text, status: info.status }
    }

    /// Whether nothing follows for the request.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self, Self::End { .. } | Self::Error { .. } | Self::Settled(_))
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Response(response) => &response.text,
            Self::Data(bytes) => bytes,
            Self::End { trailers: text, .. }
            | Self::Error { text, .. }
            | Self::Redirect { text, .. }
            | Self::Settled(text)
            | Self::Changed(text) => text,
            Self::Progress(_) | Self::Written(_) => &[],
        }
    }
}

pub(crate) fn append(text: &mut Vec<u8>, part: &[u8]) {
    text.extend_from_slice(part);
    text.push(0);
}

/// Words that may quote what was given, NUL too.
fn append_words(text: &mut Vec<u8>, words: &str) {
    append(text, words.replace('\0', "\u{fffd}").as_bytes());
}

fn append_fields<'a>(text: &mut Vec<u8>, fields: impl Iterator<Item = (&'a str, &'a [u8])>) {
    for (name, value) in fields {
        append(text, name.as_bytes());
        append(text, value);
    }
}

fn spans(timing: &Timing) -> [i32; 10] {
    let spans = [timing.resolve, timing.connect, timing.tls, timing.send, timing.wait];
    let mut numbers = [0; 10];
    for (pair, stretch) in numbers.chunks_exact_mut(2).zip(spans) {
        pair.copy_from_slice(&span(stretch));
    }
    numbers
}

/// Begin and end in microseconds; -1 where there is none.
fn span(span: Option<Span>) -> [i32; 2] {
    let micros = |at: std::time::Duration| i32::try_from(at.as_micros()).unwrap_or(i32::MAX);
    span.map_or([-1, -1], |span| [micros(span.start), micros(span.end)])
}

/// Writes records into what JavaScript lent for this call.
pub(crate) struct Packer<'a> {
    numbers: &'a mut [i32],
    count: usize,
    slab: &'a mut [u8],
    position: usize,
    /// Where the last record with bytes begins, if it is one of data.
    last_data: Option<usize>,
}

/// Why a record was not written, or not in whole.
pub(crate) enum Full {
    /// Numbers or bytes are used up.
    Used,
    /// It needs a slab of so many bytes.
    TooSmall(usize),
}

impl<'a> Packer<'a> {
    /// Records begin behind the first [`RESERVED`] numbers.
    pub(crate) fn new(numbers: &'a mut [i32], slab: &'a mut [u8]) -> Self {
        Self { numbers, count: RESERVED, slab, position: 0, last_data: None }
    }

    /// Writes `event`. Of data that does not fit, what fits is written and taken from it.
    pub(crate) fn put(&mut self, id: u32, event: &mut Event) -> Result<(), Full> {
        if self.numbers.len() - self.count.min(self.numbers.len()) < MOST_NUMBERS {
            return Err(Full::Used);
        }
        if let Event::Data(bytes) = event {
            let room = self.slab.len() - self.position;
            if room == 0 {
                return Err(Full::Used);
            }
            let piece = bytes.split_to(bytes.len().min(room));
            let (start, length) = self.copy(&piece);
            let ended = i32::from(bytes.is_empty());
            let before = self.last_data.filter(|at| at + DATA_NUMBERS == self.count);
            match before.filter(|at| self.numbers[at + 1] == id.cast_signed()) {
                Some(at) => {
                    self.numbers[at + 3] += length;
                    self.numbers[at + 4] += ended;
                }
                None => {
                    self.last_data = Some(self.count);
                    self.numbers(DATA, id, &[start, length, ended]);
                }
            }
            return if bytes.is_empty() { Ok(()) } else { Err(Full::Used) };
        }
        let bytes = event.bytes();
        if bytes.len() > self.slab.len() - self.position {
            return Err(Full::TooSmall(bytes.len()));
        }
        let (start, length) = self.copy(bytes);
        if length > 0 {
            self.last_data = None;
        }
        match event {
            Event::Data(_) => {}
            Event::Response(response) => {
                let (major, minor) = response.version;
                let facts = i32::from(response.is_reused) | i32::from(response.is_redirected) << 1;
                let status = i32::from(response.status);
                let version = i32::from(major) << 8 | i32::from(minor);
                let port = i32::from(response.remote_port);
                self.numbers(RESPONSE, id, &[start, length, status, version, facts, port]);
                self.append(&response.spans);
            }
            Event::End { receive: [begin, end], .. } => {
                self.numbers(END, id, &[start, length, *begin, *end]);
            }
            Event::Error { number, is_timeout, .. } => {
                self.numbers(ERROR, id, &[start, length, *number, i32::from(*is_timeout)]);
            }
            Event::Redirect { status, .. } => {
                self.numbers(REDIRECT, id, &[start, length, i32::from(*status)]);
            }
            Event::Progress(progress) => {
                let (current, total) = (halves(progress.current), halves(progress.total));
                self.numbers(PROGRESS, id, &[current[0], current[1], total[0], total[1]]);
            }
            Event::Written(bytes) => self.numbers(WRITTEN, id, &halves(*bytes)),
            Event::Settled(_) => self.numbers(SETTLED, id, &[start, length]),
            Event::Changed(_) => self.numbers(CHANGED, id, &[start, length]),
        }
        Ok(())
    }

    /// How many numbers are used. The first two say what is missing (0 nothing, else a slab of so many
    /// bytes), and where the record with the last bytes begins, if it is one of data, else 0.
    pub(crate) fn finish(self, missing: usize) -> u32 {
        let last = self.last_data.unwrap_or(0);
        for (place, number) in self.numbers.iter_mut().zip([missing, last]) {
            *place = i32::try_from(number).unwrap_or(i32::MAX);
        }
        u32::try_from(self.count).unwrap_or(0)
    }

    fn copy(&mut self, bytes: &[u8]) -> (i32, i32) {
        let start = self.position;
        self.position += bytes.len();
        self.slab[start..self.position].copy_from_slice(bytes);
        (number(start), number(bytes.len()))
    }

    fn numbers(&mut self, kind: i32, id: u32, rest: &[i32]) {
        self.append(&[kind, id.cast_signed()]);
        self.append(rest);
    }

    fn append(&mut self, numbers: &[i32]) {
        let end = self.count + numbers.len();
        self.numbers[self.count..end].copy_from_slice(numbers);
        self.count = end;
    }
}

/// A slab is shorter than this can say.
fn number(size: usize) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}

/// Low and high half.
fn halves(number: u64) -> [i32; 2] {
    let low = number & u64::from(u32::MAX);
    [low, number >> 32].map(|half| u32::try_from(half).unwrap_or(0).cast_signed())
}

pub(crate) const RESERVED: usize = 2;
/// What the longest record takes.
const MOST_NUMBERS: usize = 18;
const DATA_NUMBERS: usize = 5;

const RESPONSE: i32 = 1;
const DATA: i32 = 2;
const END: i32 = 3;
const ERROR: i32 = 4;
const REDIRECT: i32 = 5;
const PROGRESS: i32 = 6;
const WRITTEN: i32 = 7;
const SETTLED: i32 = 8;
const CHANGED: i32 = 9;
