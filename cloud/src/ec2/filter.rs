//! Filters of Describe calls.

use aws_sdk_ec2::types::Filter;
use planner::owner::Tags;

/// EC2's limit on values of one filter.
pub(crate) const MOST_VALUES: usize = 200;

/// A filter for exactly these values: what EC2 reads as wildcards stands for itself.
pub(crate) fn exactly<S: AsRef<str>>(name: &str, values: impl IntoIterator<Item = S>) -> Filter {
    let values = values.into_iter().map(|value| escaped(value.as_ref())).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// A filter whose value may hold `*` and `?`.
pub(crate) fn like(name: &str, pattern: &str) -> Filter {
    Filter::builder().name(name).values(pattern).build()
}

/// One filter per tag; EC2 returns what matches all of them.
pub(crate) fn tagged(tags: &Tags) -> Vec<Filter> {
    tags.iter().map(|(key, value)| exactly(&format!("tag:{key}"), [value])).collect()
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '*' | '?' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn wildcards_stand_for_themselves() {
        assert_eq!(super::escaped("plain-1.x"), "plain-1.x");
        assert_eq!(super::escaped(r"a*b?c\d"), r"a\*b\?c\\d");
    }
}
