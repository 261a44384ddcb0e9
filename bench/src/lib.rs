//! What the benchmarks share: a server in a process of its own, so that its work is not counted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// How a benchmark ends.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The server in a process of its own, ended with this value.
#[derive(Debug)]
pub struct Server(Child);

impl Server {
    /// Starts this program again with the argument `serve`, which is to call [`serve`].
    ///
    /// # Errors
    ///
    /// No process can be started.
    pub fn start() -> Outcome<Self> {
        let child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Self(child))
    }

    /// Where it listens, once.
    ///
    /// # Errors
    ///
    /// It does not say so.
    pub fn address(&mut self) -> Outcome<SocketAddr> {
        let mut line = String::new();
        let output = self.0.stdout.as_mut().ok_or("no output")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has gone already, or goes now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Answers every request with the same [`BODY`], for ever.
///
/// # Errors
///
/// No port can be bound.
pub fn serve() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // A connection that breaks ends alone.
        std::thread::spawn(move || answer(stream).ok());
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

/// What the server answers.
pub const BODY: [u8; 125] = [b'x'; 125];
