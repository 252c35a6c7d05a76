//! Header fields: their grammar (RFC 9110 section 5, RFC 9112 section 5) and those that mean something to a proxy.

use std::ops::Range;

/// Most fields of a head: that of Apache and hyper; nobody who means well sends more.
pub(super) const FIELDS_LIMIT: usize = 100;

/// One field line, as positions in the head's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) kind: Kind,
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// Fields that a proxy reads, writes or takes out. Everything else only passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
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
    Backend,
    Boot,
    Slots,
}

const KNOWN: [(&str, Kind); 23] = [
    ("te", Kind::Te),
    ("via", Kind::Via),
    ("date", Kind::Date),
    ("host", Kind::Host),
    ("expect", Kind::Expect),
    (wire::BOOT_HEADER, Kind::Boot),
    ("trailer", Kind::Trailer),
    ("upgrade", Kind::Upgrade),
    (wire::SLOTS_HEADER, Kind::Slots),
    (wire::BACKEND_HEADER, Kind::Backend),
    ("connection", Kind::Connection),
    ("keep-alive", Kind::KeepAlive),
    ("max-forwards", Kind::MaxForwards),
    ("server-timing", Kind::ServerTiming),
    ("http2-settings", Kind::Http2Settings),
    ("content-length", Kind::ContentLength),
    ("x-forwarded-for", Kind::ForwardedFor),
    ("proxy-connection", Kind::ProxyConnection),
    ("x-forwarded-host", Kind::ForwardedHost),
    ("transfer-encoding", Kind::TransferEncoding),
    ("x-forwarded-proto", Kind::ForwardedProto),
    ("proxy-authenticate", Kind::ProxyAuthenticate),
    ("proxy-authorization", Kind::ProxyAuthorization),
];

impl Kind {
    pub(crate) fn of(name: &[u8]) -> Self {
        let is = |known: &&(&str, Kind)| known.0.len() == name.len() && known.0.as_bytes().eq_ignore_ascii_case(name);
        KNOWN.iter().find(is).map_or(Self::Other, |(_, kind)| *kind)
    }

    /// Speaks about one connection and not about the message (RFC 9110, 7.6.1), or is framing, which each side
    /// writes for itself. `HTTP2-Settings` belongs to the connection that offers h2c (RFC 7540, 3.2.1).
    pub(crate) fn is_hop_by_hop(self) -> bool {
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

    /// Is the message itself or says where it goes and how far: it cannot be disowned by naming it in `Connection`, nor
    /// come after the body.
    pub(crate) fn is_of_the_message(self) -> bool {
        matches!(self, Self::ContentLength | Self::Host | Self::TransferEncoding | Self::MaxForwards)
    }
}

/// Why a line is no field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadLine {
    Folded,
    Name,
    Value,
}

/// Splits a line, without its end, that begins at `at` in the head.
pub(super) fn field(line: &[u8], at: usize, allows_space_before_colon: bool) -> Result<Field, BadLine> {
    if line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
        return Err(BadLine::Folded);
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let colon = line.iter().position(|byte| *byte == b':').ok_or(BadLine::Name)?;
    let blanks = line[..colon].iter().rev().take_while(|byte| allows_space_before_colon && blank(byte)).count();
    let name = &line[..colon - blanks];
    if !is_token(name) {
        return Err(BadLine::Name);
    }
    let value = &line[colon + 1..];
    if !value.iter().all(|byte| is_value(*byte)) {
        return Err(BadLine::Value);
    }
    let start = colon + 1 + value.iter().take_while(|byte| blank(byte)).count();
    let end = colon + 1 + value.iter().rposition(|byte| !blank(byte)).map_or(0, |last| last + 1);
    Ok(Field { kind: Kind::of(name), name: at..at + name.len(), value: at + start..at + end.max(start) })
}

/// `token` of RFC 9110, 5.6.2.
pub(crate) fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| IS_TOKEN[usize::from(*byte)])
}

/// The elements of a comma-separated list, empty ones left out (RFC 9110, 5.6.1).
pub(crate) fn tokens(list: &[u8]) -> impl Iterator<Item = &[u8]> {
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

/// What values and reason phrases are made of (RFC 9112, 4).
pub(super) fn is_value(byte: u8) -> bool {
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
    fn lines_are_split_and_trimmed() {
        for (line, name, value) in [
            ("Host: a", "Host", "a"),
            ("Host:a", "Host", "a"),
            ("X: \t a b \t", "X", "a b"),
            ("X:", "X", ""),
            ("X:   ", "X", ""),
            ("X: a:b", "X", "a:b"),
            ("X: \u{e9}", "X", "\u{e9}"),
        ] {
            let field = field(line.as_bytes(), 0, false).unwrap();
            assert_eq!((&line[field.name], &line[field.value]), (name, value), "{line:?}");
        }
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for (line, why) in [
            (" X: a", BadLine::Folded),
            ("\tX: a", BadLine::Folded),
            ("X", BadLine::Name),
            (": a", BadLine::Name),
            ("X : a", BadLine::Name),
            ("X y: a", BadLine::Name),
            ("X\0: a", BadLine::Name),
            ("(X): a", BadLine::Name),
            ("X\u{e9}: a", BadLine::Name),
            ("X: a\0b", BadLine::Value),
            ("X: a\x7fb", BadLine::Value),
            ("X: a\x0bb", BadLine::Value),
        ] {
            assert_eq!(field(line.as_bytes(), 0, false), Err(why), "{line:?}");
        }
        assert!(field(b"X \t: a", 0, true).is_ok_and(|field| field.name == (0..1)));
        assert_eq!(field(b"X\x0c: a", 0, true), Err(BadLine::Name), "a form feed is no white space of HTTP");
    }

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(Kind::of(b"TRANSFER-encoding"), Kind::TransferEncoding);
        assert_eq!(Kind::of(b"X-Backend"), Kind::Backend);
        assert_eq!(Kind::of(b"X-Backends"), Kind::Other);
        assert!(KNOWN.iter().all(|(name, kind)| Kind::of(name.as_bytes()) == *kind));
    }
}
