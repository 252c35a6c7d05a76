//! `*` and `?` in policies.

/// Text in which `*` stands for any characters, none included, and `?` for one.
pub(crate) fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where to go on when what follows the last star does not fit: the star takes one character more.
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, seen));
                at += 1;
            }
            Some(one) if *one == '?' || *one == text[seen] => (at, seen) = (at + 1, seen + 1),
            _ => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    (at, seen) = (after, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// Parts of an ARN: `arn`, partition, service, region, account, and the resource with whatever colons it has.
const PARTS: usize = 6;

/// Whether a resource of a policy covers an ARN: part by part, because a star does not reach over a colon (IAM user guide,
/// "IAM JSON policy elements: Resource"); only in the last part it stands for everything that follows.
pub(crate) fn covers(resource: &str, arn: &str) -> bool {
    if resource == "*" {
        return true;
    }
    let parts = |text: &'_ str| text.splitn(PARTS, ':').map(str::to_owned).collect::<Vec<_>>();
    let (patterns, parts) = (parts(resource), parts(arn));
    patterns.len() == parts.len() && patterns.iter().zip(&parts).all(|(pattern, part)| is_like(pattern, part))
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
