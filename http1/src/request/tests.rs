use super::*;
use crate::head::end_of_head;

/// Parses the first head of some bytes.
fn parsed(text: &str) -> Result<RequestHead, RequestError> {
    let bytes = text.as_bytes();
    let end = end_of_head(bytes, 0).unwrap_or(bytes.len());
    RequestHead::parse(&bytes[..end], &mut Vec::new())
}

fn get(headers: &str) -> Result<(), RequestError> {
    parsed(&format!("GET /a HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).map(|_| ())
}

#[test]
fn ordinary_requests_pass() {
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::ffff:192.0.2.1]\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a_b.c:\r\n\r\n",
        "GET /{a}?b=^|{c} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nExpires: 0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \r\nCookie: a=b; c=\"d\"\r\n\r\n",
    ] {
        assert_eq!(parsed(request).map(|_| ()), Ok(()), "{request:?}");
    }
}

/// The load generator's table: a URL, its `Host` and its target, with a tab in between.
const SENT_BY_LOADGEN: &str = include_str!("../../../loadgen/tests/sent.tsv");

#[test]
fn what_the_load_generator_accepts_is_let_through() {
    let lines: Vec<&str> = SENT_BY_LOADGEN.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() > 20, "the table is there");
    for line in lines {
        let [_, host, target] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(parsed(&request).map(|_| ()), Ok(()), "{line:?}");
    }
}

#[test]
fn ambiguous_heads_are_refused() {
    for (headers, violation) in [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", RequestError::TwoLengths),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", RequestError::TwoLengths),
        ("Content-Length: 3\r\nContent-Length: 3\r\n", RequestError::ContentLength),
        ("Content-Length: 3\r\ncontent-length: 4\r\n", RequestError::ContentLength),
        ("Content-Length: 3, 3\r\n", RequestError::ContentLength),
        ("Content-Length: +3\r\n", RequestError::ContentLength),
        ("Content-Length: -1\r\n", RequestError::ContentLength),
        ("Content-Length: 0x3\r\n", RequestError::ContentLength),
        ("Content-Length:\r\n", RequestError::ContentLength),
        ("Content-Length: 99999999999999999999\r\n", RequestError::ContentLength),
        ("Transfer-Encoding: gzip, chunked\r\n", RequestError::TransferEncoding),
        ("Transfer-Encoding: identity\r\n", RequestError::TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", RequestError::TransferEncoding),
        ("Transfer-Encoding: \"chunked\"\r\n", RequestError::TransferEncoding),
        ("Transfer-Encoding : chunked\r\n", RequestError::FieldName),
        ("X y: z\r\n", RequestError::FieldName),
        (": z\r\n", RequestError::FieldName),
        ("nothing\r\n", RequestError::FieldName),
        ("X: a\r\n b\r\n", RequestError::Folded),
        (" X: a\r\n", RequestError::Folded),
        ("X: a\nContent-Length: 3\r\n", RequestError::LineEnd),
        ("X: a\rb\r\n", RequestError::LineEnd),
        ("X: a\n", RequestError::LineEnd),
        ("Host: b\r\n", RequestError::Host),
    ] {
        assert_eq!(get(headers), Err(violation), "{headers:?}");
    }
}

#[test]
fn ambiguous_request_lines_and_hosts_are_refused() {
    for (request, violation) in [
        ("GET / HTTP/1.1\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: [a]\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: ::1]\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: [::1]80\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: [::1%25lo]\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n", RequestError::Host),
        ("GET / HTTP/1.1\nHost: a\n\n", RequestError::LineEnd),
        ("GET /\r\n\r\n", RequestError::RequestLine),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::RequestLine),
        ("GET / HTTP/2.0\r\n\r\n", RequestError::Version),
        ("PRI * HTTP/2.0\r\n\r\n", RequestError::Version),
        ("GET / HTTP/1.2\r\n\r\n", RequestError::Host),
        ("TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", RequestError::TraceBody),
        ("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n", RequestError::MaxForwards),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\nMax-Forwards: 1\r\n\r\n", RequestError::MaxForwards),
        ("GET / HTTP/0.9\r\n\r\n", RequestError::Version),
        ("GET / http/1.1\r\n\r\n", RequestError::RequestLine),
        ("GET / HTTP/1.10\r\n\r\n", RequestError::RequestLine),
        ("G\u{e9}T / HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::RequestLine),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", RequestError::Connect),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET /`a HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET /a?<b HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET /a?b> HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET /a?\"b\" HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET http:///p HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::Target),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\n", RequestError::Expect),
        ("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", RequestError::RequestLine),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", RequestError::TransferEncoding),
    ] {
        assert_eq!(parsed(request).map(|_| ()), Err(violation), "{request:?}");
    }
}

#[test]
fn what_a_head_says() {
    let head = |lines: &str| parsed(&format!("POST /a?b HTTP/1.1\r\nHost: a\r\n{lines}\r\n")).unwrap();
    let plain = head("");
    assert_eq!((plain.method, plain.body, plain.persists), (Method::Other, RequestBody::None, true));
    assert_eq!((plain.target.len(), plain.path.len(), plain.has_zero_length), (4, 2, false));
    assert!(head("Content-Length: 0\r\n").has_zero_length);
    assert_eq!(head("Content-Length: 12\r\n").body, RequestBody::Sized(12));
    assert_eq!(head("Transfer-Encoding: chunked\r\n").body, RequestBody::Chunked);
    assert!(!head("Connection: x, Close\r\n").persists);
    assert!(!head("Expect: 100-continue\r\n").expects_continue, "there is no body to wait for");
    assert!(head("Expect: 100-continue\r\nContent-Length: 1\r\n").expects_continue);
    assert!(head("Connection: upgrade\r\nUpgrade: websocket\r\n").asks_websocket);
    assert!(head("Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: x, WebSocket\r\n").asks_websocket);
    assert!(!head("Upgrade: websocket\r\n").asks_websocket, "Connection does not name it");
    assert!(!head("Connection: upgrade\r\nUpgrade: h2c, websocket/13\r\n").asks_websocket);
    assert!(!head("TE: trailers\r\n").takes_trailers && head("Connection: TE\r\nTE: trailers\r\n").takes_trailers);
    let old = |lines: &str| parsed(&format!("HEAD / HTTP/1.0\r\n{lines}\r\n")).unwrap();
    assert_eq!((old("").method, old("").persists, old("").host), (Method::Head, false, None));
    assert!(old("Connection: keep-alive\r\n").persists);
}

#[test]
fn a_hundred_fields_are_allowed_and_no_more() {
    let fields = |count: usize| get(&"X: y\r\n".repeat(count - 1));
    assert_eq!((fields(100), fields(101)), (Ok(()), Err(RequestError::TooManyFields)));
}

#[test]
fn how_far_a_trace_or_options_may_go_is_a_number_and_of_other_methods_nothing_is_said() {
    let most = |method: &str, lines: &str| {
        parsed(&format!("{method} / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")).map(|head| head.max_forwards)
    };
    assert_eq!(most("TRACE", ""), Ok(None));
    for (value, number) in [("0", 0), ("00", 0), ("010", 10), ("4294967295", u32::MAX), ("9999999999999", u32::MAX)] {
        for method in ["TRACE", "OPTIONS"] {
            let line = format!("Max-Forwards: {value}\r\n");
            assert_eq!((most(method, &line), most("GET", &line)), (Ok(Some(number)), Ok(None)), "{method} {value}");
        }
    }
    assert!(parsed("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n").unwrap().ends_here());
    assert_eq!(most("trace", "Max-Forwards: x\r\n"), Ok(None), "methods are not of any case");
}

#[test]
fn what_takes_more_than_half_of_the_room_is_too_long() {
    let long = "x".repeat(20 * 1024);
    for (head, refused) in [
        (format!("GET /{long} HTTP/1.1\r\nX: y"), RequestError::TargetTooLong),
        (format!("GET /{long}"), RequestError::TargetTooLong),
        (format!("GET / HTTP/1.1\r\nX: {long}"), RequestError::TooLong),
        (format!("{long} / HTTP/1.1\r\n"), RequestError::MethodTooLong),
        (long.clone(), RequestError::MethodTooLong),
    ] {
        assert_eq!(RequestError::too_long(head.as_bytes()), refused, "{}", &head[..20]);
    }
}
