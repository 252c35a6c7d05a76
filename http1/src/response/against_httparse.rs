//! Heads of responses as a client reads them, beside what `httparse`, the parser of hyper, makes of them, and a proxy.

use proptest::prelude::*;

use super::*;

/// Status, value of `x-backend` and length of a head.
type Read = (u16, Vec<u8>, usize);

fn ours(bytes: &[u8]) -> Result<Option<Read>, ResponseError> {
    let mut backend = None;
    let head = ResponseHead::parse_partial(bytes, false, ResponseRules::CLIENT, |field| {
        if field.kind == Kind::Backend {
            backend.get_or_insert(field.value);
        }
    })?;
    let backend = backend.map(|value| bytes[value].to_vec()).unwrap_or_default();
    Ok(head.map(|head| (head.status, backend, head.length)))
}

/// The reading of `httparse`; `None`: it refuses.
fn theirs(bytes: &[u8]) -> Option<Option<Read>> {
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
    let theirs = theirs(bytes);
    match ours(bytes) {
        // Stricter is allowed.
        Err(_) => {}
        Ok(None) => prop_assert!(matches!(theirs, Some(None)), "a part to us, {theirs:?} to httparse"),
        Ok(Some(read)) => prop_assert_eq!(theirs, Some(Some(read))),
    }
    // Whatever a client takes, a proxy takes as the same: it only takes more.
    let [client, proxy] = [ResponseRules::CLIENT, ResponseRules::PROXY]
        .map(|rules| ResponseHead::parse_partial(bytes, false, rules, |_| ()));
    prop_assert!(client.is_err() || client == proxy, "{client:?} to a client, {proxy:?} to a proxy");
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
        prop_assert!(ours(text.as_bytes()).unwrap().is_some(), "{}", text);
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
