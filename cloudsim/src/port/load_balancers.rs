//! Load balancers.

use planner::ports::{
    Answer, Listener, ListenerRequest, LoadBalancer, LoadBalancerRequest, LoadBalancers, RuleRequest, Target,
    TargetGroup, TargetGroupAttributes, TargetGroupRequest,
};
use planner::{CloudError, Failure};

use super::SharedSim;

fn not_built() -> CloudError {
    CloudError::new(Failure::Unreachable, "NotBuilt", "not built yet")
}

impl LoadBalancers for SharedSim {
    async fn load_balancers(&self) -> Answer<Vec<LoadBalancer>> {
        Err(not_built())
    }

    async fn target_groups(&self) -> Answer<Vec<TargetGroup>> {
        Err(not_built())
    }

    async fn listeners(&self, _: &str) -> Answer<Vec<Listener>> {
        Err(not_built())
    }

    async fn attributes(&self, _: &str) -> Answer<TargetGroupAttributes> {
        Err(not_built())
    }

    async fn targets(&self, _: &str) -> Answer<Vec<Target>> {
        Err(not_built())
    }

    async fn create_load_balancer(&self, _: &LoadBalancerRequest) -> Answer<()> {
        Err(not_built())
    }

    async fn create_target_group(&self, _: &TargetGroupRequest) -> Answer<()> {
        Err(not_built())
    }

    async fn set_attributes(&self, _: &str, _: &TargetGroupAttributes) -> Answer<()> {
        Err(not_built())
    }

    async fn create_listener(&self, _: &ListenerRequest) -> Answer<()> {
        Err(not_built())
    }

    async fn create_rule(&self, _: &RuleRequest) -> Answer<()> {
        Err(not_built())
    }

    async fn delete_rule(&self, _: &str) -> Answer<()> {
        Err(not_built())
    }

    async fn register(&self, _: &str, _: &[String]) -> Answer<()> {
        Err(not_built())
    }

    async fn deregister(&self, _: &str, _: &[String]) -> Answer<()> {
        Err(not_built())
    }

    async fn delete_load_balancer(&self, _: &str) -> Answer<()> {
        Err(not_built())
    }

    async fn delete_target_group(&self, _: &str) -> Answer<()> {
        Err(not_built())
    }
}
