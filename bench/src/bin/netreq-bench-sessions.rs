//! What a session costs that has something in it: `netreq-bench-sessions jar|open`.
//!
//! `jar` sends the same request in turns with 3,000 cookies of 180 sites in the session and with none,
//! and says what one costs in CPU time of this thread, the kernel's share included. `open` opens a
//! session of 3,000 cookies on disk, over and over.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use netreq::{Cookie, Session, Timestamp, Url};
use netreq_bench::{BODY, Outcome, Server, serve};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => serve(),
        ["jar"] => runtime.block_on(jar()),
        ["open"] => runtime.block_on(open()),
        _ => Err("usage: netreq-bench-sessions jar|open".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn jar() -> Outcome {
    let mut server = Server::start()?;
    let port = server.address()?.port();
    let session = || Session::builder().host_resolver_rules("MAP * 127.0.0.1").build();
    let (full, empty) = (session()?, session()?);
    let taken = full.cookies().import(cookies()?).await?;
    // Among the first's cookies none is for the second host, so that both send the same bytes.
    let known = format!("http://www.{}:{port}/a/b/c", domain(7));
    let unknown = format!("http://www.{}:{port}/a/b/c", "else7.example0");
    println!("a session of {taken} cookies beside one of none; microseconds of CPU per request");
    for (title, url) in
        [("to a host without cookies", &unknown), ("to a host with its share", &known)]
    {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // Who begins has the colder caches: in turns.
            if round % 2 == 0 {
                with.push(requests(&full, url).await?);
                without.push(requests(&empty, url).await?);
            } else {
                without.push(requests(&empty, url).await?);
                with.push(requests(&full, url).await?);
            }
        }
        let ratio = median(&mut with) / median(&mut without);
        println!("{title}: with {}, without {}, ratio {ratio:.3}", spread(&with), spread(&without));
    }
    Ok(())
}

/// Microseconds of CPU of one of many requests.
async fn requests(session: &Session, url: &str) -> Outcome<f64> {
    let begun = cpu()?;
    for _ in 0..TURNS {
        let message = session.get(url).use_session_cookies(true).send(()).await?;
        if message.bytes().await?.len() != BODY.len() {
            return Err("a body of another length".into());
        }
    }
    Ok((cpu()? - begun) / TURNS as f64 / 1000.0)
}

/// Nanoseconds that this thread has run so far.
fn cpu() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

async fn open() -> Outcome {
    let folder = std::env::temp_dir().join(format!("netreq-bench-{}", std::process::id()));
    let outcome = reopen(&folder).await;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

#[expect(clippy::disallowed_methods, reason = "what is measured is the whole of a session")]
async fn reopen(folder: &Path) -> Outcome {
    let session = Session::from_path(folder)?;
    session.cookies().import(cookies()?).await?;
    session.close().await?;
    let url = Url::parse(&format!("https://www.{}/", domain(7)))?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let session = Session::from_path(folder)?;
        let filter = netreq::CookieFilter { url: Some(&url), ..netreq::CookieFilter::default() };
        let found = session.cookies().get(filter).await?.len();
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        if found == 0 {
            return Err("a session without its cookies".into());
        }
        session.close().await?;
    }
    median(&mut times);
    println!("opening a session of 3,000 cookies: {} ms", spread(&times));
    Ok(())
}

fn domain(site: usize) -> String {
    format!("site{site}.example{}", site % 7)
}

/// 3,000 cookies of 180 sites: a third for the domain, a third `Secure`, a third `HttpOnly`.
fn cookies() -> Outcome<Vec<Cookie>> {
    let now = Timestamp(1_764_000_000_000_000);
    let make = |number: usize| {
        let domain = domain(number % 180);
        let url = Url::parse(&format!("https://www.{domain}/a/b/c"))?;
        let path = ["/", "/a", "/a/b"][number / 180 % 3];
        let attribute = match number % 3 {
            0 => format!("Domain={domain}"),
            1 => "Secure".to_owned(),
            _ => "HttpOnly".to_owned(),
        };
        let line = format!(
            "c{number}=value-{number}-0123456789abcdef; Path={path}; Max-Age=34000000; {attribute}"
        );
        Ok(Cookie::from_line(line.as_bytes(), &url, now, None, None)?)
    };
    (0..3000).map(make).collect()
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The median, the lowest and the highest of what is sorted.
fn spread(times: &[f64]) -> String {
    format!("{:.2} ({:.2}-{:.2})", times[times.len() / 2], times[0], times[times.len() - 1])
}

const ROUNDS: usize = 21;
const TURNS: usize = 2000;
