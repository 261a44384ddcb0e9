//! DNS over HTTPS: which servers are asked, what, and what counts as their answer. How a message gets
//! there and back is an [`Exchange`], which is made of the rooms above.
//!
//! The questions for both families go out at once. The first server that has an answer, be it that
//! there is no such name, ends the search. RFC 8484; Chromium `DnsTransaction`, `HostResolverDnsTask`.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use netreq_proto::{NetError, Phase};

use super::config::DnsQueryType;
use super::template::DnsOverHttpsServer;
use crate::error::Error;

/// The way to a server and back.
pub(crate) trait Exchange: Debug + Send + Sync {
    /// Sends `query`, a DNS message, to `server`.
    ///
    /// # Errors
    ///
    /// Why no DNS message came back, by Chromium's names.
    fn exchange<'a>(&'a self, server: &'a DnsOverHttpsServer, query: &'a [u8]) -> Exchanging<'a>;

    /// Closes connections to servers.
    fn close_connections(&self, how: Closing);
}

pub(crate) type Exchanging<'a> = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send + 'a>>;

/// A DNS message as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) message: Bytes,
    /// How long it has lain in caches of HTTP.
    pub(crate) age: Duration,
}

/// Which connections are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// Idle ones now, those in use after: the rules of trust are others.
    Distrusted,
    /// All, and what is on them fails.
    All,
    /// All, and none is made any more.
    ForGood,
}

/// Addresses and how long they hold.
pub(super) use super::message::Answer;

/// Asks `servers` in their order for the addresses of `host`, of one family or of both.
///
/// # Errors
///
/// `ERR_NAME_NOT_RESOLVED` for a name that is not there or has no address, else why the last server
/// gave no answer.
pub(super) async fn look_up(
    exchange: &dyn Exchange,
    servers: &[DnsOverHttpsServer],
    host: &str,
    query_type: Option<DnsQueryType>,
) -> Result<Answer, Error> {
    let mut failure = super::not_resolved("no server for DNS over HTTPS is configured".to_owned());
    for server in servers {
        let asking = ask(exchange, server, host, query_type);
        let answer = match tokio::time::timeout(PATIENCE, asking).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::new(NetError::DnsTimedOut, Phase::Resolve)
                .with_source(format!("{server} did not answer in time"))),
        };
        match answer {
            Err(error) if error.net_error() != NetError::NameNotResolved => failure = error,
            settled => return settled,
        }
    }
    Err(failure)
}

async fn ask(
    exchange: &dyn Exchange,
    server: &DnsOverHttpsServer,
    host: &str,
    query_type: Option<DnsQueryType>,
) -> Result<Answer, Error> {
    if let Some(kind) = query_type {
        let answer = ask_for(exchange, server, host, kind).await?;
        return some(host, answer);
    }
    let (ipv6, ipv4) = both(
        Box::pin(ask_for(exchange, server, host, DnsQueryType::Aaaa)),
        Box::pin(ask_for(exchange, server, host, DnsQueryType::A)),
    )
    .await;
    let answer = match (ipv6, ipv4) {
        (Ok(mut ipv6), Ok(ipv4)) => {
            ipv6.addresses.extend(ipv4.addresses);
            Answer { addresses: ipv6.addresses, ttl: ipv6.ttl.min(ipv4.ttl) }
        }
        // Some servers fail for the family that a name has no address in.
        (Ok(answer), Err(error)) | (Err(error), Ok(answer)) => match answer.addresses.is_empty() {
            true => return Err(error),
            false => answer,
        },
        (Err(error), Err(_)) => return Err(error),
    };
    some(host, answer)
}

fn some(host: &str, answer: Answer) -> Result<Answer, Error> {
    match answer.addresses.is_empty() {
        true => Err(super::not_resolved(format!("{host} has no address"))),
        false => Ok(answer),
    }
}

async fn ask_for(
    exchange: &dyn Exchange,
    server: &DnsOverHttpsServer,
    host: &str,
    kind: DnsQueryType,
) -> Result<Answer, Error> {
    let question = super::message::Question::new(host, kind)
        .ok_or_else(|| super::not_resolved(format!("{host:?} cannot be a name in DNS")))?;
    let reply = exchange.exchange(server, &question.bytes).await?;
    let mut answer = question
        .answer(&reply.message)
        .map_err(|cause| Error::new(cause.net_error(), Phase::Resolve).with_source(cause))?;
    answer.ttl = answer.ttl.saturating_sub(reply.age);
    Ok(answer)
}

/// What both come to.
async fn both<T>(
    mut first: Pin<Box<impl Future<Output = T>>>,
    mut second: Pin<Box<impl Future<Output = T>>>,
) -> (T, T) {
    use std::task::Poll;

    let mut done = (None, None);
    std::future::poll_fn(|cx| {
        if done.0.is_none()
            && let Poll::Ready(output) = first.as_mut().poll(cx)
        {
            done.0 = Some(output);
        }
        if done.1.is_none()
            && let Poll::Ready(output) = second.as_mut().poll(cx)
        {
            done.1 = Some(output);
        }
        match (done.0.take(), done.1.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            unfinished => {
                done = unfinished;
                Poll::Pending
            }
        }
    })
    .await
}

/// How long one server is waited for. Chromium waits five seconds at most before it asks the next
/// (`kDnsMaxFallbackPeriod`).
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::net::IpAddr;
    use std::sync::{Arc, Mutex};

    use hickory_proto::op::{Message, MessageType, ResponseCode};
    use hickory_proto::rr::rdata::{A, AAAA};
    use hickory_proto::rr::{RData, Record, RecordType};

    use super::*;
    use crate::resolve::{
        CacheUsage, HostResolverConfig, ResolveHostOptions, Resolver, SecureDnsMode,
    };
    use crate::runtime::lock;

    /// What a server says to the questions for A and AAAA.
    #[derive(Clone, Copy, Debug)]
    enum Says {
        /// Addresses with these last parts.
        Last(&'static [u8], &'static [u8]),
        /// This code, and to a question for A this one.
        Code(ResponseCode, ResponseCode),
        /// A for the question for A, a failure for the other.
        HalfFails,
        Garbage,
        Fails(NetError),
        Nothing,
    }

    /// Servers by the first label of their names, and who was asked for what.
    #[derive(Debug, Default)]
    struct Servers {
        says: Vec<(&'static str, Says)>,
        asked: Mutex<VecDeque<String>>,
    }

    impl Exchange for Arc<Servers> {
        fn exchange<'a>(
            &'a self,
            server: &'a DnsOverHttpsServer,
            query: &'a [u8],
        ) -> Exchanging<'a> {
            Box::pin(async move {
                let query = Message::from_vec(query).unwrap();
                let (name, kind) = (query.queries[0].name.clone(), query.queries[0].query_type);
                let server = server.to_string();
                let server = server.trim_start_matches("https://").split('.').next().unwrap();
                lock(&self.asked).push_back(format!("{server} {name} {kind}"));
                // Both questions are out before either is answered.
                tokio::task::yield_now().await;
                let (_, says) = self.says.iter().find(|(name, _)| *name == server).unwrap();
                let mut answer = query.into_response();
                answer.metadata.message_type = MessageType::Response;
                let is_a = kind == RecordType::A;
                let add = |answer: &mut Message, last: u8| {
                    let data = match is_a {
                        true => RData::A(A::new(192, 0, 2, last)),
                        false => RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into())),
                    };
                    answer.add_answer(Record::from_rdata(name.clone(), 300, data));
                };
                match says {
                    Says::Last(ipv4, ipv6) => {
                        let last = if is_a { ipv4 } else { ipv6 };
                        last.iter().for_each(|last| add(&mut answer, *last));
                    }
                    Says::Code(_, code) if is_a => answer.metadata.response_code = *code,
                    Says::Code(code, _) => answer.metadata.response_code = *code,
                    Says::HalfFails if is_a => add(&mut answer, 9),
                    Says::HalfFails => answer.metadata.response_code = ResponseCode::ServFail,
                    Says::Garbage => {
                        let message = Bytes::from_static(b"garbage");
                        return Ok(Reply { message, age: Duration::ZERO });
                    }
                    Says::Fails(error) => return Err(Error::new(*error, Phase::Resolve)),
                    Says::Nothing => std::future::pending().await,
                }
                let message = answer.to_vec().unwrap().into();
                Ok(Reply { message, age: Duration::from_secs(100) })
            })
        }

        fn close_connections(&self, _: Closing) {}
    }

    fn servers(says: &[(&'static str, Says)]) -> (Arc<Servers>, Vec<DnsOverHttpsServer>) {
        let named = says.iter().map(|(name, _)| format!("https://{name}.test/q").parse().unwrap());
        let named = named.collect();
        (Arc::new(Servers { says: says.to_vec(), asked: Mutex::default() }), named)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_server_with_an_answer_ends_the_search() {
        use ResponseCode::{NXDomain, NoError, Refused, ServFail};
        const HERE: Says = Says::Last(&[1, 2], &[3]);
        let everything = Ok("2001:db8::3 192.0.2.1 192.0.2.2");
        for (says, expected, asked) in [
            (vec![HERE], everything, 2),
            (vec![HERE, HERE], everything, 2),
            (vec![Says::Last(&[1], &[]), HERE], Ok("192.0.2.1"), 2),
            (vec![Says::HalfFails, HERE], Ok("192.0.2.9"), 2),
            (vec![Says::Last(&[], &[]), HERE], Err(NetError::NameNotResolved), 2),
            (vec![Says::Code(NXDomain, NXDomain), HERE], Err(NetError::NameNotResolved), 2),
            (vec![Says::Code(ServFail, ServFail), HERE], everything, 4),
            (vec![Says::Code(ServFail, NoError), HERE], everything, 4),
            (vec![Says::Garbage, HERE], everything, 4),
            (vec![Says::Nothing, HERE], everything, 4),
            (vec![Says::Fails(NetError::ConnectionRefused), HERE], everything, 4),
            (vec![Says::Garbage], Err(NetError::DnsMalformedResponse), 2),
            (vec![Says::Nothing], Err(NetError::DnsTimedOut), 2),
            (vec![HERE, Says::Garbage], everything, 2),
            (vec![Says::Garbage, Says::Code(Refused, Refused)], Err(NetError::DnsRefused), 4),
            (vec![], Err(NetError::NameNotResolved), 0),
        ] {
            let named: Vec<_> = ["one", "two"].into_iter().zip(says.iter().copied()).collect();
            let (exchange, servers) = servers(&named);
            let answer = look_up(&exchange, &servers, "a.test", None).await;
            let answer = answer.map_err(|error| error.net_error());
            let addresses = answer.map(|answer| {
                assert_eq!(answer.ttl, Duration::from_secs(200), "it has lain for 100 s");
                let texts: Vec<_> = answer.addresses.iter().map(IpAddr::to_string).collect();
                texts.join(" ")
            });
            assert_eq!(addresses.as_deref().map_err(|error| *error), expected, "{says:?}");
            assert_eq!(lock(&exchange.asked).len(), asked, "{says:?}");
        }
    }

    #[tokio::test]
    async fn one_family_is_one_question_and_what_is_no_name_is_none() {
        let (exchange, servers) = servers(&[("one", Says::Last(&[1], &[2]))]);
        let answer = look_up(&exchange, &servers, "a.test", Some(DnsQueryType::A)).await.unwrap();
        assert_eq!(answer.addresses, [IpAddr::from([192, 0, 2, 1])]);
        assert_eq!(*lock(&exchange.asked), ["one a.test. A"]);

        let error = look_up(&exchange, &servers, "no name", None).await.unwrap_err();
        assert_eq!(error.net_error(), NetError::NameNotResolved);
        assert_eq!(lock(&exchange.asked).len(), 1);
    }

    #[tokio::test]
    async fn those_who_ask_at_once_share_a_question_and_those_who_come_later_the_answer() {
        let (exchange, servers) = servers(&[("one", Says::Last(&[1], &[]))]);
        let config = HostResolverConfig {
            secure_dns_mode: SecureDnsMode::Secure,
            secure_dns_servers: servers,
            ..Default::default()
        };
        let inside: Box<dyn Exchange> = Box::new(Arc::clone(&exchange));
        let resolver =
            Resolver::new(Default::default(), Some(config.clone())).with_exchange(inside);
        let ask = || Box::pin(resolver.resolve("a.test", 80));

        let (first, second) = both(ask(), ask()).await;
        let third = ask().await;

        for answer in [first, second, third] {
            assert_eq!(answer.unwrap(), ["192.0.2.1:80".parse().unwrap()]);
        }
        assert_eq!(lock(&exchange.asked).len(), 2, "AAAA and A");

        let options =
            ResolveHostOptions { cache_usage: CacheUsage::Disallowed, ..Default::default() };
        resolver.look_up("a.test", 80, options).await.unwrap();
        assert_eq!(lock(&exchange.asked).len(), 4);

        resolver.configure(Some(config));
        ask().await.unwrap();
        assert_eq!(lock(&exchange.asked).len(), 6, "another configuration knows nothing");
        assert!(lock(&resolver.asked).is_empty());
    }

    #[tokio::test]
    async fn a_question_that_nobody_waits_for_any_more_is_taken_back() {
        let (exchange, servers) = servers(&[("one", Says::Nothing)]);
        let config = HostResolverConfig {
            secure_dns_mode: SecureDnsMode::Secure,
            secure_dns_servers: servers,
            ..Default::default()
        };
        let resolver =
            Resolver::new(Default::default(), Some(config)).with_exchange(Box::new(exchange));
        let mut asking = Box::pin(resolver.resolve("a.test", 80));
        std::future::poll_fn(|cx| {
            assert!(asking.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        assert_eq!(lock(&resolver.asked).len(), 1);
        drop(asking);
        assert!(lock(&resolver.asked).is_empty());
    }

    #[tokio::test]
    async fn a_request_hears_that_a_name_is_not_resolved_and_whoever_asks_hears_why() {
        let says = Says::Fails(NetError::CertAuthorityInvalid);
        for (mode, why) in [
            (SecureDnsMode::Secure, NetError::CertAuthorityInvalid),
            (SecureDnsMode::Automatic, NetError::NameNotResolved),
        ] {
            let (exchange, servers) = servers(&[("one", says)]);
            let config = HostResolverConfig {
                secure_dns_mode: mode,
                secure_dns_servers: servers,
                ..Default::default()
            };
            let resolver =
                Resolver::new(Default::default(), Some(config)).with_exchange(Box::new(exchange));
            let error = resolver.resolve("a.invalid", 80).await.unwrap_err();
            assert_eq!(error.net_error(), NetError::NameNotResolved, "{mode:?}");
            let asked = resolver.look_up("a.invalid", 80, ResolveHostOptions::default()).await;
            assert_eq!(asked.unwrap_err().net_error(), why, "{mode:?}");
        }
    }
}
