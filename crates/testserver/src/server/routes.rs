//! What each path answers. One arm of the table per route, listed for users in [`INDEX`].
//!
//! Routes take any method unless they say otherwise. Knows the content of answers; framing and
//! limits are the connection's.

use std::fmt::Write as _;
use std::time::Duration;

use aws_lc_rs::digest;

use super::After;
use super::connection::{Broken, Connection, Ends, JSON, LARGEST_PART, PATTERN, Refusal, TEXT};
use super::encode::{Coding, base64, push_json, push_json_object, reason_of};
use super::request::{Request, decoded};

/// Answers one request, in full or broken on purpose.
pub(super) async fn answer(request: &Request, peer: &mut Connection) -> Result<After, Broken> {
    let path: Vec<&str> = request.path().split('/').skip(1).collect();
    match path.as_slice() {
        [""] | [] => peer.respond(200, &[TEXT], INDEX.as_bytes()).await,
        ["echo"] => echo(request, peer).await,
        ["headers"] => respond_json(peer, &fields_json(request)).await,
        ["anything", ..] => anything(request, peer).await,
        ["upload"] => upload(request, peer).await,

        ["status", status] => status_of_choice(request, peer, status).await,
        ["redirect", count] => redirect(peer, number(count)?).await,
        ["redirect-to"] => redirect_to(request, peer).await,
        ["basic-auth", user, password] => basic_auth(request, peer, user, password).await,
        ["cookies"] => respond_json(peer, &cookies_json(request)).await,
        ["cookies", "set"] => set_cookies(request, peer).await,

        ["bytes", length] => bytes(peer, number(length)?).await,
        ["chunked", length] => {
            let size = request.query_value("size").map_or(Ok(16 * 1024), |size| number(&size))?;
            let size = usize::try_from(size).unwrap_or(usize::MAX).max(1);
            peer.begin(200, "OK", &[BYTES], Ends::Chunked).await?;
            peer.send_pattern(number(length)?, size).await?;
            peer.end_chunks("").await
        }
        ["stream", count] => stream(peer, number(count)?).await,
        ["drip"] => drip(request, peer).await,
        ["delay", delay] => {
            tokio::time::sleep(milliseconds(delay)?).await;
            peer.respond(200, &[TEXT], b"late\n").await
        }
        ["slow-head"] => slow_head(request, peer).await,

        [coding @ ("gzip" | "deflate" | "raw-deflate" | "br" | "zstd")] => {
            encoded(request, peer, coding).await
        }
        ["early-hints"] => {
            let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
            peer.write_all(hints).await?;
            peer.respond(200, &[TEXT], b"after 103\n").await
        }
        ["continue"] => continued(peer).await,
        ["refuse-continue"] => Err(Refusal::new(417, "no body is wanted").into()),
        ["trailers"] => {
            let fields = [TEXT, ("Trailer", "X-Checksum")];
            peer.begin(200, "OK", &fields, Ends::Chunked).await?;
            peer.send(b"before the trailers\n").await?;
            peer.end_chunks("X-Checksum: 42\r\n").await
        }
        ["upgrade"] => upgrade(request, peer).await,

        ["close"] => {
            peer.begin(200, "OK", &[TEXT], Ends::Close).await?;
            peer.send(b"until the connection closes\n").await?;
            Ok(After::Close)
        }
        ["http10"] => {
            peer.prepare(200, "OK", &[TEXT], Ends::Close);
            let head = peer.take_head().replacen("HTTP/1.1", "HTTP/1.0", 1);
            peer.write_all(head.as_bytes()).await?;
            peer.send(b"as in 1996\n").await?;
            Ok(After::Close)
        }
        ["truncated"] => {
            peer.begin(200, "OK", &[TEXT], Ends::Length(100)).await?;
            peer.send(b"less than 100 bytes\n").await?;
            Ok(After::Close)
        }
        ["truncated-chunked"] => {
            peer.begin(200, "OK", &[TEXT], Ends::Chunked).await?;
            peer.send(b"no last chunk\n").await?;
            Ok(After::Close)
        }
        ["reset"] => Ok(After::Reset),
        ["reset", length] => {
            peer.begin(200, "OK", &[BYTES], Ends::Length(u64::MAX >> 1)).await?;
            peer.send_pattern(number(length)?, LARGEST_PART).await?;
            Ok(After::Reset)
        }
        ["empty"] => Ok(After::Cut),
        _ => {
            let text = format!("There is no {}. The routes are listed at /\n", request.path());
            peer.respond(404, &[TEXT], text.as_bytes()).await
        }
    }
}

async fn respond_json(peer: &mut Connection, json: &str) -> Result<After, Broken> {
    let line = format!("{json}\n");
    peer.respond(200, &[JSON], line.as_bytes()).await
}

async fn echo(request: &Request, peer: &mut Connection) -> Result<After, Broken> {
    let body = peer.collect_body().await?;
    let content_type = request.value("content-type").unwrap_or("application/octet-stream");
    peer.respond(200, &[("Content-Type", content_type)], &body).await
}

fn fields_json(request: &Request) -> String {
    let mut json = String::from("[");
    for (index, (name, value)) in request.fields().enumerate() {
        json.push_str(if index > 0 { ", [" } else { "[" });
        push_json(&mut json, name);
        json.push_str(", ");
        push_json(&mut json, value);
        json.push(']');
    }
    json.push(']');
    json
}

async fn anything(request: &Request, peer: &mut Connection) -> Result<After, Broken> {
    let body = peer.collect_body().await?;
    let query: Vec<(String, String)> = request.query().collect();
    let mut json = String::from("{\"method\": ");
    push_json(&mut json, request.method());
    json.push_str(", \"target\": ");
    push_json(&mut json, request.target());
    json.push_str(", \"query\": ");
    push_json_object(&mut json, query.iter().map(|(name, value)| (&**name, &**value)));
    // Writing to a String cannot fail.
    let _ = write!(json, ", \"headers\": {}, \"bytes\": {}", fields_json(request), body.len());
    json.push_str(", \"body\": ");
    push_json(&mut json, &String::from_utf8_lossy(&body));
    json.push('}');
    respond_json(peer, &json).await
}

async fn upload(request: &Request, peer: &mut Connection) -> Result<After, Broken> {
    if request.query_value("sha256").is_none() {
        peer.read_body(|_| ()).await?;
        let json = format!("{{\"bytes\": {}}}", peer.received());
        return respond_json(peer, &json).await;
    }
    let mut context = digest::Context::new(&digest::SHA256);
    peer.read_body(|part| context.update(part)).await?;
    let mut json = format!("{{\"bytes\": {}, \"sha256\": \"", peer.received());
    for byte in context.finish().as_ref() {
        let _ = write!(json, "{byte:02x}");
    }
    json.push_str("\"}");
    respond_json(peer, &json).await
}

async fn status_of_choice(
    request: &Request,
    peer: &mut Connection,
    status: &str,
) -> Result<After, Broken> {
    let status = u16::try_from(number(status)?).unwrap_or(0);
    if !(200..=999).contains(&status) {
        return Err(Refusal::bad("a final status is 200 to 999").into());
    }
    let reason = request.query_value("reason");
    let reason = reason.as_deref().unwrap_or_else(|| reason_of(status));
    if reason.contains(['\r', '\n', '\0']) {
        return Err(Refusal::bad("a reason phrase is one line").into());
    }
    let body = if matches!(status, 204 | 304) { String::new() } else { format!("{status}\n") };
    peer.begin(status, reason, &[TEXT], Ends::Length(body.len() as u64)).await?;
    peer.send(body.as_bytes()).await?;
    Ok(After::KeepOpen)
}

async fn redirect(peer: &mut Connection, count: u64) -> Result<After, Broken> {
    if count == 0 {
        return peer.respond(200, &[TEXT], b"the end of the redirects\n").await;
    }
    let location = format!("/redirect/{}", count - 1);
    peer.respond(302, &[("Location", &location)], b"").await
}

async fn redirect_to(request: &Request, peer: &mut Connection) -> Result<After, Broken> {
    let Some(location) = request.query_value("url") else {
        return Err(Refusal::bad("url is missing from the query").into());
    };
    let status = request.query_value("status").map_or(Ok(302), |status| number(&status))?;
    let Some(status) = u16::try_from(status).ok().filter(|status| (300..400).contains(status))
    else {
        return Err(Refusal::bad("the status of a redirect is 300 to 399").into());
    };
    if location.contains(['\r', '\n', '\0']) {
        return Err(Refusal::bad("url has a control character").into());
    }
    peer.respond(status, &[("Location", &location)], b"").await
}

async fn basic_auth(
    request: &Request,
    peer: &mut Connection,
    user: &str,
    password: &str,
) -> Result<After, Broken> {
    let expected = base64(format!("{}:{}", decoded(user), decoded(password)).as_bytes());
    let given = request.value("authorization").and_then(|value| value.split_once(' '));
    match given {
        Some((scheme, credentials))
            if scheme.eq_ignore_ascii_case("basic") && credentials.trim() == expected =>
        {
            let mut json = String::from("{\"authenticated\": true, \"user\": ");
            push_json(&mut json, &decoded(user));
            json.push('}');
            respond_json(peer, &json).await
        }
        _ => {
            let challenge = ("WWW-Authenticate", "Basic realm=\"netreq\", charset=\"UTF-8\"");
            peer.respond(401, &[challenge, TEXT], b"who is there?\n").await
        }
    }
}

fn cookies_json(request: &Request) -> String {
    let pairs = request
        .values("cookie")
        .flat_map(|value| value.split(';'))
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or(("", pair)));
    let mut json = String::from("{\"cookies\": ");
    push_json_object(&mut json, pairs);
    json.push('}');
    json
}

async fn set_cookies(request: &Request, peer: &mut Connection) -> Result<After, Broken> {
    let cookies: Vec<String> =
        request.query().map(|(name, value)| format!("{name}={value}; Path=/")).collect();
    if cookies.iter().any(|cookie| cookie.contains(['\r', '\n', '\0'])) {
        return Err(Refusal::bad("a cookie has a control character").into());
    }
    let mut fields = vec![("Location", "/cookies")];
    fields.extend(cookies.iter().map(|cookie| ("Set-Cookie", cookie.as_str())));
    peer.respond(302, &fields, b"").await
}

async fn bytes(peer: &mut Connection, length: u64) -> Result<After, Broken> {
    // A small body goes out in one write with its head.
    if let Some(body) = usize::try_from(length).ok().and_then(|length| SMALL.get(..length)) {
        return peer.respond(200, &[BYTES], body).await;
    }
    peer.begin(200, "OK", &[BYTES], Ends::Length(length)).await?;
    peer.send_pattern(length, LARGEST_PART).await?;
    Ok(After::KeepOpen)
}

async fn stream(peer: &mut Connection, count: u64) -> Result<After, Broken> {
    peer.begin(200, "OK", &[JSON], Ends::Chunked).await?;
    for line in 0..count {
        peer.send(format!("{{\"line\": {line}}}\n").as_bytes()).await?;
    }
    peer.end_chunks("").await
}

async fn drip(request: &Request, peer: &mut Connection) -> Result<After, Broken> {
    let length = request.query_value("bytes").map_or(Ok(10), |length| number(&length))?;
    let delay = request.query_value("delay_ms").unwrap_or_else(|| "100".into());
    let delay = milliseconds(&delay)?;
    peer.begin(200, "OK", &[BYTES], Ends::Length(length)).await?;
    for _ in 0..length {
        tokio::time::sleep(delay).await;
        peer.send(b"*").await?;
    }
    Ok(After::KeepOpen)
}

async fn slow_head(request: &Request, peer: &mut Connection) -> Result<After, Broken> {
    let delay = request.query_value("delay_ms").unwrap_or_else(|| "10".into());
    let delay = milliseconds(&delay)?;
    let body = b"at last\n";
    peer.prepare(200, "OK", &[TEXT], Ends::Length(body.len() as u64));
    for byte in peer.take_head().bytes() {
        peer.write_all(&[byte]).await?;
        tokio::time::sleep(delay).await;
    }
    peer.send(body).await?;
    Ok(After::KeepOpen)
}

async fn encoded(request: &Request, peer: &mut Connection, route: &str) -> Result<After, Broken> {
    let Some((coding, name)) = Coding::named(route) else {
        return Err(Refusal::new(404, "there is no such coding").into());
    };
    let mut json = String::from("{\"encoding\": ");
    push_json(&mut json, route);
    json.push_str(", \"headers\": ");
    json.push_str(&fields_json(request));
    json.push_str("}\n");
    let body = coding.encode(json.as_bytes())?;
    peer.respond(200, &[JSON, ("Content-Encoding", name)], &body).await
}

async fn continued(peer: &mut Connection) -> Result<After, Broken> {
    let asked = peer.awaits_continue();
    peer.read_body(|_| ()).await?;
    let json = format!("{{\"expected\": {asked}, \"bytes\": {}}}", peer.received());
    respond_json(peer, &json).await
}

/// Switches protocols and sends back whatever comes, until the peer closes. RFC 9110 §7.8.
async fn upgrade(request: &Request, peer: &mut Connection) -> Result<After, Broken> {
    let protocol = request.value("upgrade").filter(|_| request.has_token("connection", "upgrade"));
    let Some(protocol) = protocol else {
        return peer.respond(426, &[("Upgrade", "echo"), TEXT], b"ask for an upgrade\n").await;
    };
    peer.read_body(|_| ()).await?;
    let fields = [("Connection", "Upgrade"), ("Upgrade", protocol)];
    peer.begin(101, reason_of(101), &fields, Ends::Length(0)).await?;
    while let Some(bytes) = peer.read_raw().await? {
        peer.write_all(&bytes).await?;
    }
    Ok(After::Close)
}

fn number(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::bad("that is not a number"))
}

/// A minute at most: nobody waits for longer, and a typing mistake should not either.
fn milliseconds(text: &str) -> Result<Duration, Refusal> {
    Ok(Duration::from_millis(number(text)?.min(60_000)))
}

const BYTES: (&str, &str) = ("Content-Type", "application/octet-stream");

static SMALL: &[u8] = PATTERN.split_at(16 * 1024).0;

const INDEX: &str = "\
The routes of this server. Any method, HEAD included; N is a number.

Say what was sent
  /echo                  the body, with its content type (up to 16 MiB)
  /headers               the fields as they came: a list of [name, value]
  /anything/...          method, target, query, fields and body
  /upload                reads any body: {bytes}; with ?sha256 its hash too
  /cookies               the cookies that were sent

Answer as asked
  /status/N              this status; ?reason=TEXT
  /redirect/N            N redirects, each 302
  /redirect-to?url=URL   one redirect; &status=N
  /cookies/set?NAME=VALUE
                         sets cookies and redirects to /cookies
  /basic-auth/USER/PASSWORD
                         401 until they are given

Bodies
  /bytes/N               N bytes with a length; byte i is i mod 251
  /chunked/N             the same in chunks; ?size=N (up to 128,000)
  /stream/N              N lines of JSON, each a chunk
  /drip                  slowly; ?bytes=N&delay_ms=N
  /gzip /deflate /raw-deflate /br /zstd
                         JSON in this content coding
  /trailers              chunks, and a field after them
  /close                 no length: ends with the connection
  /http10                an HTTP/1.0 answer

Time
  /delay/N               after N milliseconds
  /slow-head             the head byte by byte; ?delay_ms=N

More than one head
  /early-hints           103, then 200
  /continue              100 where it is expected, then 200
  /refuse-continue       417 without reading the body
  /upgrade               101, then an echo

Broken on purpose
  /empty                 closes without an answer
  /reset                 resets the connection; /reset/N after N bytes of body
  /truncated             closes before the length is reached
  /truncated-chunked     closes before the last chunk
";
