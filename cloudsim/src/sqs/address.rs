//! Names and URLs of queues.

use super::refusal::{invalid, invalid_address, no_queue};
use crate::engine::error::Outcome;

const NAME_LIMIT: usize = 80;

/// The name of the queue of `account` that a URL leads to; its host is not looked at.
///
/// *Errors*: a text that is no URL of a queue, and queues of other accounts.
pub fn queue_name(url: &str, account: &str) -> Outcome<String> {
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    let Some((owner, name)) = path.and_then(|(_, path)| path.split_once('/')).filter(|(_, name)| is_name(name)) else {
        return Err(invalid_address(url));
    };
    if owner == account { Ok(name.to_owned()) } else { Err(no_queue()) }
}

/// The URL of a queue as AWS writes it.
pub fn queue_url(region: &str, account: &str, name: &str) -> String {
    format!("https://sqs.{region}.amazonaws.com/{account}/{name}")
}

/// API reference, CreateQueue: QueueName. That of a FIFO queue would end with `.fifo`.
pub(super) fn check_name(name: &str) -> Outcome<()> {
    if is_name(name) {
        return Ok(());
    }
    let message =
        format!("Can only include alphanumeric characters, hyphens, or underscores. 1 to {NAME_LIMIT} in length");
    Err(invalid(message))
}

fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=NAME_LIMIT).contains(&name.len()) && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_a_queue_of_its_account() {
        let of = |url: &str| queue_name(url, "000000000000").map_err(|error| error.code);
        let ours = queue_url("eu-west-1", "000000000000", "clusterbench-a-in");
        assert_eq!(of(&ours), Ok("clusterbench-a-in".into()));
        assert_eq!(of("http://127.0.0.1:4566/000000000000/a"), Ok("a".into()));
        assert_eq!(of("http://h/111111111111/a"), Err("AWS.SimpleQueueService.NonExistentQueue".into()));
        for odd in ["", "a", "/000000000000/a", "http://h/a", "http://h/000000000000/", "http://h/000000000000/a/b"] {
            assert_eq!(of(odd), Err("InvalidAddress".into()), "{odd}");
        }
    }
}
