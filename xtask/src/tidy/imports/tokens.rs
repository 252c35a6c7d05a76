//! Rust source as names and signs, without comments, literals and what is compiled for tests only.

/// A name, `::`, or one other character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

impl Token<'_> {
    pub(super) fn is_name(&self) -> bool {
        self.text.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_')
    }
}

/// The tokens of the product: an item below `#[cfg(test)]` is left out, and so is a whole file that begins with
/// `#![cfg(test)]`.
pub(super) fn of_product(source: &str) -> Vec<Token<'_>> {
    let tokens = all(source);
    let texts = |at: usize| tokens[at..].iter().map(|token| token.text);
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if texts(at).take(8).eq(["#", "!", "[", "cfg", "(", "test", ")", "]"]) {
            return Vec::new();
        }
        if texts(at).take(7).eq(["#", "[", "cfg", "(", "test", ")", "]"]) {
            at = end_of_item(&tokens, at + 7);
            continue;
        }
        kept.push(tokens[at]);
        at += 1;
    }
    kept
}

/// Behind the item that begins at `at`: its `;`, its `,` or its closing brace.
fn end_of_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    let (mut depth, mut is_import) = (0_usize, false);
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text {
            "use" => is_import = true, // the braces of its tree do not end it
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" if depth == 0 => return at - 1, // the last variant or field of what holds it
            "}" if depth == 1 && !is_import => return at,
            "}" | ")" | "]" => depth -= 1,
            ";" | "," if depth == 0 => return at,
            _ => {}
        }
    }
    at
}

fn all(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = extent(rest, first);
        let (text, behind) = rest.split_at(length);
        if is_token {
            tokens.push(Token { text: text.strip_prefix("r#").unwrap_or(text), line });
        }
        line += text.matches('\n').count();
        rest = behind;
    }
    tokens
}

/// How many bytes what stands at the start of `rest` takes, and whether it is a token.
fn extent(rest: &str, first: char) -> (usize, bool) {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let name = |text: &str| text.find(|c| !is_part(c)).unwrap_or(text.len());
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), false);
    }
    if let Some(length) = string(rest) {
        return (length, false);
    }
    if first == '\'' {
        return (quoted(rest), false);
    }
    if rest.starts_with("b'") {
        return (1 + quoted(&rest[1..]), false);
    }
    if let Some(raw) = rest.strip_prefix("r#") {
        return (2 + name(raw), true);
    }
    if first.is_ascii_digit() {
        return (name(rest), false);
    }
    if is_part(first) {
        return (name(rest), true);
    }
    if rest.starts_with("::") { (2, true) } else { (first.len_utf8(), !first.is_whitespace()) }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match rest.as_bytes().get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") if depth == 1 => return at + 2,
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a string literal of any kind, if one stands here.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""]
        .into_iter()
        .find(|prefix| rest.strip_prefix(prefix).is_some_and(|text| text.trim_start_matches('#').starts_with('"')))?;
    let text = &rest[prefix.len()..];
    let hashes = text.len() - text.trim_start_matches('#').len();
    let start = prefix.len() + hashes + 1;
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len()));
    }
    if hashes > 0 {
        return None;
    }
    Some(start + closing(&rest[start..], b'"'))
}

/// A character (`'a'`, `'\''`) or the tick and name of a lifetime.
fn quoted(rest: &str) -> usize {
    let behind = &rest[1..];
    let second = behind.chars().next().map_or(0, char::len_utf8);
    if behind.starts_with('\\') || behind[second..].starts_with('\'') {
        return 1 + closing(behind, b'\'');
    }
    1 + behind.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(behind.len())
}

/// Bytes up to and with the closing sign, which a backslash hides.
fn closing(text: &str, sign: u8) -> usize {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            _ if byte == sign => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> String {
        of_product(source).iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_no_tokens() {
        assert_eq!(texts("a // b::c\n/* d /* e */ f */ g"), "a g");
        assert_eq!(texts(r##"a "b\"c" r#"d "e" f"# b'g' 'h' '\'' i"##), "a i");
        assert_eq!(texts("fn a<'b>(c: &'b str) {} 1_000u64 r#type"), "fn a < > ( c : & str ) { } type");
    }

    #[test]
    fn lines_are_counted_through_everything() {
        let tokens = of_product("a\n/*\n*/ \"x\ny\"\nb");
        assert_eq!(tokens, [Token { text: "a", line: 1 }, Token { text: "b", line: 5 }]);
    }

    #[test]
    fn what_is_compiled_for_tests_is_left_out() {
        assert_eq!(texts("#[cfg(test)] mod tests { fn a() { x } } b"), "b");
        assert_eq!(texts("#[cfg(test)]\n#[allow(x)]\nuse a::{b, c}; d"), "d");
        assert_eq!(texts("enum A { #[cfg(test)] B, C, #[cfg(test)] D }"), "enum A { C , }");
        assert_eq!(texts("#![cfg(test)] fn a() {}"), "");
        assert_eq!(texts("#[cfg(not(test))] a").split(' ').next_back(), Some("a"));
    }
}
