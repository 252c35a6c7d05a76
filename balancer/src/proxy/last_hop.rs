//! Responses of this proxy to a TRACE or an OPTIONS that may go no further (`Max-Forwards: 0`; RFC 9110, 7.6.2).

use http1::{Field, Kind, Method, RequestHead};

use super::local_reply::Reply;

/// Writes the content of the response: of a TRACE, the message as it came here, without what may be a secret (RFC 9110,
/// 9.3.8). That is any field but those that say which way it took: cookies and credentials have many names.
pub(crate) fn content(out: &mut Vec<u8>, text: &[u8], fields: &[Field], head: &RequestHead) {
    if head.method != Method::Trace {
        return;
    }
    let line = text.iter().position(|byte| *byte == b'\r').unwrap_or(text.len());
    out.extend_from_slice(&text[..line]);
    out.extend_from_slice(b"\r\n");
    for field in fields.iter().filter(|field| is_of_the_way(field.kind)) {
        out.extend_from_slice(&text[field.name.clone()]);
        out.extend_from_slice(b": ");
        out.extend_from_slice(&text[field.value.clone()]);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// The response with that content.
pub(crate) fn answer<'a>(head: &RequestHead, content: &'a [u8]) -> Reply<'a> {
    match head.method {
        Method::Trace => Reply { status: 200, content_type: Some("message/http"), content },
        // What methods there are is for the members to say: this one has come, which is what was asked (RFC 9110,
        // 9.3.7).
        _ => Reply { status: 200, content_type: None, content: b"" },
    }
}

fn is_of_the_way(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Host | Kind::Via | Kind::MaxForwards | Kind::ForwardedFor | Kind::ForwardedHost | Kind::ForwardedProto
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_reflected_without_anything_that_may_be_a_secret() {
        let text = "TRACE /c?q HTTP/1.1\r\nHost: h\r\nVia: 1.1 a\r\nvia: 1.1 b\r\nMAX-Forwards: 00\r\n\
            X-Forwarded-For: 192.0.2.1\r\nCookie: secret\r\nAuthorization: secret\r\nProxy-Authorization: secret\r\n\
            X-Api-Key: secret\r\nConnection: secret\r\n\r\n";
        let mut fields = Vec::new();
        let head = RequestHead::parse(text.as_bytes(), &mut fields).unwrap();
        let mut out = Vec::new();
        content(&mut out, text.as_bytes(), &fields, &head);
        let expected = "TRACE /c?q HTTP/1.1\r\nHost: h\r\nVia: 1.1 a\r\nvia: 1.1 b\r\nMAX-Forwards: 00\r\n\
            X-Forwarded-For: 192.0.2.1\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
