//! One question to IAM.

use planner::owner::Tags;

/// One question: may this be done with that?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Such as `ec2:RunInstances`.
    pub action: String,
    /// An ARN, or `*` for actions without resources.
    pub resource: String,
    /// Keys with their values.
    pub context: Vec<(String, Vec<String>)>,
}

impl Ask {
    pub(crate) fn new(action: String, resource: String) -> Self {
        Self { action, resource, context: Vec::new() }
    }

    /// Values of a key. Names of keys are not case-sensitive, tags in them included (IAM user guide, "IAM JSON policy
    /// elements: Condition").
    pub(crate) fn values(&self, key: &str) -> Option<&[String]> {
        self.context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, values)| values.as_slice())
    }

    pub(crate) fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.push((key.into(), vec![value.into()]));
        self
    }

    pub(crate) fn with_some(self, key: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// With the tags of a thing that is there, in both spellings: AWS's and the service's.
    pub(crate) fn tagged(mut self, service: &str, tags: &Tags) -> Self {
        for (key, value) in tags {
            self =
                self.with(format!("aws:ResourceTag/{key}"), value).with(format!("{service}:ResourceTag/{key}"), value);
        }
        self
    }

    /// With the tags of a thing that is to be created.
    pub(crate) fn with_new_tags(mut self, tags: &Tags) -> Self {
        for (key, value) in tags {
            self = self.with(format!("aws:RequestTag/{key}"), value);
        }
        if !tags.is_empty() {
            self.context.push(("aws:TagKeys".to_owned(), tags.keys().cloned().collect()));
        }
        self
    }
}
