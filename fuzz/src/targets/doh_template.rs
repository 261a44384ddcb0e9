//! URI templates of servers for DNS over HTTPS.
//!
//! A template that is read is shown as it was given, and a refusal shows on one line.

use netreq::DnsOverHttpsServer;

/// Reads `data` as a template.
pub fn doh_template(data: &[u8]) {
    let Ok(template) = str::from_utf8(data) else { return };
    match template.parse::<DnsOverHttpsServer>() {
        Ok(server) => {
            assert_eq!(server.to_string(), template);
            assert!(server.uses_post() || template.contains("dns"), "{template:?}");
        }
        Err(refused) => assert!(!refused.to_string().contains(char::is_control), "{refused}"),
    }
}

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "https://dns.test/dns-query",
    "{?dns}",
    "{&dns}",
    "{/dns}",
    "{dns}",
    "{+dns,other}",
    "{;dns}",
    "{#dns}",
    "{.dns}",
    "{?dns*}",
    "}",
];
