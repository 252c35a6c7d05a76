//! The parser itself is tested where it is: in `http1`, also against `httparse`.

use http1::ResponseBody;

use super::*;

fn body(ends: ResponseBody) -> BodyReader {
    BodyReader::from(ends)
}

fn parsed(text: &str) -> Result<Option<Head<'_>>, NotHttp> {
    head(text.as_bytes(), false)
}

fn body_of(text: &str) -> Result<Option<BodyReader>, NotHttp> {
    parsed(text).map(|head| head.map(|head| head.body))
}

#[test]
fn reads_what_matters() {
    let text = "HTTP/1.1 200 OK\r\nServer: x\r\nX-Backend: i-1 \r\nx-boot:\tb\r\nX-Request-ID: r-7\r\nContent-Length: 5\r\n\r\nhello";
    let head = parsed(text).unwrap().unwrap();
    assert_eq!((head.status, head.body, head.is_kept), (200, body(ResponseBody::Sized(5)), true));
    assert_eq!((head.backend, head.boot), (&b"i-1"[..], Some(&b"b"[..])));
    assert_eq!(head.request_id, b"r-7");
    assert_eq!(&text[head.length..], "hello");
}

#[test]
fn knows_how_bodies_end() {
    let chunked = Ok(Some(body(ResponseBody::Chunked)));
    assert_eq!(body_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"), chunked);
    assert_eq!(body_of("HTTP/1.1 200 OK\r\n\r\n"), Ok(Some(body(ResponseBody::UntilClose))));
    for status in ["100 Continue", "204 No", "304 Not"] {
        let text = format!("HTTP/1.1 {status}\r\ncontent-length: 7\r\n\r\n");
        assert_eq!(body_of(&text), Ok(Some(body(ResponseBody::None))), "{status}");
    }
    let to_head = head(b"HTTP/1.1 200\r\ncontent-length: 7\r\n\r\n", true);
    assert_eq!(to_head.unwrap().unwrap().body, body(ResponseBody::None));
}

#[test]
fn knows_when_the_connection_ends() {
    let kept = |text: &str| parsed(text).unwrap().unwrap().is_kept;
    assert!(kept("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    assert!(!kept("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: x, Close\r\n\r\n"));
    assert!(!kept("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"));
    assert!(kept("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: Keep-Alive\r\n\r\n"));
    assert!(!kept("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive, close\r\n\r\n"));
    assert!(!kept("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\n"), "its body ends with it");
    assert!(!kept("HTTP/1.1 200 OK\r\n\r\n"));
}

#[test]
fn refuses_what_is_ambiguous() {
    for text in [
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 999 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\r\na: b\n\r\n",
        "HTTP/1.1 200 OK\r\na : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "220 smtp ready\r\n",
    ] {
        assert_eq!(parsed(text), Err(NotHttp), "{text:?}");
    }
}

#[test]
fn every_part_of_a_head_is_a_part() {
    let text = "HTTP/1.1 200 OK\r\nx-backend: i-1\r\ncontent-length: 0\r\n\r\n";
    for end in 0..text.len() {
        assert_eq!(parsed(&text[..end]), Ok(None), "{:?}", &text[..end]);
    }
    assert!(parsed(text).unwrap().is_some());
}

/// Feeds `bytes` in pieces of `piece` bytes; the content, and what was not part of the body.
fn chunked(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, bool, usize), NotHttp> {
    let (mut body, mut content, mut used) = (self::body(ResponseBody::Chunked), Vec::new(), 0);
    for part in bytes.chunks(piece) {
        let eaten = eat(&mut body, part, |bytes| content.extend_from_slice(bytes))?;
        used += eaten.bytes;
        if eaten.is_whole {
            return Ok((content, true, used));
        }
    }
    Ok((content, false, used))
}

#[test]
fn reads_chunks_cut_anywhere() {
    let text = b"5 \t; a = b\r\nhello\r\n00A;c\r\n0123456789\r\n0\r\nx: y\r\n\r\nnext";
    for piece in 1..text.len() {
        let (content, is_whole, used) = chunked(text, piece).unwrap();
        assert_eq!((content.as_slice(), is_whole), (&b"hello0123456789"[..], true), "{piece}");
        assert_eq!(&text[used..], b"next");
    }
    assert!(!chunked(&text[..20], 3).unwrap().1);
    for wrong in
        ["\r\n", "x\r\n", "1\r\nab\r\n", "1\n", "1 \r\n", "11111111111111111\r\n", "0\r\n\n", "0\r\n x\r\n\r\n"]
    {
        assert_eq!(chunked(wrong.as_bytes(), 99), Err(NotHttp), "{wrong:?}");
    }
}

#[test]
fn a_length_is_counted_and_no_byte_more() {
    let mut body = self::body(ResponseBody::Sized(5));
    assert_eq!(eat(&mut body, b"abc", |_| ()), Ok(Eaten { bytes: 3, is_whole: false }));
    assert_eq!(eat(&mut body, b"defg", |_| ()), Ok(Eaten { bytes: 2, is_whole: true }));
}
