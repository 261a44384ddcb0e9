//! The hot paths, each done N times: `netreq-bench-instructions NAME N`.
//!
//! Run under valgrind's callgrind with two values of N, the difference is what one turn costs. The
//! server of the GETs is a child process, so that its instructions are not counted.

use std::hint::black_box;
use std::process::ExitCode;

use bytes::BytesMut;
use netreq::{ClientRequest, Event, Method, Options, Session, Url};
use netreq_bench::{BODY, Outcome, Server, serve};
use netreq_proto::h1::{
    Connection, HeadLimits, HeadScanner, RequestBody, RequestHead, ResponseHead, Target, write_head,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["serve"] => serve(),
        [name, turns] => match (name, turns.parse()) {
            ("head_writing", Ok(turns)) => {
                head_writing(turns);
                Ok(())
            }
            ("head_parsing", Ok(turns)) => head_parsing(turns),
            ("keep_alive_get", Ok(turns)) => keep_alive_get(turns),
            ("event_get", Ok(turns)) => event_get(turns),
            _ => Err(USAGE.into()),
        },
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn head_writing(turns: u64) {
    let url = Url::parse("https://api.example.org/v1/items?page=2").expect("a URL");
    let head = RequestHead {
        method: &Method::GET,
        target: Target::Origin(&url),
        host: None,
        connection: Some(Connection::KeepAlive),
        body: RequestBody::None,
    };
    let fields: [(&str, &[u8]); 6] = [
        ("X-Request-Id", b"0123456789abcdef"),
        ("Authorization", b"Bearer abcdefghijklmnopqrstuvwxyz"),
        ("Sec-Fetch-Site", b"none"),
        ("User-Agent", b"netreq/0.1.0"),
        ("Accept-Encoding", b"gzip, deflate, br, zstd"),
        ("Accept-Language", b"en-US,fr;q=0.9"),
    ];
    let mut out = Vec::with_capacity(1024);
    for _ in 0..turns {
        out.clear();
        write_head(&mut out, black_box(&head), black_box(fields));
        black_box(&out);
    }
}

fn head_parsing(turns: u64) -> Outcome {
    let head: &[u8] =
        b"HTTP/1.1 200 OK\r\nDate: Tue, 01 Dec 2026 10:00:00 GMT\r\nServer: nginx\r\n\
          Content-Type: application/json; charset=utf-8\r\nContent-Length: 125\r\n\
          Connection: keep-alive\r\nVary: Accept-Encoding\r\nCache-Control: no-cache\r\n\
          ETag: \"5f3c-1a2b3c\"\r\nX-Request-Id: 0123456789abcdef\r\n\r\n";
    let limits = HeadLimits::default();
    let mut buffer = BytesMut::new();
    for _ in 0..turns {
        buffer.extend_from_slice(black_box(head));
        let head = ResponseHead::take(&mut buffer, &mut HeadScanner::new(), &limits)?;
        black_box(head.ok_or("no head")?);
    }
    Ok(())
}

fn keep_alive_get(turns: u64) -> Outcome {
    let mut server = Server::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let session = Session::in_memory();
    let url = format!("http://{}/s", server.address()?);
    runtime.block_on(async {
        for _ in 0..turns {
            let message = session.get(url.as_str()).send(()).await?;
            let body = message.bytes().await?;
            if body.len() != BODY.len() {
                return Err("a body of another length".into());
            }
        }
        Outcome::Ok(())
    })
}

/// The same by events, as the Node package asks.
fn event_get(turns: u64) -> Outcome {
    let mut server = Server::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let session = Session::in_memory();
    let url = format!("http://{}/s", server.address()?);
    runtime.block_on(async {
        for _ in 0..turns {
            let options = Options { session: Some(session.clone()), ..url.as_str().into() };
            let mut request = ClientRequest::new(options)?;
            let mut events = request.events();
            request.end("").await?;
            let mut length = None;
            while let Some(event) = events.next().await {
                match event {
                    Event::Response(message) => length = Some(message.bytes().await?.len()),
                    Event::Error(error) => return Err(error.into()),
                    _ => {}
                }
            }
            if length != Some(BODY.len()) {
                return Err("a body of another length".into());
            }
        }
        Outcome::Ok(())
    })
}

const USAGE: &str =
    "usage: netreq-bench-instructions head_writing|head_parsing|keep_alive_get|event_get N";
