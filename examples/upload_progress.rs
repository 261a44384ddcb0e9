//! How far an upload has come, told while it goes out.
//!
//! `cargo run -p netreq --example upload_progress`

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use netreq::{Body, Session};
use netreq_testserver::Server;
use tokio::io::AsyncReadExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    const LENGTH: u64 = 32 * 1024 * 1024;
    let server = Server::start();
    let session = Session::in_memory();

    // The listener is called where the request is driven: it writes down, others draw.
    let sent = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&sent);
    let message = session
        .post(server.url("/upload"))
        .on_upload_progress(move |progress| {
            let before = seen.swap(progress.current, Ordering::Relaxed);
            let percent = |bytes: u64| bytes * 100 / progress.total;
            if percent(before) / 10 < percent(progress.current) / 10 {
                println!("{:>3} % of {} bytes", percent(progress.current), progress.total);
            }
        })
        .send(Body::sized(LENGTH, tokio::io::repeat(b'x').take(LENGTH)))
        .await?;

    println!("{} {}", message.status(), message.status_message());
    assert_eq!(sent.load(Ordering::Relaxed), LENGTH);
    assert!(message.text().await?.contains(&format!("\"bytes\": {LENGTH}")));
    Ok(())
}
