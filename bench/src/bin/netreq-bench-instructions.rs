//! The hot paths, each done N times: `netreq-bench-instructions NAME N`.
//!
//! Run under valgrind's callgrind with two values of N, the difference is what one turn costs. The
//! server of `keep_alive_get` is a child process, so that its instructions are not counted.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};

use bytes::BytesMut;
use netreq::{Method, Session, Url};
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

type Outcome = Result<(), Box<dyn std::error::Error>>;

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
    let url = server.url()?;
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

/// The server in a process of its own, ended with this value.
struct Server(Child);

impl Server {
    fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Self(child))
    }

    fn url(&mut self) -> Result<String, Box<dyn std::error::Error>> {
        let mut line = String::new();
        let output = self.0.stdout.as_mut().ok_or("no output")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(format!("http://{}/s", line.trim()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has gone already, or goes now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Answers every request of one connection after another with the same 125 bytes.
fn serve() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming() {
        answer(stream?)?;
    }
    Ok(())
}

fn answer(mut stream: TcpStream) -> Outcome {
    stream.set_nodelay(true)?;
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Length: {}\r\n\r\n", BODY.len())
            .into_bytes();
    answer.extend_from_slice(&BODY);
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&piece[..read]);
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            stream.write_all(&answer)?;
        }
    }
}

const BODY: [u8; 125] = [b'x'; 125];
const USAGE: &str = "usage: netreq-bench-instructions head_writing|head_parsing|keep_alive_get N";
