//! `netreq serve`: the embedded test server by hand, without and with TLS.
//!
//! It prints where it listens, a line for each address, and then a line for each request on standard
//! error. Its authority is made at the start; the certificate to trust is written to a file of the
//! temporary folder, named in the output.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use netreq_testserver::{Authority, Server};

use crate::exit::{Exit, Failure};

/// Serves until the process is ended.
///
/// # Errors
///
/// The address cannot be had, or the certificate not be written.
pub(crate) fn run(address: SocketAddr) -> Result<Exit, Failure> {
    let failed = |what: String| {
        move |cause: io::Error| Failure { exit: Exit::Failed, line: format!("{what}: {cause}") }
    };
    let authority = Authority::new();
    let log = |exchange: &netreq_testserver::Exchange<'_>| {
        // Nobody is left to tell when standard error is gone.
        let _ = writeln!(io::stderr(), "{exchange}");
    };
    let plain = Server::builder()
        .bind(address)
        .log(log)
        .start()
        .map_err(failed(format!("cannot listen on {address}")))?;
    let secure = Server::builder()
        .bind((address.ip(), 0))
        .tls(&authority.identity())
        .log(log)
        .start()
        .map_err(failed(format!("cannot listen on {}", address.ip())))?;
    let certificate = certificate_file(secure.address().port(), &authority.certificate_pem())?;
    let text = format!(
        "{}\n{}\ntrust it with: --ca {}\n",
        plain.url("/"),
        secure.url("/"),
        certificate.display()
    );
    let _ = io::stdout().write_all(text.as_bytes());
    loop {
        std::thread::park();
    }
}

/// Writes the authority's certificate where nobody else's file can be in its place.
fn certificate_file(port: u16, pem: &str) -> Result<PathBuf, Failure> {
    let path = std::env::temp_dir().join(format!("netreq-serve-{port}.pem"));
    let write = || {
        // The port is ours now, so an older file of that name has no owner left.
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        file.write_all(pem.as_bytes())
    };
    match write() {
        Ok(()) => Ok(path),
        Err(cause) => Err(Failure::file("write", &path, &cause)),
    }
}
