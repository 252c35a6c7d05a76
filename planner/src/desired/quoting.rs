//! Gates into the user data: text is quoted for the language it lands in, or it is refused. There is no third way.

use super::invalid::InvalidUserData;

/// One bash word that means exactly `text`: single quotes keep everything but the single quote.
pub(super) fn bash_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Whether nothing on the way would lose or change the text: a control character is not passed on by systemd, and a console
/// would act on it.
pub(super) fn is_plain(text: &str) -> bool {
    !text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t'))
}

/// `NAME="value"` as systemd reads it from an `EnvironmentFile=`: inside double quotes a backslash takes the meaning
/// from `"`, `\`, `` ` `` and `$`, and everything else stands for itself, line breaks included.
pub(super) fn environment_line(name: &str, value: &str) -> Result<String, InvalidUserData> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !starts_well || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(InvalidUserData::Name(name.to_owned()));
    }
    if !is_plain(value) {
        return Err(InvalidUserData::Value(name.to_owned()));
    }
    let mut line = format!("{name}=\"");
    for character in value.chars() {
        if matches!(character, '"' | '\\' | '`' | '$') {
            line.push('\\');
        }
        line.push(character);
    }
    line.push('"');
    Ok(line)
}

/// Words of an `ExecStart=`, each of which reaches the program exactly as it is (systemd.service(5), "COMMAND LINES";
/// systemd.syntax(7), "QUOTING"). Inside double quotes a backslash takes the meaning from `"` and `\`, and begins the
/// escapes of C, by which a line break stays on the line; `%` begins a specifier and `$` a variable, unless doubled. A lone
/// `;` separates commands only where it is not quoted.
pub(super) fn exec_words(words: &[String]) -> Result<String, InvalidUserData> {
    let mut line = String::new();
    for word in words {
        if !is_plain(word) {
            return Err(InvalidUserData::Command(word.clone()));
        }
        line.push_str(if line.is_empty() { "\"" } else { " \"" });
        for character in word.chars() {
            match character {
                '"' => line.push_str("\\\""),
                '\\' => line.push_str("\\\\"),
                '\n' => line.push_str("\\n"),
                '\t' => line.push_str("\\t"),
                '%' => line.push_str("%%"),
                '$' => line.push_str("$$"),
                other => line.push(other),
            }
        }
        line.push('"');
    }
    Ok(line)
}
