//! Answers of a member: what is passed on, what becomes 502, and that the next request is never touched by it.

use super::bytes;
use super::recorder::{After, Recorder};
use crate::client::raw;
use crate::running::{Running, cluster};

/// The part of the first answer that the client must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It is passed on, and the second request is answered on the same connection.
    Next,
    /// It is a 502, and the second request is answered on the same connection.
    BadGateway,
    /// It begins, breaks off, and the connection ends: the second request is not answered.
    Cut,
    /// It is passed on whole, and the connection ends with it.
    Close,
}

use Then::{BadGateway, Close, Cut, Next};

/// Section, request line and fields, the member's bytes, what the member does then, what becomes of it, what the client
/// sees, and what it does not.
type Row = (&'static str, &'static str, &'static str, After, Then, &'static [&'static str], &'static [&'static str]);

const GET: &str = "GET {} HTTP/1.1\nHost: h\n";
const HEAD: &str = "HEAD {} HTTP/1.1\nHost: h\n";
const TE: &str = "GET {} HTTP/1.1\nHost: h\nConnection: te\nTE: trailers\n";
const OLD: &str = "GET {} HTTP/1.0\nConnection: keep-alive\n";
const OK: &str = "HTTP/1.1 200 OK\n";

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("9112 4", GET, "HTTP/1.1 200 Fine\nContent-Length: 2\n\nab", After::Keep, Next, &["HTTP/1.1 200 Fine\n", "content-length: 2\n", "\n\nab"], &[]),
    ("9112 4", GET, "HTTP/1.1 200\nContent-Length: 2\n\nab", After::Keep, Next, &["HTTP/1.1 200 \n"], &[]),
    ("9112 4", GET, "HTTP/1.0 200 OK\nContent-Length: 2\n\nab", After::Close, Next, &["HTTP/1.1 200 OK\n", "via: 1.0 clusterbench\n"], &[]),
    ("9112 4", GET, "HTTP/1.1  200 OK\nContent-Length: 0\n\n", After::Keep, BadGateway, &["status line"], &[]),
    ("9112 4", GET, "HTTP/1.1 20 OK\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 4", GET, "HTTP/1.1 2000 OK\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 4", GET, "HTTP/2 200 OK\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9110 2.5", GET, "HTTP/1.2 200 OK\nContent-Length: 2\n\nab", After::Keep, Next, &["HTTP/1.1 200 OK\n", "via: 1.2 clusterbench\n"], &[]),
    ("9112 4", GET, "HTTP/2.0 200 OK\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 4", GET, "ICY 200 OK\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 4", GET, "hello\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 4", GET, "HTTP/1.1 200 O\u{7f}K\nContent-Length: 0\n\n", After::Keep, BadGateway, &["status line"], &[]),
    ("9112 4", GET, "HTTP/1.1 099 X\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 2.2", GET, "HTTP/1.1 200 OK␊Content-Length: 0␊␊", After::Keep, BadGateway, &[], &[]),
    ("9112 2.2", GET, "HTTP/1.1 200 OK\nX: a␊Content-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 2.2", GET, "HTTP/1.1 200 OK\nX: a␍b\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 5.1", GET, "HTTP/1.1 200 OK\nX : y\nContent-Length : 2\n\nab", After::Keep, Next, &["X: y\n", "content-length: 2\n"], &["X :"]),
    ("9112 5.1", GET, "HTTP/1.1 200 OK\nX\u{c}: y\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 5.2", GET, "HTTP/1.1 200 OK\nX: a\n b\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9110 5.1", GET, "HTTP/1.1 200 OK\n: y\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9110 5.1", GET, "HTTP/1.1 200 OK\nX\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9110 5.5", GET, "HTTP/1.1 200 OK\nX: a\u{0}b\nContent-Length: 0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 6.1", GET, "HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 6.1", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 6.1", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 6.1", GET, "HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n0\n\n", After::Keep, BadGateway, &[], &[]),
    ("9112 6.3", GET, "HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 2\n\nab", After::Keep, BadGateway, &[], &[]),
    ("9112 6.3", GET, "HTTP/1.1 200 OK\nContent-Length: 2, 2\n\nab", After::Keep, BadGateway, &[], &[]),
    ("9112 6.3", GET, "HTTP/1.1 200 OK\nContent-Length: x\n\nab", After::Keep, BadGateway, &[], &[]),
    ("9112 6.3", GET, "HTTP/1.1 200 OK\nContent-Length: -2\n\nab", After::Keep, BadGateway, &[], &[]),
    ("9112 6.3", GET, "HTTP/1.1 200 OK\n\nall of it", After::Close, Next, &["transfer-encoding: chunked\n", "9\nall of it\n", "0\n\n"], &[]),
    ("9112 6.3", OLD, "HTTP/1.1 200 OK\n\nall of it", After::Close, Close, &["connection: close\n", "\n\nall of it"], &["transfer-encoding"]),
    ("9112 6.3", OLD, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n", After::Keep, Close, &["connection: close\n", "\n\nabc"], &["transfer-encoding"]),
    ("9112 9.3", OLD, "HTTP/1.1 200 OK\nContent-Length: 2\n\nab", After::Keep, Next, &["connection: keep-alive\n"], &[]),
    ("9112 8", GET, "HTTP/1.1 200 OK\nContent-Length: 9\n\nhalf", After::Close, Cut, &["content-length: 9\n", "\n\nhalf"], &[]),
    ("9112 8", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n9\nhalf", After::Close, Cut, &["4\nhalf\n"], &["0\n\n"]),
    ("9112 8", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n", After::Close, Cut, &["3\nabc\n"], &["0\n\n"]),
    ("9112 8", GET, "HTTP/1.1 200 OK\nContent-Le", After::Close, BadGateway, &[], &[]),
    ("9112 8", GET, "", After::Close, BadGateway, &[], &[]),
    ("9112 7.1", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n003\nabc\n1;x\nd\n0\n\n", After::Keep, Next, &["4\nabcd\n0\n\n"], &[";x", "003"]),
    ("9112 7.1.1", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3 ; x = y\nabc\n0\t;z\n\n", After::Keep, Next, &["3\nabc\n0\n\n"], &["x = y", ";z"]),
    ("9112 7.1", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3 4\nabc\n0\n\n", After::Keep, Cut, &[], &["0\n\n"]),
    ("9112 7.1", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0x3\nabc\n0\n\n", After::Keep, Cut, &[], &["0\n\n"]),
    ("9112 7.1", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3␊abc\n0\n\n", After::Keep, Cut, &[], &["0\n\n"]),
    ("9112 7.1", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabcd\n0\n\n", After::Keep, Cut, &[], &["0\n\n"]),
    ("9112 7.1", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nffffffffffffffff\nabc", After::Keep, Cut, &[], &["0\n\n"]),
    ("9112 7.1.2", TE, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\nX-Sum: 7\n\n", After::Keep, Next, &["0\nX-Sum: 7\n\n"], &[]),
    ("9110 6.5.1", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\nX-Sum: 7\n\n", After::Keep, Next, &["1\na\n0\n\n"], &["X-Sum"]),
    ("9110 6.5.1", TE, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\nContent-Length: 7\nSet-X: 1\n\n", After::Keep, Next, &["0\nSet-X: 1\n\n"], &["Content-Length: 7"]),
    ("9112 6.3", GET, "HTTP/1.1 200 OK\nContent-Length: 2\n\nabHTTP/1.1 200 OK\nContent-Length: 6\n\npoison", After::Keep, Next, &["\n\nab"], &["poison"]),
    ("9112 6.3", GET, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\n\nHTTP/1.1 200 OK\nContent-Length: 6\n\npoison", After::Keep, Next, &["1\na\n0\n\n"], &["poison"]),
    ("9112 6.3", GET, "HTTP/1.1 200 OK\nContent-Length: 0\n\npoison", After::Keep, Next, &[], &["poison"]),
    ("9110 9.3.2", HEAD, "HTTP/1.1 200 OK\nContent-Length: 1000\n\n", After::Keep, Next, &["Content-Length: 1000\n"], &[]),
    ("9110 9.3.2", HEAD, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", After::Keep, Next, &[], &["0\n\n"]),
    ("9110 9.3.2", HEAD, "HTTP/1.1 200 OK\nContent-Length: 6\n\npoison", After::Keep, Next, &["Content-Length: 6\n"], &["poison"]),
    ("9110 9.3.2", HEAD, "HTTP/1.1 200 OK\n\n", After::Keep, Next, &[], &["transfer-encoding"]),
    ("9110 15.3.5", GET, "HTTP/1.1 204 No Content\n\n", After::Keep, Next, &["HTTP/1.1 204 No Content\n"], &["content-length: 0", "transfer-encoding"]),
    ("9110 8.6", GET, "HTTP/1.1 204 No Content\nContent-Length: 0\n\n", After::Keep, Next, &["HTTP/1.1 204"], &["Content-Length: 0"]),
    ("9110 15.3.5", GET, "HTTP/1.1 204 No Content\nContent-Length: 6\n\npoison", After::Keep, Next, &["HTTP/1.1 204"], &["poison"]),
    ("9110 15.4.5", GET, "HTTP/1.1 304 Not Modified\nContent-Length: 1000\nETag: \"x\"\n\n", After::Keep, Next, &["Content-Length: 1000\n", "ETag: \"x\"\n"], &[]),
    ("9110 15.4.5", GET, "HTTP/1.1 304 Not Modified\nTransfer-Encoding: chunked\n\n", After::Keep, Next, &["HTTP/1.1 304"], &["transfer-encoding"]),
    ("9110 15.2", GET, "HTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nab", After::Keep, Next, &["HTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 200 OK\n"], &[]),
    ("9110 15.2", GET, "HTTP/1.1 100 Continue\n\nHTTP/1.1 102 Processing\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nab", After::Keep, Next, &["HTTP/1.1 100", "HTTP/1.1 102", "\n\nab"], &[]),
    ("9110 15.2", OLD, "HTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nab", After::Keep, Next, &["\n\nab"], &["HTTP/1.1 103"]),
    ("9110 15.2", GET, "HTTP/1.1 103 Early Hints\nContent-Length: 9\nConnection: x\nX: 1\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nab", After::Keep, Next, &["HTTP/1.1 103 Early Hints\n\n"], &["Content-Length: 9", "X: 1"]),
    ("9110 15.2.2", GET, "HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: websocket\n\nsecret", After::Keep, BadGateway, &["switched protocols"], &["secret"]),
    ("9110 7.6.1", GET, "HTTP/1.1 200 OK\nConnection: x-a, close\nX-A: 1\nX-B: 2\nContent-Length: 0\n\n", After::Close, Next, &["X-B: 2\n"], &["X-A", "connection: x"]),
    ("9110 7.6.1", GET, "HTTP/1.1 200 OK\nKeep-Alive: timeout=5\nProxy-Connection: x\nUpgrade: h2c\nTrailer: x\nContent-Length: 0\n\n", After::Keep, Next, &[], &["Keep-Alive", "Proxy-Connection", "Upgrade", "Trailer"]),
    ("9110 7.6.3", GET, "HTTP/1.1 200 OK\nVia: 1.1 before\nContent-Length: 0\n\n", After::Keep, Next, &["via: 1.1 before, 1.1 clusterbench\n"], &[]),
    ("9110 6.6.1", GET, "HTTP/1.1 200 OK\nContent-Length: 0\n\n", After::Keep, Next, &["date: "], &[]),
    ("9110 6.6.1", GET, "HTTP/1.1 200 OK\nDate: Sun, 06 Nov 1994 08:49:37 GMT\nContent-Length: 0\n\n", After::Keep, Next, &["Date: Sun, 06 Nov 1994 08:49:37 GMT\n"], &[]),
    ("9110 5.3", GET, "HTTP/1.1 200 OK\nSet-Cookie: a\nSet-Cookie: b\nContent-Length: 0\n\n", After::Keep, Next, &["Set-Cookie: a\nSet-Cookie: b\n"], &[]),
    ("9110 15.6", GET, "HTTP/1.1 500 Oops\nContent-Length: 4\n\noops", After::Keep, Next, &["HTTP/1.1 500 Oops\n", "\n\noops"], &[]),
    ("own names", GET, "HTTP/1.1 200 OK\nX-Backend: w\nServer-Timing: app;dur=1\nContent-Length: 0\n\n", After::Keep, Next, &["X-Backend: w\n", "Server-Timing: app;dur=1\n", "server-timing: queue;dur="], &[]),
];

/// Targets are `/c/<row>`; anything else is the second request's.
fn script(target: &str) -> (Vec<u8>, After) {
    let row = target.strip_prefix("/c/").and_then(|row| ROWS.get(row.parse::<usize>().ok()?));
    row.map_or_else(|| (bytes(&format!("{OK}Content-Length: 6\n\nsecond")), After::Keep), |row| (bytes(row.2), row.3))
}

#[tokio::test]
async fn answers_are_passed_on_whole_or_not_at_all_and_the_next_request_gets_its_own() {
    let (_recorder, member) = Recorder::start(script).await;
    let running = Running::start(vec![cluster("c", vec![member])]).await;
    for (number, (section, request, answer, _, then, present, absent)) in ROWS.iter().enumerate() {
        let first = request.replace("{}", &format!("/c/{number}"));
        // Both at once: what is read wrongly of the first answer shows in the second.
        let both = format!("{first}\nGET /c/second HTTP/1.1\nHost: h\nConnection: close\n\n");
        let seen = raw(running.address, &bytes(&both)).await.replace("\r\n", "\n");
        let place = format!("RFC {section}: {request:?} {answer:?} -> {seen:?}");
        let has_second = seen.matches("\n\nsecond").count();
        let is_bad_gateway = seen.starts_with("HTTP/1.1 502 ");
        let expected = match then {
            Next => (1, false),
            BadGateway => (1, true),
            Cut | Close => (0, false),
        };
        assert_eq!((has_second, is_bad_gateway), expected, "{place}");
        assert_eq!(seen.ends_with("\n\nsecond"), has_second == 1, "{place}");
        let own = seen.split("HTTP/1.1 200 OK\n").next().filter(|_| *then == BadGateway);
        let own = without_durations(own.unwrap_or(seen.split("\n\nsecond").next().unwrap()));
        present.iter().for_each(|text| assert!(seen.contains(text), "{text:?} is missing, {place}"));
        absent.iter().for_each(|text| assert!(!own.contains(text), "{text:?} is there, {place}"));
    }
}

/// The member's part is measured and not what the balancer wrote of the answer, and `dur=0.120` at the end of a head is
/// no last chunk.
fn without_durations(text: &str) -> String {
    let mut pieces = text.split("dur=");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + "dur=" + piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'))
}

#[test]
fn a_duration_that_ends_with_0_is_no_last_chunk() {
    let head = "server-timing: queue;dur=0.000, upstream;dur=0.120\n\n";
    assert_eq!(without_durations(head), "server-timing: queue;dur=, upstream;dur=\n\n");
    assert!(without_durations(&format!("{head}0\n\n")).contains("0\n\n"), "a last chunk is still seen");
}
