//! Texts cut to the length that their place has.

/// Characters of a condition's message: the server allows 32,768, people read one line.
const MESSAGE: usize = 1024;

/// At most [`MESSAGE`] characters.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(MESSAGE) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}
