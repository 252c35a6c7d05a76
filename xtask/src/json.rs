//! As much of JSON as cargo's messages and our own documents need. Written out because xtask has no dependencies.

use std::collections::BTreeMap;
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    /// `null`, `true`, `false` and numbers, as they stand there.
    Word(String),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Reads one document. `None`: it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let value = reader.value()?;
        reader.space();
        reader.rest.is_empty().then_some(value)
    }

    /// The value behind a path of keys.
    pub(crate) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |value, key| match value {
            Self::Object(fields) => fields.get(*key),
            _ => None,
        })
    }

    pub(crate) fn text(&self, keys: &[&str]) -> Option<&str> {
        match self.at(keys)? {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn text_of(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn number(number: u64) -> Self {
        Self::Word(number.to_string())
    }

    pub(crate) fn object<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub(crate) fn is_true(&self, keys: &[&str]) -> bool {
        self.at(keys) == Some(&Self::Word("true".to_owned()))
    }
}

/// A document for people as well: keys in the order of the alphabet, so the same value is always the same bytes.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.print(&mut text, 0);
        writeln!(f, "{text}")
    }
}

impl Json {
    fn print(&self, text: &mut String, depth: usize) {
        let mut enclosed = |signs: [char; 2], parts: Vec<(Option<&String>, &Self)>| {
            text.push(signs[0]);
            for (number, (key, value)) in parts.iter().enumerate() {
                text.push_str(if number > 0 { ",\n" } else { "\n" });
                text.push_str(&"  ".repeat(depth + 1));
                if let Some(key) = key {
                    quote(key, text);
                    text.push_str(": ");
                }
                value.print(text, depth + 1);
            }
            if !parts.is_empty() {
                text.push('\n');
                text.push_str(&"  ".repeat(depth));
            }
            text.push(signs[1]);
        };
        match self {
            Self::Word(word) => text.push_str(word),
            Self::Text(content) => quote(content, text),
            Self::List(values) => enclosed(['[', ']'], values.iter().map(|value| (None, value)).collect()),
            Self::Object(fields) => {
                enclosed(['{', '}'], fields.iter().map(|(key, value)| (Some(key), value)).collect());
            }
        }
    }
}

/// A text as JSON writes it (RFC 8259, section 7).
fn quote(content: &str, text: &mut String) {
    text.push('"');
    for sign in content.chars() {
        match sign {
            '"' | '\\' => text.extend(['\\', sign]),
            sign if u32::from(sign) < 0x20 => text.push_str(&format!("\\u{:04x}", u32::from(sign))),
            sign => text.push(sign),
        }
    }
    text.push('"');
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn sign(&mut self, sign: char) -> Option<()> {
        self.space();
        self.rest = self.rest.strip_prefix(sign)?;
        Some(())
    }

    fn value(&mut self) -> Option<Json> {
        self.space();
        match self.rest.chars().next()? {
            '"' => self.string().map(Json::Text),
            '[' => self.list(),
            '{' => self.object(),
            _ => {
                let length = self.rest.find([',', ']', '}', ' ', '\n', '\r', '\t']).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(length);
                self.rest = rest;
                (!word.is_empty()).then(|| Json::Word(word.to_owned()))
            }
        }
    }

    fn list(&mut self) -> Option<Json> {
        self.sign('[')?;
        let mut values = Vec::new();
        if self.sign(']').is_some() {
            return Some(Json::List(values));
        }
        loop {
            values.push(self.value()?);
            if self.sign(',').is_none() {
                self.sign(']')?;
                return Some(Json::List(values));
            }
        }
    }

    fn object(&mut self) -> Option<Json> {
        self.sign('{')?;
        let mut fields = BTreeMap::new();
        if self.sign('}').is_some() {
            return Some(Json::Object(fields));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.sign(':')?;
            fields.insert(key, self.value()?);
            if self.sign(',').is_none() {
                self.sign('}')?;
                return Some(Json::Object(fields));
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        self.sign('"')?;
        let mut text = String::new();
        let mut signs = self.rest.char_indices();
        while let Some((at, sign)) = signs.next() {
            match sign {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                '\\' => text.push(match signs.next()?.1 {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'u' => {
                        let digits: String = signs.by_ref().take(4).map(|(_, digit)| digit).collect();
                        // Half of a pair is shown as a sign that is missing: nothing that is looked for has one.
                        char::from_u32(u32::from_str_radix(&digits, 16).ok()?).unwrap_or(char::REPLACEMENT_CHARACTER)
                    }
                    other => other,
                }),
                sign => text.push(sign),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn values_are_found_behind_their_keys() {
        let line = r#" {"reason":"compiler-artifact", "target":{"kind":["test"],"name":"it"},"n":[1.5,-2,null,[],{}],
            "profile":{"test":true,"x":false},"executable":"/a \"b\"\\c\u00e9\n"} "#;
        let json = Json::parse(line).unwrap();
        assert_eq!(json.text(&["reason"]), Some("compiler-artifact"));
        assert_eq!(json.text(&["target", "name"]), Some("it"));
        assert_eq!(json.text(&["executable"]), Some("/a \"b\"\\c\u{e9}\n"));
        assert!(json.is_true(&["profile", "test"]) && !json.is_true(&["profile", "x"]) && !json.is_true(&["y"]));
        assert_eq!(json.at(&["target", "kind"]), Some(&Json::List(vec![Json::Text("test".to_owned())])));
        assert_eq!(json.text(&["n"]), None);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let json = Json::object([
            ("b", Json::List(vec![Json::number(7), Json::text_of("a \"b\"\\c\n\u{1}é"), Json::List(vec![])])),
            ("a", Json::object([])),
        ]);
        let text = json.to_string();
        assert_eq!(text.lines().take(3).collect::<Vec<_>>(), ["{", "  \"a\": {},", "  \"b\": ["]);
        assert_eq!(Json::parse(&text), Some(json));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["", "{", "[1", "[1 2]", "{\"a\"}", "{\"a\":}", "\"a", "[1] x", "{1:2}"] {
            assert_eq!(Json::parse(text), None, "{text}");
        }
    }
}
