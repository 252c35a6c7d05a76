//! Header fields on their way through.

use std::net::IpAddr;

use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Fields that speak of one connection only (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Takes out what was meant for this connection: the known fields, and those that `Connection` names.
pub(super) fn end_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

/// Says who asked, and how (user guide, "X-Forwarded headers"): the client's address is appended to those that are
/// there, protocol and port are those of the listener. `Host` stays.
pub(super) fn say_origin(headers: &mut HeaderMap, client: IpAddr, listener: std::net::SocketAddr) {
    let mut addresses: Vec<&[u8]> = headers.get_all(&FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    let client = client.to_string();
    addresses.push(client.as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&addresses.join(&b", "[..])) {
        headers.insert(FORWARDED_FOR, value);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    headers.insert(FORWARDED_PORT, HeaderValue::from(listener.port()));
    // A client that speaks HTTP/1.0 may send none, and HTTP/1.1 needs one.
    if !headers.contains_key(HOST)
        && let Ok(value) = HeaderValue::from_str(&listener.to_string())
    {
        headers.insert(HOST, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn what_is_for_one_connection_ends_there() {
        let mut headers = map(&[
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("x-theirs", "2"),
            ("host", "example"),
        ]);
        end_hop(&mut headers);
        assert_eq!(headers, map(&[("x-theirs", "2"), ("host", "example")]));
    }

    #[test]
    fn the_client_is_appended_and_the_rest_is_the_listeners() {
        let listener = "127.0.0.9:8080".parse().unwrap();
        let mut headers = map(&[
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-for", "198.51.100.1, 192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "443"),
            ("host", "example"),
        ]);
        say_origin(&mut headers, "127.0.0.5".parse().unwrap(), listener);
        assert_eq!(headers["x-forwarded-for"], "203.0.113.7, 198.51.100.1, 192.0.2.1, 127.0.0.5");
        assert_eq!(
            (&headers["x-forwarded-proto"], &headers["x-forwarded-port"]),
            (&"http".parse().unwrap(), &"8080".parse().unwrap())
        );
        assert_eq!(headers["host"], "example");
        let mut bare = HeaderMap::new();
        say_origin(&mut bare, "127.0.0.5".parse().unwrap(), listener);
        assert_eq!(
            (&bare["x-forwarded-for"], &bare["host"]),
            (&"127.0.0.5".parse().unwrap(), &"127.0.0.9:8080".parse().unwrap())
        );
    }
}
