//! Things of others that differ from ours in as little as can be.

use planner::owner::{Owner, Tags};
use planner::ports::NAME_PREFIX;

use super::Elb;
use super::load_balancer::LoadBalancerKind;
use crate::ec2;

impl Elb<'_> {
    /// Plants load balancers and target groups of others whose names begin as ours do and whose tags differ from those
    /// of `owner` in as little as can be, and one of the other type. The number of things.
    pub fn plant_near_misses(&mut self, owner: &Owner) -> usize {
        let misses = ec2::near_misses(owner, "");
        let mut count = 0;
        for (index, tags) in misses.into_iter().enumerate() {
            let name = format!("{NAME_PREFIX}near-{index}");
            // Each takes addresses of two subnets: there is room for some.
            if index % 4 == 0 {
                count +=
                    usize::from(self.plant_load_balancer(&name, LoadBalancerKind::Application, tags.clone()).is_some());
            }
            count += usize::from(self.plant_target_group(&name, tags).is_some());
        }
        let name = format!("{NAME_PREFIX}near-network");
        let ours = owner.tags(&Tags::new());
        count + usize::from(self.plant_load_balancer(&name, LoadBalancerKind::Network, ours).is_some())
    }
}
