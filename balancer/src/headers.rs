//! What a proxy takes out of a head and what it adds.

use std::net::IpAddr;

use bytes::BytesMut;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};
use wire::BACKEND_HEADER;

/// Headers that speak about one connection, not about the message: RFC 9110 section 7.6.1 and what grew around it.
/// `Trailer` goes because trailers are not relayed, `Transfer-Encoding` because each side is framed anew.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const BACKEND: HeaderName = HeaderName::from_static(BACKEND_HEADER);
/// How this proxy calls itself in `Via`: a pseudonym, for addresses are nobody's business.
const VIA_NAME: &str = "clusterbench";

/// Takes out everything that is meant for this connection only, what `Connection` names included.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            // Content-Length and Host are the message itself: naming them in Connection must not change what it is.
            .filter(|name| *name != CONTENT_LENGTH && *name != HOST)
            .collect();
        named.iter().for_each(|name| while_present(headers, name));
    }
    HOP_BY_HOP.iter().for_each(|name| while_present(headers, name));
}

fn while_present(headers: &mut HeaderMap, name: &HeaderName) {
    // `remove` drops all values of the name; looking first is cheaper for the ones that are nearly never there.
    if headers.contains_key(name) {
        headers.remove(name);
    }
}

/// Turns the head of a client's request into the one for a member.
pub(crate) fn to_member(head: &mut http::request::Parts, client: IpAddr, member: &str, has_body: bool) {
    let version = head.version;
    strip_hop_by_hop(&mut head.headers);
    // Answered by this proxy: the body is asked for when the member is there to take it.
    while_present(&mut head.headers, &EXPECT);
    while_present(&mut head.headers, &BACKEND);
    // `GET http://name/path`: the target's authority is the host, whatever Host says (RFC 9112, 3.2.2).
    if let Some(authority) = head.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()) {
        head.headers.insert(HOST, authority);
        let path = head.uri.path_and_query().cloned();
        head.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    }
    match head.headers.get(HOST).cloned() {
        Some(host) => drop(head.headers.insert(FORWARDED_HOST, host)),
        // HTTP/1.0 may come without; HTTP/1.1 may not go without.
        None => {
            while_present(&mut head.headers, &FORWARDED_HOST);
            if let Ok(host) = HeaderValue::from_str(member) {
                head.headers.insert(HOST, host);
            }
        }
    }
    append(&mut head.headers, FORWARDED_FOR, &client.to_canonical().to_string());
    head.headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    via(&mut head.headers, version);
    if has_body && !head.headers.contains_key(CONTENT_LENGTH) {
        // Said explicitly: without it hyper would drop the body of a GET.
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    head.version = Version::HTTP_11;
    head.extensions.clear();
}

/// Turns the head of a member's answer into the one for the client.
pub(crate) fn to_client(head: &mut http::response::Parts, member: Option<&HeaderValue>) {
    strip_hop_by_hop(&mut head.headers);
    via(&mut head.headers, head.version);
    if let Some(id) = member
        && !head.headers.contains_key(&BACKEND)
    {
        head.headers.insert(BACKEND, id.clone());
    }
    head.version = Version::HTTP_11;
    head.extensions.clear();
}

/// Adds to a comma-separated list: everything before stays in front, in one header.
fn append(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    let mut list = BytesMut::with_capacity(64);
    for before in headers.get_all(&name) {
        list.extend_from_slice(before.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(value.as_bytes());
    if let Ok(list) = HeaderValue::from_maybe_shared(list.freeze()) {
        headers.insert(name, list);
    }
}

fn via(headers: &mut HeaderMap, version: Version) {
    let received = if version == Version::HTTP_10 { "1.0" } else { "1.1" };
    if headers.contains_key(VIA) {
        append(headers, VIA, &format!("{received} {VIA_NAME}"));
    } else {
        let only = if version == Version::HTTP_10 { "1.0 clusterbench" } else { "1.1 clusterbench" };
        headers.insert(VIA, HeaderValue::from_static(only));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, headers: &[(&'static str, &str)], has_body: bool) -> Vec<String> {
        let mut builder = http::Request::get(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let (mut head, ()) = builder.body(()).unwrap().into_parts();
        to_member(&mut head, "192.0.2.1".parse().unwrap(), "10.0.0.1:80", has_body);
        listed(&format!("{}", head.uri), &head.headers)
    }

    fn listed(first: &str, headers: &HeaderMap) -> Vec<String> {
        let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut lines: Vec<String> = headers.iter().map(line).collect();
        lines.sort();
        lines.insert(0, first.to_owned());
        lines
    }

    const ADDED: [&str; 5] = [
        "host: a",
        "via: 1.1 clusterbench",
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-host: a",
        "x-forwarded-proto: http",
    ];

    #[test]
    fn what_is_for_one_connection_only_goes() {
        for (name, value) in [
            ("connection", "close"),
            ("connection", "x-secret, keep-alive"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("x-backend", "forged"),
            ("x-forwarded-host", "forged"),
            ("x-forwarded-proto", "forged"),
        ] {
            assert_eq!(
                request("/p?q", &[("host", "a"), (name, value)], false),
                [&["/p?q"][..], &ADDED].concat(),
                "{name}"
            );
        }
        let named = [("host", "a"), ("connection", "X-Secret , host, content-length"), ("x-secret", "1")];
        assert_eq!(request("/p", &named, false), [&["/p"][..], &ADDED].concat());
    }

    #[test]
    fn lists_are_continued() {
        let lines = request("/", &[("host", "a"), ("x-forwarded-for", "1.1.1.1"), ("via", "1.0 x")], false);
        assert!(lines.contains(&"x-forwarded-for: 1.1.1.1, 192.0.2.1".into()), "{lines:?}");
        assert!(lines.contains(&"via: 1.0 x, 1.1 clusterbench".into()), "{lines:?}");
    }

    #[test]
    fn the_target_s_authority_is_the_host() {
        let lines = request("http://b:81/p?q", &[("host", "a")], false);
        assert_eq!(lines[0], "/p?q");
        assert!(lines.contains(&"host: b:81".into()) && lines.contains(&"x-forwarded-host: b:81".into()), "{lines:?}");
        assert!(request("/", &[], false).contains(&"host: 10.0.0.1:80".into()));
    }

    #[test]
    fn a_body_of_unknown_length_is_framed_explicitly() {
        assert!(request("/", &[], true).contains(&"transfer-encoding: chunked".into()));
        let sized = request("/", &[("content-length", "3")], true);
        assert!(sized.contains(&"content-length: 3".into()) && !sized.join(" ").contains("chunked"), "{sized:?}");
    }

    #[test]
    fn answers_name_their_member_once() {
        let answer = |backend: Option<&'static str>| {
            let mut builder = http::Response::builder().header("connection", "close, x-a").header("x-a", "1");
            if let Some(backend) = backend {
                builder = builder.header("x-backend", backend);
            }
            let (mut head, ()) = builder.body(()).unwrap().into_parts();
            to_client(&mut head, Some(&HeaderValue::from_static("i-1")));
            listed("", &head.headers)
        };
        assert_eq!(answer(None), ["", "via: 1.1 clusterbench", "x-backend: i-1"]);
        assert_eq!(answer(Some("w-9")), ["", "via: 1.1 clusterbench", "x-backend: w-9"]);
    }
}
