//! Servers that have names, for tests of what a session keeps of them and to whom it shows it.
//!
//! Every name leads to one script, whose conversations say which `Cookie` field they expect. Requests
//! come in both shapes, because what does not differ must not differ.

use netreq::{
    ClientRequest, CookieDetails, CookieFilter, CredentialsMode, Error, IncomingMessage, Method,
    Options, SameSite, Session, Url,
};
use netreq_testserver::{Authority, Peer, ScriptServer};

use crate::observe::bounded;
use crate::redirect::Shape;

/// A session in memory for which every name leads to `server`.
pub(crate) fn visiting(server: &ScriptServer) -> Session {
    Session::builder().host_resolver_rules(leading_to(server)).build().unwrap()
}

/// The rule by which every name leads to `server`.
pub(crate) fn leading_to(server: &ScriptServer) -> String {
    format!("MAP * {}", server.address())
}

/// The rules by which every name leads to `plain` in the clear and to `secure` over TLS.
pub(crate) fn leading_to_both(plain: &ScriptServer, secure: &ScriptServer) -> String {
    format!("MAP *:80 {}, MAP *:443 {}", plain.address(), secure.address())
}

/// The settings of a session that trusts `authority` and nobody else.
pub(crate) fn trusting(authority: &Authority) -> netreq::SessionBuilder {
    Session::builder()
        .platform_roots(false)
        .add_root_certificates(authority.certificate_pem().as_bytes())
        .unwrap()
}

/// Expects a GET request with this `Cookie` field; without any, where it is empty.
pub(crate) fn asked(peer: Peer, target: &str, cookies: &str) -> Peer {
    let peer = peer.expect_get(target);
    match cookies {
        "" => peer.expect_no_field("cookie"),
        cookies => peer.expect_field("cookie", cookies),
    }
}

/// A whole answer with these fields.
pub(crate) fn saying(fields: &[(&str, &str)]) -> String {
    answer("200 OK", fields)
}

/// A whole answer that sets these cookies.
pub(crate) fn setting(lines: &[&str]) -> String {
    answer("200 OK", &lines.iter().map(|line| ("Set-Cookie", *line)).collect::<Vec<_>>())
}

/// A redirect that sets these cookies.
pub(crate) fn sending_to(location: &str, lines: &[&str]) -> String {
    let cookies = lines.iter().map(|line| ("Set-Cookie", *line));
    answer("302 Found", &[("Location", location)].into_iter().chain(cookies).collect::<Vec<_>>())
}

fn answer(status: &str, fields: &[(&str, &str)]) -> String {
    let fields: String =
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n")
}

/// What a request says of its credentials.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct With<'a> {
    pub(crate) use_session_cookies: bool,
    pub(crate) credentials: Option<CredentialsMode>,
    pub(crate) origin: Option<&'a str>,
    pub(crate) fields: &'a [(&'static str, &'static str)],
}

impl With<'static> {
    /// Cookies, whoever is asked.
    pub(crate) const COOKIES: Self = Self {
        use_session_cookies: false,
        credentials: Some(CredentialsMode::Include),
        origin: None,
        fields: &[],
    };
}

impl Shape {
    /// Asks for `url`, follows redirects, and waits for the head.
    pub(crate) async fn visit(
        self,
        session: &Session,
        url: &str,
        with: With<'_>,
    ) -> Result<IncomingMessage, Error> {
        let With { use_session_cookies, credentials, origin, fields } = with;
        match self {
            Self::Builder => {
                let mut request = session.get(url).use_session_cookies(use_session_cookies);
                if let Some(mode) = credentials {
                    request = request.credentials(mode);
                }
                if let Some(origin) = origin {
                    request = request.origin(origin);
                }
                for (name, value) in fields {
                    request = request.header(*name, *value);
                }
                bounded(request.send(())).await
            }
            Self::Contract => {
                let mut request = ClientRequest::new(Options {
                    method: Method::GET,
                    url: url.into(),
                    session: Some(session.clone()),
                    use_session_cookies,
                    credentials,
                    origin: origin.map(str::to_owned),
                    ..Options::default()
                })?;
                for (name, value) in fields {
                    request.set_header(*name, *value)?;
                }
                request.end("").await?;
                bounded(request.response()).await
            }
        }
    }
}

/// Asks for `url` with cookies and reads the answer to its end.
pub(crate) async fn visit(session: &Session, url: &str) {
    let request = session.get(url).credentials(CredentialsMode::Include);
    let message = bounded(request.send(())).await.unwrap();
    assert_eq!(message.status(), 200, "{url}");
    bounded(message.bytes()).await.unwrap();
}

/// Sets a session cookie as a server does that says nothing but its name and value.
pub(crate) async fn set(session: &Session, url: &str, name: &str, value: &str) {
    let url = Url::parse(url).unwrap();
    let details = CookieDetails {
        name: name.as_bytes(),
        value: value.as_bytes(),
        same_site: Some(SameSite::Unspecified),
        ..CookieDetails::new(&url)
    };
    session.cookies().set(details).await.unwrap();
}

/// Every cookie of a session as `name=value`, sorted.
pub(crate) async fn cookies(session: &Session) -> Vec<String> {
    let found = session.cookies().get(CookieFilter::default()).await.unwrap();
    let mut pairs: Vec<String> =
        found.iter().map(|cookie| String::from_utf8_lossy(cookie.pair()).into_owned()).collect();
    pairs.sort();
    pairs
}
