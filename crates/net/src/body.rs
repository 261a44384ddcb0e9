//! What a request carries: nothing, bytes, a file, or a stream.

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::{Frame, SizeHint};
use netreq_proto::{NetError, Phase};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinHandle;

use crate::error::{BoxError, Error};
use crate::write_channel::ChunkReader;

/// The body of a request.
///
/// Bytes and files can be sent again when a redirect or a lost connection asks for it; a stream
/// cannot, and such a request then fails with `ERR_UPLOAD_STREAM_REWIND_NOT_SUPPORTED`. A body whose
/// length is known goes out with `Content-Length`, any other in chunks.
pub struct Body(Kind);

enum Kind {
    Empty,
    Bytes(Bytes),
    File {
        file: Arc<File>,
        length: u64,
    },
    Stream {
        stream: BodyStream,
        length: Option<u64>,
    },
    /// A stream that has been sent once.
    Gone,
}

impl Body {
    /// No body.
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// What `file` holds from its beginning to its end as of now, read while it is sent.
    ///
    /// A file that has become shorter meanwhile fails the request; what is appended is not sent.
    ///
    /// # Errors
    ///
    /// The length of `file` cannot be read, or it has none.
    pub fn file(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "only a regular file has a length: send the others as a stream",
            ));
        }
        Ok(Self(Kind::File { file: Arc::new(file), length: metadata.len() }))
    }

    /// `length` bytes from `reader`. More or fewer fail the request.
    pub fn sized(length: u64, reader: impl AsyncRead + Send + 'static) -> Self {
        Self(Kind::Stream {
            stream: BodyStream::new(ReaderBody::new(reader)),
            length: Some(length),
        })
    }

    /// All that `reader` gives, in chunks.
    pub fn reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self(Kind::Stream { stream: BodyStream::new(ReaderBody::new(reader)), length: None })
    }

    /// All that `stream` gives, in chunks. Its error fails the request and becomes its source.
    pub fn stream<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self(Kind::Stream {
            stream: BodyStream::new(StreamBody { stream: Box::pin(stream) }),
            length: None,
        })
    }

    /// Any [`http_body::Body`]: counted where its size hint is exact, chunked otherwise. Its trailers
    /// are not sent.
    pub fn wrap<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        match body.size_hint().exact() {
            Some(0) => Self::empty(),
            length => Self(Kind::Stream {
                stream: BodyStream::new(WrappedBody { body: Box::pin(body) }),
                length,
            }),
        }
    }

    /// Chunks as they are written elsewhere.
    pub(crate) fn chunks(reader: ChunkReader) -> Self {
        Self(Kind::Stream { stream: BodyStream::new(reader), length: None })
    }

    /// Whether there is no body at all. An empty file is one.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Bytes(bytes) => bytes.is_empty(),
            Kind::File { .. } | Kind::Stream { .. } | Kind::Gone => false,
        }
    }

    /// Its length in bytes, if it is known.
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Kind::Empty => Some(0),
            Kind::Bytes(bytes) => Some(bytes.len() as u64),
            Kind::File { length, .. } => Some(*length),
            Kind::Stream { length, .. } => *length,
            Kind::Gone => None,
        }
    }

    /// Whether it can be sent from its first byte again.
    pub(crate) fn rewinds(&self) -> bool {
        matches!(self.0, Kind::Empty | Kind::Bytes(_) | Kind::File { .. })
    }

    /// The body for one attempt.
    pub(crate) fn open(&mut self) -> Result<Outgoing, Error> {
        Ok(match &self.0 {
            Kind::Empty => Outgoing::Nothing,
            Kind::Bytes(bytes) => Outgoing::Whole(bytes.clone()),
            Kind::File { file, length } => Outgoing::Stream {
                length: Some(*length),
                stream: BodyStream::new(FileBody::new(Arc::clone(file), *length)),
            },
            Kind::Stream { .. } => match std::mem::replace(&mut self.0, Kind::Gone) {
                Kind::Stream { stream, length } => Outgoing::Stream { length, stream },
                _ => Outgoing::Nothing,
            },
            Kind::Gone => {
                let error = Error::new(NetError::UploadStreamRewindNotSupported, Phase::Send);
                return Err(error.with_source("the body is a stream that has been sent once"));
            }
        })
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("length", &self.length()).finish_non_exhaustive()
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

/// A body that comes piece by piece.
///
/// The mutex is never locked: it lets a request be shared by reference though only its owner polls
/// the stream.
pub(crate) struct BodyStream(Mutex<DynBody>);

type DynBody = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>;

impl BodyStream {
    pub(crate) fn new(
        body: impl http_body::Body<Data = Bytes, Error = BoxError> + Send + 'static,
    ) -> Self {
        Self(Mutex::new(Box::pin(body)))
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        body.as_mut().poll_frame(cx)
    }
}

/// A body on its way out, for one attempt.
pub(crate) enum Outgoing {
    Nothing,
    Whole(Bytes),
    /// With a length it is counted, without it is chunked.
    Stream {
        length: Option<u64>,
        stream: BodyStream,
    },
}

/// A file, read piece by piece on the blocking threads. Positions are absolute, so that attempts do
/// not disturb each other.
struct FileBody {
    file: Arc<File>,
    position: u64,
    length: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    fn new(file: Arc<File>, length: u64) -> Self {
        Self { file, position: 0, length, reading: None }
    }
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(Pin::new(reading).poll(cx));
                self.reading = None;
                let bytes = match read {
                    Ok(Ok(bytes)) => bytes,
                    Ok(Err(cause)) => return Poll::Ready(Some(Err(file_failed(cause)))),
                    Err(cause) => return Poll::Ready(Some(Err(cause.into()))),
                };
                if bytes.is_empty() {
                    return Poll::Ready(None);
                }
                self.position += bytes.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let left = self.length - self.position;
            if left == 0 {
                return Poll::Ready(None);
            }
            let at_most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let (file, position) = (Arc::clone(&self.file), self.position);
            self.reading = Some(tokio::task::spawn_blocking(move || {
                let mut buffer = vec![0; at_most];
                let read = read_at(&file, &mut buffer, position)?;
                buffer.truncate(read);
                Ok(buffer.into())
            }));
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

fn file_failed(cause: io::Error) -> BoxError {
    Error::new(NetError::from_io(&cause, Phase::Send), Phase::Send).with_source(cause).into()
}

struct ReaderBody<R> {
    reader: Pin<Box<R>>,
    buffer: BytesMut,
}

impl<R> ReaderBody<R> {
    fn new(reader: R) -> Self {
        Self { reader: Box::pin(reader), buffer: BytesMut::new() }
    }
}

impl<R: AsyncRead + Send> http_body::Body for ReaderBody<R> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        this.buffer.reserve(PIECE);
        let reading = std::pin::pin!(this.reader.read_buf(&mut this.buffer));
        match ready!(reading.poll(cx)) {
            Ok(0) => Poll::Ready(None),
            Ok(_) => Poll::Ready(Some(Ok(Frame::data(this.buffer.split().freeze())))),
            Err(cause) => Poll::Ready(Some(Err(cause.into()))),
        }
    }
}

struct StreamBody<S> {
    stream: Pin<Box<S>>,
}

impl<S, E> http_body::Body for StreamBody<S>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let item = ready!(self.stream.as_mut().poll_next(cx));
        Poll::Ready(item.map(|item| item.map(Frame::data).map_err(Into::into)))
    }
}

struct WrappedBody<B> {
    body: Pin<Box<B>>,
}

impl<B> http_body::Body for WrappedBody<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.body.as_mut().poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

const PIECE: usize = 64 * 1024;
