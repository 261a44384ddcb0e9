//! The system's own look-up, `getaddrinfo`, on a few threads of its own.
//!
//! The call cannot be cancelled and may block for many seconds, so it must hold up neither a
//! runtime's blocking pool nor the end of a session: these threads belong to nobody, end when they
//! have had nothing to do for a while, and their answers may find no one waiting.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::runtime::lock;

pub(crate) async fn look_up(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let (answer, answered) = oneshot::channel();
    enqueue(Question { host, port, answer })?;
    match answered.await {
        Ok(addresses) => addresses,
        Err(_) => Err(io::Error::other("the look-up ended without an answer")),
    }
}

struct Question {
    host: String,
    port: u16,
    answer: oneshot::Sender<io::Result<Vec<SocketAddr>>>,
}

struct Waiting {
    questions: VecDeque<Question>,
    threads: usize,
    idle: usize,
}

static WAITING: Mutex<Waiting> =
    Mutex::new(Waiting { questions: VecDeque::new(), threads: 0, idle: 0 });
static ASKED: Condvar = Condvar::new();

fn enqueue(question: Question) -> io::Result<()> {
    let mut waiting = lock(&WAITING);
    if waiting.idle <= waiting.questions.len() && waiting.threads < MOST_THREADS {
        let started = thread::Builder::new()
            .name("netreq-resolve".into())
            .stack_size(STACK)
            .spawn(answer_questions);
        match started {
            Ok(_) => waiting.threads += 1,
            Err(error) if waiting.threads == 0 => return Err(error),
            Err(_) => {}
        }
    }
    waiting.questions.push_back(question);
    ASKED.notify_one();
    Ok(())
}

fn answer_questions() {
    let mut waiting = lock(&WAITING);
    loop {
        if let Some(question) = waiting.questions.pop_front() {
            drop(waiting);
            if !question.answer.is_closed() {
                let addresses = (question.host.as_str(), question.port)
                    .to_socket_addrs()
                    .map(Iterator::collect);
                // Whoever asked may have gone.
                let _ = question.answer.send(addresses);
            }
            waiting = lock(&WAITING);
            continue;
        }
        waiting.idle += 1;
        let (guard, timeout) =
            ASKED.wait_timeout(waiting, IDLE).unwrap_or_else(PoisonError::into_inner);
        waiting = guard;
        waiting.idle -= 1;
        if timeout.timed_out() && waiting.questions.is_empty() {
            waiting.threads -= 1;
            return;
        }
    }
}

/// Chromium runs at most eight look-ups at once (`HostResolverProc`, `kDefaultMaxProcTasks`).
const MOST_THREADS: usize = 8;
const IDLE: Duration = Duration::from_secs(10);
/// `getaddrinfo` with its plug-ins needs more than the smallest stack.
const STACK: usize = 256 * 1024;
