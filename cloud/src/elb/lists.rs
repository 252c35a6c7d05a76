//! Lists of what may be ours, by the beginning of the name, with all tags.
//!
//! ELBv2 filters by no tag (API reference, DescribeLoadBalancers, DescribeTargetGroups), so tags are a second call. What
//! vanished between the two makes that call fail as a whole.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{Listener, Rule};
use planner::owner::Tags;
use planner::ports::{Answer, LoadBalancer, TargetGroup};
use planner::{CloudError, Failure};

use super::{load_balancer, tags, target_group};
use crate::region::Region;
use crate::sdk::{pages, sent};

/// ELBv2's limit on items of one page.
const PAGE: i32 = 400;

/// "You can specify up to 20 resources" (API reference, DescribeTags).
const TAGGED: usize = 20;

impl Region {
    /// What `list` lists with all its tags, in the order of the ARNs, each once. Listed anew, once, if something went
    /// before its tags were read.
    ///
    /// *Errors*: `Unreachable` when something went again: a list is never `NotFound`.
    pub(super) async fn tagged_twice<T, F>(
        &self,
        list: impl Fn() -> F + Send,
        arn: fn(&T) -> &String,
        tags: fn(&mut T) -> &mut Tags,
    ) -> Answer<Vec<T>>
    where
        T: Send,
        F: Future<Output = Answer<Vec<T>>> + Send,
    {
        let first = self.tagged(list().await?, arn, tags).await;
        let answer = match first {
            Err(error) if error.failure == Failure::NotFound => self.tagged(list().await?, arn, tags).await,
            answer => answer,
        };
        answer.map_err(|error| match error.failure {
            Failure::NotFound => CloudError::new(Failure::Unreachable, error.code, error.message),
            _ => error,
        })
    }

    async fn tagged<T>(&self, found: Vec<T>, arn: fn(&T) -> &String, tags: fn(&mut T) -> &mut Tags) -> Answer<Vec<T>> {
        // Pages are looked at one after the other, and what moved between them is in two.
        let mut found: BTreeMap<String, T> = found.into_iter().map(|one| (arn(&one).clone(), one)).collect();
        let arns: Vec<String> = found.keys().cloned().collect();
        for chunk in arns.chunks(TAGGED) {
            let call = self.elb_reads.describe_tags().set_resource_arns(Some(chunk.to_vec()));
            let told = sent(call.send()).await?.tag_descriptions.unwrap_or_default();
            for (arn, of) in tags::of_each(chunk, told)? {
                if let Some(one) = found.get_mut(&arn) {
                    *tags(one) = of;
                }
            }
        }
        Ok(found.into_values().collect())
    }

    pub(super) async fn untagged_load_balancers(&self) -> Answer<Vec<LoadBalancer>> {
        let found = pages::all(|marker| {
            let call = self.elb_reads.describe_load_balancers().page_size(PAGE).set_marker(marker);
            async move {
                let page = sent(call.send()).await?;
                Ok((page.load_balancers.unwrap_or_default(), page.next_marker))
            }
        });
        load_balancer::ours(found.await?)
    }

    pub(super) async fn untagged_target_groups(&self) -> Answer<Vec<TargetGroup>> {
        let found = pages::all(|marker| {
            let call = self.elb_reads.describe_target_groups().page_size(PAGE).set_marker(marker);
            async move {
                let page = sent(call.send()).await?;
                Ok((page.target_groups.unwrap_or_default(), page.next_marker))
            }
        });
        target_group::ours(found.await?)
    }

    pub(super) async fn bare_listeners(&self, load_balancer_arn: &str) -> Answer<Vec<Listener>> {
        pages::all(|marker| {
            let call = self.elb_reads.describe_listeners().load_balancer_arn(load_balancer_arn);
            let call = call.page_size(PAGE).set_marker(marker);
            async move {
                let page = sent(call.send()).await?;
                Ok((page.listeners.unwrap_or_default(), page.next_marker))
            }
        })
        .await
    }

    pub(super) async fn bare_rules(&self, listener_arn: &str) -> Answer<Vec<Rule>> {
        pages::all(|marker| {
            let call = self.elb_reads.describe_rules().listener_arn(listener_arn).page_size(PAGE).set_marker(marker);
            async move {
                let page = sent(call.send()).await?;
                Ok((page.rules.unwrap_or_default(), page.next_marker))
            }
        })
        .await
    }
}
