use super::*;

fn parsed(text: &str, is_to_head: bool) -> Result<ResponseHead, ResponseError> {
    ResponseHead::parse(text.as_bytes(), is_to_head, &mut Vec::new())
}

fn ok(fields: &str) -> Result<ResponseBody, ResponseError> {
    parsed(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), false).map(|head| head.body)
}

#[test]
fn bodies_end_as_the_head_says() {
    for (fields, body) in [
        ("", ResponseBody::UntilClose),
        ("Content-Length: 0\r\n", ResponseBody::None),
        ("content-length: 12\r\n", ResponseBody::Sized(12)),
        ("Content-Length : 12\r\n", ResponseBody::Sized(12)),
        ("Transfer-Encoding: Chunked\r\n", ResponseBody::Chunked),
    ] {
        assert_eq!(ok(fields), Ok(body), "{fields:?}");
    }
    for (status, is_to_head) in [(200, true), (204, false), (304, false), (100, false)] {
        for fields in ["Content-Length: 12\r\n", "Transfer-Encoding: chunked\r\n", ""] {
            let head = parsed(&format!("HTTP/1.1 {status} X\r\n{fields}\r\n"), is_to_head).unwrap();
            assert_eq!((head.body, head.persists), (ResponseBody::None, true), "{status} {fields:?}");
        }
    }
}

#[test]
fn responses_without_a_certain_end_are_refused() {
    for (fields, broken) in [
        ("Content-Length: 1\r\nContent-Length: 1\r\n", ResponseError::ContentLength),
        ("Content-Length: 1, 1\r\n", ResponseError::ContentLength),
        ("Content-Length: -1\r\n", ResponseError::ContentLength),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", ResponseError::TwoLengths),
        ("Transfer-Encoding: gzip, chunked\r\n", ResponseError::TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ResponseError::TransferEncoding),
        ("X: a\r\n b\r\n", ResponseError::Folded),
        ("X\r\n", ResponseError::FieldName),
        (": a\r\n", ResponseError::FieldName),
        ("X: \0\r\n", ResponseError::FieldValue),
        ("X: a\n", ResponseError::LineEnd),
        ("X: a\rb\r\n", ResponseError::LineEnd),
    ] {
        assert_eq!(ok(fields), Err(broken), "{fields:?}");
    }
    let old = parsed("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false);
    assert_eq!(old, Err(ResponseError::TransferEncoding));
    assert_eq!(ok(&"X: y\r\n".repeat(101)), Err(ResponseError::TooManyFields));
}

#[test]
fn status_lines() {
    for (line, text) in [
        ("HTTP/1.1 200 OK", "200 OK"),
        ("HTTP/1.1 200 ", "200 "),
        ("HTTP/1.1 200", "200"),
        ("HTTP/1.0 404 Not Found", "404 Not Found"),
        ("HTTP/1.2 200 OK", "200 OK"),
    ] {
        let head = format!("{line}\r\n\r\n");
        assert_eq!(&head[parsed(&head, false).unwrap().status_text], text);
    }
    for line in [
        "HTTP/1.1  200 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1 099 X",
        "HTTP/1.1 600 X",
        "HTTP/2 200",
        "HTTP/2.0 200 OK",
        "HTTP/0.9 200 OK",
        "HTTP/1.x 200 OK",
        "ICY 200 OK",
        "SSH-2.0-OpenSSH",
        "HTTP/1.1 200 O\0K",
        "",
    ] {
        assert_eq!(parsed(&format!("{line}\r\n\r\n"), false), Err(ResponseError::StatusLine), "{line:?}");
    }
}

#[test]
fn a_connection_persists_when_both_sides_can_tell() {
    for (head, persists) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, close\r\n", false),
        ("HTTP/1.1 200 OK\r\n", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n", true),
    ] {
        assert_eq!(parsed(&format!("{head}\r\n"), false).unwrap().persists, persists, "{head:?}");
    }
}

#[test]
fn only_websocket_alone_is_switched_to() {
    for (head, switches) in [
        ("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", true),
        ("HTTP/1.1 101 X\r\nConnection: x, Upgrade\r\nUpgrade: , WebSocket,\r\n", true),
        ("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n", false),
        ("HTTP/1.1 101 X\r\nConnection: upgrade\r\n", false),
        ("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n", false),
        ("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket/13\r\n", false),
        ("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket, h2c\r\n", false),
        ("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n", false),
        ("HTTP/1.0 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", false),
        ("HTTP/1.1 426 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", false),
    ] {
        assert_eq!(parsed(&format!("{head}\r\n"), false).unwrap().switches_to_websocket(), switches, "{head:?}");
    }
}

/// The length of a head as each of both readers reads it.
fn both(text: &str) -> [Result<Option<usize>, ResponseError>; 2] {
    [ResponseRules::PROXY, ResponseRules::CLIENT].map(|rules| {
        let head = ResponseHead::parse_partial(text.as_bytes(), false, rules, |_| ());
        head.map(|head| head.map(|head| head.length))
    })
}

#[test]
fn proxy_and_client_differ_as_the_rules_say_and_nowhere_else() {
    let length = |text: &str| Ok(Some(text.len()));
    let ordinary = "HTTP/1.1 200 OK\r\nX: y\r\n\r\n";
    assert_eq!(both(ordinary), [length(ordinary), length(ordinary)]);
    let later = "HTTP/1.2 200 OK\r\n\r\n";
    assert_eq!(both(later), [length(later), Err(ResponseError::StatusLine)]);
    let spaced = "HTTP/1.1 200 OK\r\nX : y\r\n\r\n";
    assert_eq!(both(spaced), [length(spaced), Err(ResponseError::FieldName)]);
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(101));
    assert_eq!(both(&many), [Err(ResponseError::TooManyFields), length(&many)]);
    for text in
        ["SSH-2.0", "HTTP/2", "HTTP/1.1 2x", "HTTP/1.1 200\n", "HTTP/1.1 200 OK\r\n b", "HTTP/1.1 200 OK\r\nX\r"]
    {
        let [proxy, client] = both(text);
        assert!(proxy.is_err() && proxy == client, "{text:?}: {proxy:?}, {client:?}");
    }
}

#[test]
fn every_part_of_a_head_is_a_part() {
    let text = "HTTP/1.1 200 OK\r\nx-backend: i-1\r\ncontent-length: 0\r\n\r\n";
    for end in 0..text.len() {
        assert_eq!(both(&text[..end]), [Ok(None), Ok(None)], "{:?}", &text[..end]);
    }
    assert_eq!(parsed(&text[..text.len() - 2], false), Err(ResponseError::LineEnd));
    assert_eq!(parsed(&format!("{text}x"), false), Err(ResponseError::LineEnd));
}
