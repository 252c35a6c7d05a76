//! Limits of tags.

use planner::owner::Tags;

use crate::engine::error::{Outcome, SimError};

/// EC2's limits on tags.
const TAGS: usize = 50;
const KEY: usize = 128;
const VALUE: usize = 256;

pub(crate) fn check_tags(tags: &Tags) -> Outcome<()> {
    if tags.len() > TAGS {
        return Err(SimError::new("TagLimitExceeded", format!("More than {TAGS} tags specified")));
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > KEY || is_reserved(key) {
            return Err(SimError::value(format!("Tag key '{key}' is empty, longer than {KEY}, or starts with aws:")));
        }
        if value.chars().count() > VALUE || is_reserved(value) {
            return Err(SimError::value(format!(
                "The value of tag '{key}' is longer than {VALUE}, or starts with aws:"
            )));
        }
    }
    Ok(())
}

/// "The aws: prefix is reserved for AWS use", in any mixture of capitals, for keys and values
/// (https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html).
fn is_reserved(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_ec2() {
        let one = |key: &str, value: &str| check_tags(&[(key.to_owned(), value.to_owned())].into());
        assert_eq!(one(&"k".repeat(128), &"v".repeat(256)), Ok(()));
        for (key, value) in [
            ("k".repeat(129), ""),
            ("k".into(), &*"v".repeat(257)),
            ("aws:k".into(), ""),
            ("AwS:k".into(), ""),
            ("k".into(), "Aws:v"),
            ("".into(), ""),
        ] {
            assert_eq!(one(&key, value).unwrap_err().code, "InvalidParameterValue");
        }
        let many: Tags = (0..51).map(|index| (index.to_string(), String::new())).collect();
        assert_eq!(check_tags(&many).unwrap_err().code, "TagLimitExceeded");
    }
}
