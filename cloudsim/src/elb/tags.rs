//! Tags: lists do not show them, so they are asked for apart.

use planner::owner::Tags;

use super::Elb;
use super::validation::invalid;
use crate::engine::error::Outcome;
use crate::engine::visibility::{Path, ReadView};

/// Resources of one call (API reference, DescribeTags: ResourceArns).
const RESOURCES: usize = 20;

impl Elb<'_> {
    /// DescribeTags. One ARN that is not there refuses all of it.
    pub fn describe_tags(&mut self, arns: &[String]) -> Outcome<Vec<(String, Tags)>> {
        if arns.is_empty() {
            return Err(invalid("At least one resource ARN must be specified"));
        }
        if arns.len() > RESOURCES {
            return Err(invalid(format!("Cannot specify more than '{RESOURCES}' resource ARNs")));
        }
        let view = self.read_view(Path::Id);
        arns.iter().map(|arn| Ok((arn.clone(), self.tags_of(arn, view)?))).collect()
    }

    /// The tags of a thing that a caller sees.
    pub(super) fn tags_of(&self, arn: &str, view: ReadView) -> Outcome<Tags> {
        let kind = arn.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next());
        match kind {
            Some("loadbalancer") => Ok(self.shown_balancer(arn, view)?.tags.clone()),
            Some("targetgroup") => Ok(self.shown_target_group(arn, view)?.tags.clone()),
            Some("listener") => Ok(self.shown_listener(arn, view)?.tags.clone()),
            Some("listener-rule") => Ok(self.shown_rule(arn, view)?.tags.clone()),
            _ => Err(invalid(format!("'{arn}' is not a valid ARN"))),
        }
    }
}
