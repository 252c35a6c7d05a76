//! Every case is tried whole and cut in two at every place.

use super::*;

fn judge_in_pieces(request: &str) -> Result<(), Ambiguous> {
    let bytes = request.as_bytes();
    let whole = Framing::default().receive(bytes).map_err(|(at, violation)| {
        assert!(at < bytes.len());
        violation
    });
    for cut in 0..=bytes.len() {
        let mut framing = Framing::default();
        let pieces = framing.receive(&bytes[..cut]).and_then(|()| framing.receive(&bytes[cut..]));
        assert_eq!(pieces.map_err(|(_, violation)| violation), whole, "cut at {cut}");
    }
    whole
}

fn get(headers: &str) -> Result<(), Ambiguous> {
    judge_in_pieces(&format!("GET /a HTTP/1.1\r\nHost: a\r\n{headers}\r\n"))
}

#[test]
fn ordinary_requests_pass() {
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nExpires: 0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \r\nCookie: a=b; c=\"d\"\r\n\r\n",
    ] {
        assert_eq!(judge_in_pieces(request), Ok(()), "{request:?}");
    }
}

#[test]
fn ambiguous_heads_are_refused() {
    for (headers, violation) in [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", Ambiguous::TwoLengths),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", Ambiguous::TwoLengths),
        ("Content-Length: 3\r\nContent-Length: 3\r\n", Ambiguous::ContentLength),
        ("Content-Length: 3\r\ncontent-length: 4\r\n", Ambiguous::ContentLength),
        ("Content-Length: 3, 3\r\n", Ambiguous::ContentLength),
        ("Content-Length: +3\r\n", Ambiguous::ContentLength),
        ("Content-Length: -1\r\n", Ambiguous::ContentLength),
        ("Content-Length: 0x3\r\n", Ambiguous::ContentLength),
        ("Content-Length:\r\n", Ambiguous::ContentLength),
        ("Content-Length: 99999999999999999999\r\n", Ambiguous::ContentLength),
        ("Transfer-Encoding: gzip, chunked\r\n", Ambiguous::TransferEncoding),
        ("Transfer-Encoding: identity\r\n", Ambiguous::TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Ambiguous::TransferEncoding),
        ("Transfer-Encoding: \"chunked\"\r\n", Ambiguous::TransferEncoding),
        ("Transfer-Encoding : chunked\r\n", Ambiguous::HeaderName),
        ("X y: z\r\n", Ambiguous::HeaderName),
        (": z\r\n", Ambiguous::HeaderName),
        ("nothing\r\n", Ambiguous::HeaderName),
        ("X: a\r\n b\r\n", Ambiguous::Folded),
        (" X: a\r\n", Ambiguous::Folded),
        ("X: a\nContent-Length: 3\r\n", Ambiguous::LineEnd),
        ("X: a\rb\r\n", Ambiguous::LineEnd),
        ("X: a\n", Ambiguous::LineEnd),
        ("Host: b\r\n", Ambiguous::Host),
    ] {
        assert_eq!(get(headers), Err(violation), "{headers:?}");
    }
}

#[test]
fn ambiguous_request_lines_and_hosts_are_refused() {
    for (request, violation) in [
        ("GET / HTTP/1.1\r\n\r\n", Ambiguous::Host),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Ambiguous::Host),
        ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", Ambiguous::Host),
        ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", Ambiguous::Host),
        ("GET / HTTP/1.1\nHost: a\n\n", Ambiguous::LineEnd),
        ("GET /\r\n\r\n", Ambiguous::RequestLine),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Ambiguous::RequestLine),
        ("GET / HTTP/2.0\r\n\r\n", Ambiguous::RequestLine),
        ("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", Ambiguous::RequestLine),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Ambiguous::TransferEncoding),
    ] {
        assert_eq!(judge_in_pieces(request), Err(violation), "{request:?}");
    }
}

#[test]
fn ambiguous_chunks_are_refused() {
    let post = |body: &str| {
        judge_in_pieces(&format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}"))
    };
    for body in
        ["3\nabc\r\n", "0x3\r\nabc\r\n", "-3\r\nabc\r\n", "\r\n", " 3\r\nabc\r\n", "3 \r\nabc\r\n", "3\r\r\nabc"]
    {
        assert_eq!(post(body), Err(Ambiguous::ChunkSize), "{body:?}");
    }
    assert_eq!(post("fffffffffffffffff\r\n"), Err(Ambiguous::ChunkSize));
    assert_eq!(post("3\r\nabcX\r\n"), Err(Ambiguous::ChunkEnd));
    assert_eq!(post("3\r\nabc\n0\r\n\r\n"), Err(Ambiguous::ChunkEnd));
    assert_eq!(post("0\r\nX: y\n\r\n"), Err(Ambiguous::ChunkEnd));
    assert_eq!(post("0\r\nGET / HTTP/1.1\r\n\r\n"), Err(Ambiguous::ChunkEnd));
}

#[test]
fn the_violation_is_placed_before_the_second_request_is_complete() {
    let good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let bad = "GET /b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    let error = Framing::default().receive(format!("{good}{bad}").as_bytes()).unwrap_err();
    assert_eq!(error, (good.len() + bad.len() - 1, Ambiguous::Host));
}

#[test]
fn endless_heads_and_chunk_lines_are_refused() {
    let mut framing = Framing::default();
    let mut endless = std::iter::repeat_with(|| framing.receive(&[b'a'; 4096])).take(17);
    assert_eq!(endless.find_map(Result::err), Some((0, Ambiguous::TooLong)));
    let extension = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;{}", "x".repeat(2000));
    assert!(matches!(Framing::default().receive(extension.as_bytes()), Err((_, Ambiguous::ChunkSize))));
}
