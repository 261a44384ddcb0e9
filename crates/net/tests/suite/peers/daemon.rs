//! A server's process: started in the foreground on free ports, killed when dropped.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where a server listens: in the clear, and under TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) plain: u16,
    pub(crate) secure: u16,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    pub(crate) ports: Ports,
}

impl Daemon {
    /// Starts `program` of the Debian package `package` with what `prepare` adds, until it serves
    /// `/token` with what is in it. Another process may take a port first: then on other ports.
    pub(crate) fn start(
        package: &str,
        program: &str,
        folder: &Path,
        token: &str,
        prepare: impl Fn(Ports, &mut Command),
    ) -> Self {
        let log = folder.join("log");
        for _ in 0..ATTEMPTS {
            let ports = free_ports();
            let mut child = spawn(package, program, &log, |command| prepare(ports, command));
            if is_up(&mut child, ports, token) {
                return Self { child, ports };
            }
            stop(&mut child);
        }
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        panic!("{program} does not start:\n{log}");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

fn stop(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

fn spawn(package: &str, program: &str, log: &Path, prepare: impl Fn(&mut Command)) -> Child {
    // Servers live in sbin, which an ordinary user's PATH leaves out.
    for place in ["", "/usr/sbin/"] {
        let log = File::create(log).expect("the folder is ours");
        let mut command = Command::new(format!("{place}{program}"));
        prepare(&mut command);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
        match command.spawn() {
            Ok(child) => return child,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => panic!("{program}: {cause}"),
        }
    }
    panic!("{program} is missing; it is in Debian's package `{package}`");
}

fn free_ports() -> Ports {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let (plain, secure) = (listen(), listen());
    let port = |listener: &TcpListener| listener.local_addr().expect("it is bound").port();
    Ports { plain: port(&plain), secure: port(&secure) }
}

#[expect(clippy::disallowed_methods, reason = "waits for another process, outside any session")]
fn is_up(child: &mut Child, ports: Ports, token: &str) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return false;
        }
        let is_secure_up = TcpStream::connect((Ipv4Addr::LOCALHOST, ports.secure)).is_ok();
        if is_secure_up && serves_token(ports.plain, token).unwrap_or(false) {
            return true;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    false
}

/// Whether it is our server that listens.
fn serves_token(port: u16, token: &str) -> io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = "GET /token HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).contains(token))
}

const ATTEMPTS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
