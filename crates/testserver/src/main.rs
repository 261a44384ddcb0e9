//! The ordinary server as a program, for tests that are not written in Rust.
//!
//! Prints one line of JSON, `{"http": URL, "https": URL, "ca": PEM}`, and serves until its standard
//! input closes: a test that dies takes its server with it.

use std::io::{self, Read, Write};

use netreq_testserver::{Authority, Server};

fn main() -> io::Result<()> {
    let authority = Authority::new();
    let http = Server::builder().start()?;
    let https = Server::builder().tls(&authority.identity()).start()?;
    let line = format!(
        "{{\"http\": \"{}\", \"https\": \"{}\", \"ca\": \"{}\"}}\n",
        http.url(""),
        https.url(""),
        // PEM is base64 and line ends: nothing else in it needs escaping.
        authority.certificate_pem().replace('\r', "").replace('\n', "\\n"),
    );
    let mut output = io::stdout().lock();
    output.write_all(line.as_bytes())?;
    output.flush()?;
    let mut input = io::stdin().lock();
    let mut ignored = [0; 1024];
    while input.read(&mut ignored)? > 0 {}
    Ok(())
}
