//! Queues by the beginning of their names, and the tags of one.
//!
//! SQS lists URLs alone, and tags are another call for each (API reference, ListQueues, ListQueueTags).

use std::collections::BTreeMap;

use planner::Failure;
use planner::owner::Tags;
use planner::ports::{Answer, QUEUE_PREFIX};

use crate::region::Region;
use crate::sdk::failure::incomplete;
use crate::sdk::{pages, sent};

/// SQS's limit on items of one page. Without a size there is no token, and more are left out (API reference, ListQueues).
const PAGE: i32 = 1000;

impl Region {
    /// URL and name of every queue whose name begins with [`QUEUE_PREFIX`].
    pub(super) async fn named_queues(&self) -> Answer<BTreeMap<String, String>> {
        let urls = pages::all(|token| {
            let call = self.sqs_reads.list_queues().queue_name_prefix(QUEUE_PREFIX).max_results(PAGE);
            let call = call.set_next_token(token);
            async move {
                let page = sent(call.send()).await?;
                Ok((page.queue_urls.unwrap_or_default(), page.next_token))
            }
        });
        let mut named = BTreeMap::new();
        for url in urls.await? {
            let name = name_in(&url).ok_or_else(|| incomplete("a queue without a name in its URL"))?.to_owned();
            named.insert(url, name);
        }
        named.retain(|_, name| name.starts_with(QUEUE_PREFIX));
        Ok(named)
    }

    /// `None`: it went meanwhile, or it is one that lists still show for a minute.
    pub(super) async fn tags_of_queue(&self, url: &str) -> Answer<Option<Tags>> {
        match sent(self.sqs_reads.list_queue_tags().queue_url(url).send()).await {
            Err(error) if error.failure == Failure::NotFound => Ok(None),
            answer => Ok(Some(answer?.tags.unwrap_or_default().into_iter().collect())),
        }
    }
}

/// `https://sqs.eu-west-1.amazonaws.com/111122223333/clusterbench-a` -> `clusterbench-a`
fn name_in(url: &str) -> Option<&str> {
    let (_, name) = url.rsplit_once('/')?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::name_in;

    #[test]
    fn a_name_is_the_last_part_of_an_url() {
        assert_eq!(name_in("http://127.0.0.1:9324/000000000000/clusterbench-a"), Some("clusterbench-a"));
        assert_eq!(name_in("clusterbench-a"), None);
        assert_eq!(name_in("http://127.0.0.1:9324/000000000000/"), None);
    }
}
