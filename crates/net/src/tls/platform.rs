//! The operating system's trust, read once per process and only when a verdict needs it.
//!
//! On Linux this means a few hundred certificates from disk, on other systems a question to the
//! system itself. Sessions share the result; a failure is not remembered, so that a machine whose
//! certificates are installed later is believed later. It does not decide when it is asked.

use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;

use rustls::Error;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;

/// What the platform trusts. Blocks the calling thread while it is being read.
pub(super) fn verifier(
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    // Held while reading: whoever comes second waits for the first instead of reading again.
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(verifier) = &*shared {
        return Ok(Arc::clone(verifier));
    }
    let verifier = read(provider)?;
    *shared = Some(Arc::clone(&verifier));
    Ok(verifier)
}

/// Begins to read on a thread of its own, while the handshake waits for the server.
///
/// The thread ends when it has read; no session owns it because all of them use what it reads.
pub(super) fn read_ahead(provider: &Arc<CryptoProvider>) {
    BEGUN.call_once(|| {
        let provider = Arc::clone(provider);
        // Without a thread the verdict reads for itself, and says what went wrong either way.
        let _detached = thread::Builder::new()
            .name("netreq-roots".to_owned())
            .spawn(move || drop(verifier(&provider)));
    });
}

#[cfg(feature = "platform-verifier")]
fn read(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    Ok(Arc::new(rustls_platform_verifier::Verifier::new(Arc::clone(provider))?))
}

#[cfg(not(feature = "platform-verifier"))]
fn read(_: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    Err(Error::General("built without the feature `platform-verifier`".to_owned()))
}

static SHARED: Mutex<Option<Arc<dyn ServerCertVerifier>>> = Mutex::new(None);
static BEGUN: Once = Once::new();
