//! Text as systemd reads it: command lines, assignments and environment files.

/// Words of a command line as the program gets them: `$$` is one dollar sign. What systemd would replace by a variable is
/// refused (systemd.service(5), "COMMAND LINES": `${NAME}` anywhere, `$NAME` as a word of its own).
pub(super) fn command(text: &str) -> Result<Vec<String>, String> {
    split(text)?.iter().map(|word| without_variables(word)).collect()
}

fn without_variables(word: &str) -> Result<String, String> {
    let is_variable = word.starts_with('$') && !word.starts_with("$$") && word != "$";
    let parts: Vec<&str> = word.split("$$").collect();
    if is_variable || parts.iter().any(|part| part.contains("${")) {
        return Err(format!("{word:?}: the lab's systemctl replaces no variables in commands"));
    }
    Ok(parts.join("$"))
}

/// Splits at white space; quotes of both kinds keep words together, and a backslash begins one of the escapes of C
/// (systemd.syntax(7), "QUOTING").
pub(super) fn split(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', _) => {
                let escaped = escape(&mut characters).ok_or_else(|| format!("{text:?} has an escape that is none"))?;
                word.get_or_insert_default().push(escaped);
            }
            (end, Some(open)) if end == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (space, None) if space.is_whitespace() => words.extend(word.take()),
            (other, _) => word.get_or_insert_default().push(other),
        }
    }
    if quote.is_some() {
        return Err(format!("{text:?} has a quote that is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// What stands behind a backslash.
fn escape(characters: &mut std::str::Chars<'_>) -> Option<char> {
    let kind = characters.next()?;
    let mut number = |digits: usize| {
        let text: String = characters.by_ref().take(digits).collect();
        let value = u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == digits)?;
        char::from_u32(value).filter(|character| *character != '\0')
    };
    Some(match kind {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        's' => ' ',
        same @ ('\\' | '"' | '\'') => same,
        'u' => return number(4),
        'U' => return number(8),
        // Bytes above the ASCII range are parts of characters.
        'x' => return number(2).filter(char::is_ascii),
        _ => return None,
    })
}

/// `NAME=value`.
pub(super) fn assignment(word: &str) -> Result<(String, String), String> {
    let (name, value) = word.split_once('=').ok_or_else(|| format!("{word:?} is not NAME=value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The variables of an `EnvironmentFile=`. Inside double quotes a backslash only takes the meaning from `"`, `\`,
/// `` ` `` and `$`; line breaks may be quoted.
pub(super) fn environment(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut variables = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(variables);
        }
        if rest.starts_with(['#', ';']) {
            rest = rest.split_once('\n').map_or("", |(_, next)| next);
            continue;
        }
        let (name, after) = rest.split_once('=').ok_or_else(|| format!("{rest:?} is not NAME=value"))?;
        let (value, length) = value(after).map_err(|why| format!("{name}: {why}"))?;
        variables.push((name.trim().to_owned(), value));
        rest = &after[length..];
    }
}

/// One value and how many bytes it takes.
fn value(text: &str) -> Result<(String, usize), String> {
    let (mut out, mut quote, mut kept) = (String::new(), None, 0);
    let mut characters = text.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        match (character, quote) {
            ('\n', None) => {
                out.truncate(kept);
                return Ok((out, index));
            }
            ('\\', Some('"')) => match characters.peek().copied() {
                Some((_, escaped @ ('"' | '\\' | '`' | '$'))) => {
                    out.push(escaped);
                    characters.next();
                }
                _ => out.push('\\'),
            },
            ('\\', None) => out.extend(characters.next().map(|(_, escaped)| escaped)),
            (end, Some(open)) if end == open => quote = None,
            ('"' | '\'', None) => quote = Some(character),
            (other, _) => out.push(other),
        }
        // White space at the end of a line is kept only where it was quoted.
        if quote.is_some() || !character.is_whitespace() {
            kept = out.len();
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    out.truncate(kept);
    Ok((out, text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_split_as_systemd_does() {
        assert_eq!(
            split("/bin/a  -x 'b c' \"d\\\" e\" f\\sg '' \"\\x41\\u00e4\\n\" ';'").expect("words"),
            ["/bin/a", "-x", "b c", "d\" e", "f g", "", "A\u{e4}\n", ";"]
        );
        assert!(["a 'b", "a\\", "a\\ b", "\\x4", "\\x00", "\\q"].iter().all(|text| split(text).is_err()));
    }

    #[test]
    fn commands_hold_no_variables() {
        assert_eq!(command("/bin/a $$A 'b $c' $ \"$${d}\"").expect("words"), ["/bin/a", "$A", "b $c", "$", "${d}"]);
        assert!(["/bin/a $A", "/bin/a b${A}", "/bin/a ${A}"].iter().all(|text| command(text).is_err()));
    }

    #[test]
    fn environment_files_keep_exactly_what_was_quoted() {
        let text =
            "# note\nA=plain  \nB=\"q \\\" \\\\ \\$HOME \\n\"\n\n;x\nC='single \\ $'\nD=\"two\nlines\"\nE=\nF=\" \"\n";
        let expected = [
            ("A", "plain"),
            ("B", "q \" \\ $HOME \\n"),
            ("C", "single \\ $"),
            ("D", "two\nlines"),
            ("E", ""),
            ("F", " "),
        ];
        let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(environment(text).expect("variables"), expected);
        assert!(environment("A=\"x").is_err() && environment("x").is_err());
    }
}
