//! Text and numbers as XML has them.

use std::borrow::Cow;

/// Text between tags or quotes. Characters that XML 1.0 does not have (section 2.2) become the sign for that, and so do those that
/// turn the direction of writing (Unicode, annex 9): they reach beyond the name that has them, and turn what stands beside it.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !matches!(c, '&' | '<' | '>' | '"' | '\'') && is_shown(c);
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if is_shown(c) => safe.push(c),
            _ => safe.push(char::REPLACEMENT_CHARACTER),
        }
    }
    Cow::Owned(safe)
}

fn is_shown(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !turns
        && matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// A coordinate: a tenth of a pixel is not seen.
pub(crate) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// `<text>` at a place, with further attributes.
pub(super) fn text(x: f64, y: f64, attributes: &str, words: &str) -> String {
    let space = if attributes.is_empty() { "" } else { " " };
    format!("<text x=\"{}\" y=\"{}\"{space}{attributes}>{}</text>\n", px(x), px(y), escaped(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_tag_or_an_attribute() {
        assert_eq!(escaped("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
        assert_eq!(escaped("\u{1b}[1m\u{ffff}"), "\u{fffd}[1m\u{fffd}");
        assert_eq!(escaped("ü 日本"), "ü 日本");
        assert_eq!(escaped("a\u{202e}b\u{2067}"), "a\u{fffd}b\u{fffd}");
    }
}
