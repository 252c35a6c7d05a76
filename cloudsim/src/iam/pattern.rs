//! `*` and `?` in policies.

/// Text in which `*` stands for any characters, none included, and `?` for one.
pub(crate) fn is_like(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when what follows the last star does not fit: the star takes one character more.
    let mut star: Option<(&str, &str)> = None;
    while let Some(seen) = text.chars().next() {
        match pattern.chars().next() {
            Some('*') => {
                pattern = &pattern[1..];
                star = Some((pattern, text));
            }
            Some(one) if one == '?' || one == seen => {
                (pattern, text) = (&pattern[one.len_utf8()..], &text[seen.len_utf8()..]);
            }
            _ => {
                let Some((after, from)) = star else { return false };
                let rest = from.chars().next().map_or(from, |taken| &from[taken.len_utf8()..]);
                star = Some((after, rest));
                (pattern, text) = (after, rest);
            }
        }
    }
    pattern.bytes().all(|rest| rest == b'*')
}

/// Parts of an ARN: `arn`, partition, service, region, account, and the resource with whatever colons it has.
const PARTS: usize = 6;

/// Whether a resource of a policy covers an ARN: part by part, because a star does not reach over a colon (IAM user guide,
/// "IAM JSON policy elements: Resource"); only in the last part it stands for everything that follows.
pub(crate) fn covers(resource: &str, arn: &str) -> bool {
    if resource == "*" {
        return true;
    }
    let (mut patterns, mut parts) = (resource.splitn(PARTS, ':'), arn.splitn(PARTS, ':'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if is_like(pattern, part) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_are_what_iam_says() {
        let rows = [
            ("*", "", true),
            ("*", "anything", true),
            ("t2.*", "t2.micro", true),
            ("t2.*", "t3.micro", false),
            ("t2.*", "t2", false),
            ("c7?.large", "c7g.large", true),
            ("c7?.large", "c7.large", false),
            ("*-flex.*", "c7i-flex.large", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("", "", true),
            ("", "a", false),
            ("ab", "AB", false),
            ("?é*", "aéé", true),
            ("*?", "é", true),
            ("*??", "é", false),
            ("a*", "b", false),
            ("*é", "aé", true),
        ];
        for (pattern, text, fits) in rows {
            assert_eq!(is_like(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_star_stays_within_its_part_of_an_arn() {
        let rows = [
            ("arn:*:ec2:*:111:instance/*", "arn:aws-cn:ec2:cn-north-1:111:instance/i-1", true),
            ("arn:*:ec2:*:111:instance/*", "arn:aws:ec2:eu-west-1:222:instance/i-1", false),
            ("arn:*:ec2:*:111:instance/*", "arn:aws:ec2:eu-west-1:111:volume/v-1", false),
            ("arn:*:ec2:*:image/*", "arn:aws:ec2:eu-west-1::image/ami-1", false),
            ("arn:*:ec2:*::image/*", "arn:aws:ec2:eu-west-1::image/ami-1", true),
            ("arn:*:ec2:*::image/*", "arn:aws:ec2:eu-west-1:111:image/ami-1", false),
            ("*", "arn:aws:ec2:eu-west-1::image/ami-1", true),
            ("*", "*", true),
            ("arn:*:ec2:*:111:instance/*", "*", false),
        ];
        for (resource, arn, fits) in rows {
            assert_eq!(covers(resource, arn), fits, "{resource} {arn}");
        }
    }
}
