//! A cloud whose calls are counted: by the AWS action that does the work, and by result.

use std::pin::Pin;
use std::sync::Arc;

use planner::owner::Tags;
use planner::ports::*;

use crate::metrics::Metrics;

/// A port's method counts once: neither the further pages of a list nor what the SDK sends again are seen here.
pub(crate) struct Counted<C> {
    inner: Arc<C>,
    metrics: Metrics,
}

impl<C> Counted<C> {
    pub(crate) fn new(inner: Arc<C>, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }

    /// Calls of the SDK are futures of tens of kilobytes. Boxed here, they do not add up in a pass, whose own future
    /// would otherwise overflow a worker's stack in a build without optimisation.
    async fn count<T>(
        &self,
        action: &'static str,
        call: Pin<Box<impl Future<Output = Answer<T>> + Send>>,
    ) -> Answer<T> {
        let answer = call.await;
        self.metrics.call(action, answer.as_ref().err().map(|error| error.failure));
        answer
    }
}

impl<C: Cloud> Compute for Counted<C> {
    async fn identity(&self) -> Answer<Identity> {
        self.count("GetCallerIdentity", Box::pin(self.inner.identity())).await
    }
    async fn instances(&self, of: &Selection) -> Answer<Vec<Instance>> {
        self.count("DescribeInstances", Box::pin(self.inner.instances(of))).await
    }
    async fn launch(&self, launch: &LaunchRequest) -> Answer<Vec<Instance>> {
        let answer = self.count("RunInstances", Box::pin(self.inner.launch(launch))).await;
        if let Ok(instances) = &answer {
            self.metrics.launched(instances.len());
        }
        answer
    }
    async fn rehearse(&self, launch: &LaunchRequest) -> Answer<()> {
        self.count("RunInstances", Box::pin(self.inner.rehearse(launch))).await
    }
    async fn terminate(&self, ids: &[String]) -> Answer<Vec<Refused>> {
        let answer = Box::pin(self.inner.terminate(ids)).await;
        let failure = match &answer {
            Ok(refused) => refused.first().map(|one| one.error.failure),
            Err(error) => Some(error.failure),
        };
        self.metrics.call("TerminateInstances", failure);
        answer
    }
    async fn console(&self, id: &str) -> Answer<Option<String>> {
        self.count("GetConsoleOutput", Box::pin(self.inner.console(id))).await
    }
}

impl<C: Cloud> SecurityGroups for Counted<C> {
    async fn groups(&self, with: &Tags) -> Answer<Vec<Group>> {
        self.count("DescribeSecurityGroups", Box::pin(self.inner.groups(with))).await
    }
    async fn create_group(&self, group: &GroupRequest) -> Answer<String> {
        self.count("CreateSecurityGroup", Box::pin(self.inner.create_group(group))).await
    }
    async fn authorize_ingress(&self, group_id: &str, rule: &Rule) -> Answer<()> {
        self.count("AuthorizeSecurityGroupIngress", Box::pin(self.inner.authorize_ingress(group_id, rule))).await
    }
    async fn delete_group(&self, group_id: &str) -> Answer<()> {
        self.count("DeleteSecurityGroup", Box::pin(self.inner.delete_group(group_id))).await
    }
    async fn groups_naming(&self, group_id: &str) -> Answer<Vec<Group>> {
        self.count("DescribeSecurityGroups", Box::pin(self.inner.groups_naming(group_id))).await
    }
    async fn interfaces(&self, group_id: &str) -> Answer<Vec<Interface>> {
        self.count("DescribeNetworkInterfaces", Box::pin(self.inner.interfaces(group_id))).await
    }
}

impl<C: Cloud> Catalog for Counted<C> {
    async fn subnets(&self, ids: &[String]) -> Answer<Vec<Subnet>> {
        self.count("DescribeSubnets", Box::pin(self.inner.subnets(ids))).await
    }
    async fn image(&self, image: &ImageQuery) -> Answer<Option<Image>> {
        self.count("DescribeImages", Box::pin(self.inner.image(image))).await
    }
    async fn instance_types(&self, names: &[String]) -> Answer<Vec<InstanceType>> {
        self.count("DescribeInstanceTypes", Box::pin(self.inner.instance_types(names))).await
    }
    async fn offerings(&self, names: &[String]) -> Answer<Vec<(String, String)>> {
        self.count("DescribeInstanceTypeOfferings", Box::pin(self.inner.offerings(names))).await
    }
    async fn regions(&self) -> Answer<Vec<KnownRegion>> {
        self.count("DescribeRegions", Box::pin(self.inner.regions())).await
    }
}
