//! The line of a table column: as much as people can read beside other columns. Conditions and report have the rest.

/// Characters of a column: one comparison fits, however long its cluster's name is (32 characters at most).
const WIDTH: usize = 68;

/// At most [`WIDTH`] characters: of things with `; ` between them the first that fit, and how many more there are.
pub fn line(text: &str) -> String {
    list(text.split("; "), "; ")
}

/// The same of things that are still apart.
pub fn list<'a>(things: impl IntoIterator<Item = &'a str>, between: &str) -> String {
    let things: Vec<&str> = things.into_iter().collect();
    let shown = |count: usize| {
        let left = things.len() - count;
        let more = if left > 0 { format!("{between}{left} more") } else { String::new() };
        things[..count].join(between) + &more
    };
    let fitting = (1..=things.len()).rev().map(shown).find(|text| text.chars().count() <= WIDTH);
    fitting.unwrap_or_else(|| cut(&things.join(between)))
}

fn cut(text: &str) -> String {
    let kept: String = text.chars().take(WIDTH - 3).collect();
    format!("{}...", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_shown_whole() {
        let two = "b 14 % faster [9, 19]; c: no difference shown [-1, 2]";
        assert_eq!(line(two), two);
        assert_eq!(line(""), "");
        assert_eq!(list(["982", "1924"], ", "), "982, 1924");
    }

    #[test]
    fn of_many_the_first_are_shown_and_the_others_counted() {
        let many: Vec<String> =
            (2..=16).map(|number| format!("a-cluster-of-size-{number} {number} % faster [1, 99]")).collect();
        assert_eq!(line(&many.join("; ")), "a-cluster-of-size-2 2 % faster [1, 99]; 14 more");
        let rates: Vec<String> = (1..=16).map(|number| (number * 1111).to_string()).collect();
        assert_eq!(
            list(rates.iter().map(String::as_str), ", "),
            "1111, 2222, 3333, 4444, 5555, 6666, 7777, 8888, 9999, 11110, 6 more"
        );
    }

    #[test]
    fn a_long_sentence_is_cut_between_characters() {
        let long = line(&"\u{e4}".repeat(100));
        assert_eq!((long.chars().count(), long.ends_with("...")), (68, true));
    }
}
