//! Electron's contract, step by step: what `net.request` and its events are called here.
//!
//! `cargo run -p netreq --example client_request`

use std::error::Error;

use netreq::{ClientRequest, Event, Method, Options, RedirectMode};
use netreq_testserver::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start();

    // const request = net.request({ method: 'POST', url, redirect: 'manual' })
    let target = server.url("/anything");
    let mut request = ClientRequest::new(Options {
        method: Method::POST,
        url: server.url(&format!("/redirect-to?status=303&url={target}")),
        redirect: RedirectMode::Manual,
        ..Options::default()
    })?;

    // request.chunkedEncoding = true; request.setHeader('X-Trace', '7')
    request.set_chunked_encoding(true)?;
    request.set_header("X-Trace", "7")?;
    assert_eq!(request.get_header("x-trace"), Some(&b"7"[..]));

    // request.on(…): the events come in their documented order.
    let mut events = request.events();

    // request.write('first'): the request begins, and its fields are fixed.
    request.write("first ").await?;
    let late = request.set_header("X-Late", "1").expect_err("the fields have been sent");
    println!("setHeader: {late}");
    assert_eq!(late.to_string(), "Can't set headers after they are sent");

    // request.end('last')
    request.end("last").await?;

    let mut order = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            // All of it is handed over; a hasty server may have answered before.
            Event::Finish => println!("finish"),
            // The same figures as request.getUploadProgress(): request.upload_progress().
            Event::UploadProgress(progress) => println!("{} bytes are out", progress.current),
            Event::Redirect(question) => {
                let info = question.info();
                println!("redirect: {} {} {}", info.status, info.method, info.url);
                order.push("redirect");
                // Without this the request ends with "Redirect was cancelled".
                question.follow_redirect();
            }
            Event::Response(message) => {
                println!("response: {} {}", message.status(), message.status_message());
                order.push("response");
                assert_eq!(message.status(), 200);
                let text = message.text().await?;
                // 303 turns a POST into a GET without a body (Fetch §4.4).
                assert!(text.contains("\"method\": \"GET\"") && text.contains("\"bytes\": 0"));
            }
            Event::Error(error) => return Err(error.into()),
            Event::Abort => order.push("abort"),
            Event::Close => order.push("close"),
            _ => {}
        }
    }
    println!("{}", order.join(", "));
    assert_eq!(order, ["redirect", "response", "close"]);
    Ok(())
}
