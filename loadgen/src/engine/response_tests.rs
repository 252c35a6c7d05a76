//! By hand, and against `httparse`, the parser of hyper.

use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Result<Option<Head<'_>>, NotHttp> {
    head(text.as_bytes(), false)
}

fn body_of(text: &str) -> Result<Option<Body>, NotHttp> {
    parsed(text).map(|head| head.map(|head| head.body))
}

#[test]
fn reads_what_matters() {
    let text = "HTTP/1.1 200 OK\r\nServer: x\r\nX-Backend: i-1 \r\nx-boot:\tb\r\nContent-Length: 5\r\n\r\nhello";
    let head = parsed(text).unwrap().unwrap();
    assert_eq!((head.status, head.body, head.is_kept), (200, Body::Length(5), true));
    assert_eq!((head.backend, head.boot), (&b"i-1"[..], Some(&b"b"[..])));
    assert_eq!(&text[head.length..], "hello");
}

#[test]
fn knows_how_bodies_end() {
    let chunked = Ok(Some(Body::Chunked(Chunk::Size(0, 0))));
    assert_eq!(body_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"), chunked);
    assert_eq!(body_of("HTTP/1.1 200 OK\r\n\r\n"), Ok(Some(Body::UntilClose)));
    for status in ["100 Continue", "204 No", "304 Not"] {
        let text = format!("HTTP/1.1 {status}\r\ncontent-length: 7\r\n\r\n");
        assert_eq!(body_of(&text), Ok(Some(Body::Length(0))), "{status}");
    }
    let to_head = head(b"HTTP/1.1 200\r\ncontent-length: 7\r\n\r\n", true);
    assert_eq!(to_head.unwrap().unwrap().body, Body::Length(0));
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
    let (mut body, mut content, mut used) = (Body::Chunked(Chunk::Size(0, 0)), Vec::new(), 0);
    for part in bytes.chunks(piece) {
        let eaten = body.eat(part, |bytes| content.extend_from_slice(bytes))?;
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
    let mut body = Body::Length(5);
    assert_eq!(body.eat(b"abc", |_| ()), Ok(Eaten { bytes: 3, is_whole: false }));
    assert_eq!(body.eat(b"defg", |_| ()), Ok(Eaten { bytes: 2, is_whole: true }));
}

/// What `httparse` makes of it: status, and the headers that we look at.
fn reference(bytes: &[u8]) -> Option<Option<(u16, Vec<u8>, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Err(_) => None,
        Ok(httparse::Status::Partial) => Some(None),
        Ok(httparse::Status::Complete(length)) => {
            let backend = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("x-backend"));
            let backend = backend.map(|header| header.value.trim_ascii().to_vec()).unwrap_or_default();
            Some(Some((response.code.unwrap(), backend, length)))
        }
    }
}

fn agrees(bytes: &[u8]) -> Result<(), TestCaseError> {
    let theirs = reference(bytes);
    match head(bytes, false) {
        // Stricter is allowed.
        Err(NotHttp) => {}
        Ok(None) => prop_assert!(matches!(theirs, Some(None)), "a part to us, {theirs:?} to httparse"),
        Ok(Some(head)) => {
            prop_assert_eq!(theirs, Some(Some((head.status, head.backend.to_vec(), head.length))));
        }
    }
    Ok(())
}

fn good() -> impl Strategy<Value = String> {
    let header = prop_oneof![
        Just("x-backend: i-0123456789abcdef0".to_owned()),
        Just("X-Boot:  7".to_owned()),
        Just("connection: keep-alive".to_owned()),
        "[A-Za-z][A-Za-z0-9-]{0,20}: [ -~]{0,40}".prop_filter("ours", |line| {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            !matches!(name.as_str(), "content-length" | "transfer-encoding" | "x-backend" | "connection" | "x-boot")
        }),
    ];
    (
        prop::sample::select(vec![200, 201, 302, 404, 503]),
        "[ -~]{0,20}",
        prop::collection::vec(header, 0..8),
        0u32..9999,
    )
        .prop_map(|(status, reason, headers, length)| {
            let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
            format!("HTTP/1.1 {status} {reason}\r\n{lines}content-length: {length}\r\n\r\n")
        })
}

proptest! {
    #[test]
    fn good_heads_are_accepted_by_both(text in good()) {
        prop_assert!(parsed(&text).unwrap().is_some(), "{}", text);
        agrees(text.as_bytes())?;
    }

    #[test]
    fn damaged_heads_mean_the_same_to_both(text in good(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cut in any::<prop::sample::Index>()) {
        let mut bytes = text.into_bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        agrees(&bytes)?;
    }

    #[test]
    fn noise_is_never_more_to_us_than_to_httparse(bytes in prop::collection::vec(prop::sample::select(b"HTTP/1.1 20\r\n:a-\t\x7f\x00x".to_vec()), 0..80)) {
        agrees(&bytes)?;
    }
}
