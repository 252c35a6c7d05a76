//! Lines of a head, and where it ends.

use std::ops::Range;

use crate::fields::{Field, Kind, is_token_byte, is_value};

/// Longest head: first line and fields. A cookie jar fits; nginx allows 32 KiB as well.
pub const HEAD_LIMIT_BYTES: usize = 32 * 1024;

/// Most fields of a head: that of Apache and hyper; nobody who means well sends more.
pub(crate) const FIELDS_LIMIT: usize = 100;

/// Length of the first head in `bytes`: up to an empty line, or what some parser would take for one. The search begins
/// at `from`; everything before was searched already.
pub fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let mut from = from;
    while let Some(found) = bytes.get(from..)?.iter().position(|byte| *byte == b'\n') {
        let at = from + found;
        let previous = at.checked_sub(1).map(|at| bytes[at]);
        let one_before = at.checked_sub(2).map(|at| bytes[at]);
        if previous == Some(b'\n') || (previous == Some(b'\r') && one_before == Some(b'\n')) {
            return Some(at + 1);
        }
        from = at + 1;
    }
    None
}

/// The rule that a line breaks, so that it is no line of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadLine {
    /// It does not end with CR LF, or holds a bare CR.
    End,
    Folded,
    Name,
    Value,
}

/// The line that was read after the first one of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A field, and where the next line begins.
    Field(Field, usize),
    /// The empty line, and where the body begins.
    Empty(usize),
    /// Not all of it is here. What is here can be the beginning of a line.
    Partial,
}

/// White space between a field's name and its colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpaceBeforeColon {
    Refused,
    Dropped,
}

/// Reads the line of `head` that begins at `at`, each byte once.
///
/// # Errors
/// At the first byte that cannot belong there, whether the line is whole or not.
pub(crate) fn line(head: &[u8], at: usize, space: SpaceBeforeColon) -> Result<Line, BadLine> {
    match head.get(at) {
        None => return Ok(Line::Partial),
        Some(b'\r') => {
            return match head.get(at + 1) {
                None => Ok(Line::Partial),
                Some(b'\n') => Ok(Line::Empty(at + 2)),
                Some(_) => Err(BadLine::End),
            };
        }
        Some(b' ' | b'\t') => return Err(BadLine::Folded),
        Some(_) => {}
    }
    let Some(name_end) = find(head, at, |byte| !is_token_byte(byte)) else { return Ok(Line::Partial) };
    let colon = match space {
        SpaceBeforeColon::Refused => Some(name_end),
        SpaceBeforeColon::Dropped => find(head, name_end, |byte| !is_blank(byte)),
    };
    let Some(colon) = colon else { return Ok(Line::Partial) };
    match (head[colon], head.get(colon + 1)) {
        (b':', _) if name_end > at => {}
        (b'\n', _) => return Err(BadLine::End),
        (b'\r', Some(next)) if *next != b'\n' => return Err(BadLine::End),
        _ => return Err(BadLine::Name),
    }
    let Some(end) = line_end(head, colon + 1, BadLine::Value)? else { return Ok(Line::Partial) };
    let start = find(&head[..end], colon + 1, |byte| !is_blank(byte)).unwrap_or(end);
    let blanks = head[start..end].iter().rev().take_while(|byte| is_blank(**byte)).count();
    let name = at..name_end;
    Ok(Line::Field(Field { kind: Kind::of(&head[name.clone()]), name, value: start..end - blanks }, end + 2))
}

/// Finds the end of the line that `from` lies in: the position of its CR LF. `None`: that has not come yet.
///
/// # Errors
/// At a bare CR or LF; `control` at any other control character.
pub(crate) fn line_end(head: &[u8], from: usize, control: BadLine) -> Result<Option<usize>, BadLine> {
    let Some(end) = find(head, from, |byte| !is_value(byte)) else { return Ok(None) };
    match (head[end], head.get(end + 1)) {
        (b'\r', Some(b'\n')) => Ok(Some(end)),
        (b'\r', None) => Ok(None),
        (b'\r' | b'\n', _) => Err(BadLine::End),
        _ => Err(control),
    }
}

/// The first line of a whole head, and where the next one begins.
///
/// # Errors
/// When it does not end with CR LF, or holds a bare CR.
pub(crate) fn first_line(head: &[u8]) -> Result<(Range<usize>, usize), BadLine> {
    let feed = head.iter().position(|byte| *byte == b'\n').ok_or(BadLine::End)?;
    let line = head[..feed].strip_suffix(b"\r").filter(|line| !line.contains(&b'\r')).ok_or(BadLine::End)?;
    Ok((0..line.len(), feed + 1))
}

fn find(bytes: &[u8], from: usize, is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.iter().position(|byte| is_wanted(*byte)).map(|found| from + found)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str, space: SpaceBeforeColon) -> Result<Line, BadLine> {
        line(format!("{text}\r\n").as_bytes(), 0, space)
    }

    #[test]
    fn lines_are_split_and_trimmed() {
        for (text, name, value) in [
            ("Host: a", "Host", "a"),
            ("Host:a", "Host", "a"),
            ("X: \t a b \t", "X", "a b"),
            ("X:", "X", ""),
            ("X:   ", "X", ""),
            ("X: a:b", "X", "a:b"),
            ("X: \u{e9}", "X", "\u{e9}"),
        ] {
            let Ok(Line::Field(field, next)) = field(text, SpaceBeforeColon::Refused) else { panic!("{text:?}") };
            assert_eq!((&text[field.name], &text[field.value], next), (name, value, text.len() + 2), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for (text, why) in [
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
            ("X: a\rb", BadLine::End),
            ("X: a\nb", BadLine::End),
            ("X\ny: b", BadLine::End),
            ("X\ry: b", BadLine::End),
            ("\rX: b", BadLine::End),
        ] {
            assert_eq!(field(text, SpaceBeforeColon::Refused), Err(why), "{text:?}");
        }
        let spaced = field("X \t: a", SpaceBeforeColon::Dropped);
        assert!(matches!(spaced, Ok(Line::Field(Field { name: Range { start: 0, end: 1 }, .. }, 8))), "{spaced:?}");
        let form_feed = field("X\x0c: a", SpaceBeforeColon::Dropped);
        assert_eq!(form_feed, Err(BadLine::Name), "a form feed is no white space of HTTP");
    }

    #[test]
    fn every_part_of_a_line_is_a_part() {
        for text in ["X-Y: a b\r\n", "\r\n"] {
            for end in 0..text.len() {
                let part = line(&text.as_bytes()[..end], 0, SpaceBeforeColon::Refused);
                assert_eq!(part, Ok(Line::Partial), "{:?}", &text[..end]);
            }
        }
    }

    #[test]
    fn a_head_s_end_is_where_any_parser_would_see_it() {
        for (text, end) in [
            ("GET / HTTP/1.1\r\n\r\nX", Some(18)),
            ("GET / HTTP/1.1\n\nX", Some(16)),
            ("GET / HTTP/1.1\n\r\nX", Some(17)),
            ("GET / HTTP/1.1\r\nA: b\r\n", None),
            ("\r\nG", None),
        ] {
            for from in 0..text.len() - 1 {
                let from = from.min(end.map_or(from, |end| end - 1));
                assert_eq!(end_of_head(text.as_bytes(), from), end, "{text:?} {from}");
            }
        }
    }
}
