//! Path patterns of rules.

/// Whether a pattern takes the whole path: `*` stands for any characters or none, `?` for exactly one, and upper and
/// lower case are two things (user guide, "Path conditions").
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.as_bytes(), path.as_bytes());
    let (mut at, mut to) = (0, 0);
    // Where to go on when it fails: after the last star, which then takes one character more.
    let mut again: Option<(usize, usize)> = None;
    while to < path.len() {
        match pattern.get(at) {
            Some(b'*') => {
                again = Some((at + 1, to));
                at += 1;
            }
            Some(sign) if *sign == b'?' || *sign == path[to] => (at, to) = (at + 1, to + 1),
            _ => match again {
                Some((after, taken)) => {
                    again = Some((after, taken + 1));
                    (at, to) = (after, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|sign| *sign == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_take_what_the_guide_says() {
        for (pattern, path) in [
            ("/cluster1", "/cluster1"),
            ("/cluster1/*", "/cluster1/"),
            ("/cluster1/*", "/cluster1/x/y"),
            ("/img/*/pics", "/img/a/b/pics"),
            ("/a?c", "/abc"),
            ("*", "/"),
            ("/a*b*c", "/aXbXbYc"),
        ] {
            assert!(matches(pattern, path), "{pattern} takes {path}");
        }
        for (pattern, path) in [
            ("/cluster1", "/cluster10"),
            ("/cluster1", "/cluster1/"),
            ("/cluster1", "/Cluster1"),
            ("/cluster1/*", "/cluster1"),
            ("/cluster1/*", "/cluster10/x"),
            ("/img/*/pics", "/img/pics"),
            ("/a?c", "/ac"),
            ("/a*b", "/aXbX"),
        ] {
            assert!(!matches(pattern, path), "{pattern} does not take {path}");
        }
    }
}
