//! Requests without async: every call waits, and a message is an ordinary reader.
//!
//! `cargo run -p netreq --example blocking --features blocking`

use std::error::Error;
use std::io::{BufRead, BufReader, Cursor};

use netreq::Body;
use netreq::blocking::Session;
use netreq_testserver::{Server, pattern};

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start();
    let session = Session::in_memory()?;

    let message = session.get(server.url("/stream/3")).send(())?;
    println!("{} {}", message.status(), message.status_message());
    let lines = BufReader::new(message).lines().collect::<Result<Vec<_>, _>>()?;
    println!("{}", lines.join("\n"));
    assert_eq!(lines, ["{\"line\": 0}", "{\"line\": 1}", "{\"line\": 2}"]);

    // Any reader can be a body; it is read on a thread of its own.
    let body = Body::from_reader(Cursor::new(pattern(1_000_000)));
    let text = session.post(server.url("/upload")).send(body)?.text()?;
    println!("{text}");
    assert!(text.contains("\"bytes\": 1000000"));

    // One session serves several threads at once.
    let lengths = std::thread::scope(|scope| {
        let fetch = |length: usize| {
            let (session, url) = (&session, server.url(&format!("/bytes/{length}")));
            scope.spawn(move || Ok::<_, netreq::Error>(session.get(url).send(())?.bytes()?.len()))
        };
        [1, 20, 300].map(fetch).map(|thread| thread.join().expect("no thread panics"))
    });
    println!("{lengths:?}");
    for (length, expected) in lengths.into_iter().zip([1, 20, 300]) {
        assert_eq!(length?, expected);
    }
    Ok(())
}
