//! A URL as people write it, made into what may be sent: the way browsers do it (URL Standard, url.spec.whatwg.org), and
//! then percent-encoded where RFC 3986 wants that and browsers do not. Pure.
//!
//! Whatever comes out is let through by our own balancer: `tests/sent.tsv` is read by the tests of both.

use url::{ParseError, Url};

use crate::TargetError;

/// Scheme, host, port, path and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) is_https: bool,
    /// Host as in a `Host` header: an international name in ASCII, an IPv6 address in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The port was written down, and is not that of the scheme.
    pub(crate) names_port: bool,
    /// Path and query.
    pub(crate) path: String,
}

impl Parts {
    /// Reads `text`. The fragment is left out, as it is never sent (RFC 9110, 4.2.5); what is percent-encoded already
    /// stays as it is.
    pub(crate) fn of(text: &str) -> Result<Self, TargetError> {
        let text = text.trim_matches(' ');
        // The standard drops tabs and line feeds without a word: another page would be measured than was written.
        if let Some(control) = text.chars().find(|c| c.is_ascii_control()) {
            return Err(forbidden(text, control));
        }
        let not_a_url = || TargetError::NotAUrl(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(not_a_url)?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return Err(TargetError::NotHttp(text.to_owned()));
        }
        // The standard takes what comes after any number of slashes for the host.
        if rest.is_empty() || rest.starts_with(['/', '\\', '?', '#', ':']) {
            return Err(not_a_url());
        }
        let url = Url::parse(text).map_err(|error| of_library(text, rest, error))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::UserInfo(without_user(&url)));
        }
        let host = url.host_str().ok_or_else(not_a_url)?.to_owned();
        if let Some(character) = host.chars().find(|c| !may_be_in_host(*c)) {
            return Err(TargetError::Host { url: text.to_owned(), character });
        }
        let port = url.port_or_known_default().filter(|port| *port > 0).ok_or_else(not_a_url)?;
        let mut path = encoded(url.path());
        if let Some(query) = url.query() {
            path.push('?');
            path.push_str(&encoded(query));
        }
        Ok(Self { is_https, host, port, names_port: url.port().is_some(), path })
    }

    /// The `Host` header: the port of the scheme is left out, as browsers do.
    pub(crate) fn host_header(&self) -> String {
        if self.names_port { format!("{}:{}", self.host, self.port) } else { self.host.clone() }
    }
}

/// Characters that browsers leave as they are although RFC 3986 does not allow them in a path or query (2.2, 3.3, 3.4).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '[' | ']' | '{' | '}' | '|' | '^' | '`' | '\\' => encoded.push_str(&percent(character)),
            _ => encoded.push(character),
        }
    }
    encoded
}

/// `"` is `%22`.
fn percent(character: char) -> String {
    let mut bytes = [0; 4];
    character.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A registered name or an IP address (RFC 3986, 3.2.2), but for `,`: a list of hosts is none.
fn may_be_in_host(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~!$&'()*+;=[]:".contains(character)
}

/// The value of a `Host` header that names one host.
pub(crate) fn is_host(value: &str) -> bool {
    let parts = Url::parse(&format!("http://{value}/"));
    let is_authority = parts.is_ok_and(|url| url.path() == "/" && url.username().is_empty() && url.query().is_none());
    is_authority && value.chars().all(may_be_in_host)
}

fn forbidden(text: &str, character: char) -> TargetError {
    TargetError::Forbidden { url: text.to_owned(), character, encoding: percent(character) }
}

fn of_library(text: &str, after_scheme: &str, error: ParseError) -> TargetError {
    let host = after_scheme.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    match (error, host.chars().find(|c| c.is_ascii() && !may_be_in_host(*c) && *c != '@')) {
        (ParseError::InvalidDomainCharacter | ParseError::IdnaError, Some(character)) => {
            TargetError::Host { url: text.to_owned(), character }
        }
        (error, _) => TargetError::Malformed { url: text.to_owned(), why: error.to_string() },
    }
}

/// URL as written, without the secret in it: messages end up in logs.
fn without_user(url: &Url) -> String {
    let rest = url.as_str().split_once('@').map_or("", |(_, rest)| rest);
    format!("{}://...@{rest}", url.scheme())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases that the balancer's tests read as well: a URL, its `Host` and its target, with a tab in between.
    const SENT: &str = include_str!("../../tests/sent.tsv");

    #[test]
    fn what_is_sent_is_what_the_table_says() {
        let lines: Vec<&str> = SENT.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 20, "the table is there");
        for line in lines {
            let [url, host, target] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
            let parts = Parts::of(url).unwrap_or_else(|error| panic!("{url:?}: {error}"));
            assert_eq!((parts.host_header().as_str(), parts.path.as_str()), (host, target), "{url:?}");
            let scheme = if parts.is_https { "https" } else { "http" };
            let again = Parts::of(&format!("{scheme}://{host}{target}")).unwrap();
            assert_eq!(again, parts, "what is encoded stays as it is");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_its_character() {
        let cases = [
            ("http://h/a\nb", "\"http://h/a\\nb\" holds '\\n': write it as %0A"),
            ("http://h/a\tb", "\"http://h/a\\tb\" holds '\\t': write it as %09"),
            ("http://a b/", "holds ' ' in its host: use letters, digits, '-' and '.'"),
            ("http://a,b/", "holds ',' in its host"),
            ("http://a\"b/", "holds '\"' in its host"),
            ("http://a^b/", "holds '^' in its host"),
            ("http://a{b}/", "holds '{' in its host"),
            ("http://h:99999/", "\"http://h:99999/\" is not a URL (invalid port number): write it as http://host:port"),
            ("http://[::g]/", "is not a URL (invalid IPv6 address)"),
            ("http://[fe80::1%25eth0]/", "is not a URL (invalid IPv6 address)"),
            ("http://1.2.3.256/", "is not a URL (invalid IPv4 address)"),
            ("http://h:0/", "is not a URL: write it as http://host:port/path"),
            ("http:///path", "is not a URL: write it as http://host:port/path"),
            ("http://?x=1", "is not a URL: write it as http://host:port/path"),
            ("http://:80/", "is not a URL: write it as http://host:port/path"),
            ("10.0.0.5:8080/x", "is not a URL: write it as http://host:port/path"),
            ("ftp://x", "\"ftp://x\" does not start with http:// or https://"),
        ];
        for (url, text) in cases {
            let error = Parts::of(url).unwrap_err().to_string();
            assert!(error.contains(text), "{url:?} says {error:?}, not {text:?}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let error = Parts::of("http://me:secret@host/x").unwrap_err().to_string();
        assert!(error.contains("http://...@host/x") && !error.contains("secret"), "{error}");
        assert!(error.contains("--header 'Authorization: Basic ...'"), "{error}");
    }

    #[test]
    fn a_host_header_names_one_host() {
        assert!(["h", "h:8080", "a_b.c", "[::1]:80", "10.0.0.1"].into_iter().all(is_host));
        assert!(["a/b", "a b", "a,b", "me@h", "h:x", "h?x", "a%41", "::1", "[::1"].iter().all(|value| !is_host(value)));
    }
}
