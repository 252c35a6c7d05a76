use super::*;

fn judge(text: &str, is_to_head: bool) -> Result<ResponseHead, Broken> {
    ResponseHead::judge(text.as_bytes(), is_to_head, &mut Vec::new())
}

fn ok(fields: &str) -> Result<AnswerBody, Broken> {
    judge(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), false).map(|head| head.body)
}

#[test]
fn bodies_end_as_the_head_says() {
    for (fields, body) in [
        ("", AnswerBody::UntilClose),
        ("Content-Length: 0\r\n", AnswerBody::None),
        ("content-length: 12\r\n", AnswerBody::Sized(12)),
        ("Content-Length : 12\r\n", AnswerBody::Sized(12)),
        ("Transfer-Encoding: Chunked\r\n", AnswerBody::Chunked),
    ] {
        assert_eq!(ok(fields), Ok(body), "{fields:?}");
    }
    for (status, is_to_head) in [(200, true), (204, false), (304, false), (100, false)] {
        for fields in ["Content-Length: 12\r\n", "Transfer-Encoding: chunked\r\n", ""] {
            let head = judge(&format!("HTTP/1.1 {status} X\r\n{fields}\r\n"), is_to_head).unwrap();
            assert_eq!((head.body, head.persists), (AnswerBody::None, true), "{status} {fields:?}");
        }
    }
}

#[test]
fn answers_without_a_certain_end_are_broken() {
    for (fields, broken) in [
        ("Content-Length: 1\r\nContent-Length: 1\r\n", Broken::ContentLength),
        ("Content-Length: 1, 1\r\n", Broken::ContentLength),
        ("Content-Length: -1\r\n", Broken::ContentLength),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", Broken::TwoLengths),
        ("Transfer-Encoding: gzip, chunked\r\n", Broken::TransferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Broken::TransferEncoding),
        ("X: a\r\n b\r\n", Broken::Folded),
        ("X\r\n", Broken::FieldName),
        (": a\r\n", Broken::FieldName),
        ("X: \0\r\n", Broken::FieldValue),
        ("X: a\n", Broken::LineEnd),
        ("X: a\rb\r\n", Broken::LineEnd),
    ] {
        assert_eq!(ok(fields), Err(broken), "{fields:?}");
    }
    let old = judge("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false);
    assert_eq!(old, Err(Broken::TransferEncoding));
    assert_eq!(ok(&"X: y\r\n".repeat(101)), Err(Broken::TooManyFields));
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
        assert_eq!(&head[judge(&head, false).unwrap().status_text], text);
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
        assert_eq!(judge(&format!("{line}\r\n\r\n"), false), Err(Broken::StatusLine), "{line:?}");
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
        assert_eq!(judge(&format!("{head}\r\n"), false).unwrap().persists, persists, "{head:?}");
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
        assert_eq!(judge(&format!("{head}\r\n"), false).unwrap().switches_to_websocket(), switches, "{head:?}");
    }
}
