//! What a caller sees of one exchange, as a value that can be compared.
//!
//! Nothing here waits for ever: an exchange that neither ends nor fails fails its test.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use netreq::{Error, IncomingMessage, NetError, Phase};

/// A response as far as it came, and what ended it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `None` when no response came.
    pub(crate) status: Option<u16>,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Bytes,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
    /// `None` when the body came to its whole end.
    pub(crate) error: Option<(NetError, Option<Phase>)>,
}

/// Bytes that show as text.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.len().min(200);
        write!(f, "{} bytes \"{}\"", self.0.len(), self.0[..shown].escape_ascii())
    }
}

impl Seen {
    /// A response that came whole.
    pub(crate) fn whole(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self { status: Some(status), body: Bytes(body.as_ref().to_vec()), ..Self::default() }
    }

    /// No response, for this reason.
    pub(crate) fn refused(error: NetError, phase: Phase) -> Self {
        Self { error: Some((error, Some(phase))), ..Self::default() }
    }

    /// A response whose body broke off behind these bytes.
    pub(crate) fn broken(status: u16, body: impl AsRef<[u8]>, error: NetError) -> Self {
        Self { error: Some((error, Some(Phase::Receive))), ..Self::whole(status, body) }
    }

    /// The same without fields and trailers, for tests of where a body ends.
    pub(crate) fn bare(self) -> Self {
        Self { fields: Vec::new(), trailers: Vec::new(), ..self }
    }
}

/// Sends a request and reads its response to the end.
pub(crate) async fn observe(
    request: impl IntoFuture<Output = Result<IncomingMessage, Error>>,
) -> Seen {
    bounded(async {
        match request.await {
            Ok(message) => read(message).await,
            Err(error) => {
                Seen { error: Some((error.net_error(), error.phase())), ..Seen::default() }
            }
        }
    })
    .await
}

/// Reads a response to its end.
pub(crate) async fn read(mut message: IncomingMessage) -> Seen {
    let mut seen = Seen { status: Some(message.status()), ..Seen::default() };
    seen.fields = message.raw_headers().map(|(name, value)| (name.into(), value.into())).collect();
    loop {
        match message.chunk().await {
            Ok(Some(chunk)) => seen.body.0.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => {
                seen.error = Some((error.net_error(), error.phase()));
                break;
            }
        }
    }
    if let Some(trailers) = message.trailers() {
        seen.trailers = trailers.iter().map(|(name, value)| (name.into(), value.into())).collect();
    }
    seen
}

/// Lets `work` take as long as anything may that does not hang.
pub(crate) async fn bounded<T>(work: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work.into_future()).await.expect("nothing hangs")
}
