//! Rendering as Markdown (GitHub Flavored Markdown, 0.29), for the comment of a pull request: the sentences of the text in the text's
//! order, the numbers as a table, and what is below them folded.

use wire::Report;

use crate::{Column, capacities, lines, sentences, ways};

/// The report as Markdown. What is below the numbers is folded where Markdown may hold HTML, and stands there unfolded elsewhere.
pub fn markdown(report: &Report) -> String {
    let above = sentences::above(report);
    // A run that is not valid says so before anything else, so the headline is both.
    let headlines = above.iter().position(|said| *said == report.verdict).unwrap_or(0) + 1;
    let (headlines, rest) = above.split_at(headlines.min(above.len()));
    let headline: String = headlines.iter().map(|said| format!("**{}**\n\n", words(said))).collect();
    format!(
        "{}\n\n{headline}{}{}{}\n<details><summary>What was checked, where and with what</summary>\n\n{}{}\n</details>\n",
        words(&lines::subject(report)),
        list(rest),
        as_it_is(&capacities::table(report)),
        table(report),
        as_it_is(&ways::picture(report)),
        list(&sentences::below(report)),
    )
}

fn list(said: &[String]) -> String {
    let items: String = said.iter().map(|one| format!("- {}\n", words(one))).collect();
    if items.is_empty() { items } else { items + "\n" }
}

/// Text whose columns are blanks, as a block of code: indented, because what is in it may hold any fence, and behind a comment, because
/// it would belong to a list above it.
fn as_it_is(text: &str) -> String {
    let lines: String = text.trim_end().lines().map(|line| format!("    {line}\n")).collect();
    if text.trim().is_empty() { String::new() } else { format!("<!-- -->\n\n{lines}\n") }
}

fn table(report: &Report) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let [first, numbers @ ..] = Column::NUMBERS;
    let heading = |column: Column| column.heading().to_lowercase();
    let headings: Vec<String> = Column::NUMBERS.map(heading).to_vec();
    let sides = [vec![":--".to_owned()], vec!["--:".to_owned(); numbers.len()]].concat();
    let rows = report.clusters.iter().map(|cluster| {
        let cells: Vec<String> =
            std::iter::once(first).chain(numbers).map(|column| words(&column.cell(cluster))).collect();
        row(&cells)
    });
    row(&headings) + &row(&sides) + &rows.collect::<String>()
}

/// Words that are nothing but words: no tag, no link, no emphasis, no cell's end, no list, and nobody's name that is called. Line ends
/// become blanks.
fn words(said: &str) -> String {
    let mut written = String::with_capacity(said.len() + 8);
    let said = said.split(|sign: char| sign.is_control() || sign.is_whitespace()).filter(|word| !word.is_empty());
    for word in said {
        if !written.is_empty() {
            written.push(' ');
        }
        for sign in word.chars() {
            // Any of them may have a backslash before it (GFM, 2.4); `@` has none that GitHub does not call, so it is cut off from
            // the name behind it.
            if matches!(sign, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '#') {
                written.push('\\');
            }
            written.push(sign);
            if sign == '@' {
                written.push_str("<!-- -->");
            }
        }
    }
    beginning(&written)
}

/// The same without a list in its beginning (`- a`, `+ a`, `1. a`, `1) a`), and without a rule or a heading's underline (`---`, `===`).
fn beginning(written: &str) -> String {
    let digits = written.chars().take_while(char::is_ascii_digit).count();
    let mut rest = written[digits..].chars();
    let is_list = match rest.next() {
        Some('-' | '+') => digits == 0,
        Some('.' | ')') => digits > 0,
        _ => false,
    } && rest.next().is_none_or(|next| next == ' ');
    let is_line = !written.is_empty() && written.chars().all(|sign| matches!(sign, '-' | '=' | ' '));
    if is_list || is_line { format!("{}\\{}", &written[..digits], &written[digits..]) } else { written.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        for (said, written) in [
            ("a|b", "a\\|b"),
            ("<b>&amp;", "\\<b\\>\\&amp;"),
            ("`x` *y* _z_ ~w~", "\\`x\\` \\*y\\* \\_z\\_ \\~w\\~"),
            ("[a](b)", "\\[a\\](b)"),
            ("- a", "\\- a"),
            ("1. a", "1\\. a"),
            ("# a", "\\# a"),
            ("a\n\n- b\r\n| c", "a - b \\| c"),
            ("1.", "1\\."),
            ("---", "\\---"),
            ("p99 is 1.5 ms", "p99 is 1.5 ms"),
            ("9.65 ms", "9.65 ms"),
            ("-15.1 %", "-15.1 %"),
            ("ask @team", "ask @<!-- -->team"),
            ("", ""),
        ] {
            assert_eq!(words(said), written, "{said:?}");
        }
    }
}
