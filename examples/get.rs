//! A GET request, its head and its body, and a second one on the same connection.
//!
//! `cargo run -p netreq --example get`

use std::error::Error;

use netreq::Session;
use netreq_testserver::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start();
    let session = Session::in_memory();

    let message =
        session.get(server.url("/anything?answer=42")).header("X-Trace", "7").send(()).await?;
    println!("{} {}", message.status(), message.status_message());
    for (name, value) in message.raw_headers() {
        println!("{name}: {}", value.escape_ascii());
    }
    assert_eq!(message.status(), 200);
    assert!(!message.is_connection_reused());

    // Reading to the end gives the connection back to the session.
    let text = message.text().await?;
    println!("\n{text}");
    assert!(text.contains("\"query\": {\"answer\": \"42\"}"));
    assert!(text.contains("[\"X-Trace\", \"7\"]"));

    // A request without a body may be awaited as it is; a failure status is no error until asked.
    let missing = session.get(server.url("/nothing/here")).await?;
    println!("{} {}", missing.status(), missing.status_message());
    assert!(missing.is_connection_reused());
    let error = missing.error_for_status().expect_err("404 is a failure");
    println!("{error}");
    assert_eq!(error.status(), Some(404));
    Ok(())
}
