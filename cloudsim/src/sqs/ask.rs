//! Questions that SQS asks IAM about a call.
//!
//! Source of resources and keys: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SQS";
//! SQS developer guide, "ABAC condition keys for Amazon SQS" (`aws:ResourceTag`, `aws:RequestTag`, `aws:TagKeys`). A queue
//! that a call does not see has no tags: a policy by tags then denies what would be NonExistentQueue otherwise.

use planner::owner::Tags;

use super::{About, Action, Sqs};
use crate::engine::visibility::Path;
use crate::iam::Ask;

impl Sqs<'_> {
    /// The question about a list of queues: it is about all of the account (SQS developer guide, "Amazon SQS API
    /// permissions": `arn:aws:sqs:region:account_id:*`).
    pub(crate) fn ask_about_region(&self, action: Action) -> Ask {
        self.ask(action, "*")
    }

    /// The questions about a call.
    pub(crate) fn asks(&mut self, about: &About) -> Vec<Ask> {
        match about {
            About::NewQueue(request) => {
                let ask = self.ask(Action::CreateQueue, &request.name).with_new_tags(&request.tags);
                // API reference, CreateQueue: tags in the call need sqs:TagQueue as well.
                let tagging = || self.ask(Action::TagQueue, &request.name).with_new_tags(&request.tags);
                std::iter::once(ask).chain((!request.tags.is_empty()).then(tagging)).collect()
            }
            About::NewTags(name, tags) => vec![self.ask_about(Action::TagQueue, name).with_new_tags(tags)],
            About::LostTags(name, keys) => {
                let mut ask = self.ask_about(Action::UntagQueue, name);
                ask.context.push(("aws:TagKeys".to_owned(), keys.clone()));
                vec![ask]
            }
            About::Queue(action, name) => vec![self.ask_about(*action, name)],
        }
    }

    /// The question about a queue that is there, with its tags as this call sees them.
    fn ask_about(&mut self, action: Action, name: &str) -> Ask {
        let view = self.read_view(Path::Id);
        let tags = self.shown(name, view).map(|_| self.shown_tags(name, view)).unwrap_or_default();
        with_resource_tags(self.ask(action, name), &tags)
    }

    fn ask(&self, action: Action, name: &str) -> Ask {
        let (service, region, arn) = (Action::SERVICE, &self.settings.region, self.arn(name));
        Ask::new(format!("{service}:{}", permission(action)), arn).with("aws:RequestedRegion", region)
    }
}

/// Permissions have no batches: that of one message holds for them (API reference, AddPermission: Actions).
fn permission(action: Action) -> &'static str {
    let name = action.name();
    name.strip_suffix("Batch").unwrap_or(name)
}

/// SQS has no spelling of its own for tags, unlike EC2 and ELBv2.
fn with_resource_tags(ask: Ask, tags: &Tags) -> Ask {
    tags.iter().fold(ask, |ask, (key, value)| ask.with(format!("aws:ResourceTag/{key}"), value))
}
