//! Ending a request early: drop its future, drop its message, or abort a `ClientRequest`.
//!
//! Each closes the connection, so that the server stops too. `cargo run -p netreq --example cancel`

use std::error::Error;
use std::time::Duration;

use netreq::{ClientRequest, Event, NetError, Options, Session, Timeouts};
use netreq_testserver::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start();
    let session = Session::in_memory();
    let slow = server.url("/delay/60000");

    // A future that is dropped has ended its request: so every timeout and `select!` cancels.
    let moment = Duration::from_millis(50);
    let outcome = tokio::time::timeout(moment, session.get(&slow).send(())).await;
    println!("dropped while waiting: {}", outcome.is_err());
    assert!(outcome.is_err());
    assert_eq!(session.connections().active, 0);

    // The engine's own limits end it with an error that says where it stood.
    let limits = Timeouts::default().with_first_byte(moment);
    let error = session.get(&slow).timeouts(limits).send(()).await.expect_err("60 s are too long");
    println!("{error} in phase {:?}", error.phase());
    assert_eq!(error.net_error(), NetError::TimedOut);

    // A message dropped in the middle of its body gives up the rest.
    let mut message = session.get(server.url("/bytes/1000000000")).send(()).await?;
    let first = message.chunk().await?.map_or(0, |chunk| chunk.len());
    println!("{first} bytes of 1000000000 are enough");
    drop(message);
    assert_eq!(session.connections().active + session.connections().idle, 0);

    // A `ClientRequest` is driven by a task, so it is told.
    let options = Options { url: slow, session: Some(session.clone()), ..Options::default() };
    let mut request = ClientRequest::new(options)?;
    let mut events = request.events();
    request.end("").await?;
    request.abort();
    let mut order = Vec::new();
    while let Some(event) = events.next().await {
        order.push(match event {
            Event::Finish => "finish",
            Event::Abort => "abort",
            Event::Close => "close",
            other => return Err(format!("{other:?} after an abort").into()),
        });
    }
    println!("{}", order.join(", "));
    assert_eq!(order, ["finish", "abort", "close"]);
    session.close().await?;
    Ok(())
}
