//! DNS over HTTPS on real sockets: what a server sees, and what counts as its answer.
//!
//! Which server is asked, and when the system is instead, is tested beside the resolver.

use std::net::{IpAddr, Ipv4Addr};

use data_encoding::BASE64URL_NOPAD;
use netreq::{
    DnsQueryType, Error, HostResolverConfig, NetError, Phase, ResolveHostOptions, SecureDnsMode,
    Session,
};
use netreq_testserver::{Authority, Peer, Script, ScriptServer, script};

use crate::observe::bounded;
use crate::sites::trusting;

/// The message of RFC 8484 §4.1.1, a question for the A records of www.example.com, with the padding of
/// RFC 8467 §4.1 behind it.
fn question() -> Vec<u8> {
    let mut question =
        BASE64URL_NOPAD.decode(b"AAABAAABAAAAAAABA3d3dwdleGFtcGxlA2NvbQAAAQAB").unwrap();
    let padding = 128 - question.len() - 15;
    // OPT for messages of 4096 bytes, holding one option: number 12, that long.
    question.extend([0, 0, 41, 16, 0, 0, 0, 0, 0, 0, u8::try_from(padding + 4).unwrap()]);
    question.extend([0, 12, 0, u8::try_from(padding).unwrap()]);
    question.resize(128, 0);
    question
}

/// An answer to it: that address, for five minutes.
fn message(address: Ipv4Addr) -> Vec<u8> {
    let mut message = vec![0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    message.extend(&question()[12..33]);
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4]);
    message.extend(address.octets());
    message
}

fn reply(head: &str, body: &[u8]) -> Vec<u8> {
    let mut reply = format!("{head}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    reply.extend(body);
    reply
}

const DNS_MESSAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/dns-message";

fn asking_by_get(peer: Peer) -> Peer {
    peer.expect_get(&format!("/dns-query?dns={}", BASE64URL_NOPAD.encode(&question())))
}

/// A session that asks `server` by GET and nobody else.
fn asking(authority: &Authority, server: &ScriptServer) -> Session {
    session(authority, &server.url("/dns-query{?dns}"))
}

fn session(authority: &Authority, template: &str) -> Session {
    let config = HostResolverConfig {
        secure_dns_mode: SecureDnsMode::Secure,
        secure_dns_servers: vec![template.parse().unwrap()],
        ..HostResolverConfig::default()
    };
    trusting(authority).host_resolver(config).build().unwrap()
}

async fn look_up(session: &Session) -> Result<Vec<IpAddr>, Error> {
    let options =
        ResolveHostOptions { query_type: Some(DnsQueryType::A), ..ResolveHostOptions::default() };
    bounded(session.resolve_host_with("www.example.com", options)).await
}

fn secured(authority: &Authority) -> Script {
    script().tls(&authority.identity())
}

#[tokio::test]
async fn a_question_says_what_is_asked_and_nothing_of_who_asks() {
    let authority = Authority::new();
    let address = Ipv4Addr::new(192, 0, 2, 7);
    let silent = |peer: Peer| {
        ["cookie", "user-agent", "accept-language", "referer", "origin", "authorization"]
            .into_iter()
            .fold(peer, Peer::expect_no_field)
            .expect_field("Accept", "application/dns-message")
    };
    for uses_post in [false, true] {
        let server = secured(&authority)
            .connection(|peer| {
                let peer = match uses_post {
                    false => silent(asking_by_get(peer)),
                    true => silent(peer.expect_request("POST", "/dns-query"))
                        .expect_field("Content-Type", "application/dns-message")
                        .expect_bytes(question()),
                };
                peer.reply(reply(DNS_MESSAGE, &message(address)))
            })
            .start();
        let template = if uses_post { "/dns-query" } else { "/dns-query{?dns}" };
        let session = session(&authority, &server.url(template));
        session.set_user_agent("a secret name", Some("tlh")).unwrap();

        assert_eq!(look_up(&session).await.unwrap(), [IpAddr::V4(address)]);
        server.finished();
    }
}

#[tokio::test]
async fn what_is_no_dns_message_is_no_answer_and_says_why() {
    let authority = Authority::new();
    let whole = message(Ipv4Addr::LOCALHOST);
    let html = DNS_MESSAGE.replace("application/dns-message", "text/html");
    for (reply, expected, why) in [
        (
            reply("HTTP/1.1 503 Service Unavailable", b""),
            NetError::DnsMalformedResponse,
            "the DNS-over-HTTPS server answers 503",
        ),
        (
            reply(&html, &whole),
            NetError::DnsMalformedResponse,
            "the DNS-over-HTTPS server answers with \"text/html\"",
        ),
        (
            reply(DNS_MESSAGE, &[0; 65_536]),
            NetError::DnsMalformedResponse,
            "the DNS message is longer than 65535 bytes",
        ),
        (
            reply(DNS_MESSAGE, &whole[..whole.len() - 1]),
            NetError::DnsMalformedResponse,
            "the DNS message cannot be read",
        ),
        (
            reply("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/dns-query", b""),
            NetError::Aborted,
            "Redirect was cancelled",
        ),
        (Vec::new(), NetError::EmptyResponse, "net::ERR_EMPTY_RESPONSE"),
    ] {
        let server = secured(&authority)
            .connection(|peer| asking_by_get(peer).reply(&reply).close())
            .start();

        let error = look_up(&asking(&authority, &server)).await.unwrap_err();

        assert_eq!((error.net_error(), error.phase()), (expected, Some(Phase::Resolve)), "{why}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(why), "{cause} should say: {why}");
        drop(server);
    }
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_told_nothing_and_the_name_is_not_resolved() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let identity = stranger.identity();
    let server = script().connection(|peer| peer.expect_tls_refusal(&identity)).start();
    let template = format!("https://{}/dns-query", server.address());

    let error = look_up(&session(&authority, &template)).await.unwrap_err();
    assert_eq!(error.net_error(), NetError::CertAuthorityInvalid);
    server.finished();
}

#[tokio::test]
async fn a_server_whose_own_name_is_not_resolved_is_an_error_of_its_own() {
    let session = session(&Authority::new(), "https://nowhere.invalid/dns-query");

    let error = look_up(&session).await.unwrap_err();
    assert_eq!(error.net_error(), NetError::DnsSecureResolverHostnameResolutionFailed);

    let request = bounded(session.get("http://www.example.com/").send(())).await.unwrap_err();
    assert_eq!(request.net_error(), NetError::NameNotResolved);
    assert!(request.is_dns());
}
