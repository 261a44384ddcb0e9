//! Redirects in one's own hands: decide on every hop, change what goes along, or take the 3xx itself.
//!
//! `cargo run -p netreq --example manual_redirect`

use std::error::Error;

use netreq::{RedirectMode, RedirectVerdict, Session};
use netreq_testserver::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start();
    let other = Server::start();
    let session = Session::in_memory();

    // Here, then here again, then to another server, which shows the fields that it got.
    let last = format!("/redirect-to?url={}", other.url("/headers"));
    let first = server.url(&format!("/redirect-to?url={last}"));
    let message = session
        .get(&first)
        .header("Authorization", "Bearer secret")
        .header("X-Hops", "0")
        .on_redirect(|redirect| async move {
            println!("{} to {}", redirect.status, redirect.url);
            // What would go along: nothing that is secret, where the origin is another.
            let mut headers = redirect.headers;
            let hops =
                headers.get("x-hops").and_then(|value| value.first()).map_or(0, |n| n - b'0');
            headers.set("X-Hops", (hops + 1).to_string());
            RedirectVerdict::FollowWith(headers)
        })
        .send(())
        .await?;
    assert_eq!(message.redirected_from().len(), 2);
    assert_eq!(message.url().as_str(), other.url("/headers"));
    let fields = message.text().await?;
    println!("{fields}");
    assert!(fields.contains("[\"X-Hops\", \"2\"]"));
    assert!(!fields.contains("secret"));

    // A closure may also refuse …
    let refused = session
        .get(&first)
        .on_redirect(|redirect| async move {
            if redirect.url.path() == "/headers" {
                return RedirectVerdict::Cancel;
            }
            RedirectVerdict::Follow
        })
        .send(())
        .await;
    let error = refused.expect_err("the second hop was refused");
    println!("{error}");
    assert_eq!(error.to_string(), "Redirect was cancelled");

    // … and the mode alone delivers the redirect itself.
    let message = session.get(&first).redirect(RedirectMode::Manual).send(()).await?;
    println!("{}, Location: {}", message.status(), message.header("location").unwrap_or("none"));
    assert_eq!(message.status(), 302);
    assert_eq!(message.header("location"), Some(last.as_str()));
    Ok(())
}
