//! The target of a request line and the host that serves it (RFC 9112, 3.2; RFC 3986).

use std::net::Ipv6Addr;
use std::ops::Range;

/// Splits a target into its authority, which an absolute one has, and the position where path and query begin. An
/// absolute target without a path has an empty one, which is sent as `/`. `target` is not empty.
///
/// `None`: it is no target, or holds what none may hold.
pub(crate) fn split_target(target: &[u8], method: &[u8]) -> Option<(Option<Range<usize>>, usize)> {
    if !target.iter().all(|byte| is_of_target(*byte)) {
        return None;
    }
    if target[0] == b'/' || (target == b"*" && method == b"OPTIONS") {
        return Some((None, 0));
    }
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| target.len() > scheme.len() && target[..scheme.len()].eq_ignore_ascii_case(scheme))?
        .len();
    let length = target[scheme..].iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(target.len() - scheme);
    let authority = scheme..scheme + length;
    if !is_host(&target[authority.clone()]) {
        return None;
    }
    let start = authority.end;
    Some((Some(authority), start))
}

/// True for a byte that RFC 3986 allows, and for `^ { | }` beside it, which browsers send as they are. The others that
/// it does not allow are read differently by different programs: to some a backslash is a slash.
fn is_of_target(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\\' | b'`')
}

/// True for `name`, `name:port`, `[IPv6 address]` or `[IPv6 address]:port` (RFC 3986, 3.2.2). No list and nothing
/// encoded: a name with `,` or `%` in it is none.
pub(crate) fn is_host(value: &[u8]) -> bool {
    let (is_name, rest) = match value.iter().position(|byte| *byte == b']') {
        Some(end) => (is_ip_literal(&value[..end]), &value[end + 1..]),
        None => {
            let end = value.iter().position(|byte| *byte == b':').unwrap_or(value.len());
            (end > 0 && value[..end].iter().all(|byte| is_of_name(*byte)), &value[end..])
        }
    };
    is_name && rest.split_first().is_none_or(|(colon, port)| *colon == b':' && port.iter().all(u8::is_ascii_digit))
}

/// Judges what is before the closing bracket.
fn is_ip_literal(value: &[u8]) -> bool {
    let address = value.strip_prefix(b"[").and_then(|address| std::str::from_utf8(address).ok());
    address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=".contains(&byte)
}
