//! The simulated cloud as one process sees it: its effects are where it can be struck, its credentials may be those of
//! another account, and what it failed to see is noted, so that the judge can tell who acts blindly.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cloudsim::ec2::Action;
use cloudsim::elb;
use cloudsim::{Fault, SharedSim};
use ipnet::Ipv4Net;
use jiff::Timestamp;
use planner::owner::{BENCHMARK_UID, INSTALLATION, KUBERNETES_CLUSTER, NAME, Tags};
use planner::ports::{
    Answer, Catalog, Compute, Datapoint, Group, GroupRequest, Identity, Image, ImageQuery, Instance, InstanceState,
    InstanceType, Interface, KnownRegion, LaunchRequest, ListPrice, Listener, ListenerRequest, LoadBalancer,
    LoadBalancerRequest, LoadBalancers, MetricQuery, Metrics, Minutes, Prices, Refused, Regions, RuleRequest,
    SecurityGroups, Selection, Subnet, SubnetsOf, Target, TargetGroup, TargetGroupAttributes, TargetGroupRequest,
};
use planner::{CloudError, Failure};
use serde::{Deserialize, Serialize};

use crate::stage::chaos::{Chaos, Departure};
use crate::stage::judge::{Judge, Rule};
use crate::stage::sight::Sight;

/// Whom the operators are for the cloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Credentials {
    #[default]
    Own,
    /// Credentials of an account in which nothing of ours is.
    OtherAccount,
    Expired,
}

/// The cloud of one process.
#[derive(Clone)]
pub(crate) struct Mortal {
    pub(crate) sim: SharedSim,
    pub(crate) chaos: Chaos,
    pub(crate) sight: Sight,
    pub(crate) credentials: Arc<Mutex<Credentials>>,
    pub(crate) lists_are_cut: Arc<AtomicBool>,
    pub(crate) judge: Judge,
    /// What a mutant does to answers.
    pub(crate) lie: Lie,
}

/// How a broken adapter answers. Only mutants lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lie {
    #[default]
    No,
    /// A list that was cut is passed on as a short one.
    TruncatedIsShort,
    /// Whose account it is, is not looked at.
    AnyAccount,
    /// Whoever is managed by us is ours.
    AnyOwner,
    /// Load balancers are ours, whoever's tags they carry.
    AnyBalancer,
    /// Queues and buckets are ours, whoever's tags they carry.
    AnyQueue,
    /// The installation's tag is not looked at.
    AnyInstallation,
    /// A termination that was refused is not asked for one by one.
    OneForAll,
    /// What was decided is sent, however late.
    LateSends,
}

impl Regions for Mortal {
    type Cloud = Self;

    fn region(&self, name: &str) -> Arc<Self> {
        Arc::new(Self { sim: SharedSim::clone(&self.sim.region(name)), ..self.clone() })
    }
}

impl Mortal {
    fn credentials(&self) -> Credentials {
        *self.credentials.lock().unwrap()
    }

    /// Another account has nothing of ours; without credentials nobody answers.
    pub(super) fn elsewhere<T>(&self, nothing: Answer<T>) -> Option<Answer<T>> {
        match self.credentials() {
            Credentials::Own => None,
            Credentials::OtherAccount => Some(nothing),
            Credentials::Expired => Some(Err(expired())),
        }
    }

    async fn listed(&self, of: &Selection) -> Answer<Vec<Instance>> {
        if let Some(answer) = self.elsewhere(Ok(Vec::new())) {
            return answer;
        }
        if self.lists_are_cut.load(Ordering::Relaxed) {
            return match self.lie {
                Lie::TruncatedIsShort => Ok(Vec::new()),
                _ => Err(CloudError::new(Failure::Unreachable, "Truncated", "the answer ended before its first item")),
            };
        }
        match (self.lie, of) {
            (Lie::AnyOwner, _) => {
                let mut all = self.sim.instances(of).await?;
                for instance in &mut all {
                    instance.tags.insert(BENCHMARK_UID.into(), "uid-1".into());
                    instance.tags.insert(KUBERNETES_CLUSTER.into(), "k8s-uid".into());
                }
                Ok(all)
            }
            (Lie::AnyInstallation, Selection::Installation(name)) => {
                let mut all = self.sim.instances(of).await?;
                for mut instance in self.sim.instances(&Selection::Installation("other".into())).await? {
                    instance.tags.insert(INSTALLATION.into(), name.clone());
                    all.push(instance);
                }
                // Of this very benchmark they would be noticed without the sweeper.
                all.retain(|one| {
                    one.tags.get(INSTALLATION) != Some(name)
                        || !one.tags.contains_key(NAME)
                        || one.token.is_some()
                        || one.tags[NAME] != "bench"
                });
                Ok(all)
            }
            (Lie::TruncatedIsShort, _) => match self.sim.instances(of).await {
                Err(error) if error.code == "Truncated" => {
                    let mut whole = self.sim.instances(of).await?;
                    whole.truncate(whole.len() / 2);
                    Ok(whole)
                }
                answer => answer,
            },
            _ => self.sim.instances(of).await,
        }
    }

    pub(super) async fn effect<T: Send>(
        &self,
        action: impl Into<cloudsim::Action>,
        effect: impl Future<Output = Answer<T>> + Send,
    ) -> Answer<T> {
        let call = async {
            match self.elsewhere(Err(CloudError::new(Failure::NotFound, "NotFound", "no such thing"))) {
                Some(answer) => answer,
                None => effect.await,
            }
        };
        let action = action.into();
        let depart = |seconds| {
            self.sim.lock().inject_next(action, Fault::LateExecution(seconds));
            Departure::WithTheCall
        };
        self.chaos.effect(action.name(), call, depart).await
    }

    /// Whoever works for a queue has finished before.
    fn ends(&self, ids: &[String]) {
        if !self.sight.is_deleted() {
            let now = self.sim.now();
            self.judge.ends(&self.sim.lock(), ids, now);
        }
    }

    /// While an object is paused nothing is made for it.
    pub(super) fn must_not_be_paused(&self, deed: &str) {
        if self.sight.is_paused() {
            self.judge.convict(Rule::PausedHolds, format!("{deed} for a paused object"));
        }
    }

    /// What is destroyed or paid for must have been looked for with success.
    pub(super) fn must_see(&self, what: &[&str], deed: &str) {
        if self.sight.failed(what) {
            self.judge.convict(Rule::NothingBlind, format!("{deed}, and {} was not seen", what.join(" or ")));
        }
    }
}

fn expired() -> CloudError {
    CloudError::new(Failure::CredentialsExpired, "ExpiredToken", "the security token is expired")
}

impl Compute for Mortal {
    async fn identity(&self) -> Answer<Identity> {
        if self.lie == Lie::AnyAccount {
            return self.sim.identity().await;
        }
        let other = Identity { account: "999999999999".into(), arn: "arn:aws:iam::999999999999:user/other".into() };
        let answer = match self.elsewhere(Ok(other)) {
            Some(answer) => answer,
            None => self.sim.identity().await,
        };
        let right = match self.credentials() {
            Credentials::OtherAccount => {
                Err(CloudError::new(Failure::Unauthorized, "OtherAccount", "not where it lives"))
            }
            _ => Ok(()),
        };
        drop(self.sight.note("account", right));
        self.sight.note("identity", answer)
    }

    async fn instances(&self, of: &Selection) -> Answer<Vec<Instance>> {
        let answer = self.listed(of).await;
        self.sight.note("instances", answer)
    }

    async fn launch(&self, launch: &LaunchRequest) -> Answer<Vec<Instance>> {
        let call = async {
            self.must_not_be_paused("instances are launched");
            self.must_see(&["identity", "account", "instances", "groups"], "instances are launched");
            let unfenced = LaunchRequest { not_after: Timestamp::MAX, ..launch.clone() };
            let launch = if self.lie == Lie::LateSends { &unfenced } else { launch };
            let answer = self.sim.launch(launch).await;
            // What the adapter itself refuses was never sent.
            if !answer.as_ref().is_err_and(|error| error.code == "TooLate") {
                self.judge.launch(launch, self.sim.now());
            }
            answer
        };
        self.effect(Action::RunInstances, call).await
    }

    async fn rehearse(&self, launch: &LaunchRequest) -> Answer<()> {
        self.must_not_be_paused("a launch is rehearsed");
        match self.elsewhere(Err(CloudError::new(Failure::NotFound, "NotFound", "no such thing"))) {
            Some(answer) => answer,
            None => {
                self.judge.rehearse(launch);
                self.judge.grows(&self.sim.lock(), launch, self.sight.is_deaf());
                self.sim.rehearse(launch).await
            }
        }
    }

    async fn terminate(&self, ids: &[String]) -> Answer<Vec<Refused>> {
        let call = async {
            self.must_see(&["account", "instances"], "instances are terminated");
            self.ends(ids);
            match self.lie {
                Lie::OneForAll => self.sim.terminate_together(ids).map(|()| Vec::new()),
                _ => self.sim.terminate(ids).await,
            }
        };
        self.effect(Action::TerminateInstances, call).await
    }

    async fn start(&self, ids: &[String]) -> Answer<()> {
        self.judge.starts(&self.sim.lock(), ids, self.sight.is_deaf());
        self.must_not_be_paused("an instance is started");
        self.must_see(&["account", "instances"], "an instance is started");
        self.effect(Action::StartInstances, self.sim.start(ids)).await
    }

    async fn stop(&self, ids: &[String]) -> Answer<()> {
        let call = async {
            self.must_see(&["account", "instances"], "an instance is stopped");
            self.ends(ids);
            self.sim.stop(ids).await
        };
        self.effect(Action::StopInstances, call).await
    }

    async fn console(&self, id: &str) -> Answer<Option<String>> {
        match self.elsewhere(Ok(None)) {
            Some(answer) => answer,
            None => self.sim.console(id).await,
        }
    }
}

impl SecurityGroups for Mortal {
    async fn groups(&self, with: &Tags) -> Answer<Vec<Group>> {
        let answer = match self.elsewhere(Ok(Vec::new())) {
            Some(answer) => answer,
            None => self.sim.groups(with).await,
        };
        self.sight.note("groups", answer)
    }

    async fn create_group(&self, group: &GroupRequest) -> Answer<String> {
        self.must_not_be_paused("a group is made");
        self.effect(Action::CreateSecurityGroup, self.sim.create_group(group)).await
    }

    async fn authorize_ingress(&self, group_id: &str, rule: &planner::ports::Rule) -> Answer<()> {
        self.effect(Action::AuthorizeSecurityGroupIngress, self.sim.authorize_ingress(group_id, rule)).await
    }

    async fn revoke_ingress(&self, group_id: &str, rule: &planner::ports::Rule) -> Answer<()> {
        let call = async {
            self.must_see(&["account", "instances", "groups"], "a rule is revoked");
            self.sim.revoke_ingress(group_id, rule).await
        };
        self.effect(Action::RevokeSecurityGroupIngress, call).await
    }

    async fn delete_group(&self, group_id: &str) -> Answer<()> {
        let call = async {
            self.must_see(&["account", "instances", "groups"], "a group is deleted");
            self.sim.delete_group(group_id).await
        };
        self.effect(Action::DeleteSecurityGroup, call).await
    }

    async fn groups_naming(&self, group_id: &str) -> Answer<Vec<Group>> {
        match self.elsewhere(Ok(Vec::new())) {
            Some(answer) => answer,
            None => self.sim.groups_naming(group_id).await,
        }
    }

    async fn interfaces(&self, group_id: &str) -> Answer<Vec<Interface>> {
        match self.elsewhere(Ok(Vec::new())) {
            Some(answer) => answer,
            None => self.sim.interfaces(group_id).await,
        }
    }
}

impl Catalog for Mortal {
    async fn subnets(&self, of: &SubnetsOf) -> Answer<Vec<Subnet>> {
        self.sim.subnets(of).await
    }

    async fn vpcs_of(&self, addresses: &[IpAddr]) -> Answer<Vec<(IpAddr, String)>> {
        self.sim.vpcs_of(addresses).await
    }

    async fn blocks(&self, vpc_id: &str) -> Answer<Vec<Ipv4Net>> {
        self.sim.blocks(vpc_id).await
    }

    async fn image(&self, image: &ImageQuery) -> Answer<Option<Image>> {
        self.sim.image(image).await
    }

    async fn instance_types(&self, names: &[String]) -> Answer<Vec<InstanceType>> {
        self.sim.instance_types(names).await
    }

    async fn offerings(&self, names: &[String]) -> Answer<Vec<(String, String)>> {
        self.sim.offerings(names).await
    }

    async fn regions(&self) -> Answer<Vec<KnownRegion>> {
        self.sim.regions().await
    }
}

/// What `elsewhere` answers to a read of something that another account does not have.
fn absent<T>() -> Answer<T> {
    Err(CloudError::new(Failure::NotFound, "NotFound", "no such thing"))
}

impl LoadBalancers for Mortal {
    async fn load_balancers(&self) -> Answer<Vec<LoadBalancer>> {
        let answer = match self.elsewhere(Ok(Vec::new())) {
            Some(answer) => answer,
            None => self.sim.load_balancers().await,
        };
        let answer = answer.map(|mut all| {
            if self.lie == Lie::AnyBalancer {
                for balancer in &mut all {
                    balancer.tags.insert(BENCHMARK_UID.into(), "uid-1".into());
                    balancer.tags.insert(KUBERNETES_CLUSTER.into(), "k8s-uid".into());
                    balancer.tags.insert(INSTALLATION.into(), "test".into());
                }
            }
            let owned = [(INSTALLATION, "test"), (KUBERNETES_CLUSTER, "k8s-uid"), (BENCHMARK_UID, "uid-1")];
            let is_ours = |one: &LoadBalancer| {
                owned.iter().all(|(key, value)| one.tags.get(*key).is_some_and(|found| found == value))
            };
            self.sight.shows_balancer(all.iter().any(is_ours));
            all
        });
        self.sight.note("load balancers", answer)
    }

    async fn target_groups(&self) -> Answer<Vec<TargetGroup>> {
        let answer = match self.elsewhere(Ok(Vec::new())) {
            Some(answer) => answer,
            None => self.sim.target_groups().await,
        };
        self.sight.note("target groups", answer)
    }

    async fn listeners(&self, arn: &str) -> Answer<Vec<Listener>> {
        match self.elsewhere(absent()) {
            Some(answer) => answer,
            None => self.sim.listeners(arn).await,
        }
    }

    async fn attributes(&self, arn: &str) -> Answer<TargetGroupAttributes> {
        match self.elsewhere(absent()) {
            Some(answer) => answer,
            None => self.sim.attributes(arn).await,
        }
    }

    async fn targets(&self, arn: &str) -> Answer<Vec<Target>> {
        match self.elsewhere(absent()) {
            Some(answer) => answer,
            None => self.sim.targets(arn).await,
        }
    }

    async fn create_load_balancer(&self, request: &LoadBalancerRequest) -> Answer<()> {
        self.must_not_be_paused("a load balancer is made");
        self.must_see(&["identity", "account", "load balancers"], "a load balancer is made");
        self.effect(elb::Action::CreateLoadBalancer, self.sim.create_load_balancer(request)).await
    }

    async fn create_target_group(&self, request: &TargetGroupRequest) -> Answer<()> {
        self.must_not_be_paused("a target group is made");
        self.must_see(&["identity", "account", "target groups"], "a target group is made");
        self.effect(elb::Action::CreateTargetGroup, self.sim.create_target_group(request)).await
    }

    async fn set_attributes(&self, arn: &str, to: &TargetGroupAttributes) -> Answer<()> {
        self.effect(elb::Action::ModifyTargetGroupAttributes, self.sim.set_attributes(arn, to)).await
    }

    async fn create_listener(&self, request: &ListenerRequest) -> Answer<()> {
        self.effect(elb::Action::CreateListener, self.sim.create_listener(request)).await
    }

    async fn create_rule(&self, request: &RuleRequest) -> Answer<()> {
        self.effect(elb::Action::CreateRule, self.sim.create_rule(request)).await
    }

    async fn delete_rule(&self, arn: &str) -> Answer<()> {
        self.effect(elb::Action::DeleteRule, self.sim.delete_rule(arn)).await
    }

    async fn register(&self, arn: &str, ids: &[String]) -> Answer<()> {
        let call = async {
            let live = self.sim.lock().truth().ec2.live_instances();
            let comes = |id: &String| live.iter().any(|one| one.id == *id && one.state == InstanceState::Pending);
            if ids.iter().any(comes) {
                self.judge.convict(Rule::OneOfEach, "an instance is registered that does not run yet");
            }
            self.sim.register(arn, ids).await
        };
        self.effect(elb::Action::RegisterTargets, call).await
    }

    async fn deregister(&self, arn: &str, ids: &[String]) -> Answer<()> {
        self.effect(elb::Action::DeregisterTargets, self.sim.deregister(arn, ids)).await
    }

    async fn delete_load_balancer(&self, arn: &str) -> Answer<()> {
        let call = async {
            self.must_see(&["account", "load balancers"], "a load balancer is deleted");
            self.sim.delete_load_balancer(arn).await
        };
        self.effect(elb::Action::DeleteLoadBalancer, call).await
    }

    async fn delete_target_group(&self, arn: &str) -> Answer<()> {
        let call = async {
            self.must_see(&["account", "load balancers", "target groups"], "a target group is deleted");
            // The load balancer that is shown may be another one, whose former group goes.
            if self.sight.has_balancer() && self.sight.is_deleted() {
                self.judge.convict(Rule::OneOfEach, "a target group is deleted before its load balancer");
            }
            self.sim.delete_target_group(arn).await
        };
        self.effect(elb::Action::DeleteTargetGroup, call).await
    }
}

impl Prices for Mortal {
    async fn price(&self, instance_type: &str) -> Answer<ListPrice> {
        self.sim.price(instance_type).await
    }
}

impl Metrics for Mortal {
    async fn metrics(&self, queries: &[MetricQuery], minutes: &Minutes) -> Answer<Vec<Vec<Datapoint>>> {
        match self.elsewhere(Ok(vec![Vec::new(); queries.len()])) {
            Some(answer) => answer,
            None => self.sim.metrics(queries, minutes).await,
        }
    }
}
