//! DNS messages of an address look-up: the question as it is sent, and the addresses in an answer.
//!
//! An answer counts if it is one to this very question and whole. It may be up to 64 KiB long and lead
//! through a few aliases; records of other names in it count for nothing.
//!
//! RFC 1035 §4, RFC 8484 §4.1 and §5.1, RFC 8467; Chromium `DnsResponse`, `DnsResponseResultExtractor`.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, Name, RData, RecordType};
use hickory_proto::serialize::binary::DecodeError;
use netreq_proto::NetError;

use super::config::DnsQueryType;

/// What a server is asked.
#[derive(Debug)]
pub(crate) struct Question {
    query: Query,
    /// The message.
    pub(crate) bytes: Vec<u8>,
}

/// What a server has answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Empty for a name that has none of this kind.
    pub(crate) addresses: Vec<IpAddr>,
    /// How long it holds.
    pub(super) ttl: Duration,
}

impl Question {
    /// The question for the addresses of `host`; `None` where that cannot be a name in DNS.
    pub(crate) fn new(host: &str, kind: DnsQueryType) -> Option<Self> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !host.split('.').all(|label| !label.is_empty() && label.bytes().all(is_plain)) {
            return None;
        }
        let name = Name::from_labels(host.split('.').map(str::as_bytes)).ok()?;
        let kind = match kind {
            DnsQueryType::A => RecordType::A,
            DnsQueryType::Aaaa => RecordType::AAAA,
        };
        let query = Query::query(name, kind);
        // The same question is the same message, for caches on the way.
        let mut message = Message::new(0, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(query.clone());
        // Of one length for most names: the length of what is encrypted must not tell them apart.
        let unpadded = message.to_vec().ok()?.len() + EDNS_LENGTH;
        let padding = unpadded.next_multiple_of(PADDING_BLOCK) - unpadded;
        let mut edns = Edns::new();
        edns.set_max_payload(4096);
        edns.options_mut().insert(EdnsOption::Unknown(PADDING, vec![0; padding]));
        message.set_edns(edns);
        let bytes = message.to_vec().ok()?;
        Some(Self { query, bytes })
    }

    /// The addresses in `message`.
    pub(crate) fn answer(&self, message: &[u8]) -> Result<Answer, NoAnswer> {
        if message.len() > LONGEST {
            return Err(NoAnswer::TooLong);
        }
        let message = Message::from_vec(message).map_err(NoAnswer::Broken)?;
        if message.metadata.message_type != MessageType::Response || message.metadata.id != 0 {
            return Err(NoAnswer::Foreign);
        }
        if message.queries != [self.query.clone()] {
            return Err(NoAnswer::Foreign);
        }
        if message.metadata.truncation {
            return Err(NoAnswer::Truncated);
        }
        match message.metadata.response_code {
            ResponseCode::NoError => {}
            code => return Err(NoAnswer::Refused(code)),
        }
        let mut shortest = u32::MAX;
        let mut owner = &self.query.name;
        for _ in 0..=MOST_ALIASES {
            let mut alias = None;
            let mut addresses = Vec::new();
            for record in &message.answers {
                if record.dns_class != DNSClass::IN || record.name != *owner {
                    continue;
                }
                match (&record.data, self.query.query_type) {
                    (RData::A(address), RecordType::A) => addresses.push(IpAddr::V4(address.0)),
                    (RData::AAAA(address), RecordType::AAAA) => {
                        addresses.push(IpAddr::V6(address.0));
                    }
                    (RData::CNAME(name), _) => alias = Some(&name.0),
                    _ => continue,
                }
                shortest = shortest.min(record.ttl);
            }
            if !addresses.is_empty() || alias.is_none() {
                addresses.truncate(MOST_ADDRESSES);
                return Ok(Answer { addresses, ttl: Duration::from_secs(shortest.into()) });
            }
            owner = alias.unwrap_or(owner);
        }
        Err(NoAnswer::Aliases)
    }
}

/// Why a message has no answer to its question.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    TooLong,
    Broken(DecodeError),
    /// It answers something else.
    Foreign,
    Truncated,
    /// Aliases that lead on and on.
    Aliases,
    Refused(ResponseCode),
}

impl NoAnswer {
    /// Chromium `DnsAttempt::FailureRcodeToNetError`.
    pub(super) fn net_error(&self) -> NetError {
        match self {
            Self::TooLong | Self::Broken(_) | Self::Foreign | Self::Truncated | Self::Aliases => {
                NetError::DnsMalformedResponse
            }
            Self::Refused(ResponseCode::FormErr) => NetError::DnsFormatError,
            Self::Refused(ResponseCode::ServFail) => NetError::DnsServerFailure,
            Self::Refused(ResponseCode::NXDomain) => NetError::NameNotResolved,
            Self::Refused(ResponseCode::NotImp) => NetError::DnsNotImplemented,
            Self::Refused(ResponseCode::Refused) => NetError::DnsRefused,
            Self::Refused(_) => NetError::DnsOtherFailure,
        }
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the DNS message is longer than {LONGEST} bytes"),
            Self::Broken(_) => f.write_str("the DNS message cannot be read"),
            Self::Foreign => f.write_str("the DNS message answers another question"),
            Self::Truncated => f.write_str("the DNS message is truncated"),
            Self::Aliases => write!(f, "the DNS message has more than {MOST_ALIASES} aliases"),
            Self::Refused(code) => write!(f, "the DNS server answers: {code}"),
        }
    }
}

impl std::error::Error for NoAnswer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broken(cause) => Some(cause),
            Self::TooLong | Self::Foreign | Self::Truncated | Self::Aliases | Self::Refused(_) => {
                None
            }
        }
    }
}

/// RFC 8484 §6.
pub(crate) const LONGEST: usize = 65_535;
const MOST_ALIASES: usize = 16;
/// More than anybody would dial.
const MOST_ADDRESSES: usize = 64;
/// RFC 8467 §4.1.
const PADDING_BLOCK: usize = 128;
/// RFC 7830 §3.
const PADDING: u16 = 12;
/// An OPT record with one empty option: RFC 6891 §6.1.2.
const EDNS_LENGTH: usize = 15;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use hickory_proto::rr::Record;
    use hickory_proto::rr::rdata::{A, AAAA, CNAME};

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn a(owner: &str, ttl: u32, last: u8) -> Record {
        Record::from_rdata(name(owner), ttl, RData::A(A(Ipv4Addr::new(192, 0, 2, last))))
    }

    fn alias(owner: &str, ttl: u32, target: &str) -> Record {
        Record::from_rdata(name(owner), ttl, RData::CNAME(CNAME(name(target))))
    }

    fn answered(question: &Question, records: Vec<Record>) -> Message {
        let mut message = Message::new(0, MessageType::Response, OpCode::Query);
        message.add_query(question.query.clone());
        message.insert_answers(records);
        message
    }

    fn question() -> Question {
        Question::new("a.test", DnsQueryType::A).unwrap()
    }

    #[test]
    fn a_question_has_no_number_and_a_length_that_says_little() {
        for host in ["a.test", "a.test.", "a-much-longer-name.with.many.labels.example.test", "x"] {
            let question = Question::new(host, DnsQueryType::Aaaa).unwrap();
            assert_eq!(question.bytes.len(), 128, "{host}");
            let message = Message::from_vec(&question.bytes).unwrap();
            assert_eq!(message.metadata.id, 0);
            assert!(message.metadata.recursion_desired);
            assert_eq!(
                message.queries[0].name.to_ascii(),
                format!("{}.", host.trim_end_matches('.'))
            );
            assert_eq!(message.queries[0].query_type, RecordType::AAAA);
        }
        for host in ["", ".", "a..test", "a b.test", "a\\.test", "é.test", &"x".repeat(64)] {
            assert!(Question::new(host, DnsQueryType::A).is_none(), "{host}");
        }
        assert!(Question::new(&"abc.".repeat(64), DnsQueryType::A).is_none(), "longer than a name");
    }

    #[test]
    fn addresses_are_those_at_the_end_of_the_aliases() {
        let aliases = |count: usize| -> Vec<Record> {
            let mut records = vec![alias("a.test.", 9, "0.test.")];
            records.extend(
                (0..count).map(|at| alias(&format!("{at}.test."), 9, &format!("{}.test.", at + 1))),
            );
            records.push(a(&format!("{count}.test."), 9, 7));
            records
        };
        let question = question();
        for (what, records, expected) in [
            ("its own", vec![a("a.test.", 300, 1), a("A.TEST.", 200, 2)], Some((&[1, 2][..], 200))),
            ("another's", vec![a("b.test.", 300, 1)], Some((&[], u32::MAX))),
            ("none", vec![], Some((&[], u32::MAX))),
            (
                "an alias, its record first",
                vec![a("b.test.", 300, 1), alias("a.test.", 20, "b.test.")],
                Some((&[1], 20)),
            ),
            ("an alias to nowhere", vec![alias("a.test.", 20, "b.test.")], Some((&[], 20))),
            ("some aliases", aliases(15), Some((&[7], 9))),
            ("too many aliases", aliases(16), None),
            ("a circle", vec![alias("a.test.", 9, "a.test.")], None),
        ] {
            let message = answered(&question, records).to_vec().unwrap();
            let answer = question.answer(&message);
            let Some((last, ttl)) = expected else {
                assert!(matches!(answer, Err(NoAnswer::Aliases)), "{what}");
                continue;
            };
            let addresses =
                last.iter().map(|last| IpAddr::from([192, 0, 2, *last])).collect::<Vec<_>>();
            let ttl = Duration::from_secs(ttl.into());
            assert_eq!(answer.unwrap(), Answer { addresses, ttl }, "{what}");
        }
        let many = (0..200).map(|last| a("a.test.", 9, last)).collect();
        let message = answered(&question, many).to_vec().unwrap();
        assert_eq!(question.answer(&message).unwrap().addresses.len(), MOST_ADDRESSES);
    }

    #[test]
    fn an_answer_has_addresses_of_the_kind_that_was_asked_for() {
        let question = Question::new("a.test", DnsQueryType::Aaaa).unwrap();
        let data = RData::AAAA(AAAA(Ipv6Addr::LOCALHOST));
        let both = vec![a("a.test.", 9, 1), Record::from_rdata(name("a.test."), 8, data)];
        let message = answered(&question, both).to_vec().unwrap();
        let answer = question.answer(&message).unwrap();
        assert_eq!(answer.addresses, [IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        assert_eq!(answer.ttl, Duration::from_secs(8));
    }

    #[test]
    fn what_is_no_answer_to_the_question_is_refused() {
        type Spoil = fn(&mut Message);
        let question = question();
        let cases: [(Spoil, NetError, &str); 9] = [
            (
                |m| m.metadata.id = 7,
                NetError::DnsMalformedResponse,
                "the DNS message answers another question",
            ),
            (
                |m| m.metadata.message_type = MessageType::Query,
                NetError::DnsMalformedResponse,
                "the DNS message answers another question",
            ),
            (
                |m| m.queries[0].name = Name::from_ascii("b.test.").unwrap(),
                NetError::DnsMalformedResponse,
                "the DNS message answers another question",
            ),
            (
                |m| m.queries.clear(),
                NetError::DnsMalformedResponse,
                "the DNS message answers another question",
            ),
            (
                |m| m.metadata.truncation = true,
                NetError::DnsMalformedResponse,
                "the DNS message is truncated",
            ),
            (
                |m| m.metadata.response_code = ResponseCode::NXDomain,
                NetError::NameNotResolved,
                "the DNS server answers: Non-Existent Domain",
            ),
            (
                |m| m.metadata.response_code = ResponseCode::ServFail,
                NetError::DnsServerFailure,
                "the DNS server answers: Server Failure",
            ),
            (
                |m| m.metadata.response_code = ResponseCode::Refused,
                NetError::DnsRefused,
                "the DNS server answers: Query Refused",
            ),
            (
                |m| m.metadata.response_code = ResponseCode::YXDomain,
                NetError::DnsOtherFailure,
                "the DNS server answers: Name should not exist",
            ),
        ];
        for (spoil, expected, sentence) in cases {
            let mut message = answered(&question, vec![a("a.test.", 9, 1)]);
            spoil(&mut message);
            let refused = question.answer(&message.to_vec().unwrap()).unwrap_err();
            assert_eq!((refused.net_error(), &*refused.to_string()), (expected, sentence));
        }
    }

    #[test]
    fn a_message_that_is_cut_anywhere_or_too_long_is_refused() {
        let question = question();
        let whole = answered(&question, vec![alias("a.test.", 9, "b.test."), a("b.test.", 9, 1)]);
        let whole = whole.to_vec().unwrap();
        for length in 0..whole.len() {
            assert!(question.answer(&whole[..length]).is_err(), "{length}");
        }
        let mut long = whole;
        long.resize(LONGEST + 1, 0);
        assert!(matches!(question.answer(&long), Err(NoAnswer::TooLong)));
    }
}
