//! ELBv2: its state, its actions, and what it does by itself.
//!
//! [`State`] is the truth of one region. [`Elb`] is ELBv2 at one moment, with the actions as methods: they answer as
//! ELBv2 would on a good day, with its error codes. It stands on EC2, whose subnets, groups and instances it uses.

mod about;
mod ask;
mod balancers;
mod data_path;
mod health;
mod listener;
mod listeners;
mod load_balancer;
mod manual_changes;
mod moment;
mod near_misses;
mod node;
mod nodes;
mod refusal;
mod rules;
mod state;
mod tags;
mod target;
mod target_group;
mod target_groups;
mod targets;
mod throttle;
mod validation;

pub use crate::actions::elb::Action;
pub use about::About;
pub use data_path::{BalancerPath, DataPath, GroupPath, ListenerPath, RulePath, TargetPath};
pub use listener::{CreateListener, CreateRule, DescribeListeners, DescribeRules, Listener, Rule, RuleAction};
pub use load_balancer::{CreateLoadBalancer, DescribeLoadBalancers, LoadBalancer, LoadBalancerKind, ZoneSubnet};
pub use node::Node;
pub use state::{Made, State};
pub use target::{Check, CheckFailure, Health, Registration, TargetHealth};
pub use target_group::{
    ALGORITHM, Attributes, CreateTargetGroup, DEREGISTRATION_DELAY, DescribeTargetGroups, TargetGroup,
    default_health_check,
};

pub(crate) use refusal::denied;
pub(crate) use throttle::costs;

use crate::ec2::{self, Ec2};
use crate::engine::Engine;
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::{Page, PageRequest, Query};
use crate::engine::random::Stream;
use crate::engine::span::Span;
use crate::engine::visibility::{Path, ReadView};
use crate::settings::Settings;
use state::Event;

/// ELBv2's bounds on PageSize.
const PAGE_SIZES: std::ops::RangeInclusive<usize> = 1..=400;

/// ELBv2 at one moment.
pub struct Elb<'a> {
    engine: &'a mut Engine,
    settings: &'a Settings,
    state: &'a mut State,
    ec2: &'a mut ec2::State,
}

impl<'a> Elb<'a> {
    pub(crate) fn new(
        engine: &'a mut Engine,
        settings: &'a Settings,
        state: &'a mut State,
        ec2: &'a mut ec2::State,
    ) -> Self {
        Self { engine, settings, state, ec2 }
    }

    /// EC2 at this moment.
    fn ec2(&mut self) -> Ec2<'_> {
        Ec2::new(self.engine, self.settings, self.ec2)
    }

    /// `event` happens so many milliseconds from now.
    fn after(&mut self, millis: u64, event: Event) {
        self.state.agenda.enter(self.engine, millis, event);
    }

    /// Makes happen what is first on the agenda.
    pub(crate) fn happen_first(&mut self) {
        match self.state.agenda.take_first() {
            Some(Event::Provisioned(arn)) => self.provisioned(&arn),
            Some(Event::InterfacesGone(arn)) => self.interfaces_gone(&arn),
            Some(Event::Check { target, number }) => self.check(&target, number),
            Some(Event::Drained { target, number }) => self.drained(&target, number),
            Some(Event::ManualChange) => self.change_by_hand(),
            Some(Event::Scale) => self.scale_any(),
            Some(Event::Flap) => self.flap_any(),
            None => (),
        }
    }

    /// Puts on the agenda what the knobs want to happen now and then.
    pub(crate) fn expect_accidents(&mut self) {
        self.expect_manual_change();
        self.expect_scaling();
        self.expect_flap();
    }

    /// A length of time of this span.
    fn draw(&mut self, span: Span, of: impl FnOnce(&mut state::Streams) -> &mut Stream) -> u64 {
        span.draw(of(&mut self.state.random))
    }

    fn draw_lag(&mut self) -> [u64; 3] {
        self.engine.draw_lag(self.settings.load_balancing.lag.unwrap_or(self.settings.lag))
    }

    fn read_view(&mut self, path: Path) -> ReadView {
        self.engine.read_view(path, self.settings.stale_reads)
    }

    /// Calls are made with credentials of another account: nothing of this one can be seen or touched.
    fn is_elsewhere(&self) -> bool {
        self.engine.is_elsewhere(&self.settings.account)
    }

    /// One page: of a list made by `make` and shuffled, or of one that was begun before. A list by ARNs or names is
    /// never cut.
    fn list<T: Clone + Send + 'static>(
        &mut self,
        page: &PageRequest,
        named: &[&[String]],
        make: impl FnOnce(&mut Self) -> Outcome<Vec<T>>,
    ) -> Outcome<Page<T>> {
        let query = Query { ids: named.concat(), filters: Vec::new(), page: page.clone() };
        // ELBv2 has one code for whatever a request has wrong (API reference, "Common errors").
        let continued = self.engine.continued(&query, PAGE_SIZES);
        let items = match continued.map_err(|error| SimError::new("ValidationError", error.message))? {
            Some(rest) => rest,
            None => {
                let whole = make(self)?;
                self.engine.shuffled(whole)
            }
        };
        Ok(self.engine.page(&query, items, self.settings.page_rules()))
    }
}
