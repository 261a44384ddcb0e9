//! What becomes of a line or of details: stored as they are, changed, or refused and why.

use super::*;

const NOW: Timestamp = Timestamp(1_764_000_000_000_000);
const DAY: i64 = 86_400;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn from_line(from: &str, line: &str) -> Result<CanonicalCookie, ExclusionReason> {
    CanonicalCookie::from_line(line.as_bytes(), &url(from), NOW, None, None)
}

/// The domain of a cookie that names `attribute`.
fn domain(from: &str, attribute: &str) -> Result<String, ExclusionReason> {
    let cookie = from_line(from, &format!("a=b; Domain={attribute}"))?;
    let from = url(from);
    let domain = Some(attribute);
    let details = CookieDetails { name: b"a", domain, ..CookieDetails::new(&from) };
    let described = CanonicalCookie::from_details(&details, NOW).unwrap();
    assert_eq!(described.domain(), cookie.domain());
    assert_eq!(cookie.is_host_only(), !cookie.domain().starts_with('.'));
    Ok(cookie.domain().to_owned())
}

fn assert_domains(cases: &[(&str, &str, Result<&str, ExclusionReason>)]) {
    for (from, attribute, expected) in cases {
        let expected = expected.map(str::to_owned);
        assert_eq!(domain(from, attribute), expected, "{from} {attribute}");
    }
}

const INVALID: Result<&str, ExclusionReason> = Err(ExclusionReason::InvalidDomain);

#[test]
fn a_domain_covers_the_host_and_stays_with_its_owner() {
    assert_domains(&[
        ("https://www.a.test/", "", Ok("www.a.test")),
        ("https://www.a.test/", "a.test", Ok(".a.test")),
        ("https://www.a.test/", ".a.test", Ok(".a.test")),
        ("https://www.a.test/", "WWW.A.Test", Ok(".www.a.test")),
        ("https://www.a.test/", "x.www.a.test", INVALID),
        ("https://www.a.test/", "ww.a.test", INVALID),
        ("https://www.a.test/", "b.test", INVALID),
        ("https://badexample.com/", "example.com", INVALID),
        ("https://a.test/", ".", INVALID),
        ("https://a.test/", "..a.test", INVALID),
        ("https://a.test/", "a..test", INVALID),
        ("https://a.test/", "%61.test", INVALID),
        ("https://a.test/", "a.test:443", INVALID),
        ("https://a.test/", "a .test", INVALID),
        ("https://xn--bcher-kva.test/", "b\u{fc}cher.test", Err(ExclusionReason::DomainNonAscii)),
        ("https://xn--bcher-kva.test/", "xn--bcher-kva.test", Ok(".xn--bcher-kva.test")),
    ]);
}

#[test]
fn psl_upper_a_public_suffix_in_any_case_is_refused() {
    assert_domains(&[
        ("https://a.co.uk/", "co.uk", INVALID),
        ("https://a.co.uk/", "CO.UK", INVALID),
        ("https://a.co.uk/", "Co.uK", INVALID),
        ("https://alice.github.io/", "GitHub.io", INVALID),
        ("https://a.example.com/", "COM", INVALID),
    ]);
}

#[test]
fn psl_dot_a_public_suffix_with_dots_around_it_is_refused() {
    assert_domains(&[
        ("https://a.co.uk/", ".co.uk", INVALID),
        ("https://a.co.uk/", "co.uk.", INVALID),
        ("https://a.co.uk./", "co.uk.", INVALID),
        ("https://a.example.com/", ".com", INVALID),
        ("https://a.example.com/", "com.", INVALID),
        ("https://a.example.com./", "com.", INVALID),
    ]);
}

#[test]
fn domain_trailing_dot_a_name_with_a_dot_at_the_end_is_another_name() {
    assert_domains(&[
        ("https://a.test/", "a.test.", INVALID),
        ("https://a.test./", "a.test", INVALID),
        ("https://www.a.test./", "a.test.", Ok(".a.test.")),
        ("https://a.test../", "", INVALID),
    ]);
}

#[test]
fn domain_of_a_host_without_a_registrable_domain_is_the_host_alone() {
    assert_domains(&[
        ("http://127.0.0.1/", "127.0.0.1", Ok("127.0.0.1")),
        ("http://127.0.0.1/", ".127.0.0.1", Ok("127.0.0.1")),
        ("http://127.0.0.1/", "0.0.1", INVALID),
        ("http://127.0.0.1/", "127.1", INVALID),
        ("http://[::1]/", "[::1]", Ok("[::1]")),
        ("http://[::1]/", "::1", INVALID),
        ("http://localhost/", "localhost", Ok("localhost")),
        ("http://localhost/", ".LOCALHOST", Ok("localhost")),
        ("http://a.localhost/", "localhost", INVALID),
        ("https://github.io/", "github.io", Ok("github.io")),
        ("https://com/", "com", Ok("com")),
    ]);
}

#[test]
fn a_url_of_another_scheme_has_no_cookies() {
    for from in ["ftp://a.test/", "file:///x", "data:,x", "app://a.test/", "app://1%ff.0.0.1/"] {
        let refused = from_line(from, "a=b").map(|_| ());
        assert_eq!(refused, Err(ExclusionReason::NonCookieableScheme), "{from}");
    }
}

#[test]
fn path_is_the_attribute_or_the_folder_of_the_url() {
    for (from, line, expected) in [
        ("https://a.test/", "a=b", "/"),
        ("https://a.test/x", "a=b", "/"),
        ("https://a.test/x/", "a=b", "/x"),
        ("https://a.test/x/y?/z", "a=b", "/x"),
        ("https://a.test/x/y", "a=b; Path=/q", "/q"),
        ("https://a.test/x/y", "a=b; Path=q", "/x"),
        ("https://a.test/x/y", "a=b; Path=", "/x"),
        ("https://a.test/x/y", "a=b; Path=\"/\"", "/x"),
        ("https://a.test/x/y", "a=b; Path=/q; Path", "/x"),
        ("https://a.test/x/y", "a=b; Path=/%2e/../q", "/%2e/../q"),
    ] {
        assert_eq!(from_line(from, line).unwrap().path(), expected, "{from} {line}");
    }
    let odd =
        CanonicalCookie::from_line(b"a=b; Path=/\xff", &url("https://a.test/"), NOW, None, None);
    assert_eq!(odd.unwrap().path(), "/\u{fffd}");
}

#[test]
fn path_of_details_is_encoded_and_has_to_be_one() {
    let from = url("https://a.test/x/y");
    for (path, expected) in [
        ("/q", Ok("/q")),
        ("/q r\u{e9}", Ok("/q%20r%C3%A9")),
        ("/q/../r", Ok("/r")),
        ("/q?r#s", Ok("/q%3Fr%23s")),
        ("", Ok("/x")),
        ("q", Err(ExclusionReason::FailureToStore)),
        ("/q;", Err(ExclusionReason::DisallowedCharacter)),
        ("/q\r\n", Err(ExclusionReason::DisallowedCharacter)),
        (" /q", Err(ExclusionReason::DisallowedCharacter)),
    ] {
        let details = CookieDetails { name: b"a", path: Some(path), ..CookieDetails::new(&from) };
        let cookie = CanonicalCookie::from_details(&details, NOW);
        assert_eq!(cookie.as_ref().map(CanonicalCookie::path).map_err(|reason| *reason), expected);
    }
    let long = format!("/{}", "\u{e9}".repeat(171));
    let details = CookieDetails { name: b"a", path: Some(&long), ..CookieDetails::new(&from) };
    let error = CanonicalCookie::from_details(&details, NOW).unwrap_err();
    assert_eq!(error, ExclusionReason::AttributeValueExceedsMaxSize);
}

#[test]
fn a_prefix_holds_a_cookie_to_its_promise() {
    const WRONG: Result<(), ExclusionReason> = Err(ExclusionReason::InvalidPrefix);
    let (plain, secure, local) = ("http://a.test/", "https://a.test/", "http://localhost/");
    for (from, line, expected) in [
        (secure, "__Secure-a=b; Secure", Ok(())),
        (secure, "__Secure-a=b", WRONG),
        (secure, "__Secure-a=b; Secure; Domain=a.test", Ok(())),
        (plain, "__Secure-a=b; Secure", WRONG),
        (local, "__Secure-a=b; Secure", Ok(())),
        (secure, "__Host-a=b; Secure; Path=/", Ok(())),
        (secure, "__Host-a=b; Secure", WRONG),
        (secure, "__Host-a=b; Path=/", WRONG),
        (secure, "__Host-a=b; Secure; Path=/x", WRONG),
        (secure, "__Host-a=b; Secure; Path=/; Domain=a.test", WRONG),
        (plain, "__Host-a=b; Secure; Path=/", WRONG),
        (local, "__Host-a=b; Secure; Path=/", Ok(())),
        ("https://127.0.0.1/", "__Host-a=b; Secure; Path=/; Domain=127.0.0.1", Ok(())),
        (secure, "__Http-a=b; Secure; HttpOnly", Ok(())),
        (secure, "__Http-a=b; Secure", WRONG),
        (secure, "__Http-a=b; HttpOnly", WRONG),
        (secure, "__Host-Http-a=b; Secure; HttpOnly; Path=/", Ok(())),
        (secure, "__Host-Http-a=b; Secure; Path=/", WRONG),
        (secure, "__Host-Http-a=b; Secure; HttpOnly", WRONG),
        (secure, "__Other-a=b", Ok(())),
        (secure, "_Secure-a=b", Ok(())),
        (secure, "a__Secure-=b", Ok(())),
    ] {
        assert_eq!(from_line(from, line).map(|_| ()), expected, "{from} {line}");
    }
}

#[test]
fn prefix_case_the_promise_holds_in_any_letter_case() {
    for name in ["__SECURE-a", "__secure-a", "__hOsT-a", "__HTTP-a", "__host-HTTP-a"] {
        let error = from_line("https://a.test/", &format!("{name}=b")).unwrap_err();
        assert_eq!(error, ExclusionReason::InvalidPrefix, "{name}");
    }
}

#[test]
fn prefix_nameless_a_value_cannot_pass_for_a_name() {
    let all = "; Secure; HttpOnly; Path=/";
    for value in ["__Host-a=b", "__Host-", "__SECURE-a", "__http-a", "__Host-Http-a=b"] {
        // No sign of equality passes, whatever stands before it.
        let expected = if value.contains('=') {
            ExclusionReason::DisallowedCharacter
        } else {
            ExclusionReason::InvalidPrefix
        };
        for line in [format!("={value}{all}"), format!(" = {value}{all}")] {
            let error = from_line("https://a.test/", &line).unwrap_err();
            assert_eq!(error, expected, "{line}");
        }
        let from = url("https://a.test/");
        let details = CookieDetails { value: value.as_bytes(), ..CookieDetails::new(&from) };
        let error = CanonicalCookie::from_details(&details, NOW).unwrap_err();
        assert_eq!(error, expected, "{value}");
    }
    assert!(from_line("https://a.test/", "a=__Host-b=c").is_ok());
}

#[test]
fn max_age_goes_before_expires_and_400_days_are_the_most() {
    let at = |seconds| Some(NOW.plus_seconds(seconds));
    for (line, expected) in [
        ("a=b", None),
        ("a=b; Expires=never", None),
        ("a=b; Max-Age=x", None),
        ("a=b; Max-Age=60", at(60)),
        ("a=b; Max-Age=0", Some(Timestamp::MIN)),
        ("a=b; Max-Age=-60", Some(Timestamp::MIN)),
        ("a=b; Expires=Mon, 24 Nov 2025 16:01:00 GMT", at(60)),
        ("a=b; Expires=Mon, 24 Nov 2025 16:01:00 GMT; Max-Age=5", at(5)),
        ("a=b; Max-Age=x; Expires=Mon, 24 Nov 2025 16:01:00 GMT", at(60)),
        ("a=b; Max-Age=99999999999999999999", at(400 * DAY)),
        ("a=b; Max-Age=34560000", at(400 * DAY)),
        ("a=b; Max-Age=34560001", at(400 * DAY)),
        ("a=b; Expires=Fri, 31 Dec 99999 23:59:59 GMT", at(400 * DAY)),
        ("a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT", Some(Timestamp(0))),
    ] {
        let cookie = from_line("https://a.test/", line).unwrap();
        assert_eq!(cookie.expiry(), expected, "{line}");
        assert_eq!(cookie.is_persistent(), expected.is_some());
        assert_eq!(cookie.is_expired(NOW), expected.is_some_and(|expiry| expiry < NOW), "{line}");
    }
}

#[test]
fn expires_counts_from_the_servers_own_date() {
    let line = b"a=b; Expires=Mon, 24 Nov 2025 16:01:00 GMT";
    let server = UnixTime(NOW.unix().0 - 3600);
    let from = url("https://a.test/");
    let cookie = CanonicalCookie::from_line(line, &from, NOW, Some(server), None).unwrap();
    assert_eq!(cookie.expiry(), Some(NOW.plus_seconds(3660)));
}

#[test]
fn a_partitioned_cookie_is_secure_and_has_the_key_of_its_request() {
    let from = url("https://a.test/");
    let key = PartitionKey::new(&url("https://top.test/"), true).unwrap();
    let make = |line: &[u8]| CanonicalCookie::from_line(line, &from, NOW, None, Some(&key));
    assert_eq!(make(b"a=b; Secure; Partitioned").unwrap().partition_key(), Some(&key));
    assert_eq!(make(b"a=b; Secure").unwrap().partition_key(), None);
    assert_eq!(make(b"a=b; Partitioned").unwrap_err(), ExclusionReason::InvalidPartitioned);
    let mut details = CookieDetails { name: b"a", ..CookieDetails::new(&from) };
    details.partition_key = Some(&key);
    let error = CanonicalCookie::from_details(&details, NOW).unwrap_err();
    assert_eq!(error, ExclusionReason::InvalidPartitioned);
}

#[test]
fn details_have_the_defaults_of_electron() {
    let from = url("http://127.0.0.1:8080/x");
    let details = CookieDetails { name: b"a", value: b"1", ..CookieDetails::new(&from) };
    let cookie = CanonicalCookie::from_details(&details, NOW).unwrap();
    assert_eq!(cookie.pair(), b"a=1");
    assert_eq!((cookie.domain(), cookie.path(), cookie.is_host_only()), ("127.0.0.1", "/", true));
    assert_eq!((cookie.secure(), cookie.http_only()), (false, false));
    assert_eq!((cookie.same_site(), cookie.expiry()), (SameSite::Lax, None));
    assert_eq!((cookie.creation(), cookie.last_access()), (NOW, NOW));
    assert_eq!(cookie.source_port(), Some(8080));

    let none = CookieDetails { same_site: Some(SameSite::NoRestriction), ..details.clone() };
    assert!(CanonicalCookie::from_details(&none, NOW).unwrap().secure());
    let past = CookieDetails { expiry: Some(Timestamp(0)), ..details };
    assert!(CanonicalCookie::from_details(&past, NOW).unwrap().is_expired(NOW));
}

#[test]
fn details_are_refused_for_what_a_line_could_not_say() {
    let from = url("https://a.test/");
    let base = || CookieDetails { name: b"a", value: b"1", ..CookieDetails::new(&from) };
    let long = "x".repeat(1025);
    for (details, expected) in [
        (CookieDetails { value: b"a;b", ..base() }, ExclusionReason::DisallowedCharacter),
        (CookieDetails { value: b"a\nb", ..base() }, ExclusionReason::DisallowedCharacter),
        (CookieDetails { value: b"a\tb", ..base() }, ExclusionReason::DisallowedCharacter),
        (CookieDetails { value: b" a", ..base() }, ExclusionReason::DisallowedCharacter),
        (CookieDetails { name: b"a=b", ..base() }, ExclusionReason::DisallowedCharacter),
        (CookieDetails { name: b"a\0", ..base() }, ExclusionReason::DisallowedCharacter),
        (CookieDetails { name: b"", value: b"", ..base() }, ExclusionReason::NoCookieContent),
        (
            CookieDetails { value: &[b'a'; 4096], ..base() },
            ExclusionReason::NameValuePairExceedsMaxSize,
        ),
        (
            CookieDetails { domain: Some(&long), ..base() },
            ExclusionReason::AttributeValueExceedsMaxSize,
        ),
        (CookieDetails { domain: Some("b.test"), ..base() }, ExclusionReason::InvalidDomain),
        (CookieDetails { domain: Some("\u{e9}.test"), ..base() }, ExclusionReason::DomainNonAscii),
        (CookieDetails { domain: Some("a.test\r"), ..base() }, ExclusionReason::InvalidDomain),
        (CookieDetails { last_access: Some(NOW), ..base() }, ExclusionReason::FailureToStore),
    ] {
        let error = CanonicalCookie::from_details(&details, NOW).unwrap_err();
        assert_eq!(error, expected, "{details:?}");
    }
}

#[test]
fn a_cookie_survives_being_stored() {
    let key = PartitionKey::new(&url("https://top.test/"), false).unwrap();
    for (from, line) in [
        ("https://www.a.test/x/y", "a=b; Domain=a.test; Max-Age=5; HttpOnly; SameSite=Strict"),
        ("https://a.test/", "__Host-a=b; Secure; Path=/; Priority=High; Partitioned"),
        ("http://[::1]:81/", "value without a name"),
        ("http://localhost/", "\u{e9}=\u{e9}; Path=/\u{e9}"),
        ("https://www.a.test./", "a=b; Domain=a.test."),
    ] {
        let line = line.as_bytes();
        let cookie = CanonicalCookie::from_line(line, &url(from), NOW, None, Some(&key)).unwrap();
        assert_eq!(CanonicalCookie::from_storage(cookie.to_stored()), Ok(cookie), "{from}");
    }
}

#[test]
fn what_stands_in_a_file_is_checked_like_what_comes_from_the_network() {
    let cookie = from_line("https://www.a.test/", "a=b; Domain=a.test").unwrap();
    let base = || cookie.to_stored();
    let key = PartitionKey::new(&url("https://top.test/"), false);
    for (stored, expected) in [
        (StoredCookie { domain: ".test".into(), ..base() }, ExclusionReason::InvalidDomain),
        (StoredCookie { domain: ".co.uk".into(), ..base() }, ExclusionReason::InvalidDomain),
        (StoredCookie { domain: "".into(), ..base() }, ExclusionReason::InvalidDomain),
        (StoredCookie { domain: "..a.test".into(), ..base() }, ExclusionReason::InvalidDomain),
        (StoredCookie { domain: "A.test".into(), ..base() }, ExclusionReason::InvalidDomain),
        (StoredCookie { domain: ".127.0.0.1".into(), ..base() }, ExclusionReason::InvalidDomain),
        (StoredCookie { domain: "a.test/".into(), ..base() }, ExclusionReason::InvalidDomain),
        (StoredCookie { path: "x".into(), ..base() }, ExclusionReason::FailureToStore),
        (StoredCookie { path: "/\r\n".into(), ..base() }, ExclusionReason::FailureToStore),
        (StoredCookie { name: b"__Host-a".into(), ..base() }, ExclusionReason::InvalidPrefix),
        (StoredCookie { value: b"a\r\nb".into(), ..base() }, ExclusionReason::DisallowedCharacter),
        (
            StoredCookie { name: vec![b'a'; 70_000], ..base() },
            ExclusionReason::NameValuePairExceedsMaxSize,
        ),
        (StoredCookie { partition_key: key, ..base() }, ExclusionReason::InvalidPartitioned),
    ] {
        assert_eq!(CanonicalCookie::from_storage(stored.clone()), Err(expected), "{stored:?}");
    }
}

#[test]
fn a_value_does_not_show_in_debug_output() {
    let cookie = from_line("https://a.test/", "a=hidden; Secure").unwrap();
    let shown = format!("{cookie:?} {:?}", cookie.key());
    assert!(shown.contains("a.test") && !shown.contains("hidden"), "{shown}");
}
