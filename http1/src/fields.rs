//! Fields: the bytes they are made of (RFC 9110, section 5), and those that mean something to a proxy or to a load
//! generator.

use std::ops::Range;

/// One field line, as positions in the head's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub kind: Kind,
    pub name: Range<usize>,
    pub value: Range<usize>,
}

/// Fields that somebody here reads, writes or takes out. Every other field only passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Other,
    Connection,
    KeepAlive,
    ProxyConnection,
    ProxyAuthenticate,
    ProxyAuthorization,
    Te,
    Trailer,
    TransferEncoding,
    Upgrade,
    Http2Settings,
    ContentLength,
    Host,
    Expect,
    MaxForwards,
    Via,
    Date,
    ForwardedFor,
    ForwardedHost,
    ForwardedProto,
    ServerTiming,
    /// `x-backend`, `x-boot` and `x-slots`: the worker that answered, its process, and how many requests it serves at a
    /// time. `wire` has the same names.
    Backend,
    Boot,
    Slots,
}

/// Known names by their length: most fields are none of them, which their length alone says of nearly all.
const KNOWN: [&[(&str, Kind)]; 20] = [
    &[],
    &[],
    &[("te", Kind::Te)],
    &[("via", Kind::Via)],
    &[("date", Kind::Date), ("host", Kind::Host)],
    &[],
    &[("expect", Kind::Expect), ("x-boot", Kind::Boot)],
    &[("trailer", Kind::Trailer), ("upgrade", Kind::Upgrade), ("x-slots", Kind::Slots)],
    &[],
    &[("x-backend", Kind::Backend)],
    &[("connection", Kind::Connection), ("keep-alive", Kind::KeepAlive)],
    &[],
    &[("max-forwards", Kind::MaxForwards)],
    &[("server-timing", Kind::ServerTiming)],
    &[("content-length", Kind::ContentLength), ("http2-settings", Kind::Http2Settings)],
    &[("x-forwarded-for", Kind::ForwardedFor)],
    &[("proxy-connection", Kind::ProxyConnection), ("x-forwarded-host", Kind::ForwardedHost)],
    &[("transfer-encoding", Kind::TransferEncoding), ("x-forwarded-proto", Kind::ForwardedProto)],
    &[("proxy-authenticate", Kind::ProxyAuthenticate)],
    &[("proxy-authorization", Kind::ProxyAuthorization)],
];

impl Kind {
    /// The kind of the field with this name, in any case of its letters.
    pub fn of(name: &[u8]) -> Self {
        let known = KNOWN.get(name.len()).copied().unwrap_or_default();
        known
            .iter()
            .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
            .map_or(Self::Other, |(_, kind)| *kind)
    }

    /// True for a field that speaks about one connection and not about the message (RFC 9110, 7.6.1), and for framing,
    /// which each side writes for itself. `HTTP2-Settings` belongs to the connection that offers h2c (RFC 7540, 3.2.1).
    pub fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::KeepAlive
                | Self::ProxyConnection
                | Self::ProxyAuthenticate
                | Self::ProxyAuthorization
                | Self::Te
                | Self::Trailer
                | Self::TransferEncoding
                | Self::Upgrade
                | Self::Http2Settings
        )
    }

    /// True for a field that frames or addresses the message: it cannot be disowned by naming it in `Connection`, nor
    /// come after the body.
    pub fn is_of_the_message(self) -> bool {
        matches!(self, Self::ContentLength | Self::Host | Self::TransferEncoding | Self::MaxForwards)
    }

    /// True for a field that may come after the body. A field that a proxy reads or writes must be known before it
    /// (RFC 9110, 6.5.1); a time that something took may be known only then.
    pub(crate) fn may_be_trailer(self) -> bool {
        matches!(self, Self::Other | Self::ServerTiming)
    }
}

/// `token` of RFC 9110, 5.6.2.
pub(crate) fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| is_token_byte(*byte))
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    IS_TOKEN[usize::from(byte)]
}

/// The elements of a comma-separated list, empty ones left out (RFC 9110, 5.6.1).
pub fn tokens(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

pub(crate) fn has_token(list: &[u8], wanted: &[u8]) -> bool {
    tokens(list).any(|token| token.eq_ignore_ascii_case(wanted))
}

const IS_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(
                byte as u8,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            );
        byte += 1;
    }
    table
};

/// True for a byte of a value or a reason phrase (RFC 9112, 4).
pub(crate) fn is_value(byte: u8) -> bool {
    IS_VALUE[usize::from(byte)]
}

/// Visible, blank or above ASCII: everything but control characters (RFC 9110, 5.5).
const IS_VALUE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte == 9 || (byte >= 32 && byte != 127);
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(Kind::of(b"TRANSFER-encoding"), Kind::TransferEncoding);
        assert_eq!(Kind::of(b"X-Backend"), Kind::Backend);
        assert_eq!(Kind::of(b"X-Backends"), Kind::Other);
        assert_eq!((Kind::of(b""), Kind::of(&[b'x'; 300])), (Kind::Other, Kind::Other));
        for (length, names) in KNOWN.iter().enumerate() {
            for (name, kind) in *names {
                assert_eq!((name.len(), Kind::of(name.as_bytes())), (length, *kind), "{name}");
            }
        }
    }
}
