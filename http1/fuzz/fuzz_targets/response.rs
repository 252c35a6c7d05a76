//! Any bytes, the first of which says what was asked (`H`: a HEAD). What the balancer takes for a member's response,
//! hyper must take too, and read alike; and what it would send to a client, hyper must read as the same response with
//! the next one behind it. What the load generator takes, the balancer takes with the same meaning, however it arrives.

#![no_main]

use http1::{BodyReader, Part, ResponseHead, ResponseRules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(differ) = balancer::differential::fuzzed_response(bytes) {
        panic!("{differ}");
    }
    let Some((first, bytes)) = bytes.split_first() else { return };
    let read = |bytes, rules| ResponseHead::parse_partial(bytes, *first == b'H', rules, |_| ());
    let Ok(Some(head)) = read(bytes, ResponseRules::CLIENT) else { return };
    if head.length <= http1::HEAD_LIMIT_BYTES
        && let Ok(proxy) = read(bytes, ResponseRules::PROXY)
    {
        assert_eq!(proxy.as_ref(), Some(&head));
    }
    for end in 0..head.length {
        assert_eq!(read(&bytes[..end], ResponseRules::CLIENT), Ok(None), "a part of a head is a part");
    }
    let body = &bytes[head.length..];
    let whole = content(head.body.into(), &[body]);
    for cut in 0..body.len().min(64) {
        assert_eq!(content(head.body.into(), &[&body[..cut], &body[cut..]]), whole, "cut at {cut}");
    }
});

/// Content of a body that comes in pieces; `None` when it is malformed.
fn content(mut body: BodyReader, pieces: &[&[u8]]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    for piece in pieces {
        let mut at = 0;
        while let Some(part) = body.next(&piece[at..]).ok()? {
            at += match part {
                Part::Data(length) => {
                    content.extend_from_slice(&piece[at..at + length]);
                    length
                }
                Part::Framing(length) | Part::Trailer(length) => length,
            };
        }
    }
    Some(content)
}
