//! Where the time of a request goes, with and without a connection to begin with.
//!
//! `cargo run -p netreq --example timing`

use std::error::Error;

use netreq::{Session, Span, Timing};
use netreq_testserver::{Authority, Server};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // A server whose certificate an authority of our own has signed.
    let authority = Authority::new();
    let server = Server::builder().tls(&authority.identity()).start()?;
    let session = Session::builder()
        .platform_roots(false)
        .add_root_certificates(authority.certificate_pem().as_bytes())?
        .build()?;

    for is_reused in [false, true] {
        let mut message = session.get(server.url("/bytes/1000000")).send(()).await?;
        while message.chunk().await?.is_some() {}
        let Timing { resolve, connect, tls, send, wait, receive, .. } = message.timing();

        println!("{}", if is_reused { "on the same connection" } else { "on a new connection" });
        assert_eq!(message.is_connection_reused(), is_reused);
        for (name, span) in [
            ("resolve", resolve),
            ("connect", connect),
            ("tls", tls),
            ("send", send),
            ("wait", wait),
            ("receive", receive),
        ] {
            match span {
                Some(Span { start, end }) => println!("  {name:8} {start:>12.1?} to {end:.1?}"),
                None => println!("  {name:8}            -"),
            }
        }
        assert_eq!(resolve, None, "an address needs no look-up");
        assert_eq!((connect.is_some(), tls.is_some()), (!is_reused, !is_reused));
        assert!(send.is_some() && wait.is_some() && receive.is_some());
    }
    Ok(())
}
