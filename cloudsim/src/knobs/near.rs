//! Names that somebody may have meant.

/// Letters that may be wrong in a name that is still taken for another.
const WRONG_LETTERS: usize = 3;
/// More would be a list, and there is a command for that.
const HINTS: usize = 4;

/// The nearest of `known` first.
pub(super) fn names(meant: &str, known: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut near: Vec<(usize, &'static str)> = known.filter_map(|name| Some((nearness(meant, name)?, name))).collect();
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).take(HINTS).collect()
}

/// Small is near; `None` is far.
fn nearness(meant: &str, name: &str) -> Option<usize> {
    let distance = distance(meant, name);
    let contains = meant.len() >= 3 && (name.contains(meant) || meant.contains(name));
    let shares_a_word = meant.split('-').any(|word| word.len() >= 3 && name.split('-').any(|other| other == word));
    (distance <= WRONG_LETTERS || contains || shares_a_word).then_some(distance)
}

/// Levenshtein's.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, its) in other.iter().enumerate() {
            let kept = diagonal + usize::from(letter != *its);
            diagonal = row[column + 1];
            row[column + 1] = kept.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

pub(super) fn hint(near: &[&str]) -> String {
    if near.is_empty() { String::new() } else { format!("; there is {}", near.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = ["tag-lag", "token-lag", "lag", "lost-answer", "truncated"];

    #[test]
    fn what_was_meant_comes_first() {
        let near = |meant| names(meant, KNOWN.into_iter());
        assert_eq!(near("tag-lagg")[0], "tag-lag");
        assert_eq!(near("lost-answers"), ["lost-answer"]);
        assert_eq!(near("answer"), ["lost-answer"]);
        assert_eq!(near("truncate"), ["truncated"]);
        assert_eq!(near("colour"), [""; 0]);
        assert_eq!((distance("kitten", "sitting"), distance("", "abc"), distance("abc", "abc")), (3, 3, 0));
    }
}
