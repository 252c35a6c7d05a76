//! Questions that ELBv2 asks IAM about a call.
//!
//! Source of resources and keys: Service Authorization Reference, "Actions, resources, and condition keys for AWS
//! Elastic Load Balancing V2". A thing that is to be created has `*` for its id; its tags are those of the request.
//! What a call does not see has no tags: a policy by tags then denies what would be NotFound, or a success, otherwise.

use planner::owner::Tags;

use super::listener::{CreateListener, CreateRule};
use super::load_balancer::CreateLoadBalancer;
use super::{About, Action, Elb};
use crate::engine::visibility::Path;
use crate::iam::Ask;

const SERVICE: &str = Action::SERVICE;

/// The service for which the role is that the account's first load balancer needs (user guide, "Service-linked roles").
const ROLE_FOR: &str = "elasticloadbalancing.amazonaws.com";

impl Elb<'_> {
    /// The question about an action without resources, such as a list.
    pub(crate) fn ask_about_region(&self, action: Action) -> Ask {
        self.ask(action, "*".to_owned())
    }

    /// The questions about a call.
    pub(crate) fn asks(&mut self, about: &About) -> Vec<Ask> {
        match about {
            About::NewLoadBalancer(request) => self.asks_of_new_balancer(request),
            About::NewTargetGroup(request) => {
                let arn = self.arn(&format!("targetgroup/{}/*", request.name));
                let ask = self.ask(Action::CreateTargetGroup, arn.clone()).with_new_tags(&request.tags);
                [Some(ask), self.ask_to_tag(Action::CreateTargetGroup, arn, &request.tags)]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            About::NewListener(request) => self.asks_of_new_listener(request),
            About::NewRule(request) => self.asks_of_new_rule(request),
            About::Thing(action, arn) => vec![self.ask_about(*action, arn)],
        }
    }

    fn asks_of_new_balancer(&mut self, request: &CreateLoadBalancer) -> Vec<Ask> {
        let arn = self.arn(&format!("loadbalancer/app/{}/*", request.name));
        let mut ask = self
            .ask(Action::CreateLoadBalancer, arn.clone())
            .with_new_tags(&request.tags)
            .with("elasticloadbalancing:Scheme", request.scheme.name());
        ask.context.push(("elasticloadbalancing:Subnet".to_owned(), request.subnet_ids.clone()));
        ask.context.push(("elasticloadbalancing:SecurityGroup".to_owned(), request.group_ids.clone()));
        let role = self.needs_role().then(|| {
            let account = &self.settings.account;
            let role = format!("role/aws-service-role/{ROLE_FOR}/AWSServiceRoleForElasticLoadBalancing");
            Ask::new("iam:CreateServiceLinkedRole".to_owned(), format!("arn:aws:iam::{account}:{role}"))
                .with("iam:AWSServiceName", ROLE_FOR)
        });
        let tagging = self.ask_to_tag(Action::CreateLoadBalancer, arn, &request.tags);
        [Some(ask), tagging, role].into_iter().flatten().collect()
    }

    /// The account has no role yet under which ELBv2 works in it.
    fn needs_role(&self) -> bool {
        self.settings.load_balancing.is_first && self.state.made.load_balancers.is_empty()
    }

    fn asks_of_new_listener(&mut self, request: &CreateListener) -> Vec<Ask> {
        let arn = &request.load_balancer_arn;
        let ask = self
            .ask_about(Action::CreateListener, arn)
            .with_new_tags(&request.tags)
            .with("elasticloadbalancing:ListenerProtocol", "HTTP");
        let new = format!("{}/*", arn.replacen(":loadbalancer/", ":listener/", 1));
        let tagging = self.ask_to_tag(Action::CreateListener, new, &request.tags);
        std::iter::once(ask).chain(tagging).collect()
    }

    fn asks_of_new_rule(&mut self, request: &CreateRule) -> Vec<Ask> {
        let arn = &request.listener_arn;
        let ask = self.ask_about(Action::CreateRule, arn).with_new_tags(&request.tags);
        let new = format!("{}/*", arn.replacen(":listener/", ":listener-rule/", 1));
        let tagging = self.ask_to_tag(Action::CreateRule, new, &request.tags);
        std::iter::once(ask).chain(tagging).collect()
    }

    /// The question about a thing that is there, with its tags as this call sees them.
    fn ask_about(&mut self, action: Action, arn: &str) -> Ask {
        let view = self.read_view(Path::Id);
        let tags = self.tags_of(arn, view).unwrap_or_default();
        self.ask(action, arn.to_owned()).tagged(SERVICE, &tags)
    }

    /// Tags in a call that creates something need a permission of their own (user guide, "Grant permission to tag
    /// resources during creation").
    fn ask_to_tag(&self, creating: Action, arn: String, tags: &Tags) -> Option<Ask> {
        let region = &self.settings.region;
        let ask = Ask::new(format!("{SERVICE}:AddTags"), arn)
            .with("aws:RequestedRegion", region)
            .with_new_tags(tags)
            .with("elasticloadbalancing:CreateAction", creating.name());
        (!tags.is_empty()).then_some(ask)
    }

    fn ask(&self, action: Action, resource: String) -> Ask {
        let region = &self.settings.region;
        Ask::new(format!("{SERVICE}:{}", action.name()), resource).with("aws:RequestedRegion", region)
    }
}
