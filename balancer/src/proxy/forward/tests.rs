use super::*;

fn request_lines(text: &str) -> Vec<String> {
    let head = text.replace('\n', "\r\n");
    let mut fields = Vec::new();
    let judged = RequestHead::parse(head.as_bytes(), &mut fields).unwrap();
    let mut out = Vec::new();
    request(&mut out, head.as_bytes(), &fields, &judged, &RequestContext { client: "192.0.2.1", fallback_host: "f:1" });
    sorted(&out)
}

/// The first line, then the fields in alphabetical order.
fn sorted(out: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(out).unwrap().strip_suffix("\r\n\r\n").unwrap();
    let mut lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
    lines[1..].sort();
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
    for line in [
        "Connection: close",
        "Connection: x-secret, keep-alive",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic x",
        "TE: trailers",
        "Trailer: x",
        "Upgrade: h2c",
        "Expect: 100-continue",
        "X-Backend: forged",
        "Server-Timing: forged",
        "X-Forwarded-Host: forged",
        "X-Forwarded-Proto: forged",
        "Connection: X-Secret , host, content-length\nX-Secret: 1",
        "Connection: upgrade\nUpgrade: h2c",
        "Connection: upgrade\nUpgrade: x, TLS/1.2",
        "HTTP2-Settings: AAMAAABkAAQ",
    ] {
        let lines = request_lines(&format!("GET /p?q HTTP/1.1\nHost: a\n{line}\n\n"));
        assert_eq!(lines, [&["GET /p?q HTTP/1.1"][..], &ADDED].concat(), "{line}");
    }
}

#[test]
fn everything_else_is_kept_as_it_was() {
    let lines = request_lines("GET / HTTP/1.1\nHost: a\nX-One:  two  words \nCookie: a=b; c=\"d\"\nX-One: again\n\n");
    for line in ["X-One: two  words", "Cookie: a=b; c=\"d\"", "X-One: again"] {
        assert!(lines.contains(&line.to_owned()), "{line} is not in {lines:?}");
    }
}

#[test]
fn lists_are_continued() {
    let lines =
        request_lines("GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 1.1.1.1\nVia: 1.0 x\nx-forwarded-for: 2.2.2.2\n\n");
    assert!(lines.contains(&"x-forwarded-for: 1.1.1.1, 2.2.2.2, 192.0.2.1".into()), "{lines:?}");
    assert!(lines.contains(&"via: 1.0 x, 1.1 clusterbench".into()), "{lines:?}");
    let named = request_lines("GET / HTTP/1.1\nHost: a\nConnection: via\nVia: 1.0 x\n\n");
    assert!(named.contains(&"via: 1.1 clusterbench".into()), "{named:?}");
}

#[test]
fn the_target_s_authority_is_the_host() {
    for (target, line, host) in [
        ("GET http://b:81/p?q", "GET /p?q HTTP/1.1", "b:81"),
        ("GET HTTP://b", "GET / HTTP/1.1", "b"),
        ("GET https://b?q", "GET /?q HTTP/1.1", "b"),
        ("OPTIONS http://b", "OPTIONS * HTTP/1.1", "b"),
        ("OPTIONS *", "OPTIONS * HTTP/1.1", "a"),
    ] {
        let lines = request_lines(&format!("{target} HTTP/1.1\nHost: a\n\n"));
        assert_eq!(lines[0], line);
        let expected = [format!("host: {host}"), format!("x-forwarded-host: {host}")];
        assert!(expected.iter().all(|line| lines.contains(line)), "{lines:?}");
    }
    let traced = request_lines("TRACE / HTTP/1.3\nHost: a\nMax-Forwards: 3\n\n");
    assert!(
        traced.contains(&"max-forwards: 2".into()) && traced.contains(&"via: 1.3 clusterbench".into()),
        "{traced:?}"
    );
    let without = request_lines("GET / HTTP/1.0\n\n");
    assert!(without.contains(&"host: f:1".into()) && !without.join(" ").contains("forwarded-host"), "{without:?}");
    assert!(without.contains(&"via: 1.0 clusterbench".into()), "{without:?}");
}

#[test]
fn bodies_are_announced_in_one_way() {
    for (line, expected) in [
        ("Content-Length: 003", "content-length: 3"),
        ("Content-Length: 0", "content-length: 0"),
        ("Transfer-Encoding: CHUNKED", "transfer-encoding: chunked"),
        ("Content-Length: 3\nExpect: 100-Continue", "Expect: 100-Continue"),
        ("Connection: te\nTE: deflate, trailers", "te: trailers"),
        ("Connection: upgrade\nUpgrade: websocket", "upgrade: websocket"),
        ("Connection: upgrade\nUpgrade: h2c, WebSocket", "connection: upgrade"),
    ] {
        let lines = request_lines(&format!("POST / HTTP/1.1\nHost: a\n{line}\n\n"));
        assert!(lines.contains(&expected.into()), "{line}: {lines:?}");
    }
    let body =
        request_lines("POST / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: websocket\nContent-Length: 1\n\n");
    assert!(!body.join(" ").contains("upgrade"), "{body:?}");
}

fn answer_lines(text: &str, is_to_head: bool, is_to_http_11: bool, persists: bool) -> Vec<String> {
    let head = text.replace('\n', "\r\n");
    let mut fields = Vec::new();
    let judged = ResponseHead::parse(head.as_bytes(), is_to_head, &mut fields).unwrap();
    let how = ResponseContext {
        backend: Some(b"i-1"),
        date: b"now",
        is_to_http_11,
        persists,
        queue_micros: 7,
        upstream_micros: 12_034,
    };
    let mut out = Vec::new();
    response(&mut out, head.as_bytes(), &fields, &judged, &how);
    sorted(&out)
}

#[test]
fn answers_are_cleaned_framed_and_signed() {
    let own =
        ["date: now", "server-timing: queue;dur=0.007, upstream;dur=12.034", "via: 1.1 clusterbench", "x-backend: i-1"];
    for (head, is_11, persists, expected) in [
        (
            "HTTP/1.1 200 OK\nConnection: close, x-a\nX-A: 1\nContent-Length: 0\n\n",
            true,
            true,
            &["Content-Length: 0"][..],
        ),
        ("HTTP/1.1 200 OK\nContent-Length: 05\n\n", true, true, &["content-length: 5"]),
        ("HTTP/1.1 200 OK\nContent-Length: 5\n\n", true, false, &["connection: close", "content-length: 5"]),
        ("HTTP/1.1 200 OK\nContent-Length: 5\n\n", false, true, &["connection: keep-alive", "content-length: 5"]),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", true, true, &["transfer-encoding: chunked"]),
        ("HTTP/1.1 200 OK\n\n", true, true, &["transfer-encoding: chunked"]),
        ("HTTP/1.1 200 OK\n\n", false, false, &["connection: close"]),
        ("HTTP/1.1 204 No Content\nContent-Length: 0\n\n", true, true, &[]),
        ("HTTP/1.1 304 Not Modified\nContent-Length: 7\n\n", true, true, &["Content-Length: 7"]),
    ] {
        let mut lines = answer_lines(head, false, is_11, persists);
        lines.remove(0);
        let mut all = [&own[..], expected].concat();
        all.sort_unstable();
        assert_eq!(lines, all, "{head:?}");
    }
    let head = answer_lines("HTTP/1.1 200 OK\nContent-Length: 5\n\n", true, true, true);
    assert!(head.contains(&"Content-Length: 5".into()), "{head:?}");
    let named =
        answer_lines("HTTP/1.0 200\nX-Backend: w\nDate: then\nVia: 1.1 x\nContent-Length: 0\n\n", false, true, true);
    assert_eq!(named[0], "HTTP/1.1 200 ");
    let disowned =
        answer_lines("HTTP/1.1 200 OK\nConnection: date, x-backend\nX-Backend: w\nDate: then\n\n", false, true, true);
    assert!(["date: now", "x-backend: i-1"].iter().all(|line| disowned.contains(&(*line).into())), "{disowned:?}");
    for line in ["X-Backend: w", "Date: then", "via: 1.1 x, 1.0 clusterbench"] {
        assert!(named.contains(&line.to_owned()), "{named:?}");
    }
}

#[test]
fn numbers_are_written_in_decimal() {
    for number in [0, 9, 10, 12_345, u64::MAX] {
        let mut out = Vec::new();
        decimal(&mut out, number);
        assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
    }
}
