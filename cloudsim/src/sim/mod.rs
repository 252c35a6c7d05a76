//! One region of one account: the engine, the state of each service, and the passing of its time.

mod about;
mod audit;
mod call;

use std::sync::Arc;

use ipnet::AddrParseError;
use jiff::Timestamp;

use crate::actions::Action;
use crate::cloudwatch::{self, CloudWatch};
use crate::ec2::{self, Ec2, Network};
use crate::elb::{self, DataPath, Elb};
use crate::engine::Engine;
use crate::engine::agenda::{Agenda, Place};
use crate::engine::call::Calls;
use crate::engine::error::SimError;
use crate::engine::fault::Fault;
use crate::engine::network::NetworkFault;
use crate::iam::{Ask, Iam, Policy};
use crate::pricing::{self, PriceList};
use crate::s3::{self, S3};
use crate::settings::{CapacityPool, Settings};
use crate::sqs::{self, Sqs};
use crate::sts::{self, Sts};

pub use about::{About, Call};
pub use audit::Audit;

/// AWS in one region of one account.
///
/// Every call takes the time; the time never goes back. Nothing here sleeps, reads a clock, or does I/O.
pub struct Sim {
    settings: Settings,
    engine: Engine,
    calls: Calls<Action>,
    iam: Iam,
    /// Calls whose connection broke, and which take effect later.
    late: Agenda<LateCall>,
    states: States,
}

/// The state of each service.
pub struct States {
    pub ec2: ec2::State,
    pub elb: elb::State,
    pub cloudwatch: cloudwatch::State,
    pub pricing: pricing::State,
    pub s3: s3::State,
    pub sqs: sqs::State,
    pub sts: sts::State,
}

/// A call under way, with the name of its action.
struct LateCall {
    action: Action,
    call: CarryOut,
}

/// Carries a call out at its moment.
type CarryOut = Box<dyn FnOnce(&mut Sim, Timestamp) + Send>;

impl std::fmt::Debug for LateCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.action.name())
    }
}

/// The agenda on which something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Late,
    Ec2,
    Elb,
    Sqs,
}

impl Sim {
    /// A region as it is before anybody does anything.
    ///
    /// *Errors*: a network in `settings` that is not one.
    pub fn new(seed: u64, settings: Settings) -> Result<Self, AddrParseError> {
        let engine = Engine::new(seed, settings.account.clone());
        let ec2 = ec2::State::new(seed, &settings, engine.now())?;
        Ok(Self {
            settings,
            engine,
            calls: Calls::default(),
            iam: Iam::default(),
            late: Agenda::default(),
            states: States {
                ec2,
                elb: elb::State::new(seed),
                cloudwatch: cloudwatch::State::new(seed),
                pricing: pricing::State::default(),
                s3: s3::State::new(seed),
                sqs: sqs::State::new(seed),
                sts: sts::State::default(),
            },
        })
    }

    /// EC2 at this moment.
    pub fn ec2(&mut self, now: Timestamp) -> Ec2<'_> {
        self.advance(now);
        self.ec2_unmoved()
    }

    /// STS at this moment.
    pub fn sts(&mut self, now: Timestamp) -> Sts<'_> {
        self.advance(now);
        Sts::new(&self.settings, &self.states.ec2)
    }

    /// ELBv2 at this moment.
    pub fn elb(&mut self, now: Timestamp) -> Elb<'_> {
        self.advance(now);
        self.elb_unmoved()
    }

    /// CloudWatch at this moment.
    pub fn cloudwatch(&mut self, now: Timestamp) -> CloudWatch<'_> {
        self.advance(now);
        CloudWatch::new(&mut self.engine, &self.settings, &mut self.states.cloudwatch)
    }

    /// The Price List at this moment.
    pub fn price_list(&mut self, now: Timestamp) -> PriceList<'_> {
        self.advance(now);
        PriceList::new(&mut self.engine, &self.settings)
    }

    /// SQS at this moment.
    pub fn sqs(&mut self, now: Timestamp) -> Sqs<'_> {
        self.advance(now);
        self.sqs_unmoved()
    }

    /// S3 at this moment.
    pub fn s3(&mut self, now: Timestamp) -> S3<'_> {
        self.advance(now);
        self.s3_unmoved()
    }

    fn s3_unmoved(&mut self) -> S3<'_> {
        S3::new(&mut self.engine, &self.settings, &mut self.states.s3)
    }

    fn ec2_unmoved(&mut self) -> Ec2<'_> {
        Ec2::new(&mut self.engine, &self.settings, &mut self.states.ec2)
    }

    fn elb_unmoved(&mut self) -> Elb<'_> {
        Elb::new(&mut self.engine, &self.settings, &mut self.states.elb, &mut self.states.ec2)
    }

    fn sqs_unmoved(&mut self) -> Sqs<'_> {
        Sqs::new(&mut self.engine, &self.settings, &mut self.states.sqs)
    }

    /// Truth: what the nodes of load balancers do at this moment, for whoever runs them. Ask for its version first
    /// ([`elb::State::data_path_version`]): equal versions mean equal contents.
    pub fn data_path(&self) -> DataPath {
        self.states.elb.data_path(&self.states.ec2)
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes knobs while it runs; what is there stays. Region, networks and VPC are fixed at the start.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = Settings {
            region: self.settings.region.clone(),
            vpc_cidr: self.settings.vpc_cidr.clone(),
            public_cidr: self.settings.public_cidr.clone(),
            peers: self.settings.peers.clone(),
            default_vpc: self.settings.default_vpc,
            ..settings
        };
    }

    /// Draws everything to come from another seed; ids go on as they would have.
    pub fn reseed(&mut self, seed: u64) {
        self.engine.random.reseed(seed);
        self.states.ec2.reseed(seed);
        self.states.elb.reseed(seed);
        self.states.cloudwatch.reseed(seed);
        self.states.s3.reseed(seed);
        self.states.sqs.reseed(seed);
    }

    /// Limits a capacity pool, or (with `None`) lifts the limit.
    pub fn set_capacity(&mut self, instance_type: &str, zone: &str, count: Option<u32>) {
        self.settings.capacity.retain(|pool| !(pool.instance_type == instance_type && pool.zone == zone));
        self.settings.capacity.extend(count.map(|count| CapacityPool {
            instance_type: instance_type.into(),
            zone: zone.into(),
            count,
        }));
    }

    /// For tests that need another network: a NAT route, a subnet more, no image.
    pub fn network_mut(&mut self) -> &mut Network {
        self.states.ec2.network_mut()
    }

    /// The next call of this action meets this fault, the one after the next injected, and so on.
    pub fn inject_next(&mut self, action: impl Into<Action>, fault: Fault) {
        self.calls.inject_next(action.into(), fault);
    }

    /// The `nth` call of this action, counted from 1 since the beginning, meets this fault.
    pub fn inject_nth(&mut self, action: impl Into<Action>, nth: u64, fault: Fault) {
        self.calls.inject_nth(action.into(), nth, fault);
    }

    /// The call that comes next meets this fault, whatever its action, one with DryRun too; none: as it would have been.
    pub fn meet(&mut self, fault: Option<Fault>) {
        self.calls.meet(fault);
    }

    /// From now on every call of this action is refused like this (permission, expired credentials), until `None`.
    pub fn refuse(&mut self, action: impl Into<Action>, refusal: Option<SimError>) {
        self.calls.refuse(action.into(), refusal);
    }

    /// The next `count` instances are accepted and then terminate while pending.
    pub fn let_fail_at_boot(&mut self, count: u32) {
        self.states.ec2.let_fail_at_boot(count);
    }

    /// From now on [`crate::Principal::Operator`] may do what this policy says, and nothing else.
    pub fn attach(&mut self, policy: Arc<Policy>) {
        self.attach_all([policy]);
    }

    /// From now on [`crate::Principal::Operator`] may do what any of these policies allows and none denies.
    pub fn attach_all(&mut self, policies: impl IntoIterator<Item = Arc<Policy>>) {
        self.iam.attach(policies.into_iter().collect());
    }

    /// From now on instances with this role may do what any of these policies allows and none denies.
    pub fn attach_to_role(&mut self, role: impl Into<String>, policies: impl IntoIterator<Item = Arc<Policy>>) {
        self.iam.attach_to_role(role.into(), policies.into_iter().collect());
    }

    /// Keeps from now on the questions to IAM about the operator's calls.
    pub fn record_asks(&mut self) {
        self.iam.record_asks();
    }

    /// Truth: the questions about the operator's calls since [`Sim::record_asks`].
    pub fn recorded_asks(&self) -> &[Ask] {
        self.iam.recorded_asks()
    }

    /// The network's fault of the next call, before a service sees it or of its answer.
    pub fn network_fault(&mut self, now: Timestamp) -> Option<NetworkFault> {
        self.engine.network_fault(&self.settings.endpoint, now)
    }

    /// Draws how much of an answer of `length` bytes arrives when it does not arrive whole.
    pub fn cut(&mut self, length: usize) -> usize {
        self.engine.cut(length)
    }

    /// When something happens by itself next.
    pub fn next_event(&self) -> Option<Timestamp> {
        self.next_entry().map(|((at, _), _)| at)
    }

    fn next_entry(&self) -> Option<(Place, Whose)> {
        let late = self.late.first().map(|place| (place, Whose::Late));
        let ec2 = self.states.ec2.first_event().map(|place| (place, Whose::Ec2));
        let elb = self.states.elb.first_event().map(|place| (place, Whose::Elb));
        let sqs = self.states.sqs.first_event().map(|place| (place, Whose::Sqs));
        [late, ec2, elb, sqs].into_iter().flatten().min()
    }

    /// Lets time pass up to `now`.
    pub fn advance(&mut self, now: Timestamp) {
        // What calls did to instances since it was asked last happened then.
        self.elb_unmoved().follow_instances();
        if self.next_entry().is_none() {
            self.engine.pass_to(now);
        }
        self.ec2_unmoved().expect_manual_change();
        self.elb_unmoved().expect_accidents();
        self.sqs_unmoved().expect_manual_change();
        while let Some(((at, _), whose)) = self.next_entry()
            && at <= now
        {
            self.engine.pass_to(at);
            match whose {
                Whose::Ec2 => self.ec2_unmoved().happen_first(),
                Whose::Elb => self.elb_unmoved().happen_first(),
                Whose::Sqs => self.sqs_unmoved().happen_first(),
                Whose::Late => {
                    if let Some(late) = self.late.take_first() {
                        (late.call)(self, self.engine.now());
                    }
                }
            }
            self.elb_unmoved().follow_instances();
        }
        self.engine.pass_to(now);
    }
}
