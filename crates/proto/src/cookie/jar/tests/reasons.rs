//! Why cookies are refused, and why a request leaves them behind.

use super::*;

#[test]
fn what_a_request_does_not_carry_has_a_reason() {
    use ExclusionReason as Reason;
    let jar = jar(&[
        ("https://a.test/", "secure=1; Secure"),
        ("https://a.test/", "http=1; HttpOnly"),
        ("https://www.a.test/", "domain=1"),
        ("https://a.test/", "path=1; Path=/y"),
        ("https://a.test/", "strict=1; SameSite=Strict"),
        ("https://a.test/", "lax=1; SameSite=Lax"),
        ("https://a.test/", "none=1"),
    ]);
    let reasons = |to: &str, access: &Access<'_>| {
        let to = url(to);
        let mut reasons: Vec<(String, Reason)> = jar
            .excluded_from(&to, access)
            .into_iter()
            .map(|(cookie, reason)| (String::from_utf8_lossy(cookie.name()).into_owned(), reason))
            .collect();
        reasons.sort_by(|one, other| one.0.cmp(&other.0));
        reasons
    };
    let named = |list: &[(&str, Reason)]| -> Vec<(String, Reason)> {
        list.iter().map(|(name, reason)| ((*name).to_owned(), *reason)).collect()
    };
    assert_eq!(
        reasons("https://a.test/", &FIRST_PARTY),
        named(&[("domain", Reason::DomainMismatch), ("path", Reason::NotOnPath)])
    );
    let script = Access { http: false, ..request(SameSiteContext::CrossSite) };
    assert_eq!(
        reasons("http://a.test/y", &script),
        named(&[
            ("domain", Reason::DomainMismatch),
            ("http", Reason::HttpOnly),
            ("lax", Reason::SameSiteLax),
            ("none", Reason::SameSiteUnspecifiedTreatedAsLax),
            ("path", Reason::SameSiteUnspecifiedTreatedAsLax),
            ("secure", Reason::SecureOnly),
            ("strict", Reason::SameSiteStrict),
        ])
    );
    assert_eq!(reasons("ftp://a.test/", &FIRST_PARTY), []);
}

#[test]
fn every_reason_is_the_answer_to_something() {
    use ExclusionReason as Reason;
    let script = Access { http: false, ..FIRST_PARTY };
    let other = request(SameSiteContext::CrossSite);
    let long = format!("{}=1", "n".repeat(4096));
    let mut jar =
        jar(&[("https://a.test/x", "safe=1; Secure"), ("https://a.test/", "h=1; HttpOnly")]);
    let mut met = Vec::new();
    for (from, line, access, expected) in [
        ("https://a.test/", "a=1; HttpOnly", &script, Reason::HttpOnly),
        ("https://a.test/", "h=2", &script, Reason::OverwriteHttpOnly),
        ("http://a.test/", "a=1; Secure", &FIRST_PARTY, Reason::SecureOnly),
        ("http://a.test/x", "safe=2", &FIRST_PARTY, Reason::OverwriteSecure),
        ("https://a.test/", "a=1; SameSite=Strict", &other, Reason::SameSiteStrict),
        ("https://a.test/", "a=1; SameSite=Lax", &other, Reason::SameSiteLax),
        ("https://a.test/", "a=1", &other, Reason::SameSiteUnspecifiedTreatedAsLax),
        ("https://a.test/", "a=1; SameSite=None", &FIRST_PARTY, Reason::SameSiteNoneInsecure),
        ("ftp://a.test/", "a=1", &FIRST_PARTY, Reason::NonCookieableScheme),
        ("https://a.test/", "a=1; Domain=b.test", &FIRST_PARTY, Reason::InvalidDomain),
        ("https://a.test/", "a=1; Domain=\u{e4}.test", &FIRST_PARTY, Reason::DomainNonAscii),
        ("https://a.test/", "__Host-a=1", &FIRST_PARTY, Reason::InvalidPrefix),
        ("https://a.test/", "a=1; Partitioned", &FIRST_PARTY, Reason::InvalidPartitioned),
        ("https://a.test/", &long, &FIRST_PARTY, Reason::NameValuePairExceedsMaxSize),
        ("https://a.test/", "a=\u{1}", &FIRST_PARTY, Reason::DisallowedCharacter),
        ("https://a.test/", "=", &FIRST_PARTY, Reason::NoCookieContent),
    ] {
        assert_eq!(set_with(&mut jar, from, line, access, NOW), Err(expected), "{line}");
        met.push(expected);
    }
    let from = url("https://a.test/");
    let path = "/".repeat(1025);
    for (path, expected) in
        [("q", Reason::FailureToStore), (&*path, Reason::AttributeValueExceedsMaxSize)]
    {
        let details = CookieDetails { name: b"a", path: Some(path), ..CookieDetails::new(&from) };
        assert_eq!(CanonicalCookie::from_details(&details, NOW), Err(expected), "{path}");
        met.push(expected);
    }
    set(&mut jar, "https://a.test/", "path=1; Path=/y", NOW).unwrap();
    for (to, expected) in [
        ("https://a.test/", [("path", Reason::NotOnPath)].as_slice()),
        (
            "https://b.a.test/y",
            &[
                ("h", Reason::DomainMismatch),
                ("path", Reason::DomainMismatch),
                ("safe", Reason::DomainMismatch),
            ],
        ),
    ] {
        let to = url(to);
        let mut excluded: Vec<(&str, Reason)> = jar
            .excluded_from(&to, &FIRST_PARTY)
            .into_iter()
            .map(|(cookie, reason)| (str::from_utf8(cookie.name()).unwrap(), reason))
            .collect();
        excluded.sort_unstable_by_key(|(name, _)| *name);
        assert_eq!(excluded, expected, "{to}");
        met.extend(excluded.iter().map(|(_, reason)| *reason));
    }
    let missed: Vec<Reason> =
        Reason::ALL.into_iter().filter(|reason| !met.contains(reason)).collect();
    assert_eq!(missed, []);
}
