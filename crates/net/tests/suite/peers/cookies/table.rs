//! What is sent and asked: `Set-Cookie` lines in every shape, and the requests after them.
//!
//! A case is a walk over requests, each answered with some lines; what is compared is the `Cookie`
//! field of every one of them. Each case has hosts of its own, so that none sees the cookies of
//! another: `#` is its number. Every character of a line is one byte.

use By::{Fetch, Image, Navigation, Post, Redirect};

/// A walk, named after what is special about it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

/// A request, and the `Set-Cookie` lines of its answer.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) by: By,
    pub(crate) url: String,
    pub(crate) lines: Vec<String>,
}

/// What a request is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The answer before it; the first request of a case by an answer or a page of another site.
    Redirect,
    /// A page goes there.
    Navigation,
    /// A page sends a form there.
    Post,
    /// A page's script.
    Fetch,
    /// A page shows it.
    Image,
}

/// Every case, its hosts filled in.
pub(crate) fn cases() -> Vec<Case> {
    let groups = [
        pairs(),
        sizes(),
        dates(),
        ages(),
        domains(),
        suffixes(),
        paths(),
        secure(),
        prefixes(),
        several(),
        sites(),
    ];
    let mut cases: Vec<Case> = groups.into_iter().flatten().collect();
    for (number, case) in cases.iter_mut().enumerate() {
        let number = (number + 1).to_string();
        for step in &mut case.steps {
            step.url = step.url.replace('#', &number);
            for line in &mut step.lines {
                *line = line.replace('#', &number);
            }
        }
    }
    cases
}

/// The bytes that a text of this table stands for.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let byte = |char| u8::try_from(u32::from(char)).expect("every character is one byte");
    text.chars().map(byte).collect()
}

/// By redirect.
fn to(url: &str, lines: &[&str]) -> Step {
    by(Redirect, url, lines)
}

fn by(by: By, url: &str, lines: &[&str]) -> Step {
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    Step { by, url: url.to_owned(), lines }
}

fn case(name: &str, steps: impl Into<Vec<Step>>) -> Case {
    Case { name: name.to_owned(), steps: steps.into() }
}

/// Set and asked at the same place.
fn here(line: &str) -> Case {
    case(line, [to(PAGE, &[line]), to(PAGE, &[])])
}

/// Set at one place, asked at several.
fn around(line: &str, set: &str, asked: &[&str]) -> Case {
    let asked = asked.iter().map(|url| to(url, &[]));
    let name = if set == PAGE { line.to_owned() } else { format!("{line} @ {set}") };
    case(&name, std::iter::once(to(set, &[line])).chain(asked).collect::<Vec<_>>())
}

/// Names and values.
fn pairs() -> Vec<Case> {
    let lines = [
        "a=b",
        "a=",
        "a",
        "=a",
        "==a",
        "=a=b",
        "==",
        "=a=",
        "a=b==",
        "==; Path=/",
        "a==b",
        "a=b=c",
        " a = b ",
        "\ta\t=\tb\t",
        "a b=c d",
        "a=\"b c\"",
        "a=\"b;c\"",
        "a=\"b",
        "a=b,c=d",
        "a=b, c=d; Secure",
        "a=b;",
        ";a=b",
        "",
        " ",
        "=",
        " = ",
        ";",
        "; a=b",
        "=;Path=/",
        "a=b;;;Path=/",
        "a=b;=;Path=/",
        "a=%20%3B%00",
        "a=b\\",
        "\\a=b",
        "a=<>",
        "a={\"b\":[1]}",
        "$Version=1",
        "a@b=c",
        "a:b/c?d=e",
        "__proto__=1",
        "constructor=1",
        "a=b; Secure=no; HttpOnly=no",
        "a=b; Unknown; unknown=1",
        // Bytes that are not ASCII: Latin-1, UTF-8, cut UTF-8, and their white space.
        "\u{e9}=\u{e8}",
        "a=\u{c3}\u{a9}",
        "a=\u{c3}",
        "a=\u{ff}\u{80}",
        "a=\u{a0}b\u{a0}",
        "a=b; \u{e9}=\u{e9}",
        "a=\u{e2}\u{80}\u{a8}b",
        // Control characters.
        "a\tb=c",
        "a=b\tc",
        "a=b; Path=/\tx",
        "a=b; x\ty",
        "a=b\t;\tPath=/\t",
        "a\x01=b",
        "a=\x01b",
        "a=b; Path=/\x01",
        "a=b; x=\x1f",
        "a=b; \x01",
        "a=b\x7f",
        "\x7fa=b",
        "a=b\x0b",
        "a=b\x0c",
        "a=b\x08; Path=/",
    ];
    lines.into_iter().map(here).collect()
}

/// Lengths.
fn sizes() -> Vec<Case> {
    let x = |length: usize| "x".repeat(length);
    [
        ("4096 bytes", format!("a={}", x(4095))),
        ("4097 bytes", format!("a={}", x(4096))),
        ("a name of 4096", format!("{}=", x(4096))),
        ("a name of 4097", format!("{}=", x(4097))),
        ("no name and 4096", x(4096)),
        ("no name and 4097", x(4097)),
        ("white space around 4096", format!(" a = {} ", x(4095))),
        ("a path of 1024", format!("a=b; Path=/{}", x(1023))),
        ("a path of 1025", format!("a=b; Path=/{}", x(1024))),
        ("a path of 1025 after one that fits", format!("a=b; Path=/; Path=/{}", x(1024))),
        ("a domain of 1025", format!("a=b; Domain={}", x(1025))),
        ("a date of 1025", format!("a=b; Expires={}{}", x(1000), " 1 Jan 1999 00:00:00 GMT")),
        ("an age of 1024", format!("a=b; Max-Age={}", "0".repeat(1024))),
        ("an age of 1025", format!("a=b; Max-Age={}", "0".repeat(1025))),
        ("an unknown attribute of 5000", format!("a=b; {}={}; Path=/", x(5000), x(5000))),
        ("500 attributes", format!("a=b{}; Max-Age=0", "; x=y".repeat(500))),
        ("10000 bytes of spaces", format!("a={}b", " ".repeat(10_000))),
    ]
    .into_iter()
    .map(|(name, line)| case(name, [to(PAGE, &[&line]), to(PAGE, &[])]))
    .collect()
}

/// Dates in the past: what is understood ends the cookie.
fn dates() -> Vec<Case> {
    let dates = [
        "Wed, 09 Jun 1999 10:18:14 GMT",
        "Wed, 09-Jun-1999 10:18:14 GMT",
        "Wednesday, 09-Jun-99 10:18:14 GMT",
        "Wed Jun  9 10:18:14 1999",
        "1999 Jun 9 10:18:14",
        "10:18:14 09 Jun 99",
        "9 Jun 69 00:00:00",
        "9 Jun 70 00:00:00",
        "9 Jun 00 00:00:00",
        "9 Jun 0 00:00:00",
        "1 Jan 1601 00:00:00",
        "1 Jan 1600 00:00:00",
        "31 Feb 1999 00:00:00",
        "30 Feb 1999 00:00:00",
        "29 Feb 1999 00:00:00",
        "29 Feb 2000 00:00:00",
        "31 Apr 1999 00:00:00",
        "32 Jan 1999 00:00:00",
        "0 Jan 1999 00:00:00",
        "1 Jan 1999 24:00:00",
        "1 Jan 1999 23:60:00",
        "1 Jan 1999 23:59:60",
        "1 Jan 1999 1:2:3",
        "1 Jan 1999 1:2",
        "1 Jan 1999 001:02:03",
        "1 Jan 1999 0001:02:03",
        "1 Jan 1999 01:02:03x 04:05:06",
        "6th Jan 07 00:00:00",
        "6th 1 Jan 1999 00:00:00",
        "1 99x Jan 1999 00:00:00",
        "1 Jan 1999 00000000000000000001:02:03",
        "1 Jan 1999 00000000000000000000000000000000001:02:03",
        "1 Jan 1999 99999999999999999999:02:03",
        "1 Jan 1999 01::02:03",
        "1 Jan 1999 01::03",
        "1 Jan 1999 01:02:03::",
        "1 Jan 1999 01:02:03: 04:05:06",
        "1 Jan 199999 1999 00:00:00",
        "1 Jan 00099 00:00:00",
        "1 Jan 1999 108:49:37 00:00:00",
        "1 jan:1999 00:00:00",
        "1 jan:x 1999 00:00:00",
        "1 Jan 1999 0x1:02:03",
        "1: Jan 1999 00:00:00",
        "1 Jan 1999: 00:00:00",
        "1 Jan 1999 01:002:03",
        "1 Jan 1999 01:02:0003",
        "1 Jan 1999 01:02:03x",
        "1 Jan 1999 01:02:3x",
        "1 Jan 1999 01x:02:03",
        "1 Jan 1999 01:02x:03",
        "1 Jan 1999 01:02:03:",
        "1 Jan 1999 01:02:03:x",
        "1 Jan 1999 :01:02:03",
        "1 Jan 1999 :02:03",
        "1 Jan 1999 01:02:",
        "1 Jan 1999 1:02",
        "1 Jan 1999 x01:02:03",
        "1 Jan 1999 01:02:03am",
        "1 Jan 1999 01:02:03 04:05:06",
        "1 Jan 1999 01:02:99 04:05:06",
        "1 Jan 1999 1:2 04:05:06",
        "x1 Jan 1999 00:00:00",
        "1x Jan 1999 00:00:00",
        "1xxxxx Jan 1999 00:00:00",
        "001 Jan 1999 00:00:00",
        "0001 Jan 1999 00:00:00",
        "1 Jan x1999 00:00:00",
        "1 Jan 1999xxxx 00:00:00",
        "1 Jan 99x 00:00:00",
        "1 Jan 01999 00:00:00",
        "1 Jan 99 00:00:00",
        "1 Jan 099 00:00:00",
        "1 Jan 0099 00:00:00",
        "12x Jan 1999 00:00:00",
        "1 Jan99 1999 00:00:00",
        "1 xJan 1999 00:00:00",
        "1 Jan 19 1999 00:00:00",
        "99 Jan 1999 1 00:00:00",
        "40 1 Jan 1999 00:00:00",
        "0 1 Jan 1999 00:00:00",
        "1 Jan 1500 1999 00:00:00",
        "1 Feb xFeb 1999 00:00:00",
        "1 Foo Jan 1999 00:00:00",
        "1\u{e9}Jan\u{e9}1999\u{e9}00:00:00",
        "1 Jan 1999\u{e9} 00:00:00",
        "1 Jan 1999 00:00:00\u{e9}",
        "1 JanX1999 00:00:00",
        "1 Jan 1999 00:00:00+00:00",
        "1 Jan 1999T00:00:00",
        "1 Jan 1999 24:00:00 01:01:01",
        "1 Jan 1999 00:00",
        "1999 1 Jan 00:00:00",
        "1999 01 Jan 00:00:00",
        "1999 Jan 00:00:00 1",
        "70 Jan 1 00:00:00",
        "1 2 3 Jan 1999 00:00:00",
        "1 99 Jan 1999 00:00:00",
        "1 99 Jan 2039 00:00:00",
        "1 2039 Jan 1999 00:00:00",
        "1 199 Jan 1999 00:00:00",
        "1 19999 Jan 1999 00:00:00",
        "1 2039x Jan 1999 00:00:00",
        "1 Jan 1999 01:02:03:04",
        "1 Jan 1999 01:02:03.5",
        "1 Jan 1999 01:02:034",
        "1 Jan 1999",
        "1 January 1999 00:00:00",
        "1 Janx 1999 00:00:00",
        "1 Ja 1999 00:00:00",
        "01-01-1999 00:00:00",
        "1999-01-01T00:00:00Z",
        "0",
        "-1",
        "",
        "never",
        "now",
        "\"Thu, 01 Jan 1970 00:00:00 GMT\"",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 +0900",
        "1 Jan 1999 00:00:00 PM",
        "1 Jan 19999 00:00:00",
        "1 Jan 199 00:00:00",
        "1st Jan 1999 00:00:00",
        "01x Jan 1999 00:00:00",
        "123 Jan 1999 00:00:00",
        "1 Jan 1999x 00:00:00",
        "1jan1999 00:00:00",
        "1 JAN 1999 00:00:00",
        "1 Jan 1999 2039 00:00:00",
        "1 Jan 2039 1999 00:00:00",
        "1 2 Jan 1999 00:00:00",
        "1 Jan Feb 1999 00:00:00",
        "1/Jan/1999/00:00:00",
        "1~Jan_1999.00:00:00",
        "1,Jan,1999,00:00:00",
        "1 J\u{e4}n 1999 00:00:00",
        "1\u{a0}Jan\u{a0}1999 00:00:00",
        "Fri, 07 Aug 2039 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 99999 00:00:00 GMT",
        "1 Jan 99 00:00:00; Expires=",
        "1 Jan 2039 00:00:00; Expires=1 Jan 1999 00:00:00",
    ];
    dates.into_iter().map(|date| here(&format!("a=b; Expires={date}"))).collect()
}

/// `Max-Age`: what is understood and not above zero ends the cookie.
fn ages() -> Vec<Case> {
    let ages = [
        "0",
        "00",
        "-0",
        "+0",
        "-1",
        "+1",
        "1000",
        "",
        "-",
        "+",
        "--1",
        "abc",
        "-abc",
        "0abc",
        "0x0",
        "0.5",
        "0.0",
        "1e3",
        "\"0\"",
        " 0 ",
        "- 1",
        "0,1",
        "99999999999999999999",
        "-99999999999999999999",
        "9223372036854775807",
        "-9223372036854775808",
        "2147483648",
        "abc; Expires=1 Jan 1999 00:00:00",
        "1000; Expires=1 Jan 1999 00:00:00",
        "0; Expires=1 Jan 2039 00:00:00",
        "; Expires=1 Jan 1999 00:00:00",
        "0; Max-Age=1000",
        "1000; Max-Age=0",
        "0; Max-Age=",
        "0; Max-Age",
    ];
    ages.into_iter().map(|age| here(&format!("a=b; Max-Age={age}"))).collect()
}

fn domains() -> Vec<Case> {
    let asked = [
        PAGE,
        "http://c#.example/dir/page",
        "http://x.www.c#.example/dir/page",
        "http://other.c#.example/dir/page",
    ];
    let mut cases: Vec<Case> = [
        "a=b; Domain=c#.example",
        "a=b; domain=.c#.example",
        "a=b; Domain=..c#.example",
        "a=b; Domain=C#.EXAMPLE",
        "a=b; Domain=www.c#.example",
        "a=b; Domain=x.www.c#.example",
        "a=b; Domain=other.example",
        "a=b; Domain=example",
        "a=b; Domain=.example",
        "a=b; Domain=",
        "a=b; Domain",
        "a=b; Domain=.",
        "a=b; Domain=..",
        "a=b; Domain=c#.example; Domain=",
        "a=b; Domain=; Domain=c#.example",
        "a=b; Domain=c#.example; Domain=www.c#.example",
        "a=b; Domain=www.c#.example; Domain=other.example",
        "a=b; Domain=c#.example.",
        "a=b; Domain= c#.example ",
        "a=b; Domain=\"c#.example\"",
        "a=b; Domain=c#.example:443",
        "a=b; Domain=https://c#.example",
        "a=b; Domain=%63#.example",
        "a=b; Domain=c#.example/",
        "a=b; Domain=*.c#.example",
        "a=b; Domain=c# .example",
        "a=b; Domain=\u{e9}.c#.example",
        "a=b; Domain=c#.ex\u{e4}mple",
        "a=b; Domain=ww.c#.example",
        "a=b; Domain=ww.w.c#.example",
        "a=b; Domain=c#.example,other.example",
    ]
    .into_iter()
    .map(|line| around(line, PAGE, &asked))
    .collect();
    for (line, host, others) in [
        // A dot at the end is another host.
        ("a=b", "www.c#.example.", &["www.c#.example"][..]),
        ("a=b; Domain=c#.example.", "www.c#.example.", &["www.c#.example", "c#.example."]),
        ("a=b; Domain=c#.example", "www.c#.example.", &["www.c#.example", "c#.example"]),
        // Names that are not quite names.
        ("a=b; Domain=x_y.c#.example", "x_y.c#.example", &["z.x_y.c#.example"]),
        ("a=b; Domain=xn--bcher-kva.c#.example", "xn--bcher-kva.c#.example", &["c#.example"]),
        (
            "a=b; Domain=b\u{c3}\u{bc}cher.c#.example",
            "xn--bcher-kva.c#.example",
            &["x.xn--bcher-kva.c#.example"],
        ),
        (
            "a=b; Domain=b\u{fc}cher.c#.example",
            "xn--bcher-kva.c#.example",
            &["x.xn--bcher-kva.c#.example"],
        ),
        (
            "a=b; Domain=b%C3%BCcher.c#.example",
            "xn--bcher-kva.c#.example",
            &["x.xn--bcher-kva.c#.example"],
        ),
        ("a=b; Domain=\u{ef}\u{bd}\u{83}#.example", "www.c#.example", &["c#.example"]),
        ("a=b; Domain=c#\u{e3}\u{80}\u{82}example", "www.c#.example", &["c#.example"]),
        ("a=b; Domain=XN--BCHER-KVA.c#.example", "xn--bcher-kva.c#.example", &["c#.example"]),
        // One label.
        ("a=b", "single#", &["x.single#"]),
        ("a=b; Domain=single#", "single#", &["x.single#"]),
        ("a=b; Domain=.single#", "single#", &["x.single#"]),
        ("a=b; Domain=single#", "x.single#", &["single#", "y.x.single#"]),
        ("a=b; Domain=x.single#", "y.x.single#", &["x.single#"]),
        // This machine.
        ("a=b; Domain=localhost", "x#.localhost", &["y#.localhost"]),
        ("a=b; Domain=x#.localhost", "x#.localhost", &["y.x#.localhost"]),
        ("a#=b; Domain=localhost", "localhost", &["x#.localhost"]),
        // Addresses.
        ("a=b", "127.0.1.1", &["127.0.2.1"]),
        ("a=b; Domain=127.0.3.1", "127.0.3.1", &["127.0.2.1"]),
        ("a=b; Domain=.127.0.4.1", "127.0.4.1", &["127.0.2.1"]),
        ("a=b; Domain=0.5.1", "127.0.5.1", &["127.0.2.1"]),
        ("a=b; Domain=127.0.6.1.", "127.0.6.1", &["127.0.2.1"]),
        ("a=b; Domain=0x7f.0.7.1", "127.0.7.1", &["127.0.2.1"]),
        ("a=b; Domain=\"127.0.8.1\"", "127.0.8.1", &["127.0.2.1"]),
        ("a=b; Domain=[fd00::#]", "[fd00::#]", &["[fd00::1:#]"]),
        ("a=b; Domain=fd00::#", "[fd00::#]", &["[fd00::1:#]"]),
        ("a=b; Domain=[FD00::#]", "[fd00::#]", &["[fd00::1:#]"]),
        ("a=b; Domain=[fd00:0::#]", "[fd00::#]", &["[fd00::1:#]"]),
        ("a=b; Domain=::#", "[fd00::#]", &["[fd00::1:#]"]),
    ] {
        let url = |host: &str| format!("http://{host}/dir/page");
        let others: Vec<String> = others.iter().map(|host| url(host)).collect();
        let asked: Vec<&str> = others.iter().map(String::as_str).collect();
        let set = url(host);
        cases.push(around(line, &set, &[&[&*set], &*asked].concat()));
    }
    cases
}

/// Public suffixes, those of the private part of the list too. The list's own hosts are shared by
/// all cases: a name with the number in it sets them apart.
fn suffixes() -> Vec<Case> {
    [
        ("a#=b; Domain=co.uk", "www.c#.co.uk", &["c#.co.uk", "co.uk"][..]),
        ("a#=b; Domain=.CO.UK", "www.c#.co.uk", &["c#.co.uk", "co.uk"]),
        ("a#=b; Domain=c#.co.uk", "www.c#.co.uk", &["c#.co.uk", "co.uk"]),
        ("a#=b; Domain=co.uk", "co.uk", &["c#.co.uk"]),
        ("a#=b; Domain=.org.uk", "org.uk", &["c#.org.uk"]),
        ("a#=b; Domain=com", "c#.com", &["d#.com"]),
        ("a#=b; Domain=github.io", "c#.github.io", &["d#.github.io"]),
        ("a#=b; Domain=c#.github.io", "x.c#.github.io", &["c#.github.io"]),
        ("a#=b; Domain=github.io", "github.io", &["c#.github.io"]),
        // `*.ck` is a suffix, `www.ck` is none; `*.kawasaki.jp` is, `city.kawasaki.jp` is none.
        ("a#=b; Domain=y#.ck", "x.y#.ck", &["z.y#.ck"]),
        ("a#=b; Domain=x.y#.ck", "z.x.y#.ck", &["x.y#.ck"]),
        ("a#=b; Domain=www.ck", "x#.www.ck", &["y#.www.ck"]),
        ("a#=b; Domain=ck", "www.ck", &["x#.www.ck"]),
        ("a#=b; Domain=x#.kawasaki.jp", "y.x#.kawasaki.jp", &["x#.kawasaki.jp"]),
        ("a#=b; Domain=city.kawasaki.jp", "x#.city.kawasaki.jp", &["y#.city.kawasaki.jp"]),
        ("a#=b; Domain=kawasaki.jp", "city.kawasaki.jp", &["x#.city.kawasaki.jp"]),
        ("a#=b; Domain=xn--p1ai", "c#.xn--p1ai", &["d#.xn--p1ai"]),
        ("a#=b; Domain=co.uk.", "c#.co.uk.", &["d#.co.uk."]),
    ]
    .into_iter()
    .map(|(line, host, others)| {
        let url = |host: &str| format!("https://{host}/");
        let set = url(host);
        let others: Vec<String> = others.iter().map(|host| url(host)).collect();
        let asked: Vec<&str> = others.iter().map(String::as_str).collect();
        around(line, &set, &[&[&*set], &*asked].concat())
    })
    .collect()
}

fn paths() -> Vec<Case> {
    let url = |path: &str| format!("http://www.c#.example{path}");
    let mut cases = Vec::new();
    let mut add = |line: &str, set: &str, asked: &[&str]| {
        let asked: Vec<String> = asked.iter().map(|path| url(path)).collect();
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        cases.push(around(line, &url(set), &asked));
    };
    let usual = ["/", "/dir", "/dir/", "/dir/page", "/dir/page/x", "/dirty", "/other"];
    for line in [
        "a=b",
        "a=b; Path=/",
        "a=b; Path=/dir",
        "a=b; path = /dir/ ",
        "a=b; Path=/di",
        "a=b; Path=/DIR",
        "a=b; Path=dir",
        "a=b; Path=",
        "a=b; Path",
        "a=b; Path=/dir/page",
        "a=b; Path=/dir/page/",
        "a=b; Path=/other",
        "a=b; Path=\"/\"",
        "a=b; Path=/dir; Path=/other",
        "a=b; Path=/other; Path",
        "a=b; Path=/other; Path=x",
        "a=b; Path=/dir?x",
        "a=b; Path=/dir#x",
        "a=b; Path=//",
        "a=b; Path=/dir//",
        "a=b; Path=/x/../dir",
        "a=b; Path=/dir/.",
        "a=b; Path=/dir\\",
        "a=b; Path=\\",
        "a=b; Path=https://www.c#.example/",
        "a=b; Path=/dir,/other",
    ] {
        add(line, "/dir/page", &usual);
    }
    for set in ["/", "/dir", "/dir/", "/dir/page/x", "//", "//dir", "/dir//x"] {
        add(
            "a=b",
            set,
            &["/", "/dir", "/dir/", "/dir/page", "/dir/page/x", "//", "//dir", "/dir//x"],
        );
    }
    let escaped =
        ["/%64ir/x", "/dir/x", "/d%C3%A9/x", "/d%c3%a9/x", "/a%20b/x", "/a%2Fb/x", "/a/b/x"];
    for line in [
        "a=b; Path=/%64ir",
        "a=b; Path=/dir",
        "a=b; Path=/d%C3%A9",
        "a=b; Path=/d%c3%a9",
        "a=b; Path=/d\u{c3}\u{a9}",
        "a=b; Path=/d\u{e9}",
        "a=b; Path=/a b",
        "a=b; Path=/a%20b",
        "a=b; Path=/a%2Fb",
        "a=b; Path=/a%2fb",
        "a=b; Path=/a/b",
    ] {
        add(line, "/", &escaped);
    }
    for set in escaped {
        add("a=b", set, &escaped);
    }
    add("a=b", "/a;b/c", &["/a;b/c", "/a/c", "/a;b"]);
    cases
}

/// What only an encrypted host may set, take and replace.
fn secure() -> Vec<Case> {
    let (secure, clear) = ("https://www.c#.example/dir/page", "http://www.c#.example/dir/page");
    let (upper, above) = ("https://c#.example/", "http://c#.example/");
    let mut cases = Vec::new();
    for line in
        ["a=b", "a=b; Secure", "a=b; secure=false", "a=b; HttpOnly", "a=b; Domain=c#.example"]
    {
        cases.push(around(line, secure, &[secure, clear]));
        cases.push(around(line, clear, &[secure, clear]));
    }
    for (first, then) in [
        ("a=1; Secure", "a=2"),
        ("a=1; Secure; Path=/", "a=2; Path=/"),
        ("a=1; Secure; Path=/", "a=2; Path=/dir"),
        ("a=1; Secure; Path=/dir", "a=2; Path=/"),
        ("a=1; Secure; Path=/dir", "a=2; Path=/dir/page"),
        ("a=1; Secure; Path=/other", "a=2; Path=/"),
        ("a=1; Secure", "a=2; Domain=c#.example"),
        ("a=1; Secure; Domain=c#.example", "a=2"),
        ("a=1; Secure; Domain=c#.example", "a=2; Domain=www.c#.example"),
        ("a=1; Secure", "A=2"),
        ("a=1; Secure", "a=; Max-Age=0"),
        ("a=1; Secure; HttpOnly", "a=2"),
        ("a=1", "a=2"),
        ("a=1", "a=2; Secure"),
        ("1; Secure", "2"),
    ] {
        let name = format!("{first} | in the clear: {then}");
        let steps = [to(secure, &[first]), to(clear, &[then]), to(clear, &[]), to(secure, &[])];
        cases.push(case(&name, steps));
    }
    cases.push(case(
        "a non-secure one from another host of the domain",
        [
            to(upper, &["a=1; Secure; Domain=c#.example"]),
            to(clear, &["a=2", "a=3; Domain=c#.example"]),
            to(above, &["a=4"]),
            to(secure, &[]),
            to(upper, &[]),
            to(clear, &[]),
        ],
    ));
    for host in
        ["127.0.10.1", "10.1.2.1", "x#.localhost", "[::1]", "[fd00::#]", "x#.test", "single#"]
    {
        let (clear, secure) = (format!("http://{host}/"), format!("https://{host}/"));
        let lines =
            ["a#=b; Secure", "__Host-a#=b; Secure; Path=/", "__Secure-a#=b; Secure", "b#=1"];
        let steps =
            [to(&clear, &lines), to(&clear, &[]), to(&secure, &["c#=1; Secure"]), to(&clear, &[])];
        cases.push(case(&format!("secure cookies in the clear @ {host}"), steps));
    }
    cases
}

fn prefixes() -> Vec<Case> {
    let mut cases = Vec::new();
    let clear = "http://www.c#.example/";
    let secure = "https://www.c#.example/";
    for line in [
        "__Secure-a=b",
        "__Secure-a=b; Secure",
        "__SECURE-a=b",
        "__secure-a=b; Secure",
        "__Secure-=b",
        "__Secure-",
        "__Secure-a",
        "=__Secure-a=b",
        "__Secure=b",
        "_Secure-a=b",
        " __Secure-a=b",
        "__Secure-a=b; Secure; Domain=c#.example",
        "__Host-a=b",
        "__Host-a=b; Secure",
        "__Host-a=b; Secure; Path=/",
        "__Host-a=b; Path=/",
        "__HOST-a=b",
        "__host-a=b; Secure; Path=/",
        "__Host-a=b; Secure; Path=/dir",
        "__Host-a=b; Secure; Path=",
        "__Host-a=b; Secure; Path=x",
        "__Host-a=b; Secure; Path=/; Domain=www.c#.example",
        "__Host-a=b; Secure; Path=/; Domain=",
        "__Host-a=b; Secure; Path=/; Domain",
        "__Host-",
        "=__Host-a=b; Secure; Path=/",
        "__Host-a",
        "__Host-=b; Secure; Path=/",
        "=__Host-",
        "__Host=b",
        "__Http-a=b",
        "__Http-a=b; Secure",
        "__Http-a=b; Secure; HttpOnly",
        "__http-a=b; HttpOnly",
        "=__Http-a=b",
        "__Host-Http-a=b; Secure; Path=/",
        "__Host-Http-a=b; Secure; Path=/; HttpOnly",
        "__Host-Http-a=b; Secure; HttpOnly",
        "__host-http-a=b; Secure; Path=/",
        "=__Host-Http-a=b; Secure; Path=/; HttpOnly",
        "a=__Host-a=b",
    ] {
        cases.push(around(line, secure, &[secure]));
    }
    for line in
        ["__Secure-a=b; Secure", "__Host-a=b; Secure; Path=/", "__Http-a=b; Secure; HttpOnly"]
    {
        cases.push(around(line, clear, &[clear, secure]));
    }
    for (line, address) in [
        ("__Host-a=b; Secure; Path=/; Domain=127.0.11.1", "https://127.0.11.1/"),
        ("__Host-a=b; Secure; Path=/; Domain=.127.0.12.1", "https://127.0.12.1/"),
        ("__Host-a=b; Secure; Path=/; Domain=single#", "https://single#/"),
        ("__Host-a=b; Secure; Path=/; Domain=x#.localhost", "https://x#.localhost/"),
    ] {
        cases.push(around(line, address, &[address]));
    }
    // The default path is the root here, and not said.
    cases.push(around("__Host-a=b; Secure", "https://www.c#.example/page", &[secure]));
    cases
}

/// More than one cookie: order, replacing, ending, and how many fit.
fn several() -> Vec<Case> {
    let stay = |name: &str, rounds: &[&[&str]]| {
        let is_secure = rounds.iter().any(|lines| lines.iter().any(|line| line.contains("Secure")));
        let url = if is_secure { SECURE_PAGE } else { PAGE };
        let mut steps: Vec<Step> = rounds.iter().map(|lines| to(url, lines)).collect();
        steps.push(to(url, &[]));
        case(name, steps)
    };
    let mut cases = vec![
        stay("the order of one answer", &[&["c=1", "a=2", "b=3", "Z=4", "0=5"]]),
        stay("the order of several answers", &[&["c=1"], &["a=2"], &["b=3"]]),
        stay(
            "longer paths first",
            &[&["a=1; Path=/", "b=2; Path=/dir", "c=3; Path=/dir/page", "d=4; Path=/"]],
        ),
        stay("longer by a slash", &[&["a=1; Path=/dir", "b=2; Path=/dir/"]]),
        stay(
            "one name on three paths",
            &[&["a=1; Path=/", "a=2; Path=/dir", "a=3; Path=/dir/page"]],
        ),
        stay("replaced by another value", &[&["a=1", "b=1"], &["a=2"]]),
        stay("replaced by the same value", &[&["a=1", "b=1"], &["a=1"]]),
        stay("replaced in the same answer", &[&["a=1", "b=1", "a=2"]]),
        stay("ended and set again", &[&["a=1", "b=1"], &["a=; Max-Age=0", "a=1"]]),
        stay("ended with another path", &[&["a=1"], &["a=; Max-Age=0; Path=/"]]),
        stay("ended with its path written out", &[&["a=1"], &["a=; Max-Age=0; Path=/dir"]]),
        stay("ended with a domain", &[&["a=1"], &["a=; Max-Age=0; Domain=www.c#.example"]]),
        stay("ended without its domain", &[&["a=1; Domain=c#.example"], &["a=; Max-Age=0"]]),
        stay("ended by a wrong line", &[&["a=1"], &["a=\x01; Max-Age=0"]]),
        stay("names differ in case", &[&["a=1", "A=2"]]),
        stay("no name, twice", &[&["1", "2"]]),
        stay("no name beside a name", &[&["1", "a=2", "=3"]]),
        stay("no name, ended", &[&["1", "a=2"], &["x; Max-Age=0"]]),
        stay(
            "host and domain",
            &[&["a=1", "a=2; Domain=www.c#.example", "a=3; Domain=c#.example"]],
        ),
        stay(
            "domain and host",
            &[&["a=3; Domain=c#.example", "a=2; Domain=www.c#.example", "a=1"]],
        ),
        stay("a partitioned one beside", &[&["a=1; Secure", "a=2; Secure; Partitioned", "b=3"]]),
        stay(
            "partitioned",
            &[&[
                "a=1; Secure; Partitioned",
                "b=2; Partitioned",
                "__Host-c=3; Secure; Path=/; Partitioned",
            ]],
        ),
        stay(
            "partitioned in any way",
            &[&["a=1; Secure; partitioned=no", "b=2; PARTITIONED; Secure; SameSite=None"]],
        ),
        stay("a priority", &[&["a=1; Priority=High", "b=2; Priority=low", "c=3; Priority=x"]]),
        stay("two that are written as one", &[&["a=1; b=2", "c=3"]]),
    ];
    // More than a domain may have: where 180 is passed, 30 have to go.
    let many = |prefix: &str, attributes: &str, count: usize| -> Vec<String> {
        (0..count).map(|index| format!("{prefix}{index}=x{attributes}")).collect()
    };
    for (name, rounds) in [
        ("180 cookies", vec![many("a", "", 180)]),
        ("181 cookies", vec![many("a", "", 181)]),
        (
            "300 cookies of three answers",
            vec![many("a", "", 100), many("b", "", 100), many("c", "", 100)],
        ),
        ("150 and 50 of high priority", vec![many("a", "", 150), many("b", "; Priority=High", 50)]),
        ("50 of low priority and 150", vec![many("a", "; Priority=Low", 50), many("b", "", 150)]),
        (
            "50 of low priority, 100 and 50 of high",
            vec![
                many("a", "; Priority=Low", 50),
                many("b", "", 100),
                many("c", "; Priority=High", 50),
            ],
        ),
        ("100 secure ones and 100 others", vec![many("a", "; Secure", 100), many("b", "", 100)]),
        ("200 partitioned ones", vec![many("a", "; Secure; Partitioned", 200)]),
    ] {
        let mut steps = Vec::new();
        for round in rounds {
            let lines: Vec<&str> = round.iter().map(String::as_str).collect();
            steps.push(to(SECURE_PAGE, &lines));
        }
        steps.push(to(SECURE_PAGE, &[]));
        cases.push(case(name, steps));
    }
    cases
}

/// `SameSite`, and whose request it is.
fn sites() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "a=b; SameSite=None",
        "a=b; SameSite=None; Secure",
        "a=b; samesite=NONE; Secure",
        "a=b; SameSite=Lax",
        "a=b; SameSite=LAX",
        "a=b; SameSite=Strict",
        "a=b; SameSite=strict",
        "a=b; SameSite=\"Strict\"",
        "a=b; SameSite=bogus",
        "a=b; SameSite=",
        "a=b; SameSite",
        "a=b; SameSite=Strict; SameSite=Lax",
        "a=b; SameSite=Lax; SameSite=Strict",
        "a=b; SameSite=Strict; SameSite=x",
        "a=b; SameSite=None; SameSite=Lax",
    ]
    .into_iter()
    .map(|line| {
        case(
            line,
            [to(SECURE_PAGE, &[line]), to(SECURE_PAGE, &[]), by(Navigation, SECURE_PAGE, &[])],
        )
    })
    .collect();

    let four = |name: &str| -> Vec<String> {
        ["", "; SameSite=Lax", "; SameSite=Strict", "; SameSite=None; Secure"]
            .iter()
            .zip(["u", "l", "s", "n"])
            .map(|(attribute, kind)| {
                format!("{name}{kind}=1; Path=/; Domain=c#.example{attribute}")
            })
            .collect()
    };
    let set = |way: By, url: &str, name: &str| {
        let lines = four(name);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        by(way, url, &lines)
    };
    let (home, sibling) = ("https://www.c#.example/", "https://other.c#.example/");
    let (clear, away) = ("http://www.c#.example/", "https://www.away#.example/");
    for (name, steps) in [
        (
            "asked from the same host",
            vec![
                by(Navigation, home, &[]),
                by(Fetch, home, &[]),
                by(Image, home, &[]),
                by(Post, home, &[]),
            ],
        ),
        (
            "asked from a sibling",
            vec![
                by(Navigation, sibling, &[]),
                by(Fetch, home, &[]),
                by(Image, home, &[]),
                by(Post, home, &[]),
                by(Navigation, sibling, &[]),
                by(Navigation, home, &[]),
            ],
        ),
        (
            "asked from another site",
            vec![
                by(Navigation, away, &[]),
                by(Fetch, home, &[]),
                by(Image, home, &[]),
                by(Navigation, home, &[]),
            ],
        ),
        (
            "asked by a form of another site",
            vec![by(Navigation, away, &[]), by(Post, home, &[]), by(Fetch, home, &[])],
        ),
        (
            "asked from the other scheme",
            vec![
                by(Navigation, clear, &[]),
                by(Fetch, home, &[]),
                by(Image, home, &[]),
                by(Navigation, home, &[]),
            ],
        ),
        (
            "asked by a form of the other scheme",
            vec![by(Navigation, clear, &[]), by(Post, home, &[])],
        ),
        (
            "asked after a way round",
            vec![
                by(Fetch, away, &[]),
                to(home, &[]),
                by(Image, away, &[]),
                to(home, &[]),
                by(Navigation, away, &[]),
                to(home, &[]),
                by(Post, away, &[]),
                to(home, &[]),
                by(Navigation, away, &[]),
                by(Fetch, home, &[]),
                to(away, &[]),
                to(home, &[]),
                by(Navigation, home, &[]),
                to(sibling, &[]),
            ],
        ),
    ] {
        let steps = [vec![set(Redirect, home, ""), by(Navigation, home, &[])], steps].concat();
        cases.push(case(name, steps));
    }
    for (name, steps) in [
        (
            "set from another site",
            vec![
                by(Navigation, away, &[]),
                set(Fetch, home, "f"),
                set(Image, home, "i"),
                set(Navigation, home, "n"),
            ],
        ),
        ("set after a form of another site", vec![by(Navigation, away, &[]), set(Post, home, "p")]),
        (
            "set from the other scheme",
            vec![by(Navigation, clear, &[]), set(Fetch, home, "f"), set(Navigation, home, "n")],
        ),
        (
            "set after a way round",
            vec![
                by(Navigation, home, &[]),
                by(Fetch, away, &[]),
                set(Redirect, home, "f"),
                by(Navigation, away, &[]),
                set(Redirect, home, "n"),
            ],
        ),
        (
            "set from another site, partitioned",
            vec![
                by(Navigation, away, &[]),
                by(
                    Fetch,
                    home,
                    &["a=1; Secure; SameSite=None; Partitioned", "b=1; Secure; SameSite=None"],
                ),
                by(Fetch, home, &[]),
                by(Navigation, home, &[]),
                by(Navigation, sibling, &[]),
                by(Fetch, home, &[]),
                by(Navigation, away, &[]),
                by(Fetch, home, &[]),
            ],
        ),
    ] {
        let steps = [steps, vec![by(Navigation, home, &[]), by(Navigation, home, &[])]].concat();
        cases.push(case(name, steps));
    }
    cases
}

/// In the clear, which is less work for everybody.
const PAGE: &str = "http://www.c#.example/dir/page";
const SECURE_PAGE: &str = "https://www.c#.example/dir/page";
