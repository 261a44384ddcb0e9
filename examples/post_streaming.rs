//! A body that is sent while it is made: in chunks, without its length and without holding it.
//!
//! `cargo run -p netreq --example post_streaming`

use std::error::Error;

use netreq::{Body, Session};
use netreq_testserver::Server;
use tokio::io::AsyncWriteExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start();
    let session = Session::in_memory();

    // Whatever is an `AsyncRead` can be a body: here the reading end of a pipe with little room, so
    // that a slow server slows the writer.
    let (mut writer, reader) = tokio::io::duplex(16 * 1024);
    let write = async {
        let mut written = 0;
        for number in 0..50_000 {
            let line = format!("{{\"line\": {number}}}\n");
            writer.write_all(line.as_bytes()).await?;
            written += line.len();
        }
        // The end of the pipe is the end of the body.
        drop(writer);
        Ok::<_, std::io::Error>(written)
    };
    let send = session
        .post(server.url("/upload"))
        .header("Content-Type", "application/x-ndjson")
        .send(Body::reader(reader));

    let (written, message) = tokio::join!(write, send);
    let (written, message) = (written?, message?);
    println!("{written} bytes written, {} {}", message.status(), message.status_message());
    let text = message.text().await?;
    println!("the server says {text}");
    assert!(text.contains(&format!("\"bytes\": {written}")));
    Ok(())
}
